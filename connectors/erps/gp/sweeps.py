"""Long lists of GP, page by page. The interface pages by offset, and rows come and go meanwhile.

So each page is asked for from the last row that was used: if that row is where it was, nothing
before it came or went. Otherwise it is looked for nearby; if it is gone itself, some rows are used
twice, which does no harm, and none is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.erps.gp.service import Json, Service, ServicePage
from connectors.errors import UnexpectedShape

# Rows between two readings of a list that may have been deleted without one being left out.
LOOK_BACK = 250
# Rows of a second list that belong to nothing in the first, before the search ends.
LOOK_AHEAD = 1_000
MOST_EMPTY = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: the offset after the last row that was used, and that row's key."""

    offset: int = 0
    last: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a whole reading is: what it began with, what the next one begins with, each list."""

    since: str = ""
    marker: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)

    def text(self) -> str:
        places = {name: [place.offset, place.last] for name, place in self.places.items()}
        return json.dumps([self.since, self.marker, places])

    def place(self, name: str) -> Place:
        return self.places.get(name, Place())

    @classmethod
    def read(cls, text: str) -> Position:
        """Raises UnexpectedShape for what is no position of ours."""
        try:
            since, marker, places = json.loads(text)
            return cls(
                str(since),
                str(marker),
                {str(n): Place(int(at), str(last)) for n, (at, last) in places.items()},
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise UnexpectedShape("resume", "is not a position in a reading") from error


class Sweep:
    """One list from a place on. ``names`` are the fields that make a row's key."""

    def __init__(
        self,
        service: Service,
        resource: str,
        names: Sequence[str],
        *,
        purpose: str,
        place: Place = Place(),
        filters: Mapping[str, str] | None = None,
    ) -> None:
        self._service, self._resource, self._names = service, resource, names
        self._purpose, self._filters = purpose, dict(filters or {})
        self.place = place
        self.is_over = False

    def key(self, row: Json) -> str:
        return json.dumps([str(row.get(name, "")).rstrip() for name in self._names])

    def read(self) -> list[Json]:
        """The next rows; none at the end. Moves the place behind them."""
        for _ in range(MOST_EMPTY):
            if self.is_over:
                return []
            rows = self._next()
            if rows:
                return rows
        if self.is_over:
            return []
        raise UnexpectedShape(self._resource, "sends the same page again")

    def _next(self) -> list[Json]:
        place = self.place
        begin = max(place.offset - 1, 0) if place.last else place.offset
        page = self._fetch(begin)
        rows: list[Json] | None = page.rows
        if place.last:
            rows = self._after(page.rows, place.last)
            if rows is None and begin:
                begin = max(begin - LOOK_BACK, 0)
                page = self._fetch(begin)
                rows = self._after(page.rows, place.last)
            if rows is None:
                rows = page.rows
        rows = rows or []
        self.is_over = page.following is None
        last = self.key(rows[-1]) if rows else place.last
        self.place = Place(begin + len(page.rows), last)
        return rows

    def _after(self, rows: list[Json], last: str) -> list[Json] | None:
        """The rows after the last that was used; None if it is not among them."""
        for number, row in enumerate(rows):
            if self.key(row) == last:
                return rows[number + 1 :]
        return None

    def _fetch(self, offset: int) -> ServicePage:
        page = self._service.page(
            self._resource, offset=offset, purpose=self._purpose, **self._filters
        )
        if page.following is not None and page.following <= offset:
            raise UnexpectedShape(f"{self._resource}.Next", "does not lead on")
        return page


def groups(sweep: Sweep, name: str) -> Iterator[tuple[list[Json], Place | None]]:
    """Pages in which the rows with the same value of ``name`` are together, and the place after
    each; None after the last. The list must be in the order of that value."""
    held: list[Json] = []
    while True:
        rows = [*held, *sweep.read()]
        if sweep.is_over:
            yield rows, None
            return
        value = _value(rows[-1], name)
        cut = len(rows) - 1
        while cut and _value(rows[cut - 1], name) == value:
            cut -= 1
        held = rows[cut:]
        if cut:
            place = Place(sweep.place.offset - len(held), sweep.key(rows[cut - 1]))
            yield rows[:cut], place


class Beside:
    """A second list in the same order, from which the rows of some owners are taken at a time."""

    def __init__(self, sweep: Sweep, name: str) -> None:
        self._sweep, self._name = sweep, name
        self._ahead: list[Json] = []
        self.place = sweep.place

    def take(self, wanted: set[str]) -> dict[str, list[Json]]:
        """The rows of each owner that is ``wanted`` (upper case). Rows before them that belong to
        nobody are passed over."""
        found: dict[str, list[Json]] = {}
        number = used = 0
        while number - used < LOOK_AHEAD:
            if number == len(self._ahead):
                self._ahead += self._sweep.read()
                if number == len(self._ahead):
                    break
            owner = _value(self._ahead[number], self._name)
            number += 1
            if owner in wanted:
                found.setdefault(owner, []).append(self._ahead[number - 1])
                used = number
        if used:
            last = self._sweep.key(self._ahead[used - 1])
            del self._ahead[:used]
            self.place = Place(self._sweep.place.offset - len(self._ahead), last)
        return found


def _value(row: Json, name: str) -> str:
    return str(row.get(name, "")).rstrip().upper()
