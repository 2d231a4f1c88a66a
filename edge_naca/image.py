"""The image `.naca`: a network, and what it learned, as bytes that run in place (docs/image.md)."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_naca import image_signal, image_stages
from edge_naca.affine import Affine
from edge_naca.image_records import (
    AFFINE_ARRAYS,
    COMPETITION_FIELDS,
    CURVE_FIELDS,
    DECORRELATION,
    ENCODER_FIELDS,
    ENTRY,
    HEADER,
    INHIBITION,
    INHIBITION_FIELDS,
    NETWORK,
    NEURON_FIELDS,
    POPULATION,
    PREPARATION,
    RULE_FIELDS,
)
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Curve, Encoder, Network, Population, Preparation, Rule
from edge_naca.printable import printable
from edge_naca.records import arguments, values_of

MAGIC = b"NACA"
VERSION = HEADER["version"].range[1]
BLOCK = 16
MEANS_BYTES = 8  # of a population with priors
MAX_SECTIONS = 64
CRITICAL = 1
CHECKSUM_AT = HEADER.offset("crc")

# A population that does not learn stores what a rule would default to.
_NO_RULE = {
    **values_of((*RULE_FIELDS, *COMPETITION_FIELDS), Rule("all", "error", "spike")),
    "post": None,
    "signal": "table",
    "rates": 0,
}


class ImageError(ValueError):
    """These bytes are no image that this version can read; the message says why."""


@dataclass(frozen=True)
class Context:
    """A second context of a population (docs/arithmetic.md, section 7.8).

    Parameters
    ----------
    offset : int8 (rows,), in weights, what it takes off samples; all 0 while it is not there.
    residuals : int16 (2, rows), running means of what winners leave unexplained in the first and
        in the second context, in 128ths of weights.
    """

    offset: NDArray[np.int8]
    residuals: NDArray[np.int16]


@dataclass(frozen=True)
class Learned:
    """What one population learned.

    Parameters
    ----------
    weights : int8 (neurons, rows), the bias, if any, in the last row.
    wins : uint16 (neurons,), how often each neuron won; None unless its rule's post is "winner".
    means : uint32 (2,), running means of how far a class's neurons lie behind its winner, and of
        half the squared distance to that (docs/arithmetic.md, section 7.7); None without priors.
    context : None unless the rule has a drift.
    """

    weights: NDArray[np.int8]
    wins: NDArray[np.uint16] | None
    means: NDArray[np.uint32] | None = None
    context: Context | None = None


@dataclass
class Decorrelation:
    """What a learned inhibition learned (docs/arithmetic.md, section 7.5).

    Parameters
    ----------
    factor : int16 (triangle,), V as it is being learned, row after row.
    weights, row_shifts : int8 (triangle,), uint8 (inputs,): V as it is in use.
    centre : int32 (inputs,), what rows make of the mean of prototypes, which is taken off.
    prototypes : int16 (neurons, inputs), what the first population's neurons stand for in codes
        that come in, with `Inhibition.fraction` fractional bits.
    count : residuals that V learned, at most 4095.
    factor_shift : the factor gives 64 for a deviation of residuals, after division by 2**this.
    shift : sums of the V in use are divided by 2**this; 0 while it is not in use.
    mean : running mean square of residuals.
    """

    factor: NDArray[np.int16]
    weights: NDArray[np.int8]
    row_shifts: NDArray[np.uint8]
    centre: NDArray[np.int32]
    prototypes: NDArray[np.int16]
    count: int = 0
    factor_shift: int = 0
    shift: int = 0
    mean: int = 0


@dataclass(frozen=True)
class State:
    """The learned state of a network.

    Parameters
    ----------
    seen : uint32 (capacity,), samples learned of each class.
    populations : what each population learned.
    learned : samples learned in all, modulo 2**32.
    inhibition : what a learned inhibition learned; None where there is none.
    """

    seen: NDArray[np.uint32]
    populations: tuple[Learned, ...]
    learned: int
    inhibition: Decorrelation | None = None


# ---- weights ---------------------------------------------------------------------------------


def pack_weights(population: Population, weights: NDArray[np.int8]) -> bytes:
    """Lay weights (neurons, rows) out block by block: [block of neurons][input][neuron]."""
    rows = weights.shape[1]
    padded = np.zeros((population.padded, rows), np.int16)
    padded[: population.neurons] = weights
    blocks = [
        padded[first : first + BLOCK].T.reshape(-1) for first in range(0, population.padded, BLOCK)
    ]
    flat = np.concatenate(blocks) + population.zero_point
    if population.weight_bits == 4:
        data = (flat[0::2] | flat[1::2] << 4).astype(np.uint8).tobytes()
    else:
        data = flat.astype(np.int8).tobytes()
    return data + bytes(-len(data) % 4)


def unpack_weights(population: Population, rows: int, data: bytes) -> NDArray[np.int8]:
    """Undo `pack_weights`; the neurons that only pad a block are dropped."""
    if population.weight_bits == 4:
        pairs = np.frombuffer(data, np.uint8)
        flat = np.stack([pairs & 15, pairs >> 4], axis=1).reshape(-1).astype(np.int16)
    else:
        flat = np.frombuffer(data, np.int8).astype(np.int16)
    flat = flat[: population.padded * rows] - population.zero_point
    weights = np.empty((population.padded, rows), np.int8)
    for first in range(0, population.padded, BLOCK):
        width = min(BLOCK, population.padded - first)
        block = flat[first * rows : (first + width) * rows]
        weights[first : first + width] = block.reshape(rows, width).T
    return weights[: population.neurons].copy()


def weight_bytes(population: Population, rows: int) -> int:
    """Bytes that a population's weights take."""
    bits = population.padded * rows * population.weight_bits
    return -(-bits // 32) * 4


# ---- learned state ---------------------------------------------------------------------------


def _has_priors(population: Population) -> bool:
    return population.rule is not None and population.rule.has_priors


def _has_drift(population: Population) -> bool:
    return population.rule is not None and population.rule.drift > 0


def _learned_parts(network: Network) -> Iterator[tuple[Population, int, int, int]]:
    """Yield population, rows, bytes of weights, bytes of wins (without padding)."""
    for index, population in enumerate(network.populations):
        rows = network.rows(index)
        has_wins = population.rule is not None and population.rule.post == "winner"
        wins = 2 * population.neurons if has_wins else 0
        yield population, rows, weight_bytes(population, rows), wins


def state_size(network: Network) -> int:
    """Bytes of learned state: what a device has to keep."""
    parts = _learned_parts(network)
    populations = sum(
        weights
        + -(-wins // 4) * 4
        + (MEANS_BYTES if _has_priors(population) else 0)
        + _context_size(population, rows)
        for population, rows, weights, wins in parts
    )
    return 4 + 4 * network.capacity + populations + decorrelation_size(network)


def _context_size(population: Population, rows: int) -> int:
    return 4 * rows + -(-rows // 4) * 4 if _has_drift(population) else 0


def _decorrelation_arrays(network: Network) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return dtype and shape of each array that a learned inhibition keeps, in their order."""
    inhibition = network.inhibition
    if inhibition is None or not inhibition.is_learned:
        return {}
    inputs = inhibition.inputs
    return {
        "factor": ("<i2", (triangle(inputs),)),
        "weights": ("<i1", (triangle(inputs),)),
        "row_shifts": ("<u1", (inputs,)),
        "centre": ("<i4", (inputs,)),
        "prototypes": ("<i2", (network.populations[0].neurons, inputs)),
    }


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def decorrelation_size(network: Network) -> int:
    """Bytes of learned state that a learned inhibition adds; 0 where there is none."""
    arrays = _decorrelation_arrays(network)
    sizes = [np.dtype(dtype).itemsize * int(np.prod(shape)) for dtype, shape in arrays.values()]
    return sum(-(-size // 4) * 4 for size in sizes) + (DECORRELATION.size if arrays else 0)


def _pack_decorrelation(learned: Decorrelation, network: Network) -> bytes:
    data = DECORRELATION.pack(values_of(DECORRELATION.fields.values(), learned))
    for name, (dtype, _) in _decorrelation_arrays(network).items():
        data += _padded(np.asarray(getattr(learned, name)).astype(dtype).tobytes())
    return data


def _unpack_decorrelation(network: Network, data: bytes) -> Decorrelation:
    record = DECORRELATION.unpack(data)
    at = DECORRELATION.size
    arrays: dict[str, Any] = {}
    for name, (dtype, shape) in _decorrelation_arrays(network).items():
        array = np.frombuffer(data, dtype, int(np.prod(shape)), at)
        arrays[name] = array.reshape(shape).astype(array.dtype.newbyteorder("="))
        at += -(-array.nbytes // 4) * 4
    return Decorrelation(**arrays, **record)


def pack_state(network: Network, state: State) -> bytes:
    """Write a learned state as the core holds it."""
    data = struct.pack("<I", state.learned) + state.seen.astype("<u4").tobytes()
    parts = zip(_learned_parts(network), state.populations, strict=True)
    for (population, _, _, wins_size), learned in parts:
        data += pack_weights(population, learned.weights)
        if learned.wins is not None and wins_size:
            data += learned.wins.astype("<u2").tobytes() + bytes(-wins_size % 4)
        if learned.means is not None and _has_priors(population):
            data += learned.means.astype("<u4").tobytes()
        if learned.context is not None and _has_drift(population):
            data += learned.context.residuals.astype("<i2").tobytes()
            data += _padded(learned.context.offset.astype(np.int8).tobytes())
    if state.inhibition is not None:
        data += _pack_decorrelation(state.inhibition, network)
    return data


def unpack_state(network: Network, data: bytes) -> State:
    """Read a learned state as the core holds it.

    Raises
    ------
    ImageError
        If its size is not that of this network's state.
    """
    if len(data) != state_size(network):
        raise ImageError(
            f"a learned state of this network has {state_size(network)} bytes, not {len(data)}"
        )
    learned = int.from_bytes(data[:4], "little")
    seen = np.frombuffer(data, "<u4", network.capacity, 4).astype(np.uint32)
    at = 4 + 4 * network.capacity
    populations = []
    for population, rows, weights_size, wins_size in _learned_parts(network):
        weights = unpack_weights(population, rows, data[at : at + weights_size])
        at += weights_size
        wins = None
        if wins_size:
            wins = np.frombuffer(data, "<u2", population.neurons, at).astype(np.uint16)
        at += -(-wins_size // 4) * 4
        means = None
        if _has_priors(population):
            means = np.frombuffer(data, "<u4", 2, at).astype(np.uint32)
            at += MEANS_BYTES
        context = _unpack_context(data, at, rows) if _has_drift(population) else None
        at += _context_size(population, rows)
        populations.append(Learned(weights, wins, means, context))
    inhibition = _unpack_decorrelation(network, data[at:]) if at < len(data) else None
    return State(seen, tuple(populations), learned, inhibition)


def _unpack_context(data: bytes, at: int, rows: int) -> Context:
    residuals = np.frombuffer(data, "<i2", 2 * rows, at).reshape(2, rows).astype(np.int16)
    return Context(np.frombuffer(data, np.int8, rows, at + 4 * rows).copy(), residuals)


def _new_context(rows: int) -> Context:
    return Context(np.zeros(rows, np.int8), np.zeros((2, rows), np.int16))


def new_state(network: Network) -> State:
    """Return the state of a network that has learned nothing: all weights 0."""
    populations = tuple(
        Learned(
            np.zeros((population.neurons, rows), np.int8),
            np.zeros(population.neurons, np.uint16) if wins else None,
            np.zeros(2, np.uint32) if _has_priors(population) else None,
            _new_context(rows) if _has_drift(population) else None,
        )
        for population, rows, _, wins in _learned_parts(network)
    )
    kept = _decorrelation_arrays(network)
    arrays: dict[str, Any] = {name: np.zeros(shape, dtype) for name, (dtype, shape) in kept.items()}
    inhibition = Decorrelation(**arrays) if arrays else None
    return State(np.zeros(network.capacity, np.uint32), populations, 0, inhibition)


# ---- writing ---------------------------------------------------------------------------------


def _names(**are_set: bool) -> set[str]:
    """Return the names of the flags that are set."""
    return {name for name, is_set in are_set.items() if is_set}


def _population_record(population: Population) -> bytes:
    rule, curve = population.rule, population.curve
    flags = _names(
        bias=population.bias,
        subtract=population.reset == "subtract",
        norm_threshold=population.norm_shift is not None,
        curve=curve is not None,
    )
    return POPULATION.pack(
        {
            **values_of(NEURON_FIELDS, population),
            **(_NO_RULE if rule is None else values_of((*RULE_FIELDS, *COMPETITION_FIELDS), rule)),
            **({} if curve is None else values_of(CURVE_FIELDS, curve)),
            "flags": flags,
        }
    )


def _preparation_section(prep: Preparation) -> bytes:
    flags = _names(
        log=prep.log,
        signed=prep.signed,
        per_feature=prep.offset.size > 1,
        keeps_sign=prep.keeps_sign,
        real=prep.affine is not None,
        per_number=prep.affine is not None and prep.affine.size > 1,
    )
    values = values_of(PREPARATION.fields.values(), prep)
    record = PREPARATION.pack({**values, "flags": flags})
    data = record + prep.offset.astype("<i2").tobytes() + prep.gain.astype("<u2").tobytes()
    if prep.affine is None:
        return data
    maps = (getattr(prep.affine, name).astype(dtype) for name, dtype in AFFINE_ARRAYS.items())
    return data + b"".join(part.tobytes() for part in maps)


def _inhibition_section(inhibition: Inhibition) -> bytes:
    flags = _names(learned=inhibition.is_learned)
    record = INHIBITION.pack({**values_of(INHIBITION_FIELDS, inhibition), "flags": flags})
    if inhibition.weights is None:
        return record
    rows = _padded(inhibition.row_shifts.tobytes()) + inhibition.centre.astype("<i4").tobytes()
    return record + rows + inhibition.weights.tobytes()


def _sections(network: Network, state: bytes | None) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield tag, flags and content of each section."""
    record = NETWORK.pack(
        {
            "inputs": network.inputs,
            "capacity": network.capacity,
            "populations": len(network.populations),
            "seed": network.seed,
            **values_of(ENCODER_FIELDS, network.encoder),
            "steps": network.encoder.steps & 255,
            "steps_high": network.encoder.steps >> 8,
        }
    )
    yield b"NETW", CRITICAL, record + b"".join(map(_population_record, network.populations))
    if network.signal is not None:
        yield image_signal.TAG, CRITICAL, image_signal.section(network.signal)
    if network.preparation is not None:
        yield b"PREP", CRITICAL, _preparation_section(network.preparation)
    if network.inhibition is not None:
        yield b"INHB", CRITICAL, _inhibition_section(network.inhibition)
    for tag, stage in zip(image_stages.TAGS, network.stages, strict=False):
        yield tag.encode(), CRITICAL, image_stages.section(stage)
    for index, population in enumerate(network.populations):
        number = b"%d" % index
        if population.rule is not None:
            if population.rule.table is not None:
                yield b"MOD" + number, CRITICAL, population.rule.table.tobytes()
            yield b"RAT" + number, CRITICAL, population.rule.rates.astype("<i2").tobytes()
            if population.rule.levels.size:
                yield b"LEV" + number, CRITICAL, population.rule.levels.tobytes()
        if population.curve is not None:
            curve = population.curve
            yield (
                b"CUR" + number,
                CRITICAL,
                curve.current.astype("<i2").tobytes() + bytes(curve.slope),
            )
    if state is not None:
        yield b"STAT", CRITICAL, state
    if network.metadata:
        yield b"META", 0, _metadata_text(network.metadata)
    for name, content in network.optional.items():
        yield name.encode("latin-1"), 0, content


def _metadata_text(metadata: dict[str, Any]) -> bytes:
    text = json.dumps(metadata, ensure_ascii=False, sort_keys=True)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        around = text[max(error.start - 20, 0) : error.end + 20]
        raise ImageError(
            f"metadata hold half of a character, which no file can: …{printable(around)}…"
        ) from error


def checksum(data: bytes) -> int:
    """Return the checksum that an image bears: what tells it from others, on a device too."""
    return int.from_bytes(data[CHECKSUM_AT:][:4], "little")


def _checksum_of(data: bytes) -> int:
    """Return the checksum that an image should bear: over everything but itself."""
    after = CHECKSUM_AT + HEADER["crc"].dtype.itemsize
    return zlib.crc32(data[after:], zlib.crc32(data[:CHECKSUM_AT]))


def encode(network: Network, state: bytes | State | None = None) -> bytes:
    """Write an image.

    Parameters
    ----------
    network : what to write.
    state : what it learned, as `State` or as the core's bytes; None for a network as new.

    Raises
    ------
    ImageError
        If the state is not one of this network, or metadata hold text that no file can.
    """
    if isinstance(state, State):
        state = pack_state(network, state)
    elif state is not None and len(state) != state_size(network):
        raise ImageError(
            f"a learned state of this network has {state_size(network)} bytes, not {len(state)}"
        )
    sections = list(_sections(network, state))
    offset = HEADER.size + ENTRY.size * len(sections)
    table, body = b"", b""
    for tag, flags, content in sections:
        place = {"offset": offset + len(body), "size": len(content)}
        table += ENTRY.pack({"tag": tag, "flags": flags, **place})
        body += content + bytes(-len(content) % 4)
    rest = table + body
    head = {
        "magic": MAGIC,
        "version": VERSION,
        "sections": len(sections),
        "size": HEADER.size + len(rest),
    }
    return HEADER.pack({**head, "crc": _checksum_of(HEADER.pack(head) + rest)}) + rest


# ---- reading ---------------------------------------------------------------------------------


def _is_known(name: str) -> bool:
    """Return whether a section decides what is computed."""
    numbered = name[:3] in ("MOD", "RAT", "LEV", "CUR") and name[3:].isdigit()
    return numbered or name in ("NETW", "SGNL", "PREP", "INHB", "STAT") or name in image_stages.TAGS


def _read_header(data: bytes) -> dict[str, Any]:
    """Return the fields of an image's header; refuse what is none of a known version."""
    if len(data) < HEADER.size or data[:4] != MAGIC:
        raise ImageError("this is not an edge-naca image: it does not start with 'NACA'")
    header = HEADER.unpack(data)
    if header["version"] != VERSION:
        raise ImageError(
            f"the image has format version {header['version']}, "
            f"this edge-naca reads version {VERSION}"
        )
    return header


def read_sections(data: bytes) -> dict[str, bytes]:
    """Return the content of each section by tag, unknown optional ones included.

    Raises
    ------
    ImageError
        If the bytes are not an undamaged image of a known version, or hold a critical section
        that this version does not know.
    """
    header = _read_header(data)
    size = header["size"]
    if size != len(data):
        raise ImageError(f"the image says it has {size} bytes, but {len(data)} are there")
    if _checksum_of(data) != header["crc"]:
        raise ImageError("the image is damaged: its checksum does not match")
    sections: dict[str, bytes] = {}
    free_from = table_end(data)
    for at in range(HEADER.size, free_from, ENTRY.size):
        entry = ENTRY.unpack(data, at)
        flags, offset, length = entry["flags"], entry["offset"], entry["size"]
        name = entry["tag"].decode("latin-1")
        if flags & CRITICAL and not _is_known(name):
            raise ImageError(f"the image needs section {name!r}, which this edge-naca cannot read")
        if _is_known(name) and not flags & CRITICAL:
            raise ImageError(f"section {name!r} must be marked as critical")
        if name in sections:
            raise ImageError(f"section {name!r} is doubled")
        if offset < free_from or offset % 4 or offset + length > size:
            raise ImageError(f"section {name!r} is misplaced: it overlaps or lies outside")
        sections[name] = data[offset : offset + length]
        free_from = offset + length
    return sections


def _read_preparation(data: bytes) -> Preparation:
    record = PREPARATION.unpack(data)
    flags = record["flags"]
    shape = record["height"], record["width"], record["channels"]
    count = record["features"] if "per_feature" in flags else 1
    affine = None
    if "real" in flags:
        at, maps = PREPARATION.size + 4 * count, math.prod(shape) if "per_number" in flags else 1
        arrays = {}
        for name, dtype in AFFINE_ARRAYS.items():
            arrays[name] = np.frombuffer(data, dtype, maps, at)
            at += arrays[name].nbytes
        affine = Affine(**arrays)
    return Preparation(
        shape=shape,
        log="log" in flags,
        signed="signed" in flags,
        keeps_sign="keeps_sign" in flags,
        offset=np.frombuffer(data, "<i2", count, PREPARATION.size),
        gain=np.frombuffer(data, "<u2", count, PREPARATION.size + 2 * count),
        affine=affine,
        **arguments(PREPARATION.fields.values(), record),
    )


def _read_inhibition(data: bytes) -> Inhibition:
    record = INHIBITION.unpack(data)
    given: dict[str, Any] = {}
    if "learned" not in record["flags"]:
        inputs, rank = record["inputs"], record["rank"]
        outputs, size = rank or inputs, rank * inputs or triangle(inputs)
        at = INHIBITION.size + -(-outputs // 4) * 4
        given["row_shifts"] = np.frombuffer(data, np.uint8, outputs, INHIBITION.size)
        given["centre"] = np.frombuffer(data, "<i4", outputs, at)
        given["weights"] = np.frombuffer(data, np.int8, size, at + 4 * outputs)
    return Inhibition(**arguments(INHIBITION_FIELDS, record), **given)


def _read_population(
    capacity: int, record: dict[str, Any], index: int, sections: dict[str, bytes]
) -> Population:
    flags = record["flags"]
    rule = None
    if record["post"] is not None:
        table = None
        if record["signal"] == "table":
            table = np.frombuffer(sections[f"MOD{index}"], np.int8)
            table = table.reshape(capacity, record["neurons"])
        rates = np.frombuffer(sections[f"RAT{index}"], "<i2")
        shape = record["ages"], record["ranks"]
        levels = np.frombuffer(sections[f"LEV{index}"] if record["ranks"] else b"", np.uint8)
        rest = arguments((*RULE_FIELDS, *COMPETITION_FIELDS), record)
        rule = Rule(table=table, rates=rates, levels=levels.reshape(shape), **rest)
    curve = None
    if "curve" in flags:
        data = sections[f"CUR{index}"]
        current = np.frombuffer(data, "<i2", 256)
        slope = np.frombuffer(data, np.uint8, 256, 512)
        curve = Curve(current, slope, **arguments(CURVE_FIELDS, record))
    if "norm_threshold" not in flags:
        record = {**record, "norm_shift": None}
    return Population(
        reset="subtract" if "subtract" in flags else "zero",
        bias="bias" in flags,
        curve=curve,
        rule=rule,
        **arguments(NEURON_FIELDS, record),
    )


def _read_metadata(data: bytes | None) -> dict[str, Any]:
    metadata = {} if data is None else json.loads(data)
    if not isinstance(metadata, dict):
        raise ValueError(f"META must hold a JSON object, not {type(metadata).__name__}")
    # JSON can hold halves of characters, which nothing can write again.
    json.dumps(metadata, ensure_ascii=False).encode()
    return metadata


def read_metadata(data: bytes | None) -> dict[str, Any]:
    """Return what the section META of an image says; nothing without that section.

    Raises
    ------
    ImageError
        If it holds no JSON object.
    """
    try:
        return _read_metadata(data)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"the image's metadata cannot be read: {error}") from error


def table_end(head: bytes) -> int:
    """Return the size in bytes of an image's header and table of sections, from its header.

    Raises
    ------
    ImageError
        If these are not the first bytes of an image of a known version.
    """
    header = _read_header(head)
    end = HEADER.size + ENTRY.size * int(header["sections"])
    if header["sections"] > MAX_SECTIONS or end > header["size"]:
        raise ImageError(f"the image's table of {header['sections']} sections does not fit into it")
    return end


def find_metadata(table: bytes) -> tuple[int, int]:
    """Return where in an image its metadata begin and end, in bytes: (0, 0) if it has none.

    Parameters
    ----------
    table : the image's first `table_end` bytes.

    Raises
    ------
    ImageError
        If they are not there, or metadata lie outside of the image.
    """
    if len(table) < table_end(table):
        raise ImageError("the image's table of sections is cut off")
    size = HEADER.unpack(table)["size"]
    for at in range(HEADER.size, table_end(table), ENTRY.size):
        entry = ENTRY.unpack(table, at)
        if entry["tag"] == b"META":
            begin, end = entry["offset"], entry["offset"] + entry["size"]
            if begin < table_end(table) or end > size:
                raise ImageError("section 'META' is misplaced: it overlaps or lies outside")
            return begin, end
    return 0, 0


def _read_network(sections: dict[str, bytes]) -> Network:
    data = sections["NETW"]
    record = NETWORK.unpack(data)
    steps = record["steps"] + 256 * record["steps_high"]
    populations = [
        _read_population(
            record["capacity"],
            POPULATION.unpack(data, NETWORK.size + POPULATION.size * index),
            index,
            sections,
        )
        for index in range(record["populations"])
    ]
    return Network(
        inputs=record["inputs"],
        encoder=Encoder(**arguments(ENCODER_FIELDS, record | {"steps": steps})),
        populations=tuple(populations),
        signal=image_signal.read(sections["SGNL"]) if "SGNL" in sections else None,
        preparation=_read_preparation(sections["PREP"]) if "PREP" in sections else None,
        inhibition=_read_inhibition(sections["INHB"]) if "INHB" in sections else None,
        stages=tuple(
            image_stages.read(sections[tag]) for tag in image_stages.TAGS if tag in sections
        ),
        seed=record["seed"],
        metadata=_read_metadata(sections.get("META")),
        optional={
            name: content
            for name, content in sections.items()
            if name != "META" and not _is_known(name)
        },
    )


def decode(data: bytes) -> tuple[Network, bytes | None]:
    """Read an image: the network, and the learned state as the core's bytes (None if as new).

    Raises
    ------
    ImageError
        If the bytes are not an image, are damaged, or describe what cannot be.
    """
    sections = read_sections(data)
    try:
        network = _read_network(sections)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise ImageError(f"the image describes no valid network: {error}") from error
    state = sections.get("STAT")
    if state is not None and len(state) != state_size(network):
        raise ImageError("the image's learned state does not fit its network")
    # What would not be written again the same way has not been understood.
    learned = None if state is None else pack_state(network, unpack_state(network, state))
    written = [
        (tag.decode("latin-1"), content)
        for tag, flags, content in _sections(network, learned)
        if flags & CRITICAL
    ]
    known = [section for section in sections.items() if _is_known(section[0])]
    for place, section in enumerate(known):
        if written[place : place + 1] != [section]:
            raise ImageError(
                f"section {section[0]!r} is out of order or holds what this edge-naca does not know"
            )
    return network, state
