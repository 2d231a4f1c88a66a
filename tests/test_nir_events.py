"""NIR graphs of networks that hear a sensor's own spikes are converted by events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from nir_graphs import MODELS, SAID, affine, chain, convolution, lif, node

from edge_naca.cli import main
from edge_naca.core import Core
from edge_naca.export.conversion import float_model
from edge_naca.export.conversion.input_layout import CalibrationError
from edge_naca.export.nir.events import event_samples
from edge_naca.export.nir.front_end import nir_check, nir_network
from edge_naca.export.nir.read import nir_layers
from edge_naca.specification.network import Specification

EVENTS = replace(SAID, encoder="events", full_scale=None, steps=12)
SHAPE = (2, 6, 6)


def samples(count: int, seed: int) -> list[Any]:
    """Return spikes of a 2 × 6 × 6 sensor of which each sample moves another way."""
    rng = np.random.default_rng(seed)
    lists = []
    for _ in range(count):
        rates = rng.uniform(0, 0.4) * rng.random((2, 6, 6)) ** 2
        spikes = rng.random((EVENTS.steps or 0, 72)) < rates.reshape(-1)
        lists.append(np.argwhere(spikes))
    return lists


def source() -> Any:
    flat = node("Flatten", start_dim=0, end_dim=-1)
    return chain(SHAPE, convolution(1, 4, 2, 3), lif(), flat, affine(3, 5, 64), lif())


def test_answers_are_those_of_the_real_numbered_network() -> None:
    x = samples(60, 1)
    network, report = nir_network(source(), x, EVENTS)
    layers = nir_layers(source(), EVENTS)
    given = event_samples(x, SHAPE, 12, "samples").source()
    simulation = float_model.simulate(
        layers, given.samples, given.steps, given.real, given.is_direct
    )
    wanted = simulation.answers(False)
    assert len(set(wanted.tolist())) > 2, "the test tells nothing"
    core, runner = Core(network), Specification(network)
    found = np.array([core.infer(events, kind="events").prediction for events in x])
    assert found[:8].tolist() == [runner.infer(e, kind="events").prediction for e in x[:8]]
    assert (found == wanted).mean() >= 0.9
    assert all(layer.error < 0.25 for layer in report.layers)


def test_accuracy_before_and_after() -> None:
    x, tests = samples(40, 1), samples(30, 2)
    y = np.arange(30) % 5
    _, report = nir_network(source(), x, EVENTS, tests=(tests, y))
    assert report.samples == 30
    assert report.accuracy_before is not None
    with pytest.raises(CalibrationError, match="a class each"):
        nir_network(source(), x, EVENTS, tests=(tests, y[:5]))


def test_no_full_scale_is_asked_for() -> None:
    assert not nir_check(source(), EVENTS).questions


@pytest.mark.parametrize(
    ("x", "why"),
    [
        ([], "must be a list of events"),
        ("events", "must be a list of events"),
        ([np.zeros((3, 3), int)], r"number 0: events must be integers \(n, 2\)"),
        ([[[0, 1]], [[12, 0]]], r"number 1: event steps must be in 0 \.\. 11"),
        ([[[0, 72]]], r"number 0: event inputs must be in 0 \.\. 71"),
        ([[[1, 0], [0, 0]]], "number 0: events must ascend"),
        ([[[0, 0.5]]], "number 0: events must be integers"),
        ([np.zeros((0, 2), int)], "no event at all"),
    ],
)
def test_what_are_no_events(x: Any, why: str) -> None:
    with pytest.raises(CalibrationError, match=f"calibration samples.*{why}"):
        nir_network(source(), x, EVENTS)


def test_the_command_line_says_where_events_go(tmp_path: Path) -> None:
    words = ["import", str(MODELS / "norse_dense.nir"), "-o", str(tmp_path / "x.naca"),
             "--exporter", "norse", "--steps", "5", "--encoder", "events"]  # fmt: skip
    result = CliRunner().invoke(main, words, prog_name="edge-naca")
    assert result.exit_code == 2
    assert "handed over in Python" in " ".join(result.stderr.split())
