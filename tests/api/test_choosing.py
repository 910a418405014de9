"""A program chooses a side of a customer that both sides changed differently."""

from __future__ import annotations

import pytest

from audit.models import Entry
from sync.models import State
from tenants.roles import Role
from tests.api.conftest import Program, held
from tests.engine.test_parties import in_erp, in_store, pair, torn, worked  # noqa: F401
from tests.engine.test_parties import run as run_customers


@pytest.fixture
def conflict(pair):  # noqa: F811
    return torn(pair)


def seen(program, row):
    return program.get(f"transfers/{row.pk}/").json()["conflict"]


def choose(program, row, side, name, **headers):
    body = {"side": side, "seen": name}
    return program.post(f"transfers/{row.pk}/choose-side/", body, **headers)


@pytest.mark.parametrize(("side", "name"), [("erp", "Ada King"), ("store", "Ada Noel")])
def test_the_chosen_side_is_written_to_the_other(pair, conflict, program, made, side, name):  # noqa: F811
    shown = seen(program, conflict)
    assert shown["fields"] == [{"what": "Name", "erp": "Ada King", "store": "Ada Noel"}]
    answer = choose(program, conflict, side, shown["seen"])
    assert answer.status_code == 200, answer.content
    assert answer.json()["changed"] is True
    assert answer.json()["transfer"]["state"] == "waiting"
    entry = Entry.objects.get(transfer_id=conflict.pk, action="difference_accepted")
    assert entry.actor == str(made[Role.ACCOUNTANT].row)
    again = choose(program, conflict, side, shown["seen"])
    assert (again.status_code, again.json()["changed"]) == (200, False)
    assert worked(conflict).state == State.POSTED
    assert in_erp(pair)["displayName"] == name
    shopper = in_store(pair)
    assert f"{shopper['first_name']} {shopper['last_name']}" == name
    assert seen(program, conflict) is None
    again = choose(program, conflict, side, shown["seen"])
    assert (again.status_code, again.json()["changed"]) == (200, False)
    other = "store" if side == "erp" else "erp"
    assert choose(program, conflict, other, shown["seen"]).status_code == 409


def test_only_the_conflict_that_was_seen_is_decided(pair, conflict, program):  # noqa: F811
    before = seen(program, conflict)
    pair.erp_simulator.post("customers", number=pair.number, displayName="Ada Lovelace")
    run_customers(pair)
    answer = choose(program, conflict, "erp", before["seen"])
    assert answer.status_code == 409
    now = answer.json()["conflict"]
    assert now["fields"][0]["erp"] == "Ada Lovelace"
    assert in_store(pair)["last_name"] == "Noel"
    conflict.refresh_from_db()
    assert (conflict.state, "side" in conflict.record) == (State.HELD, False)
    assert choose(program, conflict, "erp", now["seen"]).json()["changed"] is True
    assert worked(conflict).state == State.POSTED
    assert in_store(pair)["last_name"] == "Lovelace"


def test_what_is_held_for_something_else_has_no_side(flow, program):
    row = held(flow)
    assert seen(program, row) is None
    answer = choose(program, row, "erp", "x")
    assert answer.status_code == 409
    assert "conflict" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, "side"),
        ({"side": "both", "seen": "x"}, "side"),
        ({"side": ["erp"], "seen": "x"}, "side"),
        ({"side": "erp"}, "seen"),
        ({"side": "erp", "seen": ""}, "seen"),
        ({"side": "erp", "seen": {"a": 1}}, "seen"),
        ({"side": "erp", "seen": "\0"}, "seen"),
        ({"side": "erp", "seen": "x" * 65}, "seen"),
    ],
)
def test_odd_bodies_are_refused_by_name(flow, program, body, wrong):
    answer = program.post(f"transfers/{held(flow).pk}/choose-side/", body)
    assert answer.status_code == 400
    assert wrong in answer.json()["errors"]


def test_a_viewer_chooses_nothing(conflict, program, made):
    shown = seen(program, conflict)
    reader = Program(made[Role.VIEWER].token)
    assert seen(reader, conflict) == shown
    assert choose(reader, conflict, "erp", shown["seen"]).status_code == 403
