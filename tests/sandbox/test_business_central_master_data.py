"""The Business Central simulator's items, item ledger, paging and change subscriptions, by curl's
means: raw HTTP, without the product's client."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from sandbox.common.assortment import made
from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulator, _start

ITEMS = 300


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    simulator = _start("sandbox.business_central", ["--rate", "0", "--items", str(ITEMS)])
    simulator.api = simulator.api.replace("https", "http")
    yield simulator
    simulator.stop()


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.post("reset")
    return running


@pytest.fixture
def call(sim: Simulator):
    session = requests.Session()
    session.trust_env = False
    token = session.post(
        f"{sim.api}/{TENANT_ID}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": CLIENT_ID,
            "client_secret": "sandbox-entra-client-secret",
            "scope": "https://api.businesscentral.dynamics.com/.default",
        },
    ).json()["access_token"]
    root = f"{sim.api}/v2.0/{TENANT_ID}/Production/api/v2.0"
    company = f"{root}/companies({sim.get('state')['company_id']})"

    def send(method: str, path: str, **more):
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        url = path if "://" in path else f"{root if path[0] == '/' else company + '/'}{path}"
        return session.request(method, url, headers=headers, **more)

    return send


def pages(call, path: str, size: int) -> list[list[dict]]:
    found = []
    while path:
        answer = call("GET", path, headers={"Prefer": f"odata.maxpagesize={size}"}).json()
        found.append(answer["value"])
        path = answer.get("@odata.nextLink")
    return found


def code(answer) -> str:
    return answer.json()["error"]["code"]


def test_there_are_as_many_items_as_asked_for(call):
    rows = pages(call, "items", 20_000)[0]
    assert len(rows) == ITEMS + 64
    product = made(300)
    last = next(row for row in rows if row["number"] == product.sku)
    assert (last["displayName"], last["gtin"]) == (product.name, product.gtin)
    assert last["inventory"] == 400
    assert call("GET", "items?$count=true&$top=1").json()["@odata.count"] == ITEMS + 64


def test_pages_hold_while_rows_come_and_go(sim, call):
    first = call("GET", "items", headers={"Prefer": "odata.maxpagesize=100"}).json()
    assert len(first["value"]) == 100
    gone = first["value"][3]["number"]
    sim.post("items", number=gone, delete=True)
    sim.post("items", number="AAA-NEW")
    rest = pages(call, first["@odata.nextLink"], 100)
    numbers = [row["number"] for page in (first["value"], *rest) for row in page]
    assert len(numbers) == len(set(numbers)) == ITEMS + 64
    assert numbers == sorted(numbers)
    refused = call("GET", "items?$skiptoken=nonsense")
    assert (refused.status_code, code(refused)) == (400, "BadRequest")


def test_ordering_by_another_property_pages_too(call):
    for order in ("unitPrice", "unitPrice desc"):
        rows = [r for page in pages(call, f"items?$orderby={order}", 50) for r in page]
        prices = [Decimal(str(row["unitPrice"])) for row in rows]
        assert prices == sorted(prices, reverse=order.endswith("desc"))
        assert len({row["id"] for row in rows}) == ITEMS + 64


def test_an_instant_without_fractions_compares_as_an_instant(sim, call):
    stamp = sim.post("items", number="MUG-450", name="Mug")["lastModifiedDateTime"]
    whole = stamp[:19] + "Z"
    found = pages(call, f"items?$filter=lastModifiedDateTime ge {whole}", 100)[0]
    assert [row["number"] for row in found] == ["MUG-450"]
    assert pages(call, "items?$filter=lastModifiedDateTime gt 2099-01-01T00:00:00Z", 100) == [[]]


def test_stock_is_the_sum_of_the_item_ledger(sim, call):
    before = sim.get("items/MUG-450")
    sim.post("items", number="MUG-450", received=5)
    sim.post("items", number="MUG-450", stock=100)
    entries = call("GET", "itemLedgerEntries?$filter=itemNumber eq 'MUG-450'").json()["value"]
    assert [(row["entryType"], row["quantity"]) for row in entries] == [
        ("Purchase", 5),
        ("Negative_x0020_Adjmt_x002E_", -305),
    ]
    assert [row["entryNumber"] for row in entries] == [1, 2]
    after = sim.get("items/MUG-450")
    assert after["inventory"] == 100
    assert after["lastModifiedDateTime"] == before["lastModifiedDateTime"]
    newest = call("GET", "itemLedgerEntries?$orderby=entryNumber desc&$top=1").json()["value"]
    assert newest[0]["entryNumber"] == 2
    assert call("POST", "itemLedgerEntries", json={}).status_code == 405


def test_an_order_that_is_shipped_and_invoiced_takes_its_goods(sim, call):
    number = sim.post("customers", displayName="Jane")["number"]
    line = {"lineType": "Item", "lineObjectNumber": "BIVY-1P", "quantity": 4, "unitPrice": 9}
    order = call("POST", "salesOrders", json={"customerNumber": number, "salesOrderLines": [line]})
    key = order.json()["id"]
    assert sim.get("items/BIVY-1P")["inventory"] == 400
    shipped = call("POST", f"salesOrders({key})/Microsoft.NAV.shipAndInvoice")
    assert shipped.status_code == 204
    assert sim.get("items/BIVY-1P")["inventory"] == 396
    memo = {"customerNumber": number, "salesCreditMemoLines": [line | {"quantity": 1}]}
    key = call("POST", "salesCreditMemos", json=memo).json()["id"]
    assert call("POST", f"salesCreditMemos({key})/Microsoft.NAV.post").status_code == 204
    assert sim.get("items/BIVY-1P")["inventory"] == 397
    assert sim.get("state")["item_ledger_entries"] == 2


def test_a_written_quantity_posts_an_adjustment(sim, call):
    item = sim.get("items/MUG-450")
    path = f"items({item['id']})"
    assert code(call("PATCH", path, json={"inventory": 7})) == "BadRequest_InvalidToken"
    changed = call("PATCH", path, json={"inventory": 7}, headers={"If-Match": "*"})
    assert changed.json()["inventory"] == 7
    assert changed.json()["lastModifiedDateTime"] == item["lastModifiedDateTime"]
    priced = call("PATCH", path, json={"unitPrice": 3.5}, headers={"If-Match": "*"})
    assert priced.json()["lastModifiedDateTime"] > item["lastModifiedDateTime"]


def test_a_changed_customer_is_checked_as_a_new_one(sim, call):
    key = sim.post("customers", displayName="Jane", email="j@example.com")["id"]
    headers = {"If-Match": "*"}
    for body, words in (
        ({"displayName": " "}, "blank"),
        ({"country": "ZZ"}, "Country/Region"),
        ({"phoneNumber": "call me"}, "letters"),
        ({"paymentTermsId": "11111111-1111-1111-1111-111111111111"}, "Payment Terms"),
        ({"balanceDue": 5}, "read-only"),
    ):
        refused = call("PATCH", f"customers({key})", json=body, headers=headers)
        assert refused.status_code == 400
        assert words in refused.json()["error"]["message"]
    etag = call("GET", f"customers({key})").json()["@odata.etag"]
    body = {"city": "Leeds"}
    assert call("PATCH", f"customers({key})", json=body, headers={"If-Match": etag}).ok
    stale = call("PATCH", f"customers({key})", json={"city": "York"}, headers={"If-Match": etag})
    assert (stale.status_code, code(stale)) == (409, "Request_EntityChanged")


def test_one_percent_of_the_items_changes_at_once(sim, call):
    done = sim.post("items/change", share=1)
    assert done["changed"] == 3
    number = done["first"][0]
    item = sim.get(f"items/{number}")
    assert item["displayName"].endswith(", edition 2")
    assert item["inventory"] == 407
    sim.post("items/change", count=10, what="price")
    page = requests.get(f"{sim.control}/__sandbox__/", timeout=5).text
    assert "Change the price of 1% of the items" in page


def test_answers_are_dated_by_the_simulators_clock(sim, call):
    sim.post("clock", advance_seconds=400 * 86_400)
    session = requests.get(f"{sim.api}/none", timeout=5)
    assert session.headers["date"].count(",") == 1
    year = sim.get("clock")["now"][:4]
    assert f" {year} " in session.headers["date"]


def test_only_supported_resources_can_be_subscribed_to(call):
    body = {"notificationUrl": "https://nowhere.example/x", "resource": "/api/v2.0/companies(1)/"}
    for resource in ("itemLedgerEntries", "itemVariants", "salesInvoiceLines"):
        wrong = body | {"resource": body["resource"] + resource}
        assert (
            "not supported" in call("POST", "/subscriptions", json=wrong).json()["error"]["message"]
        )
    unanswered = call("POST", "/subscriptions", json=body | {"resource": "companies(1)/items"})
    assert unanswered.status_code == 400
    assert call("GET", "/subscriptions").json()["value"] == []


def test_what_was_changed_outlives_a_restart(tmp_path):
    arguments = ["--rate", "0", "--data", str(tmp_path / "bc.sqlite")]
    sim = _start("sandbox.business_central", arguments)
    sim.post("items", number="MUG-450", stock=3, price="5.00")
    sim.post("items", number="TARP-3X3", delete=True)
    sim.stop()
    sim = _start("sandbox.business_central", arguments)
    try:
        assert sim.get("state")["items"] == 63
        mug = sim.get("items/MUG-450")
        assert (mug["inventory"], mug["unitPrice"]) == (3, Decimal("5.00"))
        assert sim.post("items", number="MUG-450", stock=4)["inventory"] == 4
        assert sim.get("state")["item_ledger_entries"] == 2
    finally:
        sim.stop()
