"""Finance & Operations' refusals: the infolog inside the error body, cleaned, then its meaning.

The body's code is empty and its outer message says nothing; what is useful stands in
``innererror.message`` after ``Infolog:``. Texts are in the service user's language, so that table and
property names, which no language changes, are looked at as well. Source: recorded error bodies;
Microsoft, "Service protection API limits".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
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

DUPLICATE, NOT_FOUND, GONE = "duplicate", "not_found", "identity_gone"
THROTTLED_SECONDS = 10.0
_BUSINESS = "AxODataWriteException"
_ITEM = re.compile(r";\s*(?=(?:Info|Warning|Error):\s)")
_SEVERITY = re.compile(r"^(?:Info|Warning|Error):\s*")
_TAIL = re.compile(
    r"^(?:validateField failed on field|validateWrite failed on data source"
    r"|Update has been canceled)"
)
_FIELD = re.compile(r"validateField failed on field '\w+\.(\w+)'")
_RELEASE = "Then release the transfer."


@dataclass(frozen=True, slots=True)
class _Meaning:
    pattern: re.Pattern[str]
    reason: str
    advice: str
    hold: str = ""
    code: str = ""
    attention: bool = False


def _means(pattern: str, reason: str, advice: str, **more: object) -> _Meaning:
    return _Meaning(re.compile(pattern, re.I | re.S), reason, advice, **more)  # type: ignore[arg-type]


_MEANINGS = (
    _means(
        r"is on hold for",
        "The customer is on hold in Finance & Operations.",
        "Take the hold off the customer (Credit and collections, Invoicing and delivery on hold). "
        + _RELEASE,
        hold="customer_blocked",
    ),
    _means(
        r"item .+ is blocked for",
        "An item of the document is blocked in Finance & Operations.",
        "Take the item's stop for sales off in its default order settings. " + _RELEASE,
        hold="item_blocked",
    ),
    _means(
        r"already exists? in sales order|is already exist",
        "A rule of this environment says that another sales order has this reference already.",
        "If somebody keyed this order by hand, correct or delete that one, then release.",
        hold="duplicate_reference",
        code=DUPLICATE,
    ),
    _means(
        r"cannot create a record in .*\(\w+\)",
        "Finance & Operations already has a record with this key.",
        "Look at that record in Finance & Operations, then release the transfer.",
        hold="duplicate_reference",
        code=DUPLICATE,
    ),
    _means(
        r"does not allow manual numbers",
        "Finance & Operations gives this number itself and takes none from us.",
        "Set customer accounts to “given by Finance & Operations” in the connection's settings.",
        code="settings",
        attention=True,
    ),
    _means(
        r"'customer account' must be filled in",
        "The number sequence of customer accounts is manual: Finance & Operations wants the number "
        "from us.",
        "Set customer accounts to “given by us” in the connection's settings, or the number "
        "sequence to automatic.",
        code="settings",
        attention=True,
    ),
    _means(
        r"inventory dimension (?:site|warehouse) is mandatory",
        "A line has no site, because neither it nor its order has a warehouse.",
        "Enter the warehouse in the connection's settings, or a row in Warehouses by shipping "
        "method. " + _RELEASE,
        hold="mapping",
    ),
    _means(
        r"product dimension .* is mandatory|product variant of item|is not active for item",
        "A product has variants, and the one that was sold is not named or not released.",
        "Add a row under Product variants, as in “T0004;color=Blue;size=M”, or release the variant "
        "to this legal entity. " + _RELEASE,
        hold="item_unknown",
    ),
    _means(
        r"not valid for the dimension|dimension format for data entities",
        "A financial dimension that was sent is not valid in Finance & Operations.",
        "Correct the mapping of financial dimensions, or add the value in Finance & Operations. "
        + _RELEASE,
        hold="mapping",
    ),
    _means(
        r"^company '|legal entity .* does not exist|company .* does not exist",
        "The legal entity is not in this environment.",
        "Choose the legal entity again in the connection's settings.",
        code="company_missing",
        attention=True,
    ),
    _means(
        r"related table '(?:customers|released products)'",
        "The customer or an item that we had matched is no longer in Finance & Operations.",
        "It is matched anew at the next try.",
        code=GONE,
    ),
    _means(
        r"related table",
        "A code that was sent is not set up in this legal entity.",
        "The words beside this name the field and the value: correct the lookup row or the "
        "connection's setting, or add the code in Finance & Operations. " + _RELEASE,
        hold="lookup_missing",
    ),
    _means(
        r"is too long|maximum number of characters",
        "A value is longer than its field in Finance & Operations.",
        "Correct the field mapping, then release the transfer.",
        hold="mapping",
    ),
    _means(
        r"quantity must be positive",
        "This environment takes no negative quantities on sales orders.",
        "Share order discounts out over the goods in the store, or book such orders as free text "
        "invoices.",
        hold="mapping",
    ),
    _means(
        r"must be filled in",
        "Finance & Operations wants a field filled that the mapping leaves empty.",
        "Fill the field that the words beside this name, under Mappings or in the connection's "
        "settings. " + _RELEASE,
        hold="mapping",
    ),
    _means(
        r"cannot be deleted|cannot be changed|is posted|no line can be added",
        "The document has gone further in Finance & Operations and cannot be changed by us.",
        "Look at the document in Finance & Operations: correct or cancel it there, then release.",
        hold="totals_disagree",
    ),
)
_ACCOUNT_FIELDS = frozenset(
    {"OrderingCustomerAccountNumber", "InvoiceCustomerAccountNumber", "ItemNumber"}
)
_CONFLICT = re.compile(r"cannot edit a record in .*\(\w+\)|update conflict|deadlock", re.I | re.S)
_PROPERTY = re.compile(r"the property '(\w+)' does not exist on type", re.I)


def infolog(message: str) -> tuple[str, ...]:
    """The useful items of an inner message, without severities and generic tails."""
    _, mark, log = message.partition("Infolog:")
    items = (_SEVERITY.sub("", item.strip()) for item in _ITEM.split(log if mark else message))
    kept = [" ".join(item.split()).rstrip(".") for item in items if item and not _TAIL.match(item)]
    return tuple(dict.fromkeys(f"{item}." for item in kept if item))


def parts(reply: Reply) -> tuple[str, str, bool]:
    """(cleaned words, raw inner message, whether business logic refused) of an error answer. The
    stack trace is left out: it is nobody's business."""
    try:
        body = reply.json()
    except UnexpectedShape:
        return f"HTTP {reply.status}", "", False
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        message = body.get("Message") if isinstance(body, Mapping) else None
        return str(message or f"HTTP {reply.status}"), "", False
    inner = error.get("innererror")
    if isinstance(inner, Mapping) and inner.get("message"):
        raw = str(inner["message"])
        words = " ".join(infolog(raw)) or str(error.get("message", ""))
        return words, raw, str(inner.get("type", "")).endswith(_BUSINESS)
    words = str(error.get("message") or f"HTTP {reply.status}")
    return words, "", False


def read_error(method: str, path: str, reply: Reply) -> ConnectorError:
    """The ConnectorError for an unsuccessful answer."""
    words, raw, by_business = parts(reply)
    words = words[:1000]
    # Keys in the path and values in the words may be a shopper's: the exchange keeps them.
    place = path.partition("(")[0]
    aid = reply.headers.get("ms-dyn-aid", "")
    detail = f"{method} {place}: {reply.status} {aid}".strip()
    if reply.status == 429:
        return TryLater(
            detail,
            reason="Finance & Operations is short of resources and takes no requests just now.",
            counts=False,
            retry_after=reply.retry_after(default=THROTTLED_SECONDS),
            vendor_words=words,
        )
    if reply.status == 401:
        return NeedsAttention(
            detail,
            reason="Finance & Operations does not accept this application.",
            advice="Under System administration, Setup, Microsoft Entra ID applications the client "
            "ID must be there with a user; and the environment's address must be its own.",
            vendor_words=words,
            code="not_registered",
        )
    if reply.status == 403:
        return NeedsAttention(
            detail,
            reason="The application's user lacks a privilege in Finance & Operations.",
            advice="Give the user of this application the security roles that the documentation "
            "of this connection lists.",
            vendor_words=words,
            code="missing_permission",
        )
    if _CONFLICT.search(raw or words):
        return TryLater(
            detail,
            reason="Somebody else changed the record at the same moment.",
            retry_after=timedelta(seconds=2),
            vendor_words=words,
        )
    if reply.status == 412:
        return TryLater(
            detail, reason="Somebody else changed the record meanwhile.", vendor_words=words
        )
    if by_business:
        return _by_text(detail, words, raw)
    if reply.status >= 500 or reply.status == 408:
        if method not in SAFE_METHODS:
            return OutcomeUnknown(detail, vendor_words=words)
        return TryLater(
            detail,
            reason="Finance & Operations has a problem just now.",
            retry_after=reply.retry_after(),
            vendor_words=words,
        )
    if found := _PROPERTY.search(words):
        return NeedsAttention(
            detail,
            reason=f"This version of Finance & Operations does not know the field {found.group(1)}.",
            advice="Choose another sales order entity in the connection's settings, or contact "
            "support and name the environment's version.",
            vendor_words=words,
            code="settings",
        )
    if reply.status == 404:
        offered = "No HTTP resource" not in words and "segment" not in words
        return Rejected(
            detail,
            reason="Finance & Operations does not know this record."
            if offered
            else "Finance & Operations does not offer this data entity.",
            vendor_words=words,
            code=NOT_FOUND if offered else "not_offered",
        )
    return _by_text(detail, words, raw)


def _by_text(detail: str, words: str, raw: str) -> ConnectorError:
    field = _FIELD.search(raw)
    for meaning in _MEANINGS:
        if meaning.pattern.search(words):
            if meaning.attention:
                return NeedsAttention(
                    detail,
                    reason=meaning.reason,
                    advice=meaning.advice,
                    vendor_words=words,
                    code=meaning.code,
                )
            return Rejected(
                detail,
                hold=meaning.hold,
                reason=meaning.reason,
                advice=meaning.advice,
                vendor_words=words,
                code=meaning.code,
            )
    if field:  # another language: the field that a value failed on is the same in all of them
        gone = field.group(1) in _ACCOUNT_FIELDS
        return Rejected(
            detail,
            hold="" if gone else "lookup_missing",
            reason=f"Finance & Operations does not take the value of {field.group(1)}.",
            advice="It is matched anew at the next try."
            if gone
            else "Correct the lookup row, mapping or setting that fills this field. " + _RELEASE,
            vendor_words=words,
            code=GONE if gone else "",
        )
    return Rejected(detail, vendor_words=words)
