"""Kinds of values as the API writes and reads them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

FIRST_YEAR, LAST_YEAR = 2000, 2199
MOST_PLACES = 2


def written(amount: Decimal) -> str:
    """Plain digits: all that there are, and two places at least ("120.00", "0.1225")."""
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return f"{amount:.{max(MOST_PLACES, own)}f}"


AMOUNT = {
    "type": "string",
    "pattern": r"^-?\d+(\.\d+)?$",
    "description": "Decimal digits; every digit that is known, and two places at least.",
    "example": "120.00",
}
MONEY = {
    "type": ["object", "null"],
    "required": ["amount", "currency"],
    "properties": {
        "amount": AMOUNT,
        "currency": {
            "type": "string",
            "description": "ISO 4217 code; empty if the system did not say.",
            "example": "GBP",
        },
    },
    "example": {"amount": "120.00", "currency": "GBP"},
}


@extend_schema_field(MONEY)
class Money(serializers.Field):
    """An amount column and the row's currency column; null while the amount is not known."""

    def __init__(self, amount: str, **more: Any) -> None:
        self.amount = amount
        super().__init__(source="*", read_only=True, **more)

    def to_representation(self, row: Any) -> dict[str, str] | None:
        amount = getattr(row, self.amount)
        if amount is None:
            return None
        return {"amount": written(amount), "currency": row.currency}


@extend_schema_field(AMOUNT)
class Amount(serializers.Field):
    """A decimal string that a program sends. A JSON number is refused: it was a float on its way."""

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str):
            raise serializers.ValidationError("Write the amount as a string, such as “0.05”.")
        try:
            amount = Decimal(data.strip())
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or len(data) > 40:
            raise serializers.ValidationError("This is not an amount such as “0.05”.")
        return amount


class Moment(serializers.Field):
    """An instant with its distance from UTC, or a day of the company's own time zone; ``is_end``
    makes a day count to its end."""

    def __init__(self, *, is_end: bool = False, **more: Any) -> None:
        self.is_end = is_end
        super().__init__(required=False, **more)

    def to_internal_value(self, data: Any) -> datetime:
        text = str(data).strip()
        try:
            if len(text) == 10:
                day = date.fromisoformat(text)
                self._of_our_time(day.year)
                day += timedelta(days=1 if self.is_end else 0)
                return datetime.combine(day, time(0), self.context["zone"])
            # A plus sign in an address is a blank unless it was escaped; both are understood.
            moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        except ValueError:
            raise serializers.ValidationError(
                "Neither a day such as 2026-11-21 nor an instant such as 2026-11-21T08:00:00Z."
            ) from None
        self._of_our_time(moment.year)
        if timezone.is_naive(moment):
            raise serializers.ValidationError(
                "Say the instant's distance from UTC, as in 2026-11-21T08:00:00Z."
            )
        return moment

    def _of_our_time(self, year: int) -> None:
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise serializers.ValidationError("That is not a day of our time.")


class Several(serializers.Field):
    """One choice or several, separated by commas."""

    def __init__(self, choices: list[tuple[str, str]], **more: Any) -> None:
        self.choices = dict(choices)
        super().__init__(required=False, **more)

    def to_internal_value(self, data: Any) -> list[str]:
        wanted = [part.strip() for part in str(data).split(",") if part.strip()]
        wrong = [part for part in wanted if part not in self.choices]
        if wrong or not wanted:
            raise serializers.ValidationError(
                f"There is {', '.join(self.choices)}; several are separated by commas."
            )
        return wanted
