"""An order and its refund into NAV by each way in, over real HTTPS with real sign-ins."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from connectors.contract import Verdict
from connectors.records import DocumentKind, DocumentStatus
from tests.connectors.nav.drafts import charge, customer, draft, goods

INVOICE, ORDER = DocumentKind.SALES_INVOICE, DocumentKind.SALES_ORDER
CREDIT = DocumentKind.CREDIT_MEMO
D = Decimal


@pytest.fixture(params=["nav", "windows", "beta", "later"])
def anyway(request):
    """Each way in, with whatever posts there."""
    workshop = request.getfixturevalue(request.param)
    posting = {"nav": "action", "windows": "codeunit", "beta": "codeunit", "later": "action"}
    workshop.way = {**workshop.way, "posting": posting[request.param]}
    return workshop


def test_a_ping_proves_the_connection_and_offers_the_companies(anyway):
    ping = anyway.build().ping()
    assert not ping.failures, ping.failures
    assert ping.is_healthy, ping.checks
    assert ("O'Neil Trading Ltd.", "O'Neil Trading Ltd.") in ping.choices["company"]
    assert ping.facts["Local currency"] == "GBP"
    assert len(anyway.state()["customers"]) == 4
    posting = next(c for c in ping.checks if c.name == "Posting")
    assert posting.verdict is Verdict.OK


def test_an_order_of_a_new_customer_is_booked_and_posted(anyway):
    anyway.set(template_prices_include_tax=True)
    erp = anyway.build(prices_include_tax="yes")
    assert erp.find_customers("zoe.o'neil@example.com") == ()
    made = erp.create_customer(customer())
    assert erp.find_customers("Zoe.O'Neil@EXAMPLE.com") == (made,)
    assert erp.find_customer_by_number(made.number.lower()) == made
    items = erp.find_items(["tent-2p-grn", "BOOK-LAKES", "NO-SUCH", "X" * 40])
    assert set(items) == {"tent-2p-grn", "BOOK-LAKES"}
    tent, lakes = items["tent-2p-grn"], items["BOOK-LAKES"]
    meant = draft(
        goods(tent.number, "3", "24.975", item_id=tent.external_id),
        goods(lakes.number, "2", "8.50", "1.00", rate="0", item_id=lakes.external_id),
        charge("shipping", "6.00"),
        customer=made.number,
        customer_id=made.external_id,
    )
    assert erp.find_documents(INVOICE, meant.reference) == ()
    external_id = erp.create_document(meant)
    (found,) = erp.find_documents(INVOICE, meant.reference.lower())
    assert found.external_id == external_id
    assert found.status is DocumentStatus.DRAFT
    assert (found.is_complete, found.has_totals) == (True, True)
    assert (found.total_inc_tax, found.currency) == (meant.total_inc_tax, "GBP")
    assert found.total_tax == D("13.49")
    assert [line.amount_inc_tax for line in found.lines] == [D("74.93"), D("16.00"), D("6.00")]
    assert [line.number for line in found.lines] == ["TENT-2P-GRN", "BOOK-LAKES", "6610"]
    assert found.lines[0].description == "TENT-2P-GRN from the store"
    erp.post_document(INVOICE, external_id)
    posted = erp.read_document(INVOICE, external_id)
    assert (posted.status, posted.external_id) == (DocumentStatus.POSTED, external_id)
    assert posted.number != found.number
    assert posted.total_inc_tax == meant.total_inc_tax
    assert erp.find_documents(INVOICE, meant.reference) == (posted,)
    ledger = anyway.state()
    assert ledger["ledger_balance"] == 0
    assert [
        row["externalDocumentNumber"] or row["yourReference"] for row in ledger["invoices"]
    ] == [meant.reference]


@pytest.mark.parametrize("way", ["nav", "later"])
def test_a_refund_is_applied_to_its_open_invoice_and_to_no_closed_one(request, way):
    workshop = request.getfixturevalue(way)
    erp = workshop.build(posting="action")
    known = erp.find_customer_by_number("C00001")
    tent = erp.find_items(["TENT-2P-GRN"])["TENT-2P-GRN"]
    line = goods(tent.number, "1", "120.00", item_id=tent.external_id)
    who = {"customer": known.number, "customer_id": known.external_id}
    sold = erp.create_document(draft(line, **who))
    erp.post_document(INVOICE, sold)
    number = erp.read_document(INVOICE, sold).number
    part = goods(tent.number, "1", "20.00", item_id=tent.external_id)
    refund = replace(
        draft(part, kind=CREDIT, reference="WEB-R1", **who),
        applies_to_id=sold,
        applies_to_number=number,
    )
    first = erp.create_document(refund)
    erp.post_document(CREDIT, first)
    back = erp.read_document(CREDIT, first)
    assert (back.status, back.total_inc_tax) == (DocumentStatus.POSTED, D("20.00"))
    state = workshop.state()
    assert state["invoices"][0]["remainingAmount"] == D("100.00")
    workshop.simulator.post("invoices/pay", number=number)
    second = erp.create_document(replace(refund, reference="WEB-R2"))
    erp.post_document(CREDIT, second)
    assert workshop.state()["credit_memos"][1]["appliesToDocNumber"] == ""


def test_a_sales_order_waits_and_its_invoice_number_is_read_later(nav):
    erp = nav.build()
    meant = draft(kind=ORDER, fields={"location": "WEB", "shipment_method": "DELIVERY"})
    external_id = erp.create_document(meant)
    order = erp.read_document(ORDER, external_id)
    assert (order.status, order.total_inc_tax) == (DocumentStatus.OPEN, D("126.00"))
    nav.simulator.post("documents/post", kind="Order", number=order.number)
    invoiced = erp.read_document(ORDER, external_id)
    assert (invoiced.status, invoiced.number) == (DocumentStatus.POSTED, order.number)
    assert invoiced.invoice_number == "103001"
    (found,) = erp.find_documents(ORDER, meant.reference)
    assert found == invoiced


def test_without_posting_of_ours_a_draft_is_left_to_people(nav):
    erp = nav.build()
    ping = erp.ping()
    assert ping.is_healthy
    assert any("drafts and orders only" in check.words for check in ping.checks)
    external_id = erp.create_document(draft())
    (found,) = erp.find_documents(INVOICE, "WEB-100045")
    assert found.status is DocumentStatus.OPEN
    nav.simulator.post("documents/post", kind="Invoice", number=found.number)
    assert erp.read_document(INVOICE, external_id).status is DocumentStatus.POSTED
