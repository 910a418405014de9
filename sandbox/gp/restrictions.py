"""The web service's restrictions: equal, like, between, one of a list."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from sandbox.gp import wire
from sandbox.gp.wire import Refusal

BOUNDS = {
    "From": lambda value, bound: value >= bound,
    "To": lambda value, bound: value <= bound,
    "GreaterThan": lambda value, bound: value > bound,
    "LessThan": lambda value, bound: value < bound,
}


def fits(restriction: dict[str, Any] | None, value: Any) -> bool:
    """Without a restriction everything fits. Instants are compared in UTC; texts as SQL Server
    compares them, without case. Raises Refusal for an instant without a time."""
    if restriction is None:
        return True
    plain = _comparable(value, value)
    equal = restriction.get("EqualValue")
    if equal is not None and _comparable(equal, value) != plain:
        return False
    items = restriction.get("Items")
    if items and plain not in [_comparable(each, value) for each in items]:
        return False
    for name, within in BOUNDS.items():
        bound = restriction.get(name)
        if bound is not None and not within(plain, _comparable(bound, value)):
            return False
    like = restriction.get("Like")
    return like is None or re.fullmatch(_pattern(like), str(value), re.IGNORECASE) is not None


def _comparable(given: Any, like: Any) -> Any:
    if isinstance(like, datetime) or (
        isinstance(like, str) and re.match(r"\d{4}-\d\d-\d\dT", like)
    ):
        return given.astimezone(UTC) if isinstance(given, datetime) else _instant(str(given))
    return given.upper().rstrip() if isinstance(given, str) else given


def _instant(text: str) -> datetime:
    """Criteria are in UTC, marked so or not."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        raise Refusal(400, wire.MALFORMED, "criteria", "An instant cannot be read.") from problem
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _pattern(like: str) -> str:
    """SQL's wildcards: % for any text, _ for one character."""
    return "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in like.rstrip(" "))
