"""Lists that change while they are read by offset: nothing that stays is left out."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.erps.gp.service import ServicePage
from connectors.erps.gp.sweeps import Beside, Place, Position, Sweep, groups
from connectors.errors import UnexpectedShape


class Shelf:
    """A list behind an offset; ``before`` acts on it before each page."""

    def __init__(self, rows, size=10, before=lambda rows, call: None):
        self.rows, self.size, self.before = list(rows), size, before
        self.calls = 0

    def page(self, resource, *, offset, purpose, **filters):
        self.calls += 1
        self.before(self.rows, self.calls)
        rows = self.rows[offset : offset + self.size]
        end = offset + self.size
        return ServicePage(rows, end if end < len(self.rows) else None)


def named(*numbers):
    return [{"Id": f"{number:05d}"} for number in numbers]


BEGIN = Place()


def sweep(shelf, place=BEGIN):
    return Sweep(shelf, "Things", ("Id",), purpose="test", place=place)


def all_of(one):
    found = []
    while not one.is_over:
        found += one.read()
    return [int(row["Id"]) for row in found]


def test_a_quiet_list_is_read_once():
    shelf = Shelf(named(*range(95)))
    assert all_of(sweep(shelf)) == list(range(95))
    assert shelf.calls <= 11
    assert all_of(sweep(Shelf([]))) == []


@settings(max_examples=200, deadline=None)
@given(
    acts=st.lists(
        st.tuples(st.integers(2, 12), st.sampled_from("di"), st.integers(0, 99)), max_size=25
    ),
    stop=st.integers(1, 8),
)
def test_what_stays_is_never_left_out(acts, stop):
    stays = set(range(100))

    def before(rows, call):
        for at, act, number in acts:
            if at == call and act == "d" and len(rows) > 1:
                gone = rows.pop(number % len(rows))
                stays.discard(int(gone["Id"]))
            elif at == call and act == "i":
                rows.append({"Id": f"{1000 + call * 100 + number:05d}"})
                rows.sort(key=lambda row: (int(row["Id"]) % 1000, row["Id"]))

    shelf = Shelf(named(*range(100)), 10, before)
    first = sweep(shelf)
    seen = []
    for _ in range(stop):
        if not first.is_over:
            seen += [int(row["Id"]) for row in first.read()]
    place = Position.read(Position(places={"x": first.place}).text()).place("x")
    if not first.is_over:
        seen += all_of(sweep(shelf, place))  # another process goes on
    assert stays <= set(seen)


def test_a_server_that_sends_the_same_page_for_ever_is_noticed():
    class Stuck(Shelf):
        def page(self, resource, *, offset, purpose, **filters):
            return ServicePage(self.rows[:10], offset + 10)

    with pytest.raises(UnexpectedShape):
        all_of(sweep(Stuck(named(*range(50)))))

    class Back(Shelf):
        def page(self, resource, *, offset, purpose, **filters):
            return ServicePage(self.rows[:10], offset)

    with pytest.raises(UnexpectedShape):
        all_of(sweep(Back(named(*range(50)))))


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.integers(1, 25), max_size=12), stop=st.integers(1, 6))
def test_groups_are_whole_and_are_taken_up(sizes, stop):
    rows = [
        {"Id": f"{n:03d}-{part:03d}", "Item": f"item{n:03d}"}
        for n, size in enumerate(sizes)
        for part in range(size)
    ]
    shelf = Shelf(rows, 10)
    read = list(islice(groups(sweep(shelf), "Item"), stop))
    pages, place = [page for page, _ in read], read[-1][1]
    if place is not None:
        pages += [page for page, _ in groups(sweep(shelf, place), "Item")]
    assert [row for page in pages for row in page] == rows
    owners = [{row["Item"] for row in page} for page in pages]
    for number, some in enumerate(owners):
        assert not any(some & others for others in owners[number + 1 :])


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(0, 4), min_size=1, max_size=40),
    orphans=st.sets(st.integers(0, 39)),
    size=st.integers(2, 9),
    stop=st.integers(1, 5),
)
def test_a_second_list_is_taken_owner_by_owner(counts, orphans, size, stop):
    owners = [f"C{n:03d}" for n in range(len(counts)) if n not in orphans]
    rows = [
        {"Id": f"{n:03d}{part}", "Owner": f"c{n:03d} "}
        for n, count in enumerate(counts)
        for part in range(count)
    ]
    shelf = Shelf(rows, 7)
    beside = Beside(sweep(shelf), "Owner")
    for turn, at in enumerate(range(0, len(owners), size)):
        if turn == stop:  # another process goes on
            beside = Beside(sweep(shelf, beside.place), "Owner")
        wanted = owners[at : at + size]
        found = beside.take(set(wanted))
        expected = {
            owner: own
            for owner in wanted
            if (own := [row for row in rows if row["Owner"].strip().upper() == owner])
        }
        assert found == expected
