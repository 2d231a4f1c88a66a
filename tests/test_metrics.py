"""Metrics of continual learning against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edge_naca import metrics

R = np.array([[0.9, 0.1, 0.2], [0.95, 0.8, 0.3], [0.7, 0.6, 1.0]])


def test_average_accuracy_is_that_of_the_last_row() -> None:
    assert metrics.average_accuracy(R) == pytest.approx((0.7 + 0.6 + 1.0) / 3)
    assert metrics.average_accuracy(R[:, :2]) == pytest.approx(0.65)


def test_both_kinds_of_forgetting() -> None:
    # Since learned: 0.9 → 0.7 and 0.8 → 0.6; since best: the first reached 0.95 in between.
    assert metrics.forgetting_since_learned(R) == pytest.approx((0.2 + 0.2) / 2)
    assert metrics.backward_transfer(R) == pytest.approx(-0.2)
    assert metrics.forgetting_since_best(R) == pytest.approx((0.25 + 0.2) / 2)


def test_what_comes_back_better_is_negative_since_best() -> None:
    better = np.array([[0.5, 0.0], [0.8, 0.9]])
    assert metrics.backward_transfer(better) == pytest.approx(0.3)
    assert metrics.forgetting_since_best(better) == pytest.approx(-0.3)


def test_the_next_exam_is_taken_before_its_lesson() -> None:
    assert metrics.accuracy_ahead(R) == pytest.approx((0.1 + 0.3) / 2)
    assert metrics.accuracy_ahead(R, [100, 10, 30]) == pytest.approx((0.1 * 10 + 0.3 * 30) / 40)


def test_one_lesson_has_nothing_before_or_after() -> None:
    for metric in (
        metrics.backward_transfer,
        metrics.forgetting_since_best,
        metrics.forgetting_since_learned,
        metrics.accuracy_ahead,
    ):
        assert np.isnan(metric([[0.5]]))
    assert metrics.average_accuracy([[0.5]]) == 0.5


def test_calibration_error_by_hand() -> None:
    # Two bins: 0.8 and 0.7 lie in the upper one, of which half is right; 0.45 in the lower, right.
    p = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.45, 0.3, 0.25]]
    expected = 2 / 3 * abs(0.5 - 0.75) + 1 / 3 * abs(1 - 0.45)
    assert metrics.expected_calibration_error(p, [0, 2, 0], bins=2) == pytest.approx(expected)


def test_bins_hold_their_upper_end() -> None:
    # 0.5 falls into the lower of two bins, beside 0.4 and apart from 0.6.
    p = [[0.5, 0.5, 0.0], [0.4, 0.3, 0.3], [0.6, 0.4, 0.0]]
    expected = abs((1 - 0.5) + (0 - 0.4)) / 3 + abs(0 - 0.6) / 3
    assert metrics.expected_calibration_error(p, [0, 1, 1], bins=2) == pytest.approx(expected)


def test_what_is_sure_and_right_is_calibrated() -> None:
    assert metrics.expected_calibration_error(np.eye(4), range(4)) == 0
    assert metrics.expected_calibration_error(np.eye(4), [1, 2, 3, 0]) == 1


def test_a_difference_is_paired() -> None:
    difference = metrics.paired_difference([0.9, 0.5, 0.7], [0.88, 0.47, 0.66])
    assert difference.mean == pytest.approx(0.03)
    assert difference.sem == pytest.approx(0.01 / np.sqrt(3))  # unpaired it would be 20 times this
    assert difference.is_first
    assert not difference.is_behind
    assert metrics.paired_difference([0.88, 0.47, 0.66], [0.9, 0.5, 0.7]).is_behind


def test_a_single_run_proves_nothing() -> None:
    difference = metrics.paired_difference([0.9], [0.1])
    assert np.isnan(difference.sem)
    assert not difference.is_first
    assert not difference.is_behind


def test_what_is_no_matrix_is_refused() -> None:
    for metric in (metrics.average_accuracy, metrics.backward_transfer):
        with pytest.raises(ValueError, match="lessons, exams"):
            metric([0.5, 0.5])
    for metric in (metrics.backward_transfer, metrics.forgetting_since_best):
        with pytest.raises(ValueError, match="one exam for each lesson"):
            metric(R[:, :2])
    with pytest.raises(ValueError, match="paired"):
        metrics.paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="one column each"):
        metrics.expected_calibration_error([[1.0, 0.0]], [0, 1])
