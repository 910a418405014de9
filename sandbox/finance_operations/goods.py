"""What a person does with released products: release, rename, price, count, block, remove."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.common.catalogue import BY_SKU, Product
from sandbox.finance_operations import seed
from sandbox.finance_operations.environment import Environment, Row

PRODUCTS, ON_HAND = "ReleasedProductsV2", "WarehousesOnHandV2"
WHAT = ("name", "price", "stock")


def change(env: Environment, body: Mapping[str, Any]) -> None:
    """Release an item in every trading company, or change it where it is released: ``number``, and
    any of ``name``, ``price``, ``tax_group`` (when released), ``stock`` (what is on hand),
    ``blocked``, ``delete``."""
    number = str(body["number"])
    known = BY_SKU.get(number) or Product(
        number,
        str(body.get("name") or number),
        "",
        Decimal(str(body.get("price") or 10)),
        "STANDARD",
    )
    for company in seed.TRADING:
        row = env.find(PRODUCTS, dataAreaId=company, ItemNumber=number)
        if row is None:
            group = str(body.get("tax_group", ""))
            for table, values in seed.item(company, number, known.name, known, group):
                env.insert(table, values)
            row = env.find(PRODUCTS, dataAreaId=company, ItemNumber=number)
            assert row is not None
        changes: Row = {}
        if body.get("name"):
            changes |= _named(str(body["name"]))
        if body.get("price") not in (None, ""):
            changes["SalesPrice"] = Decimal(str(body["price"]))
        if "blocked" in body:
            changes["_blocked"] = _flag(body["blocked"])
        if changes:
            row = env.change(PRODUCTS, row, **changes)
        if body.get("stock") not in (None, ""):
            _count(env, company, number, Decimal(str(body["stock"])))
        if _flag(body.get("delete", "")):
            env.remove(PRODUCTS, row)


def change_many(env: Environment, body: Mapping[str, Any]) -> Row:
    """Change ``share`` percent of the items of the first trading company (or ``count`` of them),
    evenly spread: ``what`` names any of name, price, stock; all of them without it."""
    what = [part.strip() for part in str(body.get("what") or ",".join(WHAT)).split(",")]
    if unknown := set(what) - set(WHAT):
        raise ValueError(f"what is any of {', '.join(WHAT)}, not {', '.join(unknown)}")
    company = seed.TRADING[0]
    rows = list(env.table(PRODUCTS).between(company, []))
    wanted = int(body.get("count") or len(rows) * Decimal(str(body.get("share", 1))) / 100)
    wanted = min(max(wanted, 1), len(rows))
    step = len(rows) // wanted
    chosen = rows[: wanted * step : step]
    for row in chosen:
        changes: Row = {}
        if "name" in what:
            base, _, edition = row["ProductSearchName"].partition(" ED")
            changes |= _named(f"{base[:15]} ed{int(edition or 1) + 1}")
        if "price" in what:
            raised = row["SalesPrice"] * Decimal("1.03")
            changes["SalesPrice"] = raised.quantize(Decimal("0.01"), ROUND_HALF_UP)
        if changes:
            env.change(PRODUCTS, row, **changes)
        if "stock" in what:
            _count(env, company, row["ItemNumber"], None)
    return {"changed": len(chosen), "first": [row["ItemNumber"] for row in chosen[:20]]}


def _named(name: str) -> Row:
    short = name[:20].upper()
    return {"ProductSearchName": short, "SearchName": short, "_name": name}


def _count(env: Environment, company: str, number: str, on_hand: Decimal | None) -> None:
    """What was counted in the first warehouse; seven more without it."""
    for row in env.table(ON_HAND).where(dataAreaId=company, ItemNumber=number)[:1]:
        total = row["OnHandQuantity"] + 7 if on_hand is None else on_hand
        left = total - row["ReservedOnHandQuantity"]
        env.change(
            ON_HAND,
            row,
            OnHandQuantity=total,
            AvailableOnHandQuantity=left,
            TotalAvailableQuantity=left,
        )


def _flag(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes")
