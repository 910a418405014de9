"""No two NAV servers are alike: other pages, lengths, settings and customers."""

from __future__ import annotations

import pytest

from connectors.errors import Rejected
from connectors.records import DocumentKind
from sync.comparison import compare
from tests.connectors.nav.drafts import charge, customer, draft, goods
from tests.support import nav as support

INVOICE, CREDIT = DocumentKind.SALES_INVOICE, DocumentKind.CREDIT_MEMO
HEADERS, LINES = "SalesInvoice$", "SalesInvoiceSalesLines$"


def test_pages_that_differ_are_followed_and_renamed_services_too(nav):
    for hidden in ("GTIN", "Price_Includes_VAT"):
        nav.simulator.post("pages", service="Item", hide=hidden)
    nav.simulator.post("pages", service="SalesInvoice", **{"as": "Web_Invoice"})
    nav.set(escaped_enums=True)
    erp = nav.build(service_invoice="Web_Invoice")
    assert not erp.ping().failures
    assert erp.find_items_by_gtin(["5000123453993"]) == {}
    external_id = erp.create_document(draft())
    (found,) = erp.find_documents(INVOICE, "WEB-100045")
    assert [line.kind.value for line in found.lines] == ["item", "account"]
    assert found.external_id == external_id
    credit = erp.create_document(draft(kind=CREDIT, reference="WEB-R1"))
    assert erp.read_document(CREDIT, credit).kind is CREDIT


def test_a_field_that_is_taken_off_its_page_is_named_by_the_ping(nav):
    nav.simulator.post("pages", service="PostedSalesInvoice", hide="External_Document_No")
    nav.simulator.post("pages", service="SalesOrderSalesLines", hide="Unit_Price")
    (failed,) = nav.build().ping().failures
    assert "“PostedSalesInvoice” does not show External_Document_No." in failed.words
    assert "The lines of “SalesOrder” do not show Unit_Price." in failed.words


def test_without_ledger_setup_the_currency_of_the_books_must_be_entered(nav):
    nav.simulator.post("pages", service="GeneralLedgerSetup", withdraw=True)
    (failed,) = nav.build().ping().failures
    assert failed.name == "Currency of the books"
    erp = nav.build(local_currency="GBP")
    assert not erp.ping().failures
    assert erp.posting_allowed(draft().posting_date) is None
    erp.create_document(draft())
    assert nav.state()["drafts"][0]["currencyCode"] == ""


def test_a_period_that_opens_is_seen_at_once(nav):
    erp, day = nav.build(), draft().posting_date
    assert erp.posting_allowed(day) is True
    nav.simulator.post("period", to="2020-01-31")
    assert erp.first_open_day(day) is None
    assert erp.posting_allowed(day) is False
    nav.simulator.post("period", to=None)
    assert erp.posting_allowed(day) is True


def test_beta_books_no_refunds_and_says_so(beta):
    erp = beta.build()
    ping = erp.ping()
    assert ping.is_healthy, ping.failures
    assert any("invoices only" in check.words for check in ping.checks)
    with pytest.raises(Rejected) as caught:
        erp.find_documents(CREDIT, "WEB-R1")
    assert caught.value.hold == "mapping"
    assert "page services" in caught.value.advice


def test_records_without_ids_are_told_by_the_ping(beta):
    beta.set(integrated=False)
    (failed,) = beta.build().ping().failures
    assert "Integrate APIs" in failed.advice


def test_new_customers_are_marked_for_finance(nav, later):
    made = nav.build().create_customer(customer())
    rows = support.Pages(nav.simulator, support.session(nav.tls, (support.NAME, support.PASSWORD)))
    (row,) = rows.get("Customer", filter=f"No eq '{made.number}'")
    assert (row["Search_Name"], row["Address_2"]) == ("VERIFY ZOË O'NEIL", "Flat 2")
    plain = nav.build(verify_field="-").create_customer(customer(email="b@example.com"))
    (row,) = rows.get("Customer", filter=f"No eq '{plain.number}'")
    assert row["Search_Name"] == "ZOË O'NEIL"
    other = later.build(verify_field="website", verify_text="new").create_customer(customer())
    assert other.email == "zoe.o'neil@example.com"


def test_one_address_among_several_is_found_and_a_part_of_one_is_not(nav):
    nav.simulator.post("customers", displayName="Two", email="a.zoe@example.com; zoe@example.com")
    erp = nav.build()
    assert [c.name for c in erp.find_customers("ZOE@example.com")] == ["Two"]
    assert erp.find_customers("oe@example.com") == ()
    assert erp.find_customers("x" * 80 + "@example.com") == ()


def test_long_words_are_shortened_to_the_page_and_codes_are_not(nav):
    nav.simulator.post("pages", service="Customer", field="Name", length=20)
    made = nav.build().create_customer(customer(display_name="N" * 50))
    assert made.name == "N" * 20
    with pytest.raises(Rejected) as caught:
        nav.build().create_customer(customer(fields={"country": "C" * 11}))
    assert caught.value.hold == "mapping"


def test_pages_without_totals_are_compared_by_their_lines(nav):
    for name in ("Total_Amount_Incl_VAT", "Total_VAT_Amount"):
        nav.simulator.post("pages", service="SalesInvoiceSalesLines", hide=name)
    erp, meant = nav.build(), draft(goods(quantity="3", inc="24.975"), charge())
    erp.create_document(meant)
    (found,) = erp.find_documents(INVOICE, meant.reference)
    assert not found.has_totals
    assert compare(meant, found, places=2).agrees


def test_what_the_page_services_matched_is_used_by_the_api_too(later):
    """A connection whose interface was changed: numbers stand where the API has ids."""
    erp = later.build()
    external_id = erp.create_document(draft(goods(item_id="TENT-2P-GRN"), charge()))
    assert erp.read_document(INVOICE, external_id).lines[0].number == "TENT-2P-GRN"
