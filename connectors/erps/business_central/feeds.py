"""Long readings of Business Central: page by page along its own links, and where to go on.

A link is followed as it is; it leads to the rows after the last one that was read, so rows that
come and go meanwhile neither repeat nor hide others. Source: "Server-driven paging in OData web
services"; the form of the link is not documented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.erps.business_central.client import Client, Json
from connectors.errors import Rejected, UnexpectedShape
from connectors.kit import odata
from connectors.kit.http import Reply

ROWS_A_PAGE = 1_000
# A change carries the time at which it was written, and is seen when its transaction ends: online
# that may take eight to ten minutes (operational limits).
OVERLAP = timedelta(minutes=10)
_PAGE_SIZE = {"Prefer": f"odata.maxpagesize={ROWS_A_PAGE}"}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a reading is: what it began with, what the next one begins with, the next page."""

    since: str = ""
    marker: str = ""
    link: str = ""

    def text(self) -> str:
        return json.dumps([self.since, self.marker, self.link])

    @classmethod
    def read(cls, text: str) -> Position:
        """Raises UnexpectedShape for what is no position of ours."""
        try:
            since, marker, link = json.loads(text)
            return cls(str(since), str(marker), str(link))
        except (ValueError, TypeError) as error:
            raise UnexpectedShape("resume", "is not a position in a reading") from error


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one page; ``position`` is that of the next, None after the last."""

    rows: list[Json]
    position: Position | None
    marker: str

    @property
    def resume(self) -> str:
        return self.position.text() if self.position else ""


def changed_since(
    client: Client, entity: str, *, select: str, since: str, resume: str, purpose: str
) -> Iterator[Chunk]:
    """Rows of ``entity`` that changed at or after ``since`` (an instant; all rows for none), and
    the instant at which this reading began as the next marker."""
    params = {"$select": select}
    if since:
        begin = datetime.fromisoformat(since) - OVERLAP
        params["$filter"] = f"lastModifiedDateTime ge {begin.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    yield from walk(client, entity, params, Position(since=since), resume=resume, purpose=purpose)


def walk(
    client: Client,
    entity: str,
    params: Mapping[str, str],
    start: Position,
    *,
    resume: str,
    purpose: str,
) -> Iterator[Chunk]:
    """Every page of a collection. Without a marker in ``start`` the marker is the server's time at
    the first page. A link that is not accepted any more means beginning anew."""

    def fetch(where: str, query: Mapping[str, str] | None) -> Reply:
        return client.request("GET", where, params=query, headers=_PAGE_SIZE, purpose=purpose)

    position = Position.read(resume) if resume else start
    reply: Reply | None = None
    if position.link:
        try:
            reply = fetch(position.link, None)
        except Rejected:
            position = start
    if reply is None:
        reply = fetch(client.company(entity), params)
    marker = position.marker or reply.server_time().isoformat()
    while True:
        rows = odata.rows(reply)
        link = str(reply.json().get("@odata.nextLink") or "")
        if link and link == position.link:
            raise UnexpectedShape(f"{entity}.@odata.nextLink", "leads to the same page again")
        following = Position(position.since, marker, link) if link else None
        yield Chunk(rows, following, marker)
        if following is None:
            return
        position = following
        reply = fetch(position.link, None)
