"""Data to learn from: a user's own files, the sets that this project measures itself on."""

from __future__ import annotations

import csv
import hashlib
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.choices import DATA_SETS
from edge_naca.extras import require

Array = NDArray[Any]

VARIABLE = "EDGE_NACA_DATA"

# File, and where the public original lives.
_FILES = {
    "mnist": ("mnist.npz", "the MNIST database of handwritten digits by LeCun, Cortes and Burges"),
    "fashion-mnist": ("fashion_mnist.npz", "zalandoresearch/fashion-mnist on GitHub"),
}


class DataError(ValueError):
    """A file does not hold what is needed; the message says what that would be."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples to learn and to be tested on.

    Parameters
    ----------
    name : what to call it.
    x_train, x_test : (samples, …), any real dtype; images are (samples, height, width).
    y_train, y_test : int64 (samples,), 0 .. len(classes) − 1.
    classes : what each label stands for.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classes: tuple[str, ...]

    def digest(self) -> str:
        """Hash of the training data, for provenance."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def with_classes(self, classes: Sequence[str]) -> Dataset:
        """Return the same samples with labels that index `classes`, which hold all of ours."""
        index = np.array([classes.index(name) for name in self.classes])
        return replace(
            self,
            y_train=index[self.y_train],
            y_test=index[self.y_test],
            classes=tuple(classes),
        )

    def folds(self, count: int, seed: int = 0) -> tuple[Dataset, ...]:
        """Return data sets for cross-validation, drawn from training and test samples together.

        Every sample is tested in one of them and learned in all others; every class is spread
        evenly over them.

        Raises
        ------
        DataError
            If a class has fewer samples than there are folds.
        """
        x = np.concatenate([self.x_train, self.x_test])
        y = np.concatenate([self.y_train, self.y_test])
        fewest = int(np.bincount(y).min())
        if not 2 <= count <= fewest:
            raise DataError(
                f"{self.name} can be split into 2 .. {fewest} folds, as its smallest class has "
                f"{fewest} samples, not into {count}"
            )
        order = np.random.default_rng(seed).permutation(len(y))
        order = order[np.argsort(y[order], kind="stable")]
        fold = np.empty(len(y), np.int64)
        fold[order] = np.arange(len(y)) % count
        return tuple(
            Dataset(self.name, x[fold != k], y[fold != k], x[fold == k], y[fold == k], self.classes)
            for k in range(count)
        )


def folder() -> Path | None:
    """Return the folder that holds data sets, None if the environment names none."""
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def available(name: str) -> bool:
    """Tell whether a named data set can be loaded here."""
    where = folder()
    return name == "digits" or (where is not None and (where / _FILES[name][0]).is_file())


def load(name: str) -> Dataset:
    """Load a named data set: "digits" (ships with scikit-learn), "mnist" or "fashion-mnist".

    Raises
    ------
    DataError
        If the name is unknown, or its file is not there: the message says which file is wanted,
        where it was looked for, and where the public original lives.
    MissingExtraError
        If the digits are asked for where scikit-learn is not installed.
    """
    if name == "digits":
        return _digits()
    if name not in _FILES:
        raise DataError(f"there is no data set {name!r}; known are {', '.join(DATA_SETS)}")
    file, origin = _FILES[name]
    where = folder()
    if not available(name):
        looked = f"looked in {where}" if where else f"{VARIABLE} is not set"
        raise DataError(
            f"{name} needs the file {file} with arrays x_train, y_train, x_test and y_test "
            f"({looked}). Set {VARIABLE} to the folder that holds it; "
            f"the public original is {origin}."
        )
    assert where is not None
    return read(where / file, name=name)


def _digits() -> Dataset:
    """Return the 8 × 8 digits; the last fifth, written by other people, is for testing."""
    require("sklearn")
    from sklearn.datasets import load_digits

    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    cut = len(labels) * 4 // 5
    names = tuple(str(name) for name in digits.target_names)
    return Dataset("digits", images[:cut], labels[:cut], images[cut:], labels[cut:], names)


def read(
    path: str | Path,
    labels: str | Path | None = None,
    label_column: str | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    name: str | None = None,
) -> Dataset:
    """Read a data set from a file.

    Parameters
    ----------
    path : .npz with x_train, y_train, x_test, y_test, or with x and y; .npy with samples, whose
        labels are in `labels`; .csv with a header line and one column of labels.
    labels : .npy file of labels, for .npy samples.
    label_column : name of the labels' column in a .csv; the last one if not given.
    test_fraction : how much to keep for testing where the file does not say; drawn from every
        class alike. 0 learns everything and tests on it too.
    seed : of that draw.

    Raises
    ------
    DataError
        If the file cannot be read, or does not hold what is needed.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    try:
        if path.suffix == ".npz":
            parts = _read_npz(path)
        elif path.suffix == ".npy":
            if labels is None:
                raise DataError(f"{path} holds samples only: name the .npy file of their labels")
            parts = (_read_npy(path), _read_npy(Path(labels)))
        elif path.suffix == ".csv":
            parts = _read_csv(path, label_column)
        else:
            raise DataError(f"{path}: data comes from .npz, .npy or .csv files")
    except DataError:
        raise
    except (OSError, EOFError, ValueError, csv.Error, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    title = name or path.stem
    if len(parts) == 4:
        x_train, y_train, x_test, y_test = parts
    else:
        x, y = parts
        _check(path, x, y)
        train, test = _split(y, test_fraction, seed)
        x_train, y_train, x_test, y_test = x[train], y[train], x[test], y[test]
    _check(path, x_train, y_train)
    _check(path, x_test, y_test)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{path}: samples to learn are {x_train.shape[1:]}, those to test {x_test.shape[1:]}"
        )
    return _encode_labels(title, x_train, y_train, x_test, y_test)


def _read_npy(path: Path) -> Array:
    array = np.load(path)
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path} is no .npy file of one array")
    return array


def _read_npz(path: Path) -> tuple[Array, ...]:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is no .npz file, or a damaged one")
    with np.load(path) as file:
        for names in (("x_train", "y_train", "x_test", "y_test"), ("x", "y"), ("X", "y")):
            if all(name in file for name in names):
                return tuple(file[name] for name in names)
        raise DataError(
            f"{path} must hold x_train, y_train, x_test and y_test, or x and y; "
            f"it holds {', '.join(file.files) or 'nothing'}"
        )


def _read_csv(path: Path, label_column: str | None) -> tuple[Array, Array]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        rows = [(reader.line_num, row) for row in reader if row]
    if len(rows) < 2:
        raise DataError(f"{path} must have a header line and at least one sample")
    header, body = rows[0][1], rows[1:]
    column = header[-1] if label_column is None else label_column
    if column not in header:
        raise DataError(f"{path} has no column {column!r}; it has {', '.join(header)}")
    at = header.index(column)
    for number, row in body:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {number}: {len(row)} values where the header has {len(header)}"
            )
        if not row[at].strip():
            raise DataError(f"{path}, line {number}: the label, column {column!r}, is empty")
    values = [[*row[:at], *row[at + 1 :]] for _, row in body]
    try:
        x = np.array(values, np.float64)
    except ValueError as error:
        raise DataError(f"{path}: every column but {column!r} must be numbers: {error}") from error
    whole = np.isfinite(x).all() and (x == np.rint(x)).all() and np.abs(x).max(initial=0) < 2**31
    return x.astype(np.int32) if whole else x, _numbers_if_all([row[at] for _, row in body])


def _numbers_if_all(names: list[str]) -> Array:
    """Return names as integers if that is what they are, so that 10 comes after 9."""
    labels = np.array(names)
    try:
        numbers = labels.astype(np.int64)
    except (ValueError, OverflowError):
        return labels
    return numbers if (numbers.astype(str) == labels).all() else labels


def _check(path: Path, x: Array, y: Array) -> None:
    if x.ndim < 2 or x.dtype.kind not in "biuf":
        raise DataError(f"{path}: samples must be numbers (samples, …), not {x.dtype} {x.shape}")
    if y.shape != (len(x),):
        raise DataError(f"{path}: {len(x)} samples need as many labels, not {y.shape}")
    if x.size == 0:
        raise DataError(f"{path} holds no samples, or samples without a number")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(f"{path}: samples hold NaN or infinity; remove or replace them first")
    if y.dtype.kind not in "biufU" or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise DataError(f"{path}: labels must be whole numbers or names, none missing")


def _split(y: Array, test_fraction: float, seed: int) -> tuple[Array, Array]:
    if not 0 <= test_fraction < 1:
        raise DataError(f"the test fraction must be in 0 .. 1, not {test_fraction}")
    everything = np.arange(len(y))
    if test_fraction == 0:
        return everything, everything
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(y), bool)
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        count = min(round(len(members) * test_fraction), len(members) - 1)
        chosen[members[:count]] = True
    if not chosen.any():
        raise DataError("there are too few samples to keep some for testing; use fraction 0")
    return everything[~chosen], everything[chosen]


def _encode_labels(
    title: str, x_train: Array, y_train: Array, x_test: Array, y_test: Array
) -> Dataset:
    classes = np.unique(y_train)
    unknown = np.setdiff1d(y_test, classes)
    if unknown.size:
        raise DataError(f"{title}: the test samples hold classes never learned: {unknown[:5]}")
    return Dataset(
        title,
        x_train,
        np.searchsorted(classes, y_train).astype(np.int64),
        x_test,
        np.searchsorted(classes, y_test).astype(np.int64),
        tuple(str(name) for name in classes),
    )
