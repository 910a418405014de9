"""The trail cannot be changed unnoticed."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from audit import exchanges, services
from audit.actions import Action
from audit.export import lines
from audit.models import Entry, Exchange, SealedEntry
from audit.seals import seal_new
from audit.verify import verify, verify_export
from tenants.context import in_tenant


def write(count: int = 5) -> list[Entry]:
    return [services.record(Action.RELEASED, f"entry {n}", data={"n": n}) for n in range(count)]


def tamper(sql: str, *values: object) -> None:
    """As somebody who owns the tables and switches the trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET words = 'other'",
        "DELETE FROM audit_entry",
        "TRUNCATE audit_entry",
        "UPDATE audit_seal SET chain_hash = ''",
        "DELETE FROM audit_sealedentry",
    ],
)
def test_the_database_refuses_every_change(tenant, sql):
    write()
    seal_new()
    with pytest.raises(DatabaseError, match="insert-only"), connection.cursor() as cursor:
        cursor.execute(sql)


def test_an_untouched_trail_is_whole_and_each_entry_is_sealed_once(tenant):
    write()
    seal_new()
    write()
    seal_new()
    assert seal_new() is None
    report = verify()
    assert report.is_whole
    assert (report.entries, report.sealed, report.seals) == (10, 10, 2)


def test_a_changed_entry_is_found_and_named(tenant):
    entries = write()
    seal_new()
    tamper("UPDATE audit_entry SET words = 'never happened' WHERE id = %s", entries[2].pk)
    assert [(f.kind, f.entry_id) for f in verify().findings] == [("changed", entries[2].pk)]


def test_a_removed_entry_is_found_and_named(tenant):
    entries = write()
    seal_new()
    tamper("DELETE FROM audit_entry WHERE id = %s", entries[1].pk)
    assert [(f.kind, f.entry_id) for f in verify().findings] == [("removed", entries[1].pk)]


def test_reordered_entries_are_found_and_named(tenant):
    entries = write()
    seal_new()
    first, second = entries[1].pk, entries[3].pk
    tamper("UPDATE audit_entry SET id = -1 WHERE id = %s", first)
    tamper("UPDATE audit_entry SET id = %s WHERE id = %s", first, second)
    tamper("UPDATE audit_entry SET id = %s WHERE id = -1", second)
    found = {(f.kind, f.entry_id) for f in verify().findings}
    assert found == {("reordered", first), ("reordered", second)}


def test_a_seal_made_up_afterwards_breaks_the_chain(tenant):
    write()
    seal_new()
    write()
    seal_new()
    tamper("UPDATE audit_seal SET chain_hash = repeat('0', 64) WHERE number = 1")
    assert "broken_chain" in {finding.kind for finding in verify().findings}


def test_an_entry_that_commits_late_is_sealed_by_the_next_seal(tenant):
    def late(_: int) -> int:
        try:
            with in_tenant("t_acme"), transaction.atomic():
                entry = services.record(Action.HELD, "late")
                while not SealedEntry.objects.exists():
                    pass
                return entry.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(late, 0)
        while not Entry.objects.exists():
            write(1)
        write(3)
        seal_new()
        late_id = waiting.result(timeout=20)
    assert not SealedEntry.objects.filter(pk=late_id).exists()
    seal_new()
    report = verify()
    assert report.is_whole
    assert report.unsealed == 0


def test_an_export_proves_itself_offline(tenant):
    entries = write()
    seal_new()
    text = "".join(lines())
    assert verify_export(io.StringIO(text)).is_whole
    touched = text.replace('"words":"entry 2"', '"words":"entry two"')
    findings = verify_export(io.StringIO(touched)).findings
    assert [(f.kind, f.entry_id) for f in findings] == [("changed", entries[2].pk)]


def test_erasing_what_is_past_its_retention_leaves_the_chain_whole(tenant):
    exchanges.store(
        connection_id=1,
        method="GET",
        url="https://store.example/orders/1?email=a@example.com",
        request_headers={"X-Auth-Token": "secret"},
        request_body=b"",
        status=200,
        response_headers={},
        response_body=b'{"email": "a@example.com"}',
        started_at=timezone.now() - timedelta(days=400),
        duration_ms=5,
    )
    row = Exchange.objects.get()
    assert "secret" not in str(row.request_headers)
    digest = row.response_digest
    seal_new()
    assert exchanges.purge_expired() == 1
    row.refresh_from_db()
    assert (row.response_body, row.url, row.response_digest) == (None, "", digest)
    seal_new()
    assert verify().is_whole


def test_no_system_is_called_inside_a_transaction(tenant):
    with pytest.raises(RuntimeError, match="transaction"), transaction.atomic():
        exchanges.store(
            connection_id=1, method="GET", url="x", request_headers={}, request_body=b"",
            status=200, response_headers={}, response_body=b"", started_at=timezone.now(), duration_ms=1,
        )  # fmt: skip


def test_bodies_are_encrypted_at_rest(tenant):
    exchanges.store(
        connection_id=1,
        method="GET",
        url="https://store.example/secret-path",
        request_headers={},
        request_body=b"body-in-plain",
        status=200,
        response_headers={},
        response_body=b"answer-in-plain",
        started_at=timezone.now(),
        duration_ms=1,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT url || request_body || response_body FROM audit_exchange")
        assert "plain" not in cursor.fetchone()[0]
