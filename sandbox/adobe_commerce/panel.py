"""The control panel: sell, invoice, refund, cancel; versions' quirks, hooks, events, faults."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.adobe_commerce import acts, merchant
from sandbox.adobe_commerce.api import Api
from sandbox.adobe_commerce.events import Events
from sandbox.adobe_commerce.hooks import Hooks
from sandbox.adobe_commerce.oauth import Integration
from sandbox.adobe_commerce.panel_page import page
from sandbox.adobe_commerce.sales_api import order_answer
from sandbox.adobe_commerce.stock_api import StockApi
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import Refused, shown
from sandbox.common.control import BASE, body_of, common_routes, done, refuse
from sandbox.common.faults import Faults
from sandbox.common.jsonio import Json


def truth(value: Any) -> bool:
    return value in (True, 1, "1", "true", "on", "yes")


class Panel:
    def __init__(
        self,
        store: CommerceStore,
        api: Api,
        stock: StockApi,
        hooks: Hooks,
        events: Events,
        faults: Faults,
        first: list[Integration],
        per_minute: float,
    ) -> None:
        self.store, self.api, self.hooks, self.events = store, api, hooks, events
        self.faults, self.first, self.per_minute = faults, first, per_minute
        self.stock = stock
        self._born = vars(api.behaviour).copy()
        self._limits = vars(api.behaviour.limits).copy()
        self._check = (api.oauth.core, api.oauth.bearer, api.oauth.seen_scheme)

    async def traffic(self) -> None:
        """Sales that come by themselves."""
        while True:
            if not self.per_minute:
                await asyncio.sleep(0.5)
                continue
            await asyncio.sleep(60 / self.per_minute * random.uniform(0.6, 1.4))
            try:
                await acts.place(self.store, _chance_sale())
            except Refused:
                continue

    def reset(self) -> None:
        self.store.reset()
        self.hooks.reset()
        self.events.reset()
        self.api.bulks.reset()
        for key in (self.hooks.key, *self.events.keys):
            key.save()
        self.api.ims.restore()
        self.api.oauth.forget_nonces()
        oauth = self.api.oauth
        oauth.core, oauth.bearer, oauth.seen_scheme = self._check
        self.api.oauth.integrations[:] = [Integration(**i.record()) for i in self.first]
        vars(self.api.behaviour).update(self._born)
        vars(self.api.behaviour.limits).update(self._limits)
        self.per_minute = 0

    def app(self) -> Starlette:
        api = f"{BASE}/api"
        act = f"{api}/orders/{{id:int}}"
        posts: list[tuple[str, Any]] = [
            (f"{api}/orders", self.place),
            (f"{act}/invoice", self.invoice),
            (f"{act}/refund", self.refund),
            (f"{act}/cancel", self.cancel),
            (f"{act}/hold", self.hold),
            (f"{act}/unhold", self.unhold),
            (f"{act}/ship", self.ship),
            (f"{act}/edit", self.edit),
            (f"{act}/status", self.status),
            (f"{api}/invoices/{{id:int}}/capture", self.capture),
            (f"{api}/items", self.item),
            (f"{api}/items/change", self.items),
            (f"{api}/customers/{{id:int}}", self.customer),
            (f"{api}/traffic", self.set_traffic),
            (f"{api}/settings", self.settings),
            (f"{api}/integrations", self.integrations),
            (f"{api}/tokens/expire", self.expire_tokens),
            (f"{api}/deliver-to", self.deliver_to),
            (f"{api}/hooks", self.add_hook),
            (f"{api}/hooks/clear", self.clear_hooks),
            (f"{api}/keys/regenerate", self.new_key),
            (f"{api}/events/subscribe", self.subscribe),
            (f"{api}/events/register", self.register),
            (f"{api}/events/redeliver", self.redeliver),
            (f"{api}/events/enable", self.enable),
        ]
        return Starlette(
            routes=[
                *common_routes(self.faults, self.store.clock, self.reset),
                Route(f"{BASE}/", self.page),
                Route(f"{api}/state", self.state),
                Route(act, self.read),
                Route(f"{api}/items/{{sku:path}}", self.read_item, methods=["GET"]),
                Route(f"{api}/keys", self.keys),
                Route(f"{api}/deliveries", self.deliveries),
                *(Route(path, _guarded(call), methods=["POST"]) for path, call in posts),
            ]
        )

    async def state(self, request: Request) -> Response:
        store = self.store
        numbers = Counter(o["increment_id"] for o in store.orders.values())
        references = Counter(
            str(o["ext_order_id"]) for o in store.orders.values() if o["ext_order_id"]
        )
        last = int(request.query_params.get("last", 20))
        return Json(
            {
                "edition": self.api.edition,
                "orders": len(store.orders),
                "invoices": len(store.invoices),
                "creditmemos": len(store.creditmemos),
                "customers": len(store.customers),
                "products": len(store.products),
                "source_items": len(store.source_items),
                "orphan_source_items": [
                    sku for sku, _ in store.source_items if sku not in store.products
                ],
                "booked": [
                    {
                        "entity_id": o["entity_id"],
                        "increment_id": o["increment_id"],
                        "store_id": o["store_id"],
                        "state": o["state"],
                        "grand_total": o["grand_total"],
                        "currency": o["order_currency_code"],
                        "ext_order_id": o["ext_order_id"],
                    }
                    for o in list(store.orders.values())[-last:]
                ],
                "duplicates": {
                    "increment_id": [k for k, n in numbers.items() if n > 1],
                    "ext_order_id": [k for k, n in references.items() if n > 1],
                },
                "hooks": list(self.hooks.hooks.values()),
                "subscriptions": list(self.events.subscriptions.values()),
                "registrations": list(self.events.registrations.values()),
                "waiting_deliveries": len(self.events.waiting) + self.events.queue.qsize(),
                "waiting_operations": len(self.api.bulks.waiting),
                "tokens_given": self.api.ims.tokens_given,
                "switches": store.switches,
                "per_minute": self.per_minute,
            }
        )

    def _order(self, request: Request) -> Record:
        order = self.store.orders.get(request.path_params["id"])
        if order is None:
            raise Refused(404, "There is no such order.")
        return order

    async def place(self, request: Request) -> Any:
        spec = await body_of(request)
        count = int(spec.pop("count", 1))
        orders = [await acts.place(self.store, dict(spec)) for _ in range(count)]
        if count > 1:
            return [order["entity_id"] for order in orders]
        return shown(order_answer(orders[0]))

    async def read(self, request: Request) -> Response:
        order = self.store.orders.get(request.path_params["id"])
        return Json(shown(order_answer(order))) if order else refuse("There is no such order.")

    async def invoice(self, request: Request) -> Any:
        """Invoice what is left, or ``items`` (order_item_id and qty), or ``part`` = one piece of
        the first row; ``capture`` false leaves the invoice open."""
        order, body = self._order(request), await body_of(request)
        items = body.get("items")
        if truth(body.get("part")):
            items = _one_piece(order, "qty_invoiced")
        capture = truth(body.get("capture", True))
        return shown(acts.invoice(self.store, order, items, capture=capture))

    async def capture(self, request: Request) -> Any:
        document = self.store.invoices.get(request.path_params["id"])
        if document is None:
            raise Refused(404, "There is no such invoice.")
        return shown(acts.capture(self.store, document))

    async def refund(self, request: Request) -> Any:
        """``kind``: "full", "partial" (one piece of the first row), "adjustment", "shipping"; or
        ``items``, ``shipping``, ``adjustment_positive``, ``adjustment_negative``, ``online``."""
        order, body = self._order(request), await body_of(request)
        kind = str(body.pop("kind", ""))
        spec: Record = {"online": True, **body}
        if kind == "partial":
            spec |= {"items": _one_piece(order, "qty_refunded"), "shipping": 0}
        elif kind == "adjustment":
            spec |= {"items": [], "shipping": 0}
            spec.setdefault("adjustment_positive", body.get("amount", "5.00"))
        elif kind == "shipping":
            spec |= {"items": []}
        elif kind not in ("", "full"):
            raise Refused(400, f"There is no kind of refund {kind!r}.")
        invoices = [i for i in self.store.invoices.values() if i["order_id"] == order["entity_id"]]
        if len(invoices) == 1 and truth(spec["online"]):
            spec.setdefault("invoice_id", invoices[0]["entity_id"])
        return shown(acts.refund(self.store, order, spec))

    async def cancel(self, request: Request) -> Any:
        return shown(acts.cancel(self.store, self._order(request)))

    async def hold(self, request: Request) -> Any:
        return shown(acts.hold(self.store, self._order(request)))

    async def unhold(self, request: Request) -> Any:
        return shown(acts.unhold(self.store, self._order(request)))

    async def ship(self, request: Request) -> Any:
        return shown(acts.ship(self.store, self._order(request)))

    async def edit(self, request: Request) -> Any:
        body = await body_of(request)
        return shown(order_answer(await acts.edit(self.store, self._order(request), body)))

    async def status(self, request: Request) -> Any:
        order = self._order(request)
        order["status"] = str((await body_of(request))["status"])
        self.store.save_order(order)
        return shown(order)

    async def item(self, request: Request) -> Any:
        return merchant.shown_product(
            self.store, merchant.change(self.store, self.stock, await body_of(request))
        )

    async def items(self, request: Request) -> Any:
        return merchant.change_many(self.store, self.stock, await body_of(request))

    async def read_item(self, request: Request) -> Response:
        row = self.store.find_product(request.path_params["sku"])
        found = merchant.shown_product(self.store, row) if row else None
        return Json(found) if found else refuse("There is no such product.")

    async def customer(self, request: Request) -> Any:
        number = request.path_params["id"]
        return merchant.change_customer(self.store, number, await body_of(request))

    async def set_traffic(self, request: Request) -> Any:
        self.per_minute = float((await body_of(request)).get("per_minute", 0))

    async def settings(self, request: Request) -> Any:
        """Quirks of versions and settings of the merchant, by name."""
        body = await body_of(request)
        behaviour, ims = self.api.behaviour, self.api.ims
        self.store.set_switches(body)
        for name in ("past_last_page", "encoded_slashes"):
            if name in body:
                setattr(behaviour, name, str(body[name]))
        if "float_noise" in body:
            behaviour.float_noise = truth(body["float_noise"])
        if "input_limits" in body:
            behaviour.limits.on = truth(body["input_limits"])
        for name in ("array", "async_array", "page", "default_page"):
            if f"limit_{name}" in body:
                setattr(behaviour.limits, name, int(body[f"limit_{name}"]))
        if "bearer" in body:
            self.api.oauth.bearer = truth(body["bearer"])
        for name in ("core", "seen_scheme"):
            if name in body:
                setattr(self.api.oauth, name, str(body[name]))
        if "consumers" in body:
            self.api.bulks.running = truth(body["consumers"])
        if "bulk_delay_ms" in body:
            self.api.bulks.delay_seconds = float(body["bulk_delay_ms"]) / 1000
        if "event_delay_ms" in body:
            self.events.delay_seconds = float(body["event_delay_ms"]) / 1000
        if "event_wrapped" in body:
            self.events.wrapped = truth(body["event_wrapped"])
        if "webhook_signing" in body:
            self.hooks.signing = str(body["webhook_signing"])
        if "event_signing" in body:
            self.events.signing = str(body["event_signing"])
        if "client_secrets" in body:
            ims.secrets = [str(secret) for secret in body["client_secrets"]]
        if "permitted" in body:
            ims.permitted = truth(body["permitted"])
        if "gateway_body" in body:
            ims.gateway_body = str(body["gateway_body"])
        ims.save()

    async def integrations(self, request: Request) -> Any:
        """Change the first integration (resources, revoked) or, with a consumer_key, add one."""
        body = await body_of(request)
        known = self.api.oauth.integrations
        if "consumer_key" in body:
            known.append(Integration(consumer_id=60 + len(known), **body))
        else:
            for name in ("resources", "revoked", "consumer_secret", "access_token_secret"):
                if name in body:
                    setattr(known[0], name, body[name])
        return [{"consumer_key": i.consumer_key, "resources": i.resources} for i in known]

    async def expire_tokens(self, request: Request) -> Any:
        self.api.ims.expire_all()

    async def deliver_to(self, request: Request) -> Any:
        body = await body_of(request)
        self.hooks.outbound.routes[str(body["host"])] = str(body["url"])

    async def add_hook(self, request: Request) -> Any:
        """A hook as webhooks.xml or the admin's form declares it."""
        return self.hooks.add(await body_of(request))

    async def clear_hooks(self, request: Request) -> Any:
        for key in self.hooks.hooks:
            self.store.journal.drop("hook", key)
        self.hooks.hooks.clear()

    async def keys(self, request: Request) -> Response:
        return Json(
            {
                "webhook_public_key": self.hooks.key.public_pem(),
                "event_keys": [
                    {"path": f"/prod/keys/pub-key-{key.id}.pem", "pem": key.public_pem()}
                    for key in self.events.keys
                ],
            }
        )

    async def new_key(self, request: Request) -> Any:
        which = str((await body_of(request)).get("which", "webhook"))
        keys = [self.hooks.key] if which == "webhook" else self.events.keys
        for key in keys:
            key.regenerate()
        return {"webhook_public_key": self.hooks.key.public_pem()}

    async def subscribe(self, request: Request) -> Any:
        body = await body_of(request)
        body.setdefault("fields", [{"name": "*"}])
        self.events.add_subscription(body)

    async def register(self, request: Request) -> Any:
        return await self.events.register(await body_of(request))

    async def redeliver(self, request: Request) -> Any:
        if not self.events.redeliver(str((await body_of(request)).get("id", ""))):
            raise Refused(404, "There is no such event.")

    async def enable(self, request: Request) -> Any:
        self.events.enable()

    async def deliveries(self, request: Request) -> Response:
        limit = int(request.query_params.get("limit", 200))
        return Json(
            {"hooks": list(self.hooks.log)[-limit:], "events": list(self.events.log)[-limit:]}
        )

    async def page(self, request: Request) -> Response:
        return page(self.store, self.api.edition, self.hooks, self.events, self.per_minute)


def _chance_sale() -> Record:
    luck = random.random()
    if luck < 0.03:
        return {"unknown_sku": True}
    if luck < 0.06:
        return {"payment": random.choice(("authorized", "banktransfer", "pending_payment"))}
    if luck < 0.10:
        return {"kind": random.choice(("bundle_dynamic", "bundle_fixed", "virtual"))}
    return {"gift_card": {"amount": 10}} if luck < 0.12 else {}


def _guarded(call: Any) -> Any:
    async def serve(request: Request) -> Response:
        try:
            return done(request, await call(request))
        except Refused as refused:
            return refuse(refused.text())

    return serve


def _one_piece(order: Record, counter: str) -> list[Record]:
    """One piece of the first row that has any left."""
    whole = "qty_ordered" if counter == "qty_invoiced" else "qty_invoiced"
    for item in order["items"]:
        left = item[whole] - item[counter]
        if not item.get("_child") and left > 0:
            return [{"order_item_id": item["item_id"], "qty": min(Decimal(1), left)}]
    raise Refused(400, "Nothing is left of this order.")
