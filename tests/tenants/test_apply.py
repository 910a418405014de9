"""A declaration is applied whole or not at all, and a second time changes nothing."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from audit.actions import Action
from audit.models import Entry
from connectors.models import Connection
from sync.models import FieldMapping, Route
from tenants.context import in_public, in_tenant
from tenants.models import Membership, Tenant, User

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


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = tmp_path / "changed.yaml"
    path.write_text(text)
    return path


def test_what_contradicts_the_database_is_told_with_what_is_wrong_in_itself(
    tenant, secrets, tmp_path
):
    path = changed(
        tmp_path,
        ("slug: acme\n", "slug: fresh\n"),
        ("host: acme.localhost", "host: localhost"),
        ("time_zone: Europe/London\n    people", "time_zone: Mars/Phobos\n    people"),
        ("email: ben@acme-outdoor.example", "email: ben"),
        ("role: accountant", "role: boss"),
        ("store: shop", "store: shoppe"),
        ("source: constant, expression: WEB", 'source: path, expression: "order.["'),
        ("shipping: account:6610", "shipping: bank:6610"),
    )
    _, err, failure = run(path)
    for wanted in (
        "tenants[0].host",
        "tenants[0].time_zone",
        "tenants[0].people[1].email",
        "tenants[0].people[1].role",
        "tenants[0].routes[0].store",
        "tenants[0].routes[0].mappings[0].expression",
        "tenants[0].routes[0].lookups.charges.shipping",
    ):
        assert wanted in err, err
    assert failure == "7 problems; nothing was changed."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "tenants: 1",
        "tenants: [1, {slug: [], name: {}, host: 1, people: 3, connections: {}, routes: x}]",
        "tenants: [{slug: a, connections: [{kind: bigcommerce, settings: [1]}], routes: [{slug: 1,"
        " settings: 5, lookups: [], mappings: [[]]}]}]",
        "operators: {}\ntenants: [{slug: acme, host: null, connections: [{slug: null}]}]",
    ],
)
def test_a_file_of_any_other_shape_is_refused_in_words(tenant, tmp_path, text):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    _, err, failure = run(path)
    assert err
    assert failure.endswith("nothing was changed.")


def test_texts_stay_what_was_typed(tenant, secrets, tmp_path):
    path = changed(
        tmp_path,
        ("            IE: EU\n", "            IE: EU\n            NO: 0610\n"),
        ("          time_zone: Europe/London\n", "          time_zone: Europe/London\n          cut_off: 17:30\n"),
    )  # fmt: skip
    _, err, failure = run(path)
    assert not failure, err
    with in_tenant("t_acme"):
        route = Route.objects.get()
        assert route.lookup_rows.get(table="tax_areas", key="NO").value == "0610"
        assert route.settings["cut_off"] == "17:30"


def test_a_key_that_stands_twice_is_a_problem(tenant, secrets, tmp_path):
    path = changed(
        tmp_path, ("            IE: EU\n", "            IE: EU\n            IE: EXPORT\n")
    )
    _, err, failure = run(path)
    assert failure
    assert "“IE” stands here twice" in err


def test_what_cannot_be_changed_is_said_before_anything_is(tenant, secrets, tmp_path):
    run(EXAMPLE)
    path = changed(
        tmp_path,
        ("prefix: WEB-", "prefix: SHOP-"),
        ("host: acme.localhost", "host: other.localhost"),
        ("time_zone: Europe/London\n    people", "time_zone: Mars\n    people"),
        ("ben@acme-outdoor.example", "ben at acme"),
        ("operator@connector.example", "second@connector.example"),
    )
    for arguments in ((), ("--check",)):
        _, err, failure = run(path, *arguments)
        for wanted in (
            "tenants[0].routes[0].prefix: it is “WEB-”",
            "tenants[0].host: “other.localhost” belongs to another tenant",
            "tenants[0].time_zone",
            "tenants[0].people[1].email",
        ):
            assert wanted in err, err
        assert "4 problems; nothing was changed." in failure
    assert not User.objects.filter(email="second@connector.example").exists()


def test_a_new_host_name_start_and_first_password_are_taken_over(
    tenant, secrets, tmp_path, monkeypatch
):
    run(EXAMPLE)
    monkeypatch.setenv("BEN_PASSWORD", "a long password of his")
    path = changed(
        tmp_path,
        ("host: acme.localhost", "host: new.localhost"),
        ("start: 2026-11-01", "start: 2026-12-01"),
        ("role: accountant }", 'role: accountant, password: "${BEN_PASSWORD}" }'),
    )
    try:
        _, err, failure = run(path)
        assert not failure, err
        assert tenant.domains.filter(domain="new.localhost").exists()
        with in_tenant("t_acme"):
            assert Route.objects.get().start_at.month == 12
        assert User.objects.get(email="ben@acme-outdoor.example").has_usable_password()
        assert "Nothing to change." in run(path)[0]
    finally:
        tenant.domains.filter(domain="new.localhost").delete()


def test_every_member_of_the_file_is_an_entry_once(tenant, secrets):
    run(EXAMPLE)
    with in_tenant("t_acme"):
        assert Entry.objects.filter(action=Action.PERSON_ADDED, actor="apply").count() == 2
