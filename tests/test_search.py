"""The search for features and a network: what it tries, chooses, says, and who may do the work."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import call, done, object_of
from numpy.typing import NDArray

from edge_naca.data import DataError
from edge_naca.export import load_image
from edge_naca.limits import MAX_LEARNED_INPUTS
from edge_naca.search.candidates import Setting, lengths, neighbours, signals, title
from edge_naca.search.choice import best_of, frontier, key_of, reasons, worth_trying
from edge_naca.search.means import Costs, Means
from edge_naca.search.run import Found, Workers, search
from edge_naca.search.trials import Trial
from edge_naca.signal_features import Signal
from edge_naca.signals.recordings import Recording, cut, places_of
from edge_naca.signals.splits import NEVER, crossed, each_group, held_out

AXES = ("acc_x", "acc_y", "acc_z")
RATE = 50.0


def waves(speed: float, seed: int, count: int = 700) -> NDArray[Any]:
    """Return three channels that swing at a speed, noise on them."""
    rng = np.random.default_rng(seed)
    time = np.arange(count)[:, None] / RATE
    phases = rng.uniform(0, 6, 3)
    clean = np.sin(2 * np.pi * speed * time + phases) * rng.uniform(800, 1200)
    return np.rint(clean + rng.normal(0, 300, (count, 3))).astype(np.int32)


def recordings(people: int = 4) -> list[Recording]:
    return [
        Recording(
            f"{person} {name}", waves(speed, 10 * person + at), RATE, np.full(700, name),
            f"p{person}", AXES,
        )
        for person in range(people)
        for at, (name, speed) in enumerate((("slow", 1.0), ("fast", 2.5), ("shake", 6.0)))
    ]  # fmt: skip


# ---- splits ------------------------------------------------------------------------------------


def test_folds_share_no_group() -> None:
    some = recordings()
    places = places_of(some, 64, 32)
    split = crossed(some, places)
    assert split.count == 4
    groups = np.array([some[n].group for n in places.recordings])
    for fold in range(split.count):
        tested, learned = split.tested(places, 64, fold), split.learned(places, 64, fold)
        assert tested.any()
        assert not (tested & learned).any()
        assert not set(groups[tested]) & set(groups[learned])
        assert (tested | learned).all()


def test_folds_of_time_share_no_sample() -> None:
    some = [replace(one, group="all") for one in recordings(1)]
    places = places_of(some, 64, 16)
    split = crossed(some, places, 3)
    assert "time" in split.how
    for fold in range(3):
        tested, learned = split.tested(places, 64, fold), split.learned(places, 64, fold)
        for number in range(len(some)):
            of_it = places.recordings == number
            taken = {s + n for s in places.starts[tested & of_it] for n in range(64)}
            known = {s + n for s in places.starts[learned & of_it] for n in range(64)}
            assert taken
            assert known
            assert not taken & known
    with pytest.raises(DataError, match="class fast is of one group alone"):
        crossed(some, places, by="group")


def test_what_is_held_out_is_not_searched() -> None:
    some = recordings()
    split = held_out(some, places_of(some, 64, 32), 0.25)
    rest = split.rest(some)
    tested = {r.group for r, folds in zip(some, split.folds, strict=True) if (folds == 0).all()}
    assert len(tested) == 1
    assert {one.group for one in rest} == {f"p{n}" for n in range(4)} - tested
    in_time = held_out(some, places_of(some, 64, 32), 0.25, by="time")
    parts = in_time.rest(some)
    assert [len(part.samples) for part in parts] == [525] * 12
    assert all((folds[525:] == 0).all() and (folds[:525] == NEVER).all() for folds in in_time.folds)


def test_each_group_is_left_out_once() -> None:
    some = recordings(3)
    split, names = each_group(some, places_of(some, 64, 32))
    assert (split.count, names) == (3, ("p0", "p1", "p2"))
    with pytest.raises(DataError, match="all is of one group"):
        each_group(some[:3], places_of(some[:3], 64, 32))


# ---- candidates --------------------------------------------------------------------------------


def test_windows_are_as_long_as_recordings_allow() -> None:
    assert lengths(recordings()) == (32, 64, 128, 256)
    short = [one.part(0, 100) for one in recordings()]
    assert lengths(short) == (32, 64)
    none = [replace(one, labels=np.full(700, "")) for one in recordings()]
    assert lengths(none) == (128,)
    slow = [replace(one, rate=0.5) for one in recordings()]
    assert lengths(slow) == (16, 32, 64, 128)
    brief = [one.part(0, 17) for one in recordings()]
    assert lengths(brief) == (16,)


def test_low_tones_of_a_machine_are_found() -> None:
    """One fast channel need not be speech: here tones below 100 Hz tell classes."""
    rng, t = np.random.default_rng(0), np.arange(12_000) / 4000
    some = []
    for group in "abc":
        for label, tones in (("even", (1.0, 0.1)), ("skew", (0.1, 1.0))):
            waves = (size * np.sin(2 * np.pi * 25 * n * t) for n, size in enumerate(tones, 1))
            wave = 3000 * rng.uniform(0.3, 1) * (sum(waves) + rng.normal(0, 0.3, len(t)))
            x = wave.astype(np.int32)[:, None]
            some.append(Recording("r", x, 4000.0, np.full(len(t), label), group, ("c",)))
    found = search(some, window=1024, neurons=(1,), bits=(4,), workers=Workers(jobs=1))
    assert found.best is not None
    assert found.best.accuracy > 0.98


def test_candidates_can_be_learned_from() -> None:
    made = signals(recordings(), 128, 64)
    assert len({key_of(signal) for signal in made}) == len(made) > 20
    assert all(0 < signal.features <= MAX_LEARNED_INPUTS for signal in made)
    assert any(signal.magnitudes for signal in made)
    assert any("decimated" in names for signal in made for names in signal.blocks)
    heard = Recording("s", np.ones((9000, 1), int), 8000, np.full(9000, "a"), "g", ("c",))
    of_sound = signals([heard], 4096, 2048)
    assert any(one.bands and one.bands.level for one in of_sound)  # speech
    assert any("deviation" in one.blocks[0] for one in of_sound)  # a machine
    many = Recording("m", np.ones((900, 16)), 50, np.full(900, "a"), "g", tuple("abcdefghijklmnop"))
    assert all(signal.affine is not None for signal in signals([many], 128, 64))


def test_neighbours_differ_in_one_respect() -> None:
    signal = next(s for s in signals(recordings(), 128, 64) if s.bands and s.magnitudes)
    around = neighbours(signal)
    assert len(around) > 6
    assert key_of(signal) not in {key_of(one) for one in around}
    assert {one.window for one in around} == {128}
    used = [{n for names in one.blocks for n in names} for one in around]
    own = {n for names in signal.blocks for n in names}
    assert all(len(own ^ other) <= 1 for other in used)
    alone = replace(signal, magnitudes=(), blocks=signal.blocks[:3])
    assert any(() in one.blocks for one in neighbours(alone))


def test_titles_say_what_is_made() -> None:
    blocks = (("mean", "deviation"), ("mean", "deviation"), ())
    signal = Signal(3, 50, 64, 32, blocks)
    assert title(signal) == "mean, deviation of 2 (4 features of 2 channels)"


# ---- choosing ----------------------------------------------------------------------------------


def trial(right: float, ram: int = 1000, window: int = 64, lacking: str = "", **more: Any) -> Trial:
    signal = Signal(1, 50, window, 32, (more.get("blocks", ("mean",)),))
    folds = tuple(right + d for d in (-0.01, 0.0, 0.01))
    return Trial(signal, Setting(3, 4), folds, (100,) * 3, Costs(ram, 500, 0.001, lacking))


def test_the_best_that_fits_is_chosen() -> None:
    good, cheap = trial(0.9), trial(0.8995, 600)
    large, late = trial(0.99, 9000, lacking="5 bytes of RAM"), trial(0.9, 2000, 128)
    assert best_of([good, large]) is good
    assert best_of([good, cheap]) is cheap  # as good as, and smaller
    assert best_of([late, good]) is good  # no better, and later
    better = trial(0.95, 2000, 128)
    assert best_of([good, better]) is better
    assert best_of([large]) is None
    assert frontier([good, cheap, large, trial(0.7, 800)]) == [cheap, good]
    said = list(reasons([good, cheap, large, late], good, Means(ram=2048)))
    assert "1.0 of 2 KiB of RAM" in said[0]
    assert any("but 5 bytes of RAM are missing" in line for line in said)
    assert any("less RAM: 0.6 KiB" in line for line in said)


def test_a_longer_window_has_to_be_better_than_chance_explains() -> None:
    short = trial(0.9)
    noisy = replace(trial(0.91, window=128), right=(0.80, 1.0, 0.93))
    assert best_of([short, noisy]) is short
    assert any("longer windows" in line for line in reasons([short, noisy], short, Means()))


def test_different_windows_stay_in_the_race() -> None:
    some = [trial(0.9, blocks=("mean",)), trial(0.89, blocks=("deviation",)), trial(0.5, window=32)]
    assert [one.signal.window for one in worth_trying(some, 2)] == [64, 32]


# ---- the whole ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> Found:
    return search(recordings(), Means(ram=6000), window=64, workers=Workers(jobs=1))


def test_a_search_keeps_to_its_limits(found: Found) -> None:
    assert found.best is not None
    assert found.best.accuracy > 0.9
    assert found.best.costs.ram <= 6000
    assert found.tried > 50
    assert {one.signal.window for one in found.trials} == {64}


@pytest.mark.slow
def test_two_processes_find_the_same(found: Found) -> None:
    again = search(recordings(), Means(ram=6000), window=64, workers=Workers(jobs=2))
    assert json.dumps([t.to_json() for t in again.trials]) == json.dumps(
        [t.to_json() for t in found.trials]
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


@pytest.mark.slow
def test_a_cluster_finds_the_same(found: Found, cluster: str) -> None:
    again = search(recordings(), Means(ram=6000), window=64, workers=Workers(dask=cluster))
    assert json.dumps([t.to_json() for t in again.trials]) == json.dumps(
        [t.to_json() for t in found.trials]
    )


def test_lengths_of_few_windows_are_left_out() -> None:
    some = [replace(one, group="all") for one in recordings(1)]  # folds of 140 samples
    assert 256 in lengths(some)
    found = search(some, neurons=(2,), bits=(4,), workers=Workers(jobs=1))
    assert {one.signal.window for one in found.trials} <= {32, 64, 128}


def test_what_cannot_be_searched_is_said() -> None:
    wide = [
        replace(one, samples=np.tile(one.samples, 6)[:, :17], channels=tuple("abcdefghijklmnopq"))
        for one in recordings()
    ]
    with pytest.raises(DataError, match="17 channels, 16 are the most"):
        search(wide, window=64)
    with pytest.raises(DataError, match="of one class, slow"):
        search(recordings()[::3], window=64)
    with pytest.raises(DataError, match="the longest has 700"):
        search(recordings(), window=1024)
    with pytest.raises(ValueError, match="no board"):
        Means(board="none")
    with pytest.raises(ValueError, match=r"on esp32-devkitc is not known \(no Xtensa was measured"):
        Means(board="esp32", seconds=0.1)


def test_a_board_whose_times_nobody_knows_limits_memory() -> None:
    from edge_naca.plots.trials import trials

    means = Means(board="ESP32")
    some = recordings()
    found = search(some, means, window=64, neurons=(2,), bits=(4,), workers=Workers(jobs=1))
    assert found.best is not None
    assert found.best.costs.seconds is None
    assert "unknown time an answer on esp32-devkitc" in " ".join(
        reasons(found.trials, found.best, means)
    )
    left, right = trials("x", found.trials, found.best, means).axes
    assert left.collections
    assert not right.collections


def test_other_machines_need_not_have_the_file_of_a_board(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_text(
        json.dumps({"processor": "Cortex-M4", "ram": {"bytes": 4321, "source": "made up"}})
    )
    content = pickle.dumps(Means(board=str(path)))
    path.unlink()
    means = pickle.loads(content)
    assert (means.clocked, means.target.ram, means.target.flash) == ("small", 4321, None)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("search") / "log.csv"
    rows = [
        f"{one.group},{label},{','.join(map(str, numbers))}"
        for one in recordings()
        for label, numbers in zip(one.labels, one.samples.tolist(), strict=True)
    ]
    path.write_text("\n".join([f"person,activity,{','.join(AXES)}", *rows]) + "\n")
    return path


OPTIONS = ("--label-column", "activity", "--group", "person", "--rate", 50, "--window", "1.28s")


def test_search_on_the_command_line(log: Path, tmp_path: Path) -> None:
    image, picture = tmp_path / "found.naca", tmp_path / "found.png"
    limits = ("--board", "nucleo-f446re", "--max-ram", 8, "--max-time", "2ms")
    told = done("search", log, *OPTIONS, *limits, "--jobs", 1, "-o", image, "--plot", picture)
    assert "held out: tested on 1 of 4 groups" in told
    assert "chosen: windows of 64 samples" in told
    assert "right of what was held out" in told
    assert picture.read_bytes().startswith(b"\x89PNG")
    core = load_image(image)
    assert core.network.signal is not None
    result = object_of("evaluate", image, log, *OPTIONS[:6], "--signal")
    assert result["accuracy"] > 0.9


def test_search_answers_in_json(log: Path) -> None:
    told = object_of("search", log, *OPTIONS, "--jobs", 1)
    assert told["chosen"]["accuracy"] == max(t["accuracy"] for t in told["trials"] if t["fits"])
    assert told["candidates"] > len(told["trials"]) > 10


def test_train_searches_when_features_are_auto(log: Path, tmp_path: Path) -> None:
    image = tmp_path / "auto.naca"
    options = (*OPTIONS, "--signal", "--features", "auto", "--neurons-per-class", 2, "-o", image)
    told = done("train", log, *options)
    assert "candidates measured" in told
    assert load_image(image).network.populations[0].neurons == 6


def test_every_group_left_out(log: Path, tmp_path: Path) -> None:
    options = (*OPTIONS, "--signal", "--leave-one-out", "-o", tmp_path / "all.naca")
    told = object_of("train", log, *options)
    assert set(told["left_out"]) == {"p0", "p1", "p2", "p3"}
    assert np.mean(list(told["left_out"].values())) > 0.8
    assert "4 groups left out" in done("train", log, *options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--max-ram", 1), "none of"),
        (("--board", "nonesuch"), "no board"),
        (("--jobs", 1, "--dask", "tcp://127.0.0.1:1"), "the cluster decides"),
        (("--dask", "tcp://127.0.0.1:1"), "there is no scheduler"),
        (("--max-time", "soon"), "is no duration"),
        (("--plot", "x.txt"), "pictures are written as"),
    ],
)
def test_searches_that_cannot_be(log: Path, words: tuple[object, ...], message: str) -> None:
    result = call("search", log, *OPTIONS, *words)
    assert result.exit_code in (1, 2)
    assert message in result.output


def test_splits_that_cannot_be(log: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "x.naca")
    assert "goes with --signal" in call("train", log, "--leave-one-out", *out).output
    lone = ("--label-column", "activity", "--rate", 50, "--signal", "--leave-one-out")
    assert "one group alone" in call("train", log, *lone, *out).output
    assert "of one group alone" in call("train", log, *lone[:-1], "--split", "group", *out).output


def test_all_windows_of_one_cut(log: Path) -> None:
    some = recordings(1)
    places = places_of(some, 64, 32)
    assert len(places.some(5).labels) == 5
    assert len(cut(some, 64, 32).windows) == len(places.labels)
