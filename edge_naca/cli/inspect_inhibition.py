"""What ``edge-naca inspect`` says of a decorrelating inhibition."""

from __future__ import annotations

from typing import Any

from edge_naca.cli import report
from edge_naca.image import State, decorrelation_size
from edge_naca.network import Network


def inhibition_of(network: Network, state: State) -> dict[str, Any] | None:
    """Return what an inhibition is, for a script; None where there is none."""
    from edge_naca.decorrelation import bytes_of_v, is_in_use, residual, shrinkage

    inhibition, learned = network.inhibition, state.inhibition
    if inhibition is None:
        return None
    size = bytes_of_v(inhibition)
    content = {
        "learned": inhibition.is_learned,
        "inputs": inhibition.inputs,
        "outputs": inhibition.outputs,
        "code_bits": inhibition.code_bits,
        "v_bytes": size,
        "learning_bytes": decorrelation_size(network) - size if inhibition.is_learned else 0,
        "in_use": is_in_use(inhibition, learned),
    }
    if learned is None:
        return content
    return content | {
        "shrinkage": shrinkage(inhibition),
        "first": inhibition.first,
        "every": inhibition.every,
        "residuals": learned.count,
        "residual_rms": residual(inhibition, learned),
    }


# ---- how to say it -------------------------------------------------------------------------------


def inhibition_facts(facts: dict[str, Any] | None) -> dict[str, str]:
    """Return the rows of the table of facts that are about an inhibition."""
    if facts is None:
        return {}
    codes = f"{facts['inputs']} codes of {facts['code_bits']} bits and a sign"
    if not facts["learned"]:
        if facts["outputs"] < facts["inputs"]:
            codes += f", of which {facts['outputs']} numbers are left"
        return {"inhibition": f"given, over {codes}; V takes {facts['v_bytes']} bytes of the image"}
    use = "in use" if facts["in_use"] else f"in use from {facts['first']} samples on"
    renewed = f"every {facts['every']} samples" if facts["every"] else "at each doubling"
    memory = f"{facts['v_bytes']} bytes of the learned state, learning it {facts['learning_bytes']}"
    return {
        "inhibition": f"learned on the device, over {codes}; V takes {memory}",
        "V": f"{use}, renewed {renewed}; {facts['residuals']} residuals learned, "
        f"{facts['residual_rms']:.1f} codes large; shrinkage "
        f"{report.percent(facts['shrinkage'])}",
    }
