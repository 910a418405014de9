"""The durable door: notices in, transfers created or touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Notice
from connectors.models import Connection
from sync import dispatch
from sync.models import Flow, FlowSchedule, InboxEvent, Route, State, Transfer
from tenants.database import database

# One checkout fires several webhooks within seconds; a booked order is looked at once for all.
SETTLE_AFTER_POSTING = timedelta(seconds=10)
NAMES = {
    Flow.ORDERS: "Order",
    Flow.INVOICES: "Store invoice",
    Flow.REFUNDS: "Refund",
    Flow.PAYMENTS: "Payment of order",
    Flow.CORRECTIONS: "Correction",
}
# Notices of these name the order that they belong to: a worker looks what there is of it.
OF_AN_ORDER = frozenset({"invoice", "refund", "payment"})


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many notices were stored, and how many we had already."""

    added: int
    duplicate: int


def accept(*, connection: Connection, notices: Sequence[Notice], source: str) -> Accepted:
    """Store notices once each: unique on (connection, delivery id). Safe to repeat.

    When this returns inside a committed transaction, every new notice will be worked, whatever
    happens to broker or workers.
    """
    if not notices:
        return Accepted(0, 0)
    added = 0
    with transaction.atomic():
        for notice in notices:
            event_id = _insert(connection, notice, source)
            if event_id is not None:
                added += 1
                dispatch.wake(dispatch.EVENT, event_id)
    return Accepted(added, len(notices) - added)


def _insert(connection: Connection, notice: Notice, source: str) -> int | None:
    """One insert for one notice; None if we have it already. A door that many knock at together
    takes one statement, not a look and then an insert."""
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sync_inboxevent"
            " (connection_id, delivery_id, source, record, external_id, event, received_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (connection_id, delivery_id) DO NOTHING RETURNING id",
            [
                connection.pk,
                notice.delivery_id,
                source,
                notice.record,
                notice.external_id,
                notice.event,
                timezone.now(),
            ],
        )
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def process(event_id: int) -> list[int]:
    """Turn one inbox event into transfers, or touch those that exist. Returns what to work now.

    Safe to run twice: the event is marked in the same transaction.
    """
    with transaction.atomic():
        event = (
            InboxEvent.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("connection")
            .filter(pk=event_id, processed_at__isnull=True)
            .first()
        )
        if event is None:
            if not InboxEvent.objects.filter(pk=event_id, processed_at__isnull=True).exists():
                dispatch.forget(dispatch.EVENT, event_id)
            return []
        due: list[int] = []
        if event.connection.role == "erp":
            _wake_flows(event)
        for route in _routes(event.connection):
            if event.record == "order":
                transfer = touch(
                    route=route, flow=Flow.ORDERS, source_key=event.external_id, event=event
                )
                if transfer is not None:
                    due.append(transfer.pk)
            elif event.record in OF_AN_ORDER:
                dispatch.wake(dispatch.RELATED, f"{route.pk}:{event.external_id}")
        event.processed_at = timezone.now()
        event.save(update_fields=["processed_at"])
        dispatch.forget(dispatch.EVENT, event_id)
    return due


# A hundred changes of one item within this time are one reading.
COALESCE = timedelta(seconds=5)
FLOWS_OF_RECORD = {
    "item": (Flow.ITEMS, Flow.PRICES, Flow.STOCK),
    "customer": (Flow.CUSTOMERS,),
    "*": (Flow.ITEMS, Flow.PRICES, Flow.STOCK, Flow.CUSTOMERS),
}


def _wake_flows(event: InboxEvent) -> None:
    """An ERP told of a change: the flows that it concerns run a moment later, once for all."""
    rows = FlowSchedule.objects.filter(
        route__erp=event.connection,
        route__is_active=True,
        is_paused=False,
        flow__in=FLOWS_OF_RECORD.get(event.record, ()),
    )
    now = timezone.now()
    for row in rows:
        # One that is about to run is not put off: notices may come without end.
        if row.next_at is not None and now < row.next_at <= now + COALESCE:
            continue
        FlowSchedule.objects.filter(pk=row.pk).update(next_at=now + COALESCE)
        dispatch.wake_at(dispatch.FLOW, row.pk, now + COALESCE)


def _routes(connection: Connection) -> Iterable[Route]:
    return Route.objects.filter(store=connection, is_active=True)


def touch_now(**known: Any) -> Transfer | None:
    """``touch`` in a transaction of its own."""
    with transaction.atomic():
        return touch(**known)


def touch(
    *,
    route: Route,
    flow: Flow,
    source_key: str,
    order_key: str = "",
    number: str = "",
    event: InboxEvent | None = None,
) -> Transfer | None:
    """The transfer of a source record, created or told that its record changed.

    ``order_key`` is the order that the record belongs to, itself by default. Returns the transfer
    if it should be worked now. What is posted is only looked at again, a little later; what is
    being worked is looked at again when the worker is done.
    """
    job_id = f"{route.slug}:{flow.value}:{source_key}"
    order_key = order_key or source_key
    transfer, created = Transfer.objects.select_for_update().get_or_create(
        job_id=job_id,
        defaults={
            "route": route,
            "flow": flow.value,
            "source_key": source_key,
            "order_key": order_key,
            "sequence_key": f"{route.slug}:order:{order_key}",
            "number": number or source_key,
            "priority": dispatch.PRIORITY[dispatch.TRANSFER],
            "due_at": timezone.now(),
        },
    )
    if created:
        audit.record(
            Action.TRANSFER_CREATED,
            f"{NAMES[flow]} {transfer.number} was announced by {_announced_by(event, flow)}.",
            transfer_id=transfer.pk,
            route_id=route.pk,
            data={"job_id": job_id, **_event_data(event)},
        )
    elif transfer.state == State.WORKING:
        transfer.again = True
        transfer.save(update_fields=["again", "updated_at"])
        return None
    elif transfer.state in (State.POSTED, State.CHANGED):
        dispatch.wake_at(dispatch.CHECK_POSTED, transfer.pk, timezone.now() + SETTLE_AFTER_POSTING)
        return None
    elif transfer.was_skipped_by_person:
        audit.record(
            Action.NOTICE_STORED,
            f"The store reported a change of {NAMES[flow].lower()} {transfer.number}: it stays "
            "skipped, as a person said.",
            transfer_id=transfer.pk,
            data=_event_data(event),
        )
        return None
    elif transfer.state != State.WAITING:
        audit.record(
            Action.NOTICE_STORED,
            f"The store reported a change of {NAMES[flow].lower()} {transfer.number}: it is looked "
            "at again.",
            transfer_id=transfer.pk,
            data=_event_data(event),
        )
        transfer.state = State.WAITING
        transfer.due_at = timezone.now()
        transfer.save(update_fields=["state", "due_at", "updated_at"])
    elif transfer.due_at and transfer.due_at > timezone.now():
        return None  # it waits for a reason (a limit, a system that is down): no notice cures that
    dispatch.wake_at(dispatch.TRANSFER, transfer.pk, timezone.now() + dispatch.GRACE)
    return transfer


def _announced_by(event: InboxEvent | None, flow: Flow) -> str:
    if event is None:
        return "a person" if flow is Flow.ORDERS else "its order"
    words = {
        InboxEvent.Source.WEBHOOK: "a webhook of the store",
        InboxEvent.Source.POLL: "the regular check of the store",
        InboxEvent.Source.BACKFILL: "a backfill",
        InboxEvent.Source.PERSON: "a person",
    }
    return words[InboxEvent.Source(event.source)]


def _event_data(event: InboxEvent | None) -> dict[str, str]:
    if event is None:
        return {}
    return {"event": event.event, "delivery_id": event.delivery_id, "source": event.source}
