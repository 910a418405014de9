"""A reading of customers with pauses: what the store changes meanwhile is in the next one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.utils import timezone

from sync import route_settings, schedules
from sync.models import Flow, FlowSchedule
from sync.pipelines import flows, parties


def test_the_next_reading_begins_where_this_one_did_however_long_its_pauses(flow, monkeypatch):
    route_settings.save(flow.route, {"customers_flow": "both"})
    flow.route.refresh_from_db()
    schedules.ensure(flow.route)
    monkeypatch.setattr(flows, "SLICE_SECONDS", -1)
    row = FlowSchedule.objects.get(flow=Flow.CUSTOMERS)
    flows.run(row.pk)
    row.refresh_from_db()
    assert json.loads(row.resume)["side"] == "store"
    begun, slices = timezone.now(), 1

    class Later:
        """The clock of the later slices: a pause of an hour."""

        now = staticmethod(lambda: datetime.now(begun.tzinfo) + timedelta(hours=1))

    monkeypatch.setattr(parties, "timezone", Later)
    while row.is_running and slices < 20:
        flows.run(row.pk)
        row.refresh_from_db()
        slices += 1
    assert not row.is_running
    assert slices > 2
    assert datetime.fromisoformat(json.loads(row.marker)["store"]) <= begun
