"""One budget a connection, shared by every worker process through Redis.

A leaky bucket for the rate, a gate for calls in flight, and the system's own word (what is left,
when it resets, not before) which beats our count. A worker never sleeps for the rate: it is told
when to come back. Redis may be flushed at any moment: the worst that follows is a fresh bucket.
While Redis is away each process keeps a bucket of its own, so that work goes on.

Work that can wait says so (``yielding``): it leaves a share of the rate and a place in flight to
the work that cannot, so that an order does not stand behind a catalogue.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from connectors.errors import TryLater

LONGEST_PAUSE = 300.0  # seconds; a system may ask for more, we ourselves do not grow beyond
# Of the rate, what yielding work leaves to orders: eighteen calls of a window of 150.
KEPT_FOR_ORDERS = 0.125
log = logging.getLogger("ml_connector.budget")
_yields: ContextVar[bool] = ContextVar("yields", default=False)

# KEYS: state hash, in-flight sorted set. ARGV: now ms, capacity, per ms, concurrency, id, lease ms,
# the share of the capacity to leave to others. Answers {0, number of the call, calls in flight
# before it} for go, {1, wait ms} for the rate or the system's word, {2, wait ms} for the gate.
_ACQUIRE = """
local now, capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gate, lease, kept = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local s = redis.call('HMGET', KEYS[1], 'level', 'at', 'not_before', 'left', 'reset', 'quota')
local quota = tonumber(s[6] or '0')
if quota > 0 and capacity > 0 then rate, capacity = rate * quota / capacity, quota end
local spare = math.floor(capacity * kept)
local not_before = tonumber(s[3] or '0')
if not_before > now then return {1, not_before - now} end
local left, reset = tonumber(s[4] or '-1'), tonumber(s[5] or '0')
if reset <= now then left = -1 end
if left >= 0 and left <= spare then return {1, reset - now} end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local flight = redis.call('ZCARD', KEYS[2])
if kept > 0 and gate > 1 then gate = gate - 1 end
if gate > 0 and flight >= gate then return {2, 25} end
if capacity > 0 then
  local level = math.max(0, tonumber(s[1] or '0') - (now - tonumber(s[2] or now)) * rate)
  local over = level + 1 - (capacity - spare)
  if over > 0 then return {1, math.ceil(over / rate)} end
  redis.call('HSET', KEYS[1], 'level', tostring(level + 1), 'at', now)
end
if left > 0 then redis.call('HINCRBY', KEYS[1], 'left', -1) end
redis.call('ZADD', KEYS[2], now + lease, ARGV[5])
redis.call('PEXPIRE', KEYS[1], 600000)
redis.call('PEXPIRE', KEYS[2], 600000)
return {0, redis.call('HINCRBY', KEYS[1], 'number', 1), flight}
"""

# KEYS: state hash. ARGV: now ms, calls left, reset ms, quota, the number of the call that was told
# so, how many were in flight before it (number 0: not known), half a window in ms. Calls in flight
# beside it and calls begun after it may be uncounted in what it was told: without them is what is
# left for certain. Our own count of this window is as certain, unless others use up the quota too,
# and answers overtake each other: the higher of the two counts.
_TOLD = """
local now, left, reset = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local number, flight, half = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local s = redis.call('HMGET', KEYS[1], 'left', 'reset', 'number')
local known, ends = tonumber(s[1] or '-1'), tonumber(s[2] or '0')
if ends > now and reset < ends - half then return end
local sure = left
if number > 0 then sure = left - math.max(tonumber(s[3] or '0') - number, 0) - flight end
if ends > now and reset <= ends + half then
  reset = math.min(reset, ends)
  if known <= left then sure = math.max(known, sure) end
end
redis.call('HSET', KEYS[1], 'left', math.max(sure, 0), 'reset', reset)
if tonumber(ARGV[4]) > 0 then redis.call('HSET', KEYS[1], 'quota', ARGV[4]) end
if left > 0 then redis.call('HSET', KEYS[1], 'strikes', 0) end
redis.call('PEXPIRE', KEYS[1], 600000)
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


@contextmanager
def yielding() -> Iterator[None]:
    """Calls made in here by this thread leave room for the calls of others."""
    token = _yields.set(True)
    try:
        yield
    finally:
        _yields.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a system allows: ``calls`` in each ``seconds`` (0 = not limited by us), and how many
    calls may be in flight at once. After ``longest_call_seconds`` a call no longer counts as in
    flight: its worker must have died.

    A system that counts over a sliding window takes ``burst`` calls at once and the rest at an even
    pace, so that no window of ``seconds``, wherever it begins, holds more than ``calls``. 0: it
    counts window by window, and all calls of one may come at once."""

    calls: int = 0
    seconds: float = 1.0
    burst: int = 0
    in_flight: int = 8
    longest_call_seconds: float = 45.0

    @property
    def capacity(self) -> int:
        return self.burst or self.calls

    @property
    def rate(self) -> float:
        """Calls a second that the bucket gives back."""
        return ((self.calls - self.burst) or self.calls) / self.seconds


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
            kept = KEPT_FOR_ORDERS if _yields.get() else 0
            gate = limits.in_flight - 1 if kept and limits.in_flight > 1 else limits.in_flight
            if gate and len(self._leases) >= gate:
                return 2, 25
            if limits.calls:
                level = max(0.0, self._level - (now - self._at) * limits.rate)
                over = level + 1 - (limits.capacity - int(limits.capacity * kept))
                if over > 0:
                    return 1, over / limits.rate * 1000
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
        self._told: Any = redis.register_script(_TOLD) if redis else None
        self._mine = threading.local()  # the number of this thread's call, and those beside it
        self._own = _OwnBucket(limits)

    @contextmanager
    def call(self) -> Iterator[None]:
        """One call's place. Raises TryLater (which counts as no failure) if there is none."""
        ticket = self._acquire()
        try:
            yield
        finally:
            self._mine.call = (0, 0)
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
            verdict, *more = self._script(
                keys=self._keys,
                args=[
                    int(time.time() * 1000),
                    limits.capacity,
                    limits.rate / 1000,
                    limits.in_flight,
                    ticket,
                    int(limits.longest_call_seconds * 1000),
                    KEPT_FOR_ORDERS if _yields.get() else 0,
                ],
            )
        except RedisError as error:
            log.warning("no shared budget just now: %s", error)
            return self._own.ask(ticket)
        if verdict == 0:
            self._mine.call = (int(more[0]), int(more[1]))
            return 0, 0
        return int(verdict), float(more[0])

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
        if self._told is None:
            return
        now = time.time()
        number, beside = getattr(self._mine, "call", (0, 0))
        try:
            self._told(
                keys=self._keys[:1],
                args=[
                    int(now * 1000),
                    max(left, 0),
                    int((now + reset_seconds) * 1000),
                    quota,
                    number,
                    beside,
                    int(self.limits.seconds * 500),
                ],
            )
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
