"""A throw-away installation to measure: real servers, simulators, web server and workers."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from config.embedded import Servers, die_with_parent, free_port

ROOT = Path(__file__).resolve().parent.parent


class Rig:
    """PostgreSQL with its usual durability, Redis, both simulators, one tenant with a route."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="mlc-bench-"))
        self.servers = Servers(self.data)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        self.servers.start()
        os.environ.update(
            {
                "DATABASE_URL": self.servers.database_url,
                "REDIS_URL": self.servers.redis_url,
                "SECRET_KEY": "only-for-the-bench-" * 3,
                "ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"b" * 32).decode(),
                "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
                "HOOK_BASE_URL": "https://hooks.test.example",
                "LOG_LEVEL": "ERROR",
                "PYTHONWARNINGS": "ignore",
                "DJANGO_SETTINGS_MODULE": "config.settings",
            }
        )
        from tests.support import simulators

        self.simulators = simulators.start()
        os.environ["OUTBOUND_CA_FILE"] = self.simulators.ca_file
        import django

        django.setup()
        from django.core.management import call_command

        from tenants.database import database
        from tenants.models import Tenant
        from tenants.provision import create_tenant

        call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
        create_tenant(name="Bench", slug="bench", host="bench.localhost", time_zone="UTC")
        database.set_tenant(Tenant.objects.get(slug="bench"))
        from tests.support.flow import make_flow

        self.simulators.reset()
        self.flow = make_flow(self.simulators, poll_minutes="600")

    def launch(self, name: str, *command: str, **environment: str) -> None:
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )

    def web(self) -> int:
        port = free_port()
        self.launch(
            "web", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
            "--blocking-threads", "8", "config.wsgi:application",
        )  # fmt: skip
        for _ in range(200):
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1),
            ):
                break
            time.sleep(0.05)
        self.simulators.store.post(
            "deliver-to", host="hooks.test.example", url=f"http://127.0.0.1:{port}"
        )
        return port

    def worker(self, threads: int) -> None:
        self.launch(
            "worker", "celery", "-A", "config", "worker", "--pool", "threads", "--concurrency",
            str(threads), "-Q", "work,tick", "--loglevel", "error", "--without-gossip",
            "--without-mingle", WORKER_THREADS=str(threads),
        )  # fmt: skip
        self.launch("beat", "celery", "-A", "config", "beat", "--pidfile=", "--loglevel", "error")

    def end(self, *names: str) -> None:
        for name in names or tuple(self.processes):
            process = self.processes.pop(name, None)
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process with its children."""
        return {name: _tree_mb(process.pid) for name, process in self.processes.items()}

    def stop(self) -> None:
        self.end()
        self.simulators.stop()
        self.servers.stop()
        shutil.rmtree(self.data, ignore_errors=True)


def _tree_mb(pid: int) -> float:
    total = 0
    for task in [pid, *_children(pid)]:
        with suppress(OSError):
            for line in Path(f"/proc/{task}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1])
    return total / 1024


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        for child in map(int, text.split()):
            found += [child, *_children(child)]
    return found


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def table(title: str, heads: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
