"""Boards that costs are reckoned for: the table, their names, files of one's own, `boards`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import call, done, failed, object_of
from support import ROOT

from edge_naca.board_files import path_of, wrong_description
from edge_naca.board_names import folded, near, question
from edge_naca.export.cost.processors import MEASURED_ON, PROCESSORS, find_processor
from edge_naca.export.cost.report import cores
from edge_naca.export.cost.targets import TABLE, TARGETS, find_target, matching
from edge_naca.host.boards import BOARDS, BoardError, find_board

ENTRIES: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))
EMULATED = {"riscv-virt"}  # its clock is nothing that anybody could look up
FIGURES = {"clock": "hz", "flash": "bytes", "ram": "bytes"}


# ---- the table ---------------------------------------------------------------------------------


def test_every_name_of_the_table_is_its_own() -> None:
    pairs = json.loads(TABLE.read_text(), object_pairs_hook=lambda pairs: pairs)
    assert len(pairs) == len(ENTRIES)  # an object would swallow a name that stands there twice
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


@pytest.mark.parametrize("name", ENTRIES)
def test_every_figure_has_its_source(name: str) -> None:
    entry = ENTRIES[name]
    assert not wrong_description(entry)
    assert not {"compiler", "emulator", "keeps"} & entry.keys()
    assert {"title", "chip", "processor", "source", "flash", "ram"} <= entry.keys()
    assert "clock" in entry or name in EMULATED
    figures = [entry[one] for one in (*FIGURES, "current") if one in entry]
    for source in (entry["source"], *(figure["source"] for figure in figures)):
        # A file of a public repository or of this one, or a vendor's document.
        owned = re.fullmatch(r"firmware/boards/([\w-]+)/board\.(c|ld)", source)
        public = re.match(
            r"[\w.-]+/[\w.-]+ [\w./-]+\.(json|ld|ld\.in|dtsi|dts|h|rst|yaml|txt)", source
        )
        assert owned or public or source.startswith(("ST, ", "Nordic, ")), source
        if owned:
            assert (ROOT / source).is_file()
    assert TARGETS[name].sources.keys() == {
        "processor",
        *(one for one in (*FIGURES, "current") if one in entry),
    }


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
    if target.current is not None:
        assert target.clock is not None
        assert 10 < target.current.microamperes_per_mhz < 2000
        assert 1.7 <= target.current.volts <= 5


def test_boards_of_one_chip_agree() -> None:
    """Memory may differ by what a boot loader takes; processor and current may not."""
    by_chip: dict[str, set[Any]] = {}
    for target in TARGETS.values():
        if "emulator only" not in target.notes:
            by_chip.setdefault(target.chip, set()).add((target.processor.name, target.current))
    assert {chip for chip, found in by_chip.items() if len(found) > 1} == set()


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
