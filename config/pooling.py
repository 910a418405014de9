"""PgBouncer in transaction mode is refused: a schema set for one request would be another's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from typing import Any

from django.db import OperationalError, connections

log = logging.getLogger("ml_connector.pooling")

ADVICE = (
    "DATABASE_URL leads through a pooler in transaction or statement mode, where one connection's"
    " search_path is seen by another: tenants would read each other's data. Set pool_mode ="
    " session in PgBouncer, or connect to PostgreSQL itself."
)


class SharedBackendsError(RuntimeError):
    """The database connection is shared between sessions; the message says what to change."""


def shares_backends(connect: Callable[[], Any]) -> bool:
    """Whether two sessions that are open at once are served by the same PostgreSQL process, or
    one session by several: with a real session neither ever happens.

    ``connect`` opens one session (DB-API, autocommit).
    """
    with closing(connect()) as one, closing(connect()) as other:
        served: tuple[set[int], set[int]] = (set(), set())
        for _ in range(3):
            for session, processes in zip((one, other), served, strict=True):
                row = session.execute("SELECT pg_backend_pid()").fetchone()
                processes.add(row[0])
    return len(served[0] | served[1]) != 2 or bool(served[0] & served[1])


def refuse_shared_backends() -> None:
    """Called where a process starts. A database that is away is no reason not to start."""
    wrapper: Any = connections["default"]

    def connect() -> Any:
        parameters = wrapper.get_connection_params()
        return wrapper.Database.connect(**parameters, autocommit=True)

    try:
        shared = shares_backends(connect)
    except (OperationalError, wrapper.Database.OperationalError) as error:
        log.warning("The database did not answer at the start: %s", error)
        return
    if shared:
        raise SharedBackendsError(ADVICE)
