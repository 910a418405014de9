"""The transport of a session whose requests a relay agent carries out."""

from __future__ import annotations

import io
import logging
import time
from typing import Any

import requests
from cryptography.fernet import InvalidToken
from redis.exceptions import RedisError
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from agent import wire
from connectors.errors import ConnectorError
from connectors.kit.windows_auth import LONGEST as LONGEST_SIGN_IN
from connectors.kit.windows_auth import WindowsSignIn
from connectors.relay import keys, words
from connectors.relay.jobs import BEGUN_WITHIN, TAKEN_WITHIN, Handed, Jobs, Stand, new_id
from connectors.shared_redis import redis_client

# Of the connection between the agent and us; the next machine has its own.
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "host"}
)  # fmt: skip
LOOK_EVERY = 1.0  # seconds between two looks at a job that says nothing
ON_THE_WAY = 10.0  # seconds beyond the system's own time that an answer may take to us
log = logging.getLogger("ml_connector.relay")


class SiteRelay:
    """``Kit.relay`` for one site: ``name`` is the site's, for people. With ``on_site`` the account
    of the agent's own configuration is used."""

    def __init__(self, schema: str, site_id: int, *, on_site: bool, name: str) -> None:
        self._jobs = Jobs(redis_client())
        self._site = keys.site(schema, site_id)
        self._on_site = on_site
        self._name = name

    def adapter(self, *, authority: str, windows: WindowsSignIn | None) -> BaseAdapter:
        return RelayAdapter(
            self._jobs,
            site=self._site,
            name=self._name,
            on_site=self._on_site,
            authority=authority,
            windows=windows,
        )


class RelayAdapter(BaseAdapter):
    """Sends a request as a job and answers with the response that the agent carries back."""

    def __init__(
        self,
        jobs: Jobs,
        *,
        site: str,
        name: str,
        on_site: bool,
        authority: str,
        windows: WindowsSignIn | None,
    ) -> None:
        super().__init__()
        self._jobs, self._site, self._name = jobs, site, name
        self._on_site, self._authority, self._windows = on_site, authority, windows

    def send(  # type: ignore[override]
        self,
        request: requests.PreparedRequest,
        *,
        timeout: tuple[float, float],
        begin_by: float | None = None,
        **more: Any,
    ) -> requests.Response:
        """``begin_by`` (``time.monotonic``): later than this nothing of it is sent. Raises
        ConnectorError, also while the response is read."""
        job = self._job(request, timeout)
        call = _Call(self._jobs, Handed(job.id, self._site, job.begin_first), job, self._name)
        head, body = call.send(begin_by)
        if job.on_site and head.status == 401:
            # The connector's own words would send people to settings that are not asked for here.
            body.close()
            refused = wire.Trouble(wire.Codes.SIGN_IN, "401: the account on site", sent=False)
            where = _where(job.method, job.url)
            raise words.of_trouble(refused, where=where, site=self._name, changes=job.begin_first)
        return _response(request, head, body)

    def close(self) -> None:
        """The agent keeps the connections to the system, not we."""

    def _job(self, request: requests.PreparedRequest, timeout: tuple[float, float]) -> wire.Job:
        method, url = str(request.method).upper(), str(request.url)
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if name.lower() not in HOP_BY_HOP
        }
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else bytes(body)
        if len(content) > wire.MOST_REQUEST_BYTES:
            raise words.too_large(_where(method, url), len(content))
        connect, read = timeout
        signs_in = self._windows is not None
        given = headers.get("Authorization", "")
        on_site = self._on_site and (signs_in or given.lower().startswith("basic "))
        if on_site:
            headers.pop("Authorization", None)
        return wire.Job(
            id=new_id(),
            method=method,
            url=url,
            headers=headers,
            body=wire.base64_of(content),
            sign_in=self._sign_in(on_site),
            on_site=on_site,
            authority=self._authority,
            begin_first=method not in wire.SAFE_METHODS,
            connect_seconds=float(connect),
            read_seconds=float(read),
            whole_seconds=float(read) * 4,
        )

    def _sign_in(self, on_site: bool) -> dict[str, str] | None:
        windows = self._windows
        if windows is None:
            return None
        if on_site:
            return {"page": windows.path}
        return {"page": windows.path, "account": windows.account, "password": windows.password}


class _Call:
    """One job from its handing in to the end of its answer."""

    def __init__(self, jobs: Jobs, handed: Handed, job: wire.Job, site_name: str) -> None:
        self._jobs, self._handed, self._job = jobs, handed, job
        self._name = site_name
        self._where = _where(job.method, job.url)
        self._due = 0  # the number of the part that comes next
        # The adapter's caller bounds the whole answer as well, in the same way as for other systems.
        self._ends = time.monotonic() + (
            TAKEN_WITHIN * 2
            + job.connect_seconds
            + LONGEST_SIGN_IN
            + job.whole_seconds
            + ON_THE_WAY
        )

    def send(self, begin_by: float | None) -> tuple[wire.Head, _Body]:
        """Raises ConnectorError."""
        self._hand_in(begin_by)
        try:
            part = self._next()
            while part is None:
                part = self._next()
        except BaseException:
            self._close()
            raise
        assert part.head is not None  # ``Part.unpack`` saw to it
        return part.head, _Body(self, part)

    def read_on(self) -> wire.Part:
        """The next part of an answer that has begun. Raises ConnectorError."""
        part = self._next()
        if part is None:
            raise self._lost("the relay agent stopped in the middle of its answer")
        return part

    def close(self) -> None:
        self._close()

    def _hand_in(self, begin_by: float | None) -> None:
        if begin_by is None:
            begin_by = time.monotonic() + BEGUN_WITHIN if self._handed.changes else self._ends
        try:
            there, redis_now = self._jobs.roll_call(self._handed.site)
        except RedisError as error:
            raise words.no_queue(self._where, error) from error
        if not there:
            raise words.nobody_there(self._where, self._name)
        # Redis' clock was read before ours, so by its clock it ends rather too early than too late.
        left = begin_by - time.monotonic()
        if left <= 0:
            raise words.too_late(self._where)
        until = redis_now + int(left * 1000)
        try:
            kept = self._ends - time.monotonic()
            if self._jobs.submit(self._handed, self._job, begin_until=until, kept=kept):
                return
        except RedisError as error:
            # It may be in the queue, or already on its way.
            if self._close() in ("queued", "leased") and self._handed.changes:
                raise words.no_queue(self._where, error) from error
            raise self._lost(f"{type(error).__name__}: {error}") from error
        raise words.nobody_there(self._where, self._name)

    def _next(self) -> wire.Part | None:
        """The next part; None if an agent that stopped gave it back unsent. Raises ConnectorError."""
        while True:
            if time.monotonic() > self._ends:
                raise self._over()
            try:
                found = self._jobs.take(self._handed, LOOK_EVERY)
                if found is None:
                    stand = self._jobs.stand(self._handed)
                    if stand is Stand.ENDED:  # its last word came between the two
                        found = self._jobs.take(self._handed, LOOK_EVERY)
                        stand = Stand.LOST
                    if found is None:
                        self._see(stand)
                        continue
            except RedisError as error:
                log.warning("%s: the relay's queue does not answer: %s", self._where, error)
                time.sleep(0.2)
                continue
            except (wire.WireError, InvalidToken) as error:
                raise self._lost(f"the answer cannot be read: {error}") from error
            if isinstance(found, wire.Trouble):
                self._troubled(found)
                return None
            if found.number != self._due:
                raise self._lost(f"part {self._due} of the answer is missing")
            self._due += 1
            return found

    def _see(self, stand: Stand) -> None:
        """Raises ConnectorError if there is nothing to wait for any more."""
        match stand:
            case Stand.CANCELLED:
                raise self._not_sent()
            case Stand.LOST:
                raise self._lost("the relay agent is gone in the middle of it")
            case Stand.GONE:
                # Whether it had begun went with Redis' memory.
                raise self._lost("the relay's queue was emptied meanwhile")

    def _troubled(self, trouble: wire.Trouble) -> None:
        """Back only if another agent takes over what was not sent. Raises ConnectorError."""
        unsent = not trouble.sent and self._due == 0
        if unsent and trouble.code == wire.Codes.STOPPING:
            try:
                if self._jobs.give_again(self._handed):
                    return
            except RedisError as error:
                # It may be in the queue again, or already on its way.
                if self._close() in ("troubled", "queued", "leased"):
                    raise words.no_queue(self._where, error) from error
                raise self._lost(f"{type(error).__name__}: {error}") from error
        if not unsent:  # what has been answered in part was sent
            trouble = wire.Trouble(trouble.code, trouble.words, sent=True)
        raise words.of_trouble(
            trouble, where=self._where, site=self._name, changes=self._handed.changes
        )

    def _over(self) -> ConnectorError:
        """Its whole time is over."""
        if self._close() in ("queued", "leased") and self._handed.changes:
            return self._not_sent()
        return self._lost("no answer in time")

    def _not_sent(self) -> ConnectorError:
        try:
            if self._jobs.roll_call(self._handed.site)[0]:
                return words.too_late(self._where)
        except RedisError:
            log.debug("%s: cannot ask whether an agent is there", self._where)
        return words.nobody_there(self._where, self._name)

    def _lost(self, why: str) -> ConnectorError:
        return words.unknown(self._where, why, changes=self._handed.changes)

    def _close(self) -> str:
        """The state that it was in; ``unknown`` if Redis does not say."""
        try:
            return self._jobs.close(self._handed)
        except RedisError:
            return "unknown"  # its key ends by itself, and so does its time to begin


class _Body(io.RawIOBase):
    """The answer's body, part by part as the agent sends it."""

    def __init__(self, call: _Call, first: wire.Part) -> None:
        self._call, self._part = call, first
        self._rest = memoryview(first.data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest and not self._part.last:
            self._part = self._call.read_on()
            self._rest = memoryview(self._part.data)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._call.close()
        super().close()


def _response(request: requests.PreparedRequest, head: wire.Head, body: _Body) -> requests.Response:
    headers = HTTPHeaderDict()
    for pair in head.headers:
        if len(pair) == 2 and pair[0].lower() not in HOP_BY_HOP:
            headers.add(str(pair[0]), str(pair[1]))
    headers["X-Relay-Ms"] = str(head.took_ms)
    raw = HTTPResponse(
        body=io.BufferedReader(body, 65_536),
        headers=headers,
        status=head.status,
        reason=head.reason,
        request_method=request.method,
        preload_content=False,
        decode_content=False,
    )
    return HTTPAdapter().build_response(request, raw)


def _where(method: str, url: str) -> str:
    return f"{method} {url.partition('?')[0]}"
