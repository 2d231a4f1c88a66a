"""What the core costs: code size, instructions of inferring and learning, time of 60 000 steps.

    python benchmarks/cost.py --output benchmarks/cost.md

needs arm-none-eabi-gcc, gcc and valgrind (`make ci-tools`), and MNIST in EDGE_NACA_DATA.
Instructions are the same on every run; times are of one machine and say little of another.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from edge_naca import data, scenarios
from edge_naca.core import Core
from edge_naca.image import state_size
from edge_naca.recipes import network_for

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "firmware" / "core"
SOURCES = sorted((CORE / "src").glob("*.c"))
STAGES = (
    "all_stages.c",
    "coded.c",
    "spiking.c",
    "stages.c",
)  # linked only where a program asks for them
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    dataset = data.load("mnist")
    network = network_for(dataset, neurons_per_class=30)
    lines = [
        "# What the core costs",
        "",
        "`python benchmarks/cost.py --output benchmarks/cost.md`",
        "",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines += ["| what | measured |", "|---|---|"]
        core_only = [source for source in SOURCES if source.name not in STAGES]
        for what, sources in (
            ("the core without frozen stages", core_only),
            ("the core with convolution, dense and pooling stages", SOURCES),
        ):
            size = text_size(folder, sources)
            lines.append(f"| text of {what}, Cortex-M4, gcc -Os | {size} bytes |")
        core = Core(network)
        lines.append(f"| learned state of a 196-300-10 network | {state_size(network)} bytes |")
        lines.append(f"| its workspace: all the RAM it takes | {core.workspace_size} bytes |")
        started = time.perf_counter()
        history = scenarios.run(core, dataset, scenarios.stream(dataset))
        seconds = time.perf_counter() - started
        lines.append(
            f"| 60 000 learning steps of it, MNIST class after class, with the tests after each "
            f"class ({history.final:.2%} at the end), one thread of this host | {seconds:.1f} s |"
        )
        for title, counts in instructions(Core(network), dataset, folder).items():
            infer, learn = counts["naca_infer"], counts["naca_learn"]
            lines.append(
                f"| instructions on x86-64 (gcc -O3), {title}: infer, learn, ratio "
                f"| {infer:.0f}, {learn:.0f}, **{learn / infer:.2f}** |"
            )
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
