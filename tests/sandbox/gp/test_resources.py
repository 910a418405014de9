"""The GP simulator's addresses, bodies, lists and customers."""

from __future__ import annotations

import datetime

from tests.sandbox.gp.calls import DOCUMENTS, TODAY, USER, error, invoice


def test_tenant_company_resource_and_key_have_their_own_404(gp, call):
    assert error(call("GET", "/Sales/Customers", company="NOPE")) == (404, 9020, "Company")
    assert error(call("GET", "/Sales/Nothing"))[:2] == (404, 9021)
    assert error(call("GET", "/Sales/Customers(NOBODY)")) == (404, 9022, "CustomerId")
    other = f"{gp.api}/GPService/Tenants(Other)/help"
    assert error(call.session.get(other, timeout=10)) == (404, 9019, "Tenant")
    assert call("GET", "/sales/CUSTOMERS%28cust00001%29").status_code == 200
    assert call.session.get(f"{gp.api}/Dynamics/GPService", timeout=10).status_code == 404
    gp.post("settings", company_segment="display")
    assert call("GET", "/Inventory/Items", company="ACME").status_code == 404
    assert call("GET", "/Inventory/Items", company="Acme Outdoor Ltd").status_code == 200
    assert call("GET", "/Sales/Customers", company="Acme Test (training)").status_code == 200


def test_access_ends_at_the_company_or_the_window(gp, call):
    gp.post("access", user=USER, window="Customer Maintenance", allow=False)
    assert error(call("GET", "/Sales/Customers"))[:2] == (403, 9023)
    assert call("GET", "/Inventory/Items").status_code == 200
    gp.post("access", user=USER, company="ACME", allow=False)
    assert error(call("GET", "/Inventory/Items")) == (403, 9023, "Company")
    names = call("GET", "/Companies", company="").json()["Payload"]
    assert [row["DatabaseId"].strip() for row in names] == ["ACTST"]


def test_only_a_payload_with_known_fields_is_taken(gp, call):
    path = "/GPService/Tenants(DefaultTenant)/Companies(ACME)" + DOCUMENTS
    bare = call.session.post(gp.api + path, json=invoice(), timeout=10)
    assert error(bare) == (400, 9028, "Payload")
    assert error(call("POST", DOCUMENTS, invoice(Colour="blue"))) == (400, 9015, "Colour")
    assert error(call("POST", DOCUMENTS, invoice(TransactionState="Open")))[1] == 9015
    assert error(call("POST", DOCUMENTS, invoice(SalesAmount="a lot")))[1] == 9017
    assert error(call("POST", DOCUMENTS, invoice(SalesAmount="-1")))[1] == 9017
    assert error(call("POST", DOCUMENTS, invoice(BatchId="")))[1:] == (9016, "BatchId")
    refused = error(call("POST", DOCUMENTS, invoice("N" * 18)))
    assert refused == (400, 9014, "DocumentNumber")
    assert error(call("POST", DOCUMENTS, invoice(Description="Łódź"))) == (400, 9013, "Description")
    assert gp.get("state")["documents"] == []


def test_the_code_page_may_lose_characters_instead(gp, call):
    gp.post("settings", code_page_lossy=True)
    assert call("POST", DOCUMENTS, invoice(Description="Łódź café")).status_code == 201
    assert gp.get("state")["invoices"][0]["description"] == "?ód? café"


def test_lists_are_paged_filtered_and_refuse_what_they_do_not_know(call):
    first = call("GET", "/Inventory/Items?limit=50").json()
    assert len(first["Payload"]) == 50
    assert first["Next"] == "50"
    rest = call("GET", "/Inventory/Items?limit=500&offset=50").json()
    assert rest["Next"] is None
    numbers = {row["ItemNumber"].strip() for row in first["Payload"] + rest["Payload"]}
    assert len(numbers) == 64
    assert "TENT-2P-GRN" in numbers
    tomorrow = (TODAY + datetime.timedelta(days=2)).isoformat()
    since = f"/Inventory/Items?ModifiedDate.ge={tomorrow}T00:00:00Z"
    assert call("GET", since).json()["Payload"] == []
    assert error(call("GET", f"/Inventory/Items?ModifiedDate.ge={tomorrow}"))[1] == 9027
    assert (
        error(call("GET", "/Inventory/ItemSites?ModifiedDate.ge=2026-01-01T00:00:00Z"))[1] == 9027
    )
    assert error(call("GET", "/Sales/Customers?City=Leeds")) == (400, 9027, "City")
    stock = call("GET", "/Inventory/ItemSites?ItemNumber=SPORK-TI").json()["Payload"]
    kinds = {(row["SiteId"].strip(), row["RecordType"]): row["QuantityOnHand"] for row in stock}
    assert kinds == {("", 1): "55.00000", ("MAIN", 2): "40.00000", ("WEB", 2): "15.00000"}
    changed = call("GET", "/Inventory/Items(SPORK-TI)").json()["Payload"]["ModifiedDate"]
    assert changed.endswith("T00:00:00")


def test_texts_come_padded_like_columns_unless_switched_off(gp, call):
    path = "/Sales/Customers(CUST00001)"
    assert len(call("GET", path).json()["Payload"]["Name"]) == 65
    gp.post("settings", padded=False)
    assert not call("GET", path).json()["Payload"]["Name"].endswith(" ")
    gp.post("settings", envelope="lower")
    assert call("GET", path).json()["payload"]["CustomerId"] == "CUST00001"
    gp.post("settings", envelope="bare")
    assert call("GET", path).json()["CustomerId"] == "CUST00001"


def test_older_versions_offer_less(gp, call):
    gp.post("settings", version=2015)
    assert call("GET", "/System/Batches").status_code == 404
    assert call("GET", "/Administration/FiscalPeriods").status_code == 404
    gp.post("settings", version=2016)
    assert call("GET", "/Administration/FiscalPeriods?Year=1990").json()["Payload"] == []
    assert call("DELETE", "/Sales/Customers(CUST00001)").status_code == 405
    assert call("PATCH", f"{DOCUMENTS}(1;X)", {}).status_code == 405


def test_a_customer_their_address_and_their_mail_address(gp, call):
    body = {
        "CustomerId": "WEB0000817",
        "Name": "Zoë Müller",
        "ClassId": "WEB",
        "AddressId": "PRIMARY",
        "Address1": "1 Mill Lane",
        "City": "Leeds",
    }
    made = call("POST", "/Sales/Customers", body)
    assert made.status_code == 201
    assert made.json()["Payload"]["ShortName"].strip() == "Zoë Müller"
    assert made.json()["Payload"]["PaymentTermsId"].strip() == "Prepaid"
    assert error(call("POST", "/Sales/Customers", body)) == (409, 9024, "CustomerId")
    address = call("GET", "/Sales/CustomerAddresses(WEB0000817;PRIMARY)").json()["Payload"]
    assert address["City"].strip() == "Leeds"
    mail = "/Sales/CustomerInternetAddresses(WEB0000817;PRIMARY)"
    assert call("POST", mail, {"EmailToAddress": "zoe@example.com"}).status_code == 201
    assert call("PATCH", mail, {"EmailToAddress": "z@example.com"}).status_code == 200
    other = "/Sales/CustomerAddresses(WEB0000817;SHIP-01)"
    assert error(call("PATCH", other, {"City": "Cork"}))[:2] == (404, 9022)
    assert call("POST", other, {"City": "Cork", "ShipToName": "Zoë"}).status_code == 201
    assert call("PATCH", "/Sales/Customers(WEB0000817)", {"Comment1": "web"}).status_code == 200
    assert gp.get("state")["internet_addresses"][-1]["EmailToAddress"] == "z@example.com"
    wrong = error(call("POST", "/Sales/Customers", {**body, "CustomerId": "W2", "ClassId": "?"}))
    assert wrong == (422, 9012, "ClassId")
    assert error(call("POST", "/Sales/Customers", {**body, "Email": "x"}))[1] == 9015
