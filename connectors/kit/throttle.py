"""One budget a connection, shared by every worker process through Redis.

A leaky bucket for the rate, a gate for calls in flight, and the system's own word (what is left,
when it resets, not before) which beats our count. A worker never sleeps for the rate: it is told
when to come back. Redis may be flushed at any moment: the worst that follows is a fresh bucket.
While Redis is away each process keeps a bucket of its own, so that work goes on.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from connectors.errors import TryLater

LONGEST_PAUSE = 300.0  # seconds; a system may ask for more, we ourselves do not grow beyond
log = logging.getLogger("ml_connector.budget")

# KEYS: state hash, in-flight sorted set. ARGV: now ms, capacity, per ms, concurrency, id, lease ms.
# Answers {0, 0} for go, {1, wait ms} for the rate or the system's word, {2, wait ms} for the gate.
_ACQUIRE = """
local now, capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gate, lease = tonumber(ARGV[4]), tonumber(ARGV[6])
local s = redis.call('HMGET', KEYS[1], 'level', 'at', 'not_before', 'left', 'reset', 'quota')
local quota = tonumber(s[6] or '0')
if quota > 0 and capacity > 0 then rate, capacity = rate * quota / capacity, quota end
local not_before = tonumber(s[3] or '0')
if not_before > now then return {1, not_before - now} end
local left, reset = tonumber(s[4] or '-1'), tonumber(s[5] or '0')
if reset <= now then left = -1 end
if left == 0 then return {1, reset - now} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if gate > 0 and redis.call('ZCARD', KEYS[2]) >= gate then return {2, 25} end
if capacity > 0 then
  local level = math.max(0, tonumber(s[1] or '0') - (now - tonumber(s[2] or now)) * rate)
  if level + 1 > capacity then return {1, math.ceil((level + 1 - capacity) / rate)} end
  redis.call('HSET', KEYS[1], 'level', tostring(level + 1), 'at', now)
end
if left > 0 then redis.call('HINCRBY', KEYS[1], 'left', -1) end
redis.call('ZADD', KEYS[2], now + lease, ARGV[5])
redis.call('PEXPIRE', KEYS[1], 600000)
redis.call('PEXPIRE', KEYS[2], 600000)
return {0, 0}
"""

# KEYS: state hash. ARGV: now ms, the pause asked for in ms, the most that we grow to in ms. Answers
# the pause in ms. Calls that were in flight together are refused together: they count once.
_REFUSED = """
local now, pause, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local s = redis.call('HMGET', KEYS[1], 'not_before', 'strikes')
local closed_until, strikes = tonumber(s[1] or '0'), tonumber(s[2] or '0')
if closed_until > now then
  pause = math.max(pause, closed_until - now)
else
  pause = math.max(pause, math.min(pause * 2 ^ math.min(strikes, 8), most))
  redis.call('HSET', KEYS[1], 'strikes', strikes + 1)
end
redis.call('HSET', KEYS[1], 'not_before', now + math.ceil(pause))
redis.call('PEXPIRE', KEYS[1], math.ceil(pause) + 600000)
return math.ceil(pause)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a system allows: ``calls`` in each ``seconds`` (0 = not limited by us), and how many
    calls may be in flight at once. After ``longest_call_seconds`` a call no longer counts as in
    flight: its worker must have died."""

    calls: int = 0
    seconds: float = 1.0
    in_flight: int = 8
    longest_call_seconds: float = 45.0


class _OwnBucket:
    """One process's bucket, for the time in which Redis cannot be asked."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._level, self._at, self._not_before = 0.0, 0.0, 0.0
        self._leases: dict[str, float] = {}

    def ask(self, ticket: str) -> tuple[int, float]:
        limits, now = self._limits, time.monotonic()
        with self._lock:
            if self._not_before > now:
                return 1, (self._not_before - now) * 1000
            self._leases = {key: end for key, end in self._leases.items() if end > now}
            if limits.in_flight and len(self._leases) >= limits.in_flight:
                return 2, 25
            if limits.calls:
                rate = limits.calls / limits.seconds
                level = max(0.0, self._level - (now - self._at) * rate)
                if level + 1 > limits.calls:
                    return 1, (level + 1 - limits.calls) / rate * 1000
                self._level, self._at = level + 1, now
            self._leases[ticket] = now + limits.longest_call_seconds
            return 0, 0

    def release(self, ticket: str) -> None:
        with self._lock:
            self._leases.pop(ticket, None)

    def close_for(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)


class Budget:
    """The shared budget of one connection. ``scope`` is the key: schema and connection."""

    # Seconds that a call may wait for its turn in flight. Giving up early would throw away the
    # calls that the same order has made before, and make the queue longer.
    GATE_PATIENCE = 30.0

    def __init__(self, redis: Redis | None, scope: str, limits: Limits) -> None:
        self._redis = redis
        self.limits = limits
        self._keys = [f"budget:{scope}", f"budget:{scope}:flight"]
        self._script: Any = redis.register_script(_ACQUIRE) if redis else None
        self._refused: Any = redis.register_script(_REFUSED) if redis else None
        self._own = _OwnBucket(limits)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call's place. Raises TryLater (which counts as no failure) if there is none."""
        ticket = self._acquire()
        try:
            yield
        finally:
            self._release(ticket)

    def _acquire(self) -> str:
        ticket = uuid.uuid4().hex
        patience = time.monotonic() + self.GATE_PATIENCE
        while True:
            verdict, wait_ms = self._ask(ticket)
            if verdict == 0:
                return ticket
            if (verdict == 1 and wait_ms <= 100) or verdict == 2:
                if time.monotonic() < patience:
                    time.sleep(min(wait_ms, 100) / 1000)
                    continue
            raise TryLater(
                "our budget for this connection is used up",
                reason="The system's request limit is reached for the moment.",
                counts=False,
                retry_after=timedelta(milliseconds=max(int(wait_ms), 250)),
            )

    def _ask(self, ticket: str) -> tuple[int, float]:
        if self._script is None:
            return self._own.ask(ticket)
        limits = self.limits
        try:
            verdict, wait_ms = self._script(
                keys=self._keys,
                args=[
                    int(time.time() * 1000),
                    limits.calls,
                    limits.calls / (limits.seconds * 1000) if limits.calls else 0,
                    limits.in_flight,
                    ticket,
                    int(limits.longest_call_seconds * 1000),
                ],
            )
        except RedisError as error:
            log.warning("no shared budget just now: %s", error)
            return self._own.ask(ticket)
        return int(verdict), float(wait_ms)

    def _release(self, ticket: str) -> None:
        self._own.release(ticket)
        if self._redis is None:
            return
        try:
            self._redis.zrem(self._keys[1], ticket)
        except RedisError:
            log.debug("a ticket could not be returned; its lease will end")

    def told(self, *, left: int | None, reset_seconds: float, quota: int = 0) -> None:
        """The system's own count: ``left`` calls until ``reset_seconds`` from now, of a ``quota``
        in each window, which then takes the place of our limit (0 = it did not say)."""
        if left is None:
            return
        if left <= 0:
            self._own.close_for(reset_seconds)
        if self._redis is None:
            return
        reset = int((time.time() + reset_seconds) * 1000)
        state: dict[Any, Any] = {"left": max(left, 0), "reset": reset}
        if quota:
            state["quota"] = quota
        if left > 0:
            state["strikes"] = 0
        try:
            self._redis.hset(self._keys[0], mapping=state)
            self._redis.pexpire(self._keys[0], 600_000)
        except RedisError:
            log.debug("the system's count could not be shared")

    def refused(self, seconds: float) -> float:
        """The system throttled a call: nobody calls it for ``seconds``, and twice as long each
        time that this happens again before a call has worked. Returns the pause in seconds."""
        pause = seconds
        if self._refused is not None:
            try:
                now = int(time.time() * 1000)
                asked, most = int(seconds * 1000), int(LONGEST_PAUSE * 1000)
                pause = self._refused(keys=self._keys[:1], args=[now, asked, most]) / 1000
            except RedisError:
                log.debug("the system's pause could not be shared")
        self._own.close_for(pause)
        return pause
