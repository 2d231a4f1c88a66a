"""The tables of records are those of docs/image.md and of the C core, field by field."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from replaying import sealed
from support import CORE
from test_docs import tables
from test_image import sections_of

from edge_naca import image, image_records, limits, stages, states
from edge_naca._core import ffi, lib
from edge_naca.image_records import ENTRY, HEADER, NETWORK, STAGE
from edge_naca.inhibition import Inhibition
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.records import Field, Record, arguments, check, values_of
from edge_naca.stages import CodedConvolution, SpikingConvolution

# By the head of its table in docs/image.md: the record, and the struct in C.
RECORDS = {
    "Header": (HEADER, "header"),
    "Section entry": (ENTRY, "section"),
    "Network field": (NETWORK, "network"),
    "Population field": (image_records.POPULATION, "population"),
    "Preparation field": (image_records.PREPARATION, "preparation"),
    "Inhibition field": (image_records.INHIBITION, "inhibition"),
    "Learned inhibition": (image_records.DECORRELATION, "decorrelation"),
    "Stage field": (STAGE, "stage_record"),
    "Coded map": (image_records.CODED_MAP, "coded_map"),
    "Spiking neuron": (image_records.SPIKING_NEURON, "spiking_neuron"),
}
NUMBER = r"[-−]?\d+"


def numbers_in(text: str) -> list[int]:
    return [int(number.replace("−", "-")) for number in re.findall(NUMBER, text)]


def sources() -> str:
    """Return the text of the core without comments and line breaks."""
    files = [*(CORE / "include").rglob("*.h"), *(CORE / "src").glob("*.[ch]")]
    text = "\n".join(file.read_text() for file in files)
    return " ".join(re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL).split())


SOURCES = sources()


def constants() -> dict[str, int]:
    """Return the constants of all enums of the core."""
    names: dict[str, int] = {}
    for body in re.findall(r"\benum(?: \w+)? \{([^}]*)\}", SOURCES):
        for name, value in re.findall(r"(\w+) = (-?\w+)", body):
            names[name] = int(value, 0) if not value.isidentifier() else names[value]
    return names


CONSTANTS = constants()


# ---- the document ----------------------------------------------------------------------------


@pytest.mark.parametrize("head", RECORDS)
def test_fields_are_those_of_the_document(head: str) -> None:
    record, _ = RECORDS[head]
    rows = tables("image", "Offset", head)
    assert [(int(row[0]), row[1], row[2]) for row in rows] == [
        (record.offset(name), field.type, name) for name, field in record.fields.items()
    ]
    for row in rows:
        field = record[row[2]]
        stated = numbers_in(row[3])
        assert (stated[0], stated[-1]) == field.range if stated else field.low is field.high is None


@pytest.mark.parametrize("head", RECORDS)
def test_options_and_flags_are_those_of_the_document(head: str) -> None:
    """An option's number stands before a word of the document that begins as its name does."""
    for _, _, name, _, meaning in tables("image", "Offset", head):
        field = RECORDS[head][0][name]
        numbered = dict(enumerate(field.options, field.first))
        numbered |= {1 << bit: flag for bit, flag in enumerate(field.flags)}
        assert len(re.findall(r"(?<![\w.])\d+ [a-z]", meaning)) >= len(numbered)
        for number, option in numbered.items():
            words = DOCUMENT_WORDS.get(option, option.replace("_", " "))
            assert re.search(rf"(?<!\w){number} {words}", meaning), (name, option)


DOCUMENT_WORDS = {
    "subtract": "reset by subtraction",
    "norm_threshold": "threshold follows the squared norm",
    "per_feature": "offset and gain for each feature",
}


@pytest.mark.parametrize("kind", image_records.STAGE_FIELDS)
def test_limits_of_one_kind_of_stage_are_those_of_the_document(kind: str) -> None:
    rows = {row[2]: row[4] for row in tables("image", "Offset", "Stage field")}
    for field in image_records.STAGE_FIELDS[kind]:
        assert field.type == STAGE[field.name].type
        if field.high is not None:
            assert f"{field.low} .. {field.high}" in rows[field.name]


# ---- the C core ------------------------------------------------------------------------------


@pytest.mark.parametrize("head", RECORDS)
def test_fields_are_those_of_the_struct(head: str) -> None:
    record, struct = RECORDS[head]
    body = re.search(rf"typedef struct {struct} {{([^}}]*)}} {struct}_t;", SOURCES)
    assert body is not None
    assert [
        (name, f"{'u' if unsigned else 'i'}{bits}{count}")
        for unsigned, bits, name, count in re.findall(r"(u?)int(\d+)_t (\w+)(\[\d+\])?;", body[1])
    ] == [(name, field.type.replace("char[4]", "u32")) for name, field in record.fields.items()]


# Fields whose limits depend on others: C checks them where it knows those.
DEPENDENT = {
    "network": set(),
    "population": {"weight_bits", "weight_min", "weight_max", "fire_from", "winners", "rates"},
    "preparation": {"features"},
    "inhibition": set(),
}


@pytest.mark.parametrize(
    "head", ["Network field", "Population field", "Preparation field", "Inhibition field"]
)
def test_limits_are_those_of_the_table_in_c(head: str) -> None:
    record, struct = RECORDS[head]
    checked = re.findall(
        rf"{{ ?offsetof\({struct}_t, (\w+)\)(?: \+ \d+)?, (\w+) \| (\w+), ([^{{}}]+?),? ?}}",
        SOURCES,
    )
    for name, form, start, limit in checked:
        high = eval(re.sub(r"(\d)u\b", r"\1", limit), {**CONSTANTS, "UINT16_MAX": 65535})
        high <<= CONSTANTS["STEP"] if form == "I32" else 0
        if name == "reserved":
            assert high == 0
            continue
        low = {"FROM_0": 0, "FROM_1": 1, "SYMMETRIC": -high}[start]
        low = CONSTANTS.get(f"LEAST_{name.upper()}", low)
        assert (record[name].type.upper(), record[name].range) == (form, (low, high)), name
    narrow = {
        name
        for name, field in record.fields.items()
        if name != "reserved" and field.range != Field("", field.type).range
    }
    assert narrow - {name for name, *_ in checked} == DEPENDENT[struct]


def test_options_and_flags_are_those_of_the_enums() -> None:
    prefixes = {"encoder": "ENCODER_", "spatial": "SPATIAL_", "kind": "", "post": "POST_"}
    prefixes |= {"signal": "SIGNAL_", "pre": "PRE_"}
    for record, _ in RECORDS.values():
        for name, field in record.fields.items():
            for number, option in enumerate(field.options, field.first):
                assert CONSTANTS[prefixes[name] + option.upper()] == number
    flags = {
        "POPULATION_": image_records.POPULATION["flags"],
        "PREP_": image_records.PREPARATION["flags"],
        "INHIBITION_": image_records.INHIBITION["flags"],
        "CODED_": image_records.STAGE_RECORDS["coded_pool"]["flags"],
        "SPIKING_": image_records.STAGE_RECORDS["spiking_convolution"]["flags"],
    }
    for prefix, field in flags.items():
        for bit, flag in enumerate(field.flags):
            assert CONSTANTS[prefix + flag.upper()] == 1 << bit


def test_the_first_word_of_a_saved_state_is_written_once_in_c() -> None:
    assert lib.NACA_STATE_MAGIC.to_bytes(4, "little") == states.MAGIC
    assert image_records.SAVED_STATE.size == lib.NACA_STATE_HEADER
    spelt = re.compile(r"'N', *'S', *'T'|\"NST|0x3154534E", re.IGNORECASE)
    code = {
        path.name: len(spelt.findall(re.sub(r"//.*", "", path.read_text())))
        for path in CORE.parent.rglob("*.[ch]")
    }
    assert {name: count for name, count in code.items() if count} == {"naca.h": 1}


def test_limits_are_those_of_naca_h() -> None:
    for name in (name for name in vars(limits) if name.startswith("MAX_")):
        assert getattr(lib, f"NACA_{name}") == getattr(limits, name)
    assert lib.NACA_MAX_STAGES == stages.MAX_STAGES
    assert lib.NACA_MAX_STAGE_UNITS == stages.MAX_STAGE_UNITS
    assert lib.NACA_IMAGE_VERSION == image.VERSION
    assert CONSTANTS["BLOCK"] == image.BLOCK
    assert CONSTANTS["MAX_SECTIONS"] == image.MAX_SECTIONS
    assert CONSTANTS["MAX_FAN_IN"] == stages.MAX_FAN_IN


def places_in(data: bytes) -> dict[str, int]:
    """Return where each section of an image lies."""
    places = {}
    for index in range(len(sections_of(data))):
        entry = ENTRY.unpack(data, HEADER.size + ENTRY.size * index)
        places[entry["tag"].decode()] = entry["offset"]
    return places


def inhibited_image() -> tuple[bytes, dict[str, int]]:
    """Return an image with a given inhibition, and where its record lies."""
    inhibition = Inhibition(2, 5, np.array([9, -4, 9]), np.array([1, 0]), shift=3)
    encoder = Encoder("bitplane", 3, 3, is_signed=True)
    data = image.encode(Network(2, encoder, (Population(2),), inhibition=inhibition))
    return data, {"Inhibition field": places_in(data)["INHB"]}


def full_image() -> tuple[bytes, dict[str, int]]:
    """Return an image with every other kind of section, and where the records lie in it."""
    rule = Rule("winner", "table", "attract", np.zeros((2, 2), int))
    hidden = Population(2, curve=Curve(np.zeros(256, int), np.zeros(256, int)), rule=rule)
    coded = CodedConvolution(
        shape=(1, 4, 1), weights=np.ones((2, 1, 1, 2), int), code_bits=4, bits=4
    )
    spiking = SpikingConvolution(
        shape=coded.output_shape,
        weights=np.ones((3, 2, 1, 1), int),
        reset="subtract",
        synapse_decay=np.zeros(1, int),
    )
    stages = coded, spiking
    populations = hidden, Population(2)
    network = Network(4, Encoder(), populations, Preparation((1, 4, 1)), seed=1, stages=stages)
    data = image.encode(network)
    places = places_in(data)
    return data, {
        "Network field": places["NETW"],
        "Population field": places["NETW"] + NETWORK.size,
        "Preparation field": places["PREP"],
        "Stage field": places["STGA"],
        "Coded map": places["STGA"] + STAGE.size,
        "Spiking neuron": places["STGB"] + STAGE.size,
    }


def opened(data: bytes) -> str:
    """Return the name of the status with which the C core opens an image."""
    memory = ffi.new("uint64_t[]", len(data) // 8 + 1)
    ffi.memmove(memory, data, len(data))
    image_ = ffi.new("naca_image_t *")
    status = lib.naca_image_open_with(lib.naca_all_stages(), image_, memory, len(data))
    return str(ffi.string(lib.naca_status_name(status)).decode())


def changed(head: str, name: str, value: int) -> bytes:
    """Return an image with one number changed, under a good checksum."""
    data, places = inhibited_image() if head == "Inhibition field" else full_image()
    assert opened(data) == "NACA_OK"
    field = RECORDS[head][0][name]
    number = np.array(value, field.dtype.base).tobytes()
    at = places[head] + RECORDS[head][0].offset(name)
    return sealed(data[:at] + number + data[at + len(number) :])


def around_ends(beyond: int) -> list[tuple[str, str, int]]:
    """Return head, name and a number so far outside the field's range, for both ends of it."""
    cases = []
    for head in list(RECORDS)[2:]:
        for name, field in RECORDS[head][0].fields.items():
            low, high = field.range
            least, most = Field("", field.type).range
            if name != "reserved":
                ends = (low - beyond, high + beyond)
                cases += [(head, name, end) for end in ends if least <= end <= most]
    return cases


@pytest.mark.parametrize("case", around_ends(1), ids=lambda case: f"{case[1]}={case[2]}")
def test_fields_out_of_range_are_refused(case: tuple[str, str, int]) -> None:
    data = changed(*case)
    assert opened(data) == "NACA_ERR_NETWORK"
    with pytest.raises(image.ImageError):
        image.decode(data)


@pytest.mark.parametrize(
    "case",
    [case for case in around_ends(0) if case[0] in ("Coded map", "Spiking neuron")],
    ids=lambda case: f"{case[1]}={case[2]}",
)
def test_ends_of_ranges_are_taken(case: tuple[str, str, int]) -> None:
    """Limits of these records stand in no table in C: what it takes says what they are."""
    data = changed(*case)
    assert opened(data) == "NACA_OK"
    image.decode(data)


# ---- records themselves ----------------------------------------------------------------------

EXAMPLE = Record(
    Field("tag", "char[4]"),
    Field("level", "i16", -5, 5, attribute="height"),
    Field("kind", "u8", options=("round", "square"), first=1, is_nullable=True),
    Field("marks", "u8", flags=("red", "old")),
    Field("sides", "u16[2]"),
    Field("names", "u8", 0, 2, is_count=True),
)


def test_what_was_packed_is_unpacked() -> None:
    values = {"tag": b"AB\0\0", "level": -5, "kind": "square", "marks": {"old"}}
    values |= {"sides": (3, 65535), "names": 2}
    data = EXAMPLE.pack(values)
    assert data == b"AB\0\0\xfb\xff\x02\x02\x03\0\xff\xff\x02"
    assert EXAMPLE.unpack(b"??" + data, 2) == values
    assert EXAMPLE.unpack(EXAMPLE.pack({"kind": None}))["kind"] is None
    assert (EXAMPLE.size, EXAMPLE.offset("sides")) == (13, 8)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        EXAMPLE.pack({"colour": 1})
    with pytest.raises(OverflowError, match="level cannot be 40000"):
        EXAMPLE.pack({"level": 40000})
    with pytest.raises(ValueError, match=r"kind must be in 0 .. 2, not 3"):
        EXAMPLE.unpack(bytes(6) + b"\3" + bytes(6))
    with pytest.raises(ValueError, match="a record has 13 bytes, but 12 are there"):
        EXAMPLE.unpack(bytes(12))


def test_descriptions_are_checked_by_name() -> None:
    def thing(**changes: Any) -> SimpleNamespace:
        values = {"tag": b"ABCD", "height": 5, "kind": "round", "sides": (1, 2), "names": ("a",)}
        return SimpleNamespace(**values | changes)

    fields = [field for field in EXAMPLE.fields.values() if field.name not in ("tag", "sides")]
    assert values_of(fields, thing()) == {"level": 5, "kind": "round", "names": 1}
    assert arguments(fields, {"level": 5, "kind": "round"}) == {"height": 5, "kind": "round"}
    check(fields, thing())
    with pytest.raises(ValueError, match=r"^height must be in -5 .. 5, not 6"):
        check(fields, thing(height=6))
    with pytest.raises(ValueError, match=r"^height must be in 0 .. 4, not 5"):
        check(fields, thing(), level=(0, 4))
    with pytest.raises(TypeError, match=r"^height must be a whole number"):
        check(fields, thing(height=None))
    with pytest.raises(ValueError, match=r"^kind must be one of round, square, not 'flat'"):
        check(fields, thing(kind="flat"))
    with pytest.raises(ValueError, match=r"^the number of names must be in 0 .. 2, not 3"):
        check(fields, thing(names="abc"))
