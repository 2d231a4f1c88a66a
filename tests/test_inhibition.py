"""Codes with a sign and the inhibition do what docs/arithmetic.md says they are for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from edge_naca import image, presets
from edge_naca.core import Core
from edge_naca.inhibition import Inhibition, to_square, to_triangle, triangle
from edge_naca.network import Encoder, Network, Population, Preparation
from edge_naca.specification.network import Specification

ENGINES = [Core, Specification]
Engine = type[Core] | type[Specification]


def learned_part(engine: Core | Specification) -> image.Decorrelation:
    inhibition = image.unpack_state(engine.network, engine.state()).inhibition
    assert inhibition is not None
    return inhibition


# ---- codes with a sign ---------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("bits", [1, 4, 7])
def test_off_spikes_take_away_exactly_what_on_spikes_add(engine: Engine, bits: int) -> None:
    """Section 4: after the last step every potential is the dot product, signs included."""
    rng = np.random.default_rng(bits)
    population = Population(
        20, weight_min=-128, decay=128, current_shift=bits - 1, threshold=1 << 26
    )
    network = Network(300, Encoder("bitplane", bits, bits, is_signed=True), (population,))
    weights = rng.integers(-128, 128, (20, 300)).astype(np.int8)
    new = image.new_state(network)
    machine = engine(network, image.pack_state(network, replace(new, populations=(
        image.Learned(weights, None),
    ))))  # fmt: skip
    most = 2**bits - 1
    codes = rng.integers(-most, most + 1, 300)
    shown = machine.record(codes, "codes")
    assert_array_equal(shown.potentials[-1], weights.astype(int) @ codes)
    values = 1 << np.arange(bits)
    assert_array_equal(values @ shown.input_spikes.astype(int), codes)
    assert shown.result.spikes == np.abs(shown.input_spikes.astype(int)).sum()


def test_signs_learn_what_two_rows_of_weights_learn() -> None:
    """One synapse with a sign does the work of an on and an off synapse."""
    rng = np.random.default_rng(0)
    means = rng.integers(-9, 10, (4, 12))
    y = rng.integers(4, size=120)
    x = (means[y] + rng.integers(-3, 4, (120, 12))).astype(np.int16)
    answers = []
    for how in ("signed", "keeps_sign"):
        changes: dict[str, Any] = {how: True}
        core = Core(presets.competitive(Preparation((1, 12, 1), **changes), 4, 3, seed=1))
        core.learn_many(x[:80], y[:80])
        answers.append((core.predict_many(x[80:]) == y[80:]).mean())
        assert core.network.inputs == (24 if how == "signed" else 12)
    assert min(answers) > 0.9


# ---- a given inhibition --------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_given_inhibition_is_a_triangular_product(engine: Engine) -> None:
    rng = np.random.default_rng(2)
    weights, rows = rng.integers(-128, 128, triangle(9)), rng.integers(0, 4, 9)
    network = Network(
        9,
        Encoder("bitplane", 6, 6, is_signed=True),
        (Population(2),),
        inhibition=Inhibition(9, 5, weights, rows, shift=7),
    )
    x = rng.integers(-31, 32, 9)
    wanted = np.floor(np.tril(to_square(weights)) @ x * 2.0**rows / 2**7 + 0.5)
    machine = engine(network)
    record = machine.record(x, "codes")
    assert_array_equal((1 << np.arange(6)) @ record.input_spikes.astype(int), wanted.clip(-63, 63))
    reached = np.arange(9, 0, -1)[x != 0].sum()
    assert record.result.synops == reached + 2 * record.result.spikes


# ---- a learned one -------------------------------------------------------------------------------


def correlated(samples: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return samples of two classes whose residuals share most of what they do, and the labels."""
    rng = np.random.default_rng(4)
    mixing = rng.normal(size=(6, 6)) * [9, 4, 2, 1, 1, 1]
    y = np.arange(samples) % 2
    means = rng.normal(0, 12, (2, 6))
    x = np.rint(means[y] + rng.normal(size=(samples, 6)) @ mixing.T)
    return np.clip(x, -127, 127).astype(np.int64), y, mixing


def learner(**changes: Any) -> Network:
    inhibition = Inhibition(6, 7, **{"first": 50, "every": 50, **changes})
    return presets.competitive(6, 2, 1, bits=4, inhibition=inhibition, seed=9)


def test_residuals_become_uncorrelated_and_of_equal_variance() -> None:
    """Section 7.5: what the factor makes of residuals has the identity as its covariance."""
    network = learner(noise=3)
    machine = Core(network)
    x, y, _ = correlated(900)
    residuals = []
    for sample, label in zip(x, y, strict=True):
        prototypes = learned_part(machine).prototypes.astype(float) / 2 ** network_fraction(network)
        residuals.append(sample - prototypes[label])
        machine.learn(sample, int(label), "codes")
    learned = learned_part(machine)
    factor = to_square(learned.factor.astype(float)) / 2.0**learned.factor_shift / 64
    # The factor is in the unit of residuals, which are halves of those of prototypes.
    factor *= 2 ** (network_fraction(network) - 1)
    seen = np.array(residuals[2:])
    power = (seen**2).mean() * 3 / 256
    covariance = factor @ (seen.T @ seen / len(seen) + power * np.eye(6)) @ factor.T
    variances = np.diag(covariance)
    assert_allclose(variances, 1, atol=0.2)  # the noise of so many samples is not quite its mean
    assert_allclose(covariance - np.diag(variances), 0, atol=0.05)
    plain = np.corrcoef(seen.T)
    assert np.abs(plain - np.eye(6)).max() > 0.5  # which they were not before


def network_fraction(network: Network) -> int:
    assert network.inhibition is not None
    return network.inhibition.fraction


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("first", "every"), [(5, 3), (4, 0), (1, 1)])
def test_it_is_renewed_when_it_is_due(engine: Engine, first: int, every: int) -> None:
    x, y, _ = correlated(40)
    machine = engine(learner(first=first, every=every))
    renewed = []
    for number, (sample, label) in enumerate(zip(x, y, strict=True), 1):
        before = learned_part(machine)
        machine.learn(sample, int(label), "codes")
        after = learned_part(machine)
        if (before.weights != after.weights).any():
            renewed.append(number)
    due = [first * 2**k for k in range(9)] if every == 0 else range(first, 99, every)
    # The first two samples recruit: no residual, and nothing to renew from.
    assert renewed == [number for number in due if 3 <= number <= 40]


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_are_what_it_makes_of_prototypes(engine: Engine) -> None:
    network = learner(first=30, every=0)
    machine = engine(network)
    x, y, _ = correlated(30)
    for sample, label in zip(x, y, strict=True):
        machine.learn(sample, int(label), "codes")
    learned = learned_part(machine)
    rule = network.populations[0].rule
    assert rule is not None
    made = to_square(learned.weights.astype(float)) * 2.0 ** learned.row_shifts[:, None]
    prototypes = learned.prototypes.astype(float)
    centre = made @ prototypes.mean(axis=0)
    wanted = (prototypes @ made.T - centre) / 2.0**learned.shift
    wanted *= 2.0 ** (rule.trace_shift - network_fraction(network))
    weights = image.unpack_state(network, machine.state()).populations[0].weights
    assert_allclose(weights, wanted, atol=1.01)
    assert np.abs(weights).max() > 20


def test_a_shift_wider_than_a_word_leaves_nothing() -> None:
    """One bit in and out, and a wide reach: sums are divided by 2**33."""
    inputs = 128
    inhibition = Inhibition(inputs, 1, noise=0, first=1, every=1, start=64, reach=15)
    network = presets.competitive(inputs, 2, 2, bits=1, inhibition=inhibition)
    first = network.populations[0]
    assert first.rule is not None
    first = replace(first, rule=replace(first.rule, trace_shift=0))
    network = replace(network, populations=(first, network.populations[1]))
    state = image.new_state(network)
    assert state.inhibition is not None
    factor = to_triangle(np.full((inputs, inputs), 32767, np.int16))
    factor[0] = 100
    state.inhibition.factor = factor
    state.inhibition.prototypes[:] = np.array([2047, -2047] * 2)[:, None]
    state.inhibition.count, state.inhibition.factor_shift = 4095, 20
    wins = np.full(4, 5, np.uint16)
    hidden = replace(state.populations[0], wins=wins)
    state = replace(state, populations=(hidden, state.populations[1]))
    core = Core(image.encode(network, state))
    specification = Specification(network, image.pack_state(network, state))
    codes = np.ones(inputs, int)
    assert core.learn(codes, 0, "codes") == specification.learn(codes, 0, "codes")
    assert core.state() == specification.state()
    assert learned_part(core).shift == 23
