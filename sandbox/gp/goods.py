"""What a person does with items in GP: cards, price lists, quantities, one or many at a time.

The item card has a day of change; price lists and site quantities have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.common.catalogue import BY_SKU
from sandbox.gp import setup
from sandbox.gp.company import Company, Row
from sandbox.gp.values import five

WHAT = ("name", "price", "stock")
QUANTITIES = {"on_hand": "QuantityOnHand", "allocated": "QuantityAllocated"}
CENT = Decimal("0.01")


def change(company: Company, body: Mapping[str, Any], truth: Any) -> Any:
    """Add or change an item: ``number``, and any of ``name``, ``price`` (of its list and of the
    price levels), ``stock`` (on hand at MAIN), ``inactive``, ``fields``, ``delete``."""
    number = str(body["number"])
    if truth(body.get("delete", False)):
        for table in ("item_sites", "item_prices"):
            for row in company.below(table, number):
                company.drop(table, company.key(table, row))
        return company.drop("items", company.key_of("items", (number,)))
    row = company.get("items", number)
    if row is None:
        row = _added(company, number, body)
    if body.get("name"):
        row["Description"] = str(body["name"])[:100]
    if body.get("price") not in (None, ""):
        set_price(company, row, Decimal(str(body["price"])))
    if "inactive" in body:
        row["Inactive"] = truth(body["inactive"])
    row |= {k: v for k, v in dict(body.get("fields", {})).items() if k in row}
    company.keep("items", row)
    if body.get("stock") not in (None, ""):
        set_stock(company, number, "MAIN", {"on_hand": body["stock"]})
    return row


def _added(company: Company, number: str, body: Mapping[str, Any]) -> Row:
    known = BY_SKU.get(number)
    name = str(body.get("name") or (known.name if known else number))
    price = Decimal(str(body.get("price") or (setup.net(known) if known else 10)))
    zero = str(body.get("vat") or (known.vat_code if known else "")) == "ZERO"
    row = setup.item(number, name, price, zero=zero, day=company.today().isoformat())
    for site in setup.item_sites(number, {"MAIN": Decimal(40), "WEB": Decimal(15)}):
        company.keep("item_sites", site)
    for price_row in setup.price_rows(number, price):
        company.keep("item_prices", price_row)
    return row


def set_price(company: Company, item: Row, price: Decimal) -> None:
    """The list price and the price levels that follow it. Keeping the item is the caller's."""
    item["ListPrice"] = five(price)
    for row in setup.price_rows(item["ItemNumber"], price):
        key = company.key("item_prices", row)
        kept = company.tables["item_prices"].get(key, row)
        kept.update(row)
        company.keep("item_prices", kept)


def set_stock(
    company: Company, number: str, site: str, quantities: Mapping[str, Any], *, add: bool = False
) -> Row:
    """Set, or add to, a site's quantities; the record without a site follows as their sum."""
    row = company.get("item_sites", number, site)
    if row is None:
        raise ValueError("no such item at this site")
    for given, name in QUANTITIES.items():
        if given in quantities:
            before = Decimal(row[name]) if add else Decimal(0)
            row[name] = five(before + Decimal(str(quantities[given])))
    company.keep("item_sites", row)
    whole = company.get("item_sites", number, "")
    if whole is not None:
        rows = [r for r in company.below("item_sites", number) if r["RecordType"] == 2]
        for name in QUANTITIES.values():
            whole[name] = five(sum((Decimal(r[name]) for r in rows), Decimal(0)))
        company.keep("item_sites", whole)
    return row


def change_many(company: Company, body: Mapping[str, Any]) -> Row:
    """Change ``share`` percent of the items (or ``count``), evenly spread: ``what`` names any of
    name, price, stock, separated by commas; all of them without it."""
    what = [part.strip() for part in str(body.get("what") or ",".join(WHAT)).split(",")]
    if unknown := set(what) - set(WHAT):
        raise ValueError(f"what is any of {', '.join(WHAT)}, not {', '.join(unknown)}")
    items = company.rows("items")
    wanted = int(body.get("count") or len(items) * Decimal(str(body.get("share", 1))) / 100)
    wanted = min(max(wanted, 1), len(items))
    chosen = items[:: len(items) // wanted][:wanted]
    for item in chosen:
        if "name" in what:
            base, _, edition = item["Description"].partition(", edition ")
            item["Description"] = f"{base[:80]}, edition {int(edition or 1) + 1}"
        if "price" in what:
            raised = Decimal(item["ListPrice"]) * Decimal("1.03")
            set_price(company, item, raised.quantize(CENT, ROUND_HALF_UP))
        if "name" in what or "price" in what:
            company.keep("items", item)
        if "stock" in what and item["ItemType"] in (1, 2):
            set_stock(company, item["ItemNumber"], "MAIN", {"on_hand": 7}, add=True)
    return {"changed": len(chosen), "first": [item["ItemNumber"] for item in chosen[:20]]}
