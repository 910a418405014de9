"""Between the field names of Service Based Architecture, which the adapter speaks, and the objects
of the legacy web service. Pure, apart from asking the description for types.

Source of names: "Web Services for Microsoft Dynamics GP" reference, legacy namespace 2006/01.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connectors.erps.gp.documents import CREDITS

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"
KINDS = {1: "Invoice", 7: "CreditMemo", 8: "Return"}

Type = Callable[..., Any]
Types = Callable[[str], Type]
Json = Mapping[str, Any]

_CUSTOMER_TEXTS = {
    "Name": "Name",
    "TaxRegistrationNumber": "TaxRegistrationNumber",
    "Comment1": "Comment1",
    "Comment2": "Comment2",
    "UserDefined1": "UserDefined1",
    "UserDefined2": "UserDefined2",
}
_CUSTOMER_KEYS = {
    "ClassId": ("ClassKey", "CustomerClassKey"),
    "ShippingMethodId": ("ShippingMethodKey", "ShippingMethodKey"),
    "TaxScheduleId": ("TaxScheduleKey", "TaxScheduleKey"),
    "PaymentTermsId": ("PaymentTermsKey", "PaymentTermsKey"),
    "PriceLevelId": ("PriceLevelKey", "PriceLevelKey"),
    "SalespersonId": ("SalespersonKey", "SalespersonKey"),
    "SalesTerritoryId": ("SalesTerritoryKey", "SalesTerritoryKey"),
}
_ADDRESS_TEXTS = {
    "ShipToName": "Name",
    "ContactPerson": "ContactPerson",
    "Address1": "Line1",
    "Address2": "Line2",
    "Address3": "Line3",
    "City": "City",
    "State": "State",
    "PostalCode": "PostalCode",
    "Country": "CountryRegion",
}
_ADDRESS_KEYS = {
    "CountryCode": ("CountryRegionCodeKey", "CountryRegionCodeKey"),
    "ShippingMethodId": ("ShippingMethodKey", "ShippingMethodKey"),
    "TaxScheduleId": ("TaxScheduleKey", "TaxScheduleKey"),
}
_DOCUMENT_KEYS = {
    "SalespersonId": ("SalespersonKey", "SalespersonKey"),
    "SalesTerritoryId": ("SalesTerritoryKey", "SalesTerritoryKey"),
    "ShippingMethodId": ("ShippingMethodKey", "ShippingMethodKey"),
    "TaxScheduleId": ("TaxScheduleKey", "TaxScheduleKey"),
}
_AMOUNTS = (
    "DocumentAmount",
    "SalesAmount",
    "TradeDiscountAmount",
    "FreightAmount",
    "MiscellaneousAmount",
    "TaxAmount",
)
_TAX_AMOUNTS = ("SalesTaxAmount", "FreightTaxAmount", "MiscellaneousTaxAmount")


def _keys(values: Json, names: Mapping[str, tuple[str, str]], types: Types) -> dict[str, Any]:
    return {
        member: types(kind)(Id=values[name])
        for name, (member, kind) in names.items()
        if values.get(name)
    }


def _texts(values: Json, names: Mapping[str, str]) -> dict[str, Any]:
    return {member: values[name] for name, member in names.items() if values.get(name)}


def customer(card: Json, ship_to: Json | None, internet: Json | None, types: Types) -> Any:
    """A Customer with its addresses; the e-mail belongs to the address of the same id."""
    number = card["CustomerId"]
    key = types("CustomerKey")(Id=number)

    def address(values: Json) -> Any:
        members = _texts(values, _ADDRESS_TEXTS) | _keys(values, _ADDRESS_KEYS, types)
        if values.get("Phone1"):
            members["Phone1"] = types("PhoneNumber")(Value=values["Phone1"])
        if internet is not None and internet["AddressId"] == values["AddressId"]:
            members["InternetAddresses"] = types("InternetAddresses")(
                EmailToAddress=internet["EmailToAddress"],
                InternetField1=internet["InternetField1"],
            )
        return types("CustomerAddress")(
            Key=types("CustomerAddressKey")(CustomerKey=key, Id=values["AddressId"]), **members
        )

    addresses = [address(card), *([address(ship_to)] if ship_to else [])]
    members = _texts(card, _CUSTOMER_TEXTS) | _keys(card, _CUSTOMER_KEYS, types)
    if card.get("CurrencyId"):
        members["CurrencyKey"] = types("CurrencyKey")(ISOCode=card["CurrencyId"])
    return types("Customer")(
        Key=key,
        DefaultAddressKey=types("CustomerAddressKey")(CustomerKey=key, Id=card["AddressId"]),
        Addresses=types("ArrayOfCustomerAddress")(CustomerAddress=addresses),
        **members,
    )


def document(values: Json, iso: str, types: Types) -> Any:
    """A ReceivablesInvoice, -CreditMemo or -Return; ``iso`` is the currency of its amounts."""
    kind = int(values["DocumentType"])
    key = types("ReceivablesDocumentKey")(Id=values["DocumentNumber"])

    def money(text: str) -> Any:
        amount = Decimal(text)
        places = max(-int(amount.as_tuple().exponent), 0)
        return types("MoneyAmount")(Currency=iso, Value=amount, DecimalDigits=places)

    members: dict[str, Any] = {
        name: money(values[name]) for name in _AMOUNTS if values.get(name) is not None
    }
    members |= {
        name: values[name] for name in ("Description", "CustomerPONumber") if values.get(name)
    }
    members |= _keys(values, _DOCUMENT_KEYS, types)
    if kind not in CREDITS and values.get("PaymentTermsId"):
        members["PaymentTermsKey"] = types("PaymentTermsKey")(Id=values["PaymentTermsId"])
    if values.get("CurrencyId"):
        members["CurrencyKey"] = types("CurrencyKey")(ISOCode=values["CurrencyId"])
    if values.get("ExchangeRate"):
        members["ExchangeRate"] = Decimal(values["ExchangeRate"])
    if values.get("Taxes"):
        members["Taxes"] = types("ArrayOfReceivablesTax")(
            ReceivablesTax=[_tax(row, key, money, types) for row in values["Taxes"]]
        )
    if values.get("Distributions"):
        members["Distributions"] = types("ArrayOfReceivablesDistribution")(
            ReceivablesDistribution=[
                _distribution(row, number, key, money, types)
                for number, row in enumerate(values["Distributions"], 1)
            ]
        )
    return types(f"Receivables{KINDS[kind]}")(
        Key=key,
        Date=f"{values['DocumentDate']}T00:00:00",
        GeneralLedgerPostingDate=f"{values['GLPostingDate']}T00:00:00",
        BatchKey=types("BatchKey")(Source=values["BatchSource"], Id=values["BatchId"]),
        CustomerKey=types("CustomerKey")(Id=values["CustomerId"]),
        **members,
    )


def _tax(row: Json, key: Any, money: Type, types: Types) -> Any:
    parts = {name: money(row[name]) for name in _TAX_AMOUNTS if row.get(name)}
    total = sum((Decimal(row[name]) for name in parts), Decimal(0))
    return types("ReceivablesTax")(
        Key=types("ReceivablesTaxKey")(
            ReceivablesDocumentKey=key, TaxDetailKey=types("TaxDetailKey")(Id=row["TaxDetailId"])
        ),
        TaxableAmount=money(row["TaxableSalesAmount"]),
        TaxAmount=money(str(total)),
        **parts,
    )


def _distribution(row: Json, number: int, key: Any, money: Type, types: Types) -> Any:
    sides = {name: money(row[name]) for name in ("DebitAmount", "CreditAmount") if row.get(name)}
    return types("ReceivablesDistribution")(
        # GP numbers the lines of a window in steps of 16,384, so that others fit in between.
        Key=types("ReceivablesDistributionKey")(
            ReceivablesDocumentKey=key, SequenceNumber=16384 * number
        ),
        DistributionTypeKey=types("DistributionTypeKey")(Id=row["DistributionType"]),
        GLAccountKey=types("GLAccountNumberKey")(Id=row["AccountNumber"]),
        **sides,
    )


def member(value: Any, *names: str) -> Any:
    """A nested member; None where any part of the way is missing."""
    for name in names:
        value = getattr(value, name, None)
        if value is None:
            return None
    return value


def text(value: Any, *names: str) -> str:
    found = member(value, *names)
    return "" if found is None else str(found).rstrip()


def day(value: Any) -> str:
    """The day of a dateTime, blank for none."""
    return (
        ""
        if value is None
        else str(value.isoformat() if hasattr(value, "isoformat") else value)[:10]
    )


def customer_row(value: Any) -> dict[str, Any]:
    return {
        "CustomerId": text(value, "Key", "Id"),
        "Name": text(value, "Name"),
        "Inactive": member(value, "IsActive") is False,
        "Hold": member(value, "IsOnHold") is True,
        "CurrencyId": text(value, "CurrencyKey", "ISOCode"),
        "ClassId": text(value, "ClassKey", "Id"),
    }


def item_row(value: Any) -> dict[str, Any]:
    return {
        "ItemNumber": text(value, "Key", "Id"),
        "Description": text(value, "Description"),
        "ClassId": text(value, "ClassKey", "Id"),
        "Inactive": member(value, "IsDiscontinued") is True,
    }


_STOCKED = {"SalesItem": 1, "DiscontinuedItem": 2}


def item_summary_row(value: Any) -> dict[str, Any]:
    """Of an ItemSummary, which names the item's type."""
    kind = text(value, "Type")
    return {**item_row(value), "ItemType": _STOCKED.get(kind, 1 if not kind else 0)}


def customer_rows(value: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """The card, the addresses and the internet addresses of a Customer."""
    number, main = text(value, "Key", "Id"), text(value, "DefaultAddressKey", "Id")
    card = customer_row(value) | {"AddressId": main}
    card |= {name: text(value, own) for name, own in _CUSTOMER_TEXTS.items()}
    card |= {name: text(value, own, "Id") for name, (own, _) in _CUSTOMER_KEYS.items()}
    addresses, internet = [], []
    held = member(value, "Addresses")
    for each in held if isinstance(held, list) else member(held, "CustomerAddress") or []:
        key = {"CustomerId": number, "AddressId": text(each, "Key", "Id")}
        row = key | {name: text(each, own) for name, own in _ADDRESS_TEXTS.items()}
        row |= {name: text(each, own, "Id") for name, (own, _) in _ADDRESS_KEYS.items()}
        row["Phone1"] = text(each, "Phone1", "Value")
        addresses.append(row)
        fields = ("EmailToAddress", "InternetField1")
        if member(each, "InternetAddresses") is not None:
            mails = {name: text(each, "InternetAddresses", name) for name in fields}
            internet.append(key | mails)
        if key["AddressId"].upper() == main.upper():
            card |= {name: row[name] for name in ("ContactPerson", "Phone1")}
    return card, addresses, internet


def batch_row(value: Any) -> dict[str, Any]:
    marked = member(value, "IsMarkedForPosting") is True
    return {
        "PostingDate": day(member(value, "PostingDate")),
        "Status": "Marked" if marked else text(value, "Status"),
    }


def document_row(value: Any, kind: int) -> dict[str, Any]:
    """Amounts are None where the service leaves them out."""
    return {
        "DocumentType": kind,
        "DocumentNumber": text(value, "Key", "Id"),
        "DocumentDate": day(member(value, "Date")),
        "GLPostingDate": day(member(value, "GeneralLedgerPostingDate")),
        "CustomerId": text(value, "CustomerKey", "Id"),
        "CustomerName": text(value, "CustomerName"),
        "CurrencyId": text(value, "CurrencyKey", "ISOCode"),
        "TransactionState": text(value, "TransactionState") or "Work",
        "IsVoided": member(value, "IsVoided") is True,
        **{name: member(value, name, "Value") for name in _AMOUNTS},
    }
