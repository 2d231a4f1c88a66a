"""The sign that separates the cells of a table is found, whatever else the cells hold."""

from __future__ import annotations

import csv
import io
import random
from typing import Literal

import pytest

from edge_naca.tables.separators import SEPARATORS, find_separator

WORDS = ("walk", "left turn", "on/off", "A-1", "M\u00fcller", "N/A", "nan", "", "class 3")
NAMES = ("x", "acc_x", "Zeit [ms]", "temp (\u00b0C)", "label", "gyro.z", "time", "value, raw")


def cell(kind: str, decimal: str, rng: random.Random) -> str:
    if kind == "integer":
        return str(rng.randint(-2000, 2000))
    if kind == "real":
        return f"{rng.gauss(0, 30):.{rng.randint(1, 6)}f}".replace(".", decimal)
    if kind == "exponent":
        return f"{rng.gauss(0, 1):.3e}".replace(".", decimal)
    if kind == "time":
        return f"2024-{rng.randint(1, 12):02}-05T{rng.randint(0, 23):02}:15:05.250Z"
    if kind == "german time":
        return f"{rng.randint(1, 28):02}.03.2024 {rng.randint(0, 23):02}:15:05"
    if kind == "unit":
        return f"{rng.randint(1, 99)} {rng.choice(['kB', 'mV', '%'])}"
    if kind == "sentence":
        return rng.choice(WORDS) + rng.choice([", ", "; ", ",", ", and "]) + rng.choice(WORDS)
    return rng.choice(WORDS)


KINDS = ("integer", "real", "exponent", "time", "german time", "unit", "sentence", "word")


@pytest.mark.parametrize("separator", SEPARATORS)
def test_separators_of_made_up_tables_are_found(separator: str) -> None:
    rng = random.Random(5)
    for _ in range(60):
        decimal = "." if separator == "," else rng.choice(".,")
        kinds = rng.choices(KINDS[:3] if separator == " " else KINDS, k=rng.randint(2, 9))
        text = io.StringIO()
        quoting: Literal[0, 1] = csv.QUOTE_ALL if rng.random() < 0.5 else csv.QUOTE_MINIMAL
        writer = csv.writer(text, delimiter=separator, quotechar=rng.choice("\"'"), quoting=quoting)
        if rng.random() < 0.7:
            names = [f"x{i}" if separator == " " else rng.choice(NAMES) for i in range(len(kinds))]
            writer.writerow(names)
        for _ in range(rng.choice([3, 8, 30])):
            writer.writerow([cell(kind, decimal, rng) for kind in kinds])
        found = find_separator(text.getvalue())
        assert found is not None
        assert found[0] == separator, text.getvalue()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,5;2,5\n3,5;4,5\n", (";", '"')),  # decimal commas
        ("a, b\nc d, e f\n", (",", '"')),  # words of several words
        ("12:30:00 1.5\n12:30:01 1.6\n", (" ", '"')),
        ("'a,b','c'\n'd','e'\n", (",", "'")),
        ('"it\'s",1\n"isn\'t",2\n', (",", '"')),
        ("a,don't\nb,won't\n", (",", '"')),
        ("1\n2\n3\n", None),
        ("", None),
    ],
)
def test_separators_and_quotes_by_hand(text: str, found: tuple[str, str] | None) -> None:
    assert find_separator(text) == found
