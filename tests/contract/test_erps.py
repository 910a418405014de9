"""Every registered ERP over real HTTP against its simulator, with drafts of the real mapping."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest

from connectors.errors import ConnectorError, Rejected
from connectors.kit.http import dumps
from connectors.records import (
    ChargeKind,
    DocumentKind,
    DocumentStatus,
)
from tests.contract.booking import CREDIT, agrees, booked, new_customer, settle, whole
from tests.contract.drafts import (
    charge,
    document,
    goods,
    payment,
    sale,
)
from tests.support.rigs import ErpRig

UNPOSTED = (DocumentStatus.DRAFT, DocumentStatus.OPEN, DocumentStatus.IN_REVIEW)
SALES = {
    "one line": sale(),
    "two rates": sale(goods("SPORK-TI", 3, "8.99"), goods("BOOK-LAKES", 7, "12.99", rate="ZERO")),
    "discount and shipping": sale(
        goods("PACK-28", 3, "84.99", discount="7.77"),
        goods("MAP-BEN", 2, "9.99", rate="ZERO", discount="0.01"),
        charges=(charge(ChargeKind.SHIPPING, "4.95"),),
    ),
    "net prices": sale(
        goods("TUBE-28", 7, "6.49"),
        goods("BOOK-ALPS", 1, "16.50", rate="ZERO"),
        charges=(charge(ChargeKind.SHIPPING, "3.95"), charge(ChargeKind.HANDLING, "2.35")),
        inclusive=False,
    ),
}


def test_a_ping_proves_the_connection_and_writes_nothing(erp: ErpRig):
    before = (erp.booked(), erp.customers())
    ping = erp.adapter().ping()
    assert not ping.failures, ping.failures
    assert ping.is_healthy, ping.checks
    assert ping.facts
    assert len({check.name for check in ping.checks}) == len(ping.checks)
    assert (erp.booked(), erp.customers()) == before


def test_items_are_found_and_unknown_ones_left_out(erp: ErpRig):
    adapter = erp.adapter()
    asked = ["TENT-2P-GRN", "BOOK-LAKES", erp.unknown_item, "x" * 60, "A'B & (C)/D", ""]
    found = adapter.find_items(asked)
    assert set(found) == {"TENT-2P-GRN", "BOOK-LAKES"}
    assert found["TENT-2P-GRN"].number
    assert not found["TENT-2P-GRN"].blocked
    assert adapter.find_items([]) == {}
    assert adapter.find_items_by_gtin(["no-such-barcode"]) == {}


def test_a_customer_is_created_once_and_found_again(erp: ErpRig):
    adapter, order = erp.adapter(), sale(email="O'Neil+web@Example.com")
    assert adapter.find_customers(order.customer.email) == ()
    before = erp.customers()
    made = new_customer(erp, adapter, order)
    assert made.number
    assert erp.customers() == before + 1
    assert adapter.find_customer_by_number(made.number).number == made.number
    assert adapter.find_customer_by_number("NO-SUCH-NUMBER") is None
    found = adapter.find_customers(order.customer.email.lower())
    if adapter.numbers_customers:
        assert [row.number for row in found] == [made.number]
    else:  # where e-mail addresses cannot be asked for, nothing is guessed
        assert [row.number for row in found] in ([], [made.number])
    assert adapter.find_customers("nobody@example.com") == ()


@pytest.mark.parametrize("name", SALES)
def test_a_document_reads_back_to_the_cent(erp: ErpRig, name: str):
    adapter, order = erp.adapter(), SALES[name]
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    assert adapter.find_documents(draft.kind, draft.reference) == ()
    preview = adapter.preview(draft)
    assert preview["path"]
    found = booked(erp, adapter, draft)
    agrees(adapter, draft, found)
    assert found.reference.upper() == draft.reference
    assert found.customer_number in ("", customer.number)
    assert found.currency in ("", "GBP")
    assert found.status in UNPOSTED
    assert adapter.read_document(draft.kind, found.external_id) == found
    assert is_on_record(erp, preview), "the preview is not what was sent"
    assert erp.secrets_on_record() == []
    (row,) = erp.of(draft.reference)
    if row.total is not None:
        assert row.total == order.total_inc_tax
    assert not erp.duplicates()


def is_on_record(rig: ErpRig, preview: dict[str, Any]) -> bool:
    wanted = preview["body"]
    for call in rig.calls:
        if call.method != preview["method"] or not unquote(call.url).endswith(
            unquote(preview["path"])
        ):
            continue
        if isinstance(wanted, str) or dumps(wanted).encode() == call.request_body:
            return True
    return False


def test_documents_are_made_by_several_threads_at_once(erp: ErpRig):
    adapter = erp.adapter()
    customer = new_customer(erp, adapter, sale())
    drafts = [
        document(
            sale(number=f"2{n:05d}"),
            rig=erp,
            erp=adapter,
            customer=customer,
            reference=f"WEB-2{n:05d}",
        )
        for n in range(6)
    ]
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(adapter.create_document, drafts))
    assert len(set(made)) == len(drafts)
    for draft in drafts:
        agrees(adapter, draft, whole(adapter, draft))
    assert not erp.duplicates()


def test_a_foreign_order_is_booked_in_its_currency(erp: ErpRig):
    adapter = erp.adapter()
    order = sale(
        goods("BOOK-ALPS", 2, "19.50", rate="ZERO"),
        charges=(charge(ChargeKind.SHIPPING, "9.90", "ZERO"),),
        currency="EUR",
        country="DE",
    )
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    found = booked(erp, adapter, draft)
    assert found.currency == "EUR"
    agrees(adapter, draft, found)
    assert adapter.places("EUR") == 2


def test_a_draft_is_discarded_or_the_erp_says_that_a_person_must(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    found = booked(erp, adapter, draft)
    refused = None
    try:
        adapter.discard_document(found.kind, found.external_id)
    except Rejected as error:
        refused = error
    if refused:
        assert refused.advice != Rejected.advice, "a person must, and is told how"
        assert len(erp.of(draft.reference)) == 1
        return
    assert adapter.find_documents(draft.kind, draft.reference) == ()
    assert erp.of(draft.reference) == []
    assert adapter.read_document(draft.kind, found.external_id) is None


def test_a_refund_is_a_credit_that_reads_back_to_the_cent(erp: ErpRig):
    adapter = erp.adapter()
    order = sale(
        goods("SPORK-TI", 3, "8.99"),
        goods("BOOK-LAKES", 2, "12.99", rate="ZERO"),
        charges=(charge(ChargeKind.SHIPPING, "4.95"),),
    )
    customer = new_customer(erp, adapter, order)
    invoice = settle(erp, adapter, document(order, rig=erp, erp=adapter, customer=customer))
    back = sale(goods("SPORK-TI", 1, "8.99"), charges=(charge(ChargeKind.SHIPPING, "4.95"),))
    draft = document(
        back,
        rig=erp,
        erp=adapter,
        customer=customer,
        kind=CREDIT,
        reference="WEB-R7",
        applies_to_number=invoice.invoice_number or invoice.number,
        applies_to_id=invoice.external_id,
    )
    found = booked(erp, adapter, draft)
    assert found.kind is CREDIT
    agrees(adapter, draft, found)
    settle(erp, adapter, draft, booking=0)
    credits = [row for row in erp.booked() if row.kind == "credit"]
    assert [row.reference.upper() for row in credits] == ["WEB-R7"]
    if credits[0].total is not None:
        assert abs(credits[0].total) == back.total_inc_tax
    assert not erp.duplicates()


def test_what_is_posted_balances_and_posting_twice_does_no_harm(erp: ErpRig):
    adapter, order = erp.adapter(), SALES["discount and shipping"]
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    found = settle(erp, adapter, draft)
    assert found.status is DocumentStatus.POSTED
    assert erp.ledger_difference() == 0
    if any(b.posts and b.kind is draft.kind for b in adapter.order_bookings):
        with pytest.raises(Rejected):
            adapter.post_document(found.kind, found.external_id)
        with pytest.raises(ConnectorError):
            adapter.discard_document(found.kind, found.external_id)
    assert len(erp.of(draft.reference)) == 1
    assert erp.ledger_difference() == 0


def test_payments_are_booked_where_the_erp_takes_them(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    if not adapter.payment_bookings:
        return
    customer = new_customer(erp, adapter, order)
    for number, amount in (("1", order.total_inc_tax), ("2", Decimal("-12.50"))):
        draft = payment(order, amount, rig=erp, erp=adapter, customer=customer, number=number)
        assert adapter.find_documents(DocumentKind.PAYMENT, draft.reference) == ()
        found = booked(erp, adapter, draft)
        assert found.total_inc_tax == amount
        assert adapter.read_document(DocumentKind.PAYMENT, found.external_id) == found
        agrees(adapter, draft, found)
        assert len(erp.of(draft.reference)) == 1
    assert not erp.duplicates()
