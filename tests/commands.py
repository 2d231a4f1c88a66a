"""The command line as tests call it: within this process, its output and exit code looked at."""

from __future__ import annotations

import json
import re
from typing import Any

from click.testing import CliRunner, Result

from edge_naca.cli import main


def call(*words: object, text: str | None = None) -> Result:
    """Run a command, with `text` typed at it."""
    return CliRunner().invoke(main, [str(word) for word in words], text, prog_name="edge-naca")


def done(*words: object) -> str:
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def object_of(*words: object, code: int = 0) -> dict[str, Any]:
    """Run a command with --json and return the one object that it printed."""
    result = call(*words, "--json")
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    content = json.loads(result.stdout)
    assert isinstance(content, dict)
    return content


def failed(code: int, *words: object) -> str:
    """Run a command that must fail; return its message: one line for 1, usage before it for 2.

    Nothing else is said, but how a table was read.
    """
    result = call(*words)
    assert result.exit_code == code, result.output
    assert re.fullmatch(r"(.*: read \d+ (columns|samples of) .*\n|times in .*\n)*", result.stdout)
    assert "Traceback" not in result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) == 1 or code == 2
    assert lines[-1].startswith("Error: ")
    return lines[-1]
