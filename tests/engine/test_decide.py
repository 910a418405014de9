"""Whether an order may go into the ledger: paid, in part, only authorised, voided, or settled by
gift certificate and store credit beside a card."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.records import Payment, PaymentEvent, Tender, TenderKind
from sync import decide
from sync.decide import OrderPolicy, Verdict
from tests.support.orders import orders

POLICY = OrderPolicy(
    payable=frozenset({"11"}),
    unpaid=frozenset({"7"}),
    dead=frozenset({"5"}),
    start_at=datetime(2026, 1, 1, tzinfo=UTC),
    must_be_captured=True,
)


def payment(event: PaymentEvent, amount: Decimal, **more) -> Payment:
    return Payment(
        external_id=f"{event}-{amount}",
        event=event,
        method="card",
        amount=amount,
        currency="GBP",
        **more,
    )


@given(orders().filter(lambda o: o.lines), st.decimals("0.01", "0.99", places=2))
def test_a_part_that_is_captured_holds_and_the_whole_goes(order, share):
    part = (order.total_inc_tax * share).quantize(Decimal("0.01"))
    rest = order.total_inc_tax - part
    one = replace(order, payments=(payment(PaymentEvent.CAPTURE, part),))
    if rest > 0 and part > 0:
        held = decide.order(one, POLICY)
        assert (held.verdict, held.hold) == (Verdict.HOLD, "not_paid")
    whole = replace(order, payments=(*one.payments, payment(PaymentEvent.CAPTURE, rest)))
    assert decide.order(whole, POLICY).verdict is Verdict.GO


@given(orders().filter(lambda o: o.lines and o.total_inc_tax > 3))
def test_gift_certificate_store_credit_and_card_together_pay_an_order(order):
    card = order.total_inc_tax - 2
    split = replace(
        order,
        tenders=(
            Tender(kind=TenderKind.GIFT_CERTIFICATE, amount=Decimal(1)),
            Tender(kind=TenderKind.STORE_CREDIT, amount=Decimal(1)),
        ),
        payments=(payment(PaymentEvent.PURCHASE, card),),
    )
    assert decide.order(split, POLICY).verdict is Verdict.GO
    without = replace(split, tenders=())
    assert decide.order(without, POLICY).verdict is Verdict.HOLD


@pytest.mark.parametrize(
    ("payments", "words"),
    [
        ((PaymentEvent.AUTHORIZATION,), "authorised and not captured"),
        ((PaymentEvent.AUTHORIZATION, PaymentEvent.VOID), "voided"),
        ((PaymentEvent.PENDING,), "authorised and not captured"),
    ],
)
@given(order=orders().filter(lambda o: o.lines and o.total_inc_tax > 0))
def test_money_that_has_not_moved_books_nothing_and_says_why(payments, words, order):
    made = tuple(payment(event, order.total_inc_tax) for event in payments)
    decision = decide.order(replace(order, payments=made), POLICY)
    assert (decision.verdict, decision.hold) == (Verdict.HOLD, "not_paid")
    assert words in decision.reason


@given(orders().filter(lambda o: o.lines))
def test_a_declined_payment_counts_for_nothing_and_a_test_payment_never_books(order):
    failed = payment(PaymentEvent.CAPTURE, order.total_inc_tax, succeeded=False)
    assert decide.order(replace(order, payments=(failed,)), POLICY).verdict is Verdict.HOLD
    pretend = payment(PaymentEvent.CAPTURE, order.total_inc_tax, is_test=True)
    assert decide.order(replace(order, payments=(pretend,)), POLICY).verdict is Verdict.SKIP


@given(orders().filter(lambda o: o.lines))
def test_the_status_alone_decides_where_the_route_says_so(order):
    policy = replace(POLICY, must_be_captured=False)
    authorised = payment(PaymentEvent.AUTHORIZATION, order.total_inc_tax)
    assert decide.order(replace(order, payments=(authorised,)), policy).verdict is Verdict.GO
