"""A recording whose beginning is not what it says is refused: no sample is learned twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import failed, object_of
from fake_device import FakeDevice
from serving import IMAGE, X, Y, served, taught

from edge_naca.host.recorder import pack_state

COUNT, LATER = 60, 20
Change = Callable[[dict[str, Any]], object]


@dataclass
class Begun:
    """A stream that was recorded; `words` go on with it, in `path`, on `device`."""

    words: list[str]
    path: Path
    device: FakeDevice

    def change(self, number: int, change: Change) -> None:
        """Change a line of the recording, the header by 0."""
        lines = self.path.read_text().splitlines()
        content = json.loads(lines[number])
        change(content)
        lines[number] = json.dumps(content)
        self.path.write_text("\n".join(lines) + "\n")

    def refused(self) -> str:
        """Go on with it, which must fail and teach nothing; return the message."""
        before = list(self.device.learnings)
        message = failed(1, *self.words)
        assert self.device.learnings == before
        return message


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Begun]:
    images = X[:COUNT].reshape(-1, 4, 4)
    data, path = tmp_path / "data.npz", tmp_path / "r.jsonl"
    np.savez(data, x_train=images, y_train=Y[:COUNT], x_test=images[:9], y_test=Y[:9])
    device = FakeDevice(IMAGE)
    with served(device.receive, "tcp") as port:
        words = ["stream", "--port", port, "--data", data, "--order", "given", "--record", path]
        assert object_of(*words)["done"] == COUNT
        yield Begun([*map(str, words)], path, device)


def test_what_is_untouched_is_gone_on_with(begun: Begun) -> None:
    assert object_of(*begun.words)["done"] == COUNT
    assert begun.device.learnings == list(range(COUNT))


@pytest.mark.parametrize("start", [LATER, COUNT, 2**32 - 1])
def test_a_start_that_is_not_that_of_the_state(begun: Begun, start: int) -> None:
    # What was noted behind the samples would have to be wrong as well.
    lines = begun.path.read_text().splitlines()
    begun.path.write_text("\n".join(line for line in lines if '"learned"' not in line) + "\n")
    begun.change(0, lambda header: header.update(start=start))
    assert f"says that it starts after {start} samples" in begun.refused()


def test_a_start_that_goes_with_a_later_state(begun: Begun) -> None:
    core = taught(LATER)
    forged = {
        "start": LATER,
        "start_hash": f"{core.state_hash():08x}",
        "state": pack_state(core.save_state()),
    }
    begun.change(0, lambda header: header.update(forged))
    assert "do not lead from its start to what was noted" in begun.refused()


def test_a_state_that_is_none_of_the_network(begun: Begun) -> None:
    begun.change(0, lambda header: header.update(state=pack_state(bytes(64))))
    assert "the state at its start" in begun.refused()


@pytest.mark.parametrize("name", ["start", "start_hash", "session"])
def test_a_header_without(begun: Begun, name: str) -> None:
    begun.change(0, lambda header: header.pop(name))
    assert f"line 1: something is missing: {name}" in begun.refused()


def test_the_session_of_nobody(begun: Begun) -> None:
    begun.change(0, lambda header: header.update(session="00000000"))
    assert 'session is "00000000"' in begun.refused()


def test_another_hash_of_the_start(begun: Begun) -> None:
    begun.change(0, lambda header: header.update(start_hash="0000beef"))
    assert "(hash 0000beef)" in begun.refused()


def test_another_answer(begun: Begun) -> None:
    begun.change(5, lambda line: line.update(margin=line["margin"] + 1))
    assert "do not lead from its start" in begun.refused()


def test_samples_of_another_stream(begun: Begun) -> None:
    begun.change(3, lambda line: line.update(label=(line["label"] + 1) % 5))
    assert "its sample 2 is not that of this stream" in begun.refused()
