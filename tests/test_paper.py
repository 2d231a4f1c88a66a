"""The paper's networks in real numbers obey its formulas, and learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from edge_naca.expectation import level_matrix, modulation
from edge_naca.paper import evaluation
from edge_naca.paper.continual import batches, normalised, teach, teach_class
from edge_naca.paper.network import (
    Description,
    PaperNetwork,
    continual_ann,
    continual_snn,
    iid_ann,
    iid_snn,
    open_neurons,
    rate_code,
)
from edge_naca.paper.neurons import IDENTITY, SIGMOID, TANH, GradedNeurons, LeakyNeurons
from edge_naca.paper.optimisers import Adam, Sgd

SMALL = {"inputs": 6, "hidden": 5, "classes": 3}
KINDS = (continual_snn, continual_ann, iid_snn, iid_ann)


# ---- formulas ------------------------------------------------------------------------------------


def test_curve_with_other_constants() -> None:
    level = [0, 0.075, 0.15, 0.3, 0.45, 0.525, 0.6]
    assert_allclose(modulation(level, 0.3, 2), [1, 2, 1, 0, -1, -2, -1], atol=1e-12)


def test_leaky_neurons_step_by_step() -> None:
    """Worked by hand: v = 0.4; 0.08 + 0.45 = 0.53, a spike; 0 + 0.35, silent again."""
    drive = np.array([0.4, 0.45, 0.35], np.float32).reshape(3, 1, 1)
    neurons = LeakyNeurons(IDENTITY, margin=0.2)
    response = neurons.respond(drive)
    assert response.activity[:, 0, 0].tolist() == [0, 1, 0]
    # 0.35 > 0.5 − 0.2, but it spiked before: 1 − 1.
    assert response.term.tolist() == [[0]]
    # After two steps: 0.53 > 0.3 and silent before.
    assert neurons.respond(drive[:2]).term.tolist() == [[1]]
    # 0.25 is below 0.3 and a spike went before.
    drive[2] = 0.25
    assert neurons.respond(drive).term.tolist() == [[-1]]
    assert LeakyNeurons(IDENTITY, margin=0.5).respond(drive).term.tolist() == [[0]]


def test_the_term_has_the_slope_of_the_current() -> None:
    drive = np.array([[[0.3, -2.0]]], np.float32)
    response = LeakyNeurons(SIGMOID, margin=0.2).respond(drive)
    sigmoid = 1 / (1 + np.exp(-0.3))  # 0.574: a spike; σ(−2) = 0.119 stays below 0.3
    assert response.activity.tolist() == [[[1, 0]]]
    assert_allclose(response.term, [[sigmoid * (1 - sigmoid), 0]], rtol=1e-6)


def test_strong_drives_are_no_trouble() -> None:
    drive = np.array([[[-1e4, 1e4]]], np.float32)
    response = GradedNeurons(SIGMOID).respond(drive)
    assert response.activity.tolist() == [[[0, 1]]]
    assert response.term.tolist() == [[0, 0]]


@pytest.mark.parametrize("activation", [SIGMOID, TANH], ids=["sigmoid", "tanh"])
def test_graded_neurons_know_their_slope(activation: Any) -> None:
    drive = np.linspace(-2, 2, 9, dtype=np.float32).reshape(1, 1, 9)
    response = GradedNeurons(activation).respond(drive)
    step = np.float32(1e-2)
    slope = (activation.value(drive + step) - activation.value(drive - step)) / (2 * step)
    assert_allclose(response.term, slope[0], atol=2e-3)


def test_rate_code_spikes_as_often_as_inputs_are_strong() -> None:
    x = np.array([[-1, 0, 1, 3]], np.float32)
    spikes = rate_code(x, 20000, np.random.default_rng(1))
    assert spikes.shape == (20000, 1, 4)
    assert set(np.unique(spikes)) == {0, 1}
    assert_allclose(spikes.mean(axis=(0, 1)), [0, 0.25, 0.5, 1], atol=0.015)
    assert not rate_code(np.ones((2, 3), np.float32), 5, np.random.default_rng(1)).any()


def test_gating_takes_the_nearest_input_of_the_batch_s_mean() -> None:
    x = np.array([[0, 4, 1, 3], [2, 4, 1, 4]], np.float32)  # mean 1, 4, 1, 3.5
    # Eight neurons, two for each input; 4 − 0.6 is reached by 4 and 3.5.
    assert open_neurons(x, 8, 0.6).tolist() == [2, 3, 6, 7]
    assert open_neurons(x, 8, 0.4).tolist() == [2, 3]
    assert open_neurons(x, 3, None).tolist() == [0, 1, 2]


# ---- the update ----------------------------------------------------------------------------------


def test_an_update_of_the_ann_is_the_formula() -> None:
    network = PaperNetwork(continual_ann(**SMALL, gate_depth=0.5, learning_rate=0.1, seed=4))
    x = np.random.default_rng(0).normal(0, 1, (7, 6)).astype(np.float32)
    labels = np.array([0, 1, 2, 2, 1, 0, 1])
    w, v = network.hidden_weights.copy(), network.output_weights.copy()
    gate = np.zeros(5)
    gate[open_neurons(x, 5, 0.5)] = 1
    assert 0 < gate.sum() < 5

    h = 1 / (1 + np.exp(-x @ w.T))
    y = 1 / (1 + np.exp(-(h * gate) @ v.T))
    error = (y - np.eye(3)[labels]) * y * (1 - y)
    local = network.modulation[labels] * h * (1 - h) * gate
    network.learn(x, labels)
    assert_allclose(network.output_weights, v - 0.1 * error.T @ (h * gate), atol=1e-6)
    assert_allclose(network.hidden_weights, w - 0.1 * local.T @ x, atol=1e-6)
    assert not network.output_bias.any()


def test_an_update_of_the_snn_uses_the_last_step() -> None:
    """Every input spikes at every step, so that the presentation is known beforehand."""
    description = iid_snn(inputs=4, hidden=3, classes=2, steps=2, learning_rate=0.5)
    network = PaperNetwork(description)
    network.hidden_weights[:] = np.array([[0, 0, 0, 0.2], [0, 0, 0, 0.45], [0, 0, 0, 1]])
    network.output_weights[:] = np.array([[0.3, 0.2, 0.1], [0.9, 0.9, 0.9]])
    network.hidden_bias[:], network.output_bias[:] = 0, 0
    network.modulation[:] = np.array([[1, 1, 1], [-1, 0.5, 2]])
    # Of 0 0 0 1 only the last spikes. Potentials: 0.2, 0.24; 0.45, 0.54; 1, 1: spikes 00, 01, 11.
    # Output drive: 0.1 then 0.2 + 0.1, potentials 0.1, 0.32; 0.9 then 1.8: spikes 00 and 11.
    network.learn([[0, 0, 0, 1]], [1])
    # ℓ = 0.5: Δs = [v > 0] − s(before) = 1, 1, 0 in the hidden population, 1, 0 in the output.
    expected = np.array([[0, 0, 0, 0.2], [0, 0, 0, 0.45], [0, 0, 0, 1]])
    expected[:, 3] -= 0.5 * np.array([-1, 0.5, 2]) * [1, 1, 0]
    assert_allclose(network.hidden_weights, expected, atol=1e-6)
    assert_allclose(network.hidden_bias, [0.5, -0.25, 0], atol=1e-6)
    # Rates are 0 and 1, the label's is 1: no error, no change.
    assert_allclose(network.output_weights, [[0.3, 0.2, 0.1], [0.9, 0.9, 0.9]], atol=1e-6)

    network.set_weights(PaperNetwork(description).weights())
    network.hidden_weights[:] = np.array([[0, 0, 0, 0.2], [0, 0, 0, 0.45], [0, 0, 0, 1]])
    network.output_weights[:] = np.array([[0.3, 0.2, 0.1], [0.9, 0.9, 0.3]])
    network.hidden_bias[:], network.output_bias[:] = 0, 0
    network.learn([[0, 0, 0, 1]], [0])
    # Output 1: 0.3, then 0.06 + 1.2: spikes 01, Δs 1, rate ½, error ½. Output 0: rate 0, error −1.
    assert_allclose(network.output_weights, [[0.3, 0.7, 0.6], [0.9, 0.65, 0.05]], atol=1e-6)
    assert_allclose(network.output_bias, [0.5, -0.25], atol=1e-6)


def test_frozen_and_closed_neurons_stay() -> None:
    x = np.random.default_rng(0).normal(0, 1, (7, 6)).astype(np.float32)
    labels = np.arange(7) % 3
    for make in KINDS:
        network = PaperNetwork(make(**SMALL, learns_hidden=False))
        before = network.hidden_weights.copy()
        network.learn(x, labels)
        assert_array_equal(network.hidden_weights, before)
    network = PaperNetwork(continual_snn(**SMALL, gate_depth=0.3))
    hidden, output, *_ = network.weights()
    network.learn(x, labels)
    closed = np.setdiff1d(np.arange(5), open_neurons(x, 5, 0.3))
    assert_array_equal(network.hidden_weights[closed], hidden[closed])
    assert_array_equal(network.output_weights[:, closed], output[:, closed])


def test_optimisers() -> None:
    gradient = np.array([4, -2], np.float32)
    assert_allclose(Sgd(0.5).change("w", gradient), [2, -1])
    adam = Adam(0.1)
    assert_allclose(adam.change("w", gradient), [0.1, -0.1], rtol=1e-5)
    # Moments 0.9 · 0.4 and 0.999 · 0.016 over 1 − 0.81 and 1 − 0.998: worked by hand.
    second = adam.change("w", np.zeros(2, np.float32))
    assert_allclose(second, np.sign(gradient) * 0.1 * (0.36 / 0.19) / 4 / (0.5**0.5), rtol=1e-3)
    assert_allclose(adam.change("other", gradient), [0.1, -0.1], rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"optimiser": "rmsprop"}, "optimiser"), ({"optimiser": "adam"}, "set gate_depth to None")],
)
def test_wrong_descriptions_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PaperNetwork(continual_snn(**changes))


# ---- learning ------------------------------------------------------------------------------------


def blobs(count: int, seed: int) -> tuple[Any, Any]:
    """Return samples of three classes, each with two strong inputs of six."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = rng.uniform(0, 0.3, (count, 6)) + np.kron(np.eye(3), [1, 1])[y] * rng.uniform(
        0.4, 0.7, (count, 1)
    )
    return x.astype(np.float32), y


def course(description: Description) -> PaperNetwork:
    network = PaperNetwork(description)
    x, y = blobs(600, 0)
    for _ in range(6):
        for chosen in batches(np.arange(600), 20):
            network.learn(x[chosen], y[chosen])
    return network


@pytest.mark.parametrize("make", [iid_snn, iid_ann], ids=["SNN", "ANN"])
def test_a_small_task_is_learned_and_repeats(make: Any) -> None:
    sizes = {"inputs": 6, "hidden": 40, "classes": 3}
    description = make(**sizes, optimiser="adam", learning_rate=5e-3, seed=1)
    x, y = blobs(150, 9)
    fresh = evaluation.accuracy_in_mixed_batches(PaperNetwork(description), x, y)
    network = course(description)
    assert evaluation.accuracy_in_mixed_batches(network, x, y) > max(0.9, fresh)
    again = course(description)
    for one, same in zip(network.weights(), again.weights(), strict=True):
        assert_array_equal(one, same)
    other = course(replace(description, seed=2))
    assert (network.hidden_weights != other.hidden_weights).any()


def test_weights_and_levels_are_drawn_apart() -> None:
    network = PaperNetwork(continual_snn())
    drawn = level_matrix("uniform", 10, 1000, 0).ravel()[:784]
    weights = network.hidden_weights[0]
    assert abs(np.corrcoef(drawn, weights)[0, 1]) < 0.2


@pytest.mark.parametrize("make", KINDS)
def test_shapes(make: Any) -> None:
    network = PaperNetwork(make(**SMALL))
    assert network.hidden_weights.shape == (5, 6)
    assert network.output_weights.shape == (3, 5)
    assert network.modulation.shape == (3, 5)
    x, _ = blobs(8, 1)
    assert network.rates(x).shape == (8, 3)
    assert network.predict(x).shape == (8,)
    assert all(part.dtype == np.float32 for part in network.weights())


def test_the_mask_tells_the_class() -> None:
    """Under the published gating a batch of one class is known by its mean alone."""
    x, y = blobs(600, 0)
    sizes = {"inputs": 6, "hidden": 60, "classes": 3}
    network = PaperNetwork(continual_ann(**sizes, learning_rate=0.01, gate_depth=0.3))
    counts = teach(network, x, y, [2, 0, 1])
    assert len(counts) == 3
    assert all(1 <= count <= 100 for count in counts)
    x, y = blobs(600, 7)
    assert evaluation.accuracy_in_batches_of_one_class(network, x, y) > 0.95
    assert evaluation.accuracy_of_shuffled_pixels(network, x, y) > 0.9
    assert evaluation.answers_of_the_mask(network, x, y) > 0.9
    assert evaluation.accuracy_in_mixed_batches(network, x, y) < 0.8


def test_a_lesson_keeps_its_best_weights() -> None:
    """Epochs whose answers are 0.4, 0.8 and 0.6 where 1 is wanted: the second one stays."""

    class Wavering(PaperNetwork):
        answers = iter([0.4, 0.8, 0.6])
        answer = 0.0

        def learn(self, x: Any, labels: Any) -> None:
            self.answer = next(self.answers)
            self.output_bias[:] = self.answer

        def rates(self, x: Any, mask_of: Any = None) -> Any:
            return np.tile([1, self.answer, 0], (len(x), 1))

    network = Wavering(continual_ann(**SMALL))
    x, _ = blobs(9, 0)
    assert teach_class(network, x, 1, batch=9, epochs=3) == 3
    assert_allclose(network.output_bias, 0.8)


def test_a_lesson_ends_when_enough_is_right() -> None:
    network = PaperNetwork(continual_ann(**SMALL))
    x, y = blobs(60, 0)
    network.rates = lambda x, mask_of=None: np.tile([0, 1, 0], (len(x), 1))  # type: ignore
    assert teach_class(network, x[y == 1], 1, epochs=3) == 1


def test_images_are_normalised_as_published() -> None:
    x = normalised(np.array([[[0, 255]]], np.uint8))
    assert x.dtype == np.float32
    assert_allclose(x, [[-0.42421296, 2.8214867]], rtol=1e-5)
