"""NAV's refusals: the code's family first, then the en-US text, never the status alone.

Sources: Microsoft's list of error codes of the API and OData services; the application's own texts
as NAV 2018 prints them. A server that answers in another language is understood by its codes only;
what is not understood is shown in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.kit.http import SAFE_METHODS, Reply

NOT_FOUND = "not_found"
NOT_OFFERED = "not_offered"
EXISTS = "exists"
REFUSED_SIGN_IN = "wrong_secret"
CHANGED_MEANWHILE = "changed"

_CORRELATION = re.compile(r"\s*CorrelationId:\s*[0-9a-fA-F-]{36}\.?")
_RELATED = re.compile(r"related table \((?P<table>[^)]+)\)", re.I)
_BUSY = re.compile(r"cannot be locked|\block(ed)?\b|deadlock|another session", re.I)
_SETUP = re.compile(r"must have a value|cannot be zero or empty|posting setup does not exist", re.I)
# http.sys answers by itself when the server takes no more: the request never reached it.
_QUEUE_FULL = re.compile(r"HTTP Error 503\. The service is unavailable", re.I)
_FAULT = re.compile(
    r"<faultcode[^>]*>(?P<code>[^<]*)</faultcode>\s*<faultstring[^>]*>(?P<text>[^<]*)<", re.I
)
# Gateway answers to a write that may still be carried out behind it.
_NO_ANSWER = frozenset({408, 500, 502, 503, 504})

# (pattern in the en-US text, hold, code, reason, advice)
_HOLDS: tuple[tuple[re.Pattern[str], str, str, str], ...] = (
    (
        re.compile(r"not within your range of allowed posting dates", re.I),
        "period_closed",
        "The posting date is in a period that is closed in NAV.",
        "Open the period in General Ledger Setup or User Setup. It then goes by itself.",
    ),
    (
        re.compile(r"when customer \S+ is\s+blocked|customer \S+ is blocked", re.I),
        "customer_blocked",
        "The customer is blocked in NAV.",
        "Take the block off the customer card. It then goes by itself.",
    ),
    (
        re.compile(r"blocked must be equal to 'no'.*\bitem\b|you cannot sell item", re.I),
        "item_blocked",
        "An item of the order is blocked in NAV.",
        "Take the block off the item card. It then goes by itself.",
    ),
    (
        re.compile(r"g/l account|account does not exist|direct posting", re.I),
        "lookup_missing",
        "An account named under Mappings cannot be used in NAV.",
        "Check the account number, that it allows direct posting and is not blocked.",
    ),
    (
        re.compile(r"currency exchange rate|does not match to a currency", re.I),
        "lookup_missing",
        "NAV has no exchange rate or no such currency for this order.",
        "Add the currency and its exchange rate in NAV, or NAV's code under Mappings, Currency "
        "ids. Then release the transfer.",
    ),
)


def parts(reply: Reply) -> tuple[str, str]:
    """(code, text without correlation id) of an error answer; ("", "HTTP 500") if it is none."""
    try:
        body = reply.json()
    except UnexpectedShape:
        return "", f"HTTP {reply.status}"
    error = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return "", f"HTTP {reply.status}"
    text = _CORRELATION.sub("", str(error.get("message", ""))).strip()
    return str(error.get("code", "")), text


def read_error(method: str, path: str, reply: Reply) -> ConnectorError:
    """The ConnectorError for an unsuccessful answer."""
    if fault := _FAULT.search(reply.text[:4000]):
        return read_fault(
            f"{method} {path}", fault["code"].strip(), unescape(fault["text"].strip())
        )
    code, text = parts(reply)
    detail = f"{method} {path}: {reply.status} {code} {text}".strip()[:500]
    if reply.status == 429:
        return TryLater(
            detail,
            reason="The server takes no more requests for the moment.",
            counts=False,
            retry_after=reply.retry_after(default=5),
            vendor_words=text,
        )
    if reply.status == 401 or code.startswith("Authentication_"):
        return _sign_in(detail, text, reply)
    if reply.status == 403 or code.startswith("Authorization_"):
        return NeedsAttention(
            detail,
            reason="The service's user lacks a permission in NAV.",
            advice="Add the permission set that the text names to the user's card in NAV.",
            vendor_words=text,
            code="missing_permission",
        )
    if reply.status == 405 and (method in SAFE_METHODS or not code):
        return _switched_off(detail, text)
    if reply.status == 503 and _QUEUE_FULL.search(reply.text[:2000]):
        return TryLater(
            detail,
            reason="The NAV server takes no more requests just now. Nothing was sent to NAV.",
            retry_after=reply.retry_after(default=5),
            vendor_words=text,
        )
    if not code and (reply.status in _NO_ANSWER or reply.status > 500):
        if method not in SAFE_METHODS:
            return OutcomeUnknown(detail, vendor_words=text)
        return TryLater(
            detail,
            reason="The NAV server has a problem just now.",
            retry_after=reply.retry_after(),
            vendor_words=text,
        )
    return refusal(detail, code, text, status=reply.status, writes=method not in SAFE_METHODS)


def _sign_in(detail: str, text: str, reply: Reply) -> NeedsAttention:
    offered = reply.headers.get("www-authenticate", "")
    schemes = ", ".join(dict.fromkeys(re.findall(r"\b(Basic|Bearer|Negotiate|NTLM)\b", offered)))
    return NeedsAttention(
        detail,
        reason="The NAV server does not accept this sign-in.",
        advice="Check user name and password or access key, its expiry date, and that the user is "
        "enabled in NAV; for an Entra application its card in NAV. The sign-in must be the one "
        + (f"that the server instance offers: {schemes}." if schemes else "of the instance."),
        vendor_words=text,
        code=REFUSED_SIGN_IN,
    )


def _switched_off(detail: str, text: str) -> NeedsAttention:
    return NeedsAttention(
        detail,
        reason="This interface is switched off on the NAV server.",
        advice="In the server's administration switch on OData services (and API services for the "
        "API), then restart the instance; or choose the other interface.",
        vendor_words=text,
        code="settings",
    )


def refusal(detail: str, code: str, text: str, *, status: int, writes: bool) -> ConnectorError:
    """What an error code of NAV means; also for SOAP faults, by the code that they stand for."""
    if code == "Internal_CompanyNotFound":
        return NeedsAttention(
            detail,
            reason="The company is not on this server.",
            advice="Choose the company again in the connection's settings: capitals and a full "
            "stop at the end count.",
            vendor_words=text,
            code="company_missing",
        )
    if code == "Internal_TenantUnavailable":
        return NeedsAttention(
            detail,
            reason="The server does not give access to this tenant.",
            advice="Check the tenant in the connection's settings; a multitenant server must be "
            "told which one.",
            vendor_words=text,
            code="wrong_environment",
        )
    if status in (409, 412) or code == "Request_EntityChanged":
        return TryLater(
            detail,
            reason="Somebody else changed the record meanwhile.",
            vendor_words=text,
            code=CHANGED_MEANWHILE,
        )
    if _BUSY.search(text) and code.startswith(("Application_", "Internal_", "Unknown")):
        return TryLater(
            detail,
            reason="Another user of NAV holds the ledger's tables, by posting for instance.",
            retry_after=timedelta(seconds=10),
            vendor_words=text,
            code="locked",
        )
    if code == "Internal_ServerError" or status >= 500:
        if writes:
            return OutcomeUnknown(detail, vendor_words=text)
        return TryLater(detail, reason="The NAV server has a problem just now.", vendor_words=text)
    if status == 404 and (code == "BadRequest_ResourceNotFound" or not code):
        return Rejected(
            detail,
            reason="The server does not offer this address.",
            advice="Check the server address, and that the page is published under the service "
            "name in the settings.",
            vendor_words=text,
            code=NOT_OFFERED,
        )
    if status == 404 or (code == "Internal_RecordNotFound" and not _SETUP.search(text)):
        return Rejected(
            detail, reason="NAV does not know this record.", vendor_words=text, code=NOT_FOUND
        )
    return _by_content(detail, code, text)


def _by_content(detail: str, code: str, text: str) -> Rejected:
    if code == "Internal_EntityWithSameKeyExists":
        return Rejected(
            detail, reason="NAV has this record already.", vendor_words=text, code=EXISTS
        )
    if code == "Application_CallbackNotAllowed":
        return Rejected(
            detail,
            reason="NAV wanted to ask a person about this record, which it cannot do here.",
            advice="Switch credit limit and stock-out warnings off for the service's user (Sales & "
            "Receivables Setup), or settle what the text asks; then replay the transfer.",
            vendor_words=text,
            code="callback",
        )
    if code == "Application_StringExceededLength":
        return Rejected(
            detail,
            hold="mapping",
            reason="A text is longer than its field in NAV.",
            advice="Correct the field mapping of this route, then release the transfer.",
            vendor_words=text,
            code=code,
        )
    if _gone(code, text):
        return Rejected(
            detail,
            reason="The customer or an item that we had matched is no longer in NAV.",
            advice="It is matched anew at the next try.",
            vendor_words=text,
            code="identity_gone",
        )
    for pattern, hold, reason, advice in _HOLDS:
        if pattern.search(text):
            return Rejected(
                detail, hold=hold, reason=reason, advice=advice, vendor_words=text, code=code
            )
    if code == "Internal_InvalidTableRelation":
        return Rejected(
            detail,
            hold="lookup_missing",
            reason="A code of the mapping does not exist in NAV.",
            advice="Correct the lookup row, or add the code in NAV; then release the transfer.",
            vendor_words=text,
            code=code,
        )
    if _SETUP.search(text):
        return Rejected(
            detail,
            reason="NAV's setup does not allow this record yet.",
            advice="A NAV administrator must complete the setup that the text names; then replay "
            "the transfer.",
            vendor_words=text,
            code=code,
        )
    return Rejected(detail, reason="NAV refused this record.", vendor_words=text, code=code)


def _gone(code: str, text: str) -> bool:
    if re.search(r"sell-to customer cannot be found|item does not exist", text, re.I):
        return True
    related = _RELATED.search(text) if code == "Internal_InvalidTableRelation" else None
    return related is not None and related["table"].casefold() in ("item", "customer")


def posted_already(number: str) -> Rejected:
    """What we never touch: a posted document."""
    return Rejected(
        f"{number} is no draft",
        reason="The document is posted already, or gone from NAV.",
        advice="Posted documents are never changed from here: correct it by a credit memo in NAV.",
        code="posted",
    )


# SOAP faults carry the exception's class name in their code.
_FAULT_CODES = {
    "NavTestFieldException": "Application_FieldValidationException",
    "NavNCLDialogException": "Application_DialogException",
    "NavNCLCallbackNotAllowedException": "Application_CallbackNotAllowed",
    "NavRecordNotFoundException": "Internal_RecordNotFound",
    "NavNCLDataNotFoundException": "Internal_DataNotFoundFilter",
    "NavValidateException": "Internal_InvalidTableRelation",
    "NavPermissionException": "Authorization_RequestDenied",
}


def read_fault(where: str, fault_code: str, text: str) -> ConnectorError:
    """The ConnectorError for a SOAP fault: NAV has answered, so nothing is unknown."""
    name = fault_code.rpartition(".")[2]
    code = _FAULT_CODES.get(name, "Application_DialogException")
    detail = f"{where}: {name} {text}".strip()[:500]
    if code.startswith("Authorization_"):
        return NeedsAttention(
            detail,
            reason="The service's user may not run the posting codeunit.",
            advice="Add the permission set that the text names to the user's card in NAV.",
            vendor_words=text,
            code="missing_permission",
        )
    return refusal(detail, code, text, status=400, writes=True)
