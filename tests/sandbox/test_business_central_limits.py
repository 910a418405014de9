"""What Business Central's simulator lets one user ask for: a window, five at once and a queue."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from sandbox.business_central.user_limits import QueuedTooLong, Throttled, UserLimits
from sandbox.common.clock import Clock


async def ask(limits: UserLimits, times: int) -> None:
    for _ in range(times):
        async with limits.turn():
            pass


def test_the_window_slides() -> None:
    async def story() -> None:
        clock = Clock()
        limits = UserLimits(clock, 10)
        await ask(limits, 4)
        clock.advance(200)
        await ask(limits, 6)
        with pytest.raises(Throttled):
            await ask(limits, 1)
        clock.advance(101)
        await ask(limits, 4)
        with pytest.raises(Throttled):
            await ask(limits, 1)
        assert limits.shown() | {"rate": 10, "taken": 14, "refused": 2} == limits.shown()
        assert limits.most_in_window == 10

    asyncio.run(story())


def test_a_sixth_waits_for_its_turn_and_a_hundred_and_first_connection_is_refused() -> None:
    async def story() -> None:
        limits = UserLimits(Clock(), 6000)
        async with AsyncExitStack() as held:
            for _ in range(5):
                await held.enter_async_context(limits.turn())
            waiting = [asyncio.create_task(ask(limits, 1)) for _ in range(95)]
            await asyncio.sleep(0)
            assert not any(task.done() for task in waiting)
            with pytest.raises(Throttled):
                await ask(limits, 1)
        await asyncio.gather(*waiting)
        assert (limits.most_open, limits.refused) == (100, 1)

    asyncio.run(story())


def test_a_request_that_waits_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.business_central.user_limits.QUEUE_SECONDS", 0.01)

    async def story() -> None:
        limits = UserLimits(Clock(), 6000)
        async with AsyncExitStack() as held:
            for _ in range(5):
                await held.enter_async_context(limits.turn())
            with pytest.raises(QueuedTooLong):
                await ask(limits, 1)
        await ask(limits, 1)

    asyncio.run(story())
