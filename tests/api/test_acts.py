"""What programs do with transfers and connections: once, under their name, with words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection as database
from django.utils import timezone

from api.models import DoneRequest
from audit.models import Entry
from sync.models import Document, State, Transfer
from sync.pipelines import work
from tenants.models import Tenant
from tenants.roles import Role
from tests.api.conftest import Program, differing, held, make_document, make_transfer
from tests.support.flow import TENT


def entries(row, action):
    return Entry.objects.filter(transfer_id=row.pk, action=action)


def test_a_held_transfer_is_released_under_the_tokens_name(flow, program, made):
    row = held(flow)
    answer = program.post(f"transfers/{row.pk}/release/")
    assert answer.status_code == 200
    assert answer.json()["changed"] is True
    assert answer.json()["transfer"]["state"] == "waiting"
    entry = entries(row, "released").get()
    assert (entry.actor_kind, entry.actor) == ("token", str(made[Role.ACCOUNTANT].row))
    again = program.post(f"transfers/{row.pk}/release/")
    assert (again.status_code, again.json()["changed"]) == (200, False)
    assert entries(row, "released").count() == 1


def test_what_is_not_held_is_not_released(flow, program):
    for state in (State.POSTED, State.SKIPPED, State.CHANGED):
        row = make_transfer(flow, state, state=state)
        answer = program.post(f"transfers/{row.pk}/release/")
        assert answer.status_code == 409
        assert answer["Content-Type"] == "application/problem+json"
        assert row.get_state_display().lower() in answer.json()["detail"]


def test_a_booked_order_is_replayed_and_not_booked_again(flow, program):
    _, row = flow.carry(lines=[TENT])
    assert row.state == State.POSTED
    before = len(flow.booked()["invoices"])
    assert program.post(f"transfers/{row.pk}/replay/").json()["changed"] is True
    assert flow.work(row.source_key).state == State.POSTED
    assert len(flow.booked()["invoices"]) == before
    found = program.get(f"transfers/{row.pk}/").json()
    assert found["documents"][0]["status"] == "posted"
    assert found["exchanges"]


def test_what_is_being_worked_is_not_replayed(flow, program):
    row = make_transfer(
        flow,
        state=State.WORKING,
        lease_token="7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20",
        lease_until=timezone.now() + timedelta(minutes=1),
    )
    assert program.post(f"transfers/{row.pk}/replay/").status_code == 409


def test_one_key_does_one_thing_once(flow, program, made):
    row, other = held(flow), held(flow, "2")
    key = {"Idempotency-Key": "till-2026-11-21/1"}
    answers = [program.post(f"transfers/{row.pk}/replay/", **key) for _ in range(3)]
    assert [answer.json()["changed"] for answer in answers] == [True] * 3
    assert entries(row, "replayed").count() == 1
    clash = program.post(f"transfers/{other.pk}/replay/", **key)
    assert clash.status_code == 409
    assert "another request" in clash.json()["detail"]
    theirs = Program(made[Role.ADMIN].token).post(f"transfers/{other.pk}/replay/", **key)
    assert theirs.json()["changed"] is True, "a key is its token's own"
    DoneRequest.objects.update(at=timezone.now() - timedelta(hours=25))
    program.post(f"transfers/{row.pk}/replay/", **key)
    assert entries(row, "replayed").count() == 2


def test_a_request_that_was_refused_leaves_its_key_free(flow, program):
    row = make_transfer(flow, state=State.POSTED)
    key = {"Idempotency-Key": "k"}
    assert program.post(f"transfers/{row.pk}/release/", **key).status_code == 409
    Transfer.objects.filter(pk=row.pk).update(state=State.HELD, hold="not_paid", reason="No.")
    assert program.post(f"transfers/{row.pk}/release/", **key).json()["changed"] is True


def test_two_at_once_with_one_key_do_it_once(flow, made):
    row = held(flow)
    token, tenant = made[Role.ACCOUNTANT].token, database.tenant

    def ask(_):
        try:
            database.set_tenant(tenant)
            answer = Program(token).post(f"transfers/{row.pk}/replay/", **{"Idempotency-Key": "k"})
            return answer.status_code, answer.json().get("changed")
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {(200, True)}
    assert entries(row, "replayed").count() == 1


def test_an_odd_key_is_refused(flow, program):
    row = held(flow)
    for key in ("x" * 101, "a\x07b"):
        answer = program.post(f"transfers/{row.pk}/release/", **{"Idempotency-Key": key})
        assert answer.status_code == 400
        assert "Idempotency-Key" in answer.json()["errors"]


def test_a_transfer_is_skipped_for_a_reason(flow, program):
    row = held(flow)
    assert program.post(f"transfers/{row.pk}/skip/").json()["errors"]["reason"]
    done = program.post(f"transfers/{row.pk}/skip/", {"reason": "Staff order."})
    assert done.json()["transfer"]["reason"] == "Staff order."
    again = program.post(f"transfers/{row.pk}/skip/", {"reason": "Staff order."})
    assert (again.status_code, again.json()["changed"]) == (200, False)


def test_what_may_be_in_the_erp_is_not_skipped(flow, program):
    row = held(flow)
    make_document(flow, row, status=Document.Status.SENT, number="")
    answer = program.post(f"transfers/{row.pk}/skip/", {"reason": "x"})
    assert answer.status_code == 409
    assert "in the ERP" in answer.json()["detail"]


def test_only_the_difference_that_was_seen_is_accepted(flow, program, made):
    row, difference = differing(flow)
    other = program.post(
        f"transfers/{row.pk}/accept-difference/", {"difference": {"total": "0.02", "tax": "0"}}
    )
    assert other.status_code == 409
    assert other.json()["difference"] == difference
    seen = {"difference": {"total": "0.010", "tax": "0"}}
    assert program.post(f"transfers/{row.pk}/accept-difference/", seen).json()["changed"] is True
    row.refresh_from_db()
    assert row.approved_totals["total"] == "0.01"
    assert row.approved_totals["by"] == str(made[Role.ACCOUNTANT].row)
    assert program.post(f"transfers/{row.pk}/accept-difference/", seen).json()["changed"] is False
    assert entries(row, "difference_accepted").count() == 1


def test_what_shows_no_difference_accepts_none(flow, program):
    seen = {"difference": {"total": "0.01", "tax": "0.00"}}
    for row in (held(flow), make_transfer(flow, "2", state=State.POSTED)):
        assert program.post(f"transfers/{row.pk}/accept-difference/", seen).status_code == 409
        assert program.post(f"transfers/{row.pk}/post-correction/", seen).status_code == 409


def test_a_changed_order_is_corrected_if_the_difference_is_the_one_seen(flow, program):
    order, row = flow.carry(lines=[TENT])
    flow.store_simulator.post(f"orders/{order['id']}/edit", quantity=3)
    work.check_posted(row.pk)
    seen = program.get(f"transfers/{row.pk}/").json()
    assert seen["state"] == "changed"
    assert seen["comparison"]["can_be_corrected"] is True
    path = f"transfers/{row.pk}/post-correction/"
    wrong = program.post(path, {"difference": {"total": "1", "tax": "0"}})
    assert wrong.status_code == 409
    key = {"Idempotency-Key": "correct-1"}
    body = {"difference": seen["comparison"]["difference"]}
    done = program.post(path, body, **key).json()
    (made,) = done["corrections"]
    assert done["transfer"]["state"] == "posted"
    assert Transfer.objects.get(pk=made).flow == "corrections"
    assert program.post(path, body, **key).json()["corrections"] == [made]
    assert program.post(path, body).status_code == 409


ODD_BODIES = (
    {}, [], "x", 7, {"difference": None}, {"difference": "0.01"},
    {"difference": {"total": 0.01, "tax": 0}}, {"difference": {"total": "NaN", "tax": "0"}},
    {"difference": {"total": "Infinity", "tax": "0"}}, {"difference": {"total": "", "tax": ""}},
    {"difference": {"total": "\ud800", "tax": "\0"}}, {"reason": "\0"}, {"reason": "\ud800"},
    {"reason": ["x"]}, {"reason": "x" * 501}, {"reason": "   "}, {"reason": {"a": 1}},
)  # fmt: skip


def test_odd_bodies_are_refused_with_words(flow, program):
    row, _ = differing(flow)
    for act in ("accept-difference", "post-correction", "skip"):
        for body in ODD_BODIES:
            answer = program.post(f"transfers/{row.pk}/{act}/", body)
            assert answer.status_code == 400, (act, body, answer.content)
            assert answer.json()["detail"]
    row.refresh_from_db()
    assert row.state == State.HELD


def test_a_body_that_is_no_json_is_refused(flow, program):
    row = held(flow)
    for kind, code in (("application/json", 400), ("text/plain", 415), ("", 415)):
        answer = program.client.post(
            f"/api/v1/transfers/{row.pk}/skip/",
            data="{broken",
            content_type=kind,
            headers={"Authorization": f"Bearer {program.token}"},
        )
        database.set_tenant(Tenant.objects.get(slug="acme"))
        assert answer.status_code == code
        assert answer["Content-Type"] == "application/problem+json"


def test_nothing_else_is_possible(flow, program):
    row = held(flow)
    for method in ("put", "patch", "delete", "options"):
        assert program.call(method, f"transfers/{row.pk}/").status_code == 405
    assert program.get(f"transfers/{row.pk}/release/").status_code == 405
    assert program.post("transfers/999999/release/").status_code == 404
    assert program.post("connections/nothing/ping/").status_code == 404


def test_a_ping_proves_the_connection_and_is_told_in_words(flow, program, made):
    found = program.post("connections/ledger/ping/").json()
    assert found["is_healthy"] is True
    assert found["checks"][0]["words"]
    assert found["connection"]["state"] == "healthy"
    assert Entry.objects.get(action="connection_pinged").actor == str(made[Role.ACCOUNTANT].row)
    flow.erp_simulator.post("settings", client_secret="another")
    flow.erp_simulator.post("tokens/expire")
    from connectors import services

    services._adapters.clear()
    broken = program.post("connections/ledger/ping/").json()
    assert broken["is_healthy"] is False
    assert broken["connection"]["state"] == "refused"
    assert "sandbox-entra-client-secret" not in str(broken)
