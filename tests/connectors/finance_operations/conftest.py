"""An F&O environment as a process, and the adapter on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.erps.finance_operations.connector import FinanceOperations
from tests.support import finance_operations as support
from tests.support.kits import Kits
from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulator

VALUES = {
    "tenant_id": TENANT_ID,
    "client_id": CLIENT_ID,
    "client_secret": support.SECRET,
    "legal_entity": "acuk",
    "default_warehouse": "WEB",
    "customer_group": "WEB",
    "dimension_format": "CostCenter,Department,BusinessUnit",
    "sales_account": "401100",
    "charges_account": "401200",
    "prices_include_tax": "yes",
    "return_reason": "REFUND",
    "return_disposition": "CREDIT",
    "payment_journal": "WEBPAY",
    "refund_journal": "REFUND",
    "request_timeout_seconds": "2",
    "requests_in_flight": "4",
}


@dataclass
class Workshop(Kits):
    """Builds adapters and keeps what they recorded."""

    simulator: Simulator
    ca_file: str

    def build(self, **values: str) -> FinanceOperations:
        kit = self.kit("finance_operations", self.ca_file)
        address = self.simulator.api
        settings = {**VALUES, "environment_url": address, "authority": address, **values}
        return FinanceOperations.build(settings, kit)

    @property
    def calls(self) -> list[tuple[str, str]]:
        """(method, collection) of every call to the environment, in order."""
        return [
            (record.method, record.url.partition("/data/")[2].partition("?")[0].partition("(")[0])
            for record in self.records
            if "/data" in record.url
        ]


@pytest.fixture(scope="session")
def fo_tls(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return support.tls(tmp_path_factory)


@pytest.fixture(scope="session")
def running_fo(fo_tls: SimpleNamespace) -> Iterator[Simulator]:
    simulator = support.launch(*fo_tls.flags)
    yield simulator
    simulator.stop()


@pytest.fixture
def fo(running_fo: Simulator) -> Simulator:
    """As it was started: its parameters and faults are reset as well."""
    running_fo.post("reset")
    return running_fo


@pytest.fixture
def workshop(fo: Simulator, fo_tls: SimpleNamespace) -> Workshop:
    return Workshop(fo, fo_tls.ca)


@pytest.fixture
def build(workshop: Workshop) -> Callable[..., FinanceOperations]:
    return workshop.build


@pytest.fixture
def people(fo: Simulator, fo_tls: SimpleNamespace) -> Any:
    """Somebody else who works in the environment."""
    return support.Client(fo.api, fo_tls.ca)
