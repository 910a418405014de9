"""Bad days with Business Central: each ends in its own error, in words, nothing lost or doubled.

Wrong settings stand in ``tests/connectors/test_pings.py``; what every ERP has in common stands in
``tests/contract/test_erp_bad_days.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget
from connectors.records import DocumentKind
from connectors.registry import SYSTEMS
from tests.contract.booking import agrees, booked, new_customer, whole
from tests.contract.drafts import document, goods, sale
from tests.contract.rigs.business_central import BusinessCentralRig

INVOICE = DocumentKind.SALES_INVOICE
ITEMS, INVOICES = "items$", "salesInvoices$"


@pytest.fixture(scope="module")
def running() -> Iterator[BusinessCentralRig]:
    rig = BusinessCentralRig()
    yield rig
    rig.stop()


@pytest.fixture
def bc(running: BusinessCentralRig) -> BusinessCentralRig:
    running.reset()
    return running


def refusal(status: int, code: str, message: str, **headers: str) -> dict[str, Any]:
    body = json.dumps({"error": {"code": code, "message": message}})
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"action": "status", "status": status, "body": body, "headers": named}


THROTTLED = (429, "Application_TooManyRequests", "Too many requests reached.")
READS: dict[str, tuple[dict[str, Any], tuple[type[ConnectorError], ...], str]] = {
    "429 with Retry-After": (refusal(*THROTTLED, retry_after="7"), (TryLater,), "limit"),
    "429 without Retry-After": (refusal(*THROTTLED), (TryLater,), "limit"),
    "500": (refusal(500, "Internal_ServerError", "An error occurred."), (TryLater,), "problem"),
    "502 with an HTML body": ({"action": "html"}, (TryLater,), "problem"),
    "503": ({"action": "status", "status": 503}, (TryLater,), "problem"),
    "504": ({"action": "status", "status": 504, "body": "<html/>"}, (TryLater,), "problem"),
    "dropped": ({"action": "drop"}, (TryLater,), "answer"),
    "slow": ({"action": "delay", "seconds": 5}, (TryLater,), "answer"),
    "half an answer": ({"action": "truncate"}, (TryLater, UnexpectedShape), ""),
    "malformed JSON": ({"action": "status", "status": 200, "body": "{no"}, (UnexpectedShape,), ""),
    "no list": ({"action": "status", "status": 200, "body": "{}"}, (UnexpectedShape,), "form"),
    "HTML": ({"action": "status", "status": 200, "body": "<p>"}, (UnexpectedShape,), "form"),
    "a row without its number": (
        {"action": "status", "status": 200, "body": '{"value": [{"id": "1"}]}'},
        (UnexpectedShape,),
        "form",
    ),
    "token refused for good": (
        refusal(401, "Authentication_InvalidCredentials", "The server has rejected the client."),
        (NeedsAttention,),
        "does not accept this application",
    ),
    "a missing permission": (
        refusal(
            403, "Authorization_RequestDenied", "The current permissions prevented the action."
        ),
        (NeedsAttention,),
        "lacks a permission",
    ),
    "an unknown company": (
        refusal(404, "Internal_CompanyNotFound", "The company is not found."),
        (NeedsAttention,),
        "company",
    ),
    "a tenant that is being updated": (
        refusal(503, "Internal_TenantUnavailable", "The tenant is not mounted."),
        (TryLater,),
        "problem",
    ),
}


@pytest.mark.parametrize("trouble", READS)
def test_a_read_that_goes_wrong(bc: BusinessCentralRig, trouble: str):
    does, expected, words = READS[trouble]
    adapter = bc.adapter(request_timeout_seconds="1")
    assert set(adapter.find_items(["TENT-2P-GRN"])) == {"TENT-2P-GRN"}
    bc.simulator.fault(**{"path": ITEMS, "times": None, **does})
    with pytest.raises(expected) as caught:
        bc.adapter(request_timeout_seconds="1").find_items(["TENT-2P-GRN"])
    assert words in caught.value.reason
    assert caught.value.reason.endswith(".")
    assert caught.value.advice
    if "429" in trouble:
        assert not caught.value.counts
        assert caught.value.retry_after >= timedelta(seconds=4)
    bc.simulator.post("faults/clear")
    bc.cache.values.clear()
    assert set(bc.adapter().find_items(["TENT-2P-GRN"])) == {"TENT-2P-GRN"}


WRITES: dict[str, tuple[dict[str, Any], type[ConnectorError]]] = {
    "an answer that is lost after the write": ({"action": "lose_reply"}, OutcomeUnknown),
    "slower than we wait": ({"action": "delay", "seconds": 3}, OutcomeUnknown),
    "dropped before the write": ({"action": "drop"}, OutcomeUnknown),
    "half an answer": ({"action": "truncate"}, OutcomeUnknown),
    "500": ({"action": "status", "status": 500}, OutcomeUnknown),
    "502 with an HTML body": ({"action": "html"}, OutcomeUnknown),
    "504": ({"action": "status", "status": 504, "body": "<html/>"}, OutcomeUnknown),
    "429": (refusal(*THROTTLED, retry_after="1"), TryLater),
    "a tenant that is being updated": (
        refusal(503, "Internal_TenantUnavailable", "The tenant is not mounted."),
        OutcomeUnknown,
    ),
    "another user holds the table": (
        refusal(400, "Internal_Error", "The table is locked by another user's session."),
        TryLater,
    ),
}


@pytest.mark.parametrize("trouble", WRITES)
def test_a_write_that_goes_wrong_leaves_one_document(bc: BusinessCentralRig, trouble: str):
    does, expected = WRITES[trouble]
    adapter, order = bc.adapter(request_timeout_seconds="1"), sale()
    draft = document(order, rig=bc, erp=adapter, customer=new_customer(bc, adapter, order))
    bc.simulator.fault(method="POST", path=INVOICES, **does)
    with pytest.raises(expected) as caught:
        adapter.create_document(draft)
    assert caught.value.reason.endswith(".")
    assert caught.value.advice
    bc.simulator.post("faults/clear")
    adapter = bc.adapter()
    wait_for_work(bc, trouble)
    if not adapter.find_documents(INVOICE, draft.reference):
        adapter.create_document(draft)
    agrees(adapter, draft, whole(adapter, draft))
    assert len(bc.of(draft.reference)) == 1
    assert not bc.duplicates()


def wait_for_work(bc: BusinessCentralRig, trouble: str) -> None:
    """A request that we gave up waiting for is still carried out."""
    if "slower" in trouble:
        import time

        deadline = time.monotonic() + 10
        while not bc.booked() and time.monotonic() < deadline:
            time.sleep(0.2)


def test_an_expired_token_is_renewed_once_also_for_a_write(bc: BusinessCentralRig):
    adapter, order = bc.adapter(), sale()
    draft = document(order, rig=bc, erp=adapter, customer=new_customer(bc, adapter, order))
    bc.simulator.post("tokens/expire")
    booked(bc, adapter, draft)
    assert len(bc.of(draft.reference)) == 1


def test_an_expired_secret_is_told_apart_from_a_wrong_one(bc: BusinessCentralRig):
    bc.simulator.post("settings", expire_secret="sandbox-entra-client-secret")
    with pytest.raises(NeedsAttention) as caught:
        bc.adapter().find_items(["TENT-2P-GRN"])
    assert "expired" in caught.value.reason
    assert caught.value.advice


def test_a_certificate_that_nobody_vouches_for_is_told_as_such(bc: BusinessCentralRig):
    system = SYSTEMS["business_central"]
    values = {setting.name: setting.default for setting in system.settings} | bc.values()
    kit = Kit(
        name="business_central",
        record=bc.calls.append,
        guard=AddressGuard(["127.0.0.0/8"]),
        budget=lambda limits: Budget(None, "business_central", limits),
        cache=bc.cache,
        ca_file="",
    )
    with pytest.raises(NeedsAttention) as caught:
        system.build(values, kit).find_items(["TENT-2P-GRN"])
    assert caught.value.code == "tls"
    assert "ertificate" in caught.value.reason


def test_an_empty_page_is_nobody(bc: BusinessCentralRig):
    assert bc.adapter().find_customers("nobody@example.com") == ()
    assert bc.adapter().find_documents(INVOICE, "WEB-0") == ()
    assert bc.adapter().find_items(["NO-SUCH"]) == {}


def test_a_page_that_leads_back_to_itself_is_noticed(bc: BusinessCentralRig):
    adapter = bc.adapter()
    adapter.find_items(["TENT-2P-GRN"])
    call = next(call for call in bc.calls if "/items" in call.url)
    body = json.loads(call.response_body) | {"@odata.nextLink": call.url}
    bc.simulator.fault("status", path=ITEMS, status=200, body=json.dumps(body), times=None)
    bc.calls.clear()
    with pytest.raises(UnexpectedShape) as caught:
        adapter.find_items(["TENT-2P-GRN"])
    assert "nextLink" in caught.value.field
    assert len(bc.calls) <= 3


@pytest.mark.parametrize(
    ("change", "more", "hold", "words"),
    [
        (("period", {"to": "2020-01-31"}), {}, "period_closed", "period that is closed"),
        (("customers", {"blocked": "All"}), {}, "customer_blocked", "customer is blocked"),
        (("items", {"number": "TENT-2P-GRN", "blocked": "1"}), {}, "item_blocked", "item of the"),
        (None, {"currency": "XTS"}, "lookup_missing", "currency"),
    ],
)
def test_refusals_become_holds_that_say_what_cures_them(
    bc: BusinessCentralRig, change, more, hold, words
):
    adapter, order = bc.adapter(), sale(**more)
    customer = new_customer(bc, adapter, order)
    draft = document(order, rig=bc, erp=adapter, customer=customer)
    if change:
        where, values = change
        values = {**values, "number": customer.number} if where == "customers" else values
        bc.simulator.post(where, **values)
    with pytest.raises(Rejected) as caught:
        found = booked(bc, adapter, draft)
        adapter.post_document(found.kind, found.external_id)
    assert caught.value.hold == hold, (caught.value.reason, caught.value.detail)
    assert words in caught.value.reason
    assert caught.value.advice
    assert all(row["status"] == "Draft" for row in bc.simulator.get("state")["invoices"])


def test_what_is_too_long_for_a_field_is_fitted_before_it_is_sent(bc: BusinessCentralRig):
    adapter = bc.adapter()
    order = sale(email=f"{'a' * 90}@example.com")
    customer = new_customer(bc, adapter, order)
    lines = (goods("TENT-2P-GRN", 1, "249.99"),)
    draft = document(sale(*lines), rig=bc, erp=adapter, customer=customer)
    booked(bc, adapter, draft)
    assert bc.customers() == 1
    assert len(bc.of(draft.reference)) == 1


def test_a_number_that_is_there_twice_is_told_and_no_third_is_made(bc: BusinessCentralRig):
    """Business Central does not keep the reference unique: a person keyed it a second time."""
    adapter, order = bc.adapter(), sale()
    customer = new_customer(bc, adapter, order)
    draft = document(order, rig=bc, erp=adapter, customer=customer)
    booked(bc, adapter, draft)
    adapter.create_document(draft)
    assert len(adapter.find_documents(INVOICE, draft.reference)) == 2
