"""New products, and names and texts of those that are there.

A product is created one at a time; changes go ten at a time. A variant has no name and no texts of
its own: of those only the barcode is written. Source: Catalog V3, "Products".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.errors import Rejected
from connectors.records import ProductDraft, RowResult
from connectors.stores.bigcommerce.batches import send
from connectors.stores.bigcommerce.catalog import PRODUCTS, VARIANTS, CatalogReader
from connectors.stores.bigcommerce.client import Client
from connectors.stores.bigcommerce.errors import BatchRefused
from connectors.stores.bigcommerce.prices import PRODUCT_BATCH, VARIANT_BATCH

NAME_LENGTH = 250
# Fields of a product that a mapping may fill, and how their texts are read.
TEXTS = frozenset(
    {"brand_name", "mpn", "bin_picking_number", "page_title", "search_keywords", "warranty",
     "product_tax_code", "availability", "condition", "type", "inventory_tracking"}
)  # fmt: skip
NUMBERS = frozenset({"tax_class_id", "brand_id", "sort_order"})
LISTS = frozenset({"categories"})


def write(
    client: Client, reader: CatalogReader, drafts: Sequence[ProductDraft]
) -> tuple[RowResult, ...]:
    """One result a draft, in their order."""
    results: dict[int, RowResult] = {}
    groups: dict[str, list[int]] = {"new": [], PRODUCTS: [], VARIANTS: []}
    drafts = _whole_products(reader, drafts)
    has_begun = False
    for place, draft in enumerate(drafts):
        words = refused(draft)
        if words:
            results[place] = RowResult(key=draft.sku, error=words)
        elif draft.product is None:
            groups["new"].append(place)
        else:
            groups[VARIANTS if draft.product.variant_id else PRODUCTS].append(place)
    for path, size in ((PRODUCTS, PRODUCT_BATCH), (VARIANTS, VARIANT_BATCH)):
        places = groups[path]

        def put(batch: Sequence[ProductDraft], path: str = path) -> Mapping[int, str]:
            rows = [changes(draft) for draft in batch]
            client.write("PUT", path, rows, "write names and texts")
            return {at: draft.product.product_id for at, draft in enumerate(batch) if draft.product}

        # A variant without a barcode has nothing to be written.
        silent = [place for place in places if len(changes(drafts[place])) == 1]
        for place in silent:
            product = drafts[place].product
            known = product.product_id if product else ""
            results[place] = RowResult(key=drafts[place].sku, external_id=known)
        places = [place for place in places if place not in set(silent)]
        rows = [drafts[place] for place in places]
        sent = send(rows, size=size, key=_sku, write=put, has_begun=has_begun)
        has_begun = has_begun or bool(sent)
        results |= dict(zip(places, sent, strict=True))

    def post(batch: Sequence[ProductDraft]) -> Mapping[int, str]:
        return {0: _create(client, reader, batch[0])}

    places = groups["new"]
    rows = [drafts[place] for place in places]
    made = send(rows, size=1, key=_sku, write=post, has_begun=has_begun)
    results |= dict(zip(places, made, strict=True))
    if places:
        reader.forget()
    return tuple(results[place] for place in range(len(drafts)))


def _whole_products(
    reader: CatalogReader, drafts: Sequence[ProductDraft]
) -> Sequence[ProductDraft]:
    """A product without options can be known by its base variant, for its price's sake: its name
    and texts are the product's."""
    asked = [draft.product.product_id for draft in drafts if draft.product and _id_of(draft)]
    if not asked:
        return drafts
    bases = {key: row.get("base_variant_id") for key, row in reader.tracking(asked).items()}
    return [
        replace(draft, product=replace(draft.product, variant_id=""))
        if draft.product
        and _id_of(draft)
        and str(bases.get(draft.product.product_id)) == _id_of(draft)
        else draft
        for draft in drafts
    ]


def _id_of(draft: ProductDraft) -> str:
    return draft.product.variant_id if draft.product else ""


def refused(draft: ProductDraft) -> str:
    """Why the draft cannot be sent at all, in words; empty if it can."""
    if not draft.name.strip():
        return "The item has no name, and a product cannot be without one."
    if len(draft.name) > NAME_LENGTH:
        return (
            f"The item's name is longer than the {NAME_LENGTH} characters that a product can have."
        )
    for name, value in draft.fields.items():
        if name not in TEXTS | NUMBERS | LISTS:
            return f"BigCommerce's products have no field “{name}” that can be filled."
        if name in NUMBERS and not value.strip().isdigit():
            return f"The field “{name}” must be a number, not “{value}”."
        if name in LISTS and not all(part.strip().isdigit() for part in value.split(",")):
            return f"The field “{name}” must be ids with commas between, not “{value}”."
    return ""


def changes(draft: ProductDraft) -> dict[str, Any]:
    """What is brought into agreement. An empty text takes nothing away: the store's may be the
    merchant's own. Price and visibility are not touched."""
    assert draft.product is not None
    if draft.product.variant_id:
        row: dict[str, Any] = {"id": int(draft.product.variant_id)}
        return row | ({"upc": draft.gtin} if draft.gtin else {})
    return {"id": int(draft.product.product_id), **_texts(draft)}


def _texts(draft: ProductDraft) -> dict[str, Any]:
    row: dict[str, Any] = {"name": draft.name}
    if draft.description:
        row["description"] = draft.description
    if draft.gtin:
        row |= {"upc": draft.gtin, "gtin": draft.gtin}
    if draft.weight:
        row["weight"] = draft.weight
    for name, value in draft.fields.items():
        if name in LISTS:
            row[name] = [int(part) for part in value.split(",")]
        else:
            row[name] = int(value) if name in NUMBERS else value
    return row


def creation(draft: ProductDraft) -> dict[str, Any]:
    """A new product. Its stock is counted from the start, at zero: nothing is sold before the ERP
    said how many there are."""
    return {
        "type": "physical",
        "inventory_tracking": "product",
        **_texts(draft),
        "sku": draft.sku,
        "price": draft.price,
        "weight": draft.weight or Decimal(0),
        "is_visible": draft.is_visible,
    }


def _create(client: Client, reader: CatalogReader, draft: ProductDraft) -> str:
    """The id of the new product. One that is there already, because an answer was lost, is brought
    into agreement. Raises Rejected for a name or SKU of another product."""
    try:
        rows = client.write("POST", PRODUCTS, creation(draft), "create a product")
    except Rejected as error:
        if error.code != "http_409":
            raise
        same = reader.find([draft.sku]).get(draft.sku, ())
        if len(same) != 1 or same[0].variant_id or same[0].name != draft.name:
            raise BatchRefused(
                error.detail,
                reason="Another product of the store has this name or SKU already.",
                vendor_words=error.vendor_words,
                code=error.code,
                rows={},
            ) from error
        client.write("PUT", PRODUCTS, [changes(replace(draft, product=same[0]))], "write texts")
        return same[0].product_id
    return str(rows[0].get("id") or "") if rows else ""


def _sku(draft: ProductDraft) -> str:
    return draft.sku
