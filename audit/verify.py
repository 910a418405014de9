"""Proving that the trail is whole: from the database, or offline from an export."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TextIO

from audit.models import Entry, Seal, SealedEntry
from audit.seals import GENESIS, as_record, chain, digest_of, header, header_of, one_snapshot

MOST_FINDINGS = 1_000
# Entries that do not match are kept until the end, to see whether they only changed places.
MOST_COMPARED = 300


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
    """What was checked and what was found.

    ``hashes`` (seal number -> chain hash) is what this trail can be recognised by later;
    ``is_part`` says that an export was limited, so that missing entries are no finding.
    """

    entries: int = 0
    sealed: int = 0
    seals: int = 0
    findings: list[Finding] = field(default_factory=list)
    more_findings: int = 0
    hashes: dict[int, str] = field(default_factory=dict)
    is_part: bool = False

    @property
    def is_whole(self) -> bool:
        return not self.findings

    @property
    def unsealed(self) -> int:
        return self.entries - self.sealed

    @property
    def newest_seal(self) -> tuple[int, str] | None:
        return max(self.hashes.items(), default=None)

    def add(self, finding: Finding) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.more_findings += 1


class Sealed(NamedTuple):
    """What a seal says about one entry."""

    entry_id: int
    digest: str
    seal: int


@dataclass(frozen=True, slots=True)
class SealRecord:
    """A seal without its members. ``head`` is what of its own figures went into its hash."""

    number: int
    previous_hash: str
    chain_hash: str
    head: str
    settled_to: int


def verify() -> Report:
    """Check the current tenant's trail as of one instant; entries are streamed."""
    with one_snapshot():
        seals = [
            SealRecord(
                seal.number,
                seal.previous_hash,
                seal.chain_hash,
                header_of(seal),
                seal.settled_to or 0,
            )
            for seal in Seal.objects.order_by("number").iterator()
        ]
        members = SealedEntry.objects.order_by("entry_id")
        rows = members.values_list("entry_id", "digest", "seal__number").iterator(10_000)
        records = (as_record(entry) for entry in Entry.objects.order_by("pk").iterator(2_000))
        checker = _Checker(seals)
        checker.merge(records, (Sealed(*row) for row in rows))
        checker.chain(_digests_by_seal())
    return checker.report


def verify_export(lines: TextIO) -> Report:
    """Check an export made by ``audit_export``, offline. It is read twice, entries line by line.

    Raises ValueError for a line that is not of an export.
    """
    members: dict[int, Sealed] = {}
    digests: list[tuple[int, list[str]]] = []
    seals: list[SealRecord] = []
    is_part = False
    for row in _rows(lines):
        if row["kind"] == "trail":
            is_part = not row["is_whole"]
        elif row["kind"] == "seal":
            seals.append(_seal_record(row))
            for entry_id, digest in row["members"]:
                members[int(entry_id)] = Sealed(int(entry_id), digest, row["number"])
            digests.append((row["number"], [digest for _, digest in row["members"]]))
    seals.sort(key=lambda seal: seal.number)
    checker = _Checker(seals, is_part=is_part)
    lines.seek(0)
    for row in _rows(lines):
        if row.pop("kind") == "entry":
            checker.entry(row, members.pop(int(row["id"]), None))
    for sealed in members.values():
        checker.absent(sealed)
    checker.settle()
    checker.chain(sorted(digests, key=itemgetter(0)))
    return checker.report


def compare(export: Report, kept: Report) -> list[Finding]:
    """Whether a trail still holds every seal of an export of it: that nobody cut its end off, or
    made all of it anew."""
    found = []
    for number, chain_hash in sorted(export.hashes.items()):
        here = kept.hashes.get(number)
        if here is None:
            words = f"Seal {number} of the export is gone from the trail."
            found.append(Finding("removed", words, seal=number))
        elif here != chain_hash:
            words = f"Seal {number} of the export is another one in the trail."
            found.append(Finding("broken_chain", words, seal=number))
    return found[:MOST_FINDINGS]


class _Checker:
    """Compares entries with what the seals say about them, and the seals with each other."""

    def __init__(self, seals: list[SealRecord], *, is_part: bool = False) -> None:
        self.seals = seals
        self.report = Report(is_part=is_part)
        self._settled_to = max((seal.settled_to for seal in seals), default=0)
        # What had come to rest before a seal was made cannot be new in it.
        self._settled_before: dict[int, int] = {}
        settled = 0
        for seal in seals:
            self._settled_before[seal.number] = settled
            settled = max(settled, seal.settled_to)
        self._mismatched: list[tuple[dict[str, Any], Sealed]] = []
        self._absent: list[Sealed] = []

    def merge(self, records: Iterable[dict[str, Any]], members: Iterable[Sealed]) -> None:
        """Both in the order of entry ids."""
        waiting = iter(members)
        sealed = next(waiting, None)
        for record in records:
            while sealed is not None and sealed.entry_id < record["id"]:
                self.absent(sealed)
                sealed = next(waiting, None)
            if sealed is not None and sealed.entry_id == record["id"]:
                self.entry(record, sealed)
                sealed = next(waiting, None)
            else:
                self.entry(record, None)
        while sealed is not None:
            self.absent(sealed)
            sealed = next(waiting, None)
        self.settle()

    def entry(self, record: dict[str, Any], sealed: Sealed | None) -> None:
        self.report.entries += 1
        entry_id = int(record["id"])
        if sealed is None:
            if entry_id <= self._settled_to and not self.report.is_part:
                self._inserted(entry_id, "stands among sealed entries without a seal")
            return
        self.report.sealed += 1
        if entry_id <= self._settled_before.get(sealed.seal, 0):
            self._inserted(entry_id, f"was sealed by seal {sealed.seal}, long after its place")
        if digest_of(record) != sealed.digest:
            if len(self._mismatched) < MOST_COMPARED:
                self._mismatched.append((record, sealed))
            else:
                self._changed(sealed)

    def absent(self, sealed: Sealed) -> None:
        """The seals know an entry that is not there."""
        if self.report.is_part:
            return
        if len(self._absent) < MOST_COMPARED:
            self._absent.append(sealed)
        self.report.add(
            Finding("removed", f"Entry {sealed.entry_id} is gone.", sealed.entry_id, sealed.seal)
        )

    def settle(self) -> None:
        """Tell entries that only changed places from those that say something else."""
        places = {sealed.digest: sealed.entry_id for _, sealed in self._mismatched}
        places |= {sealed.digest: sealed.entry_id for sealed in self._absent}
        for record, sealed in self._mismatched:
            # The digest covers the id, so that content is tried under each id it may have had.
            origin = next(
                (
                    entry_id
                    for digest, entry_id in places.items()
                    if digest_of({**record, "id": entry_id}) == digest
                ),
                None,
            )
            if origin is None:
                self._changed(sealed)
                continue
            words = f"Entry {sealed.entry_id} now holds what was sealed as entry {origin}."
            self.report.add(Finding("reordered", words, sealed.entry_id, sealed.seal))

    def chain(self, digests_by_seal: Iterable[tuple[int, Iterable[str]]]) -> None:
        """Both the seals and the digests of their members are in the order of seal numbers."""
        previous, number = GENESIS, 0
        members = iter(digests_by_seal)
        waiting = next(members, None)
        for seal in self.seals:
            self.report.seals += 1
            self.report.hashes[seal.number] = seal.chain_hash
            number += 1
            if seal.number != number:
                if not self.report.is_part:
                    self._broken(number, f"Seal {number} is gone.")
                number = seal.number
            elif seal.previous_hash != previous:
                self._broken(number, f"Seal {number} does not follow the one before.")
            while waiting is not None and waiting[0] < seal.number:
                waiting = next(members, None)
            digests: Iterable[str] = ()
            if waiting is not None and waiting[0] == seal.number:
                digests = waiting[1]
            if seal.chain_hash != chain(seal.previous_hash, seal.head, digests):
                self._broken(number, f"Seal {number} does not match its entries.")
            previous = seal.chain_hash

    def _inserted(self, entry_id: int, what: str) -> None:
        self.report.add(Finding("inserted", f"Entry {entry_id} {what}.", entry_id))

    def _changed(self, sealed: Sealed) -> None:
        words = f"Entry {sealed.entry_id} is not what was sealed."
        self.report.add(Finding("changed", words, sealed.entry_id, sealed.seal))

    def _broken(self, seal: int, words: str) -> None:
        self.report.add(Finding("broken_chain", words, seal=seal))


def _digests_by_seal() -> Iterator[tuple[int, Iterator[str]]]:
    rows = (
        SealedEntry.objects.order_by("seal__number", "position")
        .values_list("seal__number", "digest")
        .iterator(10_000)
    )
    for number, group in groupby(rows, key=itemgetter(0)):
        yield number, (digest for _, digest in group)


def _rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            kind = row["kind"]
            if kind == "entry":
                int(row["id"])
            elif kind == "seal":
                _seal_record(row)
                dict(row["members"])
            elif kind == "trail":
                bool(row["is_whole"])
            else:
                raise ValueError(f"kind “{kind}” is not known")
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"Line {number} is not a line of an export: {error}") from error
        yield row


def _seal_record(row: dict[str, Any]) -> SealRecord:
    members, settled_to = row["members"], row.get("settled_to")
    return SealRecord(
        number=int(row["number"]),
        previous_hash=row["previous_hash"],
        chain_hash=row["chain_hash"],
        head=header(
            number=row["number"],
            at=datetime.fromisoformat(row["at"]),
            count=row.get("count", len(members)),
            first=row.get("first", 0),
            last=row.get("last", 0),
            settled_to=settled_to,
        ),
        settled_to=settled_to or 0,
    )
