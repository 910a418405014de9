"""Orders that the store invoices itself: booked in parts or as a whole, never both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from sync import actions
from sync.models import Flow, Transfer
from sync.pipelines import related, work
from tests.contract.rigs.adobe_commerce import CommercePaas
from tests.contract.rigs.finance_operations import FinanceOperationsRig
from tests.support.rigs import CERTIFICATES, Placed, Sold

TENTS = Sold(lines=(("TENT-2P-GRN", 2),), shipping=Decimal("4.95"))


@pytest.fixture(scope="module")
def rigs() -> Iterator[tuple[CommercePaas, FinanceOperationsRig]]:
    started = CommercePaas(), FinanceOperationsRig()
    yield started
    for rig in started:
        rig.stop()


@pytest.fixture
def route(tenant: object, rigs: Any, settings: Any) -> Any:
    from connectors import services
    from sync import mapping_rules, route_settings

    settings.OUTBOUND_CA_FILE = CERTIFICATES.ca_file
    ends = []
    for rig in rigs:
        rig.reset()
        connection = services.create_connection(
            kind=rig.kind, name=f"Acme {rig.kind}", slug=rig.kind[:2], values=rig.values()
        )
        ends.append(connection)
    made = route_settings.create_route(
        name="Web orders",
        slug="web",
        store=ends[0],
        erp=ends[1],
        prefix=rigs[1].prefix,
        settings={"time_zone": "Europe/London", "bill_on": "invoice"},
        start_at=timezone.now() - timedelta(days=30),
    )
    for tables in (rigs[1].lookups, rigs[1].foreign_lookups):
        for table, rows in tables.items():
            for key, value in rows.items():
                mapping_rules.save_lookup(made, table=table, key=key, value=value, by="test")
    return made


def carry(route: Any, placed: Placed, rounds: int = 6) -> None:
    """Look for all that the order brings and work it until nothing moves any more."""
    for _ in range(rounds):
        related.look(f"{route.pk}:{placed.key}")
        due = Transfer.objects.filter(route=route, order_key=placed.key, state="waiting")
        due.update(due_at=timezone.now())
        for pk in due.order_by("pk").values_list("pk", flat=True):
            work.work(pk)


def choose(route: Any, **settings: str) -> None:
    route.settings = {**route.settings, **settings}
    route.save()


def states(placed: Placed, flow: str) -> list[tuple[str, str]]:
    rows = Transfer.objects.filter(order_key=placed.key, flow=flow).order_by("pk")
    return [(row.state, row.hold) for row in rows]


def invoices(erp: FinanceOperationsRig) -> int:
    return len([row for row in erp.booked() if row.kind == "invoice"])


def test_an_order_booked_as_a_whole_is_not_booked_again_by_its_invoices(route: Any, rigs: Any):
    store, erp = rigs
    choose(route, bill_on="order")
    placed = store.place(TENTS)
    carry(route, placed)
    assert states(placed, "orders") == [("posted", "")]
    choose(route, bill_on="invoice")
    carry(route, placed)
    assert {state for state, _ in states(placed, "invoices")} == {"skipped"}
    assert invoices(erp) == 1
    store.refund(placed, "amount")
    carry(route, placed)
    assert states(placed, "refunds") == [("posted", "")]
    actions.replay(list(Transfer.objects.values_list("pk", flat=True)))
    carry(route, placed)
    assert states(placed, "orders") == [("posted", "")]
    assert invoices(erp) == 1


def test_an_order_booked_by_its_invoices_is_not_booked_again_as_a_whole(route: Any, rigs: Any):
    store, erp = rigs
    whole, part = store.place(TENTS), store.authorize(TENTS)
    store.invoice(part, part=True)
    for placed in (whole, part):
        carry(route, placed)
        assert states(placed, "invoices") == [("posted", "")]
    choose(route, bill_on="order")
    actions.replay(list(Transfer.objects.filter(flow="orders").values_list("pk", flat=True)))
    for placed in (whole, part):
        carry(route, placed)
    assert states(whole, "orders") == [("skipped", "")]
    assert states(part, "orders") == [("held", "duplicate_reference")]
    assert invoices(erp) == 2


def test_money_that_went_back_is_skipped_where_refunds_are_left_alone(route: Any, rigs: Any):
    store, _ = rigs
    choose(route, refund_kind="nothing")
    placed = store.place(TENTS)
    store.refund(placed, "amount")
    carry(route, placed)
    assert sorted(states(placed, "payments")) == [("posted", ""), ("skipped", "")]


def test_a_cancelled_invoice_lets_later_refunds_wait_in_peace(route: Any, rigs: Any):
    store, _ = rigs
    placed = store.place(TENTS)
    carry(route, placed)
    invoice = Transfer.objects.get(order_key=placed.key, flow="invoices")
    Transfer.objects.filter(pk=invoice.pk).update(state="skipped")
    related._touch(
        route, Flow(invoice.flow), invoice.source_key, placed.key, invoice.number, moved=True
    )
    invoice.refresh_from_db()
    assert invoice.state == "skipped"
