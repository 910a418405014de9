"""Orders into F&O over real HTTP: accepted, compared by lines, invoiced later by its batch jobs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.contract import Verdict
from connectors.errors import NeedsAttention, Rejected
from connectors.records import DocumentStatus, LineKind
from sync.comparison import compare
from tests.connectors.finance_operations.drafts import (
    CREDIT,
    INVOICE,
    ORDER,
    charge,
    customer,
    draft,
    goods,
)

D = Decimal


def test_a_ping_proves_the_connection_and_offers_the_legal_entities(build):
    ping = build().ping()
    assert not ping.failures, ping.failures
    assert ping.is_healthy, ping.checks
    assert ("acuk", "Acme Outdoor Ltd (acuk)") in ping.choices["legal_entity"]
    assert ping.facts["Sales order entity"] == "SalesOrderHeadersV4"
    assert ping.facts["Delimiter of dimensions"] == "-"
    names = {check.name: check.verdict for check in ping.checks}
    assert names["Financial dimensions"] is Verdict.OK
    assert names["Posting"] is Verdict.SKIPPED


def test_an_order_is_accepted_and_compared_by_its_lines(build, fo, workshop):
    erp = build()
    assert erp.find_documents(ORDER, "BC1-100045") == ()
    order = draft(
        goods("TENT-2P-GRN", "3", "33.333333", discount="1.50"),
        goods("SOCK-MER", "2", "9.99", attributes={"ProductSizeId": "M"}, rate="0"),
        charge("shipping", "6.00"),
        charge("discount", "-5.00", "DISCOUNT"),
    )
    workshop.records.clear()
    external_id = erp.create_document(order)
    assert workshop.calls == [
        ("GET", "Currencies"),
        ("POST", "SalesOrderHeadersV4"),
        *[("POST", "SalesOrderLinesV3")] * 4,
    ]
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    assert (found.external_id, found.status, found.is_complete) == (
        external_id, DocumentStatus.OPEN, True,
    )  # fmt: skip
    assert not found.has_totals
    assert [line.amount_ex_tax for line in found.lines] == [
        D("98.50"), D("19.98"), D("6.00"), D("-5.00"),
    ]  # fmt: skip
    assert compare(order, found, places=2).agrees
    (row,) = fo.get("state")["orders"]
    assert row["SalesOrderStatus"] == "Backorder"


def test_prices_with_tax_stay_with_tax(build):
    erp = build()
    order = draft(goods(quantity="7", ex="24.975", discount="0.005"), include_tax=True)
    erp.create_document(order)
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    assert found.prices_include_tax
    assert compare(order, found, places=2).agrees


@pytest.mark.parametrize("style", ["unit", "line"])
def test_discounts_come_to_the_line_in_either_style(build, fo, style):
    fo.post("settings", line_discount=style)
    erp = build(discount_style=style)
    order = draft(goods(quantity="7", ex="13.37", discount="3.33"), goods(discount="0.01"))
    erp.create_document(order)
    (found,) = erp.find_documents(ORDER, order.reference)
    assert compare(order, found, places=2).agrees


def test_the_wrong_style_is_seen(build, fo):
    erp = build(discount_style="line")
    order = draft(goods(quantity="2", discount="3.00"))
    erp.create_document(order)
    (found,) = erp.find_documents(ORDER, order.reference)
    assert compare(order, found, places=2).total.difference == D("3.00")


def test_the_invoice_number_is_read_once_the_batch_job_has_invoiced(build, fo):
    erp = build()
    number = erp.create_document(draft(goods(), charge()))
    assert erp.read_document(ORDER, number).status is DocumentStatus.OPEN
    fo.post("batch", split=True)
    assert erp.read_document(ORDER, number).status is DocumentStatus.OPEN
    fo.post("batch")
    posted = erp.read_document(ORDER, number)
    assert posted.status is DocumentStatus.POSTED
    assert posted.invoice_number == "CIV-000001, CIV-000002"
    assert posted.has_totals
    assert (posted.total_inc_tax, posted.total_tax) == (D("127.20"), D("21.20"))


def test_a_withdrawn_order_is_gone_and_one_that_is_invoiced_cannot_be_withdrawn(build, fo):
    erp = build()
    number = erp.create_document(draft())
    erp.discard_document(ORDER, number)
    erp.discard_document(ORDER, number)
    assert erp.find_documents(ORDER, "BC1-100045") == ()
    assert erp.read_document(ORDER, number) is None
    number = erp.create_document(draft())
    fo.post("batch")
    with pytest.raises(Rejected) as refused:
        erp.discard_document(ORDER, number)
    assert refused.value.hold == "totals_disagree"


def test_header_values_reach_the_order(build, fo, people):
    erp = build(sales_tax="document")
    number = erp.create_document(
        draft(
            fields={
                "warehouse": "MAIN",
                "payment_terms": "Net30",
                "payment_method": "CARD",
                "delivery_mode": "Express",
                "sales_tax_group": "EXPORT",
                "sales_origin": "Ecom",
                "dimension_1": "007",
                "dimension_3": "WEB-UK",
            }
        )
    )
    (row,) = people.find("SalesOrderHeadersV4", f"SalesOrderNumber eq '{number}'")
    assert row["DefaultShippingWarehouseId"] == "MAIN"
    assert row["DeliveryAddressStreet"] == "12 Mill Lane\nFlat 2"
    assert row["DeliveryAddressCountryRegionId"] == "GBR"
    assert row["DefaultLedgerDimensionDisplayValue"] == "007--WEB\\-UK"
    assert row["SalesTaxGroupCode"] == "EXPORT"
    assert row["RequestedShippingDate"] == "2026-03-02T12:00:00Z"
    assert (row["PaymentTermsName"], row["DeliveryModeCode"]) == ("Net30", "Express")
    assert row["CustomerRequisitionNumber"] == "100045"


def test_more_dimensions_than_the_format_are_never_sent(build):
    erp = build(dimension_format="CostCenter")
    with pytest.raises(NeedsAttention) as refused:
        erp.create_document(draft(fields={"dimension_2": "022"}))
    assert refused.value.code == "settings"


def test_a_charge_on_an_account_is_refused_for_an_order_before_anything_is_sent(build, workshop):
    erp = build()
    with pytest.raises(Rejected) as refused:
        erp.create_document(draft(goods(), charge(number="401200", kind=LineKind.ACCOUNT)))
    assert refused.value.keys == ("lookup:charges:shipping",)
    assert not [call for call in workshop.calls if call[0] == "POST"]


@pytest.mark.parametrize("versions", [["V2", "V3"], ["V2"]])
def test_older_order_entities_are_found(build, fo, versions):
    fo.post("settings", order_collections=versions)
    erp = build()
    number = erp.create_document(draft())
    assert erp.read_document(ORDER, number).lines
    assert erp.ping().facts["Sales order entity"] == f"SalesOrderHeaders{versions[-1]}"


def test_a_new_customer_and_the_same_again(build, people):
    erp = build()
    made = erp.create_customer(customer())
    assert made.number == "ACUK-000001"
    assert made.name == "Zoë O'Neil"
    assert erp.find_customers("ZOE@example.test") == (made,)
    assert erp.find_customers("*@example.test") == ()
    assert erp.find_customer_by_number("acuk-000001") == made
    (row,) = people.find("CustomersV3", "CustomerAccount eq 'ACUK-000001'")
    assert row["AddressCountryRegionId"] == "GBR"
    assert row["SalesTaxGroup"] == ""


def test_our_own_customer_numbers_and_a_number_that_is_taken(build, fo):
    fo.post("settings", customer_numbers="manual")
    erp = build(customer_numbers="manual", customer_prefix="WEB-")
    made = erp.create_customer(customer(7))
    assert made.number == "WEB-000007"
    assert erp.create_customer(customer(7)) == made
    with pytest.raises(Rejected) as refused:
        erp.create_customer(customer(7, email="other@example.test"))
    assert refused.value.code == "number_taken"


@pytest.mark.parametrize(("theirs", "ours"), [("manual", "automatic"), ("automatic", "manual")])
def test_numbering_that_the_setting_gets_wrong_is_named(build, fo, theirs, ours):
    fo.post("settings", customer_numbers=theirs)
    with pytest.raises(NeedsAttention) as refused:
        build(customer_numbers=ours).create_customer(customer())
    assert "customer accounts" in refused.value.advice


def test_items_are_found_by_number_variant_number_and_dimension_values(build, workshop):
    erp = build()
    found = erp.find_items(
        ["TENT-2P-GRN", "SOCK-MER-M", "SOCK-MER;size=L", "SOCK-MER", " SPARE-PEG", "NOPE", "TENT*"]
    )
    assert set(found) == {"TENT-2P-GRN", "SOCK-MER-M", "SOCK-MER;size=L", " SPARE-PEG"}
    assert found["SOCK-MER-M"].number == "SOCK-MER"
    assert found["SOCK-MER-M"].attributes["ProductSizeId"] == "M"
    assert found["SOCK-MER;size=L"].variant_id == "SOCK-MER-L"
    assert found["TENT-2P-GRN"].attributes["tax_item_group"] == "FULL"
    assert found["TENT-2P-GRN"].item_class == "Goods"
    assert found[" SPARE-PEG"].number == " SPARE-PEG"
    assert workshop.calls == [
        ("GET", "ReleasedProductsV2"),
        ("GET", "ReleasedProductVariantsV2"),
        ("GET", "ReleasedProductVariantsV2"),
    ]


def test_places_follow_the_currency(build):
    erp = build()
    assert [erp.places(code) for code in ("GBP", "JPY", "KWD", "XXX")] == [2, 0, 3, 2]


def test_free_text_invoice_for_a_company_without_inventory(build, fo):
    erp = build()
    sale = draft(
        goods("TENT-2P-GRN", "3", "33.333333", discount="1.50", tax_code="FULL"),
        charge("shipping", "6.00", tax_code="FULL"),
        charge("discount", "-5.00", "DISCOUNT", tax_code="FULL"),
        kind=INVOICE,
        fields={"dimension_1": "007", "dimension_3": "WEB-UK"},
    )
    identifier = erp.create_document(sale)
    (found,) = erp.find_documents(INVOICE, sale.reference)
    assert (found.external_id, found.status) == (identifier, DocumentStatus.DRAFT)
    assert [line.number for line in found.lines] == ["401100", "401200", "401200"]
    assert compare(sale, found, places=2).agrees
    fo.post("batch")
    posted = erp.read_document(INVOICE, identifier)
    assert posted.status is DocumentStatus.POSTED
    assert posted.invoice_number == "FTI-000001"
    assert (posted.total_inc_tax, posted.total_tax) == (sale.total_inc_tax, sale.total_tax)


@pytest.mark.parametrize("sign", ["quantity", "price"])
def test_a_refund_as_free_text_credit_note(build, fo, sign):
    fo.post("settings", fti_negative=sign)
    erp = build(credit_sign=sign)
    refund = draft(
        goods(quantity="2", ex="24.99", tax_code="FULL"),
        kind=CREDIT,
        reference="BC1-R9",
        include_tax=True,
    )
    identifier = erp.create_document(refund)
    (found,) = erp.find_documents(CREDIT, "BC1-R9")
    assert found.external_id == identifier
    assert compare(refund, found, places=2).agrees
    fo.post("batch")
    posted = erp.read_document(CREDIT, identifier)
    assert posted.invoice_number == "FTC-000001"
    assert posted.total_inc_tax == refund.total_inc_tax


def test_a_refund_as_return_order_and_found_as_either(build, fo):
    erp = build(refund_document="return_order")
    refund = draft(
        goods("SOCK-MER", "2", "9.99", attributes={"ProductSizeId": "M"}),
        charge("shipping", "3.00"),
        kind=CREDIT,
        reference="BC1-R9",
    )
    identifier = erp.create_document(refund)
    assert identifier.startswith("return;")
    (found,) = build().find_documents(CREDIT, "BC1-R9")
    assert (found.external_id, found.status) == (identifier, DocumentStatus.OPEN)
    assert compare(refund, found, places=2).agrees
    fo.post("batch")
    posted = build().read_document(CREDIT, identifier)
    assert posted.status is DocumentStatus.POSTED
    assert posted.invoice_number == "CCN-000001"
    assert posted.total_inc_tax > 0


def test_a_preview_shows_header_and_lines(build, fo):
    shown = build().preview(draft(goods(), charge()))
    assert shown["path"] == "/data/SalesOrderHeadersV4?cross-company=true"
    assert shown["body"]["dataAreaId"] == "acuk"
    assert [line["body"]["ItemNumber"] for line in shown["then"]] == ["TENT-2P-GRN", "FREIGHT"]
    assert fo.get("state")["orders"] == []
