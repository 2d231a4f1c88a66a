"""Expectation, levels and the modulation curve are those of the paper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from edge_naca.expectation import (
    EXPECTATIONS,
    LEVEL_MATRICES,
    block_matrix,
    expectation,
    level_matrix,
    modulation,
    modulation_table,
)


def test_published_expectation_of_ten_classes() -> None:
    first = expectation(10).argmax(axis=1)
    assert_array_equal(first, [18, 15, 13, 11, 9, 8, 7, 5, 3, 0])
    assert_array_equal(expectation(10)[np.arange(10), first + 1], np.full(10, 0.5))


@pytest.mark.parametrize("kind", EXPECTATIONS)
@pytest.mark.parametrize("classes", [1, 2, 3, 10, 26, 46, 100])
def test_every_class_expects_two_halves(kind: str, classes: int) -> None:
    expected = expectation(classes, kind)
    assert expected.shape == (classes, 2 * classes)
    assert_array_equal(expected.sum(axis=1), np.ones(classes))
    assert_array_equal(np.sort(expected, axis=1)[:, -2:], np.full((classes, 2), 0.5))


def test_orthogonal_expectations_share_nothing() -> None:
    expected = expectation(7, "orthogonal")
    assert_array_equal(expected @ expected.T, np.eye(7) / 2)


def test_published_points_of_the_curve() -> None:
    level = [0, 0.125, 0.25, 0.5, 0.75, 0.875, 1]
    assert_allclose(modulation(level), [1, 1.2, 1, 0, -1, -1.2, -1], atol=1e-12)


def test_the_curve_is_odd_about_its_inversion_and_continuous() -> None:
    level = np.linspace(0, 1, 2001)
    assert_allclose(modulation(level), -modulation(1 - level), atol=1e-12)
    assert np.abs(np.diff(modulation(level))).max() < 0.01


@pytest.mark.parametrize("kind", LEVEL_MATRICES)
def test_drawn_levels(kind: str) -> None:
    drawn = level_matrix(kind, 10, 5000, seed=3)
    assert drawn.shape == (20, 5000)
    assert 0 <= drawn.min() < 0.01
    assert 0.99 < drawn.max() <= 1
    assert abs(drawn.mean() - 0.5) < 0.01
    spread = {"uniform": 12**-0.5, "beta": 8**-0.5, "normal": 0.4303}[kind]
    assert abs(drawn.std() - spread) < 0.01
    assert_array_equal(drawn, level_matrix(kind, 10, 5000, seed=3))
    assert (drawn != level_matrix(kind, 10, 5000, seed=4)).any()


def test_block_sparse_levels_reach_a_class_own_neurons_only() -> None:
    owners = [0, 0, 1, 2, 2, 2]
    table = modulation_table(expectation(3, "orthogonal"), block_matrix(owners, 3))
    assert_array_equal(table, 64 * (np.array(owners) == np.arange(3)[:, None]))


def test_a_level_beyond_the_inversion_depresses() -> None:
    levels = block_matrix([0, 1], 2, elsewhere=0.5625)
    table = modulation_table(expectation(2, "orthogonal"), levels)
    assert_array_equal(table, [[64, -4], [-4, 64]])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: expectation(0), "classes"),
        (lambda: expectation(3, "random"), "kind"),
        (lambda: level_matrix("block", 3, 3), "kind"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        call()
