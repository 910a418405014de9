"""Orders that change in the store after they were booked: shown line by line, corrected by one
click, never twice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given

from connectors.records import Order
from connectors.records.codec import dump, load
from sync import actions, differences
from sync.models import Transfer
from sync.pipelines import related, work
from tests.support.flow import TENT
from tests.support.orders import orders


def corrections(order):
    rows = Transfer.objects.filter(flow="corrections", order_key=str(order["id"])).order_by("id")
    for row in rows:
        work.work(row.pk)
        row.refresh_from_db()
    return list(rows.all())


def test_a_cancelled_order_is_credited_by_one_click_and_once(flow):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/cancel")
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "changed"
    assert sold.comparison["can_correct"]
    assert sold.comparison["total"]["difference"] == f"-{Decimal(order['total_inc_tax'])}"
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 0
    (row,) = corrections(order)
    assert row.state == "posted", (row.reason, row.comparison)
    memos = [
        m for m in flow.booked()["credit_memos"] if m["externalDocumentNumber"].endswith(row.number)
    ]
    assert [Decimal(str(m["totalAmountIncludingTax"])) for m in memos] == [
        Decimal(order["total_inc_tax"])
    ]
    sold.refresh_from_db()
    assert sold.state == "posted"
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "posted"
    assert flow.booked()["ledger_balance"] == 0


def test_more_of_a_line_is_invoiced_as_the_difference(flow):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=3)
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "changed"
    rows = {row["what"]: row for row in sold.comparison["rows"]}
    assert any(Decimal(row["difference"]) > 0 for row in rows.values())
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    (row,) = corrections(order)
    assert row.state == "posted", (row.reason, row.comparison)
    total = Decimal(flow.store_simulator.get(f"orders/{order['id']}")["total_inc_tax"])
    booked = [
        Decimal(str(i["totalAmountIncludingTax"]))
        for i in flow.booked()["invoices"]
        if i["externalDocumentNumber"].startswith(f"WEB-{order['id']}")
        or i["externalDocumentNumber"].startswith(f"WEB-C{order['id']}")
    ]
    assert sum(booked) == total


def test_a_change_that_a_person_dealt_with_is_not_shown_again(flow):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=2)
    work.check_posted(sold.pk)
    assert actions.acknowledge([sold.pk]) == 1
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == "posted"


@given(orders())
def test_records_survive_being_kept(order: Order):
    assert load(Order, dump(order)) == order


@given(orders(), orders())
def test_a_difference_always_leads_from_one_side_to_the_other(booked: Order, now: Order):
    difference = differences.between(booked, now)
    given_back = difference.credit.total_inc_tax if difference.credit else Decimal(0)
    added = difference.invoice.total_inc_tax if difference.invoice else Decimal(0)
    goods = sum((line.net_inc_tax for line in now.lines), Decimal(0))
    goods += sum((charge.amount_inc_tax for charge in now.charges), Decimal(0))
    before = sum((line.net_inc_tax for line in booked.lines), Decimal(0))
    before += sum((charge.amount_inc_tax for charge in booked.charges), Decimal(0))
    assert before - given_back + added == goods
    for sale in (difference.credit, difference.invoice):
        if sale is not None:
            assert all(line.net_inc_tax > 0 and line.quantity > 0 for line in sale.lines)
            assert sale.lines_total_inc_tax == sale.total_inc_tax


@given(orders())
def test_a_cancelled_order_is_given_back_whole(order: Order):
    difference = differences.between(order, differences.nothing_of(order))
    if order.lines_total_inc_tax == order.total_inc_tax and difference.credit:
        assert difference.credit.total_inc_tax == order.total_inc_tax
    assert difference.invoice is None


def test_another_price_moves_no_goods(flow):
    _, sold = flow.carry(lines=[TENT])
    booked = load(Order, sold.record)
    (line,) = booked.lines
    cheaper = replace(line, net_inc_tax=line.net_inc_tax - 12, net_ex_tax=line.net_ex_tax - 10)
    now = replace(booked, lines=(cheaper,))
    credit = differences.between(booked, now).credit
    assert credit is not None
    assert credit.lines == ()
    (charge,) = credit.charges
    assert (charge.amount_inc_tax, charge.amount_ex_tax) == (12, 10)
    assert line.name in charge.name


def test_the_money_of_a_correction_is_not_credited_again_as_a_refund(flow):
    """An order made smaller is corrected, and then the store pays the difference out."""
    order, sold = flow.carry(lines=[{**TENT, "quantity": 3}])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=2)
    work.check_posted(sold.pk)
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 1
    (row,) = corrections(order)
    assert row.state == "posted", (row.reason, row.comparison)
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", amount=row.amount)
    related.look(f"{flow.route.pk}:{order['id']}")
    refund = Transfer.objects.get(flow="refunds", source_key=str(made["id"]))
    work.work(refund.pk)
    refund.refresh_from_db()
    assert (refund.state, refund.hold) == ("held", "over_refunded")
    assert len(flow.booked()["credit_memos"]) == 1
    assert actions.accept_difference(refund.pk, by="anna@acme.example")
    work.work(refund.pk)
    refund.refresh_from_db()
    assert refund.state == "posted", (refund.reason, refund.comparison)


def test_no_correction_is_booked_for_what_was_refunded_since_it_was_shown(flow):
    order, sold = flow.carry(lines=[{**TENT, "quantity": 3}])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=2)
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.comparison["can_correct"]
    flow.store_simulator.post(f"orders/{order['id']}/refund", amount="9.00")
    related.look(f"{flow.route.pk}:{order['id']}")
    assert actions.post_correction(sold.pk, by="anna@acme.example") == 0
    assert corrections(order) == []
