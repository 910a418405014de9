"""Posting: a draft becomes a posted document with ledger entries, or stays as it is.

General ledger accounts: 2310 receivables, 6110 sales, 5610 VAT; a G/L account line posts to its own
account. Amounts in foreign currency are booked in local currency at the currency's rate.
"""

from __future__ import annotations

import copy
import uuid
from decimal import Decimal
from typing import Any

from sandbox.business_central.arithmetic import round_to, work_out
from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.lines import find_account, find_item, record
from sandbox.nav.seed import Row
from sandbox.nav.values import DIALOG, ZERO, missing_value, wrong_value

RECEIVABLES, SALES, VAT = "2310", "6110", "5610"
PENNY = Decimal("0.01")


def post(company: Company, draft: Row) -> Row:
    """Post a draft; orders are shipped and invoiced in full. Raises BadRequest and books nothing."""
    _check(company, draft)
    is_memo = draft["kind"] == "Credit Memo"
    table = "memos" if is_memo else "invoices"
    posted = copy.deepcopy(draft)
    work_out(posted, posted["lines"], company.precision(posted["currencyCode"]))
    applied = _applied(company, draft) if is_memo else None
    number = company.number(table)
    posted |= {
        "_key": number,
        "_etag": 0,
        "number": number,
        "draftNumber": "" if draft["kind"] == "Order" else draft["number"],
        "orderNumber": draft["number"] if draft["kind"] == "Order" else "",
        "orderId": draft["id"] if draft["kind"] == "Order" else "",
        "remainingAmount": posted["totalAmountIncludingTax"],
        "cancelled": False,
        "corrective": False,
        "postedStatus": "Open",
    }
    if draft["kind"] == "Order":
        posted["id"] = str(uuid.uuid4())  # an invoice's draft keeps its id, an order's does not
    company.keep(table, posted)
    company.drop("drafts", draft)
    _book(company, posted, table, sign=-1 if is_memo else 1)
    if applied is not None:
        _apply(company, posted, applied)
    return posted


def _check(company: Company, draft: Row) -> None:
    named = record(draft)
    if draft["status"] not in ("Open", "Released"):
        raise wrong_value("Status", "Released", named, draft["status"])
    if not draft["customerNumber"]:
        raise missing_value("Sell-to Customer No.", named)
    if not any(line["quantity"] for line in draft["lines"]):
        raise BadRequest(DIALOG, "There is nothing to post.")
    if draft["totalAmountIncludingTax"] < 0:
        raise BadRequest(DIALOG, "The total amount for the invoice must be 0 or greater.")
    day, first, last = draft["postingDate"], company.state["from"], company.state["to"]
    if (first and day < first) or (last and day > last):
        raise BadRequest(DIALOG, "Posting Date is not within your range of allowed posting dates.")
    if company.state["ext_doc_no_mandatory"] and not draft["externalDocumentNumber"]:
        raise missing_value("External Document No.", named)
    company.check_usable(company.tables["customers"][draft["customerNumber"]], posting=True)
    if draft["currencyCode"] and not company.tables["currencies"][draft["currencyCode"]]["rate"]:
        raise BadRequest(
            "Internal_DataNotFoundFilter",
            "There is no Currency Exchange Rate within the filter. Filters: Currency Code: "
            f"{draft['currencyCode']}, Starting Date: ..{day}",
        )
    for line in draft["lines"]:
        if line["lineType"] == "Item":
            item = find_item(company, line["objectNumber"])
            left = company.inventory(item["number"]) - line["quantity"]
            if company.state["prevent_negative_inventory"] and left < 0:
                raise BadRequest(
                    DIALOG,
                    f"You have insufficient quantity of Item {item['number']} on inventory.",
                )
        elif line["lineType"] == "Account":
            find_account(company, line["objectNumber"])


def _applied(company: Company, memo: Row) -> Row | None:
    """The open entry that a credit memo is to be applied to. Raises BadRequest."""
    if not memo["appliesToDocNumber"]:
        return None
    entry = company.one("receivables", "documentNumber", memo["appliesToDocNumber"])
    if (
        entry is None
        or not entry["remainingAmount"]
        or entry["customerNumber"] != memo["billToCustomerNumber"]
    ):
        raise BadRequest(
            "Internal_DataNotFoundFilter", "There is no Cust. Ledger Entry within the filter."
        )
    if entry["currencyCode"] != memo["currencyCode"]:
        raise wrong_value(
            "Currency Code",
            memo["currencyCode"],
            f"Cust. Ledger Entry: Entry No.={entry['entryNumber']}",
            entry["currencyCode"],
        )
    return entry


def _book(company: Company, posted: Row, table: str, *, sign: int) -> None:
    currency = company.tables["currencies"].get(posted["currencyCode"])
    rate: Decimal = currency["rate"] if currency else Decimal(1)
    common = {
        "documentNumber": posted["number"],
        "documentType": "Credit Memo" if table == "memos" else "Invoice",
        "externalDocumentNumber": posted["externalDocumentNumber"],
        "postingDate": posted["postingDate"],
        "currencyCode": posted["currencyCode"],
    }
    sums: dict[str, Decimal] = {}
    for line in posted["lines"]:
        if line["lineType"] == "Comment":
            continue
        account = SALES if line["lineType"] == "Item" else line["objectNumber"]
        sums[account] = sums.get(account, ZERO) - sign * line["netAmount"]
    sums[VAT] = sums.get(VAT, ZERO) - sign * posted["totalTaxAmount"]
    local, exact, given = {}, ZERO, ZERO
    for account, amount in sums.items():
        # Each remainder is carried on, so that the parts add up to the rounded whole.
        exact += amount / rate
        local[account] = round_to(exact, PENNY) - given
        given += local[account]
    total, owed = sign * posted["totalAmountIncludingTax"], -sum(local.values(), ZERO)
    for account, amount, in_local in (
        (RECEIVABLES, total, owed),
        *((account, sums[account], local[account]) for account in sums),
    ):
        if amount or in_local:
            _write(
                company,
                "ledger",
                {**common, "account": account, "amount": amount, "amountLocal": in_local},
            )
    _write(
        company,
        "receivables",
        {
            **common,
            "customerNumber": posted["billToCustomerNumber"],
            "amount": total,
            "remainingAmount": total,
            "amountLocal": owed,
            "remainingLocal": owed,
            "open": bool(total),
        },
    )
    for line in posted["lines"]:
        if line["lineType"] == "Item" and line["quantity"]:
            company.move(
                line["objectNumber"],
                -sign * line["quantity"],
                location=line["locationCode"],
                variant=line["variantCode"],
                document=posted["number"],
                entry_type="Sale",
                document_type="Sales Credit Memo" if table == "memos" else "Sales Shipment",
                source=posted["customerNumber"],
                day=posted["postingDate"],
            )


def _write(company: Company, table: str, row: dict[str, Any]) -> None:
    number = len(company.tables[table]) + 1
    company.keep(table, {**row, "_key": f"{number:09d}", "entryNumber": number})


def _apply(company: Company, memo: Row, invoice_entry: Row) -> None:
    """Set a posted credit memo off against an open invoice."""
    own = company.one("receivables", "documentNumber", memo["number"])
    assert own is not None
    amount = min(invoice_entry["remainingAmount"], -own["remainingAmount"])
    if amount <= 0:
        return
    for entry, part in ((invoice_entry, amount), (own, -amount)):
        _reduce(company, entry, part)
    for table, number, part in (
        ("invoices", invoice_entry["documentNumber"], amount),
        ("memos", memo["number"], amount),
    ):
        row = company.tables[table].get(number)
        if row is not None:
            row["remainingAmount"] -= part
            row["postedStatus"] = "Open" if row["remainingAmount"] else "Paid"
            company.keep(table, row)


def _reduce(company: Company, entry: Row, part: Decimal) -> None:
    share = round_to(entry["remainingLocal"] * part / entry["remainingAmount"], PENNY)
    entry["remainingAmount"] -= part
    entry["remainingLocal"] -= share
    entry["open"] = bool(entry["remainingAmount"])
    company.keep("receivables", entry)


def pay(company: Company, number: str) -> Row:
    """A person books the customer's payment of a posted invoice in full."""
    invoice = company.tables["invoices"].get(number)
    entry = company.one("receivables", "documentNumber", number)
    if invoice is None or entry is None or not entry["remainingAmount"]:
        raise BadRequest(DIALOG, "There is no open invoice with this number.")
    _write(
        company,
        "receivables",
        {
            "documentNumber": f"P{number}",
            "documentType": "Payment",
            "externalDocumentNumber": "",
            "postingDate": company.today(),
            "currencyCode": entry["currencyCode"],
            "customerNumber": entry["customerNumber"],
            "amount": -entry["remainingAmount"],
            "remainingAmount": ZERO,
            "amountLocal": -entry["remainingLocal"],
            "remainingLocal": ZERO,
            "open": False,
        },
    )
    _reduce(company, entry, entry["remainingAmount"])
    invoice |= {"remainingAmount": ZERO, "postedStatus": "Paid"}
    company.keep("invoices", invoice)
    return invoice


def cancel(company: Company, invoice: Row) -> Row:
    """A corrective credit memo of the whole invoice, posted at once. Raises BadRequest."""
    if invoice["cancelled"]:
        raise BadRequest(
            DIALOG, "The invoice cannot be canceled because it has already been canceled."
        )
    if invoice["remainingAmount"] != invoice["totalAmountIncludingTax"]:
        raise BadRequest(
            DIALOG,
            "You cannot cancel this posted sales invoice because it is fully or partially paid.\\"
            "To reverse a paid sales invoice, you must manually create a sales credit memo.",
        )
    memo = corrective(company, invoice)
    try:
        posted = post(company, memo)
    except BadRequest as problem:
        company.drop("drafts", memo)
        raise BadRequest(
            DIALOG,
            "Canceling the invoice failed because of the following error: \n\n" + problem.message,
        ) from problem
    invoice |= {"cancelled": True, "postedStatus": "Canceled"}
    company.keep("invoices", invoice)
    posted |= {"corrective": True, "postedStatus": "Corrective"}
    company.keep("memos", posted)
    return posted


def corrective(company: Company, invoice: Row) -> Row:
    """A draft credit memo with all lines of a posted invoice, applied to it. Raises BadRequest."""
    if not invoice["remainingAmount"]:
        raise BadRequest(
            DIALOG,
            "The invoice is closed. The corrective credit memo will not be applied to the invoice.",
        )
    number = company.number("drafts")
    memo = copy.deepcopy(invoice)
    memo |= {
        "_key": f"Credit Memo|{number}",
        "_etag": 0,
        "id": str(uuid.uuid4()),
        "kind": "Credit Memo",
        "number": number,
        "status": "Open",
        "postingDate": company.today(),
        "documentDate": company.today(),
        "appliesToDocType": "Invoice",
        "appliesToDocNumber": invoice["number"],
        "correctedNumber": invoice["number"],
    }
    company.keep("drafts", memo)
    return memo
