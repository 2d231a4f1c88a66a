"""Sensors that age for 36 months, taught to an emulated board: with learning, and without.

    python benchmarks/gas_drift.py --output benchmarks/gas-drift.md

Every sample of gas_drift.npz, in the order of time, goes over the UART of the emulated STM32F405;
the board answers first and is then told the gas. Beside it is the same board whose learning ends
after the first batch. Needs gas_drift.npz in EDGE_NACA_DATA and QEMU (`make ci-tools`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.host.addresses import open_link
from edge_naca.image import encode, state_size
from edge_naca.network import Network, Preparation
from edge_naca.specification.arithmetic import signed_log

BOARD = "qemu:netduinoplus2"
BITS, REACH = 4, 3  # codes cover so many deviations of a feature in the first batch
NEURONS, RATE_FLOOR, DEPRESSION = 40, 0.3, 0.25  # for each gas
FRACTION = 64  # raw numbers are integers: this many to the file's unit
SHIFT = 12


def network_for(raw: NDArray[np.int32], gases: int) -> Network:
    """Return a network whose preparation is scaled by the logarithms of the first batch."""
    # What the device itself makes of a number is the only logarithm worth calibrating with.
    logs = signed_log(raw.astype(np.int64))
    largest = 2**BITS - 1
    gain = np.rint(largest / (REACH * np.maximum(logs.std(axis=0), 1)) * 2**SHIFT)
    preparation = Preparation(
        (1, raw.shape[1], 1),
        log=True,
        signed=True,
        offset=np.rint(logs.mean(axis=0)).astype(int),
        gain=np.clip(gain, 1, 16383).astype(int),
        shift=SHIFT,
    )
    return presets.competitive(
        preparation, gases, NEURONS, bits=BITS, rate_floor=RATE_FLOOR, depression=DEPRESSION
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file to write the figures to")
    arguments = parser.parse_args()
    folder = data.folder()
    if folder is None:
        parser.error(f"set {data.VARIABLE} to the folder that holds gas_drift.npz")
    with np.load(folder / "gas_drift.npz") as file:
        x, batch = file["x"], file["batch"]
        y = file["y"].astype(int) - 1
    raw = np.rint(x.astype(np.float64) * FRACTION).astype(np.int32)
    first = batch == batch[0]
    network = network_for(raw[first], int(y.max()) + 1)
    twin = Core(network)
    twin.learn_many(raw, y)
    with open_link(BOARD) as device:
        device.push(encode(network))
        learning = device.learn_many(raw, y)["prediction"] == y
        equal = device.hash() == twin.state_hash()
        device.reset("learned")
        start = device.learn_many(raw[first], y[first])["prediction"]
        frozen = np.concatenate([start, device.predict_many(raw[~first])]) == y
    lines = _table(network, batch, learning, frozen, equal)
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")


def _table(
    network: Network, batch: NDArray[Any], learning: Any, frozen: Any, equal: bool
) -> list[str]:
    kib = state_size(network) / 1024
    setting = (
        f"{len(batch)} samples in the order of time over the board's UART, network "
        f"{network.topology}, {BITS}-bit codes of signed logarithms scaled by the first batch, "
        f"{kib:.1f} KiB of learned state. Right before being told:"
    )
    lines = [
        "# Gas sensors that drift, on an emulated STM32F405",
        "",
        "`python benchmarks/gas_drift.py --output benchmarks/gas-drift.md`",
        "",
        setting,
        "",
        "| batch | learning after every answer | learning off after batch 1 |",
        "|---|---|---|",
    ]
    for number in np.unique(batch):
        chosen = batch == number
        cells = (f"{100 * side[chosen].mean():.1f} %" for side in (learning, frozen))
        lines.append(f"| {number} | {' | '.join(cells)} |")
    lines.append(f"| **all** | **{100 * learning.mean():.2f} %** | {100 * frozen.mean():.2f} % |")
    same = "equals" if equal else "DIFFERS FROM"
    return [*lines, "", f"The board's state hash at the end {same} that of the core in the host."]


if __name__ == "__main__":
    main()
