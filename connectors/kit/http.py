"""HTTP as every adapter uses it: pooled, bounded in time, budgeted, recorded, and never repeating
a write by itself."""

from __future__ import annotations

import json
import random
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressGuard, AddressRefused, GuardedPoolManager
from connectors.kit.redact import Redactor
from connectors.kit.throttle import Budget
from connectors.kit.windows_auth import WindowsSignIn

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PASSING = frozenset({502, 503, 504})
TRIES = 3
REPEAT_WITHIN = 10.0  # seconds from the first try; a slower trouble is not a passing one
MOST_BYTES = 64 * 1024 * 1024
LONGEST_PAUSE = 24 * 3600
_QUERY = re.compile(r"\?[^\s'\")]*")


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


class _Adapter(HTTPAdapter):
    def __init__(
        self,
        guard: AddressGuard,
        pool_size: int,
        authority: str,
        sign_in: Callable[[Any], None] | None,
    ) -> None:
        self._guard = guard
        self._authority = authority
        self._sign_in = sign_in
        super().__init__(pool_connections=4, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        connections, maxsize, block = (*args, 10, 10, False)[:3]
        more = {"ssl_context": _trusting(self._authority)} if self._authority else {}
        self.poolmanager = GuardedPoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            guard=self._guard,
            sign_in=self._sign_in,
            **more,
        )


def _trusting(authority: str) -> ssl.SSLContext:
    """A context that trusts these certificates (PEM); the public ones are added by requests. An
    authority between the root and the server is enough by itself."""
    context = urllib3.util.ssl_.create_urllib3_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata=authority)
    except ssl.SSLError as error:
        raise NeedsAttention(
            f"certificate authority: {error}",
            reason="The certificate authority in the connection's settings cannot be read.",
            advice="Paste the certificate again, from BEGIN CERTIFICATE to END CERTIFICATE.",
            code="settings",
        ) from error
    return context


def new_session(
    kit: Kit, *, authority: str = "", sign_in: Callable[[Any], None] | None = None
) -> requests.Session:
    """A pooled session that dials through the guard and takes nothing from the environment.

    ``authority`` is the PEM text of certificates to trust beside the public ones; ``sign_in`` is
    called with each new connection.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = kit.ca_file or True
    adapter = _Adapter(kit.guard, kit.pool_size, authority, sign_in)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


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
        session = new_session(self._kit, authority=self._authority, sign_in=self._sign_in())
        session.headers.update(self._headers)
        return session

    def _sign_in(self) -> Callable[[Any], None] | None:
        windows = self._windows
        if windows is None:
            return None
        return lambda connection: windows.sign_in(
            connection, kit=self._kit, timeout=self.timeouts.read
        )

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
        is not sent at all and raises TryLater: its caller's claim may be over. Reads are repeated within seconds on a passing trouble; a write
        is sent once. Raises ConnectorError.
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
                    reply = self._send_signed_in(method, url, params, data, sent, purpose)
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
    ) -> Reply:
        """A kept connection whose sign-in the server has forgotten is left for a new one, once:
        with a 401 nothing was done."""
        session = self._session
        reply = self._send(method, url, params, data, headers, purpose)
        if reply.status != 401 or self._windows is None:
            return reply
        with self._session_lock:
            if self._session is session:
                self._session = self._new_session()
        return self._send(method, url, params, data, headers, purpose)

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
            )
            with response:
                content = _read(response, clock + self.timeouts.whole_answer)
            status, answer = response.status_code, response.headers
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = explain(method, url, error)
            trouble = str(problem)
            raise problem from error
        except ConnectorError as error:  # the sign-in failed, and the request was not sent
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


def explain(method: str, url: str, error: Exception) -> ConnectorError:
    """What a transport failure means: was anything sent, whose fault is it, what happens next."""
    # A query may hold a shopper's address; the recorded exchange has it, under its own rules.
    detail = _QUERY.sub("?…", f"{method} {url}: {type(error).__name__}: {error}")[:500]
    chain = list(_causes(error))
    if any(isinstance(cause, AddressRefused) for cause in chain):
        refused = next(cause for cause in chain if isinstance(cause, AddressRefused))
        return NeedsAttention(
            detail,
            reason=f"The address leads to {refused.address}, inside a private network.",
            advice="Correct the address; or ask the operator to allow this network.",
            code="address_refused",
        )
    if _no_trust(chain):
        return _tls_trouble(detail, str(error)[:300], chain)
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in chain):
        return TryLater(
            detail, reason="The system's name could not be found in the DNS.", code="dns"
        )
    not_sent = (
        requests.exceptions.ConnectTimeout,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.NewConnectionError,
        ConnectionRefusedError,
    )
    if any(isinstance(cause, not_sent) for cause in chain):
        return TryLater(detail, reason="The system could not be reached.", code="network")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return NeedsAttention(detail, reason="The address is not valid.", code="settings")
    if method in SAFE_METHODS:
        return TryLater(detail, reason="The system did not answer in time.", code="timeout")
    return OutcomeUnknown(detail)


def _no_trust(chain: list[BaseException]) -> bool:
    """Whether the handshake failed, so that nothing was sent and a person must act.

    TLS also fails in the middle of an exchange: a closed connection met while sending, a record
    that is cut off or damaged on the way. Then the request may have arrived.
    """
    troubles = [cause for cause in chain if isinstance(cause, ssl.SSLError)]
    if not troubles:
        outer = requests.exceptions.SSLError | urllib3.exceptions.SSLError
        return any(isinstance(cause, outer) for cause in chain)
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or _in_handshake(cause)
        for cause in troubles
    )


def _in_handshake(error: ssl.SSLError) -> bool:
    """Whether a TLS error was raised while the connection was being set up."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "do_handshake":
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        trace = trace.tb_next
    return False


# OpenSSL's X509_V_ERR numbers (x509_vfy.h).
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64


def _tls_trouble(detail: str, words: str, chain: list[BaseException]) -> NeedsAttention:
    number = next(
        (cause.verify_code for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)),
        0,
    )
    if number in (_EXPIRED, _NOT_YET):
        reason = (
            "The server's certificate has expired."
            if number == _EXPIRED
            else "The server's certificate is not valid yet, or a clock is wrong."
        )
        advice = "The system's administrator must install a certificate that is valid now."
    elif number in (_OTHER_NAME, _OTHER_ADDRESS):
        reason = "The server's certificate is made for another name than the address names."
        advice = (
            "Enter the address with the name that the certificate is made for; or the system's "
            "administrator must install a certificate for this name."
        )
    elif number:
        reason = "The server's certificate comes from an authority that is not trusted."
        advice = (
            "If the company has a certificate authority of its own, enter its certificate in the "
            "connection's settings, where there is a field for it, or the operator must trust it; "
            "otherwise the system's administrator must install a certificate of a public one."
        )
    else:
        reason = "The secure connection (TLS) could not be set up."
        advice = "Check that the address and port answer with https, and its TLS settings."
    return NeedsAttention(detail, reason=reason, advice=advice, vendor_words=words, code="tls")


def _causes(error: BaseException) -> Any:
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


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
