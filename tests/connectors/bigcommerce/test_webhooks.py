"""Deliveries: which are believed, what they tell, and which are the same event."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from connectors.contract import DeliveryRefused
from connectors.stores.bigcommerce.connector import BigCommerce

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SECRET = "8f2d1c7b5e4a39d0c6b1a2f3e4d5c6b7"
LOCK = ("X-Hook-Secret", "our-own-second-lock")
VALUES = {"client_secret": SECRET, "hook_signature": "standard", "hook_window_seconds": "300"}


def event(**more: object) -> dict:
    return {
        "store_id": "1001",
        "producer": "stores/abc123",
        "scope": "store/order/updated",
        "data": {"type": "order", "id": 173331},
        "hash": "3f9ea420af83450d7ef9f78b08c8af25b2213637",
        "created_at": 1773144000,
        **more,
    }


def standard(body: bytes, *, secret: str = SECRET, at: datetime = NOW, message: str = "msg_1"):
    """Signed by the vendor-neutral library, which wants the raw secret in base64."""
    signer = Webhook(base64.b64encode(secret.encode()).decode())
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signer.sign(message, at, body.decode()),
    }


def direct(body: bytes, *, secret: str = SECRET, form: str = "hex") -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"x-bc-signature": digest.hex() if form == "hex" else base64.b64encode(digest).decode()}


def read(body: bytes, headers: dict[str, str], *, now: datetime = NOW, lock=LOCK, **values: str):
    return BigCommerce.read_delivery(
        values={**VALUES, **values},
        headers={LOCK[0].lower(): LOCK[1], **headers},
        body=body,
        now=now,
        secret_header=lock,
    )


def refused(*args, **more) -> str:
    with pytest.raises(DeliveryRefused) as caught:
        read(*args, **more)
    assert caught.value.words
    return caught.value.code


BODY = json.dumps(event()).encode()


def test_a_delivery_signed_as_the_standard_says_is_read():
    (notice,) = read(BODY, standard(BODY))
    assert (notice.record, notice.external_id, notice.event) == (
        "order",
        "173331",
        "store/order/updated",
    )
    assert notice.occurred_at == datetime.fromtimestamp(1773144000, UTC)


def test_a_signature_vector_made_by_hand():
    body = b'{"scope":"store/order/created","data":{"type":"order","id":5},"hash":"h"}'
    mac = hmac.new(SECRET.encode(), b"msg_7.1773144000." + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": "msg_7",
        "webhook-timestamp": "1773144000",
        "webhook-signature": f"v1a,AAAA v1,{base64.b64encode(b'other').decode()} "
        f"v1,{base64.b64encode(mac).decode()}",
    }
    assert read(body, headers, now=datetime.fromtimestamp(1773144000, UTC))


@pytest.mark.parametrize("seconds", [-299, 0, 299])
def test_inside_the_window_on_both_sides(seconds):
    assert read(BODY, standard(BODY, at=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_outside_the_window_on_both_sides(seconds):
    headers = standard(BODY, at=NOW + timedelta(seconds=seconds))
    assert refused(BODY, headers) == "timestamp_outside_window"
    assert read(BODY, headers, hook_window_seconds="100000")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (standard(BODY, secret="another"), "signature_wrong"),
        (standard(BODY + b" "), "signature_wrong"),
        ({**standard(BODY), "webhook-id": "msg_2"}, "signature_wrong"),
        ({**standard(BODY), "webhook-timestamp": "1773144001"}, "signature_wrong"),
        ({**standard(BODY), "webhook-timestamp": "²"}, "signature_wrong"),
        ({**standard(BODY), "webhook-signature": ""}, "signature_missing"),
        ({**standard(BODY), "webhook-signature": "v1,"}, "signature_wrong"),
        ({**standard(BODY), "webhook-signature": "v1,\xe9"}, "signature_wrong"),
        ({}, "signature_missing"),
        (direct(BODY), "signature_missing"),
    ],
)
def test_what_is_not_signed_by_the_standard_is_refused(headers, code):
    assert refused(BODY, headers) == code


@pytest.mark.parametrize("form", ["hex", "base64"])
@pytest.mark.parametrize("choice", ["x-bc-signature", "either"])
def test_the_other_form_in_hex_and_base64_where_the_connection_says_so(choice, form):
    assert read(BODY, direct(BODY, form=form), hook_signature=choice)
    wrong = direct(BODY, secret="another", form=form)
    assert refused(BODY, wrong, hook_signature=choice) == "signature_wrong"
    assert refused(BODY + b" ", direct(BODY, form=form), hook_signature=choice) == "signature_wrong"


def test_each_choice_takes_only_its_own_form():
    assert refused(BODY, standard(BODY), hook_signature="x-bc-signature") == "signature_missing"
    assert read(BODY, standard(BODY), hook_signature="either")
    # A wrong standard signature is not saved by the weaker form beside it.
    both = {**standard(BODY, secret="another"), **direct(BODY)}
    assert refused(BODY, both, hook_signature="either") == "signature_wrong"


@pytest.mark.parametrize("given", ["", "our-own-second-loc", "OUR-OWN-SECOND-LOCK"])
def test_our_own_header_must_come_back_and_never_opens_alone(given):
    headers = {**standard(BODY), "x-hook-secret": given}
    assert refused(BODY, headers) == "secret_header_wrong"
    assert refused(BODY, standard(BODY), lock=("X-Hook-Secret", "")) == "secret_header_wrong"
    assert refused(BODY, {}) == "signature_missing"


def test_a_connection_without_client_secret_believes_nothing():
    body = BODY
    headers = standard(body, secret=" ")
    assert refused(body, headers, client_secret="") == "signature_missing"


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{}", b'{"scope":"x"}', b'{"scope":"x","data":[]}', b'{"scope":"x","data":{"id":1}}'],
)  # fmt: skip
def test_a_body_that_is_no_event_is_refused_though_signed(body):
    assert refused(body, standard(body)) == "unreadable"


@pytest.mark.parametrize(
    "data",
    [
        {"type": "cart", "id": 1},
        {"type": "order", "id": "1/../2"},
        {"type": "order", "id": 0},
        {"type": "order", "id": "²"},
        {"type": "order", "id": "9" * 40},
    ],
)
def test_what_we_do_not_carry_is_accepted_and_tells_nothing(data):
    body = json.dumps(event(data=data, scope="store/cart/created")).encode()
    assert read(body, standard(body)) == ()


def notice_of(raw: dict, *, message: str = "msg_1", at: datetime = NOW, **values: str) -> str:
    body = json.dumps(raw).encode()
    headers = {**standard(body, at=at, message=message), **direct(body)}
    return read(body, headers, now=at, **values)[0].delivery_id


def test_a_redelivery_is_the_same_event_in_either_form():
    first = notice_of(event())
    assert notice_of(event(), at=NOW + timedelta(hours=14)) == first
    assert notice_of(event(), hook_signature="x-bc-signature") == first
    assert notice_of(dict(reversed(event().items()))) == first
    assert len(first) <= 200


@pytest.mark.parametrize(
    "other",
    [
        {"scope": "store/order/created"},
        {"data": {"type": "order", "id": 173332}},
        {"data": {"type": "order", "id": 173331, "status": {"new_status_id": 10}}},
        {"hash": "another"},
        # The vendor makes the hash of "data" alone: a later update of the order has the same one.
        {"created_at": 1773144001},
    ],
)
def test_two_events_are_never_taken_for_one(other):
    assert notice_of(event(**other)) != notice_of(event())


@given(st.binary(max_size=300), st.dictionaries(st.sampled_from(
    ["webhook-id", "webhook-timestamp", "webhook-signature", "x-bc-signature"]), st.text()))  # fmt: skip
def test_nothing_that_is_not_signed_gets_through(body, headers):
    with pytest.raises(DeliveryRefused):
        read(body, headers, hook_signature="either")


@pytest.mark.parametrize(
    ("scope", "data", "expected"),
    [
        ("store/product/updated", {"type": "product", "id": 205}, ("product", "205")),
        (
            "store/product/inventory/updated",
            {"type": "product", "id": 167, "inventory": {"product_id": 167, "value": 2}},
            ("product", "167"),
        ),
        (
            "store/sku/updated",
            {"type": "sku", "id": 461, "sku": {"product_id": 206, "variant_id": 509}},
            ("product", "206"),
        ),
        (
            "store/sku/inventory/updated",
            {"type": "sku", "id": 461, "inventory": {"product_id": 167, "variant_id": 509}},
            ("product", "167"),
        ),
        ("store/sku/updated", {"type": "sku", "id": 461}, None),
        (
            "store/customer/address/updated",
            {"type": "customer", "id": 60, "address": {"customer_id": 32}},
            ("customer", "32"),
        ),
        ("store/customer/updated", {"type": "customer", "id": 32}, ("customer", "32")),
    ],
)
def test_changes_of_parts_tell_of_the_product_or_customer_they_belong_to(scope, data, expected):
    body = json.dumps(event(scope=scope, data=data)).encode()
    notices = read(body, standard(body))
    assert [(row.record, row.external_id) for row in notices] == ([expected] if expected else [])
