"""What changes the amount to pay after goods, shipping and tax: gift wrap, custom fees, gift
cards, store credit, reward points. Their amounts live in ``extension_attributes``.

Gift wrap and fees add to the total; the other three are means of payment and lower it, down to
zero. Gift wrap is sold here without tax of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce.totals import ZERO, cents

Record = dict[str, Any]
# Spec key, column, most-used order of the product's collectors: gift cards before credit.
TENDERS = (
    ("gift_card", "gift_cards_amount"),
    ("store_credit", "customer_balance_amount"),
    ("reward", "reward_currency_amount"),
)
PREFIXES = ("base_", "")


def gift_wrap_name(prefix: str, name: str = "price") -> str:
    """Gift-wrap columns carry "base" inside: gw_price, gw_base_price."""
    return f"gw_{prefix}{name}"


def apply(order: Record, spec: Record, rate: Decimal) -> None:
    """Add the extras that the spec asks for; amounts of the spec are in the base currency."""
    extra: Record = order["extension_attributes"]
    factors = {"base_": Decimal(1), "": rate}
    if spec.get("gift_wrap"):
        amount = Decimal(str(spec["gift_wrap"]))
        extra["gw_id"] = "1"
        for prefix, factor in factors.items():
            _add(order, prefix, cents(amount * factor))
            extra[gift_wrap_name(prefix)] = f"{cents(amount * factor):.4f}"
            extra[gift_wrap_name(prefix, "tax_amount")] = "0.0000"
    fees = spec.get("fees") or ()
    for number, fee in enumerate(fees, 1):
        amount = Decimal(str(fee["amount"]))
        row: Record = {
            "id": str(number),
            "order_id": "",
            "custom_fee_code": fee.get("code", f"fee_{number}"),
            "custom_fee_label": fee.get("name", "Service fee"),
            "apply_fee_on_last_invoice": False,
            "apply_fee_on_last_creditmemo": False,
        }
        for prefix, factor in factors.items():
            value = cents(amount * factor)
            _add(order, prefix, value)
            row |= {
                f"{prefix}custom_fee_amount": value,
                f"{prefix}custom_fee_amount_invoiced": ZERO,
                f"{prefix}custom_fee_amount_refunded": ZERO,
            }
        extra.setdefault("custom_fees", []).append(row)
    for key, column in TENDERS:
        if spec.get(key):
            _tender(order, spec[key], key, column, factors)


def _add(order: Record, prefix: str, amount: Decimal) -> None:
    order[f"{prefix}grand_total"] += amount


def _tender(order: Record, wanted: Any, key: str, column: str, factors: dict[str, Decimal]) -> None:
    extra = order["extension_attributes"]
    detail = wanted if isinstance(wanted, dict) else {"amount": wanted}
    whole = Decimal(str(detail.get("amount", 0)))
    for prefix, factor in factors.items():
        left = order[f"{prefix}grand_total"]
        used = min(cents(whole * factor), left) if whole else left
        extra[prefix + column] = used
        order[f"{prefix}grand_total"] = left - used
    if key == "gift_card":
        extra["gift_cards"] = [
            {
                "id": 1,
                "code": str(detail.get("code", "GC-7K2P-93XQ")),
                "amount": extra[column],
                "base_amount": extra[f"base_{column}"],
            }
        ]
    if key == "reward":
        extra["reward_points_balance"] = int(extra[f"base_{column}"] * 100)


def additions(order: Record, prefix: str) -> Decimal:
    """Gift wrap and fees of an order in one currency."""
    extra = order["extension_attributes"]
    wrap = Decimal(extra.get(gift_wrap_name(prefix), "0"))
    fees = sum((row[f"{prefix}custom_fee_amount"] for row in extra.get("custom_fees", ())), ZERO)
    return wrap + fees


def tenders(order: Record) -> Iterator[str]:
    """The columns of the tenders that the order was paid with."""
    for _, column in TENDERS:
        if order["extension_attributes"].get(column):
            yield column


def settled(order: Record, column: str, prefix: str, suffix: str) -> Decimal:
    """How much of a tender earlier documents used; reward has no columns of its own for it."""
    name = prefix + column.removesuffix("_amount") + suffix
    return Decimal(order["extension_attributes"].get(name, order["_tenders"].get(name, 0)))


def unrefunded(order: Record, prefix: str) -> Decimal:
    """What invoices took from the tenders and no credit memo gave back."""
    return sum(
        (
            settled(order, column, prefix, "_invoiced")
            - settled(order, column, prefix, "_refunded")
            for column in tenders(order)
        ),
        ZERO,
    )


def use(order: Record, document: Record, suffix: str) -> None:
    """Let a document use what is left of each tender, and lower its grand total by it."""
    for column in tenders(order):
        for prefix in PREFIXES:
            whole = Decimal(order["extension_attributes"][prefix + column])
            if suffix == "_refunded":
                whole = settled(order, column, prefix, "_invoiced")
            done = settled(order, column, prefix, suffix)
            used = min(whole - done, max(document[f"{prefix}grand_total"], ZERO))
            document[f"{prefix}grand_total"] -= used
            name = prefix + column.removesuffix("_amount") + suffix
            if column == "reward_currency_amount":
                order["_tenders"][name] = done + used
            else:
                order["extension_attributes"][name] = done + used
                if used:
                    document["extension_attributes"][prefix + column] = used
