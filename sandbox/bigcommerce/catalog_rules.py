"""What the catalogue refuses of a product or variant, and how a change is carried out."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.bigcommerce.catalogue import Catalogue
from sandbox.bigcommerce.goods import (
    DEFAULT_LOCATION,
    MOST_STOCK,
    TRACKING,
    Product,
    Variant,
)
from sandbox.bigcommerce.refused import Refused
from sandbox.bigcommerce.store import BigCommerceStore

LENGTHS = {
    "name": 250, "sku": 255, "upc": 14, "gtin": 14, "mpn": 255, "bin_picking_number": 255,
    "page_title": 255, "search_keywords": 65_535, "warranty": 65_535, "description": 1_000_000,
    "product_tax_code": 255, "brand_name": 255, "availability_description": 255,
}  # fmt: skip
AMOUNTS = ("price", "sale_price", "cost_price", "retail_price", "weight")
CHOICES = {
    "type": ("physical", "digital"),
    "inventory_tracking": TRACKING,
    "availability": ("available", "disabled", "preorder"),
    "condition": ("New", "Used", "Refurbished"),
}
FLAGS = ("is_visible", "is_featured", "is_free_shipping")
WHOLE = ("inventory_level", "inventory_warning_level", "brand_id", "tax_class_id", "sort_order")
READ_ONLY = {"id", "date_created", "date_modified", "calculated_price", "base_variant_id"}
OTHERS = {"categories", "variants", "custom_url", "custom_fields", "images", "meta_keywords"}
KNOWN = {*LENGTHS, *AMOUNTS, *CHOICES, *FLAGS, *WHOLE, *READ_ONLY, *OTHERS}
VARIANT_KNOWN = {
    "id", "cost_price", "price", "sale_price", "retail_price", "weight", "width", "height",
    "depth", "is_free_shipping", "fixed_cost_shipping_price", "purchasing_disabled",
    "purchasing_disabled_message", "upc", "inventory_level", "inventory_warning_level",
    "bin_picking_number",
}  # fmt: skip
# What a product keeps in fields of its own; the rest is kept as it was given.
OWN = {
    "name", "sku", "upc", "gtin", "description", "price", "sale_price", "weight", "type",
    "inventory_tracking", "is_visible", "inventory_level", "variants",
}  # fmt: skip
Errors = dict[str, str]


def product_faults(
    catalogue: Catalogue, given: dict[str, Any], product: Product | None
) -> tuple[Errors, bool]:
    """What is wrong, by field, and whether it is a conflict with another product only."""
    found = _value_faults(given, KNOWN)
    if product is None:
        for name in ("name", "type", "weight", "price"):
            if given.get(name) in (None, ""):
                found[name] = f"The field '{name}' is required."
    elif "name" in given and not str(given["name"] or "").strip():
        found["name"] = "The field 'name' must not be empty."
    if found:
        return found, False
    own_id = product.id if product else 0
    name = str(given.get("name", ""))
    namesake = catalogue.named(name) if name else None
    if namesake is not None and namesake.id != own_id:
        found["name"] = "The product name is a duplicate."
    sku = str(given.get("sku") or "")
    if any(other.id != own_id for other, _ in catalogue.with_sku(sku)) if sku else False:
        found["sku"] = "The product SKU is a duplicate."
    return found, True


def variant_faults(given: dict[str, Any]) -> Errors:
    return _value_faults(given, VARIANT_KNOWN, nullable=True)


def _value_faults(given: dict[str, Any], known: set[str], nullable: bool = False) -> Errors:
    found: Errors = {}
    for name, value in given.items():
        if name not in known:
            found[name] = f"The field '{name}' is not supported by this resource."
        elif value is None and nullable:
            continue
        elif name in LENGTHS and (not isinstance(value, str) or len(value) > LENGTHS[name]):
            found[name] = f"The field '{name}' must be a text of at most {LENGTHS[name]} characters"
        elif name in AMOUNTS and not _is_amount(value):
            found[name] = f"The field '{name}' must be a number that is not negative."
        elif name in CHOICES and value not in CHOICES[name]:
            found[name] = f"The field '{name}' must be one of {', '.join(CHOICES[name])}."
        elif name in FLAGS and not isinstance(value, bool):
            found[name] = f"The field '{name}' must be true or false."
        elif name in WHOLE and not _is_whole(value):
            found[name] = f"The field '{name}' must be a whole number."
    return found


def _is_amount(value: Any) -> bool:
    """Numbers, and texts of numbers as the catalogue takes them."""
    if isinstance(value, bool):
        return False
    try:
        return 0 <= Decimal(value) < 10**12
    except (InvalidOperation, TypeError, ValueError):
        return False


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_STOCK


def new_product(store: BigCommerceStore, given: dict[str, Any]) -> Product:
    """Raises Refused for variants whose SKUs are taken or whose options are missing."""
    now = store.clock.now().isoformat(timespec="seconds")
    product_id = store.next_id("product", 500_001)
    variants = [
        _new_variant(store, product_id, row, place)
        for place, row in enumerate(given.get("variants") or [])
    ] or [
        Variant(
            id=store.next_id("variant", 5_000_001),
            product_id=product_id,
            sku=given.get("sku", ""),
            upc=given.get("upc", ""),
        )
    ]
    product = Product(
        id=product_id,
        name=given["name"],
        sku=given.get("sku", ""),
        price=Decimal(given["price"]),
        variants=variants,
        created=now,
        modified=now,
        tracking="none",
        is_visible=False,
    )
    _fill(product, given)
    return product


def _new_variant(
    store: BigCommerceStore, product_id: int, row: dict[str, Any], place: int
) -> Variant:
    sku = str(row.get("sku") or "")
    if not sku or not row.get("option_values"):
        raise Refused(422, "Invalid variant", {f"variants.{place}": "needs a SKU and options"})
    if store.catalogue.with_sku(sku):
        raise Refused(
            409, "The product SKU is a duplicate.", {f"variants.{place}.sku": "duplicate"}
        )
    return Variant(
        id=store.next_id("variant", 5_000_001),
        product_id=product_id,
        sku=sku,
        upc=str(row.get("upc") or ""),
        price=_amount(row.get("price")),
        sale_price=_amount(row.get("sale_price")),
        stock={DEFAULT_LOCATION: int(row.get("inventory_level") or 0)},
        options=tuple(
            (str(value.get("option_display_name", "Option")), str(value.get("label", "")))
            for value in row["option_values"]
        ),
    )


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def apply_product(catalogue: Catalogue, product: Product, given: dict[str, Any]) -> None:
    if "name" in given or "sku" in given:
        catalogue.rename(product, given.get("name", product.name), given.get("sku", product.sku))
    _fill(product, given)
    level = given.get("inventory_level")
    if level is not None and product.tracking == "product" and level != product.level:
        catalogue.set_stock(product, None, level)
    catalogue.touch(product)


def _fill(product: Product, given: dict[str, Any]) -> None:
    for name in ("upc", "gtin", "description", "type", "is_visible"):
        if name in given:
            setattr(product, name, given[name])
    for name in ("price", "sale_price", "weight"):
        if name in given:
            setattr(product, name, Decimal(given[name]))
    product.tracking = given.get("inventory_tracking", product.tracking)
    if "upc" in given and product.base is not None:
        product.base.upc = given["upc"]
    product.more |= {
        name: value for name, value in given.items() if name not in OWN and name not in READ_ONLY
    }


def apply_variant(
    catalogue: Catalogue, product: Product, variant: Variant, given: dict[str, Any]
) -> None:
    for name in ("price", "sale_price", "weight"):
        if name in given:
            setattr(variant, name, _amount(given[name]))
    if "upc" in given:
        variant.upc = given["upc"] or ""
    level = given.get("inventory_level")
    if level is not None and product.tracking == "variant":
        catalogue.set_stock(product, variant, level)
    own = {"id", "price", "sale_price", "weight", "upc", "inventory_level"}
    variant.more |= {name: value for name, value in given.items() if name not in own}
    catalogue.touch(product, variant)
