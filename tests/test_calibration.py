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
