"""BigCommerce's products and variants into ``records.StoreProduct``: pure.

What is sold is a product without options, known by its own SKU, or one variant of a product with
options. A product without options has a base variant all the same, which inherits the product's
price unless it was given one of its own; then that is what shoppers see, and what is written.
Source: Catalog V3, "Products" and "Product Variants".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.kit.reader import Reader
from connectors.records import StoreProduct

PRODUCT_FIELDS = (
    "name,sku,upc,gtin,price,sale_price,inventory_level,inventory_tracking,is_visible,"
    "date_modified,base_variant_id"
)
VARIANT_FIELDS = "product_id,sku,upc,price,sale_price,inventory_level,option_values"


def has_options(product: Mapping[str, Any]) -> bool:
    """A product with options has no base variant."""
    return product.get("base_variant_id") is None


def sold_as(
    raw: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]
) -> Iterator[StoreProduct]:
    """What shoppers can buy of a product. One with options has an entry of its own too if it has a
    SKU that none of its variants has: an ERP may keep it as one item."""
    product = Reader(raw, "product")
    if not has_options(raw) or (variants and not any(row.get("option_values") for row in variants)):
        yield _simple(product, variants)
        return
    skus = set()
    for row in variants:
        variant = _variant(product, Reader(row, "variant"))
        skus.add(variant.sku.casefold())
        yield variant
    sku = product.text("sku", "")
    if sku and sku.casefold() not in skus:
        yield _whole(product, "")


def _simple(product: Reader, variants: Sequence[Mapping[str, Any]]) -> StoreProduct:
    base = Reader(variants[0], "variant") if variants else None
    if base is not None and "price" in base:
        own = base.decimal("price")
        if own != product.decimal("price", own):
            return _whole(product, str(base.integer("id")), own, _sale(base, product))
    return _whole(product, "")


def _whole(
    product: Reader,
    variant_id: str,
    price: Decimal | None = None,
    sale_price: Decimal | None = None,
) -> StoreProduct:
    tracks = product.text("inventory_tracking", "none") != "none"
    return StoreProduct(
        product_id=str(product.integer("id")),
        variant_id=variant_id,
        sku=product.text("sku", ""),
        name=product.text("name", ""),
        gtin=product.text("gtin", "") or product.text("upc", ""),
        price=product.decimal("price", Decimal(0)) if price is None else price,
        sale_price=_sale(product) if price is None else sale_price,
        stock=product.decimal("inventory_level", Decimal(0)) if tracks else None,
        tracks_stock=tracks,
        is_visible=product.flag("is_visible"),
        modified_at=_changed(product),
    )


def _variant(product: Reader, variant: Reader) -> StoreProduct:
    tracking = product.text("inventory_tracking", "none")
    holder = product if tracking == "product" else variant
    return StoreProduct(
        product_id=str(product.integer("id")),
        variant_id=str(variant.integer("id")),
        sku=variant.text("sku", ""),
        name=product.text("name", ""),
        gtin=variant.text("upc", ""),
        price=variant.decimal("price") if "price" in variant else None,
        inherited_price=product.decimal("price") if "price" in product else None,
        sale_price=_sale(variant, product),
        stock=holder.decimal("inventory_level", Decimal(0)) if tracking != "none" else None,
        tracks_stock=tracking != "none",
        is_visible=product.flag("is_visible"),
        modified_at=_changed(product),
    )


def _sale(*holders: Reader) -> Decimal | None:
    """The first that says one decides; zero means that there is none."""
    for holder in holders:
        if "sale_price" in holder:
            return holder.decimal("sale_price") or None
    return None


def _changed(product: Reader) -> datetime | None:
    if not product.text("date_modified", ""):
        return None
    return product.convert("date_modified", to_instant)


def to_instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def same_gtin(one: str, other: str) -> bool:
    """Barcodes of 8 to 14 digits are the same number with leading zeros."""
    return bool(one) and one.strip().lstrip("0") == other.strip().lstrip("0")
