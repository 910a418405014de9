"""Base prices into the store, and sale prices beside them. Only what the store shows otherwise is
sent. Source: Adobe, "Catalog pricing"; core BasePriceStorage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connectors.errors import TryLater
from connectors.records import PriceChange, RowResult
from connectors.stores.adobe_commerce import sale_prices
from connectors.stores.adobe_commerce.batches import send
from connectors.stores.adobe_commerce.client import Client
from connectors.stores.adobe_commerce.failures import failed, failures_of
from connectors.stores.adobe_commerce.structure import Structure

REFUSED = "Adobe Commerce refused the price of this product."


def write(
    client: Client, structure: Structure, changes: Sequence[PriceChange], *, now: datetime
) -> tuple[RowResult, ...]:
    """One result a change, in their order. A change is taken when both of its prices are; a sale
    price is only sent once the price above it stands."""
    store_id = structure.price_store_id
    results: dict[int, RowResult] = {}
    good: list[int] = []
    for place, change in enumerate(changes):
        if words := unfit(change):
            results[place] = RowResult(key=change.product.sku, error=words)
        else:
            good.append(place)
            results[place] = RowResult(key=change.product.sku)
    other = [place for place in good if _differs(changes[place])]
    sent = send(
        client,
        [changes[place] for place in other],
        key=lambda change: change.product.sku,
        write=lambda batch: _post(client, batch, store_id),
    )
    results |= dict(zip(other, sent, strict=True))
    on_sale = [
        place for place in good if changes[place].sale_price is not None and results[place].is_taken
    ]
    if on_sale:
        rows = [changes[place] for place in on_sale]
        try:
            told = sale_prices.write(
                client,
                rows,
                store_id=store_id,
                staging=structure.has_staging(),
                now=now,
                has_begun=bool(other),
            )
        except TryLater:
            if not other:
                raise
            told = tuple(RowResult(key=row.product.sku, again=True) for row in rows)
        results |= dict(zip(on_sale, told, strict=True))
    return tuple(results[place] for place in range(len(changes)))


def unfit(change: PriceChange) -> str:
    """Why a price cannot be sent at all, in words; empty if it can."""
    if change.product.price is None:
        return (
            "Adobe Commerce keeps no price for this product: it is put together of others, and "
            "they have the prices."
        )
    if change.price < 0:
        return "A price cannot be negative."
    return sale_prices.unfit(change)


def _differs(change: PriceChange) -> bool:
    """A change without a sale price has nothing else to be written for."""
    return change.sale_price is None or change.price != change.product.price


def _post(client: Client, batch: Sequence[PriceChange], store_id: int) -> Mapping[int, RowResult]:
    reply = client.request(
        "POST",
        "products/base-prices",
        body={
            "prices": [
                {"price": change.price, "store_id": store_id, "sku": change.product.sku}
                for change in batch
            ]
        },
        purpose="write prices",
    )
    skus = [change.product.sku for change in batch]
    return failed(skus, failures_of(reply), reason=REFUSED, what="base-prices")
