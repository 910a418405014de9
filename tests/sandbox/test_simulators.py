"""The simulators answer to the vendors' contracts, and refuse what the vendors refuse."""

from __future__ import annotations

import json
import os
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml
from standardwebhooks import Webhook

TOKEN = {"X-Auth-Token": "sandbox-store-access-token", "Accept": "application/json"}
CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)


@pytest.fixture
def store(simulators):
    session = requests.Session()
    session.trust_env = False
    session.verify = simulators.ca_file
    session.headers.update(TOKEN)
    base = f"{simulators.store.api}/stores/acme0utd00r"

    def call(method: str, path: str, **more):
        return session.request(method, base + path, timeout=10, **more)

    return call


@pytest.fixture
def erp(simulators):
    session = requests.Session()
    session.trust_env = False
    session.verify = simulators.ca_file
    tenant = "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20"
    answer = session.post(
        f"{simulators.erp.api}/{tenant}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10",
            "client_secret": "sandbox-entra-client-secret",
            "scope": "https://api.businesscentral.dynamics.com/.default",
        },
        timeout=10,
    )
    session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    company = simulators.erp.get("state")["company_id"]
    base = f"{simulators.erp.api}/v2.0/{tenant}/Production/api/v2.0/companies({company})"

    def call(method: str, path: str, **more):
        return session.request(method, base + path, timeout=10, **more)

    return call


def test_the_store_refuses_wrong_tokens_missing_scopes_and_unknown_filters(simulators, store):
    assert store("GET", "/v2/orders", headers={"X-Auth-Token": "no"}).status_code == 401
    simulators.store.post("accounts", token="narrow-token", scopes=["orders"])
    answer = store("GET", "/v3/customers", headers={"X-Auth-Token": "narrow-token"})
    assert answer.status_code == 403
    assert store("GET", "/v2/orders?colour=blue").status_code == 400
    assert store("GET", "/v2/orders").status_code == 204


def test_the_stores_quota_is_told_in_headers_and_kept(simulators, store):
    simulators.store.post("settings", quota=3)
    answers = [store("GET", "/v2/time") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["X-Rate-Limit-Requests-Left"] == "2"
    assert int(answers[3].headers["X-Rate-Limit-Time-Reset-Ms"]) <= 30_000


@pytest.mark.parametrize(
    "destination",
    ["http://hooks.example/x", "https://hooks.example:8443/x", "ftp://hooks.example"],
)
def test_hooks_must_be_https_on_port_443(store, destination):
    body = {"scope": "store/order/created", "destination": destination}
    assert store("POST", "/v3/hooks", json=body).status_code == 422


class Receiver:
    """Somebody's webhook endpoint, answering as it is told."""

    def __init__(self) -> None:
        self.status, self.got = 200, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                token = parse_qs(urlsplit(self.path).query).get("validationToken", [""])[0]
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(token)))
                self.end_headers()
                self.wfile.write(token.encode())

            def log_message(self, *args) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def wait(self, count: int) -> None:
        for _ in range(100):
            if len(self.got) >= count:
                return
            threading.Event().wait(0.05)
        raise AssertionError(f"{len(self.got)} deliveries instead of {count}")


@pytest.fixture
def receiver(simulators, store):
    running = Receiver()
    simulators.store.post("deliver-to", host="receiver.example", url=running.url)
    body = {
        "scope": "store/order/created",
        "destination": "https://receiver.example/hook",
        "headers": {"X-Second": "lock"},
        "is_active": True,
    }
    assert store("POST", "/v3/hooks", json=body).status_code == 200
    yield running
    running.server.shutdown()


def test_deliveries_are_signed_as_the_standard_says_and_bring_the_hooks_headers(
    simulators, receiver
):
    import base64

    order = simulators.store.post("orders")
    receiver.wait(1)
    headers, body = receiver.got[0]
    key = base64.b64encode(b"sandbox-store-client-secret").decode()
    event = Webhook(key).verify(body, {k.lower(): v for k, v in headers.items()})
    assert event["data"] == {"type": "order", "id": order["id"]}
    assert headers["X-Second"] == "lock"


def test_a_failed_delivery_comes_again_on_schedule_and_at_last_the_hook_is_deactivated(
    simulators, receiver
):
    receiver.status = 500
    simulators.store.post("orders")
    receiver.wait(1)
    for number, seconds in enumerate(
        (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400), 2
    ):
        simulators.store.post("clock", advance_seconds=seconds + 1)
        receiver.wait(number)
    for _ in range(40):
        if not simulators.store.get("state")["hooks"][0]["is_active"]:
            break
        threading.Event().wait(0.05)
    assert not simulators.store.get("state")["hooks"][0]["is_active"]


def test_a_host_that_fails_too_often_is_left_alone_for_a_while(simulators, receiver):
    receiver.status = 401
    simulators.store.post("orders", count=110)
    receiver.wait(100)
    threading.Event().wait(0.5)
    assert "receiver.example" in simulators.store.get("state")["blocked"]


@needs_contracts
def test_an_order_has_the_fields_and_types_of_the_vendors_contract(simulators, store):
    spec = yaml.safe_load(Path(CONTRACTS, "bigcommerce", "orders.v2.oas2.yml").read_text())
    schemas = spec["components"]["schemas"]

    def properties(name: str) -> dict:
        found: dict = {}
        for part in [schemas[name], *schemas[name].get("allOf", [])]:
            if "$ref" in part:
                found |= properties(part["$ref"].rsplit("/", 1)[1])
            found |= part.get("properties", {})
        return found

    order = simulators.store.post("orders")
    answer = store(
        "GET",
        f"/v2/orders/{order['id']}",
        params={"include": "consignments.line_items,fees", "consignment_structure": "object"},
    ).json()
    types = {"string": str, "integer": int, "boolean": bool, "array": list, "number": (int, float)}

    def check(value: dict, known: dict) -> None:
        for name, item in value.items():
            wanted = types.get(known.get(name, {}).get("type", ""))
            if wanted and item is not None:
                assert isinstance(item, wanted), name

    known = properties("order_Resp")
    assert not {name for name in answer if name not in known and name != "credit_card_type"}
    check(answer, known)
    line = answer["consignments"]["shipping"][0]["line_items"][0]
    assert set(line) <= set(properties("orderProducts"))
    check(line, properties("orderProducts"))


def test_business_central_refuses_what_its_documentation_says(erp):
    def code(answer) -> str:
        return answer.json()["error"]["code"]

    create = {"displayName": "N"}
    assert code(erp("POST", "/customers", json={})) == "Application_DialogException"
    assert code(erp("POST", "/customers", json={**create, "colour": "blue"})) == "BadRequest"
    assert (
        code(erp("POST", "/customers", json={**create, "balanceDue": 1}))
        == "BadRequest_InvalidOperation"
    )
    too_long = erp("POST", "/customers", json={"displayName": "x" * 101})
    assert code(too_long) == "Application_StringExceededLength"
    assert erp("GET", "/items?$filter=colour eq 'x'").status_code == 400
    distinct = erp("GET", "/items?$filter=number eq 'A' or gtin eq 'B'")
    assert "OR" in distinct.json()["error"]["message"]
    long_filter = erp("GET", f"/items?$filter=number eq '{'x' * 21}'")
    assert code(long_filter) == "Application_FilterErrorException"
    assert len(erp("GET", "/items?$filter=number in ('A')").json()["value"]) > 50
    customer = erp("POST", "/customers", json=create).json()
    invoice = erp("POST", "/salesInvoices", json={"customerId": customer["id"]}).json()
    path = f"/salesInvoices({invoice['id']})"
    assert code(erp("PATCH", path, json={"dueDate": "2026-12-01"})) == "BadRequest_InvalidToken"
    stale = erp("PATCH", path, json={"dueDate": "2026-12-01"}, headers={"If-Match": 'W/"old"'})
    assert stale.status_code == 409
    assert (
        "at least one line" in erp("POST", f"{path}/Microsoft.NAV.post").json()["error"]["message"]
    )


def test_business_central_posts_once_keeps_the_id_and_its_ledger_balances(simulators, erp):
    customer = erp("POST", "/customers", json={"displayName": "N"}).json()
    body = {
        "customerId": customer["id"],
        "externalDocumentNumber": "web-1",
        "salesInvoiceLines": [
            {
                "lineType": "Item",
                "lineObjectNumber": "TENT-2P-GRN",
                "quantity": 3,
                "unitPrice": 9.99,
            },
            {"lineType": "Account", "lineObjectNumber": "6610", "quantity": 1, "unitPrice": 4.95},
        ],
    }
    draft = erp("POST", "/salesInvoices", json=body).json()
    assert (draft["status"], draft["externalDocumentNumber"]) == ("Draft", "WEB-1")
    path = f"/salesInvoices({draft['id']})"
    assert erp("POST", f"{path}/Microsoft.NAV.post").status_code == 204
    posted = erp("GET", path).json()
    assert posted["status"] == "Open"
    assert posted["number"] != draft["number"]
    assert erp("POST", f"{path}/Microsoft.NAV.post").status_code == 400
    assert erp("DELETE", path, headers={"If-Match": "*"}).status_code == 400
    state = simulators.erp.get("state")
    assert (state["posted"], state["ledger_balance"]) == (1, 0)
    assert state["invoices"][0]["totalAmountIncludingTax"] == Decimal("34.92")


def test_an_order_that_is_shipped_and_invoiced_becomes_a_posted_invoice_and_is_gone(
    simulators, erp
):
    customer = erp("POST", "/customers", json={"displayName": "N"}).json()
    line = {"lineType": "Item", "lineObjectNumber": "MAT-FOAM", "quantity": 1, "unitPrice": 24.99}
    body = {"customerId": customer["id"], "pricesIncludeTax": True, "salesOrderLines": [line]}
    order = erp("POST", "/salesOrders", json=body).json()
    path = f"/salesOrders({order['id']})"
    simulators.erp.post("period", to="2020-01-31")
    assert erp("POST", f"{path}/Microsoft.NAV.shipAndInvoice").status_code == 400
    simulators.erp.post("period", to=None)
    assert erp("POST", f"{path}/Microsoft.NAV.shipAndInvoice").status_code == 204
    assert erp("GET", path).status_code == 404
    (invoice,) = erp("GET", f"/salesInvoices?$filter=orderNumber eq '{order['number']}'").json()[
        "value"
    ]
    assert (invoice["status"], invoice["orderId"]) == ("Open", order["id"])
    assert simulators.erp.get("state")["ledger_balance"] == 0


def test_business_central_pages_with_its_own_links(erp):
    first = erp("GET", "/items?$select=number", headers={"Prefer": "odata.maxpagesize=40"}).json()
    assert len(first["value"]) == 40
    link = first["@odata.nextLink"].partition("/items")[2]
    rest = erp("GET", f"/items{link}", headers={"Prefer": "odata.maxpagesize=40"}).json()
    numbers = [row["number"] for row in first["value"] + rest["value"]]
    assert len(numbers) == len(set(numbers)) > 60


@needs_contracts
def test_business_centrals_entities_are_those_of_the_sheet():
    from sandbox.business_central.entities import ENTITIES

    sheet = json.loads(Path(CONTRACTS, "business_central", "api_v2_entities.json").read_text())
    for entity, properties in ENTITIES.items():
        known = sheet["entities"].get(entity)
        if known is None:
            continue  # generalLedgerSetup is offered by the vendor and not in the sheet
        for name, info in properties.items():
            assert name in known["properties"], f"{entity}.{name}"
            theirs = known["properties"][name]
            if entity != "companies":  # the sheet does not say it for the platform's own entity
                assert info.read_only == bool(theirs.get("readOnly")), f"{entity}.{name}"
            if info.length and "maxLength" in theirs:
                assert info.length == theirs["maxLength"], f"{entity}.{name}"


def test_a_subscription_needs_its_handshake_tells_of_changes_and_ends_on_a_wrong_answer(
    simulators, erp
):
    receiver = Receiver()
    simulators.erp.post("deliver-to", host="receiver.example", url=receiver.url)
    company = simulators.erp.get("state")["company_id"]
    body = {
        "notificationUrl": "https://receiver.example/bc",
        "resource": f"/api/v2.0/companies({company})/items",
        "clientState": "ours",
    }
    address = "/../subscriptions"
    receiver.status = 404
    assert erp("POST", address, json=body).status_code == 400
    receiver.status = 200
    assert erp("POST", address, json=body).status_code == 201
    receiver.got.clear()
    simulators.erp.post("items", number="TENT-2P-GRN", blocked="0")
    simulators.erp.post("items", number="TENT-2P-GRN", blocked="0")
    simulators.erp.post("clock", advance_seconds=31)
    receiver.wait(1)
    (notice,) = json.loads(receiver.got[0][1])["value"]
    assert (notice["clientState"], notice["changeType"]) == ("ours", "updated")
    receiver.status = 403
    simulators.erp.post("items", number="TENT-2P-GRN", blocked="0")
    simulators.erp.post("clock", advance_seconds=31)
    receiver.wait(2)
    for _ in range(40):
        left = erp("GET", address).json()["value"]
        if not left:
            break
        threading.Event().wait(0.05)
    assert left == []
    receiver.server.shutdown()
