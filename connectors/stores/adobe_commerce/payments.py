"""What was paid on an order, and what was only promised: pure.

Commerce's transactions carry no amounts. Money is captured by an invoice (state 2), whether a
gateway took it or a person noted a bank transfer, so each captured invoice is one payment; what is
authorised or voided is told by the transactions and the order's payment. Source: Adobe, REST schema
of 2.4.8 (sales-data-transaction-interface, sales-data-order-payment-interface).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import Payment, PaymentEvent
from connectors.stores.adobe_commerce.amounts import Amounts, to_instant

OPEN, CAPTURED, CANCELED = 1, 2, 3
_PROMISES = {"authorization": PaymentEvent.AUTHORIZATION, "void": PaymentEvent.VOID}


def needs_invoices(raw: Mapping[str, Any]) -> bool:
    """Whether the order says that something was invoiced or paid."""
    head = Amounts(raw, "order", base=True)
    return bool(head.amount("total_paid") or head.amount("total_invoiced"))


def needs_transactions(raw: Mapping[str, Any]) -> bool:
    """Whether a gateway holds something that no invoice tells of: an order not wholly paid."""
    head = Amounts(raw, "order", base=True)
    is_online = "last_trans_id" in head.inner("payment")
    return is_online and head.amount("total_paid") < head.amount("grand_total")


def of_order(
    head: Amounts,
    invoices: Sequence[Mapping[str, Any]],
    transactions: Sequence[Mapping[str, Any]],
) -> tuple[Payment, ...]:
    """The payments of an order, oldest first."""
    found = [*_captured(head, invoices), *_promised(head, transactions)]
    return tuple(sorted(found, key=lambda p: (p.created_at is None, p.created_at or 0)))


def of_invoice(invoice: Amounts, *, method: str, title: str) -> Payment | None:
    """The money that a captured invoice brought; None where it brought none."""
    amount = invoice.amount("grand_total")
    if invoice.integer("state", OPEN) != CAPTURED or not amount:
        return None
    transaction = invoice.text("transaction_id", "")
    return Payment(
        external_id=f"I{invoice.integer('entity_id')}",
        event=PaymentEvent.CAPTURE,
        method=method,
        amount=amount,
        currency=invoice.currency,
        gateway=title,
        gateway_transaction_id=transaction,
        is_offline=not transaction,
        created_at=invoice.convert("created_at", to_instant),
    )


def status_of(head: Amounts) -> str:
    """How far an order is paid, in one word or two."""
    paid, total = head.amount("total_paid"), head.amount("grand_total")
    if paid >= total > 0:
        return "paid"
    if paid:
        return "paid in part"
    if head.inner("payment").amount("amount_authorized"):
        return "authorized"
    return "not paid" if total else "nothing to pay"


def title_of(head: Amounts) -> str:
    """The payment method's name as the shopper saw it."""
    for entry in head.inner("extension_attributes").each("payment_additional_info"):
        if entry.text("key", "") == "method_title":
            return entry.text("value", "")
    return ""


def _captured(head: Amounts, invoices: Sequence[Mapping[str, Any]]) -> Iterator[Payment]:
    method = head.inner("payment").text("method", "")
    for raw in invoices:
        payment = of_invoice(
            Amounts(raw, "invoice", base=head.base), method=method, title=title_of(head)
        )
        if payment is not None:
            yield payment


def _promised(head: Amounts, transactions: Sequence[Mapping[str, Any]]) -> Iterator[Payment]:
    payment = head.inner("payment")
    amount = (
        payment.amount("amount_authorized")
        or payment.amount("amount_ordered")
        or head.amount("grand_total")
    )
    for raw in transactions:
        read = Reader(raw, "transaction")
        event = _PROMISES.get(read.text("txn_type"))
        if event is not None:
            yield Payment(
                external_id=str(read.integer("transaction_id")),
                event=event,
                method=payment.text("method", ""),
                amount=amount,
                currency=head.currency,
                gateway=title_of(head),
                gateway_transaction_id=read.text("txn_id", ""),
                created_at=read.convert("created_at", to_instant),
            )
