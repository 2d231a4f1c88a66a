"""Which sample of a stream is taught next, as somebody chooses while the stream runs.

A choice counts from the number of the first sample that is taught by it. What has been taught is
thus known from the samples and the choices alone; recordings hold these (`host.recorder`), each
before a sample that it decides on is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, overload

Item = tuple[int, bytes]


class Chosen(NamedTuple):
    """From sample number `first` of a stream on, samples of class `label` only; None for all."""

    first: int
    label: int | None


class Mark:
    """What somebody says that samples are which come from now on, whatever they bear themselves.

    Parameters
    ----------
    has_own : whether they bear labels of their own.
    """

    def __init__(self, has_own: bool = True) -> None:
        self.has_own = has_own
        self.wanted: int | None = None
        self.is_resting = not has_own
        self.is_used_up = False  # a signal goes on

    def teach(self, label: int | None) -> None:
        """Teach what comes from now on as one class; None for what it bears itself."""
        self.wanted, self.is_resting = label, False

    def rest(self) -> None:
        """Teach nothing from now on."""
        self.is_resting = True

    def label_of(self, own: int | None) -> int | None:
        """Return what to teach a sample as that bears a label of its own, None for nothing."""
        if self.is_resting:
            return None
        return own if self.wanted is None else self.wanted


def later(choices: Iterable[Chosen], chosen: Chosen) -> list[Chosen]:
    """Return choices with one more; those that were to count from there on do not count."""
    return [*(one for one in choices if one.first < chosen.first), chosen]


class Choice(Sequence[Item]):
    """A stream's samples in the order in which they are taught.

    Parameters
    ----------
    items : label and sample of each, in the order in which they come if nobody chooses.
    choices : those made before.

    Attributes
    ----------
    has_own : True: samples bear labels of their own.
    is_used_up : whether nothing is left of what is to be taught.
    note : told of each choice before the first sample that it decides on is handed out.

    Notes
    -----
    `teach` and `rest` may be called from any thread, all else from that of the stream.
    """

    def __init__(self, items: Sequence[Item], choices: Iterable[Chosen] = ()) -> None:
        self.has_own, self.is_used_up = True, False
        self.note: Callable[[Chosen], None] = lambda chosen: None
        self._items = items
        self._choices = list(choices)
        self._order: list[int] = []  # places in `items` of what has been decided on
        self._taken = bytearray(len(items))
        self._first = 0  # place before which all are taken
        self._firsts: dict[int, int] = {}  # the same, of each class
        self._wanted: int | None = None
        self._is_resting = False

    # ---- what somebody wants -------------------------------------------------------------------

    def teach(self, label: int | None) -> None:
        """Teach samples of one class from now on; None for all, as they come."""
        self._wanted, self._is_resting, self.is_used_up = label, False, False

    def rest(self) -> None:
        """Teach nothing from now on."""
        self._is_resting = True

    @property
    def wanted(self) -> int | None:
        """The class that is taught, None for all."""
        return self._wanted

    @property
    def is_resting(self) -> bool:
        """Whether nothing is to be taught."""
        return self._is_resting

    # ---- what is taught ------------------------------------------------------------------------

    def is_ready(self, number: int) -> bool:
        """Tell whether sample `number` may be taught now: decide which one that is."""
        if number < len(self._order):
            return True
        self._decide(number)  # what another run has taught
        wanted = self._wanted
        if self._is_resting:
            return False
        place = self._next(wanted)
        self.is_used_up = place is None
        if place is None:
            return False
        if wanted != (self._choices[-1].label if self._choices else None):
            chosen = Chosen(number, wanted)
            self._choices = later(self._choices, chosen)
            self.note(chosen)
        self._take(place)
        return True

    def ahead(self) -> Item | None:
        """Return a sample that has not been taught yet; None if there is none."""
        place = self._next(self._wanted)
        if place is None:
            place = self._next(None)
        return None if place is None else self._items[place]

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, number: int) -> Item: ...

    @overload
    def __getitem__(self, number: slice) -> list[Item]: ...

    def __getitem__(self, number: int | slice) -> Item | list[Item]:
        """Return the sample of that number, by the choices made so far."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        if not 0 <= number < len(self._items):
            raise IndexError(f"there is no sample {number} among {len(self._items)}")
        self._decide(number + 1)
        return self._items[self._order[number]]

    def _decide(self, count: int) -> None:
        """Decide on the first `count` samples by the choices made so far."""
        while len(self._order) < count:
            number = len(self._order)
            made = [one.label for one in self._choices if one.first <= number]
            place = self._next(made[-1] if made else None)
            if place is None:  # a choice that nothing was taught by
                place = self._next(None)
            assert place is not None
            self._take(place)

    def _take(self, place: int) -> None:
        self._taken[place] = 1
        self._order.append(place)

    def _next(self, label: int | None) -> int | None:
        """Return the place of the first sample that is left, of a class if one is named."""
        if label is None:
            self._first = place = self._left_from(self._first, None)
        else:
            self._firsts[label] = place = self._left_from(self._firsts.get(label, 0), label)
        return place if place < len(self._items) else None

    def _left_from(self, place: int, label: int | None) -> int:
        while place < len(self._items) and (
            self._taken[place] or label not in (None, self._items[place][0])
        ):
            place += 1
        return place
