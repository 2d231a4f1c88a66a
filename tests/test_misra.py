"""tools/misra sees where the C code and docs/misra.md disagree, in both directions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT


def answer(folder: Path, code: str, document: str) -> tuple[int, str]:
    """Return the exit code and the answer about one file of the core."""
    for room in ("core/src", "store/src", "link/src"):
        (folder / room).mkdir(parents=True)
    (folder / "core/src/x.c").write_text(code)
    (folder / "misra.md").write_text(document)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        [ROOT / "tools/misra", folder, folder / "misra.md"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path},
    )
    return result.returncode, result.stdout


OCTAL = "int naca_x(void);\nint naca_x(void)\n{\n    return 010;\n}\n"


@pytest.mark.parametrize(
    ("document", "finding"),
    [
        ("", "core/src/x.c:4: rule 7.1 is not in misra.md"),
        ("| 7.1, 8.7, 15.1 | here | because |", "misra.md: rule 15.1 is kept everywhere"),
        ("| 7.1, 8.7 | here | because |", ""),
    ],
)
def test_code_and_document_agree(tmp_path: Path, document: str, finding: str) -> None:
    code, text = answer(tmp_path, OCTAL, document)
    assert code == (1 if finding else 0), text
    assert finding in text
