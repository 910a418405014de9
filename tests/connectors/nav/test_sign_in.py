"""Ways into NAV that are refused: each with its own words, and whose move it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.errors import NeedsAttention
from connectors.records import DocumentKind
from tests.connectors.nav.drafts import draft, goods
from tests.support import nav as support

INVOICE, CREDIT = DocumentKind.SALES_INVOICE, DocumentKind.CREDIT_MEMO
HEADERS, LINES = "SalesInvoice$", "SalesInvoiceSalesLines$"


def count(workshop) -> int:
    state = workshop.state()
    return len(state["drafts"]) + len(state["invoices"]) + len(state["credit_memos"])


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"password": "not-the-key"}, "wrong_secret", "does not accept this sign-in"),
        ({"user": "NOBODY"}, "wrong_secret", "does not accept this sign-in"),
        ({"user": "", "password": ""}, "settings", "user name and its password"),
        ({"password": "Grün-1"}, "settings", "accents or umlauts"),
        ({"company": "acme outdoor ltd."}, "company_missing", "capitals count"),
        ({"company": "Acme Outdoor Ltd"}, "company_missing", "not a company of this server"),
        ({"company": ""}, "company_missing", "No company is chosen"),
        ({"base_url": "https://127.0.0.1:9/DynamicsNAV110"}, "network", "could not be reached"),
        ({"interface": "api_beta"}, "wrong_environment", "switched off"),
        ({"interface": "api_v1"}, "wrong_environment", "switched off"),
        ({"service_invoice": "Invoices"}, "settings", "“Invoices” is not published"),
        ({"service_invoice": "Customer"}, "settings", "does not show"),
        ({"verify_field": "No_Such"}, "settings", "does not show the field No_Such"),
        ({"posting": "action", "post_action": "Book"}, "settings", "no action “Book”"),
        ({"posting": "codeunit", "codeunit": "Nope"}, "settings", "“Nope” is not published"),
        ({"posting": "codeunit", "soap_url": ""}, "settings", "SOAP address"),
        ({"posting": "codeunit", "codeunit_invoice": "Nope"}, "settings", "no function Nope"),
    ],
)  # fmt: skip
def test_each_wrong_setting_has_its_own_words(nav, values, code, words):
    failed = nav.build(**values).ping().failures[0]
    assert failed.code == code, failed
    assert words in failed.words, failed
    assert failed.advice


def test_a_wrong_instance_is_told_from_a_wrong_host(nav):
    wrong = f"{nav.simulator.api}/NoSuchInstance"
    (failed,) = nav.build(base_url=wrong).ping().failures
    assert failed.code == "wrong_environment"
    assert "instance" in failed.advice


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"password": "not-the-password"}, "wrong_secret"),
        ({"user": r"CONTOSO\nobody"}, "wrong_secret"),
        ({"sign_in": "access_key"}, "wrong_secret"),
    ],
)
def test_a_windows_account_that_is_refused(windows, values, code):
    (failed,) = windows.build(**values).ping().failures
    assert failed.code == code, failed
    if "sign_in" in values:
        assert "NTLM" in failed.advice


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"client_secret": "wrong"}, "wrong_secret"),
        ({"client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11"}, "wrong_client"),
        ({"entra_tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21"}, "wrong_tenant"),
        ({"client_secret": ""}, "settings"),
    ],
)
def test_an_entra_application_that_is_refused(later, values, code):
    (failed,) = later.build(**values).ping().failures
    assert failed.code == code, failed


def test_a_token_that_expires_in_the_middle_of_a_document_is_renewed_once(later):
    erp = later.build(prices_include_tax="yes")
    known = erp.find_customer_by_number("C00001")
    tent = erp.find_items(["TENT-2P-GRN"])["TENT-2P-GRN"]
    line = goods(item_id=tent.external_id)
    later.simulator.post("tokens/expire")
    erp.create_document(draft(line, customer_id=known.external_id))
    assert count(later) == 1
    assert [r.status for r in later.records if r.status == 401] == [401]
    later.set(card="not_registered")
    with pytest.raises(NeedsAttention) as caught:
        erp.find_items(["SPORK-TI"])
    assert "card" in caught.value.advice


def test_an_access_key_that_expires(nav):
    erp = nav.build()
    erp.create_document(draft(reference="WEB-1"))
    nav.simulator.post("users", name=support.NAME, key_expires="2020-01-01T00:00:00+00:00")
    with pytest.raises(NeedsAttention) as caught:
        erp.create_document(draft(reference="WEB-2"))
    assert caught.value.code == "wrong_secret"
    assert "expiry date" in caught.value.advice
    assert count(nav) == 1


def test_a_windows_connection_that_is_forgotten_is_signed_in_anew(windows):
    erp = windows.build()
    for number in range(1, 4):
        erp.create_document(draft(reference=f"WEB-{number}"))
        windows.simulator.post("signin", forget=1)
    assert count(windows) == 3
    text = repr(windows.records)
    assert support.PASSWORD not in text
    assert "TlRMTVNTUA" not in text


@pytest.mark.parametrize("permissions", ["read_only", "none"])
@pytest.mark.parametrize("status", [401, 403])
def test_a_missing_permission_is_named(nav, permissions, status):
    nav.set(permissions=permissions, permission_status=status)
    failed = nav.build().ping().failures
    assert failed
    assert failed[0].code in ("missing_permission", "wrong_secret")
    assert "TableData Sales Header" in failed[0].words


def test_a_tenant_is_named_in_every_address_also_of_the_next_page(nav):
    nav.set(tenant="acme", max_page_size=1)
    erp = nav.build(tenant="acme")
    assert len(erp.find_items(["TENT-2P-GRN", "SPORK-TI", "PACK-28"])) == 3
    erp.create_document(draft())
    (failed,) = nav.build(tenant="other").ping().failures
    assert failed.code == "wrong_environment"
    (failed,) = nav.build().ping().failures
    assert "tenant" in failed.advice


def test_an_untrusted_certificate_is_told_as_such(nav):
    other = nav.build()
    kit = replace(other.client._kit, ca_file="")
    (failed,) = type(other).build({**other._values}, kit).ping().failures
    assert failed.code == "tls"
    pem = (nav.tls / "ca.pem").read_text()
    assert not type(other).build({**other._values, "certificate": pem}, kit).ping().failures
