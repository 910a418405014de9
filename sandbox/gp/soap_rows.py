"""Between the web service's objects and the rows of the company: the same books, other names."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp import wire
from sandbox.gp.company import Company, Row
from sandbox.gp.resources import ADDRESS
from sandbox.gp.setup import FUNCTIONAL
from sandbox.gp.values import BLANK_DATE, complete, dec
from sandbox.gp.wire import Refusal

Value = dict[str, Any]
DOCUMENT_TYPES = {
    1: "Invoice", 3: "DebitMemo", 4: "FinanceCharge", 5: "ServiceRepair", 6: "Warranty",
    7: "CreditMemo", 8: "Return",
}  # fmt: skip
ITEM_TYPES = {
    1: "SalesItem", 2: "DiscontinuedItem", 3: "Kit", 4: "MiscellaneousCharges", 5: "Service",
    6: "FlatFee",
}  # fmt: skip
FREQUENCIES = {1: "SingleUse", 2: "Weekly", 3: "Biweekly", 4: "Semimonthly", 5: "Monthly"}
AMOUNTS = (
    "DocumentAmount",
    "SalesAmount",
    "CostAmount",
    "TradeDiscountAmount",
    "FreightAmount",
    "MiscellaneousAmount",
    "TaxAmount",
)
CUSTOMER_TEXTS = {
    "Name": "Name", "ShortName": "ShortName", "StatementName": "StatementName",
    "TaxRegistrationNumber": "TaxRegistrationNumber", "TaxExemptNumber1": "TaxExempt1",
    "TaxExemptNumber2": "TaxExempt2", "Comment1": "Comment1", "Comment2": "Comment2",
    "UserDefined1": "UserDefined1", "UserDefined2": "UserDefined2",
}  # fmt: skip
CUSTOMER_KEYS = {
    "ClassKey": "ClassId", "DefaultAddressKey": "AddressId",
    "ShippingMethodKey": "ShippingMethodId", "TaxScheduleKey": "TaxScheduleId",
    "PaymentTermsKey": "PaymentTermsId", "PriceLevelKey": "PriceLevelId",
    "RateTypeKey": "RateTypeId", "SalespersonKey": "SalespersonId",
    "SalesTerritoryKey": "SalesTerritoryId",
}  # fmt: skip
ADDRESS_TEXTS = {
    "Name": "ShipToName", "ContactPerson": "ContactPerson", "Line1": "Address1",
    "Line2": "Address2", "Line3": "Address3", "City": "City", "State": "State",
    "PostalCode": "PostalCode", "CountryRegion": "Country",
}  # fmt: skip
ADDRESS_KEYS = {
    "CountryRegionCodeKey": "CountryCode", "ShippingMethodKey": "ShippingMethodId",
    "TaxScheduleKey": "TaxScheduleId", "SalespersonKey": "SalespersonId",
    "SalesTerritoryKey": "SalesTerritoryId",
}  # fmt: skip
PHONES = ("Phone1", "Phone2", "Phone3", "Fax")
INTERNET = (
    "EmailToAddress",
    "EmailCcAddress",
    "EmailBccAddress",
    "InternetField1",
    "InternetField2",
)
DOCUMENT_KEYS = {
    "SalespersonKey": "SalespersonId", "SalesTerritoryKey": "SalesTerritoryId",
    "ShippingMethodKey": "ShippingMethodId", "TaxScheduleKey": "TaxScheduleId",
    "FreightTaxScheduleKey": "FreightTaxScheduleId",
    "MiscellaneousTaxScheduleKey": "MiscellaneousTaxScheduleId",
    "PaymentTermsKey": "PaymentTermsId",
}  # fmt: skip


def key_text(value: Value | None, name: str = "Id") -> str:
    return str((value or {}).get(name) or "").rstrip(" ")


def day(text: str | None) -> str:
    """The date part; blank for null."""
    return (text or BLANK_DATE)[:10]


def instant(text: str) -> str | None:
    return None if text in ("", BLANK_DATE) else f"{text}T00:00:00"


def currency_id(company: Company, iso: str) -> str:
    """GP's id of an ISO code; blank for none. Raises Refusal 483."""
    if not iso:
        return ""
    for row in company.tables["currencies"].values():
        if row["ISOCode"] == iso.upper():
            is_local = row["CurrencyId"] == FUNCTIONAL
            return "" if is_local and not company.state["multicurrency"] else str(row["CurrencyId"])
    raise Company.missing("CurrencyKey", iso, "currencies", wire.NO_CURRENCY)


def _currency(company: Company, name: str) -> Row:
    return company.get("currencies", name or FUNCTIONAL) or {"ISOCode": "", "DecimalPlaces": 2}


# Writing


def to_customer(company: Company, value: Value) -> Row:
    row: Row = {"CustomerId": key_text(value.get("Key"))}
    row |= {ours: value[name] for name, ours in CUSTOMER_TEXTS.items() if name in value}
    row |= {ours: key_text(value[name]) for name, ours in CUSTOMER_KEYS.items() if name in value}
    if "CurrencyKey" in value:
        row["CurrencyId"] = currency_id(company, key_text(value["CurrencyKey"], "ISOCode"))
    if value.get("IsActive") is not None:
        row["Inactive"] = not value["IsActive"]
    if value.get("IsOnHold") is not None:
        row["Hold"] = value["IsOnHold"]
    return row


def to_addresses(customer: str, value: Value) -> list[tuple[Row, Row | None]]:
    """Rows of the customer's addresses, with that of their internet address if there is one."""
    found = []
    for each in value.get("Addresses") or []:
        key = {"CustomerId": customer, "AddressId": key_text(each.get("Key"))}
        row = {**key, **{ours: each[name] for name, ours in ADDRESS_TEXTS.items() if name in each}}
        row |= {ours: key_text(each[name]) for name, ours in ADDRESS_KEYS.items() if name in each}
        row |= {name: key_text(each[name], "Value") for name in PHONES if name in each}
        given = each.get("InternetAddresses")
        internet = {name: given[name] for name in INTERNET if name in given} if given else None
        found.append((row, {**key, **internet} if internet is not None else None))
    return found


def to_document(company: Company, value: Value, kind: int) -> Row:
    """What eConnect gets: the amounts that were left out are worked out, the date is today's."""
    today = company.today().isoformat()
    row: Row = {
        "DocumentType": kind,
        "DocumentNumber": key_text(value.get("Key")),
        "DocumentDate": day(value["Date"]) if value.get("Date") else today,
        "CustomerId": key_text(value.get("CustomerKey")),
        "CurrencyId": currency_id(company, key_text(value.get("CurrencyKey"), "ISOCode")),
    }
    row |= {n: value[n] for n in ("Description", "CustomerPONumber") if n in value}
    row |= {ours: key_text(value[name]) for name, ours in DOCUMENT_KEYS.items() if name in value}
    if value.get("AddressKey"):
        row["AddressId"] = key_text(value["AddressKey"])
    if value.get("GeneralLedgerPostingDate"):
        row["GLPostingDate"] = day(value["GeneralLedgerPostingDate"])
    batch = value.get("BatchKey") or {}
    # The internal behaviour "Create Batch" names a batch for a document without one.
    row["BatchId"] = key_text(batch) or f"WS{today.replace('-', '')}"
    row["BatchSource"] = key_text(batch, "Source") or "RM_Sales"
    if value.get("ExchangeRate"):
        row["ExchangeRate"] = value["ExchangeRate"]
        if value.get("ExchangeDate"):
            row["ExchangeDate"] = day(value["ExchangeDate"])
    iso = _currency(company, row["CurrencyId"])["ISOCode"]
    for name in AMOUNTS:
        if value.get(name):
            row[name] = _amount(name, value[name], iso)
    row["Taxes"] = [_tax(each, n, iso) for n, each in enumerate(value.get("Taxes") or [])]
    if not row["Taxes"] and not row.get("TaxScheduleId"):
        row["TaxScheduleId"] = key_text(value.get("SalesTaxScheduleKey"))
    if value.get("Distributions"):
        row["Distributions"] = [_distribution(each) for each in value["Distributions"]]
    _fill_amounts(row)
    return row


def _amount(name: str, value: Value, iso: str) -> Decimal:
    if value.get("Currency") and value["Currency"].upper() != iso:
        raise Refusal(
            400, wire.MALFORMED, name, f"{name} is in another currency than its document."
        )
    if "Value" not in value:
        raise Refusal(400, wire.MISSING, name, f"{name} has no value.")
    return Decimal(value["Value"])


def _tax(value: Value, number: int, iso: str) -> Row:
    detail = key_text((value.get("Key") or {}).get("TaxDetailKey"))
    row: Row = {"TaxDetailId": detail}
    for name in ("SalesTaxAmount", "FreightTaxAmount", "MiscellaneousTaxAmount"):
        if value.get(name):
            row[name] = _amount(f"Taxes[{number}].{name}", value[name], iso)
    if value.get("TaxableAmount"):
        row["TaxableSalesAmount"] = _amount("TaxableAmount", value["TaxableAmount"], iso)
    return row


def _distribution(value: Value) -> Row:
    return {
        "AccountNumber": key_text(value.get("GLAccountKey")),
        "DistributionType": (value.get("DistributionTypeKey") or {}).get("Id", 0),
        "Reference": value.get("Reference") or "",
        "DebitAmount": (value.get("DebitAmount") or {}).get("Value", Decimal(0)),
        "CreditAmount": (value.get("CreditAmount") or {}).get("Value", Decimal(0)),
    }


def _fill_amounts(row: Row) -> None:
    if row["Taxes"] and "TaxAmount" not in row:
        row["TaxAmount"] = sum(
            (
                tax.get(name, Decimal(0))
                for tax in row["Taxes"]
                for name in ("SalesTaxAmount", "FreightTaxAmount", "MiscellaneousTaxAmount")
            ),
            Decimal(0),
        )
    if "DocumentAmount" not in row and "SalesAmount" in row:
        row["DocumentAmount"] = (
            row["SalesAmount"]
            - row.get("TradeDiscountAmount", 0)
            + row.get("FreightAmount", 0)
            + row.get("MiscellaneousAmount", 0)
            + row.get("TaxAmount", 0)
        )


# Reading


def _key(row: Row, name: str, part: str = "Id") -> Value | None:
    return {part: row[name]} if row.get(name) else None


def _money(company: Company, row: Row, name: str, *, local: bool) -> Value:
    """An amount in the document's currency, or in the functional one at the document's rate."""
    currency = _currency(company, FUNCTIONAL if local else row["CurrencyId"])
    amount = dec(row[name])
    if local and dec(row["DocumentAmount"]):
        rate = dec(row["FunctionalDocumentAmount"]) / dec(row["DocumentAmount"])
        amount = amount * rate
    places = currency["DecimalPlaces"]
    return {
        "Currency": currency["ISOCode"],
        "Value": amount.quantize(Decimal(1).scaleb(-places)),
        "DecimalDigits": places,
    }


def from_customer(company: Company, row: Row) -> Value:
    changed = instant(row["ModifiedDate"])
    value: Value = {"Key": {"Id": row["CustomerId"]}}
    value |= {name: row[ours] for name, ours in CUSTOMER_TEXTS.items()}
    value |= {name: _key(row, ours) for name, ours in CUSTOMER_KEYS.items()}
    value |= {"IsActive": not row["Inactive"], "IsOnHold": row["Hold"]}
    if row["CurrencyId"]:
        value["CurrencyKey"] = {"ISOCode": _currency(company, row["CurrencyId"])["ISOCode"]}
    value |= {"CreatedDate": instant(row["CreatedDate"]), "ModifiedDate": changed}
    value["LastModifiedDate"] = changed
    value["Addresses"] = [
        _from_address(company, each) for each in company.below("addresses", row["CustomerId"])
    ]
    return value


def _from_address(company: Company, row: Row) -> Value:
    row = complete(ADDRESS, row)
    key = (row["CustomerId"], row["AddressId"])
    internet = company.get("internet_addresses", *key)
    value: Value = {name: row[ours] for name, ours in ADDRESS_TEXTS.items()}
    value |= {name: _key(row, ours) for name, ours in ADDRESS_KEYS.items()}
    value |= {name: {"Value": row[name]} for name in PHONES if row[name]}
    value["ModifiedDate"] = value["LastModifiedDate"] = instant(row["ModifiedDate"])
    value["Key"] = {"CustomerKey": {"Id": key[0]}, "Id": key[1]}
    if internet:
        value["InternetAddresses"] = {name: internet.get(name, "") for name in INTERNET}
    return value


def from_customer_summary(row: Row) -> Value:
    changed = instant(row["ModifiedDate"])
    return {
        "Key": {"Id": row["CustomerId"]},
        "Name": row["Name"],
        "IsActive": not row["Inactive"],
        "IsOnHold": row["Hold"],
        "CustomerClassKey": _key(row, "ClassId"),
        "SalespersonKey": _key(row, "SalespersonId"),
        "CreatedDate": instant(row["CreatedDate"]),
        "ModifiedDate": changed,
        "LastModifiedDate": changed,
    }


def from_item(company: Company, row: Row) -> Value:
    money = {
        name: {"Currency": _currency(company, "")["ISOCode"], "Value": dec(row[name]).quantize(
            Decimal("0.01")), "DecimalDigits": 2}
        for name in ("StandardCost", "CurrentCost")
    }  # fmt: skip
    return {
        "__type": "SalesItem" if row["ItemType"] in (1, 2) else "ServiceItem",
        "ShortDescription": row["ShortName"],
        "GenericDescription": row["GenericDescription"],
        "UofMScheduleKey": _key(row, "UnitOfMeasureScheduleId"),
        "SalesTaxScheduleKey": _key(row, "TaxScheduleId"),
        "CreatedDate": instant(row["CreatedDate"]),
        **money,
        **from_item_summary(row),
    }


def from_item_summary(row: Row) -> Value:
    changed = instant(row["ModifiedDate"])
    return {
        "Key": {"Id": row["ItemNumber"]},
        "Description": row["Description"],
        "ClassKey": _key(row, "ClassId"),
        "ModifiedDate": changed,
        "LastModifiedDate": changed,
        "Type": ITEM_TYPES[row["ItemType"]],
        "IsDiscontinued": row["ItemType"] == 2 or row["Inactive"],
    }


def from_document_summary(company: Company, row: Row, *, local: bool) -> Value:
    value: Value = {
        name: _money(company, row, name, local=local)
        for name in AMOUNTS
    }  # fmt: skip
    customer = company.get("customers", row["CustomerId"]) or {}
    return value | {
        "Key": {"Id": row["DocumentNumber"]},
        "Type": DOCUMENT_TYPES[row["DocumentType"]],
        "Date": instant(row["DocumentDate"]),
        "CustomerKey": {"Id": row["CustomerId"]},
        "CustomerName": customer.get("Name", ""),
        "CustomerPONumber": row["CustomerPONumber"],
        "CurrencyKey": {"ISOCode": _currency(company, row["CurrencyId"])["ISOCode"]},
        "BatchKey": {"Source": row["BatchSource"], "Id": row["BatchId"]},
        "SalespersonKey": _key(row, "SalespersonId"),
        "ModifiedDate": instant(row["ModifiedDate"]),
        "TransactionState": row["TransactionState"],
    }


def from_document(company: Company, row: Row, *, local: bool) -> Value:
    value = from_document_summary(company, row, local=local)
    value |= {name: _key(row, ours) for name, ours in DOCUMENT_KEYS.items()}
    document = {"Id": row["DocumentNumber"]}

    def money(amount: str) -> Value:
        return _money(company, row | {"_": amount}, "_", local=local)

    value |= {
        "Description": row["Description"],
        "ExchangeRate": dec(row["ExchangeRate"]).normalize(),
        "ExchangeDate": instant(row["ExchangeDate"]),
        "GeneralLedgerPostingDate": instant(row["GLPostingDate"]),
        "PostedDate": instant(row["PostedDate"]),
        "CurrentDocumentAmount": money(row["CurrentDocumentAmount"]),
        "AuditTrailCode": row["AuditTrailCode"],
        "IsVoided": row["IsVoided"],
        "IsDeleted": False,
        "Taxes": [
            {
                "Key": {
                    "ReceivablesDocumentKey": document,
                    "TaxDetailKey": {"Id": each["TaxDetailId"]},
                },
                "SalesTaxAmount": money(each["SalesTaxAmount"]),
                "FreightTaxAmount": money(each["FreightTaxAmount"]),
                "MiscellaneousTaxAmount": money(each["MiscellaneousTaxAmount"]),
            }
            for each in row["Taxes"]
        ],
        "Distributions": [
            {
                "Key": {"ReceivablesDocumentKey": document, "SequenceNumber": 16384 * number},
                "DistributionTypeKey": {"Id": each["DistributionType"]},
                "Reference": each["Reference"],
                "GLAccountKey": {"Id": each["AccountNumber"]},
                "DebitAmount": money(each["DebitAmount"]),
                "CreditAmount": money(each["CreditAmount"]),
            }
            for number, each in enumerate(row["Distributions"], 1)
        ],
    }
    if row["AddressId"]:
        value["AddressKey"] = {
            "CustomerKey": {"Id": row["CustomerId"]},
            "Id": row["AddressId"],
        }
    return value


def from_batch(row: Row) -> Value:
    return {
        "Key": {"Source": row["BatchSource"], "Id": row["BatchId"]},
        "Comment": row["Comment"],
        "PostingDate": instant(row["PostingDate"]),
        "Frequency": FREQUENCIES.get(row["Frequency"], "SingleUse"),
        "TransactionTotalAmount": {
            "Currency": "",
            "Value": dec(row["BatchTotal"]).quantize(Decimal("0.01")),
            "DecimalDigits": 2,
        },
        "TransactionTotalQuantity": row["NumberOfTransactions"],
        "IsMarkedForPosting": row["Status"] == "Marked",
        "Status": row["Status"],
        "ModifiedDate": instant(row["ModifiedDate"]),
    }
