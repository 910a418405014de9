"""The contract suite of GP and NAV, every call carried by a relay agent.

Left out is nothing. Of the calls, only NAV's tokens do not go by relay: they come from Entra, which
is on the internet.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.errors import ConnectorError
from connectors.kit.guard import AddressGuard
from tests.contract.conftest import Running, ready
from tests.contract.test_erp_bad_days import *  # noqa: F403
from tests.contract.test_erps import *  # noqa: F403
from tests.relay.onsite import BY_RELAY, Relayed
from tests.support.kits import loopback_kit
from tests.support.relay import Agent
from tests.support.rigs import CERTIFICATES


@pytest.fixture(params=BY_RELAY, ids=lambda rig: rig.name)
def erp(request: pytest.FixtureRequest, running: Running, agent: Agent) -> Iterator[Relayed]:
    rig = ready(running(request.param))
    yield rig
    assert rig.carriers() <= {"gp-1"}, "a call went another way"


def test_the_connector_itself_cannot_reach_them(erp: Relayed):
    from connectors.registry import SYSTEMS

    values = {setting.name: setting.default for setting in SYSTEMS[erp.kind].settings}
    kit = loopback_kit(erp.name, erp.calls, erp.cache, CERTIFICATES.ca_file)
    object.__setattr__(kit, "guard", AddressGuard(erp.directly))
    directly = SYSTEMS[erp.kind].build({**values, **erp.values()}, kit)
    with pytest.raises(ConnectorError):
        directly.find_items(["TENT-2P-GRN"])
    assert not [call for call in erp.simulator.counts() if any(f in call for f in erp.folders)]
    assert erp.adapter().find_items(["TENT-2P-GRN"])
    assert erp.carriers() == {"gp-1"}
