"""Who sent a request: every one is signed, once, at about our time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agent import wire
from connectors.relay import enrolment
from connectors.relay.desk import Desk
from connectors.relay.identities import Identity, find

Refusals = wire.Refusals
STATUS = {
    Refusals.SIGNATURE: 401,
    Refusals.CLOCK: 401,
    Refusals.REPLAYED: 401,
    Refusals.UNKNOWN: 401,
    Refusals.REVOKED: 403,
    Refusals.TOKEN: 403,
    Refusals.UPGRADE: 426,
    Refusals.GONE: 410,
    Refusals.TOO_LATE: 409,
    Refusals.UNREADABLE: 400,
    Refusals.BUSY: 503,
}
NOT_SIGNED = "The request is not signed as it should be."
REVOKED_WORDS = (
    "This agent was revoked: it gets no work any more. It may be removed from this computer."
)


class Refused(Exception):
    """A request is not carried out; ``code`` is one of ``wire.Refusals``."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Gate:
    """``in_database(function, *args)`` runs a function in a thread that may use the database."""

    def __init__(self, desk: Desk, in_database: Callable[..., Awaitable[Any]]) -> None:
        self._desk, self._in_database = desk, in_database

    async def known(self, path: str, headers: Mapping[str, str], body: bytes) -> Identity:
        """The enrolled agent that signed this request. Raises Refused."""
        signed, signature = read(headers, body)
        identity = await self.identity(signed.agent)
        if identity is None or not identity.public_key:
            raise Refused(Refusals.UNKNOWN, "This connector does not know the agent.")
        base = signed.base("POST", path, body)
        by_new = enrolment.verifies(identity.public_key, signature, base)
        if not by_new:
            if not (
                identity.previous_key and enrolment.verifies(identity.previous_key, signature, base)
            ):
                raise Refused(Refusals.SIGNATURE, NOT_SIGNED)
        if identity.is_revoked:
            raise Refused(Refusals.REVOKED, REVOKED_WORDS)
        await self.fresh(signed)
        if by_new and identity.previous_key:
            await self._in_database(enrolment.drop_previous_key, identity)
        return identity

    async def identity(self, key: str) -> Identity | None:
        found = await self._desk.identity(key)
        if found is None:
            row = await self._in_database(find, key)
            found = None if row is None else await self._desk.remember(row)
        return found

    async def fresh(self, signed: wire.Signed) -> None:
        """Of our time, and never seen before. Raises Refused."""
        if abs(signed.created - time.time()) > wire.CLOCK_SECONDS:
            raise Refused(
                Refusals.CLOCK,
                "The agent's clock differs from the connector's by more than "
                f"{wire.CLOCK_SECONDS} seconds.",
            )
        if not await self._desk.is_first_use(signed.agent, signed.nonce):
            raise Refused(Refusals.REPLAYED, "This request was sent before.")


def read(headers: Mapping[str, str], body: bytes) -> tuple[wire.Signed, bytes]:
    """Raises Refused."""
    try:
        return wire.read_signature(headers, body)
    except wire.WireError as error:
        raise Refused(Refusals.SIGNATURE, NOT_SIGNED) from error
