"""Sales documents as NAV's pages hold them: drafts into bodies, rows into records. Pure.

Lines are numbered by us, so that a line sent twice is refused and a broken-off document is known:
10001, 20001 and so on, and the last line's number ends in 2. NAV itself and people number in ten
thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erps.nav.amounts import price_of, shared_out
from connectors.erps.nav.fields import HEADER_FIELDS, LINE_FIELDS, OFTEN_ABSENT
from connectors.erps.nav.metadata import Service, plain
from connectors.errors import Rejected, UnexpectedShape
from connectors.kit.reader import Reader
from connectors.records import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    DraftLine,
    ErpDocument,
    ErpDocumentLine,
    LineKind,
)

Json = Mapping[str, Any]
ZERO = Decimal(0)
BLANK_DATE = "0001-01-01"
STEP = 10_000
OURS, OUR_LAST = 1, 2  # the last digit of our line numbers

_TYPES = {LineKind.ITEM: "Item", LineKind.ACCOUNT: "G/L Account", LineKind.COMMENT: " "}
_KINDS = {plain(word): kind for kind, word in _TYPES.items()}
_UNPOSTED = frozenset({"", "open", "released"})
_TOTALS = ("Total_Amount_Excl_VAT", "Total_VAT_Amount", "Total_Amount_Incl_VAT")
# The ends of the names of fields that hold people's words: those are shortened, codes never are.
_WORDS = (
    "Name", "Address", "Address_2", "City", "County", "Description", "Description_2",
    "Phone_No", "Home_Page", "Contact",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """Where the documents of a kind are: service settings of drafts and of posted ones."""

    draft: str
    posted: str
    type: str


SOURCES = {
    DocumentKind.SALES_INVOICE: Source("invoice", "posted_invoice", "Invoice"),
    DocumentKind.SALES_ORDER: Source("order", "posted_invoice", "Order"),
    DocumentKind.CREDIT_MEMO: Source("credit_memo", "posted_credit_memo", "Credit Memo"),
}


def header_body(draft: DocumentDraft, service: Service, *, currency: str, applies_to: str) -> Json:
    """The body of a new header, in the order in which NAV must be told: the customer first, since
    he brings his own currency and codes. ``applies_to`` is the number of an open invoice."""
    _fits("External_Document_No", draft.reference, service)
    body: dict[str, Any] = {
        "Sell_to_Customer_No": draft.customer_number,
        "External_Document_No": draft.reference,
        "Document_Date": draft.document_date.isoformat(),
        "Posting_Date": draft.posting_date.isoformat(),
    }
    if draft.kind is DocumentKind.SALES_ORDER and "Order_Date" in service:
        body["Order_Date"] = draft.document_date.isoformat()
    _put(body, service, "currency_code", "Currency_Code", currency, always=True)
    if "Prices_Including_VAT" in service:
        body["Prices_Including_VAT"] = draft.prices_include_tax
    for name, field in HEADER_FIELDS.items():
        if name == "reason" and draft.kind is not DocumentKind.CREDIT_MEMO:
            continue
        _put(body, service, name, field, draft.fields.get(name, ""))
    if applies_to and "Applies_to_Doc_No" in service:
        kind = service.fields.get("Applies_to_Doc_Type")
        if kind is not None:
            body["Applies_to_Doc_Type"] = kind.member("Invoice")
        body["Applies_to_Doc_No"] = applies_to
    return body


def line_body(
    draft: DocumentDraft, position: int, service: Service, *, places: int
) -> dict[str, Any]:
    """The body of one line. Item and quantity bring NAV's own price, so ours comes after them, and
    the description after the item that fills it."""
    line = draft.lines[position]
    kind = service.fields.get("Type")
    body: dict[str, Any] = {
        "Line_No": line_numbers(len(draft.lines))[position],
        "Type": kind.member(_TYPES[line.kind]) if kind else _TYPES[line.kind],
    }
    if line.kind is LineKind.COMMENT:
        return body | {"Description": _shortened(line.description, service.length("Description"))}
    _fits("No", line.number, service)
    body["No"] = line.number
    for name, field in LINE_FIELDS.items():
        if name != "description_2":
            _put(body, service, name, field, _line_field(line, name))
    price = price_of(line, include_tax=draft.prices_include_tax, places=places)
    body["Quantity"] = line.quantity
    body["Unit_Price"] = price.unit
    if price.discount:
        body["Line_Discount_Amount"] = price.discount
    body["Description"] = _shortened(line.description, service.length("Description"))
    _put(body, service, "description_2", "Description_2", line.fields.get("description_2", ""))
    return body


def _line_field(line: DraftLine, name: str) -> str:
    value = line.fields.get(name, "")
    if name != "variant":
        return value
    # A row of Product variants may name the item too: "1896-S;variant=BLUE".
    return value.rpartition(";")[2].rpartition("=")[2].strip()


def line_numbers(count: int) -> list[int]:
    return [
        STEP * (position + 1) + (OUR_LAST if position == count - 1 else OURS)
        for position in range(count)
    ]


def is_complete(numbers: Iterable[int]) -> bool:
    """Whether all lines are there that we meant to send. A line that is not numbered by us means
    that a person has been at work: then it is as it shall be."""
    found = [number % STEP for number in numbers]
    return bool(found) and not all(digit == OURS for digit in found)


def _put(
    body: dict[str, Any],
    service: Service,
    name: str,
    field: str,
    value: str,
    *,
    always: bool = False,
) -> None:
    """Enter a mapped value. Raises Rejected if the page does not show a field that was mapped."""
    if not value and not (always and field in service):
        return
    if field not in service:
        if name in OFTEN_ABSENT:
            return
        raise Rejected(
            f"{service.name} has no {field}",
            hold="mapping",
            reason=f"The page “{service.name}” does not show the field {field}, and the mapping "
            f"fills it with “{value}”.",
            advice="Have the field placed on the page in NAV, or empty its mapping; then release.",
            code="field_absent",
        )
    if field.endswith(_WORDS):
        value = _shortened(value, service.length(field))
    _fits(field, value, service)
    body[field] = value


def customer_body(values: Mapping[str, str], service: Service) -> dict[str, Any]:
    """``values``: the page's field -> value, in the order of entry."""
    body: dict[str, Any] = {}
    for field, value in values.items():
        _put(body, service, _OUR_NAMES.get(field, field), field, value)
    return body


_OUR_NAMES = {"Address_2": "address_2", "County": "county", "Phone_No": "phone"}


def _shortened(text: str, length: int | None) -> str:
    return text if length is None else text[:length].rstrip()


def _fits(field: str, value: str, service: Service) -> None:
    length = service.length(field)
    if length is not None and len(value) > length:
        raise Rejected(
            f"{service.name}.{field} takes {length} characters",
            hold="mapping",
            reason=f"“{value}” is longer than the {length} characters of {field} in NAV.",
            advice="Give the route a shorter prefix if it is the reference; otherwise correct the "
            "mapping. Then release the transfer.",
            code="too_long",
        )


# Reading


def draft_document(
    row: Json, lines: list[Json], kind: DocumentKind, *, unposted: DocumentStatus, currency: str
) -> ErpDocument:
    """An unposted document. ``currency`` is the company's own. Raises UnexpectedShape."""
    read = Reader(row, SOURCES[kind].draft)
    state = plain(read.text("Status", ""))
    status = unposted if kind is not DocumentKind.SALES_ORDER else DocumentStatus.OPEN
    if state not in _UNPOSTED:
        status = DocumentStatus.IN_REVIEW  # an approval or a prepayment that people wait for
    number = read.text("No")
    whole = is_complete(Reader(line, "line").integer("Line_No", 0) for line in lines)
    return _document(
        read, lines, kind, external_id=number, status=status, currency=currency, is_complete=whole
    )


def posted_document(row: Json, lines: list[Json], kind: DocumentKind, currency: str) -> ErpDocument:
    """A posted document. Its id is its draft's number, which it had before and is known by."""
    read = Reader(row, SOURCES[kind].posted)
    number = read.text("No")
    was = read.text("Order_No" if kind is DocumentKind.SALES_ORDER else "Pre_Assigned_No", "")
    gone = read.flag("Cancelled") or read.flag("Corrective")
    return _document(
        read,
        lines,
        kind,
        external_id=was or posted_id(number),
        status=DocumentStatus.CANCELED if gone else DocumentStatus.POSTED,
        currency=currency,
        invoice_number=number if kind is DocumentKind.SALES_ORDER else "",
    )


def posted_id(number: str) -> str:
    """The id of a posted document that no draft of ours became."""
    return f"posted:{number}"


def number_of(external_id: str) -> tuple[str, bool]:
    """(number, whether it is a posted document's)."""
    return external_id.removeprefix("posted:"), external_id.startswith("posted:")


def _document(
    read: Reader,
    lines: list[Json],
    kind: DocumentKind,
    *,
    external_id: str,
    status: DocumentStatus,
    currency: str,
    is_complete: bool = True,
    invoice_number: str = "",
) -> ErpDocument:
    with_tax = read.flag("Prices_Including_VAT")
    totals = _totals(read, lines)
    return ErpDocument(
        kind=kind,
        external_id=external_id,
        number=read.text("Order_No", "") or read.text("No")
        if kind is DocumentKind.SALES_ORDER
        else read.text("No"),
        reference=read.text("External_Document_No", ""),
        status=status,
        customer_number=read.text("Sell_to_Customer_No", ""),
        customer_name=read.text("Sell_to_Customer_Name", ""),
        currency=read.text("Currency_Code", "") or currency,
        document_date=_day(read, "Document_Date"),
        posting_date=_day(read, "Posting_Date"),
        prices_include_tax=with_tax,
        total_ex_tax=totals[0] if totals else ZERO,
        total_tax=totals[1] if totals else ZERO,
        total_inc_tax=totals[2] if totals else ZERO,
        lines=_lines(lines, with_tax, totals),
        invoice_number=invoice_number,
        has_totals=totals is not None,
        is_complete=is_complete,
    )


def _totals(read: Reader, lines: list[Json]) -> tuple[Decimal, Decimal, Decimal] | None:
    """(without tax, tax, with tax): from a posted header, or from the totals that a page shows
    under its lines, which each line carries. None where the page shows neither."""
    first = Reader(lines[0], "line") if lines else None
    if first is not None and all(name in first for name in _TOTALS):
        ex, tax, inc = (first.decimal(name) for name in _TOTALS)
        return ex, tax, inc
    if "Amount" in read and "Amount_Including_VAT" in read:
        ex, inc = read.decimal("Amount"), read.decimal("Amount_Including_VAT")
        return ex, inc - ex, inc
    rows = [Reader(line, "line") for line in lines]
    if rows and all("Amount" in row and "Amount_Including_VAT" in row for row in rows):
        ex = sum((row.decimal("Amount") for row in rows), ZERO)
        inc = sum((row.decimal("Amount_Including_VAT") for row in rows), ZERO)
        return ex, inc - ex, inc
    return None


def _lines(
    lines: list[Json], with_tax: bool, totals: tuple[Decimal, Decimal, Decimal] | None
) -> tuple[ErpDocumentLine, ...]:
    """Pages show a line's amount in the document's own pricing mode and no tax: the document's tax
    is shared out over the lines to show both."""
    rows = [Reader(line, "line") for line in lines]
    shown = [row.decimal("Line_Amount", ZERO) for row in rows]
    taxes = shared_out(totals[1] if totals else ZERO, shown, 2)
    found = []
    for row, amount, tax in zip(rows, shown, taxes, strict=True):
        ex, inc = (amount - tax, amount) if with_tax else (amount, amount + tax)
        if "Amount" in row and "Amount_Including_VAT" in row:
            ex, inc = row.decimal("Amount"), row.decimal("Amount_Including_VAT")
        found.append(
            ErpDocumentLine(
                number=row.text("No", ""),
                description=row.text("Description", ""),
                kind=_KINDS.get(plain(row.text("Type", "")), LineKind.COMMENT),
                quantity=row.decimal("Quantity", ZERO),
                unit_price=row.decimal("Unit_Price", ZERO),
                discount=row.decimal("Line_Discount_Amount", ZERO),
                amount_ex_tax=ex,
                tax=inc - ex,
                amount_inc_tax=inc,
            )
        )
    return tuple(found)


def _day(read: Reader, name: str) -> date | None:
    return day_of(read.text(name, ""), f"{read.where}.{name}")


def day_of(text: str, where: str) -> date | None:
    """A date of NAV; blank and 0001-01-01 are none."""
    if not text or text.startswith(BLANK_DATE):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise UnexpectedShape(where, "is not a date") from error
