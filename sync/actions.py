"""What people do with transfers. Every act is an audit entry with the person's name."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.models import Connection
from connectors.signals import connection_recovered
from sync import dispatch, inbox, route_settings, transfers
from sync.models import Document, Flow, Hold, Route, State, Transfer
from sync.party_rules import ERP, STORE
from sync.pipelines import corrections
from sync.transfers import Settlement

MAY_BE_BOOKED = (
    Document.Status.SENT,
    Document.Status.POSTING,
    Document.Status.POSTED,
    Document.Status.ACCEPTED,
)
SIDES = (ERP, STORE)


def release(transfer_ids: Sequence[int]) -> int:
    """Let held or failed transfers go again now. Returns how many were moved."""
    return len(
        transfers.move(
            transfer_ids,
            from_states=[State.HELD, State.FAILED],
            settlement=Settlement(
                state=State.WAITING, reason="Released by a person.", action=Action.RELEASED
            ),
        )
    )


def replay(transfer_ids: Sequence[int]) -> int:
    """Work transfers again from the start. What is booked is only looked at again: a replay never
    books a second document, because the reference is looked up first. Returns how many."""
    moved = transfers.move(
        transfer_ids,
        from_states=[State.HELD, State.FAILED, State.SKIPPED, State.WAITING],
        settlement=Settlement(
            state=State.WAITING, reason="Replayed by a person.", action=Action.REPLAYED
        ),
    )
    booked = transfers.move(
        transfer_ids,
        from_states=[State.POSTED, State.CHANGED],
        settlement=Settlement(
            state=State.WAITING,
            reason="Replayed by a person: the booked document is looked up, not made again.",
            action=Action.REPLAYED,
        ),
    )
    for transfer in booked:
        # What the store has by now is compared with what was booked, not taken for it.
        dispatch.wake_at(
            dispatch.CHECK_POSTED, transfer.pk, timezone.now() + inbox.SETTLE_AFTER_POSTING
        )
    return len(moved) + len(booked)


def skip(transfer_ids: Sequence[int], reason: str) -> int:
    """Leave records out of the ledger, for a reason. Raises ValidationError without one.

    One whose document is, or may be, booked is not left out: it stays as it is.
    """
    if not reason.strip():
        raise ValidationError({"reason": "Say why it is skipped."})
    in_the_erp = Document.objects.filter(
        transfer_id__in=transfer_ids, status__in=MAY_BE_BOOKED
    ).values_list("transfer_id", flat=True)
    return len(
        transfers.move(
            sorted(set(transfer_ids) - set(in_the_erp)),
            from_states=[State.HELD, State.FAILED, State.WAITING],
            settlement=Settlement(
                state=State.SKIPPED,
                hold_keys=(Transfer.SKIPPED_BY_PERSON,),
                reason=reason.strip(),
                action=Action.SKIPPED_BY_PERSON,
            ),
        )
    )


def acknowledge(transfer_ids: Sequence[int]) -> int:
    """A change after posting was dealt with by a person: what the store has now counts as booked,
    so that only a later change is shown again."""
    done = 0
    for transfer_id in transfer_ids:
        with transaction.atomic():
            row = (
                Transfer.objects.select_for_update()
                .filter(pk=transfer_id, state=State.CHANGED)
                .first()
            )
            if row is None:
                continue
            corrections.take_as_booked(row)
            done += len(
                transfers.move(
                    [row.pk],
                    from_states=[State.CHANGED],
                    settlement=Settlement(
                        state=State.POSTED,
                        reason="The later change in the store was dealt with by a person.",
                        action=Action.DIFFERENCE_ACCEPTED,
                    ),
                )
            )
    return done


def post_correction(transfer_id: int, *, by: str) -> int:
    """Have the correction that is shown on a changed order booked. Returns how many documents it
    takes; 0 if there is nothing to correct."""
    return len(corrections.accept(transfer_id, by=by))


def accept_difference(transfer_id: int, *, by: str, shown: tuple[str, str] | None = None) -> bool:
    """Accept exactly the difference that is shown, and go on. A later, other difference holds
    again. ``shown`` is what the person saw (total, tax). False if the transfer is not held for
    it."""
    with transaction.atomic():
        transfer = (
            Transfer.objects.select_for_update()
            .filter(
                pk=transfer_id,
                state=State.HELD,
                hold__in=(Hold.TOTALS_DISAGREE, Hold.OVER_REFUNDED),
            )
            .first()
        )
        if transfer is None or not transfer.comparison or "tax" not in transfer.comparison:
            return False
        total = transfer.comparison["total"]["difference"]
        tax = transfer.comparison["tax"]["difference"]
        if shown is not None and shown != (total, tax):
            return False
        kept = transfer.approved_totals or {}
        if transfer.hold == Hold.OVER_REFUNDED:
            kept = {"given_back": total}
        transfer.approved_totals = {
            **{key: kept[key] for key in ("given_back",) if key in kept},
            "hold": transfer.hold,
            "total": total,
            "tax": tax,
            "by": by,
            "at": timezone.now().isoformat(),
        }
        transfer.save(update_fields=["approved_totals", "updated_at"])
        audit.record(
            Action.DIFFERENCE_ACCEPTED,
            f"The difference of {total} (tax {tax}) was accepted.",
            transfer_id=transfer.pk,
            data={"total": total, "tax": tax},
        )
    return bool(release([transfer_id]))


def choose_side(transfer_id: int, *, side: str, shown: str) -> bool:
    """Of a customer that both sides changed differently, take the fields of one (``erp`` or
    ``store``) at once. Later, other changes are held again. ``shown`` is the ``value`` of the
    conflict that the person saw. False if it is not held for such a conflict, or for another."""
    if side not in SIDES:
        raise ValueError(side)
    with transaction.atomic():
        transfer = (
            Transfer.objects.select_for_update()
            .select_related("route__store", "route__erp")
            .filter(pk=transfer_id, state=State.HELD, hold=Hold.CUSTOMER_CONFLICT)
            .first()
        )
        record = transfer.record if transfer is not None else None
        if transfer is None or not record or not record.get("conflict"):
            return False
        if shown != record.get("value", ""):
            return False
        transfer.record = {**record, "side": side}
        transfer.save(update_fields=["record", "updated_at"])
        taken = transfer.route.erp if side == ERP else transfer.route.store
        fields = ", ".join(row["what"].lower() for row in record["conflict"])
        audit.record(
            Action.DIFFERENCE_ACCEPTED,
            f"Of customer {transfer.number}, {fields} of “{taken.name}” were chosen.",
            transfer_id=transfer.pk,
            route_id=transfer.route_id,
            data={"side": side},
        )
    return bool(release([transfer_id]))


def send_order(route: Route, number: str) -> Transfer:
    """Have one order of the store worked, by its number. Raises ValidationError."""
    store, _ = route_settings.systems_of(route)
    try:
        number = store.order_key(number)
    except ValueError as error:
        raise ValidationError({"number": str(error)}) from error
    with transaction.atomic():
        transfer = inbox.touch(route=route, flow=Flow.ORDERS, source_key=number)
        if transfer is not None:
            dispatch.wake(dispatch.TRANSFER, transfer.pk)
    return Transfer.objects.get(route=route, flow=Flow.ORDERS, source_key=number)


@receiver(connection_recovered)
def release_paused(sender: object, connection: Connection, **more: object) -> None:
    """A connection works again: everything that waited for it goes."""
    routes = Route.objects.filter(store=connection) | Route.objects.filter(erp=connection)
    transfers.look_again(routes.values_list("pk", flat=True))
    ids = list(
        Transfer.objects.filter(
            state=State.HELD, hold=Hold.CONNECTION_PAUSED, route__in=routes
        ).values_list("pk", flat=True)
    )
    transfers.move(
        ids,
        from_states=[State.HELD],
        settlement=Settlement(
            state=State.WAITING,
            reason=f"The connection “{connection.name}” works again.",
            action=Action.RELEASED,
        ),
    )
