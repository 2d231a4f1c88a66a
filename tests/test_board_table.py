"""Boards that costs are reckoned for: the table, their names, files of one's own, `boards`."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.shell_completion import ShellComplete
from commands import call, done, failed, object_of
from support import ROOT

from edge_naca.board_files import SCHEMA, path_of, read_description, wrong_description
from edge_naca.board_names import folded, near, question
from edge_naca.cli import main
from edge_naca.export.cost.processors import MEASURED_ON, PROCESSORS, find_processor
from edge_naca.export.cost.report import cores
from edge_naca.export.cost.targets import TABLE, TARGETS, find_target, matching
from edge_naca.host.boards import BOARDS, BoardError, find_board

ENTRIES: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
EMULATED = {"riscv-virt"}  # its clock is nothing that anybody could look up
FIGURES = {"clock": "hz", "flash": "bytes", "ram": "bytes", "cache": "bytes"}
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


# ---- the table ---------------------------------------------------------------------------------


def test_every_name_of_the_table_is_its_own() -> None:
    pairs = json.loads(TABLE.read_text(), object_pairs_hook=lambda pairs: pairs)
    assert len(pairs) == len(ENTRIES)  # an object would swallow a name that stands there twice
    assert [name for name, _ in pairs] == sorted(ENTRIES)
    owners: dict[str, str] = {}
    for name, entry in ENTRIES.items():
        assert name == name.lower()
        for one in {folded(each) for each in (name, entry["title"], *entry.get("names", ()))}:
            assert owners.setdefault(one, name) == name, one
            assert one
    for name in owners:
        assert not name.startswith("list")  # which --board takes for something else


def test_every_board_that_can_be_emulated_is_in_the_table() -> None:
    assert set(BOARDS) <= set(TARGETS)
    assert len(set(TARGETS) - set(BOARDS)) >= 48
    for name, board in BOARDS.items():
        assert find_processor(board.processor) == TARGETS[name].processor


PUBLIC = re.compile(
    r"[\w.-]+/[\w.-]+ [\w./-]+(\.(json|ld|ld\.in|dtsi|dts|h|c|rst|yaml|txt|cache)|/Kconfig)(: .+)?$"
)
# What files write for a number, and its value.
WRITTEN: dict[str, Callable[[int], int]] = {
    r"(\d+)L?": int,
    r"DT_SIZE_K\((\d+)\)|(\d+)k|(\d+) KiB|\((\d+) \* 1024\)": lambda n: n << 10,
    r"DT_SIZE_M\((\d+)\)|\((\d+) \* 1024 \* 1024\)": lambda n: n << 20,
    r"(\d+) MHz": lambda n: n * 1_000_000,
}


def value_of(text: str) -> int:
    if re.fullmatch("0x[0-9a-fA-F]+", text):
        return int(text, 16)
    for pattern, value in WRITTEN.items():
        match = re.fullmatch(pattern, text)
        if match:
            return value(int(next(filter(None, match.groups()))))
    raise AssertionError(f"{text} is no number")


def quoted(source: str) -> int:
    """Return the number that a source says: "FILE: NAME = NUMBER less NAME = NUMBER"."""
    said = re.split(r" (and|less) ", source.partition(": ")[2])
    values = [value_of(term.partition(" = ")[2]) for term in said[::2]]
    signs = [1, *(1 if word == "and" else -1 for word in said[1::2])]
    return sum(sign * value for sign, value in zip(signs, values, strict=True))


def test_a_quotation_is_read() -> None:
    assert quoted("a/b c.json: x = 0x100 less y = 1k and z = DT_SIZE_M(1)") == (1 << 20) - 768
    with pytest.raises(AssertionError, match="is no number"):
        quoted("a/b c.json: x = many")


@pytest.mark.parametrize("name", ENTRIES)
def test_every_figure_has_its_source(name: str) -> None:
    entry = ENTRIES[name]
    assert not wrong_description(entry)
    VALIDATOR.validate(entry)
    assert not {"compiler", "emulator", "keeps", "$schema"} & entry.keys()
    assert {"title", "chip", "processor", "source", "flash", "ram"} <= entry.keys()
    assert "clock" in entry or name in EMULATED
    figures = {one: entry[one] for one in (*FIGURES, "current", "dsp") if one in entry}
    assert TARGETS[name].sources.keys() == {"processor", *figures}
    for source in (entry["source"], *(figure["source"] for figure in figures.values())):
        # A file of a public repository or of this one, or a vendor's document.
        owned = re.fullmatch(r"firmware/boards/([\w-]+)/board\.(c|ld)", source)
        assert owned or PUBLIC.match(source) or source.startswith(("ST, ", "Nordic, ")), source
        if owned:
            assert (ROOT / source).is_file()
    for one, number in FIGURES.items():
        if one in figures and not figures[one]["source"].startswith("firmware/"):
            assert figures[one][number] == quoted(figures[one]["source"]), one
    if "current" in figures:
        current = figures["current"]
        assert f"{current['microamperes_per_mhz']:g} µA/MHz" in current["source"]
    if "dsp" in figures:
        assert re.search(r"\bARMV8_M_DSP\b|\b__DSP_PRESENT = 1\b|_DSP\b", figures["dsp"]["source"])


@pytest.mark.parametrize("name", ENTRIES)
def test_every_figure_can_be(name: str) -> None:
    target = TARGETS[name]
    assert target.processor in PROCESSORS.values()
    assert target.ram is not None
    assert target.flash is not None
    assert 1024 < target.ram <= target.processor.address_space
    assert 8 * 1024 <= target.flash <= 1 << 25
    assert target.flash > target.ram
    if target.clock is not None:
        assert 1e6 <= target.clock <= 1e9
    if target.cache is not None:
        assert 1024 <= target.cache <= 1 << 16
        assert target.cache < target.flash
    if target.dsp:
        assert target.processor.name in {"Cortex-M4", "Cortex-M7", "Cortex-M33", "Cortex-M55"}
    assert target.dsp is not None
    if target.current is not None:
        assert target.clock is not None
        assert 10 < target.current.microamperes_per_mhz < 2000
        assert 1.7 <= target.current.volts <= 5


def test_boards_of_one_chip_agree() -> None:
    """Memory may differ by what a boot loader takes; processor and current may not."""
    by_chip: dict[str, set[Any]] = {}
    for target in TARGETS.values():
        if "emulator only" not in target.notes:
            same = (target.processor.name, target.dsp, target.cache, target.current)
            by_chip.setdefault(target.chip, set()).add(same)
    assert {chip for chip, found in by_chip.items() if len(found) > 1} == set()


# KiB of RAM that chips of a family have, at least and at most: a figure with a digit too many, or
# of another chip, lies outside. No source of figures, a second look at them.
FAMILIES = {
    "STM32F0": (4, 32), "STM32F1": (6, 96), "STM32F3": (16, 80), "STM32F4": (32, 384),
    "STM32F7": (192, 512), "STM32G0": (8, 144), "STM32G4": (22, 128), "STM32H5": (32, 640),
    "STM32H7": (128, 1024), "STM32L0": (2, 20), "STM32L1": (4, 80), "STM32L4": (40, 640),
    "STM32L5": (256, 256), "STM32U5": (256, 2514), "STM32WB": (12, 256), "ATSAMD21": (4, 32),
    "ATSAMD51": (128, 256), "ATmega": (1, 16), "nRF51": (16, 32), "nRF52": (24, 256),
    "nRF53": (512, 512), "RP2040": (256, 264), "RP2350": (512, 520), "ESP32": (128, 512),
    "i.MX RT": (128, 1024), "RA4M1": (32, 32), "FE310": (16, 16), "GD32VF103": (6, 32),
    "MK64": (192, 256), "ATSAM3X": (32, 100),
}  # fmt: skip
ELSEWHERE = {"STM32L5": 64}  # KiB of these that a board's file does not count


def test_ram_suits_the_family() -> None:
    for name, target in TARGETS.items():
        family = next((one for one in FAMILIES if target.chip.startswith(one)), None)
        if family is None:
            assert name in BOARDS, name
            continue
        least, most = FAMILIES[family]
        assert target.ram is not None
        assert (least - ELSEWHERE.get(family, 0)) * 1024 <= target.ram <= most * 1024, name


def test_figures_of_our_boards_are_those_of_their_linker_scripts() -> None:
    for name, entry in ENTRIES.items():
        for one, region in (("flash", "FLASH"), ("ram", "RAM")):
            source = entry[one]["source"]
            if not source.endswith("board.ld"):
                continue
            text = (ROOT / source).read_text()
            size = re.search(rf"\b{region} \(\w+\)\s*: ORIGIN = \w+, LENGTH = (\d+)K", text)
            assert size is not None, name
            assert entry[one]["bytes"] == 1024 * int(size[1]), name
        clock = entry.get("clock", {"source": ""})
        if clock["source"].startswith("firmware/"):
            assert re.search(rf"\b{clock['hz']}\b", (ROOT / clock["source"]).read_text()), name


# ---- processors --------------------------------------------------------------------------------


def test_processors_are_measured_or_say_why_not() -> None:
    assert set(MEASURED_ON) == set(cores())
    assert {one.core for one in PROCESSORS.values()} - {None} == set(cores())
    for processor in PROCESSORS.values():
        itself = processor.core == processor.name.lower()
        assert itself == (processor.remark == "")
    assert find_processor("Cortex-M33").dsp is None
    assert not find_processor("AVRxt").image_in_ram
    assert find_processor("avr").image_in_ram


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("cortex-m4", "cortex-m4"),
        ("ARM Cortex-M4F", "cortex-m4"),
        ("cortex-m0plus", "cortex-m0+"),
        ("Cortex-M0", "cortex-m0"),
        ("rv32imc", "rv32imac"),
        ("8-bit AVR", "avr"),
        ("xtensa-lx7", None),
        ("Cortex-M44", None),
        ("armadillo", None),
    ],
)
def test_processors_go_by_several_names(name: str, core: str | None) -> None:
    found = find_processor(name)
    assert found.core == core
    assert found.core is not None or found.remark


def test_dsp_is_what_the_compiler_says(require_tool: Callable[[str], None]) -> None:
    gcc = "arm-none-eabi-gcc"
    require_tool(gcc)
    for processor in PROCESSORS.values():
        if not processor.name.startswith("Cortex"):
            assert processor.dsp is False
            continue
        cpu = processor.name.lower().replace("+", "plus")
        always, never = ("DSP" in defined(gcc, f"{cpu}{feature}") for feature in ("", "+nodsp"))
        assert processor.dsp is (None if always and not never else always), processor.name


def defined(gcc: str, cpu: str) -> str:
    command = [gcc, f"-mcpu={cpu}", "-mthumb", "-mfloat-abi=soft", "-dM", "-E", "-"]
    result = subprocess.run(command, input="", capture_output=True, text=True)
    if result.returncode and "+nodsp" in cpu:  # it is no option of this processor
        return defined(gcc, cpu.removesuffix("+nodsp"))
    result.check_returncode()
    return " ".join(re.findall(r"__ARM_FEATURE_\w+", result.stdout))


# ---- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("pico", "raspberry-pi-pico"),
        ("Raspberry Pi Pico", "raspberry-pi-pico"),
        ("rpi_pico", "raspberry-pi-pico"),
        ("PICO 2", "raspberry-pi-pico-2"),
        ("esp32-s3-devkitc", "esp32-s3-devkitc-1"),
        ("ESP32", "esp32-devkitc"),
        ("esp32c3", "esp32-c3-devkitm-1"),
        ("uno", "arduino-uno"),
        ("Arduino Uno R4 WiFi", "arduino-uno-r4-wifi"),
        ("NUCLEO_F446RE", "nucleo-f446re"),
        ("nrf5340dk/nrf5340/cpuapp", "nrf5340-dk"),
        ("teensy41", "teensy-4.1"),
        ("nrf52840dk", "nrf52840-dk"),
        ("micro:bit v2", "microbit-v2"),
        ("netduino plus 2", "netduinoplus2"),
    ],
)
def test_boards_go_by_several_names(name: str, board: str) -> None:
    assert find_target(name).name == board


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nucleo-f44re", "nucleo-f446re"),
        ("arduno-uno", "arduino-uno"),
        ("rp2040", "raspberry-pi-pico"),
        ("stm32f446re", "nucleo-f446re"),
        ("nuclo", "nucleo-"),
        ("raspberry", "raspberry-pi-pico"),
    ],
)
def test_near_names_are_asked_for(name: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"no board '{name}': did you mean [^?]*{meant}"):
        find_target(name)


@pytest.mark.parametrize("name", ["", "-", "qqqqq"])
def test_what_is_near_nothing_is_told_where_to_look(name: str) -> None:
    with pytest.raises(ValueError, match=f"no board '{name}': `edge-naca boards` lists all"):
        find_target(name)


def test_a_question_is_short() -> None:
    assert question([]) == ""
    assert question(["a"]) == "did you mean a? "
    assert question("abcdefgh") == "did you mean a, b, c, d or e? "
    assert near("", TARGETS) == []


def test_emulated_boards_are_found_alike() -> None:
    assert find_board("MicroBit") is BOARDS["microbit"]
    assert find_board("lm3s6965_M33") is BOARDS["lm3s6965-m33"]
    with pytest.raises(
        BoardError, match="no emulated board 'netduino': did you mean netduinoplus2"
    ):
        find_board("netduino")


# ---- files -------------------------------------------------------------------------------------

MINE: dict[str, Any] = {
    "title": "My board",
    "chip": "STM32F405RG",
    "processor": "Cortex-M4",
    "clock": {"hz": 120_000_000, "source": "board.c"},
    "flash": {"bytes": 1 << 20, "source": "datasheet"},
    "ram": {"bytes": 131_072, "source": "datasheet"},
    "current": {"microamperes_per_mhz": 238, "volts": 3.3, "source": "datasheet"},
}


def test_a_board_of_one_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "board.json").write_text(json.dumps(MINE))
    (tmp_path / "other.json").write_text(json.dumps({"processor": "Cortex-M99"}))
    monkeypatch.chdir(tmp_path)
    for name in (str(folder), "./mine", "./mine/", "mine/board.json", str(folder / "board.json")):
        target = find_target(name)
        assert (target.name, target.title, target.clock) == ("mine", "My board", 120_000_000)
        assert target.current is not None
        assert target.sources["ram"] == "datasheet"
    other = find_target("other.json")
    assert (other.name, other.flash, other.ram, other.clock) == ("other", None, None, None)
    assert "none of those known: Cortex-M0, " in other.processor.remark


def test_a_board_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'processor = "Cortex-M4"\n[ram]\nbytes = 0x8000  # half of it\nsource = "linker script"\n'
    )
    target = find_target(str(path))
    assert (target.name, target.ram, target.flash) == ("mine", 32768, None)
    path.write_text("processor = Cortex-M4")
    with pytest.raises(ValueError, match=r"mine\.toml does not describe a board .*Invalid value"):
        find_target(str(path))
    path.write_bytes(b"processor = '\xff'")
    with pytest.raises(ValueError, match=r"mine\.toml does not describe a board .*utf-8"):
        find_target(str(path))


@pytest.mark.parametrize(
    ("processor", "present", "dsp", "remark"),
    [
        ("Cortex-M33", True, True, ""),
        ("Cortex-M33", False, False, "which it has not: features may take longer"),
        ("Cortex-M33", None, None, "which nobody knows that it has"),
        ("Cortex-M4", None, True, ""),
        ("Cortex-M4", True, True, ""),
        ("Cortex-M0+", None, False, ""),
        ("Cortex-M99", None, None, "none of those known"),
    ],
)
def test_the_dsp_extension_is_told_of(
    processor: str, present: bool | None, dsp: bool | None, remark: str, tmp_path: Path
) -> None:
    content: dict[str, Any] = {"processor": processor}
    if present is not None:
        content["dsp"] = {"present": present, "source": "x"}
    (tmp_path / "b.json").write_text(json.dumps(content))
    target = find_target(str(tmp_path / "b.json"))
    assert target.dsp is dsp
    assert remark in " ".join(target.remarks)
    assert bool(target.remarks) == bool(remark)


@pytest.mark.parametrize(("processor", "present"), [("Cortex-M4", False), ("Cortex-M3", True)])
def test_a_dsp_extension_that_cannot_be_is_refused(
    processor: str, present: bool, tmp_path: Path
) -> None:
    content = {"processor": processor, "dsp": {"present": present, "source": "x"}}
    (tmp_path / "b.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"b: a {processor} (always|never) has the DSP extension"):
        find_target(str(tmp_path / "b.json"))


def test_a_name_with_strokes_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert path_of("a/b") is None
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert path_of("a/b") == tmp_path / "a" / "b" / "board.json"
    assert path_of("pico") is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"processor": ""}, "processor is a text"),
        ({"colour": 1}, "it may name processor, .*, but not 'colour'"),
        ({"flash": 1024}, "flash is an object of bytes, source"),
        ({"flash": {"bytes": 1024}}, "flash is an object of bytes, source"),
        ({"flash": {"bytes": 1.5, "source": "x"}}, "flash has a wrong 'bytes': it is a whole num"),
        ({"ram": {"bytes": 0, "source": "x"}}, "ram has a wrong 'bytes': it is a whole number"),
        ({"ram": {"bytes": True, "source": "x"}}, "ram has a wrong 'bytes'"),
        ({"ram": {"bytes": 1 << 33, "source": "x"}}, "ram has a wrong 'bytes'"),
        ({"ram": {"bytes": 1, "source": " "}}, "ram has a wrong 'source': it is a text"),
        ({"clock": {"hz": "16 MHz", "source": "x"}}, "clock has a wrong 'hz'"),
        ({"clock": {"hz": -1, "source": "x"}}, "clock has a wrong 'hz'"),
        (
            {"current": {"microamperes_per_mhz": 0, "volts": 3, "source": "x"}},
            "is a number above 0",
        ),
        ({"current": {"microamperes_per_mhz": 1, "volts": None, "source": "x"}}, "'volts'"),
        ({"current": {"microamperes_per_mhz": 1, "volts": 1e999, "source": "x"}}, "'volts'"),
        ({"current": {"microamperes_per_mhz": 1, "volts": 10**400, "source": "x"}}, "up to 1000"),
        (
            {"current": {"microamperes_per_mhz": 1e308, "volts": 3, "source": "x"}},
            "'microamperes_per_mhz'",
        ),
        ({"dsp": {"present": 1, "source": "x"}}, "dsp has a wrong 'present': it is true or false"),
        ({"cache": {"bytes": "4K", "source": "x"}}, "cache has a wrong 'bytes'"),
        ({"names": "x"}, "names is a list of texts"),
        ({"names": [1]}, "names is a list of texts"),
        ({"notes": 3}, "notes is a text"),
        ({"compiler": "gcc"}, "compiler is one of arm-none-eabi, "),
    ],
)
def test_wrong_fields_are_named(change: dict[str, Any], what: str, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(MINE | change))
    with pytest.raises(ValueError, match=rf"b\.json does not describe a board.*: .*{what}"):
        find_target(str(path))
    if "Infinity" not in path.read_text():  # which is no JSON
        assert not VALIDATOR.is_valid(MINE | change)


FULL: dict[str, Any] = MINE | {
    "$schema": "board.schema.json",
    "compiler": "avr",
    "emulator": [],
    "keeps": 1 << 26,
    "names": ["a"],
    "source": "datasheet",
    "dsp": {"present": True, "source": "datasheet"},
    "cache": {"bytes": 1 << 32, "source": "datasheet"},
    "notes": "none",
}


def test_the_schema_knows_what_files_may_hold(tmp_path: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(VALIDATOR.schema)
    assert isinstance(VALIDATOR.schema, Mapping)
    assert set(VALIDATOR.schema["properties"]) == set(FULL)
    (tmp_path / "b.json").write_text(json.dumps(FULL))
    assert read_description(tmp_path / "b.json") == FULL
    VALIDATOR.validate(FULL)
    for change in ({"keeps": (1 << 26) + 1}, {"cache": {"bytes": (1 << 32) + 1, "source": "x"}}):
        assert wrong_description(FULL | change)
        assert not VALIDATOR.is_valid(FULL | change)
    assert json.loads(done("boards", "--schema")) == VALIDATOR.schema
    assert "--schema goes alone" in failed(2, "boards", "--schema", "pico")


def test_a_processor_cannot_be_left_out(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(ValueError, match="processor is missing"):
        find_target(str(tmp_path / "b.json"))


def test_the_page_describes_a_board_that_can_be_reckoned_with(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "boards.md").read_text()
    texts = re.findall(r"```text\n(\{.*?\n\})\n```", page, re.S)
    described = [text for text in texts if '"flash"' in text]
    assert len(described) == 1
    (tmp_path / "my_board.json").write_text(described[0])
    target = find_target(str(tmp_path / "my_board.json"))
    assert None not in (target.flash, target.ram, target.clock, target.current)
    assert target.processor.core is not None


def test_a_description_that_cannot_be_built_with_says_so(tmp_path: Path) -> None:
    (tmp_path / "board.json").write_text(json.dumps(MINE))
    with pytest.raises(BoardError, match=r"board\.json names no compiler: one of arm-none-eabi"):
        find_board(tmp_path)


# ---- the command -------------------------------------------------------------------------------


def test_boards_are_listed() -> None:
    lines = done("boards").splitlines()
    names = [line.split()[0] for line in lines[1 : len(TARGETS) + 1]]
    assert names == list(TARGETS)
    assert all(len(line) <= 80 for line in lines[: len(TARGETS) + 1])
    assert lines[len(TARGETS) + 1].startswith(f"{len(TARGETS)} boards")


def test_boards_are_filtered_by_all_words() -> None:
    rows = object_of("boards", "ESP32", "xtensa")["boards"]
    assert rows
    assert all(row["processor"]["name"].startswith("Xtensa") for row in rows)
    assert {row["name"] for row in rows} < {target.name for target in matching(["esp32"])}
    assert all(row["sources"].keys() >= {"clock", "flash", "ram"} for row in rows)


def test_one_board_shows_its_sources() -> None:
    told = done("boards", "nucleo-f411re")
    assert "is: ST Nucleo F411RE" in told
    assert "source of flash: platformio/platform-ststm32 boards/nucleo_f411re.json" in told
    assert "source of current: ST, datasheet DS10314" in told


def test_no_board_is_answered_with_near_ones() -> None:
    assert "no board has qqqqq in its names: `edge-naca boards` lists all" in failed(
        1, "boards", "qqqqq"
    )
    assert "did you mean nucleo-" in failed(1, "boards", "nuclo")
    assert call("boards", "esp32", "avr").exit_code == 1


# ---- what a shell completes --------------------------------------------------------------------


def completed(*words: str) -> list[tuple[str, str]]:
    shell = ShellComplete(main, {}, "edge-naca", "_EDGE_NACA_COMPLETE")
    *before, incomplete = words
    return [(item.value, item.type) for item in shell.get_completions(list(before), incomplete)]


@pytest.mark.parametrize(
    "before", [("inspect", "x.naca", "--board"), ("search", "x.csv", "--board"), ("boards",)]
)
def test_names_are_completed(before: tuple[str, ...]) -> None:
    names = [name for name in TARGETS if name.startswith("nucleo-f4")]
    assert len(names) > 2
    assert completed(*before, "nucleo-f4") == [(name, "plain") for name in names]
    assert completed(*before, "NUCLEO-F446") == [("nucleo-f446re", "plain")]
    assert completed(*before, "./mine") == [("./mine", "file")]
    assert len(completed(*before, "")) == len(TARGETS)
    assert completed(*before, "nonesuch") == []


def test_names_of_emulated_boards_are_completed() -> None:
    assert [name for name, _ in completed("emulate", "--board", "")] == list(BOARDS)


def test_boards_are_filtered_by_what_their_processors_can() -> None:
    rows = object_of("boards", "dsp")["boards"]
    assert {row["name"] for row in rows} == {one.name for one in TARGETS.values() if one.dsp}
    assert "raspberry-pi-pico-2" in {row["name"] for row in rows}
    assert "raspberry-pi-pico" not in {row["name"] for row in rows}
