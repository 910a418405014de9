"""Microsoft Entra's token endpoint: client credentials, with its error numbers.

Numbers and shapes: Microsoft, "Microsoft Entra authentication and authorization error codes" and
"Microsoft identity platform and the OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import uuid
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.jsonio import Json

_GUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", re.I)
_DOMAIN = re.compile(r"^(?=.{4,253}$)([a-z0-9-]+\.)+[a-z]{2,}$", re.I)
_KNOWN_TOKENS = 10_000


class Refused(Exception):
    """A token request that Entra does not grant."""

    def __init__(self, status: int, name: str, number: int, words: str) -> None:
        super().__init__(words)
        self.status, self.name, self.number, self.words = status, name, number, words


class Entra:
    """One tenant with its app registrations: client id -> secret.

    Tokens are signed JWTs that this instance verifies by signature and by the simulator's clock,
    so that they outlive a restart when a journal keeps the key.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        tenant_id: str,
        apps: dict[str, str],
        scopes: tuple[str, ...],
        seconds: int,
        journal: Journal | None = None,
    ) -> None:
        self.clock, self.tenant_id = clock, tenant_id
        self.scopes, self.seconds = scopes, seconds
        self._journal, self._first_apps = journal or Journal(None), dict(apps)
        self.load()

    def load(self) -> None:
        """What the journal kept, or the state of a fresh start."""
        state = self._journal.load("entra").get("state", {})
        self.apps: dict[str, str] = {**self._first_apps, **state.get("apps", {})}
        self.expired_secrets: set[str] = set(state.get("expired_secrets", ()))
        self._key = bytes.fromhex(state["key"]) if state else secrets.token_bytes(32)
        self._known: dict[str, tuple[str, float]] = {}
        if not state:
            self._save()

    def _save(self) -> None:
        self._journal.put(
            "entra",
            "state",
            {
                "apps": self.apps,
                "expired_secrets": sorted(self.expired_secrets),
                "key": self._key.hex(),
            },
        )

    def routes(self) -> list[Route]:
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
        ]

    def client_of(self, authorization: str) -> str | None:
        """The client id of a good bearer token; None for a wrong or expired one."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        known = self._known.get(token) or self._verified(token)
        return known[0] if known and known[1] > self.clock.time() else None

    def expire_all(self) -> None:
        """No token that was given out so far is good any longer."""
        self._key = secrets.token_bytes(32)
        self._known.clear()
        self._save()

    def change_secret(self, secret: str, client_id: str = "") -> None:
        """Give an app registration a new secret; tokens that are out stay good, as with Entra."""
        self.apps[client_id or next(iter(self.apps))] = secret
        self._save()

    def expire_secret(self, secret: str) -> None:
        self.expired_secrets.add(secret)
        self._save()

    async def configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        try:
            self._check_tenant(tenant, "invalid_tenant")
        except Refused as refused:
            return self._error(refused)
        base = f"{request.url.scheme}://{request.url.netloc}/{tenant}"
        return Json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "client_secret_basic",
                ],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
            }
        )

    async def token(self, request: Request) -> Response:
        try:
            client, scope = self._granted(request, await request.body())
        except Refused as refused:
            return self._error(refused)
        return Json(
            {
                "token_type": "Bearer",
                "expires_in": self.seconds,
                "ext_expires_in": self.seconds,
                "access_token": self._signed(client, scope),
            },
            headers={"cache-control": "no-store, no-cache", "pragma": "no-cache"},
        )

    def _granted(self, request: Request, body: bytes) -> tuple[str, str]:
        """(client id, scope) of a request that is granted. Raises Refused."""
        self._check_tenant(request.path_params["tenant"], "invalid_request")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        form: dict[str, str] = {}
        if kind == "application/x-www-form-urlencoded":
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if "grant_type" not in form:
            raise Refused(400, "invalid_request", 900144, _missing("grant_type"))
        if form["grant_type"] != "client_credentials":
            raise Refused(
                400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
            )
        client, secret = _credentials(request.headers.get("authorization", ""), form)
        if not client:
            raise Refused(400, "invalid_request", 900144, _missing("client_id"))
        known = next((name for name in self.apps if name.lower() == client.lower()), None)
        if known is None:
            raise Refused(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{client}' was not found in the directory "
                f"'{self.tenant_id}'. This can happen if the application has not been installed by "
                "the administrator of the tenant or consented to by any user in the tenant.",
            )
        self._check_secret(known, secret)
        if "scope" not in form:
            raise Refused(400, "invalid_request", 900144, _missing("scope"))
        scope = next((s for s in form["scope"].split() if s in self.scopes), None)
        if scope is None:
            raise Refused(
                400,
                "invalid_scope",
                70011,
                f"The provided request must include a 'scope' input parameter. The provided value "
                f"for the input parameter 'scope' is not valid. The scope {form['scope']} is not "
                "valid.",
            )
        return known, scope

    def _check_tenant(self, tenant: str, name: str) -> None:
        if not (_GUID.match(tenant) or _DOMAIN.match(tenant)):
            raise Refused(
                400,
                "invalid_request",
                900023,
                f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid "
                "external domain.",
            )
        if tenant.lower() != self.tenant_id.lower():
            raise Refused(
                400,
                name,
                90002,
                f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID "
                "and are signing into the correct cloud. Check with your subscription "
                "administrator, this may happen if there are no active subscriptions for the "
                "tenant.",
            )

    def _check_secret(self, client: str, secret: str) -> None:
        if not secret:
            raise Refused(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or "
                "'client_secret'.",
            )
        if secret in self.expired_secrets:
            raise Refused(
                401,
                "invalid_client",
                7000222,
                f"The provided client secret keys for app '{client}' are expired. Visit the Azure "
                "portal to create new keys for your app.",
            )
        if not hmac.compare_digest(secret.encode(), self.apps[client].encode()):
            raise Refused(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{client}'.",
            )

    def _signed(self, client: str, scope: str) -> str:
        now = int(self.clock.time())
        claims = {
            "aud": scope.removesuffix("/.default"),
            "iss": f"https://sts.windows.net/{self.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + self.seconds,
            "appid": client,
            "tid": self.tenant_id,
            "roles": ["API.ReadWrite.All"],
            "uti": secrets.token_urlsafe(16),
        }
        head = _part({"typ": "JWT", "alg": "HS256"})
        signed = f"{head}.{_part(claims)}"
        token = f"{signed}.{self._signature(signed)}"
        if len(self._known) >= _KNOWN_TOKENS:
            self._known.clear()
        self._known[token] = (client, now + self.seconds)
        return token

    def _signature(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _verified(self, token: str) -> tuple[str, float] | None:
        signed, _, signature = token.rpartition(".")
        if not signed.isascii() or not hmac.compare_digest(
            self._signature(signed).encode(), signature.encode()
        ):
            return None
        raw = signed.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        self._known[token] = (str(claims["appid"]), float(claims["exp"]))
        return self._known[token]

    def _error(self, refused: Refused) -> Response:
        stamp = f"{self.clock.now():%Y-%m-%d %H:%M:%SZ}"
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        body: dict[str, Any] = {
            "error": refused.name,
            "error_description": f"AADSTS{refused.number}: {refused.words} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {stamp}",
            "error_codes": [refused.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={refused.number}",
        }
        return Json(body, status_code=refused.status)


def _missing(name: str) -> str:
    return f"The request body must contain the following parameter: '{name}'."


def _credentials(authorization: str, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from the body, or from HTTP Basic as OAuth allows it."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return form.get("client_id", ""), ""
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _part(value: dict[str, Any]) -> str:
    raw = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
