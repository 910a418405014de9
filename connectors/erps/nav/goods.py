"""What both interfaces of NAV do for master data, each in its own words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.contract import Check, Page
from connectors.erps.nav.client import Client, Json
from connectors.erps.nav.errors import CHANGED_MEANWHILE
from connectors.erps.nav.feeds import Chunk
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater
from connectors.records import Party, RowResult

ALL_CUSTOMERS = "*"  # the price list of prices that everybody gets


class Goods(ABC):
    """Master data of one company by one interface. Readings raise ConnectorError."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def prove(self) -> Iterator[Check]:
        """Whether the flows of master data find what they need."""
        return iter(())

    @abstractmethod
    def items(self, since: str, resume: str) -> Iterator[Page]: ...

    @abstractmethod
    def prices(self, since: str, resume: str, price_list: str) -> Iterator[Page]: ...

    @abstractmethod
    def price_lists(self) -> tuple[tuple[str, str], ...]: ...

    @property
    @abstractmethod
    def follows_stock(self) -> bool:
        """Whether movements can be asked for; otherwise every reading takes all items."""

    @abstractmethod
    def stock(self, since: str, resume: str) -> Iterator[Page]: ...

    @abstractmethod
    def parties(self, since: str, resume: str) -> Iterator[Page]: ...

    @abstractmethod
    def find_party(self, number: str) -> Party | None: ...

    @abstractmethod
    def current(self, party: Party) -> Json | None:
        """The customer's record as it is now; None if it is gone."""

    @abstractmethod
    def changes(self, party: Party, current: Json) -> dict[str, Any]:
        """What to send so that ``current`` agrees with ``party``. Raises Rejected."""

    @abstractmethod
    def party_path(self, party: Party) -> str: ...

    def write_party(self, party: Party) -> RowResult:
        """Only what differs is sent, against the record as it was just read: if somebody changes
        it meanwhile, it is read once more. The card's own address is the only one written."""
        for last_try in (False, True):
            current = self.current(party)
            if current is None:
                return RowResult(key=party.number, error="The customer is no longer in NAV.")
            try:
                if body := self.changes(party, current):
                    self.client.request(
                        "PATCH",
                        self.party_path(party),
                        body=body,
                        headers={"If-Match": str(current.get("@odata.etag") or "*")},
                        purpose="bring the customer into agreement",
                    )
            except Rejected as error:
                return RowResult(
                    key=party.number,
                    error=error.reason or "NAV refused the change.",
                    vendor_words=error.vendor_words,
                )
            except OutcomeUnknown:
                return RowResult(key=party.number, again=True)
            except TryLater as error:
                if error.code != CHANGED_MEANWHILE:
                    raise
                if last_try:
                    return RowResult(key=party.number, again=True)
                continue
            break
        return RowResult(key=party.number, external_id=party.external_id)


def page_of(chunk: Chunk, rows: Iterable[object]) -> Page:
    return Page(
        rows=tuple(rows),
        resume=chunk.resume,
        marker="" if chunk.position else chunk.marker,
    )


def absent_field(service: str, field: str) -> NeedsAttention:
    return NeedsAttention(
        f"{service} has no {field}",
        reason=f"The page service “{service}” does not show the field {field}.",
        advice="Have the field placed on the page in NAV, or empty the connection's setting that "
        "needs it.",
        code="settings",
    )
