"""What a GP company's setup says, remembered for some minutes: currencies and fiscal periods."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from connectors.erps.gp import periods
from connectors.erps.gp.documents import Currency
from connectors.erps.gp.errors import NOT_FOUND, NOT_OFFERED
from connectors.erps.gp.periods import Period
from connectors.erps.gp.service import CURRENCIES, PERIODS, SETUP, Service
from connectors.errors import NeedsAttention, Rejected
from connectors.kit.reader import Reader
from connectors.records import DocumentDraft

T = TypeVar("T")
REMEMBERED = 600.0  # seconds
OWN_CURRENCY = "-"  # a lookup row with this value names the company's own currency
# ISO 4217 currencies without minor units, or with three; for servers that do not say.
_PLACES = {"JPY": 0, "KRW": 0, "ISK": 0, "CLP": 0, "VND": 0, "KWD": 3, "BHD": 3, "JOD": 3, "OMR": 3}


class CompanySetup:
    """The setup of the connection's company, as far as the interface offers it."""

    def __init__(self, service: Service, values: Mapping[str, str]) -> None:
        self._service = service
        self._functional = values.get("functional_currency", "")
        self._rates_from_gp = values.get("rate_source") == "gp"
        self._kept: dict[str, tuple[float, object]] = {}

    def functional(self) -> str:
        """The ISO code of the company's own currency; "" if nobody says."""
        if self._functional:
            return self._functional
        currency_id = self._setup().get("functional", "")
        return next(
            (iso for iso, (known, _) in self.currencies().items() if known == currency_id), ""
        )

    def currencies(self) -> dict[str, tuple[str, int]]:
        """ISO code -> (GP's id, decimal places); empty where it cannot be asked."""
        return self._remembered("currencies", self._read_currencies)

    def iso_of(self, currency_id: str) -> str:
        """The ISO code of a GP currency id; a blank one is the company's own."""
        if not currency_id:
            return self.functional()
        for iso, (known, _) in self.currencies().items():
            if known.casefold() == currency_id.casefold():
                return iso
        return currency_id

    def places(self, iso: str) -> int:
        known = self.currencies().get(iso)
        return known[1] if known else _PLACES.get(iso, 2)

    def currency_of(self, draft: DocumentDraft) -> Currency:
        """The draft's currency as GP wants it. Raises Rejected where a lookup row is missing."""
        iso, places = draft.currency, self.places(draft.currency)
        given = draft.fields.get("currency_id", "")
        own = self.functional()
        if given == OWN_CURRENCY or iso == own:
            return Currency(iso=iso, places=places)
        if not own and not given:
            raise NeedsAttention(
                "no functional currency",
                reason="The interface does not say which currency the company keeps its books in.",
                advice="Enter the currency of the books in the connection's settings.",
                code="settings",
            )
        if self._setup().get("multicurrency") == "no":
            raise Rejected(
                f"{iso} in a company that keeps {own}",
                hold="mapping",
                reason=f"The order is in {iso}, and this company keeps no foreign currencies.",
                advice="Register Multicurrency Management in GP, or sell in the company's own "
                "currency.",
            )
        rate = draft.fields.get("exchange_rate", "")
        if self._service.uses_iso_currencies:
            given = iso
        missing = [] if given else ["currencies"]
        if not rate and not self._rates_from_gp:
            missing.append("exchange_rates")
        if missing:
            names = {"currencies": "GP's currency id", "exchange_rates": "the exchange rate"}
            raise Rejected(
                f"no lookup row for {iso}",
                hold="lookup_missing",
                keys=tuple(f"lookup:{table}:{iso}" for table in missing),
                reason=f"The order is in {iso}: {' and '.join(names[t] for t in missing)} "
                f"{'is' if len(missing) == 1 else 'are'} not given.",
                advice="Add the row under Mappings (Currency ids, Exchange rates). Every transfer "
                "that waits for it then goes by itself.",
            )
        return Currency(
            iso=iso,
            currency_id=given,
            rate=None if self._rates_from_gp else _rate(rate, iso),
            places=places,
        )

    def sales_periods(self, *, fresh: bool = False) -> tuple[Period, ...] | None:
        """The fiscal periods of the Sales series; None where they cannot be asked."""
        if fresh:
            self._kept.pop("periods", None)
        return self._remembered("periods", self._read_periods)

    def is_open(self, day: date) -> bool | None:
        """A period that was closed is asked anew, so that nothing waits for what is remembered."""
        known = self.sales_periods()
        if known is not None and not periods.is_open(known, day):
            known = self.sales_periods(fresh=True)
        return None if known is None else periods.is_open(known, day)

    def forget(self) -> None:
        self._kept.clear()

    def _remembered(self, name: str, read: Callable[[], T]) -> T:
        kept = self._kept.get(name)
        if kept is None or kept[0] < time.monotonic():
            kept = time.monotonic() + REMEMBERED, read()
            self._kept[name] = kept
        return kept[1]  # type: ignore[return-value]

    def _setup(self) -> dict[str, str]:
        return self._remembered("setup", self._read_setup)

    def _read_setup(self) -> dict[str, str]:
        try:
            row = self._service.find(SETUP, purpose="read the company's setup")
        except Rejected as error:
            if error.code in (NOT_OFFERED, NOT_FOUND):
                return {}
            raise
        if row is None:
            return {}
        read = Reader(row, "Setup")
        registered = read.flag("MulticurrencyRegistered", True)
        return {
            "functional": read.text("FunctionalCurrencyId", ""),
            "multicurrency": "yes" if registered else "no",
        }

    def _read_currencies(self) -> dict[str, tuple[str, int]]:
        try:
            rows = self._service.rows(CURRENCIES, purpose="read the currencies")
        except Rejected as error:
            if error.code in (NOT_OFFERED, NOT_FOUND):
                return {}
            raise
        found = {}
        for row in rows:
            read = Reader(row, "Currency")
            iso = read.text("ISOCode", "")
            if iso and not read.flag("Inactive"):
                found[iso] = (read.text("CurrencyId"), read.integer("DecimalPlaces", 2))
        return found

    def _read_periods(self) -> tuple[Period, ...] | None:
        try:
            rows = self._service.rows(
                PERIODS, Series=str(periods.SALES_SERIES), purpose="read the fiscal periods"
            )
        except Rejected as error:
            if error.code in (NOT_OFFERED, NOT_FOUND):
                return None
            raise
        return periods.sales_periods(rows)


def _rate(text: str, iso: str) -> Decimal:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if not rate.is_finite() or rate <= 0:
        raise Rejected(
            f"exchange rate {text}",
            hold="lookup_missing",
            keys=(f"lookup:exchange_rates:{iso}",),
            reason=f"The exchange rate of {iso} in the lookup table is not a rate: {text}.",
            advice="Correct the row in Exchange rates, a number with a point before its decimals.",
        )
    return rate
