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
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.core import Core
from edge_naca.export.cost.inhibition_operations import (
    RENEWAL,
    is_in_use,
    renewal,
    samples_between_renewals,
)
from edge_naca.export.cost.operations import operations
from edge_naca.export.cost.signal_operations import making, taking
from edge_naca.export.cost.targets import Target, find_target
from edge_naca.image import unpack_state
from edge_naca.network import Network
from edge_naca.signal_core import SignalCore

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
    core_flash : bytes of the core's code as linked: "core" without frozen stages and inhibition;
        what stages add, "shared", "coded" and "spiking"; what an inhibition adds, "inhibition";
        what takes signals, "signal".
    signal : of windows and their features, "coefficients" and "largest_error" as those above.
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
    signal: Mapping[str, Any]


@dataclass(frozen=True)
class Activity:
    """Mean operations of a sample, and what samples they are of.

    Parameters
    ----------
    infer, learn : of inferring, and of what learning adds, renewals of a learned inhibition
        included: spread over the samples from one to the next.
    source : for people.
    samples : how many were looked at.
    renewal : of one renewal; empty where nothing is renewed.
    renewal_every : samples from one renewal to the next; 0 where nothing is renewed.
    """

    infer: Mapping[str, float]
    learn: Mapping[str, float]
    source: str
    samples: int
    renewal: Mapping[str, float] = field(default_factory=dict)
    renewal_every: int = 0


@dataclass(frozen=True)
class Work:
    """What one inference or one learning step takes: instructions or cycles, seconds, joules.

    None is what is not known: of a processor that was not measured, a board without a known clock
    or current.
    """

    count: float | None
    seconds: float | None
    joules: float | None


@dataclass(frozen=True)
class Report:
    """What an image needs on a board.

    Parameters
    ----------
    flash, ram : bytes, by what takes them. The firmware is linked with all frozen stages, the
        inhibition and signals, as an uploaded image may ask for any. RAM of the inhibition is that
        of V, of what it is learned from, and of its codes. Of a processor that was not measured
        nothing of the firmware is among them.
    needed : bytes of flash that a program of one's own takes for this image, by what: the image,
        the core, and those stages and that inhibition which the image has.
    flash_left, ram_left : bytes that are left, negative where something does not fit; None where
        nobody knows what the board has.
    infer, learn : a learning step includes the inference that it begins with, and its share of
        renewals.
    window : of an image with a signal: taking the samples from one window to the next, and making
        its features. Always estimated.
    renewal : one renewal of a learned inhibition; None where there is none, or counts are
        measured.
    renewal_every : samples from one renewal to the next; 0 where there is none.
    measured : whether the counts come from the emulator, or else from the model.
    activity : which samples the counts are of.
    largest_error : of the model, on networks it was not fitted to, relative; None without a model.
    cycles_per_instruction : None without a model.
    """

    board: str
    target: Target
    flash: dict[str, int]
    ram: dict[str, int]
    needed: dict[str, int]
    flash_left: int | None
    ram_left: int | None
    unit: str
    infer: Work
    learn: Work
    window: Work | None
    renewal: Work | None
    renewal_every: int
    measured: bool
    activity: str
    largest_error: float | None
    cycles_per_instruction: float | None
    cycles_source: str

    @property
    def fits(self) -> bool | None:
        """Whether flash and RAM suffice; None where nobody knows."""
        left = (self.flash_left, self.ram_left)
        if any(size is not None and size < 0 for size in left):
            return False
        return None if None in left or self.target.processor.core is None else True

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
    copy = _in_use(core, x, labels, None)
    samples = np.linspace(0, len(x) - 1, min(len(x), MOST_SAMPLES)).astype(int)
    counted = [operations(copy, x[index], int(labels[index])) for index in samples]
    return _mean(core, counted, source)


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
        codes = _random_codes(core.network)
        labels = np.arange(len(codes)) % core.network.capacity
        source = "assumed: random codes, a quarter of all bits set"
    copy = _in_use(core, codes, labels, "codes")
    counted = [
        operations(copy, row, int(label), "codes") for row, label in zip(codes, labels, strict=True)
    ]
    means = _mean(core, counted, source)
    if core.network.preparation is None:
        return means
    return replace(means, infer=_as_raw(core, means.infer))


def _random_codes(network: Network) -> Array:
    """Return 20 samples, a quarter of all bits set, with either sign where codes have one."""
    rng = np.random.default_rng(0)
    shape = (20, network.inputs, network.code_bits)
    codes = np.packbits(rng.random(shape) < 0.25, axis=2, bitorder="little")[..., 0]
    if not network.encoder.is_signed:
        return codes
    return np.where(rng.random(codes.shape) < 0.5, -1, 1).astype(np.int8) * codes.astype(np.int8)


def _in_use(core: Core, x: Array, labels: Array, kind: str | None) -> Core:
    """Return a copy whose inhibition is in use, if need be after learning some of the samples."""
    network, state = core.network, unpack_state(core.network, core.state())
    if network.inhibition is None or is_in_use(network, state):
        return Core(core.image())
    soon = replace(network.inhibition, first=1, every=1)
    lesson = Core(replace(network, inhibition=soon), core.state())
    order = np.arange(MOST_SAMPLES) % len(x)
    lesson.learn_many(x[order], labels[order], kind)
    return Core(network, lesson.state())


def _prototypes(core: Core) -> tuple[Array, Array]:
    """Return codes that neurons of the first population stand for, and their classes."""
    network = core.network
    none = np.zeros((0, network.inputs), np.uint8), np.zeros(0, int)
    if network.stages:
        return none
    rule = network.populations[0].rule
    state = unpack_state(network, core.state())
    learned, inhibition = state.populations[0], network.inhibition
    if inhibition is not None and state.inhibition is None:
        return none  # nobody runs a given V backwards
    if rule is None or rule.table is None or rule.pre != "attract" or learned.wins is None:
        return none
    known = np.flatnonzero(learned.wins)
    if len(known) > MOST_SAMPLES:
        known = known[np.linspace(0, len(known) - 1, MOST_SAMPLES).astype(int)]
    codes = learned.weights[known].astype(np.float64) / 2.0**rule.trace_shift
    if inhibition is not None and state.inhibition is not None:
        codes = state.inhibition.prototypes[known] / 2.0**inhibition.fraction
    most, is_signed = 2**network.code_bits - 1, network.encoder.is_signed
    codes = np.clip(np.rint(codes), -most if is_signed else 0, most)
    return codes.astype(np.int8 if is_signed else np.uint8), rule.table[:, known].argmax(axis=0)


def _as_raw(core: Core, infer: Mapping[str, float]) -> dict[str, float]:
    """Replace the handing over of codes by the preparation of 8-bit numbers, or of real ones."""
    prep = core.network.preparation
    assert prep is not None
    gray = np.full(prep.raw_count, 100, np.uint8)
    prepared, _ = operations(core, gray, None, "raw")
    shown, _ = operations(core, core.prepare_many(gray[None])[0], None, "codes")
    prepared.subtract(shown)
    extra = {name: float(n) for name, n in prepared.items() if n > 0}
    rest = {name: n for name, n in infer.items() if name != "code taken over"}
    return rest | extra


def _mean(core: Core, counted: list[tuple[Counter[str], Counter[str]]], source: str) -> Activity:
    infer: Counter[str] = Counter()
    learn: Counter[str] = Counter()
    for one, other in counted:
        infer.update(one)
        learn.update({name: count for name, count in other.items() if name not in RENEWAL})
    n = len(counted)
    renewed, every = _renewal(core)
    shares = {name: count / every for name, count in renewed.items()}
    return Activity(
        {name: value / n for name, value in infer.items()},
        {name: value / n for name, value in learn.items()} | shares,
        source,
        n,
        renewed,
        every,
    )


def _renewal(core: Core) -> tuple[dict[str, float], int]:
    """Return the operations of a renewal, and after how many samples it comes again."""
    network, state = core.network, unpack_state(core.network, core.state())
    if state.inhibition is None:
        return {}, 0
    wins = state.populations[0].wins
    assert wins is not None
    recruited = int(np.count_nonzero(wins)) or network.populations[0].neurons
    return {name: float(n) for name, n in renewal(network, recruited).items()}, renewal_every(core)


def renewal_every(core: Core) -> int:
    """Return how many samples lie between renewals of a learned inhibition; 0 where none is."""
    network, state = core.network, unpack_state(core.network, core.state())
    if state.inhibition is None:
        return 0
    return samples_between_renewals(network, state.learned)


# ---- the report ----------------------------------------------------------------------------------


def cost_report(
    core: Core,
    board: str | Target,
    activity: Activity,
    measured: tuple[float, float] | None = None,
) -> Report:
    """Return what an image costs on a board.

    Parameters
    ----------
    core : the image's; its image is what lies in flash.
    board : as `edge_naca.export.cost.targets.find_target` takes it, or what that returned.
    activity : of the samples to reckon with.
    measured : mean counts of inferring and of learning, from an emulator, in place of the model's.

    Raises
    ------
    ValueError
        If there is no such board, with near names.
    """
    target = find_target(board) if isinstance(board, str) else board
    model = None if target.processor.core is None else find_core(target.processor.core)
    image = len(core.image())
    flash, needed = _flash(core, model, image)
    ram = _ram(core)
    if model is not None:
        ram["firmware"] = model.firmware_ram
    if target.processor.image_in_ram:
        ram["image"] = image
    inferring, learning = measured or _counts(model, activity)
    renewed = None if model is None else predict(model, activity.renewal)
    return Report(
        board=target.name,
        target=target,
        flash=flash,
        ram=ram,
        needed=needed,
        flash_left=None if target.flash is None else target.flash - sum(flash.values()),
        ram_left=None if target.ram is None else target.ram - sum(ram.values()),
        unit="instructions" if model is None else model.unit,
        infer=_work(target, model, inferring),
        learn=_work(target, model, learning),
        window=_window(target, model, core.network),
        renewal=_work(target, model, renewed) if activity.renewal else None,
        renewal_every=activity.renewal_every,
        measured=measured is not None,
        activity=activity.source,
        largest_error=None if model is None else _largest_error(model, core.network),
        cycles_per_instruction=None if model is None else model.cycles_per_instruction,
        cycles_source="" if model is None else model.cycles_source,
    )


def _counts(model: CoreModel | None, activity: Activity) -> tuple[float | None, float | None]:
    """Return the model's counts of inferring and of learning, which begins with an inference."""
    if model is None:
        return None, None
    inferring = predict(model, activity.infer)
    return inferring, inferring + predict(model, activity.learn)


def _flash(
    core: Core, model: CoreModel | None, image: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Return what takes flash on a board with our firmware, and in a program of one's own."""
    if model is None:
        return {"image": image}, {"image": image}
    parts, network = model.core_flash, core.network
    stages = sum(parts[name] for name in STAGES)
    flash = {"image": image, **{name: parts[name] for name in ("core", "inhibition", "signal")}}
    flash["stages"] = stages
    flash["firmware"] = model.firmware_flash - sum(parts.values())
    needed = {"image": image, "core": parts["core"]}
    if network.stages:
        has = {"shared": True, "coded": bool(network.coded), "spiking": bool(network.spiking)}
        needed["stages"] = sum(parts[name] for name in STAGES if has[name])
    if network.inhibition is not None:
        needed["inhibition"] = parts["shared"] + parts["inhibition"]  # its table names stages too
    if network.signal is not None:
        needed["signal"] = parts["signal"]
    return flash, needed


def _ram(core: Core) -> dict[str, int]:
    """Return what the workspace takes, and apart from it what the inhibition adds to it."""
    network = core.network
    signal = {} if network.signal is None else {"signal": SignalCore(network).memory_size}
    if network.inhibition is None:
        return {"workspace": core.workspace_size} | signal
    # Without one of low rank, what comes in is as many codes as the population hears.
    prepared = None if network.inhibition.rank else network.preparation
    bare = replace(
        network, inhibition=None, inputs=network.arriving, preparation=prepared, signal=None
    )
    without = Core(bare).workspace_size
    return {"workspace": without, "inhibition": core.workspace_size - without} | signal


def _window(target: Target, model: CoreModel | None, network: Network) -> Work | None:
    """Return what a window takes, if the network has a signal."""
    if network.signal is None:
        return None
    if model is None:
        return _work(target, None, None)
    counts = taking(network.signal) + making(network.signal)
    coefficients = model.signal["coefficients"]
    return _work(target, model, sum(coefficients.get(name, 0.0) * n for name, n in counts.items()))


def _largest_error(model: CoreModel, network: Network) -> float:
    of_signal = 0.0 if network.signal is None else float(model.signal["largest_error"])
    return max(model.largest_error, of_signal)


def _work(target: Target, model: CoreModel | None, count: float | None) -> Work:
    if model is None or count is None:
        return Work(None, None, None)
    if target.clock is None:
        return Work(count, None, None)
    seconds = count * model.cycles_per_instruction / target.clock
    current = target.current
    joules = None
    if current is not None:
        amperes = current.microamperes_per_mhz * 1e-6 * target.clock / 1e6
        joules = seconds * amperes * current.volts
    return Work(count, seconds, joules)
