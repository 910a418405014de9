"""A GP server as a process, and the adapter on it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from connectors.erps.gp.connector import DynamicsGP
from tests.support.kits import Kits
from tests.support.simulators import Simulator, _start

PASSWORD = "sandbox-gp-password"
VALUES = {
    "interface": "sba",
    "tenant": "DefaultTenant",
    "company": "ACME",
    "domain": "CONTOSO",
    "user": "svc-gp",
    "password": PASSWORD,
    "batch_prefix": "WEB",
    "refund_document": "credit_memo",
    "functional_currency": "",
    "rate_source": "lookup",
    "distributions": "accounts",
    "receivable_account": "000-1200-00",
    "sales_account": "000-4110-01",
    "returns_account": "",
    "discount_account": "000-4180-00",
    "tax_account": "000-2310-00",
    "tax_detail": "WEBTAX",
    "customer_numbers": "sequence",
    "customer_prefix": "WEB",
    "customer_digits": "7",
    "code_page": "cp1252",
    "request_timeout_seconds": "2",
    "requests_in_flight": "2",
    "soap_path": "/DynamicsGPWebServices/DynamicsGPService.asmx",
    "wsdl_path": "/Metadata/Legacy/Full/DynamicsGP.wsdl",
}


@dataclass
class Server:
    """The simulator and the certificate authority that signed its certificate."""

    simulator: Simulator
    authority: trustme.CA
    folder: Path

    @property
    def ca_pem(self) -> str:
        return self.authority.cert_pem.bytes().decode()

    def state(self) -> dict[str, Any]:
        return self.simulator.get("state")

    def set(self, **values: Any) -> None:
        self.simulator.post("settings", **values)


@dataclass
class Workshop(Kits):
    """Builds adapters and keeps what they recorded."""

    server: Server
    values: dict[str, str] = field(default_factory=dict)

    def build(self, **values: str) -> DynamicsGP:
        kit = self.kit("gp")
        settings = {
            **VALUES,
            "base_url": self.server.simulator.api,
            "authority": self.server.ca_pem,
            **self.values,
            **values,
        }
        return DynamicsGP.build(settings, kit)


def start(
    *arguments: str,
    names: tuple[str, ...] = ("localhost", "127.0.0.1"),
    authority: trustme.CA | None = None,
    **more: Any,
) -> Server:
    """A GP server with a certificate of its own authority. Stop it with ``simulator.stop``."""
    folder = Path(tempfile.mkdtemp(prefix="gp-tls-"))
    authority = authority or trustme.CA()
    certificate = authority.issue_cert(*names, **more)
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    tls = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    return Server(_start("sandbox.gp", [*tls, *arguments]), authority, folder)


@pytest.fixture(scope="session")
def running_gp() -> Iterator[Server]:
    server = start("--channel-binding", "require")
    yield server
    server.simulator.stop()


@pytest.fixture
def gp(running_gp: Server) -> Server:
    running_gp.simulator.post("reset")
    return running_gp


@pytest.fixture
def workshop(gp: Server) -> Workshop:
    return Workshop(gp)


@pytest.fixture
def build(workshop: Workshop) -> Callable[..., DynamicsGP]:
    return workshop.build
