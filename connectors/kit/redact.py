"""Taking secrets out of what is kept of an exchange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

REMOVED = "[removed]"
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-auth-token",
        "x-hook-secret",
        "cookie",
        "set-cookie",
    }
)
_FIELDS = re.compile(
    rb'("?(?:client_secret|access_token|refresh_token|password|client_assertion|validationToken'
    rb'|x-hook-secret)"?\s*[:=]\s*"?)([^"&\s,}]+)',
    re.IGNORECASE,
)


class Redactor:
    """Removes known secret values and well-known secret fields, wherever they stand."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret) >= 6:  # shorter ones would tear holes into ordinary text
                forms |= {secret, quote(secret, safe=""), quote_plus(secret)}
                forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        self._values = sorted(forms, key=len, reverse=True)

    def text(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, REMOVED)
        return text

    def body(self, body: bytes) -> bytes:
        for value in self._values:
            body = body.replace(value.encode(), REMOVED.encode())
        return _FIELDS.sub(rb"\1" + REMOVED.encode(), body)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: REMOVED if name.lower() in SECRET_HEADERS else self.text(str(value))
            for name, value in headers.items()
        }
