"""BigCommerce's simulator with some hundred products, and the adapter over real HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from connectors.kit import ExchangeRecord
from connectors.stores.bigcommerce.connector import BigCommerce
from connectors.stores.bigcommerce.settings import SETTINGS
from tests.support.kits import Memory, loopback_kit
from tests.support.simulators import Simulator, _start

PRODUCTS = 700


@dataclass
class Shop:
    """A running simulator and adapters for it. ``calls`` are the exchanges of all of them."""

    simulator: Simulator
    ca_file: str
    calls: list[ExchangeRecord] = field(default_factory=list)

    def adapter(self, **more: str) -> BigCommerce:
        values = {setting.name: setting.default for setting in SETTINGS} | {
            "store_hash": "acme0utd00r",
            "access_token": "sandbox-store-access-token",
            "client_id": "sandbox-store-client-id",
            "client_secret": "sandbox-store-client-secret",
            "api_url": self.simulator.api,
            "quota": "100000",
        }
        kit = loopback_kit("store", self.calls, Memory(), self.ca_file)
        return BigCommerce.build({**values, **more}, kit)

    def product(self, sku: str) -> dict[str, Any]:
        (found,) = self.simulator.get(f"products?sku={sku}")
        return found

    def variant(self, sku: str) -> dict[str, Any]:
        return next(row for row in self.product(sku)["variants"] if row["sku"] == sku)

    def make(self, sku: str, *variants: str, **more: Any) -> dict[str, Any]:
        """A product; with ``variants`` one of several sizes with these SKUs."""
        sizes = [
            {"sku": name, "option_values": [{"option_display_name": "Size", "label": name}]}
            for name in variants
        ]
        body = {"sku": sku, "name": f"Product {sku or variants}", "price": "20.00", **more}
        return self.simulator.post(
            "products/create", **body, **({"variants": sizes} if sizes else {})
        )

    def customer(self, email: str) -> dict[str, Any]:
        (found,) = self.simulator.get(f"customers?email={quote(email)}")
        return found

    def sent(self, method: str, path: str) -> list[ExchangeRecord]:
        return [call for call in self.calls if call.method == method and path in call.url]


@pytest.fixture(scope="module")
def running_shop() -> Iterator[Shop]:
    folder = Path(tempfile.mkdtemp(prefix="mlc-tls-"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    tls = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    simulator = _start("sandbox.bigcommerce", [*tls, "--quota", "0", "--products", str(PRODUCTS)])
    yield Shop(simulator, str(folder / "ca.pem"))
    simulator.stop()


@pytest.fixture
def shop(running_shop: Shop) -> Shop:
    running_shop.simulator.post("reset")
    running_shop.simulator.post("settings", quota=0, status="normal")
    running_shop.calls.clear()
    return running_shop
