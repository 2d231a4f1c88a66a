"""Make all that people read of the measurements in benchmarks/results.

    python benchmarks/tables.py

Each measurement has a page in benchmarks/. What README and docs/ quote stands between
`<!-- figures: NAME -->` and `<!-- end of figures -->`, and benchmarks/summaries.py says what it is.
"""

from __future__ import annotations

import re
from pathlib import Path

import results
from summaries import SUMMARIES

from edge_naca.measurement import markdown

FOLDER = Path(__file__).resolve().parent
QUOTING = tuple(
    FOLDER.parent / name
    for name in ("README.md", "docs/costs.md", "docs/installing.md", "docs/paper.md")
)
WITHOUT_PAGE = ("size",)  # thousands of figures: `make size-diff` shows those that change

_QUOTED = re.compile(r"(<!-- figures: ([\w ]+) -->)(\n*).*?(\n*<!-- end of figures -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the content of every generated page by its path.

    Raises ValueError if a file is no measurement.
    """
    return {
        FOLDER / f"{path.stem}.md": markdown(results.read(path))
        for path in sorted(results.FOLDER.glob("*.json"))
        if path.stem not in WITHOUT_PAGE
    }


def documents() -> dict[Path, str]:
    """Return README and the pages that quote figures, with the figures as measured."""
    return {path: filled(path.read_text(encoding="utf-8")) for path in QUOTING}


def filled(text: str) -> str:
    """Return a text with what belongs between its markers."""
    return _QUOTED.sub(lambda match: f"{match[1]}{match[3]}{SUMMARIES[match[2]]()}{match[4]}", text)


def main() -> None:
    for path, content in (pages() | documents()).items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
