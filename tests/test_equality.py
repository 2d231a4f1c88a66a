"""The numpy specification and the C core agree on every spike, potential, weight and counter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import networks, random_sample, random_state

from edge_naca import image
from edge_naca.core import Core
from edge_naca.network import Network
from edge_naca.specification.network import Specification

RANDOM = given(network=networks(), seed=st.integers(0, 2**32 - 1), as_new=st.booleans())


@settings(max_examples=150)
@RANDOM
def test_random_networks(network: Network, seed: int, as_new: bool) -> None:
    check(network, seed, as_new)


@pytest.mark.slow
@settings(max_examples=1500)
@RANDOM
def test_many_random_networks(network: Network, seed: int, as_new: bool) -> None:
    check(network, seed, as_new)


def check(network: Network, seed: int, as_new: bool) -> None:
    rng = np.random.default_rng(seed)
    state = None if as_new else random_state(network, rng)
    core = Core(image.encode(network, state))
    specification = Specification(network, state)
    assert core.state_hash() == specification.state_hash()
    for _ in range(6):
        sample, kind = random_sample(network, rng)
        seen = core.record(sample, kind)
        told = specification.record(sample, kind)
        assert seen.result == told.result
        assert_array_equal(seen.input_spikes, told.input_spikes)
        if kind != "events":
            features = core.features_many(np.asarray(sample)[None], kind)[0]
            assert_array_equal(features, specification.features(sample, kind))
        assert_array_equal(seen.spikes, told.spikes)
        assert_array_equal(seen.potentials, told.potentials)
        assert_array_equal(seen.thresholds, told.thresholds)
        label = int(rng.integers(network.capacity))
        assert core.learn(sample, label, kind) == specification.learn(sample, label, kind)
        assert core.state() == specification.state()
