"""HDF5 files read in a process of their own.

Links between the parts of a damaged file may lead the HDF5 library in circles, or to where there is
no memory. What has no end there, or crashes, must not take along whoever reads the file.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge_naca.export.conversion.layers import ModelFileError
from edge_naca.export.nir.storage import MAX_BYTES
from edge_naca.extras import require

CPU_SECONDS = 30  # of computing, however busy the machine is; the largest file takes two
SECONDS = 600  # where computing cannot be limited
MEMORY = 8 * MAX_BYTES  # bytes beyond what starting takes

_STATM = Path("/proc/self/statm")  # how large a process is, in pages; Linux has it

# Without the folder that it is started in, whose files may have any name.
_CODE = (
    "import sys; sys.path[:] = sys.argv[3:]; from edge_naca.export.nir.apart import main; "
    "main(*sys.argv[1:3])"
)


def read_apart(path: Path) -> dict[str, Any]:
    """Return what `hdf5.read_hdf5` makes of a file; raise as it does.

    Raises
    ------
    ModelFileError
        Also if the HDF5 library crashes on the file, or does not end.
    """
    require("h5py")
    command = [sys.executable, "-I", "-c", _CODE, str(path), str(CPU_SECONDS), *sys.path]
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFileError(f"{path} cannot be read: {_NO_END}; export it again") from error
    if ended.returncode:
        raise ModelFileError(f"{path} cannot be read: {_why(ended)}; export it again")
    # It comes from this program's own code, as if it had been read here.
    result = pickle.loads(ended.stdout)
    if isinstance(result, ModelFileError):
        raise result
    if isinstance(result, MemoryError):
        raise MemoryError(f"{path}: there is too little memory to read it")
    assert isinstance(result, dict)
    return result


_NO_END = "the HDF5 library found no end in it"


def _why(ended: subprocess.CompletedProcess[bytes]) -> str:
    if ended.returncode == -getattr(signal, "SIGXCPU", 0):
        return _NO_END
    if ended.returncode < 0:
        return f"the HDF5 library crashed on it ({signal.Signals(-ended.returncode).name})"
    said = ended.stderr.decode(errors="replace").splitlines()
    return f"reading it failed ({said[-1] if said else ended.returncode})"


def main(path: str, seconds: str) -> None:
    """Read a file and write what it holds, or the error, to stdout: the process apart."""
    import h5py  # noqa: F401  (it is part of what starting takes)

    from edge_naca.export.nir.hdf5 import read_hdf5

    _limit(int(seconds))
    try:
        result: object = read_hdf5(Path(path))
    except (ModelFileError, MemoryError) as error:
        result = error
    sys.stdout.buffer.write(pickle.dumps(result))


def _limit(seconds: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    if _STATM.exists():
        size = int(_STATM.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash here is nothing to look into
