"""What programs do with master data and with orders of the past."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from sync import dispatch, route_settings, schedules
from sync.models import Flow, FlowSchedule, InboxEvent, Transfer
from tenants.models import AgendaItem
from tenants.roles import Role
from tests.api.conftest import Program
from tests.support.flow import TENT

STOCK = "routes/web/schedules/stock/"


@pytest.fixture
def shop(flow):
    route_settings.save(flow.route, {"stock_flow": "write", "prices_flow": "write"})
    return flow


def schedule(flow, kind=Flow.STOCK):
    return FlowSchedule.objects.get(route=flow.route, flow=kind)


def test_flows_are_listed_with_what_their_last_run_did(shop, reader):
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(rows_seen=40, words="40 rows read.")
    rows = {row["flow"]: row for row in reader.pages("routes/web/schedules/")}
    assert set(rows) == {"stock", "prices"}
    assert (rows["stock"]["rows_seen"], rows["stock"]["words"]) == (40, "40 rows read.")
    assert rows["stock"]["is_on"] is True
    assert rows["stock"]["report"] is None
    route_settings.save(shop.route, {"stock_flow": "off"})
    rows = {row["flow"]: row for row in reader.pages("routes/web/schedules/")}
    assert (rows["stock"]["is_on"], rows["stock"]["next_at"]) == (False, None)
    assert reader.get("routes/nil/schedules/").status_code == 404


def test_an_accountants_token_runs_a_flow_and_only_an_admins_pauses_it(shop, made, reader, program):
    AgendaItem.objects.filter(kind=dispatch.FLOW).delete()
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(marker="m", resume="r")
    assert reader.post(f"{STOCK}run/").status_code == 403
    assert program.post(f"{STOCK}run/").status_code == 200
    assert AgendaItem.objects.filter(kind=dispatch.FLOW, key=str(schedule(shop).pk)).exists()
    assert schedule(shop).marker == "m"
    assert program.post(f"{STOCK}run/", {"from_the_start": True}).status_code == 200
    assert (schedule(shop).marker, schedule(shop).resume) == ("", "")
    assert Entry.objects.filter(action="schedule_saved", actor_kind="token").count() == 2
    refused = program.post(f"{STOCK}pause/")
    assert refused.status_code == 403
    assert "administrator" in refused.json()["detail"]
    admin = Program(made[Role.ADMIN].token)
    paused = admin.post(f"{STOCK}pause/").json()
    assert (paused["is_paused"], paused["next_at"]) == (True, None)
    entries = Entry.objects.count()
    assert admin.post(f"{STOCK}pause/").json()["is_paused"] is True
    assert Entry.objects.count() == entries
    assert program.post(f"{STOCK}run/").status_code == 409
    resumed = admin.post(f"{STOCK}resume/").json()
    assert resumed["is_paused"] is False
    assert resumed["next_at"]


def test_a_reading_that_is_under_way_does_not_begin_again(shop, program):
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(
        is_running=True, lease_until=timezone.now() + timedelta(minutes=1), resume="page 3"
    )
    assert program.post(f"{STOCK}run/", {"from_the_start": True}).status_code == 409
    assert schedule(shop).resume == "page 3"


@pytest.mark.parametrize("flow_name", ["items", "orders", "nonsense"])
def test_a_flow_that_is_off_or_none_is_not_found(shop, program, flow_name):
    assert program.post(f"routes/web/schedules/{flow_name}/run/").status_code == 404
    assert not schedules.FlowSchedule.objects.filter(flow=flow_name).exists()


@pytest.mark.parametrize("odd", ["maybe", 7, [], {"a": 1}])
def test_odd_answers_to_from_the_start_are_refused(shop, program, odd):
    assert program.post(f"{STOCK}run/", {"from_the_start": odd}).status_code == 400


def test_a_backfill_says_what_it_would_do_before_it_does(flow, program, reader):
    order = flow.place(lines=[TENT])
    asked = {"numbers": [str(order["id"])]}
    assert reader.post("routes/web/backfill/", asked).status_code == 403
    planned = program.post("routes/web/backfill/", asked).json()
    assert planned == {
        "fresh": [str(order["id"])],
        "known": [],
        "too_old": [],
        "fetched": 0,
        "dry_run": True,
    }
    assert not InboxEvent.objects.exists()
    done = program.post("routes/web/backfill/", {**asked, "dry_run": False}).json()
    assert done["fetched"] == 1
    assert InboxEvent.objects.get().source == "backfill"
    entry = Entry.objects.get(action="backfilled")
    assert entry.actor_kind == "token"
    assert not Transfer.objects.exists()


def test_a_backfill_by_days_finds_what_changed_in_them(flow, program):
    known, _ = flow.carry(lines=[TENT])
    fresh = flow.place(lines=[TENT])
    now = timezone.now()
    asked = {
        "since": (now - timedelta(days=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
    }
    found = program.post("routes/web/backfill/", asked).json()
    assert (found["fresh"], found["known"]) == ([str(fresh["id"])], [str(known["id"])])


@pytest.mark.parametrize(
    "asked",
    [
        {}, {"numbers": []}, {"numbers": ["twelve"]}, {"numbers": "1042"}, {"numbers": [{}]},
        {"since": "2026-11-01T00:00:00Z"}, {"until": "2026-11-01T00:00:00Z"},
        {"since": "2026-11-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"since": "2026-01-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"},
        {"since": "yesterday", "until": "today"},
        {"since": "0001-01-01T00:00:00Z", "until": "9999-12-31T23:59:59Z"},
        {"numbers": ["1"], "since": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z"},
        {"numbers": ["1"], "dry_run": "perhaps"}, {"numbers": ["1\u0000"]},
        {"numbers": ["9" * 65]},
    ],
)  # fmt: skip
def test_a_backfill_of_nonsense_is_refused_with_what_is_wrong(flow, program, asked):
    answer = program.post("routes/web/backfill/", asked)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]
    assert not InboxEvent.objects.exists()


def test_a_store_that_does_not_answer_is_a_conflict_with_words(flow, program):
    flow.store_simulator.fault("status", status=503, path="orders", times=20)
    now = timezone.now()
    asked = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    answer = program.post("routes/web/backfill/", asked)
    assert answer.status_code == 409
    assert "store cannot be asked" in answer.json()["detail"]


def test_nothing_is_fetched_for_a_paused_route(flow, program):
    flow.route.is_active = False
    flow.route.save()
    assert program.post("routes/web/backfill/", {"numbers": ["1"]}).status_code == 409
