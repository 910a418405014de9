"""The store's REST API: paths, authentication, limits, shapes and refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import STATUSES, BigCommerceStore
from sandbox.common import jsonio
from sandbox.common.catalogue import PRODUCTS, STORE_ONLY
from sandbox.common.jsonio import Json

DOCS = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"
WINDOW_MS = 30_000
LIST_FILTERS = {
    "min_id", "max_id", "min_total", "max_total", "customer_id", "email", "status_id", "cart_id",
    "payment_method", "min_date_created", "max_date_created", "min_date_modified",
    "max_date_modified", "page", "limit", "sort", "is_deleted", "channel_id",
    "external_order_id", "include", "consignment_structure",
}  # fmt: skip
SCOPE_OF = (
    ("/transactions", "transactions"),
    ("/payment_actions", "transactions"),
    ("/orders", "orders"),
    ("/order_statuses", "orders"),
    ("/customers", "customers"),
    ("/catalog", "products"),
    ("/hooks", ""),
    ("/store", "information"),
    ("/time", ""),
)
HOOK_SCOPES = (
    "store/order/",
    "store/customer/",
    "store/product/",
    "store/sku/",
    "store/cart/",
    "store/channel/",
    "store/inventory/",
)


class Quota:
    """Requests in each window of 30 seconds, shared by all apps of the store; 0 is unlimited."""

    def __init__(self, clock: Any, quota: int) -> None:
        self.clock, self.quota, self.used, self.begun = clock, quota, 0, 0.0

    def take(self) -> tuple[bool, dict[str, str]]:
        now = self.clock.time() * 1000
        if now - self.begun >= WINDOW_MS:
            self.begun, self.used = now, 0
        allowed = self.quota == 0 or self.used < self.quota
        if allowed:
            self.used += 1
        quota = self.quota or 4_000_000
        return allowed, {
            "X-Rate-Limit-Time-Window-Ms": str(WINDOW_MS),
            "X-Rate-Limit-Time-Reset-Ms": str(int(WINDOW_MS - (now - self.begun))),
            "X-Rate-Limit-Requests-Quota": str(quota),
            "X-Rate-Limit-Requests-Left": str(max(quota - self.used, 0)),
        }


def refusal(path: str, status: int, message: str, errors: dict[str, str] | None = None) -> Response:
    """V2 answers a list of errors, V3 an object."""
    if "/v2/" in path:
        return Json([{"status": status, "message": message}], status_code=status)
    return Json(
        {"status": status, "title": message, "type": DOCS, "errors": errors or {}},
        status_code=status,
    )


class Api:
    def __init__(self, store: BigCommerceStore, quota: Quota) -> None:
        self.store, self.quota = store, quota
        self.unknown_for_ms = 0

    def app(self) -> Starlette:
        base = "/stores/{hash}"
        table: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", "/v2/store", self.store_information),
            ("GET", "/v2/time", self.time),
            ("GET", "/v2/orders", self.list_orders),
            ("GET", "/v2/orders/count", self.count_orders),
            ("GET", "/v2/order_statuses", self.statuses),
            ("GET", "/v2/orders/{id:int}", self.get_order),
            ("PUT", "/v2/orders/{id:int}", self.put_order),
            ("GET", "/v2/orders/{id:int}/products", self.part("products")),
            ("GET", "/v2/orders/{id:int}/shipping_addresses", self.part("shipping")),
            ("GET", "/v2/orders/{id:int}/coupons", self.part("coupons")),
            ("GET", "/v2/orders/{id:int}/fees", self.part("fees")),
            ("GET", "/v2/orders/{id:int}/taxes", self.taxes),
            ("GET", "/v3/orders/{id:int}/transactions", self.transactions),
            ("GET", "/v3/orders/payment_actions/refunds", self.all_refunds),
            ("GET", "/v3/orders/{id:int}/payment_actions/refunds", self.refunds),
            ("GET", "/v3/customers", self.customers),
            ("GET", "/v3/catalog/products", self.products),
            ("GET", "/v3/catalog/variants", self.variants),
            ("GET", "/v3/hooks", self.list_hooks),
            ("POST", "/v3/hooks", self.create_hook),
            ("GET", "/v3/hooks/{id:int}", self.get_hook),
            ("PUT", "/v3/hooks/{id:int}", self.put_hook),
            ("DELETE", "/v3/hooks/{id:int}", self.delete_hook),
        ]
        routes = [
            Route(base + path, self.guarded(handler), methods=[method])
            for method, path, handler in table
        ]
        return Starlette(routes=routes, exception_handlers={404: self.unknown, 405: self.unknown})

    async def unknown(self, request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 404)
        return refusal(request.url.path, status, "The requested resource was not found.")

    def guarded(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Token, scope, quota and content type before the handler; quota headers after it."""

        async def serve(request: Request) -> Response:
            path = request.url.path
            account = self.store.accounts.get(request.headers.get("x-auth-token", ""))
            if account is None or request.path_params["hash"] != account["store_hash"]:
                return (
                    Json({}, status_code=401)
                    if "/v3/" in path
                    else Response("Unauthorized", 401, media_type="text/plain")
                )
            allowed, headers = self.quota.take()
            if not allowed:
                answer = refusal(path, 429, "Too Many Requests")
                answer.headers.update(headers)
                return answer
            if self.store.store_status == "maintenance":
                return refusal(path, 503, "The store is in maintenance.")
            needed = next((scope for part, scope in SCOPE_OF if part in path), "")
            if needed and needed not in account["scopes"]:
                answer = refusal(
                    path, 403, "You don't have a required scope to access the endpoint"
                )
            elif request.method in ("POST", "PUT") and "json" not in request.headers.get(
                "content-type", ""
            ):
                answer = refusal(path, 415, "Unsupported media type")
            else:
                try:
                    answer = await handler(request)
                except Refused as error:
                    answer = refusal(path, error.status, error.message, error.errors)
            if "/v2/" in path and "json" not in request.headers.get("accept", ""):
                answer = Response(
                    "<?xml version='1.0' encoding='UTF-8'?><response/>",
                    answer.status_code,
                    media_type="application/xml",
                )
            answer.headers.update(headers)
            return answer

        return serve

    def order(self, request: Request) -> dict[str, Any]:
        order = self.store.orders.get(request.path_params["id"])
        now = self.store.clock.now()
        if order is not None and self.unknown_for_ms:
            age = (now - datetime.fromisoformat(order["_modified"])).total_seconds() * 1000
            if age < self.unknown_for_ms:
                order = None
        if order is None:
            raise Refused(404, "The requested resource was not found.")
        return order

    async def store_information(self, request: Request) -> Response:
        return Json(
            {
                "id": self.store._account["store_hash"],
                "account_uuid": "6f3f3fd0-0000-4000-8000-0000000000aa",
                "domain": "shop.acme-outdoor.example",
                "secure_url": "https://shop.acme-outdoor.example",
                "control_panel_base_url": f"https://store-{self.store._account['store_hash']}.mybigcommerce.example",
                "status": "live",
                "name": "Acme Outdoor",
                "first_name": "Ada",
                "last_name": "Acme",
                "address": "1 Mill Lane, Leeds",
                "country": "United Kingdom",
                "country_code": "GB",
                "phone": "+44 1632 960000",
                "admin_email": "owner@acme-outdoor.example",
                "order_email": "orders@acme-outdoor.example",
                "timezone": {
                    "name": "Europe/London",
                    "raw_offset": 0,
                    "dst_offset": 3600,
                    "dst_correction": False,
                    "date_format": {
                        "display": "jS M Y",
                        "export": "d M Y",
                        "extended_display": "jS M Y @ g:i A",
                    },
                },
                "language": "en",
                "currency": "GBP",
                "currency_symbol": "£",
                "decimal_separator": ".",
                "thousands_separator": ",",
                "decimal_places": 2,
                "currency_symbol_location": "left",
                "weight_units": "KGS",
                "dimension_units": "Centimeters",
                "plan_name": "Pro",
                "plan_level": "pro",
                "plan_is_trial": False,
                "industry": "Sports",
                "is_price_entered_with_tax": True,
                "store_id": 1001,
                "default_channel_id": 1,
            }
        )

    async def time(self, request: Request) -> Response:
        return Json({"time": int(self.store.clock.time())})

    async def statuses(self, request: Request) -> Response:
        return Json(
            [
                {"id": key, "name": name, "system_label": name, "custom_label": name, "order": key}
                for key, name in STATUSES.items()
            ]
        )

    async def list_orders(self, request: Request) -> Response:
        rows = self._filtered(request)
        limit = min(int(request.query_params.get("limit", 50)), 250)
        page = max(int(request.query_params.get("page", 1)), 1)
        rows = rows[(page - 1) * limit : page * limit]
        if not rows:
            return Response(status_code=204)
        return Json([self._header(order, set(), "object") for order in rows])

    def _filtered(self, request: Request) -> list[dict[str, Any]]:
        query = request.query_params
        for name in query:
            if name not in LIST_FILTERS:
                raise Refused(400, f"The field '{name}' is not supported by this resource.")
        rows = list(self.store.orders.values())
        if "min_id" in query:
            rows = [r for r in rows if r["id"] >= int(query["min_id"])]
        if "max_id" in query:
            rows = [r for r in rows if r["id"] <= int(query["max_id"])]
        for name, column in (("customer_id", "customer_id"), ("status_id", "status_id")):
            if name in query:
                rows = [r for r in rows if r[column] == int(query[name])]
        if "email" in query:
            rows = [r for r in rows if r["billing_address"]["email"] == query["email"]]
        for name, column, keep in (
            ("min_date_modified", "_modified", lambda a, b: a >= b),
            ("max_date_modified", "_modified", lambda a, b: a <= b),
            ("min_date_created", "_created", lambda a, b: a >= b),
            ("max_date_created", "_created", lambda a, b: a <= b),
        ):
            if name in query:
                bound = _instant(query[name])
                rows = [
                    r
                    for r in rows
                    if keep(datetime.fromisoformat(r[column]).replace(microsecond=0), bound)
                ]
        field, _, direction = query.get("sort", "id:asc").partition(":")
        columns = {
            "id": "id",
            "date_modified": "_modified",
            "date_created": "_created",
            "status_id": "status_id",
        }
        if field not in columns or direction not in ("", "asc", "desc"):
            raise Refused(400, "The field 'sort' is invalid.")
        return sorted(rows, key=lambda r: r[columns[field]], reverse=direction == "desc")

    async def count_orders(self, request: Request) -> Response:
        return Json({"count": len(self._filtered(request)), "statuses": []})

    async def get_order(self, request: Request) -> Response:
        include = {part for part in request.query_params.get("include", "").split(",") if part}
        known = {"consignments", "consignments.line_items", "fees"}
        if include - known:
            raise Refused(400, "The field 'include' is invalid.")
        structure = request.query_params.get("consignment_structure", "array")
        return Json(self._header(self.order(request), include, structure))

    def _header(self, order: dict[str, Any], include: set[str], structure: str) -> dict[str, Any]:
        hidden = {"products", "shipping", "fees", "coupons", "transactions", "refunds"}
        shown = {k: v for k, v in order.items() if k not in hidden and not k.startswith("_")}
        base = f"https://api.bigcommerce.com/stores/{self.store._account['store_hash']}/v2"

        def link(name: str) -> dict[str, str]:
            resource = f"/orders/{order['id']}/{name}"
            return {"url": f"{base}{resource}", "resource": resource}

        shown |= {name: link(name) for name in ("products", "shipping_addresses", "coupons")}
        shown["fees"] = order["fees"] if "fees" in include else link("fees")
        shown["consignments"] = link("consignments")
        if include & {"consignments", "consignments.line_items"}:
            full = "consignments.line_items" in include
            rows = (
                order["products"]
                if full
                else [link(f"products/{row['id']}") for row in order["products"]]
            )
            groups = {
                "pickups": [],
                "shipping": [
                    {
                        **row,
                        "shipping_quotes": link(
                            f"consignments/shipping/{row['id']}/shipping_quotes"
                        ),
                        "line_items": rows,
                    }
                    for row in order["shipping"]
                ],
                "downloads": [],
                "email": {"gift_certificates": []},
            }
            shown["consignments"] = groups if structure == "object" else [groups]
        return shown

    async def put_order(self, request: Request) -> Response:
        order = self.order(request)
        body = jsonio.loads(await request.body())
        allowed = {"external_order_id", "status_id", "staff_notes", "customer_message"}
        for name in body:
            if name not in allowed:
                raise Refused(400, f"The field '{name}' is not supported by this resource.")
        if "status_id" in body:
            self.store.set_status(order["id"], int(body["status_id"]))
        order.update({k: v for k, v in body.items() if k != "status_id"})
        self.store.touch(order)
        return Json(self._header(order, set(), "object"))

    def part(self, name: str) -> Callable[..., Any]:
        async def serve(request: Request) -> Response:
            rows = self.order(request)[name]
            limit = min(int(request.query_params.get("limit", 50)), 250)
            page = max(int(request.query_params.get("page", 1)), 1)
            rows = rows[(page - 1) * limit : page * limit]
            return Json(rows) if rows else Response(status_code=204)

        return serve

    async def taxes(self, request: Request) -> Response:
        order = self.order(request)
        rows = [
            {
                "id": row["id"],
                "order_id": order["id"],
                "order_address_id": order["id"],
                "tax_rate_id": 1,
                "tax_class_id": 0,
                "name": "VAT",
                "class": "Default Tax Class",
                "rate": "20.0000",
                "priority": 1,
                "priority_amount": row["total_tax"],
                "line_amount": row["total_tax"],
                "order_product_id": row["id"],
                "line_item_type": "item",
            }
            for row in order["products"]
            if Decimal(row["total_tax"])
        ]
        return Json(rows) if rows else Response(status_code=204)

    async def transactions(self, request: Request) -> Response:
        rows = self.order(request)["transactions"]
        return Json({"data": rows, "meta": _meta(len(rows))}) if rows else Response(status_code=204)

    async def refunds(self, request: Request) -> Response:
        rows = self.order(request)["refunds"]
        return Json({"data": rows, "meta": {}})

    async def all_refunds(self, request: Request) -> Response:
        wanted = {int(x) for x in request.query_params.get("order_id:in", "").split(",") if x}
        rows = [
            refund
            for order in self.store.orders.values()
            if not wanted or order["id"] in wanted
            for refund in order["refunds"]
        ]
        return Json(_paged(request, rows))

    async def customers(self, request: Request) -> Response:
        known = {"email:in", "id:in", "page", "limit", "include", "date_modified:min", "sort"}
        for name in request.query_params:
            if name not in known:
                raise Refused(422, "Unsupported filter", {name: "is not supported"})
        rows = list(self.store.customers.values())
        if "email:in" in request.query_params:
            wanted = {x.lower() for x in request.query_params["email:in"].split(",")}
            rows = [row for row in rows if row["email"].lower() in wanted]
        if "id:in" in request.query_params:
            ids = {int(x) for x in request.query_params["id:in"].split(",")}
            rows = [row for row in rows if row["id"] in ids]
        return Json(_paged(request, rows))

    async def products(self, request: Request) -> Response:
        return Json(
            _paged(request, [_product(i, p) for i, p in enumerate((*PRODUCTS, *STORE_ONLY))])
        )

    async def variants(self, request: Request) -> Response:
        rows = [
            {
                "id": 5100 + index,
                "product_id": 100 + index,
                "sku": product.sku,
                "price": product.price_inc_tax,
                "inventory_level": 25,
                "upc": product.gtin,
            }
            for index, product in enumerate((*PRODUCTS, *STORE_ONLY))
        ]
        sku = request.query_params.get("sku")
        return Json(_paged(request, [row for row in rows if sku in (None, row["sku"])]))

    async def list_hooks(self, request: Request) -> Response:
        rows = list(self.store.hooks.values())
        for name in ("scope", "destination"):
            if name in request.query_params:
                rows = [row for row in rows if row[name] == request.query_params[name]]
        if "is_active" in request.query_params:
            wanted = request.query_params["is_active"] == "true"
            rows = [row for row in rows if row["is_active"] is wanted]
        return Json(_paged(request, rows))

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


def _product(index: int, product: Any) -> dict[str, Any]:
    return {
        "id": 100 + index,
        "name": product.name,
        "type": "physical",
        "sku": product.sku,
        "price": product.price_inc_tax,
        "inventory_tracking": "product",
        "inventory_level": 25,
        "upc": product.gtin,
        "is_visible": True,
    }


def _paged(request: Request, rows: list[Any]) -> dict[str, Any]:
    limit = min(int(request.query_params.get("limit", 50)), 250)
    page = max(int(request.query_params.get("page", 1)), 1)
    part = rows[(page - 1) * limit : page * limit]
    return {"data": part, "meta": _meta(len(rows), len(part), limit, page)}


def _meta(total: int, count: int | None = None, limit: int = 50, page: int = 1) -> dict[str, Any]:
    return {
        "pagination": {
            "total": total,
            "count": total if count is None else count,
            "per_page": limit,
            "current_page": page,
            "total_pages": max(-(-total // limit), 1),
            "links": {},
        }
    }


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        try:
            instant = parsedate_to_datetime(text)
        except ValueError as error:
            raise Refused(400, "A date of the filter is invalid.") from error
    return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).replace(microsecond=0)
