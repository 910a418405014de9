"""Celery tasks that run inside a tenant. The schema travels in every message, in the open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery import current_app, shared_task
from django.db import close_old_connections
from kombu.exceptions import OperationalError

from tenants.context import in_tenant
from tenants.database import database
from tenants.models import Tenant

log = logging.getLogger("ml_connector.tasks")

WORK_QUEUE = "work"


def tenant_task(name: str) -> Callable[[Callable[[str], None]], Any]:
    """Make a function of one key into a task ``name(schema, key)`` that runs in that schema.

    A message for a tenant that is gone does nothing and says so; nothing ever runs in the public
    schema in its place.
    """

    def decorate(function: Callable[[str], None]) -> Any:
        @shared_task(name=name, ignore_result=True)
        def run(schema: str, key: str) -> None:
            close_old_connections()
            try:
                with in_tenant(schema):
                    if database.schema_name != schema:
                        raise RuntimeError(f"asked for {schema}, got {database.schema_name}")
                    function(key)
            except Tenant.DoesNotExist:
                log.warning("%s for %s: no such tenant, nothing done", name, schema)

        return run

    return decorate


def send_task(name: str, key: str, *, schema: str | None = None) -> bool:
    """Wake a worker for ``key`` in a schema (the current one). False if the broker is not there:
    the agenda holds the promise, so nothing is lost."""
    try:
        current_app.send_task(
            name,
            args=[schema or database.schema_name, key],
            queue=WORK_QUEUE,
            retry=False,
            ignore_result=True,
        )
    except (OperationalError, OSError) as error:
        log.warning("the broker did not take %s: %s", name, error)
        return False
    return True
