"""Everything that goes wrong at the store, over HTTP: what it means, whose move it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from connectors.contract import Verdict
from connectors.errors import NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.stores.adobe_commerce import errors
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce

ORDERS = "/V1/orders"
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"consumer_key": "x" * 32}, "wrong_secret", "does not know the consumer key"),
        ({"consumer_key": "short"}, "wrong_secret", "does not know the consumer key"),
        ({"consumer_secret": "x" * 32}, "wrong_secret", "signature wrong"),
        ({"access_token": "x" * 32}, "wrong_secret", "access token"),
        ({"access_token_secret": "x" * 32}, "wrong_secret", "signature wrong"),
        ({"access_token": "short"}, "wrong_secret", "access token"),
        ({"access_token_secret": ""}, "settings", "lacks the access token secret"),
        ({"store_code": "nowhere"}, "settings", "no API under this address"),
        ({"edition": "saas"}, "settings", "lacks the IMS client ID"),
    ],
)
def test_each_wrong_value_of_an_integration_has_its_own_words(paas: Commerce, values, code, words):
    order = paas.place(kind="simple")
    store = paas.adapter(**values)
    with pytest.raises(NeedsAttention) as trouble:
        store.fetch_order(paas.key(order))
    assert trouble.value.code == code
    assert words in trouble.value.reason
    assert trouble.value.advice
    assert trouble.value.source == "store"
    (check,) = store.ping().failures
    assert (check.code, check.whose_move) == (code, "you")


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"ims_client_secret": "wrong-secret"}, "wrong_secret", "client ID or the client secret"),
        ({"ims_client_id": "another-client"}, "wrong_secret", "client ID or the client secret"),
        ({"ims_scopes": "openid,commerce.unknown"}, "wrong_secret", "scopes"),
        ({"ims_scopes": "openid"}, "wrong_secret", "IMS token"),
        ({"ims_org_id": "000000000000@AdobeOrg"}, "missing_permission", "may not use this instance"),
        ({"ims_client_secret": ""}, "settings", "lacks the IMS client secret"),
        ({"store_code": "nowhere"}, "settings", "no API under this address"),
    ],
)  # fmt: skip
def test_each_wrong_value_of_a_cloud_credential_has_its_own_words(
    saas: Commerce, values, code, words
):
    order = saas.place(kind="simple")
    store = saas.adapter(**values)
    with pytest.raises(NeedsAttention) as trouble:
        store.fetch_order(saas.key(order))
    assert trouble.value.code == code
    assert words in trouble.value.reason
    assert trouble.value.source == "store"
    (check,) = store.ping().failures
    assert check.code == code


def test_an_unknown_tenant_and_a_bare_gateway_are_told_as_settings(saas: Commerce):
    store = saas.adapter(api_url=f"{saas.simulator.api}/NoSuchTenant")
    (check,) = store.ping().failures
    assert check.code == "settings"
    saas.simulator.post("settings", permitted=False, gateway_body="empty")
    with pytest.raises(NeedsAttention):
        saas.adapter().fetch_order("1-000000001")


def test_a_revoked_integration_and_a_missing_resource_are_told_apart(paas: Commerce):
    order = paas.place(kind="simple")
    store = paas.adapter()
    paas.simulator.post("integrations", resources=["Magento_Backend::store"])
    with pytest.raises(NeedsAttention) as trouble:
        store.fetch_order(paas.key(order))
    assert trouble.value.code == "missing_permission"
    assert "Magento_Sales::actions_view" in trouble.value.reason
    paas.simulator.post("integrations", resources=None, revoked=True)
    with pytest.raises(NeedsAttention) as trouble:
        store.fetch_order(paas.key(order))
    assert trouble.value.code == "wrong_secret"


def test_store_views_that_may_not_be_read_do_not_stop_a_connection(paas: Commerce):
    paas.simulator.post("integrations", resources=["Magento_Sales::actions_view"])
    ping = paas.adapter().ping()
    assert ping.is_healthy
    assert {c.name: c for c in ping.checks}["Store views"].verdict is Verdict.SKIPPED


def test_a_store_view_that_is_not_there_fails_the_ping(paas: Commerce):
    (check,) = paas.adapter(store_ids="1,7").ping().failures
    assert (check.code, check.whose_move) == ("wrong_environment", "you")
    assert "1 (English)" in check.advice


def test_an_unreadable_webhook_key_and_keys_of_events_without_a_project_fail_the_ping(paas):
    (check,) = paas.adapter(webhook_public_key="ssh-rsa AAAA").ping().failures
    assert (check.name, check.code) == ("Webhook public key", "settings")
    keys = paas.simulator.get("keys")["event_keys"]
    checks = paas.adapter(events_public_keys=keys[0]["pem"] + keys[1]["pem"]).ping().checks
    assert [c.name for c in checks if c.verdict is Verdict.FAILED] == ["I/O Events project"]


def test_an_untrusted_certificate_is_told_as_such(paas: Commerce):
    store = AdobeCommerce.build(paas.settings(), paas.kit(ca_file=""))
    with pytest.raises(NeedsAttention) as trouble:
        store.fetch_order("1-000000001")
    assert trouble.value.code == "tls"


@pytest.mark.parametrize(
    ("fault", "expected", "words"),
    [
        ({"action": "status", "status": 500}, TryLater, "problem just now"),
        ({"action": "html"}, TryLater, "stands in front"),
        ({"action": "drop"}, TryLater, "did not answer"),
        ({"action": "throttle"}, TryLater, "request limit"),
        ({"action": "truncate"}, (TryLater, UnexpectedShape), ""),
        ({"action": "status", "status": 200, "body": "{not json"}, UnexpectedShape, "form"),
        ({"action": "status", "status": 200, "body": "[]"}, UnexpectedShape, "form"),
        ({"action": "status", "status": 200, "body": '{"items":[7]}'}, UnexpectedShape, "form"),
        ({"action": "status", "status": 302, "body": "", "headers": {"location": "/x"}},
         NeedsAttention, "redirect"),
        ({"action": "status", "status": 403, "body": "<h1>Blocked</h1>"}, NeedsAttention,
         "in front of the store"),
        ({"action": "status", "status": 404, "body": "<h1>Not here</h1>"}, NeedsAttention,
         "does not answer as Adobe Commerce"),
        ({"action": "status", "status": 400,
          "body": '{"message":"Decoding error: %1","parameters":["Syntax error"]}'},
         Rejected, "refused"),
        ({"action": "status", "status": 401, "body":
          '{"message":"An error occurred validating the nonce"}'}, NeedsAttention, "time of our calls"),
        ({"action": "status", "status": 401, "body":
          '{"message":"The nonce is already being used by the consumer with ID %1",'
          '"parameters":["65"]}'}, TryLater, "seen our call"),
        ({"action": "status", "status": 400, "body":
          '{"message":"Signature method %1 is not supported","parameters":["HMAC-SHA256"]}'},
         NeedsAttention, "HMAC-SHA256"),
    ],
)  # fmt: skip
def test_each_trouble_ends_in_its_own_error(paas: Commerce, fault, expected, words):
    order = paas.place(kind="simple")
    paas.simulator.fault(path=ORDERS, times=None, **fault)
    with pytest.raises(expected) as trouble:
        paas.adapter().fetch_order(paas.key(order))
    assert words in trouble.value.reason
    assert trouble.value.advice
    paas.simulator.post("faults/clear")
    assert paas.adapter().fetch_order(paas.key(order)).external_id == paas.key(order)


def test_placeholders_of_refusals_are_filled_in(paas: Commerce):
    paas.simulator.fault(
        "status", path=ORDERS, status=400,
        body='{"message":"No such %fieldName: %1","parameters":{"fieldName":"state","1":"x"}}',
    )  # fmt: skip
    with pytest.raises(Rejected) as trouble:
        paas.adapter().fetch_order("1-000000001")
    assert trouble.value.vendor_words == "No such state: x"


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "30"}, 30), ({}, 5)])
def test_throttling_is_waited_out_for_as_long_as_the_store_says(paas: Commerce, headers, seconds):
    paas.simulator.fault(
        "status", path=ORDERS, status=429, headers=headers,
        body='{"message":"Too Many Requests","trace":null}',
    )  # fmt: skip
    store = paas.adapter()
    with pytest.raises(TryLater) as trouble:
        store.fetch_order("1-000000001")
    assert trouble.value.counts is False
    assert trouble.value.retry_after is not None
    assert trouble.value.retry_after.total_seconds() == pytest.approx(seconds, abs=1)
    paas.calls.clear()
    with pytest.raises(TryLater):
        store.fetch_order("1-000000001")
    assert paas.calls == []


def test_a_store_that_is_slow_is_given_up_in_time(paas: Commerce):
    paas.simulator.fault("delay", path=ORDERS, seconds=3, times=None)
    began = time.monotonic()
    with pytest.raises(TryLater) as trouble:
        paas.adapter(request_timeout_seconds="1").fetch_order("1-000000001")
    assert trouble.value.code == "timeout"
    assert time.monotonic() - began < 6


def test_a_fatal_error_of_php_has_a_shape_of_its_own():
    from connectors.kit.http import Reply

    body = b'{"messages":{"error":[{"code":500,"message":"Fatal error: Allowed memory size"}]}}'
    error = errors.read_error("paas", "GET", "/V1/orders", Reply(500, {}, body, "GET /V1/orders"))
    assert isinstance(error, TryLater)
    assert error.vendor_words == "Fatal error: Allowed memory size"


def test_an_order_without_what_it_must_have_is_refused_by_name(paas: Commerce):
    order = paas.place(kind="simple")
    body = (
        '{"items":[{"entity_id":1,"increment_id":"' + order["increment_id"] + '","store_id":1,'
        '"created_at":"2026-01-01 00:00:00","order_currency_code":"GBP","items":[]}],'
        '"total_count":1}'
    )
    paas.simulator.fault("status", path=ORDERS, status=200, body=body)
    with pytest.raises(UnexpectedShape, match=r"order\.grand_total"):
        paas.adapter().fetch_order(paas.key(order))


def test_a_list_that_ignores_its_filters_gives_no_other_persons_order(paas: Commerce):
    other = paas.place(kind="simple")
    body = (
        '{"items":[{"entity_id":1,"increment_id":"' + other["increment_id"] + '","store_id":1}],'
        '"total_count":1}'
    )
    paas.simulator.fault("status", path=ORDERS, status=200, body=body)
    with pytest.raises(TryLater):
        paas.adapter().fetch_order("1-000000777")


def test_a_pause_between_pages_loses_nothing(paas: Commerce):
    paas.place(count=6, kind="simple")
    paas.simulator.fault("status", path=ORDERS, status=429, times=1, skip=1)
    store = paas.adapter(page_size="2")
    found = []
    with pytest.raises(TryLater):
        for page in store.changed_orders(since=LONG_AGO):
            found += [notice.external_id for notice in page]
    assert found == ["1-000000001", "1-000000002"]
    again = paas.adapter(page_size="2").changed_orders(since=LONG_AGO)
    assert len({notice.external_id for page in again for notice in page}) == 6
