"""The columns of an order's rows and header, filled from amounts that were worked out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce.totals import ZERO, Amounts, cents
from sandbox.common.people import Person


def item_amounts(prefix: str, amounts: Amounts) -> dict[str, Decimal]:
    return {
        f"{prefix}price": amounts.price,
        f"{prefix}original_price": amounts.price_incl_tax,
        f"{prefix}price_incl_tax": amounts.price_incl_tax,
        f"{prefix}row_total": amounts.row_total,
        f"{prefix}row_total_incl_tax": amounts.row_total_incl_tax,
        f"{prefix}tax_amount": amounts.tax,
        f"{prefix}tax_before_discount": amounts.tax_before_discount,
        f"{prefix}discount_amount": amounts.discount,
        f"{prefix}discount_tax_compensation_amount": amounts.compensation,
        f"{prefix}row_invoiced": ZERO,
        f"{prefix}tax_invoiced": ZERO,
        f"{prefix}discount_invoiced": ZERO,
        f"{prefix}discount_tax_compensation_invoiced": ZERO,
    }


def header_amounts(prefix: str, rows: list[Amounts], ship: Amounts) -> dict[str, Decimal]:
    """The header's amounts in one currency, before gift cards and the like."""

    def total(name: str) -> Decimal:
        return sum((getattr(row, name) for row in rows), ZERO)

    long = "amnt" if prefix else "amount"
    subtotal, taken = total("row_total"), total("discount") + ship.discount
    tax, back = total("tax") + ship.tax, total("compensation")
    grand = subtotal + ship.row_total + tax - taken + back + ship.compensation
    values = {
        "subtotal": subtotal,
        "subtotal_incl_tax": total("row_total_incl_tax"),
        "discount_amount": -taken,
        "discount_tax_compensation_amount": back,
        "shipping_amount": ship.row_total,
        "shipping_incl_tax": ship.row_total_incl_tax,
        "shipping_tax_amount": ship.tax,
        "shipping_discount_amount": ship.discount,
        f"shipping_discount_tax_compensation_{long}": ship.compensation,
        "tax_amount": tax,
        "grand_total": grand,
    }
    return {prefix + name: value for name, value in values.items()}


def add_to_parent(parent: dict[str, Any], child: dict[str, Any], *, tax: bool) -> None:
    """A dynamic bundle's own row shows the sums of its children."""
    names = ["row_total", "row_total_incl_tax", *(("tax_amount",) if tax else ())]
    for name in names:
        for prefix in ("", "base_"):
            parent[prefix + name] += child[prefix + name]


def unit_of_parent(parent: dict[str, Any]) -> None:
    """Its unit prices follow from those sums."""
    for prefix in ("", "base_"):
        gross = cents(parent[f"{prefix}row_total_incl_tax"] / parent["qty_ordered"])
        parent[f"{prefix}price"] = cents(parent[f"{prefix}row_total"] / parent["qty_ordered"])
        parent[f"{prefix}price_incl_tax"] = parent[f"{prefix}original_price"] = gross


def address(person: Person) -> dict[str, Any]:
    return {
        "firstname": person.first_name,
        "lastname": person.last_name,
        "company": person.company or None,
        "street": [line for line in (person.street_1, person.street_2) if line],
        "city": person.city,
        "region": person.state or None,
        "region_code": person.state or None,
        "postcode": person.postal_code,
        "country_id": person.country_code,
        "telephone": person.phone,
        "email": person.email,
    }
