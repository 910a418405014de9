"""The start of a company: chart of accounts, taxes, currencies, periods, items, customers.

Acme Outdoor Ltd keeps its books in pounds; prices are without VAT, as GP's price lists are.
"""

from __future__ import annotations

import random
import uuid
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from sandbox.common.assortment import more_products
from sandbox.common.catalogue import ERP_ONLY, PRODUCTS, Product
from sandbox.common.people import make_person
from sandbox.gp.values import five

NAMESPACE_POLICIES = uuid.UUID("5b2f7c1a-93d0-4f0e-8a41-6f2f1d1c7e02")
RECEIVABLE, SALES, BOOK_SALES = "000-1200-00", "000-4110-01", "000-4110-02"
DISCOUNT, FREIGHT, MISCELLANEOUS, TAX = "000-4180-00", "000-4400-00", "000-4410-00", "000-2310-00"
RETURNS = "000-4190-00"
ACCOUNTS = (
    (RECEIVABLE, "Accounts receivable", False),
    ("000-1100-00", "Cash in bank", False),
    (SALES, "Sales, outdoor", False),
    (BOOK_SALES, "Sales, books and maps", False),
    (DISCOUNT, "Trade discounts", False),
    (RETURNS, "Sales returns", False),
    (FREIGHT, "Freight income", False),
    (MISCELLANEOUS, "Miscellaneous income", False),
    (TAX, "VAT payable", False),
    ("000-7010-00", "Rounding differences", False),
    ("000-4110-99", "Sales, closed shop", True),
)
SERIES = {2: "Financial", 3: "Sales", 4: "Purchasing", 5: "Inventory"}
# GP's id -> ISO code, name, symbol, decimals, calculation (1 multiply, 2 divide), rate in pounds.
CURRENCIES = (
    ("Z-UK", "GBP", "Pounds sterling", "£", 2, 1, "1"),
    ("Z-EURO", "EUR", "Euro", "€", 2, 1, "0.86"),
    ("Z-US$", "USD", "US dollars", "$", 2, 2, "1.31"),
    ("Z-YEN", "JPY", "Yen", "¥", 0, 2, "197"),
    ("Z-KD", "KWD", "Kuwaiti dinars", "KD", 3, 1, "2.5"),
)
FUNCTIONAL = "Z-UK"
MADE_ON = "2025-01-02"  # the day on which the cards of the start were keyed in
TAX_DETAILS = (
    ("UKVAT20", "VAT standard", "20"),
    ("UKVAT5", "VAT reduced", "5"),
    ("UKVAT0", "VAT zero", "0"),
    ("WEBTAX", "Tax as charged by the shop", "0"),
)
TAX_SCHEDULES = (
    ("UK-STD", "VAT standard", ("UKVAT20",)),
    ("UK-RED", "VAT reduced", ("UKVAT5",)),
    ("UK-ZERO", "VAT zero", ("UKVAT0",)),
    ("WEB", "Tax as charged by the shop", ("WEBTAX",)),
)


def _named(*rows: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"Id": key, "Description": name} for key, name in rows]


def setup_tables(today: date) -> dict[str, list[dict[str, Any]]]:
    """The tables that a GP administrator keeps."""
    return {
        "accounts": [
            {"AccountNumber": number, "Description": name, "Inactive": inactive}
            for number, name, inactive in ACCOUNTS
        ],
        "currencies": [
            {
                "CurrencyId": key,
                "ISOCode": iso,
                "Description": name,
                "Symbol": symbol,
                "DecimalPlaces": places,
                "Inactive": False,
            }
            for key, iso, name, symbol, places, _, _ in CURRENCIES
        ],
        "rates": [
            rate(key, date(today.year - 1, 1, 1), date(today.year + 1, 12, 31), value, method)
            for key, _, _, _, _, method, value in CURRENCIES
            if key != FUNCTIONAL
        ],
        "tax_details": [
            {"Id": key, "Description": name, "Percent": five(Decimal(percent)), "Account": TAX}
            for key, name, percent in TAX_DETAILS
        ],
        "tax_schedules": [
            {
                "TaxScheduleId": key,
                "Description": name,
                "TaxDetails": [
                    {"TaxDetailId": detail, "Percent": five(Decimal(percent))}
                    for detail, _, percent in TAX_DETAILS
                    if detail in details
                ],
            }
            for key, name, details in TAX_SCHEDULES
        ],
        "customer_classes": [
            {
                "Id": key,
                "Description": name,
                "PaymentTermsId": terms,
                "TaxScheduleId": schedule,
                "CurrencyId": "",
                "PriceLevelId": level,
                "_account": RECEIVABLE,
            }
            for key, name, terms, schedule, level in (
                ("WEB", "Customers of the web shop", "Prepaid", "UK-STD", "RETAIL"),
                ("TRADE", "Trade customers", "Net 30", "UK-STD", "TRADE"),
            )
        ],
        "payment_terms": _named(("Net 30", "30 days net"), ("Prepaid", "Paid in advance")),
        "shipping_methods": _named(("DELIVERY", "Carrier"), ("PICKUP", "Collected")),
        "price_levels": _named(("RETAIL", "Retail prices"), ("TRADE", "Trade prices")),
        "salespeople": _named(("WEB", "The web shop")),
        "territories": _named(("WEB", "The web shop")),
        "sites": _named(("MAIN", "Main warehouse"), ("WEB", "Web warehouse")),
        "item_classes": _named(("OUTDOOR", "Outdoor goods"), ("BOOKS", "Books and maps")),
        "periods": periods(today),
    }


def rate(
    currency: str, first: date, expires: date, value: str, method: int, kind: str = "SELL"
) -> dict[str, Any]:
    """A row of an exchange table; ``method`` 1: functional = amount x rate, 2: amount / rate."""
    return {
        "ExchangeTableId": f"{currency}-{kind}",
        "CurrencyId": currency,
        "RateTypeId": kind,
        "CalculationMethod": method,
        "ExchangeDate": first.isoformat(),
        "ExpirationDate": expires.isoformat(),
        "ExchangeRate": five(Decimal(value)),
    }


def periods(today: date) -> list[dict[str, Any]]:
    """Calendar months of last year, this year and the next, each open for each series."""
    return [row for year in range(today.year - 1, today.year + 2) for row in periods_of_year(year)]


def periods_of_year(year: int) -> list[dict[str, Any]]:
    rows = []
    for month in range(1, 13):
        after = date(year + month // 12, month % 12 + 1, 1)
        for series, name in SERIES.items():
            rows.append(
                {
                    "Year": year,
                    "PeriodId": month,
                    "Series": series,
                    "SeriesName": name,
                    "FirstDay": date(year, month, 1).isoformat(),
                    "LastDay": (after - timedelta(days=1)).isoformat(),
                    "Closed": False,
                }
            )
    return rows


def net(product: Product) -> Decimal:
    return (product.price_inc_tax / (1 + product.rate)).quantize(Decimal("0.01"))


def item(number: str, name: str, price: Decimal, *, zero: bool, day: str) -> dict[str, Any]:
    return {
        "ItemNumber": number,
        "Description": name[:100],
        "ShortName": name[:15],
        "GenericDescription": "",
        "ClassId": "BOOKS" if zero else "OUTDOOR",
        "ItemType": 5 if number.startswith("SERVICE") else 1,
        "UnitOfMeasureScheduleId": "EACH",
        "TaxOption": 1,
        "TaxScheduleId": "UK-ZERO" if zero else "UK-STD",
        # Kept with an offset: 1 means no decimals.
        "DecimalPlacesQuantity": 1,
        "DecimalPlacesCurrency": 3,
        "ListPrice": five(price),
        "StandardCost": five((price / 2).quantize(Decimal("0.01"))),
        "CurrentCost": five((price / 2).quantize(Decimal("0.01"))),
        "PriceLevelId": "RETAIL",
        "Inactive": False,
        "CreatedDate": day,
        "ModifiedDate": day,
    }


def item_sites(number: str, on_hand: dict[str, Decimal]) -> list[dict[str, Any]]:
    """One record a site, and the one with a blank site that holds their sum."""
    blank = dict.fromkeys(
        (
            "QuantityAllocated",
            "QuantityBackordered",
            "QuantityOnOrder",
            "QuantityDamaged",
            "QuantityReturned",
            "QuantityInUse",
            "QuantityInService",
        ),
        five(Decimal(0)),
    )
    rows = [("", 1, sum(on_hand.values(), Decimal(0)))]
    rows += [(site, 2, quantity) for site, quantity in on_hand.items()]
    return [
        {
            "ItemNumber": number,
            "SiteId": site,
            "RecordType": kind,
            "QuantityOnHand": five(quantity),
            **blank,
        }
        for site, kind, quantity in rows
    ]


def price_rows(number: str, price: Decimal) -> list[dict[str, Any]]:
    return [
        {
            "ItemNumber": number,
            "PriceLevelId": level,
            "CurrencyId": FUNCTIONAL,
            "UnitOfMeasure": "Each",
            "FromQuantity": five(Decimal("0.00001")),
            "ToQuantity": five(Decimal("999999999999.99999")),
            "Price": five(value),
        }
        for level, value in (
            ("RETAIL", price),
            ("TRADE", (price * Decimal("0.8")).quantize(Decimal("0.01"))),
        )
    ]


def first_items(day: str, extra: int) -> dict[str, list[dict[str, Any]]]:
    """The catalogue in GP's tables, and ``extra`` made-up items for measuring."""
    tables: dict[str, list[dict[str, Any]]] = {"items": [], "item_sites": [], "item_prices": []}
    known = [(p.sku, p.name, net(p), p.vat_code == "ZERO") for p in (*PRODUCTS, *ERP_ONLY)]
    made_up = ((p.sku, p.name, net(p), False) for p in more_products(extra))
    for number, name, price, zero in chain(known, made_up):
        row = item(number, name, price, zero=zero, day=day)
        tables["items"].append(row)
        tables["item_prices"] += price_rows(number, price)
        if row["ItemType"] in (1, 2):
            stock = {"MAIN": Decimal(40), "WEB": Decimal(15)}
            tables["item_sites"] += item_sites(number, stock)
    return tables


def first_customers(seed: int, day: str, extra: int = 0) -> dict[str, list[dict[str, Any]]]:
    """A dozen customers as clerks keyed them in, with characters the code page lost as '?', and
    ``extra`` more of their kind."""
    chance = random.Random(seed)
    tables: dict[str, list[dict[str, Any]]] = {
        "customers": [],
        "addresses": [],
        "internet_addresses": [],
    }
    for number in range(1, 13 + extra):
        person = make_person(chance)
        key = f"CUST{number:05d}"

        def kept(text: str, length: int) -> str:
            return text.encode("cp1252", "replace").decode("cp1252")[:length]

        name = kept(person.company or f"{person.first_name} {person.last_name}", 64)
        place = {
            "ContactPerson": kept(f"{person.first_name} {person.last_name}", 60),
            "Address1": kept(person.street_1, 60),
            "Address2": kept(person.street_2, 60),
            "City": kept(person.city, 35),
            "State": kept(person.state, 29),
            "PostalCode": person.postal_code,
            "CountryCode": person.country_code,
            "Country": person.country,
            "Phone1": person.phone[:21],
            "TaxScheduleId": "UK-STD",
        }
        tables["customers"].append(
            {
                "CustomerId": key,
                "Name": name,
                "ShortName": name[:15],
                "StatementName": name,
                "ClassId": "TRADE" if person.company else "WEB",
                "AddressId": "PRIMARY",
                **place,
                "PaymentTermsId": "Net 30",
                "PriceLevelId": "RETAIL",
                "CreatedDate": day,
                "ModifiedDate": day,
            }
        )
        tables["addresses"].append(
            {
                "CustomerId": key,
                "AddressId": "PRIMARY",
                "ShipToName": name,
                **place,
                "ModifiedDate": day,
            }
        )
        tables["internet_addresses"].append(
            {"CustomerId": key, "AddressId": "PRIMARY", "EmailToAddress": person.email}
            | {"InternetField1": person.email}
        )
    return tables
