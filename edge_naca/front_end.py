"""What comes before learning populations: preparation, encoder, frozen stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import Core
from edge_naca.limits import MAX_UNITS
from edge_naca.network import Encoder, Network, Population, Preparation
from edge_naca.samples import check_samples
from edge_naca.specification import encoding, preparation
from edge_naca.specification.arithmetic import presentation_key
from edge_naca.specification.stages import SpikingStages, run_coded
from edge_naca.stages import SpikingConvolution, SpikingPool, Stage

FRONT_END = "front_end"  # where an image's metadata keep what is known of frozen stages
MOST_COUNT = 255  # what a trace can hold


@dataclass(frozen=True, eq=False)
class FrontEnd:
    """What comes before the populations of a network.

    Its *features* are what a population learns from: the codes that leave the last coded stage, if
    they travel bit by bit, or else the number of spikes that each unit sends in a presentation.

    Parameters
    ----------
    preparation, encoder, stages : as in a `Network`.
    metadata : for the image: where the stages are from.
    """

    preparation: Preparation
    encoder: Encoder
    stages: tuple[Stage, ...]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        last = self.stages[-1] if self.stages else None
        if isinstance(last, SpikingConvolution) and last.readout:
            raise ValueError(
                "the front end ends in a readout, which never spikes: take the model without its "
                "last layer"
            )
        if self.count > MAX_UNITS:
            raise ValueError(
                f"the front end gives {self.count} features; a population hears {MAX_UNITS} at most"
            )
        if self.most > MOST_COUNT:
            raise ValueError(
                f"a unit of the front end may send {self.most} spikes in a presentation, and no "
                f"more than {MOST_COUNT} can be learned from: take fewer steps, or pool less"
            )

    @classmethod
    def of(cls, network: Network) -> FrontEnd:
        """Return the front end of a network, whose populations are left behind.

        Of a network without populations, the last stage is left out: it answers, which is what
        populations are put there for.

        Raises
        ------
        ValueError
            If the network prepares no raw samples, or has no stage that could be a front end.
        """
        if network.preparation is None:
            raise ValueError("the image has no preparation: raw samples could not be presented")
        stages = network.stages
        if not network.populations:
            stages = stages[:-1]
        metadata = {k: network.metadata[k] for k in (FRONT_END,) if k in network.metadata}
        if not stages:
            raise ValueError("the image has no frozen stages that populations could be put behind")
        encoder = network.encoder
        if encoder.kind == "direct" and not frozen_spiking(stages):
            # What spoke to the readout directly speaks in bits to populations.
            encoder = Encoder("bitplane", encoder.bits, encoder.bits)
        return cls(network.preparation, encoder, stages, metadata)

    @property
    def is_exact(self) -> bool:
        """Whether features are codes that travel bit by bit."""
        return self.encoder.kind == "bitplane" and not frozen_spiking(self.stages)

    @property
    def count(self) -> int:
        """How many features there are."""
        return self.stages[-1].units if self.stages else self.preparation.outputs

    @property
    def most(self) -> int:
        """The greatest number that a feature can be."""
        if self.is_exact:
            return 2**self.encoder.bits - 1
        last = self.stages[-1] if self.stages else None
        each = last.kernel[0] * last.kernel[1] if isinstance(last, SpikingPool) else 1
        return self.encoder.steps * each

    def network(self) -> Network:
        """Return a network of this front end and one neuron that never learns."""
        return Network(
            self.preparation.outputs,
            self.encoder,
            (Population(1),),
            self.preparation,
            metadata=self.metadata,
            stages=self.stages,
        )

    def features(self, x: ArrayLike, seed: int = 0) -> NDArray[np.int64]:
        """Return the features of raw samples (n, …); int64 (n, features)."""
        network = self.network()
        if self.is_exact:
            return Core(network).features_many(x).astype(np.int64)
        samples = check_samples(network, x, "raw")
        return np.stack([self._spikes(network, sample, seed) for sample in samples])

    def _spikes(self, network: Network, sample: NDArray[Any], seed: int) -> NDArray[np.int64]:
        codes = preparation.codes(self.preparation, sample, network.code_bits)
        codes, _ = run_coded(network.coded, codes)
        spikes = encoding.spikes(self.encoder, codes, presentation_key(seed, 0)).astype(np.int64)
        is_direct = self.encoder.kind == "direct"
        running = SpikingStages(network.spiking, not network.coded, is_direct)
        running.rest()
        given = spikes * codes if is_direct else spikes
        return np.asarray(sum(running.step(arriving)[0] for arriving in given))


def frozen_spiking(stages: tuple[Stage, ...]) -> bool:
    """Tell whether any of the stages spikes."""
    return any(isinstance(stage, (SpikingConvolution, SpikingPool)) for stage in stages)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` of `count` indices, evenly spread, always the same ones."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
