"""Records as plain JSON values and back: amounts as decimal strings, instants with their offset.

Made for records that we keep and take up again; a field that a stored record lacks gets the
record's own default, so that records of an earlier version still load.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def dump(record: Any) -> Any:
    """JSON values of a record and everything in it."""
    if is_dataclass(record) and not isinstance(record, type):
        return {field.name: dump(getattr(record, field.name)) for field in fields(record)}
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, Decimal):
        return f"{record:f}"
    if isinstance(record, datetime | date):
        return record.isoformat()
    if isinstance(record, Mapping):
        return {str(key): dump(value) for key, value in record.items()}
    if isinstance(record, tuple | list):
        return [dump(value) for value in record]
    return record


def load(kind: type[T], raw: Mapping[str, Any]) -> T:
    """The record that ``dump`` gave. Raises TypeError or ValueError for anything else."""
    hints = _hints(typing.cast("Any", kind))
    known = {name: _value(hints[name], raw[name]) for name in hints if name in raw}
    return kind(**known)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(hint: Any, raw: Any) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if raw is None:
            return None
        return _value(next(part for part in inner if part is not type(None)), raw)
    if origin is tuple:
        return tuple(_value(inner[0], value) for value in raw)
    if origin is dict:
        return {key: _value(inner[1], value) for key, value in raw.items()}
    if is_dataclass(hint):
        return load(typing.cast("type[Any]", hint), raw)
    if hint is datetime or hint is date:
        return hint.fromisoformat(raw)
    if isinstance(hint, type) and issubclass(hint, Decimal | Enum):
        return hint(raw)
    return raw
