"""The second interface: the legacy web service, by zeep."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.errors import NeedsAttention, Rejected, TryLater
from connectors.records import DocumentKind, DocumentStatus
from tests.connectors.gp.drafts import charge, customer, draft, goods

INVOICE, CREDIT = DocumentKind.SALES_INVOICE, DocumentKind.CREDIT_MEMO


@pytest.fixture
def soap(build):
    return lambda **values: build(
        **{"interface": "soap", "company": "2", "functional_currency": "GBP", **values}
    )


def test_a_ping_offers_companies_by_number(soap):
    ping = soap().ping()
    assert not ping.failures, ping.failures
    assert ("-1", "Acme Test (training) (-1)") in ping.choices["company"]
    assert soap(company="").ping().failures[0].code == "company_missing"
    assert soap(functional_currency="").ping().failures[0].code == "settings"


def test_an_order_and_its_refund(soap, gp):
    erp = soap()
    assert erp.find_documents(INVOICE, "BC1-100045") == ()
    order = draft(
        goods("TENT-2P-GRN", "2", "100.00", discount="10.00"),
        charge("shipping", "6.00"),
        charge("wrapping", "2.50", "000-4410-00"),
    )
    assert erp.create_document(order) == "1;BC1-100045"
    (found,) = erp.find_documents(INVOICE, "BC1-100045")
    assert (found.status, found.currency) == (DocumentStatus.OPEN, "GBP")
    assert (found.total_inc_tax, found.total_tax) == (order.total_inc_tax, order.total_tax)
    assert (found.document_date, found.posting_date) == (order.document_date, order.posting_date)
    (row,) = gp.state()["documents"]
    assert (row["freight"], row["trade_discount"]) == (Decimal("6.00"), Decimal("10.00"))
    assert row["batch"] == f"WEB{order.posting_date:%y%m%d}-01"
    assert len(row["distributions"]) == 6
    for setting, number in (("credit_memo", 7), ("return", 8)):
        refund = draft(goods(), reference=f"BC1-R{number}", kind=CREDIT)
        assert soap(refund_document=setting).create_document(refund) == f"{number};BC1-R{number}"
    gp.simulator.post("batches", act="post", id=row["batch"])
    assert gp.state()["ledger"]["difference"] == 0
    assert erp.read_document(INVOICE, "1;BC1-100045").status is DocumentStatus.POSTED


def test_both_interfaces_write_the_same_books(soap, build, gp):
    order = (goods("TENT-2P-GRN", "3", "24.975", discount="0.005"), charge("shipping", "4.16"))
    build().create_document(draft(*order, reference="BC1-1"))
    soap().create_document(draft(*order, reference="BC1-2"))
    one, two = gp.state()["documents"]
    different = {"number"}
    assert {k: v for k, v in one.items() if k not in different} == {
        k: v for k, v in two.items() if k not in different
    }


def test_a_customer_in_one_call_with_its_e_mail(soap, gp):
    erp = soap()
    assert erp.create_customer(customer(5)).number == "WEB0000005"
    assert erp.create_customer(customer(5)).number == "WEB0000005"
    assert erp.find_customer_by_number("WEB0000005").name == "Zoë Müller"
    mail = [r for r in gp.state()["internet_addresses"] if r["CustomerId"] == "WEB0000005"]
    assert [r["EmailToAddress"] for r in mail] == ["zoe@example.com"]
    assert [
        r["City"]
        for r in gp.state()["addresses"]
        if r["CustomerId"] == "WEB0000005" and r["AddressId"] == "PRIMARY"
    ] == ["Lódz"]


def test_items(soap):
    found = soap().find_items(["TENT-2P-GRN", "no-such"])
    assert found["TENT-2P-GRN"].item_class == "OUTDOOR"
    assert set(found) == {"TENT-2P-GRN"}


@pytest.mark.parametrize("absent", ["null", "fault"])
def test_a_missing_key_is_nothing_however_the_server_says_it(soap, gp, absent):
    gp.set(soap_absent_key=absent)
    assert soap().find_customer_by_number("NOBODY") is None


def test_refusals_are_read_from_the_log_of_validations(soap, gp):
    erp = soap()
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(customer="NOBODY"))
    assert caught.value.code == "identity_gone"
    gp.simulator.post("customers", id="CUST00001", hold=True)
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft())
    assert caught.value.hold == "customer_blocked"
    gp.simulator.post("customers", id="CUST00001", hold=False)
    erp.create_document(draft())
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(goods(ex="7.00")))
    assert caught.value.hold == "duplicate_reference"
    assert erp.create_document(draft()) == "1;BC1-100045"  # ours: adopted
    gp.simulator.post("period", closed=True)
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(reference="BC1-2"))
    assert caught.value.hold == "period_closed"


def test_a_foreign_document_carries_its_iso_code_and_rate(soap, gp):
    erp = soap()
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(currency="EUR"))
    assert caught.value.keys == ("lookup:exchange_rates:EUR",)
    erp.create_document(draft(currency="EUR", exchange_rate="0.85"))
    assert gp.state()["documents"][0]["currency"] == "Z-EURO"
    assert erp.find_documents(INVOICE, "BC1-100045")[0].currency == "EUR"


def test_a_wrong_company_or_path_is_told(soap):
    with pytest.raises(TryLater):
        soap(company="77").find_customer_by_number("CUST00001")
    assert soap(company="77").ping().failures[0].code == "company_missing"
    with pytest.raises(NeedsAttention) as caught:
        soap(wsdl_path="/Metadata/other.wsdl").find_customer_by_number("CUST00001")
    assert caught.value.code == "settings"


def test_the_preview_is_what_is_sent(soap, workshop):
    erp = soap()
    preview = erp.preview(draft())
    erp.create_document(draft())
    sent = [r for r in workshop.records if b"CreateReceivablesInvoice " in r.request_body]
    assert preview["body"].split("<soap-env:Body>")[1] in sent[-1].request_body.decode()
