"""``manage.py transfers`` and ``replay``."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Entry
from sync.models import State
from tests.api.conftest import held, make_document, make_transfer


def run(*arguments):
    said, aside = io.StringIO(), io.StringIO()
    before = connection.tenant
    try:
        call_command(*arguments, stdout=said, stderr=aside)
    finally:
        connection.set_tenant(before)
    return said.getvalue()


def test_transfers_are_listed_as_json_lines(flow):
    row = held(flow, "7", amount="12.5", currency="GBP")
    make_document(flow, row)
    make_transfer(flow, "8")
    (line,) = run("transfers", "--tenant", "acme", "--state", "held", "--json").splitlines()
    found = json.loads(line)
    assert found["job_id"] == "web:orders:7"
    assert (found["hold"], found["amount"], found["currency"]) == (
        "lookup_missing",
        "12.5000",
        "GBP",
    )
    assert found["documents"] == [
        {"kind": "sales_invoice", "status": "posted", "reference": "WEB-7", "number": "S-7"}
    ]


def test_transfers_are_listed_for_people(flow):
    held(flow, "7", amount="12.5", currency="GBP")
    make_transfer(flow, "8")
    lines = run("transfers", "--tenant", "acme").splitlines()
    assert [line.split()[0] for line in lines] == ["web:orders:8", "web:orders:7"]
    assert "held: lookup_missing" in lines[1]
    assert "12.50 GBP" in lines[1]
    assert run("transfers", "--tenant", "acme", "--hold", "not_paid") == ""
    assert run("transfers", "--tenant", "other") == ""
    assert len(run("transfers", "--tenant", "acme", "--limit", "1").splitlines()) == 1
    assert run("transfers", "--tenant", "acme", "--flow", "refunds") == ""


def test_a_longer_list_takes_no_more_queries(flow):
    def queries():
        with CaptureQueriesContext(connection) as seen:
            run("transfers", "--tenant", "acme", "--json")
        return len(seen)

    make_document(flow, make_transfer(flow, "1"))
    before = queries()
    for number in range(2, 9):
        make_document(flow, make_transfer(flow, str(number)))
    assert queries() == before


def test_transfers_are_replayed_by_job_id(flow):
    one, two = held(flow, "1"), make_transfer(flow, "2", state=State.FAILED)
    said = run("replay", "--tenant", "acme", one.job_id, two.job_id, one.job_id)
    assert said.count("replayed") == 2
    for row in (one, two):
        row.refresh_from_db()
        assert row.state == State.WAITING
        assert Entry.objects.get(transfer_id=row.pk, action="replayed").actor.startswith("replay")


def test_an_unknown_job_id_replays_nothing(flow):
    one = held(flow, "1")
    with pytest.raises(CommandError, match="no web:orders:99"):
        run("replay", "--tenant", "acme", one.job_id, "web:orders:99")
    one.refresh_from_db()
    assert one.state == State.HELD
    with pytest.raises(CommandError, match="no tenant"):
        run("replay", "--tenant", "nobody", one.job_id)


def test_what_is_being_worked_is_left_alone_and_said(flow):
    row = make_transfer(
        flow,
        state=State.WORKING,
        lease_token="7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20",
        lease_until=timezone.now() + timedelta(minutes=1),
    )
    with pytest.raises(CommandError, match="Not replayed"):
        run("replay", "--tenant", "acme", row.job_id)


def test_the_migration_of_the_tokens_is_written(tenant):
    call_command("makemigrations", "api", check=True, dry_run=True)
