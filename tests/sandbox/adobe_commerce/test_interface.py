"""The Adobe Commerce simulator's searches, shapes, refusals, bulk calls and faults."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests.sandbox.adobe_commerce.calls import Caller, parse, searching
from tests.support.simulators import Simulator


def test_search_joins_groups_and_alternatives(shop: Simulator, call: Caller) -> None:
    shop.post("orders", count=6)
    query = searching(("entity_id", "in", "2,3,5"), ("entity_id", "gt", "2"))
    query["searchCriteria[filter_groups][1][filters][1][field]"] = "entity_id"
    query["searchCriteria[filter_groups][1][filters][1][value]"] = "2"
    query["searchCriteria[sortOrders][0][field]"] = "entity_id"
    found = call("GET", "V1/orders", query).json()
    assert [o["entity_id"] for o in found["items"]] == [5, 3, 2]
    assert found["search_criteria"]["sort_orders"] == [{"field": "entity_id", "direction": "DESC"}]
    like = searching(("customer_email", "like", "%@example.%"), ("coupon_code", "notnull", ""))
    assert call("GET", "V1/orders", like).status_code == 200
    query = {"searchCriteria[filterGroups][0][filters][0][field]": "increment_id"}
    query["searchCriteria[filterGroups][0][filters][0][value]"] = "000000004"
    query["searchCriteria[filterGroups][0][filters][0][conditionType]"] = "eq"
    query["fields"] = "items[increment_id,items[sku]],total_count"
    found = call("GET", "V1/orders", query).json()
    assert found["total_count"] == 1
    assert set(found["items"][0]) == {"increment_id", "items"}
    assert set(found["items"][0]["items"][0]) == {"sku"}


def test_past_the_last_page_is_empty_or_the_last_page_again(shop: Simulator, call: Caller) -> None:
    shop.post("orders", count=5)
    beyond = call("GET", "V1/orders", searching(size=2, page=9)).json()
    assert (beyond["items"], beyond["total_count"]) == ([], 5)
    shop.post("settings", past_last_page="repeat")
    beyond = call("GET", "V1/orders", searching(size=2, page=9)).json()
    assert [o["entity_id"] for o in beyond["items"]] == [5]


def test_without_a_page_size_everything_comes_unless_limits_are_on(
    shop: Simulator, call: Caller
) -> None:
    shop.post("orders", count=25)
    found = call("GET", "V1/orders", {"searchCriteria": "all"}).json()
    assert len(found["items"]) == 25
    assert "page_size" not in found["search_criteria"]
    shop.post("settings", input_limits=True)
    assert len(call("GET", "V1/orders", {"searchCriteria": "all"}).json()["items"]) == 20
    refused = call("GET", "V1/orders", searching(size=301))
    assert refused.json() == {
        "message": "Maximum SearchCriteria pageSize is %max",
        "parameters": {"max": 300},
    }
    rows = [{"sku": f"S{n}", "source_code": "default", "quantity": 1} for n in range(21)]
    refused = call("POST", "V1/inventory/source-items", body={"sourceItems": rows})
    assert refused.json()["parameters"] == {"type": "sourceItems", "max": 20}


def test_refusals_have_the_stores_words(shop: Simulator, call: Caller) -> None:
    assert call("GET", "V1/orders").json()["parameters"] == {"fieldName": "searchCriteria"}
    assert call("GET", "V1/nothing").json() == {"message": "Request does not match any route."}
    missing = call("GET", "V1/orders/999")
    assert missing.status_code == 404
    assert missing.json()["message"].startswith("The entity that was requested doesn't exist.")
    broken = call("GET", "V1/orders", searching(("colour", "eq", "blue")))
    assert broken.status_code == 500
    assert "Report ID: webapi-" in broken.json()["message"]
    url = f"{shop.api}/not-the-api"
    assert "html" in requests.get(url, timeout=10).headers["content-type"]
    xml = call("GET", "V1/store/websites", headers={"Accept": "application/xml"})
    assert xml.text.startswith("<?xml")


def test_numbers_come_as_php_prints_them(shop: Simulator, call: Caller) -> None:
    order = shop.post("orders", lines=[{"sku": "POWER-10K", "quantity": 1}], shipping=0)
    plain = call("GET", f"V1/orders/{order['entity_id']}").text
    assert '"price_incl_tax":29.99,' in plain
    assert '"qty_ordered":1,' in plain
    shop.post("settings", float_noise=True)
    noisy = call("GET", f"V1/orders/{order['entity_id']}").text
    assert '"price_incl_tax":29.989999999999998,' in noisy


def test_a_bulk_is_accepted_first_and_settled_row_by_row(shop: Simulator, call: Caller) -> None:
    shop.post("settings", consumers=False)
    rows = [
        {"product": {"sku": "TARP-3X3", "price": 61}},
        {"product": {"sku": "NEW-9", "price": 1}},
    ]
    accepted = call("PUT", "all/async/bulk/V1/products/bySku", body=rows)
    assert accepted.status_code == 202
    bulk = accepted.json()
    assert [row["status"] for row in bulk["request_items"]] == ["accepted", "accepted"]

    def operations() -> list[dict[str, Any]]:
        path = f"V1/bulk/{bulk['bulk_uuid']}/detailed-status"
        found: list[dict[str, Any]] = call("GET", path).json()["operations_list"]
        return found

    assert [row["status"] for row in operations()] == [4, 4]
    assert operations()[0]["id"] != bulk["request_items"][0]["id"]
    shop.post("settings", consumers=True)
    end = time.monotonic() + 5
    while 4 in [row["status"] for row in operations()] and time.monotonic() < end:
        time.sleep(0.05)
    assert [row["status"] for row in operations()] == [1, 3]
    inner = json.loads(json.loads(operations()[0]["serialized_data"])["meta_information"])
    assert inner["product"]["sku"] == "TARP-3X3"
    assert parse(call("GET", "V1/products/TARP-3X3"))["price"] == 61
    assert call("POST", "all/async/V1/products", body={"product": {"sku": "X"}}).status_code == 202


def test_a_lost_answer_leaves_its_document_booked(shop: Simulator, call: Caller) -> None:
    number = shop.post("orders", payment="authorized")["entity_id"]
    shop.fault("lose_reply", method="POST", path="invoice")
    with pytest.raises(requests.ConnectionError):
        call("POST", f"V1/order/{number}/invoice", body={"capture": True})
    assert shop.get("state")["invoices"] == 1


def test_throttling_and_html_come_as_the_product_sends_them(shop: Simulator, call: Caller) -> None:
    shop.fault("throttle")
    throttled = call("GET", "V1/store/websites")
    assert throttled.status_code == 429
    assert throttled.json() == {"message": "Too Many Requests", "trace": None}
    shop.fault("html")
    assert call("GET", "V1/store/websites").status_code == 502
    shop.fault("status", status=500)
    assert "Report ID" in call("GET", "V1/store/websites").json()["message"]
