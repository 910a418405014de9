"""The Adobe Commerce simulator's cloud edition, synchronous webhooks, I/O Events and contract."""

from __future__ import annotations

import base64
import json
import os
import re
import time
import urllib.error
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.adobe_commerce import Delivered, Receiver, start
from tests.support.simulators import Simulator

CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)
TENANT = "Qx7Rk2Lw9Tn4Vb1C"
ORG = "6A1B2C3D4E5F60718293A4B5@AdobeOrg"
SCOPES = "openid,AdobeID,email,profile,additional_info.roles,commerce.accs"
HOOK = {
    "webhook_method": "observer.sales_order_place_after",
    "webhook_type": "after",
    "batch_name": "connector",
    "hook_name": "orders",
    "url": "https://hooks.example/hooks/abc",
    "required": False,
    "timeout": 1500,
}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def simulator(receiver: Receiver) -> Iterator[Simulator]:
    started = start("--edition", "saas", "--deliver-to", f"hooks.example={receiver.url}")
    yield started
    started.stop()


@pytest.fixture
def shop(simulator: Simulator, receiver: Receiver) -> Simulator:
    simulator.post("reset")
    receiver.forget()
    return simulator


def token(shop: Simulator, **other: str) -> requests.Response:
    form = {
        "client_id": "sandbox-ims-client-id",
        "client_secret": "sandbox-ims-client-secret",
        "grant_type": "client_credentials",
        "scope": SCOPES,
    }
    return requests.post(f"{shop.api}/ims/token/v3", data=form | other, timeout=10)


def headers(shop: Simulator, **form: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token(shop, **form).json()['access_token']}",
        "x-api-key": "sandbox-ims-client-id",
        "x-gw-ims-org-id": ORG,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Store": "all",
    }


def call(
    shop: Simulator, method: str, path: str, *, body: Any = None, **other: str
) -> requests.Response:
    return requests.request(
        method,
        f"{shop.api}/{TENANT}/{path}",
        headers={**headers(shop), **other},
        data=None if body is None else json.dumps(body),
        timeout=10,
    )


ALL = "?searchCriteria%5BpageSize%5D=50"


# The cloud service


def test_a_token_opens_the_api_and_ends(shop: Simulator) -> None:
    given = token(shop).json()
    assert (given["token_type"], given["expires_in"]) == ("bearer", 86_399)
    with_token = headers(shop)
    url = f"{shop.api}/{TENANT}/V1/orders{ALL}"
    assert requests.get(url, headers=with_token, timeout=10).status_code == 200
    shop.post("clock", advance_seconds=86_401)
    assert requests.get(url, headers=with_token, timeout=10).status_code == 401
    fresh = headers(shop)
    assert requests.get(url, headers=fresh, timeout=10).status_code == 200
    shop.post("tokens/expire")
    assert requests.get(url, headers=fresh, timeout=10).status_code == 401


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "no"}, 401, "invalid_client"),
        ({"client_id": "no"}, 400, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "openid,colour"}, 400, "invalid_scope"),
    ],
)
def test_token_requests_are_refused(
    shop: Simulator, form: dict[str, str], status: int, error: str
) -> None:
    answer = token(shop, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_two_secrets_are_good_while_they_are_rotated(shop: Simulator) -> None:
    shop.post("settings", client_secrets=["sandbox-ims-client-secret", "the-next-secret"])
    assert token(shop, client_secret="the-next-secret").status_code == 200
    shop.post("settings", client_secrets=["the-next-secret"])
    assert token(shop).status_code == 401


def test_the_gateway_tells_wrong_organisations_and_missing_scopes_apart(shop: Simulator) -> None:
    assert call(shop, "GET", f"V1/orders{ALL}", **{"x-gw-ims-org-id": "X"}).status_code == 403
    assert call(shop, "GET", f"V1/orders{ALL}", **{"x-api-key": "X"}).status_code == 403
    narrow = headers(shop, scope="openid")
    url = f"{shop.api}/{TENANT}/V1/orders{ALL}"
    assert requests.get(url, headers=narrow, timeout=10).status_code == 401
    shop.post("settings", permitted=False, gateway_body="empty")
    answer = call(shop, "GET", f"V1/orders{ALL}")
    assert (answer.status_code, answer.text) == (403, "")


def test_the_cloud_has_no_rest_prefix_and_puts_async_after_the_version(shop: Simulator) -> None:
    outside = requests.get(f"{shop.api}/rest/V1/orders", headers=headers(shop), timeout=10)
    assert outside.status_code == 404
    assert call(shop, "GET", f"V1/orders{ALL}", Store="nowhere").status_code == 404
    rows = [{"product": {"sku": "CLOUD-1", "name": "Cloud", "price": 1}}]
    accepted = call(shop, "POST", "V1/async/bulk/products", body=rows)
    assert accepted.status_code == 202
    end = time.monotonic() + 5
    while time.monotonic() < end:
        found = call(shop, "GET", f"V1/bulk/{accepted.json()['bulk_uuid']}/status").json()
        if found["operations_list"][0]["status"] == 1:
            break
        time.sleep(0.05)
    assert call(shop, "GET", "V1/products/CLOUD-1").json()["name"] == "Cloud"


# Synchronous webhooks


def verify(pem: str, signature: str, message: bytes) -> None:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())


def test_a_hook_fires_before_the_order_exists_and_is_signed_over_base64(
    shop: Simulator, receiver: Receiver
) -> None:
    assert call(shop, "POST", "V1/webhooks/subscribe", body={"webhook": HOOK}).json() == []
    assert call(shop, "GET", "V1/webhooks/list").json()[0]["url"] == HOOK["url"]
    seen: list[int] = []

    def answer(got: Delivered) -> tuple[int, Any]:
        seen.append(shop.get("state")["orders"])
        return 200, {"op": "success"}

    receiver.answer = answer
    order = shop.post("orders")
    assert seen == [0]
    got = receiver.got[0]
    assert got.headers["x-adobe-commerce-request-id"]
    sent = got.json()
    assert sent["eventName"] == "sales_order_place_after"
    assert "entity_id" not in sent["data"]["order"]
    assert sent["data"]["order"]["increment_id"] == order["increment_id"]
    assert sent["data"]["order"]["grand_total"] == f"{order['grand_total']:.4f}"
    pem, mark = shop.get("keys")["webhook_public_key"], "x-adobe-commerce-webhook-signature"
    verify(pem, got.headers[mark], base64.b64encode(got.body))
    with pytest.raises(InvalidSignature):
        verify(pem, got.headers[mark], got.body)
    shop.post("settings", webhook_signing="wrong")
    shop.post("orders")
    with pytest.raises(InvalidSignature):
        verify(pem, receiver.got[1].headers[mark], base64.b64encode(receiver.got[1].body))


def test_fields_rules_and_headers_shape_the_hook(shop: Simulator, receiver: Receiver) -> None:
    fields = [
        {"name": "number", "source": "data.order.increment_id"},
        {"name": "store.id", "source": "data.order.store_id"},
        {"name": "skus", "source": "data.order.items[].sku"},
    ]
    rules = [{"field": "data.order.grand_total", "operator": "greaterThan", "value": "50"}]
    header = [{"name": "x-connector", "value": "k"}]
    shop.post("hooks", **HOOK, fields=fields, rules=rules, headers=header)
    shop.post("orders", lines=[{"sku": "WHISTLE", "quantity": 1}], shipping=0)
    assert receiver.got == []
    shop.post("orders", lines=[{"sku": "TENT-2P-GRN", "quantity": 1}])
    got = receiver.got[0]
    assert got.headers["x-connector"] == "k"
    assert got.json() == {"number": "000000002", "store": {"id": "1"}, "skus": ["TENT-2P-GRN"]}


@pytest.mark.parametrize("required", [True, False])
def test_only_a_required_hook_that_fails_stops_the_shopper(
    shop: Simulator, receiver: Receiver, required: bool
) -> None:
    shop.post("hooks", **{**HOOK, "required": required, "fallback_error_message": "Not now."})
    receiver.answer = lambda got: (500, {})
    if required:
        with pytest.raises(urllib.error.HTTPError):
            shop.post("orders")
    else:
        shop.post("orders")
    assert shop.get("state")["orders"] == (0 if required else 1)
    assert shop.get("deliveries")["hooks"][0]["problem"] == "answered 500"
    time.sleep(0.3)
    assert len(receiver.got) == 1
    receiver.answer = lambda got: (200, {"op": "exception", "message": "Blocked"})
    with pytest.raises(urllib.error.HTTPError):
        shop.post("orders")
    receiver.answer = lambda got: (200, {"op": "success"})
    assert shop.post("orders")["increment_id"] == "000000003"


def test_a_slow_receiver_costs_its_hard_timeout(shop: Simulator, receiver: Receiver) -> None:
    shop.post("hooks", **{**HOOK, "timeout": 200})

    def slow(got: Delivered) -> tuple[int, Any]:
        time.sleep(0.8)
        return 200, {"op": "success"}

    receiver.answer = slow
    shop.post("orders")
    entry = shop.get("deliveries")["hooks"][0]
    assert entry["problem"] == "timed out"
    assert 150 < entry["milliseconds"] < 700


def test_hooks_that_the_product_does_not_offer_are_refused(shop: Simulator) -> None:
    names = [row["name"] for row in call(shop, "GET", "V1/webhooks/supportedList").json()]
    assert "plugin.sales.api.order_management.place" in names
    for wrong in ({"webhook_method": "observer.nothing"}, {"url": "http://plain"}, {"colour": 1}):
        answer = call(shop, "POST", "V1/webhooks/subscribe", body={"webhook": HOOK | wrong})
        assert answer.status_code == 400


# Adobe I/O Events


def events_to(shop: Simulator, receiver: Receiver, **more: Any) -> dict[str, Any]:
    receiver.answer = lambda got: (200, got.path.partition("challenge=")[2])
    event = {
        "name": "observer.sales_order_save_commit_after",
        "fields": [{"name": "entity_id"}, {"name": "increment_id"}, {"name": "items[].sku"}],
    }
    assert call(shop, "POST", "V1/eventing/eventSubscribe", body={"event": event}).json() == []
    made: dict[str, Any] = shop.post(
        "events/register", url="https://hooks.example/hooks/events", client_id="us", **more
    )
    receiver.forget()
    return made


def test_events_come_as_signed_cloud_events(shop: Simulator, receiver: Receiver) -> None:
    assert events_to(shop, receiver)["state"] == "active"
    order = shop.post("orders", payment="authorized")
    got = receiver.wait_for(1)[0]
    event = got.json()
    assert event["type"] == "com.adobe.commerce.observer.sales_order_save_commit_after"
    assert event["recipientclientid"] == "us"
    value = event["data"]["value"]
    assert value["entity_id"] == order["entity_id"]
    assert value["items"]["sku"] == [item["sku"] for item in order["items"]]
    assert got.headers["x-adobe-event-id"] == event["eventid"]
    for number in (1, 2):
        path = got.headers[f"x-adobe-public-key{number}-path"]
        pem = requests.get(shop.api + path, timeout=10).text
        verify(pem, got.headers[f"x-adobe-digital-signature-{number}"], got.body)


def test_the_handshake_may_be_a_validation_address_for_five_minutes(
    shop: Simulator, receiver: Receiver
) -> None:
    made = shop.post(
        "events/register",
        url="https://hooks.example/hooks/events",
        handshake="post",
        validation_base=shop.api,
    )
    assert made["state"] == "unverified"
    url = receiver.got[0].json()["validationUrl"]
    assert requests.get(url, timeout=10).status_code == 200
    assert shop.get("state")["registrations"][0]["state"] == "active"
    shop.post("clock", advance_seconds=301)
    assert requests.get(url, timeout=10).status_code == 404


def test_events_are_retried_for_5xx_and_dropped_for_4xx(
    shop: Simulator, receiver: Receiver
) -> None:
    events_to(shop, receiver)
    receiver.answer = lambda got: (503, {})
    shop.post("orders", payment="authorized")
    receiver.wait_for(1)
    receiver.answer = lambda got: (200, {})
    time.sleep(0.2)
    assert len(receiver.got) == 1
    shop.post("clock", advance_seconds=61)
    again = receiver.wait_for(2)
    assert again[1].headers["x-adobe-retry-count"] == "1"
    assert again[1].body == again[0].body
    receiver.answer = lambda got: (400, {})
    shop.post("orders", payment="authorized")
    receiver.wait_for(3)
    shop.post("clock", advance_seconds=3600)
    time.sleep(0.3)
    assert len(receiver.got) == 3
    results = [row["result"] for row in shop.get("deliveries")["events"]]
    assert results == ["to be retried", "delivered", "dropped"]


def test_failures_make_a_registration_unstable_and_a_day_later_disabled(
    shop: Simulator, receiver: Receiver
) -> None:
    def state() -> str:
        return str(shop.get("state")["registrations"][0]["state"])

    events_to(shop, receiver)
    receiver.answer = lambda got: (500, {})
    shop.post("orders", count=12, payment="authorized")
    receiver.wait_for(12)
    time.sleep(0.2)
    assert state() == "unstable"
    for _ in range(2):
        shop.post("clock", advance_seconds=12 * 3600)
        time.sleep(0.4)
    shop.post("orders", count=12, payment="authorized")
    end = time.monotonic() + 5
    while state() != "disabled" and time.monotonic() < end:
        time.sleep(0.05)
    assert state() == "disabled"


# The contract


def _contract(edition: str) -> dict[str, Any]:
    name = {"saas": "accs-schema.yaml", "paas": "admin-schema-2.4.8.yaml"}[edition]
    text = (Path(CONTRACTS) / "adobe_commerce" / name).read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, Any] = yaml.load(text, Loader=loader)
    return loaded


_TYPES = {
    "string": str,
    "integer": int,
    "number": (int, Decimal),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def strays(value: Any, shape: dict[str, Any], document: dict[str, Any], at: str) -> list[str]:
    """Where an answer says what the contract does not know."""
    if "$ref" in shape:
        shape = document["definitions"][shape["$ref"].rpartition("/")[2]]
    kind = shape.get("type", "object")
    if value is None:
        return []
    if not isinstance(value, _TYPES[kind]):
        return [f"{at}: {value!r} is no {kind}"]
    if kind == "array":
        return [
            s
            for n, v in enumerate(value)
            for s in strays(v, shape["items"], document, f"{at}[{n}]")
        ]
    if kind == "object":
        found = []
        for name, inner in value.items():
            if name not in shape.get("properties", {}):
                found.append(f"{at}.{name} is not in the contract")
            else:
                found += strays(inner, shape["properties"][name], document, f"{at}.{name}")
        return found
    return []


@needs_contracts
def test_every_answer_is_within_the_contract(shop: Simulator) -> None:
    document = _contract("saas")
    orders = [
        shop.post("orders", **spec)
        for spec in (
            {"kind": "configurable", "coupon": {"code": "TEN", "percent": 10}},
            {"kind": "bundle_dynamic", "gift_card": {"amount": 5}, "store_credit": 1, "reward": 1},
            {"kind": "virtual", "gift_wrap": "2.00", "fees": [{"name": "Fee", "amount": 1}]},
            {"payment": "authorized", "store": "us_en"},
        )
    ]
    shop.post(f"orders/{orders[0]['entity_id']}/refund", kind="full")
    shop.post(f"orders/{orders[3]['entity_id']}/edit")
    call(shop, "POST", "V1/webhooks/subscribe", body={"webhook": HOOK})
    rows = [{"product": {"sku": "WHISTLE", "price": 5}}]
    bulk = call(shop, "POST", "V1/async/bulk/products", body=rows).json()["bulk_uuid"]
    paths = {
        "/V1/orders": f"V1/orders{ALL}",
        "/V1/orders/{id}": "V1/orders/1",
        "/V1/invoices": f"V1/invoices{ALL}",
        "/V1/invoices/{id}": "V1/invoices/1",
        "/V1/creditmemos": f"V1/creditmemos{ALL}",
        "/V1/creditmemo/{id}": "V1/creditmemo/1",
        "/V1/transactions": f"V1/transactions{ALL}",
        "/V1/products": f"V1/products{ALL}",
        "/V1/products/{sku}": "V1/products/TENT-2P-GRN",
        "/V1/inventory/source-items": f"V1/inventory/source-items{ALL}",
        "/V1/inventory/sources": f"V1/inventory/sources{ALL}",
        "/V1/inventory/stocks": f"V1/inventory/stocks{ALL}",
        "/V1/customers/search": f"V1/customers/search{ALL}",
        "/V1/customerGroups/search": f"V1/customerGroups/search{ALL}",
        "/V1/store/storeConfigs": "V1/store/storeConfigs",
        "/V1/store/storeViews": "V1/store/storeViews",
        "/V1/store/storeGroups": "V1/store/storeGroups",
        "/V1/store/websites": "V1/store/websites",
        "/V1/webhooks/list": "V1/webhooks/list",
        "/V1/webhooks/supportedList": "V1/webhooks/supportedList",
        "/V1/bulk/{bulkUuid}/detailed-status": f"V1/bulk/{bulk}/detailed-status",
        "/V1/bulk/{bulkUuid}/status": f"V1/bulk/{bulk}/status",
    }
    found: list[str] = []
    for path, wanted in paths.items():
        answer = call(shop, "GET", wanted)
        assert answer.status_code == 200, (path, answer.text)
        shape = document["paths"][path]["get"]["responses"]["200"]["schema"]
        found += strays(json.loads(answer.text, parse_float=Decimal), shape, document, path)
    assert sorted(set(found)) == []


@needs_contracts
@pytest.mark.parametrize("edition", ["paas", "saas"])
def test_every_route_is_in_the_contract(edition: str) -> None:
    from sandbox.adobe_commerce.catalogue_api import CatalogueApi
    from sandbox.adobe_commerce.customers_api import CustomersApi
    from sandbox.adobe_commerce.sales_api import SalesApi
    from sandbox.adobe_commerce.stock_api import StockApi

    document = _contract(edition)
    known = {
        (method.upper(), re.sub(r"\{[^}]+\}", "{}", path).removeprefix("/V1/").rstrip("/"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    routes = [
        *SalesApi(None).routes(),  # type: ignore[arg-type]
        *StockApi(None).routes(),  # type: ignore[arg-type]
        *CatalogueApi(None, None).routes(),  # type: ignore[arg-type]
        *CustomersApi(None).routes(),  # type: ignore[arg-type]
    ]
    spelled = [(r.method, re.sub(r"\{[^}]+\}", "{}", r.path)) for r in routes]
    assert [route for route in spelled if route not in known] == []
