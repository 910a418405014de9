"""Orders while no relay agent is there: they wait, and go at once when one is back."""

from __future__ import annotations

from connectors.models import Connection
from connectors.relay import services, watch
from sync.models import State


def test_orders_wait_for_an_agent_and_go_at_once_when_it_is_back(flow, enrolled, site):
    services.reach(flow.erp, site)
    Connection.objects.filter(pk=flow.erp.pk).update(state="healthy")
    agent = enrolled()
    order, transfer = flow.carry(lines=[{"sku": "TENT-2P-GRN", "quantity": 1}])
    assert transfer.state == State.WAITING
    assert "Warehouse" in transfer.reason
    assert transfer.attempts == 0  # waiting for an agent is no failure
    watch.look(site.pk)
    transfer = flow.work(order["id"])
    assert (transfer.state, transfer.hold) == (State.HELD, "connection_paused")
    assert "Nothing was sent" in transfer.reason
    assert transfer.due_at is not None  # asked again even if nobody tells us
    agent.poll(free=0)
    watch.look(site.pk)
    transfer.refresh_from_db()
    assert transfer.state == State.WAITING
    assert "works again" in transfer.reason
    assert not [path for path in flow.erp_simulator.counts() if "companies" in path]
