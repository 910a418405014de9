"""The control panel's JSON: what a person, an administrator or a bad day does to the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.business_central.odata import BadRequest
from sandbox.business_central.subscriptions import DELAY, MOST_NOTICES
from sandbox.common.clock import Clock
from sandbox.common.control import BASE, body_of, common_routes, done, refuse
from sandbox.common.faults import Faults
from sandbox.common.journal import Journal
from sandbox.common.jsonio import Json
from sandbox.common.windows_auth import BadAccount, WindowsAuth
from sandbox.entra import Entra
from sandbox.nav import documents, goods, posting, seed
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.notices import Notices
from sandbox.nav.pages import Page, pages
from sandbox.nav.panel_page import document_page, start_page
from sandbox.nav.projection import status
from sandbox.nav.seed import Row
from sandbox.nav.signin import BasicAuth, BearerAuth
from sandbox.nav.tables import STATE
from sandbox.nav.values import ZERO

_WINDOWS = ("basic", "binding", "forget", "drop_after_challenge", "close_every", "close_silently")


class Panel:
    def __init__(
        self,
        instance: Instance,
        auth: WindowsAuth | BasicAuth | BearerAuth,
        faults: Faults,
        clock: Clock,
        journal: Journal,
        entra: Entra,
        notices: Notices | None,
    ) -> None:
        self.instance, self.auth, self.faults, self.clock = instance, auth, faults, clock
        self.journal, self.entra, self.notices = journal, entra, notices

    def company(self, name: str = "") -> Company:
        companies = self.instance.companies
        return companies.get(name) or next(iter(companies.values()))

    def reset(self) -> None:
        self.journal.clear()
        self.entra.load()
        for company in self.instance.companies.values():
            company.load()
        self.instance.reset()
        if self.notices is not None:
            self.notices.rows.clear()
            self.notices.pending.clear()
            self.notices.log.clear()
            self.notices.delay, self.notices.most_notices = DELAY, MOST_NOTICES
        match self.auth:
            case WindowsAuth():
                self.auth.directory.reset()
                self.auth.reset()
            case BasicAuth():
                self.auth.users.reset()
            case BearerAuth():
                self.auth.card = "enabled"
        self.auth.counts.clear()

    def app(self) -> Starlette:
        api = f"{BASE}/api"
        acts: dict[str, Callable[[dict[str, Any]], Any]] = {
            "period": self.period,
            "items": self.item,
            "items/change": self.items,
            "sales-prices": self.sales_price,
            "customers": self.customer,
            "stock": self.stock,
            "setup": self.setup,
            "documents": self.document,
            "documents/post": self.post,
            "documents/release": self.release,
            "documents/delete": self.delete,
            "invoices/pay": self.pay,
            "pages": self.pages,
            "settings": self.settings,
            "users": self.users,
            "signin": self.signin,
            "tokens/expire": self.expire,
            "subscriptions": self.subscriptions,
            "deliver-to": self.deliver_to,
        }
        return Starlette(
            routes=[
                *common_routes(self.faults, self.clock, self.reset),
                Route(f"{BASE}/", self.start),
                Route(f"{BASE}/documents/{{table}}/{{key}}", self.show),
                Route(f"{api}/state", self.state),
                Route(f"{api}/items/{{number}}", self.read_item),
                *(
                    Route(f"{api}/{path}", _act(run), methods=["POST"])
                    for path, run in acts.items()
                ),
            ]
        )

    async def start(self, request: Request) -> Response:
        company = self.company(request.query_params.get("company", ""))
        return start_page(self.instance, company, self.notices)

    async def show(self, request: Request) -> Response:
        company = self.company(request.query_params.get("company", ""))
        table, key = request.path_params["table"], request.path_params["key"]
        row = company.tables.get(table, {}).get(key)
        return document_page(company, row) if row else refuse("no such document")

    async def state(self, request: Request) -> Response:
        company = self.company(request.query_params.get("company", ""))
        drafts = [_summary(row) for row in company.tables["drafts"].values()]
        invoices = [_summary(row) for row in company.tables["invoices"].values()]
        memos = [_summary(row) for row in company.tables["memos"].values()]
        # A refund can have the number of its order: credit memos are counted by themselves.
        kinds = (
            [d for d in drafts if d["kind"] != "Credit Memo"] + invoices,
            [d for d in drafts if d["kind"] == "Credit Memo"] + memos,
        )
        duplicates: dict[str, int] = {}
        for group in kinds:
            for field in ("externalDocumentNumber", "yourReference"):
                counts = Counter(row[field] for row in group if row[field])
                duplicates |= {ref: n for ref, n in counts.items() if n > 1}
        ledger = company.tables["ledger"].values()
        return Json(
            {
                "company": company.name,
                "company_id": company.id,
                "companies": {c.name: c.id for c in self.instance.companies.values()},
                "instance": self.instance.name,
                "drafts": drafts,
                "invoices": invoices,
                "credit_memos": memos,
                "duplicates": duplicates,
                "customers": [
                    {k: row[k] for k in ("number", "displayName", "email", "blocked")}
                    for row in company.tables["customers"].values()
                ],
                "receivables": [_entry(row) for row in company.tables["receivables"].values()],
                "ledger": [_entry(row) for row in ledger],
                "ledger_entries": len(ledger),
                "ledger_balance": sum((e["amountLocal"] for e in ledger), ZERO),
                "stock_entries": len(company.tables["stock"]),
                "items": len(company.tables["items"]),
                "period": {"from": company.state["from"], "to": company.state["to"]},
                "switches": asdict(self.instance.switches),
                "services": list(self.instance.published),
                "signin": dict(self.auth.counts),
                "subscriptions": list(self.notices.rows.values()) if self.notices else [],
                "notices": self.notices.log if self.notices else [],
            }
        )

    # A person at the client

    def period(self, body: dict[str, Any]) -> None:
        company = self.company(body.get("company", ""))
        for name in ("from", "to"):
            if name in body:
                company.state[name] = body[name] or None
        company.save_state()

    def item(self, body: dict[str, Any]) -> None:
        """Add or change one item: see ``goods.change``."""
        goods.change(self.company(body.get("company", "")), body)

    def items(self, body: dict[str, Any]) -> Any:
        """Change many items at once: see ``goods.change_many``."""
        return goods.change_many(self.company(body.get("company", "")), body)

    def sales_price(self, body: dict[str, Any]) -> None:
        """A line of Sales Prices: see ``goods.set_price``."""
        goods.set_price(self.company(body.get("company", "")), body)

    async def read_item(self, request: Request) -> Response:
        company = self.company(request.query_params.get("company", ""))
        number = request.path_params["number"].upper()
        row = company.tables["items"].get(number)
        if row is None:
            return refuse("no such item")
        held = {"inventory": company.inventory(number), "onOrder": company.on_order(number)}
        return Json(_entry(row) | held)

    def customer(self, body: dict[str, Any]) -> Any:
        company = self.company(body.pop("company", ""))
        number = str(body.pop("number", ""))
        for name in ("creditLimit",):
            if name in body:
                body[name] = Decimal(str(body[name]))
        if not number:
            return {"number": company.create_customer(body)["number"]}
        row = company.tables["customers"].get(number)
        if row is None:
            raise BadRequest("", "no such customer")
        if _true(body.pop("delete", False)):
            company.drop("customers", row)
            return None
        company.change_customer(row, body)
        return None

    def stock(self, body: dict[str, Any]) -> Any:
        """An item journal: a quantity at a location comes or goes."""
        company = self.company(body.get("company", ""))
        quantity = Decimal(str(body["quantity"]))
        entry = company.move(
            str(body["number"]).upper(),
            quantity,
            location=str(body.get("location", "MAIN")),
            variant=str(body.get("variant", "")),
            document="ITEMJNL",
            entry_type="Positive Adjmt." if quantity > 0 else "Negative Adjmt.",
        )
        return {"entry": entry["entryNumber"]}

    def setup(self, body: dict[str, Any]) -> None:
        """A record of a setup table, for example a currency or an account."""
        company = self.company(body.get("company", ""))
        table = str(body["table"])
        if table not in seed.setup(company.name):
            raise BadRequest("", f"no such setup table: {table}")
        values = {k: v for k, v in body.items() if k not in ("company", "table", "key")}
        for name in ("rate", "amountRoundingPrecision"):
            if name in values:
                values[name] = Decimal(str(values[name]))
        company.change_setup(table, str(body["key"]), values)

    def document(self, body: dict[str, Any]) -> Any:
        """Enter a document by hand; field names are the inner ones, ``lines`` a list."""
        company = self.company(body.pop("company", ""))
        kind, lines = str(body.pop("kind", "Invoice")), body.pop("lines", [])
        wants_post = _true(body.pop("post", False))
        exact = [
            {k: Decimal(v) if type(v) is int else v for k, v in line.items()} for line in lines
        ]
        row = documents.draft(company, kind, body, exact)
        return _summary(posting.post(company, row) if wants_post else row)

    def post(self, body: dict[str, Any]) -> Any:
        """Post drafts: one by kind and number, or all as a batch job does."""
        company = self.company(body.get("company", ""))
        if "number" in body:
            return _summary(posting.post(company, _draft(company, body)))
        posted, refused = [], {}
        for row in list(company.tables["drafts"].values()):
            try:
                posted.append(_summary(posting.post(company, row)))
            except BadRequest as problem:
                refused[row["_key"]] = problem.message
        return {"posted": posted, "refused": refused}

    def release(self, body: dict[str, Any]) -> None:
        company = self.company(body.get("company", ""))
        row = _draft(company, body)
        row["status"] = "Open" if _true(body.get("reopen", False)) else "Released"
        company.keep("drafts", row)

    def delete(self, body: dict[str, Any]) -> None:
        company = self.company(body.get("company", ""))
        company.drop("drafts", _draft(company, body))

    def pay(self, body: dict[str, Any]) -> Any:
        return _summary(posting.pay(self.company(body.get("company", "")), str(body["number"])))

    # The administrator

    def pages(self, body: dict[str, Any]) -> Any:
        """Publish, rename or withdraw a service; take a field off its page; change a length."""
        published, service = self.instance.published, str(body["service"])
        if _true(body.get("withdraw", False)):
            published.pop(service, None)
            return list(published)
        page = published.get(service) or pages(self.instance.name_length).get(service)
        if page is None:
            raise BadRequest("", f"no such service: {service}")
        if "hide" in body:
            page = page.take_off(str(body["hide"]))
        if "field" in body:
            page = page.with_length(str(body["field"]), int(body["length"]))
        if "as" in body:
            published.pop(service, None)
            page = self._renamed(page, str(body["as"]))
        published[page.service] = page
        return list(published)

    def _renamed(self, page: Page, name: str) -> Page:
        """The part of a page follows its service's name."""
        published, new_part = self.instance.published, page.part.replace(page.service, name, 1)
        part = published.pop(page.part, None)
        if part is not None:
            published[new_part] = replace(part, service=new_part, header=name)
        return replace(page, service=name, part=new_part)

    def settings(self, body: dict[str, Any]) -> Any:
        """Switches of the instance, of its companies, and of Entra."""
        self.instance.set(body)
        for company in self.instance.companies.values():
            for name in STATE.keys() & body.keys():
                if isinstance(STATE[name], bool):
                    company.state[name] = _true(body[name])
            for key, percent in dict(body.get("vat", {})).items():
                business, _, product = str(key).rpartition("|")
                business = business or "DOMESTIC"
                company.vat[(business, product)] = Decimal(str(percent))
                company.state.setdefault("vat", {})[f"{business}|{product}"] = str(percent)
            company.save_state()
        if "client_secret" in body:
            self.entra.change_secret(str(body["client_secret"]))
        if "expire_secret" in body:
            self.entra.expire_secret(str(body["expire_secret"]))
        if self.notices is not None:
            self.notices.delay = float(body.get("notice_seconds", self.notices.delay))
            self.notices.most_notices = int(body.get("most_notices", self.notices.most_notices))
        if "card" in body and isinstance(self.auth, BearerAuth):
            self.auth.card = str(body["card"])
        return asdict(self.instance.switches)

    def users(self, body: dict[str, Any]) -> None:
        """A user card or a domain account: password, access key, expiry, enabled."""
        name, values = str(body["name"]), {k: v for k, v in body.items() if k != "name"}
        if isinstance(self.auth, WindowsAuth):
            self.auth.directory.change(name, **values)
            return
        if not isinstance(self.auth, BasicAuth):
            raise BadRequest("", "this instance has no users of its own")
        card = self.auth.users.cards.get(name.upper())
        if card is None:
            raise BadRequest("", "no such user")
        if "key_expires" in values:
            text = values["key_expires"]
            card.key_expires = datetime.fromisoformat(text) if text else None
        for key in ("password", "access_key"):
            if key in values:
                setattr(card, key, str(values[key]))
        if "enabled" in values:
            card.enabled = _true(values["enabled"])

    def signin(self, body: dict[str, Any]) -> None:
        """What goes wrong with Windows sign-in: see ``WindowsAuth``."""
        if not isinstance(self.auth, WindowsAuth):
            raise BadRequest("", "this instance has no Windows sign-in")
        for name in _WINDOWS:
            if name in body:
                setattr(self.auth, name, body[name])
        if "schemes" in body:
            self.auth.schemes = tuple(body["schemes"])

    def expire(self, body: dict[str, Any]) -> None:
        self.entra.expire_all()

    def subscriptions(self, body: dict[str, Any]) -> None:
        """Lose subscriptions, as a server that is set up anew does: the one of ``id``, or all."""
        if self.notices is None:
            raise BadRequest("", "this server has no subscriptions")
        for key in [str(body["id"])] if body.get("id") else list(self.notices.rows):
            if key in self.notices.rows:
                self.notices.delete(key)

    def deliver_to(self, body: dict[str, Any]) -> None:
        if self.notices is not None:
            self.notices.routes[str(body["host"])] = str(body["url"])


def _act(run: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        try:
            return done(request, run(await body_of(request)))
        except (BadRequest, BadAccount, KeyError, ValueError) as problem:
            return refuse(f"{type(problem).__name__}: {problem}")

    return endpoint


def _true(value: Any) -> bool:
    return str(value).lower() in ("1", "true", "yes", "on")


def _draft(company: Company, body: dict[str, Any]) -> Row:
    row = company.tables["drafts"].get(f"{body.get('kind', 'Invoice')}|{body['number']}")
    if row is None:
        raise BadRequest("", "no such draft")
    return row


def _entry(row: Row) -> Row:
    return {name: value for name, value in row.items() if name[0] != "_"}


def _summary(row: Row) -> Row:
    names = (
        "id", "kind", "number", "externalDocumentNumber", "yourReference", "customerNumber",
        "postingDate", "currencyCode", "pricesIncludeTax", "totalAmountExcludingTax",
        "totalTaxAmount", "totalAmountIncludingTax", "appliesToDocNumber",
    )  # fmt: skip
    later = ("draftNumber", "orderNumber", "remainingAmount")
    return (
        {name: row[name] for name in names}
        | {name: row[name] for name in later if name in row}
        | {"status": status(row), "lines": len(row["lines"])}
    )
