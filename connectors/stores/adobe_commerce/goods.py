"""Commerce's products into ``records.StoreProduct`` and back: pure.

A variant is a product of its own; the configurable product above it has a SKU but no price and no
stock. Source: Adobe, catalog REST schema.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import ProductDraft, StoreProduct
from connectors.stores.adobe_commerce.amounts import tidy, to_instant

FIELDS = "id,sku,name,price,status,visibility,type_id,updated_at,custom_attributes"
# Stock is kept for these; the others are made up of them or are not things.
STOCKED = frozenset({"simple", "virtual", "downloadable"})
COMPOSED = frozenset({"configurable", "grouped"})
SKU_LENGTH = 64
NAME_LENGTH = 255
ENABLED, DISABLED = 1, 2
CATALOG_AND_SEARCH = 4
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,59}")


def to_product(
    raw: Mapping[str, Any], gtin_attribute: str = "", *, now: datetime | None = None
) -> StoreProduct:
    """Prices are rounded to the database's four places: PHP prints floats. A special price that is
    over by ``now`` (aware), or has not begun, is left out."""
    row = Reader(raw, "products[]")
    kind = row.text("type_id", "simple")
    custom = attributes(raw)
    price = None if kind in COMPOSED or is_dynamic(raw) else row.decimal("price", Decimal(0))
    special = custom.get("special_price") if _in_force(custom, now) else None
    return StoreProduct(
        product_id=str(row.integer("id")),
        sku=row.text("sku"),
        name=row.text("name", ""),
        gtin=str(custom.get(gtin_attribute) or "") if gtin_attribute else "",
        price=None if price is None else tidy(price),
        sale_price=tidy(Decimal(str(special))) if _is_number(special) else None,
        tracks_stock=kind in STOCKED,
        # A variant is not visible by itself, and is found through its configurable product.
        is_visible=row.integer("status", ENABLED) == ENABLED,
        modified_at=row.convert("updated_at", to_instant) if "updated_at" in row else None,
    )


def is_sold(raw: Mapping[str, Any]) -> bool:
    """Whether it is sold under its own SKU: what is put together is sold as its parts."""
    return raw.get("type_id") not in COMPOSED and not is_dynamic(raw)


def is_dynamic(raw: Mapping[str, Any]) -> bool:
    """A bundle whose price is the sum of its parts."""
    return raw.get("type_id") == "bundle" and str(attributes(raw).get("price_type", "0")) == "0"


def attributes(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {
        row.text("attribute_code"): row.raw("value")
        for row in Reader(raw, "products[]").items("custom_attributes")
    }


def same_sku(one: str, other: str) -> bool:
    return sku_key(one) == sku_key(other)


def sku_key(sku: str) -> str:
    """As the store's database compares: without case and outer blanks."""
    return sku.strip().casefold()


def refused(draft: ProductDraft) -> str:
    """Why a draft cannot be sent at all, in words; empty if it can."""
    if not draft.name.strip():
        return "The item has no name, and a product cannot be without one."
    if len(draft.name) > NAME_LENGTH:
        return f"The item's name is longer than the {NAME_LENGTH} characters of a product's name."
    if not draft.sku.strip():
        return "The item has no number to be the product's SKU."
    if len(draft.sku.strip()) > SKU_LENGTH:
        return f"The item's number is longer than the {SKU_LENGTH} characters of a SKU."
    for name in draft.fields:
        if not _ATTRIBUTE.fullmatch(name):
            return f"“{name}” cannot be the code of a product attribute."
    return ""


def changes(draft: ProductDraft, gtin_attribute: str) -> dict[str, Any]:
    """What is brought into agreement. An empty text takes nothing away: the store's may be the
    merchant's own. Price, visibility and websites are not touched."""
    row: dict[str, Any] = {
        "sku": draft.product.sku if draft.product else draft.sku.strip(),
        "name": draft.name.strip(),
    }
    if draft.weight > 0:
        row["weight"] = draft.weight
    custom = dict(draft.fields)
    if draft.description:
        custom["description"] = draft.description
    if draft.gtin and gtin_attribute:
        custom[gtin_attribute] = draft.gtin
    if custom:
        row["custom_attributes"] = [
            {"attribute_code": name, "value": value} for name, value in custom.items()
        ]
    return row


def creation(
    draft: ProductDraft, gtin_attribute: str, attribute_set_id: int, website_ids: Sequence[int]
) -> dict[str, Any]:
    """A new simple product, disabled unless the draft says otherwise. Without ``website_ids`` it
    belongs to every website, as the scope ``all`` gives it."""
    row = changes(draft, gtin_attribute)
    custom = {one["attribute_code"]: one for one in row.pop("custom_attributes", ())}
    # Made from the name alone, as the store would, two items of one name could not both be made.
    key = {"attribute_code": "url_key", "value": url_key(f"{draft.name} {draft.sku}")}
    row |= {
        "attribute_set_id": attribute_set_id,
        "price": draft.price,
        "status": ENABLED if draft.is_visible else DISABLED,
        "visibility": CATALOG_AND_SEARCH,
        "type_id": "simple",
        "custom_attributes": list(({"url_key": key} | custom).values()),
    }
    if website_ids:
        row["extension_attributes"] = {"website_ids": list(website_ids)}
    return row


def url_key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _in_force(custom: Mapping[str, Any], now: datetime | None) -> bool:
    """By whole days, as their zone is not told: one that is surely over, or surely not begun."""
    if now is None:
        return True
    begin, end = (
        to_instant(str(custom[name])) if custom.get(name) else None
        for name in ("special_from_date", "special_to_date")
    )
    day = timedelta(days=1)
    return (begin is None or begin <= now + day) and (end is None or now < end + day)


def _is_number(value: Any) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", str(value)))
