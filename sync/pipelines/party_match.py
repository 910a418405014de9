"""Which customer of one side is which of the other: the pair, a person's word, then the e-mail.

Nothing is guessed: an e-mail address that several customers have is for a person, and a customer
that one side has deleted is neither deleted nor made again on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.actions import Action
from connectors.records import Party
from sync.models import Crosswalk, Hold, PartyPair, State
from sync.pipelines.desk import Desk
from sync.transfers import Settlement

GONE = "gone"  # in a transfer's record: the id of the shopper whose absence people were told of


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """The two sides of a customer. ``words`` is why there is none, for the customers ``numbers`` of
    the ERP; ``email`` is what a person chooses among them by."""

    erp: Party | None = None
    store: Party | None = None
    pair: PartyPair | None = None
    words: Settlement | None = None
    numbers: Sequence[str] = ()
    email: str = ""
    gone: str = ""


def pair_of(desk: Desk, side: str, external_id: str) -> PartyPair | None:
    column = "erp_record_id" if side == "erp" else "store_record_id"
    return PartyPair.objects.filter(route=desk.route, **{column: external_id}).first()


def of_erp(desk: Desk, erp: Party, *, missed: str = "") -> Both:
    """The store's side of a customer of the ERP. ``missed`` is the shopper whose absence a person
    has seen, and let the customer go again nevertheless."""
    pair = pair_of(desk, "erp", erp.external_id)
    if pair is not None:
        store = desk.store.fetch_party(pair.store_record_id)
        if store is not None:
            return Both(erp=erp, store=store, pair=pair)
    store = desk.store.find_party(erp.email) if erp.email else None
    if store is None:
        if pair is None or missed == pair.store_record_id:
            return Both(erp=erp)
        return Both(
            words=_left_alone(
                f"The store does not have customer {erp.number} any more. It is not made again by "
                "itself.",
                "Replay it to have it made again, if the route makes customers in the store.",
            ),
            numbers=[erp.number],
            gone=pair.store_record_id,
        )
    number, other = _said(desk, store), _paired(desk, store, erp)
    if not number and other is None:
        known = _matched(desk, store)
        if known == erp.number or (known and desk.erp.find_party(known) is not None):
            number = known
    if number:
        return Both(erp=erp, store=store) if number == erp.number else _another(erp, number)
    if other is not None:
        return _ambiguous(store, [other.erp_number, erp.number], told=[erp.number])
    numbers = list(dict.fromkeys([*_numbers(desk, store.email), erp.number]))
    return _ambiguous(store, numbers) if len(numbers) > 1 else Both(erp=erp, store=store)


def of_store(desk: Desk, store: Party) -> Both:
    """The ERP's side of a shopper; none if the ERP has no such customer yet."""
    pair = pair_of(desk, "store", store.external_id)
    number = _said(desk, store) or (pair.erp_number if pair else _matched(desk, store))
    if number:
        erp = desk.erp.find_party(number)
        if erp is not None:
            known = pair if pair is not None and pair.erp_record_id == erp.external_id else None
            return Both(erp=erp, store=store, pair=known)
    if pair is not None:
        pair.delete()
    numbers = _numbers(desk, store.email)
    if len(numbers) > 1:
        return _ambiguous(store, numbers)
    erp = desk.erp.find_party(numbers[0]) if numbers else None
    if erp is not None:
        held = pair_of(desk, "erp", erp.external_id)
        if held is not None and desk.store.fetch_party(held.store_record_id) is not None:
            return Both(store=store)  # it is another shopper, who had this address before
        return Both(erp=erp, store=store)
    if pair is not None:
        return Both(words=gone_from_erp(pair.erp_number), numbers=[pair.erp_number])
    return Both(store=store)


def gone_from_erp(number: str) -> Settlement:
    return _left_alone(
        f"The ERP does not have customer {number} any more. The store's customer stays as it is.",
        "Nothing needs to be done. A customer that the ERP gets later with the same e-mail address "
        "is kept in agreement again.",
    )


def blocked(number: str) -> Settlement:
    return _left_alone(
        f"Customer {number} is blocked: neither side is written.",
        "Once it is not blocked any more, the next run goes on.",
    )


def not_made(number: str) -> Settlement:
    return _left_alone(
        f"The store does not have customer {number}, and the route makes no customers there.",
        "Have the route create customers in the store if it shall.",
    )


def _left_alone(reason: str, advice: str) -> Settlement:
    return Settlement(state=State.SKIPPED, reason=reason, advice=advice, action=Action.ROW_REFUSED)


def _another(erp: Party, number: str) -> Both:
    return Both(
        words=_left_alone(
            f"The shopper with the e-mail address of customer {erp.number} is customer {number}.",
            "Nothing needs to be done. This customer is left alone.",
        ),
        numbers=[erp.number],
    )


def _ambiguous(store: Party, numbers: Sequence[str], told: Sequence[str] = ()) -> Both:
    return Both(
        words=Settlement(
            state=State.HELD,
            hold=Hold.CUSTOMER_AMBIGUOUS,
            hold_keys=(f"customer:{_key(store)}",),
            reason=f"Customers {', '.join(sorted(numbers))} of the ERP have the e-mail address of one "
            "shopper.",
            advice="Say which of them the shopper is, or correct the e-mail address of the others "
            "in the ERP. The next run goes on.",
            action=Action.HELD,
        ),
        numbers=told or numbers,
        email=store.email,
    )


def _key(store: Party) -> str:
    """As the customers of orders are known by."""
    return f"id:{store.external_id}"


def _numbers(desk: Desk, email: str) -> list[str]:
    if not email:
        return []
    return list(dict.fromkeys(customer.number for customer in desk.erp.find_customers(email)))


def _paired(desk: Desk, store: Party, erp: Party) -> PartyPair | None:
    """The pair of this shopper with another customer of the ERP, if that is still there."""
    pair = pair_of(desk, "store", store.external_id)
    if pair is None or pair.erp_record_id == erp.external_id:
        return None
    if desk.erp.find_party(pair.erp_number) is None:
        pair.delete()
        return None
    return pair


def _said(desk: Desk, store: Party) -> str:
    """The number that a person gave for this shopper."""
    return _known(desk, store, Crosswalk.Origin.PERSON)


def _matched(desk: Desk, store: Party) -> str:
    """The number that the shopper's orders are booked on."""
    return _known(desk, store, *Crosswalk.Origin)


def _known(desk: Desk, store: Party, *origins: Crosswalk.Origin) -> str:
    row = Crosswalk.objects.filter(
        store=desk.route.store,
        erp=desk.route.erp,
        kind=Crosswalk.Kind.CUSTOMER,
        store_key=_key(store),
        origin__in=origins,
    ).first()
    return row.erp_number if row else ""
