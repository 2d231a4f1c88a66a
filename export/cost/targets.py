"""Boards that a report on size and cost knows: memory, clock, and what running draws.

`boards.json` is the table, one entry a board, each figure beside its source; a figure that nobody
could read in a public file is absent. A board of one's own is a file with the same fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_naca.board_files import DESCRIPTION, path_of, read_description, wrong_description
from edge_naca.board_names import SHOWN, folded, near, question
from edge_naca.export.cost.processors import Processor, find_processor

TABLE = Path(__file__).with_name("boards.json")
# What their numbers are called.
FIGURES = {"clock": "hz", "flash": "bytes", "cache": "bytes", "ram": "bytes"}


@dataclass(frozen=True)
class Current:
    """What a running processor draws, peripherals off: the coefficient of an energy estimate.

    Parameters
    ----------
    microamperes_per_mhz : at the voltage below.
    volts : of the supply.
    source : the document, and what it says.
    """

    microamperes_per_mhz: float
    volts: float
    source: str


@dataclass(frozen=True)
class Target:
    """A board, as far as a report on size and cost needs it. What is not known is None.

    Parameters
    ----------
    name : in `TARGETS`; of a file, that of its folder, or its own.
    title : for people.
    chip : for people.
    processor : what runs the network.
    flash, ram : bytes that programs may use; RAM in one piece.
    cache : bytes between processor and flash, of instructions and constants together.
    clock : Hz: what our firmware runs at where there is one, else what others' runs at, at most.
    dsp : whether the processor has Arm's DSP extension.
    current : of the processor.
    notes : what people should know.
    names : others that the board goes by.
    sources : where chip and processor come from ("processor"), and each figure, by its name.
    """

    name: str
    title: str
    chip: str
    processor: Processor
    flash: int | None = None
    ram: int | None = None
    cache: int | None = None
    clock: int | None = None
    dsp: bool | None = None
    current: Current | None = None
    notes: str = ""
    names: Sequence[str] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def remarks(self) -> list[str]:
        """What people should know of its figures, and of what is reckoned from them."""
        said = [self.processor.remark]
        if self.processor.core is not None and not self.dsp and self.processor.dsp is None:
            has = "it has not" if self.dsp is False else "nobody knows that it has"
            said.append(f"reckoned with the DSP extension, which {has}: features may take longer")
        return [remark for remark in (*said, self.notes) if remark]

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)


def _target(name: str, entry: Mapping[str, Any]) -> Target:
    """Return a board from a description without faults."""
    figures = {one: entry[one] for one in FIGURES if one in entry}
    current, dsp = entry.get("current"), entry.get("dsp")
    processor = find_processor(entry["processor"])
    sources = {one: figure["source"] for one, figure in figures.items()}
    if "source" in entry:
        sources["processor"] = entry["source"]
    if current is not None:
        sources["current"] = current["source"]
    if dsp is not None:
        sources["dsp"] = dsp["source"]
        if processor.dsp not in (None, dsp["present"]):
            has = "always has" if processor.dsp else "never has"
            raise ValueError(f"{name}: a {processor.name} {has} the DSP extension: leave out dsp")
    return Target(
        name=name,
        title=entry.get("title", name),
        chip=entry.get("chip", "unknown chip"),
        processor=processor,
        dsp=processor.dsp if dsp is None else dsp["present"],
        current=None if current is None else Current(**current),
        notes=entry.get("notes", ""),
        names=tuple(entry.get("names", ())),
        sources=sources,
        **{one: figure[FIGURES[one]] for one, figure in figures.items()},
    )


def _read_table() -> dict[str, Target]:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    for name, entry in table.items():
        wrong = wrong_description(entry)
        if wrong:
            raise ValueError(f"{TABLE}: {name}: {wrong}")
    return {name: _target(name, entry) for name, entry in table.items()}


TARGETS = _read_table()
_BY_FOLD = {
    folded(name): target
    for target in TARGETS.values()
    for name in (*target.names, target.title, target.name)
}


def find_target(name: str) -> Target:
    """Return the board of a name, or the one that a file describes.

    Parameters
    ----------
    name : of `TARGETS`, its title or another of its names, whatever the case and the signs between
        words; or the path of a .json or .toml file, or of a folder with a board.json.

    Raises
    ------
    ValueError
        If there is none, with near names; if the file is wrong, with the field.
    """
    path = path_of(name)
    if path is not None:
        of_file = path.parent.name if path.name == DESCRIPTION else path.stem
        return _target(of_file, read_description(path))
    target = _BY_FOLD.get(folded(name))
    if target is None:
        likely = [_BY_FOLD[folded(one)].name for one in near(name, _all_names())]
        of_chip = [one.name for one in matching([name])] if folded(name) else []
        hint = question(dict.fromkeys([*of_chip, *likely][:SHOWN]))
        raise ValueError(
            f"there is no board {name!r}: {hint}`edge-naca boards` lists all; "
            "a board of your own is a file (docs/boards.md)"
        )
    return target


def _all_names() -> list[str]:
    return [
        one for target in TARGETS.values() for one in (target.name, target.title, *target.names)
    ]


def matching(words: Sequence[str]) -> list[Target]:
    """Return the boards that have every word in a name, their chip or their processor.

    "dsp" is a word of those whose processor has that extension.
    """
    wanted = [folded(word) for word in words]
    return [
        target
        for target in TARGETS.values()
        if all(any(word in text for text in _texts(target)) for word in wanted)
    ]


def _texts(target: Target) -> list[str]:
    texts = (target.name, target.title, *target.names, target.chip, target.processor.name)
    return [folded(text) for text in (*texts, *(["dsp"] if target.dsp else []))]
