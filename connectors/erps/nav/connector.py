"""Dynamics NAV as an ERP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from connectors.contract import Booking, Erp, Feed, Ping
from connectors.erps.nav import checks
from connectors.erps.nav.api import Api
from connectors.erps.nav.client import BEGIN_SECONDS, Client
from connectors.erps.nav.codeunit import Codeunit
from connectors.erps.nav.fields import TARGET_FIELDS
from connectors.erps.nav.master_data import NavMasterData, goods_of
from connectors.erps.nav.pages import PageServices
from connectors.erps.nav.profile import Profile
from connectors.erps.nav.settings import CODEUNIT, NOBODY, PAGES, SETTINGS
from connectors.errors import Rejected
from connectors.kit import Kit
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    ErpCustomer,
    ErpDocument,
    ErpItem,
)

# The pages of NAV's web client.
_PAGES = {
    (DocumentKind.SALES_INVOICE, True): 132,
    (DocumentKind.SALES_INVOICE, False): 43,
    (DocumentKind.SALES_ORDER, True): 132,
    (DocumentKind.SALES_ORDER, False): 42,
    (DocumentKind.CREDIT_MEMO, True): 134,
    (DocumentKind.CREDIT_MEMO, False): 44,
}


class DynamicsNAV(NavMasterData, Erp):
    """NAV 2018 and Business Central on the customer's own server, by page services or by API."""

    kind = "nav"
    title = "Dynamics NAV"
    settings = SETTINGS
    target_fields = TARGET_FIELDS
    order_bookings = (
        Booking(
            name="draft_invoice",
            label="Draft sales invoice",
            kind=DocumentKind.SALES_INVOICE,
            waits_as="waits in NAV to be posted",
        ),
        Booking(
            name="posted_invoice",
            label="Posted sales invoice",
            kind=DocumentKind.SALES_INVOICE,
            posts=True,
        ),
        Booking(
            name="sales_order",
            label="Sales order",
            kind=DocumentKind.SALES_ORDER,
            waits_as="waits in NAV to be shipped and invoiced",
        ),
    )
    refund_bookings = (
        Booking(
            name="draft_credit_memo",
            label="Draft sales credit memo",
            kind=DocumentKind.CREDIT_MEMO,
            waits_as="waits in NAV to be posted",
        ),
        Booking(
            name="posted_credit_memo",
            label="Posted sales credit memo",
            kind=DocumentKind.CREDIT_MEMO,
            posts=True,
        ),
    )
    reference_max_length = 35
    computes_tax = True

    def __init__(self, client: Client, profile: Profile, values: Mapping[str, str]) -> None:
        self.client = client
        self.profile = profile
        self.codeunit = Codeunit(client, values)
        self.goods = goods_of(profile)
        if isinstance(profile, Api):
            self.stock_feed = Feed.SWEEP
        self._values = values

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> DynamicsNAV:
        client = Client(values, kit)
        if values.get("interface", PAGES) == PAGES:
            return cls(client, PageServices(client, values), values)
        return cls(client, Api(client, values, kit.cache), values)

    @property
    def request_seconds(self) -> timedelta:
        return timedelta(seconds=BEGIN_SECONDS + self.client.timeout + 5)

    @property
    def carried_out_within(self) -> timedelta:
        """The server goes on with a request whose client has left, for as long as its settings
        allow."""
        return self.request_seconds + timedelta(
            seconds=int(self._values.get("server_seconds") or 600)
        )

    @property
    def transfers_at_once(self) -> int:
        return 2 * self.client.in_flight

    @property
    def new_customers_include_tax(self) -> bool:
        return self._values.get("prices_include_tax") == "yes"

    def ping(self) -> Ping:
        self.profile.forget()
        self.codeunit.forget()
        return checks.run(self.client, self.profile, self.codeunit, self._values, self.goods)

    def places(self, currency: str) -> int:
        return self.profile.places(currency)

    def find_customers(self, email: str) -> tuple[ErpCustomer, ...]:
        return self.profile.customers().with_email(email)

    def find_customer_by_number(self, number: str) -> ErpCustomer | None:
        return self.profile.customers().with_number(number)

    def create_customer(self, draft: CustomerDraft) -> ErpCustomer:
        """Marked in the field that the settings name, so that finance finds it and verifies it."""
        if self._values.get("verify_field") == "-":
            return self.profile.create_customer(draft, "")
        text = self._values.get("verify_text") or "VERIFY {name}"
        return self.profile.create_customer(draft, text.replace("{name}", draft.display_name))

    def find_items(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        return self.profile.items().with_numbers(numbers)

    def find_items_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]:
        return self.profile.items().with_gtins(gtins)

    def posting_allowed(self, day: date) -> bool | None:
        setup = self.profile.ledger_setup()
        if setup is not None and not setup.allows(day):
            # What is remembered must not keep a period closed.
            setup = self.profile.ledger_setup(fresh=True)
        return None if setup is None else setup.allows(day)

    def first_open_day(self, day: date) -> date | None:
        setup = self.profile.ledger_setup(fresh=True)
        if setup is None:
            return None
        first = day if setup.first is None else max(day, setup.first)
        return first if setup.allows(first) else None

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        return self.profile.find_documents(kind, reference)

    def create_document(self, draft: DocumentDraft) -> str:
        return self.profile.create_document(draft)

    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None:
        self.profile.complete_document(draft, found)

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        return self.profile.read_document(kind, external_id)

    def post_document(self, kind: DocumentKind, external_id: str) -> None:
        way = self._values.get("posting", NOBODY)
        if way == NOBODY:
            raise Rejected(
                "posting by nobody",
                hold="mapping",
                reason="The route books posted documents, and the connection leaves posting to "
                "NAV's people.",
                advice="Have the route book drafts, or set up posting by an action or a codeunit "
                "in the connection's settings. Then release the transfer.",
                code="posting_not_set_up",
            )
        if way == CODEUNIT:
            self.codeunit.post(kind, self.profile.draft_number(kind, external_id))
            self.profile.posted(external_id)
        else:
            self.profile.act(kind, external_id)

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        self.profile.discard_document(kind, external_id)

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        return self.profile.preview(draft)

    def document_url(self, document: ErpDocument) -> str:
        base = self._values.get("web_client", "").rstrip("/")
        if not base:
            return ""
        posted = document.status is DocumentStatus.POSTED
        number = document.invoice_number if posted and document.invoice_number else document.number
        page = _PAGES[(document.kind, posted)]
        tenant = self._values.get("tenant", "")
        return (
            f"{base}/WebClient/?company={quote(self.client.company)}"
            + (f"&tenant={quote(tenant)}" if tenant else "")
            + f"&page={page}&filter='No.' IS '{quote(number)}'"
        )
