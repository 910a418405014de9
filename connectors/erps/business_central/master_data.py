"""Items, prices, stock and customers of Business Central.

The item card says when it was changed, and carries name and price. It does not say so for the
quantity on hand, which is computed from the item ledger: stock is followed by ledger entries, and
the quantities of their items are read anew. Source: API v2.0 resources item, itemLedgerEntry and
customer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from connectors.contract import Feed, MasterData, Page
from connectors.erps.business_central import parties
from connectors.erps.business_central.client import Client, Json, chunks
from connectors.erps.business_central.feeds import OVERLAP, Chunk, Position, changed_since, walk
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import CatalogItem, ItemPrice, Party, RowResult, StockLevel

ITEM_SELECT = (
    "id,number,displayName,type,itemCategoryCode,blocked,gtin,baseUnitOfMeasureCode,"
    "lastModifiedDateTime"
)
PRICE_SELECT = "number,unitPrice,priceIncludesTax,baseUnitOfMeasureCode"
STOCK_SELECT = "number,type,inventory"
ITEMS_A_CALL = 40  # keeps the address below 2,000 characters
NUMBER_LENGTH = 20


class BusinessCentralMasterData(MasterData, ABC):
    """The part of the adapter that reads master data, and writes customers."""

    item_feed = Feed.SINCE
    price_feed = Feed.SINCE
    stock_feed = Feed.SINCE
    customer_feed = Feed.SINCE

    client: Client

    def items(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        for chunk in self._changed("items", ITEM_SELECT, since, resume, "read changed items"):
            yield _page(chunk, (_item(row) for row in chunk.rows))

    def prices(self, *, since: str = "", resume: str = "", price_list: str = "") -> Iterator[Page]:
        """The card's unit price, in the company's own currency. Price lists and prices of single
        customers are not in the API."""
        if price_list:
            raise NeedsAttention(
                f"price list {price_list}",
                reason="Business Central's API gives the prices of item cards only, no price list.",
                advice="Leave the price list empty in the route's settings.",
                code="settings",
            )
        for chunk in self._changed("items", PRICE_SELECT, since, resume, "read changed prices"):
            yield _page(chunk, (_price(row) for row in chunk.rows))

    def stock(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """``since`` is the number of an item ledger entry before which nothing new comes; without
        it every item is read. Quantities are sums over all locations and variants: the API has no
        others.

        An entry has its number before its transaction ends, so one with a lower number may be seen
        after a higher one. The marker is therefore the last entry that was ten minutes old.
        """
        position = Position.read(resume) if resume else Position(since=since)
        return self._moved(position, resume) if position.since else self._all_stock(resume)

    def _all_stock(self, resume: str) -> Iterator[Page]:
        params = {"$select": STOCK_SELECT}
        purpose = "read the stock of all items"
        for chunk in walk(self.client, "items", params, Position(), resume=resume, purpose=purpose):
            marker = chunk.marker
            if chunk.position is None:
                marker = str(self._last_entry_before(_settled(chunk)))
            yield _page(Chunk(chunk.rows, chunk.position, marker), _levels(chunk.rows))

    def _moved(self, position: Position, resume: str) -> Iterator[Page]:
        """The items whose stock was moved by entries after ``position.since``."""
        settled = int(position.since)
        params = {
            "$filter": f"entryNumber gt {settled}",
            "$orderby": "entryNumber",
            "$select": "entryNumber,itemNumber,lastModifiedDateTime",
        }
        start = Position(since=position.since)
        purpose = "look for stock movements"
        for chunk in walk(
            self.client, "itemLedgerEntries", params, start, resume=resume, purpose=purpose
        ):
            before = _settled(chunk)
            moved: dict[str, None] = {}
            for row in chunk.rows:
                read = Reader(row, "itemLedgerEntry")
                at = parties.modified_at(read)
                if at is None or at < before:
                    settled = max(settled, read.integer("entryNumber"))
                moved[read.text("itemNumber", "")] = None
            following = chunk.position
            if following is not None:
                following = replace(following, since=str(settled))
            rows = _levels(self._quantities(number for number in moved if number))
            yield _page(Chunk(chunk.rows, following, str(settled)), rows)

    def _quantities(self, numbers: Iterable[str]) -> Iterator[Json]:
        for batch in chunks(sorted(numbers), ITEMS_A_CALL):
            yield from self.client.rows(
                "items",
                filter=odata.any_of("number", batch),
                select=STOCK_SELECT,
                purpose="read the stock of moved items",
            )

    def _last_entry_before(self, before: datetime) -> int:
        """The highest number of an entry that was last changed before; 0 if there is none."""
        rows = self.client.rows(
            "itemLedgerEntries",
            filter=f"lastModifiedDateTime lt {before:%Y-%m-%dT%H:%M:%SZ}",
            orderby="entryNumber desc",
            top="1",
            select="entryNumber",
            purpose="see where the item ledger ends",
        )
        return max(
            (Reader(row, "itemLedgerEntry").integer("entryNumber") for row in rows), default=0
        )

    def changed_parties(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        terms = self._payment_terms()
        purpose = "read changed customers"
        for chunk in self._changed("customers", parties.SELECT, since, resume, purpose):
            yield _page(chunk, (parties.from_row(row, terms) for row in chunk.rows))

    def find_party(self, number: str) -> Party | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= NUMBER_LENGTH:
            return None
        rows = self.client.rows(
            "customers",
            filter=f"number eq {odata.literal(wanted)}",
            purpose="look for the customer by number",
        )
        row = next((row for row in rows if str(row.get("number", "")).upper() == wanted), None)
        return None if row is None else parties.from_row(row, self._payment_terms())

    def write_party(self, party: Party) -> RowResult:
        """Only what differs is sent, against the record as it was just read. The address list has
        one place, the card's own: the API knows no others."""
        if len(party.email) > parties.EMAIL_LENGTH:
            return RowResult(
                key=party.number,
                error=f"The e-mail address is longer than {parties.EMAIL_LENGTH} characters.",
            )
        for last_try in (False, True):
            current = self.client.get(
                "customers", party.external_id, purpose="read the customer before writing it"
            )
            if current is None:
                return RowResult(
                    key=party.number, error="The customer is no longer in Business Central."
                )
            try:
                body = parties.changes(party, current, self._terms_id)
                if body:
                    self.client.change(
                        "customers",
                        party.external_id,
                        body,
                        etag=str(current.get("@odata.etag") or "*"),
                        purpose="bring the customer into agreement",
                    )
            except Rejected as error:
                return RowResult(
                    key=party.number,
                    error=error.reason or "Business Central refused the change.",
                    vendor_words=error.vendor_words,
                )
            except OutcomeUnknown:
                return RowResult(key=party.number, again=True)
            except TryLater as error:
                if error.code != "changed":
                    raise
                if last_try:
                    return RowResult(key=party.number, again=True)
                continue
            break
        return RowResult(key=party.number, external_id=party.external_id)

    def _changed(
        self, entity: str, select: str, since: str, resume: str, purpose: str
    ) -> Iterator[Chunk]:
        return changed_since(
            self.client, entity, select=select, since=since, resume=resume, purpose=purpose
        )

    def _payment_terms(self) -> dict[str, str]:
        """Code of each payment terms id."""
        rows = self.client.rows("paymentTerms", select="id,code", purpose="read the payment terms")
        return {str(row["id"]): str(row["code"]) for row in rows}

    def _terms_id(self, code: str) -> str:
        return self._id_of("paymentTerms", code)

    @abstractmethod
    def _id_of(self, entity: str, code: str) -> str:
        """The id of a setup record by its code. Raises Rejected."""


def _settled(chunk: Chunk) -> datetime:
    """Before this instant no row appears any more, as the server dated the reading (UTC)."""
    return datetime.fromisoformat(chunk.marker).astimezone(UTC) - OVERLAP


def _page(chunk: Chunk, rows: Iterable[object]) -> Page:
    return Page(
        rows=tuple(rows),
        resume=chunk.resume,
        marker="" if chunk.position else chunk.marker,
    )


def _item(row: Json) -> CatalogItem:
    read = Reader(row, "item")
    return CatalogItem(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        gtin=read.text("gtin", ""),
        item_class=read.text("itemCategoryCode", ""),
        unit_of_measure=read.text("baseUnitOfMeasureCode", ""),
        is_blocked=read.flag("blocked"),
        is_stocked=_is_stocked(read),
        modified_at=parties.modified_at(read),
    )


def _price(row: Json) -> ItemPrice:
    read = Reader(row, "item")
    return ItemPrice(
        number=read.text("number"),
        amount=read.decimal("unitPrice", Decimal(0)),
        includes_tax=read.flag("priceIncludesTax"),
        unit_of_measure=read.text("baseUnitOfMeasureCode", ""),
    )


def _levels(rows: Iterable[Json]) -> Iterator[StockLevel]:
    for row in rows:
        read = Reader(row, "item")
        if _is_stocked(read):
            yield StockLevel(
                number=read.text("number"), on_hand=read.decimal("inventory", Decimal(0))
            )


def _is_stocked(read: Reader) -> bool:
    return odata.decoded(read.text("type", "Inventory")) == "Inventory"
