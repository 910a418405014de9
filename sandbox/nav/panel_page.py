"""The control panel's pages for a person: documents to post, periods, items, sign-in, faults."""

from __future__ import annotations

import html
from urllib.parse import quote

from starlette.responses import HTMLResponse

from sandbox.common.catalogue import STORE_ONLY
from sandbox.common.control import BASE, button, page, subscribed, table
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.notices import Notices
from sandbox.nav.projection import status
from sandbox.nav.seed import Row
from sandbox.nav.values import ZERO

_SHOWN = 40
_ITEMS_SHOWN = 12


def start_page(instance: Instance, company: Company, notices: Notices | None) -> HTMLResponse:
    ledger = company.tables["ledger"].values()
    balance = sum((entry["amountLocal"] for entry in ledger), ZERO)
    name = "NAV 2018" if instance.flavour == "nav2018" else "Business Central 14 on the server"
    drafts = list(company.tables["drafts"].values())[::-1]
    posted = [*company.tables["invoices"].values(), *company.tables["memos"].values()]
    posted.sort(key=lambda row: str(row["lastModifiedDateTime"]), reverse=True)
    companies = " · ".join(
        f'<a href="{BASE}/?company={quote(other)}">{html.escape(other)}</a>'
        for other in instance.companies
    )
    return page(
        f"{name} simulator: {company.name}",
        f"{len(drafts)} drafts, {len(posted)} posted documents, "
        f"{len(company.tables['customers'])} customers, {len(ledger)} ledger entries that balance "
        f"to {balance:.2f}.",
        ("Companies", f"<p>{companies}</p>"),
        ("Drafts to post", _drafts(company, drafts)),
        ("Posted documents", _posted(company, posted)),
        ("Allowed posting dates", _periods(company)),
        ("Items and stock", _items(company)),
        (
            "Change subscriptions",
            subscribed(notices.rows.values(), company.clock, notices.delay)
            if notices
            else "<p>This version tells nobody of changes: connectors ask for them.</p>",
        ),
        ("The partner's extension and the server", _server(instance)),
        ("Faults", _faults()),
    )


def _drafts(company: Company, drafts: list[Row]) -> str:
    named = {"company": company.name}
    rows = [
        [
            _link(company, "drafts", row),
            html.escape(row["kind"]),
            html.escape(row["externalDocumentNumber"] or row["yourReference"]),
            html.escape(row["customerName"]),
            html.escape(row["status"]),
            f"{row['totalAmountIncludingTax']:.2f} {company.code_of(row['currencyCode'])}",
            button("Post", "documents/post", kind=row["kind"], number=row["number"], **named)
            + button(
                "Release", "documents/release", kind=row["kind"], number=row["number"], **named
            )
            + button("Delete", "documents/delete", kind=row["kind"], number=row["number"], **named),
        ]
        for row in drafts[:_SHOWN]
    ]
    heads = ["Number", "Kind", "External no.", "Customer", "Status", "#Total", ""]
    return table(heads, rows) + (button("Post all drafts", "documents/post", **named))


def _posted(company: Company, posted: list[Row]) -> str:
    rows = [
        [
            _link(company, "memos" if row["kind"] == "Credit Memo" else "invoices", row),
            "Credit memo" if row["kind"] == "Credit Memo" else "Invoice",
            html.escape(row["externalDocumentNumber"] or row["yourReference"]),
            html.escape(row["customerName"]),
            row["postingDate"],
            f"<span class=badge>{html.escape(status(row))}</span>",
            f"{row['totalAmountIncludingTax']:.2f} {company.code_of(row['currencyCode'])}",
            button("Paid", "invoices/pay", number=row["number"], company=company.name)
            if row["remainingAmount"] and row["kind"] != "Credit Memo"
            else "",
        ]
        for row in posted[:_SHOWN]
    ]
    heads = ["Number", "Kind", "External no.", "Customer", "Posting date", "State", "#Total", ""]
    return table(heads, rows)


def _link(company: Company, kind: str, row: Row) -> str:
    address = f"{BASE}/documents/{kind}/{quote(row['_key'])}?company={quote(company.name)}"
    return f'<a href="{html.escape(address)}">{html.escape(row["number"])}</a>'


def _periods(company: Company) -> str:
    first, last = company.state["from"], company.state["to"]
    words = f"Open from {first or 'the beginning'} to {last or 'any day'}."
    month = company.clock.now().date().replace(day=1).isoformat()
    named = {"company": company.name}
    return (
        f"<p>{html.escape(words if first or last else 'Every day is open.')}</p>"
        + button("Close the present period", "period", to="2020-01-31", **named)
        + button("Open this month only", "period", **{"from": month, "to": "", **named})
        + button("Open all periods", "period", **{"from": "", "to": "", **named})
    )


def _items(company: Company) -> str:
    first = next(iter(company.tables["items"]))
    named = {"company": company.name}
    rows = [
        [
            html.escape(number),
            html.escape(row["displayName"]),
            f"{row['unitPrice']:.2f}",
            f"{company.inventory(number):f}",
            f"{company.inventory(number, location='MAIN'):f}",
            _item_form(number, named),
        ]
        for number in company.in_order("items")[:_ITEMS_SHOWN]
        if (row := company.tables["items"][number])
    ]
    return (
        table(["Number", "Description", "#Unit price", "#Inventory", "#At MAIN", ""], rows)
        + "".join(
            button(f"Change {words} of 1% of the items", "items/change", what=what, **named)
            for words, what in (("price", "price"), ("stock", "stock"), ("name", "name"))
        )
        + "".join(
            button(f"Add the item {p.sku}", "items", number=p.sku, **named) for p in STORE_ONLY
        )
        + button(f"Block {first}", "items", number=first, blocked="1", **named)
        + button(f"Unblock {first}", "items", number=first, blocked="0", **named)
        + button(f"Ten more of {first}", "stock", number=first, quantity="10", **named)
    )


def _item_form(number: str, named: dict[str, str]) -> str:
    """Change an item's price, and what was counted at the main warehouse."""
    fields = "".join(
        f'<input type=hidden name="{name}" value="{html.escape(value)}">'
        for name, value in {**named, "number": number}.items()
    )
    return (
        f'<form method=post action="{BASE}/api/items">{fields}'
        '<input name=price size=7 placeholder="price" aria-label="price"> '
        '<input name=stock size=5 placeholder="at MAIN" aria-label="counted at MAIN"> '
        "<button>Change</button></form>"
    )


def _server(instance: Instance) -> str:
    switches = instance.switches
    choices = (
        ("posting_bound", "posting by bound action"),
        ("posting_codeunit", "posting codeunit by SOAP"),
        ("api_services", "API services"),
        ("escaped_enums", "escaped option members"),
    )
    return "".join(
        button(
            f"Turn {words} {'off' if getattr(switches, name) else 'on'}",
            "settings",
            **{name: "0" if getattr(switches, name) else "1"},
        )
        for name, words in choices
    )


def _faults() -> str:
    return (
        button(
            "Lose the next answer to a create",
            "faults",
            action="lose_reply",
            method="POST",
            path="Sales(Invoice|Order)$|sales(Invoices|Orders)$",
        )
        + button("Lock the ledger for three writes", "settings", table_lock="3")
        + button("Unlock the ledger", "settings", table_lock="0")
        + button("Expire all tokens", "tokens/expire")
        + button("Clear faults", "faults/clear")
    )


def document_page(company: Company, row: Row) -> HTMLResponse:
    lines = [
        [
            html.escape(line["lineType"]),
            html.escape(line["objectNumber"]),
            html.escape(line["description"]),
            f"{line['quantity']:f}",
            f"{line['unitPrice']:.2f}",
            f"{line['discountAmount']:.2f}",
            f"{line['netTaxAmount']:.2f}",
            f"{line['netAmountIncludingTax']:.2f}",
        ]
        for line in row["lines"]
    ]
    entries = [
        [entry["account"], f"{entry['amount']:.2f}", f"{entry['amountLocal']:.2f}"]
        for entry in company.tables["ledger"].values()
        if entry["documentNumber"] == row["_key"]
    ]
    return page(
        f"{row['kind']} {row['number']}",
        f"{row['customerName']}, external document number {row['externalDocumentNumber']}, "
        f"{row['totalAmountIncludingTax']:.2f} {company.code_of(row['currencyCode'])}, "
        f"{status(row)}.",
        (
            "Lines",
            table(
                [
                    "Type",
                    "No.",
                    "Description",
                    "#Quantity",
                    "#Unit price",
                    "#Discount",
                    "#VAT",
                    "#With VAT",
                ],
                lines,
            ),
        ),
        (
            "General ledger entries",
            table(["Account", "#Amount", "#In GBP"], entries, empty="Not posted yet."),
        ),
    )
