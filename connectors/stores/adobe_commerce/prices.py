"""Base prices into the store. The call answers 200 whatever becomes of its rows, and lists the
failed ones by their SKU or their price, never by their place. Sale prices are the merchant's: they
have a beginning and an end in Commerce. Source: Adobe, "Catalog pricing"; core BasePriceStorage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.records import PriceChange, RowResult
from connectors.stores.adobe_commerce import errors, goods
from connectors.stores.adobe_commerce.batches import Unclear, send
from connectors.stores.adobe_commerce.client import Client

REFUSED = "Adobe Commerce refused the price of this product."


def write(client: Client, changes: Sequence[PriceChange], store_id: int) -> tuple[RowResult, ...]:
    """One result a change, in their order. ``store_id`` 0 is the price of all websites."""
    results: dict[int, RowResult] = {}
    good: list[int] = []
    for place, change in enumerate(changes):
        words = unfit(change)
        if words:
            results[place] = RowResult(key=change.product.sku, error=words)
        else:
            good.append(place)
    sent = send(
        client,
        [changes[place] for place in good],
        key=lambda change: change.product.sku,
        write=lambda batch: _post(client, batch, store_id),
    )
    results |= dict(zip(good, sent, strict=True))
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
    if change.sale_price is not None:
        return (
            "A sale price has a beginning and an end in Adobe Commerce and is kept by the "
            "merchant there."
        )
    return ""


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
    failures = reply.json()
    if not isinstance(failures, list) or not all(isinstance(one, Mapping) for one in failures):
        raise UnexpectedShape(reply.where, "is not a list of failures")
    return failed(batch, failures)


def failed(
    batch: Sequence[PriceChange], failures: Sequence[Mapping[str, Any]]
) -> dict[int, RowResult]:
    """The failed rows by place. Raises Unclear where a failure fits no row, or several."""
    by_sku: dict[str, list[int]] = {}
    for place, change in enumerate(batch):
        by_sku.setdefault(goods.sku_key(change.product.sku), []).append(place)
    found: dict[int, RowResult] = {}
    for failure in failures:
        given = failure.get("parameters") or []
        words = errors.filled(_named(str(failure.get("message", "")), given), given)
        values = list(given.values()) if isinstance(given, Mapping) else list(given)
        named = {key for value in values if (key := goods.sku_key(str(value))) in by_sku}
        if len(named) != 1 and len(by_sku) > 1:
            raise Unclear(f"base-prices: {words}", vendor_words=words, reason=REFUSED)
        for place in by_sku[named.pop() if named else next(iter(by_sku))]:
            found[place] = RowResult(
                key=batch[place].product.sku, error=REFUSED, vendor_words=words
            )
    return found


def _named(message: str, given: Any) -> str:
    """The message with its names numbered, where the parameters come as a list."""
    if isinstance(given, Mapping):
        return message
    names = list(dict.fromkeys(errors.PLACE.findall(message)))
    for number, name in enumerate(names, 1):
        if not name.isdigit():
            message = message.replace(f"%{name}", f"%{number}")
    return message
