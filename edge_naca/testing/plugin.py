"""pytest's plugin: fixtures for those who test firmware that learns (docs/testing.md).

pytest loads this file in every run where edge-naca is installed, so that nothing else is imported
before a fixture is used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from edge_naca.host.counting import Counts
    from edge_naca.testing.comparison import HostTwin
    from edge_naca.testing.devices import (
        BoardUnderTest,
        DeviceUnderTest,
        FaultyLine,
        VirtualUnderTest,
    )

# Name, what the value stands for, and what it says. Each is an option and an ini setting.
SETTINGS = {
    "board": (
        "BOARD",
        "the board that is emulated: a name, or the path of a folder with a board.json, as ./mine",
    ),
    "elf": ("FILE", "the firmware that naca_board runs; without one, the board's own is built"),
    "image": ("FILE", "the image (.naca) that the firmware is meant to run"),
}
WHEN = ("ci", "always", "never")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of which have a place in the ini file as well."""
    group = parser.getgroup("edge-naca", "firmware that learns (edge-naca, fixtures naca_*)")
    for name, (stands_for, text) in SETTINGS.items():
        group.addoption(f"--naca-{name}", metavar=stands_for, help=f"{text}.")
        parser.addini(f"naca_{name}", f"{text}; paths are relative to this file.", default="")
    text = "seconds to wait for an answer of a device"
    group.addoption("--naca-patience", metavar="SECONDS", type=float, help=f"{text} [120].")
    parser.addini("naca_patience", f"{text}.", default="")
    parser.addini(
        "naca_require_tools",
        "when a missing compiler or emulator fails a test instead of skipping it: ci (where the "
        "environment variable CI is set), always or never.",
        default="ci",
    )


def _setting(config: pytest.Config, name: str) -> str | None:
    """Return what an option says, else the ini file; paths are relative to where it was said."""
    said = config.getoption(f"--naca-{name}")
    base = config.invocation_params.dir
    if said is None:
        said = config.getini(f"naca_{name}")
        base = config.rootpath if config.inipath is None else config.inipath.parent
    if not said:
        return None
    is_name = name == "board" and not re.search(r"[./\\]", said)
    return said if is_name else str(base / said)


def _patience(config: pytest.Config) -> dict[str, float]:
    """Return how long to wait, as an argument, if the option or the ini file says it."""
    said = config.getoption("--naca-patience") or config.getini("naca_patience")
    try:
        return {"patience": float(said)} if said else {}
    except ValueError:
        raise pytest.UsageError(f"naca_patience is a number of seconds, not {said!r}") from None


def _requires_tools(config: pytest.Config) -> bool:
    when = config.getini("naca_require_tools")
    if when not in WHEN:
        raise pytest.UsageError(f"naca_require_tools is {', '.join(WHEN)}, not {when!r}")
    in_ci = os.environ.get("CI", "").lower() in {"1", "true"}
    return when == "always" or (when == "ci" and in_ci)


def _with_tools(config: pytest.Config, make: Callable[[], Any]) -> Any:
    """Return what is made, or skip the test, or fail it, where a tool is missing."""
    __tracebackhide__ = True
    from edge_naca.host.boards import MissingToolError

    try:
        return make()
    except MissingToolError as error:
        if _requires_tools(config):
            pytest.fail(f"{error} (naca_require_tools: nothing is skipped here)", pytrace=False)
        pytest.skip(str(error))


def _named(config: pytest.Config, name: str, given: Any) -> Any:
    return _setting(config, name) if given is None else given


def _board(config: pytest.Config, given: Any) -> Any:
    board = _named(config, "board", given)
    if board is None:
        _fail_unnamed(config, "board", "the fixture")
    return board


def _fail_unnamed(config: pytest.Config, what: str, fixture: str) -> NoReturn:
    read = "read no ini file" if config.inipath is None else f"read {config.inipath}"
    pytest.fail(
        f"no {what} is named: give one to {fixture}, or pytest --naca-{what}=…, or naca_{what} in "
        f"the ini file; pytest has {read} (a path behind a space, --naca-{what} …, misleads it: "
        "write =)",
        pytrace=False,
    )


@pytest.fixture
def naca_board(pytestconfig: pytest.Config) -> Iterator[Callable[..., BoardUnderTest]]:
    """Start firmware in an emulator: ``naca_board(board, elf=…, image=…).device`` is open.

    ``naca_board(board=None, elf=None, image=None, flash=None, patience=120)`` returns a running
    board. What is not given is what --naca-board, --naca-elf, --naca-image and --naca-patience say,
    or the ini file.

        def test_it_learns(naca_board):
            board = naca_board("netduinoplus2", elf="build/firmware.elf", image="product.naca")
            board.device.learn(x, 3)    # what edge_naca.host.open_device would return
            board.port, board.url       # its UART, for other programs, while nobody has it open

    `board` may be a folder with a board.json: any ELF that QEMU or simavr runs. The board ends with
    the test. A missing emulator skips the test; it fails where CI is set (naca_require_tools).
    """
    from edge_naca.testing.devices import BoardUnderTest

    with ExitStack() as stack:

        def make(board: Any = None, **how: Any) -> BoardUnderTest:
            __tracebackhide__ = True
            where = _board(pytestconfig, board)
            how = _patience(pytestconfig) | how
            how |= {name: _named(pytestconfig, name, how.get(name)) for name in ("elf", "image")}
            made: BoardUnderTest = _with_tools(pytestconfig, lambda: BoardUnderTest(where, **how))
            stack.callback(_end, made)
            return made

        yield make


def _end(board: BoardUnderTest) -> None:
    board.hang_up()
    said = board.said()
    if said:
        print(f"{board.name}. {said}")  # pytest shows it of failed tests
    board.close()


@pytest.fixture
def naca_virtual(pytestconfig: pytest.Config) -> Iterator[Callable[..., VirtualUnderTest]]:
    """Start a virtual device in this process: ``naca_virtual(image).device`` is open.

    It has our firmware's link, store and core, and no board.
    ``naca_virtual(image=None, **parts)``: `image` is a file or bytes, else what --naca-image says;
    `parts` are those of edge_naca.host.virtual.VirtualDevice, such as ram=65536.

        def test_power_cut(naca_virtual):
            made = naca_virtual("product.naca")
            made.device.learn(x, 3)
            made.virtual.power_cut(); made.virtual.reboot()
    """
    from edge_naca.testing.devices import VirtualUnderTest

    with ExitStack() as stack:

        def make(image: Any = None, **parts: Any) -> VirtualUnderTest:
            __tracebackhide__ = True
            image = _named(pytestconfig, "image", image)
            if image is None:
                _fail_unnamed(pytestconfig, "image", "naca_virtual")
            parts = _patience(pytestconfig) | parts
            return stack.enter_context(VirtualUnderTest(image, **parts))

        yield make


@pytest.fixture
def naca_faulty_line() -> Iterator[Callable[..., FaultyLine]]:
    """Reach a device over a bad line: ``naca_faulty_line(naca_board(), seed=7, lose=0.1).device``.

    ``naca_faulty_line(target, seed=0, **faults)``: `target` is what naca_board or naca_virtual
    returned. Faults: lose, double, damage (shares of frames), drop, flip (shares of bytes), cut
    (frames between two cuts of the connection), delay (seconds); a bit of each usual one if none is
    named.

        def test_a_bad_cable(naca_board, naca_faulty_line):
            line = naca_faulty_line(naca_board(), seed=7, lose=0.1)
            assert_same_as_host(line.device, x, y)
            assert line.faults > 0
    """
    from edge_naca.testing.devices import FaultyLine

    with ExitStack() as stack:

        def make(target: DeviceUnderTest, seed: int = 0, **faults: Any) -> FaultyLine:
            __tracebackhide__ = True
            return stack.enter_context(FaultyLine(target, seed, **faults))

        yield make


@pytest.fixture
def naca_twin() -> Callable[..., HostTwin]:
    """Let the host learn beside a device: ``naca_twin(device).learn(x, 3)`` compares all of it.

    ``naca_twin(device, image=None)``: `device` is open, such as naca_board().device; `image` is
    what it is meant to run.

        def test_a_day(naca_board, naca_twin):
            twin = naca_twin(naca_board().device)
            twin.learn(x, 3)        # both do; fails where answers or states differ
            twin.predict(x)
            twin.device.reset()     # the device alone
            twin.compare_state()    # fails, unless it had saved

    edge_naca.testing.assert_same_as_host(device, x, labels) does the usual in one call.
    """
    from edge_naca.testing.comparison import HostTwin

    return HostTwin


@pytest.fixture
def naca_instructions(pytestconfig: pytest.Config) -> Callable[..., Counts]:
    """Count instructions of each sample: ``naca_instructions(image, x, labels, board=…).learn``.

    ``naca_instructions(image, x, labels, board=None, elf=None, infer_budget=None,
    learn_budget=None)`` counts on an emulated board, on an AVR cycles. `elf` is the board's program
    ``measure``, which is built if it is not given. What was learned has to be what the host learns,
    and no sample may cost more than a budget.

        def test_it_is_fast_enough(naca_instructions):
            naca_instructions("product.naca", x, y, board="netduinoplus2", learn_budget=500_000)
    """

    def make(image: Any, x: Any, labels: Any, board: Any = None, **how: Any) -> Counts:
        __tracebackhide__ = True
        from edge_naca.testing.instructions import count_instructions

        where = _board(pytestconfig, board)
        counts: Counts = _with_tools(
            pytestconfig, lambda: count_instructions(where, image, x, labels, **how)
        )
        return counts

    return make
