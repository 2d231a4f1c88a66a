"""Data to learn from: a user's own files, the sets that this project measures itself on."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.arrays import ArrayFileError, read_npy, read_npz
from edge_naca.choices import DATA_SETS
from edge_naca.extras import require
from edge_naca.file_kinds import told
from edge_naca.limits import MAX_CLASSES
from edge_naca.printable import printable, shown, unprintable
from edge_naca.tables.cells import tidy
from edge_naca.tables.errors import TableError, TableWarning
from edge_naca.tables.read import TableOptions, read_table

Array = NDArray[Any]

VARIABLE = "EDGE_NACA_DATA"

TABLES = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")

_WHOLE = (("x", "y"), ("X", "y"))  # arrays of a .npz that leaves it to be drawn what is tested

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
    columns : names of the numbers of a sample, where they come from a table that names them.
    description : one line, how the file was read; empty if there was nothing to find out.
    label_column : name of the labels' column, where they come from a table.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    classes: tuple[str, ...]
    columns: tuple[str, ...] = ()
    description: str = ""
    label_column: str = ""

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
            replace(
                self,
                x_train=x[fold != k],
                y_train=y[fold != k],
                x_test=x[fold == k],
                y_test=y[fold == k],
            )
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
    table: TableOptions | None = None,
) -> Dataset:
    """Read a data set from a file.

    Parameters
    ----------
    path : .npz with x_train, y_train, x_test, y_test, or with x and y; .npy with samples, whose
        labels are in `labels`; a table of text (`TABLES`), one sample a line, one column of labels.
    labels : .npy file of labels, for .npy samples.
    label_column : name of the labels' column in a table, or its number from 1; the last one if
        not given.
    test_fraction : how much to keep for testing where the file does not say; drawn from every
        class alike. 0 learns everything and tests on it too.
    seed : of that draw.
    table : what not to find out about a table.

    Raises
    ------
    DataError
        If the file cannot be read, or does not hold what is needed. Of a table the message names
        line and column, and the option that helps.

    Warns
    -----
    TableWarning
        If a column of a table looks like a time or an index.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no file {shown(path)}")
    columns: tuple[str, ...] = ()
    description = label = ""
    try:
        suffix = path.suffix.lower()
        if suffix == ".npz":
            parts = read_npz(path, (("x_train", "y_train", "x_test", "y_test"), *_WHOLE))
        elif suffix == ".npy":
            if labels is None:
                raise DataError(f"{path} holds samples only: name the .npy file of their labels")
            parts = (read_npy(path), read_npy(Path(labels)))
        elif suffix in TABLES:
            content = read_table(path, label_column, table)
            parts = content.samples, content.labels
            columns, description = content.columns, content.description
            label = content.label_column
            columns = columns if content.has_names else ()
            for warning in content.warnings:
                warnings.warn(warning, TableWarning, stacklevel=2)
        else:
            known = ", ".join(TABLES)
            raise DataError(
                f"{shown(path)}: data comes from .npz, .npy or {known} files{told(path)}"
            )
    except (TableError, ArrayFileError) as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read: {error}") from error
    title = name or printable(path.stem)  # a file's name may be no text
    if len(parts) == 4:
        x_train, y_train, x_test, y_test = parts
    else:
        x, y = parts
        _check(path, x, y)
        train, test = _split(path, y, test_fraction, seed)
        x_train, y_train, x_test, y_test = x[train], y[train], x[test], y[test]
    _check(path, x_train, y_train)
    _check(path, x_test, y_test)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"{path}: samples to learn are {x_train.shape[1:]}, those to test {x_test.shape[1:]}"
        )
    dataset = _encode_labels(title, path, x_train, y_train, x_test, y_test)
    return replace(dataset, columns=columns, description=description, label_column=label)


def _check(path: Path, x: Array, y: Array) -> None:
    if x.ndim < 2 or x.dtype.kind not in "biuf":
        raise DataError(f"{path}: samples must be numbers (samples, …), not {x.dtype} {x.shape}")
    if y.shape != (len(x),):
        raise DataError(f"{path}: {len(x)} samples need as many labels, not {y.shape}")
    if x.size == 0:
        raise DataError(f"{path} holds no samples, or samples without a number")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(f"{path}: {_first_not_finite(x)}; remove or replace such samples first")
    if x.dtype.itemsize > 8 and (np.abs(x) > np.finfo(np.float64).max).any():  # a long double
        raise DataError(f"{path}: samples hold numbers beyond float64: scale them first")
    if y.dtype.kind not in "biufU" or (y.dtype.kind == "f" and not np.isfinite(y).all()):
        raise DataError(f"{path}: labels must be whole numbers or names, none missing")
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        wrong = int(np.flatnonzero(y != np.rint(y))[0])
        raise DataError(
            f"{path}: label {y[wrong]} of sample {wrong} is a real number, as a quantity to "
            "predict has it; classes are learned: make whole numbers or names of its ranges"
        )
    different = len(np.unique(y))
    if different > MAX_CLASSES:
        raise DataError(
            f"{path}: {different} different labels in {len(y)} samples, {MAX_CLASSES} are the "
            "most: are these the labels?"
        )


def _first_not_finite(x: Array) -> str:
    flat = x.reshape(len(x), -1)
    sample, number = np.argwhere(~np.isfinite(flat))[0]
    return f"samples hold NaN or infinity, first in sample {sample}, number {number}"


def _split(path: Path, y: Array, test_fraction: float, seed: int) -> tuple[Array, Array]:
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
        raise DataError(f"{path}: {_why_none_to_test(y, test_fraction)}")
    return everything[~chosen], everything[chosen]


def _why_none_to_test(y: Array, test_fraction: float) -> str:
    classes, counts = np.unique(y, return_counts=True)
    anyway = "a test fraction of 0 (--test-fraction 0) learns all and tests on the same"
    if len(y) == 1:
        return f"there is one sample only, so none is left to test on: {anyway}"
    if counts.max() == 1:
        return (
            f"each of the {len(y)} samples has a label of its own, so that nothing can be learned "
            f"and tested: is this the column of labels (--label-column)? If it is, {anyway}"
        )
    return (
        f"there are too few samples: of {len(classes)} classes the largest has {counts.max()}, and "
        f"{test_fraction:g} of them rounds to none to test on: add samples, raise the fraction, or "
        f"know that {anyway}"
    )


def _encode_labels(
    title: str, path: Path, x_train: Array, y_train: Array, x_test: Array, y_test: Array
) -> Dataset:
    y_train, y_test = _names(y_train), _names(y_test)
    classes = np.unique(y_train)
    unknown = np.setdiff1d(y_test, classes)
    if unknown.size:
        some = ", ".join(shown(name, 40) for name in unknown[:5])
        raise DataError(f"{title}: the test samples hold classes never learned: {some}")
    for name in map(str, classes):
        check_class_name(str(path), name)
    return Dataset(
        title,
        x_train,
        np.searchsorted(classes, y_train).astype(np.int64),
        x_test,
        np.searchsorted(classes, y_test).astype(np.int64),
        tuple(str(name) for name in classes),
    )


def _names(y: Array) -> Array:
    """Return labels of which those that only differ in spaces are one, and 1.0 is 1."""
    if y.dtype.kind == "f":
        return y.astype(np.int64) if (np.abs(y) < 2**62).all() else y
    if y.dtype.kind == "U":
        different, place = np.unique(y, return_inverse=True)
        return np.array([tidy(name) for name in different])[place]
    return y


def check_class_name(source: str, name: str) -> None:
    """Refuse names that cannot be shown.

    Parameters
    ----------
    source : what to say where the name comes from.

    Raises
    ------
    DataError
        If the name is empty, or holds a control or format character.
    """
    bad = unprintable(name)
    if bad is not None or not name:
        why = "is empty" if bad is None else f"holds the character U+{ord(bad):04X}"
        raise DataError(
            f"{shown(source)}: the class name '{shown(name, 40)}' {why}: rename the class"
        )
