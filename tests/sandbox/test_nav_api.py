"""The API over NAV's books: "beta" of NAV 2018, v1.0 of Business Central 14 and later."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from sandbox.nav.rest_entities import entities
from tests.support.nav import NAME, PASSWORD, Api, Pages, certificates, code, session, start, words

CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def nav_process(tls):
    started = start(tls=tls)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def later_process(tls):
    started = start("--flavour", "bc_v1", tls=tls)
    yield started
    started.stop()


@pytest.fixture
def nav(nav_process, tls):
    nav_process.post("reset")
    return Pages(nav_process, session(tls, (NAME, PASSWORD)))


@pytest.fixture
def beta(nav):
    nav.sim.post("settings", api_services=True)
    return Api(nav.sim, nav.http, "DynamicsNAV110/api/beta")


def test_the_api_is_off_until_the_administrator_turns_it_on(nav):
    root = f"{nav.sim.api}/DynamicsNAV110/api"
    assert nav.http.get(f"{root}/beta/companies", timeout=10).status_code == 405
    nav.sim.post("settings", api_services=True)
    assert len(nav.http.get(f"{root}/beta/companies", timeout=10).json()["value"]) == 2
    for path in ("v1.0/companies", "v2.0/companies", "beta/subscriptions"):
        answer = nav.http.get(f"{root}/{path}", timeout=10)
        assert (answer.status_code, code(answer)) == (404, "BadRequest_ResourceNotFound")


def test_betas_invoice_has_one_reference_and_lines_with_a_key_of_two_parts(beta):
    customer = beta.json(
        "POST",
        "customers",
        json={
            "displayName": "Zoë O'Neil",
            "address": {"street": "1 High Street\r\nFlat 2", "countryLetterCode": "ie"},
            "paymentTerms": {"code": "PREPAID"},
        },
    )
    assert customer["address"]["street"] == "1 High Street\r\nFlat 2"
    assert (customer["blocked"], customer["currencyCode"]) == (" ", "GBP")
    assert customer["paymentTerms"] == {"code": "PREPAID", "description": "Paid in advance"}
    body = {"customerId": customer["id"], "customerPurchaseOrderReference": "web-1"}
    for unknown in ("externalDocumentNumber", "postingDate", "salesInvoiceLines"):
        assert code(beta("POST", "salesInvoices", json={**body, unknown: "x"})) == "BadRequest"
    invoice = beta.json("POST", "salesInvoices", json=body)
    where = f"salesInvoices({invoice['id']})"
    item = beta.item("TENT-2P-GRN")
    line = beta.json(
        "POST",
        f"{where}/salesInvoiceLines",
        json={"itemId": item["id"], "lineType": "Item", "unitPrice": 9.99, "quantity": 3},
    )
    assert "id" not in line
    assert line["lineDetails"] == {"number": "TENT-2P-GRN", "displayName": item["displayName"]}
    key = f"{where}/salesInvoiceLines({invoice['id']},{line['sequence']})"
    changed = beta.json("PATCH", key, json={"quantity": 2}, headers={"If-Match": "*"})
    assert changed["quantity"] == 2
    found = beta.json("GET", "salesInvoices?$filter=customerPurchaseOrderReference eq 'web-1'")
    (shown,) = found["value"]
    assert (shown["status"], shown["totalAmountIncludingTax"]) == ("Draft", Decimal("499.98"))
    assert beta("POST", f"{where}/Microsoft.NAV.post").status_code == 404
    beta.sim.post("settings", beta_post=True)
    assert beta("POST", f"{where}/Microsoft.NAV.post").status_code == 204
    posted = beta.json("GET", where)
    assert (posted["status"], posted["number"]) == ("Open", "103001")


def test_old_records_have_no_id_until_the_api_is_set_up(beta):
    known = beta.item("TUBE-28")["id"]
    beta.sim.post("settings", integrated=False)
    assert beta.item("TUBE-28")["id"] == "00000000-0000-0000-0000-000000000000"
    new = beta.json("POST", "customers", json={"displayName": "New"})
    assert new["id"] != "00000000-0000-0000-0000-000000000000"
    beta.sim.post("settings", integrated=True)
    assert beta.item("TUBE-28")["id"] == known


def test_betas_names_have_fifty_characters(beta):
    long_name = beta("POST", "customers", json={"displayName": "x" * 51})
    assert code(long_name) == "Application_StringExceededLength"
    address_line = {"address": {"street": "x" * 51}, "displayName": "N"}
    assert code(beta("POST", "customers", json=address_line)) == "Application_StringExceededLength"
    assert code(beta("POST", "customers", json={})) == "Application_DialogException"
    read_only = beta("POST", "customers", json={"displayName": "N", "balance": 1})
    assert code(read_only) == "BadRequest_InvalidOperation"


@needs_contracts
def test_betas_entities_are_those_of_the_sheet():
    sheet = json.loads(
        Path(CONTRACTS, "business_central", "nav2018_api_beta_entities.json").read_text()
    )["entities"]
    for entity, properties in entities("beta", 50).items():
        known = sheet.get(entity)
        if known is None:
            assert entity in ("countriesRegions",), entity
            continue
        assert set(properties) <= set(known), entity
        for name, part in properties.items():
            _, size, length = known[name].partition("maximum size ")
            if size and part.length:
                assert part.length == int(length), f"{entity}.{name}"


# The API v1.0 of Business Central 14 and later


TENANT, CLIENT = "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20", "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10"


@pytest.fixture
def later(later_process, tls):
    later_process.post("reset")
    http = session(tls)
    answer = http.post(
        f"{later_process.api}/{TENANT}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": "sandbox-entra-client-secret",
            "scope": "https://api.businesscentral.dynamics.com/.default",
        },
        timeout=10,
    )
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return Api(later_process, http, "BC/api/v1.0")


def test_tokens_are_refused_once_they_are_expired_or_the_card_is_gone(later):
    assert later("GET", "customers").status_code == 200
    later.sim.post("settings", card="not_registered")
    refused = later("GET", "customers")
    assert (refused.status_code, code(refused)) == (401, "Authentication_InvalidCredentials")
    later.sim.post("settings", card="enabled")
    later.sim.post("clock", advance_seconds=3_600)
    assert later("GET", "customers").status_code == 401
    later.sim.post("clock", advance_seconds=-3_600)
    later.sim.post("tokens/expire")
    assert later("GET", "customers").headers["WWW-Authenticate"].startswith("Bearer")


def test_an_invoice_of_v1_is_made_in_one_call_posted_and_cancelled(later):
    (customer,) = later.json("GET", "customers?$filter=number eq 'C00001'")["value"]
    (shipping,) = later.json("GET", "accounts?$filter=number eq '6610'")["value"]
    body = {
        "customerId": customer["id"],
        "externalDocumentNumber": "web-1",
        "invoiceDate": "2026-11-20",
        "shippingPostalAddress": {"street": "1 Main Street", "city": "Cork", "postalCode": "t12"},
        "salesInvoiceLines": [
            {"itemId": later.item("TENT-2P-GRN")["id"], "quantity": 3, "unitPrice": 9.99},
            {"accountId": shipping["id"], "quantity": 1, "unitPrice": 4.95},
        ],
    }
    draft = later.json("POST", "salesInvoices", json=body)
    where = f"salesInvoices({draft['id']})"
    assert (draft["status"], draft["externalDocumentNumber"]) == ("Draft", "WEB-1")
    shown = later.json("GET", f"{where}?$expand=salesInvoiceLines")
    assert shown["totalAmountIncludingTax"] == Decimal("34.92")
    assert shown["shippingPostalAddress"]["postalCode"] == "T12"
    assert shown["salesInvoiceLines"][1]["id"] == f"{draft['id']}-20000"
    assert later("POST", f"{where}/Microsoft.NAV.post").status_code == 204
    posted = later.json("GET", where)
    assert (posted["status"], posted["number"]) == ("Open", "103001")
    again = later("POST", f"{where}/Microsoft.NAV.post")
    assert "draft invoice only" in words(again)
    assert "CorrelationId" in words(again)
    assert later("POST", f"{where}/Microsoft.NAV.cancel").status_code == 204
    assert later.json("GET", where)["status"] == "Canceled"
    (memo,) = later.json("GET", "salesCreditMemos")["value"]
    assert (memo["status"], memo["invoiceNumber"]) == ("Corrective", "103001")
    assert later.sim.get("state")["ledger_balance"] == 0


def test_a_refund_of_v1_is_applied_by_the_invoices_id(later):
    sold = [{"lineType": "Item", "objectNumber": "MAT-FOAM", "quantity": 2, "unitPrice": 24}]
    booked = later.sim.post("documents", customerNumber="C00001", lines=sold, post=True)
    (invoice,) = later.json("GET", "salesInvoices")["value"]
    line = {"itemId": later.item("MAT-FOAM")["id"], "quantity": 1, "unitPrice": 24}
    body = {
        "customerNumber": "C00001",
        "externalDocumentNumber": "refund-1",
        "invoiceId": invoice["id"],
        "salesCreditMemoLines": [line],
    }
    memo = later.json("POST", "salesCreditMemos", json=body)
    assert memo["invoiceNumber"] == booked["number"]
    where = f"salesCreditMemos({memo['id']})"
    assert later("POST", f"{where}/Microsoft.NAV.post").status_code == 204
    assert later.json("GET", where)["status"] == "Paid"
    assert later.json("GET", f"salesInvoices({invoice['id']})")["remainingAmount"] == 24
    unknown = later(
        "POST",
        "salesCreditMemos",
        json={**body, "invoiceId": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b2f"},
    )
    assert "invoiceId" in words(unknown)


def test_an_order_of_v1_is_shipped_and_invoiced(later):
    line = {"itemId": later.item("MAT-FOAM")["id"], "quantity": 1, "unitPrice": 24.99}
    body = {"customerNumber": "C00001", "pricesIncludeTax": True, "salesOrderLines": [line]}
    order = later.json("POST", "salesOrders", json=body)
    where = f"salesOrders({order['id']})"
    later.sim.post("period", to="2020-01-31")
    assert later("POST", f"{where}/Microsoft.NAV.shipAndInvoice").status_code == 400
    later.sim.post("period", to="")
    assert later("POST", f"{where}/Microsoft.NAV.shipAndInvoice").status_code == 204
    assert later("GET", where).status_code == 404
    found = later.json("GET", f"salesInvoices?$filter=orderNumber eq '{order['number']}'")
    assert found["value"][0]["orderId"] == order["id"]


def test_a_subscription_of_v1_needs_its_handshake_and_tells_of_changes(later):
    from tests.sandbox.test_simulators import Receiver

    receiver = Receiver()
    later.sim.post("deliver-to", host="receiver.example", url=receiver.url)
    company = later.sim.get("state")["company_id"]
    body = {
        "notificationUrl": "https://receiver.example/bc",
        "resource": f"/api/v1.0/companies({company})/items",
        "clientState": "ours",
    }
    subscriptions = f"{later.root}/subscriptions"
    receiver.status = 404
    assert later.http.post(subscriptions, json=body, timeout=10).status_code == 400
    receiver.status = 200
    made = later.http.post(subscriptions, json=body, timeout=10)
    assert made.status_code == 201, made.text
    receiver.got.clear()
    later.sim.post("items", number="TENT-2P-GRN", price="99")
    later.sim.post("clock", advance_seconds=31)
    receiver.wait(1)
    (notice,) = json.loads(receiver.got[0][1])["value"]
    assert (notice["clientState"], notice["changeType"]) == ("ours", "updated")
    assert notice["resource"].startswith("api/v1.0/companies(")
    key = f"{subscriptions}('{made.json()['subscriptionId']}')"
    assert code(later.http.delete(key, timeout=10)) == "BadRequest_InvalidToken"
    gone = later.http.delete(key, headers={"If-Match": "*"}, timeout=10)
    assert gone.status_code == 204
    receiver.server.shutdown()


@needs_contracts
def test_the_entities_of_v1_are_those_of_the_vendors_contract(later):
    spec = yaml.load(
        Path(CONTRACTS, "business_central", "BCOAS1.0.yaml").read_text(), Loader=yaml.CSafeLoader
    )
    schemas = spec["components"]["schemas"]
    singular = {
        "unitsOfMeasure": "unitOfMeasure",
        "companies": "company",
        "countriesRegions": "countryRegion",
        "currencies": "currency",
        "generalLedgerEntries": "generalLedgerEntry",
    }
    for entity, properties in entities("v1.0", 100).items():
        schema = schemas[singular.get(entity, entity if entity in schemas else entity[:-1])]
        assert set(properties) <= set(schema["properties"]), entity
        for name, part in properties.items():
            length = schema["properties"][name].get("maxLength")
            if length and part.length:
                assert part.length == length, f"{entity}.{name}"
