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
from connectors.records import DocumentDraft, DocumentStatus, ErpDocument
from connectors.records.codec import load
from sync import dispatch, documents, route_settings, transfers
from sync.comparison import compare
from sync.models import Document, State
from sync.pipelines import related
from sync.transfers import Settlement

FIRST_LOOK = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=12)
GIVEN_UP_AFTER = timedelta(days=120)


def look_later(document: Document) -> None:
    """Have the ERP asked for a document that it accepted: soon at first, then ever more rarely."""
    waited = timezone.now() - (document.posted_at or timezone.now())
    if waited > GIVEN_UP_AFTER:
        _tell(
            document,
            f"{document.number} is not posted in the ERP after {GIVEN_UP_AFTER.days} days; it is "
            "not asked for any more.",
        )
        return
    pause = min(max(FIRST_LOOK, waited / 4), LONGEST_PAUSE)
    dispatch.wake_at(dispatch.AWAITED, document.pk, timezone.now() + pause)


def look(document_id: int) -> None:
    """Ask once. A document that is posted there gets its final number here."""
    document = (
        Document.objects.select_related("erp", "transfer__route__store", "transfer__route__erp")
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
            found = documents.find_booked(services.open_erp(document.erp), document)
        except NeedsAttention as error:
            if error.source == str(document.erp_id):
                services.report_problem(document.erp, error)
            look_later(document)
            return
        except ConnectorError:
            look_later(document)  # the exchanges tell why
            return
        if found is not None and found.status is DocumentStatus.POSTED:
            _posted(document, found)
            return
        if found is None or found.status is DocumentStatus.CANCELED:
            _tell(
                document,
                f"{document.number} was accepted by the ERP, and is not there any more: it was "
                "deleted or cancelled before it was posted.",
            )
            return
    look_later(document)


def _tell(document: Document, words: str) -> None:
    """The ledger will not have this document by itself: a person must know."""
    dispatch.forget(dispatch.AWAITED, document.pk)
    transfers.move(
        [document.transfer_id],
        from_states=[State.POSTED],
        settlement=Settlement(
            state=State.CHANGED,
            reason=words,
            advice="Ask in the ERP what became of it, and book the sale there if it is missing. "
            "Then mark this as dealt with.",
            action=Action.CHANGED_AFTER_POSTING,
        ),
    )


def _posted(document: Document, found: ErpDocument) -> None:
    """The ERP's own figures are known now: a difference to the store's is shown, and where the
    route says so a person must look at it."""
    number = found.invoice_number or found.number
    draft = load(DocumentDraft, document.draft or {})
    settings = route_settings.values_of(document.transfer.route)
    places = services.open_erp(document.erp).places(found.currency or draft.currency)
    comparison = compare(draft, found, places=places) if found.has_totals else None
    differs = comparison is not None and not comparison.agrees
    words = f"{document.number} is posted in the ERP: {number}."
    if differs and comparison is not None:
        words += (
            f" The ERP worked out {comparison.total.erp:.2f} with {comparison.tax.erp:.2f} tax; the "
            f"store charged {comparison.total.store:.2f} with {comparison.tax.store:.2f}."
        )
    with transaction.atomic():
        documents.mark_posted_in_erp(document, found)
        audit.record(
            Action.POSTED_IN_ERP,
            words,
            transfer_id=document.transfer_id,
            document_id=document.pk,
            data={"document": document.number, "invoice": number},
        )
        dispatch.forget(dispatch.AWAITED, document.pk)
        transfers.note(
            document.transfer_id,
            words,
            comparison=comparison.as_json() if differs and comparison is not None else None,
            needs_person=differs and settings.get("late_difference") == "hold",
        )
        transfers.release_waiting_for(
            [related.booked_key(document.transfer.order_key)],
            route_ids=[document.transfer.route_id],
            why=words,
        )
