"""What an image's metadata keep of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.classifier.labels import Labels
from edge_naca.classifier.samples import SOURCES
from edge_naca.front_end import FrontEnd
from edge_naca.limits import choice
from edge_naca.network import Network

APART = ("preparation", "front_end", "signal")  # which the image itself holds


@dataclass(frozen=True, eq=False)
class Saved:
    """A classifier without its core.

    Parameters
    ----------
    parameters : as its constructor takes them.
    source : one of `edge_naca.classifier.samples.SOURCES`.
    labels : its classes.
    feature_names : of the columns it was fitted with, if they had names.
    temperature : of its probabilities.
    novelty_limit : above which a sample is unknown; infinite where nothing is.
    """

    parameters: Mapping[str, Any]
    source: str
    labels: Labels
    feature_names: NDArray[Any] | None
    temperature: float
    novelty_limit: float

    def metadata(self) -> dict[str, Any]:
        """Return what the image's metadata say: what JSON can hold."""
        kept = {k: v for k, v in self.parameters.items() if k not in APART}
        names = self.feature_names
        metadata: dict[str, Any] = {
            "classes": self.labels.met.tolist(),
            "classifier": {
                "announced": self.labels.known.tolist(),
                "labels": self.labels.met.dtype.str,
                "feature_names": None if names is None else names.tolist(),
                "source": self.source,
                "temperature": self.temperature,
                "novelty_limit": self.novelty_limit if np.isfinite(self.novelty_limit) else None,
                "parameters": {name: _json(value) for name, value in kept.items()},
            },
        }
        front_end = self.parameters["front_end"]
        return metadata if front_end is None else metadata | front_end.metadata

    @classmethod
    def of(cls, network: Network) -> Saved:
        """Return what the metadata of an image describe.

        Raises
        ------
        KeyError, TypeError, ValueError, AttributeError
            If they describe no classifier.
        """
        about, preparation = network.metadata["classifier"], network.preparation
        if preparation is None:
            raise ValueError("the network has no preparation")
        parameters = dict(about["parameters"])
        if parameters["feature_range"] is not None:
            low, high = parameters["feature_range"]
            parameters["feature_range"] = low, high
        source = choice("source", about["source"], SOURCES)
        parameters["preparation"] = preparation if source == "given" else None
        parameters["signal"] = network.signal
        parameters["front_end"] = FrontEnd.of(network) if source == "front end" else None
        names = about["feature_names"]
        return cls(
            parameters,
            source,
            _labels(network.metadata["classes"], about, network.capacity),
            None if names is None else np.array(names, object),
            _positive("temperature", about["temperature"]),
            np.inf if (limit := about["novelty_limit"]) is None else _positive("novelty", limit),
        )


def _positive(name: str, value: Any) -> float:
    """Return a finite number above 0, or raise if it is none."""
    number = float(value)
    if not 0 < number < np.inf:
        raise ValueError(f"{name} must be a number above 0, not {value!r}")
    return number


def _labels(met: list[Any], about: Mapping[str, Any], capacity: int) -> Labels:
    kind, announced = np.dtype(about["labels"]), about["announced"]
    if kind.kind not in "biufUO":
        raise ValueError(f"labels cannot be {kind}")
    if kind.kind == "U":  # somebody may have added a longer name
        kind = np.promote_types(kind, np.array([*met, *announced], str).dtype)
    labels = Labels(np.array(met, kind), np.unique(np.array(announced, kind)))
    is_distinct = labels.met.ndim == 1 and len(np.unique(labels.met)) == len(labels.met)
    if not is_distinct or not np.isin(labels.met, labels.known).all():
        raise ValueError("classes must be a list of different labels, all of them announced")
    if len(labels.known) > capacity:
        raise ValueError(f"there are more than {capacity} classes")
    return labels


def _json(value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return [_json(part) for part in value] if isinstance(value, (tuple, list)) else value
