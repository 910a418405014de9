"""V3 inventory: levels at locations, set or moved. Large batches are carried out a little later."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.goods import LOCATIONS, MOST_STOCK, Product, Variant
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import body_of, listed, meta_of, numbers, only_known
from sandbox.common.jsonio import Json

MOST_ITEMS = 2_000
MOST_SHOWN = 1_000
AT_ONCE, LATER_SECONDS = 200, 0.3
FILTERS = {
    "sku:in", "variant_id:in", "product_id:in", "location_id:in", "location_code:in", "page",
    "limit",
}  # fmt: skip
Move = tuple[Product, Variant | None, int, int]


class InventoryApi:
    def __init__(self, store: BigCommerceStore) -> None:
        self.catalogue = store.catalogue

    def table(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("PUT", "/v3/inventory/adjustments/absolute", self.absolute),
            ("POST", "/v3/inventory/adjustments/relative", self.relative),
            ("GET", "/v3/inventory/items", self.items),
        ]

    async def absolute(self, request: Request) -> Response:
        moves = [self._move(row, absolute=True) for row in await self._rows(request)]
        return self._carry_out([move for move in moves if move], absolute=True)

    async def relative(self, request: Request) -> Response:
        moves = [self._move(row, absolute=False) for row in await self._rows(request)]
        return self._carry_out([move for move in moves if move], absolute=False)

    async def _rows(self, request: Request) -> list[dict[str, Any]]:
        body = await body_of(request)
        rows = body.get("items") if isinstance(body, dict) else None
        if not isinstance(rows, list) or not rows:
            raise Refused(422, "Payload contains invalid fields", {"items": "must not be empty"})
        if set(body) - {"reason", "items"}:
            raise Refused(422, "Payload contains invalid fields", {"body": "has unknown fields"})
        if len(rows) > MOST_ITEMS:
            raise Refused(422, f"No more than {MOST_ITEMS} items can be adjusted at once")
        return rows

    def _move(self, row: dict[str, Any], *, absolute: bool) -> Move | None:
        """What one item asks for; None where the store does not count it: no effect, no error."""
        keys = [name for name in ("sku", "variant_id", "product_id") if name in row]
        if len(keys) != 1 or set(row) - {*keys, "location_id", "quantity"}:
            raise Refused(422, "Payload contains invalid fields", {"items": "need one identity"})
        key, quantity, location = keys[0], row.get("quantity"), row.get("location_id")
        if (
            not isinstance(quantity, int)
            or abs(quantity) > MOST_STOCK
            or isinstance(quantity, bool)
        ):
            raise Refused(
                422, "Payload contains invalid fields", {"quantity": "must be an integer"}
            )
        if location not in LOCATIONS:
            raise Refused(422, f"Location with id {location} was not found")
        words = f"[{key} {row[key]}]"
        product, variant = self._identified(key, row[key])
        if product is None:
            raise Refused(422, f"Items with identity: {words} were not found")
        if product.tracking == "none":
            return None
        if product.tracking == "product":
            if key == "variant_id" or (key == "sku" and product.base is None and variant):
                raise Refused(
                    422,
                    f"[Item with {key} {row[key]} is tracked by product, please update stock by "
                    "product id]",
                )
            variant = None
        elif variant is None:
            raise Refused(
                422,
                f"[Item with {key} {row[key]} is tracked by variant, please update stock by "
                "variant id]",
            )
        holder = product.stock if variant is None else variant.stock
        if absolute:
            if quantity < 0:
                raise Refused(422, f"Quantity of {words} must not be negative")
        elif location not in holder:
            raise Refused(
                422, f"Items with identity: {words} requires absolute adjustment before relative"
            )
        elif holder[location] + quantity < 0:
            raise Refused(422, f"Quantity of {words} would be negative")
        return product, variant, location, quantity

    def _identified(self, key: str, value: Any) -> tuple[Product | None, Variant | None]:
        if key == "product_id":
            return self.catalogue.products.get(value), None
        if key == "variant_id":
            return self.catalogue.variants.get(value) or (None, None)
        found = self.catalogue.with_sku(str(value))
        return found[0] if found else (None, None)

    def _carry_out(self, moves: list[Move], *, absolute: bool) -> Response:
        def work() -> None:
            for product, variant, location, quantity in moves:
                holder = product.stock if variant is None else variant.stock
                level = quantity if absolute else holder.get(location, 0) + quantity
                self.catalogue.set_stock(
                    product,
                    variant,
                    max(level, 0),
                    location=location,
                    method="absolute" if absolute else "relative",
                )

        if len(moves) <= AT_ONCE:
            work()
        else:
            asyncio.get_running_loop().call_later(LATER_SECONDS, work)
        return Json({"transaction_id": uuid.uuid4().hex})

    async def items(self, request: Request) -> Response:
        """Levels of what is counted, at all locations or the asked-for ones."""
        only_known(request, FILTERS)
        rows = self._counted(request)
        limit = min(int(request.query_params.get("limit", 50)), MOST_SHOWN)
        page = max(int(request.query_params.get("page", 1)), 1)
        part = rows[(page - 1) * limit : page * limit]
        places = numbers(request, "location_id:in") or set(LOCATIONS)
        shown = [_shown(product, variant, places) for product, variant in part]
        return Json({"data": shown, "meta": meta_of(len(rows), len(part), limit, page)})

    def _counted(self, request: Request) -> list[tuple[Product, Variant]]:
        skus, variants = listed(request, "sku:in"), numbers(request, "variant_id:in")
        products = numbers(request, "product_id:in")
        rows: list[tuple[Product, Variant]]
        if skus:
            rows = [(p, v) for sku in skus for p, v in self.catalogue.with_sku(sku) if v]
        elif variants:
            known = self.catalogue.variants
            rows = [known[key] for key in sorted(variants) if key in known]
        elif products:
            rows = [
                (self.catalogue.products[key], variant)
                for key in sorted(products)
                if key in self.catalogue.products
                for variant in self.catalogue.products[key].variants
            ]
        else:
            rows = list(self.catalogue.variants.values())
        return [(product, variant) for product, variant in rows if product.tracking != "none"]


def _shown(product: Product, variant: Variant, places: set[int]) -> dict[str, Any]:
    holder = product.stock if product.tracking == "product" else variant.stock
    return {
        "identity": {
            "sku": variant.sku,
            "variant_id": variant.id,
            "product_id": product.id,
            "sku_id": variant.sku_id,
        },
        "locations": [
            {
                "location_id": place,
                "location_code": LOCATIONS[place][0],
                "location_name": LOCATIONS[place][1],
                "location_enabled": True,
                "available_to_sell": holder.get(place, 0),
                "total_inventory_onhand": holder.get(place, 0),
                "settings": {
                    "safety_stock": 0,
                    "is_in_stock": True,
                    "warning_level": 0,
                    "bin_picking_number": "",
                },
            }
            for place in sorted(places)
            if place in LOCATIONS
        ],
    }
