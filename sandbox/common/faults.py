"""Faults on demand, and a record of what was asked."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ACTIONS = ("delay", "lose_reply", "drop", "status", "throttle", "html", "truncate")
_IDS = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?<=/)\d+(?=/|$)|(?<=\()[^)]+(?=\))|(?<=/stores/)[^/]+"
)


class BadFault(ValueError):
    """The control API was given a fault that does not exist."""


@dataclass
class Fault:
    """One rule. ``times`` None means until removed; the first ``skip`` matches pass.
    ``operation`` is a pattern of the SOAP operation, where one address serves them all."""

    id: int
    action: str
    method: str | None = None
    path: str = ""
    operation: str = ""
    times: int | None = 1
    skip: int = 0
    seconds: float = 0
    status: int = 500
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hits: int = 0


class Faults:
    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self._ids = itertools.count(1)
        self.latency_ms = 0
        self.requests: deque[dict[str, Any]] = deque(maxlen=2_000)
        self.counts: Counter[str] = Counter()

    def add(self, spec: dict[str, Any]) -> Fault:
        if spec.get("action") not in ACTIONS:
            raise BadFault(f"action must be one of {', '.join(ACTIONS)}")
        known = {name: spec[name] for name in Fault.__dataclass_fields__ if name in spec}
        known.pop("id", None)
        try:
            for name in ("path", "operation"):
                re.compile(known.get(name, ""))
        except re.error as error:
            raise BadFault(f"{name} is not a pattern: {error}") from error
        rule = Fault(id=next(self._ids), **known)
        self.rules.append(rule)
        return rule

    def remove(self, fault_id: int | None = None) -> None:
        self.rules = [] if fault_id is None else [r for r in self.rules if r.id != fault_id]

    def match(self, method: str, path: str, operation: str = "") -> Fault | None:
        for rule in self.rules:
            if rule.method and rule.method.upper() != method:
                continue
            if rule.path and not re.search(rule.path, path):
                continue
            if rule.operation and not re.search(rule.operation, operation):
                continue
            rule.hits += 1
            if rule.hits <= rule.skip:
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times <= 0:
                    self.rules.remove(rule)
            return rule
        return None

    def note(self, method: str, path: str, query: str, status: int | None, at: str) -> None:
        self.counts[f"{method} {_IDS.sub('{}', path)}"] += 1
        self.requests.append(
            {"method": method, "path": path, "query": query, "status": status, "at": at}
        )


class FaultMiddleware:
    """Outermost around the vendor's API: latency, faults, the record of requests."""

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        now: Callable[[], str],
        throttled: Callable[[], Response],
        refused: Callable[[int], Response],
    ) -> None:
        self._app, self._faults, self._now = app, faults, now
        self._throttled, self._refused = throttled, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        faults = self._faults
        method, path = scope["method"], scope["path"]
        seen: dict[str, Any] = {"status": None}
        operation = dict(scope["headers"]).get(b"soapaction", b"").decode("latin-1")
        rule = faults.match(method, path, operation.strip('"').rpartition("/")[2])
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            await send(message)

        try:
            if rule is None:
                await self._app(scope, receive, noting)
            else:
                await self._misbehave(rule, scope, receive, noting, seen)
        finally:
            query = scope["query_string"].decode()
            faults.note(method, path, query, seen["status"], self._now())

    async def _misbehave(
        self, rule: Fault, scope: Scope, receive: Receive, send: Send, seen: dict[str, Any]
    ) -> None:
        answer: Response | None = None
        match rule.action:
            case "delay":
                # A server that has read a request works on it, whether its client waits or not.
                whole = await _read(receive)
                await asyncio.sleep(rule.seconds)
                await self._app(scope, whole, send)
            case "drop":
                await _abort(scope, send)
            case "lose_reply":

                async def swallow(message: Message) -> None:
                    if message["type"] == "http.response.start":
                        seen["status"] = message["status"]

                await self._app(scope, receive, swallow)
                await asyncio.sleep(rule.seconds)
                await _abort(scope, send)
            case "truncate":
                await self._app(scope, receive, _halving(send))
            case "throttle":
                answer = self._throttled()
            case "html":
                answer = HTMLResponse(
                    "<html><body><h1>502 Bad Gateway</h1></body></html>", status_code=502
                )
            case "status":
                answer = (
                    Response(rule.body, rule.status, media_type="application/json")
                    if rule.body is not None
                    else self._refused(rule.status)
                )
                answer.headers.update(rule.headers)
        if answer is not None:
            await answer(scope, receive, send)


async def _read(receive: Receive) -> Receive:
    """The whole request now; what is handed on can be read again and never says "gone"."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body", False))
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            await asyncio.Event().wait()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _abort(scope: Scope, send: Send) -> None:
    """Close the connection without an answer: the server passes its transport in the scope."""
    abort = scope.get("extensions", {}).get("sandbox.abort") or scope.get("sandbox.abort")
    if abort is not None:
        abort()
        return
    raise ConnectionAbortedError("the connection is dropped on purpose")


def _halving(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def halve(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": False}
        if message["type"] == "http.response.start":
            headers = [(k, v) for k, v in message["headers"] if k != b"content-length"]
            message = {**message, "headers": headers}
        await send(message)

    return halve
