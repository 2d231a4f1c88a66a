"""What ``edge-naca inspect`` says of frozen stages."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.table import Table

from edge_naca.network import Network
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool, Stage


def stages_of(network: Network) -> list[dict[str, Any]]:
    """Return what each stage is, for a script."""
    return [_stage(stage) for stage in network.stages]


def _stage(stage: Stage) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": _kind(stage),
        "input": list(stage.shape),
        "output": list(stage.output_shape),
        "kernel": list(stage.kernel),
        "stride": list(stage.stride),
        "padding": list(stage.padding),
        "dilation": list(stage.dilation),
    }
    if isinstance(stage, (CodedConvolution, SpikingConvolution)):
        weights = stage.weights
        facts["groups"] = stage.groups
        facts["weights"] = {
            "count": int(weights.size),
            "least": int(weights.min()),
            "mean": float(weights.mean()),
            "most": int(weights.max()),
            "zero": float((weights == 0).mean()),
        }
        facts["bias"] = _range(stage.bias)
    if isinstance(stage, (CodedConvolution, CodedPool)):
        facts["code_bits"], facts["bits"] = stage.code_bits, stage.bits
        facts["shift"] = _range(np.asarray(stage.shift))
    if isinstance(stage, CodedPool):
        facts["gain"] = stage.gain
    if isinstance(stage, SpikingConvolution):
        synapse = stage.synapse_decay
        facts |= {
            "threshold": _range(stage.threshold),
            "decay": _range(stage.decay / 256),
            "synapse_decay": None if synapse is None else _range(synapse / 256),
            "current_shift": stage.current_shift,
            "reset": stage.reset,
            "reset_by": _range(stage.reset_by),
            "refractory": stage.refractory,
            "readout": stage.readout,
            "own": stage.own,
        }
    return facts


def _kind(stage: Stage) -> str:
    if isinstance(stage, CodedPool):
        return f"coded {stage.pool} pool"
    if isinstance(stage, SpikingPool):
        return "spiking pool"
    family = "coded" if isinstance(stage, CodedConvolution) else "spiking"
    is_dense = stage.output == (1, 1) and stage.kernel == stage.shape[:2] and stage.groups == 1
    return f"{family} {'dense layer' if is_dense else 'convolution'}"


def _range(numbers: Any) -> list[Any]:
    """Return the least and the greatest of a parameter."""
    return [numbers.min().item(), numbers.max().item()]


# ---- how to say it -------------------------------------------------------------------------------


def stage_table(stages: list[dict[str, Any]]) -> Table:
    """Return a table with a row for each stage."""
    table = Table("stage", title="Frozen stages", title_justify="left")
    for heading in ("what", "in → out", "kernel", "weights", "arithmetic"):
        table.add_column(heading, overflow="fold")
    for number, entry in enumerate(stages):
        table.add_row(
            f"{number}",
            entry["kind"],
            f"{_times(entry['input'])} → {_times(entry['output'])}",
            _kernel(entry),
            _weights(entry.get("weights")),
            ", ".join(_coded(entry) if "bits" in entry else _spiking(entry)) or "–",
        )
    return table


def _times(sizes: list[int]) -> str:
    return "×".join(map(str, sizes))


def _pair(sizes: list[int]) -> str:
    return str(sizes[0]) if sizes[0] == sizes[1] else _times(sizes)


def _kernel(entry: dict[str, Any]) -> str:
    parts = [_times(entry["kernel"])]
    for name, usual in (("stride", [1, 1]), ("padding", [0, 0]), ("dilation", [1, 1])):
        if entry[name] != usual:
            parts.append(f"{name} {_pair(entry[name])}")
    if entry.get("groups", 1) > 1:
        parts.append(f"{entry['groups']} groups")
    return ", ".join(parts)


def _weights(weights: dict[str, Any] | None) -> str:
    if weights is None:
        return "–"
    text = f"{weights['count']}: {_between([weights['least'], weights['most']])}"
    return f"{text}, {weights['zero']:.0%} zero" if weights["zero"] else text


def _between(numbers: list[Any]) -> str:
    least, most = numbers
    words = [f"{value:.3g}" if isinstance(value, float) else f"{value}" for value in numbers]
    return words[0] if least == most else " .. ".join(words)


def _coded(entry: dict[str, Any]) -> list[str]:
    parts = [f"{entry['code_bits']} → {entry['bits']} bits"]
    if entry.get("gain", 1) != 1:
        parts.append(f"gain {entry['gain']}")
    if entry["shift"] != [0, 0]:
        parts.append(f"shift {_between(entry['shift'])}")
    if entry.get("bias", [0, 0]) != [0, 0]:
        parts.append(f"bias {_between(entry['bias'])}")
    return parts


def _spiking(entry: dict[str, Any]) -> list[str]:
    if "threshold" not in entry:
        return []
    if entry["readout"]:
        parts = ["readout: the greatest potential answers"]
    else:
        parts = [f"threshold {_between(entry['threshold'])}", f"reset {entry['reset']}"]
        if entry["reset_by"] != [0, 0] and entry["reset_by"] != entry["threshold"]:
            parts[-1] += f" {_between(entry['reset_by'])}"
    parts.append(f"leak × {_between(entry['decay'])}")
    if entry["synapse_decay"] is not None:
        parts.append(f"synapse × {_between(entry['synapse_decay'])}")
    if entry["current_shift"]:
        parts.append(f"current × {1 << entry['current_shift']}")
    if entry["refractory"]:
        parts.append(f"refractory {entry['refractory']} steps")
    if entry["bias"] != [0, 0]:
        parts.append(f"bias {_between(entry['bias'])}")
    if entry["own"]:
        parts.append("each neuron its own")
    return parts
