"""Webhooks of the stores that routes take orders from: registered by us, as soon as they can be.

A route that is made or taken up again, and a connection that works again, need them: stores
deactivate hooks that went unanswered for long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors import hook_care, services
from connectors.contract import Hook
from connectors.errors import ConnectorError, NeedsAttention
from connectors.models import Connection
from connectors.signals import connection_recovered
from sync import arrivals, dispatch, route_settings, schedules
from sync.models import Flow, FlowSchedule, Route

AGAIN_AFTER = timedelta(minutes=5)


def records_of(store: Connection) -> list[str]:
    """The records whose changes the active routes of a store connection want to hear of."""
    wanted = {Flow.ORDERS.value}
    for route in Route.objects.filter(store=store, is_active=True).select_related("store", "erp"):
        settings = route_settings.values_of(route)
        if settings.get("bill_on") == "invoice":
            wanted.add(Flow.INVOICES.value)
        if route_settings.booking(route, "refund_kind", settings):
            wanted.add(Flow.REFUNDS.value)
        if route_settings.booking(route, "payment_kind", settings):
            wanted.add(Flow.PAYMENTS.value)
    return sorted(wanted)


def register(connection: Connection) -> tuple[Hook, ...]:
    """Register what the routes need; safe to repeat. Raises ConnectorError."""
    return hook_care.ensure_hooks(connection, records_of(connection))


def register_for_routes(connection_id: int) -> None:
    """Register a store's hooks if an active route needs them. What may work later is tried again;
    a connection that needs a person is asked again when a ping of it works."""
    connection = Connection.objects.filter(pk=connection_id, role="store").first()
    dispatch.forget(dispatch.HOOKS, connection_id)
    if connection is None or not Route.objects.filter(store=connection, is_active=True).exists():
        return
    try:
        revive(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
    except ConnectorError as error:
        wait = error.retry_after or AGAIN_AFTER
        dispatch.wake_at(dispatch.HOOKS, connection_id, timezone.now() + wait)


def revive(connection: Connection) -> list[str]:
    """Register what the routes need; returns the scopes that were lost, in order. Where the store had switched off or deleted hooks of ours,
    say so and have what they did not tell fetched: the regular check reads from where it last was,
    so the gap is neither guessed nor read twice. Raises ConnectorError."""
    before = dict(
        connection.subscriptions.filter(is_active=True).values_list("scope", "external_id")
    )
    states = {hook.scope: hook.is_active for hook in hook_care.hook_health(connection)}
    now = {hook.scope: hook.external_id for hook in register(connection)}
    lost = sorted(
        scope
        for scope, known in before.items()
        if not states.get(scope, True) or now.get(scope, known) != known
    )
    if not lost:
        return lost
    audit.record(
        Action.HOOKS_HEALED,
        f"The store had switched off or deleted webhooks of “{connection.name}”: "
        f"{', '.join(lost)}. They are on again, and what they did not tell is fetched.",
        connection_id=connection.pk,
        data={"scopes": lost},
    )
    for route in Route.objects.filter(store=connection, is_active=True):
        dispatch.wake(dispatch.POLL_ORDERS, route.pk)
    return lost


IDLE_WARNING = timedelta(days=75)  # stores deactivate hooks that were silent for ninety days
HEALTH_EVERY = timedelta(hours=1)
RENEW_BEFORE = timedelta(hours=24)
LOOK_AT_LEAST = timedelta(hours=1)


def look_after(connection_id: int) -> None:
    """Revive hooks that the store has deactivated, fetch what they did not tell, and warn of those
    that have been silent for long or do not all arrive."""
    connection = Connection.objects.filter(pk=connection_id, role="store").first()
    if connection is None or not Route.objects.filter(store=connection, is_active=True).exists():
        dispatch.forget(dispatch.HOOK_HEALTH, connection_id)
        return
    dispatch.wake_at(dispatch.HOOK_HEALTH, connection_id, timezone.now() + HEALTH_EVERY)
    if not connection.is_open:
        return
    try:
        revive(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
        return
    except ConnectorError:
        return  # the exchanges tell why; it is looked after again in an hour
    hook_care.warn_of_silence(connection, IDLE_WARNING)
    arrivals.warn(connection)


def subscribe(connection_id: int) -> None:
    """Keep an ERP's change subscriptions alive, well before they end. One that was lost is made
    again, and what it did not tell meanwhile is read."""
    connection = Connection.objects.filter(pk=connection_id, role="erp").first()
    if connection is None or not has_flows(connection):
        dispatch.forget(dispatch.SUBSCRIBE, connection_id)
        return
    now = timezone.now()
    dispatch.wake_at(dispatch.SUBSCRIBE, connection_id, now + LOOK_AT_LEAST)
    if not connection.is_open:
        return
    try:
        renew(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
        return
    except ConnectorError as error:
        wait = error.retry_after or AGAIN_AFTER
        dispatch.wake_at(dispatch.SUBSCRIBE, connection_id, now + wait)


def has_flows(erp: Connection) -> bool:
    """Whether an active route takes master data from an ERP, so that its changes matter."""
    routes = Route.objects.filter(erp=erp, is_active=True).select_related("store", "erp")
    return any(schedules.wanted(route) for route in routes)


@dataclass(frozen=True, slots=True)
class Renewal:
    """The resources of an ERP's change subscriptions: all of them (none where it has none), those
    that were lost and made again, and those that now end later."""

    kept: tuple[str, ...] = ()
    made_again: tuple[str, ...] = ()
    prolonged: tuple[str, ...] = ()


def renew(connection: Connection) -> Renewal:
    """Look at an ERP's change subscriptions now and plan the next look; what a lost one did not
    tell is read by the flows. Raises ConnectorError."""
    now = timezone.now()
    known = {row.scope: row for row in connection.subscriptions.all()}
    before = {row.external_id for row in known.values()}
    made = hook_care.subscribe(connection)
    if not made:
        dispatch.forget(dispatch.SUBSCRIBE, connection.pk)
        return Renewal()
    if before and any(one.external_id not in before for one in made):
        for row in FlowSchedule.objects.filter(
            route__erp=connection, route__is_active=True, is_paused=False
        ):
            if Flow(row.flow) in schedules.wanted(row.route):
                dispatch.wake(dispatch.FLOW, row.pk)
    due = min(one.expires_at for one in made) - RENEW_BEFORE
    dispatch.wake_at(
        dispatch.SUBSCRIBE, connection.pk, min(max(due, now + AGAIN_AFTER), now + LOOK_AT_LEAST)
    )
    ends = {row.external_id: row.expires_at for row in known.values()}
    return Renewal(
        kept=tuple(sorted(one.resource for one in made)),
        made_again=tuple(
            sorted(one.resource for one in made if before and one.external_id not in before)
        ),
        prolonged=tuple(
            sorted(
                one.resource
                for one in made
                if (end := ends.get(one.external_id)) is not None and one.expires_at > end
            )
        ),
    )


@receiver(post_save, sender=Route)
def route_saved(sender: type[Route], instance: Route, **more: Any) -> None:
    if instance.is_active:
        dispatch.wake(dispatch.HOOKS, instance.store_id)
        dispatch.wake_at(dispatch.HOOK_HEALTH, instance.store_id, timezone.now() + HEALTH_EVERY)
        dispatch.wake_at(dispatch.COMPLETENESS, instance.pk, timezone.now() + AGAIN_AFTER)
        if schedules.ensure(instance):
            dispatch.wake(dispatch.SUBSCRIBE, instance.erp_id)


@receiver(connection_recovered)
def connection_works_again(sender: object, connection: Connection, **more: Any) -> None:
    if connection.role == "store":
        dispatch.wake(dispatch.HOOKS, connection.pk)
    else:
        dispatch.wake(dispatch.SUBSCRIBE, connection.pk)  # they end after three days
    now = timezone.now()
    of_it = Q(route__store=connection) | Q(route__erp=connection)
    for row in FlowSchedule.objects.filter(of_it, route__is_active=True, is_paused=False):
        begun = row.started_at or row.route.created_at
        if row.is_running or schedules.next_run(row, begun) <= now:
            dispatch.wake(dispatch.FLOW, row.pk)  # its time came while nothing could be asked
