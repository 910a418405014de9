"""The store's catalogue in memory: found by id, SKU and barcode; every change is announced."""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from sandbox.bigcommerce.goods import DEFAULT_LOCATION, Product, Variant
from sandbox.common.assortment import more_products
from sandbox.common.catalogue import PRODUCTS, STORE_ONLY
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

START_STOCK = 25
START_CHANGED = "2026-01-05T09:00:00+00:00"
FIRST_PRODUCT, FIRST_VARIANT, FIRST_MORE = 100, 5_100, 10_000
Sellable = tuple[Product, Variant]


class Catalogue:
    """``announce(scope, data)`` is called for every event that hooks are told of."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        announce: Callable[[str, dict[str, Any]], None],
        count: int = 0,
    ) -> None:
        self.journal, self.clock, self.announce = journal, clock, announce
        self.count = count
        self.load()

    def load(self) -> None:
        """The start catalogue, filled up to ``count`` products, then what the journal kept."""
        self.products: dict[int, Product] = {}
        self.variants: dict[int, Sellable] = {}
        self.ids: list[int] = []
        self._by_sku: dict[str, list[tuple[Product, Variant | None]]] = {}
        self._by_name: dict[str, int] = {}
        start = (*PRODUCTS, *STORE_ONLY)
        for place, item in enumerate(start):
            self._take(_simple(FIRST_PRODUCT + place, FIRST_VARIANT + place, item))
        for place, item in enumerate(more_products(max(0, self.count - len(start))), 1):
            self._take(_simple(FIRST_MORE + place, FIRST_MORE + 1_000_000 + place, item))
        for key, row in self.journal.load("product").items():
            self.forget(int(key))
            if row is not None:
                self._take(Product.from_kept(row))

    def _take(self, product: Product) -> None:
        if not self.ids or product.id > self.ids[-1]:
            self.ids.append(product.id)
        else:
            insort(self.ids, product.id)
        self.products[product.id] = product
        self._by_name[product.name.casefold()] = product.id
        self._index(product)

    def _index(self, product: Product) -> None:
        for variant in product.variants:
            self.variants[variant.id] = (product, variant)
            if variant.sku:
                self._by_sku.setdefault(variant.sku.casefold(), []).append((product, variant))
        if product.base is None and product.sku:
            self._by_sku.setdefault(product.sku.casefold(), []).append((product, None))

    def forget(self, product_id: int) -> None:
        product = self.products.pop(product_id, None)
        if product is None:
            return
        self.ids.remove(product_id)
        self._by_name.pop(product.name.casefold(), None)
        self._unindex(product)

    def _unindex(self, product: Product) -> None:
        for sku in {variant.sku.casefold() for variant in product.variants} | {
            product.sku.casefold()
        }:
            left = [row for row in self._by_sku.get(sku, []) if row[0].id != product.id]
            if left:
                self._by_sku[sku] = left
            else:
                self._by_sku.pop(sku, None)
        for variant in product.variants:
            self.variants.pop(variant.id, None)

    def after(self, product_id: int) -> Iterator[Product]:
        """Products with a greater id, by id."""
        for at in range(self.place_after(product_id), len(self.ids)):
            yield self.products[self.ids[at]]

    def place_after(self, product_id: int) -> int:
        return bisect_right(self.ids, product_id)

    def with_sku(self, sku: str) -> list[tuple[Product, Variant | None]]:
        """Whatever has the SKU; no variant for the own SKU of a product with options."""
        return self._by_sku.get(sku.casefold(), [])

    def sellable(self, sku: str) -> Sellable | None:
        return next(
            ((product, variant) for product, variant in self.with_sku(sku) if variant), None
        )

    def named(self, name: str) -> Product | None:
        return self.products.get(self._by_name.get(name.casefold(), 0))

    # Changes

    def add(self, product: Product) -> None:
        self._take(product)
        self.touch(product, announce=False)
        self.announce("store/product/created", {"type": "product", "id": product.id})

    def remove(self, product_id: int) -> None:
        self.forget(product_id)
        self.journal.put("product", str(product_id), None)
        self.announce("store/product/deleted", {"type": "product", "id": product_id})

    def rename(self, product: Product, name: str, sku: str) -> None:
        """New name or SKU; the base variant's SKU is the product's."""
        self._by_name.pop(product.name.casefold(), None)
        self._unindex(product)
        product.name, product.sku = name, sku
        base = product.base
        if base is not None:
            base.sku = sku
        self._by_name[name.casefold()] = product.id
        self._index(product)

    def touch(
        self, product: Product, variant: Variant | None = None, announce: bool = True
    ) -> None:
        product.modified = self.clock.now().isoformat(timespec="seconds")
        self.keep(product)
        if not announce:
            return
        self.announce("store/product/updated", {"type": "product", "id": product.id})
        if variant is not None and variant.sku_id is not None:
            told = {"product_id": product.id, "variant_id": variant.id}
            self.announce("store/sku/updated", {"type": "sku", "id": variant.sku_id, "sku": told})

    def keep(self, product: Product) -> None:
        self.journal.put("product", str(product.id), product.kept())

    def set_stock(
        self,
        product: Product,
        variant: Variant | None,
        quantity: int,
        *,
        location: int = DEFAULT_LOCATION,
        method: str = "absolute",
        by_order: bool = False,
    ) -> None:
        """A level of the product, or of a variant where it is tracked by variant."""
        holder = product.stock if variant is None else variant.stock
        before = holder.get(location, 0)
        holder[location] = quantity
        product.modified = self.clock.now().isoformat(timespec="seconds")
        self.keep(product)
        value = quantity if method == "absolute" else quantity - before
        told: dict[str, Any] = {"product_id": product.id, "method": method, "value": value}
        part = "inventory/order/updated" if by_order else "inventory/updated"
        self.announce(
            f"store/product/{part}", {"type": "product", "id": product.id, "inventory": told}
        )
        if variant is not None and variant.sku_id is not None:
            self.announce(
                f"store/sku/{part}",
                {
                    "type": "sku",
                    "id": variant.sku_id,
                    "inventory": {**told, "variant_id": variant.id},
                },
            )

    def sell(self, product: Product, variant: Variant, quantity: int) -> None:
        """What an order takes from the default location, where stock is counted at all."""
        if product.tracking == "none":
            return
        counted = variant if product.tracking == "variant" else None
        holder = product.stock if counted is None else counted.stock
        left = max(0, holder.get(DEFAULT_LOCATION, 0) - quantity)
        self.set_stock(product, counted, left, method="relative", by_order=True)

    def change_some(self, share: float, what: Iterable[str], chance: random.Random) -> list[str]:
        """A merchant's bulk edit: name, price or stock of a share of all products. Their SKUs."""
        parts = set(what)
        ids = chance.sample(self.ids, min(len(self.ids), max(1, round(len(self.ids) * share))))
        for product_id in ids:
            product = self.products[product_id]
            if "name" in parts:
                base = product.name.partition(" (")[0]
                self.rename(product, f"{base} ({chance.randint(2, 9_999)})", product.sku)
            if "price" in parts:
                product.price += Decimal(chance.choice(("0.10", "0.50", "1.00")))
            if "name" in parts or "price" in parts:
                self.touch(product)
            if "stock" in parts and product.tracking == "product":
                self.set_stock(product, None, chance.randint(0, 90))
        return [self.products[product_id].sku for product_id in ids]


def _simple(product_id: int, variant_id: int, item: Any) -> Product:
    return Product(
        id=product_id,
        name=item.name,
        sku=item.sku,
        price=item.price_inc_tax,
        upc=item.gtin,
        stock={DEFAULT_LOCATION: START_STOCK},
        created=START_CHANGED,
        modified=START_CHANGED,
        variants=[Variant(id=variant_id, product_id=product_id, sku=item.sku, upc=item.gtin)],
    )
