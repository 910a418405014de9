"""V3 catalogue: products one by one and in batches of 10, variants in batches of 50."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.bigcommerce.catalog_rules import (
    apply_product,
    apply_variant,
    new_product,
    product_faults,
    variant_faults,
)
from sandbox.bigcommerce.goods import Product, Variant, product_json, variant_json
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import (
    DOCS,
    body_of,
    instant_of,
    listed,
    meta_of,
    narrowed,
    numbers,
    only_known,
    page_of,
    rows_of,
)
from sandbox.common.jsonio import Json

PRODUCT_BATCH, VARIANT_BATCH = 10, 50
PRODUCT_FILTERS = {
    "id", "id:in", "id:greater", "id:min", "id:less", "id:max", "sku", "sku:in", "name", "upc",
    "date_modified:min", "date_modified:max", "is_visible", "include", "include_fields",
    "exclude_fields", "page", "limit", "sort", "direction",
}  # fmt: skip
VARIANT_FILTERS = {
    "id", "sku", "upc", "product_id:in", "include_fields", "exclude_fields", "page", "limit",
}  # fmt: skip
SORTS: dict[str, Callable[[Product], Any]] = {
    "id": lambda product: product.id,
    "name": lambda product: product.name,
    "sku": lambda product: product.sku,
    "price": lambda product: product.price,
    "date_modified": lambda product: product.modified,
    "inventory_level": lambda product: product.level,
}


class CatalogApi:
    def __init__(self, store: BigCommerceStore) -> None:
        self.store, self.catalogue = store, store.catalogue

    def table(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", "/v3/catalog/summary", self.summary),
            ("GET", "/v3/catalog/products", self.products),
            ("POST", "/v3/catalog/products", self.create),
            ("PUT", "/v3/catalog/products", self.change_products),
            ("GET", "/v3/catalog/products/{id:int}", self.product),
            ("PUT", "/v3/catalog/products/{id:int}", self.change_product),
            ("GET", "/v3/catalog/products/{id:int}/variants", self.variants_of),
            ("GET", "/v3/catalog/variants", self.variants),
            ("PUT", "/v3/catalog/variants", self.change_variants),
        ]

    async def summary(self, request: Request) -> Response:
        rows = self.catalogue.products.values()
        return Json(
            {
                "data": {
                    "inventory_count": sum(product.level for product in rows),
                    "variant_count": len(self.catalogue.variants),
                },
                "meta": {},
            }
        )

    # Products

    async def products(self, request: Request) -> Response:
        only_known(request, PRODUCT_FILTERS)
        rows, total = self._wanted(request)
        part, meta = page_of(request, rows, total)
        return Json({"data": [self._shown(request, product) for product in part], "meta": meta})

    def _shown(self, request: Request, product: Product) -> dict[str, Any]:
        include = set(listed(request, "include"))
        if include - {"variants"}:
            raise Refused(422, "Invalid include", {"include": "is not supported"})
        shown = narrowed(request, product_json(product))
        if "variants" in include:
            shown["variants"] = [variant_json(product, variant) for variant in product.variants]
        return shown

    def _wanted(self, request: Request) -> tuple[Iterable[Product], int]:
        """The products that a list asks for, in its order, and how many they are."""
        query = request.query_params
        field, direction = query.get("sort", "id"), query.get("direction", "asc")
        if field not in SORTS or direction not in ("asc", "desc"):
            raise Refused(422, "Invalid sort", {"sort": "is not supported"})
        plain = not set(query) - {
            "id:greater", "include", "include_fields", "exclude_fields", "page", "limit", "sort",
            "direction",
        }  # fmt: skip
        after = int(query.get("id:greater", 0))
        if plain and field == "id" and direction == "asc":
            start = self.catalogue.place_after(after)
            return self.catalogue.after(after), len(self.catalogue.ids) - start
        rows = [product for product in self._candidates(request) if self._fits(request, product)]
        rows.sort(key=SORTS[field], reverse=direction == "desc")
        return rows, len(rows)

    def _candidates(self, request: Request) -> Iterable[Product]:
        skus = listed(request, "sku:in") + listed(request, "sku")
        if skus:
            found = {
                product.id: product
                for sku in skus
                for product, variant in self.catalogue.with_sku(sku)
                if product.sku.casefold() == sku.casefold()
            }
            return found.values()
        ids = numbers(request, "id:in") | numbers(request, "id")
        if ids:
            return [self.catalogue.products[key] for key in ids if key in self.catalogue.products]
        return self.catalogue.products.values()

    @staticmethod
    def _fits(request: Request, product: Product) -> bool:
        query = request.query_params
        if not int(query.get("id:greater", 0)) < product.id:
            return False
        if not int(query.get("id:min", 0)) <= product.id <= int(query.get("id:max", 1 << 62)):
            return False
        if "id:less" in query and product.id >= int(query["id:less"]):
            return False
        if "name" in query and product.name.casefold() != query["name"].casefold():
            return False
        if "upc" in query and product.upc != query["upc"]:
            return False
        if "is_visible" in query and product.is_visible is not (query["is_visible"] == "true"):
            return False
        changed = datetime.fromisoformat(product.modified)
        since, until = query.get("date_modified:min"), query.get("date_modified:max")
        if since and changed < instant_of(since):
            return False
        return not (until and changed > instant_of(until))

    def _product(self, request: Request) -> Product:
        product = self.catalogue.products.get(request.path_params["id"])
        if product is None:
            raise Refused(404, "A product was not found with the requested ID.")
        return product

    async def product(self, request: Request) -> Response:
        return Json({"data": self._shown(request, self._product(request)), "meta": {}})

    async def create(self, request: Request) -> Response:
        given = await body_of(request)
        if not isinstance(given, dict):
            raise Refused(422, "Only one product can be created at a time.")
        faults, conflict = product_faults(self.catalogue, given, None)
        if faults:
            _refuse(faults, conflict)
        product = new_product(self.store, given)
        self.catalogue.add(product)
        return Json({"data": self._full(product), "meta": {}})

    async def change_product(self, request: Request) -> Response:
        product, given = self._product(request), await body_of(request)
        faults, conflict = product_faults(self.catalogue, given, product)
        if faults:
            _refuse(faults, conflict)
        apply_product(self.catalogue, product, given)
        return Json({"data": self._full(product), "meta": {}})

    async def change_products(self, request: Request) -> Response:
        """All or nothing: one bad row refuses the batch, and names the row."""
        rows = await rows_of(request, PRODUCT_BATCH)
        errors: dict[str, str] = {}
        conflicts = 0
        for place, row in enumerate(rows):
            product = self.catalogue.products.get(_id(row))
            if product is None:
                errors[f"{place}.id"] = "A product was not found with the requested ID."
                continue
            faults, conflict = product_faults(self.catalogue, row, product)
            conflicts += conflict
            errors |= {f"{place}.{name}": words for name, words in faults.items()}
        if errors:
            _refuse(errors, conflicts == len(errors))
        changed = []
        for row in rows:
            product = self.catalogue.products[_id(row)]
            apply_product(self.catalogue, product, row)
            changed.append(self._full(product))
        return Json({"data": changed, "meta": {}})

    @staticmethod
    def _full(product: Product) -> dict[str, Any]:
        shown = product_json(product)
        shown["variants"] = [variant_json(product, variant) for variant in product.variants]
        return shown

    # Variants

    async def variants_of(self, request: Request) -> Response:
        product = self._product(request)
        part, meta = page_of(request, product.variants, len(product.variants))
        rows = [narrowed(request, variant_json(product, variant)) for variant in part]
        return Json({"data": rows, "meta": meta})

    async def variants(self, request: Request) -> Response:
        only_known(request, VARIANT_FILTERS)
        query = request.query_params
        rows: Iterable[tuple[Product, Variant]]
        if "sku" in query:
            rows = [(p, v) for p, v in self.catalogue.with_sku(query["sku"]) if v is not None]
        elif "id" in query:
            found = self.catalogue.variants.get(int(query["id"]))
            rows = [found] if found else []
        elif "product_id:in" in query or "upc" in query:
            rows = list(self._of_products(numbers(request, "product_id:in")))
            if "upc" in query:
                rows = [(p, v) for p, v in rows if v.upc == query["upc"]]
        else:
            part, meta = page_of(
                request, self.catalogue.variants.values(), len(self.catalogue.variants)
            )
            shown = [narrowed(request, variant_json(*row)) for row in part]
            return Json({"data": shown, "meta": meta})
        part, meta = page_of(request, rows, len(rows))
        return Json({"data": [narrowed(request, variant_json(*row)) for row in part], "meta": meta})

    def _of_products(self, ids: set[int]) -> Iterator[tuple[Product, Variant]]:
        chosen = (
            [self.catalogue.products[key] for key in sorted(ids) if key in self.catalogue.products]
            if ids
            else self.catalogue.products.values()
        )
        for product in chosen:
            for variant in product.variants:
                yield product, variant

    async def change_variants(self, request: Request) -> Response:
        """All or nothing; the refusal lists what is wrong without the places of the rows."""
        rows = await rows_of(request, VARIANT_BATCH)
        errors = []
        for row in rows:
            found = self.catalogue.variants.get(_id(row))
            faults = (
                variant_faults(row)
                if found
                else {"id": f"A variant was not found with the ID {row.get('id')}."}
            )
            if faults:
                errors.append(
                    {
                        "status": 422,
                        "title": f"Variant {row.get('id')}: " + "; ".join(faults.values()),
                        "type": DOCS,
                        "errors": faults,
                    }
                )
        if errors:
            return Json({"batch_errors": errors}, status_code=422)
        changed = []
        for row in rows:
            product, variant = self.catalogue.variants[_id(row)]
            apply_variant(self.catalogue, product, variant, row)
            changed.append(variant_json(product, variant))
        return Json({"data": changed, "meta": meta_of(len(changed))})


def _id(row: dict[str, Any]) -> int:
    value = row.get("id")
    return int(value) if isinstance(value, int | Decimal) else 0


def _refuse(errors: dict[str, str], conflict: bool) -> None:
    """Duplicates of names and SKUs are conflicts, everything else is invalid."""
    status = 409 if conflict else 422
    raise Refused(status, next(iter(errors.values())), errors)
