"""The start of a company: chart of accounts, VAT setup, customers, items.

Accounts: 6110 sales, 6610 shipping, 6620 handling, 6630 gift wrapping, 6640 fees, 6650 gift
certificates, 6660 discounts, 6670 sales tax payable, 6690 rounding (no VAT), 2310 receivables,
5610 VAT.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from sandbox.common.assortment import more_products
from sandbox.common.catalogue import ERP_ONLY, PRODUCTS

NAMESPACE = uuid.UUID("a3a9c9a0-5d7e-4c56-9f65-0c3c5be0a001")
# VAT business group x VAT product group -> percent.
VAT = {
    ("DOMESTIC", "STANDARD"): Decimal(20),
    ("DOMESTIC", "REDUCED"): Decimal(5),
    ("DOMESTIC", "ZERO"): Decimal(0),
    ("DOMESTIC", "NOVAT"): Decimal(0),
}
CURRENCIES = {
    "EUR": ("Euro", "0.01", "1.16"),
    "USD": ("US dollar", "0.01", "1.31"),
    "JPY": ("Yen", "1", "197"),
    "KWD": ("Kuwaiti dinar", "0.001", "0.40"),
}
ACCOUNTS = (
    ("2310", "Customers, domestic", False, "NOVAT"),
    ("5610", "VAT payable", False, "NOVAT"),
    ("6110", "Sales, retail", True, "STANDARD"),
    ("6610", "Shipping charged", True, "STANDARD"),
    ("6620", "Handling charged", True, "STANDARD"),
    ("6630", "Gift wrapping", True, "STANDARD"),
    ("6640", "Service fees", True, "STANDARD"),
    ("6650", "Gift certificates sold", True, "NOVAT"),
    ("6660", "Discounts granted", True, "STANDARD"),
    ("6670", "Sales tax payable", True, "NOVAT"),
    ("6690", "Rounding differences", True, "NOVAT"),
)
COUNTRIES = ("GB", "IE", "DE", "FR", "US", "NL", "ES", "IT", "JP", "KW")


def guid(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


@cache
def _known(*parts: str) -> str:
    """The id of a setup row that many items share."""
    return guid(*parts)


def setup_rows(company: str, now: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of the small setup tables."""
    stamp = {"lastModifiedDateTime": now}

    def coded(entity: str, *codes: tuple[str, str]) -> list[dict[str, Any]]:
        return [
            {"id": guid(company, entity, code), "code": code, "displayName": name, **stamp}
            for code, name in codes
        ]

    return {
        "taxAreas": [
            {**row, "taxType": "VAT"}
            for row in coded(
                "taxAreas", ("DOMESTIC", "Domestic"), ("EU", "European Union"), ("EXPORT", "Export")
            )
        ],
        "paymentTerms": [
            {**row, "dueDateCalculation": "14D"}
            for row in coded(
                "paymentTerms",
                ("14 DAYS", "14 days net"),
                ("COD", "Cash on delivery"),
                ("PREPAID", "Paid in advance"),
            )
        ],
        "shipmentMethods": coded(
            "shipmentMethods", ("DELIVERY", "Delivery"), ("PICKUP", "Pick-up")
        ),
        "locations": coded("locations", ("MAIN", "Main warehouse"), ("WEB", "Web warehouse")),
        "currencies": [
            {
                "id": guid(company, "currencies", code),
                "code": code,
                "displayName": name,
                "symbol": "",
                "amountDecimalPlaces": "2:2",
                "amountRoundingPrecision": Decimal(precision),
                **stamp,
            }
            for code, (name, precision, _) in CURRENCIES.items()
        ],
        "accounts": [
            {
                "id": guid(company, "accounts", number),
                "number": number,
                "displayName": name,
                "category": "Income",
                "subCategory": "",
                "blocked": False,
                "accountType": "Posting",
                "directPosting": direct,
                "netChange": Decimal(0),
                **stamp,
                "_vat": vat,
            }
            for number, name, direct, vat in ACCOUNTS
        ],
    }


# The item cards of the start were made long ago: no feed tells of them as changed.
MADE_AT = "2025-01-01T08:00:00.000Z"
# The start's quantity on hand, and that of an item that a person adds.
ON_HAND, NEW_ON_HAND = Decimal(400), Decimal(40)


def items(company: str, more: int = 0) -> Iterator[dict[str, Any]]:
    """The catalogue and as many more items, all with stock."""
    for p in (*PRODUCTS, *ERP_ONLY, *more_products(more)):
        row = new_item(company, p.sku, p.name, p.gtin, p.price_inc_tax, p.vat_code)
        row["inventory"] = ON_HAND if row["type"] == "Inventory" else Decimal(0)
        yield row


def new_item(
    company: str, number: str, name: str, gtin: str, price: Decimal, vat: str
) -> dict[str, Any]:
    service = number.startswith("SERVICE")
    return {
        "id": guid(company, "items", number),
        "number": number,
        "displayName": name,
        "displayName2": "",
        "type": "Service" if service else "Inventory",
        "itemCategoryId": _known(company, "itemCategories", _category(vat)),
        "itemCategoryCode": _category(vat),
        "blocked": False,
        "gtin": gtin,
        "inventory": Decimal(0),
        "unitPrice": price,
        "priceIncludesTax": True,
        "unitCost": (price / 2).quantize(Decimal("0.01")),
        "taxGroupId": _known(company, "taxGroups", vat),
        "taxGroupCode": vat,
        "baseUnitOfMeasureId": _known(company, "units", "PCS"),
        "baseUnitOfMeasureCode": "PCS",
        "generalProductPostingGroupId": _known(company, "gppg", "RETAIL"),
        "generalProductPostingGroupCode": "RETAIL",
        "inventoryPostingGroupId": _known(company, "ipg", "RESALE"),
        "inventoryPostingGroupCode": "RESALE",
        "lastModifiedDateTime": MADE_AT,
        "_etag": 1,
    }


def _category(vat: str) -> str:
    return "BOOKS" if vat == "ZERO" else "OUTDOOR"
