"""Rows of master data that people must know of: each is a transfer of its own, with its reason.

A row that the store takes is no transfer: a hundred thousand of them would hide the few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from sync import dispatch, transfers
from sync.models import Flow, Route, State, Transfer
from sync.transfers import Settlement


def tell(
    route: Route,
    flow: Flow,
    key: str,
    settlement: Settlement,
    *,
    name: str = "",
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
        row.save(update_fields=["record", "updated_at"])
        if not same:
            transfers.move([row.pk], from_states=list(State), settlement=settlement)
    return row


def settle_taken(route: Route, flow: Flow, keys: Iterable[str]) -> int:
    """Rows that people were told of and that the store has taken since. Returns how many."""
    told = Transfer.objects.filter(
        route=route,
        flow=flow.value,
        source_key__in=[key[:64] for key in keys],
        state__in=(State.HELD, State.FAILED, State.WAITING),
    ).values_list("pk", flat=True)
    return len(
        transfers.move(
            list(told),
            from_states=[State.HELD, State.FAILED, State.WAITING],
            settlement=Settlement(
                state=State.POSTED, reason="The store took it.", action=Action.ROW_TAKEN
            ),
        )
    )
