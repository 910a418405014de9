"""Customers read and written, one at a time: PUT replaces a customer whole, so each is read, merged
and written, and left alone where nothing would change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.contract import Page
from connectors.errors import OutcomeUnknown, Rejected, TryLater
from connectors.kit.reader import Reader
from connectors.records import Party, RowResult
from connectors.stores.adobe_commerce import parties
from connectors.stores.adobe_commerce.amounts import to_text
from connectors.stores.adobe_commerce.batches import refused
from connectors.stores.adobe_commerce.client import Client, Json
from connectors.stores.adobe_commerce.signing import Filter
from connectors.stores.adobe_commerce.structure import Structure

SEARCH = "customers/search"
# A change is seen when its transaction ends, a little after the second that it bears.
OVERLAP = timedelta(minutes=2)
WHOLE = "all"  # begins the resume text of a reading of everyone


class CustomerDesk:
    def __init__(self, client: Client, structure: Structure) -> None:
        self.client, self.structure = client, structure

    # Reading

    def changed(self, since: datetime | None, resume: str = "") -> Iterator[Page]:
        """Everyone by id, or those changed since by the second of their change. ``resume`` says
        which of the two and where; ``marker`` is the last change seen."""
        if since is None or resume.startswith(f"{WHOLE}#"):
            yield from self._everyone(int(resume.partition("#")[2] or 0))
        else:
            yield from self._since(to_text(since - OVERLAP), resume)

    def _everyone(self, after: int) -> Iterator[Page]:
        marker = ""
        while True:
            rows, whole = self.client.page(
                SEARCH,
                [("entity_id", "gt", str(after)), *self._of_websites()],
                purpose="read the customers",
            )
            ids = [Reader(row, "customers[]").integer("id") for row in rows]
            fresh = [number for number in ids if number > after]
            marker = max([marker, *(str(row.get("updated_at") or "") for row in rows)])
            is_last = not fresh or len(rows) >= whole
            yield Page(
                rows=tuple(parties.to_party(row) for row in rows),
                resume="" if is_last else f"{WHOLE}#{max(fresh)}",
                marker=marker,
            )
            if is_last:
                return
            after = max(fresh)

    def _since(self, since: str, resume: str) -> Iterator[Page]:
        """A page number shifts while customers change, so each page begins at the last second
        seen; only where a whole page changed within one second is the next number of the same
        beginning asked for."""
        begin, _, text = resume.partition("#")
        begin, number = begin or since, int(text or 1)
        seen: set[tuple[str, str]] = set()
        while True:
            rows, whole = self.client.page(
                SEARCH,
                [("updated_at", "gteq", begin), *self._of_websites()],
                sort=("updated_at", "entity_id"),
                number=number,
                purpose="look for changed customers",
            )
            fresh = [row for row in rows if _version(row) not in seen]
            is_last = (
                not rows
                or number * self.client.page_size >= whole
                or (number > 1 and bool(seen) and not fresh)
            )
            seen = {_version(row) for row in rows} | (seen if number > 1 else set())
            last = str(rows[-1].get("updated_at") or "") if rows else begin
            if last > begin:
                begin, number = last, 1
            else:
                number += 1
            yield Page(
                rows=tuple(parties.to_party(row) for row in fresh),
                resume="" if is_last else f"{begin}#{number}",
                marker=last,
            )
            if is_last:
                return

    def find(self, email: str) -> Party | None:
        row = self._find(email)
        return None if row is None else parties.to_party(row)

    def fetch(self, external_id: str) -> Party | None:
        row = self._read(external_id)
        return None if row is None else parties.to_party(row)

    def _find(self, email: str) -> Json | None:
        """An address is unique in a website only: of several, the one of our own website."""
        rows, _ = self.client.page(
            SEARCH,
            [("email", "eq", email.strip()), *self._of_websites()],
            purpose="find a customer by e-mail",
        )
        wanted = email.strip().casefold()
        same = [row for row in rows if str(row.get("email") or "").strip().casefold() == wanted]
        if len(same) < 2:
            return next(iter(same), None)
        home = self.structure.home_website()
        return next((row for row in same if row.get("website_id") == home), same[0])

    def _of_websites(self) -> list[Filter]:
        websites = self.structure.websites()
        return [("website_id", "in", ",".join(map(str, websites)))] if websites else []

    # Writing

    def write(self, wanted: Sequence[Party]) -> tuple[RowResult, ...]:
        """One result a party, in their order; its key is the e-mail address. A new customer whose
        e-mail address the store has already is that customer."""
        results: list[RowResult] = []
        for party in wanted:
            try:
                results.append(self._write(party))
            except Rejected as error:
                results.append(refused(party.email, error))
            except OutcomeUnknown:
                break
            except TryLater:
                if not results:
                    raise
                break
        left = wanted[len(results) :]
        return (*results, *(RowResult(key=party.email, again=True) for party in left))

    def _write(self, party: Party) -> RowResult:
        known = self._read(party.external_id) if party.external_id else self._find(party.email)
        words = parties.unfit(party, known)
        if words:
            return RowResult(key=party.email, error=words)
        if known is None:
            if party.external_id:
                return RowResult(
                    key=party.email, error="The store does not have this customer any more."
                )
            return self._create(party)
        external_id = str(Reader(known, "customer").integer("id"))
        body = parties.merged(known, party, self.structure.region)
        if body != known:
            self.client.request(
                "PUT",
                f"customers/{external_id}",
                body={"customer": body},
                purpose="write a customer",
            )
        return RowResult(key=party.email, external_id=external_id)

    def _create(self, party: Party) -> RowResult:
        body: Mapping[str, Any] = parties.new_customer(
            party, self.structure.home_website(), self.structure.region
        )
        reply = self.client.request(
            "POST", "customers", body={"customer": body}, purpose="create a customer"
        )
        made = Reader(reply.json(), "customer").integer("id")
        return RowResult(key=party.email, external_id=str(made))

    def _read(self, external_id: str) -> Json | None:
        try:
            reply = self.client.request(
                "GET", f"customers/{external_id}", purpose="read a customer"
            )
        except Rejected as error:
            if error.code != "not_found":
                raise
            return None
        row = reply.json()
        return row if isinstance(row, Mapping) else None


def _version(row: Json) -> tuple[str, str]:
    return str(row.get("id")), str(row.get("updated_at") or "")
