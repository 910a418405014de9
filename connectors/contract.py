"""What a system must do to take part: ``Store`` for shops, ``Erp`` for ledgers.

An adapter is assembled by ``connectors.services`` with a ready transport; it holds no Django, no
tenant and no retry logic, and raises only the classes of ``connectors.errors``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.errors import NotOffered
from connectors.master_data import Catalog, ChangeSubscription, Feed, MasterData, Page
from connectors.notices import DeliveryRefused, Hook, HookAnswer, Notice
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    ErpCustomer,
    ErpDocument,
    ErpItem,
    Order,
    Refund,
    StoreInvoice,
)

if TYPE_CHECKING:
    from connectors.kit import Kit


__all__ = [
    "Booking",
    "Catalog",
    "ChangeSubscription",
    "Check",
    "DeliveryRefused",
    "Erp",
    "Feed",
    "Hook",
    "HookAnswer",
    "MasterData",
    "Notice",
    "Page",
    "Ping",
    "Role",
    "Setting",
    "Store",
    "Target",
    "TargetField",
    "Verdict",
]


class Role(StrEnum):
    STORE = "store"
    ERP = "erp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that a person fills in to connect a system; the console draws the form from it.

    ``kind``: text | url | secret | integer | decimal | time | choice | choices | boolean |
    certificate | public_key. A ``choices`` value is a comma-separated list of keys, a ``boolean`` is
    "yes" or "no"; a ``certificate`` and a ``public_key`` are PEM text of one or more of them, in
    several lines. Secrets are write-only and encrypted. ``group`` puts rarely needed values under
    "Advanced". ``sign_in`` marks a part of a sign-in that a relay agent may keep on site.
    """

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    required: bool = True
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    pattern: str = ""
    max_length: int = 400
    sign_in: bool = False

    @property
    def is_secret(self) -> bool:
        return self.kind == "secret"


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a ping proved or found wanting, in words. ``whose_move``: you | us | vendor."""

    name: str
    verdict: Verdict
    words: str
    advice: str = ""
    whose_move: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """What a ping found. ``facts`` are shown as they are; ``choices`` offers values for a setting
    (the companies of an environment, say: setting name -> ((value, label), ...))."""

    checks: tuple[Check, ...]
    facts: dict[str, str] = field(default_factory=dict)
    choices: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)

    @property
    def is_healthy(self) -> bool:
        return all(check.verdict in (Verdict.OK, Verdict.SKIPPED) for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.verdict is Verdict.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetField:
    """One field of an ERP customer, document or line that a mapping can fill.

    ``builtin`` is the expression (JMESPath over the canonical record) that fills it when no one
    has said otherwise; ``lookup`` names the lookup table that its value goes through.
    ``kind``: text | code | date | choice | email. An e-mail address is never shortened: one that is
    too long is left out. ``fixed`` says why people cannot change it.
    """

    name: str
    label: str
    kind: str = "text"
    max_length: int | None = None
    builtin: str = ""
    lookup: str = ""
    default: str = ""
    fixed: str = ""
    help: str = ""
    choices: tuple[str, ...] = ()


class Target(StrEnum):
    """What a mapping fills. Credit memos are mapped as invoices are."""

    CUSTOMER = "customer"
    INVOICE = "invoice"
    LINE = "line"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A way in which an ERP can book something, as a route chooses it by ``name``.

    ``posts`` says that we have the document posted; otherwise it is left for the ERP's people or
    batch jobs, and ``waits_as`` says in words what it waits for.
    """

    name: str
    label: str
    kind: DocumentKind
    posts: bool = False
    waits_as: str = "waits in the ERP"


class Store(Catalog, ABC):
    """A shop: where orders come from.

    An order's ``external_id`` is the key by which its transfer is known for ever, so it must be
    what a webhook, a list and a person all lead to. ``order.number`` is unique over the connection
    and goes into the ERP's references: letters, digits and hyphens, as short as can be.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    role: ClassVar[Role] = Role.STORE
    settings: ClassVar[tuple[Setting, ...]]
    statuses: ClassVar[Mapping[str, str]]  # status id -> the vendor's label
    payable_statuses: ClassVar[frozenset[str]]  # the sane default of the route setting
    unpaid_statuses: ClassVar[frozenset[str]]  # "not yet": hold until the store says more
    dead_statuses: ClassVar[frozenset[str]]  # cancelled, declined, never finished: skip
    refunded_statuses: ClassVar[frozenset[str]] = frozenset()  # wholly or in part
    makes_invoices: ClassVar[bool] = False  # the store itself invoices orders, also in parts
    makes_refunds: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> Store:
        """The adapter for a connection's settings (secrets included)."""

    @abstractmethod
    def ping(self) -> Ping: ...

    @abstractmethod
    def fetch_order(self, external_id: str) -> Order:
        """The whole order in as few calls as the API allows.

        Raises TryLater if the store does not know it yet, ConnectorError otherwise.
        """

    @abstractmethod
    def changed_orders(self, *, since: datetime, after: str = "") -> Iterator[Sequence[Notice]]:
        """Pages of notices for orders changed at or after ``since``, oldest first."""

    def fetch_refunds(self, order: Order) -> tuple[Refund, ...]:
        """Every refund of an order, oldest first, with what each gives back."""
        return ()

    def changed_refunds(self, *, since: datetime) -> Iterator[Sequence[Notice]]:
        """Pages of notices (record ``refund``, id of the order) for refunds since then."""
        return iter(())

    def fetch_invoices(self, order: Order) -> tuple[StoreInvoice, ...]:
        """Every invoice that the store made for an order, oldest first."""
        return ()

    def changed_invoices(self, *, since: datetime) -> Iterator[Sequence[Notice]]:
        """Pages of notices (record ``invoice``, id of the order) for invoices since then."""
        return iter(())

    @classmethod
    def number_length(cls, values: Mapping[str, str]) -> int:
        """Characters that this store's order numbers come to, where none of them was seen yet."""
        return 9

    @classmethod
    def order_key(cls, text: str) -> str:
        """The ``external_id`` for an order number that a person typed. Raises ValueError, in
        words."""
        if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
            raise ValueError("An order number is made of at most 18 digits.")
        return str(int(text.strip()))  # 007 and 7 are one order, and so one transfer

    @abstractmethod
    def ensure_hooks(
        self, *, destination: str, records: Iterable[str], secret_header: tuple[str, str]
    ) -> tuple[Hook, ...]:
        """Register what is missing, revive what is inactive, leave the rest; safe to repeat."""

    def hook_health(self, *, destination: str) -> tuple[Hook, ...]:
        """Our registrations for this address as they stand, inactive ones too, changing nothing.
        Empty where the vendor has no list of them."""
        return ()

    @abstractmethod
    def remove_hooks(self, *, destination: str) -> int: ...

    @classmethod
    @abstractmethod
    def read_delivery(
        cls,
        *,
        values: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
        secret_header: tuple[str, str],
    ) -> tuple[Notice, ...]:
        """Verify the raw bytes, then read what changed. ``headers`` have lower-case names;
        ``values`` are the connection's settings with secrets. Raises DeliveryRefused."""

    @classmethod
    def handshake(
        cls,
        *,
        values: Mapping[str, str],
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> HookAnswer | None:
        """The answer to a vendor's question whether this address is ours; None if it is no such
        question but a delivery."""
        return None

    @classmethod
    def acknowledgement(cls) -> HookAnswer | None:
        """What the vendor must read in answer to a delivery; None if any 2xx will do."""
        return None

    def order_url(self, external_id: str) -> str:
        """Where a person sees the order in the store's own administration; empty if unknown."""
        return ""


class Erp(MasterData, ABC):
    """A ledger: where documents are booked.

    After a write without an answer nothing is sent again before ``carried_out_within`` is over,
    and even then only after a look.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    role: ClassVar[Role] = Role.ERP
    settings: ClassVar[tuple[Setting, ...]]
    target_fields: ClassVar[Mapping[Target, tuple[TargetField, ...]]]
    order_bookings: ClassVar[tuple[Booking, ...]]  # what orders and store invoices may become
    refund_bookings: ClassVar[tuple[Booking, ...]] = ()
    payment_bookings: ClassVar[tuple[Booking, ...]] = ()
    reference_max_length: int  # of our reference in the ERP's documents
    computes_tax: ClassVar[bool]  # the ERP works out tax and totals itself
    numbers_customers: ClassVar[bool] = True  # else a new customer's number is for us to give

    @property
    @abstractmethod
    def request_seconds(self) -> timedelta:
        """From the decision to send a write until its answer or our giving up."""

    @property
    def carried_out_within(self) -> timedelta:
        """How long after sending a write that was not answered may still be carried out. Nothing
        is sent again before that, whatever is found."""
        return self.request_seconds

    @abstractmethod
    def ping(self) -> Ping: ...

    @property
    def new_customers_include_tax(self) -> bool:
        """The pricing mode that a document of a customer never seen before is expected to have."""
        return False

    @property
    def transfers_at_once(self) -> int:
        """How many transfers may be worked for this connection at the same time, over all worker
        processes: enough to keep its calls in flight busy, and no more, so that one slow ERP does
        not hold every thread."""
        return 8

    @classmethod
    @abstractmethod
    def build(cls, values: Mapping[str, str], kit: Kit) -> Erp:
        """The adapter for a connection's settings (secrets included)."""

    @abstractmethod
    def places(self, currency: str) -> int:
        """Decimal places of amounts in ``currency``, as the ERP rounds them."""

    @abstractmethod
    def find_customers(self, email: str) -> tuple[ErpCustomer, ...]:
        """Every customer with exactly this e-mail address, case ignored, re-checked by us."""

    @abstractmethod
    def find_customer_by_number(self, number: str) -> ErpCustomer | None: ...

    @abstractmethod
    def create_customer(self, draft: CustomerDraft) -> ErpCustomer: ...

    @abstractmethod
    def find_items(self, numbers: Iterable[str]) -> dict[str, ErpItem]:
        """Items by number, for all numbers in as few calls as possible; absent ones are left out.
        Keys are the numbers as asked for."""

    @abstractmethod
    def find_items_by_gtin(self, gtins: Iterable[str]) -> dict[str, tuple[ErpItem, ...]]: ...

    @abstractmethod
    def posting_allowed(self, day: date) -> bool | None:
        """Whether the ERP accepts this posting date; None if it cannot be asked."""

    def first_open_day(self, day: date) -> date | None:
        """The first day at or after ``day`` that the ERP accepts postings for; None if there is
        none yet or it cannot be asked."""
        return None

    @abstractmethod
    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]:
        """Every document of this kind with our reference, lines included, drafts and posted."""

    @abstractmethod
    def create_document(self, draft: DocumentDraft) -> str:
        """Create it unposted and return its id in the ERP. Not safe to repeat: look first."""

    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None:
        """Go on with a document whose lines are not all there (``is_complete`` False). Safe to
        repeat: each line is recognised by our reference in it."""
        raise NotOffered(self.title, "has no documents to go on with: it creates them whole")

    @abstractmethod
    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None: ...

    def post_document(self, kind: DocumentKind, external_id: str) -> None:
        """Post a draft. Posting twice is refused by the ERP or has no effect. Only called for
        bookings that post."""
        raise NotOffered(self.title, "posts nothing by itself")

    @abstractmethod
    def discard_document(self, kind: DocumentKind, external_id: str) -> None:
        """Delete an unposted draft of ours. Raises Rejected where the ERP has no such thing: then
        a person must."""

    @abstractmethod
    def preview(self, draft: DocumentDraft) -> dict[str, Any]:
        """The exact request that ``create_document`` would send: method, path and body."""

    def document_url(self, document: ErpDocument) -> str:
        """Where a person sees the document in the ERP's own client; empty if unknown."""
        return ""
