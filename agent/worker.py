"""The loop: ask for work, carry it out, say that we are there."""

from __future__ import annotations

import logging
import platform
import secrets
import socket
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

from . import __version__, wire
from .carrier import Carrier
from .config import Config
from .connector import Backoff, Connector, Refused, Unreachable
from .onsite import Lines
from .troubles import NotCarried

LOG = logging.getLogger("ml_connector_agent")
SIGN_OF_LIFE_SECONDS = 10.0  # between polls while no slot is free
BACK_WITHIN = 5.0  # longest pause between two tries to poll; after ten seconds we count as gone
REFUSED_PAUSE = 30.0  # after a refusal that only a person can end
CERTIFICATES_EVERY = 6 * 3600.0
FOR_GOOD = frozenset({wire.Refusals.REVOKED, wire.Refusals.UPGRADE})


class Worker:
    """Jobs run in threads of their own, at most ``config.slots`` at a time."""

    def __init__(self, config: Config, connector: Connector, lines: Lines) -> None:
        self._config, self._connector, self._lines = config, connector, lines
        self._carrier = Carrier(config, connector, lines)
        self._boot = secrets.token_urlsafe(12)
        self._changed = threading.Condition()
        self._in_hand: set[str] = set()
        self._stopping = False
        self._rotating = threading.Lock()

    def state(self, free: int) -> wire.State:
        with self._changed:
            in_hand = sorted(self._in_hand)
        until = self._lines.certificates
        return wire.State(
            version=__version__,
            boot=self._boot,
            clock=time.time(),
            free=free,
            host=socket.gethostname(),
            system=f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
            in_flight=in_hand,
            targets=[
                {
                    "url": target.url,
                    "sign_in": target.sign_in,
                    "certificate_until": until[target.prefix.address.origin].isoformat()
                    if target.prefix.address.origin in until
                    else "",
                }
                for target in self._config.targets
            ],
            round_trip_ms=self._connector.round_trip_ms,
            key_until=datetime.fromtimestamp(
                self._connector.identity.key_until, timezone.utc
            ).isoformat(),
        )

    def work(self, on_ready: Callable[[], None]) -> None:
        """Until ``stop``. Raises Refused if the connector does not want this agent any more."""
        backoff, trouble, is_ready = Backoff(most=BACK_WITHIN), "", False
        while not self._stopping:
            # The first poll only shows that we are accepted: it is answered at once.
            free = self._free_slots() if is_ready else 0
            try:
                work = self._connector.poll(self.state(free))
                jobs = work.read()
            except Refused as refusal:
                if refusal.code in FOR_GOOD:
                    raise
                words = f"the connector refuses this agent: {refusal.words} ({refusal.code})"
                is_passing = refusal.code == wire.Refusals.BUSY
                pause = backoff.next_seconds() if is_passing else REFUSED_PAUSE
            except (Unreachable, wire.WireError) as error:
                words, pause = str(error), backoff.next_seconds()
            else:
                if trouble:
                    LOG.info("the connector answers again")
                backoff.reset()
                trouble = ""
                if not is_ready:
                    is_ready = True
                    on_ready()
                if len(jobs) > free:
                    LOG.warning("%d calls came and %d were asked for", len(jobs), free)
                for job in jobs[:free]:
                    self._start(job)
                if work.rotate_key or time.time() > self._connector.identity.key_until:
                    threading.Thread(target=self._rotate, daemon=True).start()
                self._lines.sweep()
                continue
            if words != trouble and not self._stopping:
                LOG.warning("%s; trying again", words)
                trouble = words
            self._wait(pause)

    def stop(self) -> None:
        """No more jobs are taken."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def jobs_in_hand(self) -> int:
        with self._changed:
            return len(self._in_hand)

    def wait_for_jobs(self, seconds: float) -> bool:
        """Whether none is in hand at the end."""
        end = time.monotonic() + seconds
        with self._changed:
            while self._in_hand and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())
            return not self._in_hand

    def leave(self) -> None:
        """Tell the connector that no job should come; the ones in hand are still answered."""
        try:
            self._connector.leave(self.state(0))
        except (Refused, Unreachable) as error:
            LOG.warning("could not say that this agent stops: %s", error)

    def watch_certificates(self) -> None:
        """Learn until when the targets' certificates are valid, now and each few hours; a target
        that cannot be reached shows its trouble with its first job."""
        while not self._stopping:
            for target in self._config.targets:
                address = target.prefix.address
                if address.scheme == "https":
                    try:
                        self._lines.look_at_certificate(address, target.ca_file)
                    except NotCarried as trouble:
                        LOG.warning("%s: %s", target.url, trouble.words)
            self._wait(CERTIFICATES_EVERY)

    def _free_slots(self) -> int:
        """Waits a while for one, but no longer than a sign of life may be due."""
        end = time.monotonic() + SIGN_OF_LIFE_SECONDS
        with self._changed:
            while len(self._in_hand) >= self._config.slots and not self._stopping:
                left = end - time.monotonic()
                if left <= 0:
                    return 0
                self._changed.wait(left)
            return self._config.slots - len(self._in_hand)

    def _start(self, job: wire.Job) -> None:
        with self._changed:
            refused = self._stopping
            known = job.id in self._in_hand
            if not known:
                self._in_hand.add(job.id)
        if not known:
            target = self._refuse if refused else self._carry
            threading.Thread(target=target, args=(job,), daemon=True).start()

    def _carry(self, job: wire.Job) -> None:
        try:
            self._carrier.carry(job)
        except Exception:
            LOG.exception("a job failed by a mistake of this program")
            words = "the relay agent made a mistake, which is in its log"
            self._tell(job, NotCarried(wire.Codes.NETWORK, words, sent=True))
        finally:
            self._done(job)

    def _refuse(self, job: wire.Job) -> None:
        words = "this agent is being stopped"
        try:
            self._tell(job, NotCarried(wire.Codes.STOPPING, words, sent=False))
        finally:
            self._done(job)

    def _tell(self, job: wire.Job, trouble: NotCarried) -> None:
        try:
            self._carrier.tell(job.id, trouble, until=time.monotonic() + 5)
        except (Refused, Unreachable) as error:
            LOG.warning("a job's trouble could not be told: %s", error)  # its time ends by itself

    def _done(self, job: wire.Job) -> None:
        with self._changed:
            self._in_hand.discard(job.id)
            self._changed.notify_all()

    def _rotate(self) -> None:
        if not self._rotating.acquire(blocking=False):
            return
        try:
            self._connector.rotate()
            LOG.info("a new key is in use")
        except (Refused, Unreachable, OSError) as error:
            LOG.warning("no new key yet: %s", error)
            self._wait(60)
        finally:
            self._rotating.release()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            while not self._stopping and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())
