"""The story of a captured payment, in ERPs that take payments as documents of their own."""

from __future__ import annotations

from connectors.errors import TryLater
from connectors.records import Order, Payment, PaymentEvent
from sync import mapping, outcomes, route_settings, transfers
from sync.models import Flow, Hold, State, Transfer
from sync.pipelines import customers, related, sale
from sync.transfers import Lease


def carry(lease: Lease) -> None:
    """One payment, or money given back, into the ERP."""
    transfer = lease.transfer
    context = sale.context_of(transfer.route)
    booking = route_settings.booking(context.route, "payment_kind", context.settings)
    if booking is None:
        raise outcomes.Skipped("This route does not book payments.")
    order = context.store.fetch_order(transfer.order_key)
    payment = _payment_of(context, order, transfer.source_key)
    transfers.remember(
        lease,
        sale=order,
        number=order.number,
        made_at=payment.created_at or order.placed_at,
        amount=payment.amount,
        words=f"Payment {payment.external_id} of order {order.number} was read from the store: "
        f"{payment.amount:.2f} {payment.currency} by {payment.method or 'an unnamed method'}.",
        about={"kind": "payment", "method": payment.method, "order": order.number},
    )
    if payment.is_test and context.settings["test_orders"] != "yes":
        raise outcomes.Skipped("A test transaction: no money moved.")
    document = _after_its_order(transfer, context)
    customer = customers.match(
        lease, erp=context.erp, order=order, rules=context.rules, settings=context.settings
    )
    draft = mapping.to_payment(
        payment,
        order,
        reference=sale.reference(
            context.route, f"P{payment.external_id.replace(':', '-')}", context.erp
        ),
        customer=sale.as_customer(customer, order.customer.email),
        day=sale.ledger_day(order, context.settings, made_at=payment.created_at),
        applies_to_number=document,
        rules=context.rules,
    )
    booked = sale.post(lease, context, draft, booking)
    sale.finish(lease, context.erp, booked, booking)


def _payment_of(context: sale.Context, order: Order, key: str) -> Payment:
    """Money received, or given back: then its amount is negative."""
    if key.startswith(related.OF_REFUND):
        for refund in context.store.fetch_refunds(order):
            for back in refund.payments:
                if related.refund_payment_key(refund.external_id, back.external_id) == key:
                    return Payment(
                        external_id=f"R{back.external_id}",
                        event=PaymentEvent.REFUND,
                        method=back.method,
                        amount=-back.amount,
                        currency=refund.sale.currency,
                        succeeded=not back.is_declined,
                        created_at=refund.created_at,
                    )
    for payment in (*order.payments, *related.received(order)):
        if payment.external_id == key:
            return payment
    raise TryLater(
        f"order {order.external_id} has no payment {key}",
        reason="The store does not show this payment just now.",
        code="not_found",
    )


def _after_its_order(transfer: Transfer, context: sale.Context) -> str:
    """The number of the document that the payment belongs to. Raises Held or Skipped."""
    same_order = Transfer.objects.filter(route=transfer.route, order_key=transfer.order_key)
    if transfer.source_key.startswith(related.OF_REFUND):
        refund_id = transfer.source_key.split(":")[1]
        before = same_order.filter(flow=Flow.REFUNDS, source_key=refund_id)
        booked = before.filter(state__in=related.BOOKED).order_by("id").last()
        if booked is None and not context.books_refunds:
            raise outcomes.Skipped(
                "This route leaves refunds alone, and so the money that went back."
            )
    else:
        before = same_order.filter(flow=context.sales_flow)
        booked = related.booked_sale(transfer.route, transfer.order_key, context.sales_flow)
    if booked is not None:
        document = booked.documents.order_by("id").last()
        return document.number if document else ""
    skipped = before.filter(state=State.SKIPPED).last()
    if skipped is not None and not before.exclude(state=State.SKIPPED).exists():
        raise outcomes.Skipped(
            f"What it belongs to is not in the ledger. {skipped.reason}",
            keys=(related.booked_key(transfer.order_key),),
        )
    raise outcomes.Held(
        Hold.WAITS_FOR_INVOICE,
        "The document that this payment belongs to is not in the ledger yet.",
        "It goes by itself as soon as that is booked.",
        keys=(related.booked_key(transfer.order_key),),
    )
