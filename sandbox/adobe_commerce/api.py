"""The REST front: two URL shapes, authentication, access rights, content types, answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.adobe_commerce import search
from sandbox.adobe_commerce.bulk import Bulks
from sandbox.adobe_commerce.calls import Call, Record, Route
from sandbox.adobe_commerce.ims import GatewayRefused, Ims
from sandbox.adobe_commerce.oauth import Integration, OAuth
from sandbox.adobe_commerce.places import BY_CODE
from sandbox.adobe_commerce.wire import PhpJson, Refused, refusal, shown, trimmed
from sandbox.common import jsonio

NOT_FOUND = "<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"


@dataclass
class Behaviour:
    """What versions and settings have different."""

    past_last_page: str = "empty"
    encoded_slashes: str = "allow"
    float_noise: bool = False
    limits: search.Limits = field(default_factory=search.Limits)


@dataclass
class _Target:
    """Where a request goes: after the prefix, with the scope and the way of working."""

    parts: list[str]
    scope: str
    way: str  # "", "async" or "async/bulk"


class Api:
    """The ASGI application of both editions; ``ims`` and ``tenant`` are for the cloud service."""

    def __init__(
        self,
        *,
        edition: str,
        oauth: OAuth,
        ims: Ims,
        tenant: str,
        behaviour: Behaviour,
        bulks: Bulks,
        routes: Iterable[Route],
    ) -> None:
        self.edition, self.oauth, self.ims, self.tenant = edition, oauth, ims, tenant
        self.behaviour, self.bulks = behaviour, bulks
        self.routes = [*routes, *bulks.routes()]
        self.pages: dict[str, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        if self.edition == "saas" and path == "/ims/token/v3" and request.method == "POST":
            return await self.ims.token(request)
        for prefix, page in self.pages.items():
            if path.startswith(prefix):
                answer: Response = await page(request)
                return answer
        body = await request.body()
        try:
            if self.edition == "saas":
                self.ims.check(request)
            return self._serve(request, body)
        except GatewayRefused as refused:
            return self.ims.refusal(refused)
        except Refused as refused:
            return refusal(refused)

    def _serve(self, request: Request, body: bytes) -> Response:
        raw = (request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
        raw = raw.partition("?")[0]
        if "%2f" in raw.lower() and self.behaviour.encoded_slashes == "refuse":
            return HTMLResponse(NOT_FOUND, 404)
        target = self._target(raw, request.headers.get("store", ""))
        if target is None:
            return HTMLResponse(NOT_FOUND, 404)
        xml = _wants_xml(request.headers.get("accept", ""))
        route, params = self._route(request.method, target)
        if self.edition == "paas" and not route.public:
            self._authorize(route, self.oauth.caller(request, body))
        calls = self._calls(request, body, target, route, params)
        query = request.scope["query_string"].decode("latin-1")
        if target.way:
            accepted = self.bulks.accept(route, calls)
            if accepted["errors"]:
                raise Refused(
                    400,
                    "Something went wrong while processing the request.",
                    {"bulk_uuid": accepted["bulk_uuid"]},
                    errors=accepted["request_items"],
                )
            return PhpJson(accepted, 202)
        answer = shown(route.handler(calls[0]))
        wanted = parse_qs(query).get("fields", [""])[0]
        if wanted:
            answer = trimmed(answer, wanted)
        if xml:
            return Response(_xml(answer), media_type="application/xml")
        return PhpJson(answer, noise=self.behaviour.float_noise)

    def _target(self, raw: str, header: str) -> _Target | None:
        """None for a path that does not belong to the API at all."""
        parts = [unquote_plus(part) for part in raw.strip("/").split("/")]
        unknown = Refused(404, "Request does not match any route.")
        if self.edition == "paas":
            if parts[0] != "rest":
                return None
            parts, scope = parts[1:], "default"
            if parts and parts[0] in ("all", *BY_CODE):
                scope, parts = parts[0], parts[1:]
            way, parts = _way(parts)
            if not parts or parts[0] != "V1":
                raise unknown
            return _Target(parts[1:], scope, way)
        if parts[0] != self.tenant or len(parts) < 2:
            return None
        scope = header or "default"
        if parts[1] != "V1" or scope not in ("all", *BY_CODE):
            raise unknown
        way, parts = _way(parts[2:])
        return _Target(parts, scope, way)

    def _route(self, method: str, target: _Target) -> tuple[Route, dict[str, str]]:
        for route in self.routes:
            if route.method != method:
                continue
            if target.way:
                if method != "GET" and route.async_path == "/".join(target.parts):
                    return route, {}
                continue
            params = route.match(target.parts)
            if params is not None:
                return route, params
        raise Refused(404, "Request does not match any route.")

    def _authorize(self, route: Route, caller: Integration | None) -> None:
        if caller is None or not caller.may(route.resource):
            raise Refused(
                401,
                "The consumer isn't authorized to access %resources.",
                {"resources": route.resource},
            )

    def _calls(
        self, request: Request, raw: bytes, target: _Target, route: Route, params: dict[str, str]
    ) -> list[Call]:
        bodies: list[Any] = [{}]
        if request.method in ("POST", "PUT") and (raw or target.way):
            kind = request.headers.get("content-type", "").partition(";")[0].strip()
            if kind != "application/json":
                raise Refused(
                    400, "Server cannot understand Content-Type HTTP header media type %1", [kind]
                )
            try:
                body = jsonio.loads(raw)
            except ValueError as error:
                raise Refused(400, "Decoding error: Syntax error") from error
            bodies = body if target.way == "async/bulk" else [body]
            if not isinstance(bodies, list) or not (target.way or isinstance(body, dict)):
                raise Refused(400, "The body of the request is not of the expected form.")
            if target.way:
                self.behaviour.limits.check_array("bulk", len(bodies), bulk=True)
        scheme_and_host = f"{request.url.scheme}://{request.headers.get('host', '')}"
        return [
            Call(
                method=request.method,
                params=params or _params_of(route, one),
                query=request.scope["query_string"].decode("latin-1"),
                body=one,
                scope=target.scope,
                limits=self.behaviour.limits,
                past_last_page=self.behaviour.past_last_page,
                base_url=scheme_and_host,
                bulk=bool(target.way),
            )
            for one in bodies
        ]


def _way(parts: Sequence[str]) -> tuple[str, list[str]]:
    if list(parts[:2]) == ["async", "bulk"]:
        return "async/bulk", list(parts[2:])
    if list(parts[:1]) == ["async"]:
        return "async", list(parts[1:])
    return "", list(parts)


def _params_of(route: Route, body: Any) -> dict[str, str]:
    """A bulk row names the path's parameters in its body, at the top or in its one object."""
    names = [part[1:-1] for part in route.parts if part.startswith("{")]
    if not isinstance(body, dict):
        return {}
    inner = next((value for value in body.values() if isinstance(value, dict)), {})
    found: Record = {}
    for name in names:
        value = body.get(name, inner.get(name, inner.get("id")))
        if value is not None:
            found[name] = str(value)
        else:
            raise Refused(
                400, '"%fieldName" is required. Enter and try again.', {"fieldName": name}
            )
    return found


def _wants_xml(accept: str) -> bool:
    for part in accept.split(","):
        kind = part.partition(";")[0].strip().lower()
        if kind in ("application/json", "*/*", "application/*", ""):
            return False
        if kind in ("application/xml", "text/xml", "application/xhtml+xml"):
            return True
    raise Refused(
        406,
        "Server cannot match any of the given Accept HTTP header media type(s) from the request: "
        '"%1" with media types from the config of response renderer.',
        [accept],
    )


def _xml(value: Any) -> str:
    return f'<?xml version="1.0"?>\n<response>{_node(value)}</response>'


def _node(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_node(inner)}</{key}>" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(f"<item>{_node(inner)}</item>" for inner in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))
