"""The progress function: long work calls it between bounded pieces, and it changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from direct import Image, Runner
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks
from wire import Wire, samples

from edge_naca import _core, _device, image
from edge_naca.network import Network

BLOCK = 16  # neurons whose weights lie side by side


def learn_some(runner: Runner, network: Network, seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(2):
        codes = random.integers(0, 2**network.code_bits, network.inputs, np.uint8)
        status = runner.learn((_core.lib.NACA_CODES, len(codes), codes.tobytes()), 0)
        assert status == "NACA_OK"


@given(networks(), st.integers(0, 2**32 - 1))
def test_it_is_called_at_every_step_and_block_and_changes_nothing(
    network: Network, seed: int
) -> None:
    encoded = image.encode(network)
    quiet, heard = Runner(Image(encoded)), Runner(Image(encoded))
    user = _core.ffi.new_handle(heard)
    calls: list[Any] = []
    progress = _core.ffi.callback("void(void *)", calls.append)
    assert _core.lib.naca_set_progress(heard.core, progress, user) == _core.lib.NACA_OK
    learn_some(heard, network, seed)
    learn_some(quiet, network, seed)
    assert heard.hash() == quiet.hash()
    blocks = sum(-(-population.neurons // BLOCK) for population in network.populations)
    assert len(calls) >= 2 * network.encoder.steps * (1 + blocks)
    assert set(calls) == {user}
    # Null again: nobody is called.
    none = _core.ffi.cast("naca_progress_t", 0)
    assert _core.lib.naca_set_progress(heard.core, none, user) == _core.lib.NACA_OK
    del calls[:]
    learn_some(heard, network, seed)
    assert calls == []


def test_without_a_network_it_is_refused() -> None:
    none = _core.ffi.cast("naca_progress_t", 0)
    refused = _core.lib.naca_set_progress(_core.ffi.NULL, none, _core.ffi.NULL)
    assert refused == _core.lib.NACA_ERR_ARGUMENT


def test_a_link_hands_it_on_to_core_and_store() -> None:
    wire = Wire()
    users: list[Any] = []
    progress = _device.ffi.callback("void(void *)", users.append)
    wire.device._device.config.progress = progress
    wire.reboot()
    xs, ys = samples(1)
    del users[:]
    wire.learn(0, xs[0], int(ys[0]))
    assert len(users) > 1
    assert set(users) == {_device.ffi.cast("void *", wire.device._device)}
    del users[:]
    before = wire.device.flash_operations
    wire.want(9)
    assert len(users) > wire.device.flash_operations - before
