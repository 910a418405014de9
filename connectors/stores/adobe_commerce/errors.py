"""How Commerce refuses: by its texts first, because 401 also means a missing permission."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater
from connectors.kit.http import Reply
from connectors.stores.adobe_commerce.settings import SAAS

PAUSE_AFTER_429 = 5.0  # seconds, as Adobe's own samples wait where no Retry-After is given
PLACE = re.compile(r"%([A-Za-z0-9_]+)")
_SIGN_IN = (
    (
        re.compile(r"consumer key|consumer having", re.I),
        "The store does not know the consumer key.",
        "Copy the consumer key of the integration again; make the integration anew if it was "
        "deleted.",
    ),
    (
        re.compile(r"token", re.I),
        "The store does not accept the access token.",
        "Activate the integration again in the store and save its four values here.",
    ),
    (
        re.compile(r"signature is invalid", re.I),
        "The store finds our signature wrong.",
        "Save the consumer secret and the access token secret again. If they are right, a proxy "
        "in front of the store changes the address or hides that the call came by https: its "
        "administrator must pass on host and X-Forwarded-Proto unchanged.",
    ),
)


def read_error(edition: str, method: str, path: str, reply: Reply) -> ConnectorError:
    """A refusal in our words. Raises nothing; 429 is for the client to count first."""
    body = _body(reply)
    words = vendor_words(reply, body)
    detail = f"{method} {path}: {reply.status} {words}"[:400]
    if 300 <= reply.status < 400:
        return NeedsAttention(
            detail,
            reason="The address answers with a redirect, which is never followed.",
            advice="Check the store address: https, the right host, with or without www.",
            vendor_words=words,
            code="settings",
        )
    if reply.status in (401, 403) or (reply.status == 400 and _is_sign_in(body)):
        return _refused(edition, detail, words, reply, body)
    if reply.status == 404:
        return _not_found(detail, words, body)
    if reply.status == 429:
        return TryLater(
            detail,
            reason="The store's request limit is reached for the moment.",
            counts=False,
            retry_after=reply.retry_after(PAUSE_AFTER_429),
            vendor_words=words,
        )
    if reply.status >= 500:
        return TryLater(
            detail,
            reason="Adobe Commerce has a problem just now."
            if body
            else "The store, or what stands in front of it, has a problem just now.",
            vendor_words=words,
            retry_after=reply.retry_after(),
        )
    return Rejected(detail, vendor_words=words, code=f"http_{reply.status}")


def page_limit(reply: Reply) -> int | None:
    """The largest page that the store allows, where it refused ours for being larger.

    Source: Adobe, "API security": input limits are set by each merchant.
    """
    body = _body(reply)
    if "SearchCriteria pageSize" not in str(body.get("message", "")):
        return None
    digits = re.search(r"[1-9]\d*", _filled(body))
    return int(digits.group()) if digits else None


def array_limit(reply: Reply) -> int | None:
    """How many rows the store takes in one call, where it refused ours for being more.

    Source: Adobe, "API security": the limit is the merchant's, for calls and for bulks.
    """
    body = _body(reply)
    message = str(body.get("message", ""))
    given = body.get("parameters")
    if not message.startswith("Maximum items of type") or not isinstance(given, Mapping):
        return None
    limit = str(given.get("max", ""))
    return int(limit) if limit.isdigit() and int(limit) > 0 else None


def filled(message: str, parameters: Any) -> str:
    """A text of the vendor with its parameters (a list or an object) in their places."""
    return _filled({"message": message, "parameters": parameters})


def vendor_words(reply: Reply, body: Mapping[str, Any] | None = None) -> str:
    """The vendor's own text, its placeholders filled; a gateway's HTML without its tags."""
    body = _body(reply) if body is None else body
    if body:
        return _filled(body)[:400]
    text = re.sub(r"(?is)<(script|style).*?</\1>|<[^>]+>", " ", reply.text)
    return " ".join(text.split())[:200]


def _body(reply: Reply) -> Mapping[str, Any]:
    try:
        body = json.loads(reply.content)
    except (ValueError, UnicodeDecodeError):
        return {}
    if not isinstance(body, dict):
        return {}
    # A fatal PHP error has a list of its own.
    nested = body.get("messages")
    if isinstance(nested, dict) and isinstance(nested.get("error"), list) and nested["error"]:
        first = nested["error"][0]
        return first if isinstance(first, dict) else {}
    return body


def _filled(body: Mapping[str, Any]) -> str:
    """``message`` with ``parameters`` (a list or an object) put into its %1 and %name."""
    message = str(body.get("message") or body.get("error_description") or body.get("error") or "")
    given = body.get("parameters")
    if isinstance(given, list):
        given = {str(number): value for number, value in enumerate(given, 1)}
    if not isinstance(given, dict):
        return message
    known = {str(name): str(value) for name, value in given.items()}
    return PLACE.sub(lambda match: known.get(match.group(1), match.group()), message)


def _is_sign_in(body: Mapping[str, Any]) -> bool:
    text = str(body.get("message", ""))
    return bool(
        re.search(
            r"oauth|consumer key|token length|signature method|nonce|is not associated with", text,
            re.I,
        )
    )  # fmt: skip


def _refused(
    edition: str, detail: str, words: str, reply: Reply, body: Mapping[str, Any]
) -> ConnectorError:
    if "isn't authorized to access" in words:
        given = body.get("parameters")
        resource = str(given.get("resources", "")) if isinstance(given, dict) else ""
        return NeedsAttention(
            detail,
            reason=f"The integration may not use “{resource}”."
            if resource and not resource.startswith("%")
            else "The integration lacks a permission for this.",
            advice="Add the resource to the integration's API permissions in the store and "
            "authorize it again."
            if edition != SAAS
            else "Give the credential's product profile a role with this permission.",
            vendor_words=words,
            code="missing_permission",
        )
    if not body and reply.status == 403:
        return NeedsAttention(
            detail,
            reason="Something in front of the store refused the call, not Adobe Commerce itself.",
            advice="Ask whoever hosts the store to let this server's address through the "
            "firewall to /rest.",
            vendor_words=words,
            code="settings",
        )
    if edition == SAAS:
        return _refused_by_ims(detail, words, reply.status)
    if "nonce is already being used" in words:
        return TryLater(detail, reason="The store had seen our call's mark before.")
    if "validating the nonce" in words:
        return NeedsAttention(
            detail,
            reason="The store does not accept the time of our calls.",
            advice="The clocks of the store's server and of ours differ by more than ten minutes: "
            "both administrators should set theirs by NTP.",
            vendor_words=words,
            code="settings",
        )
    if "signature method" in words.lower():
        return NeedsAttention(
            detail,
            reason="The store does not take signatures by HMAC-SHA256.",
            advice="It needs Adobe Commerce or Magento Open Source 2.4.4 or later.",
            vendor_words=words,
            code="settings",
        )
    for pattern, reason, advice in _SIGN_IN:
        if pattern.search(words):
            return NeedsAttention(
                detail, reason=reason, advice=advice, vendor_words=words, code="wrong_secret"
            )
    return NeedsAttention(
        detail,
        reason="The store does not let us in.",
        advice="Check the four values of the integration.",
        vendor_words=words,
        code="wrong_secret",
    )


def _refused_by_ims(detail: str, words: str, status: int) -> ConnectorError:
    if status == 401:
        return NeedsAttention(
            detail,
            reason="The Cloud Service does not accept the IMS token.",
            advice="Check the client ID, the secret and the scopes; commerce.accs must be one.",
            vendor_words=words,
            code="wrong_secret",
        )
    return NeedsAttention(
        detail,
        reason="The IMS credential may not use this instance.",
        advice="Check the organization ID and the client ID, and that the credential's product "
        "profile covers this Commerce instance.",
        vendor_words=words,
        code="missing_permission",
    )


def _not_found(detail: str, words: str, body: Mapping[str, Any]) -> ConnectorError:
    if "does not match any route" in words:
        return Rejected(
            detail,
            reason="This store does not offer the call.",
            advice="Update Adobe Commerce or install the module that the documentation names.",
            vendor_words=words,
            code="no_route",
        )
    if re.search(r"store.*(isn't|is not|not) found|requested store", words, re.I):
        return NeedsAttention(
            detail,
            reason="The store does not know this store view.",
            advice="Check “Store view of API calls” in the connection's settings.",
            vendor_words=words,
            code="settings",
        )
    if not body:
        return NeedsAttention(
            detail,
            reason="The address does not answer as Adobe Commerce does.",
            advice="Check the store address in the connection's settings.",
            vendor_words=words,
            code="settings",
        )
    return Rejected(
        detail,
        reason="Adobe Commerce does not know this record.",
        vendor_words=words,
        code="not_found",
    )
