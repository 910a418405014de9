"""Documents that an ERP accepted and posts by its own people or batch jobs: read until posted."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from audit.context import working_on
from connectors import services
from connectors.errors import ConnectorError, NeedsAttention
from connectors.records import DocumentKind, DocumentStatus, ErpDocument
from sync import dispatch, documents, transfers
from sync.models import Document

FIRST_LOOK = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=12)
GIVEN_UP_AFTER = timedelta(days=120)


def look_later(document: Document) -> None:
    """Have the ERP asked for a document that it accepted: soon at first, then ever more rarely."""
    waited = timezone.now() - (document.posted_at or timezone.now())
    if waited > GIVEN_UP_AFTER:
        dispatch.forget(dispatch.AWAITED, document.pk)
        return
    pause = min(max(FIRST_LOOK, waited / 4), LONGEST_PAUSE)
    dispatch.wake_at(dispatch.AWAITED, document.pk, timezone.now() + pause)


def look(document_id: int) -> None:
    """Ask once. A document that is posted there gets its final number here."""
    document = (
        Document.objects.select_related("erp", "transfer")
        .filter(pk=document_id, status=Document.Status.ACCEPTED)
        .first()
    )
    if document is None or not document.erp.is_open:
        if document is None:
            dispatch.forget(dispatch.AWAITED, document_id)
        else:
            look_later(document)
        return
    with working_on(document.transfer_id):
        try:
            found = services.open_erp(document.erp).read_document(
                DocumentKind(document.kind), document.external_id
            )
        except NeedsAttention as error:
            if error.source == str(document.erp_id):
                services.report_problem(document.erp, error)
            found = None
        except ConnectorError:
            found = None  # the exchanges tell why
        if found is not None and found.status is DocumentStatus.POSTED:
            _posted(document, found)
            return
    look_later(document)


def _posted(document: Document, found: ErpDocument) -> None:
    number = found.invoice_number or found.number
    with transaction.atomic():
        documents.mark_posted_in_erp(document, found)
        audit.record(
            Action.POSTED_IN_ERP,
            f"{document.number} was posted in the ERP"
            + (f" as {number}." if number != document.number else "."),
            transfer_id=document.transfer_id,
            document_id=document.pk,
            data={"document": document.number, "invoice": number},
        )
        transfers.note(document.transfer_id, f"{document.number} is posted in the ERP: {number}.")
        dispatch.forget(dispatch.AWAITED, document.pk)
