"""State that outlives a restart: plain dictionaries in memory, a copy in SQLite behind them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from sandbox.common import jsonio


class Journal:
    """Tables of JSON records by key. ``put`` and ``drop`` are written in batches, at most
    ``DELAY`` seconds later and when the simulator stops."""

    DELAY = 0.2

    def __init__(self, path: Path | None) -> None:
        self._db = None
        self._dirty: dict[tuple[str, str], str | None] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS record (kind TEXT, id TEXT, body TEXT,"
                " PRIMARY KEY (kind, id))"
            )

    def load(self, kind: str) -> dict[str, Any]:
        if self._db is None:
            return {}
        rows = self._db.execute("SELECT id, body FROM record WHERE kind = ? ORDER BY rowid", [kind])
        return {key: jsonio.loads(body) for key, body in rows}

    def put(self, kind: str, key: str, record: Any) -> None:
        if self._db is not None:
            self._dirty[(kind, key)] = jsonio.dumps(record)

    def drop(self, kind: str, key: str) -> None:
        if self._db is not None:
            self._dirty[(kind, key)] = None

    def clear(self) -> None:
        self._dirty.clear()
        if self._db is not None:
            self._db.execute("DELETE FROM record")
            self._db.commit()

    def flush(self) -> None:
        if self._db is None or not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        for (kind, key), body in dirty.items():
            if body is None:
                self._db.execute("DELETE FROM record WHERE kind = ? AND id = ?", [kind, key])
            else:
                self._db.execute(
                    "INSERT INTO record VALUES (?, ?, ?)"
                    " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                    [kind, key, body],
                )
        self._db.commit()

    async def keep(self) -> None:
        """Runs beside the server."""
        try:
            while True:
                await asyncio.sleep(self.DELAY)
                self.flush()
        finally:
            self.flush()
