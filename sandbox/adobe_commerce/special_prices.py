"""Special prices over REST. With content staging (Adobe Commerce) each is a scheduled update of its
product, with a beginning in the future and an end; without it (Open Source) a product has one a
store view, whose dates are the shop's own days. Sources: Adobe, "Manage special prices"; core
SpecialPriceStorage; magento2 issues 20347 and 34103, commerce-webapi pull request 106."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.adobe_commerce import places
from sandbox.adobe_commerce.calls import Call, Route, check_names
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import STAMP, decimal, integer, required

PRODUCTS = "Magento_Catalog::products"
STAGING = "Magento_CatalogStaging"
END_OF_TIME = "2038-01-19 03:14:07"
_NAMES = ("price", "store_id", "sku", "price_from", "price_to", "extension_attributes")
_TYPES = ("simple", "virtual", "downloadable", "bundle")
_ROW = "Row ID: SKU = %SKU, Store ID: %storeId, Price From: %priceFrom, Price To: %priceTo."
_INTERFACE = "Magento\\Catalog\\Api\\Data\\SpecialPriceInterface"
Failure = tuple[str, Record]


class SpecialPricesApi:
    def __init__(self, store: CommerceStore) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        path = "products/special-price"
        return [
            Route("POST", path, PRODUCTS, self.update),
            Route("POST", f"{path}-information", PRODUCTS, self.information),
            Route("POST", f"{path}-delete", PRODUCTS, self.delete),
        ]

    @property
    def staging(self) -> bool:
        return self.store.switches["staging"] == "yes"

    def update(self, call: Call) -> Any:
        """Apply the good rows, list the bad ones; the status is 200 either way."""
        failures: list[Record] = []
        for row in self._valid(call, failures):
            if not self.staging:
                self._set(row)
            elif words := self._schedule(row):
                failures.append(self._told(words, _parameters(row)))
        return failures

    def delete(self, call: Call) -> Any:
        """Without staging whatever the product has in the store view goes; with it the update of
        these dates."""
        failures: list[Record] = []
        for row in self._valid(call, failures):
            held = self._held(row["sku"])
            self._keep(row["sku"], [one for one in held if not self._is_meant(one, row)])
        return failures

    def information(self, call: Call) -> Any:
        skus = call.body.get("skus") if isinstance(call.body, dict) else None
        if not isinstance(skus, list):
            raise required("skus")
        found = []
        for sku in skus:
            product = self.store.find_product(str(sku))
            if product is not None and product["type_id"] in _TYPES:
                found += self._held(product["sku"])
        return found

    def _valid(self, call: Call, failures: list[Record]) -> list[Record]:
        rows = call.need_array("prices")
        good = []
        for row in rows:
            check_names(row, _NAMES, _INTERFACE)
            for name in ("price", "store_id", "sku"):
                if name not in row:
                    raise required(name)
            read = {
                "price": None if row["price"] is None else decimal(row["price"], "price"),
                "store_id": integer(row["store_id"], "store_id"),
                "sku": str(row["sku"]),
                "price_from": row.get("price_from"),
                "price_to": row.get("price_to"),
            }
            told = [self._told(words, more | _parameters(read)) for words, more in self._bad(read)]
            failures += told
            if not told:
                product = self.store.find_product(read["sku"])
                good.append({**read, "sku": product["sku"] if product else read["sku"]})
        return good

    def _bad(self, row: Record) -> list[Failure]:
        """Every trouble of a row is told by itself, as the core collects them."""
        found: list[Failure] = []
        product = self.store.find_product(row["sku"])
        if product is None or product["type_id"] not in _TYPES:
            words = (
                "The product that was requested doesn't exist. Verify the product and try again."
            )
            found.append((f"{words} {_ROW}", {}))
        if row["store_id"] and self.store.switches["price_scope"] == "global":
            words = "Could not change non global Price when price scope is global."
            found.append((f"{words} {_ROW}", {}))
        if row["store_id"] and row["store_id"] not in places.BY_ID:
            found.append((f"Requested store is not found. {_ROW}", {}))
        if row["price"] is None or row["price"] < 0:
            shown = "" if row["price"] is None else f"{row['price']}"
            found.append((f"Invalid attribute Price = %price. {_ROW}", {"price": shown}))
        for name, label in (("price_from", "Price From"), ("price_to", "Price To")):
            if row[name] and _instant(row[name]) is None:
                found.append((f"Invalid attribute %label = %priceTo. {_ROW}", {"label": label}))
        return found

    def _told(self, message: str, parameters: Record) -> Record:
        as_list = self.store.switches["price_parameters"] == "list"
        shown: Any = list(parameters.values()) if as_list else parameters
        return {"message": message, "parameters": shown, "extension_attributes": []}

    def _set(self, row: Record) -> None:
        """One a store view; a date that is not given stays as it is."""
        held = self._held(row["sku"])
        before = next((one for one in held if one["store_id"] == row["store_id"]), {})
        for name in ("price_from", "price_to"):
            row[name] = row[name] or before.get(name)
        self._keep(row["sku"], [*(one for one in held if one is not before), row])

    def _schedule(self, row: Record) -> str:
        """Make an update of it. Answers why not."""
        begin, end = _instant(row["price_from"]), _instant(row["price_to"] or END_OF_TIME)
        now = self.store.clock.now()
        if begin is None or end is None:
            return "The Start Time for Future Update needs to be selected. Select and try again."
        if begin < now:
            return (
                "The Future Update Start Time is invalid. It can't be earlier than the current "
                "time."
            )
        if end <= begin:
            return (
                "The Future Update End Time is invalid. It can't be the same time or earlier than "
                "the current time."
            )
        held = self._held(row["sku"])
        if any(_instant(one["price_from"]) < end and begin < _end(one) for one in held):
            return (
                "Future Update already exists in this time range. Set a different range and try "
                "again."
            )
        # An update is known by the second at which it begins, and no two of them share one.
        taken = {one["price_from"] for rows in self.store.specials.values() for one in rows}
        while begin.strftime(STAMP) in taken:
            begin += timedelta(seconds=1)
        row["price_from"], row["price_to"] = begin.strftime(STAMP), end.strftime(STAMP)
        self._keep(row["sku"], [*held, row])
        return ""

    def _is_meant(self, held: Record, given: Record) -> bool:
        if held["store_id"] != given["store_id"]:
            return False
        return not self.staging or all(
            held[name] == given[name] for name in ("price_from", "price_to")
        )

    def _held(self, sku: str) -> list[Record]:
        return list(self.store.specials.get(sku, ()))

    def _keep(self, sku: str, rows: list[Record]) -> None:
        self.store.save_specials(sku, rows)


def in_force(store: CommerceStore, sku: str, view: places.StoreView | None) -> Record | None:
    """The special price that shoppers of a store view get now; that of the store view before that
    of all."""
    now = store.clock.now()
    staging = store.switches["staging"] == "yes"
    local = now.astimezone(ZoneInfo(view.timezone if view else "UTC")).replace(tzinfo=UTC)
    for store_id in (view.id if view else 0, 0):
        for row in store.specials.get(sku, ()):
            begin = _instant(row["price_from"] or "2000-01-01 00:00:00")
            end = _end(row)
            if row["store_id"] != store_id:
                continue
            if begin <= now < end if staging else begin <= local < end + timedelta(days=1):
                return row
    return None


def attributes(store: CommerceStore, sku: str, view: places.StoreView | None) -> list[Record]:
    """What a product shows of it: with staging the update in force, else what is kept."""
    if store.switches["staging"] == "yes":
        row = in_force(store, sku, view)
    else:
        wanted = (view.id if view else 0, 0)
        held = sorted(store.specials.get(sku, ()), key=lambda one: -one["store_id"])
        row = next((one for one in held if one["store_id"] in wanted), None)
    if row is None:
        return []
    shown = (
        ("special_price", f"{row['price']:.6f}"),
        ("special_from_date", row["price_from"]),
        ("special_to_date", row["price_to"]),
    )
    return [{"attribute_code": name, "value": value} for name, value in shown if value]


def _parameters(row: Record) -> Record:
    return {
        "SKU": row["sku"],
        "storeId": str(row["store_id"]),
        "priceFrom": row["price_from"] or "",
        "priceTo": row["price_to"] or "",
    }


def _end(row: Record) -> datetime:
    found = _instant(row["price_to"] or END_OF_TIME)
    assert found is not None
    return found


def _instant(text: Any) -> datetime | None:
    """A date as the core takes it: exactly so, or not at all."""
    try:
        return datetime.strptime(str(text), STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def sale_price(store: CommerceStore, product: Record, view: places.StoreView) -> Decimal:
    """What a shopper pays for one: the special price where it is the lower one. Of a bundle it is
    a share of the price, in percent."""
    price = store.price(product, view)
    row = in_force(store, product["sku"], view)
    if row is None:
        return price
    special = Decimal(row["price"])
    return min(price, price * special / 100 if product["type_id"] == "bundle" else special)
