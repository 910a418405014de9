"""Orders whose money is captured, only promised, or paid in several ways, through the engine."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.flow import make_flow

TENT = {"sku": "TENT-2P-GRN", "quantity": 1}


@pytest.fixture
def strict(tenant, simulators):
    """Acme's route, which books an order once its whole amount is captured."""
    return make_flow(simulators, payment_proof="captured")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("authorization", "authorised and not captured"),
        ("pending", "authorised and not captured"),
        ("void", "voided"),
    ],
)
def test_money_that_is_only_promised_books_nothing(strict, event, words):
    _, transfer = strict.carry(lines=[TENT], payment={"event": event})
    assert (transfer.state, transfer.hold) == ("held", "not_paid"), transfer.reason
    assert words in transfer.reason
    assert transfer.advice
    assert strict.booked()["invoices"] == []


@pytest.mark.parametrize("event", ["purchase", "capture", "settled"])
def test_money_that_moved_books_the_order(strict, event):
    order, transfer = strict.carry(lines=[TENT], payment={"event": event})
    assert transfer.state == "posted", transfer.reason
    (invoice,) = strict.booked()["invoices"]
    assert Decimal(str(invoice["totalAmountIncludingTax"])) == Decimal(order["total_inc_tax"])


def test_card_gift_certificate_and_store_credit_pay_one_invoice_over_the_whole(strict):
    """What pays an order never lowers its invoice."""
    order, transfer = strict.carry(
        lines=[TENT], gift_certificate_amount="20.00", store_credit_amount="5.00"
    )
    assert transfer.state == "posted", transfer.reason
    (invoice,) = strict.booked()["invoices"]
    assert Decimal(str(invoice["totalAmountIncludingTax"])) == Decimal(order["total_inc_tax"])
