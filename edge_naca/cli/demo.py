"""``edge-naca demo``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.choices import DATA_SETS
from edge_naca.cli import common, provenance, report

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.data import Dataset
    from edge_naca.network import Network
    from edge_naca.scenarios import History, Lesson

OURS, MEAN, SGD = "edge-naca", "nearest mean", "SGD"


@click.command()
@click.option(
    "--data", "name", type=click.Choice(DATA_SETS),
    help="What to learn.  [mnist where EDGE_NACA_DATA holds it, else digits]",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=".",
    metavar="DIR", help="Where the picture and the image go.  [here]",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Of the order and of everything random; 0 learns 0, 1, 2 and so on.",
)  # fmt: skip
@common.json_option
def demo(name: str | None, output: Path, seed: int, as_json: bool) -> None:
    """Teach a spiking network digits: one class after another, one sample at a time.

    The C core learns every sample once and never sees it again, as it would on a device. Beside it
    learn, from the same stream and the same codes, the mean of each class and the same network
    under stochastic gradient descent, which forgets. Then the same lesson goes over a serial line
    to a device, a virtual one, which has to end in the same state to the last bit. Writes
    edge-naca-demo.png and digits.naca; the last line is for scripts.

    \b
    Examples
      edge-naca demo
      edge-naca demo --data digits --seed 3 -o results
      edge-naca demo --json
    """
    from edge_naca import data, image, recipes
    from edge_naca.core import Core

    start = time.perf_counter()
    output.mkdir(parents=True, exist_ok=True)
    name = name or ("mnist" if data.available("mnist") else "digits")
    picture, file = output / "edge-naca-demo.png", output / "digits.naca"
    common.check_figure(picture)
    common.check_writable(file)
    dataset = data.load(name)
    core = Core(recipes.network_for(dataset, seed=seed))
    network = core.network
    state_kib = len(core.state()) / 1024
    if not as_json:
        report.say(
            f"Teaching {len(dataset.y_train)} samples of {name}, class after class, each once, to "
            f"a spiking network {network.topology}\nwith {state_kib:.1f} KiB of learned state. "
            "Accuracy is over the test samples of all classes seen so far.\n"
        )
    before = core.state()
    histories = _teach(core, dataset, seed, as_json)
    ours = histories[OURS]
    device_hash = _teach_device(network, dataset, seed, as_json)
    if device_hash != core.state_hash():
        raise click.ClickException(
            f"the device ended in state {device_hash:08x}, the host in {core.state_hash():08x}: "
            "they must be equal, so this installation is broken"
        )
    samples = len(dataset.y_train)
    title = f"{name}: {samples} samples, one class after another, each seen once"
    from edge_naca.plots import figures

    moved = _moved(core, before)
    figure = figures.lesson(title, histories, dataset.classes, moved)
    common.write_figure(picture, figure, as_json)
    record = provenance.record(dataset, ours, "class", 1, seed)
    described = provenance.with_record(network, dataset.classes, (), record)
    common.write_kept({file: image.encode(described, core.state())}, as_json)
    summary = {
        "data": name,
        "accuracy": ours.final,
        "forgetting": ours.forgetting,
        "nearest_mean": histories[MEAN].final,
        "sgd": histories[SGD].final,
        "samples": samples,
        "state_kib": round(state_kib, 1),
        "seconds": round(time.perf_counter() - start, 1),
        "state_hash": f"{core.state_hash():08x}",
        "device_hash": f"{device_hash:08x}",
    }
    if as_json:
        report.print_json(summary | {"picture": str(picture), "image": str(file)})
        return
    _tell(ours, dataset.classes, picture, file, summary)


def _tell(
    history: History, classes: Sequence[str], picture: Path, file: Path, summary: dict[str, Any]
) -> None:
    """Say what came out; the last line is for scripts."""
    report.out.print()
    report.out.print(report.forgotten_table(history, classes))
    report.say(
        "Taught the same lesson over a serial line, a virtual device holds the same state, bit for "
        f"bit: {summary['device_hash']}"
    )
    report.say(f"Picture: {picture}\nImage:   {file} (look inside: edge-naca inspect {file})\n")
    parts = (
        f"{key}={value:.4f}" if key in ("accuracy", "forgetting", "nearest_mean", "sgd")
        else f"{key}={value}"
        for key, value in summary.items()
    )  # fmt: skip
    report.say("edge-naca demo: " + " ".join(parts))


def _teach(core: Core, dataset: Dataset, seed: int, quiet: bool) -> dict[str, History]:
    """Teach the core and both baselines the same stream side by side."""
    from edge_naca import baselines, scenarios

    network = core.network
    stages = scenarios.stream(dataset, "class", seed)
    coded = baselines.coded(core, dataset)
    learners: dict[str, tuple[Any, Dataset]] = {
        OURS: (core, dataset),
        MEAN: (baselines.NearestClassMean(network.inputs, network.capacity), coded),
        SGD: (baselines.SurrogateGradientNetwork.like(network), coded),
    }
    with report.Bar(len(learners) * len(dataset.y_train), quiet) as bar:
        bar.row(report.line("learned", ("samples", *learners, "forgotten")))
        courses = [
            scenarios.follow(learner, samples, stages, partial(_advance, bar, name))
            for name, (learner, samples) in learners.items()
        ]
        for histories in zip(*courses, strict=True):
            ours = histories[0]
            stage = ours.stages[-1]
            cells = (
                f"{len(stage.indices)}",
                *(report.percent(history.final) for history in histories),
                report.points(ours.forgetting),
            )
            bar.row(report.line(stage.title, cells))
    return dict(zip(learners, histories, strict=True))


def _teach_device(network: Network, dataset: Dataset, seed: int, quiet: bool) -> int:
    """Teach a virtual device the same stream over a pseudo terminal; return its state hash."""
    from edge_naca import image, scenarios
    from edge_naca.host.addresses import open_link
    from edge_naca.host.emulator import PtyDoor, serving
    from edge_naca.host.virtual import VirtualDevice

    device = VirtualDevice(image.encode(network))
    with (
        serving(device.receive, PtyDoor()) as port,
        open_link(port) as client,
        report.Bar(len(dataset.y_train), quiet) as bar,
    ):
        for stage in scenarios.stream(dataset, "class", seed):
            for first in range(0, len(stage.indices), scenarios.CHUNK):
                chosen = stage.indices[first : first + scenarios.CHUNK]
                client.learn_many(dataset.x_train[chosen], dataset.y_train[chosen])
                bar.advance(len(chosen), f"{stage.title}: over the line")
        return client.hash()


def _advance(bar: report.Bar, name: str, count: int, stage: Lesson) -> None:
    bar.advance(count, f"{stage.title}: {name}")


def _moved(core: Core, before: bytes) -> Any:
    """Return how far each weight of recruited hidden neurons moved from the state before."""
    from edge_naca import image

    old = image.unpack_state(core.network, before).populations[0]
    new = image.unpack_state(core.network, core.state()).populations[0]
    assert new.wins is not None
    recruited = new.wins > 0
    return (new.weights[recruited].astype(int) - old.weights[recruited]).reshape(-1)
