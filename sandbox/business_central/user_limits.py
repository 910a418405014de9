"""What one user may ask of the service online; an app counts as one user. Source: Microsoft,
"Operational limits in Business Central online"."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sandbox.common.clock import Clock

WINDOW_SECONDS = 300
AT_ONCE = 5
CONNECTIONS = 100
QUEUE_SECONDS = 480


class Throttled(Exception):
    """Too many in the window, or too many connections: 429."""


class QueuedTooLong(Exception):
    """Its turn did not come within eight minutes: 503."""


class UserLimits:
    """``rate`` is the number of requests in any five minutes, 0 for no limit. The five that are
    worked at once and those that wait for their turn may be a hundred together."""

    def __init__(self, clock: Clock, rate: int) -> None:
        self.clock, self.rate = clock, rate
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.forget()
        self._open = 0

    def forget(self) -> None:
        self._calls: deque[float] = deque()
        self.taken = self.refused = self.most_in_window = self.most_open = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        now = self.clock.time()
        while self._calls and self._calls[0] < now - WINDOW_SECONDS:
            self._calls.popleft()
        if self.rate and (len(self._calls) >= self.rate or self._open >= CONNECTIONS):
            self.refused += 1
            raise Throttled
        self._calls.append(now)
        self.taken += 1
        self._open += 1
        self.most_in_window = max(self.most_in_window, len(self._calls))
        self.most_open = max(self.most_open, self._open)
        try:
            try:
                await asyncio.wait_for(self._gate.acquire(), QUEUE_SECONDS)
            except TimeoutError:
                raise QueuedTooLong from None
            try:
                yield
            finally:
                self._gate.release()
        finally:
            self._open -= 1

    def shown(self) -> dict[str, int]:
        """Since the limits were last set."""
        return {
            "rate": self.rate,
            "taken": self.taken,
            "refused": self.refused,
            "most_in_window": self.most_in_window,
            "most_open": self.most_open,
        }
