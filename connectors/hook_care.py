"""The hooks and change subscriptions of a connection at the vendor: made, renewed, looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import ChangeSubscription, Hook
from connectors.deliveries import SILENT, forget_refusals, hook_destination, hook_secret_header
from connectors.models import Connection, Subscription
from connectors.services import open_erp, open_store
from connectors.states import State, set_state
from tenants.database import database


def ensure_hooks(connection: Connection, records: Iterable[str]) -> tuple[Hook, ...]:
    """Register what the routes need at the store; safe to repeat. Raises ConnectorError."""
    with _one_at_a_time(connection):
        store = open_store(connection)
        hooks = store.ensure_hooks(
            destination=hook_destination(connection),
            records=tuple(records),
            secret_header=hook_secret_header(connection),
        )
        _remember_hooks(connection, hooks)
    return hooks


def subscribe(connection: Connection) -> tuple[ChangeSubscription, ...]:
    """Make or renew an ERP's change subscriptions; () where it has none. Raises ConnectorError."""
    with _one_at_a_time(connection):
        known = {row.scope: row for row in connection.subscriptions.all()}
        made = open_erp(connection).subscribe(
            destination=hook_destination(connection),
            client_state=hook_secret_header(connection)[1],
            known=[row.external_id for row in known.values()],
        )
        with transaction.atomic():
            fresh = [
                one.resource
                for one in made
                if one.resource not in known or known[one.resource].external_id != one.external_id
            ]
            for one in made:
                Subscription.objects.update_or_create(
                    connection=connection,
                    scope=one.resource,
                    defaults={
                        "external_id": one.external_id,
                        "destination": one.destination,
                        "is_active": True,
                        "expires_at": one.expires_at,
                        "checked_at": timezone.now(),
                    },
                )
            names = [one.resource for one in made]
            connection.subscriptions.exclude(scope__in=names).delete()
            if fresh:
                audit.record(
                    Action.HOOKS_REGISTERED,
                    f"“{connection.name}” tells us of changes of {', '.join(fresh)}.",
                    connection_id=connection.pk,
                    data={"resources": fresh},
                )
    return made


def hook_health(connection: Connection) -> tuple[Hook, ...]:
    """How the store itself sees the hooks that lead to us. Raises ConnectorError."""
    return open_store(connection).hook_health(destination=hook_destination(connection))


def warn_of_silence(connection: Connection, after: timedelta) -> None:
    """Stores switch off hooks that deliver nothing for long: say so before that happens. The warning
    ends with the next good delivery or ping."""
    now = timezone.now()
    last = connection.tallies.aggregate(at=Max("last_accepted_at"))["at"]
    begun = last or connection.created_at
    if now - begun < after or not connection.subscriptions.filter(is_active=True).exists():
        return
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == State.HEALTHY:
            set_state(
                row,
                State.DEGRADED,
                SILENT,
                f"No webhook has arrived for {(now - begun).days} days.",
                "Stores switch webhooks off after long silence. If there were sales, register the "
                "webhooks again; orders come in by the regular check meanwhile.",
            )
            row.save()


@contextmanager
def _one_at_a_time(connection: Connection) -> Iterator[None]:
    """A second registration of the same connection waits, so that it finds the hooks of the first
    and does not make them again. No transaction is held meanwhile."""
    key = [database.schema_name, connection.pk]
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s), %s::int)", key)
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), %s::int)", key)


def _remember_hooks(connection: Connection, hooks: Iterable[Hook]) -> None:
    with transaction.atomic():
        known = {row.scope: row for row in connection.subscriptions.all()}
        fresh = []
        for hook in hooks:
            row = known.pop(hook.scope, None)
            if row is None or row.external_id != hook.external_id:
                fresh.append(hook.scope)
            Subscription.objects.update_or_create(
                connection=connection,
                scope=hook.scope,
                defaults={
                    "external_id": hook.external_id,
                    "destination": hook.destination,
                    "is_active": hook.is_active,
                    "checked_at": timezone.now(),
                },
            )
        for row in known.values():
            row.delete()
        forget_refusals(connection)
        if fresh:
            audit.record(
                Action.HOOKS_REGISTERED,
                f"Webhooks of “{connection.name}” were registered: {', '.join(fresh)}.",
                connection_id=connection.pk,
                data={"scopes": fresh},
            )
