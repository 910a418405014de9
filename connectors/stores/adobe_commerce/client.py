"""Adobe Commerce over HTTP: addresses of both products, sign-in, searches and their paging."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from requests.auth import AuthBase

from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater, UnexpectedShape
from connectors.kit import Kit
from connectors.kit.http import Http, Reply, Timeouts
from connectors.kit.throttle import Limits
from connectors.stores.adobe_commerce import errors, signing
from connectors.stores.adobe_commerce.ims import ImsAuth, ImsTokens
from connectors.stores.adobe_commerce.settings import IMS_SCOPES, PAAS, SAAS, store_ids
from connectors.stores.adobe_commerce.signing import Filter

Json = Mapping[str, Any]
PAAS_CREDENTIALS = {
    "consumer_key": "the consumer key",
    "consumer_secret": "the consumer secret",
    "access_token": "the access token",
    "access_token_secret": "the access token secret",
}
SAAS_CREDENTIALS = {
    "ims_client_id": "the IMS client ID",
    "ims_client_secret": "the IMS client secret",
    "ims_org_id": "the IMS organization ID",
}
SECRETS = ("consumer_secret", "access_token", "access_token_secret", "ims_client_secret")


class PageTooLarge(Rejected):
    """The store allows pages of ``limit`` records at most."""

    def __init__(self, detail: str, limit: int) -> None:
        super().__init__(detail, code="page_too_large")
        self.limit = limit


class ArrayTooLarge(Rejected):
    """The store takes ``limit`` rows in one call at most."""

    def __init__(self, detail: str, limit: int) -> None:
        super().__init__(detail, code="array_too_large")
        self.limit = limit


class Client:
    """Raw JSON in, raw JSON out, for one Commerce instance."""

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self.edition = values.get("edition") or PAAS
        self.store_ids = store_ids(values)
        self.page_size = int(values.get("page_size") or 100)
        self.array_size = int(values.get("batch_size") or 100)
        self.store_code = values.get("store_code") or "default"
        wanted = SAAS_CREDENTIALS if self.edition == SAAS else PAAS_CREDENTIALS
        self.missing = [words for name, words in wanted.items() if not values.get(name)]
        self.tokens: ImsTokens | None = None
        timeout = float(values.get("request_timeout_seconds") or 45)
        self._kit = kit
        self._budget = kit.budget(
            Limits(
                calls=int(values.get("requests_per_minute") or 300),
                seconds=60,
                in_flight=int(values.get("requests_in_flight") or 4),
                longest_call_seconds=timeout + 10,
            )
        )
        address = self._address = values["api_url"].rstrip("/")
        headers = {"Accept": "application/json"}
        auth: AuthBase | None = None
        if self.edition == SAAS:
            headers["Store"] = self.store_code
            headers["x-api-key"] = values.get("ims_client_id", "")
            headers["x-gw-ims-org-id"] = values.get("ims_org_id", "")
        else:
            address = f"{address}/rest/{self.store_code}"
        if not self.missing and self.edition == SAAS:
            known = {"ims_url": "https://ims-na1.adobelogin.com", "ims_scopes": IMS_SCOPES}
            self.tokens = ImsTokens({**known, **{k: v for k, v in values.items() if v}}, kit)
            auth = ImsAuth(self.tokens)
        elif not self.missing:
            auth = signing.signer(values)
        self.http = Http(
            base_url=address,
            kit=kit,
            budget=self._budget,
            read_error=self.read_error,
            auth=auth,
            headers=headers,
            timeouts=Timeouts(5, timeout),
            secrets=tuple(values.get(name, "") for name in SECRETS),
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        purpose: str,
        scope: str = "",
        in_bulk: bool = False,
    ) -> Reply:
        """One request below ``/V1``; a refused IMS token is thrown away once. A 401 means that
        nothing was done, so even a write may be sent again. ``scope`` is "all" or the code of a
        store view, where it is not the connection's own; ``in_bulk`` asks for the route's
        asynchronous twin, whose body is a list of bodies."""
        if self.missing:
            problem = NeedsAttention(
                "credentials are missing",
                reason=f"The connection lacks {', '.join(self.missing)}.",
                advice="Fill them in under the connection's settings.",
                code="settings",
            )
            problem.source = self._kit.name
            raise problem
        # Http's own params would write a space as a plus, which Commerce takes for a plus.
        where, headers = self._where(path, scope, in_bulk)
        if params:
            where = f"{where}?{signing.query(params)}"
        token = self.tokens.get() if self.tokens else ""
        try:
            return self.http.request(method, where, body=body, headers=headers, purpose=purpose)
        except NeedsAttention as error:
            if self.tokens is None or error.code != "wrong_secret":
                raise
            self.tokens.discard(token)
            return self.http.request(method, where, body=body, headers=headers, purpose=purpose)

    def _where(self, path: str, scope: str, in_bulk: bool) -> tuple[str, dict[str, str]]:
        """(address, headers): the editions keep scope and way of working in different places."""
        if self.edition == SAAS:
            way = "/async/bulk" if in_bulk else ""
            return f"/V1{way}/{path}", {"Store": scope} if scope else {}
        if not (scope or in_bulk):
            return f"/V1/{path}", {}
        way = "/async/bulk" if in_bulk else ""
        return f"{self._address}/rest/{scope or self.store_code}{way}/V1/{path}", {}

    def find(
        self,
        resource: str,
        filters: Sequence[Filter],
        *,
        purpose: str,
        sort: Iterable[str] = ("entity_id",),
        fields: str = "",
    ) -> list[Json]:
        """Every row of a search, all pages, each once."""
        found: dict[str, Json] = {}
        number = 1
        while True:
            rows, whole = self.page(
                resource, filters, sort=sort, number=number, fields=fields, purpose=purpose
            )
            fresh = {key: row for row in rows if (key := _identity(row, resource)) not in found}
            found |= fresh
            # Old versions repeat the last page for ever, so an empty page is not waited for.
            if not fresh or number * self.page_size >= whole:
                return list(found.values())
            number += 1

    def changed(
        self, resource: str, since: str, *, fields: str, purpose: str
    ) -> Iterator[list[Json]]:
        """Pages of rows with ``updated_at`` at or after ``since`` (UTC, whole seconds), oldest
        first, each row once for each of its changes.

        A page number shifts while rows change, so each page begins at the last second seen. Only
        where a whole page changed within one second is the next number of the same beginning
        asked for.
        """
        seen: set[tuple[str, str]] = set()
        number = 1
        while True:
            filters: list[Filter] = [("updated_at", "gteq", since), *self._of_store_views()]
            rows, whole = self.page(
                resource,
                filters,
                sort=("updated_at", "entity_id"),
                number=number,
                fields=fields,
                purpose=purpose,
            )
            fresh = [row for row in rows if _version(row, resource) not in seen]
            if fresh:
                yield fresh
            if not rows or number * self.page_size >= whole or (number > 1 and not fresh):
                return
            seen = {_version(row, resource) for row in rows} | (seen if number > 1 else set())
            last = str(rows[-1].get("updated_at") or "")
            if not last or last <= since:
                number += 1
            else:
                since, number = last, 1

    def rows(self, path: str, *, purpose: str) -> list[Json]:
        """The objects of a call that answers with a bare list."""
        reply = self.request("GET", path, purpose=purpose)
        return _rows(reply, reply.json())

    def _of_store_views(self) -> list[Filter]:
        if not self.store_ids:
            return []
        return [("store_id", "in", ",".join(map(str, self.store_ids)))]

    def page(
        self,
        resource: str,
        filters: Sequence[Filter],
        *,
        purpose: str,
        sort: Iterable[str] = ("entity_id",),
        number: int = 1,
        fields: str = "",
        scope: str = "",
    ) -> tuple[list[Json], int]:
        """(rows, how many there are on all pages)."""
        for last_try in (False, True):
            params = signing.search(
                filters,
                sort=tuple(sort),
                page_size=self.page_size,
                page=number,
                fields=f"items[{fields}],total_count" if fields else "",
            )
            try:
                reply = self.request("GET", resource, params=params, purpose=purpose, scope=scope)
                break
            except PageTooLarge as error:
                if last_try or error.limit >= self.page_size:
                    raise
                self.page_size = error.limit
            except Rejected as error:
                if error.code != "no_route":
                    raise
                raise self._wrong_address(error) from error
        body = reply.json()
        if not isinstance(body, Mapping):
            raise UnexpectedShape(reply.where, "is not an object")
        rows = _rows(reply, body.get("items") or [])
        whole = body.get("total_count")
        if not isinstance(whole, int):
            # Without a count a full page may have a successor.
            whole = number * self.page_size + (1 if len(rows) >= self.page_size else 0)
        return rows, whole

    def _wrong_address(self, error: Rejected) -> NeedsAttention:
        """Every version has these lists, so it is the address that is not one of the API's."""
        problem = NeedsAttention(
            error.detail,
            reason="The store has no API under this address.",
            advice="Check the store address and “Store view of API calls” in the settings.",
            vendor_words=error.vendor_words,
            code="settings",
        )
        problem.source = self._kit.name
        return problem

    def read_error(self, method: str, path: str, reply: Reply) -> ConnectorError:
        limit = errors.page_limit(reply)
        if limit is not None:
            return PageTooLarge(f"{method} {path}: {reply.status} at most {limit}", limit)
        limit = errors.array_limit(reply)
        if limit is not None:
            return ArrayTooLarge(f"{method} {path}: {reply.status} at most {limit} rows", limit)
        error = errors.read_error(self.edition, method, path, reply)
        if isinstance(error, TryLater) and reply.status == 429:
            asked = error.retry_after or timedelta(seconds=errors.PAUSE_AFTER_429)
            error.retry_after = timedelta(seconds=self._budget.refused(asked.total_seconds()))
        return error


def _rows(reply: Reply, rows: Any) -> list[Json]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise UnexpectedShape(reply.where, "is not a list of objects")
    return rows


def _identity(row: Json, resource: str) -> str:
    found = row.get("entity_id") or row.get("transaction_id")
    if found is None:
        raise UnexpectedShape(f"{resource}[].entity_id")
    return str(found)


def _version(row: Json, resource: str) -> tuple[str, str]:
    """A row at one instant: changed again while the pages are read, it is told again."""
    return _identity(row, resource), str(row.get("updated_at") or "")
