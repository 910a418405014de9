"""The addresses of a server instance: OData v4, the API, SOAP; and who may use them."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.business_central.odata import BadRequest
from sandbox.nav.instance import Instance
from sandbox.nav.page_service import PageServices
from sandbox.nav.rest import Rest
from sandbox.nav.soap import Codeunits


class Server:
    """An ASGI application behind the sign-in."""

    def __init__(self, instance: Instance, rest: Rest) -> None:
        self.instance, self.rest = instance, rest
        self.codeunits = Codeunits(instance)
        self.running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = self.instance.switches.max_concurrent
        if most and self.running >= most:
            await overloaded()(scope, receive, send)
            return
        self.running += 1
        try:
            await asyncio.sleep(self.instance.switches.work_ms / 1000)
            answer = await self.serve(Request(scope, receive))
        except BadRequest as refused:
            answer = self.instance.error(refused.status, refused.code, refused.message)
        finally:
            self.running -= 1
        await answer(scope, receive, send)

    async def serve(self, request: Request) -> Response:
        raw = request.scope["raw_path"].decode("ascii").partition("?")[0]
        _, name, kind, rest = [*raw.split("/", 3), "", "", ""][:4]
        if unquote(name).lower() != self.instance.name.lower():
            return HTMLResponse("<h1>Not Found</h1>", 404)
        switches = self.instance.switches
        match kind.lower():
            case "ws":
                self._check_enabled(switches.soap_services)
                return await self.codeunits.answer(request, rest)
            case "odatav4":
                self._check_enabled(switches.odata_services)
                self._check(request)
                return await PageServices(self.instance).answer(request, rest)
            case "api":
                self._check_enabled(switches.api_services)
                self._check(request)
                return await self.rest.answer(request, rest)
        return HTMLResponse("<h1>Not Found</h1>", 404)

    def _check_enabled(self, enabled: bool) -> None:
        if not enabled:
            raise BadRequest("BadRequest_MethodNotAllowed", "The service is not enabled.", 405)

    def _check(self, request: Request) -> None:
        """Tenant, permissions, locks. Raises BadRequest."""
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        self.instance.check_tenant(query.get("tenant", ""))
        writes = request.method != "GET"
        self.instance.check_permission(writes=writes)
        if writes:
            self.instance.check_lock()


def overloaded() -> Response:
    """What http.sys says when the server takes no more requests."""
    return HTMLResponse(
        "<!DOCTYPE HTML><html><head><title>Service Unavailable</title></head><body>"
        "<h2>Service Unavailable</h2><hr><p>HTTP Error 503. The service is unavailable.</p>"
        "</body></html>",
        503,
    )
