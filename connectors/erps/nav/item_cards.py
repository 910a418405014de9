"""Items, prices and stock as NAV's pages show them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from connectors.erps.nav.client import Json
from connectors.erps.nav.goods import ALL_CUSTOMERS
from connectors.erps.nav.metadata import plain
from connectors.erps.nav.page_documents import day_of
from connectors.errors import NeedsAttention
from connectors.kit.reader import Reader
from connectors.records import CatalogItem, ItemPrice, StockLevel

ITEM_FIELDS = (
    "No",
    "Description",
    "Type",
    "Base_Unit_of_Measure",
    "Item_Category_Code",
    "GTIN",
    "Blocked",
    "Sales_Blocked",
    "Net_Weight",
)
PRICE_FIELDS = ("No", "Unit_Price", "Price_Includes_VAT", "Base_Unit_of_Measure")
STOCK_FIELDS = ("No", "Type", "Inventory", "Qty_on_Sales_Order")
_ZERO = Decimal(0)


def item(row: Json) -> CatalogItem:
    read = Reader(row, "Item")
    number = read.text("No")
    return CatalogItem(
        external_id=number,
        number=number,
        name=read.text("Description", ""),
        gtin=read.text("GTIN", ""),
        item_class=read.text("Item_Category_Code", ""),
        unit_of_measure=read.text("Base_Unit_of_Measure", ""),
        is_blocked=read.flag("Blocked") or read.flag("Sales_Blocked"),
        is_stocked=is_stocked(read),
        weight=read.decimal("Net_Weight", _ZERO) or None,
    )


def is_stocked(read: Reader) -> bool:
    return plain(read.text("Type", "Inventory")) == "inventory"


def own_price(row: Json, currency: str) -> ItemPrice:
    read = Reader(row, "Item")
    return ItemPrice(
        number=read.text("No"),
        amount=read.decimal("Unit_Price", _ZERO),
        currency=currency,
        includes_tax=read.flag("Price_Includes_VAT"),
        unit_of_measure=read.text("Base_Unit_of_Measure", ""),
    )


def list_price(row: Json, currency: str) -> ItemPrice:
    read = Reader(row, "SalesPrices")
    return ItemPrice(
        number=read.text("Item_No"),
        amount=read.decimal("Unit_Price"),
        currency=read.text("Currency_Code", "") or currency,
        includes_tax=read.flag("Price_Includes_VAT"),
        price_list=read.text("Sales_Code", "") or ALL_CUSTOMERS,
        minimum_quantity=read.decimal("Minimum_Quantity", _ZERO),
        unit_of_measure=read.text("Unit_of_Measure_Code", ""),
        valid_from=day_of(read.text("Starting_Date", ""), "Starting_Date"),
        valid_to=day_of(read.text("Ending_Date", ""), "Ending_Date"),
    )


def level(row: Json, location: str) -> Iterator[StockLevel]:
    """What is on hand, less what sales orders promise and have not shipped."""
    read = Reader(row, "Item")
    if not is_stocked(read):
        return
    if "Inventory" not in read:
        raise NeedsAttention(
            "the item page shows no Inventory",
            reason="The item card's page does not show the field Inventory.",
            advice="Have it placed on the page in NAV, or switch the stock flow off.",
            code="settings",
        )
    yield StockLevel(
        number=read.text("No"),
        on_hand=read.decimal("Inventory"),
        reserved=max(read.decimal("Qty_on_Sales_Order", _ZERO), _ZERO),
        location=location,
    )
