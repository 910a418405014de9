"""What every registered store does on a bad day, over real HTTP against its simulator."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.kit import Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget
from connectors.registry import SYSTEMS
from tests.support.rigs import Sold, StoreRig

ORDERS = "orders"
# What a reading of many pages may take at most before it must have noticed that nothing is new.
FEW_CALLS = 12


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def fault(action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, **more}


def status(code: int, body: str | None = None, **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {"action": "status", "status": code}
    if body is not None:
        found["body"] = body
    if headers:
        found["headers"] = {name.replace("_", "-"): value for name, value in headers.items()}
    return found


# trouble -> (what the store does, the error that it ends in, whether it is a failure of the store)
TROUBLES: dict[str, tuple[dict[str, Any], tuple[type[ConnectorError], ...], bool]] = {
    "429 with Retry-After": (status(429, "{}", retry_after="7"), (TryLater,), False),
    "429 without Retry-After": (status(429, "{}"), (TryLater,), False),
    "429 as the vendor sends it": (fault("throttle"), (TryLater,), False),
    "500": (status(500), (TryLater,), True),
    "502 with an HTML body": (fault("html"), (TryLater,), True),
    "503 with Retry-After": (status(503, "{}", retry_after="9"), (TryLater,), True),
    "dropped": (fault("drop"), (TryLater,), True),
    "half an answer": (fault("truncate"), (TryLater, UnexpectedShape), True),
    "malformed JSON": (status(200, '{"id": 1,'), (TryLater, UnexpectedShape), True),
    "HTML with status 200": (status(200, "<html>maintenance</html>"), (UnexpectedShape,), True),
    "a redirect": (status(302, "", location="/elsewhere"), (NeedsAttention,), True),
    "401": (status(401, '{"title": "Unauthorized"}'), (NeedsAttention,), True),
    "403": (status(403, '{"title": "Forbidden"}'), (NeedsAttention,), True),
    "400": (status(400, '{"message": "not so"}'), (Rejected,), True),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_ends_in_its_own_error_and_the_order_is_read_afterwards(
    store: StoreRig, trouble: str
):
    does, expected, counts = TROUBLES[trouble]
    placed = store.place()
    store.adapter().fetch_order(placed.key)  # a token that is fetched first is not the subject
    store.simulator.fault(path=ORDERS, times=None, **does)
    with pytest.raises(expected) as caught:
        store.adapter().fetch_order(placed.key)
    assert caught.value.reason.endswith(".")
    assert caught.value.advice
    assert "<" not in caught.value.reason + caught.value.advice
    if isinstance(caught.value, TryLater):
        assert caught.value.counts is counts
    if not counts:
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > timedelta(0)
    store.simulator.post("faults/clear")
    store.cache.values.clear()
    order = store.adapter().fetch_order(placed.key)
    assert (order.external_id, order.total_inc_tax) == (placed.key, placed.total)


@pytest.mark.parametrize(
    ("trouble", "seconds"), [("429 with Retry-After", 7), ("503 with Retry-After", 9)]
)
def test_a_store_that_names_a_time_is_left_alone_until_then(
    store: StoreRig, trouble: str, seconds: int
):
    placed = store.place()
    adapter = store.adapter()
    adapter.fetch_order(placed.key)
    store.simulator.fault(path=ORDERS, times=None, **TROUBLES[trouble][0])
    with pytest.raises(TryLater) as caught:
        adapter.fetch_order(placed.key)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= timedelta(seconds=seconds - 1)


def test_an_answer_that_comes_too_late_is_asked_for_again(store: StoreRig):
    """A read that is slow or whose answer is lost does no harm: it is repeated."""
    placed = store.place()
    adapter = store.adapter()
    adapter.fetch_order(placed.key)
    for action in ("lose_reply", "drop"):
        store.simulator.fault(action, path=ORDERS)
        assert adapter.fetch_order(placed.key).total_inc_tax == placed.total


def test_a_certificate_that_nobody_vouches_for_is_told_as_such(store: StoreRig):
    system = SYSTEMS[store.kind]
    values = {setting.name: setting.default for setting in system.settings} | store.values()
    kit = Kit(
        name=store.name,
        record=store.calls.append,
        guard=AddressGuard(["127.0.0.0/8"]),
        budget=lambda limits: Budget(None, store.name, limits),
        cache=store.cache,
        ca_file="",
    )
    with pytest.raises(NeedsAttention) as caught:
        system.build(values, kit).fetch_order("1-000000001")
    assert caught.value.code == "tls"
    assert "ertificate" in caught.value.reason


def test_a_host_that_is_not_there_is_told_and_nothing_is_given_up(store: StoreRig):
    values = {"api_url": "https://127.0.0.1:9/x"}
    with pytest.raises((TryLater, NeedsAttention)) as caught:
        store.adapter(**values).fetch_order(store.unknown_key)
    assert "reach" in caught.value.reason
    failures = store.adapter(**values).ping().failures
    assert failures
    assert failures[0].advice


def test_an_order_without_its_total_is_refused_by_the_fields_name(store: StoreRig):
    placed = store.place()
    adapter = store.adapter()
    adapter.fetch_order(placed.key)
    answer = next(call for call in store.calls if call.status == 200 and "orders" in call.url)
    body = json.loads(answer.response_body)
    order = body["items"][0] if "items" in body else body
    for name in ("total_inc_tax", "grand_total", "base_grand_total"):
        order.pop(name, None)
    store.simulator.fault(path=ORDERS, **status(200, json.dumps(body)))
    with pytest.raises(UnexpectedShape) as caught:
        store.adapter().fetch_order(placed.key)
    assert "total" in caught.value.field
    assert caught.value.reason


def test_an_order_in_a_currency_of_nowhere_keeps_its_code_and_its_figures(store: StoreRig):
    """The ERP knows which currencies there are; the store's word for one is never translated."""
    placed = store.place()
    adapter = store.adapter()
    adapter.fetch_order(placed.key)
    answer = next(call for call in store.calls if call.status == 200 and "orders" in call.url)
    body = answer.response_body.decode().replace(f'"{placed.currency}"', '"XTS"')
    store.simulator.fault(path=ORDERS, **status(200, body))
    order = store.adapter().fetch_order(placed.key)
    assert (order.currency, order.total_inc_tax) == ("XTS", placed.total)


def test_texts_of_any_length_are_read_whole(store: StoreRig):
    """Fields are fitted where they are written; a long one stops no reading."""
    placed = store.place(Sold(email=f"{'very-' * 12}long@example.com"))
    order = store.adapter().fetch_order(placed.key)
    assert order.customer.email == f"{'very-' * 12}long@example.com"


def test_an_empty_page_ends_the_reading(store: StoreRig):
    adapter = store.adapter()
    assert [n for page in adapter.changed_orders(since=an_hour_ago()) for n in page] == []
    assert [n for page in adapter.changed_refunds(since=an_hour_ago()) for n in page] == []
    assert adapter.makes_invoices is False or not [
        n for page in adapter.changed_invoices(since=an_hour_ago()) for n in page
    ]


@pytest.mark.parametrize(
    ("feed", "path"),
    [("changed_orders", "orders$"), ("changed_refunds", "creditmemos$|refunds$")],
)
def test_a_page_that_comes_again_and_again_is_noticed(store: StoreRig, feed: str, path: str):
    """A cache in front of the store answers each page with the first one."""
    placed = store.place(Sold(lines=(("SPORK-TI", 3),), shipping=Decimal(0)))
    store.refund(placed, "line")
    store.calls.clear()
    list(getattr(store.adapter(), feed)(since=an_hour_ago()))
    answer = next(
        call
        for call in store.calls
        if call.status == 200 and re.search(path, call.url.partition("?")[0])
    )
    body = full_page(json.loads(answer.response_body))
    store.simulator.fault(path=path, times=None, **status(200, body))
    store.calls.clear()
    told = [n for page in getattr(store.adapter(), feed)(since=an_hour_ago()) for n in page]
    assert len(store.calls) <= FEW_CALLS
    assert len({n.delivery_id for n in told}) >= 1


def full_page(body: Any) -> str:
    """As many rows as a page can hold, each with a key of its own."""
    rows = body if isinstance(body, list) else body.get("items", body.get("data"))
    first = rows[0]
    key = "entity_id" if "entity_id" in first else "id"
    many = [{**first, key: 10_000 + number} for number in range(250)]
    if isinstance(body, list):
        return json.dumps(many)
    body = {**body, ("items" if "items" in body else "data"): many}
    if "total_count" in body:
        body["total_count"] = 100_000
    return json.dumps(body)
