"""Dynamics 365 Finance & Operations as an ERP: what we write waits for its batch jobs to post it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.contract import Booking, Erp, Ping
from connectors.erps.finance_operations import checks, customers, items
from connectors.erps.finance_operations.client import ORDER_LINES, Client, equal
from connectors.erps.finance_operations.dimensions import joined, mark_of, values_of
from connectors.erps.finance_operations.documents import Documents, deadline
from connectors.erps.finance_operations.errors import DUPLICATE
from connectors.erps.finance_operations.fields import TARGET_FIELDS
from connectors.erps.finance_operations.free_text import FreeText
from connectors.erps.finance_operations.master_data import FinanceOperationsMasterData
from connectors.erps.finance_operations.orders import SalesOrder
from connectors.erps.finance_operations.papers import Paper, Setup
from connectors.erps.finance_operations.payments import PaymentJournals
from connectors.erps.finance_operations.returns import ReturnOrder
from connectors.erps.finance_operations.settings import SETTINGS, Choices
from connectors.errors import Rejected, UnexpectedShape
from connectors.kit import Kit, odata
from connectors.kit.reader import Reader
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    ErpCustomer,
    ErpDocument,
    ErpItem,
)

# Seconds from the call of a create until its last request is sent at the latest: a header and a
# line each, and the claim runs on. What is not written by then is completed at the next try.
BEGIN_SECONDS = 20
EMAIL_LENGTH = 255
FREE_TEXT, RETURN = "free_text", "return_order"
WAITS_AS = "is accepted, awaiting posting in F&O"


class FinanceOperations(FinanceOperationsMasterData, Erp):
    """Dynamics 365 Finance & Operations through its data entities."""

    kind = "finance_operations"
    title = "Dynamics 365 Finance & Operations"
    settings = SETTINGS
    target_fields = TARGET_FIELDS
    order_bookings = (
        Booking(
            name="sales_order",
            label="Sales order",
            kind=DocumentKind.SALES_ORDER,
            waits_as=WAITS_AS,
        ),
        Booking(
            name="free_text_invoice",
            label="Free text invoice (for companies without inventory)",
            kind=DocumentKind.SALES_INVOICE,
            waits_as=WAITS_AS,
        ),
    )
    refund_bookings = (
        Booking(
            name="credit",
            label="Free text credit note or return order, as the connection says",
            kind=DocumentKind.CREDIT_MEMO,
            waits_as=WAITS_AS,
        ),
    )
    payment_bookings = (
        Booking(
            name="payment_journal",
            label="Line of a customer payment journal",
            kind=DocumentKind.PAYMENT,
            waits_as=WAITS_AS,
        ),
    )
    reference_max_length = 50
    computes_tax = True
    # A number of ours is drawn for every new customer, and used where the sequence is manual.
    numbers_customers = False

    def __init__(self, client: Client, values: Mapping[str, str], kit: Kit) -> None:
        self.client = client
        self.choices = Choices.of(values)
        self.documents = Documents(client, kit.cache)
        self.journals = PaymentJournals(client, self.choices, self.mark)
        self.dimension_names = tuple(
            name.strip() for name in values.get("dimension_format", "").split(",") if name.strip()
        )
        self._values = values
        self._mark = ""
        self._places: dict[str, int] = {}

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> FinanceOperations:
        return cls(Client(values, kit), values, kit)

    @property
    def request_seconds(self) -> timedelta:
        return timedelta(seconds=BEGIN_SECONDS + self.client.timeout + 5)

    @property
    def transfers_at_once(self) -> int:
        return 2 * int(self._values.get("requests_in_flight") or 4)

    @property
    def new_customers_include_tax(self) -> bool:
        return self.choices.include_tax

    def ping(self) -> Ping:
        self._mark, self._places = "", {}
        return checks.run(self.client, self.choices, self.dimension_names)

    def mark(self) -> str:
        """The delimiter of display values, asked for once."""
        if not self._mark:
            rows = self.client.find(
                "DimensionParameters",
                select=("DimensionSegmentDelimiter",),
                shared=True,
                purpose="read the delimiter of display values",
            )
            if not rows:
                raise UnexpectedShape("DimensionParameters", "has no row")
            self._mark = mark_of(
                Reader(rows[0], "DimensionParameters").text("DimensionSegmentDelimiter")
            )
        return self._mark

    def places(self, currency: str) -> int:
        """By the currency's rounding rule for sales orders; its general rule if that is zero."""
        if not self._places:
            for row in self.client.find(
                "Currencies",
                select=("CurrencyCode", "RoundingRuleSalesOrders", "GeneralRoundingRule"),
                shared=True,
                purpose="read the currencies' rounding",
            ):
                read = Reader(row, "Currencies")
                rule = read.decimal("RoundingRuleSalesOrders", Decimal(0)) or read.decimal(
                    "GeneralRoundingRule", Decimal(0)
                )
                exponent = int(rule.normalize().as_tuple().exponent) if rule else -2
                self._places[read.text("CurrencyCode").upper()] = max(-exponent, 0)
            self._places.setdefault("", 2)
        return self._places.get(currency.upper(), 2)

    def find_customers(self, email: str) -> tuple[ErpCustomer, ...]:
        """By the primary e-mail address, re-checked: an asterisk in it would match anything."""
        if not 0 < len(email) <= EMAIL_LENGTH:
            return ()
        rows = self.client.find(
            customers.ENTITY,
            f"PrimaryContactEmail eq {odata.literal(email)}",
            select=customers.SELECT,
            purpose="look for the customer by e-mail",
        )
        return tuple(
            customers.from_row(row) for row in rows if equal(row, "PrimaryContactEmail", email)
        )

    def find_customer_by_number(self, number: str) -> ErpCustomer | None:
        wanted = number.strip()
        if not 0 < len(wanted) <= customers.ACCOUNT_LENGTH:
            return None
        rows = self.client.find(
            customers.ENTITY,
            f"CustomerAccount eq {odata.literal(wanted)}",
            select=customers.SELECT,
            purpose="look for the customer by number",
        )
        return next(
            (customers.from_row(row) for row in rows if equal(row, "CustomerAccount", wanted)), None
        )

    def create_customer(self, draft: CustomerDraft) -> ErpCustomer:
        """Under a manual number sequence the account is ours: if it is taken already, an earlier
        try of this very customer has worked, or somebody else has the number."""
        begin_by = deadline(BEGIN_SECONDS)
        body = customers.to_body(draft, self.choices, self._dimension(draft.fields))
        try:
            made = self.client.create(
                customers.ENTITY, body, purpose="create the customer", begin_by=begin_by
            )
        except Rejected as error:
            if error.code != DUPLICATE or "CustomerAccount" not in body:
                raise
            return self._must_be_ours(draft, str(body["CustomerAccount"]), error)
        return customers.from_row(made)

    def _must_be_ours(self, draft: CustomerDraft, number: str, refused: Rejected) -> ErpCustomer:
        found = self.find_customer_by_number(number)
        if found is not None and found.email.casefold() == draft.email.casefold():
            return found
        raise Rejected(
            refused.detail,
            hold="customer_ambiguous",
            reason=f"The customer account {number} already belongs to somebody else.",
            advice="Choose another prefix for our customer accounts in the connection's settings, "
            "or say under Mappings which customer this shopper is.",
            vendor_words=refused.vendor_words,
            code="number_taken",
        ) from refused

    def find_items(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        return items.find(self.client, numbers)

    def find_items_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]:
        """Barcodes are not in the entities of released products."""
        return {}

    def posting_allowed(self, day: date) -> bool | None:
        """No data entity shows the ledger calendar's periods."""
        return None

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        """For a refund, of the kind that is chosen now, then of the other one."""
        if kind is DocumentKind.PAYMENT:
            return self.journals.find(reference)
        for paper in self._papers(kind):
            found = self.documents.find(paper, reference, self._reading_mark(paper))
            if found:
                return found
        return ()

    def create_document(self, draft: DocumentDraft) -> str:
        begin_by = deadline(BEGIN_SECONDS)
        if draft.kind is DocumentKind.PAYMENT:
            return self.journals.create(draft, begin_by)
        paper = self._papers(draft.kind)[0]
        return self.documents.create(paper, draft, self._setup(draft, paper), begin_by)

    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None:
        paper = self._paper_of(found.kind, found.external_id)
        self.documents.complete(paper, draft, found.external_id, self._setup(draft, paper))

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        if kind is DocumentKind.PAYMENT:
            return self.journals.read(external_id)
        paper = self._paper_of(kind, external_id)
        return self.documents.read(paper, external_id, self._reading_mark(paper))

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        if kind is DocumentKind.PAYMENT:
            self.journals.discard(external_id)
        else:
            self.documents.discard(self._paper_of(kind, external_id), external_id)

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        if draft.kind is DocumentKind.PAYMENT:
            return self.journals.preview(draft)
        paper = self._papers(draft.kind)[0]
        return self.documents.preview(paper, draft, self._setup(draft, paper))

    def _papers(self, kind: DocumentKind) -> tuple[Paper, ...]:
        """What a kind is written as, and after it what it may have been written as before."""
        if kind is DocumentKind.SALES_ORDER:
            return (SalesOrder(self.client.order_headers, self.client.newest(ORDER_LINES)),)
        if kind is DocumentKind.SALES_INVOICE:
            return (FreeText(kind),)
        both: tuple[Paper, ...] = (FreeText(kind), ReturnOrder())
        return both[::-1] if self.choices.refund_document == RETURN else both

    def _paper_of(self, kind: DocumentKind, external_id: str) -> Paper:
        papers = self._papers(kind)
        return next((paper for paper in papers if paper.owns(external_id)), papers[0])

    def _reading_mark(self, paper: Paper) -> str:
        return self.mark() if paper.needs_mark else ""

    def _setup(self, draft: DocumentDraft, paper: Paper) -> Setup:
        return Setup(
            choices=self.choices,
            places=self.places(draft.currency),
            dimension=self._dimension(draft.fields),
            mark=self._reading_mark(paper),
        )

    def _dimension(self, fields: Mapping[str, str]) -> str:
        """The display value of a record's financial dimensions; empty if it has none."""
        values = values_of(fields, self.dimension_names)
        return joined(values, self.mark()) if any(values) else ""
