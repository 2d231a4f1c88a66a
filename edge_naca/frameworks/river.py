"""The network as a classifier of River, which hands over one sample at a time."""

from __future__ import annotations

from collections.abc import Hashable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.extras import require

require("river")

from river import base  # noqa: E402 - the extra is asked for first
from river.base.typing import ClfTarget  # noqa: E402

from edge_naca.classifier.estimator import NacaClassifier  # noqa: E402


class NacaRiverClassifier(base.Classifier):
    """A spiking network that learns one sample at a time, in the C core that devices run.

    It is `edge_naca.NacaClassifier` behind River's `learn_one` and `predict_one`. The features of
    the first sample are those of the network, as a sensor's channels are: later ones are left out,
    and one that is missing counts as the mean of what it was so far.

    Parameters
    ----------
    neurons_per_class : int or None, default None
        Hidden neurons of each class; None: 30, or 6 where features are decorrelated.
    max_classes : int or None, default None
        Classes there is room for at first; the network grows when more come. None: 16.
    scaling : str, default "auto"
        How features become codes, as of `NacaClassifier`.
    bits : int or None, default None
        Of the code that a feature becomes, 1 .. 8.
    calibration : int, default 100
        Samples by which features are scaled; up to then all of them are learned anew as they come.
    seed : int, default 0
        Of stochastic rounding.

    Attributes
    ----------
    model : edge_naca.NacaClassifier
        What learns; None before the first sample. Its classes are the places of labels in
        `labels`, and its `to_image` makes an image for a device.
    labels : list
        Labels, in the order in which they came.
    features : list of hashables
        Names of features, in the order in which the network takes them.

    Examples
    --------
    >>> from river import datasets, evaluate, metrics
    >>> from edge_naca.frameworks.river import NacaRiverClassifier
    >>> model = NacaRiverClassifier(scaling="standard")
    >>> metric = evaluate.progressive_val_score(datasets.ImageSegments().take(600), model,
    ...                                         metrics.Accuracy())
    >>> metric.get() > 0.8
    True
    """

    def __init__(
        self,
        neurons_per_class: int | None = None,
        max_classes: int | None = None,
        scaling: str = "auto",
        bits: int | None = None,
        calibration: int = 100,
        seed: int = 0,
    ) -> None:
        self.neurons_per_class = neurons_per_class
        self.max_classes = max_classes
        self.scaling = scaling
        self.bits = bits
        self.calibration = calibration
        self.seed = seed
        self.model: NacaClassifier | None = None
        self.labels: list[ClfTarget] = []
        self.features: list[Hashable] = []
        self._sums = np.zeros(0)
        self._counts = np.zeros(0)

    @property
    def _multiclass(self) -> bool:
        return True

    def learn_one(self, x: dict[Hashable, Any], y: ClfTarget, **kwargs: Any) -> None:
        """Learn a sample.

        Parameters
        ----------
        x : numbers by the names of features.
        y : its label.

        Raises
        ------
        ValueError
            If a feature is no number, or the first sample has none.
        """
        if self.model is None:
            if not x:
                raise ValueError("the first sample has no features: there is nothing to learn from")
            self.features = sorted(x, key=str)
            self._sums = np.zeros(len(self.features))
            self._counts = np.zeros(len(self.features))
            self.model = NacaClassifier(
                self.neurons_per_class,
                max_classes=self.max_classes,
                scaling=self.scaling,
                bits=self.bits,
                calibration=self.calibration,
                random_state=self.seed,
            )
        sample, is_there = self._row(x)
        if y not in self.labels:
            self.labels.append(y)
        self.model.partial_fit(sample[None], [self.labels.index(y)])
        self._sums += np.where(is_there, sample, 0)
        self._counts += is_there

    def predict_proba_one(self, x: dict[Hashable, Any], **kwargs: Any) -> dict[ClfTarget, float]:
        """Return the probability of each label; nothing before a sample was learned."""
        if self.model is None:
            return {}
        chances = self.model.predict_proba(self._row(x)[0][None])[0]
        pairs = zip(self.model.classes_, chances, strict=True)
        return {self.labels[place]: float(chance) for place, chance in pairs}

    def _row(self, x: dict[Hashable, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return a sample as the network takes it, and which of its features were there."""
        means = self._sums / np.maximum(self._counts, 1)
        is_there = np.array([name in x for name in self.features])
        for name in self.features:
            if name in x and not isinstance(x[name], Real | np.bool_):
                raise ValueError(
                    f"feature {name!r} is {x[name]!r}, which is no number: River's OneHotEncoder "
                    "or TargetAgg in front makes numbers of names"
                )
        known = zip(self.features, means, strict=True)
        return np.array([float(x.get(name, mean)) for name, mean in known]), is_there
