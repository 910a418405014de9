"""A guard against server-side request forgery, on the address that is really dialled.

A tenant supplies base URLs. Each connection resolves the name, checks every address it got and
dials exactly the one that was checked, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.poolmanager import PoolManager

# IIS drops a connection after two idle minutes. One that carries a sign-in is left before that: a
# write on a connection that breaks under it has an unknown outcome.
SIGNED_IN_IDLE = 90.0  # seconds
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
# Carrier-grade NAT and benchmark networks are not "private" to Python 3.11 in every release.
_EXTRA = tuple(
    ipaddress.ip_network(text)
    for text in ("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "fd00:ec2::/32", "64:ff9b::/96")
)


class AddressRefused(Exception):
    """The name leads to an address that must not be called from this server."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} is {address}, an address inside a private or reserved network")
        self.host = host
        self.address = address


class AddressGuard:
    """Which addresses may be dialled: public ones, and networks that the operator allows."""

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        self._allowed = tuple(ipaddress.ip_network(text, strict=False) for text in allowed_networks)

    def permits(self, address: str) -> bool:
        ip = ipaddress.ip_address(address.partition("%")[0])
        embedded = _embedded(ip)
        if any(
            candidate.version == network.version and candidate in network
            for network in self._allowed
            for candidate in (ip, embedded)
            if candidate is not None
        ):
            return True
        return all(_is_public(candidate) for candidate in (ip, embedded) if candidate is not None)

    def resolve(self, host: str, port: int) -> list[tuple[int, str]]:
        """(family, address) pairs to dial. Raises AddressRefused if any of them is forbidden, and
        OSError (gaierror) if the name is unknown."""
        found: list[tuple[int, str]] = []
        for family, _, _, _, sockaddr in socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        ):
            address = str(sockaddr[0])
            if not self.permits(address):
                raise AddressRefused(host, address)
            if (family, address) not in found:
                found.append((family, address))
        return found

    def dial(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connect to a checked address of ``host``."""
        problem: OSError | None = None
        for family, address in self.resolve(host, port):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(timeout)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.connect((address, port))
            except OSError as error:
                connection.close()
                problem = error
            else:
                return connection
        raise problem or OSError(f"no address for {host}")


def _embedded(ip: IpAddress) -> IpAddress | None:
    """The IPv4 address inside a mapped, 6to4 or Teredo address."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip.sixtofour:
            return ip.sixtofour
        if ip.teredo:
            return ip.teredo[1]
    return None


def _is_public(ip: IpAddress) -> bool:
    if any(ip.version == network.version and ip in network for network in _EXTRA):
        return False
    site_local = isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local
    # IPv6's reserved blocks hold the old ways of writing an IPv4 address (``::127.0.0.1``).
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or site_local)


def _connection_class(
    base: type[Any], guard: AddressGuard, sign_in: Callable[[Any], None] | None
) -> type[Any]:
    class Guarded(base):  # type: ignore[misc]
        def _new_conn(self) -> socket.socket:
            timeout = self.timeout if isinstance(self.timeout, int | float) else None
            try:
                return guard.dial(self._dns_host, self.port, timeout)
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
            except TimeoutError as error:
                raise ConnectTimeoutError(self, f"{self.host} did not accept in time") from error
            except OSError as error:
                raise NewConnectionError(self, f"connecting failed: {error}") from error

    if sign_in is None:
        return Guarded
    sign_in_now = sign_in

    class SignedIn(Guarded):
        """A connection that is signed in as soon as it stands, before any request is sent."""

        last_used = 0.0

        def connect(self) -> None:
            super().connect()
            try:
                sign_in_now(self)
            except BaseException:
                self.close()
                raise
            self.last_used = time.monotonic()

        def getresponse(self) -> Any:
            response = super().getresponse()
            self.last_used = time.monotonic()
            return response

        @property
        def is_connected(self) -> bool:
            fresh = time.monotonic() - self.last_used < SIGNED_IN_IDLE
            return bool(fresh and super().is_connected)

    return SignedIn


class GuardedPoolManager(PoolManager):
    """urllib3's pool manager, dialling through a guard.

    ``sign_in`` is called with each new connection, which it may use before the first request.
    """

    def __init__(
        self,
        *args: Any,
        guard: AddressGuard,
        sign_in: Callable[[Any], None] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        http = type("P", (HTTPConnectionPool,), {})
        http.ConnectionCls = _connection_class(HTTPConnection, guard, sign_in)  # type: ignore[attr-defined]
        https = type("S", (HTTPSConnectionPool,), {})
        https.ConnectionCls = _connection_class(HTTPSConnection, guard, sign_in)  # type: ignore[attr-defined]
        self.pool_classes_by_scheme = {"http": http, "https": https}
