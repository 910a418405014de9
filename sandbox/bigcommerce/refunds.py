"""Refunds of an order: by line, by charge, by amount, of tax alone, or of all that is left."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bigcommerce.pricing import ZERO, cents
from sandbox.bigcommerce.refused import Refused

CHARGES = {"shipping": "SHIPPING", "handling": "HANDLING", "wrapping": "GIFT_WRAPPING"}
COST_OF = {"shipping": "shipping_cost", "handling": "handling_cost", "wrapping": "wrapping_cost"}


def left_of(order: dict[str, Any]) -> Decimal:
    """What of the order's total has not been refunded."""
    given = (Decimal(str(row["total_amount"])) for row in order["refunds"])
    return Decimal(order["total_inc_tax"]) - sum(given, ZERO)


def make(
    order: dict[str, Any], spec: dict[str, Any], *, refund_id: int, payment_id: int, at: str
) -> dict[str, Any]:
    """A refund as the store records it. ``spec``: lines [{id, quantity}], shipping, handling,
    wrapping, fee, tax, amount, or full; declined, pending, beyond (skip the store's own limit, as
    a manual correction in the control panel can)."""
    left = left_of(order)
    items: list[dict[str, Any]] = []
    tax = ZERO
    for wanted in spec.get("lines") or ():
        item, item_tax = _of_line(order, wanted)
        items.append(item)
        tax += item_tax
    for name, kind in CHARGES.items():
        if spec.get(name):
            amount = Decimal(str(spec[name]))
            items.append(_item(kind, order["id"], 1, amount))
            tax += cents(amount * _tax_share(order, COST_OF[name]))
    if spec.get("tax"):
        amount = Decimal(str(spec["tax"]))
        items.append(_item("TAX", order["id"], 1, amount))
        tax += amount
    if spec.get("amount"):
        items.append(_item("ORDER", order["id"], 1, Decimal(str(spec["amount"]))))
    if not items:
        items.append(_item("ORDER", order["id"], 1, left))
    total = sum((item["requested_amount"] for item in items), ZERO)
    if total <= 0 or (total > left and not spec.get("beyond")):
        raise Refused(422, "The refund is larger than what is left of the order.")
    return {
        "id": refund_id,
        "order_id": order["id"],
        "user_id": 1,
        "created": at,
        "reason": str(spec.get("reason", "")),
        "total_amount": total,
        "total_tax": tax,
        "uses_merchant_override_values": False,
        "items": items,
        "payments": []
        if spec.get("pending")
        else [payment(payment_id, total, declined=bool(spec.get("declined")))],
    }


def payment(payment_id: int, amount: Decimal, *, declined: bool = False) -> dict[str, Any]:
    """How the money of a refund went back, or did not."""
    return {
        "id": payment_id,
        "provider_id": "stripe",
        "amount": amount,
        "offline": False,
        "is_declined": declined,
        "declined_message": "Declined" if declined else "",
    }


def _of_line(order: dict[str, Any], wanted: dict[str, Any]) -> tuple[dict[str, Any], Decimal]:
    row = next((row for row in order["products"] if row["id"] == int(wanted["id"])), None)
    quantity = int(wanted["quantity"])
    if row is None or quantity < 1 or row["quantity_refunded"] + quantity > row["quantity"]:
        raise Refused(422, "The quantity is larger than what is left of the line.")
    row["quantity_refunded"] += quantity
    part = Decimal(quantity) / row["quantity"]
    amount = cents(Decimal(row["discounted_total_inc_tax"]) * part)
    gross = Decimal(row["total_inc_tax"])
    rate = Decimal(row["total_tax"]) / gross if gross else ZERO
    return _item("PRODUCT", row["id"], quantity, amount), cents(amount * rate)


def _tax_share(order: dict[str, Any], cost: str) -> Decimal:
    with_tax = Decimal(order[f"{cost}_inc_tax"])
    return (with_tax - Decimal(order[f"{cost}_ex_tax"])) / with_tax if with_tax else ZERO


def _item(kind: str, item_id: int, quantity: int, amount: Decimal) -> dict[str, Any]:
    return {
        "item_type": kind,
        "item_id": item_id,
        "quantity": quantity,
        "requested_amount": amount,
        "reason": "",
    }
