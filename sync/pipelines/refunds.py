"""The story of a refund: after its invoice, one after another, never more than was sold."""

from __future__ import annotations

from decimal import Decimal

from audit.actions import Action
from connectors.errors import TryLater
from connectors.records import Order, Refund, RefundStatus
from connectors.records.codec import dump, load
from sync import differences, outcomes, route_settings, transfers
from sync.comparison import Comparison, Row
from sync.models import Document, Flow, Hold, State, Transfer
from sync.pipelines import corrections, related, sale
from sync.transfers import Lease, Settlement

DONE = (State.POSTED, State.CHANGED, State.SKIPPED)
ZERO = Decimal(0)


def carry(lease: Lease) -> None:
    """One refund of the store into the ERP, as a credit."""
    transfer = lease.transfer
    context = sale.context_of(transfer.route)
    booking = route_settings.booking(context.route, "refund_kind", context.settings)
    if booking is None:
        raise outcomes.Skipped("This route does not book refunds.")
    order = context.store.fetch_order(transfer.order_key)
    all_of_it = context.store.fetch_refunds(order)
    refund = _refund_of(all_of_it, order, transfer.source_key)
    transfers.remember(
        lease,
        sale=refund.sale,
        number=refund.number,
        made_at=refund.created_at,
        words=f"Refund {refund.number} of order {order.number} was read from the store: "
        f"{refund.sale.total_inc_tax:.2f} {refund.sale.currency}, {refund.status.value}.",
        about={
            "kind": "refund",
            "state": refund.status.value,
            "reason": refund.reason,
            "order": order.number,
        },
    )
    _judge(refund)
    invoice = _booked_invoice(transfer, refund, context)
    if booking.posts:
        _must_be_posted(transfer, invoice)
    _after_earlier(transfer, all_of_it, refund)
    if transfer.posted_at is None:
        _not_more_than_sold(transfer, order, all_of_it, refund)
    sale.must_add_up(refund.sale, "refund")
    sale.book(
        lease,
        context,
        refund.sale,
        booking,
        text=sale.reference(context.route, f"R{refund.number}", context.erp),
        day=sale.ledger_day(refund.sale, context.settings, made_at=refund.created_at),
        applies_to=invoice,
    )


def _judge(refund: Refund) -> None:
    if refund.status is RefundStatus.DECLINED:
        raise outcomes.Skipped("The payment provider declined the refund: no money moved.")
    if refund.status is RefundStatus.PENDING:
        raise outcomes.Held(
            Hold.NOT_PAID,
            "The store has recorded the refund, and its money has not moved yet.",
            "It goes by itself as soon as the store reports the refund as paid.",
            asks_again=True,
        )
    if not refund.sale.total_inc_tax and not refund.sale.lines:
        raise outcomes.Skipped("The refund gives nothing back: nothing to book.")


def _booked_invoice(transfer: Transfer, refund: Refund, context: sale.Context) -> Document | None:
    """The document that is corrected. Raises Held until there is one, Skipped if there will be
    none."""
    sales = Transfer.objects.filter(
        route=transfer.route, order_key=transfer.order_key, flow=context.sales_flow
    )
    if refund.invoice_id and context.sales_flow == Flow.INVOICES:
        sales = sales.filter(source_key=refund.invoice_id)
    booked = related.booked_sale(
        transfer.route, transfer.order_key, context.sales_flow, refund.invoice_id
    )
    if booked is not None:
        return booked.documents.order_by("id").last()
    skipped = sales.filter(state=State.SKIPPED).last()
    if skipped is not None and not sales.exclude(state=State.SKIPPED).exists():
        raise outcomes.Skipped(
            f"Its order is not in the ledger. {skipped.reason}",
            keys=(related.booked_key(transfer.order_key),),
        )
    if skipped is None and not sales.exists():
        related.look_soon(transfer.route, transfer.order_key)
    raise outcomes.Held(
        Hold.WAITS_FOR_INVOICE,
        "The invoice that this refund corrects is not in the ledger yet.",
        "It goes by itself as soon as the invoice is booked.",
        keys=(related.booked_key(transfer.order_key),),
    )


def _must_be_posted(transfer: Transfer, invoice: Document | None) -> None:
    """A credit that we post does not go before the invoice that the ERP's people post. Raises
    Held."""
    if (
        transfer.posted_at is not None
        or invoice is None
        or invoice.status != Document.Status.ACCEPTED
    ):
        return
    raise outcomes.Held(
        Hold.WAITS_FOR_INVOICE,
        f"{invoice.number}, which this refund corrects, waits in the ERP and is not posted yet.",
        "It goes by itself as soon as that is posted there.",
        keys=(related.booked_key(transfer.order_key),),
    )


def _after_earlier(transfer: Transfer, refunds: tuple[Refund, ...], refund: Refund) -> None:
    """Refunds of one order go strictly one after another. Raises Held."""
    earlier = [row.external_id for row in refunds[: refunds.index(refund)]]
    settled = set(
        Transfer.objects.filter(
            route=transfer.route, flow=Flow.REFUNDS, source_key__in=earlier, state__in=DONE
        ).values_list("source_key", flat=True)
    )
    missing = [key for key in earlier if key not in settled]
    if not missing:
        return
    related.look_soon(transfer.route, transfer.order_key)
    raise outcomes.Held(
        Hold.WAITS_FOR_INVOICE,
        f"An earlier refund of this order ({', '.join(missing)}) is not booked yet.",
        "It goes by itself when the earlier one is booked or skipped.",
        keys=(related.booked_key(transfer.order_key),),
    )


def _not_more_than_sold(
    transfer: Transfer, order: Order, refunds: tuple[Refund, ...], refund: Refund
) -> None:
    given_back = sum(
        (
            row.sale.total_inc_tax
            for row in refunds[: refunds.index(refund) + 1]
            if row.status is not RefundStatus.DECLINED
        ),
        ZERO,
    )
    sold = _sold(transfer, order)
    too_much = given_back - sold
    row = Row("Sold, against given back in all", sold, given_back)
    words = (
        f"With this refund {given_back:.2f} {order.currency} are given back on an order of "
        f"{sold:.2f}."
    )
    advice = "If that is right, accept the difference; otherwise correct the refund in the store."
    twice = min(corrections.given_back(transfer), refund.sale.total_inc_tax)
    if twice and twice >= too_much:
        too_much = twice
        row = Row("Given back by a correction, against this refund", None, twice)
        words = (
            f"A correction of this order has given back {twice:.2f} {order.currency} in the "
            "ledger, and this refund may be its money."
        )
        advice = (
            "If it is the same money, skip this refund; if it gives back more, accept the "
            "difference."
        )
    accepted = (transfer.approved_totals or {}).get("given_back") == f"{-too_much:f}"
    if too_much <= 0 or accepted:
        return
    raise outcomes.Held(
        Hold.OVER_REFUNDED,
        words,
        advice,
        comparison=Comparison(total=row, tax=Row("Tax", ZERO, ZERO)).as_json(),
        keys=(related.booked_key(transfer.order_key),),
    )


def _sold(transfer: Transfer, order: Order) -> Decimal:
    """What the order comes to: in the store, and as far as the ledger has it."""
    in_ledger = Transfer.objects.filter(
        route=transfer.route,
        flow=Flow.ORDERS,
        order_key=transfer.order_key,
        state__in=related.BOOKED,
    ).first()
    if in_ledger is None or not in_ledger.record:
        return order.total_inc_tax
    return min(order.total_inc_tax, load(Order, in_ledger.record).total_inc_tax)


def check(transfer: Transfer) -> None:
    """A booked refund whose money did not go back after all."""
    context = sale.context_of(transfer.route)
    order = context.store.fetch_order(transfer.order_key)
    refund = _refund_of(context.store.fetch_refunds(order), order, transfer.source_key)
    if refund.status is not RefundStatus.DECLINED or transfer.state == State.CHANGED:
        return
    now = differences.nothing_of(refund.sale)
    if transfers.ledger_digest(now) == transfer.record_digest:
        return  # a person has dealt with it
    Transfer.objects.filter(pk=transfer.pk).update(change={"now": dump(now)})
    transfers.move(
        [transfer.pk],
        from_states=[State.POSTED],
        settlement=Settlement(
            state=State.CHANGED,
            reason="The payment provider declined the refund after its credit was booked.",
            advice="No money went back. Correct the credit in the ERP, or pay the refund in the "
            "store by other means, then mark this as dealt with.",
            action=Action.CHANGED_AFTER_POSTING,
        ),
    )


def _refund_of(refunds: tuple[Refund, ...], order: Order, external_id: str) -> Refund:
    for refund in refunds:
        if refund.external_id == external_id:
            return refund
    raise TryLater(
        f"order {order.external_id} has no refund {external_id}",
        reason="The store does not show this refund just now.",
        code="not_found",
    )
