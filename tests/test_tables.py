"""Tables as people have them: each is read rightly and says how, or is refused with the place."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_naca import data, tables
from edge_naca.tables.errors import TableError, TableWarning
from edge_naca.tables.read import Table, TableOptions, read_table

X = [[1.5, 2], [2.5, 4], [3.5, 6]]
Y = ["walk", "run", "walk"]
PLAIN = "a,b,state\n1.5,2,walk\n2.5,4,run\n3.5,6,walk\n"


def write(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def options(settings: dict[str, Any]) -> tuple[str | None, TableOptions]:
    settings = dict(settings)
    return settings.pop("label_column", None), TableOptions(**settings)


def read(folder: Path, content: str | bytes, name: str = "t.csv", **settings: Any) -> Table:
    label, how = options(settings)
    return read_table(write(folder, content, name), label, how)


# ---- the same table, written in many ways ------------------------------------------------------

GERMAN = "a;größe;state\n1,5;2;walk\n2,5;4;run\n3,5;6;walk\n"

SAME: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "comma": (PLAIN, {},
                    r"read 3 columns separated by ',', header in line 1, label column 'state'$"),
    "semicolon": (PLAIN.replace(",", ";"), {}, "separated by ';', header in line 1"),
    "tab": (PLAIN.replace(",", "\t"), {}, "separated by tabs"),
    "pipe": (PLAIN.replace(",", "|"), {}, r"separated by '\|'"),
    "space": (PLAIN.replace(",", " "), {}, "separated by spaces"),
    "aligned": (PLAIN.replace(",", "   ").replace("\n", "  \n "), {}, "separated by spaces"),
    "decimal-comma": (
        PLAIN.replace(",", ";").replace(".", ","),
        {},
        "separated by ';', .*decimal comma$",
    ),
    "decimal-comma-and-tabs": (PLAIN.replace(",", "\t").replace(".", ","), {}, "tabs.*comma$"),
    "quoted-decimal-comma": (
        'a,b,state\n"1,5",2,walk\n"2,5",4,run\n"3,5",6,walk\n',
        {"decimal": ","},
        "decimal comma$",
    ),
    "spreadsheet": ("sep=;\r\n" + PLAIN.replace(",", ";"), {}, "';', header in line 2"),
    "comments": ("# kitchen, May\n\n#\n" + PLAIN + "# the end\n", {}, "header in line 4"),
    "comment-between": (PLAIN.replace("2.5", "# one, more\n2.5"), {}, "header in line 1"),
    "no-header": (PLAIN.partition("\n")[2], {}, "no header, label column 'column 3'"),
    "no-header-said": (PLAIN.partition("\n")[2], {"header": False}, "no header"),
    "header-said": (PLAIN, {"header": True}, "header in line 1"),
    "spaces": (PLAIN.replace(",", " ,  ").replace("walk\n", "walk  \n"), {},
                    "label column 'state'"),
    "quotes": ('"a","b","state"\n"1.5","2","walk"\n2.5,4,"run"\n3.5,6,walk\n', {}, "','"),
    "crlf": (PLAIN.replace("\n", "\r\n"), {}, "header in line 1"),
    "cr": (PLAIN.replace("\n", "\r"), {}, "header in line 1"),
    "no-end": (PLAIN.rstrip(), {}, "read 3"),
    "trailing-delimiters": (PLAIN.replace("\n", ",\n"), {}, "read 3 columns"),
    "trailing-delimiters-below": (PLAIN.replace("walk\n", "walk,\n").replace("run\n", "run,\n"), {},
                                  "read 3 columns"),
    "bom": (PLAIN.encode("utf-8-sig"), {}, "label column 'state'$"),
    "utf-16": (PLAIN.encode("utf-16"), {}, "text in UTF-16$"),
    "utf-16-be": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), {}, "text in UTF-16$"),
    "utf-16-no-mark": (PLAIN.encode("utf-16-le"), {}, "text in UTF-16 LE$"),
    "utf-16-be-no-mark": (PLAIN.encode("utf-16-be"), {}, "text in UTF-16 BE$"),
    "utf-32": (PLAIN.encode("utf-32"), {}, "text in UTF-32$"),
    "latin-1": (GERMAN.encode("latin-1"), {}, "text in Windows-1252$"),
    "latin-1-said": (GERMAN.encode("latin-1"), {"encoding": "latin-1"}, "decimal comma$"),
    "mac": (GERMAN.encode("mac-roman"), {"encoding": "mac-roman"}, "decimal comma$"),
    "unnamed-index": (
        ",a,b,state\n0,1.5,2,walk\n1,2.5,4,run\n2,3.5,6,walk\n",
        {},
        "read 4 columns .* without 'column 1', which has no name and numbers rows",
    ),
    "pandas-index": (
        "Unnamed: 0,a,b,state\n7,1.5,2,walk\n3,2.5,4,run\n5,3.5,6,walk\n",
        {},
        "without 'column 1'",
    ),
    "r-row-names": (
        '"a" "b" "state"\n"1" 1.5 2 "walk"\n"2" 2.5 4 "run"\n"3" 3.5 6 "walk"\n',
        {},
        "read 4 columns separated by spaces.*without 'column 1'",
    ),
    "r-row-numbers": (
        "a,b,state\n1,1.5,2,walk\n2,2.5,4,run\n4,3.5,6,walk\n",
        {},
        "read 4 columns.*without 'column 1'",
    ),
    "r-row-words": (
        "a,b,state\nx1,1.5,2,walk\nx2,2.5,4,run\nx3,3.5,6,walk\n",
        {},
        "read 4 columns.*without 'column 1'",
    ),
    "label-first": (
        "state,a,b\nwalk,1.5,2\nrun,2.5,4\nwalk,3.5,6\n",
        {"label_column": "state"},
        "label column 'state'",
    ),
    "label-by-number": (
        "walk,1.5,2\nrun,2.5,4\nwalk,3.5,6\n",
        {"label_column": "1"},
        "label column 'column 1'",
    ),
    "drop": (
        "time,a,b,state\n12:00,1.5,2,walk\n12:01,2.5,4,run\n12:02,3.5,6,walk\n",
        {"drop": ("time",)},
        "read 4 columns",
    ),
    "columns": (
        "b,x,a,state\n2,?,1.5,walk\n4,?,2.5,run\n6,?,3.5,walk\n",
        {"columns": ("a", "1")},
        "read 4 columns",
    ),
    "exponents": ("a,b,state\n15e-1,+2,walk\n.25E1,4.,run\n3.5,6.0,walk\n", {}, "','"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_table_is_the_same_however_it_is_written(tmp_path: Path, name: str) -> None:
    content, settings, told = SAME[name]
    table = read(tmp_path, content, **settings)
    assert table.samples.tolist() == X
    assert table.labels.tolist() == Y
    assert len(table.columns) == 2
    assert re.search(told, table.description), table.description
    assert table.description.startswith(f"{tmp_path / 't.csv'}: read ")


@pytest.mark.parametrize("name", ["T.CSV", "t.tsv", "t.Txt", "t.tab", "t.dat", "t.data"])
def test_endings_and_capitals(tmp_path: Path, name: str) -> None:
    dataset = data.read(write(tmp_path, PLAIN, name), test_fraction=0)
    assert dataset.classes == ("run", "walk")
    assert dataset.columns == ("a", "b")
    assert "header in line 1" in dataset.description


def test_layouts_are_found(tmp_path: Path) -> None:
    """Every mixture of delimiter, decimal sign, kind of number and label, with a header or not."""
    rng = random.Random(1)
    labels = {
        "word": ["walk", "run", "sit"],
        "spaces": ["up stairs", "down stairs", "sit"],
        "integer": ["0", "1", "2"],
    }
    layouts = [(d, ".") for d in ",;\t| "] + [(";", ","), ("\t", ",")]
    wrong = []
    for (delimiter, decimal), kind, names, header, rows, width in itertools.product(
        layouts, ("integer", "real", "scientific"), labels, (True, False), (3, 40), (1, 6)
    ):
        form = {"integer": "{:.0f}", "real": "{:.3f}", "scientific": "{:.2e}"}[kind]
        numbers = [[rng.gauss(3, 20) for _ in range(width)] for _ in range(rows)]
        cells = [[form.format(x).replace(".", decimal) for x in row] for row in numbers]
        y = [rng.choice(labels[names]) for _ in range(rows)]
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter)
        if header:
            writer.writerow([*(f"sensor {at}" for at in range(width)), "state"])
        writer.writerows([*row, label] for row, label in zip(cells, y, strict=True))
        table = read(tmp_path, text.getvalue())
        expected = [[float(form.format(x)) for x in row] for row in numbers]
        if (
            table.samples.tolist() != expected
            or [str(label) for label in table.labels] != y
            or (table.label_column == "state") != header
        ):
            wrong.append((delimiter, decimal, kind, names, header, rows, width))
    assert not wrong


# ---- names and labels --------------------------------------------------------------------------


def test_names_that_look_the_same_are_the_same(tmp_path: Path) -> None:
    names = ("up stairs", " up stairs ", "up  stairs", "up\u00a0stairs", "Cafe\u0301", "Café")
    text = "x,state\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names))
    assert set(read(tmp_path, text).labels) == {"up stairs", "Café"}
    x, y = np.arange(4)[:, None], np.array(["a b", "a b ", " a  b", "c"])
    np.savez(tmp_path / "n.npz", x=x, y=y)
    assert data.read(tmp_path / "n.npz", test_fraction=0).classes == ("a b", "c")


def test_whole_labels_are_integers(tmp_path: Path) -> None:
    assert read(tmp_path, "x,y\n1,10\n2,9\n").labels.tolist() == [10, 9]
    assert read(tmp_path, "x,y\n1,10.0\n2,9.0\n").labels.tolist() == [10, 9]
    assert read(tmp_path, "x;y\n1,5;10,0\n2;9,0\n").labels.tolist() == [10, 9]
    assert read(tmp_path, "x,y\n1,010\n2,9\n").labels.tolist() == ["010", "9"]
    assert read(tmp_path, "x,y\n1,10\n2,none\n").labels.tolist() == ["10", "none"]
    np.savez(tmp_path / "n.npz", x=np.arange(4)[:, None], y=[1.0, 2.0, 1.0, 2.0])
    assert data.read(tmp_path / "n.npz", test_fraction=0).classes == ("1", "2")


def test_columns_that_only_count_are_a_header(tmp_path: Path) -> None:
    table = read(tmp_path, "0,1,label\n5,6,walk\n7,9,run\n")
    assert table.columns == ("0", "1")
    assert read(tmp_path, "0,1,walk\n5,6,walk\n7,9,run\n").samples.shape == (3, 2)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            "time,x,y\n" + "".join(f"{n / 8},{n % 3},{n % 2}\n" for n in range(12)),
            "'time'.*only rises",
        ),
        ("q,x,y\n" + "".join(f"{n * n},{n % 3},{n % 2}\n" for n in range(12)), "'q'.*--drop 'q'"),
        ("x,sample_id,y\n1,7,0\n2,3,1\n", "'sample_id'.*bears the name"),
        ("".join(f"{n},{n % 3},{n % 2}\n" for n in range(12)), "'column 1'.*only rises"),
    ],
)
def test_columns_of_time_and_order_are_warned_of(tmp_path: Path, text: str, warning: str) -> None:
    with pytest.warns(TableWarning, match=warning):
        data.read(write(tmp_path, text), test_fraction=0)
    assert not read(tmp_path, text, columns=("1", "2")).warnings


# ---- what is refused ---------------------------------------------------------------------------

REFUSED: dict[str, tuple[str | bytes, dict[str, Any], str]] = {
    "empty": ("", {}, "no line with numbers"),
    "comments-only": ("# a\n# b\n", {}, "no line with numbers"),
    "header-only": ("a,b\n", {}, "line 1: there is one line only.*--no-header"),
    "one-column": ("kind\n1\n2\n", {}, "line 1: .*no column to learn from.*--delimiter"),
    "doubled": ("a,b, a ,y\n1,2,3,0\n", {},
                    "line 1, column 'a': columns 1 and 3 bear the same name"),
    "text": (PLAIN.replace("2.5", "fast"), {},
                    "line 3, column 'a': 'fast' is no number.*--drop 'a'"),
    "nan": (PLAIN.replace("2.5", "NaN"), {}, "line 3, column 'a': the cell says 'NaN'.*--drop 'a'"),
    "inf": (PLAIN.replace("2.5", "-inf"), {}, "line 3, column 'a': the cell says '-inf'"),
    "missing": (PLAIN.replace("2.5", ""), {}, "line 3, column 'a': the cell is empty"),
    "question": (PLAIN.replace("2.5", "?"), {}, "line 3, column 'a': the cell says '?'"),
    "question-in-first": ("?,2,0\n1,2,1\n", {}, "line 1, column 'column 1': the cell says '?'"),
    "thousands": (PLAIN.replace("2.5", '"2,500"'), {}, "line 3, column 'a': '2,500'.*--decimal"),
    "mixed-decimals": ("a;y\n1,5;0\n2.5;1\n", {}, "line 3, column 'a': '2.5'.*--decimal"),
    "underscore": (PLAIN.replace("2.5", "2_5"), {}, "line 3, column 'a': '2_5' is no number"),
    "hex": (PLAIN.replace("2.5", "0x1F"), {}, "line 3, column 'a'"),
    "huge": (PLAIN.replace("2.5", "1e999"), {}, "line 3, column 'a': '1e999' is too large"),
    "date": ("when,x,y\n2024-05-01 12:00,1,0\n2024-05-02 12:00,2,1\n", {},
             "line 2, column 'when': .*looks like a time: --drop 'when'"),
    "label-first": ("state,a,b\nwalk,1,2\nrun,2,4\n", {},
                    "line 2, column 'state': 'walk' is no number.*--label-column 'state'"),
    "label-elsewhere": ("label,a,b\n0,1,2\n1,2,4\n", {}, "line 1: .*--label-column 'label'"),
    "regression": ("a,y\n1,0.37\n2,1.5\n", {},
                    "line 2, column 'y': .*'0.37' is a real number.*--label-col"),
    "regression-comma": ("a;y\n1;0,37\n2;1,5\n", {}, "line 2, column 'y': .*'0,37' is a real"),
    "no-label": (PLAIN.replace("run", " "), {}, "line 3, column 'state': the label is empty"),
    "nan-label": (PLAIN.replace("run", "NaN"), {}, "line 3, column 'state': the label says 'NaN'"),
    "ragged": (PLAIN.replace("4,run", "run"), {},
                    "line 3: 2 values where the header in line 1 has 3"),
    "ragged-more": (PLAIN.replace("4,run", "4,run,5"), {}, "line 3: 4 values"),
    "ragged-after-comment": ("#\n\n" + PLAIN.replace("4,run", "run"), {}, "line 5: 2 values"),
    "open-quote": (PLAIN.replace("2.5,4,run", '2.5,4,"run'), {}, "line 3: a quote is opened"),
    "open-quote-number": (PLAIN.replace("2.5", '"2.5'), {}, "line 3: a quote is opened"),
    "open-quote-header": ('"' + PLAIN, {}, "line 1: a quote is opened.*closed nowhere"),
    "open-quote-last": (PLAIN + '4.5,8,"run\n', {}, "line 5: a quote is opened"),
    "open-quote-last-number": (PLAIN + '"4.5,8,run\n', {}, "line 5: a quote is opened"),
    "open-quote-no-end": (PLAIN + '4.5,8,"run', {}, "line 5: a quote is opened"),
    "open-quote-late": ("x,y\n" + "1,a\n2,b\n" * 600 + '3,"a\n', {},
                    "line 1202: a quote is opened"),
    "quote-over-lines": (PLAIN.replace("run", '"run').replace("3.5,6,walk", '3.5",6,walk'), {},
                    "line 3: 5 values|quote missing|label says"),
    "decimal-comma-and-commas": ("a,state\n12,5,walk\n13,7,run\n7,25,walk\n", {},
                    "line 2: 3 values where the header in line 1 has 2.*decimal comma"),
    "decimal-comma-and-commas-below-0": ("a,state\n-12,5,walk\n13,7,run\n", {}, "line 2: 3 values"),
    "decimal-comma-in-one": ("a,b,state\n1,5,2,walk\n2,5,4.5,run\n", {}, "line 2: 4 values"),
    "no-name-for-a-column": ("a b state\n1 5 2 walk\n1 5 4 run\n", {},
                    "line 2: 4 values where the header in line 1 has 3"),
    "labels-3000": ("x,id\n" + "".join(f"{n % 7},{n}\n" for n in range(3000)), {},
                    "column 'id': 3000 different labels in 3000 samples, 1024 are.*--label-c"),
    "zero-byte": ("a,y\n1,0\n2,\x001\n", {}, "line 3: there is a zero byte.*--encoding"),
    "binary": (bytes(range(256)) * 8, {}, "zero byte"),
    "not-utf-8": (GERMAN.encode("latin-1"), {"encoding": "utf-8"},
                    "line 1: this is no text in utf-8"),
    "odd-utf-16": (PLAIN.encode("utf-16") + b"x", {}, "no text in utf-16"),
    "encoding": (PLAIN, {"encoding": "klingon"}, "no encoding 'klingon'"),
    "encoding-of-bytes": (PLAIN, {"encoding": "base64"}, "no encoding 'base64'"),
    "delimiter": (PLAIN, {"delimiter": "ab"}, "--delimiter is one sign"),
    "delimiter-wrong": (PLAIN, {"delimiter": ";"}, "no column to learn from.*--delimiter"),
    "decimal": (PLAIN, {"decimal": ":"}, "--decimal is"),
    "column": (PLAIN, {"label_column": "stat"},
                    "--label-column: there is no column 'stat'; did you mean 'state'"),
    "drop": (PLAIN, {"drop": ("q",)}, "--drop: there is no column 'q'; it has 'a', 'b', 'state'"),
    "drop-label": (PLAIN, {"drop": ("state",)}, "to be left out, but holds the labels"),
    "drop-all": (PLAIN, {"drop": ("a", "b")}, "no column to learn from"),
    "columns-label": (PLAIN, {"columns": ("a", "state")}, "--columns: 'state' holds the labels"),
    "columns-twice": (PLAIN, {"columns": ("a", "1")}, "--columns names a column twice"),
    "number": (PLAIN, {"label_column": "4"}, "there is no column '4'"),
    "name-control": ("a\x1b[2J,y\n1,0\n", {}, r"line 1, column 'a\\u001b\[2J': the name holds"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    content, settings, message = REFUSED[name]
    with pytest.raises(TableError, match=f"(?s){message}") as caught:
        read(tmp_path, content, **settings)
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
    label, how = options(settings)
    with pytest.raises(data.DataError):
        data.read(tmp_path / "t.csv", label_column=label, table=how)


@pytest.mark.parametrize("bad", ["\x00", "\x1b", "\x07", "\x9b", "\u202e", "\u200b"])
def test_classes_that_cannot_be_shown_are_refused(tmp_path: Path, bad: str) -> None:
    np.savez(tmp_path / "n.npz", x=np.arange(4)[:, None], y=["a", "b", f"a{bad}c", "b"])
    with pytest.raises(
        data.DataError, match=rf"class name 'a.*' holds the character U\+{ord(bad):04X}"
    ):
        data.read(tmp_path / "n.npz", test_fraction=0)
    if bad != "\x00":
        with pytest.raises(data.DataError, match=r"holds the character U\+"):
            data.read(write(tmp_path, f"x,y\n1,a{bad}c\n2,b\n"), test_fraction=0)


def test_names_of_all_languages_are_welcome(tmp_path: Path) -> None:
    names = ["می\u200cخواهم", "走る", "👩\u200d🔬", "Grün & Blau"]
    table = "x,y\n" + "".join(f"{n},{name}\n" for n, name in enumerate(names))
    assert set(data.read(write(tmp_path, table), test_fraction=0).classes) == set(names)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,0\n", "there is one sample only.*--test-fraction 0"),
        (
            "x,y\n" + "".join(f"{-n},{n}\n" for n in range(20)),
            "each of the 20 samples has a label of",
        ),
        ("x,y\n1,0\n2,0\n3,1\n4,1\n", "of 2 classes the largest has 2.*rounds to none"),
    ],
)
def test_too_few_samples_are_told_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(data.DataError, match=message):
        data.read(write(tmp_path, text))
    data.read(write(tmp_path, text), test_fraction=0)


def test_rows_that_are_counted_need_no_name(tmp_path: Path) -> None:
    """Between commas whole numbers may be halves of one, unless they count from 1."""
    text = "a,b,state\n" + "".join(f"{n},{n % 3},{n % 2},{'ab'[n % 2]}\n" for n in range(1, 13))
    assert read(tmp_path, text).columns == ("a", "b")
    with pytest.raises(TableError, match="line 2: 4 values"):
        read(tmp_path, text.replace("\n12,", "\n13,"))


def test_a_file_without_an_end_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables.text, "LARGEST", 1 << 16)
    (tmp_path / "t.csv").symlink_to("/dev/zero")
    with pytest.raises(TableError, match="too large"):
        read_table(tmp_path / "t.csv")


def test_a_large_table_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.text, "LARGEST", 20)
    with pytest.raises(TableError, match="too large"):
        read(tmp_path, PLAIN)


# ---- remarks, thousands, headers of numbers, doubtful labels ---------------------------------


def test_a_line_of_the_table_is_no_remark(tmp_path: Path) -> None:
    rows = "".join(f"{('#1', '#ff0000', '3')[n % 3]},{n}.5,{n}\n" for n in range(9))
    table = read(tmp_path, "note,f1,f2\n# by hand\n" + rows, label_column="note")
    assert table.labels.tolist() == ["#1", "#ff0000", "3"] * 3
    assert "1 line beginning with # left out" in table.description


@pytest.mark.parametrize(
    "text",
    [
        "# sl,sw,label\n1.5,2,a\n2.5,3,b\n",  # as numpy.savetxt writes it
        "# measured in May\n#sl,sw,label\n1.5,2,a\n2.5,3,b\n",
        "sl,sw,label\n1.5,2,a\n# 2.5,3\n2.5,3,b\n",  # a remark, as it has fewer cells
        "\ufeff# sl,sw,label\n1.5,2,a\n2.5,3,b\n",
        "sep=,\nsl,sw,label\n1.5,2,a\n# by hand, in May\n2.5,3,b\n",
    ],
)
def test_names_behind_a_sign_of_remarks(tmp_path: Path, text: str) -> None:
    table = read(tmp_path, text)
    assert table.columns == ("sl", "sw")
    assert table.label_column == "label"
    assert table.samples.tolist() == [[1.5, 2], [2.5, 3]]


def test_a_number_that_was_taken_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="line 3, column 'a': '#2' is no number"):
        read(tmp_path, "a,b,label\n1,2,x\n#2,3,y\n4,5,x\n")


def test_a_column_of_that_name(tmp_path: Path) -> None:
    table = read(tmp_path, "#,a,b,label\n1,2,3,x\n2,4,5,y\n3,6,7,x\n")
    assert table.columns == ("a", "b")
    assert table.labels.tolist() == ["x", "y", "x"]


def test_a_remark_with_an_open_quote(tmp_path: Path) -> None:
    assert len(read(tmp_path, 'a,b,label\n1,2,x\n# it is "odd\n3,4,y\n').labels) == 2


@pytest.mark.parametrize(("sign", "delimiter"), [(".", ";"), (",", ";"), (".", "\t")])
def test_thousands_set_apart_are_not_guessed(tmp_path: Path, sign: str, delimiter: str) -> None:
    rows = ["a;b;label", "900;1;x", "-74;2;y", f"1{sign}011;3;x", f"-1{sign}048;4;y"]
    text = "\n".join(rows).replace(";", delimiter) + "\n"
    with pytest.raises(TableError, match=r"line 4, column 'a'.* may stand for 1011.*--decimal"):
        read(tmp_path, text)
    assert read(tmp_path, text, decimal=sign).samples[2, 0] == 1.011


@pytest.mark.parametrize("cells", [("974.5", "1.011", "1.048"), ("0.974", "1.011", "1.048")])
def test_digits_behind_the_whole_are_no_thousands(tmp_path: Path, cells: tuple[str, ...]) -> None:
    text = "a;b;label\n" + "".join(f"{cell};{n};x\n" for n, cell in enumerate(cells))
    assert read(tmp_path, text).samples[:, 0].tolist() == [float(cell) for cell in cells]


@pytest.mark.parametrize(
    ("cell", "help_"),
    [
        ("1.234.567", "sets thousands apart"),
        ("2.755,81", "sets thousands apart"),
        ("1'000", "sets thousands apart"),
        ("\u22121", "U\\+2212: write -"),
        ("0x10", "write it as 1234.5"),
        ("1.5D+03", "write it as 1234.5"),
    ],
)
def test_what_helps_with_a_number_of_another_kind(tmp_path: Path, cell: str, help_: str) -> None:
    with pytest.raises(TableError, match=help_) as caught:
        read(tmp_path, f"a;b;label\n1;2;x\n{cell};3;y\n4;5;x\n")
    assert "--decimal" not in str(caught.value)


def test_names_may_be_numbers_above_labels(tmp_path: Path) -> None:
    text = "2019,2020,2021,label\n" + "".join(f"{n}.5,2,3,{n % 2}x\n" for n in range(9))
    table = read(tmp_path, text)
    assert table.columns == ("2019", "2020", "2021")
    assert set(table.labels.tolist()) == {"0x", "1x"}


def test_doubtful_classes_are_warned_of(tmp_path: Path) -> None:
    labels = ["None", "TRUE", "true", "False"] * 3
    table = read(
        tmp_path, "a,label\n" + "".join(f"{n}.5,{label}\n" for n, label in enumerate(labels))
    )
    said = " ".join(table.warnings)
    assert "'None' of 3 lines" in said
    assert "'TRUE', 'true' in column 'label' differ only in capitals" in said
    assert "False" not in said
    for label in ("<NA>", "NaT", "inf", "Infinity"):
        with pytest.raises(TableError, match="the label says"):
            read(tmp_path, f"a,label\n1.5,x\n2.5,{label}\n")


def test_rows_of_a_sensor_are_told_from_samples(tmp_path: Path) -> None:
    """Neighbours in time are alike: some to test would be nearly the same as some to learn."""
    rng = np.random.default_rng(0)
    steps, noise = np.cumsum(rng.normal(size=(600, 3)), axis=0), rng.normal(size=(600, 3))
    for rows, is_told in ((steps, True), (noise, False), (steps[:200], False)):
        lines = [",".join(f"{x:.3f}" for x in row) for row in rows]
        text = "a,b,c,kind\n" + "\n".join(f"{line},k{at // 300}" for at, line in enumerate(lines))
        (tmp_path / "t.csv").write_text(text)
        told = read_table(tmp_path / "t.csv").warnings
        assert any("--signal" in line for line in told) == is_told
