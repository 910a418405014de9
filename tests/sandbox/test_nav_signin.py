"""NAV's sign-ins: Basic with password or access key, Windows with the connection."""

from __future__ import annotations

from contextlib import suppress

import pytest
import requests
from requests_ntlm import HttpNtlmAuth

from tests.support.nav import (
    ACCOUNT,
    KEY,
    NAME,
    PASSWORD,
    Pages,
    certificates,
    code,
    session,
    start,
)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def nav_process(tls):
    started = start(tls=tls)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def windows_process(tls):
    started = start("--credential-type", "windows", "--channel-binding", "require", tls=tls)
    yield started
    started.stop()


@pytest.fixture
def nav(nav_process, tls):
    nav_process.post("reset")
    return Pages(nav_process, session(tls, (NAME, PASSWORD)))


@pytest.fixture
def windows(windows_process, tls):
    windows_process.post("reset")
    return Pages(windows_process, session(tls, HttpNtlmAuth(ACCOUNT, PASSWORD)))


def test_basic_takes_the_password_or_the_access_key_until_it_expires(nav, tls):
    customers = f"{nav.base}/Customer"

    def status(*pair: str) -> int:
        return session(tls, pair or None).get(customers, timeout=10).status_code

    assert (status(NAME, PASSWORD), status(NAME.lower(), KEY)) == (200, 200)
    assert (status(NAME, "no"), status("NOBODY", PASSWORD), status()) == (401, 401, 401)
    nav.sim.post("users", name=NAME, key_expires="2020-01-01T00:00:00+00:00")
    assert (status(NAME, KEY), status(NAME, PASSWORD)) == (401, 200)
    nav.sim.post("users", name=NAME, key_expires=None, enabled=False)
    assert status(NAME, KEY) == 401
    nav.sim.post("users", name=NAME, enabled=True, password="Grün-1")
    assert status(NAME, "Grün-1") == 401  # Basic carries no other characters


def test_a_401_before_the_application_is_not_json_and_names_the_credential_type(nav, tls):
    bare = session(tls).get(nav.base, timeout=10)
    assert bare.headers["WWW-Authenticate"].startswith("Basic")
    assert "json" not in bare.headers["Content-Type"]
    wrong = session(tls, (NAME, "no")).get(nav.base, timeout=10)
    assert code(wrong) == "Authentication_InvalidCredentials"


def test_windows_signs_in_with_ntlm_bound_to_the_servers_certificate(windows, tls):
    assert len(windows.get("Item")) > 60
    header = windows.make("SalesOrder", Sell_to_Customer_No="C00001")
    assert header["No"]
    customers = f"{windows.base}/Customer"
    offered = session(tls).get(customers, timeout=10)
    assert offered.headers["WWW-Authenticate"] == "Negotiate, NTLM"
    for name, secret, binds in (
        (ACCOUNT, "no", True),
        (r"CONTOSO\nobody", PASSWORD, True),
        (ACCOUNT, PASSWORD, False),
    ):
        made = session(tls, HttpNtlmAuth(name, secret, send_cbt=binds))
        assert made.get(customers, timeout=10).status_code == 401
    assert session(tls, (ACCOUNT, PASSWORD)).get(customers, timeout=10).status_code == 401


def test_a_windows_sign_in_belongs_to_its_connection_and_can_be_lost(windows):
    windows.get("Customer", top=1)
    legs = windows.sim.get("state")["signin"]["type3"]
    windows.get("Customer", top=1)
    assert windows.sim.get("state")["signin"]["type3"] == legs  # the connection stays signed in
    windows.sim.post("signin", forget=1)
    windows.get("Customer", top=1)
    assert windows.sim.get("state")["signin"]["type3"] == legs + 1


def test_no_document_is_written_before_the_handshake_is_over(windows):
    windows.document("SalesInvoice", "once")
    state = windows.sim.get("state")
    assert (len(state["drafts"]), state["duplicates"]) == (1, {})
    assert state["drafts"][0]["lines"] == 2


def test_the_server_can_break_a_handshake_or_close_a_connection(windows):
    windows.sim.post("signin", drop_after_challenge=1)
    # The answer to the challenge comes on a new connection, which does not know the challenge.
    with suppress(requests.ConnectionError):
        assert windows("GET", "Customer").status_code == 401
    windows.sim.post("signin", close_every=2)
    for _ in range(4):
        assert windows("GET", "Customer").status_code == 200
    assert windows.sim.get("state")["signin"]["type3"] > 1


def test_a_changed_or_locked_domain_account_is_refused(windows, tls):
    def status(secret: str) -> int:
        made = session(tls, HttpNtlmAuth(ACCOUNT, secret))
        return made.get(f"{windows.base}/Customer", timeout=10).status_code

    windows.sim.post("users", name=ACCOUNT, password="Other-Password-2")
    assert (status(PASSWORD), status("Other-Password-2")) == (401, 200)
    windows.sim.post("users", name=ACCOUNT, locked=True)
    assert status("Other-Password-2") == 401


def test_business_central_on_premises_can_have_users_of_its_own(tls):
    started = start("--flavour", "bc_v1", "--credential-type", "navuserpassword", tls=tls)
    http = session(tls, (NAME, KEY))
    try:
        for path in ("api/v1.0/companies", "api/beta/companies", "ODataV4/Company"):
            assert len(http.get(f"{started.api}/BC/{path}", timeout=10).json()["value"]) == 2
    finally:
        started.stop()
