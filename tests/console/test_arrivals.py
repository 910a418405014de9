"""In Chromium: a refund arrives, a changed order is corrected by one click, a route is made."""

from __future__ import annotations

import re
from decimal import Decimal

from playwright.sync_api import expect

from connectors import services
from sync.models import Route, Transfer
from tests.console.support import in_chromium, sign_in
from tests.support.flow import TENT, store_values

pytestmark = in_chromium
ARRIVES = 30_000


def booked(page, order) -> None:
    """Wait until the list shows the order as posted."""
    page.goto("/transfers/")
    row = page.get_by_role("row").filter(has_text=f"Order {order['id']}")
    expect(row.get_by_text("Posted", exact=True)).to_be_visible(timeout=ARRIVES)


def test_a_refund_arrives_beside_its_order(page, flow):
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    order = flow.place(lines=[TENT])
    booked(page, order)
    flow.store_simulator.post(
        f"orders/{order['id']}/refund", amount="12.50", reason="A pole was bent"
    )
    page.get_by_label("Kind").select_option("refunds")
    page.get_by_role("button", name="Search").click()
    refund = page.get_by_role("row").filter(has_text="Refund")
    expect(refund.get_by_text("Posted", exact=True)).to_be_visible(timeout=ARRIVES)
    expect(refund.get_by_text(f"of order {order['id']}")).to_be_visible()
    refund.get_by_role("link").click()
    expect(page.get_by_role("heading", name="In the ledger: credit memo")).to_be_visible()
    expect(page.get_by_text("A pole was bent")).to_be_visible()
    family = page.get_by_role("table").filter(has_text=f"Order {order['id']}")
    family.get_by_role("link", name=f"Order {order['id']}").click()
    expect(page.get_by_role("heading", name="What belongs to this order")).to_be_visible()
    page.goto("/")
    expect(page.get_by_role("link", name="Credits posted today")).to_contain_text("12.50 GBP")
    (memo,) = flow.booked()["credit_memos"]
    assert Decimal(str(memo["totalAmountIncludingTax"])) == Decimal("12.50")
    assert page.complaints == []


def test_an_order_changed_after_posting_is_corrected_by_one_click(page, flow):
    sign_in(page, "accountant")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    order = flow.place(lines=[TENT])
    booked(page, order)
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=3)
    row = page.get_by_role("row").filter(has_text=f"Order {order['id']}")
    expect(row.get_by_text("Changed after posting", exact=True)).to_be_visible(timeout=ARRIVES)
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="What changed")).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("^Invoice over"))).to_be_visible()
    page.locator("#proposal").get_by_role("button", name="Post the correction").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will be booked in Acme ledger")
    dialog.get_by_role("button", name="Cancel").click()
    assert not Transfer.objects.filter(flow="corrections").exists()
    page.locator("#proposal").get_by_role("button", name="Post the correction").click()
    dialog.get_by_role("button", name="Post the correction").click()
    expect(page.get_by_role("status")).to_contain_text("1 correcting document is on the way")
    page.goto("/transfers/?flow=corrections")
    made = page.get_by_role("row").filter(has_text=f"of order {order['id']}")
    expect(made.get_by_text("Posted", exact=True)).to_be_visible(timeout=ARRIVES)
    total = Decimal(flow.store_simulator.get(f"orders/{order['id']}")["total_inc_tax"])
    invoices = flow.booked()["invoices"]
    assert sum(Decimal(str(row["totalAmountIncludingTax"])) for row in invoices) == total
    assert page.complaints == []


def test_a_route_is_made_and_told_what_it_lacks(page, flow, simulators):
    services.create_connection(
        kind="bigcommerce", name="Outlet", slug="outlet", values=store_values(simulators)
    )
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto("/mappings/?all=1")
    page.get_by_role("link", name="New route").click()
    page.get_by_label("From the store").select_option("outlet")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_label("Ledger time zone")).to_have_value("Europe/London")
    page.get_by_label("Name", exact=True).fill("Outlet orders")
    page.get_by_label("Prefix of references").fill("WEB-")
    page.get_by_role("button", name="Make the route").click()
    expect(page.get_by_text("has this prefix already")).to_be_visible()
    page.complaints.clear()  # the browser reports the 400 itself
    page.get_by_label("Prefix of references").fill("out-")
    page.get_by_role("button", name="Make the route").click()
    expect(page.get_by_role("heading", name="Outlet orders")).to_be_visible()
    expect(page.get_by_role("heading", name="before all orders can flow")).to_be_visible()
    page.get_by_role("link", name="Charges and special lines: shipping").click()
    table = page.locator("#table-charges")
    table.get_by_label("Charge", exact=True).fill("shipping")
    table.get_by_label("Account or item").fill("account:6610")
    table.get_by_role("button", name="Add").click()
    expect(table.get_by_role("cell", name="account:6610")).to_be_visible()
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Nothing new is taken from the store until")).to_be_visible()
    row = Route.objects.get(slug="outlet-orders")
    assert (row.prefix, row.is_active) == ("OUT-", False)
    assert page.complaints == []
