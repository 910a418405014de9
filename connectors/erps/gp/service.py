"""What the adapter needs of a GP server, whichever interface it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Json = Mapping[str, Any]

CUSTOMERS = "Sales/Customers"
ADDRESSES = "Sales/CustomerAddresses"
INTERNET_ADDRESSES = "Sales/CustomerInternetAddresses"
TRANSACTIONS = "Sales/Receivables/Transactions"
BATCHES = "System/Batches"
CLASSES = "Sales/Classes"
ITEMS = "Inventory/Items"
ITEM_SITES = "Inventory/ItemSites"
ITEM_PRICES = "Inventory/ItemPriceLists"
PRICE_LEVELS = "Inventory/PriceLevels"
CURRENCIES = "Administration/Currencies"
PERIODS = "Administration/FiscalPeriods"
TAX_SCHEDULES = "Administration/TaxSchedules"
ACCOUNTS = "Financials/Accounts"
SETUP = "Financials/Setup"


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """A company that the account may enter: numeric id, database name, display name."""

    number: str
    database: str
    name: str


@dataclass(frozen=True, slots=True)
class ServicePage:
    """One page of a list; ``following`` is the offset of the next, None after the last."""

    rows: list[Json]
    following: int | None


class Service(Protocol):
    """Records as mappings with the field names of Service Based Architecture, texts without the
    blanks of their columns.

    Where a server or an interface does not have a resource or a verb, Rejected with the code
    ``not_offered`` is raised.
    """

    company: str
    uses_iso_currencies: bool  # its currency keys are ISO codes, not GP's ids

    def reach(self) -> None:
        """Sign in and see that the interface answers. Raises ConnectorError."""

    def companies(self) -> list[CompanyRow]: ...

    def segment_of(self, row: CompanyRow) -> str:
        """How this server wants the company to be named. Raises ConnectorError."""

    def find(self, resource: str, *keys: str, purpose: str) -> Json | None:
        """One record by its key; None if there is none."""

    def rows(self, resource: str, *, purpose: str, **filters: str) -> list[Json]:
        """Every record that passes the filters, all pages."""

    def page(self, resource: str, *, offset: int, purpose: str, **filters: str) -> ServicePage:
        """The records that pass the filters, from an offset on."""

    def sample(self, resource: str, *, purpose: str) -> None:
        """Read a little of a resource, to prove that it may be read."""

    def create(
        self, resource: str, values: Json, *, purpose: str, begin_by: float | None = None
    ) -> None:
        """Create a record. ``begin_by``: see ``Http.request``. Raises OutcomeUnknown where the
        answer does not tell."""

    def create_customer(
        self,
        card: Json,
        *,
        ship_to: Json | None,
        internet: Json | None,
        card_exists: bool,
        begin_by: float,
    ) -> None:
        """The customer's card, a second address and an e-mail address. With ``card_exists`` only
        what is still missing beside the card. Raises Rejected with the code ``exists``."""

    def request_of(self, resource: str, values: Json) -> dict[str, Any]:
        """Method, path and body of the create, for people to look at."""
