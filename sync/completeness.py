"""Whether every order of the store has a transfer: counted, and what is missing is fetched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from connectors import services
from connectors.contract import Notice
from connectors.errors import ConnectorError, NeedsAttention
from sync import dispatch, inbox
from sync.models import Flow, InboxEvent, Route, Transfer

EVERY = timedelta(hours=1)
# Older orders were counted while they were young; nothing takes a transfer away.
LOOK_BACK = timedelta(days=30)
# What was placed a moment ago may be on its way through the inbox.
GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Count:
    """Orders of the store that changed since ``since``, and how many of them we do not know."""

    since: datetime
    in_store: int
    missing: tuple[str, ...]


def count(route: Route, now: datetime | None = None) -> Count:
    """Ask the store for its orders. Raises ConnectorError."""
    now = now or timezone.now()
    since = max(route.start_at, now - LOOK_BACK)
    store = services.open_store(route.store)
    seen: set[str] = set()
    missing: list[str] = []
    for page in store.changed_orders(since=since):
        due = {
            notice.external_id
            for notice in page
            if notice.occurred_at is None or notice.occurred_at < now - GRACE
        } - seen
        seen |= due
        known = set(
            Transfer.objects.filter(route=route, flow=Flow.ORDERS, source_key__in=due).values_list(
                "source_key", flat=True
            )
        )
        missing += sorted(due - known)
    return Count(since, len(seen), tuple(missing))


@services.yielding()
def check(route_id: int) -> Count | None:
    """Count, fetch what is missing, and keep the number for the overview."""
    route = Route.objects.select_related("store", "erp").filter(pk=route_id, is_active=True).first()
    if route is None:
        dispatch.forget(dispatch.COMPLETENESS, route_id)
        return None
    dispatch.wake_at(dispatch.COMPLETENESS, route.pk, timezone.now() + EVERY)
    if not route.store.is_open:
        return None
    try:
        found = count(route)
    except NeedsAttention as error:
        if error.source == str(route.store.pk):
            services.report_problem(route.store, error)
        return None
    except ConnectorError:
        return None  # counted again in an hour; the exchanges tell why
    fetch(route, found.missing, InboxEvent.Source.POLL)
    Route.objects.filter(pk=route.pk).update(
        completeness={
            "at": timezone.now().isoformat(),
            "since": found.since.isoformat(),
            "in_store": found.in_store,
            "missing": len(found.missing),
            "fetched": list(found.missing[:50]),
        }
    )
    return found


def fetch(route: Route, order_keys: tuple[str, ...], source: InboxEvent.Source) -> int:
    """Have these orders worked, as if the store had told of them. Returns how many were new."""
    stamp = timezone.now().isoformat(timespec="seconds")
    notices = [
        Notice(
            record="order",
            external_id=key,
            delivery_id=f"{source.value}:{key}:{stamp}",
            event="found missing" if source == InboxEvent.Source.POLL else "asked for by a person",
        )
        for key in order_keys
    ]
    return inbox.accept(connection=route.store, notices=notices, source=source).added
