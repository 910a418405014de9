"""Products and variants as the store keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

DEFAULT_LOCATION = 1
LOCATIONS = {
    1: ("BC-LOCATION-1", "Default location"),
    2: ("LEEDS", "Leeds warehouse"),
}
TRACKING = ("none", "product", "variant")
MOST_STOCK = 2_147_483_647


@dataclass(slots=True)
class Variant:
    """What is sold: the base variant of a product without options (no ``options``), or one
    combination of them. A price of None is the product's. ``stock`` is by location."""

    id: int
    product_id: int
    sku: str
    upc: str = ""
    price: Decimal | None = None
    sale_price: Decimal | None = None
    weight: Decimal | None = None
    stock: dict[int, int] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def sku_id(self) -> int | None:
        """The V2 id; a base variant has none."""
        return self.id - 5_000 if self.options else None


@dataclass(slots=True)
class Product:
    """``stock`` counts where ``tracking`` is ``product``; dates are ISO texts in UTC."""

    id: int
    name: str
    sku: str
    price: Decimal
    variants: list[Variant]
    created: str
    modified: str
    upc: str = ""
    gtin: str = ""
    description: str = ""
    sale_price: Decimal = Decimal(0)
    weight: Decimal = Decimal(1)
    type: str = "physical"
    tracking: str = "product"
    is_visible: bool = True
    stock: dict[int, int] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> Variant | None:
        """The base variant; None for a product with options."""
        first = self.variants[0]
        return None if first.options else first

    @property
    def level(self) -> int:
        """What the catalogue shows: the default location's stock."""
        if self.tracking == "product":
            return self.stock.get(DEFAULT_LOCATION, 0)
        if self.tracking == "variant":
            return sum(variant.stock.get(DEFAULT_LOCATION, 0) for variant in self.variants)
        return 0

    def price_of(self, variant: Variant) -> Decimal:
        """What a shopper pays for it."""
        sale = variant.sale_price if variant.sale_price is not None else self.sale_price
        return sale or (variant.price if variant.price is not None else self.price)

    def kept(self) -> dict[str, Any]:
        """The record for the journal."""
        row = {name: getattr(self, name) for name in Product.__slots__ if name != "variants"}
        row["stock"] = {str(place): level for place, level in self.stock.items()}
        row["variants"] = [
            {
                **{name: getattr(variant, name) for name in Variant.__slots__},
                "stock": {str(place): level for place, level in variant.stock.items()},
                "options": [list(pair) for pair in variant.options],
            }
            for variant in self.variants
        ]
        return row

    @classmethod
    def from_kept(cls, row: dict[str, Any]) -> Product:
        def stock(of: dict[str, Any]) -> dict[int, int]:
            return {int(place): level for place, level in of["stock"].items()}

        def money(value: Any) -> Decimal | None:
            return None if value is None else Decimal(value)

        variants = [
            Variant(
                **{
                    **each,
                    "stock": stock(each),
                    "options": tuple((name, value) for name, value in each["options"]),
                    **{name: money(each[name]) for name in ("price", "sale_price", "weight")},
                }
            )
            for each in row["variants"]
        ]
        amounts = {name: Decimal(row[name]) for name in ("price", "sale_price", "weight")}
        return cls(**{**row, "stock": stock(row), "variants": variants, **amounts})


def product_json(product: Product) -> dict[str, Any]:
    """A product in the shape of the API, without its sub-resources."""
    base = product.base
    return {
        "id": product.id,
        "name": product.name,
        "type": product.type,
        "sku": product.sku,
        "description": product.description,
        "weight": product.weight,
        "width": 0,
        "depth": 0,
        "height": 0,
        "price": product.price,
        "cost_price": 0,
        "retail_price": 0,
        "sale_price": product.sale_price,
        "map_price": 0,
        "tax_class_id": 0,
        "product_tax_code": "",
        "calculated_price": product.sale_price or product.price,
        "categories": [],
        "brand_id": 0,
        "inventory_level": product.level,
        "inventory_warning_level": 0,
        "inventory_tracking": product.tracking,
        "fixed_cost_shipping_price": 0,
        "is_free_shipping": False,
        "is_visible": product.is_visible,
        "is_featured": False,
        "warranty": "",
        "bin_picking_number": "",
        "search_keywords": "",
        "availability": "available",
        "availability_description": "",
        "condition": "New",
        "upc": product.upc,
        "mpn": "",
        "gtin": product.gtin,
        "date_created": product.created,
        "date_modified": product.modified,
        "base_variant_id": base.id if base else None,
        **product.more,
    }


def variant_json(product: Product, variant: Variant) -> dict[str, Any]:
    return {
        "id": variant.id,
        "product_id": variant.product_id,
        "sku": variant.sku,
        "sku_id": variant.sku_id,
        "price": variant.price,
        "calculated_price": product.price_of(variant),
        "sale_price": variant.sale_price,
        "retail_price": None,
        "cost_price": 0,
        "weight": variant.weight,
        "is_free_shipping": False,
        "fixed_cost_shipping_price": None,
        "purchasing_disabled": False,
        "purchasing_disabled_message": "",
        "upc": variant.upc or (product.upc if not variant.options else ""),
        "inventory_level": product.level
        if product.tracking == "product" and not variant.options
        else variant.stock.get(DEFAULT_LOCATION, 0),
        "inventory_warning_level": 0,
        "bin_picking_number": "",
        "option_values": [
            {
                "id": variant.id * 10 + place,
                "label": label,
                "option_id": variant.product_id * 10 + place,
                "option_display_name": name,
            }
            for place, (name, label) in enumerate(variant.options)
        ],
        **variant.more,
    }
