"""What importing a model gives, whatever its file: stages and a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_naca.export.conversion.layers import Layer, Report
from edge_naca.front_end import FrontEnd
from edge_naca.network import Encoder, Network, Preparation
from edge_naca.stages import Stage


@dataclass(frozen=True, eq=False)
class Conversion:
    """A model as integers.

    Parameters
    ----------
    preparation, encoder, stages : parts of a `Network`.
    layers : the model in real numbers, what raw numbers mean included.
    report : what conversion did, layer by layer.
    metadata : for the image of a network behind these stages: where they are from.
    """

    preparation: Preparation
    encoder: Encoder
    stages: tuple[Stage, ...]
    layers: tuple[Layer, ...]
    report: Report
    metadata: dict[str, Any]

    def front_end(self) -> FrontEnd:
        """Return what populations are put behind.

        Raises
        ------
        ValueError
            If they could not hear it: it ends in a readout, or sends too much.
        """
        return FrontEnd(self.preparation, self.encoder, self.stages, self.metadata)

    def network(self, metadata: dict[str, Any]) -> Network:
        """Return a network without populations, whose last stage answers.

        Parameters
        ----------
        metadata : of its image.
        """
        return Network(
            self.preparation.outputs,
            self.encoder,
            (),
            preparation=self.preparation,
            stages=self.stages,
            metadata=metadata,
        )
