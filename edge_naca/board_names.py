"""Names of boards as people write them: found whatever the case and the signs between words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 5  # near names in a message


def folded(name: str) -> str:
    """Return what makes a name the same: letters and digits in lower case, and plus signs.

    ``Nucleo_F446RE`` and ``nucleo-f446re`` are one; Cortex-M0 and Cortex-M0+ are two.
    """
    return "".join(sign for sign in name.lower() if sign.isalnum() or sign == "+")


def near(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that somebody may have meant, the likeliest first."""
    wanted = folded(name)
    by_fold = {folded(one): one for one in known}
    likely = get_close_matches(wanted, by_fold, n=SHOWN, cutoff=0.7)
    parts = [fold for fold in by_fold if wanted and wanted in fold]
    words = {word for one in by_fold.values() for word in re.findall(r"\w+", one.lower())}
    alike = get_close_matches(wanted, sorted(words), n=1, cutoff=0.8)
    of_word = [fold for fold in by_fold if any(word in fold for word in alike)]
    return [by_fold[fold] for fold in dict.fromkeys([*likely, *parts, *of_word])]


def question(names: Iterable[str]) -> str:
    """Return "did you mean …?" of near names, or nothing where there are none."""
    shown = list(dict.fromkeys(names))[:SHOWN]
    if not shown:
        return ""
    *others, last = shown
    before = f"{', '.join(others)} or " if others else ""
    return f"did you mean {before}{last}? "
