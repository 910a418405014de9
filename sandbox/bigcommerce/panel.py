"""The control panel of the store: place, change, cancel, refund; hooks, deliveries, faults."""

from __future__ import annotations

import asyncio
import html
import random
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.bigcommerce.api import Api
from sandbox.bigcommerce.deliveries import Deliveries
from sandbox.bigcommerce.panel_catalogue import CataloguePanel
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.common.control import BASE, body_of, button, common_routes, done, page, refuse, table
from sandbox.common.faults import Faults
from sandbox.common.jsonio import Json


class Panel:
    def __init__(
        self,
        store: BigCommerceStore,
        api: Api,
        deliveries: Deliveries,
        faults: Faults,
        per_minute: float,
    ) -> None:
        self.store, self.api, self.deliveries, self.faults = store, api, deliveries, faults
        self.per_minute = per_minute
        self.catalogue = CataloguePanel(store)

    async def traffic(self) -> None:
        """Sales that come by themselves."""
        while True:
            if not self.per_minute:
                await asyncio.sleep(0.5)
                continue
            await asyncio.sleep(60 / self.per_minute * random.uniform(0.6, 1.4))
            luck = random.random()
            if luck > 0.88 and self.refund_something():
                continue
            spec: dict[str, Any] = {}
            if luck < 0.03:
                spec["unknown_sku"] = True
            elif luck < 0.05:
                spec["status_id"] = random.choice((0, 6, 7))
            self.store.place(spec)

    def refund_something(self) -> bool:
        """A shopper sends a thing back, or is given something for a scratch."""
        sold = [
            order
            for order in list(self.store.orders.values())[-60:-5]
            if order["status_id"] in (2, 10, 11) and not order["refunds"] and order["products"]
        ]
        if not sold:
            return False
        order = random.choice(sold)
        row = random.choice(order["products"])
        spec = random.choice(
            (
                {"lines": [{"id": row["id"], "quantity": 1}], "reason": "Sent back"},
                {"amount": "5.00", "reason": "Scratched in transit"},
            )
        )
        try:
            self.store.refund(order["id"], spec)
        except Refused:
            return False
        return True

    def reset(self) -> None:
        self.store.reset()
        self.deliveries.forget()

    def app(self) -> Starlette:
        api = f"{BASE}/api"
        return Starlette(
            routes=[
                *common_routes(self.faults, self.store.clock, self.reset),
                *self.catalogue.routes(),
                Route(f"{BASE}/", self.page),
                Route(f"{api}/state", self.state),
                Route(f"{api}/orders", self.place, methods=["POST"]),
                Route(f"{api}/orders/{{id:int}}", self.read),
                Route(f"{api}/orders/{{id:int}}/status", self.status, methods=["POST"]),
                Route(f"{api}/orders/{{id:int}}/cancel", self.cancel, methods=["POST"]),
                Route(f"{api}/orders/{{id:int}}/edit", self.edit, methods=["POST"]),
                Route(f"{api}/orders/{{id:int}}/refund", self.refund, methods=["POST"]),
                Route(
                    f"{api}/orders/{{id:int}}/refunds/{{refund:int}}/decline",
                    self.decline,
                    methods=["POST"],
                ),
                Route(
                    f"{api}/orders/{{id:int}}/refunds/{{refund:int}}/pay",
                    self.pay,
                    methods=["POST"],
                ),
                Route(f"{api}/traffic", self.set_traffic, methods=["POST"]),
                Route(f"{api}/deliveries", self.list_deliveries),
                Route(f"{api}/deliveries/redeliver", self.redeliver, methods=["POST"]),
                Route(f"{api}/hooks/deactivate", self.deactivate, methods=["POST"]),
                Route(f"{api}/signing", self.signing, methods=["POST"]),
                Route(f"{api}/deliver-to", self.deliver_to, methods=["POST"]),
                Route(f"{api}/accounts", self.accounts, methods=["GET", "POST"]),
                Route(f"{api}/settings", self.settings, methods=["POST"]),
            ]
        )

    async def state(self, request: Request) -> Response:
        return Json(
            {
                "orders": len(self.store.orders),
                "products": len(self.store.catalogue.ids),
                "customers": len(self.store.customers.rows),
                "hooks": list(self.store.hooks.values()),
                "waiting_deliveries": len(self.deliveries.waiting) + self.deliveries.queue.qsize(),
                "blocked": {
                    host: until
                    for host, until in self.deliveries.blocked.items()
                    if until > self.store.clock.time()
                },
                "per_minute": self.per_minute,
            }
        )

    async def place(self, request: Request) -> Response:
        spec = await body_of(request)
        count = int(spec.pop("count", 1))
        try:
            orders = [self.store.place(dict(spec)) for _ in range(count)]
        except Refused as error:
            return refuse(error.message)
        return done(request, orders[0] if count == 1 else [order["id"] for order in orders])

    async def read(self, request: Request) -> Response:
        order = self.store.orders.get(request.path_params["id"])
        return Json(order) if order else refuse("no such order")

    async def status(self, request: Request) -> Response:
        body = await body_of(request)
        return done(
            request, self.store.set_status(request.path_params["id"], int(body["status_id"]))
        )

    async def cancel(self, request: Request) -> Response:
        return done(request, self.store.set_status(request.path_params["id"], 5))

    async def edit(self, request: Request) -> Response:
        quantity = int((await body_of(request)).get("quantity", 2))
        return done(request, self.store.edit_quantity(request.path_params["id"], quantity))

    async def refund(self, request: Request) -> Response:
        try:
            refund = self.store.refund(request.path_params["id"], await body_of(request))
        except Refused as error:
            return refuse(error.message)
        return done(request, refund)

    async def decline(self, request: Request) -> Response:
        return self._of_refund(request, self.store.decline_refund)

    async def pay(self, request: Request) -> Response:
        return self._of_refund(request, self.store.pay_refund)

    def _of_refund(self, request: Request, act: Callable[[int, int], dict[str, Any]]) -> Response:
        try:
            refund = act(request.path_params["id"], request.path_params["refund"])
        except Refused as error:
            return refuse(error.message)
        return done(request, refund)

    async def set_traffic(self, request: Request) -> Response:
        self.per_minute = float((await body_of(request)).get("per_minute", 0))
        return done(request)

    async def list_deliveries(self, request: Request) -> Response:
        return Json(list(self.deliveries.log)[-int(request.query_params.get("limit", 200)) :])

    async def redeliver(self, request: Request) -> Response:
        found = self.deliveries.redeliver(str((await body_of(request)).get("id", "")))
        return done(request) if found else refuse("no such delivery")

    async def deactivate(self, request: Request) -> Response:
        """One hook by ``id``, or all of them: as after failed deliveries or idle months."""
        wanted = str((await body_of(request)).get("id", ""))
        for hook in self.store.hooks.values():
            if not wanted or str(hook["id"]) == wanted:
                self.deliveries.deactivate(hook)
        return done(request)

    async def signing(self, request: Request) -> Response:
        self.deliveries.signing = str((await body_of(request)).get("form", "standard"))
        return done(request)

    async def deliver_to(self, request: Request) -> Response:
        body = await body_of(request)
        self.deliveries.routes[str(body["host"])] = str(body["url"])
        return done(request)

    async def accounts(self, request: Request) -> Response:
        if request.method == "POST":
            body = await body_of(request)
            if body.get("revoke"):
                self.store.accounts.pop(str(body["revoke"]), None)
            else:
                base = self.store._account
                self.store.accounts[str(body["token"])] = {
                    **base,
                    "token": str(body["token"]),
                    "scopes": list(body.get("scopes", [])),
                }
        return done(request, [{"scopes": a["scopes"]} for a in self.store.accounts.values()])

    async def settings(self, request: Request) -> Response:
        body = await body_of(request)
        if "orders_404_for_ms" in body:
            self.api.orders.unknown_for_ms = int(body["orders_404_for_ms"])
        if "quota" in body:
            self.api.quota.quota = int(body["quota"])
            self.api.quota.used = 0
        if "status" in body:
            self.store.store_status = str(body["status"])
        return done(request)

    async def page(self, request: Request) -> Response:
        recent = sorted(self.store.orders.values(), key=lambda o: -o["id"])[:30]
        rows = [
            [
                str(order["id"]),
                html.escape(
                    f"{order['billing_address']['first_name']} {order['billing_address']['last_name']}"
                ),
                f"<span class=badge>{html.escape(order['status'])}</span>",
                f"{order['total_inc_tax'][:-2]} {order['default_currency_code']}",
                button("Change quantity", f"orders/{order['id']}/edit", quantity="4")
                + button("Cancel", f"orders/{order['id']}/cancel")
                + button("Refund", f"orders/{order['id']}/refund", full="1")
                + button("Mark paid", f"orders/{order['id']}/status", status_id="11"),
            ]
            for order in recent
        ]
        hooks = [
            [
                str(hook["id"]),
                html.escape(hook["scope"]),
                html.escape(hook["destination"][:60]),
                "active" if hook["is_active"] else "deactivated",
                button("Deactivate", "hooks/deactivate", id=str(hook["id"]))
                if hook["is_active"]
                else "",
            ]
            for hook in self.store.hooks.values()
        ]
        sent = [
            [
                html.escape(row["at"][11:19]),
                html.escape(row["scope"]),
                str(row["status"] or "no answer"),
                str(row["try"]),
                button("Send again", "deliveries/redeliver", id=row["id"]),
            ]
            for row in list(self.deliveries.log)[-12:][::-1]
        ]
        place = (
            button("Place an order", "orders")
            + button("With an unknown SKU", "orders", unknown_sku="1")
            + button("From Germany, in euro", "orders", country="DE")
            + button("Not paid yet", "orders", status_id="7")
            + button("Ten orders", "orders", count="10")
        )
        rate = button("No sales", "traffic", per_minute="0") + "".join(
            button(f"{n} a minute", "traffic", per_minute=str(n)) for n in (6, 30, 60)
        )
        faults = (
            button("Lose the next answer", "faults", action="lose_reply", path="orders")
            + button("Send wrong signatures", "signing", form="wrong")
            + button("Send right signatures", "signing", form="standard")
            + button("Clear faults", "faults/clear")
        )
        return page(
            "BigCommerce simulator: Acme Outdoor",
            f"{len(self.store.orders)} orders, {len(self.store.customers.rows)} customers, "
            f"{self.per_minute:g} sales a minute. Reload to see what is new.",
            ("Sell", place + "<br>" + rate),
            ("Orders", table(["Order", "Shopper", "Status", "#Total", ""], rows)),
            self.catalogue.section(),
            ("Faults", faults),
            ("Hooks", table(["Id", "Scope", "Destination", "State", ""], hooks)),
            ("Deliveries", table(["At", "Scope", "Answer", "#Try", ""], sent)),
        )
