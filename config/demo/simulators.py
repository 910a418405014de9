"""The simulators that ``manage.py stack --sandbox`` starts, and how the demo finds them."""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from typing import Any

ENVIRONMENT = "SANDBOX_SIMULATORS"
HOOK_HOST = "hooks.connector.example"


@dataclass(frozen=True, slots=True)
class Program:
    """One simulator process. ``sells`` says that shoppers can be sent to it."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    sells: bool = False


def _shop(name: str, store_hash: str, *more: str) -> Program:
    return Program(
        name,
        "sandbox.bigcommerce",
        (
            *("--store-hash", store_hash),
            *("--access-token", f"sandbox-{name}-access-token"),
            *("--client-id", f"sandbox-{name}-client-id"),
            *("--client-secret", f"sandbox-{name}-client-secret"),
            *more,
        ),
        sells=True,
    )


PROGRAMS = (
    _shop("acme-shop", "acme0utd00r"),
    Program("acme-bc", "sandbox.business_central"),
    _shop("harbour-shop", "harb0ursupply"),
    Program("lumen-shop", "sandbox.adobe_commerce", ("--edition", "paas"), sells=True),
    _shop("alder-shop", "a1dersp0rts"),
    Program("alder-fo", "sandbox.finance_operations", ("--default-company", "dat")),
    _shop("brook-shop", "br00kcycles"),
    Program("brook-nav", "sandbox.nav", ("--posting", "bound")),
    # Two companies keep their books in one Dynamics GP installation.
    Program("gp", "sandbox.gp"),
)


@dataclass(frozen=True, slots=True)
class Simulator:
    """A running simulator: its vendor's address, and its control panel."""

    url: str
    control: str

    def get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.control}/__sandbox__/api/{path}", timeout=10) as answer:
            body: dict[str, Any] = json.loads(answer.read())
            return body

    def post(self, path: str, body: object) -> None:
        request = urllib.request.Request(
            f"{self.control}/__sandbox__/api/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):
            pass


def as_environment(running: dict[str, Simulator]) -> str:
    return json.dumps({name: [one.url, one.control] for name, one in running.items()})


def running() -> dict[str, Simulator]:
    """The simulators of the stack that started this process."""
    return {
        name: Simulator(url, control)
        for name, (url, control) in json.loads(os.environ[ENVIRONMENT]).items()
    }
