"""Writing, finding and withdrawing documents that are a header and lines."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations import batch
from connectors.erps.finance_operations.client import INVOICES, Client, Json, chunks, equal
from connectors.erps.finance_operations.papers import NewLine, Paper, Setup
from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit import SecretCache, odata
from connectors.kit.reader import Reader
from connectors.records import DocumentDraft, DocumentKind, DocumentStatus, ErpDocument

ZERO = Decimal(0)
_INVOICE = (
    "InvoiceNumber",
    "SalesOrderNumber",
    "InvoiceDate",
    "CurrencyCode",
    "CustomersOrderReference",
    "InvoiceCustomerAccountNumber",
    "TotalInvoiceAmount",
    "TotalTaxAmount",
)


class Documents:
    """The documents of one legal entity.

    A line that was sent and not answered may still appear: it is noted in the shared cache before
    it goes out, and until it cannot come any more nobody sends it again.
    """

    def __init__(self, client: Client, cache: SecretCache) -> None:
        self._client = client
        self._cache = cache

    def find(self, paper: Paper, reference: str, mark: str) -> tuple[ErpDocument, ...]:
        """One call, and one more for the lines of each that is found."""
        rows = self._client.find(
            paper.header_entity,
            f"{paper.reference} eq {odata.literal(reference)}",
            select=paper.header_select,
            purpose="look for our reference",
        )
        return tuple(
            self._whole(paper, row, mark) for row in rows if equal(row, paper.reference, reference)
        )

    def read(self, paper: Paper, external_id: str, mark: str) -> ErpDocument | None:
        """The document, with its invoice's number and totals once it is invoiced. An environment
        may delete orders that are invoiced: then the invoice alone tells."""
        row = self._client.get(
            paper.header_entity,
            {paper.number: paper.key_of(external_id)},
            select=("dataAreaId", *paper.header_select),
            purpose="read the document back",
        )
        document = None if row is None else self._whole(paper, row, mark)
        if paper.parent == "ParentRecId":
            return document
        if document is not None and document.status is not DocumentStatus.POSTED:
            return document
        return self._invoiced(paper, str(paper.key_of(external_id)), document)

    def _whole(self, paper: Paper, header: Json, mark: str) -> ErpDocument:
        external_id = paper.id_of(Reader(header, paper.header_entity).text(paper.number))
        lines = self._client.find(
            paper.line_entity,
            f"{paper.parent} eq {self._literal(paper, external_id)}",
            select=paper.line_select,
            purpose="read the document's lines",
        )
        return paper.read(self._with_mode(paper, header), lines, mark)

    def _with_mode(self, paper: Paper, header: Json) -> Json:
        """Return orders do not show their pricing mode, which is their customer's."""
        if paper.header_entity != "ReturnOrderHeadersV2":
            return header
        account = str(header.get("CustomerAccountNumber", ""))
        customer = self._client.get(
            "CustomersV3",
            {"CustomerAccount": account},
            select=("CustomerAccount", "IsSalesTaxIncludedInPrices"),
            purpose="see whether the customer's prices include tax",
        )
        mode = (customer or {}).get("IsSalesTaxIncludedInPrices", "No")
        return {**header, "IsSalesTaxIncludedInPrices": mode}

    def _invoiced(
        self, paper: Paper, number: str, document: ErpDocument | None
    ) -> ErpDocument | None:
        rows = self._client.find(
            self._client.newest(INVOICES),
            f"SalesOrderNumber eq {odata.literal(number)}",
            select=_INVOICE,
            purpose="read the posted invoice",
        )
        reads = [Reader(row, "invoice") for row in rows if equal(row, "SalesOrderNumber", number)]
        if not reads:
            return document
        is_order = paper.parent == "SalesOrderNumber"
        sign = 1 if is_order else -1
        total = sign * sum((read.decimal("TotalInvoiceAmount") for read in reads), ZERO)
        tax = sign * sum((read.decimal("TotalTaxAmount", ZERO) for read in reads), ZERO)
        first = reads[0]
        base = document or ErpDocument(
            kind=DocumentKind.SALES_ORDER if is_order else DocumentKind.CREDIT_MEMO,
            external_id=paper.id_of(number),
            number=number,
            reference=first.text("CustomersOrderReference", ""),
            status=DocumentStatus.POSTED,
            customer_number=first.text("InvoiceCustomerAccountNumber", ""),
            customer_name="",
            currency=first.text("CurrencyCode", ""),
            document_date=None,
            posting_date=None,
            prices_include_tax=False,
            total_ex_tax=ZERO,
            total_tax=ZERO,
            total_inc_tax=ZERO,
        )
        return replace(
            base,
            invoice_number=", ".join(sorted(read.text("InvoiceNumber") for read in reads)),
            total_inc_tax=total,
            total_tax=tax,
            total_ex_tax=total - tax,
            has_totals=True,
        )

    def create(self, paper: Paper, draft: DocumentDraft, setup: Setup, begin_by: float) -> str:
        """Header, then lines. Returns the header's key.

        What is refused at a line leaves no half document behind; what is only late does, and
        ``complete`` goes on with it.
        """
        header, lines = paper.header(draft, setup), paper.lines(draft, setup)
        made = self._client.create(
            paper.header_entity, header, purpose="create the document", begin_by=begin_by
        )
        number = Reader(made, paper.header_entity).text(paper.number)
        if not number:
            raise UnexpectedShape(f"{paper.header_entity}.{paper.number}", "is empty")
        external_id = paper.id_of(number)
        self._write_lines(paper, external_id, lines, setup, begin_by=begin_by)
        return external_id

    def complete(self, paper: Paper, draft: DocumentDraft, external_id: str, setup: Setup) -> None:
        """Write the lines that are not there yet. Safe to repeat."""
        rows = self._client.find(
            paper.line_entity,
            f"{paper.parent} eq {self._literal(paper, external_id)}",
            select=paper.line_select,
            purpose="see which lines are there",
        )
        present = [mark for row in rows if (mark := paper.mark_of(row))]
        waiting = self._cache.get(self._key(paper, external_id))
        if waiting and waiting not in present:
            raise TryLater(
                f"{paper.line_entity}: line {waiting} was sent and is not there yet",
                reason="A line was sent without an answer. We look again until it cannot come any "
                "more, before it is sent again.",
                counts=False,
                retry_after=timedelta(seconds=5),
            )
        lines = paper.lines(draft, setup)
        if not set(present) <= {line.mark for line in lines}:
            self.discard(paper, external_id)
            raise TryLater(
                f"{paper.header_entity} {external_id} was begun with other lines",
                reason="The document was begun for other lines than the order has now; it was "
                "withdrawn and is made anew.",
                counts=False,
                retry_after=timedelta(seconds=1),
            )
        missing = [line for line in lines if line.mark not in present]
        self._write_lines(paper, external_id, missing, setup)

    def _write_lines(
        self,
        paper: Paper,
        external_id: str,
        lines: Sequence[NewLine],
        setup: Setup,
        begin_by: float | None = None,
    ) -> None:
        key = self._key(paper, external_id)
        parent = {paper.parent: paper.key_of(external_id)}
        seconds = int(self._client.timeout) + 15
        together = batch.MOST if setup.choices.lines_together else 1
        try:
            for some in chunks(lines, together):
                self._cache.set(key, some[-1].mark, seconds)
                bodies = [{**parent, **line.body} for line in some]
                marks = " ".join(line.mark for line in some)
                if len(some) > 1:
                    self._client.create_together(
                        paper.line_entity, bodies, purpose=f"add lines {marks}", begin_by=begin_by
                    )
                else:
                    self._client.create(
                        paper.line_entity, bodies[0], purpose=f"add line {marks}", begin_by=begin_by
                    )
        except OutcomeUnknown:
            raise
        except TryLater:
            self._cache.delete(key)
            raise
        except (Rejected, NeedsAttention, UnexpectedShape):
            # A batch job of the environment would invoice what is there: nothing half may stay.
            self._cache.delete(key)
            self._withdraw_half(paper, external_id)
            raise
        self._cache.delete(key)

    def _withdraw_half(self, paper: Paper, external_id: str) -> None:
        try:
            self.discard(paper, external_id)
        except ConnectorError:
            return  # it is found by its reference, and its lines are written or it is withdrawn

    def discard(self, paper: Paper, external_id: str) -> None:
        self._client.delete(
            paper.header_entity,
            {paper.number: paper.key_of(external_id)},
            purpose="withdraw our document",
        )

    def preview(self, paper: Paper, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        company = {"dataAreaId": self._client.company}
        return {
            "method": "POST",
            "path": f"/data/{paper.header_entity}?cross-company=true",
            "body": company | paper.header(draft, setup),
            "then": [
                {
                    "method": "POST",
                    "path": f"/data/{paper.line_entity}?cross-company=true",
                    "body": company | {paper.parent: "as numbered by the header"} | line.body,
                }
                for line in paper.lines(draft, setup)
            ],
        }

    def _literal(self, paper: Paper, external_id: str) -> str:
        key = paper.key_of(external_id)
        return str(key) if isinstance(key, int) else odata.literal(key)

    def _key(self, paper: Paper, external_id: str) -> str:
        where = f"{self._client.environment}|{self._client.company}|{paper.line_entity}"
        return "line:" + hashlib.sha256(f"{where}|{external_id}".encode()).hexdigest()


def deadline(seconds: float) -> float:
    """When a request that is not sent yet must not begin any more (``time.monotonic``)."""
    return time.monotonic() + seconds
