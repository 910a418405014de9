"""Service Based Architecture over REST: addresses, envelopes, pages.

The addresses follow Microsoft's installation guide; bodies, filters and paging are not documented,
so answers are read tolerantly: wrapped or bare, in any case, blank-padded, with an error inside a
successful answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.erps.gp.errors import EXISTS, NOT_FOUND, NOT_OFFERED, Trouble, refusal
from connectors.erps.gp.service import (
    ADDRESSES,
    CUSTOMERS,
    INTERNET_ADDRESSES,
    SETUP,
    CompanyRow,
    Json,
    ServicePage,
)
from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import Kit
from connectors.kit.http import SAFE_METHODS, Http, Reply, Timeouts
from connectors.kit.reader import Reader
from connectors.kit.throttle import Limits
from connectors.kit.windows_auth import WindowsSignIn

PAGE = 500
MOST_PAGES = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer without its envelope. ``following`` is the offset of the next page, "" at the end,
    None where the server does not say."""

    status: int
    payload: Any
    troubles: tuple[Trouble, ...]
    following: str | None


class SbaService:
    """One company behind ``/GPService``."""

    uses_iso_currencies = False

    def __init__(self, values: Mapping[str, str], kit: Kit) -> None:
        self.company = values.get("company", "")
        self._root = f"/GPService/Tenants({_key(values['tenant'])})"
        timeout = float(values.get("request_timeout_seconds") or 60)
        self.http = Http(
            base_url=values["base_url"],
            kit=kit,
            budget=kit.budget(
                Limits(
                    in_flight=int(values.get("requests_in_flight") or 2),
                    longest_call_seconds=timeout + 10,
                )
            ),
            read_error=read_error,
            headers={"Accept": "application/json"},
            timeouts=Timeouts(10, timeout),
            secrets=(values["password"],),
            authority=values.get("authority", ""),
            windows=WindowsSignIn(
                user=values["user"],
                domain=values.get("domain", ""),
                password=values["password"],
                path=f"{self._root}/help",
            ),
        )

    def reach(self) -> None:
        self.http.request(
            "GET",
            f"{self._root}/help",
            headers={"Accept": "*/*"},
            purpose="see what the server offers",
        )

    def companies(self) -> list[CompanyRow]:
        answer = self._read(f"{self._root}/Companies", "list companies")
        if not isinstance(answer.payload, list):
            raise UnexpectedShape("Companies", "is not a list")
        found = []
        for row in answer.payload:
            read = Reader(row, "Company")
            found.append(
                CompanyRow(
                    read.text("CompanyId", ""),
                    read.text("DatabaseId", ""),
                    read.text("CompanyName", ""),
                )
            )
        return found

    def segment_of(self, row: CompanyRow) -> str:
        """By database name where that works, by display name otherwise: deployments differ, so it
        is tried."""
        for segment in (row.database, row.name):
            if not segment:
                continue
            path = f"{self._root}/Companies({_key(segment)})/{SETUP}"
            try:
                self._read(path, "see how the company is named")
            except NeedsAttention as error:
                if error.code != "company_missing":
                    return segment
                continue
            except Rejected:
                pass
            return segment
        return row.database or row.name

    def find(self, resource: str, *keys: str, purpose: str) -> Json | None:
        path = self._path(resource)
        if keys:
            path += f"({';'.join(_key(key) for key in keys)})"
        try:
            answer = self._read(path, purpose)
        except Rejected as error:
            if error.code == NOT_FOUND:
                return None
            raise
        if not answer.payload:
            return None
        if not isinstance(answer.payload, Mapping):
            raise UnexpectedShape(resource, "is not an object")
        return answer.payload

    def rows(self, resource: str, *, purpose: str, **filters: str) -> list[Json]:
        found: list[Json] = []
        offset = 0
        before: list[Json] = []
        for _ in range(MOST_PAGES):
            page = self.page(resource, offset=offset, purpose=purpose, **filters)
            if page.rows and page.rows == before:
                raise UnexpectedShape(resource, "sends the same page again")
            found += page.rows
            if page.following is None:
                return found
            if page.following <= offset:
                raise UnexpectedShape(f"{resource}.Next", "does not lead on")
            before, offset = page.rows, page.following
        raise UnexpectedShape(resource, f"has more than {MOST_PAGES} pages")

    def page(self, resource: str, *, offset: int, purpose: str, **filters: str) -> ServicePage:
        """A server that does not say where the next page begins ends with a short one."""
        query = {**filters, "limit": str(PAGE), "offset": str(offset)}
        answer = self._read(self._path(resource), purpose, query)
        rows = answer.payload
        if not isinstance(rows, list):
            raise UnexpectedShape(resource, "is not a list")
        if not rows or answer.following == "":
            return ServicePage(rows, None)
        if answer.following is None:
            return ServicePage(rows, offset + len(rows) if len(rows) >= PAGE else None)
        if not answer.following.isdecimal():
            raise UnexpectedShape(f"{resource}.Next", "is not a number")
        return ServicePage(rows, int(answer.following))

    def sample(self, resource: str, *, purpose: str) -> None:
        self._read(self._path(resource), purpose, {"limit": "1"})

    def create(
        self, resource: str, values: Json, *, purpose: str, begin_by: float | None = None
    ) -> None:
        reply = self.http.request(
            "POST",
            self._path(resource),
            body={"Payload": values},
            purpose=purpose,
            begin_by=begin_by,
        )
        try:
            answer = answer_of(reply)
        except UnexpectedShape as error:
            raise OutcomeUnknown(f"{reply.where}: {reply.status}, unreadable") from error
        if answer.troubles:
            raise refusal("POST", reply.where, answer.status, answer.troubles)

    def create_customer(
        self,
        card: Json,
        *,
        ship_to: Json | None,
        internet: Json | None,
        card_exists: bool,
        begin_by: float,
    ) -> None:
        if not card_exists:
            self.create(CUSTOMERS, card, purpose="create the customer", begin_by=begin_by)
        for resource, values, purpose in (
            (ADDRESSES, ship_to, "create the shipping address"),
            (INTERNET_ADDRESSES, internet, "keep the e-mail address"),
        ):
            if values is None:
                continue
            try:
                self.create(resource, values, purpose=purpose, begin_by=begin_by)
            except Rejected as error:
                if error.code not in (EXISTS, NOT_OFFERED):
                    raise

    def request_of(self, resource: str, values: Json) -> dict[str, Any]:
        return {"method": "POST", "path": self._path(resource), "body": {"Payload": dict(values)}}

    def _read(self, path: str, purpose: str, params: Mapping[str, str] | None = None) -> Answer:
        reply = self.http.request("GET", path, params=params, purpose=purpose)
        answer = answer_of(reply)
        if answer.troubles:
            raise refusal("GET", reply.where, answer.status, answer.troubles)
        return answer

    def _path(self, resource: str) -> str:
        """A resource of the company. Raises NeedsAttention while none is chosen."""
        if not self.company:
            raise NeedsAttention(
                "no company",
                reason="No company is chosen for this connection.",
                advice="Ping the connection and choose the company in its settings.",
                code="company_missing",
            )
        return f"{self._root}/Companies({_key(self.company)})/{resource}"


def _key(text: str) -> str:
    """One part of a key: everything encoded, since semicolons and parentheses have a meaning."""
    return quote(text, safe="")


def answer_of(reply: Reply) -> Answer:
    """Take the envelope off. Raises UnexpectedShape for a body that is not JSON."""
    body = stripped(reply.json())
    if not isinstance(body, Mapping):
        return Answer(reply.status, body, (), None)
    parts = {str(name).lower(): value for name, value in body.items()}
    status = parts.get("status")
    if "payload" not in parts or not ("status" not in parts or isinstance(status, Mapping)):
        return Answer(reply.status, body, (), None)
    inner = {str(k).lower(): v for k, v in status.items()} if isinstance(status, Mapping) else {}
    code = inner.get("code")
    number = code if isinstance(code, int) else reply.status
    following = None if "next" not in parts else str(parts["next"] or "")
    trace = inner.get("trace")
    troubles = tuple(_troubles(trace if isinstance(trace, list) else []))
    return Answer(number, parts["payload"], troubles, following)


def _troubles(trace: list[Any]) -> list[Trouble]:
    found = []
    for row in trace:
        if not isinstance(row, Mapping):
            continue
        parts = {str(name).lower(): value for name, value in row.items()}
        if str(parts.get("level", "error")).lower() != "error":
            continue
        number = str(parts.get("number") or "")
        found.append(
            Trouble(
                int(number) if number.isdecimal() else 0,
                str(parts.get("field") or ""),
                str(parts.get("message") or ""),
            )
        )
    return found


def stripped(value: Any) -> Any:
    """Without the blanks with which CHAR columns are filled up."""
    if isinstance(value, str):
        return value.rstrip()
    if isinstance(value, list):
        return [stripped(item) for item in value]
    if isinstance(value, Mapping):
        return {name: stripped(item) for name, item in value.items()}
    return value


def read_error(method: str, path: str, reply: Reply) -> ConnectorError:
    """The ConnectorError for an unsuccessful answer."""
    try:
        answer = answer_of(reply)
    except UnexpectedShape:
        begins = reply.content.lstrip()[:1]
        if begins in (b"{", b"[") and method in SAFE_METHODS:
            return TryLater(
                f"{method} {path}: {reply.status}, broken off",
                reason="The server's answer broke off.",
            )
        words = "" if begins == b"<" else reply.text[:200]
        troubles = (Trouble(0, "", words),) if words else ()
        error = refusal(method, path, reply.status, troubles, readable=begins in (b"", b"{", b"["))
    else:
        error = refusal(method, path, reply.status, answer.troubles)
    asked = reply.retry_after()
    if asked is not None and error.retry_after is None:
        error.retry_after = asked
    return error
