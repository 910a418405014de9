"""Correcting documents for orders that changed in the store after they were booked.

The difference is shown line by line; a person decides; then it is booked like anything else.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from audit.actions import Action
from connectors.records import Order
from connectors.records.codec import dump, load
from sync import differences, inbox, outcomes, route_settings, transfers
from sync.models import Flow, State, Transfer
from sync.pipelines import sale
from sync.transfers import Lease, Settlement

CREDIT, INVOICE = "credit", "invoice"


def propose(transfer: Transfer, now: Order, *, words: str, context: sale.Context) -> None:
    """Show a booked order as changed, with both sides, and a correction where one is exact.

    ``now`` is what the store has; of a cancelled order nothing is left. Where refunds give back,
    or may, what became less, a credit is for a person.
    """
    booked = load(Order, transfer.record or {})
    difference = differences.between(booked, now)
    is_exact = differences.explains(difference, booked, now)
    credit_booking = route_settings.booking(context.route, "refund_kind", context.settings)
    offered = {
        CREDIT: dump(difference.credit) if difference.credit else None,
        INVOICE: dump(difference.invoice) if difference.invoice else None,
    }
    can_correct = (
        is_exact
        and not (difference.credit is not None and _has_refunds(transfer))
        and (difference.credit is None or credit_booking is not None)
        and any(offered.values())
    )
    comparison = difference.comparison.as_json() | {"can_correct": can_correct}
    advice = (
        "The ledger was not touched. Post the correction that is shown, or correct it in the ERP "
        "and mark this as dealt with."
        if can_correct
        else "The ledger was not touched. Correct it in the ERP if that is right, then mark this "
        "as dealt with."
    )
    with transaction.atomic():
        Transfer.objects.filter(pk=transfer.pk).update(
            change={"now": dump(now), **(offered if can_correct else {})}
        )
        transfers.move(
            [transfer.pk],
            from_states=[State.POSTED, State.CHANGED],
            settlement=Settlement(
                state=State.CHANGED,
                reason=words,
                advice=advice,
                comparison=comparison,
                action=Action.CHANGED_AFTER_POSTING,
                data={"status": now.status, "total": f"{now.total_inc_tax:f}"},
            ),
        )


def accept(transfer_id: int, *, by: str) -> list[int]:
    """Have the proposed correction booked; returns the transfers made. Safe to repeat: the same
    change makes the same transfers. Empty if there is nothing to correct."""
    made: list[int] = []
    with transaction.atomic():
        row = (
            Transfer.objects.select_for_update(of=("self",))
            .select_related("route")
            .filter(pk=transfer_id, state=State.CHANGED)
            .first()
        )
        change = row.change if row is not None else None
        if row is None or not change or not (change.get(CREDIT) or change.get(INVOICE)):
            return []
        if change.get(CREDIT) and _has_refunds(row):
            return []  # made since the correction was shown
        digest = hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()[:8]
        # Short, because some ERPs give a document's number little room.
        nth = 1 + (
            Transfer.objects.filter(route=row.route, flow=Flow.CORRECTIONS, order_key=row.order_key)
            .values("number")
            .distinct()
            .count()
        )
        for direction in (CREDIT, INVOICE):
            if not change.get(direction):
                continue
            correction = inbox.touch(
                route=row.route,
                flow=Flow.CORRECTIONS,
                source_key=f"{row.order_key}:{digest}:{direction}"[:64],
                order_key=row.order_key,
                number=f"{row.number}-{nth}",
            )
            if correction is not None:
                correction.record = {**change[direction], "about": {"kind": direction}}
                correction.save(update_fields=["record", "updated_at"])
                made.append(correction.pk)
        take_as_booked(row)
        transfers.move(
            [row.pk],
            from_states=[State.CHANGED],
            settlement=Settlement(
                state=State.POSTED,
                reason=f"The change in the store is corrected, as {by} decided.",
                action=Action.CORRECTION_ORDERED,
            ),
        )
    return made


def given_back(transfer: Transfer) -> Decimal:
    """What corrections of the same order give back in the ledger, or will."""
    return sum(
        (
            load(Order, row.record).total_inc_tax
            for row in _same_order(transfer, Flow.CORRECTIONS)
            if row.record and row.record["about"]["kind"] == CREDIT
        ),
        Decimal(0),
    )


def _has_refunds(transfer: Transfer) -> bool:
    return _same_order(transfer, Flow.REFUNDS).exists()


def _same_order(transfer: Transfer, flow: Flow) -> QuerySet[Transfer]:
    """The transfers of a flow of the same order that are, or may come, in the ledger."""
    return Transfer.objects.filter(
        route=transfer.route, flow=flow, order_key=transfer.order_key
    ).exclude(state=State.SKIPPED)


def take_as_booked(row: Transfer) -> None:
    """From now on the order is what the store has: the ledger was, or will be, corrected."""
    if not row.change:
        return
    if row.flow == Flow.ORDERS:
        row.record = {**row.change["now"], "about": {"kind": "order"}}
    row.record_digest = transfers.ledger_digest(load(Order, row.change["now"]))
    row.change = None
    row.save(update_fields=["record", "record_digest", "change", "updated_at"])


def carry(lease: Lease) -> None:
    """Book one correction that a person ordered."""
    transfer = lease.transfer
    context = sale.context_of(transfer.route)
    record = transfer.record or {}
    direction = str(record.get("about", {}).get("kind", ""))
    goods = load(Order, record)
    setting = "refund_kind" if direction == CREDIT else "document_kind"
    booking = route_settings.booking(context.route, setting, context.settings)
    if booking is None:
        raise outcomes.Skipped("This route books no credits.")
    original = Transfer.objects.get(
        route=transfer.route, flow=Flow.ORDERS, order_key=transfer.order_key
    )
    transfers.remember(
        lease,
        sale=goods,
        number=transfer.number,
        made_at=transfer.received_at,
        words=f"The correction of order {original.number} is {goods.total_inc_tax:.2f} "
        f"{goods.currency}.",
        about={"kind": direction, "order": original.number},
    )
    sale.book(
        lease,
        context,
        goods,
        booking,
        text=sale.reference(context.route, f"C{transfer.number}", context.erp),
        day=sale.ledger_day(goods, context.settings, made_at=transfer.received_at),
        applies_to=original.documents.order_by("id").last() if direction == CREDIT else None,
    )
