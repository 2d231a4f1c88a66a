"""Tables for a network that is there already: columns are matched by their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import done, failed, object_of

from edge_naca import image, presets
from edge_naca.data import DataError, Dataset
from edge_naca.fitting import columns_of, fit
from edge_naca.network import Network, Preparation
from edge_naca.signal_features import Signal
from edge_naca.tables.errors import TableWarning

NAMES = ("heat", "light", "sound")


def network(names: object = list(NAMES)) -> Network:
    made = presets.competitive(Preparation((1, 3, 1)), 2, 2)
    return replace(made, metadata={**made.metadata, "columns": names})


def dataset(names: tuple[str, ...], width: int | None = None) -> Dataset:
    """Return samples that hold the number of their column, in tens, and of their row."""
    count = len(names) if width is None else width
    x = np.arange(4)[:, None] + 10 * np.arange(count)
    y = np.array([0, 1, 0, 1])
    return Dataset("t.csv", x, y, x[:1] + 100, y[:1], ("a", "b"), names)


def test_the_same_columns_stay_as_they_are() -> None:
    samples = dataset(NAMES)
    assert fit(network(), samples) is samples


@pytest.mark.parametrize("names", [
    ("sound", "heat", "light"),
    ("time", "light", "sound", "more", "heat"),
])  # fmt: skip
def test_columns_are_taken_by_name_in_training_and_test(names: tuple[str, ...]) -> None:
    samples = dataset(names)
    fitted = fit(network(), samples)
    assert fitted.columns == NAMES
    for part, whole in ((fitted.x_train, samples.x_train), (fitted.x_test, samples.x_test)):
        assert part.shape == (len(whole), 3)
        for place, name in enumerate(NAMES):
            assert (part[:, place] == whole[:, names.index(name)]).all()
    assert (fitted.y_train == samples.y_train).all()


def test_other_names_of_as_many_columns_are_warned_of() -> None:
    samples = dataset(("heat", "light", "noise"))
    with pytest.warns(TableWarning, match=r"'sound' of the image bear other names here; its "):
        fitted = fit(network(), samples)
    assert (fitted.x_train == samples.x_train).all()


def test_missing_columns_are_named() -> None:
    with pytest.raises(DataError, match=r"t\.csv has no column 'light', 'sound', which the image"):
        fit(network(), dataset(("heat", "time")))


def test_who_hands_a_recording_to_a_network_of_its_features_is_told_the_option() -> None:
    signal = Signal(1, 50, 16, 16, (("mean", "deviation", "least"),))
    made = replace(network(), signal=signal)
    with pytest.raises(DataError, match=r"no column 'light', .* makes them itself, with --signal$"):
        fit(made, dataset(("heat", "time")))


@pytest.mark.parametrize("names", [
    None, "heat", ["heat", "light"], ["heat", "light", 3], {"heat": 0}, (),
])  # fmt: skip
def test_an_image_without_usable_names_takes_columns_in_their_order(names: object) -> None:
    made = network(names)
    assert columns_of(made) == ()
    samples = dataset(("x", "y", "z"))
    assert fit(made, samples) is samples


def test_numbers_without_names_are_taken_in_their_order() -> None:
    samples = dataset((), 3)
    assert fit(network(), samples) is samples
    with pytest.raises(DataError, match=r"takes samples of 3 numbers, not 4: this is other data"):
        fit(network(), dataset((), 4))


def test_a_table_in_another_order_is_answered_the_same(tmp_path: Path) -> None:
    """From `train` over the image's metadata to `evaluate`, and to `train --continue`."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, 80)
    x = np.round(rng.normal(size=(80, 3)) + [[0, 5, -5]] * y[:, None], 3)
    table = {name: x[:, place] for place, name in enumerate(NAMES)} | {"noise": rng.normal(size=80)}

    def write(file: str, *names: str) -> Path:
        rows = [",".join(map(str, row)) for row in zip(*(table[n] for n in names), y, strict=True)]
        path = tmp_path / file
        path.write_text("\n".join([",".join([*names, "state"]), *rows]) + "\n")
        return path

    made = tmp_path / "net.naca"
    words = ("--test-fraction", 0)
    first = write("first.csv", *NAMES)
    done("train", first, "-o", made, *words)
    assert columns_of(image.decode(made.read_bytes())[0]) == NAMES
    other = write("other.csv", "noise", "sound", "light", "heat")
    right = object_of("evaluate", made, first, *words)["accuracy"]
    assert right > 0.9
    assert object_of("evaluate", made, other, *words)["accuracy"] == right
    hashes = {
        object_of("train", path, "--continue", made, "-o", tmp_path / f"{path.stem}.naca", *words)[
            "state_hash"
        ]
        for path in (first, other)
    }
    assert len(hashes) == 1
    fewer = write("fewer.csv", "heat", "noise")
    assert "has no column 'light', 'sound'" in failed(1, "evaluate", made, fewer, *words)
