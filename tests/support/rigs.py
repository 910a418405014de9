"""A rig for each system: its simulator, what a tenant fills in, and hands to drive it.

The contract suite knows systems by their rigs alone. ``Rig`` is one way to connect a system (an
edition, an interface); the rigs of a kind are listed in ``tests.contract.rigs``.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import trustme

from connectors.kit import ExchangeRecord, Kit
from connectors.registry import SYSTEMS
from tests.support.kits import Memory, loopback_kit
from tests.support.simulators import Simulator, _start


class Certificates:
    """One throw-away authority for every simulator of a test run."""

    @cached_property
    def folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="mlc-rigs-"))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate = authority.issue_cert("localhost", "127.0.0.1", "127.0.0.2")
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(folder / "cert.pem"), append=True)
        return folder

    @property
    def ca_file(self) -> str:
        return str(self.folder / "ca.pem")

    @property
    def arguments(self) -> list[str]:
        return [
            *("--tls-cert", str(self.folder / "cert.pem")),
            *("--tls-key", str(self.folder / "key.pem")),
        ]


CERTIFICATES = Certificates()


class Rig(ABC):
    """One way to connect a system, with its simulator running.

    ``arguments`` are the simulator's own. ``wrong_values`` are settings that a ping must complain
    about by name: setting -> a wrong value.
    """

    kind: ClassVar[str]
    name: ClassVar[str]  # of the test: the kind, and the edition where there are several
    module: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]] = ()
    wrong_values: ClassVar[Mapping[str, str]]

    def __init__(self) -> None:
        self.simulator: Simulator = _start(self.module, [*CERTIFICATES.arguments, *self.arguments])
        self.calls: list[ExchangeRecord] = []
        self.cache = Memory()

    def stop(self) -> None:
        self.simulator.stop()

    def reset(self) -> None:
        """As after the start: no documents, no faults, the first settings."""
        self.simulator.post("reset")
        self.calls.clear()
        self.cache.values.clear()

    @abstractmethod
    def values(self) -> dict[str, str]:
        """What a person fills in to connect it; the other settings keep their defaults."""

    def secrets_on_record(self) -> list[str]:
        """Names of secret settings whose values stand in a recorded exchange."""
        values = self.values()
        secrets = {s.name: values[s.name] for s in SYSTEMS[self.kind].settings
                   if s.is_secret and values.get(s.name)}  # fmt: skip
        kept = [
            " ".join(
                (
                    call.url,
                    str(call.request_headers),
                    call.request_body.decode("utf-8", "replace"),
                    str(call.response_headers),
                    call.response_body.decode("utf-8", "replace"),
                )
            )
            for call in self.calls
        ]
        return sorted({name for name, text in secrets.items() if any(text in row for row in kept)})

    def adapter(self, **more: str) -> Any:
        """The system's adapter on the simulator, without Django."""
        system = SYSTEMS[self.kind]
        defaults = {setting.name: setting.default for setting in system.settings}
        return system.build({**defaults, **self.values(), **more}, self.kit())

    def kit(self) -> Kit:
        return loopback_kit(self.name, self.calls, self.cache, CERTIFICATES.ca_file)

    def reached(self) -> dict[str, Any]:
        """How a connection of it is reached: arguments of ``services.create_connection``."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An order as the store's own books have it. ``key`` is what our transfer is known by."""

    key: str
    total: Decimal
    currency: str
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sold:
    """A sale as a shopper makes it, the same words for every store. ``discount`` is a coupon's
    amount; ``paid`` False leaves the money open."""

    lines: tuple[tuple[str, int], ...] = (("TENT-2P-GRN", 1),)
    shipping: Decimal | None = None
    discount: Decimal = Decimal(0)
    country: str = "GB"
    email: str = ""
    paid: bool = True


class StoreRig(Rig):
    """A store. ``refunds`` names the kinds of refund that it can make (see ``refund``)."""

    refunds: ClassVar[tuple[str, ...]] = ()
    unknown_key: ClassVar[str]  # of an order that is not there
    route_settings: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def place(self, sold: Sold | None = None) -> Placed: ...

    @abstractmethod
    def place_anything(self) -> Placed:
        """A paid order as the simulator's shoppers make them: goods, coupons, countries by chance."""

    @abstractmethod
    def refund(self, placed: Placed, how: str) -> Decimal:
        """Give money back: ``line`` (one piece), ``amount`` (3.00), ``shipping``, ``tax``, ``rest``
        (all that is left). Returns what the store says was given back."""

    @abstractmethod
    def cancel(self, placed: Placed) -> None: ...

    def invoice(self, placed: Placed, *, part: bool = False) -> Decimal:
        """Invoice and capture an order or one piece of it; the invoice's total."""
        raise NotImplementedError

    def hook_values(self) -> dict[str, str]:
        """Settings that deliveries are verified with."""
        return self.values()


@dataclass(frozen=True, kw_only=True)
class Booked:
    """A document in the ERP's own books. ``total`` is with tax, None where it is not known yet."""

    kind: str  # invoice | credit | payment
    reference: str
    total: Decimal | None
    currency: str


class ErpRig(Rig):
    """An ERP. ``lookups`` is what a route needs: table -> key -> value.

    ``create`` is the call that makes an invoice's header, as (method, pattern of its path), and
    ``create_operation`` the pattern of its SOAP operation where there is one.
    ``closes`` says when a closed period is met: ``create``, ``post``, or empty where the ERP takes
    documents into closed periods and its people post them later.
    """

    lookups: ClassVar[Mapping[str, Mapping[str, str]]]
    foreign_lookups: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    route_settings: ClassVar[Mapping[str, str]] = {}
    prefix: ClassVar[str] = "WEB-"
    create: ClassVar[tuple[str, str]] = ("POST", "")
    create_operation: ClassVar[str] = ""
    closes: ClassVar[str]
    unknown_item: ClassVar[str] = "GIFTBOX-XMAS"

    @abstractmethod
    def booked(self) -> list[Booked]:
        """Every document that came from us, drafts too."""

    def duplicates(self) -> Mapping[str, int]:
        """References that more than one document of a kind has."""
        counts = Counter((row.kind, row.reference.upper()) for row in self.booked())
        return {reference: count for (_, reference), count in counts.items() if count > 1}

    @abstractmethod
    def customers(self) -> int: ...

    @abstractmethod
    def ledger_difference(self) -> Decimal:
        """Debits less credits of everything that was posted."""

    @abstractmethod
    def close_period(self) -> None: ...

    @abstractmethod
    def open_period(self) -> None: ...

    @abstractmethod
    def block_customer(self, number: str) -> None: ...

    @abstractmethod
    def block_item(self, number: str) -> None: ...

    def post_all(self) -> None:
        """What the ERP's own people or batch jobs do with documents that wait there."""

    def lose_answer(self) -> None:
        """The next document is made, and nobody hears of it."""
        self.fail_create("lose_reply")

    def fail_create(self, action: str) -> None:
        method, path = self.create
        operation = self.create_operation
        self.simulator.fault(action, method=method, path=path, operation=operation)

    def of(self, reference: str) -> list[Booked]:
        return [row for row in self.booked() if row.reference.upper() == reference.upper()]
