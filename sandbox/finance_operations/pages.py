"""The control panel's pages."""

from __future__ import annotations

import html
from decimal import Decimal

from starlette.responses import HTMLResponse

from sandbox.common.catalogue import BY_SKU, STORE_ONLY
from sandbox.common.control import BASE, button, page, table
from sandbox.finance_operations import orders, receivables
from sandbox.finance_operations.environment import Environment, Row


def order_total(env: Environment, row: Row) -> Decimal:
    return sum((line["LineAmount"] for line in orders.lines_of(env, row)), Decimal(0))


def free_text_amount(env: Environment, row: Row) -> Decimal:
    lines = receivables.invoice_lines(env, row)
    return sum((line["TransactionCurrencyAmount"] for line in lines), Decimal(0))


def front(env: Environment) -> HTMLResponse:
    """Buttons for a person's acts, and the newest documents."""
    newest = list(env.table(orders.HEADERS).rows.values())[-40:][::-1]
    listed = [
        [
            f'<a href="{BASE}/orders/{row["dataAreaId"]}/{html.escape(row["SalesOrderNumber"])}">'
            f"{html.escape(row['SalesOrderNumber'])}</a>",
            row["dataAreaId"],
            html.escape(row["CustomersOrderReference"]),
            html.escape(row["SalesOrderName"]),
            f"<span class=badge>{row['SalesOrderProcessingStatus']}</span>",
            f"{order_total(env, row):.2f} {row['CurrencyCode']}",
        ]
        for row in newest
    ]
    drafts = [
        [
            str(row["InvoiceIdentifier"]),
            row["dataAreaId"],
            html.escape(row["CustomerReference"]),
            html.escape(row["InvoiceName"]),
            f"<span class=badge>{html.escape(row['FreeTextNumber'])}</span>",
            f"{free_text_amount(env, row):.2f} {row['CurrencyCode']}",
        ]
        for row in list(env.table(receivables.INVOICES).rows.values())[-20:][::-1]
    ]
    payments = [
        [
            row["JournalBatchNumber"],
            row["dataAreaId"],
            html.escape(row["PaymentReference"]),
            html.escape(row["CustomerName"]),
            f"{row['CreditAmount'] - row['DebitAmount']:.2f} {row['CurrencyCode']}",
        ]
        for row in list(env.table(receivables.JOURNAL_LINES).rows.values())[-20:][::-1]
    ]
    jobs = button("Run all batch jobs", "batch") + "".join(
        button(words, "batch", jobs=job)
        for job, words in (
            ("orders", "Invoice sales orders"),
            ("returns", "Credit return orders"),
            ("free_text", "Post free-text invoices"),
            ("journals", "Post payment journals"),
        )
    )
    jobs += button("Register arrival of all returned goods", "returns/arrive")
    today = env.clock.now().date()
    periods = (
        button("Close the present period", "period", to="2020-01-31")
        + button("Open this month only", "period", **{"from": f"{today:%Y-%m}-01", "to": ""})
        + button("Open all periods", "period", **{"from": "", "to": ""})
    )
    first = next(iter(BY_SKU))
    items = "".join(button(f"Release {p.sku}", "items", number=p.sku) for p in STORE_ONLY)
    items += button(f"Block {first}", "items", number=first, blocked="1")
    items += button(f"Unblock {first}", "items", number=first, blocked="0")
    items += "".join(
        button(f"Change {words} of 1% of the items", "items/change", share="1", what=words)
        for words in ("name", "price", "stock")
    )
    access = button("Take the client's registration away", "settings",
                    user_access="not_registered")  # fmt: skip
    access += button("Read-only role", "settings", user_access="read_only")
    access += button("Full role", "settings", user_access="full")
    faults = (
        button(
            "Lose the next answer to a create",
            "faults",
            action="lose_reply",
            method="POST",
            path="/data/",
        )
        + button("Expire all tokens", "tokens/expire")
        + button("Clear faults", "faults/clear")
    )
    return page(
        "Finance & Operations simulator",
        f"{len(env.table(orders.HEADERS).rows)} sales orders, "
        f"{len(env.table('SalesInvoiceHeadersV4').rows)} posted invoices, "
        f"{len(env.table('CustomersV3').rows)} customers, "
        f"{len(env.transactions)} ledger entries.",
        ("Batch jobs", jobs),
        ("Ledger calendar", periods),
        ("Items", items),
        ("The connector's user", access),
        ("Faults", faults),
        (
            "Sales orders",
            table(["Order", "Company", "Reference", "Name", "State", "#Lines"], listed),
        ),
        (
            "Free-text invoices",
            table(["Identifier", "Company", "Reference", "Name", "Number", "#Amount"], drafts),
        ),
        (
            "Customer payments",
            table(["Journal", "Company", "Reference", "Name", "#Received"], payments),
        ),
    )


def order_page(env: Environment, row: Row) -> HTMLResponse:
    company, number = row["dataAreaId"], row["SalesOrderNumber"]
    lines = [
        [
            html.escape(line["ItemNumber"]),
            html.escape(line["LineDescription"]),
            f"{line['OrderedSalesQuantity']:f}",
            f"{line['SalesPrice']:.2f}",
            f"{line['LineDiscountAmount']:.2f}",
            f"{line['LineAmount']:.2f}",
            html.escape(line["SalesTaxItemGroupCode"]),
        ]
        for line in orders.lines_of(env, row)
    ]
    invoices = [
        [
            invoice["InvoiceNumber"],
            invoice["InvoiceDate"][:10],
            f"{invoice['TotalTaxAmount']:.2f}",
            f"{invoice['TotalInvoiceAmount']:.2f} {invoice['CurrencyCode']}",
        ]
        for invoice in env.table("SalesInvoiceHeadersV4").where(
            dataAreaId=company, SalesOrderNumber=number
        )
    ]
    heads = ["Item", "Description", "#Quantity", "#Price", "#Discount", "#Net", "Tax group"]
    return page(
        f"Sales order {number}",
        f"{row['SalesOrderName']}, reference {row['CustomersOrderReference']}, "
        f"{row['SalesOrderProcessingStatus']}.",
        ("Lines", table(heads, lines)),
        (
            "Posted invoices",
            table(["Number", "Date", "#Sales tax", "#Total"], invoices, empty="Not posted yet."),
        ),
    )
