"""The versions of what edge-naca writes and reads, each apart from the version of the software."""

from __future__ import annotations

from edge_naca._device import lib

RECORDING = 2  # of a session, as edge_naca.host.recorder writes it


def versions() -> dict[str, int]:
    """Return the version of each format by its name; those of C are what this build has."""
    return {
        "image": lib.NACA_IMAGE_VERSION,
        "saved state": int(lib.NACA_STATE_MAGIC.to_bytes(4, "little")[3:]),
        "link protocol": lib.NACA_LINK_PROTOCOL,
        "saves in flash": lib.NACA_STORE_VERSION_OF_FORMAT,
        "recording": RECORDING,
    }


def described() -> str:
    """Return all versions on one line."""
    return ", ".join(f"{name} {number}" for name, number in versions().items())
