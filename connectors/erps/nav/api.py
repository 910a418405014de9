"""NAV by its API: "beta" of NAV 2018, v1.0 of Business Central 14 and later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from connectors.contract import Check, Verdict
from connectors.erps.nav import api_documents as documents
from connectors.erps.nav import metadata
from connectors.erps.nav.api_company import ApiCompany
from connectors.erps.nav.api_documents import BETA_ENTITIES, BLANK_ID, V1_ENTITIES, Entity
from connectors.erps.nav.checks import failed, ok
from connectors.erps.nav.client import Client, Json, begin_by
from connectors.erps.nav.errors import posted_already
from connectors.erps.nav.finding import Customers, Items
from connectors.erps.nav.parties import (
    api_customer,
    api_customer_body,
    api_item,
)
from connectors.erps.nav.profile import LedgerSetup, Profile
from connectors.erps.nav.settings import BETA
from connectors.errors import ConnectorError, NeedsAttention, Rejected
from connectors.kit import SecretCache, odata
from connectors.kit.reader import Reader
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    ErpCustomer,
    ErpDocument,
)

EMAIL_LENGTH, NUMBER_LENGTH, GTIN_LENGTH = 80, 20, 14
REMEMBERED_LINES = 7 * 24 * 3600  # seconds for which a document may stay broken off
DEFAULT_MARK = "website"
NOT_BOOKABLE = "not_bookable"
FINAL = (DocumentStatus.POSTED, DocumentStatus.CANCELED)
_READS = (
    ("customers", "Read customers"),
    ("items", "Read items"),
    ("salesInvoices", "Read sales invoices"),
)


class Api(Profile):
    """One company by the API. How many lines a document shall have is kept in ``cache``, since
    nothing in a document of the API can say it."""

    def __init__(self, client: Client, values: Mapping[str, str], cache: SecretCache) -> None:
        super().__init__(client, values)
        self.is_beta = values.get("interface") == BETA
        self.company = ApiCompany(client, values)
        self.entities = BETA_ENTITIES if self.is_beta else V1_ENTITIES
        self._cache = cache
        self.forget()

    def forget(self) -> None:
        self.company.forget()
        self._actions: dict[str, dict[str, str]] = {}

    def companies(self) -> tuple[str, ...]:
        return self.company.companies()

    def prove(self) -> Iterator[Check]:
        for entity, name in _READS:
            try:
                self.company.rows(entity, top="1", purpose=f"ping: {name.lower()}")
            except ConnectorError as error:
                yield failed(name, error)
                return
            yield ok(name, "Allowed.")
        yield self._integrated()
        if self.is_beta:
            yield Check(
                name="Sales orders and refunds",
                verdict=Verdict.SKIPPED,
                words="NAV 2018's API has no field for our reference in sales orders and credit "
                "memos: this interface books invoices only. The page services book all.",
            )

    def _integrated(self) -> Check:
        name = "Record ids"
        try:
            rows = self.company.rows(
                "items", top="20", purpose="ping: see whether records have ids"
            )
        except ConnectorError as error:
            return failed(name, error)
        if all(str(row.get("id", BLANK_ID)) != BLANK_ID for row in rows):
            return ok(name, "Records have their ids.")
        return Check(
            name=name,
            verdict=Verdict.FAILED,
            words="Records that are older than the API have no ids yet.",
            advice="Run “Integrate APIs” on the page API Setup in NAV; it takes some minutes.",
            whose_move="you",
            code="settings",
        )

    def prove_write(self) -> None:
        """A customer without a name is refused for its content."""
        self.client.create(
            self.company.path("customers"), {"displayName": ""}, purpose="ping: permission to write"
        )

    def prove_action(self) -> str:
        kinds = [kind for kind, entity in self.entities.items() if entity.reference]
        posting = [kind for kind in kinds if kind is not DocumentKind.SALES_ORDER]
        return ", ".join(dict.fromkeys(self._action(kind) for kind in posting))

    def ledger_setup(self, *, fresh: bool = False) -> LedgerSetup | None:
        """The API does not show the allowed posting dates."""
        return None

    def local_currency(self) -> str:
        return self.values.get("local_currency") or self.company.local_currency()

    def places(self, currency: str) -> int:
        return self.company.places(currency)

    # Customers and items

    def customers(self) -> Customers:
        return Customers(
            rows=partial(self.company.rows, "customers"),
            read=api_customer,
            number="number",
            longest_number=NUMBER_LENGTH,
            email="email",
            longest_email=EMAIL_LENGTH,
        )

    def items(self) -> Items:
        return Items(
            rows=partial(self.company.rows, "items"),
            read=api_item,
            record="item",
            number="number",
            longest_number=NUMBER_LENGTH,
            gtin="gtin",
            longest_gtin=GTIN_LENGTH,
        )

    def create_customer(self, draft: CustomerDraft, mark: str) -> ErpCustomer:
        last = begin_by()
        fields = draft.fields
        body = api_customer_body(draft.display_name, fields)
        for name, entity, place in (
            ("vat_group", "taxAreas", "taxAreaId"),
            ("payment_terms", "paymentTerms", "paymentTermsId"),
            ("payment_method", "paymentMethods", "paymentMethodId"),
        ):
            if code := fields.get(name):
                body[place] = self.company.id_of(entity, code)
        place = self.values.get("verify_field") or DEFAULT_MARK
        if mark and place != "-":
            body[place] = mark[:80]
        made = self.client.create(
            self.company.path("customers"),
            body,
            key="id",
            purpose="create the customer",
            begin_by=last,
        )
        return api_customer(made)

    # Documents

    def _entity(self, kind: DocumentKind) -> Entity:
        entity = self.entities[kind]
        if not entity.reference:
            raise Rejected(
                f"{entity.path} has no reference",
                hold="mapping",
                reason="NAV 2018's API keeps no reference of ours in this kind of document, so it "
                "could not be found again.",
                advice="Choose the page services as the connection's interface, or have the route "
                "book invoices and no refunds. Then release the transfer.",
                code=NOT_BOOKABLE,
            )
        return entity

    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        entity = self._entity(kind)
        rows = self.company.rows(
            entity.path,
            filter=f"{entity.reference} eq {odata.literal(reference.upper())}",
            expand=entity.lines,
            purpose="look for our reference",
        )
        return tuple(
            self._document(row, kind)
            for row in rows
            if str(row.get(entity.reference, "")).upper() == reference.upper()
        )

    def _document(self, row: Json, kind: DocumentKind) -> ErpDocument:
        expected = self._cache.get(_lines_key(str(row.get("id", ""))))
        return documents.from_json(
            row,
            kind,
            self.entities[kind],
            unposted=self.unposted,
            expected=int(expected) if expected and expected.isdigit() else 0,
        )

    def create_document(self, draft: DocumentDraft) -> str:
        """Header, then line by line. If NAV refuses a line, nothing of the document is left; if an
        answer is missing, what is there is found by our reference and carried on."""
        last = begin_by()
        header, lines = self._bodies(draft)
        entity = self._entity(draft.kind)
        made = self.client.create(
            self.company.path(entity.path),
            header,
            key="id",
            purpose="create the document",
            begin_by=last,
        )
        document_id = Reader(made, entity.path).text("id")
        self._cache.set(_lines_key(document_id), str(len(lines)), REMEMBERED_LINES)
        try:
            for line in lines:
                self._add_line(entity, document_id, line, last)
        except Rejected:
            self._clear_away(draft.kind, document_id)
            raise
        return document_id

    def _clear_away(self, kind: DocumentKind, document_id: str) -> None:
        try:
            self.discard_document(kind, document_id)
        except ConnectorError:
            return  # it is found by our reference next time, and completed or withdrawn then

    def _bodies(self, draft: DocumentDraft) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        header = documents.header_body(
            draft,
            self._entity(draft.kind),
            beta=self.is_beta,
            currency=self.currency_code(draft) or self.local_currency(),
            invoice_id=self._open_invoice(draft),
            ids=self.company.id_of,
        )
        places = self.places(draft.currency)
        return header, [
            documents.line_body(line, draft, places=places, ids=self.company.id_of)
            for line in draft.lines
        ]

    def _open_invoice(self, draft: DocumentDraft) -> str:
        """The id of the invoice that a credit memo is applied to, while that is open."""
        if draft.kind is not DocumentKind.CREDIT_MEMO or not draft.applies_to_id:
            return ""
        path = self.company.path(
            self.entities[DocumentKind.SALES_INVOICE].path, draft.applies_to_id
        )
        row = self.client.get(path, purpose="look whether the invoice is open")
        is_open = row is not None and odata.decoded(str(row.get("status", ""))) == "Open"
        return draft.applies_to_id if is_open else ""

    def _add_line(self, entity: Entity, document_id: str, line: Json, last: float) -> None:
        self.client.create(
            f"{self.company.path(entity.path, document_id)}/{entity.lines}",
            line,
            purpose="add a line to the document",
            begin_by=last,
        )

    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None:
        """The API numbers lines itself, so they are told apart by their order alone."""
        entity = self._entity(draft.kind)
        for line in draft.lines[len(found.lines) :]:
            body = documents.line_body(
                line, draft, places=self.places(draft.currency), ids=self.company.id_of
            )
            self._add_line(entity, found.external_id, body, begin_by())
        self._cache.set(_lines_key(found.external_id), str(len(draft.lines)), REMEMBERED_LINES)

    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None:
        entity = self.entities[kind]
        row = self.client.get(
            self.company.path(entity.path, external_id),
            params={"$expand": entity.lines},
            purpose="read the document back",
        )
        return None if row is None else self._document(row, kind)

    def draft_number(self, kind: DocumentKind, external_id: str) -> str:
        row = self.client.get(
            self.company.path(self.entities[kind].path, external_id),
            purpose="read the draft's number",
        )
        if row is None or odata.decoded(str(row.get("status", ""))) != "Draft":
            raise posted_already(external_id)
        return Reader(row, self.entities[kind].path).text("number")

    def act(self, kind: DocumentKind, external_id: str) -> None:
        self.client.request(
            "POST",
            f"{self.company.path(self.entities[kind].path, external_id)}/{self._action(kind)}",
            purpose="post the document",
            begin_by=begin_by(),
        )

    def _action(self, kind: DocumentKind) -> str:
        """The full name of the action that posts, in the server's own spelling."""
        if not self._actions:
            reply = self.client.request(
                "GET",
                f"{self.company.root}/$metadata",
                headers={"Accept": "application/xml"},
                purpose="see which actions the API has",
            )
            self._actions = {s.name: s.actions for s in metadata.read(reply.content).values()}
        path = self.entities[kind].path
        name = self.values.get("post_action", "")
        action = self._actions.get(path, {}).get(name.casefold())
        if action is None:
            self._actions = {}
            raise NeedsAttention(
                f"{path} has no action {name}",
                reason=f"NAV's API has no action “{name}” for {path}.",
                advice="NAV 2018 posts by a codeunit or an action of the customer's partner, or "
                "leaves it to people. Correct the settings of posting.",
                code="settings",
            )
        return action

    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        """With the ETag of what is deleted, so that nothing is lost that a person just entered."""
        path = self.company.path(self.entities[kind].path, external_id)
        row = self.client.get(path, purpose="see what is withdrawn")
        if row is None:
            return
        if self._document({**row, self.entities[kind].lines: []}, kind).status in FINAL:
            raise posted_already(str(row.get("number", "")))
        self.client.delete(path, etag=str(row.get("@odata.etag", "")), purpose="withdraw our draft")

    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        header, lines = self._bodies(draft)
        entity = self._entity(draft.kind)
        return {
            "method": "POST",
            "path": self.company.path(entity.path),
            "body": header,
            "then": [{"path": entity.lines, "body": line} for line in lines],
        }


def _lines_key(document_id: str) -> str:
    return f"nav:lines:{document_id.lower()}"
