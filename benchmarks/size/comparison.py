"""What has changed between two measurements of size, and whether it may."""

from __future__ import annotations

from dataclasses import dataclass

from edge_naca.measurement import Measurement, Table

LIMIT = 0.02  # how much a figure may grow while the committed one stays


@dataclass(frozen=True)
class Change:
    """A figure that is not what it was; None where there is none."""

    table: str
    of: str
    core: str
    unit: str
    old: float | None
    new: float | None

    @property
    def growth(self) -> float:
        """By how much it grew, relatively: infinite from nothing, -1 where it is gone."""
        if not self.old:
            return float("inf") if self.new else 0.0
        return (self.new or 0) / self.old - 1

    @property
    def is_refused(self) -> bool:
        """Whether it grew by more than the limit, or is new and not committed."""
        return self.new is not None and self.new - (self.old or 0) > LIMIT * (self.old or 0)


Key = tuple[str, str, str]


def _figures(tables: tuple[Table, ...]) -> dict[Key, tuple[float, str]]:
    return {
        (table.title, ", ".join(figure.of.values()), figure.name): (figure.value, figure.unit)
        for table in tables
        for figure in table.figures
    }


def changes(old: Measurement, new: Measurement, cores: set[str]) -> list[Change]:
    """Return all changes of these cores' figures, those that grew most first."""
    before, after = _figures(old.tables), _figures(new.tables)
    result = []
    for key in dict.fromkeys([*before, *after]):
        table, of, core = key
        was, now = before.get(key), after.get(key)
        if core in cores and was != now:
            unit = (now or was or (0, ""))[1]
            result.append(Change(table, of, core, unit, was and was[0], now and now[0]))
    return sorted(result, key=lambda change: -change.growth)


def other_networks(old: Measurement, new: Measurement) -> list[str]:
    """Return the networks that are not those of the committed figures, bit for bit."""
    return [name for name, digest in new.data.items() if old.data.get(name) != digest]
