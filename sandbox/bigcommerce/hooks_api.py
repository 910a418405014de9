"""Webhook registrations."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import paged
from sandbox.common import jsonio
from sandbox.common.jsonio import Json

HOOK_SCOPES = (
    "store/order/",
    "store/customer/",
    "store/product/",
    "store/sku/",
    "store/cart/",
    "store/channel/",
    "store/inventory/",
)


class HooksApi:
    def __init__(self, store: BigCommerceStore) -> None:
        self.store = store

    def table(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "/v3/hooks", self.list_hooks),
            ("POST", "/v3/hooks", self.create_hook),
            ("GET", "/v3/hooks/{id:int}", self.get_hook),
            ("PUT", "/v3/hooks/{id:int}", self.put_hook),
            ("DELETE", "/v3/hooks/{id:int}", self.delete_hook),
        ]

    async def list_hooks(self, request: Request) -> Response:
        rows = list(self.store.hooks.values())
        for name in ("scope", "destination"):
            if name in request.query_params:
                rows = [row for row in rows if row[name] == request.query_params[name]]
        if "is_active" in request.query_params:
            wanted = request.query_params["is_active"] == "true"
            rows = [row for row in rows if row["is_active"] is wanted]
        return Json(paged(request, rows))

    async def create_hook(self, request: Request) -> Response:
        body = jsonio.loads(await request.body())
        self._check_hook(body, 0)
        now = int(self.store.clock.time())
        hook = {
            "id": self.store.next_id("hook", 18_048_287),
            "client_id": self.store._account["client_id"],
            "store_hash": self.store._account["store_hash"],
            "created_at": now,
            "updated_at": now,
            "scope": body["scope"],
            "destination": body["destination"],
            "is_active": bool(body.get("is_active", True)),
            "events_history_enabled": bool(body.get("events_history_enabled", False)),
            "headers": body.get("headers"),
        }
        self.store.hooks[hook["id"]] = hook
        self.store.keep("hook", hook["id"], hook)
        return Json({"data": hook, "meta": {}})

    def _check_hook(self, body: dict[str, Any], hook_id: int) -> None:
        known = {"scope", "destination", "is_active", "events_history_enabled", "headers"}
        for name in body:
            if name not in known:
                raise Refused(422, "Unprocessable", {name: "is not a field of a hook"})
        scope, destination = str(body.get("scope", "")), str(body.get("destination", ""))
        if not scope.startswith(HOOK_SCOPES):
            raise Refused(422, "Unprocessable", {"scope": "is not a valid scope"})
        parts = urlsplit(destination)
        if parts.scheme != "https" or not parts.hostname or parts.port not in (None, 443):
            raise Refused(
                422, "Unprocessable", {"destination": "must be https and served on port 443"}
            )
        headers = body.get("headers")
        if headers is not None and (
            not isinstance(headers, dict) or any(not isinstance(v, str) for v in headers.values())
        ):
            raise Refused(422, "Unprocessable", {"headers": "must be pairs of texts"})
        for other in self.store.hooks.values():
            same = other["scope"] == scope and other["destination"] == destination
            if same and other["id"] != hook_id:
                raise Refused(
                    422, "Unprocessable", {"scope": "a hook with this destination exists"}
                )

    def _hook(self, request: Request) -> dict[str, Any]:
        hook = self.store.hooks.get(request.path_params["id"])
        if hook is None:
            raise Refused(404, "Hook was not found")
        return hook

    async def get_hook(self, request: Request) -> Response:
        return Json({"data": self._hook(request), "meta": {}})

    async def put_hook(self, request: Request) -> Response:
        hook = self._hook(request)
        body = jsonio.loads(await request.body())
        self._check_hook({**{k: hook[k] for k in ("scope", "destination")}, **body}, hook["id"])
        hook.update(body)
        hook["updated_at"] = int(self.store.clock.time())
        self.store.keep("hook", hook["id"], hook)
        return Json({"data": hook, "meta": {}})

    async def delete_hook(self, request: Request) -> Response:
        hook = self._hook(request)
        del self.store.hooks[hook["id"]]
        self.store.journal.drop("hook", str(hook["id"]))
        return Json({"data": hook, "meta": {}})
