"""The simulators as the tests use them: real processes, real HTTP, reset between tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import trustme

from config.embedded import die_with_parent
from config.ports import free_ports

TENANT_ID = "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20"
CLIENT_ID = "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10"
HOOK_HOST = "hooks.test.example"


@dataclass
class Simulator:
    """One running simulator: its API's address, and its control panel as methods."""

    api: str
    control: str
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.control}/__sandbox__/api/{path}", timeout=10) as answer:
            return json.loads(answer.read(), parse_float=Decimal)

    def post(self, path: str, /, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.control}/__sandbox__/api/{path}",
            data=json.dumps(body, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read(), parse_float=Decimal)

    def fault(self, action: str, **more: Any) -> Any:
        return self.post("faults", action=action, **more)

    def counts(self) -> dict[str, int]:
        """Requests by method and path pattern since the last reset."""
        return self.get("requests")["counts"]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)


@dataclass
class Simulators:
    store: Simulator
    erp: Simulator
    ca_file: str

    def reset(self) -> None:
        self.store.post("reset")
        self.store.post("signing", form="standard")
        self.store.post("settings", orders_404_for_ms=0, quota=0, status="normal")
        self.store.post("traffic", per_minute=0)
        self.erp.post("reset")
        self.erp.post("settings", client_secret="sandbox-entra-client-secret", vat={"STANDARD": 20})
        self.erp.post("tokens/expire")

    def stop(self) -> None:
        self.store.stop()
        self.erp.stop()


def start() -> Simulators:
    """Start both with a throw-away certificate authority. Stop them with ``stop``."""
    folder = Path(tempfile.mkdtemp(prefix="mlc-tls-"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    tls = ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]
    return Simulators(
        store=_start("sandbox.bigcommerce", [*tls, "--quota", "0"]),
        erp=_start("sandbox.business_central", [*tls, "--rate", "0"]),
        ca_file=str(folder / "ca.pem"),
    )


def _start(module: str, arguments: list[str]) -> Simulator:
    """A running simulator; another pair of ports if somebody took one of them meanwhile."""
    for last in (False, False, True):
        port, control = free_ports(2)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", module),
                *("--port", str(port), "--control-port", str(control)),
                *arguments,
            ],
            stdout=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
            preexec_fn=die_with_parent,
        )
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if line.startswith("ready"):
            break
        process.kill()
        process.wait()
        assert not last, f"{module} did not start: {line}"
    return Simulator(f"https://127.0.0.1:{port}", f"http://127.0.0.1:{control}", process)
