"""BigCommerce's refunds into ``records.Refund``: pure.

A refund names lines and charges of its order with an amount each, tax included. Items of type
``ORDER`` are an amount alone and carry no tax; a refund without items corrects tax alone.
Source: Orders V3, "Refunds".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.reader import Reader
from connectors.records import (
    Charge,
    ChargeKind,
    Order,
    OrderLine,
    Refund,
    RefundPayment,
    RefundStatus,
)

ZERO = Decimal(0)
CENT = Decimal("0.01")
_CHARGES = {
    "SHIPPING": ChargeKind.SHIPPING,
    "HANDLING": ChargeKind.HANDLING,
    "GIFT_WRAPPING": ChargeKind.WRAPPING,
    "FEE": ChargeKind.FEE,
}


def to_refunds(rows: Sequence[Mapping[str, Any]], order: Order) -> tuple[Refund, ...]:
    """In the order in which they were made: the store counts ids upwards."""
    refunds = [to_refund(row, order) for row in rows]
    return tuple(sorted(refunds, key=lambda refund: int(refund.external_id)))


def to_refund(raw: Mapping[str, Any], order: Order) -> Refund:
    """Raises UnexpectedShape for an item that the order does not have."""
    read = Reader(raw, "refund")
    refund_id = str(read.integer("id"))
    payments = tuple(_payment(row) for row in read.items("payments"))
    total = read.decimal("total_amount")
    return Refund(
        external_id=refund_id,
        number=refund_id,
        order_id=order.external_id,
        created_at=read.convert("created", to_instant),
        status=_status(payments, total),
        sale=_sale(read, order, total),
        payments=payments,
        reason=read.text("reason", ""),
    )


def to_instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _status(payments: tuple[RefundPayment, ...], total: Decimal) -> RefundStatus:
    """The store moves the money after it recorded the refund; what was declined did not move."""
    if not payments:
        return RefundStatus.PENDING if total else RefundStatus.SETTLED
    if all(payment.is_declined for payment in payments):
        return RefundStatus.DECLINED
    if any(payment.is_declined for payment in payments):
        return RefundStatus.PENDING
    return RefundStatus.SETTLED


def _payment(read: Reader) -> RefundPayment:
    return RefundPayment(
        external_id=str(read.integer("id", 0)),
        method=read.text("provider_id", ""),
        amount=read.decimal("amount"),
        is_offline=read.flag("offline"),
        is_declined=read.flag("is_declined"),
    )


def _sale(read: Reader, order: Order, total: Decimal) -> Order:
    lines: list[OrderLine] = []
    charges: list[Charge] = []
    for item in read.items("items"):
        kind = item.text("item_type").upper()
        if kind == "PRODUCT":
            lines.append(_line(item, order))
        else:
            charges.append(_charge(kind, item, order))
    stated_tax = read.decimal("total_tax", ZERO)
    if not lines and not charges:
        amount = total or stated_tax
        charges.append(_tax(amount))
    worked_out = sum((line.tax for line in lines), ZERO) + sum(
        (_tax_of(charge) for charge in charges), ZERO
    )
    tax = stated_tax or worked_out.quantize(CENT)
    return replace(
        order,
        lines=tuple(lines),
        charges=tuple(charges),
        discounts=(),
        tenders=(),
        payments=(),
        total_inc_tax=total,
        total_tax=tax,
        total_ex_tax=total - tax,
    )


def _line(item: Reader, order: Order) -> OrderLine:
    """The part of an order's line that is given back. An amount other than the line's own (the
    merchant's override) keeps the line's tax rate."""
    line_id = str(item.integer("item_id"))
    sold = next((line for line in order.lines if line.external_id == line_id), None)
    if sold is None:
        raise UnexpectedShape("refund.items[].item_id", f"names no line of the order: {line_id}")
    quantity = Decimal(item.integer("quantity", 1)) or Decimal(1)
    part = quantity / sold.quantity if sold.quantity else Decimal(1)
    net_inc, net_ex = sold.net_inc_tax * part, sold.net_ex_tax * part
    amount = item.decimal("requested_amount", net_inc.quantize(CENT))
    if net_inc:
        net_ex = amount * net_ex / net_inc
    else:
        net_ex = amount
    return replace(
        sold,
        quantity=quantity,
        unit_price_inc_tax=amount / quantity,
        unit_price_ex_tax=net_ex / quantity,
        discount_inc_tax=ZERO,
        discount_ex_tax=ZERO,
        discounts=(),
        net_inc_tax=amount,
        net_ex_tax=net_ex,
    )


def _charge(kind: str, item: Reader, order: Order) -> Charge:
    amount = item.decimal("requested_amount", ZERO)
    item_id = str(item.integer("item_id", 0))
    if kind == "TAX":
        return _tax(amount)
    if kind not in _CHARGES:
        return Charge(
            kind=ChargeKind.ADJUSTMENT,
            name=item.text("reason", "") or "Refunded amount",
            amount_ex_tax=amount,
            amount_inc_tax=amount,
            external_id=item_id,
        )
    wanted = _CHARGES[kind]
    same = [charge for charge in order.charges if charge.kind is wanted]
    if wanted is ChargeKind.FEE:
        same = [charge for charge in same if charge.external_id == item_id] or same
    model = same[0] if same else None
    rate = (
        model.amount_ex_tax / model.amount_inc_tax
        if model is not None and model.amount_inc_tax
        else Decimal(1)
    )
    return Charge(
        kind=wanted,
        name=model.name if model else "",
        amount_ex_tax=amount * rate,
        amount_inc_tax=amount,
        tax_class=model.tax_class if model else "",
        method=model.method if model else "",
        external_id=item_id if wanted is ChargeKind.FEE else "",
    )


def _tax(amount: Decimal) -> Charge:
    return Charge(
        kind=ChargeKind.TAX, name="Tax adjustment", amount_ex_tax=amount, amount_inc_tax=amount
    )


def _tax_of(charge: Charge) -> Decimal:
    if charge.kind is ChargeKind.TAX:
        return charge.amount_inc_tax
    return charge.amount_inc_tax - charge.amount_ex_tax
