"""What a comparison says is what really differs between two states."""

from __future__ import annotations

import numpy as np
import pytest

from edge_naca import presets
from edge_naca.compare import NOBODY, Comparison, compare, owners, recruited
from edge_naca.core import Core
from edge_naca.network import Preparation
from edge_naca.states import StateError, snapshot

NAMES = ["a", "b", "c"]


def taught(core: Core, labels: list[int], seed: int) -> Core:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).integers(0, 16, (3, 6))
    noise = rng.integers(0, 2, (len(labels), 6))
    y = np.array(labels, int)
    core.learn_many(np.clip(centres[y] + noise, 0, 15), y, "codes")
    return core


def changes_after(labels: list[int]) -> tuple[Comparison, Core, Core]:
    old = taught(Core(presets.competitive(6, 3, 4)), [0, 1] * 5, seed=1)
    new = taught(Core(old.image()), labels, seed=2)
    return compare(snapshot(old, "old"), snapshot(new, "new"), NAMES), old, new


def test_it_counts_what_really_differs() -> None:
    changes, old, new = changes_after([0, 0, 2, 2, 2])
    assert not changes.is_same
    assert changes.learned == (10, 15)
    assert [one.samples for one in changes.classes] == [(5, 7), (5, 5), (0, 3)]
    for index, population in enumerate(changes.populations):
        moved = new.weights(index).astype(int) - old.weights(index)
        np.testing.assert_array_equal(population.moved, moved)
        assert population.changed == np.count_nonzero(moved)
        assert sum(population.histogram().values()) == population.changed
        assert 0 not in population.histogram()
        for value, count in population.histogram().items():
            assert count == np.count_nonzero(moved == value)
        by_class = population.changed_by_class(3)
        assert by_class.sum() == population.changed
        of = owners(old.network, index)
        assert by_class[2] == np.count_nonzero(moved[of == 2])
    assert changes.classes[2].recruited is not None
    assert changes.classes[2].recruited[0] == 0 < changes.classes[2].recruited[1]
    assert recruited(snapshot(new), 2) == changes.classes[2].recruited[1]


def test_it_ranks_neurons_by_how_far_they_moved() -> None:
    changes, old, new = changes_after([2, 2, 0])
    moved = changes.most_moved(100)
    distances = [one.distance for one in moved]
    assert distances == sorted(distances, reverse=True)
    assert all(one.changed for one in moved)
    first = moved[0]
    weights = (core.weights(first.population)[first.neuron].astype(int) for core in (old, new))
    before, after = weights
    assert first.distance == pytest.approx(np.linalg.norm(after - before))
    assert changes.most_moved(2) == moved[:2]
    assert {one.population for one in changes.most_moved(100, only=1)} == {1}
    hidden = next(one for one in moved if one.population == 0)
    assert hidden.wins is not None
    assert hidden.owner in (0, 2)
    assert next(one for one in moved if one.population == 1).wins is None


def test_equal_states_are_the_same() -> None:
    changes, _, _ = changes_after([])
    assert changes.is_same
    assert changes.most_moved(5) == []
    assert [population.histogram() for population in changes.populations] == [{}, {}]


def test_neurons_of_the_paper_s_rule_belong_to_no_class() -> None:
    network = presets.paper(Preparation((2, 2, 1)), 3, 5, steps=4)
    assert owners(network, 0).tolist() == [NOBODY] * 5
    assert owners(network, 1).tolist() == [0, 1, 2]
    core = Core(network, presets.paper_start(network))
    before = snapshot(core, "x")
    x = np.random.default_rng(3).integers(0, 256, (60, 4))
    core.learn_many(x, np.arange(60) % 3)
    changes = compare(before, snapshot(core, "y"), NAMES)
    assert recruited(before, 0) is None
    assert [one.recruited for one in changes.classes] == [None] * 3
    assert changes.populations[0].changed_by_class(3).sum() == 0
    assert changes.populations[0].changed > 0


def test_states_of_two_networks_are_refused() -> None:
    one, other = (Core(presets.competitive(6, 3, n)) for n in (4, 5))
    with pytest.raises(StateError) as error:
        compare(snapshot(one, "one.naca"), snapshot(other, "two.naca"), NAMES)
    for part in ("one.naca", "two.naca", "6-12-3", "6-15-3", f"{other.network_id:08x}"):
        assert part in str(error.value)
