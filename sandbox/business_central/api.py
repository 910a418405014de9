"""API v2.0 over HTTP: addresses, sign-in, throttling, OData answers and errors."""

from __future__ import annotations

import base64
import re
import uuid
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.business_central import listing
from sandbox.business_central.company import Company
from sandbox.business_central.entities import DOCUMENTS, ENTITIES, escaped
from sandbox.business_central.listing import PAGE
from sandbox.business_central.odata import BadRequest, expand_names
from sandbox.business_central.subscriptions import Subscriptions
from sandbox.business_central.user_limits import QueuedTooLong, Throttled, UserLimits
from sandbox.common import jsonio
from sandbox.common.clock import Clock
from sandbox.common.jsonio import Json
from sandbox.entra import Entra

READABLE = (
    "customers", "items", "taxAreas", "paymentTerms", "shipmentMethods", "locations", "currencies",
    "accounts", "generalLedgerSetup", "salesInvoices", "salesOrders", "salesInvoiceLines",
    "salesOrderLines", "salesCreditMemos", "salesCreditMemoLines", "itemLedgerEntries",
)  # fmt: skip
_STEP = re.compile(r"^(?P<name>[A-Za-z.]+)(?:\((?P<key>[^)]*)\))?$")
OPTIONS = {
    "$filter",
    "$select",
    "$top",
    "$skip",
    "$orderby",
    "$expand",
    "$count",
    "company",
    "$schemaversion",
    "$skiptoken",
}


class Environment:
    """An environment of a tenant: companies, the app's card, throttling."""

    def __init__(
        self,
        *,
        clock: Clock,
        entra: Entra,
        name: str,
        companies: list[Company],
        subscriptions: Subscriptions,
        rate: int,
    ) -> None:
        self.clock, self.entra, self.name = clock, entra, name
        self.companies = {company.id: company for company in companies}
        self.limits = UserLimits(clock, rate)
        self.subscriptions = subscriptions
        self.card = "enabled"  # enabled | read_only | no_permissions | not_registered
        self.escape_enums = True

    def app(self) -> Starlette:
        path = "/v2.0/{tenant}/{environment}/api/v2.0/{rest:path}"
        return Starlette(
            routes=[
                *self.entra.routes(),
                Route(path, self.serve, methods=["GET", "POST", "PATCH", "PUT", "DELETE"]),
            ]
        )

    async def serve(self, request: Request) -> Response:
        client = self.entra.client_of(request.headers.get("authorization", ""))
        if client is None or self.card == "not_registered":
            return error(
                401,
                "Authentication_InvalidCredentials",
                "The server has rejected the client credentials.",
            )
        params = request.path_params
        if params["tenant"].lower() != self.entra.tenant_id.lower():
            return error(
                401,
                "Authentication_InvalidCredentials",
                "The server has rejected the client credentials.",
            )
        if unquote(params["environment"]).lower() != self.name.lower():
            return error(
                404,
                "BadRequest_ResourceNotFound",
                f"Environment '{params['environment']}' was not found.",
            )
        try:
            async with self.limits.turn():
                return await self.answer(request, params["rest"])
        except Throttled:
            return error(429, "Unknown", "Too many requests.")
        except QueuedTooLong:
            return error(503, "Unknown", "The request waited in the queue for too long.")
        except BadRequest as refused:
            return error(refused.status, refused.code, refused.message)

    async def answer(self, request: Request, rest: str) -> Response:
        writes = request.method != "GET"
        if writes and self.card in ("read_only", "no_permissions"):
            raise BadRequest(
                "Authorization_RequestDenied",
                "You do not have the following permissions on TableData Customer: Insert.",
                403,
            )
        if not writes and self.card == "no_permissions" and rest.strip("/") != "companies":
            raise BadRequest(
                "Authorization_RequestDenied",
                "You do not have the following permissions on TableData Customer: Read.",
                403,
            )
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        for name in query:
            if name not in OPTIONS:
                raise BadRequest("BadRequest", f"The query parameter '{name}' is not supported.")
        steps = [self._step(part) for part in rest.strip("/").split("/") if part]
        if not steps:
            return Json({"value": [{"name": n, "kind": "EntitySet", "url": n} for n in ENTITIES]})
        if steps[0][0] == "subscriptions":
            return await self._subscription(request, steps[0][1])
        if steps[0][0] == "companies" and len(steps) == 1:
            return self._companies(steps[0][1])
        company = self._company(steps, query)
        if steps[0][0] == "companies":
            steps = steps[1:]
        return await self._entity(request, company, steps, query)

    def _step(self, part: str) -> tuple[str, str | None]:
        match = _STEP.match(part)
        if match is None:
            raise BadRequest(
                "BadRequest_NotFound", f"Bad request: the segment '{part}' is not valid.", 404
            )
        return match["name"], match["key"]

    async def _subscription(self, request: Request, key: str | None) -> Response:
        """Subscriptions live beside the companies; their key is a text in quotes."""
        held = self.subscriptions

        def shown(row: dict[str, Any]) -> dict[str, Any]:
            return {"@odata.etag": etag(row), **{k: v for k, v in row.items() if k[0] != "_"}}

        if key is None:
            if request.method == "GET":
                return Json({"value": [shown(row) for row in held.rows.values()]})
            return Json(shown(await held.create(await self._body(request))), status_code=201)
        if not (key.startswith("'") and key.endswith("'")):
            raise BadRequest("BadRequest_NotFound", "The key must be a text in quotes.", 404)
        row = held.get(key[1:-1])
        if request.method == "GET":
            return Json(shown(row))
        self._match(request, row)
        if request.method == "DELETE":
            held.delete(key[1:-1])
            return Response(status_code=204)
        return Json(shown(await held.renew(key[1:-1], await self._body(request))))

    def _companies(self, key: str | None) -> Response:
        rows = [
            {
                "id": company.id,
                "systemVersion": "29.0.0.0",
                "timestamp": 1,
                "name": company.name,
                "displayName": company.name,
                "businessProfileId": "",
                "systemCreatedAt": "2024-01-01T00:00:00Z",
                "systemModifiedAt": "2024-01-01T00:00:00Z",
            }
            for company in self.companies.values()
        ]
        if key is not None:
            row = next((r for r in rows if r["id"] == key.lower()), None)
            if row is None:
                raise BadRequest("Internal_CompanyNotFound", f"Cannot find company '{key}'.", 404)
            return Json(row)
        return Json({"@odata.context": "$metadata#companies", "value": rows})

    def _company(self, steps: list[tuple[str, str | None]], query: dict[str, str]) -> Company:
        key = steps[0][1] if steps[0][0] == "companies" else query.get("company")
        company = self.companies.get((key or "").lower())
        if company is None:
            company = next((c for c in self.companies.values() if c.name == key), None)
        if company is None:
            raise BadRequest("Internal_CompanyNotFound", f"Cannot find company '{key or ''}'.", 404)
        return company

    async def _entity(
        self,
        request: Request,
        company: Company,
        steps: list[tuple[str, str | None]],
        query: dict[str, str],
    ) -> Response:
        entity, key = steps[0]
        if entity not in READABLE or (
            entity == "generalLedgerSetup" and not company.state["ledger_setup_offered"]
        ):
            raise BadRequest(
                "BadRequest_ResourceNotFound",
                f"Resource not found for the segment '{entity}'.",
                404,
            )
        if key is None and len(steps) == 1:
            if request.method == "GET":
                return self._list(request, company, entity, query)
            if request.method == "POST":
                return await self._create(request, company, entity)
            raise BadRequest(
                "BadRequest_MethodNotAllowed",
                f"'{request.method}' requests for '{entity}' of EdmType 'Collection' are not allowed within Dynamics 365 Business Central OData web services.",
                405,
            )
        row = company.tables.get(entity, {}).get((key or "").lower())
        if row is None:
            raise BadRequest(
                "BadRequest_NotFound", f"Bad Request - the record {key} does not exist.", 404
            )
        if len(steps) == 2:
            return await self._below(request, company, entity, row, steps[1], query)
        if request.method == "GET":
            return Json(self._shown(entity, row, query))
        self._match(request, row)
        if request.method == "DELETE":
            if entity not in DOCUMENTS:
                raise BadRequest("BadRequest_MethodNotAllowed", "Delete is not allowed.", 405)
            company.delete_document(entity, row)
            return Response(status_code=204)
        body = await self._body(request)
        if entity in DOCUMENTS:
            company.change_document(entity, row, body)
        else:
            company.change_master(entity, row, body)
        return Json(self._shown(entity, row, query))

    async def _body(self, request: Request) -> dict[str, Any]:
        if "application/json" not in request.headers.get("content-type", ""):
            raise BadRequest("BadRequest", "A content type of application/json is needed.", 415)
        try:
            body = jsonio.loads(await request.body())
        except ValueError as problem:
            raise BadRequest("BadRequest", "The body is not valid JSON.") from problem
        if not isinstance(body, dict):
            raise BadRequest("BadRequest", "The body must be an object.")
        return body

    def _match(self, request: Request, row: dict[str, Any]) -> None:
        given = request.headers.get("if-match", "")
        if not given:
            raise BadRequest(
                "BadRequest_InvalidToken",
                "Could not validate the client concurrency token required by the service. Please "
                "provide a valid token in the client request.",
            )
        if given not in ("*", etag(row)):
            raise BadRequest(
                "Request_EntityChanged", "Another user has already changed the record.", 409
            )

    async def _create(self, request: Request, company: Company, entity: str) -> Response:
        body = await self._body(request)
        if entity == "customers":
            row = company.create_customer(body)
        elif entity in DOCUMENTS:
            row = company.create_document(entity, body)
        else:
            raise BadRequest(
                "BadRequest_MethodNotAllowed", f"Insert is not allowed on {entity}.", 405
            )
        return Json(self._shown(entity, row, {}), status_code=201)

    async def _below(
        self,
        request: Request,
        company: Company,
        entity: str,
        row: dict[str, Any],
        step: tuple[str, str | None],
        query: dict[str, str],
    ) -> Response:
        name, _ = step
        lines = DOCUMENTS.get(entity)
        if lines and name == lines:
            if request.method == "GET":
                return Json({"value": [self._shown(lines, line, {}) for line in row["_lines"]]})
            if request.method == "POST":
                line = company.add_line(entity, row, await self._body(request))
                return Json(self._shown(lines, line, {}), status_code=201)
        is_posting = name == "Microsoft.NAV.post" and entity in (
            "salesInvoices",
            "salesCreditMemos",
        )
        if is_posting and request.method == "POST":
            company.post(entity, row)
            return Response(status_code=204)
        is_order = entity == "salesOrders" and request.method == "POST"
        if name == "Microsoft.NAV.shipAndInvoice" and is_order:
            company.ship_and_invoice(row)
            return Response(status_code=204)
        raise BadRequest(
            "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.", 404
        )

    def _list(
        self, request: Request, company: Company, entity: str, query: dict[str, str]
    ) -> Response:
        if entity == "generalLedgerSetup":
            return Json({"value": [company.ledger_setup()]})
        if entity in DOCUMENTS.values():
            return self._lines(company, entity, query)
        found = listing.find(company, entity, query, self._page_size(request))
        body: dict[str, Any] = {"@odata.context": f"$metadata#companies({company.id})/{entity}"}
        if found.total is not None:
            body["@odata.count"] = found.total
        body["value"] = [self._shown(entity, row, query) for row in found.rows]
        if found.following:
            base = str(request.url).partition("?")[0]
            body["@odata.nextLink"] = listing.next_link(base, query, found.following)
        return Json(body)

    def _page_size(self, request: Request) -> int:
        match = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
        return min(int(match.group(1)), PAGE) if match else PAGE

    def _lines(self, company: Company, entity: str, query: dict[str, str]) -> Response:
        match = re.match(r"^documentId eq ([0-9a-fA-F-]{36})$", query.get("$filter", "").strip())
        if match is None:
            raise BadRequest(
                "Application_DialogException",
                "You must specify an Id or a Document Id to get the lines.",
            )
        header = next(name for name, lines in DOCUMENTS.items() if lines == entity)
        row = company.tables[header].get(match.group(1).lower())
        return Json(
            {"value": [self._shown(entity, line, {}) for line in (row or {"_lines": []})["_lines"]]}
        )

    def _shown(self, entity: str, row: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        wanted = [part.strip() for part in query.get("$select", "").split(",") if part.strip()]
        for name in wanted:
            if name not in ENTITIES[entity]:
                raise BadRequest("BadRequest", f"Could not find a property named '{name}'.")
        shown: dict[str, Any] = {"@odata.etag": etag(row)}
        for name, info in ENTITIES[entity].items():
            if name in row and (not wanted or name in wanted):
                value = row[name]
                if info.type == "enum" and self.escape_enums:
                    value = escaped(str(value))
                if isinstance(value, Decimal):
                    value = value.normalize() if value else Decimal(0)
                shown[name] = value
        lines = DOCUMENTS.get(entity)
        for name in expand_names(query.get("$expand", "")):
            if name != lines:
                raise BadRequest("BadRequest", f"Could not find a property named '{name}'.")
            shown[name] = [self._shown(name, line, {}) for line in row["_lines"]]
        return shown


def etag(row: dict[str, Any]) -> str:
    raw = f"19;{row.get('id', '')};{row.get('_etag', 1)};".encode()
    return f'W/"{base64.b64encode(raw).decode()}"'


def error(status: int, code: str, message: str) -> Response:
    return Json(
        {"error": {"code": code, "message": f"{message}  CorrelationId:  {uuid.uuid4()}."}},
        status_code=status,
    )
