"""Refunds: after their invoice, one after another, to the cent, never more than was sold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sync.models import Transfer
from sync.pipelines import related, work
from tests.support.flow import TENT


def refund(flow, order, **spec):
    """Refund in the store, and have the order's refunds looked for as its webhook would."""
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", **spec)
    related.look(f"{flow.route.pk}:{order['id']}")
    return made


def settle(flow, order):
    """Work everything of an order that is due until nothing moves any more."""
    for _ in range(6):
        rows = Transfer.objects.filter(order_key=str(order["id"]), state="waiting")
        for row in rows:
            Transfer.objects.filter(pk=row.pk).update(due_at=None)
            work.work(row.pk)
    return {
        row.source_key: row
        for row in Transfer.objects.filter(order_key=str(order["id"]), flow="refunds")
    }


def credits(flow, order):
    ends = {
        f"{flow.route.prefix}R{r.source_key}"
        for r in Transfer.objects.filter(order_key=str(order["id"]), flow="refunds")
    }
    return [
        memo for memo in flow.booked()["credit_memos"] if memo["externalDocumentNumber"] in ends
    ]


def test_a_refund_in_full_becomes_a_posted_credit_memo_on_its_invoice(flow):
    order, sold = flow.carry(lines=[TENT])
    made = refund(flow, order, lines=[{"id": order["products"][0]["id"], "quantity": 1}])
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", row.reason
    (memo,) = credits(flow, order)
    assert memo["status"] in ("Open", "Paid")
    assert Decimal(str(memo["totalAmountIncludingTax"])) == Decimal(str(made["total_amount"]))
    assert memo["invoiceNumber"] == sold.documents.get().number
    assert flow.booked()["ledger_balance"] == 0


def test_a_refund_waits_for_its_invoice_and_goes_by_itself(flow):
    order = flow.place(lines=[TENT])
    flow.announce(order["id"])
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", amount="3.00")
    related.look(f"{flow.route.pk}:{order['id']}")
    row = Transfer.objects.get(flow="refunds", source_key=str(made["id"]))
    work.work(row.pk)
    row.refresh_from_db()
    assert (row.state, row.hold) == ("held", "waits_for_invoice")
    assert flow.work(order["id"]).state == "posted"
    row.refresh_from_db()
    assert row.state == "waiting"
    assert settle(flow, order)[str(made["id"])].state == "posted"


def test_refunds_of_one_order_are_booked_in_their_order_and_once(flow):
    order, _ = flow.carry(lines=[TENT])
    first = flow.store_simulator.post(f"orders/{order['id']}/refund", amount="5.00")
    second = refund(flow, order, amount="7.50")
    later = Transfer.objects.get(flow="refunds", source_key=str(second["id"]))
    work.work(later.pk)
    later.refresh_from_db()
    assert (later.state, later.hold) == ("held", "waits_for_invoice")
    rows = settle(flow, order)
    assert {row.state for row in rows.values()} == {"posted"}, [r.reason for r in rows.values()]
    assert rows[str(first["id"])].posted_at < rows[str(second["id"])].posted_at
    related.look(f"{flow.route.pk}:{order['id']}")
    settle(flow, order)
    amounts = sorted(Decimal(str(memo["totalAmountIncludingTax"])) for memo in credits(flow, order))
    assert amounts == [Decimal("5.00"), Decimal("7.50")]
    assert not flow.booked()["duplicates"]


def test_a_credit_memo_whose_answer_is_lost_is_not_made_twice(flow):
    order, _ = flow.carry(lines=[TENT])
    flow.erp_simulator.post("faults", action="lose_reply", method="POST", path="salesCreditMemos$")
    made = refund(flow, order, amount="5.00")
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", row.reason
    assert len(credits(flow, order)) == 1


def test_a_declined_refund_is_skipped_and_a_late_decline_is_shown(flow):
    order, _ = flow.carry(lines=[TENT])
    made = refund(flow, order, amount="5.00", declined=True)
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "skipped"
    assert "declined" in row.reason
    good = refund(flow, order, amount="6.00")
    assert settle(flow, order)[str(good["id"])].state == "posted"
    flow.store_simulator.post(f"orders/{order['id']}/refunds/{good['id']}/decline")
    related.look(f"{flow.route.pk}:{order['id']}")
    row = Transfer.objects.get(flow="refunds", source_key=str(good["id"]))
    work.check_posted(row.pk)
    row.refresh_from_db()
    assert row.state == "changed"
    assert len(credits(flow, order)) == 1


def test_a_refund_of_an_order_that_was_never_booked_is_skipped_with_its_reason(flow):
    order = flow.place(lines=[TENT])
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", full="1")
    related.look(f"{flow.route.pk}:{order['id']}")
    flow.work(order["id"])
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "skipped"
    assert "not in the ledger" in row.reason


def test_an_order_refunded_after_posting_is_no_unexplained_change(flow):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(
        f"orders/{order['id']}/refund", lines=[{"id": order["products"][0]["id"], "quantity": 1}]
    )
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "posted"


@pytest.mark.parametrize("spec", [{"amount": "4.00"}, {"shipping": "5.00"}, {"tax": "1.20"}])
def test_amounts_shipping_and_tax_alone_are_credited_to_the_cent(flow, spec):
    order, _ = flow.carry(lines=[TENT], shipping="12.00")
    made = refund(flow, order, **spec)
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", (row.reason, row.comparison)
    (memo,) = credits(flow, order)
    assert Decimal(str(memo["totalAmountIncludingTax"])) == Decimal(next(iter(spec.values())))


def test_a_refund_that_is_not_paid_out_yet_waits(flow):
    order, _ = flow.carry(lines=[TENT])
    made = refund(flow, order, amount="4.00", pending="1")
    row = settle(flow, order)[str(made["id"])]
    assert (row.state, row.hold) == ("held", "not_paid")
    flow.store_simulator.post(f"orders/{order['id']}/refunds/{made['id']}/pay")
    related.look(f"{flow.route.pk}:{order['id']}")
    assert settle(flow, order)[str(made["id"])].state == "posted"


def test_more_given_back_than_sold_is_held_until_a_person_accepts_it(flow):
    from sync import actions

    order, _ = flow.carry(lines=[TENT])
    refund(flow, order, amount=order["total_inc_tax"])
    too_much = refund(flow, order, amount="1.00", beyond="1")
    row = settle(flow, order)[str(too_much["id"])]
    assert (row.state, row.hold) == ("held", "over_refunded")
    assert row.comparison["total"]["difference"] == "-1.0000"
    assert actions.accept_difference(row.pk, by="anna@acme.example")
    assert settle(flow, order)[str(too_much["id"])].state == "posted"
