"""What operators do in their admin, in real requests on the public host."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from audit.models import Entry
from connectors.models import Connection
from connectors.services import create_connection
from tenants import agenda, provision, schema_script
from tenants.context import in_public, in_tenant
from tenants.models import AgendaItem, Domain, HookAddress, Tenant, User

PASSWORD = "a long password of ours"


def schema_exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name])
        return cursor.fetchone() is not None


@pytest.fixture
def operator(tenant):
    """A signed-in operator on the public host; the test itself runs in the public schema."""
    user = User.objects.create_superuser("olga@connector.example", PASSWORD)
    with in_public():
        client = Client(SERVER_NAME="localhost")
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        yield client
    with in_public():
        LogEntry.objects.all().delete()  # it points at the operator, who goes with the next test


@pytest.fixture
def fresh():
    """Whatever a test makes under the slug “fresh” is gone afterwards."""
    yield
    with connection.cursor() as cursor:
        connection.set_schema_to_public()
        cursor.execute('DROP SCHEMA IF EXISTS "t_fresh" CASCADE')
    Tenant.objects.filter(slug="fresh").delete()


def new_tenant(**more: str) -> dict[str, str]:
    return {
        "name": "Fresh",
        "slug": "fresh",
        "host": "Fresh.localhost",
        "time_zone": "Europe/Paris",
        **more,
    }


def test_creating_a_tenant_makes_its_schema_and_its_console(operator, fresh):
    answer = operator.post("/admin/tenants/tenant/add/", new_tenant())
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    made = Tenant.objects.get(slug="fresh")
    assert (made.schema_name, made.time_zone) == ("t_fresh", "Europe/Paris")
    with in_tenant("t_fresh"):
        assert not Connection.objects.exists()
    sign_in = Client(SERVER_NAME="fresh.localhost").get("/sign-in/")
    connection.set_schema_to_public()
    assert sign_in.status_code == 200
    assert "Fresh" in operator.get(f"/admin/tenants/tenant/{made.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"slug": "admin"}, "reserved"),
        ({"slug": "acme"}, "already"),
        ({"slug": "9lives"}, "small letters"),
        ({"host": "ACME.localhost"}, "belongs to a tenant already"),
        ({"host": "localhost"}, "operators"),
        ({"host": "https://fresh.localhost:8000"}, "host name"),
        ({"time_zone": "Mars/Base"}, "IANA"),
    ],
)
def test_a_tenant_that_cannot_be_made_is_refused_in_the_form(operator, fresh, wrong, words):
    answer = operator.post("/admin/tenants/tenant/add/", new_tenant(**wrong))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Tenant.objects.filter(slug="fresh").exists()
    assert not schema_exists("t_fresh")


def test_a_tenant_whose_tables_cannot_be_made_leaves_nothing_behind(operator, fresh, monkeypatch):
    def fail(*args, **more):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(provision, "call_command", fail)
    monkeypatch.setattr(schema_script, "_script", [])
    with pytest.raises(RuntimeError, match="the disk is full"):
        operator.post("/admin/tenants/tenant/add/", new_tenant())
    connection.set_schema_to_public()
    assert not Tenant.objects.filter(slug="fresh").exists()
    assert not Domain.objects.filter(domain="fresh.localhost").exists()
    assert not schema_exists("t_fresh")


def test_a_person_added_with_capitals_can_sign_in(operator):
    answer = operator.post(
        "/admin/tenants/user/add/",
        {
            "email": "Carla@Example.com",
            "name": "Carla",
            "usable_password": "true",
            "password1": PASSWORD,
            "password2": PASSWORD,
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    request = RequestFactory().post("/sign-in/")
    assert authenticate(request, username="carla@example.com", password=PASSWORD) is not None


def test_a_further_host_is_kept_in_small_letters(operator, tenant):
    domain = tenant.domains.get()
    answer = operator.post(
        f"/admin/tenants/tenant/{tenant.pk}/change/",
        {
            "name": tenant.name,
            "time_zone": tenant.time_zone,
            "is_active": "on",
            "domains-TOTAL_FORMS": "2",
            "domains-INITIAL_FORMS": "1",
            "domains-0-id": domain.pk,
            "domains-0-tenant": tenant.pk,
            "domains-0-domain": domain.domain,
            "domains-0-is_primary": "on",
            "domains-1-tenant": tenant.pk,
            "domains-1-domain": "Second.LOCALHOST",
            "memberships-TOTAL_FORMS": "0",
            "memberships-INITIAL_FORMS": "0",
        },
    )
    try:
        assert answer.status_code == 302, answer.content.decode()[-3000:]
        assert tenant.domains.filter(domain="second.localhost").exists()
    finally:
        tenant.domains.exclude(pk=domain.pk).delete()


def test_a_role_that_an_operator_gives_is_in_the_tenants_trail(operator, tenant):
    member = User.objects.create_user("member@example.com", PASSWORD)
    page = f"/admin/tenants/user/{member.pk}/change/"
    form = {
        "email": member.email,
        "name": "",
        "is_active": "on",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-user": member.pk,
        "memberships-0-tenant": tenant.pk,
        "memberships-0-role": "admin",
    }
    answer = operator.post(page, form)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    with in_tenant("t_acme"):
        entry = Entry.objects.get()
    assert (entry.actor, entry.words) == (
        "olga@connector.example",
        "member@example.com was added as administrator.",
    )


def test_neither_secrets_nor_whole_hook_keys_are_shown(operator):
    with in_tenant("t_acme"):
        create_connection(
            kind="bigcommerce",
            name="Shop",
            slug="shop",
            values={
                "store_hash": "a1b2c3d4e5",
                "access_token": "very-secret-token",
                "client_id": "abcdef",
                "client_secret": "very-secret-client",
            },
        )
    address = HookAddress.objects.get()
    for page in ("", f"{address.pk}/change/"):
        text = operator.get(f"/admin/tenants/hookaddress/{page}").content.decode()
        assert address.key[-4:] in text
        assert address.key not in text
        assert "very-secret" not in text


def test_a_hook_address_can_be_switched_off(operator, tenant):
    address = HookAddress.objects.create(tenant=tenant, connection_id=1)
    answer = operator.post(
        "/admin/tenants/hookaddress/",
        {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1",
            "form-0-id": address.pk,
            "_save": "Save",
        },
    )
    assert answer.status_code == 302
    address.refresh_from_db()
    assert not address.is_enabled


def test_the_agenda_is_read_only_but_can_be_made_due(operator):
    with in_tenant("t_acme"):
        agenda.put("seal", "1", timezone.now() + timedelta(days=3))
    row = AgendaItem.objects.get()
    page = f"/admin/tenants/agendaitem/{row.pk}/change/"
    assert operator.post(page, {"kind": "other", "key": "9"}).status_code in (302, 403)
    row.refresh_from_db()
    assert (row.kind, row.key) == ("seal", "1")
    assert operator.post(f"/admin/tenants/agendaitem/{row.pk}/delete/").status_code == 403
    answer = operator.post(
        "/admin/tenants/agendaitem/", {"action": "due_now", "_selected_action": [row.pk]}
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.due_at <= timezone.now()


def test_periodic_tasks_can_be_opened_and_added(operator):
    for page in ("periodictask/add/", "intervalschedule/add/", "crontabschedule/add/"):
        assert operator.get(f"/admin/django_celery_beat/{page}").status_code == 200


def test_people_who_are_not_operators_are_not_let_in(tenant):
    member = User.objects.create_user("member@example.com", PASSWORD)
    with in_public():
        client = Client(SERVER_NAME="localhost")
        client.force_login(member, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.get("/admin/tenants/tenant/")
    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]


def test_only_the_admin_on_the_public_host_has_the_looser_content_policy(operator):
    assert "unsafe-inline" in operator.get("/admin/")["Content-Security-Policy"]
    elsewhere = Client(SERVER_NAME="acme.localhost")
    for page in ("/sign-in/", "/admin/", "/admin/tenants/tenant/"):
        answer = elsewhere.get(page)
        assert "unsafe" not in answer["Content-Security-Policy"], page
    connection.set_schema_to_public()


def test_the_front_page_is_the_themes_own(operator):
    page = operator.get("/admin/")
    assert "unfold/helpers/app_list_default.html" in [template.name for template in page.templates]
