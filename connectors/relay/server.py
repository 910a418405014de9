"""The ASGI application that relay agents talk to (``agent.wire``). It asks the database only where
an identity is made, changed or not in Redis; a waiting poll holds no thread and no connection."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent import wire
from connectors.relay import enrolment, incoming
from connectors.relay.desk import BACK_WITHIN_MS, Arrived, Desk
from connectors.relay.identities import Identity
from connectors.relay.polls import Poll, Polls
from connectors.relay.presence import upgrade_words
from connectors.relay.signatures import (
    NOT_SIGNED,
    REVOKED_WORDS,
    STATUS,
    Gate,
    Refusals,
    Refused,
    read,
)

DATABASE_THREADS = 4
MOST_WAITING_FOR_DATABASE = 4000  # as many agents as come back at once after a flush of Redis
MOST_SAID_BYTES = 256 * 1024  # of everything but an answer's part
MOST_PART_BYTES = wire.PART_BYTES + 2 * wire.MOST_HEADERS_BYTES + 4
MOST_JOBS_A_POLL = 64
PART_PATIENCE = 20.0  # seconds for which a part waits until the worker has taken some
log = logging.getLogger("ml_connector.relay")
Answer = Callable[[Identity, Request, bytes], Awaitable[Response]]


class Server:
    """One process's application."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(DATABASE_THREADS, "relay-database")
        self._asking_database = 0
        self._later: set[asyncio.Task[None]] = set()

    def application(self) -> Starlette:
        signed = [
            (wire.POLL, self._poll, MOST_SAID_BYTES),
            (wire.KEY, self._key, MOST_SAID_BYTES),
            (wire.LEAVE, self._leave, MOST_SAID_BYTES),
            (wire.job_path("{job}", wire.BEGIN), self._begin, MOST_SAID_BYTES),
            (wire.job_path("{job}", wire.ANSWER), self._answer, MOST_PART_BYTES),
            (wire.job_path("{job}", wire.TROUBLE), self._trouble, MOST_SAID_BYTES),
        ]
        return Starlette(
            routes=[
                Route("/agent/healthz", _alive, methods=["GET"]),
                Route(wire.ENROLL, self._answering(self._enroll), methods=["POST"]),
                *(
                    Route(path, self._answering(self._signed(answer, most)), methods=["POST"])
                    for path, answer, most in signed
                ),
            ],
            lifespan=self._life,
        )

    @asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        pool = BlockingConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=64,
            timeout=5,
            socket_timeout=5,
            socket_connect_timeout=2,
        )
        # The listener's silence is no trouble, so it has a connection without a time limit.
        listener = Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=15
        )
        redis = Redis(connection_pool=pool)
        self._desk = Desk(redis)
        self._gate = Gate(self._desk, self._in_database)
        self._polls = Polls(listener, self._desk)
        self._polls.start()
        try:
            yield
        finally:
            await self._polls.stop()
            for task in list(self._later):
                task.cancel()
            await listener.aclose()
            await pool.aclose()
            self._threads.shutdown(wait=False)

    async def _in_database(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Raises Refused if too many ask."""
        if self._asking_database >= MOST_WAITING_FOR_DATABASE:
            raise Refused(Refusals.BUSY, "The connector is busy.")
        self._asking_database += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, _in_thread, function, arguments)
        finally:
            self._asking_database -= 1

    def _answering(
        self, answer: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Whatever goes wrong becomes a ``Refusal`` with our time."""

        async def handle(request: Request) -> Response:
            try:
                return await answer(request)
            except Refused as refused:
                with suppress(RedisError):
                    await self._desk.count_refusal(refused.code)
                return _refusal(refused.code, refused.words)
            except wire.WireError as error:
                return _refusal(Refusals.UNREADABLE, str(error)[:300])
            except (RedisError, DatabaseError, InterfaceError, OSError) as error:
                log.warning("%s: %s", request.url.path, error)
                return _refusal(Refusals.BUSY, "The connector cannot answer just now.")

        return handle

    def _signed(self, answer: Answer, most: int) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            body = await incoming.body(request, most)
            headers = {name.lower(): value for name, value in request.headers.items()}
            identity = await self._gate.known(request.url.path, headers, body)
            return await answer(identity, request, body)

        return handle

    async def _enroll(self, request: Request) -> Response:
        body = await incoming.body(request, MOST_SAID_BYTES)
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed, signature = read(headers, body)
        given = wire.Enrolment.from_json(body)
        if not given.token.strip().startswith(f"{signed.agent}.") or not enrolment.verifies(
            given.public_key, signature, signed.base("POST", wire.ENROLL, body)
        ):
            raise Refused(Refusals.SIGNATURE, NOT_SIGNED)
        if given.wire < wire.MINIMUM_WIRE:
            raise Refused(Refusals.UPGRADE, upgrade_words(given.version))
        await self._gate.fresh(signed)
        given = replace(
            given, version=incoming.text(given.version, 40), host=incoming.text(given.host, 200)
        )
        try:
            enrolled = await self._in_database(enrolment.enroll, given)
        except enrolment.EnrolmentRefused as error:
            raise Refused(Refusals.TOKEN, str(error)) from error
        return _json(enrolled.to_json())

    async def _poll(self, identity: Identity, request: Request, body: bytes) -> Response:
        state = wire.State.from_json(body)
        poll = Poll(
            Arrived(
                identity,
                number=secrets.token_hex(8),
                boot=incoming.text(state.boot, 64),
                state=json.dumps(incoming.kept_of(state)),
                clock_ms=incoming.ahead_ms(state.clock),
            )
        )
        is_new_enough = state.wire >= wire.MINIMUM_WIRE
        was_nobody, until = await self._desk.arrive(
            poll.arrived, incoming.ids(state.in_flight), may_work=is_new_enough
        )
        if not is_new_enough:
            raise Refused(Refusals.UPGRADE, upgrade_words(state.version))
        poll.arrived = replace(poll.arrived, until=until)
        if was_nobody:
            self._do_later(self._look_soon(identity))
        self._polls.add(poll)
        try:
            answer = await self._wait(poll, request, min(state.free, MOST_JOBS_A_POLL))
        finally:
            self._polls.remove(poll)
        if answer.status_code == 200:
            with suppress(RedisError):  # the jobs in the answer are its agent's already
                await self._desk.answered(poll.arrived)
        return answer

    async def _wait(self, poll: Poll, request: Request, free: int) -> Response:
        """Until there is a job, a newer poll, or the time is over."""
        ends = time.monotonic() + (wire.POLL_SECONDS if free > 0 else 0)
        leaves = asyncio.ensure_future(_disconnected(request))
        asked = poll.arrived.identity.is_asked_for_new_key
        is_news = False
        try:
            while True:
                poll.woken.clear()
                if poll.must_ask:
                    poll.must_ask = False
                    now_asked = (await self._still_known(poll)).is_asked_for_new_key
                    is_news, asked = is_news or now_asked > asked, now_asked
                jobs = (
                    [] if free <= 0 or poll.is_over else await self._desk.lease(poll.arrived, free)
                )
                left = ends - time.monotonic()
                # An agent that is asked for a new key goes on polling while it makes one.
                if jobs or is_news or poll.is_over or left <= 0:
                    return _work(jobs, asked)
                wakes = asyncio.ensure_future(poll.woken.wait())
                await asyncio.wait(
                    {wakes, leaves}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
                wakes.cancel()
                if leaves.done():
                    self._do_later(self._left_alone(poll))
                    return Response(status_code=499)
        finally:
            leaves.cancel()

    async def _still_known(self, poll: Poll) -> Identity:
        """Raises Refused if its agent was revoked meanwhile."""
        who = await self._gate.identity(poll.arrived.identity.key)
        if who is None or who.is_revoked or not who.public_key:
            raise Refused(Refusals.REVOKED, REVOKED_WORDS)
        return who

    async def _left_alone(self, poll: Poll) -> None:
        """An agent's connection closed: it is soon back, or people are told that it is gone."""
        if await self._desk.closed(poll.arrived):
            await asyncio.sleep(BACK_WITHIN_MS / 1000 + 0.2)
            who = poll.arrived.identity
            if not await self._desk.anybody(who.site):
                await self._look_soon(who)

    async def _look_soon(self, who: Identity) -> None:
        await self._in_database(enrolment.look_soon, who.schema, who.site_id)

    async def _leave(self, identity: Identity, request: Request, body: bytes) -> Response:
        wire.State.from_json(body)
        others = await self._desk.leave(identity)
        self._polls.end_of(identity.key)
        if not others:
            self._do_later(self._look_soon(identity))
        return Response(status_code=204)

    async def _key(self, identity: Identity, request: Request, body: bytes) -> Response:
        try:
            await self._in_database(enrolment.change_key, identity, wire.NewKey.from_json(body))
        except enrolment.EnrolmentRefused as error:
            raise Refused(Refusals.SIGNATURE, str(error)) from error
        return Response(status_code=204)

    async def _begin(self, identity: Identity, request: Request, body: bytes) -> Response:
        return _verdict(await self._desk.begin(identity.key, _job_id(request)))

    async def _answer(self, identity: Identity, request: Request, body: bytes) -> Response:
        part = wire.Part.unpack(body)
        if part.head is not None:
            part = replace(part, head=incoming.by(identity, part.head))
        ends = time.monotonic() + PART_PATIENCE
        while True:
            verdict = await self._desk.answer(identity.key, _job_id(request), part)
            if verdict != "wait":
                return _verdict(verdict)
            if time.monotonic() > ends:
                raise Refused(Refusals.BUSY, "The earlier parts were not taken yet: again later.")
            await asyncio.sleep(0.05)

    async def _trouble(self, identity: Identity, request: Request, body: bytes) -> Response:
        said = wire.Trouble.from_json(body)
        trouble = wire.Trouble(
            incoming.text(said.code, 40), incoming.text(said.words, 1000), said.sent
        )
        return _verdict(await self._desk.trouble(identity.key, _job_id(request), trouble))

    def _do_later(self, work: Awaitable[None]) -> None:
        """Beside the request; a trouble with it is put into the log."""

        async def do() -> None:
            try:
                await work
            except (Refused, RedisError, DatabaseError, InterfaceError, OSError) as error:
                log.warning("a relay agent's coming or going waits for its site's look: %s", error)

        task = asyncio.ensure_future(do())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def _in_thread(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    close_old_connections()
    return function(*arguments)


async def _alive(request: Request) -> Response:
    return Response("ok", media_type="text/plain")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _job_id(request: Request) -> str:
    """Raises Refused."""
    job = str(request.path_params["job"])
    if not incoming.ids([job]):
        raise Refused(Refusals.GONE, "There is no such job.")
    return job


def _json(content: bytes, status: int = 200) -> Response:
    return Response(content, status, {"Cache-Control": "no-store"}, "application/json")


def _refusal(code: str, words: str) -> Response:
    return _json(wire.Refusal(code=code, words=words, time=time.time()).to_json(), STATUS[code])


def _work(jobs: list[bytes], rotate: bool) -> Response:
    """``wire.Work``, put together from jobs that are JSON already."""
    return _json(b'{"jobs":[%s],"rotate_key":%s}' % (b",".join(jobs), str(rotate).lower().encode()))


_VERDICTS = {
    "gone": (Refusals.GONE, "Nobody waits for this job any more."),
    "late": (Refusals.TOO_LATE, "Its time to begin is over: do not send it."),
    "wrong": (Refusals.UNREADABLE, "This part is not the one that is due."),
    "large": (Refusals.UNREADABLE, f"The answer is larger than {wire.MOST_ANSWER_BYTES} bytes."),
}


def _verdict(verdict: str) -> Response:
    if verdict == "ok":
        return Response(status_code=204)
    code, words = _VERDICTS[verdict]
    return _refusal(code, words)
