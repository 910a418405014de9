"""Items, prices, stock and customers by NAV's API, "beta" and v1.0.

Records say when they were changed. Neither version has item ledger entries, and a movement of
stock does not touch the item: stock is read whole every time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from connectors.contract import Page
from connectors.erps.nav import customer_cards
from connectors.erps.nav.api_company import ApiCompany
from connectors.erps.nav.client import Client, Json
from connectors.erps.nav.feeds import Chunk, Position, Query, first_instant, walk
from connectors.erps.nav.goods import Goods, page_of
from connectors.erps.nav.metadata import plain
from connectors.erps.nav.parties import item_category
from connectors.errors import NeedsAttention, Rejected
from connectors.kit import odata
from connectors.kit.http import Reply
from connectors.kit.reader import Reader
from connectors.records import CatalogItem, ItemPrice, Party, StockLevel

ITEM_FIELDS = (
    "id",
    "number",
    "displayName",
    "type",
    "blocked",
    "gtin",
    "baseUnitOfMeasure",
    "lastModifiedDateTime",
)
CATEGORY = {True: "itemCategory", False: "itemCategoryCode"}  # an object in beta
PRICE_FIELDS = ("number", "unitPrice", "priceIncludesTax", "baseUnitOfMeasure")
STOCK_FIELDS = ("number", "type", "inventory")
EMAIL_LENGTH, NUMBER_LENGTH = 80, 20
NAME_LENGTHS = {True: 50, False: 100}  # of names and street lines: NAV 2018, Business Central
_ZERO = Decimal(0)


class ApiGoods(Goods):
    def __init__(self, client: Client, company: ApiCompany, *, is_beta: bool) -> None:
        super().__init__(client)
        self.company = company
        self.name_length = NAME_LENGTHS[is_beta]
        self.item_fields = (*ITEM_FIELDS, CATEGORY[is_beta])

    def items(self, since: str, resume: str) -> Iterator[Page]:
        for chunk in self._changed("items", self.item_fields, since, resume, "read changed items"):
            yield page_of(chunk, (_item(row) for row in chunk.rows))

    def prices(self, since: str, resume: str, price_list: str) -> Iterator[Page]:
        if price_list:
            raise NeedsAttention(
                f"price list {price_list}",
                reason="NAV's API gives the prices of item cards only, no price list.",
                advice="Leave the price list empty in the route's settings, or choose the page "
                "services as the connection's interface.",
                code="settings",
            )
        currency = self.company.local_currency()
        for chunk in self._changed("items", PRICE_FIELDS, since, resume, "read changed prices"):
            yield page_of(chunk, (_price(row, currency) for row in chunk.rows))

    def price_lists(self) -> tuple[tuple[str, str], ...]:
        return ()

    @property
    def follows_stock(self) -> bool:
        return False

    def stock(self, since: str, resume: str) -> Iterator[Page]:
        """Sums over all locations: the API has no others."""
        for chunk in self._changed("items", STOCK_FIELDS, "", resume, "read the stock of items"):
            yield page_of(Chunk(chunk.rows, chunk.position, ""), _levels(chunk.rows))

    # Customers

    def parties(self, since: str, resume: str) -> Iterator[Page]:
        terms = self._terms()
        fields = customer_cards.API_FIELDS
        for chunk in self._changed("customers", fields, since, resume, "read changed customers"):
            yield page_of(chunk, (customer_cards.from_api(row, terms) for row in chunk.rows))

    def find_party(self, number: str) -> Party | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= NUMBER_LENGTH:
            return None
        rows = self.company.rows(
            "customers",
            filter=f"number eq {odata.literal(wanted)}",
            purpose="look for the customer by number",
        )
        row = next((row for row in rows if str(row.get("number", "")).upper() == wanted), None)
        return None if row is None else customer_cards.from_api(row, self._terms())

    def current(self, party: Party) -> Json | None:
        return self.client.get(
            self.party_path(party), purpose="read the customer before writing it"
        )

    def changes(self, party: Party, current: Json) -> dict[str, Any]:
        body = customer_cards.api_changes(
            party,
            current,
            lambda code: self.company.id_of("paymentTerms", code),
            name_length=self.name_length,
        )
        if len(body.get("email", "")) > EMAIL_LENGTH:
            raise Rejected(
                "email is too long",
                reason=f"The e-mail address is longer than {EMAIL_LENGTH} characters.",
                code="too_long",
            )
        return body

    def party_path(self, party: Party) -> str:
        return self.company.path("customers", party.external_id)

    def _terms(self) -> dict[str, str]:
        """Code of each payment terms id."""
        rows = self.company.rows("paymentTerms", select="id,code", purpose="read the payment terms")
        return {str(row.get("id")): str(row.get("code") or "") for row in rows}

    def _changed(
        self, entity: str, fields: tuple[str, ...], since: str, resume: str, purpose: str
    ) -> Iterator[Chunk]:
        position = Position.begin(since, resume)
        where = ""
        if position.since:
            where = f"lastModifiedDateTime ge {first_instant(position.since)}"

        def ask(params: Mapping[str, str], headers: Mapping[str, str], why: str) -> Reply:
            return self.client.request(
                "GET", self.company.path(entity), params=params, headers=headers, purpose=why
            )

        yield from walk(ask, Query("number", fields, where=where), position, purpose=purpose)


def _item(row: Json) -> CatalogItem:
    read = Reader(row, "item")
    return CatalogItem(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        gtin=read.text("gtin", ""),
        item_class=item_category(read),
        unit_of_measure=_unit(read),
        is_blocked=read.flag("blocked"),
        is_stocked=_is_stocked(read),
        modified_at=customer_cards.changed_at(read),
    )


def _price(row: Json, currency: str) -> ItemPrice:
    read = Reader(row, "item")
    return ItemPrice(
        number=read.text("number"),
        amount=read.decimal("unitPrice", _ZERO),
        currency=currency,
        includes_tax=read.flag("priceIncludesTax"),
        unit_of_measure=_unit(read),
    )


def _levels(rows: list[Json]) -> Iterator[StockLevel]:
    for row in rows:
        read = Reader(row, "item")
        if _is_stocked(read):
            yield StockLevel(number=read.text("number"), on_hand=read.decimal("inventory", _ZERO))


def _unit(read: Reader) -> str:
    unit = read.object("baseUnitOfMeasure")
    return unit.text("code", "") if unit else ""


def _is_stocked(read: Reader) -> bool:
    return plain(read.text("type", "Inventory")) == "inventory"
