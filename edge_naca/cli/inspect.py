"""``edge-naca inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from edge_naca.cli import common, completion, provenance, report
from edge_naca.files import read_file

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.image import Learned
    from edge_naca.network import Network, Population, Preparation
    from edge_naca.states import Snapshot


@click.command()
@common.image_argument
@click.option(
    "--board", metavar="NAME", shell_complete=completion.boards,
    help="Whether it fits this board, and what a sample costs there: a name of `edge-naca boards`, "
    "or a file of your own (docs/boards.md). `list` compares all boards, `list:WORD` some.",
)  # fmt: skip
@click.option(
    "--data", metavar="DATA",
    help="With --board: reckon with the spikes of these samples, read as `train` reads them.",
)  # fmt: skip
@click.option(
    "--measure", is_flag=True,
    help="With --board and --data: count in an emulator of the board's core instead of estimating "
    "(needs a clone of the repository and `make board-tools`).",
)  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw what it knows.")
@common.reading_options
@common.json_option
def inspect(
    image: Path,
    board: str | None,
    data: str | None,
    measure: bool,
    plot: Path | None,
    reading: common.Reading,
    as_json: bool,
) -> None:
    """Show what is in an image: the network, its rules, what it learned, what memory it needs.

    Flash is the image itself, to be kept readable. RAM is the workspace that the core asks for,
    the same number of bytes on every machine, with the learned state in it.

    With --board, before anything is flashed: flash and RAM with the firmware's own, and by how much
    they do not suffice; instructions, time and energy of inferring and of learning a sample. Those
    are estimates, and what they rest on is said; what nobody knows of a board is called unknown.
    Without --data the network's own neurons are taken as samples, or random codes where there are
    none, or frozen stages before them.

    \b
    Examples
      edge-naca inspect mnist.naca
      edge-naca inspect mnist.naca --json | jq .ram_bytes
      edge-naca inspect mnist.naca --plot mnist.png
      edge-naca inspect mnist.naca --board nucleo-f411re
      edge-naca inspect mnist.naca --board raspberry-pi-pico --data mnist
      edge-naca inspect mnist.naca --board netduinoplus2 --data mnist --measure
      edge-naca inspect mnist.naca --board ./my_board.json
      edge-naca inspect mnist.naca --board list:nrf52
    """
    from edge_naca.cli import boards, cost
    from edge_naca.export import load_image
    from edge_naca.states import snapshot

    _check_usage(board, data, measure, reading)
    if plot is not None:
        common.check_figure(plot)
    listed = None if board is None else boards.listed(board)
    core = load_image(image)
    facts = _report(image, core)
    costs, compared = None, []
    if board is not None:
        samples = None if data is None else cost.read_samples(core, data, reading)
        if listed is None:
            costs = cost.board_report(core, board, samples, measure)
            facts["board"] = costs.to_json()
        else:
            compared = cost.board_reports(core, listed, samples)
            facts["boards"] = [one.to_json() for one in compared]
    if plot is not None:
        from edge_naca.plots.states import knowledge

        known = snapshot(core, str(image))
        title = f"{image.name}: {facts['topology']}, {facts['learned_samples']} samples learned"
        figure = knowledge(title, known, common.class_names(core))
        common.write_figure(plot, figure, as_json)
    if as_json:
        report.print_json(facts)
        return
    if compared:
        cost.print_comparison(compared)
        return
    _print(facts)
    if costs is not None:
        cost.print_report(costs)


def _check_usage(
    board: str | None, data: str | None, measure: bool, reading: common.Reading
) -> None:
    from edge_naca.cli import boards

    if board is None and (data is not None or measure):
        raise click.UsageError("--data and --measure go with --board")
    if data is None and reading.options:
        raise click.UsageError(f"{', '.join(reading.options)} go with --data")
    if measure and board is not None and boards.is_list(board):
        raise click.UsageError("--measure counts on one board: name it")
    if measure and data is None:
        raise click.UsageError("--measure needs samples to run: give --data as well")


# ---- what to say -------------------------------------------------------------------------------


def _report(path: Path, core: Core) -> dict[str, Any]:
    from edge_naca.cli.inspect_inhibition import inhibition_of
    from edge_naca.cli.inspect_stages import stages_of
    from edge_naca.image import read_sections
    from edge_naca.states import snapshot

    network, data = core.network, read_file(path)
    known = snapshot(core, str(path))
    state = known.state
    encoder = network.encoder
    return {
        "image": str(path),
        "topology": network.topology,
        "preparation": None if network.preparation is None else _preparation(network.preparation),
        "signal": _signal(network),
        "inhibition": inhibition_of(network, state),
        "encoder": {
            "kind": encoder.kind,
            "bits": encoder.bits,
            "steps": encoder.steps,
            "signed": encoder.is_signed,
        },
        "stages": stages_of(network),
        "populations": [
            _population(population, learned)
            for population, learned in zip(network.populations, state.populations, strict=True)
        ],
        "seed": network.seed,
        "capacity": network.capacity,
        "classes": _classes(core, known),
        "learned_samples": state.learned,
        "flash_bytes": len(data),
        "ram_bytes": core.workspace_size,
        "state_bytes": len(core.state()),
        "state_hash": f"{core.state_hash():08x}",
        "network_id": f"{core.network_id:08x}",
        "sections": {name: len(content) for name, content in read_sections(data).items()},
        "training": provenance.trainings(network),
        "prepared": network.metadata.get("prepared"),
        "frozen": network.metadata.get("frozen"),
    }


def _signal(network: Network) -> dict[str, Any] | None:
    from edge_naca.signal_core import SignalCore

    signal = network.signal
    if signal is None:
        return None
    return {
        "channels": signal.channels,
        "real": signal.affine is not None,
        "rate": signal.rate,
        "window": signal.window,
        "hop": signal.hop,
        "magnitudes": [list(axes) for axes in signal.magnitudes],
        "blocks": [list(names) for names in signal.blocks],
        "features": signal.features,
        "decides": [signal.quorum, signal.votes, signal.rest] if signal.votes else None,
        "ram_bytes": SignalCore(network).memory_size,
    }


def _preparation(preparation: Preparation) -> dict[str, Any]:
    return {
        "shape": list(preparation.shape),
        "spatial": preparation.spatial,
        "cell": preparation.cell,
        "signed": preparation.signed,
        "keeps_sign": preparation.keeps_sign,
        "log": preparation.log,
        "norm": preparation.norm,
        "outputs": preparation.outputs,
        "real": preparation.affine is not None,
    }


def _population(population: Population, learned: Learned) -> dict[str, Any]:
    rule, weights = population.rule, learned.weights
    if learned.wins is not None:
        weights = weights[learned.wins > 0]
    return {
        "neurons": population.neurons,
        "inputs": learned.weights.shape[1],
        "recruited": None if learned.wins is None else len(weights),
        "weight_bits": population.weight_bits,
        "decay": population.decay / 256,
        "threshold": population.threshold,
        "norm_shift": population.norm_shift,
        "reset": population.reset,
        "refractory": population.refractory,
        "winners": population.winners,
        "rule": None
        if rule is None
        else {"post": rule.post, "signal": rule.signal, "pre": rule.pre},
        "priors": None
        if rule is None or not rule.has_priors
        else {"share": rule.share / 256, "rarity": rule.rarity / 256},
        "context": None
        if rule is None or learned.context is None
        else {"drift": rule.drift / 256, "recruited": bool(learned.context.offset.any())},
        "unknown": None if rule is None or not rule.unknown else rule.unknown / 4096,
        "weights": None
        if not weights.size
        else {
            "least": int(weights.min()),
            "mean": float(weights.mean()),
            "most": int(weights.max()),
            "zero": float((weights == 0).mean()),
        },
    }


def _classes(core: Core, known: Snapshot) -> list[dict[str, Any]]:
    from edge_naca.compare import recruited

    return [
        {
            "name": name,
            "samples": int(known.state.seen[label]),
            "recruited": recruited(known, label),
        }
        for label, name in enumerate(common.class_names(core))
    ]


# ---- how to say it -----------------------------------------------------------------------------


def _print(facts: dict[str, Any]) -> None:
    from edge_naca.cli.inspect_inhibition import inhibition_facts
    from edge_naca.cli.inspect_stages import stage_table

    encoder, preparation = facts["encoder"], facts["preparation"]
    rows = {
        "topology": facts["topology"],
        **({} if facts["signal"] is None else {"signal": _of_signal(facts["signal"])}),
        "samples": "codes or events" if preparation is None else _describe(preparation),
        **inhibition_facts(facts["inhibition"]),
        "encoder": _encoder(encoder),
        "classes": f"{len(facts['classes'])} of {facts['capacity']}",
        "samples learned": f"{facts['learned_samples']}",
        "flash": f"{facts['flash_bytes']} bytes (the image)",
        "RAM": f"{facts['ram_bytes']} bytes (the workspace)",
        "learned state": f"{facts['state_bytes']} bytes of the RAM",
        "state hash": facts["state_hash"],
        "network id": facts["network_id"],
        "sections": ", ".join(f"{name} {size}" for name, size in facts["sections"].items()),
    }
    grid = Table.grid(padding=(0, 2))
    for name, text in rows.items():
        grid.add_row(name, text)
    report.out.print(grid)
    if facts["stages"]:
        report.out.print(stage_table(facts["stages"]))
    if not facts["populations"]:
        report.say("No populations: the last stage answers, and nothing learns.")
        if facts["classes"]:
            report.say(f"classes: {', '.join(entry['name'] for entry in facts['classes'])}")
        _print_training(facts)
        return
    report.out.print(_population_table(facts["populations"]))
    if facts["classes"]:
        table = Table("class", title="Learned", title_justify="left")
        table.add_column("samples", justify="right")
        table.add_column("neurons recruited", justify="right")
        for entry in facts["classes"]:
            table.add_row(
                entry["name"],
                str(entry["samples"]),
                "–" if entry["recruited"] is None else str(entry["recruited"]),
            )
        report.out.print(table)
    _print_training(facts)


def _print_training(facts: dict[str, Any]) -> None:
    prepared = facts["prepared"]
    if isinstance(prepared, dict):
        report.say(f"made by: {prepared.get('command', 'somebody')}")
    for run in facts["training"]:
        report.say(f"taught by: {run.get('command', 'somebody')}")
    frozen = facts["frozen"]
    if isinstance(frozen, dict):
        report.say(
            f"{frozen.get('what', 'something')} frozen after {frozen.get('learned', '?')} learned "
            f"samples by: {frozen.get('command', 'somebody')}"
        )


def _of_signal(signal: dict[str, Any]) -> str:
    kind = "real numbers" if signal["real"] else "int16"
    seconds = signal["window"] / signal["rate"]
    return (
        f"{signal['channels']} channels of {kind} at {signal['rate']:g} Hz, windows of "
        f"{signal['window']} samples ({seconds:g} s) every {signal['hop']}: "
        f"{signal['features']} features, in {signal['ram_bytes']} bytes of RAM"
    )


def _encoder(encoder: dict[str, Any]) -> str:
    sign = " and a sign" if encoder["signed"] else ""
    return f"{encoder['kind']}, {encoder['bits']} bits{sign} in {encoder['steps']} steps"


def _describe(preparation: dict[str, Any]) -> str:
    height, width, channels = preparation["shape"]
    numbers = "real numbers" if preparation["real"] else "numbers"
    if height == 1 and channels == 1:
        parts = [f"{width} {numbers}"]
    else:
        parts = [f"{height} × {width} × {channels} {numbers}"]
    if preparation["spatial"] == "edges" or preparation["cell"] > 1:
        parts.append(f"{preparation['spatial']} in cells of {preparation['cell']}")
    parts += [name for name in ("log", "signed") if preparation[name]]
    if preparation["keeps_sign"]:
        parts.append("with their sign")
    if preparation["norm"]:
        parts.append(f"norm {preparation['norm']}")
    return f"{', '.join(parts)}: {preparation['outputs']} codes"


def _population_table(populations: list[dict[str, Any]]) -> Table:
    table = Table("population", title="Populations", title_justify="left")
    for number, entry in enumerate(populations):
        heading = "output" if entry is populations[-1] else f"{number}"
        table.add_column(heading, justify="right")
    rows = {
        "neurons": lambda e: f"{e['neurons']}",
        "recruited": lambda e: "–" if e["recruited"] is None else f"{e['recruited']}",
        "weight bits": lambda e: f"{e['weight_bits']}",
        "leak a step": lambda e: f"× {e['decay']:g}",
        "threshold": _threshold,
        "spikes at most": lambda e: f"{e['winners']} a step" if e["winners"] else "any number",
        "reset": lambda e: e["reset"],
        "rule": lambda e: " · ".join(e["rule"].values()) if e["rule"] else "none",
        "priors": lambda e: _priors(e["priors"]),
        "second context": lambda e: _context(e["context"]),
        "answers none": lambda e: _unknown(e["unknown"]),
        "weights": lambda e: _weights(e["weights"]),
    }
    for name, show in rows.items():
        table.add_row(name, *map(show, populations))
    return table


def _threshold(entry: dict[str, Any]) -> str:
    constant, shift = entry["threshold"], entry["norm_shift"]
    return f"{constant}" if shift is None else f"|w|² / {1 << shift} {constant:+d}"


def _priors(priors: dict[str, float] | None) -> str:
    if priors is None:
        return "none"
    return f"share {priors['share']:.2f}, rarity {priors['rarity']:.2f}"


def _context(context: dict[str, Any] | None) -> str:
    if context is None:
        return "none"
    there = "recruited" if context["recruited"] else "not recruited"
    return f"{there}, drift {context['drift']:.2f}"


def _unknown(limit: float | None) -> str:
    return "never" if limit is None else f"above a novelty of {limit:.3f}"


def _weights(weights: dict[str, Any] | None) -> str:
    if weights is None:
        return "none yet"
    return (
        f"{weights['least']} .. {weights['most']}, mean {weights['mean']:.1f}, "
        f"{weights['zero']:.0%} zero"
    )
