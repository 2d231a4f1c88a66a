"""Devices under test: emulated boards, virtual devices, and either of them behind a bad line."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from edge_naca.files import read_file
from edge_naca.host.boards import EmulatedBoard
from edge_naca.host.chaos import BadLine, Chaos
from edge_naca.host.client import LinkDevice
from edge_naca.host.closing import Closing
from edge_naca.host.link import NoAnswerError
from edge_naca.host.transport import LinkLostError, LoopTransport, Transport, open_line
from edge_naca.host.virtual import VirtualDevice
from edge_naca.testing.differences import check_image
from edge_naca.testing.listening import Heard, Listening

ImageSource = bytes | str | PathLike[str]

PATIENCE = 120.0  # seconds for an answer: an emulator on a busy machine takes its time
# Faults where a test asks for none in particular: about one frame in fifteen is hit.
FAULTS = {"lose": 0.02, "double": 0.02, "drop": 0.0005, "flip": 0.0005}
WAITING = "QEMU waiting for connection"  # which it always says


def read_image(image: ImageSource) -> bytes:
    """Return an image's bytes; given a path, those of the file."""
    return image if isinstance(image, bytes) else read_file(image)


class DeviceUnderTest(Closing):
    """Something that speaks the link's protocol, and how to reach it.

    Parameters
    ----------
    name : what messages call it.
    connect : opens a line to it.
    image : bytes of the image that it is meant to run, which is checked when the line is first
        opened; None where that is not known.
    patience : seconds for which to wait for an answer.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Transport],
        image: bytes | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.connect = connect
        self._image = image
        self._unchecked = image is not None
        self._patience = patience
        self._device: LinkDevice | None = None
        self._lines = [self]  # to the same device, which is a party to one at a time

    @property
    def device(self) -> LinkDevice:
        """The device, over its line, which is opened when this is first asked for.

        Another line to the same device is closed by that.

        Raises
        ------
        NoAnswerError
            If nothing answers; the message says what is known of the reason.
        DifferenceError
            If it does not run the image that it is meant to.
        """
        __tracebackhide__ = True
        if self._device is None:
            for line in self._lines:
                line.hang_up()
            self._device = self._open()
            if self._image is not None and self._unchecked:
                check_image(self._device, self._image)
            self._unchecked = False
        return self._device

    def _open(self) -> LinkDevice:
        __tracebackhide__ = True
        try:
            return LinkDevice(self.connect, self.name, self._image, self._patience, self._patience)
        except LinkLostError as error:
            what = f"{self.name} does not answer: {error}"
        except NoAnswerError as error:
            what = str(error)
        raise NoAnswerError("\n".join(filter(None, (f"{what}.", self.diagnosis()))))

    def diagnosis(self) -> str:
        """Return what is known of a device that does not answer, for people; empty if nothing."""
        return ""

    def hang_up(self) -> None:
        """Close the line. The device runs on, and asking for `device` opens another one."""
        if self._device is not None:
            self._device.close()
            self._device = None

    def close(self) -> None:
        """Close the line, and end the device."""
        self.hang_up()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


class BoardUnderTest(DeviceUnderTest):
    """A board in an emulator.

    Parameters
    ----------
    board : as `edge_naca.host.boards.find_board` takes it: a name, or the path of a folder with a
        board.json (docs/testing.md).
    elf : the firmware; None builds the board's own, which takes a clone of the repository.
    image : the image (or its file) that the firmware is meant to run. A firmware that is built here
        gets it linked in.
    flash : a file that keeps saved states, where the board can.
    patience : seconds for which to wait for an answer.

    Attributes
    ----------
    board : the running `edge_naca.host.boards.EmulatedBoard`.

    Raises
    ------
    MissingToolError
        If a compiler or an emulator is not installed; the message says what brings it.
    BoardError
        If there is no such board, or it cannot be built or started.
    """

    def __init__(
        self,
        board: str | Path,
        elf: str | PathLike[str] | None = None,
        image: ImageSource | None = None,
        flash: str | PathLike[str] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        data = None if image is None else read_image(image)
        self.board = EmulatedBoard(
            board,
            None if elf is None else Path(elf),
            image=_linked_in(image) if elf is None else None,
            flash=None if flash is None else Path(flash),
        )
        name = f"{self.board.elf.name} on {self.board.board.name}"
        self._heard = Heard()
        super().__init__(name, lambda: Listening(open_line(self.url), self._heard), data, patience)

    @property
    def port(self) -> int:
        """The TCP port of 127.0.0.1 at which the board's UART is reached, by one at a time."""
        return self.board.port

    @property
    def url(self) -> str:
        """The same as `edge_naca.host.open_device` and pyserial take it."""
        return self.board.url

    def said(self) -> str:
        """Return what the emulator and the program have said for people, the latest of it."""
        log = [line for line in self.board.log().splitlines() if WAITING not in line]
        texts = {"emulator": "\n".join(log), "program": self._heard.text()}
        return "\n".join(f"The {who} said:\n{text}" for who, text in texts.items() if text)

    def diagnosis(self) -> str:
        parts = ["The emulator runs." if self.board.is_running else "The emulator has ended."]
        if not self._heard.text():
            parts.append(
                "The program has said nothing that people could read. Was it built for this board "
                f"({' '.join(self.board.board.emulator)}), with the link on its first UART?"
            )
        return "\n".join(filter(None, (" ".join(parts), self.said())))

    def close(self) -> None:
        super().close()
        self.board.close()


def _linked_in(image: ImageSource | None) -> Path | None:
    if isinstance(image, bytes):
        raise TypeError("a firmware that is built here takes the image as a file: write it to one")
    return None if image is None else Path(image)


class VirtualUnderTest(DeviceUnderTest):
    """A virtual device: our link, store and core in this process, without a board.

    Parameters
    ----------
    image : what it runs, or the file of it.
    patience : seconds for which to wait for an answer.
    **parts : of `edge_naca.host.virtual.VirtualDevice`: how much memory it has, and more.

    Attributes
    ----------
    virtual : the `VirtualDevice`, whose power can be cut.

    Raises
    ------
    OSError
        If the file cannot be read.
    TypeError, ValueError
        If there can be no such device.
    """

    def __init__(self, image: ImageSource, *, patience: float = PATIENCE, **parts: Any) -> None:
        data = read_image(image)
        self.virtual = VirtualDevice(data, **parts)
        super().__init__(
            "the virtual device", lambda: LoopTransport(self.virtual.receive), data, patience
        )

    def close(self) -> None:
        super().close()
        self.virtual.close()


class FaultyLine(DeviceUnderTest):
    """A device behind a line that loses, doubles and damages what passes, from a seed.

    A board has one UART: asking for the device over this line closes the other one.

    Parameters
    ----------
    target : the device; it goes on after this line is closed.
    seed : of everything random.
    **faults : as in `edge_naca.host.chaos.Chaos`: `lose`, `double`, `damage` are shares of frames,
        `drop` and `flip` of bytes, `cut` is the number of frames between two cuts of the
        connection. None stands for a bit of each of the usual ones.

    Attributes
    ----------
    line : the `edge_naca.host.chaos.BadLine`, which counts.

    Raises
    ------
    TypeError, ValueError
        If there is no such fault, or a share is none.
    """

    def __init__(self, target: DeviceUnderTest, seed: int = 0, **faults: Any) -> None:
        self.line = BadLine(Chaos(seed=seed, **(faults or FAULTS)))
        connect = self.line.over(target.connect)
        name = f"{target.name}, over a faulty line (seed {seed})"
        super().__init__(name, connect, target._image, target._patience)
        self._target = target
        self._unchecked = target._unchecked
        self._lines = target._lines
        self._lines.append(self)

    def diagnosis(self) -> str:
        """Return what is known of the device behind the line, and what the line did to it."""
        did = f"The line is faulty on purpose: {self.faults} faults so far."
        return "\n".join(filter(None, (did, self._target.diagnosis())))

    @property
    def faults(self) -> int:
        """Frames lost, doubled or damaged so far, both ways, and cuts of the connection."""
        ways = (self.line.there, self.line.back)
        hit = sum(way.lost + way.doubled + way.damaged + way.noisy for way in ways)
        return self.line.cuts + hit
