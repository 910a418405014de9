"""What both interfaces of NAV do for the adapter, each in its own words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.contract import Check
from connectors.erps.nav.client import Client
from connectors.erps.nav.finding import Customers, Items
from connectors.errors import NeedsAttention
from connectors.records import (
    CustomerDraft,
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    ErpCustomer,
    ErpDocument,
)

OWN_CURRENCY = "-"  # a lookup row with this value names the company's own currency
# ISO 4217 currencies without minor units, or with three, where the interface does not say.
PLACES = dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"), 0) | (
    dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
)


@dataclass(frozen=True, slots=True)
class LedgerSetup:
    """General Ledger Setup: the allowed posting dates, an open end being None."""

    first: date | None
    last: date | None
    currency: str
    precision: Decimal

    def allows(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class Profile(ABC):
    """One company by one interface. Every method raises ConnectorError."""

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self.client = client
        self.values = values
        # A draft that only people post is theirs as soon as it is there; otherwise it is ours.
        self.unposted = (
            DocumentStatus.OPEN
            if values.get("posting", "nobody") == "nobody"
            else DocumentStatus.DRAFT
        )

    @abstractmethod
    def companies(self) -> tuple[str, ...]:
        """The names of the server's companies."""

    @abstractmethod
    def forget(self) -> None:
        """Ask the server anew for all that is remembered."""

    @abstractmethod
    def prove(self) -> Iterator[Check]:
        """What the interface must offer for a route to work, each with its own words."""

    @abstractmethod
    def prove_write(self) -> None:
        """Ask for a new customer that is refused for its content, if for nothing else. Raises
        Rejected when all is well; returns if a customer was made, against all sense."""

    @abstractmethod
    def prove_action(self) -> str:
        """The name of the action that posts. Raises NeedsAttention if there is none."""

    @abstractmethod
    def ledger_setup(self, *, fresh: bool = False) -> LedgerSetup | None:
        """None where the interface does not offer it. Remembered for some minutes."""

    @abstractmethod
    def places(self, currency: str) -> int: ...

    @abstractmethod
    def customers(self) -> Customers: ...

    @abstractmethod
    def items(self) -> Items: ...

    @abstractmethod
    def create_customer(self, draft: CustomerDraft, mark: str) -> ErpCustomer:
        """``mark`` goes into the field that finance finds new customers by; "" for none."""

    @abstractmethod
    def find_documents(self, kind: DocumentKind, reference: str) -> tuple[ErpDocument, ...]: ...

    @abstractmethod
    def create_document(self, draft: DocumentDraft) -> str: ...

    @abstractmethod
    def complete_document(self, draft: DocumentDraft, found: ErpDocument) -> None: ...

    @abstractmethod
    def read_document(self, kind: DocumentKind, external_id: str) -> ErpDocument | None: ...

    @abstractmethod
    def act(self, kind: DocumentKind, external_id: str) -> None:
        """Run the action that posts a draft."""

    @abstractmethod
    def draft_number(self, kind: DocumentKind, external_id: str) -> str:
        """The number of a draft, for a codeunit that takes it."""

    def posted(self, external_id: str) -> None:
        """A draft was posted just now, by whatever way."""
        return

    @abstractmethod
    def discard_document(self, kind: DocumentKind, external_id: str) -> None: ...

    @abstractmethod
    def preview(self, draft: DocumentDraft) -> dict[str, Any]: ...

    def currency_code(self, draft: DocumentDraft) -> str:
        """NAV's code of the draft's currency; "" is the company's own. Raises NeedsAttention while
        nobody says which that is."""
        given = draft.fields.get("currency_code", "")
        if given == OWN_CURRENCY:
            return ""
        own = self.local_currency()
        if not own:
            raise NeedsAttention(
                "no local currency",
                reason="The interface does not say which currency the company keeps its books in.",
                advice="Publish General Ledger Setup (page 118), or enter the currency of the "
                "books in the connection's settings.",
                code="settings",
            )
        return "" if draft.currency == own else given or draft.currency

    def local_currency(self) -> str:
        """The ISO code of the company's own currency; "" if nobody says."""
        if self.values.get("local_currency"):
            return self.values["local_currency"]
        setup = self.ledger_setup()
        return "" if setup is None else setup.currency
