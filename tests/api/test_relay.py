"""Relay sites and agents by the API: read by everybody, invited and revoked by administrators."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agent import wire
from audit.models import Entry
from connectors import services as connections
from connectors.models import RelayAgent
from connectors.relay import services
from tenants.context import in_tenant
from tenants.roles import Role
from tests.api.conftest import Program
from tests.console.test_relay import gp, installed, site

__all__ = ["gp", "site"]


@pytest.fixture
def admin(made):
    return Program(made[Role.ADMIN].token)


def invite(*arguments):
    """(standard output, standard error) of the command."""
    said, aside = io.StringIO(), io.StringIO()
    before = connection.tenant
    try:
        call_command("relay_invite", "--tenant", "acme", *arguments, stdout=said, stderr=aside)
    finally:
        connection.set_tenant(before)
    return said.getvalue(), aside.getvalue()


def test_sites_and_agents_are_listed_as_the_console_shows_them(reader, site, gp):
    services.reach(gp, site)
    first, second = installed(site), services.invite(site, "Server room 2")[0]
    (found,) = reader.pages("relay-sites/")
    assert found["slug"] == "head-office"
    assert found["connections"] == ["gp"]
    assert set(found["agents"]) == {first.key, second.key}
    assert found["is_online"] is False
    listed = {row["key"]: row for row in reader.pages("relay-agents/?page_size=1")}
    assert listed[second.key]["state"] == "invited"
    view = listed[first.key]
    assert (view["state"], view["site"], view["version"]) == ("offline", "head-office", "1.0.0")
    assert view["median_round_trip_ms"] == 38
    assert view["targets"][0]["url"] == "https://gp.acme.example/"


def test_no_answer_holds_a_token_or_a_key_but_the_invitation(admin, site):
    agent = installed(site)
    token = admin.post(f"relay-sites/{site.slug}/invite/", {"name": "Two"}).json()["token"]
    key, secret = wire.read_token(token)
    row = RelayAgent.objects.get(key=key)
    for path in ("relay-agents/", "relay-sites/", "audit/"):
        text = admin.get(path).content.decode()
        for hidden in (secret, row.token_hash, agent.public_key):
            assert hidden not in text, path


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT])
def test_only_an_administrators_token_invites_and_revokes(made, site, role):
    agent = installed(site)
    program = Program(made[role].token)
    assert program.post(f"relay-sites/{site.slug}/invite/", {"name": "Mine"}).status_code == 403
    assert program.post(f"relay-agents/{agent.key}/revoke/").status_code == 403
    assert RelayAgent.objects.get().revoked_at is None


def test_an_agent_is_invited_once_and_revoked_twice_with_the_same_end(admin, site):
    answer = admin.post(f"relay-sites/{site.slug}/invite/", {"name": "Server room 1"})
    key = answer.json()["agent"]["key"]
    assert wire.read_token(answer.json()["token"])[0] == key
    again = admin.post(f"relay-sites/{site.slug}/invite/", {"name": "Server room 1"})
    assert again.status_code == 400
    assert "name" in again.json()["errors"]
    first = admin.post(f"relay-agents/{key}/revoke/").json()
    assert first["state"] == "revoked"
    assert admin.post(f"relay-agents/{key}/revoke/").json() == first
    (done,) = Entry.objects.filter(action="relay_agent_revoked")
    assert done.actor.startswith("admin program")


def test_another_companys_agent_is_not_known(admin):
    with in_tenant("t_other"):
        theirs = installed(services.create_site("Their office"))
    assert admin.post(f"relay-agents/{theirs.key}/revoke/").status_code == 404
    assert admin.pages("relay-agents/") == []
    with in_tenant("t_other"):
        theirs.refresh_from_db()
        assert theirs.revoked_at is None
        services.revoke(theirs)
        services.delete_site(theirs.site)


def test_a_connection_says_how_it_is_reached(reader, site, gp):
    direct = reader.get("connections/gp/").json()
    assert (direct["relay_site"], direct["sign_in_on_site"]) == (None, False)
    services.reach(gp, site, sign_in_on_site=True)
    for row in (reader.get("connections/gp/").json(), *reader.pages("connections/")):
        assert (row["relay_site"], row["sign_in_on_site"]) == ("head-office", True)


def test_the_command_prints_the_token_alone_and_once(tenant, site):
    said, aside = invite("--site", "head-office", "--name", "Server room 1")
    key, secret = wire.read_token(said)
    agent = RelayAgent.objects.get(name="Server room 1")
    assert agent.key == key
    assert agent.token_hash == services.hash_of(secret)
    assert secret not in aside
    again, _ = invite("--site", "head-office", "--name", "Server room 1", "--again")
    assert wire.read_token(again)[1] != secret
    agent.refresh_from_db()
    assert agent.token_hash == services.hash_of(wire.read_token(again)[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--site", "nowhere", "--name", "A"), "There are: head-office"),
        (("--site", "head-office", "--name", " "), "name is missing"),
        (("--site", "head-office", "--name", "B", "--again"), "no agent “B”"),
    ],
)
def test_the_command_says_what_is_wrong_and_makes_nothing(tenant, site, arguments, words):
    with pytest.raises(CommandError, match=words):
        invite(*arguments)
    assert not RelayAgent.objects.exists()


def test_the_command_gives_no_second_token_to_an_agent_that_is_enrolled(tenant, site):
    installed(site)
    with pytest.raises(CommandError, match="revoke it first"):
        invite("--site", "head-office", "--name", "Server room 1", "--again")


def test_settings_of_an_account_on_site_are_given_as_not_set(reader, site):
    connections.create_connection(
        kind="gp", name="Acme GP", slug="gp", values={"base_url": "https://gp.acme.example:443"},
        relay_site=site, sign_in_on_site=True,
    )  # fmt: skip
    settings = {row["name"]: row for row in reader.get("connections/gp/").json()["settings"]}
    assert (settings["password"]["is_set"], settings["user"]["is_set"]) == (False, False)
    assert settings["user"]["value"] == ""
