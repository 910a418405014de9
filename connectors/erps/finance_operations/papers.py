"""What sales orders, return orders and free text documents have in common: a header, then lines.

Header and lines are separate writes and the header's number is known only after the first, so a
document can be broken off in between. It must show by itself whether all its lines are there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.erps.finance_operations.client import Json
from connectors.erps.finance_operations.settings import Choices
from connectors.errors import Rejected, UnexpectedShape
from connectors.records import (
    DocumentDraft,
    DocumentStatus,
    DraftLine,
    ErpDocument,
    LineKind,
)

ZERO = Decimal(0)
NULL_DATE = "1900-01-01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a document's bodies need beside the draft. ``dimension`` is the display value of the
    draft's financial dimensions, ``mark`` the delimiter of display values, where they are used."""

    choices: Choices
    places: int
    dimension: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to write: ``mark`` is how it is recognised among those that are there."""

    mark: str
    body: dict[str, Any]


class Paper(ABC):
    """One kind of document: its entities, bodies and reading."""

    header_entity: str
    line_entity: str
    number: str  # the header's key beside the company
    reference: str  # the header's property that holds our reference
    parent: str  # the lines' property that holds the header's key
    header_select: tuple[str, ...]
    line_select: tuple[str, ...]
    needs_mark: bool = False
    prefix: str = ""  # of ids, where a kind of document is kept in more than one entity

    @abstractmethod
    def header(self, draft: DocumentDraft, setup: Setup) -> dict[str, Any]:
        """The body of the header's create. Raises Rejected."""

    @abstractmethod
    def lines(self, draft: DocumentDraft, setup: Setup) -> Sequence[NewLine]:
        """The bodies of the lines in the order in which they are written, without their parent."""

    @abstractmethod
    def mark_of(self, line: Json) -> str:
        """How a line that is there is recognised; empty if it is not ours."""

    @abstractmethod
    def read(self, header: Json, lines: Sequence[Json], mark: str) -> ErpDocument:
        """A document as read back. Raises UnexpectedShape."""

    def owns(self, external_id: str) -> bool:
        return external_id.startswith(self.prefix)

    def id_of(self, number: str) -> str:
        return f"{self.prefix}{number}"

    def key_of(self, external_id: str) -> Any:
        """The header's key as its lines and its address need it: a text or a whole number."""
        return external_id.removeprefix(self.prefix)


def line_mark(at: int, count: int) -> str:
    """``2/5``: with it every line tells how many there are to be."""
    return f"{at}/{count}"


def parse_mark(text: str) -> tuple[int, int] | None:
    at, slash, count = text.strip().partition("/")
    if not slash or not at.isdigit() or not count.isdigit():
        return None
    return (int(at), int(count)) if 0 < int(at) <= int(count) else None


def all_there(marks: Sequence[str]) -> bool:
    """Whether the lines are as many as each of ours says. A document with lines of other people
    only is theirs, and nothing is missing in it."""
    if not marks:
        return False
    ours = [parsed for mark in marks if (parsed := parse_mark(mark))]
    if not ours:
        return True
    return {at for at, _ in ours} >= set(range(1, max(count for _, count in ours) + 1))


def bookable(draft: DocumentDraft) -> tuple[DraftLine, ...]:
    return tuple(line for line in draft.lines if line.kind is not LineKind.COMMENT)


def needs_item(line: DraftLine) -> Rejected:
    """Orders only take items: a charge must be booked by a service item."""
    key = line.source.partition(":")[0]
    return Rejected(
        f"{line.source} is to be booked on account {line.number}",
        hold="mapping",
        keys=(f"lookup:charges:{key}",) if key != "line" else (),
        reason=f"“{line.description}” is to be booked on the account {line.number}, and orders in "
        "Finance & Operations take items only.",
        advice="Make a service item for it, and write “item:” and its number into its row of "
        "Charges and special lines.",
    )


def day_of(text: str) -> date | None:
    """The calendar day of a date, which comes as noon UTC; None for the environment's null."""
    if not text or text.startswith(NULL_DATE):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise UnexpectedShape("date", f"is “{text[:30]}”") from error


def yes_no(value: bool) -> str:
    return "Yes" if value else "No"


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without empty texts: those would overwrite what the environment takes from the customer."""
    return {name: value for name, value in values.items() if value != ""}


def status_of(text: str, where: str, *, complete: bool) -> DocumentStatus:
    """Of SalesStatus. A word that we do not know is never taken for open."""
    if text in ("None", "Backorder", "Delivered"):
        return DocumentStatus.OPEN if complete else DocumentStatus.DRAFT
    if text == "Invoiced":
        return DocumentStatus.POSTED
    if text == "Canceled":
        return DocumentStatus.CANCELED
    raise UnexpectedShape(where, f"is “{text}”")
