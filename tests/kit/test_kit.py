"""The transport: what is dialled, what is repeated, what is shared."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import NeedsAttention, OutcomeUnknown, TryLater, UnexpectedShape
from connectors.kit import Kit
from connectors.kit.guard import AddressGuard, AddressRefused
from connectors.kit.http import Http, Timeouts, dumps
from connectors.kit.odata import decoded, literal
from connectors.kit.reader import Reader
from connectors.kit.redact import Redactor
from connectors.kit.throttle import Budget, Limits


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "fd00::1", "224.0.0.1", "100.64.0.1",
     "2002:7f00:1::", "64:ff9b::7f00:1"],
)  # fmt: skip
def test_private_and_reserved_addresses_are_never_dialled(address):
    assert not AddressGuard().permits(address)


def test_public_addresses_and_allowed_networks_are():
    assert AddressGuard().permits("93.184.216.34")
    assert AddressGuard(["127.0.0.0/8"]).permits("127.0.0.1")
    assert not AddressGuard(["127.0.0.0/8"]).permits("10.0.0.1")


def test_a_name_that_changes_its_mind_after_the_check_is_not_followed(monkeypatch):
    answers = iter(["93.184.216.34", "127.0.0.1"])

    def rebinding(host, port, **more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    guard = AddressGuard()
    assert guard.resolve("evil.example", 443) == [(socket.AF_INET, "93.184.216.34")]
    with pytest.raises(AddressRefused):
        guard.dial("evil.example", 443, 1)


def make_http(
    simulator_api: str, ca_file: str, records: list, networks=("127.0.0.0/8",), **more
) -> Http:
    kit = Kit(
        name="test",
        record=records.append,
        guard=AddressGuard(networks),
        budget=lambda limits: Budget(None, "t", limits),
        cache=None,
        ca_file=ca_file,
    )

    def read_error(method, path, reply):
        return TryLater(f"{reply.status}")

    return Http(
        base_url=simulator_api,
        kit=kit,
        budget=kit.budget(Limits()),
        read_error=read_error,
        timeouts=Timeouts(2, 1),
        secrets=("sandbox-store-access-token",),
        headers={"X-Auth-Token": "sandbox-store-access-token", "Accept": "application/json"},
        **more,
    )


ORDERS = "/stores/acme0utd00r/v2/orders"


def test_a_read_is_repeated_and_a_write_is_not(simulators):
    records: list = []
    http = make_http(simulators.store.api, simulators.ca_file, records)
    simulators.store.fault("html", path="orders", times=2)
    assert http.request("GET", ORDERS, accept=frozenset({204})).status == 204
    assert len(records) == 3
    records.clear()
    simulators.store.fault("html", path="hooks", times=None)
    with pytest.raises(TryLater):
        http.request("POST", "/stores/acme0utd00r/v3/hooks", body={})
    assert len(records) == 1


@pytest.mark.parametrize("action", ["lose_reply", "drop", "delay"])
def test_a_write_without_an_answer_is_an_unknown_outcome_and_a_read_is_not(simulators, action):
    http = make_http(simulators.store.api, simulators.ca_file, [])
    simulators.store.fault(action, method="POST", path="hooks", seconds=1.6)
    with pytest.raises(OutcomeUnknown):
        http.request("POST", "/stores/acme0utd00r/v3/hooks", body={"scope": "x"})
    simulators.store.fault(action, method="GET", path="orders", seconds=1.6, times=1)
    assert http.request("GET", ORDERS, accept=frozenset({204})).status == 204


def test_a_server_that_is_not_there_is_later_and_nothing_was_sent():
    http = make_http("http://127.0.0.1:9", "", [])
    with pytest.raises(TryLater):
        http.request("POST", "/x", body={})


def test_tls_and_address_troubles_have_their_own_words(simulators):
    with pytest.raises(NeedsAttention) as caught:
        make_http(simulators.store.api, "", []).request("GET", ORDERS)
    assert caught.value.code == "tls"
    with pytest.raises(NeedsAttention) as caught:
        make_http(simulators.store.api, simulators.ca_file, [], networks=()).request("GET", ORDERS)
    assert caught.value.code == "address_refused"
    assert caught.value.source == "test"


def test_secrets_are_gone_before_anything_is_recorded(simulators):
    records: list = []
    http = make_http(simulators.store.api, simulators.ca_file, records)
    http.request(
        "GET", ORDERS, params={"email": "sandbox-store-access-token"}, accept=frozenset({204})
    )
    assert "sandbox-store-access-token" not in str(records)


@given(st.text(min_size=6), st.text(), st.text())
def test_a_secret_is_removed_wherever_it_stands(secret, before, after):
    assert secret not in Redactor([secret]).text(before + secret + after) or secret in "[removed]"


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=5, min_value=-(10**12), max_value=10**12
    )
)
def test_money_keeps_every_digit_on_the_wire(amount):
    import json

    sent = json.loads(dumps({"amount": amount}), parse_float=Decimal)["amount"]
    assert Decimal(sent) == amount


def test_the_exact_field_is_named_when_a_system_sends_something_else():
    with pytest.raises(UnexpectedShape, match=r"order\.lines\[2\]\.price"):
        for line in Reader({"lines": [{"price": "1"}, {"price": "x"}]}, "order").items("lines"):
            line.decimal("price")


def test_odata_literals_and_names():
    assert literal("O'Neil") == "'O''Neil'"
    assert decoded("In_x0020_Review") == "In Review"
    assert decoded("_x0020_") == " "


def test_one_budget_is_shared_and_never_exceeded(tenant):
    from connectors.services import redis_client

    limits = Limits(calls=20, seconds=60, in_flight=50)

    def take(_: int) -> bool:
        try:
            with Budget(redis_client(), "shared", limits).call():
                return True
        except TryLater as error:
            return error.counts  # a full budget must not count as a failed try

    with ThreadPoolExecutor(8) as pool:
        granted = sum(pool.map(take, range(60)))
    assert granted == 20


def test_the_systems_own_word_beats_our_count(tenant):
    from connectors.services import redis_client

    budget = Budget(redis_client(), "word", Limits(calls=100, seconds=1))
    budget.told(left=0, reset_seconds=20)
    with pytest.raises(TryLater) as caught, budget.call():
        pass
    assert 15 < caught.value.retry_after.total_seconds() <= 20


def test_no_more_calls_are_in_flight_than_allowed(tenant, monkeypatch):
    from connectors.services import redis_client

    monkeypatch.setattr(Budget, "GATE_PATIENCE", 0.05)
    budget = Budget(redis_client(), "gate", Limits(in_flight=2))
    with budget.call(), budget.call(), pytest.raises(TryLater), budget.call():
        pass
    with budget.call():
        pass


@pytest.mark.parametrize(
    "ending", ["no TLS record", "reset", "end of file"], ids=lambda ending: ending.replace(" ", "_")
)
def test_tls_that_breaks_after_the_request_was_sent_leaves_the_outcome_unknown(ending):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)
    received: list[bytes] = []

    def serve():
        for _ in range(2):
            plain, _ = listener.accept()
            with context.wrap_socket(plain, server_side=True) as secure:
                received.append(secure.recv(65_536))
                if ending == "reset":
                    linger = struct.pack("ii", 1, 0)
                    secure.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                elif ending == "no TLS record":
                    os.write(secure.fileno(), b"HTTP/1.1 502 Bad Gateway\r\n\r\n")

    with ThreadPoolExecutor(1) as pool, authority.cert_pem.tempfile() as ca_file:
        done = pool.submit(serve)
        http = make_http(f"https://localhost:{listener.getsockname()[1]}", ca_file, [])
        for _ in range(2):
            with pytest.raises(OutcomeUnknown):
                http.request("POST", "/x", body={})
        done.result(5)
    listener.close()
    assert all(request.startswith(b"POST /x") for request in received)


def test_a_server_that_does_not_speak_tls_needs_a_person():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def serve():
        plain, _ = listener.accept()
        with plain:
            plain.recv(65_536)
            plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with ThreadPoolExecutor(1) as pool:
        pool.submit(serve)
        http = make_http(f"https://localhost:{listener.getsockname()[1]}", "", [])
        with pytest.raises(NeedsAttention) as caught:
            http.request("POST", "/x", body={})
    listener.close()
    assert caught.value.code == "tls"


def test_a_write_whose_turn_comes_too_late_is_not_sent():
    records: list = []
    http = make_http("http://127.0.0.1:9", "", records)
    with pytest.raises(TryLater) as caught:
        http.request("POST", "/x", body={}, begin_by=time.monotonic() - 1)
    assert not caught.value.counts
    assert records == []
