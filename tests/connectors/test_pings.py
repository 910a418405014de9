"""A ping says what is wrong and whose move it is, each trouble in its own words."""

from __future__ import annotations

import pytest

from connectors import services


def ping(connection) -> tuple[str, str, str]:
    services.ping(connection)
    connection.refresh_from_db()
    return connection.state, connection.state_code, connection.state_reason


def test_a_good_connection_is_proved_step_by_step(flow):
    assert ping(flow.store)[0] == "healthy"
    assert {check["name"] for check in flow.store.checks} >= {
        "Sign in to the store",
        "Read orders",
        "Clock",
    }
    assert flow.store.facts["Currency"] == "GBP"
    assert ping(flow.erp)[0] == "healthy"
    assert {check["name"] for check in flow.erp.checks} >= {
        "Environment", "Company", "Write customers and invoices", "Posting allowed today",
    }  # fmt: skip
    assert flow.booked()["customers"] == []
    assert len(flow.erp.choices["company_id"]) == 2


@pytest.mark.parametrize(
    ("values", "state", "code", "words"),
    [
        ({"client_secret": "wrong-secret"}, "refused", "wrong_secret", "client secret is wrong"),
        ({"client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11"}, "refused", "wrong_client", "client id"),
        ({"tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21"}, "refused", "wrong_tenant", "tenant id"),
        ({"environment": "Prodution"}, "refused", "wrong_environment", "no such environment"),
        ({"company_id": "00000000-0000-4000-8000-000000000001"}, "refused", "company_missing", "not in this"),
        ({"authority": "https://127.0.0.1:9", "api_url": "https://127.0.0.1:9"}, "refused", "network", "reached"),
    ],
)  # fmt: skip
def test_each_trouble_with_business_central_has_its_own_words(flow, values, state, code, words):
    services.save_settings(flow.erp, values)
    found = ping(flow.erp)
    assert found[:2] == (state, code), found
    assert words in found[2]
    assert flow.erp.state_advice


def test_a_secret_that_was_taken_back_is_told_although_its_token_is_still_good(flow):
    assert ping(flow.erp)[0] == "healthy"
    flow.erp_simulator.post("settings", client_secret="another-secret")
    assert ping(flow.erp)[:2] == ("refused", "wrong_secret")


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("not_registered", "not_registered"),
        ("read_only", "missing_permission"),
        ("no_permissions", "missing_permission"),
    ],
)
def test_what_the_application_may_do_is_told_apart(flow, card, code):
    flow.erp_simulator.post("settings", card=card)
    assert ping(flow.erp)[:2] == ("refused", code)


def test_a_closed_period_is_a_warning_and_an_old_version_cannot_be_asked(flow):
    flow.erp_simulator.post("period", to="2020-01-31")
    assert ping(flow.erp)[:2] == ("degraded", "period_closed")
    flow.erp_simulator.post("settings", ledger_setup_offered=False)
    assert ping(flow.erp)[0] == "healthy"


def test_a_store_account_with_too_few_scopes_or_a_wrong_token_is_told_apart(flow):
    flow.store_simulator.post("accounts", token="narrow-token", scopes=["orders", "information"])
    services.save_settings(flow.store, {"access_token": "narrow-token"})
    state, code, words = ping(flow.store)
    assert (state, code) == ("refused", "missing_permission")
    assert "Transactions" in words
    services.save_settings(flow.store, {"access_token": "no-such-token"})
    assert ping(flow.store)[:2] == ("refused", "wrong_secret")


def test_an_untrusted_certificate_is_told_as_such(flow, settings):
    settings.OUTBOUND_CA_FILE = ""
    services._adapters.clear()
    assert ping(flow.store)[:2] == ("refused", "tls")


def test_an_empty_secret_keeps_the_stored_one(flow):
    assert services.save_settings(flow.store, {"access_token": ""}) == []
    assert flow.store.secrets["access_token"] == "sandbox-store-access-token"
