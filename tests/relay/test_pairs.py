"""A store with GP and with NAV through the real engine, the ERP by relay: the suite of pairs.

What is left out here differs from the direct way in nothing but the calls, which the contract suite
makes by relay already; and the test of wrong credentials empties Redis, which ``test_orders`` does.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Running, ready
from tests.contract.rigs import BigCommerceRig, CommercePaas
from tests.contract.test_pairs import erp as erp
from tests.contract.test_pairs import join as join
from tests.contract.test_pairs import name_of
from tests.contract.test_pairs import store as store
from tests.contract.test_pairs import (
    test_a_lost_answer_and_a_closed_period_book_nothing_twice as test_a_lost_answer_and_a_closed_period_book_nothing_twice,
)
from tests.contract.test_pairs import (
    test_an_order_and_its_refunds_arrive_once_and_to_the_cent as test_an_order_and_its_refunds_arrive_once_and_to_the_cent,
)
from tests.contract.test_pairs import (
    test_orders_from_abroad_and_unknown_goods as test_orders_from_abroad_and_unknown_goods,
)
from tests.relay.onsite import GpRestByRelay, NavPagesByRelay, Relayed
from tests.support.relay import Agent
from tests.support.rigs import StoreRig

PAIRS: list[tuple[type[StoreRig], type[Relayed]]] = [
    (BigCommerceRig, GpRestByRelay),
    (CommercePaas, NavPagesByRelay),
]


@pytest.fixture
def tenant(northwind: Any) -> Any:
    return northwind


@pytest.fixture(params=PAIRS, ids=name_of)
def pair(
    request: pytest.FixtureRequest, running: Running, agent: Agent, northwind: Any
) -> tuple[StoreRig, Relayed]:
    store, erp = (ready(running(rig)) for rig in request.param)
    return store, erp


@pytest.fixture(autouse=True)
def every_call_went_by_relay(pair: tuple[StoreRig, Relayed]):
    from audit.models import Exchange
    from connectors.models import Connection

    yield
    for connection in Connection.objects.filter(relay_site__isnull=False):
        rows = Exchange.objects.filter(connection_id=connection.pk, status__isnull=False)
        carriers = {row.response_headers.get("X-Relay-Agent") for row in rows}
        assert carriers == {"gp-1"}
