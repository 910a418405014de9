"""Large tables in the order of their key: only the rows of the page that is asked for are looked at.

A link to the next page holds the key of the last row (opaque to clients), so that rows which come
and go meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from starlette.requests import Request

from sandbox.business_central.odata import BadRequest
from sandbox.nav.company import Company
from sandbox.nav.seed import Row

_VALUE = r"(?:'(?P<text>(?:[^']|'')*)'|(?P<number>\d+))"
_LAST = "|\uffff"  # after every key that begins so


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose keys begin with the property ``key``; entries are numbered."""

    table: str
    key: str
    numbered: bool = False

    def key_of(self, value: str) -> str:
        return f"{int(value):09d}" if self.numbered and value.isdecimal() else value.upper()


@dataclass(frozen=True, slots=True)
class Found:
    shown: list[Any]
    link: str
    count: int | None


def find(
    company: Company,
    source: Source,
    request: Request,
    query: Mapping[str, str],
    *,
    make: Callable[[Row], Any],
    test: Callable[[Any], bool],
    most: int,
) -> Found | None:
    """One page; None if the rows are asked for in another order. Raises BadRequest."""
    name, _, direction = query.get("$orderby", "").strip().partition(" ")
    if name not in ("", source.key):
        return None
    table = company.tables[source.table]
    keys = _keys(company, source, query.get("$filter", ""))
    count = None
    if query.get("$count") == "true":
        count = sum(1 for key in keys if test(make(table[key])))
    backwards = direction.strip() == "desc"
    after = _read_token(query.get("$skiptoken", ""))
    rest: Iterable[str] = reversed(keys) if backwards else keys
    if after and backwards:
        rest = (key for key in reversed(keys) if key < after)
    elif after:
        rest = islice(keys, bisect_right(keys, after), None)
    matching = _matching(rest, table, make, test)
    skip, top = _whole(query, "$skip"), _whole(query, "$top") if "$top" in query else None
    prefer = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
    size = min(int(prefer.group(1)) or most, most) if prefer else most
    size = size if top is None else min(size, top)
    page = list(islice(matching, 0 if after else skip, (0 if after else skip) + size + 1))
    more, page = len(page) > size and size != top, page[:size]
    if not more:
        return Found([shown for _, shown in page], "", count)
    left = {} if top is None else {"$top": str(top - size)}
    kept = {**query, **left, "$skiptoken": _token(page[-1][0])}
    text = "&".join(f"{k}={quote(v, safe='')}" for k, v in kept.items() if k != "tenant")
    link = f"{str(request.url).partition('?')[0]}?{text}"
    return Found([shown for _, shown in page], link, count)


def _matching(
    keys: Iterable[str],
    table: Mapping[str, Row],
    make: Callable[[Row], Any],
    test: Callable[[Any], bool],
) -> Iterator[tuple[str, Any]]:
    for key in keys:
        shown = make(table[key])
        if test(shown):
            yield key, shown


def _keys(company: Company, source: Source, text: str) -> list[str]:
    """The keys, in order, among which are all that the filter keeps."""
    keys = company.in_order(source.table)
    term = rf"\b{source.key} (?P<word>eq|gt|ge|lt|le) {_VALUE}"
    unnamed = re.sub(r"\?P<\w+>", "?:", term)
    without = re.sub(rf"{unnamed}(?: or {unnamed})*", "", text)
    found = [
        (m["word"], source.key_of((m["text"] or m["number"] or "").replace("''", "'")))
        for m in re.finditer(term, text)
    ]
    if " or " in re.sub(r"'(?:[^']|'')*'", "''", without) or not found:
        return keys
    words = {word for word, _ in found}
    if words == {"eq"}:
        spans = [
            keys[bisect_left(keys, value) : bisect_right(keys, value + _LAST)]
            for value in sorted({value for _, value in found})
        ]
        return sorted({key for span in spans for key in span})
    if "eq" in words or " or " in re.sub(r"'(?:[^']|'')*'", "''", text):
        return keys
    first, last = 0, len(keys)
    for word, value in found:
        if word in ("gt", "ge"):
            first = max(first, bisect_left(keys, value))
        else:
            last = min(last, bisect_right(keys, value + _LAST))
    return keys[first:last]


def _whole(query: Mapping[str, str], name: str) -> int:
    text = query.get(name) or "0"
    if not text.isdecimal():
        raise BadRequest("BadRequest", f"{name} must be a whole number that is not negative.")
    return int(text)


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read_token(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error) as problem:
        raise BadRequest("BadRequest", "The skiptoken is not valid.") from problem
