"""OData's ways: literals, pages and escaped enumeration names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import UnexpectedShape
from connectors.kit.http import Reply

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def literal(text: str) -> str:
    """A string literal: single quotes, embedded ones doubled. Encoding for the URL comes later."""
    return "'" + text.replace("'", "''") + "'"


def any_of(field: str, values: Sequence[str]) -> str:
    """``field eq 'a' or field eq 'b'``: the only "or" that every Dynamics dialect allows."""
    return " or ".join(f"{field} eq {literal(value)}" for value in values)


def decoded(name: str) -> str:
    """An enumeration member as its name: ``In_x0020_Review`` is ``In Review``."""
    return _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), name)


def rows(reply: Reply) -> list[Mapping[str, Any]]:
    """The rows of one collection answer. Raises UnexpectedShape."""
    body = reply.json()
    if not isinstance(body, Mapping) or not isinstance(body.get("value"), list):
        raise UnexpectedShape(f"{reply.where}.value", "is not a list")
    return list(body["value"])


def pages(
    fetch: Callable[[str, Mapping[str, str] | None], Reply],
    path: str,
    params: Mapping[str, str] | None = None,
) -> Iterator[list[Mapping[str, Any]]]:
    """Every page of a collection, following the server's own links as they are. Raises
    UnexpectedShape for a link that was followed before: the reading would never end."""
    reply = fetch(path, params)
    followed: set[str] = set()
    while True:
        yield rows(reply)
        link = str(reply.json().get("@odata.nextLink") or "")
        if not link:
            return
        if link in followed:
            raise UnexpectedShape(
                f"{reply.where}.@odata.nextLink", "leads back to a page read before"
            )
        followed.add(link)
        reply = fetch(link, None)
