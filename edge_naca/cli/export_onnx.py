"""``edge-naca export --onnx`` and ``--onnx-learning``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from edge_naca.cli import common, report
from edge_naca.export import initial_state, interface, to_onnx


def export_onnx(
    image: bytes, output: Path, learning: bool, input_type: str | None, as_json: bool
) -> None:
    """Write an ONNX model, beside one that learns its first state, and say what it takes."""
    common.check_writable(output)
    model = to_onnx(image, learning=learning, input_type=input_type)
    files = {output: model.SerializeToString()}
    if learning:
        files[output.with_name(f"{output.name}.state.npz")] = _npz(initial_state(model))
    common.write_kept(files, as_json)
    ends = interface(model)
    if as_json:
        report.print_json({"files": [str(path) for path in files], **ends})
        return
    for path in files:
        report.say(f"Wrote {path}")
    for way, tensors in ends.items():
        report.say(f"\n{way}")
        for name, (dtype, shape) in tensors.items():
            report.say(f"  {name:<24} {dtype:<7} {'×'.join(map(str, shape)) or 'scalar'}")


def _npz(arrays: dict[str, Any]) -> bytes:
    """Return arrays as the bytes of a .npz file."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
