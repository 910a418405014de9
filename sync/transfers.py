"""The state machine of a transfer: claim, renew, settle. Nothing about any vendor.

A claim is a row in state *working* with a lease. The database allows one working transfer per
sequence key. Every change of state writes an audit entry and the agenda row of what comes next in
the same transaction, and tells listeners after the commit.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.records import Order
from connectors.records.codec import dump
from sync import dispatch
from sync.models import Flow, Hold, State, Transfer
from tenants.context import current_schema

SETTLED_CHANNEL = "transfer_settled"
# Transfers held for these reasons are asked again by themselves; the route says how often.
RECHECKED_HOLDS = frozenset(
    {Hold.PERIOD_CLOSED, Hold.CUSTOMER_BLOCKED, Hold.ITEM_BLOCKED, Hold.ITEM_UNKNOWN}
)
BUSY_DELAY = timedelta(seconds=1)
# What these become may let go other transfers of their order, or bring new ones.
FOLLOWED = frozenset({Flow.ORDERS, Flow.INVOICES, Flow.REFUNDS, Flow.CORRECTIONS})
SETTLED = frozenset({State.POSTED, State.CHANGED, State.SKIPPED})


class LeaseLost(Exception):
    """Another worker has taken this transfer over: stop at once, send nothing more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's exclusive right to one transfer, until it settles or the time is over."""

    transfer: Transfer
    token: uuid.UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claim ends: the new state, why, and when it is worked again."""

    state: State
    reason: str = ""
    advice: str = ""
    vendor_words: str = ""
    hold: str = ""
    hold_keys: Sequence[str] = ()
    due_at: datetime | None = None
    comparison: dict[str, Any] | None = None
    counts: bool = True
    action: Action | None = None
    data: dict[str, Any] = field(default_factory=dict)


def lease_time() -> timedelta:
    return timedelta(seconds=settings.TRANSFER_LEASE_SECONDS)


def claim(transfer_id: int) -> Lease | None:
    """Take a transfer that is due, or one whose worker died. None if it is not ours to take."""
    now = timezone.now()
    token = uuid.uuid4()
    takeable = Q(state=State.WAITING) & (Q(due_at__isnull=True) | Q(due_at__lte=now))
    orphaned = Q(state=State.WORKING, lease_until__lt=now)
    try:
        with transaction.atomic():
            transfer = (
                Transfer.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("route__store", "route__erp")
                .filter(takeable | orphaned, pk=transfer_id)
                .first()
            )
            if transfer is None:
                _tidy_agenda(transfer_id)
                return None
            took_over = transfer.state == State.WORKING
            transfer.state = State.WORKING
            transfer.lease_token = token
            transfer.lease_until = now + lease_time()
            transfer.again = False
            transfer.attempts += 1
            transfer.save(
                update_fields=[
                    "state",
                    "lease_token",
                    "lease_until",
                    "again",
                    "attempts",
                    "updated_at",
                ]
            )
            # If this worker dies, the row brings another one as soon as the lease is over.
            dispatch.wake_at(dispatch.TRANSFER, transfer.pk, transfer.lease_until)
            audit.record(
                Action.TRANSFER_STARTED,
                f"Work on {transfer.number} began"
                + (", after an earlier worker stopped without an end." if took_over else "."),
                transfer_id=transfer.pk,
                data={"attempt": transfer.attempts, "took_over": took_over},
            )
    except IntegrityError:
        # Another transfer of the same order is being worked: wait our turn.
        dispatch.wake_at(dispatch.TRANSFER, transfer_id, now + BUSY_DELAY)
        return None
    return Lease(transfer, token)


def _tidy_agenda(transfer_id: int) -> None:
    """Make the agenda agree with the row, for a message that came late or twice."""
    # Locked: a change of state that is being committed brings its own agenda row.
    row = (
        Transfer.objects.select_for_update()
        .filter(pk=transfer_id)
        .values("state", "due_at")
        .first()
    )
    if (
        row is None
        or row["state"] not in (State.WAITING, State.WORKING, State.HELD)
        or (row["state"] == State.HELD and row["due_at"] is None)
    ):
        dispatch.forget(dispatch.TRANSFER, transfer_id)


def renew(lease: Lease, *, seconds: float = 0) -> None:
    """Prolong the lease before something is sent. Raises LeaseLost if it is not ours any more."""
    until = timezone.now() + max(lease_time(), timedelta(seconds=seconds))
    kept = Transfer.objects.filter(
        pk=lease.transfer.pk, lease_token=lease.token, state=State.WORKING
    ).update(lease_until=until)
    if not kept:
        raise LeaseLost(f"transfer {lease.transfer.pk} was taken over")


def remember_order(lease: Lease, order: Order) -> None:
    """Keep the order as it was fetched, with what people search by."""
    remember(
        lease,
        sale=order,
        number=order.number,
        made_at=order.placed_at,
        words=f"Order {order.number} was read from the store: {order.total_inc_tax:.2f} "
        f"{order.currency}, {order.status_label or order.status}.",
    )


def remember(
    lease: Lease,
    *,
    sale: Order,
    number: str,
    made_at: datetime,
    words: str,
    amount: Decimal | None = None,
    about: Mapping[str, str] | None = None,
) -> None:
    """Keep what is to be booked as it was fetched. ``about`` says of what kind of record it is,
    where it is not the order itself; ``amount`` where it is not the sale's total."""
    transfer = lease.transfer
    if transfer.posted_at is not None:
        # What was booked stays on record: later changes are told apart from it.
        audit.record(
            Action.ORDER_FETCHED, words, transfer_id=transfer.pk, data={"status": sale.status}
        )
        return
    transfer.record = {
        **dump(sale),
        "about": dict(about or {"kind": "order"}),
    }
    transfer.record_digest = ledger_digest(sale)
    transfer.number = number
    party = sale.billing.company or sale.customer.full_name or sale.billing.full_name
    transfer.party = party[:200]
    transfer.party_email = sale.customer.email[:254]
    transfer.amount = sale.total_inc_tax if amount is None else amount
    transfer.currency = sale.currency
    transfer.source_at = made_at
    with transaction.atomic():
        transfer.save(
            update_fields=[
                "record",
                "record_digest",
                "number",
                "party",
                "party_email",
                "amount",
                "currency",
                "source_at",
                "updated_at",
            ]
        )
        audit.record(
            Action.ORDER_FETCHED,
            words,
            transfer_id=transfer.pk,
            data={"status": sale.status, "lines": len(sale.lines)},
            digests={"record": transfer.record_digest},
        )


def ledger_digest(order: Order) -> str:
    """SHA-256 over what matters to a ledger: money, goods, currency and addresses' country.

    Two readings with the same digest give the same document, so a store's later status changes
    do not count as a change of a posted order.
    """
    facts = {
        "currency": order.currency,
        "total": f"{order.total_inc_tax.normalize():f}",
        "tax": f"{order.total_tax.normalize():f}",
        "lines": [
            [line.sku, f"{line.quantity.normalize():f}", f"{line.net_inc_tax.normalize():f}"]
            for line in order.lines
        ],
        "charges": [
            [charge.kind.value, charge.name, f"{charge.amount_inc_tax.normalize():f}"]
            for charge in order.charges
        ],
        "customer": order.customer.external_id or order.customer.email.casefold(),
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def settle(lease: Lease, settlement: Settlement) -> Transfer:
    """End a claim. Raises LeaseLost if another worker holds the transfer by now."""
    with transaction.atomic():
        transfer = (
            Transfer.objects.select_for_update()
            .filter(pk=lease.transfer.pk, lease_token=lease.token, state=State.WORKING)
            .first()
        )
        if transfer is None:
            raise LeaseLost(f"transfer {lease.transfer.pk} was taken over")
        _apply(transfer, settlement)
    return transfer


def _apply(transfer: Transfer, new: Settlement) -> None:
    """Write a settlement on a locked row, with its audit entry, agenda row and announcement."""
    now = timezone.now()
    touched_again = transfer.again
    transfer.state = new.state
    transfer.hold = new.hold
    transfer.hold_keys = list(new.hold_keys)
    transfer.reason = new.reason
    transfer.advice = new.advice
    transfer.vendor_words = new.vendor_words
    transfer.comparison = new.comparison
    transfer.due_at = new.due_at
    transfer.lease_token = None
    transfer.lease_until = None
    transfer.again = False
    if new.state == State.WAITING and not new.counts:
        transfer.attempts = max(transfer.attempts - 1, 0)
    by_hand = new.action in (Action.RELEASED, Action.REPLAYED)
    if by_hand or new.state in (State.POSTED, State.HELD, State.SKIPPED):
        transfer.attempts = 0
    if new.state == State.POSTED and transfer.posted_at is None:
        transfer.posted_at = now
    transfer.save()
    if touched_again and new.state in (State.POSTED, State.CHANGED):
        dispatch.wake_at(dispatch.CHECK_POSTED, transfer.pk, now + timedelta(seconds=10))
    elif touched_again and new.state != State.WAITING:
        transfer.state = State.WAITING
        transfer.hold, transfer.hold_keys, transfer.due_at = "", [], now
        transfer.save(update_fields=["state", "hold", "hold_keys", "due_at", "updated_at"])
        audit.record(
            Action.NOTICE_STORED,
            f"{transfer.number} was touched while it was being worked: it is looked at again.",
            transfer_id=transfer.pk,
        )
    if transfer.state == State.WAITING:
        due_at = transfer.due_at or now
        if due_at <= now:
            dispatch.wake(dispatch.TRANSFER, transfer.pk)
        else:
            dispatch.wake_at(dispatch.TRANSFER, transfer.pk, due_at)
    elif transfer.state == State.HELD and transfer.due_at:
        dispatch.wake_at(dispatch.TRANSFER, transfer.pk, transfer.due_at)
    else:
        dispatch.forget(dispatch.TRANSFER, transfer.pk)
    if transfer.state in SETTLED and transfer.flow in FOLLOWED:
        dispatch.wake_at(dispatch.FOLLOW, transfer.pk, now + dispatch.GRACE)
    if new.action is not None:
        audit.record(
            new.action,
            new.reason or f"{transfer.number} is {transfer.get_state_display().lower()}.",
            transfer_id=transfer.pk,
            data={"state": new.state.value, **({"hold": new.hold} if new.hold else {}), **new.data},
        )
    announce(transfer)


def move(
    transfer_ids: Sequence[int],
    *,
    from_states: Sequence[State],
    settlement: Settlement,
) -> list[Transfer]:
    """Move transfers that no worker holds, one short transaction each; returns those moved."""
    moved: list[Transfer] = []
    for transfer_id in transfer_ids:
        with transaction.atomic():
            transfer = (
                Transfer.objects.select_for_update()
                .filter(pk=transfer_id, state__in=from_states)
                .first()
            )
            if transfer is None:
                continue
            _apply(transfer, settlement)
            moved.append(transfer)
    return moved


def note(
    transfer_id: int,
    words: str,
    *,
    comparison: dict[str, Any] | None = None,
    needs_person: bool = False,
) -> None:
    """Say something new about a booked transfer. Its state stays, unless a person must look."""
    with transaction.atomic():
        transfer = (
            Transfer.objects.select_for_update().filter(pk=transfer_id, state=State.POSTED).first()
        )
        if transfer is None:
            return
        transfer.reason = words
        transfer.comparison = comparison
        if needs_person:
            transfer.state = State.CHANGED
            transfer.advice = (
                "The document is posted. Correct it in the ERP if that is right, then mark this as "
                "dealt with."
            )
        transfer.save(update_fields=["reason", "comparison", "state", "advice", "updated_at"])
        announce(transfer)


def wake_held(transfer_id: int) -> bool:
    """A held transfer whose time to be asked again has come: back to waiting."""
    now = timezone.now()
    with transaction.atomic():
        transfer = (
            Transfer.objects.select_for_update(skip_locked=True)
            .filter(pk=transfer_id, state=State.HELD, due_at__lte=now)
            .first()
        )
        if transfer is None:
            return False
        transfer.state = State.WAITING
        transfer.due_at = now
        transfer.save(update_fields=["state", "due_at", "updated_at"])
        audit.record(
            Action.ASKED_AGAIN,
            f"{transfer.number} was held, and it is time to ask again.",
            transfer_id=transfer.pk,
        )
    return True


def look_again(route_ids: Iterable[int], *, order_key: str = "") -> None:
    """What is being worked just now began before a cure: if it ends in a hold, it goes again.
    ``order_key`` where only the parts of one order can be cured."""
    working = Transfer.objects.filter(state=State.WORKING, route_id__in=list(route_ids))
    if order_key:
        working = working.filter(order_key=order_key)
    working.update(again=True)


def release_waiting_for(
    keys: Sequence[str],
    *,
    route_ids: Sequence[int],
    why: str,
    states: Sequence[State] = (State.HELD,),
    order_key: str = "",
) -> int:
    """Everything that is held (or, by ``states``, was skipped) for one of these keys goes at once.
    Returns how many."""
    look_again(route_ids, order_key=order_key)
    ids = list(
        Transfer.objects.filter(
            state__in=states, hold_keys__overlap=list(keys), route_id__in=list(route_ids)
        ).values_list("pk", flat=True)
    )
    return len(
        move(
            ids,
            from_states=states,
            settlement=Settlement(state=State.WAITING, reason=why, action=Action.RELEASED),
        )
    )


def announce(transfer: Transfer) -> None:
    """Tell listeners (the stack's log, live pages) after the commit that a transfer settled."""
    if transfer.state in (State.WAITING, State.WORKING):
        return
    document = transfer.documents.order_by("-id").first()
    message = {
        "schema": current_schema(),
        "job_id": transfer.job_id,
        "number": transfer.number,
        "flow": transfer.flow,
        "state": transfer.state,
        "reason": transfer.reason if transfer.state == State.SKIPPED else "",
        "hold": transfer.hold,
        "document": (document.number or document.reference) if document else "",
        "amount": f"{transfer.amount:.2f}" if transfer.amount is not None else "",
        "currency": transfer.currency,
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [SETTLED_CHANNEL, json.dumps(message)])
