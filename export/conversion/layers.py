"""A feed-forward model as other frameworks describe it: real numbers, layer after layer.

What `edge_naca.export` reads from a file (NIR, ONNX) becomes a list of these before it is
converted to frozen stages, so that every format shares one conversion. Shapes are
(channels, height, width), as these frameworks have them; a plain vector of n numbers is (n, 1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from edge_naca.printable import printable

Float = NDArray[np.float64]
Shape = tuple[int, int, int]
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False, kw_only=True)
class Layer:
    """What all layers have.

    Parameters
    ----------
    name : of the node in the file, for reports and errors.
    input_shape, output_shape : (channels, height, width).
    """

    name: str
    input_shape: Shape
    output_shape: Shape


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution(Layer):
    """A convolution, or a dense layer: a kernel as large as its input.

    Parameters
    ----------
    weights : float (maps, channels / groups, kernel height, kernel width).
    bias : float (maps,).
    stride, dilation : (vertical, horizontal).
    padding : (top, left, bottom, right).
    """

    weights: Float
    bias: Float
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Layer):
    """Sum, average or greatest of a window.

    Parameters
    ----------
    kind : "sum", "average" (over the whole kernel, padding included) or "max".
    """

    kind: str
    kernel: Pair
    stride: Pair
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)


class WindowOf(TypedDict):
    """How a stage's kernel moves, named as in `edge_naca.stages.Window`."""

    shape: tuple[int, int, int]
    stride: Pair
    padding: Pair
    output: Pair


def window_of(layer: Convolution | Pool, channels: int) -> WindowOf:
    """Return how a stage's kernel moves when it stands for a layer.

    Parameters
    ----------
    channels : of the stage's input: twice the layer's where on and off codes come in.
    """
    _, height, width = layer.input_shape
    return {
        "shape": (height, width, channels),
        "stride": layer.stride,
        "padding": layer.padding[:2],
        "output": layer.output_shape[1:],
    }


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(Layer):
    """Numbers are multiplied by a factor.

    Parameters
    ----------
    factor : float (channels, height, width).
    """

    factor: Float


@dataclass(frozen=True, eq=False, kw_only=True)
class Elementwise(Layer):
    """Every number is multiplied by a factor of its own, and an offset of its own is added.

    Parameters
    ----------
    factor, offset : float (channels, height, width).
    """

    factor: Float
    offset: Float


@dataclass(frozen=True, eq=False, kw_only=True)
class Rectifier(Layer):
    """ReLU, with an upper limit if there is one (ReLU6).

    Parameters
    ----------
    limit : numbers above become it; None if there is none.
    floor : numbers below become it: 0 for a ReLU, less where what goes on may be negative.
    """

    limit: float | None = None
    floor: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Neurons(Layer):
    """Leaky integrate-and-fire neurons, as follows per time step.

        current = synapse_decay · current + x        (current = x without a synapse_decay)
        v = decay · v + gain · current + offset
        spike if v > threshold; then v = 0 or v = v − reset_by

    Arrays are float, one number for all, or (channels, height, width).

    Parameters
    ----------
    reset : "zero", "subtract", or "none" for neurons that never spike (a leaky integrator).
    refractory : steps after a spike in which the potential is held at 0.
    delayed : with "subtract", `reset_by` is taken at the step after the spike, after the leak.
    """

    decay: Float
    gain: Float
    offset: Float
    threshold: Float
    reset: str
    reset_by: Float
    synapse_decay: Float | None = None
    refractory: int = 0
    delayed: bool = False


class ModelFileError(ValueError):
    """A file holds no model that can be read; the message says why."""


@dataclass(frozen=True)
class Finding:
    """Something in a file that cannot be converted as it stands.

    Parameters
    ----------
    node : its name, and where in the graph it is.
    kind : the node's type in the file's own words.
    reason : why it cannot be converted.
    advice : what to do about it.
    """

    node: str
    kind: str
    reason: str
    advice: str


class ConversionError(ValueError):
    """A model cannot be converted; `findings` names every reason."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        lines = [printable(f"{f.node} ({f.kind}): {f.reason}; {f.advice}") for f in findings]
        super().__init__("; ".join(lines) if len(lines) == 1 else "\n  ".join(["", *lines]))


@dataclass(frozen=True)
class LayerReport:
    """What conversion to integers did to one layer.

    Parameters
    ----------
    name, kind : of the layer.
    weight_range : smallest and largest weight in the file.
    scale : what one integer weight stands for, mean over maps.
    weight_error : root mean square of (integer weight · scale − weight), over that of the weights.
    activity : share of units that spike in a step, or whose code is not 0, on calibration data.
    saturated : share of potentials or codes at their limit, on calibration data.
    error : root mean square difference of the layer's output to the real-numbered one, over that
        of the latter, on calibration data.
    """

    name: str
    kind: str
    weight_range: tuple[float, float]
    scale: float
    weight_error: float
    activity: float
    saturated: float
    error: float


@dataclass(frozen=True)
class Report:
    """What conversion did, layer by layer, and to accuracy where labels were given."""

    layers: tuple[LayerReport, ...]
    samples: int
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """Return the report as what JSON can hold."""
        return {
            "layers": [vars(layer) for layer in self.layers],
            "samples": self.samples,
            "accuracy_before": self.accuracy_before,
            "accuracy_after": self.accuracy_after,
            "notes": list(self.notes),
        }


def depthwise(name: str, shape: Shape, scale: Float, offset: Float) -> Convolution:
    """Return ``scale · x + offset``, one number each for every channel, as a layer."""
    channels = shape[0]
    weights = np.broadcast_to(scale, channels).reshape(channels, 1, 1, 1).astype(np.float64)
    bias = np.broadcast_to(offset, channels).astype(np.float64)
    return Convolution(
        name=name, input_shape=shape, output_shape=shape, weights=weights, bias=bias,
        groups=channels,
    )  # fmt: skip
