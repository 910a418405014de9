"""Receivables documents of GP: drafts into an object's fields, answers into records. Pure.

Source of the types: eConnect's taRMTransaction (RMDTYPAL) and its distribution types (DISTTYPE).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erps.gp.amounts import (
    DISCOUNT,
    FREIGHT,
    MISCELLANEOUS,
    SALES,
    Amounts,
    Defaults,
    account_of,
    amounts_of,
    lookup_missing,
)
from connectors.erps.gp.fields import DOCUMENT_PROPERTIES
from connectors.erps.gp.text import fit
from connectors.errors import Rejected, UnexpectedShape
from connectors.kit.reader import Reader
from connectors.records import DocumentDraft, DocumentKind, DocumentStatus, ErpDocument

Json = Mapping[str, Any]
INVOICE, CREDIT_MEMO, RETURN = 1, 7, 8
CREDITS = (CREDIT_MEMO, RETURN)
BATCH_SOURCE = "RM_Sales"
NUMBER_LENGTH = 17
BLANK_DATE = "1900-01-01"
_NUMBER = re.compile(rf"[A-Z0-9-]{{1,{NUMBER_LENGTH}}}")
_RECEIVABLE, _TAXES = 3, 13
_DISTRIBUTIONS = {SALES: 9, DISCOUNT: 10, FREIGHT: 11, MISCELLANEOUS: 12}
_AMOUNTS = {
    SALES: "SalesAmount",
    DISCOUNT: "TradeDiscountAmount",
    FREIGHT: "FreightAmount",
    MISCELLANEOUS: "MiscellaneousAmount",
}
_TAX_AMOUNTS = {
    SALES: "SalesTaxAmount",
    FREIGHT: "FreightTaxAmount",
    MISCELLANEOUS: "MiscellaneousTaxAmount",
}
_STATES = {
    "work": DocumentStatus.OPEN,
    "open": DocumentStatus.POSTED,
    "history": DocumentStatus.POSTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How the connection writes documents: defaults, the columns' code page, and whether GP fills
    the distributions from its own posting accounts."""

    defaults: Defaults
    page: str = "cp1252"
    distributions_by_gp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """A document's currency as GP wants it: blank and without a rate for the company's own.
    ``rate`` None leaves the rate to GP's own table."""

    iso: str
    currency_id: str = ""
    rate: Decimal | None = None
    places: int = 2


def values_of(
    draft: DocumentDraft, *, kind: int, batch: str, currency: Currency, writing: Writing
) -> dict[str, Any]:
    """The fields of the receivables transaction for a draft. Raises Rejected."""
    reference = draft.reference.upper()
    if not _NUMBER.fullmatch(reference):
        raise Rejected(
            f"document number {reference}",
            hold="mapping",
            reason=f"The document number {reference} does not fit GP: at most {NUMBER_LENGTH} "
            "letters, digits and hyphens.",
            advice="Give the route a shorter prefix.",
        )
    amounts = amounts_of(
        draft, places=currency.places, defaults=writing.defaults, credit=kind in CREDITS
    )

    def money(amount: Decimal) -> str:
        return f"{amount:.{currency.places}f}"

    values: dict[str, Any] = {
        "DocumentType": kind,
        "DocumentNumber": reference,
        "DocumentDate": draft.document_date.isoformat(),
        "GLPostingDate": draft.posting_date.isoformat(),
        "BatchId": batch,
        "BatchSource": BATCH_SOURCE,
        "CustomerId": draft.customer_number,
    }
    for name, (key, length) in DOCUMENT_PROPERTIES.items():
        text, _ = fit(draft.fields.get(name, ""), writing.page, length)
        if text:
            values[key] = text
    values.setdefault("CustomerPONumber", fit(draft.order_number, writing.page, 20)[0])
    for part, key in _AMOUNTS.items():
        values[key] = money(amounts.of(part))
    values["TaxAmount"] = money(amounts.tax)
    values["DocumentAmount"] = money(amounts.total)
    if amounts.taxes:
        # A schedule without details would let GP work the tax out anew.
        if schedule := draft.fields.get("tax_schedule", ""):
            values["TaxScheduleId"] = schedule
        values["Taxes"] = [
            {
                "TaxDetailId": share.detail,
                "TaxableSalesAmount": money(share.taxable),
                **{
                    key: money(share.by_part[part])
                    for part, key in _TAX_AMOUNTS.items()
                    if share.by_part.get(part)
                },
            }
            for share in amounts.taxes
        ]
    if currency.currency_id:
        values["CurrencyId"] = currency.currency_id
        if currency.rate is not None:
            values["ExchangeRate"] = format(currency.rate, "f")
    else:
        values.pop("RateTypeId", None)
    if not writing.distributions_by_gp:
        values["Distributions"] = _distributions(draft, amounts, kind, writing.defaults, money)
    return values


def _distributions(
    draft: DocumentDraft,
    amounts: Amounts,
    kind: int,
    defaults: Defaults,
    money: Callable[[Decimal], str],
) -> list[dict[str, Any]]:
    """Receivable and trade discount against sales, freight, miscellaneous and tax; the other way
    round for a credit. They balance because the amounts add up."""
    receivable = account_of(draft.fields.get("receivable_account", "")) or defaults.receivable
    rows: list[tuple[int, str, Decimal]] = [(_RECEIVABLE, receivable, amounts.total)]
    rows += [
        (_DISTRIBUTIONS[DISCOUNT], account, amount)
        for account, amount in amounts.parts.get(DISCOUNT, {}).items()
    ]
    rows += [
        (_DISTRIBUTIONS[part], account, -amount)
        for part in (SALES, FREIGHT, MISCELLANEOUS)
        for account, amount in amounts.parts.get(part, {}).items()
    ]
    rows.append((_TAXES, defaults.tax, -amounts.tax))
    _accounts_are_there(draft, rows)
    sign = -1 if kind in CREDITS else 1
    return [
        {
            "AccountNumber": account,
            "DistributionType": number,
            "DebitAmount" if amount * sign > 0 else "CreditAmount": money(abs(amount)),
        }
        for number, account, amount in rows
        if amount
    ]


def _accounts_are_there(draft: DocumentDraft, rows: list[tuple[int, str, Decimal]]) -> None:
    """Raises Rejected, as a hold that names the lookup row which would cure it."""
    absent = {number for number, account, amount in rows if amount and not account}
    if _RECEIVABLE in absent:
        raise lookup_missing(
            "payment_accounts", ["*"], "receivable account", "Accounts by payment method"
        )
    if _DISTRIBUTIONS[SALES] in absent:
        classes = {
            line.fields.get("item_class", "") or "none"
            for line in draft.lines
            if line.source.startswith("line") and not line.fields.get("sales_account")
        }
        raise lookup_missing(
            "sales_accounts", classes or ["*"], "sales account", "Sales accounts by item class"
        )
    names = {
        _DISTRIBUTIONS[DISCOUNT]: "trade discounts",
        _DISTRIBUTIONS[FREIGHT]: "freight",
        _DISTRIBUTIONS[MISCELLANEOUS]: "miscellaneous charges",
        _TAXES: "sales tax",
    }
    wanted = [name for number, name in names.items() if number in absent]
    if wanted:
        raise Rejected(
            f"no account for {', '.join(wanted)}",
            hold="mapping",
            reason=f"No ledger account is given for {' and '.join(wanted)}.",
            advice="Fill the account in the connection's settings, then release the transfer.",
        )


def from_row(row: Json, iso_of: Callable[[str], str]) -> ErpDocument:
    """A document as read back; ``iso_of`` gives the ISO code of a GP currency id, the company's
    own for a blank one. Raises UnexpectedShape."""
    read = Reader(row, "Transaction")
    kind = read.integer("DocumentType")
    number = read.text("DocumentNumber")
    total, tax = read.decimal("DocumentAmount"), read.decimal("TaxAmount", Decimal(0))
    state = read.text("TransactionState", "Work")
    if state.casefold() not in _STATES:
        raise UnexpectedShape("Transaction.TransactionState", f"is {state}")
    return ErpDocument(
        kind=DocumentKind.CREDIT_MEMO if kind in CREDITS else DocumentKind.SALES_INVOICE,
        external_id=f"{kind};{number}",
        number=number,
        reference=number.upper(),
        status=DocumentStatus.CANCELED if read.flag("IsVoided") else _STATES[state.casefold()],
        customer_number=read.text("CustomerId", ""),
        customer_name=read.text("CustomerName", ""),
        currency=iso_of(read.text("CurrencyId", "")),
        document_date=day_of(read.text("DocumentDate", "")),
        posting_date=day_of(read.text("GLPostingDate", "")),
        prices_include_tax=False,
        total_ex_tax=total - tax,
        total_tax=tax,
        total_inc_tax=total,
    )


def day_of(text: str) -> date | None:
    """A GP day, with or without a time of midnight; 1900-01-01 means none."""
    day = text.strip()[:10]
    if not day or day == BLANK_DATE:
        return None
    try:
        return date.fromisoformat(day)
    except ValueError as error:
        raise UnexpectedShape("date", f"is {day}") from error


def parts_of(external_id: str) -> tuple[int, str]:
    """(type, number) of an id that ``from_row`` gave."""
    kind, _, number = external_id.partition(";")
    return int(kind), number
