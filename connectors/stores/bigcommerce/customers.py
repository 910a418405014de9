"""Customers read and written: ten rows a write, addresses and payment terms after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.contract import Page
from connectors.errors import OutcomeUnknown, Rejected, TryLater
from connectors.records import Party, RowResult
from connectors.stores.bigcommerce import parties
from connectors.stores.bigcommerce.batches import chunks, send
from connectors.stores.bigcommerce.client import PAGE, Client
from connectors.stores.bigcommerce.goods import to_instant

CUSTOMERS = "/v3/customers"
ADDRESSES = "/v3/customers/addresses"
ATTRIBUTES = "/v3/customers/attributes"
VALUES = "/v3/customers/attribute-values"
BATCH = 10
EMAILS_AT_ONCE = 40
ADDRESSES_SHOWN = 10  # with a customer; the others must be asked for
# A change becomes visible a little after the second that it bears.
OVERLAP = timedelta(minutes=2)
SECOND = timedelta(seconds=1)


class CustomerDesk:
    """``terms_attribute`` is the name of the customer attribute that keeps payment terms."""

    def __init__(self, client: Client, terms_attribute: str) -> None:
        self.client = client
        self.terms_attribute = terms_attribute
        self._terms_id: str | None = None

    # Reading

    def changed(self, since: datetime | None, resume: str = "") -> Iterator[Page]:
        """By the time of their change. Each page begins at the last instant of the one before, so
        that nothing is left out when customers change meanwhile; only where a whole page changed
        in one instant (an import) the next number of the same beginning is asked for. ``resume``
        is that instant and number, ``marker`` the last change seen."""
        begin, number = _resumed(resume) if resume else (_begin(since), 1)
        seen: set[tuple[Any, Any]] = set()
        marker = since.isoformat() if since else ""
        while True:
            asked = {
                "sort": "date_modified:asc",
                "include": "addresses,attributes",
                "page": str(number),
                "limit": str(PAGE),
            }
            if begin is not None:
                asked["date_modified:min"] = begin.strftime("%Y-%m-%dT%H:%M:%SZ")
            rows, _ = self.client.page(CUSTOMERS, asked, "look for changed customers")
            fresh = [row for row in rows if _version(row) not in seen]
            seen = {_version(row) for row in rows} | (seen if number > 1 else set())
            is_last = len(rows) < PAGE
            found = self._to_parties(fresh)
            changed = [party.modified_at for party in found if party.modified_at]
            if changed:
                marker = max(changed).isoformat()
                next_begin = max(changed) - SECOND
                if begin is None or next_begin > begin:
                    begin, number = next_begin, 1
                else:
                    number += 1
            elif not is_last:
                number += 1
            if found or is_last:
                yield Page(
                    rows=tuple(found),
                    resume="" if is_last or begin is None else f"{begin.isoformat()}#{number}",
                    marker=marker,
                )
            if is_last:
                return

    def find(self, email: str) -> Party | None:
        rows, _ = self.client.page(
            CUSTOMERS,
            {"email:in": email.strip(), "include": "addresses,attributes"},
            "find a customer by e-mail",
        )
        same = [row for row in rows if _same_email(str(row.get("email") or ""), email)]
        return next(iter(self._to_parties(same)), None)

    def fetch(self, external_id: str) -> Party | None:
        rows, _ = self.client.page(
            CUSTOMERS,
            {"id:in": external_id, "include": "addresses,attributes"},
            "read a customer",
        )
        same = [row for row in rows if str(row.get("id")) == external_id]
        return next(iter(self._to_parties(same)), None)

    def _to_parties(self, rows: Sequence[Mapping[str, Any]]) -> list[Party]:
        if not rows:
            return []
        terms_id = self._find_terms_id()
        more = [
            str(row["id"])
            for row in rows
            if int(row.get("address_count") or 0) > len(row.get("addresses") or ())
        ]
        books = self._addresses(more)
        return [
            parties.to_party(row, books.get(str(row["id"])) or row.get("addresses") or (), terms_id)
            for row in rows
        ]

    def _addresses(self, customer_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        """Whole address books, oldest address first."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for part in chunks(customer_ids, EMAILS_AT_ONCE):
            rows = self.client.every(
                ADDRESSES, {"customer_id:in": ",".join(part)}, "read addresses"
            )
            for row in sorted(rows, key=lambda row: int(row["id"])):
                found.setdefault(str(row["customer_id"]), []).append(row)
        return found

    def _find_terms_id(self) -> str:
        if self._terms_id is None:
            rows, _ = self.client.page(
                ATTRIBUTES, {"name": self.terms_attribute}, "find the payment terms' attribute"
            )
            self._terms_id = next(
                (str(row["id"]) for row in rows if row.get("name") == self.terms_attribute), ""
            )
        return self._terms_id

    # Writing

    def write(self, wanted: Sequence[Party]) -> tuple[RowResult, ...]:
        """One result a party, in their order; its key is the e-mail address. A new customer whose
        e-mail address the store has already is that customer."""
        known = self._ids_of([party.email for party in wanted if not party.external_id])
        rows = [
            party
            if party.external_id
            else replace(party, external_id=known.get(party.email.strip().lower(), ""))
            for party in wanted
        ]
        results: dict[int, RowResult] = {}
        for is_new, method, purpose in (
            (True, "POST", "create customers"),
            (False, "PUT", "write customers"),
        ):
            places = [at for at, party in enumerate(rows) if (not party.external_id) is is_new]

            def put(
                batch: Sequence[Party], method: str = method, purpose: str = purpose
            ) -> Mapping[int, str]:
                body = [_body(party) for party in batch]
                return _ids(batch, self.client.write(method, CUSTOMERS, body, purpose))

            sent = send(
                [rows[at] for at in places],
                size=BATCH,
                key=_key,
                write=put,
                has_begun=bool(results),
            )
            results |= dict(zip(places, sent, strict=True))
        self._write_rest(rows, results)
        return tuple(results[at] for at in range(len(rows)))

    def _ids_of(self, emails: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in chunks([email.strip() for email in emails if email.strip()], EMAILS_AT_ONCE):
            rows, _ = self.client.page(
                CUSTOMERS,
                {"email:in": ",".join(part), "limit": str(PAGE)},
                "find customers by e-mail",
            )
            found |= {str(row["email"]).strip().lower(): str(row["id"]) for row in rows}
        return found

    def _write_rest(self, rows: Sequence[Party], results: dict[int, RowResult]) -> None:
        """Payment terms and addresses of the customers that were taken. What the vendor refuses
        here is the customer's refusal; what was not reached comes again as a whole."""
        taken = [at for at, result in results.items() if result.is_taken and result.external_id]
        for part in chunks(taken, BATCH):
            try:
                faults = self._write_terms({at: rows[at] for at in part}, results)
                faults |= self._write_addresses({at: rows[at] for at in part}, results)
            except (TryLater, OutcomeUnknown):
                for at in part:
                    results[at] = replace(results[at], again=True)
                continue
            for at, error in faults.items():
                results[at] = replace(
                    results[at], error=error.reason, vendor_words=error.vendor_words
                )

    def _write_terms(
        self, part: Mapping[int, Party], results: Mapping[int, RowResult]
    ) -> dict[int, Rejected]:
        values = [
            (at, results[at].external_id, party.payment_terms)
            for at, party in part.items()
            if party.payment_terms
        ]
        if not values:
            return {}
        terms_id = self._find_terms_id() or self._make_attribute()
        body = [
            {"attribute_id": int(terms_id), "customer_id": int(key), "value": value}
            for _, key, value in values
        ]
        return self._each("PUT", VALUES, [at for at, _, _ in values], body, "write payment terms")

    def _make_attribute(self) -> str:
        """The control panel has no page for customer attributes: they are made through the API."""
        body = [{"name": self.terms_attribute, "type": "string"}]
        rows = self.client.write("POST", ATTRIBUTES, body, "make the payment terms' attribute")
        self._terms_id = str(rows[0]["id"]) if rows else None
        return self._terms_id or self._find_terms_id()

    def _write_addresses(
        self, part: Mapping[int, Party], results: Mapping[int, RowResult]
    ) -> dict[int, Rejected]:
        with_some = {at: party for at, party in part.items() if party.addresses}
        books = self._addresses([results[at].external_id for at in with_some])
        faults: dict[int, Rejected] = {}
        changed: list[tuple[int, dict[str, Any]]] = []
        added: list[tuple[int, dict[str, Any]]] = []
        for at, party in with_some.items():
            lacks = next(filter(None, map(parties.address_lacks, party.addresses)), "")
            if lacks:
                faults[at] = Rejected(f"{_key(party)}: {lacks}", reason=lacks)
                continue
            customer_id = results[at].external_id
            wanted = [parties.address(address, party) for address in party.addresses]
            moves, new = parties.address_moves(books.get(customer_id, ()), wanted)
            changed += [(at, row) for row in moves]
            added += [(at, {**row, "customer_id": int(customer_id)}) for row in new]
        for method, rows in (("PUT", changed), ("POST", added)):
            for batch in chunks(rows, BATCH):
                places = [at for at, _ in batch]
                body = [row for _, row in batch]
                faults |= self._each(method, ADDRESSES, places, body, "write addresses")
        return faults

    def _each(
        self,
        method: str,
        path: str,
        places: Sequence[int],
        body: Sequence[Mapping[str, Any]],
        purpose: str,
    ) -> dict[int, Rejected]:
        """All rows at once; if that is refused, each alone. The refusals by place."""
        try:
            self.client.write(method, path, list(body), purpose)
        except Rejected as error:
            if len(body) == 1:
                return {places[0]: error}
            faults: dict[int, Rejected] = {}
            for at, row in zip(places, body, strict=True):
                faults |= self._each(method, path, [at], [row], purpose)
            return faults
        return {}


def _body(party: Party) -> dict[str, Any]:
    if party.external_id:
        return {"id": int(party.external_id), **parties.customer(party)}
    return parties.new_customer(party)


def _ids(batch: Sequence[Party], rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    by_email = {str(row.get("email") or "").strip().lower(): str(row.get("id")) for row in rows}
    return {
        at: party.external_id or by_email.get(party.email.strip().lower(), "")
        for at, party in enumerate(batch)
    }


def _key(party: Party) -> str:
    return party.email or party.external_id


def _version(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row.get("id"), row.get("date_modified")


def _same_email(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _begin(since: datetime | None) -> datetime | None:
    return since.astimezone(UTC).replace(microsecond=0) - OVERLAP if since else None


def _resumed(resume: str) -> tuple[datetime, int]:
    instant, _, number = resume.partition("#")
    return to_instant(instant), int(number or 1)
