"""Presentations of more steps than a byte counts: networks of frozen stages alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from nir_graphs import SAID, affine, chain, lif

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export.nir.front_end import nir_front_end, nir_network
from edge_naca.limits import MAX_STEPS
from edge_naca.network import Encoder, Network, Population
from edge_naca.specification.network import Specification

RNG = np.random.default_rng(0)
X = RNG.integers(0, 4, (30, 8))


@pytest.mark.parametrize(
    ("encoder", "steps"),
    [("direct", 255), ("rate", 256), ("latency", 300), ("direct", 300), ("direct", MAX_STEPS)],
)
def test_the_core_answers_as_the_specification(encoder: str, steps: int) -> None:
    x = X[: 3 if steps > 1000 else 8]
    options = replace(SAID, steps=steps, encoder=encoder, full_scale=4)
    network, _ = nir_network(chain((8,), affine(1, 6, 8), lif(tau=1.5)), x, options)
    content = image.encode(network)
    decoded, _ = image.decode(content)
    assert decoded.encoder == network.encoder
    core, runner = Core(content), Specification(network)
    for sample in x:
        told, wanted = core.infer(sample), runner.infer(sample)
        assert (told.prediction, told.margin) == (wanted.prediction, wanted.margin)
        assert (told.spikes, told.synops) == (wanted.spikes, wanted.synops)


def test_spikes_are_counted_beyond_a_byte() -> None:
    """A byte would see 44 of 300 spikes."""
    options = replace(SAID, steps=600, fires="reached")
    network, _ = nir_network(chain((8,), affine(1, 6, 8), lif(tau=1.5)), X[:8], options)
    core = Core(network)
    counts = [core.record(sample).spikes.sum(axis=0) for sample in X]
    assert max(count.max() for count in counts) > 255
    for sample, count in zip(X, counts, strict=True):
        answer = core.infer(sample).prediction
        assert count[answer] == count.max() if count.max() else answer == -1


def test_populations_take_no_more_than_a_byte_counts() -> None:
    with pytest.raises(ValueError, match=r"steps of a network with populations .*1 \.\. 255"):
        Network(8, Encoder("rate", 4, 256), (Population(4),))
    with pytest.raises(ValueError, match=r"steps must be in 1 \.\. 4095"):
        Encoder("rate", 4, MAX_STEPS + 1)


def test_a_front_end_of_so_many_steps_is_refused() -> None:
    options = replace(SAID, steps=300)
    with pytest.raises(ValueError, match="take fewer steps"):
        nir_front_end(chain((8,), affine(1, 6, 8), lif()), X[:8], options)
