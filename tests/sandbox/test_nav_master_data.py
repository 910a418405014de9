"""NAV's simulator with many items: pages in the order of keys, flow fields, sales prices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from tests.support import nav as support
from tests.support.nav import Pages

ITEMS = 300


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    simulator = support.start("--items", str(ITEMS), "--api-services")
    http = requests.Session()
    http.trust_env = False
    http.auth = (support.NAME, support.KEY)
    yield Pages(simulator, http)
    simulator.stop()


@pytest.fixture(autouse=True)
def fresh(pages: Pages) -> None:
    pages.sim.post("reset")


def page(pages: Pages, path: str, size: int = 100) -> dict:
    answer = pages("GET", path, headers={"Prefer": f"odata.maxpagesize={size}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_link_leads_on_from_the_last_key_whatever_came_or_went(pages):
    first = page(pages, "Item?$select=No")
    pages.sim.post("items", number="AAA", name="New")
    pages.sim.post("items", number=first["value"][3]["No"], delete=True)
    numbers, link = [row["No"] for row in first["value"]], first["@odata.nextLink"]
    while link:
        answer = pages.http.get(link, headers={"Prefer": "odata.maxpagesize=100"}, timeout=10)
        numbers += [row["No"] for row in answer.json()["value"]]
        link = answer.json().get("@odata.nextLink", "")
    assert numbers == sorted(set(numbers))
    assert len(numbers) == ITEMS + 64
    bad = pages("GET", "Item?$skiptoken=%21%21%21")
    assert bad.status_code == 400


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("No gt 'OUT-000298' and No lt 'OUT-0003'", ["OUT-000299"]),
        ("No ge 'OUT-000299' and No le 'out-000300'", ["OUT-000299", "OUT-000300"]),
        ("No eq 'OUT-000007' or No eq 'MUG-450' or No eq 'X'", ["MUG-450", "OUT-000007"]),
        ("(No eq 'MUG-450') and Location_Filter eq 'WEB'", ["MUG-450"]),
        ("No gt 'OUT-000299' and Blocked eq false and No lt 'P'", ["OUT-000300"]),
        ("startswith(No,'OUT-00029') and No gt 'OUT-000298'", ["OUT-000299"]),
    ],
)
def test_filters_by_key(pages, text, found):
    assert [row["No"] for row in pages.get("Item", filter=text)] == found


def test_top_skip_count_and_order(pages):
    assert [r["No"] for r in pages.get("Item", orderby="No desc", top="1", filter="No lt 'P'")] == [
        "OUT-000300"
    ]
    answer = page(pages, "Item?$top=120&$count=true&$select=No")
    assert (len(answer["value"]), answer["@odata.count"]) == (100, ITEMS + 64)
    rest = pages.http.get(answer["@odata.nextLink"], timeout=10).json()
    assert len(rest["value"]) == 20
    assert "@odata.nextLink" not in rest
    assert len(pages.get("Item", skip="350")) == 14
    newest = pages.get("ItemLedgerEntries", orderby="Entry_No desc", top="1")
    assert newest[0]["Entry_No"] == pages.sim.get("state")["stock_entries"]


def test_stock_by_location_and_what_orders_promise(pages):
    pages.document("SalesOrder")
    (tent,) = pages.get("Item", filter="No eq 'TENT-2P-GRN'")
    assert (tent["Inventory"], tent["Qty_on_Sales_Order"]) == (40, 3)
    (web,) = pages.get("Item", filter="No eq 'TENT-2P-GRN' and Location_Filter eq 'WEB'")
    assert (web["Inventory"], web["Qty_on_Sales_Order"]) == (10, 0)
    pages.sim.post("items", number="TENT-2P-GRN", stock=2, location="WEB")
    pages.sim.post("items", number="TENT-2P-GRN", received=5)
    assert pages.sim.get("items/TENT-2P-GRN")["inventory"] == 37
    pages.sim.post("documents/post", kind="Order", number="1001")
    assert pages.sim.get("items/TENT-2P-GRN")["onOrder"] == 0


def test_stock_does_not_touch_the_card_and_a_price_does(pages):
    pages.sim.post("clock", advance_seconds=2 * 86_400)
    (before,) = pages.get("Item", filter="No eq 'MUG-450'")
    pages.sim.post("items", number="MUG-450", received=5)
    (after,) = pages.get("Item", filter="No eq 'MUG-450'")
    assert after["Last_Date_Modified"] == before["Last_Date_Modified"]
    pages.sim.post("items", number="MUG-450", price="12.49", name="Mug", category="BOOKS")
    (changed,) = pages.get("Item", filter="No eq 'MUG-450'")
    assert changed["Last_Date_Modified"] > before["Last_Date_Modified"]
    assert (changed["Unit_Price"], changed["Description"], changed["Item_Category_Code"]) == (
        Decimal("12.49"), "Mug", "BOOKS",
    )  # fmt: skip


def test_many_items_change_at_once(pages):
    made = pages.sim.post("items/change", share=10)
    assert made["changed"] == (ITEMS + 64) // 10
    entries = pages.get("ItemLedgerEntries", filter="Document_No eq 'RECEIPT'")
    assert len(entries) == made["changed"]
    assert sum("ed. 2" in row["Description"] for row in pages.get("Item")) == made["changed"]


def test_sales_prices(pages):
    pages.sim.post("sales-prices", number="MUG-450", price="9.90", group="WEB", to="2026-12-31")
    pages.sim.post("sales-prices", number="MUG-450", price="10.90")
    pages.sim.post("sales-prices", number="SPORK-TI", price="7.90", group="WEB")
    rows = pages.get("SalesPrices", filter="Item_No ge 'M' and Item_No le 'MUG-450'")
    assert {(r["Sales_Type"], r["Sales_Code"], r["Unit_Price"]) for r in rows} == {
        ("Customer Price Group", "WEB", Decimal("9.9")),
        ("All Customers", "", Decimal("10.9")),
    }
    pages.sim.post("sales-prices", number="SPORK-TI", group="WEB", delete=True)
    assert pages.get("SalesPrices", filter="Item_No eq 'SPORK-TI'") == []


def test_the_api_pages_by_number_too(pages):
    company = pages.sim.get("state")["company_id"]
    base = f"{pages.sim.api}/DynamicsNAV110/api/beta/companies({company})"
    text = "$filter=number gt 'OUT-000290' and number lt 'P'&$orderby=number&$select=number"
    answer = pages.http.get(f"{base}/items?{text}", timeout=10).json()
    assert answer["value"][0]["number"] == "OUT-000291"
    assert len(answer["value"]) == 10
