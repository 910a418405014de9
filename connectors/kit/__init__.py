"""What every adapter is handed: transport parts that it composes and never knows the insides of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from requests.adapters import BaseAdapter

from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget, Limits

if TYPE_CHECKING:
    from connectors.kit.windows_auth import WindowsSignIn


class SecretCache(Protocol):
    """A small store shared by all worker processes; values are encrypted at rest."""

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, value: str, seconds: int) -> None: ...

    def delete(self, key: str) -> None: ...


class Relay(Protocol):
    """The way to a system that only a relay agent on its own network reaches.

    ``adapter`` makes the transport of one session: its ``send`` also takes ``begin_by``
    (``time.monotonic``), raises ConnectorError, and answers with an open response. The agent makes
    the Windows sign-in, trusts ``authority`` (PEM text) and signs in again by itself.
    """

    def adapter(self, *, authority: str, windows: WindowsSignIn | None) -> BaseAdapter: ...


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
    """Everything that services provide to build one adapter. Without ``relay`` it is reached
    directly."""

    name: str  # of the connection, put on every error that its calls raise
    record: Callable[[ExchangeRecord], None]
    guard: AddressGuard
    budget: Callable[[Limits], Budget]
    cache: SecretCache
    ca_file: str = ""
    pool_size: int = 16
    relay: Relay | None = None
