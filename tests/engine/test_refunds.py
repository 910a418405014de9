"""Refunds: after their invoice, one after another, to the cent, never more than was sold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sync import actions
from sync.models import Transfer
from sync.pipelines import awaited, related, work
from tests.support.flow import TENT, make_flow


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
    order, _ = flow.carry(lines=[TENT])
    refund(flow, order, amount=order["total_inc_tax"])
    too_much = refund(flow, order, amount="1.00", beyond="1")
    row = settle(flow, order)[str(too_much["id"])]
    assert (row.state, row.hold) == ("held", "over_refunded")
    assert row.comparison["total"]["difference"] == "-1.0000"
    assert actions.accept_difference(row.pk, by="anna@acme.example")
    assert settle(flow, order)[str(too_much["id"])].state == "posted"


def test_a_refund_of_what_a_correction_gave_back_already_is_held(flow):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/cancel")
    work.check_posted(sold.pk)
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    correction = Transfer.objects.get(flow="corrections", order_key=str(order["id"]))
    work.work(correction.pk)
    correction.refresh_from_db()
    assert correction.state == "posted", correction.reason
    made = refund(flow, order, full="1")
    row = settle(flow, order)[str(made["id"])]
    assert (row.state, row.hold) == ("held", "over_refunded")
    assert "correction" in row.reason
    assert not credits(flow, order)
    assert len(flow.booked()["credit_memos"]) == 1


def test_a_correction_is_not_offered_for_what_a_refund_gives_back_or_may(flow):
    order, sold = flow.carry(lines=[TENT])
    made = refund(flow, order, amount=order["total_inc_tax"], pending="1")
    assert settle(flow, order)[str(made["id"])].state == "held"
    flow.store_simulator.post(f"orders/{order['id']}/cancel")
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "changed"
    assert not sold.comparison["can_correct"]


def test_a_skipped_refund_lets_the_later_ones_go(flow):
    from tenants import agenda

    order, _ = flow.carry(lines=[TENT])
    first = refund(flow, order, amount="5.00", pending="1")
    second = refund(flow, order, amount="7.50")
    rows = settle(flow, order)
    assert rows[str(first["id"])].hold == "not_paid"
    assert rows[str(second["id"])].hold == "waits_for_invoice"
    assert actions.skip([rows[str(first["id"])].pk], "keyed by hand") == 1
    assert agenda.due_at("follow", str(rows[str(first["id"])].pk)) is not None
    related.follow(rows[str(first["id"])].pk)
    assert settle(flow, order)[str(second["id"])].state == "posted"


def test_what_waits_for_an_invoice_goes_although_its_worker_died_after_booking(flow, monkeypatch):
    from sync import tasks
    from tenants import agenda

    order = flow.place(lines=[TENT])
    sold = flow.announce(order["id"])
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", amount="3.00")
    related.look(f"{flow.route.pk}:{order['id']}")
    row = Transfer.objects.get(flow="refunds", source_key=str(made["id"]))
    work.work(row.pk)
    with monkeypatch.context() as dying:
        dying.setattr(related, "follow", _die)
        with pytest.raises(KeyboardInterrupt):
            work.work(sold.pk)
    sold.refresh_from_db()
    row.refresh_from_db()
    assert (sold.state, row.state) == ("posted", "held")
    assert agenda.due_at("follow", str(sold.pk)) is not None
    related.follow(sold.pk)
    row.refresh_from_db()
    assert row.state == "waiting"
    assert agenda.due_at("follow", str(sold.pk)) is None
    assert tasks.follow.name == "sync.follow"


def _die(transfer_id):
    raise KeyboardInterrupt


def test_a_refund_that_waits_for_its_money_is_asked_again_by_itself(flow):
    order, _ = flow.carry(lines=[TENT])
    made = refund(flow, order, amount="4.00", pending="1")
    row = settle(flow, order)[str(made["id"])]
    assert (row.state, row.hold) == ("held", "not_paid")
    assert row.due_at is not None


def test_a_declined_refund_is_not_worked_again_at_every_look(flow):
    order, _ = flow.carry(lines=[TENT])
    made = refund(flow, order, amount="5.00", declined=True)
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "skipped"
    related.look(f"{flow.route.pk}:{order['id']}")
    row.refresh_from_db()
    assert row.state == "skipped"


def test_a_decline_that_a_person_dealt_with_is_not_shown_again(flow):
    order, _ = flow.carry(lines=[TENT])
    made = refund(flow, order, amount="6.00")
    assert settle(flow, order)[str(made["id"])].state == "posted"
    flow.store_simulator.post(f"orders/{order['id']}/refunds/{made['id']}/decline")
    row = Transfer.objects.get(flow="refunds", source_key=str(made["id"]))
    for expected in ("changed", "posted"):
        work.check_posted(row.pk)
        row.refresh_from_db()
        assert row.state == expected
        actions.acknowledge([row.pk])


def test_a_refund_that_was_skipped_with_its_order_comes_back_with_it(flow):
    order = flow.place(lines=[TENT])
    sold = flow.announce(order["id"])
    assert actions.skip([sold.pk], "by mistake") == 1
    made = refund(flow, order, amount="5.00")
    assert settle(flow, order)[str(made["id"])].state == "skipped"
    actions.replay([sold.pk])
    assert flow.work(order["id"]).state == "posted"
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", row.reason


def test_an_accepted_over_refund_stays_accepted_after_another_difference(flow):
    order, _ = flow.carry(lines=[TENT])
    refund(flow, order, amount=order["total_inc_tax"])
    too_much = refund(flow, order, amount="1.00", beyond="1")
    row = settle(flow, order)[str(too_much["id"])]
    assert actions.accept_difference(row.pk, by="anna@acme.example")
    Transfer.objects.filter(pk=row.pk).update(
        state="held",
        hold="totals_disagree",
        reason="x",
        comparison={"total": {"difference": "0.01"}, "tax": {"difference": "0"}},
    )
    assert actions.accept_difference(row.pk, by="anna@acme.example")
    assert settle(flow, order)[str(too_much["id"])].state == "posted"


def test_tax_given_back_alone_is_booked_once_where_tax_is_a_line(flow):
    flow.route.settings = {**flow.route.settings, "tax": "line", "rounding_limit": "0.02"}
    flow.route.save()
    order, sold = flow.carry(lines=[TENT])
    assert sold.state == "posted", (sold.reason, sold.comparison)
    made = refund(flow, order, tax="1.20")
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", (row.reason, row.comparison)


def test_parts_of_a_discounted_line_are_given_back_to_the_cent(flow):
    spec = {"sku": "SPORK-TI", "quantity": 7}
    order, sold = flow.carry(
        lines=[spec], shipping="4.95", coupon={"code": "AUTUMN", "amount": "7.77"}
    )
    assert sold.state == "posted", (sold.reason, sold.comparison)
    line = order["products"][0]["id"]
    made = [refund(flow, order, lines=[{"id": line, "quantity": n}]) for n in (2, 3, 2)]
    made.append(refund(flow, order, shipping=order["shipping_cost_inc_tax"]))
    rows = settle(flow, order)
    assert {row.state for row in rows.values()} == {"posted"}, [
        (row.reason, row.comparison) for row in rows.values()
    ]
    amounts = sorted(Decimal(str(memo["totalAmountIncludingTax"])) for memo in credits(flow, order))
    assert amounts == sorted(Decimal(one["total_amount"]) for one in made)


def of_sales_orders(simulators):
    return make_flow(simulators, document_kind="sales_order")


def test_a_refund_waits_for_the_invoice_of_an_order_that_waits_in_the_erp(tenant, simulators):
    flow = of_sales_orders(simulators)
    order, sold = flow.carry(lines=[TENT])
    document = sold.documents.get()
    assert document.status == "accepted"
    made = refund(flow, order, lines=[{"id": order["products"][0]["id"], "quantity": 1}])
    row = settle(flow, order)[str(made["id"])]
    assert (row.state, row.hold) == ("held", "waits_for_invoice")
    assert not credits(flow, order)
    invoice_in_the_erp(sold)
    awaited.look(document.pk)
    document.refresh_from_db()
    (invoice,) = [i for i in flow.booked()["invoices"] if i["status"] != "Draft"]
    assert (document.status, document.invoice_number) == ("posted", invoice["number"])
    row = settle(flow, order)[str(made["id"])]
    assert row.state == "posted", row.reason
    (memo,) = credits(flow, order)
    assert memo["invoiceNumber"] == invoice["number"]
    assert actions.replay([sold.pk, row.pk]) == 2
    settle(flow, order)
    sold.refresh_from_db()
    assert sold.state == "posted", sold.reason
    assert len(credits(flow, order)) == 1
    assert len(flow.booked()["invoices"]) == 1


def invoice_in_the_erp(sold):
    """What Business Central's people do with a sales order."""
    from connectors import services
    from sync.models import Document

    document = Document.objects.get(transfer=sold)
    erp = services.open_erp(document.erp)
    erp.client.act(
        "salesOrders", document.external_id, "shipAndInvoice", purpose="ship and invoice the order"
    )


def test_an_order_that_was_deleted_in_the_erp_is_told(tenant, simulators):
    from connectors import services

    flow = of_sales_orders(simulators)
    _, sold = flow.carry(lines=[TENT])
    document = sold.documents.get()
    services.open_erp(document.erp).client.delete(
        "salesOrders", document.external_id, purpose="delete the order"
    )
    awaited.look(document.pk)
    sold.refresh_from_db()
    assert sold.state == "changed"
    assert document.number in sold.reason
    actions.replay([sold.pk])
    work.work(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "changed"
    assert "not in the ERP any more" in sold.reason
    assert actions.acknowledge([sold.pk]) == 1
