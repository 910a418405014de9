"""The relay as the tests use it: the connector's relay server and agents, each a real process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.embedded import ROOT, die_with_parent, free_port

STARTED_IN = 20  # seconds


@dataclass(frozen=True, kw_only=True)
class Target:
    """A place that an agent's own configuration allows. ``more``: further keys of its table."""

    url: str
    sign_in: str = "connector"
    more: Mapping[str, str] = field(default_factory=dict)

    def toml(self) -> str:
        keys = {"url": self.url, "sign_in": self.sign_in, **self.more}
        return "\n".join(["[[target]]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())])  # fmt: skip


class RelayServer:
    """``config.relay`` as granian serves it, on one port from start to start."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> RelayServer:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "--interface", "asgi", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", str(self.port), "--no-access-log"),
                *("--log-level", "error", "config.relay:application"),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        _wait(self._answers, "the relay server did not start")
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/agent/v1/poll", data=b"", timeout=1)
        except urllib.error.HTTPError:
            return True  # refused, since it is not signed: it is there
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """At once, with everything that it started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Agent:
    """One installed agent: its folder, its configuration, its process."""

    def __init__(self, folder: Path, *, connector: str, targets: Sequence[Target], slots: int = 4,
                 proxy: str = "none", ca_file: str = "") -> None:  # fmt: skip
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "agent.toml"
        self.process: subprocess.Popen[str] | None = None
        self.environment: dict[str, str] = {}
        parts = [
            f'[connector]\nurl = "{connector}"\nproxy = "{proxy}"',
            f'[agent]\nstate = "{folder / "state"}"\nslots = {slots}\n'
            f'log_file = "{folder / "agent.log"}"',
            *(target.toml() for target in targets),
        ]
        if ca_file:
            parts[2:] = [part + f'\nca_file = "{ca_file}"' for part in parts[2:]]
        self.config.write_text("\n\n".join(parts) + "\n")

    def command(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one of the agent's commands to its end."""
        return subprocess.run(
            [sys.executable, "-m", "agent", "--config", str(self.config), *words],
            cwd=ROOT,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def enroll(self, token: str) -> Agent:
        done = self.command("enroll", token)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def start(self) -> Agent:
        """Run it; comes back when the connector has accepted its first poll."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "--config", str(self.config), "run"],
            cwd=ROOT,
            env=self._environment({}),
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        patience = threading.Timer(STARTED_IN, self.process.kill)
        patience.start()
        try:
            for line in self.process.stdout:
                if line.startswith("ready"):
                    return self
        finally:
            patience.cancel()
        raise AssertionError(f"the agent ended with {self.process.wait()}: {self.log()}")

    def stop(self) -> int:
        """As a service manager asks; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=40)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        with suppress(FileNotFoundError):
            return (self.folder / "agent.log").read_text()
        return ""

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Nothing of ours but the code: no database, no keys, no Redis."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
            **more,
        }


class Cable:
    """The network between two places: ``port`` of this machine leads to ``to`` until it is cut."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.port = free_port()
        self._to = to
        self._listening: socket.socket | None = None
        self._ends: set[socket.socket] = set()
        self.mend()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        """Nothing gets through any more, and what was on its way is lost."""
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        for end in list(self._ends):
            _shut(end)

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                try:
                    far = socket.create_connection(self._to, timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self._ends |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for end in (one, other):
            _shut(end)
            self._ends.discard(end)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        end.close()


def _wait(true: Any, otherwise: str) -> None:
    end = time.monotonic() + STARTED_IN
    while not true():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)
