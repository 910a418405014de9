"""The relay's pages in a real Chromium."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Error, expect

from agent import wire
from connectors.models import RelayAgent
from connectors.relay import services
from tests.console.support import Product, in_chromium, sign_in
from tests.console.test_relay import PASSWORD, gp, installed, site
from tests.support.relay import Agent, RelayServer, Target

__all__ = ["gp", "site"]
pytestmark = in_chromium


@pytest.fixture
def product(tenant):
    """Without simulators: nothing is sent to any system here."""
    running = Product()
    yield running
    running.stop()


@pytest.fixture
def relay_server(tenant):
    running = RelayServer().start()
    yield running
    running.kill()


def test_an_admin_makes_a_site_and_invites_an_agent_whose_token_is_seen_once(page):
    sign_in(page)
    page.get_by_role("link", name="Relay agents").click()
    expect(page.get_by_text("No relay site yet")).to_be_visible()
    page.get_by_label("Name").fill("Head office")
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("status")).to_contain_text("Head office is there")
    page.get_by_label("Name").first.fill("Server room 1")
    page.get_by_role("button", name="Invite", exact=True).click()
    token = page.get_by_label("The token").input_value()
    assert wire.read_token(token)[0] == RelayAgent.objects.get().key
    for shell in ("#on-linux", "#on-windows"):
        assert page.locator(shell).text_content().endswith(f"enroll {token}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.get_by_role("link", name="Relay agents").first.click()
    expect(page.get_by_text("Invited until")).to_be_visible()
    assert token not in page.content()
    with pytest.raises(Error, match="CACHE_MISS"):  # the browser has not kept the page either
        page.go_back()
    assert RelayAgent.objects.count() == 1
    assert page.complaints == []


def test_an_agent_is_revoked_after_a_question_and_the_page_follows_by_itself(page, gp, site):
    services.reach(gp, site)
    installed(site)
    sign_in(page)
    expect(page.get_by_role("heading", name="No relay agent of Head office")).to_be_visible()
    page.goto("/relay/")
    revoke = page.get_by_role("button", name="Revoke Server room 1")
    revoke.click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("looked up in the ERP before anything is sent again")
    asked.get_by_role("button", name="Cancel").click()
    assert RelayAgent.objects.get().revoked_at is None
    revoke.click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    other = installed(site, "Server room 2")
    expect(page.get_by_role("heading", name="Server room 2")).to_be_visible(timeout=10_000)
    services.revoke(other)
    expect(page.locator(f"#{other.key}").get_by_text("Revoked")).to_be_visible(timeout=10_000)
    assert page.complaints == []


def test_a_token_from_the_page_enrols_an_agent_that_shows_as_online_until_it_dies(
    page, gp, site, relay_server, tmp_path
):
    services.reach(gp, site)
    sign_in(page)
    page.goto("/relay/")
    page.locator("#name").fill("Server room 1")
    page.get_by_role("button", name="Invite", exact=True).click()
    token = page.get_by_label("The token").input_value()
    page.goto("/relay/")
    target = Target(url="http://127.0.0.1:9/gp/", sign_in="none")
    agent = Agent(tmp_path, connector=relay_server.url, targets=[target]).enroll(token).start()
    try:
        row = page.locator(".flow")
        expect(row.get_by_text("Online")).to_be_visible(timeout=15_000)
        expect(row.get_by_text("just now")).to_be_visible()
        expect(row.get_by_text("http://127.0.0.1:9/gp/")).to_be_visible()
        expect(page.get_by_text("No relay agent of this site is online")).to_have_count(0)
        first_key = RelayAgent.objects.get().public_key
        page.get_by_role("button", name="Ask Server room 1 for a new key").click()
        expect(page.get_by_role("status")).to_contain_text("is asked for a new key")
        until = time.monotonic() + 60
        while RelayAgent.objects.get().public_key == first_key:
            assert time.monotonic() < until, "it made no new key"
            time.sleep(0.2)
        expect(page.get_by_role("button", name="Ask Server room 1 for a new key")).to_be_enabled(
            timeout=15_000
        )
    finally:
        agent.kill()
    expect(row.get_by_text("Offline since")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("No relay agent of this site is online")).to_be_visible()
    again = agent.command("enroll", token, "--replace")
    assert again.returncode != 0  # the token was good once
    assert page.complaints == []


def test_a_connection_is_switched_to_a_site_with_its_account_on_site_and_back(page, gp, site):
    sign_in(page)
    page.goto("/connections/gp/")
    expect(page.get_by_label("Kept on site")).to_be_hidden()  # directly there is no site
    page.get_by_label("Reach it").select_option(label="Through Head office (no agent online)")
    page.get_by_label("Kept on site").check()
    expect(page.get_by_text("What is stored here is erased when you save this")).to_be_visible()
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("status")).to_contain_text("kept on site, and erased here")
    gp.refresh_from_db()
    assert PASSWORD not in f"{gp.values}{gp.secrets}"
    expect(page.locator("#f-password")).to_have_count(0)
    page.get_by_label("Reach it").select_option(label="Directly")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("status")).to_contain_text("Enter the account")
    page.get_by_label("Windows user name").fill("svc-new")
    page.locator("#f-password").fill("another")
    page.get_by_role("button", name="Save").click()
    gp.refresh_from_db()
    assert (gp.relay_site, gp.secrets["password"]) == (None, "another")
    assert page.complaints == []


def test_a_new_connection_asks_for_no_account_that_is_kept_on_site(page, site):
    sign_in(page)
    page.goto("/connections/add/gp/")
    expect(page.locator("#f-password")).to_be_visible()
    page.get_by_label("Reach it").select_option(value=site.slug)
    page.get_by_label("Kept on site").check()
    expect(page.locator("#f-password")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Acme GP")
    page.get_by_label("Server address").fill("https://gp.acme.example:443")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Acme GP")).to_be_visible()
    assert page.complaints == []


def test_a_viewer_sees_states_and_no_way_to_act(page, site):
    installed(site)
    sign_in(page, "viewer")
    page.goto("/relay/")
    expect(page.get_by_text("Offline since")).to_be_visible()
    expect(page.locator("#main").get_by_role("button")).to_have_count(0)
    answer = page.goto("/relay/site/head-office/")
    assert answer is not None
    assert answer.status == 403


def test_no_page_of_the_relay_overflows_a_phone_or_breaks_the_content_policy(page, gp, site):
    services.reach(gp, site)
    installed(
        site, "A rather long name of a computer in the server room of the head office",
        targets=[
            {
                "url": f"https://nav.acme.example:7048/{'DynamicsNAV110' * 5}/", "sign_in": "basic",
                "certificate_until": "2026-01-01T00:00:00+00:00",
            }
        ],
    )  # fmt: skip
    sign_in(page)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    for width in (390, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        for path in ("/", "/relay/", "/relay/site/head-office/", "/connections/gp/"):
            page.goto(path)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, width, wide)
        page.goto("/relay/")
        page.locator("#name").fill(f"At {width}")
        page.get_by_role("button", name="Invite", exact=True).click()
        expect(page.get_by_label("The token")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, width
    assert page.complaints == []
