"""A new tenant's tables without working every migration out again.

Most of the time that migrations take on an empty schema is spent on Django's picture of the
models, not in the database. The statements of the first schema that this process makes are kept
and carried out again for the next ones: names in them are not qualified, so the search path
decides whose tables they make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tenants.database import database

Statement = tuple[str, Any, bool]
_script: list[Statement] = []


def make_tables(schema: str, migrate: Callable[[], None]) -> None:
    """Make the tables of ``schema``, which is empty; ``migrate`` does it the long way."""
    if not _script:
        with _recording(schema):
            migrate()
        return
    with database.cursor() as cursor:
        cursor.execute(f'SET LOCAL search_path TO "{schema}", public')
        for sql, params, many in _script:
            (cursor.executemany if many else cursor.execute)(sql, params)
    database.set_schema_to_public()


@contextmanager
def _recording(schema: str) -> Iterator[None]:
    """Keep what changes something; what only reads needs no repeating."""
    seen: list[Statement] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        text = str(sql)
        if not text.lstrip().upper().startswith(("SELECT", "SET", "SHOW", "SAVEPOINT", "RELEASE")):
            if schema in text:
                raise RuntimeError(f"A migration names its schema: {text[:200]}")
            seen.append((text, params, many))
        return result

    with database.execute_wrapper(keep):
        yield
    _script[:] = seen
