"""The control panel of Business Central: periods, items, customers, what is booked, faults."""

from __future__ import annotations

import html
from collections import Counter
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.business_central import goods, seed
from sandbox.business_central.api import Environment
from sandbox.business_central.company import Company
from sandbox.business_central.subscriptions import DELAY, MOST_NOTICES
from sandbox.common.catalogue import STORE_ONLY
from sandbox.common.control import (
    BASE,
    body_of,
    button,
    common_routes,
    done,
    page,
    refuse,
    subscribed,
)
from sandbox.common.control import table as listed
from sandbox.common.faults import Faults
from sandbox.common.journal import Journal
from sandbox.common.jsonio import Json


class Panel:
    def __init__(self, environment: Environment, faults: Faults, journal: Journal) -> None:
        self.environment, self.faults, self.journal = environment, faults, journal

    @property
    def company(self) -> Company:
        return next(iter(self.environment.companies.values()))

    def reset(self) -> None:
        self.journal.clear()
        self.environment.entra.load()
        for company in self.environment.companies.values():
            company.load()
        self.environment.card = "enabled"
        held = self.environment.subscriptions
        held.rows.clear()
        held.pending.clear()
        held.log.clear()
        held.delay, held.most_notices = DELAY, MOST_NOTICES
        self.environment.limits.forget()

    def app(self) -> Starlette:
        api = f"{BASE}/api"
        return Starlette(
            routes=[
                *common_routes(self.faults, self.environment.clock, self.reset),
                Route(f"{BASE}/", self.page),
                Route(f"{BASE}/invoices/{{number}}", self.invoice),
                Route(f"{api}/state", self.state),
                Route(f"{api}/period", self.period, methods=["POST"]),
                Route(f"{api}/items", self.item, methods=["POST"]),
                Route(f"{api}/items/change", self.items, methods=["POST"]),
                Route(f"{api}/items/{{number}}", self.read_item),
                Route(f"{api}/subscriptions", self.subscriptions, methods=["POST"]),
                Route(f"{api}/customers", self.customer, methods=["POST"]),
                Route(f"{api}/documents", self.document, methods=["POST"]),
                Route(f"{api}/tokens/expire", self.expire, methods=["POST"]),
                Route(f"{api}/settings", self.settings, methods=["POST"]),
                Route(f"{api}/deliver-to", self.deliver_to, methods=["POST"]),
            ]
        )

    async def state(self, request: Request) -> Response:
        company = self.company
        invoices = [self._document(row) for row in company.tables["salesInvoices"].values()]
        orders = [self._document(row) for row in company.tables["salesOrders"].values()]
        memos = [self._document(row) for row in company.tables["salesCreditMemos"].values()]
        counts = Counter(
            row["externalDocumentNumber"]
            for row in invoices + orders + memos
            if row["externalDocumentNumber"]
        )
        return Json(
            {
                "company_id": company.id,
                "limits": self.environment.limits.shown(),
                "invoices": invoices,
                "orders": orders,
                "credit_memos": memos,
                "posted": sum(1 for row in invoices if row["status"] != "Draft"),
                "drafts": sum(1 for row in invoices if row["status"] == "Draft"),
                "duplicates": {ref: n for ref, n in counts.items() if n > 1},
                "customers": [
                    {
                        k: row[k]
                        for k in (
                            "id",
                            "number",
                            "displayName",
                            "email",
                            "blocked",
                            "taxAreaDisplayName",
                        )
                    }
                    for row in company.tables["customers"].values()
                ],
                "ledger_entries": len(company.ledger),
                "ledger_balance": sum((e["amount"] for e in company.ledger), Decimal(0)),
                "period": {"from": company.state["from"], "to": company.state["to"]},
                "card": self.environment.card,
                "items": len(company.tables["items"]),
                "item_ledger_entries": company.state["entries"],
                "subscriptions": [
                    {k: v for k, v in row.items() if k[0] != "_"}
                    for row in self.environment.subscriptions.rows.values()
                ],
                "notices": self.environment.subscriptions.log,
            }
        )

    def _document(self, row: dict[str, Any]) -> dict[str, Any]:
        names = (
            "id", "number", "externalDocumentNumber", "customerNumber", "status", "postingDate",
            "currencyCode", "totalAmountIncludingTax", "totalTaxAmount", "pricesIncludeTax",
        )  # fmt: skip
        return {name: row[name] for name in names} | {
            "lines": len(row["_lines"]),
            "invoiceNumber": row.get("invoiceNumber", ""),
        }

    async def period(self, request: Request) -> Response:
        body = await body_of(request)
        for name in ("from", "to"):
            if name in body:
                self.company.state[name] = body[name] or None
        self.company.save_state()
        return done(request)

    async def item(self, request: Request) -> Response:
        item = goods.change(self.company, await body_of(request))
        return done(request, self._item(item))

    async def items(self, request: Request) -> Response:
        try:
            return done(request, goods.change_many(self.company, await body_of(request)))
        except (ValueError, ArithmeticError) as problem:
            return refuse(str(problem))

    async def read_item(self, request: Request) -> Response:
        item = goods.find(self.company, request.path_params["number"].upper())
        return refuse("no such item") if item is None else Json(self._item(item))

    @staticmethod
    def _item(item: dict[str, Any]) -> dict[str, Any]:
        names = ("id", "number", "displayName", "unitPrice", "inventory", "blocked", "gtin")
        return {name: item[name] for name in (*names, "lastModifiedDateTime")}

    async def customer(self, request: Request) -> Response:
        body = await body_of(request)
        company = self.company
        if number := body.pop("number", None):
            ids = company.index[("customers", "number")].get(str(number), {})
            row = next((company.tables["customers"][i] for i in ids), None)
            if row is None:
                return refuse("no such customer")
            if body.get("delete"):
                company.drop("customers", row)
                return done(request)
            inclusive = body.pop("prices_include_tax", None)
            if inclusive is not None:
                row["_inclusive"] = bool(inclusive)
            row.update(body)
            company.keep("customers", row)
            return done(request)
        row = company.create_customer(body)
        return done(request, {"id": row["id"], "number": row["number"]})

    async def document(self, request: Request) -> Response:
        """Book a document by hand, as a person in the client would."""
        body = await body_of(request)
        post = bool(body.pop("post", False))
        row = self.company.create_document("salesInvoices", body)
        if post:
            self.company.post("salesInvoices", row)
        return done(request, self._document(row))

    async def deliver_to(self, request: Request) -> Response:
        body = await body_of(request)
        self.environment.subscriptions.routes[str(body["host"])] = str(body["url"])
        return done(request)

    async def subscriptions(self, request: Request) -> Response:
        """``act``: lose, as an administrator's clean-up does: the one of ``id``, or every one."""
        body = await body_of(request)
        held = self.environment.subscriptions
        if body.get("act") != "lose":
            return refuse("act is lose")
        for key in [str(body["id"])] if body.get("id") else list(held.rows):
            if key in held.rows:
                held.delete(key)
        return done(request)

    async def expire(self, request: Request) -> Response:
        self.environment.entra.expire_all()
        return done(request)

    async def settings(self, request: Request) -> Response:
        body = await body_of(request)
        for name in (
            "template_prices_include_tax",
            "template_posting_groups",
            "ledger_setup_offered",
        ):
            if name in body:
                self.company.state[name] = bool(body[name])
        if "card" in body:
            self.environment.card = str(body["card"])
        if "rate" in body:
            self.environment.limits.rate = int(body["rate"])
            self.environment.limits.forget()
        held = self.environment.subscriptions
        if "notice_seconds" in body:
            held.delay = float(body["notice_seconds"])
        if "most_notices" in body:
            held.most_notices = int(body["most_notices"])
        if "client_secret" in body:
            self.environment.entra.change_secret(str(body["client_secret"]))
        if "expire_secret" in body:
            self.environment.entra.expire_secret(str(body["expire_secret"]))
        if "vat" in body:
            for group, percent in dict(body["vat"]).items():
                seed.VAT[("DOMESTIC", group)] = Decimal(str(percent))
        return done(request)

    async def page(self, request: Request) -> Response:
        company = self.company
        rows = sorted(
            company.tables["salesInvoices"].values(),
            key=lambda r: r["lastModifiedDateTime"],
            reverse=True,
        )
        invoices = [
            [
                f'<a href="{BASE}/invoices/{html.escape(row["number"])}">{html.escape(row["number"])}</a>',
                html.escape(row["externalDocumentNumber"]),
                html.escape(row["customerName"]),
                row["postingDate"],
                f"<span class=badge>{'Draft' if row['status'] == 'Draft' else 'Posted'}</span>",
                f"{row['totalAmountIncludingTax']:.2f} {row['currencyCode']}",
            ]
            for row in rows[:40]
        ]
        today = self.environment.clock.now().date()
        before = today.replace(day=1).isoformat()
        period = company.state["from"] or company.state["to"]
        words = f"Open from {company.state['from'] or 'the beginning'} to {company.state['to'] or 'any day'}."
        periods = (
            f"<p>{html.escape(words if period else 'Every day is open.')}</p>"
            + button("Close the present period", "period", to="2020-01-31")
            + button("Open all periods", "period", **{"from": "", "to": ""})
            + button("Open this month only", "period", **{"from": before, "to": ""})
        )
        items = "".join(button(f"Add the item {p.sku}", "items", number=p.sku) for p in STORE_ONLY)
        first = next(iter(company.tables["items"].values()))["number"]
        items += button(f"Block {first}", "items", number=first, blocked="1")
        items += button(f"Unblock {first}", "items", number=first, blocked="0")
        items += "".join(
            button(f"Change {words} of 1% of the items", "items/change", share="1", what=what)
            for words, what in (
                ("the price", "price"),
                ("the name", "name"),
                ("the stock", "stock"),
            )
        )
        items += self._goods()
        faults = (
            button(
                "Lose the next answer to a create",
                "faults",
                action="lose_reply",
                method="POST",
                path="salesInvoices$",
            )
            + button("Expire all tokens", "tokens/expire")
            + button("Clear faults", "faults/clear")
        )
        balance = sum((e["amount"] for e in company.ledger), Decimal(0))
        return page(
            f"Business Central simulator: {company.name}",
            f"{len(rows)} sales invoices, {len(company.tables['customers'])} customers, "
            f"{len(company.ledger)} ledger entries that balance to {balance:.2f}.",
            ("Allowed posting dates", periods),
            ("Items", items),
            ("Change subscriptions", self._subscribed()),
            ("Faults", faults),
            (
                "Sales invoices",
                listed(
                    ["Number", "External no.", "Customer", "Posting date", "State", "#Total"],
                    invoices,
                ),
            ),
        )

    def _goods(self) -> str:
        """The first items with a form that changes their price and counted quantity."""
        table = self.company.tables["items"]
        ids = [row_id for _, row_id in self.company.in_order("items")[:12]]
        return listed(
            ["Number", "Name", "#Unit price", "#On hand", "Change"],
            [
                [
                    html.escape(item["number"]),
                    html.escape(item["displayName"]),
                    f"{item['unitPrice']:.2f}",
                    f"{item['inventory']:f}",
                    f'<form method=post action="{BASE}/api/items">'
                    f'<input type=hidden name=number value="{html.escape(item["number"])}">'
                    "<input name=price size=7 placeholder=price> "
                    "<input name=stock size=5 placeholder=stock> <button>Set</button></form>",
                ]
                for item in (table[row_id] for row_id in ids)
            ],
        )

    def _subscribed(self) -> str:
        clock = self.environment.clock
        held = self.environment.subscriptions
        return subscribed(held.rows.values(), clock, held.delay)

    async def invoice(self, request: Request) -> Response:
        number = request.path_params["number"]
        row = next(
            (r for r in self.company.tables["salesInvoices"].values() if r["number"] == number),
            None,
        )
        if row is None:
            return refuse("no such invoice")
        lines = [
            [
                html.escape(line["lineObjectNumber"]),
                html.escape(line["description"]),
                f"{line['quantity']:f}",
                f"{line['unitPrice']:.2f}",
                f"{line['netTaxAmount']:.2f}",
                f"{line['netAmountIncludingTax']:.2f}",
            ]
            for line in row["_lines"]
        ]
        entries = [
            [entry["account"], f"{entry['amount']:.2f} {entry['currency']}"]
            for entry in self.company.ledger
            if entry["document"] == number
        ]
        return page(
            f"Sales invoice {number}",
            f"{row['customerName']}, external document number {row['externalDocumentNumber']}, "
            f"{row['totalAmountIncludingTax']:.2f} {row['currencyCode']}.",
            (
                "Lines",
                listed(
                    ["No.", "Description", "#Quantity", "#Unit price", "#VAT", "#With VAT"], lines
                ),
            ),
            ("Ledger entries", listed(["Account", "#Amount"], entries, empty="Not posted yet.")),
        )
