"""Multicurrency: which rate a document takes and what its amounts are in pounds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sandbox.gp import wire
from sandbox.gp.company import Company, Row
from sandbox.gp.setup import FUNCTIONAL
from sandbox.gp.values import BLANK_DATE, dec, five
from sandbox.gp.wire import Refusal

MULTIPLY, DIVIDE = 1, 2
DEFAULT_RATE_TYPE = "SELL"
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """A document's currency: GP's id, decimals, and how to reach the functional currency."""

    currency: str
    places: int
    rate: Decimal = Decimal(1)
    method: int = MULTIPLY
    rate_type: str = ""
    rate_day: str = BLANK_DATE

    def functional(self, amount: Decimal) -> Decimal:
        exact = amount * self.rate if self.method == MULTIPLY else amount / self.rate
        return exact.quantize(CENT, ROUND_HALF_UP)

    def check_places(self, name: str, amount: str) -> None:
        """Raises Refusal for more decimals than the currency has."""
        if dec(amount) != dec(amount).quantize(Decimal(1).scaleb(-self.places)):
            raise Refusal(
                400,
                wire.MALFORMED,
                name,
                f"{name} has more than the {self.places} decimals of its currency.",
            )


def of_document(company: Company, values: Row, customer: Row | None) -> Money:
    """The currency that a document names; blank is the functional one, which takes no rate.

    The document date selects the rate; it must not expire before the GL posting date. Raises
    Refusal.
    """
    wanted, rate = values.get("CurrencyId", ""), values.get("ExchangeRate")
    if wanted and not company.state["multicurrency"]:
        raise Refusal(
            422, wire.NO_MULTICURRENCY, "CurrencyId", "Multicurrency is not registered here."
        )
    row = company.get("currencies", wanted or FUNCTIONAL)
    if row is None or row["Inactive"]:
        raise Company.missing("CurrencyId", wanted, "currencies", wire.NO_CURRENCY)
    if row["CurrencyId"] == FUNCTIONAL:
        if rate is not None and dec(rate) not in (0, 1):
            raise Refusal(
                422, wire.NO_RATE_OVERRIDE, "ExchangeRate", "The functional currency has no rate."
            )
        return Money(FUNCTIONAL, row["DecimalPlaces"])
    kind = values.get("RateTypeId") or (customer or {}).get("RateTypeId") or DEFAULT_RATE_TYPE
    posting = values.get("GLPostingDate") or values["DocumentDate"]
    table = _rate_row(company, row["CurrencyId"], kind, values["DocumentDate"])
    if rate is not None and dec(rate):
        if not company.state["rate_override"]:
            raise Refusal(
                422, wire.NO_RATE_OVERRIDE, "ExchangeRate", "A rate may not be entered here."
            )
        method = table["CalculationMethod"] if table else MULTIPLY
        day = values.get("ExchangeDate") or values["DocumentDate"]
        return Money(row["CurrencyId"], row["DecimalPlaces"], dec(rate), method, kind, day)
    if table is None:
        raise Refusal(
            422, wire.NO_RATE, "ExchangeRate", "No exchange rate exists for the document date."
        )
    if table["ExpirationDate"] < posting:
        raise Refusal(
            422,
            wire.RATE_EXPIRES,
            "ExchangeRate",
            "The exchange rate expires before the GL posting date.",
        )
    return Money(
        row["CurrencyId"],
        row["DecimalPlaces"],
        dec(table["ExchangeRate"]),
        table["CalculationMethod"],
        kind,
        table["ExchangeDate"],
    )


def _rate_row(company: Company, currency: str, kind: str, day: str) -> Row | None:
    rows = [
        row
        for row in company.tables["rates"].values()
        if row["CurrencyId"] == currency
        and row["RateTypeId"].upper() == kind.upper()
        and row["ExchangeDate"] <= day <= row["ExpirationDate"]
    ]
    return max(rows, key=lambda row: row["ExchangeDate"], default=None)


def shown_rate(money: Money) -> str:
    """Zero on a document in the functional currency."""
    return five(Decimal(0) if money.currency == FUNCTIONAL else money.rate)
