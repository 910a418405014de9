"""Commerce's webhooks and Adobe's events as they really arrive; registrations made and removed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import DeliveryRefused, Notice
from connectors.errors import Rejected
from connectors.stores.adobe_commerce import webhooks
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from tests.connectors.adobe_commerce.conftest import Commerce

HOST = "hooks.test.example"
DESTINATION = f"https://{HOST}/hooks/acme/"
HEADER = ("X-Hook-Secret", "hook-secret-value")
CLIENT = "acme-events-client"


@dataclass
class Door:
    """Our side of the wire: what came in, answered as the adapter says."""

    address: str = ""
    deliveries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def read(self, values: dict[str, str], number: int = -1) -> tuple[Notice, ...]:
        headers, body = self.deliveries[number]
        return AdobeCommerce.read_delivery(
            values=values, headers=headers, body=body, now=datetime.now(UTC), secret_header=HEADER
        )

    def wait(self, count: int) -> None:
        until = time.monotonic() + 5
        while len(self.deliveries) < count and time.monotonic() < until:
            time.sleep(0.02)
        assert len(self.deliveries) >= count


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = AdobeCommerce.handshake(
                values={},
                method=self.command,
                query=dict(parse_qsl(urlsplit(self.path).query)),
                headers=headers,
                body=body,
            )
            if answer is None:
                found.deliveries.append((headers, body))
                answer = AdobeCommerce.acknowledgement()
            assert answer is not None
            self.send_response(answer.status)
            self.send_header("content-type", answer.content_type)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = _serve

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def listening(commerce: Commerce, door: Door) -> tuple[Commerce, Door]:
    commerce.simulator.post("deliver-to", host=HOST, url=door.address)
    return commerce, door


def ensure(commerce: Commerce, **more: str):
    return commerce.adapter(**more).ensure_hooks(
        destination=DESTINATION, records=("orders", "refunds"), secret_header=HEADER
    )


def test_a_registered_hook_tells_of_an_order_before_it_is_saved(listening):
    commerce, door = listening
    (hook,) = ensure(commerce)
    assert hook.scope == "observer.sales_order_place_after"
    order = commerce.place(kind="simple")
    (delivery,) = commerce.simulator.get("deliveries")["hooks"]
    assert (delivery["status"], delivery["problem"], delivery["refused"]) == (200, "", None)
    key = commerce.simulator.get("keys")["webhook_public_key"]
    (notice,) = door.read({"webhook_public_key": key})
    assert (notice.record, notice.external_id) == ("order", commerce.key(order))
    assert set(json.loads(door.deliveries[0][1])["order"]) == {"increment_id", "store_id"}


def test_without_a_public_key_the_hooks_own_header_is_the_proof(listening):
    commerce, door = listening
    commerce.simulator.post("settings", webhook_signing="off")
    ensure(commerce)
    order = commerce.place(kind="simple")
    (notice,) = door.read({})
    assert notice.external_id == commerce.key(order)
    headers, _ = door.deliveries[0]
    del headers["x-hook-secret"]
    with pytest.raises(DeliveryRefused) as refused:
        door.read({})
    assert refused.value.code == "secret_header_wrong"


@pytest.mark.parametrize(
    ("signing", "code"), [("off", "signature_missing"), ("wrong", "signature_wrong")]
)
def test_with_a_public_key_only_its_signature_counts(listening, signing, code):
    commerce, door = listening
    key = commerce.simulator.get("keys")["webhook_public_key"]
    commerce.simulator.post("settings", webhook_signing=signing)
    ensure(commerce)
    commerce.place(kind="simple")
    with pytest.raises(DeliveryRefused) as refused:
        door.read({"webhook_public_key": key})
    assert refused.value.code == code


def test_a_key_pair_made_anew_is_bridged_by_the_previous_key(listening):
    commerce, door = listening
    ensure(commerce)
    old = commerce.simulator.get("keys")["webhook_public_key"]
    commerce.place(kind="simple")
    commerce.simulator.post("keys/regenerate")
    new = commerce.simulator.get("keys")["webhook_public_key"]
    commerce.place(kind="simple")
    both = {"webhook_public_key": new, "webhook_public_key_previous": old}
    assert door.read(both, 0)
    assert door.read(both, 1)
    with pytest.raises(DeliveryRefused):
        door.read({"webhook_public_key": old}, 1)


def test_two_saves_of_one_order_are_two_notices_and_a_repetition_is_one(listening):
    commerce, door = listening
    key = commerce.simulator.get("keys")["webhook_public_key"]
    for hook in ("first", "second"):
        commerce.simulator.post(
            "hooks", webhook_method="observer.sales_order_place_after", webhook_type="after",
            batch_name="by_hand", hook_name=hook, url=DESTINATION, required=False, timeout=2000,
        )  # fmt: skip
    commerce.place(kind="bundle_dynamic", coupon={"code": "É/10", "percent": 10})
    values = {"webhook_public_key": key}
    first, second = door.read(values, 0), door.read(values, 1)
    assert first[0].external_id == second[0].external_id
    assert first[0].delivery_id != second[0].delivery_id
    assert door.read(values, 0) == first


def test_registering_again_changes_nothing_and_what_was_changed_is_set_right(listening):
    commerce, _ = listening
    ensure(commerce)
    commerce.calls.clear()
    assert len(ensure(commerce)) == 1
    assert {call.method for call in commerce.calls if "/V1/" in call.url} == {"GET"}
    (kept,) = commerce.simulator.get("state")["hooks"]
    assert (kept["required"], kept["timeout"], kept["ttl"]) == (False, 2000, 0)
    commerce.simulator.post("hooks", **{**kept, "required": True, "timeout": 0})
    ensure(commerce)
    (kept,) = commerce.simulator.get("state")["hooks"]
    assert (kept["required"], kept["timeout"]) == (False, 2000)
    store = commerce.adapter()
    assert store.remove_hooks(destination="https://somebody.else.example/") == 0
    assert store.remove_hooks(destination=DESTINATION) == 1
    assert commerce.simulator.get("state")["hooks"] == []


def test_a_store_without_the_module_has_its_hooks_set_up_by_hand(paas: Commerce):
    paas.simulator.fault(
        "status", path="/V1/webhooks", status=404, times=None,
        body='{"message":"Request does not match any route."}',
    )  # fmt: skip
    assert ensure(paas) == ()
    assert paas.adapter().remove_hooks(destination=DESTINATION) == 0


def test_hooks_that_may_not_be_looked_at_do_not_break_the_connection(paas: Commerce):
    paas.simulator.post("integrations", resources=["Magento_Sales::actions_view"])
    with pytest.raises(Rejected) as refused:
        ensure(paas)
    assert "by hand" in refused.value.advice
    assert refused.value.code == "missing_permission"


def events_of(commerce: Commerce) -> dict[str, str]:
    keys = commerce.simulator.get("keys")["event_keys"]
    return {
        "events_public_keys": "\n".join(key["pem"] for key in keys),
        "ims_client_id": CLIENT,
    }


def test_events_are_taken_after_the_challenge_and_by_their_signature(listening):
    commerce, door = listening
    values = events_of(commerce)
    for name in ("order", "order_invoice", "order_creditmemo"):
        event = f"observer.sales_{name}_save_after".replace("order_save_", "order_save_commit_")
        commerce.simulator.post("events/subscribe", name=event)
    registered = commerce.simulator.post("events/register", url=DESTINATION, client_id=CLIENT)
    assert registered["state"] == "active"
    order = commerce.place(kind="configurable")
    door.wait(2)
    found = [notice for n in range(len(door.deliveries)) for notice in door.read(values, n)]
    assert {(n.record, n.external_id) for n in found} == {("order", commerce.key(order))}
    assert found[0].occurred_at is not None
    # A second delivery of the same event is known by its id.
    before = len(door.deliveries)
    event_id = json.loads(door.deliveries[0][1])["eventid"]
    commerce.simulator.post("events/redeliver", id=event_id)
    door.wait(before + 1)
    assert door.read(values) == door.read(values, 0)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"events_public_keys": ""}, "signature_missing", "/prod/keys/pub-key-"),
        ({"ims_client_id": "another-project"}, "signature_wrong", "another Adobe project"),
        ({"ims_client_id": ""}, "signature_wrong", "another Adobe project"),
        ({"events_client_id": "another-project"}, "signature_wrong", "another Adobe project"),
    ],
)
def test_events_of_others_are_not_believed(listening, change, code, words):
    commerce, door = listening
    values = events_of(commerce) | change
    commerce.simulator.post("events/subscribe", name="observer.sales_order_save_commit_after")
    commerce.simulator.post("events/register", url=DESTINATION, client_id=CLIENT)
    commerce.place(kind="simple")
    door.wait(1)
    with pytest.raises(DeliveryRefused) as refused:
        door.read(values)
    assert refused.value.code == code
    assert words in refused.value.words


def test_events_inside_an_envelope_and_wrongly_signed_ones(listening):
    commerce, door = listening
    values = events_of(commerce)
    commerce.simulator.post("settings", event_wrapped=True)
    commerce.simulator.post("events/subscribe", name="observer.sales_order_save_commit_after")
    commerce.simulator.post("events/register", url=DESTINATION, client_id=CLIENT)
    order = commerce.place(payment="banktransfer")
    door.wait(1)
    assert door.read(values)[0].external_id == commerce.key(order)
    commerce.simulator.post("settings", event_signing="wrong")
    before = len(door.deliveries)
    commerce.place(payment="banktransfer")
    door.wait(before + 1)
    with pytest.raises(DeliveryRefused):
        door.read(values)


def test_only_adobes_question_is_a_handshake():
    def ask(method: str, query: dict[str, str] | None = None, body: bytes = b"", **headers: str):
        return AdobeCommerce.handshake(
            values={}, method=method, query=query or {}, headers=headers, body=body
        )

    answer = ask("GET", {"challenge": "abc-DEF_123"})
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"abc-DEF_123")
    assert answer.content_type.startswith("text/plain")
    assert ask("GET", {"challenge": "<script>"}) is None
    assert ask("GET") is None
    asked = ask("POST", body=b'{"validationUrl":"https://csm.adobe.io/x"}')
    assert asked is not None
    assert asked.status == 200
    assert ask("POST", body=b'{"order":{}}') is None
    assert ask("POST", body=b"not json") is None
    acknowledged = AdobeCommerce.acknowledgement()
    assert acknowledged is not None
    assert json.loads(acknowledged.body) == {"op": "success"}


def read(payload: object, values: dict[str, str] | None = None) -> tuple[Notice, ...]:
    return webhooks.read(
        values=values or {},
        headers={HEADER[0].lower(): HEADER[1]},
        body=json.dumps(payload).encode(),
        secret_header=HEADER,
    )


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"eventName": "sales_order_place_after",
          "data": {"order": {"increment_id": "000000142", "store_id": "2"}}}, ("order", "2-000000142")),
        ({"order": {"increment_id": 1000142, "store_id": 1}}, ("order", "1-1000142")),
        ({"increment_id": "UK-7", "store_id": 3}, ("order", "3-UK-7")),
        ({"order": {"increment_id": "000000142", "store_id": 1}, "result": {"entity_id": 9}},
         ("order", "1-000000142")),
        ({"eventName": "sales_order_invoice_pay", "data": {"invoice": {
            "increment_id": "000000031", "store_id": 1, "order_id": 142,
            "order": {"increment_id": "000000142", "store_id": 1}}}}, ("invoice", "1-000000142")),
        ({"creditmemo": {"order_increment_id": "000000142", "store_id": 1,
                         "increment_id": "000000005"}}, ("refund", "1-000000142")),
    ],
)  # fmt: skip
def test_the_order_is_found_in_whatever_shape_the_merchant_chose(payload, expected):
    (notice,) = read(payload)
    assert (notice.record, notice.external_id) == expected


def test_orders_of_other_store_views_are_left_alone():
    payload = {"order": {"increment_id": "000000142", "store_id": 2}}
    assert read(payload, {"store_ids": "1, 3"}) == ()
    assert len(read(payload, {"store_ids": "2"})) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"eventName": "sales_order_invoice_save_after",
         "data": {"invoice": {"increment_id": "31", "store_id": 1, "order_id": 142}}},
        {"eventName": "customer_save_after", "data": {"customer": {"id": 7}}},
    ],
)  # fmt: skip
def test_what_names_no_order_is_left_to_the_regular_check(payload):
    assert read(payload) == ()


@pytest.mark.parametrize(
    "payload",
    [{"order": {"increment_id": "000000142"}}, {"order": {"store_id": 1}}, {}, [], "text",
     {"order": {"increment_id": "../../1", "store_id": 1}},
     {"eventName": "sales_order_place_after", "data": {}}],
)  # fmt: skip
def test_a_hook_that_names_no_order_is_refused_in_words(payload):
    with pytest.raises(DeliveryRefused) as refused:
        read(payload)
    assert refused.value.code == "unreadable"
    assert "increment_id" in refused.value.words


@given(st.binary(max_size=200))
def test_no_body_breaks_the_door(body):
    with suppress(DeliveryRefused):
        webhooks.read(
            values={}, headers={HEADER[0].lower(): HEADER[1]}, body=body, secret_header=HEADER
        )
