"""One class alone: a motor that is well is learned, and a damaged bearing has to be noticed.

    python benchmarks/one_class.py --output benchmarks/results/one-class.json

Needs no data: the vibration is made (benchmarks/motor.py). Takes a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import motor
import numpy as np
import results
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import roc_auc_score

from edge_naca import novelty, recipes
from edge_naca.choices import CENTRED_NEURONS
from edge_naca.core import Core
from edge_naca.data import Dataset
from edge_naca.holding_out import FOLD, folds
from edge_naca.measurement import Figure, Table, mean, measure
from edge_naca.signals.choosing import suitable
from edge_naca.signals.datasets import window_features
from edge_naca.signals.recordings import Recording, cut

SEEDS, SECONDS = 5, 120
ASKED = 0.02  # false alarms
WAYS = {"one speed": (24.5,), "three speeds": (12.0, 24.5, 41.0)}  # of a motor that is well
FAULTS = {"slight": 0.35, "bearing": 0.5}
BETWEEN = (33.0,)  # a speed that was never learned

Array = NDArray[np.float64]
Score = Callable[[Array], Array]


def recorded(rng: np.random.Generator, speeds: tuple[float, ...], fault: float) -> list[Recording]:
    """Return a recording at each speed, of `SECONDS` together."""
    made = []
    for speed in speeds:
        read = motor.vibration(rng, SECONDS / len(speeds), fault, turning=speed)[:, None]
        labels = np.full(len(read), "well")
        made.append(Recording("motor", read, float(motor.RATE), labels, "motor", ("vibration",)))
    return made


def by_deviations(learned: Array) -> Score:
    """Return the distance to the mean, each feature in its own deviations."""
    middle, deviation = learned.mean(axis=0), np.maximum(learned.std(axis=0), 1e-9)
    return lambda x: (((x - middle) / deviation) ** 2).sum(axis=1)


def by_mean(learned: Array) -> Score:
    """Return the distance to the mean as features are."""
    middle = learned.mean(axis=0)
    return lambda x: ((x - middle) ** 2).sum(axis=1)


def by_means(learned: Array) -> Score:
    """Return the distance to the nearest of as many means as the network has neurons."""
    middle, deviation = learned.mean(axis=0), np.maximum(learned.std(axis=0), 1e-9)
    found = KMeans(CENTRED_NEURONS, n_init=1, random_state=0).fit((learned - middle) / deviation)
    return lambda x: found.transform((x - middle) / deviation).min(axis=1)


RIVALS = {
    "deviations from the mean": by_deviations,
    "distance to the mean": by_mean,
    f"nearest of {CENTRED_NEURONS} means (k-means)": by_means,
}


def limit_of(score: Callable[[Array], Score], learned: Array) -> float:
    """Return a rival's limit, taken as the network's: each fifth of the windows left out once."""
    fold = folds(len(learned))
    left_out = [score(learned[fold != one])(learned[fold == one]) for one in range(FOLD)]
    return float(np.quantile(np.concatenate(left_out), 1 - ASKED))


def judged(seed: int, speeds: tuple[float, ...]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each method and what it reaches on recordings that it has not heard."""
    rng = np.random.default_rng(seed)
    first = recorded(rng, speeds, 0.0)
    signal = suitable(first)

    def windows(recordings: list[Recording]) -> NDArray[np.int16]:
        return window_features(signal, cut(recordings, signal.window, signal.hop).windows)

    learned = windows(first)
    learned = learned[rng.permutation(len(learned))] if len(speeds) > 1 else learned
    later = {"well": windows(recorded(rng, speeds, 0.0))} | {
        name: windows(recorded(rng, speeds, fault)) for name, fault in FAULTS.items()
    }
    later["another speed"] = windows(recorded(rng, BETWEEN, 0.0))
    y = np.zeros(len(learned), np.int64)
    dataset = Dataset("motor", learned, y, learned[:1], y[:1], ("well",))
    network = recipes.network_for(dataset, signal=signal, seed=seed)
    core = Core(network)
    core.learn_many(learned, y)
    scores = {"edge-naca": lambda x: novelty.novelties(core, x).astype(np.float64)}
    limits = {"edge-naca": float(novelty.limit_of_stream(network, learned, y, ASKED))}
    for name, rival in RIVALS.items():
        scores[name] = rival(learned.astype(np.float64))
        limits[name] = limit_of(rival, learned.astype(np.float64))
    for name, score in scores.items():
        found = {which: score(x) for which, x in later.items()}
        reached = {"false alarms": 100 * float((found["well"] > limits[name]).mean())}
        for which in [*later][1:]:
            both = np.concatenate([found["well"], found[which]])
            is_faulty = np.arange(len(both)) >= len(found["well"])
            reached[f"{which}: area under the curve"] = float(roc_auc_score(is_faulty, both))
            reached[f"{which}: noticed"] = 100 * float((found[which] > limits[name]).mean())
        yield name, reached


def figures(speeds: tuple[float, ...]) -> Iterator[Figure]:
    """Compare the methods on the same windows, over motors made from several seeds."""
    runs = [dict(judged(seed, speeds)) for seed in range(SEEDS)]
    for method, reached in runs[0].items():
        for name in reached:
            is_share = not name.endswith("curve")
            values = [run[method][name] for run in runs]
            unit, decimals = ("%", 1) if is_share else ("", 3)
            yield mean({"method": method}, name, values, unit, decimals)


def main() -> None:
    arguments = results.parser(__doc__).parse_args()
    measurement = measure(
        "A motor that is well, and nothing else, is learned",
        results.command(),
        [Table(f"A motor at {name}", tuple(figures(speeds))) for name, speeds in WAYS.items()],
        data={"motor.py": results.digest(Path(motor.__file__).read_bytes())},
        settings={"seeds": SEEDS, "seconds": SECONDS, "false alarms asked for": ASKED},
        choice="Neurons and how far codes reach were chosen on motors made from other seeds.",
        text="Each method hears the same windows of a motor that is well, and takes its limit "
        "from them, each fifth left out once. Then come windows of another recording. Of the "
        "rivals, k-means keeps as many prototypes as the network has neurons, in four times the "
        "bytes and with all windows in memory; the two others keep one or two numbers a feature. "
        "A speed that was never learned is heard by none: bands of what is taken for sound begin "
        "above it.",
    )
    results.publish(measurement, arguments.output)


if __name__ == "__main__":
    main()
