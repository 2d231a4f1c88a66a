"""Recordings: read from logs and sound, cut into windows, split without a leak."""

from __future__ import annotations

import re
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from commands import call, done, failed, object_of
from numpy.typing import NDArray
from pyarrow import parquet
from sklearn.model_selection import GroupKFold, cross_val_score

from edge_naca import Core, NacaClassifier, presets
from edge_naca.data import DataError
from edge_naca.export import load_image
from edge_naca.network import Preparation
from edge_naca.signal_core import SignalCore
from edge_naca.signal_features import Signal
from edge_naca.signals.choosing import axes_of, suitable, triangles, window_of
from edge_naca.signals.datasets import dataset_of, feature_names
from edge_naca.signals.events import score
from edge_naca.signals.reading import LogOptions, read_recordings
from edge_naca.signals.recordings import Recording, cut, doubts
from edge_naca.signals.usual import unusual, usual
from edge_naca.specification.signal import features
from edge_naca.tables.read import TableOptions
from edge_naca.tables.times import is_named_time, seconds_of, unit_named

Rows = NDArray[Any]
RNG = np.random.default_rng(0)


def motion(kind: str, seconds: float = 30, person: int = 0) -> Rows:
    """Return three axes of a movement in units of gravity, 50 samples a second."""
    t = np.arange(round(50 * seconds)) / 50
    pace = {"walk": 1.8, "run": 2.8, "sit": 0.1}[kind] * (1 + 0.05 * person)
    size = {"walk": 0.3, "run": 1.0, "sit": 0.01}[kind]
    axes = [size * np.sin(2 * np.pi * pace * t + turn) for turn in (0, 1, 2)]
    return np.stack(axes, axis=1) + [0, 0, 1] + RNG.normal(0, 0.02, (len(t), 3))


def log(
    path: Path, rows: Rows, times: Rows | None = None, header: str = "acc_x,acc_y,acc_z"
) -> Path:
    """Write rows, behind times where there are some."""
    names = header if times is None else f"time,{header}"
    lines = [names]
    for at, row in enumerate(rows):
        cells = [f"{value:.4f}" for value in row]
        lines.append(",".join(cells if times is None else [f"{times[at]:.4f}", *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path


def sound(path: Path, samples: Rows, rate: int = 8000, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def recording(count: int, label: str, group: str = "g", channels: int = 3) -> Recording:
    samples = RNG.integers(-900, 900, (count, channels)).astype(np.int32)
    names = tuple(f"c{at}" for at in range(channels))
    return Recording("r", samples, 50.0, np.full(count, label), group, names)


# ---- reading -----------------------------------------------------------------------------------


def test_a_file_is_of_the_class_that_it_is_named_after(tmp_path: Path) -> None:
    times = np.arange(100) / 50
    rows = RNG.normal(size=(100, 3))
    found = read_recordings([log(tmp_path / "walk.csv", rows, times)])
    (one,) = found.recordings
    assert one.rate == pytest.approx(50)
    assert one.channels == ("acc_x", "acc_y", "acc_z")
    assert set(one.labels) == {"walk"}
    assert np.allclose(one.samples, rows, atol=1e-4)
    assert "100 samples of 4 columns separated by ','" in found.remarks[0]


def test_times_tell_the_rate_in_any_unit(tmp_path: Path) -> None:
    rows = RNG.normal(size=(60, 3))
    for name, unit in (("time", 1), ("time_ms", 1e3), ("t_us", 1e6), ("timestamp", 1e3)):
        path = log(tmp_path / "x.csv", rows)
        lines = path.read_text().splitlines()
        cells = [f"{round(at / 50 * unit)}" if unit > 1 else f"{at / 50}" for at in range(60)]
        body = [f"{cell};{line}" for cell, line in zip(cells, lines[1:], strict=True)]
        path.write_text("\n".join([f"{name};{lines[0]}", *body]).replace(",", ";"))
        options = LogOptions(time_column=name)
        assert read_recordings([path], options).recordings[0].rate == pytest.approx(50)


def test_missing_samples_split_a_recording(tmp_path: Path) -> None:
    times = np.concatenate([np.arange(50), np.arange(60, 100)]) / 50
    found = read_recordings([log(tmp_path / "x.csv", RNG.normal(size=(90, 3)), times)])
    assert [len(one.samples) for one in found.recordings] == [50, 40]
    assert "samples are missing in 1 places" in found.remarks[0]
    path = log(tmp_path / "y.csv", RNG.normal(size=(90, 3)))
    lines = path.read_text().splitlines()
    lines[31] = "nan,,0.5"
    path.write_text("\n".join(lines))
    found = read_recordings([path], LogOptions(rate=50))
    assert [len(one.samples) for one in found.recordings] == [30, 59]


def test_uneven_times_are_made_even(tmp_path: Path) -> None:
    times = np.cumsum(RNG.uniform(0.015, 0.025, 400))
    path = log(tmp_path / "x.csv", np.sin(times)[:, None].repeat(3, axis=1), times)
    found = read_recordings([path])
    (one,) = found.recordings
    even = times[0] + np.arange(len(one.samples)) / one.rate
    assert np.abs(one.samples[:, 0] - np.sin(even)).max() < 0.01
    assert any("put at even times" in remark for remark in found.remarks)


TIMES = {
    "t [ms]": lambda at: f"{20 * at}",
    "Zeitstempel (µs)": lambda at: f"{20000 * at}",
    "Elapsed seconds": lambda at: f"{at / 50:.2f}",
    "time": lambda at: f"2024-05-31T23:59:{59 + at / 50:09.6f}" if at < 50 else next_day(at),
    "Uhrzeit": lambda at: f"13:45:{at / 50:06.3f}",
    "datetime": lambda at: f"31.05.2024 13:45:{at / 50:06.3f}",
    "timestamp_utc": lambda at: f"2024/05/31 13:45:{at / 50:06.3f}+02:00",
}


def next_day(at: int) -> str:
    return f"2024-06-01T00:00:{at / 50 - 1:09.6f}"


@pytest.mark.parametrize("name", TIMES)
def test_times_are_known_by_their_name(name: str, tmp_path: Path) -> None:
    rows = [f"{TIMES[name](at)},{at % 7 / 2}" for at in range(100)]
    (tmp_path / "x.csv").write_text("\n".join([f"{name},a", *rows]))
    (one,) = read_recordings([tmp_path / "x.csv"]).recordings
    assert (one.rate, one.channels, len(one.samples)) == (50, ("a",), 100)


@pytest.mark.parametrize("name", ["status", "transmission", "s", "items", "temperature"])
def test_names_that_are_of_no_times(name: str) -> None:
    assert not is_named_time(name)
    assert unit_named("time of " + name) in ("", "s")


def test_moments() -> None:
    assert seconds_of("1970-01-02 00:00:01,5") == 86401.5
    assert seconds_of("1970-01-01T02:00Z") == seconds_of("1970-01-01 04:30+02:30") == 7200
    assert [seconds_of(cell) for cell in ("12", "2024-02-30 10:00", "05/31/24 10:00")] == [None] * 3
    assert seconds_of("0:00:59.25") == 59.25


def test_a_column_of_times_may_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,a\n" + "\n".join(f"5/31/24 1:{at} PM,{at % 3}" for at in range(10, 40)))
    with pytest.raises(DataError, match="looks like a time"):
        read_recordings([path])
    options = LogOptions(50, table=TableOptions(drop=("time",)))
    (one,) = read_recordings([path], options).recordings
    assert one.channels == ("a",)
    path.write_text("time,a\n2024-05-31 10:00:00,1\nsoon,2\n,3\n")
    with pytest.raises(DataError, match="line 3, column 'time': 'soon' is no time such as"):
        read_recordings([path])


def timed(path: Path, times: Rows, decimals: int) -> Path:
    """Write a slow sine that is sampled at 400 a second, with these times."""
    rows = np.sin(np.arange(len(times)) / 30)
    lines = [f"{time:.{decimals}f},{row:.5f}" for time, row in zip(times, rows, strict=True)]
    path.write_text("\n".join(["time_ms,a", *lines]))
    return path


def test_jitter_is_no_gap(tmp_path: Path) -> None:
    times = 2.5 * np.arange(4000) + RNG.normal(0, 0.4, 4000)
    times[2000:] += 40
    found = read_recordings([timed(tmp_path / "x.csv", times, 3)])
    assert [len(one.samples) for one in found.recordings] == pytest.approx([2000, 2000], abs=2)
    assert found.recordings[0].rate == 400


def test_rounded_times_tell_the_rate(tmp_path: Path) -> None:
    times = np.floor(2.5 * np.arange(4001))
    (one,) = read_recordings([timed(tmp_path / "x.csv", times, 0)]).recordings
    assert one.rate == 400
    assert np.allclose(one.samples[:, 0], np.sin(np.arange(4001) / 30), atol=1e-4)


def test_samples_of_a_packet_may_bear_one_time(tmp_path: Path) -> None:
    times = (25.0 * np.arange(400)).repeat(10)
    times[2000:] += 200
    found = read_recordings([timed(tmp_path / "x.csv", times, 0)])
    assert [len(one.samples) for one in found.recordings] == [2000, 2000]
    assert found.recordings[0].rate == pytest.approx(400, rel=0.005)
    assert any("bear the same time" in remark for remark in found.remarks)


def test_times_out_of_order_are_refused(tmp_path: Path) -> None:
    times = RNG.permutation(400) * 2.5
    with pytest.raises(DataError, match="of 399 steps: sort its rows by time"):
        read_recordings([timed(tmp_path / "x.csv", times, 1)])


def test_channels_that_are_no_sensor_s_are_named(tmp_path: Path) -> None:
    lines = [f"{10 * at + at % 3},{at % 5},{at // 600}" for at in range(2000)]
    (tmp_path / "x.csv").write_text("\n".join(["counted,a,who", *lines]))
    with pytest.raises(DataError, match="--time-column, which may be 'counted'"):
        read_recordings([tmp_path / "x.csv"])
    found = read_recordings([tmp_path / "x.csv"], LogOptions(50)).recordings
    first, second = doubts(found)
    assert "channel counted only rises" in first
    assert "channel who changes 3 times only in 2000 samples" in second


def test_columns_hold_labels_and_groups(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [("ann", "walk")] * 30 + [("ann", "")] * 5 + [("bob", "run")] * 20
    lines = [f"{who},{at},{at % 7},{what}" for at, (who, what) in enumerate(rows)]
    path.write_text("person,a,b,activity\n" + "\n".join(lines))
    options = LogOptions(50, "activity", "person")
    first, second = read_recordings([path], options).recordings
    assert (first.group, second.group) == ("ann", "bob")
    assert first.channels == ("a", "b")
    assert first.labels.tolist() == ["walk"] * 30 + [""] * 5
    assert first.samples.dtype == np.int32


def test_a_label_track_says_what_happened_when(tmp_path: Path) -> None:
    heard = sound(tmp_path / "kitchen.wav", RNG.integers(-99, 99, 8000).astype("<i2"))
    track = tmp_path / "kitchen.txt"
    track.write_text("0.25\t0.5\tknock\n\\\t90\t800\n0.75\t2\ta bell\n")  # as editors write it
    (one,) = read_recordings([heard], LogOptions(labels=track)).recordings
    assert one.labels.tolist() == [""] * 2000 + ["knock"] * 2000 + [""] * 2000 + ["a bell"] * 2000
    # Times of a log are its own, a track of several recordings lies in a folder.
    times = 1.7e9 + np.arange(100) / 50
    rows = RNG.normal(size=(100, 3))
    (tmp_path / "tracks").mkdir()
    walk, run = (log(tmp_path / f"{name}.csv", rows, times) for name in "wr")
    (tmp_path / "tracks" / "w.csv").write_text("start,end,label\n1700000001,1700000009,1\n")
    (tmp_path / "tracks" / "r.csv").write_text("start,end,label\n1700000000,1700000001,2\n")
    found = read_recordings([walk, run], LogOptions(labels=tmp_path / "tracks")).recordings
    assert [one.labels.tolist() for one in found] == [
        [""] * 50 + ["1"] * 50,
        ["2"] * 50 + [""] * 50,
    ]


BAD_TRACKS = {
    "0,1,a\n0.5,2,b\n": "line 2: 'b' starts at 0.5, while 'a' of line 1 lasts until 1",
    "0.5,2,b\n0,1,a\n": "line 1: 'b' starts at 0.5, while 'a' of line 2 lasts until 1",
    "0,1,a\n5,6,b\n": "line 2: 'b' from 5 to 6 lies outside the recording",
    "1,1,a\n": "line 1: 'a', 1 to 1, ends before it starts",
    "0,,a\n1,2,b\n": "line 1: '' is no time",
    "0,1,a\n1,2,\n": "line 2: what is from 1 to 2 has no name",
    "0,1\n1,2\n": "line 1: a label needs three cells",
    "0,1,a\nx,2,b\n": "line 2: 'x' is no time",
    "start,end,label\n": "there is no label in it",
    "0,1,a\u0007\n": "holds the character U+0007",
}


@pytest.mark.parametrize("text", BAD_TRACKS)
def test_bad_tracks(text: str, tmp_path: Path) -> None:
    heard = sound(tmp_path / "x.wav", np.zeros(16000, "<i2"))
    (tmp_path / "y.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(BAD_TRACKS[text])):
        read_recordings([heard], LogOptions(labels=tmp_path / "y.csv"))


def test_tracks_that_are_missing(tmp_path: Path) -> None:
    heard = sound(tmp_path / "x.wav", np.zeros(16000, "<i2"))
    with pytest.raises(DataError, match="there is no file or folder"):
        read_recordings([heard], LogOptions(labels=tmp_path / "y.csv"))
    with pytest.raises(DataError, match="holds no labels of"):
        read_recordings([heard], LogOptions(labels=tmp_path))
    for ending in ("csv", "txt"):
        (tmp_path / f"x.{ending}").write_text("0,1,a\n1,2,b\n")
    with pytest.raises(DataError, match=r"x\.csv and .*x\.txt are both named after"):
        read_recordings([heard], LogOptions(labels=tmp_path))


def columns(path: Path, **values: Any) -> Path:
    """Write a Parquet file."""
    parquet.write_table(pyarrow.table(values), path)
    return path


def test_parquet_is_read(tmp_path: Path) -> None:
    start = np.datetime64("2026-05-01T12:00:00.000")
    stamps = start + np.arange(60).astype("timedelta64[s]")  # whole seconds, and no name of times
    numbers = pyarrow.array([None if at == 30 else at / 4 for at in range(60)])
    kinds = pyarrow.array(["walk"] * 20 + [None] * 10 + ["run"] * 30).dictionary_encode()
    path = columns(
        tmp_path / "x.parquet", when=stamps, a=numbers, b=np.arange(60), kind=kinds, ok=[True] * 60
    )
    found = read_recordings([path], LogOptions(label_column="kind"))
    first, second = found.recordings
    assert (first.rate, first.channels) == (1, ("a", "b"))
    assert first.labels.tolist() == ["walk"] * 20 + [""] * 10
    assert second.labels.tolist() == ["run"] * 29
    assert second.samples[0].tolist() == [31 / 4, 31]
    assert "read 60 samples of 5 columns, channels a, b" in found.remarks[0]
    table = TableOptions(columns=("b",))
    (one,) = read_recordings([path], LogOptions(8, table=table)).recordings
    assert (one.rate, str(one.samples.dtype), set(one.labels)) == (8, "int32", {"x"})


BAD_COLUMNS: dict[str, tuple[dict[str, Any], LogOptions, str]] = {
    "no rows": ({"a": np.zeros(0)}, LogOptions(50), "there is no row in it"),
    "no numbers": ({"a": ["x", "y"]}, LogOptions(50), "no column of numbers"),
    "no column": ({"a": [1, 2]}, LogOptions(50, "b"), "no column 'b'"),
    "no rate": ({"a": [1, 2]}, LogOptions(), "say --rate"),
    "no times": ({"a": [1, 2], "b": ["x", "y"]}, LogOptions(time_column="b"), "no type of times"),
    "words chosen": (
        {"a": [1, 2], "b": ["x", "y"]},
        LogOptions(50, table=TableOptions(columns=("b",))),
        "column 'b': it holds string, not numbers",
    ),
    "two names": ({"a": [1, 2], " a": [1, 2]}, LogOptions(50), "two columns are called 'a'"),
}


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_bad_parquet(name: str, tmp_path: Path) -> None:
    values, options, message = BAD_COLUMNS[name]
    with pytest.raises(DataError, match=message):
        read_recordings([columns(tmp_path / "x.parquet", **values)], options)


def test_files_that_are_no_parquet(tmp_path: Path) -> None:
    whole = columns(tmp_path / "x.parquet", a=np.arange(5000)).read_bytes()
    for content in (b"", b"a,b\n1,2\n", whole[:-9], whole[:40] + whole[80:], b"PAR1" * 20):
        (tmp_path / "y.parquet").write_bytes(content)
        with pytest.raises(DataError, match=r"y\.parquet: it is no Parquet file"):
            read_recordings([tmp_path / "y.parquet"], LogOptions(50))


def test_parquet_of_too_many_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_naca.tables.parquet.LARGEST", 99)
    path = columns(tmp_path / "x.parquet", a=np.zeros(50), b=np.zeros(50))
    with pytest.raises(DataError, match="50 rows of 2 columns are too many"):
        read_recordings([path], LogOptions(50))


def test_sound_is_read(tmp_path: Path) -> None:
    samples = RNG.integers(-3000, 3000, 500).astype("<i2")
    (one,) = read_recordings([sound(tmp_path / "yes.wav", samples)]).recordings
    assert (one.rate, set(one.labels)) == (8000, {"yes"})
    assert (one.samples[:, 0] == samples).all()
    bytes_ = RNG.integers(0, 256, 500).astype(np.uint8)
    (one,) = read_recordings([sound(tmp_path / "no.wav", bytes_, width=1)]).recordings
    assert (one.samples[:, 0] == (bytes_.astype(int) - 128) * 256).all()


def test_sound_of_any_width_and_of_several_channels(tmp_path: Path) -> None:
    samples = RNG.integers(-3000, 3000, 500).astype("<i2")
    for width in (3, 4):
        octets = np.zeros((500, width), np.uint8)
        octets[:, -2:] = samples.view(np.uint8).reshape(-1, 2)
        found = read_recordings([sound(tmp_path / "x.wav", octets, width=width)])
        assert (found.recordings[0].samples[:, 0] == samples).all()
        assert f"{8 * width} bits, channel 1 taken at 16 bits" in found.remarks[0]
    with wave.open(str(tmp_path / "y.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    options = LogOptions(table=TableOptions(columns=("2",)))
    (one,) = read_recordings([tmp_path / "y.wav"], options).recordings
    assert one.channels == ("channel 2",)
    assert (one.samples[:, 0] == samples[1::2]).all()


def test_what_is_odd_about_a_log_is_said(tmp_path: Path) -> None:
    path = log(tmp_path / "x.csv", RNG.normal(size=(90, 3)), np.arange(90) / 50)
    said = read_recordings([path], LogOptions(rate=100)).remarks
    assert any("100 samples a second, as --rate says; times in time say 50" in one for one in said)
    assert "times" not in " ".join(read_recordings([path], LogOptions(rate=50)).remarks)
    (tmp_path / "y.csv").write_text("what,a\n" + "walk,1\nrun,2\n" * 5)
    said = read_recordings([tmp_path / "y.csv"], LogOptions(50)).remarks
    assert "channels a, left out what, 50 a second" in said[0]


def test_of_many_files_some_are_told(folder: Path, tmp_path: Path) -> None:
    for at in range(20):
        log(tmp_path / f"{at}.csv", motion("walk", 10))
    told = call("train", tmp_path, "--signal", "--rate", 50, "-o", tmp_path / "x.naca")
    assert told.output.count("read 500 samples") == 6
    assert "and 14 lines more about how recordings were read" in told.output
    assert "from names of files, or of the folders in a folder" in told.stderr


BAD_FILES: dict[str, tuple[Any, LogOptions, str]] = {
    "no rate": ("a,b\n1,2\n3,4\n", LogOptions(), "say --rate, or name the column of times"),
    "word": ("a,b\n1,2\n3,x\n", LogOptions(50), "line 3, column 'b'"),
    "still": ("time,b\n1,2\n1,4\n", LogOptions(), "do not rise"),
    "no column": ("a,b\n1,2\n3,4\n", LogOptions(50, "c"), "no column 'c'"),
    "no numbers": ("a,b\nx,y\nx,z\n", LogOptions(50), "no column of numbers"),
    "huge": ("a,b\n1,2\n1,1e35\n", LogOptions(50), "too large: 1e30"),
    "one row": ("a,b\n1,2\n", LogOptions(50), "no two samples without a gap"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_logs(name: str, tmp_path: Path) -> None:
    text, options, message = BAD_FILES[name]
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_recordings([tmp_path / "x.csv"], options)


def test_bad_sound(tmp_path: Path) -> None:
    samples = np.zeros(90, np.int32)
    for width, options, message in (
        (2, LogOptions(table=TableOptions(columns=("channel 2",))), "no column 'channel 2'"),
        (2, LogOptions(table=TableOptions(drop=("1",))), "leaves none of its 1 channels"),
        (2, LogOptions(rate=50), "has 8000 samples a second, --rate says 50"),
        (2, LogOptions(label_column="a"), "sound has no columns"),
    ):
        path = sound(tmp_path / "x.wav", samples, width=width)
        with pytest.raises(DataError, match=message):
            read_recordings([path], options)
    for content, message in ((b"RIFF", "no WAV|too early"), (b"", "no WAV|too early")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_recordings([path])
    with pytest.raises(DataError, match="recordings come from"):
        read_recordings([tmp_path / __file__])
    with pytest.raises(DataError, match="there is no file"):
        read_recordings([tmp_path / "none.csv"])


# ---- windows -----------------------------------------------------------------------------------


def test_windows_are_of_one_class() -> None:
    one = recording(100, "a")
    one.labels[50:] = "b"
    one.labels[90:] = ""
    found = cut([one], 16, 8)
    assert found.places.labels.tolist() == ["a"] * 5 + ["b"] * 3
    assert found.places.mixed == 3
    assert found.places.starts.tolist() == [0, 8, 16, 24, 32, 56, 64, 72]
    with pytest.raises(DataError, match="the longest has 100"):
        cut([one], 128, 8)
    one.labels[::3] = ""
    with pytest.raises(DataError, match="is of one class"):
        cut([one], 16, 8)


def signal_of(channels: int = 3) -> Signal:
    return Signal(channels, 50, 16, 8, (("mean", "deviation"),) * channels)


def test_groups_stand_on_one_side() -> None:
    recordings = [recording(300, label, f"p{at % 4}") for at in range(12) for label in "ab"]
    windowed = dataset_of("d", recordings, signal_of(), 0.25)
    assert not set(windowed.groups) & set(windowed.test_groups)
    assert "groups" in windowed.split
    share = len(windowed.test_groups) / (len(windowed.groups) + len(windowed.test_groups))
    assert 0.1 < share < 0.4


def test_without_groups_the_end_of_each_recording_is_tested() -> None:
    recordings = [recording(400, label) for label in "ab"]
    windowed = dataset_of("d", recordings, signal_of(), 0.25)
    found = cut(recordings, 16, 8)
    all_of = features(signal_of(), found.windows)
    learned = {row.tobytes() for row in windowed.dataset.x_train}
    kinds = [row.tobytes() in learned for row in all_of[found.places.labels == "a"]]
    last = max(at for at, is_learned in enumerate(kinds) if is_learned)
    assert all(kinds[: last + 1])  # nothing to test before it
    tested = len(windowed.dataset.x_test) // 2
    assert len(kinds) - last - 1 > tested  # windows that reach over the cut are on neither side
    assert "the last 25 %" in windowed.split
    everything = dataset_of("d", recordings, signal_of(), 0)
    assert len(everything.dataset.x_train) == len(everything.dataset.x_test) == len(all_of)
    with pytest.raises(DataError, match="no window to test on, of"):
        dataset_of("d", [recording(20, label) for label in "ab"], signal_of(), 0.25)


def test_recordings_that_differ_are_refused() -> None:
    for other, message in (
        (recording(99, "b", channels=2), "has 2 channels"),
        (replace(recording(99, "b"), rate=60.0), "has 60 samples a second"),
        (replace(recording(99, "b"), channels=("x", "y", "z")), "--columns chooses by name"),
    ):
        with pytest.raises(DataError, match=message):
            dataset_of("d", [recording(99, "a"), other], signal_of())


def test_channels_that_cannot_be_right_are_named() -> None:
    one = recording(400, "a")
    one.samples[:, 0] = 7
    one.samples[:, 2] = np.clip(one.samples[:, 2], -500, 500)
    said = list(doubts([one]))
    assert any("channel c0 is 7 everywhere" in line for line in said)
    assert any("channel c2 stands at" in line and "clipped" in line for line in said)
    assert not any("c1" in line for line in said)


# ---- choosing ----------------------------------------------------------------------------------


def test_another_gain_is_noticed() -> None:
    def taken(gain: float, width: int = 2) -> list[Recording]:
        samples = gain * np.random.default_rng(3).normal(size=(5000, width))
        return [replace(recording(5000, "a", channels=width), samples=samples)]

    metadata = usual(taken(1))
    assert [one["name"] for one in metadata["channels"]] == ["c0", "c1"]
    assert not list(unusual(taken(1.2), metadata))
    (said,) = unusual(taken(2), metadata)
    assert re.match(r"1\d % of all numbers lie outside .* most of them in c[01] \(-[23]\.", said)
    # Metadata of other files may say anything, or nothing.
    for foreign in ({}, {"channels": 3}, {"channels": [{"low": "x", "high": 1}] * 2}):
        assert not list(unusual(taken(2), foreign))
    assert not list(unusual(taken(2, width=1), metadata))


def test_axes_are_found_by_their_names() -> None:
    assert axes_of(["acc_x", "acc_y", "acc_z", "gz", "gy", "gx", "t"]) == ((0, 1, 2), (5, 4, 3))
    assert axes_of(["Acc X", "Acc Y", "b"]) == ()


def test_what_suits_motion_and_sound() -> None:
    made = suitable([recording(400, "a", channels=6)])
    assert (made.window, made.hop, made.affine) == (128, 64, None)
    assert made.features <= 128
    heard = suitable(
        [Recording("s", np.zeros((9000, 1), int), 8000, np.full(9000, "a"), "g", ("c",))]
    )
    assert (heard.window, heard.features, heard.blocks) == (4096, 120, (("bands",),))
    real = Recording("s", np.ones((900, 1)) * 3.0, 50, np.full(900, "a"), "g", ("c",))
    maps = suitable([real], 0.5, 0.1)
    assert (maps.window, maps.hop) == (32, 5)
    assert maps.affine is not None
    assert window_of(2.5, 50) == 128
    for seconds in (0.01, 1e5):
        with pytest.raises(DataError, match="are possible"):
            window_of(seconds, 50)
    with pytest.raises(DataError, match="16 are the most"):
        suitable([recording(400, "a", channels=17)])


def test_bands_reach_as_high_as_what_is_recorded() -> None:
    t = np.arange(3000) / 100
    made = [
        np.stack([np.sin(2 * np.pi * pace * t), np.cos(2 * np.pi * pace * t)], axis=1)
        for pace in (2, 40)
    ]
    labels = np.full(3000, "a")
    low, high = (
        suitable([Recording("r", some, 100.0, labels, "g", ("a", "b"))]).bands for some in made
    )
    assert low is not None
    assert high is not None
    assert low.first + len(low.bins) - 1 == pytest.approx(low.frame / 4, abs=1)
    assert high.first + len(high.bins) == high.frame // 2
    gyroscope = np.zeros((3000, 2))
    assert suitable([Recording("r", gyroscope, 100.0, labels, "g", ("a", "b"))]).bands is not None


def test_bands_take_every_bin_once() -> None:
    first, bins = triangles(np.array([0.0, 1, 2, 4, 8, 16]), 64)
    assert first == 1
    inner = bins[: 8 - first, 1:].sum(axis=1)
    assert (abs(inner - 32) <= 1).all()
    assert bins[:, 0].max() == 4


def test_features_have_names() -> None:
    signal = Signal(2, 50, 16, 8, (("mean",), ("decimated",), ("deviation",)), ((0, 1),), None, 8)
    names = feature_names(signal, ("x", "y"))
    assert names == ("x mean", "y decimated 0", "y decimated 1", "|x, y| deviation")


# ---- the command line --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of recordings of two people, and an image taught with them."""
    where = tmp_path_factory.mktemp("recordings")
    for kind in ("walk", "run", "sit"):
        rows = [motion(kind, person=person) for person in range(3)]
        path = log(where / f"{kind}.csv", np.concatenate(rows))
        lines = path.read_text().splitlines()
        people = [f"p{at // 1500}" for at in range(4500)]
        body = [f"{line},{who}" for line, who in zip(lines[1:], people, strict=True)]
        path.write_text("\n".join([f"{lines[0]},person", *body]) + "\n")
    words = [where / f"{kind}.csv" for kind in ("walk", "run", "sit")]
    said = done(
        "train", *words, "--signal", "--rate", 50, "--group", "person", "-o", where / "gait.naca"
    )
    assert "windows of 128 samples (2.56 s), one every 64" in said
    assert "tested on 1 of 3 groups" in said
    return where


def test_recordings_become_a_taught_image(folder: Path) -> None:
    words = [folder / f"{kind}.csv" for kind in ("walk", "run", "sit")]
    options = ("--signal", "--rate", 50, "--group", "person")
    told = object_of("evaluate", folder / "gait.naca", *words, *options)
    assert told["accuracy"] > 0.95
    core = load_image(folder / "gait.naca")
    assert core.network.signal is not None
    x = motion("run", 10)
    answers = core.predict_many(SignalCore(core.network).push(x))
    names = core.network.metadata["classes"]
    assert np.mean([names[answer] == "run" for answer in answers]) > 0.8
    facts = object_of("inspect", folder / "gait.naca")["signal"]
    assert (facts["channels"], facts["window"], facts["real"]) == (3, 128, True)
    assert "3 channels of real numbers at 50 Hz" in " ".join(
        done("inspect", folder / "gait.naca", "--board", "nucleo-f446re").split()
    )


def test_teaching_goes_on_with_the_image_s_own_windows(folder: Path, tmp_path: Path) -> None:
    path = log(tmp_path / "walk.csv", motion("walk", 20))
    image = tmp_path / "more.naca"
    words = ("train", path, "--signal", "--rate", 50, "--continue", folder / "gait.naca")
    told = object_of(*words, "-o", image)
    assert told["samples"] > 5
    assert (
        load_image(image).learned() == load_image(folder / "gait.naca").learned() + told["samples"]
    )
    assert "the image decides that" in failed(2, *words, "--window", "1s", "-o", image)


def test_what_does_not_suit_a_signal_is_refused(folder: Path, tmp_path: Path) -> None:
    walk, image = folder / "walk.csv", folder / "gait.naca"
    out = ("-o", tmp_path / "x.naca")
    assert "--window goes with --signal" in failed(2, "train", walk, "--window", "1s", *out)
    assert "one DATA is read" in failed(2, "train", walk, walk, *out)
    strong = log(tmp_path / "run.csv", 3 * motion("run", 20))
    said = call("evaluate", image, strong, "--signal", "--rate", 50).stderr
    assert "% of all numbers lie outside what is usual for the image" in said
    track = ("--signal", "--labels", walk)
    assert "give one" in failed(2, "train", walk, *track, "--label-column", "a", *out)
    assert "is a folder" in failed(1, "train", walk, folder / "run.csv", *track, *out)
    assert "is no duration" in failed(2, "train", walk, "--signal", "--window", "2 h", *out)
    said = failed(1, "evaluate", image, walk, "--signal", "--rate", 62.5)
    assert "has 62.5 samples a second, the image takes 50" in said
    narrow = log(tmp_path / "n.csv", motion("walk", 9)[:, :2], header="a,b")
    said = failed(1, "evaluate", image, narrow, "--signal", "--rate", 50)
    assert "has 2 channels, the image takes 3" in said
    wide = failed(1, "train", walk, "--signal", "--rate", 50, "--window", "500s", *out)
    assert "is 25000 samples" in wide
    assert "no signal" in failed(
        2, "train", walk, "--signal", "--continue", _features(tmp_path), *out
    )


@pytest.fixture
def live(tmp_path: Path) -> Path:
    kinds = ("walk", "run", "sit")
    rows = np.concatenate([motion(kind, 20) for kind in kinds])
    path = log(tmp_path / "live.csv", rows)
    lines = path.read_text().splitlines()
    body = [f"{line},{kinds[at // 1000]}" for at, line in enumerate(lines[1:])]
    path.write_text("\n".join([f"{lines[0]},activity", *body]) + "\n")
    return path


def test_a_device_takes_samples_and_learns(folder: Path, live: Path) -> None:
    words = ("stream", "--port", f"emulate:{folder / 'gait.naca'}", "--signal", live)
    told = object_of(*words, "--label-column", "activity", "--twin")
    assert told["twin"] == "equal"
    assert told["learned"] == 14 + 14 + 13  # windows of 128 samples, one every 64, of 1000 each
    assert told["windows"] > told["learned"]
    assert told["accuracy"] > 0.8
    asked = object_of(*words, "--label-column", "activity", "--predict")
    assert (asked["learned"], set(asked["per_class"])) == (0, {"walk", "run", "sit"})
    said = done(*words, "--label-column", "activity", "--chaos", "lose=1%,seed=3")
    assert "no sample was taken twice" in said


def test_costs_are_reckoned_by_recordings(folder: Path) -> None:
    image = folder / "gait.naca"
    words = ("inspect", image, "--board", "nucleo-f446re", "--data", folder / "walk.csv")
    told = object_of(*words)["board"]
    assert "samples of walk" in told["activity"]
    assert told["window"]["count"] > 10_000


def test_decisions_over_answers(folder: Path, live: Path, tmp_path: Path) -> None:
    words = [folder / f"{kind}.csv" for kind in ("walk", "run", "sit")]
    image = tmp_path / "deciding.naca"
    options = ("--signal", "--rate", 50, "--decide", "2/3", "--rest", "3s")
    done("train", *words, *options, "-o", image)
    assert object_of("inspect", image)["signal"]["decides"] == [2, 3, 3]
    labelled = ("--signal", "--label-column", "activity", "--test-fraction", 0)
    told = object_of("evaluate", image, live, *labelled)["decisions"]
    assert (told["events"], told["hits"], told["false_alarms"]) == (3, 3, 0)
    assert told["hours"] == pytest.approx(60 / 3600)
    assert "3 of 3 events noticed, 0.0 false alarms an hour" in done(
        "evaluate", image, live, *labelled
    )
    streamed = object_of(
        "stream", "--port", f"emulate:{image}", "--signal", live, *labelled[1:3], "--twin"
    )
    assert streamed["twin"] == "equal"
    out = ("-o", tmp_path / "x.naca")
    assert "write 3/5" in failed(2, "train", words[0], *options[:3], "--decide", "most", *out)
    assert "write 3/5" in failed(2, "train", *words, *options[:3], "--decide", "4/3", *out)
    assert "--decide goes with --signal" in failed(2, "train", "digits", "--decide", "1/2", *out)


def test_events_and_false_alarms() -> None:
    one = recording(640, "a", channels=1)
    one.labels[200:400] = ""
    one.labels[400:] = "b"
    signal = Signal(1, 50, 16, 16, (("mean",),), votes=1, quorum=1)
    core = Core(replace(presets.competitive(Preparation((1, 1, 1)), 2, 1), signal=signal))
    core.learn([10], 0)  # whatever comes is an a
    found = score(core, [one], ["a", "b"])
    assert (found.events, found.hits) == (2, 1)
    assert found.false_alarms == 640 // 16 - 200 // 16 - 1
    assert found.alarms_an_hour == pytest.approx(found.false_alarms / (640 / 50 / 3600))


def test_signals_that_cannot_be_streamed(folder: Path, live: Path, tmp_path: Path) -> None:
    gait, plain = f"emulate:{folder / 'gait.naca'}", f"emulate:{_features(tmp_path)}"
    stream = ("stream", "--port", gait)
    assert "say what to stream" in failed(2, *stream)
    assert "--batch: not of the samples" in failed(2, *stream, "--signal", live, "--batch", 3)
    assert "give one of" in failed(2, *stream, "--signal", live, "--data", live)
    assert "goes with --signal" in failed(2, *stream, "--data", live, "--real-time")
    assert "has no signal" in failed(1, "stream", "--port", plain, "--signal", live)
    assert "no signals: its image has none" in failed(1, "stream", "--port", plain, "--sensor")
    assert "has no sensor of its own" in failed(1, *stream, "--sensor")
    assert "has no sensor of its own" in failed(1, "record", gait, "-o", tmp_path / "r.csv")


def _features(folder: Path) -> Path:
    """Return an image that takes ready features."""
    table = folder / "t.csv"
    table.write_text("a,b,kind\n" + "".join(f"{at % 7},{at % 5},k{at % 2}\n" for at in range(60)))
    done("train", table, "-o", folder / "t.naca")
    return folder / "t.naca"


# ---- the estimator -----------------------------------------------------------------------------


def test_a_classifier_learns_from_windows(tmp_path: Path) -> None:
    recordings = [
        Recording(kind, motion(kind, 30, who), 50, np.full(1500, kind), f"p{who}", ("x", "y", "z"))
        for kind in ("walk", "run", "sit")
        for who in range(3)
    ]
    signal = suitable(recordings, 1.28)
    found = cut(recordings, signal.window, signal.hop)
    model = NacaClassifier(signal=signal)
    scores = cross_val_score(
        model, found.windows.reshape(len(found.windows), -1), found.places.labels,
        groups=found.groups, cv=GroupKFold(3),
    )  # fmt: skip
    assert scores.mean() > 0.9
    model.fit(found.windows, found.places.labels)
    model.save(tmp_path / "gait.naca")
    again = NacaClassifier.load(tmp_path / "gait.naca")
    assert (again.predict(found.windows) == model.predict(found.windows)).all()
    assert again.signal is not None
    core = load_image(tmp_path / "gait.naca")
    features = SignalCore(core.network).features(found.windows)
    assert (model.labels_[core.predict_many(features)] == model.predict(found.windows)).all()
    again.partial_fit(found.windows[:3], ["jump"] * 3)
    assert "jump" in again.classes_
    with pytest.raises(ValueError, match="numbers a window, but signal takes 192"):
        NacaClassifier(signal=signal).fit(found.windows[:, :32], found.places.labels)
    wrong: Any = "walk"
    with pytest.raises(TypeError, match=r"signal must be an edge_naca\.signal_features\.Signal"):
        NacaClassifier(signal=wrong).fit(found.windows, found.places.labels)
    whole = replace(signal, affine=None)
    with pytest.raises(ValueError, match="whole numbers of 16 bits"):
        NacaClassifier(signal=whole).fit(found.windows, found.places.labels)
