"""Microsoft Entra access tokens by client credentials, shared by all worker processes.

MSAL speaks to the authority; the token is cached encrypted until shortly before it expires. Source
of the AADSTS numbers: Microsoft, "Microsoft Entra authentication and authorization error codes".
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from typing import Any, TypeGuard

import msal
import requests
from requests.auth import AuthBase

from connectors.errors import ConnectorError, NeedsAttention, TryLater
from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressRefused
from connectors.kit.http import Reply, explain, new_session
from connectors.kit.redact import Redactor

REFRESH_EARLY = 300  # seconds
LAST_USE = 60  # a call may take so long until the system looks at its token
PATIENCE = 20  # between two tries to renew a token that is still good
_WRONG = {
    7000215: (
        "wrong_secret",
        "The client secret is wrong.",
        "Copy the secret's value (not its id) from the app registration again.",
    ),
    7000222: (
        "wrong_secret",
        "The client secret has expired.",
        "Make a new client secret in the app registration and save it here.",
    ),
    700016: (
        "wrong_client",
        "The client id is not known in this tenant.",
        "Check the client id and the tenant id; the app must be registered in that tenant.",
    ),
    90002: (
        "wrong_tenant",
        "The Entra tenant id is not known.",
        "Copy the tenant id (directory id) from Microsoft Entra.",
    ),
    900023: (
        "wrong_tenant",
        "The Entra tenant id is not valid.",
        "Copy the tenant id (directory id) from Microsoft Entra.",
    ),
    70011: ("settings", "The scope is not valid.", "Check the API address in the settings."),
}


class _Client:
    """The HTTP client that MSAL uses: guarded, bounded, recorded without its secrets."""

    def __init__(self, kit: Kit, secrets: tuple[str, ...]) -> None:
        self._kit = kit
        self._session = new_session(kit)
        self._redactor = Redactor(secrets)

    def post(self, url: str, **more: Any) -> requests.Response:
        return self._send("POST", url, **more)

    def get(self, url: str, **more: Any) -> requests.Response:
        return self._send("GET", url, **more)

    def close(self) -> None:
        self._session.close()

    def _send(
        self, method: str, url: str, *, params: Any = None, data: Any = None, headers: Any = None
    ) -> requests.Response:
        started_at, clock = time.time(), time.monotonic()
        response: requests.Response | None = None
        trouble = ""
        try:
            response = self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                timeout=(5, 15),
                allow_redirects=False,
            )
        except (requests.RequestException, AddressRefused, OSError) as error:
            trouble = str(error)
            # Asking for a token changes nothing, so an answer that is missing is only "later".
            raise explain("GET", url, error) from error
        finally:
            sent = requests.Request(method, url, params=params, data=data).prepare()
            body = sent.body or b""
            self._kit.record(
                ExchangeRecord(
                    method=method,
                    url=self._redactor.text(sent.url or url),
                    request_headers=self._redactor.headers(headers or {}),
                    request_body=self._redactor.body(
                        body.encode() if isinstance(body, str) else body
                    ),
                    status=response.status_code if response is not None else None,
                    response_headers=self._redactor.headers(response.headers)
                    if response is not None
                    else {},
                    response_body=self._redactor.body(response.content)
                    if response is not None
                    else b"",
                    started_at=started_at,
                    duration_ms=int((time.monotonic() - clock) * 1000),
                    error=trouble,
                    purpose="sign in to Microsoft Entra",
                )
            )
        _check(method, url, response)
        return response


def _lasts(token: tuple[str, float] | None, seconds: float) -> TypeGuard[tuple[str, float]]:
    return token is not None and token[1] - seconds > time.time()


def _check(method: str, url: str, response: requests.Response) -> None:
    """MSAL takes an answer that is not Entra's for an unknown tenant, or stumbles over it."""
    detail = f"{method} {url.partition('?')[0]}: {response.status_code}"
    if response.status_code >= 500 or response.status_code == 429:
        headers = {name.lower(): value for name, value in response.headers.items()}
        raise TryLater(
            detail,
            reason="Microsoft Entra has a problem just now.",
            retry_after=Reply(response.status_code, headers, b"", detail).retry_after(),
        )
    try:
        is_entra = isinstance(response.json(), dict)
    except ValueError:
        is_entra = False
    if not is_entra:
        raise NeedsAttention(
            f"{detail}, not JSON",
            reason="The sign-in address does not answer as Microsoft Entra does.",
            advice="Check the authority in the connection's settings.",
            code="settings",
        )


class EntraTokens:
    """Tokens for one app, tenant and scope."""

    def __init__(
        self, *, kit: Kit, authority: str, tenant_id: str, client_id: str, secret: str, scope: str
    ) -> None:
        self._kit = kit
        self._authority = f"{authority.rstrip('/')}/{tenant_id}"
        self._client_id = client_id
        self._secret = secret
        self._scope = scope
        self._lock = threading.Lock()
        # A changed secret must not find the token of the old one.
        name = "|".join((self._authority, client_id, scope, secret))
        self._key = f"entra:{hashlib.sha256(name.encode()).hexdigest()}"
        self._known: tuple[str, float] | None = None  # the token, and when it expires
        self._ask_again_at = 0.0

    def get(self) -> str:
        """A token that is good for a minute at least. Raises NeedsAttention or TryLater.

        In its last minutes a token is still used while one thread fetches the next, and as long
        as the authority does not answer.
        """
        known = self._known
        if _lasts(known, REFRESH_EARLY):
            return known[0]
        if not self._lock.acquire(blocking=not _lasts(known, LAST_USE)):
            assert known is not None
            return known[0]
        try:
            return self._renewed()
        except ConnectorError as error:
            error.source = self._kit.name
            raise
        finally:
            self._lock.release()

    def prove(self) -> None:
        """A new token, whatever is kept: the old one outlives a secret that was taken back.
        Raises NeedsAttention or TryLater."""
        with self._lock:
            try:
                self._known = self._ask()
            except ConnectorError as error:
                error.source = self._kit.name
                raise

    def _renewed(self) -> str:
        cached = self._from_cache()
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

    def discard(self, token: str) -> None:
        """The system refused this token: forget it here and for the other workers."""
        with self._lock:
            if self._known and self._known[0] == token:
                self._known = None
            cached = self._from_cache()
            if cached and cached[0] == token:
                self._kit.cache.delete(self._key)

    def _from_cache(self) -> tuple[str, float] | None:
        text = self._kit.cache.get(self._key)
        if not text:
            return None
        token, expires = json.loads(text)
        return str(token), float(expires)

    def _ask(self) -> tuple[str, float]:
        client = _Client(self._kit, (self._secret,))
        try:
            app = msal.ConfidentialClientApplication(
                self._client_id,
                client_credential=self._secret,
                authority=self._authority,
                instance_discovery=False,
                http_client=client,
            )
            answer = app.acquire_token_for_client([self._scope])
        except ValueError as error:  # MSAL's words for an authority that does not know the tenant
            raise NeedsAttention(
                f"token: {error}",
                reason="The Entra tenant id is not known.",
                advice="Copy the tenant id (directory id) from Microsoft Entra.",
                vendor_words=str(error)[:400],
                code="wrong_tenant",
            ) from error
        finally:
            client.close()
        if "access_token" not in answer:
            raise _refusal(answer)
        expires = time.time() + int(answer.get("expires_in", 3600))
        token = str(answer["access_token"])
        seconds = max(int(expires - time.time()), 1)
        self._kit.cache.set(self._key, json.dumps([token, expires]), seconds)
        return token, expires


def _refusal(answer: dict[str, Any]) -> ConnectorError:
    words = str(answer.get("error_description") or answer.get("error") or "")
    codes = [int(code) for code in answer.get("error_codes", []) if str(code).isdigit()]
    for code in codes:
        if code in _WRONG:
            name, reason, advice = _WRONG[code]
            return NeedsAttention(
                f"token: AADSTS{code}", reason=reason, advice=advice, vendor_words=words, code=name
            )
    if answer.get("error") in ("temporarily_unavailable", "server_error"):
        return TryLater(f"token: {answer.get('error')}", vendor_words=words)
    return NeedsAttention(
        f"token: {answer.get('error')}",
        reason="Microsoft Entra did not give an access token.",
        vendor_words=words,
        code="wrong_secret",
    )


class EntraAuth(AuthBase):
    """Puts the token on each request."""

    def __init__(self, tokens: EntraTokens) -> None:
        self.tokens = tokens

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.tokens.get()}"
        return request
