"""What a person can set on a route for items, prices, stock and customers."""

from __future__ import annotations

from dataclasses import replace

from connectors.contract import Erp, Feed, Setting, Store

YES_NO = (("yes", "Yes"), ("no", "No"))
OFF = "off"
_ITEMS = (
    Setting(
        name="items_flow",
        label="Items of the ERP",
        kind="choice",
        choices=(
            (OFF, "Are left alone"),
            ("align", "Are matched with products by SKU, and what is on one side only is reported"),
            ("update", "Are matched, and name and text of the product follow the ERP"),
            ("create", "Are matched and followed, and missing products are created, hidden"),
        ),
        default=OFF,
        group="Items",
    ),
    Setting(
        name="items_by_barcode",
        label="Match products by barcode when no SKU matches",
        kind="boolean",
        choices=YES_NO,
        default="no",
        group="Items",
    ),
)
# Where the ERP has no name that a shopper may read, nothing of it is written.
_ITEMS_BY_NUMBER = (replace(_ITEMS[0], choices=_ITEMS[0].choices[:2]), *_ITEMS[1:])
_PRICES = (
    Setting(
        name="prices_flow",
        label="Prices of the ERP",
        kind="choice",
        choices=((OFF, "Are left alone"), ("write", "Are written to the store")),
        default=OFF,
        group="Prices",
    ),
    Setting(
        name="price_list",
        label="Price list, level or group",
        required=False,
        help="Empty means the item's own price.",
        group="Prices",
    ),
    Setting(
        name="sale_price_list",
        label="Price list for sale prices",
        required=False,
        help="Its price is shown as the sale price where it is lower. Both lists are then read "
        "whole with every run.",
        group="Prices",
    ),
    Setting(
        name="price_tax",
        label="Tax in prices",
        kind="choice",
        choices=(
            ("as_is", "The ERP's prices are right as they are"),
            ("add", "Prices without tax get it added"),
            ("remove", "Prices with tax get it taken out"),
        ),
        default="as_is",
        group="Prices",
    ),
    Setting(
        name="price_tax_rate",
        label="Tax rate (percent)",
        kind="decimal",
        default="0",
        group="Prices",
    ),
    Setting(
        name="price_currency",
        label="Currency of the store's prices",
        required=False,
        pattern=r"^[A-Z]{3}$",
        help="An ISO code. Prices in other currencies are left out. Empty takes those of an item "
        "that has prices in one currency only.",
        group="Prices",
    ),
    Setting(
        name="price_ending",
        label="Round prices up to an ending of",
        kind="choice",
        choices=(("0", "None"), ("0.99", ".99"), ("0.95", ".95"), ("0.90", ".90")),
        default="0",
        group="Prices",
    ),
    Setting(
        name="price_drop_limit",
        label="Hold a price that falls by more than (percent)",
        kind="decimal",
        default="30",
        help="A wrong price on a live store costs money within minutes. 0 holds none.",
        group="Prices",
    ),
)
_PRICES_WITHOUT_SALES = tuple(row for row in _PRICES if row.name != "sale_price_list")
_STOCK = (
    Setting(
        name="stock_flow",
        label="Stock of the ERP",
        kind="choice",
        choices=((OFF, "Is left alone"), ("write", "Is written to the store")),
        default=OFF,
        group="Stock",
    ),
    Setting(
        name="stock_locations",
        label="Locations that count",
        required=False,
        help="The ERP's location codes, separated by commas. Empty counts all.",
        group="Stock",
    ),
)
_OWNERS = (
    ("erp", "The ERP"),
    ("store", "The store"),
    ("last", "Whoever changed it; two different changes are held"),
)
_CUSTOMERS = (
    Setting(
        name="customers_flow",
        label="Customers of both sides",
        kind="choice",
        choices=(
            (OFF, "Are left alone"),
            ("to_store", "The ERP's customers are written to the store"),
            ("both", "Are kept in agreement"),
        ),
        default=OFF,
        group="Customers",
    ),
    Setting(
        name="customers_create",
        label="Create the ERP's customers in the store",
        kind="boolean",
        choices=YES_NO,
        default="no",
        help="Only those with an e-mail address.",
        group="Customers",
    ),
    *(
        Setting(
            name=f"customer_owner_{name}",
            label=f"{label} belongs to",
            kind="choice",
            choices=_OWNERS,
            default=owner,
            group="Customers",
        )
        for name, label, owner in (
            ("name", "The name", "last"),
            ("email", "The e-mail address", "store"),
            ("phone", "The phone number", "last"),
            ("address", "The address", "last"),
            ("payment_terms", "The payment terms", "erp"),
        )
    ),
)
_RELIEF = Setting(
    name="stock_relief_days",
    label="Days until a sale is taken off the ERP's stock",
    kind="integer",
    default="2",
    pattern=r"^\d{1,3}$",
    help="Booking a receivables document does not lower this ERP's stock. What was sold online in "
    "the last days is taken off what the store shows, so that nothing is sold twice.",
    group="Stock",
)
_STORE_LOCATION = Setting(
    name="store_location",
    label="Location or source in the store",
    required=False,
    help="Where the store keeps the stock. Empty means its default.",
    group="Stock",
)


def of_master_data(store: type[Store], erp: type[Erp]) -> tuple[Setting, ...]:
    """The settings of the flows of master data that this pair of systems can run."""
    found: list[Setting] = []
    if erp.item_feed is not Feed.NONE and "items" in store.takes:
        found += _ITEMS if erp.gives_texts else _ITEMS_BY_NUMBER
    if erp.price_feed is not Feed.NONE and "prices" in store.takes:
        found += _PRICES if store.sale_prices else _PRICES_WITHOUT_SALES
    if erp.stock_feed is not Feed.NONE and "stock" in store.takes:
        found += _STOCK
        if not erp.relieves_stock:
            found.append(_RELIEF)
        if store.locations:
            found.append(_STORE_LOCATION)
    if erp.customer_feed is not Feed.NONE and "customers" in store.takes:
        found += _CUSTOMERS
    return tuple(found)
