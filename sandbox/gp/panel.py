"""The control API of GP: what a person does in the client, what an administrator changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.control import BASE, body_of, common_routes, done, refuse
from sandbox.common.faults import Faults
from sandbox.common.journal import Journal
from sandbox.common.jsonio import Json
from sandbox.common.windows_auth import BINDINGS, BadAccount, WindowsAuth
from sandbox.gp import batches, goods, ledger, periods, receivables, setup
from sandbox.gp.company import FIRST_STATE as COMPANY_STATE
from sandbox.gp.company import Company, Row
from sandbox.gp.panel_page import company_page, document_page
from sandbox.gp.server import FIRST_STATE as SERVER_STATE
from sandbox.gp.server import Server
from sandbox.gp.wire import Refusal

SIGN_IN = (
    "basic", "bearer_only", "binding", "forget", "drop_after_challenge", "close_every",
    "close_silently",
)  # fmt: skip


class Panel:
    def __init__(
        self, server: Server, sign_in: WindowsAuth, faults: Faults, journal: Journal
    ) -> None:
        self.server, self.sign_in, self.faults, self.journal = server, sign_in, faults, journal

    def reset(self) -> None:
        self.journal.clear()
        self.server.reset()
        self.sign_in.reset()
        self.sign_in.directory.reset()
        for company in self.server.companies:
            company.load()

    def app(self) -> Starlette:
        acts: dict[str, Callable[[Row], Any]] = {
            "period": self.period,
            "year": self.year,
            "batches": self.batch,
            "documents": self.document,
            "items": self.item,
            "items/change": self.items,
            "stock": self.stock,
            "customers": self.customer,
            "accounts": self.account,
            "currencies": self.currency,
            "rates": self.rate,
            "users": self.user,
            "access": self.access,
            "settings": self.settings,
        }
        api = f"{BASE}/api"
        return Starlette(
            routes=[
                *common_routes(self.faults, self.server.clock, self.reset),
                *(
                    Route(f"{api}/{name}", self._route(act), methods=["POST"])
                    for name, act in acts.items()
                ),
                Route(f"{api}/state", self.state),
                Route(f"{BASE}/", self.page),
                Route(f"{BASE}/documents/{{kind:int}}/{{number}}", self.document_page),
            ]
        )

    def _route(self, act: Callable[[Row], Any]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            try:
                return done(request, act(await body_of(request)))
            except Refusal as refusal:
                return refuse(f"{refusal.number} {refusal.field}: {refusal.message}")
            except (BadAccount, KeyError, ValueError) as problem:
                return refuse(str(problem))

        return handle

    def company(self, name: Any = None) -> Company:
        """By database name; the first without one."""
        for company in self.server.companies:
            if name in (None, company.database):
                return company
        raise ValueError(f"no company {name}")

    # What is there

    async def state(self, request: Request) -> Response:
        """Everything in a company's books; ``?company=`` names another than the first."""
        company = self.company(request.query_params.get("company"))
        documents = [self.summary(row) for row in company.tables["documents"].values()]
        references = Counter(
            (row["type"], row["po_number"]) for row in documents if row["po_number"]
        )
        spans: dict[str, set[str]] = {}
        for row in documents:
            spans.setdefault(row["batch"], set()).add(row["gl_date"])
        return Json(
            {
                "company": company.card(),
                "companies": [each.card() for each in self.server.companies],
                "documents": documents,
                "invoices": [row for row in documents if row["type"] == 1],
                "credits": [row for row in documents if row["type"] in batches.CREDITS],
                "unposted": sum(1 for row in documents if row["state"] == "Work"),
                "posted": sum(1 for row in documents if row["state"] != "Work"),
                "duplicates": {f"{k};{ref}": n for (k, ref), n in references.items() if n > 1},
                "batches": [
                    batches.counted(company, row) for row in company.tables["batches"].values()
                ],
                "batches_with_two_dates": [b for b, days in spans.items() if len(days) > 1],
                "customers": list(company.tables["customers"].values()),
                "addresses": list(company.tables["addresses"].values()),
                "internet_addresses": list(company.tables["internet_addresses"].values()),
                "items": len(company.tables["items"]),
                "ledger_entries": len(company.tables["ledger"]),
                "ledger": ledger.proof(company),
                "closed_periods": [
                    {k: row[k] for k in ("Year", "PeriodId", "SeriesName")}
                    for row in company.tables["periods"].values()
                    if row["Closed"]
                ],
                "users": [
                    {k: v for k, v in vars(account).items() if k != "password"}
                    for account in self.sign_in.directory.accounts.values()
                ],
                "sign_in": dict(self.sign_in.counts),
                "settings": self.server.state | company.state | {"version": self.server.version},
            }
        )

    @staticmethod
    def summary(row: Row) -> Row:
        return {
            "type": row["DocumentType"],
            "number": row["DocumentNumber"],
            "state": row["TransactionState"],
            "customer": row["CustomerId"],
            "po_number": row["CustomerPONumber"],
            "description": row["Description"],
            "date": row["DocumentDate"],
            "gl_date": row["GLPostingDate"],
            "batch": row["BatchId"],
            "currency": row["CurrencyId"],
            "sales": Decimal(row["SalesAmount"]),
            "trade_discount": Decimal(row["TradeDiscountAmount"]),
            "freight": Decimal(row["FreightAmount"]),
            "miscellaneous": Decimal(row["MiscellaneousAmount"]),
            "tax": Decimal(row["TaxAmount"]),
            "amount": Decimal(row["DocumentAmount"]),
            "functional_amount": Decimal(row["FunctionalDocumentAmount"]),
            "exchange_rate": Decimal(row["ExchangeRate"]),
            "distributions": row["Distributions"],
            "taxes": row["Taxes"],
        }

    # Acts of a person

    def period(self, body: Row) -> Any:
        """Close or open periods: ``closed``, and ``year``, ``month``, ``series`` to narrow it."""
        numbers = {k: int(body[k]) for k in ("year", "month", "series") if body.get(k)}
        count = periods.set_closed(
            self.company(body.get("company")),
            year=numbers.get("year"),
            month=numbers.get("month"),
            series=numbers.get("series"),
            closed=truth(body.get("closed", True)),
        )
        return {"ok": True, "periods": count}

    def year(self, body: Row) -> Any:
        periods.set_up_year(
            self.company(body.get("company")),
            int(body["year"]),
            present=truth(body.get("present", True)),
        )
        return None

    def batch(self, body: Row) -> Any:
        """``act``: create, post, delete, or a state (Marked, Locked, Available ...)."""
        company = self.company(body.get("company"))
        source, number = str(body.get("source", batches.SOURCE)), str(body["id"])
        act = str(body["act"])
        if act == "post":
            return batches.post(company, source, number)
        if act == "delete":
            return {"deleted": batches.delete(company, source, number)}
        if act == "create":
            fields = {"BatchSource": source, "BatchId": number}
            for name, given in (("PostingDate", "posting_date"), ("Frequency", "frequency")):
                if given in body:
                    fields[name] = body[given]
            return batches.create(company, fields)
        if act not in batches.STATES:
            raise ValueError(f"act is create, post, delete, or one of {', '.join(batches.STATES)}")
        row = batches.find(company, source, number)
        row["Status"] = act
        return company.keep("batches", row)

    def document(self, body: Row) -> Any:
        """``act``: create (with ``payload``), delete, post, history; of one document."""
        company = self.company(body.get("company"))
        act = str(body.get("act", "create"))
        if act == "create":
            return self.summary(receivables.create(company, dict(body["payload"])))
        kind, number = int(body.get("type", 1)), str(body["number"])
        if act == "delete":
            return receivables.delete(company, kind, number)
        if act == "history":
            return receivables.to_history(company, kind, number)
        row = company.get("documents", str(kind), number)
        if row is None or act != "post":
            raise ValueError("no such document or act")
        return batches.post_document(company, row)

    def item(self, body: Row) -> Any:
        return goods.change(self.company(body.get("company")), body, truth)

    def items(self, body: Row) -> Any:
        return goods.change_many(self.company(body.get("company")), body)

    def stock(self, body: Row) -> Any:
        """Set a site's quantities (``on_hand``, ``allocated``) of ``item``; MAIN without ``site``."""
        return goods.set_stock(
            self.company(body.get("company")),
            str(body["item"]),
            str(body.get("site", "MAIN")),
            body,
        )

    def customer(self, body: Row) -> Any:
        """Add (``payload``), change (``id`` with ``fields``), hold, deactivate, ``delete``."""
        company = self.company(body.get("company"))
        if "payload" in body:
            return company.create_customer(dict(body["payload"]))
        row = company.get("customers", str(body["id"]))
        if row is None:
            raise ValueError("no such customer")
        if truth(body.get("delete", False)):
            return company.drop("customers", company.key("customers", row))
        for name, given in (("Hold", "hold"), ("Inactive", "inactive")):
            if given in body:
                row[name] = truth(body[given])
        row |= {k: v for k, v in dict(body.get("fields", {})).items() if k in row}
        return company.keep("customers", row)

    def account(self, body: Row) -> Any:
        company = self.company(body.get("company"))
        row = company.get("accounts", str(body["number"])) or {
            "AccountNumber": str(body["number"]),
            "Description": str(body.get("name", "")),
        }
        row["Inactive"] = truth(body.get("inactive", False))
        return company.keep("accounts", row)

    def currency(self, body: Row) -> Any:
        company = self.company(body.get("company"))
        row = company.get("currencies", str(body["id"]))
        if row is None:
            raise ValueError("no such currency")
        row["Inactive"] = truth(body["inactive"])
        return company.keep("currencies", row)

    def rate(self, body: Row) -> Any:
        """A row of an exchange table, or ``clear`` a currency's table."""
        company, currency = self.company(body.get("company")), str(body["currency"])
        if truth(body.get("clear", False)):
            for row in list(company.tables["rates"].values()):
                if row["CurrencyId"] == currency:
                    company.drop("rates", company.key("rates", row))
            return None
        row = setup.rate(
            currency,
            date.fromisoformat(str(body["date"])),
            date.fromisoformat(str(body["expires"])),
            str(body["rate"]),
            int(body.get("method", 1)),
            str(body.get("rate_type", "SELL")),
        )
        return company.keep("rates", row)

    # Acts of an administrator

    def user(self, body: Row) -> Any:
        """``name`` with ``password``, ``expired``, ``enabled``, ``locked``."""
        values: Row = {k: truth(body[k]) for k in ("expired", "enabled", "locked") if k in body}
        if "password" in body:
            values["password"] = str(body["password"])
        account = self.sign_in.directory.change(str(body["name"]), **values)
        return {"name": account.name, "bad_passwords": account.bad_passwords}

    def access(self, body: Row) -> Any:
        """Take (``allow`` false) or give a company, a window, or the mapping to a GP user."""
        allow, name = truth(body.get("allow", True)), str(body["user"]).upper()
        entries: list[tuple[set[Any], Any]] = []
        if "company" in body:
            entries.append((self.server.closed_companies, (name, str(body["company"]))))
        if "window" in body:
            entries.append((self.server.closed_windows, (name, str(body["window"]).lower())))
        for closed, entry in entries or [(self.server.unmapped, name)]:
            (closed.discard if allow else closed.add)(entry)
        return None

    def settings(self, body: Row) -> Any:
        """Any switch of the server, of the sign-in, or of a company; unknown names are refused."""
        company = self.company(body.pop("company", None))
        for name, value in body.items():
            if name == "version":
                self.server.version = int(value)
            elif name == "schemes":
                self.sign_in.schemes = tuple(value)
            elif name in SIGN_IN:
                old = getattr(self.sign_in, name)
                if name == "binding" and value not in BINDINGS:
                    raise ValueError(f"binding is one of {', '.join(BINDINGS)}")
                setattr(self.sign_in, name, like(old, value))
            elif name in SERVER_STATE:
                self.server.state[name] = like(SERVER_STATE[name], value)
            elif name in COMPANY_STATE:
                company.change_state(**{name: like(COMPANY_STATE[name], value)})
            else:
                raise ValueError(f"there is no setting {name}")
        return None

    # Pages

    async def page(self, request: Request) -> Response:
        return company_page(self.server, self.company(), self.sign_in.directory)

    async def document_page(self, request: Request) -> Response:
        company = self.company()
        params = request.path_params
        row = company.get("documents", str(params["kind"]), params["number"])
        return document_page(company, row) if row else refuse("no such document")


def truth(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).lower() in ("1", "true", "yes")


def like(old: Any, value: Any) -> Any:
    """A form's text in the type of the setting."""
    if isinstance(old, bool):
        return truth(value)
    return int(value) if isinstance(old, int) else str(value)
