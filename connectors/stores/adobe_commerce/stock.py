"""Stock into the store: what is on hand at a source, absolute, with its status.

Commerce takes a SKU that no product has without a word and keeps an orphan of it, so every SKU is
looked up first; and one bad row fails the whole call before anything is saved. What shoppers have
ordered and not yet been sent is subtracted by Commerce itself. Levels are not read back: a sale
may lower them between our write and the reading. Source: Adobe, "Manage source items".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.errors import TryLater
from connectors.records import RowResult, StockChange
from connectors.stores.adobe_commerce import goods
from connectors.stores.adobe_commerce.batches import chunks, send
from connectors.stores.adobe_commerce.bulk import Bulk
from connectors.stores.adobe_commerce.catalog import CatalogReader
from connectors.stores.adobe_commerce.client import Client
from connectors.stores.adobe_commerce.structure import DEFAULT_SOURCE

PART = 1_000
GONE = "The store does not have this product any more."
NOT_COUNTED = (
    "The store keeps no stock for this product: it is put together of others, and they are counted."
)
NO_NUMBER = "A quantity must be a number of pieces."
PATH = "inventory/source-items"


def write(
    client: Client, reader: CatalogReader, bulk: Bulk, changes: Sequence[StockChange]
) -> tuple[RowResult, ...]:
    """One result a change, in their order."""
    if changes:
        reader.structure.check_sources({_source(change) for change in changes})
    results: list[RowResult] = []
    for part in chunks(changes, PART):
        try:
            known = _known(reader, part)
            results += _write_part(client, bulk, part, known, has_begun=bool(results))
        except TryLater:
            if not results:
                raise
            results += [RowResult(key=change.product.sku, again=True) for change in part]
    return tuple(results)


def item(change: StockChange, known: Mapping[str, tuple[str, str]]) -> dict[str, Any] | str:
    """A source item, or in words why there can be none. ``known`` gives the store's spelling and
    the type of each SKU that it has. Never below zero."""
    found = known.get(goods.sku_key(change.product.sku))
    if found is None:
        return GONE
    sku, kind = found
    if kind not in goods.STOCKED:
        return NOT_COUNTED
    if not change.quantity.is_finite():
        return NO_NUMBER
    quantity = max(change.quantity, Decimal(0))
    return {
        "sku": sku,
        "source_code": _source(change),
        "quantity": quantity,
        "status": 1 if quantity > 0 else 0,
    }


def _source(change: StockChange) -> str:
    return change.location.strip() or DEFAULT_SOURCE


def _known(reader: CatalogReader, part: Sequence[StockChange]) -> dict[str, tuple[str, str]]:
    rows = reader.rows("sku", [change.product.sku for change in part], fields="id,sku,type_id")
    return {
        goods.sku_key(str(row["sku"])): (str(row["sku"]), str(row.get("type_id") or "simple"))
        for row in rows
        if row.get("sku")
    }


def _write_part(
    client: Client,
    bulk: Bulk,
    part: Sequence[StockChange],
    known: Mapping[str, tuple[str, str]],
    *,
    has_begun: bool,
) -> list[RowResult]:
    results: dict[int, RowResult] = {}
    items: dict[int, dict[str, Any]] = {}
    for place, change in enumerate(part):
        made = item(change, known)
        if isinstance(made, str):
            results[place] = RowResult(key=change.product.sku, error=made)
        else:
            items[place] = made
    if bulk.is_worth(len(items)):
        results |= bulk.run(
            PATH,
            {
                place: (part[place].product.sku, {"sourceItems": [made]})
                for place, made in items.items()
            },
            identity=_identity,
        )
    left = [place for place in items if place not in results]
    sent = send(
        client,
        [items[place] for place in left],
        key=lambda made: str(made["sku"]),
        write=lambda batch: _post(client, batch),
        has_begun=has_begun or bool(results and items),
    )
    for place, result in zip(left, sent, strict=True):
        results[place] = RowResult(
            key=part[place].product.sku,
            error=result.error,
            vendor_words=result.vendor_words,
            again=result.again,
            external_id=part[place].product.product_id,
        )
    return [results[place] for place in range(len(part))]


def _identity(body: Mapping[str, Any]) -> str:
    rows = body.get("sourceItems") or [{}]
    return f"{rows[0].get('source_code')}/{goods.sku_key(str(rows[0].get('sku')))}"


def _post(client: Client, batch: Sequence[Mapping[str, Any]]) -> Mapping[int, RowResult]:
    client.request("POST", PATH, body={"sourceItems": list(batch)}, purpose="write stock")
    return {}
