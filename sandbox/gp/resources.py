"""The resources of the service: address, key, fields with lengths, verbs by version, filters.

Lengths are eConnect's (taUpdateCreateCustomerRcd, taCreateCustomerAddress, taCreateInternetAddresses,
taUpdateCreateItemRcd, taRMTransaction). Verbs carry the first version that offers them: coverage
grew from GP 2015 on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.gp import wire
from sandbox.gp.values import Field

VERSIONS = (2015, 2016, 2018)


def text(length: int, **more: Any) -> Field:
    return Field("text", length, **more)


MONEY, QUANTITY, RATE = Field("money"), Field("quantity"), Field("rate")
INTEGER, FLAG, DATE = Field("integer"), Field("flag"), Field("date")
CHANGED = Field("date", read_only=True)
SCHEDULE = text(15, refers="tax_schedules", number=wire.NO_TAX_SCHEDULE)

_PLACE = {
    "ContactPerson": text(60),
    "Address1": text(60),
    "Address2": text(60),
    "Address3": text(60),
    "City": text(35),
    "State": text(29),
    "PostalCode": text(10),
    "CountryCode": text(6),
    "Country": text(60),
    "Phone1": text(21),
    "Phone2": text(21),
    "Phone3": text(21),
    "Fax": text(21),
    "ShippingMethodId": text(15, refers="shipping_methods"),
    "TaxScheduleId": SCHEDULE,
    "SalespersonId": text(15, refers="salespeople"),
    "SalesTerritoryId": text(15, refers="territories"),
}
CUSTOMER = {
    "CustomerId": text(15, required=True),
    "Name": text(64, required=True),
    "ShortName": text(15),
    "StatementName": text(64),
    "ClassId": text(15, refers="customer_classes"),
    "AddressId": text(15),
    **_PLACE,
    "PaymentTermsId": text(20, refers="payment_terms"),
    "PriceLevelId": text(10, refers="price_levels"),
    "CurrencyId": text(15, refers="currencies", number=wire.NO_CURRENCY),
    "RateTypeId": text(15),
    "TaxRegistrationNumber": text(25),
    "TaxExempt1": text(25),
    "TaxExempt2": text(25),
    "Comment1": text(30),
    "Comment2": text(30),
    "UserDefined1": text(20),
    "UserDefined2": text(20),
    "Inactive": FLAG,
    "Hold": FLAG,
    "CreatedDate": CHANGED,
    "ModifiedDate": CHANGED,
}
ADDRESS = {
    "CustomerId": text(15, required=True, refers="customers", number=wire.NO_CUSTOMER),
    "AddressId": text(15, required=True),
    "ShipToName": text(64),
    **_PLACE,
    "ModifiedDate": CHANGED,
}
INTERNET_ADDRESS = {
    "CustomerId": text(15, required=True, refers="customers", number=wire.NO_CUSTOMER),
    "AddressId": text(15, required=True),
    "InternetField1": text(200),
    "EmailToAddress": text(1000),
    "EmailCcAddress": text(1000),
    "EmailBccAddress": text(1000),
    "InternetField2": text(200),
}
TAX = {
    "TaxDetailId": text(15, required=True, refers="tax_details"),
    "TaxableSalesAmount": MONEY,
    "SalesTaxAmount": MONEY,
    "FreightTaxAmount": MONEY,
    "MiscellaneousTaxAmount": MONEY,
}
DISTRIBUTION = {
    "AccountNumber": text(75, required=True, refers="accounts", number=wire.NO_ACCOUNT),
    "DistributionType": INTEGER,
    "DebitAmount": MONEY,
    "CreditAmount": MONEY,
    "Reference": text(30),
}
TRANSACTION = {
    "DocumentType": Field("integer", required=True),
    "DocumentNumber": text(17, required=True),
    "DocumentDate": Field("date", required=True),
    "GLPostingDate": DATE,
    "BatchId": text(15, required=True),
    "BatchSource": text(15),
    "CustomerId": text(15, required=True),
    "AddressId": text(15),
    "CustomerPONumber": text(20),
    "Description": text(30),
    "SalesAmount": Field("money", required=True),
    "TradeDiscountAmount": MONEY,
    "FreightAmount": MONEY,
    "MiscellaneousAmount": MONEY,
    "TaxAmount": MONEY,
    "DocumentAmount": Field("money", required=True),
    "CostAmount": MONEY,
    "TaxScheduleId": SCHEDULE,
    "FreightTaxScheduleId": SCHEDULE,
    "MiscellaneousTaxScheduleId": SCHEDULE,
    "Taxes": Field("rows", rows=tuple(TAX.items())),
    "CurrencyId": text(15, refers="currencies", number=wire.NO_CURRENCY),
    "RateTypeId": text(15),
    "ExchangeRate": RATE,
    "ExchangeDate": DATE,
    "PaymentTermsId": text(20, refers="payment_terms"),
    "ShippingMethodId": text(15, refers="shipping_methods"),
    "SalespersonId": text(15, refers="salespeople"),
    "SalesTerritoryId": text(15, refers="territories"),
    "Distributions": Field("rows", rows=tuple(DISTRIBUTION.items())),
    "TransactionState": text(0, read_only=True),
    "CurrentDocumentAmount": Field("money", read_only=True),
    "FunctionalDocumentAmount": Field("money", read_only=True),
    "AuditTrailCode": text(13, read_only=True),
    "PostedDate": CHANGED,
    "IsVoided": Field("flag", read_only=True),
    "ModifiedDate": CHANGED,
}
BATCH = {
    "BatchSource": text(15, required=True),
    "BatchId": text(15, required=True),
    "Comment": text(60),
    "PostingDate": DATE,
    "Frequency": INTEGER,
    "Status": text(0, read_only=True),
    "NumberOfTransactions": Field("integer", read_only=True),
    "BatchTotal": Field("money", read_only=True),
    "ModifiedDate": CHANGED,
}
ITEM = {
    "ItemNumber": text(30, required=True),
    "Description": text(100),
    "ShortName": text(15),
    "GenericDescription": text(10),
    "ClassId": text(10),
    "ItemType": INTEGER,
    "UnitOfMeasureScheduleId": text(10),
    "TaxOption": INTEGER,
    "TaxScheduleId": text(15),
    "DecimalPlacesQuantity": INTEGER,
    "DecimalPlacesCurrency": INTEGER,
    "ListPrice": MONEY,
    "StandardCost": MONEY,
    "CurrentCost": MONEY,
    "PriceLevelId": text(10),
    "Inactive": FLAG,
    "CreatedDate": CHANGED,
    "ModifiedDate": CHANGED,
}
ITEM_SITE = {
    "ItemNumber": text(30),
    "SiteId": text(10),
    "RecordType": INTEGER,
    "QuantityOnHand": QUANTITY,
    "QuantityAllocated": QUANTITY,
    "QuantityBackordered": QUANTITY,
    "QuantityOnOrder": QUANTITY,
    "QuantityDamaged": QUANTITY,
    "QuantityReturned": QUANTITY,
    "QuantityInUse": QUANTITY,
    "QuantityInService": QUANTITY,
}
ITEM_PRICE = {
    "ItemNumber": text(30),
    "PriceLevelId": text(10),
    "CurrencyId": text(15),
    "UnitOfMeasure": text(8),
    "FromQuantity": QUANTITY,
    "ToQuantity": QUANTITY,
    "Price": MONEY,
}
CURRENCY = {
    "CurrencyId": text(15),
    "ISOCode": text(3),
    "Description": text(30),
    "Symbol": text(3),
    "DecimalPlaces": INTEGER,
    "Inactive": FLAG,
}
EXCHANGE_RATE = {
    "ExchangeTableId": text(15),
    "CurrencyId": text(15),
    "RateTypeId": text(15),
    "CalculationMethod": INTEGER,
    "ExchangeDate": DATE,
    "ExpirationDate": DATE,
    "ExchangeRate": RATE,
}
PERIOD = {
    "Year": INTEGER,
    "PeriodId": INTEGER,
    "Series": INTEGER,
    "SeriesName": text(0),
    "FirstDay": DATE,
    "LastDay": DATE,
    "Closed": FLAG,
}
ACCOUNT = {"AccountNumber": text(75), "Description": text(50), "Inactive": FLAG}
SCHEDULE_ROW = {
    "TaxScheduleId": text(15),
    "Description": text(30),
    "TaxDetails": Field("rows", rows=(("TaxDetailId", text(15)), ("Percent", Field("rate")))),
}
NAMED = {"Id": text(20), "Description": text(30)}
CLASS = {
    "Id": text(15),
    "Description": text(30),
    "PaymentTermsId": text(20),
    "TaxScheduleId": text(15),
    "CurrencyId": text(15),
    "PriceLevelId": text(10),
}
SETUP = {
    "FunctionalCurrencyId": text(15),
    "MulticurrencyRegistered": FLAG,
    "RateOverrideAllowed": FLAG,
    "DefaultRateTypeId": text(15),
    "PostingDateFrom": text(0),
    "TimeZone": text(0),
}

COMPANY = {"CompanyId": INTEGER, "DatabaseId": text(5), "CompanyName": text(64)}

READ = {"GET": 2015}
WRITE = {"GET": 2015, "POST": 2015, "PATCH": 2015}


@dataclass(frozen=True, slots=True)
class Resource:
    """``window`` is the GP window whose security the caller needs."""

    path: str
    table: str
    keys: tuple[str, ...]
    fields: dict[str, Field]
    window: str
    verbs: dict[str, int]
    filters: tuple[str, ...] = ()
    singleton: bool = False


_DATES = ("ModifiedDate.ge", "ModifiedDate.lt")
RESOURCES = (
    Resource(
        "Sales/Customers",
        "customers",
        ("CustomerId",),
        CUSTOMER,
        "Customer Maintenance",
        WRITE,
        _DATES,
    ),
    Resource(
        "Sales/CustomerAddresses",
        "addresses",
        ("CustomerId", "AddressId"),
        ADDRESS,
        "Customer Address Maintenance",
        WRITE,
        (*_DATES, "CustomerId"),
    ),
    Resource(
        "Sales/CustomerInternetAddresses",
        "internet_addresses",
        ("CustomerId", "AddressId"),
        INTERNET_ADDRESS,
        "Internet Information",
        WRITE,
        ("CustomerId",),
    ),
    Resource(
        "Sales/Receivables/Transactions",
        "documents",
        ("DocumentType", "DocumentNumber"),
        TRANSACTION,
        "Receivables Transaction Entry",
        {"GET": 2015, "POST": 2015},
        (*_DATES, "BatchId", "TransactionState"),
    ),
    Resource(
        "System/Batches",
        "batches",
        ("BatchSource", "BatchId"),
        BATCH,
        "Receivables Batch Entry",
        {"GET": 2016, "POST": 2016},
        ("BatchSource",),
    ),
    Resource("Sales/Classes", "customer_classes", ("Id",), CLASS, "Customer Class Setup", READ),
    Resource("Inventory/Items", "items", ("ItemNumber",), ITEM, "Item Maintenance", READ, _DATES),
    Resource(
        "Inventory/ItemSites",
        "item_sites",
        ("ItemNumber", "SiteId"),
        ITEM_SITE,
        "Item Quantities Maintenance",
        READ,
        ("ItemNumber", "SiteId"),
    ),
    Resource(
        "Inventory/ItemPriceLists",
        "item_prices",
        ("ItemNumber", "PriceLevelId", "CurrencyId", "UnitOfMeasure"),
        ITEM_PRICE,
        "Item Price List Maintenance",
        READ,
        ("ItemNumber", "PriceLevelId"),
    ),
    Resource("Inventory/PriceLevels", "price_levels", ("Id",), NAMED, "Price Level Setup", READ),
    Resource("Inventory/Sites", "sites", ("Id",), NAMED, "Site Maintenance", READ),
    Resource("Inventory/Classes", "item_classes", ("Id",), NAMED, "Item Class Setup", READ),
    Resource(
        "Administration/Currencies", "currencies", ("CurrencyId",), CURRENCY, "Currency Setup", READ
    ),
    Resource(
        "Administration/ExchangeRates",
        "rates",
        ("CurrencyId", "RateTypeId", "ExchangeDate"),
        EXCHANGE_RATE,
        "Multicurrency Exchange Rate Maintenance",
        {"GET": 2016},
        ("CurrencyId",),
    ),
    Resource(
        "Administration/FiscalPeriods",
        "periods",
        ("Year", "PeriodId", "Series"),
        PERIOD,
        "Fiscal Periods Setup",
        {"GET": 2016},
        ("Year", "Series"),
    ),
    Resource(
        "Administration/TaxSchedules",
        "tax_schedules",
        ("TaxScheduleId",),
        SCHEDULE_ROW,
        "Tax Schedule Maintenance",
        READ,
    ),
    Resource(
        "Administration/PaymentTerms", "payment_terms", ("Id",), NAMED, "Payment Terms Setup", READ
    ),
    Resource(
        "Administration/ShippingMethods",
        "shipping_methods",
        ("Id",),
        NAMED,
        "Shipping Methods Setup",
        READ,
    ),
    Resource(
        "Financials/Accounts",
        "accounts",
        ("AccountNumber",),
        ACCOUNT,
        "Account Maintenance",
        {"GET": 2016},
    ),
    Resource("Financials/Setup", "setup", (), SETUP, "General Ledger Setup", READ, singleton=True),
)
BY_PATH = {resource.path.lower(): resource for resource in RESOURCES}
BY_TABLE = {resource.table: resource for resource in RESOURCES}
