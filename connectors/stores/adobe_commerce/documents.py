"""Commerce's invoices and credit memos of one order: pure.

Both have their own sequences and carry the order's rows again, by ``order_item_id`` alone, so the
order's lines say which of them have the money and what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.records import (
    ChargeKind,
    Order,
    Payment,
    Refund,
    RefundPayment,
    RefundStatus,
    StoreInvoice,
)
from connectors.stores.adobe_commerce import figures, orders, payments, rows
from connectors.stores.adobe_commerce.amounts import ZERO, Amounts, to_instant

INVOICE_STATES = {payments.OPEN: "Open", payments.CAPTURED: "Paid", payments.CANCELED: "Canceled"}
_REFUND_STATES = {
    1: RefundStatus.PENDING,
    2: RefundStatus.SETTLED,
    3: RefundStatus.DECLINED,
}


def to_invoice(
    raw: Mapping[str, Any], order: Order, *, base: bool, with_store: bool
) -> StoreInvoice:
    """An invoice, captured or not. Source: Adobe, REST schema of 2.4.8,
    sales-data-invoice-interface. Raises UnexpectedShape."""
    head = Amounts(raw, "invoice", base=base)
    state = head.integer("state", payments.OPEN)
    payment = payments.of_invoice(head, method=order.payment_method, title=_gateway(order))
    return StoreInvoice(
        external_id=str(head.integer("entity_id")),
        number=_number(head, with_store=with_store),
        order_id=order.external_id,
        created_at=head.convert("created_at", to_instant),
        is_captured=state == payments.CAPTURED,
        is_canceled=state == payments.CANCELED,
        state_label=INVOICE_STATES.get(state, f"State {state}"),
        sale=_sale(head, order, (payment,) if payment else ()),
    )


def to_refund(raw: Mapping[str, Any], order: Order, *, base: bool, with_store: bool) -> Refund:
    """A credit memo. Source: Adobe, REST schema of 2.4.8, sales-data-creditmemo-interface. Raises
    UnexpectedShape."""
    head = Amounts(raw, "credit memo", base=base)
    status = _REFUND_STATES.get(head.integer("state", 2), RefundStatus.PENDING)
    external_id = str(head.integer("entity_id"))
    money = head.amount("grand_total")
    given_back = RefundPayment(
        external_id=external_id,
        method=order.payment_method,
        amount=money,
        is_offline="transaction_id" not in head,
        is_declined=status is RefundStatus.DECLINED,
    )
    comments = (comment.text("comment", "").strip() for comment in head.each("comments"))
    return Refund(
        external_id=external_id,
        number=_number(head, with_store=with_store),
        order_id=order.external_id,
        created_at=head.convert("created_at", to_instant),
        status=status,
        sale=_sale(head, order, ()),
        payments=(given_back,) if money else (),
        reason=next((comment for comment in comments if comment), ""),
        invoice_id=str(head.integer("invoice_id", 0) or ""),
    )


def _number(head: Amounts, *, with_store: bool) -> str:
    return orders.number_of(
        head.integer("store_id"), head.text("increment_id"), with_store=with_store
    )


def _gateway(order: Order) -> str:
    return next((payment.gateway for payment in order.payments if payment.gateway), "")


def _sale(head: Amounts, order: Order, paid: tuple[Payment, ...]) -> Order:
    """The order with only what this document bills or gives back."""
    lines = {line.external_id: line for line in order.lines}
    billed = [
        rows.of_document(item, lines[item_id])
        for item in head.each("items")
        if (item_id := str(item.integer("order_item_id"))) in lines
        and (item.decimal("qty", ZERO) or item.amount("row_total"))
    ]
    freight = next((c for c in order.charges if c.kind is ChargeKind.SHIPPING), None)
    taxes = {line.external_id: line.tax_class for line in order.lines}
    if freight is not None:
        taxes[figures.SHIPPING] = freight.tax_class
    coupon = next(
        (discount.name for line in order.lines for discount in line.discounts), ""
    ) or order.extra.get("coupon_code", "")
    sums = figures.of_document(
        head,
        billed,
        taxes=taxes,
        coupon=coupon,
        shipping_name=freight.name if freight else order.shipping_method,
        shipping_method=freight.method if freight else "",
        # A document does not say which of the order's fees are in it; its total does.
        possible=[charge for charge in order.charges if charge.kind is ChargeKind.FEE],
        reward=sum((t.amount for t in order.tenders if t.code == figures.REWARD_POINTS), ZERO),
    )
    extra = {name: text for name, text in order.extra.items() if name != "rounding"}
    if sums.rounding:
        extra["rounding"] = f"{sums.rounding:f}"
    return replace(
        order,
        lines=sums.lines,
        charges=sums.charges,
        discounts=(),
        tenders=sums.tenders,
        payments=paid,
        total_tax=sums.total_tax,
        total_inc_tax=sums.total_inc_tax,
        total_ex_tax=sums.total_inc_tax - sums.total_tax,
        extra=extra,
    )
