"""Scenarios: in which order the samples of a split come, what is asked, and what is made worse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tasks import Split

Array = NDArray[Any]
Generator = np.random.Generator

PASSES, ROUNDS = 10, 3
WRONG = 0.2  # share of labels
RARE = 100  # times fewer samples
UPRIGHT, INVERTED = 20000, 1000  # images


@dataclass(frozen=True, eq=False)
class Part:
    """A lesson or an exam: rows of the training samples, or of the test samples."""

    title: str
    rows: Array


@dataclass(frozen=True, eq=False)
class Stream:
    """What is learned, and what is asked after each lesson.

    Parameters
    ----------
    delay : samples after which a label comes, if every answer before it counts; None if only
        exams count.
    unknown : rows of test samples of classes that are never taught.
    """

    lessons: tuple[Part, ...]
    exams: tuple[Part, ...]
    delay: int | None = None
    unknown: Array | None = None


@dataclass(frozen=True)
class Options:
    """What a scenario can be asked for: classes of a lesson, shots of a new one, labels' delay."""

    classes: int = 1
    shots: int = 5
    delay: int = 100


Order = Callable[[Split, Generator, Options], Stream]


@dataclass(frozen=True)
class Scenario:
    """A way to teach.

    Parameters
    ----------
    title : for the reader.
    order : of the samples.
    change : what is done to them before.
    """

    title: str
    order: Order
    change: Callable[[Split, Generator], Split] = lambda split, rng: split


# ---- orders ------------------------------------------------------------------------------------


def classes(split: Split, rng: Generator, options: Options) -> Stream:
    """One class, or a few, after another; where domains follow one another, within each."""
    y, names = split.dataset.y_train, split.dataset.classes
    permuted, order = rng.permutation(len(y)), rng.permutation(np.unique(y))
    if split.is_ahead:
        by_class = np.concatenate([permuted[y[permuted] == label] for label in order])
        return by_domain(split, by_class)
    groups = [order[i : i + options.classes] for i in range(0, len(order), options.classes)]
    first = permuted[split.domains[permuted] == split.domains.min()]
    lessons = [
        Part(", ".join(names[c] for c in group),
             np.concatenate([first[y[first] == c] for c in group]
                            if options.classes == 1 else [first[np.isin(y[first], group)]]))
        for group in groups
    ]  # fmt: skip
    exams = [
        Part(lesson.title, np.flatnonzero(np.isin(split.dataset.y_test, group)))
        for lesson, group in zip(lessons, groups, strict=True)
    ]
    return Stream((*lessons, *later(split)), tuple(exams))


def shuffled(split: Split, rng: Generator, options: Options) -> Stream:
    """All classes mixed; further domains come afterwards."""
    permuted = rng.permutation(len(split.domains))
    if split.is_ahead:
        return by_domain(split, permuted)
    first = permuted[split.domains[permuted] == split.domains.min()]
    return Stream((Part("all, shuffled", first), *later(split)), (everything(split),))


def domains(split: Split, rng: Generator, options: Options) -> Stream:
    """One domain after another, shuffled within; every domain has an exam."""
    return by_domain(split, rng.permutation(len(split.domains)))


def in_time(split: Split, rng: Generator, options: Options) -> Stream:
    """As the data are in the order of time, each answered before it is learned."""
    rows = np.arange(len(split.domains))
    return Stream((Part("all, in the order of time", rows),), (everything(split),), delay=0)


def delayed(split: Split, rng: Generator, options: Options) -> Stream:
    """The same, but labels come later."""
    return replace(in_time(split, rng, options), delay=options.delay)


def passes(split: Split, rng: Generator, options: Options) -> Stream:
    """All samples ten times, shuffled anew each time; an exam after each."""
    count = len(split.domains)
    lessons = (Part(f"pass {n}", rng.permutation(count)) for n in range(1, PASSES + 1))
    return Stream(tuple(lessons), (everything(split),))


def recurring(split: Split, rng: Generator, options: Options) -> Stream:
    """Every lesson of `classes` comes back in three rounds, with other samples each time."""
    stream = classes(split, rng, options)
    lessons = (
        Part(f"{lesson.title}, round {number + 1}", lesson.rows[number::ROUNDS])
        for number in range(ROUNDS)
        for lesson in stream.lessons
    )
    return replace(stream, lessons=tuple(lessons))


def addition(split: Split, rng: Generator, options: Options) -> Stream:
    """All classes but one, shuffled; then a few samples of that one."""
    y, y_test = split.dataset.y_train, split.dataset.y_test
    new = rng.choice(np.unique(y))
    permuted = rng.permutation(len(y))
    lessons = (
        Part("known classes", permuted[y[permuted] != new]),
        Part("a new class", permuted[y[permuted] == new][: options.shots]),
    )
    exams = (
        Part("known classes", np.flatnonzero(y_test != new)),
        Part("a new class", np.flatnonzero(y_test == new)),
    )
    return Stream(lessons, exams)


def unknown(split: Split, rng: Generator, options: Options) -> Stream:
    """Half of the classes, shuffled; the others' samples are to be told from theirs."""
    y, y_test = split.dataset.y_train, split.dataset.y_test
    labels = rng.permutation(np.unique(y))
    known = labels[: len(labels) // 2]
    permuted = rng.permutation(len(y))
    return Stream(
        (Part("half of the classes", permuted[np.isin(y[permuted], known)]),),
        (Part("half of the classes", np.flatnonzero(np.isin(y_test, known))),),
        unknown=np.flatnonzero(~np.isin(y_test, known)),
    )


def by_rarity(split: Split, rng: Generator, options: Options) -> Stream:
    """The order of `classes`; one exam on frequent classes and one on rare ones."""
    counts = np.bincount(split.dataset.y_train, minlength=len(split.dataset.classes))
    is_rare = (counts * 10 < counts.max())[split.dataset.y_test]
    exams = (
        Part("frequent classes", np.flatnonzero(~is_rare)),
        Part("rare classes", np.flatnonzero(is_rare)),
    )
    return replace(classes(split, rng, options), exams=exams)


def by_domain(split: Split, order: Array) -> Stream:
    """Return a lesson and an exam for each domain; samples of a domain in the order given."""
    numbers = np.unique(split.domains)
    lessons = (Part(str(d), order[split.domains[order] == d]) for d in numbers)
    exams = (Part(str(d), np.flatnonzero(split.test_domains == d)) for d in numbers)
    return Stream(tuple(lessons), tuple(exams))


def later(split: Split) -> tuple[Part, ...]:
    """Return a lesson for each domain after the first, in the order given."""
    numbers = np.unique(split.domains)[1:]
    return tuple(Part(f"domain {d}", np.flatnonzero(split.domains == d)) for d in numbers)


def everything(split: Split) -> Part:
    return Part("all", np.arange(len(split.dataset.y_test)))


# ---- what is made worse ------------------------------------------------------------------------


def with_wrong_labels(split: Split, rng: Generator) -> Split:
    """A fifth of the labels become another one, each as likely."""
    y, count = split.dataset.y_train, len(split.dataset.classes)
    is_wrong = rng.permutation(len(y)) < round(WRONG * len(y))
    told = np.where(is_wrong, (y + rng.integers(1, count, len(y))) % count, y)
    return replace(split, dataset=replace(split.dataset, y_train=told))


def with_rare_classes(split: Split, rng: Generator) -> Split:
    """Half of the classes keep a hundredth of their samples."""
    y = split.dataset.y_train
    labels = rng.permutation(np.unique(y))
    chosen = rng.permutation(len(y))
    kept = []
    for place, label in enumerate(labels):
        rows = chosen[y[chosen] == label]
        kept.append(rows if place % 2 == 0 else rows[: max(len(rows) // RARE, 1)])
    return split.kept(np.sort(np.concatenate(kept)))


def then_inverted(split: Split, rng: Generator) -> Split:
    """Images as they are, then a few others with light and dark exchanged."""
    d = split.dataset
    if d.x_train.dtype != np.uint8 or d.x_train.ndim < 3:
        raise ValueError(f"{d.name} has no images of bytes that could be inverted")
    rows = rng.permutation(len(d.y_train))[: UPRIGHT + INVERTED]
    most = max(int(d.x_train.max()), 1)
    is_inverted = np.arange(len(rows)) >= len(rows) * UPRIGHT // (UPRIGHT + INVERTED)
    x = d.x_train[rows]
    x[is_inverted] = most - x[is_inverted]
    dataset = replace(
        d,
        x_train=x,
        y_train=d.y_train[rows],
        x_test=np.concatenate([d.x_test, most - d.x_test]),
        y_test=np.tile(d.y_test, 2),
    )
    test_domains = np.repeat([0, 1], len(d.y_test))
    return replace(
        split, dataset=dataset, domains=is_inverted.astype(int), test_domains=test_domains
    )


SCENARIOS: dict[str, Scenario] = {
    "classes": Scenario("class after class", classes),
    "shuffled": Scenario("shuffled", shuffled),
    "domains": Scenario("one domain after another", domains),
    "prequential": Scenario("in the order of time, answered before learned", in_time),
    "delayed": Scenario("in the order of time, labels come later", delayed),
    "addition": Scenario("a new class of few samples", addition),
    "recurring": Scenario("classes that come back", recurring),
    "passes": Scenario("ten passes", passes),
    "noise": Scenario("class after class, 20 % wrong labels", classes, with_wrong_labels),
    "imbalance": Scenario("class after class, half at 1 : 100", by_rarity, with_rare_classes),
    "inverted": Scenario("inverted images after upright ones", domains, then_inverted),
    "unknown": Scenario("half of the classes unknown", unknown),
}
