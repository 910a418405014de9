"""The rows of a V2 order in the shapes of the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bigcommerce.pricing import Line, both, money
from sandbox.common.people import Person

STATUSES = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}


def applied(kind: str, amount: Any, name: str, code: str) -> dict[str, Any]:
    return {
        "id": kind,
        "amount": money(Decimal(str(amount))),
        "name": name,
        "code": code or None,
        "target": "order" if kind == "coupon" else "product",
    }


def product_row(order_id: int, index: int, info: dict[str, Any], line: Line) -> dict[str, Any]:
    unit_ex, unit_inc = both(line.price, line.rate, line.inclusive)
    gross_ex, gross_inc = both(line.gross, line.rate, line.inclusive)
    _, _, net_inc = line.totals()
    wrap_ex, wrap_inc = both(line.wrapping, line.rate, line.inclusive)
    return {
        "id": order_id * 100 + index,
        "order_id": order_id,
        "product_id": info["product_id"],
        **({"variant_id": info["variant_id"]} if info["product_id"] else {}),
        "order_address_id": order_id,
        "name": info["name"],
        "name_customer": info["name"],
        "name_merchant": info["name"],
        "sku": info["sku"],
        "upc": info["upc"],
        "type": info["type"],
        "base_price": money(line.price),
        "price_ex_tax": money(unit_ex),
        "price_inc_tax": money(unit_inc),
        "price_tax": money(unit_inc - unit_ex),
        "base_total": money(line.gross),
        "total_ex_tax": money(gross_ex),
        "total_inc_tax": money(gross_inc),
        "total_tax": money(gross_inc - gross_ex),
        "quantity": line.quantity,
        "is_refunded": False,
        "quantity_refunded": 0,
        "refund_amount": "0.0000",
        "return_id": 0,
        "wrapping_name": "Gift wrap" if line.wrapping else None,
        "base_wrapping_cost": money(line.wrapping),
        "wrapping_cost_ex_tax": money(wrap_ex),
        "wrapping_cost_inc_tax": money(wrap_inc),
        "wrapping_cost_tax": money(wrap_inc - wrap_ex),
        "wrapping_message": "",
        "quantity_shipped": 0,
        "fixed_shipping_cost": "0.0000",
        "option_set_id": None,
        "parent_order_product_id": None,
        "is_bundled_product": False,
        "bin_picking_number": "",
        "applied_discounts": line.discounts,
        "product_options": [],
        "configurable_fields": [],
        "gift_certificate_id": None,
        "discounted_total_inc_tax": money(net_inc),
    }


def address_of(person: Person) -> dict[str, Any]:
    return {
        "first_name": person.first_name,
        "last_name": person.last_name,
        "company": person.company,
        "street_1": person.street_1,
        "street_2": person.street_2,
        "city": person.city,
        "state": person.state,
        "zip": person.postal_code,
        "country": person.country,
        "country_iso2": person.country_code,
        "phone": person.phone,
        "email": person.email,
    }


def person_of(order: dict[str, Any]) -> Person:
    row = order["billing_address"]
    return Person(
        row["first_name"],
        row["last_name"],
        row["email"],
        row["company"],
        row["phone"],
        row["street_1"],
        row["street_2"],
        row["city"],
        row["state"],
        row["zip"],
        row["country_iso2"],
    )
