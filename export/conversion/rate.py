"""From a network of rectifiers to integrate-and-fire neurons that spike at the rectifiers' rate.

The known way from an ANN to an SNN (Diehl et al., IJCNN 2015; Rueckauer et al., Frontiers in
Neuroscience 11, 2017): neurons without leak, reset by subtraction, and a threshold that stands for
the greatest output that calibration saw, so that spikes over steps are the output over that. The
input comes as the same codes at every step, which adds no noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_naca.export.conversion.coded import (
    Coded,
    Signal,
    add_readout,
    effective_weights,
    relative_error,
)
from edge_naca.export.conversion.float_relu import run_layer
from edge_naca.export.conversion.layers import (
    ConversionError,
    Convolution,
    Finding,
    LayerReport,
    Pool,
    window_of,
)
from edge_naca.export.conversion.relu_blocks import Block, Blocks
from edge_naca.export.conversion.stage_running import (
    at_every_step,
    in_order,
    run_neurons,
    run_pool,
)
from edge_naca.limits import MAX_STEPS, whole
from edge_naca.network import Encoder
from edge_naca.stages import MAX_BIAS, SpikingConvolution, SpikingPool

Float = NDArray[np.float64]

PERCENTILE = 99.9  # of what comes out, that a spike at every step stands for
MAX_THRESHOLD = 1 << 22


def check_rate(model: Blocks, readout: bool) -> list[Finding]:
    """Return what coded stages could do, but spikes cannot."""
    findings = []
    for number, block in enumerate(model.blocks):
        layer = block.layer
        is_last = number + 1 == len(model.blocks)
        kind = type(layer).__name__
        if isinstance(layer, Pool) and layer.kind == "max":
            findings.append(
                Finding(
                    layer.name,
                    kind,
                    "spikes have no greatest",
                    "use coding 'bitplane', or train with average pooling",
                )
            )
        elif isinstance(layer, Pool) and number == 0:
            findings.append(
                Finding(layer.name, kind, "a pool cannot come first", "use coding 'bitplane'")
            )
        elif isinstance(layer, Pool) and isinstance(model.blocks[number - 1].layer, Pool):
            findings.append(
                Finding(layer.name, kind, "a pool cannot follow a pool", "use coding 'bitplane'")
            )
        elif block.is_signed and not (is_last and readout):
            findings.append(
                Finding(
                    layer.name,
                    kind,
                    "what comes out may be negative, which no rate of spikes is",
                    "use coding 'bitplane', or put a ReLU behind it",
                )
            )
    return findings


def convert_rate(
    model: Blocks, entering: Signal, *, steps: int = 15, readout: bool = False
) -> Coded:
    """Convert blocks to spiking stages, calibrated on what enters.

    Parameters
    ----------
    model : free of findings, also of those of `check_rate`.
    entering : codes of the calibration samples as preparation makes them.
    steps : of a presentation.
    readout : the last block, which is linear, adds up over all steps and answers.

    Returns
    -------
    Coded
        Its `codes` are numbers of spikes that come out in all steps.

    Raises
    ------
    ConversionError
        If weights fit no stage; it names the layer.
    """
    whole("steps", steps, 1, MAX_STEPS)
    result = Coded(encoder=Encoder("direct", entering.bits, steps))
    # What arrives at each step (steps, samples, channels, height, width), and what one means.
    arriving = at_every_step(entering.codes, result.encoder)
    signal = entering
    for number, block in enumerate(model.blocks):
        real = run_layer(block.layer, signal.real)
        if block.rectifier is not None:
            real = run_layer(block.rectifier, real)
        layer = block.layer
        if isinstance(layer, Pool):
            arriving, signal = _pool(layer, signal, arriving, real, result)
        elif readout and number + 1 == len(model.blocks):
            add_readout(layer, signal, arriving, real, result)
            return result
        else:
            arriving, signal = _fire(block, layer, signal, arriving, real, result)
    result.codes = in_order(arriving.sum(axis=0))
    return result


def _pool(
    layer: Pool, signal: Signal, arriving: Float, real: Float, result: Coded
) -> tuple[Float, Signal]:
    """Pass spikes on; the next layer's weights know what one of them means."""
    stage = SpikingPool(
        **window_of(layer, signal.codes.shape[1]),
        kernel=layer.kernel,
    )
    passed = run_pool(stage, arriving)
    share = 1.0 if layer.kind == "sum" else 1 / (layer.kernel[0] * layer.kernel[1])
    after = replace(signal, codes=passed[0], real=real, scale=signal.scale * share)
    result.stages.append(stage)
    result.reports.append(_report(layer.name, f"Pool, {layer.kind}", None, passed, after))
    return passed, after


def _fire(
    block: Block,
    layer: Convolution,
    signal: Signal,
    arriving: Float,
    real: Float,
    result: Coded,
) -> tuple[Float, Signal]:
    effective, groups = effective_weights(layer, signal)
    most = float(np.percentile(real[real > 0], PERCENTILE)) if (real > 0).any() else 0.0
    if block.limit is not None:
        most = min(most, block.limit)
    is_silent = most == 0
    if is_silent:
        most = block.limit or 1.0
        result.notes.append(
            f"{layer.name}: nothing comes out on any calibration sample; its threshold is a guess"
        )
    # One unit of potential; thresholds and what arrives in a step must stay far from saturation.
    step = max(float(np.abs(effective).max(initial=0)) / 127, most / MAX_THRESHOLD)
    step = max(step, float(np.abs(layer.bias).max()) / MAX_BIAS) or 1.0
    threshold = max(round(most / step), 1 if is_silent else 0)
    if threshold < 1:
        raise ConversionError(
            [
                Finding(
                    layer.name,
                    "Convolution",
                    f"its weights (up to {np.abs(layer.weights).max():.3g}) do not fit into 8 bits "
                    f"beside what comes out (at most {most:.3g})",
                    "check that the calibration data are what the model was trained on, and scaled "
                    "in the same way",
                )
            ]
        )
    weights, bias = np.rint(effective / step), np.rint(layer.bias / step)
    stage = SpikingConvolution(
        **window_of(layer, signal.codes.shape[1]),
        dilation=layer.dilation,
        weights=weights.astype(np.int64),
        groups=groups,
        bias=bias.astype(np.int64),
        threshold=np.array([threshold - 1]),  # to spike is to exceed: reaching it is enough
        reset="subtract",
        reset_by=np.array([threshold]),
    )
    spikes = run_neurons(stage, arriving)
    after = Signal(spikes[0], real, np.full(len(layer.bias), threshold * step), 1, False, False)
    result.stages.append(stage)
    result.reports.append(
        _report(layer.name, "Convolution, spiking", layer, spikes, after,
                step / float(np.abs(signal.scale).mean()),
                relative_error(weights * step - effective, effective))
    )  # fmt: skip
    return spikes, after


def _report(
    name: str,
    kind: str,
    layer: Convolution | None,
    spikes: Float,
    after: Signal,
    scale: float = 1.0,
    weight_error: float = 0.0,
) -> LayerReport:
    rate = spikes.mean(axis=0)
    meant = rate * after.scale[:, None, None]
    return LayerReport(
        name=name,
        kind=kind,
        weight_range=(0.0, 0.0)
        if layer is None
        else (float(layer.weights.min()), float(layer.weights.max())),
        scale=scale,
        weight_error=weight_error,
        activity=float((spikes != 0).mean()),
        saturated=float((spikes.min(axis=0) > 0).mean()),
        error=relative_error(meant - after.real, after.real),
    )
