"""The page services that an administrator published: names, addresses, rows, ledger setup."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from decimal import Decimal

from connectors.erps.nav import metadata
from connectors.erps.nav.client import Client, Json, in_path
from connectors.erps.nav.errors import NOT_OFFERED
from connectors.erps.nav.metadata import Service
from connectors.erps.nav.page_documents import day_of
from connectors.erps.nav.profile import PLACES, LedgerSetup
from connectors.errors import ConnectorError, NeedsAttention, Rejected
from connectors.kit.reader import Reader

DEFAULT_MARK = "Search_Name"
REMEMBERED = 1800.0  # seconds, of what the server offers
SETUP_REMEMBERED = 600.0
_CENT = Decimal("0.01")


class Published:
    """The services of one company. What the server offers is remembered for half an hour."""

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self.client = client
        self.values = values
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._services: tuple[float, dict[str, Service]] | None = None
        self._setup: tuple[float, LedgerSetup | None] | None = None

    def companies(self) -> tuple[str, ...]:
        rows = self.client.rows("/ODataV4/Company", purpose="list companies")
        return tuple(Reader(row, "Company").text("Name") for row in rows)

    def services(self) -> dict[str, Service]:
        """Every published service, by its name."""
        with self._lock:
            known = self._services
            if known is None or known[0] < time.monotonic():
                reply = self.client.request(
                    "GET",
                    "/ODataV4/$metadata",
                    headers={"Accept": "application/xml"},
                    purpose="read what the page services show",
                )
                known = time.monotonic() + REMEMBERED, metadata.read(reply.content)
                self._services = known
            return known[1]

    def service(self, name: str) -> Service:
        """By our own name of it. Raises NeedsAttention if it is not published."""
        published = self.values.get(f"service_{name}", "")
        found = self.services().get(published)
        if found is None:
            raise not_published(published)
        return found

    def part_of(self, service: Service) -> Service:
        """The lines of a document's page. Raises NeedsAttention."""
        found = self.services().get(service.part)
        if found is None:
            raise NeedsAttention(
                f"{service.name} has no lines",
                reason=f"The page service “{service.name}” shows no lines.",
                advice="Publish the document's card page (43 for invoices), not a list, under "
                "this name.",
                code="settings",
            )
        return found

    def path(self, service: str, key: str = "") -> str:
        """The address of a service, or of a record by its key without the brackets. Raises
        NeedsAttention while no company is chosen."""
        if not self.client.company:
            raise NeedsAttention(
                "no company",
                reason="No company is chosen for this connection.",
                advice="Ping the connection and choose the company in its settings.",
                code="company_missing",
            )
        below = f"{service}({key})" if key else service
        return f"/ODataV4/Company({in_path(self.client.company)})/{below}"

    def rows(self, name: str, *, purpose: str, **options: str) -> list[Json]:
        """Rows of a service by our own name of it."""
        published = self.values.get(f"service_{name}", "")
        try:
            return self.client.rows(self.path(published), purpose=purpose, **options)
        except Rejected as error:
            if error.code != NOT_OFFERED:
                raise
            self._services = None
            raise not_published(published, error) from error

    def ledger_setup(self, *, fresh: bool = False) -> LedgerSetup | None:
        known = self._setup
        if fresh or known is None or known[0] < time.monotonic():
            known = time.monotonic() + SETUP_REMEMBERED, self._read_setup()
            self._setup = known
        return known[1]

    def _read_setup(self) -> LedgerSetup | None:
        if self.values.get("service_setup", "") not in self.services():
            return None
        rows = self.rows("setup", purpose="read the allowed posting dates")
        if not rows:
            return None
        read = Reader(rows[0], "GeneralLedgerSetup")
        return LedgerSetup(
            day_of(read.text("Allow_Posting_From", ""), "Allow_Posting_From"),
            day_of(read.text("Allow_Posting_To", ""), "Allow_Posting_To"),
            read.text("LCY_Code", "").strip(),
            read.decimal("Amount_Rounding_Precision", _CENT),
        )

    def places(self, currency: str) -> int:
        """By the general ledger setup for the company's own currency, else by ISO 4217: the page
        of currencies does not show their rounding."""
        setup = self.ledger_setup()
        if setup is not None and currency in ("", setup.currency) and setup.precision:
            return max(-int(setup.precision.normalize().as_tuple().exponent), 0)
        return PLACES.get(currency, 2)


def not_published(name: str, error: ConnectorError | None = None) -> NeedsAttention:
    return NeedsAttention(
        f"service {name}",
        reason=f"The page service “{name}” is not published.",
        advice="Publish the page in NAV under Web Services, or correct its service name in the "
        "connection's settings.",
        vendor_words=error.vendor_words if error else "",
        code="settings",
    )
