"""Change subscriptions of API v1.0: made, renewed, made again; what their notices say."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.contract import DeliveryRefused
from connectors.erps.nav.connector import DynamicsNAV
from connectors.errors import Rejected
from tests.connectors.nav.conftest import Workshop

STATE = "our-secret-client-state"
DESTINATION = "https://bc.example/hooks/abc/"
DAY = 86_400


class Receiver:
    """Answers the handshake as the adapter says, and keeps the bodies of notices."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers_handshake = True
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                query = dict(parse_qsl(urlsplit(self.path).query))
                answer = DynamicsNAV.handshake(
                    values={}, method="POST", query=query, headers={}, body=body
                )
                content = b""
                if answer is not None and receiver.answers_handshake:
                    content = answer.body
                elif answer is None:
                    receiver.bodies.append(body)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def receiver(later: Workshop) -> Iterator[Receiver]:
    started = Receiver()
    later.simulator.post("deliver-to", host="bc.example", url=started.url)
    yield started
    started.stop()


@pytest.fixture
def subscribe(later: Workshop, receiver: Receiver) -> Callable:
    def call(*, to: str = DESTINATION, state: str = STATE, known=()):
        later.simulator.post("tokens/expire")
        return later.build().subscribe(destination=to, client_state=state, known=known)

    return call


def held(way: Workshop) -> dict[str, dict]:
    return {row["subscriptionId"]: row for row in way.state()["subscriptions"]}


def wait_for(condition: Callable[[], object], seconds: float = 5) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def read(body: bytes, state: str = STATE):
    return DynamicsNAV.read_notices(headers={}, body=body, client_state=state)


def test_one_for_each_collection_and_only_once(subscribe, later):
    made = subscribe()
    assert [one.resource for one in made] == ["items", "customers"]
    assert {one.external_id for one in made} == set(held(later))
    assert {row["clientState"] for row in held(later).values()} == {STATE}
    assert subscribe(known=[one.external_id for one in made]) == made
    assert [r.method for r in later.records if "/subscriptions" in r.url and r.status != 401] == [
        "GET", "POST", "POST", "GET",
    ]  # fmt: skip


def test_they_are_renewed_well_before_they_end_and_made_again_when_lost(subscribe, later):
    made = subscribe()
    later.simulator.post("clock", advance_seconds=DAY)
    assert subscribe() == made
    later.simulator.post("clock", advance_seconds=DAY)
    renewed = subscribe()
    assert [one.external_id for one in renewed] == [one.external_id for one in made]
    assert all(new.expires_at > old.expires_at for new, old in zip(renewed, made, strict=True))
    later.simulator.post("clock", advance_seconds=4 * DAY)
    wait_for(lambda: not held(later))
    again = subscribe(known=[one.external_id for one in made])
    assert {one.external_id for one in again}.isdisjoint(one.external_id for one in made)
    later.simulator.post("subscriptions")
    assert len(subscribe()) == len(held(later)) == 2


def test_a_changed_secret_or_address_is_carried_over(subscribe, later, receiver):
    made = subscribe()
    subscribe(state="another-secret")
    assert {row["clientState"] for row in held(later).values()} == {"another-secret"}
    later.simulator.post("deliver-to", host="new.example", url=receiver.url)
    subscribe(known=[one.external_id for one in made], to="https://new.example/hooks/x/")
    assert {row["notificationUrl"] for row in held(later).values()} == {
        "https://new.example/hooks/x/"
    }


def test_an_address_that_does_not_answer_the_handshake_is_told(subscribe, later, receiver):
    receiver.answers_handshake = False
    with pytest.raises(Rejected) as caught:
        subscribe()
    assert caught.value.code == "subscription"
    assert held(later) == {}


def test_changes_are_told_and_many_as_a_collection(subscribe, later, receiver):
    subscribe()
    later.simulator.post("settings", notice_seconds=0.4, most_notices=20)
    later.simulator.post("items", number="MUG-450", price="10.00")
    later.simulator.post("items", number="MUG-450", price="11.00")
    wait_for(lambda: receiver.bodies)
    (notice,) = read(receiver.bodies[0])
    mug = later.simulator.get("items/MUG-450")
    assert (notice.record, notice.external_id, notice.event) == ("item", mug["id"], "updated")
    later.simulator.post("items/change", count=50, what="price")
    wait_for(lambda: len(receiver.bodies) > 1)
    (notice,) = read(receiver.bodies[1])
    assert (notice.record, notice.external_id) == ("*", "items")


def test_nav_2018_and_the_page_services_have_none(nav, beta):
    for way in (nav, beta):
        assert way.build().subscribe(destination=DESTINATION, client_state=STATE) == ()
    assert not [r for r in beta.records if "subscriptions" in r.url]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, '{"error":{"code":"BadRequest_ResourceNotFound","message":"Resource not found."}}'),
        (405, '{"error":{"code":"BadRequest_MethodNotAllowed","message":"Not enabled."}}'),
    ],
)
def test_a_server_without_subscriptions_is_polled(subscribe, later, status, body):
    later.simulator.fault("status", status=status, body=body, path="subscriptions$", times=1)
    assert subscribe() == ()


@pytest.mark.parametrize("token", ["", "x" * 501, "a\nb", "é"])
def test_only_a_plain_token_is_given_back(token):
    query = {"validationToken": token}
    answer = DynamicsNAV.handshake(values={}, method="POST", query=query, headers={}, body=b"")
    assert answer is None


def notification(**more: object) -> bytes:
    row = {
        "subscriptionId": "s1",
        "clientState": STATE,
        "resource": "api/v1.0/companies(6c1bba24-2b9b-4bd8-8f36-0d6c4a6f1b20)/items"
        "(11111111-2222-3333-4444-555555555555)",
        "changeType": "updated",
        "lastModifiedDateTime": "2026-11-21T10:00:00.123Z",
    }
    return json.dumps({"value": [row | more]}).encode()


def test_each_notice_must_carry_our_secret():
    good, bad = (json.loads(notification(clientState=state))["value"][0] for state in (STATE, "x"))
    assert len(read(json.dumps({"value": [bad, good]}).encode())) == 1
    for body in (notification(clientState="x"), notification(clientState=None)):
        with pytest.raises(DeliveryRefused) as caught:
            read(body)
        assert caught.value.code == "secret_header_wrong"
    with pytest.raises(DeliveryRefused):
        read(notification(clientState=""), state="")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff\xfe", b'{"value": [1]}'])
def test_what_is_no_notification_is_refused(body):
    with pytest.raises(DeliveryRefused) as caught:
        read(body)
    assert caught.value.code == "unreadable"


def test_collections_that_we_do_not_follow_are_left():
    assert read(notification(resource="nonsense")) == ()
    assert read(notification(resource="companies(x)/salesInvoices")) == ()
