"""Adobe IMS for the cloud service: server-to-server tokens, and the gateway's three headers.

The token request and its answer follow Adobe's developer console documentation. The bodies of the
gateway's 401 and 403 are not published; ``gateway_body`` chooses between a JSON object with
``error_code`` and ``message``, and an empty body.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

MANDATORY_SCOPE = "commerce.accs"
KNOWN_SCOPES = frozenset(
    {
        "openid",
        "AdobeID",
        "email",
        "profile",
        "additional_info.roles",
        "additional_info.projectedProductContext",
        MANDATORY_SCOPE,
    }
)


class GatewayRefused(Exception):
    """A call that does not come through the gateway."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Ims:
    """One server-to-server credential of an organisation. Up to two secrets are good at once."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        *,
        client_id: str,
        client_secret: str,
        org_id: str,
        seconds: int,
    ) -> None:
        self.clock, self._journal, self.client_id = clock, journal, client_id
        self.org_id, self.seconds, self._first = org_id, seconds, client_secret
        self.gateway_body = "json"
        self.tokens_given = 0
        self.load()

    def load(self) -> None:
        state = self._journal.load("ims").get("state", {})
        self.secrets: list[str] = list(state.get("secrets", [self._first]))
        self.permitted = bool(state.get("permitted", True))
        self._key = bytes.fromhex(state["key"]) if state else secrets.token_bytes(32)
        self.save()

    def save(self) -> None:
        state = {"secrets": self.secrets, "permitted": self.permitted, "key": self._key.hex()}
        self._journal.put("ims", "state", state)

    def restore(self) -> None:
        """Back to the first secret; tokens that are out stay good."""
        self.secrets, self.permitted = [self._first], True
        self.gateway_body, self.tokens_given = "json", 0
        self.save()

    def expire_all(self) -> None:
        self._key = secrets.token_bytes(32)
        self.save()

    async def token(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            return _denied(400, "invalid_request", "invalid content type")
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        for name in ("client_id", "client_secret", "grant_type"):
            if not form.get(name):
                return _denied(400, "invalid_request", f"missing {name} parameter")
        if form["grant_type"] != "client_credentials":
            return _denied(400, "unsupported_grant_type", "invalid grant_type parameter")
        if form["client_id"] != self.client_id:
            return _denied(400, "invalid_client", "invalid client_id parameter")
        if form["client_secret"] not in self.secrets:
            return _denied(401, "invalid_client", "invalid client_secret parameter")
        scopes = [s for s in form.get("scope", "").replace(" ", ",").split(",") if s]
        if any(scope not in KNOWN_SCOPES for scope in scopes):
            return _denied(400, "invalid_scope", "invalid scope parameter")
        self.tokens_given += 1
        return JSONResponse(
            {
                "access_token": self.issue(",".join(scopes)),
                "token_type": "bearer",
                "expires_in": self.seconds - 1,
            },
            headers={"cache-control": "no-store"},
        )

    def issue(self, scope: str) -> str:
        """A signed token of the credential."""
        now = int(self.clock.time())
        claims = {
            "id": f"{now}_{secrets.token_hex(8)}",
            "type": "access_token",
            "client_id": self.client_id,
            "scope": scope,
            "created_at": str(now * 1000),
            "expires_in": str(self.seconds * 1000),
        }
        text = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return f"{text}.{self._mark(text)}"

    def _mark(self, text: str) -> str:
        digest = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def check(self, request: Request) -> None:
        """Raises GatewayRefused unless token, API key and organisation are good."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = self._claims(token.strip()) if scheme.lower() == "bearer" else None
        if claims is None:
            raise GatewayRefused(401, "401013", "Oauth token is not valid")
        ends = (int(claims["created_at"]) + int(claims["expires_in"])) / 1000
        if ends <= self.clock.time():
            raise GatewayRefused(401, "401013", "Oauth token is not valid")
        if MANDATORY_SCOPE not in claims["scope"].split(","):
            raise GatewayRefused(401, "401027", "Oauth token lacks a required scope")
        if request.headers.get("x-api-key") != self.client_id:
            raise GatewayRefused(403, "403003", "Api Key is invalid")
        if request.headers.get("x-gw-ims-org-id") != self.org_id or not self.permitted:
            raise GatewayRefused(403, "403201", "Organization is not permitted to call this API")

    def _claims(self, token: str) -> dict[str, Any] | None:
        text, _, mark = token.rpartition(".")
        if not text or not hmac.compare_digest(self._mark(text).encode(), mark.encode()):
            return None
        raw = text.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
        return claims

    def refusal(self, refused: GatewayRefused) -> Response:
        if self.gateway_body == "empty":
            return Response(status_code=refused.status)
        body = {"error_code": refused.code, "message": refused.message}
        return JSONResponse(body, refused.status)


def _denied(status: int, error: str, words: str) -> Response:
    return JSONResponse({"error": error, "error_description": words}, status)


def _part(value: dict[str, Any]) -> str:
    raw = json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
