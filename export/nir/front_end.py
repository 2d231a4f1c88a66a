"""NIR files as frozen stages: in front of learning populations, or as a network of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.core import Core
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.check import USES, Check
from edge_naca.export.conversion.input_layout import CalibrationError, Layout, layout_of
from edge_naca.export.conversion.layers import (
    ConversionError,
    Finding,
    Float,
    Layer,
    Neurons,
    Report,
    Shape,
)
from edge_naca.export.conversion.result import Conversion
from edge_naca.export.conversion.segments import Source, conversion_findings
from edge_naca.export.conversion.spiking import convert
from edge_naca.export.conversion.trial import findings_of, made_up
from edge_naca.export.nir.events import EventSamples, event_samples
from edge_naca.export.nir.options import NirOptions, assumptions, filled
from edge_naca.export.nir.read import nir_layers, read_nir
from edge_naca.front_end import FRONT_END, FrontEnd
from edge_naca.limits import MAX_UNITS, choice
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.printable import check_names, printable
from edge_naca.specification import encoding, preparation
from edge_naca.specification.arithmetic import presentation_key
from edge_naca.stages import SpikingStage

CODE_BITS = 8
MOST_CODE = 255
MOST_GAIN = 16383
MOST_RAW = 32767
MOST_TRIED = 50  # steps with which all samples are tried: with more, fewer

Int = NDArray[np.int64]
NirSource = str | PathLike[str] | Any  # a path, or a nir.NIRGraph


@dataclass(frozen=True, eq=False)
class Samples:
    """Raw samples (samples, raw numbers), and how they become what model and stages are given.

    Parameters
    ----------
    raw : in the order that the preparation takes.
    layout : how they lie in the model.
    """

    raw: Int
    layout: Layout
    preparation: Preparation
    encoder: Encoder
    full_scale: float
    mean: Float
    std: Float

    def source(self, seed: int = 0) -> Source:
        """Return the samples as conversion wants them."""
        channels, height, width = self.layout.shape
        mean, std = (
            np.broadcast_to(numbers, channels)[:, None, None] for numbers in (self.mean, self.std)
        )
        real = (self.layout.planes(self.raw) / self.full_scale - mean) / std
        codes = np.stack([preparation.codes(self.preparation, x, CODE_BITS) for x in self.raw])
        split = self.preparation.signed
        planes = (channels * (2 if split else 1), height, width)
        is_direct = self.encoder.kind == "direct"
        key = presentation_key(seed, 0)

        def spikes(chosen: Int) -> Int:
            sent = [encoding.spikes(self.encoder, codes[n], key) for n in chosen]
            return np.stack(sent).astype(np.int64)

        cached: dict[bytes, Int] = {}

        def given(chosen: Int, step: int) -> Int:
            if is_direct:
                return codes[chosen].astype(np.int64).reshape(-1, *planes)
            name = chosen.tobytes()
            if name not in cached:
                cached.clear()
                cached[name] = spikes(chosen)
            return cached[name][:, step].reshape(-1, *planes)

        def hears(chosen: Int, step: int) -> Float:
            if is_direct:
                return np.asarray(real[chosen])
            sent = given(chosen, step)
            signed = sent[:, :channels] - sent[:, channels:] if split else sent
            return signed.astype(np.float64)

        raw_of_code = 2.0**self.preparation.shift / float(self.preparation.gain[0])
        return Source(
            samples=len(self.raw),
            steps=self.encoder.steps,
            real=hears,
            given=given,
            unit=raw_of_code / self.full_scale / std if is_direct else np.ones_like(std),
            offset=-mean / std if is_direct else np.zeros_like(std),
            is_direct=is_direct,
            is_split=split,
        )


def _raw(x: Any, shape: Shape, what: str) -> tuple[Int, Layout]:
    """Return samples as whole numbers (samples, numbers), and how they lie in the model."""
    array = np.asarray(x)
    if array.ndim < 2 or not len(array):
        raise CalibrationError(f"{what} must be (samples, …), not {array.shape}")
    # Data of two dimensions go with convolutions along one axis.
    dims = ((0,), (2,)) if array.ndim == 3 and shape[1] == 1 else None
    try:
        layout, _ = layout_of(array, shape, dims)
    except CalibrationError as error:
        raise CalibrationError(f"{what}: {error}") from None
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise CalibrationError(
            f"{what} must be whole numbers as the sensor gives them, not {array.dtype}: "
            "give raw numbers, and say which of them stood for 1.0 in training (full_scale)"
        )
    flat = array.reshape(len(array), -1).astype(np.int64)
    least, most = int(flat.min()), int(flat.max())
    if least < -MOST_RAW or most > MOST_RAW:
        raise CalibrationError(f"{what} must be in ±{MOST_RAW}, but hold {least} .. {most}")
    return flat, layout


def samples_for(x: Any, layers: Sequence[Layer], options: NirOptions) -> Samples:
    """Return calibration samples with the preparation that brings their range to codes.

    Parameters
    ----------
    x : integers (samples, …): raw samples as the sensor gives them.
    layers : of the model that is to be given them.
    options : what the file does not say, completely.
    """
    what = "calibration samples"
    channels = layers[0].input_shape[0]
    for name in ("mean", "std"):
        if np.size(getattr(options, name)) not in (1, channels):
            raise ValueError(
                f"{name} must be one number, or one for each of {channels} channels, "
                f"not {np.size(getattr(options, name))}"
            )
    raw, layout = _raw(x, layers[0].input_shape, what)
    assert options.full_scale is not None
    assert options.encoder is not None
    assert options.steps is not None
    least, most = int(raw.min()), int(raw.max())
    is_split = least < 0
    inputs = raw.shape[1] * (2 if is_split else 1)
    if inputs > MAX_UNITS:
        raise CalibrationError(
            f"a sample takes {inputs} inputs{', two a number for either sign' * is_split}: an "
            f"image has at most {MAX_UNITS}"
        )
    reach = max(most, -least, 1)
    if options.encoder == "direct":
        # Raw numbers that fit are codes as they are.
        wanted = 1.0 if reach <= MOST_CODE else MOST_CODE / reach
    else:
        wanted = 2**CODE_BITS / options.full_scale
    gain, shift = _fraction(wanted)
    return Samples(
        raw=raw,
        layout=layout,
        preparation=Preparation(
            shape=layout.prepared,
            signed=is_split,
            gain=np.array([gain]),
            offset=np.array([0]),
            shift=shift,
        ),
        encoder=Encoder(options.encoder, CODE_BITS, options.steps),
        full_scale=options.full_scale,
        mean=np.asarray(options.mean, np.float64),
        std=np.asarray(options.std, np.float64),
    )


def _fraction(value: float) -> tuple[int, int]:
    """Return gain and shift with gain / 2**shift nearest to a value above 0."""
    if value == 1:
        return 1, 0
    for shift in range(30, -1, -1):
        gain = round(value * 2.0**shift)
        if 1 <= gain <= MOST_GAIN:
            return gain, shift
    raise CalibrationError(f"samples would have to be multiplied by {value:g}: check full_scale")


def nir_front_end(
    source: NirSource,
    calibration: Any,
    options: NirOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
) -> tuple[FrontEnd, Report]:
    """Convert a NIR file to what populations are put behind; see `convert_nir`."""
    conversion = convert_nir(source, calibration, options, tests=tests)
    return conversion.front_end(), conversion.report


def nir_network(
    source: NirSource,
    calibration: Any,
    options: NirOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
    classes: Sequence[str] | None = None,
) -> tuple[Network, Report]:
    """Convert a NIR file whose last neurons are classes to a network; see `convert_nir`.

    Parameters
    ----------
    classes : what the last neurons stand for.
    """
    check_names("classes: the class", classes or ())
    conversion = convert_nir(source, calibration, options, tests=tests)
    _answering(conversion.layers)
    report = conversion.report
    assumed = conversion.metadata[FRONT_END]["assumed"]
    metadata: dict[str, Any] = {"converted": {"assumed": assumed, "report": report.as_json()}}
    if classes is not None:
        metadata["classes"] = list(classes)
    return conversion.network(metadata), report


def convert_nir(
    source: NirSource,
    calibration: Any,
    options: NirOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
) -> Conversion:
    """Convert a NIR file to preparation, encoder and frozen stages.

    Parameters
    ----------
    source : a path, or a `nir.NIRGraph`.
    calibration : integers (samples, …): raw samples as the sensor gives them; their range decides
        the preparation, what they excite decides clipping and widths. With encoder "events" a list
        of samples, each integers (events, 2): step and input of a spike, ascending; inputs are
        counted as the model has them, (channels, height, width).
    options : what the file does not say.
    tests : samples like those of calibration, and their classes: for the accuracy before and after,
        if the last layer's neurons are classes.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    MissingOptionsError
        If something has to be said that is not in the file.
    ConversionError
        If something cannot be converted; the message names every node and says what to do.
    CalibrationError
        If calibration samples do not suit the model.
    """
    options = options or NirOptions()
    name = Path(source).name if isinstance(source, (str, PathLike)) else None
    return _converted(nir_layers(source, options), calibration, filled(options), tests, name)


def _converted(
    layers: list[Layer],
    calibration: Any,
    options: NirOptions,
    tests: tuple[Any, Any] | None,
    name: str | None,
) -> Conversion:
    """Convert layers as `convert_nir` does; `options` are filled, `name` is the file's."""
    samples: Samples | EventSamples
    if options.encoder == "events":
        assert options.steps is not None
        shape = layers[0].input_shape
        samples = event_samples(calibration, shape, options.steps, "calibration samples")
    else:
        samples = samples_for(calibration, layers, options)
    converted = convert(layers, samples.source())
    notes = assumptions(options)
    before = after = None
    tested = 0
    if tests is not None:
        test_samples, y = _tests(tests, samples, layers)
        before, after = _accuracies(layers, converted.stages, test_samples, y)
        tested = len(y)
    report = Report(
        converted.reports,
        tested or len(samples.raw),
        before,
        after,
        (*notes, *converted.notes),
    )
    about: dict[str, Any] = {"assumed": list(notes)}
    if name is not None:
        about["model"] = printable(name)
    return Conversion(
        samples.preparation,
        samples.encoder,
        converted.stages,
        tuple(layers),
        report,
        {FRONT_END: about},
    )


def _tests(
    tests: tuple[Any, Any], samples: Samples | EventSamples, layers: Sequence[Layer]
) -> tuple[Samples | EventSamples, NDArray[Any]]:
    """Return samples to test on, and their classes, or refuse what does not suit the model."""
    y = np.asarray(tests[1])
    chosen: Samples | EventSamples
    if isinstance(samples, EventSamples):
        chosen = event_samples(tests[0], samples.shape, samples.steps, "test samples")
        is_alike = True
    else:
        raw, layout = _raw(tests[0], samples.layout.shape, "test samples")
        chosen, is_alike = replace(samples, raw=raw), layout == samples.layout
    if not is_alike or y.shape != (len(chosen.raw),):
        raise CalibrationError(
            "test samples must lie as calibration samples do, and have a class each"
        )
    units = int(np.prod(layers[-1].output_shape))
    if y.size and not 0 <= y.min() <= y.max() < units:
        raise CalibrationError(
            f"the model answers with one of {units} classes, but test samples have classes "
            f"{y.min()} .. {y.max()}"
        )
    return chosen, y


def _accuracies(
    layers: Sequence[Layer],
    stages: tuple[SpikingStage, ...],
    tests: Samples | EventSamples,
    y: NDArray[Any],
) -> tuple[float, float]:
    """Return the share of right answers of the real numbers, and of the integers."""
    last = _answering(layers)
    source = tests.source()
    simulation = float_model.simulate(
        layers, source.samples, source.steps, source.real, source.is_direct
    )
    real = simulation.answers(last.reset == "none")
    network = Network(
        tests.preparation.outputs, tests.encoder, (), preparation=tests.preparation, stages=stages
    )
    core = Core(network)
    if isinstance(tests, EventSamples):
        integer = np.array([core.infer(events, kind="events").prediction for events in tests.raw])
    else:
        integer = core.infer_many(tests.raw)["prediction"]
    return float((real == y).mean()), float((integer == y).mean())


def _answering(layers: Sequence[Layer]) -> Neurons:
    """Return the neurons that answer: those at the end."""
    last = layers[-1]
    if isinstance(last, Neurons):
        return last
    raise ConversionError(_end_findings(layers, "network"))


def _end_findings(layers: Sequence[Layer], use: str) -> list[Finding]:
    """Return why a file's end does not suit a use, a network or a front end."""
    last = layers[-1]
    if use == "network" and not isinstance(last, Neurons):
        return [
            Finding(
                last.name,
                "pool",
                "the file does not end in neurons that could answer",
                "put learning populations behind it, or end it in neurons, one for each class",
            )
        ]
    if use == "front end" and isinstance(last, Neurons) and last.reset == "none":
        return [
            Finding(
                last.name,
                "neurons",
                "it never spikes, so that nothing behind it could learn from it",
                "import it as a network of its own, or end the file in neurons that spike",
            )
        ]
    return []


def nir_check(
    source: NirSource, options: NirOptions | None = None, *, use: str | None = None
) -> Check:
    """Look at a NIR file before anything is converted.

    Parameters
    ----------
    source : a path, or a `nir.NIRGraph`.
    options : what is known so far.
    use : "network", what `nir_network` makes of it, or "front end"; None if either would do.

    Raises
    ------
    ModelFileError
        If the file cannot be read at all.
    """
    if use is not None:
        choice("use", use, USES)
    options = options or NirOptions()
    reading = read_nir(source, options)
    findings = reading.findings
    if not findings and reading.layers:
        findings = conversion_findings(reading.layers, options.encoder in (None, "direct"))
        if use is not None:
            findings += _end_findings(reading.layers, use)
        if not findings and not reading.questions:
            findings = _try(reading.layers, filled(options), use)
    nodes = tuple((node.name, node.kind) for node in reading.nodes)
    return Check(nodes, tuple(findings), tuple(reading.questions))


def _try(layers: list[Layer], options: NirOptions, use: str | None) -> list[Finding]:
    """Convert as `import` does, with samples that are made up, and return why it cannot be done.

    A threshold is a guess where nothing is excited, so that no finding comes of the samples alone.
    """
    assert options.steps is not None
    noise = made_up(layers[0].input_shape, 0)[:: max(options.steps // MOST_TRIED, 1)]
    samples: Any
    if options.encoder == "events":
        samples = [_events_of(x, options.steps) for x in noise]
    else:
        samples = np.rint(noise * min(options.full_scale or MOST_CODE, MOST_RAW)).astype(int)
    answers = use == "network" or (use is None and bool(_end_findings(layers, "front end")))

    def convert_all() -> None:
        conversion = _converted(layers, samples, options, None, None)
        if answers:
            image.encode(conversion.network({}))
        else:
            conversion.front_end()

    return findings_of(convert_all)


def _events_of(x: Float, steps: int) -> NDArray[np.int64]:
    """Return a spike of each number that is not 0, in a step after its place."""
    inputs = np.flatnonzero(x)
    events = np.stack([inputs % steps, inputs], axis=1)
    return events[np.lexsort((events[:, 1], events[:, 0]))]
