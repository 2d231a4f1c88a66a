"""A device as a scikit-learn estimator: `partial_fit` reaches the hardware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from edge_naca.host.client import BATCH, LinkDevice
from edge_naca.samples import check_labels, check_samples, default_kind


class DeviceClassifier(ClassifierMixin, BaseEstimator):
    """Teaches and asks a device as scikit-learn does with its classifiers.

    What was learned lives on the device: a clone is another estimator over the same device, and
    `fit` makes the device forget.

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
    n_features_in_ : int
        How many numbers a sample has.
    unanswered_ : int
        How many samples of the last `predict` no output neuron answered; the first known class
        stands for them.

    Examples
    --------
    >>> model = DeviceClassifier(open_device("/dev/ttyACM0"))  # doctest: +SKIP
    >>> model.partial_fit(X_today, y_today).score(X_test, y_test)  # doctest: +SKIP
    """

    def __init__(self, device: LinkDevice, batch: int = BATCH) -> None:
        self.device = device
        self.batch = batch

    def fit(self, X: ArrayLike, y: ArrayLike) -> DeviceClassifier:
        """Bring the device back to its image's own state, then teach it; what is saved stays."""
        index, labels = self._indices(y, None, self._named)
        samples = self._checked(X, len(index))
        self.device.reset("learned")
        return self._teach(samples, index, labels)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> DeviceClassifier:
        """Teach the device samples, in the given order, once.

        Parameters
        ----------
        X : (samples, …), as the network takes them: see `edge_naca.samples.check_samples`.
        y : (samples,), of any type that can be compared.
        classes : known beforehand, in the order of the device's indices; not needed.

        Raises
        ------
        ValueError
            If samples or labels are not as described, or the device has no room for a new class.
            Nothing is taught then.
        """
        index, labels = self._indices(y, classes, self._known)
        return self._teach(self._checked(X, len(index)), index, labels)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each sample; the device does not learn.

        Raises
        ------
        NotFittedError
            If neither this estimator nor the device's image knows a class.
        """
        if not self.__sklearn_is_fitted__():
            raise NotFittedError("the device has learned no class yet: call partial_fit first")
        if not hasattr(self, "labels_"):
            self._remember(self._named(np.dtype(object)))
        answers = self.device.predict_many(self._checked(X))
        self.unanswered_ = int((answers < 0).sum())
        return np.array(self.labels_)[np.maximum(answers, 0)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "labels_") or bool(self._named(np.dtype(object)))

    def __sklearn_clone__(self) -> DeviceClassifier:
        return DeviceClassifier(self.device, self.batch)

    def _teach(
        self, samples: NDArray[Any], index: NDArray[np.int64], labels: list[Any]
    ) -> DeviceClassifier:
        self.device.learn_many(samples, index, self.batch)
        self._remember(labels)
        return self

    def _indices(
        self, y: ArrayLike, classes: ArrayLike | None, known: Callable[[np.dtype[Any]], list[Any]]
    ) -> tuple[NDArray[np.int64], list[Any]]:
        """Check labels, and return their indices, and the label of each index."""
        if y is None:
            raise ValueError("this estimator requires y: teaching takes labels")
        values = column_or_1d(y)
        announced = [] if classes is None else np.asarray(classes).tolist()
        labels = list(dict.fromkeys([*known(values.dtype), *announced, *values.tolist()]))
        try:
            check_classification_targets(values)
            _sorted(labels)
        except TypeError as error:
            raise ValueError(
                f"labels have to be of one kind, to be compared: {labels[:5]} are not"
            ) from error
        place = {label: number for number, label in enumerate(labels)}
        index = np.array([place[value] for value in values.tolist()], np.int64)
        check_labels(index, len(values), self.device.core.network.capacity)
        return index, labels

    def _known(self, kind: np.dtype[Any]) -> list[Any]:
        """Return the classes by index: those met, else those that the image names."""
        return list(self.labels_) if hasattr(self, "labels_") else self._named(kind)

    def _named(self, kind: np.dtype[Any]) -> list[Any]:
        """Return the classes that the image names, as labels of that kind."""
        names = self.device.core.network.metadata.get("classes")
        named = [str(name) for name in names] if isinstance(names, list) else []
        if kind.kind not in "iuf":
            return named
        try:
            return np.array(named).astype(kind).tolist()
        except ValueError as error:
            raise ValueError(
                f"the image's classes are {', '.join(named)}: labels have to be these names, "
                "not numbers"
            ) from error

    def _remember(self, labels: list[Any]) -> None:
        self.labels_ = labels
        self.classes_ = _sorted(labels)
        self.n_features_in_ = self._features

    @property
    def _features(self) -> int:
        network = self.device.core.network
        return network.inputs if network.preparation is None else network.preparation.raw_count

    def _checked(self, X: ArrayLike, count: int | None = None) -> NDArray[Any]:
        network = self.device.core.network
        samples = check_samples(network, X, default_kind(network))
        if count is not None and len(samples) != count:
            raise ValueError(f"there are {len(samples)} samples, but {count} labels")
        return samples


def _sorted(labels: list[Any]) -> NDArray[Any]:
    return np.array(sorted(labels))
