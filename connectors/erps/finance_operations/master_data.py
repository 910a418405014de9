"""Released products and their variants, for finding which of them a store sells.

No entity here tells when a record was changed, so everything is read, in the order of its key. The
sales price of a released product is not what a customer pays (trade agreements decide that), and
what is on hand does not tell what unreserved orders promise: neither is offered as a feed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal

from connectors.contract import Feed, MasterData, Page
from connectors.erps.finance_operations.client import ACROSS, Client, Json
from connectors.erps.finance_operations.items import DIMENSIONS, MASTER, PRODUCTS, VARIANTS
from connectors.errors import UnexpectedShape
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import CatalogItem

ROWS_A_PAGE = 1_000
_WORDS = {field: word for word, field in DIMENSIONS.items()}
_PRODUCT = (
    "dataAreaId",
    "ItemNumber",
    "ProductSearchName",
    "ProductType",
    "ProductSubType",
    "ProductGroupId",
    "SalesUnitSymbol",
    "NetProductWeight",
)
_VARIANT = (
    "ProductMasterNumber",
    "ItemNumber",
    "ProductVariantNumber",
    "ProductName",
    *DIMENSIONS.values(),
)


class FinanceOperationsMasterData(MasterData):
    """The part of the adapter that reads master data."""

    item_feed = Feed.SWEEP
    gives_texts = False  # the entity shows a search name in capitals

    client: Client

    def items(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """Products that can be ordered by themselves, and every variant of those that cannot."""
        after = _after(resume)
        while True:
            rows = self._products(after)
            found = [row for row in rows if _is(row, "dataAreaId", self.client.company)]
            more = len(rows) >= ROWS_A_PAGE
            last = _text(rows[-1], "ItemNumber") if rows else ""
            if more and last == after:
                raise UnexpectedShape(f"{PRODUCTS}.ItemNumber", "does not lead to another page")
            yield Page(rows=tuple(self._catalog(found)), resume=json.dumps([last]) if more else "")
            if not more:
                return
            after = last

    def _products(self, after: str) -> list[Json]:
        """The products after an item number; a leading blank of one is a part of it."""
        terms = [f"dataAreaId eq {odata.literal(self.client.company)}"]
        if after:
            terms.append(f"ItemNumber gt {odata.literal(after)}")
        params = {
            **ACROSS,
            "$filter": " and ".join(terms),
            "$orderby": "dataAreaId,ItemNumber",
            "$select": ",".join(_PRODUCT),
            "$top": str(ROWS_A_PAGE),
        }
        reply = self.client.request(
            "GET", PRODUCTS, params=params, purpose="read the released products"
        )
        return odata.rows(reply)

    def _catalog(self, products: Sequence[Json]) -> Iterator[CatalogItem]:
        variants = self._variants([row for row in products if _is(row, "ProductSubType", MASTER)])
        for row in products:
            if not _is(row, "ProductSubType", MASTER):
                yield _product(row)
                continue
            for variant in variants.get(_text(row, "ItemNumber").casefold(), ()):
                yield _variant(variant, row)

    def _variants(self, masters: Sequence[Json]) -> dict[str, list[Json]]:
        """The variants of these masters, which are neighbours in the order of item numbers."""
        if not masters:
            return {}
        first, last = (_text(row, "ItemNumber") for row in (masters[0], masters[-1]))
        rows = self.client.find(
            VARIANTS,
            f"ProductMasterNumber ge {odata.literal(first)} and "
            f"ProductMasterNumber le {odata.literal(last)}",
            select=_VARIANT,
            purpose="read the variants of the released products",
        )
        found: dict[str, list[Json]] = {}
        for row in rows:
            found.setdefault(_text(row, "ProductMasterNumber").casefold(), []).append(row)
        return found


def _after(resume: str) -> str:
    if not resume:
        return ""
    try:
        (after,) = json.loads(resume)
        return str(after)
    except (ValueError, TypeError) as error:
        raise UnexpectedShape("resume", "is not a position in a reading") from error


def _product(row: Json) -> CatalogItem:
    read = Reader(row, PRODUCTS)
    number = read.text("ItemNumber")
    return CatalogItem(
        external_id=number,
        number=number,
        name=read.text("ProductSearchName", ""),
        item_class=read.text("ProductGroupId", ""),
        unit_of_measure=read.text("SalesUnitSymbol", ""),
        is_stocked=not _is(row, "ProductType", "Service"),
        weight=read.decimal("NetProductWeight", Decimal(0)) or None,
    )


def _variant(row: Json, master: Json) -> CatalogItem:
    """Known by its variant number; one that has none by what tells it apart."""
    read, above = Reader(row, VARIANTS), Reader(master, PRODUCTS)
    chosen = {field: value for field in _WORDS if (value := _text(row, field))}
    parts = [f"{_WORDS[field]}={value}" for field, value in chosen.items()]
    number = read.text("ProductVariantNumber", "") or ";".join([above.text("ItemNumber"), *parts])
    return CatalogItem(
        external_id=number,
        number=number,
        name=read.text("ProductName", "") or above.text("ProductSearchName", ""),
        item_class=above.text("ProductGroupId", ""),
        unit_of_measure=above.text("SalesUnitSymbol", ""),
        is_stocked=not _is(master, "ProductType", "Service"),
        weight=above.decimal("NetProductWeight", Decimal(0)) or None,
        attributes={"ProductMasterNumber": above.text("ItemNumber"), **chosen},
    )


def _is(row: Json, name: str, value: str) -> bool:
    return _text(row, name).casefold() == value.casefold()


def _text(row: Json, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
