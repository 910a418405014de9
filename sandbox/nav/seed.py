"""The start of a company: setup tables, items with stock at two locations, a few customers.

The chart of accounts, the VAT product groups and the currencies are those of the Business Central
simulator, so that a mapping made for one fits the other.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from sandbox.business_central import seed as shared
from sandbox.common.catalogue import ERP_ONLY, PRODUCTS, Product
from sandbox.common.people import make_person

COMPANIES = ("Acme Outdoor Ltd.", "O'Neil Trading Ltd.")
LOCAL = "GBP"
COUNTRIES = shared.COUNTRIES
CURRENCIES = shared.CURRENCIES
guid = shared.guid

Row = dict[str, Any]
CATEGORIES = {"STANDARD": "OUTDOOR", "ZERO": "BOOKS"}  # by VAT product group

_RATES = {"STANDARD": Decimal(20), "REDUCED": Decimal(5), "ZERO": Decimal(0), "NOVAT": Decimal(0)}
MORE_STOCK = Decimal(40)  # of each product beyond the catalogue
STOCK = {"MAIN": Decimal(30), "WEB": Decimal(10)}


def vat() -> dict[tuple[str, str], Decimal]:
    """VAT business group x VAT product group -> percent; no row is no VAT posting setup."""
    return {
        (business, product): rate if business == "DOMESTIC" else Decimal(0)
        for business in ("DOMESTIC", "EU", "EXPORT")
        for product, rate in _RATES.items()
    }


def setup(company: str) -> dict[str, dict[str, Row]]:
    """The small tables, each by its key."""

    def coded(table: str, *codes: tuple[str, str], **more: Any) -> dict[str, Row]:
        return {
            code: {
                "_key": code,
                "id": guid(company, table, code),
                "code": code,
                "displayName": name,
                **more,
            }
            for code, name in codes
        }

    return {
        "taxAreas": coded(
            "taxAreas",
            ("DOMESTIC", "Domestic"),
            ("EU", "European Union"),
            ("EXPORT", "Export"),
            taxType="VAT",
        ),
        "taxGroups": coded(
            "taxGroups",
            ("STANDARD", "Standard rate"),
            ("REDUCED", "Reduced rate"),
            ("ZERO", "Zero rate"),
            ("NOVAT", "Outside VAT"),
            taxType="VAT",
        ),
        "paymentTerms": coded(
            "paymentTerms",
            ("14 DAYS", "14 days net"),
            ("COD", "Cash on delivery"),
            ("PREPAID", "Paid in advance"),
            dueDateCalculation="14D",
        ),
        "paymentMethods": coded("paymentMethods", ("CARD", "Card"), ("BANK", "Bank transfer")),
        "shipmentMethods": coded(
            "shipmentMethods", ("DELIVERY", "Delivery"), ("PICKUP", "Pick-up")
        ),
        "locations": coded("locations", ("MAIN", "Main warehouse"), ("WEB", "Web warehouse")),
        "units": coded("units", ("PCS", "Piece"), ("SET", "Set")),
        "countries": coded("countries", *((code, code) for code in COUNTRIES)),
        "reasonCodes": coded("reasonCodes", ("RETURN", "Goods returned"), ("PRICE", "Price")),
        "itemCategories": coded("itemCategories", *((c, c.title()) for c in CATEGORIES.values())),
        "genBusGroups": coded("genBusGroups", ("DOMESTIC", "Domestic"), ("EU", "EU")),
        "customerGroups": coded("customerGroups", ("DOMESTIC", "Domestic"), ("FOREIGN", "Foreign")),
        "currencies": {
            code: {
                "_key": code,
                "id": guid(company, "currencies", code),
                "code": code,
                "displayName": name,
                "symbol": "",
                "amountDecimalPlaces": "2:2",
                "amountRoundingPrecision": Decimal(precision),
                "rate": Decimal(rate),
            }
            for code, (name, precision, rate) in CURRENCIES.items()
        },
        "accounts": {
            number: {
                "_key": number,
                "id": guid(company, "accounts", number),
                "number": number,
                "displayName": name,
                "category": "Income",
                "accountType": "Posting",
                "directPosting": direct,
                "blocked": False,
                "_group": group,
            }
            for number, name, direct, group in shared.ACCOUNTS
        },
    }


def items(company: str, today: str) -> dict[str, Row]:
    return {p.sku: item(company, p, today) for p in (*PRODUCTS, *ERP_ONLY)}


def item(company: str, product: Product, today: str) -> Row:
    return {
        "_key": product.sku,
        "id": guid(company, "items", product.sku),
        "number": product.sku,
        "displayName": product.name[:50],
        "description2": "",
        "itemType": "Inventory",
        "blocked": False,
        "gtin": product.gtin,
        "unitPrice": product.price_inc_tax,
        "priceIncludesTax": True,
        "unitCost": (product.price_inc_tax / 2).quantize(Decimal("0.01")),
        "taxGroupCode": product.vat_code,
        "baseUnitOfMeasureCode": "PCS",
        "genProdPostingGroup": "RETAIL",
        "inventoryPostingGroup": "RESALE",
        "itemCategoryCode": CATEGORIES.get(product.vat_code, "OUTDOOR"),
        "lastDateModified": today,
    }


def variants() -> dict[str, Row]:
    return {
        f"{number}|{code}": {
            "_key": f"{number}|{code}",
            "itemNumber": number,
            "code": code,
            "displayName": name,
        }
        for number, code, name in (
            ("HAT-WOOL", "BLUE", "Wool hat, blue"),
            ("HAT-WOOL", "RED", "Wool hat, red"),
            ("SPARE-POLE", "SHORT", "Spare tent pole, short"),
        )
    }


def customers(chance: random.Random) -> list[Row]:
    """Customers that were there before any store order: inner name -> value."""
    found: list[Row] = [
        {
            "displayName": "Web shop, cash customers",
            "addressLine1": "1 Dock Road",
            "city": "Leeds",
            "postalCode": "LS1 4AP",
            "country": "GB",
        }
    ]
    for country in ("GB", "GB", "IE"):
        person = make_person(chance, country)
        found.append(
            {
                "displayName": f"{person.first_name} {person.last_name}"[:50],
                "addressLine1": person.street_1[:50],
                "addressLine2": person.street_2[:50],
                "city": person.city,
                "state": person.state,
                "postalCode": person.postal_code,
                "country": person.country_code,
                "email": person.email,
                "phoneNumber": person.phone,
            }
        )
    return found
