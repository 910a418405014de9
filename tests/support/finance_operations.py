"""The Finance & Operations simulator as its tests use it: a process, a client, first documents.

The fixtures are plain functions here; a test module makes them its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import requests
import trustme

from config.embedded import die_with_parent, free_port
from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulator

SECRET = "sandbox-entra-client-secret"
ACCESS = "cross-company=true"
CUSTOMER = {"OrganizationName": "Acme", "CustomerGroupId": "WEB", "SalesCurrencyCode": "GBP"}


def launch(*arguments: str) -> Simulator:
    port, control = free_port(), free_port()
    command = [sys.executable, "-m", "sandbox.finance_operations", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--control-port", str(control), *arguments],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
        preexec_fn=die_with_parent,
    )
    line = process.stdout.readline().decode()
    assert line.startswith("ready finance_operations"), line
    api = line.split("api=")[1].split()[0]
    return Simulator(api, f"http://127.0.0.1:{control}", process)


class Client:
    """Somebody's HTTP client with a token; numbers are exact."""

    def __init__(self, base: str, ca_file: str | bool = False) -> None:
        self.base = base
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = ca_file
        self.sign_in()

    def token(self, version: str = "v2.0/", secret: str = SECRET, **form: str) -> requests.Response:
        audience = {"scope": f"{self.base}/.default"} if version else {"resource": self.base}
        return self.http.post(
            f"{self.base}/{TENANT_ID}/oauth2/{version}token",
            data={
                "grant_type": "client_credentials",
                "client_id": CLIENT_ID,
                "client_secret": secret,
                **audience,
                **form,
            },
            timeout=10,
        )

    def sign_in(self) -> None:
        self.http.headers["Authorization"] = f"Bearer {self.token().json()['access_token']}"

    def __call__(self, method: str, path: str, body: object = None, **more) -> requests.Response:
        return self.http.request(method, f"{self.base}/data/{path}", json=body, timeout=10, **more)

    def get(self, path: str) -> dict:
        answer = self("GET", path)
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def create(self, collection: str, **values: object) -> dict:
        body = json.loads(json.dumps({"dataAreaId": "acuk", **values}, default=float))
        answer = self("POST", f"{collection}?{ACCESS}", body)
        assert answer.status_code == 201, answer.text
        return json.loads(answer.text, parse_float=Decimal)

    def refused(self, collection: str, **values: object) -> str:
        """The infolog of a create that is refused with 400."""
        answer = self("POST", f"{collection}?{ACCESS}", {"dataAreaId": "acuk", **values})
        assert answer.status_code == 400, answer.text
        error = answer.json()["error"]
        assert (error["code"], error["message"]) == ("", "An error has occurred.")
        assert error["innererror"]["type"].endswith("AxODataWriteException")
        return error["innererror"]["message"]

    def find(self, collection: str, expression: str) -> list[dict]:
        answer = self.http.get(
            f"{self.base}/data/{collection}",
            params={"cross-company": "true", "$filter": expression},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text, parse_float=Decimal)["value"]


def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    return SimpleNamespace(
        ca=str(folder / "ca.pem"),
        flags=("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")),
    )


def running(tls):
    simulator = launch(*tls.flags)
    yield simulator
    simulator.stop()


def erp(running):
    running.post("reset")
    return running


def call(erp, tls):
    return Client(erp.api, tls.ca)


def customer(call):
    return call.create(
        "CustomersV3",
        PartyType="Person",
        PersonFirstName="Zoë",
        PersonLastName="O'Neil",
        CustomerGroupId="WEB",
        SalesCurrencyCode="GBP",
        LanguageId="en-gb",
        PrimaryContactEmail="zoe@example.test",
        AddressStreet="12 Mill Lane\nFlat 2",
        AddressCity="Leeds",
        AddressZipCode="LS1 4AP",
        AddressCountryRegionId="GBR",
    )


def order(call, customer):
    return call.create(
        "SalesOrderHeadersV4",
        OrderingCustomerAccountNumber=customer["CustomerAccount"],
        InvoiceCustomerAccountNumber=customer["CustomerAccount"],
        CurrencyCode="GBP",
        CustomersOrderReference="BC-100431",
        RequestedShippingDate="2026-03-02",
        DefaultShippingWarehouseId="WEB",
    )


def line(call, order, item="TENT-2P-GRN", **more):
    return call.create(
        "SalesOrderLinesV3",
        SalesOrderNumber=order["SalesOrderNumber"],
        ItemNumber=item,
        **{"OrderedSalesQuantity": 1, "SalesPrice": 100, **more},
    )
