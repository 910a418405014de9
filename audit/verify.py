"""Proving that the trail is whole: from the database, or offline from an export."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO

from audit.models import Entry, Seal, SealedEntry
from audit.seals import GENESIS, as_record, chain, digest_of


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was sealed. ``kind``: changed | removed | reordered | inserted |
    broken_chain."""

    kind: str
    words: str
    entry_id: int | None = None
    seal: int | None = None


@dataclass(slots=True)
class Report:
    """What was checked and what was found."""

    entries: int = 0
    sealed: int = 0
    seals: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.findings

    @property
    def unsealed(self) -> int:
        return self.entries - self.sealed


@dataclass(frozen=True, slots=True)
class SealRecord:
    """A seal with its members: (entry id, digest) in order."""

    number: int
    previous_hash: str
    chain_hash: str
    members: tuple[tuple[int, str], ...]


def verify() -> Report:
    """Check the current tenant's trail in bounded memory for the entries themselves."""
    records = (as_record(entry) for entry in Entry.objects.order_by("pk").iterator(2_000))
    return check(records, _seals())


def verify_export(lines: TextIO) -> Report:
    """Check an export made by ``audit_export``. Raises ValueError for a line that is not JSON."""
    entries: list[dict[str, Any]] = []
    seals: list[SealRecord] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"Line {number} is not JSON: {error}") from error
        kind = row.pop("kind", None)
        if kind == "entry":
            entries.append(row)
        elif kind == "seal":
            seals.append(
                SealRecord(
                    row["number"],
                    row["previous_hash"],
                    row["chain_hash"],
                    tuple((int(entry_id), digest) for entry_id, digest in row["members"]),
                )
            )
    return check(entries, seals)


def check(entries: Iterable[dict[str, Any]], seals: Iterable[SealRecord]) -> Report:
    """Compare entries with what the seals say about them, and the seals with each other."""
    report = Report()
    seals = list(seals)
    where = {entry_id: seal.number for seal in seals for entry_id, _ in seal.members}
    owner_of_digest = {digest: entry_id for seal in seals for entry_id, digest in seal.members}
    expected = {entry_id: digest for seal in seals for entry_id, digest in seal.members}
    last_sealed = max(expected, default=0)
    seen: set[int] = set()
    for record in entries:
        entry_id = int(record["id"])
        report.entries += 1
        seen.add(entry_id)
        digest = expected.get(entry_id)
        if digest is None:
            continue
        report.sealed += 1
        found = digest_of(record)
        if found == digest:
            continue
        # Content that was sealed under another id, apart from the id itself, was moved.
        origin = _origin(record, owner_of_digest, expected)
        if origin is not None:
            report.findings.append(
                Finding(
                    "reordered",
                    f"Entry {entry_id} now holds what was sealed as entry {origin}.",
                    entry_id,
                    where[entry_id],
                )
            )
        else:
            report.findings.append(
                Finding(
                    "changed",
                    f"Entry {entry_id} is not what was sealed.",
                    entry_id,
                    where[entry_id],
                )
            )
    for entry_id in sorted(expected.keys() - seen):
        report.findings.append(
            Finding("removed", f"Entry {entry_id} is gone.", entry_id, where[entry_id])
        )
    report.findings += _chain_findings(seals, report)
    if last_sealed and report.unsealed:
        late = sum(1 for entry_id in seen if entry_id not in expected and entry_id < last_sealed)
        if late and _sealing_is_over(seals):
            report.findings.append(
                Finding("inserted", f"{late} entries stand between sealed ones without a seal.")
            )
    return report


def _sealing_is_over(seals: list[SealRecord]) -> bool:
    """Two later seals passed an unsealed entry by: it was not merely late to commit."""
    return len(seals) >= 2


def _origin(
    record: dict[str, Any], owner_of_digest: dict[str, int], expected: dict[int, str]
) -> int | None:
    """The id under which this content was sealed, looking near its present place."""
    entry_id = int(record["id"])
    for other in range(max(entry_id - 200, 1), entry_id + 201):
        if other != entry_id and other in expected:
            if digest_of({**record, "id": other}) == expected[other]:
                return other
    return None


def _chain_findings(seals: list[SealRecord], report: Report) -> Iterator[Finding]:
    previous, number = GENESIS, 0
    for seal in sorted(seals, key=lambda seal: seal.number):
        report.seals += 1
        number += 1
        if seal.number != number:
            yield Finding("broken_chain", f"Seal {number} is gone.", seal=number)
            number = seal.number
        elif seal.previous_hash != previous:
            yield Finding(
                "broken_chain", f"Seal {number} does not follow the one before.", seal=number
            )
        if seal.chain_hash != chain(seal.previous_hash, (digest for _, digest in seal.members)):
            yield Finding("broken_chain", f"Seal {number} does not match its entries.", seal=number)
        previous = seal.chain_hash


def _seals() -> Iterator[SealRecord]:
    for seal in Seal.objects.order_by("number"):
        members = SealedEntry.objects.filter(seal=seal).order_by("position")
        yield SealRecord(
            seal.number,
            seal.previous_hash,
            seal.chain_hash,
            tuple(members.values_list("entry_id", "digest")),
        )
