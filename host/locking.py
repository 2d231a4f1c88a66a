"""From a pass phrase to the key that opens a device: docs/protocol.md, section 9."""

from __future__ import annotations

import hashlib
import secrets

from edge_naca.printable import HALF

SALT, KEY = 8, 16  # bytes
# What it costs to try a phrase on a key that was read out of a device's flash: 16 MiB, 50 ms.
COST, BLOCK = 1 << 14, 8


def new_salt() -> bytes:
    """Draw a salt, so that the same phrase is another key on another device."""
    return secrets.token_bytes(SALT)


def key_of(phrase: str, salt: bytes) -> bytes:
    """Return the key that a phrase stands for (scrypt).

    Raises
    ------
    ValueError
        If the phrase is empty, or has no UTF-8.
    """
    if not phrase:
        raise ValueError("a pass phrase may not be empty")
    if HALF.search(phrase):  # it is not shown
        raise ValueError("the pass phrase holds half of a character: choose one of whole ones")
    return hashlib.scrypt(phrase.encode(), salt=salt, n=COST, r=BLOCK, p=1, dklen=KEY)
