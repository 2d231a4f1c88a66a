"""ONNX models agree with the C core on every spike, potential, threshold, weight and count."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from onnx_running import recorded, result_of, result_of_core, run, sample_for, session
from strategies import networks, random_sample, random_state

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export import initial_state, state_from, to_onnx
from edge_naca.network import Network


@settings(max_examples=150)
@given(network=networks(), seed=st.integers(0, 2**32 - 1), as_new=st.booleans())
def test_random_networks(network: Network, seed: int, as_new: bool) -> None:
    rng = np.random.default_rng(seed)
    core = Core(image.encode(network, None if as_new else random_state(network, rng)))
    x, kind = random_sample(network, rng)
    sample, input_type = sample_for(network, x, kind)

    inference = session(to_onnx(core, input_type=input_type, record=True))
    shown = core.record(x, kind)
    given = run(inference, sample=sample)
    assert result_of(given) == result_of_core(shown.result)
    assert_array_equal(given["input.spikes"], shown.input_spikes)
    for what in ("spikes", "potentials", "thresholds"):
        assert_array_equal(recorded(network, given, what), getattr(shown, what))
    assert_array_equal(given["counts"], shown.spikes[:, -network.capacity :].sum(axis=0))

    model = to_onnx(core, input_type=input_type, learning=True)
    learning, state = session(model), initial_state(model)
    for _ in range(4):
        label = int(rng.integers(network.capacity))
        told = core.learn(x, label, kind)
        given = run(learning, sample=sample, label=np.array(label, np.int32), **state)
        assert (*result_of(given), int(given["changes"])) == (*result_of_core(told), told.changes)
        state = {name: given[f"{name}.next"] for name in state}
        assert state_from(model, state) == core.state()
        for _ in range(20):
            x, kind = random_sample(network, rng)
            if sample_for(network, x, kind)[1] == input_type:
                break
        else:
            break
        sample, _ = sample_for(network, x, kind)
