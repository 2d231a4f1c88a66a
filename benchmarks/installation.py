"""What an installation without extras takes on disk, package by package.

    python benchmarks/installation.py --output benchmarks/results/installation.json

Builds the wheel, lets pip install it in an empty environment, with what it needs from a registry,
and adds up the files that pip recorded. Needs a registry, and the packages of the extra `dev`.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import results

from edge_naca.measurement import REPOSITORY, Figure, Measurement, Table, measure

# Run by the Python of the new environment, which knows its own packages.
SIZES = """
import json
from importlib.metadata import distributions

def sizes(package):
    files = [file.locate() for file in package.files or ()]
    files = [file for file in files if file.is_file()]
    compiled = sum(file.stat().st_size for file in files if file.suffix == ".pyc")
    everything = sum(file.stat().st_size for file in files)
    return {"version": package.version, "files": everything - compiled, "compiled": compiled}

print(json.dumps({package.name: sizes(package) for package in distributions()}))
"""


def installed(folder: Path) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Return our wheel, and version and bytes of each package in a new environment."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(REPOSITORY)], check=True, stdout=subprocess.DEVNULL)
    (wheel,) = folder.glob("*.whl")
    place = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    python = str(place / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], check=True)
    answer = subprocess.run([python, "-I", "-c", SIZES], check=True, stdout=subprocess.PIPE)
    packages: dict[str, dict[str, Any]] = json.loads(answer.stdout)
    return wheel, packages


def figures(name: str, files: int, compiled: int) -> list[Figure]:
    of = {"package": name}
    columns = {"files": files, "compiled by pip": compiled, "together": files + compiled}
    return [Figure(of, column, size / 1e6, "MB", decimals=1) for column, size in columns.items()]


def measurement() -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        wheel, packages = installed(Path(folder))
        digest = results.digest(wheel.read_bytes())
    order = sorted(packages, key=lambda name: -packages[name]["files"])
    rows = [
        figures(f"{name} {packages[name]['version']}".replace("_", "-"), *both)
        for name in order
        for both in [(packages[name]["files"], packages[name]["compiled"])]
    ]
    files, compiled = (sum(one[key] for one in packages.values()) for key in ("files", "compiled"))
    rows.append(figures("together", files, compiled))
    return measure(
        "What an installation takes",
        results.command(),
        [Table("Bytes of a base installation", tuple(figure for row in rows for figure in row))],
        data={"wheel": digest},
        settings={"machine": f"{platform.system()} {platform.machine()}"},
        text="`pip install edge-naca` without extras, in an empty environment; 1 MB is 1 000 000 "
        "bytes of files. The target is 100 MB. pip compiles Python sources as it installs, unless "
        "it is given `--no-compile`.",
    )


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    results.publish(measurement(), arguments.output)


if __name__ == "__main__":
    main()
