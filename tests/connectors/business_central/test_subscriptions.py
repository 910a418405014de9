"""Change subscriptions over HTTP: the handshake, renewal, loss, and what a notification says."""

from __future__ import annotations

import json
import time

import pytest

from connectors.contract import DeliveryRefused
from connectors.erps.business_central.connector import BusinessCentral
from connectors.errors import Rejected
from tests.connectors.business_central.conftest import DESTINATION

STATE = "a-secret-that-only-we-know"
DAY = 86_400


@pytest.fixture
def subscribe(erp, receiver):
    return lambda known=(), state=STATE, to=DESTINATION: erp.subscribe(
        destination=to, client_state=state, known=known
    )


def held(environment) -> dict[str, dict]:
    return {row["subscriptionId"]: row for row in environment.get("state")["subscriptions"]}


def read(body: bytes, state: str = STATE):
    return BusinessCentral.read_notices(headers={}, body=body, client_state=state)


def wait_for(condition, seconds: float = 10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_they_are_made_once_and_left_alone(subscribe, environment, workshop):
    made = subscribe()
    assert [one.resource for one in made] == ["items", "customers"]
    assert {one.external_id for one in made} == set(held(environment))
    assert {row["clientState"] for row in held(environment).values()} == {STATE}
    again = subscribe(known=[one.external_id for one in made])
    assert again == made
    assert [r.method for r in workshop.records if "/subscriptions" in r.url] == [
        "GET", "POST", "POST", "GET",
    ]  # fmt: skip


def test_they_are_renewed_well_before_they_end(subscribe, environment):
    made = subscribe()
    environment.post("clock", advance_seconds=DAY)
    assert subscribe() == made
    environment.post("clock", advance_seconds=DAY)
    renewed = subscribe()
    assert [one.external_id for one in renewed] == [one.external_id for one in made]
    assert all(new.expires_at > old.expires_at for new, old in zip(renewed, made, strict=True))


def test_those_that_ended_or_were_lost_are_made_again(subscribe, environment):
    made = subscribe()
    environment.post("clock", advance_seconds=4 * DAY)
    wait_for(lambda: not held(environment))
    again = subscribe(known=[one.external_id for one in made])
    assert {one.external_id for one in again}.isdisjoint(one.external_id for one in made)
    environment.post("subscriptions", act="lose")
    assert len(subscribe()) == len(held(environment)) == 2


def test_a_changed_secret_or_address_is_carried_over(subscribe, environment, receiver):
    made = subscribe()
    subscribe(state="another-secret")
    assert {row["clientState"] for row in held(environment).values()} == {"another-secret"}
    environment.post("deliver-to", host="new.example", url=receiver.url)
    moved = subscribe(known=[one.external_id for one in made], to="https://new.example/hooks/x/")
    assert {row["notificationUrl"] for row in held(environment).values()} == {
        "https://new.example/hooks/x/"
    }
    assert len(moved) == 2


def test_somebody_elses_subscription_at_another_address_is_left(
    subscribe, environment, erp, receiver
):
    environment.post("deliver-to", host="other.example", url=receiver.url)
    subscribe(to="https://other.example/theirs")
    subscribe()
    assert len(held(environment)) == 4


def test_an_address_that_does_not_answer_the_handshake_is_told(subscribe, environment, receiver):
    receiver.answers_handshake = False
    with pytest.raises(Rejected) as caught:
        subscribe()
    assert caught.value.code == "subscription"
    assert "validation token" in caught.value.vendor_words
    assert held(environment) == {}


@pytest.mark.parametrize("token", ["", "x" * 501, "a\nb", "é"])
def test_only_a_plain_token_is_given_back(token):
    query = {"validationToken": token}
    answer = BusinessCentral.handshake(values={}, method="POST", query=query, headers={}, body=b"")
    assert answer is None


def test_a_change_is_told_after_its_delay_merged_into_one(subscribe, environment, receiver):
    made = {one.resource: one.external_id for one in subscribe()}
    environment.post("settings", notice_seconds=0.6)
    for price in ("10.00", "11.00", "12.00"):
        environment.post("items", number="MUG-450", price=price)
    number = environment.post("customers", displayName="Jane")["number"]
    wait_for(lambda: receiver.bodies)
    (body,) = receiver.bodies  # both subscriptions share an address and a body
    item, customer = sorted(read(body), key=lambda notice: notice.record, reverse=True)
    mug = environment.get("items/MUG-450")
    assert (item.record, item.external_id, item.event) == ("item", mug["id"], "updated")
    assert item.occurred_at.tzinfo is not None
    assert [notice.delivery_id for notice in read(body)] == [n.delivery_id for n in read(body)]
    assert len({item.delivery_id, customer.delivery_id}) == len(made)
    assert (customer.record, customer.event) == ("customer", "created")
    assert number
    environment.post("items", number="MUG-450", stock=1)
    time.sleep(1)
    assert len(receiver.bodies) == 1  # stock is not told


def test_many_changes_are_told_as_a_collection(subscribe, environment, receiver):
    subscribe()
    environment.post("settings", notice_seconds=0.3, most_notices=20)
    environment.post("items/change", count=50, what="price")
    wait_for(lambda: receiver.bodies)
    (notice,) = read(receiver.bodies[0])
    assert (notice.record, notice.external_id, notice.event) == ("*", "items", "collection")
    assert "lastModifiedDateTime%20gt%20" in receiver.bodies[0].decode()
    environment.post("items/change", count=50, what="price")
    environment.post("items", number="OUT-000007", delete=True)
    wait_for(lambda: len(receiver.bodies) > 1)
    (row,) = json.loads(receiver.bodies[1])["value"]
    assert row["changeType"] == "collection"
    assert "$filter" not in row["resource"]
    assert read(receiver.bodies[1])[0].record == "*"


@pytest.mark.parametrize(
    ("status", "left"), [(200, 2), (202, 2), (503, 2), (429, 2), (401, 1), (404, 1), (302, 1)]
)
def test_which_answers_end_a_subscription(subscribe, environment, receiver, status, left):
    subscribe()
    environment.post("settings", notice_seconds=0)
    receiver.status = status
    environment.post("items", number="MUG-450", price="9.00")
    wait_for(lambda: environment.get("state")["notices"])
    assert len(held(environment)) == left


def notification(**more) -> bytes:
    row = {
        "subscriptionId": "s1",
        "clientState": STATE,
        "expirationDateTime": "2026-11-24T00:00:00Z",
        "resource": "api/v2.0/companies(6c1bba24-2b9b-4bd8-8f36-0d6c4a6f1b20)/items"
        "(11111111-2222-3333-4444-555555555555)",
        "changeType": "updated",
        "lastModifiedDateTime": "2026-11-21T10:00:00.123Z",
    }
    return json.dumps({"value": [row | more]}).encode()


@pytest.mark.parametrize(
    "prefix", ["", "/", "https://api.businesscentral.dynamics.com/v2.0/t/Production/"]
)
def test_the_resource_is_read_in_every_form(prefix):
    resource = json.loads(notification())["value"][0]["resource"]
    body = b"\xef\xbb\xbf" + notification(resource=prefix + resource)
    (notice,) = read(body)
    assert notice.external_id == "11111111-2222-3333-4444-555555555555"
    assert read(body)[0].delivery_id == notice.delivery_id


def test_each_notice_must_carry_our_secret():
    good, bad = (json.loads(notification(clientState=state))["value"][0] for state in (STATE, "x"))
    assert len(read(json.dumps({"value": [bad, good]}).encode())) == 1
    for body in (notification(clientState="x"), notification(clientState=None)):
        with pytest.raises(DeliveryRefused) as caught:
            read(body)
        assert caught.value.code == "secret_header_wrong"
    with pytest.raises(DeliveryRefused):
        read(notification(clientState=""), state="")
    assert read(b'{"value": []}') == ()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff\xfe", b'{"value": [1]}', b'{"value": 5}']
)
def test_what_is_no_notification_is_refused(body):
    with pytest.raises(DeliveryRefused) as caught:
        read(body)
    assert caught.value.code == "unreadable"


def test_a_long_resource_has_a_delivery_id_of_bounded_length():
    resource = json.loads(notification())["value"][0]["resource"]
    long = (
        f"https://{'host.' * 60}example/{resource}?$filter=lastModifiedDateTime%20gt%20{'9' * 99}"
    )
    (notice,) = read(notification(resource=long, subscriptionId="s" * 150))
    assert len(notice.delivery_id) <= 200


def test_collections_that_we_do_not_follow_are_left():
    resource = "api/v2.0/companies(6c1bba24-2b9b-4bd8-8f36-0d6c4a6f1b20)/salesInvoices"
    assert read(notification(resource=resource)) == ()
    assert read(notification(resource="nonsense")) == ()
    (notice,) = read(notification(lastModifiedDateTime="soon"))
    assert notice.occurred_at is None
