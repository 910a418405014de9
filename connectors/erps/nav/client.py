"""A NAV server over HTTP: addresses, sign-in, tenant, pages, and one fresh token after a 401."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from requests.auth import AuthBase, HTTPBasicAuth

from connectors.erps.nav import settings
from connectors.erps.nav.errors import NOT_FOUND, REFUSED_SIGN_IN, read_error
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, UnexpectedShape
from connectors.kit import Kit, odata
from connectors.kit.http import Http, Reply, Timeouts
from connectors.kit.reader import Reader
from connectors.kit.throttle import Limits
from connectors.kit.tokens import EntraAuth, EntraTokens
from connectors.kit.windows_auth import WindowsSignIn

Json = Mapping[str, Any]
MOST_PAGES = 2_000
API_VERSIONS = {settings.BETA: "beta", settings.V1: "v1.0"}
# A document is entered line by line: within this time each of them must at least begin, or it is
# left for the next run to complete.
BEGIN_SECONDS = 45
_NEEDED = {
    settings.WINDOWS: (("user", "the Windows user name"), ("password", "its password")),
    settings.ACCESS_KEY: (("user", "the user name"), ("password", "its password or access key")),
    settings.ENTRA: (
        ("entra_tenant_id", "the Entra tenant ID"),
        ("client_id", "the client ID"),
        ("client_secret", "the client secret"),
    ),
}


class Client:
    """Raw JSON in, raw JSON out, for one server instance."""

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self.values = values
        self.company = values.get("company", "")
        self.timeout = float(values.get("request_timeout_seconds") or 60)
        self.in_flight = int(values.get("requests_in_flight") or 2)
        self.tokens: EntraTokens | None = None
        if values.get("sign_in") == settings.ENTRA:
            self.tokens = EntraTokens(
                kit=kit,
                authority=values.get("entra_authority", ""),
                tenant_id=values.get("entra_tenant_id", ""),
                client_id=values.get("client_id", ""),
                secret=values.get("client_secret", ""),
                scope=values.get("entra_scope", ""),
            )
        self._kit = kit
        self._budget = kit.budget(
            Limits(in_flight=self.in_flight, longest_call_seconds=self.timeout + 10)
        )
        self.http = self.open(values["base_url"], "/ODataV4/Company")

    def open(self, base_url: str, page: str, *, accept: str = "application/json") -> Http:
        """HTTP to an address of the instance with the connection's sign-in. ``page`` below it is
        what a Windows connection is signed in with."""
        values = self.values
        base = base_url.rstrip("/")
        windows: WindowsSignIn | None = None
        auth: AuthBase | None = None
        match values.get("sign_in"):
            case settings.WINDOWS:
                windows = WindowsSignIn(
                    user=values.get("user", ""),
                    password=values.get("password", ""),
                    path=f"{urlsplit(base).path}{page}",
                )
            case settings.ENTRA:
                assert self.tokens is not None
                auth = EntraAuth(self.tokens)
            case _:
                auth = HTTPBasicAuth(values.get("user", ""), values.get("password", ""))
        return Http(
            base_url=base,
            kit=self._kit,
            budget=self._budget,
            read_error=read_error,
            auth=auth,
            headers={"Accept": accept, "Accept-Language": "en-US"},
            timeouts=Timeouts(5, self.timeout),
            secrets=tuple(
                secret for name in ("password", "client_secret") if (secret := values.get(name, ""))
            ),
            authority=values.get("certificate", ""),
            windows=windows,
        )

    def check_settings(self) -> None:
        """Raises NeedsAttention where the chosen sign-in lacks a value or cannot carry it."""
        way = self.values.get("sign_in") or settings.ACCESS_KEY
        missing = [label for name, label in _NEEDED[way] if not self.values.get(name)]
        if missing:
            raise NeedsAttention(
                f"{way}: settings are missing",
                reason=f"The sign-in lacks {' and '.join(missing)}.",
                advice="Enter it in the connection's settings.",
                code="settings",
            )
        pair = self.values.get("user", "") + self.values.get("password", "")
        if way == settings.ACCESS_KEY and not pair.isascii():
            raise NeedsAttention(
                "user name or password is not ASCII",
                reason="NAV cannot take a user name or password with accents or umlauts this way.",
                advice="Give the service's user an access key, or a password of plain letters, "
                "digits and signs.",
                code="settings",
            )

    def request(self, method: str, path: str, **more: Any) -> Reply:
        """One request, the tenant named; a refused token is thrown away once. A 401 means that
        nothing was done, so even a write may be sent again."""
        self.check_settings()
        more["params"] = self._with_tenant(path, more.get("params"))
        if self.tokens is None:
            return self.http.request(method, path, **more)
        token = self.tokens.get()
        try:
            return self.http.request(method, path, **more)
        except NeedsAttention as error:
            if error.code != REFUSED_SIGN_IN:
                raise
            self.tokens.discard(token)
            return self.http.request(method, path, **more)

    def _with_tenant(self, path: str, params: Mapping[str, str] | None) -> Mapping[str, str] | None:
        tenant = self.values.get("tenant", "")
        if not tenant or "tenant" in dict(parse_qsl(urlsplit(path).query)):
            return params
        return {**(params or {}), "tenant": tenant}

    def get(
        self, path: str, *, purpose: str, params: Mapping[str, str] | None = None
    ) -> Json | None:
        """One record; None if there is none."""
        try:
            reply = self.request("GET", path, params=params, purpose=purpose)
        except Rejected as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return _object(reply)

    def rows(self, path: str, *, purpose: str, **options: str) -> list[Json]:
        """Every row of a collection, all pages; ``options`` are system query options."""
        params = {f"${name}": value for name, value in options.items() if value}
        found: list[Json] = []
        for page in self._pages(path, params, purpose):
            found += page
        return found

    def _pages(self, path: str, params: Mapping[str, str], purpose: str) -> Iterator[list[Json]]:
        reply = self.request("GET", path, params=params, purpose=purpose)
        seen: set[str] = set()
        while True:
            yield odata.rows(reply)
            link = str(reply.json().get("@odata.nextLink") or "")
            if not link:
                return
            if link in seen or len(seen) > MOST_PAGES:
                raise UnexpectedShape(f"{reply.where}.@odata.nextLink", "leads back to itself")
            seen.add(link)
            reply = self.request("GET", link, purpose=purpose)

    def create(
        self,
        path: str,
        body: Json,
        *,
        key: str = "",
        purpose: str,
        begin_by: float | None = None,
    ) -> Json:
        """The new record. An answer that cannot be read, or that lacks ``key``, leaves open what
        was made: it raises OutcomeUnknown. ``begin_by``: see ``Http.request``."""
        reply = self.request("POST", path, body=body, purpose=purpose, begin_by=begin_by)
        try:
            made = _object(reply)
            if key:
                Reader(made, reply.where).text(key)
        except UnexpectedShape as error:
            raise OutcomeUnknown(str(error)) from error
        return made

    def delete(self, path: str, *, etag: str, purpose: str) -> None:
        self.request("DELETE", path, headers={"If-Match": etag or "*"}, purpose=purpose)


def begin_by() -> float:
    """The last moment at which a write, or a line of it, may still be sent."""
    return time.monotonic() + BEGIN_SECONDS


def _object(reply: Reply) -> Json:
    body = reply.json()
    if not isinstance(body, Mapping):
        raise UnexpectedShape(reply.where, "is not an object")
    return body


def in_path(text: str) -> str:
    """A key's text literal inside an address: quotes doubled, then percent-encoded."""
    return quote(odata.literal(text), safe="'")


def chunks(values: Iterable[str], most: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for value in values:
        batch.append(value)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch
