"""Measures what the core's operations take on each emulated core, and fits the cost model to it.

    python benchmarks/instruction_model.py --output benchmarks/results/instruction-model.json

needs the tools of the emulated boards (`make board-tools`); with MNIST in EDGE_NACA_DATA it is
among the networks that nothing is fitted to. Writes export/cost/instruction_model.json, from which
`edge-naca inspect --board` reckons, and with --output predicted against counted on networks that
the fit has not seen. Takes about half an hour.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import results
from instruction_cycles import cycles_per_instruction
from instruction_inhibitions import held_out_inhibitions, random_inhibition_cases
from instruction_networks import SMALL, Case, held_out, random_cases
from instruction_stages import held_out_stages, random_stage_cases
from linked_sizes import sizes
from numpy.typing import NDArray
from scipy.optimize import nnls

from edge_naca.core import Core
from edge_naca.export.cost.operations import Operations, operations
from edge_naca.export.cost.processors import MEASURED_ON
from edge_naca.host import boards
from edge_naca.host.boards import BoardError
from edge_naca.host.counting import count
from edge_naca.measurement import Figure, Measurement, Table, measure

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "export" / "cost" / "instruction_model.json"
COMMAND = "python benchmarks/instruction_model.py"

FITTED, FITTED_STAGES, SMALL_STAGES, SEED = 280, 150, 60, 1
FITTED_SIGNS, SMALL_SIGNS = 60, 40
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


def count_all(board: str, elf: Path, cases: list[Case]) -> list[Counted]:
    """Count on a board every case that fits it."""
    result = []
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
        result.append(Counted(case, infer, extra, counts.infer, counts.learn))
    return result


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


def table_of(core: str, rows: list[Row]) -> Table:
    """Return counted and predicted of inferring and of learning on one core."""
    unit = unit_of(core)
    figures: list[Figure] = []
    for name, infer, infer_predicted, learn, learn_predicted in rows:
        of = {"network": name}
        pairs = {"infer": (infer, infer_predicted), "learn": (learn, learn_predicted)}
        for what, (counted, predicted) in pairs.items():
            figures += [
                Figure(of, what, counted, unit),
                Figure(of, f"{what}, predicted", predicted, unit),
                Figure(of, f"{what}, off", 100 * (predicted / counted - 1), "%", decimals=1),
            ]
    return Table(
        core, tuple(figures), f"Predictions are at most {100 * largest_error(rows):.1f} % off."
    )


def unit_of(core: str) -> str:
    """Return what is counted on a core: simavr is cycle-accurate, QEMU is not."""
    return "cycles" if core == "avr" else "instructions"


def measurement_of(tables: list[Table], unseen: list[Case]) -> Measurement:
    """Return all that was counted and predicted, with a digest of the networks and samples."""
    content = (case.image + case.samples.tobytes() + case.labels.tobytes() for case in unseen)
    return measure(
        "The cost model against the emulator",
        results.command(),
        tables,
        data={"networks and samples": results.digest(b"".join(content))},
        text="Mean instructions (cycles on the AVR) of one `naca_infer` and one `naca_learn`, "
        "which includes inferring, on networks that the fit has not seen: that was made to "
        f"{FITTED} random networks without frozen stages, {FITTED_STAGES + SMALL_STAGES} with them "
        f"and {FITTED_SIGNS + SMALL_SIGNS} of codes with a sign, most of which have an inhibition, "
        "as far as each board's RAM holds them. Counted in QEMU with `-icount`, on the AVR "
        "in simavr; compiler flags are the firmware's (`-Os`). A Cortex-M0+ is taken to run what "
        "the Cortex-M0 runs.",
    )


def main() -> None:
    parser = results.parser(__doc__)
    parser.add_argument("--cores", nargs="*", choices=list(CORES), default=list(CORES))
    arguments = parser.parse_args()
    old = json.loads(MODEL.read_text()) if MODEL.exists() else {"cores": {}}
    entries: dict[str, Any] = old["cores"]
    tables = []
    fitted_to = [
        *random_cases(FITTED, SEED),
        *random_stage_cases(FITTED_STAGES, SEED),
        *random_stage_cases(SMALL_STAGES, SEED + 1, SMALL),  # an AVR has room for few others
        *random_inhibition_cases(FITTED_SIGNS, SEED),
        *random_inhibition_cases(SMALL_SIGNS, SEED + 1, SMALL),
    ]
    unseen = [*held_out(), *held_out_stages(), *held_out_inhibitions()]
    for core in arguments.cores:
        board = CORES[core]
        elf = boards.build(board, "measure")
        known = count_all(board, elf, fitted_to)
        coefficients = fit(known)
        compared: list[Row] = []
        for one in count_all(board, elf, unseen):
            infer = predicted(coefficients, one.infer)
            learn = infer + predicted(coefficients, one.extra)
            row = (one.case.name, one.inferring.mean(), infer, one.learning.mean(), learn)
            compared.append(row)
        entries[core] = {
            "unit": unit_of(core),
            "largest_error": round(largest_error(compared), 3),
            "coefficients": coefficients,
            **sizes(core, board),
            "signal": entries[core]["signal"],  # instruction_signals.py's
        }
        tables.append(table_of(core, compared))
        print(f"{core}: fitted to {len(known)} networks. {tables[-1].text}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for core, assumed in cycles_per_instruction(Path(folder)).items():
            base = entries["cortex-m0" if core == "cortex-m0+" else core]
            entries[core] = base | assumed
    content = {"command": COMMAND, "cores": {name: entries[name] for name in sorted(entries)}}
    MODEL.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    results.publish(measurement_of(tables, unseen), arguments.output)


if __name__ == "__main__":
    main()
