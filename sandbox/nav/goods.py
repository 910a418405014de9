"""What a person does with items in the client: change, receive, count, mark a price list up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.common.catalogue import BY_SKU, Product
from sandbox.nav import seed
from sandbox.nav.company import Company
from sandbox.nav.seed import Row

WHAT = ("name", "price", "stock")
_TEXTS = {
    "name": "displayName",
    "gtin": "gtin",
    "vat": "taxGroupCode",
    "category": "itemCategoryCode",
    "posting_group": "genProdPostingGroup",
}


def change(company: Company, body: Mapping[str, Any]) -> Row:
    """Add or change one item: ``number``, and any of ``name``, ``price``, ``gtin``, ``vat``,
    ``category``, ``posting_group``, ``blocked``, ``stock`` (the counted quantity, at ``location``),
    ``received`` (a quantity that comes in), ``delete``."""
    number = str(body["number"]).upper()
    row, card = company.tables["items"].get(number), False
    if row is None:
        known = BY_SKU.get(number) or Product(number, number, "", Decimal(10), "STANDARD")
        known = replace(known, name=str(body.get("name", known.name)))
        row, card = seed.item(company.name, known, company.today()), True
    elif _true(body.get("delete", False)):
        company.drop("items", row)
        return row
    for name, inner in _TEXTS.items():
        if name in body:
            row[inner], card = str(body[name]), True
    if body.get("price") not in (None, ""):
        row["unitPrice"], card = Decimal(str(body["price"])), True
    if "blocked" in body:
        row["blocked"], card = _true(body["blocked"]), True
    if card:
        row["lastDateModified"] = company.today()
        company.keep("items", row)
    location = str(body.get("location", "MAIN"))
    if body.get("stock") not in (None, ""):
        held = company.inventory(number, location=location)
        book(company, number, Decimal(str(body["stock"])) - held, location, "COUNT")
    if body.get("received"):
        book(company, number, Decimal(str(body["received"])), location, "RECEIPT")
    return row


def book(company: Company, number: str, quantity: Decimal, location: str, document: str) -> None:
    """An adjustment in an item journal; none for a quantity of zero."""
    if quantity:
        kind = "Positive Adjmt." if quantity > 0 else "Negative Adjmt."
        company.move(number, quantity, location=location, document=document, entry_type=kind)


def change_many(company: Company, body: Mapping[str, Any]) -> Row:
    """Change ``share`` percent of the items (or ``count`` of them), evenly spread: ``what`` names
    any of name, price, stock, separated by commas; all of them without it."""
    what = [part.strip() for part in str(body.get("what") or ",".join(WHAT)).split(",")]
    if unknown := set(what) - set(WHAT):
        raise ValueError(f"what is any of {', '.join(WHAT)}, not {', '.join(unknown)}")
    table, keys = company.tables["items"], company.in_order("items")
    wanted = int(body.get("count") or len(keys) * Decimal(str(body.get("share", 1))) / 100)
    wanted = min(max(wanted, 1), len(keys))
    chosen = list(keys[: wanted * (len(keys) // wanted) : len(keys) // wanted])
    for number in chosen:
        row = table[number]
        if "name" in what:
            base, _, edition = row["displayName"].partition(", ed. ")
            row["displayName"] = f"{base[:38]}, ed. {int(edition or 1) + 1}"
        if "price" in what:
            raised = row["unitPrice"] * Decimal("1.03")
            row["unitPrice"] = raised.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if "name" in what or "price" in what:
            row["lastDateModified"] = company.today()
            company.keep("items", row)
        if "stock" in what:
            book(company, number, Decimal(7), "MAIN", "RECEIPT")
    return {"changed": len(chosen), "first": chosen[:20]}


def set_price(company: Company, body: Mapping[str, Any]) -> Row:
    """A line on the page Sales Prices: ``number``, ``price``, and any of ``group`` (a customer
    price group; everybody without it), ``customer``, ``currency``, ``from``, ``to``, ``quantity``,
    ``unit``, ``variant``, ``includes_vat``, ``delete``."""
    group, customer = str(body.get("group", "")).upper(), str(body.get("customer", "")).upper()
    kind = "Customer Price Group" if group else "Customer" if customer else "All Customers"
    row: Row = {
        "itemNumber": str(body["number"]).upper(),
        "salesType": kind,
        "salesCode": group or customer,
        "startingDate": str(body.get("from") or "0001-01-01"),
        "currencyCode": str(body.get("currency", "")),
        "variantCode": str(body.get("variant", "")),
        "unitOfMeasureCode": str(body.get("unit", "")),
        "minimumQuantity": Decimal(str(body.get("quantity", 0))),
    }
    row["_key"] = "|".join(str(value) for value in row.values())
    if _true(body.get("delete", False)):
        company.drop("salesPrices", row)
        return row
    row["unitPrice"] = Decimal(str(body["price"]))
    row["endingDate"] = str(body.get("to") or "0001-01-01")
    row["priceIncludesTax"] = _true(body.get("includes_vat", True))
    company.keep("salesPrices", row)
    return row


def _true(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes", "on")
