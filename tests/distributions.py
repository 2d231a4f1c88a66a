"""Which distributions an installation of edge-naca consists of, by what they declare."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def requirements(extra: str) -> set[str]:
    """Return the packages that edge-naca needs, "" for the base, beside those of the base."""
    parts = [Requirement(line) for line in metadata.requires("edge-naca") or ()]
    base = {
        part.name for part in parts if part.marker is None or part.marker.evaluate({"extra": ""})
    }
    if not extra:
        return base
    chosen = [part for part in parts if part.marker and part.marker.evaluate({"extra": extra})]
    names = {part.name for part in chosen if part.name != "edge-naca"} - base
    for part in chosen:
        if part.name == "edge-naca":
            names |= {name for inner in part.extras for name in requirements(inner)}
    return names


def closure() -> set[str]:
    """Return the distributions that an installation without extras consists of."""
    names, left = {"edge-naca"}, requirements("")
    while left:
        name = left.pop()
        names.add(name.lower())
        for line in metadata.requires(name) or ():
            part = Requirement(line)
            needed = part.marker is None or part.marker.evaluate({"extra": ""})
            if needed and part.name.lower() not in names:
                left.add(part.name)
    return names


def files(name: str) -> list[Path]:
    """Return the installed files of a distribution, wherever they lie."""
    listed = metadata.files(name)
    assert listed is not None, f"nobody recorded which files {name} has"
    return [path for path in (Path(str(file.locate())) for file in listed) if path.is_file()]


def link_closure(site: Path) -> None:
    """Bring what edge-naca needs into another environment by links; edge-naca itself is not."""
    for name in closure() - {"edge-naca"}:
        for file in metadata.files(name) or ():
            top = Path(file.parts[0])
            source = Path(str(metadata.distribution(name).locate_file(top)))
            if str(top) not in {"..", "__pycache__"} and not (site / top).exists():
                (site / top).symlink_to(source)
