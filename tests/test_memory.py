"""Nothing that Python hands over, in whatever shape, reaches memory that is not its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from wire import IMAGE, request, samples

from edge_naca import presets
from edge_naca._core import ffi, lib
from edge_naca.affine import Affine
from edge_naca.core import Core, CoreError
from edge_naca.host.virtual import VirtualDevice
from edge_naca.image import ImageError
from edge_naca.network import Preparation

Array = np.ndarray[Any, Any]

# What looks like bytes to len(), or is no bytes at all.
ODD: dict[str, Any] = {
    "rows-of-nothing": np.zeros((100_000, 0), np.uint8),
    "numbers-of-8-bytes": np.zeros(100_000),
    "every-other": np.zeros(200_000, np.uint8)[::2],
    "columns": np.asfortranarray(np.zeros((300, 300), np.uint8)),
    "empty": b"",
}
NO_BYTES: dict[str, Any] = {"text": "NACA", "none": None, "number": 5, "list": [1, 2]}


@pytest.mark.parametrize("name", ODD)
def test_odd_memory_is_read_as_the_bytes_it_holds(name: str) -> None:
    data = ODD[name]
    VirtualDevice(data)  # as an image that is none: the device boots without
    with pytest.raises(ImageError):
        Core(data)
    core = Core(IMAGE)
    before = core.state()
    with pytest.raises(CoreError):
        core.load_state(data)
    assert core.state() == before
    device = VirtualDevice(IMAGE)
    device.receive(data)
    assert device.powered
    device.receive(b"\0")
    assert device.receive(request(1))


def test_a_state_as_an_array_is_the_state() -> None:
    taught, fresh = Core(IMAGE), Core(IMAGE)
    x, y = samples(20)
    taught.learn_many(x, y, "codes")
    saved = np.frombuffer(taught.save_state(), np.uint8)
    fresh.load_state(np.repeat(saved, 2)[::2])  # type: ignore[arg-type]
    assert fresh.state() == taught.state()


@pytest.mark.parametrize("name", NO_BYTES)
def test_what_holds_no_bytes_is_refused(name: str) -> None:
    data = NO_BYTES[name]
    with pytest.raises(TypeError, match="must be bytes"):
        Core(data)
    with pytest.raises(TypeError, match="must be bytes"):
        Core(IMAGE).load_state(data)
    device = VirtualDevice(IMAGE)
    with pytest.raises(TypeError, match="must be bytes"):
        device.receive(data)


# ---- a device that is closed, or cannot be -----------------------------------------------------


def test_a_closed_device_has_no_flash() -> None:
    device = VirtualDevice(IMAGE)
    device.receive(b"")  # its first HELLO
    device.close()
    device.close()
    with pytest.raises(ValueError, match="this device is closed"):
        device.reboot()
    assert device.receive(request(1)) == b""
    device.power_cut(3)
    assert device.receive(request(1)) == b""
    assert not device.powered


WRONG = [
    *(("image_places", value) for value in (0, 3, -1, 2**32, 1.0, None)),
    *(("remembered", value) for value in (0, -1, 2**16, 2**32, "1")),
    *(("frame_size", value) for value in (0, -1, 2**32 - 1, 2**64)),
    *(("answer_size", value) for value in (0, -1, 2**32 - 1, 2**64)),
    *(("window", value) for value in (-1, 2**32)),
    *(("ram", value) for value in (-1, 2**32, 2**64)),
    *(("image_room", value) for value in (0, -4096, 2**32, 2**33 + 4096, 4096.0)),
    *(("state_room", value) for value in (-4096, 2**32, 2**33 + 4096)),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_sizes_that_no_device_has_are_refused(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        VirtualDevice(IMAGE, **{name: value})


def test_threads_share_a_device() -> None:
    device = VirtualDevice(IMAGE)
    hello = request(1)
    device.receive(b"\0")

    def ask(_: int) -> int:
        return sum(len(device.receive(hello)) for _ in range(300))

    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(ask, range(4)))
    assert sent % (4 * 300) == 0
    assert sent > 0


# ---- numbers at odd addresses ------------------------------------------------------------------


def at_odd_address(array: Array) -> Array:
    """Return the same numbers, one byte behind where they should lie."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    odd = memory[1:].view(array.dtype).reshape(array.shape)
    odd[...] = array
    assert array.nbytes == 0 or not odd.flags.aligned
    return odd


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.dtype(">i4"), np.dtype(">i2")])
def test_numbers_at_odd_addresses_are_read_rightly(dtype: Any) -> None:
    rng = np.random.default_rng(1)
    prepared = Preparation((1, 12, 1), offset=np.zeros(12, int), gain=np.full(12, 300), shift=6)
    network = presets.competitive(prepared, 4, 4)
    x = rng.integers(0, 9000, (40, 12)).astype(dtype)
    y = rng.integers(0, 4, 40).astype(np.int32)
    usual, odd = Core(network), Core(network)
    expected = usual.learn_many(x, y)
    assert (odd.learn_many(at_odd_address(x), at_odd_address(y)) == expected).all()
    assert odd.state() == usual.state()
    assert odd.infer(at_odd_address(x)[3]) == usual.infer(x[3])
    assert (odd.prepare_many(at_odd_address(x)) == usual.prepare_many(x)).all()


# ---- processes that fork -----------------------------------------------------------------------

FORK = """
import os, sys, threading, warnings
import numpy as np
from edge_naca import presets
from edge_naca.core import Core

warnings.simplefilter("ignore")  # of threads beside a fork: that is the subject
core = Core(presets.competitive(256, 10, 100))
x = np.random.default_rng(0).integers(0, 16, (200, 256), np.uint8)
y = np.arange(200) % 10
going = True

def learn():
    while going:
        core.learn_many(x, y)

thread = threading.Thread(target=learn)
thread.start()
for _ in range(5):
    child = os.fork()
    if child == 0:
        assert core.learned() % 200 == 0, core.learned()  # no call was cut in two
        core.learn_many(x[:10], y[:10])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
going = False
thread.join()
print("forked")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_finds_cores_whole_and_free() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "forked\n", done.stderr


def test_a_fork_waits_for_nobody_that_is_gone() -> None:
    """Cores that are collected leave no lock behind."""
    from edge_naca import forks

    threads = [threading.Thread(target=lambda: Core(IMAGE).state()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = len(forks._locks)
    core = Core(IMAGE)
    assert len(forks._locks) == before + 1
    del core
    assert len(forks._locks) <= before + 1


@pytest.mark.parametrize(
    ("kind", "size"),
    [("NACA_RAW_I16", 2), ("NACA_RAW_I32", 4), ("NACA_RAW_F32", 4), ("NACA_EVENTS", 2)],
)
def test_the_core_refuses_numbers_at_odd_addresses(kind: str, size: int) -> None:
    """Some processors trap at them, or read something else."""
    core = Core(presets.competitive(Preparation((2, 3, 1), affine=Affine.of(0, 1)), 2, 2))
    memory = ffi.new("uint64_t[8]")
    result = ffi.new("naca_result_t *")
    count = 0 if kind == "NACA_EVENTS" else 6
    for offset in range(8):
        data = ffi.cast("uint8_t *", memory) + offset
        sample = ffi.new("naca_sample_t *", (getattr(lib, kind), data, count))
        expected = lib.NACA_ERR_ALIGNMENT if offset % size else lib.NACA_OK
        assert lib.naca_infer(core._core, sample, result) == expected
