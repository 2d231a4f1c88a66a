"""The store (firmware/store): whatever write the power is cut at, a whole block is found again."""

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

OK, EMPTY, TOO_LARGE, FLASH, ARGUMENT = 0, -1, -2, -3, -4
HEADER = 32


@dataclass(frozen=True)
class Geometry:
    size: int
    erase_size: int
    write_size: int


GEOMETRIES = {
    "two sectors": Geometry(2 * 4096, 4096, 4),
    "many pages": Geometry(16 * 256, 256, 16),
    "odd number of pages": Geometry(11 * 128, 128, 8),
    "EEPROM": Geometry(2048, 64, 1),
}


class Flash:
    """Flash that keeps its own rules, can be cut in the middle of an operation, and can fail."""

    def __init__(self, geometry: Geometry, seed: int = 0) -> None:
        self.geometry = geometry
        self.data = bytearray(np.random.default_rng(99).bytes(geometry.size))
        self.random = np.random.default_rng(seed)
        self.operations = 0
        self.cut_at: int | None = None
        self.on = True
        self.erased = [0] * (geometry.size // geometry.erase_size)
        self.failing: set[str] = set()
        self._keep = (
            ffi.callback("int(void *, uint32_t)", self._erase),
            ffi.callback("int(void *, uint32_t, const void *, uint32_t)", self._write),
            ffi.callback("int(void *, uint32_t, void *, uint32_t)", self._read),
        )
        self.flash = ffi.new(
            "naca_flash_t *",
            (ffi.NULL, geometry.size, geometry.erase_size, geometry.write_size, *self._keep),
        )

    def _change(self, at: int, new: bytes) -> int:
        """Put bytes there; if the power goes, some of them, then a few of any kind."""
        self.operations += 1
        if self.operations == self.cut_at:
            self.on = False
            done = int(self.random.integers(len(new) + 1))
            torn = self.random.bytes(int(self.random.integers(9)))[: len(new) - done]
            new = new[:done] + torn
        self.data[at : at + len(new)] = new
        return 0 if self.on else 5

    def _erase(self, user: Any, offset: int) -> int:
        assert offset % self.geometry.erase_size == 0
        assert 0 <= offset < self.geometry.size
        if not self.on or "erase" in self.failing:
            return 7
        self.erased[offset // self.geometry.erase_size] += 1
        return self._change(offset, b"\xff" * self.geometry.erase_size)

    def _write(self, user: Any, offset: int, data: Any, size: int) -> int:
        assert int(ffi.cast("uintptr_t", data)) % 4 == 0
        assert size > 0
        assert offset % self.geometry.write_size == size % self.geometry.write_size == 0
        assert set(self.data[offset : offset + size]) == {0xFF}, "this was not erased"
        new = bytes(ffi.buffer(data, size))
        if not self.on or "write" in self.failing:
            return 9
        if "lie" in self.failing:  # says that it did
            new = b"\0" + new[1:]
        return self._change(offset, new)

    def _read(self, user: Any, offset: int, data: Any, size: int) -> int:
        assert 0 <= offset <= offset + size <= self.geometry.size
        if not self.on or "read" in self.failing:
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


def largest(geometry: Geometry) -> int:
    sectors = geometry.size // geometry.erase_size
    return sectors // 2 * geometry.erase_size - HEADER


def test_what_was_saved_is_found_again(geometry: Geometry) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    assert store.status == EMPTY
    for number in range(40):
        saved = block(number, 1 + number * 37 % largest(geometry))
        assert store.save(saved, key=number) == OK
        assert store.load() == saved
        again = Store(flash)
        assert (again.status, again.load(), again.store.latest.key) == (OK, saved, number)
        assert again.store.generation == number + 1
        assert again.store.erases == sum(flash.erased)


def test_the_header_is_as_documented() -> None:
    flash = Flash(GEOMETRIES["many pages"])
    Store(flash).save(b"some bytes", key=0x1234)
    head = struct.pack("<4s6I", b"NSAV", 1, 1, 0x1234, 10, zlib.crc32(b"some bytes"), 0)
    assert flash.data[:HEADER] == head + struct.pack("<I", zlib.crc32(head))
    assert flash.data[HEADER:48] == b"some bytes" + b"\xff" * 6


def test_power_cut_at_every_write_of_fifty_saves(geometry: Geometry) -> None:
    """Torn erases and writes too; and what comes after a cut works again, and loses nothing."""
    size = min(150, largest(geometry))
    clean = Flash(geometry)
    old_ones = 0
    before: bytes | None = None
    for number in range(50):
        snapshot, start, new = bytes(clean.data), clean.operations, block(number, size)
        assert Store(clean).save(new) == OK
        for cut in range(1, clean.operations - start + 1):
            flash = Flash(geometry, seed=100 * number + cut)
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
    assert old_ones >= 50 * 3  # all but some of the cuts in the header, at least


def test_cuts_that_follow_each_other(geometry: Geometry) -> None:
    """Power that hardly ever lasts for a whole save, for long: what was saved last stays."""
    flash = Flash(geometry, seed=4)
    random = np.random.default_rng(4)
    last: bytes | None = None
    kept = 0
    for number in range(400):
        store = reopened(flash)
        assert store.load() == last
        flash.cut_at = flash.operations + int(random.integers(1, 9))
        new = block(number, int(random.integers(1, min(200, largest(geometry)))))
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
    at = store.store.latest.sector * geometry.erase_size
    for offset in range(HEADER + 50):
        flash.data[at + offset] ^= 0x10
        assert reopened(flash).load() == block(3, 50)
        flash.data[at + offset] ^= 0x10
    assert reopened(flash).load() == block(4, 50)


@given(st.binary(min_size=2048, max_size=2048))
def test_anything_in_the_flash_is_no_save(data: bytes) -> None:
    flash = Flash(GEOMETRIES["EEPROM"])
    flash.data[:] = data
    assert Store(flash).load() is None


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x80000000, 2048, 1025])
def test_a_header_of_impossible_size_is_none(size: int) -> None:
    flash = Flash(GEOMETRIES["EEPROM"])
    head = struct.pack("<4s6I", b"NSAV", 5, 1, 0, size, 0, 0)
    flash.data[:HEADER] = head + struct.pack("<I", zlib.crc32(head))
    assert Store(flash).status == EMPTY


def test_blocks_that_do_not_fit(geometry: Geometry) -> None:
    store = Store(Flash(geometry))
    assert store.save(bytes(largest(geometry))) == OK
    assert store.save(bytes(largest(geometry))) == OK
    for size in (largest(geometry) + 1, geometry.size, geometry.size + 1):
        assert store.save(bytes(size)) == TOO_LARGE
    assert lib.naca_store_begin(store.store, 0, 0xFFFFFFFF) == TOO_LARGE
    assert store.load() == bytes(largest(geometry))


@pytest.mark.parametrize("kind", ["erase", "write", "lie", "read"])
def test_failing_flash_is_told_and_counted(geometry: Geometry, kind: str) -> None:
    flash = Flash(geometry)
    store = Store(flash)
    assert store.save(b"good") == OK
    flash.failing = {kind}
    assert store.save(b"better, and long enough to tell them apart") == FLASH
    assert store.store.errors == 1
    flash.failing = set()
    assert store.load() == reopened(flash).load() == b"good"
    assert store.save(b"better") == OK
    assert reopened(flash).load() == b"better"


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
        Geometry(4096, 64, 32),
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
    assert lib.naca_store_begin(store, 0, 10) == ARGUMENT
    assert lib.naca_store_read(store, 0, ffi.NULL, 0) == EMPTY
    assert lib.naca_store_wear(store) == 0
    assert lib.naca_store_open(store, ffi.NULL) == ARGUMENT


def test_calls_out_of_order(geometry: Geometry) -> None:
    store = Store(Flash(geometry)).store
    data = ffi.new("uint32_t[16]")
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_append(store, data, 16) == ARGUMENT
    assert lib.naca_store_begin(store, 1, 40) == OK
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_append(store, data, 15) == ARGUMENT
    assert lib.naca_store_append(store, data, 48) == ARGUMENT
    assert lib.naca_store_append(store, data, 32) == OK
    assert lib.naca_store_append(store, data, 16) == ARGUMENT
    assert lib.naca_store_append(store, data, 8) == OK
    assert lib.naca_store_commit(store) == OK
    assert lib.naca_store_commit(store) == ARGUMENT
    assert lib.naca_store_read(store, 1, data, 40) == ARGUMENT
    assert lib.naca_store_read(store, 41, data, 0) == ARGUMENT
    assert lib.naca_store_read(store, 40, data, 0) == OK
    assert lib.naca_store_read(store, 0, data, 0xFFFFFFFF) == ARGUMENT
