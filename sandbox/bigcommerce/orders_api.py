"""V2 orders and their parts, V3 transactions and refunds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.order_rows import STATUSES
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import instant_of, meta_of, paged
from sandbox.common import jsonio
from sandbox.common.jsonio import Json

LIST_FILTERS = {
    "min_id", "max_id", "min_total", "max_total", "customer_id", "email", "status_id", "cart_id",
    "payment_method", "min_date_created", "max_date_created", "min_date_modified",
    "max_date_modified", "page", "limit", "sort", "is_deleted", "channel_id",
    "external_order_id", "include", "consignment_structure",
}  # fmt: skip


class OrdersApi:
    """``unknown_for_ms``: how long a changed order is not known yet, as happens."""

    def __init__(self, store: BigCommerceStore) -> None:
        self.store = store
        self.unknown_for_ms = 0

    def table(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
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
        ]

    async def statuses(self, request: Request) -> Response:
        return Json(
            [
                {"id": key, "name": name, "system_label": name, "custom_label": name, "order": key}
                for key, name in STATUSES.items()
            ]
        )

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
                bound = instant_of(query[name])
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
        return (
            Json({"data": rows, "meta": meta_of(len(rows))}) if rows else Response(status_code=204)
        )

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
        for name, holds in (("created:min", operator.ge), ("created:max", operator.le)):
            if bound := request.query_params.get(name):
                limit = instant_of(bound)
                rows = [row for row in rows if holds(instant_of(row["created"]), limit)]
        return Json(paged(request, rows))
