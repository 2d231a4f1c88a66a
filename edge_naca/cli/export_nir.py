"""``edge-naca export --nir``."""

from __future__ import annotations

from pathlib import Path

from edge_naca import image
from edge_naca.cli import common, report
from edge_naca.export.nir.write import nir_file, not_expressed


def export_nir(data: bytes, output: Path, as_json: bool) -> None:
    """Write an image as a NIR file, and say what NIR has no words for."""
    common.check_writable(output)
    network, state = image.decode(data)
    content = nir_file(network, state)
    common.write_kept({output: content}, as_json)
    unsaid = not_expressed(network)
    if as_json:
        report.print_json({"file": str(output), "bytes": len(content), "not_expressed": unsaid})
        return
    report.say(f"{output}: {len(content)} bytes. Only its metadata says what NIR cannot:")
    for words in unsaid:
        report.out.print(f"  {words}")
