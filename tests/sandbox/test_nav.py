"""NAV's page services: what they book, and what they refuse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
import requests

from tests.support.nav import (
    COMPANY,
    NAME,
    PASSWORD,
    Pages,
    address,
    certificates,
    code,
    session,
    start,
    words,
)

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def nav_process(tls):
    started = start(tls=tls)
    yield started
    started.stop()


@pytest.fixture
def nav(nav_process, tls):
    nav_process.post("reset")
    return Pages(nav_process, session(tls, (NAME, PASSWORD)))


def test_metadata_tells_names_lengths_parts_and_whether_posting_is_there(nav):
    def document() -> ElementTree.Element:
        return ElementTree.fromstring(nav.http.get(f"{nav.root}/$metadata", timeout=10).content)

    found = document()
    types = {t.get("Name"): t for t in found.iter(f"{EDM}EntityType")}
    lengths = {
        p.get("Name"): p.get("MaxLength") for p in types["SalesOrder"].iter(f"{EDM}Property")
    }
    assert (lengths["External_Document_No"], lengths["No"]) == ("35", "20")
    assert lengths["Sell_to_Customer_Name"] == "50"
    parts = [n.get("Name") for n in types["SalesOrder"].iter(f"{EDM}NavigationProperty")]
    assert parts == ["SalesOrderSalesLines"]
    assert not list(found.iter(f"{EDM}Action"))
    nav.sim.post("settings", posting_bound=True)
    actions = [a.get("Name") for a in document().iter(f"{EDM}Action")]
    assert actions == ["Post", "Post", "Post"]
    nav.sim.post("pages", service="SalesOrder", field="External_Document_No", length=20)
    nav.sim.post("pages", service="SalesInvoice", hide="External_Document_No")
    nav.sim.post("pages", service="SalesCreditMemo", **{"as": "Gutschrift"})
    found = document()
    types = {t.get("Name"): t for t in found.iter(f"{EDM}EntityType")}
    short = {p.get("Name"): p.get("MaxLength") for p in types["SalesOrder"].iter(f"{EDM}Property")}
    assert short["External_Document_No"] == "20"
    assert "External_Document_No" not in ElementTree.tostring(types["SalesInvoice"]).decode()
    assert {"Gutschrift", "GutschriftSalesLines"} <= types.keys()
    too_long = nav("POST", "SalesOrder", json={"External_Document_No": "x" * 21})
    assert code(too_long) == "Application_StringExceededLength"


def test_an_order_is_booked_line_by_line_and_posted_by_the_partners_action(nav):
    nav.sim.post("settings", posting_bound=True)
    order = nav.document("SalesOrder")
    assert (order["Document_Type"], order["External_Document_No"]) == ("Order", "WEB-1")
    where = address("SalesOrder", order)
    lines = nav.get(f"{where}/SalesOrderSalesLines")
    assert [line["Line_No"] for line in lines] == [10_000, 20_000]
    assert {line["Total_Amount_Incl_VAT"] for line in lines} == {Decimal("34.92")}
    posted = nav("POST", f"{where}/NAV.Post")
    assert posted.status_code == 204, posted.text
    assert nav("GET", where).status_code == 404
    (invoice,) = nav.get("PostedSalesInvoice", filter="External_Document_No eq 'WEB-1'")
    assert (invoice["Order_No"], invoice["Amount_Including_VAT"]) == (order["No"], Decimal("34.92"))
    number = invoice["No"]
    shown = nav.get(f"PostedSalesInvoice('{number}')/PostedSalesInvoiceSalesInvLines")
    assert [line["Amount_Including_VAT"] for line in shown] == [Decimal("29.97"), Decimal("4.95")]
    state = nav.sim.get("state")
    assert (state["ledger_balance"], state["duplicates"]) == (0, {})
    (moved,) = nav.get("ItemLedgerEntries", filter="Entry_No gt 128")
    assert (moved["Item_No"], moved["Quantity"], moved["Entry_Type"]) == ("TENT-2P-GRN", -3, "Sale")


def test_an_action_that_reports_created_names_the_posted_document(nav):
    nav.sim.post("settings", posting_bound=True, post_result="created")
    invoice = nav.document()
    answer = nav("POST", f"{address('SalesInvoice', invoice)}/NAV.Post")
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"PostedSalesInvoice('{answer.json()['No']}')")
    assert answer.json()["Pre_Assigned_No"] == invoice["No"]


def test_a_refund_is_applied_to_the_open_invoice(nav):
    nav.sim.post("settings", posting_bound=True)
    invoice = nav.document()
    nav("POST", f"{address('SalesInvoice', invoice)}/NAV.Post")
    (posted,) = nav.get("PostedSalesInvoice", filter=f"Pre_Assigned_No eq '{invoice['No']}'")
    memo = nav.make(
        "SalesCreditMemo",
        Sell_to_Customer_No="C00001",
        External_Document_No="refund-1",
        Applies_to_Doc_Type="Invoice",
        Applies_to_Doc_No=posted["No"],
    )
    where = address("SalesCreditMemo", memo)
    line = {"Type": "Item", "No": "TENT-2P-GRN", "Quantity": 1, "Unit_Price": 9.99}
    nav.make(f"{where}/SalesCreditMemoSalesLines", **line)
    assert nav("POST", f"{where}/NAV.Post").status_code == 204
    (refund,) = nav.get("PostedSalesCreditMemo")
    assert (refund["Applies_to_Doc_No"], refund["Remaining_Amount"]) == (posted["No"], 0)
    (posted,) = nav.get("PostedSalesInvoice")
    assert posted["Remaining_Amount"] == Decimal("24.93")
    (customer,) = nav.get("Customer", filter="No eq 'C00001'")
    assert customer["Balance_LCY"] == Decimal("24.93")
    nav.sim.post("invoices/pay", number=posted["No"])
    late = {"Sell_to_Customer_No": "C00001", "Applies_to_Doc_No": posted["No"]}
    assert code(nav("POST", "SalesCreditMemo", json=late)) == "Internal_DataNotFoundFilter"
    assert nav.sim.get("state")["ledger_balance"] == 0


def test_a_person_posts_a_draft_and_it_is_found_by_its_references(nav):
    invoice = nav.document()
    nav.sim.post("documents/post", kind="Invoice", number=invoice["No"])
    assert nav.get("SalesInvoice") == []
    by_reference = nav.get("PostedSalesInvoice", filter="External_Document_No eq 'WEB-1'")
    by_draft = nav.get("PostedSalesInvoice", filter=f"Pre_Assigned_No eq '{invoice['No']}'")
    assert len(by_reference) == 1
    assert by_reference == by_draft
    nav.document("SalesOrder", "web-2")
    assert len(nav.sim.post("documents/post")["posted"]) == 1


def test_a_codeunit_posts_by_soap_and_its_wsdl_can_be_imported(nav, tls):
    from zeep import Client
    from zeep.exceptions import Fault
    from zeep.transports import Transport

    path = f"WS/{quote(COMPANY)}/Codeunit/SalesPosting"
    wsdl = f"{nav.sim.api}/DynamicsNAV110/{path}"
    assert 'Service "SalesPosting" was not found' in nav.http.get(wsdl, timeout=10).text
    nav.sim.post("settings", posting_codeunit=True)
    client = Client(wsdl, transport=Transport(session=session(tls, (NAME, PASSWORD))))
    invoice = nav.document()
    number = client.service.PostSalesInvoice(documentNo=invoice["No"])
    assert nav.get("PostedSalesInvoice")[0]["No"] == number
    with pytest.raises(Fault) as refused:
        client.service.PostSalesInvoice(documentNo=invoice["No"])
    assert "does not exist" in refused.value.message
    assert refused.value.code.endswith("NavRecordNotFoundException")
    services = nav.http.get(
        f"{nav.sim.api}/DynamicsNAV110/WS/{quote(COMPANY)}/services", timeout=10
    )
    assert "Codeunit/SalesPosting" in services.text


def test_a_codeunit_function_can_be_called_through_odata_where_that_works(nav):
    invoice = nav.document()
    call = f"{nav.root}/SalesPosting_PostSalesInvoice?company={quote(COMPANY)}"
    body = {"documentNo": invoice["No"]}
    assert nav.http.post(call, json=body, timeout=10).status_code == 404
    nav.sim.post("settings", posting_unbound=True)
    answer = nav.http.post(call, json=body, timeout=10)
    assert answer.json()["value"] == nav.get("PostedSalesInvoice")[0]["No"]


def test_a_price_entered_before_the_quantity_is_lost(nav):
    order = nav.make("SalesOrder", Sell_to_Customer_No="C00001")
    where = f"{address('SalesOrder', order)}/SalesOrderSalesLines"
    early = nav.make(where, Type="Item", No="TENT-2P-GRN", Unit_Price=9.99, Quantity=1)
    late = nav.make(where, Type="Item", No="TENT-2P-GRN", Quantity=1, Unit_Price=9.99)
    assert (early["Unit_Price"], late["Unit_Price"]) == (Decimal("249.99"), Decimal("9.99"))


def test_vat_is_worked_out_for_the_document_and_discounts_for_the_line(nav):
    customer = nav.make("Customer", Name="Firma", Prices_Including_VAT=False)
    order = nav.make("SalesOrder", Sell_to_Customer_No=customer["No"])
    where = f"{address('SalesOrder', order)}/SalesOrderSalesLines"
    for price in (0.33, 0.33, 0.33):
        nav.make(where, Type="Item", No="MAT-FOAM", Quantity=1, Unit_Price=price)
    last = nav.make(
        where, Type="Item", No="BOOK-LAKES", Quantity=2, Unit_Price=10, Line_Discount_Amount=1.5
    )
    assert last["Total_Amount_Excl_VAT"] == Decimal("19.49")
    assert last["Total_VAT_Amount"] == Decimal("0.20")  # 0.99 x 20%, not three times 0.07
    assert (last["Line_Amount"], last["Line_Discount_Percent"]) == (Decimal("18.5"), Decimal("7.5"))


def test_a_foreign_invoice_is_booked_in_local_currency_and_balances(nav):
    refused = nav("POST", "SalesInvoice", json={"Currency_Code": "GBP"})
    assert code(refused) == "Internal_InvalidTableRelation"  # the local currency is blank
    nav.sim.post("settings", posting_bound=True)
    invoice = nav.document(Currency_Code="EUR")
    assert nav("POST", f"{address('SalesInvoice', invoice)}/NAV.Post").status_code == 204
    state = nav.sim.get("state")
    assert state["ledger_balance"] == 0
    assert state["receivables"][0]["amount"] == Decimal("34.92")
    assert state["receivables"][0]["amountLocal"] == Decimal("30.10")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Colour": "blue"}, "BadRequest"),
        ({"Status": "Released"}, "BadRequest_InvalidOperation"),
        ({"Sell_to_Customer_No": "C99999"}, "Internal_InvalidTableRelation"),
        ({"Sell_to_Customer_No": 10}, "BadRequest"),
        ({"External_Document_No": "x" * 36}, "Application_StringExceededLength"),
        ({"Ship_to_Name": "x" * 51}, "Application_StringExceededLength"),
        ({"Ship_to_Country_Region_Code": "XX"}, "Internal_InvalidTableRelation"),
        ({"Posting_Date": "21/11/2026"}, "BadRequest"),
        ({"No": "MINE-1"}, "Application_DialogException"),
        ({"Document_Type": "Bill"}, "Unknown"),
        ({"SalesOrderSalesLines": []}, "BadRequest"),
    ],
)
def test_a_header_is_refused_in_the_platforms_words(nav, body, expected):
    answer = nav("POST", "SalesOrder", json=body)
    assert (answer.status_code, code(answer)) == (400, expected)
    assert nav.get("SalesOrder") == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Type": "Item", "No": "HAMMOCK-NEW"}, "Internal_InvalidTableRelation"),
        ({"Type": "Item", "No": "DISPLAY-01"}, "Application_FieldValidationException"),
        ({"Type": "G/L Account", "No": "2310"}, "Application_FieldValidationException"),
        ({"Type": "G_x002F_L_Account", "No": "6610"}, "Unknown"),
        ({"Type": "Account", "No": "6610"}, "Unknown"),
        ({"Quantity": 2}, "Application_FieldValidationException"),
        ({"Type": "Item", "No": "MAT-FOAM", "Variant_Code": "L"}, "Internal_InvalidTableRelation"),
        ({"Type": "Item", "No": "MAT-FOAM", "Line_Amount": 5}, "BadRequest_InvalidOperation"),
        ({"Document_No": "9", "Type": "Item"}, "BadRequest"),
        ({"Line_No": 10_000, "Type": "Item"}, "Internal_EntityWithSameKeyExists"),
    ],
)
def test_a_line_is_refused_in_the_applications_words(nav, body, expected):
    nav.sim.post("items", number="DISPLAY-01", blocked=True)
    order = nav.make("SalesOrder", Sell_to_Customer_No="C00001")
    where = f"{address('SalesOrder', order)}/SalesOrderSalesLines"
    nav.make(where, Type="Item", No="TUBE-28", Quantity=1, Line_No=10_000)
    answer = nav("POST", where, json=body)
    assert (answer.status_code, code(answer)) == (400, expected)
    assert len(nav.get(where)) == 1


def test_posting_is_refused_for_periods_blocks_and_missing_references(nav):
    nav.sim.post("settings", posting_bound=True)
    invoice = nav.document(reference="")
    action = f"{address('SalesInvoice', invoice)}/NAV.Post"
    nav.sim.post("period", to="2020-01-31")
    assert "within your range of allowed posting dates" in words(nav("POST", action))
    (setup,) = nav.get("GeneralLedgerSetup")
    assert (setup["Allow_Posting_From"], setup["Allow_Posting_To"]) == ("0001-01-01", "2020-01-31")
    nav.sim.post("period", to="")
    nav.sim.post("settings", ext_doc_no_mandatory=True)
    assert "External Document No. must have a value" in words(nav("POST", action))
    nav.sim.post("settings", ext_doc_no_mandatory=False)
    nav.sim.post("customers", number="C00001", blocked="All")
    assert "is blocked with type All" in words(nav("POST", action))
    nav.sim.post("customers", number="C00001", blocked=" ")
    nav.sim.post("items", number="TENT-2P-GRN", blocked=True)
    assert "Blocked must be equal to 'No'" in words(nav("POST", action))
    nav.sim.post("items", number="TENT-2P-GRN", blocked=False)
    nav.sim.post("settings", prevent_negative_inventory=True)
    nav.sim.post("stock", number="TENT-2P-GRN", quantity=-39)
    assert "insufficient quantity" in words(nav("POST", action))
    assert nav.sim.get("state")["ledger_entries"] == 0
    nav.sim.post("stock", number="TENT-2P-GRN", quantity=2)
    assert nav("POST", action).status_code == 204
    empty = nav.make("SalesInvoice", Sell_to_Customer_No="C00001")
    nothing = nav("POST", f"{address('SalesInvoice', empty)}/NAV.Post")
    assert "nothing to post" in words(nothing)


def test_dialogs_and_missing_posting_groups_stop_a_web_service(nav):
    order = nav.document("SalesOrder")
    where = address("SalesOrder", order)
    change = {"Prices_Including_VAT": False}
    asked = nav("PATCH", where, json=change, headers={"If-Match": "*"})
    assert code(asked) == "Application_CallbackNotAllowed"
    nav.sim.post("settings", stock_warnings=True)
    line = {"Type": "Item", "No": "TUBE-28", "Quantity": 41}
    warned = nav("POST", f"{where}/SalesOrderSalesLines", json=line)
    assert code(warned) == "Application_CallbackNotAllowed"
    nav.sim.post("settings", posting_bound=True, credit_warnings=True)
    nav("POST", f"{where}/NAV.Post")
    nav.sim.post("customers", number="C00001", creditLimit=10)
    limit = nav("POST", "SalesOrder", json={"Sell_to_Customer_No": "C00001"})
    assert code(limit) == "Application_CallbackNotAllowed"
    nav.sim.post("settings", template_posting_groups=False)
    customer = nav.make("Customer", Name="No groups")
    missing = nav("POST", "SalesOrder", json={"Sell_to_Customer_No": customer["No"]})
    assert "Gen. Bus. Posting Group must have a value in Customer" in words(missing)


def test_changes_need_a_good_etag_and_a_released_document_stays(nav):
    order = nav.document("SalesOrder")
    where, body = address("SalesOrder", order), {"Your_Reference": "Zoë"}
    assert code(nav("PATCH", where, json=body)) == "BadRequest_InvalidToken"
    stale = nav("PATCH", where, json=body, headers={"If-Match": order["@odata.etag"]})
    assert (stale.status_code, code(stale)) == (409, "Request_EntityChanged")
    fresh = nav("GET", where).json()["@odata.etag"]
    changed = nav("PATCH", where, json=body, headers={"If-Match": fresh})
    assert changed.json()["Your_Reference"] == "Zoë"
    nav.sim.post("documents/release", kind="Order", number=order["No"])
    late = nav("PATCH", where, json=body, headers={"If-Match": "*"})
    assert "Status must be equal to 'Open'" in words(late)
    first = f"{where}/SalesOrderSalesLines(Document_Type='Order',Document_No='{order['No']}',Line_No=10000)"
    assert nav("DELETE", first, headers={"If-Match": "*"}).status_code == 400
    nav.sim.post("documents/release", kind="Order", number=order["No"], reopen=True)
    assert nav("DELETE", first, headers={"If-Match": "*"}).status_code == 204
    assert nav("DELETE", where, headers={"If-Match": "*"}).status_code == 204
    assert nav("PATCH", "SalesOrder", json=body).status_code == 405
    assert nav("POST", "PostedSalesInvoice", json=body).status_code == 405


def test_filters_orders_and_flow_filters(nav):
    assert len(nav.get("Item", filter="No eq 'tent-2p-grn'")) == 1  # a code is upper case
    assert len(nav.get("Item", filter="No eq 'TUBE-28' or No eq 'WHISTLE'")) == 2
    assert [r["No"] for r in nav.get("Item", orderby="Unit_Price desc", top=1, select="No")] == [
        "TENT-3P-GRY"
    ]
    (all_stock,) = nav.get("Item", filter="No eq 'TUBE-28'")
    (web,) = nav.get("Item", filter="No eq 'TUBE-28' and Location_Filter eq 'WEB'")
    assert (all_stock["Inventory"], web["Inventory"]) == (40, 10)
    for text in (
        "No eq 'A' or GTIN eq 'B'",
        "No in ('A','B')",
        "contains(tolower(Description),'tent')",
        "Colour eq 'blue'",
        "No gt 5",
    ):
        assert code(nav("GET", "Item", params={"$filter": text})) == "BadRequest", text
    long_filter = nav("GET", "Item", params={"$filter": f"No eq '{'x' * 21}'"})
    assert code(long_filter) == "Application_FilterErrorException"
    assert nav("GET", "Item/$count").text == str(len(nav.get("Item")))
    assert [v["Code"] for v in nav.get("ItemVariants", filter="Item_No eq 'HAT-WOOL'")] == [
        "BLUE",
        "RED",
    ]


def test_pages_follow_their_own_links(nav):
    nav.sim.post("settings", max_page_size=25)
    numbers, link = [], f"{nav.base}/Item?$select=No"
    while link:
        answer = nav.http.get(link, timeout=10).json()
        assert len(answer["value"]) <= 25
        numbers += [row["No"] for row in answer["value"]]
        link = answer.get("@odata.nextLink", "")
    assert len(numbers) == len(set(numbers)) > 60


def test_a_companys_name_is_exact_and_quotes_are_doubled(nav):
    other = Pages(nav.sim, nav.http, "O'Neil Trading Ltd.")
    assert len(other.get("Customer")) == 4
    for wrong in ("acme outdoor ltd.", "Acme Outdoor Ltd"):
        answer = Pages(nav.sim, nav.http, wrong)("GET", "Customer")
        assert (answer.status_code, code(answer)) == (404, "Internal_CompanyNotFound")
    names = [c["Name"] for c in nav.http.get(f"{nav.root}/Company", timeout=10).json()["value"]]
    assert names == [COMPANY, "O'Neil Trading Ltd."]


def test_a_multitenant_server_wants_its_tenant_in_every_address(nav):
    nav.sim.post("settings", tenant="acme", max_page_size=25)
    assert code(nav("GET", "Item")) == "Internal_TenantUnavailable"
    page = nav("GET", "Item?tenant=acme").json()
    link = page["@odata.nextLink"]
    assert code(nav.http.get(link, timeout=10)) == "Internal_TenantUnavailable"
    assert nav.http.get(f"{link}&tenant=acme", timeout=10).status_code == 200


def test_locks_permissions_and_switched_off_services(nav):
    nav.sim.post("settings", table_lock=1)
    body = {"Sell_to_Customer_No": "C00001"}
    assert "locked" in words(nav("POST", "SalesOrder", json=body))
    assert nav("POST", "SalesOrder", json=body).status_code == 201
    nav.sim.post("settings", permissions="read_only")
    assert nav("POST", "SalesOrder", json=body).status_code == 403
    assert nav("GET", "SalesOrder").status_code == 200
    nav.sim.post("settings", odata_services=False)
    assert nav("GET", "SalesOrder").status_code == 405
    nav.sim.post("settings", odata_services=True)
    nav.sim.post("pages", service="SalesOrder", withdraw=True)
    missing = nav("GET", "SalesOrder")
    assert (missing.status_code, code(missing)) == (404, "BadRequest_ResourceNotFound")


def test_a_lost_reply_has_booked_the_document(nav):
    nav.sim.fault("lose_reply", method="POST", path=r"/SalesInvoice$")
    with pytest.raises(requests.ConnectionError):
        nav("POST", "SalesInvoice", json={"External_Document_No": "lost-1"})
    assert len(nav.get("SalesInvoice", filter="External_Document_No eq 'LOST-1'")) == 1
    nav.make("SalesInvoice", External_Document_No="lost-1")  # sales has no duplicate check
    assert nav.sim.get("state")["duplicates"] == {"LOST-1": 2}


def test_an_overloaded_server_answers_503(nav, tls):
    nav.sim.fault("throttle", path="Item")
    answer = nav("GET", "Item")
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (503, "text/html")
    nav.sim.post("settings", max_concurrent=1, work_ms=50)
    with ThreadPoolExecutor(6) as pool:
        auth = (NAME, PASSWORD)
        get = session(tls, auth).get
        jobs = [pool.submit(get, f"{nav.base}/Customer", timeout=10) for _ in range(6)]
    assert {job.result().status_code for job in jobs} == {200, 503}


def test_the_state_outlives_a_restart(tls, tmp_path):
    data = str(tmp_path / "nav.sqlite")
    first = start("--data", data, "--posting", "bound", tls=tls)
    http = session(tls, (NAME, PASSWORD))
    pages = Pages(first, http)
    invoice = pages.document()
    pages("POST", f"{address('SalesInvoice', invoice)}/NAV.Post")
    pages.document(reference="web-2")
    first.stop()
    second = start("--data", data, "--posting", "bound", tls=tls)
    pages = Pages(second, http)
    (draft,) = pages.get("SalesInvoice", filter="External_Document_No eq 'WEB-2'")
    assert pages("POST", f"{address('SalesInvoice', draft)}/NAV.Post").status_code == 204
    state = second.get("state")
    second.stop()
    assert [row["number"] for row in state["invoices"]] == ["103001", "103002"]
    assert state["ledger_balance"] == 0


def test_option_members_can_come_as_identifiers(nav):
    nav.sim.post("settings", escaped_enums=True)
    (customer,) = nav.get("Customer", filter="No eq 'C00001'")
    assert customer["Blocked"] == "_x0020_"
    order = nav.make("SalesOrder", Sell_to_Customer_No="C00001")
    where = f"{address('SalesOrder', order)}/SalesOrderSalesLines"
    plain = nav("POST", where, json={"Type": "G/L Account", "No": "6610"})
    assert (code(plain), "G_x002F_L_Account" in words(plain)) == ("Unknown", True)
    line = nav.make(where, Type="G_x002F_L_Account", No="6610", Quantity=1, Unit_Price=5)
    assert line["Type"] == "G_x002F_L_Account"
    found = nav.http.get(f"{nav.root}/$metadata", timeout=10).text
    assert '<Member Name="G_x002F_L_Account"' in found


def test_the_panel_is_a_page_for_a_person(nav):
    invoice = nav.document()
    page = requests.get(f"{nav.sim.control}/__sandbox__/", timeout=10).text
    assert invoice["No"] in page
    shown = requests.get(
        f"{nav.sim.control}/__sandbox__/documents/drafts/Invoice|{invoice['No']}", timeout=10
    )
    assert "TENT-2P-GRN" in shown.text
