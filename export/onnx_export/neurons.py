"""The neurons of a spiking stage (docs/arithmetic.md, section 5.6) as ONNX nodes."""

from __future__ import annotations

import numpy as np

from edge_naca.export.onnx_export import arithmetic, windows
from edge_naca.export.onnx_export.graph import Graph, Operand, Value
from edge_naca.specification.population import SILENT
from edge_naca.stages import SpikingConvolution


class GraphNeurons:
    """The neurons of a spiking convolution at work, as values of the graph.

    Parameters
    ----------
    g : the part of the graph that bears the stage's name.
    stage, batch : what it is, and how many samples are presented side by side.
    steps : of a presentation.
    sums : int32 (batch · steps, maps, rows, columns), of the weights of what arrives; or
        (batch, …), with `is_constant`, if it is the same at every step.

    Attributes
    ----------
    potentials : int32 (batch, maps, rows, columns) of each step, before any reset.
    spikes : uint8 (batch, steps, maps, rows, columns); None of a readout.
    counts : int32 (batch, units), in the order of units: spikes of each neuron.
    left : int32 (batch, units), in the order of units: potentials after the last step.
    """

    def __init__(
        self,
        g: Graph,
        stage: SpikingConvolution,
        batch: int,
        steps: int,
        sums: Value,
        is_constant: bool,
    ) -> None:
        self._g = g
        self._batch = batch
        self._steps = steps
        self.stage = stage
        self.potentials: list[Value] = []
        self._current: Value | None = None
        self._after: list[Value] = []  # potentials after each step
        self._refractory: Value | None = None
        arriving = self._arriving(sums, is_constant)
        fired = [self._step(step, x) for step, x in enumerate(arriving)]
        known = [spikes for spikes in fired if spikes is not None]
        self.spikes = g.cast("spikes", g.stack("fired", known, 1), np.uint8) if known else None
        self.counts = self._counts()
        self.left = self._units("left", self._after[-1])

    def recorded(self) -> dict[str, Value]:
        """Return spikes, potentials and thresholds (batch, steps, units), as recordings do."""
        g, stage = self._g.within("recorded"), self.stage
        every = self._batch, self._steps, stage.units
        if self.spikes is None:
            spikes = g.zeros(every, np.uint8)
        else:
            spikes = g.reshape("spikes", self._of_steps(g, "spikes/units", self.spikes), every)
        potentials = self._of_steps(g, "potentials/units", g.stack("stacked", self.potentials, 1))
        one = stage.threshold if not stage.readout else np.full(1, SILENT)
        threshold = np.resize(one, stage.units).astype(np.int32)  # maps come last: they repeat
        return {
            "spikes": spikes,
            "potentials": g.reshape("potentials", potentials, every),
            "thresholds": g.expand("thresholds", g.initializer("threshold", threshold), every),
        }

    # ---- details ---------------------------------------------------------------------------

    def _counts(self) -> Value:
        if self.spikes is None:
            return self._g.zeros((self._batch, self.stage.units), np.int32)
        wide = self._g.cast("ones", self.spikes, np.int32)
        return self._units("counts", self._g.reduce("counts_of_maps", "ReduceSum", wide, 1))

    def _units(self, name: str, x: Value) -> Value:
        return windows.units(self._g, name, x, self._batch, self.stage.output_shape)

    def _of_steps(self, g: Graph, name: str, x: Value) -> Value:
        """Return (batch, steps, maps, rows, columns) in the order of units."""
        count = self._batch * self._steps
        rows, columns, maps = self.stage.output_shape
        apart = g.reshape(f"{name}/planes", x, (count, maps, rows, columns))
        return windows.units(g, name, apart, count, self.stage.output_shape)

    def _each(self, name: str) -> Operand:
        """Return a parameter: one number, or one for each map or neuron."""
        numbers = getattr(self.stage, name).astype(np.int32)
        if (numbers == numbers[0]).all():
            return int(numbers[0])
        if self.stage.own:
            numbers = np.moveaxis(numbers.reshape(self.stage.output_shape), 2, 0)
        else:
            numbers = numbers.reshape(-1, 1, 1)
        return self._g.shared(name, numbers)

    def _arriving(self, sums: Value, is_constant: bool) -> list[Value]:
        """Return what arrives at each step, int32 (batch, maps, rows, columns)."""
        g, stage = self._g, self.stage
        if stage.current_shift:
            sums = g.op("currents", "Mul", sums, 1 << stage.current_shift)
        if stage.bias.any():
            sums = g.op("currents_and_bias", "Add", sums, self._each("bias"))
        if is_constant:
            return [sums] * self._steps
        shape = self._batch, self._steps, stage.maps, *stage.output
        of_steps = g.reshape("currents_of_steps", sums, shape)
        return [g.part(f"arriving_{step}", of_steps, 1, step) for step in range(self._steps)]

    def _step(self, step: int, arriving: Value) -> Value | None:
        """Take a step; return who spikes, bool (batch, maps, rows, columns)."""
        v = self._integrate(step, arriving)
        held = None
        if self._refractory is not None:
            held = self._g.op(f"held_{step}", "Greater", self._refractory, 0)
            v = self._g.op(f"held_potential_{step}", "Where", held, 0, v)
        self.potentials.append(v)
        if self.stage.readout:
            self._after.append(v)
            return None
        spikes = self._spikes(step, v, held)
        self._after.append(self._reset(step, v, spikes))
        return spikes

    def _integrate(self, step: int, arriving: Value) -> Value:
        g = self._g
        if self.stage.synapse_decay is not None:
            decay = self._each("synapse_decay")
            faded = arithmetic.scale(g, f"current_fades_{step}", self._current, decay)
            self._current = arriving = self._sum(f"current_{step}", faded, arriving)
        before = self._after[-1] if self._after else None
        kept = arithmetic.scale(g, f"leak_{step}", before, self._each("decay"))
        return self._sum(f"potential_{step}", kept, arriving)

    def _sum(self, name: str, kept: Value | None, added: Value) -> Value:
        total = arithmetic.add(self._g, f"{name}/sum", kept, added)
        assert total is not None
        return arithmetic.saturate(self._g, name, total)

    def _spikes(self, step: int, v: Value, held: Value | None) -> Value:
        g, threshold, name = self._g, self._each("threshold"), f"spikes_{step}"
        if held is None:
            return g.op(name, "Greater", v, threshold)
        crossed = g.op(f"crossed_{step}", "Greater", v, threshold)
        return g.op(name, "And", crossed, g.op(f"ready_{step}", "Not", held))

    def _reset(self, step: int, v: Value, spikes: Value) -> Value:
        """Start the refractory time, and return the potentials after the spikes."""
        g, stage = self._g, self.stage
        if stage.refractory:
            waits: Operand = 0
            if self._refractory is not None:  # below 0 is as good as 0: nobody asks but whether > 0
                waits = g.op(f"waits_{step}", "Sub", self._refractory, 1)
            rest = g.constant(stage.refractory, np.int32)
            self._refractory = g.op(f"refractory_{step}", "Where", spikes, rest, waits)
        own = g.constant(0, np.int32)
        if stage.reset == "subtract":
            less = g.op(f"subtracted_{step}", "Sub", v, self._each("reset_by"))
            own = arithmetic.saturate(g, f"reset_{step}", less)
        return g.op(f"left_{step}", "Where", spikes, own, v)
