"""Image files: nothing is lost in them, and nothing is lost when one cannot be written."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import numpy as np
import pytest

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export import load_image, save_image
from edge_naca.files import write_file
from edge_naca.presets import competitive

NETWORK = competitive(7, 3, 2, bits=3, metadata={"classes": ["a", "b", "c"]})
X = np.random.default_rng(1).integers(0, 8, (30, 7)).astype(np.uint8)
Y = np.arange(30) % 3


def test_learning_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "net.naca"
    whole, half = Core(NETWORK), Core(NETWORK)
    whole.learn_many(X, Y)
    half.learn_many(X[:10], Y[:10])
    save_image(half, path)
    loaded = load_image(path)
    assert loaded.image() == half.image() == path.read_bytes()
    assert loaded.network.metadata == NETWORK.metadata
    loaded.learn_many(X[10:], Y[10:])
    assert loaded.state() == whole.state()


def test_network_is_saved_as_new(tmp_path: Path) -> None:
    save_image(NETWORK, tmp_path / "net.naca")
    assert (tmp_path / "net.naca").read_bytes() == image.encode(NETWORK)
    assert load_image(tmp_path / "net.naca").state_hash() == Core(NETWORK).state_hash()


def test_only_networks_and_cores_are_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="not bytes"):
        save_image(b"", tmp_path / "x")  # type: ignore[arg-type]  # what is refused
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"NACA", b"PNG" * 50, image.encode(NETWORK)[:-4]])
def test_what_is_no_image_is_refused_by_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.naca"
    path.write_bytes(data)
    with pytest.raises(image.ImageError, match=r"net\.naca: "):
        load_image(path)


def test_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "net.naca"
    write_file(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            write_file(path, bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_failure_leaves_the_old_file(
    step: str, error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    path = tmp_path / "net.naca"
    write_file(path, b"old")
    monkeypatch.setattr(step, fail)
    with pytest.raises(error):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_link_and_mode_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    write_file(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_only_files_are_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(OSError, match="is not a file"):
            write_file(path, b"")
    with pytest.raises(FileNotFoundError):
        write_file(tmp_path / "missing" / "net.naca", b"")
