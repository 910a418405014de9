"""Entra's token endpoint: msal signs in over TLS, and each refusal has Microsoft's number."""

from __future__ import annotations

import msal
import pytest
import requests

from tests.support.simulators import CLIENT_ID, TENANT_ID

SECRET = "sandbox-entra-client-secret"
SCOPE = "https://api.businesscentral.dynamics.com/.default"
OTHER = "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21"


@pytest.fixture
def http(simulators):
    session = requests.Session()
    session.trust_env = False
    session.verify = simulators.ca_file
    return session


def sign_in(simulators, http, *, tenant=TENANT_ID, client=CLIENT_ID, secret=SECRET, scope=SCOPE):
    app = msal.ConfidentialClientApplication(
        client,
        client_credential=secret,
        authority=f"{simulators.erp.api}/{tenant}",
        instance_discovery=False,
        http_client=http,
    )
    return app.acquire_token_for_client([scope])


def companies(simulators, http, token: str) -> requests.Response:
    return http.get(
        f"{simulators.erp.api}/v2.0/{TENANT_ID}/Production/api/v2.0/companies",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )


def test_msal_gets_a_token_that_opens_the_api(simulators, http):
    answer = sign_in(simulators, http)
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3599
    assert companies(simulators, http, answer["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "error", "number"),
    [
        ({"secret": "another-secret"}, "invalid_client", 7000215),
        ({"client": OTHER}, "unauthorized_client", 700016),
        ({"scope": "https://graph.example/.default"}, "invalid_scope", 70011),
    ],
)
def test_msal_hears_microsofts_number_for_each_wrong_value(simulators, http, wrong, error, number):
    answer = sign_in(simulators, http, **wrong)
    assert (answer["error"], answer["error_codes"]) == (error, [number])
    assert answer["error_description"].startswith(f"AADSTS{number}: ")
    assert answer["trace_id"] in answer["error_description"]
    assert answer["correlation_id"] in answer["error_description"]


def test_an_unknown_tenant_has_no_configuration(simulators, http):
    with pytest.raises(ValueError, match="tenant"):
        sign_in(simulators, http, tenant=OTHER)


@pytest.mark.parametrize(
    ("tenant", "change", "status", "number"),
    [
        (OTHER, {}, 400, 90002),
        ("nonsense", {}, 400, 900023),
        (TENANT_ID, {"grant_type": "password"}, 400, 70003),
        (TENANT_ID, {"grant_type": None}, 400, 900144),
        (TENANT_ID, {"client_id": None}, 400, 900144),
        (TENANT_ID, {"client_secret": None}, 401, 7000218),
        (TENANT_ID, {"scope": None}, 400, 900144),
    ],
)
def test_an_incomplete_request_is_refused(simulators, http, tenant, change, status, number):
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scope": SCOPE,
        **change,
    }
    answer = http.post(f"{simulators.erp.api}/{tenant}/oauth2/v2.0/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [number])


def test_credentials_may_come_by_basic_authentication(simulators, http):
    answer = http.post(
        f"{simulators.erp.api}/{TENANT_ID}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "scope": SCOPE},
        auth=(CLIENT_ID, SECRET),
        timeout=10,
    )
    assert answer.status_code == 200


def test_a_token_ends_by_the_clock_by_command_and_when_it_was_tampered_with(simulators, http):
    token = sign_in(simulators, http)["access_token"]
    head, claims, signature = token.split(".")
    forged = f"{head}.{claims[:-2]}AA.{signature}"
    assert companies(simulators, http, forged).status_code == 401
    simulators.erp.post("clock", advance_seconds=3590)
    assert companies(simulators, http, token).status_code == 200
    simulators.erp.post("clock", advance_seconds=10)
    refused = companies(simulators, http, token)
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "Authentication_InvalidCredentials"
    token = sign_in(simulators, http)["access_token"]
    simulators.erp.post("tokens/expire")
    assert companies(simulators, http, token).status_code == 401


def test_a_changed_secret_leaves_tokens_good_and_an_expired_one_has_its_own_number(
    simulators, http
):
    token = sign_in(simulators, http)["access_token"]
    simulators.erp.post("settings", client_secret="the-new-secret")
    assert companies(simulators, http, token).status_code == 200
    assert sign_in(simulators, http)["error_codes"] == [7000215]
    assert "access_token" in sign_in(simulators, http, secret="the-new-secret")
    simulators.erp.post("settings", expire_secret="the-new-secret")
    assert sign_in(simulators, http, secret="the-new-secret")["error_codes"] == [7000222]
