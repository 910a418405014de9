"""Reading the catalogue: all of it by id, or what has certain SKUs or barcodes.

Names are read in the scope ``all``, where what belongs to the ERP is written; a store view may
show other ones of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from connectors.contract import Page
from connectors.errors import NeedsAttention, Rejected
from connectors.kit.reader import Reader
from connectors.records import StoreProduct
from connectors.stores.adobe_commerce import goods
from connectors.stores.adobe_commerce.batches import MOST_ENCODED
from connectors.stores.adobe_commerce.client import Client, Json
from connectors.stores.adobe_commerce.signing import Filter
from connectors.stores.adobe_commerce.structure import Structure

ALL = "all"


class CatalogReader:
    """``gtin_attribute`` is the code of the attribute that holds barcodes, empty for none."""

    def __init__(self, client: Client, structure: Structure, gtin_attribute: str) -> None:
        self.client, self.structure = client, structure
        self.gtin_attribute = gtin_attribute

    def pages(self, resume: str = "") -> Iterator[Page]:
        """By id, each page asking for greater ids than the last one had: what is changed, created
        or deleted meanwhile moves nothing. ``resume`` is the last id."""
        after = int(resume or 0)
        while True:
            rows, whole = self.client.page(
                "products",
                [("entity_id", "gt", str(after))],
                fields=goods.FIELDS,
                scope=self._scope(),
                purpose="read the catalogue",
            )
            ids = [Reader(row, "products[]").integer("id") for row in rows]
            fresh = [number for number in ids if number > after]
            # A server that repeats pages, or counts wrongly, must not be read for ever.
            is_last = not fresh or len(rows) >= whole
            yield Page(
                rows=tuple(self._to_product(row) for row in rows if goods.is_sold(row)),
                resume="" if is_last else str(max(fresh)),
            )
            if is_last:
                return
            after = max(fresh)

    def find(self, skus: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        """Products by SKU, many in one question."""
        wanted = {sku: goods.sku_key(sku) for sku in skus if sku.strip()}
        found: dict[str, tuple[StoreProduct, ...]] = {}
        for row in self.rows("sku", wanted):
            product = self._to_product(row)
            key = goods.sku_key(product.sku)
            if product not in found.get(key, ()):
                found[key] = (*found.get(key, ()), product)
        return {sku: found[key] for sku, key in wanted.items() if key in found}

    def find_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        name = self.gtin_attribute
        wanted = list(dict.fromkeys(code for code in gtins if code.strip()))
        if not name or not wanted:
            return {}
        found: dict[str, dict[str, StoreProduct]] = {}
        try:
            for row in self.rows(name, wanted):
                product = self._to_product(row)
                found.setdefault(product.gtin.strip(), {})[product.product_id] = product
        except Rejected as error:
            if "attribute name is invalid" not in error.vendor_words:
                raise
            raise NeedsAttention(
                error.detail,
                reason=f"The store has no product attribute “{name}” for barcodes.",
                advice="Correct “Attribute of barcodes” in the connection's settings.",
                vendor_words=error.vendor_words,
                code="settings",
            ) from error
        return {
            code: tuple(found[code.strip()].values()) for code in wanted if code.strip() in found
        }

    def rows(
        self, field: str, values: Iterable[str], *, fields: str = goods.FIELDS
    ) -> Iterator[Json]:
        """Raw products whose ``field`` is one of the values."""
        for filters in _questions(field, values, self.client):
            seen: set[int] = set()
            number = 0
            while True:
                number += 1
                rows, whole = self.client.page(
                    "products",
                    [filters],
                    number=number,
                    fields=fields,
                    scope=self._scope(),
                    purpose=f"find products by {field}",
                )
                fresh = {Reader(row, "products[]").integer("id"): row for row in rows}
                fresh = {key: row for key, row in fresh.items() if key not in seen}
                yield from fresh.values()
                seen |= fresh.keys()
                if not fresh or len(seen) >= whole:
                    break

    def _to_product(self, row: Json) -> StoreProduct:
        return goods.to_product(row, self.gtin_attribute, now=datetime.now(UTC))

    def _scope(self) -> str:
        """Prices of one website are read through a store view of it."""
        number = self.structure.price_store_id
        return self.structure.code_of(number) if number else ALL


def _questions(field: str, values: Iterable[str], client: Client) -> Iterator[Filter]:
    """Filters that an address has room for. A value with a comma cannot stand in a list."""
    part: list[str] = []
    letters = 0
    for value in dict.fromkeys(value.strip() for value in values):
        if "," in value:
            yield field, "eq", value
            continue
        size = len(quote(quote(value, safe=""), safe="")) + 3
        if part and (len(part) >= client.page_size or letters + size > MOST_ENCODED):
            yield field, "in", ",".join(part)
            part, letters = [], 0
        part.append(value)
        letters += size
    if part:
        yield field, "in", ",".join(part)
