"""The server half of OAuth 1.0a as Magento's core checks it, over the request as it came.

Kept from the core: HMAC-SHA256 only, 32-character keys and tokens, a nonce that is spent on first
sight even when the signature is wrong, no lower bound for the time stamp, query parameters that
are decoded with rawurldecode (a plus stays a plus) and dropped unless they split into exactly two
parts at "=", and the path signed as it was sent, percent signs and all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import Request

from sandbox.adobe_commerce.wire import Refused
from sandbox.common.clock import Clock

KEY_LENGTH = 32
AHEAD_SECONDS = 600
_NONCES_KEPT = 200_000
_REQUIRED = (
    "oauth_consumer_key",
    "oauth_nonce",
    "oauth_signature_method",
    "oauth_signature",
    "oauth_timestamp",
    "oauth_token",
)


@dataclass
class Integration:
    """One integration of System > Extensions > Integrations. ``resources`` None is all."""

    consumer_id: int
    consumer_key: str
    consumer_secret: str
    access_token: str
    access_token_secret: str
    resources: list[str] | None = None
    revoked: bool = False

    def record(self) -> dict[str, Any]:
        return dict(vars(self))

    def may(self, resource: str) -> bool:
        return self.resources is None or resource in self.resources


@dataclass
class OAuth:
    """``core`` "current" sorts decoded names and takes any path; "laminas" (2.4.6, 2.4.7) sorts
    encoded names in natural order and fails every path with an escaped slash."""

    clock: Clock
    core: str = "current"
    bearer: bool = False
    # The scheme that PHP sees behind a TLS proxy; none is the listener's own.
    seen_scheme: str = ""
    integrations: list[Integration] = field(default_factory=list)
    _nonces: dict[tuple[int, str], None] = field(default_factory=dict)

    def forget_nonces(self) -> None:
        self._nonces.clear()

    def caller(self, request: Request, body: bytes) -> Integration | None:
        """The integration that signed the request; None without any credentials.

        Raises Refused with the core's words.
        """
        header = request.headers.get("authorization", "")
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer":
            known = [i for i in self.integrations if i.access_token == rest.strip()]
            return known[0] if known and self.bearer and not known[0].revoked else None
        if scheme.lower() != "oauth":
            return None
        return self._signer(request, _protocol_parameters(rest), body)

    def _signer(self, request: Request, given: dict[str, str], body: bytes) -> Integration:
        missing = [name for name in _REQUIRED if not given.get(name)]
        if missing:
            message = '"%fieldName" is required. Enter and try again.'
            raise Refused(400, message, {"fieldName": missing[0]})
        if given.get("oauth_version", "1.0") != "1.0":
            raise Refused(400, "The OAuth version %1 is not supported", [given["oauth_version"]])
        if len(given["oauth_consumer_key"]) != KEY_LENGTH:
            raise Refused(401, "Consumer key is not the correct length")
        found = [i for i in self.integrations if i.consumer_key == given["oauth_consumer_key"]]
        if not found:
            raise Refused(401, "A consumer having the specified key does not exist")
        consumer = found[0]
        self._spend(consumer, given["oauth_nonce"], given["oauth_timestamp"])
        if len(given["oauth_token"]) != KEY_LENGTH:
            raise Refused(400, "The token length is invalid. Check the length and try again.")
        if given["oauth_token"] != consumer.access_token:
            raise Refused(401, "Token is not associated with the specified consumer")
        if consumer.revoked:
            raise Refused(401, "Access token has been revoked")
        method = given["oauth_signature_method"]
        if method != "HMAC-SHA256":
            raise Refused(400, "Signature method %1 is not supported", [method])
        wanted = self.signature(request, given, body, consumer)
        if not hmac.compare_digest(wanted.encode(), given["oauth_signature"].encode()):
            raise Refused(401, "The signature is invalid. Verify and try again.")
        return consumer

    def _spend(self, consumer: Integration, nonce: str, timestamp: str) -> None:
        at = int(timestamp) if re.fullmatch(r"-?\d+", timestamp) else 0
        if at <= 0 or at > self.clock.time() + AHEAD_SECONDS:
            raise Refused(401, "An error occurred validating the nonce")
        key = (consumer.consumer_id, nonce)
        if key in self._nonces:
            raise Refused(
                401,
                "The nonce is already being used by the consumer with ID %1",
                [str(consumer.consumer_id)],
            )
        if len(self._nonces) >= _NONCES_KEPT:
            del self._nonces[next(iter(self._nonces))]
        self._nonces[key] = None

    def signature(
        self, request: Request, given: dict[str, str], body: bytes, consumer: Integration
    ) -> str:
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        path = raw_path.partition(b"?")[0].decode("latin-1")
        pairs = [(k, v) for k, v in given.items() if k not in ("oauth_signature", "realm")]
        pairs += query_pairs(request.scope["query_string"].decode("latin-1"))
        kind = request.headers.get("content-type", "")
        if kind.startswith("application/x-www-form-urlencoded"):
            pairs += parse_qsl(body.decode(), keep_blank_values=True)
        scheme = self.seen_scheme or request.url.scheme
        url = f"{scheme}://{request.headers.get('host', '')}{path}"
        text = base_string(request.method, url, pairs, self.core)
        key = f"{encoded(consumer.consumer_secret)}&{encoded(consumer.access_token_secret)}"
        if self.core == "laminas" and "%2f" in path.lower():
            # The URI library of these versions changes such a path before it is signed.
            text = text.replace("%252F", "%2F").replace("%252f", "%2F")
        digest = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()


def _protocol_parameters(header: str) -> dict[str, str]:
    """The parameters of an Authorization header, decoded."""
    found = {}
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name:
            found[unquote(name)] = unquote(value.strip().strip('"'))
    return found


def query_pairs(raw: str) -> list[tuple[str, str]]:
    """The query's parameters as the signature check rebuilds them."""
    pairs = []
    for part in raw.split("&"):
        pieces = part.split("=")
        if len(pieces) == 2:
            pairs.append((unquote(pieces[0]), unquote(pieces[1])))
    return pairs


def encoded(text: str) -> str:
    return quote(text, safe="~")


def base_string(method: str, url: str, pairs: list[tuple[str, str]], core: str) -> str:
    if core == "laminas":
        ordered = sorted(pairs, key=lambda pair: _natural(encoded(pair[0])))
    else:
        ordered = sorted(pairs, key=lambda pair: pair[0].encode())
    joined = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in ordered)
    return f"{method.upper()}&{encoded(url)}&{encoded(joined)}"


def _natural(text: str) -> list[tuple[int, int, str]]:
    """strnatcmp's order: runs of digits compare as numbers."""
    return [
        (0, int(run), "") if run.isdigit() else (1, 0, run) for run in re.findall(r"\d+|\D", text)
    ]
