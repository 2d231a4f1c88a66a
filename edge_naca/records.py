"""Records: fields of bytes that are packed, unpacked and checked by name.

A table of fields is all there is to write down for a record. Fields bear the names that the
document and the C structs give them; `attribute` says what a description in Python calls the same
number. `edge_naca.image_records` has the tables of the image, `edge_naca.host.messages` those of
the link.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from edge_naca.limits import choice, whole

# Letters of `struct`, which numpy knows as well.
_LETTERS = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "char": "s"}
_LETTERS |= {f"u{kind[1:]}": letter.upper() for kind, letter in _LETTERS.items() if kind[0] == "i"}


@dataclass(frozen=True)
class Field:
    """A field of a record.

    Parameters
    ----------
    name : as in the document and in C.
    type : as in the document: "u8", "i32", "u16[2]", "char[4]".
    low, high : what it may hold; by default what its type can.
    options : names of the numbers from `first` on, if it stands for a choice. None is written as 0.
    flags : names of its bits from the lowest on, if it stands for a set of names.
    attribute : of the description that it is taken from, by default `name`.
    is_count : the attribute is a tuple or an array, the field holds its length.
    is_derived : the attribute follows from others; a description is not made from it.
    is_nullable : the attribute may be None.
    """

    name: str
    type: str
    low: int | None = None
    high: int | None = None
    _: KW_ONLY
    options: tuple[str, ...] = ()
    first: int = 0
    flags: tuple[str, ...] = ()
    attribute: str = ""
    is_count: bool = False
    is_derived: bool = False
    is_nullable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", self.attribute or self.name)

    @property
    def count(self) -> int:
        """How many numbers or bytes it holds."""
        size = re.search(r"\[(\d+)\]", self.type)
        return int(size[1]) if size else 1

    @property
    def is_array(self) -> bool:
        """Whether it holds several numbers."""
        return self.type.endswith("]") and not self.is_text

    @property
    def is_text(self) -> bool:
        """Whether it holds bytes of text."""
        return self.type.startswith("char")

    @property
    def layout(self) -> str:
        """What it is for `struct`."""
        return f"{self.count}{_LETTERS[self.type.partition('[')[0]]}"

    @property
    def dtype(self) -> np.dtype[Any]:
        """What it is for numpy: little-endian, a subarray if there are several, void for text."""
        if self.is_text:
            return np.dtype(f"V{self.count}")
        number = np.dtype(f"<{self.layout[-1]}")
        return np.dtype((number, self.count)) if self.is_array else number

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest number that it may hold."""
        if self.options:
            return 0, self.first + len(self.options) - 1
        if self.flags:
            return 0, (1 << len(self.flags)) - 1
        info = np.iinfo(self.dtype.base)
        low, high = (info.min, info.max)
        return (low if self.low is None else self.low, high if self.high is None else self.high)

    def check(self, value: Any, high: int | None = None, name: str = "") -> None:
        """Raise if `value` is not what the field may hold; the message calls it `name`.

        Parameters
        ----------
        value : a number, or the name of an option.
        high : the largest number, where something else than the table limits it further.

        Raises
        ------
        TypeError, ValueError
        """
        name = name or self.attribute
        if self.options:
            choice(name, value, self.options)
        elif value is not None or not self.is_nullable:
            low, most = self.range
            whole(name, value, low, most if high is None else high)

    def number(self, value: Any) -> Any:
        """Return what is written for `value`."""
        if value is None:
            return 0
        if self.options:
            return self.first + self.options.index(value)
        if self.flags:
            return sum(1 << self.flags.index(name) for name in value)
        return value

    def value(self, number: Any) -> Any:
        """Undo `number`."""
        if self.options:
            whole(self.name, number, *self.range)
            return None if number < self.first else self.options[number - self.first]
        if self.flags:
            return {name for bit, name in enumerate(self.flags) if number >> bit & 1}
        return number


class Record:
    """Fields one after another, little-endian and without gaps.

    Parameters
    ----------
    fields : the table.

    Attributes
    ----------
    size : in bytes.
    dtype : of arrays of such records.
    """

    def __init__(self, *fields: Field) -> None:
        self.fields = {field.name: field for field in fields}
        self.dtype = np.dtype([(field.name, field.dtype) for field in fields])
        self._struct = struct.Struct("<" + "".join(field.layout for field in fields))
        self.size = self._struct.size
        assert self.size == self.dtype.itemsize
        # Where each field lies among what `struct` returns: one place, or several.
        self._places: list[tuple[Field, int | slice]] = []
        self._packers: dict[str, tuple[int, struct.Struct]] = {}
        at = 0
        for field in fields:
            end = at + (field.count if field.is_array else 1)
            self._places.append((field, slice(at, end) if field.is_array else at))
            self._packers[field.name] = self.offset(field.name), struct.Struct(f"<{field.layout}")
            at = end

    def __getitem__(self, name: str) -> Field:
        """Return the field of that name."""
        return self.fields[name]

    def offset(self, name: str) -> int:
        """Return at which byte a field begins."""
        assert self.dtype.fields is not None
        return int(self.dtype.fields[name][1])

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """Write a record.

        Parameters
        ----------
        values : by field, as `unpack` returns them; what is not there is 0.

        Raises
        ------
        KeyError
            If there is no such field.
        OverflowError
            If a number does not fit into its type; the message names the field.
        """
        record = bytearray(self.size)
        for name, value in values.items():
            field = self[name]
            number = field.number(value)
            at, packer = self._packers[name]
            try:
                packer.pack_into(record, at, *(number if field.is_array else (number,)))
            except struct.error as error:
                raise OverflowError(f"{name} cannot be {value!r}: {error}") from error
        return bytes(record)

    def unpack(self, data: bytes | bytearray, at: int = 0) -> dict[str, Any]:
        """Read a record that begins at byte `at`.

        Returns
        -------
        Values by field: the name of an option (None below the first), the set of the names of
        flags, bytes of text, a tuple of several numbers, or a number. Numbers may be out of range:
        descriptions are checked when they are made.

        Raises
        ------
        ValueError
            If bytes are missing, or a number stands for no option.
        """
        if len(data) - at < self.size:
            raise ValueError(f"a record has {self.size} bytes, but {len(data) - at} are there")
        numbers = self._struct.unpack_from(data, at)
        return {field.name: field.value(numbers[place]) for field, place in self._places}


def _attributes(fields: Iterable[Field]) -> Iterable[Field]:
    """Return the fields that are one attribute: flags are several, what is reserved is none."""
    return (field for field in fields if not field.flags and field.name != "reserved")


def values_of(fields: Iterable[Field], description: object) -> dict[str, Any]:
    """Return what to pack for each field that is an attribute of `description`."""
    result = {}
    for field in _attributes(fields):
        value = attrgetter(field.attribute)(description)
        result[field.name] = len(value) if field.is_count else value
    return result


def arguments(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes from what was unpacked: those that do not follow from others."""
    return {
        field.attribute: values[field.name]
        for field in _attributes(fields)
        if not field.is_count and not field.is_derived
    }


def check(fields: Iterable[Field], description: object, **limits: tuple[int, int]) -> None:
    """Check the attributes of a description that fields stand for, in the table's order.

    Parameters
    ----------
    limits : smallest and largest number of fields that something else limits further.

    Raises
    ------
    TypeError, ValueError
        If one is not what its field may hold; the message names it.
    """
    for field in _attributes(fields):
        value = attrgetter(field.attribute)(description)
        if field.is_count:
            field.check(len(value), name=f"the number of {field.attribute}")
        elif field.name in limits:
            whole(field.attribute, value, *limits[field.name])
        else:
            field.check(value)
