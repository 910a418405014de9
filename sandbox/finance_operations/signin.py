"""Entra for an environment: the v2 token endpoint with a scope and the v1 one with a resource."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common import jsonio
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sandbox.common.jsonio import Json
from sandbox.entra import Entra, Refused


class EnvironmentSignIn(Entra):
    """The audience is an address of the environment without a slash at its end. Entra gives a token
    for other spellings of it as well, which the environment then turns away."""

    def __init__(
        self,
        clock: Clock,
        *,
        tenant_id: str,
        apps: dict[str, str],
        resources: tuple[str, ...],
        seconds: int,
        journal: Journal,
    ) -> None:
        self.resources = tuple(resource.rstrip("/") for resource in resources)
        spellings = [
            spelling
            for resource in self.resources
            for spelling in (resource, f"{resource}/", resource.upper())
        ]
        super().__init__(
            clock,
            tenant_id=tenant_id,
            apps=apps,
            scopes=tuple(f"{spelling}/.default" for spelling in spellings),
            seconds=seconds,
            journal=journal,
        )

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/{tenant}/oauth2/token", self.token_v1, methods=["POST"])]

    def app_of(self, authorization: str) -> str | None:
        """The client of a good token that is meant for this environment."""
        client = self.client_of(authorization)
        if client is None:
            return None
        payload = authorization.split(".")[1]
        claims = jsonio.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return client if claims["aud"] in self.resources else None

    async def token_v1(self, request: Request) -> Response:
        """Numbers come as texts here."""
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode()).items()
        }
        resource = form.pop("resource", "")
        if resource:
            form["scope"] = f"{resource}/.default"
        try:
            client, scope = self._granted(request, urlencode(form).encode())
        except Refused as refused:
            if not resource and refused.number == 900144:
                words = "The request body must contain the following parameter: 'resource'."
                refused = Refused(400, "invalid_request", 900144, words)
            return self._error(refused)
        now = int(self.clock.time())
        return Json(
            {
                "token_type": "Bearer",
                "expires_in": str(self.seconds),
                "ext_expires_in": str(self.seconds),
                "expires_on": str(now + self.seconds),
                "not_before": str(now),
                "resource": resource,
                "access_token": self._signed(client, scope),
            },
            headers={"cache-control": "no-store, no-cache", "pragma": "no-cache"},
        )
