"""The baselines do what their names say, and forget what they should."""

from __future__ import annotations

import numpy as np
import pytest

from edge_naca import baselines, data, recipes, scenarios
from edge_naca.baselines import NearestClassMean, SurrogateGradientNetwork
from edge_naca.core import Core
from edge_naca.data import Dataset

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def core() -> Core:
    return Core(recipes.network_for(DIGITS, seed=7))


@pytest.fixture(scope="module")
def coded(core: Core) -> Dataset:
    return baselines.coded(core, DIGITS)


def test_nearest_mean_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 16, (200, 5)), rng.integers(0, 4, 200)
    learner = NearestClassMean(5, 4)
    for first in range(0, 200, 7):
        learner.learn_many(x[first : first + 7], y[first : first + 7])
    means = np.stack([x[y == label].mean(axis=0) for label in range(4)])
    tested = rng.integers(0, 16, (50, 5))
    distance = ((tested[:, None] - means) ** 2).sum(axis=2)
    assert np.array_equal(learner.predict_many(tested), distance.argmin(axis=1))


def test_nearest_mean_answers_only_what_it_learned() -> None:
    learner = NearestClassMean(2, 3)
    assert learner.predict_many(np.zeros((2, 2))).tolist() == [-1, -1]
    learner.learn_many(np.array([[9, 9]]), np.array([2]))
    assert learner.predict_many(np.zeros((2, 2))).tolist() == [2, 2]


def test_codes_are_those_that_the_core_makes(core: Core, coded: Dataset) -> None:
    assert coded.x_train.shape == (1437, core.network.inputs)
    assert np.array_equal(core.infer_many(coded.x_test, "codes"), core.infer_many(DIGITS.x_test))
    assert np.array_equal(coded.y_test, DIGITS.y_test)


def test_gradient_descent_learns_what_is_shuffled(core: Core, coded: Dataset) -> None:
    learner = SurrogateGradientNetwork.like(core.network)
    stages = scenarios.stream(coded, "shuffled", seed=1, epochs=3)
    assert scenarios.run(learner, coded, stages).final > 0.85


def test_gradient_descent_forgets_what_comes_in_turn(core: Core, coded: Dataset) -> None:
    learner = SurrogateGradientNetwork.like(core.network)
    history = scenarios.run(learner, coded, scenarios.stream(coded))
    assert history.final < 0.25
    assert history.forgetting > 0.7


def test_gradient_descent_repeats(core: Core, coded: Dataset) -> None:
    answers = []
    for _ in range(2):
        learner = SurrogateGradientNetwork.like(core.network)
        learner.learn_many(coded.x_train[:100], coded.y_train[:100])
        answers.append(learner.predict_many(coded.x_test))
    first, second = answers
    assert np.array_equal(first, second)


def test_output_weights_follow_the_gradient_of_the_loss() -> None:
    learner = SurrogateGradientNetwork(3, 4, 2, largest=1, learning_rate=1e-3)
    x = np.array([0.5, 0.25, 1.0], np.float32)
    before = learner._w2.astype(float)
    spikes = (learner._w1 @ x > 0).astype(float)

    def loss(weights: np.ndarray) -> float:
        logits = weights @ spikes
        return float(np.log(np.exp(logits).sum()) - logits[1])

    slopes = np.zeros_like(before)
    for place in np.ndindex(*slopes.shape):
        step = np.zeros_like(before)
        step[place] = 1e-5
        slopes[place] = (loss(before + step) - loss(before - step)) / 2e-5
    learner.learn_many(x[None], np.array([1]))
    np.testing.assert_allclose(before - learner._w2, 1e-3 * slopes, atol=1e-7)
