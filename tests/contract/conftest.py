"""The rigs, started when a test first needs one and kept for the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.registry import SYSTEMS
from tests.contract.rigs import ERPS, STORES
from tests.support.rigs import ErpRig, Rig, StoreRig

Running = Callable[[type[Rig]], Rig]


@pytest.fixture(scope="session")
def running() -> Iterator[Running]:
    started: dict[str, Rig] = {}

    def get(rig: type[Rig]) -> Rig:
        if rig.name not in started:
            started[rig.name] = rig()
        return started[rig.name]

    yield get
    for rig in started.values():
        rig.simulator.process.terminate()
    for rig in started.values():
        rig.stop()


@pytest.fixture(params=STORES, ids=lambda rig: rig.name)
def store(request: pytest.FixtureRequest, running: Running) -> StoreRig:
    return ready(running(request.param))


@pytest.fixture(params=ERPS, ids=lambda rig: rig.name)
def erp(request: pytest.FixtureRequest, running: Running) -> ErpRig:
    return ready(running(request.param))


def ready(rig: Rig) -> Rig:
    assert rig.kind in SYSTEMS
    rig.reset()
    return rig
