"""Measures what the core's operations take on each emulated core, and fits the cost model to it.

    python benchmarks/instruction_model.py

needs the tools of the emulated boards (`make board-tools`); with MNIST in EDGE_NACA_DATA it is
among the networks that nothing is fitted to. Writes export/instruction_model.json, from which
`edge-naca inspect --board` reckons, and benchmarks/instruction-model.md: predicted against counted
on networks that the fit has not seen. Takes about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from instruction_cycles import cycles_per_instruction
from instruction_networks import SMALL, Case, held_out, random_cases
from instruction_stages import held_out_stages, random_stage_cases
from linked_sizes import sizes
from numpy.typing import NDArray
from scipy.optimize import nnls

from edge_naca.core import Core
from edge_naca.export.cost.operations import Operations, operations
from edge_naca.export.cost.targets import MEASURED_ON
from edge_naca.host import boards
from edge_naca.host.boards import BoardError
from edge_naca.host.counting import count

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "export" / "instruction_model.json"
TABLE = ROOT / "benchmarks" / "instruction-model.md"
COMMAND = "python benchmarks/instruction_model.py"

FITTED, FITTED_STAGES, SMALL_STAGES, SEED = 140, 60, 25, 1
# What a board says of a network that is too large for it, or takes too long.
NO_ROOM = ("cannot measure this", "bytes of RAM", "longer than the clock")
LIGHT = 300.0  # counts below this weigh as much as this

# A Cortex-M0+ runs the Cortex-M0's code: the same coefficients.
CORES = {core: board for core, board in MEASURED_ON.items() if core != "cortex-m0+"}

Array = NDArray[Any]


@dataclass(frozen=True)
class Counted:
    """Operations and counts of one case on one board."""

    case: Case
    infer: list[Operations]
    extra: list[Operations]
    inferring: Array
    learning: Array


def measure(board: str, elf: Path, cases: list[Case]) -> list[Counted]:
    """Count every case that fits the board."""
    found = []
    for case in cases:
        try:
            counts = count(board, case.image, case.samples, case.labels, case.kind, elf=elf)
        except BoardError as error:
            if not any(reason in str(error) for reason in NO_ROOM):
                raise
            continue
        core = Core(case.image)
        pairs = [
            operations(core, x, int(label), case.kind)
            for x, label in zip(case.samples, case.labels, strict=True)
        ]
        infer, extra = [one for one, _ in pairs], [other for _, other in pairs]
        found.append(Counted(case, infer, extra, counts.infer, counts.learn))
    return found


def fit(counted: list[Counted]) -> dict[str, float]:
    """Return the coefficients, none negative, that make relative errors small."""
    rows = [row for one in counted for row in (*one.infer, *one.extra)]
    wanted = np.concatenate(
        [part for one in counted for part in (one.inferring, one.learning - one.inferring)]
    ).astype(float)
    names = sorted({name for row in rows for name in row})
    matrix = np.array([[row[name] for name in names] for row in rows], float)
    weight = 1 / np.maximum(wanted, LIGHT)
    solution, _ = nnls(matrix * weight[:, None], wanted * weight, maxiter=10000)
    return {
        name: round(float(value), 2)
        for name, value in zip(names, solution, strict=True)
        if value > 0.005
    }


def predicted(coefficients: dict[str, float], rows: list[Operations]) -> float:
    """Return the mean over samples."""
    total = sum(coefficients.get(name, 0.0) * n for row in rows for name, n in row.items())
    return total / len(rows)


# ---- writing -------------------------------------------------------------------------------------

# Name of a network; counted and predicted mean of inferring, then of learning.
Row = tuple[str, float, float, float, float]


def largest_error(rows: list[Row]) -> float:
    """Return how far, relatively, the predictions are off at the most."""
    return max(
        abs(predicted / counted - 1)
        for _, *pair in rows
        for counted, predicted in (pair[:2], pair[2:])
    )


def table_of(results: dict[str, list[Row]]) -> list[str]:
    """Return Markdown: for each core, counted and predicted of inferring and of learning."""
    lines = []
    for core, rows in results.items():
        lines += ["", f"## {core}: at most {largest_error(rows):.1%} off", ""]
        lines += ["| network | infer | predicted | off | learn | predicted | off |"]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [
            f"| {name} | {i:.0f} | {pi:.0f} | {pi / i - 1:+.1%} "
            f"| {n:.0f} | {pn:.0f} | {pn / n - 1:+.1%} |"
            for name, i, pi, n, pn in rows
        ]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", nargs="*", choices=list(CORES), default=list(CORES))
    arguments = parser.parse_args()
    old = json.loads(MODEL.read_text()) if MODEL.exists() else {"cores": {}}
    entries: dict[str, Any] = old["cores"]
    results: dict[str, list[Row]] = {}
    fitted_to = [
        *random_cases(FITTED, SEED),
        *random_stage_cases(FITTED_STAGES, SEED),
        *random_stage_cases(SMALL_STAGES, SEED + 1, SMALL),  # an AVR has room for few others
    ]
    unseen = [*held_out(), *held_out_stages()]
    for core in arguments.cores:
        board = CORES[core]
        elf = boards.build(board, "measure")
        known = measure(board, elf, fitted_to)
        coefficients = fit(known)
        results[core] = []
        for one in measure(board, elf, unseen):
            infer = predicted(coefficients, one.infer)
            learn = infer + predicted(coefficients, one.extra)
            row = (one.case.name, one.inferring.mean(), infer, one.learning.mean(), learn)
            results[core].append(row)
        entries[core] = {
            "unit": "cycles" if core == "avr" else "instructions",
            "largest_error": round(largest_error(results[core]), 3),
            "coefficients": coefficients,
            **sizes(core, board),
        }
        print(f"{core}: fitted to {len(known)} networks")
        print(*table_of({core: results[core]}), sep="\n")
        sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        for core, assumed in cycles_per_instruction(Path(folder)).items():
            base = entries["cortex-m0" if core == "cortex-m0+" else core]
            entries[core] = base | assumed
    content = {"command": COMMAND, "cores": {name: entries[name] for name in sorted(entries)}}
    MODEL.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if set(arguments.cores) == set(CORES):
        staged = FITTED_STAGES + SMALL_STAGES
        head = [
            "# The cost model against the emulator",
            "",
            f"`{COMMAND}`",
            "",
            "Mean instructions (cycles on the AVR) of one `naca_infer` and one `naca_learn`, which",
            "includes inferring, on networks that the fit has not seen: that was made to",
            f"{FITTED} random networks without frozen stages and {staged} with them, as far as",
            "each board's RAM holds them. Counted in QEMU with `-icount`, on the AVR in simavr;",
            "compiler flags are the firmware's (`-Os`). A Cortex-M0+ is taken to run what the",
            "Cortex-M0 runs.",
        ]
        TABLE.write_text("\n".join([*head, *table_of(results)]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
