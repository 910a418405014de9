"""Captured payments and money given back in customer payment journals."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater
from connectors.records import DocumentStatus
from tests.connectors.finance_operations.drafts import PAYMENT, customer, payment

D = Decimal


def test_a_payment_has_a_journal_of_its_own_and_escaped_accounts(build, fo, workshop):
    erp = build()
    who = erp.create_customer(customer()).number
    assert erp.find_documents(PAYMENT, "BC1-P77") == ()
    workshop.records.clear()
    identifier = erp.create_document(payment(customer=who))
    assert workshop.calls == [
        ("GET", "CustomerPaymentJournalHeaders"),
        ("POST", "CustomerPaymentJournalHeaders"),
        ("GET", "DimensionParameters"),
        ("POST", "CustomerPaymentJournalLines"),
    ]
    (found,) = erp.find_documents(PAYMENT, "BC1-P77")
    assert (found.external_id, found.status) == (identifier, DocumentStatus.DRAFT)
    assert (found.total_inc_tax, found.customer_number) == (D("120.00"), who)
    assert found.lines[0].number == "CARD-CLR"
    (row,) = fo.get("state")["payments"]
    assert row["AccountDisplayValue"] == "ACUK\\-000001"
    assert (row["CreditAmount"], row["PaymentReference"]) == (D("120.00"), "000001")
    (journal,) = fo.get("state")["journals"]
    assert (journal["JournalName"], journal["Description"]) == ("WEBPAY", "BC1-P77")
    fo.post("batch")
    posted = erp.read_document(PAYMENT, identifier)
    assert posted.status is DocumentStatus.POSTED
    assert posted.invoice_number.startswith("ARP")


def test_money_given_back_is_a_debit_in_its_own_journal(build, fo):
    erp = build()
    identifier = erp.create_document(payment("-30.00", reference="BC1-PR9"))
    assert erp.read_document(PAYMENT, identifier).total_inc_tax == D("-30.00")
    (row,) = fo.get("state")["payments"]
    assert (row["DebitAmount"], row["CreditAmount"]) == (D("30.00"), D(0))
    assert fo.get("state")["journals"][0]["JournalName"] == "REFUND"


def test_one_journal_a_day_takes_payments_from_many_threads(build, fo):
    erp = build(journal_for="day")
    fo.post("settings", write_ms=30)
    with ThreadPoolExecutor(6) as pool:
        made = list(
            pool.map(lambda n: erp.create_document(payment(reference=f"BC1-P{n}")), range(12))
        )
    state = fo.get("state")
    assert len(state["journals"]) == 1
    assert len(set(made)) == len(state["payments"]) == 12
    fo.post("batch")
    erp.create_document(payment(reference="BC1-P99"))  # the posted journal takes no more
    assert len(fo.get("state")["journals"]) == 2


def test_two_workers_in_one_journal_are_told_to_wait_and_not_doubled(build, fo):
    fo.post("settings", write_ms=150)
    build(journal_for="day").create_document(payment(reference="BC1-P0"))
    workers = [build(journal_for="day") for _ in range(2)]

    def write(at):
        try:
            return workers[at].create_document(payment(reference=f"BC1-P{at + 1}"))
        except (TryLater, Rejected) as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(write, range(2)))
    assert any(isinstance(outcome, str) for outcome in outcomes)
    assert all(isinstance(outcome, str | TryLater) for outcome in outcomes), outcomes
    assert fo.get("state")["duplicates"] == {}


@pytest.mark.parametrize("collection", ["Headers", "Lines"])
def test_a_lost_answer_leaves_one_journal_and_one_payment(build, fo, collection):
    erp = build()
    fo.fault("lose_reply", method="POST", path=f"CustomerPaymentJournal{collection}")
    with pytest.raises(OutcomeUnknown):
        erp.create_document(payment())
    if not erp.find_documents(PAYMENT, "BC1-P77"):
        erp.create_document(payment())
    state = fo.get("state")
    assert len(state["journals"]) == len(state["payments"]) == 1


def test_a_payment_that_is_not_posted_can_be_withdrawn(build, fo):
    erp = build()
    identifier = erp.create_document(payment())
    erp.discard_document(PAYMENT, identifier)
    assert fo.get("state")["journals"] == []
    assert erp.read_document(PAYMENT, identifier) is None
    daily = build(journal_for="day")
    first = daily.create_document(payment(reference="BC1-P1"))
    daily.create_document(payment(reference="BC1-P2"))
    daily.discard_document(PAYMENT, first)
    assert [row["PaymentId"] for row in fo.get("state")["payments"]] == ["BC1-P2"]


@pytest.mark.parametrize(
    ("values", "meant", "error", "mark"),
    [
        ({"payment_journal": ""}, payment(), NeedsAttention, "settings"),
        ({"payment_journal": "NONE"}, payment(), Rejected, "lookup_missing"),
        ({}, payment(account="NOBANK"), Rejected, "lookup_missing"),
        ({}, payment(account=""), Rejected, "lookup_missing"),
        ({}, payment(fields={"payment_method": "BARTER"}), Rejected, "lookup_missing"),
        ({}, payment(customer="NOBODY"), Rejected, "identity_gone"),
    ],
)
def test_what_is_not_set_up_is_named(build, values, meant, error, mark):
    with pytest.raises(error) as refused:
        build(**values).create_document(meant)
    assert mark in (refused.value.code, getattr(refused.value, "hold", ""))


def test_a_ledger_account_takes_the_money_too(build, fo):
    erp = build()
    erp.create_document(payment(account="250100", fields={"offset_type": "Ledger"}))
    assert fo.get("state")["payments"][0]["CreditAmount"] == D("120.00")


def test_a_preview_of_a_payment(build, fo):
    shown = build().preview(payment())
    assert shown["body"] == {
        "dataAreaId": "acuk", "JournalName": "WEBPAY", "Description": "BC1-P77",
    }  # fmt: skip
    assert shown["then"][0]["body"]["AccountDisplayValue"] == "WEB\\-GUEST"
    assert fo.get("state")["journals"] == []
