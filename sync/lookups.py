"""The lookup tables that the built-in mapping reads, and what their keys mean."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A lookup table as people see it."""

    name: str
    title: str
    help: str
    key_label: str
    value_label: str
    suggested_keys: tuple[str, ...] = ()


CHARGES = "charges"
TAX_AREAS = "tax_areas"
TAX_CODES = "tax_codes"
PAYMENT_TERMS = "payment_terms"
SHIPMENT_METHODS = "shipment_methods"
PAYMENT_ACCOUNTS = "payment_accounts"
PAYMENT_METHODS = "payment_methods"
CURRENCIES = "currencies"
EXCHANGE_RATES = "exchange_rates"
TAX_DETAILS = "tax_details"
SALES_ACCOUNTS = "sales_accounts"
CUSTOMER_CLASSES = "customer_classes"
VARIANTS = "variants"
WAREHOUSES = "warehouses"
STOCK_BUFFERS = "stock_buffers"
PRICE_TAX_RATES = "price_tax_rates"
STATES = "states"
COUNTRIES = "countries"

TABLES: dict[str, TableInfo] = {
    table.name: table
    for table in (
        TableInfo(
            CHARGES,
            "Charges and special lines",
            "Where shipping, handling, gift wrapping, fees, sold gift certificates, order "
            "discounts, the store's own tax and rounding differences are booked. The value is "
            "“account:” with a G/L account number, or “item:” with an item number.",
            "Charge",
            "Account or item",
            (
                "shipping",
                "handling",
                "wrapping",
                "fee",
                "discount",
                "gift_certificate",
                "custom_product",
                "rounding",
                "tax",
                "adjustment",
            ),
        ),
        TableInfo(
            TAX_AREAS,
            "Tax areas by country",
            "The tax area (sales tax) or VAT business posting group of a new customer, by the "
            "two-letter country code. “*” stands for every other country.",
            "Country",
            "Tax area code",
            ("*",),
        ),
        TableInfo(
            TAX_CODES,
            "Tax codes by tax class",
            "The tax group (sales tax) or VAT product posting group of a line, by the store's tax "
            "class. Without a row the item's own code counts.",
            "Tax class",
            "Tax code",
            ("no_tax",),
        ),
        TableInfo(
            PAYMENT_TERMS,
            "Payment terms by payment method",
            "Payment terms code of the document, by the store's payment method.",
            "Payment method",
            "Payment terms code",
        ),
        TableInfo(
            SHIPMENT_METHODS,
            "Shipment methods by shipping method",
            "Shipment method code of the document, by the store's shipping method.",
            "Shipping method",
            "Shipment method code",
        ),
        TableInfo(
            PAYMENT_ACCOUNTS,
            "Accounts by payment method",
            "The account that money of a payment method goes to: a clearing or bank account. “*” "
            "stands for every other method.",
            "Payment method",
            "Account",
            ("*", "gift_certificate", "store_credit"),
        ),
        TableInfo(
            PAYMENT_METHODS,
            "Payment methods",
            "The ERP's payment method or card, by the store's payment method.",
            "Payment method",
            "ERP payment method",
            ("*",),
        ),
        TableInfo(
            CURRENCIES,
            "Currency ids",
            "The ERP's own id of a currency, by its ISO code: GP's Z-US$ for USD, for instance. A "
            "row whose value is a hyphen marks the company's own currency.",
            "ISO code",
            "Currency id",
        ),
        TableInfo(
            EXCHANGE_RATES,
            "Exchange rates",
            "The rate for documents in a foreign currency, by ISO code, where the ERP does not "
            "take it from a table of its own.",
            "ISO code",
            "Exchange rate",
        ),
        TableInfo(
            TAX_DETAILS,
            "Tax details by tax class",
            "The ERP's tax detail that the store's tax is booked on, by the store's tax class. "
            "“*” stands for every other class.",
            "Tax class",
            "Tax detail",
            ("*",),
        ),
        TableInfo(
            SALES_ACCOUNTS,
            "Sales accounts by item class",
            "The revenue account of a line of goods, by the item's class in the ERP. “*” stands "
            "for every other class.",
            "Item class",
            "Account",
            ("*",),
        ),
        TableInfo(
            CUSTOMER_CLASSES,
            "Customer classes by customer group",
            "The class or group of a new customer, by the store's customer group. “*” stands for "
            "every other group, and for shoppers without one.",
            "Customer group",
            "Customer class",
            ("*",),
        ),
        TableInfo(
            VARIANTS,
            "Product variants",
            "Which variant a SKU is, where the ERP keeps variants by dimension values: the item "
            "number, then the values, as in “T0004;color=Blue;size=M”.",
            "SKU",
            "Item and dimension values",
        ),
        TableInfo(
            WAREHOUSES,
            "Warehouses by shipping method",
            "The warehouse or location that ships, by the store's shipping method. “*” stands for "
            "every other method.",
            "Shipping method",
            "Warehouse",
            ("*",),
        ),
        TableInfo(
            STATES,
            "States and counties",
            "The ERP's id of a state, by the country's two-letter code and the store's name of the "
            "state: “US California” is CA, for instance. Without a row no state is sent.",
            "Country and state",
            "State id",
        ),
        TableInfo(
            COUNTRIES,
            "Country ids",
            "The ERP's id of a country, by the two-letter code, where it is not the ISO code that "
            "the connection expects.",
            "Country",
            "Country id",
        ),
        TableInfo(
            STOCK_BUFFERS,
            "Safety stock by item class",
            "How many pieces the store never shows, by the item's class in the ERP. “*” stands for "
            "every other class.",
            "Item class",
            "Pieces",
            ("*",),
        ),
        TableInfo(
            PRICE_TAX_RATES,
            "Tax rates of prices by item class",
            "The tax in percent that is added to a price or taken out of it, by the item's class "
            "in the ERP: 0 for zero-rated goods. “*” stands for every other class; without a row "
            "the route's tax rate counts.",
            "Item class",
            "Percent",
            ("*",),
        ),
    )
}


def normal_key(key: str) -> str:
    """Keys are compared without case and without outer blanks."""
    return " ".join(key.split()).casefold()
