"""Refunds, payments and corrections on the console's pages, and what one click books."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors import services
from sync import actions
from sync.models import Document, State, Transfer
from sync.pipelines import awaited, related, work
from tenants.roles import Role
from tests.console.support import Browser, make_document, make_transfer
from tests.support.flow import TENT, make_flow


def page_of(browser, transfer):
    return browser("get", f"/transfers/{transfer.pk}/").content.decode()


def refunded(flow, order, **spec):
    made = flow.store_simulator.post(f"orders/{order['id']}/refund", **spec)
    related.look(f"{flow.route.pk}:{order['id']}")
    row = Transfer.objects.get(flow="refunds", source_key=str(made["id"]))
    work.work(row.pk)
    row.refresh_from_db()
    return row


def changed(flow, **edit):
    order, sold = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", **edit)
    work.check_posted(sold.pk)
    sold.refresh_from_db()
    assert sold.state == State.CHANGED
    return order, sold


def shown(html):
    return re.search(r'name="shown" value="([0-9a-f]{64})"', html).group(1)


def asked_again(browser, transfer, html):
    """What the open page gets when it asks whether something moved."""
    version = html.split('"v": "')[1].split('"')[0]
    return browser("get", f"/transfers/{transfer.pk}/?v={version}", hx_request="true")


def test_the_open_page_of_an_order_that_waits_in_the_erp_shows_when_it_is_invoiced_there(
    browser, tenant, simulators
):
    flow = make_flow(simulators, document_kind="sales_order")
    _, sold = flow.carry(lines=[TENT])
    document = sold.documents.get()
    html = page_of(browser, sold)
    assert "to be posted there" in html
    assert 'id="transfer" data-live' in html
    assert asked_again(browser, sold, html).status_code == 204
    services.open_erp(document.erp).client.act(
        "salesOrders", document.external_id, "shipAndInvoice", purpose="invoice the order"
    )
    awaited.look(document.pk)
    document.refresh_from_db()
    moved = asked_again(browser, sold, html).content.decode()
    assert "to be posted there" not in moved
    assert document.invoice_number in moved


def test_before_an_erp_has_worked_tax_out_none_is_shown(browser, flow):
    _, sold = flow.carry(lines=[TENT])
    document = sold.documents.get()
    line = re.compile(r'Tax included</th>.*?<td></td><td class="amount">(.*?)</td>')
    assert line.search(page_of(browser, sold)).group(1) not in ("—", "")
    document.booked = {**document.booked, "has_totals": False, "total_tax": "0.00"}
    document.save()
    assert line.search(page_of(browser, sold)).group(1) == "—"


def test_the_open_page_of_an_order_shows_a_refund_that_arrives(browser, flow):
    order, sold = flow.carry(lines=[TENT])
    html = page_of(browser, sold)
    assert asked_again(browser, sold, html).status_code == 204
    row = refunded(flow, order, amount="5.00")
    moved = asked_again(browser, sold, html)
    assert row.documents.get().number in moved.content.decode()


def test_a_refund_says_what_it_is_why_and_what_it_belongs_to(browser, flow):
    order, sold = flow.carry(lines=[TENT])
    row = refunded(flow, order, amount="5.00", reason="Torn at the seam")
    assert row.state == State.POSTED, row.reason
    html = page_of(browser, row)
    assert f"Refund {row.number}" in html
    assert "Torn at the seam" in html
    assert "paid out" in html
    assert f"Belongs to order {order['id']}" in html
    assert sold.documents.get().number in html
    both = page_of(browser, sold)
    assert "What belongs to this order" in both
    assert row.documents.get().number in both


def test_the_list_finds_what_belongs_to_an_order_and_is_filtered_by_kind(browser, flow):
    make_transfer(flow, "104", order_key="104")
    make_transfer(flow, "7", kind="refunds", order_key="104")
    make_transfer(flow, "8", kind="refunds", order_key="105")
    html = browser("get", "/transfers/?q=104").content.decode()
    assert html.count('class="row-link"') == 2
    assert "of order 104" in html
    only = browser("get", "/transfers/?flow=refunds").content.decode()
    assert only.count('class="row-link"') == 2
    assert "Refund 7" in only
    csv = browser("get", "/transfers/export.csv?q=104").streamed.decode()
    assert "Refund,7,104," in csv
    assert "Order,104,104," in csv


def test_both_numbers_of_a_document_are_shown_where_the_erp_gave_two(browser, flow):
    row = make_transfer(flow, "1", state=State.POSTED, posted_at=timezone.now())
    make_document(flow, row, "000891", invoice_number="INV-1")
    assert "accepted as 000891, posted as INV-1" in page_of(browser, row)
    assert "Order 1" in browser("get", "/transfers/?q=INV-1").content.decode()


def test_a_changed_order_shows_the_difference_and_what_would_be_booked(browser, flow):
    _, sold = changed(flow, quantity=3)
    html = page_of(browser, sold)
    assert "What changed" in html
    more = Decimal(sold.comparison["total"]["difference"])
    assert f"Invoice over {more:,.2f} GBP" in html
    assert "Post the correction</button>" in html


def test_one_click_books_the_correction_that_was_shown_and_once(browser, flow, people):
    order, sold = changed(flow, quantity=3)
    address = f"/transfers/{sold.pk}/act/"
    act = {"act": "correct", "shown": shown(page_of(browser, sold))}
    assert Browser(people[Role.VIEWER])("post", address, act).status_code == 403
    browser("post", address, {**act, "shown": "0" * 64})
    assert "changed again meanwhile" in page_of(browser, sold)
    assert not Transfer.objects.filter(flow="corrections").exists()
    browser("post", address, act)
    browser("post", address, act)
    (row,) = Transfer.objects.filter(flow="corrections")
    work.work(row.pk)
    row.refresh_from_db()
    assert row.state == State.POSTED, row.reason
    html = page_of(browser, row)
    assert f"Correction {row.number}" in html
    assert f"Belongs to order {order['id']}" in html
    sold.refresh_from_db()
    assert sold.state == State.POSTED
    assert "admin@example.com" in sold.reason


def test_a_change_without_an_exact_correction_is_left_to_a_person(browser, flow):
    _, sold = changed(flow, quantity=2)
    Transfer.objects.filter(pk=sold.pk).update(comparison={**sold.comparison, "can_correct": False})
    html = page_of(browser, sold)
    assert "Post the correction</button>" not in html
    assert "Dealt with by hand" in html


def test_more_given_back_than_sold_goes_when_a_person_says_so(browser, flow):
    order, _ = flow.carry(lines=[TENT])
    refunded(flow, order, amount=order["total_inc_tax"])
    row = refunded(flow, order, amount="1.00", beyond="1")
    assert row.hold == "over_refunded"
    html = page_of(browser, row)
    assert "Given back" in html
    assert "That is right: book it" in html
    total, tax = (row.comparison[key]["difference"] for key in ("total", "tax"))
    browser("post", f"/transfers/{row.pk}/act/", {"act": "accept", "total": total, "tax": tax})
    row.refresh_from_db()
    assert row.state == State.WAITING


def test_a_payment_stands_beside_its_account_and_not_beside_the_goods(browser, flow):
    _, sold = flow.carry(lines=[TENT])
    row = make_transfer(
        flow, "9", kind="payments", order_key=sold.order_key, state=State.POSTED,
        amount=Decimal("-12.50"), currency="GBP", posted_at=timezone.now(),
        record={**sold.record, "about": {"kind": "payment", "method": "Visa"}},
    )  # fmt: skip
    make_document(
        flow, row, "ARP-1", kind="payment", status=Document.Status.ACCEPTED,
        draft={"lines": [{"number": "1010"}]}, booked={"total_inc_tax": "-12.50"},
    )  # fmt: skip
    html = page_of(browser, row)
    assert "Money back for 9" in html
    assert "Visa" in html
    assert "1010" in html
    assert "TENT-2P-GRN" not in html


@pytest.mark.parametrize("name", ["invoices", "refunds", "payments", "corrections"])
def test_a_part_that_nothing_is_known_of_yet_has_a_page(browser, flow, name):
    row = make_transfer(flow, "5", kind=name, order_key="5")
    assert "On its way" in page_of(browser, row)


def test_the_chart_counts_invoices_and_credits_apart(browser, flow):
    now = timezone.now()
    for number in range(3):
        make_transfer(flow, str(number), state=State.POSTED, posted_at=now)
    make_transfer(flow, "7", kind="refunds", state=State.POSTED, posted_at=now - timedelta(days=2))
    html = browser("get", "/").content.decode()
    assert "3 invoices and 1 credit posted" in html


def test_nothing_is_to_correct_after_a_person_dealt_with_it(browser, flow):
    _, sold = changed(flow, quantity=2)
    act = {"act": "correct", "shown": shown(page_of(browser, sold))}
    assert actions.acknowledge([sold.pk]) == 1
    browser("post", f"/transfers/{sold.pk}/act/", act)
    assert not Transfer.objects.filter(flow="corrections").exists()
