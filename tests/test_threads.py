"""Cores and threads: different cores run side by side, one core takes one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.network import Network

INPUTS, CLASSES = 64, 4


def network() -> Network:
    return presets.competitive(INPUTS, CLASSES, 8)


def samples(count: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 16, (count, INPUTS), np.uint8), rng.integers(0, CLASSES, count)


def together(work: list[Callable[[], object]]) -> None:
    """Run all functions at once, each in a thread of its own."""
    ready = threading.Barrier(len(work))

    def started(function: Callable[[], object]) -> object:
        ready.wait()
        return function()

    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(started, function) for function in work]:
            done.result()


def test_cores_in_threads_learn_as_one_after_the_other() -> None:
    tasks = [samples(2000, seed) for seed in range(6)]
    serial = [Core(network()) for _ in tasks]
    for core, task in zip(serial, tasks, strict=True):
        core.learn_many(*task)
    parallel = [Core(network()) for _ in tasks]
    together([partial(core.learn_many, *task) for core, task in zip(parallel, tasks, strict=True)])
    assert [core.state() for core in parallel] == [core.state() for core in serial]
    assert len({core.state_hash() for core in parallel}) == len(tasks)


def test_python_goes_on_during_a_long_call() -> None:
    core, (x, y) = Core(network()), samples(100_000, 0)
    begun, ended = threading.Event(), threading.Event()

    def learn() -> None:
        begun.set()
        core.learn_many(x, y)
        ended.set()

    thread = threading.Thread(target=learn)
    thread.start()
    begun.wait()
    # A lock that is held during the call would let at most the first of these turns pass before
    # its end; asked for the interpreter, a thread gives it away after milliseconds only.
    turns = 0
    while not ended.wait(0.001):
        turns += 1
    thread.join()
    assert core.counters()["presentations"] == len(x)
    assert turns >= 20


@pytest.mark.parametrize("threads", [2, 5])
def test_one_core_in_many_threads_stays_consistent(threads: int) -> None:
    core = Core(network())
    x, y = samples(300, 1)

    def learn() -> None:
        for sample, label in zip(x, y, strict=True):
            core.learn(sample, int(label))
            core.infer_many(x[:3])
            assert core.save_state()[:4] == b"NST1"

    together([learn] * threads)
    assert core.counters()["presentations"] == threads * len(x) * 4
    assert core.learned() == threads * len(x)
    assert core.seen().tolist() == (threads * np.bincount(y, minlength=CLASSES)).tolist()
    # What was saved in between is whole: it is taken back.
    Core(network()).load_state(core.save_state())


def test_calls_on_one_core_wait_for_each_other() -> None:
    """The same samples in any order of calls: as if the calls had come one by one."""
    core, (x, y) = Core(network()), samples(5000, 2)
    together([lambda: core.learn_many(x, y)] * 2)
    twice = Core(network())
    twice.learn_many(x, y)
    twice.learn_many(x, y)
    assert core.state() == twice.state()
