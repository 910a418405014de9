"""Windows sign-in as http.sys does it: NTLM and Negotiate, made with a TCP connection.

Three legs on one connection: 401 with the schemes, 401 with the challenge, then the answer. From
there the connection is signed in and its requests need no header. No body reaches the application
before that; the bodies of the first legs are read and thrown away, so that the connection stays
usable. Source of the acceptor: pyspnego's ``spnego.server`` over a user file (NTLM_USER_FILE).
"""

from __future__ import annotations

import atexit
import base64
import binascii
import hashlib
import os
import struct
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BINDINGS = ("none", "allow", "require")
SCHEMES = ("Negotiate", "NTLM")
_SIGNATURE = b"NTLMSSP\0"
_AV_CHANNEL_BINDINGS = 10


class BadAccount(ValueError):
    """An account that the user file cannot hold, or that nobody knows."""


@dataclass
class Account:
    """One account of the domain; ``name`` is DOMAIN\\user or user@realm, as it must be given."""

    name: str
    password: str
    enabled: bool = True
    expired: bool = False
    locked: bool = False
    bad_passwords: int = 0


class Directory:
    """The domain's accounts. Every change is written to the file that the acceptor reads.

    ``lockout`` is the number of wrong passwords in a row that locks an account; 0 never locks.
    """

    def __init__(self, users: list[str], *, lockout: int = 0) -> None:
        """``users`` as ``DOMAIN\\user:password``. Raises BadAccount."""
        self.lockout = lockout
        handle, name = tempfile.mkstemp(prefix="ntlm-users-")
        os.close(handle)
        self.file = Path(name)
        os.environ["NTLM_USER_FILE"] = name
        atexit.register(self.file.unlink, missing_ok=True)
        self.accounts: dict[str, Account] = {}
        self._first: list[tuple[str, str]] = []
        for text in users:
            account, found, password = text.partition(":")
            if not found or ":" in password or "\n" in password or not account or not password:
                raise BadAccount(
                    "an account is given as DOMAIN\\user:password, without more colons"
                )
            self._first.append((account, password))
        self.reset()

    def reset(self) -> None:
        self.accounts = {n.upper(): Account(n, password) for n, password in self._first}
        self._write()

    def find(self, name: str) -> Account:
        try:
            return self.accounts[name.upper()]
        except KeyError:
            raise BadAccount(f"no account {name}") from None

    def change(self, name: str, **values: Any) -> Account:
        """Change a password, or enable, expire, lock. Raises BadAccount."""
        account = self.find(name)
        for key, value in values.items():
            if key == "password" and (":" in str(value) or not value):
                raise BadAccount("a password has no colon and is not empty")
            setattr(account, key, value)
        if values.get("locked") is False or "password" in values:
            account.bad_passwords = 0
        self._write()
        return account

    def usable(self, name: str) -> bool:
        account = self.accounts.get(name.upper())
        return account is not None and account.enabled and not (account.expired or account.locked)

    def right(self, name: str) -> None:
        self.find(name).bad_passwords = 0

    def wrong(self, name: str) -> None:
        account = self.accounts.get(name.upper())
        if account is not None:
            account.bad_passwords += 1
            account.locked = account.locked or 0 < self.lockout <= account.bad_passwords

    def check(self, name: str, password: str) -> bool:
        """Name and password in one go, for Basic."""
        account = self.accounts.get(name.upper())
        if account is None or account.password != password:
            self.wrong(name)
            return False
        return self.usable(name)

    def _write(self) -> None:
        lines = []
        for account in self.accounts.values():
            domain, found, user = account.name.partition("\\")
            lines.append(f"{domain}:{user}" if found else f":{account.name}")
            lines[-1] += f":{account.password}\n"
        self.file.write_text("".join(lines))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Type 3 message says about itself. ``bindings`` None: no channel binding given."""

    name: str
    bindings: bytes | None


def message_type(token: bytes) -> int:
    """1, 2 or 3; 0 if there is no NTLM message inside."""
    at = token.find(_SIGNATURE)
    return struct.unpack_from("<I", token, at + 8)[0] if 0 <= at <= len(token) - 12 else 0


def read_answer(token: bytes) -> Answer:
    """The name and the channel binding in a Type 3 message, raw or wrapped in SPNEGO.

    Source: MS-NLMP 2.2.1.3 (fields), 2.2.2.1 (AV pairs), 2.2.2.8 (NTLMv2 response).
    """
    at = token.find(_SIGNATURE)
    inner = token[at:]

    def field(offset: int) -> bytes:
        length, _, start = struct.unpack_from("<HHI", inner, offset)
        return inner[start : start + length]

    (flags,) = struct.unpack_from("<I", inner, 60)
    encoding = "utf-16-le" if flags & 1 else "latin-1"
    domain = field(28).decode(encoding, "replace")
    user = field(36).decode(encoding, "replace")
    response, place, bindings = field(20), 44, None
    while len(response) > 24 and place + 4 <= len(response):
        kind, length = struct.unpack_from("<HH", response, place)
        if kind == 0:
            break
        if kind == _AV_CHANNEL_BINDINGS:
            bindings = response[place + 4 : place + 4 + length]
        place += 4 + length
    return Answer(f"{domain}\\{user}" if domain else user, bindings)


def certificate_bindings(certificate: Path) -> bytes:
    """The value that NTLM carries for ``tls-server-end-point`` of this PEM's first certificate.

    Source: RFC 5929 section 4.1; the digest is the signature's own, SHA-256 for MD5 and SHA-1.
    """
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    algorithm = found.signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(found.public_bytes(Encoding.DER))
    whole = GssChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())
    return hashlib.md5(whole.pack(), usedforsecurity=False).digest()


class WindowsAuth:
    """Outermost around an application; puts the signed-in name into ``scope["sandbox.user"]``.

    Switches, to be set while it runs: ``schemes`` offered; ``basic``; ``bearer_only`` for a
    deployment that takes organizational accounts only; ``binding`` (none, allow, require);
    ``forget`` the next N signed-in connections' identity; ``drop_after_challenge`` N times;
    ``close_every`` N served requests, ``close_silently`` without telling. ``counts`` counts the legs.
    """

    def __init__(
        self,
        app: ASGIApp,
        directory: Directory,
        *,
        refused: Callable[[], Response],
        certificate: Path | None = None,
        binding: str = "allow",
        realm: str = "localhost",
    ) -> None:
        self.realm = realm
        self._app, self.directory, self._refused = app, directory, refused
        self._bindings = certificate_bindings(certificate) if certificate else None
        self._first_binding = binding
        self.counts: Counter[str] = Counter()
        self.reset()

    def reset(self) -> None:
        self.schemes: tuple[str, ...] = SCHEMES
        self.basic = self.bearer_only = self.close_silently = False
        self.binding = self._first_binding
        self.forget = self.drop_after_challenge = self.close_every = 0
        self.counts.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kept = scope["sandbox.connection"]
        scheme, _, value = _authorization(scope).partition(" ")
        if self.forget and kept.get("user"):
            self.forget -= 1
            self.counts["forgotten"] += 1
            del kept["user"]
        offered = {name.lower(): name for name in self._offers()}
        token = _decoded(value)
        if scheme.lower() == "basic" and "basic" in offered:
            name, _, password = (token or b"").decode("utf-8", "replace").partition(":")
            self.counts["basic"] += 1
            if self.directory.check(name, password):
                await self._serve(name, scope, receive, send)
                return
        elif scheme.lower() in ("ntlm", "negotiate") and scheme.lower() in offered and token:
            await self._leg(offered[scheme.lower()], token, scope, receive, send)
            return
        elif not scheme and (user := kept.get("user")) and self.directory.usable(user):
            await self._serve(user, scope, receive, send)
            return
        await self._refuse(scope, receive, send)

    async def _leg(
        self, scheme: str, token: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        kept = scope["sandbox.connection"]
        kind = message_type(token)
        self.counts[f"type{kind}"] += 1
        kept.pop("user", None)
        context = None if kind == 1 else kept.pop("context", None)
        context = context or spnego.server(protocol="negotiate")
        try:
            answer = read_answer(token) if kind == 3 else None
            if answer and not self._bound(scope, answer):
                await self._refuse(scope, receive, send)
                return
            out = context.step(token)
        except (SpnegoError, ValueError, struct.error):
            self.counts["wrong"] += 1
            if kind == 3:
                self.directory.wrong(read_answer(token).name)
            await self._refuse(scope, receive, send)
            return
        back = f"{scheme} {base64.b64encode(out).decode()}" if out else ""
        if not context.complete:
            kept["context"] = context
            await self._challenge(back, scope, receive, send)
            return
        user = context.client_principal or ""
        if not self.directory.usable(user):
            await self._refuse(scope, receive, send)
            return
        self.directory.right(user)
        kept["user"] = user
        await self._serve(user, scope, receive, _with_header(send, back))

    def _bound(self, scope: Scope, answer: Answer) -> bool:
        """Not for a binding to another certificate, nor for none where one is required."""
        if self._bindings is None or self.binding == "none" or scope["scheme"] != "https":
            return True
        given = answer.bindings if answer.bindings and any(answer.bindings) else None
        if given is None:
            self.counts["binding missing"] += self.binding == "require"
            return self.binding != "require"
        self.counts["binding wrong"] += given != self._bindings
        return given == self._bindings

    async def _serve(self, user: str, scope: Scope, receive: Receive, send: Send) -> None:
        self.counts["served"] += 1
        scope["sandbox.user"] = user
        await self._app(scope, receive, self._closing(scope, send))

    def _offers(self) -> tuple[str, ...]:
        if self.bearer_only:
            return ("Bearer",)
        return (*self.schemes, "Basic") if self.basic else self.schemes

    async def _challenge(self, back: str, scope: Scope, receive: Receive, send: Send) -> None:
        await _drain(receive)
        answer = self._refused()
        answer.headers["www-authenticate"] = back
        await answer(scope, receive, send)
        if self.drop_after_challenge:
            self.drop_after_challenge -= 1
            scope["sandbox.close"]()

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.counts["refused"] += 1
        await _drain(receive)
        answer = self._refused()
        for offer in self._offers():
            answer.headers.append("www-authenticate", self._offer(offer))
        await answer(scope, receive, send)

    def _offer(self, scheme: str) -> str:
        return f'{scheme} realm="{self.realm}"' if scheme in ("Basic", "Bearer") else scheme

    def _closing(self, scope: Scope, send: Send) -> Send:
        """Count what a connection was served, and end it after so many if that is switched on."""
        if not self.close_every:
            return send
        kept = scope["sandbox.connection"]
        answers = kept.get("answers", 0) + 1
        last = answers >= self.close_every

        async def closing(message: Message) -> None:
            kept["answers"] = answers
            if last and message["type"] == "http.response.start" and not self.close_silently:
                headers = [*message["headers"], (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)
            if last and message["type"] == "http.response.body" and self.close_silently:
                scope["sandbox.close"]()

        return closing


def _authorization(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return str(value.decode("latin-1").strip())
    return ""


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


async def _drain(receive: Receive) -> None:
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def _with_header(send: Send, back: str) -> Send:
    if not back:
        return send

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"], (b"www-authenticate", back.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return adding
