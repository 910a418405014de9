"""Whether this process is alive, and whether it can do its work."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from connectors.services import redis_client
from tenants import agenda


def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 if the database answers; Redis may be away without harm and is only reported."""
    result: dict[str, object] = {"database": "ok", "redis": "ok"}
    status = 200
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        oldest = agenda.oldest_due()
        result["oldest_due"] = oldest.isoformat() if oldest else None
    except DatabaseError:
        result["database"], status = "unreachable", 503
    try:
        redis_client().ping()
    except (RedisError, OSError):
        result["redis"] = "unreachable"
    return JsonResponse(result, status=status)
