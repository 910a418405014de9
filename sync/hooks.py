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

from connectors import services
from connectors.contract import Hook
from connectors.errors import ConnectorError, NeedsAttention
from connectors.models import Connection
from connectors.signals import connection_recovered
from sync import dispatch, route_settings
from sync.models import Flow, Route

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


@receiver(post_save, sender=Route)
def route_saved(sender: type[Route], instance: Route, **more: Any) -> None:
    if instance.is_active:
        dispatch.wake(dispatch.HOOKS, instance.store_id)


@receiver(connection_recovered)
def connection_works_again(sender: object, connection: Connection, **more: Any) -> None:
    if connection.role == "store":
        dispatch.wake(dispatch.HOOKS, connection.pk)
