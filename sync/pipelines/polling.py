"""The regular check of a store for what no webhook told us about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from connectors import services
from connectors.contract import Notice, Store
from connectors.errors import ConnectorError, NeedsAttention, TryLater
from sync import dispatch, inbox, route_settings
from sync.models import Cursor, Flow, InboxEvent, Route, Transfer

# What changed while the last page was being read is looked at again.
OVERLAP = timedelta(minutes=2)
# Stores keep whole seconds: what changed in the second of its reading may change in it once more.
SAME_SECOND = timedelta(seconds=5)
# A check that used up the store's limit goes on after this, not at its next time.
CATCH_UP = timedelta(seconds=10)
# Lists that stores give in the order of change. Of the others the cursor moves at the end only.
IN_ORDER = frozenset({Flow.ORDERS, Flow.INVOICES})


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
        lists = feeds(route, settings)
    except NeedsAttention:
        return 0  # the connection says so itself
    for flow, changed in lists:
        try:
            added += _read(route, flow, changed)
        except NeedsAttention as error:
            if error.source == str(route.store.pk):
                services.report_problem(route.store, error)
                break
        except TryLater as error:
            soon = max(error.retry_after or pause, CATCH_UP)
            dispatch.wake_at(dispatch.POLL_ORDERS, route.pk, timezone.now() + min(soon, pause))
        except ConnectorError:
            continue  # the exchanges tell why; the next check is on the agenda
    return added


def feeds(
    route: Route, settings: dict[str, str] | None = None
) -> list[tuple[Flow, Callable[[datetime], Iterable[Sequence[Notice]]]]]:
    """The store's lists of what this route books, each to be asked for what changed since an
    instant. Raises NeedsAttention while the store may not be asked."""
    settings = route_settings.values_of(route) if settings is None else settings
    store: Store = services.open_store(route.store)
    found: list[tuple[Flow, Callable[[datetime], Iterable[Sequence[Notice]]]]] = [
        (Flow.ORDERS, lambda since: store.changed_orders(since=since))
    ]
    if settings.get("bill_on") == "invoice":
        found.append((Flow.INVOICES, lambda since: store.changed_invoices(since=since)))
    if route_settings.booking(route, "refund_kind", settings):
        found.append((Flow.REFUNDS, lambda since: store.changed_refunds(since=since)))
    return found


def _read(
    route: Route, flow: Flow, changed: Callable[[datetime], Iterable[Sequence[Notice]]]
) -> int:
    """The cursor moves only with the stored page, so a check that dies goes on where it was."""
    begun = timezone.now()
    cursor, _ = Cursor.objects.get_or_create(
        route=route, flow=flow, defaults={"position": route.start_at}
    )
    # One wrongly dated row must not carry the cursor past what is still to come.
    newest = min(cursor.position, begun)
    added = 0
    for page in changed(newest - OVERLAP):
        fresh = _not_read_since(route, page) if flow == Flow.ORDERS else list(page)
        dated = [notice.occurred_at for notice in page if notice.occurred_at]
        newest = max([newest, *(at for at in dated if at <= begun)])
        with transaction.atomic():
            added += inbox.accept(
                connection=route.store,
                notices=[_once_more(notice, begun) for notice in fresh],
                source=InboxEvent.Source.POLL,
            ).added
            if flow in IN_ORDER:
                cursor.position = newest
            cursor.rows_seen += len(page)
            cursor.checked_at = timezone.now()
            cursor.save()
    cursor.position, cursor.checked_at = newest, timezone.now()
    cursor.save(update_fields=["position", "checked_at"])
    return added


def _once_more(notice: Notice, now: datetime) -> Notice:
    """A change of this very second is noted under a name of its own, so that the next check, which
    sees it again, has it looked at once more."""
    if notice.occurred_at is None or notice.occurred_at < now - SAME_SECOND:
        return notice
    return replace(notice, delivery_id=f"{notice.delivery_id}:early")


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
