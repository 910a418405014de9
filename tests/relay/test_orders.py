"""Orders into GP by relay while everything on the way dies: none is lost, none is booked twice.

The workers, the scheduler, the relay server and the agents are processes of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Running, ready
from tests.contract.rigs import BigCommerceRig
from tests.contract.test_pairs import joined
from tests.engine.test_delivery import Programs
from tests.relay.business import Business, environment, wait_until
from tests.relay.conftest import COMPANY, OF_RELAY
from tests.relay.onsite import REACHED_DIRECTLY, GpRestByRelay, Site
from tests.support import flow as flow_support
from tests.support.rigs import CERTIFICATES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running_business(on_site: Site, running: Running, django_db_blocker: Any) -> Iterator[Business]:
    from django.conf import settings

    from tenants.context import in_tenant

    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(settings, "ALLOWED_PRIVATE_NETWORKS", [REACHED_DIRECTLY])
        patch.setattr(settings, "OUTBOUND_CA_FILE", CERTIFICATES.ca_file)
        made = Business(on_site, ready(running(GpRestByRelay)))
        programs = Programs()
        try:
            programs.worker(**environment())
            programs.beat()
            made.run("gp-1")
            flow_support.empty_tables(schemas=(COMPANY,), keep=OF_RELAY)
            with in_tenant(COMPANY):
                made.route = joined(ready(running(BigCommerceRig)), made.erp)
            yield made
        finally:
            programs.stop()
            made.stop()


@pytest.fixture
def business(running_business: Business, django_db_blocker: Any) -> Iterator[Business]:
    """Entered, with one agent running and GP a little slow."""
    from tenants.context import in_tenant

    running_business.run("gp-1")
    running_business.erp.simulator.post("latency", ms=40)
    with django_db_blocker.unblock(), in_tenant(COMPANY):
        yield running_business


def test_an_agent_is_killed_in_the_middle_of_a_write(business: Business):
    in_hand, before = business.hold_a_write(), business.outcomes_unknown()
    business.place(4)
    assert wait_until(in_hand, 30)
    business.agents["gp-1"].kill()
    business.run("gp-1")
    business.each_is_booked_once()
    assert business.outcomes_unknown() > before


def test_of_two_agents_one_is_killed_in_the_middle_of_a_write_and_the_other_goes_on(
    business: Business,
):
    business.run("gp-1", "gp-2")
    since, before = business.last_exchange(), business.outcomes_unknown()
    business.place(6)
    business.each_is_booked_once()
    assert business.carriers(since) == {"gp-1", "gp-2"}
    in_hand = business.hold_a_write()
    business.place(6)
    assert wait_until(in_hand, 30)
    (victim, *_) = holders_of_writes(business)
    business.agents[victim].kill()
    business.each_is_booked_once()
    assert business.outcomes_unknown() > before
    assert not business.site.view(victim).is_online


def holders_of_writes(business: Business) -> list[str]:
    """Names of the agents that send something now."""
    from connectors.shared_redis import redis_client

    redis, names = redis_client(), {}
    for name in business.agents:
        names[business.site.view(name).key] = name
    jobs = [redis.hmget(key, "state", "agent") for key in redis.scan_iter("relay:job:*")]
    return [names[agent.decode()] for state, agent in jobs if state == b"sending"]


def test_the_relay_server_is_killed_and_started_again(business: Business):
    in_hand = business.hold_a_write()
    business.place(5)
    assert wait_until(in_hand, 30)
    business.site.server.kill()
    time.sleep(1)
    business.site.server.start()
    business.each_is_booked_once()


def test_redis_is_flushed(business: Business):
    from connectors.shared_redis import redis_client

    in_hand = business.hold_a_write()
    business.place(4)
    assert wait_until(in_hand, 30)
    redis_client().flushdb()
    business.place(2)
    business.each_is_booked_once()


def test_the_network_is_cut(business: Business):
    in_hand = business.hold_a_write()
    business.place(4)
    assert wait_until(in_hand, 30)
    business.cable.cut()
    time.sleep(3)
    business.cable.mend()
    business.each_is_booked_once()


def test_an_agent_is_stopped_finishes_what_it_has_and_orders_wait_for_its_return(
    business: Business,
):
    in_hand, before = business.hold_a_write(), business.outcomes_unknown()
    business.place(1)
    assert wait_until(in_hand, 30)
    assert business.agents["gp-1"].stop() == 0
    assert not business.site.view("gp-1").is_online
    booked = len(business.erp.booked())
    later = business.place(2)

    def all_wait() -> bool:
        rows = business.transfers(later)
        return len(rows) == 2 and all(
            row.state in ("waiting", "held") and row.reason for row in rows
        )

    assert wait_until(all_wait, 20)
    for row in business.transfers(later):
        assert "No relay agent of the site “Warehouse” answers" in row.reason
        assert "Nothing was sent" in row.reason or row.state == "waiting"
        assert row.attempts == 0
    erp = business.route.connections[1]
    assert wait_until(lambda: code_of(erp) == "agent_offline", 20)
    assert len(business.erp.booked()) == booked
    business.run("gp-1")
    business.each_is_booked_once()
    assert business.outcomes_unknown() == before, "what it had in hand was answered"


def code_of(connection: Any) -> str:
    connection.refresh_from_db()
    return connection.state_code
