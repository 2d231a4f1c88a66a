"""Image files: written as a whole or not at all."""

from __future__ import annotations

from os import PathLike

from edge_naca import image
from edge_naca.core import Core, CoreError
from edge_naca.files import read_file, write_file
from edge_naca.network import Network


def save_image(source: Core | Network, path: str | PathLike[str]) -> None:
    """Write an image file: a core with what it has learned, or a network as new.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is then still there.
    """
    if isinstance(source, Core):
        data = source.image()
    elif isinstance(source, Network):
        data = image.encode(source)
    else:
        raise TypeError(f"only a Core or a Network can be saved, not {type(source).__name__}")
    write_file(path, data)


def load_image(path: str | PathLike[str]) -> Core:
    """Read an image file into a core that goes on where the file was saved.

    Raises
    ------
    OSError
        If the file cannot be read.
    ImageError
        If it holds no image that this version can run; the message names the file.
    """
    data = read_file(path)
    try:
        return Core(data)
    except (image.ImageError, CoreError) as error:
        raise image.ImageError(f"{path}: {error}") from error
