"""The store (firmware/store): whatever write the power is cut at, a whole block is found again.

So it is whatever the block holds, and whichever sectors are bad while the good ones have room for
two saves. The format is that of docs/store.md.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_naca._device import ffi, lib

OK, EMPTY, TOO_LARGE, FLASH, ARGUMENT, NONE, VERSION = 0, -1, -2, -3, -4, -5, -6
OVERHEAD, PIECE, MARKER = 24, 64, 20  # bytes of a save beside its block, of a piece, of a marker


@dataclass(frozen=True)
class Geometry:
    size: int
    erase_size: int
    write_size: int

    @property
    def sectors(self) -> int:
        return self.size // self.erase_size

    @property
    def unit(self) -> int:
        """What saves begin at a multiple of."""
        return max(16, self.write_size)

    @property
    def start(self) -> int:
        """Where saves may begin in a sector."""
        return -(-MARKER // self.unit) * self.unit

    @property
    def largest(self) -> int:
        """Bytes of the largest block."""
        return self.sectors // 2 * (self.erase_size - self.start) - OVERHEAD


GEOMETRIES = {
    "two sectors": Geometry(2 * 4096, 4096, 4),
    "many pages": Geometry(16 * 256, 256, 16),
    "odd number of pages": Geometry(11 * 128, 128, 8),
    "EEPROM": Geometry(2048, 64, 1),
    "STM32H7": Geometry(4 * 1024, 1024, 32),
    "wide words": Geometry(9 * 256, 256, 64),
}


class Flash:
    """Flash that keeps its own rules, can be cut in the middle of an operation, and can fail.

    Attributes
    ----------
    failing : what fails everywhere: "erase", "write", "read", or "lie", where it keeps other bytes.
    bad : the same by sector; "stuck" is an erase that says it worked and did nothing.
    has_ecc : whether what a cut has left of a write cannot be read until it is erased.
    """

    def __init__(self, geometry: Geometry, seed: int = 0) -> None:
        self.geometry = geometry
        self.data = bytearray(np.random.default_rng(99).bytes(geometry.size))
        self.random = np.random.default_rng(seed)
        self.operations = 0
        self.cut_at: int | None = None
        self.on = True
        self.erased = [0] * (geometry.size // geometry.erase_size)
        self.failing: set[str] = set()
        self.bad: dict[int, str] = {}
        self.has_ecc = False
        self.torn: set[int] = set()  # units that a cut has left unreadable
        self._keep = (
            ffi.callback("int(void *, uint32_t)", self._erase),
            ffi.callback("int(void *, uint32_t, const void *, uint32_t)", self._write),
            ffi.callback("int(void *, uint32_t, void *, uint32_t)", self._read),
        )
        self.flash = ffi.new(
            "naca_flash_t *",
            (ffi.NULL, geometry.size, geometry.erase_size, geometry.write_size, *self._keep),
        )

    def _fails(self, at: int, kind: str) -> bool:
        return kind in self.failing or self.bad.get(at // self.geometry.erase_size) == kind

    def _units(self, at: int, size: int) -> set[int]:
        unit = self.geometry.write_size
        return set(range(at // unit, -(-(at + size) // unit)))

    def _change(self, at: int, new: bytes) -> int:
        """Put bytes there; if the power goes, some of them, then a few of any kind."""
        self.operations += 1
        if self.operations == self.cut_at:
            self.on = False
            done = int(self.random.integers(len(new) + 1))
            torn = self.random.bytes(int(self.random.integers(9)))[: len(new) - done]
            if self.has_ecc:
                self.torn |= self._units(at + done, len(torn))
            new = new[:done] + torn
        self.data[at : at + len(new)] = new
        return 0 if self.on else 5

    def _erase(self, user: Any, offset: int) -> int:
        assert offset % self.geometry.erase_size == 0
        assert 0 <= offset < self.geometry.size
        if not self.on or self._fails(offset, "erase"):
            return 7
        self.erased[offset // self.geometry.erase_size] += 1
        if self._fails(offset, "stuck"):
            return 0
        self.torn -= self._units(offset, self.geometry.erase_size)
        return self._change(offset, b"\xff" * self.geometry.erase_size)

    def _write(self, user: Any, offset: int, data: Any, size: int) -> int:
        assert int(ffi.cast("uintptr_t", data)) % 4 == 0
        assert 0 < size <= PIECE
        assert offset // PIECE == (offset + size - 1) // PIECE, "it crosses a piece"
        assert offset % self.geometry.write_size == size % self.geometry.write_size == 0
        assert set(self.data[offset : offset + size]) == {0xFF}, "this was not erased"
        assert not self.torn & self._units(offset, size), "this was not erased"
        new = bytes(ffi.buffer(data, size))
        if not self.on or self._fails(offset, "write"):
            return 9
        if self._fails(offset, "lie"):  # says that it did
            new = b"\0" + new[1:]
        return self._change(offset, new)

    def _read(self, user: Any, offset: int, data: Any, size: int) -> int:
        assert 0 <= offset <= offset + size <= self.geometry.size
        assert offset // PIECE == (offset + max(size, 1) - 1) // PIECE, "it crosses a piece"
        if not self.on or self._fails(offset, "read") or self.torn & self._units(offset, size):
            return 11
        ffi.buffer(data, size)[:] = self.data[offset : offset + size]
        return 0


class Store:
    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self.store = ffi.new("naca_store_t *")
        self.status = lib.naca_store_open(self.store, flash.flash)

    def save(self, block: bytes, key: int = 7) -> int:
        @ffi.callback("int(void *, uint32_t, void *, uint32_t)")
        def source(user: Any, offset: int, data: Any, size: int) -> int:
            ffi.buffer(data, size)[:] = block[offset : offset + size]
            return 0

        return int(lib.naca_store_save(self.store, key, len(block), source, ffi.NULL))

    def load(self) -> bytes | None:
        if self.store.generation == 0:
            return None
        size = self.store.latest.size
        data = ffi.new("uint8_t[]", size + 1)
        assert lib.naca_store_read(self.store, 0, data, size) == OK
        return bytes(ffi.buffer(data, size))


def reopened(flash: Flash) -> Store:
    flash.on, flash.cut_at = True, None
    return Store(flash)


@pytest.fixture(params=list(GEOMETRIES.values()), ids=list(GEOMETRIES))
def geometry(request: pytest.FixtureRequest) -> Geometry:
    geometry: Geometry = request.param
    return geometry


def block(number: int, size: int) -> bytes:
    return np.random.default_rng(number).bytes(size)


def test_what_was_saved_is_found_again(geometry: Geometry) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    assert store.status == EMPTY
    for number in range(40):
        saved = block(number, 1 + number * 37 % geometry.largest)
        assert store.save(saved, key=number) == OK
        assert store.load() == saved
        again = Store(flash)
        assert (again.status, again.load(), again.store.latest.key) == (OK, saved, number)
        assert again.store.generation == number + 1
        assert again.store.erases == sum(flash.erased)


def crc(*numbers: int, of: bytes = b"") -> int:
    return zlib.crc32(struct.pack(f"<{len(numbers)}I", *numbers), zlib.crc32(of))


def marker(sector: int, sequence: int, save: int = 0, left: int = 0) -> bytes:
    """Return a sector's marker, as docs/store.md has it."""
    head = struct.pack("<4s3I", b"NSA3", sequence, save, left)
    return head + struct.pack("<I", zlib.crc32(head, sector))


def first_record(
    place: tuple[int, int, int], generation: int, key: int, size: int
) -> tuple[bytes, int]:
    """Return what a save begins with, and its check; the place is sector, offset, sequence."""
    check = crc(*place, generation, key, size)
    return struct.pack("<4I", generation, key, size, check), check


def last_record(generation: int, key: int, block: bytes) -> bytes:
    """Return what a save ends with."""
    of = crc(of=block)
    return struct.pack("<II", of, crc(generation, key, len(block), of))


def test_the_format_is_as_documented() -> None:
    flash = Flash(GEOMETRIES["many pages"])
    store = Store(flash)
    short, long = b"some bytes", bytes(range(200)) * 2
    store.save(short, key=0x1234)
    store.save(short, key=0x1235)
    store.save(long, key=0x1236)
    save = first_record((0, 32, 1), 1, 0x1234, 10)[0] + short + last_record(1, 0x1234, short)
    second = first_record((0, 80, 1), 2, 0x1235, 10)[0] + short + last_record(2, 0x1235, short)
    assert flash.data[:20] == marker(0, 1)
    assert flash.data[20:32] == b"\xff" * 12
    assert flash.data[32:80] == save + b"\xff" * 14
    assert flash.data[80:128] == second + b"\xff" * 14
    assert flash.data[128:256] == b"\xff" * 128  # the long one does not fit
    head, check = first_record((1, 32, 2), 3, 0x1236, 400)
    save = head + long + last_record(3, 0x1236, long)
    assert flash.data[256:276] == marker(1, 2)
    assert flash.data[288:512] == save[:224]
    assert flash.data[512:532] == marker(2, 3, check, 424 - 224)
    assert flash.data[544:752] == save[224:] + b"\xff" * 8


def test_power_cut_at_every_write_of_200_saves(geometry: Geometry) -> None:
    """Torn erases and writes too; and what comes after a cut works again, and loses nothing."""
    size = min(150, geometry.largest // 8, geometry.erase_size)
    clean = Flash(geometry)
    old_ones = 0
    before: bytes | None = None
    for number in range(200):
        snapshot, start, new = bytes(clean.data), clean.operations, block(number, size)
        assert Store(clean).save(new) == OK
        for cut in range(1, clean.operations - start + 1):
            flash = Flash(geometry, seed=100 * number + cut)
            flash.has_ecc = bool(number % 2)
            flash.data[:] = snapshot
            store = Store(flash)
            assert store.load() == before
            flash.cut_at = cut
            assert store.save(new) == FLASH
            assert store.store.errors == 1
            found = reopened(flash)
            assert found.load() in (before, new)
            old_ones += found.load() == before
            assert found.save(b"and on it goes") == OK
            assert reopened(flash).load() == b"and on it goes"
        before = new
    assert old_ones >= 150  # all but some of the cuts in the last piece, at least


def test_cuts_that_follow_each_other(geometry: Geometry) -> None:
    """Power that hardly ever lasts for a whole save, for long: what was saved last stays."""
    flash = Flash(geometry, seed=4)
    flash.has_ecc = True
    random = np.random.default_rng(4)
    last: bytes | None = None
    kept = 0
    for number in range(400):
        store = reopened(flash)
        assert store.load() == last
        flash.cut_at = flash.operations + int(random.integers(1, 9))
        new = block(number, int(random.integers(1, min(200, geometry.largest))))
        if store.save(new) == OK:
            last, kept = new, kept + 1
        else:
            after = reopened(flash).load()
            assert after in (last, new)
            last = after
    assert kept > 20


def test_clearing_is_all_or_nothing(geometry: Geometry) -> None:
    clean = Flash(geometry)
    store = Store(clean)
    for number in range(3):
        store.save(block(number, 90))
    snapshot, start = bytes(clean.data), clean.operations
    assert lib.naca_store_clear(store.store) == OK
    assert reopened(clean).status == EMPTY
    assert reopened(clean).store.generation == 4  # wear goes on being counted
    for cut in range(1, clean.operations - start + 1):
        flash = Flash(geometry, seed=cut)
        flash.data[:] = snapshot
        store = Store(flash)
        flash.cut_at = cut
        assert lib.naca_store_clear(store.store) == FLASH
        assert reopened(flash).load() in (block(2, 90), b"")


def test_wear_is_spread_and_counted(geometry: Geometry) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    for number in range(300):
        assert store.save(block(number, 60)) == OK
    assert max(flash.erased) - min(flash.erased) <= 1
    assert lib.naca_store_wear(store.store) == max(flash.erased)
    assert lib.naca_store_wear(reopened(flash).store) == max(flash.erased)


def test_a_damaged_save_gives_way_to_the_one_before(geometry: Geometry) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    for number in range(5):
        store.save(block(number, 50))
    at = store.store.latest.sector * geometry.erase_size + store.store.latest.offset
    for offset in range(geometry.unit):  # of which all is in that sector
        flash.data[at + offset] ^= 0x10
        assert reopened(flash).load() == block(3, 50)
        flash.data[at + offset] ^= 0x10
    assert reopened(flash).load() == block(4, 50)


def test_many_saves_share_a_sector() -> None:
    """100 saves of 1324 bytes take two erases of sectors of 128 KiB."""
    flash = Flash(Geometry(2 * 131072, 131072, 4))
    store = Store(flash)
    for number in range(100):
        assert store.save(block(number, 1324)) == OK
    assert (sum(flash.erased), store.store.erases) == (2, 2)
    assert reopened(flash).load() == block(99, 1324)


def test_erases_are_counted_through_cuts(geometry: Geometry) -> None:
    """A cut loses no count but that of erases after which no sector could be marked."""
    flash = Flash(geometry, seed=6)
    random = np.random.default_rng(6)
    for cuts in range(1, 201):
        store = reopened(flash)
        flash.cut_at = flash.operations + int(random.integers(1, 30))
        while store.save(block(cuts, int(random.integers(1, 80)))) == OK:
            pass
        counted = reopened(flash).store.erases
        assert sum(flash.erased) - cuts <= counted <= sum(flash.erased)


def test_progress_is_called_between_any_two_operations(geometry: Geometry) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    calls: list[int] = []
    progress = ffi.callback("void(void *)", lambda user: calls.append(flash.operations))
    lib.naca_store_set_progress(store.store, progress, ffi.NULL)
    assert store.save(block(1, geometry.largest)) == OK
    assert set(calls) == set(range(flash.operations + 1))  # before each, and after the last
    lib.naca_store_set_progress(store.store, ffi.NULL, ffi.NULL)
    del calls[:]
    assert store.save(block(2, geometry.largest)) == OK
    assert calls == []


@given(st.binary(min_size=2048, max_size=2048))
def test_anything_in_the_flash_is_no_save(data: bytes) -> None:
    flash = Flash(GEOMETRIES["EEPROM"])
    flash.data[:] = data
    assert Store(flash).load() is None


def forged(geometry: Geometry) -> list[bytes]:
    """Return bytes that are all that a save consists of, for many places and counts."""
    result = []
    for sequence in range(1, 5):
        for sector in range(geometry.sectors):
            for generation in (1, 2, 3, 4, 9):
                place = (sector, geometry.start, sequence)
                save, check = first_record(place, generation, 7, 4)
                whole = save + b"FAKE" + last_record(generation, 7, b"FAKE")
                result += [marker(sector, sequence).ljust(geometry.start, b"\xff") + whole, whole]
                result.append(marker(sector, sequence, check, 8))
    head = struct.pack("<4s6I", b"NSAV", 9, 1, 7, 4, crc(of=b"FAKE"), 0)
    return [*result, head + struct.pack("<I", crc(of=head)) + b"FAKE"]


@pytest.mark.parametrize("name", ["two sectors", "many pages", "EEPROM", "wide words"])
def test_content_cannot_pose_as_a_save(name: str) -> None:
    """Blocks that hold saves, at every offset: what was saved last is found, and saves go on."""
    geometry = GEOMETRIES[name]
    fakes = forged(geometry)
    flash = Flash(geometry)
    store = Store(flash)
    size = min(geometry.largest, 700, 5 * geometry.erase_size)
    for number in range(2 * size):
        fake = fakes[number % len(fakes)]
        new = bytearray(block(number, size))
        at = number % size
        new[at : at + len(fake)] = fake
        new = new[:size]
        assert store.save(bytes(new)) == OK
        store = reopened(flash)
        assert store.load() == bytes(new)
        assert store.store.generation == number + 1


def old_save(generation: int, data: bytes) -> bytes:
    """Return a save as edge-naca wrote it before there was a log."""
    head = struct.pack("<4s6I", b"NSAV", generation, 1, 7, len(data), crc(of=data), 0)
    return head + struct.pack("<I", crc(of=head)) + data


@pytest.mark.parametrize("kind", ["older", "newer"])
def test_saves_of_another_format_are_refused_and_kept(kind: str) -> None:
    flash = Flash(GEOMETRIES["two sectors"])
    flash.data[:] = b"\xff" * len(flash.data)
    other = old_save(5, b"from before") if kind == "older" else b"NSA4" + bytes(60)
    flash.data[4096 : 4096 + len(other)] = other
    before = bytes(flash.data)
    store = Store(flash)
    assert (store.status, store.load()) == (VERSION, None)
    assert store.save(b"new") == VERSION
    assert (reopened(flash).status, bytes(flash.data)) == (VERSION, before)
    # Who gives them up says so.
    assert lib.naca_store_clear(store.store) == OK
    assert store.save(b"new") == OK
    assert reopened(flash).load() == b"new"


@pytest.mark.parametrize("letter", [b"3", b"V", b"\x00"])
def test_a_marker_that_was_cut_is_no_other_format(geometry: Geometry, letter: bytes) -> None:
    """Of the very first marker three bytes are there, and a few that are anything."""
    flash = Flash(geometry)
    flash.data[:] = b"\xff" * len(flash.data)
    torn = b"NSA" + letter + b"\x12\x34"
    flash.data[: len(torn)] = torn
    store = Store(flash)
    assert store.status == EMPTY
    assert store.save(b"and on it goes") == OK
    assert reopened(flash).load() == b"and on it goes"


def test_the_first_save_may_be_cut_at_any_moment(geometry: Geometry) -> None:
    """What is left of it is not taken for another format."""
    for cut in range(1, 40):
        flash = Flash(geometry, seed=cut)
        flash.cut_at = cut
        Store(flash).save(bytes(geometry.largest))
        assert reopened(flash).save(b"and on it goes") == OK


@pytest.mark.parametrize(
    ("sequence", "generation", "size", "is_save"),
    [
        (1, 1, 5, True),
        (1, 2, 5, True),
        (1, 3000, 5, False),  # more saves than there has been room for
        (1, 0xFFFFFFFF, 5, False),
        (0xE0000000, 0xFFFFFFFF, 5, False),  # the next one would be none
        (0xE0000000, 0xF0000001, 5, False),
        (1, 0, 5, False),
        (0, 1, 5, False),
        (0xF0000000, 1, 5, True),
        (0xFFFFFFFF, 1, 5, False),  # more erases than any memory endures
        (1, 1, 0xFFFFFFFF, False),
        (1, 1, 0x80000000, False),
        (1, 1, 2048, False),
        (1, 1, 1025, False),
    ],
)
def test_absurd_numbers_are_no_save(
    sequence: int, generation: int, size: int, is_save: bool
) -> None:
    flash = Flash(Geometry(2048, 1024, 4))
    block = b"12345"
    flash.data[:] = b"\xff" * 2048
    first = first_record((0, 32, sequence), generation, 0, size)[0]
    saved = marker(0, sequence).ljust(32, b"\xff") + first + block
    flash.data[: len(saved)] = saved
    flash.data[len(saved) : len(saved) + 8] = last_record(generation, 0, block)
    store = Store(flash)
    assert store.load() == (block if is_save else None)
    if sequence < 0xF0000000:
        assert store.save(b"and on it goes") == OK
        assert reopened(flash).load() == b"and on it goes"
    else:
        assert store.save(bytes(940)) == (FLASH if is_save else OK)  # nothing lasts that long


def test_counts_of_saves_never_come_round_to_none() -> None:
    """At the last generation saves are refused by name, and what was saved stays."""
    flash = Flash(Geometry(2048, 1024, 4))
    sequence, last = 0xE0000000, 0xF0000000
    flash.data[:] = b"\xff" * 2048
    for generation, status in ((last - 1, OK), (last, FLASH)):
        first = first_record((0, 32, sequence), generation, 0, 5)[0]
        saved = marker(0, sequence).ljust(32, b"\xff") + first + b"12345"
        flash.data[:1024] = (saved + last_record(generation, 0, b"12345")).ljust(1024, b"\xff")
        store = Store(flash)
        assert store.load() == b"12345"
        assert store.save(b"new") == status
        expected = b"new" if status == OK else b"12345"
        assert store.load() == reopened(flash).load() == expected
        flash.data[1024:] = b"\xff" * 1024


def test_blocks_that_do_not_fit(geometry: Geometry) -> None:
    store = Store(Flash(geometry))
    assert store.save(bytes(geometry.largest)) == OK
    assert store.save(bytes(geometry.largest)) == OK
    for size in (geometry.largest + 1, geometry.size, geometry.size + 1):
        assert store.save(bytes(size)) == TOO_LARGE
    assert lib.naca_store_begin(store.store, 0, 0xFFFFFFFF) == TOO_LARGE
    assert store.load() == bytes(geometry.largest)


KINDS = ["erase", "write", "lie", "read", "stuck"]


@pytest.mark.parametrize("kind", KINDS[:4])
def test_failing_flash_is_told_and_counted(geometry: Geometry, kind: str) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    assert store.save(b"good") == OK
    flash.failing = {kind}
    assert store.save(bytes(geometry.largest)) == FLASH
    assert store.store.errors == 1
    flash.failing = set()
    assert store.load() == reopened(flash).load() == b"good"
    assert store.save(b"better") == OK
    assert reopened(flash).load() == b"better"


@pytest.mark.parametrize("kind", [*KINDS, "of every kind"])
@pytest.mark.parametrize("part", [1.0, 0.3])
def test_bad_sectors_are_passed_over(geometry: Geometry, kind: str, part: float) -> None:
    """Sectors go bad one after another; saves go on while the good ones hold two of them."""
    flash = Flash(geometry, seed=8)
    random = np.random.default_rng(9)
    size = int(part * (geometry.erase_size - geometry.start)) - OVERHEAD
    size = size if size > 0 else 5
    room = geometry.erase_size - geometry.start
    needed = 2 * -(-(size + OVERHEAD) // room)
    order = random.permutation(geometry.sectors).tolist()
    store = Store(flash)
    number = 0
    while geometry.sectors - len(flash.bad) >= needed:
        for _ in range(geometry.sectors * max(1, room // (size + OVERHEAD))):  # once round
            saved = block(number, size)
            assert store.save(saved) == OK, f"with {len(flash.bad)} bad sectors"
            assert store.load() == saved
            store = reopened(flash) if number % 3 == 0 else store
            assert store.load() == saved
            number += 1
        holding = {store.store.latest.sector, store.store.tail_sector}
        sector = next(one for one in order if one not in holding and one not in flash.bad)
        flash.bad[sector] = KINDS[number % len(KINDS)] if kind == "of every kind" else kind
    # One good sector too few: sooner or later it is refused by name, and the latest stays.
    for _ in range(4 * geometry.sectors * geometry.erase_size // 32):
        new = block(number, size)
        number += 1
        status = store.save(new)
        if status != OK:
            break
        saved = new
    assert status == FLASH
    for _ in range(3):
        assert store.load() == reopened(flash).load() == saved
        assert store.save(new) == FLASH
    flash.bad = {}
    assert store.save(new) == OK
    assert reopened(flash).load() == new


def test_a_sector_that_goes_bad_under_a_save(geometry: Geometry) -> None:
    """Wherever in a save it refuses: what was written stays there, the rest goes elsewhere."""
    size = min(geometry.largest // 2, geometry.erase_size - geometry.start - OVERHEAD)
    for after in range(40):
        flash = Flash(geometry)
        store = Store(flash)
        assert store.save(block(0, size)) == OK
        start, write = flash.operations, flash._write

        def refuse(user: Any, offset: int, data: Any, size: int) -> int:
            if flash.operations == start + after and not flash.bad:  # noqa: B023
                flash.bad[offset // geometry.erase_size] = "write"  # noqa: B023
            return write(user, offset, data, size)  # noqa: B023

        callback = ffi.callback("int(void *, uint32_t, const void *, uint32_t)", refuse)
        flash.flash.write = callback
        status = store.save(block(1, size))
        if geometry.sectors == 2:
            assert status in (OK, FLASH)
        else:
            assert status == OK
        expected = block(1 if status == OK else 0, size)
        assert store.load() == reopened(flash).load() == expected


def test_reading_that_fails_for_a_while_gives_no_older_save(geometry: Geometry) -> None:
    """A sector that could not be read when it was written does not come back with old content."""
    flash = Flash(geometry, seed=3)
    random = np.random.default_rng(5)
    store = Store(flash)
    saved = None
    for number in range(300):
        flash.bad = {} if number % 3 else {int(random.integers(geometry.sectors)): "read"}
        if store.store.generation and store.store.latest.sector in flash.bad:
            flash.bad = {}
        new = block(number, int(random.integers(1, geometry.largest)))
        if store.save(new) == OK:
            saved = new
        flash.bad = {}
        store = reopened(flash)
        assert store.load() == saved


def test_a_source_that_fails_leaves_what_was_saved() -> None:
    store = Store(Flash(GEOMETRIES["many pages"]))
    store.save(b"good")
    source = ffi.callback("int(void *, uint32_t, void *, uint32_t)", lambda *_: 3)
    assert lib.naca_store_save(store.store, 0, 100, source, ffi.NULL) == FLASH
    assert store.load() == b"good"


@pytest.mark.parametrize(
    "geometry",
    [
        Geometry(4096, 4096, 4),
        Geometry(4096, 32, 4),
        Geometry(4096, 96, 4),
        Geometry(4096, 64, 64),
        Geometry(4096, 128, 128),
        Geometry(4096, 64, 3),
        Geometry(4096, 64, 0),
        Geometry(0, 64, 4),
    ],
)
def test_flash_that_cannot_be_used(geometry: Geometry) -> None:
    flash = ffi.new("naca_flash_t *", (ffi.NULL, geometry.size, geometry.erase_size,
                                       geometry.write_size))  # fmt: skip
    store = ffi.new("naca_store_t *")
    assert lib.naca_store_open(store, flash) == ARGUMENT
    assert lib.naca_store_begin(store, 0, 10) == NONE
    assert lib.naca_store_clear(store) == NONE
    assert lib.naca_store_read(store, 0, ffi.NULL, 0) == EMPTY
    assert lib.naca_store_wear(store) == 0
    assert lib.naca_store_open(store, ffi.NULL) == NONE
    assert lib.naca_store_save(store, 0, 0, ffi.NULL, ffi.NULL) == NONE


def test_calls_out_of_order(geometry: Geometry) -> None:
    store = Store(Flash(geometry)).store
    data = ffi.new("uint32_t[16]")
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_append(store, data, 16) == ARGUMENT
    assert lib.naca_store_begin(store, 1, 40) == OK
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_append(store, data, 41) == ARGUMENT
    assert lib.naca_store_append(store, data, 33) == OK
    assert lib.naca_store_append(store, data, 8) == ARGUMENT
    assert lib.naca_store_append(store, data, 7) == OK
    assert lib.naca_store_commit(store) == OK
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_read(store, 1, data, 40) == ARGUMENT
    assert lib.naca_store_read(store, 41, data, 0) == ARGUMENT
    assert lib.naca_store_read(store, 40, data, 0) == OK
    assert lib.naca_store_read(store, 0, data, 0xFFFFFFFF) == ARGUMENT
