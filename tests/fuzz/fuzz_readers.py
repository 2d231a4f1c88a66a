"""Fuzz what Python reads: images, states, recordings, NIR, ONNX, arrays and tables.

Each target begins with good files, changes them at places that mean something (a field, a section,
a node, a cell) or anywhere, mends checksums so that damage gets past them, and reads the result as
the command line does. A finding is an exception that no command turns into one line, and whatever
is written on stderr beside it: a warning of a library, "Exception ignored" of an extension module.

    python tests/fuzz/fuzz_readers.py TARGET [RUNS] [SEED]

TARGET is a name in `TARGETS`, or `all`. Memory is limited to 4 GiB beyond what starting takes.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import random
import resource
import struct
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from edge_naca import data, decorrelation, image, presets
from edge_naca.core import Core
from edge_naca.export import load_image, nir_check, onnx_check
from edge_naca.export.nir import graph
from edge_naca.export.nir.hdf5 import read_hdf5
from edge_naca.image_records import HEADER, SAVED_STATE
from edge_naca.inhibition import Inhibition, triangle
from edge_naca.network import Network, Preparation
from edge_naca.states import snapshot, with_state
from edge_naca.tables.errors import TableWarning

MODELS = Path(__file__).parent.parent / "models"
MEMORY = 4 << 30

# What the command line turns into one line (edge_naca/cli/program.py).
EXPECTED = (ValueError, OSError)

Mutate = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True)
class Target:
    """Something that is read.

    Parameters
    ----------
    suffix : of its files.
    seeds : good files.
    read : reads a file, and uses what was read.
    mutate : changes a file where it means something, checksums mended.
    """

    suffix: str
    seeds: list[bytes]
    read: Callable[[Path], object]
    mutate: Mutate


# ---- bytes -------------------------------------------------------------------------------------

INTERESTING = (
    0,
    1,
    2,
    7,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
)


def change_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return bytes with something changed, cut out, doubled or put in, at a random place."""
    if not content:
        return rng.randbytes(8)
    result = bytearray(content)
    at = rng.randrange(len(result))
    match rng.randrange(7):
        case 0:
            result[at] ^= 1 << rng.randrange(8)
        case 1:
            result[at] = rng.randrange(256)
        case 2:
            size = rng.choice((1, 2, 4, 8))
            value = rng.choice(INTERESTING) * rng.choice((1, -1)) % (1 << 8 * size)
            result[at : at + size] = value.to_bytes(size, "little")
        case 3:
            del result[at : at + rng.choice((1, 4, 16, 256))]
        case 4:
            result[at:at] = result[at : at + rng.choice((1, 4, 16, 256))]
        case 5:
            result[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
        case _:
            del result[at:]
    return bytes(result)


# ---- JSON --------------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 1.5, 2**31, 2**32, 2**70, 1e308, float("nan"), "", "x",
    "\x1b[2J", "\ud800", "1", "ffffffff", [], [1], {}, {"a": 1}, [[[[]]]], "A" * 9000, ["x"] * 2000,
)  # fmt: skip


def change_json(value: Any, rng: random.Random) -> Any:
    """Return JSON with one value, somewhere in it, that is another."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {name: entry for name, entry in value.items() if name != key}
        return {**value, key: change_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return [*value[:at], change_json(value[at], rng), *value[at + 1 :]]
    return rng.choice(VALUES)


# ---- images and states -------------------------------------------------------------------------


def taught() -> Core:
    """Return a small network that has learned, with all that an image can say about itself."""
    prepared = Preparation((1, 12, 1), offset=np.zeros(12, int), gain=np.full(12, 300), shift=6)
    about = {"classes": ["a", "b", "c"], "columns": ["x"] * 12, "training": [{"command": "train"}]}
    core = Core(presets.competitive(prepared, 4, 4, metadata=about))
    rng = np.random.default_rng(1)
    core.learn_many(rng.integers(0, 3000, (60, 12)), rng.integers(0, 3, 60))
    return core


def paper() -> Core:
    """Return a network of the paper's rule."""
    core = Core(presets.paper(16, 3))
    rng = np.random.default_rng(1)
    core.learn_many(rng.integers(0, 2**core.network.code_bits, (20, 16)), rng.integers(0, 3, 20))
    return core


def inhibited(inhibition: Inhibition) -> Core:
    """Return a network that decorrelates codes with a sign."""
    prepared = Preparation((1, 6, 1), keeps_sign=True)
    core = Core(presets.competitive(prepared, 4, 2, bits=3, inhibition=inhibition))
    rng = np.random.default_rng(1)
    core.learn_many(rng.integers(-15, 16, (40, 6)), rng.integers(0, 3, 40))
    return core


def learning() -> Core:
    """Return a network with an inhibition that is learned and in use."""
    return inhibited(Inhibition(6, 4, first=5, every=5))


def given() -> Core:
    """Return a network whose image holds its inhibition."""
    weights = np.random.default_rng(2).integers(-90, 91, triangle(6))
    return inhibited(Inhibition(6, 4, weights, np.arange(6) % 3, shift=5))


def mend_image(content: bytes) -> bytes:
    """Return an image whose size and checksum are right again."""
    head = bytearray(content)
    if len(head) < image.CHECKSUM_AT + 4:
        return content
    size = HEADER.offset("size")
    head[size : size + 4] = struct.pack("<I", len(head))
    head[image.CHECKSUM_AT : image.CHECKSUM_AT + 4] = struct.pack(
        "<I", image._checksum_of(bytes(head))
    )
    return bytes(head)


def change_image(content: bytes, rng: random.Random) -> bytes:
    """Change a section, the table, the header, or what META says; mend size and checksum."""
    if rng.random() < 0.2:
        return change_bytes(content, rng)
    if rng.random() < 0.3:
        start = content.rfind(b'{"')
        try:
            text, end = json.JSONDecoder().raw_decode(content[start:].decode("latin-1"))
        except ValueError:
            return mend_image(change_bytes(content, rng))
        new = json.dumps(change_json(text, rng)).encode().ljust(end)
        return mend_image(content[:start] + new[:end] + content[start + end :])
    if rng.random() < 0.5:  # header, table of sections and descriptions come first
        head = change_bytes(content[:400], rng)
        return mend_image(head + content[400:])
    return mend_image(change_bytes(content, rng))


def use_image(path: Path) -> None:
    """Read an image, run it, and describe it as `inspect` does."""
    core = load_image(path)
    network: Network = core.network
    core.infer(np.zeros(network.inputs, np.uint8), "codes")
    core.image()
    about_columns(network)
    about_inhibition(core)


def about_inhibition(core: Core) -> None:
    """Ask for what `inspect` and pictures say of an inhibition."""
    from edge_naca.cli.inspect_inhibition import inhibition_facts, inhibition_of

    network, state = core.network, snapshot(core).state
    inhibition_facts(inhibition_of(network, state))
    if network.inhibition is not None:
        decorrelation.correlations(decorrelation.matrix(network, state))
        decorrelation.centre(network, state)
        decorrelation.prototypes(network, state)


def about_columns(network: Network) -> None:
    """Ask for what metadata say."""
    from edge_naca.cli import common, provenance
    from edge_naca.fitting import columns_of

    columns_of(network)
    provenance.trainings(network)
    common.class_names(Core(network))


def use_state(path: Path, cores: Sequence[Core]) -> None:
    """Read a state of one of these networks, run it, and describe it."""
    content = path.read_bytes()
    ids = [core.network_id.to_bytes(4, "little") for core in cores]
    known = cores[ids.index(content[4:8])] if content[4:8] in ids else cores[0]
    core = with_state(known, content, path.name)
    core.infer(np.zeros(core.network.inputs, np.uint8), "codes")
    about_inhibition(core)


def change_state(content: bytes, rng: random.Random) -> bytes:
    """Change a saved state; mend its header's size and hash."""
    changed = change_bytes(content, rng)
    if rng.random() < 0.2 or len(changed) < SAVED_STATE.size:
        return changed
    head, body = SAVED_STATE.unpack(changed), changed[SAVED_STATE.size :]
    return SAVED_STATE.pack({**head, "size": len(body), "hash": zlib.crc32(body)}) + body


# ---- recordings --------------------------------------------------------------------------------


def recording() -> bytes:
    """Return a recording as `stream` writes it."""
    from edge_naca.format_versions import RECORDING
    from edge_naca.host.recorder import FORMAT, pack_state

    core = taught()
    header = {
        "format": FORMAT, "version": RECORDING, "learn": True, "session": "00000001",
        "network_id": f"{core.network_id:08x}", "start": 60,
        "start_hash": f"{core.state_hash():08x}",
        "state": pack_state(core.save_state()), "classes": ["a", "b", "c"], "limit": None,
    }  # fmt: skip
    sample = base64.b64encode(bytes(6)).decode()
    numbers = {"margin": 0, "spikes": 4, "synops": 7, "changes": 1}
    lines: list[dict[str, Any]] = [header]
    lines += [
        {"n": n, "label": n % 3, "sample": sample, "prediction": None if n == 3 else 1, **numbers}
        for n in range(6)
    ]
    lines += [{"learned": 66, "hash": "0123abcd"}, {"event": "the cable was pulled"}]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def change_recording(content: bytes, rng: random.Random) -> bytes:
    """Change a value in a line, or bytes."""
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    if rng.random() < 0.25 or not lines[at]:
        return change_bytes(content, rng)
    try:
        lines[at] = json.dumps(change_json(json.loads(lines[at]), rng)).encode()
    except ValueError:
        lines[at] = change_bytes(lines[at], rng)
    return b"\n".join(lines)


def use_recording(path: Path) -> None:
    """Read a recording, and its state."""
    from edge_naca.host import recorder

    recorder.read(path).start_state()


# ---- tables and arrays -------------------------------------------------------------------------

CELLS = (
    "", "NaN", "-inf", "1,5", "1.5", "1e999", "1e-999", "0x10", "1_0", "٣", "½", '"', '""', "#",
    "\t", ";", ",", "\n", "\r", "\0", "\ufeff", "\u202e", "\x1b", "a" * 200_000, "9" * 400, "-",
    "?", "2024-05-01",
    "label", "Unnamed: 0", "\ud7ff", "'", "sep=;", "1" + "0" * 30, "0" * 40 + "1", "+", "e5", ".",
)  # fmt: skip
ENCODINGS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "latin-1",
    "cp1252",
)


def tables() -> list[bytes]:
    """Return tables with and without names, in a few layouts."""
    rng = random.Random(1)
    rows = [[f"{rng.gauss(0, 3):.3f}", str(n % 7), f"kind {n % 3}"] for n in range(12)]
    texts: list[str] = []
    for delimiter in (",", ";", "\t", "|"):
        body = "\n".join(delimiter.join(row) for row in rows) + "\n"
        texts += [body, delimiter.join(["a", "größe", "state"]) + "\n" + body]
    texts.append(texts[3].replace(".", ","))
    return [text.encode() for text in texts]


def change_table(content: bytes, rng: random.Random) -> bytes:
    """Change a cell, a line or the encoding; or bytes."""
    text = content.decode("utf-8", "replace")
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    delimiter = next((sign for sign in "\t;|," if sign in lines[0]), ",")
    match rng.randrange(7):
        case 0 | 1 | 2:
            cells = lines[at].split(delimiter)
            cells[rng.randrange(len(cells))] = rng.choice(CELLS)
            lines[at] = delimiter.join(cells)
        case 3:
            lines[at:at] = [rng.choice(("# remark", "", " ", lines[-1], lines[0], delimiter * 3))]
        case 4:
            lines = [line.replace(delimiter, rng.choice(",;\t| ")) for line in lines]
        case 5:
            return text.encode(rng.choice(ENCODINGS), "replace")
        case _:
            return change_bytes(content, rng)
    return "\n".join(lines).encode("utf-8", "replace")


def use_data(path: Path) -> None:
    """Read a file of data as `train` does, and hash it."""
    data.read(path, test_fraction=0).digest()


def archive(**arrays: Any) -> bytes:
    """Return a .npz."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def change_archive(content: bytes, rng: random.Random) -> bytes:
    """Change an array's header or numbers within the archive, checksums mended; or bytes."""
    if rng.random() < 0.3:
        return change_bytes(content, rng)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = {name: file.read(name) for name in file.namelist()}
    # zipfile raises errors of many kinds for an archive that was changed before.
    except Exception:
        return change_bytes(content, rng)
    if not members:
        return content
    name = rng.choice(list(members))
    old = members[name]
    members[name] = (
        change_bytes(old[:128], rng) + old[128:] if rng.random() < 0.7 else change_bytes(old, rng)
    )
    if rng.random() < 0.3:
        words = (b"<f8", b"<i8", b"|O", b"<U9", b"<U0", b"|V8", b"<c16", b"<M8", b"|b1", b">f4")
        members[name] = old.replace(rng.choice(words), rng.choice(words))
    if rng.random() < 0.3:
        digits = rng.choice((b"4398046511104", b"-1", b"0", b"(7, 7)", b"()", b"1e3", b"x"))
        members[name] = old.replace(b"24", digits, 1)
    new = io.BytesIO()
    with zipfile.ZipFile(new, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for key, member in members.items():
            file.writestr(key, member)
    return new.getvalue()


# ---- models ------------------------------------------------------------------------------------


def change_onnx(content: bytes, rng: random.Random) -> bytes:
    """Change a node, an attribute, a tensor or a shape; or bytes."""
    import onnx
    from google.protobuf.message import DecodeError

    if rng.random() < 0.3:
        return change_bytes(content, rng)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        return change_bytes(content, rng)
    message: Any = model
    while True:  # go down to a random field
        fields = [(field, value) for field, value in message.ListFields()]
        if not fields:
            break
        field, value = rng.choice(fields)
        if field.message_type is not None:
            message = rng.choice(value) if is_repeated(value) else value
            if rng.random() < 0.9:
                continue
            message.Clear()
            break
        change_field(message, field.name, value, rng)
        break
    return bytes(model.SerializeToString())


def is_repeated(value: Any) -> bool:
    return hasattr(value, "append") or hasattr(value, "add")


def change_field(message: Any, name: str, value: Any, rng: random.Random) -> None:
    """Give a field of a message another value that fits it."""

    def other(old: Any) -> Any:
        if isinstance(old, bytes):
            return change_bytes(old, rng)
        if isinstance(old, str):
            return rng.choice(("", "x", "\x1b[2J", "Relu", "Conv", "Gemm", "a" * 3000, old + old))
        if isinstance(old, float):
            return rng.choice((0.0, -1.0, float("nan"), float("inf"), 3e38, old * 1e9))
        return rng.choice((0, 1, -1, 2, 3, 7, 11, 255, 2**31 - 1))

    try:
        if is_repeated(value):
            at = rng.randrange(len(value))
            value[at] = other(value[at])
            if rng.random() < 0.2:
                del value[at]
        else:
            setattr(message, name, other(value))
    except (ValueError, TypeError):  # an enum or a range of its own
        message.ClearField(name)


def use_nir(path: Path) -> None:
    """Read a file as the process apart does, but here: one more process a file takes an hour."""
    with mock.patch.object(graph, "read_apart", read_hdf5):
        nir_check(path)


def change_nir(content: bytes, rng: random.Random) -> bytes:
    """Change a parameter, its shape or type, an edge or a name; or bytes."""
    import h5py

    if rng.random() < 0.4:
        return change_bytes(content, rng)
    # On disk: from memory, h5py asks Python for bytes, and prints what goes wrong there.
    with tempfile.NamedTemporaryFile(suffix=".nir") as copy:
        path = Path(copy.name)
        path.write_bytes(content)
        try:
            with h5py.File(path, "r+") as file:
                places: list[str] = []
                file.visit(places.append)
                name = rng.choice(places)
                change_item(file, name, rng)
        # h5py raises errors of many kinds for files that were changed before.
        except Exception:
            return change_bytes(content, rng)
        return path.read_bytes()


def change_item(file: Any, name: str, rng: random.Random) -> None:
    """Change a group or a set of numbers of an HDF5 file."""
    import h5py

    item = file[name]
    if isinstance(item, h5py.Group) or rng.random() < 0.2:
        del file[name]
        if rng.random() < 0.5:
            file[name] = rng.choice(VALUES[2:8])
        return
    old = item[()]
    del file[name]
    if isinstance(old, np.ndarray) and old.size and old.dtype.kind in "biuf":
        with np.errstate(over="ignore", invalid="ignore"):
            new: Any = old.astype(rng.choice(("f4", "f8", "i1", "i8", "u1", "f2", "c8")))
        where = rng.randrange(new.size)
        new.reshape(-1)[where] = rng.choice(
            (0, 1, 100, float("nan") if new.dtype.kind == "f" else 3)
        )
        new = rng.choice((new, new.reshape(-1), new[None], new[:-1], new.astype("S4"), new.T))
        file[name] = new
    elif isinstance(old, bytes):
        kinds = (
            b"LIF",
            b"IF",
            b"Affine",
            b"Conv2d",
            b"Flatten",
            b"SumPool2d",
            b"CubaLIF",
            b"\xff",
            b"",
        )
        file[name] = rng.choice((*kinds, change_bytes(old, rng).replace(b"\0", b"_")))
    else:
        file[name] = rng.choice((0, -1, 2**40, float("inf"), np.zeros((3, 0)), b"same", b"valid"))


def models(suffix: str) -> list[bytes]:
    """Return models of tests/models that are small enough to be changed often."""
    paths = sorted(MODELS.glob(f"*{suffix}"))
    return [path.read_bytes() for path in paths if path.stat().st_size < 300_000]


# ---- running -----------------------------------------------------------------------------------


def targets() -> dict[str, Callable[[], Target]]:
    """Return what can be fuzzed, made when it is wanted."""
    numbers = np.arange(96.0).reshape(24, 4)
    labels = np.arange(24) % 3
    cores = (taught(), learning())
    return {
        "images": lambda: Target(
            ".naca",
            [core.image() for core in (*cores, paper(), given())],
            use_image,
            change_image,
        ),
        "states": lambda: Target(
            ".state",
            [core.save_state() for core in cores],
            lambda path: use_state(path, cores),
            change_state,
        ),
        "recordings": lambda: Target(".jsonl", [recording()], use_recording, change_recording),
        "tables": lambda: Target(".csv", tables(), use_data, change_table),
        "arrays": lambda: Target(
            ".npz",
            [archive(x=numbers, y=labels), archive(x=numbers, y=labels.astype("U9"))],
            use_data,
            change_archive,
        ),
        "onnx": lambda: Target(".onnx", models(".onnx"), onnx_check, change_onnx),
        "nir": lambda: Target(".nir", models(".nir"), use_nir, change_nir),
    }


TARGETS = tuple(targets())


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Raise for what reading says: Python's warnings, and what reaches stderr from anywhere.

    Commands tell warnings of tables themselves, and Python shows nobody that things grow old.

    Raises
    ------
    Warning, AssertionError
        If something was said.
    """
    with warnings.catch_warnings(), tempfile.TemporaryFile() as said:
        warnings.simplefilter("error")
        for kind in (TableWarning, DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.simplefilter("ignore", kind)
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            said.seek(0)
            text = said.read(2000).decode("utf-8", "replace")
            if text:
                raise AssertionError(f"stderr: {text}")


def fuzz(name: str, runs: int, seed: int, folder: Path) -> dict[str, float]:
    """Fuzz one target; return runs, how many files were read as good, and the longest run.

    Raises
    ------
    AssertionError
        With the finding, whose file is left in `folder`.
    """
    target = targets()[name]()
    rng = random.Random(seed)
    pool = list(target.seeds)
    good, longest = 0, 0.0
    path = folder / f"{name}{target.suffix}"
    for number in range(runs):
        content = rng.choice(pool)
        for _ in range(rng.choice((1, 1, 2, 4))):
            content = target.mutate(content, rng)
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            with silent():
                target.read(path)
        except EXPECTED:
            pass
        except BaseException as error:
            finding = folder / f"finding-{name}-{seed}-{number}{target.suffix}"
            finding.write_bytes(content)
            raise AssertionError(f"run {number}: {type(error).__name__}, {finding}") from error
        else:
            good += 1
            if len(pool) < 200 and len(content) < 300_000:
                pool.append(content)  # from what is still good one gets further
        longest = max(longest, time.perf_counter() - start)
    return {"runs": runs, "good": good, "longest": longest}


def main(name: str, runs: str = "10000", seed: str = "1") -> None:
    """Fuzz with memory limited, and print figures."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY + (2 << 30), resource.RLIM_INFINITY))
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for chosen in TARGETS if name == "all" else (name,):
        start = time.perf_counter()
        figures = fuzz(chosen, int(runs), int(seed), folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{chosen}: {figures['runs']} runs, {figures['good']} read, no finding, longest "
            f"{figures['longest']:.2f} s, {time.perf_counter() - start:.0f} s, peak {peak:.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
