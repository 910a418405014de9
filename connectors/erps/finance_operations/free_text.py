"""Free text invoices, and credit notes as negative ones: for what is sold without items. Pure.

The lines' numbers are their keys. They are written from the last to the first, so that an invoice
shows by its line numbers alone whether one is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations.amounts import net_of, plain, price_for, unit_price
from connectors.erps.finance_operations.client import Json
from connectors.erps.finance_operations.dimensions import account_of, escaped
from connectors.erps.finance_operations.papers import (
    NewLine,
    Paper,
    Setup,
    bookable,
    day_of,
    filled,
    yes_no,
)
from connectors.errors import Rejected, UnexpectedShape
from connectors.kit.reader import Reader
from connectors.records import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    DraftLine,
    ErpDocument,
    ErpDocumentLine,
    LineKind,
)

ZERO, ONE = Decimal(0), Decimal(1)


class FreeText(Paper):
    header_entity = "FreeTextInvoiceHeaders"
    line_entity = "FreeTextInvoiceLines"
    number = "InvoiceIdentifier"
    reference = "CustomerReference"
    parent = "ParentRecId"
    header_select = (
        "InvoiceIdentifier",
        "FreeTextNumber",
        "CustomerReference",
        "CustomerAccount",
        "InvoiceName",
        "CurrencyCode",
        "InclTax",
        "InvoiceDate",
        "DocumentDate",
        "IsPosted",
    )
    line_select = (
        "ParentRecId",
        "LineNumber",
        "Description",
        "Quantity",
        "UnitPrice",
        "TransactionCurrencyAmount",
        "SalesTaxAmount",
        "MainAccountDisplayValue",
    )
    needs_mark = True

    def __init__(self, kind: DocumentKind) -> None:
        self.kind = kind
        self.sign = -ONE if kind is DocumentKind.CREDIT_MEMO else ONE

    def owns(self, external_id: str) -> bool:
        return external_id.isdigit()

    def key_of(self, external_id: str) -> int:
        if not external_id.isdigit():
            raise UnexpectedShape(f"{self.header_entity}.InvoiceIdentifier", f"is “{external_id}”")
        return int(external_id)

    def header(self, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        fields = draft.fields
        body = {
            "CustomerAccount": draft.customer_number,
            "InvoiceDate": draft.posting_date.isoformat(),
            "DocumentDate": draft.document_date.isoformat(),
            "CurrencyCode": draft.currency,
            "CustomerReference": draft.reference,
            "CustomerRequisition": fields.get("customer_reference", ""),
            "InclTax": yes_no(draft.prices_include_tax),
            "TermsOfPayment": fields.get("payment_terms", ""),
            "MethodOfPayment": fields.get("payment_method", ""),
            "DefaultDimensionDisplayValue": setup.dimension,
        }
        if setup.choices.sales_tax == "document":
            body["SalesTaxGroupId"] = fields.get("sales_tax_group", "")
        return filled(body)

    def lines(self, draft: DocumentDraft, setup: Setup) -> Sequence[NewLine]:
        written = [
            NewLine(str(at), {"LineNumber": at, **self._line(line, draft, setup)})
            for at, line in enumerate(bookable(draft), 1)
        ]
        return written[::-1]

    def _line(self, line: DraftLine, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        net = self.sign * net_of(line, draft.prices_include_tax, setup.places)
        quantity = abs(line.quantity)
        price = price_for(quantity, abs(net), setup.places)
        if price is None:  # no price at six places comes to the amount: then the amount itself
            quantity, price = ONE, abs(net)
        elif not net:
            price = (
                plain(abs(unit_price(line, draft.prices_include_tax))) if not quantity else price
            )
        if net < 0 and setup.choices.credit_sign == "price":
            price = -price
        elif net < 0:
            quantity = -quantity
        tax_group = line.fields.get("tax_code") or line.item_attributes.get("tax_item_group", "")
        return filled(
            {
                "Description": line.description[:60],
                "InvoiceText": line.description[:1000],
                "Quantity": plain(quantity),
                "UnitPrice": plain(price),
                "MainAccountDisplayValue": escaped(_account(line, setup), setup.mark),
                "SalesTaxItemGroupId": tax_group,
                "DefaultDimensionDisplayValue": setup.dimension,
            }
        )

    def mark_of(self, line: Json) -> str:
        number = Reader(line, self.line_entity).decimal("LineNumber")
        return str(plain(number))

    def read(self, header: Json, lines: Sequence[Json], mark: str) -> ErpDocument:
        read = Reader(header, self.header_entity)
        posted = read.text("IsPosted") == "Yes"
        with_tax = read.text("InclTax", "No") == "Yes"
        ordered = sorted(lines, key=lambda line: Decimal(self.mark_of(line)))
        numbers = {self.mark_of(line) for line in lines}
        complete = bool(lines) and numbers >= {str(at) for at in range(1, len(numbers) + 1)}
        booked = tuple(self._read_line(line, mark, with_tax) for line in ordered)
        number = read.text("FreeTextNumber", "")
        identifier = str(read.integer("InvoiceIdentifier"))
        return ErpDocument(
            kind=self.kind,
            external_id=identifier,
            number=number if posted else identifier,
            reference=read.text("CustomerReference", ""),
            status=DocumentStatus.POSTED if posted else DocumentStatus.DRAFT,
            customer_number=read.text("CustomerAccount", ""),
            customer_name=read.text("InvoiceName", ""),
            currency=read.text("CurrencyCode", ""),
            document_date=day_of(read.text("DocumentDate", "")),
            posting_date=day_of(read.text("InvoiceDate", "")),
            prices_include_tax=with_tax,
            total_ex_tax=sum((line.amount_ex_tax for line in booked), ZERO),
            total_tax=sum((line.tax for line in booked), ZERO),
            total_inc_tax=sum((line.amount_inc_tax for line in booked), ZERO),
            lines=booked,
            invoice_number=number if posted else "",
            has_totals=posted,
            is_complete=complete or posted,
        )

    def _read_line(self, line: Json, mark: str, with_tax: bool) -> ErpDocumentLine:
        read = Reader(line, self.line_entity)
        amount = self.sign * read.decimal("TransactionCurrencyAmount")
        tax = self.sign * read.decimal("SalesTaxAmount", ZERO)
        price = read.decimal("UnitPrice", ZERO)
        quantity = self.sign * read.decimal("Quantity", ZERO)
        if price < 0:
            price, quantity = -price, -quantity
        return ErpDocumentLine(
            number=account_of(read.text("MainAccountDisplayValue", ""), mark),
            description=read.text("Description", ""),
            kind=LineKind.ACCOUNT,
            quantity=quantity,
            unit_price=price,
            discount=ZERO,
            amount_ex_tax=amount - tax if with_tax else amount,
            tax=tax,
            amount_inc_tax=amount if with_tax else amount + tax,
        )


def _account(line: DraftLine, setup: Setup) -> str:
    """The main account of a line: its own, by its item's class, or the connection's."""
    if line.kind is LineKind.ACCOUNT:
        return line.number
    choices = setup.choices
    is_goods = line.source.startswith("line:")
    own = line.fields.get("main_account", "")
    account = own or (choices.sales_account if is_goods else choices.charges_account)
    account = account or choices.sales_account
    if not account:
        raise Rejected(
            f"no main account for {line.source}",
            hold="lookup_missing",
            keys=("lookup:sales_accounts:*",),
            reason=f"No main account is known for “{line.description}” on a free text document.",
            advice="Add a row to Sales accounts by item class, “*” for every class, or enter main "
            "accounts in the connection's settings.",
        )
    return account
