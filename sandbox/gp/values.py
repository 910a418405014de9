"""The types of GP's columns: what a value may be, how it is kept, how it is shown.

Money and quantities are kept as text with five decimals, as NUMERIC(19,5) columns print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from sandbox.gp import wire
from sandbox.gp.wire import Refusal

BLANK_DATE = "1900-01-01"
FIVE = Decimal("0.00001")
LARGEST = Decimal("99999999999999.99999")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a resource.

    ``length`` is the usable length, one less than the column's width where it is even; ``refers``
    names the table that must hold a value that is sent, ``number`` the refusal if it does not.
    """

    kind: str  # text, money, quantity, rate, integer, flag, date, rows
    length: int = 0
    required: bool = False
    read_only: bool = False
    refers: str = ""
    number: int = wire.NO_REFERENCE
    rows: tuple[tuple[str, Field], ...] = ()

    @property
    def width(self) -> int:
        """The column's width: an even usable length is declared one wider."""
        return self.length + 1 if self.length % 2 == 0 else self.length

    def blank(self) -> Any:
        match self.kind:
            case "text":
                return ""
            case "money" | "quantity" | "rate":
                return five(Decimal(0))
            case "integer":
                return 0
            case "flag":
                return False
            case "date":
                return BLANK_DATE
        return []

    def described(self) -> dict[str, Any]:
        """For the help page."""
        shown: dict[str, Any] = {"Type": self.kind}
        if self.length:
            shown["Length"] = self.length
        shown |= {
            label: True
            for label, given in (("Required", self.required), ("ReadOnly", self.read_only))
            if given
        }
        if self.refers:
            shown["MustExistIn"] = self.refers
        if self.rows:
            shown["Rows"] = {name: field.described() for name, field in self.rows}
        return shown


@lru_cache(4_096)
def five(amount: Decimal) -> str:
    return f"{amount.quantize(FIVE):f}"


def dec(text: Any) -> Decimal:
    return Decimal(str(text))


@dataclass(frozen=True, slots=True)
class CodePage:
    """The single-byte character set of the server's columns.

    ``lossy`` writes a question mark for a character outside it, as SQL Server converts; otherwise
    such a text is refused. An empty name takes every character.
    """

    name: str = "cp1252"
    lossy: bool = False

    def fit(self, field: str, text: str) -> str:
        if not self.name:
            return text
        try:
            text.encode(self.name)
        except UnicodeEncodeError as problem:
            if self.lossy:
                return text.encode(self.name, "replace").decode(self.name)
            raise Refusal(
                400,
                wire.CODE_PAGE,
                field,
                f"The character '{text[problem.start]}' is not in the code page of the database.",
            ) from problem
        return text


def clean(
    fields: dict[str, Field], body: dict[str, Any], page: CodePage, *, where: str = ""
) -> dict[str, Any]:
    """The fields that were given, checked and in the form that is kept; null counts as not given.

    Raises Refusal for an unknown field, a wrong type, a text too long, a character that the
    database cannot hold.
    """
    found: dict[str, Any] = {}
    for name, value in body.items():
        field, place = fields.get(name), f"{where}{name}"
        if field is None:
            raise Refusal(400, wire.UNKNOWN_FIELD, place, f"The field {place} is not known here.")
        if field.read_only:
            raise Refusal(400, wire.UNKNOWN_FIELD, place, f"The field {place} cannot be set.")
        if value is not None:
            found[name] = _value(place, field, value, page)
    return found


def _value(place: str, field: Field, value: Any, page: CodePage) -> Any:
    malformed = Refusal(
        400, wire.MALFORMED, place, f"The value of {place} is not a valid {field.kind}."
    )
    match field.kind:
        case "text":
            if not isinstance(value, str):
                raise malformed
            text = page.fit(place, value.rstrip(" "))
            if field.length and len(text) > field.length:
                raise Refusal(
                    400,
                    wire.TOO_LONG,
                    place,
                    f"The value of {place} is {len(text)} characters long; {field.length} fit.",
                )
            return text
        case "money" | "quantity" | "rate":
            return five(_number(value, malformed))
        case "integer":
            if isinstance(value, bool) or not isinstance(value, int):
                raise malformed
            return value
        case "flag":
            if not isinstance(value, bool):
                raise malformed
            return value
        case "date":
            return _date(value, malformed)
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise malformed
    rows = dict(field.rows)
    return [
        _complete(rows, clean(rows, row, page, where=f"{place}[{n}]."), f"{place}[{n}].")
        for n, row in enumerate(value)
    ]


def _number(value: Any, malformed: Refusal) -> Decimal:
    """Not negative, at most five decimals. Text or a JSON number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise malformed
    try:
        number = Decimal(value)
    except InvalidOperation as problem:
        raise malformed from problem
    if not number.is_finite() or number < 0 or number > LARGEST or number != number.quantize(FIVE):
        raise malformed
    return number


def _date(value: Any, malformed: Refusal) -> str:
    """A day; a time of midnight may follow it."""
    if not isinstance(value, str):
        raise malformed
    day, _, time = value.partition("T")
    if time.rstrip("Z0.:"):
        raise malformed
    try:
        return date.fromisoformat(day).isoformat() if len(day) == 10 else _fail(malformed)
    except ValueError as problem:
        raise malformed from problem


def _fail(refusal: Refusal) -> str:
    raise refusal


def _complete(fields: dict[str, Field], values: dict[str, Any], where: str = "") -> dict[str, Any]:
    """With blanks for what was not given. Raises Refusal for a mandatory field that is missing."""
    for name, field in fields.items():
        if field.required and values.get(name, "") in ("", None):
            raise Refusal(400, wire.MISSING, f"{where}{name}", f"{where}{name} is mandatory.")
    return {name: field.blank() for name, field in fields.items()} | values


complete = _complete


def shown(fields: dict[str, Field], row: dict[str, Any], *, padded: bool) -> dict[str, Any]:
    """A row as it goes out; CHAR columns come padded with blanks to their width."""
    out: dict[str, Any] = {}
    for name, field in fields.items():
        value = row.get(name, field.blank())
        if field.kind == "text" and padded and field.length:
            value = value.ljust(field.width)
        elif field.kind == "rows":
            rows = dict(field.rows)
            value = [shown(rows, each, padded=padded) for each in value]
        out[name] = value
    return out
