"""Webhooks of the stores that routes take orders from: registered by us, as soon as they can be.

A route that is made or taken up again, and a connection that works again, need them: stores
deactivate hooks that went unanswered for long.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors import services
from connectors.contract import Hook
from connectors.errors import ConnectorError, NeedsAttention
from connectors.models import Connection
from connectors.signals import connection_recovered
from sync import dispatch, route_settings, schedules
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
    return services.ensure_hooks(connection, records_of(connection))


def register_for_routes(connection_id: int) -> None:
    """Register a store's hooks if an active route needs them. What may work later is tried again;
    a connection that needs a person is asked again when a ping of it works."""
    connection = Connection.objects.filter(pk=connection_id, role="store").first()
    dispatch.forget(dispatch.HOOKS, connection_id)
    if connection is None or not Route.objects.filter(store=connection, is_active=True).exists():
        return
    try:
        register(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
    except ConnectorError as error:
        wait = error.retry_after or AGAIN_AFTER
        dispatch.wake_at(dispatch.HOOKS, connection_id, timezone.now() + wait)


IDLE_WARNING = timedelta(days=75)  # stores deactivate hooks that were silent for ninety days
HEALTH_EVERY = timedelta(hours=1)
RENEW_BEFORE = timedelta(hours=24)
LOOK_AT_LEAST = timedelta(hours=1)


def look_after(connection_id: int) -> None:
    """Revive hooks that the store has deactivated, and fetch exactly what they did not tell.

    The regular check reads from where it last was, so the gap is neither guessed nor read twice.
    """
    connection = Connection.objects.filter(pk=connection_id, role="store").first()
    routes = Route.objects.filter(store=connection, is_active=True)
    if connection is None or not routes.exists():
        dispatch.forget(dispatch.HOOK_HEALTH, connection_id)
        return
    dispatch.wake_at(dispatch.HOOK_HEALTH, connection_id, timezone.now() + HEALTH_EVERY)
    if not connection.is_open:
        return
    try:
        before = {row.scope for row in connection.subscriptions.filter(is_active=True)}
        states = {hook.scope: hook.is_active for hook in services.hook_health(connection)}
        lost = sorted(scope for scope in before if not states.get(scope, not states))
        register(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
        return
    except ConnectorError:
        return  # the exchanges tell why; it is looked after again in an hour
    if lost:
        audit.record(
            Action.HOOKS_HEALED,
            f"The store had switched off webhooks of “{connection.name}”: {', '.join(lost)}. They "
            "are on again, and what they did not tell is fetched.",
            connection_id=connection.pk,
            data={"scopes": lost},
        )
        for route in routes:
            dispatch.wake(dispatch.POLL_ORDERS, route.pk)
    services.warn_of_silence(connection, IDLE_WARNING)


def subscribe(connection_id: int) -> None:
    """Keep an ERP's change subscriptions alive, well before they end. One that was lost is made
    again, and what it did not tell meanwhile is read."""
    connection = Connection.objects.filter(pk=connection_id, role="erp").first()
    wanted = connection is not None and any(
        schedules.wanted(route)
        for route in Route.objects.filter(erp=connection, is_active=True).select_related(
            "store", "erp"
        )
    )
    if connection is None or not wanted:
        dispatch.forget(dispatch.SUBSCRIBE, connection_id)
        return
    now = timezone.now()
    dispatch.wake_at(dispatch.SUBSCRIBE, connection_id, now + LOOK_AT_LEAST)
    if not connection.is_open:
        return
    before = set(connection.subscriptions.values_list("external_id", flat=True))
    try:
        made = services.subscribe(connection)
    except NeedsAttention as error:
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
        return
    except ConnectorError as error:
        wait = error.retry_after or AGAIN_AFTER
        dispatch.wake_at(dispatch.SUBSCRIBE, connection_id, now + wait)
        return
    if not made:
        dispatch.forget(dispatch.SUBSCRIBE, connection_id)
        return
    if before and any(one.external_id not in before for one in made):
        for row in FlowSchedule.objects.filter(
            route__erp=connection, route__is_active=True, is_paused=False
        ):
            if Flow(row.flow) in schedules.wanted(row.route):
                dispatch.wake(dispatch.FLOW, row.pk)
    due = min(one.expires_at for one in made) - RENEW_BEFORE
    dispatch.wake_at(
        dispatch.SUBSCRIBE, connection_id, min(max(due, now + AGAIN_AFTER), now + LOOK_AT_LEAST)
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
