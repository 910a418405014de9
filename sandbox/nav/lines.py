"""Lines of sales documents: what happens when a field is entered, and what is refused."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.business_central.arithmetic import UNIT, round_to
from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.seed import Row
from sandbox.nav.values import (
    FIELD,
    ZERO,
    callback,
    exists_already,
    missing_value,
    unrelated,
    wrong_value,
)

_STEP = 10_000
_PRICED = ("objectNumber", "quantity", "unitOfMeasureCode", "variantCode")


def record(header: Row) -> str:
    return f"Sales Header: Document Type={header['kind']}, No.={header['number']}"


def new_line(header: Row, number: int = 0) -> Row:
    """A line with its number, not yet in the document. Raises BadRequest for a number twice."""
    taken = {line["lineNumber"] for line in header["lines"]}
    number = number or max(taken, default=0) + _STEP
    if number in taken:
        raise exists_already(
            "Sales Line",
            f"Document Type='{header['kind']}',Document No.='{header['number']}',"
            f"Line No.='{number}'",
        )
    return {
        "id": str(uuid.uuid4()),
        "lineNumber": number,
        "lineType": "Comment",
        "objectNumber": "",
        "variantCode": "",
        "description": "",
        "description2": "",
        "locationCode": header["locationCode"],
        "quantity": ZERO,
        "unitOfMeasureCode": "",
        "unitPrice": ZERO,
        "discountAmount": ZERO,
        "discountPercent": ZERO,
        "invoiceDiscountAllocation": ZERO,
        "taxGroupCode": "",
        "taxPercent": ZERO,
        "netAmount": ZERO,
        "netTaxAmount": ZERO,
        "netAmountIncludingTax": ZERO,
        "shipmentDate": header["shipmentDate"],
        "_group": "",
        "_percent": ZERO,
        "_amount": ZERO,
        "_etag": 1,
    }


def enter_line(company: Company, header: Row, line: Row, values: Row) -> None:
    """Enter fields into a line, in the order given: the item or the quantity entered after the
    price brings the card's price back. Neither line nor header is stored."""
    if header["status"] != "Open":
        raise wrong_value("Status", "Open", record(header), header["status"])
    if not header["customerNumber"]:
        raise missing_value("Sell-to Customer No.", record(header))
    for inner, value in values.items():
        _enter_line(company, header, line, inner, value)
    line["_percent"] = (
        company.percent(header["vatBusPostingGroup"], line["_group"]) if line["_group"] else ZERO
    )
    if company.state["stock_warnings"] and line["lineType"] == "Item":
        on_hand = company.inventory(line["objectNumber"])
        if line["quantity"] > on_hand:
            raise callback(
                "a page",
                f"The available inventory for item {line['objectNumber']} is lower than the "
                "entered quantity at this location.",
                "Page 342 Check Availability",
            )


def _enter_line(company: Company, header: Row, line: Row, inner: str, value: Any) -> None:
    company.related("Sales Line", inner, value)
    if inner in ("unitPrice", "quantity", "objectNumber") and line["lineType"] == "Comment":
        if value:
            raise missing_value(
                "Type",
                f"Sales Line: Document Type={header['kind']}, Document No.={header['number']}, "
                f"Line No.={line['lineNumber']}",
            )
        return
    match inner:
        case "lineType":
            if value != line["lineType"]:
                line |= {"lineType": value, "objectNumber": "", "_group": "", "taxGroupCode": ""}
        case "objectNumber":
            _object(company, header, line, value)
        case "variantCode" if (
            value and f"{line['objectNumber']}|{value}" not in company.tables["variants"]
        ):
            raise unrelated("Variant Code", "Sales Line", value, "Item Variant")
        case "taxGroupCode":
            line["taxGroupCode"] = line["_group"] = value
        case "unitPrice":
            line["unitPrice"] = round_to(value, UNIT)
            line["_by_percent"] = True
        case "discountPercent":
            if not 0 <= value <= 100:
                raise BadRequest(FIELD, "Line Discount % must be between 0 and 100.")
            line["discountPercent"], line["_by_percent"] = value, True
        case "discountAmount":
            if value < 0:
                raise BadRequest(FIELD, "Line Discount Amount must not be negative.")
            gross = line["quantity"] * line["unitPrice"]
            line["discountPercent"] = (value / gross * 100).quantize(UNIT) if gross else ZERO
            line["discountAmount"] = value
            line.pop("_by_percent", None)
        case _:
            line[inner] = value
    if inner in _PRICED and line["lineType"] == "Item" and line["objectNumber"]:
        line["unitPrice"] = _card_price(company, header, line)
        line["_by_percent"] = True


def _object(company: Company, header: Row, line: Row, number: str) -> None:
    match line["lineType"]:
        case "Item":
            item = find_item(company, number)
            line |= {
                "objectNumber": item["number"],
                "description": item["displayName"],
                "unitOfMeasureCode": item["baseUnitOfMeasureCode"],
                "taxGroupCode": item["taxGroupCode"],
                "_group": item["taxGroupCode"],
                "variantCode": "",
            }
        case "Account":
            account = find_account(company, number)
            line |= {
                "objectNumber": account["number"],
                "description": account["displayName"],
                "taxGroupCode": account["_group"],
                "_group": account["_group"],
            }
        case other:
            raise unrelated("No.", "Sales Line", number, other)


def find_item(company: Company, number: str) -> Row:
    item = company.tables["items"].get(number)
    if item is None:
        raise unrelated("No.", "Sales Line", number, "Item")
    if item["blocked"]:
        raise wrong_value("Blocked", "No", f"Item: No.={item['number']}", "Yes")
    if not item["genProdPostingGroup"]:
        raise missing_value("Gen. Prod. Posting Group", f"Item: No.={item['number']}")
    return item


def find_account(company: Company, number: str) -> Row:
    account = company.tables["accounts"].get(number)
    if account is None:
        raise unrelated("No.", "Sales Line", number, "G/L Account")
    named = f"G/L Account: No.={number}"
    if account["accountType"] != "Posting":
        raise wrong_value("Account Type", "Posting", named, account["accountType"])
    if account["blocked"]:
        raise wrong_value("Blocked", "No", named, "Yes")
    if not account["directPosting"]:
        raise wrong_value("Direct Posting", "Yes", named, "No")
    return account


def _card_price(company: Company, header: Row, line: Row) -> Decimal:
    """The item card's price in the document's currency, with or without VAT as the document is."""
    item = company.tables["items"][line["objectNumber"]]
    price: Decimal = item["unitPrice"]
    percent = company.vat.get((header["vatBusPostingGroup"], line["_group"]), ZERO)
    if item["priceIncludesTax"] and not header["pricesIncludeTax"]:
        price = price / (1 + percent / 100)
    elif header["pricesIncludeTax"] and not item["priceIncludesTax"]:
        price = price * (1 + percent / 100)
    currency = company.tables["currencies"].get(header["currencyCode"])
    return round_to(price * currency["rate"] if currency else price, UNIT)
