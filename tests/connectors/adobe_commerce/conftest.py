"""Adobe Commerce's simulator in both editions, and the adapter over real HTTP."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.kit import ExchangeRecord, Kit
from connectors.stores.adobe_commerce.connector import AdobeCommerce
from connectors.stores.adobe_commerce.settings import SETTINGS
from tests.support.kits import Memory, loopback_kit
from tests.support.simulators import Simulator, _start

PAAS = {
    "edition": "paas",
    "consumer_key": "sandboxconsumerkey00000000000001",
    "consumer_secret": "sandboxconsumersecret00000000001",
    "access_token": "sandboxaccesstoken00000000000001",
    "access_token_secret": "sandboxaccesstokensecret00000001",
}
SAAS = {
    "edition": "saas",
    "ims_client_id": "sandbox-ims-client-id",
    "ims_client_secret": "sandbox-ims-client-secret",
    "ims_org_id": "6A1B2C3D4E5F60718293A4B5@AdobeOrg",
}
TENANT = "Qx7Rk2Lw9Tn4Vb1C"


@dataclass
class Commerce:
    """A running simulator and adapters for it. ``calls`` are the exchanges of all of them."""

    simulator: Simulator
    ca_file: str
    values: dict[str, str]
    calls: list[ExchangeRecord] = field(default_factory=list)
    cache: Memory = field(default_factory=Memory)
    tokens_before: int = 0

    def settings(self, **more: str) -> dict[str, str]:
        defaults = {setting.name: setting.default for setting in SETTINGS}
        return {**defaults, **self.values, "requests_per_minute": "99999", **more}

    def kit(self, ca_file: str | None = None) -> Kit:
        return loopback_kit(
            "store", self.calls, self.cache, self.ca_file if ca_file is None else ca_file
        )

    def adapter(self, **more: str) -> AdobeCommerce:
        return AdobeCommerce.build(self.settings(**more), self.kit())

    def place(self, **spec: Any) -> dict[str, Any]:
        return self.simulator.post("orders", **spec)

    def key(self, order: dict[str, Any]) -> str:
        return f"{order['store_id']}-{order['increment_id']}"

    def reset(self) -> None:
        self.simulator.post("reset")
        self.calls.clear()
        self.cache.values.clear()
        self.tokens_before = self.simulator.get("state")["tokens_given"]


@pytest.fixture(scope="session")
def certificates() -> tuple[list[str], str]:
    """(TLS arguments for a simulator, the authority's file)."""
    folder = Path(tempfile.mkdtemp(prefix="mlc-adobe-"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    arguments = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    return arguments, str(folder / "ca.pem")


@pytest.fixture(scope="session")
def running_paas(certificates: tuple[list[str], str]) -> Iterator[Commerce]:
    arguments, ca_file = certificates
    simulator = _start("sandbox.adobe_commerce", [*arguments, "--edition", "paas"])
    yield Commerce(simulator, ca_file, {**PAAS, "api_url": simulator.api})
    simulator.stop()


@pytest.fixture(scope="session")
def running_saas(certificates: tuple[list[str], str]) -> Iterator[Commerce]:
    arguments, ca_file = certificates
    simulator = _start("sandbox.adobe_commerce", [*arguments, "--edition", "saas"])
    values = {**SAAS, "api_url": f"{simulator.api}/{TENANT}", "ims_url": simulator.api}
    yield Commerce(simulator, ca_file, values)
    simulator.stop()


@pytest.fixture
def paas(running_paas: Commerce) -> Commerce:
    running_paas.reset()
    return running_paas


@pytest.fixture
def saas(running_saas: Commerce) -> Commerce:
    running_saas.reset()
    return running_saas


@pytest.fixture(params=["paas", "saas"])
def commerce(request: pytest.FixtureRequest) -> Commerce:
    """Each edition in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def contracts() -> Path:
    """The vendor's contracts, where this machine has them."""
    folder = os.environ.get("CONTRACTS_DIR", "")
    if not folder:
        pytest.skip("CONTRACTS_DIR names no folder with the vendors' contracts")
    return Path(folder) / "adobe_commerce"
