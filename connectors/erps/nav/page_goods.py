"""Items, prices, stock and customers by page services.

The cards of items and customers keep only the day of their last change. Stock is computed from the
item ledger and does not touch the card: it is followed by ledger entries, whose numbers only grow,
and the quantities of their items are read anew. Special prices (page Sales Prices) keep no date of
change at all, so a price list is read whole, item by item.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectors.contract import Check, Page, Verdict
from connectors.erps.nav import customer_cards, item_cards
from connectors.erps.nav.checks import failed, ok
from connectors.erps.nav.client import Client, Json, chunks, in_path
from connectors.erps.nav.errors import NOT_OFFERED
from connectors.erps.nav.feeds import Chunk, Position, Query, first_day, walk
from connectors.erps.nav.finding import ITEMS_A_CALL
from connectors.erps.nav.goods import ALL_CUSTOMERS, Goods, absent_field, page_of
from connectors.erps.nav.metadata import Service, plain
from connectors.erps.nav.published import Published, not_published
from connectors.errors import ConnectorError, Rejected
from connectors.kit import odata
from connectors.kit.http import Reply
from connectors.kit.reader import Reader
from connectors.records import ItemPrice, Party, StockLevel

CHANGED = "Last_Date_Modified"
LOCATION = "Location_Filter"
GROUP, EVERYBODY = "customer price group", "all customers"
# Entries read again with every reading. Rows are read before their transaction ends: one that is
# rolled back gives its numbers to the next.
ENTRIES_AGAIN = 100
ITEMS_OF_A_PRICE_LIST = 200
MOST_PRICE_GROUPS = 200


class PageGoods(Goods):
    def __init__(self, client: Client, published: Published, values: Mapping[str, str]) -> None:
        super().__init__(client)
        self.published = published
        self.own_currency = values.get("local_currency", "")
        self.locations = tuple(
            code
            for part in values.get("stock_locations", "").split(",")
            if (code := part.strip().upper())
        )

    def prove(self) -> Iterator[Check]:
        name = "Changes of stock"
        item = self.published.service("item")
        if self.locations and LOCATION not in item:
            yield failed(name, absent_field(item.name, LOCATION))
        elif "Inventory" not in item:
            yield Check(
                name=name,
                verdict=Verdict.SKIPPED,
                words=f"“{item.name}” does not show Inventory: stock cannot be read.",
            )
        elif not self.follows_stock:
            yield Check(
                name=name,
                verdict=Verdict.SKIPPED,
                words="Item ledger entries (page 38) are not published: every reading of stock "
                "takes all items.",
            )
        else:
            try:
                self._newest_entry()
            except ConnectorError as error:
                yield replace(failed(name, error), verdict=Verdict.WARNING)
            else:
                yield ok(name, "Followed by item ledger entries.")

    # Items and prices

    def items(self, since: str, resume: str) -> Iterator[Page]:
        for chunk in self._changed(
            "item", item_cards.ITEM_FIELDS, since, resume, "read changed items"
        ):
            yield page_of(chunk, (item_cards.item(row) for row in chunk.rows))

    def prices(self, since: str, resume: str, price_list: str) -> Iterator[Page]:
        currency = self._currency()
        if not price_list:
            for chunk in self._changed(
                "item", item_cards.PRICE_FIELDS, since, resume, "read changed prices"
            ):
                yield page_of(chunk, (item_cards.own_price(row, currency) for row in chunk.rows))
            return
        service = self._optional("sales_prices")
        if service is None:
            raise not_published(self.published.values.get("service_sales_prices", ""))
        query = Query(
            "No", self._shown("item", item_cards.PRICE_FIELDS), size=ITEMS_OF_A_PRICE_LIST
        )
        start = Position.begin("", resume)
        for chunk in walk(self._ask("item"), query, start, purpose="read the items of a list"):
            yield page_of(chunk, self._list_prices(chunk.rows, price_list, currency))

    def _list_prices(self, items: list[Json], price_list: str, currency: str) -> list[ItemPrice]:
        """The list's prices of these items. The card's own price counts for an item that has none
        in the list today, as NAV does it."""
        if not items:
            return []
        of_item: dict[str, list[ItemPrice]] = {}
        units = {Reader(r, "Item").text("No"): r.get("Base_Unit_of_Measure") for r in items}
        for row in self._list_rows(list(units), price_list):
            price = item_cards.list_price(row, currency)
            if price.unit_of_measure in ("", units.get(price.number)):
                of_item.setdefault(price.number, []).append(price)
        today = datetime.now(UTC).date()
        found: list[ItemPrice] = []
        for row in items:
            own = item_cards.own_price(row, currency)
            listed = of_item.get(own.number, [])
            found += listed
            if not any(
                (p.valid_from is None or p.valid_from <= today)
                and (p.valid_to is None or p.valid_to >= today)
                and p.minimum_quantity <= 1
                and p.currency == own.currency
                for p in listed
            ):
                found.append(own)
        return found

    def _list_rows(self, numbers: Sequence[str], price_list: str) -> Iterator[Json]:
        """What a customer of this price group pays: the group's prices and those for everybody.
        ``numbers`` are neighbours in the order of the items."""
        codes = [""] if price_list == ALL_CUSTOMERS else ["", price_list.strip().upper()]
        span = f"Item_No ge {odata.literal(numbers[0])} and Item_No le {odata.literal(numbers[-1])}"
        rows = self.published.rows(
            "sales_prices",
            filter=f"({odata.any_of('Sales_Code', codes)}) and {span}",
            purpose="read the prices of a list",
        )
        for row in rows:
            kind, code = plain(str(row.get("Sales_Type") or "")), str(row.get("Sales_Code") or "")
            fits = kind == EVERYBODY or (kind == GROUP and code.upper() in codes[1:])
            if fits and not str(row.get("Variant_Code") or "").strip():
                yield row

    def price_lists(self) -> tuple[tuple[str, str], ...]:
        """The price groups that have prices: each is found by asking for the next code."""
        service = self._optional("sales_prices")
        if service is None:
            return ()
        field = service.fields.get("Sales_Type")
        group = field.member("Customer Price Group") if field else "Customer Price Group"
        found = [(ALL_CUSTOMERS, "Sales prices for all customers")]
        last = ""
        while len(found) <= MOST_PRICE_GROUPS:
            rows = self.published.rows(
                "sales_prices",
                filter=f"Sales_Type eq {odata.literal(group)} and Sales_Code gt "
                f"{odata.literal(last)}",
                orderby="Sales_Code",
                top="1",
                select="Sales_Code",
                purpose="list the price groups",
            )
            code = str(rows[0].get("Sales_Code") or "") if rows else ""
            if not code or code == last:
                break
            found.append((code, f"Sales prices of the customer price group {code}"))
            last = code
        return tuple(found)

    def _currency(self) -> str:
        """Of item cards; "" if nobody says."""
        if self.own_currency:
            return self.own_currency
        setup = self.published.ledger_setup()
        return "" if setup is None else setup.currency

    # Stock

    @property
    def follows_stock(self) -> bool:
        return self._optional("entries") is not None

    def stock(self, since: str, resume: str) -> Iterator[Page]:
        position = Position.begin(since, resume)
        if position.since:
            known = int(position.since) if position.since.isdecimal() else 0
            newest = self._newest_entry()
            if newest is not None and newest >= known:
                return self._moved(replace(position, marker=position.marker or str(newest)))
            # The ledger is shorter than it was: what we saw was rolled back, or another company's.
            position = Position()
        return self._all_stock(position)

    def _all_stock(self, position: Position) -> Iterator[Page]:
        marker = position.marker
        if not marker:
            newest = self._newest_entry()
            marker = "" if newest is None else str(newest)
        query = Query("No", self._shown("item", item_cards.STOCK_FIELDS))
        start = replace(position, marker=marker)
        purpose = "read the stock of all items"
        for chunk in walk(self._ask("item"), query, start, purpose=purpose):
            numbers = [Reader(row, "Item").text("No") for row in chunk.rows]
            levels = list(self._levels(chunk.rows, _span(numbers))) if numbers else []
            following = chunk.position
            if following is not None:
                following = replace(following, marker=marker)
            yield page_of(Chunk(chunk.rows, following, marker), levels)

    def _moved(self, position: Position) -> Iterator[Page]:
        """The items that entries after ``position.since`` moved. The marker is the last entry that
        was read."""
        known = int(position.since)
        newest = known
        query = Query(
            "Entry_No",
            ("Entry_No", "Item_No"),
            where=f"Entry_No gt {max(known - ENTRIES_AGAIN, 0)}",
            numeric=True,
        )
        for chunk in walk(
            self._ask("entries"), query, position, purpose="look for stock movements"
        ):
            moved: dict[str, None] = {}
            for row in chunk.rows:
                read = Reader(row, "ItemLedgerEntries")
                newest = max(newest, read.integer("Entry_No"))
                moved[read.text("Item_No", "")] = None
            rows = self._quantities(number for number in moved if number)
            marker = str(max(newest, int(position.after or 0)))
            yield page_of(Chunk(chunk.rows, chunk.position, marker), rows)

    def _quantities(self, numbers: Iterable[str]) -> list[StockLevel]:
        select = ",".join(self._shown("item", item_cards.STOCK_FIELDS))
        found: list[StockLevel] = []
        for batch in chunks(sorted(numbers), ITEMS_A_CALL):
            condition = odata.any_of("No", batch)
            rows: list[Json] = []
            if not self.locations:
                rows = self.published.rows(
                    "item", filter=condition, select=select, purpose="read the stock of moved items"
                )
            found += self._levels(rows, f"({condition})")
        return found

    def _levels(self, rows: list[Json], condition: str) -> Iterator[StockLevel]:
        """The sums over all locations, from ``rows``; or one quantity a location, each asked for
        with the flow filter, for the items that ``condition`` finds."""
        if not self.locations:
            for row in rows:
                yield from item_cards.level(row, "")
            return
        service = self.published.service("item")
        if LOCATION not in service:
            raise absent_field(service.name, LOCATION)
        select = ",".join(self._shown("item", item_cards.STOCK_FIELDS))
        for location in self.locations:
            for row in self.published.rows(
                "item",
                filter=f"{condition} and {LOCATION} eq {odata.literal(location)}",
                select=select,
                purpose=f"read the stock at {location}",
            ):
                yield from item_cards.level(row, location)

    def _newest_entry(self) -> int | None:
        """None where the entries are not published."""
        if self._optional("entries") is None:
            return None
        rows = self.published.rows(
            "entries",
            orderby="Entry_No desc",
            top="1",
            select="Entry_No",
            purpose="see where the item ledger ends",
        )
        return max(
            (Reader(row, "ItemLedgerEntries").integer("Entry_No") for row in rows), default=0
        )

    # Customers

    def parties(self, since: str, resume: str) -> Iterator[Page]:
        fields = customer_cards.PAGE_FIELDS
        for chunk in self._changed("customer", fields, since, resume, "read changed customers"):
            yield page_of(chunk, (customer_cards.from_page(row) for row in chunk.rows))

    def find_party(self, number: str) -> Party | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= (self.published.service("customer").length("No") or 20):
            return None
        row = self._customer(wanted, "look for the customer by number")
        return None if row is None else customer_cards.from_page(row)

    def _customer(self, number: str, purpose: str) -> Json | None:
        service = self.published.service("customer")
        return self.client.get(self.published.path(service.name, in_path(number)), purpose=purpose)

    def current(self, party: Party) -> Json | None:
        return self._customer(party.external_id, "read the customer before writing it")

    def changes(self, party: Party, current: Json) -> dict[str, Any]:
        service = self.published.service("customer")
        body, absent = customer_cards.page_changes(party, current, service)
        if absent:
            raise Rejected(
                f"{service.name} has no {', '.join(absent)}",
                reason=f"The page “{service.name}” does not show {', '.join(absent)}, and the "
                "store changed it.",
                code="field_absent",
            )
        for name, value in body.items():
            length = service.length(name)
            if length is not None and len(value) > length:
                raise Rejected(
                    f"{service.name}.{name} takes {length} characters",
                    reason=f"“{value}” is longer than the {length} characters of {name} in NAV.",
                    code="too_long",
                )
        return dict(body)

    def party_path(self, party: Party) -> str:
        service = self.published.service("customer")
        return self.published.path(service.name, in_path(party.external_id))

    # Services

    def _changed(
        self, name: str, fields: tuple[str, ...], since: str, resume: str, purpose: str
    ) -> Iterator[Chunk]:
        """Rows changed on or after the day of ``since``; all rows, where the page does not show
        when a card was changed."""
        position = Position.begin(since, resume)
        where = ""
        if position.since and CHANGED in self.published.service(name):
            where = f"{CHANGED} ge {first_day(position.since).isoformat()}"
        query = Query("No", self._shown(name, fields), where=where)
        yield from walk(self._ask(name), query, position, purpose=purpose)

    def _shown(self, name: str, fields: tuple[str, ...]) -> tuple[str, ...]:
        service = self.published.service(name)
        return tuple(field for field in fields if field in service)

    def _optional(self, name: str) -> Service | None:
        published = self.published.values.get(f"service_{name}", "")
        return self.published.services().get(published)

    def _ask(self, name: str) -> Any:
        service = self.published.values.get(f"service_{name}", "")

        def ask(params: Mapping[str, str], headers: Mapping[str, str], purpose: str) -> Reply:
            try:
                return self.client.request(
                    "GET",
                    self.published.path(service),
                    params=params,
                    headers=headers,
                    purpose=purpose,
                )
            except Rejected as error:
                if error.code != NOT_OFFERED:
                    raise
                self.published.forget()
                raise not_published(service, error) from error

        return ask


def _span(numbers: Sequence[str]) -> str:
    return f"No ge {odata.literal(numbers[0])} and No le {odata.literal(numbers[-1])}"
