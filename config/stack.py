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
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from config.demo.agents import DemoAgent, demo_agents
from config.demo.companies import COMPANIES
from config.demo.simulators import (
    ENVIRONMENT,
    HOOK_HOST,
    PROGRAMS,
    Program,
    Simulator,
    as_environment,
)
from config.embedded import (
    DEFAULT_DATA,
    ROOT,
    RUNTIME_FILE,
    DataInUseError,
    EmbeddedServerError,
    Servers,
    die_with_parent,
    environment,
    sole_user,
)
from config.ports import is_free, kept_port, kept_ports
from config.processes import Child, Log

START_SECONDS = 30
AGENT_SECONDS = 10
FLOWS = {
    "orders": "order",
    "invoices": "store invoice",
    "refunds": "refund",
    "payments": "payment",
    "corrections": "correction",
}
ANNA = f"anna@{COMPANIES[0].domain}"
DEMO_PASSWORD = "outdoor-ledger-2026"  # noqa: S105  of the demo's made-up people, on loopback only


class StoppedEarly(Exception):
    """Somebody asked the stack to stop while it was still setting up."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py stack", description=__doc__)
    parser.add_argument("--sandbox", action="store_true", help="with simulators and the demo")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "0")))
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--traffic", type=float, default=6, help="the demo's sales a minute")
    options = parser.parse_args(arguments)
    stack = Stack(options)
    try:
        with sole_user(options.data):
            return stack.run()
    except DataInUseError as error:
        stack.log.say("stack", f"{error}{_where(options.data)}")
        return 1
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
        self.relay_url = ""
        self.simulators: dict[str, Simulator] = {}
        self._setting_up: subprocess.Popen[str] | None = None

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        began = time.monotonic()
        try:
            self._start()
            self._banner(time.monotonic() - began)
            self._watch()
        except StoppedEarly:
            pass
        finally:
            self._stop()
        return 0

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping.set()
        if self._setting_up is not None:
            self._setting_up.terminate()

    def _go_on(self) -> None:
        if self.stopping.is_set():
            raise StoppedEarly

    def _start(self) -> None:
        options = self.options
        if options.port and not is_free(options.port):
            raise EmbeddedServerError(f"Port {options.port} is taken: give another with --port.")
        self.port = options.port or kept_port(options.data / "port")
        relay_port = kept_ports(options.data / "relay-port.json", ("relay",))["relay"]
        self.relay_url = f"http://127.0.0.1:{relay_port}"
        self.log.say("stack", "Starting PostgreSQL and Redis")
        self.servers.start()
        env = {**os.environ, **environment(self.servers)}
        env |= {
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "PUBLIC_PORT": str(self.port),
            "RELAY_URL": os.environ.get("RELAY_URL", self.relay_url),
            "WORKER_THREADS": os.environ.get("WORKER_THREADS", "8"),
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
            "RELAY_URL",
        )
        runtime = options.data / RUNTIME_FILE
        runtime.touch(mode=0o600)
        runtime.write_text(json.dumps({name: env[name] for name in written if name in env}))
        self._manage("Bringing the database up to date", "migrate_schemas", "--noinput", "-v0")
        simulators = list(self.children)
        python = sys.executable
        self._add(
            "web",
            *(python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--workers", "1", "--blocking-threads", "8"),
            *("--no-access-log", "--log-level", "error", "config.wsgi:application"),
        )
        self._add(
            "relay",
            *(python, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1"),
            *("--port", str(relay_port), "--workers", "1"),
            *("--no-access-log", "--log-level", "error", "config.relay:application"),
        )
        if options.sandbox:
            for child in simulators:
                self._wait_for(child.ready.is_set, f"the simulator “{child.name}” did not start")
            # The demo's first orders announce themselves at once: a store that finds nobody there
            # counts that against our host and soon stops calling it.
            self._wait_for(self._web_answers, "the web server did not start")
            agents = self.options.data / "agents"
            self._manage("Setting up the demo", "demo", "companies", "--agents", str(agents))
            self._start_agents(demo_agents(agents))
            self._manage("Connecting its systems", "demo", "connections")
        celery = (python, "-m", "celery", "-A", "config")
        self._add(
            "worker",
            *(*celery, "--quiet", "worker", "--pool", "threads"),
            *("--concurrency", env["WORKER_THREADS"]),
            *("-Q", "work,tick", "--loglevel", "warning", "--without-gossip", "--without-mingle"),
        )
        self._add("beat", *celery, "--quiet", "beat", "--loglevel", "warning", "--pidfile=")
        self._wait_for(self._web_answers, "the web server did not start")

    def _sandbox(self, env: dict[str, str]) -> dict[str, str]:
        """The simulators, with certificates of a throw-away authority that lives with the data."""
        data = self.options.data
        tls = _certificates(data / "tls")
        names = [name for program in PROGRAMS for name in _ports_of(program)]
        ports = kept_ports(data / "sandbox-ports.json", tuple(names))
        keys = ["--tls-cert", str(tls / "cert.pem"), "--tls-key", str(tls / "key.pem")]
        self.log.say("stack", f"Starting {len(PROGRAMS)} simulators")
        for program in PROGRAMS:
            api, control = _ports_of(program)
            more = [
                *program.arguments,
                *("--deliver-to", f"{HOOK_HOST}=http://127.0.0.1:{self.port}"),
            ]
            self._add(
                program.name,
                *(sys.executable, "-m", program.module),
                *("--port", str(ports[api]), "--control-port", str(ports[control])),
                *("--data", str(data / f"{program.name}.sqlite"), *keys, *more),
                env={**env, "PYTHONUNBUFFERED": "1"},
            )
            self.simulators[program.name] = Simulator(
                f"https://127.0.0.1:{ports[api]}", f"http://127.0.0.1:{ports[control]}"
            )
        return {
            "OUTBOUND_CA_FILE": str(tls / "ca.pem"),
            "ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
            "HOOK_BASE_URL": f"https://{HOOK_HOST}",
            ENVIRONMENT: as_environment(self.simulators),
            "DEMO_PASSWORD": os.environ.get("DEMO_PASSWORD", DEMO_PASSWORD),
        }

    def _start_agents(self, agents: list[DemoAgent]) -> None:
        """The relay agents, as they would run on their companies' own machines."""
        self._wait_for(self._relay_answers, "the relay server did not start")
        for agent in agents:
            agent.configure(
                connector=self.relay_url,
                system=self.simulators[agent.company.erp.simulator],
                ca_file=self.options.data / "tls" / "ca.pem",
            )
            if trouble := agent.enroll():
                self.log.say("stack", f"{agent.name} could not enroll: {trouble}")
                continue
            self._add(agent.name, *agent.command("run"), env=agent.environment)
            child = self.children[-1]
            # One that was revoked in the console does not come up, and the rest goes on without it.
            with suppress(EmbeddedServerError):
                self._wait_for(child.ready.is_set, "it did not start", seconds=AGENT_SECONDS)

    def _add(self, name: str, *command: str, env: dict[str, str] | None = None) -> None:
        child = Child(name, list(command), env or self.env, self.log)
        self.children.append(child)
        child.start()

    def _manage(self, words: str, *command: str) -> None:
        self._go_on()
        self.log.say("stack", words)
        process = self._setting_up = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C reaches us alone, and we stop it in order
            preexec_fn=die_with_parent,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() and not self.stopping.is_set():
                self.log.say("stack", "  " + line.rstrip())
        failed = process.wait()
        self._setting_up = None
        self._go_on()
        if failed:
            raise EmbeddedServerError(f"{words}: failed, see above.")

    def _wait_for(
        self, ready: Callable[[], bool], otherwise: str, seconds: float = START_SECONDS
    ) -> None:
        end = time.monotonic() + seconds
        while not ready():
            self._go_on()
            if time.monotonic() > end:
                raise EmbeddedServerError(otherwise)
            time.sleep(0.1)
        self._go_on()

    def _web_answers(self) -> bool:
        return _answers(f"http://127.0.0.1:{self.port}/readyz")

    def _relay_answers(self) -> bool:
        return _answers(f"{self.relay_url}/agent/healthz")

    def _banner(self, seconds: float) -> None:
        lines = [f"Ready after {seconds:.0f} s."]
        if self.options.sandbox:
            lines += ["", f"Consoles, for {ANNA} with {DEMO_PASSWORD}:"]
            lines += [
                f"  {company.name:<18} http://{company.host}:{self.port}/" for company in COMPANIES
            ]
            lines += [
                f"  also ben@ (accountant) and vera@ (viewer), as in ben@{COMPANIES[0].domain}",
                f"Operators' admin     http://localhost:{self.port}/admin/",
                f"  operator@connector.example with {DEMO_PASSWORD}",
                "Simulators' panels:",
            ]
            lines += [
                f"  {name:<18} {simulator.control}/__sandbox__/"
                for name, simulator in self.simulators.items()
            ]
            lines += [
                "",
                "Orders come in by themselves; each is shown here as it settles. Ctrl-C stops all.",
            ]
        else:
            lines += [f"Listening on http://localhost:{self.port}/. Ctrl-C stops all."]
        for line in lines:
            self.log.say("stack", line)
        selling = [program.name for program in PROGRAMS if program.sells]
        for name in selling if self.options.sandbox else ():
            with suppress(OSError):
                self.simulators[name].post(
                    "traffic", {"per_minute": self.options.traffic / len(selling)}
                )

    def _watch(self) -> None:
        settled: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, args=[settled], daemon=True).start()
        told: dict[tuple[str, str], str] = {}
        while not self.stopping.wait(0.2):
            self.servers.restart_ended()
            for child in self.children:
                child.look_after()
            while not settled.empty():
                row = json.loads(settled.get())
                name, words = (row["schema"], row["job_id"]), _sentence(row)
                if told.get(name) != words:  # a hold that was asked again is no news
                    told[name] = words
                    self.log.say("orders", words)

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


def _answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(address, timeout=1):
        return True
    return False


def _where(data: Path) -> str:
    with suppress(OSError, ValueError):
        port = json.loads((data / RUNTIME_FILE).read_text()).get("PUBLIC_PORT")
        return f" It serves http://localhost:{port}/."
    return ""


def _ports_of(program: Program) -> tuple[str, str]:
    return program.name, f"{program.name}_control"


def _sentence(row: dict[str, str]) -> str:
    tenant = re.sub(r"^t_", "", row["schema"])
    amount = f"{row['amount']} {row['currency']}".strip()
    what = f"{FLOWS.get(row['flow'], row['flow'])} {row['number']}"
    words = {
        "posted": f"booked as {row['document']}",
        "held": f"held: {row['hold'].replace('_', ' ')}",
        "skipped": f"skipped: {row['reason'].partition(':')[0].rstrip('.')}",
        "changed": "changed after posting",
    }.get(row["state"], row["state"])
    return f"{tenant:<9}{what:<24}{amount:>14}  {words}"


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
