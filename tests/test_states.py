"""A device's learned state goes back into the image it came from, and into no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_naca import image, presets, states
from edge_naca.core import Core
from edge_naca.states import StateError


def taught(samples: int, seed: int = 0, classes: int = 3) -> Core:
    """Return a core that learned so many samples of its first two classes."""
    metadata = {"classes": ["a", "b"], "training": [{"command": "first"}], "note": "kept"}
    core = Core(presets.competitive(6, classes, 2, seed=seed, metadata=metadata))
    rng = np.random.default_rng(1)
    core.learn_many(rng.integers(0, 16, (samples, 6)), np.arange(samples) % 2, "codes")
    return core


def test_merged_is_as_if_the_device_s_own_image() -> None:
    old, device = taught(4), taught(40)
    merged, note = states.merge(old, device.save_state(), {"command": "second", "state": "s"})
    assert merged.state() == device.state()
    assert merged.network_id == old.network_id
    assert merged.network.metadata["note"] == "kept"
    assert merged.network.metadata["training"] == [{"command": "first"}, note]
    assert note == {
        "command": "second",
        "state": "s",
        "learned_before": 4,
        "learned": 40,
        "state_hash": f"{device.state_hash():08x}",
    }
    assert old.state() == taught(4).state()  # untouched
    assert old.network.metadata["training"] == [{"command": "first"}]
    assert merged.learn(np.arange(6), 1, "codes") == device.learn(np.arange(6), 1, "codes")
    again, _ = image.decode(merged.image())
    assert again.metadata == merged.network.metadata


def test_new_classes_get_names() -> None:
    device = taught(10)
    device.learn(np.full(6, 3), 2, "codes")
    merged, _ = states.merge(taught(0), device.save_state(), {}, ["c"])
    assert merged.network.metadata["classes"] == ["a", "b", "c"]
    with pytest.raises(StateError, match="room for 3 classes, but with c, d there would be 4"):
        states.merge(taught(0), device.save_state(), {}, ["c", "d"])


def test_odd_metadata_do_no_harm() -> None:
    core = taught(3)
    core.network.metadata.update(training="none", classes=7)
    merged, note = states.merge(core, core.save_state(), {}, ["x"])
    assert merged.network.metadata["training"] == [note]
    assert merged.network.metadata["classes"] == ["x"]


def test_a_state_of_another_network_is_refused() -> None:
    core, other = taught(3), taught(3, seed=1)
    with pytest.raises(StateError) as error:
        states.with_state(core, other.save_state(), "kitchen.state")
    for part in ("kitchen.state", f"{other.network_id:08x}", f"{core.network_id:08x}", "6-6-3"):
        assert part in str(error.value)
    other = Core(replace(core.network, metadata={}))  # which says nothing about what it computes
    assert states.with_state(core, other.save_state()).state() == other.state()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda saved: b"", "no saved state"),
        (lambda saved: saved[16:], "no saved state"),
        (lambda saved: saved[:10], "cut off: it has 10 bytes"),
        (lambda saved: saved[:-1], r"should have (\d+) bytes, but has \d+"),
        (lambda saved: saved + b"\0", "should have"),
        (lambda saved: saved[:30] + b"\x55" + saved[31:], "checksum does not match"),
        (lambda saved: saved[:8] + b"\1\0\0\0" + saved[12:], "should have 17 bytes"),
        (
            lambda saved: saved[:8] + b"\0\0\0\0" + b"\0\0\0\0",
            "belongs to another network",
        ),
    ],
)
def test_what_is_no_whole_state_is_refused(spoil: object, message: str) -> None:
    core = taught(5)
    before = core.state()
    assert callable(spoil)
    with pytest.raises(StateError, match=message):
        states.with_state(core, spoil(core.save_state()))
    assert core.state() == before


def test_files_are_told_apart(tmp_path: Path) -> None:
    core = taught(5)
    (tmp_path / "x.naca").write_bytes(core.image())
    (tmp_path / "x.state").write_bytes(core.save_state())
    (tmp_path / "junk").write_bytes(b"junk")
    assert states.load(tmp_path / "x.naca").state() == core.state()
    assert states.load(tmp_path / "x.state", taught(0)).state() == core.state()
    with pytest.raises(StateError, match="takes an image to say what it means"):
        states.load(tmp_path / "x.state")
    with pytest.raises(image.ImageError, match="junk: this is not an edge-naca image"):
        states.load(tmp_path / "junk")
    with pytest.raises(OSError, match="none"):
        states.load(tmp_path / "none")
