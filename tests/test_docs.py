"""The documents say what the code does: their tables and examples are read and compared."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from support import CORE, ROOT

from edge_naca import image
from edge_naca.affine import Affine
from edge_naca.core import Core
from edge_naca.image_records import SAVED_STATE
from edge_naca.inhibition import Inhibition
from edge_naca.network import Encoder, Network, Population, Preparation
from edge_naca.specification import arithmetic, encoding, inhibition, preparation
from edge_naca.specification.network import Specification

DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("arithmetic", "image")}
SAMPLES = ([5, 2], 0), ([6, 1], 0), ([1, 6], 1)  # section 11 of arithmetic.md
INTEGERS = {"u8": (0, 2**8 - 1), "i16": (-(2**15), 2**15 - 1), "u16": (0, 2**16 - 1)}
INTEGERS |= {"i8": (-128, 127), "i32": (-(2**31), 2**31 - 1), "u32": (0, 2**32 - 1)}
INTEGERS |= {"i64": (-(2**63), 2**63 - 1), "u64": (0, 2**64 - 1)}


def tables(document: str, *heads: str) -> list[list[str]]:
    """Return the rows of all tables whose header has these cells, in whatever columns."""
    rows, wanted = [], False
    for line, following in zip(
        DOCS[document].splitlines(), [*DOCS[document].splitlines()[1:], ""], strict=True
    ):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            wanted = False
        elif following.startswith("|---"):
            wanted = set(heads) <= set(cells)
        elif wanted and not line.startswith("|---"):
            rows.append(cells)
    assert rows, f"{document}.md has no table headed {heads}"
    return rows


# ---- arithmetic.md ---------------------------------------------------------------------------


def _features(shape: tuple[int, int, int], raw: list[int], **how: Any) -> list[int]:
    return preparation.features(Preparation(shape, **how), np.array(raw)).tolist()


def _affine(x: float, **how: int) -> int:
    affine = Affine(*(np.array([how[name]]) for name in ("factor", "exponent", "addend")))
    return int(preparation.from_reals(affine, np.array([x], np.float32))[0])


def _codes(bits: int, shape: tuple[int, int, int], raw: list[int], **how: Any) -> list[int]:
    return preparation.codes(Preparation(shape, **how), np.array(raw), bits).tolist()


def _spikes(
    kind: str, bits: int, steps: int, code: int, key: int = 0, is_signed: bool = False
) -> list[int]:
    encoder = Encoder(kind, bits, steps, is_signed)
    return encoding.spikes(encoder, np.array([code]), key)[:, 0].astype(int).tolist()


def _scaled(total: int, shift: int, most: int) -> int:
    return int(inhibition.scaled(np.array([total]), np.array([shift]), most)[0])


def _decorrelated(bits: int, x: list[int], **how: Any) -> list[int]:
    given = Inhibition(len(x), **how)
    return inhibition.RunningInhibition(given, bits, None).codes(np.array(x))[0].tolist()


KEY = 0x3FD9ABDB  # of draws in examples


def _learning(
    neurons: list[list[int]], code_bits: int, bits: int = 3, **how: Any
) -> inhibition.RunningInhibition:
    """Return an inhibition that learned what `how` says, with these prototypes of neurons."""
    inputs = len(neurons[0])
    size = inputs * (inputs + 1) // 2
    learned = image.Decorrelation(
        np.array(how.pop("factor", [0] * size), np.int16),
        np.zeros(size, np.int8),
        np.zeros(inputs, np.uint8),
        np.zeros(inputs, np.int32),
        np.array(neurons, np.int16),
        **{name: how.pop(name) for name in ("count", "factor_shift", "mean") if name in how},
    )
    return inhibition.RunningInhibition(Inhibition(inputs, code_bits, **how), bits, learned)


def _learned(running: inhibition.RunningInhibition) -> image.Decorrelation:
    assert running.learned is not None
    return running.learned


def _factor(x: list[int], own: list[int], **how: Any) -> dict[str, Any]:
    running = _learning([own], **how)
    running.learn_factor(np.array(x), 0, KEY)
    learned = _learned(running)
    scalars = {name: getattr(learned, name) for name in ("count", "mean", "factor_shift")}
    return {**scalars, "factor": learned.factor.tolist()}


def _prototype(x: list[int], own: list[int], gain: int, **how: Any) -> list[int]:
    running = _learning([own], **how)
    running.attract(np.array(x), 0, gain, KEY)
    return _learned(running).prototypes[0].tolist()


def _due(samples: int, **how: Any) -> bool:
    return _learning([[0]], code_bits=1, count=1, **how).is_due(samples)


def _renewed(prototypes: list[list[int]], trace_shift: int, **how: Any) -> dict[str, Any]:
    running = _learning(prototypes, **how)
    weights = running.renew(np.arange(len(prototypes)), trace_shift)
    learned = _learned(running)
    names = {"V": "weights", "s": "row_shifts", "centre": "centre"}
    in_use = {name: getattr(learned, field).tolist() for name, field in names.items()}
    return {"shift": learned.shift, **in_use, "w": weights.tolist()}


NAMES: dict[str, Any] = {
    "hash32": lambda x: int(arithmetic.hash32(np.array([x], np.uint32))[0]),
    "draw": lambda key, counter: int(arithmetic.draws(key, np.array([counter]))[0]),
    "presentation_key": arithmetic.presentation_key,
    "scale": arithmetic.scale,
    "round_shift": arithmetic.round_shift,
    "affine": _affine,
    "signed_log": lambda x: int(arithmetic.signed_log(np.array(x))),
    "square_root": arithmetic.square_root,
    "features": _features,
    "codes": _codes,
    "spikes": _spikes,
    "scaled": _scaled,
    "decorrelated": _decorrelated,
    "factor": _factor,
    "prototype": _prototype,
    "due": _due,
    "renewed": _renewed,
}


@pytest.mark.parametrize(("example", "value"), tables("arithmetic", "Example", "Value"))
def test_examples(example: str, value: str) -> None:
    assert eval(example.strip("`"), NAMES) == eval(value.strip("`"))


@pytest.mark.parametrize("row", tables("arithmetic", "Smallest", "Largest"), ids=lambda r: r[0])
def test_bounds_fit_their_types(row: list[str]) -> None:
    low, high = INTEGERS[row[3]]
    for cell in row[1:3]:
        match = re.fullmatch(r"`(.+)` = (-?\d+)", cell)
        assert match
        formula, value = match.groups()
        assert eval(formula) == int(value)
        assert low <= int(value) <= high


def example_network() -> Network:
    """Return the network that section 11 gives as code."""
    code = re.search(r"```python\n(.*?)```", DOCS["arithmetic"], re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    network = names["network"]
    assert isinstance(network, Network)
    return network


@pytest.mark.parametrize("implementation", [Core, Specification])
def test_presentations_in_full(implementation: type[Core] | type[Specification]) -> None:
    network = example_network()
    machine = implementation(network)
    for number, (codes, label) in enumerate(SAMPLES, 1):
        shown = machine.record(codes, "codes")
        told = tables("arithmetic", f"Sample {number}, step")
        hidden, output = slice(0, 2), slice(2, 4)
        for step, row in enumerate(told):
            cells = [[2**31 - 1 if x == "∞" else int(x) for x in cell.split()] for cell in row]
            assert cells == [
                [step],
                shown.input_spikes[step].astype(int).tolist(),
                shown.potentials[step, hidden].tolist(),
                shown.thresholds[step, hidden].tolist(),
                shown.spikes[step, hidden].astype(int).tolist(),
                shown.potentials[step, output].tolist(),
                shown.spikes[step, output].astype(int).tolist(),
            ]
        result = machine.learn(codes, label, "codes")
        first, second = image.unpack_state(network, machine.state()).populations
        assert first.wins is not None
        values = [eval(row[1].strip("`")) for row in tables("arithmetic", f"Learned {number}")]
        assert values == [
            [result.prediction, result.margin, result.spikes, result.synops, result.changes],
            first.weights.tolist(),
            first.wins.tolist(),
            second.weights.tolist(),
            machine.state_hash(),
        ]


def test_sections_that_sources_name_exist() -> None:
    headings = {
        name: set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))
        for name, text in DOCS.items()
    }
    sources = [*(ROOT / "edge_naca").glob("*.py"), *CORE.rglob("*.[ch]")]
    found = 0
    for source in sources:
        for place in re.finditer(
            r"(?i:(image\.md, |arithmetic\.md, )?\bsections? )(\d[\d.]*)(?: and (\d[\d.]*))?",
            source.read_text(),
        ):
            document = "image" if (place[1] or "").startswith("image") else "arithmetic"
            for number in filter(None, place.groups()[1:]):
                assert number.rstrip(".") in headings[document], f"{source.name}: {place[0]}"
                found += 1
    assert found > 15


# ---- image.md --------------------------------------------------------------------------------


def test_statuses_exist() -> None:
    header = (CORE / "include" / "naca" / "naca.h").read_text()
    for name in re.findall(r"`(NACA_ERR_\w+)`", DOCS["image"]):
        assert f"    {name} = " in header


def test_weight_bytes() -> None:
    for sizes, told in tables("image", "Neurons, rows, weight_bits", "Bytes"):
        neurons, rows, bits = map(int, sizes.split(","))
        assert image.weight_bytes(
            Population(neurons, weight_bits=bits, weight_min=0, weight_max=7), rows
        ) == int(told)


def test_small_image() -> None:
    core = Core(example_network())
    for codes, label in SAMPLES:
        core.learn(codes, label, "codes")
    rows = tables("image", "Address", "Bytes")
    assert [int(row[0], 16) for row in rows] == list(range(0, 16 * len(rows), 16))
    assert bytes.fromhex(" ".join(row[1].strip("`") for row in rows)) == core.image()


def test_saved_state() -> None:
    core = Core(example_network())
    saved = core.save_state()
    rows = tables("image", "Offset", "Saved state")
    assert [(int(at), kind, name) for at, kind, name, *_ in rows if kind] == [
        (SAVED_STATE.offset(name), field.type, name) for name, field in SAVED_STATE.fields.items()
    ]
    state = core.state()
    assert SAVED_STATE.unpack(saved) == {
        "magic": b"NST1",
        "network": core.network_id,
        "size": len(state),
        "hash": core.state_hash(),
    }
    assert saved[SAVED_STATE.size :] == state
