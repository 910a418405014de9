"""NAV by its OData v4 page services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.contract import Check
from connectors.erps.nav import page_checks
from connectors.erps.nav.client import Client, Json, begin_by, in_path
from connectors.erps.nav.errors import EXISTS, posted_already
from connectors.erps.nav.fields import CUSTOMER_FIELDS
from connectors.erps.nav.finding import Customers, Items
from connectors.erps.nav.page_documents import (
    SOURCES,
    customer_body,
    draft_document,
    header_body,
    line_body,
    line_numbers,
    number_of,
    posted_document,
)
from connectors.erps.nav.parties import page_customer, page_item
from connectors.erps.nav.profile import LedgerSetup, Profile
from connectors.erps.nav.published import DEFAULT_MARK, Published
from connectors.errors import ConnectorError, NeedsAttention, Rejected
from connectors.kit import odata
from connectors.kit.reader import Reader
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    ErpCustomer,
    ErpDocument,
)

_ZERO = Decimal(0)


class PageServices(Profile):
    """One company by the services that its administrator published."""

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        super().__init__(client, values)
        self.published = Published(client, values)
        self._posted_just_now: set[str] = set()

    def forget(self) -> None:
        self.published.forget()

    def companies(self) -> tuple[str, ...]:
        return self.published.companies()

    def ledger_setup(self, *, fresh: bool = False) -> LedgerSetup | None:
        return self.published.ledger_setup(fresh=fresh)

    def places(self, currency: str) -> int:
        return self.published.places(currency)

    def prove(self) -> Iterator[Check]:
        return page_checks.services(self.published)

    def prove_write(self) -> None:
        """A currency that there is not: the customer is refused when it is entered."""
        path = self.published.path(self.published.service("customer").name)
        self.client.create(path, {"Currency_Code": "NO-SUCH"}, purpose="ping: permission to write")

    def prove_action(self) -> str:
        return ", ".join(self._action(name) for name in ("invoice", "credit_memo"))

    # Customers and items

    def customers(self) -> Customers:
        service = self.published.service("customer")
        return Customers(
            rows=partial(self.published.rows, "customer"),
            read=page_customer,
            number="No",
            longest_number=service.length("No") or 20,
            email="E_Mail",
            longest_email=service.length("E_Mail"),
        )

    def items(self) -> Items:
        service = self.published.service("item")
        return Items(
            rows=partial(self.published.rows, "item"),
            read=page_item,
            record="Item",
            number="No",
            longest_number=service.length("No") or 20,
            gtin="GTIN" if "GTIN" in service else "",
            longest_gtin=service.length("GTIN") or 14,
        )

    def create_customer(self, draft: CustomerDraft, mark: str) -> ErpCustomer:
        last = begin_by()
        service = self.published.service("customer")
        given = {**draft.fields, "display_name": draft.display_name}
        values = {field: given.get(name, "") for name, field in CUSTOMER_FIELDS.items()}
        body = customer_body(values, service)
        if "Prices_Including_VAT" in service:
            body["Prices_Including_VAT"] = self.values.get("prices_include_tax") == "yes"
        field = self.values.get("verify_field") or DEFAULT_MARK
        if mark and field != "-":
            body |= customer_body({field: mark}, service)
        made = self.client.create(
            self.published.path(service.name),
            body,
            key="No",
            purpose="create the customer",
            begin_by=last,
        )
        return page_customer(made)

    # Documents

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        """Drafts and posted documents are two services: both are asked each time, because only
        both together show a document that was booked twice."""
        wanted = f"External_Document_No eq {odata.literal(reference.upper())}"
        found = []
        for row in self._with_lines(SOURCES[kind].draft, wanted, "look for our draft"):
            if _is(row, "External_Document_No", reference):
                found.append(self._draft(row, kind))
        for row in self._with_lines(SOURCES[kind].posted, wanted, "look for our posted document"):
            if _is(row, "External_Document_No", reference):
                found.append(self._posted(row, kind))
        if kind is DocumentKind.SALES_ORDER:  # one order, however many invoices it became so far
            return tuple({document.external_id: document for document in reversed(found)}.values())
        return tuple(found)

    def _with_lines(self, name: str, filter_text: str, purpose: str) -> list[Json]:
        return self.published.rows(
            name, filter=filter_text, expand=self.published.service(name).part, purpose=purpose
        )

    def _draft(self, row: Json, kind: DocumentKind) -> ErpDocument:
        return draft_document(
            row,
            self._lines_of(row, SOURCES[kind].draft),
            kind,
            unposted=self.unposted,
            currency=self.local_currency(),
        )

    def _posted(self, row: Json, kind: DocumentKind) -> ErpDocument:
        lines = self._lines_of(row, SOURCES[kind].posted)
        return posted_document(row, lines, kind, self.local_currency())

    def _lines_of(self, row: Json, name: str) -> list[Json]:
        lines = row.get(self.published.service(name).part) or []
        return list(lines) if isinstance(lines, list) else []

    def create_document(self, draft: DocumentDraft) -> str:
        """Header, then line by line. If NAV refuses a line, nothing of the document is left; if an
        answer is missing, what is there is found by our reference and carried on."""
        last = begin_by()
        header, lines = self._bodies(draft)
        service = self.published.service(SOURCES[draft.kind].draft)
        made = self.client.create(
            self.published.path(service.name),
            header,
            key="No",
            purpose="create the document",
            begin_by=last,
        )
        number = Reader(made, service.name).text("No")
        try:
            for line in lines:
                self._add_line(draft.kind, number, line, last)
        except Rejected:
            self._clear_away(draft.kind, number)
            raise
        return number

    def _clear_away(self, kind: DocumentKind, number: str) -> None:
        try:
            self.discard_document(kind, number)
        except ConnectorError:
            return  # it is found by our reference next time, and completed or withdrawn then

    def _bodies(self, draft: DocumentDraft) -> tuple[Json, list[dict[str, Any]]]:
        service = self.published.service(SOURCES[draft.kind].draft)
        header = header_body(
            draft,
            service,
            currency=self.currency_code(draft),
            applies_to=self._open_invoice(draft),
        )
        part, places = self.published.part_of(service), self.places(draft.currency)
        return header, [
            line_body(draft, position, part, places=places) for position in range(len(draft.lines))
        ]

    def _open_invoice(self, draft: DocumentDraft) -> str:
        """The number of the posted invoice that a credit memo is applied to, while that is open:
        NAV refuses to apply one to a closed invoice."""
        if draft.kind is not DocumentKind.CREDIT_MEMO or not draft.applies_to_id:
            return ""
        row = self._posted_row(DocumentKind.SALES_INVOICE, draft.applies_to_id)
        if row is None:
            return ""
        read = Reader(row, "posted invoice")
        same = read.text("Currency_Code", "") == self.currency_code(draft)
        return read.text("No") if same and read.decimal("Remaining_Amount", _ZERO) > 0 else ""

    def _add_line(self, kind: DocumentKind, number: str, line: Json, last: float) -> None:
        """Safe to repeat: NAV refuses a second line with the same number."""
        service = self.published.service(SOURCES[kind].draft)
        try:
            self.client.create(
                f"{self.published.path(service.name, self._key(kind, number))}/{service.part}",
                line,
                purpose="add a line to the document",
                begin_by=last,
            )
        except Rejected as error:
            if error.code != EXISTS:
                raise

    def _key(self, kind: DocumentKind, number: str) -> str:
        word = SOURCES[kind].type
        field = self.published.service(SOURCES[kind].draft).fields.get("Document_Type")
        return (
            f"Document_Type={in_path(field.member(word) if field else word)},No={in_path(number)}"
        )

    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None:
        service = self.published.service(SOURCES[draft.kind].draft)
        rows = self.client.rows(
            f"{self.published.path(service.name, self._key(draft.kind, found.number))}/{service.part}",
            select="Line_No",
            purpose="see which lines are there",
        )
        there = {Reader(row, "line").integer("Line_No") for row in rows}
        part, places = self.published.part_of(service), self.places(draft.currency)
        for position, number in enumerate(line_numbers(len(draft.lines))):
            if number not in there:
                line = line_body(draft, position, part, places=places)
                self._add_line(draft.kind, found.number, line, begin_by())

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        number, was_posted = number_of(external_id)
        if external_id not in self._posted_just_now and not was_posted:
            source = SOURCES[kind].draft
            row = self._one_draft(kind, number, expand=self.published.service(source).part)
            if row is not None:
                return self._draft(row, kind)
        row = self._posted_row(kind, external_id)
        return None if row is None else self._posted(row, kind)

    def _one_draft(self, kind: DocumentKind, number: str, *, expand: str = "") -> Json | None:
        published = self.values.get(f"service_{SOURCES[kind].draft}", "")
        return self.client.get(
            self.published.path(published, self._key(kind, number)),
            params={"$expand": expand} if expand else None,
            purpose="read the document back",
        )

    def _posted_row(self, kind: DocumentKind, external_id: str) -> Json | None:
        number, was_posted = number_of(external_id)
        field = "Order_No" if kind is DocumentKind.SALES_ORDER else "Pre_Assigned_No"
        rows = self._with_lines(
            SOURCES[kind].posted,
            f"{'No' if was_posted else field} eq {odata.literal(number)}",
            "read the posted document",
        )
        return next((row for row in rows if _of_kind(row, kind) or was_posted), None)

    def draft_number(self, kind: DocumentKind, external_id: str) -> str:
        number, was_posted = number_of(external_id)
        if was_posted:
            raise posted_already(number)
        return number

    def act(self, kind: DocumentKind, external_id: str) -> None:
        number = self.draft_number(kind, external_id)
        source = SOURCES[kind].draft
        action, service = self._action(source), self.published.service(source)
        self.client.request(
            "POST",
            f"{self.published.path(service.name, self._key(kind, number))}/{action}",
            purpose="post the document",
            begin_by=begin_by(),
        )
        self.posted(external_id)

    def _action(self, source: str) -> str:
        service = self.published.service(source)
        name = self.values.get("post_action", "")
        action = service.actions.get(name.casefold())
        if action is None:
            self.published.forget()
            raise NeedsAttention(
                f"{service.name} has no action {name}",
                reason=f"The page service “{service.name}” has no action “{name}”.",
                advice="Correct the action's name in the settings, or have the partner publish it.",
                code="settings",
            )
        return action

    def posted(self, external_id: str) -> None:
        """A draft was posted just now: it is looked for among the posted ones first."""
        self._posted_just_now.add(external_id)

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        """With the ETag of what is deleted, so that nothing is lost that a person just entered."""
        number = self.draft_number(kind, external_id)
        row = self._one_draft(kind, number)
        if row is None:
            if self._posted_row(kind, external_id) is not None:
                raise posted_already(number)
            return
        self.client.delete(
            self.published.path(
                self.published.service(SOURCES[kind].draft).name, self._key(kind, number)
            ),
            etag=str(row.get("@odata.etag", "")),
            purpose="withdraw our draft",
        )

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        header, lines = self._bodies(draft)
        service = self.published.service(SOURCES[draft.kind].draft)
        return {
            "method": "POST",
            "path": self.published.path(service.name),
            "body": header,
            "then": [{"path": service.part, "body": line} for line in lines],
        }


def _is(row: Json, field: str, wanted: str) -> bool:
    """NAV keeps codes in upper case; what it found is checked by us."""
    return str(row.get(field, "")).strip().upper() == wanted.strip().upper()


def _of_kind(row: Json, kind: DocumentKind) -> bool:
    """An invoice that an order became is that order's; others were drafts of their own."""
    from_order = bool(row.get("Order_No"))
    return from_order if kind is DocumentKind.SALES_ORDER else not from_order
