"""Relay agents: invited, enrolled, given new keys, revoked, removed."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest
import redis
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ValidationError
from django.utils import timezone

from agent import wire
from tests.relay.calls import entries, later
from tests.relay.speaker import Speaker, public_of, refusal


def new_key(speaker: Speaker, private: Ed25519PrivateKey, **more) -> requests.Response:
    public = public_of(private)
    proof = private.sign(wire.proof_of_key(speaker.agent, public))
    said = wire.NewKey(public_key=public, proof=wire.base64_of(proof))
    return speaker.say(wire.KEY, said.to_json(), **more)


def test_a_token_is_exchanged_for_an_identity(relay_server, site):
    from connectors.relay import services
    from tenants.database import database
    from tenants.models import AgentAddress

    row, token = services.invite(site, "gp-1")
    assert token.partition(".")[2] not in (row.token_hash, str(row.__dict__))
    speaker = Speaker(relay_server.url, row.key)
    answer = speaker.enroll(token)
    assert answer.status_code == 200
    assert wire.Enrolled.from_json(answer.content) == wire.Enrolled(
        row.key, "gp-1", database.tenant.name
    )
    row.refresh_from_db()
    assert (row.public_key, row.is_enrolled) == (speaker.public, True)
    assert AgentAddress.objects.get(key=row.key).is_enrolled
    assert speaker.poll(free=0).status_code == 200
    assert entries("relay_agent_enrolled") == ["The relay agent “gp-1” was enrolled on gp01."]


def test_a_token_works_once_though_a_lost_answer_may_be_asked_for_again(relay_server, site):
    from connectors.relay import services

    row, token = services.invite(site, "gp-1")
    speaker = Speaker.enrolled(relay_server.url, token)
    assert speaker.enroll(token).status_code == 200
    thief = Speaker(relay_server.url, row.key)
    answer = thief.enroll(token)
    assert (answer.status_code, refusal(answer)["code"]) == (403, "token")
    assert thief.poll(free=0).status_code == 401
    assert speaker.poll(free=0).status_code == 200
    assert len(entries("relay_agent_enrolled")) == 1


def test_an_expired_unknown_or_wrong_token_is_refused_with_words(relay_server, site):
    from connectors.relay import services

    row, token = services.invite(site, "gp-1")
    speaker = Speaker(relay_server.url, row.key)
    wrong = [token[:-3] + "xyz", f"agt_{'x' * 16}.{'y' * 43}", row.key + ".short"]
    for one in wrong:
        speaker.agent = one.partition(".")[0]
        answer = speaker.enroll(one)
        assert (answer.status_code, refusal(answer)["code"]) == (403, "token"), one
    speaker.agent = row.key
    type(row).objects.update(token_expires_at=timezone.now() - timedelta(seconds=1))
    answer = speaker.enroll(token)
    assert (answer.status_code, refusal(answer)["code"]) == (403, "token")
    assert "Make a new one in the console" in refusal(answer)["words"]
    assert services.agents()[0].state == "expired"


def test_an_enrolment_must_be_signed_by_the_key_that_it_brings(relay_server, site):
    from connectors.relay import services

    row, token = services.invite(site, "gp-1")
    speaker = Speaker(relay_server.url, row.key)
    other = public_of(Ed25519PrivateKey.generate())
    answer = speaker.enroll(token, public_key=other)
    assert (answer.status_code, refusal(answer)["code"]) == (401, "signature")
    answer = speaker.enroll(token, wire=0)
    assert (answer.status_code, refusal(answer)["code"]) == (426, "upgrade")
    row.refresh_from_db()
    assert row.public_key == ""


def test_inviting_again_voids_the_token_before_and_the_key_before(relay_server, site):
    from connectors.relay import services

    row, first = services.invite(site, "gp-1")
    second = services.invite_again(row)
    speaker = Speaker(relay_server.url, row.key)
    assert speaker.enroll(first).status_code == 403
    assert speaker.enroll(second).status_code == 200
    row.refresh_from_db()
    with pytest.raises(ValidationError, match="revoke it first"):
        services.invite_again(row)
    services.revoke(row)
    third = services.invite_again(row)
    assert services.agents()[0].state == "invited"
    assert speaker.poll(free=0).status_code == 401
    assert Speaker(relay_server.url, row.key).enroll(third).status_code == 200


def test_an_agent_that_is_asked_makes_a_new_key_and_the_old_one_ends_with_its_use(enrolled):
    from connectors.relay import services

    agent = enrolled()
    waiting = later(agent.poll)
    time.sleep(0.3)
    services.ask_for_new_key(agent.row)
    assert wire.Work.from_json(waiting(2).content).rotate_key
    assert services.agents()[0].is_asked_for_new_key
    fresh = Ed25519PrivateKey.generate()
    assert new_key(agent, fresh).status_code == 204
    assert new_key(agent, fresh).status_code == 204  # its answer was lost
    old = agent.private
    assert agent.poll(free=0).status_code == 200  # it does not know yet which one counts
    agent.private = fresh
    answer = agent.poll(free=0)
    assert answer.status_code == 200
    assert not wire.Work.from_json(answer.content).rotate_key
    agent.private = old
    assert agent.poll(free=0).status_code == 401
    assert entries("relay_agent_key") == [
        "The relay agent “gp-1” was asked for a new key.",
        "The relay agent “gp-1” made a new key.",
    ]


def test_an_agent_that_is_asked_for_a_key_is_not_told_so_in_a_loop(enrolled):
    from connectors.relay import services

    agent = enrolled()
    services.ask_for_new_key(agent.row)
    assert wire.Work.from_json(agent.poll(free=0).content).rotate_key
    with pytest.raises(requests.ReadTimeout):
        agent.poll(timeout=1)


def test_a_new_key_must_prove_itself(enrolled):
    agent = enrolled()
    said = wire.NewKey(public_of(Ed25519PrivateKey.generate()), wire.base64_of(b"x" * 64))
    answer = agent.say(wire.KEY, said.to_json())
    assert (answer.status_code, refusal(answer)["code"]) == (401, "signature")
    assert agent.poll(free=0).status_code == 200


def test_a_revoked_agent_is_refused_from_the_next_request_on_also_after_a_flush(enrolled):
    from connectors.relay import services

    agent = enrolled()
    assert agent.poll(free=0).status_code == 200
    services.revoke(agent.row)
    answer = agent.poll(free=0)
    assert (answer.status_code, refusal(answer)["code"]) == (403, "revoked")
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    assert agent.poll(free=0).status_code == 403
    assert services.agents()[0].state == "revoked"


def test_a_copy_read_before_a_revocation_does_not_undo_it(enrolled):
    import asyncio

    import redis.asyncio

    from connectors.relay import identities, services
    from connectors.relay.desk import Desk

    agent = enrolled()
    before = identities.find(agent.agent)
    services.revoke(agent.row)

    async def remember():
        client = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
        try:
            return await Desk(client).remember(before)
        finally:
            await client.aclose()

    assert asyncio.run(remember()).is_revoked
    assert agent.poll(free=0).status_code == 403


def test_only_what_may_not_sign_in_is_removed(enrolled, site):
    from connectors.relay import services
    from tenants.models import AgentAddress

    agent = enrolled()
    with pytest.raises(ValidationError, match="revoke it first"):
        services.remove(agent.row)
    with pytest.raises(ValidationError, match="gp-1"):
        services.delete_site(site)
    services.revoke(agent.row)
    services.delete_site(site)
    assert not AgentAddress.objects.filter(key=agent.agent).exists()
    assert agent.poll(free=0).status_code == 403
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    assert agent.poll(free=0).status_code == 401


def test_an_agent_of_a_closed_company_is_refused(enrolled):
    from tenants.models import Tenant

    agent = enrolled()
    Tenant.objects.filter(slug="acme").update(is_active=False)
    try:
        redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
        assert agent.poll(free=0).status_code == 401
    finally:
        Tenant.objects.filter(slug="acme").update(is_active=True)
