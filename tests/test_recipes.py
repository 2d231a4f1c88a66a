"""Networks are chosen to suit the data, and as large as the budget allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_naca import recipes, scenarios
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.image import state_size
from edge_naca.scaling import gains
from edge_naca.specification.preparation import features

RNG = np.random.default_rng(0)


def dataset(x: Any, classes: int = 3) -> Dataset:
    y = np.arange(len(x)) % classes
    return Dataset("d", x, y, x, y, tuple(map(str, range(classes))))


def images(*shape: int, largest: int = 255, dtype: str = "uint8") -> Dataset:
    x = RNG.integers(0, largest + 1, (12, *shape))
    x.flat[0] = largest
    return dataset(x.astype(dtype))


LARGE, SMALL = images(28, 28), images(8, 8, largest=16)
TABLE = dataset(RNG.normal(0, 3, (12, 5)))


@pytest.mark.parametrize(
    ("data", "features", "spatial", "cell", "norm", "bits", "inputs"),
    [
        (LARGE, "auto", "edges", 4, 35, 3, 196),
        (LARGE, "edges", "edges", 4, 35, 3, 196),
        (LARGE, "pixels", "pool", 2, 60, 4, 196),
        (SMALL, "auto", "pool", 1, 25, 3, 64),
        (SMALL, "pixels", "pool", 1, 25, 3, 64),
        (images(16, 16, dtype="int32"), "auto", "edges", 4, 20, 3, 64),
        (images(45, 45), "auto", "edges", 6, 40, 3, 256),
        (images(32, 32, 3), "auto", "edges", 4, 69, 3, 768),
        (images(8, 300), "auto", "pool", 1, 153, 3, 2400),
    ],
)
def test_images_are_prepared_as_measured_best(
    data: Dataset, features: str, spatial: str, cell: int, norm: int, bits: int, inputs: int
) -> None:
    network = recipes.network_for(data, features=features)
    preparation = network.preparation
    assert preparation is not None
    found = (preparation.spatial, preparation.cell, preparation.norm, network.encoder.bits)
    assert found == (spatial, cell, norm, bits)
    assert network.inputs == inputs
    assert network.metadata == {}


@pytest.mark.parametrize("largest", [1, 16, 255, 4095, 32767])
@pytest.mark.parametrize("kind", ["edges", "pixels"])
def test_no_brightness_is_cut_off_or_lost(largest: int, kind: str) -> None:
    data = images(20, 20, largest=largest, dtype="int32")
    preparation = recipes.network_for(data, features=kind).preparation
    assert preparation is not None
    ramp = np.linspace(0, largest, 20).astype(int)
    white = features(preparation, np.broadcast_to(ramp, (20, 20)))
    assert 0 < white.max() <= 1023
    if kind == "pixels":
        most = features(preparation, np.full((20, 20), largest))
        assert most.max() <= 1023
        assert most.max() >= min(4 * largest, 256)


@pytest.mark.parametrize(
    "x",
    [
        RNG.normal(0, 1, (12, 5)),
        RNG.normal(0, 1, (12, 28, 28)),
        RNG.integers(-9, 9, (12, 20, 20)),
        RNG.integers(0, 99999, (12, 20, 20)),
        RNG.integers(0, 255, (12, 7)),
        RNG.integers(0, 2, (12, 20, 20)).astype(bool),
    ],
    ids=["real", "real-image", "negative", "large", "table", "bool"],
)
def test_everything_else_is_scaled(x: Any) -> None:
    data = dataset(x)
    network = recipes.network_for(data, neurons_per_class=2)
    assert network.preparation is not None
    assert network.preparation.spatial == "pool"
    assert network.preparation.cell == 1
    if data.x_train.dtype.kind == "f" or data.x_train.max() > 32767:
        assert network.preparation.affine is not None
    core = Core(network)
    scenarios.run(core, data, scenarios.stream(data))
    assert core.seen().tolist() == [4, 4, 4]


def test_scaling_survives_the_image() -> None:
    core = Core(recipes.network_for(TABLE))
    again = Core(core.image())
    assert np.array_equal(again.prepare_many(TABLE.x_test), core.prepare_many(TABLE.x_test))


@pytest.mark.parametrize("kib", [1, 2.5, 16, 64, 256, 5000])
@pytest.mark.parametrize("weight_bits", [8, 4])
def test_the_budget_is_used_and_kept(kib: float, weight_bits: int) -> None:
    network = recipes.network_for(LARGE, max_kib=kib, weight_bits=weight_bits)
    each = network.populations[0].neurons // 3
    assert state_size(network) <= kib * 1024
    assert network.populations[0].weight_bits == weight_bits
    rule = network.populations[0].rule
    assert rule is not None
    assert (rule.drift > 0) == (weight_bits == 8 and kib > 7)
    if each < 4096 // 3:
        larger = recipes.network_for(LARGE, neurons_per_class=each + 1, weight_bits=weight_bits)
        assert state_size(larger) > kib * 1024


def test_choices_are_passed_on() -> None:
    network = recipes.network_for(
        LARGE, neurons_per_class=7, bits=2, weight_bits=4, capacity=5, seed=9
    )
    assert network.topology == "196-35-5"
    assert (network.encoder.bits, network.populations[0].weight_bits, network.seed) == (2, 4, 9)
    assert recipes.network_for(TABLE, bits=6).encoder.bits == 6
    many = Dataset("d", SMALL.x_train, np.arange(12), SMALL.x_test, np.arange(12), ("x",) * 12)
    assert recipes.network_for(many, capacity=1024).populations[0].neurons == 4096


@pytest.mark.parametrize(
    ("data", "wrong", "message"),
    [
        (LARGE, {"features": "colours"}, "features must be one of auto, edges, pixels, scaled"),
        (LARGE, {"capacity": 2}, "capacity must be at least 3"),
        (LARGE, {"max_kib": 0.25}, r"takes \d+ bytes .* more than the 256 of max_kib 0.25: give "),
        (LARGE, {"max_kib": 9, "neurons_per_class": 3}, "either max_kib or neurons_per_class"),
        (LARGE, {"neurons_per_class": 2000}, r"must be in 1 .. 4096, not 6000"),
        (LARGE, {"bits": 9}, r"bits must be in 1 .. 8"),
        (TABLE, {"features": "edges"}, "features 'edges' are for images"),
        (TABLE, {"features": "pixels"}, "features 'pixels' are for images"),
    ],
)
def test_bad_choices_are_refused(data: Dataset, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recipes.network_for(data, **wrong)


def test_gains_are_as_fine_as_14_bits_allow() -> None:
    gain, shift = gains(np.array([0.3, 5.0]))
    assert shift == 11
    assert gain.tolist() == [round(0.3 * 2**11), 5 * 2**11]
    gain, shift = gains(np.array([1e6, 1.0]))  # beyond what a device multiplies by
    assert (gain.tolist(), shift) == ([16383, 16383], 0)
