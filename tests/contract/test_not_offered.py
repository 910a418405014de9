"""What a system says it lacks is refused in words; what it says it has is its own work."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import Parameter, signature
from typing import Any

import pytest

from connectors.contract import Catalog, Erp, Feed, MasterData, Store
from connectors.errors import NotOffered, Rejected
from connectors.registry import SYSTEMS, erps

OF_A_STORE = {
    "items": ("products", "find_products", "write_products"),
    "prices": ("products", "find_products", "write_prices"),
    "stock": ("products", "find_products", "write_stock"),
    "customers": ("changed_parties", "find_party", "fetch_party", "write_parties"),
}
OF_AN_ERP = {
    "item_feed": ("items",),
    "price_feed": ("prices",),
    "stock_feed": ("stock",),
    "customer_feed": ("changed_parties", "find_party", "write_party"),
}


class Kiosk(Store):
    """A store that sells and takes nothing, as a small vendor's may."""

    kind, title = "kiosk", "The kiosk"


Kiosk.__abstractmethods__ = frozenset()


def has(system: type[Store] | type[Erp]) -> set[str]:
    """The methods that a system answers for by what it declares."""
    if issubclass(system, Store):
        return {name for what in system.takes for name in OF_A_STORE[what]}
    offered = [feed for feed in OF_AN_ERP if getattr(system, feed) is not Feed.NONE]
    found = {name for feed in offered for name in OF_AN_ERP[feed]}
    bookings = (*system.order_bookings, *system.refund_bookings, *system.payment_bookings)
    if any(booking.posts for booking in bookings):
        found.add("post_document")
    return found


def could(system: type[Store] | type[Erp]) -> set[str]:
    groups: Iterable[tuple[str, ...]] = (
        OF_A_STORE.values()
        if issubclass(system, Store)
        else [*OF_AN_ERP.values(), ("post_document",)]
    )
    return {name for group in groups for name in group}


def base(system: type[Store] | type[Erp], name: str) -> object:
    return getattr(Store if issubclass(system, Store) else Erp, name)


def refusal(system: type[Store] | type[Erp], name: str) -> NotOffered:
    """What a method says to any arguments at all, on an adapter that reaches no system."""
    method = getattr(object.__new__(system), name)
    needed: dict[str, Any] = {
        each.name: None
        for each in signature(method).parameters.values()
        if each.default is Parameter.empty
    }
    with pytest.raises(NotOffered) as caught:
        method(**needed)
    return caught.value


def assert_worded(error: NotOffered, title: str) -> None:
    assert isinstance(error, Rejected)
    assert error.reason.startswith(f"{title} ")
    assert error.reason.endswith(".")
    assert "settings" in error.advice
    assert error.code == "not_offered"


@pytest.mark.parametrize("kind", SYSTEMS)
def test_what_a_system_says_it_has_is_its_own_work(kind):
    system = SYSTEMS[kind]
    inherited = {name for name in has(system) if getattr(system, name) is base(system, name)}
    assert not inherited, f"{system.title} declares what only refuses: {sorted(inherited)}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(kind, name, id=f"{kind}-{name}")
        for kind, system in SYSTEMS.items()
        for name in sorted(could(system) - has(system))
    ],
)
def test_what_a_system_says_it_lacks_is_refused_in_words(kind, name):
    assert_worded(refusal(SYSTEMS[kind], name), SYSTEMS[kind].title)


@pytest.mark.parametrize("name", sorted(could(Kiosk)))
def test_a_store_that_takes_nothing_refuses_each_in_words(name):
    error = refusal(Kiosk, name)
    assert_worded(error, "The kiosk")
    assert " no " in error.reason


WHOLE = [kind for kind, erp in erps().items() if erp.complete_document is Erp.complete_document]


@pytest.mark.parametrize("kind", WHOLE)
def test_a_document_made_whole_is_not_gone_on_with(kind):
    assert_worded(refusal(SYSTEMS[kind], "complete_document"), SYSTEMS[kind].title)


def test_nothing_that_only_refuses_is_left_out_here():
    """Each default of the contract that raises is one of those asked for above."""
    refusing = {
        name
        for whole in (Catalog, MasterData, Store, Erp)
        for name, method in vars(whole).items()
        if "NotOffered" in getattr(getattr(method, "__code__", None), "co_names", ())
    }
    assert refusing == could(Kiosk) | could(next(iter(erps().values()))) | {"complete_document"}
