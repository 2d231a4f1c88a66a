"""The network as a strategy of Avalanche, which hands over one experience after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca.extras import require

require("avalanche")

import torch  # noqa: E402 - the extra is asked for first
from avalanche.training.plugins.evaluation import default_evaluator  # noqa: E402
from avalanche.training.templates import SupervisedTemplate  # noqa: E402

from edge_naca.core import Core  # noqa: E402
from edge_naca.frameworks.module import NacaModule, as_samples  # noqa: E402
from edge_naca.network import Network  # noqa: E402


def share_of_errors(output: Any, labels: Any) -> Any:
    """Return the share of samples whose greatest output is not that of their label."""
    return (output.argmax(dim=1) != labels).float().mean()


class NacaStrategy(SupervisedTemplate):  # type: ignore[misc, unused-ignore]
    """A spiking network that learns each sample once, in the C core that devices run.

    There is no optimiser, no back-propagation and no buffer; task labels are never looked at. The
    loss that Avalanche logs is the share of samples that were answered wrongly before they were
    learned, or in evaluation.

    Parameters
    ----------
    network : a description, for instance of `edge_naca.recipes.network_for`, or an image. Samples
        are tensors in the sensor's raw numbers, images with channels first; labels are 0 to its
        capacity − 1.
    train_epochs : how often the samples of an experience are learned.
    train_mb_size, eval_mb_size : samples handed over at a time. They are learned one by one: this
        changes nothing but the time.
    plugins, evaluator, eval_every : as of Avalanche's own strategies.

    Attributes
    ----------
    core : edge_naca.Core
        What learns; its `image()` goes to a device.

    Examples
    --------
    ::

        strategy = NacaStrategy(network=recipes.network_for(data.load("mnist"), max_kib=64))
        for experience in benchmark.train_stream:
            strategy.train(experience)
            strategy.eval(benchmark.test_stream)
    """

    def __init__(
        self,
        *,
        network: Network | bytes,
        train_epochs: int = 1,
        train_mb_size: int = 256,
        eval_mb_size: int = 1024,
        plugins: Sequence[Any] | None = None,
        evaluator: Any | Callable[[], Any] = default_evaluator,
        eval_every: int = -1,
    ) -> None:
        model = NacaModule(network)
        self.core: Core = model.core
        super().__init__(
            model=model,
            optimizer=None,
            criterion=share_of_errors,
            train_epochs=train_epochs,
            train_mb_size=train_mb_size,
            eval_mb_size=eval_mb_size,
            device="cpu",
            plugins=plugins,
            evaluator=evaluator,
            eval_every=eval_every,
        )

    def training_epoch(self, **kwargs: Any) -> None:
        """Learn the samples of the loader, one by one in its order."""
        for batch in self.dataloader:
            self.mbatch = batch
            self._unpack_minibatch()
            self._before_training_iteration(**kwargs)
            self._before_forward(**kwargs)
            labels: NDArray[Any] = np.asarray(self.mb_y.cpu())
            results = self.core.learn_many(as_samples(self.mb_x), labels)
            self.mb_output = self.model.votes(results["prediction"])
            self._after_forward(**kwargs)
            self.loss = self.criterion()
            self._before_update(**kwargs)
            self._after_update(**kwargs)
            self._after_training_iteration(**kwargs)

    def make_optimizer(self, **kwargs: Any) -> None:
        """Do nothing: the core learns by its own rule."""

    def model_adaptation(self, model: torch.nn.Module | None = None) -> torch.nn.Module:
        """Return the model as it is: it has room for all classes from the start."""
        return self.model if model is None else model
