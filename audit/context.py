"""On what work is being done: entries and exchanges of a block belong to a transfer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_transfer: ContextVar[int | None] = ContextVar("transfer", default=None)


def current_transfer_id() -> int | None:
    return _transfer.get()


@contextmanager
def working_on(transfer_id: int | None) -> Iterator[None]:
    """Entries and exchanges of this block belong to a transfer."""
    token = _transfer.set(transfer_id)
    try:
        yield
    finally:
        _transfer.reset(token)
