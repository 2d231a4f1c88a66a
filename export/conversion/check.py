"""What is said of a model's file before it is converted: findings, and questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_naca.export.conversion.layers import Finding

USES = ("network", "front end")  # what a file can become


@dataclass(frozen=True)
class Question:
    """Something that has to be said before a file can be converted.

    Parameters
    ----------
    option : its name in Python.
    text : what is asked.
    answers : what to choose from; empty if the text says it.
    """

    option: str
    text: str
    answers: str = ""

    def __str__(self) -> str:
        name = "delay" if self.option == "delayed" else self.option.replace("_", "-")
        return f"--{name}: {self.text}" + (f" ({self.answers})" if self.answers else "")


@dataclass(frozen=True)
class Check:
    """What a file holds, and what stands in the way of converting it.

    Parameters
    ----------
    nodes : name and type of each.
    findings : what cannot be converted; empty if nothing stands in the way.
    questions : what the file does not say, and has to be said when it is imported.
    notes : what else is worth knowing.
    """

    nodes: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
