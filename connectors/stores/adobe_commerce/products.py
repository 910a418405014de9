"""New products, and names and texts of those that are there, in the scope ``all``.

Each goes alone, or through the store's queue where there are many. The SKU stands in the body: in
an address some of its characters break the signature or the server. Posting a SKU that exists
changes that product, so a new one is looked for first: it must not be disabled for having been
made by somebody else a moment ago. Source: Adobe, products REST schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import ProductDraft, RowResult
from connectors.stores.adobe_commerce import goods
from connectors.stores.adobe_commerce.batches import send
from connectors.stores.adobe_commerce.bulk import Bulk
from connectors.stores.adobe_commerce.catalog import ALL, CatalogReader
from connectors.stores.adobe_commerce.client import Client

PATH = "products"


def write(
    client: Client, reader: CatalogReader, bulk: Bulk, drafts: Sequence[ProductDraft]
) -> tuple[RowResult, ...]:
    """One result a draft, in their order."""
    results: dict[int, RowResult] = {}
    good: list[int] = []
    for place, draft in enumerate(drafts):
        words = goods.refused(draft)
        if words:
            results[place] = RowResult(key=draft.sku, error=words)
        else:
            good.append(place)
    known = reader.find(drafts[place].sku for place in good if drafts[place].product is None)
    bodies: dict[int, dict[str, Any]] = {}
    for place in good:
        draft = drafts[place]
        if draft.product is None and draft.sku in known:
            draft = replace(draft, product=known[draft.sku][0])
        bodies[place] = {"product": _row(reader, draft), "saveOptions": True}
    if bulk.is_worth(len(bodies)):
        results |= bulk.run(
            PATH,
            {place: (drafts[place].sku, body) for place, body in bodies.items()},
            identity=_identity,
            scope=ALL,
        )
    left = [place for place in bodies if place not in results]
    sent = send(
        client,
        [(drafts[place].sku, bodies[place]) for place in left],
        key=lambda row: row[0],
        write=lambda batch: {0: _post(client, *batch[0])},
        size=1,
        has_begun=any(place in results for place in bodies),
    )
    results |= dict(zip(left, sent, strict=True))
    return tuple(results[place] for place in range(len(drafts)))


def _row(reader: CatalogReader, draft: ProductDraft) -> dict[str, Any]:
    if draft.product is not None:
        return goods.changes(draft, reader.gtin_attribute)
    structure = reader.structure
    return goods.creation(
        draft, reader.gtin_attribute, structure.attribute_set_id(), structure.websites()
    )


def _identity(body: Mapping[str, Any]) -> str:
    product = body.get("product")
    return goods.sku_key(str(product.get("sku"))) if isinstance(product, Mapping) else ""


def _post(client: Client, sku: str, body: Mapping[str, Any]) -> RowResult:
    reply = client.request("POST", PATH, body=body, scope=ALL, purpose="write a product")
    return RowResult(key=sku, external_id=str(Reader(reply.json(), "product").integer("id")))
