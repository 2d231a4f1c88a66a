"""An inhibition found on the host: what it does to residuals, how much, and where it goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done
from numpy.typing import NDArray

from edge_naca import data, image, recipes
from edge_naca.calibration import SHRINKAGES, calibrated
from edge_naca.core import Core
from edge_naca.decorrelation import matrix
from edge_naca.export import load_image
from edge_naca.network import Encoder, Network, Population
from edge_naca.specification.network import Specification

BITS, INPUTS = 7, 12


def samples(
    mixing: NDArray[Any], count: int, classes: int = 4, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return codes around a mean for each class, whose residuals have the covariance M Mᵀ."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    means = rng.normal(0, 6, (classes, INPUTS))
    codes = means[labels] + rng.normal(size=(count, INPUTS)) @ mixing.T
    return np.clip(np.rint(codes), -127, 127).astype(np.int64), labels


def common_noise(share: float) -> NDArray[Any]:
    """Return a mixing that gives all inputs much noise in common."""
    return np.eye(INPUTS) * 3 + np.ones((INPUTS, INPUTS)) * share


def test_residuals_become_uncorrelated() -> None:
    x, y = samples(common_noise(6.0), 4000)
    found = calibrated(x, y, BITS, BITS, shrinkage=0.001).inhibition
    network = Network(
        INPUTS,
        Encoder("bitplane", BITS, BITS, is_signed=True),
        (Population(4),),
        inhibition=found,
    )
    v = matrix(network, image.new_state(network))
    residuals = x - np.stack([x[y == label].mean(axis=0) for label in range(4)])[y]
    before, after = np.corrcoef(residuals.T), np.corrcoef((residuals @ v.T).T)
    others = ~np.eye(INPUTS, dtype=bool)
    assert np.abs(before[others]).mean() > 0.9
    assert np.abs(after[others]).mean() < 0.03
    spread = (residuals @ v.T).std(axis=0)
    assert spread.max() < 1.1 * spread.min()
    # The core gives what V gives, within its range.
    codes = Core(network).features_many(x[:50], "codes")
    expected = np.clip((x[:50] - x.mean(axis=0)) @ v.T, -127, 127)
    assert np.abs(codes - expected).max() <= 1


def test_shrinkage_is_chosen_for_what_it_is_for() -> None:
    much = calibrated(*samples(common_noise(6.0), 400), BITS, 3)
    none = calibrated(*samples(np.eye(INPUTS) * 9, 400), BITS, 3)
    assert set(much.tried) == set(SHRINKAGES)
    assert much.shrinkage < 0.5 <= none.shrinkage
    assert much.tried[much.shrinkage] > much.tried[0.9]


def test_another_seed_divides_otherwise_and_the_same_alike() -> None:
    x, y = samples(common_noise(3.0), 200)
    assert calibrated(x, y, BITS, 3).tried == calibrated(x, y, BITS, 3).tried
    assert calibrated(x, y, BITS, 3).tried != calibrated(x, y, BITS, 3, seed=1).tried


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x[:10], y[:10]), "at least 20 samples of two classes, not on 10"),
        (lambda x, y: (x, y * 0), "of two classes, not on 200 of 1"),
        (lambda x, y: (x, y[1:]), "a label each"),
        (lambda x, y: (x * 0 + y[:, None], y), "differ within their classes"),
    ],
)
def test_what_cannot_be_calibrated_on(change: Any, message: str) -> None:
    x, y = change(*samples(np.eye(INPUTS), 200))
    with pytest.raises(ValueError, match=message):
        calibrated(x, y, BITS, 3, shrinkage=0.3)


def test_low_rank_keeps_what_tells_classes_apart() -> None:
    # Classes differ in three directions, along each of which all samples have little in common.
    rng = np.random.default_rng(3)
    y = rng.integers(0, 4, 2000)
    means = np.zeros((4, INPUTS))
    means[:, :3] = rng.normal(0, 4, (4, 3))
    noise = rng.normal(size=(2000, INPUTS)) * ([1] * 3 + [20] * (INPUTS - 3))
    x = np.clip(np.rint(means[y] + noise), -127, 127).astype(np.int64)
    found = calibrated(x, y, BITS, BITS, rank=3, shrinkage=0.001).inhibition
    assert (found.rank, found.outputs, found.size) == (3, 3, 3 * INPUTS)
    v = np.abs(found.dense() * 2.0 ** found.row_shifts[:, None])
    assert v[:, 3:].max() < 0.2 * v[:, :3].max()
    network = Network(
        INPUTS, Encoder("bitplane", BITS, BITS, is_signed=True), (Population(4),), inhibition=found
    )
    v = matrix(network, image.new_state(network))
    residuals = (x - np.stack([x[y == label].mean(axis=0) for label in range(4)])[y]) @ v.T
    assert np.abs(np.corrcoef(residuals.T)[~np.eye(3, dtype=bool)]).max() < 0.1
    codes = Core(network).features_many(x[:50], "codes")
    assert codes.shape == (50, 3)
    expected = np.clip((x[:50] - x.mean(axis=0)) @ v.T, -127, 127)
    assert np.abs(codes - expected).max() <= 1


@pytest.mark.parametrize("shrinkage", [0.0, 1.1, -1.0])
def test_shrinkage_is_a_share(shrinkage: float) -> None:
    with pytest.raises(ValueError, match="shrinkage must be above 0 and at most 1"):
        calibrated(*samples(np.eye(INPUTS), 200), BITS, 3, shrinkage=shrinkage)


@pytest.mark.parametrize("weight_bits", [8, 4])
def test_a_network_takes_what_others_gave(weight_bits: int) -> None:
    digits = data.load("digits")
    # Digits below 5 tell what inputs have in common; those from 5 on are learned.
    low, high = digits.y_train < 5, digits.y_train >= 5
    others = replace(digits, x_train=digits.x_train[low], y_train=digits.y_train[low])
    task = replace(digits, x_train=digits.x_train[high], y_train=digits.y_train[high])
    network = recipes.network_for(
        task, decorrelate_on=others, neurons_per_class=4, weight_bits=weight_bits
    )
    assert network.inhibition is not None
    assert not network.inhibition.is_learned
    noted = network.metadata["calibration"]
    assert noted["classes"] == 5
    assert noted["samples"] == low.sum()
    core, specification = Core(network), Specification(network)
    for x, label in zip(task.x_train[:40], task.y_train[:40], strict=True):
        assert core.learn(x, int(label)) == specification.learn(x, int(label))
    assert core.state() == specification.state()


def test_samples_of_another_shape_are_refused() -> None:
    digits = data.load("digits")
    others = replace(digits, x_train=digits.x_train[:, :4])
    with pytest.raises(ValueError, match=r"of shape \(8, 8\), as those of digits, not \(4, 8\)"):
        recipes.network_for(digits, decorrelate_on=others)


def test_train_writes_down_what_it_was_calibrated_on(tmp_path: Path) -> None:
    digits = data.load("digits")
    kept = digits.y_train < 4
    others = tmp_path / "others.npz"
    np.savez(others, x=digits.x_train[kept], y=digits.y_train[kept])
    written = tmp_path / "digits.naca"
    done("train", "digits", "--decorrelate-on", others, "--max-kib", "8", "-o", written)
    noted = load_image(written).network.metadata["calibration"]
    assert noted["classes"] == 4
    assert 0 < noted["shrinkage"] <= 1
    assert "others" in noted["data"]


def pictures(classes: int, seed: int) -> data.Dataset:
    """Return images of 20 × 20 pixels: a bar for each class, and noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, 120)
    x = rng.integers(0, 60, (120, 20, 20))
    for image_, label in zip(x, y, strict=True):
        image_[2 + 4 * label : 5 + 4 * label, 3:17] += 190
    return data.Dataset("bars", x, y, x[:0], y[:0], tuple(map(str, range(classes))))


@pytest.mark.parametrize(("rank", "outputs"), [(None, 100), (10, 10), (0, 196)])
def test_edges_are_put_through_a_low_rank(rank: int | None, outputs: int) -> None:
    task, others = pictures(4, 0), pictures(3, 1)
    network = recipes.network_for(task, decorrelate_on=others, rank=rank, neurons_per_class=3)
    assert network.inhibition is not None
    assert network.inhibition.outputs == network.arriving == outputs
    assert network.metadata["calibration"]["rank"] == outputs
    core, specification = Core(network), Specification(network)
    for x, label in zip(task.x_train[:60], task.y_train[:60], strict=True):
        assert core.learn(x, int(label)) == specification.learn(x, int(label))
    assert core.state() == specification.state()
    answers = core.predict_many(task.x_train[60:].reshape(60, -1))
    assert (answers == task.y_train[60:]).mean() > 0.9


def test_a_rank_is_of_what_is_found() -> None:
    digits = data.load("digits")
    with pytest.raises(ValueError, match="rank is that of what is found on decorrelate_on"):
        recipes.network_for(digits, rank=3)
    with pytest.raises(ValueError, match=r"rank must be in 0 \.\. 64, not 65"):
        recipes.network_for(digits, decorrelate_on=digits, rank=65)


def test_train_takes_a_rank(tmp_path: Path) -> None:
    written = tmp_path / "digits.naca"
    done("train", "digits", "--decorrelate-on", "digits", "--rank", "12", "-o", written)
    network = load_image(written).network
    assert network.arriving == network.metadata["calibration"]["rank"] == 12
    assert "64 codes of 5 bits and a sign, of which 12" in done("inspect", written)


def test_many_numbers_are_put_through_a_low_rank() -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 300)
    means = rng.normal(0, 1, (3, 200))
    x = means[y] + rng.normal(0, 2, (300, 1)) + rng.normal(0, 1, (300, 200))
    task = data.Dataset("bands", x, y, x[:0], y[:0], ("a", "b", "c"))
    network = recipes.network_for(task, decorrelate_on=task)
    assert network.inhibition is not None
    assert (network.inputs, network.arriving) == (200, recipes.LOW_RANK)
    assert network.populations[0].neurons == 3 * 30
    core = Core(network)
    core.learn_many(x[:200], y[:200])
    assert (core.predict_many(x[200:]) == y[200:]).mean() > 0.95
