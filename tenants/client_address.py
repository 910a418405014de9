"""The address that a request comes from, for the throttle of sign-ins."""

from __future__ import annotations

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The peer's address; behind a proxy, the one that the proxy saw.

    Only the last entry of ``X-Forwarded-For`` is the proxy's own word: whatever stands before it
    is what the client claims, and a claim must not let anyone begin with fresh tries.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    if settings.BEHIND_PROXY:
        seen = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip()
        peer = seen or peer
    try:
        return str(ip_address(peer))
    except ValueError:
        return "0.0.0.0"  # noqa: S104  a socket without an address: all of those count as one
