"""A recording's trace says what the recording says, and what a core does with its samples."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from commands import done, failed, object_of
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent
from serving import IMAGE, NETWORK, X, Y

from edge_naca.core import Core
from edge_naca.host import recorder
from edge_naca.image import encode
from edge_naca.presets import competitive

COUNT = 40
STEPS = NETWORK.encoder.steps


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trace")
    (folder / "i.naca").write_bytes(IMAGE)
    (folder / "other.naca").write_bytes(encode(competitive(16, 3, 4)))
    names = np.array(["a", "b", "c", "d", "e"])
    np.savez(folder / "d.npz", x_train=X[:COUNT], y_train=names[Y[:COUNT]],
             x_test=X[:5], y_test=names)  # fmt: skip
    words = ("--port", f"emulate:{folder / 'i.naca'}", "--data", folder / "d.npz")
    done("stream", *words, "--order", "given", "--record", folder / "r.jsonl")
    done("stream", *words, "--order", "given", "--predict", "--record", folder / "p.jsonl")
    return folder


def read(path: Path) -> tuple[dict[str, list[TrackEvent]], dict[str, list[int]], dict[str, str]]:
    """Return events and their times by the name of the track, and the parent of each track."""
    trace = Trace()
    trace.ParseFromString(path.read_bytes())

    names: dict[int, str] = {}
    events: dict[str, list[TrackEvent]] = {}
    times: dict[str, list[int]] = {}
    parents: dict[str, str] = {}
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id
        if packet.HasField("track_descriptor"):
            described = packet.track_descriptor
            parent = names.get(described.parent_uuid, "")
            name = f"{parent}/{described.name}".strip("/")
            assert described.uuid not in names
            assert name not in events
            names[described.uuid], parents[name] = name, parent
            events[name], times[name] = [], []
        else:
            name = names[packet.track_event.track_uuid]  # described before it is used
            events[name].append(packet.track_event)
            times[name].append(packet.timestamp)
    return events, times, parents


@pytest.mark.parametrize("name", ["r", "p"])
def test_a_trace_is_the_recording_and_its_spikes(folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.pftrace"
    recording = folder / f"{name}.jsonl"
    told = object_of("export-trace", recording, "--image", folder / "i.naca", "-o", path)
    assert told == {"output": str(path), "samples": COUNT, "bytes": path.stat().st_size}
    events, times, parents = read(path)
    known = recorder.read(recording)
    slices = events["lessons"]
    kinds = (TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END)
    assert [event.type for event in slices] == [*kinds] * COUNT
    period = (STEPS + 1) * 1_000_000
    assert times["lessons"][::2] == [number * period for number in range(COUNT)]
    assert times["lessons"][1::2] == [time + STEPS * 1_000_000 for time in times["lessons"][::2]]
    answers = [*"abcde", "none"]
    for event, (label, _), result in zip(slices[::2], known.items, known.results, strict=True):
        assert event.name == f"{'abcde'[label]}, answered {answers[result['prediction']]}"
        said = {one.name: one.int_value for one in event.debug_annotations}
        assert said == {one: int(result[one]) for one in said}
        assert len(said) == 4
    changed = [event.double_counter_value for event in events["weights changed"]]
    assert changed == known.results["changes"].tolist()
    core, moved = Core(NETWORK), 0
    for number, x in enumerate(X[:COUNT]):
        recording_ = core.record(x)
        if name == "r":
            core.learn(x, int(Y[number]))
        spikes = np.hstack([recording_.input_spikes != 0, recording_.spikes])
        inputs = [
            (time // 1_000_000 - number * (STEPS + 1), unit)
            for unit in range(NETWORK.encoded)
            for time in times[f"spikes of inputs/{unit}"]
            if number * period <= time < (number + 1) * period
        ]
        expected = np.argwhere(spikes[:, : NETWORK.encoded])
        assert sorted(inputs) == [tuple(one) for one in expected.tolist()]
        moved += int(spikes.sum())
    assert sum(len(found) for one, found in events.items() if "/" in one) == moved
    assert all(parents[one] for one in events if one.startswith("spikes of") and "/" in one)
    total = sum(event.double_counter_value for event in events["sum of |Δw|"])
    assert (total > 0) == (name == "r")


def test_without_an_image_and_with_what_happened(folder: Path, tmp_path: Path) -> None:
    path, recording = tmp_path / "t.pftrace", tmp_path / "r.jsonl"
    header, *lines = (folder / "r.jsonl").read_text().splitlines()
    event = '{"event":"from sample 3 on, class 1 as they come","from":3,"teaching":1}'
    lost = lines[0].replace('"prediction":-1', '"prediction":null')
    last = '{"event":"the cable was pulled"}'
    recording.write_text("\n".join([header, lost, *lines[1:3], event, *lines[3:], last]) + "\n")
    said = done("export-trace", recording, "-o", path)
    assert "https://ui.perfetto.dev" in said
    events, times, _ = read(path)
    told = [one.name for one in events["events"]]
    assert told == ["from sample 3 on, class 1 as they come", "the cable was pulled"]
    assert times["events"] == [3 * 2_000_000, COUNT * 2_000_000]
    assert events["lessons"][0].name.endswith("answered (lost)")
    assert len(events["accuracy of the last 200, %"]) == COUNT - 1
    assert not [one for one in events if one.startswith("spikes of")]


def test_what_does_not_fit_is_named(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.pftrace"
    words = ("export-trace", folder / "r.jsonl", "-o", path, "--image")
    assert "name the image that it was made with" in failed(1, *words, folder / "other.naca")
    assert "line 1: this is no JSON" in failed(1, "export-trace", folder / "d.npz", "-o", path)
    lines = (folder / "p.jsonl").read_text().splitlines()
    altered = tmp_path / "p.jsonl"
    lines[9] = re.sub(r'"margin":-?\d+', '"margin":12345', lines[9])
    altered.write_text("\n".join(lines) + "\n")
    said = failed(1, "export-trace", altered, "--image", folder / "i.naca", "-o", path)
    assert "sample 8 is answered otherwise than recorded" in said
    assert not path.exists()
