"""Business Central's refusals: the code's family first, then the text, never the status alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit.http import SAFE_METHODS, Reply

_CORRELATION = re.compile(r"\s*CorrelationId:\s*([0-9a-fA-F-]{36})\.?")
# Gateway answers to a write that may still be carried out behind it.
_NO_ANSWER = frozenset({408, 502, 503, 504})

# (pattern in the en-US text, hold, reason, advice)
_HOLDS: tuple[tuple[re.Pattern[str], str, str, str], ...] = (
    (
        re.compile(r"not within your range of allowed posting dates", re.I),
        "period_closed",
        "The posting date is in a period that is closed in Business Central.",
        "Open the period in General Ledger Setup or User Setup. It then goes by itself.",
    ),
    (
        re.compile(
            r"customer \S+ is blocked|blocked for privacy|type of document when customer", re.I
        ),
        "customer_blocked",
        "The customer is blocked in Business Central.",
        "Take the block off the customer card. It then goes by itself.",
    ),
    (
        re.compile(
            r"you cannot sell item|blocked must be equal to 'no'.*item|item .* is blocked", re.I
        ),
        "item_blocked",
        "An item of the order is blocked in Business Central.",
        "Take the block off the item card. It then goes by itself.",
    ),
    (
        re.compile(r"account does not exist|g/l account|direct posting", re.I),
        "lookup_missing",
        "An account named under Mappings cannot be used in Business Central.",
        "Check the account number, that it allows direct posting and is not blocked.",
    ),
    (
        re.compile(r"exchange rate|does not match to a currency", re.I),
        "lookup_missing",
        "Business Central has no exchange rate or no such currency for this order.",
        "Add the currency and its exchange rate in Business Central, then release the transfer.",
    ),
)
_BUSY = re.compile(r"\block(ed)?\b|deadlock|another session", re.I)
_SETUP = re.compile(r"posting group|must have a value|cannot be zero or empty", re.I)
_GONE = re.compile(r"sell-to customer cannot be found|item does not exist", re.I)


def parts(reply: Reply) -> tuple[str, str, str]:
    """(code, text without correlation id, correlation id) of an error answer."""
    try:
        body = reply.json()
    except UnexpectedShape:
        return "", f"HTTP {reply.status}", ""
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", f"HTTP {reply.status}", ""
    message = str(error.get("message", ""))
    found = _CORRELATION.search(message)
    text = _CORRELATION.sub("", message).strip()
    return str(error.get("code", "")), text, found.group(1) if found else ""


def read_error(method: str, path: str, reply: Reply) -> ConnectorError:
    """The ConnectorError for an unsuccessful answer."""
    code, text, correlation = parts(reply)
    detail = f"{method} {path}: {reply.status} {code} {text} {correlation}".strip()[:500]
    if reply.status == 429:
        return TryLater(
            detail,
            reason="Business Central's request limit is reached for the moment.",
            counts=False,
            retry_after=reply.retry_after(default=5),
            vendor_words=text,
        )
    if reply.status == 401 or code.startswith("Authentication_"):
        return NeedsAttention(
            detail,
            reason="Business Central does not accept this application.",
            advice="In Business Central open “Microsoft Entra Applications”: the client ID must be "
            "there, enabled, with permission sets.",
            vendor_words=text,
            code="not_registered",
        )
    if reply.status == 403 or code.startswith("Authorization_"):
        return NeedsAttention(
            detail,
            reason="The application lacks a permission in Business Central.",
            advice="Add the permission set that the text names to the application's card under "
            "“Microsoft Entra Applications”.",
            vendor_words=text,
            code="missing_permission",
        )
    if code == "Internal_CompanyNotFound":
        return NeedsAttention(
            detail,
            reason="The company is not in this environment.",
            advice="Choose the company again in the connection's settings.",
            vendor_words=text,
            code="company_missing",
        )
    if reply.status in (409, 412) or code == "Request_EntityChanged":
        return TryLater(
            detail,
            reason="Somebody else changed the record meanwhile.",
            vendor_words=text,
            code="changed",
        )
    if reply.status in _NO_ANSWER and method not in SAFE_METHODS:
        return OutcomeUnknown(detail, vendor_words=text)
    if reply.status >= 500 or reply.status == 408 or code == "Internal_TenantUnavailable":
        # Only the platform's own word says that a write did not begin.
        if method not in SAFE_METHODS and code != "Internal_TenantUnavailable":
            return OutcomeUnknown(detail, vendor_words=text)
        return TryLater(
            detail,
            reason="Business Central has a problem just now.",
            retry_after=reply.retry_after(),
            vendor_words=text,
        )
    return _by_text(detail, code, text, reply.status)


def _by_text(detail: str, code: str, text: str, status: int) -> ConnectorError:
    if _GONE.search(text):
        return Rejected(
            detail,
            reason="The customer or an item that we had matched is no longer in Business Central.",
            advice="It is matched anew at the next try.",
            vendor_words=text,
            code="identity_gone",
        )
    for pattern, hold, reason, advice in _HOLDS:
        if pattern.search(text):
            return Rejected(
                detail, hold=hold, reason=reason, advice=advice, vendor_words=text, code=code
            )
    if code.startswith(("Application_", "Internal_")) and _BUSY.search(text):
        return TryLater(
            detail,
            reason="Another user of Business Central holds the record.",
            retry_after=timedelta(seconds=5),
            vendor_words=text,
        )
    if _SETUP.search(text):
        return Rejected(
            detail,
            reason="Business Central's setup does not allow this record yet.",
            advice="A Business Central administrator must complete the setup that the text names; "
            "then replay the transfer.",
            vendor_words=text,
            code=code,
        )
    if status == 404:
        return Rejected(
            detail,
            reason="Business Central does not know this record or address.",
            vendor_words=text,
            code="not_found",
        )
    return Rejected(detail, vendor_words=text, code=code)
