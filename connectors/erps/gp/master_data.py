"""Items, prices, quantities and customers of GP: what each interface can tell, and how.

Items carry the day on which they were changed, in the company's own time zone and without a time:
they are asked for from the day before the last reading on. Price lists, site quantities and
internet addresses carry no day at all, so these are read whole. Source: columns of IV00101,
IV00102, IV00108, RM00101, RM00102, SY01200.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from connectors.contract import Feed, MasterData, Page
from connectors.erps.gp import masters, soap_lists
from connectors.erps.gp.company import CompanySetup
from connectors.erps.gp.customers import NUMBER_LENGTH
from connectors.erps.gp.errors import NOT_OFFERED
from connectors.erps.gp.service import (
    ADDRESSES,
    CUSTOMERS,
    INTERNET_ADDRESSES,
    ITEM_PRICES,
    ITEM_SITES,
    ITEMS,
    PRICE_LEVELS,
    Json,
    Service,
)
from connectors.erps.gp.soap import SoapService
from connectors.erps.gp.sweeps import Beside, Position, Sweep, groups
from connectors.errors import NeedsAttention, Rejected
from connectors.records import Party, RowResult

# A day without a time, of a company anywhere: the day before the last reading, by UTC, holds every
# change since.
OVERLAP = timedelta(days=1)
PRICE_KEY = ("ItemNumber", "PriceLevelId", "CurrencyId", "UnitOfMeasure", "FromQuantity")


class GPMasterData(MasterData):
    """The part of the adapter that reads master data. Receivables documents move no stock, so
    GP's quantities do not fall with what a store sells."""

    item_feed: Feed = Feed.SINCE
    price_feed: Feed = Feed.SWEEP
    stock_feed: Feed = Feed.SWEEP
    customer_feed: Feed = Feed.SWEEP
    relieves_stock = False

    service: Service
    setup: CompanySetup

    def _set_feeds(self) -> None:
        """The web service lists items and customers by day of change, and no prices or
        quantities."""
        if isinstance(self.service, SoapService):
            self.price_feed = self.stock_feed = Feed.NONE
            self.customer_feed = Feed.SINCE

    def items(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        start = _start(since, resume)
        if isinstance(self.service, SoapService):
            return soap_lists.items(self.service, start, _from_day(start))
        return self._item_pages(start, masters.item, "read changed items", _since(start))

    def prices(self, *, since: str = "", resume: str = "", price_list: str = "") -> Iterator[Page]:
        """The items' list prices, or those of one price level. Tax is never in them."""
        self._must_offer(self.price_feed, "prices")
        start = _start("", resume)
        if not price_list:
            return self._item_pages(start, masters.list_price, "read list prices", {})
        return self._level_pages(start, price_list)

    def _item_pages(
        self,
        start: Position,
        record: Callable[[Json], object],
        purpose: str,
        filters: Mapping[str, str],
    ) -> Iterator[Page]:
        sweep = Sweep(
            self.service,
            ITEMS,
            ("ItemNumber",),
            purpose=purpose,
            place=start.place(ITEMS),
            filters=filters,
        )
        while True:
            with self._told("its items"):
                rows = sweep.read()
            yield _page((record(row) for row in rows), start, sweep)
            if sweep.is_over:
                return

    def _level_pages(self, start: Position, level: str) -> Iterator[Page]:
        sweep = Sweep(
            self.service,
            ITEM_PRICES,
            PRICE_KEY,
            purpose=f"read the prices of level {level}",
            place=start.place(ITEM_PRICES),
            filters={"PriceLevelId": level},
        )
        with self._told("its price lists"):
            for rows, place in groups(sweep, "ItemNumber"):
                yield Page(
                    rows=tuple(masters.level_price(row, self.setup.iso_of) for row in rows),
                    resume=Position(places={ITEM_PRICES: place}).text() if place else "",
                )

    def stock(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        self._must_offer(self.stock_feed, "quantities")
        start = _start("", resume)
        sweep = Sweep(
            self.service,
            ITEM_SITES,
            ("ItemNumber", "SiteId"),
            purpose="read the quantities of all sites",
            place=start.place(ITEM_SITES),
        )
        with self._told("its quantities"):
            for rows, place in groups(sweep, "ItemNumber"):
                yield Page(
                    rows=tuple(masters.levels(rows)),
                    resume=Position(places={ITEM_SITES: place}).text() if place else "",
                )

    def changed_parties(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        start = _start(since, resume)
        if isinstance(self.service, SoapService):
            return soap_lists.parties(self.service, start, _from_day(start))
        return self._party_pages(start)

    def _party_pages(self, start: Position) -> Iterator[Page]:
        """All customers: three lists in the order of customers, side by side."""

        def sweep(resource: str, *names: str) -> Sweep:
            purpose = "read customers with their addresses"
            place = start.place(resource)
            return Sweep(self.service, resource, names, purpose=purpose, place=place)

        customers = sweep(CUSTOMERS, "CustomerId")
        key = ("CustomerId", "AddressId")
        addresses = Beside(sweep(ADDRESSES, *key), "CustomerId")
        internet = Beside(sweep(INTERNET_ADDRESSES, *key), "CustomerId")
        while True:
            with self._told("its customers"):
                cards = customers.read()
                wanted = {str(row.get("CustomerId", "")).rstrip().upper() for row in cards}
                places = addresses.take(wanted) if wanted else {}
                mails = internet.take(wanted) if wanted else {}
            following = {
                CUSTOMERS: customers.place,
                ADDRESSES: addresses.place,
                INTERNET_ADDRESSES: internet.place,
            }
            yield Page(
                rows=tuple(
                    masters.party(card, masters.rows_of(places, card), masters.rows_of(mails, card))
                    for card in cards
                ),
                resume="" if customers.is_over else Position(places=following).text(),
            )
            if customers.is_over:
                return

    def find_party(self, number: str) -> Party | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= NUMBER_LENGTH:
            return None
        if isinstance(self.service, SoapService):
            return soap_lists.party(self.service, wanted)
        purpose = "read the customer with its addresses"
        card = self.service.find(CUSTOMERS, wanted, purpose=purpose)
        if card is None:
            return None
        addresses, internet = (
            self.service.rows(resource, CustomerId=wanted, purpose=purpose)
            for resource in (ADDRESSES, INTERNET_ADDRESSES)
        )
        return masters.party(card, addresses, internet)

    def write_party(self, party: Party) -> RowResult:
        """Customers of GP are kept in GP: what a clerk keyed in is not written over."""
        return RowResult(
            key=party.number, error="Customers are kept in GP and are not changed from outside."
        )

    def price_lists(self) -> tuple[tuple[str, str], ...]:
        if self.price_feed is Feed.NONE:
            return ()
        try:
            rows = self.service.rows(PRICE_LEVELS, purpose="read the price levels")
        except Rejected as error:
            if error.code == NOT_OFFERED:
                return ()
            raise
        return tuple((str(row["Id"]), str(row.get("Description") or row["Id"])) for row in rows)

    def _must_offer(self, feed: Feed, what: str) -> None:
        if feed is Feed.NONE:
            raise NeedsAttention(
                f"{what} by SOAP",
                reason=f"The SOAP interface of GP lists no {what}.",
                advice="Connect this company by Service Based Architecture, or switch this flow "
                "off in the route.",
                code="not_offered",
            )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """A server of a version that lacks the list is told of in words."""
        try:
            yield
        except Rejected as error:
            if error.code != NOT_OFFERED:
                raise
            raise NeedsAttention(
                error.detail,
                reason=f"This GP server does not list {what}: its version does not offer that.",
                advice="Switch this flow off in the route, or update GP.",
                vendor_words=error.vendor_words,
                code="not_offered",
            ) from error


def _start(since: str, resume: str) -> Position:
    """The day by UTC is the next reading's beginning."""
    if resume:
        return Position.read(resume)
    return Position(since=since, marker=datetime.now(UTC).date().isoformat())


def _from_day(start: Position) -> date | None:
    return date.fromisoformat(start.since) - OVERLAP if start.since else None


def _since(start: Position) -> dict[str, str]:
    day = _from_day(start)
    return {"ModifiedDate.ge": f"{day.isoformat()}T00:00:00Z"} if day else {}


def _page(rows: Iterable[object], start: Position, sweep: Sweep) -> Page:
    if sweep.is_over:
        return Page(rows=tuple(rows), marker=start.marker)
    following = Position(start.since, start.marker, {ITEMS: sweep.place})
    return Page(rows=tuple(rows), resume=following.text())
