"""What an adapter is built with in a test: a kit on loopback, a cache, and a list of its calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.kit import ExchangeRecord, Kit
from connectors.kit.guard import AddressGuard
from connectors.kit.throttle import Budget


class Memory:
    """What services give to adapters as the shared cache, for one process."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.values.get(key)

    def set(self, key: str, value: str, seconds: int) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def loopback_kit(name: str, records: list[ExchangeRecord], cache: Memory, ca_file: str = "") -> Kit:
    """A kit that reaches loopback only and appends each exchange to ``records``."""
    return Kit(
        name=name,
        record=records.append,
        guard=AddressGuard(["127.0.0.0/8"]),
        budget=lambda limits: Budget(None, name, limits),
        cache=cache,
        ca_file=ca_file,
    )


@dataclass(kw_only=True)
class Kits:
    """Gives the adapters of one connection their kits, and keeps what they cached and recorded."""

    cache: Memory = field(default_factory=Memory)
    records: list[ExchangeRecord] = field(default_factory=list)

    def kit(self, name: str, ca_file: str = "") -> Kit:
        return loopback_kit(name, self.records, self.cache, ca_file)
