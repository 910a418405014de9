"""What agents say, as the database, Redis and people can take it, however ill it is meant."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect, Request

from agent import wire
from connectors.relay.identities import Identity
from connectors.relay.signatures import Refusals, Refused

BODY_SECONDS = 30.0  # in which a request must be here; nobody has signed for it before
MOST_AHEAD = 10 * 365 * 86_400  # seconds; a clock that differs by more is shown so


async def body(request: Request, most: int) -> bytes:
    """Raises Refused for one that is too large or too slow."""
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise Refused(Refusals.UNREADABLE, f"The request is larger than {most} bytes.")
                parts.append(part)
    except ClientDisconnect as error:
        raise Refused(Refusals.UNREADABLE, "The request broke off.") from error
    except TimeoutError as error:
        raise Refused(Refusals.BUSY, "The request came too slowly.") from error
    return b"".join(parts)


def ahead_ms(clock: float) -> int:
    """By how much an agent's clock (seconds since the epoch) is ahead of ours."""
    try:
        difference = float(clock) - time.time()
    except OverflowError:
        return 0
    if not math.isfinite(difference):
        return 0
    return round(max(-MOST_AHEAD, min(difference, MOST_AHEAD)) * 1000)


def text(value: Any, most: int) -> str:
    """Text from outside as the database and people can take it."""
    return "".join(letter for letter in str(value)[:most] if letter.isprintable())


def kept_of(state: wire.State) -> dict[str, Any]:
    """What is kept of what an agent says of itself."""
    return {
        "version": text(state.version, 40),
        "wire": state.wire,
        "host": text(state.host, 200),
        "system": text(state.system, 200),
        "in_flight": ids(state.in_flight),
        "targets": [
            {
                name: text(target.get(name, ""), 300)
                for name in ("url", "sign_in", "certificate_until")
            }
            for target in state.targets[:50]
            if isinstance(target, dict)
        ],
        "round_trip_ms": min(max(state.round_trip_ms, -1), 3_600_000),
        "key_until": text(state.key_until, 40),
    }


def by(identity: Identity, head: wire.Head) -> wire.Head:
    """The head of an answer, with the name of the agent that brought it."""
    headers = [
        [text(pair[0], 200), text(pair[1], 16_384)]
        for pair in head.headers[:200]
        if isinstance(pair, list) and len(pair) == 2 and str(pair[0]).lower() != "x-relay-agent"
    ]
    headers.append(["X-Relay-Agent", identity.name])
    return replace(head, reason=text(head.reason, 200), headers=headers)


def ids(given: list[Any]) -> list[str]:
    return [one for one in given[:200] if isinstance(one, str) and one.isalnum() and len(one) <= 64]
