"""Streams and what is measured on them, on learners whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge_naca import scenarios
from edge_naca.choices import ORDERS
from edge_naca.data import Dataset
from edge_naca.scenarios import CHUNK, History, Lesson


class Latest:
    """Answers the class learned last: forgets everything else."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self.calls: list[int] = []
        self.answer = -1

    def learn_many(self, x: Any, labels: Any) -> Any:
        self.samples += x[:, 0].tolist()
        self.calls.append(len(x))
        self.answer = int(labels[-1])
        return labels * 10

    def predict_many(self, x: Any) -> Any:
        return np.full(len(x), self.answer)


def dataset(train: list[int], test: list[int], classes: str = "abc") -> Dataset:
    x_train, x_test = np.arange(len(train))[:, None], np.arange(len(test))[:, None]
    return Dataset("d", x_train, np.array(train), x_test, np.array(test), tuple(classes))


# ---- streams -----------------------------------------------------------------------------------

MIXED = dataset([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], [0, 1, 2])


def test_seed_0_teaches_classes_in_the_order_of_their_labels() -> None:
    stages = scenarios.stream(MIXED)
    assert [stage.title for stage in stages] == ["a", "b", "c"]
    assert [stage.classes for stage in stages] == [(0,), (0, 1), (0, 1, 2)]
    for label, stage in enumerate(stages):
        assert sorted(stage.indices) == np.flatnonzero(MIXED.y_train == label).tolist()


def test_other_seeds_shuffle_classes_and_samples() -> None:
    orders = {tuple(stage.title for stage in scenarios.stream(MIXED, seed=s)) for s in range(1, 60)}
    assert len(orders) == 6
    first = scenarios.stream(MIXED, seed=5)
    again = scenarios.stream(MIXED, seed=5)
    assert all(np.array_equal(a.indices, b.indices) for a, b in zip(first, again, strict=True))
    assert len({tuple(scenarios.stream(MIXED, "shuffled", s)[0].indices) for s in range(9)}) == 9


@pytest.mark.parametrize("order", ["shuffled", "given"])
def test_other_orders_are_one_stage(order: str) -> None:
    (stage,) = scenarios.stream(MIXED, order, seed=1)
    assert sorted(stage.indices) == list(range(10))
    assert (list(stage.indices) == list(range(10))) == (order == "given")
    assert stage.classes == (0, 1, 2)


@pytest.mark.parametrize("order", ORDERS)
def test_epochs_repeat_each_stage(order: str) -> None:
    for once, thrice in zip(
        scenarios.stream(MIXED, order), scenarios.stream(MIXED, order, epochs=3), strict=True
    ):
        assert list(thrice.indices) == [*once.indices] * 3


def test_classes_without_samples_are_not_taught() -> None:
    stages = scenarios.stream(dataset([2, 0, 2], [0, 2]))
    assert [stage.title for stage in stages] == ["a", "c"]
    assert stages[-1].classes == (0, 2)


def test_bad_streams_are_refused() -> None:
    with pytest.raises(ValueError, match="order must be one of class, shuffled, given"):
        scenarios.stream(MIXED, "backwards")
    with pytest.raises(ValueError, match="epochs must be in 1"):
        scenarios.stream(MIXED, epochs=0)


# ---- measuring ---------------------------------------------------------------------------------


def test_a_learner_that_forgets_is_seen_to() -> None:
    some = dataset([0, 0, 1, 1, 2], [0, 0, 0, 1, 2, 2])
    history = scenarios.run(Latest(), some, scenarios.stream(some))
    nan = np.nan
    expected = [[1, nan, nan], [0, 1, nan], [0, 0, 1]]
    np.testing.assert_array_equal(history.accuracy, expected)
    np.testing.assert_allclose(history.seen_accuracy(), [1, 1 / 4, 2 / 6])
    assert history.final == pytest.approx(2 / 6)
    np.testing.assert_array_equal(history.after_learning(), [1, 1, 1])
    assert history.forgetting == pytest.approx((1 + 1 + 0) / 3)
    assert [result.tolist() for result in history.results] == [[0, 0], [10, 10], [20]]


def test_every_sample_is_learned_once_in_pieces() -> None:
    count = 2 * CHUNK + 3
    many = dataset([0] * count, [0], "a")
    learner, reported = Latest(), []
    (stage,) = stages = scenarios.stream(many)
    scenarios.run(learner, many, stages, lambda *report: reported.append(report))
    assert learner.samples == stage.indices.tolist()
    assert learner.calls == [CHUNK, CHUNK, 3]
    assert reported == [(CHUNK, stage), (CHUNK, stage), (3, stage)]


def test_histories_grow_stage_by_stage() -> None:
    stages = scenarios.stream(MIXED)
    lengths = [len(h.stages) for h in scenarios.follow(Latest(), MIXED, stages)]
    assert lengths == [1, 2, 3]


def test_classes_without_test_samples_count_for_nothing() -> None:
    some = dataset([0, 1, 2], [0, 2])
    history = scenarios.run(Latest(), some, scenarios.stream(some))
    np.testing.assert_array_equal(history.accuracy[-1], [0, np.nan, 1])
    assert history.final == 0.5
    assert history.forgetting == 0.5


def test_forgetting_on_a_history_made_by_hand() -> None:
    stages = tuple(
        Lesson(str(classes), np.arange(2), classes) for classes in [(1,), (1, 0), (1, 0, 2)]
    )
    nan = np.nan
    accuracy = np.array([[nan, 0.9, nan], [0.8, 0.5, nan], [0.7, 0.6, 1.0]])
    history = History(stages, accuracy, np.array([10, 20, 70]), (None,) * 3)
    np.testing.assert_array_equal(history.after_learning(), [0.8, 0.9, 1.0])
    assert history.forgetting == pytest.approx((0.1 + 0.3 + 0) / 3)
    np.testing.assert_allclose(history.seen_accuracy(), [0.9, (8 + 10) / 30, (7 + 12 + 70) / 100])


def test_nothing_is_forgotten_in_one_stage() -> None:
    (stage,) = scenarios.stream(MIXED, "shuffled")
    history = scenarios.run(Latest(), MIXED, [stage])
    assert np.isnan(history.forgetting)
