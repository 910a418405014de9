"""searchCriteria: read from the query as PHP nests it, and applied as MySQL would.

Filters of one group are alternatives, groups must all hold, only top-level columns can be used.
Text compares without regard to case, as the database's collation does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from sandbox.adobe_commerce.wire import Refused, integer, internal_error, required

CONDITIONS = frozenset(
    [
        "eq",
        "neq",
        "gt",
        "gteq",
        "lt",
        "lteq",
        "moreq",
        "in",
        "nin",
        "like",
        "nlike",
        "null",
        "notnull",
        "finset",
        "nfinset",
        "from",
        "to",
    ]
)
_NAMES = {
    "filterGroups": "filter_groups",
    "conditionType": "condition_type",
    "sortOrders": "sort_orders",
    "pageSize": "page_size",
    "currentPage": "current_page",
}
_PART = re.compile(r"\[([^\]]*)\]")
Row = dict[str, Any]


@dataclass
class Limits:
    """Stores > Configuration > Services > Web API Input Limits; off until somebody sets them."""

    on: bool = False
    array: int = 20
    async_array: int = 5000
    page: int = 300
    default_page: int = 20

    def check_array(self, kind: str, count: int, *, bulk: bool = False) -> None:
        most = self.async_array if bulk else self.array
        if self.on and count > most:
            raise Refused(400, 'Maximum items of type "%type" is %max', {"type": kind, "max": most})


@dataclass
class Criteria:
    groups: list[list[dict[str, str]]] = field(default_factory=list)
    sorts: list[tuple[str, str]] = field(default_factory=list)
    page_size: int | None = None
    page: int = 1

    def used(self) -> set[str]:
        """The columns that filters and sorts name."""
        named = {one["field"] for group in self.groups for one in group}
        return named | {name for name, _ in self.sorts}

    def echo(self) -> dict[str, Any]:
        """search_criteria of the answer; a page size that was not sent is not echoed."""
        echo: dict[str, Any] = {"filter_groups": [{"filters": group} for group in self.groups]}
        if self.sorts:
            echo["sort_orders"] = [{"field": f, "direction": d} for f, d in self.sorts]
        if self.page_size:
            echo["page_size"] = self.page_size
        if self.page != 1 or self.page_size:
            echo["current_page"] = self.page
        return echo


def nested(query: str) -> dict[str, Any]:
    """The query as $_GET: bracketed names become nested arrays; a plus is a space."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        head, bracket, _ = name.partition("[")
        keys = [head, *(_PART.findall(name[len(head) :]) if bracket else ())]
        node = tree
        for key in keys[:-1]:
            inner = node.setdefault(_NAMES.get(key, key), {})
            if not isinstance(inner, dict):
                inner = node[_NAMES.get(key, key)] = {}
            node = inner
        last = keys[-1] or str(len(node))
        node[_NAMES.get(last, last)] = value
    return tree


def read(query: str, limits: Limits) -> Criteria:
    """The criteria of a request. Raises Refused when there are none, or beyond a limit."""
    tree = nested(query)
    if "searchCriteria" not in tree and "search_criteria" not in tree:
        raise required("searchCriteria")
    raw = tree.get("searchCriteria", tree.get("search_criteria"))
    criteria = Criteria()
    if not isinstance(raw, dict):
        return criteria
    for group in _values(raw.get("filter_groups")):
        filters = []
        for row in _values(group.get("filters") if isinstance(group, dict) else None):
            condition = row.get("condition_type", "eq")
            if condition not in CONDITIONS:
                raise internal_error()
            filters.append(
                {
                    "field": row.get("field", ""),
                    "value": row.get("value", ""),
                    "condition_type": condition,
                }
            )
        criteria.groups.append(filters)
    for row in _values(raw.get("sort_orders")):
        direction = (row.get("direction") or "DESC").upper()
        if direction not in ("ASC", "DESC"):
            raise Refused(
                400,
                "The value '%1' is not a valid sort direction: ASC or DESC is needed.",
                [direction],
            )
        criteria.sorts.append((row.get("field", ""), direction))
    if raw.get("page_size"):
        criteria.page_size = integer(raw["page_size"], "pageSize")
    if raw.get("current_page"):
        criteria.page = max(integer(raw["current_page"], "currentPage"), 1)
    if limits.on and (criteria.page_size or 0) > limits.page:
        raise Refused(400, "Maximum SearchCriteria pageSize is %max", {"max": limits.page})
    return criteria


def _values(node: Any) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else []


def apply(
    rows: Sequence[Row],
    criteria: Criteria,
    *,
    columns: Collection[str],
    limits: Limits,
    past_last_page: str,
    unknown: Callable[[str], Refused] = lambda name: internal_error(),
) -> dict[str, Any]:
    """The page that the criteria ask for, its echo and the count of all matches.

    ``past_last_page``: "empty" as since 2.4, "repeat" (the last page again) as before.
    """
    for name in sorted(criteria.used()):
        if name not in columns:
            raise unknown(name)
    for group in criteria.groups:
        if group:
            rows = [row for row in rows if any(_holds(row, one) for one in group)]
    found = list(rows)
    for name, direction in reversed(criteria.sorts):
        found.sort(key=lambda row: _sort_key(row.get(name)), reverse=direction == "DESC")
    size = page_size(criteria, limits)
    page = criteria.page
    if size:
        last = max(-(-len(found) // size), 1)
        if page > last and past_last_page == "repeat":
            page = last
        part = found[(page - 1) * size : page * size]
    else:
        part = found
    return answer(part, criteria, len(found))


def page_size(criteria: Criteria, limits: Limits) -> int | None:
    """None for everything."""
    return criteria.page_size or (limits.default_page if limits.on else None)


def answer(part: list[Row], criteria: Criteria, whole: int) -> dict[str, Any]:
    return {"items": part, "search_criteria": criteria.echo(), "total_count": whole}


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    return (2, value.lower()) if isinstance(value, str) else (1, value)


def _compared(value: Any, text: str) -> int:
    """-1, 0 or 1: a column against a filter's text, as numbers where the column is one."""
    if isinstance(value, str):
        left, right = value.lower(), text.lower()
        if re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:", text):
            right = right.replace("t", " ")[:19]
        return (left > right) - (left < right)
    try:
        wanted = Decimal(text)
    except ArithmeticError:
        wanted = Decimal(0)
    return int(value > wanted) - int(value < wanted)


def _holds(row: Row, one: dict[str, str]) -> bool:
    value, text, condition = row.get(one["field"]), one["value"], one["condition_type"]
    if condition in ("null", "notnull"):
        return (value is None) == (condition == "null")
    if value is None:
        return False
    match condition:
        case "eq":
            return _compared(value, text) == 0
        case "neq":
            return _compared(value, text) != 0
        case "gt":
            return _compared(value, text) > 0
        case "gteq" | "moreq" | "from":
            return _compared(value, text) >= 0
        case "lt":
            return _compared(value, text) < 0
        case "lteq" | "to":
            return _compared(value, text) <= 0
        case "in" | "nin":
            if isinstance(value, str):
                inside = value.lower() in _listed(text)
            else:
                inside = any(_compared(value, item) == 0 for item in text.split(","))
            return inside == (condition == "in")
        case "like" | "nlike":
            return _like(str(value), text) == (condition == "like")
        case _:
            inside = text in str(value).split(",")
            return inside == (condition == "finset")


@lru_cache(maxsize=64)
def _listed(text: str) -> frozenset[str]:
    return frozenset(text.lower().split(","))


def _like(value: str, pattern: str) -> bool:
    parts = [".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern]
    return re.fullmatch("".join(parts), value, re.IGNORECASE | re.DOTALL) is not None
