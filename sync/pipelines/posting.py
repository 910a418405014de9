"""The posting protocol: commit what is meant, look, create only if absent, read back, compare,
post, read back, record. Dying anywhere in between is safe, because the next run looks first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from connectors.contract import Erp
from connectors.errors import OutcomeUnknown, Rejected, TryLater
from connectors.records import DocumentDraft, DocumentStatus, ErpDocument
from sync import documents, mapping, transfers
from sync.comparison import Comparison, compare
from sync.models import Document, Hold
from sync.outcomes import Held
from sync.rules import Rules
from sync.transfers import Lease

Status = Document.Status
UNPOSTED = (DocumentStatus.DRAFT, DocumentStatus.OPEN, DocumentStatus.IN_REVIEW)
MOST_REDRAFTS = 4
LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Booked:
    """The end of the protocol: our row and what the ERP holds."""

    document: Document
    booked: ErpDocument
    comparison: Comparison
    draft: DocumentDraft


def book(
    lease: Lease,
    *,
    erp: Erp,
    draft: DocumentDraft,
    rules: Rules,
    post: bool,
    on_pricing_mode: Callable[[bool], None],
) -> Booked:
    """Carry one draft into the ERP at most once. ``post`` says whether it is posted too.

    ``on_pricing_mode`` is told when the ERP's document has another pricing mode than expected.
    Raises Held, ConnectorError, LeaseLost.
    """
    try:
        document = documents.intend(lease, erp=lease.transfer.route.erp, draft=draft)
    except documents.ReferenceTaken as taken:
        raise Held(
            Hold.DUPLICATE_REFERENCE,
            f"The reference {draft.reference} belongs to another transfer ({taken.other.transfer}).",
            "Give one of the two routes another prefix.",
        ) from taken
    if document.status in documents.SETTLED:
        return _again(document, erp, draft, rules)
    for _ in range(MOST_REDRAFTS):
        booked, is_new = _find_or_create(lease, document, erp, draft)
        if booked.status in UNPOSTED and booked.prices_include_tax != draft.prices_include_tax:
            on_pricing_mode(booked.prices_include_tax)
            draft = _in_mode(draft, booked.prices_include_tax)
            _withdraw(lease, document, erp, booked, "the customer's prices include tax otherwise.")
            continue
        places = erp.places(draft.currency)
        comparison = compare(draft, booked, places=places, check_tax=rules.tax == "erp")
        redraft = _with_rounding(draft, comparison, rules)
        if redraft is not None and booked.status in UNPOSTED:
            _withdraw(lease, document, erp, booked, "a rounding line is needed.")
            draft = redraft
            continue
        stale = not is_new and booked.status is DocumentStatus.DRAFT and not comparison.agrees
        if stale and not _accepted(lease, comparison):
            _withdraw(
                lease, document, erp, booked, "it was made before, and its totals do not agree."
            )
            continue
        break
    else:
        raise TryLater(
            f"{draft.reference} was made {MOST_REDRAFTS} times and fits no more",
            reason="The draft was made anew several times; it is tried once more from the start.",
        )
    _judge(lease, document, draft, booked, comparison)
    if post and booked.status in UNPOSTED:
        booked = _post(lease, document, erp, booked)
        comparison = compare(draft, booked, places=places, check_tax=rules.tax == "erp")
    return Booked(document, booked, comparison, draft)


def _find_or_create(
    lease: Lease, document: Document, erp: Erp, draft: DocumentDraft
) -> tuple[ErpDocument, bool]:
    """The one ERP document with our reference, and whether it was created just now."""
    found = _look(document, erp, draft)
    if (
        found is not None
        and found.status is DocumentStatus.DRAFT
        and document.status != Status.SENT
        and documents.differs(document, draft)
    ):
        _withdraw(lease, document, erp, found, "the mapping or the order is another one by now.")
        found = None
    if found is not None:
        if document.external_id != found.external_id:
            documents.mark_created(document, found.external_id, found=True)
        if not found.is_complete:
            found = _complete(lease, document, erp, draft, found)
        return found, False
    wait_until = documents.unanswered_until(document, erp.carried_out_within)
    if wait_until is not None:
        # It was sent and may still be carried out: nothing is sent again before that is over.
        raise TryLater(
            f"{document.reference} was sent and is not there yet",
            reason="The document was sent without an answer. We look again until it cannot come "
            "any more, before it is sent again.",
            counts=False,
            retry_after=_until_next_look(document, wait_until),
        )
    documents.mark_sent(lease, document, draft, answer_within=erp.request_seconds)
    try:
        external_id = erp.create_document(draft)
    except OutcomeUnknown:
        raise
    except BaseException as error:
        if isinstance(error, Exception):
            documents.mark_not_made(document)
        raise
    documents.mark_created(document, external_id, found=False)
    return _read_back(document, erp, draft), True


def _until_next_look(document: Document, wait_until: datetime) -> timedelta:
    """Soon after the send, when the answer alone was lost; then every half minute."""
    now = timezone.now()
    waited = now - (document.sent_at or now)
    return min(wait_until - now, max(timedelta(seconds=2), min(waited, LOOK_AGAIN)))


def _read_back(document: Document, erp: Erp, draft: DocumentDraft) -> ErpDocument:
    read_back = _look(document, erp, draft)
    if read_back is None:
        raise TryLater(
            f"{document.reference} is not readable yet",
            reason="The new document cannot be read yet.",
            retry_after=timedelta(seconds=1),
        )
    return read_back


def _complete(
    lease: Lease, document: Document, erp: Erp, draft: DocumentDraft, found: ErpDocument
) -> ErpDocument:
    """Go on with a document that was broken off between its header and its last line."""
    transfers.renew(lease, seconds=erp.request_seconds.total_seconds() * (len(draft.lines) + 1))
    erp.complete_document(draft, found)
    whole = _read_back(document, erp, draft)
    if not whole.is_complete:
        raise TryLater(
            f"{document.reference} still lacks lines",
            reason="The ERP does not show all lines of the new document yet.",
            retry_after=timedelta(seconds=2),
        )
    return whole


def _look(document: Document, erp: Erp, draft: DocumentDraft) -> ErpDocument | None:
    """The document with our reference. More than one is for a person: nothing is posted."""
    found = [
        row
        for row in erp.find_documents(draft.kind, draft.reference)
        if row.status is not DocumentStatus.CANCELED
    ]
    if len(found) > 1:
        numbers = ", ".join(row.number for row in found)
        raise Held(
            Hold.DUPLICATE_REFERENCE,
            f"The ERP holds {len(found)} documents with the reference {draft.reference}: {numbers}.",
            "Delete the ones that are not wanted in the ERP, then release.",
        )
    if found and document.status == Status.INTENDED and document.sends == 0:
        _prove_same(found[0], draft, erp.places(draft.currency))
    return found[0] if found else None


def _prove_same(found: ErpDocument, draft: DocumentDraft, places: int) -> None:
    """A document that we never sent carries our reference: it is only taken on if it is the same."""
    both = compare(draft, found, places=places, check_tax=False).total
    same_customer = not found.customer_number or found.customer_number == draft.customer_number
    same_currency = not found.currency or found.currency == draft.currency
    if same_customer and same_currency and not both.difference:
        return
    raise Held(
        Hold.DUPLICATE_REFERENCE,
        f"The ERP already has {found.number} with the reference {draft.reference}: "
        f"{both.erp:.2f} {found.currency} for customer {found.customer_number}, not "
        f"{both.store:.2f} for {draft.customer_number}.",
        "If somebody keyed this order by hand, correct or delete that document, then release.",
    )


def _again(document: Document, erp: Erp, draft: DocumentDraft, rules: Rules) -> Booked:
    """A document that was handed over already: it belongs to the ERP's people now. It is looked
    up and shown, never withdrawn, never made anew."""
    booked = _look(document, erp, draft)
    if booked is None and document.external_id:
        booked = documents.find_booked(erp, document)
    if booked is None:
        raise Held(
            Hold.DUPLICATE_REFERENCE,
            f"{document.number} was booked for this order and is not in the ERP any more.",
            "Ask who deleted it.",
        )
    places = erp.places(draft.currency)
    comparison = compare(draft, booked, places=places, check_tax=rules.tax == "erp")
    return Booked(document, booked, comparison, draft)


def _withdraw(lease: Lease, document: Document, erp: Erp, booked: ErpDocument, why: str) -> None:
    """Delete our own unposted draft, so that it can be made anew. Not while a posting of it may
    still be on its way, and only with the lease in hand."""
    if document.status == Status.POSTING:
        until = document.updated_at + erp.carried_out_within
        if until > timezone.now():
            raise TryLater(
                f"{document.reference} may be being posted",
                reason="The posting was sent without an answer. We look again until it cannot "
                "come any more.",
                counts=False,
                retry_after=_until_next_look(document, until),
            )
    if booked.status is not DocumentStatus.DRAFT and booked.status is not DocumentStatus.OPEN:
        raise Held(
            Hold.TOTALS_DISAGREE,
            f"{booked.number} waits for an approval in the ERP and cannot be made anew.",
            "Cancel the approval request in the ERP, then release.",
        )
    transfers.renew(lease, seconds=erp.request_seconds.total_seconds() + 10)
    erp.discard_document(booked.kind, booked.external_id)
    documents.mark_withdrawn(document, why)


def _in_mode(draft: DocumentDraft, prices_include_tax: bool) -> DocumentDraft:

    return replace(draft, prices_include_tax=prices_include_tax)


def _with_rounding(
    draft: DocumentDraft, comparison: Comparison, rules: Rules
) -> DocumentDraft | None:
    """The draft with a rounding line, where the route allows one of this size; else None."""
    difference = comparison.total.difference
    if not difference or abs(difference) > rules.rounding_limit:
        return None
    if any(line.source == "rounding" for line in draft.lines):
        return None
    return mapping.with_rounding(draft, difference, rules)


def _judge(
    lease: Lease,
    document: Document,
    draft: DocumentDraft,
    booked: ErpDocument,
    comparison: Comparison,
) -> None:
    """Both sides must agree, or a person has accepted exactly this difference. Raises Held."""
    if booked.currency and booked.currency != draft.currency:
        raise Held(
            Hold.TOTALS_DISAGREE,
            f"The order is in {draft.currency}, and {booked.number} in the ERP is in "
            f"{booked.currency}.",
            "Nothing is posted. Correct the currency in the ERP or delete the draft, then release.",
        )
    if comparison.agrees:
        documents.mark_checked(
            document,
            booked,
            f"The totals agree: {booked.total_inc_tax:.2f} {draft.currency}, tax "
            f"{booked.total_tax:.2f}."
            if booked.has_totals
            else f"The lines agree: {comparison.total.erp:.2f} {draft.currency}. Tax and total are "
            "compared when the ERP has worked them out.",
        )
        return
    if _accepted(lease, comparison):
        by = (lease.transfer.approved_totals or {}).get("by", "a person")
        documents.mark_checked(document, booked, f"The difference was accepted by {by}.")
        return
    documents.mark_checked(
        document,
        booked,
        f"The totals disagree: the store has {comparison.total.store:.2f}, the ERP "
        f"{comparison.total.erp:.2f}; tax {comparison.tax.store:.2f} and {comparison.tax.erp:.2f}.",
    )
    row = comparison.total if not comparison.totals_agree else comparison.tax
    raise Held(
        Hold.TOTALS_DISAGREE,
        f"{row.what} in the store {row.store:.2f}, in the ERP {row.erp:.2f} {draft.currency}: a "
        f"difference of {row.difference:.2f}.",
        "Nothing is posted. Compare the lines below, correct tax setup or mapping and release; or "
        "accept the difference.",
        comparison=comparison.as_json(),
    )


def _accepted(lease: Lease, comparison: Comparison) -> bool:
    """Whether a person has accepted exactly this difference."""
    accepted = lease.transfer.approved_totals or {}
    if accepted.get("hold") == Hold.OVER_REFUNDED:
        return False  # that was another question
    return accepted.get("total") == f"{comparison.total.difference:f}" and (
        accepted.get("tax") == f"{comparison.tax.difference:f}"
    )


def _post(lease: Lease, document: Document, erp: Erp, booked: ErpDocument) -> ErpDocument:
    """Post the draft and read it back. A second posting of the same draft is refused by the ERP,
    so after an unknown outcome the look alone tells."""
    documents.mark_posting(lease, document, answer_within=erp.request_seconds)
    try:
        erp.post_document(booked.kind, booked.external_id)
    except Rejected:
        # It may have been posted by an earlier try whose answer was lost.
        again = erp.read_document(booked.kind, booked.external_id)
        if again is not None and again.status is DocumentStatus.POSTED:
            return again
        raise
    again = erp.read_document(booked.kind, booked.external_id)
    if again is None or again.status is not DocumentStatus.POSTED:
        raise TryLater(
            f"{document.reference} is not posted yet",
            reason="The ERP has not finished posting.",
            retry_after=timedelta(seconds=2),
        )
    return again
