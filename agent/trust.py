"""Whom TLS trusts: the authorities of the operating system, and those that a file or a connection
names besides. There is no way to switch the check off."""

from __future__ import annotations

import functools
import ssl
from datetime import datetime, timezone
from typing import Any

from .troubles import NotCarried
from .wire import Codes


@functools.lru_cache(maxsize=32)
def context(ca_file: str = "", authority: str = "") -> ssl.SSLContext:
    """``authority`` is PEM text. An authority between the root and the server is enough by itself.
    Raises NotCarried."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file:
            made.load_verify_locations(cafile=ca_file)
        if authority:
            made.load_verify_locations(cadata=authority)
    except (OSError, ValueError) as error:
        what = f"ca_file {ca_file}" if not authority else "the connection's certificate authority"
        raise NotCarried(Codes.TLS, f"{what} cannot be read as PEM", sent=False) from error
    if ca_file or authority:
        made.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)
    return made


def valid_until(certificate: Any) -> datetime | None:
    """Of a certificate as ``SSLSocket.getpeercert()`` gives it."""
    text = (certificate or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), timezone.utc) if text else None
