"""Relay sites, and how a connection is reached, in a declaration."""

from __future__ import annotations

import pytest

from connectors.models import Connection, RelaySite
from tenants.context import in_tenant
from tests.tenants.test_apply import run

SITES = "\n    relay_sites:\n      - {slug: head-office, name: Head office}"
ACCOUNT = "\n          user: svc-shop\n          password: ${GP_PASSWORD}"
THROUGH = "\n        relay: head-office"
ON_SITE = f"{THROUGH}\n        sign_in: on_site"


@pytest.fixture
def declared(tenant, monkeypatch, tmp_path):
    monkeypatch.setenv("GP_PASSWORD", "the-domain-password")

    def declare(*, sites: str = SITES, reach: str = "", account: str = ACCOUNT):
        path = tmp_path / "company.yaml"
        path.write_text(f"""tenants:
  - slug: acme
    name: Acme
    host: acme.localhost
    time_zone: Europe/London{sites}
    connections:
      - slug: gp
        name: Acme GP
        kind: gp{reach}
        settings:
          base_url: https://gp.acme.example:443{account}
""")
        return run(path)

    return declare


def connection():
    with in_tenant("t_acme"):
        return Connection.objects.select_related("relay_site").get(slug="gp")


def test_a_site_is_made_renamed_and_used_and_a_second_run_changes_nothing(declared):
    out, err, failure = declared(reach=THROUGH)
    assert not failure, err
    assert "invite its agents" in out
    row = connection()
    assert row.relay_site is not None
    assert (row.relay_site.slug, row.sign_in_on_site) == ("head-office", False)
    assert row.secrets["password"] == "the-domain-password"
    assert "Nothing to change." in declared(reach=THROUGH)[0]
    out, _, _ = declared(reach=THROUGH, sites=SITES.replace("Head office", "Main building"))
    assert "1 changes." in out
    with in_tenant("t_acme"):
        assert RelaySite.objects.get().name == "Main building"


def test_an_account_goes_to_the_site_and_comes_back(declared):
    declared()
    assert connection().relay_site is None
    out, err, failure = declared(reach=ON_SITE, account="")
    assert not failure, err
    assert "reached through head-office now" in out
    row = connection()
    assert row.sign_in_on_site
    assert "the-domain-password" not in f"{row.values}{row.secrets}"
    assert "Nothing to change." in declared(reach=ON_SITE, account="")[0]
    out, err, failure = declared(reach="\n        relay: null")
    assert not failure, err
    row = connection()
    assert (row.relay_site, row.sign_in_on_site, row.is_open) == (None, False, True)
    assert row.secrets["password"] == "the-domain-password"


def test_what_the_file_does_not_say_is_left_as_it_is(declared):
    declared(reach=THROUGH)
    assert "Nothing to change." in declared()[0]
    assert connection().relay_site is not None


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"reach": THROUGH, "sites": ""}, "relay: there is no relay site “head-office”"),
        ({"reach": ON_SITE}, "settings.password: Windows password is kept on site"),
        ({"reach": "\n        sign_in: on_site", "account": ""}, "'relay' is a dependency"),
        (
            {"reach": "\n        relay: null\n        sign_in: on_site", "account": ""},
            "sign_in: an account is kept on site only where a relay agent is",
        ),
        ({"sites": SITES + "\n      - {slug: head-office, name: Two}"}, "is already at"),
    ],
)
def test_what_cannot_be_is_told_with_its_path_and_nothing_is_changed(declared, more, problem):
    _, err, failure = declared(**more)
    assert problem in err, err
    assert "nothing was changed" in failure
    with in_tenant("t_acme"):
        assert not RelaySite.objects.exists()
        assert not Connection.objects.exists()


def test_a_file_that_would_bring_an_account_back_unsaid_is_refused(declared):
    declared(reach=ON_SITE, account="")
    _, err, failure = declared()
    assert "connections[0].relay: its account is kept on site" in err
    assert failure
    assert connection().sign_in_on_site


def test_a_system_without_such_an_account_is_refused(declared, tenant, tmp_path):
    path = tmp_path / "cloud.yaml"
    path.write_text(f"""tenants:
  - slug: acme
    name: Acme
    host: acme.localhost
    time_zone: Europe/London{SITES}
    connections:
      - {{slug: shop, name: Shop, kind: bigcommerce, relay: head-office, sign_in: on_site}}
""")
    assert "an account for BigCommerce cannot be kept on site" in run(path)[1]
