"""One request to an entity set of the API: reading, entering, posting."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.business_central.entities import Property
from sandbox.business_central.odata import BadRequest
from sandbox.common.jsonio import Json
from sandbox.nav import documents, listing, odata, posting
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.lines import enter_line, new_line
from sandbox.nav.odata import Segment
from sandbox.nav.pages import unknown_service
from sandbox.nav.projection import Projection, line_id, status
from sandbox.nav.rest_entities import DOCUMENTS, TABLES, Entity
from sandbox.nav.seed import LOCAL, Row
from sandbox.nav.values import BLANK_ID, DIALOG

_LATER = ("dueDate",)  # what may change on a posted document


class Shown(Mapping[str, Any]):
    """A row as the API shows it, worked out property by property for filters and orders."""

    def __init__(self, projection: Projection, entity: Entity, row: Row, header: Row) -> None:
        self._projection, self._entity = projection, entity
        self.row, self.header = row, header

    def __getitem__(self, name: str) -> Any:
        return self._projection.value(self._entity[name], self.row, self.header)

    def __iter__(self) -> Any:
        return iter(self._entity)

    def __len__(self) -> int:
        return len(self._entity)


class Call:
    """One request to an entity set of a company."""

    def __init__(
        self,
        instance: Instance,
        request: Request,
        company: Company,
        version: str,
        sets: dict[str, Entity],
        query: dict[str, str],
    ) -> None:
        self.instance, self.request, self.company = instance, request, company
        self.version, self.query, self.sets = version, query, sets
        # NAV 2018 prints members as they are; later versions as OData identifiers.
        self.projection = Projection(
            company,
            self.sets,
            escaped=version != "beta",
            name_length=instance.name_length,
            integrated=instance.switches.integrated,
        )

    async def entity(self, steps: list[Segment]) -> Response:
        name, key = steps[0]
        method = self.request.method
        if name not in self.sets or name == "companies":
            raise unknown_service(name)
        header_set = next((s for s, d in DOCUMENTS.items() if d[2] == name), "")
        if header_set:
            return await self._lines_at_root(header_set, name, key)
        if key is None:
            if len(steps) > 1:
                raise odata.not_found("error in query syntax")
            if method == "GET":
                return self._listed_by_number(name) or self._list(name, self._rows(name))
            if method == "POST":
                return await self._create(name)
            raise _not_allowed(method, name, "Collection")
        row = self._row(name, key)
        if len(steps) == 2:
            return await self._below(name, row, steps[1])
        if method == "GET":
            return self._one(name, row, row)
        if method not in ("PATCH", "DELETE") or name not in ("customers", *DOCUMENTS):
            raise _not_allowed(method, name, "Entity")
        odata.check_etag(self.request, odata.etag(row, name))
        return await self._change(name, row)

    # Reading

    def _rows(self, name: str) -> list[Row]:
        company = self.company
        if name == "companyInformation":
            return [
                {
                    "_key": "",
                    "id": company.id,
                    "displayName": company.name,
                    "currencyCode": LOCAL,
                    "lastModifiedDateTime": company.now(),
                }
            ]
        if name in DOCUMENTS:
            kind, table, _ = DOCUMENTS[name]
            posted = list(company.tables[table].values()) if table else []
            return [*company.find("drafts", "kind", kind), *posted]
        return list(company.tables[TABLES.get(name, name)].values())

    def _row(self, name: str, key: odata.Key) -> Row:
        if len(key) != 1:
            raise odata.not_found("error in query syntax")
        wanted = key[0][1].lower()
        if name in DOCUMENTS:
            kind, table, _ = DOCUMENTS[name]
            row = self.company.one("drafts", "id", wanted)
            if row is None or row["kind"] != kind:
                row = self.company.one(table, "id", wanted) if table else None
        else:
            has_index = (name, "id") in self.company.index
            rows = self.company.find(name, "id", wanted) if has_index else self._rows(name)
            row = next((r for r in rows if str(r.get("id", "")) == wanted), None)
        if row is None:
            raise odata.not_found(f"the record {wanted} does not exist")
        return row

    def _shown(self, name: str, row: Row, header: Row) -> Shown:
        return Shown(self.projection, self.sets[name], row, header)

    def _properties(self, name: str) -> dict[str, Property]:
        return {n: part.info for n, part in self.sets[name].items() if not part.is_object}

    def _list(self, name: str, rows: list[Row], header: Row | None = None) -> Response:
        query, properties = self.query, self._properties(name)
        shown = [self._shown(name, row, header or row) for row in rows]
        if text := query.get("$filter", ""):
            test, equalities = odata.predicate(text, properties)
            shown = [s for s in self._narrowed(name, shown, equalities) if test(s)]
        if "$orderby" in query:
            shown = odata.order(shown, query["$orderby"], properties)
        most = self.instance.switches.max_page_size
        page, link = odata.page_of(self.request, query, shown, most)
        count = len(shown) if query.get("$count") == "true" else None
        values = [self._json(name, s, query) for s in page]
        return odata.listing(f"$metadata#companies({self.company.id})/{name}", values, link, count)

    def _listed_by_number(self, name: str) -> Response | None:
        """A page of items or customers, which are kept in the order of their numbers; None where
        an index serves, or in another order."""
        if name not in ("items", "customers"):
            return None
        text, test = self.query.get("$filter", ""), lambda shown: True
        if text:
            test, equalities = odata.predicate(text, self._properties(name))
            if any((name, self.sets[name][n].inner) in self.company.index for n in equalities):
                return None
        found = listing.find(
            self.company,
            listing.Source(name, "number"),
            self.request,
            self.query,
            make=lambda row: self._shown(name, row, row),
            test=test,
            most=self.instance.switches.max_page_size,
        )
        if found is None:
            return None
        values = [self._json(name, shown, self.query) for shown in found.shown]
        context = f"$metadata#companies({self.company.id})/{name}"
        return odata.listing(context, values, found.link, found.count)

    def _narrowed(self, name: str, shown: list[Shown], equalities: dict[str, str]) -> list[Shown]:
        """By an index, where one of the properties has it."""
        for prop, wanted in equalities.items():
            part = self.sets[name][prop]
            tables = ["drafts", DOCUMENTS[name][1]] if name in DOCUMENTS else [name]
            if all((t, part.inner) in self.company.index for t in tables if t):
                keys = {
                    (t, r["_key"])
                    for t in tables
                    if t
                    for r in self.company.find(t, part.inner, wanted)
                }
                return [s for s in shown if any((t, s.row["_key"]) in keys for t in tables)]
        return shown

    def _json(self, name: str, shown: Shown, query: dict[str, str]) -> dict[str, Any]:
        body: dict[str, Any] = {"@odata.etag": odata.etag(shown.row, name)}
        wanted = [part.strip() for part in query.get("$select", "").split(",") if part.strip()]
        for prop in wanted:
            if prop not in self.sets[name]:
                raise odata.no_property(prop)
        for prop in wanted or self.sets[name]:
            body[prop] = odata.plain(shown[prop])
        for prop in re.split(r",(?![^(]*\))", query.get("$expand", "")):
            inner = prop.partition("(")[0].strip()
            if not inner:
                continue
            if name not in DOCUMENTS or inner != DOCUMENTS[name][2]:
                raise odata.no_property(inner)
            lines = shown.row["lines"]
            body[inner] = [
                self._json(inner, self._shown(inner, line, shown.row), {}) for line in lines
            ]
        return body

    def _one(self, name: str, row: Row, header: Row, status: int = 200) -> Response:
        body = self._json(name, self._shown(name, row, header), self.query)
        context = f"$metadata#companies({self.company.id})/{name}/$entity"
        return Json({"@odata.context": context, **body}, status_code=status)

    # Writing

    async def _create(self, name: str) -> Response:
        body = await odata.body_of(self.request)
        if name == "customers":
            values = self.projection.values(name, body)
            _check_name(values, body)
            row = self.company.create_customer(values)
        elif name in DOCUMENTS:
            row = self._create_document(name, body)
        else:
            raise _not_allowed("POST", name, "Collection")
        return self._one(name, row, row, 201)

    def _create_document(self, name: str, body: dict[str, Any]) -> Row:
        kind, _, lines = DOCUMENTS[name]
        nested = body.get(lines) if self.instance.switches.deep_insert else None
        values = self._header_values(name, body, skip=lines if nested is not None else "")
        if not values.get("customerNumber"):
            raise BadRequest(DIALOG, 'A "customerNumber" or a "customerId" must be provided.')
        if values["customerNumber"] not in self.company.tables["customers"]:
            raise BadRequest(DIALOG, "The sell-to customer cannot be found.")
        ordered = {"customerNumber": values["customerNumber"], **values}
        given = [self._line_values(lines, line) for line in nested or []]
        return documents.draft(self.company, kind, ordered, given)

    def _header_values(self, name: str, body: dict[str, Any], *, skip: str = "") -> Row:
        values = self.projection.values(name, body, skip=skip)
        if "documentDate" in values:  # the API has one date for both
            values["postingDate"] = values["orderDate"] = values["documentDate"]
        invoice_id = values.pop("@invoiceId", BLANK_ID)
        if invoice_id != BLANK_ID:
            invoice = self.company.one("invoices", "id", invoice_id)
            if invoice is None:
                raise BadRequest(DIALOG, 'The "invoiceId" does not match to an Invoice.')
            values["appliesToDocNumber"] = invoice["number"]
        if values.get("appliesToDocNumber"):
            # The customer comes first: the entry must be his.
            number = values.pop("appliesToDocNumber")
            values |= {"appliesToDocType": "Invoice", "appliesToDocNumber": number}
        return values

    def _line_values(self, name: str, body: dict[str, Any]) -> Row:
        values = self.projection.values(name, body)
        if values.pop("lineNumber", 0):
            raise BadRequest(
                "Internal_ServerError", "You cannot change the value of the SystemId field."
            )
        values.pop("@documentId", None)
        item, account = values.pop("@item", ""), values.pop("@account", "")
        if item and account:
            raise BadRequest(
                DIALOG, 'Both "itemId" and "accountId" are specified. Specify only one of them.'
            )
        kind = values.pop("lineType", "Item" if item else "Account" if account else "")
        ordered: Row = {"lineType": kind} if kind else {}
        if item or account:
            ordered["objectNumber"] = item or account
        for inner in ("unitOfMeasureCode", "quantity", "unitPrice"):
            if inner in values:
                ordered[inner] = values.pop(inner)
        return {**ordered, **values}

    async def _change(self, name: str, row: Row) -> Response:
        company, deletes = self.company, self.request.method == "DELETE"
        if name == "customers":
            if deletes:
                company.delete_customer(row)
                return Response(status_code=204)
            body = await odata.body_of(self.request)
            company.change_customer(row, self.projection.values(name, body))
            changed = company.tables["customers"][row["_key"]]
            return self._one(name, changed, changed)
        is_draft = row["_key"] in company.tables["drafts"]
        if deletes:
            if not is_draft:
                raise BadRequest(DIALOG, "You cannot delete a posted sales document.")
            company.drop("drafts", row)
            return Response(status_code=204)
        values = self._header_values(name, await odata.body_of(self.request))
        changed = copy.deepcopy(row)
        if is_draft:
            documents.enter(company, changed, values)
            documents.store(company, changed)
        else:
            if set(values) - set(_LATER):
                raise BadRequest(
                    DIALOG, "The invoice has been posted and can no longer be modified."
                )
            changed.update(values)
            company.keep(DOCUMENTS[name][1], changed)
        return self._one(name, changed, changed)

    # Lines and actions

    async def _below(self, name: str, row: Row, step: Segment) -> Response:
        below, key = step
        if name in DOCUMENTS and below == DOCUMENTS[name][2]:
            if key is not None:
                return await self._line(below, row, self._find_line(row, key))
            if self.request.method == "GET":
                return self._list(below, row["lines"], row)
            if self.request.method == "POST":
                return await self._add_line(below, row)
            raise _not_allowed(self.request.method, below, "Collection")
        action = re.fullmatch(r"Microsoft\.NAV\.(\w+)", below)
        if action and self.request.method == "POST" and self._act(name, row, action.group(1)):
            return Response(status_code=204)
        raise unknown_service(below)

    def _find_line(self, header: Row, key: odata.Key) -> Row:
        for line in header["lines"]:
            given = [value for _, value in key]
            if self.version == "beta":
                if given == [header["id"], str(line["lineNumber"])]:
                    return dict(line)
            elif given == [line_id(header, line)]:
                return dict(line)
        raise odata.not_found("the line does not exist")

    def _draft(self, header: Row) -> Row:
        """A copy of a document that may still change. Raises BadRequest."""
        if status(header) != "Draft":
            raise BadRequest(DIALOG, "The invoice has been posted and can no longer be modified.")
        return copy.deepcopy(header)

    async def _add_line(self, name: str, row: Row) -> Response:
        header = self._draft(row)
        values = self._line_values(name, await odata.body_of(self.request))
        line = new_line(header)
        enter_line(self.company, header, line, values)
        documents.store_line(self.company, header, line)
        return self._one(name, line, header, 201)

    async def _line(self, name: str, row: Row, line: Row) -> Response:
        if self.request.method == "GET":
            return self._one(name, line, row)
        if self.request.method not in ("PATCH", "DELETE"):
            raise _not_allowed(self.request.method, name, "Entity")
        odata.check_etag(self.request, odata.etag(line, name))
        header = self._draft(row)
        if self.request.method == "DELETE":
            same = next(x for x in header["lines"] if x["lineNumber"] == line["lineNumber"])
            documents.drop_line(self.company, header, same)
            return Response(status_code=204)
        values = self._line_values(name, await odata.body_of(self.request))
        enter_line(self.company, header, line, values)
        documents.store_line(self.company, header, line)
        return self._one(name, line, header)

    async def _lines_at_root(self, header_set: str, name: str, key: odata.Key | None) -> Response:
        match = re.fullmatch(
            r"documentId eq ([0-9a-fA-F-]{36})", self.query.get("$filter", "").strip()
        )
        if key is not None and self.version != "beta":
            document = key[0][1].rpartition("-")[0]
        elif key is not None:
            document = key[0][1]
        elif match and self.request.method == "GET":
            document = match.group(1)
        else:
            raise BadRequest(DIALOG, "You must specify an Id or a Document Id to get the lines.")
        header = self._row(header_set, [("", document)])
        if key is not None:
            return await self._line(name, header, self._find_line(header, key))
        return self._list(name, header["lines"], header)

    def _act(self, name: str, row: Row, action: str) -> bool:
        """Run an action of the API; False if there is none of this name."""
        company = self.company
        if self.version == "beta" and not self.instance.switches.beta_post:
            return False
        is_draft = row["_key"] in company.tables["drafts"]
        match name, action:
            case (("salesInvoices" | "salesCreditMemos"), ("post" | "Post")):
                if not is_draft:
                    raise BadRequest(DIALOG, "The action can be applied to a draft invoice only.")
                if not row["lines"]:
                    raise BadRequest(DIALOG, "Please add at least one line item to the invoice.")
                posting.post(company, row)
            case "salesOrders", "shipAndInvoice":
                posting.post(company, row)
            case "salesInvoices", "cancel" if self.version != "beta":
                _only_posted(is_draft)
                posting.cancel(company, row)
            case "salesInvoices", "makeCorrectiveCreditMemo" if self.version != "beta":
                _only_posted(is_draft)
                posting.corrective(company, row)
            case _:
                return False
        return True


def _check_name(values: Row, body: dict[str, Any]) -> None:
    if "displayName" not in body:
        raise BadRequest(DIALOG, 'A "displayName" must be provided.')
    if not values["displayName"].strip():
        raise BadRequest(DIALOG, 'The blank "displayName" is not allowed.')


def _only_posted(is_draft: bool) -> None:
    if is_draft:
        raise BadRequest(DIALOG, "The action can be applied to a posted invoice only.")


def _not_allowed(method: str, name: str, kind: str) -> BadRequest:
    return BadRequest(
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{name}' of EdmType '{kind}' are not allowed.",
        405,
    )
