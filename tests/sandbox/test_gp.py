"""The GP simulator over real HTTP: sign-in, refusals, arithmetic, batches, periods, both services."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import os
import ssl
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
import requests
import spnego
import trustme
import zeep
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from requests_ntlm import HttpNtlmAuth
from spnego.channel_bindings import GssChannelBindings
from zeep.transports import Transport

from config.embedded import die_with_parent, free_port
from tests.support.simulators import Simulator

USER, PASSWORD = "CONTOSO\\svc-gp", "sandbox-gp-password"
TODAY = datetime.datetime.now(datetime.UTC).date()
DOCUMENTS = "/Sales/Receivables/Transactions"
GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"


def start(folder: Path, *more: str) -> Simulator:
    port, control = free_port(), free_port()
    command = [sys.executable, "-m", "sandbox.gp", "--port", str(port)]
    command += ["--control-port", str(control), *more]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
        preexec_fn=die_with_parent,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("ready gp "), line
    api = line.split("api=")[1].split()[0]
    return Simulator(api, f"http://127.0.0.1:{control}", process)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gp")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    simulator = start(
        folder, "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")
    )
    yield simulator, str(folder / "ca.pem")
    simulator.stop()


@pytest.fixture
def gp(running):
    running[0].post("reset")
    return running[0]


@pytest.fixture
def ca_file(running):
    return running[1]


def session(ca_file, name=USER, password=PASSWORD, **more):
    made = requests.Session()
    made.trust_env, made.verify = False, ca_file
    made.auth = HttpNtlmAuth(name, password, **more)
    return made


@pytest.fixture
def call(gp, ca_file):
    signed_in = session(ca_file)

    def ask(method, path, payload=None, company="ACME", **more):
        base = f"{gp.api}/GPService/Tenants(DefaultTenant)"
        if company:
            base += f"/Companies({company})"
        if payload is not None:
            more["json"] = {"Payload": payload}
        return signed_in.request(method, base + path, timeout=10, **more)

    ask.session = signed_in
    yield ask
    signed_in.close()


def invoice(number="BC1-100045", **changes):
    fields = {
        "DocumentType": 1,
        "DocumentNumber": number,
        "DocumentDate": TODAY.isoformat(),
        "GLPostingDate": TODAY.isoformat(),
        "BatchId": "BC1-01",
        "BatchSource": "RM_Sales",
        "CustomerId": "CUST00001",
        "CustomerPONumber": number[-6:],
        "Description": f"BigCommerce {number[-6:]}",
        "SalesAmount": "119.95",
        "TradeDiscountAmount": "10.00",
        "FreightAmount": "8.50",
        "MiscellaneousAmount": "0.00",
        "TaxAmount": "9.07",
        "DocumentAmount": "127.52",
        "TaxScheduleId": "WEB",
        "Taxes": [{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "9.07"}],
        "CurrencyId": "",
        "ExchangeRate": None,
    }
    return fields | changes


def error(answer):
    trace = answer.json()["Status"]["Trace"][0]
    return answer.status_code, trace["Number"], trace["Field"]


# Sign-in


def test_ntlm_authenticates_the_connection_and_no_body_counts_before(gp, call):
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    counts = gp.get("state")["sign_in"]
    assert (counts["type1"], counts["type3"], counts["served"]) == (1, 1, 1)
    assert call("POST", DOCUMENTS, invoice("BC1-100046")).status_code == 201
    assert gp.get("state")["sign_in"]["type3"] == 1
    assert len(gp.get("state")["invoices"]) == 2


def test_who_has_no_usable_account_gets_a_bare_401_with_both_schemes(gp, ca_file):
    url = f"{gp.api}/GPService/Tenants(DefaultTenant)/help"
    plain = requests.get(url, verify=ca_file, timeout=10)
    assert plain.status_code == 401
    assert plain.raw.headers.getlist("www-authenticate") == ["Negotiate", "NTLM"]
    assert session(ca_file, password="wrong").get(url, timeout=10).status_code == 401
    assert session(ca_file, name="CONTOSO\\nobody").get(url, timeout=10).status_code == 401
    assert session(ca_file, name="svc-gp").get(url, timeout=10).status_code == 401
    assert gp.get("state")["users"][0]["bad_passwords"] == 1
    basic = requests.get(url, auth=(USER, PASSWORD), verify=ca_file, timeout=10)
    assert basic.status_code == 401
    gp.post("settings", basic=True)
    basic = requests.get(url, auth=(USER, PASSWORD), verify=ca_file, timeout=10)
    assert basic.status_code == 200
    gp.post("settings", bearer_only=True)
    refused = requests.get(url, verify=ca_file, timeout=10)
    assert refused.headers["www-authenticate"] == 'Bearer realm="GPService"'


def test_a_password_expires_or_changes_under_a_signed_in_connection(gp, call, ca_file):
    assert call("GET", "/help", company="").status_code == 200
    gp.post("users", name=USER, expired=True)
    assert call("GET", "/help", company="").status_code == 401
    gp.post("users", name=USER, expired=False, password="next-password")
    assert session(ca_file).get(f"{gp.api}/GPService/x", timeout=10).status_code == 401
    renewed = session(ca_file, password="next-password")
    assert renewed.get(f"{gp.api}/GPService/x", timeout=10).status_code == 404


def test_a_server_may_forget_drop_and_close_connections(gp, call):
    assert call("GET", "/help", company="").status_code == 200
    gp.post("settings", forget=1)
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    assert gp.get("state")["sign_in"]["type3"] == 2
    gp.post("settings", close_every=2)
    for number in range(4):
        assert call("POST", DOCUMENTS, invoice(f"BC1-20000{number}")).status_code == 201
    gp.post("settings", close_every=0, forget=1, drop_after_challenge=1)
    # The third leg meets a closed connection, or goes out on a new one that knows no challenge.
    with contextlib.suppress(requests.ConnectionError):
        assert call("POST", DOCUMENTS, invoice("BC1-3")).status_code == 401
    assert len(gp.get("state")["invoices"]) == 5
    assert call("POST", DOCUMENTS, invoice("BC1-3")).status_code == 201
    gp.post("settings", close_every=1, close_silently=True)
    before = gp.get("state")["sign_in"]["type3"]
    for _ in range(3):
        assert call("GET", "/help", company="").status_code == 200
        time.sleep(0.2)
    assert gp.get("state")["sign_in"]["type3"] >= before + 2


def test_channel_binding_is_checked_by_the_server_itself(gp, ca_file):
    url = f"{gp.api}/GPService/Tenants(DefaultTenant)/help"

    def status(**more):
        return session(ca_file, **more).get(url, timeout=10).status_code

    assert (status(), status(send_cbt=False)) == (200, 200)
    gp.post("settings", binding="require")
    assert (status(), status(send_cbt=False)) == (200, 401)
    wrong = b"tls-server-end-point:" + b"x" * 32
    assert negotiate(gp, ca_file, wrong) == 401
    gp.post("settings", binding="allow")
    assert negotiate(gp, ca_file, wrong) == 401
    gp.post("settings", binding="none")
    assert negotiate(gp, ca_file, wrong) == 200


def negotiate(gp, ca_file, binding: bytes = b"") -> int:
    """SPNEGO-wrapped tokens under the scheme Negotiate; the last leg's status."""
    host, _, port = gp.api.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cafile=ca_file)
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
    connection.connect()
    if not binding:
        certificate = connection.sock.getpeercert(binary_form=True)
        found = x509.load_der_x509_certificate(certificate)
        digest = hashes.Hash(found.signature_hash_algorithm)
        digest.update(certificate)
        binding = b"tls-server-end-point:" + digest.finalize()
    client = spnego.client(
        USER,
        PASSWORD,
        protocol="negotiate",
        channel_bindings=GssChannelBindings(application_data=binding),
        options=spnego.NegotiateOptions.use_negotiate,
        hostname="localhost",
        service="http",
    )
    token, status = client.step(), 0
    while token:
        header = f"Negotiate {base64.b64encode(token).decode()}"
        path = "/GPService/Tenants(DefaultTenant)/help"
        connection.request("GET", path, headers={"Authorization": header})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
        back = answer.headers.get("www-authenticate", "").removeprefix("Negotiate").strip()
        token = client.step(base64.b64decode(back)) if back else None
    connection.close()
    return status


def test_negotiate_with_spnego_signs_in_too(gp, ca_file):
    gp.post("settings", binding="require")
    assert negotiate(gp, ca_file) == 200


def test_too_many_wrong_passwords_lock_the_account(tmp_path):
    simulator = start(tmp_path, "--lockout", "2")
    try:
        url = f"{simulator.api}/GPService/Tenants(DefaultTenant)/help"
        for _ in range(2):
            assert session(True, password="wrong").get(url, timeout=10).status_code == 401
        assert session(True).get(url, timeout=10).status_code == 401
        simulator.post("users", name=USER, locked=False)
        assert session(True).get(url, timeout=10).status_code == 200
    finally:
        simulator.stop()


# Addresses and bodies


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


# Customers


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


# Receivables


def test_the_amounts_must_add_up_and_the_tax_must_equal_its_details(call):
    assert error(call("POST", DOCUMENTS, invoice(DocumentAmount="127.53")))[1] == 621
    assert error(call("POST", DOCUMENTS, invoice(Taxes=[])))[1] == 712
    wrong = [{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "9.06"}]
    assert error(call("POST", DOCUMENTS, invoice(Taxes=wrong))) == (400, 712, "TaxAmount")
    worked_out = invoice(
        TaxScheduleId="UK-STD", Taxes=[], TaxAmount="21.99", DocumentAmount="140.44"
    )
    made = call("POST", DOCUMENTS, worked_out).json()["Payload"]
    assert made["Taxes"][0]["TaxDetailId"].strip() == "UKVAT20"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"CustomerId": "NOBODY"}, (422, 221, "CustomerId")),
        ({"CurrencyId": "Z-XXX"}, (422, 483, "CurrencyId")),
        ({"TaxScheduleId": "NONE"}, (422, 7023, "TaxScheduleId")),
        ({"BatchSource": "GL_Normal"}, (422, 9012, "BatchSource")),
        ({"DocumentType": 2}, (400, 9017, "DocumentType")),
    ],
)
def test_what_a_document_names_must_exist(call, changes, expected):
    assert error(call("POST", DOCUMENTS, invoice(**changes))) == expected


def test_a_number_is_used_once_in_work_open_and_history(gp, call):
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    duplicate = (409, 190, "DocumentNumber")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    gp.post("batches", id="BC1-01", act="post")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    gp.post("documents", number="BC1-100045", act="history")
    assert error(call("POST", DOCUMENTS, invoice())) == duplicate
    found = call("GET", f"{DOCUMENTS}(1;BC1-100045)").json()["Payload"]
    assert found["TransactionState"] == "History"
    assert call("POST", DOCUMENTS, invoice(DocumentType=7)).status_code == 201
    gp.post("settings", duplicates_per_type=False)
    assert error(call("POST", DOCUMENTS, invoice(DocumentType=8))) == duplicate


def test_a_lost_answer_leaves_the_document_in_the_books(gp, call):
    assert call("GET", "/help", company="").status_code == 200
    gp.fault("lose_reply", method="POST", path="Transactions$")
    with pytest.raises(requests.ConnectionError):
        call("POST", DOCUMENTS, invoice())
    assert call("GET", f"{DOCUMENTS}(1;BC1-100045)").status_code == 200
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 190
    assert gp.get("state")["duplicates"] == {}


def test_trouble_is_generic(gp, call):
    gp.fault("status", status=500, path="Transactions")
    assert error(call("POST", DOCUMENTS, invoice())) == (500, 9099, "")
    gp.fault("html")
    assert call("GET", "/help", company="").headers["content-type"].startswith("text/html")
    gp.fault("throttle")
    assert call("GET", "/help", company="").status_code == 503
    gp.post("settings", errors_in_200=True)
    answer = call("POST", DOCUMENTS, invoice(CustomerId="NOBODY"))
    assert answer.status_code == 200
    assert answer.json()["Status"]["Trace"][0]["Number"] == 221
    gp.post("settings", service="unavailable")
    assert call("GET", "/help", company="").status_code == 503
    gp.post("settings", service="stopped")
    with pytest.raises(requests.ConnectionError):
        call("GET", "/help", company="")


def test_a_blocked_customer_gets_no_documents(gp, call):
    gp.post("customers", id="CUST00001", hold=True)
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 9006
    gp.post("customers", id="CUST00001", hold=False, inactive=True)
    assert error(call("POST", DOCUMENTS, invoice()))[1] == 9005


# Batches, posting, the ledger


def test_a_batch_in_use_takes_no_document_and_the_batchs_date_wins(gp, call):
    call("POST", DOCUMENTS, invoice())
    yesterday = (TODAY - datetime.timedelta(days=1)).isoformat()
    made = call("POST", DOCUMENTS, invoice("BC1-2", GLPostingDate=yesterday)).json()["Payload"]
    assert made["GLPostingDate"] == TODAY.isoformat()
    gp.post("settings", batch_dates="refuse")
    refused = error(call("POST", DOCUMENTS, invoice("BC1-3", GLPostingDate=yesterday)))
    assert refused == (422, 9025, "GLPostingDate")
    for state in ("Marked", "Posting", "Pending approval"):
        gp.post("batches", id="BC1-01", act=state)
        assert error(call("POST", DOCUMENTS, invoice("BC1-3"))) == (409, 9003, "BatchId")
    gp.post("batches", id="BC1-01", act="Available")
    gp.post("batches", id="WEEKLY", act="create", frequency=2)
    weekly = invoice("BC1-R1", DocumentType=7, BatchId="WEEKLY")
    assert error(call("POST", DOCUMENTS, weekly)) == (422, 9004, "BatchId")
    batch = call("GET", "/System/Batches(RM_Sales;BC1-01)").json()["Payload"]
    assert (batch["NumberOfTransactions"], batch["BatchTotal"]) == (2, "255.04000")


def test_posting_makes_open_documents_and_a_ledger_that_balances(gp, call):
    call("POST", DOCUMENTS, invoice())
    credit = invoice(
        "BC1-R7",
        DocumentType=7,
        SalesAmount="10.00",
        TradeDiscountAmount="0",
        FreightAmount="0",
        TaxAmount="2.00",
        DocumentAmount="12.00",
        Taxes=[{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "2.00"}],
    )
    assert call("POST", DOCUMENTS, credit).status_code == 201
    action = {"GP-Custom-Action": "POST"}
    answer = call("POST", "/System/Batches(RM_Sales;BC1-01)", headers=action)
    assert answer.json()["Payload"] == {"Posted": ["BC1-100045", "BC1-R7"], "NotPosted": []}
    state = gp.get("state")
    assert {row["state"] for row in state["documents"]} == {"Open"}
    assert state["batches"] == []
    assert state["ledger"]["difference"] == state["ledger"]["receivable_difference"] == 0
    assert state["ledger"]["receivable_account"] == Decimal("115.52")
    again = call("POST", f"{DOCUMENTS}(1;BC1-100045)", headers=action)
    assert error(again) == (422, 9018, "DocumentNumber")


def test_given_distributions_must_balance_on_accounts_that_exist(gp, call):
    def rows(account="000-4110-02", amount="127.52"):
        return [
            {"AccountNumber": "000-1200-00", "DistributionType": 3, "DebitAmount": "127.52"},
            {"AccountNumber": account, "DistributionType": 9, "CreditAmount": amount},
        ]

    unbalanced = error(call("POST", DOCUMENTS, invoice(Distributions=rows(amount="127.51"))))
    assert unbalanced == (422, 9011, "Distributions")
    unknown = error(call("POST", DOCUMENTS, invoice(Distributions=rows("000-9999-99"))))
    assert unknown == (422, 716, "Distributions[1].AccountNumber")
    assert error(call("POST", DOCUMENTS, invoice(Distributions=rows("000-4110-99"))))[1] == 716
    gp.post("settings", distribution_check="posting")
    call("POST", DOCUMENTS, invoice(Distributions=rows(amount="127.51")))
    journal = gp.post("batches", id="BC1-01", act="post")
    assert journal["NotPosted"][0]["DocumentNumber"] == "BC1-100045"
    gp.post("settings", distribution_check="create")
    assert call("POST", DOCUMENTS, invoice("BC1-2", Distributions=rows())).status_code == 201


def test_a_person_deletes_a_document_or_a_batch(gp, call):
    call("POST", DOCUMENTS, invoice())
    call("POST", DOCUMENTS, invoice("BC1-2"))
    gp.post("documents", act="delete", number="BC1-2")
    assert call("POST", DOCUMENTS, invoice("BC1-2")).status_code == 201
    gone = gp.post("batches", id="BC1-01", act="delete")
    assert gone == {"deleted": ["BC1-100045", "BC1-2"]}
    assert call("GET", f"{DOCUMENTS}(1;BC1-2)").status_code == 404


def test_a_closed_period_refuses_until_it_is_opened(gp, call):
    gp.post("period", year=TODAY.year, month=TODAY.month, series=3, closed=True)
    refused = call("POST", DOCUMENTS, invoice())
    assert error(refused) == (422, 9001, "GLPostingDate")
    message = "The fiscal period for this date is closed for Sales"
    assert refused.json()["Status"]["Trace"][0]["Message"] == message
    later = invoice("BC1-2", GLPostingDate="1999-01-01")
    assert error(call("POST", DOCUMENTS, later))[1] == 9002
    closed = call("GET", f"/Administration/FiscalPeriods?Year={TODAY.year}&Series=3").json()
    assert [r["PeriodId"] for r in closed["Payload"] if r["Closed"]] == [TODAY.month]
    gp.post("settings", period_check="posting")
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    assert gp.post("batches", id="BC1-01", act="post")["Posted"] == []
    gp.post("period", closed=False)
    gp.post("period", series=2, closed=True)
    assert gp.post("batches", id="BC1-01", act="post")["Posted"] == ["BC1-100045"]
    assert gp.get("state")["ledger"]["stuck_lines"] > 0


# Currencies


def foreign(number, **changes):
    fields = {
        "CurrencyId": "Z-US$",
        "SalesAmount": "100.00",
        "TradeDiscountAmount": "0",
        "FreightAmount": "0",
        "TaxAmount": "0",
        "DocumentAmount": "100.00",
        "Taxes": [],
    }
    return invoice(number, **(fields | changes))


def test_a_rate_comes_from_the_table_or_the_document_and_divides_or_multiplies(gp, call):
    assert call("POST", DOCUMENTS, foreign("D1")).status_code == 201
    assert call("POST", DOCUMENTS, foreign("D2", CurrencyId="Z-EURO")).status_code == 201
    assert call("POST", DOCUMENTS, foreign("D3", ExchangeRate="1.25")).status_code == 201
    amounts = {row["number"]: row["functional_amount"] for row in gp.get("state")["documents"]}
    assert amounts == {"D1": Decimal("76.34"), "D2": Decimal("86"), "D3": Decimal("80")}
    whole = foreign("D4", CurrencyId="Z-YEN", SalesAmount="100.50", DocumentAmount="100.50")
    assert error(call("POST", DOCUMENTS, whole)) == (400, 9017, "SalesAmount")
    gp.post("settings", rate_override=False)
    assert error(call("POST", DOCUMENTS, foreign("D5", ExchangeRate="1.3")))[1] == 9010
    gp.post("rates", currency="Z-US$", clear=True)
    assert error(call("POST", DOCUMENTS, foreign("D5"))) == (422, 9008, "ExchangeRate")
    day, after = TODAY.isoformat(), (TODAY + datetime.timedelta(days=1)).isoformat()
    gp.post("rates", currency="Z-US$", date=day, expires=day, rate="1.3", method=2)
    late = foreign("D5", GLPostingDate=after, BatchId="LATE")
    assert error(call("POST", DOCUMENTS, late)) == (422, 9009, "ExchangeRate")
    gp.post("batches", id="BC1-01", act="post")
    proof = gp.get("state")["ledger"]
    assert proof["difference"] == proof["receivable_difference"] == 0
    elsewhere = call("POST", DOCUMENTS, foreign("D6"), company="ACTST")
    assert error(elsewhere) == (422, 9007, "CurrencyId")


def test_the_state_outlives_a_restart(tmp_path):
    data = str(tmp_path / "gp.sqlite")
    simulator = start(tmp_path, "--data", data)
    base = f"{simulator.api}/GPService/Tenants(DefaultTenant)/Companies(ACME)"
    made = session(True).post(base + DOCUMENTS, json={"Payload": invoice()}, timeout=10)
    assert made.status_code == 201
    simulator.post("customers", id="CUST00002", delete=True)
    simulator.stop()
    simulator = start(tmp_path, "--data", data)
    try:
        state = simulator.get("state")
        assert [row["number"] for row in state["documents"]] == ["BC1-100045"]
        assert "CUST00002" not in [row["CustomerId"] for row in state["customers"]]
        page = requests.get(f"{simulator.control}/__sandbox__/", timeout=10).text
        assert "BC1-100045" in page
        path = "/__sandbox__/documents/1/BC1-100045"
        assert "000-1200-00" in requests.get(simulator.control + path, timeout=10).text
    finally:
        simulator.stop()


# The legacy web service


@pytest.fixture
def soap(gp, ca_file):
    transport = Transport(session=session(ca_file), timeout=10, operation_timeout=10)
    return zeep.Client(f"{gp.api}/Metadata/Legacy/Full/DynamicsGP.wsdl", transport=transport)


@pytest.fixture
def context(soap):
    dyn = soap.type_factory(DYNAMICS)
    return dyn.Context(OrganizationKey=dyn.CompanyKey(Id=2), CurrencyType="Transactional")


def made(soap, **changes):
    of = soap.type_factory(GP)

    def money(value):
        return of.MoneyAmount(Currency="GBP", Value=Decimal(value), DecimalDigits=2)

    tax = of.ReceivablesTax(
        Key=of.ReceivablesTaxKey(TaxDetailKey=of.TaxDetailKey(Id="WEBTAX")),
        SalesTaxAmount=money("9.07"),
    )
    fields = {
        "Key": of.ReceivablesDocumentKey(Id="BC1-100045"),
        "Date": datetime.datetime.combine(TODAY, datetime.time()),
        "SalesAmount": money("119.95"),
        "TradeDiscountAmount": money("10.00"),
        "FreightAmount": money("8.50"),
        "TaxAmount": money("9.07"),
        "Description": "BigCommerce 100045",
        "CustomerPONumber": "100045",
        "BatchKey": of.BatchKey(Source="RM_Sales", Id="BC1-01"),
        "CustomerKey": of.CustomerKey(Id="CUST00001"),
        "CurrencyKey": of.CurrencyKey(ISOCode="GBP"),
        "Taxes": of.ArrayOfReceivablesTax(ReceivablesTax=[tax]),
    }
    return of.ReceivablesInvoice(**(fields | changes))


def test_soap_books_an_invoice_and_reads_it_back(gp, soap, context):
    service, of = soap.service, soap.type_factory(GP)
    policy = service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    assert policy.RootBusinessObjectName == "ReceivablesInvoice"
    assert service.CreateReceivablesInvoice(made(soap), context, policy) is None
    row = gp.get("state")["invoices"][0]
    assert (row["amount"], row["state"], row["batch"]) == (Decimal("127.52"), "Work", "BC1-01")
    key = of.ReceivablesDocumentKey(Id="BC1-100045")
    found = service.GetReceivablesInvoiceByKey(key, context)
    assert found.DocumentAmount.Value == Decimal("127.52")
    assert found.TransactionState == "Work"
    sides = [
        sum(getattr(each, side).Value for each in found.Distributions.ReceivablesDistribution)
        for side in ("DebitAmount", "CreditAmount")
    ]
    assert sides[0] == sides[1] == Decimal("137.52")
    assert service.GetReceivablesCreditMemoByKey(key, context) is None
    like = of.LikeRestrictionOfString(Like="BC1-%")
    criteria = of.ReceivablesDocumentCriteria(DocumentId=like, Scope="ReturnPartialObjects")
    listed = service.GetReceivablesDocumentList(criteria, context)
    assert [(each.Key.Id, each.Type) for each in listed] == [("BC1-100045", "Invoice")]
    gp.post("settings", soap_absent_key="fault")
    with pytest.raises(zeep.exceptions.Fault):
        service.GetReceivablesCreditMemoByKey(key, context)


def test_soap_tells_a_validation_by_its_guid(soap, context):
    service = soap.service
    policy = service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    service.CreateReceivablesInvoice(made(soap), context, policy)
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateReceivablesInvoice(made(soap), context, policy)
    assert caught.value.message == "Business object validation failed"
    logged = service.GetLoggedValidationResultByKey(
        caught.value.detail.findtext("Message"), context
    )
    (error_found,) = logged.Errors.ValidationError
    assert error_found.Id == 190
    assert "Error Number = 190 Stored Procedure taRMTransaction" in error_found.Message
    assert "DOCNUMBR = BC1-100045" in error_found.Message
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.CreateReceivablesInvoice(made(soap), context, None)
    assert caught.value.detail.findtext("Message")
    context.OrganizationKey.Id = 99
    with pytest.raises(zeep.exceptions.Fault, match="unhandled system exception") as caught:
        service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    assert caught.value.detail.find("Message") is None


def test_soap_drops_what_is_out_of_its_place(gp, soap, context):
    policy = soap.service.GetPolicyByOperation("CreateReceivablesInvoice", context)
    message = soap.create_message(
        soap.service, "CreateReceivablesInvoice", made(soap), context, policy
    )
    document = message.find(f".//{{{GP}}}receivablesInvoice")
    number = document.find(f"{{{GP}}}CustomerPONumber")
    document.append(number)
    answer = soap.transport.post_xml(
        f"{gp.api}/DynamicsGPWebServices/DynamicsGPService.asmx",
        message,
        {"SOAPAction": f'"{GP}/CreateReceivablesInvoice"', "Content-Type": "text/xml"},
    )
    assert answer.status_code == 200
    assert gp.get("state")["invoices"][0]["po_number"] == ""


def test_soap_keeps_customers_items_companies_and_changes(gp, soap, context):
    service, of = soap.service, soap.type_factory(GP)
    dyn = soap.type_factory(DYNAMICS)
    everything = of.CompanyCriteria(
        Id=of.BetweenRestrictionOfNullableOfInt32(From=-32768, To=32767)
    )
    nowhere = dyn.Context(CurrencyType="Transactional")
    companies = service.GetCompanyList(everything, nowhere)
    assert {each.Key.Id: each.Name for each in companies}[2] == "Acme Outdoor Ltd"
    address = of.CustomerAddress(
        Key=of.CustomerAddressKey(Id="PRIMARY"),
        City="Leeds",
        InternetAddresses=of.InternetAddresses(EmailToAddress="zoe@example.com"),
    )
    customer = of.Customer(
        Key=of.CustomerKey(Id="WEB1"),
        Name="Zoë",
        ClassKey=of.CustomerClassKey(Id="WEB"),
        DefaultAddressKey=of.CustomerAddressKey(Id="PRIMARY"),
        Addresses=of.ArrayOfCustomerAddress(CustomerAddress=[address]),
    )
    policy = service.GetPolicyByOperation("CreateCustomer", context)
    service.CreateCustomer(customer, context, policy)
    customer.Comment1 = "from the web"
    service.UpdateCustomer(customer, context, policy)
    found = service.GetCustomerByKey(of.CustomerKey(Id="WEB1"), context)
    assert (found.Comment1, found.Addresses.CustomerAddress[0].City) == ("from the web", "Leeds")
    mail = found.Addresses.CustomerAddress[0].InternetAddresses.EmailToAddress
    assert mail == "zoe@example.com"
    named = of.CustomerCriteria(
        Id=of.LikeRestrictionOfString(Like="WEB%"), Scope="ReturnPartialObjects"
    )
    assert [each.Name for each in service.GetCustomerList(named, context)] == ["Zoë"]
    changed = service.GetChangedCustomerKeyList(of.CustomerChangedKeyCriteria(), context)
    assert [(each.Key.Id, each.Action) for each in changed] == [("WEB1", "Update")]
    item = service.GetItemByKey(of.ItemKey(Id="TENT-2P-GRN"), context)
    assert (item.Type, item.Key.Id) == ("SalesItem", "TENT-2P-GRN")
    assert service.GetItemByKey(of.ItemKey(Id="NONE"), context) is None
    scope = {"Scope": "ReturnPartialObjects"}
    assert len(service.GetItemList(of.ItemCriteria(**scope), context)) == 64
    gp.post("items", number="COMPASS", delete=True)
    deleted = service.GetChangedItemKeyList(of.ItemChangedKeyCriteria(), context)
    assert [(each.Key.Id, each.Action) for each in deleted] == [("COMPASS", "Delete")]
    gp.post("customers", id="WEB1", fields={"Comment2": "a\u0007bell"})
    with pytest.raises(zeep.exceptions.Fault, match="unhandled system exception"):
        service.GetCustomerByKey(of.CustomerKey(Id="WEB1"), context)
    batch = of.Batch(Key=of.BatchKey(Source="RM_Sales", Id="B9"), Frequency="SingleUse")
    service.CreateBatch(batch, context, service.GetPolicyByOperation("CreateBatch", context))
    read = service.GetBatchByKey(of.BatchKey(Source="RM_Sales", Id="B9"), context)
    assert (read.Frequency, read.TransactionTotalQuantity) == ("SingleUse", 0)
