"""Reading and mapping without any system: to the cent, whatever the figures."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import Target
from connectors.erps.business_central import documents
from connectors.erps.business_central.errors import read_error
from connectors.erps.business_central.fields import (
    CUSTOMER_PROPERTIES,
    DOCUMENT_PROPERTIES,
    TARGET_FIELDS,
)
from connectors.errors import (
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit.http import Reply
from connectors.records import DocumentKind, DraftLine, LineKind
from connectors.stores.bigcommerce import orders
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal
from sync.decide import ledger_date
from sync.rules import check_expression

CENT = Decimal("0.01")
money = st.decimals(min_value=0, max_value=5000, places=2)


@given(
    quantity=st.integers(1, 999),
    unit=st.decimals(min_value=0, max_value=5000, places=4),
    share=st.decimals(min_value=0, max_value=1, places=4),
)
def test_business_central_rounds_every_line_to_the_stores_amount(quantity, unit, share):
    discount = (quantity * unit * share).quantize(CENT, rounding=ROUND_HALF_UP)
    line = DraftLine(
        kind=LineKind.ITEM,
        number="X",
        description="",
        quantity=Decimal(quantity),
        unit_price_ex_tax=unit,
        unit_price_inc_tax=unit,
        discount_ex_tax=discount,
        discount_inc_tax=discount,
    )
    price, given_discount = documents.price_and_discount(line, include_tax=True, places=2)
    booked = (quantity * price).quantize(CENT, rounding=ROUND_HALF_UP) - given_discount
    assert booked == line.amount_inc_tax.quantize(CENT, rounding=ROUND_HALF_UP)
    assert given_discount >= 0
    assert price == price.quantize(Decimal("0.00001"))


def place(spec: dict) -> dict:
    account = {"token": "t", "store_hash": "h", "client_id": "c", "client_secret": "s"}
    store = BigCommerceStore(Journal(None), Clock(), seed=1, account=account)
    order = store.place(spec)
    groups = {"shipping": [{**row, "line_items": order["products"]} for row in order["shipping"]]}
    text = {k: v for k, v in order.items() if k not in ("transactions", "refunds")}
    return json.loads(json.dumps({**text, "consignments": groups}, default=str))


specs = st.fixed_dictionaries(
    {
        "tax_inclusive": st.booleans(),
        "lines": st.lists(
            st.builds(
                lambda price, quantity, mode: {
                    "sku": "TENT-2P-GRN",
                    "quantity": quantity,
                    "price_inc_tax": str(price),
                    "price_ex_tax": str(price),
                },
                st.decimals(min_value=Decimal("0.05"), max_value=2000, places=2),
                st.integers(1, 40),
                st.none(),
            ),
            min_size=1,
            max_size=5,
        ),
        "shipping": money.map(str),
        "handling": money.map(str),
        "country": st.sampled_from(["GB", "DE"]),
        "coupon": st.none() | st.builds(lambda p: {"code": "C", "percent": p}, st.integers(1, 90)),
        "fees": st.lists(money.map(lambda a: {"name": "Fee", "amount": str(a)}), max_size=2),
    }
)


@given(specs)
def test_an_order_reads_so_that_lines_and_charges_are_its_total(spec):
    raw = place(spec)
    order = orders.to_order(raw)
    assert order.lines_total_inc_tax == Decimal(raw["total_inc_tax"])
    assert order.total_ex_tax + order.total_tax == order.total_inc_tax
    for line in order.lines:
        # In the other mode a unit's own rounding may differ from the line's by a cent.
        own = line.discount_inc_tax if order.prices_include_tax else line.discount_ex_tax
        assert own >= 0


@given(st.decimals(min_value=0, max_value=10**6, places=2), st.lists(money, min_size=1, max_size=9))
def test_shares_of_a_discount_add_up_exactly(amount, weights):
    parts = orders.share(amount, weights)
    assert sum(parts) == (amount if sum(weights) else 0)


def test_money_keeps_every_digit_and_a_guest_has_no_number():
    raw = place({"lines": [{"sku": "TENT-2P-GRN", "quantity": 1}], "customer": {"guest": True}})
    raw["total_inc_tax"] = "316.5001"
    order = orders.to_order(raw)
    assert order.total_inc_tax == Decimal("316.5001")
    assert order.customer.is_guest


@pytest.mark.parametrize(
    ("at", "zone", "cut_off", "day"),
    [
        ("2026-06-30T23:30:00+00:00", "Europe/London", "00:00", "2026-07-01"),
        ("2026-12-31T23:30:00+00:00", "Europe/London", "00:00", "2026-12-31"),
        ("2026-01-01T03:00:00+00:00", "America/New_York", "00:00", "2025-12-31"),
        ("2026-03-10T18:00:00+00:00", "Europe/London", "17:30", "2026-03-11"),
    ],
)
def test_the_ledger_date_is_the_day_in_the_companys_own_time_zone(at, zone, cut_off, day):
    order = orders.to_order(
        {**place({"lines": [{"sku": "TENT-2P-GRN", "quantity": 1}]}), "date_created": at}
    )
    found = ledger_date(
        order,
        zone=zone,
        cut_off=time.fromisoformat(cut_off),
        source="placed",
        today=datetime.now(UTC).date(),
    )
    assert found.isoformat() == day


def reply(status: int, code: str, message: str) -> Reply:
    body = {
        "error": {
            "code": code,
            "message": f"{message}  CorrelationId:  {'0' * 8}-0000-0000-0000-{'0' * 12}.",
        }
    }
    return Reply(status, {}, json.dumps(body).encode(), "test")


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "hold"),
    [
        (400, "Application_DialogException", "Posting Date is not within your range of allowed posting dates.", Rejected, "period_closed"),
        (400, "Application_DialogException", "You cannot create this type of document when Customer C1 is blocked with type All", Rejected, "customer_blocked"),
        (400, "Application_FieldValidationException", "Blocked must be equal to 'No' in Item: No.=1000. Current value is 'Yes'.", Rejected, "item_blocked"),
        (400, "Application_FieldValidationException", "Customer Posting Group must have a value in Customer: No.=C1. It cannot be zero or empty.", Rejected, ""),
        (400, "Application_DialogException", "The operation could not complete because a record in the Sales Header table was locked by another user.", TryLater, ""),
        (401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.", NeedsAttention, ""),
        (403, "Authorization_RequestDenied", "You do not have permission.", NeedsAttention, ""),
        (409, "Request_EntityChanged", "Another user has already changed the record.", TryLater, ""),
        (429, "Unknown", "Too many requests.", TryLater, ""),
        (504, "", "", OutcomeUnknown, ""),
        (408, "", "", OutcomeUnknown, ""),
    ],
)  # fmt: skip
def test_a_refusal_of_business_central_means_what_happens_next(status, code, message, kind, hold):
    error = read_error("POST", "/salesInvoices", reply(status, code, message))
    assert type(error) is kind
    assert getattr(error, "hold", "") == hold
    assert "CorrelationId" not in error.vendor_words


def test_built_in_mappings_are_valid_expressions():
    for fields in TARGET_FIELDS.values():
        for field in fields:
            assert not field.builtin or check_expression(field.builtin) is None, field.name


CONTRACTS = os.environ.get("CONTRACTS_DIR", "")


@pytest.mark.skipif(not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts")
def test_what_is_sent_to_business_central_is_in_its_entity_sheet():
    sheet = json.loads(Path(CONTRACTS, "business_central", "api_v2_entities.json").read_text())
    lengths = {
        Target.CUSTOMER: ("customers", CUSTOMER_PROPERTIES),
        Target.INVOICE: ("salesInvoices", DOCUMENT_PROPERTIES),
    }
    for target, (entity, names) in lengths.items():
        properties = sheet["entities"][entity]["properties"]
        fields = {field.name: field for field in TARGET_FIELDS[target]}
        for ours, theirs in names.items():
            assert theirs in properties, theirs
            assert not properties[theirs].get("readOnly"), theirs
            longest = properties[theirs].get("maxLength")
            if longest:
                assert (fields[ours].max_length or 0) <= longest, theirs


@pytest.mark.parametrize("status", [" ", "Archived"])
def test_a_status_that_we_do_not_know_is_never_taken_for_a_draft(status):
    row = {
        "id": "1", "status": status, "totalAmountExcludingTax": 0, "totalTaxAmount": 0,
        "totalAmountIncludingTax": 0,
    }  # fmt: skip
    with pytest.raises(UnexpectedShape):
        documents.from_json(row, DocumentKind.SALES_INVOICE)


def test_a_write_that_ended_in_a_server_error_may_have_been_carried_out():
    broken = Reply(500, {"content-type": "text/html"}, b"<html>", "POST /x")
    assert isinstance(read_error("POST", "/x", broken), OutcomeUnknown)
    assert isinstance(read_error("GET", "/x", broken), TryLater)
