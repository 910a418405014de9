"""Connections to the systems on site: signed in before any request goes out, and kept open.

IIS drops a silent connection after 120 seconds, so an idle one is left after ``IDLE_SECONDS``. One
that is found dead before anything was sent is replaced. Redirects are never followed.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from . import trust
from .allow import Address
from .stream import Stream
from .troubles import NotCarried, explained
from .windows_sign_in import LONGEST, MOST_PAGE_BYTES, Credentials, SignIn
from .wire import MOST_HEADERS_BYTES, SAFE_METHODS, Codes

IDLE_SECONDS = 90.0
MOST_IDLE = 32
AGAIN_SECONDS = 5.0  # from the connector's word to send: a write goes out within them


@dataclass(frozen=True)
class Windows:
    """A connection is signed in as ``credentials`` by a GET of ``page``."""

    credentials: Credentials
    page: Address


@dataclass(frozen=True)
class Call:
    """One request. ``end`` by ``time.monotonic``; ``basic`` adds its Authorization header."""

    method: str
    address: Address
    headers: Sequence[tuple[str, str]]
    body: bytes
    end: float
    windows: Windows | None = None
    basic: Credentials | None = None
    ca_file: str = ""
    authority: str = ""
    connect_seconds: float = 5.0
    read_seconds: float = 30.0

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE_METHODS

    @property
    def kind(self) -> tuple[Any, ...]:
        """Calls of one kind may use each other's connections."""
        account = (self.windows.credentials.digest, self.windows.page) if self.windows else ()
        return (self.address.origin, self.ca_file, self.authority, account)


@dataclass
class Line:
    """An open connection, signed in if its kind asks for that."""

    kind: tuple[Any, ...]
    stream: Stream
    used: int = 0
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def certificate(self) -> bytes:
        ask = getattr(self.stream.sock, "getpeercert", None)
        return (ask(binary_form=True) or b"") if ask else b""


class Answer:
    """An answer whose body is still on the line."""

    def __init__(self, lines: Lines, line: Line, call: Call, response: Any) -> None:
        self._lines, self._line, self._call, self._response = lines, line, call, response
        self.status: int = response.status
        self.reason: str = response.reason or ""
        self.headers: list[tuple[str, str]] = response.getheaders()

    def read(self, most: int) -> tuple[bytes, bool]:
        """At most so many bytes, and whether they are the last. Raises NotCarried."""
        response = self._response
        try:
            data: bytes = response.read(most)
        except (OSError, http.client.HTTPException) as error:
            raise explained(error, self._call.address.authority, sent=True) from error
        is_last = len(data) < most or response.isclosed()
        if is_last and response.length and self._call.method != "HEAD":
            raise NotCarried(Codes.NETWORK, "the answer was cut off in the middle", sent=True)
        return data, is_last

    @property
    def length(self) -> int | None:
        """As the answer announces it."""
        size: int | None = self._response.length
        return size

    def close(self) -> None:
        """Keeps the connection if the answer was read to its end and it may be used again."""
        if self._response.isclosed() and not self._response.will_close:
            self._lines.keep(self._line)
        else:
            self._response.close()
            self._line.stream.close()


class Lines:
    """All connections on site. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._sign_ins: dict[tuple[Any, ...], SignIn] = {}
        self.certificates: dict[tuple[str, str, int], datetime] = {}  # origin -> valid until

    def ready(self, call: Call, *, fresh: bool = False) -> Line:
        """A connection over which the call can go, a kept one or a new one. Raises NotCarried with
        nothing sent."""
        while not fresh:
            line = self._take(call.kind)
            if line is None:
                break
            if line.stream.is_quiet():
                return line
            line.stream.close()
        try:
            return self._open(call)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise explained(error, call.address.authority, sent=False) from error

    def send(self, line: Line, call: Call, *, until: float) -> Answer:
        """Send the call and read the head of its answer. Raises NotCarried.

        A kept connection may be dead, or its sign-in forgotten: it is replaced as long as nothing
        was sent, and after a 401, with which nothing was done. A write goes out by ``until``
        (``time.monotonic``) or not at all, and only a safe method is sent again after a broken
        connection.
        """
        if not line.stream.is_quiet():
            line.stream.close()
            line = self._anew(call, until)
        was_kept = line.used > 0
        try:
            answer = self._exchange(line, call)
        except NotCarried as trouble:
            passing = was_kept and trouble.code == Codes.NETWORK
            if not (passing and (call.is_safe or not trouble.sent)):
                raise
            return self._exchange(self._anew(call, until), call)
        if answer.status == 401 and call.windows and was_kept:
            line.stream.close()
            return self._exchange(self._anew(call, until), call)
        return answer

    def _anew(self, call: Call, until: float) -> Line:
        line = self.ready(call, fresh=True)
        if not call.is_safe and time.monotonic() > until:
            self.keep(line)
            raise NotCarried(
                Codes.TOO_LATE, "its time was over when a new connection stood", sent=False
            )
        return line

    def keep(self, line: Line) -> None:
        line.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(line)
            surplus, self._idle = self._idle[:-MOST_IDLE], self._idle[-MOST_IDLE:]
        for one in surplus:
            one.stream.close()

    def sweep(self) -> None:
        """Close what was idle for too long."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            old = [line for line in self._idle if line.idle_since < oldest]
            self._idle = [line for line in self._idle if line.idle_since >= oldest]
        for line in old:
            line.stream.close()

    def close(self) -> None:
        with self._lock:
            lines, self._idle = self._idle, []
        for line in lines:
            line.stream.close()

    def look_at_certificate(self, address: Address, ca_file: str) -> datetime | None:
        """Connect and read until when the server's certificate is valid. Raises NotCarried."""
        call = Call("GET", address, (), b"", time.monotonic() + 20, ca_file=ca_file)
        try:
            _dialled(call, self.certificates).close()
        except (OSError, ValueError) as error:
            raise explained(error, address.authority, sent=False) from error
        return self.certificates.get(address.origin)

    def _take(self, kind: tuple[Any, ...]) -> Line | None:
        """The kept connection that was used last: the others can grow old."""
        self.sweep()
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place].kind == kind:
                    return self._idle.pop(place)
        return None

    def _open(self, call: Call) -> Line:
        line = Line(call.kind, Stream(_dialled(call, self.certificates)))
        try:
            if call.windows:
                self._sign_in(line, call, call.windows)
        except BaseException:
            line.stream.close()
            raise
        return line

    def _sign_in(self, line: Line, call: Call, windows: Windows) -> None:
        with self._lock:
            account = (call.address.origin, windows.credentials.user.lower())
            sign_in = self._sign_ins.setdefault(account, SignIn())
        end = min(call.end, time.monotonic() + LONGEST)

        def ask(authorization: str) -> http.client.HTTPResponse:
            headers = [("Accept", "*/*")]
            if authorization:
                headers.append(("Authorization", authorization))
            line.stream.limit(call.read_seconds, end)
            response = _request(line.stream, "GET", windows.page, headers, b"")
            size = 0
            while data := response.read(65_536):
                size += len(data)
                if size > MOST_PAGE_BYTES:
                    raise NotCarried(
                        Codes.TOO_LARGE, "the page of the sign-in is larger than 4 MiB", sent=False
                    )
            if response.will_close and response.status != 401:
                raise http.client.RemoteDisconnected("closed during the sign-in")
            if response.will_close and authorization and not _is_refusal(response):
                raise http.client.RemoteDisconnected("closed during the sign-in")
            return response

        sign_in.make(
            windows.credentials, ask, host=call.address.bare_host, certificate=line.certificate
        )

    def _exchange(self, line: Line, call: Call) -> Answer:
        headers = list(call.headers)
        if call.basic:
            pair = f"{call.basic.user}:{call.basic.password}".encode()
            headers.append(("Authorization", f"Basic {b64encode(pair).decode()}"))
        stream = line.stream
        stream.limit(call.read_seconds, call.end)
        line.used += 1
        try:
            response = _request(stream, call.method, call.address, headers, call.body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            stream.close()
            raise explained(error, call.address.authority, sent=stream.has_sent) from error
        answer = Answer(self, line, call, response)
        if sum(len(name) + len(value) for name, value in answer.headers) > MOST_HEADERS_BYTES:
            stream.close()
            raise NotCarried(Codes.TOO_LARGE, "the headers of the answer are too large", sent=True)
        return answer


def _is_refusal(response: http.client.HTTPResponse) -> bool:
    """A 401 without a challenge: the sign-in is over, the connection may end."""
    offers = response.headers.get_all("WWW-Authenticate") or []
    return not any(
        offer.strip().partition(" ")[0].lower() in ("ntlm", "negotiate")
        and offer.strip().partition(" ")[2]
        for offer in offers
    )


def _dialled(call: Call, certificates: dict[tuple[str, str, int], datetime]) -> socket.socket:
    address = call.address
    patience = max(min(call.connect_seconds, call.end - time.monotonic()), 0.001)
    sock = socket.create_connection((address.bare_host, address.port), timeout=patience)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if address.scheme == "http":
            return sock
        trusting = trust.context(call.ca_file, call.authority)
        wrapped = trusting.wrap_socket(sock, server_hostname=address.bare_host)
        until = trust.valid_until(wrapped.getpeercert())
        if until:
            certificates[address.origin] = until
        return wrapped
    except BaseException:
        sock.close()
        raise


def _request(
    stream: Stream,
    method: str,
    address: Address,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> http.client.HTTPResponse:
    """One exchange up to the head of its answer, over this connection and no other."""
    sock = cast("socket.socket", stream)  # it has what ``http.client`` needs of one
    exchange = http.client.HTTPConnection(address.bare_host, address.port)
    exchange.auto_open = 0
    exchange.sock = sock
    exchange.putrequest(method, address.request_target, skip_host=True, skip_accept_encoding=True)
    exchange.putheader("Host", address.authority)
    for name, value in headers:
        exchange.putheader(name, value)
    if body or method not in SAFE_METHODS:
        exchange.putheader("Content-Length", str(len(body)))
    exchange.endheaders(body or None)
    response = http.client.HTTPResponse(sock, method=method)
    response.begin()
    return response
