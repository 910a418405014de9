"""Customers kept in agreement between store and ERP, in one direction or both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Page
from connectors.errors import TryLater
from connectors.records import Party, RowResult
from sync import party_rules, row_transfers, transfers
from sync.models import Flow, Hold, PartyPair, State
from sync.party_rules import ERP, FIELDS, LABELS, STORE, Agreed, Merge
from sync.pipelines import party_match
from sync.pipelines.desk import Desk, Tally
from sync.pipelines.party_match import Both
from sync.transfers import Lease, Settlement

OVERLAP = timedelta(minutes=5)
TOLD = "told"
# Customers that people were told of and that each run looks at again, those of longest ago first.
TOLD_A_RUN = 50


@dataclass(slots=True)
class Outcome:
    """What became of one customer. ``words`` is what people must know, of the customers ``numbers``
    of the ERP; without them both sides agree, or it is no concern of this flow."""

    number: str = ""
    written: int = 0
    words: Settlement | None = None
    numbers: Sequence[str] = ()
    email: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    only_if_open: bool = False  # no news of a customer that nobody was told of
    not_reached: bool = False
    is_agreed: bool = False


@dataclass(slots=True)
class Parties:
    """A changed customer of either side, looked up on the other, compared and written.

    The rows of a page are (side, party), or (TOLD, number) for a customer that people were told of
    and whose cause may be over. What we wrote ourselves comes back as a change that equals what was
    agreed: it ends there.
    """

    desk: Desk
    flow: Flow = Flow.CUSTOMERS

    def reading(self, marker: str, resume: str) -> Iterator[Page]:
        """First the ERP's changes, then the store's, then those that people were told of before.
        Marker and resume are JSON."""
        marks = json.loads(marker or "{}")
        at = {
            "side": ERP,
            "begun": timezone.now().isoformat(),
            "erp_mark": marks.get(ERP, ""),
            "resume": "",
            **json.loads(resume or "{}"),
        }
        both = self.desk.settings["customers_flow"] == "both"
        if at["side"] == ERP:
            for page in self.desk.erp.changed_parties(
                since=marks.get(ERP, ""), resume=at["resume"]
            ):
                at["erp_mark"] = page.marker or at["erp_mark"]
                yield _step(page, at, ERP, following=STORE if both else TOLD)
            at |= {"side": STORE if both else TOLD, "resume": ""}
        if at["side"] == STORE:
            since = marks.get(STORE, "")
            after = datetime.fromisoformat(since) - OVERLAP if since else None
            for page in self.desk.store.changed_parties(since=after, resume=at["resume"]):
                yield _step(page, at, STORE, following=TOLD)
        seen = {STORE: at["begun"]} if both else {}
        yield Page(
            rows=tuple(
                (TOLD, number)
                for number in row_transfers.told_before(
                    self.desk.route, self.flow, datetime.fromisoformat(at["begun"]), TOLD_A_RUN
                )
            ),
            marker=json.dumps({ERP: at["erp_mark"], **seen}),
        )

    def page(self, rows: Sequence[tuple[str, Any]]) -> Tally:
        """Raises TryLater if some customers were not reached: the page is read again then."""
        tally, not_reached = Tally(seen=len(rows)), 0
        for side, row in rows:
            outcome = self.look(row) if side == TOLD else self._agree(side, row)
            tally.written += outcome.written
            tally.refused += outcome.words is not None and outcome.words.state == State.FAILED
            not_reached += outcome.not_reached
            self._tell(outcome)
        if not_reached:
            raise TryLater(f"{self.flow.value}: {not_reached} customers were not reached")
        return tally

    def look(self, number: str, record: Mapping[str, Any] | None = None) -> Outcome:
        """A customer of the ERP as both sides have it now. ``record`` is what a person saw and
        decided on, if it was a person."""
        erp = self.desk.erp.find_party(number)
        if erp is None:
            PartyPair.objects.filter(route=self.desk.route, erp_number=number).delete()
            return Outcome(number, words=party_match.gone_from_erp(number), numbers=[number])
        return self._agree(ERP, erp, seen=record or {}, always=True)

    def _agree(
        self,
        side: str,
        party: Party,
        *,
        seen: Mapping[str, Any] | None = None,
        always: bool = False,
    ) -> Outcome:
        desk = self.desk
        pair = party_match.pair_of(desk, side, party.external_id)
        if pair is None and not party.email:
            return Outcome()
        if pair is not None and not always:
            base = Agreed.read(pair.facts)
            held = base.erp if side == ERP else base.store
            if self._facts(party) == held and not self._is_told(pair.erp_number):
                return Outcome()  # our own writing, or a change of something else
        if party.is_blocked:
            return _blocked(party, only_if_open=not always)
        if side == ERP:
            both = party_match.of_erp(desk, party, missed=(seen or {}).get(party_match.GONE, ""))
        else:
            both = party_match.of_store(desk, party)
        return self._settle(both, seen or {})

    def _settle(self, both: Both, seen: Mapping[str, Any]) -> Outcome:
        erp, store = both.erp, both.store
        if both.words is not None:
            record = {party_match.GONE: both.gone} if both.gone else {}
            return Outcome(words=both.words, numbers=both.numbers, email=both.email, record=record)
        if erp is None:
            return Outcome()  # a shopper becomes a customer of the ERP with the first order
        if erp.is_blocked:
            return _blocked(erp)
        if store is None:
            if self.desk.settings["customers_create"] == "yes":
                return self._create(erp)
            words = party_match.not_made(erp.number)
            return Outcome(erp.number, words=words, numbers=[erp.number], only_if_open=True)
        base = Agreed.read(both.pair.facts) if both.pair is not None else None
        sides = self._facts(erp), self._facts(store)
        merge = party_rules.merge(base, *sides, owners=self._owners())
        if merge.conflicts and seen.get("side") and seen.get("conflict") == _shown(merge):
            chosen = dict.fromkeys(merge.conflicts, str(seen["side"]))
            merge = party_rules.merge(base, *sides, owners={**self._owners(), **chosen})
        if merge.conflicts:
            return self._conflict(erp, merge)
        return self._write(erp, store, merge)

    def _create(self, erp: Party) -> Outcome:
        done = Outcome(erp.number)
        (result,) = self.desk.store.write_parties([replace(erp, external_id="")])
        if self._taken(result, done, "store", frozenset(FIELDS)):
            made = self.desk.store.fetch_party(result.external_id)
            facts = self._facts(erp)
            self._remember(erp, result.external_id, facts, self._facts(made) if made else facts)
            done.is_agreed = True
        return done

    def _write(self, erp: Party, store: Party, merge: Merge) -> Outcome:
        """Both sides' fields. What was written is read back: a side that shortens a text must not
        bring it to the other as a change of its own."""
        desk, done = self.desk, Outcome(erp.number)
        here, there = self._facts(erp), self._facts(store)
        if merge.to_store:
            (result,) = desk.store.write_parties([party_rules.taking(store, erp, merge.to_store)])
            if not self._taken(result, done, "store", merge.to_store):
                return done
            kept = self._facts(desk.store.fetch_party(store.external_id) or erp)
            there |= {name: kept[name] for name in merge.to_store}
        if merge.to_erp:
            result = desk.erp.write_party(party_rules.taking(erp, store, merge.to_erp))
            if not self._taken(result, done, "ERP", merge.to_erp):
                return done
            kept = self._facts(desk.erp.find_party(erp.number) or store)
            here |= {name: kept[name] for name in merge.to_erp}
        self._remember(erp, store.external_id, here, there)
        done.is_agreed = True
        return done

    def _facts(self, party: Party) -> dict[str, str]:
        """Only what both systems have a place for."""
        names = self.desk.store.party_fields & self.desk.erp.party_fields
        return {name: text for name, text in party_rules.facts(party).items() if name in names}

    def _owners(self) -> dict[str, str]:
        settings = self.desk.settings
        if settings["customers_flow"] != "both":
            return dict.fromkeys(FIELDS, ERP)
        return {name: settings[f"customer_owner_{name}"] for name in FIELDS}

    def _is_told(self, number: str) -> bool:
        return row_transfers.is_open(self.desk.route, self.flow, number)

    def _remember(
        self, erp: Party, store_id: str, here: Mapping[str, str], there: Mapping[str, str]
    ) -> None:
        PartyPair.objects.filter(route=self.desk.route, store_record_id=store_id).exclude(
            erp_record_id=erp.external_id
        ).delete()
        PartyPair.objects.update_or_create(
            route=self.desk.route,
            erp_record_id=erp.external_id,
            defaults={
                "erp_number": erp.number,
                "store_record_id": store_id,
                "facts": Agreed(here, there).dump(),
                "agreed_at": timezone.now(),
            },
        )

    def _taken(self, result: RowResult, done: Outcome, where: str, names: frozenset[str]) -> bool:
        """Whether a side took its fields; what became of them is noted in ``done``."""
        if result.again:
            done.not_reached = True
        elif result.error:
            done.numbers = [done.number]
            done.words = Settlement(
                state=State.FAILED,
                reason=f"The {where} refused the change of customer {done.number}. {result.error}",
                advice="Correct the customer, or what stands in its way. The next run tries it "
                "again, and a release at once.",
                vendor_words=result.vendor_words,
                action=Action.ROW_REFUSED,
            )
        else:
            done.written += 1
            words = ", ".join(LABELS[name].lower() for name in FIELDS if name in names)
            audit.record(
                Action.CUSTOMER_AGREED,
                f"Customer {done.number}: {words} written to the {where}.",
                route_id=self.desk.route.pk,
                data={"customer": done.number, "fields": sorted(names)},
            )
        return result.is_taken

    def _conflict(self, erp: Party, merge: Merge) -> Outcome:
        return Outcome(
            erp.number,
            numbers=[erp.number],
            words=Settlement(
                state=State.HELD,
                hold=Hold.CUSTOMER_CONFLICT,
                reason=f"Customer {erp.number} was changed in the store and in the ERP, and "
                "differently: " + ", ".join(LABELS[name].lower() for name in merge.conflicts) + ".",
                advice="Choose a side, bring both into agreement by hand, or give the field an "
                "owner in the route's settings. The next run goes on, and a release at once.",
                action=Action.HELD,
            ),
            record={"conflict": _shown(merge)},
        )

    def _tell(self, outcome: Outcome) -> None:
        words = outcome.words
        if words is None:
            if outcome.is_agreed:
                row_transfers.settle_taken(
                    self.desk.route, self.flow, [outcome.number], reason=AGREE
                )
            return
        for number in outcome.numbers:
            if outcome.only_if_open and not self._is_told(number):
                continue
            row_transfers.hold_value(
                self.desk.route,
                self.flow,
                number,
                words,
                record=_record(outcome),
                email=outcome.email,
            )


AGREE = "Both sides agree."


def carry(lease: Lease) -> None:
    """A customer that a person released, or chose a side of: looked at and written at once."""
    transfer = lease.transfer
    transfers.renew(lease)
    outcome = Parties(Desk.of(transfer.route)).look(transfer.source_key, transfer.record or {})
    if outcome.not_reached:
        raise TryLater(f"customer {transfer.source_key} was not reached")
    if outcome.words is None:
        settlement = Settlement(state=State.POSTED, reason=AGREE, action=Action.ROW_TAKEN)
    else:
        settlement = outcome.words
        transfer.record = _record(outcome)
        transfer.party_email = outcome.email[:254]
        transfer.save(update_fields=["record", "party_email", "updated_at"])
    transfers.settle(lease, settlement)


def _record(outcome: Outcome) -> dict[str, Any]:
    """``value`` is what a person decides on: the same is not asked twice."""
    asked = [outcome.words.reason if outcome.words else "", outcome.record]
    return {
        **outcome.record,
        "value": json.dumps(asked, sort_keys=True),
        "about": {"kind": Flow.CUSTOMERS.value},
    }


def _blocked(party: Party, *, only_if_open: bool = False) -> Outcome:
    return Outcome(
        party.number,
        words=party_match.blocked(party.number),
        numbers=[party.number],
        only_if_open=only_if_open,
    )


def _shown(merge: Merge) -> list[dict[str, str]]:
    return [
        {"what": LABELS[name], "erp": here, "store": there}
        for name, (here, there) in merge.conflicts.items()
    ]


def _step(page: Page, at: Mapping[str, str], side: str, *, following: str) -> Page:
    """A page of one side: the next one is of the same side, or the first of the following."""
    side = side if page.resume else following
    rows = tuple((at["side"], row) for row in page.rows)
    return Page(rows=rows, resume=json.dumps({**at, "side": side, "resume": page.resume}))
