"""The regular check of a store for what no webhook told us about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors import services
from connectors.contract import Notice, Store
from connectors.errors import ConnectorError, NeedsAttention
from sync import dispatch, inbox, route_settings
from sync.models import Cursor, Flow, InboxEvent, Route, Transfer

# What changed while the last page was being read is looked at again.
OVERLAP = timedelta(minutes=2)


def poll(route_id: int) -> int:
    """Store a notice for everything of an active route that changed in the store and that we have
    not read since; returns how many. What one flow cannot read does not stop the others."""
    route = Route.objects.select_related("store", "erp").filter(pk=route_id, is_active=True).first()
    if route is None:
        dispatch.forget(dispatch.POLL_ORDERS, route_id)
        return 0
    settings = route_settings.values_of(route)
    pause = timedelta(minutes=int(settings["poll_minutes"]))
    dispatch.wake_at(dispatch.POLL_ORDERS, route.pk, timezone.now() + pause)
    added = 0
    try:
        store = services.open_store(route.store)
        for flow, changed in _feeds(route, settings, store):
            added += _read(route, flow, changed)
    except NeedsAttention as error:
        if error.source == str(route.store.pk):
            services.report_problem(route.store, error)
    except ConnectorError:
        pass  # the exchanges tell why; the next check is on the agenda
    return added


def _feeds(
    route: Route, settings: dict[str, str], store: Store
) -> Iterator[tuple[Flow, Callable[[datetime], Iterable[Sequence[Notice]]]]]:
    yield Flow.ORDERS, lambda since: store.changed_orders(since=since)
    if settings.get("bill_on") == "invoice":
        yield Flow.INVOICES, lambda since: store.changed_invoices(since=since)
    if route_settings.booking(route, "refund_kind", settings):
        yield Flow.REFUNDS, lambda since: store.changed_refunds(since=since)


def _read(
    route: Route, flow: Flow, changed: Callable[[datetime], Iterable[Sequence[Notice]]]
) -> int:
    """The cursor moves only with the stored page, so a check that dies goes on where it was."""
    cursor, _ = Cursor.objects.get_or_create(
        route=route, flow=flow, defaults={"position": route.start_at}
    )
    added = 0
    for page in changed(cursor.position - OVERLAP):
        fresh = _not_read_since(route, page) if flow == Flow.ORDERS else list(page)
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
    cursor.checked_at = timezone.now()
    cursor.save(update_fields=["checked_at"])
    return added


def _not_read_since(route: Route, notices: Sequence[Notice]) -> list[Notice]:
    """Those notices whose order may have changed after we last read it. Stores keep whole seconds,
    so a change in the second of our reading counts; the inbox knows a notice that it had."""
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
        or (notice.occurred_at is not None and notice.occurred_at >= seen)
    ]


def _modified(transfer: Transfer) -> datetime | None:
    text = (transfer.record or {}).get("modified_at")
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
