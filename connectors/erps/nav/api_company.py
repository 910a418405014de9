"""One company of NAV's API: its id, currencies, and the ids of its setup records."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.erps.nav.api_documents import BLANK_ID
from connectors.erps.nav.client import API_VERSIONS, Client, Json
from connectors.erps.nav.profile import PLACES
from connectors.errors import NeedsAttention, Rejected
from connectors.kit import odata
from connectors.kit.reader import Reader

_NAMED = {"items": "number", "accounts": "number"}  # others are known by their code
_WORDS = {
    "paymentTerms": "payment terms",
    "shipmentMethods": "shipment methods",
    "paymentMethods": "payment methods",
    "unitsOfMeasure": "units of measure",
    "taxAreas": "tax areas",
    "accounts": "G/L accounts",
    "items": "items",
}


class ApiCompany:
    """What the API says of the company is remembered until the next ping."""

    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self.client = client
        self.root = f"/api/{API_VERSIONS[values['interface']]}"
        self.forget()

    def forget(self) -> None:
        self._company_id = ""
        self._currency: str | None = None
        self._precisions: dict[str, Decimal] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def companies(self) -> tuple[str, ...]:
        rows = self.client.rows(f"{self.root}/companies", purpose="list companies")
        for row in rows:
            if row.get("name") == self.client.company:
                self._company_id = Reader(row, "company").text("id")
        return tuple(Reader(row, "company").text("name") for row in rows)

    def path(self, entity: str, entity_id: str = "") -> str:
        """Below the company, whose id is asked for once. Raises NeedsAttention."""
        if not self._company_id:
            if self.client.company:
                self.companies()
            if not self._company_id:
                raise NeedsAttention(
                    f"company {self.client.company}",
                    reason=f"“{self.client.company}” is not a company of this server."
                    if self.client.company
                    else "No company is chosen for this connection.",
                    advice="Ping the connection and choose the company in its settings.",
                    code="company_missing",
                )
        below = f"{entity}({entity_id})" if entity_id else entity
        return f"{self.root}/companies({self._company_id})/{below}"

    def rows(self, entity: str, *, purpose: str, **options: str) -> list[Json]:
        return self.client.rows(self.path(entity), purpose=purpose, **options)

    def local_currency(self) -> str:
        if self._currency is None:
            rows = self.rows("companyInformation", purpose="read the local currency")
            read = Reader(rows[0], "companyInformation") if rows else None
            self._currency = read.text("currencyCode", "") if read else ""
        return self._currency

    def places(self, currency: str) -> int:
        if not self._precisions:
            for row in self.rows("currencies", purpose="read the currencies' precision"):
                read = Reader(row, "currency")
                self._precisions[read.text("code")] = read.decimal(
                    "amountRoundingPrecision", Decimal("0.01")
                )
            self._precisions.setdefault("", Decimal("0.01"))
        precision = self._precisions.get(currency)
        if not precision:
            return PLACES.get(currency, 2)
        return max(-int(precision.normalize().as_tuple().exponent), 0)

    def id_of(self, entity: str, code: str) -> str:
        """The id of a record by its code or number, remembered. Raises Rejected, as a hold."""
        key = (entity, code.upper())
        if key not in self._ids:
            field = _NAMED.get(entity, "code")
            rows = self.rows(
                entity,
                filter=f"{field} eq {odata.literal(code.upper())}",
                purpose=f"look up the {_WORDS[entity]}",
            )
            match = [row for row in rows if str(row.get(field, "")).upper() == code.upper()]
            if not match or str(match[0].get("id", BLANK_ID)) == BLANK_ID:
                raise Rejected(
                    f"{entity} has no {code}",
                    hold="lookup_missing",
                    reason=f"“{code}” is not among the {_WORDS[entity]} of NAV, or has no id yet.",
                    advice="Correct the lookup row or add the record in NAV, then release the "
                    "transfer. If it is there, run “Integrate APIs” on NAV's page API Setup.",
                )
            self._ids[key] = str(match[0]["id"])
        return self._ids[key]
