"""Names that an owner gives, a lock, and saves of an older firmware (docs/protocol.md, 9)."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from commands import call, failed, object_of
from hypothesis import given
from hypothesis import strategies as st
from serving import IMAGE, X, Y, connected, served, taught
from support import ROOT
from wire import HEARING, SESSION, SMALL, Wire, batch_body, request, samples

from edge_naca import image
from edge_naca._device import lib
from edge_naca.export import load_image
from edge_naca.host import naming
from edge_naca.host.device import DeviceError
from edge_naca.host.link import RefusedError
from edge_naca.host.locking import key_of
from edge_naca.host.messages import Kind, Reason
from edge_naca.host.virtual import VirtualDevice
from edge_naca.presets import competitive

XS, YS = samples(12)
SALT, KEY = b"salt8888", bytes(range(16))
NAMED = competitive(16, 3, 4, metadata={"classes": ["good", "worn", "off"]})


def lock(wire: Wire, what: int, key: bytes = KEY, salt: bytes = SALT) -> tuple[int, bytes]:
    answer = wire.ask(Kind.LOCK, struct.pack("<B8s16s", what, salt, key))
    return answer.status, answer.body


def names(wire: Wire) -> bytes:
    return wire.want(Kind.NAMES_READ, struct.pack("<IH", 0, 999)).body[4:]


# ---- on the wire ----------------------------------------------------------------------------


@pytest.mark.parametrize("is_saved", [False, True])
def test_names_are_kept_beside_what_was_saved(is_saved: bool) -> None:
    wire = Wire()
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3].tolist()))
    if is_saved:
        wire.want(Kind.SAVE)
    saved = wire.hash() if is_saved else None
    wire.learn(3, XS[3], YS[3])
    before = wire.hash()
    assert names(wire) == b""
    for text in (b"one", b"another, longer " * 9, b"two"):
        wire.want(Kind.NAMES_WRITE, text)
        assert (names(wire), wire.hash()) == (text, before)
    wire.reboot()
    assert names(wire) == b"two"
    assert wire.hash() == (saved or (wire.hash()[0], 0))
    learned = wire.hash()[1]
    wire.learn(learned, XS[4], YS[4])
    wire.want(Kind.SAVE)
    before = wire.hash()
    wire.reboot()
    assert (names(wire), wire.hash()) == (b"two", before)
    wire.want(Kind.NAMES_WRITE, b"")
    wire.reboot()
    assert (names(wire), wire.hash()) == (b"", before)


def test_names_come_with_states_and_go_with_images() -> None:
    wire = Wire()
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3].tolist()))
    wire.want(Kind.NAMES_WRITE, b"abc")
    total, first = struct.unpack("<I", wire.want(Kind.STATE_READ, bytes(6)).body)[0], b""
    while len(first) < total:
        first += wire.want(Kind.STATE_READ, struct.pack("<IH", len(first), 512)).body[4:]
    before = wire.hash()
    wire.want(Kind.RESET, b"\1")
    wire.want(Kind.STATE_WRITE, struct.pack("<II", total, 0) + first)
    assert (names(wire), wire.hash()) == (b"abc", before)
    wire.reboot()
    assert (names(wire), wire.hash()) == (b"abc", before)
    wire.want(Kind.RESET, b"\2")
    assert names(wire) == b""


def test_names_without_room_or_memory_are_refused() -> None:
    small = Wire(names=8)
    answer = small.ask(Kind.NAMES_WRITE, bytes(9))
    assert (answer.status, *answer.numbers("I")) == (Reason.TOO_LARGE, 8)
    answer = Wire(state_room=0).ask(Kind.NAMES_WRITE, b"x")
    assert (answer.status, *answer.numbers("i")) == (Reason.STORE, lib.NACA_STORE_NONE)


def test_a_cut_while_names_are_written_leaves_the_old_or_the_new() -> None:
    for after in range(1, 40):
        wire = Wire()
        wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3].tolist()))
        wire.want(Kind.SAVE)
        wire.want(Kind.NAMES_WRITE, b"old")
        before = wire.hash()
        wire.device.power_cut(after)
        wire.device.receive(request(Kind.NAMES_WRITE, b"new, and longer", epoch=wire.epoch))
        is_cut = not wire.device.powered
        wire.reboot()
        assert wire.hash() == before
        assert names(wire) in ((b"old", b"new, and longer") if is_cut else (b"new, and longer",))
        assert wire.device.flash_misuses == 0
        if not is_cut:
            return
    raise AssertionError("a write of names takes fewer operations than that")


def test_a_locked_device_answers_and_is_not_changed() -> None:
    wire = Wire()
    wire.want(Kind.LEARN_BATCH, batch_body(0, XS[:3], YS[:3].tolist()))
    assert lock(wire, 0) == (0, bytes([0, 8]) + bytes(8))
    assert lock(wire, 1) == (0, bytes([1, 8]) + SALT)
    before = wire.hash()
    refused = {
        Kind.LEARN_BATCH: batch_body(3, XS[:1], YS[:1].tolist()),
        Kind.STATE_WRITE: struct.pack("<II", 16, 0) + bytes(16),
        Kind.IMAGE_BEGIN: struct.pack("<II", 99, 1),
        Kind.IMAGE_END: b"",
        Kind.SESSION: struct.pack("<II", 5, 3),
        Kind.UNDO: struct.pack("<IIB", 5, 3, 0),
        Kind.ROLLBACK: struct.pack("<II", 5, 3),
        Kind.FORGET: struct.pack("<IIH", 5, 3, 0),
        Kind.NAMES_WRITE: b"x",
    }
    for kind, body in [*refused.items(), (Kind.RESET, b"\1"), (Kind.RESET, b"\2")]:
        answer = wire.ask(kind, body)
        assert (answer.status, *answer.numbers("I")) == (Reason.LOCKED, 8), kind
    wire.want(Kind.INFER, bytes([lib.NACA_CODES]) + XS[0].tobytes())
    assert wire.hash() == before
    wire.want(Kind.SAVE)
    wire.want(Kind.RESET, b"\0")
    assert wire.hash() == before
    wire.device.reboot()
    wire.hello()
    assert wire.ask(Kind.FORGET, refused[Kind.FORGET]).status == Reason.LOCKED
    assert lock(wire, 2)[0] == 0
    assert wire.hash() == before
    wire.reboot()
    assert wire.learn(3, XS[3], YS[3]).status == 0


def test_signals_of_a_locked_device_are_presented_only() -> None:
    wire = Wire(image.encode(HEARING), ram=1 << 16, channels=2)
    lock(wire, 1)
    read = bytes(4 * 24)
    body = struct.pack("<IIHBB", SESSION, 0, 1, 1, 1)
    assert wire.ask(Kind.SIGNAL, body + read).status == Reason.LOCKED
    answer = wire.want(Kind.SIGNAL, struct.pack("<IIHBB", 0, 0, 0xFFFF, 1, 1) + read)
    assert struct.unpack_from("<H", answer.body, 8)[0] == 2
    assert wire.ask(Kind.SENSOR, struct.pack("<IHBI", SESSION, 1, 1, 0)).status == Reason.LOCKED
    assert wire.ask(Kind.SENSOR, struct.pack("<IHBI", 0, 0xFFFF, 1, 0)).status == 0
    assert wire.hash()[1] == 0


def test_a_lock_ends_the_lessons_of_a_sensor() -> None:
    wire = Wire(image.encode(HEARING), ram=1 << 16, channels=2)
    part = np.arange(200, dtype=np.int16).reshape(100, 2)
    listen = struct.pack("<IHBI", SESSION, 1, 1, 0)
    wire.want(Kind.SENSOR, listen)
    wire.device.sense(part)
    before = wire.hash()
    assert before[1] > 0
    assert lock(wire, 1)[0] == 0
    wire.device.sense(part)
    told = wire.want(Kind.SENSOR, struct.pack("<IHBI", 0, 0xFFFF, 1, 0)).body
    assert struct.unpack_from("<H", told, 21)[0] > 0  # it goes on answering
    assert wire.hash() == before
    assert lock(wire, 2)[0] == 0
    wire.device.sense(part)
    assert wire.hash() == before  # whoever wants it to learn says so again
    wire.want(Kind.SENSOR, listen)
    wire.device.sense(part)
    assert wire.hash() != before


def test_wrong_keys_are_counted_until_a_restart() -> None:
    wire = Wire()
    lock(wire, 1)
    assert lock(wire, 1)[0] == 0  # again, with its key, changes nothing
    for left in range(7, -1, -1):
        assert lock(wire, 2, bytes(16)) == (Reason.LOCKED, struct.pack("<I", left))
    assert lock(wire, 2) == (Reason.LOCKED, bytes(4))
    wire.device.reboot()
    wire.hello()
    assert lock(wire, 1, bytes(16))[0] == Reason.LOCKED  # another key does not take its place
    assert lock(wire, 2)[0] == 0
    assert lock(wire, 2, bytes(16))[0] == 0  # it is open
    assert lock(wire, 3)[0] == Reason.UNKNOWN


def test_a_lock_that_cannot_be_kept_is_none() -> None:
    wire = Wire(state_room=0)
    assert lock(wire, 1) == (Reason.STORE, struct.pack("<i", lib.NACA_STORE_NONE))
    assert wire.learn(0, XS[0], YS[0]).status == 0


# ---- by the host and by command --------------------------------------------------------------


@given(st.dictionaries(st.integers(0, 1023), st.binary(max_size=255), max_size=9))
def test_names_are_read_back(named: dict[int, bytes]) -> None:
    assert naming.unpack(naming.pack(named)) == named


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\0", b"\1\0\5abc"])
def test_what_is_no_whole_name_is_none(data: bytes) -> None:
    assert naming.unpack(data) == {}
    assert naming.unpack(naming.pack({3: b"x"}) + data) == {3: b"x"}


@pytest.mark.parametrize(
    ("kept", "shown"),
    [(b"\xff" * 255, "\\xff" * 255), (b"M\xfcde", "M\\xfcde"), (b"", "")],
    ids=["no UTF-8", "Latin-1", "empty"],
)
def test_names_of_other_programs_stay_as_they_are(kept: bytes, shown: str) -> None:
    """So does what stands behind whole names, until somebody renames a class."""
    virtual = VirtualDevice(IMAGE)
    foreign = naming.pack({0: kept}) + b"\xff\xff\xff"
    with connected(virtual.receive) as device:
        device.link.request(Kind.NAMES_WRITE, foreign)
        assert device.names() == {0: shown}
        device.learn_many(X[:3], Y[:3])
        device.rename(1, "worn")
        assert device.names() == {0: shown, 1: "worn"}
        read = device.link.request(Kind.NAMES_READ, struct.pack("<IH", 0, 400)).body[4:]
        assert read == naming.pack({0: kept, 1: b"worn"})


def test_what_has_no_utf_8_is_refused_by_its_name() -> None:
    with connected(VirtualDevice(IMAGE).receive) as device:
        with pytest.raises(ValueError, match=r"the name .* holds half of a character"):
            device.rename(1, "a\udcff")
        with pytest.raises(ValueError, match="phrase holds half of a character"):
            device.lock("a\udcff")
        assert (device.names(), device.hello.locked) == ({}, False)


def test_renaming_by_command(tmp_path: Path) -> None:
    virtual = VirtualDevice(image.encode(NAMED))
    with served(virtual.receive, "tcp") as port:
        assert object_of("rename", port, "worn", "Lager 3 – müde")["classes"] == [
            "good", "Lager 3 – müde", "off",
        ]  # fmt: skip
        assert object_of("info", port)["classes"][1] == "Lager 3 – müde"
        assert "another class is called 'good'" in failed(1, "rename", port, "off", "good")
        assert "no class 'worn'" in failed(1, "rename", port, "worn", "x")
        assert "up to 255 bytes" in failed(1, "rename", port, "off", "ü" * 128)
        assert object_of("rename", port, "good", "worn")["classes"][0] == "worn"
        assert call("pull", port, "-o", tmp_path / "p.naca").exit_code == 0
        assert load_image(tmp_path / "p.naca").network.metadata["classes"][0] == "worn"
        virtual.reboot()
        assert "called 'worn' already" in failed(1, "rename", port, "Lager 3 – müde", "")
        assert object_of("rename", port, "worn", "")["classes"][0] == "good"
        assert object_of("rename", port, "Lager 3 – müde", "")["classes"] == ["good", "worn", "off"]


def test_locking_by_command() -> None:
    virtual = VirtualDevice(IMAGE)
    with served(virtual.receive, "tcp") as port:
        assert object_of("lock", port, "--phrase", "open sesame")["locked"]
        assert object_of("info", port)["locked"]
        assert "unlock PORT' opens it" in failed(1, "undo", port)
        assert "locked" in failed(1, "reset", port, "--forget", "saved", "--yes")
        assert object_of("selftest", port)["notes"] == ["nothing was taught: the device is locked"]
        message = failed(1, "unlock", port, "--phrase", "x")
        assert "another phrase; 7 wrong phrases are left until it is restarted" in message
        assert "may not be empty" in failed(1, "unlock", port, "--phrase", "")
        assert "not locked" in call("unlock", port, text="open sesame\n").stdout
    with connected(virtual.receive) as device:
        device.learn_many(X[:3], Y[:3])
        device.lock("a")
        with pytest.raises(RefusedError, match="refuses LEARN"):
            device.learn(X[3], int(Y[3]))
        assert device.predict(X[3]).prediction == taught(3).infer(X[3]).prediction
        with pytest.raises(RefusedError, match="locked with another phrase"):
            device.lock("b")
        device.unlock("a")
        device.learn(X[3], int(Y[3]))
        assert device.hash_at() == (taught(4).state_hash(), 4)


def test_a_new_phrase_is_asked_for_twice() -> None:
    virtual = VirtualDevice(IMAGE)
    with served(virtual.receive, "tcp") as port:
        result = call("lock", port, text="sesame\nseasme\n")
        assert result.exit_code == 1
        assert "do not match" in result.output
        assert not object_of("info", port)["locked"]
        assert "/" not in call("lock", port, text="sesame\nsesame\n").stderr
        assert object_of("info", port)["locked"]
        assert "not locked" in call("unlock", port, text="sesame\n").stdout


@pytest.mark.parametrize(
    "words", [["forget", "PORT", "0"], ["rollback", "PORT"], ["reset", "PORT", "--forget", "saved"]]
)
def test_where_nobody_answers_it_is_said_how_to_go_on(words: list[str]) -> None:
    virtual = VirtualDevice(IMAGE)
    with served(virtual.receive, "tcp") as port:
        before = object_of("info", port)["state_hash"]
        named = [port if word == "PORT" else word for word in words]
        result = call(*named)
        assert result.exit_code == 1
        assert result.stderr.endswith("Error: nobody answered: add --yes to go on without asking\n")
        assert call(*named, text="n\n").stderr.endswith("Aborted!\n")
        assert object_of("info", port)["state_hash"] == before


def test_keys_differ_with_phrase_and_salt() -> None:
    keys = {key_of(phrase, salt) for phrase in ("a", "b") for salt in (bytes(8), SALT)}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {16}


# ---- an older firmware's saves ---------------------------------------------------------------


def test_an_update_over_an_old_save_erases_nothing(tmp_path: Path) -> None:
    """tests/flash/format-2.flash.gz: 20 samples that a firmware of protocol 2 had saved."""
    old = gzip.decompress((ROOT / "tests" / "flash" / "format-2.flash.gz").read_bytes())
    flash = tmp_path / "flash.bin"
    flash.write_bytes(old)
    with pytest.raises(ValueError, match="another version of edge-naca, which is kept"):
        VirtualDevice(IMAGE, flash_file=flash, image_places=1, **SMALL)
    assert flash.read_bytes() == old
    # A board's images are elsewhere: only the saves are of before.
    old = old[:8192] + b"\xff" * (len(old) - 8192)
    flash.write_bytes(old)
    virtual = VirtualDevice(
        image.encode(competitive(16, 3, 4)), flash_file=flash, image_places=1, **SMALL
    )
    with connected(virtual.receive) as device:
        assert (device.hello.other_saves, device.hello.learned) == (True, 0)
        device.learn_many(XS[:3], YS[:3])
        for refused in (device.save, lambda: device.lock("a"), lambda: device.rename(0, "x")):
            with pytest.raises(RefusedError, match="another version of the firmware has saved"):
                refused()
        with pytest.raises(DeviceError, match="saved nothing"):
            device.rollback()
        device.undo()
        with pytest.raises(RefusedError, match="another version of the firmware has saved"):
            device.load_state(device.state())
        assert not device.hello.locked
        assert flash.read_bytes()[:8192] == old[:8192]
        virtual.reboot()
        device.link.refresh()
        assert flash.read_bytes()[:8192] == old[:8192]
        device.reset("saved")  # the owner gives them up
        assert not device.hello.other_saves
        device.learn_many(XS[:3], YS[:3])
        device.save()
        assert flash.read_bytes()[:8192] != old[:8192]
    assert np.frombuffer(old[:4], "S4")[0] == b"NSA2"
    virtual.close()
