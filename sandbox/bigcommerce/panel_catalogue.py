"""The control panel's acts on catalogue and customers: what a merchant does by hand."""

from __future__ import annotations

import html
import random
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.bigcommerce.catalog_rules import apply_product, new_product
from sandbox.bigcommerce.goods import DEFAULT_LOCATION, Product, Variant, product_json, variant_json
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.common.control import BASE, body_of, button, done, refuse, table
from sandbox.common.jsonio import Json

SHOWN = 20


class CataloguePanel:
    def __init__(self, store: BigCommerceStore) -> None:
        self.store = store

    def routes(self) -> list[Route]:
        api = f"{BASE}/api"
        return [
            Route(f"{api}/products", self.read, methods=["GET"]),
            Route(f"{api}/products", self.change, methods=["POST"]),
            Route(f"{api}/products/create", self.create, methods=["POST"]),
            Route(f"{api}/products/delete", self.delete, methods=["POST"]),
            Route(f"{api}/products/change-some", self.change_some, methods=["POST"]),
            Route(f"{api}/customers", self.customers, methods=["GET"]),
            Route(f"{api}/customers", self.change_customer, methods=["POST"]),
        ]

    async def read(self, request: Request) -> Response:
        """Everything that has the SKU, with its variants and its stock at each location."""
        found = self.store.catalogue.with_sku(request.query_params.get("sku", ""))
        products = {product.id: product for product, _ in found}
        return Json([_whole(product) for product in products.values()])

    async def change(self, request: Request) -> Response:
        """``sku`` and any of ``name price sale_price stock location tracking is_visible``. Of a
        variant ``price`` may be null: it inherits again."""
        body = await body_of(request)
        found = self.store.catalogue.sellable(str(body.get("sku", "")))
        if found is None:
            return refuse("no such product")
        self._apply(*found, body)
        return done(request, _whole(found[0]))

    def _apply(self, product: Product, variant: Variant, body: dict[str, Any]) -> None:
        catalogue = self.store.catalogue
        given: dict[str, Any] = {}
        if "name" in body:
            given["name"] = str(body["name"])
        if "tracking" in body:
            given["inventory_tracking"] = str(body["tracking"])
        if "is_visible" in body:
            given["is_visible"] = str(body["is_visible"]).lower() in ("1", "true")
        own = variant if variant.options or body.get("variant") else None
        for name in ("price", "sale_price"):
            if name not in body:
                continue
            amount = None if body[name] is None else Decimal(str(body[name]))
            if own is not None:
                setattr(own, name, amount)
            elif amount is not None:
                given[name] = amount
        if given or own is not None:
            apply_product(catalogue, product, given)
        if "stock" in body:
            counted = variant if product.tracking == "variant" else None
            place = int(body.get("location", DEFAULT_LOCATION))
            catalogue.set_stock(product, counted, int(body["stock"]), location=place)

    async def create(self, request: Request) -> Response:
        """A product in the API's own fields; ``as_before`` lets a SKU be used twice, as catalogues
        from before the rule have it."""
        body = await body_of(request)
        twice = body.pop("as_before", False)
        given = {"type": "physical", "weight": 1, "price": "10.00", **body}
        skus = [given.get("sku", ""), *(row.get("sku", "") for row in given.get("variants") or [])]
        if not twice and any(self.store.catalogue.with_sku(sku) for sku in skus if sku):
            return refuse("a product has this SKU already")
        try:
            product = new_product(self.store, given)
        except Refused as error:
            return refuse(error.message)
        level = int(given.get("inventory_level") or 0)
        if product.tracking == "product":
            product.stock[DEFAULT_LOCATION] = level
        self.store.catalogue.add(product)
        return done(request, _whole(product))

    async def delete(self, request: Request) -> Response:
        found = self.store.catalogue.sellable(str((await body_of(request)).get("sku", "")))
        if found is None:
            return refuse("no such product")
        self.store.catalogue.remove(found[0].id)
        return done(request)

    async def change_some(self, request: Request) -> Response:
        """``share`` of all products (0.01 is one in a hundred), ``what`` of name, price, stock."""
        body = await body_of(request)
        what = str(body.get("what", "price,stock")).replace(" ", "").split(",")
        chance = random.Random(body.get("seed"))
        skus = self.store.catalogue.change_some(float(body.get("share", 0.01)), what, chance)
        return done(request, {"changed": len(skus), "skus": skus[:1_000]})

    async def customers(self, request: Request) -> Response:
        customers = self.store.customers
        rows = list(customers.rows.values())
        email = request.query_params.get("email")
        if email:
            rows = [row for row in rows if row["email"].lower() == email.lower()]
        limit = int(request.query_params.get("limit", 50))
        shown = []
        for row in rows[-limit:]:
            whole = customers.shown(row, {"attributes"})
            shown.append({**whole, "addresses": customers.addresses_of(row["id"])})
        return Json(shown)

    async def change_customer(self, request: Request) -> Response:
        """By ``email``: a new one, or changed fields; ``address`` changes the first address,
        ``add_address`` adds another, and ``delete`` removes the customer."""
        body = await body_of(request)
        customers = self.store.customers
        known = customers.by_email.get(str(body.get("email", "")).lower())
        address = body.pop("address", None)
        another = body.pop("add_address", None)
        new_email = body.pop("new_email", None)
        if body.pop("delete", False):
            if known is None:
                return refuse("no such customer")
            customers.drop(known)
            return done(request)
        if known is None:
            faults = customers.faults(body)
            if faults:
                return refuse("; ".join(f"{name}: {words}" for name, words in faults.items()))
            row = customers.create({**body, "addresses": [address] if address else []})
        else:
            changes = {**body, **({"email": new_email} if new_email else {})}
            row = customers.change(known, changes)
            first = next(iter(customers.addresses_of(known)), None)
            if address and first:
                customers.change_address(first["id"], address)
            elif address:
                customers.add_address({**address, "customer_id": known})
        if another:
            customers.add_address({**another, "customer_id": row["id"]})
        return done(request, customers.shown(row, {"addresses", "attributes"}))

    def section(self) -> tuple[str, str]:
        """The catalogue on the panel's page: what was changed last comes first."""
        catalogue = self.store.catalogue
        latest = sorted(
            (catalogue.products[key] for key in catalogue.ids[: 200 + SHOWN]),
            key=lambda product: product.modified,
            reverse=True,
        )[:SHOWN]
        rows = [
            [
                html.escape(product.sku),
                html.escape(product.name),
                f"{product.sale_price or product.price:.2f}",
                str(product.level) if product.tracking != "none" else "not counted",
                html.escape(product.modified[:19].replace("T", " ")),
                button("Sell out", "products", sku=product.sku, stock="0")
                + button("Do not count", "products", sku=product.sku, tracking="none"),
            ]
            for product in latest
        ]
        acts = button(
            "Change 1% of all prices and stock", "products/change-some", share="0.01"
        ) + button("Rename 1% of all products", "products/change-some", share="0.01", what="name")
        note = f"<p class=note>{len(catalogue.ids):,} products. {acts}</p>"
        return (
            "Catalogue",
            note + table(["SKU", "Name", "#Price", "#Stock", "Changed", ""], rows),
        )


def _whole(product: Product) -> dict[str, Any]:
    shown = product_json(product)
    shown["stock"] = {str(place): level for place, level in product.stock.items()}
    shown["variants"] = [
        {
            **variant_json(product, variant),
            "stock": {str(place): level for place, level in variant.stock.items()},
        }
        for variant in product.variants
    ]
    return shown
