"""Customers kept in agreement between store and ERP, in one direction or both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Page
from connectors.records import Party, RowResult
from sync import party_rules, row_transfers
from sync.models import Flow, Hold, PartyPair, State
from sync.party_rules import ERP, FIELDS, LABELS, STORE, Merge
from sync.pipelines.desk import Desk, Tally
from sync.transfers import Settlement

OVERLAP = timedelta(minutes=5)


@dataclass(slots=True)
class Parties:
    """A changed customer of either side, looked up on the other, compared and written.

    The rows of a page are (side, party). What we wrote ourselves comes back as a change that
    equals what was agreed: it ends there.
    """

    desk: Desk
    flow: Flow = Flow.CUSTOMERS

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        """First the ERP's changes, then the store's. Marker and resume are JSON, a part a side."""
        marks = json.loads(marker or "{}")
        at = json.loads(resume or "{}")
        begun = timezone.now()
        both = self.desk.settings["customers_flow"] == "both"
        erp_mark = at.get("erp_mark", marks.get(ERP, ""))
        if at.get("side", ERP) == ERP:
            pages = self.desk.erp.changed_parties(
                since=marks.get(ERP, ""), resume=at.get("resume", "")
            )
            for page in pages:
                rows = tuple((ERP, row) for row in page.rows)
                erp_mark = page.marker or erp_mark
                if page.resume:
                    yield Page(rows=rows, resume=json.dumps({"side": ERP, "resume": page.resume}))
                elif both:
                    yield Page(rows=rows, resume=json.dumps({"side": STORE, "erp_mark": erp_mark}))
                else:
                    yield Page(rows=rows, marker=json.dumps({ERP: erp_mark}))
            at = {}
        if not both:
            return
        since = marks.get(STORE, "")
        done = json.dumps({ERP: erp_mark, STORE: begun.isoformat()})
        after = datetime.fromisoformat(since) - OVERLAP if since else None
        for page in self.desk.store.changed_parties(since=after, resume=at.get("resume", "")):
            rows = tuple((STORE, row) for row in page.rows)
            again = {"side": STORE, "resume": page.resume, "erp_mark": erp_mark}
            resume = json.dumps(again) if page.resume else ""
            yield Page(rows=rows, resume=resume, marker=done)

    def page(self, rows: Sequence[tuple[str, Party]]) -> Tally:
        tally = Tally(seen=len(rows))
        for side, party in rows:
            for result in self._agree(side, party):
                tally.written += result.is_taken
                tally.refused += bool(result.error)
        return tally

    def _agree(self, side: str, party: Party) -> Iterator[RowResult]:
        desk = self.desk
        if not party.email or party.is_blocked:
            return
        column = "erp_record_id" if side == ERP else "store_record_id"
        pair = PartyPair.objects.filter(route=desk.route, **{column: party.external_id}).first()
        if pair is not None and self._facts(party) == pair.facts:
            return  # our own writing, or a change of something else
        erp, store = self._both(side, party, pair)
        if erp is None:
            return  # a shopper becomes a customer of the ERP with the first order
        if store is None:
            if desk.settings["customers_create"] == "yes":
                yield self._create(erp)
            return
        base = pair.facts if pair is not None else None
        merge = party_rules.merge(base, self._facts(erp), self._facts(store), owners=self._owners())
        if merge.conflicts:
            self._conflict(erp, store, merge)
            return
        if merge.to_store:
            (result,) = desk.store.write_parties([party_rules.taking(store, erp, merge.to_store)])
            if not self._taken(result, erp, "store", merge.to_store):
                yield result
                return
            yield result
        if merge.to_erp:
            result = desk.erp.write_party(party_rules.taking(erp, store, merge.to_erp))
            if not self._taken(result, erp, "ERP", merge.to_erp):
                yield result
                return
            yield result
        agreed = party_rules.taking(erp, store, merge.to_erp)
        self._remember(agreed, store)

    def _both(
        self, side: str, party: Party, pair: PartyPair | None
    ) -> tuple[Party | None, Party | None]:
        desk = self.desk
        if side == ERP:
            return party, desk.store.find_party(party.email)
        if pair is not None:
            return desk.erp.find_party(pair.erp_number), party
        found = desk.erp.find_customers(party.email)
        if len(found) != 1:
            return None, party
        return desk.erp.find_party(found[0].number), party

    def _facts(self, party: Party) -> dict[str, str]:
        """Only what both systems have a place for."""
        names = self.desk.store.party_fields & self.desk.erp.party_fields
        return {name: text for name, text in party_rules.facts(party).items() if name in names}

    def _owners(self) -> dict[str, str]:
        settings = self.desk.settings
        if settings["customers_flow"] != "both":
            return dict.fromkeys(FIELDS, ERP)
        return {name: settings[f"customer_owner_{name}"] for name in FIELDS}

    def _create(self, erp: Party) -> RowResult:
        (result,) = self.desk.store.write_parties([replace(erp, external_id="")])
        if self._taken(result, erp, "store", frozenset(FIELDS)):
            self._remember(erp, replace(erp, external_id=result.external_id))
        return result

    def _remember(self, erp: Party, store: Party) -> None:
        PartyPair.objects.filter(route=self.desk.route, store_record_id=store.external_id).exclude(
            erp_record_id=erp.external_id
        ).delete()
        PartyPair.objects.update_or_create(
            route=self.desk.route,
            erp_record_id=erp.external_id,
            defaults={
                "erp_number": erp.number,
                "store_record_id": store.external_id,
                "facts": self._facts(erp),
                "agreed_at": timezone.now(),
            },
        )
        row_transfers.settle_taken(self.desk.route, self.flow, [erp.number])

    def _taken(self, result: RowResult, erp: Party, where: str, names: frozenset[str]) -> bool:
        words = ", ".join(LABELS[name].lower() for name in FIELDS if name in names)
        if result.is_taken:
            audit.record(
                Action.CUSTOMER_AGREED,
                f"Customer {erp.number}: {words} written to the {where}.",
                route_id=self.desk.route.pk,
                data={"customer": erp.number, "fields": sorted(names)},
            )
            return True
        if result.error:
            row_transfers.tell(
                self.desk.route,
                self.flow,
                erp.number,
                Settlement(
                    state=State.FAILED,
                    reason=f"The {where} refused the change of customer {erp.number}. "
                    f"{result.error}",
                    advice="Correct the customer, then let the flow run again.",
                    vendor_words=result.vendor_words,
                    action=Action.ROW_REFUSED,
                ),
            )
        return False

    def _conflict(self, erp: Party, store: Party, merge: Merge) -> None:
        row_transfers.tell(
            self.desk.route,
            self.flow,
            erp.number,
            Settlement(
                state=State.HELD,
                hold=Hold.CUSTOMER_CONFLICT,
                reason=f"Customer {erp.number} was changed in the store and in the ERP, and "
                "differently: " + ", ".join(LABELS[name].lower() for name in merge.conflicts) + ".",
                advice="Bring both sides into agreement by hand, or give the field an owner in the "
                "route's settings. The next run goes on.",
                action=Action.HELD,
            ),
            record={
                "conflict": [
                    {"what": LABELS[name], "erp": here, "store": there}
                    for name, (here, there) in merge.conflicts.items()
                ]
            },
        )
