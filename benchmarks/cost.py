"""What the core costs: code size, instructions of inferring and learning, time of 60 000 steps.

    python benchmarks/cost.py --output benchmarks/results/cost.json

needs arm-none-eabi-gcc, gcc and valgrind (`make ci-tools`), and MNIST in EDGE_NACA_DATA.
Instructions are the same on every run; times are of one machine and say little of another.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import results

from edge_naca import data, scenarios
from edge_naca.core import Core
from edge_naca.image import state_size
from edge_naca.measurement import Figure, Table, measure
from edge_naca.recipes import network_for

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "firmware" / "core"
SOURCES = sorted((CORE / "src").glob("*.c"))
# Linked only where a program asks for them.
STAGES = ("all_stages.c", "coded.c", "spiking.c", "stages.c")
COMPILERS = ("gcc", "arm-none-eabi-gcc")
WARMED_UP, MEASURED = 20000, 500


def run(*command: object) -> str:
    """Run a command and return all it printed; fail loudly."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


def text_size(folder: Path, sources: list[Path]) -> int:
    """Return the text of sources on Cortex-M4 at -Os, in bytes, all together."""
    objects = []
    for source in sources:
        objects.append(folder / f"{source.stem}.o")
        flags = ["-std=c99", "-mcpu=cortex-m4", "-mthumb", "-Os", "-ffunction-sections"]
        run("arm-none-eabi-gcc", *flags, f"-I{CORE / 'include'}", "-c", source, "-o", objects[-1])
    return int(run("arm-none-eabi-size", "-t", *objects).splitlines()[-1].split()[0])


def instructions(core: Core, dataset: data.Dataset, folder: Path) -> dict[str, dict[str, float]]:
    """Return instructions of one naca_infer and one naca_learn, for raw samples and for codes."""
    order = np.random.default_rng(0).permutation(len(dataset.y_train))
    core.learn_many(dataset.x_train[order[:WARMED_UP]], dataset.y_train[order[:WARMED_UP]])
    chosen = order[WARMED_UP : WARMED_UP + MEASURED]
    samples = dataset.x_train[chosen].reshape(MEASURED, -1)
    (folder / "image").write_bytes(core.image())
    (folder / "labels").write_bytes(dataset.y_train[chosen].astype(np.uint8).tobytes())
    program = folder / "instructions"
    source = ROOT / "benchmarks" / "instructions.c"
    run("gcc", "-std=c99", "-O3", "-g", f"-I{CORE / 'include'}", source, *SOURCES, "-o", program)
    counts: dict[str, dict[str, float]] = {}
    for title, kind, rows in (
        ("raw 28×28 pixels", 0, samples),
        ("prepared codes", 3, core.prepare_many(samples)),
    ):
        (folder / "samples").write_bytes(np.ascontiguousarray(rows).tobytes())
        counts[title] = {}
        for function in ("naca_infer", "naca_learn"):
            told = run(
                "valgrind",
                "--tool=callgrind",
                f"--toggle-collect={function}",
                f"--callgrind-out-file={folder / 'profile'}",
                program,
                *(folder / name for name in ("image", "samples", "labels")),
                kind,
                rows.shape[1],
            )
            collected = re.search(r"Collected : (\d+)", told)
            assert collected is not None, told
            counts[title][function] = int(collected[1]) / MEASURED
    return counts


def text_figures(folder: Path) -> list[Figure]:
    """Return what the core's code takes, without frozen stages and with them."""
    core_only = [source for source in SOURCES if source.name not in STAGES]
    parts = {
        "the core without frozen stages": core_only,
        "the core with convolution, dense and pooling stages": SOURCES,
    }
    return [
        Figure({"what": f"text of {what}"}, "size", text_size(folder, sources), "bytes")
        for what, sources in parts.items()
    ]


def learning_figures(core: Core, dataset: data.Dataset) -> list[Figure]:
    """Return the time of a whole pass, class after class, with the tests after each class."""
    start = time.thread_time()
    history = scenarios.run(core, dataset, scenarios.stream(dataset))
    seconds = time.thread_time() - start
    of = {"what": f"{len(dataset.y_train)} learning steps, and a test after each class"}
    return [
        Figure(of, "time", seconds, "s", decimals=1),
        Figure(of, "right at the end", 100 * history.final, "%", decimals=2),
    ]


def instruction_figures(counts: dict[str, dict[str, float]]) -> list[Figure]:
    """Return instructions of inferring and learning, and how they compare."""
    figures = []
    for title, count in counts.items():
        infer, learn = count["naca_infer"], count["naca_learn"]
        for name, value, decimals in (
            ("infer", infer, 0), ("learn", learn, 0), ("learn / infer", learn / infer, 2)
        ):  # fmt: skip
            figures.append(Figure({"samples": title}, name, value, decimals=decimals))
    return figures


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    dataset = data.load("mnist")
    network = network_for(dataset, neurons_per_class=30)
    core = Core(network)
    sizes = [
        Figure({"what": "its learned state"}, "size", state_size(network), "bytes"),
        Figure({"what": "its workspace"}, "size", core.workspace_size, "bytes"),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = [
            Table("Code", tuple(text_figures(folder)), "Of Cortex-M4, gcc -Os."),
            Table("Memory", tuple(sizes), "The workspace is all the RAM that the core takes."),
            Table(
                "Learning MNIST class after class",
                tuple(learning_figures(core, dataset)),
                "Time of one thread of the host.",
            ),
            Table(
                "Instructions",
                tuple(instruction_figures(instructions(Core(network), dataset, folder))),
                f"Of one `naca_infer` and one `naca_learn` on x86-64, gcc -O3, mean of {MEASURED} "
                f"samples after {WARMED_UP} others have been learned.",
            ),
        ]
    compilers = {name: run(name, "-dumpfullversion").strip() for name in COMPILERS}
    measurement = measure(
        "What the core costs",
        results.command(),
        tables,
        versions=compilers,
        data={"mnist": dataset.digest()},
        text=f"The network is {network.topology}.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
