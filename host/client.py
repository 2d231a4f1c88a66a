"""A device at the other end of a line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_naca.core import RESULT, Core, CoreError
from edge_naca.host import naming, transfer
from edge_naca.host.device import Device, DeviceError, DeviceInfo
from edge_naca.host.journal import WRAP, Journal, OtherSessionError, new_session, unwrap
from edge_naca.host.link import LineCounts, Link, RefusedError
from edge_naca.host.locking import key_of, new_salt
from edge_naca.host.messages import (
    CHANGE,
    HEADER,
    LABEL,
    LEARN,
    LOCK,
    LOCKED,
    Answer,
    Hello,
    Kind,
    Reason,
    Stats,
)
from edge_naca.host.packing import Packer
from edge_naca.host.pipeline import Asking, RestartedError
from edge_naca.host.signals import SignalStream
from edge_naca.host.teaching import FORGOTTEN, Teaching
from edge_naca.host.transfer import Progress
from edge_naca.host.transport import FIRST_PATIENCE, Transport
from edge_naca.image import ImageError, checksum, find_metadata, read_metadata, table_end
from edge_naca.image_records import HEADER as HEAD
from edge_naca.samples import check_labels
from edge_naca.specification.results import Result

T = TypeVar("T")

TRIES = 5
BATCH = 16  # samples in a request when many are taught at once: what fits is taken
ASKING, TEACHING = HEADER + 1, HEADER + LEARN.size + LABEL.size + 1  # bytes before a sample
LARGEST_IMAGE = 1 << 24  # bytes that a device may give back as its image
ASK, LOCK_IT, UNLOCK_IT = 0, 1, 2
UNDO_LAST, UNDO_TO_MARK, UNDO_MARK = b"\0", b"\1", b"\2"
RESETS = {"reboot": 0, "learned": 1, "saved": 2}


def one(result: NDArray[Any]) -> Result:
    """Return an entry of an array of `core.RESULT` as a Result."""
    return Result(*(int(result[name]) for name in RESULT.names or ()))


class TrialLostError(DeviceError):
    """The device restarted during a trial, and no longer is as it was before."""


class LinkDevice(Device):
    """A device that speaks docs/protocol.md.

    Whatever is lost or damaged on the line is sent again, and a sample is learned exactly once.
    A line that is cut is opened again; a device that restarts is taught again what it had not
    saved, as long as this object lives.

    Parameters
    ----------
    connect : opens the line; called again when it was cut.
    name : what to call the device in messages.
    image : the device's image, if it is known: else it is read from the device when needed.
    patience : seconds for which to wait for a device that is gone to come back.
    first_patience : the same, for its first answer.
    closing : called once when the device is let go.
    """

    def __init__(
        self,
        connect: Callable[[], Transport],
        name: str,
        image: bytes | None = None,
        patience: float = 15.0,
        first_patience: float = FIRST_PATIENCE,
        closing: Callable[[], None] = lambda: None,
    ) -> None:
        self._closing = closing
        try:
            self._link: Link | None = Link(connect, name, patience, first_patience)
        except BaseException:
            closing()
            raise
        self._image = image
        self._core: Core | None = None
        self._packer: Packer | None = None
        self._journal = Journal(self._link.hello.learned)

    # ---- one sample ------------------------------------------------------------------------

    def learn(self, x: ArrayLike, label: int) -> Result:
        results = self.learn_many(np.asarray(x)[None], [label], batch=1)
        return one(results[0])

    def predict(self, x: ArrayLike) -> Result:
        return one(self.infer_many(np.asarray(x)[None])[0])

    # ---- many samples, with the line kept full ---------------------------------------------

    def learn_many(self, x: ArrayLike, labels: ArrayLike, batch: int = BATCH) -> NDArray[Any]:
        """Learn samples (n, …) in the given order; return an array of `core.RESULT`.

        Everything is checked before the first is sent. Where the device restarted after learning,
        so that nobody remembers an answer, its prediction is `FORGOTTEN`.
        """
        packer = self.packer
        samples = packer.samples(x)
        items = list(zip(packer.labels(labels, len(samples)), samples, strict=True))
        return _joined(self.teach(items, batch))

    def teach(
        self, items: Iterable[tuple[int, bytes] | None], batch: int = BATCH
    ) -> Iterator[NDArray[Any]]:
        """Learn labels and samples, as `packer` makes them, while they come; yield each answer.

        An item None says that there is nothing yet.
        """
        self._require_network()
        self._require_room(TEACHING)
        teaching = Teaching(self.link, self._journal, self.packer.size, batch)
        return self._checked(teaching.run(items))

    def infer_many(self, x: ArrayLike) -> NDArray[Any]:
        """Present samples (n, …) without teaching them; return an array of `core.RESULT`."""
        samples = self.packer.samples(x)
        return self._steady(lambda: _joined(self.ask(samples)))

    def ask(self, samples: Iterable[bytes | None]) -> Iterator[NDArray[Any]]:
        """Present samples, as `packer` makes them, without teaching them; yield each answer.

        Raises
        ------
        RestartedError
            If the device restarts meanwhile.
        """
        self._require_network()
        self._require_room(ASKING)
        return self._checked(Asking(self.link).run(samples))

    def _checked(self, results: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield results, or refuse one that is no class of the network."""
        capacity = self.core.network.capacity
        for result in results:
            if result["prediction"][0] >= capacity:
                raise DeviceError(
                    f"{self.link.name} answers class {result['prediction'][0]} where there are "
                    f"{capacity} classes: check its firmware"
                )
            yield result

    def copy(self) -> Core:
        """Return a core in the state in which the device is."""
        core = Core(self.core.network, self.core.state())
        if self.hash() != core.state_hash():
            core.load_state(self.state())
        return core

    def signal_stream(self) -> SignalStream:
        """Return what takes a sensor's samples to the device, which then learns by itself.

        Raises
        ------
        DeviceError
            If the device takes none; the message says why.
        """
        self._require_network()
        return SignalStream(self.link, self._journal, self.core.network)

    def predict_many(self, x: ArrayLike) -> NDArray[np.int32]:
        """Return the predicted class of each sample, −1 where no output neuron spiked."""
        return np.ascontiguousarray(self.infer_many(x)["prediction"])

    # ---- learned state ---------------------------------------------------------------------

    def state(self, progress: Progress = lambda done, total: None) -> bytes:
        def fetch() -> bytes:
            saved = transfer.read(self.link, Kind.STATE_READ, len(self.core.save_state()), progress)
            self._check_epoch(self.link.request(Kind.HASH))
            return saved

        return self._steady(fetch)

    def load_state(self, saved: bytes, progress: Progress = lambda done, total: None) -> None:
        # Our own core says what is wrong with a state before it goes over the line.
        Core(self.core.network).load_state(saved)
        transfer.write_state(self.link, saved, progress)
        self._journal = Journal(self.link.hello.learned)

    def hash(self) -> int:
        return self.hash_at()[0]

    def hash_at(self) -> tuple[int, int]:
        """Return the hash of the learned state, and how many samples it has learned."""

        def ask() -> tuple[int, int]:
            answer = self._check_epoch(self.link.request(Kind.HASH))
            learned = unwrap(int.from_bytes(answer.body[4:8], "little"), self.learned)
            if learned < self.learned:  # a restart, even if the epoch is the same by accident
                raise RestartedError
            return answer.number, learned

        return self._steady(ask)

    def save(self) -> int:
        """Keep the learned state through power cuts; return how often that was done so far."""
        answer = self._steady(lambda: self.link.request(Kind.SAVE))
        self._journal.saved(self._journal.end)
        return answer.number

    def reset(self, what: str = "reboot") -> Hello:
        """Restart the device into the saved state.

        Parameters
        ----------
        what : "reboot"; or "learned" to forget what was learned, "saved" to forget also what was
            saved, both of which lead to the image's own state.
        """
        if what not in RESETS:
            raise ValueError(f"what must be {', '.join(RESETS)}, not {what!r}")
        for _ in range(TRIES):
            try:
                self.link.adopt(self.link.request(Kind.RESET, bytes([RESETS[what]])))
            except RefusedError as error:
                if error.status != Reason.EPOCH:
                    raise
                # It restarted before, perhaps because of us: once more does no harm.
                self.link.adopt(self.link.request(Kind.HELLO))
                continue
            self._journal = Journal(self.link.hello.learned)
            return self.link.hello
        raise DeviceError(f"{self.link.name} restarts all the time: check its power")

    def undo(self) -> Hello:
        """Take back the last lesson: the state is what it was before, to the last bit.

        Raises
        ------
        RefusedError
            If there is none to take back, or the device has no memory for that.
        """
        return self._change(Kind.UNDO, UNDO_LAST)

    def rollback(self) -> Hello:
        """Go back to what was saved last; hosts that teach do not teach again what is lost.

        Raises
        ------
        RefusedError
            If nothing is saved of this network.
        """
        return self._change(Kind.ROLLBACK)

    def forget(self, label: int) -> Hello:
        """Forget a class: its neurons become as new. `undo` brings it back.

        Raises
        ------
        ValueError
            If there is no such class.
        RefusedError
            If the network has no neurons that are of one class alone.
        """
        (number,) = check_labels([label], 1, self.core.network.capacity)
        return self._change(Kind.FORGET, LABEL.pack(number))

    @contextlib.contextmanager
    def trial(self) -> Iterator[None]:
        """Teach in a ``with`` block whatever comes; behind it all is as it was, sessions too.

        Raises
        ------
        RefusedError
            If the device has no memory for that.
        TrialLostError
            If it restarted meanwhile, so that it is at what it saved last.
        """
        before = self.hash_at()
        session = self.hello.session
        body = CHANGE.pack(new_session(), before[1] % WRAP)
        self.link.adopt(self.link.request(Kind.UNDO, body + UNDO_MARK))
        try:
            yield
        finally:
            try:
                self.link.adopt(self.link.request(Kind.UNDO, body + UNDO_TO_MARK))
            except RefusedError as error:
                if error.status not in (Reason.EPOCH, Reason.NOTHING, Reason.GAP):
                    raise
                self.link.refresh()
            self._journal = Journal(self.hello.learned)
            if (self.hash_at(), self.hello.session) != (before, session):
                raise TrialLostError(
                    f"{self.link.name} restarted during a trial: it is at what it saved last"
                )

    def _change(self, kind: Kind, what: bytes = b"") -> Hello:
        """Change the learned state other than by lessons."""
        session, learned = new_session(), self.learned
        for _ in range(TRIES):
            try:
                body = CHANGE.pack(session, learned % WRAP) + what
                self.link.adopt(self.link.request(kind, body))
            except RefusedError as error:
                if error.status == Reason.GAP:
                    raise OtherSessionError(self.link.name) from error
                if error.status != Reason.EPOCH:
                    raise
                # Restarted, or the answer was lost: the session tells.
                self.link.adopt(self.link.request(Kind.HELLO))
                learned = self.hello.learned
            if self.hello.session == session:
                self._journal = Journal(self.hello.learned)
                return self.hello
        raise DeviceError(f"{self.link.name} restarts all the time: check its power")

    # ---- what its owner says ------------------------------------------------------------------

    def names(self) -> dict[int, str]:
        """Return what the owner calls classes, by their labels, where that is not the image's."""
        return naming.texts(self._names())

    def _names(self) -> dict[int, bytes]:
        most = 0xFFFF
        return naming.unpack(transfer.read(self.link, Kind.NAMES_READ, most))

    def rename(self, label: int, name: str) -> None:
        """Call a class otherwise; kept on the device at once, until another image comes.

        Parameters
        ----------
        name : up to 255 bytes of UTF-8; empty for the image's own name again.

        Raises
        ------
        ValueError
            If there is no such class, or the name is too long or another class's.
        RefusedError
            If the device has no room for it, or nowhere to keep it.
        """
        self._require_network()
        (number,) = check_labels([label], 1, self.core.network.capacity)
        named = naming.renamed(self._image_metadata(), self._names(), number, name)
        body = naming.pack(named)
        room = self.hello.max_payload - HEADER
        if len(body) > room:
            raise ValueError(f"names have {len(body)} bytes, a request has {room}: shorten them")
        self._steady(lambda: self.link.request(Kind.NAMES_WRITE, body))
        self._core, self._packer = None, None

    def lock(self, phrase: str) -> None:
        """Have the device refuse what changes it, until `unlock`; kept through power cuts.

        Raises
        ------
        ValueError
            If the phrase is empty.
        RefusedError
            If the device has nowhere to keep it, or is locked with another phrase.
        """
        salt = self._lock_salt() if self.link.refresh().locked else new_salt()
        body = LOCK.pack(LOCK_IT, salt, key_of(phrase, salt))
        self._steady(lambda: self.link.request(Kind.LOCK, body))
        self.link.refresh()

    def unlock(self, phrase: str) -> None:
        """Open a device that was locked with this phrase.

        Raises
        ------
        RefusedError
            If it was another phrase, or too many were tried since the device was restarted.
        """
        salt = self._lock_salt()
        body = LOCK.pack(UNLOCK_IT, salt, key_of(phrase, salt))
        self._steady(lambda: self.link.request(Kind.LOCK, body))
        self.link.refresh()

    def _lock_salt(self) -> bytes:
        asked = LOCK.pack(ASK, bytes(8), bytes(16))
        answer = self._steady(lambda: self.link.request(Kind.LOCK, asked))
        return bytes(LOCKED.unpack_from(answer.body)[2])

    # ---- what it is ------------------------------------------------------------------------

    def info(self) -> DeviceInfo:
        core = self.core
        return DeviceInfo(
            firmware=self.hello.firmware,
            network_id=self.hello.network_id,
            capacity=core.network.capacity,
            image_size=len(self.image()),
            workspace_size=core.workspace_size,
        )

    @property
    def hello(self) -> Hello:
        """What the device last said about itself."""
        return self.link.hello

    @property
    def learned(self) -> int:
        """How many samples the device has learned, as far as is known here."""
        return self._journal.end

    @property
    def counts(self) -> LineCounts:
        """What went over the line."""
        return self.link.counts

    def stats(self) -> Stats:
        """Return what the device counted since it booted."""
        return Stats.unpack(self.link.request(Kind.STATS).body)

    def image(self, progress: Progress = lambda done, total: None) -> bytes:
        """Return the device's image, as it was pushed: without what was learned since."""
        self._require_network()
        if self._image is None or not _is_image(self._image, self.hello):
            image = transfer.read(self.link, Kind.IMAGE_READ, LARGEST_IMAGE, progress)
            if not _is_image(image, self.hello):
                raise DeviceError(f"{self.link.name} does not give back the image it runs")
            self._image, self._core, self._packer = image, None, None
        return self._image

    def metadata(self) -> dict[str, Any]:
        """Return what the device's image says about itself: names of classes, training and more.

        Of an image that is not known here only this part goes over the line. The image's checksum
        cannot tell then whether it is undamaged.

        Raises
        ------
        DeviceError
            If the device runs no image, or gives back another.
        ImageError
            If these metadata cannot be read.
        """
        self._require_network()
        if self._image is not None and _is_image(self._image, self.hello):
            return self.core.network.metadata
        metadata = self._image_metadata()
        return naming.applied(metadata, self.names())

    def _image_metadata(self) -> dict[str, Any]:
        """Return what the image says, of which only that part goes over the line."""

        def read(begin: int, end: int) -> bytes:
            return transfer.read(self.link, Kind.IMAGE_READ, LARGEST_IMAGE, begin=begin, end=end)

        head = read(0, HEAD.size)
        if len(head) < HEAD.size or not _is_image(head, self.hello):
            raise DeviceError(f"{self.link.name} does not give back the image it runs")
        begin, end = find_metadata(head + read(HEAD.size, table_end(head)))
        return read_metadata(read(begin, end) if begin < end else None)

    def push(self, image: bytes, progress: Progress = lambda done, total: None) -> Hello:
        """Bring an image to the device; it starts there with the state that it holds.

        Raises
        ------
        ImageError
            If these bytes are no image.
        DeviceError
            If it is too large for the device, by how much, or refused.
        """
        try:
            core = Core(image)
        except CoreError as error:
            raise ImageError(str(error)) from error
        over = core.workspace_size - self.hello.ram_room
        if over > 0:
            raise DeviceError(
                f"the network needs {over} bytes of RAM too many: {core.workspace_size}, "
                f"{self.link.name} has {self.hello.ram_room}"
            )
        hello = transfer.write_image(self.link, image, progress)
        self._image, self._core, self._packer = image, None, None
        self._journal = Journal(hello.learned)
        return hello

    @property
    def core(self) -> Core:
        """The device's network, in the state of its image: for what is prepared here."""
        image = self.image()
        if self._core is None:
            self._core = Core(image)
            network = self._core.network
            metadata = naming.applied(network.metadata, self.names())
            self._core.network = replace(network, metadata=metadata)
        return self._core

    @property
    def packer(self) -> Packer:
        """What turns samples into what `teach` and `ask` take."""
        core = self.core
        if self._packer is None:
            self._packer = Packer(core)
        return self._packer

    @property
    def link(self) -> Link:
        """The line to the device."""
        if self._link is None:
            raise DeviceError("this device is closed: open it again to go on")
        return self._link

    def close(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
            self._closing()

    # ---- restarts --------------------------------------------------------------------------

    def _require_network(self) -> None:
        if not self.hello.running:
            raise DeviceError(
                f"{self.link.name} has no image to run: bring one with 'edge-naca push'"
            )

    def _require_room(self, head: int) -> None:
        over = head + self.packer.size - self.hello.max_payload
        if over > 0:
            raise DeviceError(
                f"a sample of this network is {over} bytes too long for {self.link.name}, which "
                f"takes requests of {self.hello.max_payload} bytes: build its firmware with a "
                "larger ring"
            )

    def _check_epoch(self, answer: Answer) -> Answer:
        if answer.epoch != self.link.epoch:
            raise RestartedError
        return answer

    def _steady(self, ask: Callable[[], T]) -> T:
        """Ask; when the device has restarted, teach it what it lost, and ask again."""
        for _ in range(TRIES):
            with contextlib.suppress(RestartedError):
                return _or_restarted(ask)
            self.catch_up()
        raise DeviceError(f"{self.link.name} restarts all the time: check its power")

    def rejoin(self) -> None:
        """Go on where the device is, giving up what it lost in a restart."""
        self.link.refresh()
        self._journal.give_up(self.link)

    @property
    def journal(self) -> Journal:
        """What it was taught in this session."""
        return self._journal

    @property
    def session(self) -> int:
        """What the device knows this host by while it is taught."""
        return self._journal.session

    def resume(self, session: int, start: int, state_hash: int) -> None:
        """Go on with a session that another program has begun, and that ended there.

        Parameters
        ----------
        session : what `session` was there.
        start, state_hash : samples that the device had learned when the session began, and the
            hash of its state then.

        Raises
        ------
        OtherSessionError
            If the device's state does not come from that session.
        """
        hello = self.link.refresh()
        journal = Journal(unwrap(hello.learned, start), session=session)
        if hello.session == session:
            journal.begun, journal.origin = True, (start, state_hash)
        elif (journal.start, self.link.request(Kind.HASH).number) != (start, state_hash):
            raise OtherSessionError(self.link.name)
        self._journal = journal

    def catch_up(self) -> None:
        """Find out where the device is, and teach it what it lost in a restart."""
        teaching = Teaching(self.link, self._journal, self.packer.size, BATCH)
        teaching.resume()
        for _ in teaching.run([]):
            pass


def _or_restarted(ask: Callable[[], T]) -> T:
    """Ask; a refusal because of the epoch is a restart as well."""
    try:
        return ask()
    except RefusedError as error:
        if error.status != Reason.EPOCH:
            raise
        raise RestartedError from error


def _joined(results: Iterator[NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, RESULT), *results])


def _is_image(image: bytes, hello: Hello) -> bool:
    return checksum(image) == hello.image_crc


__all__ = ["FORGOTTEN", "LinkDevice", "OtherSessionError", "one"]
