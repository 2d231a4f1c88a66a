"""From the bytes of a table to its text."""

from __future__ import annotations

import codecs
from pathlib import Path

from edge_naca.file_kinds import LOOKED_AT, kind_of
from edge_naca.printable import HALF, printable
from edge_naca.tables.errors import failure

LARGEST = 1 << 30  # bytes of a file; larger data belongs into .npz

# The longer mark first: that of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def read_text(path: Path, encoding: str | None) -> tuple[str, str]:
    """Return a file's text and the name of its encoding.

    Parameters
    ----------
    encoding : a name that Python knows; None to find it: a byte order mark, UTF-16 and UTF-32
        without one by their zeros, UTF-8, else Windows-1252, of which Latin-1 is a part.

    Raises
    ------
    TableError
        If the file is too large, is of another kind (the message says which), is not in that
        encoding, or holds zeros or halves of characters, as text never does.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:  # a device without an end, perhaps, which has no size
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise failure(
            path,
            f"it is too large, {LARGEST >> 30} GiB are the most for a table of text: hand it over "
            "as .npz",
        )
    kind = kind_of(data[:LOOKED_AT])
    if kind is not None:
        raise failure(path, f"this is no table of text but {kind[0]}: {kind[1]}")
    if encoding is not None:
        try:
            codec = codecs.lookup(encoding).name
            if not codecs.lookup(codec)._is_text_encoding:
                raise LookupError
        except (LookupError, ValueError):
            raise failure(
                path,
                f"there is no encoding {encoding!r}: --encoding takes utf-8, utf-16, cp1252 and "
                "the like",
            ) from None
        if codec == "utf-8":
            codec = "utf-8-sig"  # whether there is a mark or not
        text = _decode(path, data, codec)
        name = encoding
    else:
        text, name = _find(path, data)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise failure(
            path,
            f"there is a zero byte, so this is no text in {name}: if it is text, --encoding has to "
            "say what it is (utf-16, perhaps), or it is damaged; if it is a program's own file, "
            "save it there as CSV",
            line,
        )
    half = HALF.search(text)  # which only some encodings can say
    if half is not None:
        raise failure(
            path,
            f"there is half of a character, {printable(half[0])}, which no file can hold: mend it, "
            f"or say another --encoding than {name}",
            text.count("\n", 0, half.start()) + 1,
        )
    return text, name


def _find(path: Path, data: bytes) -> tuple[str, str]:
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return _decode(path, data, codec), name
    title = _by_zeros(data[:LOOKED_AT])
    if title is not None:
        return _decode(path, data, title.lower().replace(" ", "-")), title
    try:
        return data.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        # Any byte is a character in Latin-1; those of Windows-1252 come where it has none.
        try:
            return data.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError:
            return data.decode("latin-1"), "Latin-1"


def _by_zeros(head: bytes) -> str | None:
    """Return which of UTF-16 and UTF-32 text without a mark is in, None if in neither.

    What tables are made of, digits and signs, has one byte in these that is not zero.
    """
    zeros = [head[place::4].count(0) for place in range(4)]
    quarter = len(head) // 4
    if quarter > 1:
        for title, low, upper in (("UTF-32 LE", 0, (2, 3)), ("UTF-32 BE", 3, (0, 1))):
            if zeros[low] * 2 < quarter and all(zeros[place] >= quarter for place in upper):
                return title
    for title, low, high in (("UTF-16 LE", 0, 1), ("UTF-16 BE", 1, 0)):
        # A letter of some scripts ends in a zero byte, too.
        few, many = zeros[low] + zeros[low + 2], zeros[high] + zeros[high + 2]
        if len(head) > 3 and many * 4 > len(head[high::2]) and few * 8 < many:
            return title
    return None


def _decode(path: Path, data: bytes, codec: str) -> str:
    try:
        return data.decode(codec)
    except UnicodeError as error:
        line = None
        if isinstance(error, UnicodeDecodeError) and not codec.startswith(("utf-16", "utf-32")):
            line = data.count(b"\n", 0, error.start) + 1
        raise failure(
            path,
            f"this is no text in {codec}: --encoding can say another one, as cp1252 or utf-16",
            line,
        ) from error
