"""A device answers and learns as the core does, and says clearly what it cannot do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edge_naca
from edge_naca.core import Core, CoreError
from edge_naca.export import save_image
from edge_naca.host import DeviceError, DeviceInfo, InProcessDevice, open_device
from edge_naca.image import ImageError, encode
from edge_naca.network import Preparation
from edge_naca.presets import competitive

NETWORK = competitive(Preparation((4, 4, 1)), 5, 3)
IMAGE = encode(NETWORK)
X = np.random.default_rng(2).integers(0, 16, (200, 16)).astype(np.uint8)
Y = np.random.default_rng(3).integers(0, 5, 200)


def test_same_stream_same_state() -> None:
    core = Core(NETWORK)
    with InProcessDevice(IMAGE) as device:
        assert device.hash() == core.state_hash()
        for x, y in zip(X, Y, strict=True):
            assert device.predict(x) == core.infer(x)
            assert device.learn(x, y) == core.learn(x, y)
            assert device.hash() == core.state_hash()
        assert device.state() == core.save_state()


def test_state_moves_from_device_to_device() -> None:
    with InProcessDevice(IMAGE) as first, InProcessDevice(IMAGE) as second:
        for x, y in zip(X[:50], Y, strict=False):
            first.learn(x, y)
        assert first.hash() != second.hash()
        second.load_state(first.state())
        assert first.hash() == second.hash()
        assert first.learn(X[50], 1) == second.learn(X[50], 1)
        assert first.state() == second.state()


def test_what_is_refused_changes_nothing() -> None:
    other = InProcessDevice(encode(competitive(7, 3)))
    with InProcessDevice(IMAGE) as device:
        device.learn(X[0], 2)
        before = device.state()
        damaged = before[:-1] + bytes([before[-1] ^ 1])
        for saved, status in (
            (other.state(), "NACA_ERR_STATE"),
            (damaged, "NACA_ERR_CHECKSUM"),
            (before[:-1], "NACA_ERR_TRUNCATED"),
            (b"", "NACA_ERR_TRUNCATED"),
        ):
            with pytest.raises(CoreError, match=status):
                device.load_state(saved)
        with pytest.raises(ValueError, match="label 5 is out of range"):
            device.learn(X[0], 5)
        with pytest.raises(ValueError, match="each sample must hold 16 numbers"):
            device.predict(X[0, :15])
        with pytest.raises(ValueError, match="must be integers"):
            device.learn(X[0] / 2, 0)
        assert device.state() == before


def test_information() -> None:
    core = Core(IMAGE)
    with InProcessDevice(IMAGE) as device:
        assert device.info() == DeviceInfo(
            firmware=edge_naca.__version__,
            network_id=core.network_id,
            capacity=5,
            image_size=len(IMAGE),
            workspace_size=core.workspace_size,
        )


def test_closed_device_refuses() -> None:
    device = InProcessDevice(IMAGE)
    saved = device.state()
    device.close()
    device.close()
    for use in (
        lambda: device.learn(X[0], 0),
        lambda: device.predict(X[0]),
        lambda: device.state(),
        lambda: device.load_state(saved),
        lambda: device.hash(),
        lambda: device.info(),
    ):
        with pytest.raises(DeviceError, match="this device is closed"):
            use()


def test_error_inside_with_closes_the_device() -> None:
    with pytest.raises(ZeroDivisionError), InProcessDevice(IMAGE) as device:
        _ = 1 / 0
    with pytest.raises(DeviceError):
        device.hash()


def test_device_opens_by_address(tmp_path: Path) -> None:
    core = Core(NETWORK)
    core.learn_many(X, Y)
    save_image(core, tmp_path / "a:b.naca")
    with open_device(f"inprocess:{tmp_path}/a:b.naca") as device:
        assert isinstance(device, InProcessDevice)
        assert device.hash() == core.state_hash()


@pytest.mark.parametrize("address", ["", "inprocess", "inprocess:", "net.naca", "warp:net.naca"])
def test_unknown_address_is_told_what_is_right(address: str) -> None:
    with pytest.raises(ValueError, match="is no device: write inprocess:FILE"):
        open_device(address)


def test_bad_image_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_device(f"inprocess:{tmp_path}/none.naca")
    (tmp_path / "bad.naca").write_bytes(IMAGE[:-1])
    with pytest.raises(ImageError, match=r"bad\.naca: the image says"):
        open_device(f"inprocess:{tmp_path}/bad.naca")
