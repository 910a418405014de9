"""Lists read page by page, signatures and tokens renewed, and how many calls it takes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Verdict
from connectors.errors import Rejected, TryLater
from connectors.stores.adobe_commerce.ims import ImsTokens
from tests.connectors.adobe_commerce.conftest import Commerce

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def told(pages) -> list[str]:
    return [notice.external_id for page in pages for notice in page]


@pytest.mark.parametrize("past_last_page", ["empty", "repeat"])
@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_every_changed_order_is_told_once_and_the_reading_ends(
    paas: Commerce, count, past_last_page
):
    paas.simulator.post("settings", past_last_page=past_last_page)
    if count:
        paas.place(count=count, kind="simple")
    store = paas.adapter(page_size="5")
    found = told(store.changed_orders(since=LONG_AGO))
    assert len(found) == len(set(found)) == count
    assert len(paas.calls) <= count // 5 + 2


def test_a_page_that_changed_within_one_second_does_not_hold_up_the_rest(paas: Commerce):
    keys = []
    for second in range(3):
        when = f"2026-03-01 10:00:0{second}"
        for _ in range(4):
            keys.append(paas.key(paas.place(kind="simple", created_at=when)))
    store = paas.adapter(page_size="2")
    found = told(store.changed_orders(since=LONG_AGO))
    assert sorted(set(found)) == sorted(keys)
    assert len(paas.calls) < 30


def test_only_what_changed_since_is_told_in_utc_whole_seconds(paas: Commerce):
    paas.place(kind="simple")
    store = paas.adapter()
    later = datetime.now(UTC) + timedelta(minutes=5)
    assert told(store.changed_orders(since=later)) == []
    (notice,) = next(iter(store.changed_orders(since=LONG_AGO)))
    assert notice.occurred_at is not None
    assert notice.occurred_at.tzinfo is UTC
    assert notice.record == "order"
    assert "%20" in paas.calls[-1].url
    assert "+" not in paas.calls[-1].url.partition("?")[2]


def test_only_the_connected_store_views_are_read(paas: Commerce):
    for view in ("default", "de", "us_en"):
        paas.place(store=view, kind="simple")
    store = paas.adapter(store_ids="1, 3")
    assert sorted(told(store.changed_orders(since=LONG_AGO))) == ["1-000000001", "3-3000000001"]
    assert len(told(store.changed_invoices(since=LONG_AGO))) == 2
    with pytest.raises(Rejected, match="not carried"):
        store.fetch_order("2-2000000001")
    checks = {check.name: check for check in store.ping().checks}
    assert "English, US English" in checks["Store views"].words
    assert checks["Orders of these store views"].words.startswith("2 orders")


def test_invoices_and_credit_memos_are_told_by_the_key_of_their_order(commerce: Commerce):
    orders = [commerce.place(kind="simple", store=view) for view in ("default", "us_en")]
    for order in orders:
        commerce.simulator.post(f"orders/{order['entity_id']}/refund", kind="full")
    store = commerce.adapter()
    keys = sorted(commerce.key(order) for order in orders)
    assert sorted(told(store.changed_invoices(since=LONG_AGO))) == keys
    assert sorted(told(store.changed_refunds(since=LONG_AGO))) == keys
    notice = next(iter(store.changed_refunds(since=LONG_AGO)))[0]
    assert notice.record == "refund"


def test_an_order_takes_one_call_until_it_is_paid_and_two_from_then(commerce: Commerce):
    paid, unpaid = commerce.place(kind="simple"), commerce.place(payment="banktransfer")
    store = commerce.adapter()
    for order, calls in ((paid, 2), (unpaid, 1)):
        store.fetch_order(commerce.key(order))  # signs in, where the edition needs it
        commerce.simulator.post("requests/clear")
        before = len(commerce.calls)
        store.fetch_order(commerce.key(order))
        assert len(commerce.calls) - before == calls


def test_a_store_that_allows_smaller_pages_is_read_in_those(paas: Commerce):
    paas.place(count=7, kind="simple")
    paas.simulator.post("settings", input_limits=True, limit_page=3)
    store = paas.adapter(page_size="300")
    assert len(told(store.changed_orders(since=LONG_AGO))) == 7
    assert store.client.page_size == 3


@pytest.mark.parametrize("core", ["current", "laminas"])
def test_both_ways_in_which_versions_check_signatures_take_ours(paas: Commerce, core):
    paas.simulator.post("settings", core=core)
    order = paas.place(kind="configurable")
    store = paas.adapter(store_ids="1,2,3")
    assert store.fetch_order(paas.key(order)).external_id == paas.key(order)
    assert told(store.changed_orders(since=LONG_AGO)) == [paas.key(order)]


def test_a_repeated_read_is_signed_anew(paas: Commerce):
    order = paas.place(kind="simple")
    paas.simulator.fault("status", path="/V1/orders", status=503, body="<html>busy</html>")
    store = paas.adapter()
    assert store.fetch_order(paas.key(order)).external_id == paas.key(order)
    statuses = [call.status for call in paas.calls]
    assert statuses[:2] == [503, 200]


def test_one_token_serves_every_call_and_every_worker(saas: Commerce):
    order = saas.place(kind="simple")
    for _ in range(2):
        saas.adapter().fetch_order(saas.key(order))
    assert saas.simulator.get("state")["tokens_given"] - saas.tokens_before == 1


def test_a_token_that_the_gateway_forgot_is_asked_for_again_once(saas: Commerce):
    order = saas.place(kind="simple")
    store = saas.adapter()
    store.fetch_order(saas.key(order))
    saas.simulator.post("tokens/expire")
    saas.calls.clear()
    assert store.fetch_order(saas.key(order)).external_id == saas.key(order)
    assert [call.status for call in saas.calls] == [401, 200, 200, 200]


def test_a_token_is_renewed_before_it_ends_and_used_on_while_ims_is_down(saas: Commerce):
    values = saas.settings()
    tokens = ImsTokens(values, saas.kit())
    first = tokens.get()
    tokens._known = (first, time.time() + 300)
    saas.cache.values[tokens._key] = json.dumps([first, time.time() + 300])
    saas.simulator.fault("status", path="/ims/token", status=503, times=1)
    assert tokens.get() == first
    tokens._ask_again_at = 0
    assert tokens.get() != first


def test_a_changed_secret_does_not_find_the_token_of_the_old_one(saas: Commerce):
    assert ImsTokens(saas.settings(), saas.kit()).get()
    other = ImsTokens(saas.settings(ims_client_secret="another-secret"), saas.kit())
    with pytest.raises(Exception, match="token: 401"):
        other.get()


def test_secrets_never_reach_the_recorded_exchanges(commerce: Commerce):
    order = commerce.place(kind="simple")
    commerce.adapter().fetch_order(commerce.key(order))
    secrets = [
        value
        for name, value in commerce.values.items()
        if name.endswith("secret") or name == "access_token"
    ]
    assert secrets
    for call in commerce.calls:
        text = " ".join(
            [
                call.url,
                str(call.request_headers),
                str(call.response_headers),
                call.request_body.decode(),
                call.response_body.decode(errors="replace"),
            ]
        )
        assert not [secret for secret in secrets if secret in text]
        assert "oauth_signature" not in text
    tokens = [json.loads(kept)[0] for kept in commerce.cache.values.values()]
    assert not [t for t in tokens for call in commerce.calls if t.encode() in call.response_body]


def test_an_order_that_its_hook_announced_too_early_is_asked_for_again_soon(commerce: Commerce):
    with pytest.raises(TryLater) as early:
        commerce.adapter().fetch_order("1-000009999")
    assert early.value.code == "not_found"
    assert early.value.retry_after == timedelta(seconds=5)


def test_a_ping_proves_everything_that_a_route_needs(commerce: Commerce):
    ping = commerce.adapter().ping()
    assert ping.is_healthy
    assert {check.name for check in ping.checks} >= {
        "Sign in and read orders", "Read invoices", "Read credit memos", "Read transactions",
        "Store views", "Clock",
    }  # fmt: skip
    assert ping.facts["Base currency"] == "GBP, USD"
    assert ("de", "Deutsch") in ping.choices["store_code"]
    assert all(check.verdict is Verdict.OK for check in ping.checks)
