"""Receivables transactions as Receivables Transaction Entry saves them: unposted, in a batch."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from sandbox.gp import batches, currency, ledger, periods, wire
from sandbox.gp.company import Company, Row
from sandbox.gp.currency import Money
from sandbox.gp.resources import TRANSACTION
from sandbox.gp.values import BLANK_DATE, clean, complete, dec, five
from sandbox.gp.wire import Refusal

ZERO = Decimal(0)
TYPES = {
    1: "Invoice", 3: "Debit memo", 4: "Finance charge", 5: "Service", 6: "Warranty",
    7: "Credit memo", 8: "Return",
}  # fmt: skip
PARTS = (
    "SalesAmount",
    "TradeDiscountAmount",
    "FreightAmount",
    "MiscellaneousAmount",
    "TaxAmount",
    "DocumentAmount",
    "CostAmount",
)


def create(company: Company, body: Row) -> Row:
    """Save one document. Raises Refusal; then nothing was saved, nor a batch opened for it.

    Source of the arithmetic and of the references: taRMTransaction.
    """
    values = clean(TRANSACTION, body, company.page)
    row = complete(TRANSACTION, values)
    if row["DocumentType"] not in TYPES:
        raise Refusal(
            400, wire.MALFORMED, "DocumentType", "The document type is not one of receivables."
        )
    row["DocumentNumber"] = row["DocumentNumber"].upper()
    row["BatchSource"] = row["BatchSource"] or batches.SOURCE
    if row["GLPostingDate"] == BLANK_DATE:
        row["GLPostingDate"] = row["DocumentDate"]
    _check_amounts(row)
    _check_duplicate(company, row)
    customer = _customer(company, row)
    _check_references(company, row)
    if "Taxes" not in values or not row["Taxes"]:
        row["Taxes"] = _taxes(company, row)
    _check_taxes(row)
    batch = batches.take(company, row)
    if company.state["period_check"] != "posting":
        periods.check(company, row["GLPostingDate"])
    money = currency.of_document(
        company, {**values, "GLPostingDate": row["GLPostingDate"]}, customer
    )
    for name in PARTS:
        money.check_places(name, row[name])
    _distribute(company, row, money)
    row |= {
        "AddressId": row["AddressId"] or customer["AddressId"],
        "PaymentTermsId": row["PaymentTermsId"] or customer["PaymentTermsId"],
        "CurrencyId": money.currency if company.state["multicurrency"] else "",
        "RateTypeId": money.rate_type,
        "ExchangeRate": currency.shown_rate(money),
        "ExchangeDate": money.rate_day,
        "TransactionState": "Work",
        "CurrentDocumentAmount": row["DocumentAmount"],
    }
    company.keep("batches", batch)
    return company.keep("documents", row)


def _check_amounts(row: Row) -> None:
    due = (
        dec(row["SalesAmount"])
        - dec(row["TradeDiscountAmount"])
        + dec(row["FreightAmount"])
        + dec(row["MiscellaneousAmount"])
        + dec(row["TaxAmount"])
    )
    if dec(row["DocumentAmount"]) != due:
        raise Refusal(
            400,
            wire.WRONG_DOCUMENT_AMOUNT,
            "DocumentAmount",
            "Document Amount is incorrect - (DOCAMNT <> SLSAMNT - TRDISAMT + FRTAMNT + MISCAMNT"
            " + TAXAMNT)",
        )


def _check_duplicate(company: Company, row: Row) -> None:
    """The key file covers Work, Open and History; a number is used once for each type."""
    number = row["DocumentNumber"]
    same = company.get("documents", str(row["DocumentType"]), number)
    if same is None and not company.state["duplicates_per_type"]:
        same = next(
            (each for each in company.tables["documents"].values()
             if each["DocumentNumber"] == number),
            None,
        )  # fmt: skip
    if same is not None:
        raise Refusal(
            409,
            wire.DUPLICATE_DOCUMENT,
            "DocumentNumber",
            "Document number (DOCNUMBR) already exists in either RM00401, RM10301, RM20101 or"
            " RM30101",
        )


def _customer(company: Company, row: Row) -> Row:
    customer = company.get("customers", row["CustomerId"])
    if customer is None:
        raise Company.missing("CustomerId", row["CustomerId"], "customers", wire.NO_CUSTOMER)
    if customer["Inactive"]:
        raise Refusal(422, wire.CUSTOMER_INACTIVE, "CustomerId", "The customer is inactive.")
    if customer["Hold"] and company.state["hold_refuses"]:
        raise Refusal(422, wire.CUSTOMER_ON_HOLD, "CustomerId", "The customer is on hold.")
    row["CustomerId"] = customer["CustomerId"]
    return customer


def _check_references(company: Company, row: Row) -> None:
    company.check_references("documents", row)
    address = row["AddressId"]
    if address and company.get("addresses", row["CustomerId"], address) is None:
        raise Company.missing("AddressId", address, "addresses", wire.NO_REFERENCE)
    if row["BatchSource"].upper() != batches.SOURCE.upper():
        raise Refusal(
            422,
            wire.NO_REFERENCE,
            "BatchSource",
            f"Receivables documents belong in batches of {batches.SOURCE}.",
        )
    for number, tax in enumerate(row["Taxes"]):
        if company.get("tax_details", tax["TaxDetailId"]) is None:
            raise Company.missing(
                f"Taxes[{number}].TaxDetailId",
                tax["TaxDetailId"],
                "tax_details",
                wire.NO_REFERENCE,
            )


def _taxes(company: Company, row: Row) -> list[Row]:
    """The details that GP works out from the document's schedule where none were sent."""
    schedule = company.get("tax_schedules", row["TaxScheduleId"])
    if schedule is None:
        return []
    taxable = dec(row["SalesAmount"]) - dec(row["TradeDiscountAmount"])

    def share(amount: Decimal, percent: str) -> str:
        return five((amount * dec(percent) / 100).quantize(Decimal("0.01"), ROUND_HALF_UP))

    def also(name: str, detail: str) -> bool:
        other = company.get("tax_schedules", row[name])
        return other is not None and any(
            each["TaxDetailId"] == detail for each in other["TaxDetails"]
        )

    rows = []
    for each in schedule["TaxDetails"]:
        detail, percent = each["TaxDetailId"], each["Percent"]
        rows.append(
            {
                "TaxDetailId": detail,
                "TaxableSalesAmount": five(taxable),
                "SalesTaxAmount": share(taxable, percent),
                "FreightTaxAmount": share(dec(row["FreightAmount"]), percent)
                if also("FreightTaxScheduleId", detail)
                else five(ZERO),
                "MiscellaneousTaxAmount": share(dec(row["MiscellaneousAmount"]), percent)
                if also("MiscellaneousTaxScheduleId", detail)
                else five(ZERO),
            }
        )
    return rows


def _check_taxes(row: Row) -> None:
    names = ("SalesTaxAmount", "FreightTaxAmount", "MiscellaneousTaxAmount")
    total = sum((dec(tax[name]) for tax in row["Taxes"] for name in names), ZERO)
    if total != dec(row["TaxAmount"]):
        raise Refusal(
            400,
            wire.WRONG_TAX_AMOUNT,
            "TaxAmount",
            "Tax amount (TAXAMNT) does not equal tax details in RM10601",
        )


def _distribute(company: Company, row: Row, money: Money) -> None:
    """Given distributions are checked; without any GP fills them from the setup."""
    if row["Distributions"]:
        if company.state["distribution_check"] == "create":
            ledger.check(company, row["Distributions"])
    else:
        row["Distributions"] = ledger.defaults(company, row)
    row["_functional"] = ledger.functional(row["Distributions"], money)
    row["FunctionalDocumentAmount"] = five(money.functional(dec(row["DocumentAmount"])))


def delete(company: Company, kind: int, number: str) -> None:
    """A person deletes an unposted document; its number is free again. Raises Refusal."""
    row = company.get("documents", str(kind), number)
    if row is None:
        raise Refusal(404, wire.NO_RECORD, "DocumentNumber", "The document does not exist.")
    if row["TransactionState"] != "Work":
        raise Refusal(422, wire.NOT_UNPOSTED, "DocumentNumber", "The document is posted.")
    company.drop("documents", company.key("documents", row))


def to_history(company: Company, kind: int, number: str) -> None:
    """Paid transaction removal: Open becomes History. Raises Refusal."""
    row = company.get("documents", str(kind), number)
    if row is None or row["TransactionState"] != "Open":
        raise Refusal(422, wire.NOT_UNPOSTED, "DocumentNumber", "The document is not open.")
    row["TransactionState"] = "History"
    company.keep("documents", row)
