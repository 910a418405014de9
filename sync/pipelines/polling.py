"""The regular check of a store for orders that no webhook told us about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors import services
from connectors.contract import Notice
from connectors.errors import ConnectorError, NeedsAttention
from sync import dispatch, inbox, route_settings
from sync.models import Cursor, Flow, InboxEvent, Route, Transfer

# What changed while the last page was being read is looked at again.
OVERLAP = timedelta(minutes=2)


def poll_orders(route_id: int) -> int:
    """Store a notice for every changed order that we have not read since; returns how many.

    The cursor moves only with the stored page, so a check that dies goes on where it was.
    """
    route = Route.objects.select_related("store").filter(pk=route_id, is_active=True).first()
    if route is None:
        dispatch.forget(dispatch.POLL_ORDERS, route_id)
        return 0
    minutes = int(route_settings.values_of(route)["poll_minutes"])
    dispatch.wake_at(dispatch.POLL_ORDERS, route.pk, timezone.now() + timedelta(minutes=minutes))
    cursor, _ = Cursor.objects.get_or_create(
        route=route, flow=Flow.ORDERS, defaults={"position": route.start_at}
    )
    added = 0
    try:
        store = services.open_store(route.store)
        for page in store.changed_orders(since=cursor.position - OVERLAP):
            fresh = _not_read_since(route, page)
            with transaction.atomic():
                added += inbox.accept(
                    connection=route.store, notices=fresh, source=InboxEvent.Source.POLL
                ).added
                newest = max((n.occurred_at for n in page if n.occurred_at), default=None)
                if newest and newest > cursor.position:
                    cursor.position = newest
                cursor.rows_seen += len(page)
                cursor.checked_at = timezone.now()
                cursor.save()
    except NeedsAttention as error:
        if error.source == str(route.store.pk):
            services.report_problem(route.store, error)
        return added
    except ConnectorError:
        return added  # the exchanges tell why; the next check is on the agenda
    cursor.checked_at = timezone.now()
    cursor.save(update_fields=["checked_at"])
    return added


def _not_read_since(route: Route, notices: Sequence[Notice]) -> list[Notice]:
    """Those notices whose order changed after we last read it."""
    read = {
        row.source_key: _modified(row)
        for row in Transfer.objects.filter(
            route=route, flow=Flow.ORDERS, source_key__in=[n.external_id for n in notices]
        )
    }
    return [
        notice
        for notice in notices
        if not (seen := read.get(notice.external_id))
        or (notice.occurred_at is not None and notice.occurred_at > seen)
    ]


def _modified(transfer: Transfer) -> datetime | None:
    text = (transfer.record or {}).get("modified_at")
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
