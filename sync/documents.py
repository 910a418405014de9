"""Our rows about ERP documents. Each step of the posting protocol commits here before it is sent
and again when the answer is known, so that the next run always knows what may have happened."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp
from connectors.errors import Rejected
from connectors.models import Connection
from connectors.records import DocumentDraft, DocumentKind, DocumentStatus, ErpDocument
from sync import transfers
from sync.models import Document
from sync.transfers import Lease

Status = Document.Status
SETTLED = (Status.POSTED, Status.ACCEPTED)
SALES = (DocumentKind.SALES_ORDER, DocumentKind.SALES_INVOICE)


class ReferenceTaken(Exception):
    """Another transfer already means this document."""

    def __init__(self, other: Document) -> None:
        super().__init__(f"{other.reference} belongs to {other.transfer.job_id}")
        self.other = other


def as_json(record: Any) -> Any:
    """A record as plain JSON values; amounts become decimal strings."""
    return json.loads(json.dumps(asdict(record), cls=DjangoJSONEncoder))


def intend(lease: Lease, *, erp: Connection, draft: DocumentDraft) -> Document:
    """Commit what is about to be booked. Raises ReferenceTaken, or Rejected if the transfer's
    order was sent to the ERP as another kind of document."""
    _refuse_second_kind(lease, draft)
    try:
        with transaction.atomic():
            document, created = Document.objects.get_or_create(
                erp=erp,
                kind=draft.kind.value,
                reference=draft.reference,
                defaults={
                    "transfer": lease.transfer,
                    "currency": draft.currency,
                    "draft": as_json(draft),
                },
            )
            if document.transfer_id != lease.transfer.pk:
                raise ReferenceTaken(document)
            if created:
                audit.record(
                    Action.DOCUMENT_INTENDED,
                    f"{_name(draft)} {draft.reference} over {draft.total_inc_tax:.2f} "
                    f"{draft.currency} is to be booked.",
                    transfer_id=lease.transfer.pk,
                    document_id=document.pk,
                    data={"notes": list(draft.notes)},
                )
    except IntegrityError as error:  # made by another worker between our look and our insert
        other = Document.objects.get(erp=erp, kind=draft.kind.value, reference=draft.reference)
        raise ReferenceTaken(other) from error
    return document


def _refuse_second_kind(lease: Lease, draft: DocumentDraft) -> None:
    """A route that books in another way by now must not book an order twice."""
    if draft.kind not in SALES:
        return
    other = (
        lease.transfer.documents.filter(kind__in=[kind.value for kind in SALES])
        .exclude(kind=draft.kind.value)
        .exclude(status__in=(Status.INTENDED, Status.DISCARDED))
        .first()
    )
    if other is not None:
        name = other.kind.replace("_", " ")
        raise Rejected(
            f"{other} was sent for this transfer",
            hold="duplicate_reference",
            reason=f"This order has the {name} {other.number or other.reference} in the ERP already "
            f"({other.get_status_display().lower()}); the route books orders in another way now.",
            advice="Skip this transfer if that document stands. Otherwise set the route back to "
            f"what it was when the {name} was made, and release.",
        )


def redraft(document: Document, draft: DocumentDraft) -> None:
    """Keep the draft that will be sent next."""
    document.draft = as_json(draft)
    document.currency = draft.currency
    document.save(update_fields=["draft", "currency", "updated_at"])


def differs(document: Document, draft: DocumentDraft) -> bool:
    """Whether the mapping now makes something else than what was sent."""
    return bool(document.draft != as_json(draft))


def mark_sent(
    lease: Lease, document: Document, draft: DocumentDraft, *, answer_within: timedelta
) -> None:
    """Commit that a create goes out now. Only the holder of the lease gets this far."""
    with transaction.atomic():
        transfers.renew(lease, seconds=answer_within.total_seconds() + 10)
        document.draft = as_json(draft)
        document.currency = draft.currency
        document.status = Status.SENT
        document.sent_at = timezone.now()
        document.sends += 1
        document.save()
        audit.record(
            Action.DOCUMENT_SENT,
            f"{_name(draft)} {document.reference} was sent to the ERP.",
            transfer_id=lease.transfer.pk,
            document_id=document.pk,
            data={"send": document.sends},
        )


def mark_not_made(document: Document) -> None:
    """The ERP refused the create: nothing exists."""
    document.status = Status.INTENDED
    document.external_id = ""
    document.save(update_fields=["status", "external_id", "updated_at"])


def unanswered_until(document: Document, answer_within: timedelta) -> datetime | None:
    """Until when a sent create may still be carried out; None if nothing is outstanding."""
    if document.status != Status.SENT or document.sent_at is None:
        return None
    until = document.sent_at + answer_within
    return until if until > timezone.now() else None


def mark_created(document: Document, external_id: str, *, found: bool) -> None:
    """The ERP holds an unposted document of ours: made just now, or found by its reference."""
    with transaction.atomic():
        document.status = Status.CREATED
        document.external_id = external_id
        document.save(update_fields=["status", "external_id", "updated_at"])
        audit.record(
            Action.DOCUMENT_ADOPTED if found else Action.DOCUMENT_CREATED,
            (
                f"{document.reference} was found in the ERP and is carried on; nothing was sent "
                "again."
                if found
                else f"{document.reference} was created in the ERP as a draft."
            ),
            transfer_id=document.transfer_id,
            document_id=document.pk,
            data={"external_id": external_id},
        )


def mark_posting(lease: Lease, document: Document, *, answer_within: timedelta) -> None:
    """Commit that the posting goes out now."""
    with transaction.atomic():
        transfers.renew(lease, seconds=answer_within.total_seconds() + 10)
        document.status = Status.POSTING
        document.save(update_fields=["status", "updated_at"])


def mark_checked(document: Document, booked: ErpDocument, words: str) -> None:
    """Keep what the ERP says it holds."""
    with transaction.atomic():
        _keep(document, booked)
        document.save()
        audit.record(
            Action.DOCUMENT_CHECKED,
            words,
            transfer_id=document.transfer_id,
            document_id=document.pk,
            data={"total_inc_tax": f"{booked.total_inc_tax:f}", "tax": f"{booked.total_tax:f}"},
        )


def mark_withdrawn(document: Document, why: str) -> None:
    """An unposted draft of ours was deleted from the ERP, to be made anew."""
    with transaction.atomic():
        document.status = Status.INTENDED
        document.external_id = document.number = ""
        document.booked = None
        document.sent_at = None
        document.save()
        audit.record(
            Action.DOCUMENT_WITHDRAWN,
            f"The draft {document.reference} was withdrawn from the ERP: {why}",
            transfer_id=document.transfer_id,
            document_id=document.pk,
        )


def settle(document: Document, booked: ErpDocument, *, url: str) -> None:
    """Record number, id and totals of the finished document. The caller's transaction also
    settles the transfer, so that both are known or neither."""
    _keep(document, booked)
    posted = booked.status is DocumentStatus.POSTED
    document.status = Status.POSTED if posted else Status.ACCEPTED
    document.external_id = booked.external_id
    document.url = url[:500]
    document.posted_at = timezone.now()
    document.save()


def mark_posted_in_erp(document: Document, booked: ErpDocument) -> None:
    """The ERP's people or batch jobs posted what it had accepted."""
    document.booked = as_json(booked)
    document.status = Status.POSTED
    document.invoice_number = booked.invoice_number or booked.number
    document.save(update_fields=["booked", "status", "invoice_number", "updated_at"])


def find_booked(erp: Erp, document: Document) -> ErpDocument | None:
    """A document as the ERP has it now; of a sales order that is gone, what was invoiced of it:
    an order disappears when it is fully invoiced. Raises ConnectorError."""
    kind = DocumentKind(document.kind)
    found = erp.read_document(kind, document.external_id)
    if found is not None or kind is not DocumentKind.SALES_ORDER:
        return found
    invoices = [
        row
        for row in erp.find_documents(DocumentKind.SALES_INVOICE, document.reference)
        if row.status is DocumentStatus.POSTED
    ]
    if not invoices:
        return None
    return replace(
        invoices[-1],
        invoice_number=", ".join(row.number for row in invoices)[:40],
        total_ex_tax=sum((row.total_ex_tax for row in invoices), Decimal(0)),
        total_tax=sum((row.total_tax for row in invoices), Decimal(0)),
        total_inc_tax=sum((row.total_inc_tax for row in invoices), Decimal(0)),
        lines=tuple(line for row in invoices for line in row.lines),
    )


def _keep(document: Document, booked: ErpDocument) -> None:
    document.booked = as_json(booked)
    document.number = booked.number
    document.currency = booked.currency or document.currency
    document.total_inc_tax = booked.total_inc_tax
    document.total_tax = booked.total_tax
    document.posting_date = booked.posting_date


def _name(draft: DocumentDraft) -> str:
    return draft.kind.value.replace("_", " ").capitalize()
