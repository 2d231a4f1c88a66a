"""Libraries for firmware: each builds as its tool would build it, and computes what Python does."""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import arduino
import pytest
from commands import done, failed, object_of
from package_images import IMAGES, plain, staged, windowed
from support import FIRMWARE, ROOT, run

from edge_naca.export import library
from edge_naca.export.example import example_output
from edge_naca.export.packages.archive import zipped
from edge_naca.export.packages.library import KINDS, STAGES

STAND_INS = ROOT / "tests" / "stand_ins"
QUICK = "-DCMAKE_BUILD_TYPE=Debug"


def write(folder: Path, image: bytes, kind: str) -> Path:
    """Return a folder with a library of the network "net"."""
    for place, content in library(image, "net", kind).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def expected(image: bytes) -> str:
    """Return what the example prints, once it is sure that it learned something."""
    lines = example_output(image)
    assert lines[0].endswith(": 1"), lines
    assert lines[1].endswith(": 0"), lines
    return "\n".join(lines) + "\n"


# ---- one source --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_has_all_c_code_as_it_is(kind: str) -> None:
    files = library(plain(), "net", kind)
    for path in FIRMWARE.glob("*/*/**/*.[ch]"):
        part = path.relative_to(FIRMWARE)
        if part.parts[0] in ("core", "signal", "store", "link"):
            place = part.as_posix()
            if KINDS[kind].is_flat:
                place = place.replace(f"{part.parts[0]}/include/", "src/")
                place = place.replace(f"{part.parts[0]}/src/", f"src/{part.parts[0]}/")
            assert files.pop(place) == path.read_bytes(), place
    left = {place for place in files if Path(place).suffix in {".c", ".h"}}
    own = {"edge_naca.h", "net.h", "net.c", "main.c", "net_example.c"}
    assert {Path(place).name for place in left} <= own
    assert files["LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert "@{" not in "".join(content.decode() for content in files.values())


def test_the_repository_has_no_copy() -> None:
    """Manifests are made, so that none can fall behind."""
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    manifests = {"library.properties", "library.json", "idf_component.yml", "module.yml"}
    assert {path for path in tracked if Path(path).name in manifests} == {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "export" / "packages" / "templates").rglob("*")
        if path.name in manifests
    }
    assert not [path for path in tracked if path.startswith("src/")]


def test_equal_libraries_are_equal_bytes() -> None:
    one, two = (zipped(library(plain(), "net", "arduino"), "net") for _ in range(2))
    assert one == two
    assert zipfile.ZipFile(io.BytesIO(one)).testzip() is None


# ---- Arduino -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("image", ["plain", "windowed"])
def test_an_arduino_mega_computes_what_python_does(
    image: str, tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    """Predictions, and the hash of all that was learned."""
    for tool in ("avr-gcc", "avr-g++", "simavr"):
        require_tool(tool)
    data = IMAGES[image]()
    home = write(tmp_path / "library", data, "arduino")
    (tmp_path / "build").mkdir()
    elf = arduino.build(home / "examples" / "net" / "net.ino", home, tmp_path / "build")
    assert arduino.output(elf, "state:") == expected(data).splitlines()


# ---- PlatformIO --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_platformio_library_links_with_all_headers(tmp_path: Path) -> None:
    """Its sources are found below src/, in which alone compilers look for headers."""
    home = write(tmp_path / "library", staged(), "platformio")
    example = (home / "examples" / "net" / "src" / "main.cpp").read_text()
    (tmp_path / "Arduino.h").write_text(ARDUINO)
    (tmp_path / "main.cpp").write_text(
        f"{example}\n#include <edge_naca.h>\nint main() {{ setup(); loop(); }}\n"
    )
    run(
        "gcc", "-O0", "-I", home / "src", "-I", tmp_path, "-o", tmp_path / "main",
        "-x", "c", *(home / "src").rglob("*.c"), "-x", "c++", tmp_path / "main.cpp",
    )  # fmt: skip
    assert run(tmp_path / "main") == expected(staged())


# What the example calls of Arduino's core.
ARDUINO = """
#include <stdio.h>
struct Port {
    void begin(long) {}
    void print(const char *text) { fputs(text, stdout); }
};
static Port Serial;
"""


# ---- Zephyr and ESP-IDF, by stand-ins for what their build systems do ---------------------------


def configured(source: Path, build: Path, *words: str, **environment: str) -> None:
    run(
        "cmake", "-S", source, "-B", build, QUICK, f"-DPYTHON={sys.executable}", *words,
        env=os.environ | environment,
    )  # fmt: skip
    run("cmake", "--build", build, "--parallel", "2")


@pytest.mark.parametrize("image", ["plain", pytest.param("windowed", marks=pytest.mark.slow)])
def test_a_zephyr_sample_runs(image: str, tmp_path: Path) -> None:
    data = IMAGES[image]()
    home = write(tmp_path / "naca_net", data, "zephyr")
    sample = home / "samples" / "net"
    configured(sample, tmp_path / "build", f"-DZephyr_DIR={STAND_INS / 'zephyr'}")
    assert run(tmp_path / "build" / "app") == expected(data)
    symbols = run("nm", tmp_path / "build" / "app")
    assert "naca_coded_stages" not in symbols
    assert ("naca_signal_push" in symbols) == (image == "windowed")
    assert "naca_store_open" not in symbols


@pytest.mark.slow
def test_an_idf_example_runs(tmp_path: Path) -> None:
    data = staged()
    home = write(tmp_path / "naca_net", data, "idf")
    example = home / "examples" / "net"
    configured(
        example, tmp_path / "build", f"-DEXTRA_COMPONENT={home}", IDF_PATH=str(STAND_INS / "idf")
    )
    assert run(tmp_path / "build" / "app") == expected(data)


@pytest.mark.slow
def test_all_of_kconfig_links(tmp_path: Path) -> None:
    """The link brings what it needs; Zephyr links all of it, so that nothing may be missing."""
    home = write(tmp_path / "naca_net", plain(), "zephyr")
    sample = home / "samples" / "net"
    with (sample / "prj.conf").open("a") as file:
        file.write("CONFIG_NACA_LINK=y\n")
    configured(sample, tmp_path / "build", f"-DZephyr_DIR={STAND_INS / 'zephyr'}")
    symbols = run("nm", tmp_path / "build" / "app")
    for name in ("naca_link_receive", "naca_store_open", "naca_signal_push", "naca_all_stages"):
        assert f" T {name}\n" in symbols
    assert run(tmp_path / "build" / "app") == expected(plain())


def test_stages_are_sources_of_the_core() -> None:
    assert {*STAGES} < {path.stem for path in (FIRMWARE / "core" / "src").glob("*.c")}


# ---- CMake -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_cmake_package_is_built_installed_and_found(
    tmp_path: Path, require_tool: Callable[[str], None]
) -> None:
    require_tool("pkg-config")
    data = windowed()
    home = write(tmp_path / "package", data, "cmake")
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    run("cmake", "-S", home, "-B", build, QUICK, "-DCMAKE_INSTALL_LIBDIR=lib")
    run("cmake", "--build", build, "--parallel", "2")
    run("ctest", "--test-dir", build)
    run("cmake", "--install", build, "--prefix", prefix)
    # The example by itself, with what is installed: by CMake, then by pkg-config.
    alone = tmp_path / "alone"
    run("cmake", "-S", home / "example", "-B", alone, QUICK, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", alone)
    assert run(alone / "net_example") == expected(data)
    environment = os.environ | {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "naca-net", env=environment).split()
    source = home / "example" / "net_example.c"
    run("gcc", "-std=c99", source, *flags, "-o", tmp_path / "by_flags")
    assert run(tmp_path / "by_flags") == expected(data)


@pytest.mark.slow
def test_two_networks_share_one_core(tmp_path: Path) -> None:
    for name, image in (("one", plain()), ("two", windowed())):
        for place, content in library(image, name, "cmake").items():
            path = tmp_path / name / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (tmp_path / "main.c").write_text(
        "#include <one.h>\n#include <two.h>\n#include <naca/naca.h>\n"
        "int main(void) { naca_image_t image; return naca_image_open(&image, one_image, "
        "ONE_IMAGE_SIZE) || naca_image_open(&image, two_image, TWO_IMAGE_SIZE); }\n"
    )
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(user LANGUAGES C)\n"
        "add_subdirectory(one)\nadd_subdirectory(two)\nadd_executable(main main.c)\n"
        "target_link_libraries(main PRIVATE naca::one naca::two)\n"
    )
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", QUICK)
    run("cmake", "--build", tmp_path / "build", "--parallel", "2")
    run(tmp_path / "build" / "main")


# ---- the command -------------------------------------------------------------------------------


@pytest.fixture
def image_file(tmp_path: Path) -> Path:
    path = tmp_path / "my-net.naca"
    path.write_bytes(staged())
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_writes_folder_and_zip(kind: str, image_file: Path, tmp_path: Path) -> None:
    text = done("export", image_file, f"--{kind}", "-o", tmp_path / "out")
    assert f"a library for {KINDS[kind].tool}" in text
    assert example_output(staged())[-1] in text
    files = library(staged(), "my_net", kind)
    written = {path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "out").as_posix() for path in written} == {*files}
    result = object_of("export", image_file, f"--{kind}", "-o", tmp_path / "out.zip")
    assert (result["name"], result["kind"]) == ("my_net", kind)
    archive = zipfile.ZipFile(tmp_path / "out.zip")
    (folder,) = {name.split("/")[0] for name in archive.namelist()}
    assert {name: archive.read(f"{folder}/{name}") for name in files} == files


def test_a_zip_for_platformio_is_that_of_its_library(image_file: Path, tmp_path: Path) -> None:
    done("export", image_file, "--platformio", "-o", tmp_path / "out.zip")
    done("export", image_file, "--pio-zip", "-o", tmp_path / "net.pkg")
    assert (tmp_path / "net.pkg").read_bytes() == (tmp_path / "out.zip").read_bytes()


def test_what_was_there_is_kept(image_file: Path, tmp_path: Path) -> None:
    """A sketch that was changed, and code that the library no longer has."""
    folder = tmp_path / "out"
    done("export", image_file, "--arduino", "-o", folder)
    sketch = folder / "examples" / "my_net" / "my_net.ino"
    sketch.write_text("mine")
    (folder / "src" / "core" / "gone.c").write_text("int gone;")
    done("export", image_file, "--arduino", "-o", folder)
    assert sketch.with_name("my_net.ino~").read_text() == "mine"
    assert not (folder / "src" / "core" / "gone.c").exists()
    assert (folder / "src" / "core" / "gone.c~").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--arduino", "--zephyr"], "--arduino and --zephyr: export one form at a time"),
        (["--arduino", "--header-only"], "--header-only and --no-core go with --c"),
        (["--idf", "--input-type", "codes"], "--input-type goes with --onnx"),
        (["--nir", "--name", "x"], "--name goes with --c and with libraries"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], said: str, image_file: Path) -> None:
    assert said in failed(2, "export", image_file, *words, "-o", image_file.with_name("out"))


def test_archives_other_than_zip_are_refused(image_file: Path) -> None:
    for name in ("lib.tar.gz", "lib.7z"):
        out = image_file.with_name(name)
        assert "a file that ends in .zip" in failed(1, "export", image_file, "--idf", "-o", out)
        assert not out.exists()
    upper = image_file.with_name("lib.ZIP")
    done("export", image_file, "--idf", "-o", upper)
    assert zipfile.is_zipfile(upper)


@pytest.mark.parametrize(
    ("kind", "has_avr"), [("arduino", True), ("zephyr", False), ("idf", False)]
)
def test_only_what_runs_on_an_avr_speaks_of_it(kind: str, has_avr: bool, image_file: Path) -> None:
    out = image_file.with_name(kind)
    assert (
        "an AVR has both in RAM" in done("export", image_file, f"--{kind}", "-o", out)
    ) == has_avr


@pytest.mark.parametrize("name", ["edge_naca", "Arduino", "naca", "3 x"])
def test_names_that_no_library_can_have(name: str, image_file: Path) -> None:
    out = image_file.with_name("out")
    assert "name" in failed(1, "export", image_file, "--arduino", "--name", name, "-o", out)
    assert not out.exists()


def test_a_file_is_no_folder(image_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    said = failed(1, "export", image_file, "--cmake", "-o", tmp_path / "out")
    assert "name a folder, or a file that ends in .zip" in said


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="no library is called 'mbed': name one of arduino"):
        library(plain(), "net", "mbed")
