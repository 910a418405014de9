"""The story of an invoice that the store captured: an order billed in parts gives several."""

from __future__ import annotations

from audit.actions import Action
from connectors.errors import TryLater
from connectors.records import Order, StoreInvoice
from connectors.records.codec import dump
from sync import differences, outcomes, route_settings, transfers
from sync.models import Flow, Hold, State, Transfer
from sync.pipelines import related, sale
from sync.transfers import Lease, Settlement


def carry(lease: Lease) -> None:
    """One captured invoice of the store into the ERP."""
    transfer = lease.transfer
    context = sale.context_of(transfer.route)
    order = context.store.fetch_order(transfer.order_key)
    invoice = _invoice_of(context, order, transfer.source_key)
    transfers.remember(
        lease,
        sale=invoice.sale,
        number=invoice.number,
        made_at=invoice.created_at,
        words=f"Invoice {invoice.number} of order {order.number} was read from the store: "
        f"{invoice.sale.total_inc_tax:.2f} {invoice.sale.currency}, {invoice.state_label}.",
        about={"kind": "invoice", "state": invoice.state_label},
    )
    if transfer.posted_at is None:
        _judge_route(transfer, context)
        sale.keep_sold(lease, invoice.sale)
    _judge(invoice, order, context)
    booking = route_settings.booking(context.route, "document_kind", context.settings)
    assert booking is not None
    sale.book(
        lease,
        context,
        invoice.sale,
        booking,
        text=sale.reference(context.route, f"I{invoice.number}", context.erp),
        day=sale.ledger_day(invoice.sale, context.settings, made_at=invoice.created_at),
    )


def _judge_route(transfer: Transfer, context: sale.Context) -> None:
    """A route that was set to book in another way must not book an order twice. Raises Skipped."""
    if context.sales_flow != Flow.INVOICES:
        raise outcomes.Skipped("This route books orders as a whole, not the store's invoices.")
    if related.sent_before(transfer.route, transfer.order_key, Flow.ORDERS):
        raise outcomes.Skipped(
            "Its order is in the ledger as a whole, from when this route booked orders."
        )


def _judge(invoice: StoreInvoice, order: Order, context: sale.Context) -> None:
    if order.placed_at < context.route.start_at:
        raise outcomes.Skipped(
            f"Its order was placed on {order.placed_at:%d %b %Y}, before this route's start."
        )
    if invoice.is_canceled:
        raise outcomes.Skipped("The invoice was cancelled in the store: nothing to book.")
    if not invoice.is_captured:
        raise outcomes.Held(
            Hold.NOT_PAID,
            f"The invoice is “{invoice.state_label}” in the store: its money is not captured.",
            "It goes by itself as soon as the store reports the capture.",
        )
    if order.is_test and context.settings["test_orders"] != "yes":
        raise outcomes.Skipped("Paid with a test transaction: no money moved.")
    sale.must_add_up(invoice.sale, "invoice")


def check(transfer: Transfer) -> None:
    """A booked invoice that the store cancelled, or whose figures are other ones now."""
    context = sale.context_of(transfer.route)
    order = context.store.fetch_order(transfer.order_key)
    invoice = _invoice_of(context, order, transfer.source_key)
    now = differences.nothing_of(invoice.sale) if invoice.is_canceled else invoice.sale
    if transfers.ledger_digest(now) == transfer.record_digest:
        return
    words = (
        "The invoice was cancelled in the store, and its document is in the ledger."
        if invoice.is_canceled
        else f"The invoice's total in the store is {invoice.sale.total_inc_tax:.2f} "
        f"{invoice.sale.currency} now, or its lines are other ones than were booked."
    )
    Transfer.objects.filter(pk=transfer.pk).update(change={"now": dump(now)})
    transfers.move(
        [transfer.pk],
        from_states=[State.POSTED],
        settlement=Settlement(
            state=State.CHANGED,
            reason=words,
            advice="The ledger was not touched. Correct it in the ERP if that is right, then "
            "mark this as dealt with.",
            action=Action.CHANGED_AFTER_POSTING,
        ),
    )


def _invoice_of(context: sale.Context, order: Order, external_id: str) -> StoreInvoice:
    for invoice in context.store.fetch_invoices(order):
        if invoice.external_id == external_id:
            return invoice
    raise TryLater(
        f"order {order.external_id} has no invoice {external_id}",
        reason="The store does not show this invoice just now.",
        code="not_found",
    )
