"""Windows sign-in on site, against the GP simulator with extended protection required."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.wire import Codes
from tests.connectors.gp.conftest import start

ACCOUNT, PASSWORD = "CONTOSO\\svc-gp", "sandbox-gp-password"
PAGE = "/GPService/Tenants(DefaultTenant)/help"
CUSTOMERS = "/GPService/Tenants(DefaultTenant)/Companies(ACME)/Sales/Customers"


@pytest.fixture(scope="module")
def running():
    server = start("--channel-binding", "require", "--lockout", "3")
    yield server
    server.simulator.stop()


@pytest.fixture
def gp(running):
    running.simulator.post("reset")
    return running


@pytest.fixture
def connected(site, gp, tmp_path):
    """A site with the sign-in as the connector says."""
    return site(f'url = "{gp.simulator.api}/GPService/"\nca_file = "{ca(gp)}"')


@pytest.fixture
def own(site, gp, tmp_path):
    """A site with an account of its own."""
    (tmp_path / "password").write_text(PASSWORD)
    (tmp_path / "password").chmod(0o600)
    return site(
        f'url = "{gp.simulator.api}/GPService/"\nca_file = "{ca(gp)}"\nsign_in = "windows"\n'
        f"user = '{ACCOUNT}'\npassword_file = \"{tmp_path / 'password'}\""
    )


def ca(gp) -> str:
    path = gp.folder / "ca.pem"
    gp.authority.cert_pem.write_to_path(str(path))
    return str(path)


def given(password: str = PASSWORD, page: str = PAGE) -> dict[str, str]:
    return {"page": page, "account": ACCOUNT, "password": password}


def counts(gp) -> dict[str, int]:
    return gp.state()["sign_in"]


def status(outcome) -> int:
    parts, trouble = outcome
    assert trouble is None, trouble
    return parts[0].head.status


def test_a_connection_is_signed_in_with_channel_binding_once_and_kept(connected, gp):
    for _ in range(5):
        assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200
    assert counts(gp)["type3"] == 1
    assert counts(gp).get("binding missing", 0) == 0


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_either_scheme_alone_signs_in(connected, gp, scheme):
    gp.set(schemes=[scheme])
    assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200


def test_a_write_reaches_a_signed_in_server_once(connected, gp):
    customer = {"CustomerId": "WEB1", "Name": "One"}
    outcome = connected.carry(
        "POST",
        gp.simulator.api + CUSTOMERS,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=base64.b64encode(json.dumps({"Payload": customer}).encode()).decode(),
        sign_in=given(),
    )
    assert status(outcome) == 201, outcome[0][0].data
    begins = [path for path in connected.double.paths if path.endswith("/begin")]
    assert len(begins) == 1


def test_a_server_that_forgot_the_sign_in_gets_a_new_one_and_the_write_once_more(connected, gp):
    """With the 401 nothing was done."""
    assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200
    gp.set(forget=1)
    assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200
    assert counts(gp)["type3"] == 2


def test_the_servers_own_end_of_a_connection_is_no_trouble(connected, gp):
    gp.set(close_every=2, close_silently=True)  # the sign-in and one request
    for _ in range(3):
        assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200


def test_a_wrong_password_is_tried_once_and_nothing_is_sent(connected, gp):
    def wrong(_):
        return connected.carry("POST", gp.simulator.api + CUSTOMERS, sign_in=given("wrong"))

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(wrong, range(6)))
    assert {(trouble.code, trouble.sent) for _, trouble in outcomes} == {(Codes.SIGN_IN, False)}
    assert ACCOUNT in outcomes[0][1].words
    assert "wrong" not in outcomes[0][1].words
    assert gp.state()["users"][0]["bad_passwords"] == 1
    assert not any(path.endswith("/begin") for path in connected.double.paths)
    # The right one is not answered with the refusal of the wrong one.
    assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200


def test_a_server_without_windows_sign_in_is_told(connected, gp):
    gp.set(bearer_only=True)
    _, trouble = connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())
    assert (trouble.code, trouble.sent) == (Codes.SIGN_IN, False)
    assert "Bearer" in trouble.words


def test_a_connection_that_breaks_in_the_middle_of_the_sign_in_sent_nothing(connected, gp):
    gp.set(drop_after_challenge=1)
    _, trouble = connected.carry("POST", gp.simulator.api + CUSTOMERS, sign_in=given())
    assert (trouble.code, trouble.sent) == (Codes.NETWORK, False)
    assert status(connected.carry("GET", gp.simulator.api + PAGE, sign_in=given())) == 200


def test_the_account_on_site_wins_over_whatever_the_connector_brings(own, gp):
    """Its password never left: the connector's own words are not used for anything."""
    job = own.job(
        "GET",
        gp.simulator.api + PAGE,
        sign_in=given("wrong") | {"account": "CONTOSO\\nobody"},
        headers={"Authorization": "Basic d3Jvbmc6d3Jvbmc="},
    )
    own.carrier.carry(job)
    assert status((own.double.parts[job.id], own.double.troubles.get(job.id))) == 200
    assert status(own.carry("GET", gp.simulator.api + PAGE, sign_in={"page": PAGE}, on_site=True))
    assert counts(gp).get("wrong", 0) == 0


def test_a_changed_password_on_site_needs_no_restart(own, gp, tmp_path):
    assert status(own.carry("GET", gp.simulator.api + PAGE, on_site=True)) == 200
    gp.simulator.post("users", name=ACCOUNT, password="next-password")
    (tmp_path / "password").write_text("next-password\n")
    assert status(own.carry("GET", gp.simulator.api + PAGE, on_site=True)) == 200


def test_without_the_password_on_site_it_is_told_where_to_put_it(own, gp, tmp_path):
    (tmp_path / "password").chmod(0o644)
    _, trouble = own.carry("POST", gp.simulator.api + CUSTOMERS, on_site=True)
    assert (trouble.code, trouble.sent) == (Codes.NO_ACCOUNT, False)
    assert "chmod 600" in trouble.words


def test_a_sign_in_on_site_without_an_account_here_is_told(connected, gp):
    _, trouble = connected.carry("GET", gp.simulator.api + PAGE, on_site=True)
    assert (trouble.code, trouble.sent) == (Codes.NO_ACCOUNT, False)


def test_the_page_of_the_sign_in_must_be_allowed_too(connected, gp):
    _, trouble = connected.carry("GET", gp.simulator.api + PAGE, sign_in=given(page="/admin"))
    assert (trouble.code, trouble.sent) == (Codes.NOT_ALLOWED, False)
    assert counts(gp) == {}


@pytest.mark.parametrize("sign_in", ["windows", "basic"])
def test_the_connector_cannot_say_whom_the_account_on_site_is_shown_to(
    site, gp, sign_in, monkeypatch
):
    monkeypatch.setenv("GP_PASSWORD", PASSWORD)
    here = site(
        f'url = "{gp.simulator.api}/GPService/"\nsign_in = "{sign_in}"\n'
        f"user = '{ACCOUNT}'\npassword_env = \"GP_PASSWORD\""
    )
    _, trouble = here.carry("GET", gp.simulator.api + PAGE, on_site=True, authority=gp.ca_pem)
    assert (trouble.code, trouble.sent) == (Codes.TLS, False)
    assert counts(gp) == {}


def test_a_certificate_of_an_unknown_authority_is_not_trusted(site, gp):
    here = site(f'url = "{gp.simulator.api}/GPService/"')
    _, trouble = here.carry("POST", gp.simulator.api + CUSTOMERS, sign_in=given())
    assert (trouble.code, trouble.sent) == (Codes.TLS, False)
    trusted = here.carry("GET", gp.simulator.api + PAGE, sign_in=given(), authority=gp.ca_pem)
    assert status(trusted) == 200
    assert here.lines.certificates


def test_a_certificate_for_another_name_is_not_trusted(site):
    other = start(names=("gp.example.local",))
    try:
        here = site(f'url = "{other.simulator.api}/"\nca_file = "{ca(other)}"')
        _, trouble = here.carry("GET", other.simulator.api + PAGE, sign_in=given())
        assert (trouble.code, trouble.sent) == (Codes.TLS, False)
        assert "127.0.0.1" in trouble.words
    finally:
        other.simulator.stop()
