"""Relay sites and agents in the console: inviting, revoking, and how a connection is reached."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from agent import wire
from audit.actions import Action
from audit.models import Entry
from connectors import services as connections
from connectors.models import Connection, RelayAgent, RelaySite
from connectors.relay import services
from connectors.setting_values import full_values
from tenants.context import in_tenant
from tenants.roles import Role
from tests.console.support import Browser
from tests.console.test_pages import ODD

PASSWORD = "the-domain-password"
TOKEN = re.compile(r"agt_[A-Za-z0-9]{16}\.[A-Za-z0-9_-]{32,64}")


@pytest.fixture
def gp(tenant):
    """A GP server's connection, reached directly, with its account kept here."""
    return connections.create_connection(
        kind="gp",
        name="Acme GP",
        slug="gp",
        values={
            "base_url": "https://gp.acme.example:443", "domain": "ACME", "user": "svc-shop",
            "password": PASSWORD,
        },
    )  # fmt: skip


@pytest.fixture
def site(tenant):
    return services.create_site("Head office")


@pytest.fixture
def viewer(people):
    return Browser(people[Role.VIEWER])


def installed(site, name="Server room 1", **said):
    """An agent that enrolled and was last heard of ten minutes ago, when it said this of itself."""
    agent, _ = services.invite(site, name)
    now = timezone.now()
    RelayAgent.objects.filter(pk=agent.pk).update(
        public_key="A" * 43 + "=",
        token_hash="",
        enrolled_at=now - timedelta(days=3),
        last_seen_at=now - timedelta(minutes=10),
        state={
            "version": "1.0.0", "wire": wire.WIRE, "host": "gp-relay-1", "system": "Linux",
            "round_trip_ms": 38, "clock_difference_seconds": 0.2, "in_flight": [],
            "targets": [
                {
                    "url": "https://gp.acme.example/", "sign_in": "windows",
                    "certificate_until": (now + timedelta(days=300)).isoformat(),
                }
            ],
            **said,
        },
    )  # fmt: skip
    agent.refresh_from_db()
    return agent


def text_of(answer):
    return answer.content.decode()


def test_a_token_is_shown_once_and_kept_nowhere(browser, site):
    answer = browser("post", "/relay/invite/", {"site": site.slug, "name": "Server room 1"})
    (token,) = set(TOKEN.findall(text_of(answer)))
    agent = RelayAgent.objects.get()
    key, secret = wire.read_token(token)
    assert key == agent.key
    assert answer["Cache-Control"] == "no-store"
    for path in ("/relay/", f"/relay/site/{site.slug}/", "/audit/", "/"):
        assert secret not in text_of(browser("get", path)), path
    assert secret not in str(RelayAgent.objects.values().get())
    assert secret not in str(list(Entry.objects.values()))
    assert Entry.objects.get(action=Action.RELAY_AGENT_INVITED).actor == "admin@example.com"


def test_the_same_name_twice_is_refused_and_makes_no_second_token(browser, site):
    form = {"site": site.slug, "name": "Server room 1"}
    browser("post", "/relay/invite/", form)
    again = browser("post", "/relay/invite/", form)
    assert again.status_code == 400
    assert not TOKEN.search(text_of(again))
    assert RelayAgent.objects.count() == 1


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNTANT])
def test_others_than_admins_see_states_and_change_nothing(people, site, gp, role):
    agent = installed(site)
    other = Browser(people[role])
    page = text_of(other("get", "/relay/"))
    assert "Server room 1" in page
    assert "Offline since" in page
    assert "https://gp.acme.example/" not in page  # the inside of the network is IT's matter
    assert "gp-relay-1" not in page
    assert "<button" not in page.partition('id="relay"')[2]
    for path, form in (
        ("/relay/invite/", {"site": site.slug, "name": "Mine"}),
        ("/relay/sites/add/", {"name": "Mine"}),
        (f"/relay/site/{site.slug}/", {"name": "Mine"}),
        (f"/relay/site/{site.slug}/delete/", {}),
        (f"/relay/agents/{agent.key}/act/", {"act": "revoke"}),
        ("/connections/gp/reach/", {"relay_site": site.slug}),
    ):
        assert other("post", path, form).status_code == 403, path
    agent.refresh_from_db()
    gp.refresh_from_db()
    assert (agent.revoked_at, gp.relay_site, RelaySite.objects.count()) == (None, None, 1)


def test_an_agent_is_revoked_invited_again_and_removed(browser, site):
    agent = installed(site)
    act = f"/relay/agents/{agent.key}/act/"
    browser("post", act, {"act": "remove"})
    assert "revoke it first" in text_of(browser("get", "/relay/"))  # it might still sign in
    browser("post", act, {"act": "revoke"})
    assert "Revoked" in text_of(browser("get", "/relay/"))
    (token,) = set(TOKEN.findall(text_of(browser("post", act, {"act": "invite"}))))
    agent.refresh_from_db()
    assert (wire.read_token(token)[0], agent.revoked_at) == (agent.key, None)
    browser("post", act, {"act": "revoke"})
    browser("post", act, {"act": "remove"})
    assert not RelayAgent.objects.exists()


def test_an_agent_is_asked_for_a_new_key_once(browser, site):
    agent = installed(site)
    browser("post", f"/relay/agents/{agent.key}/act/", {"act": "new_key"})
    agent.refresh_from_db()
    assert agent.rotate_asked_at is not None
    assert "New key asked" in text_of(browser("get", "/relay/"))


def test_what_is_wrong_with_an_agent_is_said_in_words_and_nothing_when_all_is_well(browser, site):
    installed(site)
    page = text_of(browser("get", "/relay/"))
    assert "warning-line" not in page
    assert "38 ms" in page
    soon = timezone.now() + timedelta(days=12)
    installed(
        site,
        "Server room 2",
        wire=0,
        version="0.1",
        clock_difference_seconds=-95.0,
        targets=[
            {
                "url": "https://nav.acme.example:7048/",
                "sign_in": "basic",
                "certificate_until": soon.isoformat(),
            },
            {"url": "https://old.acme.example/", "sign_in": "connector", "certificate_until": ""},
        ],
    )
    page = text_of(browser("get", "/relay/"))
    assert "Version 0.1 is too old" in page
    assert "95 seconds behind" in page
    assert f"The certificate of https://nav.acme.example:7048/ ends on {soon:%-d %B %Y}" in page
    assert "account kept on site" in page
    assert page.count("warning-line") == 3


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_no_date_that_a_stolen_agent_says_keeps_people_from_revoking_it(browser, site, until):
    target = {"url": "https://gp.acme.example/", "sign_in": "windows", "certificate_until": until}
    agent = installed(site, targets=[target], key_until=until)
    assert f"/relay/agents/{agent.key}/" in text_of(browser("get", "/relay/"))


def test_the_page_refreshes_only_when_something_moved(browser, site):
    agent = installed(site)
    part = browser("get", "/relay/", **{"HX-Request": "true"})
    assert "<html" not in text_of(part)
    version = re.search(r'"v": "([0-9a-f]+)"', text_of(part))
    assert version is not None
    for _ in range(2):  # at most one of two falls into the next minute
        same = browser("get", f"/relay/?v={version[1]}", **{"HX-Request": "true"})
        if same.status_code == 204:
            break
        version = re.search(r'"v": "([0-9a-f]+)"', text_of(same))
    assert same.status_code == 204
    services.revoke(agent)
    moved = browser("get", f"/relay/?v={version[1]}", **{"HX-Request": "true"})
    assert "Revoked" in text_of(moved)


def test_a_connection_goes_through_a_site_and_back(browser, site, gp):
    before = gp.version
    browser("post", "/connections/gp/reach/", {"relay_site": site.slug, "sign_in_place": "here"})
    gp.refresh_from_db()
    assert (gp.relay_site, gp.sign_in_on_site) == (site, False)
    assert gp.version > before  # sessions that went directly are given up
    assert gp.secrets["password"] == PASSWORD
    assert "through Head office" in text_of(browser("get", "/connections/"))
    browser("post", "/connections/gp/reach/", {"relay_site": ""})
    gp.refresh_from_db()
    assert gp.relay_site is None
    assert "Directly, from the connector" in text_of(browser("get", "/connections/gp/"))


def test_an_account_kept_on_site_is_erased_here_and_no_longer_asked_for(browser, site, gp):
    browser("post", "/connections/gp/reach/", {"relay_site": site.slug, "sign_in_place": "on_site"})
    gp.refresh_from_db()
    assert gp.sign_in_on_site
    stored = f"{gp.values}{gp.secrets}"
    assert not any(word in stored for word in (PASSWORD, "svc-shop", "ACME"))
    assert PASSWORD not in str(full_values(gp))
    page = text_of(browser("get", "/connections/gp/"))
    for name in ("domain", "user", "password"):
        assert f'id="f-{name}"' not in page
    assert 'id="f-base_url"' in page
    assert "are kept on site" in page
    browser("post", "/connections/gp/save/", {"company": "TWO"})
    gp.refresh_from_db()
    assert gp.values["company"] == "TWO"  # it can be saved without an account
    browser("post", "/connections/gp/save/", {"password": PASSWORD})
    gp.refresh_from_db()
    assert "password" not in gp.secrets
    browser("post", "/connections/gp/reach/", {"relay_site": site.slug, "sign_in_place": "here"})
    gp.refresh_from_db()
    assert not gp.is_open  # it waits for the account
    assert 'id="f-password"' in text_of(browser("get", "/connections/gp/"))


def test_an_account_is_not_on_site_where_there_is_no_site(browser, gp, site):
    browser("post", "/connections/gp/reach/", {"relay_site": "", "sign_in_place": "on_site"})
    gp.refresh_from_db()
    assert not gp.sign_in_on_site
    assert gp.secrets["password"] == PASSWORD
    services.reach(gp, site, sign_in_on_site=True)
    answer = browser(
        "post", "/connections/gp/reach/", {"relay_site": "", "sign_in_place": "on_site"}
    )
    assert answer.status_code == 302
    gp.refresh_from_db()
    assert (gp.relay_site, gp.sign_in_on_site, gp.is_open) == (None, False, False)
    assert "Enter the account" in text_of(browser("get", "/connections/gp/"))


def test_only_a_system_with_such_a_sign_in_offers_to_keep_it_on_site(browser, site):
    assert "sign-in-on-site" in text_of(browser("get", "/connections/add/gp/"))
    page = text_of(browser("get", "/connections/add/business_central/"))
    assert 'name="relay_site"' in page
    assert "sign-in-on-site" not in page
    RelaySite.objects.all().delete()
    assert 'name="relay_site"' not in text_of(browser("get", "/connections/add/bigcommerce/"))


def test_a_connection_is_added_through_a_site_without_an_account(browser, site):
    form = {
        "name": "Acme GP", "base_url": "https://gp.acme.example:443", "relay_site": site.slug, "sign_in_place": "on_site",
        "user": "left-by-mistake", "password": PASSWORD,
    }  # fmt: skip
    answer = browser("post", "/connections/add/gp/", form)
    assert answer.status_code == 302, text_of(answer)
    row = Connection.objects.get()
    assert (row.relay_site, row.sign_in_on_site) == (site, True)
    assert PASSWORD not in str(row.secrets)
    assert "user" not in row.values
    lost = browser("post", "/connections/add/gp/", {**form, "name": "B", "relay_site": "gone"})
    assert lost.status_code == 400
    assert "no longer there" in text_of(lost)


def test_the_overview_and_the_site_say_what_to_do_when_no_agent_is_there(browser, site, gp):
    assert "No relay agent of" not in text_of(browser("get", "/"))
    browser("post", "/connections/gp/reach/", {"relay_site": site.slug, "sign_in_place": "here"})
    page = text_of(browser("get", "/"))
    assert "No relay agent of Head office is online" in page
    assert "Invite a relay agent" in page
    installed(site)
    assert "Start the relay agent on its computer" in text_of(browser("get", "/"))
    assert "nothing can be sent to Acme GP" in text_of(browser("get", "/relay/"))
    browser("post", "/connections/gp/reach/", {"relay_site": ""})
    assert "No relay agent of" not in text_of(browser("get", "/"))


def test_a_site_is_renamed_and_deleted_only_when_nothing_needs_it(browser, site, gp):
    where = f"/relay/site/{site.slug}/"
    services.create_site("Warehouse")
    assert browser("post", where, {"name": "Warehouse"}).status_code == 400
    browser("post", where, {"name": "Main building"})
    site.refresh_from_db()
    assert (site.name, site.slug) == ("Main building", "head-office")
    services.reach(gp, site)
    browser("post", f"{where}delete/")
    assert "It is in use" in text_of(browser("get", where))
    services.reach(gp, None)
    agent = installed(site)
    browser("post", f"{where}delete/")
    assert RelaySite.objects.filter(pk=site.pk).exists()
    services.revoke(agent)
    browser("post", f"{where}delete/")
    assert not RelaySite.objects.filter(pk=site.pk).exists()


def test_another_companys_agent_is_not_found(browser, tenant):
    with in_tenant("t_other"):
        theirs = installed(services.create_site("Their office"))
    assert browser("post", f"/relay/agents/{theirs.key}/act/", {"act": "revoke"}).status_code == 404
    assert "Their office" not in text_of(browser("get", "/relay/"))
    with in_tenant("t_other"):
        theirs.refresh_from_db()
        assert theirs.revoked_at is None
        services.revoke(theirs)
        services.delete_site(theirs.site)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/relay/invite/", {"site": "head-office", "name": "n"}),
        ("/relay/sites/add/", {"name": "n"}),
        ("/relay/site/head-office/", {"name": "n"}),
        ("/connections/gp/reach/", {"relay_site": "head-office", "sign_in_place": "here"}),
    ],
)
def test_odd_forms_break_no_page(browser, site, gp, path, form):
    for name in form:
        for odd in ODD:
            answer = browser("post", path, {**form, name: odd})
            assert answer.status_code < 500, (path, name, odd)
