"""The pages of GP's control panel."""

from __future__ import annotations

import html
from decimal import Decimal

from starlette.responses import HTMLResponse

from sandbox.common.catalogue import STORE_ONLY
from sandbox.common.control import BASE, button, page, table
from sandbox.common.windows_auth import Directory
from sandbox.gp import batches, ledger
from sandbox.gp.company import Company, Row
from sandbox.gp.receivables import TYPES
from sandbox.gp.server import Server


def company_page(server: Server, company: Company, directory: Directory) -> HTMLResponse:
    documents = list(company.tables["documents"].values())
    proof = ledger.proof(company)
    return page(
        f"Dynamics GP simulator: {company.name}",
        f"{len(documents)} receivables documents, {len(company.tables['customers'])} customers; "
        f"the ledger's debits and credits differ by {proof['difference']:.2f}, the receivable "
        f"account and the open documents by {proof['receivable_difference']:.2f}.",
        ("Fiscal periods", _periods(company)),
        ("Batches", _batches(company)),
        ("Receivables documents", _documents(documents)),
        ("Items and customers", _masters(company)),
        ("Windows accounts", _accounts(directory)),
        ("Trouble", _trouble(server)),
    )


def _periods(company: Company) -> str:
    today = company.today()
    closed = [row for row in company.tables["periods"].values() if row["Closed"]]
    words = ", ".join(f"{r['Year']}/{r['PeriodId']} {r['SeriesName']}" for r in closed[:12])
    month = {"year": str(today.year), "month": str(today.month)}
    return (
        f"<p>{html.escape(f'Closed: {words}' if closed else 'Every period is open.')}</p>"
        + button("Close this month for Sales", "period", **month, series="3", closed="1")
        + button("Close this month for Financial", "period", **month, series="2", closed="1")
        + button("Open all periods", "period", closed="0")
    )


def _batches(company: Company) -> str:
    rows = []
    for row in company.tables["batches"].values():
        shown = batches.counted(company, row)
        name = {"id": row["BatchId"], "source": row["BatchSource"]}
        rows.append(
            [
                html.escape(row["BatchId"]),
                html.escape(row["BatchSource"]),
                row["PostingDate"],
                f"<span class=badge>{html.escape(row['Status'])}</span>",
                str(shown["NumberOfTransactions"]),
                f"{Decimal(shown['BatchTotal']):.2f}",
                button("Post", "batches", **name, act="post")
                + button("Mark", "batches", **name, act="Marked")
                + button("Release", "batches", **name, act="Available")
                + button("Delete", "batches", **name, act="delete"),
            ]
        )
    return table(["Batch", "Source", "Posting date", "State", "#Documents", "#Total", ""], rows)


def _documents(documents: list[Row]) -> str:
    rows = [
        [
            f'<a href="{BASE}/documents/{row["DocumentType"]}/{html.escape(row["DocumentNumber"])}">'
            f"{html.escape(row['DocumentNumber'])}</a>",
            TYPES[row["DocumentType"]],
            html.escape(row["CustomerPONumber"]),
            html.escape(row["CustomerId"]),
            row["GLPostingDate"],
            html.escape(row["BatchId"]),
            f"<span class=badge>{row['TransactionState']}</span>",
            f"{Decimal(row['DocumentAmount']):.2f} {html.escape(row['CurrencyId'])}",
        ]
        for row in reversed(documents[-40:])
    ]
    return table(
        ["Number", "Type", "PO number", "Customer", "GL date", "Batch", "State", "#Amount"], rows
    )


def _masters(company: Company) -> str:
    first = next(iter(company.tables["items"].values()))["ItemNumber"]
    customer = next(reversed(company.tables["customers"].values()))["CustomerId"]
    return (
        "".join(button(f"Add the item {p.sku}", "items", number=p.sku) for p in STORE_ONLY)
        + button(f"Deactivate {first}", "items", number=first, inactive="1")
        + button(f"Activate {first}", "items", number=first, inactive="0")
        + "".join(
            button(f"Change {words} of 1% of the items", "items/change", share="1", what=what)
            for words, what in (
                ("the price", "price"),
                ("the name", "name"),
                ("the stock", "stock"),
            )
        )
        + button(f"Put {customer} on hold", "customers", id=customer, hold="1")
        + button(f"Take {customer} off hold", "customers", id=customer, hold="0")
        + _goods(company)
    )


def _goods(company: Company) -> str:
    """The first items, each with a form for its price and its quantity at MAIN."""
    rows = []
    for item in company.rows("items")[:12]:
        number = html.escape(item["ItemNumber"])
        stock = company.get("item_sites", item["ItemNumber"], "MAIN")
        rows.append(
            [
                number,
                html.escape(item["Description"]),
                f"{Decimal(item['ListPrice']):.2f}",
                f"{Decimal(stock['QuantityOnHand']):.0f}" if stock else "",
                f'<form method=post action="{BASE}/api/items">'
                f'<input type=hidden name=number value="{number}">'
                "<input name=price size=7 placeholder=price> "
                "<input name=stock size=5 placeholder=stock> <button>Set</button></form>",
            ]
        )
    return table(["Item", "Description", "#List price", "#At MAIN", "Change"], rows)


def _accounts(directory: Directory) -> str:
    rows = [
        [
            html.escape(account.name),
            "locked" if account.locked else "expired" if account.expired else "usable",
            str(account.bad_passwords),
            button("Expire the password", "users", name=account.name, expired="1")
            + button("Renew", "users", name=account.name, expired="0")
            + button("Unlock", "users", name=account.name, locked="0"),
        ]
        for account in directory.accounts.values()
    ]
    return table(["Account", "State", "#Wrong passwords", ""], rows)


def _trouble(server: Server) -> str:
    return (
        f"<p>The service is {html.escape(str(server.state['service']))}.</p>"
        + button("Stop the service", "settings", service="stopped")
        + button("Answer 503", "settings", service="unavailable")
        + button("Start the service", "settings", service="up")
        + button(
            "Lose the next answer to a document",
            "faults",
            action="lose_reply",
            method="POST",
            path="Transactions$",
        )
        + button("Forget one signed-in connection", "settings", forget="1")
        + button("Clear faults", "faults/clear")
    )


def document_page(company: Company, row: Row) -> HTMLResponse:
    distributions = [
        [
            html.escape(each["AccountNumber"]),
            ledger.KINDS.get(each["DistributionType"], ""),
            f"{Decimal(each['DebitAmount']):.2f}",
            f"{Decimal(each['CreditAmount']):.2f}",
            f"{Decimal(amounts['DebitAmount']):.2f}",
            f"{Decimal(amounts['CreditAmount']):.2f}",
        ]
        for each, amounts in zip(row["Distributions"], row["_functional"], strict=True)
    ]
    taxes = [
        [html.escape(each["TaxDetailId"]), f"{Decimal(each['SalesTaxAmount']):.2f}"]
        for each in row["Taxes"]
    ]
    parts = [
        [label, f"{Decimal(row[name]):.2f}"]
        for label, name in (
            ("Sales", "SalesAmount"),
            ("Trade discount", "TradeDiscountAmount"),
            ("Freight", "FreightAmount"),
            ("Miscellaneous", "MiscellaneousAmount"),
            ("Tax", "TaxAmount"),
            ("Document", "DocumentAmount"),
        )
    ]
    entries = [
        [
            str(line["JournalEntry"]),
            html.escape(line["AccountNumber"]),
            f"{Decimal(line['DebitAmount']):.2f}",
            f"{Decimal(line['CreditAmount']):.2f}",
            "in its batch" if line["Stuck"] else "posted",
        ]
        for line in company.tables["ledger"].values()
        if (line["DocumentType"], line["DocumentNumber"])
        == (row["DocumentType"], row["DocumentNumber"])
    ]
    return page(
        f"{TYPES[row['DocumentType']]} {row['DocumentNumber']}",
        f"{row['Description']}, customer {row['CustomerId']}, batch {row['BatchId']}, "
        f"{row['TransactionState']}, {row['CurrencyId']}.",
        ("Amounts", table(["", "#Amount"], parts)),
        ("Taxes", table(["Detail", "#Tax"], taxes, empty="No tax.")),
        (
            "Distributions",
            table(
                ["Account", "Type", "#Debit", "#Credit", "#Debit, pounds", "#Credit, pounds"],
                distributions,
            ),
        ),
        (
            "General ledger",
            table(
                ["Entry", "Account", "#Debit", "#Credit", "State"], entries, empty="Not posted yet."
            ),
        ),
    )
