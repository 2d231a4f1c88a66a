"""Data from files: what is read, and that everything unusable is refused with a reason."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_naca import data
from edge_naca.choices import DATA_SETS
from edge_naca.data import DataError, Dataset

X = np.arange(40, dtype=np.uint8).reshape(10, 2, 2)
Y = np.repeat([3, 7], 5)


def csv_file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def npz_file(folder: Path, **arrays: Any) -> Path:
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    return path


# ---- what is read ------------------------------------------------------------------------------


def test_npz_with_test_samples_keeps_them_apart(tmp_path: Path) -> None:
    path = npz_file(tmp_path, x_train=X, y_train=Y, x_test=X[4:6], y_test=Y[4:6])
    read = data.read(path)
    assert read.name == "arrays"
    assert read.classes == ("3", "7")
    assert read.x_train.dtype == np.uint8
    assert np.array_equal(read.x_train, X)
    assert read.y_train.tolist() == [0] * 5 + [1] * 5
    assert read.y_test.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["x", "X"])
def test_a_share_of_every_class_is_kept_for_testing(tmp_path: Path, name: str) -> None:
    path = npz_file(tmp_path, **{name: X, "y": Y})
    read = data.read(path, test_fraction=0.4)
    assert np.bincount(read.y_test).tolist() == [2, 2]
    assert np.bincount(read.y_train).tolist() == [3, 3]
    together = np.concatenate([read.x_train, read.x_test])
    assert np.array_equal(np.unique(together, axis=0), X)
    again = data.read(path, test_fraction=0.4)
    assert np.array_equal(again.x_test, read.x_test)
    assert not np.array_equal(data.read(path, test_fraction=0.4, seed=1).x_test, read.x_test)


def test_no_class_is_kept_for_testing_alone(tmp_path: Path) -> None:
    read = data.read(npz_file(tmp_path, x=X, y=[0] * 9 + [1]), test_fraction=0.9)
    assert np.bincount(read.y_train).tolist() == [1, 1]


def test_fraction_0_learns_and_tests_everything(tmp_path: Path) -> None:
    read = data.read(npz_file(tmp_path, x=X, y=Y), test_fraction=0)
    assert np.array_equal(read.x_train, X)
    assert np.array_equal(read.x_test, X)


def test_npy_takes_labels_from_another_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.where(Y == 3, "cat", "dog"))
    read = data.read(tmp_path / "x.npy", tmp_path / "y.npy", test_fraction=0)
    assert read.classes == ("cat", "dog")


def test_csv_takes_the_last_column_or_the_one_named(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "a,kind,b\n1,0,10\n\n2,1,9\n3,0,10\n")
    last = data.read(path, test_fraction=0)
    assert last.classes == ("9", "10")
    assert last.x_train.tolist() == [[1, 0], [2, 1], [3, 0]]
    named = data.read(path, label_column="kind", test_fraction=0)
    assert named.classes == ("0", "1")
    assert named.x_train.dtype == np.int32
    assert named.x_train.tolist() == [[1, 10], [2, 9], [3, 10]]


def test_csv_numbers_are_sorted_as_numbers(tmp_path: Path) -> None:
    read = data.read(csv_file(tmp_path, "a,label\n1,10\n2,9\n"), test_fraction=0)
    assert read.classes == ("9", "10")
    read = data.read(csv_file(tmp_path, "a,label\n1,010\n2,9\n"), test_fraction=0)
    assert read.classes == ("010", "9")


def test_csv_may_hold_real_numbers_and_come_from_a_spreadsheet(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "a,b,label\r\n0.5,1e3,x\r\n-2,7,y\r\n", "utf-8-sig")
    read = data.read(path, label_column="label", test_fraction=0)
    assert read.x_train.tolist() == [[0.5, 1000], [-2, 7]]


def test_digits_come_along() -> None:
    digits = data.load("digits")
    assert digits.x_train.shape == (1437, 8, 8)
    assert digits.x_test.shape == (360, 8, 8)
    assert digits.classes == tuple("0123456789")
    assert digits.digest() == data.load("digits").digest()


def test_named_sets_come_from_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    assert not data.available("mnist")
    np.savez(tmp_path / "mnist.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    assert data.available("mnist")
    assert data.load("mnist").name == "mnist"


# ---- what is refused ---------------------------------------------------------------------------

Maker = Callable[[Path], Path]

BAD_FILES: dict[str, tuple[Maker, str]] = {
    "missing": (lambda d: d / "none.csv", "there is no file"),
    "folder": (lambda d: d, "there is no file"),
    "format": (lambda d: _bytes(d, "a.xls", b"1"), "from .npz, .npy or .csv"),
    "npz-garbage": (lambda d: _bytes(d, "a.npz", b"garbage"), "is no .npz file"),
    "npz-cut": (lambda d: _cut(npz_file(d, x=X, y=Y), 200), "is no .npz file"),
    "npz-flipped": (lambda d: _flipped(npz_file(d, x=X, y=Y)), "cannot be read"),
    "npz-names": (lambda d: npz_file(d, a=X), "it holds a"),
    "npz-empty": (lambda d: npz_file(d), "it holds nothing"),
    "npz-objects": (lambda d: npz_file(d, x=np.array([None]), y=Y), "cannot be read"),
    "npz-bomb": (lambda d: _bomb(d), r"arrays.npz unpacks to 300 MiB from 0\.\d MiB"),
    "npz-large": (
        lambda d: _claims(d, "a.npz", (2**28,), "<f8", 2**31 + 128),
        "2.0 GiB, and 1 GiB",
    ),
    "npz-claims": (lambda d: _claims(d, "a.npz", (2**42,)), r"x.npy cannot be read: it claims"),
    "npz-bytes": (lambda d: _zip(d, {"x.npy": b"no array", "y.npy": b""}), "x.npy cannot be read"),
    "npz-members": (lambda d: _zip(d, {f"{n}.npy": b"" for n in range(5000)}), "5000 files: too"),
    "npz-escape": (lambda d: npz_file(d, **{"\x1b[2J": X}), r"it holds \\u001b\[2J$"),
    "npy-claims": (lambda d: _claims(d, "x.npy", (2**42,)), "claims to hold 4398046511104 numbers"),
    "npy-negative": (lambda d: _claims(d, "x.npy", (-1, 4)), "cannot be read"),
    "npy-empty-type": (lambda d: _claims(d, "x.npy", (2**42,), "<U0"), "claims to hold"),
    "npy-header": (lambda d: _bytes(d, "x.npy", b"\x93NUMPY\1\0\x76\0" + b"(" * 118), "cannot be"),
    "npy-open": (
        lambda d: _bytes(d, "x.npy", b"\x93NUMPY\1\0\x76\0{" + b" " * 116 + b"\n"),
        "x.npy cannot be read: its header is damaged$",
    ),
    "npy-cut": (lambda d: _cut(_npy(d, X), 150), "claims to hold 40 numbers"),
    "npy-version": (lambda d: _bytes(d, "x.npy", b"\x93NUMPY\3\0\0\0\0\0"), "of version 3"),
    "no-labels": (lambda d: _npy(d, X), "name the .npy file of their labels"),
    "text": (lambda d: npz_file(d, x=X.astype(str), y=Y), "samples must be numbers"),
    "complex": (lambda d: npz_file(d, x=X.astype(complex), y=Y), "samples must be numbers"),
    "flat": (lambda d: npz_file(d, x=X.ravel(), y=Y), r"numbers \(samples, …\)"),
    "scalar": (lambda d: npz_file(d, x=np.array(3), y=Y), r"numbers \(samples, …\)"),
    "fewer-labels": (lambda d: npz_file(d, x=X, y=Y[:-1]), "10 samples need as many labels"),
    "label-matrix": (lambda d: npz_file(d, x=X, y=np.eye(10)), "need as many labels"),
    "nothing": (lambda d: npz_file(d, x=X[:0], y=Y[:0]), "holds no samples"),
    "no-numbers": (lambda d: npz_file(d, x=X[:, :0], y=Y), "samples without a number"),
    "nan": (lambda d: npz_file(d, x=np.full((10, 2), np.nan), y=Y), "NaN or infinity"),
    "infinity": (lambda d: npz_file(d, x=np.full((10, 2), np.inf), y=Y), "NaN or infinity"),
    "nan-labels": (lambda d: npz_file(d, x=X, y=Y * np.nan), "labels must be whole numbers"),
    "complex-labels": (lambda d: npz_file(d, x=X, y=Y * 1j), "labels must be whole numbers"),
    "too-few": (lambda d: npz_file(d, x=X, y=np.arange(10) // 2), "too few samples"),
    "unknown-class": (
        lambda d: npz_file(d, x_train=X[:5], y_train=Y[:5], x_test=X, y_test=Y),
        "classes never learned",
    ),
    "other-shape": (
        lambda d: npz_file(d, x_train=X, y_train=Y, x_test=X[:, :1], y_test=Y),
        "those to test",
    ),
    "csv-empty": (lambda d: csv_file(d, ""), "no line with numbers and a label"),
    "csv-header": (lambda d: csv_file(d, "a,b\n"), "there is one line only"),
    "csv-column": (lambda d: csv_file(d, "a,b\n1,2\n"), "no column 'kind'; it has 'a', 'b'"),
    "csv-ragged": (lambda d: csv_file(d, "a,kind\n1,2\n\n1\n"), "line 4: 1 values where"),
    "csv-words": (lambda d: csv_file(d, "a,kind\nx,2\n"), "line 2, column 'a': 'x' is no number"),
    "csv-no-label": (
        lambda d: csv_file(d, "a,kind\n1,2\n3, \n"),
        "line 3, column .kind.: the label",
    ),
    "csv-only-labels": (lambda d: csv_file(d, "kind\n1\n"), "no column to learn from"),
    "csv-nan": (lambda d: csv_file(d, "a,kind\nnan,2\n"), "no finite number"),
}


def _bytes(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _zip(folder: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "arrays.npz"


def _bomb(folder: Path) -> Path:
    """Return a file of some 300 kB that holds 300 MiB."""
    with zipfile.ZipFile(folder / "arrays.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x", "y"):
            with archive.open(f"{name}.npy", "w") as file:
                for _ in range(150):
                    file.write(bytes(1 << 20))
    return folder / "arrays.npz"


def _claims(
    folder: Path, name: str, shape: tuple[int, ...], dtype: str = "<f8", size: int | None = None
) -> Path:
    """Return a file whose header claims more than is there; `size` is what the archive claims."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"shape": shape, "fortran_order": False, "descr": dtype}
    )
    content = header.getvalue() + bytes(64)
    if name.endswith(".npy"):
        return _bytes(folder, name, content)
    path = _zip(folder, {"x.npy": content, "y.npy": content})
    if size is not None:
        data = path.read_bytes().replace(
            struct.pack("<I", len(content)), struct.pack("<I", size // 2)
        )
        path.write_bytes(data)
    return path


def _npy(folder: Path, x: Any) -> Path:
    np.save(folder / "x.npy", x)
    return folder / "x.npy"


def _cut(path: Path, size: int) -> Path:
    path.write_bytes(path.read_bytes()[:size])
    return path


def _flipped(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[content.index(X.tobytes())] ^= 1
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_files_are_refused(tmp_path: Path, kind: str) -> None:
    make, message = BAD_FILES[kind]
    column = "kind" if kind.startswith("csv") else None
    labels = tmp_path / "y.npy" if kind.startswith("npy") else None
    with pytest.raises(DataError, match=message):
        data.read(make(tmp_path), labels, column)


def test_bad_labels_are_refused(tmp_path: Path) -> None:
    samples = _npy(tmp_path, X)
    with pytest.raises(DataError, match=r"cannot be read.*nowhere"):
        data.read(samples, tmp_path / "nowhere.npy")
    with pytest.raises(DataError, match=r"no \.npy file of one array"):
        data.read(samples, npz_file(tmp_path, x=X))


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_bad_fractions_are_refused(tmp_path: Path, fraction: float) -> None:
    with pytest.raises(DataError, match=r"must be in 0 .. 1"):
        data.read(npz_file(tmp_path, x=X, y=Y), test_fraction=fraction)


def test_what_is_not_there_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="known are digits, mnist, fashion-mnist"):
        data.load("cifar")
    monkeypatch.delenv(data.VARIABLE, raising=False)
    with pytest.raises(DataError, match="EDGE_NACA_DATA is not set"):
        data.load("mnist")
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    with pytest.raises(DataError, match=r"fashion_mnist.npz .*looked in"):
        data.load("fashion-mnist")


def test_every_name_on_offer_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names lie in `choices`, files in `data`: here they meet."""
    monkeypatch.setenv(data.VARIABLE, str(tmp_path))
    assert [name for name in DATA_SETS if data.available(name)] == ["digits"]
    for name in DATA_SETS[1:]:
        with pytest.raises(DataError, match=f"{name} needs the file"):
            data.load(name)


# ---- what can be done with it ------------------------------------------------------------------


def test_digest_tells_data_apart() -> None:
    one = Dataset("one", X, Y, X, Y, ("a", "b"))
    assert one.digest() == Dataset("other", X, Y, X[:1], Y[:1], ("c", "d")).digest()
    others = [
        Dataset("one", X + 1, Y, X, Y, ("a", "b")),
        Dataset("one", X, Y + 1, X, Y, ("a", "b")),
        Dataset("one", X.reshape(10, 4), Y, X, Y, ("a", "b")),
        Dataset("one", X.astype(np.int8), Y, X, Y, ("a", "b")),
    ]
    assert len({one.digest(), *(other.digest() for other in others)}) == 5


def test_labels_follow_other_names() -> None:
    y = np.array([0, 1, 1])
    renamed = Dataset("d", X[:3], y, X[:3], 1 - y, ("b", "a")).with_classes(["a", "x", "b"])
    assert renamed.classes == ("a", "x", "b")
    assert renamed.y_train.tolist() == [2, 0, 0]
    assert renamed.y_test.tolist() == [0, 2, 2]


def test_every_sample_is_tested_in_one_fold() -> None:
    x = np.arange(23)[:, None]
    y = np.arange(23) % 3
    whole = Dataset("d", x[:15], y[:15], x[15:], y[15:], ("a", "b", "c"))
    folds = whole.folds(4, seed=1)
    assert sorted(np.concatenate([fold.x_test for fold in folds]).ravel()) == list(range(23))
    for fold in folds:
        assert not set(fold.x_train.ravel()) & set(fold.x_test.ravel())
        assert len(fold.x_train) + len(fold.x_test) == 23
        assert np.array_equal(fold.y_test, fold.x_test.ravel() % 3)
        counts = np.bincount(fold.y_test, minlength=3)
        assert counts.max() - counts.min() <= 1
    assert not np.array_equal(whole.folds(4, seed=2)[0].x_test, folds[0].x_test)
    for count in (1, 8):
        with pytest.raises(DataError, match=r"2 .. 7 folds"):
            whole.folds(count)


@pytest.mark.skipif(
    np.finfo(np.longdouble).max == np.finfo(np.float64).max, reason="long double is float64 here"
)
def test_numbers_beyond_float64_are_refused_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.npz"
    np.savez(path, x=np.full((10, 2), np.longdouble("1e4000")), y=Y)
    with pytest.raises(DataError, match=r"long\.npz: samples hold numbers beyond float64"):
        data.read(path)
