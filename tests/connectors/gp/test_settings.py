"""The settings of a GP connection, the certificate among them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import trustme

from connectors.contract import Setting
from connectors.erps.gp.settings import SETTINGS
from connectors.errors import NeedsAttention
from connectors.setting_values import check_setting, check_values

AUTHORITY = next(setting for setting in SETTINGS if setting.kind == "certificate")
GOOD = {
    "base_url": "https://gp.example.com:443",
    "user": "svc",
    "password": "secret",
    "domain": "CONTOSO",
}


def pem(**more: object) -> str:
    authority = trustme.CA(**more)
    return authority.cert_pem.bytes().decode()


def test_a_filled_in_form_is_good():
    assert check_values("gp", GOOD) == {}
    assert check_values("gp", {**GOOD, "authority": pem() + pem()}) == {}
    assert check_values("gp", {**GOOD, "authority": pem().replace("\n", "\r\n")}) == {}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("base_url", "http://gp.example.com", "https"),
        ("batch_prefix", "TOOLONGX", "six letters"),
        ("customer_prefix", "web", "does not look right"),
        ("functional_currency", "pounds", "does not look right"),
        ("customer_digits", "2", "does not look right"),
        ("interface", "econnect", "one of sba, soap"),
    ],
)
def test_a_wrong_value_has_words(name, value, words):
    assert words in check_values("gp", {**GOOD, name: value})[name]


def test_what_is_no_certificate_is_refused_in_words():
    assert "PEM text" in check_setting(AUTHORITY, "MIIB")
    damaged = pem().replace("MII", "AAA", 1)
    assert "PEM text" in check_setting(AUTHORITY, damaged)
    key = "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"
    assert "private key" in check_setting(AUTHORITY, pem() + key)


def test_an_expired_certificate_is_told_with_its_day():
    leaf = trustme.CA().issue_cert(
        "gp.example.com",
        not_before=datetime.now(UTC) - timedelta(days=9),
        not_after=datetime.now(UTC) - timedelta(days=1),
    )
    assert "expired on" in check_setting(AUTHORITY, leaf.cert_chain_pems[0].bytes().decode())


def test_other_settings_still_take_one_line_only():
    assert "line break" in check_setting(Setting(name="x", label="X"), "a\nb")


def test_a_certificate_that_openssl_refuses_is_a_matter_of_settings(workshop):
    with pytest.raises(NeedsAttention) as caught:
        workshop.build(authority="not a certificate")
    assert caught.value.code == "settings"


def test_an_intermediate_authority_is_enough(workshop):
    from tests.connectors.gp.conftest import start

    root = trustme.CA()
    below = root.create_child_ca()
    server = start(authority=below)
    try:
        ping = workshop.build(
            base_url=server.simulator.api, authority=below.cert_pem.bytes().decode()
        ).ping()
        assert not ping.failures, ping.failures
    finally:
        server.simulator.stop()
