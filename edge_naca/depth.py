"""More than one plastic hidden population in the competitive setting."""

from __future__ import annotations

from dataclasses import replace

from edge_naca import presets
from edge_naca.limits import MAX_UNITS, whole
from edge_naca.network import Network


def deepened(network: Network, neurons_per_class: int, heard: int = 3) -> Network:
    """Return a network with one more hidden population between the last one and the output.

    The last hidden population lets its `heard` nearest neurons spike instead of one, and the new
    one learns which of them spike together, expectation-gated as the others. All learn from the
    first sample on, each from what reaches it.

    Parameters
    ----------
    network : of `presets.competitive`, or one that was deepened before; untaught.
    neurons_per_class : of the new population.
    heard : spikes that it hears of each sample.

    Raises
    ------
    ValueError
        If the network is another one, or too many neurons would be there, or too few to be heard.
    """
    *hidden, output = network.populations
    last = hidden[-1] if hidden else output
    if not hidden or last.rule is None or last.rule.post != "winner":
        raise ValueError("only networks of presets.competitive can be deepened")
    heard = whole("heard", heard, 1, last.neurons)
    count = network.capacity * whole("neurons_per_class", neurons_per_class, 1, MAX_UNITS)
    whole("capacity · neurons_per_class", count, 1, MAX_UNITS)
    alike = presets.competitive(
        last.neurons, network.capacity, neurons_per_class, bits=1, norm=heard**0.5, drift=0.0
    ).populations[0]
    new = replace(alike, fire_from=last.fire_from)  # nothing arrives before
    before = (*hidden[:-1], replace(last, winners=heard))
    return replace(network, populations=(*before, new, output))
