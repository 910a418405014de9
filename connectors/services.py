"""Assembly and care of connections: adapters with their transport, settings, pings, states."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import (
    Check,
    Erp,
    Ping,
    Store,
    Verdict,
)
from connectors.deliveries import deliveries_check, forget_refusals
from connectors.errors import ConnectorError, NeedsAttention, TryLater, UnexpectedShape
from connectors.kit.throttle import yielding as yielding
from connectors.models import Connection, RelaySite, new_hook_secret
from connectors.registry import SYSTEMS
from connectors.setting_values import changed_values, full_values, split
from connectors.setting_values import check_setting as check_setting
from connectors.setting_values import check_values as check_values
from connectors.setting_values import sign_in_names as sign_in_names
from connectors.setting_values import sign_in_settings as sign_in_settings
from connectors.signals import connection_recovered
from connectors.states import State, set_state, state_of
from connectors.transport import kit_for
from connectors.transport import redis_client as redis_client
from tenants.database import database
from tenants.models import HookAddress, Tenant, new_hook_key

MOST_ADAPTERS = 500

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


def create_connection(
    *,
    kind: str,
    name: str,
    slug: str,
    values: Mapping[str, str],
    relay_site: RelaySite | None = None,
    sign_in_on_site: bool = False,
) -> Connection:
    """A new connection, untested, with its hook address; reached directly unless a relay site is
    given, whose agents may keep its sign-in. Raises ValidationError by setting."""
    errors = check_values(kind, values, sign_in_on_site=sign_in_on_site)
    errors |= _taken(name=name, slug=slug)
    if sign_in_on_site and (relay_site is None or not sign_in_names(kind)):
        errors["sign_in_on_site"] = "Its sign-in cannot be kept on site."
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
            relay_site=relay_site,
            sign_in_on_site=sign_in_on_site,
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
            row.kind,
            {**row.values, **plain, **secret},
            secrets_set=row.secrets_set,
            sign_in_on_site=row.sign_in_on_site,
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
            words = "Its settings were changed, and it was not tested since."
            set_state(row, State.UNTESTED, "", words, "Ping it.")
        row.save()
        if changed or secrets_changed:
            forget_refusals(row)
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
        result = replace(result, checks=(*result.checks, *deliveries_check(row, now)))
        row.checks = [asdict(check) for check in result.checks]
        if not result.failures:
            row.facts = result.facts
        if result.choices:
            row.choices = {name: list(pairs) for name, pairs in result.choices.items()}
        row.pinged_at = now
        if row.state != State.PAUSED:
            set_state(row, *state_of(result.checks))
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


def report_problem(connection: Connection, error: NeedsAttention) -> None:
    """Work found that the connection needs a person: nothing more is sent until a ping works.

    What was found with settings that have been changed since says nothing of the new ones.
    """
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.is_open and row.version == connection.version:
            set_state(row, State.REFUSED, error.code, error.reason, error.advice)
            row.save()


def pause(connection: Connection, reason: str) -> None:
    """Stop using a connection until a person resumes it."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        set_state(row, State.PAUSED, "paused", reason or "Paused by a person.", "Resume it.")
        row.save()


def resume(connection: Connection) -> Ping:
    """Take the pause off and prove the connection."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.state == State.PAUSED:
            set_state(row, State.UNTESTED, "", "", "")
            row.save()
    return ping(row)
