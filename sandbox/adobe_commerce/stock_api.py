"""Sources, source items and what can still be sold, over REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import columns, places
from sandbox.adobe_commerce.calls import Call, Route, check_names
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, decimal, integer

SOURCES = "Magento_InventoryApi::source"
STOCKS = "Magento_InventoryApi::stock"


class StockApi:
    def __init__(self, store: CommerceStore) -> None:
        self.store = store

    def product(self, sku: str) -> Record:
        """Raises Refused for a SKU that no product has."""
        row = self.store.find_product(sku)
        if row is None:
            raise Refused(
                404,
                "The product that was requested doesn't exist. Verify the product and try again.",
            )
        return row

    def routes(self) -> list[Route]:
        return [
            Route("GET", "inventory/source-items", SOURCES, self.source_items),
            Route("POST", "inventory/source-items", SOURCES, self.save_source_items),
            Route("GET", "inventory/sources", SOURCES, self.sources),
            Route("GET", "inventory/stocks", STOCKS, self.stocks),
            Route(
                "GET",
                "inventory/get-product-salable-quantity/{sku}/{stockId}",
                STOCKS,
                self.salable,
            ),
            Route(
                "GET",
                "inventory/is-product-salable/{sku}/{stockId}",
                STOCKS,
                self.is_salable,
            ),
            Route(
                "GET",
                "stockItems/{productSku}",
                "Magento_CatalogInventory::cataloginventory",
                self.stock_item,
            ),
        ]

    def source_items(self, call: Call) -> Any:
        return call.search(self._candidates(call), columns.SOURCE_ITEM)

    def _candidates(self, call: Call) -> list[Record]:
        """All of them, or those of one SKU."""
        for group in call.criteria().groups:
            if len(group) == 1 and group[0]["field"] == "sku":
                one = group[0]
                if one["condition_type"] == "eq":
                    product = self.store.find_product(one["value"])
                    sku = product["sku"] if product else one["value"]
                    rows = (self.store.source_items.get((sku, code)) for code in places.SOURCES)
                    return [row for row in rows if row is not None]
        return list(self.store.source_items.values())

    def save_source_items(self, call: Call) -> Any:
        """Upsert by SKU and source; every row is checked before any is saved."""
        rows = call.need_array("sourceItems")
        if not rows:
            raise Refused(400, "Input data is empty")
        interface = "Magento\\InventoryApi\\Api\\Data\\SourceItemInterface"
        for row in rows:
            check_names(row, (*columns.SOURCE_ITEM, "extension_attributes"), interface)
            self._check_source_item(row)
        for row in rows:
            self.put(
                str(row["sku"]), str(row["source_code"]), row.get("quantity"), row.get("status")
            )
        return []

    def _check_source_item(self, row: Record) -> None:
        def invalid(words: str) -> Refused:
            return Refused(400, "Validation Failed", errors=[{"message": words, "parameters": []}])

        for name in ("sku", "source_code"):
            if not str(row.get(name) or "").strip():
                raise Refused(400, f'Validation Failed: "{name}" can not be empty.')
            if str(row[name]) != str(row[name]).strip():
                raise Refused(
                    400,
                    f'Validation Failed: "{name}" can not contain leading or trailing spaces.',
                )
        if row["source_code"] not in places.SOURCES:
            raise invalid(f'Source code "{row["source_code"]}" does not exist.')
        if row.get("quantity") is not None:
            decimal(row["quantity"], "quantity")
        if row.get("status") is not None and integer(row["status"], "status") not in (0, 1):
            raise invalid('"status" should be a known status.')
        unknown = self.store.find_product(str(row["sku"])) is None
        if unknown and self.store.switches["unknown_stock_sku"] == "refuse":
            raise Refused(400, "Could not save Source Item")

    def put(self, sku: str, source: str, quantity: Any, status: Any) -> None:
        row = self.store.source_items.setdefault(
            (sku, source),
            {"sku": sku, "source_code": source, "quantity": Decimal(0), "status": 1},
        )
        if quantity is not None:
            row["quantity"] = decimal(quantity, "quantity")
        if status is not None:
            row["status"] = int(status)
        self.store.keep("source_item", f"{sku}|{source}", row)

    def sources(self, call: Call) -> Any:
        rows = [
            {
                "source_code": code,
                "name": name,
                "enabled": True,
                "country_id": "GB",
                "postcode": "LA9 4DQ",
            }
            for code, name in places.SOURCES.items()
        ]
        return call.search(rows, rows[0].keys())

    def stocks(self, call: Call) -> Any:
        channels = [{"type": "website", "code": site.code} for site in places.WEBSITES]
        row = {
            "stock_id": 1,
            "name": "Default Stock",
            "extension_attributes": {"sales_channels": channels},
        }
        return call.search([row], ("stock_id", "name"))

    def salable(self, call: Call) -> Any:
        sku = self.product(call.params["sku"])["sku"]
        if call.params["stockId"] != "1":
            raise Refused(
                404, 'Stock with id "%value" does not exist.', {"value": call.params["stockId"]}
            )
        return self.store.salable(sku)

    def is_salable(self, call: Call) -> Any:
        return bool(self.salable(call) > 0)

    def stock_item(self, call: Call) -> Any:
        row = self.product(call.params["productSku"])
        stock = self.store.source_items.get((row["sku"], "default"))
        return stock_item(row, stock or {"quantity": Decimal(0), "status": 0})


def stock_item(row: Record, stock: Record) -> Record:
    return {
        "item_id": row["id"],
        "product_id": row["id"],
        "stock_id": 1,
        "qty": stock["quantity"],
        "is_in_stock": bool(stock["status"]),
        "is_qty_decimal": False,
        "manage_stock": True,
    }
