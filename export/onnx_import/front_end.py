"""ONNX files as frozen stages: in front of learning populations, or as a network of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image
from edge_naca.affine import Affine, as_float32
from edge_naca.choices import CODINGS
from edge_naca.export.conversion import float_relu
from edge_naca.export.conversion.check import USES, Check, Question
from edge_naca.export.conversion.coded import Coded, Signal, best_scale, convert_coded
from edge_naca.export.conversion.input_layout import (
    CalibrationError,
    Layout,
    layout_of,
    shape_in_file,
)
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    Layer,
    Report,
    depthwise,
)
from edge_naca.export.conversion.rate import check_rate, convert_rate
from edge_naca.export.conversion.relu_blocks import (
    Blocks,
    answering,
    blocks_of,
    check_blocks,
    check_leading,
    reach,
)
from edge_naca.export.conversion.relu_folding import is_uneven, meaning, push_regardless
from edge_naca.export.conversion.result import Conversion
from edge_naca.export.conversion.stage_running import prepare, run_stages
from edge_naca.export.conversion.trial import findings_of, made_up
from edge_naca.export.onnx_import.model import layers_of, read_onnx
from edge_naca.export.onnx_import.read import Model
from edge_naca.front_end import FRONT_END, FrontEnd
from edge_naca.limits import MAX_STEPS, MAX_UNITS, choice, whole
from edge_naca.network import Network, Preparation
from edge_naca.printable import check_names, printable
from edge_naca.scaling import LIMIT, gains
from edge_naca.specification.preparation import from_reals

Float = NDArray[np.float64]
Array = NDArray[Any]

HEADS = ("drop", "keep", "answer")
INPUT_BITS = 8
BYTE = 255  # greatest of the numbers that are tried where a model takes them as they are


class MissingInputError(ValueError):
    """Nobody has said what raw numbers mean to a model; the message asks."""


@dataclass(frozen=True, kw_only=True)
class OnnxOptions:
    """What an ONNX file does not say.

    Parameters
    ----------
    full_scale : raw number that stands for 1.0 in the model's input, such as 255; None to ask,
        unless the model itself begins with that.
    mean, std : the model takes ``(raw / full_scale − mean) / std``; one number or one a channel.
    coding : "bitplane" for coded stages, "rate" for integrate-and-fire neurons that spike at the
        rate of what a rectifier gives.
    bits : of the features' codes, "bitplane" only.
    inner_bits : of codes between stages, "bitplane" only.
    steps : of a presentation, "rate" only.
    head : what becomes of a linear layer at the end, the scores of a classifier: "drop" it where
        something else is to learn from the features, "keep" it as features, or let it "answer".
    cut : name of the node whose result the features are; None for the end.
    """

    full_scale: float | None = None
    mean: Sequence[float] | float = 0.0
    std: Sequence[float] | float = 1.0
    coding: str = "bitplane"
    bits: int = 4
    inner_bits: int = 8
    steps: int = 15
    head: str = "drop"
    cut: str | None = None

    def __post_init__(self) -> None:
        choice("coding", self.coding, CODINGS)
        choice("head", self.head, HEADS)
        whole("bits", self.bits, 1, 8)
        whole("inner_bits", self.inner_bits, 1, 8)
        whole("steps", self.steps, 1, MAX_STEPS)
        if self.full_scale is not None and not 0 < self.full_scale < np.inf:
            raise ValueError(f"full_scale must be greater than 0, not {self.full_scale}")
        for name in ("mean", "std"):
            numbers = np.atleast_1d(np.asarray(getattr(self, name), np.float64))
            if numbers.ndim != 1 or not np.isfinite(numbers).all():
                raise ValueError(f"{name} must be finite numbers, not {getattr(self, name)!r}")
            if name == "std" and (numbers <= 0).any():
                raise ValueError(f"std must be greater than 0, not {self.std!r}")


def onnx_check(
    path: str | Path, options: OnnxOptions | None = None, *, use: str | None = None
) -> Check:
    """Look at an ONNX file before anything is converted.

    Parameters
    ----------
    options : what is known so far.
    use : "network", what `onnx_network` makes of it, or "front end"; None for what `head` says.

    Raises
    ------
    OSError, OnnxError, ImportError
        If the file cannot be looked at.
    """
    options = options or OnnxOptions()
    if use is not None:
        choice("use", use, USES)
        options = replace(options, head="answer" if use == "network" else options.head)
    try:
        model = read_onnx(path, options.cut)
        findings = model.findings
        with _calculable():
            findings = findings or _blocks(model, options, False)[1]
    except ConversionError as error:
        return Check((), tuple(error.findings))
    notes = list(model.notes)
    if findings:
        return Check((), tuple(findings))
    plain, signed = (_try(path, model, options, low) for low in (0, -1))
    if plain and signed:
        return Check((), tuple(plain))
    if plain or signed:
        notes.append(
            f"not if the data hold {'no ' if plain else ''}negative numbers: "
            + "; ".join(f"{f.node}: {f.reason}" for f in plain or signed)
        )
    questions: tuple[Question, ...] = ()
    if options.full_scale is None and not model.says_range:
        questions = (Question("full_scale", "raw number that stands for 1.0 in the model's input"),)
    nodes = tuple((layer.name, type(layer).__name__) for layer in model.layers)
    return Check(nodes, (), questions, tuple(notes))


def _try(path: str | Path, model: Model, options: OnnxOptions, low: int) -> list[Finding]:
    """Convert as `import` does, and return why it cannot be done.

    Samples are made up, of so many kinds that what fails with them fails with all.

    Parameters
    ----------
    low : -1 for samples that hold negative numbers, else 0.
    """
    x = made_up(shape_in_file(model.input_shape, model.input_dims), low)
    if options.full_scale is not None:
        x = x * options.full_scale
    elif model.says_range:
        x = np.rint(x * BYTE)

    def convert_all() -> None:
        conversion = _convert(path, model, x, options, None)
        if options.head == "answer":
            image.encode(_network(conversion, None))
        else:
            conversion.front_end()

    return findings_of(convert_all)


def onnx_front_end(
    path: str | Path,
    calibration: Any,
    options: OnnxOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
) -> tuple[FrontEnd, Report]:
    """Convert an ONNX file to what populations are put behind; see `convert_onnx`."""
    conversion = convert_onnx(path, calibration, options, tests=tests)
    return conversion.front_end(), conversion.report


def onnx_network(
    path: str | Path,
    calibration: Any,
    options: OnnxOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
    classes: Sequence[str] | None = None,
) -> tuple[Network, Report]:
    """Convert a whole ONNX classifier to a network without populations; see `convert_onnx`.

    Parameters
    ----------
    classes : what the model's outputs stand for.
    """
    options = replace(options or OnnxOptions(), head="answer")
    check_names("classes: the class", classes or ())
    conversion = convert_onnx(path, calibration, options, tests=tests)
    return _network(conversion, classes), conversion.report


def _network(conversion: Conversion, classes: Sequence[str] | None) -> Network:
    metadata = conversion.metadata | {"conversion": conversion.report.as_json()}
    if classes is not None:
        metadata["classes"] = list(classes)
    return conversion.network(metadata)


def convert_onnx(
    path: str | Path,
    calibration: Any,
    options: OnnxOptions | None = None,
    *,
    tests: tuple[Any, Any] | None = None,
) -> Conversion:
    """Convert an ONNX file to preparation, encoder and frozen stages.

    Parameters
    ----------
    calibration : samples (n, …) as they will come, integers or real numbers; images with channels
        last or as the file has them. A few hundred of all kinds do.
    options : what the file does not say.
    tests : samples like those of calibration, and their classes: for accuracy before and after,
        with head "answer".

    Raises
    ------
    OSError, OnnxError, ImportError
        If the file cannot be read.
    ConversionError
        If something cannot be converted: it names every node, says why and what to do.
    MissingInputError
        If nobody says what raw numbers mean to the model.
    CalibrationError
        If calibration samples do not suit the model.
    """
    options = options or OnnxOptions()
    model = read_onnx(path, options.cut)
    layers_of(model)  # refuses
    return _convert(path, model, calibration, options, tests)


@contextmanager
def _calculable() -> Iterator[None]:
    """Refuse a model where numbers leave the range of float64."""
    try:
        with np.errstate(over="raise", invalid="raise"):
            yield
    except (FloatingPointError, OverflowError) as error:
        raise ConversionError(
            [
                Finding(
                    "the graph",
                    "numbers",
                    f"its numbers are too large, or too small, to be calculated with ({error})",
                    "look at its weights and scales, and at --full-scale, --mean and --std",
                )
            ]
        ) from error


@_calculable()
def _convert(
    path: str | Path,
    model: Model,
    calibration: Any,
    options: OnnxOptions,
    tests: tuple[Any, Any] | None,
) -> Conversion:
    """Convert a model that was read, or refuse it, as `convert_onnx` says."""
    x = _checked(calibration)
    layout, note = layout_of(x, model.input_shape, model.input_dims)
    notes = [*model.notes, *([note] if note else [])]
    affine, raw = _integers(layout.planes(x))
    full = _full_scale(path, model, options, x, notes)
    steps = 1.0 if affine is None else float(np.ldexp(affine.factor, affine.exponent)[0])
    options = replace(options, full_scale=full)
    blocks, findings, block_notes = _blocks(model, options, bool(raw.min() < 0), steps)
    if findings:
        raise ConversionError(findings)
    layers = _layers(model, options, steps)
    blocks = _centred(blocks)
    preparation, entering = _prepare(blocks, raw, layout)
    stages = _stages(blocks, entering, options)
    before = after = None
    samples = len(raw)
    if tests is not None and options.head == "answer":
        planes, y = _tests(tests, x, layout, affine)
        before, after = _accuracies(layers, model.is_binary, preparation, stages, planes, y)
        samples = len(y)
    notes += [*block_notes, *stages.notes]
    about: dict[str, Any] = {FRONT_END: {"file": printable(Path(path).name), "notes": notes}}
    report = Report(tuple(stages.reports), samples, before, after, tuple(notes))
    preparation = replace(preparation, affine=affine)
    return Conversion(
        preparation, stages.encoder, tuple(stages.stages), tuple(layers), report, about
    )


def _stages(blocks: Blocks, entering: Signal, options: OnnxOptions) -> Coded:
    """Return the stages that blocks become."""
    is_answer = options.head == "answer"
    if options.coding == "rate":
        return convert_rate(blocks, entering, steps=options.steps, readout=is_answer)
    return convert_coded(
        blocks,
        entering,
        bits=options.bits,
        inner_bits=options.inner_bits,
        readout=is_answer,
    )


def _tests(
    tests: tuple[Any, Any], calibration: Array, layout: Layout, affine: Affine | None
) -> tuple[Array, Array]:
    """Return samples to test on as the device is given them, and their classes."""
    x = _checked(tests[0])
    is_alike = (x.dtype.kind == "f") == (calibration.dtype.kind == "f")
    if x.shape[1:] != calibration.shape[1:] or not is_alike:
        raise CalibrationError(
            f"test samples {x.dtype} {x.shape} are not like those of calibration, "
            f"{calibration.dtype} {calibration.shape}"
        )
    planes = layout.planes(x)
    return (planes if affine is None else from_reals(affine, planes)), np.asarray(tests[1])


def _accuracies(
    layers: Sequence[Layer],
    is_binary: bool,
    preparation: Preparation,
    converted: Coded,
    planes: Array,
    y: Array,
) -> tuple[float, float]:
    """Return the share of right answers of the real numbers, and of the integers."""
    codes = prepare(preparation, planes, INPUT_BITS)
    scores = run_stages(converted.stages, converted.encoder, codes)
    real = float_relu.run(list(layers), planes.astype(np.float64))[-1].reshape(len(planes), -1)
    answers = real[:, 0] > 0 if is_binary else real.argmax(axis=1)
    return float((answers == y).mean()), float((scores.argmax(axis=1) == y).mean())


# ---- what goes in ------------------------------------------------------------------------------


def _checked(x: Any) -> Array:
    samples = np.asarray(x)
    if samples.ndim < 2 or not samples.size or samples.dtype.kind not in "biuf":
        raise CalibrationError(
            f"calibration data must be numbers (samples, …), not {samples.dtype} {samples.shape}"
        )
    if samples.dtype.kind == "f":
        try:
            samples = as_float32(samples, "calibration data")
        except ValueError as error:
            raise CalibrationError(str(error)) from error
    if samples.dtype.kind in "iu" and np.abs(samples.astype(np.float64)).max() > LIMIT:
        raise CalibrationError(f"calibration data must be within ±{LIMIT}: divide them first")
    return samples


def _integers(planes: Array) -> tuple[Affine | None, Float]:
    """Return how the device maps real numbers, None for integers, and what comes out of that."""
    if planes.dtype.kind != "f":
        return None, planes.astype(np.float64)
    most = float(np.abs(planes).max()) or 1.0
    affine = Affine.of(0, 2.0 ** np.floor(np.log2(LIMIT / 4 / most)))
    return affine, from_reals(affine, planes).astype(np.float64)


def _full_scale(
    path: str | Path, model: Model, options: OnnxOptions, x: Array, notes: list[str]
) -> float:
    """Return which raw number stands for 1.0 in the model's input."""
    if options.full_scale is not None:
        return options.full_scale
    says = model.says_range
    if says is not None:
        notes.append(f"raw numbers are the model's input as they are: {says}")
    elif x.dtype.kind == "f":
        notes.append("the data are real numbers: they were taken for the model's input as it is")
    else:
        raise MissingInputError(
            f"{path} does not say what raw numbers ({x.dtype}, {x.min()} .. {x.max()}) mean to "
            "the model: say with --full-scale (full_scale in Python) which raw number stood "
            "for 1.0 in training, 255 for pixels that were divided by 255, 1 for numbers taken "
            "as they are; and with --mean and --std if the model was given "
            "(x / full scale − mean) / std"
        )
    return 1.0


def _layers(model: Model, options: OnnxOptions, steps: float) -> list[Layer]:
    """Return a model's layers, and before them what the numbers that the device is given mean.

    Parameters
    ----------
    steps : numbers of the device that are one raw number.
    """
    channels = model.input_shape[0]
    parts = []
    for name in ("mean", "std"):
        numbers = np.atleast_1d(np.asarray(getattr(options, name), np.float64))
        if numbers.size not in (1, channels):
            raise ValueError(
                f"{name} holds {numbers.size} numbers; the model's input has {channels} channels"
            )
        parts.append(np.broadcast_to(numbers, channels))
    mean, std = parts
    full = 1.0 if options.full_scale is None else options.full_scale
    unit, offset = 1 / (full * steps * std), -mean / std
    if (unit == 1).all() and not offset.any():
        return list(model.layers)
    return [depthwise("the input", model.input_shape, unit, offset), *model.layers]


def _blocks(
    model: Model, options: OnnxOptions, has_negative: bool, steps: float = 1.0
) -> tuple[Blocks, list[Finding], list[str]]:
    """Return the blocks of a model that can be read, why they cannot be converted, and notes.

    Parameters
    ----------
    has_negative : whether raw numbers may be negative.
    steps : numbers of the device that are one raw number.
    """
    blocks = blocks_of(_layers(model, options, steps), has_negative)
    blocks, notes = _with_head(blocks, options.head, model.is_binary)
    findings = _check(blocks, options.coding, options.head)
    if not findings:
        try:
            blocks, border_notes = _within_inputs(blocks)
        except ConversionError as error:
            findings = error.findings
        else:
            notes += border_notes
    return blocks, findings, notes


def _within_inputs(blocks: Blocks) -> tuple[Blocks, list[str]]:
    """Where on and off inputs would be too many: add the input's offset in the first layer."""
    inputs = int(np.prod(blocks.shape))
    leading = blocks.leading
    first = blocks.blocks[0].layer
    is_signed = leading is not None and not blocks.floor and bool(meaning(leading)[1].any())
    if not is_signed or 2 * inputs <= MAX_UNITS:
        return blocks, []
    if not isinstance(first, Convolution) or not isinstance(leading, Convolution):
        raise ConversionError(
            [
                Finding(
                    first.name, "Pool", f"{inputs} inputs that may be negative are too many",
                    "begin the model with a convolution, or take smaller images",
                )
            ]
        )  # fmt: skip
    joined = push_regardless(leading, first)
    one = replace(blocks.blocks[0], layer=joined, hears_signed=False)
    note = (
        f"{first.name}: the input's offset was added behind its padding, as {2 * inputs} inputs "
        "(on and off) are too many: what it gives along the border differs"
    )
    return replace(blocks, leading=None, blocks=(one, *blocks.blocks[1:])), [note]


def _centred(blocks: Blocks) -> Blocks:
    """Let 0 be a whole raw number, as preparation needs; the first layer adds what is missing."""
    leading, first = blocks.leading, blocks.blocks[0]
    if not isinstance(leading, Convolution) or blocks.floor:
        return blocks
    if not isinstance(first.layer, Convolution):
        return blocks
    factor = leading.weights.reshape(-1)
    zero = np.clip(np.rint(-leading.bias / factor), -LIMIT, LIMIT)
    missing = leading.bias + factor * zero
    shift = depthwise(leading.name, blocks.shape, np.ones(1), missing)
    layer = push_regardless(shift, first.layer)
    rest = blocks.blocks[1:]
    return replace(
        blocks,
        leading=replace(leading, bias=-factor * zero),
        blocks=(replace(first, layer=layer), *rest),
    )


def _prepare(blocks: Blocks, raw: Float, layout: Layout) -> tuple[Preparation, Signal]:
    """Return the device's preparation, and what it makes of calibration samples.

    Parameters
    ----------
    raw : whole numbers (n, channels, height, width).
    """
    channels = blocks.shape[0]
    factor, addend = np.ones((channels, 1, 1)), np.zeros((channels, 1, 1))
    if blocks.leading is not None:
        factor, addend = meaning(blocks.leading)
    is_signed = bool(blocks.blocks[0].hears_signed)
    zero = np.clip(np.rint(-addend / factor), -LIMIT, LIMIT)
    centred = raw - zero
    real = raw * factor + addend
    if blocks.rectifier is not None:
        real = float_relu.run_layer(blocks.rectifier, real)
    top, limit = 2**INPUT_BITS - 1, reach(blocks.rectifier)
    is_single = np.ptp(np.abs(factor), axis=(1, 2)).max() == 0
    if blocks.leading is not None and (is_uneven(blocks.leading) or not is_single):
        gain, shift = gains(np.abs(factor) / best_scale(real, INPUT_BITS, limit))
        gain = np.maximum(gain, 1)
    else:
        most = float(np.abs(centred).max())
        if limit is not None:
            most = min(most, float((limit / np.abs(factor)).max()))
        gain, shift = (np.array([1]), 0) if most <= top else gains(np.array([top / most]))
    step = 2.0**shift / gain
    differ = np.ptp(zero) > 0 or gain.size > 1
    everywhere = [np.broadcast_to(part, blocks.shape).reshape(-1) for part in (zero, gain)]
    offsets, factors = everywhere if differ else (part[:1] for part in everywhere)
    preparation = Preparation(
        layout.prepared,
        signed=is_signed,
        offset=offsets.astype(np.int64),
        gain=factors,
        shift=shift,
    )
    # Where numbers have gains of their own, all codes of a channel stand for nearly the same.
    scale = np.broadcast_to(factor * step, blocks.shape).mean(axis=(1, 2))
    entering = Signal(
        prepare(preparation, raw, INPUT_BITS), real, scale, INPUT_BITS, is_signed, True
    )
    return preparation, entering


# ---- what comes out ----------------------------------------------------------------------------


def _with_head(blocks: Blocks, head: str, is_binary: bool) -> tuple[Blocks, list[str]]:
    """Leave out what makes scores of classes, unless it is wanted, or let it answer."""
    if head == "answer":
        return answering(blocks, is_binary)
    if head == "drop" and blocks.has_head and len(blocks.blocks) > 1:
        name = blocks.blocks[-1].layer.name
        return blocks.without_head(), [f"{name} left out: a linear layer at the end makes scores"]
    return blocks, []


def _check(blocks: Blocks, coding: str, head: str) -> list[Finding]:
    is_answer = head == "answer"
    findings = [*check_leading(blocks), *check_blocks(blocks, is_answer)]
    if is_answer and blocks.blocks and not blocks.has_head:
        last = blocks.blocks[-1].layer
        findings.append(
            Finding(
                last.name,
                type(last).__name__,
                "it is no linear layer that could answer",
                "take it as a front end (--front-end), and put learning populations behind it",
            )
        )
    return findings or (check_rate(blocks, is_answer) if coding == "rate" else [])
