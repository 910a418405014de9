"""Keeping what was said between us and a system, for as long as it may be kept."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from audit import services
from audit.actions import Action
from audit.context import current_transfer_id
from audit.models import Exchange

MOST_KEPT = 256 * 1024
PURGE_BATCH = 500
# A second belt: the kit removes secrets, and these never get as far as the database in any case.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-auth-token",
        "x-auth-client",
        "cookie",
        "set-cookie",
        "x-hook-secret",
        "x-bc-signature",
        "www-authenticate",
    }
)
SECRET_HEADER_WORDS = re.compile(
    r"secret|token|passw|api-?key|signature|credential|session", re.IGNORECASE
)
REMOVED = "[removed]"
# ``path`` and ``error`` are kept in plain and for good, for lists: no shopper may be found in them.
_QUERY = re.compile(r"\?[^\s'\")]*")
_ADDRESS = re.compile(r"[^\s/?&=:,;'\"<>()]+(?:@|%40)[^\s/?&=:,;'\"<>()]+", re.IGNORECASE)


def store(
    *,
    connection_id: int | None,
    method: str,
    url: str,
    request_headers: Mapping[str, str],
    request_body: bytes,
    status: int | None,
    response_headers: Mapping[str, str],
    response_body: bytes,
    started_at: datetime,
    duration_ms: int,
    error: str = "",
    purpose: str = "",
    transfer_id: int | None = None,
) -> int:
    """Keep one exchange, committed at once. Raises RuntimeError inside a transaction: a rollback
    would lose the proof of something that has happened."""
    if connection.in_atomic_block:
        raise RuntimeError("A system was called inside a database transaction.")
    row = Exchange.objects.create(
        at=started_at,
        transfer_id=transfer_id if transfer_id is not None else current_transfer_id(),
        connection_id=connection_id,
        purpose=purpose[:80],
        method=method,
        url=url,
        path=_nobody(urlsplit(url).path)[:300],
        status=status,
        error=_nobody(error)[:300],
        duration_ms=duration_ms,
        request_headers=_without_secrets(request_headers),
        response_headers=_without_secrets(response_headers),
        request_body=_kept(request_body),
        response_body=_kept(response_body),
        request_digest=_digest(request_body),
        response_digest=_digest(response_body),
        request_size=len(request_body),
        response_size=len(response_body),
        expires_at=started_at + timedelta(days=settings.EXCHANGE_RETENTION_DAYS),
    )
    return int(row.pk)


def purge_expired(now: datetime | None = None) -> int:
    """Erase bodies, addresses and headers past their retention, keeping digests. Returns how many."""
    now = now or timezone.now()
    erased = 0
    while True:
        with transaction.atomic():
            ids = list(
                Exchange.objects.select_for_update(skip_locked=True)
                .filter(expires_at__lte=now, erased_at__isnull=True)
                .values_list("pk", flat=True)[:PURGE_BATCH]
            )
            if not ids:
                return erased
            Exchange.objects.filter(pk__in=ids).update(
                request_body=None,
                response_body=None,
                request_headers={},
                response_headers={},
                url="",
                erased_at=now,
            )
            services.record(
                Action.ERASED,
                f"The contents of {len(ids)} exchanges were erased at the end of their retention.",
                data={"first": ids[0], "last": ids[-1], "count": len(ids)},
            )
        erased += len(ids)


def _without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: REMOVED if _is_secret(name) else str(value).replace("\x00", "")
        for name, value in headers.items()
    }


def _is_secret(name: str) -> bool:
    return name.lower() in SECRET_HEADERS or bool(SECRET_HEADER_WORDS.search(name))


def _nobody(text: str) -> str:
    """Without queries and e-mail addresses."""
    return _ADDRESS.sub("…", _QUERY.sub("?…", text)).replace("\x00", "")


def _kept(body: bytes) -> str | None:
    if not body:
        return None
    text = body[:MOST_KEPT].decode("utf-8", "replace").replace("\x00", "")
    if len(body) > MOST_KEPT:
        text += f"\n[cut: {len(body)} bytes in all]"
    return text


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest() if body else ""
