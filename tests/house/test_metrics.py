"""What monitoring reads at /metrics."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from agent import wire
from connectors.relay import enrolment, services
from tenants import agenda

TOKEN = "a-token-of-monitoring"


@pytest.fixture
def read(tenant, settings):
    settings.METRICS_TOKEN = TOKEN

    def get(authorization: str = f"Bearer {TOKEN}", host: str = "localhost"):
        return Client(SERVER_NAME=host).get("/metrics", headers={"Authorization": authorization})

    return get


def figures(answer) -> dict[str, list]:
    assert answer.status_code == 200, answer.content
    families = text_string_to_metric_families(answer.content.decode())
    return {family.name: family.samples for family in families}


def test_it_is_there_for_those_alone_who_have_the_token(read, settings):
    assert read("").status_code == 401
    assert read("Bearer another").status_code == 401
    assert read(f"Bearer {TOKEN}", host="acme.localhost").status_code == 404
    settings.METRICS_TOKEN = ""
    assert read("Bearer ").status_code == 404


def test_it_tells_how_late_the_agenda_is_and_what_agents_there_are(read):
    agenda.put("event", "1", timezone.now() - timedelta(seconds=90))
    site = services.create_site("Head office")
    _, token = services.invite(site, "Server room")
    enrolment.enroll(wire.Enrolment(token, wire.base64_of(bytes(32)), version="1.0"))
    found = figures(read())
    assert [row.value for row in found["mlc_redis_up"]] == [1]
    assert 89 < found["mlc_agenda_lateness_seconds"][0].value < 120
    due = {row.labels["kind"]: row.value for row in found["mlc_agenda_due"]}
    assert due["event"] == 1
    (online,) = found["mlc_relay_agents_online"]
    assert online.labels == {"tenant": "t_acme", "site": str(site.pk)}
    assert online.value == 0
    assert [row.value for row in found["mlc_relay_agents_enrolled"]] == [1]
