"""The processes of ``manage.py stack``: started, read, restarted with pauses, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from config.embedded import ROOT, die_with_parent

COLOURS = {
    "stack": "1",
    "web": "34",
    "worker": "32",
    "beat": "35",
    "orders": "1;32",
}
SIMULATOR_COLOUR = "36"
RESTART_AFTER = (1, 2, 5, 10, 30)
WELL_AFTER_SECONDS = 60


class Log:
    """One readable log: a prefix and a colour a process."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()

    def say(self, name: str, words: str) -> None:
        prefix = f"{name:>12} │ "
        if self._colour:
            prefix = f"\x1b[{COLOURS.get(name, SIMULATOR_COLOUR)}m{prefix}\x1b[0m"
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
            if line.split()[:1] == ["ready"]:
                self.ready.set()
            elif line.strip():
                self.log.say(self.name, line.rstrip())

    def look_after(self) -> None:
        """Start it again if it ended, not faster than the pauses allow."""
        if self.process is None or self.process.poll() is None:
            return
        now = time.monotonic()
        if not self._retry_at:
            # Web workers outlive their killed master and would keep its port.
            self._kill_group()
            if now - self._started > WELL_AFTER_SECONDS:
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
        """Wait for its end; after ``seconds`` it is killed with everything that it started."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=seconds)
        self._kill_group()
        self.process.wait()

    def _kill_group(self) -> None:
        assert self.process is not None
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
