"""The program as a service: start, signals, a graceful end."""

from __future__ import annotations

import logging
import logging.handlers
import signal
import sys
import threading
import time
from types import FrameType

from . import __version__
from .config import Config
from .connector import Connector, Refused
from .identity import IdentityFile, NoIdentity, only_one
from .onsite import Lines
from .wire import Refusals
from .worker import Worker

LOG = logging.getLogger("ml_connector_agent")
OK, FAILED, BAD_CONFIG, NOT_ENROLLED, REVOKED, TOO_OLD = 0, 1, 2, 3, 4, 5
STOP_SECONDS = 30.0  # in which the jobs in hand may end
LEAVE_EVERY = 5.0


def set_up_log(config: Config) -> None:
    """To standard error, where a service manager keeps it, or to a file of at most 5 MB and five
    older ones."""
    handler: logging.Handler
    if config.log_file:
        handler = logging.handlers.RotatingFileHandler(
            config.log_file, maxBytes=5_000_000, backupCount=5, encoding="utf-8", delay=True
        )
    else:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.handlers[:] = [handler]
    LOG.setLevel(logging.INFO)
    LOG.propagate = False


def run(config: Config) -> int:
    """Work until told to stop; the exit code."""
    set_up_log(config)
    file = IdentityFile(config.state)
    try:
        identity = file.read()
    except NoIdentity as error:
        return _end(NOT_ENROLLED, str(error))
    if identity.url != config.url:
        LOG.warning("enrolled at %s, and now working with %s", identity.url, config.url)
    with only_one(config.state) as is_only_one:
        if not is_only_one:
            return _end(FAILED, f"another agent is running on {config.state}")
        LOG.info("ml-connector-agent %s starts: %s", __version__, identity.name or identity.agent)
        return _work(config, Connector(config, identity, file))


def _work(config: Config, connector: Connector) -> int:
    lines = Lines()
    worker = Worker(config, connector, lines)
    asked, ended = threading.Event(), threading.Event()
    refused: list[Refused] = []
    failed: list[BaseException] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.set()

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)

    def poll() -> None:
        try:
            worker.work(_ready)
        except Refused as refusal:
            refused.append(refusal)
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            ended.set()

    for work in (poll, worker.watch_certificates):
        threading.Thread(target=work, daemon=True).start()
    while not asked.is_set() and not ended.is_set():
        asked.wait(0.5)  # short, since Windows hands signals over between waits only
    worker.stop()
    _drain(worker, leave=not ended.is_set())
    lines.close()
    if failed:
        return _end(FAILED, f"this program made a mistake: {type(failed[0]).__name__}")
    if refused and refused[0].code == Refusals.REVOKED:
        return _end(REVOKED, f"this agent was revoked in the console: {refused[0].words}")
    if refused:
        return _end(TOO_OLD, f"this version is too old: {refused[0].words}")
    LOG.info("stopped")
    return OK


def _drain(worker: Worker, *, leave: bool) -> None:
    """Let the jobs in hand end; each word of leaving is a sign of life as well."""
    end = time.monotonic() + STOP_SECONDS
    if leave:
        worker.leave()
    if worker.jobs_in_hand():
        LOG.info("finishing %d jobs", worker.jobs_in_hand())
    while not worker.wait_for_jobs(min(LEAVE_EVERY, max(end - time.monotonic(), 0))):
        if time.monotonic() >= end:
            LOG.warning("%d jobs did not end in time", worker.jobs_in_hand())
            return
        if leave:
            worker.leave()


def _ready() -> None:
    LOG.info("ready")
    print("ready", flush=True)


def _end(code: int, words: str) -> int:
    LOG.error("%s", words)
    if LOG.handlers and not isinstance(LOG.handlers[0], logging.handlers.RotatingFileHandler):
        return code
    print(words, file=sys.stderr)
    return code
