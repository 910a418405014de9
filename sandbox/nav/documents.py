"""Sales documents before posting: what happens when a field of a header or line is entered."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sandbox.business_central.arithmetic import work_out
from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.lines import enter_line, new_line, record
from sandbox.nav.seed import Row
from sandbox.nav.values import (
    BLANK_DATE,
    DIALOG,
    ZERO,
    callback,
    unrelated,
    wrong_value,
)

_ADDRESS = ("AddressLine1", "AddressLine2", "City", "State", "PostCode", "Country")
_FROM_CUSTOMER = {
    "AddressLine1": "addressLine1",
    "AddressLine2": "addressLine2",
    "City": "city",
    "State": "state",
    "PostCode": "postalCode",
    "Country": "country",
}


def new_header(company: Company, kind: str) -> Row:
    """A document with its number, not stored yet."""
    number, today = company.number("drafts"), company.today()
    texts = (
        "customerNumber", "customerName", "billToCustomerNumber", "billToName", "sellToContact",
        "shipToCode", "shipToName", "shipToContact", "yourReference", "externalDocumentNumber",
        "currencyCode", "paymentTermsCode", "paymentMethodCode", "shipmentMethodCode",
        "locationCode", "salesperson", "vatBusPostingGroup", "genBusPostingGroup",
        "customerPostingGroup", "appliesToDocNumber", "reasonCode", "phoneNumber", "email",
        "correctedNumber",
    )  # fmt: skip
    return {
        "_key": f"{kind}|{number}",
        "id": str(uuid.uuid4()),
        "kind": kind,
        "number": number,
        "status": "Open",
        **dict.fromkeys(texts, ""),
        **{f"{party}{part}": "" for party in ("sellTo", "billTo", "shipTo") for part in _ADDRESS},
        "documentDate": today,
        "postingDate": today,
        "orderDate": today,
        "dueDate": today,
        "requestedDeliveryDate": BLANK_DATE,
        "shipmentDate": today,
        "pricesIncludeTax": False,
        "partialShipping": True,
        "discountAmount": ZERO,
        "appliesToDocType": " ",
        "totalAmountExcludingTax": ZERO,
        "totalTaxAmount": ZERO,
        "totalAmountIncludingTax": ZERO,
        "lines": [],
    }


def enter(company: Company, header: Row, values: Row) -> None:
    """Enter fields into a header, in the order given. The header is not stored."""
    if header["status"] != "Open":
        raise wrong_value("Status", "Open", record(header), header["status"])
    for inner, value in values.items():
        _enter(company, header, inner, value)
    work_out(header, header["lines"], company.precision(header["currencyCode"]))


def _enter(company: Company, header: Row, inner: str, value: Any) -> None:
    if inner == "number":
        if value != header["number"]:
            raise BadRequest(
                DIALOG,
                "You may not enter numbers manually. If you want to enter numbers manually, please "
                "activate Manual Nos. in No. Series S-DOC.",
            )
        return
    if inner == "kind":
        if value != header["kind"]:
            raise BadRequest(DIALOG, "You cannot rename a Sales Header.")
        return
    company.related("Sales Header", inner, value)
    match inner:
        case "customerNumber":
            _sell_to(company, header, value)
            return
        case "billToCustomerNumber":
            _bill_to(header, _customer(company, value, "Bill-to Customer No."))
            return
        case "currencyCode" | "pricesIncludeTax" if header["lines"] and value != header[inner]:
            caption = "Currency Code" if inner == "currencyCode" else "Prices Including VAT"
            raise callback(
                "a confirmation dialog box",
                f"You have modified the {caption} field. Do you want to recalculate the sales "
                "lines?",
                "Table 36 Sales Header",
            )
        case "documentDate" | "paymentTermsCode":
            header[inner] = value
            header["dueDate"] = _due(company, header)
            return
        case "discountAmount":
            _check_discount(header, value)
        case "appliesToDocNumber":
            _check_applies(company, header, value)
    if inner.startswith("shipTo") and inner != "shipToCode":
        header["shipToCode"] = ""
    header[inner] = value


def _customer(company: Company, number: str, caption: str) -> Row:
    customer = company.tables["customers"].get(number)
    if customer is None:
        raise unrelated(caption, "Sales Header", number, "Customer")
    return customer


def _sell_to(company: Company, header: Row, number: str) -> None:
    if header["lines"] and number != header["customerNumber"]:
        raise callback(
            "a confirmation dialog box",
            "Do you want to change Sell-to Customer No.?",
            "Table 36 Sales Header",
        )
    customer = _customer(company, number, "Sell-to Customer No.")
    company.check_usable(customer)
    company.check_credit(customer)
    header |= {
        "customerNumber": number,
        "customerName": customer["displayName"],
        "shipToName": customer["displayName"],
        "vatBusPostingGroup": customer["vatBusPostingGroup"],
        "genBusPostingGroup": customer["genBusPostingGroup"],
        "locationCode": customer["locationCode"],
        "shipmentMethodCode": customer["shipmentMethodCode"],
        "phoneNumber": customer["phoneNumber"],
        "email": customer["email"],
    }
    for part, name in _FROM_CUSTOMER.items():
        header[f"sellTo{part}"] = header[f"shipTo{part}"] = customer[name]
    _bill_to(header, customer)
    header["dueDate"] = _due(company, header)


def _bill_to(header: Row, customer: Row) -> None:
    header |= {
        "billToCustomerNumber": customer["number"],
        "billToName": customer["displayName"],
        "currencyCode": customer["currencyCode"],
        "pricesIncludeTax": customer["pricesIncludeTax"],
        "paymentTermsCode": customer["paymentTermsCode"],
        "paymentMethodCode": customer["paymentMethodCode"],
        "customerPostingGroup": customer["customerPostingGroup"],
        "vatBusPostingGroup": customer["vatBusPostingGroup"],
    }
    for part, name in _FROM_CUSTOMER.items():
        header[f"billTo{part}"] = customer[name]


def _due(company: Company, header: Row) -> str:
    terms = company.tables["paymentTerms"].get(header["paymentTermsCode"])
    days = int(str(terms["dueDateCalculation"]).rstrip("D") or 0) if terms else 0
    if header["documentDate"] == BLANK_DATE:
        return BLANK_DATE
    return (date.fromisoformat(header["documentDate"]) + timedelta(days=days)).isoformat()


def _check_discount(header: Row, amount: Decimal) -> None:
    if amount and not any(line["lineType"] == "Item" for line in header["lines"]):
        raise BadRequest(
            DIALOG,
            "Cannot apply an invoice discount because the document does not include lines where "
            "the Allow Invoice Disc. field is selected. To add a discount, specify a line discount "
            "in the Line Discount % field for the relevant lines, or add a line of type Item where "
            "the Allow Invoice Disc. field is selected.",
        )


def _check_applies(company: Company, header: Row, number: str) -> None:
    if not number:
        return
    entry = company.one("receivables", "documentNumber", number)
    if (
        entry is None
        or not entry["remainingAmount"]
        or entry["customerNumber"] != header["billToCustomerNumber"]
    ):
        raise BadRequest(
            "Internal_DataNotFoundFilter",
            "There is no Cust. Ledger Entry within the filter. Filters: Customer No.: "
            f"{header['billToCustomerNumber']}, Document No.: {number}, Open: Yes",
        )


def store(company: Company, header: Row) -> None:
    work_out(header, header["lines"], company.precision(header["currencyCode"]))
    company.keep("drafts", header)


def store_line(company: Company, header: Row, line: Row) -> None:
    """Put a new or changed line into its document and work the document out."""
    others = [other for other in header["lines"] if other["lineNumber"] != line["lineNumber"]]
    line["_etag"] += 1
    header["lines"] = sorted([*others, line], key=lambda row: row["lineNumber"])
    store(company, header)


def drop_line(company: Company, header: Row, line: Row) -> None:
    if header["status"] != "Open":
        raise wrong_value("Status", "Open", record(header), header["status"])
    header["lines"] = [other for other in header["lines"] if other is not line]
    store(company, header)


def draft(company: Company, kind: str, values: Row, lines: Iterable[Row] = ()) -> Row:
    """A whole document in one go, stored only if all of it is accepted."""
    header = new_header(company, kind)
    enter(company, header, values)
    for given in lines:
        line = new_line(header)
        enter_line(company, header, line, given)
        header["lines"].append(line)
    store(company, header)
    return header
