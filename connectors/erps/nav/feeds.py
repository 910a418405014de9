"""Long readings of NAV: page by page after the last key that was read, and where to go on.

A page is asked for by the key after which it begins, not by the server's link: no source says how
long such a link lives, and rows that come and go meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from connectors.erps.nav.client import Json
from connectors.errors import UnexpectedShape
from connectors.kit import odata
from connectors.kit.http import Reply

ROWS_A_PAGE = 1_000
# A change carries the time at which it was written, and is seen when its transaction ends: posting
# a large batch takes minutes.
OVERLAP = timedelta(minutes=10)
# Dates are of the server's time zone, which no interface tells; the westernmost is this far behind.
FARTHEST_WEST = timedelta(hours=12)

Ask = Callable[[Mapping[str, str], Mapping[str, str], str], Reply]  # (query, headers, purpose)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reading is: what it began with, what the next one begins with, the last key read."""

    since: str = ""
    marker: str = ""
    after: str = ""

    def text(self) -> str:
        return json.dumps([self.since, self.marker, self.after])

    @classmethod
    def read(cls, text: str) -> Position:
        """Raises UnexpectedShape for what is no position of ours."""
        try:
            since, marker, after = json.loads(text)
            return cls(str(since), str(marker), str(after))
        except (ValueError, TypeError) as error:
            raise UnexpectedShape("resume", "is not a position in a reading") from error

    @classmethod
    def begin(cls, since: str, resume: str) -> Position:
        return cls.read(resume) if resume else cls(since=since)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one page; ``position`` is that of the next, None after the last."""

    rows: list[Json]
    position: Position | None
    marker: str

    @property
    def resume(self) -> str:
        return self.position.text() if self.position else ""


@dataclass(frozen=True, slots=True)
class Query:
    """What is read: ``key`` orders the rows and is unique; ``numeric`` keys are not texts."""

    key: str
    select: tuple[str, ...]
    where: str = ""
    numeric: bool = False
    size: int = ROWS_A_PAGE

    def params(self, after: str) -> dict[str, str]:
        value = after if self.numeric else odata.literal(after)
        terms = [self.where] if self.where else []
        if after:
            terms.append(f"{self.key} gt {value}")
        params = {"$select": ",".join(self.select), "$orderby": self.key}
        return params | ({"$filter": " and ".join(terms)} if terms else {})


def walk(ask: Ask, query: Query, start: Position, *, purpose: str) -> Iterator[Chunk]:
    """Every page from ``start`` on. Without a marker in it the marker is the server's time at the
    first page. Raises UnexpectedShape for a page that does not lead on."""
    position = start
    headers = {"Prefer": f"odata.maxpagesize={query.size}"}
    while True:
        reply = ask(query.params(position.after), headers, purpose)
        rows = odata.rows(reply)
        marker = position.marker or reply.server_time().isoformat()
        if not reply.json().get("@odata.nextLink"):
            yield Chunk(rows, None, marker)
            return
        last = str(rows[-1].get(query.key) or "") if rows else ""
        if not last or last == position.after:
            raise UnexpectedShape(f"{reply.where}.{query.key}", "does not lead to another page")
        position = replace(position, marker=marker, after=last)
        yield Chunk(rows, position, marker)


def instant_of(since: str) -> datetime:
    """The instant of a marker of ours. Raises UnexpectedShape."""
    try:
        return datetime.fromisoformat(since).astimezone(UTC)
    except ValueError as error:
        raise UnexpectedShape("marker", "is not an instant") from error


def first_instant(since: str) -> str:
    """From when on changes are asked for, where the server keeps instants."""
    return f"{instant_of(since) - OVERLAP:%Y-%m-%dT%H:%M:%SZ}"


def first_day(since: str) -> date:
    """The same where it keeps only the day of a change, in its own time zone: that whole day is
    read again."""
    return (instant_of(since) - OVERLAP - FARTHEST_WEST).date()
