"""What an adapter is handed: its way, the shared cache for tokens, and the recorder of exchanges."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from audit import exchanges
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.redact import Redactor
from connectors.kit.throttle import Budget, Limits
from connectors.models import Connection
from connectors.relay.adapter import SiteRelay
from connectors.shared_redis import redis_client as redis_client
from tenants.database import database
from tenants.encryption import EncryptionKeyMissing, decrypt, encrypt


class SharedSecrets:
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


def kit_for(connection: Connection) -> Kit:
    """The parts from which a connection's adapter is built, bound to tenant and connection."""
    scope = f"{database.schema_name}:{connection.pk}"
    connection_id = connection.pk
    # A second belt: adapters name the secrets that they send, and here are all there are.
    redactor = Redactor([*connection.secrets.values(), connection.hook_secret.get("value", "")])

    def record(exchange: ExchangeRecord) -> None:
        exchanges.store(
            connection_id=connection_id,
            method=exchange.method,
            url=redactor.text(exchange.url),
            request_headers=redactor.headers(exchange.request_headers),
            request_body=redactor.body(exchange.request_body),
            status=exchange.status,
            response_headers=redactor.headers(exchange.response_headers),
            response_body=redactor.body(exchange.response_body),
            started_at=datetime.fromtimestamp(exchange.started_at, UTC),
            duration_ms=exchange.duration_ms,
            error=redactor.text(exchange.error),
            purpose=exchange.purpose,
        )

    def budget(limits: Limits) -> Budget:
        return Budget(redis_client(), scope, limits)

    return Kit(
        name=str(connection_id),
        record=record,
        guard=AddressGuard(settings.ALLOWED_PRIVATE_NETWORKS),
        budget=budget,
        cache=SharedSecrets(scope),
        ca_file=settings.OUTBOUND_CA_FILE,
        pool_size=max(settings.WORKER_THREADS, 8),
        relay=_relay_of(connection),
    )


def _relay_of(connection: Connection) -> SiteRelay | None:
    site = connection.relay_site
    if site is None:
        return None
    on_site = connection.sign_in_on_site
    return SiteRelay(str(database.schema_name), site.pk, on_site=on_site, name=site.name)
