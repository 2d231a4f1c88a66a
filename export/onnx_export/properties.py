"""What an ONNX model made here says about itself, for people and for programs."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING

import edge_naca
from edge_naca import image
from edge_naca.core import Core

if TYPE_CHECKING:
    from onnx import ModelProto

PREFIX = "edge_naca."


def properties(core: Core, kind: str, input_type: str) -> dict[str, str]:
    """Return the metadata of a model made of a core."""
    metadata = core.network.metadata
    values = {
        "kind": kind,
        "input_type": input_type,
        "version": edge_naca.__version__,
        "arithmetic": str(image.VERSION),
        "topology": core.network.topology,
        "network_id": f"{core.network_id:08x}",
        "state_hash": f"{core.state_hash():08x}",
        "classes": json.dumps(metadata.get("classes", []), ensure_ascii=False),
        "metadata": json.dumps(metadata, ensure_ascii=False, sort_keys=True),
        "image": base64.b64encode(zlib.compress(core.image(), 9)).decode("ascii"),
    }
    return {PREFIX + name: text for name, text in values.items()}


def property_of(model: ModelProto, name: str) -> str:
    """Return what a model says about itself.

    Raises
    ------
    ValueError
        If it does not say it: it was not made by `to_onnx`.
    """
    for entry in model.metadata_props:
        if entry.key == PREFIX + name:
            return str(entry.value)
    raise ValueError(
        f"the model lacks the property {PREFIX + name!r}: export it with edge-naca's to_onnx"
    )


def image_of(model: ModelProto) -> bytes:
    """Return the image that a model was made of, with what it had learned until then."""
    return zlib.decompress(base64.b64decode(property_of(model, "image")))
