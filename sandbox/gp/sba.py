"""Service Based Architecture over HTTP: addresses, security, filters, verbs, posting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from sandbox.common import jsonio
from sandbox.common.jsonio import Json
from sandbox.gp import batches, receivables, wire
from sandbox.gp.company import Company, Row
from sandbox.gp.resources import BY_PATH, COMPANY, RESOURCES, Resource
from sandbox.gp.server import Server
from sandbox.gp.values import shown
from sandbox.gp.wire import Refusal, Step, envelope, refused, trace_of

PAGE, LARGEST_PAGE = 100, 500
POST_ACTION = "gp-custom-action"


class Service:
    """The GP service below ``/GPService``."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def serve(self, request: Request) -> Response:
        try:
            body = await self._body(request) if request.method in ("POST", "PATCH") else {}
            return self._answer(request, body)
        except Refusal as refusal:
            if self.server.state["errors_in_200"] and refusal.status not in (401, 404):
                status = envelope(refusal.status, None, [trace_of(refusal)])
                return Json(status, status_code=200)
            return refused(refusal)

    async def _body(self, request: Request) -> Row:
        """What is in ``Payload``. An action on an existing record may come without a body."""
        raw = await request.body()
        if not raw.strip() and POST_ACTION in request.headers:
            return {}
        if "application/json" not in request.headers.get("content-type", ""):
            raise Refusal(415, wire.NO_PAYLOAD, "", "The content type must be application/json.")
        try:
            body = jsonio.loads(raw)
        except ValueError as problem:
            raise Refusal(400, wire.NO_PAYLOAD, "", "The body is not valid JSON.") from problem
        if not isinstance(body, dict) or list(body) != ["Payload"]:
            raise Refusal(400, wire.NO_PAYLOAD, "Payload", "The body must be a Payload.")
        if not isinstance(body["Payload"], dict):
            raise Refusal(400, wire.NO_PAYLOAD, "Payload", "The Payload must be an object.")
        return body["Payload"]

    def _answer(self, request: Request, body: Row) -> Response:
        steps = wire.steps(request.scope["raw_path"].decode("ascii"))[1:]
        if not steps or steps[0].name.lower() != "tenants":
            raise Refusal(404, wire.NO_RESOURCE, "", "There is no such resource.")
        if steps[0].only().lower() != self.server.tenant.lower():
            raise Refusal(404, wire.NO_TENANT, "Tenant", "The tenant does not exist.")
        rest = steps[1:]
        user = request.scope["sandbox.user"]
        if [step.name.lower() for step in rest] == ["help"]:
            return self._reply(200, self._help())
        if not rest or rest[0].name.lower() != "companies":
            raise Refusal(404, wire.NO_RESOURCE, "", "There is no such resource.")
        if len(rest) == 1:
            return self._companies(request, user, rest[0])
        company = self._company(rest[0].only())
        self.server.check_company(user, company)
        resource, keys = self._resource(rest[1:])
        self.server.check_window(user, resource.window)
        verb = request.method
        if self.server.version < resource.verbs.get(verb, 9999):
            raise Refusal(405, wire.NO_VERB, "", f"{verb} is not offered on {resource.path}.")
        handler: Callable[..., Response] = getattr(self, f"_{verb.lower()}")
        return handler(request, company, resource, keys, body)

    def _company(self, segment: str) -> Company:
        company = self.server.match_company(segment)
        if company is None:
            raise Refusal(404, wire.NO_COMPANY, "Company", "The company does not exist.")
        return company

    def _resource(self, steps: list[Step]) -> tuple[Resource, tuple[str, ...] | None]:
        path = "/".join(step.name for step in steps).lower()
        resource = BY_PATH.get(path)
        if resource is None or any(step.keys is not None for step in steps[:-1]):
            raise Refusal(404, wire.NO_RESOURCE, "", f"There is no resource {path}.")
        if self.server.version < min(resource.verbs.values()):
            raise Refusal(404, wire.NO_RESOURCE, "", f"There is no resource {path}.")
        keys = steps[-1].keys
        if keys is not None and len(keys) != len(resource.keys):
            names = ";".join(resource.keys)
            raise Refusal(400, wire.MALFORMED, names, f"The key has the parts {names}.")
        return resource, keys

    def _help(self) -> list[Row]:
        """Not a vendor's format: what this server has, for people and for onboarding."""
        return [
            {
                "Uri": f"Companies({{company}})/{resource.path}"
                + (f"({{{'};{'.join(resource.keys)}}})" if resource.keys else ""),
                "Verbs": [v for v, since in resource.verbs.items() if since <= self.server.version],
                "Filters": [*resource.filters, "offset", "limit"],
                "Fields": {name: field.described() for name, field in resource.fields.items()},
            }
            for resource in RESOURCES
            if min(resource.verbs.values()) <= self.server.version
        ]

    def _companies(self, request: Request, user: str, step: Step) -> Response:
        if request.method != "GET":
            raise Refusal(405, wire.NO_VERB, "", f"{request.method} is not offered on Companies.")
        if step.keys is not None:
            company = self._company(step.only())
            self.server.check_company(user, company)
            return self._reply(200, self._shown(COMPANY, company.card()))
        cards = [
            self._shown(COMPANY, company.card())
            for company in self.server.companies
            if self.server.may_enter(user, company)
        ]
        return self._reply(200, cards, Next=None)

    # Verbs

    def _get(
        self,
        request: Request,
        company: Company,
        resource: Resource,
        keys: tuple[str, ...] | None,
        body: Row,
    ) -> Response:
        if resource.singleton:
            return self._reply(200, self._shown(resource.fields, company.setup_row()))
        if keys is not None:
            row = self._found(company, resource, keys)
            return self._reply(200, self._row(company, resource, row))
        return self._list(request, company, resource)

    def _post(
        self,
        request: Request,
        company: Company,
        resource: Resource,
        keys: tuple[str, ...] | None,
        body: Row,
    ) -> Response:
        if action := request.headers.get(POST_ACTION):
            return self._act(company, resource, keys, action)
        body = self._with_keys(resource, keys, body)
        match resource.table:
            case "customers":
                row = company.create_customer(body)
            case "addresses" | "internet_addresses":
                row = company.write_address(resource.table, body, create=True)
            case "batches":
                row = batches.create(company, body)
            case _:
                row = receivables.create(company, body)
        return self._reply(201, self._row(company, resource, row))

    def _patch(
        self,
        request: Request,
        company: Company,
        resource: Resource,
        keys: tuple[str, ...] | None,
        body: Row,
    ) -> Response:
        if keys is None:
            raise Refusal(405, wire.NO_VERB, "", "A key is needed to change a record.")
        row = self._found(company, resource, keys)
        if resource.table == "customers":
            row = company.change_customer(row, body)
        else:
            body = self._with_keys(resource, keys, body)
            row = company.write_address(resource.table, body, create=False)
        return self._reply(200, self._row(company, resource, row))

    def _act(
        self, company: Company, resource: Resource, keys: tuple[str, ...] | None, action: str
    ) -> Response:
        """Posting, of a batch or of one document. A connector never asks for it."""
        if action.upper() != "POST" or keys is None:
            raise Refusal(400, wire.NO_VERB, "GP-Custom-Action", "There is no such action.")
        row = self._found(company, resource, keys)
        if resource.table == "batches":
            journal = batches.post(company, row["BatchSource"], row["BatchId"])
            return self._reply(200, journal)
        if resource.table == "documents":
            batches.post_document(company, row)
            return self._reply(200, self._row(company, resource, row))
        raise Refusal(405, wire.NO_VERB, "GP-Custom-Action", "There is nothing to post here.")

    # Parts

    @staticmethod
    def _with_keys(resource: Resource, keys: tuple[str, ...] | None, body: Row) -> Row:
        """The key of the address counts as given in the payload; they must agree."""
        if keys is None:
            return body
        filled = dict(body)
        for name, part in zip(resource.keys, keys, strict=True):
            number = resource.fields[name].kind == "integer" and part.isdecimal()
            given = filled.setdefault(name, int(part) if number else part)
            if str(given).strip().upper() != part.strip().upper():
                raise Refusal(400, wire.MALFORMED, name, f"{name} is not the address's own.")
        return filled

    @staticmethod
    def _found(company: Company, resource: Resource, keys: tuple[str, ...]) -> Row:
        row = company.get(resource.table, *keys)
        if row is None:
            raise Refusal(404, wire.NO_RECORD, resource.keys[-1], "The record does not exist.")
        return row

    def _row(self, company: Company, resource: Resource, row: Row) -> Row:
        if resource.table == "batches":
            row = batches.counted(company, row)
        out = self._shown(resource.fields, row)
        for name in ("ModifiedDate", "CreatedDate"):
            if name in out:
                out[name] = f"{out[name]}T00:00:00"
        return out

    def _shown(self, fields: dict[str, Any], row: Row) -> Row:
        return shown(fields, row, padded=self.server.state["padded"])

    def _list(self, request: Request, company: Company, resource: Resource) -> Response:
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        start, size = self._number(query, "offset", 0), self._number(query, "limit", PAGE)
        for name in query:
            self._check_filter(resource, name)
        first = resource.keys[0] if resource.keys else ""
        if set(query) == {first} and len(resource.keys) > 1:
            rows = company.below(resource.table, query[first])
        else:
            rows = company.selected(
                resource.table, tuple(sorted(query.items())), self._passes(company, query)
            )
        size = min(size, LARGEST_PAGE)
        page = [self._row(company, resource, row) for row in rows[start : start + size]]
        following = str(start + size) if start + size < len(rows) else None
        return self._reply(200, page, Next=following)

    @staticmethod
    def _number(query: dict[str, str], name: str, otherwise: int) -> int:
        text = query.pop(name, str(otherwise))
        if not text.isdecimal() or (name == "limit" and int(text) == 0):
            raise Refusal(400, wire.BAD_FILTER, name, f"{name} must be a number.")
        return int(text)

    @staticmethod
    def _check_filter(resource: Resource, name: str) -> None:
        if name not in resource.filters:
            raise Refusal(
                400, wire.BAD_FILTER, name, f"The filter {name} is not known on {resource.path}."
            )

    def _passes(self, company: Company, query: dict[str, str]) -> Callable[[Row], bool]:
        for name, value in query.items():
            if "." in name:
                _instant(name, value)  # refused even if there is no row to compare
        return lambda row: all(self._fits(company, *pair, row) for pair in query.items())

    @staticmethod
    def _fits(company: Company, name: str, value: str, row: Row) -> bool:
        field, _, operator = name.partition(".")
        if operator:
            changed = company.midnight(row["ModifiedDate"])
            wanted = _instant(name, value)
            return changed >= wanted if operator == "ge" else changed < wanted
        return str(row.get(field, "")).rstrip().upper() == value.rstrip().upper()

    def _reply(self, status: int, payload: Any, **more: Any) -> Response:
        """Also in the shapes that other versions may have: lower case, or without an envelope."""
        form = self.server.state["envelope"]
        if form == "bare":
            return Json(payload, status_code=status)
        body = envelope(status, payload, [], **more)
        if form == "lower":
            body = {name.lower(): value for name, value in body.items()}
        return Json(body, status_code=status)


def _instant(name: str, value: str) -> datetime:
    """UTC with a time; a day alone is refused."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError as problem:
        raise Refusal(400, wire.BAD_FILTER, name, f"{name} is not an instant.") from problem
    if "T" not in value or found.utcoffset() is None or found.utcoffset():
        raise Refusal(400, wire.BAD_FILTER, name, f"{name} must be UTC and carry a time.")
    return found.astimezone(UTC)
