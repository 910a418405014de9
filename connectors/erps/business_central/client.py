"""Business Central over HTTP: addresses, sign-in, language, and one fresh token after a 401."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.erps.business_central.errors import read_error
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, UnexpectedShape
from connectors.kit import Kit, odata
from connectors.kit.http import Http, Reply, Timeouts
from connectors.kit.throttle import Limits
from connectors.kit.tokens import EntraAuth, EntraTokens

Json = Mapping[str, Any]
# Online: 6,000 in five minutes for each application. A little is left to people's own tools.
# The window slides, so that a burst is taken from what flows afterwards.
LIMITS_PER_5_MINUTES = 5_900
BURST = 300
WINDOW_SECONDS = 300.0


class Client:
    """Raw JSON in, raw JSON out, for one company of one environment."""

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        api = values["api_url"].rstrip("/")
        self.company_id = values.get("company_id", "")
        self.timeout = float(values.get("request_timeout_seconds") or 60)
        parts = urlsplit(values.get("scope_url") or "https://api.businesscentral.dynamics.com")
        self.tokens = EntraTokens(
            kit=kit,
            authority=values["authority"],
            tenant_id=values["tenant_id"],
            client_id=values["client_id"],
            secret=values["client_secret"],
            scope=f"{parts.scheme}://{parts.netloc}/.default",
        )
        in_flight = int(values.get("requests_in_flight") or 4)
        self.http = Http(
            base_url=f"{api}/v2.0/{quote(values['tenant_id'])}/{quote(values['environment'])}/api/v2.0",
            kit=kit,
            budget=kit.budget(
                Limits(
                    calls=LIMITS_PER_5_MINUTES,
                    seconds=WINDOW_SECONDS,
                    burst=BURST,
                    in_flight=in_flight,
                    longest_call_seconds=self.timeout + 10,
                )
            ),
            read_error=read_error,
            auth=EntraAuth(self.tokens),
            headers={"Accept": "application/json", "Accept-Language": "en-US"},
            timeouts=Timeouts(5, self.timeout),
            secrets=(values["client_secret"],),
        )

    def request(self, method: str, path: str, **more: Any) -> Reply:
        """One request; a refused token is thrown away once. A 401 means that nothing was done, so
        even a write may be sent again."""
        token = self.tokens.get()
        try:
            return self.http.request(method, path, **more)
        except NeedsAttention as error:
            if error.code != "not_registered":
                raise
            self.tokens.discard(token)
            return self.http.request(method, path, **more)

    def company(self, path: str) -> str:
        """A path below the company. Raises NeedsAttention while none is chosen."""
        if not self.company_id:
            raise NeedsAttention(
                "no company",
                reason="No company is chosen for this connection.",
                advice="Ping the connection and choose the company in its settings.",
                code="company_missing",
            )
        return f"/companies({self.company_id})/{path}"

    def companies(self) -> list[Json]:
        reply = self.request("GET", "/companies", purpose="list companies")
        return list(odata.rows(reply))

    def find(
        self, entity: str, filter_text: str, *, purpose: str, expand: str = "", top: int = 0
    ) -> list[Json]:
        """Every row of an entity that passes the filter, all pages."""
        params = {"$filter": filter_text}
        if expand:
            params["$expand"] = expand
        if top:
            params["$top"] = str(top)
        found: list[Json] = []
        for page in self._pages(self.company(entity), params, purpose):
            found += page
        return found

    def rows(self, entity: str, *, purpose: str, **params: str) -> list[Json]:
        named = {f"${name}": value for name, value in params.items()}
        return [row for page in self._pages(self.company(entity), named, purpose) for row in page]

    def _pages(self, path: str, params: Mapping[str, str], purpose: str) -> Iterator[list[Json]]:
        def fetch(where: str, query: Mapping[str, str] | None) -> Reply:
            return self.request("GET", where, params=query, purpose=purpose)

        yield from odata.pages(fetch, path, params)

    def get(self, entity: str, entity_id: str, *, purpose: str, expand: str = "") -> Json | None:
        """One record by id; None if there is none."""
        try:
            reply = self.request(
                "GET",
                self.company(f"{entity}({entity_id})"),
                params={"$expand": expand} if expand else None,
                purpose=purpose,
            )
        except Rejected as error:
            if error.code == "not_found":
                return None
            raise
        return dict(reply.json())

    def create(
        self, entity: str, body: Json, *, purpose: str, begin_by: float | None = None
    ) -> Json:
        """The new record. An answer that cannot be read, or that is not of a record, leaves open
        what was made: it raises OutcomeUnknown. ``begin_by``: see ``Http.request``."""
        reply = self.request(
            "POST", self.company(entity), body=body, purpose=purpose, begin_by=begin_by
        )
        try:
            made = reply.json()
        except UnexpectedShape as error:
            raise OutcomeUnknown(f"{reply.where}: {reply.status}, {error}") from error
        if not isinstance(made, Mapping) or not made:
            raise OutcomeUnknown(f"{reply.where}: {reply.status}, is not a record")
        return made

    def change(self, entity: str, entity_id: str, body: Json, *, etag: str, purpose: str) -> None:
        """Set properties of a record as it was read. Raises TryLater with the code ``changed`` if
        somebody else has written it since."""
        self.request(
            "PATCH",
            self.company(f"{entity}({entity_id})"),
            body=body,
            headers={"If-Match": etag},
            purpose=purpose,
        )

    def act(self, entity: str, entity_id: str, action: str, *, purpose: str) -> None:
        self.request(
            "POST", self.company(f"{entity}({entity_id})/Microsoft.NAV.{action}"), purpose=purpose
        )

    def delete(self, entity: str, entity_id: str, *, purpose: str) -> None:
        self.request(
            "DELETE",
            self.company(f"{entity}({entity_id})"),
            headers={"If-Match": "*"},
            purpose=purpose,
        )


def chunks(values: Iterable[str], most: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for value in values:
        batch.append(value)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch
