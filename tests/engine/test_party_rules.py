"""Customers on two sides: agreed in the end, never settled in silence, and no echo without end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Address, Party
from sync import party_rules
from sync.party_rules import ERP, FIELDS, KEPT, LAST, STORE, Agreed

words = st.sampled_from(["", "Ada Byron", "Harbour Ltd", "Main St 1", "NET30"])
sides = st.fixed_dictionaries(dict.fromkeys(FIELDS, words))
owners = st.fixed_dictionaries(dict.fromkeys(FIELDS, st.sampled_from([ERP, STORE, LAST])))


def settle(erp, store, merge):
    erp = {**erp, **{name: store[name] for name in merge.to_erp}}
    return erp, {**store, **{name: erp[name] for name in merge.to_store}}


def alike(facts):
    """What both sides agreed on, and both took as it was."""
    return Agreed(facts, facts)


@given(st.none() | sides.map(alike), sides, sides, owners)
def test_what_is_written_brings_both_into_agreement_and_then_nothing_moves(base, erp, store, own):
    merge = party_rules.merge(base, erp, store, owners=own)
    erp, store = settle(erp, store, merge)
    for name in FIELDS:
        emptied = name in KEPT and not (erp[name] and store[name])
        assert erp[name] == store[name] or name in merge.conflicts or emptied
    if not merge.conflicts:
        assert party_rules.merge(Agreed(erp, store), erp, store, owners=own).is_agreed


@given(st.none() | sides.map(alike), sides, sides, owners)
def test_nothing_that_one_side_has_is_emptied_by_the_other_but_the_phone(base, erp, store, own):
    after = settle(erp, store, party_rules.merge(base, erp, store, owners=own))
    for name in KEPT:
        assert bool(erp[name]) <= bool(after[0][name])
        assert bool(store[name]) <= bool(after[1][name])


@given(st.none() | sides.map(alike), sides, owners)
def test_the_same_on_both_sides_is_agreement_whatever_it_was_before(base, both, own):
    assert party_rules.merge(base, both, both, owners=own).is_agreed


@given(sides, sides, owners)
def test_what_a_side_made_of_a_value_is_no_change_of_it(erp, store, own):
    assert party_rules.merge(Agreed(erp, store), erp, store, owners=own).is_agreed


@given(sides, sides, sides)
def test_two_different_changes_of_one_field_are_never_settled_in_silence(base, erp, store):
    merge = party_rules.merge(alike(base), erp, store, owners=dict.fromkeys(FIELDS, LAST))
    for name in FIELDS:
        both = erp[name] != base[name] and store[name] != base[name] and erp[name] != store[name]
        emptied = name in KEPT and not (erp[name] and store[name])
        assert (name in merge.conflicts) == (both and not emptied)


@given(sides, sides, owners)
def test_one_side_s_change_goes_to_the_other_or_back_to_its_owner(base, erp, own):
    merge = party_rules.merge(alike(base), erp, base, owners=own)
    assert not merge.conflicts
    for name in FIELDS:
        if erp[name] != base[name] and (name not in KEPT or (erp[name] and base[name])):
            assert (name in merge.to_erp) == (own[name] == STORE)
            assert (name in merge.to_store) == (own[name] != STORE)


def test_facts_that_were_kept_alike_for_both_sides_are_read_for_each():
    kept = {"name": "Ada Byron", "email": "ada@harbour.example"}
    base = Agreed.read(kept)
    assert (base.erp, base.store) == (kept, kept)
    assert Agreed.read(base.dump()) == base


def test_taking_a_field_leaves_everything_else_as_it_was():
    erp = Party(
        external_id="1",
        number="C1",
        name="Harbour Ltd",
        email="a@b.example",
        phone="+44 1",
        addresses=(Address(street_1="Quay 1", city="Hull", country_code="GB"),),
        payment_terms="NET30",
    )
    store = Party(
        external_id="7",
        number="",
        name="",
        email="a@b.example",
        first_name="Ada",
        last_name="Byron",
        phone="+44 2",
        addresses=(
            Address(first_name="Ada", last_name="Byron", street_1="Lane 2", city="York"),
            Address(street_1="Second home"),
        ),
    )
    changed = party_rules.taking(store, erp, frozenset({"address"}))
    assert changed.addresses[0].street_1 == "Quay 1"
    assert changed.addresses[0].first_name == "Ada"
    assert changed.addresses[1].street_1 == "Second home"
    assert (changed.phone, changed.payment_terms) == ("+44 2", "")
    assert party_rules.facts(changed)["address"] == party_rules.facts(erp)["address"]
    named = party_rules.taking(store, erp, frozenset({"name"}))
    assert party_rules.facts(named)["name"] in ("Harbour Ltd",)
