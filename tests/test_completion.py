"""Shells complete commands, options and choices, quickly and whatever a file of defaults says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import run
from test_extras import HEAVY

PROGRAM = Path(sys.executable).with_name("edge-naca")


def complete(*words: str, **variables: str) -> set[str]:
    """Return what bash is offered in place of the last word."""
    answer = run(
        PROGRAM,
        env=os.environ
        | {
            "_EDGE_NACA_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["edge-naca", *words]),
            "COMP_CWORD": str(len(words)),
            **variables,
        },
    )
    return {line.split(",", 1)[1] for line in answer.splitlines()}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("in",), {"info", "inspect"}),
        (("train", "--weight"), {"--weight-bits"}),
        (("train", "--decimal", ""), {".", ","}),
        (("bench", "cl"), {"class-incremental"}),
        (("--l",), {"--log"}),
    ],
)
def test_words_are_completed(words: tuple[str, ...], offered: set[str]) -> None:
    assert complete(*words) == offered


def test_a_bad_file_of_defaults_is_not_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[train")
    assert complete("tr", EDGE_NACA_CONFIG=str(tmp_path / "bad.toml")) == {"train"}


def test_bash_completes_with_the_script_that_it_is_given(
    require_tool: Callable[[str], None],
) -> None:
    require_tool("bash")
    script = (
        'eval "$(_EDGE_NACA_COMPLETE=bash_source edge-naca)"; '
        "COMP_WORDS=(edge-naca ev); COMP_CWORD=1; _edge_naca_completion edge-naca ev edge-naca; "
        'echo "${COMPREPLY[@]}"; complete -p edge-naca'
    )
    first, second = run("bash", "-ec", script).splitlines()
    assert first == "evaluate"
    assert second.endswith("_edge_naca_completion edge-naca")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(shell: str) -> None:
    script = run(PROGRAM, env=os.environ | {"_EDGE_NACA_COMPLETE": f"{shell}_source"})
    assert "_EDGE_NACA_COMPLETE" in script


def test_completion_imports_nothing_heavy() -> None:
    program = f"""
import os, sys
sys.argv = ["edge-naca"]
os.environ |= {{"_EDGE_NACA_COMPLETE": "bash_complete", "COMP_CWORD": "1"}}
os.environ["COMP_WORDS"] = "edge-naca t"
from edge_naca.cli import COMMANDS, main
try:
    main(prog_name="edge-naca")
except SystemExit:
    pass
modules = {{entry.place.split(":")[0] for entry in COMMANDS.values()}}
print(sorted(({{*{HEAVY!r}}} | modules) & {{*sys.modules}}), file=sys.stderr)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("plain,train\n", "[]\n")
