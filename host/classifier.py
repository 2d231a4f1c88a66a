"""A device as a scikit-learn estimator: `partial_fit` reaches the hardware."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from edge_naca import recipes
from edge_naca.host.client import BATCH, LinkDevice
from edge_naca.samples import check_labels


class DeviceClassifier(ClassifierMixin, BaseEstimator):
    """Teaches and asks a device as scikit-learn does with its classifiers.

    What was learned lives on the device, so there is no `fit`, which would forget it, and an
    estimator cannot be cloned into another one with a life of its own.

    Parameters
    ----------
    device : open, with an image.
    batch : samples in a request, at most.

    Attributes
    ----------
    labels_ : list
        The class of each index on the device, in the order in which they were met; begins with
        the classes that the image names.
    classes_ : ndarray
        The same, sorted.
    unanswered_ : int
        How many samples of the last `predict` no output neuron answered; the first known class
        stands for them.

    Examples
    --------
    >>> model = DeviceClassifier(Device.open("/dev/ttyACM0"))  # doctest: +SKIP
    >>> model.partial_fit(X_today, y_today).score(X_test, y_test)  # doctest: +SKIP
    """

    def __init__(self, device: LinkDevice, batch: int = BATCH) -> None:
        self.device = device
        self.batch = batch

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> DeviceClassifier:
        """Teach the device samples, in the given order, once.

        Parameters
        ----------
        X : (samples, …), as the network takes them: see `edge_naca.recipes.integers_for`.
        y : (samples,), of any type that can be compared.
        classes : known beforehand, in the order of the device's indices; not needed.
        """
        values = np.asarray(y)
        labels = self._known(values.dtype)
        announced = [] if classes is None else np.asarray(classes).tolist()
        labels = list(dict.fromkeys([*labels, *announced, *values.tolist()]))
        index = np.array([labels.index(value) for value in values.tolist()], np.int64)
        # All is checked before anything is remembered, or sent.
        check_labels(index, len(values), self.device.core.network.capacity)
        self.device.learn_many(self._integers(X), index, self.batch)
        self._remember(labels)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each sample; the device does not learn."""
        if not hasattr(self, "labels_"):
            self._remember(self._known(np.dtype(object)))
        if not self.labels_:
            raise ValueError("the device has learned no class yet: call partial_fit first")
        answers = self.device.predict_many(self._integers(X))
        self.unanswered_ = int((answers < 0).sum())
        return np.array(self.labels_)[np.maximum(answers, 0)]

    def _known(self, kind: np.dtype[Any]) -> list[Any]:
        """Return the classes by index: those met, else those that the image names."""
        if hasattr(self, "labels_"):
            return list(self.labels_)
        names = self.device.core.network.metadata.get("classes")
        named = [str(name) for name in names] if isinstance(names, list) else []
        return named if kind.kind in "OUS" else np.array(named).astype(kind).tolist()

    def _remember(self, labels: list[Any]) -> None:
        self.labels_ = labels
        self.classes_ = np.array(sorted(labels))

    def _integers(self, X: ArrayLike) -> NDArray[Any]:
        return recipes.integers_for(self.device.core.network, np.asarray(X))
