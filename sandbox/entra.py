"""Microsoft Entra's token endpoint: client credentials, with its error numbers."""

from __future__ import annotations

import re
import secrets
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.clock import Clock
from sandbox.common.jsonio import Json

_GUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.I)


class Entra:
    """One tenant with its app registrations: client id -> secret."""

    def __init__(
        self,
        clock: Clock,
        *,
        tenant_id: str,
        apps: dict[str, str],
        scopes: tuple[str, ...],
        seconds: int,
    ) -> None:
        self.clock, self.tenant_id, self.apps = clock, tenant_id, dict(apps)
        self.scopes, self.seconds = scopes, seconds
        self.tokens: dict[str, tuple[str, float]] = {}
        self.expired_secrets: set[str] = set()

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
        ]

    def client_of(self, authorization: str) -> str | None:
        """The client id of a good bearer token; None for a wrong or expired one."""
        scheme, _, token = authorization.partition(" ")
        known = self.tokens.get(token) if scheme.lower() == "bearer" else None
        return known[0] if known and known[1] > self.clock.time() else None

    def expire_all(self) -> None:
        self.tokens.clear()

    async def configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if tenant.lower() != self.tenant_id.lower():
            return self._error(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        base = f"{request.url.scheme}://{request.url.netloc}/{tenant}"
        return Json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code"],
            }
        )

    async def token(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        if not _GUID.match(tenant):
            return self._error(
                400,
                "invalid_request",
                900023,
                f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.",
            )
        if tenant.lower() != self.tenant_id.lower():
            return self._error(
                400,
                "invalid_request",
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.",
            )
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        client = form.get("client_id", "")
        if form.get("grant_type") != "client_credentials":
            return self._error(
                400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
            )
        if client not in self.apps:
            return self._error(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory.",
            )
        if form.get("client_secret") in self.expired_secrets:
            return self._error(
                401,
                "invalid_client",
                7000222,
                "The provided client secret keys for app are expired.",
            )
        if form.get("client_secret") != self.apps[client]:
            return self._error(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
            )
        wanted = form.get("scope", "").split()
        if not any(scope in self.scopes for scope in wanted):
            return self._error(
                400,
                "invalid_scope",
                70011,
                f"The provided value for the input parameter 'scope' is not valid: {form.get('scope')}.",
            )
        token = "eyJ0eXAiOiJKV1QifQ." + secrets.token_urlsafe(64)
        self.tokens[token] = (client, self.clock.time() + self.seconds)
        return Json(
            {
                "token_type": "Bearer",
                "expires_in": self.seconds,
                "ext_expires_in": self.seconds,
                "access_token": token,
            }
        )

    def _error(self, status: int, name: str, number: int, words: str) -> Response:
        now = self.clock.now()
        body: dict[str, Any] = {
            "error": name,
            "error_description": f"AADSTS{number}: {words} Trace ID: {secrets.token_hex(8)} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": secrets.token_hex(16),
            "correlation_id": secrets.token_hex(16),
        }
        return Json(body, status_code=status)
