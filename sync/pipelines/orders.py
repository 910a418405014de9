"""The story of an order: fetched, decided, matched, mapped, booked."""

from __future__ import annotations

import random
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.context import working_on
from connectors import services
from connectors.contract import Erp, Store
from connectors.errors import NeedsAttention, Rejected, TryLater
from connectors.records import DocumentKind, DocumentStatus, ErpCustomer, Order
from sync import (
    decide,
    dispatch,
    documents,
    mapping,
    mapping_rules,
    outcomes,
    route_settings,
    transfers,
)
from sync.models import Crosswalk, Hold, Route, State, Transfer
from sync.pipelines import customers, items, posting
from sync.transfers import Lease, Settlement

DOCUMENT_KINDS = {
    "posted_invoice": (DocumentKind.SALES_INVOICE, True),
    "draft_invoice": (DocumentKind.SALES_INVOICE, False),
    "sales_order": (DocumentKind.SALES_ORDER, False),
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
            carry(lease)
        except transfers.LeaseLost:
            return
        except Exception as error:  # noqa: BLE001  every failure becomes a state that people see
            if isinstance(error, NeedsAttention):
                _blame(transfer.route, error)
            try:
                transfers.settle(lease, outcomes.of(error, transfer))
            except transfers.LeaseLost:
                return


def _has_room(transfer_id: int) -> bool:
    """Whether the ERP's connection takes another transfer now. The others wait in the database,
    not in threads: one slow ERP must not hold up every tenant."""
    transfer = Transfer.objects.select_related("route__erp").filter(pk=transfer_id).first()
    if transfer is None or not transfer.route.erp.is_open:
        return True
    working = Transfer.objects.filter(
        route__erp=transfer.route.erp, state=State.WORKING, lease_until__gt=timezone.now()
    ).count()
    return working < services.open_erp(transfer.route.erp).transfers_at_once


def carry(lease: Lease) -> None:
    """One order from the store into the ERP."""
    route = lease.transfer.route
    settings = route_settings.values_of(route)
    store, erp = services.open_store(route.store), services.open_erp(route.erp)
    order = store.fetch_order(lease.transfer.source_key)
    transfers.remember_order(lease, order)
    judge(order, route, store, settings)
    rules = mapping_rules.load(route)
    found = items.match(route, erp=erp, order=order, settings=settings)
    customer = customers.match(lease, erp=erp, order=order, rules=rules, settings=settings)
    kind, post = DOCUMENT_KINDS[settings["document_kind"]]
    draft = mapping.to_document(
        order,
        kind=kind,
        reference=reference(route, order, erp),
        customer=ErpCustomer(
            external_id=customer.erp_record_id,
            number=customer.erp_number,
            name=customer.erp_name,
            email=order.customer.email,
        ),
        items=found,
        document_date=ledger_day(order, settings),
        posting_date=ledger_day(order, settings),
        prices_include_tax=bool(
            customer.attributes.get("prices_include_tax", erp.new_customers_include_tax)
        )
        if kind is not DocumentKind.SALES_ORDER
        else order.prices_include_tax,
        rules=rules,
    )
    try:
        booked = posting.book(
            lease,
            erp=erp,
            draft=draft,
            rules=rules,
            post=post,
            on_pricing_mode=lambda mode: _learn_mode(customer, mode),
        )
    except Rejected as error:
        if error.code != "identity_gone":
            raise
        items.forget(route, order)
        raise TryLater(
            error.detail,
            reason=error.reason,
            advice=error.advice,
            vendor_words=error.vendor_words,
            retry_after=timedelta(seconds=1),
        ) from error
    finish(lease, erp, booked, posted=post)


def judge(order: Order, route: Route, store: Store, settings: dict[str, str]) -> None:
    """Go on, or say why not. Raises Skipped or Held."""
    decision = decide.order(
        order,
        decide.OrderPolicy(
            payable=frozenset(settings["payable_statuses"].split(",")),
            unpaid=store.unpaid_statuses,
            dead=store.dead_statuses,
            start_at=route.start_at,
            accept_test_payments=settings["test_orders"] == "yes",
        ),
    )
    if decision.verdict is decide.Verdict.SKIP:
        raise outcomes.Skipped(decision.reason)
    if decision.verdict is decide.Verdict.HOLD:
        raise outcomes.Held(Hold(decision.hold), decision.reason, decision.advice)
    difference = order.lines_total_inc_tax - order.total_inc_tax
    if abs(difference) >= decide.CENT:
        raise outcomes.Held(
            Hold.TOTALS_DISAGREE,
            f"The store's own figures do not add up: lines and charges come to "
            f"{order.lines_total_inc_tax:.2f}, the order's total is {order.total_inc_tax:.2f} "
            f"{order.currency}.",
            "Look at the order in the store: a discount or fee may not be shown in its lines.",
            comparison={
                "rows": [
                    *(
                        {"what": line.name, "store": f"{line.net_inc_tax:.2f}", "erp": None}
                        for line in order.lines
                    ),
                    *(
                        {
                            "what": charge.name or charge.kind.value,
                            "store": f"{charge.amount_inc_tax:.2f}",
                            "erp": None,
                        }
                        for charge in order.charges
                    ),
                ],
                "total": {
                    "what": "Sum of the lines against the order's total",
                    "store": f"{order.total_inc_tax:.2f}",
                    "erp": f"{order.lines_total_inc_tax:.2f}",
                    "difference": f"{-difference:.2f}",
                },
            },
        )


def ledger_day(order: Order, settings: dict[str, str]) -> date:
    """The document date in the ledger's time zone, as the route says."""
    zone = settings["time_zone"]
    return decide.ledger_date(
        order,
        zone=zone,
        cut_off=time.fromisoformat(settings["cut_off"]),
        source=settings["ledger_date"],
        today=timezone.now().astimezone(ZoneInfo(zone)).date(),
    )


def reference(route: Route, order: Order, erp: Erp) -> str:
    """Our deterministic natural key of the order's document: the route's prefix and the store's
    order number. Raises Held if the ERP's field is too short for it."""
    text = f"{route.prefix}{order.number}".upper()
    if len(text) > erp.reference_max_length:
        raise outcomes.Held(
            Hold.MAPPING,
            f"The reference {text} is longer than the ERP's {erp.reference_max_length} characters.",
            "Give the route a shorter prefix.",
        )
    return text


def finish(lease: Lease, erp: Erp, booked: posting.Booked, *, posted: bool) -> None:
    """Record the document and settle the transfer together."""
    document, result = booked.document, booked.booked
    words = (
        f"{result.number} is posted: {result.total_inc_tax:.2f} {result.currency}."
        if result.status is DocumentStatus.POSTED
        else f"{result.number} waits in the ERP: {result.total_inc_tax:.2f} {result.currency}."
    )
    with transaction.atomic():
        documents.settle(document, result, url=erp.document_url(result))
        transfers.settle(
            lease,
            Settlement(
                state=State.POSTED,
                reason=words,
                action=Action.DOCUMENT_POSTED,
                data={
                    "document": result.number,
                    "reference": result.reference,
                    "total_inc_tax": f"{result.total_inc_tax:f}",
                    "tax": f"{result.total_tax:f}",
                    "posting_date": str(result.posting_date or ""),
                },
            ),
        )


def check_posted(transfer_id: int) -> None:
    """Look at a booked order again after the store reported changes: has the ledger's side moved?"""
    transfer = (
        Transfer.objects.select_related("route__store", "route__erp")
        .filter(pk=transfer_id, state__in=(State.POSTED, State.CHANGED))
        .first()
    )
    if transfer is None:
        return
    with working_on(transfer.pk):
        order = services.open_store(transfer.route.store).fetch_order(transfer.source_key)
        store = services.open_store(transfer.route.store)
        if transfers.ledger_digest(order) == transfer.record_digest and (
            order.status not in store.dead_statuses
        ):
            return
        words = _what_changed(transfer, order, store)
        if transfer.state == State.CHANGED and transfer.reason == words:
            return
        transfers.move(
            [transfer.pk],
            from_states=[State.POSTED, State.CHANGED],
            settlement=Settlement(
                state=State.CHANGED,
                reason=words,
                advice="The ledger was not touched. Correct it in the ERP if that is right, then "
                "mark this as dealt with.",
                action=Action.CHANGED_AFTER_POSTING,
                data={"status": order.status, "total": f"{order.total_inc_tax:f}"},
            ),
        )


def _what_changed(transfer: Transfer, order: Order, store: Store) -> str:
    label = order.status_label or order.status
    if order.status in store.dead_statuses:
        return f"The order is “{label}” in the store now, and its document is in the ledger."
    if transfer.amount is not None and transfer.amount != order.total_inc_tax:
        return (
            f"The order's total in the store is {order.total_inc_tax:.2f} {order.currency} now; "
            f"{transfer.amount:.2f} was booked."
        )
    return "The order's lines, currency or customer in the store are other ones than were booked."


def _learn_mode(customer: Crosswalk, prices_include_tax: bool) -> None:
    customer.attributes = {**customer.attributes, "prices_include_tax": prices_include_tax}
    customer.save(update_fields=["attributes", "updated_at"])


def _blame(route: Route, error: NeedsAttention) -> None:
    """Mark the connection that needs a person, so that nothing else runs into the same wall."""
    for connection in (route.store, route.erp):
        if error.source == str(connection.pk):
            services.report_problem(connection, error)
