"""What a page shows of a device is what the device did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from serving import NETWORK, X, Y, connected
from test_signal_link import IMAGE as HEARING
from test_signal_link import lesson, sensing, swings, taught

from edge_naca import image
from edge_naca.core import Core
from edge_naca.expectation import UNIT
from edge_naca.host.choice import Choice
from edge_naca.host.client import LinkDevice
from edge_naca.host.link import LineCounts
from edge_naca.host.mirror import Lesson, Mirror
from edge_naca.host.packing import Packer
from edge_naca.host.sensors import SensorStream
from edge_naca.host.session import Session
from edge_naca.host.teaching import FORGOTTEN
from edge_naca.host.virtual import VirtualDevice
from edge_naca.host.watching import EVENTS, KEPT, RECENT, Watching
from edge_naca.host.windows import Heard, Windows
from edge_naca.network import Network
from edge_naca.novelty import novelties, share_of_1

COUNT = 300
NAMES = ["a", "b", "c", "d", "e"]


def lessons_of(core: Core, count: int) -> list[Lesson]:
    """Return what a device with this core would answer, and teach the core."""
    samples = Packer(core).samples(X[:count])
    results = core.learn_many(X[:count], Y[:count])
    return [
        Lesson(sample, int(label), int(label), result)
        for sample, label, result in zip(samples, Y, results, strict=False)
    ]


def watching_of(network: Network = NETWORK, control: Any = None) -> Watching:
    return Watching("test", NAMES, Core(network), LineCounts(), control)


def weights(core: Core) -> list[Any]:
    state = image.unpack_state(core.network, core.state())
    return [population.weights.astype(int) for population in state.populations]


def test_a_mirror_sees_what_the_core_does() -> None:
    lessons = lessons_of(Core(NETWORK), COUNT)
    core, mirror = Core(NETWORK), Mirror(Core(NETWORK))
    mirror.follow(lessons[:200])
    core.learn_many(X[:200], Y[:200])
    for number in range(200, 210):
        x, y = X[number], int(Y[number])
        recording = core.record(x)
        novelty = share_of_1(novelties(core, x[None]))[0]
        before = weights(core)
        core.learn(x, y)
        look = mirror.look(lessons[number])
        moved = [abs(new - old).sum(axis=1) for new, old in zip(weights(core), before, strict=True)]
        assert sum(part.sum() for part in moved) > 0
        for told, real in zip(look.moved, moved, strict=True):
            assert told.tolist() == real.tolist()
        units = NETWORK.encoded
        assert (look.spikes[:, :units] == (recording.input_spikes != 0)).all()
        assert (look.spikes[:, units:] == recording.spikes).all()
        assert sum(count for _, count in mirror.parts) == look.spikes.shape[1]
        assert look.margin == lessons[number].result["margin"]
        assert look.novelty == pytest.approx(novelty)
        for levels, population in zip(look.levels, NETWORK.populations, strict=True):
            table = None if population.rule is None else population.rule.table
            assert (levels is None) == (table is None)
            assert levels is None or levels.tolist() == (np.asarray(table)[y] / UNIT).tolist()
    assert mirror.core.state_hash() == core.state_hash()


def test_one_that_is_only_asked_about_changes_nothing() -> None:
    (lesson_, *_) = lessons_of(Core(NETWORK), 1)
    mirror = Mirror(Core(NETWORK))
    before = mirror.core.state_hash()
    look = mirror.look(lesson_._replace(taught=-1))
    mirror.follow([lesson_._replace(taught=-1)])
    assert mirror.core.state_hash() == before
    assert not any(part.any() for part in look.moved)
    assert all(levels is None for levels in look.levels)


def test_a_picture_counts_as_the_answers_do() -> None:
    lessons, watching = lessons_of(Core(NETWORK), COUNT), watching_of()
    for begin in range(0, COUNT, 37):
        for one in lessons[begin : begin + 37]:
            watching.note_lesson(one)
        watching.tick()
    picture, reached = watching.picture()
    answers = np.array([one.result["prediction"] for one in lessons])
    right = answers == Y[:COUNT]
    drawn = picture["lessons"]
    assert drawn["number"] == list(range(1, COUNT + 1))
    assert drawn["accuracy"] == pytest.approx(right.cumsum() / np.arange(1, COUNT + 1))
    assert drawn["recent"][-1] == pytest.approx(right[-RECENT:].mean())
    assert drawn["changes"] == [int(one.result["changes"]) for one in lessons]
    confusion = picture["confusion"]
    told = list(zip(confusion["truth"], confusion["answer"], confusion["count"], strict=True))
    names = [*NAMES, "none"]
    for truth, answer, count in told:
        is_pair = (Y[:COUNT] == NAMES.index(truth)) & (answers % 6 == names.index(answer))
        assert count == is_pair.sum()
    assert sum(confusion["count"]) == COUNT
    assert len(picture["looked"]["number"]) == -(-COUNT // 37)
    assert picture["looked"]["moved"][0] > 0
    assert picture["facts"]["taught"] == COUNT
    assert picture["spikes"]["neuron"]
    assert picture["levels"]["top"]
    assert picture["moved"]["top"]
    # What is asked for after that is only what is new.
    later, same = watching.picture(reached)
    assert (later["lessons"]["number"], later["looked"]["number"], same) == ([], [], reached)
    json.dumps(picture, allow_nan=False)


def test_what_is_kept_is_bounded() -> None:
    watching = watching_of()
    for one in lessons_of(Core(NETWORK), 2 * KEPT):
        watching.note_lesson(one)
    watching.tick()
    for number in range(2 * EVENTS):
        watching.event(f"event {number}")
    picture, _ = watching.picture()
    assert len(picture["lessons"]["number"]) == KEPT
    assert picture["facts"]["lessons"] == 2 * KEPT
    assert picture["facts"]["events"] == [f"event {number}" for number in range(EVENTS, 2 * EVENTS)]


def test_answers_that_are_lost_count_neither_way() -> None:
    (one, *_) = lessons_of(Core(NETWORK), 1)
    one.result["prediction"] = FORGOTTEN
    watching = watching_of()
    watching.note_lesson(one)
    watching.tick()
    picture, _ = watching.picture()
    assert picture["lessons"]["accuracy"] == [None]
    assert picture["confusion"]["count"] == []
    assert watching.mirror is not None


def test_a_device_that_answers_otherwise_is_told_of() -> None:
    lessons, watching = lessons_of(Core(NETWORK), 9), watching_of()
    lessons[8].result["margin"] += 1
    for one in lessons:
        watching.note_lesson(one)
    watching.tick()
    picture, _ = watching.picture()
    assert watching.mirror is None
    assert "answers otherwise" in picture["facts"]["events"][-1]
    assert picture["looked"]["number"] == []
    assert picture["facts"]["lessons"] == 9


def session_of(link: LinkDevice) -> tuple[Session, Watching]:
    samples = link.packer.samples(X[:COUNT])
    choice = Choice([(int(label), one) for label, one in zip(Y, samples, strict=False)])
    watching = Watching("test", NAMES, link.copy(), link.counts, choice)
    session = Session(link, choice)

    def note(number: int, result: Any) -> None:
        watching.note(choice[number], result)

    session.compare, watching.progress = note, session.progress
    return session, watching


def test_a_session_is_followed_to_the_last_bit() -> None:
    session, watching = session_of(connected(VirtualDevice(image.encode(NETWORK)).receive))
    session.run()
    watching.tick()
    assert watching.mirror is not None
    assert watching.mirror.core.state_hash() == session.hash
    facts = watching.picture()[0]["facts"]
    assert (facts["done"], facts["total"], facts["lessons"]) == (COUNT, COUNT, COUNT)
    assert facts["answer"] in [*NAMES, "none"]
    assert facts["truth"] == NAMES[Y[COUNT - 1]]


# ---- signals -------------------------------------------------------------------------------------


def hearing(link: LinkDevice) -> Watching:
    return Watching("test", ["a", "b", "c"], link.copy(), link.counts, None)


@pytest.fixture
def link() -> Iterator[LinkDevice]:
    with taught(VirtualDevice(HEARING)) as device:
        yield device


def test_windows_of_a_signal_are_followed(link: LinkDevice) -> None:
    stream, watching = link.signal_stream(), hearing(link)
    shown, sent = Windows(watching, link.core.network, link.link), 0
    for part, label in lesson():
        shown.take(sent, part)
        windows = stream.push(part, label)
        sent += len(part)
        shown.note(windows, [label] * len(windows))
    watching.tick()
    assert watching.mirror is not None
    assert watching.mirror.core.state_hash() == link.hash()
    picture, _ = watching.picture()
    assert 0 < picture["facts"]["taught"] < picture["facts"]["lessons"]
    link.link.event("the cable")
    assert "the cable" in watching.picture()[0]["facts"]["events"]


def test_windows_whose_samples_were_missed_end_the_mirror_s_work(link: LinkDevice) -> None:
    stream, watching = link.signal_stream(), hearing(link)
    shown = Windows(watching, link.core.network, link.link)
    shown.note(stream.push(swings(200, 1), 0), [0] * 11)
    watching.tick()
    assert watching.mirror is None
    assert "were missed" in watching.picture()[0]["facts"]["events"][-1]


def test_a_sensor_is_followed() -> None:
    device = sensing()
    with taught(device) as link:
        stream = SensorStream(link.link, link.journal, link.core.network.capacity)
        watching = hearing(link)
        shown = Heard(watching, link.core.network, link.link)
        for seed in range(12):
            label = (0, 1, None)[seed % 3]
            stream.poll(label)
            device.sense(swings(45, seed))
            shown.note_taught(stream.poll(label), ["something"])
        watching.tick()
        assert watching.mirror is not None
        assert watching.mirror.core.state_hash() == link.hash()
    facts = watching.picture()[0]["facts"]
    assert facts["taught"] > 0
    assert facts["events"] == ["something"] * EVENTS
