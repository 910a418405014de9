"""GL distributions of receivables documents, the general ledger, and its proof."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp import periods, setup, wire
from sandbox.gp.company import Company, Row
from sandbox.gp.currency import Money
from sandbox.gp.values import dec, five
from sandbox.gp.wire import Refusal

ZERO = Decimal(0)
# Distribution types of receivables (DISTTYPE).
RECEIVABLE, SALES, TRADE, FREIGHT, MISCELLANEOUS, TAXES = 3, 9, 10, 11, 12, 13
KINDS = {
    1: "CASH", 2: "TAKEN", 3: "RECV", 4: "WRITE", 5: "AVAIL", 6: "GST", 7: "PPS", 8: "WITHHOLD",
    9: "SALES", 10: "TRADE", 11: "FREIGHT", 12: "MISC", 13: "TAXES", 14: "WARREXP", 15: "WARRSLS",
    16: "COMMEXP", 17: "COMMPAY", 18: "COGS", 19: "INV", 20: "RETURNS", 22: "OTHER", 23: "ROUND",
}  # fmt: skip
CREDITS = (7, 8)


def defaults(company: Company, document: Row) -> list[Row]:
    """What GP fills in: receivable and discount against sales, freight, miscellaneous and tax;
    the other way round for a credit memo and a return."""
    credit = document["DocumentType"] in CREDITS
    customer = company.get("customers", document["CustomerId"]) or {}
    of_class = company.get("customer_classes", customer.get("ClassId", "")) or {}
    debits = (
        (of_class.get("_account", setup.RECEIVABLE), RECEIVABLE, "DocumentAmount"),
        (setup.DISCOUNT, TRADE, "TradeDiscountAmount"),
    )
    credits = (
        (setup.RETURNS if credit else setup.SALES, SALES, "SalesAmount"),
        (setup.FREIGHT, FREIGHT, "FreightAmount"),
        (setup.MISCELLANEOUS, MISCELLANEOUS, "MiscellaneousAmount"),
        (setup.TAX, TAXES, "TaxAmount"),
    )
    rows = []
    for side, lines in (("DebitAmount", debits), ("CreditAmount", credits)):
        if credit:
            side = "CreditAmount" if side == "DebitAmount" else "DebitAmount"
        for account, kind, name in lines:
            if dec(document[name]):
                row = {"AccountNumber": account, "DistributionType": kind, "Reference": ""}
                row |= {"DebitAmount": five(ZERO), "CreditAmount": five(ZERO)}
                rows.append(row | {side: document[name]})
    return rows


def check(company: Company, rows: list[Row]) -> None:
    """Raises Refusal for an account that does not exist or is inactive, a type that GP does not
    know, a row with both sides, or sides that do not balance."""
    for number, row in enumerate(rows):
        account = company.get("accounts", row["AccountNumber"])
        place = f"Distributions[{number}]."
        if account is None or account["Inactive"]:
            raise Company.missing(
                f"{place}AccountNumber", row["AccountNumber"], "accounts", wire.NO_ACCOUNT
            )
        if row["DistributionType"] not in KINDS:
            raise Refusal(
                400,
                wire.MALFORMED,
                f"{place}DistributionType",
                "The distribution type is not one of receivables.",
            )
        if bool(dec(row["DebitAmount"])) == bool(dec(row["CreditAmount"])):
            raise Refusal(
                400, wire.MALFORMED, f"{place}DebitAmount", "A distribution has one side."
            )
    debit = sum((dec(row["DebitAmount"]) for row in rows), ZERO)
    credit = sum((dec(row["CreditAmount"]) for row in rows), ZERO)
    if debit != credit:
        raise Refusal(
            422,
            wire.UNBALANCED,
            "Distributions",
            f"Distributions do not balance: debits {debit:.2f}, credits {credit:.2f}",
        )


def functional(rows: list[Row], money: Money) -> list[dict[str, str]]:
    """The rows' amounts in the functional currency; the largest row but the receivable takes the
    rounding."""
    converted = [
        money.functional(dec(row["DebitAmount"]) - dec(row["CreditAmount"])) for row in rows
    ]
    if converted and (rest := sum(converted, ZERO)):
        largest = max(
            range(len(converted)),
            key=lambda n: (rows[n]["DistributionType"] != RECEIVABLE, abs(converted[n])),
        )
        converted[largest] -= rest
    return [
        {"DebitAmount": five(max(amount, ZERO)), "CreditAmount": five(max(-amount, ZERO))}
        for amount in converted
    ]


def enter(company: Company, document: Row) -> None:
    """The posted document's journal entry; stuck in its batch if the Financial series is closed."""
    period = periods.find(company, document["GLPostingDate"], periods.FINANCIAL)
    company.change_state(journal_entry=company.state["journal_entry"] + 1)
    entry = company.state["journal_entry"]
    rows = zip(document["Distributions"], document["_functional"], strict=True)
    for number, (row, amounts) in enumerate(rows, 1):
        line = {
            "JournalEntry": entry,
            "Line": number,
            "AccountNumber": row["AccountNumber"],
            "DistributionType": KINDS[row["DistributionType"]],
            "TransactionDate": document["GLPostingDate"],
            "DocumentType": document["DocumentType"],
            "DocumentNumber": document["DocumentNumber"],
            "CurrencyId": document["CurrencyId"],
            "OriginatingDebit": row["DebitAmount"],
            "OriginatingCredit": row["CreditAmount"],
            **amounts,
            "Stuck": period is None or period["Closed"],
        }
        company.keep("ledger", line, f"{entry};{number}")


def proof(company: Company) -> dict[str, Any]:
    """Debits and credits of the ledger, and the receivable account against the open documents."""
    rows = list(company.tables["ledger"].values())
    debit = sum((dec(row["DebitAmount"]) for row in rows), ZERO)
    credit = sum((dec(row["CreditAmount"]) for row in rows), ZERO)
    control = sum(
        (
            dec(row["DebitAmount"]) - dec(row["CreditAmount"])
            for row in rows
            if row["DistributionType"] == KINDS[RECEIVABLE]
        ),
        ZERO,
    )
    posted = [
        row for row in company.tables["documents"].values() if row["TransactionState"] != "Work"
    ]
    open_amount = sum(
        (
            dec(row["FunctionalDocumentAmount"]) * (-1 if row["DocumentType"] in CREDITS else 1)
            for row in posted
        ),
        ZERO,
    )
    return {
        "debits": debit,
        "credits": credit,
        "difference": debit - credit,
        "receivable_account": control,
        "open_documents": open_amount,
        "receivable_difference": control - open_amount,
        "stuck_lines": sum(1 for row in rows if row["Stuck"]),
    }
