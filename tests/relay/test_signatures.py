"""Who may ask the relay server: signed, fresh, known, readable."""

from __future__ import annotations

import json
import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent import wire
from connectors.errors import TryLater
from tests.relay.calls import Call
from tests.relay.speaker import Speaker, refusal


def test_a_request_without_a_signature_is_refused_without_a_hint(relay_server):
    answer = requests.post(f"{relay_server.url}{wire.POLL}", data=b"{}", timeout=5)
    assert (answer.status_code, refusal(answer)["code"]) == (401, "signature")
    assert refusal(answer)["words"] == "The request is not signed as it should be."


def test_a_request_signed_by_another_key_is_refused(enrolled):
    agent = enrolled()
    answer = agent.say(wire.POLL, agent.said(), signer=Ed25519PrivateKey.generate())
    assert (answer.status_code, refusal(answer)["code"]) == (401, "signature")
    other = enrolled("gp-2")
    answer = agent.say(wire.POLL, agent.said(), agent=other.agent)
    assert (answer.status_code, refusal(answer)["code"]) == (401, "signature")


def test_a_request_whose_body_or_path_was_changed_is_refused(enrolled):
    agent = enrolled()
    signed = wire.Signed(int(time.time()), "n" * 20, agent.agent)
    body = agent.said()
    headers = signed.headers(agent.private.sign(signed.base("POST", wire.POLL, body)), body)
    for path, sent in ((wire.POLL, body + b" "), (wire.LEAVE, body)):
        answer = requests.post(agent.url + path, data=sent, headers=headers, timeout=5)
        assert (answer.status_code, refusal(answer)["code"]) == (401, "signature"), path


def test_an_agent_that_nobody_knows_is_refused(relay_server, tenant):
    stranger = Speaker(relay_server.url, "agt_" + "x" * 16)
    answer = stranger.poll()
    assert (answer.status_code, refusal(answer)["code"]) == (401, "unknown_agent")


def test_a_request_that_was_sent_before_is_refused(enrolled):
    agent = enrolled()
    assert agent.say(wire.POLL, agent.said(free=0), nonce="n" * 20).status_code == 200
    answer = agent.say(wire.POLL, agent.said(free=0), nonce="n" * 20)
    assert (answer.status_code, refusal(answer)["code"]) == (401, "replayed")


@pytest.mark.parametrize("skew", [-200, 200])
def test_a_clock_that_is_wrong_is_told_our_time(enrolled, skew):
    agent = enrolled()
    answer = agent.say(wire.POLL, agent.said(free=0), created=time.time() + skew)
    assert (answer.status_code, refusal(answer)["code"]) == (401, "clock")
    assert abs(refusal(answer)["time"] - time.time()) < 5
    right = agent.say(wire.POLL, agent.said(free=0), created=time.time() + skew / 2)
    assert right.status_code == 200


def test_a_version_that_is_too_old_is_told_to_upgrade_and_gets_no_work(enrolled, site):
    from connectors.relay import services

    agent = enrolled()
    answer = agent.poll(wire=0, version="0.9")
    assert (answer.status_code, refusal(answer)["code"]) == (426, "upgrade")
    assert "Install the current version" in refusal(answer)["words"]
    (view,) = services.agents()
    assert (view.needs_upgrade, view.version, view.is_online) == (True, "0.9", False)
    assert "0.9" in view.upgrade_words
    assert isinstance(Call(site).result(), TryLater)


def test_a_request_that_is_too_large_or_unreadable_is_refused(enrolled):
    agent = enrolled()
    assert agent.say(wire.POLL, b"x" * 300_000).status_code == 400
    assert agent.say(wire.POLL, b"[1]").status_code == 400
    assert agent.say(wire.job_path("a" * 32, wire.ANSWER), b"\0\0").status_code == 400


def test_what_an_agent_says_cannot_trip_us(enrolled, site):
    from connectors.relay import services, watch

    agent = enrolled()
    said = json.loads(agent.said(free=0))
    said |= {"host": "gp\0\ud800", "clock": float("nan"), "in_flight": [1, None, "../x"]}
    said |= {"targets": [1, {"url": "\0", "certificate_until": "soon"}], "boot": "b\0"}
    assert agent.say(wire.POLL, json.dumps(said).encode()).status_code == 200
    watch.look(site.pk)
    (view,) = services.agents()
    assert (view.host, view.jobs_in_flight, view.certificates) == ("gp", 0, [])
    call = Call(site, "GET")
    job = agent.take()
    head = wire.Head(200, "fi\0ne", [1, ["only one"], ["Content-Type", "text/pl\0ain"]])
    part = wire.Part(0, b"x", True, head)
    assert agent.say(wire.job_path(job.id, wire.ANSWER), part.pack()).status_code == 204
    assert call.result().headers["Content-Type"] == "text/plain"


def test_refused_requests_are_counted(enrolled):
    from connectors.relay import figures

    agent = enrolled()
    before = figures.refused().get("signature", 0)
    agent.say(wire.POLL, agent.said(), signer=Ed25519PrivateKey.generate())
    assert figures.refused()["signature"] == before + 1
