"""Business Central as an ERP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.contract import Booking, Erp, Ping
from connectors.erps.business_central import checks, documents
from connectors.erps.business_central.client import Client, Json, chunks
from connectors.erps.business_central.documents import ENTITIES
from connectors.erps.business_central.fields import CUSTOMER_PROPERTIES, TARGET_FIELDS
from connectors.erps.business_central.master_data import BusinessCentralMasterData
from connectors.erps.business_central.settings import SETTINGS
from connectors.erps.business_central.subscriptions import BusinessCentralSubscriptions
from connectors.errors import Rejected
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

# Seconds from the call of a create until its request is sent at the latest: what it looks up
# before, a new token and its turn among the calls in flight take time, and the claim runs on.
BEGIN_SECONDS = 10
EMAIL_LENGTH = 80
NUMBER_LENGTH = 20
GTIN_LENGTH = 14
ITEMS_A_CALL = 40  # keeps the address below 2,000 characters
NOT_BLOCKED = frozenset({"", " "})
# Currencies without two decimal places, by ISO 4217.
ISO_PLACES = dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0) | (
    dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
)


class BusinessCentral(BusinessCentralMasterData, BusinessCentralSubscriptions, Erp):
    """Business Central through its API v2.0."""

    kind = "business_central"
    title = "Business Central"
    settings = SETTINGS
    target_fields = TARGET_FIELDS
    order_bookings = (
        Booking(
            name="posted_invoice",
            label="Posted sales invoice",
            kind=DocumentKind.SALES_INVOICE,
            posts=True,
        ),
        Booking(
            name="draft_invoice",
            label="Draft sales invoice",
            kind=DocumentKind.SALES_INVOICE,
            waits_as="waits as a draft in Business Central",
        ),
        Booking(
            name="sales_order",
            label="Sales order",
            kind=DocumentKind.SALES_ORDER,
            waits_as="waits in Business Central",
        ),
    )
    refund_bookings = (
        Booking(
            name="posted_credit_memo",
            label="Posted sales credit memo",
            kind=DocumentKind.CREDIT_MEMO,
            posts=True,
        ),
        Booking(
            name="draft_credit_memo",
            label="Draft sales credit memo",
            kind=DocumentKind.CREDIT_MEMO,
            waits_as="waits as a draft in Business Central",
        ),
    )
    reference_max_length = 35
    computes_tax = True

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self.client = client
        self._values = values
        self._ids: dict[tuple[str, str], str] = {}
        self._places: dict[str, int] = {}

    @classmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> BusinessCentral:
        return cls(Client(values, kit), values)

    @property
    def request_seconds(self) -> timedelta:
        return timedelta(seconds=BEGIN_SECONDS + self.client.timeout + 5)

    @property
    def carried_out_within(self) -> timedelta:
        """The service goes on with a request whose client has left, for up to its own limit of
        eight to ten minutes."""
        return self.request_seconds + timedelta(
            seconds=int(self._values.get("server_seconds") or 600)
        )

    @property
    def transfers_at_once(self) -> int:
        return 2 * int(self._values.get("requests_in_flight") or 4)

    @property
    def new_customers_include_tax(self) -> bool:
        return self._values.get("prices_include_tax") == "yes"

    def ping(self) -> Ping:
        return checks.run(self.client)

    def places(self, currency: str) -> int:
        """From the currency's Amount Rounding Precision; the local currency is not in the list and
        counts as two places, unless its ISO code says otherwise."""
        if not self._places:
            for row in self.client.rows("currencies", purpose="read the currencies' precision"):
                read = Reader(row, "currency")
                precision = read.decimal("amountRoundingPrecision", Decimal("0.01"))
                exponent = precision.normalize().as_tuple().exponent
                self._places[read.text("code")] = max(-int(exponent), 0) if precision else 2
            self._places.setdefault("", 2)
        return self._places.get(currency, ISO_PLACES.get(currency, 2))

    def find_customers(self, email: str) -> tuple[ErpCustomer, ...]:
        """By tolower, because text comparison is case-sensitive there. The field can hold several
        addresses separated by semicolons; those are asked for when nothing else matched. A value
        that is longer than the field would be an error there, and cannot be in it."""
        if len(email) > EMAIL_LENGTH:
            return ()
        rows: list[Json] = self.client.find(
            "customers",
            f"tolower(email) eq {odata.literal(email.lower())}",
            purpose="look for the customer by e-mail",
        )
        found = [row for row in rows if _has_email(row, email)]
        if not found:
            rows = self.client.find(
                "customers",
                f"contains(email,{odata.literal(email.lower())})",
                purpose="look for the customer among several addresses",
            )
            found = [row for row in rows if _has_email(row, email)]
        return tuple(_customer(row) for row in found)

    def find_customer_by_number(self, number: str) -> ErpCustomer | None:
        wanted = number.strip().upper()
        if not 0 < len(wanted) <= NUMBER_LENGTH:
            return None
        rows = self.client.find(
            "customers",
            f"number eq {odata.literal(wanted)}",
            purpose="look for the customer by number",
        )
        return next(
            (_customer(row) for row in rows if str(row.get("number", "")).upper() == wanted), None
        )

    def create_customer(self, draft: CustomerDraft) -> ErpCustomer:
        begin_by = time.monotonic() + BEGIN_SECONDS
        body: dict[str, Any] = {"displayName": draft.display_name[:100]}
        for name, field in CUSTOMER_PROPERTIES.items():
            value = draft.fields.get(name, "")
            if value:
                body[field] = documents.phone(value) if name == "phone" else value
        if code := draft.fields.get("tax_area"):
            body["taxAreaId"] = self._id_of("taxAreas", code)
        if code := draft.fields.get("payment_terms"):
            body["paymentTermsId"] = self._id_of("paymentTerms", code)
        created = self.client.create(
            "customers", body, purpose="create the customer", begin_by=begin_by
        )
        return _customer(created)

    def find_items(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        """One call for up to forty numbers. A number that is too long for Business Central would
        be an error there, and is simply not known."""
        asked = {
            number: number.strip().upper()
            for number in numbers
            if 0 < len(number.strip()) <= NUMBER_LENGTH
        }
        rows: dict[str, Json] = {}
        for batch in chunks(sorted(set(asked.values())), ITEMS_A_CALL):
            for row in self.client.find(
                "items", odata.any_of("number", batch), purpose="look for the items"
            ):
                rows[Reader(row, "item").text("number").upper()] = row
        return {number: _item(rows[wanted]) for number, wanted in asked.items() if wanted in rows}

    def find_items_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]:
        asked = sorted({gtin for gtin in gtins if 0 < len(gtin) <= GTIN_LENGTH})
        found: dict[str, tuple[ErpItem, ...]] = {}
        for batch in chunks(asked, ITEMS_A_CALL):
            for row in self.client.find(
                "items", odata.any_of("gtin", batch), purpose="look for the items by barcode"
            ):
                gtin = str(row.get("gtin", ""))
                if gtin in batch:
                    found[gtin] = (*found.get(gtin, ()), _item(row))
        return found

    def posting_allowed(self, day: date) -> bool | None:
        window = checks.allowed_window(self.client)
        if window is None:
            return None
        first, last, _ = window
        return (first is None or first <= day) and (last is None or day <= last)

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        entity = ENTITIES[kind]
        rows = self.client.find(
            entity.path,
            f"externalDocumentNumber eq {odata.literal(reference.upper())}",
            expand=entity.lines,
            purpose="look for our reference",
        )
        return tuple(
            documents.from_json(row, kind)
            for row in rows
            if str(row.get("externalDocumentNumber", "")).upper() == reference.upper()
        )

    def create_document(self, draft: DocumentDraft) -> str:
        begin_by = time.monotonic() + BEGIN_SECONDS
        draft = self._applicable(draft)
        body = documents.to_body(draft, places=self.places(draft.currency), ids=self._id_of)
        created = self.client.create(
            ENTITIES[draft.kind].path,
            body,
            purpose="create the document as a draft",
            begin_by=begin_by,
        )
        return Reader(created, ENTITIES[draft.kind].path).text("id")

    def _applicable(self, draft: DocumentDraft) -> DocumentDraft:
        """A credit memo is applied to its invoice while that is open: the application refuses to
        post one that is applied to a closed invoice. Its reference tells of the invoice anyway."""
        if draft.kind is not DocumentKind.CREDIT_MEMO or not draft.applies_to_id:
            return draft
        path = ENTITIES[DocumentKind.SALES_INVOICE].path
        invoice = self.client.get(path, draft.applies_to_id, purpose="look whether it is open")
        is_open = invoice is not None and odata.decoded(str(invoice.get("status", ""))) == "Open"
        return draft if is_open else replace(draft, applies_to_id="")

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        entity = ENTITIES[kind]
        row = self.client.get(
            entity.path, external_id, expand=entity.lines, purpose="read the document back"
        )
        return None if row is None else documents.from_json(row, kind)

    def post_document(self, kind: DocumentKind, external_id: str) -> None:
        self.client.act(ENTITIES[kind].path, external_id, "post", purpose="post the document")

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        self.client.delete(ENTITIES[kind].path, external_id, purpose="withdraw our draft")

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        return {
            "method": "POST",
            "path": self.client.company(ENTITIES[draft.kind].path),
            "body": documents.to_body(draft, places=self.places(draft.currency), ids=self._id_of),
        }

    def document_url(self, document: ErpDocument) -> str:
        base = self._values.get("web_client", "").rstrip("/")
        if not base or document.kind is not DocumentKind.SALES_INVOICE:
            return ""
        # Page 132 is "Posted Sales Invoice"; the filter is the web client's own link form.
        tenant, environment = self._values["tenant_id"], self._values["environment"]
        return f"{base}/{tenant}/{environment}?page=132&filter='No.' IS '{document.number}'"

    def _id_of(self, entity: str, code: str) -> str:
        """The id of a setup record by its code, remembered. Raises Rejected, as a hold."""
        key = (entity, code.upper())
        if key not in self._ids:
            rows = self.client.find(
                entity, f"code eq {odata.literal(code.upper())}", purpose=f"look up {entity}"
            )
            match = [row for row in rows if str(row.get("code", "")).upper() == code.upper()]
            if not match:
                words = re.sub(r"(?<!^)([A-Z])", r" \1", entity).lower()
                raise Rejected(
                    f"{entity} has no {code}",
                    hold="lookup_missing",
                    reason=f"“{code}” is not among the {words} of Business Central.",
                    advice="Correct the lookup row or add the code in Business Central, then "
                    "release the transfer.",
                )
            self._ids[key] = str(match[0]["id"])
        return self._ids[key]


def _has_email(row: Json, email: str) -> bool:
    parts = str(row.get("email", "")).split(";")
    return email.casefold() in (part.strip().casefold() for part in parts)


def _customer(row: Json) -> ErpCustomer:
    read = Reader(row, "customer")
    blocked = odata.decoded(read.text("blocked", ""))
    return ErpCustomer(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        email=read.text("email", ""),
        currency=read.text("currencyCode", ""),
        blocked="" if blocked in NOT_BLOCKED else blocked.lower(),
    )


def _item(row: Json) -> ErpItem:
    read = Reader(row, "item")
    return ErpItem(
        external_id=read.text("id"),
        number=read.text("number"),
        name=read.text("displayName", ""),
        gtin=read.text("gtin", ""),
        blocked=read.flag("blocked"),
        unit_of_measure=read.text("baseUnitOfMeasureCode", ""),
        item_class=read.text("itemCategoryCode", ""),
    )
