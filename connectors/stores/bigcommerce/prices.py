"""Prices into the store: of products ten at a time, of variants fifty at a time.

A variant that inherited its product's price has one of its own from then on. Sale prices are the
merchant's: one that the change does not name stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.records import PriceChange, RowResult
from connectors.stores.bigcommerce.batches import send
from connectors.stores.bigcommerce.catalog import PRODUCTS, VARIANTS
from connectors.stores.bigcommerce.client import Client

PRODUCT_BATCH = 10
VARIANT_BATCH = 50


def write(client: Client, changes: Sequence[PriceChange]) -> tuple[RowResult, ...]:
    """One result a change, in their order."""
    results: dict[int, RowResult] = {}
    for of_variants, path, size in (
        (False, PRODUCTS, PRODUCT_BATCH),
        (True, VARIANTS, VARIANT_BATCH),
    ):
        places = [
            place
            for place, change in enumerate(changes)
            if bool(change.product.variant_id) is of_variants
        ]

        def put(batch: Sequence[PriceChange], path: str = path) -> Mapping[int, str]:
            client.write("PUT", path, [body(change) for change in batch], "write prices")
            return {at: change.product.product_id for at, change in enumerate(batch)}

        sent = send(
            [changes[place] for place in places],
            size=size,
            key=_sku,
            write=put,
            has_begun=bool(results),
        )
        results |= dict(zip(places, sent, strict=True))
    return tuple(results[place] for place in range(len(changes)))


def body(change: PriceChange) -> dict[str, Any]:
    """One row of a batch. A sale price of zero takes a sale price away."""
    product = change.product
    row: dict[str, Any] = {
        "id": int(product.variant_id or product.product_id),
        "price": change.price,
    }
    if change.sale_price is not None:
        ends = change.sale_price == Decimal(0) and product.variant_id
        row["sale_price"] = None if ends else change.sale_price
    return row


def _sku(change: PriceChange) -> str:
    return change.product.sku
