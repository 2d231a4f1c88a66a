"""Sensors that age for 36 months, taught to an emulated board: with learning, and without.

    python benchmarks/gas_drift.py --output benchmarks/results/gas-drift.json

Every sample of gas_drift.npz, in the order of time, goes over the UART of the emulated STM32F405;
the board answers first and is then told the gas. Beside it is the same board whose learning ends
after the first batch. Needs gas_drift.npz in EDGE_NACA_DATA and QEMU (`make ci-tools`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import results
from numpy.typing import NDArray

from edge_naca import presets
from edge_naca.core import Core
from edge_naca.host.addresses import open_link
from edge_naca.image import encode, state_size
from edge_naca.inhibition import Inhibition
from edge_naca.measurement import Figure, Measurement, Table, measure
from edge_naca.network import Network, Preparation
from edge_naca.recipes import usual_neurons
from edge_naca.specification.arithmetic import signed_log

BOARD = "qemu:netduinoplus2"
BITS, CODE_BITS, REACH = 4, 7, 4  # codes cover so many deviations of a feature in the first batch
FRACTION = 64  # raw numbers are integers: this many to the file's unit
SHIFT = 12


def network_for(raw: NDArray[np.int32], gases: int) -> Network:
    """Return a network whose preparation is scaled by the logarithms of the first batch."""
    # What the device itself makes of a number is the only logarithm worth calibrating with.
    logs = signed_log(raw.astype(np.int64))
    largest = 2**CODE_BITS - 1
    gain = np.rint(largest / (REACH * np.maximum(logs.std(axis=0), 1)) * 2**SHIFT)
    preparation = Preparation(
        (1, raw.shape[1], 1),
        log=True,
        keeps_sign=True,
        offset=np.rint(logs.mean(axis=0)).astype(int),
        gain=np.clip(gain, 1, 16383).astype(int),
        shift=SHIFT,
    )
    inhibition = Inhibition(raw.shape[1], CODE_BITS)
    neurons = usual_neurons(gases, inhibition)
    return presets.competitive(preparation, gases, neurons, bits=BITS, inhibition=inhibition)


def main() -> None:
    parser = results.parser(__doc__)
    arguments = parser.parse_args()
    path = results.data_folder(parser, "gas_drift.npz") / "gas_drift.npz"
    with np.load(path) as file:
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
    if not equal:
        raise SystemExit("the board's state differs from that of the core in the host")
    digest = results.digest(path.read_bytes())
    last = np.append(False, y[1:] == y[:-1])
    results.publish(
        measurement_of(network, digest, batch, learning, frozen, last), arguments.output
    )


def measurement_of(
    network: Network,
    digest: str,
    batch: NDArray[Any],
    learning: NDArray[Any],
    frozen: NDArray[Any],
    last: NDArray[Any],
) -> Measurement:
    """Return what share of each batch, and of all, was right.

    Parameters
    ----------
    digest : of the data.
    batch : (samples,), the number of each sample's batch.
    learning, frozen : bool (samples,), whether the answer was right: of the board that learns all
        the time, and of the one that stops after the first batch.
    last : of whoever answers with the gas that was told last.
    """
    sides = {
        "learning after every answer": learning,
        "learning off after batch 1": frozen,
        "the last gas again": last,
    }
    rows = {str(number): batch == number for number in np.unique(batch)}
    rows["all"] = np.ones(len(batch), bool)
    figures = tuple(
        Figure(
            {"batch": number}, name, 100 * float(right[rows[number]].mean()), "%",
            n=int(rows[number].sum()), decimals=2 if number == "all" else 1,
        )
        for number in rows
        for name, right in sides.items()
    )  # fmt: skip
    kib = state_size(network) / 1024
    return measure(
        "Gas sensors that drift, on an emulated STM32F405",
        results.command(),
        [Table("Right before being told", figures)],
        data={"gas_drift.npz": digest},
        text=f"{len(batch)} samples in the order of time over the board's UART, network "
        f"{network.topology} behind a population that learns to decorrelate, signed logarithms "
        "scaled by the first batch, "
        f"{kib:.1f} KiB of learned state.",
        notes=["The board's state hash at the end equals that of the core in the host."],
    )


if __name__ == "__main__":
    main()
