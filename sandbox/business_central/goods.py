"""What a person does with items in the client: change, receive, count, mark a price list down."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from typing import Any

from sandbox.business_central import seed
from sandbox.business_central.company import Company
from sandbox.common.catalogue import BY_SKU

Row = dict[str, Any]
WHAT = ("name", "price", "stock")


def find(company: Company, number: str) -> Row | None:
    ids = company.index[("items", "number")].get(number, {})
    return next((company.tables["items"][i] for i in ids), None)


def change(company: Company, body: Mapping[str, Any]) -> Row:
    """Add or change one item: ``number``, and any of ``name``, ``price``, ``gtin``, ``vat``,
    ``category``, ``blocked``, ``stock`` (the counted quantity), ``received`` (a quantity that
    comes in), ``delete``."""
    number = str(body["number"]).upper()
    item = find(company, number)
    card = False
    if item is None:
        known = BY_SKU.get(number)
        item = seed.new_item(
            company.name,
            number,
            str(body.get("name") or (known.name if known else number)),
            str(body.get("gtin") or (known.gtin if known else "")),
            Decimal(str(body.get("price") or (known.price_inc_tax if known else 10))),
            str(body.get("vat") or (known.vat_code if known else "STANDARD")),
        )
        company.keep("items", item)
        company.set_inventory(item, seed.NEW_ON_HAND)
    elif body.get("delete"):
        company.drop("items", item)
        return item
    texts = {"name": "displayName", "gtin": "gtin", "vat": "taxGroupCode"}
    texts["category"] = "itemCategoryCode"
    for given, name in texts.items():
        if body.get(given) is not None:
            card = True
            item[name] = str(body[given])
    if body.get("price") not in (None, ""):
        card = True
        item["unitPrice"] = Decimal(str(body["price"]))
    if "blocked" in body:
        card = True
        item["blocked"] = str(body["blocked"]).lower() in ("1", "true", "yes")
    if card:
        company.keep("items", item)
    if body.get("stock") not in (None, ""):
        company.set_inventory(item, Decimal(str(body["stock"])))
    if body.get("received"):
        company.book_quantity(item, Decimal(str(body["received"])), "Purchase", document="RECEIPT")
    return item


def change_many(company: Company, body: Mapping[str, Any]) -> Row:
    """Change ``share`` percent of the items (or ``count`` of them), evenly spread: ``what`` names
    any of name, price, stock, separated by commas; all of them without it."""
    what = [part.strip() for part in str(body.get("what") or ",".join(WHAT)).split(",")]
    if unknown := set(what) - set(WHAT):
        raise ValueError(f"what is any of {', '.join(WHAT)}, not {', '.join(unknown)}")
    table = company.tables["items"]
    wanted = int(body.get("count") or len(table) * Decimal(str(body.get("share", 1))) / 100)
    wanted = min(max(wanted, 1), len(table))
    step = len(table) // wanted
    changed = []
    for _, item_id in islice(company.in_order("items"), 0, wanted * step, step):
        item = table[item_id]
        if "name" in what:
            base, _, edition = item["displayName"].partition(", edition ")
            item["displayName"] = f"{base[:80]}, edition {int(edition or 1) + 1}"
        if "price" in what:
            raised = item["unitPrice"] * Decimal("1.03")
            item["unitPrice"] = raised.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if "name" in what or "price" in what:
            company.keep("items", item)
        if "stock" in what:
            company.book_quantity(item, Decimal(7), "Purchase", document="RECEIPT")
        changed.append(item["number"])
    return {"changed": len(changed), "first": changed[:20]}
