"""Locks that a fork waits for, so that the child finds none held by a thread it does not have."""

from __future__ import annotations

import os
import threading
import weakref

_all = threading.Lock()  # of the set below, and of who may fork
_locks: weakref.WeakSet[threading.Lock] = weakref.WeakSet()
_held: list[threading.Lock] = []


def forkable_lock() -> threading.Lock:
    """Return a lock that whoever forks takes first and gives back on both sides.

    What it guards is then whole in the child too. Nobody may hold two of them at once.
    """
    lock = threading.Lock()
    with _all:
        _locks.add(lock)
    return lock


def _take_all() -> None:
    _all.acquire()
    _held.extend(_locks)
    for lock in _held:
        lock.acquire()


def _give_back() -> None:
    for lock in _held:
        lock.release()
    _held.clear()
    _all.release()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_take_all, after_in_parent=_give_back, after_in_child=_give_back)
