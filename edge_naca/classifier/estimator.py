"""A scikit-learn classifier whose engine is the C core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from edge_naca import image, presets
from edge_naca.asking import Asking, doubts
from edge_naca.classifier.decisions import class_scores, margins_and_answers, typical_square
from edge_naca.classifier.labels import Labels, different
from edge_naca.classifier.parameters import check_parameters
from edge_naca.classifier.samples import CALIBRATED, GIVEN, as_taken, featured, plain
from edge_naca.classifier.saved import Saved
from edge_naca.classifier.temperature import USUAL, best_temperature
from edge_naca.classifier.weights import of_priors, times
from edge_naca.core import Core, CoreError
from edge_naca.files import read_file, write_file
from edge_naca.front_end import FrontEnd
from edge_naca.growing import grown
from edge_naca.holding_out import FOLD, LEAST, folds, held_out
from edge_naca.image import ImageError
from edge_naca.limits import MAX_CLASSES, MAX_LEARNED_INPUTS, MAX_UNITS, whole
from edge_naca.network import Network, Preparation
from edge_naca.novelty import answering_none, in_units, limit_for, novelties, share_of_1
from edge_naca.printable import check_names
from edge_naca.recipes import typical_norm, usual_neurons
from edge_naca.scaling import BITS, plan
from edge_naca.signal_features import Signal
from edge_naca.specification.arithmetic import POTENTIAL_MAX

ROOM = 16  # classes that partial_fit makes room for when nobody says how many will come


class NacaClassifier(ClassifierMixin, BaseEstimator):
    """A spiking network that learns one sample at a time, in the C core that devices run.

    The network is `edge_naca.presets.competitive`: every class owns a group of hidden neurons,
    each of which comes to stand for some of its samples; the neuron nearest to a sample spikes
    and names the class. A sample moves neurons of its own class only, so classes
    may come one after another, and new ones at any time.

    Parameters
    ----------
    neurons_per_class : int or None, default None
        Hidden neurons of each class. Times the classes there is room for: at most 4096. None: 30,
        or 6 where features are decorrelated, or as many as there is room for.
    max_classes : int or None, default None
        Classes there is room for at first, 1 .. 1024; the network grows when more come, which it
        cannot on a device. None: what `fit` finds, or 16 when `partial_fit` comes first.
    scaling : {"auto", "edges", "pixels", "decorrelated", "standard", "centred"}, default "auto"
        "edges", for square images of 16 × 16 pixels or more, flattened: how strong edges of four
        orientations are in each cell. "pixels", for smaller images, counts and spectra: all
        features share one scale, zero stays zero, and each sample is brought to the same norm.
        "decorrelated", for up to 128 features: each is centred and divided by its standard
        deviation, codes cover ±4 deviations, and a population between them and the hidden neurons
        learns to decorrelate what they do not explain. "standard": the same without that
        population, split into an on and an off input; codes cover ±2.5 deviations. "centred": for
        one class, which `is_unknown` then tells from everything else: codes cover ±12 deviations,
        the mean in their middle. "auto": "centred" with `max_classes` 1, else the first that
        suits of "edges" if neighbouring features are as alike as pixels, "pixels" if
        there are 16 features or more, none negative, with many zeros and of similar size.
    feature_range : (low, high) or None, default None
        What the codes cover, instead of what the first samples show: two numbers, or two arrays
        (n_features,). What lies outside counts as the nearer end; with "pixels", `high` may be
        exceeded up to four times.
    preparation : edge_naca.Preparation or None, default None
        How the device prepares samples, which then are integers and go there as they are;
        `scaling` and `feature_range` are not used.
    front_end : edge_naca.front_end.FrontEnd or None, default None
        Frozen stages that come first (`edge_naca.export.onnx_front_end`, or those of an image):
        what they give is learned from. `X` is what they were calibrated on, images flattened.
        `preparation`, `scaling`, `feature_range` and `bits` are then the front end's.
    signal : edge_naca.signal_features.Signal or None, default None
        What makes features of windows of a sensor's signal, here and on a device. X then holds
        windows (n, window, channels), or the same flattened (n, window · channels), cut with
        `edge_naca.signals.recordings.cut`, whose groups are for GroupKFold.
    bits : int or None, default None
        Of the code that a feature becomes, 1 .. 8 (1 .. 4 with 4-bit weights). None: 3 for edges,
        7 where they are centred, else 4.
    weight_bits : {8, 4}, default 8
        Of a hidden weight: what most of the learned state consists of. With 4, features are not
        decorrelated.
    rate_floor : float, default 0.02
        What a neuron's learning rate falls to; higher follows drift, lower averages more.
    homeostasis : float, default 5e-5
        How evenly a class's neurons share its samples.
    depression : float, default 0
        How hard a nearer neuron of the wrong class is pushed away, 0 .. 1.
    grading : float, default 0.5
        What the learning rate is multiplied by from one neuron of the sample's class to the next
        one, the nearest first, 0 .. 1. 0: the nearest alone learns.
    calibration : int, default 100
        `partial_fit` keeps samples until it has seen this many, and two classes (or ten times as
        many), and up to then scales, and learns, anew from all of them: the scale is no accident
        of the first few. Then it is fixed. It is fixed at once after `fit`, after `to_image`, and
        where `feature_range`, `preparation` or `front_end` say everything. Where classes come one
        after another and later ones lie many standard deviations away, give `feature_range`.
    epochs : int, default 1
        Times that `fit` goes through the samples. `partial_fit` always goes through once.
    shuffle : bool, default False
        Whether samples are put into a random order first; else they are learned as they come.
    priors : None, "uniform" or array-like (n_classes,), default None
        How common classes are where the classifier is used, in the order of `classes_`: `fit`
        learns samples of some classes several times, so that they are as common, and none less
        than once. None: as common as in the samples.
    temperature : float or None, default None
        Of `predict_proba`, in the unit of `decision_function`: the higher, the less sure. None:
        `fit` learns four fifths of the samples first and takes what suits the other fifth, then
        begins anew with all; `partial_fit` takes 0.03 where `fit` has not found better.
    false_alarms : float, default 0.05
        Share of samples of known classes that `is_unknown` may take for something else.
    random_state : int, RandomState or None, default None
        Of stochastic rounding and of `shuffle`. None stands for 0: results always repeat.
    verbose : bool, default False
        Whether `fit` shows its progress.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        Known classes, sorted: those met, and those announced to `partial_fit`.
    labels_ : ndarray
        The class of each index in the core, in the order in which they were met.
    n_features_in_, feature_names_in_ : as everywhere in scikit-learn.
    core_ : edge_naca.Core
        The C core with all that was learned.
    temperature_ : float
        What `predict_proba` takes where `temperature` is None.
    novelty_limit_ : float
        The novelty above which `is_unknown` calls a sample unknown: chosen by `fit` on the samples
        held out, infinite before that.
    preparation_ : edge_naca.network.Preparation
        What makes codes of samples, on a device as here. Its `affine` says whether it takes real
        numbers: it is None when a `preparation` without one is given, and for integer features.

    Notes
    -----
    Estimator tags: all are scikit-learn's defaults for a classifier. In particular, equal data in
    equal order always give equal results, so it is deterministic; sparse matrices, missing
    values and several outputs at once are not supported.

    A call that raises an error leaves everything learned as it was.

    Predictions may be made from several threads at the same time.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from edge_naca import NacaClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> names = np.array(["setosa", "versicolor", "virginica"])[y]
    >>> model = NacaClassifier(max_classes=3, feature_range=(X.min(axis=0), X.max(axis=0)))
    >>> for name in ["virginica", "setosa", "versicolor"]:  # one class after another
    ...     model = model.partial_fit(X[names == name], names[names == name])
    >>> print(*model.classes_)
    setosa versicolor virginica
    >>> print(*model.predict([[5.0, 3.4, 1.5, 0.2], [6.7, 3.1, 5.6, 2.4]]))
    setosa virginica
    >>> again = NacaClassifier.from_image(model.to_image())
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """

    # Samples, and their classes in the core, from which calibration goes on; None when it is over.
    _kept: tuple[NDArray[Any], NDArray[np.int32]] | None
    _asking: Asking | None  # since labels were asked for
    core_: Core
    _source: str  # what says how features become codes, one of `samples.SOURCES`
    _network_seed: int

    def __init__(
        self,
        neurons_per_class: int | None = None,
        *,
        max_classes: int | None = None,
        scaling: str = "auto",
        feature_range: tuple[ArrayLike, ArrayLike] | None = None,
        preparation: Preparation | None = None,
        front_end: FrontEnd | None = None,
        signal: Signal | None = None,
        bits: int | None = None,
        weight_bits: int = 8,
        rate_floor: float = 0.02,
        homeostasis: float = 5e-5,
        depression: float = 0.0,
        grading: float = 0.5,
        calibration: int = 100,
        epochs: int = 1,
        shuffle: bool = False,
        priors: str | ArrayLike | None = None,
        temperature: float | None = None,
        false_alarms: float = 0.05,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.neurons_per_class = neurons_per_class
        self.max_classes = max_classes
        self.scaling = scaling
        self.feature_range = feature_range
        self.preparation = preparation
        self.front_end = front_end
        self.signal = signal
        self.bits = bits
        self.weight_bits = weight_bits
        self.rate_floor = rate_floor
        self.homeostasis = homeostasis
        self.depression = depression
        self.grading = grading
        self.calibration = calibration
        self.epochs = epochs
        self.shuffle = shuffle
        self.priors = priors
        self.temperature = temperature
        self.false_alarms = false_alarms
        self.random_state = random_state
        self.verbose = verbose

    # ---- learning ------------------------------------------------------------------------

    def fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> NacaClassifier:
        """Forget everything, calibrate on all samples, and learn them in the order given.

        Parameters
        ----------
        X : real numbers or integers (n_samples, n_features).
        y : class labels (n_samples,): integers, strings, booleans.
        sample_weight : how often each is learned (n_samples,), one right after the other; of 2.3,
            twice, and in three of ten cases once more. None for once.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong; the message names it.
        """
        with self._all_or_nothing():
            check_parameters(vars(self))
            samples, labels = self._validate(X, y, reset=True)
            self._forget()
            samples, labels = self._repeated(samples, labels, sample_weight, self.priors)
            different("y", labels)
            self._labels, indices = self._labels.extended(labels, None)
            self._set_up(samples, max(self.max_classes or 0, len(self.labels_)))
            self._calibrate_doubt(samples, indices)
            self._learn(self.core_, samples, indices, self.epochs)
            self._kept = None
        return self

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> NacaClassifier:
        """Learn samples, once and in the order given, on top of what was learned before.

        Parameters
        ----------
        X : real numbers or integers (n_samples, n_features).
        y : class labels (n_samples,); those never met before are new classes.
        classes : labels that may come, as other scikit-learn classifiers want to know them; they
            appear in `classes_` at once. Not needed here.
        sample_weight : as of `fit`.

        Raises
        ------
        ValueError, TypeError
            If an argument or a parameter is wrong (the message names it), or so many classes make
            more neurons than a network may have. What was learned before is then as it was.
        """
        with self._all_or_nothing():
            is_first = not hasattr(self, "core_")
            check_parameters(vars(self))
            samples, labels = self._validate(X, y, reset=is_first)
            announced = None if classes is None else different("classes", np.asarray(classes))
            if is_first:
                self._forget()
            samples, labels = self._repeated(samples, labels, sample_weight, None)
            room = self._room(is_first, different("y", labels), announced)
            self._labels, indices = self._labels.extended(labels, announced)
            if self._asking is not None:
                self._asking = self._asking.having_heard(indices.tolist())
            if self._kept is None:
                self._grow(len(self.classes_))
                self._learn(self.core_, samples, indices, 1)
            else:
                self._calibrate(samples, indices, max(room, len(self.classes_)))
        return self

    def _grow(self, classes: int) -> None:
        """Make room for so many classes, and some more, if there is none."""
        network = self.core_.network
        if classes <= network.capacity:
            return
        most = min(MAX_UNITS * network.capacity // network.populations[0].neurons, MAX_CLASSES)
        if classes > most:
            raise ValueError(
                f"y and classes make it {classes} classes, but of {self.core_.network.topology} "
                f"there is room for {most} at most: take a smaller neurons_per_class"
            )
        self.core_ = Core(*grown(network, self.core_.state(), min(2 * classes, most)))

    def _forget(self) -> None:
        none = np.zeros(0, np.int32)
        self._labels = Labels(none, none)
        self._kept = none, none
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = 0 if seed is None else check_random_state(seed).randint(2**31)
        self._network_seed = int(seed)
        self.temperature_, self.novelty_limit_ = USUAL, np.inf
        self._asking = None

    def _room(self, is_first: bool, found: NDArray[Any], announced: NDArray[Any] | None) -> int:
        if not is_first:
            return self.core_.network.capacity
        if self.max_classes is not None:
            return int(self.max_classes)
        known = len(found) if announced is None else len(announced)
        return max(min(ROOM, MAX_UNITS // (self.neurons_per_class or 1)), len(found), known)

    def _calibrate(self, samples: NDArray[Any], indices: NDArray[np.int32], room: int) -> None:
        """Scale and learn anew, from all samples seen so far."""
        assert self._kept is not None
        learned = len(self._kept[1])
        order = np.arange(learned + len(samples))
        if self.shuffle and learned < len(order):
            rng = np.random.default_rng([self._network_seed, learned])
            order[learned:] = rng.permutation(order[learned:])
        if learned:
            samples = np.concatenate([self._kept[0], samples])
        # Indexing copies: what is kept must not change with the caller's array.
        samples, indices = samples[order], np.concatenate([self._kept[1], indices])[order]
        self._set_up(samples, room)
        self.core_.learn_many(self._raw(samples), indices)
        # The spread of a single class says little about where others lie.
        enough = self.calibration * (1 if len(self.labels_) > 1 else 10)
        goes_on = self._source in CALIBRATED and len(samples) < enough
        self._kept = (samples, indices) if goes_on else None

    def _calibrate_doubt(self, samples: NDArray[Any], indices: NDArray[np.int32]) -> None:
        """Choose how sure probabilities are, and what is unknown, on samples held out."""
        is_out = held_out(indices)
        is_alone = len(self.labels_) == 1
        # Of one class alone, novelty says something where the scaling is made for that.
        if (is_alone and self._source != "centred") or is_out.sum() < LEAST:
            return
        fold = folds(len(indices))
        known = []  # novelties of samples that were left out
        for part in [fold == one for one in range(FOLD)] if is_alone else [is_out]:
            core = Core(self.core_.network)
            self._learn(core, samples[~part], indices[~part], self.epochs)
            raw = self._raw(samples[part])
            known.append(novelties(core, raw))
        if not is_alone:
            column = np.searchsorted(self.classes_, self.labels_[indices[is_out]])
            self.temperature_ = best_temperature(self._scores(raw, core), column)
        limit = limit_for(np.concatenate(known), self.false_alarms)
        self.novelty_limit_ = float(share_of_1(limit))

    def _learn(
        self, core: Core, samples: NDArray[Any], indices: NDArray[np.int32], epochs: int
    ) -> None:
        raw = self._raw(samples, is_learning=True)
        for _ in self._progress(epochs):
            order: Any = slice(None)
            if self.shuffle:
                learned = core.learned()
                order = np.random.default_rng([core.network.seed, learned]).permutation(len(raw))
            core.learn_many(raw[order], indices[order])

    def _progress(self, epochs: int) -> Any:
        if not self.verbose or epochs == 1:
            return range(epochs)
        from rich.progress import track

        return track(range(epochs), "learning")

    def _set_up(self, samples: NDArray[Any], capacity: int) -> None:
        """Make a network that has learned nothing, scaled for these samples."""
        whole("max_classes, or the classes found", capacity, 1, MAX_CLASSES)
        neurons = self.neurons_per_class
        if neurons is not None and capacity * neurons > MAX_UNITS:
            raise ValueError(
                f"neurons_per_class={neurons} makes {capacity * neurons} hidden neurons for "
                f"{capacity} classes (max_classes={self.max_classes}), but there is room for "
                f"{MAX_UNITS}: neurons_per_class can be {MAX_UNITS // capacity} at most"
            )
        bits, inhibition = self.bits or BITS, None
        front_end, norm = self.front_end, None
        preparation = self.preparation if front_end is None else front_end.preparation
        self._source = "given" if front_end is None else "front end"
        if preparation is None:
            scaled = plan(
                samples,
                self.bits,
                self._scaling(samples.shape[1], capacity),
                self.feature_range,
                may_decorrelate=self.weight_bits == 8,
            )
            preparation, bits, inhibition = scaled.preparation, scaled.bits, scaled.inhibition
            self._source = scaled.source if self.feature_range is None else "range"
        elif preparation.raw_count != samples.shape[1]:
            raise ValueError(
                f"X has {samples.shape[1]} features, but preparation wants {preparation.raw_count} "
                f"numbers, shape {preparation.shape}"
            )
        self.preparation_ = preparation
        if front_end is not None:
            norm = typical_norm(front_end, self._raw(samples))
        network = presets.competitive(
            preparation if front_end is None else front_end,
            capacity,
            usual_neurons(capacity, inhibition, self._source) if neurons is None else neurons,
            bits=bits,
            norm=norm,
            weight_bits=self.weight_bits,
            rate_floor=self.rate_floor,
            homeostasis=self.homeostasis,
            depression=self.depression,
            grading=self.grading,
            inhibition=inhibition,
            seed=self._network_seed,
        )
        self.core_ = Core(replace(network, signal=self.signal))
        # Three times as strong as a typical sample must still fit.
        if self._source not in GIVEN and 3 * self._unit() > POTENTIAL_MAX:
            raise ValueError(
                f"bits={bits} makes numbers too large for {samples.shape[1]} features: "
                "potentials would saturate; use fewer bits"
            )

    def _scaling(self, features: int, capacity: int) -> str:
        """Return the scaling, which of a signal's features is never that of pixels."""
        if self.scaling == "auto" and capacity == 1:
            return "centred"
        if self.signal is None or self.scaling != "auto":
            return self.scaling
        can_decorrelate = features <= MAX_LEARNED_INPUTS and self.weight_bits == 8
        return "decorrelated" if can_decorrelate else "standard"

    # ---- predicting ----------------------------------------------------------------------

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each sample, (n_samples,).

        Raises
        ------
        NotFittedError
            If nothing has been learned yet.
        ValueError
            If `X` is not finite numbers ``(n_samples, n_features_in_)``.
        """
        raw = self._checked(X)
        answers = self.core_.predict_many(raw)
        silent = np.flatnonzero(answers < 0)
        if silent.size:
            answers[silent] = margins_and_answers(self.core_, len(self.labels_), raw[silent])[1]
        return np.asarray(self.labels_[answers])

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how strongly each class's best neuron was driven.

        That is the potential above threshold at the last step, which ranks neurons by Euclidean
        distance between sample and weights, in units of a typical squared distance.

        Returns
        -------
        float64 (n_samples, n_classes) in the order of `classes_`; with two classes (n_samples,),
        the second one's minus the first one's. The greatest belongs to what `predict` answers. A
        class that was announced, but not met, has one less than the least of the others.
        """
        scores = self._scores(self._checked(X))
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the softmax of what `decision_function` has of each class, over a temperature.

        Returns
        -------
        float64 (n_samples, n_classes) in the order of `classes_`. Every row adds up to 1. They
        rank classes as `predict` does; how sure they are depends on `temperature`, or on
        `temperature_` where that is None.
        """
        scores = self._scores(self._checked(X))
        temperature = self.temperature_ if self.temperature is None else self.temperature
        return np.asarray(softmax(scores / temperature, axis=1))

    def novelty(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how little each sample looks like any known class.

        Returns
        -------
        float64 (n_samples,), from 0. It is the squared distance to the nearest neuron over the mean
        of those to the nearest neurons of other classes and the sample's own squared norm.
        """
        raw = self._checked(X)
        return share_of_1(novelties(self.core_, raw))

    def is_unknown(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each sample's novelty is above `novelty_limit_`, (n_samples,).

        Of samples of known classes, as `fit` saw them, `false_alarms` are taken for unknown.

        Raises
        ------
        NotFittedError
            If `fit` has set no limit: after `partial_fit` alone, with one class or few samples.
            Then set `novelty_limit_` to one of your own.
        """
        scores = self.novelty(X)
        return scores > self._novelty_limit()

    def wants_label(self, X: ArrayLike, share: float = 0.1) -> NDArray[np.bool_]:
        """Return which samples are worth asking a person for their label, (n_samples,).

        Ask for these, and hand them to `partial_fit`: how samples to come are judged depends on
        what has been asked, so ask about one after another, or about few at a time.

        Parameters
        ----------
        share : of samples that are asked for, on the average.

        See Also
        --------
        edge_naca.asking : how it is decided.
        """
        raw = self._checked(X)
        if self._asking is None or self._asking.share != share:
            self._asking = Asking(share, self._network_seed)
        return np.array([self._asking.wants_label(doubt) for doubt in doubts(self.core_, raw)])

    def _novelty_limit(self) -> float:
        if not np.isfinite(self.novelty_limit_):
            raise NotFittedError(
                "no limit of novelty is known: `fit` takes it from samples held out, of two "
                "classes or more or, with max_classes=1, of one, and `partial_fit` holds none "
                "out. Set one of your own, as in model.novelty_limit_ = "
                "np.quantile(model.novelty(X_known), 0.95), with samples of known classes that "
                "were not learned"
            )
        return self.novelty_limit_

    def _scores(self, raw: NDArray[Any], core: Core | None = None) -> NDArray[np.float64]:
        core = core or self.core_
        return class_scores(core, self.labels_, self.classes_, raw, self._unit())

    def _unit(self) -> float:
        return typical_square(self.core_.network, self.front_end is not None)

    # ---- checks --------------------------------------------------------------------------

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """Undo every attribute set when an error occurs; until then nothing changes in place."""
        before = dict(self.__dict__)
        try:
            yield
        except BaseException:
            for name in set(self.__dict__) - set(before):
                del self.__dict__[name]
            self.__dict__.update(before)
            raise

    def _validate(
        self, X: ArrayLike, y: ArrayLike, reset: bool
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        samples, labels = validate_data(self, self._flat(X), y, reset=reset)
        check_names("X: the column", getattr(self, "feature_names_in_", ()))
        check_classification_targets(labels)
        return self._featured(samples), labels

    def _repeated(
        self,
        samples: NDArray[Any],
        labels: NDArray[Any],
        sample_weight: ArrayLike | None,
        priors: Any,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return samples as often as they are to be learned."""
        if sample_weight is None and priors is None:
            return samples, labels
        weights = _check_sample_weight(sample_weight, samples, dtype=np.float64)
        if priors is not None:
            classes, column = np.unique(labels, return_inverse=True)
            weights = weights * of_priors(column, priors, len(classes))
        counts = times(weights, self._network_seed)
        return np.repeat(samples, counts, axis=0), np.repeat(labels, counts)

    def _flat(self, X: ArrayLike) -> ArrayLike:
        """Return windows as rows."""
        if self.signal is None or np.ndim(X) != 3:
            return X
        windows = np.asarray(X)
        return windows.reshape(len(windows), -1)

    def _featured(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return what is learned from: samples, or the features of windows."""
        samples = plain(samples)
        return samples if self.signal is None else featured(self.signal, samples)

    def _raw(self, samples: NDArray[Any], is_learning: bool = False) -> NDArray[Any]:
        is_real = self.preparation_.affine is not None
        return as_taken(samples, self._source, is_real=is_real, is_learning=is_learning)

    @property
    def _labels(self) -> Labels:
        return Labels(self.labels_, self.classes_)

    @_labels.setter
    def _labels(self, labels: Labels) -> None:
        self.labels_: NDArray[Any] = labels.met
        self.classes_: NDArray[Any] = labels.known

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        """Return samples to predict, as the core takes them."""
        check_is_fitted(self, "core_")
        return self._raw(self._featured(validate_data(self, self._flat(X), reset=False)))

    # ---- images --------------------------------------------------------------------------

    def to_image(self, answers_none: bool = False) -> bytes:
        """Return all that was learned as an image, with classes in its metadata.

        A device runs it as it is; `from_image` makes a classifier of it again. Calibration is over
        after this, as an image keeps no samples.

        Parameters
        ----------
        answers_none : whether a device answers none where `is_unknown` is True.

        Raises
        ------
        NotFittedError
            If it is to, and `is_unknown` has no limit.
        """
        check_is_fitted(self, "core_")
        self._kept = None
        parameters = self.get_params(deep=False)
        if isinstance(parameters["random_state"], np.random.RandomState):
            parameters["random_state"] = self.core_.network.seed
        names = getattr(self, "feature_names_in_", None)
        saved = Saved(
            parameters,
            self._source,
            self._labels,
            names,
            self.temperature_,
            self.novelty_limit_,
        )
        limit = in_units(self._novelty_limit()) if answers_none else 0
        network = answering_none(self.core_.network, limit)
        network = replace(network, metadata=saved.metadata())
        return image.encode(network, self.core_.state())

    @classmethod
    def from_image(cls, data: bytes) -> NacaClassifier:
        """Return a classifier that predicts, and goes on learning, exactly as the one saved.

        Parameters
        ----------
        data : what `to_image` returned, here or with what a device has learned since.

        Raises
        ------
        ImageError
            If this is no undamaged image, or not that of a NacaClassifier.
        TypeError
            If it is no bytes.
        """
        core = Core(data)
        network = core.network
        if "classifier" not in network.metadata or network.preparation is None:
            raise ImageError(
                "no NacaClassifier wrote this image, so that it does not say how to go on as one: "
                "run it with core = edge_naca.Core(image), or edge_naca.export.load_image(path), "
                "and core.predict_many(X); "
                "`edge-naca evaluate` tests it on data"
            )
        try:
            model = cls._restore(network)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ImageError(f"the image's metadata describe no NacaClassifier: {error}") from error
        nameless = np.flatnonzero(core.seen()[len(model.labels_) :])
        if nameless.size:
            raise ImageError(
                f"class {len(model.labels_) + nameless[0]} has been learned, but the image's "
                "metadata give it no name: add it to their list 'classes'"
            )
        model.core_ = core
        return model

    @classmethod
    def _restore(cls, network: Network) -> NacaClassifier:
        """Return a classifier as metadata describe it, without its core."""
        saved = Saved.of(network)
        model = cls(**saved.parameters)
        check_parameters(vars(model))
        assert network.preparation is not None
        model._source, model._network_seed = saved.source, network.seed
        model._labels = saved.labels
        signal = network.signal
        numbers = 0 if signal is None else signal.window * signal.channels
        model.n_features_in_ = numbers or network.preparation.raw_count
        if saved.feature_names is not None:
            model.feature_names_in_ = saved.feature_names
        model.preparation_ = network.preparation
        model.temperature_, model.novelty_limit_ = saved.temperature, saved.novelty_limit
        model._kept, model._asking = None, None
        return model

    def save(self, path: str | PathLike[str], answers_none: bool = False) -> None:
        """Write `to_image` to a file."""
        write_file(path, self.to_image(answers_none))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> NacaClassifier:
        """Read a file that `save` wrote; see `from_image`.

        Raises
        ------
        OSError
            If the file cannot be read.
        ImageError
            If it holds no image of a NacaClassifier; the message names the file.
        """
        data = read_file(path)
        try:
            return cls.from_image(data)
        except (ImageError, CoreError) as error:
            raise ImageError(f"{path}: {error}") from error
