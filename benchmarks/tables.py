"""Make the Markdown pages of benchmarks from the JSON of benchmarks/results.

python benchmarks/tables.py
"""

from __future__ import annotations

from pathlib import Path

import results

from edge_naca.measurement import markdown

FOLDER = Path(__file__).resolve().parent
WITHOUT_PAGE = ("size",)  # thousands of figures: `make size-diff` shows those that change


def pages() -> dict[Path, str]:
    """Return the content of every generated page by its path.

    Raises ValueError if a file is no measurement.
    """
    return {
        FOLDER / f"{path.stem}.md": markdown(results.read(path))
        for path in sorted(results.FOLDER.glob("*.json"))
        if path.stem not in WITHOUT_PAGE
    }


def main() -> None:
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
