"""Who may use the server. One instance has one credential type for all its users.

Windows: Negotiate and NTLM with the connection. NavUserPassword: HTTP Basic with a user name and
the password or the web service access key of the user's card. Organizational accounts: bearer
tokens of Entra. Source: Microsoft, "Users and Credential Types" and "Web Services Authentication".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.common.clock import Clock
from sandbox.entra import Entra

CREDENTIAL_TYPES = ("windows", "navuserpassword", "entra")
KEY_LENGTH = 44
OPEN = ("/oauth2/v2.0/token", "/v2.0/.well-known/openid-configuration")
REJECTED = ("Authentication_InvalidCredentials", "The server has rejected the client credentials.")


@dataclass
class User:
    """A user card: ``key_expires`` None is the box "Key Never Expires"."""

    name: str
    password: str
    access_key: str = ""
    key_expires: datetime | None = None
    enabled: bool = True


class UserCards:
    """The users of a NavUserPassword server, found without regard to case."""

    def __init__(self, users: list[User], clock: Clock) -> None:
        self._first = [(u.name, u.password, u.access_key) for u in users]
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        self.cards = {name.upper(): User(name, pw, key) for name, pw, key in self._first}

    def check(self, name: str, secret: str) -> bool:
        card = self.cards.get(name.upper())
        # Basic carries no other characters on this server (a documented limit).
        if card is None or not card.enabled or not (name + secret).isascii():
            return False
        if hmac.compare_digest(secret.encode(), card.password.encode()):
            return True
        good = bool(card.access_key) and hmac.compare_digest(
            secret.encode(), card.access_key.encode()
        )
        return good and (card.key_expires is None or self.clock.now() < card.key_expires)


class BasicAuth:
    """Outermost around the services of a NavUserPassword instance."""

    def __init__(
        self,
        app: ASGIApp,
        users: UserCards,
        rejected: Callable[[], Response],
        noted: Callable[[Scope, int], None],
    ) -> None:
        self._app, self.users, self._rejected, self._noted = app, users, rejected, noted
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scheme, _, value = _authorization(scope).partition(" ")
        if scheme.lower() == "basic":
            name, secret = _pair(value)
            if self.users.check(name, secret):
                self.counts["served"] += 1
                scope["sandbox.user"] = name
                await self._app(scope, receive, send)
                return
            answer = self._rejected()
        else:
            answer = bare()
        self.counts["refused"] += 1
        answer.headers["www-authenticate"] = 'Basic realm=""'
        await drain(receive)
        self._noted(scope, 401)
        await answer(scope, receive, send)


class BearerAuth:
    """Outermost around an instance with organizational accounts; Entra itself is open to all.

    ``card`` is the application's card in the company: enabled, or not_registered.
    """

    def __init__(
        self,
        app: ASGIApp,
        entra: Entra,
        rejected: Callable[[], Response],
        noted: Callable[[Scope, int], None],
    ) -> None:
        self._app, self.entra, self._rejected, self._noted = app, entra, rejected, noted
        self.card = "enabled"
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].endswith(OPEN):
            await self._app(scope, receive, send)
            return
        client = self.entra.client_of(_authorization(scope))
        if client is not None and self.card == "enabled":
            self.counts["served"] += 1
            scope["sandbox.user"] = client
            await self._app(scope, receive, send)
            return
        self.counts["refused"] += 1
        answer = self._rejected()
        answer.headers["www-authenticate"] = 'Bearer realm=""'
        await drain(receive)
        self._noted(scope, 401)
        await answer(scope, receive, send)


def bare() -> Response:
    """A 401 from before the application: no JSON."""
    return HTMLResponse(
        "<!DOCTYPE HTML><html><head><title>Not Authorized</title></head><body>"
        "<h2>Not Authorized</h2><hr><p>HTTP Error 401. The requested resource requires user "
        "authentication.</p></body></html>",
        401,
    )


def _authorization(scope: Scope) -> str:
    return next((v.decode("latin-1") for k, v in scope["headers"] if k == b"authorization"), "")


def _pair(value: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


async def drain(receive: Receive) -> None:
    """Read the body of a request that is refused, so that its connection can be used again."""
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and bool(message.get("more_body"))
