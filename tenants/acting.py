"""Who acts: carried along by a context variable, one for each thread of work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` is person, worker, hook or system; ``name`` a person's e-mail or a process."""

    kind: str
    name: str = ""


SYSTEM = Actor("system")
_actor: ContextVar[Actor] = ContextVar("actor", default=SYSTEM)


def current_actor() -> Actor:
    return _actor.get()


@contextmanager
def acting_as(kind: str, name: str = "") -> Iterator[None]:
    token = _actor.set(Actor(kind, name))
    try:
        yield
    finally:
        _actor.reset(token)
