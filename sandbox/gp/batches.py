"""Receivables batches: their states, their one posting date, and posting by a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.gp import ledger, periods, wire
from sandbox.gp.company import Company, Row
from sandbox.gp.resources import BATCH
from sandbox.gp.values import clean, complete, dec, five
from sandbox.gp.wire import Refusal

SOURCE = "RM_Sales"
SINGLE_USE = 1  # 2 weekly, 3 biweekly and so on: a recurring batch stays when it is posted
CREDITS = (7, 8)
# A batch in one of these takes no document; the texts follow GP's batch states (KB 850289).
BUSY = {
    "Marked": "Batch is marked for posting by another user.",
    "Posting": "Batch is being posted.",
    "Receiving": "Batch is receiving transactions from another batch.",
    "Busy": "Batch is busy.",
    "Locked": "Batch is locked.",
    "Edited": "Batch is being edited by another user.",
    "Pending approval": "Batch is pending approval.",
}
STATES = ("Available", *BUSY, "Approved")


def documents(company: Company, source: str, batch: str) -> list[Row]:
    """The unposted documents in a batch."""
    wanted = (source.upper(), batch.upper())
    return [
        row
        for row in company.tables["documents"].values()
        if row["TransactionState"] == "Work"
        and (row["BatchSource"].upper(), row["BatchId"].upper()) == wanted
    ]


def counted(company: Company, row: Row) -> Row:
    held = documents(company, row["BatchSource"], row["BatchId"])
    total = sum((dec(each["DocumentAmount"]) for each in held), Decimal(0))
    return {**row, "NumberOfTransactions": len(held), "BatchTotal": five(total)}


def create(company: Company, body: Row) -> Row:
    """An empty batch, as somebody opens one. Raises Refusal."""
    values = clean(BATCH, body, company.page)
    complete(BATCH, values)
    if company.get("batches", values["BatchSource"], values["BatchId"]):
        raise Refusal(409, wire.EXISTS, "BatchId", "The batch exists already.")
    row = complete(BATCH, values)
    row["PostingDate"] = values.get("PostingDate", company.today().isoformat())
    row["Frequency"] = values.get("Frequency", SINGLE_USE)
    row["Status"] = "Available"
    return company.keep("batches", row)


def take(company: Company, document: Row) -> Row:
    """The batch for a new document, opened if there is none; the document's GL date follows it.

    Raises Refusal for a batch in use, a credit in a recurring batch, a second posting date where
    that is refused.
    """
    row = company.get("batches", document["BatchSource"], document["BatchId"])
    if row is None:
        return complete(
            BATCH,
            {
                "BatchSource": document["BatchSource"],
                "BatchId": document["BatchId"],
                "PostingDate": document["GLPostingDate"],
                "Frequency": SINGLE_USE,
                "Status": "Available",
            },
        )
    if row["Status"] in BUSY:
        raise Refusal(409, wire.BATCH_NOT_AVAILABLE, "BatchId", BUSY[row["Status"]])
    if document["DocumentType"] in CREDITS and row["Frequency"] != SINGLE_USE:
        raise Refusal(
            422, wire.RECURRING_CREDIT, "BatchId", "Credits belong in single-use batches only."
        )
    rule = company.state["batch_dates"]
    if document["GLPostingDate"] != row["PostingDate"]:
        if rule == "refuse":
            raise Refusal(
                422, wire.BATCH_DATE, "GLPostingDate", "The batch has another posting date."
            )
        if rule == "batch":
            document["GLPostingDate"] = row["PostingDate"]
    if row["Status"] == "Approved":
        row["Status"] = "Available"
    return row


def find(company: Company, source: str, batch: str) -> Row:
    row = company.get("batches", source, batch)
    if row is None:
        raise Refusal(404, wire.NO_RECORD, "BatchId", "The batch does not exist.")
    return row


def post(company: Company, source: str, batch: str) -> dict[str, Any]:
    """Post a batch; the posting journal lists what went and what stayed, and why.

    A single-use batch is gone when all of it is posted; otherwise it becomes available again.
    """
    row = find(company, source, batch)
    if row["Status"] in BUSY and row["Status"] != "Marked":
        raise Refusal(409, wire.BATCH_NOT_AVAILABLE, "BatchId", BUSY[row["Status"]])
    posted, stayed = [], []
    for document in documents(company, source, batch):
        try:
            post_document(company, document)
            posted.append(document["DocumentNumber"])
        except Refusal as refusal:
            stayed.append({"DocumentNumber": document["DocumentNumber"], "Why": refusal.message})
    if stayed or row["Frequency"] != SINGLE_USE:
        row["Status"] = "Available"
        company.keep("batches", row)
    else:
        company.drop("batches", company.key("batches", row))
    return {"Posted": posted, "NotPosted": stayed}


def post_document(company: Company, document: Row) -> None:
    """Work becomes Open, and the general ledger gets its entry. Raises Refusal."""
    if document["TransactionState"] != "Work":
        raise Refusal(422, wire.NOT_UNPOSTED, "DocumentNumber", "The document is posted already.")
    if company.state["period_check"] != "create":
        periods.check(company, document["GLPostingDate"])
    ledger.check(company, document["Distributions"])
    ledger.enter(company, document)
    company.change_state(audit_trail=company.state["audit_trail"] + 1)
    document |= {
        "TransactionState": "Open",
        "AuditTrailCode": f"RMSLS{company.state['audit_trail']:08d}",
        "PostedDate": company.today().isoformat(),
        "CurrentDocumentAmount": document["DocumentAmount"],
    }
    company.keep("documents", document)


def delete(company: Company, source: str, batch: str) -> list[str]:
    """A person deletes a batch, and with it the documents in it."""
    row = find(company, source, batch)
    gone = [each["DocumentNumber"] for each in documents(company, source, batch)]
    for document in documents(company, source, batch):
        company.drop("documents", company.key("documents", document))
    company.drop("batches", company.key("batches", row))
    return gone
