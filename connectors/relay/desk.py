"""The server's side of the queue: polls come and go, jobs are given out, answers come in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from agent import wire
from connectors.relay import keys, scripts
from connectors.relay.identities import KEPT_SECONDS, Identity
from connectors.relay.jobs import KEPT_BEYOND, MOST_PARTS_WAITING, PART, WORD, sealed
from tenants.encryption import keyring

BACK_WITHIN_MS = 10_000  # in which an agent whose connection closed must be back
# In which an agent whose poll was answered must poll again: a busy one says that it is there each
# ten seconds, and holds no connection that could be seen to close.
NEXT_WITHIN_MS = 20_000
# Of jobs in one answer to a poll: with one more on top an agent still takes it.
ENOUGH_BYTES = 2 * wire.MOST_REQUEST_BYTES
UNTAKEN_MS = 30_000  # for which parts may lie before their worker counts as gone
NONCE_SECONDS = 2 * wire.CLOCK_SECONDS + 60
_KEPT_MS = int(KEPT_BEYOND * 1000) * 2


@dataclass(frozen=True, slots=True)
class Arrived:
    """A poll as Redis knows it. ``until``: when (ms) its agent counts as gone if it says no more."""

    identity: Identity
    number: str
    boot: str
    state: str  # JSON of what it said
    clock_ms: int
    until: int = 0


class Desk:
    """Every call may raise RedisError, and may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._arrive: Any = redis.register_script(scripts.ARRIVE)
        self._keep: Any = redis.register_script(scripts.KEEP)
        self._closed: Any = redis.register_script(scripts.CLOSED)
        self._leave: Any = redis.register_script(scripts.LEAVE)
        self._lease: Any = redis.register_script(scripts.LEASE)
        self._begin: Any = redis.register_script(scripts.BEGIN)
        self._answer: Any = redis.register_script(scripts.ANSWER)
        self._trouble: Any = redis.register_script(scripts.TROUBLE)

    async def identity(self, key: str) -> Identity | None:
        """The copy; None if there is none."""
        copy = await self._redis.get(keys.identity(key))
        return None if copy is None else Identity.from_json(copy)

    async def remember(self, identity: Identity) -> Identity:
        """Keep what was read from the database, unless a change came before it: the one to go by."""
        kept = await self._redis.set(
            keys.identity(identity.key), identity.to_json(), ex=KEPT_SECONDS, nx=True
        )
        return identity if kept else (await self.identity(identity.key) or identity)

    async def is_first_use(self, agent: str, nonce: str) -> bool:
        return bool(await self._redis.set(keys.nonce(agent, nonce), b"", ex=NONCE_SECONDS, nx=True))

    async def count_refusal(self, code: str) -> None:
        await self._redis.hincrby(keys.REFUSED, code, 1)

    async def arrive(
        self, poll: Arrived, in_flight: Iterable[str], *, may_work: bool
    ) -> tuple[bool, int]:
        """A poll has come: (whether nobody was there before, until when its agent counts as there).

        One that may not work is only remembered, for people to see."""
        stay = wire.SEEN_SECONDS * 1000 if may_work else 0
        was_nobody, until = await self._arrive(
            keys=self._at_site(poll.identity),
            args=[
                *(poll.identity.key, poll.number, poll.boot, poll.state, poll.clock_ms, stay),
                *in_flight,
            ],
        )
        return bool(was_nobody), int(until)

    async def keep(self, polls: list[Arrived]) -> list[int]:
        """Put back what a flush took away. For each poll -1 if a newer one of its agent came or it
        has left, otherwise how many jobs wait at its site."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for poll in polls:
                who = poll.identity
                await self._keep(
                    keys=[*self._at_site(who), keys.queue(who.site)],
                    args=[who.key, poll.number, poll.boot, poll.state, poll.clock_ms, poll.until],
                    client=pipe,
                )
            return [int(one) for one in await pipe.execute()]

    async def closed(self, poll: Arrived) -> bool:
        """Its connection closed: its agent is gone unless it is back soon. False if it has come
        with a newer poll already."""
        return await self._expect(poll, BACK_WITHIN_MS)

    async def answered(self, poll: Arrived) -> None:
        """It was answered: its agent is gone unless its next one comes soon."""
        await self._expect(poll, NEXT_WITHIN_MS)

    async def _expect(self, poll: Arrived, within_ms: int) -> bool:
        args = [poll.identity.key, poll.number, within_ms]
        return bool(await self._closed(keys=self._at_site(poll.identity), args=args))

    async def anybody(self, site: str) -> bool:
        seconds, micros = await self._redis.time()
        now = seconds * 1000 + micros // 1000
        return bool(await self._redis.zcount(keys.present(site), f"({now}", "+inf"))

    async def leave(self, identity: Identity) -> int:
        """It stops; how many others are there."""
        return int(await self._leave(keys=self._at_site(identity), args=[identity.key]))

    async def lease(self, poll: Arrived, most: int) -> list[bytes]:
        """JSON of the jobs that are now this poll's to carry out, at most so many."""
        who = poll.identity
        found = await self._lease(
            keys=[keys.queue(who.site), keys.live(who.key)],
            args=[
                *(who.key, poll.boot, poll.number, most, wire.LEASE_SECONDS * 1000),
                ENOUGH_BYTES,
            ],
        )
        return [keyring().decrypt(one) for one in found]

    async def begin(self, agent: str, job_id: str) -> str:
        """ok, gone or late."""
        return str(
            (await self._begin(keys=[keys.job(job_id), keys.live(agent)], args=[agent])).decode()
        )

    async def answer(self, agent: str, job_id: str, part: wire.Part) -> str:
        """ok, gone, wait, wrong or large."""
        packed = part.pack()
        verdict = await self._answer(
            keys=[keys.job(job_id), keys.live(agent), keys.answer(job_id)],
            args=[
                agent,
                part.number,
                int(part.last),
                len(part.data),
                hashlib.sha256(packed).hexdigest(),
                sealed(PART, packed),
                wire.MOST_ANSWER_BYTES,
                MOST_PARTS_WAITING,
                _KEPT_MS,
                UNTAKEN_MS,
            ],
        )
        return str(verdict.decode())

    async def trouble(self, agent: str, job_id: str, trouble: wire.Trouble) -> str:
        """ok or gone."""
        verdict = await self._trouble(
            keys=[keys.job(job_id), keys.live(agent), keys.answer(job_id)],
            args=[agent, sealed(WORD, trouble.to_json()), _KEPT_MS],
        )
        return str(verdict.decode())

    @staticmethod
    def _at_site(identity: Identity) -> list[str]:
        return [keys.present(identity.site), keys.live(identity.key)]
