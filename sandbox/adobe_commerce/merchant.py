"""What people do in the shop and its admin: change a product, edit many at once, change an
account."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.adobe_commerce import goods, places
from sandbox.adobe_commerce.stock_api import StockApi
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, shown
from sandbox.common.catalogue import BY_SKU

WHAT = ("name", "price", "stock")


def change(store: CommerceStore, stock: StockApi, body: dict[str, Any]) -> Record:
    """Add or change one product: ``sku``, and any of ``name``, ``price``, ``gtin``, ``status``,
    ``stock`` (at ``source``), ``special`` (all special prices that it has: rows of price, store_id,
    price_from, price_to), ``delete``."""
    sku = str(body["sku"])
    row = store.find_product(sku)
    if row is None:
        known = BY_SKU.get(sku)
        row = goods.product(
            store.next_id("product"),
            sku,
            str(body.get("name") or (known.name if known else sku)),
            Decimal(str(body.get("price") or (known.price_inc_tax if known else 10))),
            goods.STANDARD,
            store.now(),
            known.gtin if known else "",
        )
    elif body.get("delete"):
        store.delete_product(row)
        return row
    if body.get("name"):
        row["name"] = str(body["name"])
    if body.get("price") not in (None, ""):
        row["price"] = Decimal(str(body["price"]))
    if body.get("status"):
        row["status"] = int(body["status"])
    if body.get("gtin"):
        others = [a for a in row["custom_attributes"] if a["attribute_code"] != goods.GTIN]
        row["custom_attributes"] = [
            *others,
            {"attribute_code": goods.GTIN, "value": str(body["gtin"])},
        ]
    if "special" in body:
        store.save_specials(
            row["sku"],
            [
                {
                    "price": Decimal(str(one["price"])),
                    "store_id": int(one.get("store_id", 0)),
                    "sku": row["sku"],
                    "price_from": one.get("price_from"),
                    "price_to": one.get("price_to"),
                }
                for one in body["special"]
            ],
        )
    row["updated_at"] = store.now()
    store.save_product(row)
    if body.get("stock") not in (None, ""):
        quantity = Decimal(str(body["stock"]))
        stock.put(row["sku"], str(body.get("source") or "default"), quantity, int(quantity > 0))
    return row


def change_many(store: CommerceStore, stock: StockApi, body: dict[str, Any]) -> Record:
    """Change ``share`` percent of the products (or ``count`` of them), evenly spread: ``what``
    names any of name, price, stock, separated by commas; all of them without it."""
    what = [part.strip() for part in str(body.get("what") or ",".join(WHAT)).split(",")]
    if unknown := set(what) - set(WHAT):
        raise Refused(400, f"what is any of {', '.join(WHAT)}, not {', '.join(sorted(unknown))}")
    simple = [row for row in store.products.values() if row["type_id"] == "simple"]
    wanted = int(body.get("count") or len(simple) * Decimal(str(body.get("share", 1))) / 100)
    wanted = min(max(wanted, 1), len(simple))
    step = len(simple) // wanted
    now = store.now()
    changed = simple[: wanted * step : step]
    for row in changed:
        if "name" in what:
            base, _, edition = row["name"].partition(", edition ")
            row["name"] = f"{base}, edition {int(edition or 1) + 1}"
        if "price" in what:
            raised = row["price"] * Decimal("1.03")
            row["price"] = raised.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if "name" in what or "price" in what:
            row["updated_at"] = now
            store.save_product(row)
        if "stock" in what:
            held = store.source_items.get((row["sku"], "default"), {"quantity": Decimal(0)})
            stock.put(row["sku"], "default", held["quantity"] + 7, 1)
    return {"changed": len(changed), "first": [row["sku"] for row in changed[:20]]}


def shown_product(store: CommerceStore, row: Record) -> Record:
    """A product with its stock by source and what store views have different."""
    held = {
        source: {"quantity": stock["quantity"], "status": stock["status"]}
        for source in places.SOURCES
        if (stock := store.source_items.get((row["sku"], source)))
    }
    own = {
        key.rpartition("|")[2]: values
        for key, values in store.overrides.items()
        if key.rpartition("|")[0] == row["sku"]
    }
    special = store.specials.get(row["sku"], [])
    return {**shown(row), "sources": held, "overrides": own, "special": special}


def change_customer(store: CommerceStore, number: int, body: dict[str, Any]) -> Record:
    """A shopper changes names or group of the account, or fields of the first address."""
    customer = store.customers.get(number)
    if customer is None:
        raise Refused(404, "There is no such customer.")
    for row in customer["addresses"][:1]:
        row |= body.get("address", {})
    names = ("firstname", "lastname", "group_id")
    customer |= {name: body[name] for name in names if name in body}
    customer["updated_at"] = store.now()
    store.save_customer(customer)
    found: Record = shown(customer)
    return found
