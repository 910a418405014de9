"""The polls that one server process holds open: woken by Redis, kept known there, ended in time.

A waiting poll is a coroutine and an entry here. One connection to Redis listens for all of them, and
one task puts back every two seconds what a flush of Redis took away.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.relay import keys
from connectors.relay.desk import Arrived, Desk

KEEP_EVERY = 2.0  # seconds
log = logging.getLogger("ml_connector.relay")


@dataclass(eq=False)
class Poll:
    """One held request. ``is_over``: a newer poll of its agent is there, or it has left."""

    arrived: Arrived
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    must_ask: bool = False  # who its agent is may have changed

    def end(self) -> None:
        self.is_over = True
        self.woken.set()


class Polls:
    def __init__(self, redis: Redis, desk: Desk) -> None:
        self._redis, self._desk = redis, desk
        self._by_agent: dict[str, Poll] = {}
        self._by_site: dict[str, set[Poll]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._keep())]

    async def stop(self) -> None:
        """Held polls are answered without work, so that their agents ask the next process."""
        for poll in list(self._by_agent.values()):
            poll.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, poll: Poll) -> None:
        who = poll.arrived.identity
        before = self._by_agent.get(who.key)
        if before is not None:
            before.end()
        self._by_agent[who.key] = poll
        self._by_site.setdefault(who.site, set()).add(poll)

    def remove(self, poll: Poll) -> None:
        who = poll.arrived.identity
        if self._by_agent.get(who.key) is poll:
            del self._by_agent[who.key]
        waiting = self._by_site.get(who.site, set())
        waiting.discard(poll)
        if not waiting:
            self._by_site.pop(who.site, None)

    def end_of(self, agent: str) -> None:
        """Answer the poll of an agent that takes no more work."""
        if agent in self._by_agent:
            self._by_agent[agent].end()

    def _wake(self, site: str) -> None:
        for poll in self._by_site.get(site, ()):
            poll.woken.set()

    def _wake_all(self) -> None:
        for poll in self._by_agent.values():
            poll.must_ask = True
            poll.woken.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(keys.WAKE, keys.IDENTITY_CHANGED)
                    self._wake_all()  # for what was said while nobody listened
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._hear(message["channel"].decode(), message["data"].decode())
            except (RedisError, OSError) as error:
                log.warning("the relay does not hear Redis: %s", error)
            await asyncio.sleep(0.5)

    def _hear(self, channel: str, word: str) -> None:
        if channel == keys.WAKE:
            self._wake(word)
        elif word in self._by_agent:
            self._by_agent[word].must_ask = True
            self._by_agent[word].woken.set()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY)
            held = list(self._by_agent.values())
            if not held:
                continue
            with suppress(RedisError, OSError):
                found = await self._desk.keep([poll.arrived for poll in held])
                for poll, waiting in zip(held, found, strict=True):
                    if waiting < 0:
                        poll.end()
                    elif waiting:
                        poll.woken.set()
