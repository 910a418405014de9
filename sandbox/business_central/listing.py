"""Collections: which rows a filter finds, in which order, and the links from page to page.

A link holds the key of the last row (opaque to clients), so that rows which come and go meanwhile
neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.business_central.company import Company
from sandbox.business_central.entities import ENTITIES, key_property
from sandbox.business_central.odata import BadRequest, Predicate, parse
from sandbox.common import jsonio

PAGE = 20_000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One page; ``following`` is the token of the next."""

    rows: list[Row]
    following: str = ""
    total: int | None = None


def find(company: Company, entity: str, query: Mapping[str, str], page_size: int) -> Found:
    """Raises BadRequest."""
    table = company.tables[entity]
    predicate, ids = _candidates(company, entity, query.get("$filter", ""))
    name, descending = _order(entity, query.get("$orderby", ""))
    after = _read_token(query.get("$skiptoken", ""))
    if ids is None and name == key_property(entity) and not descending:
        keys = company.in_order(entity)
    else:
        chosen = table if ids is None else ids
        keys = sorted(((table[i][name], i) for i in chosen), reverse=descending)
    total = None
    if query.get("$count") == "true":
        total = sum(1 for _, row_id in keys if predicate(table[row_id]))
    rest: Iterable[tuple[Any, str]] = keys
    if after is not None:
        rest = (
            (key for key in keys if key < after)
            if descending
            else (keys[n] for n in range(bisect_right(keys, after), len(keys)))
        )
    matching = (key for key in rest if predicate(table[key[1]]))
    skipped, top = _number(query, "$skip", 0), _number(query, "$top", PAGE)
    size = min(page_size, top)
    page = list(islice(matching, skipped, skipped + size + 1))
    more = len(page) > size and "$top" not in query
    page = page[:size]
    return Found([table[i] for _, i in page], _token(page[-1]) if more else "", total)


def next_link(base: str, query: Mapping[str, str], token: str) -> str:
    kept = {k: v for k, v in query.items() if k not in ("$skiptoken", "$skip")}
    return f"{base}?{urlencode({**kept, '$skiptoken': token}, quote_via=quote, safe='$')}"


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name, str(otherwise))
    if not text.isdecimal():
        raise BadRequest("BadRequest", f"The value of {name} is not a number.")
    return int(text)


def _order(entity: str, text: str) -> tuple[str, bool]:
    name, _, direction = text.strip().partition(" ")
    if not name:
        return key_property(entity), False
    if name not in ENTITIES[entity]:
        raise BadRequest("BadRequest", f"Could not find a property named '{name}'.")
    return name, direction.strip() == "desc"


def _candidates(company: Company, entity: str, text: str) -> tuple[Predicate, list[str] | None]:
    """The filter, and the ids that an index finds for it; None where every row must be looked at."""
    if not text:
        return (lambda row: True), None
    predicate, equalities = parse(text, ENTITIES[entity])
    for name, wanted in equalities.items():
        index = company.index.get((entity, name))
        if index is not None:
            return predicate, list(index.get(wanted, {}))
    values = re.findall(r"(\w+) eq '((?:[^']|'')*)'", text)
    names = {name for name, _ in values}
    index = company.index.get((entity, next(iter(names)))) if len(names) == 1 else None
    if index is not None and " or " in text and " and " not in text:
        wanted_values = (raw.replace("''", "'") for _, raw in values)
        return predicate, list(dict.fromkeys(i for v in wanted_values for i in index.get(v, {})))
    return predicate, None


def _token(key: tuple[Any, str]) -> str:
    return base64.urlsafe_b64encode(jsonio.dumps(key).encode()).decode()


def _read_token(text: str) -> tuple[Any, str] | None:
    if not text:
        return None
    try:
        value, row_id = jsonio.loads(base64.urlsafe_b64decode(text))
        return value, str(row_id)
    except (ValueError, binascii.Error) as problem:
        raise BadRequest("BadRequest", "The skiptoken is not valid.") from problem
