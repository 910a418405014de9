"""How often a token may call: fixed minutes, counted in Redis, shared by all processes."""

from __future__ import annotations

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from api.authentication import Caller

log = logging.getLogger("ml_connector.api")
WINDOW_SECONDS = 60


class PerToken(BaseThrottle):
    """``API_CALLS_PER_MINUTE`` of one token (of one person, for a console sign-in).

    The cache's keys carry the tenant's schema. Without Redis nothing is counted and nothing
    refused: the calls that matter are guarded by the database.
    """

    scope = "calls"
    left: float | None = None

    def limit(self) -> int:
        return int(settings.API_CALLS_PER_MINUTE)

    def allow_request(self, request: Request, view: Any) -> bool:
        caller = request.user
        if not isinstance(caller, Caller):
            return True  # refused already, or about to be
        now = time.time()
        window = int(now // WINDOW_SECONDS)
        key = f"api:{self.scope}:{caller.key}:{window}"
        try:
            cache.add(key, 0, 2 * WINDOW_SECONDS)
            count = cache.incr(key)
        except (RedisError, ValueError):  # gone, or wiped between the two
            log.warning("Calls of the API are not counted: Redis does not answer.")
            return True
        self.left = (window + 1) * WINDOW_SECONDS - now
        return count <= self.limit()

    def wait(self) -> float | None:
        return self.left


class PingsPerToken(PerToken):
    """A ping or a backfill calls the connected system, whose own limits are tighter."""

    scope = "pings"

    def limit(self) -> int:
        return int(settings.API_PINGS_PER_MINUTE)
