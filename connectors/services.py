"""Assembly and care of connections: adapters with their transport, pings, states, hooks."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from redis import Redis
from redis.exceptions import RedisError

from audit import exchanges
from audit import services as audit
from audit.actions import Action
from connectors.contract import (
    Check,
    DeliveryRefused,
    Erp,
    Hook,
    Notice,
    Ping,
    Setting,
    Store,
    Verdict,
)
from connectors.errors import ConnectorError, NeedsAttention
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget, Limits
from connectors.models import Connection, HookTally, Subscription, new_hook_secret
from connectors.registry import SYSTEMS
from connectors.signals import connection_recovered
from tenants.database import database
from tenants.encryption import EncryptionKeyMissing, decrypt, encrypt
from tenants.models import HookAddress, Tenant, new_hook_key

State = Connection.State
SECRET_HEADER = "X-Hook-Secret"  # noqa: S105  the header's name, not a secret
MOST_ADAPTERS = 500
# So many refusals in a row of a day say that something is set up wrongly, not that someone knocks.
REFUSALS_THAT_WARN = 5

_adapters: dict[tuple[str, int], tuple[int, Any]] = {}
_adapters_lock = threading.Lock()
_redis: Redis | None = None


def redis_client() -> Redis:
    """The process's pool of Redis connections."""
    global _redis
    if _redis is None:
        _redis = Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, max_connections=200
        )
    return _redis


class _SecretCache:
    """The shared cache, encrypted at rest; a cache that is gone or unreadable is an empty one."""

    def __init__(self, scope: str) -> None:
        self._scope = scope

    def get(self, key: str) -> str | None:
        try:
            value = cache.get(f"{self._scope}:{key}")
            return None if value is None else decrypt(value)
        except (EncryptionKeyMissing, OSError, RedisError):
            return None

    def set(self, key: str, value: str, seconds: int) -> None:
        try:
            cache.set(f"{self._scope}:{key}", encrypt(value), seconds)
        except (OSError, RedisError):
            return

    def delete(self, key: str) -> None:
        try:
            cache.delete(f"{self._scope}:{key}")
        except (OSError, RedisError):
            return


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
            advice="It goes on by itself once a ping of the connection works again.",
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
    system = SYSTEMS[connection.kind]
    adapter = system.build(full_values(connection), _kit(connection))
    with _adapters_lock:
        if len(_adapters) >= MOST_ADAPTERS:
            _adapters.pop(next(iter(_adapters)))
        _adapters[key] = (connection.version, adapter)
    return adapter


def full_values(connection: Connection) -> dict[str, str]:
    """Settings with defaults and secrets, as an adapter takes them."""
    values = {setting.name: setting.default for setting in SYSTEMS[connection.kind].settings}
    return values | connection.values | connection.secrets


def _kit(connection: Connection) -> Kit:
    scope = f"{database.schema_name}:{connection.pk}"
    connection_id = connection.pk

    def record(exchange: ExchangeRecord) -> None:
        exchanges.store(
            connection_id=connection_id,
            method=exchange.method,
            url=exchange.url,
            request_headers=exchange.request_headers,
            request_body=exchange.request_body,
            status=exchange.status,
            response_headers=exchange.response_headers,
            response_body=exchange.response_body,
            started_at=datetime.fromtimestamp(exchange.started_at, UTC),
            duration_ms=exchange.duration_ms,
            error=exchange.error,
            purpose=exchange.purpose,
        )

    def budget(limits: Limits) -> Budget:
        return Budget(redis_client(), scope, limits)

    return Kit(
        name=str(connection_id),
        record=record,
        guard=AddressGuard(settings.ALLOWED_PRIVATE_NETWORKS),
        budget=budget,
        cache=_SecretCache(scope),
        ca_file=settings.OUTBOUND_CA_FILE,
        pool_size=max(settings.WORKER_THREADS, 8),
    )


def check_values(
    kind: str, values: Mapping[str, str], *, secrets_set: Iterable[str] = ()
) -> dict[str, str]:
    """What is wrong with a connection's settings: setting name -> words. Secrets are in values."""
    errors: dict[str, str] = {}
    have = set(secrets_set)
    known = {setting.name: setting for setting in SYSTEMS[kind].settings}
    for name in values.keys() - known.keys():
        errors[name] = f"“{name}” is not a setting of {SYSTEMS[kind].title}."
    for setting in known.values():
        value = str(values.get(setting.name, "") or "").strip()
        if not value:
            if setting.required and not setting.default and setting.name not in have:
                errors[setting.name] = f"{setting.label} is missing."
            continue
        if problem := check_setting(setting, value):
            errors[setting.name] = problem
    return errors


def check_setting(setting: Setting, value: str) -> str:
    """What is wrong with one value, in words; empty if nothing."""
    if len(value) > setting.max_length:
        return f"{setting.label} is longer than {setting.max_length} characters."
    if setting.kind == "url" and not re.match(r"^https?://[^\s/]+", value):
        return f"{setting.label} must begin with https://."
    if setting.kind == "integer" and not re.match(r"^\d+$", value):
        return f"{setting.label} must be a whole number."
    if setting.kind == "choice" and value not in dict(setting.choices):
        names = ", ".join(key for key, _ in setting.choices)
        return f"{setting.label} must be one of {names}."
    if setting.pattern and not re.match(setting.pattern, value):
        return f"{setting.label} does not look right. {setting.help}".strip()
    return ""


def create_connection(*, kind: str, name: str, slug: str, values: Mapping[str, str]) -> Connection:
    """A new connection, untested, with its hook address. Raises ValidationError by setting."""
    errors = check_values(kind, values)
    if errors:
        raise ValidationError(errors)
    plain, secret = _split(kind, values)
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

    Raises ValidationError by setting. A change makes the connection untested: ping it.
    """
    errors = check_values(
        connection.kind, {**connection.values, **values}, secrets_set=connection.secrets_set
    )
    if errors:
        raise ValidationError(errors)
    plain, secret = _split(connection.kind, values)
    changed = sorted(key for key, value in plain.items() if connection.values.get(key) != value)
    secrets_changed = sorted(
        key for key, value in secret.items() if value and connection.secrets.get(key) != value
    )
    renamed = bool(name) and name != connection.name
    if not changed and not secrets_changed and not renamed:
        return []
    with transaction.atomic():
        connection.values = connection.values | plain
        connection.secrets = connection.secrets | {key: secret[key] for key in secrets_changed}
        connection.name = name or connection.name
        connection.version += 1
        if changed or secrets_changed:
            _set_state(connection, State.UNTESTED, "", "The settings were changed.", "Ping it.")
        connection.save()
        if changed or renamed:
            audit.record(
                Action.SETTINGS_CHANGED,
                f"Settings of “{connection.name}” were changed: {', '.join(changed) or 'name'}.",
                connection_id=connection.pk,
                data={"changed": changed},
            )
        if secrets_changed:
            audit.record(
                Action.CREDENTIALS_CHANGED,
                f"Credentials of “{connection.name}” were changed: {', '.join(secrets_changed)}.",
                connection_id=connection.pk,
                data={"changed": secrets_changed},
            )
    return changed + secrets_changed + (["name"] if renamed else [])


def _split(kind: str, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    secret_names = {setting.name for setting in SYSTEMS[kind].settings if setting.is_secret}
    plain = {key: str(value) for key, value in values.items() if key not in secret_names}
    secret = {key: str(value) for key, value in values.items() if key in secret_names and value}
    return plain, secret


def ping(connection: Connection) -> Ping:
    """Prove the connection; keep what was found; tell the layers above if it works again."""
    before = connection.state
    try:
        result = _build(connection).ping()
    except ConnectorError as error:
        failed = Check(
            name="Connect",
            verdict=Verdict.FAILED,
            words=error.reason,
            advice=error.advice,
            code=error.code,
        )
        result = Ping(checks=(failed,))
    with transaction.atomic():
        connection = Connection.objects.select_for_update().get(pk=connection.pk)
        connection.checks = [asdict(check) for check in result.checks]
        if not result.failures:
            connection.facts = result.facts
        if result.choices:
            connection.choices = {name: list(pairs) for name, pairs in result.choices.items()}
        connection.pinged_at = timezone.now()
        if connection.state != State.PAUSED:
            _set_state(connection, *_state_of(result))
        connection.save()
        audit.record(
            Action.CONNECTION_PINGED,
            f"“{connection.name}” was tested: {connection.get_state_display().lower()}."
            + (f" {connection.state_reason}" if connection.state_reason else ""),
            connection_id=connection.pk,
            data={"checks": {check.name: check.verdict.value for check in result.checks}},
        )
    if connection.is_open and before in (State.REFUSED, State.PAUSED, State.UNTESTED):
        connection_recovered.send(sender=Connection, connection=connection)
    return result


def _state_of(result: Ping) -> tuple[str, str, str, str]:
    for check in result.failures:
        return State.REFUSED, check.code, check.words, check.advice
    for check in result.checks:
        if check.verdict is Verdict.WARNING:
            return State.DEGRADED, check.code, check.words, check.advice
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
    """Work found that the connection needs a person: nothing more is sent until a ping works."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        if row.is_open:
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
    if not issubclass(system, Store):
        raise DeliveryRefused("unreadable", f"{system.title} sends no webhooks to this address.")
    try:
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


def _count_refusal(connection: Connection, refusal: DeliveryRefused, now: datetime) -> None:
    HookTally.count(connection, day=now.date(), refused=refusal.words)
    tally = HookTally.objects.get(connection=connection, day=now.date())
    recently = tally.last_accepted_at and now - tally.last_accepted_at < timedelta(minutes=10)
    if tally.refused == 1 or tally.refused % 100 == 0:
        audit.record(
            Action.HOOK_REFUSED,
            f"A webhook delivery to “{connection.name}” was refused. {refusal.words}",
            connection_id=connection.pk,
            data={"code": refusal.code, "today": tally.refused},
        )
    if tally.refused >= REFUSALS_THAT_WARN and not recently and connection.state == State.HEALTHY:
        with transaction.atomic():
            row = Connection.objects.select_for_update().get(pk=connection.pk)
            if row.state == State.HEALTHY:
                _set_state(
                    row,
                    State.DEGRADED,
                    refusal.code,
                    f"Webhook deliveries are refused. {refusal.words}",
                    "Check the client secret and the signature form, then register the hooks "
                    "again. Meanwhile orders come in by the regular check.",
                )
                row.save()


def tally(connection: Connection, *, accepted: int, duplicate: int, now: datetime) -> None:
    HookTally.count(connection, day=now.date(), accepted=accepted, duplicate=duplicate)


def ensure_hooks(connection: Connection, records: Iterable[str]) -> tuple[Hook, ...]:
    """Register what the routes need at the store; safe to repeat. Raises ConnectorError."""
    store = open_store(connection)
    hooks = store.ensure_hooks(
        destination=hook_destination(connection),
        records=tuple(records),
        secret_header=hook_secret_header(connection),
    )
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
        if fresh:
            audit.record(
                Action.HOOKS_REGISTERED,
                f"Webhooks of “{connection.name}” were registered: {', '.join(fresh)}.",
                connection_id=connection.pk,
                data={"scopes": fresh},
            )
    return hooks
