"""What every registered ERP does on a bad day, over real HTTP against its simulator."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from connectors.errors import ConnectorError, NeedsAttention, OutcomeUnknown, Rejected, TryLater
from tests.contract.booking import agrees, booked, new_customer, settle, whole
from tests.contract.drafts import (
    document,
    sale,
)
from tests.support.rigs import ErpRig


def test_each_wrong_value_is_told_in_words_with_whose_move_it_is(erp: ErpRig):
    for name, wrong in erp.wrong_values.items():
        erp.cache.values.clear()
        first = failures_of(erp.adapter(**{name: wrong}))[0]
        assert re.match(r"[A-Z“].+ .+\.", first.words), (name, first.words)
        assert first.advice, name
        assert first.whose_move == "you", (name, first)
        assert first.code, name


def failures_of(adapter):
    """A ping's failures; services show an error that ends it in the same way."""
    try:
        return adapter.ping().failures
    except NeedsAttention as error:
        from connectors.services import _failed

        return (_failed(error),)


def test_a_currency_that_the_erp_does_not_know_is_refused_in_words(erp: ErpRig):
    adapter = erp.adapter()
    order = sale(currency="XTS")
    with pytest.raises(Rejected) as caught:
        customer = new_customer(erp, adapter, order)
        booked(erp, adapter, document(order, rig=erp, erp=adapter, customer=customer))
    assert caught.value.reason
    assert caught.value.advice
    assert erp.booked() == []


def test_a_lost_answer_leaves_one_document_that_is_found(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    erp.lose_answer()
    with pytest.raises(OutcomeUnknown) as caught:
        adapter.create_document(draft)
    assert caught.value.reason
    found = whole(adapter, draft)
    agrees(adapter, draft, found)
    assert len(erp.of(draft.reference)) == 1
    assert not erp.duplicates()
    assert adapter.request_seconds > timedelta(0)
    assert adapter.carried_out_within >= adapter.request_seconds


def test_a_write_that_is_refused_or_breaks_says_what_happens_next(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    for action, expected in (
        ("throttle", (TryLater,)),
        ("html", (TryLater, OutcomeUnknown)),
        ("truncate", (OutcomeUnknown, ConnectorError)),
        ("drop", (OutcomeUnknown, TryLater)),
    ):
        erp.fail_create(action)
        with pytest.raises(expected) as caught:
            adapter.create_document(draft)
        assert caught.value.reason
        erp.simulator.post("faults/clear")
        adapter = erp.adapter()
        if erp.of(draft.reference):
            break
    assert len(erp.of(draft.reference)) <= 1


def test_a_closed_period_holds_or_is_left_to_the_erps_people(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    assert adapter.posting_allowed(draft.posting_date) is not False
    erp.close_period()
    adapter = erp.adapter()
    assert adapter.posting_allowed(draft.posting_date) in (False, None)
    if not erp.closes:
        booked(erp, adapter, draft)
        return
    with pytest.raises(Rejected) as caught:
        found = booked(erp, adapter, draft)
        assert erp.closes == "post"
        adapter.post_document(found.kind, found.external_id)
    assert caught.value.hold == "period_closed"
    assert caught.value.reason
    erp.open_period()
    adapter = erp.adapter()
    assert adapter.posting_allowed(draft.posting_date) is not False
    if erp.closes == "post":
        adapter.post_document(found.kind, found.external_id)
    else:
        booked(erp, adapter, draft)
    assert len(erp.of(draft.reference)) == 1


def test_a_blocked_customer_or_item_is_refused_or_seen(erp: ErpRig):
    adapter, order = erp.adapter(), sale()
    customer = new_customer(erp, adapter, order)
    draft = document(order, rig=erp, erp=adapter, customer=customer)
    erp.block_item("TENT-2P-GRN")
    adapter = erp.adapter()
    seen = adapter.find_items(["TENT-2P-GRN"])
    assert "TENT-2P-GRN" not in seen or seen["TENT-2P-GRN"].blocked or adapter.computes_tax
    erp.block_customer(customer.number)
    found = adapter.find_customer_by_number(customer.number)
    assert found is None or found.blocked
    with pytest.raises(Rejected) as caught:
        settle(erp, adapter, draft)
    assert caught.value.hold in ("customer_blocked", "item_blocked")
    assert caught.value.reason


def test_an_erp_that_is_down_or_throttles_is_asked_later(erp: ErpRig):
    adapter = erp.adapter()
    adapter.find_items(["TENT-2P-GRN"])
    erp.simulator.fault("status", status=503, times=None)
    with pytest.raises(TryLater) as caught:
        erp.adapter().find_items(["SPORK-TI"])
    assert caught.value.reason
    erp.simulator.post("faults/clear")
    erp.cache.values.clear()
    assert erp.adapter().find_items(["SPORK-TI"])
