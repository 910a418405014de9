"""One request of the OData endpoint, whether it came alone or inside a batch."""

from __future__ import annotations

import asyncio
import base64
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from sandbox.common import jsonio
from sandbox.finance_operations import dimensions
from sandbox.finance_operations.customers import Addresses, Customers, Groups
from sandbox.finance_operations.environment import Environment, Key, Row
from sandbox.finance_operations.metadata import document
from sandbox.finance_operations.odata import (
    BadQuery,
    in_key_order,
    ordered,
    parse_filter,
    parse_key,
    selected,
)
from sandbox.finance_operations.orders import OrderLines, Orders
from sandbox.finance_operations.receivables import (
    FreeTextInvoices,
    FreeTextLines,
    JournalLines,
    Journals,
)
from sandbox.finance_operations.returns import ReturnLines, Returns
from sandbox.finance_operations.shapes import NAMESPACE, SHAPES, Shape
from sandbox.finance_operations.writing import WriteFailed, clean

_SEGMENT = re.compile(r"^(?P<name>[A-Za-z0-9_]+)(?:\((?P<key>.*)\))?$", re.S)
_OPTIONS = {"$filter", "$count", "$orderby", "$skip", "$top", "$expand", "$select", "$skiptoken"}
_UPDATE_CONFLICT = (
    "Error: Cannot edit a record in Ledger journal table (LedgerJournalTable). An update conflict "
    "occurred due to another user process deleting the record or changing one or more fields in "
    "the record."
)
# These answer with $skiptoken in the link to the next page, the others with $skip.
_BY_TOKEN = ("ReleasedProductsV2", "ReleasedProductVariantsV2", "CustomersV3")


@dataclass(slots=True)
class Answer:
    status: int
    body: Any = None  # JSON, or a text
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json; odata.metadata=minimal; odata.streaming=true"

    def text(self) -> str:
        if self.body is None:
            return ""
        return self.body if isinstance(self.body, str) else jsonio.dumps(self.body)


@dataclass(slots=True)
class Call:
    """A request below ``/data``: the path and query still percent-encoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base: str  # https://host, for links and contexts
    inside_batch: bool = False


class Service:
    def __init__(self, env: Environment) -> None:
        self.env = env
        self.writers: dict[str, Any] = {
            "CustomersV3": Customers(env),
            "CustomerPostalAddressesV2": Addresses(env),
            "CustomerGroups": Groups(env),
            "SalesOrderHeaders": Orders(env),
            "SalesOrderLines": OrderLines(env),
            "ReturnOrderHeadersV2": Returns(env),
            "ReturnOrderLinesV2": ReturnLines(env),
            "FreeTextInvoiceHeaders": FreeTextInvoices(env),
            "FreeTextInvoiceLines": FreeTextLines(env),
            "CustomerPaymentJournalHeaders": Journals(env),
            "CustomerPaymentJournalLines": JournalLines(env),
        }

    def collections(self) -> list[str]:
        offered = self.env.settings["order_collections"]
        hidden = {f"SalesOrderHeaders{v}" for v in ("V2", "V3", "V4") if v not in offered}
        return sorted(name for name in SHAPES if name not in hidden)

    async def answer(self, call: Call) -> Answer:
        """Never raises for a request's fault: every refusal is an answer."""
        held = self._journal_of(call)
        if held is not None:
            if held in self.env.busy_journals:
                return self._failed(call, "CustomerPaymentJournalLines", (_UPDATE_CONFLICT,))
            self.env.busy_journals.add(held)
            try:
                await asyncio.sleep(int(self.env.settings["write_ms"]) / 1000)
                return self.perform(call)
            finally:
                self.env.busy_journals.discard(held)
        return self.perform(call)

    def perform(self, call: Call) -> Answer:
        try:
            return self._dispatch(call)
        except BadQuery as problem:
            return Answer(problem.status, error_body(problem.message))

    def _journal_of(self, call: Call) -> Key | None:
        """The journal that this write locks while it runs; a batch's writes come one by one."""
        if call.inside_batch or call.method != "POST":
            return None
        if call.path.strip("/") != "CustomerPaymentJournalLines":
            return None
        try:
            body = jsonio.loads(call.body)
            return (str(body.get("dataAreaId")).lower(), str(body.get("JournalBatchNumber")))
        except (ValueError, AttributeError):
            return None

    def _dispatch(self, call: Call) -> Answer:
        steps = [unquote(part) for part in call.path.strip("/").split("/") if part]
        query = dict(parse_qsl(call.query, keep_blank_values=True))
        for name in query:
            if name.startswith("$") and name not in _OPTIONS:
                raise BadQuery(f"The query parameter '{name}' is not supported.")
        if not steps:
            return self._root(call)
        if steps[0] == "$metadata" and call.method == "GET":
            xml = document(self.collections())
            return Answer(200, xml, content_type="application/xml")
        match = _SEGMENT.match(steps[0])
        shape = SHAPES.get(match["name"]) if match else None
        if match is None or shape is None or shape.collection not in self.collections():
            return Answer(
                404,
                {
                    "Message": "No HTTP resource was found that matches the request URI "
                    f"'{call.base}/data/{call.path.strip('/')}'."
                },
                content_type="application/json; charset=utf-8",
            )
        if len(steps) == 2 and match["key"] is None:
            return self._below(call, shape, steps[1], query)
        if len(steps) > 1:
            raise BadQuery(f"Resource not found for the segment '{steps[-1]}'.", 404)
        if call.method != "GET" and self.env.settings["user_access"] != "full":
            return forbidden()
        if match["key"] is None:
            if call.method == "GET":
                return self._list(call, shape, query)
            if call.method == "POST":
                return self._create(call, shape)
            raise BadQuery(f"The method {call.method} is not allowed on a collection.", 405)
        return self._one(call, shape, match["key"], query)

    def _root(self, call: Call) -> Answer:
        value = [{"name": n, "kind": "EntitySet", "url": n} for n in self.collections()]
        return Answer(200, {"@odata.context": f"{call.base}/data/$metadata", "value": value})

    def _below(self, call: Call, shape: Shape, step: str, query: dict[str, str]) -> Answer:
        if step == "$count" and call.method == "GET":
            count = len(self._rows(shape, query))
            return Answer(200, str(count), content_type="text/plain")
        asked = step.removeprefix(f"{NAMESPACE}.")
        if (shape.collection, asked, call.method) != (
            "DimensionSets",
            "getSetDisplayValue",
            "POST",
        ):
            raise BadQuery(f"Resource not found for the segment '{step}'.", 404)
        body = self._body(call)
        names, values = body.get("_attributeNames"), body.get("_attributeValues")
        if not isinstance(names, list) or not isinstance(values, list):
            raise BadQuery("The parameters _attributeNames and _attributeValues are missing.")
        if len(names) != len(values):
            raise BadQuery("_attributeNames and _attributeValues differ in length.")
        try:
            text = dimensions.set_display_value(
                self.env, [str(n) for n in names], [str(v) for v in values]
            )
        except WriteFailed as problem:
            return self._failed(call, shape.collection, problem.items)
        return Answer(
            200, {"@odata.context": f"{call.base}/data/$metadata#Edm.String", "value": text}
        )

    def _rows(self, shape: Shape, query: dict[str, str], most: int = 0) -> list[Row]:
        """All rows that the query finds; with ``most`` perhaps only so many of them."""
        node = None
        if text := query.get("$filter", "").strip():
            node = parse_filter(
                text, shape, plain_enums=bool(self.env.settings["plain_enum_filters"])
            )
        company = None
        if shape.per_company and query.get("cross-company", "").lower() != "true":
            company = str(self.env.settings["default_company"])
        table = self.env.table(shape.table)
        if most:
            rows = in_key_order(table, node, query.get("$orderby", ""), company, most)
            if rows is not None:
                return rows
        rows = selected(table, node, company)
        if order := query.get("$orderby"):
            rows = ordered(rows, order, shape)
        return rows

    def _list(self, call: Call, shape: Shape, query: dict[str, str]) -> Answer:
        start = _whole(query, "$skiptoken") or _whole(query, "$skip")
        page = int(self.env.settings["page_size"])
        top = _whole(query, "$top") if "$top" in query else None
        size = page if top is None else min(page, top)
        rows = self._rows(shape, query, 0 if "$count" in query else start + size + 1)
        body: dict[str, Any] = {"@odata.context": f"{call.base}/data/$metadata#{shape.collection}"}
        if query.get("$count") == "true":
            body["@odata.count"] = len(rows)
        body["value"] = [self._shown(shape, row, query) for row in rows[start : start + size]]
        rest = (len(rows) if top is None else min(len(rows), start + top)) - start - size
        if rest > 0:
            kept = {k: v for k, v in query.items() if k not in ("$skip", "$skiptoken")}
            if top is not None:
                kept["$top"] = str(top - size)
            kept["$skiptoken" if shape.collection in _BY_TOKEN else "$skip"] = str(start + size)
            link = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
            body["@odata.nextLink"] = f"{call.base}/data/{shape.collection}?{link}"
        return Answer(200, body)

    def _shown(self, shape: Shape, row: Row, query: dict[str, str]) -> Row:
        wanted = [part.strip() for part in query.get("$select", "").split(",") if part.strip()]
        for name in wanted:
            if name not in shape.properties and name != "*":
                raise BadQuery(
                    f"Could not find a property named '{name}' on type "
                    f"'{NAMESPACE}.{shape.entity}'."
                )
        names = shape.properties if not wanted or "*" in wanted else wanted
        shown: Row = {"@odata.etag": etag(shape, row)}
        for name in names:
            value = row[name]
            if name == "DimensionSegmentDelimiter":
                value = self.env.settings["dimension_delimiter"]
            shown[name] = value
        for name in [part.strip() for part in query.get("$expand", "").split(",") if part.strip()]:
            if name != shape.lines:
                raise BadQuery(f"Could not find a property named '{name}' to expand.")
            lines = self.env.table("SalesOrderLines").where(
                dataAreaId=row["dataAreaId"], SalesOrderNumber=row["SalesOrderNumber"]
            )
            shown[name] = [self._shown(SHAPES[name], line, {}) for line in lines]
        return shown

    def _body(self, call: Call) -> Any:
        if "json" not in call.headers.get("content-type", ""):
            raise BadQuery("The request entity's media type is not supported.", 415)
        try:
            return jsonio.loads(call.body)
        except ValueError:
            raise BadQuery("The request is invalid: the body is not JSON.") from None

    def _create(self, call: Call, shape: Shape) -> Answer:
        writer = self._writer(shape)
        body = self._body(call)
        try:
            with self._own_transaction(call):
                row = writer.create(shape, clean(shape, body))
        except WriteFailed as problem:
            return self._failed(call, shape.collection, problem.items)
        shown = {
            "@odata.context": f"{call.base}/data/$metadata#{shape.collection}/$entity",
            **self._shown(shape, self._now(shape, row), {}),
        }
        status = 201 if call.inside_batch else int(self.env.settings["create_status"])
        return Answer(status, shown, {"Location": address(call.base, shape, row)})

    def _now(self, shape: Shape, row: Row) -> Row:
        table = self.env.table(shape.table)
        return table.rows[table.key(row)]

    def _one(self, call: Call, shape: Shape, key: str, query: dict[str, str]) -> Answer:
        table = self.env.table(shape.table)
        values = parse_key(key, shape)
        row = table.rows.get(table.key(values))
        if row is not None and shape.per_company and self.env.settings["strict_company_keys"]:
            across = query.get("cross-company", "").lower() == "true"
            if not across and row["dataAreaId"] != self.env.settings["default_company"]:
                row = None
        if row is None:
            raise BadQuery("No resources were found when selecting for key.", 404)
        if call.method == "GET":
            context = f"{call.base}/data/$metadata#{shape.collection}/$entity"
            return Answer(200, {"@odata.context": context, **self._shown(shape, row, query)})
        writer = self._writer(shape)
        given = call.headers.get("if-match", "")
        if given not in ("", "*", etag(shape, row)) and self.env.settings["check_etags"]:
            raise BadQuery("The record was changed by another user.", 412)
        try:
            with self._own_transaction(call):
                if call.method == "DELETE":
                    writer.remove(row)
                else:
                    changes = clean(shape, self._body(call))
                    for name in shape.keys:
                        same = str(changes.pop(name, row[name])).casefold()
                        if same != str(row[name]).casefold():
                            raise BadQuery(f"The key property '{name}' cannot be changed.")
                    writer.change(shape, row, changes)
        except WriteFailed as problem:
            return self._failed(call, shape.collection, problem.items)
        return Answer(204)

    def _writer(self, shape: Shape) -> Any:
        writer = self.writers.get(shape.table)
        if writer is None:
            raise BadQuery(f"The entity '{shape.entity}' is read-only.", 405)
        return writer

    def _own_transaction(self, call: Call) -> AbstractContextManager[None]:
        return nullcontext() if call.inside_batch else self.env.transaction()

    def _failed(self, call: Call, collection: str, items: tuple[str, ...]) -> Answer:
        status = 500 if call.inside_batch else int(self.env.settings["write_error_status"])
        return Answer(status, write_error(SHAPES[collection], call.method, items))


def _whole(query: dict[str, str], name: str) -> int:
    text = query.get(name, "0")
    if not text.isdigit():
        raise BadQuery(f"The value of {name} must be a whole number that is not negative.")
    return int(text)


def etag(shape: Shape, row: Row) -> str:
    """Weak: the version and record id of each data source."""
    sources = [f"{row['_version']},{row['_recid']}"]
    sources += [f"1,{row['_recid'] + 10_000_000 * at}" for at in range(1, shape.data_sources)]
    raw = ";".join(f"'{source}'" for source in sources)
    return f'W/"{base64.b64encode(raw.encode()).decode()}"'


def address(base: str, shape: Shape, row: Row) -> str:
    """The row's own URL."""
    parts = []
    for name in shape.keys:
        value = row[name]
        if shape.properties[name] == "text":
            value = quote("'" + str(value).replace("'", "''") + "'", safe="'")
        parts.append(f"{name}={value}")
    return f"{base}/data/{shape.collection}({','.join(parts)})"


def error_body(message: str) -> dict[str, Any]:
    return {"error": {"code": "", "message": message}}


def write_error(shape: Shape, method: str, items: tuple[str, ...]) -> dict[str, Any]:
    """The body of a refusal by business logic: what is useful stands after ``Infolog:``."""
    step = {"POST": "CreateEntity_Save", "DELETE": "DeleteEntity_Save"}.get(
        method, "UpdateEntity_Save"
    )
    return {
        "error": {
            "code": "",
            "message": "An error has occurred.",
            "innererror": {
                "message": f"Write failed for table row of type '{shape.aot}'. Infolog: "
                + "; ".join(items),
                "type": "Microsoft.Dynamics.Platform.Integration.Services.OData."
                "AxODataWriteException",
                "stacktrace": "   at Microsoft.Dynamics.Platform.Integration.Services.OData.Update."
                f"UpdateProcessor.{step}(ChangeOperationContext context)",
            },
        }
    }


def forbidden() -> Answer:
    return Answer(403, error_body("Access denied: the user's roles do not grant this operation."))
