"""``edge-naca raster``."""

from __future__ import annotations

from pathlib import Path

import click

from edge_naca.cli import common, report


@click.command()
@common.image_argument
@common.data_argument
@common.reading_options
@click.option(
    "--sample", type=click.IntRange(min=0), default=0, show_default=True,
    help="Which of DATA's test samples.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PNG",
    help="Picture to write: .png, .svg or .pdf.",
)  # fmt: skip
@common.json_option
def raster(
    image: Path,
    data: str,
    reading: common.Reading,
    sample: int,
    output: Path,
    as_json: bool,
) -> None:
    """Present one sample and draw its spikes, and the potentials beside their thresholds.

    \b
    Examples
      edge-naca raster mnist.naca mnist --sample 7 -o raster.png
      edge-naca raster sensor.naca sensor.csv -o raster.svg
    """
    from edge_naca.export import load_image

    common.check_figure(output)
    core = load_image(image)
    dataset = common.load_data_for(core, data, reading)
    if sample >= len(dataset.x_test):
        raise click.UsageError(f"--sample must be below {len(dataset.x_test)}, the test samples")
    recording = core.record(dataset.x_test[sample])
    classes = common.class_names(core)
    names = dict(enumerate(classes))
    class_name = dataset.classes[dataset.y_test[sample]]
    answer = names.get(recording.result.prediction, "none")
    title = f"{dataset.name}, test sample {sample}: class {class_name}, answer {answer}"
    from edge_naca.plots import figures

    figure = figures.raster(title, recording, core.network, classes)
    common.write_figure(output, figure, as_json)
    if as_json:
        result = recording.result
        report.print_json(
            {
                "class": class_name,
                "answer": answer,
                "margin": result.margin,
                "spikes": result.spikes,
                "synops": result.synops,
                "picture": str(output),
            }
        )
        return
    report.say(f"{output}: {title}")
