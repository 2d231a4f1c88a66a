"""What the owner of a device does, on an emulated board."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.host.addresses import open_link
from edge_naca.host.boards import EmulatedBoard
from edge_naca.host.client import LinkDevice
from edge_naca.host.link import RefusedError
from edge_naca.host.selftest import SelfTest

BOARD = "lm3s6965"


@pytest.fixture(scope="module")
def device(build_board: Callable[[str, str], Path]) -> Iterator[LinkDevice]:
    elf = build_board(BOARD, "firmware")
    with (
        EmulatedBoard(BOARD, elf) as board,
        open_link(board.url, patience=120, first_patience=120) as found,
    ):
        yield found


def lessons(core: Core, count: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    rng = np.random.default_rng(1)
    network = core.network
    assert network.preparation is not None
    raw = rng.integers(0, 17, (count, *network.preparation.shape)).astype(np.int16)
    return raw, rng.integers(0, network.capacity, count)


def test_a_board_passes_its_selftest(device: LinkDevice) -> None:
    before = device.hash_at()
    found = SelfTest(device).run()
    assert (found.passed, found.presented, found.taught) == (True, 16, 16)
    assert device.hash_at() == before


def test_a_board_keeps_names_and_a_lock(device: LinkDevice) -> None:
    device.rename(3, "drei")
    device.lock("a")
    device.reset()
    assert device.metadata()["classes"][3] == "drei"
    assert device.hello.locked
    with pytest.raises(RefusedError, match="locked"):
        device.forget(3)
    device.unlock("a")
    assert not device.link.refresh().locked
    assert device.hash_at() == (device.copy().state_hash(), 0)


def test_lessons_are_taken_back(device: LinkDevice) -> None:
    twin = device.copy()
    x, y = lessons(twin, 6)
    device.learn_many(x[:4], y[:4])
    twin.learn_many(x[:4], y[:4])
    device.save()
    saved = device.hash_at()
    assert saved == (twin.state_hash(), 4)
    device.learn(x[4], int(y[4]))
    device.undo()
    assert device.hash_at() == saved
    device.learn_many(x[4:], y[4:])
    with device.trial():
        device.learn_many(x, y)
    twin.learn_many(x[4:], y[4:])
    assert device.hash_at() == (twin.state_hash(), 6)
    device.forget(1)
    twin.forget(1)
    assert device.hash_at() == (twin.state_hash(), 6)
    device.rollback()
    assert device.hash_at() == saved
