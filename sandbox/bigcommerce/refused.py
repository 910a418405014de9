"""What the store refuses."""

from __future__ import annotations


class Refused(Exception):
    """A request that the store refuses, with the status and the words of its answer."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors or {}
