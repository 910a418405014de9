"""Stock into the store through the inventory API: absolute levels at one location.

Where stock is counted is the store's choice for each product: nowhere, for the product as a whole,
or by variant; it is asked for anew with every batch, because the store takes a level that it does
not count without a word. Levels are not read back: between our write and the reading a sale may
lower them, and what was sold would be put back.
Source: Inventory V3, "Adjustments"; Catalog V3, ``inventory_tracking``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from connectors.errors import NeedsAttention, Rejected, TryLater
from connectors.records import RowResult, StockChange
from connectors.stores.bigcommerce.batches import chunks, send
from connectors.stores.bigcommerce.catalog import CatalogReader
from connectors.stores.bigcommerce.client import Client
from connectors.stores.bigcommerce.goods import has_options

ABSOLUTE = "/v3/inventory/adjustments/absolute"
BATCH = 1_000
DEFAULT_LOCATION = "1"
MOST = 2_147_483_647
_IDENTITY = re.compile(r"\b(variant_id|product_id|sku) ([^\s\],;]+)")
_LOCATION = re.compile(r"\blocation\b", re.IGNORECASE)
GONE = "The store does not have this product any more."
NOT_COUNTED = (
    "The store does not count the stock of this product: it is sold without limit. Switch "
    "inventory tracking on for it in the store, or leave it out of the route."
)
COUNTED_AS_ONE = (
    "The store counts the stock of this product as a whole, not by variant, so the stock of one "
    "variant cannot be shown. Let the store track it by variant."
)
NO_LOCATION = "The store location of the route is not a number: BigCommerce knows them by number."


def write(
    client: Client, reader: CatalogReader, changes: Sequence[StockChange]
) -> tuple[RowResult, ...]:
    """One result a change, in their order."""
    results: list[RowResult] = []
    for part in chunks(changes, BATCH):
        try:
            tracking = reader.tracking(change.product.product_id for change in part)
        except TryLater:
            if not results:
                raise
            results += [RowResult(key=change.product.sku, again=True) for change in part]
            continue
        results += _write_part(client, part, tracking, has_begun=bool(results))
    return tuple(results)


def _write_part(
    client: Client,
    part: Sequence[StockChange],
    tracking: Mapping[str, Mapping[str, Any]],
    *,
    has_begun: bool,
) -> list[RowResult]:
    items: list[tuple[StockChange, dict[str, Any]]] = []
    refused: dict[int, RowResult] = {}
    for place, change in enumerate(part):
        made = item(change, tracking.get(change.product.product_id))
        if isinstance(made, str):
            refused[place] = RowResult(key=change.product.sku, error=made)
        else:
            items.append((change, made))
    sent = iter(
        send(
            items,
            size=BATCH,
            key=lambda row: row[0].product.sku,
            write=lambda batch: _put(client, batch),
            named=_named,
            has_begun=has_begun,
        )
    )
    return [refused.get(place) or next(sent) for place in range(len(part))]


def item(change: StockChange, counted: Mapping[str, Any] | None) -> dict[str, Any] | str:
    """One item of an adjustment, or in words why there can be none. Whole pieces, never below
    zero: part of a piece cannot be sold."""
    product = change.product
    location = change.location.strip() or DEFAULT_LOCATION
    if counted is None:
        return GONE
    mode = str(counted.get("inventory_tracking") or "none")
    if mode == "none":
        return NOT_COUNTED
    if not location.isdigit():
        return NO_LOCATION
    options = has_options(counted)
    if mode == "product":
        if options and product.variant_id:
            return COUNTED_AS_ONE
        identity = {"product_id": int(product.product_id)}
    elif product.variant_id:
        identity = {"variant_id": int(product.variant_id)}
    elif not options:
        identity = {"variant_id": int(str(counted["base_variant_id"]))}
    else:
        return (
            "The store counts the stock of this product by variant, and this is the SKU of the "
            "product as a whole. Give the variants' SKUs to items of their own."
        )
    whole = max(change.quantity, Decimal(0)).to_integral_value(rounding=ROUND_FLOOR)
    if whole > MOST:
        return f"The store counts no more than {MOST:,} pieces."
    return {"location_id": int(location), **identity, "quantity": int(whole)}


def _put(client: Client, batch: Sequence[tuple[StockChange, dict[str, Any]]]) -> Mapping[int, str]:
    try:
        client.http.request(
            "PUT",
            ABSOLUTE,
            body={"items": [made for _, made in batch]},
            purpose="write stock",
        )
    except Rejected as error:
        words = error.vendor_words
        if _LOCATION.search(words) and not _IDENTITY.search(words):
            raise NeedsAttention(
                error.detail,
                reason="The store does not know the location that stock is written to.",
                advice="Correct the store location in the route's settings; empty is the default.",
                vendor_words=words,
                code="settings",
            ) from error
        raise
    return {at: change.product.product_id for at, (change, _) in enumerate(batch)}


def _named(
    error: Rejected, batch: Sequence[tuple[StockChange, dict[str, Any]]]
) -> Mapping[int, str]:
    """The rows whose identity stands in the refusal's words."""
    blamed = {(name, value) for name, value in _IDENTITY.findall(error.vendor_words)}
    return {
        at: error.vendor_words
        for at, (_, made) in enumerate(batch)
        if any(
            (name, str(made[name])) in blamed
            for name in ("product_id", "variant_id")
            if name in made
        )
    }
