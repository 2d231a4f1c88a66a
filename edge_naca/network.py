"""The description of a network: what it computes and how it learns, without any learned state.

Descriptions are immutable. `edge_naca.presets` makes the usual ones, `edge_naca.image` writes them
as images, and both `edge_naca.Core` (the C core) and `edge_naca.Specification` (numpy) run them.
docs/arithmetic.md gives the meaning of every number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.affine import Affine
from edge_naca.image_records import (
    COMPETITION_FIELDS,
    CURVE_FIELDS,
    ENCODER_FIELDS,
    GAIN,
    NETWORK,
    NEURON_FIELDS,
    POPULATION,
    PREPARATION,
    RULE_FIELDS,
)
from edge_naca.inhibition import Inhibition
from edge_naca.limits import (
    FULL_LEVEL,
    MAX_POPULATION_STEPS,
    MAX_UNITS,
    SIGNED_CODE_BITS,
    choice,
    integers,
    whole,
)
from edge_naca.records import check
from edge_naca.signal_features import Signal
from edge_naca.stages import (
    CodedStage,
    SpikingConvolution,
    SpikingPool,
    SpikingStage,
    Stage,
    check_chain,
    coded_stages,
    spiking_stages,
)

RESETS = ("zero", "subtract")

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Preparation:
    """From a sensor's raw numbers to codes (docs/arithmetic.md, section 3).

    Parameters
    ----------
    shape : (height, width, channels) of a raw sample; (1, n, 1) for a plain vector.
    spatial : "pool" (sums over `cell` × `cell` pixels of each channel; with a cell of 1 the numbers
        themselves) or "edges" (the strongest of four orientations of each pixel's gradient, capped
        at `cap`, summed over `cell` × `cell` pixels).
    log : take the signed binary logarithm of every raw number first.
    signed : split each feature into an "on" and an "off" input; else negative features become 0.
    keeps_sign : codes have the sign of their features, for an encoder that takes signs.
    offset, gain : int16 and uint16 (at most 16383), one for all features or one for each;
        a feature becomes ``(x − offset) · gain / 2**shift``, rounded, within ±1023.
    affine : what makes integers of raw numbers that are real, before everything else; None where
        they are integers.
    norm : scale every sample to this Euclidean norm of its codes; 0 leaves it as it is.
    """

    shape: tuple[int, int, int]
    spatial: str = "pool"
    cell: int = 1
    cap: int = 32767
    log: bool = False
    signed: bool = False
    keeps_sign: bool = False
    offset: Array = field(default_factory=lambda: np.zeros(1, np.int16))
    gain: Array = field(default_factory=lambda: np.ones(1, np.uint16))
    shift: int = 0
    norm: int = 0
    affine: Affine | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3:
            raise ValueError(f"shape must be (height, width, channels), not {self.shape}")
        check(PREPARATION.fields.values(), self)
        if self.signed and self.keeps_sign:
            raise ValueError("features are either split (signed) or keep their sign, not both")
        object.__setattr__(self, "offset", integers("offset", self.offset, np.int16).reshape(-1))
        object.__setattr__(self, "gain", integers("gain", self.gain, np.uint16).reshape(-1))
        GAIN.check(int(self.gain.max(initial=0)))
        if self.offset.size != self.gain.size or self.offset.size not in (1, self.features):
            raise ValueError(
                f"offset and gain must both hold one number or {self.features}, one for each "
                f"feature, not {self.offset.size} and {self.gain.size}"
            )
        if self.affine is not None and self.affine.size not in (1, self.raw_count):
            raise ValueError(
                f"affine must hold one map or {self.raw_count}, one for each raw number, not "
                f"{self.affine.size}"
            )

    @property
    def height(self) -> int:
        """Rows of a raw sample."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Columns of a raw sample."""
        return self.shape[1]

    @property
    def channels(self) -> int:
        """Numbers of each pixel of a raw sample."""
        return self.shape[2]

    @property
    def raw_count(self) -> int:
        """Numbers in a raw sample."""
        return self.height * self.width * self.channels

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return -(-self.height // self.cell), -(-self.width // self.cell)

    @property
    def features(self) -> int:
        """Numbers that come out before the on/off split: plane after plane of cells."""
        rows, columns = self.grid
        return rows * columns * self.channels * (4 if self.spatial == "edges" else 1)

    @property
    def outputs(self) -> int:
        """Codes that come out."""
        return self.features * (2 if self.signed else 1)


@dataclass(frozen=True)
class Encoder:
    """From codes of `bits` bits to spikes over `steps` steps (docs/arithmetic.md, section 4).

    "bitplane" sends bit t of a code at step t, so that `steps` equals `bits`; "rate" draws spikes
    with probability ``code / 2**bits``; "latency" sends one spike, the earlier the larger the code;
    "direct" sends the code itself at every step, to a spiking stage. With `is_signed` codes have a
    sign, −(2**bits − 1) .. 2**bits − 1, and negative ones give off spikes, which reach the same
    synapses and are subtracted: "bitplane" only, of at most 7 bits.
    """

    kind: str = "bitplane"
    bits: int = 4
    steps: int = 4
    is_signed: bool = False

    def __post_init__(self) -> None:
        check(ENCODER_FIELDS[:3], self)
        is_signed = whole("is_signed", int(self.is_signed), 0, 1) == 1
        object.__setattr__(self, "is_signed", is_signed)
        if self.is_signed and (self.kind != "bitplane" or self.bits > SIGNED_CODE_BITS):
            raise ValueError(
                f"codes with a sign need a bitplane encoder of at most {SIGNED_CODE_BITS} bits"
            )
        if self.kind == "bitplane" and self.steps != self.bits:
            raise ValueError(f"a bitplane encoder of {self.bits} bits takes as many steps")


@dataclass(frozen=True, eq=False)
class Rule:
    """A three-factor rule (docs/arithmetic.md, section 7): rate · signal · post · pre-term.

    Parameters
    ----------
    post : "all", "delta" (the paper's Δs) or "winner" (expectation-gated competition).
    signal : "table" (the label's neuromodulator, through `table`) or "error" (expectation minus
        rate, output population only).
    pre : "spike", "attract" (towards the presynaptic trace) or "bounded" (soft bounds).
    table : int8 (classes, neurons), 64 standing for a modulation of 1; None with "error".
    rates : int16, 16384 standing for 1: the learning rate after that many wins, the last one from
        then on.
    depress_rate : int16 in the same unit, for neurons that fire against a negative modulation.
    rate_shift : the product is divided by 2**rate_shift; 20 undoes the two units above.
    trace_shift : a trace is multiplied by 2**trace_shift to become the weight it asks for.
    trace_decay, trace_increment : a trace fades by decay / 256 a step, a spike adds the increment.
    handicap : homeostasis: score lost for each past win, in 16ths.
    recruit : score of a neuron that has never won.
    delta_margin : how far below threshold still counts as a spike for "delta" (the paper's ℓ).
    depress_from : wins from which on a neuron of another class is depressed: consolidation.
    levels : uint8 (ages, ranks), 0 .. 64, 64 standing for 1: the label's level at the recruited
        neurons behind the winner, the best first, "winner" only. The row is that of the class's
        age, the bits of the number of its samples learned; the last one from then on.
    share, rarity : priors in the open competition, in 256ths, 0 for none, "winner" with "attract"
        only: by how much of its class's wins is a neuron's own, and by how few wins its class has
        a neuron (docs/arithmetic.md, section 7.7).
    drift : how large, in 256ths of the mean squared distance to winners, the mean of what winners
        leave unexplained may become before a second context is recruited; 0 for none, "winner"
        with "attract" only (docs/arithmetic.md, section 7.8).
    unknown : the novelty, in 4096ths, above which the network answers none; 0 for never, "winner"
        with "attract" only (docs/arithmetic.md, section 7.9).
    """

    post: str
    signal: str
    pre: str
    table: Array | None = None
    rates: Array = field(default_factory=lambda: np.full(1, 16384, np.int16))
    depress_rate: int = 0
    rate_shift: int = 20
    trace_shift: int = 0
    trace_decay: int = 256
    trace_increment: int = 1
    handicap: int = 0
    recruit: int = 0
    delta_margin: int = 0
    depress_from: int = 0
    levels: Array = field(default_factory=lambda: np.zeros((0, 0), np.uint8))
    share: int = 0
    rarity: int = 0
    drift: int = 0
    unknown: int = 0

    @property
    def ages(self) -> int:
        """Rows of `levels`."""
        return len(self.levels)

    @property
    def ranks(self) -> int:
        """Columns of `levels`: neurons that learn behind the winner."""
        return self.levels.shape[1]

    @property
    def has_priors(self) -> bool:
        """Whether neurons have priors in the open competition, or the means that these need."""
        return self.share > 0 or self.rarity > 0 or self.drift > 0

    def __post_init__(self) -> None:
        if (self.table is None) != (self.signal == "error"):
            raise ValueError("a table of modulation is needed exactly when signal is 'table'")
        if self.signal == "error" and self.post == "winner":
            raise ValueError("post 'winner' needs signal 'table': the table says who competes")
        if self.table is not None:
            object.__setattr__(self, "table", integers("table", self.table, np.int8))
        object.__setattr__(self, "rates", integers("rates", self.rates, np.int16).reshape(-1))
        levels = integers("levels", self.levels, np.uint8)
        object.__setattr__(self, "levels", levels if levels.size else levels.reshape(0, 0))
        if self.levels.ndim != 2:
            raise ValueError(f"levels must be (ages, ranks), not {self.levels.shape}")
        if self.levels.size and self.post != "winner":
            raise ValueError(f"levels are of post 'winner', not {self.post!r}")
        whole("the greatest level", int(self.levels.max(initial=0)), 0, FULL_LEVEL)
        is_competitive = (self.post, self.pre) == ("winner", "attract")
        if (self.has_priors or self.unknown > 0) and not is_competitive:
            raise ValueError(
                "share, rarity, drift and unknown are of post 'winner' with pre 'attract', not of "
                f"{self.post!r} with {self.pre!r}"
            )
        if self.drift > 0 and self.trace_shift < 0:
            raise ValueError(f"drift needs a trace_shift of 0 or more, not {self.trace_shift}")
        check((*RULE_FIELDS, *COMPETITION_FIELDS), self)


@dataclass(frozen=True, eq=False)
class Curve:
    """A table that the current passes through: entry ``(sum >> shift) + 128``, ends repeated.

    Parameters
    ----------
    current : int16 (256,), what reaches the membrane.
    slope : uint8 (256,), its slope, by which learning with pre "spike" is multiplied.
    """

    current: Array
    slope: Array
    shift: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "current", integers("current", self.current, np.int16))
        object.__setattr__(self, "slope", integers("slope", self.slope, np.uint8))
        for name in ("current", "slope"):
            if getattr(self, name).shape != (256,):
                raise ValueError(f"{name} must hold 256 numbers, not {getattr(self, name).shape}")
        check(CURVE_FIELDS, self)


@dataclass(frozen=True, eq=False)
class Population:
    """A dense population of leaky integrate-and-fire neurons (docs/arithmetic.md, section 5).

    Parameters
    ----------
    neurons : how many.
    weight_bits, zero_point : 8, or 4 with weights of ``−zero_point .. 15 − zero_point``.
    weight_min, weight_max : what learning keeps weights within; 0 lies between them.
    decay : of the membrane potential, per step, in 256ths (128 halves it).
    current_shift : the current is the sum of spiking weights times 2**current_shift.
    threshold : the constant part; a neuron spikes when its potential exceeds its threshold.
    norm_shift : if not None, the threshold also holds the squared norm of the neuron's weights
        over 2**norm_shift, however they move.
    adaptation, adaptation_decay : added to the threshold by each spike, and how it fades (256ths).
    reset : "zero" or "subtract" (the threshold is subtracted).
    refractory : steps after a spike in which a neuron hears nothing and stays silent.
    fire_from : first step at which a neuron may spike.
    winners : lateral inhibition lets so many neurons spike in a step, those furthest above their
        thresholds; 0 for no limit.
    inhibition : what each spike takes from the potential of every neuron that did not spike.
    bias : one more input, which spikes at every step.
    curve : what the current passes through, if anything.
    rule : how it learns; None for a population that does not.
    """

    neurons: int
    weight_bits: int = 8
    zero_point: int = 0
    weight_min: int = -128
    weight_max: int = 127
    decay: int = 256
    current_shift: int = 0
    threshold: int = 0
    norm_shift: int | None = None
    adaptation: int = 0
    adaptation_decay: int = 0
    reset: str = "zero"
    refractory: int = 0
    fire_from: int = 0
    winners: int = 0
    inhibition: int = 0
    bias: bool = False
    curve: Curve | None = None
    rule: Rule | None = None

    def __post_init__(self) -> None:
        if self.weight_bits not in (4, 8):
            raise ValueError(f"weight_bits must be 4 or 8, not {self.weight_bits}")
        # What 4 bits can hold depends on what stands for 0 in them.
        POPULATION["zero_point"].check(self.zero_point, high=15 if self.weight_bits == 4 else 0)
        low, high = self.weight_range
        check(
            NEURON_FIELDS,
            self,
            weight_min=(low, 0),
            weight_max=(0, high),
            winners=(0, self.neurons),
        )
        choice("reset", self.reset, RESETS)
        if self.rule is not None and self.rule.pre == "attract" and self.bias:
            raise ValueError("a population with a bias cannot learn with pre 'attract'")

    @property
    def weight_range(self) -> tuple[int, int]:
        """Smallest and largest weight that can be stored."""
        if self.weight_bits == 8:
            return -128, 127
        return -self.zero_point, 15 - self.zero_point

    @property
    def padded(self) -> int:
        """Neurons, rounded up to a multiple of 4: what is stored."""
        return -(-self.neurons // 4) * 4


@dataclass(frozen=True, eq=False)
class Network:
    """Preparation, frozen stages around the encoder, populations.

    The last population is the output, a neuron for each class. Without populations the last stage
    is, which must be a spiking convolution.

    Parameters
    ----------
    inputs : codes of a sample.
    encoder, populations : see there.
    preparation : None if samples come as codes or events only.
    seed : of everything random, 0 .. 2**32 − 1.
    metadata : what people should know, kept in the image as JSON: class names, how it was made.
    optional : sections of the image that this version does not know and need not: kept as they are.
    stages : frozen stages (`edge_naca.stages`): coded ones before the encoder, spiking ones after.
    inhibition : a decorrelating population between preparation and encoder; not with stages.
    signal : what makes raw samples of windows of a sensor's signal; None where they come ready.
    """

    inputs: int
    encoder: Encoder
    populations: tuple[Population, ...]
    preparation: Preparation | None = None
    seed: int = 0
    metadata: dict[str, Any] = field(default_factory=dict)
    optional: dict[str, bytes] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    inhibition: Inhibition | None = None
    signal: Signal | None = None

    def __post_init__(self) -> None:
        NETWORK["inputs"].check(self.inputs)
        NETWORK["seed"].check(self.seed)
        object.__setattr__(self, "populations", tuple(self.populations))
        object.__setattr__(self, "stages", tuple(self.stages))
        NETWORK["populations"].check(len(self.populations), name="the number of populations")
        if self.populations:
            name = "steps of a network with populations"
            whole(name, self.encoder.steps, 1, MAX_POPULATION_STEPS)
        self._check_stages()
        NETWORK["capacity"].check(self.capacity, name="the output's neurons")
        if self.preparation is not None and self.preparation.outputs != self.inputs:
            raise ValueError(
                f"preparation gives {self.preparation.outputs} codes, inputs is {self.inputs}"
            )
        for index, population in enumerate(self.populations):
            self._check_population(index, population)
        self._check_signs()
        self._check_inhibition()
        self._check_signal()

    def _check_signal(self) -> None:
        raw = 0 if self.preparation is None else self.preparation.raw_count
        if self.signal is not None and self.signal.features != raw:
            raise ValueError(
                f"the signal makes {self.signal.features} features of a window, preparation takes "
                f"{raw} numbers"
            )

    def _check_signs(self) -> None:
        keeps_sign = self.preparation is not None and self.preparation.keeps_sign
        if keeps_sign and not self.encoder.is_signed:
            raise ValueError("preparation keeps signs, so the encoder must take them (is_signed)")
        if not self.encoder.is_signed:
            return
        if self.stages:
            raise ValueError("codes with a sign do not pass frozen stages")
        first = self.populations[0]
        if first.bias:
            raise ValueError("populations[0]: no bias behind codes with a sign")
        rule = first.rule
        if rule is not None and not (rule.pre == "attract" and self.is_code_trace(rule)):
            raise ValueError(
                "populations[0]: behind codes with a sign a rule needs pre 'attract' with the code "
                "as its trace: trace_decay 128, trace_increment 2**(bits − 1)"
            )

    def is_code_trace(self, rule: Rule) -> bool:
        """Return whether traces of the encoder's spikes are codes (docs/arithmetic.md, 5.1)."""
        increment = 1 << (self.encoder.bits - 1)
        is_bits = self.encoder.kind == "bitplane"
        return is_bits and rule.trace_decay == 128 and rule.trace_increment == increment

    def _check_inhibition(self) -> None:
        inhibition = self.inhibition
        if inhibition is None:
            return
        if not self.encoder.is_signed:
            raise ValueError("an inhibition gives codes with a sign: the encoder must take them")
        whole("inputs of the inhibition", inhibition.inputs, self.inputs, self.inputs)
        first = self.populations[0]
        rule = first.rule
        if inhibition.is_learned and (
            rule is None
            or rule.post != "winner"
            or rule.rate_shift != 20
            or rule.trace_shift < 0
            or first.weight_bits != 8
        ):
            raise ValueError(
                "a learned inhibition needs populations[0] to learn with post 'winner', pre "
                "'attract', rate_shift 20, no negative trace_shift and 8-bit weights"
            )
        if inhibition.is_learned and rule is not None and rule.drift > 0:
            raise ValueError("populations[0]: no drift behind a learned inhibition")

    def _check_stages(self) -> None:
        is_direct = self.encoder.kind == "direct"
        check_chain(self.stages, self.inputs, self.encoder.bits, is_direct)
        if is_direct and not self.spiking:
            raise ValueError("a direct encoder needs a spiking stage to speak to")
        last = self.stages[-1] if self.stages else None
        if not self.populations:
            if not isinstance(last, SpikingConvolution):
                raise ValueError("a network without populations must end in a spiking convolution")
            return
        if isinstance(last, SpikingConvolution) and last.readout:
            raise ValueError("a readout cannot be followed by populations: it never spikes")
        whole("units before the populations", self.arriving, 1, MAX_UNITS)
        rule = self.populations[0].rule
        pools = isinstance(last, SpikingPool)
        if pools and rule is not None and rule.pre != "attract":
            raise ValueError(
                f"populations[0]: pre {rule.pre!r} takes spikes, but a pool passes on numbers of "
                "spikes: end with a convolution, or use 'attract'"
            )

    def _check_population(self, index: int, population: Population) -> None:
        name = f"populations[{index}]"
        whole(f"{name}.fire_from", population.fire_from, 0, self.encoder.steps - 1)
        rule = population.rule
        if rule is None:
            return
        if rule.signal == "error" and population is not self.populations[-1]:
            raise ValueError(f"{name}: only the output population can learn from its error")
        shape = (self.capacity, population.neurons)
        if rule.table is not None and rule.table.shape != shape:
            raise ValueError(f"{name}: table must be {shape}, not {rule.table.shape}")
        for what, is_set in (("drift", rule.drift > 0), ("unknown", rule.unknown > 0)):
            if is_set:
                last = self.encoder.steps - 1
                whole(f"{name}.fire_from with {what}", population.fire_from, last, last)

    @property
    def capacity(self) -> int:
        """How many classes there is room for."""
        return self.populations[-1].neurons if self.populations else self.stages[-1].units

    @property
    def coded(self) -> tuple[CodedStage, ...]:
        """The stages before the encoder."""
        return coded_stages(self.stages)

    @property
    def spiking(self) -> tuple[SpikingStage, ...]:
        """The stages after the encoder."""
        return spiking_stages(self.stages)

    @property
    def code_bits(self) -> int:
        """Bits of a sample's codes."""
        if self.inhibition is not None:
            return self.inhibition.code_bits
        return self.coded[0].code_bits if self.coded else self.encoder.bits

    @property
    def encoded(self) -> int:
        """Codes that the encoder turns into spikes."""
        if self.inhibition is not None:
            return self.inhibition.outputs
        return self.coded[-1].units if self.coded else self.inputs

    @property
    def arriving(self) -> int:
        """Spike inputs of the first population."""
        return self.stages[-1].units if self.stages else self.encoded

    @property
    def units(self) -> int:
        """Neurons that can be recorded: those of spiking stages, then those of populations."""
        neurons = [s.units for s in self.spiking if isinstance(s, SpikingConvolution)]
        return sum(neurons) + sum(population.neurons for population in self.populations)

    @property
    def topology(self) -> str:
        """Inputs, outputs of stages, neurons of populations, like 196-300-10 or 784-14×14×8-10."""
        sizes = [str(self.inputs)]
        for stage in self.stages:
            flat = stage.output == (1, 1)
            sizes.append(str(stage.maps) if flat else "×".join(map(str, stage.output_shape)))
        return "-".join(sizes + [str(population.neurons) for population in self.populations])

    def rows(self, index: int) -> int:
        """Presynaptic units of a population, its bias included."""
        before = self.arriving if index == 0 else self.populations[index - 1].neurons
        return before + self.populations[index].bias
