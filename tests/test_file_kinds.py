"""Files that are no tables are called by their names, and text by its encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from commands import failed

from edge_naca import data
from edge_naca.tables.errors import TableError
from edge_naca.tables.read import TableOptions, read_table

PLAIN = "a,b,state\n1.5,2,walk\n2.5,4,run\n3.5,6,walk\n"


def zipped(*names: str) -> bytes:
    """Return an archive whose files hold a table."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, PLAIN)
    return file.getvalue()


def stored(name: str, text: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, text)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("t.csv"), io.BytesIO())
    return file.getvalue()


def arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, x=np.zeros((3, 2)))
    return file.getvalue()


def array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((3, 2)))
    return file.getvalue()


def hdf5() -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as content:
        content["x"] = np.zeros(3)
    return file.getvalue()


# What writes a file, what it is called, and what is to be done.
OTHERS: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "office": (lambda: zipped("[Content_Types].xml"), "a file of Excel, or of Word", "save it as"),
    "xlsx": (lambda: zipped("[Content_Types].xml", "xl/a.xml"), "an Excel file", "save it"),
    "ods": (lambda: stored("mimetype", "application/vnd.oasis.opendocument"), "LibreOffice", "CSV"),
    "xls": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "old Excel", "save it as"),
    "zip": (lambda: zipped("t.csv"), "a ZIP archive", "unpack it first"),
    "npz": (arrays, "arrays of numpy", "end in .npz"),
    "npy": (array, "an array of numpy", "end in .npy"),
    "gz": (lambda: gzip.compress(PLAIN.encode()), r"gzip \(.gz\)", "unpack it first"),
    "bz2": (lambda: bz2.compress(PLAIN.encode()), "bzip2", "unpack it first"),
    "xz": (lambda: lzma.compress(PLAIN.encode()), "packed with xz", "unpack it first"),
    "tar": (tarred, "a tar archive", "unpack it first"),
    "sqlite": (lambda: b"SQLite format 3\0" + bytes(84), "an SQLite database", "query as CSV"),
    "hdf5": (hdf5, "an HDF5 file", "take its numbers out"),
    "parquet": (lambda: b"PAR1\x15\x04\0\0" + bytes(60), "a Parquet file", "pandas.*to_csv"),
    "feather": (lambda: b"ARROW1\0\0" + bytes(60), "a Feather or Arrow file", "to_csv"),
    "pickle": (lambda: pickle.dumps([1.5]), "a pickle of Python", "to_csv"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", r"a picture \(PNG\)", "holds no table"),
    "jpeg": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0", r"a picture \(JPEG\)", "holds no table"),
    "wav": (lambda: b"RIFF\x24\0\0\0WAVEfmt ", r"a sound \(WAV\)", "holds no table"),
    "pdf": (lambda: b"%PDF-1.7\n%abc\n", "a PDF document", "spreadsheet"),
    "html": (lambda: b"\n<!DOCTYPE html><html><p>1,2</p>", "web", "download the data"),
    "naca": (lambda: b"NACA\1\0\0\0", "an image of edge-naca", "name data"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("encoding", [None, "latin-1"])
def test_a_file_that_is_no_table_is_called_by_its_name(
    tmp_path: Path, name: str, encoding: str | None
) -> None:
    content, title, advice = OTHERS[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content())
    with pytest.raises(TableError, match=f"this is no table of text but .*({title}).*({advice})"):
        read_table(path, options=TableOptions(encoding=encoding))


@pytest.mark.parametrize("name", ["xlsx", "gz", "parquet"])
def test_other_endings_are_told_the_same(tmp_path: Path, name: str) -> None:
    content, title, advice = OTHERS[name]
    for ending in (name, "npz", "npy"):
        path = tmp_path / f"t.{ending}"
        path.write_bytes(content())
        labels = path if ending == "npy" else None
        with pytest.raises(data.DataError, match=f"this is .*{title}.*{advice}"):
            data.read(path, labels)


def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(PLAIN.encode()))
    assert "unpack it first" in failed(1, "train", path, "-o", tmp_path / "o.naca")


@pytest.mark.parametrize(
    "word", ["ORC", "PAR1", "RDX", "NACA", "GIF8", "ID3", "OggS", "BZh", "II*"]
)
def test_names_of_columns_are_no_marks(tmp_path: Path, word: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(PLAIN.replace("a,", f"{word},", 1))
    assert read_table(path).columns[0] == word


CHINESE = "一,二,类\n1.5,2,走\n2.5,4,跑\n3.5,6,走\n"
CYRILLIC = "длина,ширина,класс\n1.5,2,Ѐ\n2.5,4,бег\n3.5,6,Ѐ\n"


@pytest.mark.parametrize("text", [PLAIN, CHINESE, CYRILLIC], ids=["latin", "chinese", "cyrillic"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_needs_no_mark(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    table = read_table(path)
    assert table.columns == tuple(text.split("\n")[0].split(",")[:2])
    assert f"text in {encoding.upper()[:6]} {encoding[-2:].upper()}" in table.description
    assert table.samples.tolist() == [[1.5, 2], [2.5, 4], [3.5, 6]]


def test_what_is_left_says_which_encoding_to_try(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(PLAIN.encode() + b"\0\0")
    with pytest.raises(TableError, match=r"a zero byte.*--encoding .*utf-16.*save it there as CSV"):
        read_table(path)
