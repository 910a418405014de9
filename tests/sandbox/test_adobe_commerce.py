"""The Adobe Commerce simulator, over real HTTP: PaaS with OAuth 1.0a, SaaS with IMS."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
import trustme
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator

CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)
KEYS = (
    "sandboxconsumerkey00000000000001",
    "sandboxconsumersecret00000000001",
    "sandboxaccesstoken00000000000001",
    "sandboxaccesstokensecret00000001",
)
Caller = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def paas() -> Iterator[Simulator]:
    simulator = start()
    yield simulator
    simulator.stop()


@pytest.fixture
def shop(paas: Simulator) -> Simulator:
    paas.post("reset")
    return paas


def parse(answer: requests.Response) -> Any:
    return json.loads(answer.text, parse_float=Decimal)


def signed(
    simulator: Simulator,
    method: str,
    path: str,
    query: dict[str, Any] | None = None,
    *,
    body: Any = None,
    keys: tuple[str, ...] = KEYS,
    headers: dict[str, str] | None = None,
    verify: bool | str = True,
    **more: Any,
) -> requests.Response:
    """A call signed by an independent OAuth 1.0a client; spaces go as %20."""
    url = f"{simulator.api}/rest/{path}"
    if query:
        url += "?" + "&".join(
            f"{quote(k, safe='')}={quote(str(v), safe='')}" for k, v in query.items()
        )
    client = Client(
        keys[0],
        client_secret=keys[1],
        resource_owner_key=keys[2],
        resource_owner_secret=keys[3],
        signature_method=more.pop("signature_method", SIGNATURE_HMAC_SHA256),
        **more,
    )
    _, authorization, _ = client.sign(url, http_method=method)
    return requests.request(
        method,
        url,
        headers={**authorization, "Accept": "application/json", **(headers or {})},
        json=body,
        verify=verify,
        timeout=10,
    )


@pytest.fixture
def call(shop: Simulator) -> Caller:
    return lambda method, path, query=None, **more: signed(shop, method, path, query, **more)


def searching(*filters: tuple[str, str, str], size: int = 100, page: int = 1) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for number, (field, condition, value) in enumerate(filters):
        base = f"searchCriteria[filter_groups][{number}][filters][0]"
        query[f"{base}[field]"] = field
        query[f"{base}[value]"] = value
        query[f"{base}[condition_type]"] = condition
    return query | {"searchCriteria[pageSize]": size, "searchCriteria[currentPage]": page}


# Authentication


def test_a_signed_call_with_brackets_and_spaces_is_let_in(shop: Simulator, call: Caller) -> None:
    shop.post("orders")
    answer = call(
        "GET", "default/V1/orders", searching(("updated_at", "gteq", "2020-01-01 00:00:00"))
    )
    assert answer.status_code == 200, answer.text
    assert parse(answer)["total_count"] == 1


@pytest.mark.parametrize(
    ("keys", "status", "words"),
    [
        (("short", *KEYS[1:]), 401, "Consumer key is not the correct length"),
        (("x" * 32, *KEYS[1:]), 401, "A consumer having the specified key does not exist"),
        ((*KEYS[:2], "y" * 32, KEYS[3]), 401, "Token is not associated"),
        ((*KEYS[:2], "short", KEYS[3]), 400, "The token length is invalid"),
        ((KEYS[0], "z" * 32, *KEYS[2:]), 401, "The signature is invalid"),
    ],
)
def test_wrong_credentials_are_named(
    call: Caller, keys: tuple[str, ...], status: int, words: str
) -> None:
    answer = call("GET", "V1/orders", searching(), keys=keys)
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_a_nonce_is_good_once_and_spent_even_by_a_wrong_signature(call: Caller) -> None:
    once = {"nonce": "n" * 32}
    wrong = (KEYS[0], "z" * 32, *KEYS[2:])
    assert call("GET", "V1/store/websites", keys=wrong, **once).status_code == 401
    again = call("GET", "V1/store/websites", **once)
    assert again.status_code == 401
    assert again.json() == {
        "message": "The nonce is already being used by the consumer with ID %1",
        "parameters": ["65"],
    }


def test_time_stamps_may_be_old_but_not_far_ahead(call: Caller) -> None:
    old = call("GET", "V1/store/websites", timestamp="1000000000")
    assert old.status_code == 200
    ahead = call("GET", "V1/store/websites", timestamp=str(int(time.time()) + 3600))
    assert ahead.status_code == 401
    assert ahead.json()["message"] == "An error occurred validating the nonce"


def test_a_proxy_that_hides_tls_breaks_the_signature(shop: Simulator, call: Caller) -> None:
    shop.post("settings", seen_scheme="https")
    answer = call("GET", "V1/store/websites")
    assert answer.json()["message"] == "The signature is invalid. Verify and try again."


def test_other_signature_methods_are_refused(call: Caller) -> None:
    answer = call("GET", "V1/store/websites", signature_method="HMAC-SHA1")
    assert answer.status_code == 400
    assert answer.json()["parameters"] == ["HMAC-SHA1"]


def test_without_rights_the_answer_is_401_and_names_the_resource(
    shop: Simulator, call: Caller
) -> None:
    shop.post("integrations", resources=["Magento_Catalog::products"])
    answer = call("GET", "V1/orders", searching())
    assert answer.status_code == 401
    assert answer.json() == {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Sales::actions_view"},
    }
    bearer = {"Authorization": f"Bearer {KEYS[2]}"}
    url = f"{shop.api}/rest/V1/products?searchCriteria[pageSize]=1"
    assert requests.get(url, headers=bearer, timeout=10).status_code == 401
    shop.post("settings", bearer=True)
    assert requests.get(url, headers=bearer, timeout=10).status_code == 200
    shop.post("integrations", revoked=True)
    assert (
        call("GET", "V1/products", searching()).json()["message"] == "Access token has been revoked"
    )


def test_a_plus_for_a_space_breaks_the_signature(shop: Simulator) -> None:
    query = "searchCriteria%5BpageSize%5D=1&fields=a+b"
    url = f"{shop.api}/rest/V1/products"
    client = Client(KEYS[0], KEYS[1], KEYS[2], KEYS[3], signature_method=SIGNATURE_HMAC_SHA256)
    _, headers, _ = client.sign(f"{url}?{query.replace('+', '%20')}")
    answer = requests.get(f"{url}?{query}", headers=headers, timeout=10)
    assert answer.json()["message"] == "The signature is invalid. Verify and try again."


@pytest.mark.parametrize("core", ["current", "laminas"])
def test_an_index_of_ten_sorts_otherwise_than_the_standard_says(
    shop: Simulator, call: Caller, core: str
) -> None:
    shop.post("settings", core=core)
    ten = searching(*[("entity_id", "gt", "0")] * 10)
    twelve = searching(*[("entity_id", "gt", "0")] * 12)
    assert call("GET", "V1/orders", ten).status_code == 200
    assert call("GET", "V1/orders", twelve).status_code == 401


def test_an_escaped_slash_is_signed_as_sent_and_fails_on_the_older_core(
    shop: Simulator, call: Caller
) -> None:
    product = {"sku": 'CBL-1/2" RED+', "name": "Cable", "price": "12.5"}
    assert call("POST", "all/V1/products", body={"product": product}).status_code == 200
    path = f"all/V1/products/{quote(product['sku'], safe='')}"
    found = call("GET", path).json()
    assert found.get("sku") == product["sku"], found
    shop.post("settings", core="laminas")
    assert call("GET", path).json()["message"].startswith("The signature is invalid")
    shop.post("settings", core="current", encoded_slashes="refuse")
    refused = call("GET", path)
    assert refused.status_code == 404
    assert "html" in refused.headers["content-type"]


@needs_contracts
@pytest.mark.parametrize("number", [0, 1])
def test_the_signature_check_agrees_with_the_written_vectors(number: int) -> None:
    from sandbox.adobe_commerce.oauth import base_string, query_pairs

    path = Path(CONTRACTS) / "adobe_commerce" / "test_vectors.json"
    vector = json.loads(path.read_text())["oauth1"][number]
    pairs = [*vector["oauth_params"].items(), *query_pairs(vector.get("raw_query", ""))]
    text = base_string(vector["method"], vector["url_without_query"], pairs, "current")
    assert text == vector["signature_base_string"]


# Orders and their arithmetic


def identity(order: dict[str, Any], prefix: str) -> Decimal:
    long = "amnt" if prefix else "amount"
    names = (
        "subtotal",
        "discount_amount",
        "discount_tax_compensation_amount",
        "shipping_amount",
        f"shipping_discount_tax_compensation_{long}",
        "tax_amount",
    )
    extra = order["extension_attributes"]
    paid_otherwise = sum(
        extra.get(prefix + name, 0)
        for name in ("gift_cards_amount", "customer_balance_amount", "reward_currency_amount")
    )
    fees = sum(fee[f"{prefix}custom_fee_amount"] for fee in extra.get("custom_fees", ()))
    wrap = Decimal(extra.get(f"gw_{prefix}price", 0))
    return sum((Decimal(order[prefix + name]) for name in names), fees + wrap - paid_otherwise)


SPECS: list[dict[str, Any]] = [
    {},
    {"kind": "configurable", "coupon": {"code": "TEN", "percent": 10}},
    {"kind": "bundle_dynamic", "coupon": {"code": "FIVE", "amount": 5}},
    {"kind": "bundle_fixed", "store": "de"},
    {"kind": "virtual"},
    {"store": "us_en", "coupon": {"code": "TEN", "percent": 10}},
    {"country": "DE"},
    {"gift_card": {"amount": 20}, "store_credit": 3, "reward": "1.50"},
    {"gift_card": {"amount": 9999}},
    {"gift_wrap": "4.00", "fees": [{"name": "Recycling", "amount": "1.20"}], "store": "de"},
    {
        "lines": [{"sku": "WHISTLE", "quantity": 7}, {"sku": "TUBE-28", "quantity": 3}],
        "shipping": "4.95",
        "shipping_discount": "2.00",
    },
    {"lines": [{"sku": "ROPE-20", "quantity": "2.5"}, {"sku": "MAP-BEN", "quantity": 1}]},
]


@pytest.mark.parametrize("number", range(len(SPECS)))
def test_every_kind_of_order_adds_up_in_both_currencies(
    shop: Simulator, call: Caller, number: int
) -> None:
    placed = shop.post("orders", **SPECS[number])
    order = parse(call("GET", f"V1/orders/{placed['entity_id']}"))
    for prefix in ("base_", ""):
        assert identity(order, prefix) == order[f"{prefix}grand_total"]
        money = [
            item
            for item in order["items"]
            if not (item["product_type"] == "bundle" and item["sku"] == "CAMP-KITCHEN")
        ]
        assert sum(i[f"{prefix}row_total"] for i in money) == order[f"{prefix}subtotal"]
        tax = sum(i[f"{prefix}tax_amount"] for i in money) + order[f"{prefix}shipping_tax_amount"]
        assert tax == order[f"{prefix}tax_amount"]
    applied = order["extension_attributes"]["applied_taxes"]
    assert sum((row["amount"] for row in applied), Decimal(0)) == order["tax_amount"]
    invoices = parse(
        call("GET", "V1/invoices", searching(("order_id", "eq", str(order["entity_id"]))))
    )
    assert invoices["total_count"] == 1
    assert invoices["items"][0]["grand_total"] == order["grand_total"]
    assert invoices["items"][0]["state"] == 2
    assert ("shipping_address" in order) is False
    assert ("customer_id" in order) == (not order["customer_is_guest"])


def test_tax_in_the_price_leaves_a_compensation_when_discounted(
    shop: Simulator, call: Caller
) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "TENT-2P-GRN", "quantity": 1, "price": "120"}],
        coupon={"code": "TEN", "percent": 10},
        shipping=0,
        customer={"guest": True, "email": "ann@example.test"},
    )
    assert order["subtotal"] == 100
    assert order["tax_amount"] == 18
    assert order["discount_amount"] == -12
    assert order["discount_tax_compensation_amount"] == 2
    assert order["grand_total"] == 108
    assert "customer_id" not in order


def test_rows_of_a_configurable_are_a_parent_with_money_and_a_child_with_the_same_sku(
    shop: Simulator,
) -> None:
    lines = [{"sku": "BOOT-M-42", "quantity": 2}]
    parent, child = shop.post("orders", lines=lines)["items"]
    assert (parent["product_type"], child["product_type"]) == ("configurable", "simple")
    assert parent["sku"] == child["sku"] == "BOOT-M-42"
    assert child["parent_item"]["item_id"] == child["parent_item_id"] == parent["item_id"]
    assert child["row_total"] == 0 < parent["row_total"]
    shop.post("settings", child_price="full")
    parent, child = shop.post("orders", lines=lines)["items"]
    assert child["row_total"] == parent["row_total"]


def test_the_same_number_may_exist_in_two_store_views_only(shop: Simulator) -> None:
    shop.post("orders", increment_id="000000777")
    shop.post("orders", increment_id="000000777", store="de")
    assert shop.get("state")["duplicates"]["increment_id"] == ["000000777"]
    with pytest.raises(Exception, match="400"):
        shop.post("orders", increment_id="000000777")


# Documents


def test_parts_of_an_invoice_add_up_to_the_order(shop: Simulator, call: Caller) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "SPORK-TI", "quantity": 3}, {"sku": "BOOT-M-42", "quantity": 1}],
        coupon={"code": "TEN", "percent": 10},
        payment="authorized",
    )
    number = order["entity_id"]
    assert "total_paid" not in order
    rows = [{"order_item_id": order["items"][0]["item_id"], "qty": 1}]
    first = call("POST", f"V1/order/{number}/invoice", body={"capture": True, "items": rows})
    assert first.status_code == 200
    rest = call("POST", f"V1/order/{number}/invoice", body={"capture": False})
    invoices = [parse(call("GET", f"V1/invoices/{a.json()}")) for a in (first, rest)]
    assert [i["state"] for i in invoices] == [2, 1]
    order = parse(call("GET", f"V1/orders/{number}"))
    for name in ("grand_total", "subtotal", "tax_amount", "discount_amount", "shipping_amount"):
        assert sum(i[name] for i in invoices) == order[name], name
    assert order["total_paid"] == invoices[0]["grand_total"]
    assert call("POST", f"V1/invoices/{rest.json()}/capture", body={}).json() is True
    assert parse(call("GET", f"V1/orders/{number}"))["total_due"] == 0
    more = call("POST", f"V1/order/{number}/invoice", body={"capture": True})
    assert more.status_code == 400
    found = parse(call("GET", "V1/transactions", searching(("order_id", "eq", str(number)))))
    assert [t["txn_type"] for t in found["items"]] == ["authorization", "capture", "capture"]
    assert found["items"][1]["txn_id"] == invoices[0]["transaction_id"]


def test_an_order_that_is_refunded_in_parts_ends_at_zero(shop: Simulator, call: Caller) -> None:
    order = shop.post(
        "orders",
        lines=[{"sku": "SPORK-TI", "quantity": 3}, {"sku": "MUG-450", "quantity": 1}],
        coupon={"code": "TEN", "percent": 10},
        shipping="4.95",
        store="de",
    )
    number = order["entity_id"]
    memos = [
        shop.post(f"orders/{number}/refund", kind="partial"),
        shop.post(f"orders/{number}/refund", kind="shipping"),
        shop.post(f"orders/{number}/refund", kind="full"),
    ]
    assert sum(m["grand_total"] for m in memos) == order["grand_total"]
    assert sum(m["base_grand_total"] for m in memos) == order["base_grand_total"]
    assert all(m["discount_amount"] <= 0 for m in memos)
    order = parse(call("GET", f"V1/orders/{number}"))
    assert (order["state"], order["total_refunded"]) == ("closed", order["total_paid"])
    memo = parse(call("GET", f"V1/creditmemo/{memos[0]['entity_id']}"))
    assert memo["invoice_id"] == 1
    assert memo["items"][0]["qty"] == 1
    assert call("GET", "V1/creditmemos", searching()).json()["total_count"] == 3


def test_an_adjustment_alone_is_a_memo_without_rows(shop: Simulator, call: Caller) -> None:
    number = shop.post("orders")["entity_id"]
    memo = shop.post(f"orders/{number}/refund", kind="adjustment", amount="2.50")
    assert memo["items"] == []
    assert memo["adjustment"] == memo["grand_total"] == Decimal("2.5")
    body = {"arguments": {"adjustment_positive": 99999}}
    refused = call("POST", f"V1/order/{number}/refund", body=body)
    assert refused.status_code == 400
    assert refused.json()["message"] == "The most money available to refund is %1."


def test_a_gift_card_order_refunds_no_more_money_than_was_paid(shop: Simulator) -> None:
    order = shop.post("orders", kind="simple", gift_card={"amount": 5})
    assert order["extension_attributes"]["gift_cards_amount"] == 5
    memo = shop.post(f"orders/{order['entity_id']}/refund", kind="full")
    assert memo["grand_total"] == order["total_paid"]
    assert memo["extension_attributes"]["gift_cards_amount"] == 5


def test_states_follow_what_people_do(shop: Simulator, call: Caller) -> None:
    def state(number: int) -> str:
        return str(call("GET", f"V1/orders/{number}").json()["state"])

    number = shop.post("orders", payment="banktransfer", kind="simple")["entity_id"]
    assert state(number) == "new"
    shop.post(f"orders/{number}/hold")
    assert state(number) == "holded"
    refused = call("POST", f"V1/order/{number}/invoice", body={})
    assert refused.json()["parameters"] == ["holded"]
    shop.post(f"orders/{number}/unhold")
    shop.post(f"orders/{number}/invoice")
    assert state(number) == "processing"
    shop.post(f"orders/{number}/ship")
    assert state(number) == "complete"
    other = shop.post("orders", payment="authorized")["entity_id"]
    shop.post(f"orders/{other}/cancel")
    assert state(other) == "canceled"
    assert call("POST", f"V1/orders/{other}/cancel").status_code == 400
    assert state(shop.post("orders", kind="virtual")["entity_id"]) == "complete"


def test_an_edited_order_is_a_new_one_with_a_suffix(shop: Simulator, call: Caller) -> None:
    old = shop.post("orders", payment="authorized", kind="configurable")
    new = shop.post(f"orders/{old['entity_id']}/edit", quantity=4)
    assert new["increment_id"] == f"{old['increment_id']}-1"
    assert new["relation_parent_real_id"] == new["original_increment_id"] == old["increment_id"]
    old = call("GET", f"V1/orders/{old['entity_id']}").json()
    assert (old["state"], old["relation_child_id"]) == ("canceled", str(new["entity_id"]))
    again = shop.post(f"orders/{new['entity_id']}/edit")
    assert again["increment_id"] == f"{old['increment_id']}-2"


def test_comments_and_the_external_number_are_written(shop: Simulator, call: Caller) -> None:
    number = shop.post("orders")["entity_id"]
    row = {"comment": "Booked", "is_customer_notified": 0, "is_visible_on_front": 0}
    posted = call("POST", f"V1/orders/{number}/comments", body={"statusHistory": row})
    assert posted.json() is True
    saved = call(
        "POST", "V1/orders", body={"entity": {"entity_id": number, "ext_order_id": "SI-1"}}
    )
    assert saved.json()["ext_order_id"] == "SI-1"
    wrong = call("POST", "V1/orders", body={"entity": {"entity_id": number, "colour": 1}})
    assert wrong.status_code == 400
    assert 'accessor method "getColour"' in wrong.json()["message"]


# Search, shapes, refusals


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


# Products, prices, stock, customers


def test_products_are_upserted_and_scoped_to_a_view_unless_all(call: Caller) -> None:
    product = {"sku": "NEW-1", "name": "New thing", "price": 10, "attribute_set_id": 4}
    made = parse(call("POST", "all/V1/products", body={"product": product}))
    assert (made["price"], made["extension_attributes"]["website_ids"]) == (10, [1, 2])
    call("PUT", "default/V1/products/NEW-1", body={"product": {"name": "Only here"}})
    assert call("GET", "default/V1/products/NEW-1").json()["name"] == "Only here"
    assert call("GET", "all/V1/products/NEW-1").json()["name"] == "New thing"
    query = searching(("sku", "in", "NEW-1,TENT-2P-GRN"))
    assert call("GET", "V1/products", query).json()["total_count"] == 2
    assert call("GET", "V1/products/NOPE").status_code == 404
    wrong = {"sku": "N" * 65, "name": "n", "price": 1}
    assert call("POST", "all/V1/products", body={"product": wrong}).status_code == 400
    unnamed = call("POST", "all/V1/products", body={"product": {"sku": "NEW-2", "price": 1}})
    assert "Product Name" in unnamed.json()["message"]
    assert call("DELETE", "V1/products/NEW-1").json() is True


def test_base_prices_apply_good_rows_and_list_bad_ones_with_200(call: Caller) -> None:
    rows = [
        {"sku": "TENT-2P-GRN", "price": 200.5, "store_id": 0},
        {"sku": "GP-404", "price": 1, "store_id": 0},
        {"sku": "TARP-3X3", "price": -1, "store_id": 0},
        {"sku": "BOOT-M", "price": 1, "store_id": 0},
        {"sku": "TARP-3X3", "price": 1, "store_id": 9},
    ]
    answer = call("POST", "V1/products/base-prices", body={"prices": rows})
    assert answer.status_code == 200
    assert [row["parameters"] for row in answer.json()] == [
        ["SKU", "GP-404"],
        ["Price", "-1"],
        ["SKU", "BOOT-M"],
        ["TARP-3X3", "9"],
    ]
    assert parse(call("GET", "V1/products/TENT-2P-GRN"))["price"] == Decimal("200.5")
    assert call("POST", "V1/products/base-prices", body={"prices": rows[:1]}).json() == []


def test_stock_is_absolute_and_one_bad_row_fails_all(shop: Simulator, call: Caller) -> None:
    def put(*rows: dict[str, Any]) -> requests.Response:
        body = {"sourceItems": [{"source_code": "default", "status": 1, **row} for row in rows]}
        return call("POST", "V1/inventory/source-items", body=body)

    assert put({"sku": "TARP-3X3", "quantity": 41}).json() == []
    blank = put({"sku": "TARP-3X3", "quantity": 7}, {"sku": "BIVY-1P ", "quantity": 1})
    assert blank.status_code == 400
    assert "leading or trailing spaces" in blank.json()["message"]
    found = parse(call("GET", "V1/inventory/source-items", searching(("sku", "eq", "TARP-3X3"))))
    assert found["items"][0]["quantity"] == 41
    assert put({"sku": "GHOST", "quantity": 1}).json() == []
    assert shop.get("state")["orphan_source_items"] == ["GHOST"]
    shop.post("settings", unknown_stock_sku="refuse")
    assert put({"sku": "GHOST-2", "quantity": 1}).status_code == 400
    empty = call("POST", "V1/inventory/source-items", body={"sourceItems": []})
    assert empty.json()["message"] == "Input data is empty"
    order = shop.post("orders", lines=[{"sku": "TARP-3X3", "quantity": 2}])
    salable = "V1/inventory/get-product-salable-quantity/TARP-3X3/1"
    assert call("GET", salable).json() == 39
    shop.post(f"orders/{order['entity_id']}/ship")
    assert call("GET", salable).json() == 39
    found = parse(call("GET", "V1/inventory/source-items", searching(("sku", "eq", "TARP-3X3"))))
    assert found["items"][0]["quantity"] == 39


def test_a_customer_put_replaces_and_e_mail_is_unique_in_a_website(call: Caller) -> None:
    address = {
        "firstname": "Ann", "lastname": "Lee", "street": ["12 Quay St"], "city": "Cork",
        "telephone": "0", "country_id": "IE", "postcode": "T12", "default_billing": True,
        "region": {"region": "Cork", "region_code": "CO", "region_id": 5},
    }  # fmt: skip
    customer = {
        "email": "ann@example.test", "firstname": "Ann", "lastname": "Lee",
        "website_id": 1, "group_id": 2, "addresses": [address, {**address, "city": "Galway"}],
    }  # fmt: skip
    made = call("POST", "V1/customers", body={"customer": customer}).json()
    again = call("POST", "V1/customers", body={"customer": customer})
    assert again.status_code == 400
    assert "same email address already exists" in again.json()["message"]
    elsewhere = {**customer, "website_id": 2}
    assert call("POST", "V1/customers", body={"customer": elsewhere}).status_code == 200
    path = f"V1/customers/{made['id']}"
    small = {k: customer[k] for k in ("email", "firstname", "lastname", "website_id")}
    replaced = call("PUT", path, body={"customer": {**small, "addresses": made["addresses"][:1]}})
    assert len(replaced.json()["addresses"]) == 1
    assert replaced.json()["group_id"] == 1
    nameless = call("PUT", path, body={"customer": {**small, "lastname": ""}})
    assert nameless.status_code == 400
    found = call("GET", "V1/customers/search", searching(("email", "eq", "ANN@example.test")))
    assert found.json()["total_count"] == 2


# Asynchronous calls


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


# Faults and what outlives them


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


def test_the_panel_shows_a_person_what_there_is(shop: Simulator) -> None:
    form = {"kind": "configurable", "payment": "authorized"}
    pressed = requests.post(f"{shop.control}/__sandbox__/api/orders", data=form, timeout=10)
    assert pressed.history[0].status_code == 303
    assert "000000001" in pressed.text
    for act in ("invoice", "ship", "refund"):
        url = f"{shop.control}/__sandbox__/api/orders/1/{act}"
        assert requests.post(url, data={"x": "1"}, timeout=10).status_code == 200, act
    shop.post("traffic", per_minute=3000)
    time.sleep(0.6)
    shop.post("traffic", per_minute=0)
    assert shop.get("state")["orders"] > 3


def test_over_tls_the_signed_scheme_is_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    pem = str(tmp_path / "tls.pem")
    simulator = start("--tls-cert", pem, "--tls-key", pem)
    simulator.api = simulator.api.replace("http:", "https:")
    try:
        answer = signed(simulator, "GET", "V1/store/websites", verify=str(tmp_path / "ca.pem"))
        assert [row["code"] for row in answer.json()] == ["admin", "base", "us"]
    finally:
        simulator.stop()


def test_what_was_booked_outlives_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "store.sqlite"
    first = start("--data", str(data))
    order = first.post("orders", lines=[{"sku": "TARP-3X3", "quantity": 2}])
    first.post("orders/1/refund", kind="partial")
    key = first.get("keys")["webhook_public_key"]
    time.sleep(0.5)
    first.stop()
    second = start("--data", str(data))
    try:
        kept = parse(signed(second, "GET", "V1/orders/1"))
        assert kept["grand_total"] == order["grand_total"]
        assert kept["total_refunded"] > 0
        assert second.get("keys")["webhook_public_key"] == key
        assert second.post("orders")["increment_id"] == "000000002"
        salable = signed(second, "GET", "V1/inventory/get-product-salable-quantity/TARP-3X3/1")
        assert salable.json() == 24
    finally:
        second.stop()
