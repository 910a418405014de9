"""What an ERP is asked to book, and what it says it has booked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class DocumentKind(StrEnum):
    SALES_ORDER = "sales_order"
    SALES_INVOICE = "sales_invoice"
    CREDIT_MEMO = "credit_memo"
    PAYMENT = "payment"


class DocumentStatus(StrEnum):
    DRAFT = "draft"
    OPEN = "open"  # a sales order that waits in the ERP
    IN_REVIEW = "in_review"
    POSTED = "posted"
    CANCELED = "canceled"


class LineKind(StrEnum):
    ITEM = "item"
    ACCOUNT = "account"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftLine:
    """One line to book.

    Both pricing modes are carried, because some ERPs decide per customer whether unit prices
    include tax. ``discount_*`` is for the whole line, not per unit. ``source`` says where the
    line comes from: ``line:<id>``, ``shipping``, ``handling``, ``wrapping``, ``fee:<id>``,
    ``tax``, ``rounding``, ``gift_certificate``.
    """

    kind: LineKind
    number: str
    description: str
    quantity: Decimal
    unit_price_ex_tax: Decimal
    unit_price_inc_tax: Decimal
    discount_ex_tax: Decimal = ZERO
    discount_inc_tax: Decimal = ZERO
    source: str = ""
    item_id: str = ""
    variant_id: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    item_attributes: dict[str, str] = field(default_factory=dict)

    @property
    def amount_ex_tax(self) -> Decimal:
        return self.quantity * self.unit_price_ex_tax - self.discount_ex_tax

    @property
    def amount_inc_tax(self) -> Decimal:
        return self.quantity * self.unit_price_inc_tax - self.discount_inc_tax


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentDraft:
    """One ERP document as it shall be booked.

    ``reference`` is our deterministic natural key, written into the ERP document and looked up
    before every create. ``total_inc_tax`` and ``total_tax`` are the store's, in ``currency``: the
    document must come to the same, to the cent. ``prices_include_tax`` is the expected pricing
    mode of the ERP document. ``applies_to_*`` name the booked invoice that a credit memo corrects
    (its number and id in the ERP). ``order_number`` is the store's, for the ERP's own reference
    fields.

    A payment (kind ``payment``) has one line: its number is the account that the money went to,
    by the lookup table of payment accounts; ``total_inc_tax`` is positive for money received and
    negative for money given back; ``fields`` are those of ``Target.PAYMENT``.
    """

    kind: DocumentKind
    reference: str
    customer_id: str
    customer_number: str
    document_date: date
    posting_date: date
    currency: str
    prices_include_tax: bool
    lines: tuple[DraftLine, ...]
    total_inc_tax: Decimal
    total_tax: Decimal
    fields: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    applies_to_number: str = ""
    applies_to_id: str = ""
    order_number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpDocumentLine:
    """One line as the ERP holds it. Amounts are after discounts, in the document's currency."""

    number: str
    description: str
    kind: LineKind
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    amount_ex_tax: Decimal
    tax: Decimal
    amount_inc_tax: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpDocument:
    """A document read back from the ERP.

    ``lines`` is empty where the ERP's documents carry none. ``invoice_number`` is the number that
    the ERP gave when it posted a document that was accepted under another one. ``has_totals`` is
    False where the ERP has not worked out totals yet: the lines alone can be compared then.
    ``is_complete`` is False for a document that was broken off between its header and its lines:
    ``Erp.complete_document`` goes on with it.
    """

    kind: DocumentKind
    external_id: str
    number: str
    reference: str
    status: DocumentStatus
    customer_number: str
    customer_name: str
    currency: str
    document_date: date | None
    posting_date: date | None
    prices_include_tax: bool
    total_ex_tax: Decimal
    total_tax: Decimal
    total_inc_tax: Decimal
    lines: tuple[ErpDocumentLine, ...] = ()
    invoice_number: str = ""
    has_totals: bool = True
    is_complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpCustomer:
    """A customer in the ERP. ``blocked`` is empty, or what is stopped: ``ship``, ``invoice``,
    ``all``. ``notes`` say in words what a new customer's text had to be changed to."""

    external_id: str
    number: str
    name: str
    email: str
    currency: str = ""
    blocked: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErpItem:
    """An item in the ERP. ``attributes`` holds what only its adapter understands (the values of
    product dimensions, say); it comes back in ``DraftLine.item_attributes``."""

    external_id: str
    number: str
    name: str
    gtin: str = ""
    blocked: bool = False
    unit_of_measure: str = ""
    variant_id: str = ""
    variant_code: str = ""
    item_class: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
