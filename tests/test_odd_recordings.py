"""Recordings that are not what they should be: nothing is dropped or mislabelled in silence."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from commands import call, done
from numpy.typing import NDArray
from pyarrow import parquet
from test_recordings import log, recording, sound

from edge_naca.data import DataError
from edge_naca.export import load_image
from edge_naca.signal_features import LEAST_RATE, MOST_RATE, Signal
from edge_naca.signals import datasets
from edge_naca.signals.reading import LogOptions, Read, read_recordings
from edge_naca.tables.read import TableOptions

RNG = np.random.default_rng(0)


def timed(path: Path, times: NDArray[Any], options: LogOptions | None = None) -> Read:
    """Return what is read of a log with such times; its first channel counts samples."""
    rows = np.stack([np.arange(len(times)), np.zeros(len(times))], axis=1)
    return read_recordings([log(path, rows, times, "a,b")], options)


# ---- times -------------------------------------------------------------------------------------

FALLING = {"mixed": RNG.permutation(100) / 50, "downwards": np.arange(100)[::-1] / 50}


@pytest.mark.parametrize("name", FALLING)
def test_times_that_do_not_rise_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"times in time (do not rise|go back).*--drop time"):
        timed(tmp_path / "x.csv", FALLING[name])
    options = LogOptions(20, table=TableOptions(drop=("time",)))
    (one,) = timed(tmp_path / "x.csv", FALLING[name], options).recordings
    assert (one.rate, len(one.samples), one.channels) == (20, 100, ("a", "b"))
    table = pyarrow.table({"time": FALLING[name].astype(float), "a": np.arange(100)})
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match=r"do not rise|go back"):
        read_recordings([tmp_path / "x.parquet"])
    (one,) = read_recordings([tmp_path / "x.parquet"], options).recordings
    assert len(one.samples) == 100


def test_coarse_times_are_those_of_packets(tmp_path: Path) -> None:
    found = timed(tmp_path / "x.csv", np.repeat(np.arange(50), 20))
    (one,) = found.recordings
    assert one.rate == pytest.approx(20, rel=0.03)
    assert len(one.samples) == 1000
    assert any("several samples bear the same time" in line for line in found.remarks)


def test_a_few_times_that_fall_split_a_recording(tmp_path: Path) -> None:
    times = np.concatenate([np.arange(50), np.arange(50)]) / 50
    assert len(timed(tmp_path / "x.csv", times).recordings) == 2


def test_one_time_is_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no two samples with a time in time"):
        timed(tmp_path / "x.csv", np.zeros(1))


def test_every_piece_has_the_rate_that_is_told(tmp_path: Path) -> None:
    times = np.concatenate([np.arange(600) / 100, 50 + np.arange(300) / 75])
    found = timed(tmp_path / "x.csv", times)
    first, second = found.recordings
    assert first.rate == second.rate
    for one, seconds in ((first, 6), (second, 4)):
        assert len(one.samples) / one.rate == pytest.approx(seconds, rel=0.01)
    assert any("samples were put at even times" in line for line in found.remarks)


def test_samples_that_are_left_out_are_counted(tmp_path: Path) -> None:
    slower = np.concatenate([np.arange(300) / 100, 3 + np.arange(100) / 40])
    found = timed(tmp_path / "x.csv", slower)
    assert sum(len(one.samples) for one in found.recordings) == 301
    assert "99 samples left out, which lack a number or stand alone" in found.remarks[0]
    path = tmp_path / "y.csv"
    path.write_text("\n".join(["a,b", *["1,"] * 30, *["1,2"] * 30]))
    assert "30 samples left out" in read_recordings([path], LogOptions(50)).remarks[0]


def test_a_missing_time_does_not_change_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    lines = [f"{at * 20 if at != 7 else ''},{at}" for at in range(60)]
    path.write_text("\n".join(["t,a", *lines]))
    assert {one.rate for one in read_recordings([path]).recordings} == {50}


def test_units_are_words(tmp_path: Path) -> None:
    lines = [f"{at / 50:.2f},{at}" for at in range(60)]
    for name, factor in (("instant", 1), ("transmission", 1), ("t[ms]", 1e3), ("elapsedms", 1e3)):
        path = tmp_path / "x.csv"
        path.write_text("\n".join([f"{name},a", *lines]))
        (one,) = read_recordings([path], LogOptions(time_column=name)).recordings
        assert one.rate == pytest.approx(50 * factor)


@pytest.mark.parametrize("rate", [1e-9, LEAST_RATE / 2, 2 * MOST_RATE, float("inf")])
def test_rates_that_an_image_cannot_say(rate: float, tmp_path: Path) -> None:
    path = log(tmp_path / "x.csv", np.zeros((50, 2)), header="a,b")
    with pytest.raises(DataError, match="samples a second are not possible"):
        read_recordings([path], LogOptions(rate))
    with pytest.raises(DataError, match="samples a second are not possible"):
        timed(path, np.arange(50) * 1000.5)
    with pytest.raises(ValueError, match="rate must be in"):
        Signal(1, rate, 16, 8, (("mean",),))


def test_slow_sensors_keep_their_rate() -> None:
    for rate in (1 / 60, 1 / 200, 0.07, 50.0, 16e6):
        signal = Signal(1, rate, 16, 8, (("mean",),))
        assert signal.is_at(rate)
        assert not signal.is_at(2 * rate)


# ---- files -------------------------------------------------------------------------------------


def test_labels_are_of_one_recording(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        sound(tmp_path / folder / "1.wav", np.zeros(900, "<i2"))
    track = tmp_path / "1.txt"
    track.write_text("0\t0.1\tlow\n")
    options = LogOptions(labels=track)
    with pytest.raises(DataError, match="of several recordings is a folder"):
        read_recordings([tmp_path], replace(options, labels=track))
    with pytest.raises(DataError, match="would take the same labels"):
        read_recordings([tmp_path / "a", tmp_path / "b"], replace(options, labels=tmp_path))
    (one,) = read_recordings([tmp_path / "a"], options).recordings
    assert set(one.labels) == {"", "low"}
    track.rename(tmp_path / "a" / "1.txt")
    with pytest.raises(DataError, match="keep labels in another folder"):
        read_recordings([tmp_path / "a"], replace(options, labels=tmp_path / "a"))


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = sound(tmp_path / "yes.wav", np.zeros(900, "<i2"))
    for twice in ([path, path], [path, tmp_path], [tmp_path, tmp_path / "." / "yes.wav"]):
        with pytest.raises(DataError, match="is given twice"):
            read_recordings(twice)


def test_a_folder_that_is_not_named_names_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "walk"
    (inner / "more").mkdir(parents=True)
    (inner / "more" / "trap.csv").mkdir()
    sound(inner / "1.wav", np.zeros(900, "<i2"))
    monkeypatch.chdir(inner)
    assert set(read_recordings(["."]).recordings[0].labels) == {"walk"}
    monkeypatch.chdir(inner / "more")
    assert set(read_recordings([".."]).recordings[0].labels) == {"walk"}


def test_sound_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = sound(tmp_path / "yes.wav", np.zeros(900, "<i2"))
    assert not read_recordings([path]).remarks
    whole = path.read_bytes()
    path.write_bytes(whole[:-301])
    found = read_recordings([path])
    assert len(found.recordings[0].samples) == 749
    assert "749 samples are there, it says 900" in found.remarks[0]
    path.write_bytes(whole[:24] + bytes(4) + whole[28:])
    with pytest.raises(DataError, match="0 samples a second"):
        read_recordings([path])


# ---- windows -----------------------------------------------------------------------------------


def test_classes_without_a_window_are_named(tmp_path: Path) -> None:
    rows = [
        (at % 7, ("walk", "run")[at // 1000] if at % 500 > 20 else "jump") for at in range(2000)
    ]
    path = tmp_path / "x.csv"
    path.write_text("a,label\n" + "\n".join(f"{a},{label}" for a, label in rows))
    said = call(
        *("train", path, "--signal", "--label-column", "label", "--rate", 100, "--window", "0.64s"),
        *("-o", tmp_path / "x.naca"),
    )
    assert said.exit_code == 0
    assert "Warning: no window to learn is of jump" in said.output


def test_windows_that_overlap_are_cut_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = [recording(400, label, label) for label in "ab"]
    signal = Signal(3, 50, 32, 1, (("mean", "least"),) * 3)
    whole = datasets.dataset_of("d", recordings, signal)
    monkeypatch.setattr(datasets, "AT_ONCE", 700)
    parts = datasets.dataset_of("d", recordings, signal)
    assert (parts.dataset.x_train == whole.dataset.x_train).all()
    assert (parts.dataset.x_test == whole.dataset.x_test).all()


def test_what_is_tested_on_does_not_scale(tmp_path: Path) -> None:
    rows = RNG.normal(size=(4000, 1))
    labels = np.repeat(["walk", "run"], 2000)
    loud = rows.copy()
    loud[1900:2000] *= 100  # in what is tested on
    affine = []
    for at, numbers in enumerate((rows, loud)):
        path = tmp_path / f"{at}.csv"
        lines = [f"{x[0]:.5f},{label}" for x, label in zip(numbers, labels, strict=True)]
        path.write_text("a,label\n" + "\n".join(lines))
        done(
            *("train", path, "--signal", "--label-column", "label", "--rate", 50),
            *("-o", tmp_path / "x.naca"),
        )
        signal = load_image(tmp_path / "x.naca").network.signal
        assert signal is not None
        assert signal.affine is not None
        affine.append((signal.affine.factor.tolist(), signal.affine.exponent.tolist()))
    assert affine[0] == affine[1]


def test_a_cluster_whose_address_is_none(tmp_path: Path) -> None:
    rows = RNG.normal(size=(2000, 2))
    for name in ("walk", "run"):
        log(tmp_path / f"{name}.csv", rows, np.arange(2000) / 50, "a,b")
    for address in ("nonsense", "foo://bar", ""):
        data = tmp_path / "walk.csv", tmp_path / "run.csv"
        said = call("search", *data, "--dask", address)
        assert said.exit_code == 1
        assert "Error: --dask: there is no scheduler at" in said.output
        gc.collect()  # what a client says at its end would be a warning, which fails


def test_a_rest_that_is_too_long(tmp_path: Path) -> None:
    words = "new", "--channels", "a", "--rate", 50, "--range", 5, "--decide", "2/3"
    said = call(*words, "--rest", "9999s", "-o", tmp_path / "x.naca")
    assert said.exit_code == 2
    assert "is 7812 windows, 255 are the most" in said.output
    assert call(*words, "--rest", "99s", "-o", tmp_path / "x.naca").exit_code == 0
