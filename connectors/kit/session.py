"""Pooled sessions that dial through the guard and take nothing from the environment."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from connectors.errors import NeedsAttention
from connectors.kit import Kit
from connectors.kit.guard import AddressGuard, GuardedPoolManager


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


def new_session(
    kit: Kit, *, authority: str = "", sign_in: Callable[[Any], None] | None = None
) -> requests.Session:
    """A pooled session that dials through the guard and takes nothing from the environment.

    ``authority`` is the PEM text of certificates to trust beside the public ones; ``sign_in`` is
    called with each new connection.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = kit.ca_file or True
    adapter = _Adapter(kit.guard, kit.pool_size, authority, sign_in)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
