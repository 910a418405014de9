"""Sessions: pooled and dialled through the guard, or by way of a relay agent."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import requests
import urllib3
from requests.adapters import BaseAdapter, HTTPAdapter

from connectors.errors import NeedsAttention
from connectors.kit import Kit
from connectors.kit.guard import AddressGuard, GuardedPoolManager
from connectors.kit.windows_auth import WindowsSignIn


class _Adapter(HTTPAdapter):
    def __init__(
        self,
        guard: AddressGuard,
        pool_size: int,
        authority: str,
        sign_in: Callable[[Any], None] | None,
    ) -> None:
        self._guard = guard
        self._authority = authority
        self._sign_in = sign_in
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def send(self, *args: Any, begin_by: float | None = None, **kwargs: Any) -> requests.Response:
        """``begin_by`` was looked at before; it is for a way on which a request may wait."""
        return super().send(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        connections, maxsize, block = (*args, 10, 10, False)[:3]
        more = {"ssl_context": _trusting(self._authority)} if self._authority else {}
        self.poolmanager = GuardedPoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            guard=self._guard,
            sign_in=self._sign_in,
            **more,
        )


def _trusting(authority: str) -> ssl.SSLContext:
    """A context that trusts these certificates (PEM); the public ones are added by requests. An
    authority between the root and the server is enough by itself."""
    context = urllib3.util.ssl_.create_urllib3_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as error:
        raise NeedsAttention(
            f"certificate authority: {error}",
            reason="The certificate authority in the connection's settings cannot be read.",
            advice="Paste the certificate again, from BEGIN CERTIFICATE to END CERTIFICATE.",
            code="settings",
        ) from error
    return context


def new_session(kit: Kit) -> requests.Session:
    """A pooled session that dials through the guard and takes nothing from the environment."""
    return _session(kit, _Adapter(kit.guard, kit.pool_size, "", None))


def session_to_system(
    kit: Kit, *, authority: str, windows: WindowsSignIn | None, patience: float
) -> requests.Session:
    """A session for the system itself: by its relay agent if it has one, directly otherwise.

    ``authority`` is the PEM text of certificates to trust beside the public ones. With ``windows``
    each new connection is signed in, ``patience`` seconds being the longest silence.
    """
    if kit.relay is not None:
        return _session(kit, kit.relay.adapter(authority=authority, windows=windows))

    def sign_in(connection: Any) -> None:
        assert windows is not None
        windows.sign_in(connection, kit=kit, timeout=patience)

    adapter = _Adapter(kit.guard, kit.pool_size, authority, sign_in if windows else None)
    return _session(kit, adapter)


def _session(kit: Kit, adapter: BaseAdapter) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = kit.ca_file or True
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
