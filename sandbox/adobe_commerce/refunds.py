"""Credit memos of an order: rows, shipping, and adjustments for more or less than the rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce import columns, extras
from sandbox.adobe_commerce.invoicing import (
    COPIED,
    PREFIXES,
    Record,
    new_document,
    quantities,
    total,
)
from sandbox.adobe_commerce.totals import ZERO, cents, share
from sandbox.adobe_commerce.wire import Refused

REFUNDED = 2
# Column of the document's row -> (invoiced, refunded) columns of the order's row.
COUNTED = {
    "row_total": ("row_invoiced", "amount_refunded"),
    "tax_amount": ("tax_invoiced", "tax_refunded"),
    "discount_amount": ("discount_invoiced", "discount_refunded"),
    "discount_tax_compensation_amount": (
        "discount_tax_compensation_invoiced",
        "discount_tax_compensation_refunded",
    ),
}


def unrefunded(item: Record) -> Decimal:
    return Decimal(item["qty_invoiced"] - item["qty_refunded"])


def build(
    order: Record,
    wanted: list[Record] | None,
    *,
    shipping: Decimal | None,
    positive: Decimal,
    negative: Decimal,
) -> Record:
    """The next credit memo of an order, counted on the order.

    ``wanted`` none refunds every row; an empty list refunds no row (an adjustment, or shipping
    alone). ``shipping`` (base currency, without tax) none is all that is left. The adjustments
    are in the base currency. Raises Refused, with the order untouched.
    """
    paid = order["total_paid"] or extras.unrefunded(order, "base_")
    if not paid or order["state"] in ("holded", "canceled", "closed"):
        raise Refused(
            400,
            "A creditmemo can not be created when an order has a status of %1",
            [order["status"]],
        )
    counts: dict[int, Decimal] = {}
    if wanted is None or wanted:
        counts = quantities(
            order,
            wanted,
            unrefunded,
            "The quantity to creditmemo must not be greater than the unrefunded quantity for "
            'product SKU "%1".',
        )
    memo = new_document(order, columns.CREDITMEMO)
    memo["state"] = REFUNDED
    counted: list[tuple[Record, Record]] = []
    for item in order["items"]:
        if item["item_id"] in counts:
            row = _row(item, counts[item["item_id"]])
            memo["items"].append(row)
            counted.append((item, row))
    _shipping(memo, order, shipping)
    rate = Decimal(order["base_to_order_rate"])
    adjustment = {}
    for prefix, factor in (("base_", Decimal(1)), ("", rate)):
        more, less = cents(positive * factor), cents(negative * factor)
        memo[f"{prefix}adjustment_positive"] = more
        memo[f"{prefix}adjustment_negative"] = less
        memo[f"{prefix}adjustment"] = adjustment[prefix] = more - less
    taken_off = {p: memo[f"_{p}shipping_discount"] for p in PREFIXES}
    total(memo, order, adjustment=adjustment)
    whole = wanted is None and not order.get("_refunded_extras")
    if whole:
        for prefix in PREFIXES:
            memo[f"{prefix}grand_total"] += extras.additions(order, prefix)
    _check(memo, order)
    if whole:
        order["_refunded_extras"] = True
        _mark_extras(order, memo)
    extras.use(order, memo, "_refunded")
    _count(order, memo, counted, taken_off)
    return memo


def _row(item: Record, quantity: Decimal) -> Record:
    row: Record = {"order_item_id": item["item_id"], "qty": quantity, "base_cost": None}
    row |= {name: item[name] for name in ("sku", "name", "product_id")}
    if item.get("_dummy"):
        return row
    row |= {name: item[name] for name in COPIED}
    last = quantity == unrefunded(item)
    for prefix in PREFIXES:
        for name, (invoiced, refunded) in COUNTED.items():
            row[prefix + name] = share(
                item[prefix + invoiced],
                item.get(prefix + refunded) or ZERO,
                quantity,
                item["qty_invoiced"],
                last=last,
            )
        row[f"{prefix}row_total_incl_tax"] = share(
            item[f"_{prefix}incl_invoiced"],
            item.get(f"_{prefix}incl_refunded", ZERO),
            quantity,
            item["qty_invoiced"],
            last=last,
        )
    return row


def _shipping(memo: Record, order: Record, wanted: Decimal | None) -> None:
    whole = Decimal(order["base_shipping_amount"])
    done = Decimal(order["base_shipping_refunded"] or 0)
    left = Decimal(order["base_shipping_invoiced"] or 0) - done
    base = left if wanted is None else wanted
    if base > left or base < 0:
        raise Refused(400, "Maximum shipping amount allowed to refund is: %1", [f"{left:.2f}"])
    last = base == left
    for prefix in PREFIXES:
        suffix = "amnt" if prefix else "amount"
        parts = (
            (f"{prefix}shipping_amount", f"{prefix}shipping_refunded", f"{prefix}shipping_amount"),
            (
                f"{prefix}shipping_tax_amount",
                f"{prefix}shipping_tax_refunded",
                f"{prefix}shipping_tax_amount",
            ),
            (
                f"{prefix}shipping_discount_tax_compensation_{suffix}",
                f"_{prefix}shipping_compensation_refunded",
                f"{prefix}shipping_discount_tax_compensation_{suffix}",
            ),
            (
                f"{prefix}shipping_discount_amount",
                f"_{prefix}shipping_discount_refunded",
                f"_{prefix}shipping_discount",
            ),
        )
        for source, counter, target in parts:
            if not whole or not base:
                memo[target] = ZERO
                continue
            memo[target] = share(order[source], order.get(counter) or ZERO, base, whole, last=last)
        if prefix and base:
            memo["base_shipping_amount"] = base
        compensation = memo[f"{prefix}shipping_discount_tax_compensation_{suffix}"]
        memo[f"{prefix}shipping_incl_tax"] = (
            memo[f"{prefix}shipping_amount"] + memo[f"{prefix}shipping_tax_amount"] + compensation
        )


def _check(memo: Record, order: Record) -> None:
    amount = memo["base_grand_total"]
    tendered = extras.unrefunded(order, "base_")
    left = (order["base_total_paid"] or ZERO) - (order["base_total_refunded"] or ZERO) + tendered
    if amount > left:
        raise Refused(
            400,
            "The most money available to refund is %1.",
            [f"{order['base_currency_code']} {left:.2f}"],
        )
    if amount <= 0:
        raise Refused(400, "The credit memo's total must be positive.")


def _mark_extras(order: Record, memo: Record) -> None:
    extra = order["extension_attributes"]
    for prefix in PREFIXES:
        for name in ("price", "tax_amount"):
            column = extras.gift_wrap_name(prefix, name)
            if column in extra:
                memo["extension_attributes"][column] = extra[column]
                extra[f"{column}_refunded"] = extra[column]
        for fee in extra.get("custom_fees", ()):
            fee[f"{prefix}custom_fee_amount_refunded"] = fee[f"{prefix}custom_fee_amount"]


def _count(
    order: Record,
    memo: Record,
    counted: list[tuple[Record, Record]],
    taken_off: dict[str, Decimal],
) -> None:
    for item, row in counted:
        item["qty_refunded"] += row["qty"]
        if item.get("_dummy"):
            continue
        for prefix in PREFIXES:
            for name, (_, refunded) in COUNTED.items():
                item[prefix + refunded] = (item.get(prefix + refunded) or ZERO) + row[prefix + name]
            gross = f"_{prefix}incl_refunded"
            item[gross] = item.get(gross, ZERO) + row[f"{prefix}row_total_incl_tax"]
    for prefix in PREFIXES:
        long = f"{prefix}shipping_discount_tax_compensation_{'amnt' if prefix else 'amount'}"
        added: dict[str, Any] = {
            f"{prefix}subtotal_refunded": memo[f"{prefix}subtotal"],
            f"{prefix}tax_refunded": memo[f"{prefix}tax_amount"],
            f"{prefix}shipping_refunded": memo[f"{prefix}shipping_amount"],
            f"{prefix}shipping_tax_refunded": memo[f"{prefix}shipping_tax_amount"],
            f"{prefix}discount_refunded": memo[f"{prefix}discount_amount"],
            f"{prefix}discount_tax_compensation_refunded": memo[
                f"{prefix}discount_tax_compensation_amount"
            ],
            f"{prefix}total_refunded": memo[f"{prefix}grand_total"],
            f"{prefix}adjustment_positive": memo[f"{prefix}adjustment_positive"],
            f"{prefix}adjustment_negative": memo[f"{prefix}adjustment_negative"],
            f"_{prefix}shipping_compensation_refunded": memo[long],
            f"_{prefix}shipping_discount_refunded": taken_off[prefix],
        }
        for name, amount in added.items():
            order[name] = (order.get(name) or ZERO) + amount
