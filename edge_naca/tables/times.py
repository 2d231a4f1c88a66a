"""Times in a logger's table: which column holds them, in which unit, and what a cell says."""

from __future__ import annotations

import re
from datetime import date

TIMES = frozenset(
    ("time", "times", "timestamp", "timestamps", "t", "ts", "datetime", "zeit", "zeitpunkt")
    + ("zeitstempel", "uhrzeit", "temps", "horodatage", "tiempo", "tempo")
)
# Words that tell the unit, and whether one alone names a column of times.
_UNITS = {
    "s": ("s", "sec", "secs", "second", "sekunden", "unix"),
    "ms": ("ms", "msec", "millis", "milliseconds", "millisekunden"),
    "us": ("us", "µs", "usec", "micros", "microseconds", "mikrosekunden"),
    "ns": ("ns", "nsec", "nanos", "nanoseconds", "nanosekunden"),
}
_ALONE = frozenset(
    ("seconds", "sekunden", "millis", "micros", "milliseconds", "microseconds", "ms", "us", "µs")
)
_BESIDE = frozenset(("in", "utc", "epoch", "local", "elapsed", "since", "start"))
_WORD = re.compile(r"[^\W\d_]+")

_DATE = (
    r"(?:(?P<year>\d{4})[-/.](?P<month>\d\d?)[-/.](?P<day>\d\d?)"
    r"|(?P<day_>\d\d?)\.(?P<month_>\d\d?)\.(?P<year_>\d{4}))"
)
_CLOCK = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?"
_ZONE = r"(?:Z|UTC|(?P<sign>[+-])(?P<ahead>\d\d)(?::?(?P<beside>\d\d))?)"
_MOMENT = re.compile(rf"(?:{_DATE}(?:T|[ ,]+))?{_CLOCK} ?{_ZONE}?")


def is_named_time(name: str) -> bool:
    """Tell whether a column's name says that it holds times: time, t_us, Zeitstempel [ms]."""
    words = _words(name)
    units = {word for known in _UNITS.values() for word in known} | _ALONE
    left = words - units - _BESIDE
    return left <= TIMES and bool(left or words & _ALONE)


def unit_named(name: str) -> str:
    """Return the unit that the name of a column of times says: s, ms, us or ns, or ""."""
    words = _words(name)
    known = [unit for unit, names in _UNITS.items() if words.intersection(names)]
    return known[0] if len(known) == 1 else ""


def _words(name: str) -> set[str]:
    """Return the words of a name; a unit behind "time" and the like is one of its own: timems."""
    found = set()
    for word in _WORD.findall(name.lower().replace("\u03bc", "\u00b5")):
        unit = next((u for u in ("ms", "us", "µs", "ns") if word.endswith(u)), "")
        stem = word.removesuffix(unit)
        found |= {stem, unit} if unit and stem in TIMES | _BESIDE else {word}
    return found


def seconds_of(cell: str) -> float | None:
    """Return the seconds of a date with a time since 1970, of a time of day since midnight.

    None for what is neither. Of dates, days stand behind years, or before them with dots between.
    """
    found = _MOMENT.fullmatch(cell)
    if found is None:
        return None
    seconds = 3600 * int(found["hour"]) + 60 * int(found["minute"]) + int(found["second"] or 0)
    if found["sign"]:
        ahead = 3600 * int(found["ahead"]) + 60 * int(found["beside"] or 0)
        seconds -= ahead if found["sign"] == "+" else -ahead
    year = found["year"] or found["year_"]
    if year:
        month, day = found["month"] or found["month_"], found["day"] or found["day_"]
        try:
            days = date(int(year), int(month), int(day)) - date(1970, 1, 1)
        except ValueError:
            return None
        seconds += 86400 * days.days
    return seconds + float(f"0.{found['part'] or 0}")
