"""Items, prices and stock as an ERP keeps them, and products as a store shows them.

``number`` is the item's key in the ERP: the number, or for a variant the number and what tells it
apart, in one text. A SKU in the store is matched with ``number``, else with a barcode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from connectors.records.orders import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogItem:
    """An item that can be sold. ``modified_at`` is None where the ERP does not say."""

    external_id: str
    number: str
    name: str
    description: str = ""
    gtin: str = ""
    item_class: str = ""
    unit_of_measure: str = ""
    is_blocked: bool = False
    is_stocked: bool = True  # services and fees carry no stock
    weight: Decimal | None = None
    modified_at: datetime | None = None
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPrice:
    """One price of one unit. ``price_list`` is the ERP's price list, level or group; empty is the
    item's own price. ``currency`` empty means the company's own. Open ends of validity are None."""

    number: str
    amount: Decimal
    currency: str = ""
    includes_tax: bool = False
    price_list: str = ""
    minimum_quantity: Decimal = Decimal(0)
    unit_of_measure: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLevel:
    """What of an item is at one location. ``reserved`` is what is promised and not yet gone, as
    far as the ERP can tell; ``location`` is empty where the ERP only knows the sum."""

    number: str
    on_hand: Decimal
    reserved: Decimal = Decimal(0)
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProduct:
    """What a store sells under one SKU: a product without variants, or one variant.

    ``product_id`` and ``variant_id`` are the store's. ``tracks_stock`` is False where the store
    sells it without counting. ``price`` is in the store's own currency and pricing mode, None
    where it is inherited: then ``inherited_price`` is what shoppers see, as far as the store says.
    ``is_visible`` says whether shoppers can find it.
    """

    product_id: str
    sku: str
    name: str
    variant_id: str = ""
    gtin: str = ""
    price: Decimal | None = None
    inherited_price: Decimal | None = None
    sale_price: Decimal | None = None
    stock: Decimal | None = None
    tracks_stock: bool = True
    is_visible: bool = True
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """A price to be shown for a product of the store, in the store's currency and pricing mode.
    ``sale_price`` None leaves the store's own as it is, zero ends it. ``sale_ends_at`` (aware, in
    the zone of the shop's days) is the midnight after its last day, None for no end.
    ``sale_written`` is the sale price that we wrote last: others are the merchant's."""

    product: StoreProduct
    price: Decimal
    sale_price: Decimal | None = None
    sale_ends_at: datetime | None = None
    sale_written: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockChange:
    """How many can be sold. ``location`` is the store's location or source, empty for its
    default."""

    product: StoreProduct
    quantity: Decimal
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductDraft:
    """A product to be created in the store, or names and texts to be brought into agreement.

    ``product`` is the store's own where it exists. A new product is made invisible unless
    ``is_visible`` says otherwise: people decide what is sold.
    """

    sku: str
    name: str
    description: str = ""
    gtin: str = ""
    price: Decimal = Decimal(0)
    weight: Decimal = Decimal(0)
    is_visible: bool = False
    product: StoreProduct | None = None
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row of a batch. ``key`` is the row's SKU (or customer key). ``error`` is
    empty for a row that was taken; ``vendor_words`` is the store's own text. ``again`` says that
    the row was not refused, only not reached."""

    key: str
    error: str = ""
    vendor_words: str = ""
    again: bool = False
    external_id: str = ""

    @property
    def is_taken(self) -> bool:
        return not self.error and not self.again


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A customer as either side keeps it, for keeping both in agreement.

    ``external_id`` and ``number`` are of the side that it was read from. ``addresses`` is the whole
    list where a side keeps several; the first is the main one. ``fields`` holds what only one of
    the sides has a name for (payment terms, class, group).
    """

    external_id: str
    number: str
    name: str
    email: str
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: str = ""
    addresses: tuple[Address, ...] = ()
    payment_terms: str = ""
    group: str = ""
    is_blocked: bool = False
    modified_at: datetime | None = None
    fields: dict[str, str] = field(default_factory=dict)
