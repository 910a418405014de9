"""What every adapter is handed: transport parts that it composes and never knows the insides of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget, Limits


class SecretCache(Protocol):
    """A small store shared by all worker processes; values are encrypted at rest."""

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, value: str, seconds: int) -> None: ...

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ExchangeRecord:
    """One HTTP attempt for the audit trail, secrets already removed."""

    method: str
    url: str
    request_headers: dict[str, str]
    request_body: bytes
    status: int | None
    response_headers: dict[str, str]
    response_body: bytes
    started_at: float  # seconds since the epoch
    duration_ms: int
    error: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Everything that services provide to build one adapter."""

    name: str  # of the connection, put on every error that its calls raise
    record: Callable[[ExchangeRecord], None]
    guard: AddressGuard
    budget: Callable[[Limits], Budget]
    cache: SecretCache
    ca_file: str = ""
    pool_size: int = 16
