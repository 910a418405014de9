"""When each flow of master data runs: set by people, kept on the agenda."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp, Feed, Store
from sync import dispatch, route_settings
from sync.flow_settings import OFF
from sync.models import Flow, FlowSchedule, Route
from sync.readings import read_all as read_all

DEFAULT_MINUTES = {Flow.ITEMS: 60, Flow.PRICES: 30, Flow.STOCK: 10, Flow.CUSTOMERS: 30}
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def offered(store: type[Store], erp: type[Erp]) -> tuple[Flow, ...]:
    """The flows of master data that this pair of systems can run."""
    feeds = {
        Flow.ITEMS: erp.item_feed,
        Flow.PRICES: erp.price_feed,
        Flow.STOCK: erp.stock_feed,
        Flow.CUSTOMERS: erp.customer_feed,
    }
    return tuple(
        flow for flow, feed in feeds.items() if feed is not Feed.NONE and flow.value in store.takes
    )


def wanted(route: Route) -> tuple[Flow, ...]:
    """Those that the route's settings switch on."""
    values = route_settings.values_of(route)
    return tuple(
        flow
        for flow in offered(*route_settings.systems_of(route))
        if values.get(f"{flow.value}_flow", OFF) != OFF
    )


def ensure(route: Route) -> list[FlowSchedule]:
    """A schedule for every wanted flow, and its next run on the agenda. Safe to repeat."""
    rows = []
    for flow in wanted(route):
        row, created = FlowSchedule.objects.get_or_create(
            route=route, flow=flow, defaults={"every_minutes": DEFAULT_MINUTES[flow]}
        )
        if created or row.next_at is None:
            plan(row, now=True)
        rows.append(row)
    for row in FlowSchedule.objects.filter(route=route).exclude(flow__in=wanted(route)):
        dispatch.forget(dispatch.FLOW, row.pk)
        row.next_at = None
        row.save(update_fields=["next_at"])
    return rows


def next_run(row: FlowSchedule, after: datetime) -> datetime:
    """The next time after an instant, in UTC; times of day are of the tenant's zone.

    A time of day that comes twice, because the clocks go back, is met the first time only; one
    that is left out, because they go forward, is met as much later as they went.
    """
    if not row.at_times:
        return after + timedelta(minutes=row.every_minutes)
    zone = ZoneInfo(route_settings.own_time_zone())
    today = after.astimezone(zone).date()
    # Instants, for wall clocks lie on these days. A time left out before midnight is met after it.
    moments = (
        datetime.combine(today + timedelta(days=day), time.fromisoformat(text), zone)
        for day in range(-1, 3)
        for text in row.at_times
    )
    return min(at for at in (moment.astimezone(UTC) for moment in moments) if at > after)


def plan(row: FlowSchedule, *, now: bool = False) -> None:
    """Put the next run on the agenda; nothing for a paused flow."""
    if row.is_paused:
        dispatch.forget(dispatch.FLOW, row.pk)
        row.next_at = None
    else:
        row.next_at = timezone.now() if now else next_run(row, timezone.now())
        dispatch.wake_at(dispatch.FLOW, row.pk, row.next_at)
    row.save(update_fields=["next_at"])


def save(row: FlowSchedule, *, every_minutes: int | None, at_times: Sequence[str]) -> None:
    """Change when a flow runs. Raises ValidationError by name."""
    times = sorted({text.strip() for text in at_times if text.strip()})
    errors = {}
    if any(not _TIME.fullmatch(text) for text in times):
        errors["at_times"] = "Give times of day such as 06:30, separated by commas."
    if (every_minutes is not None and not 1 <= every_minutes <= 10_080) or (
        not times and every_minutes is None
    ):
        errors["every_minutes"] = "Give a number of minutes, at most a week (10080)."
    if errors:
        raise ValidationError(errors)
    with transaction.atomic():
        row.every_minutes = every_minutes or row.every_minutes
        row.at_times = times
        row.save(update_fields=["every_minutes", "at_times"])
        plan(row)
        audit.record(
            Action.SCHEDULE_SAVED,
            f"{row.get_flow_display()} of “{row.route.name}” run "
            + (f"at {', '.join(times)}." if times else f"every {row.every_minutes} minutes."),
            route_id=row.route_id,
            data={"every_minutes": row.every_minutes, "at_times": times},
        )


def set_paused(row: FlowSchedule, paused: bool) -> None:
    with transaction.atomic():
        row.is_paused = paused
        row.save(update_fields=["is_paused"])
        plan(row)
        audit.record(
            Action.SCHEDULE_SAVED,
            f"{row.get_flow_display()} of “{row.route.name}” "
            + ("were paused." if paused else "go on."),
            route_id=row.route_id,
        )


def run_now(row: FlowSchedule, *, from_the_start: bool = False) -> None:
    """Have a flow run at once; ``from_the_start`` reads everything again, and writes what
    differs from what was last sent."""
    with transaction.atomic():
        if from_the_start:
            # The reading under way, if there is one, ends: the whole one begins anew.
            row.marker = row.resume = ""
            row.is_running, row.full_at, row.next_at = False, None, timezone.now()
            row.save(update_fields=["marker", "resume", "is_running", "full_at", "next_at"])
        dispatch.wake(dispatch.FLOW, row.pk)
        audit.record(
            Action.SCHEDULE_SAVED,
            f"{row.get_flow_display()} of “{row.route.name}” were started by hand.",
            route_id=row.route_id,
        )
