"""Rows of master data that people must know of: each is a transfer of its own, with its reason.

A row that the store takes is no transfer: a hundred thousand of them would hide the few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.actions import Action
from sync import dispatch, transfers
from sync.models import Flow, Route, State, Transfer
from sync.transfers import Settlement

# A row that was passed over is taken later as one that was refused is.
OPEN = (State.HELD, State.FAILED, State.WAITING, State.SKIPPED)
BY_PERSON = Q(state=State.SKIPPED, hold_keys__contains=[Transfer.SKIPPED_BY_PERSON])


def tell(
    route: Route,
    flow: Flow,
    key: str,
    settlement: Settlement,
    *,
    name: str = "",
    email: str = "",
    record: Mapping[str, Any] | None = None,
) -> Transfer:
    """Make or update the transfer of a row that was held or refused."""
    with transaction.atomic():
        row, created = Transfer.objects.select_for_update().get_or_create(
            job_id=f"{route.slug}:{flow.value}:{key}"[:130],
            defaults={
                "route": route,
                "flow": flow.value,
                "source_key": key[:64],
                "order_key": key[:64],
                "sequence_key": f"{route.slug}:{flow.value}:{key}"[:130],
                "number": key[:64],
                "party": name[:200],
                "priority": dispatch.PRIORITY[dispatch.FLOW],
                "source_at": timezone.now(),
            },
        )
        same = (
            not created
            and row.state == settlement.state
            and row.reason == settlement.reason
            and row.vendor_words == settlement.vendor_words
        )
        row.record = {**(record or {}), "about": {"kind": flow.value}}
        row.party_email = email[:254]
        row.save(update_fields=["record", "party_email", "updated_at"])
        if not same:
            transfers.move([row.pk], from_states=list(State), settlement=settlement)
    return row


def hold_value(
    route: Route,
    flow: Flow,
    key: str,
    settlement: Settlement,
    *,
    name: str = "",
    email: str = "",
    record: Mapping[str, Any],
) -> None:
    """As ``tell``, for a ``value`` in the record that a person decides on: one that was released a
    moment ago, or that a person has already said no to, is not asked again."""
    before = Transfer.objects.filter(job_id=f"{route.slug}:{flow.value}:{key}"[:130]).first()
    decided = before is not None and before.state in (State.WAITING, State.WORKING, State.SKIPPED)
    if before is None or not decided or (before.record or {}).get("value") != record["value"]:
        tell(route, flow, key, settlement, name=name, email=email, record=record)


def is_open(route: Route, flow: Flow, key: str) -> bool:
    """Whether people were told of a row, and it is neither settled nor left alone by a person."""
    rows = Transfer.objects.filter(route=route, flow=flow.value, source_key=key[:64])
    return rows.filter(state__in=OPEN).exclude(BY_PERSON).exists()


def told_before(route: Route, flow: Flow, moment: datetime, most: int) -> list[str]:
    """Keys of rows that are held or were refused, and not looked at since, the oldest first."""
    rows = Transfer.objects.filter(
        route=route,
        flow=flow.value,
        state__in=(State.HELD, State.FAILED),
        updated_at__lt=moment,
    )
    return list(rows.order_by("updated_at", "pk").values_list("source_key", flat=True)[:most])


def settle_taken(
    route: Route, flow: Flow, keys: Iterable[str], *, reason: str = "The store took it."
) -> int:
    """Rows that people were told of and that the store has taken since. Returns how many."""
    told = Transfer.objects.filter(
        route=route,
        flow=flow.value,
        source_key__in=[key[:64] for key in keys],
        state__in=OPEN,
    ).values_list("pk", flat=True)
    return len(
        transfers.move(
            list(told),
            from_states=OPEN,
            settlement=Settlement(state=State.POSTED, reason=reason, action=Action.ROW_TAKEN),
        )
    )
