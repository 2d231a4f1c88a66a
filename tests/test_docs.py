"""The documents say what the code does: their tables and examples are read and compared."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from support import CORE, ROOT

from edge_naca import image, image_stages
from edge_naca._core import ffi, lib
from edge_naca.core import Core
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.specification import arithmetic, encoding, preparation
from edge_naca.specification.network import Specification
from edge_naca.stages import CodedConvolution, SpikingConvolution

DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text() for name in ("arithmetic", "image")}
SAMPLES = ([5, 2], 0), ([6, 1], 0), ([1, 6], 1)  # section 11 of arithmetic.md
LETTERS = {"u8": "B", "u16": "H", "u32": "I", "i8": "b", "i16": "h", "i32": "i"}
LETTERS |= {"char[4]": "4s", "u8[11]": "11x", "u16[2]": "2H", "u8[2]": "2B"}
INTEGERS = {"u8": (0, 2**8 - 1), "i16": (-(2**15), 2**15 - 1), "u16": (0, 2**16 - 1)}
INTEGERS |= {"i8": (-128, 127), "i32": (-(2**31), 2**31 - 1), "u32": (0, 2**32 - 1)}


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


def _codes(bits: int, shape: tuple[int, int, int], raw: list[int], **how: Any) -> list[int]:
    return preparation.codes(Preparation(shape, **how), np.array(raw), bits).tolist()


def _spikes(kind: str, bits: int, steps: int, code: int, key: int = 0) -> list[int]:
    encoder = Encoder(kind, bits, steps)
    return encoding.spikes(encoder, np.array([code], np.uint8), key)[:, 0].astype(int).tolist()


NAMES: dict[str, Any] = {
    "hash32": lambda x: int(arithmetic.hash32(np.array([x], np.uint32))[0]),
    "draw": lambda key, counter: int(arithmetic.draws(key, np.array([counter]))[0]),
    "presentation_key": arithmetic.presentation_key,
    "scale": arithmetic.scale,
    "round_shift": arithmetic.round_shift,
    "signed_log": lambda x: int(arithmetic.signed_log(np.array(x))),
    "square_root": arithmetic.square_root,
    "features": _features,
    "codes": _codes,
    "spikes": _spikes,
}


@pytest.mark.parametrize(("example", "value"), tables("arithmetic", "Example", "Value"))
def test_examples(example: str, value: str) -> None:
    assert eval(example.strip("`"), NAMES) == eval(value.strip("`"))


@pytest.mark.parametrize("row", tables("arithmetic", "Smallest", "Largest"), ids=lambda r: r[0])
def test_bounds_fit_their_types(row: list[str]) -> None:
    low, high = INTEGERS[row[3]]
    for cell in row[1:3]:
        formula, value = re.fullmatch(r"`(.+)` = (-?\d+)", cell).groups()  # type: ignore[union-attr]
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

RECORDS = {
    "Header": image.HEADER,
    "Section entry": image.ENTRY,
    "Network field": image.NETWORK,
    "Population field": image.POPULATION,
    "Preparation field": image.PREPARATION,
    "Stage field": image_stages.RECORD,
    "Coded map": struct.Struct("<iI"),
    "Spiking neuron": struct.Struct("<iiiHH"),
}
C_RECORDS = {
    "Network field": "network",
    "Population field": "population",
    "Preparation field": "preparation",
    "Stage field": "stage_record",
    "Coded map": "coded_map",
    "Spiking neuron": "spiking_neuron",
}


def c_fields(name: str) -> list[tuple[str, str]]:
    """Return type and name of each field of a struct in internal.h, written as in image.md."""
    text = "".join((CORE / "src" / file).read_text() for file in ("internal.h", "stages.h"))
    body = re.search(rf"typedef struct {name} {{(.*?)}} {name}_t;", text, re.DOTALL)
    assert body is not None
    fields = re.findall(r"^\s*(u?)int(\d+)_t (\w+)(\[\d+\])?;", body[1], re.MULTILINE)
    return [
        (f"{'u' if unsigned else 'i'}{bits}{count}", field)
        for unsigned, bits, field, count in fields
    ]


@pytest.mark.parametrize("head", RECORDS)
def test_records(head: str) -> None:
    rows = tables("image", "Offset", head)
    assert "<" + "".join(LETTERS[row[1]] for row in rows) == RECORDS[head].format
    offsets = [
        struct.calcsize("<" + "".join(LETTERS[r[1]] for r in rows[:n])) for n in range(len(rows))
    ]
    assert [int(row[0]) for row in rows] == offsets
    if head in C_RECORDS:
        assert [(row[1], row[2]) for row in rows] == c_fields(C_RECORDS[head])


def full_image() -> tuple[bytes, dict[str, int]]:
    """Return an image with every kind of section, and where the records lie in it."""
    rule = Rule("winner", "table", "attract", np.zeros((2, 2), int))
    hidden = Population(2, curve=Curve(np.zeros(256, int), np.zeros(256, int)), rule=rule)
    coded = CodedConvolution(
        shape=(1, 4, 1), weights=np.ones((2, 1, 1, 2), int), code_bits=4, bits=4
    )
    spiking = SpikingConvolution(
        shape=coded.output_shape,
        weights=np.ones((3, 2, 1, 1), int),
        reset="subtract",
        synapse_decay=[0],
    )
    stages = coded, spiking
    populations = hidden, Population(2)
    network = Network(4, Encoder(), populations, Preparation((1, 4, 1)), seed=1, stages=stages)
    data = image.encode(network)
    places = {}
    for index in range(image.HEADER.unpack_from(data)[2]):
        tag, _, offset, _ = image.ENTRY.unpack_from(data, image.HEADER.size + 16 * index)
        places[tag.decode()] = offset
    return data, {
        "Network field": places["NETW"],
        "Population field": places["NETW"] + image.NETWORK.size,
        "Preparation field": places["PREP"],
        "Stage field": places["STGA"],
        "Coded map": places["STGA"] + image_stages.RECORD.size,
        "Spiking neuron": places["STGB"] + image_stages.RECORD.size,
    }


def opened(data: bytes) -> str:
    """Return the name of the status with which the C core opens an image."""
    memory = ffi.new("uint64_t[]", len(data) // 8 + 1)
    ffi.memmove(memory, data, len(data))
    image_ = ffi.new("naca_image_t *")
    status = lib.naca_image_open_with(lib.naca_all_stages(), image_, memory, len(data))
    return str(ffi.string(lib.naca_status_name(status)).decode())


def outside() -> list[tuple[str, int, str, str, int]]:
    """Return head, offset, type, name and value of each field just outside its range."""
    cases: list[tuple[str, int, str, str, int]] = []
    for head in C_RECORDS:
        for offset, kind, name, limits, *_ in tables("image", "Offset", head):
            ends = re.fullmatch(r"(−?\d+) \.\. (−?\d+)", limits)
            if ends is None:
                continue
            low, high = (int(end.replace("−", "-")) for end in ends.groups())
            kind = kind.removesuffix("[2]")
            cases += [
                (head, int(offset), kind, name, value)
                for value in (low - 1, high + 1)
                if INTEGERS[kind][0] <= value <= INTEGERS[kind][1]
            ]
    return cases


@pytest.mark.parametrize("case", outside(), ids=lambda case: f"{case[3]}={case[4]}")
def test_fields_out_of_range_are_refused(case: tuple[str, int, str, str, int]) -> None:
    head, offset, kind, _, value = case
    data, places = full_image()
    assert opened(data) == "NACA_OK"
    changed = bytearray(data)
    struct.pack_into("<" + LETTERS[kind], changed, places[head] + offset, value)
    struct.pack_into("<I", changed, 12, zlib.crc32(changed[16:], zlib.crc32(changed[:12])))
    assert opened(bytes(changed)) == "NACA_ERR_NETWORK"


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
    form = struct.Struct("<" + "".join(LETTERS[row[1]] for row in rows if row[1]))
    state = core.state()
    assert form.unpack_from(saved) == (b"NST1", core.network_id, len(state), core.state_hash())
    assert saved[form.size :] == state
