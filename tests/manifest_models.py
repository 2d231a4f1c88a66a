"""Manifests for which no validator can be installed here, as their specifications describe them.

Arduino: the library specification, 1.5 format (docs.arduino.cc/arduino-cli/library-specification).
Zephyr: "Modules" and "Test Runner (Twister)" of its documentation.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

Text = Annotated[str, Field(min_length=1)]
Place = Annotated[str, Field(pattern=r"^[^/\\].*|\.$")]  # relative to the module
Version = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


# ---- Arduino: library.properties ---------------------------------------------------------------


class LibraryProperties(BaseModel):
    """All values are texts; what has to be there has no default."""

    model_config = ConfigDict(extra="forbid")
    # "arduino" in a name is for Arduino's own.
    name: Annotated[str, Field(pattern=r"^[A-Za-z][\w .-]*$", max_length=63)]
    version: Version
    author: Text
    maintainer: Text
    sentence: Text
    paragraph: str
    category: Literal[
        "Display",
        "Communication",
        "Signal Input/Output",
        "Sensors",
        "Device Control",
        "Timing",
        "Data Storage",
        "Data Processing",
        "Other",
    ]
    url: HttpUrl
    architectures: Annotated[str, Field(pattern=r"^(\*|\w+)(,\w+)*$")]
    includes: Annotated[str, Field(pattern=r"^[\w./-]+\.h(, ?[\w./-]+\.h)*$")] | None = None
    depends: Text | None = None
    dot_a_linkage: Literal["true", "false"] | None = None
    precompiled: Literal["true", "full", "false"] | None = None
    ldflags: Text | None = None


def properties(text: str) -> dict[str, str]:
    """Return the pairs of a .properties file; one that stands twice is refused."""
    pairs = [line.split("=", 1) for line in text.splitlines() if line and line[0] != "#"]
    values = dict(pairs)
    assert len(values) == len(pairs)
    return values


# ---- Zephyr: module.yml, sample.yaml -----------------------------------------------------------


class Settings(Strict):
    board_root: Place | None = None
    dts_root: Place | None = None
    snippet_root: Place | None = None
    soc_root: Place | None = None
    arch_root: Place | None = None
    module_ext_root: Place | None = None
    sca_root: Place | None = None


class Build(Strict):
    cmake: Place | None = None
    kconfig: Place | None = None
    cmake_ext: bool | None = Field(None, alias="cmake-ext")
    kconfig_ext: bool | None = Field(None, alias="kconfig-ext")
    depends: list[Text] | None = None
    settings: Settings | None = None


class Module(Strict):
    name: Annotated[str, Field(pattern=r"^[\w-]+$")]
    build: Build | None = None
    samples: list[Place] | None = None
    tests: list[Place] | None = None
    boards: list[Place] | None = None


class About(Strict):
    name: Text
    description: Text | None = None


class Console(Strict):
    type: Literal["one_line", "multi_line"]
    regex: Annotated[list[Text], Field(min_length=1)]
    ordered: bool | None = None


class Scenario(Strict):
    tags: str | list[str] | None = None
    min_ram: Annotated[int, Field(gt=0)] | None = None
    min_flash: Annotated[int, Field(gt=0)] | None = None
    harness: Literal["console"] | None = None
    harness_config: Console | None = None
    integration_platforms: list[Text] | None = None


class Sample(Strict):
    sample: About
    common: Scenario | None = None
    # Names have a dot, so that each says where it belongs.
    tests: dict[Annotated[str, Field(pattern=r"^[\w-]+(\.[\w-]+)+$")], Scenario]
