"""HTTP as every adapter uses it: pooled, bounded in time, budgeted, recorded, and never repeating
a write by itself."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressRefused
from connectors.kit.redact import Redactor
from connectors.kit.session import new_session as new_session
from connectors.kit.session import session_to_system
from connectors.kit.throttle import Budget
from connectors.kit.troubles import SAFE_METHODS as SAFE_METHODS
from connectors.kit.troubles import explain as explain
from connectors.kit.windows_auth import WindowsSignIn

PASSING = frozenset({502, 503, 504})
TRIES = 3
REPEAT_WITHIN = 10.0  # seconds from the first try; a slower trouble is not a passing one
MOST_BYTES = 64 * 1024 * 1024
LONGEST_PAUSE = 24 * 3600


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. ``read`` bounds the silence on a connection, as sockets do; an answer that
    trickles in is given up after four times that."""

    connect: float = 5.0
    read: float = 30.0

    @property
    def whole_answer(self) -> float:
        return self.read * 4


@dataclass(frozen=True, slots=True)
class Reply:
    """A system's answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    where: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode("utf-8-sig", "replace")

    def json(self) -> Any:
        """The body with every number exact. Raises UnexpectedShape if it is not JSON."""
        try:
            return json.loads(self.content.decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, UnicodeDecodeError) as error:
            raise UnexpectedShape(self.where, "is not JSON") from error

    def server_time(self) -> datetime:
        """The system's clock by the ``Date`` header; ours, if it sends none."""
        try:
            return parsedate_to_datetime(self.headers.get("date", "")).astimezone(UTC)
        except (ValueError, TypeError):
            return datetime.now(UTC)

    def retry_after(self, default: float | None = None) -> timedelta | None:
        """The ``Retry-After`` header, in seconds or as a date; at most a day."""
        value = self.headers.get("retry-after", "").strip()
        seconds = default
        if re.fullmatch(r"[0-9]{1,9}", value):
            seconds = float(value)
        elif value:
            try:
                seconds = max(parsedate_to_datetime(value).timestamp() - time.time(), 1)
            except (ValueError, OverflowError):
                seconds = default
        return None if seconds is None else timedelta(seconds=min(seconds, LONGEST_PAUSE))


class Http:
    """One system's base address, ready to call.

    ``read_error`` turns an unsuccessful reply into the vendor's ConnectorError; ``read_limits``
    is shown every reply, to learn what the system says of its limits. ``authority`` is a private
    certificate authority as PEM text. With ``windows`` every connection is signed in before a
    request goes over it, so that no body is sent in vain.
    """

    def __init__(
        self,
        *,
        base_url: str,
        kit: Kit,
        budget: Budget,
        read_error: Callable[[str, str, Reply], ConnectorError],
        read_limits: Callable[[Reply], None] | None = None,
        auth: AuthBase | None = None,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts = Timeouts(),
        secrets: tuple[str, ...] = (),
        authority: str = "",
        windows: WindowsSignIn | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeouts = timeouts
        self._kit = kit
        self._budget = budget
        self._read_error = read_error
        self._read_limits = read_limits
        self._authority = authority
        self._windows = windows
        self._headers = {"User-Agent": "ml-connector/1", **(headers or {})}
        self._session = self._new_session()
        self._session_lock = threading.Lock()
        self._auth = auth
        self._redactor = Redactor(secrets)

    def _new_session(self) -> requests.Session:
        session = session_to_system(
            self._kit,
            authority=self._authority,
            windows=self._windows,
            patience=self.timeouts.read,
        )
        session.headers.update(self._headers)
        return session

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        purpose: str = "",
        accept: frozenset[int] = frozenset(),
        begin_by: float | None = None,
    ) -> Reply:
        """Send one request; a successful reply, or one whose status is in ``accept``, comes back.

        ``path`` is relative to the base, or a whole address on its host (a next-page link); a
        link to another host is refused, since our credentials would go with it. ``body`` is sent as
        JSON, ``content`` as it is. One that could not begin by ``begin_by`` (``time.monotonic``)
        is not sent at all and raises TryLater: its caller's claim may be over. Reads are repeated
        within seconds on a passing trouble; a write is sent once. Raises ConnectorError.
        """
        data = content if body is None else _as_json(body)
        try:
            return self._request(
                method, path, params, data, headers or {}, purpose, accept, begin_by
            )
        except ConnectorError as error:
            error.source = self._kit.name
            raise

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        purpose: str,
        accept: frozenset[int],
        begin_by: float | None,
    ) -> Reply:
        url = self._url(path)
        sent = dict(headers)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        elif method not in SAFE_METHODS:
            sent.setdefault("Content-Length", "0")
        tries = TRIES if method in SAFE_METHODS else 1
        patience = time.monotonic() + REPEAT_WITHIN
        for attempt in range(1, tries + 1):
            try:
                with self._budget.call():
                    if begin_by is not None and time.monotonic() > begin_by:
                        raise TryLater(
                            f"{method} {self._path(url)}: not sent, its turn came too late",
                            reason="The system was too busy to be asked in time; nothing was sent.",
                            counts=False,
                            retry_after=timedelta(seconds=2),
                        )
                    reply = self._send_signed_in(method, url, params, data, sent, purpose, begin_by)
            except TryLater as error:
                if attempt == tries or not error.counts or time.monotonic() > patience:
                    raise
                time.sleep(0.2 * 2**attempt * random.uniform(0.7, 1.3))  # noqa: S311
                continue
            if reply.status in PASSING and attempt < tries and "retry-after" not in reply.headers:
                time.sleep(0.2 * 2**attempt * random.uniform(0.7, 1.3))  # noqa: S311
                continue
            break
        if reply.ok or reply.status in accept:
            return reply
        raise self._read_error(method, self._path(url), reply)

    def _send_signed_in(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        purpose: str,
        begin_by: float | None,
    ) -> Reply:
        """A kept connection whose sign-in the server has forgotten is left for a new one, once:
        with a 401 nothing was done."""
        session = self._session
        reply = self._send(method, url, params, data, headers, purpose, begin_by)
        if reply.status != 401 or self._windows is None:
            return reply
        if begin_by is not None and time.monotonic() > begin_by:
            raise TryLater(
                f"{method} {self._path(url)}: not sent again, its time is over",
                reason="The server wanted a new sign-in, and the time to send was over. Nothing "
                "was done.",
                counts=False,
                retry_after=timedelta(seconds=2),
            )
        with self._session_lock:
            if self._session is session:
                self._session = self._new_session()
        return self._send(method, url, params, data, headers, purpose, begin_by)

    def _url(self, path: str) -> str:
        if not re.match(r"[a-z]+://", path, re.IGNORECASE):
            return f"{self.base_url}/{path.lstrip('/')}"
        if _origin(path) != _origin(self.base_url):
            raise UnexpectedShape("next link", f"leads away from {self.base_url}")
        return path

    def _path(self, url: str) -> str:
        """For error texts: without the query, which may name a shopper."""
        return url.removeprefix(self.base_url).partition("?")[0] or "/"

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None,
        data: bytes | None,
        headers: Mapping[str, str],
        purpose: str,
        begin_by: float | None,
    ) -> Reply:
        session = self._session
        prepared = session.prepare_request(
            requests.Request(
                method, url, params=params, data=data, headers=dict(headers), auth=self._auth
            )
        )
        started_at, clock = time.time(), time.monotonic()
        status: int | None = None
        answer: Mapping[str, str] = {}
        content = b""
        trouble = ""
        try:
            response = session.send(
                prepared,
                timeout=(self.timeouts.connect, self.timeouts.read),
                allow_redirects=False,
                verify=session.verify,
                stream=True,
                begin_by=begin_by,
            )
            with response:
                content = _read(response, clock + self.timeouts.whole_answer)
            status, answer = response.status_code, response.headers
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = explain(method, url, error)
            trouble = str(problem)
            raise problem from error
        except OutcomeUnknown as error:
            trouble = str(error)
            raise
        except ConnectorError as error:  # the sign-in or the agent failed: it was not sent
            trouble = f"not sent: {error}"
            raise
        except AddressRefused as error:
            trouble = str(error)
            raise NeedsAttention(
                f"{method} {url}: {error}",
                reason=f"The address leads to {error.address}, inside a private network, and is "
                "not called from here.",
                advice="Correct the address; or ask the operator to allow this network.",
                code="address_refused",
            ) from error
        finally:
            redactor = self._redactor
            self._kit.record(
                ExchangeRecord(
                    method=method,
                    url=redactor.text(prepared.url or url),
                    request_headers=redactor.headers(prepared.headers),
                    request_body=redactor.body(data or b""),
                    status=status,
                    response_headers=redactor.headers(answer),
                    response_body=redactor.body(content),
                    started_at=started_at,
                    duration_ms=int((time.monotonic() - clock) * 1000),
                    error=redactor.text(trouble),
                    purpose=purpose,
                )
            )
        reply = Reply(
            status,
            {name.lower(): value for name, value in answer.items()},
            content,
            f"{method} {self._path(url)}",
        )
        if self._read_limits is not None:
            self._read_limits(reply)
        return reply


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", "", None
    return parts.scheme, parts.hostname or "", port


def _read(response: requests.Response, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(65_536):
        size += len(part)
        if size > MOST_BYTES:
            raise requests.exceptions.ContentDecodingError("the answer is larger than 64 MiB")
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the answer did not end in time")
        parts.append(part)
    return b"".join(parts)


class _DecimalEncoder(json.JSONEncoder):
    """Decimals as JSON numbers with exactly their digits."""

    def default(self, value: Any) -> Any:
        if hasattr(value, "isoformat"):
            return value.isoformat()
        return super().default(value)


def _as_json(body: Any) -> bytes:
    return dumps(body).encode()


def dumps(value: Any) -> str:
    """Compact JSON in which a Decimal is a number with exactly its digits."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    return json.dumps(value, cls=_DecimalEncoder, ensure_ascii=False)
