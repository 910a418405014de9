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
    )
}


def normal_key(key: str) -> str:
    """Keys are compared without case and without outer blanks."""
    return " ".join(key.split()).casefold()
