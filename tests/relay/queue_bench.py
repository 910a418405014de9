"""One site's queue in Redis, without HTTP: a worker's side and the server's."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
from typing import Any

import redis
import redis.asyncio

from agent import wire


class Bench:
    """One site's queue with both sides of it at hand."""

    def __init__(self) -> None:
        from connectors.relay.desk import Desk
        from connectors.relay.jobs import Jobs

        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"])
        self.jobs = Jobs(self.redis)
        self.site_id = secrets.randbelow(10**9)
        self._runner = asyncio.Runner()
        self._theirs = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
        self.desk = Desk(self._theirs)
        self.polls: dict[str, Any] = {}

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._theirs.aclose())
        self._runner.close()
        self.redis.close()

    def identity(self, name: str) -> Any:
        from connectors.relay.identities import Identity

        key = f"agt_{name:0>8}{self.site_id % 10**8:08d}"
        return Identity(key, "t_bench", self.site_id, 1, name, public_key="x")

    def arrive(self, name: str, *, boot: str = "1", in_flight: tuple[str, ...] = ()) -> Any:
        """A poll of this agent comes."""
        from connectors.relay.desk import Arrived

        poll = Arrived(self.identity(name), secrets.token_hex(4), boot, "{}", 0)
        _, until = self.run(self.desk.arrive(poll, in_flight, may_work=True))
        self.polls[name] = dataclasses.replace(poll, until=until)
        return self.polls[name]

    def submit(self, *, changes: bool = True) -> Any:
        from connectors.relay.jobs import Handed, new_id

        handed = Handed(new_id(), self.identity("any").site, changes)
        job = wire.Job(handed.id, "POST", "https://gp.local/", begin_first=changes)
        assert self.hand_in(handed, job)
        return handed

    def hand_in(self, handed: Any, job: wire.Job) -> bool:
        until = self.jobs.roll_call(handed.site)[1] + 20_000
        return self.jobs.submit(handed, job, begin_until=until, kept=60.0)

    def lease(self, name: str, most: int = 1) -> list[str]:
        return [
            wire.Job.from_json(one).id for one in self.run(self.desk.lease(self.polls[name], most))
        ]

    def begin(self, name: str, handed: Any) -> str:
        return self.run(self.desk.begin(self.identity(name).key, handed.id))

    def part(self, name: str, handed: Any, number: int, data: bytes, *, last: bool = False) -> str:
        head = wire.Head(200) if number == 0 else None
        part = wire.Part(number, data, last, head)
        return self.run(self.desk.answer(self.identity(name).key, handed.id, part))

    def trouble(self, name: str, handed: Any, code: str, *, sent: bool) -> str:
        said = wire.Trouble(code, "why", sent)
        return self.run(self.desk.trouble(self.identity(name).key, handed.id, said))

    def put_back(self, handed: Any, field: str) -> None:
        """As if this time of the job had come."""
        from connectors.relay import keys

        self.redis.hset(keys.job(handed.id), field, 1)

    def vanish(self, name: str) -> None:
        """As if nothing had been heard of it for too long."""
        from connectors.relay import keys

        who = self.identity(name)
        if self.redis.zscore(keys.present(who.site), who.key) is not None:
            self.redis.zadd(keys.present(who.site), {who.key: 1})
        if self.redis.exists(keys.live(who.key)):
            self.redis.hset(keys.live(who.key), "at", 1)

    def revoke(self, name: str) -> None:
        from connectors.relay import identities

        revoked = dataclasses.replace(self.identity(name), is_revoked=True)
        identities.store(self.redis, revoked)
