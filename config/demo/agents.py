"""The relay agents of the demo: programs on the stack's own machine, each with its own files.

An agent has nothing of the connector's but its address: no database, no keys. Its configuration
names the simulator that it may reach, and the Windows account, which the connector never sees.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from config.demo.companies import COMPANIES, Company
from config.demo.simulators import Simulator
from config.embedded import ROOT

TOKEN_FILE = "token"  # noqa: S105  a file's name


class DemoAgent:
    """The agent of one company, in a folder of its own."""

    def __init__(self, company: Company, folder: Path) -> None:
        assert company.erp.relay is not None
        self.company, self.relay = company, company.erp.relay
        self.name = f"{company.slug}-agent"
        self.folder = folder / company.slug
        self.config = self.folder / "agent.toml"

    @property
    def is_enrolled(self) -> bool:
        state = self.folder / "state"
        return state.is_dir() and any(state.iterdir())

    def keep_token(self, token: str) -> None:
        """For the enrolment that follows, which deletes it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / TOKEN_FILE, token)

    def configure(self, *, connector: str, system: Simulator, ca_file: Path) -> None:
        """Write its configuration and the file with the password on site."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password = self.folder / "gp.password"
        _write(password, self.relay.password)
        target = {
            "url": f"{system.url}/",
            "sign_in": "windows",
            "user": self.relay.user,
            "password_file": str(password),
            "ca_file": str(ca_file),
            "page": self.relay.page,
        }
        tables = {
            "[connector]": {"url": connector, "proxy": "none"},
            "[agent]": {
                "state": str(self.folder / "state"),
                "log_file": str(self.folder / "agent.log"),
            },
            "[[target]]": target,
        }
        _write(self.config, "\n\n".join(_table(*one) for one in tables.items()) + "\n")

    def enroll(self) -> str:
        """Exchange the token for an identity; what went wrong in words, if anything."""
        kept = self.folder / TOKEN_FILE
        if not kept.exists():
            return ""
        done = subprocess.run(
            [*self.command("enroll"), "--replace", kept.read_text()],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            return (done.stderr or done.stdout).strip()
        kept.unlink()
        return ""

    def command(self, word: str) -> list[str]:
        return [sys.executable, "-m", "agent", "--config", str(self.config), word]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }


def demo_agents(folder: Path) -> list[DemoAgent]:
    """One for each company whose ERP is reached through a relay site."""
    return [DemoAgent(company, folder) for company in COMPANIES if company.erp.relay]


def _table(head: str, values: Mapping[str, str]) -> str:
    # A JSON string is a TOML string.
    return "\n".join([head, *(f"{key} = {json.dumps(value)}" for key, value in values.items())])


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)
