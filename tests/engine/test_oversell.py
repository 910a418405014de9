"""What the store has sold and the ERP still counts as there is not offered again."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from connectors.erps.business_central.connector import BusinessCentral
from sync.models import SoldLine, Transfer
from sync.pipelines.catalog import sold_and_not_relieved
from sync.pipelines.desk import Desk

D = Decimal
SKU = "TENT-2P-GRN"


@pytest.fixture
def sold(flow):
    """Makes a line of a sale (or, below zero, of a refund) of one order, some days ago."""

    def make(order: str, quantity: int, *, state: str = "posted", days: int = 0) -> None:
        kind = "orders" if quantity > 0 else "refunds"
        at = timezone.now() - timedelta(days=days)
        transfer = Transfer.objects.create(
            route=flow.route, flow=kind, source_key=f"{kind}{order}", order_key=order,
            job_id=f"web:{kind}:{order}", sequence_key=f"web:order:{order}", state=state,
        )  # fmt: skip
        SoldLine.objects.create(
            route=flow.route, transfer=transfer, number=SKU, quantity=quantity, sold_at=at
        )

    return make


def left_out(flow) -> Decimal:
    return sold_and_not_relieved(Desk.of(flow.route), [SKU]).get(SKU, D(0))


@pytest.fixture
def receivables(flow, monkeypatch):
    """An ERP whose stock does not fall with what is booked, as GP's by receivables documents."""
    monkeypatch.setattr(BusinessCentral, "relieves_stock", False)
    route = flow.route
    route.settings = {**route.settings, "stock_relief_days": "14"}
    route.save()
    return flow


def test_a_refund_of_an_old_sale_makes_no_room_for_a_new_one(receivables, sold):
    sold("1", 2, days=20)  # shipped and taken off in the ERP long ago
    sold("1", -2)
    sold("2", 2)
    assert left_out(receivables) == 2


def test_a_refund_of_a_sale_that_still_counts_takes_it_back(receivables, sold):
    sold("1", 2, days=3)
    sold("1", -1)
    sold("2", 2)
    assert left_out(receivables) == 3


def test_an_order_counts_until_it_is_booked(flow, sold):
    sold("1", 2, state="waiting")
    sold("2", 5)
    assert left_out(flow) == 2
