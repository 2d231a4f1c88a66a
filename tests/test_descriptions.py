"""Networks and stages that cannot be are refused when they are described, with what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_naca.inhibition import Inhibition
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.presets import competitive
from edge_naca.stages import CodedConvolution, CodedPool, SpikingConvolution, SpikingPool

TABLE = np.zeros((2, 2), int)
DIRECT = Encoder("direct", 4, 4)
RATE = Encoder("rate", 4, 4)


def ones(*shape: int) -> NDArray[np.int8]:
    return np.ones(shape, np.int8)


def convolution(**other: Any) -> CodedConvolution:
    """Return a convolution of 4 × 4 × 2 to 3 × 3 × 4, but for what is said otherwise."""
    usual: dict[str, Any] = {
        "shape": (4, 4, 2), "weights": ones(4, 2, 2, 2), "code_bits": 4, "bits": 4
    }  # fmt: skip
    return CodedConvolution(**usual | other)


def firing(**other: Any) -> SpikingConvolution:
    usual: dict[str, Any] = {"shape": (4, 4, 2), "weights": ones(4, 2, 2, 2)}
    return SpikingConvolution(**usual | other)


STAGES: dict[str, tuple[Callable[[], object], str]] = {
    "flat shape": (
        lambda: SpikingPool(shape=(4, 4)),  # type: ignore[arg-type]
        r"shape must be \(height, width, channels\), not \(4, 4\)",
    ),
    "stride of one axis": (
        lambda: convolution(stride=(1,)),
        r"stride must be a pair \(vertical, horizontal\)",
    ),
    "weights of a dense layer": (
        lambda: convolution(weights=ones(4, 32)),
        r"weights must be \(maps, channels / groups, .*\), not \(4, 32\)",
    ),
    "groups that divide nothing": (
        lambda: convolution(groups=3, weights=ones(4, 1, 2, 2)),
        "3 groups divide neither 2 channels nor 4 maps",
    ),
    "groups that divide channels only": (
        lambda: convolution(groups=2, weights=ones(3, 1, 2, 2)),
        "2 groups must divide 2 channels and 3 maps",
    ),
    "weights of other channels": (
        lambda: convolution(weights=ones(4, 3, 2, 2)),
        "weights must reach 2 channels, not 3",
    ),
    "weights of all channels in groups": (
        lambda: convolution(groups=2),
        "weights must reach 1 channels, not 2",
    ),
    "bias of other maps": (
        lambda: convolution(bias=np.zeros(3, int)),
        "bias must hold one number or 4, not 3",
    ),
    "thresholds of maps where neurons have their own": (
        lambda: firing(own=True, threshold=np.zeros(4, int)),
        "threshold must hold one number or 36, not 4",
    ),
    "dilated pool of spikes": (
        lambda: SpikingPool(shape=(6, 6, 1), kernel=(2, 2), dilation=(2, 1)),
        "a pool cannot be dilated",
    ),
    "dilated pool of codes": (
        lambda: CodedPool(shape=(6, 6, 1), kernel=(2, 2), dilation=(1, 2)),
        "a pool cannot be dilated",
    ),
    "real weights": (
        lambda: convolution(weights=np.full((4, 2, 2, 2), 0.5)),
        "weights must hold integers, not float64",
    ),
    "large weights": (
        lambda: convolution(weights=np.full((4, 2, 2, 2), 128)),
        r"weights must be in -128 .. 127, but holds 128 .. 128",
    ),
}


@pytest.mark.parametrize("wrong", STAGES)
def test_a_stage_that_cannot_be_is_refused(wrong: str) -> None:
    stage, message = STAGES[wrong]
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        stage()


def staged(*stages: Any, encoder: Encoder = RATE, **other: Any) -> Network:
    """Return a network of stages alone, given what the first of them takes."""
    return Network(int(np.prod(stages[0].shape)), encoder, **({"populations": ()} | other),
                   stages=stages)  # fmt: skip


def test_the_chains_below_are_taken_when_they_are_mended() -> None:
    """Each fault below is the only one of its chain."""
    coded, pool = convolution(), SpikingPool(shape=(3, 3, 4))
    end = firing(shape=(3, 3, 4), weights=ones(2, 4, 1, 1))
    assert staged(coded, pool, end).topology == "32-3×3×4-3×3×4-3×3×2"
    assert staged(firing(), pool, end, encoder=DIRECT).units == 36 + 18
    assert staged(firing(), populations=(Population(2),)).arriving == 36


CHAINS: dict[str, tuple[Callable[[], object], str]] = {
    "coded behind spiking": (
        lambda: staged(firing(), convolution(shape=(3, 3, 4), weights=ones(1, 4, 1, 1))),
        r"stages\[1\]: coded stages come before spiking ones",
    ),
    "pool that a direct encoder speaks to": (
        lambda: staged(SpikingPool(shape=(4, 4, 2)), firing(), encoder=DIRECT),
        r"stages\[0\]: a direct encoder speaks to a convolution, not to a pool",
    ),
    "pool behind codes that are sent as they are": (
        lambda: staged(
            convolution(),
            SpikingPool(shape=(3, 3, 4)),
            firing(shape=(3, 3, 4), weights=ones(2, 4, 1, 1)),
            encoder=DIRECT,
        ),
        r"stages\[1\]: a direct encoder speaks to a convolution, not to a pool",
    ),
    "pool behind a pool": (
        lambda: staged(SpikingPool(shape=(4, 4, 2)), SpikingPool(shape=(4, 4, 2)), firing()),
        r"stages\[1\]: a pool cannot follow a pool; make them one",
    ),
    "other shape": (
        lambda: staged(firing(), firing()),
        r"stages\[1\]: its shape \(4, 4, 2\) is not what comes before, \(3, 3, 4\)",
    ),
    "direct encoder without stages": (
        lambda: Network(4, DIRECT, (Population(2),)),
        "a direct encoder needs a spiking stage to speak to",
    ),
    "direct encoder with coded stages only": (
        lambda: staged(convolution(), encoder=DIRECT, populations=(Population(2),)),
        "a direct encoder needs a spiking stage to speak to",
    ),
    "no populations behind a pool": (
        lambda: staged(firing(), SpikingPool(shape=(3, 3, 4))),
        "a network without populations must end in a spiking convolution",
    ),
    "populations behind a readout": (
        lambda: staged(firing(readout=True), populations=(Population(2),)),
        "a readout cannot be followed by populations: it never spikes",
    ),
}


def learning(**other: Any) -> Rule:
    return Rule(**({"post": "all", "signal": "table", "pre": "spike", "table": TABLE} | other))


NETWORKS: dict[str, tuple[Callable[[], object], str]] = {
    "flat samples": (
        lambda: Preparation((8, 8)),  # type: ignore[arg-type]
        r"shape must be \(height, width, channels\), not \(8, 8\)",
    ),
    "offsets of other features": (
        lambda: Preparation((2, 2, 1), offset=np.zeros(3, int), gain=np.ones(3, int)),
        "offset and gain must both hold one number or 4, one for each feature, not 3 and 3",
    ),
    "more gains than offsets": (
        lambda: Preparation((2, 2, 1), gain=np.ones(4, int)),
        "offset and gain must both hold one number or 4, one for each feature, not 1 and 4",
    ),
    "sign that is split and kept": (
        lambda: Preparation((2, 2, 1), signed=True, keeps_sign=True),
        r"features are either split \(signed\) or keep their sign, not both",
    ),
    "table of modulation that nobody looks at": (
        lambda: learning(signal="error"),
        "a table of modulation is needed exactly when signal is 'table'",
    ),
    "no table of modulation": (
        lambda: learning(table=None),
        "a table of modulation is needed exactly when signal is 'table'",
    ),
    "competition without a table": (
        lambda: learning(table=None, signal="error", post="winner"),
        "post 'winner' needs signal 'table': the table says who competes",
    ),
    "levels without competition": (
        lambda: learning(levels=[[1, 2]]),
        "levels are of post 'winner', not 'all'",
    ),
    "levels of one age": (
        lambda: learning(post="winner", pre="attract", levels=[1, 2]),
        r"levels must be \(ages, ranks\), not \(2,\)",
    ),
    "short curve": (
        lambda: Curve(np.zeros(255, int), np.zeros(256, int)),
        r"current must hold 256 numbers, not \(255,\)",
    ),
    "short slope": (
        lambda: Curve(np.zeros(256, int), np.zeros(16, int)),
        r"slope must hold 256 numbers, not \(16,\)",
    ),
    "error of a hidden population": (
        lambda: Network(
            4,
            RATE,
            (Population(2, rule=learning(table=None, signal="error")), Population(2)),
        ),
        r"populations\[0\]: only the output population can learn from its error",
    ),
    "table of other classes": (
        lambda: Network(4, RATE, (Population(3, rule=learning()),)),
        r"populations\[0\]: table must be \(3, 3\), not \(2, 2\)",
    ),
    "inhibition before codes without a sign": (
        lambda: replace(competitive(4, 2, 3), inhibition=Inhibition(4, 4)),
        "an inhibition gives codes with a sign: the encoder must take them",
    ),
    "bits that are no steps": (
        lambda: Encoder("bitplane", 4, 5),
        "a bitplane encoder of 4 bits takes as many steps",
    ),
    "weights of 5 bits": (
        lambda: Population(2, weight_bits=5),
        "weight_bits must be 4 or 8, not 5",
    ),
}


WRONG = CHAINS | NETWORKS


@pytest.mark.parametrize("wrong", WRONG)
def test_a_network_that_cannot_be_is_refused(wrong: str) -> None:
    network, message = WRONG[wrong]
    with pytest.raises(ValueError, match=f"^{message}$"):
        network()
