"""NAV's simulator as the tests use it: a process, its page services and its API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import requests
import trustme

from config.embedded import die_with_parent, free_port
from tests.support.simulators import Simulator

NAME, PASSWORD = "CONNECTOR", "Sandbox-Password-1"
ACCOUNT = r"CONTOSO\svc-connector"
KEY = "Q2xvdWRiZXJyeS1Nb29yLVdhbGstU2FuZGJveC1LZXk="
COMPANY = "Acme Outdoor Ltd."


def certificates(folder: Path) -> Path:
    """A throw-away authority with a certificate for this machine, in ``folder``."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return folder


def start(*arguments: str, tls: Path | None = None) -> Simulator:
    port, control = free_port(), free_port()
    more = []
    if tls is not None:
        more = ["--tls-cert", str(tls / "cert.pem"), "--tls-key", str(tls / "key.pem")]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sandbox.nav", "--port", str(port)),
            *("--control-port", str(control), *more, *arguments),
        ],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
        preexec_fn=die_with_parent,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("ready nav"), line
    scheme = "https" if tls else "http"
    return Simulator(f"{scheme}://127.0.0.1:{port}", f"http://127.0.0.1:{control}", process)


def session(tls: Path, auth=None) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.verify = str(tls / "ca.pem")
    made.auth = auth
    return made


class Pages:
    """Calls of the page services of one company."""

    def __init__(self, simulator: Simulator, http: requests.Session, company: str = COMPANY):
        self.http, self.sim = http, simulator
        self.root = f"{simulator.api}/DynamicsNAV110/ODataV4"
        name = company.replace("'", "''")
        self.base = f"{self.root}/Company('{quote(name, safe='')}')"

    def __call__(self, method: str, path: str, **more) -> requests.Response:
        return self.http.request(method, f"{self.base}/{path}", timeout=10, **more)

    def get(self, path: str, **params) -> list[dict]:
        answer = self("GET", path, params={f"${k}": v for k, v in params.items()})
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)["value"]

    def make(self, path: str, **body) -> dict:
        answer = self("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def document(self, service: str = "SalesInvoice", reference: str = "web-1", **more) -> dict:
        """A document with two lines: 3 x 9.99 of an item and 4.95 to an account."""
        header = self.make(
            service, Sell_to_Customer_No="C00001", External_Document_No=reference, **more
        )
        where = f"{address(service, header)}/{service}SalesLines"
        self.make(where, Type="Item", No="TENT-2P-GRN", Quantity=3, Unit_Price=9.99)
        self.make(where, Type="G/L Account", No="6610", Quantity=1, Unit_Price=4.95)
        return header


def address(service: str, row: dict) -> str:
    return f"{service}(Document_Type='{row['Document_Type']}',No='{row['No']}')"


def code(answer: requests.Response) -> str:
    return answer.json()["error"]["code"]


def words(answer: requests.Response) -> str:
    return answer.json()["error"]["message"]


class Api:
    """Calls of one version of the API for one company."""

    def __init__(self, simulator: Simulator, http: requests.Session, base: str) -> None:
        self.sim, self.http, self.root = simulator, http, f"{simulator.api}/{base}"
        company = simulator.get("state")["company_id"]
        self.base = f"{self.root}/companies({company})"

    def __call__(self, method: str, path: str, **more) -> requests.Response:
        return self.http.request(method, f"{self.base}/{path}", timeout=10, **more)

    def json(self, method: str, path: str, **more) -> dict:
        answer = self(method, path, **more)
        assert answer.status_code in (200, 201), answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def item(self, number: str) -> dict:
        (found,) = self.json("GET", f"items?$filter=number eq '{number}'")["value"]
        return found
