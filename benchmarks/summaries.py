"""What README and the pages of docs/ quote from the committed measurements."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import results

from edge_naca.measurement import Figure, Measurement, shown
from edge_naca.metrics import CERTAIN

ACCURACY = "Accuracy and forgetting"
FRONT_END = "MNIST, 10 × 1, behind a front end trained on other characters"
# What a row is called, and its measurement, in the order of README.
EDGES = (("MNIST, 10 × 1", "mnist-64"), ("MNIST, 10 × 1", "mnist-256"))
OTHERS = (
    ("MNIST, 10 × 1, plain pixels", "mnist-64-pixels"),
    ("Fashion-MNIST, 10 × 1", "fashion-mnist-256"),
    ("8×8 digits, 10 × 1, 5-fold", "digits-16"),
)


def accuracy() -> str:
    """Return what is reached class after class, a row a measurement."""
    rows = [_class_incremental(title, name) for title, name in EDGES]
    rows += [_front_end(FRONT_END, 64), _front_end("the same", 256)]
    rows += [_class_incremental(title, name) for title, name in OTHERS]
    return _table(
        ["task", "learned state", "edge-naca", "nearest class mean", "same network, SGD",
         "order costs", "forgotten"],
        rows,
    )  # fmt: skip


def _class_incremental(title: str, name: str) -> list[str]:
    measured = _read(name)
    limit = re.search(r"--max-kib (\S+)", measured.command)
    if limit is None:
        raise ValueError(f"the command of {name} names no --max-kib")

    def figure(what: str) -> Figure:
        return measured.figure(ACCURACY, {"what": what}, "mean ± s.e.m.")

    with_sgd = "--baselines" in measured.command
    return [
        f"[{title}](benchmarks/{name}.md)",
        f"≤ {limit[1]} KiB",
        f"**{_shown(figure('one class after another'))}**",
        _rounded(figure("nearest class mean, same codes"), 1),
        _rounded(figure("the network by SGD, one class after another"), 1) if with_sgd else "",
        _rounded(figure("what the order costs"), 2),
        _rounded(figure("forgetting, mean over classes"), 1),
    ]


def _front_end(title: str, kib: int) -> list[str]:
    measured = _read("front-end")
    of = {"data": "mnist", "learned state": f"≤ {kib} KiB"}
    right = measured.figure(ACCURACY, of, "one class after another")
    forgotten = measured.figure(ACCURACY, of, "forgotten")
    return [
        f"[{title}](benchmarks/front-end.md)", f"≤ {kib} KiB", f"**{_shown(right)}**", "", "", "",
        _rounded(forgotten, 1),
    ]  # fmt: skip


def clothes() -> str:
    """Return how far the front end for drawings goes with clothes."""
    of = {"data": "fashion-mnist", "learned state": "≤ 256 KiB"}
    right = _read("front-end").figure(ACCURACY, of, "one class after another")
    return f"Fashion-MNIST: {_rounded(right, 1)} with 256 KiB"


def gas_drift() -> str:
    """Return what a board that learns is right about, and one that stops."""
    measured = _read("gas-drift")
    learning, frozen, last = (
        measured.figure("Right before being told", {"batch": "all"}, name)
        for name in (
            "learning after every answer",
            "learning off after batch 1",
            "the last gas again",
        )
    )
    return (
        f"**{_rounded(learning, 1)}** of {learning.n} samples answered rightly before\nthe "
        f"board was told; whoever answers with the gas told last, {_rounded(last, 1)}; with "
        f"learning off after the first batch, {_rounded(frozen, 1)}."
    )


def raw_samples() -> str:
    """Return how well raw samples are learned, beside a discriminant analysis of all at once."""
    measured = _read("signals")
    motion, speech = (table.title for table in measured.tables)
    of = {"features": "72: statistics and 4 bands", "neurons a class": "3"}
    ours, rival, memory = (
        measured.figure(motion, of, name)
        for name in ("left out", "LDA, all at once", "RAM, windows included")
    )
    many = {"neurons a class": "30"}
    official, unseen, room = (
        measured.figure(speech, many, name)
        for name in ("official split", "unseen speaker", "RAM, windows included")
    )
    return (
        f"five activities of people left out {_shown(ours)} in {memory.value / 1024:.1f} KiB of "
        f"RAM, windows included (LDA taught all samples at once: {_shown(rival)}); spoken digits "
        f"{_shown(official)}, of unseen speakers {_shown(unseen)}, in {room.value / 1024:.0f} KiB"
    )


def searched() -> str:
    """Return what a search found for people that it did not see, beside what was made by hand."""
    measured = _read("search")
    of, title = {"windows": "any length"}, measured.tables[0].title
    ours, hand, memory, time = (
        measured.figure(title, of, name)
        for name in (
            "people held out",
            "by hand within the limits, 30 statistics",
            "RAM, windows included",
            "an answer",
        )
    )
    return (
        f"{_shown(ours)} of new people's windows in {_shown(memory)} and {_shown(time)}, made by "
        f"hand for the same limits {_shown(hand)}"
    )


def cost() -> str:
    """Return what the core costs."""
    measured = _read("cost")

    def of(table: str, what: str, name: str) -> Figure:
        key = "samples" if table == "Instructions" else "what"
        return measured.figure(table, {key: what}, name)

    core = of("Code", "text of the core without frozen stages", "size").value
    whole = of("Code", "text of the core with convolution, dense and pooling stages", "size").value
    workspace = of("Memory", "its workspace", "size").value
    raw = of("Instructions", "raw 28×28 pixels", "learn / infer")
    codes = of("Instructions", "prepared codes", "learn / infer")
    seconds = measured.figure("Learning MNIST class after class", {}, "time")
    m4 = _read("instruction-model")
    infer, learn = (
        m4.figure("cortex-m4", {"network": "mnist, 64 KiB"}, name).value
        for name in ("infer", "learn")
    )
    rows = {
        "core, Cortex-M4 `-Os`": f"{core / 1000:.1f} KB of flash; frozen stages "
        f"{(whole - core) / 1000:.1f} KB more, linked only where asked for",
        "a 196-300-10 network, all RAM it takes": f"{workspace / 1024:.1f} KiB",
        "learning one sample, relative to inferring it": f"{_shown(raw)} × the instructions from "
        f"raw pixels, {_shown(codes)} × from codes",
        "[inferring, learning an MNIST sample](benchmarks/instruction-model.md) with 64 KiB, "
        "Cortex-M4": f"{_grouped(infer)}, {_grouped(learn)} instructions",
        "60 000 learning steps with tests in between, one thread of a host": _shown(seconds),
        "[in onnxruntime](benchmarks/onnx.md), a call a sample: 10 000 of MNIST inferred, 2000 "
        "learned": _runtime(),
    }
    return _table(["", ""], [list(row) for row in rows.items()])


def _runtime() -> str:
    """Return how much longer onnxruntime takes, call by call: it answers and learns the same."""
    ratios: dict[tuple[str, bool], list[float]] = {}
    for figure in _figures(_read("onnx")):
        if figure.name == "ratio":
            stages = "×" in figure.of["topology"]
            ratios.setdefault((figure.of["what"], stages), []).append(float(figure.value))

    def spread(what: str, *, stages: bool) -> str:
        low, high = min(ratios[what, stages]), max(ratios[what, stages])
        decimals = 1 if low < 1 else 0
        return f"{low:.{decimals}f}–{high:.{decimals}f} ×"

    return (
        f"equal in every spike and bit; {spread('inference', stages=False)} and "
        f"{spread('learning', stages=False)} the core's time, with convolutions in front "
        f"{spread('inference', stages=True)} and {spread('learning', stages=True)}"
    )


def installation() -> str:
    """Return what a base installation takes, and what of it is numpy."""
    measured = _read("installation")
    table = measured.tables[0].title
    sums = {
        figure.of["package"].split()[0]: figure
        for figure in _figures(measured)
        if figure.name == "together"
    }
    files = measured.figure(table, {"package": "together"}, "files")
    return (
        f"Without extras, with all that it needs, {_shown(sums['together'])} on "
        f"{measured.settings['machine']}, of which numpy takes {_shown(sums['numpy'])}; "
        f"{_shown(files)} where pip does not compile."
    )


def model_error() -> str:
    """Return how far the cost model is off at the most."""
    errors = (
        abs(figure.value)
        for figure in _figures(_read("instruction-model"))
        if figure.name.endswith(", off")
    )
    return f"at most {max(errors):.1f} % off"


# Tasks of benchmarks/continual.py in the order of README, and the rivals beside ours.
TASKS = (
    "mnist", "mnist-calibrated", "mnist-calibrated-256", "fashion-mnist",
    "fashion-mnist-calibrated", "fashion-mnist-calibrated-256", "cifar10", "cifar10-calibrated",
    "alphabet", "greek", "symbols", "omniglot", "spoken",
    "spoken-ahead", "speaker", "speaker-ahead", "nettalk", "har", "har-adapting", "gas", "digits",
    "moving-mnist",
)  # fmt: skip
RIVALS = ("1-NN of as many bytes", "streaming LDA", "naive Bayes", "class means", "replay + MLP")
CLASS_AFTER_CLASS = "Accuracy: class after class"


def continual() -> str:
    """Return what is reached class after class beside the rivals on the same codes, a row a task.

    Ours stands in bold where it is ahead of every rival by more than two standard errors, and none
    of those shown was left out.
    """
    rows = []
    for name in TASKS:
        measured = _read(f"continual-{name}")
        table = next(one for one in measured.tables if one.title == CLASS_AFTER_CLASS)
        figures = {(figure.of["learner"], figure.name): figure for figure in table.figures}
        what = "a lesson ahead" if ("edge-naca", "a lesson ahead") in figures else "right"
        ahead = [f for (_, key), f in figures.items() if key == "ours ahead" and f.sem is not None]
        closest = min(ahead, key=lambda figure: figure.value)
        ours = _shown(figures["edge-naca", what])
        rivals = [figures.get((rival, what)) for rival in RIVALS]
        is_ahead = all(figure.value > CERTAIN * (figure.sem or 0) for figure in ahead)
        title = measured.title.removeprefix("Continual learning: ")
        rows.append([
            f"[{title}](benchmarks/continual-{name}.md)",
            _shown(figures["edge-naca", "KiB"]),
            f"**{ours}**" if is_ahead and None not in rivals else ours,
            *("" if figure is None else _rounded(figure, 1) for figure in rivals),
            f"{_shown(closest)} of {closest.of['learner']}",
        ])  # fmt: skip
    return _table(["task", "learned state", "edge-naca", *RIVALS, "ahead of the strongest"], rows)


# What goes wrong in the field: what it is called, the table of it, and what is asked.
TROUBLES = (
    ("20 % wrong labels", "Accuracy: class after class, 20 % wrong labels", "right"),
    ("half of the classes at 1 : 100, balanced", "Accuracy: class after class, half at 1 : 100",
     "right"),
    ("the rare ones of these", "Accuracy: class after class, half at 1 : 100",
     "right: rare classes"),
    ("inverted images after upright ones, both", "Accuracy: inverted images after upright ones",
     "right"),
    ("half of the classes unknown: area under the curve",
     "Accuracy: half of the classes unknown", "AUROC"),
)  # fmt: skip


def troubles() -> str:
    """Return how MNIST is learned where something is wrong with the data, beside rivals."""
    rivals = RIVALS[:4]
    rows = []
    for title, name, what in TROUBLES:
        figures, with_v = (
            {
                (figure.of["learner"], figure.name): figure
                for table in _read(measured).tables
                if table.title == name
                for figure in table.figures
            }
            for measured in ("continual-mnist", "continual-mnist-calibrated")
        )
        others = [figures.get((rival, what)) for rival in rivals]
        decimals = 3 if what == "AUROC" else 1
        rows.append([
            title,
            _shown(with_v["edge-naca", what]),
            _shown(figures["edge-naca", what]),
            *("" if figure is None else _rounded(figure, decimals) for figure in others),
        ])  # fmt: skip
    return _table(
        ["MNIST, 64 KiB, class after class", "edge-naca, V found on characters", "edge-naca",
         *rivals],
        rows,
    )  # fmt: skip


def asking() -> str:
    """Return what it is worth to ask, where classes come mixed."""
    measured = _read("asking")
    gain = measured.figure("MNIST", {"order": "shuffled"}, "difference, paired")
    return f"MNIST: {_shown(gain)}"


def paper_networks() -> str:
    """Return what the paper's networks answer, by how they are fed."""
    measured = _read("paper-networks")
    names = (
        "batches of one class",
        "one at a time",
        "mixed batches",
        "shuffled pixels, right mask",
    )
    rows = []
    for network in ("SNN", "ANN"):
        for learning in ("as published", "hidden weights frozen", "online, batches of 1"):
            of = {"network": network, "learning": learning}
            figures = [measured.figure("Class after class", of, name) for name in names]
            rows.append([network, learning, *map(_shown, figures)])
    return _table(["network", "learning", *names], rows)


def paper_shuffled() -> str:
    """Return what the hidden rule adds where samples are shuffled."""
    measured = _read("paper-networks")
    table = next(one for one in measured.tables if one.title.startswith("Shuffled samples"))
    rows = []
    for name in dict.fromkeys(figure.of["network"] for figure in table.figures):
        of = {"network": name}
        after = [measured.figure(table.title, of, epochs) for epochs in ("1 epoch", "5 epochs")]
        rows.append([name, *map(_shown, after)])
    return _table(["784-256-10, Adam", "1 epoch", "5 epochs"], rows)


# By the name that stands in the marker.
SUMMARIES: dict[str, Callable[[], str]] = {
    "accuracy": accuracy,
    "clothes": clothes,
    "continual": continual,
    "troubles": troubles,
    "asking": asking,
    "cost": cost,
    "gas drift": gas_drift,
    "installation": installation,
    "model error": model_error,
    "paper networks": paper_networks,
    "paper shuffled": paper_shuffled,
    "raw samples": raw_samples,
    "searched": searched,
}


# ---- what they share -----------------------------------------------------------------------------


def _read(name: str) -> Measurement:
    return results.read(results.path_of(name))


def _figures(measured: Measurement) -> Iterable[Figure]:
    return (figure for table in measured.tables for figure in table.figures)


def _shown(figure: Figure) -> str:
    return shown(figure).replace("-", "−")


def _rounded(figure: Figure, decimals: int) -> str:
    """Return a figure with so many decimals, and without its error."""
    return _shown(replace(figure, decimals=decimals, sem=None))


def _grouped(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
