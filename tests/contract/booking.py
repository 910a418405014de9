"""Steps of the posting protocol that the tests of ERPs share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.records import (
    DocumentKind,
    ErpCustomer,
    ErpDocument,
    Order,
)
from sync.comparison import compare
from tests.contract.drafts import (
    customer_draft,
    rules_of,
)
from tests.support.rigs import ErpRig

CREDIT = DocumentKind.CREDIT_MEMO


def new_customer(rig: ErpRig, erp: Any, order: Order, sequence: int = 1) -> ErpCustomer:
    return erp.create_customer(customer_draft(order, rules_of(rig, erp), sequence))


def booked(rig: ErpRig, erp: Any, draft) -> ErpDocument:
    """Created, completed, and read back as the posting protocol does."""
    erp.create_document(draft)
    return whole(erp, draft)


def whole(erp: Any, draft) -> ErpDocument:
    (found,) = erp.find_documents(draft.kind, draft.reference)
    if not found.is_complete:
        erp.complete_document(draft, found)
        (found,) = erp.find_documents(draft.kind, draft.reference)
    assert found.is_complete
    return found


def agrees(erp: Any, draft, found: ErpDocument) -> None:
    comparison = compare(
        replace(draft, prices_include_tax=found.prices_include_tax),
        found,
        places=erp.places(draft.currency),
    )
    assert comparison.agrees, comparison.as_json()


def settle(rig: ErpRig, erp: Any, draft, booking: int | None = None) -> ErpDocument:
    """Posted by us where the ERP offers it; then by the ERP's own people."""
    if booking is None:
        found = booked(rig, erp, draft)
    else:
        found = whole(erp, draft)
    bookings = erp.refund_bookings if draft.kind is CREDIT else erp.order_bookings
    if any(b.posts and b.kind is draft.kind for b in bookings):
        erp.post_document(found.kind, found.external_id)
    rig.post_all()
    again = erp.read_document(draft.kind, found.external_id)
    return again or found
