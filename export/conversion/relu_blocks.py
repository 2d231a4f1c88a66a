"""What will become one stage each: a convolution or pool, rectified or not; and what cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge_naca import stages
from edge_naca.export.conversion.folding import ungrouped
from edge_naca.export.conversion.layers import (
    Convolution,
    Elementwise,
    Finding,
    Layer,
    Pool,
    Rectifier,
    Shape,
    window_of,
)
from edge_naca.export.conversion.relu_folding import fold, is_affine, is_uneven, meaning
from edge_naca.limits import MAX_CLASSES, MAX_UNITS


@dataclass(frozen=True, eq=False)
class Block:
    """A convolution or pool, with the rectifier behind it.

    Parameters
    ----------
    layer : the convolution or pool.
    rectifier : what follows it, None for nothing.
    hears_signed : whether what it is given may be negative.
    """

    layer: Convolution | Pool
    rectifier: Rectifier | None
    hears_signed: bool

    @property
    def is_rectified(self) -> bool:
        """Whether nothing negative comes out because of a rectifier."""
        return self.rectifier is not None and self.rectifier.floor >= 0

    @property
    def limit(self) -> float | None:
        """What the size of a number that comes out cannot exceed."""
        return reach(self.rectifier)

    @property
    def is_signed(self) -> bool:
        """Whether what comes out may be negative."""
        if self.is_rectified:
            return False
        return isinstance(self.layer, Convolution) or self.hears_signed


@dataclass(frozen=True, eq=False)
class Blocks:
    """A whole model in the form that stages have.

    Parameters
    ----------
    shape : (channels, height, width) of the input.
    leading : what raw numbers mean, where that could not be folded into the first convolution.
    rectifier : how numbers are cut off before the first block, None for not at all.
    """

    shape: Shape
    leading: Convolution | Elementwise | None
    rectifier: Rectifier | None
    blocks: tuple[Block, ...]

    @property
    def floor(self) -> bool:
        """Whether numbers below 0 are cut off before the first block."""
        return self.rectifier is not None and self.rectifier.floor >= 0

    @property
    def has_head(self) -> bool:
        """Whether the last block is linear and sees everything: what makes scores of classes."""
        last = self.blocks[-1] if self.blocks else None
        return (
            last is not None
            and not last.is_rectified
            and isinstance(last.layer, Convolution)
            and last.layer.output_shape[1:] == (1, 1)
            and last.layer.groups == 1
        )

    def without_head(self) -> Blocks:
        """Return the blocks before the last one."""
        return replace(self, blocks=self.blocks[:-1])


def answering(model: Blocks, is_binary: bool) -> tuple[Blocks, list[str]]:
    """Return blocks whose last one is a linear layer, if it can be, and notes.

    A rectifier at the end changes no answer unless all scores are cut off; an average of whole maps
    is a linear layer.

    Parameters
    ----------
    is_binary : whether one number comes out, whose sign decides between two classes.
    """
    if not model.blocks:
        return model, []
    last, notes = model.blocks[-1], []
    layer = last.layer
    if isinstance(layer, Pool) and layer.kind != "max" and layer.output_shape[1:] == (1, 1):
        whole = _as_convolution(layer)
        layer = replace(whole, weights=ungrouped(whole), groups=1)
    if not isinstance(layer, Convolution):
        return model, []
    if last.is_rectified:
        notes.append(
            f"{layer.name}: the ReLU behind it was left out, as the greatest number is the answer; "
            "where it makes all numbers 0, the file answers with the first class"
        )
    if is_binary and layer.output_shape == (1, 1, 1):
        layer = replace(
            layer,
            output_shape=(2, 1, 1),
            weights=np.concatenate([np.zeros_like(layer.weights), layer.weights]),
            bias=np.array([0.0, layer.bias[0]]),
        )
    block = Block(layer, None, last.hears_signed)
    return replace(model, blocks=(*model.blocks[:-1], block)), notes


def check_leading(model: Blocks) -> list[Finding]:
    """Return why the preparation cannot do what the model does to its input, if so."""
    if model.leading is None:
        return []
    factor, _ = meaning(model.leading)
    reason = None
    if (factor == 0).any():
        reason = "it multiplies numbers of the input by 0"
    elif (np.sign(factor) != np.sign(factor[:, :1, :1])).any():
        reason = "it turns the sign of some numbers of a channel, and not of others"
    elif model.floor and (factor < 0).any():
        reason = "it turns the input's sign, and a ReLU then cuts it off"
    if reason is None:
        return []
    advice = "leave out what the model does to its input first, and prepare the data so instead"
    return [Finding(model.leading.name, "input", reason, advice)]


def reach(rectifier: Rectifier | None) -> float | None:
    """Return what the size of a number cannot exceed behind a rectifier, None for no limit."""
    if rectifier is None or rectifier.limit is None:
        return None
    return max(rectifier.limit, -rectifier.floor)


def blocks_of(layers: Sequence[Layer], has_negative: bool = False) -> Blocks:
    """Fold layers and cut them into blocks.

    Parameters
    ----------
    layers : of the whole model.
    has_negative : whether what the first layer is given may be negative.

    Raises
    ------
    TypeError
        If a layer is none of a network of rectifiers.
    """
    rest = fold(layers)
    shape = rest[0].input_shape if rest else (1, 1, 1)
    leading: Convolution | Elementwise | None = None
    before: Rectifier | None = None
    first = rest[0] if rest else None
    if isinstance(first, Elementwise):
        leading, rest = first, rest[1:]
    elif isinstance(first, Convolution) and is_affine(first) and len(rest) > 1:
        is_followed = isinstance(rest[1], (Convolution, Pool))
        if first.bias.any() or is_uneven(first) or not is_followed:
            leading, rest = first, rest[1:]
    if rest and isinstance(rest[0], Rectifier):
        before, rest = rest[0], rest[1:]
    found: list[Block] = []
    moved = leading is not None and bool(meaning(leading)[1].any())
    floor = before is not None and before.floor >= 0
    signed = not floor and (has_negative or moved)
    for at, layer in enumerate(rest):
        if isinstance(layer, Rectifier):
            continue
        if not isinstance(layer, (Convolution, Pool)):
            raise TypeError(f"{layer.name}: {type(layer).__name__} is no layer of rectifiers")
        after = rest[at + 1] if at + 1 < len(rest) else None
        behind = after if isinstance(after, Rectifier) else None
        step: Convolution | Pool = layer
        if isinstance(layer, Pool) and layer.kind != "max" and behind is not None and signed:
            step = _as_convolution(layer)
        block = Block(step, behind, signed)
        found.append(block)
        signed = block.is_signed
    return Blocks(shape, leading, before, tuple(found))


def _as_convolution(pool: Pool) -> Convolution:
    """Return a pool of sums or averages as a convolution of each map by itself."""
    channels, size = pool.input_shape[0], pool.kernel[0] * pool.kernel[1]
    return Convolution(
        name=pool.name,
        input_shape=pool.input_shape,
        output_shape=pool.output_shape,
        weights=np.full((channels, 1, *pool.kernel), 1.0 if pool.kind == "sum" else 1 / size),
        bias=np.zeros(channels),
        stride=pool.stride,
        padding=pool.padding,
        groups=channels,
    )


def check_blocks(model: Blocks, is_head_kept: bool = True) -> list[Finding]:
    """Return everything that no stage can hold, as `edge_naca.stages` has them."""
    findings: list[Finding] = []
    inputs = int(np.prod(model.shape))
    if inputs > MAX_UNITS:
        findings.append(
            Finding(
                "the input",
                "input",
                f"{' × '.join(map(str, model.shape))} are {inputs} numbers; a network takes no "
                f"more than {MAX_UNITS}",
                "train on smaller images",
            )
        )
    if not model.blocks:
        findings.append(
            Finding("the graph", "graph", "it holds no layer with weights", "export another model")
        )
    if len(model.blocks) > stages.MAX_STAGES:
        findings.append(
            Finding(
                model.blocks[stages.MAX_STAGES].layer.name,
                "graph",
                f"{len(model.blocks)} stages are too many; there is room for {stages.MAX_STAGES}",
                "cut the model earlier, or train a shallower one",
            )
        )
    channels = model.shape[0] * (2 if model.blocks and model.blocks[0].hears_signed else 1)
    for number, block in enumerate(model.blocks):
        is_readout = number + 1 == len(model.blocks) and model.has_head and is_head_kept
        maps = block.layer.output_shape[0]
        if block.is_signed and not is_readout:
            maps *= 2
        reason = _why_not(block, channels, maps)
        if reason is not None:
            kind = type(block.layer).__name__
            findings.append(Finding(block.layer.name, kind, *reason))
        channels = maps
    if model.blocks:
        last = model.blocks[-1]
        is_head = model.has_head and is_head_kept
        units = channels * int(np.prod(last.layer.output_shape[1:]))
        most = MAX_CLASSES if is_head else MAX_UNITS
        if units > most:
            findings.append(
                Finding(
                    last.layer.name,
                    type(last.layer).__name__,
                    f"{units} numbers come out; there is room for {most}"
                    + (" classes" if is_head else ""),
                    "pool at the end, or train with fewer maps",
                )
            )
    return findings


def _why_not(block: Block, channels: int, maps: int) -> tuple[str, str] | None:
    """Return why a block cannot become a stage, and what to do; None if it can."""
    layer = block.layer
    try:
        if isinstance(layer, Pool):
            if layer.kind == "max" and block.hears_signed:
                return (
                    "it takes the greatest of numbers that may be negative",
                    "put a ReLU before it",
                )
            stages.CodedPool(
                **window_of(layer, channels),
                kernel=layer.kernel,
                pool="max" if layer.kind == "max" else "sum",
            )
            return None
        groups = layer.groups
        stages.CodedConvolution(
            **window_of(layer, channels),
            dilation=layer.dilation,
            weights=np.zeros((maps, channels // groups, *layer.weights.shape[2:]), np.int8),
            groups=groups,
        )
    except ValueError as error:
        return str(error), "train with smaller layers; docs/onnx-import.md lists the limits"
    return None
