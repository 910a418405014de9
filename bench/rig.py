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
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from config.embedded import Servers, die_with_parent, free_port
from tests.support.rigs import CERTIFICATES
from tests.support.simulators import HOOK_HOST, Simulator, Simulators, _start

ROOT = Path(__file__).resolve().parent.parent


class Rig:
    """PostgreSQL with its usual durability, Redis, and what a measurement adds to them."""

    def __init__(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="mlc-bench-"))
        self.servers = Servers(self.data)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._simulators: list[Simulator] = []
        self._spine: Simulators | None = None

    def start(self) -> None:
        self.servers.start()
        os.environ.update(
            {
                "DATABASE_URL": self.servers.database_url,
                "REDIS_URL": self.servers.redis_url,
                "SECRET_KEY": "only-for-the-bench-" * 3,
                "ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"b" * 32).decode(),
                "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
                "OUTBOUND_CA_FILE": CERTIFICATES.ca_file,
                "HOOK_BASE_URL": f"https://{HOOK_HOST}",
                "LOG_LEVEL": "ERROR",
                "PYTHONWARNINGS": "ignore",
                "DJANGO_SETTINGS_MODULE": "config.settings",
            }
        )
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)

    @property
    def simulators(self) -> Simulators:
        """The store and the ERP of the spine, without limits of their own."""
        if self._spine is None:
            self._spine = Simulators(
                store=self.simulator("sandbox.bigcommerce", "--quota", "0"),
                erp=self.simulator("sandbox.business_central", "--rate", "0"),
                ca_file=CERTIFICATES.ca_file,
            )
        return self._spine

    @cached_property
    def _flow(self) -> Any:
        from tests.support.flow import make_flow

        self.enter("bench")
        self.simulators.reset()
        return make_flow(self.simulators, poll_minutes="600")

    @property
    def flow(self) -> Any:
        """The spine's tenant, entered, and its route."""
        flow = self._flow
        self.enter("bench")
        return flow

    def enter(self, slug: str) -> None:
        """Speak to a tenant's schema; the tenant is made if there is none."""
        from tenants.database import database
        from tenants.models import Tenant
        from tenants.provision import create_tenant

        database.set_schema_to_public()
        if not Tenant.objects.filter(slug=slug).exists():
            create_tenant(
                name=slug.title(), slug=slug, host=f"{slug}.localhost", time_zone="Europe/London"
            )
        database.set_tenant(Tenant.objects.get(slug=slug))

    def simulator(self, module: str, *arguments: str) -> Simulator:
        """A vendor's simulator over TLS, stopped with the rig."""
        started = _start(module, [*CERTIFICATES.arguments, *arguments])
        self._simulators.append(started)
        return started

    def dismiss(self, *simulators: Simulator) -> None:
        for simulator in simulators:
            self._simulators.remove(simulator)
            simulator.stop()

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

    def web(self, *stores: Simulator) -> int:
        """The web server, and stores told where it listens; its port."""
        port = free_port()
        self.launch(
            "web", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
            "--blocking-threads", "8", "config.wsgi:application",
        )  # fmt: skip
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"), seconds=20, every=0.05)
        for store in stores:
            store.post("deliver-to", host=HOOK_HOST, url=f"http://127.0.0.1:{port}")
        return port

    def worker(self, threads: int, name: str = "worker", *, queues: str = "work,tick") -> None:
        """A worker process with so many threads, and beat, if it does not run already."""
        self.launch(
            name, "celery", "-A", "config", "worker", "--pool", "threads",
            "--hostname", f"{name}@%h", "--concurrency", str(threads), "-Q", queues,
            "--loglevel", "error", "--without-gossip", "--without-mingle",
            WORKER_THREADS=str(threads),
        )  # fmt: skip
        if "beat" not in self.processes:
            self.launch(
                "beat", "celery", "-A", "config", "beat", "--pidfile=", "--loglevel", "error"
            )

    def end(self, *names: str) -> None:
        for name in names or tuple(self.processes):
            process = self.processes.pop(name, None)
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def memory(self) -> dict[str, float]:
        """Resident megabytes of each process with its children."""
        return {name: _tree(process.pid, "VmRSS:") for name, process in self.processes.items()}

    def peak_memory(self, name: str) -> float:
        """The most megabytes that a process with its children ever had resident."""
        return _tree(self.processes[name].pid, "VmHWM:")

    def pids(self, name: str) -> list[int]:
        """Of a process and its children."""
        pid = self.processes[name].pid
        return [pid, *_children(pid)]

    def cpu_seconds(self, name: str) -> float:
        """User and system time of a process with its children, in seconds."""
        return sum(map(_cpu, self.pids(name)))

    def postgres_cpu_seconds(self) -> float:
        """User and system time of PostgreSQL with its backends, those that ended included."""
        process = self.servers._postgres
        if process is None:
            return 0.0
        return _cpu(process.pid, ended=True) + sum(map(_cpu, _children(process.pid)))

    def stop(self) -> None:
        self.end()
        for simulator in self._simulators:
            with suppress(subprocess.TimeoutExpired):
                simulator.stop()
        self.servers.stop()
        shutil.rmtree(self.data, ignore_errors=True)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=1):
        return True
    return False


def _tree(pid: int, field: str) -> float:
    """A field of /proc/PID/status in megabytes, over a process and its children."""
    total = 0
    for task in (pid, *_children(pid)):
        with suppress(OSError):
            for line in Path(f"/proc/{task}/status").read_text().splitlines():
                if line.startswith(field):
                    total += int(line.split()[1])
    return total / 1024


def _cpu(pid: int, *, ended: bool = False) -> float:
    """Seconds of a process, and with ``ended`` of its children that are gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if ended else 13])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        for child in map(int, text.split()):
            found += [child, *_children(child)]
    return found


def wait_until(true: Callable[[], bool], *, seconds: float, every: float = 0.1) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def table(title: str, heads: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", "| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
