"""One running Adobe Commerce simulator, reset for each test, and calls to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.adobe_commerce.calls import Caller, signed
from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator


@pytest.fixture(scope="package")
def paas() -> Iterator[Simulator]:
    simulator = start()
    yield simulator
    simulator.stop()


@pytest.fixture
def shop(paas: Simulator) -> Simulator:
    paas.post("reset")
    return paas


@pytest.fixture
def call(shop: Simulator) -> Caller:
    return lambda method, path, query=None, **more: signed(shop, method, path, query, **more)
