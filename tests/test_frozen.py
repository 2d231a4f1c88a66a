"""Cores that only infer, and leave their learned state in the image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import networks, random_sample, random_state

from edge_naca import image
from edge_naca._core import ffi, lib
from edge_naca.core import Core, CoreError
from edge_naca.network import Network
from edge_naca.presets import competitive

GUARD = 0xA5


def freeze(core: Core) -> np.ndarray:
    """Have a core go on in memory of its own, its learned state left in the image."""
    size = core.frozen_size
    assert size is not None
    memory = np.full(size // 8 + 2, int.from_bytes(bytes([GUARD] * 8), "little"), np.uint64)
    made = ffi.new("naca_t **")
    status = lib.naca_init_frozen(core._image, ffi.cast("void *", memory.ctypes.data), size, made)
    assert status == lib.NACA_OK
    core._core = made[0]
    return memory


@settings(max_examples=60)
@given(network=networks(), seed=st.integers(0, 2**32 - 1))
def test_they_answer_as_others_do(network: Network, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = image.encode(network, random_state(network, rng))
    other, core = Core(data), Core(data)
    memory = freeze(core)
    assert core.state_hash() == other.state_hash()
    for _ in range(3):
        sample, kind = random_sample(network, rng)
        assert core.infer(sample, kind) == other.infer(sample, kind)
        ours, theirs = core.record(sample, kind), other.record(sample, kind)
        for name in ("spikes", "potentials", "thresholds"):
            assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert core.image() == other.image() == Core(data).image()
    assert bytes(core._image_bytes) == data
    assert (memory[-1:].view(np.uint8) == GUARD).all()


def test_nothing_changes_them() -> None:
    core = Core(competitive(5, 3, 2))
    core.learn([1, 2, 3, 0, 0], 1, "codes")
    core = Core(core.image())
    saved, learned = core.save_state(), core.state_hash()
    freeze(core)
    for change in (
        lambda: core.learn([1, 2, 3, 0, 0], 1, "codes"),
        lambda: core.forget(1),
        lambda: core.load_state(saved),
    ):
        with pytest.raises(CoreError, match="only infers"):
            change()
    assert core.state_hash() == learned
    assert core.frozen_size is not None
    assert core.frozen_size <= core.workspace_size - len(saved) + lib.NACA_STATE_HEADER + 8


def test_what_has_no_learned_state_cannot_be_frozen() -> None:
    core = Core(image.encode(competitive(5, 3, 2)))
    assert core.frozen_size is None
    memory, made = ffi.new("uint64_t[4096]"), ffi.new("naca_t **")
    assert lib.naca_init_frozen(core._image, memory, 32768, made) == lib.NACA_ERR_STATE
