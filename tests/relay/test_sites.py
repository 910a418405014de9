"""Relay sites: what people see of them, how connections are reached, and the alert."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest
import redis
import requests
from django.core.exceptions import ValidationError
from django.utils import timezone

from agent import wire
from tests.relay.calls import entries, later

GP = {"base_url": "https://gp.local", "domain": "ACME", "user": "svc", "password": "s3cret"}


def gp_connection(**more):
    from connectors import services

    return services.create_connection(kind="gp", name="GP", slug="gp", values=GP, **more)


def test_what_an_agent_says_is_shown_and_outlives_redis(enrolled, site):
    from connectors.relay import figures, services, watch

    agent = enrolled()
    agent.say(wire.POLL, agent.said(free=0, clock=time.time() + 40, in_flight=["a" * 32]))
    (view,) = services.site_views()[0].agents
    assert (view.state, view.is_online, view.version, view.host) == ("online", True, "1.0", "gp01")
    assert view.median_round_trip_ms == 12
    assert 38 < view.clock_difference_seconds < 42
    assert view.jobs_in_flight == 1
    ((url, until),) = view.certificates
    assert (url, until.date().isoformat()) == ("https://gp.local/", "2027-01-31")
    (measured,) = [one for one in figures.sites() if one.site_id == site.pk]
    assert (measured.agents_online, measured.jobs_in_flight, measured.round_trip_ms) == (1, 1, 12)
    (one,) = measured.agents
    assert (one.key, one.version, one.certificates[0][0]) == (agent.agent, "1.0", url)
    assert one.certificates[0][1] == until.timestamp()
    assert 38 < one.clock_difference_seconds < 42
    assert time.time() - one.seen_at < 30
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
