"""NAV servers as processes, one for each way in, and the adapter on them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.erps.nav.connector import DynamicsNAV
from connectors.erps.nav.settings import SETTINGS
from tests.support import nav as support
from tests.support.kits import Kits
from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulator

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
BASIC = {
    "sign_in": "access_key",
    "user": support.NAME,
    "password": support.KEY,
    "instance": "DynamicsNAV110",
}
WINDOWS = {
    "sign_in": "windows",
    "user": support.ACCOUNT,
    "password": support.PASSWORD,
    "instance": "DynamicsNAV110",
}
ENTRA = {
    "sign_in": "entra",
    "entra_tenant_id": TENANT_ID,
    "client_id": CLIENT_ID,
    "client_secret": "sandbox-entra-client-secret",
    "interface": "api_v1",
    "instance": "BC",
}


ITEMS = 2_500  # more than two pages of the adapter


@dataclass
class Workshop(Kits):
    """Builds adapters on one server and keeps what they recorded."""

    simulator: Simulator
    tls: Path
    way: dict[str, str]

    def build(self, **values: str) -> DynamicsNAV:
        kit = self.kit("nav", str(self.tls / "ca.pem"))
        address = f"{self.simulator.api}/{self.way['instance']}"
        settings = {
            **DEFAULTS,
            "base_url": address,
            "soap_url": address,
            "company": support.COMPANY,
            "entra_authority": self.simulator.api,
            "request_timeout_seconds": "2",
            **self.way,
            **values,
        }
        return DynamicsNAV.build(settings, kit)

    def state(self) -> dict[str, Any]:
        return self.simulator.get("state")

    def set(self, **values: Any) -> None:
        self.simulator.post("settings", **values)

    def calls(self) -> list[str]:
        return [f"{r.method} {r.purpose}" for r in self.records]


@pytest.fixture(scope="session")
def tls() -> Path:
    return support.certificates(Path(tempfile.mkdtemp(prefix="nav-tls-")))


@pytest.fixture(scope="session")
def running_basic(tls: Path) -> Iterator[Simulator]:
    started = support.start("--posting", "bound", "--posting", "codeunit", tls=tls)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def running_windows(tls: Path) -> Iterator[Simulator]:
    started = support.start(
        *("--credential-type", "windows", "--channel-binding", "require"),
        *("--posting", "bound", "--posting", "codeunit"),
        tls=tls,
    )
    yield started
    started.stop()


@pytest.fixture(scope="session")
def running_later(tls: Path) -> Iterator[Simulator]:
    started = support.start("--flavour", "bc_v1", "--posting", "codeunit", tls=tls)
    yield started
    started.stop()


@pytest.fixture
def nav(running_basic: Simulator, tls: Path) -> Workshop:
    """Page services of NAV 2018 with a user's access key."""
    running_basic.post("reset")
    return Workshop(running_basic, tls, BASIC)


@pytest.fixture
def windows(running_windows: Simulator, tls: Path) -> Workshop:
    running_windows.post("reset")
    return Workshop(running_windows, tls, WINDOWS)


@pytest.fixture
def beta(nav: Workshop) -> Workshop:
    """The API of the same NAV 2018."""
    nav.set(api_services=True)
    return Workshop(nav.simulator, nav.tls, {**BASIC, "interface": "api_beta"})


@pytest.fixture
def later(running_later: Simulator, tls: Path) -> Workshop:
    """API v1.0 of Business Central 14 with an Entra application."""
    running_later.post("reset")
    running_later.post("settings", client_secret="sandbox-entra-client-secret")
    return Workshop(running_later, tls, ENTRA)


@pytest.fixture
def build(nav: Workshop) -> Callable[..., DynamicsNAV]:
    return nav.build


@pytest.fixture(scope="session")
def running_large(tls: Path) -> Iterator[Simulator]:
    started = support.start("--items", str(ITEMS), tls=tls)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def running_large_later(tls: Path) -> Iterator[Simulator]:
    started = support.start("--flavour", "bc_v1", "--items", str(ITEMS), tls=tls)
    yield started
    started.stop()


@pytest.fixture
def pages(running_large: Simulator, tls: Path) -> Workshop:
    running_large.post("reset")
    return Workshop(running_large, tls, BASIC)


@pytest.fixture
def by_beta(pages: Workshop) -> Workshop:
    pages.set(api_services=True)
    return Workshop(pages.simulator, pages.tls, {**BASIC, "interface": "api_beta"})


@pytest.fixture
def by_v1(running_large_later: Simulator, tls: Path) -> Workshop:
    running_large_later.post("reset")
    return Workshop(running_large_later, tls, ENTRA)


@pytest.fixture(params=["pages", "by_beta", "by_v1"])
def any_way(request: pytest.FixtureRequest) -> Workshop:
    return request.getfixturevalue(request.param)
