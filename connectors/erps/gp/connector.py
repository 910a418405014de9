"""Dynamics GP as an ERP: unposted receivables documents in batches of our own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.contract import Booking, Erp, Ping
from connectors.erps.gp import checks, documents, periods
from connectors.erps.gp.amounts import Defaults
from connectors.erps.gp.batches import Batches
from connectors.erps.gp.company import CompanySetup
from connectors.erps.gp.customers import NUMBER_LENGTH, Numbering, email_number, new_customer
from connectors.erps.gp.documents import CREDIT_MEMO, INVOICE, RETURN, Writing
from connectors.erps.gp.errors import BATCH_BUSY, DUPLICATE, EXISTS
from connectors.erps.gp.fields import TARGET_FIELDS
from connectors.erps.gp.master_data import GPMasterData
from connectors.erps.gp.sba import SbaService
from connectors.erps.gp.service import (
    CUSTOMERS,
    ITEMS,
    TRANSACTIONS,
    Json,
    Service,
)
from connectors.erps.gp.settings import SETTINGS
from connectors.erps.gp.soap import SoapService
from connectors.errors import Rejected, TryLater
from connectors.kit import Kit
from connectors.kit.reader import Reader
from connectors.kit.windows_auth import LONGEST
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    ErpCustomer,
    ErpDocument,
    ErpItem,
)

ITEM_NUMBER_LENGTH = 30
# A write that waits for its turn, looks for a batch and signs in begins within this, or not at all.
BEGIN_SECONDS = 60
WAITS_AS = "waits in its batch for posting in GP"


class DynamicsGP(GPMasterData, Erp):
    """Dynamics GP by Service Based Architecture or by its SOAP web service."""

    kind = "gp"
    title = "Dynamics GP"
    settings = SETTINGS
    target_fields = TARGET_FIELDS
    order_bookings = (
        Booking(
            name="receivables_invoice",
            label="Receivables invoice (unposted)",
            kind=DocumentKind.SALES_INVOICE,
            waits_as=WAITS_AS,
        ),
    )
    refund_bookings = (
        Booking(
            name="credit",
            label="Credit memo or return (unposted), as the connection says",
            kind=DocumentKind.CREDIT_MEMO,
            waits_as=WAITS_AS,
        ),
    )
    reference_max_length = documents.NUMBER_LENGTH
    computes_tax = False
    numbers_customers = False

    def __init__(self, service: Service, values: Mapping[str, str], kit: Kit) -> None:
        self.service = service
        self.setup = CompanySetup(service, values)
        self.writing = Writing(
            defaults=Defaults(
                receivable=values.get("receivable_account", ""),
                sales=values.get("sales_account", ""),
                returns=values.get("returns_account", ""),
                discount=values.get("discount_account", ""),
                tax=values.get("tax_account", ""),
                tax_detail=values.get("tax_detail", ""),
            ),
            page=values.get("code_page") or "cp1252",
            distributions_by_gp=values.get("distributions") == "gp",
        )
        self.numbering = Numbering(
            rule=values.get("customer_numbers") or "sequence",
            prefix=values.get("customer_prefix", ""),
            digits=int(values.get("customer_digits") or 7),
        )
        self._set_feeds()
        self._batch_prefix = values.get("batch_prefix") or "WEB"
        self._series: dict[str, Batches] = {}
        self._cache = kit.cache
        self._values = values
        # GP serves each call with a process of its own: documents go one after another.
        self._writing_lock = threading.Lock()

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> DynamicsGP:
        soap = values.get("interface") == "soap"
        return cls(SoapService(values, kit) if soap else SbaService(values, kit), values, kit)

    @property
    def request_seconds(self) -> timedelta:
        """GP itself never ends a request, and may go on with it long after we gave up. It needs
        no longer wait than ours all the same: numbers are unique, so a second one is refused."""
        timeout = float(self._values.get("request_timeout_seconds") or 60)
        return timedelta(seconds=BEGIN_SECONDS + 2 * LONGEST + timeout + 5)

    @property
    def transfers_at_once(self) -> int:
        return int(self._values.get("requests_in_flight") or 2)

    def ping(self) -> Ping:
        self.setup.forget()
        return checks.run(self.service, self.setup, self.writing)

    def places(self, currency: str) -> int:
        return self.setup.places(currency)

    def find_customers(self, email: str) -> tuple[ErpCustomer, ...]:
        """GP cannot be asked for an e-mail address, so only a customer whose number we made of
        the address is found; others are matched by the crosswalk."""
        if self.numbering.rule != "email":
            return ()
        found = self.find_customer_by_number(email_number(email))
        return () if found is None else (found,)

    def find_customer_by_number(self, number: str) -> ErpCustomer | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= NUMBER_LENGTH:
            return None
        row = self.service.find(CUSTOMERS, wanted, purpose="look for the customer by number")
        return None if row is None else _customer(row)

    def create_customer(self, draft: CustomerDraft) -> ErpCustomer:
        """The card, then the shipping address and the e-mail. Safe to repeat: what is already
        there is left, if the card is this shopper's."""
        new = new_customer(draft, numbering=self.numbering, page=self.writing.page)
        number = str(new.card["CustomerId"])
        parts = {"ship_to": new.ship_to, "internet": new.internet}
        with self._turn() as begin_by:
            try:
                self.service.create_customer(
                    new.card, card_exists=False, begin_by=begin_by, **parts
                )
            except Rejected as error:
                if error.code not in (EXISTS, DUPLICATE):
                    raise
                self._must_be_ours(number, new.card, error)
                self.service.create_customer(new.card, card_exists=True, begin_by=begin_by, **parts)
        return ErpCustomer(
            external_id=number,
            number=number,
            name=str(new.card["Name"]),
            email=draft.email,
            notes=new.notes,
        )

    def _must_be_ours(self, number: str, card: Json, refused: Rejected) -> None:
        """A customer with this number is there. Raises Rejected if it is somebody else."""
        found = self.service.find(CUSTOMERS, number, purpose="see whose number it is")
        name = "" if found is None else Reader(found, "Customer").text("Name", "")
        if name.casefold() == str(card["Name"]).casefold():
            return
        raise Rejected(
            refused.detail,
            hold="customer_ambiguous",
            reason=f"The number {number} already belongs to another customer in GP, “{name}”.",
            advice="Choose another prefix for new customers in the connection's settings, or say "
            "under Mappings which GP customer this shopper is.",
            vendor_words=refused.vendor_words,
            code="number_taken",
        ) from refused

    def find_items(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        """One call for each number: GP offers no list by several. Case counts in item numbers."""
        found: dict[str, ErpItem] = {}
        for number in dict.fromkeys(numbers):
            if not 0 < len(number.strip()) <= ITEM_NUMBER_LENGTH:
                continue
            row = self.service.find(ITEMS, number.strip(), purpose="look for the item")
            if row is not None:
                found[number] = _item(row)
        return found

    def find_items_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]:
        """GP's items have no barcode."""
        return {}

    def posting_allowed(self, day: date) -> bool | None:
        return self.setup.is_open(day)

    def first_open_day(self, day: date) -> date | None:
        known = self.setup.sales_periods(fresh=True)
        return None if known is None else periods.first_open(known, day)

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        """A number is used once for each type; a refund may have been sent as the other type
        before the setting was changed."""
        for number in self._types(kind):
            row = self.service.find(
                TRANSACTIONS, str(number), reference.upper(), purpose="look for our document"
            )
            if row is not None:
                return (documents.from_row(row, self.setup.iso_of),)
        return ()

    def _types(self, kind: DocumentKind) -> tuple[int, ...]:
        """GP's document types for a kind, the one that we write first."""
        if kind is DocumentKind.SALES_INVOICE:
            return (INVOICE,)
        if kind is DocumentKind.CREDIT_MEMO:
            returns = self._values.get("refund_document") == "return"
            return (RETURN, CREDIT_MEMO) if returns else (CREDIT_MEMO, RETURN)
        return ()

    def create_document(self, draft: DocumentDraft) -> str:
        with self._turn() as begin_by:
            self._must_be_open(draft.posting_date)
            return self._create(draft, begin_by)

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """One write at a time. Gives the time (``time.monotonic``) until when it may begin; raises
        TryLater if its turn does not come before that."""
        begin_by = time.monotonic() + BEGIN_SECONDS
        if not self._writing_lock.acquire(timeout=BEGIN_SECONDS):
            raise TryLater(
                "another write has not ended",
                reason="GP is still busy with another document of ours.",
                counts=False,
                retry_after=timedelta(seconds=5),
            )
        try:
            yield begin_by
        finally:
            self._writing_lock.release()

    def _create(self, draft: DocumentDraft, begin_by: float) -> str:
        """The document in the first of our batches that takes it; a refused one moves on."""
        batches = self._batches(draft)
        for batch in batches.free(draft.posting_date):
            values = self._request(draft, batch)
            try:
                self.service.create(
                    TRANSACTIONS,
                    values,
                    purpose="create the document, unposted",
                    begin_by=begin_by,
                )
            except Rejected as error:
                if error.code == BATCH_BUSY:
                    continue
                if error.code in (DUPLICATE, EXISTS):
                    return self._adopt(draft, values, error)
                raise
            batches.used(draft.posting_date, batch)
            return f"{values['DocumentType']};{values['DocumentNumber']}"
        raise AssertionError("free batches never end without an error")

    def _adopt(self, draft: DocumentDraft, values: Json, refused: Rejected) -> str:
        """The number is taken: by this very document, whose answer was lost, or by another."""
        for found in self.find_documents(draft.kind, draft.reference):
            same = (
                found.customer_number.upper() == draft.customer_number.upper()
                and found.total_inc_tax == Decimal(str(values["DocumentAmount"]))
                and found.currency in ("", draft.currency)
            )
            if same:
                return found.external_id
            raise Rejected(
                refused.detail,
                hold="duplicate_reference",
                reason=f"GP already has a document {found.number}: {found.total_inc_tax:.2f} "
                f"{found.currency} for customer {found.customer_number}, not "
                f"{draft.total_inc_tax:.2f} for {draft.customer_number}.",
                advice="If somebody keyed this order by hand, correct or delete that document in "
                "GP, then release. Otherwise give the route another prefix.",
                vendor_words=refused.vendor_words,
                code=DUPLICATE,
            ) from refused
        raise refused

    def _must_be_open(self, day: date) -> None:
        """GP may save into a closed period and refuse only the posting: so we look first."""
        if self.setup.is_open(day) is False:
            raise Rejected(
                f"the period of {day} is closed",
                hold="period_closed",
                reason=f"The fiscal period of {day} is closed for Sales in GP, or not set up.",
                advice="Open the period for the Sales series in Fiscal Periods Setup. It then "
                "goes by itself.",
                code="period_closed",
            )

    def _batches(self, draft: DocumentDraft) -> Batches:
        """The series of the route, by its field mapping, else of the connection."""
        prefix = draft.fields.get("batch_prefix", "").strip().upper() or self._batch_prefix
        if prefix not in self._series:
            self._series[prefix] = Batches(self.service, prefix, self._cache)
        return self._series[prefix]

    def _request(self, draft: DocumentDraft, batch: str) -> dict[str, Any]:
        return documents.values_of(
            draft,
            kind=self._types(draft.kind)[0],
            batch=batch,
            currency=self.setup.currency_of(draft),
            writing=self.writing,
        )

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        number, reference = documents.parts_of(external_id)
        row = self.service.find(
            TRANSACTIONS, str(number), reference, purpose="read the document back"
        )
        return None if row is None else documents.from_row(row, self.setup.iso_of)

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        _, number = documents.parts_of(external_id)
        raise Rejected(
            f"{number} cannot be deleted",
            hold="totals_disagree",
            reason=f"{number} is in GP, unposted, and no interface of GP can delete it.",
            advice="Delete it in Receivables Transaction Entry, then release the transfer: it is "
            "then sent anew.",
        )

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        values = self._request(draft, self._batches(draft).expected(draft.posting_date))
        return self.service.request_of(TRANSACTIONS, values)


def _customer(row: Json) -> ErpCustomer:
    read = Reader(row, "Customer")
    stopped = "all" if read.flag("Inactive") else "invoice" if read.flag("Hold") else ""
    number = read.text("CustomerId")
    return ErpCustomer(
        external_id=number,
        number=number,
        name=read.text("Name", ""),
        email="",
        currency=read.text("CurrencyId", ""),
        blocked=stopped,
    )


def _item(row: Json) -> ErpItem:
    read = Reader(row, "Item")
    number = read.text("ItemNumber")
    return ErpItem(
        external_id=number,
        number=number,
        name=read.text("Description", ""),
        blocked=read.flag("Inactive"),
        item_class=read.text("ClassId", ""),
    )
