"""Packages that only some uses need, and the extra of edge-naca that brings each."""

from __future__ import annotations

from importlib import import_module

# Module: what it is called where it is installed from, and the extra that brings it.
PACKAGES = {
    "sklearn": ("scikit-learn", "learn"),
    "joblib": ("joblib", "learn"),
    "distributed": ("distributed", "dask"),
    "matplotlib": ("matplotlib", "plot"),
    "onnx": ("onnx", "onnx"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "h5py": ("h5py", "nir"),
    "nir": ("nir", "nir"),
    "pyarrow": ("pyarrow", "parquet"),
    "river": ("river", "river"),
    "perfetto": ("perfetto", "trace"),
    "bokeh": ("bokeh", "web"),
    "starlette": ("starlette", "web"),
    "uvicorn": ("uvicorn", "web"),
    "torch": ("torch", "torch"),
    "avalanche": ("avalanche-lib", "avalanche"),
    "neurobench": ("neurobench", "neurobench"),
}


class MissingExtraError(ImportError):
    """A package of an extra is not installed; the message says which command brings it."""


def require(module: str) -> None:
    """Refuse with words where a package of an extra is not installed.

    Parameters
    ----------
    module : one of `PACKAGES`.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise  # it is there, but something that it needs itself is not
        package, extra = PACKAGES[module]
        raise MissingExtraError(
            f"this needs the package {package}, which is not installed: "
            f"pip install 'edge-naca[{extra}]' brings it"
        ) from error
