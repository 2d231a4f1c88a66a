"""How an image was made, kept in its metadata."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from edge_naca import __version__
from edge_naca.cli.common import command_line

if TYPE_CHECKING:
    from edge_naca.data import Dataset
    from edge_naca.network import Network
    from edge_naca.scenarios import History


def record(
    dataset: Dataset, history: History, order: str, epochs: int, seed: int
) -> dict[str, Any]:
    """Return what a training was and what came out."""
    return source(dataset) | {
        "samples": sum(len(stage.indices) for stage in history.stages),
        "order": order,
        "epochs": epochs,
        "seed": seed,
        "accuracy": history.final,
        "forgetting": None if isnan(history.forgetting) else history.forgetting,
    }


def source(dataset: Dataset) -> dict[str, Any]:
    """Return the command that makes an image, and the data it looks at."""
    return {
        "command": command_line(),
        "version": __version__,
        "data": dataset.name,
        "digest": dataset.digest(),
    }


def is_learned(network: Network, digests: Collection[str]) -> bool:
    """Tell whether an image was taught with training samples of one of these digests."""
    return any(entry.get("digest") in digests for entry in trainings(network))


def trainings(network: Network) -> list[dict[str, Any]]:
    """Return the records of an image's trainings; what is no record is passed over."""
    records = network.metadata.get("training")
    if not isinstance(records, list):
        return []
    return [entry for entry in records if isinstance(entry, dict)]


def with_record(
    network: Network, classes: Sequence[str], columns: Sequence[str], training: dict[str, Any]
) -> Network:
    """Return the network with names and one more training in its metadata."""
    network = with_names(network, classes, columns)
    metadata = network.metadata | {"training": [*trainings(network), training]}
    return replace(network, metadata=metadata)


def with_names(network: Network, classes: Sequence[str], columns: Sequence[str]) -> Network:
    """Return the network with the names of classes and columns in its metadata."""
    metadata = network.metadata | {"classes": list(classes)}
    if columns:
        metadata["columns"] = list(columns)
    # What NacaClassifier notes about itself would no longer agree with the classes.
    metadata.pop("classifier", None)
    return replace(network, metadata=metadata)
