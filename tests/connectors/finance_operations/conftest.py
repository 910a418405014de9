"""An F&O environment as a process, and the adapter on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.erps.finance_operations.connector import FinanceOperations
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget
from tests.support import finance_operations as support
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


class Memory:
    """The shared cache of one connection."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.values.get(key)

    def set(self, key: str, value: str, seconds: int) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


@dataclass
class Workshop:
    """Builds adapters and keeps what they recorded."""

    simulator: Simulator
    ca_file: str
    cache: Memory = field(default_factory=Memory)
    records: list[ExchangeRecord] = field(default_factory=list)

    def build(self, **values: str) -> FinanceOperations:
        kit = Kit(
            name="finance_operations",
            record=self.records.append,
            guard=AddressGuard(["127.0.0.0/8"]),
            budget=lambda limits: Budget(None, "finance_operations", limits),
            cache=self.cache,
            ca_file=self.ca_file,
        )
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
