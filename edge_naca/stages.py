"""Frozen stages: what a network computes before its populations, and never changes.

*Coded* stages turn codes into codes, before the encoder: convolution, dense layer and pooling of a
quantised network with ReLUs. *Spiking* stages turn spikes into spikes, after the encoder: leaky
integrate-and-fire neurons behind a convolution or a dense layer, and sum pooling of spikes.
docs/arithmetic.md, sections 3 and 5, gives the meaning of every number.

Units of a stage are numbered channels last: (row · columns + column) · channels + channel. Only
what the first stage of a network is given comes plane after plane, as preparation makes it:
(channel · height + row) · width + column. A dense layer is a convolution whose kernel covers all
of its input, or one of 1 × 1 over an input of 1 × 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.image_records import CODED_MAP, SPIKING_NEURON, STAGE, STAGE_FIELDS
from edge_naca.limits import choice, integers, whole
from edge_naca.records import Field, check

MAX_STAGES = 16
MAX_STAGE_UNITS = 65535
MAX_FAN_IN = 32767
MAX_MAPS = STAGE["maps"].range[1]
MAX_BIAS = SPIKING_NEURON["bias"].range[1]
MAX_CODED_BIAS = CODED_MAP["bias"].range[1]
MAX_SHIFT = CODED_MAP["shift"].range[1]
MAX_SUM = 1 << 30  # of what can reach a neuron in one step

POOLS = ("sum", "max")
RESETS = ("zero", "subtract")

Array = NDArray[Any]
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Window:
    """How a kernel moves over an input: what convolutions and pools have in common.

    Parameters
    ----------
    shape : (height, width, channels) of the input.
    kernel, stride, dilation : (vertical, horizontal).
    padding : (top, left): rows and columns of nothing before the input.
    output : (rows, columns) of the output; None for what the same padding below and on the right
        gives. Padding there may be larger or smaller: it is whatever `output` needs.
    """

    shape: tuple[int, int, int]
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    output: Pair = (0, 0)

    def __post_init__(self) -> None:
        if len(self.shape) != 3:
            raise ValueError(f"shape must be (height, width, channels), not {self.shape}")
        for name, size in zip(("height", "width"), self.shape, strict=False):
            STAGE["in"].check(size, name=name)
        STAGE["channels"].check(self.shape[2])
        for name in ("kernel", "stride", "padding", "dilation", "output"):
            if len(getattr(self, name)) != 2:
                raise ValueError(f"{name} must be a pair (vertical, horizontal)")
        reach = []
        for axis in (0, 1):
            for name in ("kernel", "stride", "dilation"):
                STAGE[name].check(getattr(self, name)[axis])
            reach.append((self.kernel[axis] - 1) * self.dilation[axis] + 1)
            most = min(STAGE["before"].range[1], reach[axis] - 1)
            whole("padding", self.padding[axis], 0, most)
            most = self.shape[axis] + 2 * self.padding[axis] + 1
            whole("the kernel's reach", reach[axis], 1, most)
        if self.output == (0, 0):
            rows, columns = (
                (self.shape[axis] + 2 * self.padding[axis] - reach[axis]) // self.stride[axis] + 1
                for axis in (0, 1)
            )
            object.__setattr__(self, "output", (rows, columns))
        for axis, name in enumerate(("rows", "columns")):
            # The last window begins within the input.
            last = (self.shape[axis] + self.padding[axis] - 1) // self.stride[axis] + 1
            whole(f"{name} of the output", self.output[axis], 1, last)
        whole("the number of units", self.units, 1, MAX_STAGE_UNITS)
        whole("the number of inputs", int(np.prod(self.shape)), 1, MAX_STAGE_UNITS)

    @property
    def maps(self) -> int:
        """Channels of the output."""
        return self.shape[2]

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """(rows, columns, maps)."""
        return (*self.output, self.maps)

    @property
    def units(self) -> int:
        """Numbers, or spike outputs, that come out."""
        return self.output[0] * self.output[1] * self.maps


@dataclass(frozen=True, eq=False, kw_only=True)
class _Convolution(Window):
    """What coded and spiking convolutions have in common.

    Parameters
    ----------
    weights : int8 (maps, channels / groups, kernel height, kernel width); gives the kernel.
    groups : channels and maps are cut into so many groups that do not hear each other.
    """

    weights: Array
    groups: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", integers("weights", self.weights, np.int8))
        if self.weights.ndim != 4:
            raise ValueError(
                "weights must be (maps, channels / groups, kernel height, kernel width), "
                f"not {self.weights.shape}"
            )
        object.__setattr__(self, "kernel", tuple(map(int, self.weights.shape[2:])))
        super().__post_init__()
        STAGE["maps"].check(self.maps)
        STAGE["groups"].check(self.groups)
        channels = self.shape[2]
        if channels % self.groups or self.maps % self.groups:
            raise ValueError(
                f"{self.groups} groups divide neither {channels} channels nor {self.maps} maps"
                if channels % self.groups and self.maps % self.groups
                else f"{self.groups} groups must divide {channels} channels and {self.maps} maps"
            )
        if self.weights.shape[1] != channels // self.groups:
            raise ValueError(
                f"weights must reach {channels // self.groups} channels, "
                f"not {self.weights.shape[1]}"
            )
        whole("the fan-in of a unit", self.fan_in, 1, MAX_FAN_IN)

    @property
    def maps(self) -> int:
        """Channels of the output."""
        return int(self.weights.shape[0])

    @property
    def fan_in(self) -> int:
        """Inputs that reach one unit, at most."""
        return int(np.prod(self.weights.shape[1:]))


def _numbers(
    stage: object, field: Field, dtype: type[np.integer[Any]], count: int, high: int | None = None
) -> None:
    """Bring a parameter of `stage` to one number for each of `count`, at most `high`."""
    numbers = integers(field.name, getattr(stage, field.name), dtype).reshape(-1)
    if numbers.size not in (1, count):
        raise ValueError(f"{field.name} must hold one number or {count}, not {numbers.size}")
    field.check(int(numbers.min()), high)
    field.check(int(numbers.max()), high)
    result = np.ascontiguousarray(np.broadcast_to(numbers, count))
    result.flags.writeable = False
    object.__setattr__(stage, field.name, result)


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedConvolution(_Convolution):
    """Codes to codes: ``clamp(round_shift(sum + bias, shift), 0, 2**bits − 1)``.

    Parameters
    ----------
    code_bits, bits : of the codes that come in and go out.
    bias : int32 (maps,), in the unit of the sum.
    shift : uint8 (maps,): the sum is divided by 2**shift.
    """

    code_bits: int = 8
    bits: int = 8
    bias: Array = field(default_factory=lambda: np.zeros(1, np.int32))
    shift: Array = field(default_factory=lambda: np.zeros(1, np.uint8))

    def __post_init__(self) -> None:
        super().__post_init__()
        check(STAGE_FIELDS["coded_convolution"], self)
        _numbers(self, CODED_MAP["bias"], np.int32, self.maps)
        _numbers(self, CODED_MAP["shift"], np.uint8, self.maps)


@dataclass(frozen=True, eq=False, kw_only=True)
class CodedPool(Window):
    """Codes to codes: the greatest of a window, or ``round_shift(sum · gain, shift)``, limited.

    Parameters
    ----------
    pool : "sum" or "max".
    code_bits, bits : of the codes that come in and go out.
    gain, shift : of the sum; 1 and 0 with "max".
    """

    pool: str = "sum"
    code_bits: int = 8
    bits: int = 8
    gain: int = 1
    shift: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("pool", self.pool, POOLS)
        fixed = {"gain": (1, 1), "shift": (0, 0)} if self.pool == "max" else {}
        check(STAGE_FIELDS["coded_pool"], self, **fixed)
        if self.dilation != (1, 1):
            raise ValueError("a pool cannot be dilated")
        most = self.kernel[0] * self.kernel[1] * (2**self.code_bits - 1) * self.gain
        if most > MAX_SUM:
            raise ValueError(f"sum times gain may reach {most}, more than {MAX_SUM}")


@dataclass(frozen=True, eq=False, kw_only=True)
class SpikingConvolution(_Convolution):
    """Leaky integrate-and-fire neurons behind a convolution or a dense layer.

    Each of the arrays holds one number for all neurons, one for each map, or, with `own`, one for
    each neuron (in the order of units).

    Parameters
    ----------
    bias : int32, ±2**23: what reaches the neuron at every step.
    threshold : int32, ±2**26: the neuron spikes when its potential exceeds it.
    reset : "zero", or "subtract", which takes `reset_by` from the potential.
    reset_by : int32, 0 .. 2**24; all 0 with "zero".
    decay : uint16 of the membrane potential, per step, in 256ths.
    synapse_decay : uint16 of the synaptic current, in 256ths; None if there is no such filter.
    current_shift : the sum of spiking weights is multiplied by 2**current_shift.
    refractory : steps after a spike in which the potential is held at 0; reset "zero" only.
    readout : neurons never spike, the greatest potential is the answer: the last stage of a
        network without populations.
    own : parameters are each neuron's own, not shared by a map.
    """

    bias: Array = field(default_factory=lambda: np.zeros(1, np.int32))
    threshold: Array = field(default_factory=lambda: np.zeros(1, np.int32))
    reset: str = "zero"
    reset_by: Array = field(default_factory=lambda: np.zeros(1, np.int32))
    decay: Array = field(default_factory=lambda: np.full(1, 256, np.uint16))
    synapse_decay: Array | None = None
    current_shift: int = 0
    refractory: int = 0
    readout: bool = False
    own: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        choice("reset", self.reset, RESETS)
        count = self.units if self.own else self.maps
        subtracts = self.reset == "subtract"
        _numbers(self, SPIKING_NEURON["bias"], np.int32, count)
        _numbers(self, SPIKING_NEURON["threshold"], np.int32, count)
        _numbers(self, SPIKING_NEURON["reset_by"], np.int32, count, None if subtracts else 0)
        _numbers(self, SPIKING_NEURON["decay"], np.uint16, count)
        if self.synapse_decay is not None:
            _numbers(self, SPIKING_NEURON["synapse_decay"], np.uint16, count)
        fixed = {"refractory": (0, 0)} if subtracts else {}
        check(STAGE_FIELDS["spiking_convolution"], self, **fixed)


@dataclass(frozen=True, eq=False, kw_only=True)
class SpikingPool(Window):
    """Every spike in a window is passed on: where windows hold several, their number counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dilation != (1, 1):
            raise ValueError("a pool cannot be dilated")

    @property
    def overlap(self) -> int:
        """Windows that one spike falls into, at most."""
        vertical, horizontal = (-(-k // s) for k, s in zip(self.kernel, self.stride, strict=True))
        return vertical * horizontal


CodedStage = CodedConvolution | CodedPool
SpikingStage = SpikingConvolution | SpikingPool
Stage = CodedStage | SpikingStage


def coded_stages(stages: tuple[Stage, ...]) -> tuple[CodedStage, ...]:
    """Return the coded stages: those at the beginning."""
    return tuple(s for s in stages if isinstance(s, (CodedConvolution, CodedPool)))


def spiking_stages(stages: tuple[Stage, ...]) -> tuple[SpikingStage, ...]:
    """Return the spiking stages: those at the end."""
    return tuple(s for s in stages if isinstance(s, (SpikingConvolution, SpikingPool)))


def check_chain(stages: tuple[Stage, ...], inputs: int, bits: int, is_direct: bool) -> None:
    """Check that each stage fits the one before.

    Parameters
    ----------
    inputs : numbers that the first stage is given.
    bits : of the encoder's codes.
    is_direct : whether the encoder is "direct".

    Raises
    ------
    ValueError
        If a stage does not fit; the message names it.
    """
    whole("the number of stages", len(stages), 0, MAX_STAGES)
    most, events, before, codes = 1, 0, None, None
    for number, stage in enumerate(stages):
        name = f"stages[{number}]"
        if before is None:
            if int(np.prod(stage.shape)) != inputs:
                raise ValueError(f"{name}: a shape of {stage.shape} is not {inputs} inputs")
        elif stage.shape != before.output_shape:
            raise ValueError(
                f"{name}: its shape {stage.shape} is not what comes before, {before.output_shape}"
            )
        if isinstance(stage, (CodedConvolution, CodedPool)):
            if isinstance(before, (SpikingConvolution, SpikingPool)):
                raise ValueError(f"{name}: coded stages come before spiking ones")
            if codes is not None and stage.code_bits != codes:
                raise ValueError(f"{name}: code_bits must be {codes}, as what comes before has")
            codes = stage.bits
        elif isinstance(stage, SpikingPool):
            if is_direct and not isinstance(before, SpikingConvolution):
                raise ValueError(f"{name}: a direct encoder speaks to a convolution, not to a pool")
            if isinstance(before, SpikingPool):
                raise ValueError(f"{name}: a pool cannot follow a pool; make them one")
            events = int(np.prod(stage.shape)) * stage.overlap
            whole(f"{name}: spikes that may come out in a step", events, 1, MAX_STAGE_UNITS)
            most = stage.kernel[0] * stage.kernel[1]
        else:
            if is_direct and not isinstance(before, (SpikingConvolution, SpikingPool)):
                most = 2**bits - 1
            reach = stage.fan_in * 128 * most << stage.current_shift
            if reach > MAX_SUM:
                raise ValueError(
                    f"{name}: what may reach a neuron in a step, {reach}, exceeds {MAX_SUM}: "
                    "lower current_shift"
                )
            if stage.readout and number + 1 < len(stages):
                raise ValueError(f"{name}: only the last stage can be a readout")
            most = 1
        before = stage
    if codes is not None and codes != bits:
        raise ValueError(f"the last coded stage gives {codes} bits, the encoder takes {bits}")
