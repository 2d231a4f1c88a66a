"""What a file is by its first bytes, where it is no table: people rename files, or take another."""

from __future__ import annotations

import codecs
from pathlib import Path

LOOKED_AT = 4096  # bytes

_CSV = "open it in the program that wrote it and save it as CSV"
_UNPACK = "unpack it first"
_FRAME = "read it with pandas and write it with to_csv(…, index=False)"
_NUMBERS = "it holds no table: take its numbers out and save them as CSV or .npz"

# Where in the file, which bytes, what it is, what to do. The longer of two that begin alike first.
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\3\4", "a ZIP archive", _UNPACK),
    (0, b"PK\5\6", "an empty ZIP archive", "name another file"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file of old Excel or Word (.xls)", _CSV),
    (0, b"\x1f\x8b", "a file packed with gzip (.gz)", _UNPACK),
    (4, b"1AY&SY", "a file packed with bzip2 (.bz2)", _UNPACK),
    (0, b"\xfd7zXZ\0", "a file packed with xz (.xz)", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a file packed with Zstandard (.zst)", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "a file packed with LZ4 (.lz4)", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"PAR1", "a Parquet file", _FRAME),
    (0, b"ARROW1", "a Feather or Arrow file", _FRAME),
    (0, b"\xff\xff\xff\xff\x10\0\0\0", "a stream of Arrow", _FRAME),
    (0, b"ORC", "an ORC file", _FRAME),
    (0, b"Obj\x01", "an Avro file", _FRAME),
    (0, b"SQLite format 3\0", "an SQLite database", "save the result of a query as CSV"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _NUMBERS),
    (0, b"CDF\x01", "a NetCDF file", _NUMBERS),
    (0, b"CDF\x02", "a NetCDF file", _NUMBERS),
    (0, b"MATLAB 5.0 MAT-file", "a file of MATLAB", "write it with writematrix in MATLAB, as CSV"),
    (0, b"RDX", "a file of R (.RData)", "write it with write.csv in R"),
    (0, b"<stata_dta>", "a file of Stata", _FRAME),
    (0, b"$FL2", "a file of SPSS", _CSV),
    (0, b"\x93NUMPY", "an array of numpy", "let its name end in .npy"),
    (0, b"\x80\x02", "a pickle of Python", _FRAME),
    (0, b"\x80\x03", "a pickle of Python", _FRAME),
    (0, b"\x80\x04", "a pickle of Python", _FRAME),
    (0, b"\x80\x05", "a pickle of Python", _FRAME),
    (0, b"NACA", "an image of edge-naca", "name data here, not an image"),
    (0, b"\x89PNG\r\n\x1a\n", "a picture (PNG)", _NUMBERS),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", _NUMBERS),
    (0, b"GIF8", "a picture (GIF)", _NUMBERS),
    (0, b"II*\0", "a picture (TIFF)", _NUMBERS),
    (0, b"MM\0*", "a picture (TIFF)", _NUMBERS),
    (8, b"WEBP", "a picture (WebP)", _NUMBERS),
    (8, b"WAVE", "a sound (WAV)", _NUMBERS),
    (0, b"OggS", "a sound (Ogg)", _NUMBERS),
    (0, b"ID3", "a sound (MP3)", _NUMBERS),
    (0, b"%PDF-", "a PDF document", "copy its table into a spreadsheet and save that as CSV"),
    (0, b"{\\rtf", "a document (RTF)", "copy its table into a spreadsheet and save that as CSV"),
    (0, b"\x7fELF", "a program", "name the data"),
)

# What the first file of a ZIP archive is called, or holds, tells what wrote the archive.
_ZIPS: tuple[tuple[bytes, str, str], ...] = (
    (b"mimetypeapplication/vnd.oasis.opendocument", "a file of LibreOffice (.ods)", _CSV),
    (b"xl/", "an Excel file (.xlsx)", _CSV),
    (b"[Content_Types].xml", "a file of Excel, or of Word (.xlsx)", _CSV),
    (b".npy", "arrays of numpy", "let its name end in .npz"),
)

_TEXTS = (b"<!doctype html", b"<html")


def kind_of(head: bytes) -> tuple[str, str] | None:
    """Return what a file is that is no table, and what to do; None if it may be one.

    Parameters
    ----------
    head : its first bytes, `LOOKED_AT` of them.
    """
    for place, mark, title, advice in _MARKS:
        # A name of a column may be the same few letters; no text holds a zero byte.
        is_word = mark.isalnum() or place > 0
        if head[place:].startswith(mark) and not (is_word and 0 not in head):
            return _zip(head) if mark == b"PK\3\4" else (title, advice)
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith(_TEXTS):
        return "a page of the web (HTML)", "download the data themselves"
    return None


def _zip(head: bytes) -> tuple[str, str]:
    first = head[30:]  # before its name there are 30 bytes
    for mark, title, advice in _ZIPS:
        if mark in first:
            return title, advice
    return "a ZIP archive", _UNPACK


def told(path: Path) -> str:
    """Return what is to be added to a complaint about a file: what it is, if that is known."""
    with path.open("rb") as file:
        kind = kind_of(file.read(LOOKED_AT))
    return "" if kind is None else f": this is {kind[0]}; {kind[1]}"
