"""What an image costs on a board: flash, RAM, instructions, time and energy, before flashing it.

Sizes are exact. Instructions are estimated: the operations that the image's network and the spikes
of real or assumed samples call for (`edge_naca.export.cost.operations`), times what each operation
takes on the board's core, which `benchmarks/instruction_model.py` measured on emulated boards. Time
needs cycles per instruction and energy a current on top: assumptions, whose sources the report
names.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.cost.operations import operations
from edge_naca.export.cost.targets import Target, find_target
from edge_naca.image import unpack_state

Array = NDArray[Any]

MODEL = Path(__file__).with_name("instruction_model.json")
MOST_SAMPLES = 100  # that an estimate looks at
STAGES = ("shared", "coded", "spiking")  # parts of the core


@dataclass(frozen=True)
class CoreModel:
    """A processor core, as measured.

    Parameters
    ----------
    unit : what the coefficients count: "instructions", or "cycles" (AVR).
    coefficients : of each operation.
    largest_error : of the model against the emulator, on networks it was not fitted to, relative.
    cycles_per_instruction, cycles_source : an assumption, and what it rests on.
    core_flash : bytes of the core's code as linked: "core" without frozen stages; what they add,
        "shared", "coded" and "spiking".
    firmware_flash, firmware_ram : bytes of the whole firmware (core with all stages, link, store,
        board) without an image; of its data and stack without the workspace.
    """

    unit: str
    coefficients: Mapping[str, float]
    largest_error: float
    cycles_per_instruction: float
    cycles_source: str
    core_flash: Mapping[str, int]
    firmware_flash: int
    firmware_ram: int


@dataclass(frozen=True)
class Activity:
    """Mean operations of a sample, and what samples they are of.

    Parameters
    ----------
    infer, learn : of inferring, and of what learning adds.
    source : for people.
    samples : how many were looked at.
    """

    infer: Mapping[str, float]
    learn: Mapping[str, float]
    source: str
    samples: int


@dataclass(frozen=True)
class Work:
    """What one inference or one learning step takes: instructions or cycles, seconds, joules."""

    count: float
    seconds: float
    joules: float | None


@dataclass(frozen=True)
class Report:
    """What an image needs on a board.

    Parameters
    ----------
    flash, ram : bytes, by what takes them. The firmware is linked with all frozen stages, as an
        uploaded image may ask for any.
    needed : bytes of flash that a program of one's own takes for this image, by what: the image,
        the core, and those stages that the image has.
    flash_left, ram_left : bytes that are left, negative where something does not fit.
    infer, learn : a learning step includes the inference that it begins with.
    measured : whether the counts come from the emulator, or else from the model.
    activity : which samples the counts are of.
    largest_error : of the model, on networks it was not fitted to, relative.
    """

    board: str
    target: Target
    flash: dict[str, int]
    ram: dict[str, int]
    needed: dict[str, int]
    flash_left: int
    ram_left: int
    unit: str
    infer: Work
    learn: Work
    measured: bool
    activity: str
    largest_error: float
    cycles_per_instruction: float
    cycles_source: str

    @property
    def fits(self) -> bool:
        """Whether flash and RAM suffice."""
        return self.flash_left >= 0 and self.ram_left >= 0

    def to_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self) | {"fits": self.fits}


# ---- the model -----------------------------------------------------------------------------------


@cache
def _model() -> dict[str, CoreModel]:
    content = json.loads(MODEL.read_text(encoding="utf-8"))
    return {name: CoreModel(**entry) for name, entry in content["cores"].items()}


def cores() -> list[str]:
    """Return the names of the cores that the model knows."""
    return list(_model())


def find_core(name: str) -> CoreModel:
    """Return what was measured of a core."""
    return _model()[name]


def predict(model: CoreModel, counts: Mapping[str, float]) -> float:
    """Return the instructions (or cycles) of operations."""
    return float(sum(model.coefficients.get(name, 0.0) * n for name, n in counts.items()))


# ---- activity ------------------------------------------------------------------------------------


def activity_of(core: Core, x: Array, labels: Array, source: str) -> Activity:
    """Return the mean operations of samples, learned one after another by a copy of the core.

    Parameters
    ----------
    x : raw samples (n, …) or, for a network without preparation, codes.
    labels : (n,) class numbers within the network's capacity.
    """
    copy = Core(core.image())
    samples = np.linspace(0, len(x) - 1, min(len(x), MOST_SAMPLES)).astype(int)
    return _mean(
        [operations(copy, x[index], int(labels[index])) for index in samples],
        source,
    )


def assumed_activity(core: Core) -> Activity:
    """Return the operations of samples that the network itself suggests.

    A neuron that learns by attraction holds the codes it stands for: those are presented. A network
    that has none, or frozen stages, which nobody can run backwards, gets random codes, each bit of
    which is 1 with a probability of 1/4.
    """
    codes, labels = _prototypes(core)
    if len(codes):
        source = f"{len(codes)} of the network's own neurons, taken as samples"
    else:
        rng = np.random.default_rng(0)
        shape = (20, core.network.inputs, core.network.code_bits)
        codes = np.packbits(rng.random(shape) < 0.25, axis=2, bitorder="little")[..., 0]
        labels = np.arange(20) % core.network.capacity
        source = "assumed: random codes, a quarter of all bits set"
    copy = Core(core.image())
    counted = [
        operations(copy, row, int(label), "codes") for row, label in zip(codes, labels, strict=True)
    ]
    means = _mean(counted, source)
    if core.network.preparation is None:
        return means
    return Activity(_as_raw(core, means.infer), means.learn, source, means.samples)


def _prototypes(core: Core) -> tuple[Array, Array]:
    """Return codes that neurons of the first population stand for, and their classes."""
    network = core.network
    none = np.zeros((0, network.inputs), np.uint8), np.zeros(0, int)
    if network.stages:
        return none
    rule = network.populations[0].rule
    learned = unpack_state(network, core.state()).populations[0]
    if rule is None or rule.table is None or rule.pre != "attract" or learned.wins is None:
        return none
    known = np.flatnonzero(learned.wins)
    if len(known) > MOST_SAMPLES:
        known = known[np.linspace(0, len(known) - 1, MOST_SAMPLES).astype(int)]
    weights = learned.weights[known].astype(np.float64) / 2.0**rule.trace_shift
    codes = np.clip(np.rint(weights), 0, 2**network.encoder.bits - 1).astype(np.uint8)
    return codes, rule.table[:, known].argmax(axis=0)


def _as_raw(core: Core, infer: Mapping[str, float]) -> dict[str, float]:
    """Replace the handing over of codes by the preparation of 8-bit numbers."""
    prep = core.network.preparation
    assert prep is not None
    gray = np.full(prep.raw_count, 100, np.uint8)
    prepared, _ = operations(core, gray, None, "raw")
    shown, _ = operations(core, core.prepare_many(gray[None])[0], None, "codes")
    prepared.subtract(shown)
    extra = {name: float(n) for name, n in prepared.items() if n > 0}
    rest = {name: n for name, n in infer.items() if name != "code taken over"}
    return rest | extra


def _mean(counted: list[tuple[Counter[str], Counter[str]]], source: str) -> Activity:
    infer: Counter[str] = Counter()
    learn: Counter[str] = Counter()
    for one, other in counted:
        infer.update(one)
        learn.update(other)
    n = len(counted)
    return Activity(
        {name: value / n for name, value in infer.items()},
        {name: value / n for name, value in learn.items()},
        source,
        n,
    )


# ---- the report ----------------------------------------------------------------------------------


def cost_report(
    core: Core,
    board: str,
    activity: Activity,
    measured: tuple[float, float] | None = None,
) -> Report:
    """Return what an image costs on a board.

    Parameters
    ----------
    core : the image's; its image is what lies in flash.
    board : a name in `edge_naca.export.cost.targets.TARGETS`.
    activity : of the samples to reckon with.
    measured : mean counts of inferring and of learning, from an emulator, in place of the model's.

    Raises
    ------
    ValueError
        If there is no such board; the message lists those there are.
    """
    target = find_target(board)
    model = find_core(target.core)
    image = len(core.image())
    flash, needed = _flash(core, model, image)
    ram = {"workspace": core.workspace_size, "firmware": model.firmware_ram}
    if target.image_in_ram:
        ram["image"] = image
    if measured is None:
        inferring = predict(model, activity.infer)
        learning = inferring + predict(model, activity.learn)
    else:
        inferring, learning = measured
    return Report(
        board=board,
        target=target,
        flash=flash,
        ram=ram,
        needed=needed,
        flash_left=target.flash - sum(flash.values()),
        ram_left=target.ram - sum(ram.values()),
        unit=model.unit,
        infer=_work(target, model, inferring),
        learn=_work(target, model, learning),
        measured=measured is not None,
        activity=activity.source,
        largest_error=model.largest_error,
        cycles_per_instruction=model.cycles_per_instruction,
        cycles_source=model.cycles_source,
    )


def _flash(core: Core, model: CoreModel, image: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return what takes flash on a board with our firmware, and in a program of one's own."""
    parts, network = model.core_flash, core.network
    stages = sum(parts[name] for name in STAGES)
    flash = {"image": image, "core": parts["core"], "stages": stages}
    flash["firmware"] = model.firmware_flash - parts["core"] - stages
    needed = {"image": image, "core": parts["core"]}
    if network.stages:
        has = {"shared": True, "coded": bool(network.coded), "spiking": bool(network.spiking)}
        needed["stages"] = sum(parts[name] for name in STAGES if has[name])
    return flash, needed


def _work(target: Target, model: CoreModel, count: float) -> Work:
    seconds = count * model.cycles_per_instruction / target.clock
    current = target.current
    joules = None
    if current is not None:
        amperes = current.microamperes_per_mhz * 1e-6 * target.clock / 1e6
        joules = seconds * amperes * current.volts
    return Work(count, seconds, joules)
