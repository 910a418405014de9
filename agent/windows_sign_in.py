"""Windows sign-in of one connection: NTLM, alone or under the name Negotiate.

NTLM signs a TCP connection in, in three legs, not a request. So a new connection is signed in with
a cheap GET as soon as it stands, and only then carries requests: no body is ever sent to a server
that has not accepted the account, and what fails before that was certainly not carried out. Over
TLS the sign-in is bound to the server's certificate (RFC 5929, tls-server-end-point), as extended
protection asks for. Kerberos is not tried: IIS asks for it anew with each request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import spnego
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from .troubles import NotCarried
from .wire import Codes

LONGEST = 20.0  # seconds for all legs
REFUSED_FOR = 5.0  # seconds for which a refusal answers those who ask after it
MOST_PAGE_BYTES = 4 * 1024 * 1024

Ask = Callable[[str], http.client.HTTPResponse]  # Authorization -> an answer that was read whole


@dataclass(frozen=True)
class Credentials:
    """A Windows account as a person writes it: ``DOMAIN\\user`` or ``user@realm``."""

    user: str
    password: str

    @property
    def digest(self) -> str:
        """To tell whether it is still the same, without keeping the password."""
        return hashlib.sha256(f"{self.user}\0{self.password}".encode()).hexdigest()


class SignIn:
    """The sign-ins of one account to one host, one after another: each wrong password counts
    towards the account's lock-out, so those who ask together with a refused one take its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scheme = ""  # as the server offered it last
        self._refusal: NotCarried | None = None
        self._refused: tuple[str, float] = ("", 0.0)

    def make(self, credentials: Credentials, ask: Ask, *, host: str, certificate: bytes) -> None:
        """``ask`` sends the GET over the new connection. Raises NotCarried (nothing was sent), and
        what ``ask`` raises."""
        with self._lock:
            digest, until = self._refused
            if self._refusal and digest == credentials.digest and time.monotonic() < until:
                raise self._refusal
            try:
                self._legs(credentials, ask, host, certificate)
            except NotCarried as refusal:
                if refusal.code == Codes.SIGN_IN:
                    self._refusal = refusal
                    self._refused = (credentials.digest, time.monotonic() + REFUSED_FOR)
                raise

    def _legs(self, credentials: Credentials, ask: Ask, host: str, certificate: bytes) -> None:
        if not self._scheme:
            answer = ask("")
            if answer.status != 401:
                _usable(answer)
                return  # this page is open to everyone: the server asks later, or never
            self._scheme = _scheme_of(answer)
        try:
            context = spnego.client(
                credentials.user,
                credentials.password,
                hostname=host,
                service="HTTP",
                protocol="ntlm",  # which a server takes under the name Negotiate too
                channel_bindings=_bindings(certificate),
            )
            answer = ask(f"{self._scheme} {_encoded(context.step())}")
            challenge = _token_of(answer, self._scheme)
            if answer.status != 401:
                _usable(answer)
                return
            if challenge is None:
                self._scheme = ""
                raise _not_accepted(credentials, answer)
            last = context.step(challenge)
        except SpnegoError as error:
            raise NotCarried(
                Codes.SIGN_IN,
                "the Windows sign-in could not be worked out with this server, which must offer "
                f"NTLM version 2 ({type(error).__name__})",
                sent=False,
            ) from error
        answer = ask(f"{self._scheme} {_encoded(last)}")
        if answer.status == 401:
            raise _not_accepted(credentials, answer)
        _usable(answer)


def _usable(answer: http.client.HTTPResponse) -> None:
    if answer.status in (408, 429) or answer.status >= 500:
        raise NotCarried(
            Codes.NETWORK,
            f"the server cannot take a sign-in just now: {answer.status} {answer.reason}",
            sent=False,
        )


def _not_accepted(credentials: Credentials, answer: http.client.HTTPResponse) -> NotCarried:
    return NotCarried(
        Codes.SIGN_IN,
        f"the server did not accept the Windows account {credentials.user} "
        f"({answer.status} {answer.reason})",
        sent=False,
    )


def _scheme_of(answer: http.client.HTTPResponse) -> str:
    offers = answer.headers.get_all("WWW-Authenticate") or []
    names = [part.strip().partition(" ")[0] for offer in offers for part in offer.split(",")]
    for scheme in ("NTLM", "Negotiate"):
        if scheme.lower() in (name.lower() for name in names):
            return scheme
    offered = ", ".join(name for name in names if name.isalpha()) or "nothing"
    raise NotCarried(
        Codes.SIGN_IN,
        f"the server offers no Windows sign-in (NTLM or Negotiate), but {offered}",
        sent=False,
    )


def _token_of(answer: http.client.HTTPResponse, scheme: str) -> bytes | None:
    for offer in answer.headers.get_all("WWW-Authenticate") or []:
        name, _, token = offer.strip().partition(" ")
        if name.lower() == scheme.lower() and token.strip():
            try:
                return base64.b64decode(token.strip(), validate=True)
            except (binascii.Error, ValueError):
                return None
    return None


def _encoded(token: bytes | None) -> str:
    return base64.b64encode(token or b"").decode()


def _bindings(certificate: bytes) -> GssChannelBindings | None:
    """The binding to a TLS server's certificate (RFC 5929, section 4.1); None without TLS."""
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
