"""Customer payment journals: captured payments, and money given back.

One journal for each payment, or one for each ledger day. A payment is recognised by its PaymentId. A
credit is money from the customer, a debit money given back. Lines of one journal must not be
written at the same time: the environment answers with an update conflict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations.client import Client, Json, equal
from connectors.erps.finance_operations.dimensions import account_of, escaped
from connectors.erps.finance_operations.papers import day_of, filled
from connectors.erps.finance_operations.settings import Choices
from connectors.errors import NeedsAttention, Rejected
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    ErpDocument,
    ErpDocumentLine,
    LineKind,
)

HEADERS, LINES = "CustomerPaymentJournalHeaders", "CustomerPaymentJournalLines"
ZERO, ONE = Decimal(0), Decimal(1)
_HEADER = ("JournalBatchNumber", "JournalName", "Description", "IsPosted")
_LINE = (
    "JournalBatchNumber",
    "LineNumber",
    "TransactionDate",
    "AccountDisplayValue",
    "CurrencyCode",
    "CreditAmount",
    "DebitAmount",
    "OffsetAccountDisplayValue",
    "PaymentId",
    "TransactionText",
    "CustomerName",
    "Voucher",
)


class PaymentJournals:
    """``mark`` gives the delimiter of display values; it is asked for when it is needed."""

    def __init__(self, client: Client, choices: Choices, mark: Callable[[], str]) -> None:
        self._client = client
        self._choices = choices
        self._mark = mark
        self._one_at_a_time = threading.Lock()

    def find(self, reference: str) -> tuple[ErpDocument, ...]:
        rows = self._client.find(
            LINES,
            f"PaymentId eq {odata.literal(reference)}",
            select=_LINE,
            purpose="look for our payment",
        )
        ours = [row for row in rows if equal(row, "PaymentId", reference)]
        return tuple(self._whole(row) for row in ours)

    def read(self, external_id: str) -> ErpDocument | None:
        batch, number = _parts(external_id)
        row = self._client.get(
            LINES,
            {"JournalBatchNumber": batch, "LineNumber": number},
            select=("dataAreaId", *_LINE),
            purpose="read the payment back",
        )
        return None if row is None else self._whole(row)

    def _whole(self, line: Json) -> ErpDocument:
        header = self._client.get(
            HEADERS,
            {"JournalBatchNumber": Reader(line, LINES).text("JournalBatchNumber")},
            select=("dataAreaId", *_HEADER),
            purpose="see whether the journal is posted",
        )
        return from_rows(header or {}, line, self._mark())

    def create(self, draft: DocumentDraft, begin_by: float) -> str:
        """The journal, made or found by its description, and the payment in it."""
        name = journal_name(draft, self._choices)
        with self._one_at_a_time:
            batch = self._journal(name, self._description(draft), begin_by)
            number = self._next_number(batch) if self._choices.journal_for == "day" else 1
            body = line_body(draft, self._mark())
            made = self._client.create(
                LINES,
                {"JournalBatchNumber": batch, "LineNumber": number, **body},
                purpose="add the payment to the journal",
                begin_by=begin_by,
            )
        read = Reader(made, LINES)
        return f"{read.text('JournalBatchNumber')};{read.decimal('LineNumber').normalize():f}"

    def _journal(self, name: str, description: str, begin_by: float) -> str:
        rows = self._client.find(
            HEADERS,
            f"Description eq {odata.literal(description)}",
            select=_HEADER,
            purpose="look for the journal",
        )
        for row in rows:
            same = equal(row, "Description", description) and equal(row, "JournalName", name)
            if same and row.get("IsPosted") == "No":
                return Reader(row, HEADERS).text("JournalBatchNumber")
        made = self._client.create(
            HEADERS,
            {"JournalName": name, "Description": description},
            purpose="create the payment journal",
            begin_by=begin_by,
        )
        return Reader(made, HEADERS).text("JournalBatchNumber")

    def _next_number(self, batch: str) -> int:
        rows = self._client.find(
            LINES,
            f"JournalBatchNumber eq {odata.literal(batch)}",
            select=("JournalBatchNumber", "LineNumber"),
            purpose="see the journal's last line",
        )
        numbers = [Reader(row, LINES).decimal("LineNumber") for row in rows]
        return int(max(numbers, default=ZERO)) + 1

    def _description(self, draft: DocumentDraft) -> str:
        """What the journal of this payment is found by."""
        if self._choices.journal_for == "day":
            return f"Web store {draft.posting_date.isoformat()} {draft.currency}"
        return draft.reference

    def discard(self, external_id: str) -> None:
        """The line; in a journal of its own the journal with it."""
        batch, number = _parts(external_id)
        if self._choices.journal_for == "day":
            self._client.delete(
                LINES,
                {"JournalBatchNumber": batch, "LineNumber": number},
                purpose="withdraw our payment",
            )
            return
        self._client.delete(
            HEADERS, {"JournalBatchNumber": batch}, purpose="withdraw our payment journal"
        )

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        company = {"dataAreaId": self._client.company}
        header = {
            "JournalName": journal_name(draft, self._choices),
            "Description": self._description(draft),
        }
        body = line_body(draft, self._mark())
        return {
            "method": "POST",
            "path": f"/data/{HEADERS}?cross-company=true",
            "body": company | header,
            "then": [
                {
                    "method": "POST",
                    "path": f"/data/{LINES}?cross-company=true",
                    "body": company | {"JournalBatchNumber": "as numbered by the journal"} | body,
                }
            ],
        }


def journal_name(draft: DocumentDraft, choices: Choices) -> str:
    name = choices.refund_journal if draft.total_inc_tax < 0 else choices.payment_journal
    if not name:
        raise NeedsAttention(
            "no payment journal",
            reason="No journal name for payments is chosen.",
            advice="Enter the name of a customer payment journal in the connection's settings.",
            code="settings",
        )
    return name


def line_body(draft: DocumentDraft, mark: str) -> dict[str, Any]:
    """The journal line, without its journal. The account's delimiters are escaped, or the
    environment would take the parts for dimensions."""
    amount = draft.total_inc_tax
    if not draft.lines or not draft.lines[0].number:
        raise Rejected(
            "no offset account",
            hold="lookup_missing",
            keys=("lookup:payment_accounts:*",),
            reason="No account is known that the money went to.",
            advice="Add a row to Accounts by payment method.",
        )
    fields = draft.fields
    return filled(
        {
            "TransactionDate": draft.posting_date.isoformat(),
            "AccountType": "Cust",
            "AccountDisplayValue": escaped(draft.customer_number, mark),
            "CurrencyCode": draft.currency,
            "DebitAmount" if amount < 0 else "CreditAmount": abs(amount),
            "OffsetAccountType": fields.get("offset_type") or "Bank",
            "OffsetAccountDisplayValue": escaped(draft.lines[0].number, mark),
            "PaymentMethodName": fields.get("payment_method", ""),
            "PaymentReference": fields.get("payment_reference", ""),
            "PaymentId": draft.reference,
            "TransactionText": fields.get("text", ""),
            "IsPrepayment": "No",
        }
    )


def from_rows(header: Json, line: Json, mark: str) -> ErpDocument:
    """A payment as read back: positive is money received. Raises UnexpectedShape."""
    read = Reader(line, LINES)
    batch = read.text("JournalBatchNumber")
    posted = Reader(header, HEADERS).text("IsPosted", "No") == "Yes"
    amount = read.decimal("CreditAmount", ZERO) - read.decimal("DebitAmount", ZERO)
    day = day_of(read.text("TransactionDate", ""))
    booked = ErpDocumentLine(
        number=account_of(read.text("OffsetAccountDisplayValue", ""), mark),
        description=read.text("TransactionText", ""),
        kind=LineKind.ACCOUNT,
        quantity=ONE,
        unit_price=amount,
        discount=ZERO,
        amount_ex_tax=amount,
        tax=ZERO,
        amount_inc_tax=amount,
    )
    return ErpDocument(
        kind=DocumentKind.PAYMENT,
        external_id=f"{batch};{read.decimal('LineNumber').normalize():f}",
        number=batch,
        reference=read.text("PaymentId", ""),
        status=DocumentStatus.POSTED if posted else DocumentStatus.DRAFT,
        customer_number=account_of(read.text("AccountDisplayValue", ""), mark),
        customer_name=read.text("CustomerName", ""),
        currency=read.text("CurrencyCode", ""),
        document_date=day,
        posting_date=day,
        prices_include_tax=False,
        total_ex_tax=amount,
        total_tax=ZERO,
        total_inc_tax=amount,
        lines=(booked,),
        invoice_number=read.text("Voucher", "") if posted else "",
    )


def _parts(external_id: str) -> tuple[str, Decimal]:
    batch, _, number = external_id.rpartition(";")
    return batch, Decimal(number)
