"""The start of an environment: three companies, their setup and products.

``dat`` is the company of the service's user, in which nothing is sold; ``acuk`` (GBP) and
``acie`` (EUR) trade. Main accounts: 130100 receivables, 110180 bank, 202100 sales tax, 401100
sales, 401200 shipping, 401210 handling, 401220 gift wrapping, 401230 fees, 401300 discounts,
250100 gift cards, 250200 the store's sales tax, 618900 rounding.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.common.catalogue import ERP_ONLY, PRODUCTS, Product
from sandbox.common.people import make_person

Seeded = Iterator[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Company:
    id: str
    name: str
    currency: str
    country: str


COMPANIES = {
    company.id: company
    for company in (
        Company("dat", "Company accounts data", "USD", "USA"),
        Company("acuk", "Acme Outdoor Ltd", "GBP", "GBR"),
        Company("acie", "Acme Outdoor Ireland", "EUR", "IRL"),
    )
}
TRADING = tuple(company for company in COMPANIES if company != "dat")
# Code -> (name, symbol, sales rounding, units of it for one GBP)
CURRENCIES = {
    "GBP": ("Pound sterling", "£", "0.01", "1"),
    "EUR": ("Euro", "€", "0.01", "1.16"),
    "USD": ("US dollar", "$", "0.01", "1.31"),
    "JPY": ("Japanese yen", "¥", "1", "197"),
    "KWD": ("Kuwaiti dinar", "KD", "0.001", "0.40"),
}
# Country or region id -> ISO code
COUNTRIES = {
    "GBR": "GB", "IRL": "IE", "DEU": "DE", "FRA": "FR", "USA": "US", "NLD": "NL", "ESP": "ES",
    "ITA": "IT", "JPN": "JP", "KWT": "KW", "CAN": "CA", "AUS": "AU",
}  # fmt: skip
STATES = {
    "GBR": ("ENG", "SCT", "WLS", "NIR"),
    "IRL": ("C", "D", "G"),
    "DEU": ("BY", "NW"),
    "USA": ("CA", "NY", "WA"),
}
LANGUAGES = ("en-GB", "en-US", "en-IE", "de", "fr")
# Tax code -> percent
TAX_CODES = {"VAT20": Decimal(20), "VAT5": Decimal(5), "VAT0": Decimal(0), "VAT23": Decimal(23)}
# Sales tax group -> (description, country of its default criteria, tax codes)
TAX_GROUPS = {
    "GB-DOM": ("United Kingdom", "GBR", ("VAT20", "VAT5", "VAT0")),
    "IE-DOM": ("Ireland", "IRL", ("VAT23", "VAT0")),
    "EXPORT": ("Export", "", ("VAT0",)),
}
TAX_ITEM_GROUPS = {
    "FULL": ("Standard rate", ("VAT20", "VAT23")),
    "REDUCED": ("Reduced rate", ("VAT5",)),
    "ZERO": ("Zero rate", ("VAT0",)),
    "EXEMPT": ("No sales tax", ("VAT0",)),
}
ITEM_GROUP_OF = {"STANDARD": "FULL", "REDUCED": "REDUCED", "ZERO": "ZERO"}
SITES = {"MAIN": "1", "WEB": "1", "DUBLIN": "2"}
MAIN_ACCOUNTS = (
    "110180", "130100", "202100", "250100", "250200", "401100", "401200", "401210", "401220",
    "401230", "401300", "618900",
)  # fmt: skip
BANKS = ("OPER", "UK-OPER", "CARD-CLR")
JOURNAL_NAMES = ("CUSTPAY", "WEBPAY", "REFUND")
DELIVERY_MODES = ("Standard", "Express", "Pickup")
DELIVERY_TERMS = ("DAP", "EXW")
ORDER_ORIGINS = ("Ecom", "Phone")
RETURN_REASONS = ("DEFECT", "WRONG", "CHANGED", "REFUND")
# Return disposition -> whether goods must arrive first
DISPOSITIONS = {"CREDIT": False, "RETURN": True, "SCRAP": True}
POSTING_PROFILE, PREPAYMENT_PROFILE = "GEN", "PRE"
DIMENSION_VALUES = {
    "CostCenter": ("007", "008"),
    "Department": ("022", "023"),
    "BusinessUnit": ("001", "WEB-UK", "WEB-IE"),
    "ItemGroup": ("Goods", "Services"),
}
# Items that stand for an order's charges: number -> (name, tax item group)
SERVICE_ITEMS = {
    "FREIGHT": ("Shipping", "FULL"),
    "HANDLING": ("Handling", "FULL"),
    "GIFT-WRAP": ("Gift wrapping", "FULL"),
    "SERVICE-FEE": ("Service fee", "FULL"),
    "DISCOUNT": ("Discount granted", "FULL"),
    "GIFT-CARD": ("Gift card", "EXEMPT"),
    "STORE-TAX": ("Sales tax as the store charged it", "EXEMPT"),
    "ROUNDING": ("Rounding", "EXEMPT"),
}
# Masters of which some of the store's articles are variants: number -> (name, {size: sku})
MASTERS = {"SOCK-MER": ("Merino socks", {"M": "SOCK-MER-M", "L": "SOCK-MER-L"})}


def rows(items_only: bool) -> Seeded:
    """(table, row) of everything. With ``items_only`` every SKU is an item of its own."""
    yield "DimensionParameters", {"Key": 0}
    for name in DIMENSION_VALUES:
        yield "DimensionAttributes", {"DimensionName": name, "ReportColumnName": name}
        for value in DIMENSION_VALUES[name]:
            yield (
                "FinancialDimensionValues",
                {"FinancialDimension": name, "LegalEntityId": "", "DimensionValue": value},
            )
    for code, (name, symbol, step, _) in CURRENCIES.items():
        yield (
            "Currencies",
            {
                "CurrencyCode": code,
                "Name": name,
                "Symbol": symbol,
                "GeneralRoundingRule": Decimal(step),
                "RoundingRuleSalesOrders": Decimal(step),
                "RoundingRulePrices": Decimal(step),
            },
        )
    for company in COMPANIES.values():
        yield from _company(company)
        if company.id in TRADING:
            yield from _products(company, items_only)


def _company(company: Company) -> Seeded:
    area = {"dataAreaId": company.id}
    shown = {"Name": company.name, "LanguageId": "en-GB", "PartyNumber": f"LE-{company.id}"}
    yield "Companies", {"DataArea": company.id, "KnownAs": company.name, **shown}
    yield (
        "LegalEntities",
        {
            "LegalEntityId": company.id.upper(),
            "CompanyName": company.name,
            "CompanyCountry": company.country,
            "AddressCountryRegionId": company.country,
            "AddressCountryRegionISOCode": COUNTRIES[company.country],
            **shown,
        },
    )
    for group, words in (("WEB", "Web shop customers"), ("TRADE", "Trade customers")):
        yield (
            "CustomerGroups",
            {
                **area,
                "CustomerGroupId": group,
                "Description": words,
                "PaymentTermId": "Net14" if group == "WEB" else "Net30",
            },
        )
    for name, days in (("COD", 0), ("Net14", 14), ("Net30", 30)):
        yield "PaymentTerms", {**area, "Name": name, "Description": name, "NumberOfDays": days}
    for name in ("CARD", "PAYPAL", "BANK", "GIFTCARD", "CREDIT"):
        yield (
            "CustomerPaymentMethods",
            {**area, "Name": name, "Description": name.title(), "AccountType": "Bank"},
        )
    for name, (words, country, _) in TAX_GROUPS.items():
        yield (
            "TaxGroups",
            {
                **area,
                "TaxGroupCode": name,
                "Description": words,
                "DefaultCriteriaCountryId": country,
            },
        )
    for name, (words, codes) in TAX_ITEM_GROUPS.items():
        for code in codes:
            yield (
                "TaxItemGroups",
                {**area, "TaxItemGroupCode": name, "TaxCodeId": code, "Description": words},
            )
    for name, site in SITES.items():
        yield (
            "Warehouses",
            {
                **area,
                "WarehouseId": name,
                "OperationalSiteId": site,
                "WarehouseName": f"{name.title()} warehouse",
                "PrimaryAddressCountryRegionId": company.country,
            },
        )


def _products(company: Company, items_only: bool) -> Seeded:
    variants = {sku: master for master, (_, sizes) in MASTERS.items() for sku in sizes.values()}
    for product in (*PRODUCTS, *ERP_ONLY):
        if items_only or product.sku not in variants:
            yield from item(company.id, product.sku, product.name, product)
    # An item number may begin with a blank, and is then not the one without it.
    yield from item(company.id, " SPARE-PEG", "Spare tent peg", ERP_ONLY[0])
    for number, (name, group) in SERVICE_ITEMS.items():
        yield from item(company.id, number, name, None, group)
    if not items_only:
        for master, (name, sizes) in MASTERS.items():
            yield from _master(company.id, master, name, sizes)


def item(company: str, number: str, name: str, product: Product | None, group: str = "") -> Seeded:
    """A released product with its stock; without ``product`` it is a service."""
    row = {
        "dataAreaId": company,
        "ItemNumber": number,
        "ProductNumber": number,
        "ProductSearchName": name[:20].upper(),
        "SearchName": name[:20].upper(),
        "SalesUnitSymbol": "ea",
        "InventoryUnitSymbol": "ea",
        "PurchaseUnitSymbol": "ea",
        "SalesPriceQuantity": Decimal(1),
        "StorageDimensionGroupName": "SiteWH",
        "TrackingDimensionGroupName": "None",
        "ProductType": "Service",
        "SalesSalesTaxItemGroupCode": group,
        "ProductGroupId": "Services",
        "_name": name,
        "_blocked": False,
    }
    if product is not None:
        rate = 1 + product.rate
        row |= {
            "ProductType": "Item",
            "ProductGroupId": "Goods",
            "SalesSalesTaxItemGroupCode": group or ITEM_GROUP_OF[product.vat_code],
            "SalesPrice": (product.price_inc_tax / rate).quantize(Decimal("0.01")),
            "UnitCost": (product.price_inc_tax / 2).quantize(Decimal("0.01")),
            "UnitCostQuantity": Decimal(1),
        }
        yield "WarehousesOnHandV2", _on_hand(company, number, name)
    yield "ReleasedProductsV2", row


def _on_hand(company: str, number: str, name: str, size: str = "") -> dict[str, Any]:
    return {
        "dataAreaId": company,
        "ItemNumber": number,
        "ProductSizeId": size,
        "InventorySiteId": "1",
        "InventoryWarehouseId": "WEB",
        "ProductName": name,
        **dict.fromkeys(
            ("OnHandQuantity", "AvailableOnHandQuantity", "TotalAvailableQuantity"), Decimal(40)
        ),
    }


def _master(company: str, number: str, name: str, sizes: dict[str, str]) -> Seeded:
    by_sku = {product.sku: product for product in PRODUCTS}
    first = by_sku[next(iter(sizes.values()))]
    for table, row in item(company, number, name, first):
        if table == "ReleasedProductsV2":
            yield (
                table,
                {**row, "ProductSubType": "ProductMaster", "ProductDimensionGroupName": "Size"},
            )
    for size, sku in sizes.items():
        yield "WarehousesOnHandV2", _on_hand(company, number, by_sku[sku].name, size)
        yield (
            "ReleasedProductVariantsV2",
            {
                "dataAreaId": company,
                "ProductMasterNumber": number,
                "ProductSizeId": size,
                "ItemNumber": number,
                "ProductName": by_sku[sku].name,
                "ProductSearchName": sku,
                "ProductVariantNumber": sku,
                "SalesSalesTaxItemGroupCode": ITEM_GROUP_OF[by_sku[sku].vat_code],
            },
        )


def customers(company: str, count: int, chance: random.Random) -> Seeded:
    """The one account of all guests, and customers whom the company knew before."""
    ids = {iso: country for country, iso in COUNTRIES.items()}
    common = {
        "dataAreaId": company,
        "CustomerGroupId": "WEB",
        "SalesCurrencyCode": COMPANIES[company].currency,
        "LanguageId": "en-GB",
        "PaymentTerms": "Net14",
    }
    yield (
        "CustomersV3",
        {
            **common,
            "CustomerAccount": "WEB-GUEST",
            "PartyType": "Organization",
            "PartyNumber": f"G-{company}",
            "OrganizationName": "Web shop guests",
            "NameAlias": "Web shop guests",
            "AddressCountryRegionId": COMPANIES[company].country,
        },
    )
    for number in range(1, count + 1):
        person = make_person(chance)
        name = f"{person.first_name} {person.last_name}"
        address = {
            "AddressStreet": "\n".join(part for part in (person.street_1, person.street_2) if part),
            "AddressCity": person.city,
            "AddressZipCode": person.postal_code,
            "AddressCountryRegionId": ids[person.country_code],
            "AddressCountryRegionISOCode": person.country_code,
        }
        key = {
            "dataAreaId": company,
            "CustomerAccount": f"{company.upper()}-{number:06d}",
            "AddressLocationId": f"K-{company}-{number:06d}",
        }
        yield "CustomerPostalAddressesV2", {**key, **address, "IsPrimary": "Yes"}
        yield (
            "CustomersV3",
            {
                **common,
                **key,
                **address,
                "PartyType": "Person",
                "PartyNumber": f"K-{company}-{number:06d}",
                "PersonFirstName": person.first_name,
                "PersonLastName": person.last_name,
                "OrganizationName": name,
                "NameAlias": name[:20],
                "PrimaryContactEmail": person.email,
                "PrimaryContactPhone": person.phone,
            },
        )
