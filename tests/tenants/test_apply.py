"""A declaration is applied whole or not at all, and a second time changes nothing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from connectors.models import Connection
from sync.models import FieldMapping, Route
from tenants.context import in_public, in_tenant
from tenants.models import Membership, Tenant

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "company.yaml"


@pytest.fixture
def secrets(monkeypatch):
    for name in (
        "OPERATOR_PASSWORD",
        "ANNA_PASSWORD",
        "SHOP_TOKEN",
        "SHOP_CLIENT_SECRET",
        "LEDGER_CLIENT_SECRET",
    ):
        monkeypatch.setenv(name, f"value of {name}")


def run(path: Path, *arguments: str) -> tuple[str, str, str]:
    out, err, failure = StringIO(), StringIO(), ""
    with in_public():
        try:
            call_command("apply", str(path), *arguments, stdout=out, stderr=err)
        except CommandError as error:
            failure = str(error)
    return out.getvalue(), err.getvalue(), failure


def test_the_documented_example_applies_and_a_second_run_changes_nothing(tenant, secrets):
    out, err, failure = run(EXAMPLE)
    assert not failure, err
    with in_tenant("t_acme"):
        assert Connection.objects.count() == 2
        assert Connection.objects.get(slug="shop").secrets["access_token"] == "value of SHOP_TOKEN"
        assert Route.objects.get().prefix == "WEB-"
        assert FieldMapping.objects.get().expression == "WEB"
    assert Membership.objects.filter(role="admin").count() == 1
    out, _, failure = run(EXAMPLE)
    assert "Nothing to change." in out


def test_check_changes_nothing(tenant, secrets):
    out, _, failure = run(EXAMPLE, "--check")
    assert not failure
    assert "nothing was changed" in out
    with in_tenant("t_acme"):
        assert not Connection.objects.exists()


def test_all_problems_are_told_at_once_with_their_paths_and_nothing_is_changed(
    tenant, secrets, tmp_path
):
    text = EXAMPLE.read_text()
    for old, new in (
        ("kind: bigcommerce", "kind: bigcommerse"),
        ("role: accountant", "role: boss"),
        ("store: shop", "store: shoppe"),
        ("${LEDGER_CLIENT_SECRET}", "plain"),
        ("environment: Production", "environment: Production\n          colour: blue"),
        ("slug: acme\n", "slug: fresh\n"),
        ("host: acme.localhost", "host: fresh.localhost"),
        ("${ANNA_PASSWORD}", "${NOT_THERE}"),
    ):
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    _, err, failure = run(path)
    for wanted in (
        "tenants[0].connections[0].kind",
        "tenants[0].people[1].role",
        "tenants[0].routes[0].store",
        "tenants[0].connections[1].settings.client_secret",
        "tenants[0].connections[1].settings.colour",
        "tenants[0].people[0].password: the environment has no NOT_THERE",
    ):
        assert wanted in err, err
    assert "nothing was changed" in failure
    assert not Tenant.objects.filter(slug="fresh").exists()


def test_a_wrong_expression_is_refused_in_the_file_as_in_the_console(tenant, secrets, tmp_path):
    path = tmp_path / "expression.yaml"
    path.write_text(
        EXAMPLE.read_text().replace(
            "source: constant, expression: WEB", 'source: path, expression: "order.["'
        )
    )
    _, err, failure = run(path)
    assert "tenants[0].routes[0].mappings[0].expression" in err
    assert failure
