"""Typed access to a system's JSON, naming the exact field when it is not what was documented."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from connectors.errors import UnexpectedShape

T = TypeVar("T")
_ABSENT: Any = object()


class Reader:
    """One JSON object. ``where`` is its place in the answer, for error texts."""

    def __init__(self, raw: Any, where: str) -> None:
        if not isinstance(raw, Mapping):
            raise UnexpectedShape(where, "is not an object")
        self._raw = raw
        self.where = where

    def __contains__(self, name: str) -> bool:
        return self._raw.get(name) is not None

    def raw(self, name: str) -> Any:
        return self._raw.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; numbers are taken as they were written. Null counts as absent."""
        value = self._raw.get(name)
        if value is None:
            return self._default(name, default)
        if isinstance(value, str):
            return value
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return str(value)
        raise UnexpectedShape(f"{self.where}.{name}", "is not a text")

    def integer(self, name: str, default: int | None = None) -> int:
        value = self._raw.get(name)
        if value is None or value == "":
            return self._default(name, default)
        try:
            if isinstance(value, bool):
                raise ValueError
            number = Decimal(value)
            if number != number.to_integral_value():
                raise ValueError
            return int(number)
        except (ValueError, TypeError, InvalidOperation) as error:
            raise UnexpectedShape(f"{self.where}.{name}", "is not a whole number") from error

    def decimal(self, name: str, default: Decimal | None = None) -> Decimal:
        """An amount or quantity, every digit kept; a text or a number, never through a float."""
        value = self._raw.get(name)
        if value is None or value == "":
            return self._default(name, default)
        if isinstance(value, bool | float):
            raise UnexpectedShape(f"{self.where}.{name}", "is not a decimal number")
        try:
            number = Decimal(value)
        except (InvalidOperation, TypeError, ValueError) as error:
            raise UnexpectedShape(f"{self.where}.{name}", "is not a decimal number") from error
        if not number.is_finite():
            raise UnexpectedShape(f"{self.where}.{name}", "is not a finite number")
        return number

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._raw.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "1"):
            return True
        if str(value).lower() in ("false", "0", ""):
            return False
        raise UnexpectedShape(f"{self.where}.{name}", "is neither true nor false")

    def convert(self, name: str, change: Callable[[str], T], default: T | None = None) -> T:
        """A text through a function that raises ValueError for what it cannot read."""
        value = self._raw.get(name)
        if value is None or value == "":
            return self._default(name, default)
        try:
            return change(str(value))
        except ValueError as error:
            raise UnexpectedShape(f"{self.where}.{name}", str(error)) from error

    def object(self, name: str) -> Reader | None:
        """A nested object; None where there is none."""
        value = self._raw.get(name)
        if value is None or value in ([], ""):
            return None
        return Reader(value, f"{self.where}.{name}")

    def items(self, name: str) -> Iterator[Reader]:
        """The objects of a list; an absent list is empty."""
        value = self._raw.get(name)
        if value is None or value == "":
            return
        if not isinstance(value, list):
            raise UnexpectedShape(f"{self.where}.{name}", "is not a list")
        for number, item in enumerate(value, 1):
            yield Reader(item, f"{self.where}.{name}[{number}]")

    def _default(self, name: str, default: Any) -> Any:
        if default is None:
            raise UnexpectedShape(f"{self.where}.{name}")
        return default
