"""``manage.py stack``: everything on one machine, in the foreground, stopped by Ctrl-C.

Runs before Django, because it brings up the servers that Django's settings ask for.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import (
    DEFAULT_DATA,
    ROOT,
    RUNTIME_FILE,
    EmbeddedServerError,
    Servers,
    die_with_parent,
    environment,
    free_port,
)

COLOURS = {
    "stack": "1",
    "web": "34",
    "worker": "32",
    "beat": "35",
    "store": "33",
    "erp": "36",
    "orders": "1;32",
}
HOOK_HOST = "hooks.acme-outdoor.example"
DEMO_PASSWORD = "outdoor-ledger-2026"  # noqa: S105  of the demo's made-up people, on loopback only
RESTART_AFTER = (1, 2, 5, 10, 30)


class Log:
    """One readable log: a prefix and a colour a process."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()

    def say(self, name: str, words: str) -> None:
        prefix = f"{name:>7} │ "
        if self._colour:
            prefix = f"\x1b[{COLOURS.get(name, '37')}m{prefix}\x1b[0m"
        with self._lock, suppress(BrokenPipeError):
            print(prefix + words, flush=True)


@dataclass
class Child:
    """One process of the stack, restarted with growing pauses if it ends by itself."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Log
    process: subprocess.Popen[str] | None = None
    ready: threading.Event = field(default_factory=threading.Event)
    _failures: int = 0
    _retry_at: float = 0.0
    _started: float = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        threading.Thread(target=self._read, args=[self.process], daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready "):
                self.ready.set()
            elif line.strip():
                self.log.say(self.name, line.rstrip())

    def look_after(self) -> None:
        """Start it again if it ended, not faster than the pauses allow."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if not self._retry_at:
            if now - self._started > 60:
                self._failures = 0
            pause = RESTART_AFTER[min(self._failures, len(RESTART_AFTER) - 1)]
            self._failures += 1
            self._retry_at = now + pause
            code = self.process.returncode
            self.log.say(
                "stack", f"{self.name} ended with {code}; it is started again in {pause} s"
            )
        elif now >= self._retry_at:
            self._retry_at = 0.0
            self.start()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        # Web workers can outlive their killed master: their group is ours alone.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py stack", description=__doc__)
    parser.add_argument("--sandbox", action="store_true", help="with simulators and the demo")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "0")))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--traffic", type=float, default=6, help="the demo's sales a minute")
    options = parser.parse_args(arguments)
    stack = Stack(options)
    try:
        return stack.run()
    except EmbeddedServerError as error:
        stack.log.say("stack", str(error))
        return 1


class Stack:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.log = Log()
        self.children: list[Child] = []
        self.stopping = threading.Event()
        self.servers = Servers(options.data, say=lambda words: self.log.say("stack", words))
        self.port = 0

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        began = time.monotonic()
        try:
            self._start()
            if not self.stopping.is_set():
                self._banner(time.monotonic() - began)
                self._watch()
        finally:
            self._stop()
        return 0

    def _start(self) -> None:
        options = self.options
        self.log.say("stack", "Starting PostgreSQL and Redis")
        self.servers.start()
        self.port = options.port or _port_of(options.data)
        env = {**os.environ, **environment(self.servers)}
        env |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PUBLIC_PORT": str(self.port),
        }
        if options.sandbox:
            env |= self._sandbox(env)
        self.env = env
        written = (
            "DATABASE_URL",
            "REDIS_URL",
            "SECRET_KEY",
            "ENCRYPTION_KEYS",
            "ALLOWED_PRIVATE_NETWORKS",
            "OUTBOUND_CA_FILE",
            "HOOK_BASE_URL",
            "PUBLIC_PORT",
        )
        runtime = options.data / RUNTIME_FILE
        runtime.touch(mode=0o600)
        runtime.write_text(json.dumps({name: env[name] for name in written if name in env}))
        self._manage("Bringing the database up to date", "migrate_schemas", "--noinput", "-v0")
        if options.sandbox:
            for child in self.children:
                if not child.ready.wait(20):
                    raise EmbeddedServerError(f"the simulator “{child.name}” did not start")
            self._manage("Setting up the demo", "demo", "--data", str(options.data))
        threads = env.get("WORKER_THREADS", "8")
        python = sys.executable
        self._add(
            "web",
            *(python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--workers", "1", "--blocking-threads", "8"),
            *("--no-access-log", "--log-level", "warning", "config.wsgi:application"),
        )
        celery = (python, "-m", "celery", "-A", "config")
        self._add(
            "worker",
            *(*celery, "--quiet", "worker", "--pool", "threads", "--concurrency", threads),
            *("-Q", "work,tick", "--loglevel", "warning", "--without-gossip", "--without-mingle"),
        )
        self._add("beat", *celery, "--quiet", "beat", "--loglevel", "warning", "--pidfile=")
        self._wait_for_web()

    def _sandbox(self, env: dict[str, str]) -> dict[str, str]:
        """The simulators, with certificates of a throw-away authority that lives with the data."""
        data = self.options.data
        tls = _certificates(data / "tls")
        ports = _sandbox_ports(data)
        keys = ["--tls-cert", str(tls / "cert.pem"), "--tls-key", str(tls / "key.pem")]
        self.log.say("stack", "Starting the simulators")
        for name, module, more in (
            (
                "store",
                "sandbox.bigcommerce",
                ["--deliver-to", f"{HOOK_HOST}=http://127.0.0.1:{self.port}", "--traffic", "0"],
            ),
            ("erp", "sandbox.business_central", []),
        ):
            self._add(
                name,
                *(sys.executable, "-m", module),
                *("--port", str(ports[name]), "--control-port", str(ports[f"{name}_control"])),
                *("--data", str(data / f"{name}.sqlite"), *keys, *more),
                env={**env, "PYTHONUNBUFFERED": "1"},
            )
        self.controls = {
            name: f"http://127.0.0.1:{ports[f'{name}_control']}" for name in ("store", "erp")
        }
        return {
            "OUTBOUND_CA_FILE": str(tls / "ca.pem"),
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "HOOK_BASE_URL": f"https://{HOOK_HOST}",
            "SANDBOX_STORE_URL": f"https://127.0.0.1:{ports['store']}",
            "SANDBOX_ERP_URL": f"https://127.0.0.1:{ports['erp']}",
            "SANDBOX_STORE_CONTROL": self.controls["store"],
            "SANDBOX_ERP_CONTROL": self.controls["erp"],
            "DEMO_PASSWORD": os.environ.get("DEMO_PASSWORD", DEMO_PASSWORD),
        }

    def _add(self, name: str, *command: str, env: dict[str, str] | None = None) -> None:
        child = Child(name, list(command), env or self.env, self.log)
        self.children.append(child)
        child.start()

    def _manage(self, words: str, *command: str) -> None:
        self.log.say("stack", words)
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                self.log.say("stack", "  " + line.rstrip())
        if process.wait():
            raise EmbeddedServerError(f"{words}: failed, see above.")

    def _wait_for_web(self) -> None:
        import urllib.request

        for _ in range(300):
            if self.stopping.is_set():
                return
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1),
            ):
                return
            time.sleep(0.1)
        raise EmbeddedServerError("the web server did not start")

    def _banner(self, seconds: float) -> None:
        lines = [f"Ready after {seconds:.0f} s."]
        if self.options.sandbox:
            lines += [
                "",
                f"Console             http://acme.localhost:{self.port}/",
                f"  administrator     anna@acme-outdoor.example   {DEMO_PASSWORD}",
                f"  accountant        ben@acme-outdoor.example    {DEMO_PASSWORD}",
                f"  viewer            vera@acme-outdoor.example   {DEMO_PASSWORD}",
                f"Operators' admin    http://localhost:{self.port}/admin/",
                f"  operator          operator@connector.example  {DEMO_PASSWORD}",
                f"The store           {self.controls['store']}/__sandbox__/",
                f"The ledger          {self.controls['erp']}/__sandbox__/",
                "",
                "Orders come in by themselves; each is shown here as it settles. Ctrl-C stops all.",
            ]
        else:
            lines += [f"Listening on http://localhost:{self.port}/. Ctrl-C stops all."]
        for line in lines:
            self.log.say("stack", line)
        if self.options.sandbox:
            self._post(
                f"{self.controls['store']}/__sandbox__/api/traffic",
                {"per_minute": self.options.traffic},
            )

    def _post(self, url: str, body: dict[str, object]) -> None:
        import urllib.request

        request = urllib.request.Request(
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):
            pass

    def _watch(self) -> None:
        settled: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=[settled], daemon=True).start()
        while not self.stopping.wait(0.2):
            for child in self.children:
                child.look_after()
            while not settled.empty():
                self.log.say("orders", _sentence(json.loads(settled.get())))

    def _listen(self, settled: queue.Queue[str]) -> None:
        """PostgreSQL tells of every transfer that settles."""
        import psycopg

        while not self.stopping.is_set():
            with (
                suppress(psycopg.Error),
                psycopg.connect(self.env["DATABASE_URL"], autocommit=True) as connection,
            ):
                connection.execute("LISTEN transfer_settled")
                for notice in connection.notifies():
                    settled.put(notice.payload)
            self.stopping.wait(1)

    def _stop(self) -> None:
        self.log.say("stack", "Stopping")
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.wait(10)
        self.servers.stop()
        with suppress(FileNotFoundError):
            (self.options.data / RUNTIME_FILE).unlink()
        self.log.say("stack", "Stopped.")


def _sentence(row: dict[str, str]) -> str:
    tenant = re.sub(r"^t_", "", row["schema"])
    amount = f"{row['amount']} {row['currency']}".strip()
    words = {
        "posted": f"posted as {row['document']}",
        "held": f"held: {row['hold'].replace('_', ' ')}",
        "changed": "changed after posting",
    }.get(row["state"], row["state"])
    return f"{tenant}: order {row['number']}  {amount:>14}  {words}"


def _port_of(data: Path) -> int:
    """The same port at every start on the same data, if it is free."""
    path = data / "port"
    with suppress(FileNotFoundError, ValueError):
        port = int(path.read_text())
        if _is_free(port):
            return port
    port = 8000 if _is_free(8000) else free_port()
    path.write_text(str(port))
    return port


def _sandbox_ports(data: Path) -> dict[str, int]:
    path = data / "sandbox-ports.json"
    names = ("store", "store_control", "erp", "erp_control")
    with suppress(FileNotFoundError, ValueError):
        ports: dict[str, int] = json.loads(path.read_text())
        if all(_is_free(ports[name]) for name in names):
            return ports
    ports = {name: free_port() for name in names}
    path.write_text(json.dumps(ports))
    return ports


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _certificates(folder: Path) -> Path:
    if (folder / "cert.pem").exists():
        return folder
    import trustme

    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    for part in certificate.cert_chain_pems:
        part.write_to_path(str(folder / "cert.pem"), append=True)
    return folder
