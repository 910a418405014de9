"""The control panel: what is booked, batch jobs, parameters, products, customers, faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.control import BASE, body_of, common_routes, done, refuse
from sandbox.common.faults import Faults
from sandbox.common.jsonio import Json
from sandbox.finance_operations import goods, orders, receivables, returns, seed
from sandbox.finance_operations.api import Api
from sandbox.finance_operations.environment import SETTINGS, Row
from sandbox.finance_operations.pages import free_text_amount, front, order_page, order_total
from sandbox.finance_operations.posting import JOBS, BatchJobs
from sandbox.finance_operations.shapes import SHAPES
from sandbox.finance_operations.writing import WriteFailed, clean

_SHOWN = {
    orders.HEADERS: (
        "dataAreaId", "SalesOrderNumber", "CustomersOrderReference",
        "InvoiceCustomerAccountNumber", "CurrencyCode", "SalesOrderStatus",
        "SalesOrderProcessingStatus", "ArePricesIncludingSalesTax",
    ),
    returns.HEADERS: (
        "dataAreaId", "ReturnOrderNumber", "RMANumber", "CustomersOrderReference",
        "CustomerAccountNumber", "CurrencyCode", "ReturnOrderStatus",
    ),
    receivables.INVOICES: (
        "dataAreaId", "InvoiceIdentifier", "FreeTextNumber", "CustomerReference",
        "CustomerAccount", "CurrencyCode", "IsPosted",
    ),
    receivables.JOURNALS: (
        "dataAreaId", "JournalBatchNumber", "JournalName", "Description", "IsPosted",
    ),
    receivables.JOURNAL_LINES: (
        "dataAreaId", "JournalBatchNumber", "LineNumber", "AccountDisplayValue", "CreditAmount",
        "DebitAmount", "PaymentId", "PaymentReference", "CurrencyCode", "Voucher",
    ),
    "SalesInvoiceHeadersV4": (
        "dataAreaId", "InvoiceNumber", "SalesOrderNumber", "CustomersOrderReference",
        "CurrencyCode", "TotalInvoiceAmount", "TotalTaxAmount",
    ),
    "CustomersV3": (
        "dataAreaId", "CustomerAccount", "OrganizationName", "PrimaryContactEmail",
        "CustomerGroupId", "OnHoldStatus",
    ),
}  # fmt: skip


def _flag(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes")


class Panel:
    def __init__(self, api: Api, faults: Faults) -> None:
        self.http, self.env, self.faults = api, api.env, faults
        self.jobs = BatchJobs(api.env)

    def reset(self) -> None:
        self.env.journal.clear()
        self.http.entra.load()
        self.http.calls.clear()
        self.env.busy_journals.clear()
        self.env.load()

    def app(self) -> Starlette:
        api = f"{BASE}/api"
        posts = {
            "batch": self.batch,
            "settings": self.settings,
            "items": self.item,
            "items/change": self.items,
            "customers": self.customer,
            "documents": self.document,
            "returns/arrive": self.arrive,
            "period": self.period,
            "tokens/expire": self.expire,
        }
        return Starlette(
            routes=[
                *common_routes(self.faults, self.env.clock, self.reset),
                Route(f"{BASE}/", self.page),
                Route(f"{BASE}/orders/{{company}}/{{number}}", self.order),
                Route(f"{api}/state", self.state),
                *(Route(f"{api}/{path}", act, methods=["POST"]) for path, act in posts.items()),
            ]
        )

    async def state(self, request: Request) -> Response:
        env = self.env
        by_kind = self._duplicates()
        merged: dict[str, int] = {}
        for found in by_kind.values():
            for reference, count in found.items():
                merged[reference] = max(count, merged.get(reference, 0))
        documents = [self._with_lines(row) for row in env.table(orders.HEADERS).rows.values()]
        return Json(
            {
                "companies": list(seed.COMPANIES),
                "items": {
                    company: sum(1 for _ in env.table("ReleasedProductsV2").between(company, []))
                    for company in seed.TRADING
                },
                "orders": documents,
                "returns": [
                    self._shown(returns.HEADERS, row) | {"lines": len(returns.lines_of(env, row))}
                    for row in env.table(returns.HEADERS).rows.values()
                ],
                "free_text_invoices": [
                    self._shown(receivables.INVOICES, row)
                    | {"amount": free_text_amount(self.env, row)}
                    for row in env.table(receivables.INVOICES).rows.values()
                ],
                "journals": self._all(receivables.JOURNALS),
                "payments": self._all(receivables.JOURNAL_LINES),
                "invoices": self._all("SalesInvoiceHeadersV4"),
                "customers": self._all("CustomersV3"),
                "posted": len(env.table("SalesInvoiceHeadersV4").rows),
                "duplicates": merged,
                "duplicates_by_kind": by_kind,
                "ledger_entries": len(env.transactions),
                "ledger_balance": sum(
                    (Decimal(entry["amount"]) for entry in env.transactions), Decimal(0)
                ),
                "balances": self.jobs.open_balances(),
                "settings": env.settings,
            }
        )

    def _all(self, name: str) -> list[Row]:
        return [self._shown(name, row) for row in self.env.table(name).rows.values()]

    def _shown(self, name: str, row: Row) -> Row:
        return {column: row[column] for column in _SHOWN[name]}

    def _with_lines(self, row: Row) -> Row:
        return self._shown(orders.HEADERS, row) | {
            "lines": len(orders.lines_of(self.env, row)),
            "line_total": order_total(self.env, row),
        }

    def _duplicates(self) -> dict[str, dict[str, int]]:
        """References that more than one document of the same kind has, by kind."""
        tables = {name: self.env.table(name).rows.values() for name in self.env.tables}
        invoices = list(tables[receivables.INVOICES])

        def count(references: Iterable[str]) -> dict[str, int]:
            return {ref: n for ref, n in Counter(references).items() if ref and n > 1}

        credit = {row["InvoiceIdentifier"]: free_text_amount(self.env, row) < 0 for row in invoices}
        return {
            "orders": count(row["CustomersOrderReference"] for row in tables[orders.HEADERS]),
            "returns": count(row["CustomersOrderReference"] for row in tables[returns.HEADERS]),
            "free_text_invoices": count(
                row["CustomerReference"] for row in invoices if not credit[row["InvoiceIdentifier"]]
            ),
            "free_text_credits": count(
                row["CustomerReference"] for row in invoices if credit[row["InvoiceIdentifier"]]
            ),
            "payments": count(row["PaymentId"] for row in tables[receivables.JOURNAL_LINES]),
        }

    async def batch(self, request: Request) -> Response:
        body = await body_of(request)
        jobs = body.get("jobs") or JOBS
        if isinstance(jobs, str):
            jobs = [jobs]
        unknown = [job for job in jobs if job not in JOBS]
        if unknown:
            return refuse(f"jobs must be of {', '.join(JOBS)}")
        result = self.jobs.run(
            tuple(jobs),
            only=str(body.get("document", "")),
            day=str(body.get("date", "")),
            split=_flag(body.get("split", "")),
        )
        return done(request, result)

    async def settings(self, request: Request) -> Response:
        body = await body_of(request)
        entra = self.http.entra
        if "client_secret" in body:
            entra.change_secret(str(body.pop("client_secret")))
        if "expire_secret" in body:
            entra.expire_secret(str(body.pop("expire_secret")))
        unknown = [name for name in body if name not in SETTINGS]
        if unknown:
            return refuse(f"there is no setting {', '.join(unknown)}")
        for name, value in body.items():
            first = SETTINGS[name]
            if isinstance(first, bool):
                value = _flag(value)
            elif isinstance(first, int):
                value = int(value)
            self.env.settings[name] = value
        self.env.save_parameters()
        if "rate" in body:
            self.http.calls.clear()
        return done(request)

    async def period(self, request: Request) -> Response:
        """Days between which the ledger calendar is open; an empty text opens the end."""
        body = await body_of(request)
        for name in ("from", "to"):
            if name in body:
                self.env.settings[f"period_{name}"] = str(body[name] or "")
        self.env.save_parameters()
        return done(request)

    async def item(self, request: Request) -> Response:
        """Release, change, block or remove an item: see ``goods.change``."""
        goods.change(self.env, await body_of(request))
        return done(request)

    async def items(self, request: Request) -> Response:
        """Change many items at once: see ``goods.change_many``."""
        try:
            return done(request, goods.change_many(self.env, await body_of(request)))
        except ValueError as problem:
            return refuse(str(problem))

    async def customer(self, request: Request) -> Response:
        """Change a customer by account (``number``), as a person in the client would."""
        body = await body_of(request)
        number = str(body.pop("number", ""))
        company = str(body.pop("company", "acuk"))
        row = self.env.find("CustomersV3", dataAreaId=company, CustomerAccount=number)
        if row is None:
            return refuse("no such customer")
        if _flag(body.pop("delete", "")):
            self.env.remove("CustomersV3", row)
            return done(request)
        unknown = [name for name in body if name not in row]
        if unknown:
            return refuse(f"a customer has no {', '.join(unknown)}")
        self.env.change("CustomersV3", row, **body)
        return done(request)

    async def document(self, request: Request) -> Response:
        """Book a row by hand: {"collection": .., "values": {..}}."""
        body = await body_of(request)
        shape = SHAPES.get(str(body.get("collection", "")))
        writer = self.http.service.writers.get(shape.table) if shape else None
        if shape is None or writer is None:
            return refuse("no such collection to write")
        try:
            with self.env.transaction():
                row = writer.create(shape, clean(shape, body.get("values", {})))
        except WriteFailed as problem:
            return refuse(str(problem))
        return done(request, {name: row[name] for name in shape.keys})

    async def arrive(self, request: Request) -> Response:
        """Register the arrival of a return order's goods."""
        body = await body_of(request)
        wanted = str(body.get("number", ""))
        for line in list(self.env.table(returns.LINES).rows.values()):
            if line["ReturnOrderNumber"] == wanted or not wanted:
                self.env.change(
                    returns.LINES, line, _arrived=True, ActualReturnArrivalDate=self.env.today()
                )
        return done(request)

    async def expire(self, request: Request) -> Response:
        self.http.entra.expire_all()
        return done(request)

    async def page(self, request: Request) -> Response:
        return front(self.env)

    async def order(self, request: Request) -> Response:
        company, number = request.path_params["company"], request.path_params["number"]
        row = self.env.find(orders.HEADERS, dataAreaId=company, SalesOrderNumber=number)
        return order_page(self.env, row) if row else refuse("no such order")
