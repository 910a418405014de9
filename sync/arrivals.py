"""Whether a store's webhooks arrive: told by the orders that only the regular check found.

We answer every delivery, so a store's own count of failures says nothing of those that never reach
us: a firewall, a certificate, a store that has given up on our address.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit.actions import Action
from audit.models import Entry
from connectors.models import Connection
from connectors.states import State, set_state
from sync.models import InboxEvent

WINDOW = timedelta(days=1)
# The first check after a registration also finds what is older than it.
SETTLING = timedelta(minutes=15)
FEWEST = 10
SHARE = 0.5
CODE = "hooks_missing"


def warn(connection: Connection) -> None:
    """Say so while half of the last day's orders, and not just a few, came without a webhook; take
    it back when they come again."""
    if not connection.subscriptions.filter(is_active=True).exists():
        return
    found, whole = unannounced(connection, timezone.now())
    is_missing = whole >= FEWEST and found >= whole * SHARE
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if is_missing and row.state == State.HEALTHY:
            set_state(
                row,
                State.DEGRADED,
                CODE,
                f"Of {whole} orders that changed lately, {found} came without a webhook.",
                "Ask whether our address can be reached from the internet, then register the "
                "webhooks again. Meanwhile orders come in by the regular check.",
            )
            row.save()
        elif not is_missing and row.state == State.DEGRADED and row.state_code == CODE:
            set_state(row, State.HEALTHY, "", "", "")
            row.save()


def unannounced(connection: Connection, now: datetime) -> tuple[int, int]:
    """(orders that the regular check told of first, orders told of) since the webhooks were last
    registered, of the last day at most."""
    since = now - WINDOW
    registered = Entry.objects.filter(
        action__in=(Action.HOOKS_REGISTERED, Action.HOOKS_HEALED),
        connection_id=connection.pk,
        at__gte=since,
    ).aggregate(at=Max("at"))["at"]
    if registered is not None:
        since = max(since, registered + SETTLING)
    first = (
        InboxEvent.objects.filter(
            connection=connection,
            record="order",
            received_at__gte=since,
            source__in=(InboxEvent.Source.WEBHOOK, InboxEvent.Source.POLL),
        )
        .order_by("external_id", "id")
        .distinct("external_id")
        .values_list("source", flat=True)
    )
    sources = list(first)
    return sources.count(InboxEvent.Source.POLL), len(sources)
