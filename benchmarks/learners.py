"""What learns a stream of codes, one sample after another: edge-naca, and what it is compared with.

Every learner is given the same codes, or what a V that was found beforehand makes of them, in the
same order, each once, and is told no task. It states the bytes that it keeps; real numbers count as
four bytes, stored samples as the bits of their codes and a byte for the label. Settings are those
of the sources named, the same for all tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn import config_context
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier

from edge_naca.classifier.decisions import class_scores, typical_square
from edge_naca.classifier.temperature import USUAL, best_temperature
from edge_naca.core import Core
from edge_naca.holding_out import LEAST, held_out
from edge_naca.image import state_size
from edge_naca.network import Network
from edge_naca.novelty import novelties, share_of_1

Array = NDArray[Any]

REAL = 4  # bytes of a real number
SHRINKAGE = 1e-3  # of LDA's covariance; of naive Bayes, how much of the largest variance is added
HIDDEN, REPLAYED = 64, 30  # neurons of the MLPs; samples replayed beside each new one
RATE = 0.01  # of EWC's MLP
IMPORTANCE, PERIOD = (
    100.0,
    500,
)  # of EWC: weight of its penalty, samples from one anchor to the next
TREES = 5


def behind_given_v(network: Network) -> Network:
    """Return a network that is given codes, or what V makes of them where V is given.

    A V that was found beforehand is everybody's; one that ours learns is its own.
    """
    inhibition = network.inhibition
    bare = replace(network, preparation=None)
    if inhibition is None or inhibition.is_learned:
        return bare
    return replace(bare, inhibition=None, inputs=inhibition.outputs)


@dataclass(frozen=True)
class Setting:
    """What all learners of a run have in common.

    Parameters
    ----------
    network : ours; the others know its codes and its bytes.
    is_signed : whether codes have a sign.
    seed : of everything random.
    """

    network: Network
    is_signed: bool
    seed: int = 0

    @cached_property
    def heard(self) -> Network:
        """Ours, of what all learners are given."""
        return behind_given_v(self.network)

    @property
    def inputs(self) -> int:
        return self.heard.inputs

    @property
    def capacity(self) -> int:
        return self.network.capacity

    @property
    def largest(self) -> float:
        """The largest code, by which gradient descent divides."""
        return float(2**self.heard.code_bits - 1)

    @property
    def sample_bytes(self) -> int:
        """Bytes of a stored sample: its codes, packed, and its label."""
        return -(-self.inputs * (self.heard.code_bits + self.is_signed) // 8) + 1

    @property
    def room(self) -> int:
        """Samples that fit into the bytes of our learned state."""
        return max(state_size(self.network) // self.sample_bytes, 1)


class Learner:
    """Learns codes (n, inputs) with labels (n,), and scores classes.

    Notes
    -----
    `has_probabilities` says whether a softmax of scores is meant as probabilities.
    """

    has_probabilities = True
    bytes = 0

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.counts = np.zeros(setting.capacity, np.int64)  # learned samples of each class

    def learn_many(self, x: Array, labels: Array) -> None:
        """Learn samples one after another."""
        np.add.at(self.counts, labels, 1)
        self._learn(np.asarray(x, np.float64), labels)

    def scores(self, x: Array) -> Array:
        """Return float (n, capacity): the greater the likelier, −inf for classes never met."""
        met = np.flatnonzero(self.counts)
        result = np.full((len(x), self.setting.capacity), -np.inf)
        if met.size:
            result[:, met] = self._scores(np.asarray(x, np.float64), met)
        return result

    def predict_many(self, x: Array) -> Array:
        """Return the class of each sample; −1 before anything was learned."""
        scores = self.scores(x)
        return np.where(np.isfinite(scores).any(axis=1), scores.argmax(axis=1), -1)

    def probabilities(self, x: Array) -> Array:
        """Return float (n, capacity), rows add up to 1."""
        return np.asarray(softmax(self.scores(x), axis=1))

    def novelty(self, x: Array) -> Array:
        """Return how little samples look like any class, (n,)."""
        return -self.scores(x).max(axis=1)

    def _learn(self, x: Array, labels: Array) -> None:
        raise NotImplementedError

    def _scores(self, x: Array, met: Array) -> Array:
        raise NotImplementedError


class EdgeNaca(Learner):
    """The C core. A second one learns four fifths of the samples, to find the temperature."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        network = setting.heard
        self.core, self._fold = Core(network), Core(network)
        self._kept: list[tuple[Array, Array]] = []
        self._unit = typical_square(setting.network, has_front_end=False)
        self.bytes = state_size(network)

    def learn_many(self, x: Array, labels: Array) -> None:
        self.counts += np.bincount(labels, minlength=len(self.counts))
        self.core.learn_many(x, labels)
        is_out = held_out(labels)
        self._fold.learn_many(x[~is_out], labels[~is_out])
        self._kept.append((x[is_out], labels[is_out]))

    def scores(self, x: Array) -> Array:
        return np.where(self.counts > 0, self._class_scores(self.core, x), -np.inf)

    def predict_many(self, x: Array) -> Array:
        answers = self.core.predict_many(x)
        return answers if (answers >= 0).all() else super().predict_many(x)

    def probabilities(self, x: Array) -> Array:
        return np.asarray(softmax(self.scores(x) / self.temperature(), axis=1))

    def novelty(self, x: Array) -> Array:
        return share_of_1(novelties(self.core, x))

    def temperature(self) -> float:
        """Return the temperature that suits the training samples held out, as `fit` chooses it."""
        x, labels = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        if len(labels) < LEAST:
            return USUAL
        met = np.flatnonzero(self.counts)
        scores = self._class_scores(self._fold, x)[:, met]
        return best_temperature(scores, np.searchsorted(met, labels))

    def _class_scores(self, core: Core, x: Array) -> Array:
        every = np.arange(self.setting.capacity)
        return class_scores(core, every, every, x, self._unit)


class LastLabel(Learner):
    """Answers what it was told last."""

    has_probabilities = False
    bytes = REAL

    def _learn(self, x: Array, labels: Array) -> None:
        self._last = int(labels[-1])

    def _scores(self, x: Array, met: Array) -> Array:
        return np.tile((met == self._last).astype(float), (len(x), 1))


class ClassMeans(Learner):
    """The nearest mean of a class."""

    has_probabilities = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._sums = np.zeros((setting.capacity, setting.inputs))
        self.bytes = REAL * (self._sums.size + setting.capacity)

    def _learn(self, x: Array, labels: Array) -> None:
        np.add.at(self._sums, labels, x)

    def means(self, met: Array) -> Array:
        return np.asarray(self._sums[met] / self.counts[met, None])

    def _scores(self, x: Array, met: Array) -> Array:
        return -squared_distances(x, self.means(met))


class StreamingLda(ClassMeans):
    """Linear discriminant analysis whose one covariance is that of all classes around their means.

    Notes
    -----
    Hayes and Kanan, *Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis*,
    CVPR Workshops 2020; shrinkage and priors as in scikit-learn's LinearDiscriminantAnalysis,
    which gives the same on all samples at once. The outer products of samples are summed up, from
    which those of means are taken: what the paper's recursion adds up to.
    """

    has_probabilities = True

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._products = np.zeros((setting.inputs, setting.inputs))
        self.bytes += REAL * setting.inputs * (setting.inputs + 1) // 2

    def _learn(self, x: Array, labels: Array) -> None:
        super()._learn(x, labels)
        self._products += x.T @ x

    def _scores(self, x: Array, met: Array) -> Array:
        means, counts = self.means(met), self.counts[met]
        covariance = (self._products - (means.T * counts) @ means) / counts.sum()
        spread = max(float(np.trace(covariance)) / len(covariance), 1e-9)
        covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * spread * np.eye(len(covariance))
        whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
        distances = squared_distances(x @ whitening, means @ whitening)
        return np.asarray(np.log(counts / counts.sum()) - distances / 2)


class NearestStored(Learner):
    """The nearest of as many samples as our bytes hold, kept so that each is as likely to be."""

    has_probabilities = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.memory = Reservoir(setting.room, setting.seed)
        self.bytes = setting.room * setting.sample_bytes

    def _learn(self, x: Array, labels: Array) -> None:
        self.memory.add(x, labels)

    def _scores(self, x: Array, met: Array) -> Array:
        stored, labels = self.memory.content()
        distances = squared_distances(x, stored)
        result = np.full((len(x), len(met)), -np.inf)
        for column, label in enumerate(met):
            if (labels == label).any():
                result[:, column] = -distances[:, labels == label].min(axis=1)
        return result


class NaiveBayes(Learner):
    """scikit-learn's GaussianNB, whose variances are widened before answers, not while it learns.

    (It would widen them by what the last few samples say, which of one sample is nothing.)
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._model = GaussianNB(var_smoothing=0.0)
        self.bytes = REAL * (2 * setting.capacity * setting.inputs + setting.capacity)

    def _learn(self, x: Array, labels: Array) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            self._model.partial_fit(x, labels, classes=np.arange(self.setting.capacity))

    def _scores(self, x: Array, met: Array) -> Array:
        priors, means = self._model.class_prior_[met], self._model.theta_[met]
        variances = self._model.var_[met]
        variances = variances + max(SHRINKAGE * float(variances.max()), 1e-9)
        # Σ (x − μ)² / σ², multiplied out.
        square = x**2 @ (1 / variances).T - 2 * x @ (means / variances).T
        square += (means**2 / variances).sum(axis=1)
        return np.asarray(np.log(priors) - (square + np.log(variances).sum(axis=1)) / 2)


class Sgd(Learner):
    """scikit-learn's logistic regression by stochastic gradient descent."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._model = SGDClassifier(loss="log_loss", shuffle=False, random_state=setting.seed)
        self.bytes = REAL * setting.capacity * (setting.inputs + 1)

    def _learn(self, x: Array, labels: Array) -> None:
        every = np.arange(self.setting.capacity)
        self._model.partial_fit(x / self.setting.largest, labels, classes=every)

    def _scores(self, x: Array, met: Array) -> Array:
        decisions = self._model.decision_function(x / self.setting.largest)
        if decisions.ndim == 1:  # of two classes
            decisions = np.stack([-decisions, decisions], axis=1) / 2
        return np.asarray(decisions[:, met])


class Replay(Learner):
    """scikit-learn's MLPClassifier; it learns each sample beside 30 of a memory of our bytes."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._model = MLPClassifier((HIDDEN,), random_state=setting.seed)
        self._memory = Reservoir(setting.room, setting.seed)
        self._rng = np.random.default_rng(setting.seed)
        self.bytes = setting.room * setting.sample_bytes + mlp_bytes(setting)

    def _learn(self, x: Array, labels: Array) -> None:
        every = np.arange(self.setting.capacity)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            for row in range(len(x)):
                new, told = x[row : row + 1], labels[row : row + 1]
                stored, known = self._memory.content()
                if len(stored):
                    drawn = self._rng.integers(len(stored), size=REPLAYED)
                    new = np.concatenate([new, stored[drawn]])
                    told = np.concatenate([told, known[drawn]])
                self._model.partial_fit(new / self.setting.largest, told, classes=every)
                self._memory.add(x[row : row + 1], labels[row : row + 1])

    def _scores(self, x: Array, met: Array) -> Array:
        probabilities = self._model.predict_proba(x / self.setting.largest)
        if probabilities.shape[1] == 1:
            probabilities = np.concatenate([1 - probabilities, probabilities], axis=1)
        return np.asarray(np.log(np.maximum(probabilities[:, met], 1e-300)))


class Ewc(Learner):
    """A perceptron with a hidden layer whose important weights are held where they were.

    Notes
    -----
    Kirkpatrick et al., *Overcoming catastrophic forgetting in neural networks*, PNAS 114, 2017; one
    Fisher information that is added up, as in Schwarz et al., *Progress and Compress*, ICML 2018.
    No task is told: the anchor is set every 500 samples.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        rng = np.random.default_rng(setting.seed)
        sizes = (setting.inputs + 1, HIDDEN), (HIDDEN + 1, setting.capacity)
        self.weights = [rng.normal(0, np.sqrt(2 / rows), (rows, n)) for rows, n in sizes]
        self.anchors = [w.copy() for w in self.weights]
        self.fisher = [np.zeros_like(w) for w in self.weights]
        self._sums = [np.zeros_like(w) for w in self.weights]
        self._since = 0
        self.bytes = 4 * mlp_bytes(setting)  # weights, anchors, Fisher information, its next sum

    def gradients(self, sample: Array, label: int) -> list[Array]:
        """Return the gradients of cross-entropy for one sample, (inputs,), of both layers."""
        hidden, output = self._forward(sample[None])
        error = softmax(output[0])
        error[label] -= 1
        back = (self.weights[1][:-1] @ error) * (hidden[0] > 0)
        return [
            np.outer(np.append(sample, 1), back),
            np.outer(np.append(hidden[0], 1), error),
        ]

    def _forward(self, x: Array) -> tuple[Array, Array]:
        hidden = np.maximum(x @ self.weights[0][:-1] + self.weights[0][-1], 0)
        return hidden, hidden @ self.weights[1][:-1] + self.weights[1][-1]

    def _learn(self, x: Array, labels: Array) -> None:
        for sample, label in zip(x / self.setting.largest, labels, strict=True):
            for k, gradient in enumerate(self.gradients(sample, int(label))):
                self._sums[k] += gradient**2 / PERIOD
                # Implicit in the penalty, so that no importance makes a step overshoot.
                pull = RATE * IMPORTANCE * self.fisher[k]
                free = self.weights[k] - RATE * gradient
                self.weights[k] = (free + pull * self.anchors[k]) / (1 + pull)
            self._since += 1
            if self._since == PERIOD:
                self._anchor()

    def _anchor(self) -> None:
        for k, total in enumerate(self._sums):
            self.fisher[k] += total
            self.anchors[k] = self.weights[k].copy()
            total[:] = 0
        self._since = 0

    def _scores(self, x: Array, met: Array) -> Array:
        output = self._forward(x / self.setting.largest)[1]
        return np.asarray(log_softmax(output[:, met], axis=1))


class AdaptiveForest(Learner):
    """River's adaptive random forest of five trees (Gomes et al., Machine Learning 106, 2017)."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        from river.forest import ARFClassifier

        self._model = ARFClassifier(n_models=TREES, seed=setting.seed)

    @property
    def bytes(self) -> int:  # type: ignore[override]
        """Of Python's objects, as River says."""
        return int(self._model._raw_memory_usage)

    def _learn(self, x: Array, labels: Array) -> None:
        for sample, label in zip(x.tolist(), labels.tolist(), strict=True):
            self._model.learn_one(dict(enumerate(sample)), label)

    def _scores(self, x: Array, met: Array) -> Array:
        shares = (self._model.predict_proba_one(dict(enumerate(sample))) for sample in x.tolist())
        rows = [[share.get(label, 0.0) for label in met.tolist()] for share in shares]
        return np.asarray(np.log(np.maximum(rows, 1e-9)))


LEARNERS: dict[str, Callable[[Setting], Learner]] = {
    "edge-naca": EdgeNaca,
    "last label": LastLabel,
    "class means": ClassMeans,
    "1-NN of as many bytes": NearestStored,
    "streaming LDA": StreamingLda,
    "naive Bayes": NaiveBayes,
    "SGD": Sgd,
    "replay + MLP": Replay,
    "EWC": Ewc,
    "adaptive forest": AdaptiveForest,
}


# ---- what they share -----------------------------------------------------------------------------


class Reservoir:
    """A memory of `room` samples in which every sample so far is as likely to be.

    Notes
    -----
    Vitter, *Random Sampling with a Reservoir*, ACM TOMS 11, 1985, algorithm R.
    """

    def __init__(self, room: int, seed: int) -> None:
        self._room, self._seen = room, 0
        self._rng = np.random.default_rng(seed)
        self._x: Array | None = None
        self._labels = np.zeros(room, np.int64)

    def add(self, x: Array, labels: Array) -> None:
        if self._x is None:
            self._x = np.zeros((self._room, x.shape[1]), np.float32)
        for sample, label in zip(x, labels, strict=True):
            place = self._seen if self._seen < self._room else self._rng.integers(self._seen + 1)
            if place < self._room:
                self._x[place], self._labels[place] = sample, label
            self._seen += 1

    def content(self) -> tuple[Array, Array]:
        """Return samples (n, inputs) and labels (n,); (0, 0) before the first."""
        held = min(self._seen, self._room)
        return (np.zeros((0, 0)) if self._x is None else self._x[:held]), self._labels[:held]


def squared_distances(x: Array, y: Array) -> Array:
    """Return squared Euclidean distances (samples, rows of y)."""
    square = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)
    return np.asarray(square - 2 * x @ y.T.astype(x.dtype))


def mlp_bytes(setting: Setting) -> int:
    """Return the bytes of a perceptron's weights and biases."""
    return REAL * ((setting.inputs + 1) * HIDDEN + (HIDDEN + 1) * setting.capacity)
