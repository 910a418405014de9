"""Amounts, display values, infologs and records without an environment."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Target
from connectors.erps.finance_operations import (
    client,
    customers,
    free_text,
    items,
    orders,
    papers,
    payments,
    returns,
)
from connectors.erps.finance_operations.amounts import price_and_discount, price_for
from connectors.erps.finance_operations.countries import THREE_LETTERS, country_id
from connectors.erps.finance_operations.dimensions import (
    account_of,
    escaped,
    joined,
    mark_of,
    segments,
    values_of,
)
from connectors.erps.finance_operations.errors import infolog, parts, read_error
from connectors.erps.finance_operations.fields import TARGET_FIELDS
from connectors.erps.finance_operations.settings import Choices
from connectors.errors import NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.kit.http import Reply
from connectors.records import DocumentStatus
from tests.connectors.finance_operations.drafts import (
    CREDIT,
    INVOICE,
    charge,
    customer,
    draft,
    goods,
)

D = Decimal
MONEY = st.decimals(min_value="0.01", max_value="9999.9999", places=4)
CHOICES = Choices.of({"default_warehouse": "WEB", "customer_group": "WEB", "sales_account": "4011"})
SETUP = papers.Setup(choices=CHOICES, places=2, mark="-")


def rounded(amount: Decimal, places: int) -> Decimal:
    return amount.quantize(D(1).scaleb(-places), rounding=ROUND_HALF_UP)


@given(
    quantity=st.one_of(
        st.integers(1, 500).map(D), st.decimals(min_value="0.001", max_value="99", places=3)
    ),
    price=MONEY,
    share=st.decimals(min_value=0, max_value=1, places=3),
    places=st.sampled_from([0, 2, 3]),
    style=st.sampled_from(["unit", "line"]),
    include_tax=st.booleans(),
)
def test_a_line_comes_to_its_amount_by_their_own_arithmetic(
    quantity, price, share, places, style, include_tax
):
    line = replace(
        goods(quantity=str(quantity), ex=str(price)),
        discount_ex_tax=quantity * price * share,
        discount_inc_tax=quantity * price * D("1.2") * share,
    )
    unit, discount = price_and_discount(line, include_tax=include_tax, places=places, style=style)
    assert discount >= 0
    assert -unit.as_tuple().exponent <= 6
    net = line.amount_inc_tax if include_tax else line.amount_ex_tax
    if style == "unit":
        theirs = quantity * (unit - discount)
    else:
        theirs = quantity * unit - discount
    assert rounded(theirs, places) == rounded(net, places)


@given(
    quantity=st.integers(1, 2000).map(D), net=st.decimals(min_value=0, max_value=99999, places=2)
)
def test_a_price_is_found_for_an_amount(quantity, net):
    price = price_for(quantity, net, 2)
    assert price is not None
    assert rounded(quantity * price, 2) == net


@given(
    lines=st.lists(
        st.tuples(st.integers(-3, 9).filter(bool).map(D), MONEY), min_size=1, max_size=5
    ),
    sign=st.sampled_from(["quantity", "price"]),
    kind=st.sampled_from([INVOICE, CREDIT]),
)
def test_a_free_text_document_reads_back_as_it_was_drafted(lines, sign, kind):
    meant = draft(*(goods(quantity=str(q), ex=str(p)) for q, p in lines), kind=kind)
    paper = free_text.FreeText(kind)
    setup = replace(SETUP, choices=replace(CHOICES, credit_sign=sign))
    bodies = [line.body for line in paper.lines(meant, setup)]
    assert [body["LineNumber"] for body in bodies] == list(range(len(lines), 0, -1))
    rows = [
        {**b, "TransactionCurrencyAmount": rounded(b["Quantity"] * b["UnitPrice"], 2)}
        for b in bodies
    ]
    header = {**paper.header(meant, setup), "InvoiceIdentifier": 5637145331, "IsPosted": "No"}
    found = paper.read(header, rows, "-")
    assert found.is_complete
    assert found.total_ex_tax == sum(rounded(line.amount_ex_tax, 2) for line in meant.lines)
    assert not paper.read(header, rows[:-1], "-").is_complete


@given(
    values=st.lists(st.text("ab-_|~.", max_size=5), min_size=1, max_size=6),
    mark=st.sampled_from(["-", ".", "_", "|", "~", "--", "||"]),
)
def test_display_values_come_apart_as_they_were_joined(values, mark):
    text = joined(values, mark)
    trimmed = list(values)
    while trimmed and not trimmed[-1]:
        trimmed.pop()
    if len(mark) == 1:
        assert segments(text, mark) == (trimmed or [""])
        assert account_of(escaped(values[0], mark), mark) == values[0]


def test_display_values_as_recorded():
    assert escaped("DAT-000011", "-") == "DAT\\-000011"
    assert account_of("RFI\\-OPER", "-") == "RFI-OPER"
    assert joined(["", "022", "", "007"], "-") == "-022--007"
    assert mark_of("DoubleUnderscore") == "__"
    with pytest.raises(UnexpectedShape):
        mark_of("Comma")
    assert values_of({"dimension_2": "022"}, ["A", "B", "C"]) == ["", "022", ""]
    with pytest.raises(NeedsAttention):
        values_of({"dimension_1": "007"}, [])


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("Infolog: Warning: The value 'B2C' in field 'Customer group' is not found in the related "
         "table 'Customer groups'.; Warning: validateField failed on field "
         "'CustCustomerV3Entity.CustomerGroupId'.",
         ("The value 'B2C' in field 'Customer group' is not found in the related table 'Customer "
          "groups'.",)),
        ("Infolog: Error: Inventory dimension Site is mandatory and must consequently be specified"
         ".; Error: Update has been canceled..",
         ("Inventory dimension Site is mandatory and must consequently be specified.",)),
        ("Infolog: Info: Cannot create a record in Customer groups (CustGroup). Customer group: "
         "Batch2, a; b.\nThe record already exists..",
         ("Cannot create a record in Customer groups (CustGroup). Customer group: Batch2, a; b. "
          "The record already exists.",)),
        ("Exception has been thrown by the target of an invocation.",
         ("Exception has been thrown by the target of an invocation.",)),
    ],
)  # fmt: skip
def test_an_infolog_is_cleaned(log, words):
    assert (
        infolog(f"Write failed for table row of type 'X'. {log}" if "Info" in log else log) == words
    )


def refusal(message: str, *, status: int = 400, kind: str = "AxODataWriteException") -> Reply:
    inner = {"message": message, "type": f"Microsoft.X.{kind}", "stacktrace": "   at Secret.Place"}
    body = {"error": {"code": "", "message": "An error has occurred.", "innererror": inner}}
    return Reply(status, {}, json.dumps(body).encode(), "POST /X")


def test_a_refusal_in_another_language_is_told_by_its_field():
    reply = refusal(
        "Infolog: Warning: Der Wert „X“ im Feld „Zahlungsbedingungen“ fehlt.; Warning: "
        "validateField failed on field 'SalesOrderHeaderV4Entity.PaymentTermsName'."
    )
    error = read_error("POST", "/SalesOrderHeadersV4", reply)
    assert isinstance(error, Rejected)
    assert (error.hold, "PaymentTermsName" in error.reason) == ("lookup_missing", True)
    gone = refusal("Infolog: Warning: Weg.; Warning: validateField failed on field 'X.ItemNumber'.")
    assert read_error("POST", "/SalesOrderLinesV3", gone).code == "identity_gone"


def test_a_stack_trace_is_never_kept():
    words, raw, by_business = parts(refusal("Infolog: Error: No."))
    assert (words, by_business) == ("No.", True)
    assert "Secret" not in words + raw


def test_an_update_conflict_is_later():
    reply = refusal(
        "Infolog: Error: Cannot edit a record in Ledger journal table (LedgerJournalTable). An "
        "update conflict occurred due to another user process.",
        status=500,
    )
    assert isinstance(read_error("POST", "/CustomerPaymentJournalLines", reply), TryLater)


def test_keys_stay_out_of_the_detail():
    reply = refusal("Infolog: Error: No.")
    error = read_error("GET", "/CustomersV3(dataAreaId='acuk',CustomerAccount='ZOE')", reply)
    assert "ZOE" not in str(error)


@pytest.mark.parametrize(
    ("marks", "whole"),
    [
        ([], False),
        (["1/2"], False),
        (["2/2", "1/2"], True),
        (["1/1", "", "x"], True),
        (["", "manual"], True),
        (["0/1", "3/2"], True),
    ],
)
def test_lines_tell_whether_they_are_all_there(marks, whole):
    assert papers.all_there(marks) is whole


def test_an_order_says_nothing_of_what_the_customer_has():
    body = orders.SalesOrder("SalesOrderHeadersV4", "SalesOrderLinesV3").header(
        replace(draft(), fields={}), SETUP
    )
    assert set(body) == {
        "OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber", "CurrencyCode",
        "CustomersOrderReference", "RequestedShippingDate", "ArePricesIncludingSalesTax",
        "DefaultShippingWarehouseId",
    }  # fmt: skip


def test_an_item_priced_for_a_hundred_is_priced_for_one():
    paper = orders.SalesOrder("SalesOrderHeadersV4", "SalesOrderLinesV3")
    line = goods(attributes={"price_quantity": "100", "ProductSizeId": "M"})
    (written,) = paper.lines(draft(line), SETUP)
    assert written.body["SalesPriceQuantity"] == 1
    assert written.body["ProductSizeId"] == "M"
    (written,) = paper.lines(draft(goods()), SETUP)
    assert "SalesPriceQuantity" not in written.body


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("None", DocumentStatus.DRAFT),
        ("Invoiced", DocumentStatus.POSTED),
        ("Canceled", DocumentStatus.CANCELED),
    ],
)
def test_an_order_without_lines_is_a_draft_until_it_is_closed(status, expected):
    paper = orders.SalesOrder("SalesOrderHeadersV4", "SalesOrderLinesV3")
    header = {"SalesOrderNumber": "000001", "SalesOrderStatus": status}
    found = paper.read(header, [], "")
    assert (found.status, found.is_complete) == (expected, status != "None")
    with pytest.raises(UnexpectedShape):
        paper.read({**header, "SalesOrderStatus": "Frozen"}, [], "")


def test_null_dates_are_none_and_noons_are_days():
    assert papers.day_of("1900-01-01T12:00:00Z") is papers.day_of("") is None
    assert papers.day_of("2026-07-23T12:00:00Z").isoformat() == "2026-07-23"
    with pytest.raises(UnexpectedShape):
        papers.day_of("soon")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T0004", None),
        ("T0004;", None),
        ("T0004;color", None),
        ("T0004;shade=Blue", None),
        ("T0004;Colour=Blue; size = M", (("color", "Blue"), ("size", "M"))),
    ],
)
def test_a_variant_row_is_read(text, expected):
    wanted = items.parse(text)
    assert (wanted.dimensions if wanted else None) == expected


def test_a_person_without_a_first_name_is_an_organization():
    body = customers.to_body(customer(first_name=""), CHOICES, "")
    assert (body["PartyType"], body["OrganizationName"]) == ("Organization", "Zoë O'Neil")
    assert "PersonLastName" not in body
    body = customers.to_body(customer(), replace(CHOICES, sales_tax="customer"), "-022")
    assert (body["SalesTaxGroup"], body["DefaultDimensionDisplayValue"]) == ("GB-DOM", "-022")
    assert "OrganizationName" not in body
    with pytest.raises(NeedsAttention):
        customers.to_body(customer(), replace(CHOICES, customer_group=""), "")


def test_countries():
    assert len(THREE_LETTERS) == 249
    assert country_id("", "gb") == "GBR"
    assert country_id("UK", "GB") == "UK"
    assert country_id("", "XX") == country_id("", "") == ""


def test_every_field_of_a_target_has_a_place():
    names = {field.name for field in TARGET_FIELDS[Target.INVOICE]}
    read = set(orders._HEADER) | set(orders._SHIP_TO)
    assert read <= names
    assert {name for name in names if name.startswith("ship_to_")} - read == {
        "ship_to_street_1", "ship_to_street_2", "ship_to_country", "ship_to_country_iso",
    }  # fmt: skip
    assert set(customers._PROPERTIES) <= {field.name for field in TARGET_FIELDS[Target.CUSTOMER]}


def contracts() -> dict[str, dict[str, object]]:
    folder = os.environ.get("CONTRACTS_DIR")
    if not folder:
        pytest.skip("the vendor's contracts are not at hand")
    text = (Path(folder) / "finance_operations" / "entities.json").read_text()
    return json.loads(text)["entities"]


def test_every_property_that_is_sent_or_read_is_in_the_vendors_sheet():
    known = contracts()
    setup = replace(
        SETUP,
        dimension="-022",
        choices=replace(
            CHOICES, sales_tax="document", return_reason="R", return_disposition="C", site="1"
        ),
    )
    fields = {field.name: "x" for field in TARGET_FIELDS[Target.INVOICE]}
    line = goods(
        quantity="3", discount="1", attributes=dict.fromkeys(items.DIMENSIONS.values(), "x"),
        tax_code="FULL", unit_of_measure="ea", warehouse="WEB",
    )  # fmt: skip
    meant = draft(line, charge(), fields=fields)
    order = orders.SalesOrder("SalesOrderHeadersV2", "SalesOrderLinesV3")
    for paper in (order, free_text.FreeText(CREDIT), returns.ReturnOrder()):
        _known(known, paper.header_entity, {*paper.header(meant, setup), *paper.header_select})
        used = set(paper.line_select) | {
            name for new in paper.lines(meant, setup) for name in new.body
        }
        _known(known, paper.line_entity, used)
    _known(known, payments.LINES, {*payments._LINE, *payments.line_body(_paid(), "-")})
    _known(known, payments.HEADERS, set(payments._HEADER))
    _known(known, items.PRODUCTS, set(items._PRODUCT))
    _known(known, items.VARIANTS, set(items._VARIANT))
    body = customers.to_body(customer(state="X", payment_terms="N", language="de"), CHOICES, "x")
    _known(known, customers.ENTITY, {*body, *customers.SELECT})
    assert {*client.ORDER_HEADERS, *client.ORDER_LINES, client.INVOICES[0]} <= set(known)


def _paid():
    from tests.connectors.finance_operations.drafts import payment

    return payment()


def _known(entities: dict, name: str, used: set[str]) -> None:
    properties = set(entities[name]["properties"]) | set(entities[name]["keys"])
    assert used <= properties, (name, sorted(used - properties))
