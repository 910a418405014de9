"""Documents that break off between header and last line: found, completed, never doubled."""

from __future__ import annotations

import time

import pytest

from connectors.erps.finance_operations import connector
from connectors.errors import (
    OutcomeUnknown,
    Rejected,
    TryLater,
)
from connectors.records import DocumentStatus
from sync.comparison import compare
from tests.connectors.finance_operations.drafts import (
    CREDIT,
    INVOICE,
    ORDER,
    charge,
    draft,
    goods,
)

HEADERS, LINES = "SalesOrderHeadersV4", "SalesOrderLinesV3"
THREE = (goods(quantity="2", ex="33.33"), goods("BAG-DOWN-M", "1", "8.50"), charge())


@pytest.mark.parametrize(
    ("fault", "exists"),
    [
        ({"action": "lose_reply"}, True),
        ({"action": "delay", "seconds": 3}, True),
        ({"action": "truncate"}, True),
        ({"action": "drop"}, False),
        ({"action": "html"}, False),
        ({"action": "status", "status": 500}, False),
        ({"action": "status", "status": 503}, False),
        ({"action": "status", "status": 408}, False),
    ],
)
def test_a_header_without_an_answer_is_looked_for(build, fo, fault, exists):
    erp = build()
    fo.fault(method="POST", path=HEADERS, **fault)
    with pytest.raises(OutcomeUnknown):
        erp.create_document(draft(*THREE))
    if fault["action"] == "delay":
        time.sleep(1.5)  # until the environment has done it
    found = erp.find_documents(ORDER, "BC1-100045")
    assert bool(found) is exists
    if exists:
        assert (found[0].is_complete, found[0].status) == (False, DocumentStatus.DRAFT)
        erp.complete_document(draft(*THREE), found[0])
    else:
        erp.create_document(draft(*THREE))
    (whole,) = erp.find_documents(ORDER, "BC1-100045")
    assert whole.is_complete
    assert compare(draft(*THREE), whole, places=2).agrees


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize("kind", [ORDER, INVOICE, CREDIT])
@pytest.mark.parametrize("action", ["lose_reply", "drop"])
def test_a_line_without_an_answer_is_written_once(build, fo, workshop, skip, kind, action):
    erp = build()
    path = LINES if kind is ORDER else "FreeTextInvoiceLines"
    fo.fault(action, method="POST", path=path, skip=skip)
    meant = draft(*THREE, kind=kind)
    with pytest.raises(OutcomeUnknown):
        erp.create_document(meant)
    (found,) = erp.find_documents(kind, meant.reference)
    arrived = action == "lose_reply"
    assert len(found.lines) == skip + arrived
    assert found.is_complete is (arrived and skip == 2)
    if not arrived:
        with pytest.raises(TryLater) as later:  # it may still come
            erp.complete_document(meant, found)
        assert not later.value.counts
        workshop.cache.values.clear()  # as after that time
    erp.complete_document(meant, found)
    erp.complete_document(meant, found)
    (whole,) = erp.find_documents(kind, meant.reference)
    assert whole.is_complete
    assert compare(meant, whole, places=2).agrees


@pytest.mark.parametrize("kind", [ORDER, INVOICE, CREDIT])
def test_lines_together_are_one_call_and_all_or_nothing(build, fo, workshop, kind):
    erp = build(lines_written="together")
    meant = draft(*THREE, kind=kind)
    erp.places("GBP")
    workshop.records.clear()
    erp.create_document(meant)
    assert [path for method, path in workshop.calls if method == "POST"][1:] == ["$batch"]
    (found,) = erp.find_documents(kind, meant.reference)
    assert compare(meant, found, places=2).agrees
    bad = draft(*THREE, goods(tax_code="NO-SUCH"), kind=kind, reference="BC1-2")
    with pytest.raises(Rejected) as refused:  # inside an outer 200
        erp.create_document(bad)
    assert refused.value.source == "finance_operations"
    assert "NO-SUCH" in refused.value.vendor_words
    assert erp.find_documents(kind, "BC1-2") == ()


@pytest.mark.parametrize("action", ["lose_reply", "drop", "truncate", "html"])
def test_lines_together_without_an_answer_are_written_once(build, fo, workshop, action):
    erp = build(lines_written="together")
    fo.fault(action, method="POST", path="batch")
    with pytest.raises(OutcomeUnknown):
        erp.create_document(draft(*THREE))
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    arrived = action in ("lose_reply", "truncate")
    assert (found.is_complete, len(found.lines)) == (arrived, 3 * arrived)
    if not arrived:
        with pytest.raises(TryLater):
            erp.complete_document(draft(*THREE), found)
        workshop.cache.values.clear()
        erp.complete_document(draft(*THREE), found)
    (whole,) = erp.find_documents(ORDER, "BC1-100045")
    assert compare(draft(*THREE), whole, places=2).agrees


@pytest.mark.parametrize("kind", [ORDER, INVOICE, CREDIT])
def test_a_refused_line_leaves_no_half_document(build, fo, kind):
    erp = build()
    bad = goods("BAG-DOWN-M", "1", "8.50", tax_code="NO-SUCH")
    meant = draft(bad, charge(), goods(), kind=kind)
    with pytest.raises(Rejected) as refused:
        erp.create_document(meant)
    assert refused.value.hold == "lookup_missing"
    assert "NO-SUCH" in refused.value.vendor_words
    assert erp.find_documents(kind, meant.reference) == ()
    state = fo.get("state")
    assert state["orders"] == state["free_text_invoices"] == []


def test_throttled_in_the_middle_goes_on_later(build, fo):
    erp = build()
    fo.fault("throttle", method="POST", path=LINES, skip=1)
    with pytest.raises(TryLater) as throttled:
        erp.create_document(draft(*THREE))
    assert not throttled.value.counts
    later = build()
    (found,) = later.find_documents(ORDER, "BC1-100045")
    assert not found.is_complete
    later.complete_document(draft(*THREE), found)
    (whole,) = later.find_documents(ORDER, "BC1-100045")
    assert compare(draft(*THREE), whole, places=2).agrees


def test_a_slow_environment_is_not_waited_for_beyond_the_claim(build, fo, monkeypatch):
    monkeypatch.setattr(connector, "BEGIN_SECONDS", 0.5)
    erp = build()
    erp.places("GBP")
    erp.client.collections()
    fo.fault("delay", method="POST", path=LINES, seconds=0.8)
    with pytest.raises(TryLater) as late:
        erp.create_document(draft(*THREE))
    assert not late.value.counts
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    assert (found.is_complete, len(found.lines)) == (False, 1)
    erp.complete_document(draft(*THREE), found)
    (whole,) = erp.find_documents(ORDER, "BC1-100045")
    assert compare(draft(*THREE), whole, places=2).agrees


def test_a_document_begun_with_more_lines_is_begun_again(build, fo):
    erp = build()
    fo.fault("throttle", method="POST", path=LINES, skip=2)
    with pytest.raises(TryLater):
        erp.create_document(draft(*THREE))
    later = build()
    (found,) = later.find_documents(ORDER, "BC1-100045")
    with pytest.raises(TryLater) as again:
        later.complete_document(draft(*THREE[:2]), found)
    assert "made anew" in again.value.reason
    assert later.find_documents(ORDER, "BC1-100045") == ()


def test_somebody_elses_lines_count_and_a_canceled_order_is_canceled(build, fo, people):
    erp = build()
    number = erp.create_document(draft(*THREE))
    people.create(LINES, SalesOrderNumber=number, ItemNumber="BAG-DOWN-M", SalesPrice=5)
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    assert (len(found.lines), found.is_complete) == (4, True)
    assert not compare(draft(*THREE), found, places=2).agrees


def test_a_hand_keyed_order_is_not_completed(build, people):
    made = people.create(
        HEADERS, OrderingCustomerAccountNumber="WEB-GUEST", CustomersOrderReference="BC1-100045"
    )
    people.create(
        LINES,
        SalesOrderNumber=made["SalesOrderNumber"],
        ItemNumber="TENT-2P-GRN",
        ShippingWarehouseId="WEB",
    )
    (found,) = build().find_documents(ORDER, "bc1-100045")
    assert found.is_complete
