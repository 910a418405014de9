"""One transfer from claim to settlement, whichever flow it belongs to."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from audit.context import working_on
from connectors import services
from connectors.errors import ConnectorError, NeedsAttention
from sync import dispatch, outcomes, transfers
from sync.models import Flow, Route, State, Transfer
from sync.pipelines import (
    catalog,
    corrections,
    invoices,
    orders,
    parties,
    payments,
    refunds,
    related,
)
from sync.transfers import Lease

CARRY: dict[str, Callable[[Lease], None]] = {
    Flow.ORDERS: orders.carry,
    Flow.INVOICES: invoices.carry,
    Flow.REFUNDS: refunds.carry,
    Flow.PAYMENTS: payments.carry,
    Flow.CORRECTIONS: corrections.carry,
    Flow.ITEMS: catalog.carry,
    Flow.PRICES: catalog.carry,
    Flow.STOCK: catalog.carry,
    Flow.CUSTOMERS: parties.carry,
}
CHECK: dict[str, Callable[[Transfer], None]] = {
    Flow.ORDERS: orders.check,
    Flow.INVOICES: invoices.check,
    Flow.REFUNDS: refunds.check,
}


def work(transfer_id: int) -> None:
    """Claim a transfer and carry it as far as it goes. Whatever happens ends in a state."""
    if not _has_room(transfer_id):
        dispatch.wake_at(
            dispatch.TRANSFER,
            transfer_id,
            timezone.now() + timedelta(seconds=random.uniform(0.5, 3)),  # noqa: S311
        )
        return
    transfers.wake_held(transfer_id)
    lease = transfers.claim(transfer_id)
    if lease is None:
        return
    transfer = lease.transfer
    with working_on(transfer.pk):
        try:
            CARRY[transfer.flow](lease)
        except transfers.LeaseLost:
            return
        except Exception as error:  # noqa: BLE001  every failure becomes a state that people see
            if isinstance(error, NeedsAttention):
                _blame(transfer.route, error)
            try:
                transfers.settle(lease, outcomes.of(error, transfer))
            except transfers.LeaseLost:
                return
        related.follow(transfer.pk)


def check_posted(transfer_id: int) -> None:
    """Look at a booked record again after the store reported changes. Raises ConnectorError."""
    transfer = (
        Transfer.objects.select_related("route__store", "route__erp")
        .filter(pk=transfer_id, state__in=(State.POSTED, State.CHANGED))
        .first()
    )
    if transfer is None or transfer.flow not in CHECK:
        return
    with working_on(transfer.pk):
        CHECK[transfer.flow](transfer)


def _has_room(transfer_id: int) -> bool:
    """Whether the ERP's connection takes another transfer now. The others wait in the database,
    not in threads: one slow ERP must not hold up every tenant."""
    transfer = Transfer.objects.select_related("route__erp").filter(pk=transfer_id).first()
    if transfer is None or not transfer.route.erp.is_open:
        return True
    working = Transfer.objects.filter(
        route__erp=transfer.route.erp, state=State.WORKING, lease_until__gt=timezone.now()
    ).count()
    try:
        return working < services.open_erp(transfer.route.erp).transfers_at_once
    except ConnectorError:
        return True  # the pipeline meets the same error and settles with its words


def _blame(route: Route, error: NeedsAttention) -> None:
    """Mark the connection that needs a person, so that nothing else runs into the same wall."""
    for connection in (route.store, route.erp):
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
