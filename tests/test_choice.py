"""What is taught next is what somebody chose, and a recording knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import done, object_of
from hypothesis import given
from hypothesis import strategies as st
from serving import IMAGE, NETWORK, X, Y, connected

from edge_naca.core import Core
from edge_naca.host import recorder
from edge_naca.host.choice import Choice, Chosen, Item, Mark, later
from edge_naca.host.recorded import RecordingError
from edge_naca.host.recorder import Recorder
from edge_naca.host.session import Session
from edge_naca.host.virtual import VirtualDevice

COUNT = 60


def items_of(labels: Sequence[int]) -> list[Item]:
    return [(label, bytes([number])) for number, label in enumerate(labels)]


def expected(items: list[Item], choices: Sequence[Chosen]) -> list[Item]:
    """Return the order that choices stand for, in the slowest and plainest way."""
    left, order = list(items), list[Item]()
    while left:
        made = [one.label for one in choices if one.first <= len(order)]
        fitting = [item for item in left if made and made[-1] in (None, item[0])]
        order.append((fitting or left)[0])
        left.remove(order[-1])
    return order


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 30), st.none() | st.integers(0, 3)), max_size=5),
)
def test_the_order_is_that_of_the_choices(
    labels: list[int], wishes: list[tuple[int, int | None]]
) -> None:
    items = items_of(labels)
    choices: list[Chosen] = []
    for wish in sorted(wishes, key=lambda one: one[0]):
        choices = later(choices, Chosen(*wish))
    assert list(Choice(items, choices)) == expected(items, choices)


def test_a_wish_counts_from_the_next_sample_on_and_is_noted_once() -> None:
    choice, noted = Choice(items_of([0, 0, 1, 1, 2])), list[Chosen]()
    choice.note = noted.append
    assert choice.is_ready(0)
    choice.teach(1)
    for number in (0, 1, 1, 2):
        assert choice.is_ready(number)
    assert [choice[number][1][0] for number in range(3)] == [0, 2, 3]
    assert (choice.is_ready(3), choice.is_used_up) == (False, True)
    choice.teach(2)
    assert (choice.is_ready(3), choice.is_used_up) == (True, False)
    choice.rest()
    assert not choice.is_ready(4)
    assert choice.ahead() == (0, b"\1")
    choice.teach(None)
    assert choice.is_ready(4)
    assert choice.ahead() is None
    assert noted == [(1, 1), (3, 2), (4, None)]
    with pytest.raises(IndexError, match="no sample 5 among 5"):
        choice[5]


def test_a_mark_says_what_samples_are() -> None:
    own, heard = Mark(), Mark(has_own=False)
    assert (own.label_of(3), own.label_of(None), heard.label_of(None)) == (3, None, None)
    own.teach(1)
    heard.teach(1)
    assert (own.label_of(3), heard.label_of(None)) == (1, 1)
    own.rest()
    assert own.label_of(3) is None
    own.teach(None)
    assert own.label_of(3) == 3


# ---- in a session --------------------------------------------------------------------------------


def begun(
    path: Path, device: VirtualDevice, known: Sequence[Chosen] = ()
) -> tuple[Session, Choice, Recorder]:
    link = connected(device.receive)
    samples = link.packer.samples(X[:COUNT])
    choice = Choice([(int(label), one) for label, one in zip(Y, samples, strict=False)], known)
    header = {"network_id": f"{link.hello.network_id:08x}", "learn": True}
    record = Recorder(path, header | {"start": 0, "start_hash": f"{link.hash():08x}"})
    choice.note = record.choice
    session = Session(link, choice, recorder=record, look=10)
    session.ready, session.ahead = choice.is_ready, choice.ahead
    return session, choice, record


def taught_in_order(places: Sequence[int]) -> int:
    core = Core(NETWORK)
    core.learn_many(X[places], Y[places])
    return core.state_hash()


def test_what_was_chosen_is_learned_recorded_and_gone_on_with(tmp_path: Path) -> None:
    path, device = tmp_path / "r.jsonl", VirtualDevice(IMAGE)
    session, choice, record = begun(path, device)
    first, second = int(Y[COUNT - 1]), int(Y[COUNT - 2])
    assert first != second
    choice.teach(first)

    def act(number: int, result: Any) -> None:
        if number == 3:
            choice.teach(second)
        if number == 15:
            session.stop()

    session.compare = act
    session.run()
    record.close()
    begin = recorder.read(path)
    assert begin.choices[0] == (0, first)
    assert begin.choices[1].label == second
    done_before = len(begin.items)
    assert 15 < done_before < COUNT

    session, choice, record = begun(path, device, begin.choices)
    session.run()
    record.close()
    order = expected(
        [(int(Y[number]), bytes([number])) for number in range(COUNT)],
        [*begin.choices, Chosen(done_before, None)],
    )
    places = [item[1][0] for item in order]
    assert session.hash == taught_in_order(places)
    known = recorder.read(path)
    assert [label for label, _ in known.items] == Y[places].tolist()
    assert known.choices[-1] == (done_before, None)
    image = tmp_path / "i.naca"
    image.write_bytes(IMAGE)
    told = object_of("replay", path, "--emulate", image)
    assert told["compared"] == COUNT
    assert told["state_hash"] == f"{session.hash:08x}"


def test_while_nothing_is_taught_the_device_only_answers(tmp_path: Path) -> None:
    session, choice, record = begun(tmp_path / "r.jsonl", VirtualDevice(IMAGE))
    choice.rest()
    seen: list[tuple[Item, int]] = []

    def note(item: Item, result: Any) -> None:
        seen.append((item, int(result["prediction"])))
        if len(seen) == 3:
            choice.teach(None)

    session.seen = note
    session.run()
    record.close()
    assert [item for item, _ in seen] == [choice[0]] * 3
    assert session.hash == taught_in_order(list(range(COUNT)))


@pytest.mark.parametrize(
    "line", ['{"event":"e","from":-1,"teaching":1}', '{"event":"e","from":1,"teaching":"a"}']
)
def test_choices_that_cannot_be_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "r.jsonl"
    *_, record = begun(path, VirtualDevice(IMAGE))
    record.close()
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(RecordingError, match="line 2"):
        recorder.read(path)


def test_stream_goes_on_with_a_recording_that_has_choices(tmp_path: Path) -> None:
    """A stream without a page teaches a device anew what was chosen, and then all that is left."""
    data, image, path = tmp_path / "d.npz", tmp_path / "i.naca", tmp_path / "r.jsonl"
    np.savez(data, x_train=X[:COUNT], y_train=Y[:COUNT], x_test=X[:2], y_test=Y[:2])
    image.write_bytes(IMAGE)
    words = ("stream", "--port", f"emulate:{image}", "--data", data, "--order", "given")
    done(*words, "--record", path)
    chosen = int(Y[COUNT - 1])
    header = path.read_text().splitlines()[0]
    ours = tmp_path / "ours.jsonl"
    session, choice, record = begun(ours, VirtualDevice(IMAGE))
    choice.teach(chosen)
    session.compare = lambda number, result: session.stop() if number == 4 else None
    session.run()
    record.close()
    ours.write_text("\n".join([header, *ours.read_text().splitlines()[1:]]) + "\n")
    assert len(recorder.read(ours).items) < COUNT
    told = object_of(*words, "--record", ours)
    known = recorder.read(ours)
    begin, rest = [], list(range(COUNT))
    for number, (label, _) in enumerate(known.items):
        count = known.choices[-1].first
        place = next(one for one in rest if number >= count or Y[one] == chosen)
        assert label == Y[place]
        rest.remove(place)
        begin.append(place)
    assert known.choices == ((0, chosen), (count, None))
    assert told["state_hash"] == f"{taught_in_order(begin):08x}"
