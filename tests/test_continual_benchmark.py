"""The harness of benchmarks/continual.py: streams, learners, splits, and what it writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import continual
import learners
import numpy as np
import pytest
import results
import streams
import tasks
from continual import Clock, TooSlowError
from learners import LEARNERS, Learner, Reservoir, Setting
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from streams import SCENARIOS, Options
from tasks import TASKS, Split

from edge_naca import data, presets
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.image import state_size
from edge_naca.recipes import network_for

RNG = np.random.default_rng(0)
CLASSES, INPUTS = 4, 6
CENTRES = RNG.integers(2, 13, (CLASSES, INPUTS))
Y = RNG.integers(0, CLASSES, 400)
X = np.clip(CENTRES[Y] + RNG.integers(-3, 4, (400, INPUTS)), 0, 15).astype(np.uint8)
ASKED = RNG.integers(0, 16, (60, INPUTS)).astype(np.uint8)
SETTING = Setting(presets.competitive(INPUTS, CLASSES, 5), is_signed=False)


def taught(name: str, setting: Setting = SETTING) -> Learner:
    learner = LEARNERS[name](setting)
    for first in range(0, len(Y), 7):
        learner.learn_many(X[first : first + 7], Y[first : first + 7])
    return learner


# ---- learners ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in LEARNERS if n != "edge-naca"])
def test_a_learner_answers_only_what_it_met(name: str) -> None:
    learner = LEARNERS[name](SETTING)
    assert learner.predict_many(ASKED).tolist() == [-1] * len(ASKED)
    met = np.isin(Y, (1, 3))
    learner.learn_many(X[met], Y[met])
    assert set(learner.predict_many(ASKED)) <= {1, 3}
    assert learner.bytes > 0
    if learner.has_probabilities:
        probabilities = learner.probabilities(ASKED)
        assert np.allclose(probabilities.sum(axis=1), 1)
        assert not probabilities[:, [0, 2]].any()


def test_last_label_is_the_last() -> None:
    assert set(taught("last label").predict_many(ASKED)) == {Y[-1]}


def test_streaming_lda_is_that_of_scikit_learn() -> None:
    other = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=learners.SHRINKAGE).fit(X, Y)
    learner = taught("streaming LDA")
    assert np.allclose(learner.probabilities(ASKED), other.predict_proba(ASKED.astype(float)))


def test_naive_bayes_is_that_of_scikit_learn() -> None:
    x = X.astype(float)
    other = GaussianNB(var_smoothing=0.0).fit(x, Y)
    smoothing = learners.SHRINKAGE * other.var_.max() / x.var(axis=0).max()
    other = GaussianNB(var_smoothing=smoothing).fit(x, Y)
    expected = other.predict_proba(ASKED.astype(float))
    assert np.allclose(taught("naive Bayes").probabilities(ASKED), expected)


def test_class_means_are_the_nearest() -> None:
    means = np.stack([X[c == Y].mean(axis=0) for c in range(CLASSES)])
    expected = ((ASKED[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert np.array_equal(taught("class means").predict_many(ASKED), expected)


def test_nearest_stored_is_that_of_scikit_learn_on_what_it_stores() -> None:
    learner = taught("1-NN of as many bytes")
    assert isinstance(learner, learners.NearestStored)
    stored, labels = learner.memory.content()
    # 6 codes of 4 bits and a label take 4 bytes.
    assert SETTING.sample_bytes == 4
    assert len(stored) == state_size(SETTING.network) // 4 < len(Y)
    assert learner.bytes <= state_size(SETTING.network)
    other = KNeighborsClassifier(1).fit(stored, labels)
    nearest = other.kneighbors(ASKED)[0][:, 0] ** 2
    assert np.allclose(learner.novelty(ASKED), nearest, atol=1e-3)


def test_sgd_is_that_of_scikit_learn() -> None:
    other = SGDClassifier(loss="log_loss", shuffle=False, random_state=0)
    for first in range(0, len(Y), 7):
        part = slice(first, first + 7)
        other.partial_fit(X[part] / 15, Y[part], classes=range(CLASSES))
    assert np.array_equal(taught("SGD").predict_many(ASKED), other.predict(ASKED / 15))


def test_every_sample_is_as_likely_to_be_in_a_reservoir() -> None:
    counts = np.zeros(20)
    for seed in range(500):
        memory = Reservoir(5, seed)
        memory.add(np.arange(20)[:, None], np.arange(20))
        stored, labels = memory.content()
        assert np.array_equal(stored[:, 0], labels)
        counts[labels] += 1
    assert counts.sum() == 2500
    assert (np.abs(counts - 125) < 50).all()  # five deviations of a binomial are 48


def test_ewc_follows_the_gradient_and_its_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "PERIOD", 3)
    learner = learners.Ewc(SETTING)
    sample = X[0] / 15
    k, place, step = 1, (3, 2), 1e-6
    gradient = learner.gradients(sample, 2)[k][place]
    surprise = []
    for sign in (1, -1):
        learner.weights[k][place] += sign * step
        learner.counts[:] = 1
        surprise.append(-learner.scores(X[:1])[0, 2])
        learner.weights[k][place] -= sign * step
    assert gradient == pytest.approx((surprise[0] - surprise[1]) / (2 * step), rel=1e-4)
    total = np.zeros_like(learner.weights[k])
    for row in range(3):
        total += learner.gradients(X[row] / 15, int(Y[row]))[k] ** 2 / 3
        learner.learn_many(X[row : row + 1], Y[row : row + 1])
    assert np.allclose(learner.fisher[k], total)
    # A weight pulled harder than it is pushed stays where it was.
    learner.fisher[k][:] = 1e12
    anchor = learner.weights[k].copy()
    learner.learn_many(X[3:5], Y[3:5])
    assert np.allclose(learner.weights[k], anchor)


def test_replay_keeps_what_sgd_forgets() -> None:
    order = np.argsort(Y, kind="stable")
    right = {}
    for name in ("replay + MLP", "SGD"):
        learner = LEARNERS[name](SETTING)
        for _ in range(10):
            learner.learn_many(X[order], Y[order])
        right[name] = float((learner.predict_many(X) == Y).mean())
    assert right["replay + MLP"] > right["SGD"] + 0.1


def test_a_forest_learns() -> None:
    assert (taught("adaptive forest").predict_many(X) == Y).mean() > 0.8


# ---- ours --------------------------------------------------------------------------------------


def test_ours_on_codes_is_the_core_on_samples() -> None:
    x = RNG.normal(size=(300, 8)) @ RNG.normal(size=(8, 8))
    y = (x[:, 0] > 0).astype(np.int64)
    dataset = Dataset("d", x[:200], y[:200], x[200:], y[200:], ("a", "b"))
    network = network_for(dataset)
    assert network.inhibition is not None
    core = Core(network)
    core.learn_many(dataset.x_train, dataset.y_train)
    learner = learners.EdgeNaca(Setting(network, is_signed=True))
    codes = Core(network)
    learner.learn_many(codes.prepare_many(dataset.x_train), dataset.y_train)
    assert learner.core.state() == core.state()
    asked = codes.prepare_many(dataset.x_test)
    assert np.array_equal(learner.predict_many(asked), core.predict_many(dataset.x_test))
    assert np.array_equal(learner.scores(asked).argmax(axis=1), learner.predict_many(asked))
    assert learner.bytes == state_size(network)


def test_all_are_given_what_a_given_v_makes() -> None:
    x = RNG.normal(size=(300, 8)) @ RNG.normal(size=(8, 8))
    y = (x[:, 0] > 0).astype(np.int64)
    dataset = Dataset("d", x[:200], y[:200], x[200:], y[200:], ("a", "b"))
    network = network_for(dataset, decorrelate_on=dataset, rank=3)
    core = Core(network)
    given = continual.given_to_all(core, dataset)
    setting = Setting(network, is_signed=True)
    assert given.x_train.shape == (200, 3)
    assert setting.inputs == 3
    assert setting.largest == 2**network.encoder.bits - 1
    learner = learners.EdgeNaca(setting)
    learner.learn_many(given.x_train, given.y_train)
    core.learn_many(dataset.x_train, dataset.y_train)
    assert learner.core.state() == core.state()
    learned = network_for(dataset)
    assert continual.given_to_all(Core(learned), dataset).x_train.shape == (200, 8)


# ---- streams -----------------------------------------------------------------------------------


def one_split(domains: int = 1, is_ahead: bool = False) -> Split:
    images = np.repeat(X.reshape(400, 2, 3), 2, axis=1)
    dataset = Dataset("d", images[:300], Y[:300], images[300:], Y[300:], tuple("abcd"))
    train, test = np.arange(300) * domains // 300, np.arange(100) * domains // 100
    return Split(dataset, train, test, is_ahead)


def stream_of(scenario: str, split: Split, **options: int) -> tuple[Split, streams.Stream]:
    rng = np.random.default_rng(3)
    split = SCENARIOS[scenario].change(split, rng)
    return split, SCENARIOS[scenario].order(split, rng, Options(**options))


@pytest.mark.parametrize("scenario", sorted(SCENARIOS.keys() - {"passes", "addition", "unknown"}))
def test_every_sample_comes_once(scenario: str) -> None:
    split, stream = stream_of(scenario, one_split())
    rows = np.concatenate([lesson.rows for lesson in stream.lessons])
    assert np.array_equal(np.sort(rows), np.arange(len(split.domains)))
    asked = np.concatenate([exam.rows for exam in stream.exams])
    if scenario != "inverted":
        assert np.array_equal(np.sort(asked), np.arange(100))


@pytest.mark.parametrize(("size", "lessons"), [(1, 4), (2, 2), (3, 2)])
def test_classes_come_one_after_another(size: int, lessons: int) -> None:
    split, stream = stream_of("classes", one_split(), classes=size)
    met = [set(split.dataset.y_train[lesson.rows]) for lesson in stream.lessons]
    assert len(met) == lessons
    assert sum(map(len, met)) == CLASSES == len(set.union(*met))
    for labels, exam in zip(met, stream.exams, strict=True):
        assert set(split.dataset.y_test[exam.rows]) == labels


def test_domains_come_in_the_order_of_time() -> None:
    for scenario in ("domains", "classes", "shuffled"):
        split, stream = stream_of(scenario, one_split(3, is_ahead=True))
        assert [set(split.domains[lesson.rows]) for lesson in stream.lessons] == [{0}, {1}, {2}]
        assert [set(split.test_domains[exam.rows]) for exam in stream.exams] == [{0}, {1}, {2}]
    split, stream = stream_of("classes", one_split(2))
    assert np.array_equal(stream.lessons[-1].rows, np.arange(150, 300))
    assert not split.domains[np.concatenate([one.rows for one in stream.lessons[:-1]])].any()


def test_other_orders() -> None:
    split, stream = stream_of("addition", one_split(), shots=2)
    known, new = (set(split.dataset.y_train[lesson.rows]) for lesson in stream.lessons)
    assert len(stream.lessons[1].rows) == 2
    assert (len(known), len(new)) == (3, 1)
    assert not known & new
    assert set(split.dataset.y_test[stream.exams[1].rows]) == new
    _, stream = stream_of("passes", one_split())
    assert [sorted(lesson.rows) for lesson in stream.lessons] == [list(range(300))] * 10
    split, stream = stream_of("recurring", one_split())
    rounds = [set(split.dataset.y_train[lesson.rows]) for lesson in stream.lessons]
    assert rounds[:4] == rounds[4:8] == rounds[8:]
    split, stream = stream_of("unknown", one_split())
    assert stream.unknown is not None
    taught = set(split.dataset.y_train[stream.lessons[0].rows])
    assert taught | set(split.dataset.y_test[stream.unknown]) == set(range(CLASSES))
    assert not taught & set(split.dataset.y_test[stream.unknown])


def test_what_is_made_worse() -> None:
    plain = one_split().dataset
    split, _ = stream_of("noise", one_split())
    assert (split.dataset.y_train != plain.y_train).sum() == 60
    assert np.array_equal(split.dataset.y_test, plain.y_test)
    split, stream = stream_of("imbalance", one_split())
    counts = np.bincount(split.dataset.y_train)
    assert sorted(counts)[:2] == [1, 1]
    rare = set(split.dataset.y_test[stream.exams[1].rows])
    assert rare == set(np.flatnonzero(counts == 1))
    split, stream = stream_of("inverted", one_split())
    assert len(stream.lessons) == 2
    assert np.array_equal(split.dataset.x_test[100:], 15 - split.dataset.x_test[:100])
    assert split.dataset.x_train[split.domains == 0].mean() < 8 + 1


def test_labels_come_late() -> None:
    heard: list[tuple[str, int]] = []

    class Listener(Learner):
        def learn_many(self, x: np.ndarray, labels: np.ndarray) -> None:
            heard.append(("told", int(x[0, 0])))

        def predict_many(self, x: np.ndarray) -> np.ndarray:
            heard.append(("asked", int(x[0, 0])))
            return x[:, 0] % 2

    x, y = np.arange(6)[:, None], np.array([0, 1, 0, 1, 1, 1])
    dataset = Dataset("d", x, y, x, y, ("a", "b"))
    right = continual.prequential(Listener(SETTING), dataset, np.arange(6), 2, Clock(60, 6))
    assert right == 5 / 6
    assert heard[:5] == [("asked", 0), ("asked", 1), ("asked", 2), ("told", 0), ("asked", 3)]
    assert [number for what, number in heard if what == "told"] == [0, 1, 2, 3]


# ---- tasks -------------------------------------------------------------------------------------


def test_windows_of_letters() -> None:
    windows = tasks.letter_windows("abc").reshape(3, 7, 27)
    letters = windows.argmax(axis=2)
    assert windows.sum() == 21
    assert letters[0].tolist() == [26, 26, 26, 0, 1, 2, 26]
    assert letters[2].tolist() == [26, 0, 1, 2, 26, 26, 26]


def test_a_tone_is_loudest_in_its_band() -> None:
    for hertz in (300, 1000, 3000):
        clip = (8000 * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000)).astype(np.int16)
        bands = tasks.log_mel(clip).reshape(tasks.FRAMES, tasks.BANDS)
        centres = np.linspace(np.log1p(100 / 700), np.log1p(4000 / 700), tasks.BANDS + 2)[1:-1]
        expected = np.abs(centres - np.log1p(hertz / 700)).argmin()
        assert (np.abs(bands.argmax(axis=1) - expected) <= 1).all()
        assert np.ptp(bands) <= 40 + 1e-9
    assert tasks.log_mel(np.zeros(10, np.int16)).shape == (400,)


def test_a_moving_edge_makes_events() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[10:18, 10:18] = 255
    events = tasks.saccades(image)
    assert (np.diff(events["t"]) >= 0).all()
    assert 0 < events["t"].min() <= events["t"].max() <= 300_000
    assert 0.3 < events["on"].mean() < 0.7  # what becomes brighter becomes darker again
    inside = (np.abs(events["x"] - 17.0) < 3) & (np.abs(events["y"] - 17.0) < 0.5)
    assert inside.mean() < 0.05  # nothing changes in the midst of a square
    assert not len(tasks.saccades(np.zeros((28, 28), np.uint8)))


def test_halves_are_of_each_class_in_time() -> None:
    first = tasks.first_half(np.array([0, 1, 0, 0, 1, 0]))
    assert first.tolist() == [True, True, True, False, False, False]


def test_the_official_split_of_digits_is_by_writer() -> None:
    (split,) = TASKS["digits"].splits(Path(), 0)
    assert (len(split.dataset.y_train), len(split.dataset.y_test)) == (1437, 360)


def rows_of(x: np.ndarray) -> set[bytes]:
    return {np.ascontiguousarray(row).tobytes() for row in x}


@pytest.mark.data
@pytest.mark.parametrize("name", ["har", "har-adapting", "alphabet", "omniglot", "spoken"])
def test_nobody_is_learned_and_tested(name: str) -> None:
    folder = data.folder()
    assert folder is not None
    splits = list(TASKS[name].splits(folder, 1))
    tested = [len(split.dataset.y_test) for split in splits]
    for split in splits:
        d = split.dataset
        # Two empty or still recordings may be alike; people are not.
        assert len(rows_of(d.x_train) & rows_of(d.x_test)) <= 1
        assert set(d.y_test) <= set(d.y_train)
        if name == "omniglot":
            assert (np.bincount(d.y_train).tolist(), len(d.y_test)) == ([5] * 20, 300)
        if name == "alphabet":
            assert (np.bincount(d.y_train).tolist(), len(d.y_test)) == ([15] * 26, 130)
    if name in ("har", "alphabet"):  # everybody is held out once
        assert sum(tested) == len(splits[0].dataset.y_train) + tested[0]


@pytest.mark.data
def test_speakers_are_held_out_whole() -> None:
    folder = data.folder()
    assert folder is not None
    file = tasks.read(folder, "fsdd.npz")
    splits = list(TASKS["speaker"].splits(folder, 0))
    assert [len(split.dataset.y_test) for split in splits] == [500] * 6
    assert [split.title for split in splits] == [f"without {name}" for name in file["speakers"]]
    at = file["offset"]
    first = np.flatnonzero(file["speaker"] == 2)[0]
    assert np.allclose(
        splits[2].dataset.x_test[0], tasks.log_mel(file["audio"][at[first] : at[first + 1]])
    )


# ---- the whole ---------------------------------------------------------------------------------


def few_digits(folder: Path, seed: int) -> Iterator[Split]:
    d = data.load("digits")
    few = dataclasses.replace(
        d, x_train=d.x_train[:300], y_train=d.y_train[:300],
        x_test=d.x_test[:100], y_test=d.y_test[:100],
    )  # fmt: skip
    yield tasks.of_one_domain(few)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    task = dataclasses.replace(TASKS["digits"], splits=few_digits, network={"max_kib": 4})
    monkeypatch.setitem(TASKS, "digits", task)


@pytest.mark.usefixtures("small")
def test_a_table_has_all_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "x.json"
    few = [name for name in LEARNERS if name not in ("adaptive forest", "replay + MLP")]
    scenarios = ["classes", "addition", "imbalance", "unknown", "prequential"]
    words = ["continual.py", "digits", "--scenario", *scenarios, "--seeds", "2"]
    monkeypatch.setattr("sys.argv", [*words, "--learners", *few, "--output", str(output)])
    continual.main()
    measured = results.read(output)
    assert measured.data.keys() == {"samples"}
    assert {"river", "scikit-learn", "numpy"} <= measured.versions.keys()
    assert measured.settings["seeds"] == 2
    table = "Accuracy: class after class"
    for name in few:
        right = measured.figure(table, {"learner": name}, "right")
        assert right.n == 2 == len(right.runs)
        assert measured.figure(table, {"learner": name}, "KiB").value > 0
    assert measured.figure(table, {"learner": "edge-naca"}, "right").value > 80
    assert measured.figure(table, {"learner": "edge-naca"}, "KiB").value <= 4
    forgotten = measured.figure(table, {"learner": "SGD"}, "forgotten since learned")
    assert forgotten.value > 50
    ahead = measured.figure(table, {"learner": "last label"}, "ours ahead")
    runs = (
        measured.figure(table, {"learner": n}, "right").runs for n in ("edge-naca", "last label")
    )
    ours, theirs = map(np.array, runs)
    assert ahead.value == pytest.approx((ours - theirs).mean())
    unknown = measured.figure(
        "Accuracy: half of the classes unknown", {"learner": "edge-naca"}, "AUROC"
    )
    assert 0.6 < unknown.value <= 1
    work = "Work of edge-naca for a sample: class after class"
    infer, learn = (
        measured.figure(work, {}, f"instructions, {what}").value for what in ("infer", "learn")
    )
    assert 0 < infer < learn


def test_what_is_learned_later_does_not_count_as_known() -> None:
    matrix = np.arange(9.0).reshape(3, 3) / 10
    exams = tuple(streams.Part(str(n), np.arange(n + 1)) for n in range(3))
    stream = streams.Stream(exams, exams)
    # Exam 2, of two samples, after the first lesson; exam 3, of three, after the second.
    expected = (2 * 0.1 + 3 * 0.5) / 5
    assert continual.ahead(matrix, stream) == {"a lesson ahead": pytest.approx(expected)}


def test_an_exam_without_samples_is_refused() -> None:
    split = one_split()
    few = dataclasses.replace(
        split.dataset, x_test=split.dataset.x_test[:1], y_test=split.dataset.y_test[:1]
    )
    split = dataclasses.replace(split, dataset=few, test_domains=split.test_domains[:1])
    with pytest.raises(ValueError, match="d has no test samples of "):
        continual.prepare(TASKS["digits"], split, "classes", 0, Options())


def test_errors_are_over_splits_where_there_are_some() -> None:
    assert continual.units([1.0, 2.0, 3.0, 3.0, 4.0, 5.0], 3) == [2.0, 3.0, 4.0]
    assert continual.units([1.0, 2.0, 3.0], 1) == [1.0, 2.0, 3.0]


def test_who_is_too_slow_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    clock = Clock(100, 1000)
    now[0] = 6.0
    clock.check(100)  # 60 s are foreseen
    now[0] = 12.0
    with pytest.raises(TooSlowError):
        clock.check(10)  # 109 s are


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"har\.npz is not in .* set EDGE_NACA_DATA"):
        next(iter(TASKS["har"].splits(tmp_path, 0)))


@pytest.mark.data
def test_an_inhibition_for_digits_is_found_on_no_digit() -> None:
    folder = data.folder()
    assert folder is not None
    others = next(tasks.TASKS["mnist-calibrated"].splits(folder, 0)).others
    assert others is not None
    assert len(others.classes) == 242 + 8
    assert not any(name.isdigit() for name in others.classes)
    # Nor under another name: a class of 20 drawings is Omniglot's, one of 250 a symbol's.
    counts = np.bincount(others.y_train)
    assert set(counts[:-8].tolist()) == {20}
    assert set(counts[-8:].tolist()) == {250}
    assert others.classes[-8:] == ("dot", "minus", "plus", "slash", "w", "x", "y", "z")
