"""Streams into a device: recorded, compared, interrupted and gone on with; and their commands."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, done, object_of
from fake_device import FakeDevice, OtherProtocol
from rich.console import Console
from serving import IMAGE, NETWORK, X, Y, connected, served, taught
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.utils.validation import check_is_fitted
from support import program

from edge_naca.cli import live
from edge_naca.core import RESULT, Core
from edge_naca.export import load_image
from edge_naca.host import DeviceClassifier, DeviceError, link, recorder
from edge_naca.host.addresses import open_link
from edge_naca.host.choice import Item
from edge_naca.host.client import FORGOTTEN, LinkDevice
from edge_naca.host.link import RefusedError
from edge_naca.host.messages import Reason
from edge_naca.host.recorded import RecordingError
from edge_naca.host.recorder import Recorder
from edge_naca.host.session import Progress, Session
from edge_naca.host.transport import LoopTransport
from edge_naca.host.twin import Twin, TwinMismatchError
from edge_naca.host.virtual import VirtualDevice
from edge_naca.image import encode

HEADER = {
    "learn": True, "network_id": "x", "digest": "d", "order": "given", "seed": 0, "limit": None,
    "start": 0,
}  # fmt: skip
EDGE_NACA = [sys.executable, "-c", "from edge_naca.cli import main; main(prog_name='edge-naca')"]
SIDE = 4


def items_for(device: LinkDevice, count: int) -> list[Item]:
    return list(zip(Y[:count].tolist(), device.packer.samples(X[:count]), strict=True))


# ---- sessions ----------------------------------------------------------------------------------


def test_stream_is_counted() -> None:
    fake = FakeDevice(IMAGE)
    expected = Core(NETWORK).learn_many(X[:600], Y[:600])
    right = expected["prediction"] == Y[:600]
    with connected(fake.receive) as device:
        progress = Session(device, items_for(device, 600), save=200).run()
        assert progress.done == 600
        assert progress.accuracy == right.mean()
        assert (progress.asked == np.bincount(Y[:600], minlength=5)).all()
        assert (progress.right == np.bincount(Y[:600][right], minlength=5)).all()
        assert device.hash() == taught(600).state_hash()
    assert fake.saves == 3


def test_asking_changes_nothing() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as device:
        device.learn_many(X[:100], Y[:100])
        before = device.hash()
        session = Session(device, items_for(device, 300), learn=False)
        progress = session.run()
        answers = taught(100).predict_many(X[:300])
        assert progress.accuracy == (answers == Y[:300]).mean()
        assert session.hash == before == device.hash()


def test_rate_is_kept() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as device:
        start = time.monotonic()
        progress = Session(device, items_for(device, 50), rate=100).run()
        assert time.monotonic() - start > 0.45
        assert progress.done == 50


def test_killed_host_goes_on(tmp_path: Path) -> None:
    """The recording is behind the device: samples were learned, their answers lost with it."""
    fake = FakeDevice(IMAGE)
    path = tmp_path / "r.jsonl"

    class KilledError(Exception):
        pass

    with connected(fake.receive) as device, Recorder(path, HEADER) as first:
        session = Session(device, items_for(device, 500), recorder=first)

        def kill(number: int, result: Any) -> None:
            if number == 230:
                raise KilledError

        session.compare = kill
        with pytest.raises(KilledError):
            session.run()
    with path.open("ab") as file:
        file.write(b'{"n": 231, "lab')  # half a line
    assert fake.learned > 231
    with connected(fake.receive) as device, Recorder(path, HEADER) as again:
        assert again.count == 231
        progress = Session(device, items_for(device, 500), recorder=again).run()
        assert progress.done == 500
    assert fake.learnings == list(range(500))
    known = recorder.read(path)
    assert len(known.items) == 500
    assert (known.learned, known.hash) == (500, taught(500).state_hash())
    assert known.items == items_for(connected(fake.receive), 500)


def test_device_restarts_under_a_new_host(tmp_path: Path) -> None:
    """What the device had not saved is sent again, by a host that no longer remembers it."""
    fake = FakeDevice(IMAGE)
    path = tmp_path / "r.jsonl"
    with connected(fake.receive) as device, Recorder(path, HEADER) as first:
        Session(device, items_for(device, 300), recorder=first, save=100).run()
        device.learn_many(X[300:350], Y[300:350])
        number_of_session = device.session
    restarted = False
    with connected(fake.receive) as device, Recorder(path, HEADER) as second:
        device.resume(number_of_session, 0, Core(NETWORK).state_hash())
        session = Session(device, items_for(device, 600), recorder=second)

        def restart(number: int, result: Any) -> None:
            nonlocal restarted
            if number == 420 and not restarted:
                restarted = True
                fake.saved = None  # it cannot even read what it saved
                fake.reboot()

        session.compare = restart
        progress = session.run()
        assert any("going back to sample 0" in text for text in progress.events)
    assert fake.learnings == list(range(600))
    known = recorder.read(path)
    assert len(known.items) == 600
    assert known.hash == taught(600).state_hash()


def test_stopping_leaves_everything_in_order(tmp_path: Path) -> None:
    fake = FakeDevice(IMAGE)
    path = tmp_path / "r.jsonl"
    with connected(fake.receive) as device, Recorder(path, HEADER) as file:
        session = Session(device, items_for(device, 500), recorder=file, save=1000)
        session.compare = lambda number, result: session.stop() if number == 99 else None
        progress = session.run()
        assert 100 <= progress.done < 200
        assert session.stopped
    known = recorder.read(path)
    assert len(known.items) == fake.learned == progress.done
    assert known.hash == taught(progress.done).state_hash()
    assert fake.saves == 1


def test_stream_that_is_not_the_device_s() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as device:
        device.learn_many(X[:50], Y[:50])
        with pytest.raises(Exception, match="has learned 50 samples, but this stream covers 0 to"):
            Session(device, items_for(device, 20)).run()


def test_cable_is_pulled_and_put_back(tmp_path: Path) -> None:
    """The port vanishes, as a USB port does, and is another terminal when it comes back."""
    fake = FakeDevice(IMAGE)
    port = tmp_path / "ttyACM0"
    done = threading.Event()

    def plug() -> None:
        for wait in (lambda: fake.learned >= 150, lambda: fake.learned >= 400, done.is_set):
            with served(fake.receive, "pty") as address:
                port.symlink_to(address)
                wait_for(wait)
            port.unlink()
            time.sleep(0.3)

    thread = threading.Thread(target=plug)
    thread.start()
    wait_for(port.exists)
    with open_link(str(port), patience=120) as device:
        session = Session(device, items_for(device, 600), rate=400)
        progress = session.run()
        assert session.hash == taught(600).state_hash()
        assert device.counts.reconnects == 2
        done.set()
        thread.join()
    assert any("waiting for it to come back" in text for text in progress.events)
    assert fake.learnings == list(range(600))


def test_silent_device_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wires behind an adapter may be pulled while the port stays open."""
    monkeypatch.setattr(link, "SILENCE", 0.3)
    fake = FakeDevice(IMAGE)
    silent_until = 0.0

    def receive(data: bytes) -> bytes:
        return fake.receive(data) if time.monotonic() > silent_until else b""

    with connected(receive) as client:
        session = Session(client, items_for(client, 300), rate=1000)

        def pull(progress: Progress) -> None:
            nonlocal silent_until
            if progress.done >= 100 and not silent_until:
                silent_until = time.monotonic() + 1.5

        session.watch = pull
        session.run()
        assert list(session.progress.events)[:2] == [
            "test does not answer: waiting for it",
            "test answers again",
        ]
        assert client.hash() == taught(300).state_hash()


def test_stopping_while_the_line_is_gone() -> None:
    fake = FakeDevice(IMAGE)
    there = True

    def connect() -> LoopTransport:
        if not there:
            raise DeviceError("no port")
        return LoopTransport(fake.receive)

    with LinkDevice(connect, "test", patience=float("inf")) as device:
        session = Session(device, items_for(device, 300))

        def unplug(number: int, result: Any) -> None:
            nonlocal there
            if number == 100 and there:
                there = False
                device.link.close()
                threading.Timer(0.3, session.stop).start()

        session.compare = unplug
        progress = session.run()
        assert 100 < progress.done < 200
        assert session.hash is None
        assert "stopped while test was away" in progress.events[-1]


def test_device_that_cannot_save_is_taught_all_the_same() -> None:
    device = VirtualDevice(IMAGE, state_room=0)
    with connected(device.receive) as client:
        session = Session(client, items_for(client, 100), save=50)
        progress = session.run()
        assert session.hash == taught(100).state_hash()
        assert any("failed at SAVE" in text or "keep" in text for text in progress.events)


def test_a_refused_save_that_is_no_failure_of_the_store_ends_the_stream() -> None:
    class Unwilling(FakeDevice):
        def _save(self, body: bytes) -> tuple[int, bytes]:
            return Reason.LENGTH, b""

    with (
        connected(Unwilling(IMAGE).receive) as client,
        pytest.raises(RefusedError, match="refused SAVE: LENGTH"),
    ):
        Session(client, items_for(client, 100), save=50).run()


def test_twin_names_the_first_sample_that_differs() -> None:
    fake = FakeDevice(IMAGE)
    expected = Core(NETWORK)
    wrong = Core(NETWORK)
    fake.faulty_at = 333
    first = None
    for number, (x, y) in enumerate(zip(X[:900], Y[:900], strict=True)):
        label = (y + 1) % 5 if number == 333 else y
        if expected.learn(x, y) != wrong.learn(x, label) and first is None:
            first = number
    with connected(fake.receive) as device:
        twin = Twin(Core(NETWORK), 0)
        session = Session(device, items_for(device, 900), twin=twin, look=50)
        with pytest.raises(TwinMismatchError, match=f"at sample {first}: .* sample 300") as error:
            session.run()
        assert error.value.sample == first


def test_twin_finds_what_no_answer_shows() -> None:
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as device:
        session = Session(device, items_for(device, 200), twin=Twin(Core(NETWORK), 0), look=50)

        def tamper(number: int, result: Any) -> None:
            if number == 149:  # the last before a look, so that no answer can tell
                assert fake._core is not None
                state = bytearray(fake._core.save_state())
                state[-1] ^= 1
                state[16 + 4] ^= 1
                fake._core.load_state(recrc(bytes(state)))

        session.compare = tamper
        with pytest.raises(
            TwinMismatchError, match=r"before sample 150: .* equal before sample 100"
        ):
            session.run()


def recrc(saved: bytes) -> bytes:
    """Mend the checksum of a saved state that was tampered with."""
    import zlib

    other = Core(NETWORK).save_state()
    crc = zlib.crc32(other[16:]).to_bytes(4, "little")
    at = other.index(crc)
    return saved[:at] + zlib.crc32(saved[16:]).to_bytes(4, "little") + saved[at + 4 :]


# ---- recordings --------------------------------------------------------------------------------


def test_a_twin_compares_only_what_it_has_seen() -> None:
    """States between other samples, and answers that nobody remembers, tell nothing."""
    twin = Twin(Core(NETWORK), 5)
    twin.compare_state(7, 0xBAD)
    with pytest.raises(TwinMismatchError, match=r"the device's state differs .* before sample 5"):
        twin.compare_state(5, 0xBAD)
    forgotten = np.zeros(1, RESULT)[0]
    forgotten["prediction"] = FORGOTTEN
    device = LinkDevice(lambda: LoopTransport(FakeDevice(IMAGE).receive), "test")
    (sample,) = device.packer.samples(X[:1])
    twin.compare(5, 1, sample, forgotten)
    assert twin.next == 6
    twin.compare(4, 1, sample, np.zeros(1, RESULT)[0])
    assert twin.next == 6


def test_forgotten_answers_are_counted_as_lost() -> None:
    progress = Progress(total=2, capacity=3)
    results = np.zeros(2, RESULT)
    results["prediction"] = FORGOTTEN, 1
    for index in range(2):
        progress.note(1, results[index])
    assert (progress.lost, progress.asked.tolist(), progress.right.tolist()) == (
        1, [0, 1, 0], [0, 1, 0]
    )  # fmt: skip


def test_recording_is_one_stream_s(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    Recorder(path, HEADER).close()
    with pytest.raises(RecordingError, match=r"holds another stream .*its seed is 0, not 7"):
        Recorder(path, HEADER | {"seed": 7})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is no recording"),
        ("{}\n", "is no recording"),
        ("[]\n", "line 1: this is no JSON object"),
        ("x\n", "line 1: this is no JSON"),
        ('{"format": "edge-naca recording", "version": 9}\n', "of version 9"),
        ('{"format": "edge-naca recording", "version": 2}\n{"n": 1}\n', "sample 0 is missing"),
        ('{"format": "edge-naca recording", "version": 2}\n{"n": 0}\n', "line 2: something"),
    ],
)
def test_damaged_recordings_are_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(RecordingError, match=what):
        recorder.read(path)


# ---- as an estimator -----------------------------------------------------------------------------


def test_estimator_over_a_device() -> None:
    names = np.array(["red", "green", "blue", "black", "white"])
    fake = FakeDevice(IMAGE)
    with connected(fake.receive) as device:
        model = DeviceClassifier(device, batch=4)
        with pytest.raises(ValueError, match="no class yet"):
            model.predict(X[:2])
        model.partial_fit(X[:50], names[Y[:50]], classes=names)
        model.partial_fit(X[50:300], names[Y[50:300]])
        assert device.hash() == taught(300).state_hash()
        assert model.classes_.tolist() == sorted(names)
        answers = taught(300).predict_many(X[300:400])
        assert (model.predict(X[300:400]) == names[answers]).all()
        assert model.score(X[300:400], names[Y[300:400]]) == (answers == Y[300:400]).mean()
        with pytest.raises(ValueError, match="room for 5 classes"):
            model.partial_fit(X[:1], ["grey"])
        assert model.labels_ == names.tolist()
        assert device.hash() == taught(300).state_hash()


def test_estimator_keeps_to_what_estimators_do() -> None:
    y = np.arange(200) % 5  # classes are met in the order of their indices
    core = Core(NETWORK)
    core.learn_many(X[:200], y)
    with connected(VirtualDevice(IMAGE).receive) as line:
        model = DeviceClassifier(line)
        assert is_classifier(model)
        assert model.get_params() == {"device": line, "batch": 16}
        twin = clone(model.set_params(batch=4))
        assert (twin.device, twin.batch) == (line, 4)
        with pytest.raises(NotFittedError, match="no class yet"):
            model.predict(X[:2])
        with pytest.raises(NotFittedError):
            check_is_fitted(model)
        model.partial_fit(X[:200], y)
        check_is_fitted(model)
        assert model.n_features_in_ == 16
        assert line.hash() == core.state_hash()
        # Forgotten, and taught again: the same as from the start.
        assert clone(model).fit(X[:200], y).classes_.tolist() == [0, 1, 2, 3, 4]
        assert line.hash() == core.state_hash()
        with pytest.raises(ValueError, match="labels have to be of one kind"):
            model.partial_fit(X[:3], ["a", "b", "c"])
        assert clone(model).fit(X[:3], ["a", "b", "c"]).labels_ == ["a", "b", "c"]
        assert len(cross_val_score(model, X[:90], y[:90], cv=3)) == 3


@pytest.mark.parametrize(
    ("x", "y", "what"),
    [
        (X[:3], Y[:2], "3 samples, but 2 labels"),
        (X[:3, :9], Y[:3], r"must hold 16 numbers \(raw\), but the array is \(3, 9\)"),
        (X[0], Y[:1], r"must hold 16 numbers \(raw\), but the array is \(16,\)"),
        (X[:3] + 0.5, Y[:3], "made for integers"),
        (X[:3], None, "requires y"),
        (X[:3], np.zeros((3, 2)), "1d array"),
        (X[:3], [1.0, 2.0, np.nan], "NaN"),
        (X[:3], [0.5, 1.5, 2.5], "Unknown label type"),
        (X[:3], np.array(["a", 1, None], object), "labels have to be of one kind"),
        (X[:3], np.array(["a", 1, "b"], object), "labels have to be of one kind"),
        (X[:6], range(6), "room for 5 classes"),
    ],
)
@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_estimator_teaches_nothing_of_what_is_wrong(how: str, x: Any, y: Any, what: str) -> None:
    with connected(VirtualDevice(IMAGE).receive) as line:
        model = DeviceClassifier(line).partial_fit(X[:9], [0, 1, 2, 3, 4, 0, 1, 2, 3])
        before = line.hash()
        with pytest.raises(ValueError, match=what):
            getattr(model, how)(x, y)
        assert (line.hash(), model.labels_) == (before, [0, 1, 2, 3, 4])


def test_estimator_takes_the_names_of_the_image() -> None:
    names = ["red", "green", "blue", "black", "white"]
    network = replace(NETWORK, metadata={"classes": names})
    with connected(VirtualDevice(encode(network)).receive) as line:
        model = DeviceClassifier(line)
        assert set(model.predict(X[:20])) <= set(names)
        with pytest.raises(ValueError, match=r"classes are red, .* these names, not numbers"):
            DeviceClassifier(line).partial_fit(X[:2], Y[:2])
        assert model.partial_fit(X[:1], ["white"]).labels_ == names


# ---- commands ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with an image, and data for it."""
    path = tmp_path_factory.mktemp("stream")
    (path / "net.naca").write_bytes(IMAGE)
    images = X[:400].reshape(-1, SIDE, SIDE)
    np.savez(path / "data.npz", x_train=images, y_train=Y[:400], x_test=images[:9], y_test=Y[:9])
    np.savez(path / "wide.npz", x=np.zeros((9, 5, 5), np.uint8), y=np.arange(9) % 3)
    np.savez(path / "many.npz", x=images[:90], y=np.arange(90) % 9)
    return path


def failed(code: int, *words: object) -> str:
    result = call(*words)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@contextmanager
def emulated(*words: object) -> Iterator[str]:
    """Run the emulate command as a program of its own, and yield its port."""
    command = [*EDGE_NACA, "emulate", *map(str, words), "--json"]
    with program(*command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(120) == 0


def expected_hash(count: int = 400) -> str:
    return f"{taught(count).state_hash():08x}"


@pytest.mark.parametrize(
    "command", ["emulate", "devices", "info", "push", "pull", "reset", "stream", "replay"]
)
def test_help_teaches(command: str) -> None:
    text = call(command, "--help").stdout
    assert "Examples" in text
    assert f"  edge-naca {command}" in text


def test_stream_and_replay(folder: Path, tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    words = ["--data", folder / "data.npz", "--order", "given", "--twin", "100"]
    emulate = f"emulate:{folder}/net.naca"
    report = object_of("stream", "--port", emulate, *words, "--record", recording)
    assert (report["done"], report["state_hash"]) == (400, expected_hash())
    assert (report["twin"], report["interrupted"]) == ("equal", False)
    again = object_of("replay", recording, "--emulate", folder / "net.naca", "--batch", 8)
    assert (again["compared"], again["state_hash"]) == (400, expected_hash())
    text = call("replay", recording, "--emulate", folder / "net.naca").stdout
    assert f"state hash {expected_hash()} as recorded" in text
    lines = recording.read_text().splitlines()
    entry = json.loads(lines[50])
    entry["margin"] += 1
    recording.write_text("\n".join([*lines[:50], json.dumps(entry), *lines[51:]]) + "\n")
    message = failed(1, "replay", recording, "--emulate", folder / "net.naca")
    assert f"sample {entry['n']} is answered otherwise than recorded: margin" in message


@pytest.mark.parametrize("kept", [1, 15, 40, -2])
def test_a_recording_cut_off_in_its_header_is_begun_anew(
    folder: Path, tmp_path: Path, kept: int
) -> None:
    path = tmp_path / "r.jsonl"
    words = ["--port", f"emulate:{folder}/net.naca", "--data", folder / "data.npz", "--limit", 20]
    object_of("stream", *words, "--record", path)
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0][:kept])
    result = call("stream", *words, "--record", path)
    assert result.exit_code == 0, result.output
    assert f"{path} ends within its header and holds no sample: it is begun anew" in result.stderr
    assert len(recorder.read(path).items) == 20


@pytest.mark.parametrize("content", [b"x", b'{"format":"other"', b"\x7fELF", b'{"n":0,"label":1'])
def test_what_is_no_recording_is_left_alone(folder: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(content)
    words = ["--port", f"emulate:{folder}/net.naca", "--data", folder / "data.npz", "--limit", 20]
    assert "is no recording" in failed(1, "stream", *words, "--record", path)
    assert path.read_bytes() == content


def test_a_damaged_header_before_samples_is_left_alone(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    words = ["--port", f"emulate:{folder}/net.naca", "--data", folder / "data.npz", "--limit", 20]
    object_of("stream", *words, "--record", path)
    header, *lines = path.read_bytes().splitlines(keepends=True)
    damaged = b"".join([header[:40], b"\n", *lines])
    path.write_bytes(damaged)
    assert "line 1: this is no JSON" in failed(1, "stream", *words, "--record", path)
    assert path.read_bytes() == damaged


def test_device_of_its_own_survives_everything(folder: Path, tmp_path: Path) -> None:
    """Device and host are killed in turn; in the end all was learned once."""
    recording = tmp_path / "r.jsonl"
    flash = tmp_path / "flash.bin"
    stream = ["--data", str(folder / "data.npz"), "--order", "given", "--record", str(recording)]
    with emulated(folder / "net.naca", "--tcp", 0, "--flash", flash) as port:
        tcp = int(port.rpartition(":")[2])
        first = object_of("stream", "--port", port, *stream[:4], "--limit", 120, "--save-every", 0)
        assert first["state_hash"] == expected_hash(120)
    host = [*EDGE_NACA, "stream", "--port", port, *stream, "--rate", "150", "--save-every", "50"]
    with emulated(folder / "net.naca", "--tcp", tcp, "--flash", flash) as port:
        with program(*host, stdout=subprocess.PIPE):
            wait_for(lambda: recorder.is_there(recording) and recorder.read(recording).items)
        running = subprocess.Popen(host, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        count = len(recorder.read(recording).items)
        wait_for(lambda: len(recorder.read(recording).items) > count + 60)
    # The device is gone now, and comes back with what it had saved.
    time.sleep(0.3)
    with emulated(folder / "net.naca", "--tcp", tcp, "--flash", flash) as port:
        out, error = running.communicate(timeout=120)
        assert running.returncode == 0, error
        assert f"state hash {expected_hash()}" in out
        assert "reconnected" in out
        assert object_of("info", port)["state_hash"] == expected_hash()
        known = recorder.read(recording)
        assert len(known.items) == 400
        assert known.hash == taught(400).state_hash()


def wait_for(done: Any) -> None:
    end = time.monotonic() + 120
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_interrupted_stream_goes_on(folder: Path, tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    words = ["--data", str(folder / "data.npz"), "--order", "given", "--record", str(recording)]
    with emulated(folder / "net.naca", "--pty", "--chaos", "lose=1%,damage=1%") as port:
        command = [*EDGE_NACA, "stream", "--port", port, *words]
        with program(
            *command, "--rate", "100", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            wait_for(
                lambda: recorder.is_there(recording) and len(recorder.read(recording).items) > 20
            )
            process.send_signal(signal.SIGINT)
            out, error = process.communicate(timeout=120)
        assert process.returncode == 130
        assert "Interrupted after" in out
        assert "the same command goes on from here" in out
        assert "Traceback" not in error
        done = len(recorder.read(recording).items)
        assert object_of("info", port)["learned"] == done
        report = object_of("stream", "--port", port, *words, "--twin")
        assert (report["done"], report["state_hash"]) == (400, expected_hash())


def test_resume_without_recording(folder: Path) -> None:
    words = ["--data", folder / "data.npz", "--order", "given"]
    with emulated(folder / "net.naca") as port:
        object_of("stream", "--port", port, *words, "--limit", 150)
        report = object_of("stream", "--port", port, *words, "--resume")
        assert (report["done"], report["state_hash"]) == (400, expected_hash())


def test_push_pull_info_reset(folder: Path, tmp_path: Path) -> None:
    with emulated() as port:
        assert "no image to run" in failed(1, "pull", port, "-o", tmp_path / "x.naca")
        bare = object_of("info", port)
        assert (bare["running"], bare["board"]) == (False, "virtual")
        assert "state_hash" not in bare
        pushed = object_of("push", port, folder / "net.naca")
        assert pushed["network_id"] == f"{Core(NETWORK).network_id:08x}"
        object_of("stream", "--port", port, "--data", folder / "data.npz", "--order", "given")
        assert object_of("info", port)["learned"] == 400
        assert "state hash" in call("info", port).stdout
        pulled = object_of("pull", port, "-o", tmp_path / "taught.naca")
        assert pulled["state_hash"] == expected_hash()
        assert load_image(tmp_path / "taught.naca").state_hash() == taught(400).state_hash()
        object_of("pull", port, "--state", "-o", tmp_path / "taught.state")
        assert call("reset", port, "--forget", "saved", text="n\n").exit_code == 1
        assert object_of("reset", port)["learned"] == 400
        assert object_of("reset", port, "--forget", "saved", "--yes")["learned"] == 0
        assert object_of("push", port, tmp_path / "taught.state", "--state")["learned"] == 400
        object_of("reset", port, "--forget", "learned", "--yes")
        pushed = object_of("push", port, tmp_path / "taught.naca", "--state")
        assert pushed["state_hash"] == expected_hash()
        assert "state taken over" in call("push", port, tmp_path / "taught.naca", "--state").stdout
        [found] = object_of("devices", port)["devices"]
        assert (found["board"], found["learned"]) == ("virtual", 400)
        assert "virtual" in call("devices", port).stdout
        said = call("reset", port).stdout
        learned = object_of("info", port)["learned"]
        assert said.split() == f"{port}: restarted with {learned} samples learned".split()


def test_devices_says_that_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", list)
    assert "There is no serial port here" in call("devices").stdout
    assert object_of("devices")["devices"] == []


def test_predicting_only(folder: Path, tmp_path: Path) -> None:
    words = ["--data", folder / "data.npz", "--order", "given", "--predict", "--twin"]
    report = object_of(
        "stream", "--port", f"emulate:{folder}/net.naca", *words, "--record", tmp_path / "r.jsonl"
    )
    assert report["state_hash"] == f"{Core(NETWORK).state_hash():08x}"
    again = object_of("replay", tmp_path / "r.jsonl", "--emulate", folder / "net.naca")
    assert again["compared"] == 400


@pytest.mark.parametrize(
    ("extra", "words"), [((), "right before learning"), (("--predict",), "right")]
)
def test_learning_is_spoken_of_where_there_is_some(
    folder: Path, extra: tuple[str, ...], words: str
) -> None:
    stream = ["--data", folder / "data.npz", "--limit", 40, *extra]
    told = done("stream", "--port", f"emulate:{folder}/net.naca", *stream)
    assert re.search(rf" % {words}, state hash", told)
    view = live.View("", [], link.LineCounts(), learn=not extra, quiet=True)
    out = io.StringIO()
    Console(file=out).print(view._picture(Progress(40, 10)))
    assert re.search(rf"(?m)^{words}  ", out.getvalue())


def test_replay_starts_where_the_recording_does(folder: Path, tmp_path: Path) -> None:
    words = ["--data", folder / "data.npz", "--order", "given"]
    with emulated(folder / "net.naca") as port:
        object_of("stream", "--port", port, *words, "--limit", 100)
        more = ["--record", tmp_path / "r.jsonl", "--limit", 200]
        report = object_of("stream", "--port", port, *words, *more)
        assert "the recording starts at 100" in failed(
            1, "replay", tmp_path / "r.jsonl", "--port", port
        )
        again = object_of("replay", tmp_path / "r.jsonl", "--port", port, "--reset")
        assert again["state_hash"] == report["state_hash"]


def test_wrong_use_is_told(folder: Path, tmp_path: Path) -> None:
    port = f"emulate:{folder}/net.naca"
    data = ["--data", folder / "data.npz"]
    for code, words, what in (
        (2, ["stream", *data], "Missing option '--port'"),
        (2, ["stream", "--port", "warp:x", *data], "is no device"),
        (2, ["stream", "--port", "inprocess:x", *data], "write emulate:IMAGE"),
        (2, ["stream", "--port", port, *data, "--rate", "0"], "0.0 is not in the range"),
        (2, ["stream", "--port", port, *data, "--chaos", "warp=1"], "there is no 'warp'"),
        (2, ["replay", tmp_path / "x"], "give either --port or --emulate"),
        (2, ["emulate", "--pty", "--tcp", "0"], "give either --pty or --tcp"),
        (1, ["stream", "--port", tmp_path / "tty", *data], "there is no port"),
        (1, ["stream", "--port", "emulate:none.naca", *data], "No such file"),
        (1, ["stream", "--port", port, "--data", folder / "wide.npz"], "samples of 16 numbers"),
        (1, ["stream", "--port", port, "--data", folder / "many.npz"], "has room for 5 classes"),
        (1, ["stream", "--port", port, *data, "--record", "no/r.jsonl"], "there is no folder no"),
        (1, ["replay", folder / "data.npz", "--port", port], "is no"),
        (1, ["push", port, folder / "data.npz"], "is no image; for a saved state, add --state"),
        (1, ["push", port, folder / "data.npz", "--state"], "NACA_ERR"),
        (1, ["pull", port, "-o", "no/x.naca"], "there is no folder no"),
        (1, ["emulate", folder / "data.npz"], "does not start with 'NACA'"),
        (1, ["info", "socket://127.0.0.1:1"], "nobody listens"),
    ):
        assert what in failed(code, *words), words


def test_wrong_devices_are_told(folder: Path) -> None:
    with served(OtherProtocol(IMAGE).receive, "pty") as port:
        assert "speaks version 4 of the protocol" in failed(1, "info", port)
        [found] = object_of("devices", port)["devices"]
        assert "version 4" in found["problem"]
    assert call("devices", "--no-probe").exit_code == 0


def test_terminal_is_restored_after_an_interrupt(folder: Path, tmp_path: Path) -> None:
    """On a real terminal, the live view hides the cursor; it has to come back."""
    recording = tmp_path / "r.jsonl"
    ours, theirs = os.openpty()
    words = ["--data", str(folder / "data.npz"), "--order", "given", "--record", str(recording)]
    port = f"emulate:{folder}/net.naca"
    command = [*EDGE_NACA, "stream", "--port", port, *words, "--rate", "100"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    with program(*command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        wait_for(lambda: recorder.is_there(recording) and len(recorder.read(recording).items) > 20)
        process.send_signal(signal.SIGINT)
        shown = b"".join(iter(lambda: read_terminal(ours), b""))
        assert process.wait(120) == 130
    os.close(ours)
    assert b"right before learning" in shown
    assert shown.rfind(b"\x1b[?25h") > shown.rfind(b"\x1b[?25l") >= 0


def read_terminal(descriptor: int) -> bytes:
    """Read what a program shows; nothing once it has ended."""
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # how a terminal says that nobody has it open any more
        return b""


def test_without_a_terminal_a_slow_stream_says_how_it_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However few samples come, a line comes at least every few seconds."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    view = live.View("slow", ["a", "b"], link.LineCounts(), learn=True, quiet=False)
    progress = Progress(10_000, 2)
    for _ in range(30):
        now += 0.5
        progress.done += 1
        view(progress)
    assert 8 <= capsys.readouterr().out.count("of 10000") <= 10


def test_without_a_terminal_a_silent_device_is_spoken_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a session waits for a device nobody calls the view; lines come all the same."""
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.02)
    view = live.View("silent", ["a", "b"], link.LineCounts(), learn=True, quiet=False)
    told, deadline = "", time.monotonic() + 60
    with view:
        view(Progress(10_000, 2))
        while told.count("      0 of 10000") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            told += capsys.readouterr().out
    assert not any(thread.name == "progress" for thread in threading.enumerate())
    assert live.QUIET_SECONDS < 2
