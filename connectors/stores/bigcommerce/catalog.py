"""Reading the catalogue: all of it by id, or what has certain SKUs or barcodes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.contract import Page
from connectors.records import StoreProduct
from connectors.stores.bigcommerce import goods
from connectors.stores.bigcommerce.batches import chunks
from connectors.stores.bigcommerce.client import PAGE, Client

PRODUCTS = "/v3/catalog/products"
VARIANTS = "/v3/catalog/variants"
SKUS_AT_ONCE = 100
MOST_LETTERS = 3_000  # of a query: beyond some thousands gateways refuse the address
IDS_AT_ONCE = 50  # with their variants: a product can have 600 of them
# One question for each SKU or barcode up to this many, else one reading of everything.
ONE_BY_ONE = 12
INDEX_SECONDS = 300.0


class Index:
    """Which products with options have a variant SKU, and which products a barcode."""

    def __init__(self) -> None:
        self.made_at = time.monotonic()
        self.skus: dict[str, tuple[str, ...]] = {}
        self.gtins: dict[str, tuple[str, ...]] = {}

    def note(self, product: StoreProduct) -> None:
        if product.variant_id:
            _append(self.skus, product.sku.casefold(), product.product_id)
        if product.gtin:
            _append(self.gtins, product.gtin.strip().lstrip("0"), product.product_id)


class CatalogReader:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._index: Index | None = None

    def pages(self, resume: str = "") -> Iterator[Page]:
        """By id, each page asking for greater ids than the last one had: what is changed, created
        or deleted meanwhile moves nothing. ``resume`` is the last id."""
        after = int(resume or 0)
        while True:
            rows, _ = self.client.page(
                PRODUCTS,
                {
                    "id:greater": str(after),
                    "sort": "id",
                    "direction": "asc",
                    "limit": str(PAGE),
                    "include_fields": goods.PRODUCT_FIELDS,
                },
                "read the catalogue",
            )
            if not rows:
                return
            after = max(int(row["id"]) for row in rows)
            is_last = len(rows) < PAGE
            variants = self._variants([row for row in rows if goods.has_options(row)])
            yield Page(
                rows=tuple(
                    sold
                    for row in rows
                    for sold in goods.sold_as(row, variants.get(str(row["id"]), ()))
                ),
                resume="" if is_last else str(after),
            )
            if is_last:
                return

    def find(self, skus: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        """Products by SKU. Products' own SKUs can be asked for together; those of variants one by
        one only, so for many of them the whole catalogue is looked through, once in a while."""
        wanted = {sku: sku.casefold() for sku in skus if sku.strip()}
        found: dict[str, dict[tuple[str, str], StoreProduct]] = {}

        def take(products: Iterable[StoreProduct]) -> None:
            for product in products:
                key = (product.product_id, product.variant_id)
                found.setdefault(product.sku.casefold(), {})[key] = product

        for part in _parts(tuple(wanted)):
            take(self._products({"sku:in": ",".join(part)}, "find products by SKU"))
        missing = [sku for sku, key in wanted.items() if key not in found]
        if len(missing) > ONE_BY_ONE:
            # What was found may share its SKU with a variant of another product.
            index = self._fresh_index()
            take(self._by_id({key for sku in wanted.values() for key in index.skus.get(sku, ())}))
        else:
            for sku in missing:
                rows, _ = self.client.page(
                    VARIANTS,
                    {"sku": sku, "limit": str(PAGE), "include_fields": goods.VARIANT_FIELDS},
                    "find a variant by SKU",
                )
                take(self._by_id({str(row["product_id"]) for row in rows}))
        return {sku: tuple(found[key].values()) for sku, key in wanted.items() if key in found}

    def find_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[StoreProduct, ...]]:
        wanted = list(dict.fromkeys(code for code in gtins if code.strip()))
        ids: set[str] = set()
        if len(wanted) <= ONE_BY_ONE:
            for code in wanted:
                for path, name in ((PRODUCTS, "id"), (VARIANTS, "product_id")):
                    asked = {"upc": code, "limit": str(PAGE), "include_fields": "product_id"}
                    if path == PRODUCTS:
                        asked["include_fields"] = "upc"
                    rows, _ = self.client.page(path, asked, "find a product by barcode")
                    ids |= {str(row[name]) for row in rows}
        else:
            index = self._fresh_index()
            for code in wanted:
                ids |= set(index.gtins.get(code.strip().lstrip("0"), ()))
        products = list(self._by_id(ids))
        found = {
            code: tuple(product for product in products if goods.same_gtin(product.gtin, code))
            for code in wanted
        }
        return {code: rows for code, rows in found.items() if rows}

    def forget(self) -> None:
        """After products were made: the next search looks at everything again."""
        self._index = None

    def tracking(self, product_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """How the store counts the stock of each product just now; absent ones are gone."""
        found: dict[str, Mapping[str, Any]] = {}
        for part in chunks(list(dict.fromkeys(product_ids)), PAGE):
            rows, _ = self.client.page(
                PRODUCTS,
                {
                    "id:in": ",".join(part),
                    "limit": str(PAGE),
                    "include_fields": "inventory_tracking,base_variant_id",
                },
                "read how stock is counted",
            )
            found |= {str(row["id"]): row for row in rows}
        return found

    def _products(self, asked: Mapping[str, str], purpose: str) -> Iterator[StoreProduct]:
        rows, _ = self.client.page(
            PRODUCTS,
            {
                **asked,
                "limit": str(PAGE),
                "include": "variants",
                "include_fields": goods.PRODUCT_FIELDS,
            },
            purpose,
        )
        for row in rows:
            yield from goods.sold_as(row, row.get("variants") or ())

    def _by_id(self, ids: set[str]) -> Iterator[StoreProduct]:
        for part in chunks(sorted(ids, key=int), IDS_AT_ONCE):
            yield from self._products({"id:in": ",".join(part)}, "read products")

    def _variants(
        self, products: Sequence[Mapping[str, Any]]
    ) -> dict[str, list[Mapping[str, Any]]]:
        """The variants of products with options, a few products at a time."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for part in chunks([str(row["id"]) for row in products], IDS_AT_ONCE):
            rows = self.client.every(
                VARIANTS,
                {"product_id:in": ",".join(part), "include_fields": goods.VARIANT_FIELDS},
                "read variants",
            )
            for row in rows:
                found.setdefault(str(row["product_id"]), []).append(row)
        return found

    def _fresh_index(self) -> Index:
        if self._index is None or time.monotonic() - self._index.made_at > INDEX_SECONDS:
            index = Index()
            for page in self.pages():
                for product in page.rows:
                    index.note(product)
            self._index = index
        return self._index


def _append(table: dict[str, tuple[str, ...]], key: str, value: str) -> None:
    known = table.get(key, ())
    if value not in known:
        table[key] = (*known, value)


def _parts(skus: Sequence[str]) -> Iterator[list[str]]:
    """SKUs that can be asked for together. One with a comma cannot stand in a list: it stands
    alone, and is found as a variant."""
    part: list[str] = []
    letters = 0
    for sku in skus:
        if "," in sku:
            continue
        if part and (len(part) == SKUS_AT_ONCE or letters + len(sku) > MOST_LETTERS):
            yield part
            part, letters = [], 0
        part.append(sku)
        letters += len(sku) * 3
    if part:
        yield part
