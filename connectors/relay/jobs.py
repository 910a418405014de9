"""A worker's jobs: handed in, watched, their answers taken, and closed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis import Redis

from agent import wire
from connectors.relay import keys, scripts
from tenants.encryption import keyring

TAKEN_WITHIN = 10.0  # seconds in which an agent must take a job, or it is taken back
BEGUN_WITHIN = 20.0  # seconds in which a write must begin that has no time of its own
KEPT_BEYOND = 60.0  # seconds that a job's traces are kept after its worker has given up
# For which a closed job is known as such: longer than any may wait to begin.
CLOSED_KEPT = 300.0
MOST_PARTS_WAITING = 8
PART, WORD = b"P", b"T"


class Stand(StrEnum):
    """How a job stands, as its worker sees it."""

    QUEUED = "queued"
    LEASED = "leased"  # an agent has it and did not begin; a read may be on its way
    SENDING = "sending"
    ENDED = "ended"  # its last word is in the answer list
    CANCELLED = "cancelled"  # certainly not sent, and it can begin no more
    LOST = "lost"  # it had begun, and nobody is there to say how it ended
    GONE = "gone"  # Redis knows nothing of it


@dataclass(frozen=True, slots=True)
class Handed:
    """A job that was handed in. ``changes``: it changes something, so it must begin first."""

    id: str
    site: str
    changes: bool


def new_id() -> str:
    return secrets.token_hex(16)


def sealed(mark: bytes, content: bytes) -> bytes:
    """What an answer list holds: a mark in the open, the rest encrypted."""
    return mark + keyring().encrypt(content)


class Jobs:
    """The worker's side of the queue. Every call may raise RedisError, and may be repeated."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._submit: Any = redis.register_script(scripts.SUBMIT)
        self._supervise: Any = redis.register_script(scripts.SUPERVISE)
        self._give_again: Any = redis.register_script(scripts.GIVE_AGAIN)
        self._close: Any = redis.register_script(scripts.CLOSE)

    def roll_call(self, site: str) -> tuple[bool, int]:
        """Whether an agent of the site is there, and Redis' clock (ms) before this came back."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zrange(keys.present(site), -1, -1, withscores=True)
            (seconds, micros), latest = pipe.execute()
        now = seconds * 1000 + micros // 1000
        return bool(latest) and latest[0][1] > now, now

    def submit(self, handed: Handed, job: wire.Job, *, begin_until: int, kept: float) -> bool:
        """Hand a job in; False if nobody is there. ``begin_until``: when (ms by Redis' clock) it
        may begin at the latest, however late this arrives; ``kept``: for how many seconds its
        worker waits at most."""
        return bool(
            self._submit(
                keys=self._keys(handed),
                args=[
                    handed.id,
                    handed.site,
                    keyring().encrypt(job.to_json()),
                    int(handed.changes),
                    begin_until,
                    int(TAKEN_WITHIN * 1000),
                    int((kept + KEPT_BEYOND) * 1000),
                ],
            )
        )

    def stand(self, handed: Handed) -> Stand:
        """How it stands; on the way it goes to another agent if the one that had it is gone."""
        args = [
            handed.id,
            handed.site,
            int(TAKEN_WITHIN * 1000),
            wire.SEEN_SECONDS * 1000,
        ]
        found = self._supervise(keys=self._keys(handed), args=args).decode()
        return Stand(found)

    def give_again(self, handed: Handed) -> bool:
        """To another agent, after one that sent nothing; False if there is none or no time."""
        args = [handed.id, handed.site, int(TAKEN_WITHIN * 1000)]
        return bool(self._give_again(keys=self._keys(handed), args=args))

    def take(self, handed: Handed, seconds: float) -> wire.Part | wire.Trouble | None:
        """The next piece of the answer; None if none came in time (at most a second or so)."""
        found: Any = self._redis.blpop([keys.answer(handed.id)], timeout=min(seconds, 1.0))
        if found is None:
            return None
        mark, content = found[1][:1], keyring().decrypt(found[1][1:])
        return wire.Part.unpack(content) if mark == PART else wire.Trouble.from_json(content)

    def close(self, handed: Handed) -> str:
        """Wait no more: it can begin no more. The state that it was in, or ``gone``."""
        args = [keys.job(handed.id), keys.queue(handed.site), keys.answer(handed.id)]
        return str(self._close(keys=args, args=[handed.id, int(CLOSED_KEPT * 1000)]).decode())

    @staticmethod
    def _keys(handed: Handed) -> list[str]:
        return [keys.job(handed.id), keys.queue(handed.site), keys.present(handed.site)]
