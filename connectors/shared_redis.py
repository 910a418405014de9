"""Redis as every process of ours shares it."""

from __future__ import annotations

from django.conf import settings
from redis import Redis

_redis: Redis | None = None


def redis_client() -> Redis:
    """The process's pool of Redis connections."""
    global _redis
    if _redis is None:
        _redis = Redis.from_url(
            settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, max_connections=200
        )
    return _redis
