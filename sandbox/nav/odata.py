"""Addresses, filters and paging as NAV's OData services understand them."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request

from sandbox.business_central.entities import Property
from sandbox.business_central.odata import BadRequest, parse
from sandbox.common import jsonio
from sandbox.common.jsonio import Json

_SEGMENT = re.compile(r"^(?P<name>[^()]+?)(?:\((?P<key>.*)\))?$", re.S)
_KEY_PART = re.compile(
    r"\s*(?:(?P<name>\w+)\s*=\s*)?(?:'(?P<text>(?:[^']|'')*)'|(?P<bare>[^,'()]+))\s*(?:,|$)"
)
_NESTED = re.compile(
    r"\b(?:contains|startswith|endswith|tolower|toupper)\s*\(\s*to(?:lower|upper)\s*\("
)
_IN = re.compile(r"\bin\s*\(")
_TEXTS = re.compile(r"'(?:[^']|'')*'")

Key = list[tuple[str, str]]
Segment = tuple[str, Key | None]


def segments(raw_path: str) -> list[Segment]:
    """The steps of a path that is still percent-encoded. Raises BadRequest."""
    found: list[Segment] = []
    for part in raw_path.split("/"):
        if not part:
            continue
        match = _SEGMENT.match(unquote(part))
        if match is None:
            raise not_found(f"the segment '{unquote(part)}' is not valid")
        key = None if match["key"] is None else _key(match["key"])
        found.append((match["name"], key))
    return found


def _key(text: str) -> Key:
    """(name, value) of each part of a key; the name is blank for a key of one part."""
    parts: Key = []
    position = 0
    while position < len(text):
        match = _KEY_PART.match(text, position)
        if match is None:
            raise not_found("error in query syntax")
        value = match["text"].replace("''", "'") if match["text"] is not None else match["bare"]
        parts.append((match["name"] or "", value.strip() if match["bare"] else value))
        position = match.end()
    return parts


def not_found(words: str) -> BadRequest:
    return BadRequest("BadRequest_NotFound", f"Bad Request - {words}.", 404)


def query_of(request: Request, allowed: Sequence[str]) -> dict[str, str]:
    """The query options. Raises BadRequest for a system option that does not exist."""
    query = dict(parse_qsl(request.url.query, keep_blank_values=True))
    for name in query:
        if name.startswith("$") and name not in allowed:
            raise BadRequest("BadRequest", f"The query parameter '{name}' is not supported.")
    return query


async def body_of(request: Request) -> dict[str, Any]:
    if "application/json" not in request.headers.get("content-type", ""):
        raise BadRequest("BadRequest", "A content type of application/json is needed.", 415)
    try:
        body = jsonio.loads(await request.body())
    except ValueError as problem:
        raise BadRequest("BadRequest", "The body is not valid JSON.") from problem
    if not isinstance(body, dict):
        raise BadRequest("BadRequest", "The body must be an object.")
    return body


def predicate(
    text: str, properties: Mapping[str, Property]
) -> tuple[Callable[[Any], bool], dict[str, str]]:
    """(test of a row, equalities that all must hold); NAV 2018 knows neither ``in`` nor a function
    inside a function. Raises BadRequest."""
    bare = _TEXTS.sub("''", text)
    if _IN.search(bare):
        raise BadRequest("BadRequest", f"Syntax error: the operator 'in' is not known in '{text}'.")
    if _NESTED.search(bare):
        raise BadRequest("BadRequest", f"Nested functions are not supported in '{text}'.")
    test, equalities = parse(text, dict(properties))

    def safe(row: Any) -> bool:
        try:
            return test(row)
        except TypeError as problem:
            raise BadRequest(
                "BadRequest", f"A binary operator with incompatible types was found in '{text}'."
            ) from problem

    return safe, equalities


def etag(row: Mapping[str, Any], name: str) -> str:
    raw = f"16;{name};{row.get('_etag', 1)};".encode()
    return f"W/\"'{base64.b64encode(raw).decode()}'\""


def check_etag(request: Request, current: str) -> None:
    """Raises BadRequest if PATCH or DELETE comes without a good If-Match."""
    given = request.headers.get("if-match", "")
    if not given:
        raise BadRequest(
            "BadRequest_InvalidToken",
            "Could not validate the client concurrency token required by the service. Please "
            "provide a valid token in the client request.",
        )
    if given not in ("*", current):
        raise BadRequest(
            "Request_EntityChanged", "Another user has already changed the record.", 409
        )


def page_of(
    request: Request, query: dict[str, str], rows: list[Any], most: int
) -> tuple[list[Any], str]:
    """(the rows of this page, the next link or blank). The tenant is not repeated in the link."""
    match = re.search(r"odata\.maxpagesize=(\d+)", request.headers.get("prefer", ""))
    size = min(int(match.group(1)) or most, most) if match else most
    try:
        start = int(query.get("$skip") or 0)
        top = int(query["$top"]) if "$top" in query else None
        token = int(query.get("$skiptoken") or 0)
    except ValueError as problem:
        raise BadRequest("BadRequest", "$top and $skip must be whole numbers.") from problem
    if start < 0 or (top or 0) < 0:
        raise BadRequest("BadRequest", "$top and $skip must not be negative.")
    end = len(rows) if top is None else min(len(rows), start + top)
    first = start + token
    last = min(first + size, end)
    if last >= end:
        return rows[first:last], ""
    kept = [(k, v) for k, v in query.items() if k not in ("$skiptoken", "tenant")]
    text = _query(kept, last - start)
    return rows[first:last], f"{str(request.url).partition('?')[0]}?{text}"


def _query(kept: list[tuple[str, str]], token: int) -> str:
    parts = [f"{k}={quote(v, safe='')}" for k, v in kept]
    return "&".join([*parts, f"$skiptoken={token}"])


def order(rows: list[Any], text: str, known: Mapping[str, Property]) -> list[Any]:
    """Rows (anything with ``get``) in the order of $orderby. Raises BadRequest."""
    for part in reversed([p.strip() for p in text.split(",") if p.strip()]):
        name, _, direction = part.partition(" ")
        if name not in known:
            raise no_property(name)
        rows = sorted(rows, key=lambda row: row.get(name), reverse=direction.strip() == "desc")
    return rows


def selected(query: dict[str, str], known: Mapping[str, Property]) -> list[str]:
    wanted = [part.strip() for part in query.get("$select", "").split(",") if part.strip()]
    for name in wanted:
        if name not in known:
            raise no_property(name)
    return wanted or list(known)


def no_property(name: str, type_name: str = "") -> BadRequest:
    if type_name:
        return BadRequest(
            "BadRequest",
            f"The property '{name}' does not exist on type '{type_name}'. Make sure to only use "
            "property names that are defined by the type.",
        )
    return BadRequest("BadRequest", f"Could not find a property named '{name}'.")


def plain(value: Any) -> Any:
    """A number without trailing zeros, as the service writes it."""
    if isinstance(value, Decimal):
        return value.normalize() if value else Decimal(0)
    return value


def listing(context: str, values: list[Any], link: str, count: int | None) -> Json:
    body: dict[str, Any] = {"@odata.context": context}
    if count is not None:
        body["@odata.count"] = count
    body["value"] = values
    if link:
        body["@odata.nextLink"] = link
    return Json(body)
