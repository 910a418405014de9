"""What belongs together: an order, its store invoices, payments, refunds and corrections."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Max, Prefetch, QuerySet

from audit.models import Entry
from connectors.records import DocumentKind
from console import selectors, wording
from console.money import rounded
from sync.models import Document, Flow, State, Transfer

PAPERS = (("credit", "Credit"), ("invoice", "Invoice"))


@dataclass(frozen=True, slots=True)
class Part:
    """One transfer of an order with the document that counts."""

    transfer: Transfer
    name: str
    document: Document | None
    is_credit: bool
    is_this: bool

    @property
    def numbers(self) -> str:
        return numbers_of(self.document)


def parts_of(transfer: Transfer) -> list[Part]:
    """Every transfer of the same order on the same route, oldest first, this one included.
    Empty for master data."""
    if transfer.flow not in wording.OF_ORDERS:
        return []
    rows = (
        _of_same_order(transfer)
        .defer("record", "comparison", "change")
        .prefetch_related(Prefetch("documents", Document.objects.defer("draft", "booked")))
        .order_by("id")
    )
    found = []
    for row in rows:
        document = selectors.ledger_document(row)
        found.append(
            Part(
                transfer=row,
                name=wording.called(row),
                document=document,
                is_credit=document is not None and document.kind == DocumentKind.CREDIT_MEMO,
                is_this=row.pk == transfer.pk,
            )
        )
    return found


def version(transfer: Transfer) -> str:
    """Changes whenever the page of a transfer would show something else: a part of its order, or a
    document that the ERP posts only later, moves without the transfer's own row being written."""
    parts = (
        _of_same_order(transfer) if transfer.flow in wording.OF_ORDERS else Transfer.objects.none()
    )
    ids = {transfer.pk, *parts.values_list("pk", flat=True)}
    newest = Entry.objects.filter(transfer_id__in=ids).aggregate(last=Max("id"))["last"] or 0
    return f"{transfer.updated_at.timestamp():.6f}-{len(ids)}-{newest}"


def _of_same_order(transfer: Transfer) -> QuerySet[Transfer]:
    return Transfer.objects.filter(
        route=transfer.route_id, order_key=transfer.order_key, flow__in=wording.OF_ORDERS
    ).exclude(order_key="")


def numbers_of(document: Document | None) -> str:
    """``103001``, or ``accepted as 000891, posted as INV-1`` where the ERP numbers twice."""
    if document is None:
        return ""
    if document.invoice_number and document.invoice_number != document.number:
        return f"accepted as {document.number}, posted as {document.invoice_number}"
    return document.number


def kind_words(document: Document) -> str:
    return document.kind.replace("_", " ").capitalize()


def beside(transfer: Transfer) -> dict[str, Any] | None:
    """The store's record beside the ERP's document; None where there is no such pair."""
    if transfer.flow not in wording.OF_ORDERS:
        return None
    if transfer.flow == Flow.PAYMENTS:
        return _payment_beside(transfer)
    return selectors.lines_beside(transfer)


def _payment_beside(transfer: Transfer) -> dict[str, Any] | None:
    """A payment beside the ERP's document, which has one line: the account it went to."""
    if not transfer.record or transfer.amount is None:
        return None
    document = selectors.ledger_document(transfer)
    lines = (document.draft or {}).get("lines", []) if document else []
    booked = (document.booked or {}) if document else {}
    theirs = Decimal(booked["total_inc_tax"]) if booked else None
    method = transfer.record.get("about", {}).get("method") or "Payment"
    row = {
        "name": method,
        "sku": "",
        "quantity": 1,
        "store": transfer.amount,
        "number": lines[0]["number"] if lines else "",
        "erp": theirs,
        "agrees": theirs is None or abs(theirs) == abs(transfer.amount),
    }
    return {
        "rows": [row],
        "document": document,
        "total": transfer.amount,
        "erp_total": theirs,
        "totals_agree": row["agrees"],
        "currency": transfer.currency,
        "is_payment": True,
    }


def proposal(transfer: Transfer) -> dict[str, Any] | None:
    """The correction that one click would book, with what tells it from any other proposal."""
    change = transfer.change
    if transfer.state != State.CHANGED or not change:
        return None
    if not (transfer.comparison or {}).get("can_correct"):
        return None
    papers = [_paper(name, change[key]) for key, name in PAPERS if change.get(key)]
    return {"papers": papers, "shown": digest(change)} if papers else None


def digest(change: dict[str, Any]) -> str:
    """Tells one proposal from another: a person books the one that was shown, or none."""
    return hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()


def _paper(name: str, sale: dict[str, Any]) -> dict[str, Any]:
    """One correcting document: its lines and charges, with tax."""
    rows = [
        {
            "name": line["name"] or line["sku"],
            "sku": line["sku"],
            "quantity": Decimal(line["quantity"]).normalize(),
            "amount": Decimal(line["net_inc_tax"]),
        }
        for line in sale["lines"]
    ]
    rows += [
        {
            "name": charge["name"] or charge["kind"].capitalize(),
            "sku": "",
            "quantity": "",
            "amount": Decimal(charge["amount_inc_tax"]),
        }
        for charge in sale["charges"]
    ]
    return {
        "name": name,
        "rows": rows,
        "tax": rounded(Decimal(sale["total_tax"]), sale["currency"]),
        "total": Decimal(sale["total_inc_tax"]),
        "currency": sale["currency"],
    }
