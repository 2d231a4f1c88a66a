"""The network as a strategy of Avalanche, beside Avalanche's own, on digits in five experiences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from avalanche.evaluation.metrics import accuracy_metrics
from avalanche_split import Split, split, train
from neurobench_figures import METRICS
from test_snippets import ALL

from edge_naca import Core, data, recipes
from edge_naca.frameworks.avalanche import NacaStrategy
from edge_naca.frameworks.module import NacaModule

KIB = 16.0
PAGE = ("frameworks.md", "python")


@pytest.fixture(scope="module")
def digits() -> Split:
    return split(data.load("digits"), seed=0)


def test_it_keeps_classes_that_others_forget(digits: Split) -> None:
    ours = train("edge-naca", digits, KIB, seed=0)
    naive = train("naive", digits, KIB, seed=0, rates=(0.05,))
    replay = train("replay", digits, KIB, seed=0, rates=(0.05,))
    assert naive < 0.3  # the two classes of the last experience
    assert ours > 0.9
    assert ours > replay > naive


def test_it_learns_what_the_core_learns(digits: Split) -> None:
    network = recipes.network_for(digits.data, max_kib=KIB)
    strategy = NacaStrategy(network=network, evaluator=None)
    core = Core(network)
    torch.manual_seed(3)
    seen: list[tuple[Any, Any]] = []
    keep: Any = _Keeping(seen)
    strategy.plugins.append(keep)
    for experience in digits.benchmark.train_stream:
        strategy.train(experience)
    for x, y in seen:
        core.learn_many(np.moveaxis(x, 1, -1), y)
    assert core.learned() == len(digits.data.y_train)
    assert strategy.core.state_hash() == core.state_hash()


class _Keeping:
    """A plugin that keeps what the strategy was given, in its order."""

    def __init__(self, seen: list[tuple[Any, Any]]) -> None:
        self.seen = seen

    def before_training_iteration(self, strategy: Any, **_: Any) -> None:
        self.seen.append((strategy.mb_x.numpy().copy(), strategy.mb_y.numpy().copy()))


def test_avalanche_s_metrics_and_checkpoints(digits: Split) -> None:
    from avalanche.training.plugins import EvaluationPlugin

    network = recipes.network_for(digits.data, max_kib=KIB)
    metrics = EvaluationPlugin(accuracy_metrics(stream=True), loggers=[])
    strategy = NacaStrategy(network=network, evaluator=metrics)
    for experience in digits.benchmark.train_stream:
        strategy.train(experience)
    strategy.eval(digits.benchmark.test_stream)
    (accuracy,) = metrics.get_last_metrics().values()
    answers = strategy.core.predict_many(digits.data.x_test)
    assert accuracy == pytest.approx((answers == digits.data.y_test).mean())
    again = NacaModule(network)
    again.load_state_dict(strategy.model.state_dict())
    assert again.core.image() == strategy.core.image()
    other = NacaModule(recipes.network_for(digits.data, max_kib=8))
    with pytest.raises(ValueError, match="another network"):
        other.load_state_dict(strategy.model.state_dict())


def test_programs_of_the_page_run(digits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "load", lambda name: digits.data)
    few = torch.utils.data.TensorDataset(
        torch.from_numpy(digits.data.x_test[:20]), torch.from_numpy(digits.data.y_test[:20])
    )
    names = {
        "benchmark": digits.benchmark,
        "loader": torch.utils.data.DataLoader(few, batch_size=10),
        "metrics": METRICS,
    }
    programs = [block.text for block in ALL if (block.page, block.language) == PAGE]
    assert len(programs) == 2
    for program in programs:
        exec(compile(program, PAGE[0], "exec"), names)
    figures: Any = names["figures"]
    assert figures["Footprint"] == len(names["image"])
