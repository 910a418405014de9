"""What belongs to an order: its captured invoices, refunds and payments, each a transfer of its
own, found when the order moves and when the store tells of them."""

from __future__ import annotations

from decimal import Decimal

from connectors import services
from connectors.records import Order, Payment, PaymentEvent, Refund, RefundStatus, TenderKind
from connectors.records.codec import load
from sync import dispatch, inbox, route_settings, transfers
from sync.models import Document, Flow, Hold, Route, State, Transfer

BOOKED = (State.POSTED, State.CHANGED)
MONEY_IN = frozenset({PaymentEvent.PURCHASE, PaymentEvent.CAPTURE, PaymentEvent.SETTLED})
OF_REFUND = "refund:"
TENDER_MARKS = {TenderKind.GIFT_CERTIFICATE: "GC", TenderKind.STORE_CREDIT: "SC"}


def booked_key(order_key: str) -> str:
    """What refunds and payments of an order wait for."""
    return f"booked:{order_key}"[:260]


def refund_payment_key(refund_id: str, payment_id: str) -> str:
    """The source key of money that went back with a refund."""
    return f"{OF_REFUND}{refund_id}:{payment_id}"


def received(order: Order) -> tuple[Payment, ...]:
    """What paid an order: money that moved to us, and gift certificates and store credit, which
    some stores list among the payments and others beside the order."""
    money = tuple(
        payment
        for payment in order.payments
        if payment.succeeded and payment.event in MONEY_IN and payment.amount
    )
    beside = sum((tender.amount for tender in order.tenders), Decimal(0))
    listed = sum((payment.amount for payment in money), Decimal(0))
    if not beside or listed + beside > order.total_inc_tax:
        return money  # the payments are the whole already
    return (
        *money,
        *(
            Payment(
                external_id=f"{order.number}-{TENDER_MARKS[tender.kind]}{position}",
                event=PaymentEvent.PURCHASE,
                method=tender.kind.value,
                amount=tender.amount,
                currency=order.currency,
                is_test=order.is_test,
                created_at=order.placed_at,
            )
            for position, tender in enumerate(order.tenders, 1)
            if tender.amount
        ),
    )


def look_soon(route: Route, order_key: str) -> None:
    """Have the order's invoices, refunds and payments looked for by a worker."""
    dispatch.wake(dispatch.RELATED, f"{route.pk}:{order_key}")


def look(key: str) -> None:
    """Make transfers of everything that belongs to one order of one route. ``key`` is
    ``{route id}:{order key}``. Raises ConnectorError."""
    route_id, _, order_key = key.partition(":")
    route = Route.objects.select_related("store", "erp").filter(pk=route_id, is_active=True).first()
    if route is None:
        return
    settings = route_settings.values_of(route)
    store = services.open_store(route.store)
    order = store.fetch_order(order_key)
    if not Transfer.objects.filter(route=route, flow=Flow.ORDERS, order_key=order_key).exists():
        _touch(route, Flow.ORDERS, order_key, order_key, order.number)
    if settings.get("bill_on") == "invoice":
        for invoice in store.fetch_invoices(order):
            _touch(
                route,
                Flow.INVOICES,
                invoice.external_id,
                order_key,
                invoice.number,
                moved=invoice.is_canceled,
            )
    books_payments = route_settings.booking(route, "payment_kind", settings) is not None
    if books_payments:
        for payment in received(order):
            _touch(route, Flow.PAYMENTS, payment.external_id, order_key, order.number)
    if route_settings.booking(route, "refund_kind", settings) or books_payments:
        for refund in store.fetch_refunds(order):
            _touch_refund(route, settings, order, refund, books_payments)


def _touch_refund(
    route: Route, settings: dict[str, str], order: Order, refund: Refund, books_payments: bool
) -> None:
    declined = refund.status is RefundStatus.DECLINED
    if route_settings.booking(route, "refund_kind", settings):
        _touch(
            route,
            Flow.REFUNDS,
            refund.external_id,
            order.external_id,
            refund.number,
            moved=declined,
        )
    if books_payments and refund.status is RefundStatus.SETTLED:
        for back in refund.payments:
            if not back.is_declined and back.amount:
                key = refund_payment_key(refund.external_id, back.external_id)
                _touch(route, Flow.PAYMENTS, key, order.external_id, order.number)


def _touch(
    route: Route, flow: Flow, source_key: str, order_key: str, number: str, *, moved: bool = False
) -> None:
    """Create the transfer, or wake one that waits for news. What is settled is only looked at
    again where it ``moved``."""
    known = Transfer.objects.filter(route=route, flow=flow, source_key=source_key).first()
    if known is not None and not _waits_for_news(known):
        # What was skipped, declined or cancelled as it is, has nothing to move.
        if not moved or known.state == State.SKIPPED:
            return
    transfer = inbox.touch_now(
        route=route, flow=flow, source_key=source_key, order_key=order_key, number=number
    )
    if transfer is not None:
        dispatch.wake(dispatch.TRANSFER, transfer.pk)


def _waits_for_news(known: Transfer) -> bool:
    """Whether another look at its order could change anything for it."""
    if known.state == State.HELD:
        return known.hold in (Hold.NOT_PAID, Hold.WAITS_FOR_INVOICE)
    return known.state not in transfers.SETTLED


def follow(transfer_id: int) -> None:
    """After a transfer settled: let go what waited for it, and see what else its order brings.
    Safe to repeat: the agenda promises it from the settlement on, whatever becomes of the worker."""
    transfer = Transfer.objects.select_related("route__store", "route__erp").get(pk=transfer_id)
    if transfer.state not in transfers.SETTLED:
        return
    with dispatch.fulfilled(dispatch.FOLLOW, transfer.pk):
        _follow(transfer)


def _follow(transfer: Transfer) -> None:
    booked = transfer.state == State.POSTED
    transfers.release_waiting_for(
        [booked_key(transfer.order_key)],
        route_ids=[transfer.route_id],
        why=f"{transfer.get_flow_display()} {transfer.number} is settled.",
        states=(State.HELD, State.SKIPPED) if booked else (State.HELD,),
        order_key=transfer.order_key,
    )
    if transfer.state != State.POSTED or not transfer.record or transfer.flow == Flow.PAYMENTS:
        return
    settings = route_settings.values_of(transfer.route)
    books_refunds = route_settings.booking(transfer.route, "refund_kind", settings) is not None
    books_payments = route_settings.booking(transfer.route, "payment_kind", settings) is not None
    if books_payments and transfer.flow == Flow.ORDERS:
        for payment in received(load(Order, transfer.record)):
            _touch(
                transfer.route,
                Flow.PAYMENTS,
                payment.external_id,
                transfer.order_key,
                transfer.number,
            )
    store, _ = route_settings.systems_of(transfer.route)
    refunded = transfer.record.get("status") in store.refunded_statuses
    if (transfer.flow == Flow.ORDERS and books_refunds and refunded) or (
        books_payments and transfer.flow != Flow.ORDERS
    ):
        look_soon(transfer.route, transfer.order_key)


def booked_sale(route: Route, order_key: str, flow: Flow, source_key: str = "") -> Transfer | None:
    """The transfer that brought an order into the ledger, by ``flow``, or the other way where the
    route booked in that way once. ``source_key`` names one of the store's invoices."""
    booked = Transfer.objects.filter(route=route, order_key=order_key, state__in=BOOKED)
    of_flow = booked.filter(flow=flow)
    if source_key and flow == Flow.INVOICES:
        of_flow = of_flow.filter(source_key=source_key)
    other = Flow.ORDERS if flow == Flow.INVOICES else Flow.INVOICES
    return (
        of_flow.order_by("id").last()
        or booked.filter(flow=other, documents__isnull=False).order_by("id").last()
    )


def sent_before(route: Route, order_key: str, flow: Flow) -> list[Transfer]:
    """The transfers of this flow of an order that have, or may have, a document in the ERP."""
    nothing_there = (Document.Status.INTENDED, Document.Status.DISCARDED)
    return [
        row
        for row in Transfer.objects.filter(route=route, flow=flow, order_key=order_key)
        if row.documents.exclude(status__in=nothing_there).exists()
    ]


def look_if_due(route: Route, settings: dict[str, str], order: Order) -> None:
    """A booked order moved in the store: may there be refunds or payments to book?"""
    store, _ = route_settings.systems_of(route)
    refunded = order.status in store.refunded_statuses or any(
        line.quantity_refunded for line in order.lines
    )
    if (refunded and route_settings.booking(route, "refund_kind", settings)) or (
        route_settings.booking(route, "payment_kind", settings) and _has_new_payments(route, order)
    ):
        look_soon(route, order.external_id)


def _has_new_payments(route: Route, order: Order) -> bool:
    keys = {payment.external_id for payment in received(order)}
    known = Transfer.objects.filter(route=route, flow=Flow.PAYMENTS, source_key__in=keys).count()
    return known < len(keys)
