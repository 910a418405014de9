"""How BigCommerce refuses: V2 sends a list of errors, V3 an object, gateways HTML. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater
from connectors.kit.http import Reply

# Errors of a batch are named by the row's place in it: "3.sku".
_OF_ROW = re.compile(r"(\d{1,4})(?:\.(.+))?")


class BatchRefused(Rejected):
    """A refusal that may say which rows of a batch it is about: place in the batch -> words."""

    def __init__(self, detail: str, *, rows: Mapping[int, str], **more: Any) -> None:
        super().__init__(detail, **more)
        self.rows = dict(rows)


def read(method: str, path: str, reply: Reply, pause: float) -> ConnectorError:
    """The refusal in our words; ``pause`` is how many seconds a throttled call has to wait."""
    words = vendor_words(reply)
    detail = f"{method} {path}: {reply.status} {words}"[:400]
    if reply.status == 401:
        return NeedsAttention(
            detail,
            reason="BigCommerce does not accept the access token.",
            advice="Check the store hash and the access token; make a new API account if the "
            "old one was deleted.",
            vendor_words=words,
            code="wrong_secret",
        )
    if reply.status == 403:
        return NeedsAttention(
            detail,
            reason="The API account lacks a permission for this.",
            advice="Give the API account the scopes that this connection's page lists.",
            vendor_words=words,
            code="missing_permission",
        )
    if reply.status == 404:
        return Rejected(
            detail,
            reason="BigCommerce does not know this record.",
            vendor_words=words,
            code="not_found",
        )
    if reply.status == 429:
        return TryLater(
            detail,
            reason="BigCommerce's request limit is reached for the moment.",
            counts=False,
            retry_after=timedelta(seconds=pause),
            vendor_words=words,
        )
    if 300 <= reply.status < 400:
        return NeedsAttention(
            detail,
            reason="The address answers with a redirect, which is never followed.",
            advice="Check the API address in the connection's settings.",
            vendor_words=words,
            code="settings",
        )
    if reply.status >= 500:
        return TryLater(
            detail,
            reason="BigCommerce has a problem just now.",
            vendor_words=words,
            retry_after=reply.retry_after(),
        )
    return BatchRefused(
        detail, vendor_words=words, code=f"http_{reply.status}", rows=refused_rows(reply)
    )


def in_part(method: str, path: str, reply: Reply) -> BatchRefused:
    """A 207: the record was saved, something that came with it was not. Source: Catalog V3."""
    words = vendor_words(reply)
    return BatchRefused(
        f"{method} {path}: 207 {words}"[:400],
        reason="BigCommerce saved this only in part.",
        vendor_words=words,
        code="in_part",
        rows=refused_rows(reply),
    )


def refused_rows(reply: Reply) -> dict[int, str]:
    """The rows of a batch that a refusal names."""
    body = _body(reply)
    found: dict[int, list[str]] = {}
    named = body.get("errors") if isinstance(body, Mapping) else None
    for name, text in named.items() if isinstance(named, Mapping) else ():
        match = _OF_ROW.fullmatch(str(name))
        if match:
            words = f"{match[2]}: {text}" if match[2] else str(text)
            found.setdefault(int(match[1]), []).append(words)
    return {place: "; ".join(words)[:400] for place, words in found.items()}


def _body(reply: Reply) -> Any:
    if "json" not in reply.headers.get("content-type", ""):
        return None
    try:
        return reply.json()
    except ConnectorError:
        return None


def vendor_words(reply: Reply) -> str:
    """BigCommerce's own text from any of its error forms, shortened."""
    body = _body(reply)
    if isinstance(body, list):
        return "; ".join(str(row.get("message", row)) for row in body if row)[:400]
    if isinstance(body, Mapping):
        errors = body.get("errors")
        parts = [str(body.get("title") or body.get("message") or body.get("details") or "")]
        if isinstance(errors, Mapping):
            parts += [f"{name}: {text}" for name, text in errors.items()]
        for row in body.get("batch_errors") or ():
            parts.append(str(row.get("title") or row) if isinstance(row, Mapping) else str(row))
        return "; ".join(part for part in parts if part)[:400]
    return f"HTTP {reply.status}"
