"""Adobe Commerce with Dynamics GP: orders paid and cancelled in parts, and numbers that are long."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Running, ready
from tests.contract.rigs.adobe_commerce import CommercePaas
from tests.contract.rigs.gp import GpRest
from tests.contract.test_pairs import D, Pair, erp, join, store  # noqa: F401

TWO_TENTS = [{"sku": "TENT-2P-GRN", "quantity": 2, "plain": True}]


@pytest.fixture
def pair(running: Running) -> tuple[Any, Any]:
    return ready(running(CommercePaas)), ready(running(GpRest))


class Sale:
    """One order in the store and what became of it."""

    def __init__(self, route: Any, **spec: Any) -> None:
        self.route, self.simulator = route, route.store.simulator
        self.raw = self.simulator.post("orders", **{"country": "GB", "lines": TWO_TENTS, **spec})

    def act(self, what: str, **more: Any) -> Any:
        # Times of change are whole seconds: what is done is done in another one.
        self.simulator.post("clock", advance_seconds=2)
        return self.simulator.post(f"orders/{self.raw['entity_id']}/{what}", **more)

    def carry(self) -> Any:
        """The order's transfer, once the store was looked at and everything due was done."""
        self.route.run()
        (transfer,) = self.route.transfers("orders")
        return transfer


def test_a_partly_captured_order_waits_until_all_of_it_is_captured(join: Pair):  # noqa: F811
    route = join(bill_on="order", payment_proof="captured")
    sale = Sale(route, payment="authorized", shipping="4.95")
    assert sale.carry().hold == "not_paid"
    part = sale.act("invoice", part=True)
    order = sale.carry()
    assert (order.state, order.hold) == ("held", "not_paid")
    assert f"{D(str(part['grand_total'])):.2f} of" in order.reason
    assert route.erp.booked() == []
    sale.act("invoice")
    assert sale.carry().state == "posted"
    assert route.money("invoice") == [D(str(sale.raw["grand_total"]))]


def test_of_a_rest_that_is_cancelled_before_booking_only_what_was_invoiced_is_booked(
    join: Pair,  # noqa: F811
):
    route = join(bill_on="order", payment_proof="captured")
    sale = Sale(route, payment="authorized", shipping="4.95")
    part = sale.act("invoice", part=True)
    assert sale.carry().state == "held"
    sale.act("cancel")
    order = sale.carry()
    assert order.state == "posted", order.reason
    assert order.amount == D(str(part["grand_total"]))
    assert route.money("invoice") == [order.amount]


def test_a_rest_that_is_cancelled_after_booking_is_shown_and_corrected(join: Pair):  # noqa: F811
    from sync.pipelines import corrections, orders

    route = join(bill_on="order", payment_proof="status")
    sale = Sale(route, payment="authorized", shipping="4.95")
    part = sale.act("invoice", part=True)
    order = sale.carry()
    whole = D(str(sale.raw["grand_total"]))
    assert order.state == "posted", order.reason
    assert route.money("invoice") == [whole]
    sale.act("cancel")
    orders.check(order)
    order.refresh_from_db()
    left = D(str(part["grand_total"]))
    assert order.state == "changed"
    assert f"{left:.2f}" in order.reason
    assert order.comparison["can_correct"], order.comparison
    assert corrections.accept(order.pk, by="Ann")
    route.run()
    (correction,) = route.transfers("corrections")
    assert correction.state == "posted", correction.reason
    assert route.money("credit") == [whole - left]
    orders.check(order)
    order.refresh_from_db()
    assert order.state == "posted"


@pytest.fixture
def numbered(store: CommercePaas, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """The connection puts the store view before its order numbers."""
    values = {**store.values(), "order_numbers": "store_and_increment"}
    monkeypatch.setattr(store, "values", lambda: values)


@pytest.mark.usefixtures("numbered")
@pytest.mark.parametrize(
    ("bill_on", "flow", "reference"),
    [("order", "orders", "W-2-2000000001"), ("invoice", "invoices", "W-I2-2000000001")],
)
def test_a_number_with_its_store_view_is_the_documents_own(join: Pair, bill_on, flow, reference):  # noqa: F811
    route = join(bill_on=bill_on)
    Sale(route, store="de", country="DE").carry()
    (transfer,) = route.transfers(flow)
    assert transfer.state == "posted", transfer.reason
    assert [row.reference for row in route.erp.booked()] == [reference]


@pytest.mark.usefixtures("numbered")
def test_a_number_that_is_too_long_for_gp_is_held_and_never_cut(join: Pair):  # noqa: F811
    route = join(bill_on="order")
    order = Sale(route, increment_id="ACME-UK-0000012345").carry()
    assert order.state == "held", order.reason
    assert "W-1-ACME-UK-0000012345 is longer than the ERP's 17 characters" in order.reason
    assert route.erp.booked() == []


def test_a_prefix_leaves_room_for_numbers_with_a_store_view(join: Pair):  # noqa: F811
    from console.route_form import check_prefix

    shop, ledger = join(bill_on="order").connections
    refunds = {"refund_kind": "credit_memo"}
    assert check_prefix("SHOP", shop, ledger, refunds) == ""
    assert "At most 4 remain" in check_prefix("SHOPS", shop, ledger, refunds)
    shop.values["order_numbers"] = "store_and_increment"
    assert "At most 2 remain" in check_prefix("WEB", shop, ledger, refunds)
    assert check_prefix("AC", shop, ledger, refunds) == ""
