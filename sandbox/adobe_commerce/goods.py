"""The start catalogue as Commerce keeps it: simples, configurables, bundles, a virtual product."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.adobe_commerce.places import WEBSITES
from sandbox.common.assortment import more_products
from sandbox.common.catalogue import PRODUCTS, STORE_ONLY

# Parent SKU -> (name, option id, {child SKU: option value}).
CONFIGURABLES: dict[str, tuple[str, str, dict[str, int]]] = {
    "BAG-DOWN": ("Down sleeping bag", "93", {"BAG-DOWN-M": 51, "BAG-DOWN-L": 52}),
    "BOOT-M": ("Leather boots", "94", {"BOOT-M-42": 61, "BOOT-M-43": 62}),
    "SHIRT-MER": ("Merino shirt", "93", {"SHIRT-MER-S": 50, "SHIRT-MER-M": 51}),
}
PARENT_OF = {child: parent for parent, row in CONFIGURABLES.items() for child in row[2]}
# SKU -> (name or none for the catalogue's, {child SKU: quantity}); a dynamic bundle's price is
# the sum of its children's.
DYNAMIC_BUNDLES = {
    "CAMP-KITCHEN": ("Camp kitchen, complete", {"STOVE-GAS": 1, "POT-1L": 1, "SPORK-TI": 2})
}
FIXED_BUNDLES = {"POT-SET": {"POT-1L": 1, "MUG-450": 2}}
VIRTUAL = frozenset({"MAP-CYCLE"})
STANDARD, ZERO_RATED = 2, 4
FIRST_ID = 101
GTIN = "ean"
ATTRIBUTE_SETS = {4: "Default", 9: "Clothing"}
START_QUANTITY = Decimal(25)


def type_of(sku: str) -> str:
    if sku in CONFIGURABLES:
        return "configurable"
    if sku in DYNAMIC_BUNDLES or sku in FIXED_BUNDLES:
        return "bundle"
    return "virtual" if sku in VIRTUAL else "simple"


def start_products(created: str, more: int = 0) -> dict[str, dict[str, Any]]:
    """Products by SKU, as they are answered; ``more`` simples of the assortment that all
    simulators share follow."""
    rows: list[tuple[str, str, Decimal | None, int, str]] = [
        (p.sku, p.name, p.price_inc_tax, STANDARD if p.rate else ZERO_RATED, p.gtin)
        for p in (*PRODUCTS, *STORE_ONLY)
    ]
    rows += [(sku, row[0], None, STANDARD, "") for sku, row in CONFIGURABLES.items()]
    rows += [(sku, row[0], None, STANDARD, "") for sku, row in DYNAMIC_BUNDLES.items()]
    rows += [(p.sku, p.name, p.price_inc_tax, STANDARD, p.gtin) for p in more_products(more)]
    return {
        sku: product(FIRST_ID + n, sku, name, price, tax_class, created, gtin)
        for n, (sku, name, price, tax_class, gtin) in enumerate(rows)
    }


def product(
    product_id: int,
    sku: str,
    name: str,
    price: Decimal | None,
    tax_class: int,
    created: str,
    gtin: str = "",
) -> dict[str, Any]:
    kind = type_of(sku)
    custom = {
        "url_key": sku.lower(),
        "tax_class_id": str(tax_class),
        "options_container": "container2",
    }
    if gtin:
        custom[GTIN] = gtin
    if sku in DYNAMIC_BUNDLES or sku in FIXED_BUNDLES:
        custom |= {"price_type": "0" if sku in DYNAMIC_BUNDLES else "1", "sku_type": "1"}
    extra: dict[str, Any] = {"website_ids": [site.id for site in WEBSITES]}
    if sku in CONFIGURABLES:
        _, option, children = CONFIGURABLES[sku]
        extra["configurable_product_options"] = [
            {
                "id": product_id,
                "attribute_id": option,
                "label": "Size",
                "position": 0,
                "values": [{"value_index": value} for value in children.values()],
                "product_id": product_id,
            }
        ]
    return {
        "id": product_id,
        "sku": sku,
        "name": name,
        "attribute_set_id": 4,
        "price": price if price is not None else Decimal(0),
        "status": 1,
        "visibility": 1 if sku in PARENT_OF else 4,
        "type_id": kind,
        "created_at": created,
        "updated_at": created,
        "weight": Decimal("0.5") if kind == "simple" else None,
        "extension_attributes": extra,
        "product_links": [],
        "options": [],
        "media_gallery_entries": [],
        "tier_prices": [],
        "custom_attributes": [
            {"attribute_code": code, "value": value} for code, value in custom.items()
        ],
    }
