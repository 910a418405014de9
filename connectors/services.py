"""Assembly and care of connections: adapters with their transport, pings, states, hooks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import (
    ChangeSubscription,
    Check,
    DeliveryRefused,
    Erp,
    Hook,
    HookAnswer,
    Notice,
    Ping,
    Store,
    Verdict,
)
from connectors.errors import ConnectorError, NeedsAttention, TryLater, UnexpectedShape
from connectors.kit.throttle import yielding as yielding
from connectors.models import Connection, HookTally, Subscription, new_hook_secret
from connectors.registry import SYSTEMS
from connectors.setting_values import changed_values, full_values, split
from connectors.setting_values import check_setting as check_setting
from connectors.setting_values import check_values as check_values
from connectors.signals import connection_recovered
from connectors.transport import kit_for
from connectors.transport import redis_client as redis_client
from tenants.database import database
from tenants.models import HookAddress, Tenant, new_hook_key

State = Connection.State
SECRET_HEADER = "X-Hook-Secret"  # noqa: S105  the header's name, not a secret
MOST_ADAPTERS = 500
# So many refusals in a row say that something is set up wrongly, not that someone knocks.
REFUSALS_THAT_WARN = 5
DELIVERIES = "deliveries_refused"
# Between yesterday's last refusal and today's first delivery the trouble is still the same one.
DELIVERIES_COUNT_FOR = timedelta(days=2)

_adapters: dict[tuple[str, int], tuple[int, Any]] = {}
_adapters_lock = threading.Lock()


def open_store(connection: Connection) -> Store:
    """The connection's adapter, ready to call. Raises NeedsAttention while it may not be used."""
    adapter = _open(connection)
    if not isinstance(adapter, Store):
        raise TypeError(f"{connection.kind} is not a store")
    return adapter


def open_erp(connection: Connection) -> Erp:
    """The connection's adapter, ready to call. Raises NeedsAttention while it may not be used."""
    adapter = _open(connection)
    if not isinstance(adapter, Erp):
        raise TypeError(f"{connection.kind} is not an ERP")
    return adapter


def _open(connection: Connection) -> Store | Erp:
    if not connection.is_open:
        raise NeedsAttention(
            f"connection {connection.slug} is {connection.state}",
            reason=f"The connection “{connection.name}” is {connection.get_state_display().lower()}: "
            f"{connection.state_reason}".strip(),
            advice="It goes on by itself once the connection is resumed."
            if connection.state == State.PAUSED
            else "It goes on by itself once a ping of the connection works again.",
            code=connection.state_code or connection.state,
        )
    return _build(connection)


def _build(connection: Connection) -> Store | Erp:
    """Adapters are kept for each process, because their sessions are pooled."""
    key = (str(database.schema_name), connection.pk)
    with _adapters_lock:
        kept = _adapters.get(key)
        if kept and kept[0] == connection.version:
            return kept[1]  # type: ignore[no-any-return]
    adapter = SYSTEMS[connection.kind].build(full_values(connection), kit_for(connection))
    with _adapters_lock:
        if len(_adapters) >= MOST_ADAPTERS:
            _adapters.pop(next(iter(_adapters)))
        _adapters[key] = (connection.version, adapter)
    return adapter


def create_connection(*, kind: str, name: str, slug: str, values: Mapping[str, str]) -> Connection:
    """A new connection, untested, with its hook address. Raises ValidationError by setting."""
    errors = check_values(kind, values) | _taken(name=name, slug=slug)
    if errors:
        raise ValidationError(errors)
    plain, secret = split(kind, values)
    with transaction.atomic():
        connection = Connection.objects.create(
            kind=kind,
            name=name,
            slug=slug,
            role=SYSTEMS[kind].role.value,
            values=plain,
            secrets=secret,
            hook_key=new_hook_key(),
            hook_secret={"value": new_hook_secret()},
        )
        HookAddress.objects.create(
            key=connection.hook_key,
            tenant=Tenant.objects.get(schema_name=database.schema_name),
            connection_id=connection.pk,
        )
        audit.record(
            Action.CONNECTION_CREATED,
            f"The connection “{name}” to {SYSTEMS[kind].title} was added.",
            connection_id=connection.pk,
        )
    return connection


def save_settings(
    connection: Connection, values: Mapping[str, str], *, name: str = ""
) -> list[str]:
    """Save settings; an empty secret keeps the stored one. Returns the names of what changed.

    Raises ValidationError by setting. A change makes the connection untested: ping it. One that
    is paused stays paused.
    """
    plain, secret = split(connection.kind, values)
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        renamed = bool(name) and name != row.name
        errors = check_values(
            row.kind, {**row.values, **plain, **secret}, secrets_set=row.secrets_set
        )
        if renamed:
            errors |= _taken(name=name)
        if errors:
            raise ValidationError(errors)
        changed = changed_values(row, plain)
        secrets_changed = sorted(key for key in secret if row.secrets.get(key) != secret[key])
        if not changed and not secrets_changed and not renamed:
            return []
        row.values = row.values | {key: plain[key] for key in changed}
        row.secrets = row.secrets | {key: secret[key] for key in secrets_changed}
        row.name = name or row.name
        row.version += 1
        if (changed or secrets_changed) and row.state != State.PAUSED:
            _set_state(row, State.UNTESTED, "", "The settings were changed.", "Ping it.")
        row.save()
        if changed or secrets_changed:
            _forget_refusals(row)
        if changed or renamed:
            audit.record(
                Action.SETTINGS_CHANGED,
                f"Settings of “{row.name}” were changed: {', '.join(changed) or 'name'}.",
                connection_id=row.pk,
                data={"changed": changed},
            )
        if secrets_changed:
            audit.record(
                Action.CREDENTIALS_CHANGED,
                f"Credentials of “{row.name}” were changed: {', '.join(secrets_changed)}.",
                connection_id=row.pk,
                data={"changed": secrets_changed},
            )
    connection.refresh_from_db()
    return changed + secrets_changed + (["name"] if renamed else [])


def _taken(**unique: str) -> dict[str, str]:
    return {
        field: "There is a connection with this name already."
        for field, value in unique.items()
        if Connection.objects.filter(**{field: value}).exists()
    }


def ping(connection: Connection) -> Ping:
    """Prove the connection as it is saved; keep what was found; tell the layers above if it works
    again. Nothing is kept if its settings were changed meanwhile: the proof is of the old ones."""
    tried = Connection.objects.get(pk=connection.pk)
    try:
        result = _build(tried).ping()
    except ConnectorError as error:
        result = Ping(checks=(_failed(error),))
    now = timezone.now()
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=tried.pk)
        if row.version != tried.version:
            return result
        before = row.state
        result = replace(result, checks=(*result.checks, *_deliveries(row, now)))
        row.checks = [asdict(check) for check in result.checks]
        if not result.failures:
            row.facts = result.facts
        if result.choices:
            row.choices = {name: list(pairs) for name, pairs in result.choices.items()}
        row.pinged_at = now
        if row.state != State.PAUSED:
            _set_state(row, *_state_of(result.checks))
        row.save()
        audit.record(
            Action.CONNECTION_PINGED,
            f"“{row.name}” was tested: {row.get_state_display().lower()}."
            + (f" {row.state_reason}" if row.state_reason else ""),
            connection_id=row.pk,
            data={"checks": {check.name: check.verdict.value for check in result.checks}},
        )
    if row.is_open and before in (State.REFUSED, State.PAUSED, State.UNTESTED):
        connection_recovered.send(sender=Connection, connection=row)
    return result


def _failed(error: ConnectorError) -> Check:
    """A ping that ended in an error: whose move it is follows from its class."""
    advice, move = error.advice, "you"
    if isinstance(error, UnexpectedShape):
        move = "us"
    elif not isinstance(error, NeedsAttention):
        advice, move = (
            "If the address is right, the system or the network between us is down: ping again "
            "later.",
            "vendor",
        )
    return Check(
        name="Connect",
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=advice,
        whose_move=move,
        code=error.code or ("network" if isinstance(error, TryLater) else ""),
    )


def _state_of(checks: Iterable[Check]) -> tuple[str, str, str, str]:
    """The worst of the checks decides, the first one of its kind: state, code, words, advice."""
    found = list(checks)
    for verdict, state in ((Verdict.FAILED, State.REFUSED), (Verdict.WARNING, State.DEGRADED)):
        for check in found:
            if check.verdict is verdict:
                return state, check.code, check.words, check.advice
    return State.HEALTHY, "", "", ""


def _set_state(connection: Connection, state: str, code: str, reason: str, advice: str) -> None:
    """Change the state on a row that the caller saves; an entry only if it is another one."""
    if connection.state != state:
        connection.state_at = timezone.now()
        audit.record(
            Action.CONNECTION_STATE_CHANGED,
            f"“{connection.name}” is now {State(state).label.lower()}. {reason}".strip(),
            connection_id=connection.pk,
            data={"from": connection.state, "to": state, "code": code},
        )
    connection.state, connection.state_code = state, code[:40]
    connection.state_reason, connection.state_advice = reason, advice


def report_problem(connection: Connection, error: NeedsAttention) -> None:
    """Work found that the connection needs a person: nothing more is sent until a ping works.

    What was found with settings that have been changed since says nothing of the new ones.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.is_open and row.version == connection.version:
            _set_state(row, State.REFUSED, error.code, error.reason, error.advice)
            row.save()


def pause(connection: Connection, reason: str) -> None:
    """Stop using a connection until a person resumes it."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        _set_state(row, State.PAUSED, "paused", reason or "Paused by a person.", "Resume it.")
        row.save()


def resume(connection: Connection) -> Ping:
    """Take the pause off and prove the connection."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == State.PAUSED:
            _set_state(row, State.UNTESTED, "", "", "")
            row.save()
    return ping(row)


def hook_destination(connection: Connection) -> str:
    return f"{settings.HOOK_BASE_URL}/hooks/{connection.hook_key}/"


def hook_secret_header(connection: Connection) -> tuple[str, str]:
    return SECRET_HEADER, connection.hook_secret.get("value", "")


def read_delivery(
    connection: Connection, *, body: bytes, headers: Mapping[str, str], now: datetime
) -> tuple[Notice, ...]:
    """Verify a delivery and read its notices; a refused one is counted. Raises DeliveryRefused."""
    system = SYSTEMS[connection.kind]
    try:
        if issubclass(system, Erp):
            return system.read_notices(
                headers={name.lower(): value for name, value in headers.items()},
                body=body,
                client_state=hook_secret_header(connection)[1],
            )
        return system.read_delivery(
            values=full_values(connection),
            headers={name.lower(): value for name, value in headers.items()},
            body=body,
            now=now,
            secret_header=hook_secret_header(connection),
        )
    except DeliveryRefused as refusal:
        _count_refusal(connection, refusal, now)
        raise
    except RecursionError as error:  # JSON nested deeper than any vendor's, made to trip us
        unreadable = DeliveryRefused("unreadable", "The delivery cannot be read.")
        _count_refusal(connection, unreadable, now)
        raise unreadable from error


def answer_handshake(
    connection: Connection,
    *,
    method: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
) -> HookAnswer | None:
    """The answer to a vendor's question whether this address is ours; None for a delivery."""
    system = SYSTEMS[connection.kind]
    return system.handshake(
        values=full_values(connection),
        method=method,
        query=query,
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
    )


def acknowledgement(connection: Connection) -> HookAnswer | None:
    """What the vendor must read in answer to a delivery, good or refused; None if any 2xx does."""
    system = SYSTEMS[connection.kind]
    return system.acknowledgement() if issubclass(system, Store) else None


def _count_refusal(connection: Connection, refusal: DeliveryRefused, now: datetime) -> None:
    day = HookTally.count_refusal(connection, now=now, code=refusal.code, words=refusal.words)
    if day.refused == 1 or day.refused % 100 == 0:
        audit.record(
            Action.HOOK_REFUSED,
            f"A webhook delivery to “{connection.name}” was refused. {refusal.words}",
            connection_id=connection.pk,
            data={"code": refusal.code, "today": day.refused},
        )
    if day.refused_in_row >= REFUSALS_THAT_WARN and connection.state == State.HEALTHY:
        with transaction.atomic():
            row = Connection.objects.select_for_update().get(pk=connection.pk)
            if row.state == State.HEALTHY:
                _set_state(row, *_state_of(_deliveries(row, now)))
                row.save()


def _deliveries(connection: Connection, now: datetime) -> tuple[Check, ...]:
    """A warning while one webhook delivery after the other fails verification."""
    since = (now - DELIVERIES_COUNT_FOR).date()
    day = connection.tallies.filter(day__gte=since).order_by("-day").first()
    if day is None or day.refused_in_row < REFUSALS_THAT_WARN or day.refused_since is None:
        return ()
    check = Check(
        name="Webhook deliveries",
        verdict=Verdict.WARNING,
        words=f"Deliveries fail verification since {day.refused_since:%-d %B %Y, %H:%M} UTC. "
        f"{day.last_refused_words}",
        advice="Check the client secret and the signature form, then register the hooks again. "
        "Meanwhile orders come in by the regular check.",
        whose_move="you",
        code=DELIVERIES,
    )
    return (check,)


def _forget_refusals(connection: Connection) -> None:
    """What was refused under other settings, or by another registration, warns no more."""
    connection.tallies.update(refused_in_row=0, refused_since=None)


def tally(connection: Connection, *, accepted: int, duplicate: int, now: datetime) -> None:
    """Count a delivery that was good; a warning about refused ones is over with it."""
    HookTally.count(connection, now=now, accepted=accepted, duplicate=duplicate)
    if connection.state == State.DEGRADED and connection.state_code == DELIVERIES:
        _end_of_refusals(connection)


def _end_of_refusals(connection: Connection) -> None:
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == State.DEGRADED and row.state_code == DELIVERIES:
            row.checks = [check for check in row.checks if check["code"] != DELIVERIES]
            found = [
                Check(**{**check, "verdict": Verdict(check["verdict"])}) for check in row.checks
            ]
            _set_state(row, *_state_of(found))
            row.save()


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
    """Stores switch off hooks that deliver nothing for long: say so before that happens."""
    now = timezone.now()
    last = connection.tallies.aggregate(at=Max("last_accepted_at"))["at"]
    begun = last or connection.created_at
    if now - begun < after or not connection.subscriptions.filter(is_active=True).exists():
        return
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == State.HEALTHY:
            _set_state(
                row,
                State.DEGRADED,
                "hooks_silent",
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
        _forget_refusals(connection)
        if fresh:
            audit.record(
                Action.HOOKS_REGISTERED,
                f"Webhooks of “{connection.name}” were registered: {', '.join(fresh)}.",
                connection_id=connection.pk,
                data={"scopes": fresh},
            )
