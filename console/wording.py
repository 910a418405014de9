"""What each flow is called: one word set for list, page, tile and file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sync.models import Flow, Transfer


@dataclass(frozen=True, slots=True)
class Words:
    """``name`` begins a sentence, ``made`` is what happened to the record in the store, and
    ``paper`` heads the comparison of the store's record with the ERP's document."""

    name: str
    made: str
    paper: str


OF: dict[str, Words] = {
    Flow.ORDERS: Words("Order", "Placed", "Order and document"),
    Flow.INVOICES: Words("Store invoice", "Captured", "Store invoice and document"),
    Flow.REFUNDS: Words("Refund", "Refunded", "Refund and credit"),
    Flow.PAYMENTS: Words("Payment", "Paid", "Payment and journal"),
    Flow.CORRECTIONS: Words("Correction", "Ordered", "Correction and document"),
    Flow.CUSTOMERS: Words("Customer", "Changed", "Both sides"),
    Flow.ITEMS: Words("Item", "Changed", "Both sides"),
    Flow.PRICES: Words("Price of", "Changed", "Both sides"),
    Flow.STOCK: Words("Stock of", "Changed", "Both sides"),
}
REFUND_STATES = {
    "settled": "paid out",
    "pending": "recorded, not paid out yet",
    "declined": "declined by the payment provider",
}
# The parts of an order, in the order of its life; then master data.
OF_ORDERS = (Flow.ORDERS, Flow.INVOICES, Flow.PAYMENTS, Flow.REFUNDS, Flow.CORRECTIONS)
SHOWN = (*OF_ORDERS, Flow.CUSTOMERS, Flow.ITEMS, Flow.PRICES, Flow.STOCK)


def is_part_of_an_order(transfer: Transfer) -> bool:
    """Whether it belongs to an order without being the order itself."""
    return transfer.flow in OF_ORDERS and transfer.flow != Flow.ORDERS


def words_of(transfer: Transfer) -> Words:
    return OF.get(transfer.flow) or Words(transfer.get_flow_display(), "Made", "Both sides")


def called(transfer: Transfer) -> str:
    """``Refund 7``, ``Correction 104-AB12``. A payment goes by the number of its order."""
    if transfer.flow == Flow.PAYMENTS:
        back = transfer.amount is not None and transfer.amount < 0
        return f"{'Money back' if back else 'Payment'} for {transfer.number}"
    return f"{words_of(transfer).name} {transfer.number}"


def order_numbers(transfers: Iterable[Transfer]) -> dict[int, str]:
    """The order's number for each transfer that belongs to one and is not the order itself."""
    parts = [row for row in transfers if is_part_of_an_order(row)]
    if not parts:
        return {}
    numbers = {
        (route, key): number
        for route, key, number in Transfer.objects.filter(
            flow=Flow.ORDERS,
            route_id__in={row.route_id for row in parts},
            order_key__in={row.order_key for row in parts},
        ).values_list("route_id", "order_key", "number")
    }
    return {row.pk: numbers.get((row.route_id, row.order_key), row.order_key) for row in parts}
