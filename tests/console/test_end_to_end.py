"""The console in a real Chromium, over the whole product running as its own processes."""

from __future__ import annotations

from playwright.sync_api import expect

from sync import mapping_rules
from tests.console.support import in_chromium, sign_in

pytestmark = in_chromium
PAGES = (
    "/", "/transfers/", "/transfers/?state=held", "/connections/", "/connections/store/",
    "/connections/ledger/", "/connections/add/bigcommerce/", "/mappings/web/settings/",
    "/mappings/web/customer/", "/mappings/web/invoice/", "/mappings/web/line/",
    "/mappings/web/lookups/", "/mappings/web/try/", "/mappings/?all=1", "/mappings/new/",
    "/connections/add/gp/", "/connections/add/adobe_commerce/", "/audit/",
)  # fmt: skip


def test_an_order_is_watched_from_sign_in_to_ledger_held_released_and_replayed(page, flow):
    sign_in(page, password="wrong")
    expect(page.get_by_role("alert")).to_contain_text("not right")
    page.complaints.clear()  # the browser reports the 401 itself
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.goto("/connections/ledger/")
    page.click("#ping")
    expect(page.get_by_role("status")).to_contain_text("Acme ledger works")
    expect(page.get_by_text("Client ID and secret are accepted.")).to_be_visible()

    page.goto("/transfers/")
    expect(page.get_by_text("No orders yet")).to_be_visible()
    order = flow.place(lines=[{"sku": "TENT-2P-GRN", "quantity": 1}])
    row = page.get_by_role("row").filter(has_text=str(order["id"]))
    expect(row.get_by_text("Posted", exact=True)).to_be_visible(timeout=20_000)
    row.get_by_role("link", name=str(order["id"])).click()
    expect(page.get_by_role("heading", name="In the ledger")).to_be_visible()
    page.get_by_text("create the document as a draft").click()
    expect(page.get_by_text('"externalDocumentNumber"').first).to_be_visible()

    mapping_rules.delete_lookup(flow.route, table="charges", key="shipping")
    held = flow.place(lines=[{"sku": "MAT-FOAM", "quantity": 2}], shipping="4.95")
    page.goto("/transfers/")
    row = page.get_by_role("row").filter(has_text=str(held["id"]))
    expect(row.get_by_text("Lookup missing")).to_be_visible(timeout=20_000)
    row.get_by_role("link", name=str(held["id"])).click()
    page.get_by_label("“shipping” is booked on").fill("account:6610")
    page.click("button:has-text('Add the row and release')")
    expect(page.get_by_role("status")).to_contain_text("1 transfer released")
    expect(page.get_by_role("heading", name="In the ledger")).to_be_visible(timeout=20_000)

    page.click("button:has-text('Replay')")
    expect(page.get_by_text("Replayed by a person").first).to_be_visible()
    expect(page.get_by_role("heading", name="In the ledger")).to_be_visible(timeout=20_000)
    booked = flow.booked()
    assert (booked["posted"], booked["duplicates"]) == (2, {})
    page.goto("/audit/?actor=admin@example.com")
    expect(page.get_by_text("admin@example.com").first).to_be_visible()
    assert page.complaints == []


def test_no_page_breaks_the_content_policy_or_overflows_a_phone(page, flow):
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for width in (390, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        for path in PAGES:
            answer = page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, width, wide)
    page.click("[data-theme-toggle]")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert page.complaints == []


def test_a_viewer_reads_and_changes_nothing(page, flow):
    flow.carry(lines=[{"sku": "GIFTBOX-XMAS", "quantity": 1}])
    sign_in(page, "viewer")
    page.goto("/transfers/?state=held")
    page.locator("a.row-link").first.click()
    expect(page.get_by_role("heading", name="Held: item unknown")).to_be_visible()
    assert page.get_by_role("button", name="Release").count() == 0
    status = page.evaluate(
        """async () => (await fetch("act/", {
            method: "POST",
            headers: {"X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value},
            body: new URLSearchParams({act: "release"}),
        })).status"""
    )
    assert status == 403


def test_a_broken_expression_is_refused_beside_its_field(page, flow):
    sign_in(page, "accountant")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto("/mappings/web/invoice/")
    row = page.get_by_role("row").filter(has_text="Salesperson code")
    row.get_by_label("How Salesperson code is filled").select_option("path")
    row.get_by_label("Constant or path for Salesperson code").fill("order.[")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_text("This is not a valid path")).to_be_visible()
    assert not flow.route.mappings.exists()


def test_try_on_order_shows_the_document_and_sends_nothing(page, flow):
    order = flow.place(lines=[{"sku": "TENT-2P-GRN", "quantity": 1}], status_id=7)
    sign_in(page, "accountant")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id=11)
    flow.erp_simulator.post("requests/clear")
    page.goto(f"/mappings/web/try/?number={order['id']}")
    expect(page.get_by_text(f'"WEB-{order["id"]}"').first).to_be_visible()
