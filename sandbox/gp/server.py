"""The GP server: companies, who may enter what, its version, its quirks and its bad days."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.common.clock import Clock
from sandbox.gp import wire
from sandbox.gp.company import Company
from sandbox.gp.wire import Refusal, trouble

MATCHING = ("db", "display", "either")
FIRST_STATE: dict[str, Any] = {
    "padded": True,
    "envelope": "wrapped",  # wrapped | lower | bare
    "errors_in_200": False,
    "company_segment": "db",
    "service": "up",  # up | unavailable (503) | stopped (the connection is dropped)
    "cold_start_ms": 0,
    "idle_seconds": 300,
    "sba": True,
    "soap": True,
    "soap_absent_key": "null",  # null | fault
}


class Server:
    """State that both interfaces share."""

    def __init__(
        self,
        clock: Clock,
        companies: list[Company],
        *,
        tenant: str,
        version: int,
        first: dict[str, Any],
    ) -> None:
        self.clock, self.companies = clock, companies
        self.tenant, self._version = tenant, version
        self._first = FIRST_STATE | first
        self.reset()

    def reset(self) -> None:
        self.state = dict(self._first)
        self.version = self._version
        self.closed_companies: set[tuple[str, str]] = set()
        self.closed_windows: set[tuple[str, str]] = set()
        self.unmapped: set[str] = set()
        self.validations: dict[str, list[dict[str, Any]]] = {}
        self._last_call = 0.0

    def match_company(self, segment: str) -> Company | None:
        """By database name or by display name, as the deployment has it."""
        form, wanted = self.state["company_segment"], segment.strip().lower()
        for company in self.companies:
            names = {"db": company.database, "display": company.name}
            known = names.values() if form == "either" else (names[form],)
            if wanted in (name.lower() for name in known):
                return company
        return None

    # The access chain: account -> GP user -> company -> window.

    def may_enter(self, user: str, company: Company) -> bool:
        name = user.upper()
        return name not in self.unmapped and (name, company.database) not in self.closed_companies

    def check_company(self, user: str, company: Company) -> None:
        if not self.may_enter(user, company):
            raise Refusal(
                403, wire.NO_ACCESS, "Company", "The user does not have access to this company."
            )

    def check_window(self, user: str, window: str) -> None:
        if (user.upper(), window.lower()) in self.closed_windows:
            raise Refusal(
                403, wire.NO_ACCESS, "Window", f"The user does not have security to {window}."
            )

    async def wake(self) -> None:
        """A runtime is started when it is needed: the first call after idleness is slow."""
        now = self.clock.time()
        idle, self._last_call = now - self._last_call > self.state["idle_seconds"], now
        if idle and self.state["cold_start_ms"]:
            await asyncio.sleep(self.state["cold_start_ms"] / 1000)


class Availability:
    """Before the sign-in: a server that is being rebooted answers nobody."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app, self._server = app, server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._server.state["service"] != "up":
            if self._server.state["service"] == "stopped":
                scope["sandbox.abort"]()
                raise ConnectionAbortedError("the service is stopped")
            await trouble(503)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Front:
    """Signed-in requests by interface. The native web service is not installed."""

    def __init__(self, server: Server, sba: Any, soap: Any) -> None:
        self._server, self._sba, self._soap = server, sba, soap

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await self._server.wake()
        path = scope["path"].lower()
        if self._server.state["sba"] and path.startswith("/gpservice/"):
            answer = await self._sba.serve(request)
        elif self._server.state["soap"] and path.startswith(
            ("/dynamicsgpwebservices", "/metadata")
        ):
            answer = await self._soap.serve(request)
        else:
            answer = Response("Not Found", 404, media_type="text/plain")
        await answer(scope, receive, send)
