"""The Finance & Operations simulator: sign-in, companies, the OData dialect, faults, the contract."""

from __future__ import annotations

import base64
import json
import os
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import msal
import pytest
import requests

from tests.support import finance_operations as support
from tests.support.finance_operations import ACCESS, CUSTOMER, SECRET, Client, launch, line
from tests.support.simulators import CLIENT_ID, TENANT_ID

CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)

tls = pytest.fixture(scope="module")(support.tls)
running = pytest.fixture(scope="module")(support.running)
erp = pytest.fixture(support.erp)
call = pytest.fixture(support.call)
customer = pytest.fixture(support.customer)
order = pytest.fixture(support.order)


def test_msal_signs_in_by_scope_and_the_older_endpoint_by_resource(erp, call, tls):
    app = msal.ConfidentialClientApplication(
        CLIENT_ID,
        client_credential=SECRET,
        authority=f"{erp.api}/{TENANT_ID}",
        instance_discovery=False,
        http_client=call.http,
    )
    assert app.acquire_token_for_client([f"{erp.api}/.default"])["expires_in"] == 3599
    older = call.token(version="").json()
    assert older["expires_in"] == "3599"
    assert older["resource"] == erp.api
    call.http.headers["Authorization"] = f"Bearer {older['access_token']}"
    assert call("GET", "Currencies").status_code == 200
    assert call.token(version="", resource="https://other.example").json()["error_codes"] == [70011]
    assert call.token(secret="wrong").json()["error_codes"] == [7000215]


def test_a_token_for_another_spelling_of_the_address_is_turned_away(erp, call):
    token = call.token(scope=f"{erp.api}//.default").json()["access_token"]
    answer = call("GET", "Currencies", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_tokens_expire_and_the_client_must_be_registered_inside(erp, call):
    erp.post("clock", advance_seconds=3600)
    assert call("GET", "Currencies").status_code == 401
    call.sign_in()
    assert call("GET", "Currencies").status_code == 200
    erp.post("settings", user_access="not_registered")
    assert call("GET", "Currencies").status_code == 401
    erp.post("settings", user_access="read_only")
    assert call("GET", "Currencies").status_code == 200
    assert call("POST", "CustomersV3", {}).status_code == 403
    erp.post("settings", user_access="none")
    assert call("GET", "Currencies").status_code == 403
    assert call("GET", "Currencies", headers={"Authorization": "Bearer x.y.z"}).status_code == 401


def test_without_cross_company_only_the_users_own_company_is_seen(erp, call, customer):
    account = customer["CustomerAccount"]
    assert call.get("CustomersV3?$filter=dataAreaId eq 'acuk'")["value"] == []
    known = call.find("CustomersV3", "dataAreaId eq 'ACUK'")
    assert {row["CustomerAccount"] for row in known} == {"WEB-GUEST", account}
    key = f"CustomersV3(dataAreaId='ACUK',CustomerAccount='{account}')"
    assert call("GET", key).status_code == 404
    assert call("PATCH", key, {"SalesMemo": "x"}).status_code == 404
    assert call.get(f"{key}?{ACCESS}")["dataAreaId"] == "acuk"
    silent = call(
        "POST",
        "CustomersV3",
        {"OrganizationName": "Elsewhere", "CustomerGroupId": "WEB", "SalesCurrencyCode": "GBP"},
    )
    assert silent.json()["dataAreaId"] == "dat"


@pytest.mark.parametrize(
    "expression",
    [
        "CustomerAccount in ('A','B')",
        "contains(OrganizationName,'x')",
        "OnHoldStatus gt Microsoft.Dynamics.DataEntities.CustVendorBlocked'No'",
        "OnHoldStatus eq Microsoft.Dynamics.DataEntities.NoYes'No'",
        "OnHoldStatus eq 'Nope'",
        "Colour eq 'blue'",
        "CustomerAccount eq 5",
        "CreditLimit eq 'five'",
        "CustomerAccount eq 'a' and",
        "AddressValidFrom eq 2026-03-02",
    ],
)
def test_what_the_dialect_does_not_know_is_refused(call, expression):
    answer = call("GET", f"CustomersV3?{ACCESS}", params={"$filter": expression})
    assert answer.status_code == 400, answer.text


def test_filters(call, customer, order):
    def orders(expression):
        return len(call.find("SalesOrderHeadersV2", expression))

    assert len(call.find("CustomersV3", "PersonLastName eq 'O''Neil'")) == 1
    assert len(call.find("CustomersV3", "OrganizationName eq '*O''Neil'")) == 1
    assert len(call.find("CustomersV3", "OrganizationName eq 'zoë*'")) == 1
    assert len(call.find("CustomersV3", "OrganizationName ne '*neil*'")) == 2
    hold = "OnHoldStatus eq Microsoft.Dynamics.DataEntities.CustVendorBlocked'No'"
    assert len(call.find("CustomersV3", f"{hold} and not (SiteId ne '' or CreditLimit gt 0)")) == 3
    assert len(call.find("CustomersV3", "CreditLimit add 5 mul 2 eq 10 or SiteId eq '9'")) == 3
    assert orders("RequestedShippingDate eq 2026-03-02T00:00:00Z") == 1
    assert orders("RequestedShippingDate ge 2026-03-02T23:00:00Z") == 1
    assert orders("RequestedShippingDate gt 2026-03-02T00:00:00Z") == 0
    assert orders("OrderCreationDateTime gt 2020-01-01T00:00:00Z") == 1
    assert orders("dataAreaId eq 'acuk' and CustomersOrderReference eq 'bc-100431'") == 1


def test_pages_are_linked_and_counted(erp, call):
    erp.post("settings", page_size=25)
    url, rows, links = f"ReleasedProductsV2?{ACCESS}&$orderby=ItemNumber desc", [], []
    while url:
        body = call.get(url)
        rows += body["value"]
        links.append(body.get("@odata.nextLink", ""))
        url = links[-1].removeprefix(f"{erp.api}/data/")
    assert "$skiptoken=25" in links[0]
    assert len({(row["dataAreaId"], row["ItemNumber"]) for row in rows}) == len(rows) > 100
    assert [r["ItemNumber"] for r in rows] == sorted((r["ItemNumber"] for r in rows), key=str.casefold, reverse=True)  # fmt: skip
    assert call("GET", f"ReleasedProductsV2/$count?{ACCESS}").text == str(len(rows))
    body = call.get(f"ReleasedProductsV2?{ACCESS}&$top=3&$skip=2&$count=true&$select=ItemNumber")
    assert body["@odata.count"] == len(rows)
    assert "@odata.nextLink" not in body
    assert [set(row) for row in body["value"]] == [{"@odata.etag", "ItemNumber"}] * 3
    first = call.get(f"ReleasedProductsV2?{ACCESS}&$top=40")
    second = call.get(first["@odata.nextLink"].removeprefix(f"{erp.api}/data/"))
    assert (len(first["value"]), len(second["value"])) == (25, 15)
    assert "@odata.nextLink" not in second
    assert call("GET", "Currencies?$search=x").status_code == 400


def test_a_key_with_a_leading_blank_is_another_item(call):
    answer = call.get(f"ReleasedProductsV2(dataAreaId='acuk',ItemNumber='%20SPARE-PEG')?{ACCESS}")
    assert answer["ItemNumber"] == " SPARE-PEG"
    missing = call("GET", f"ReleasedProductsV2(dataAreaId='acuk',ItemNumber='SPARE-PEG')?{ACCESS}")
    assert missing.status_code == 404
    assert call("GET", "Currencies('GBP')").json()["RoundingRuleSalesOrders"] == 0.01
    assert call("GET", "CustomersV3(dataAreaId='acuk')").status_code == 400


def test_the_service_root_and_the_metadata_name_what_there_is(erp, call):
    names = {row["name"] for row in call.get("")["value"]}
    assert {"CustomersV3", "SalesOrderHeadersV4", "SalesInvoiceHeadersV4"} <= names
    assert not any("Charge" in name for name in names)
    tree = ET.fromstring(call("GET", "$metadata").text)
    space = "{http://docs.oasis-open.org/odata/ns/edm}"
    sets = {node.get("Name") for node in tree.iter(f"{space}EntitySet")}
    assert sets == names
    line_key = next(
        n for n in tree.iter(f"{space}EntityType") if n.get("Name") == "SalesOrderLineV3"
    )
    assert [n.get("Name") for n in line_key.iter(f"{space}PropertyRef")] == ["dataAreaId", "InventoryLotId"]  # fmt: skip
    erp.post("settings", order_collections=["V2"])
    assert call("GET", "SalesOrderHeadersV4").status_code == 404
    assert call("GET", "SalesOrderHeaderCharges").status_code == 404


def test_empty_values_dates_and_etags_are_the_vendors(call, customer):
    product = call.find("ReleasedProductsV2", "dataAreaId eq 'acuk' and ItemNumber eq 'MUG-450'")[0]
    assert product["SellStartDate"] == "1900-01-01T12:00:00Z"
    assert (product["BuyerGroupId"], product["IsPhantom"]) == ("", "No")
    assert customer["AddressValidFrom"] == "1900-01-01T00:00:00Z"
    assert customer["LanguageId"] == "en-GB"
    assert customer["AddressCountryRegionISOCode"] == "GB"
    key = f"CustomersV3(dataAreaId='acuk',CustomerAccount='{customer['CustomerAccount']}')?{ACCESS}"
    before = call.get(key)["@odata.etag"]
    decoded = base64.b64decode(before.removeprefix('W/"').removesuffix('"')).decode()
    assert decoded.startswith("'")
    assert ";" in decoded
    answer = call("PATCH", key, {"SalesMemo": "by the etag"}, headers={"If-Match": before})
    assert (answer.status_code, answer.text) == (204, "")
    assert call("PATCH", key, {"SalesMemo": "x"}, headers={"If-Match": before}).status_code == 412
    assert call("PATCH", key, {"SalesMemo": None, "KnownAs": ""}).status_code == 204
    after = call.get(key)
    assert (after["SalesMemo"], after["KnownAs"]) == ("by the etag", "")
    assert after["@odata.etag"] != before


@pytest.mark.parametrize(
    "values",
    [
        {"RequestedShipDate": "2026-03-02"},
        {"CustomerReference": "BC-1"},
        {"IsOneTimeCustomer": True},
        {"IsOneTimeCustomer": "Maybe"},
        {"TotalDiscountPercentage": "5"},
        {"RequestedShippingDate": "02/03/2026"},
        {"CustomersOrderReference": 7},
    ],
)
def test_unknown_names_and_wrong_kinds_are_refused_before_business_logic(call, customer, values):
    body = {
        "dataAreaId": "acuk",
        "OrderingCustomerAccountNumber": customer["CustomerAccount"],
        **values,
    }
    answer = call("POST", "SalesOrderHeadersV2", body)
    assert answer.status_code == 400
    assert "innererror" not in answer.json()["error"]


def test_a_lost_answer_leaves_the_order_booked(erp, call, customer):
    erp.fault("lose_reply", method="POST", path="SalesOrderHeaders")
    body = {
        "dataAreaId": "acuk",
        "OrderingCustomerAccountNumber": customer["CustomerAccount"],
        "CustomersOrderReference": "BC-7",
    }
    with pytest.raises(requests.ConnectionError):
        call("POST", f"SalesOrderHeadersV4?{ACCESS}", body)
    found = call.find(
        "SalesOrderHeadersV4", "dataAreaId eq 'acuk' and CustomersOrderReference eq 'BC-7'"
    )
    assert len(found) == 1


def test_throttling_with_and_without_a_time_to_wait(erp, call):
    erp.fault("throttle")
    answer = call("GET", "Currencies")
    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert "high resource utilization" in answer.text
    erp.post("settings", retry_after=7, throttle_text="time")
    erp.fault("throttle")
    assert call("GET", "Currencies").headers["Retry-After"] == "7"
    erp.post("settings", rate=2)
    assert [call("GET", "Currencies").status_code for _ in range(3)] == [200, 200, 429]
    erp.post("clock", advance_seconds=301)
    assert call("GET", "Currencies").status_code == 200


def test_gateway_pages_errors_and_dropped_connections(erp, call):
    erp.fault("html")
    answer = call("GET", "Currencies")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (502, "text/html")
    erp.fault("status", status=503)
    assert call("GET", "Currencies").status_code == 503
    erp.fault("drop")
    with pytest.raises(requests.ConnectionError):
        call("GET", "Currencies")
    erp.fault("truncate")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        call("GET", "Currencies").json()
    erp.post("settings", write_error_status=500)
    answer = call("POST", "CustomersV3", {"OrganizationName": "x"})
    assert (answer.status_code, "Infolog: " in answer.text) == (500, True)


def test_the_panel_has_a_page_for_a_person(erp, call, order):
    line(call, order)
    page = requests.get(f"{erp.control}/__sandbox__/", timeout=10).text
    assert "Run all batch jobs" in page
    assert "BC-100431" in page
    pressed = requests.post(
        f"{erp.control}/__sandbox__/api/batch",
        data={"jobs": "orders"},
        allow_redirects=False,
        timeout=10,
    )
    assert pressed.status_code == 303
    detail = f"{erp.control}/__sandbox__/orders/acuk/{order['SalesOrderNumber']}"
    assert "CIV-000001" in requests.get(detail, timeout=10).text
    refused = requests.post(
        f"{erp.control}/__sandbox__/api/settings", json={"nothing": 1}, timeout=10
    )
    assert refused.status_code == 400


def test_a_restart_keeps_documents_numbers_and_tokens(tls, tmp_path):
    data = ("--data", str(tmp_path / "fo.sqlite"))
    first = launch(*tls.flags, *data)
    call = Client(first.api, tls.ca)
    before = call.create("CustomersV3", CreditLimit=5, **CUSTOMER)
    first.post("settings", customer_numbers="either")
    first.stop()
    second = launch(*tls.flags, *data)
    try:
        call = Client(second.api, tls.ca)
        (kept,) = call.find("CustomersV3", "CustomerAccount eq 'ACUK-*'")
        assert kept == {name: value for name, value in before.items() if name != "@odata.context"}
        assert second.get("state")["settings"]["customer_numbers"] == "either"
        assert call.create("CustomersV3", **CUSTOMER)["CustomerAccount"] == "ACUK-000002"
        assert len(call.get("Companies")["value"]) == 3
    finally:
        second.stop()


@needs_contracts
def test_every_property_key_and_type_is_in_the_vendors_contract(erp, call):
    sheet = json.loads(Path(CONTRACTS, "finance_operations", "entities.json").read_text())
    entities = sheet["entities"]
    space = "{http://docs.oasis-open.org/odata/ns/edm}"
    tree = ET.fromstring(call("GET", "$metadata").text)
    types = {f"Microsoft.Dynamics.DataEntities.{n.get('Name')}": n for n in tree.iter(f"{space}EntityType")}  # fmt: skip
    prefix = "Microsoft.Dynamics.DataEntities."
    checked = 0
    for entity_set in tree.iter(f"{space}EntitySet"):
        contract = entities[entity_set.get("Name")]
        node = types[entity_set.get("EntityType")]
        if contract["public_entity"] != "unknown":
            assert node.get("Name") == contract["public_entity"]
        known = dict(contract["properties"])
        if entity_set.get("Name") in ("SalesOrderHeadersV3", "SalesOrderHeadersV4"):
            # The sheet has parts of these only and calls them like V2.
            known = {**entities["SalesOrderHeadersV2"]["properties"], **known}
        assert [n.get("Name") for n in node.iter(f"{space}PropertyRef")] == contract["keys"]
        for prop in node.iter(f"{space}Property"):
            wanted = known[prop.get("Name")].partition("(")[0].replace("Enum:", prefix)
            assert prop.get("Type") == wanted, (entity_set.get("Name"), prop.get("Name"))
            checked += 1
    for enum in tree.iter(f"{space}EnumType"):
        members = [member.get("Name") for member in enum.iter(f"{space}Member")]
        assert members == sheet["enums"][enum.get("Name")]
    assert checked > 800


@needs_contracts
def test_rows_carry_what_the_contract_says_and_nothing_else(call, order):
    entities = json.loads(Path(CONTRACTS, "finance_operations", "entities.json").read_text())[
        "entities"
    ]
    row = line(call, order)
    kinds = {"Edm.Decimal": (int, Decimal), "Edm.Int64": int, "Edm.Int32": int}
    for collection, shown in (("SalesOrderHeadersV2", order), ("SalesOrderLinesV3", row)):
        known = entities[collection]["properties"]
        for name, value in shown.items():
            if not name.startswith("@odata."):
                assert isinstance(value, kinds.get(known[name], str)), name
