"""What a decorrelating population learns (docs/arithmetic.md, sections 7.5 and 7.6) as ONNX nodes.

Rows of V change one after another in the core, each by what the rows above it had. Here they change
at once: what rows above had is a cumulative sum of old values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge_naca.export.onnx_export import arithmetic
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.inhibition import scaled
from edge_naca.export.onnx_export.plasticity import Learners, put_back
from edge_naca.inhibition import LARGEST_COUNT, Inhibition, triangle
from edge_naca.network import Population
from edge_naca.specification.inhibition import (
    DEVIATION_BITS,
    GREATEST_SHIFT,
    LARGEST_FACTOR,
    LARGEST_MEAN,
    LARGEST_OUTPUT,
    LARGEST_PROTOTYPE,
    LARGEST_REACH,
    LARGEST_RESIDUAL,
    MEAN_OVER,
    ONE,
)

_ROOT_BITS = 17  # the root of a ratio of 1 is 2**16
_MOST_SCALE = 90  # what the first row begins with, over 2**factor_shift, at most
_KEYS = {"factor": 256, "prototypes": 257}  # added to the presentation's key


@dataclass
class Decorrelating:
    """The learned state of an inhibition while a sample is being learned.

    Parameters
    ----------
    g : the part of the graph that bears its name.
    inhibition : what it is.
    x : int8 (1, inputs), the codes that came in.
    state : by the names of `image.Decorrelation`: as before the sample, then as after it. V and
        its factor are (inputs, neurons), 0 where an input does not reach a neuron; prototypes
        (inputs, neurons of the first population).
    key : uint32 (), the presentation's key.
    """

    g: Graph
    inhibition: Inhibition
    x: Value
    state: dict[str, Value]
    key: Value
    _column: Value = field(init=False)  # x, int64 (inputs, 1), in units of prototypes

    def __post_init__(self) -> None:
        column = self.g.reshape("column", self.x, (self.inhibition.inputs, 1))
        wide = self.g.cast("column_int64", column, np.int64)
        self._column = self.g.op("target", "Mul", wide, 1 << self.inhibition.fraction)

    def _wide(self, name: str) -> Value:
        return self.g.cast(f"{name}_before", self.state[name], np.int64)

    def _draws(self, name: str, counters: Value) -> Value:
        word = self.g.op(f"{name}/key/word", "Add", self.key, _KEYS[name])
        key = arithmetic.hash32(self.g, f"{name}/key", word)
        return arithmetic.draws(self.g, f"{name}/draws", key, counters)

    # ---- section 7.5 -------------------------------------------------------------------------

    def learn(self, own: Value, is_taught: Value) -> None:
        """Learn the residual of a neuron's prototype.

        Parameters
        ----------
        own : int64 (1,), the neuron.
        is_taught : bool (), whether there is such a neuron at all.
        """
        g, inputs = self.g.within("factor"), self.inhibition.inputs
        prototype = g.op("prototype", "Gather", self.state["prototypes"], own, axis=1)
        known = g.cast("prototype_int64", prototype, np.int64)
        known = g.op("known", "Clip", known, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)
        difference = g.op("difference", "Sub", self._column, known)
        residual = arithmetic.divide_down(g, "residual", difference, 2)
        squares = g.op("squares", "Mul", residual, residual)
        mean = g.op("mean", "Div", g.reduce("power", "ReduceSum", squares, 0, 1), inputs)
        before = {name: self._wide(name) for name in ("count", "mean", "factor_shift", "factor")}
        after = self._noted(g, before, mean)
        counters = g.initializer(
            "counters",
            np.arange(inputs, dtype=np.uint32)[:, None]
            + np.array([triangle(row) for row in range(inputs + 1)], np.uint32),
        )
        words = self._draws("factor", counters)
        heads = g.op("heads", "BitwiseAnd", g.cut("last_words", words, 1, inputs, inputs + 1), 1)
        words = g.cut("words", words, 1, 0, inputs)
        residual = self._with_noise(g, residual, after["mean"], heads)
        after["factor"] = self._stepped(g, after, residual, words)
        for name, value in after.items():
            kept = g.op(f"{name}_after", "Where", is_taught, value, before[name])
            self.state[name] = g.cast(f"{name}_next", kept, self.state[name].dtype)

    def _noted(self, g: Graph, before: dict[str, Value], mean: Value) -> dict[str, Value]:
        """The first residual sets the factor's scale; others move the running mean square."""
        is_first = g.op("is_first", "Equal", before["count"], 0)
        count = g.op("count", "Min", g.op("one_more", "Add", before["count"], 1), LARGEST_COUNT)
        deviation = g.op("deviation", "Max", arithmetic.square_root(g, "root", mean), 1)
        product = g.op("start_product", "Mul", deviation, self.inhibition.start)
        limits = g.constant([(_MOST_SCALE + 1) << place for place in range(1, 20)], np.int64)
        shift = arithmetic.reached(g, "first_shift", product, limits, 1)
        one = g.op("one", "Gather", arithmetic.powers(g, np.int64), shift)
        whole = g.op("whole", "Mul", one, 1 << DEVIATION_BITS)
        raised = g.op("raised", "Add", whole, g.op("half", "Div", deviation, 2))
        diagonal = g.op("diagonal", "Div", raised, deviation)
        unit = g.initializer("unit", np.eye(self.inhibition.inputs, dtype=np.int64))
        old = g.op("old_mean", "Min", before["mean"], LARGEST_MEAN)
        away = g.op("away", "Abs", g.op("mean_difference", "Sub", mean, old))
        moves = g.op("mean_moves", "Div", away, g.op("mean_over", "Min", count, MEAN_OVER))
        rises = g.op("mean_rises", "Greater", mean, old)
        later = g.op(
            "later_mean",
            "Where",
            rises,
            g.op("risen_mean", "Add", old, moves),
            g.op("fallen_mean", "Sub", old, moves),
        )
        firsts = {
            "mean": mean,
            "factor_shift": shift,
            "factor": g.op("first_factor", "Mul", unit, diagonal),
        }
        laters = before | {"mean": later}
        return {"count": count} | {
            name: g.op(f"{name}_noted", "Where", is_first, first, laters[name])
            for name, first in firsts.items()
        }

    def _with_noise(self, g: Graph, residual: Value, mean: Value, heads: Value) -> Value:
        noise = self.inhibition.noise
        whole = g.op("mean_whole", "Mul", g.op("mean_high", "Div", mean, 256), noise)
        part = g.op("mean_part", "Mul", g.op("mean_low", "Mod", mean, 256), noise)
        power = g.op("noise_power", "Add", whole, g.op("mean_rest", "Div", part, 256))
        size = arithmetic.square_root(g, "noise_size", power)
        is_up = g.op("noise_is_up", "Equal", heads, 1)
        noises = g.op("noise", "Where", is_up, size, g.op("noise_down", "Neg", size))
        noisy = g.op("noisy", "Add", residual, noises)
        return g.op("residual_limited", "Clip", noisy, -LARGEST_RESIDUAL, LARGEST_RESIDUAL)

    def _stepped(self, g: Graph, after: dict[str, Value], residual: Value, words: Value) -> Value:
        """The step of rank 1, int64 (inputs, neurons)."""
        factor, count = after["factor"], after["count"]
        place = g.op("output_shift", "Mod", after["factor_shift"], 32)
        divisor = g.op("output_divisor", "Gather", arithmetic.powers(g, np.int64), place)
        sums = g.reduce(
            "sums", "ReduceSum", g.op("products", "Mul", factor, residual), 0, keep=True
        )
        raised = g.op("output_raised", "Add", sums, g.op("output_half", "Div", divisor, 2))
        output = arithmetic.divide_down(g, "output_wide", raised, divisor)
        output = g.op("output", "Clip", output, -LARGEST_OUTPUT, LARGEST_OUTPUT)
        own, other = self._shares(g, count, output)
        columns = g.constant(1, np.int64)
        weighed = g.op("weighed", "Mul", factor, output)
        weighed = arithmetic.divide_down(g, "weighed_half", weighed, 2)
        above = g.op("rows_above", "CumSum", weighed, columns, exclusive=1)
        above = arithmetic.divide_down(g, "rows_above_scaled", above, 32)
        kept = g.op("own_change", "Mul", factor, own)
        change = g.op("change_wide", "Sub", kept, g.op("others_change", "Mul", above, other))
        noise = g.cast("draw", g.op("draw_low", "BitwiseAnd", words, ONE - 1), np.int64)
        change = g.op("change_and_draw", "Add", change, noise)
        moved = g.op("moved", "Add", factor, arithmetic.divide_down(g, "change", change, ONE))
        return g.op("moved_limited", "Clip", moved, -LARGEST_FACTOR, LARGEST_FACTOR)

    def _shares(self, g: Graph, count: Value, output: Value) -> tuple[Value, Value]:
        """What a row keeps of its own, less 1, and gives up of the rows above it, in 2**-20ths."""
        growth = g.op(
            "growth", "Add", g.op("growing", "Div", g.constant(ONE >> 1, np.int64), count), ONE
        )
        size = g.op("output_size", "Abs", output)
        squares = g.op("output_squares", "Mul", size, size)
        so_far = g.op("squares_so_far", "CumSum", squares, g.constant(1, np.int64))
        start = g.op("start_power", "Mul", count, 1 << 2 * DEVIATION_BITS)
        after = g.op("power_after", "Add", so_far, start)
        power = g.op("power_before", "Sub", after, squares)
        ratio = g.op("ratio", "Div", g.op("power_wide", "Mul", power, 1 << 32), after)
        shrink = arithmetic.square_root(g, "shrink", ratio, _ROOT_BITS)
        joint = g.op("joint", "Div", g.op("joint_wide", "Mul", after, shrink), 65536)
        grown = g.op("own_grown", "Div", g.op("own_wide", "Mul", shrink, growth), 65536)
        own = g.op("own", "Sub", grown, ONE)
        part = g.op("other_part", "Div", g.op("other_wide", "Mul", size, 1 << 26), joint)
        other = g.op("other_size", "Div", g.op("other_grown", "Mul", part, growth), ONE)
        return own, g.op("other", "Mul", other, g.op("output_sign", "Sign", output))

    def attract(self, learners: Learners) -> None:
        """Move prototypes of neurons whose gain is positive, as their weights move."""
        g, inputs = self.g.within("prototypes"), self.inhibition.inputs
        stored = self.state["prototypes"]
        if learners.places is not None:
            stored = g.op("of_learners", "Gather", stored, learners.places, axis=1)
        wide = g.cast("int64", stored, np.int64)
        old = g.op("old", "Clip", wide, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)
        firsts = g.op("first_counters", "Mul", learners.numbers, inputs)
        column = g.reshape("input_numbers", g.numbers(inputs, np.uint32), (inputs, 1))
        words = self._draws("prototypes", g.op("counters", "Add", column, firsts))
        noise = g.cast("noise", g.op("low_bits", "BitwiseAnd", words, 65535), np.int64)
        gain = g.cast("gain", learners.gain, np.int64)
        gain = arithmetic.divide_down(g, "gain_scaled", gain, 16)
        change = g.op("change_wide", "Mul", gain, g.op("term", "Sub", self._column, old))
        change = g.op("change_and_noise", "Add", change, noise)
        moved = g.op("moved", "Add", old, arithmetic.divide_down(g, "change", change, 65536))
        moved = g.op("limited", "Clip", moved, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)
        learns = g.op("learns", "Greater", learners.gain, 0)
        new = g.cast("new", g.op("new_int64", "Where", learns, moved, wide), np.int16)
        self.state["prototypes"] = put_back(
            g, "all_of_them", learners, inputs, self.state["prototypes"], new
        )

    # ---- section 7.6 -------------------------------------------------------------------------

    def renew(
        self, population: Population, bits: int, learned: Value, wins: Value, weights: Value
    ) -> Value:
        """Take V from its factor into use, if that is due.

        Parameters
        ----------
        population : the first, which has learned the sample.
        bits : of the magnitude of a code that goes out.
        learned : uint32 (), samples learned, this one included.
        wins : uint16 (1, neurons), the population's, this sample's included.
        weights : int8 (inputs, neurons), the population's.

        Returns
        -------
        int8 (inputs, neurons), the population's weights after that.
        """
        g = self.g.within("renewal")
        rule = population.rule
        assert rule is not None
        is_due = self._is_due(g, learned)
        narrow, rows, divisors = self._narrowed(g)
        self._replace(g, "weights", is_due, narrow)
        self._replace(g, "row_shifts", is_due, rows)
        recruited = g.op("recruited", "Greater", g.cast("wins", wins, np.int32), 0)
        known = self._known(g)
        centre = self._centre(g, narrow, known, recruited)
        self._replace(g, "centre", is_due, centre)
        sums = g.op("centred_sums", "Sub", self._projections(g, narrow, known), centre)
        shift = self._reach(g, bits, sums, divisors, recruited, population.neurons)
        self._replace(g, "shift", is_due, shift)
        fraction = rule.trace_shift
        places = g.op("places", "Add", shift, self.inhibition.fraction - fraction)
        largest = (2**bits - 1) << fraction
        new = scaled(g.within("weights"), sums, g.op("shifts", "Sub", places, rows), largest)
        new = g.op("new_weights", "Clip", new, population.weight_min, population.weight_max)
        new = g.op("new_of_inputs", "Transpose", new, perm=[1, 0])
        changes = g.op("changes", "And", recruited, is_due)
        old = g.cast("old_weights", weights, np.int64)
        return g.cast("weights_int8", g.op("weights_int64", "Where", changes, new, old), np.int8)

    def _replace(self, g: Graph, name: str, is_due: Value, new: Value) -> None:
        old = g.cast(f"{name}_old", self.state[name], np.int64)
        kept = g.op(f"{name}_kept", "Where", is_due, new, old)
        self.state[name] = g.cast(f"{name}_next", kept, self.state[name].dtype)

    def _is_due(self, g: Graph, learned: Value) -> Value:
        first, every = self.inhibition.first, self.inhibition.every
        samples = g.cast("samples", learned, np.int64)
        if every:
            beyond = g.op("beyond", "Sub", samples, first)
            is_time = g.op("is_time", "Equal", g.op("rest", "Mod", beyond, every), 0)
            is_late = g.op("is_late", "GreaterOrEqual", beyond, 0)
            is_due = g.op("is_due", "And", is_time, is_late)
        else:  # at each doubling of the first
            times = [first << place for place in range(32) if first << place < 1 << 32]
            hits = g.op("hits", "Equal", samples, g.constant(times, np.int64))
            hit = g.reduce("hit", "ReduceMax", g.cast("hits_int64", hits, np.int64), 0)
            is_due = g.cast("is_due", hit, bool)
        some = g.op("some_learned", "Greater", g.cast("count", self.state["count"], np.int64), 0)
        return g.op("renews", "And", is_due, some)

    def _narrowed(self, g: Graph) -> tuple[Value, Value, Value]:
        """The factor in 8 bits, int64 (inputs, neurons), shifts and divisors of its rows."""
        factor = g.cast("factor", self.state["factor"], np.int64)
        greatest = g.reduce("greatest", "ReduceMax", g.op("sizes", "Abs", factor), 0)
        column = g.reshape("greatest_column", greatest, (self.inhibition.inputs, 1))
        limits = g.constant([128 << place for place in range(9)], np.int64)
        rows = arithmetic.reached(g, "rows", column, limits, 0)
        divisors = g.op("row_divisors", "Gather", arithmetic.powers(g, np.int64), rows)
        raised = g.op("raised", "Add", factor, g.op("row_halves", "Div", divisors, 2))
        narrow = arithmetic.divide_down(g, "narrow", raised, divisors)
        return g.op("narrow_limited", "Clip", narrow, -127, 127), rows, divisors

    def _known(self, g: Graph) -> Value:
        """Prototypes, whatever the state holds, int32 (inputs, neurons)."""
        stored = g.cast("prototypes", self.state["prototypes"], np.int32)
        return g.op("known", "Clip", stored, -LARGEST_PROTOTYPE, LARGEST_PROTOTYPE)

    def _centre(self, g: Graph, narrow: Value, known: Value, recruited: Value) -> Value:
        """What V makes of the mean of recruited neurons' prototypes, int64 (inputs,)."""
        half = LARGEST_PROTOTYPE + 1
        raised = g.cast("raised_int64", g.op("raised_known", "Add", known, half), np.int64)
        ones = g.cast("recruits_int64", recruited, np.int64)
        total = g.reduce("sum", "ReduceSum", g.op("recruits", "Mul", raised, ones), 1, keep=True)
        count = g.reduce("recruits_count", "ReduceSum", ones, 0, 1)
        divisor = g.op("recruits_or_1", "Max", count, 1)
        mean = g.op("mean", "Sub", g.op("raised_mean", "Div", total, divisor), half)
        some = g.op("has_recruits", "Greater", count, 0)
        mean = g.op("mean_or_0", "Where", some, mean, 0)
        return g.reduce("centre", "ReduceSum", g.op("centre_parts", "Mul", narrow, mean), 0)

    def _projections(self, g: Graph, narrow: Value, known: Value) -> Value:
        """What V makes of prototypes, int64 (neurons, inputs)."""
        rows = g.op("prototypes_of_neurons", "Transpose", known, perm=[1, 0])
        weights = g.cast("narrow_int8", narrow, np.int8)
        sums = arithmetic.signed_product(g, "sums", rows, LARGEST_PROTOTYPE, weights)
        return g.cast("sums_int64", sums, np.int64)

    def _reach(
        self, g: Graph, bits: int, sums: Value, divisors: Value, recruited: Value, neurons: int
    ) -> Value:
        """The shift that lets codes reach far enough, int64 ()."""
        codes = arithmetic.divide_down(g, "sums_in_codes", sums, 1 << self.inhibition.fraction)
        wide = g.op("reach_wide", "Mul", codes, divisors)
        reached = g.op("reach", "Clip", wide, -LARGEST_REACH, LARGEST_REACH)
        squares = g.op("squares", "Div", g.op("squares_wide", "Mul", reached, reached), 256)
        ones = g.cast("recruited_int64", recruited, np.int64)
        column = g.reshape("recruited_column", ones, (neurons, 1))
        known = g.op("known_squares", "Mul", squares, column)
        power = g.reduce("power", "ReduceSum", known, 0, 1)
        total = g.op("total", "Mul", power, self.inhibition.reach**2)
        count = g.reduce("recruits_again", "ReduceSum", ones, 0, 1)
        room = g.op("room", "Mul", count, self.inhibition.inputs)
        first = max(3 - bits, 1)
        factors = [1 << 2 * (bits + place - 3) for place in range(first, GREATEST_SHIFT - bits)]
        limits = g.op("limits", "Mul", room, g.constant(factors, np.int64))
        return arithmetic.reached(g, "shift", total, limits, first)
