"""Start the GP simulator, sign in to it, and the documents that it is sent."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from pathlib import Path

import requests
from requests_ntlm import HttpNtlmAuth

from config.embedded import die_with_parent, free_port
from tests.support.simulators import Simulator

USER, PASSWORD = "CONTOSO\\svc-gp", "sandbox-gp-password"
TODAY = datetime.datetime.now(datetime.UTC).date()
DOCUMENTS = "/Sales/Receivables/Transactions"


def start(folder: Path, *more: str) -> Simulator:
    port, control = free_port(), free_port()
    command = [sys.executable, "-m", "sandbox.gp", "--port", str(port)]
    command += ["--control-port", str(control), *more]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
        preexec_fn=die_with_parent,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("ready gp "), line
    api = line.split("api=")[1].split()[0]
    return Simulator(api, f"http://127.0.0.1:{control}", process)


def session(ca_file, name=USER, password=PASSWORD, **more):
    made = requests.Session()
    made.trust_env, made.verify = False, ca_file
    made.auth = HttpNtlmAuth(name, password, **more)
    return made


def invoice(number="BC1-100045", **changes):
    fields = {
        "DocumentType": 1,
        "DocumentNumber": number,
        "DocumentDate": TODAY.isoformat(),
        "GLPostingDate": TODAY.isoformat(),
        "BatchId": "BC1-01",
        "BatchSource": "RM_Sales",
        "CustomerId": "CUST00001",
        "CustomerPONumber": number[-6:],
        "Description": f"BigCommerce {number[-6:]}",
        "SalesAmount": "119.95",
        "TradeDiscountAmount": "10.00",
        "FreightAmount": "8.50",
        "MiscellaneousAmount": "0.00",
        "TaxAmount": "9.07",
        "DocumentAmount": "127.52",
        "TaxScheduleId": "WEB",
        "Taxes": [{"TaxDetailId": "WEBTAX", "SalesTaxAmount": "9.07"}],
        "CurrencyId": "",
        "ExchangeRate": None,
    }
    return fields | changes


def error(answer):
    trace = answer.json()["Status"]["Trace"][0]
    return answer.status_code, trace["Number"], trace["Field"]
