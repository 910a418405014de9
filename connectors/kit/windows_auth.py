"""Windows sign-in (NTLM, alone or within Negotiate) for whole connections.

NTLM authenticates a TCP connection in three legs, not a request. So each new connection is signed
in with a cheap GET as soon as it stands, and only then carries requests: no body is ever sent to a
server that has not accepted us, and a request that fails before that was certainly not carried
out. Over TLS the sign-in is bound to the server's certificate (RFC 5929, tls-server-end-point), as
IIS "extended protection" asks for. Kerberos needs a key server that cannot be reached from outside
the company's network, so it is not tried; Basic is never fallen back to.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from connectors.errors import ConnectorError, NeedsAttention, TryLater
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.redact import REMOVED, Redactor

LONGEST = 20.0  # seconds for all legs: a write waits for them, and its time is limited
REFUSED_FOR = 3.0  # seconds for which a refusal answers those who ask at the same time
MOST_BYTES = 4 * 1024 * 1024  # of the page that the sign-in asks for
_TOKEN = re.compile(r"\b(NTLM|Negotiate)\s+[A-Za-z0-9+/=]+", re.IGNORECASE)


class WindowsSignIn:
    """One Windows account, and the page with which a connection is signed in.

    ``user`` may be ``DOMAIN\\user`` or ``user@realm`` by itself; ``domain`` is put before a bare
    name. ``path`` is the path of a page that costs the server little, from the root of the host.
    """

    def __init__(self, *, user: str, password: str, path: str, domain: str = "") -> None:
        bare = not domain or "\\" in user or "@" in user
        self.account = user if bare else f"{domain}\\{user}"
        self.path = path
        self.password = password
        self._redactor = Redactor((password,))
        self._lock = threading.Lock()
        self._scheme = ""  # as the server offered it last
        self._refusal: ConnectorError | None = None
        self._refused_at = 0.0

    def sign_in(self, connection: Any, *, kit: Kit, timeout: float) -> None:
        """Sign a new urllib3 connection in, within ``LONGEST``; ``timeout`` is the longest silence
        in seconds.

        Raises NeedsAttention for a refused account and TryLater for a connection that broke:
        either way nothing else was sent. One connection at a time: each wrong password counts
        towards the account's lock-out, so those who ask together with a refused one take its
        answer.
        """
        with self._lock:
            if self._refusal and time.monotonic() < self._refused_at + REFUSED_FOR:
                raise self._refusal
            try:
                self._legs(_Line(connection, self, kit, timeout))
            except NeedsAttention as error:
                error.source = kit.name
                self._refusal, self._refused_at = error, time.monotonic()
                raise
            except ConnectorError as error:
                error.source = kit.name
                raise

    def _legs(self, line: _Line) -> None:
        if not self._scheme:
            answer = line.ask("")
            if answer.status != 401:
                return  # this page is open to everyone: the server asks later, or never
            self._scheme = _scheme_of(answer)
        context = spnego.client(
            self.account,
            self.password,
            hostname=line.host,
            service="HTTP",
            protocol="ntlm" if self._scheme == "NTLM" else "negotiate",
            channel_bindings=_bindings(line.certificate),
        )
        try:
            token = context.step()
            answer = line.ask(f"{self._scheme} {_encoded(token)}")
            challenge = _token_of(answer, self._scheme)
            if answer.status == 401 and challenge is None:
                self._scheme = ""
                raise self._not_signed_in(answer)
            if challenge is not None:
                token = context.step(challenge)
        except SpnegoError as error:
            raise NeedsAttention(
                f"GET {self.path}: {error}",
                reason="The Windows sign-in could not be worked out with this server.",
                advice="The server must offer NTLM version 2.",
                vendor_words=str(error)[:300],
                code="settings",
            ) from error
        if challenge is None:
            return
        answer = line.ask(f"{self._scheme} {_encoded(token)}", last=True)
        if answer.status == 401:
            raise self._not_signed_in(answer)

    def _not_signed_in(self, answer: http.client.HTTPResponse) -> NeedsAttention:
        return NeedsAttention(
            f"GET {self.path}: {answer.status} {answer.reason}",
            reason=f"The server did not accept the Windows account {self.account}.",
            advice="Check user name, domain and password, and that the account is not locked or "
            "its password expired. If they are right, something between us opens the encrypted "
            "connection, which extended protection refuses. We do not try again until the "
            "connection is pinged, so that the account is not locked.",
            vendor_words=f"HTTP {answer.status} {answer.reason}",
            code="wrong_secret",
        )


class _Line:
    """Requests over a connection that is not signed in yet, each one recorded.

    They do not go through urllib3's own bookkeeping, because the connection may be opened in the
    middle of sending a request.
    """

    def __init__(self, connection: Any, sign_in: WindowsSignIn, kit: Kit, timeout: float) -> None:
        self._connection, self._sign_in = connection, sign_in
        self._kit, self._timeout = kit, timeout
        self._deadline = time.monotonic() + LONGEST
        scheme, port = ("https", 443) if hasattr(connection.sock, "getpeercert") else ("http", 80)
        self.host = str(connection.host).strip("[]")
        place = f"[{self.host}]" if ":" in self.host else self.host
        self._authority = place if connection.port == port else f"{place}:{connection.port}"
        self._url = f"{scheme}://{self._authority}{sign_in.path}"

    @property
    def certificate(self) -> bytes:
        """The server's certificate (DER); empty without TLS."""
        ask = getattr(self._connection.sock, "getpeercert", None)
        return (ask(binary_form=True) or b"") if ask else b""

    def ask(self, authorization: str, *, last: bool = False) -> http.client.HTTPResponse:
        """GET the page. Raises TryLater if the connection does not hold for the next leg."""
        headers = {
            "Host": self._authority,
            "User-Agent": "ml-connector/1",
            "Accept": "*/*",
            "Connection": "keep-alive",
        }
        if authorization:
            headers["Authorization"] = authorization
        started_at, clock = time.time(), time.monotonic()
        answer: http.client.HTTPResponse | None = None
        content = b""
        trouble = ""
        exchange = http.client.HTTPConnection(self.host, self._connection.port)
        try:
            exchange.sock = self._connection.sock
            self._connection.sock.settimeout(self._patience())
            exchange.request("GET", self._sign_in.path, headers=headers)
            answer = exchange.getresponse()
            content = self._read(answer)
            self._connection.sock.settimeout(self._connection.timeout)
        except (OSError, http.client.HTTPException) as error:
            trouble = f"{type(error).__name__}: {error}"
            raise TryLater(
                f"GET {self._url}: {trouble}"[:500],
                reason="The connection broke during the Windows sign-in. Nothing was sent.",
                code="network",
            ) from error
        finally:
            self._record(headers, answer, content, started_at, clock, trouble)
        if answer.status in (408, 429) or answer.status >= 500:
            raise TryLater(
                f"GET {self._url}: {answer.status} {answer.reason}",
                reason="The server cannot take a sign-in just now. Nothing was sent.",
                vendor_words=f"HTTP {answer.status} {answer.reason}",
                code="busy",
            )
        if answer.will_close and not (answer.status == 401 and last):
            raise TryLater(
                f"GET {self._url}: {answer.status}, and the connection was closed",
                reason="The server closed the connection during the Windows sign-in, which is made "
                "for one connection: a proxy in front of it may be the cause. Nothing was sent.",
                code="network",
            )
        return answer

    def _patience(self) -> float:
        """Seconds that are left for the next silence. Raises TimeoutError."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"the sign-in took more than {LONGEST:.0f} seconds")
        return min(left, self._timeout)

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        parts, size = [], 0
        while part := answer.read1(65_536):
            size += len(part)
            parts.append(part)
            if size > MOST_BYTES:
                raise http.client.HTTPException("the page is larger than 4 MiB")
            self._patience()
        return b"".join(parts)

    def _record(
        self,
        headers: Mapping[str, str],
        answer: http.client.HTTPResponse | None,
        content: bytes,
        started_at: float,
        clock: float,
        trouble: str,
    ) -> None:
        redactor = self._sign_in._redactor
        back = redactor.headers(dict(answer.getheaders())) if answer else {}
        self._kit.record(
            ExchangeRecord(
                method="GET",
                url=self._url,
                request_headers=redactor.headers(headers),
                request_body=b"",
                status=answer.status if answer else None,
                response_headers={
                    name: _TOKEN.sub(rf"\1 {REMOVED}", value) for name, value in back.items()
                },
                response_body=redactor.body(content),
                started_at=started_at,
                duration_ms=int((time.monotonic() - clock) * 1000),
                error=trouble,
                purpose="sign the connection in to Windows",
            )
        )


def _offers(answer: http.client.HTTPResponse) -> list[str]:
    return [value.strip() for value in answer.headers.get_all("WWW-Authenticate") or []]


def _scheme_of(answer: http.client.HTTPResponse) -> str:
    """The way to sign in, of those that the server offers. Raises NeedsAttention."""
    names = [
        part.strip().partition(" ")[0] for offer in _offers(answer) for part in offer.split(",")
    ]
    for scheme in ("NTLM", "Negotiate"):
        if scheme.lower() in (name.lower() for name in names):
            return scheme
    known = [name for name in names if name.lower() in ("basic", "bearer", "digest")]
    if "bearer" in (name.lower() for name in known):
        reason = "The server takes organizational accounts only, not Windows accounts."
    else:
        reason = "The server does not offer a Windows sign-in."
    raise NeedsAttention(
        f"401 with {', '.join(names) or 'no scheme'}",
        reason=reason,
        advice="Its administrator must switch Windows authentication (NTLM or Negotiate) on.",
        vendor_words=f"It offers: {', '.join(known) or 'nothing'}.",
        code="settings",
    )


def _token_of(answer: http.client.HTTPResponse, scheme: str) -> bytes | None:
    for offer in _offers(answer):
        name, _, token = offer.partition(" ")
        if name.lower() == scheme.lower() and token.strip():
            try:
                return base64.b64decode(token.strip(), validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


def _encoded(token: bytes | None) -> str:
    return base64.b64encode(token or b"").decode()


def _bindings(certificate: bytes) -> GssChannelBindings | None:
    """The binding to a TLS server's certificate (RFC 5929 section 4.1); None without TLS."""
    if not certificate:
        return None
    try:
        algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        algorithm = None
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())
