"""Tasks of continual learning: real data, split as each of them asks for.

What a task holds out, and whom: other drawings, other writers, a speaker, a person, later months.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import data
from edge_naca.data import DataError, Dataset
from edge_naca.event_files import EVENTS, counts

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Split:
    """Samples to learn and samples to answer.

    Parameters
    ----------
    dataset : both, with their classes.
    domains, test_domains : int (samples,), the person, batch or condition that a sample is of, in
        the order of time. Scaling is found on the first domain alone.
    is_ahead : whether what is asked about a domain is learned afterwards, so that answers count
        only until then.
    title : who or what is held out.
    others : samples of other classes that a decorrelating inhibition is found on; None for none.
    """

    dataset: Dataset
    domains: Array
    test_domains: Array
    is_ahead: bool = False
    title: str = ""
    others: Dataset | None = None

    def kept(self, rows: Array) -> Split:
        """Return the split with some of the training samples, in the order of `rows`."""
        d = self.dataset
        few = replace(d, x_train=d.x_train[rows], y_train=d.y_train[rows])
        return replace(self, dataset=few, domains=self.domains[rows])


@dataclass(frozen=True)
class Task:
    """A row of the documents.

    Parameters
    ----------
    title : for the reader.
    splits : of the samples in a folder, for a seed.
    files : that they come from.
    network : how `edge_naca.recipes.network_for` is asked for a network; {} for its defaults.
    text : what a sample is, and what is held out.
    """

    title: str
    splits: Callable[[Path, int], Iterator[Split]]
    files: tuple[str, ...]
    text: str
    network: dict[str, Any] = field(default_factory=dict)


def split_of(
    name: str, x: Array, y: Array, is_test: Array, classes: Any = None, title: str = ""
) -> Split:
    """Return a split into samples to learn and to test, all of one domain."""
    names = tuple(map(str, np.arange(int(y.max()) + 1) if classes is None else classes))
    y = y.astype(np.int64)
    dataset = Dataset(name, x[~is_test], y[~is_test], x[is_test], y[is_test], names)
    return of_one_domain(dataset, title)


def of_one_domain(dataset: Dataset, title: str = "") -> Split:
    """Return a split of which nothing changes with time."""
    train, test = (np.zeros(len(y), np.int64) for y in (dataset.y_train, dataset.y_test))
    return Split(dataset, train, test, title=title)


def read(folder: Path, name: str) -> dict[str, Array]:
    """Return the arrays of a file, or say which one is missing."""
    path = folder / name
    if not path.is_file():
        raise DataError(f"{name} is not in {folder}: set {data.VARIABLE} to the folder that has it")
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


# ---- images ------------------------------------------------------------------------------------


def official(name: str) -> Callable[[Path, int], Iterator[Split]]:
    """Return the official split of a data set that the package knows."""

    def splits(folder: Path, seed: int) -> Iterator[Split]:
        yield of_one_domain(data.load(name))

    return splits


def beside(
    name: str, others: Callable[[Path, int], Dataset]
) -> Callable[[Path, int], Iterator[Split]]:
    """The same, with other samples to find an inhibition on."""

    def splits(folder: Path, seed: int) -> Iterator[Split]:
        yield replace(of_one_domain(data.load(name)), others=others(folder, seed))

    return splits


def looking_ahead(
    splits: Callable[[Path, int], Iterator[Split]],
) -> Callable[[Path, int], Iterator[Split]]:
    """The same splits, with an inhibition to be found on all that is learned later."""

    def wrapped(folder: Path, seed: int) -> Iterator[Split]:
        for split in splits(folder, seed):
            yield replace(split, others=split.dataset)

    return wrapped


def pictures(folder: Path, seed: int) -> Iterator[Split]:
    """CIFAR-10 from JPEG: 20 000 to learn, drawn by the seed, 10 000 to test."""
    yield next(pictures_beside_five(folder, seed, 0))


def pictures_beside_five(folder: Path, seed: int, count: int = 6000) -> Iterator[Split]:
    """The same, with some that are not learned, of five classes, to find an inhibition on."""
    file = read(folder, "cifar10_jpeg.npz")
    order = np.random.default_rng(seed).permutation(len(file["y_train"]))
    rest = order[20000:]
    x, y = _pictures(file, "train", order[:20000])
    dataset = Dataset("cifar10", x, y, *_pictures(file, "test"), tuple(map(str, file["classes"])))
    if not count:
        yield of_one_domain(dataset)
        return
    x, y = _pictures(file, "train", rest[file["y_train"][rest] < 5][:count])
    others = Dataset("five of CIFAR-10's classes", x, y, x[:0], y[:0], dataset.classes[:5])
    yield replace(of_one_domain(dataset), others=others)


def _pictures(
    file: dict[str, Array], part: str, rows: Array | slice = slice(None)
) -> tuple[Array, Array]:
    """Return some of CIFAR-10's pictures (n, 32, 32, 3), and their labels."""
    from PIL import Image

    content, at = file[f"jpeg_{part}"].tobytes(), file[f"offset_{part}"]
    numbers = np.arange(len(file[f"y_{part}"]))[rows]
    images = (Image.open(io.BytesIO(content[at[i] : at[i + 1]])) for i in numbers)
    x = np.stack([np.asarray(image.convert("RGB")) for image in images])
    return x, file[f"y_{part}"][rows].astype(np.int64)


def symbols(folder: Path, seed: int) -> Iterator[Split]:
    """Mathematical symbols: of each class 500 drawings, drawn by the seed, are to test."""
    file = read(folder, "math_symbols.npz")
    is_test = first_of_each(file["y"], 500, seed)
    yield split_of("math_symbols", file["x"], file["y"], is_test, file["classes"])


def some_symbols(folder: Path, seed: int) -> Dataset:
    """Mathematical symbols to find an inhibition on; digits are among them."""
    return next(symbols(folder, seed)).dataset


def characters(folder: Path, seed: int) -> Dataset:
    """Handwriting without a digit: all characters of Omniglot, and 250 drawings of each symbol."""
    letters, file = read(folder, "omniglot_small.npz"), read(folder, "math_symbols.npz")
    names = np.char.add(letters["alphabet"], letters["char"].astype(str))
    rows = np.flatnonzero(first_of_each(file["y"], 250, seed))
    rows = rows[~np.char.isdigit(file["classes"][file["y"][rows]])]
    names = np.concatenate([names, file["classes"][file["y"][rows]]])
    classes, y = np.unique(names, return_inverse=True)
    x = np.concatenate([letters["x"], file["x"][rows]])
    mixed = np.random.default_rng(seed).permutation(len(y))
    x, y = x[mixed], y[mixed].astype(np.int64)
    return Dataset("characters and symbols", x, y, x[:0], y[:0], tuple(map(str, classes)))


def first_of_each(y: Array, count: int, seed: int) -> Array:
    """Return which samples are chosen: so many of each class, at random."""
    order = np.random.default_rng(seed).permutation(len(y))
    result = np.zeros(len(y), bool)
    for label in np.unique(y):
        result[order[y[order] == label][:count]] = True
    return result


def drawings(folder: Path, alphabet: str) -> tuple[Array, Array, Array]:
    """Return the drawings of an alphabet, their characters from 0 on, and who drew them."""
    file = read(folder, "omniglot_small.npz")
    chosen = file["alphabet"] == alphabet
    characters = np.unique(file["char"][chosen], return_inverse=True)[1]
    return file["x"][chosen], characters, file["drawer"][chosen].astype(int)


def drawer_folds(
    name: str, alphabet: str, with_symbols: bool = False
) -> Callable[[Path, int], Iterator[Split]]:
    """Return four splits, each of which holds out five of twenty drawers.

    With symbols, 20 drawings of each mathematical symbol, drawn by the seed, count as drawn by as
    many people.
    """

    def splits(folder: Path, seed: int) -> Iterator[Split]:
        x, y, drawer = drawings(folder, alphabet)
        if with_symbols:
            file = read(folder, "math_symbols.npz")
            rows = np.flatnonzero(first_of_each(file["y"], 20, seed))
            rows = rows[np.argsort(file["y"][rows], kind="stable")]
            drawer = np.concatenate([drawer, np.arange(len(rows)) % 20 + 1])
            x = np.concatenate([x, file["x"][rows]])
            y = np.concatenate([y, file["y"][rows].astype(np.int64) + y.max() + 1])
        for fold, held_out in enumerate(np.array_split(np.unique(drawer), 4), start=1):
            yield split_of(name, x, y, np.isin(drawer, held_out), title=f"fold {fold}")

    return splits


def few_shots(folder: Path, seed: int) -> Iterator[Split]:
    """Yield 20 episodes of 20 characters of any alphabet: 5 drawings to learn, 15 to test."""
    file = read(folder, "omniglot_small.npz")
    rng = np.random.default_rng(seed)
    names = np.char.add(file["alphabet"], file["char"].astype(str))
    for episode in range(1, 21):
        characters = rng.choice(np.unique(names), 20, replace=False)
        rows = np.flatnonzero(np.isin(names, characters))
        y = np.unique(names[rows], return_inverse=True)[1]
        is_test = ~np.isin(file["drawer"][rows], rng.permutation(np.arange(1, 21))[:5])
        yield split_of("omniglot", file["x"][rows], y, is_test, title=f"episode {episode}")


# ---- sounds and text ---------------------------------------------------------------------------

BANDS = FRAMES = 20
WINDOW = 256  # samples of a frame, 32 ms at 8 kHz


def log_mel(clip: Array, rate: int = 8000) -> Array:
    """Return the logarithms of 20 mel bands in 20 frames spread over a clip, float (400,).

    They are relative to the clip's mean, and at most 40 dB below its loudest band.
    """
    clip = np.pad(clip.astype(np.float64), (0, max(WINDOW - len(clip), 0)))
    starts = np.linspace(0, len(clip) - WINDOW, FRAMES).astype(int)
    frames = clip[starts[:, None] + np.arange(WINDOW)] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    mels = np.linspace(1127 * np.log1p(100 / 700), 1127 * np.log1p(rate / 2 / 700), BANDS + 2)
    edges = 700 * np.expm1(mels / 1127) * WINDOW / rate
    bins = np.arange(power.shape[1])
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    energy = power @ np.maximum(np.minimum(rise, fall), 0).T
    decibels = 10 * np.log10(energy + 1e-3)
    decibels = np.maximum(decibels, decibels.max() - 40)
    return (decibels - decibels.mean()).ravel()


def spoken(by_speaker: bool) -> Callable[[Path, int], Iterator[Split]]:
    """Return the official split of spoken digits, or one for each speaker left out."""

    def splits(folder: Path, seed: int) -> Iterator[Split]:
        file = read(folder, "fsdd.npz")
        at = file["offset"]
        clips = [file["audio"][first:last] for first, last in pairwise(at)]
        x = np.stack([log_mel(clip) for clip in clips])
        y = file["label"]
        if not by_speaker:
            yield split_of("fsdd", x, y, file["index"] < 5)
            return
        for number, name in enumerate(file["speakers"]):
            yield split_of("fsdd", x, y, file["speaker"] == number, title=f"without {name}")

    return splits


LETTERS, REACH = 26, 3  # of the alphabet, to each side of the one that is pronounced


def letter_windows(word: str) -> Array:
    """Return the seven letters around each letter of a word, one-hot, uint8 (letters, 189)."""
    codes = np.full(len(word) + 2 * REACH, LETTERS)
    codes[REACH : REACH + len(word)] = [ord(letter) - ord("a") for letter in word]
    windows = np.lib.stride_tricks.sliding_window_view(codes, 2 * REACH + 1)
    return np.eye(LETTERS + 1, dtype=np.uint8)[windows].reshape(len(word), -1)


def pronunciation(folder: Path, seed: int) -> Iterator[Split]:
    """NETtalk: the phoneme of each letter of 3000 words to learn and of 1000 others to test."""
    path = folder / "nettalk.data"
    if not path.is_file():
        raise DataError(f"{path.name} is not in {folder}: set {data.VARIABLE} to its folder")
    lines = (line.split("\t") for line in path.read_text(encoding="ascii").splitlines())
    words = [(word, sounds) for word, sounds, *_ in (line for line in lines if len(line) >= 2)
             if word.isalpha() and word.islower() and len(word) == len(sounds)]  # fmt: skip
    chosen = np.random.default_rng(seed).permutation(len(words))[:4000]
    x = np.concatenate([letter_windows(words[i][0]) for i in chosen])
    sounds = np.concatenate([list(words[i][1]) for i in chosen])
    is_test = np.repeat(np.arange(4000) >= 3000, [len(words[i][0]) for i in chosen])
    known = np.intersect1d(sounds[~is_test], sounds[is_test])
    chosen_rows = np.isin(sounds, known)
    y = np.searchsorted(known, sounds[chosen_rows])
    yield split_of("nettalk", x[chosen_rows], y, is_test[chosen_rows], known)


# ---- sensors -----------------------------------------------------------------------------------

MOTION, HOP = 128, 64  # samples of a window at 50 Hz, and from one to the next
ACTIVITIES = 6  # those that last; the rest are changes between them


def windows(file: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Return 30 simple features of each window of HAR, its activity, its person.

    Of each of six channels: mean, deviation, least, greatest, mean absolute difference.
    """
    recordings = {int(name[3:5]): name for name in file if name.startswith("exp")}
    rows: list[Array] = []
    about: list[tuple[int, int]] = []
    for recording, person, activity, first, last in file["labels"].tolist():
        if activity > ACTIVITIES:
            continue
        signal = file[recordings[recording]][first:last]
        for start in range(0, len(signal) - MOTION, HOP):
            w = signal[start : start + MOTION]
            parts = w.mean(0), w.std(0), w.min(0), w.max(0), np.abs(np.diff(w, axis=0)).mean(0)
            rows.append(np.concatenate(parts))
            about.append((activity - 1, person))
    y, person = np.array(about).T
    return np.stack(rows).astype(np.float64), y, person


def activities(adapting: bool) -> Callable[[Path, int], Iterator[Split]]:
    """Return a split for each person left out, or half of whose data come last."""

    def splits(folder: Path, seed: int) -> Iterator[Split]:
        x, y, person = windows(read(folder, "har.npz"))
        y = np.unique(y, return_inverse=True)[1]
        for number in np.unique(person):
            is_test = person == number
            if adapting:
                is_test[is_test] = ~first_half(y[is_test])
            split = split_of("har", x, y, is_test, title=f"without person {number}")
            yield replace(split, domains=(person[~is_test] == number).astype(np.int64))

    return splits


def first_half(y: Array) -> Array:
    """Return which samples are the first half of their class, in the order of time."""
    result = np.zeros(len(y), bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        result[rows[: len(rows) // 2]] = True
    return result


def gases(folder: Path, seed: int) -> Iterator[Split]:
    """Gas sensors: batches in the order of time, each asked about before it is learned."""
    file = read(folder, "gas_drift.npz")
    x, batch = file["x"].astype(np.float64), file["batch"].astype(np.int64)
    logs, y = np.sign(x) * np.log1p(np.abs(x)), file["y"].astype(np.int64) - 1
    dataset = Dataset("gas_drift", logs, y, logs, y, tuple(map(str, file["classes"])))
    yield Split(dataset, batch, batch, is_ahead=True)


# ---- event cameras -----------------------------------------------------------------------------

SIDE, SACCADE = 34, 3.0  # pixels of the camera, and how far the picture moves, as in N-MNIST
STEPS, STEP = 10, 10_000  # of each of three saccades, µs
CONTRAST = 0.25  # change of the logarithm of brightness that makes an event


def saccades(image: Array) -> Array:
    """Return the events of a camera before which an image moves along a triangle.

    Parameters
    ----------
    image : uint8 (28, 28).

    Notes
    -----
    Three saccades of 100 ms, as Orchard et al. made N-MNIST (Frontiers in Neuroscience 9, 2015). A
    pixel speaks up for every `CONTRAST` by which its logarithm departs from when it last did.
    """
    from scipy.ndimage import shift

    corners = SACCADE * np.array([[0, 0], [1, 0.5], [0, 1], [0, 0]])
    t = np.arange(1, 3 * STEPS + 1) / STEPS
    path = np.stack([np.interp(t, range(4), corners[:, axis]) for axis in (0, 1)], axis=1)
    still = np.pad(image.astype(np.float64), (SIDE - len(image)) // 2)
    last = np.log1p(still / 16)
    parts = []
    for step, offset in enumerate(path, start=1):
        change = np.log1p(np.maximum(shift(still, offset, order=1), 0) / 16) - last
        often = np.trunc(change / CONTRAST).astype(int)
        last += often * CONTRAST
        y, x = np.nonzero(often)
        made = np.zeros(len(y), EVENTS)
        made["t"], made["y"], made["x"], made["on"] = step * STEP, y, x, often[y, x] > 0
        parts.append(np.repeat(made, np.abs(often[y, x])))
    return np.concatenate(parts)


def moved(folder: Path, seed: int) -> Iterator[Split]:
    """MNIST before an event camera: how often each pixel became brighter, and darker."""
    mnist = data.load("mnist")

    def counted(images: Array) -> Array:
        result = np.zeros((len(images), SIDE, SIDE, 2), np.uint16)
        for number, image in enumerate(images):
            events = saccades(image)
            for channel, part in enumerate((events[events["on"]], events[~events["on"]])):
                result[number, :, :, channel : channel + 1] = counts(part, SIDE, SIDE)
        return result

    rng = np.random.default_rng(seed)
    rows, asked = rng.permutation(len(mnist.y_train))[:10000], rng.permutation(10000)[:2000]
    dataset = replace(
        mnist,
        name="moving-mnist",
        x_train=counted(mnist.x_train[rows]),
        y_train=mnist.y_train[rows],
        x_test=counted(mnist.x_test[asked]),
        y_test=mnist.y_test[asked],
    )
    yield of_one_domain(dataset)


# ---- all of them -------------------------------------------------------------------------------

OMNIGLOT, MATH = ("omniglot_small.npz",), ("math_symbols.npz",)
OFFICIAL = "Official split; the seed shuffles samples and classes."
DRAWERS = "15 drawings a class to learn; five of twenty drawers are held out, every fold."
MEL = "20 × 20 logarithmic mel bands, relative to the clip's mean. "
MOVES = "30 simple features of windows of 2.56 s. "

FOUND_ON = (
    " What decorrelates edges was found beforehand on {}; V lies in flash. All learners are given "
    "what it makes of edges."
)
ON_CHARACTERS = FOUND_ON.format(
    "242 characters of Omniglot and 8 handwritten symbols, none of them a digit"
)
ON_SYMBOLS = FOUND_ON.format("18 handwritten symbols, none of them a piece of clothing")
ON_FIVE = FOUND_ON.format(
    "6000 pictures of airplanes, automobiles, birds, cats and deer that are not learned: it has "
    "looked ahead at five of the ten classes. Its rank, 60, was chosen on held-out training samples"
)
AHEAD = FOUND_ON.replace("edges", "bands").format(
    "the very clips that are learned: it has looked ahead at all classes"
)
TASKS: dict[str, Task] = {
    "mnist": Task("MNIST", official("mnist"), ("mnist.npz",), OFFICIAL, {"max_kib": 64}),
    "fashion-mnist": Task(
        "Fashion-MNIST", official("fashion-mnist"), ("fashion_mnist.npz",), OFFICIAL,
        {"max_kib": 64},
    ),
    "mnist-calibrated": Task(
        "MNIST, V found on characters", beside("mnist", characters),
        ("mnist.npz", *OMNIGLOT, *MATH), OFFICIAL + ON_CHARACTERS, {"max_kib": 64},
    ),
    "fashion-mnist-calibrated": Task(
        "Fashion-MNIST, V found on symbols", beside("fashion-mnist", some_symbols),
        ("fashion_mnist.npz", *MATH), OFFICIAL + ON_SYMBOLS, {"max_kib": 64},
    ),
    "mnist-calibrated-256": Task(
        "MNIST, V found on characters, 256 KiB", beside("mnist", characters),
        ("mnist.npz", *OMNIGLOT, *MATH), OFFICIAL + ON_CHARACTERS, {"max_kib": 256},
    ),
    "fashion-mnist-calibrated-256": Task(
        "Fashion-MNIST, V found on symbols, 256 KiB", beside("fashion-mnist", some_symbols),
        ("fashion_mnist.npz", *MATH),
        OFFICIAL + ON_SYMBOLS + " Its rank, 200, was chosen on held-out training samples.",
        {"max_kib": 256, "rank": 200},
    ),
    "cifar10": Task(
        "CIFAR-10 (JPEG)", pictures, ("cifar10_jpeg.npz",),
        "20 000 pictures to learn, re-encoded as JPEG.", {"max_kib": 256},
    ),
    "cifar10-calibrated": Task(
        "CIFAR-10 (JPEG), V found on five classes", pictures_beside_five, ("cifar10_jpeg.npz",),
        "20 000 pictures to learn, re-encoded as JPEG." + ON_FIVE, {"max_kib": 256, "rank": 60},
    ),
    "alphabet": Task(
        "alphabet, 26 characters", drawer_folds("alphabet", "Latin"), OMNIGLOT, DRAWERS,
        {"neurons_per_class": 15},
    ),
    "greek": Task(
        "Greek, 24 characters", drawer_folds("greek", "Greek"), OMNIGLOT, DRAWERS,
        {"neurons_per_class": 15},
    ),
    "symbols": Task(
        "Greek and mathematical symbols, 42", drawer_folds("symbols", "Greek", True),
        OMNIGLOT + MATH, DRAWERS + " Of mathematical symbols nobody knows who drew them.",
        {"neurons_per_class": 15},
    ),
    "omniglot": Task(
        "Omniglot, 5 shots, 20 ways", few_shots, OMNIGLOT,
        "20 episodes a seed: 20 characters, 5 drawings of each to learn, those of 15 other "
        "drawers to test.",
        {"neurons_per_class": 5},
    ),
    "math": Task(
        "mathematical symbols, 18", symbols, MATH, "1000 drawings a class to learn, 500 to test.",
        {"max_kib": 64},
    ),
    "spoken": Task(
        "spoken digits, official split", spoken(False), ("fsdd.npz",),
        MEL + "Recordings 0 to 4 of each digit and speaker are to test.",
    ),
    "speaker": Task(
        "spoken digits, unseen speaker", spoken(True), ("fsdd.npz",),
        MEL + "One of six speakers is held out.",
    ),
    "spoken-ahead": Task(
        "spoken digits, official split, V found on what is learned", looking_ahead(spoken(False)),
        ("fsdd.npz",), MEL + "Recordings 0 to 4 of each digit and speaker are to test." + AHEAD,
        {"max_kib": 64},
    ),
    "speaker-ahead": Task(
        "spoken digits, unseen speaker, V found on what is learned", looking_ahead(spoken(True)),
        ("fsdd.npz",), MEL + "One of six speakers is held out." + AHEAD, {"max_kib": 64},
    ),
    "nettalk": Task(
        "NETtalk", pronunciation, ("nettalk.data",),
        "Seven letters, one-hot, to the phoneme of the middle one, if both parts have it; 3000 "
        "words to learn, 1000 others to test.", {"max_kib": 64},
    ),
    "har": Task(
        "HAR, a person left out", activities(False), ("har.npz",), MOVES + "A person is held out."
    ),
    "har-adapting": Task(
        "HAR, half of the new person's data learned", activities(True), ("har.npz",),
        MOVES + "The first half of each activity of the new person comes last, in the order of "
        "time; the second half is to test.",
    ),
    "gas": Task(
        "gas sensors that age", gases, ("gas_drift.npz",),
        "128 signed logarithms, scaled by the first batch. A batch is asked about before it is "
        "learned.",
    ),
    "digits": Task(
        "8×8 digits, by writer", official("digits"), (),
        "The last fifth was written by other people.", {"max_kib": 16},
    ),
    "moving-mnist": Task(
        "MNIST before an event camera", moved, ("mnist.npz",),
        "10 000 and 2000 images moved in three saccades as in N-MNIST; counts of brighter and "
        "darker events a pixel.", {"max_kib": 64},
    ),
}  # fmt: skip
