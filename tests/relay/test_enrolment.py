"""Sites and agents: invited, enrolled, given new keys, revoked, removed; and how people see them."""

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
from tests.relay.speaker import Speaker, public_of, refusal
from tests.relay.test_server import later

GP = {"base_url": "https://gp.local", "domain": "ACME", "user": "svc", "password": "s3cret"}


def entries(action: str) -> list[str]:
    from audit.models import Entry

    return list(Entry.objects.filter(action=action).order_by("id").values_list("words", flat=True))


def gp_connection(**more):
    from connectors import services

    return services.create_connection(kind="gp", name="GP", slug="gp", values=GP, **more)


def new_key(speaker: Speaker, private: Ed25519PrivateKey, **more) -> requests.Response:
    public = public_of(private)
    proof = private.sign(wire.proof_of_key(speaker.agent, public))
    said = wire.NewKey(public_key=public, proof=wire.base64_of(proof))
    return speaker.say(wire.KEY, said.to_json(), **more)


# -- the token -----------------------------------------------------------------------------------


def test_a_token_is_exchanged_for_an_identity(relay_server, site):
    from connectors.relay import services
    from tenants.models import AgentAddress

    row, token = services.invite(site, "gp-1")
    assert token.partition(".")[2] not in (row.token_hash, str(row.__dict__))
    speaker = Speaker(relay_server.url, row.key)
    answer = speaker.enroll(token)
    assert answer.status_code == 200
    assert wire.Enrolled.from_json(answer.content) == wire.Enrolled(row.key, "gp-1", "Acme")
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


# -- keys ----------------------------------------------------------------------------------------


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


# -- revoked and removed -------------------------------------------------------------------------


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


# -- as people see them --------------------------------------------------------------------------


def test_what_an_agent_says_is_shown_and_outlives_redis(enrolled, site):
    from connectors.relay import presence, services, watch

    agent = enrolled()
    agent.say(wire.POLL, agent.said(free=0, clock=time.time() + 40, in_flight=["a" * 32]))
    (view,) = services.site_views()[0].agents
    assert (view.state, view.is_online, view.version, view.host) == ("online", True, "1.0", "gp01")
    assert view.median_round_trip_ms == 12
    assert 38 < view.clock_difference_seconds < 42
    assert view.jobs_in_flight == 1
    ((url, until),) = view.certificates
    assert (url, until.date().isoformat()) == ("https://gp.local/", "2027-01-31")
    figures = [one for one in presence.figures() if one.site_id == site.pk]
    assert [(one.agents_online, one.jobs_in_flight, one.round_trip_ms) for one in figures] == [
        (1, 1, 12)
    ]
    watch.look(site.pk)
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    (view,) = services.agents()
    assert (view.state, view.version, view.host) == ("offline", "1.0", "gp01")
    assert view.last_seen_at is not None
    assert view.clock_difference_seconds > 38


def test_names_are_checked_in_words(site):
    from connectors.relay import services

    for name, words in (
        ("", "missing"),
        ("Warehouse", "already"),
        ("…", "letter"),
        ("x" * 81, "80"),
    ):
        with pytest.raises(ValidationError, match=words):
            services.create_site(name)
    services.invite(site, "gp-1")
    with pytest.raises(ValidationError, match="already"):
        services.invite(site, "gp-1")
    services.rename_site(site, "Depot")
    site.refresh_from_db()
    assert (site.name, site.slug) == ("Depot", "warehouse")


# -- connections ---------------------------------------------------------------------------------


def test_a_connection_is_reached_through_a_site_and_back(site):
    from connectors.relay import services
    from connectors.transport import kit_for

    gp = gp_connection()
    assert kit_for(gp).relay is None
    version = gp.version
    assert services.reach(gp, site)
    assert not services.reach(gp, site)
    assert (gp.state, gp.version) == ("untested", version + 1)
    assert kit_for(gp).relay is not None
    with pytest.raises(ValidationError, match="GP"):
        services.delete_site(site)
    assert services.reach(gp, None)
    assert kit_for(gp).relay is None
    assert entries("connection_reached") == [
        "“GP” is now reached through the relay site “Warehouse”.",
        "“GP” is now reached directly.",
    ]


def test_a_sign_in_that_is_kept_on_site_is_erased_here_and_not_asked_for(site):
    from connectors import services as connections
    from connectors.relay import services
    from connectors.setting_values import ON_SITE, full_values

    gp = gp_connection()
    services.reach(gp, site, sign_in_on_site=True)
    assert gp.secrets == {}
    assert not {"user", "domain", "password"} & gp.values.keys()
    assert {full_values(gp)[name] for name in ("user", "domain", "password")} == {ON_SITE}
    connections.save_settings(gp, {"batch_prefix": "SHOP"})
    with pytest.raises(ValidationError, match="kept on site"):
        connections.save_settings(gp, {"password": "again"})
    services.reach(gp, site)
    assert (gp.state, gp.state_code) == ("refused", "settings")
    with pytest.raises(ValidationError, match="missing"):
        connections.save_settings(gp, {"batch_prefix": "WEB"})
    connections.save_settings(gp, {"user": "svc", "password": "s3cret"})
    assert gp.state == "untested"


def test_a_connection_can_begin_with_its_sign_in_on_site(site):
    from connectors import services as connections
    from connectors.relay import services

    values = {"base_url": "https://gp.local"}
    with pytest.raises(ValidationError):
        connections.create_connection(kind="gp", name="GP", slug="gp", values=values)
    gp = connections.create_connection(
        kind="gp", name="GP", slug="gp", values=values, relay_site=site, sign_in_on_site=True
    )
    assert gp.sign_in_on_site
    with pytest.raises(ValidationError, match="only where a relay agent is"):
        services.reach(gp, None, sign_in_on_site=True)


# -- the alert -----------------------------------------------------------------------------------


def healthy(site):
    from connectors.models import Connection
    from connectors.relay import services

    gp = gp_connection()
    services.reach(gp, site)
    Connection.objects.filter(pk=gp.pk).update(state="healthy")
    return gp


def due(site):
    """Seconds until the site's look; None if none is planned."""
    from connectors.relay import watch
    from tenants import agenda

    at = agenda.due_at(watch.AGENDA, str(site.pk))
    return None if at is None else (at - timezone.now()).total_seconds()


def vanish(agent, site):
    memory = redis.Redis.from_url(os.environ["REDIS_URL"])
    memory.zadd(f"relay:present:t_acme:{site.pk}", {agent.agent: 1})


def test_connections_are_degraded_when_the_last_agent_is_gone_and_recover_when_one_is_back(
    enrolled, site
):
    from connectors.relay import watch
    from connectors.signals import connection_recovered

    back = []
    connection_recovered.connect(
        lambda connection, **more: back.append(connection.pk), weak=False, dispatch_uid="test"
    )
    try:
        first, second = enrolled("gp-1"), enrolled("gp-2")
        gp = healthy(site)
        first.poll(free=0)
        second.poll(free=0)
        vanish(first, site)
        watch.look(site.pk)
        gp.refresh_from_db()
        assert gp.state == "healthy"  # the other one is there
        vanish(second, site)
        for _ in range(2):
            assert watch.look(site.pk) is not None
        gp.refresh_from_db()
        assert (gp.state, gp.state_code) == ("degraded", "agent_offline")
        assert "Warehouse" in gp.state_reason
        assert "nothing is lost" in gp.state_advice
        assert back == []
        second.poll(free=0)
        watch.look(site.pk)
        gp.refresh_from_db()
        assert (gp.state, gp.state_code) == ("healthy", "")
        assert back == [gp.pk]
        states = [words for words in entries("connection_state_changed") if "degraded" in words]
        assert len(states) == 1
    finally:
        connection_recovered.disconnect(dispatch_uid="test")


def test_a_paused_connection_stays_paused_and_a_flush_is_no_absence(enrolled, site):
    from connectors.models import Connection
    from connectors.relay import watch

    agent = enrolled()
    gp = healthy(site)
    agent.poll(free=0)
    watch.look(site.pk)
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushdb()
    assert watch.look(site.pk) == watch.LOOK_AGAIN
    gp.refresh_from_db()
    assert gp.state == "healthy"
    Connection.objects.filter(pk=gp.pk).update(state="paused")
    agent.poll(free=0)
    vanish(agent, site)
    watch.look(site.pk)
    gp.refresh_from_db()
    assert gp.state == "paused"


def test_a_site_is_looked_at_as_soon_as_its_last_agent_goes_or_one_comes_back(enrolled, site):
    from connectors.relay import watch
    from tenants import agenda

    def settle():
        agenda.put(watch.AGENDA, str(site.pk), timezone.now() + timedelta(minutes=5))

    def soon(within):
        end = time.monotonic() + within
        while due(site) > 1 and time.monotonic() < end:
            time.sleep(0.1)
        return due(site) <= 1

    agent = enrolled()
    settle()
    agent.poll(free=0)
    assert soon(3), "it came"
    settle()
    with pytest.raises(requests.ReadTimeout):
        agent.poll(timeout=0.5)
    agent.http.close()
    assert not soon(5), "it may be back"
    assert soon(8), "its connection closed"
    agent.poll(free=0)
    settle()
    agent.leave()
    assert soon(3), "it left"


def test_the_look_is_worked_from_the_agenda(enrolled, site):
    from sync.tasks import look_at_relay_site

    agent = enrolled()
    gp = healthy(site)
    agent.poll(free=0)
    vanish(agent, site)
    look_at_relay_site("t_acme", str(site.pk))
    gp.refresh_from_db()
    assert gp.state_code == "agent_offline"
    assert 30 < due(site) <= 40
    look_at_relay_site("t_acme", "999999")
    from connectors.relay import services
    from tenants import agenda

    services.revoke(agent.row)
    services.reach(gp, None)
    services.delete_site(site)
    look_at_relay_site("t_acme", str(site.pk))
    assert agenda.due_at("relay_site", str(site.pk)) is None


def test_a_connection_pinged_while_nobody_was_there_is_pinged_again(enrolled, site):
    from connectors import services as connections
    from connectors.relay import watch

    agent = enrolled()
    gp = healthy(site)
    connections.ping(gp)
    gp.refresh_from_db()
    assert (gp.state, gp.state_code) == ("refused", "agent_offline")
    agent.poll(free=0)

    def be_the_agent() -> int:
        return agent.trouble(agent.take(), wire.Codes.NOT_ALLOWED, sent=False)

    answering = later(be_the_agent)
    watch.look(site.pk)
    assert answering() == 204
    gp.refresh_from_db()
    assert (gp.state, gp.state_code) == ("refused", "settings")
    assert "Warehouse" in gp.state_reason
