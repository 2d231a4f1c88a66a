"""What a shell completes: names of boards.

Click asks for it when the shell does (docs/boards.md), in a process of its own.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def boards(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the boards whose names begin so; the path of a file is left to the shell."""
    from edge_naca.export.cost.targets import TARGETS

    return _completed(incomplete, {name: target.title for name, target in TARGETS.items()})


def emulated_boards(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the boards whose names begin so, of those that an emulator stands in for."""
    from edge_naca.host.boards import BOARDS

    return _completed(incomplete, {name: board.processor for name, board in BOARDS.items()})


def _completed(incomplete: str, names: dict[str, str]) -> list[CompletionItem]:
    if incomplete.startswith((".", "/")):
        return [CompletionItem(incomplete, type="file")]
    wanted = incomplete.lower()
    return [
        CompletionItem(name, help=what) for name, what in names.items() if name.startswith(wanted)
    ]
