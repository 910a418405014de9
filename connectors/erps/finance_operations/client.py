"""Finance & Operations over HTTP: addresses, sign-in, the company on every call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

from connectors.erps.finance_operations import batch
from connectors.erps.finance_operations.errors import NOT_FOUND, THROTTLED_SECONDS, read_error
from connectors.erps.finance_operations.settings import environment_of
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, UnexpectedShape
from connectors.kit import Kit, odata
from connectors.kit.http import Http, Reply, Timeouts
from connectors.kit.throttle import Limits
from connectors.kit.tokens import EntraAuth, EntraTokens

Json = Mapping[str, Any]
T = TypeVar("T")
NAMESPACE = "Microsoft.Dynamics.DataEntities"
ACROSS = {"cross-company": "true"}
ORDER_HEADERS = tuple(f"SalesOrderHeaders{version}" for version in ("V4", "V3", "V2"))
ORDER_LINES = ("SalesOrderLinesV3", "SalesOrderLines")
INVOICES = ("SalesInvoiceHeadersV4", "SalesInvoiceHeadersV2")


class Client:
    """Raw JSON in, raw JSON out, for one legal entity of one environment.

    Without ``cross-company=true`` the environment only shows the service user's own company, and
    another one looks empty (Microsoft, "Open Data Protocol (OData)"): so it is on every call.
    """

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self.environment = environment_of(values["environment_url"])
        self.company_id = values.get("legal_entity", "").strip().lower()
        self.timeout = float(values.get("request_timeout_seconds") or 120)
        self.tokens = EntraTokens(
            kit=kit,
            authority=values["authority"],
            tenant_id=values["tenant_id"],
            client_id=values["client_id"],
            secret=values["client_secret"],
            scope=f"{self.environment}/.default",
        )
        self._name = kit.name
        self._order_entity = values.get("order_entity") or "auto"
        self._collections: frozenset[str] = frozenset()
        self._budget = kit.budget(
            Limits(
                in_flight=int(values.get("requests_in_flight") or 4),
                longest_call_seconds=self.timeout + 10,
            )
        )
        self.http = Http(
            base_url=f"{self.environment}/data",
            kit=kit,
            budget=self._budget,
            read_error=read_error,
            read_limits=self._note_throttling,
            auth=EntraAuth(self.tokens),
            headers={
                "Accept": "application/json;odata.metadata=minimal",
                "OData-Version": "4.0",
                "OData-MaxVersion": "4.0",
            },
            timeouts=Timeouts(5, self.timeout),
            secrets=(values["client_secret"],),
        )

    def _note_throttling(self, reply: Reply) -> None:
        """Retry-After is often missing, and calling on makes the wait longer: everybody pauses."""
        if reply.status == 429:
            pause = reply.retry_after(default=THROTTLED_SECONDS)
            self._budget.refused(pause.total_seconds() if pause else THROTTLED_SECONDS)

    def request(self, method: str, path: str, **more: Any) -> Reply:
        """One request; a refused token is thrown away once. A 401 means that nothing was done, so
        even a write may be sent again."""
        token = self.tokens.get()
        headers = {**more.pop("headers", {}), "x-ms-client-request-id": str(uuid4())}
        try:
            return self.http.request(method, path, headers=headers, **more)
        except NeedsAttention as error:
            if error.code != "not_registered":
                raise
            self.tokens.discard(token)
            return self.http.request(method, path, headers=headers, **more)

    @property
    def company(self) -> str:
        """The legal entity. Raises NeedsAttention while none is chosen."""
        if not self.company_id:
            raise NeedsAttention(
                "no legal entity",
                reason="No legal entity is chosen for this connection.",
                advice="Ping the connection and choose the legal entity in its settings.",
                code="company_missing",
            )
        return self.company_id

    def collections(self, *, fresh: bool = False) -> frozenset[str]:
        """What the service root offers; asked once."""
        if fresh or not self._collections:
            reply = self.request("GET", "", purpose="see which data entities are offered")
            self._collections = frozenset(str(row.get("name", "")) for row in odata.rows(reply))
        return self._collections

    def newest(self, names: Sequence[str]) -> str:
        """The first of these that the environment offers. Raises NeedsAttention."""
        offered = self.collections()
        for name in names:
            if name in offered:
                return name
        raise NeedsAttention(
            f"none of {', '.join(names)}",
            reason=f"The environment offers none of the data entities {', '.join(names)}.",
            advice="Check the environment's version; choose the sales order entity by hand in the "
            "connection's settings.",
            code="settings",
        )

    @property
    def order_headers(self) -> str:
        if self._order_entity != "auto":
            return f"SalesOrderHeaders{self._order_entity}"
        return self.newest(ORDER_HEADERS)

    def find(
        self,
        collection: str,
        condition: str = "",
        *,
        purpose: str,
        select: Iterable[str] = (),
        top: int = 0,
        shared: bool = False,
    ) -> list[Json]:
        """Every row that passes the filter, all pages. ``shared`` entities have no company."""
        terms = [] if shared else [f"dataAreaId eq {odata.literal(self.company)}"]
        if condition:
            terms.append(f"({condition})" if terms else condition)
        params = dict(ACROSS)
        if terms:
            params["$filter"] = " and ".join(terms)
        if chosen := list(select):
            params["$select"] = ",".join(chosen if shared else ["dataAreaId", *chosen])
        if top:
            params["$top"] = str(top)
        found: list[Json] = []
        for page in self._pages(collection, params, purpose):
            found += page
        if shared:
            return found
        return [row for row in found if str(row.get("dataAreaId", "")).lower() == self.company]

    def _pages(self, path: str, params: Mapping[str, str], purpose: str) -> Iterator[list[Json]]:
        def fetch(where: str, query: Mapping[str, str] | None) -> Reply:
            return self.request("GET", where, params=query, purpose=purpose)

        yield from odata.pages(fetch, path, params)

    def get(
        self, collection: str, key: Mapping[str, Any], *, purpose: str, select: Iterable[str] = ()
    ) -> Json | None:
        """One record by key; None if there is none."""
        params = dict(ACROSS)
        if chosen := list(select):
            params["$select"] = ",".join(chosen)
        try:
            reply = self.request("GET", self.path(collection, key), params=params, purpose=purpose)
        except Rejected as error:
            if error.code == NOT_FOUND:
                return None
            raise
        return _object(reply)

    def create(
        self, collection: str, body: Json, *, purpose: str, begin_by: float | None = None
    ) -> Json:
        """The new record, as the environment completed it. ``begin_by``: see ``Http.request``."""
        reply = self.request(
            "POST",
            collection,
            params=ACROSS,
            body={"dataAreaId": self.company, **body},
            purpose=purpose,
            begin_by=begin_by,
        )
        try:
            return _object(reply)
        except UnexpectedShape as error:
            raise self._unreadable(reply, error) from error

    def _unreadable(self, reply: Reply, error: UnexpectedShape) -> OutcomeUnknown:
        """Accepted, and the answer is damaged: what was made must be looked for."""
        unknown = OutcomeUnknown(f"{reply.where}: {reply.status}, {error}")
        unknown.source = self._name
        return unknown

    def create_together(
        self,
        collection: str,
        bodies: Sequence[Json],
        *,
        purpose: str,
        begin_by: float | None = None,
    ) -> None:
        """Create all of them or none, in one transaction. Raises what the one that failed means,
        though the outer answer is 200."""
        boundary = uuid4().hex
        url = f"{self.http.base_url}/{collection}?cross-company=true"
        company = {"dataAreaId": self.company}
        reply = self.request(
            "POST",
            "$batch",
            content=batch.changeset(url, [{**company, **body} for body in bodies], boundary),
            headers={
                "Content-Type": f"multipart/mixed; boundary=batch_{boundary}",
                "Accept": "multipart/mixed",
            },
            purpose=purpose,
            begin_by=begin_by,
        )
        try:
            parts = batch.answers(reply)
        except UnexpectedShape as error:
            raise self._unreadable(reply, error) from error
        for part in parts:
            if not part.ok:
                refused = read_error("POST", f"/{collection}", part)
                refused.source = self._name
                raise refused
        if len(parts) != len(bodies):
            raise self._unreadable(
                reply, UnexpectedShape(reply.where, f"holds {len(parts)} of {len(bodies)} parts")
            )

    def delete(self, collection: str, key: Mapping[str, Any], *, purpose: str) -> None:
        """Deleting what is not there is no trouble."""
        try:
            self.request("DELETE", self.path(collection, key), params=ACROSS, purpose=purpose)
        except Rejected as error:
            if error.code != NOT_FOUND:
                raise

    def action(self, collection: str, name: str, body: Json, *, purpose: str) -> Json:
        reply = self.request(
            "POST", f"{collection}/{NAMESPACE}.{name}", body=dict(body), purpose=purpose
        )
        return _object(reply)

    def path(self, collection: str, key: Mapping[str, Any]) -> str:
        """``Collection(dataAreaId='usmf',Key='..')``; numbers are not quoted."""
        whole = {"dataAreaId": self.company, **key}
        return f"{collection}({','.join(f'{n}={_key_literal(v)}' for n, v in whole.items())})"


def _key_literal(value: Any) -> str:
    if isinstance(value, int | Decimal):
        return str(value)
    return "'" + quote(str(value).replace("'", "''"), safe="") + "'"


def _object(reply: Reply) -> Json:
    body = reply.json()
    if not isinstance(body, Mapping):
        raise UnexpectedShape(reply.where, "is not an object")
    return body


def equal(row: Json, name: str, wanted: str) -> bool:
    """Whether a column has this text: ``eq`` reads ``*`` as any letters, so every hit is looked at
    again. Case does not count there either."""
    return str(row.get(name, "")).casefold() == wanted.casefold()


def chunks(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), most):
        yield values[start : start + most]
