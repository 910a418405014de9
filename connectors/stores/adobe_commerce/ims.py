"""Adobe IMS access tokens by client credentials, shared by all worker processes.

This grant has no refresh token: a new one is asked for, well before the old one ends and seldom,
because Adobe throttles integrations that ask too often. Source: Adobe, "Server-to-server
authentication" (Commerce web API) and "OAuth Server-to-Server implementation".
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from typing import TypeGuard

import requests
from requests.auth import AuthBase

from connectors.errors import ConnectorError, NeedsAttention, TryLater, UnexpectedShape
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressRefused
from connectors.kit.http import Reply, explain, new_session
from connectors.kit.reader import Reader
from connectors.kit.redact import Redactor

REFRESH_EARLY = 600  # seconds; a token lives for a day
LAST_USE = 60  # a call may take so long until the gateway looks at its token
PATIENCE = 20  # between two tries to renew a token that is still good
PURPOSE = "sign in to Adobe IMS"

Token = tuple[str, float]  # the token, and when it ends in seconds since the epoch


class ImsTokens:
    """Tokens for one credential."""

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self._kit = kit
        self._url = f"{values['ims_url'].rstrip('/')}/ims/token/v3"
        self._form = {
            "client_id": values["ims_client_id"],
            "client_secret": values["ims_client_secret"],
            "grant_type": "client_credentials",
            "scope": values["ims_scopes"],
        }
        self._redactor = Redactor((values["ims_client_secret"],))
        self._lock = threading.Lock()
        # A changed secret must not find the token of the old one.
        name = "|".join((self._url, *self._form.values()))
        self._key = f"ims:{hashlib.sha256(name.encode()).hexdigest()}"
        self._known: Token | None = None
        self._ask_again_at = 0.0

    def get(self) -> str:
        """A token that is good for a minute at least. Raises NeedsAttention or TryLater."""
        known = self._known
        if _lasts(known, REFRESH_EARLY):
            return known[0]
        if not self._lock.acquire(blocking=not _lasts(known, LAST_USE)):
            assert known is not None
            return known[0]  # another thread is fetching the next one
        try:
            return self._renewed()
        except ConnectorError as error:
            error.source = self._kit.name
            raise
        finally:
            self._lock.release()

    def discard(self, token: str) -> None:
        """The gateway refused this token: forget it here and for the other workers."""
        with self._lock:
            if self._known and self._known[0] == token:
                self._known = None
            cached = self._cached()
            if cached and cached[0] == token:
                self._kit.cache.delete(self._key)

    def _renewed(self) -> str:
        cached = self._cached()
        if _lasts(cached, REFRESH_EARLY):
            self._known = cached
            return cached[0]
        usable = next((t for t in (self._known, cached) if _lasts(t, LAST_USE)), None)
        if usable and self._ask_again_at > time.monotonic():
            return usable[0]
        try:
            self._known = self._ask()
        except TryLater:
            if usable is None:
                raise
            self._ask_again_at = time.monotonic() + PATIENCE
            return usable[0]
        return self._known[0]

    def _cached(self) -> Token | None:
        text = self._kit.cache.get(self._key)
        if not text:
            return None
        token, ends = json.loads(text)
        return str(token), float(ends)

    def _ask(self) -> Token:
        reply = self._post()
        if reply.status == 429 or reply.status >= 500:
            raise TryLater(
                f"token: {reply.status}",
                reason="Adobe IMS has a problem just now.",
                retry_after=reply.retry_after(),
            )
        try:
            answer = Reader(reply.json(), "token")
        except UnexpectedShape as error:
            raise NeedsAttention(
                f"token: {reply.status}, not JSON",
                reason="The sign-in address does not answer as Adobe IMS does.",
                advice="Check the IMS address in the connection's settings.",
                code="settings",
            ) from error
        if not reply.ok:
            raise _refusal(reply.status, answer)
        token = answer.text("access_token")
        # Source: "OAuth Server-to-Server implementation": seconds, usually a day.
        seconds = answer.integer("expires_in", 3600)
        ends = time.time() + seconds
        self._kit.cache.set(self._key, json.dumps([token, ends]), max(seconds, 1))
        return token, ends

    def _post(self) -> Reply:
        started_at, clock = time.time(), time.monotonic()
        response: requests.Response | None = None
        trouble = ""
        with new_session(self._kit) as session:
            prepared = session.prepare_request(
                requests.Request(
                    "POST", self._url, data=self._form, headers={"Accept": "application/json"}
                )
            )
            try:
                response = session.send(
                    prepared, timeout=(5, 15), allow_redirects=False, verify=session.verify
                )
            except (requests.RequestException, AddressRefused, OSError) as error:
                trouble = str(error)
                # Asking for a token changes nothing, so an answer that is missing is only "later".
                raise explain("GET", self._url, error) from error
            finally:
                body = prepared.body or b""
                content = response.content if response is not None else b""
                self._kit.record(
                    ExchangeRecord(
                        method="POST",
                        url=self._url,
                        request_headers=self._redactor.headers(prepared.headers),
                        request_body=self._redactor.body(
                            body.encode() if isinstance(body, str) else body
                        ),
                        status=None if response is None else response.status_code,
                        response_headers={}
                        if response is None
                        else self._redactor.headers(response.headers),
                        response_body=self._redactor.body(content),
                        started_at=started_at,
                        duration_ms=int((time.monotonic() - clock) * 1000),
                        error=self._redactor.text(trouble),
                        purpose=PURPOSE,
                    )
                )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content, "POST /ims/token/v3")


class ImsAuth(AuthBase):
    """Puts the token on each request."""

    def __init__(self, tokens: ImsTokens) -> None:
        self.tokens = tokens

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.tokens.get()}"
        return request


def _lasts(token: Token | None, seconds: float) -> TypeGuard[Token]:
    return token is not None and token[1] - seconds > time.time()


def _refusal(status: int, answer: Reader) -> NeedsAttention:
    error = answer.text("error", "")
    words = answer.text("error_description", "") or answer.text("message", "") or error
    reason = "Adobe IMS did not give an access token."
    advice = "Check the IMS client ID, secret and scopes in the connection's settings."
    if error == "invalid_client" or status == 401:
        reason = "Adobe IMS does not accept the client ID or the client secret."
        advice = (
            "Copy the client ID and a live client secret from the credential in the Adobe "
            "Developer Console."
        )
    elif error == "invalid_scope":
        reason = "Adobe IMS does not give this credential the scopes that are asked for."
        advice = (
            "Add the Adobe Commerce as a Cloud Service API to the project in the Adobe Developer "
            "Console, or correct the scopes in the settings."
        )
    return NeedsAttention(
        f"token: {status} {error}",
        reason=reason,
        advice=advice,
        vendor_words=words,
        code="wrong_secret",
    )
