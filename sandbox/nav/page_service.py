"""The OData v4 page services: each request runs the code of the page that is published."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sandbox.business_central.odata import BadRequest
from sandbox.common.jsonio import Json
from sandbox.nav import documents, listing, metadata, odata, posting
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.lines import enter_line, new_line
from sandbox.nav.odata import Key, Segment
from sandbox.nav.page_view import View, filter_of, key_text, values_of, without_keys
from sandbox.nav.pages import Page, rows, unknown_service
from sandbox.nav.seed import Row
from sandbox.nav.values import no_record

OPTIONS_ALLOWED = (
    "$filter", "$select", "$top", "$skip", "$orderby", "$expand", "$count", "$skiptoken", "$format",
)  # fmt: skip
POSTABLE = ("SalesOrder", "SalesInvoice", "SalesCreditMemo")


class PageServices:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    @property
    def published(self) -> dict[str, Page]:
        return self.instance.published

    async def answer(self, request: Request, raw_path: str) -> Response:
        query = odata.query_of(request, OPTIONS_ALLOWED)
        self._root = f"{str(request.base_url).rstrip('/')}/{self.instance.name}/ODataV4"
        steps = odata.segments(raw_path)
        if not steps:
            return self._services()
        if steps == [("$metadata", None)]:
            return self._metadata()
        if steps[0][0] == "Company":
            if steps[0][1] is None:
                return self._companies(None)
            if len(steps) == 1:
                return self._companies(steps[0][1][0][1])
            company = self.instance.company(steps[0][1][0][1])
            steps = steps[1:]
            if steps == [("$metadata", None)]:
                return self._metadata()
        else:
            company = self.instance.company(query.get("company"))
        if self._is_function(steps):
            return await self._function(request, company, steps[0][0])
        return await self._entity(request, company, steps, query)

    # Lists of what there is

    def _services(self) -> Response:
        names = ["Company", *self.published]
        return Json(
            {
                "@odata.context": f"{self._root}/$metadata",
                "value": [{"name": n, "kind": "EntitySet", "url": n} for n in names],
            }
        )

    def _companies(self, name: str | None) -> Response:
        found = [
            {
                "Name": company.name,
                "Evaluation_Company": False,
                "Display_Name": company.name,
                "Id": company.id,
            }
            for company in self.instance.companies.values()
            if name in (None, company.name)
        ]
        if name is not None:
            self.instance.company(name)
            return Json({"@odata.context": f"{self._root}/$metadata#Company/$entity", **found[0]})
        return Json({"@odata.context": f"{self._root}/$metadata#Company", "value": found})

    def _metadata(self) -> Response:
        switches = self.instance.switches
        text = metadata.document(
            self.published.values(),
            escaped=switches.escaped_enums,
            bound=[s for s, page in self.published.items() if self._postable(page)],
            unbound=self._functions() if switches.posting_unbound else [],
        )
        return Response(text, media_type="application/xml")

    def _postable(self, page: Page) -> bool:
        return self.instance.switches.posting_bound and page.table == "drafts"

    # One service

    async def _entity(
        self, request: Request, company: Company, steps: list[Segment], query: dict[str, str]
    ) -> Response:
        name, key = steps[0]
        page = self.published.get(name)
        if page is None:
            raise unknown_service(name)
        method = request.method
        if key is None:
            if len(steps) == 2 and steps[1][0] == "$count" and method == "GET":
                return self._count(company, page, self._all(company, page), query)
            if len(steps) > 1:
                raise odata.not_found("error in query syntax")
            if method == "GET":
                found = self._in_order(request, company, page, query)
                if found is not None:
                    return self._listed(company, page, found.shown, query, found.link, found.count)
                return self._list(request, company, page, self._all(company, page), query)
            if method == "POST":
                return await self._create(request, company, page, None)
            raise _not_allowed(method, name)
        header, row = self._find(company, page, key)
        if len(steps) == 1:
            return await self._one(request, company, page, header, row, query)
        below, below_key = steps[1]
        if below in ("NAV.Post", "Microsoft.NAV.Post") and method == "POST":
            if not self._postable(page):
                raise unknown_service(below)
            return self._post(company, row)
        if below != page.part or below not in self.published:
            raise unknown_service(below)
        part = self.published[below]
        if below_key is None:
            if method == "GET":
                views = [self._view(company, part, line, row) for line in row["lines"]]
                return self._list(request, company, part, views, query)
            if method == "POST":
                return await self._create(request, company, part, row)
            raise _not_allowed(method, below)
        _, line = self._find(company, part, below_key)
        return await self._one(request, company, part, row, line, query)

    @property
    def _escaped(self) -> bool:
        return self.instance.switches.escaped_enums

    def _view(
        self,
        company: Company,
        page: Page,
        row: Row,
        header: Row | None = None,
        flow: dict[str, str] | None = None,
    ) -> View:
        return View(company, page, row, header, flow, escaped=self._escaped)

    def _all(self, company: Company, page: Page) -> list[View]:
        """Every row of a service; a part's rows are those of all its headers."""
        if not page.header:
            return [self._view(company, page, row) for row in rows(company, page)]
        above = self._header_page(page)
        return [
            self._view(company, page, line, header)
            for header in rows(company, above)
            for line in header["lines"]
        ]

    def _header_page(self, part: Page) -> Page:
        found = next((p for p in self.published.values() if p.part == part.service), None)
        if found is None:
            raise unknown_service(part.header)
        return found

    def _find(self, company: Company, page: Page, key: Key) -> tuple[Row, Row]:
        """(header, row) of a key; both the same for a page that is no part. Raises BadRequest."""
        named = dict(zip(page.keys, (v for _, v in key), strict=False))
        if any(name for name, _ in key):
            named = dict(key)
        if set(named) != set(page.keys) or len(key) != len(page.keys):
            raise odata.not_found("error in query syntax")
        wanted = {name: v.upper() if self._is_code(page, name) else v for name, v in named.items()}
        for view in self._candidates(company, page, wanted):
            if all(str(view.get(name)) == value for name, value in wanted.items()):
                return view.header, view.row
        raise no_record(page.caption, **named)

    def _is_code(self, page: Page, name: str) -> bool:
        return page.fields[name].info.type == "code"

    def _candidates(self, company: Company, page: Page, wanted: dict[str, str]) -> list[View]:
        """The rows that can have these values, by an index where there is one."""
        if page.header:
            above = self._header_page(page)
            if "Document_No" in wanted:
                header = self._row_of(company, above, wanted["Document_No"])
                lines = header["lines"] if header else []
                return [self._view(company, page, line, header) for line in lines]
            return self._all(company, page)
        if "No" in wanted and "No" in page.keys:
            row = self._row_of(company, page, wanted["No"])
            return [self._view(company, page, row)] if row else []
        for name, value in wanted.items():
            column = page.fields[name].inner
            if (page.table, column) in company.index:
                found = company.find(page.table, column, value)
                kept = [row for row in found if row.get("kind") == page.kind or not page.kind]
                ordered = sorted(kept, key=lambda row: str(row["_key"]))
                return [self._view(company, page, row) for row in ordered]
        return self._all(company, page)

    def _row_of(self, company: Company, page: Page, number: str) -> Row | None:
        key = f"{page.kind}|{number}" if page.kind else number
        return company.tables[page.table].get(key)

    def _list(
        self,
        request: Request,
        company: Company,
        page: Page,
        views: list[View],
        query: dict[str, str],
    ) -> Response:
        views = self._filtered(company, page, views, query)
        properties = {name: field.info for name, field in page.fields.items()}
        if "$orderby" in query:
            views = odata.order(views, query["$orderby"], properties)
        shown, link = odata.page_of(request, query, views, self.instance.switches.max_page_size)
        count = len(views) if query.get("$count") == "true" else None
        return self._listed(company, page, shown, query, link, count)

    def _listed(
        self,
        company: Company,
        page: Page,
        shown: list[View],
        query: dict[str, str],
        link: str,
        count: int | None,
    ) -> Response:
        context = f"{self._root}/$metadata#Company('{company.name}')/{page.service}"
        return odata.listing(context, [self._shown(v, query) for v in shown], link, count)

    def _in_order(
        self, request: Request, company: Company, page: Page, query: dict[str, str]
    ) -> listing.Found | None:
        """A page of a table that is kept in the order of its key; None where an index serves."""
        if page.header or page.kind or page.table not in company.tables:
            return None
        test, equalities, flow = filter_of(page, query)
        if any((page.table, page.fields[n].inner) in company.index for n in equalities):
            return None
        source = listing.Source(page.table, page.keys[0], numbered=page.keys[0] == "Entry_No")
        return listing.find(
            company,
            source,
            request,
            query,
            make=lambda row: self._view(company, page, row, None, flow),
            test=test,
            most=self.instance.switches.max_page_size,
        )

    def _count(
        self, company: Company, page: Page, views: list[View], query: dict[str, str]
    ) -> Response:
        return Response(str(len(self._filtered(company, page, views, query))))

    def _filtered(
        self, company: Company, page: Page, views: list[View], query: dict[str, str]
    ) -> list[View]:
        test, indexed, flow = filter_of(page, query)
        if indexed and not page.header:
            views = self._candidates(company, page, indexed)
        if flow:
            views = [self._view(company, page, view.row, view.header, flow) for view in views]
        return [view for view in views if test(view)]

    def _shown(self, view: View, query: dict[str, str]) -> dict[str, Any]:
        page = view.page
        properties = {name: field.info for name, field in page.fields.items()}
        shown: dict[str, Any] = {"@odata.etag": odata.etag(view.row, page.service)}
        for name in odata.selected(query, properties):
            shown[name] = odata.plain(view.get(name))
        for name in [p.strip() for p in query.get("$expand", "").split(",") if p.strip()]:
            if name != page.part or name not in self.published:
                raise odata.no_property(name)
            part = self.published[name]
            shown[name] = [
                self._shown(self._view(view.company, part, line, view.row), {})
                for line in view.row["lines"]
            ]
        return shown

    async def _one(
        self,
        request: Request,
        company: Company,
        page: Page,
        header: Row,
        row: Row,
        query: dict[str, str],
    ) -> Response:
        if request.method == "GET":
            return self._answer(company, page, header, row, query=query)
        if request.method not in ("PATCH", "DELETE") or not page.writable:
            raise _not_allowed(request.method, page.service)
        odata.check_etag(request, odata.etag(row, page.service))
        if request.method == "DELETE":
            return self._delete(company, page, header, row)
        values = values_of(page, await odata.body_of(request), escaped=self._escaped)
        if page.table == "customers":
            company.change_customer(row, values)
            row = header = company.tables["customers"][row["_key"]]
        else:
            changed = copy.deepcopy(header)
            if page.header:
                number = row["lineNumber"]
                row = next(line for line in changed["lines"] if line["lineNumber"] == number)
                enter_line(company, changed, row, without_keys(values))
                documents.store_line(company, changed, row)
            else:
                documents.enter(company, changed, values)
                documents.store(company, changed)
                row = changed
            header = changed
        return self._answer(company, page, header, row)

    def _delete(self, company: Company, page: Page, header: Row, row: Row) -> Response:
        if page.table == "customers":
            company.delete_customer(row)
        elif page.header:
            documents.drop_line(company, header, row)
        else:
            company.drop("drafts", row)
        return Response(status_code=204)

    async def _create(
        self, request: Request, company: Company, page: Page, header: Row | None
    ) -> Response:
        if not page.writable:
            raise _not_allowed("POST", page.service)
        body = await odata.body_of(request)
        values = values_of(page, body, escaped=self._escaped)
        if page.table == "customers":
            row = header = company.create_customer(values)
        elif not page.header:
            row = header = documents.new_header(company, page.kind)
            documents.enter(company, row, values)
            documents.store(company, row)
        else:
            header = copy.deepcopy(self._parent(company, page, values, header))
            row = new_line(header, values.get("lineNumber", 0))
            enter_line(company, header, row, without_keys(values))
            documents.store_line(company, header, row)
        answer = self._answer(company, page, header, row, status=201)
        answer.headers["location"] = str(request.url).partition("?")[0] + key_text(
            self._view(company, page, row, header)
        )
        return answer

    def _parent(self, company: Company, part: Page, values: Row, header: Row | None) -> Row:
        """The document that a new line goes into. Raises BadRequest."""
        number, kind = values.get("@number"), values.get("@kind", part.kind)
        if header is None:
            header = self._row_of(company, self._header_page(part), number or "")
            if header is None or kind != part.kind:
                raise no_record("Sales Header", **{"Document_Type": kind, "No.": number or ""})
        elif number not in (None, "", header["number"]) or kind != header["kind"]:
            raise BadRequest(
                "BadRequest", "The key in the body is not the key of the document in the address."
            )
        return header

    def _answer(
        self,
        company: Company,
        page: Page,
        header: Row,
        row: Row,
        *,
        query: dict[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        view = self._view(company, page, row, header)
        context = f"{self._root}/$metadata#Company('{company.name}')/{page.service}/$entity"
        shown = self._shown(view, query or {})
        return Json(
            {"@odata.context": context, **shown},
            status_code=status,
            headers={"etag": shown["@odata.etag"]},
        )

    # Posting by the partner's extension

    def _post(self, company: Company, draft: Row) -> Response:
        posted = posting.post(company, draft)
        if self.instance.switches.post_result == "deleted":
            return Response(status_code=204)
        table = "memos" if draft["kind"] == "Credit Memo" else "invoices"
        page = next((p for p in self.published.values() if p.table == table), None)
        if page is None:
            return Response(status_code=204)
        answer = self._answer(company, page, posted, posted, status=201)
        answer.headers["location"] = (
            f"{self._root}/Company('{company.name}')/{page.service}('{posted['number']}')"
        )
        return answer

    def _functions(self) -> list[str]:
        service = self.instance.codeunit
        return [f"{service}_{name}" for name in self.instance.functions]

    def _is_function(self, steps: Iterable[Segment]) -> bool:
        name, key = next(iter(steps))
        return self.instance.switches.posting_unbound and key is None and name in self._functions()

    async def _function(self, request: Request, company: Company, name: str) -> Response:
        if request.method != "POST":
            raise _not_allowed(request.method, name)
        body = await odata.body_of(request)
        number = body.get("documentNo")
        if not isinstance(number, str):
            raise BadRequest(
                "BadRequest_RequiredParamNotProvided", "The parameter 'documentNo' is required."
            )
        function = name.removeprefix(f"{self.instance.codeunit}_")
        value = self.instance.call(company, function, number)
        return Json({"@odata.context": f"{self._root}/$metadata#Edm.String", "value": value})


def _not_allowed(method: str, name: str) -> BadRequest:
    return BadRequest(
        "BadRequest_MethodNotAllowed",
        f"'{method}' requests for '{name}' are not allowed within Microsoft Dynamics NAV OData web "
        "services.",
        405,
    )
