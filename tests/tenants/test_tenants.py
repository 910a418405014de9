"""Tenants, people, keys and the agenda."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import DataError, connection
from django.test import Client
from django.utils import timezone

from tenants import agenda, encryption, provision, schema_script
from tenants.context import in_public, in_tenant
from tenants.models import Membership, Tenant, User


def schema_exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name])
        return cursor.fetchone() is not None


def test_a_creation_that_fails_leaves_nothing_behind(tenant, monkeypatch):
    def fail(*args, **more):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(provision, "call_command", fail)
    monkeypatch.setattr(schema_script, "_script", [])
    with in_public():
        with pytest.raises(RuntimeError):
            provision.create_tenant(name="F", slug="fails", host="f.localhost", time_zone="UTC")
        assert not Tenant.objects.filter(slug="fails").exists()
        assert not schema_exists("t_fails")


def test_a_database_error_in_the_middle_of_its_tables_leaves_nothing_behind(tenant, monkeypatch):
    migrate = provision.call_command

    def fail(*args, **more):
        migrate(*args, **more)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    monkeypatch.setattr(provision, "call_command", fail)
    monkeypatch.setattr(schema_script, "_script", [])
    with in_public():
        with pytest.raises(DataError):
            provision.create_tenant(name="F", slug="fails", host="f.localhost", time_zone="UTC")
        assert not Tenant.objects.filter(slug="fails").exists()
        assert not schema_exists("t_fails")


def test_nobody_meets_a_tenant_before_its_tables_are_there(tenant):
    """A tick in another process must not be handed a tenant whose schema is still being made."""
    seen: list[bool] = []

    def look() -> bool:
        try:
            return Tenant.objects.filter(slug="slow").exists()
        finally:
            connection.close()

    def progress(words: str) -> None:
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(look).result())

    try:
        with in_public():
            provision.create_tenant(
                name="Slow",
                slug="slow",
                host="slow.localhost",
                time_zone="UTC",
                progress=progress,
            )
        assert seen == [False, False, True]
    finally:
        with in_public(), connection.cursor() as cursor:
            cursor.execute('DROP SCHEMA "t_slow" CASCADE')
            Tenant.objects.filter(slug="slow").delete()


def test_what_is_wrong_with_a_new_tenant_is_told_at_once(tenant):
    with in_public(), pytest.raises(ValidationError) as caught:
        provision.create_tenant(name=" ", slug="Acme!", host="acme.localhost", time_zone="Mars")
    assert set(caught.value.message_dict) == {"name", "slug", "host", "time_zone"}


def test_work_for_a_tenant_that_is_gone_does_not_run_elsewhere(tenant):
    with pytest.raises(Tenant.DoesNotExist), in_tenant("t_gone"):
        pass
    assert connection.schema_name == "t_acme"


def test_due_rows_are_claimed_once_however_many_ticks_run(tenant):
    now = timezone.now()
    for number in range(40):
        agenda.put("transfer", str(number), now - timedelta(seconds=1), priority=number % 3)

    def claim(_: int) -> list[str]:
        try:
            return [due.key for due in agenda.claim_due(limit=15, again_after=timedelta(minutes=1))]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        keys = [key for part in pool.map(claim, range(4)) for key in part]
    assert sorted(keys, key=int) == [str(n) for n in range(40)]


def test_what_is_urgent_comes_first(tenant):
    now = timezone.now()
    agenda.put("seal", "1", now - timedelta(minutes=5), priority=80)
    agenda.put("event", "2", now - timedelta(seconds=1), priority=10)
    assert [d.kind for d in agenda.claim_due(limit=1, again_after=timedelta(0))] == ["event"]


def test_of_equal_urgency_what_is_due_for_longest_comes_first(tenant):
    now = timezone.now()
    minutes = [7, 3, 9, 1, 5, 8, 2, 6, 4]
    for number in minutes:
        agenda.put("transfer", str(number), now - timedelta(minutes=number))
    claimed = agenda.claim_due(limit=50, again_after=timedelta(minutes=1))
    assert [int(due.key) for due in claimed] == sorted(minutes, reverse=True)
    assert agenda.claim_due(limit=50, again_after=timedelta(minutes=1)) == []


def test_a_missing_key_is_a_loud_and_clear_error(settings):
    token = encryption.encrypt("secret")
    settings.ENCRYPTION_KEYS = ["bm90LXRoZS1rZXktdGhhdC1lbmNyeXB0ZWQtaXQtISE="]
    with pytest.raises(encryption.EncryptionKeyMissing, match="ENCRYPTION_KEYS"):
        encryption.decrypt(token)


def test_keys_can_be_rotated_and_the_old_one_then_retired(settings):
    old, new = settings.ENCRYPTION_KEYS[0], "bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0="
    token = encryption.encrypt("secret")
    settings.ENCRYPTION_KEYS = [new, old]
    token = encryption.rotated(token)
    settings.ENCRYPTION_KEYS = [new]
    assert encryption.decrypt(token) == "secret"


@pytest.fixture
def people(tenant):
    made = {}
    for name in ("member", "stranger"):
        made[name] = User.objects.create_user(f"{name}@example.com", "a long password")
    Membership.objects.create(user=made["member"], tenant=tenant, role="viewer")
    return made


def browse(user: User | None, path: str, host: str = "acme.localhost") -> object:
    before = connection.tenant
    client = Client(SERVER_NAME=host)
    try:
        with in_public():
            if user:
                client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client.get(path)
    finally:
        connection.set_tenant(before)


def test_a_person_without_membership_gets_no_further_than_a_clear_page(people):
    answer = browse(people["stranger"], "/transfers/")
    assert answer.status_code == 403
    assert "not a member" in answer.content.decode()
    assert browse(people["member"], "/transfers/").status_code == 200
    assert browse(people["member"], "/transfers/", "other.localhost").status_code == 403
    assert browse(None, "/transfers/").status_code == 302


def test_the_operators_admin_is_only_on_the_public_host(people):
    assert browse(people["member"], "/admin/").status_code == 404
    assert browse(None, "/admin/", "localhost").status_code == 302
    people["stranger"].is_staff = people["stranger"].is_superuser = True
    people["stranger"].save()
    for page in (
        "",
        "tenants/tenant/",
        "tenants/user/",
        "tenants/hookaddress/",
        "tenants/agendaitem/",
        "django_celery_beat/periodictask/",
        "tenants/tenant/add/",
    ):
        assert browse(people["stranger"], f"/admin/{page}", "localhost").status_code == 200, page
