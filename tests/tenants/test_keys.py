"""Rotation reaches every encrypted column of every tenant, so that an old key can be retired."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from audit import exchanges
from config.management.commands import rotate_keys
from connectors.models import Connection
from connectors.services import create_connection
from tenants.context import in_public, in_tenant
from tenants.encryption import EncryptionKeyMissing
from tenants.models import Tenant

NEW = "bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0="
SECRET = "a secret worth keeping"


def connect(name: str) -> Connection:
    return create_connection(
        kind="bigcommerce",
        name=name,
        slug=name.lower(),
        values={
            "store_hash": "a1b2c3d4e5",
            "access_token": SECRET,
            "client_id": "abcdef",
            "client_secret": SECRET,
        },
    )


def rotate() -> str:
    out = StringIO()
    with in_public():
        call_command("rotate_keys", stdout=out)
    return out.getvalue()


@pytest.fixture
def closed_tenant(tenant):
    """The other tenant holds a secret and has been closed."""
    with in_tenant("t_other"):
        connect("Closed")
    Tenant.objects.filter(slug="other").update(is_active=False)
    yield
    Tenant.objects.filter(slug="other").update(is_active=True)


def test_after_rotation_the_old_key_can_go_for_closed_tenants_too(
    closed_tenant, settings, monkeypatch
):
    monkeypatch.setattr(rotate_keys, "BATCH", 2)
    kept = [connect(f"Shop{number}").pk for number in range(5)]
    exchange = exchanges.store(
        connection_id=kept[0],
        method="POST",
        url="https://api.example/orders",
        request_headers={},
        request_body=b"what was sent",
        status=200,
        response_headers={},
        response_body=b"what came back",
        started_at=timezone.now(),
        duration_ms=5,
        error="",
        purpose="test",
    )
    old = settings.ENCRYPTION_KEYS[0]
    settings.ENCRYPTION_KEYS = [NEW, old]
    rotate()
    settings.ENCRYPTION_KEYS = [NEW]
    for row in Connection.objects.filter(pk__in=kept):
        assert row.secrets["access_token"] == SECRET
        assert row.hook_secret["value"]
    assert exchanges.Exchange.objects.get(pk=exchange).response_body == "what came back"
    Tenant.objects.filter(slug="other").update(is_active=True)
    with in_tenant("t_other"):
        assert Connection.objects.get().secrets["client_secret"] == SECRET


def test_a_second_rotation_writes_nothing(tenant, settings):
    connect("Shop")
    settings.ENCRYPTION_KEYS = [NEW, settings.ENCRYPTION_KEYS[0]]
    assert f"{tenant.name}: 0 values" not in rotate()

    def stored() -> list[tuple[str, ...]]:
        with connection.cursor() as cursor:
            cursor.execute('SELECT "values", secrets, hook_secret FROM connectors_connection')
            return cursor.fetchall()

    before = stored()
    assert f"{tenant.name}: 0 values" in rotate()
    assert stored() == before


def test_a_value_that_no_key_opens_is_named_and_left_as_it_is(tenant, settings):
    row = connect("Shop")
    old = settings.ENCRYPTION_KEYS[0]
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(
        CommandError, match=rf"{tenant.name}: connectors_connection {row.pk}: .*ENCRYPTION"
    ):
        rotate()
    with pytest.raises(EncryptionKeyMissing):
        Connection.objects.get(pk=row.pk)
    settings.ENCRYPTION_KEYS = [old]
    assert Connection.objects.get(pk=row.pk).secrets["access_token"] == SECRET
