"""``edge-naca train``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_naca.choices import ORDERS
from edge_naca.cli import common, lessons, report, signals
from edge_naca.cli import front_end as front_ends
from edge_naca.cli.import_ import print_report
from edge_naca.cli.model_options import model_options
from edge_naca.cli.numbers import NumberRange

if TYPE_CHECKING:
    from edge_naca.core import Core
    from edge_naca.data import Dataset
    from edge_naca.export.conversion.layers import Report
    from edge_naca.network import Network
    from edge_naca.scenarios import History, Lesson


@click.command()
@common.data_arguments
@common.reading_options
@signals.signal_options
@common.output_image_option
@click.option(
    "--order",
    type=click.Choice(ORDERS),
    default="class",
    show_default=True,
    help="One class after another, everything shuffled, or as the data comes.",
)
@click.option(
    "--epochs", type=click.IntRange(1, 1000), default=1, show_default=True,
    help="How often each sample comes; 1 is how a device sees them.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
    help="Of the order and of everything random; 0 keeps classes in the order of their labels.",
)  # fmt: skip
@common.network_options
@click.option(
    "--capacity", type=click.IntRange(1, 1024),
    help="Classes to make room for, if more are to come later.  [those of DATA]",
)  # fmt: skip
@click.option(
    "--continue",
    "continued",
    type=click.Path(path_type=Path),
    metavar="IMAGE.naca",
    help="Go on teaching this image, bit for bit as if it had never been saved.",
)
@click.option(
    "--front-end",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Learn behind a model's frozen layers: .onnx, .nir, or the stages of an image (.naca).",
)
@click.option(
    "--decorrelate-on",
    metavar="DATA",
    help="Find what decorrelates inputs on these samples, maybe of other classes, instead of "
    "learning it on the device: it then lies in flash.",
)
@click.option(
    "--rank",
    type=click.IntRange(min=0),
    metavar="N",
    help="How many numbers --decorrelate-on leaves of a sample; 0 for all. Neurons hold as many "
    "weights. Left out, 100 of more than 128, else all.",
)
@click.option(
    "--unknown",
    type=NumberRange(0, 1, max_open=True),
    metavar="RATE",
    help="Answer none where a sample looks like no class that was learned, and at most so often, "
    "as 0.05, where it is of one: judged by every fifth sample. Of a single class, such as a "
    "machine that is well, all else is then unknown.",
)
@model_options
@click.option(
    "--untaught", is_flag=True,
    help="Teach nothing: an image with the room, the features and the scale that suit DATA, for a "
    "device to learn from the start.",
)  # fmt: skip
@signals.decision_options
@click.option(
    "--leave-one-out", is_flag=True,
    help="Of recordings: first test on every group (--group) once, by a network that learned all "
    "others; the image then learns all.",
)  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw accuracy.")
@common.json_option
def train(
    data: tuple[str, ...],
    reading: common.Reading,
    windowing: signals.Windowing,
    output: Path,
    order: str,
    epochs: int,
    seed: int,
    continued: Path | None,
    front_end: Path | None,
    decorrelate_on: str | None,
    rank: int | None,
    unknown: float | None,
    untaught: bool,
    leave_one_out: bool,
    deciding: signals.Deciding,
    plot: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Teach a network one sample at a time in the C core, and write it as an image.

    DATA is digits (ships along), mnist or fashion-mnist (files in the folder that EDGE_NACA_DATA
    names), or a file: .npz with x_train, y_train, x_test, y_test or with x and y; .npy with
    --labels; or a table of text (.csv, .tsv, .txt), one sample a line, whose layout is found and
    said. Samples may be images (samples, height, width) of whole numbers, or rows of any numbers:
    those are scaled, and the image keeps how.

    \b
    Examples
      edge-naca train digits -o digits.naca
      edge-naca train digits --untaught -o new.naca
      edge-naca train mnist --max-kib 64 -o mnist.naca --plot mnist.png
      edge-naca train sensor.csv --label-column state --capacity 12 -o sensor.naca
      edge-naca train later.csv --continue sensor.naca -o sensor.naca
      edge-naca train digits --unknown 0.05 -o digits.naca
      edge-naca train mnist --decorrelate-on letters.npz -o mnist.naca
      edge-naca train mnist --front-end net.onnx --full-scale 255 -o mnist.naca
      edge-naca train mnist --front-end net.nir --exporter snntorch --steps 10 \\
          --encoder direct --full-scale 255 -o mnist.naca
      edge-naca train walk.csv run.csv sit.csv --signal --rate 50 -o gait.naca
      edge-naca train log.csv --signal --label-column activity --group person -o gait.naca
      edge-naca train log.csv --signal --label-column activity --features auto -o gait.naca

    With --signal, DATA are recordings: .csv and the like with a row for each sample of a sensor,
    or .wav. A file without --label-column is of one class, named as the file. No window reaches
    over a gap, and none of a recording is learned from while others of it are tested on. Features
    that usually suit are made of windows; --features auto tries many, as `edge-naca search` does,
    on what is not tested on.

    With --continue, samples of new classes may come as long as there is room (--capacity).

    With --front-end, a model that was trained elsewhere comes first, converted to integers on
    some of the samples to learn; it stays as it is, and what it gives is learned from. --bits are
    those of what it gives. Of an image without populations the last stage, which answers, is left
    out. docs/onnx-import.md and docs/nir.md say what can be converted.
    """
    from edge_naca.core import Core

    start = time.perf_counter()
    options, model_settings = _sorted_options(options, front_end, continued, decorrelate_on, rank)
    _check_together(untaught, continued, plot, unknown, deciding)
    if leave_one_out:
        _check_left_out(untaught, continued, windowing)
        reading = replace(reading, test_fraction=0.0)
    _check_outputs(output, plot)
    before = None if continued is None else _taught(continued, data)
    choose = _chooser(windowing, options, as_json)
    found = deciding.given_to(signals.load(data, reading, windowing, before, as_json, choose))
    loaded = found.dataset
    course = lessons.Course(order, epochs, seed)
    converted, left_out = None, None
    if before is None:
        options = _completed(found, options, front_end, decorrelate_on, reading)
        converted = _put_in_front(front_end, loaded, model_settings, options, as_json)
        network = _network_for(found, options, seed, unknown)
        if untaught:
            lessons.write_untaught(output, network, loaded, converted, as_json)
            return
        if leave_one_out:
            left_out = lessons.left_out(loaded, found.groups, options, course, as_json)
        core, named = Core(network), loaded
    else:
        core, named = before, _join_classes(before, common.fitted(before, loaded))
    stages = lessons.stages_of(core, named, course)
    if unknown is not None:
        core = Core(_with_limit(core.network, named, stages, unknown, as_json))
    history = lessons.teach(core, named, stages, as_json)
    content, record = lessons.image_of(core, named, loaded, history, course)
    _draw(plot, history, named, as_json)
    common.write_kept({output: content}, as_json)
    seconds = round(time.perf_counter() - start, 3)
    if as_json:
        written = {"image": str(output), "image_bytes": len(content), "seconds": seconds}
        record |= {"left_out": left_out}
        report.print_json(record | _summary(core, history, named, converted) | written)
        return
    _tell(output, core, history, named.classes, seconds, left_out is not None)


def _network_for(
    found: signals.Loaded, options: dict[str, Any], seed: int, unknown: float | None
) -> Network:
    """Return a network for samples, and what its image is to say."""
    from edge_naca import recipes

    _warn_of_one_class(found, options, unknown)
    network = recipes.network_for(found.dataset, seed=seed, **options)
    return replace(network, metadata=network.metadata | dict(found.metadata))


def _chooser(
    windowing: signals.Windowing, options: dict[str, Any], quiet: bool
) -> signals.Chooser | None:
    """Return what chooses features and network by measurement, if `--features auto` asks for it."""
    if not windowing.signal or options.get("features") != "auto":
        return None
    from edge_naca.cli.searching import chooser

    if "weight_bits" in options:
        raise click.UsageError("--weight-bits: not with --features auto of recordings")
    del options["features"]
    return chooser(options, quiet)


def _check_together(
    untaught: bool,
    continued: Path | None,
    plot: Path | None,
    unknown: float | None,
    deciding: signals.Deciding,
) -> None:
    if deciding.options and continued is not None:
        raise click.UsageError(
            f"{', '.join(deciding.options)}: the image given to --continue decides that"
        )
    if untaught and (continued is not None or plot is not None):
        raise click.UsageError("--untaught: there is nothing to --continue or to --plot")
    if unknown is not None and (untaught or continued is not None):
        raise click.UsageError("--unknown: it is found while a network is taught from the start")


def _check_left_out(untaught: bool, continued: Path | None, windowing: signals.Windowing) -> None:
    if untaught or continued is not None or not windowing.signal:
        raise click.UsageError("--leave-one-out goes with --signal, and with learning from start")


def _warn_of_one_class(
    found: signals.Loaded, options: dict[str, Any], unknown: float | None
) -> None:
    """Say so if all labels are the same, unless classes are to come, or all else is unknown."""
    from edge_naca.tables.errors import quoted

    loaded = found.dataset
    if len(loaded.classes) > 1 or options.get("capacity", 1) > 1 or unknown is not None:
        return
    column = loaded.label_column
    where = f"column {quoted(column)} of {loaded.name}" if column else loaded.name
    other = "--label-column names another column" if column else "look at the labels"
    if found.signal is not None:
        other = (
            "classes come from --label-column, from a label track (--labels), from names of files, "
            "or of the folders in a folder"
        )
    report.say(
        f"Warning: {where} holds one class only, {quoted(loaded.classes[0])}, so that nothing can "
        f"be told apart: {other}, --capacity makes room for classes to come, --unknown 0.02 has "
        "all that is unlike it answered by none",
        err=True,
    )


def _put_in_front(
    front_end: Path | None,
    loaded: Dataset,
    settings: dict[str, Any],
    options: dict[str, Any],
    quiet: bool,
) -> Report | None:
    """Add a model's frozen layers, if any, to options of a network; say what became of them."""
    if front_end is None:
        return None
    options["front_end"], converted = front_ends.load_front_end(front_end, loaded, settings)
    if converted is not None and not quiet:
        print_report(converted)
    return converted


def _with_limit(
    network: Network, dataset: Dataset, stages: list[Lesson], rate: float, quiet: bool
) -> Network:
    """Return a network that answers none where a sample looks like no class that is learned."""
    import numpy as np

    from edge_naca import novelty

    order = np.concatenate([stage.indices for stage in stages])
    x, y = dataset.x_train[order], dataset.y_train[order]
    limit = novelty.limit_of_stream(network, x, y, rate)
    if not quiet:
        share = float(novelty.share_of_1(limit))
        report.say(f"unknown: novelty above {share:.3f}, which {rate:.1%} of known samples reach")
    return novelty.answering_none(network, limit)


def _taught(continued: Path, data: tuple[str, ...]) -> Core:
    """Return a network that goes on learning."""
    from edge_naca.export import load_image

    core, names = load_image(continued), " ".join(data)
    common.check_learns(
        core, str(continued), f"'edge-naca evaluate {continued} {names}' tests it as it is"
    )
    return core


def _completed(
    found: signals.Loaded,
    options: dict[str, Any],
    front_end: Path | None,
    decorrelate_on: str | None,
    reading: common.Reading,
) -> dict[str, Any]:
    """Return the options of a network, with those that were found for windows."""
    if decorrelate_on is not None:
        options = options | {"decorrelate_on": common.load_data(decorrelate_on, reading)}
    if found.signal is None:
        return options
    if front_end is not None or decorrelate_on is not None:
        raise click.UsageError("--front-end and --decorrelate-on: not together with --signal")
    return options | dict(found.options) | {"signal": found.signal}


def _tell(
    output: Path,
    core: Core,
    history: History,
    classes: Sequence[str],
    seconds: float,
    is_known: bool,
) -> None:
    """Say what came out, of samples that are known, or were not learned."""
    tested = "what it learned" if is_known else "the test samples"
    report.out.print()
    if len(history.stages) > 1:
        report.out.print(report.forgotten_table(history, classes))
    report.say(
        f"{output}: {report.percent(history.final, 2)} on {tested}, "
        f"{len(core.state()) / 1024:.1f} KiB of learned state, {seconds:.1f} s, "
        f"state hash {core.state_hash():08x}"
    )


def _check_outputs(output: Path, plot: Path | None) -> None:
    common.check_writable(output)
    if plot is not None:
        common.check_figure(plot)


def _draw(plot: Path | None, history: History, dataset: Dataset, as_json: bool) -> None:
    if plot is None:
        return
    from edge_naca.plots import figures

    title = f"{dataset.name}: {history.final:.1%} over all classes seen"
    figure = figures.history(title, history, dataset.classes)
    common.write_figure(plot, figure, as_json)


def _sorted_options(
    options: dict[str, Any],
    front_end: Path | None,
    continued: Path | None,
    decorrelate_on: str | None,
    rank: int | None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the network and those of the front end, or refuse what does not fit."""
    model_settings = front_ends.given_options(options)
    options = common.chosen_network(**options)
    if front_end is None and model_settings:
        names = ", ".join("--" + name.replace("_", "-") for name in model_settings)
        raise click.UsageError(f"{names}: for a --front-end only")
    if front_end is not None:
        if continued is not None:
            raise click.UsageError("--continue: the image has its front end already")
        if "features" in options:
            raise click.UsageError("--features: the --front-end gives them")
        if decorrelate_on is not None:
            raise click.UsageError("--decorrelate-on: not together with a --front-end")
        model_settings |= {name: options.pop(name) for name in ("bits",) if name in options}
    if continued is not None and decorrelate_on is not None:
        raise click.UsageError("--decorrelate-on: the image given to --continue decides that")
    if rank is not None:
        if decorrelate_on is None:
            raise click.UsageError("--rank: of what --decorrelate-on finds, which is not given")
        options["rank"] = rank
    if continued is not None and options:
        names = ", ".join("--" + name.replace("_", "-") for name in options)
        raise click.UsageError(f"{names}: the image given to --continue decides that")
    return options, model_settings


def _summary(
    core: Core, history: History, dataset: Dataset, converted: Report | None
) -> dict[str, Any]:
    """Return what was learned, as JSON has it."""
    return {
        "state_bytes": len(core.state()),
        "state_hash": f"{core.state_hash():08x}",
        "classes": list(dataset.classes),
        "per_class": dict(zip(dataset.classes, history.accuracy[-1], strict=True)),
        "stages": [
            {"title": stage.title, "samples": len(stage.indices), "accuracy": accuracy}
            for stage, accuracy in zip(history.stages, history.seen_accuracy(), strict=True)
        ],
        "table": dataset.description or None,
        "conversion": None if converted is None else converted.as_json(),
    }


def _join_classes(core: Core, dataset: Dataset) -> Dataset:
    """Return the data set labelled as the image labels its classes, new ones after those."""
    advice = "'edge-naca grow --capacity {count}' makes room for them"
    names = common.joined_names(core, dataset.classes, "the image", dataset.name, advice)
    return dataset.with_classes(names)
