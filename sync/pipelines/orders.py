"""The story of an order: fetched, judged, booked."""

from __future__ import annotations

from decimal import Decimal

from connectors.contract import Store
from connectors.records import Order
from connectors.records.codec import load
from sync import decide, differences, outcomes, route_settings, transfers
from sync.models import Flow, Hold, Route, State, Transfer
from sync.pipelines import corrections, related, sale
from sync.transfers import Lease


def carry(lease: Lease) -> None:
    """One order from the store into the ERP."""
    context = sale.context_of(lease.transfer.route)
    order = context.store.fetch_order(lease.transfer.source_key)
    transfers.remember_order(lease, order)
    if context.sales_flow == Flow.INVOICES and lease.transfer.posted_at is None:
        # Whatever became of the order since: what the store has invoiced decides.
        if order.placed_at >= context.route.start_at:
            related.look_soon(context.route, order.external_id)
        raise outcomes.Skipped(
            "This route books the store's captured invoices: each becomes a document of its own."
        )
    if lease.transfer.posted_at is None:
        _not_in_parts(order, context.route)
        sale.keep_sold(lease, order)
    if lease.transfer.posted_at is None or not _is_refunded(order, context):
        judge(order, context.route, context.store, context.settings)
    booking = route_settings.booking(context.route, "document_kind", context.settings)
    assert booking is not None
    sale.book(
        lease,
        context,
        order,
        booking,
        text=sale.reference(context.route, order.number, context.erp),
        day=sale.ledger_day(order, context.settings),
    )


def _not_in_parts(order: Order, route: Route) -> None:
    """A route that was set to book in another way must not book an order twice. Raises Skipped or
    Held."""
    parts = related.sent_before(route, order.external_id, Flow.INVOICES)
    if not parts:
        return
    booked = sum((part.amount or Decimal(0) for part in parts), Decimal(0))
    if booked == order.total_inc_tax:
        raise outcomes.Skipped(
            "The store's invoices of this order are in the ledger, from when this route booked "
            "those."
        )
    raise outcomes.Held(
        Hold.DUPLICATE_REFERENCE,
        f"The store's invoices of this order are in the ledger already, with {booked:.2f} of its "
        f"{order.total_inc_tax:.2f} {order.currency}; the route books whole orders now.",
        "Set the route back to the store's invoices until this order is finished, or book the rest "
        "in the ERP and skip this transfer.",
    )


def _is_refunded(order: Order, context: sale.Context) -> bool:
    """Whether refunds, which are booked by themselves, explain the order's status."""
    return order.status in context.store.refunded_statuses and context.books_refunds


def judge(order: Order, route: Route, store: Store, settings: dict[str, str]) -> None:
    """Go on, or say why not. Raises Skipped or Held."""
    decision = decide.order(
        order,
        decide.OrderPolicy(
            payable=frozenset(settings["payable_statuses"].split(",")),
            unpaid=store.unpaid_statuses,
            dead=store.dead_statuses,
            start_at=route.start_at,
            accept_test_payments=settings["test_orders"] == "yes",
            must_be_captured=settings["payment_proof"] == "captured",
        ),
    )
    if decision.verdict is decide.Verdict.SKIP:
        raise outcomes.Skipped(decision.reason)
    if decision.verdict is decide.Verdict.HOLD:
        raise outcomes.Held(Hold(decision.hold), decision.reason, decision.advice)
    sale.must_add_up(order)


def check(transfer: Transfer) -> None:
    """A booked order that the store reported as changed: has the ledger's side moved?"""
    context = sale.context_of(transfer.route)
    order = context.store.fetch_order(transfer.source_key)
    related.look_if_due(context.route, context.settings, order)
    gone = order.status in context.store.dead_statuses and not _is_refunded(order, context)
    now = differences.nothing_of(order) if gone else order
    if transfers.ledger_digest(now) == transfer.record_digest:
        return
    if transfer.state == State.CHANGED and transfer.change:
        seen = load(Order, transfer.change["now"])
        if transfers.ledger_digest(seen) == transfers.ledger_digest(now):
            return
    words = _what_changed(transfer, order, gone=gone)
    corrections.propose(transfer, now, words=words, context=context)


def _what_changed(transfer: Transfer, order: Order, *, gone: bool) -> str:
    label = order.status_label or order.status
    if gone:
        return f"The order is “{label}” in the store now, and its document is in the ledger."
    if transfer.amount is not None and transfer.amount != order.total_inc_tax:
        return (
            f"The order's total in the store is {order.total_inc_tax:.2f} {order.currency} now; "
            f"{transfer.amount:.2f} was booked."
        )
    return "The order's lines, currency or customer in the store are other ones than were booked."
