"""Whole ONNX models: inference, and one step of learning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, checker, helper, shape_inference

import edge_naca
from edge_naca import image
from edge_naca.core import Core
from edge_naca.export.onnx_export import answer, arithmetic
from edge_naca.export.onnx_export.contexts import SecondContext, variable_context
from edge_naca.export.onnx_export.graph import Graph, Value
from edge_naca.export.onnx_export.learning import learn
from edge_naca.export.onnx_export.presentation import Learned, Presentation, sample_shape
from edge_naca.export.onnx_export.priors import priors_of
from edge_naca.export.onnx_export.properties import properties
from edge_naca.export.onnx_export.state import (
    NEXT,
    changing_names,
    decorrelation_of,
    population_names,
    tensors_of,
)
from edge_naca.network import Network, Rule
from edge_naca.specification.priors import Priors

OPSET = 21
IR_VERSION = 10  # the one that came with operator set 21

_ABOUT = {
    "inference": "Spiking network of edge-naca: one presentation, in integers, equal to the core "
    "bit for bit.",
    "learning": "Spiking network of edge-naca: predicts, then learns one sample, in integers, "
    f"equal to the core bit for bit. Feed each NAME{NEXT} to NAME with the next sample.",
}


class _Builder:
    """What both kinds of model are made of."""

    def __init__(
        self, network: Network, tensors: dict[str, NDArray[Any]], input_type: str, batch: int | None
    ) -> None:
        self.network = network
        self.g = Graph()
        self._tensors = tensors
        self._input_type = input_type
        self._batch = batch
        self._axes = () if batch is None else (batch,)
        codes = "int8" if network.encoder.is_signed else "uint8"
        dtype = {"codes": codes, "spikes": codes, "window": "int16"}.get(input_type, input_type)
        if (
            input_type == "window"
            and network.signal is not None
            and network.signal.affine is not None
        ):
            dtype = "float32"
        shape = (*self._axes, *sample_shape(network, input_type))
        self._sample = self.g.input("sample", dtype, shape)

    def state(self, names: list[str]) -> dict[str, Value]:
        """Add the state: the named tensors as inputs, the others as initializers."""
        return {
            name: self.g.input(name, array.dtype, array.shape)
            if name in names
            else self.g.initializer(name, array)
            for name, array in self._tensors.items()
        }

    def present(self, state: dict[str, Value], keep_norms: bool) -> Presentation:
        """Add a presentation of the sample."""
        learned = []
        for name, population in zip(
            population_names(self.network), self.network.populations, strict=True
        ):
            norms = None
            if keep_norms and population.norm_shift is not None:
                wide = self._tensors[f"{name}.weights"].astype(np.int32)
                norms = self.g.initializer(
                    f"{name}.norms", (wide * wide).sum(axis=0, keepdims=True, dtype=np.int32)
                )
            priors = self._priors(name, population.rule, state, keep_norms)
            wins = state.get(f"{name}.wins")
            second = self._second_context(name, state, keep_norms)
            learned.append(Learned(state[f"{name}.weights"], norms, wins, priors, second))
        self.key = arithmetic.presentation_key(self.g, "key", self.network.seed, state["learned"])
        return Presentation(
            self.g,
            self.network,
            learned,
            self._sample,
            self._input_type,
            self.key,
            self._batch or 1,
            decorrelation_of(state),
        )

    def _priors(
        self, name: str, rule: Rule | None, state: dict[str, Value], are_constant: bool
    ) -> Value | None:
        """Return the priors of a population, int32 (1, neurons); None where there are none."""
        if rule is None or not rule.has_priors:
            return None
        if are_constant:
            priors = Priors(rule, self._tensors[f"{name}.means"].astype(np.int64))
            values = priors.values(self._tensors[f"{name}.wins"].astype(np.int64))
            return self.g.initializer(f"{name}.priors", values[None].astype(np.int32))
        g = self.g.within(f"{name}/priors")
        wins = g.cast("wins_int32", state[f"{name}.wins"], np.int32)
        return priors_of(g, rule, wins, state[f"{name}.means"])

    def _second_context(
        self, name: str, state: dict[str, Value], are_constant: bool
    ) -> SecondContext | None:
        """Return the second context of a population; None where there is none."""
        offset = self._tensors.get(f"{name}.offset")
        if offset is None or (are_constant and not offset.any()):
            return None
        g = self.g.within(f"{name}/contexts")
        if not are_constant:
            return variable_context(g, state[f"{name}.weights"], state[f"{name}.offset"])
        row = offset[None].astype(np.int32)
        products = row @ self._tensors[f"{name}.weights"].astype(np.int32)
        return SecondContext(g.initializer("offset", row), g.initializer("products", products))

    def answer(self, shown: Presentation) -> None:
        """Add the outputs that say what the presentation gave."""
        g = self.g.within("answer")
        spikes, synops = answer.spikes_and_synops(g, shown)
        self.g.output("prediction", answer.prediction(g, shown), self._axes)
        self.g.output("margin", answer.margin(g, shown), self._axes)
        self.g.output("spikes", spikes, self._axes)
        self.g.output("synops", synops, self._axes)
        self.g.output("counts", answer.counts(shown), (*self._axes, self.network.capacity))

    def record(self, shown: Presentation) -> None:
        """Add every spike, potential and threshold as outputs."""
        steps = self.network.encoder.steps
        self.g.output("input.spikes", shown.inputs, (*self._axes, steps, self.network.encoded))
        for name, neurons in zip(shown.neuron_names, shown.neurons, strict=True):
            shape = (*self._axes, steps, neurons.stage.units)
            for what, value in neurons.recorded().items():
                self.g.output(f"{name}.{what}", value, shape)
        for name, layer in zip(population_names(self.network), shown.layers, strict=True):
            g = self.g.within(f"{name}/recorded")
            zeros = layer.zeros()
            none = g.zeros((self._batch or 1, layer.population.neurons), np.uint8)
            parts = {
                "spikes": [
                    none if spikes is None else g.cast(f"spikes_{step}", spikes, np.uint8)
                    for step, spikes in enumerate(layer.spikes)
                ],
                "potentials": [zeros if v is None else v for v in layer.potentials],
                "thresholds": [layer.shown_threshold(step) for step in range(steps)],
            }
            for what, values in parts.items():
                shape = (*self._axes, steps, layer.population.neurons)
                self.g.output(f"{name}.{what}", g.stack(what, values, 1), shape)

    def teach(self, shown: Presentation, state: dict[str, Value]) -> None:
        """Add the label, and the state after learning as outputs."""
        g, network = self.g, self.network
        classes = g.numbers(network.capacity, np.int64)
        # Gather refuses what is out of range, but counts negative places from the end: as a word,
        # a negative label is out of range too.
        given = g.input("label", np.int32, ())
        word = g.cast("label/word", given, np.uint32)
        label = g.op("label/class", "Gather", classes, g.cast("label/place", word, np.int64))
        lessons, following = learn(g, network, shown, self.key, label, state)
        changes: Value | None = None
        for name, lesson in zip(population_names(network), lessons, strict=True):
            if lesson is None:
                continue
            following[f"{name}.weights"] = lesson.weights
            if lesson.wins is not None:
                following[f"{name}.wins"] = lesson.wins
            if lesson.means is not None:
                following[f"{name}.means"] = lesson.means
            changes = arithmetic.add(g, f"{name}/changes_so_far", changes, lesson.changes)
        total = g.constant(0, np.int32) if changes is None else changes
        g.output("changes", g.cast("changes/word", total, np.uint32), ())
        for name, value in following.items():
            g.output(name + NEXT, value, self._tensors[name].shape)


def build(
    core: Core, *, learning: bool, input_type: str, batch: int | None, record: bool
) -> ModelProto:
    """Return the model of a core and what it has learned; see `to_onnx`."""
    network = core.network
    tensors = tensors_of(network, image.unpack_state(network, core.state()))
    builder = _Builder(network, tensors, input_type, batch)
    values = builder.state(changing_names(network) if learning else [])
    shown = builder.present(values, keep_norms=not learning)
    builder.answer(shown)
    if learning:
        builder.teach(shown, values)
    if record:
        builder.record(shown)
    kind = "learning" if learning else "inference"
    model = helper.make_model(
        builder.g.proto(f"edge_naca_{kind}"),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edge-naca",
        producer_version=edge_naca.__version__,
        doc_string=_ABOUT[kind],
    )
    helper.set_model_props(model, properties(core, kind, input_type))
    model = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    checker.check_model(model, full_check=True)
    return model
