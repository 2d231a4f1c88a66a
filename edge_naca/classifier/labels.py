"""Class labels: of any type that scikit-learn takes, and the core's index of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.printable import check_names


@dataclass(frozen=True, eq=False)
class Labels:
    """Known classes.

    Parameters
    ----------
    met : the class of each index in the core, in the order in which they were met.
    known : those met and those announced, sorted.
    """

    met: NDArray[Any]
    known: NDArray[Any]

    def extended(
        self, y: NDArray[Any], announced: NDArray[Any] | None
    ) -> tuple[Labels, NDArray[np.int32]]:
        """Return the labels with new classes taken in, and the core's index of each of `y`.

        Parameters
        ----------
        y : labels (n,), looked at by `different`.
        announced : what `different` makes of classes that may come; None for the known ones.

        Raises
        ------
        ValueError
            If some are strings and some are numbers, or no type holds the old and the new ones.
        """
        announced = self.known if announced is None else announced
        distinct, first, inverse = np.unique(y, return_index=True, return_inverse=True)
        for name, labels in (("y", distinct), ("classes", announced)):
            for other in (distinct, self.known):
                if labels.size and other.size and _is_text(labels) != _is_text(other):
                    raise ValueError(
                        f"{name} holds {labels[0]!r}, but other classes are like {other[0]!r}: "
                        "labels must be either all strings or all numbers"
                    )
        before = set(self.met.tolist())
        new = [place for place in np.sort(first) if y[place] not in before]
        met = _join(self.met, y[new])
        index = {label: number for number, label in enumerate(met.tolist())}
        if len(index) < len(met) or not index.keys() >= set(distinct.tolist()):
            raise ValueError(
                f"labels of {y.dtype} and those of {self.met.dtype} before cannot be kept apart in "
                f"{met.dtype}: hand over all labels in one type"
            )
        numbers = np.array([index[label] for label in distinct.tolist()], np.int32)
        labels_ = Labels(met, np.unique(_join(self.known, _join(announced, met))))
        return labels_, np.asarray(numbers[inverse.reshape(-1)])


def different(name: str, labels: NDArray[Any]) -> NDArray[Any]:
    """Return the different ones among labels, sorted.

    Raises
    ------
    ValueError
        If they are none that metadata, which are JSON, can keep.
    """
    kind = labels.dtype.kind
    if kind == "O" and not all(isinstance(label, str) for label in labels.flat):
        raise ValueError(f"{name} must hold strings only, or numbers only")
    if kind not in "biufUO" or (kind == "f" and labels.dtype.itemsize > 8):
        raise ValueError(
            f"{name} holds {labels.dtype}, which an image cannot keep: hand over {name} as strings "
            "or as numbers of at most 64 bits"
        )
    if kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} holds NaN or infinity, which are no classes")
    found = np.unique(labels)
    check_names(f"{name}: the class", found.tolist())
    return found


def _is_text(labels: NDArray[Any]) -> bool:
    return isinstance(labels[0], str)


def _join(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    if not first.size:
        return second
    if not second.size:
        return first
    if {first.dtype.kind, second.dtype.kind} == {"i", "u"}:
        # Real numbers, which numpy would make of both, lose the last digits of large ones.
        most = max(int(first.max()), int(second.max()))
        least = min(int(first.min()), int(second.min()))
        if most < 2**63 or least >= 0:
            both = np.int64 if most < 2**63 else np.uint64
            return np.concatenate([first.astype(both), second.astype(both)])
    return np.concatenate([first, second])
