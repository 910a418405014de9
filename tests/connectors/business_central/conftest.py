"""A Business Central environment as a process, the adapter on it, and an address for notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import trustme

from connectors.erps.business_central.connector import BusinessCentral
from tests.support.kits import Kits
from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulator, _start

SECRET = "sandbox-entra-client-secret"
DESTINATION = "https://bc.example/hooks/abc/"
ITEMS = 2_500  # more than two pages of the adapter


@dataclass
class Workshop(Kits):
    """Builds adapters and keeps what they recorded."""

    simulator: Simulator
    ca_file: str

    def build(self, **values: str) -> BusinessCentral:
        kit = self.kit("business_central", self.ca_file)
        settings = {
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": SECRET,
            "environment": "Production",
            "company_id": self.simulator.get("state")["company_id"],
            "api_url": self.simulator.api,
            "authority": self.simulator.api,
            "request_timeout_seconds": "3",
            **values,
        }
        return BusinessCentral.build(settings, kit)

    def calls(self, entity: str) -> int:
        return sum(1 for record in self.records if f"/{entity}" in record.url.partition("?")[0])


class Receiver:
    """Answers the handshake as the adapter says, and keeps the bodies of notices."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.status = 200
        self.answers_handshake = True
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                answer = BusinessCentral.handshake(
                    values={},
                    method="POST",
                    query=dict(parse_qsl(urlsplit(self.path).query)),
                    headers={},
                    body=body,
                )
                content, status = b"", receiver.status
                if answer is not None and receiver.answers_handshake:
                    content, status = answer.body, answer.status
                elif answer is None:
                    receiver.bodies.append(body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture(scope="session")
def running_environment(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Simulator, Path]]:
    folder = tmp_path_factory.mktemp("bc-tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    tls = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    simulator = _start("sandbox.business_central", [*tls, "--rate", "0", "--items", str(ITEMS)])
    yield simulator, folder / "ca.pem"
    simulator.stop()


@pytest.fixture
def environment(running_environment: tuple[Simulator, Path]) -> Simulator:
    simulator, _ = running_environment
    simulator.post("reset")
    simulator.post("settings", client_secret=SECRET)
    simulator.post("tokens/expire")
    return simulator


@pytest.fixture
def workshop(environment: Simulator, running_environment: tuple[Simulator, Path]) -> Workshop:
    return Workshop(environment, str(running_environment[1]))


@pytest.fixture
def erp(workshop: Workshop) -> BusinessCentral:
    return workshop.build()


@pytest.fixture
def receiver(environment: Simulator) -> Iterator[Receiver]:
    started = Receiver()
    environment.post("deliver-to", host="bc.example", url=started.url)
    yield started
    started.stop()
