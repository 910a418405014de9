"""“Try on order …”: the exact document that would be sent, without sending anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors import services
from connectors.contract import Store
from connectors.errors import ConnectorError
from connectors.records import CustomerDraft, DocumentDraft, DocumentKind, ErpCustomer, Order
from sync import mapping, mapping_rules, route_settings
from sync.mapping_values import MappingHold
from sync.models import Hold, Route
from sync.outcomes import Held, Skipped
from sync.pipelines import customers, items, orders, sale


@dataclass(slots=True)
class Preview:
    """What an order would become; ``hold`` and ``reason`` say why it would not."""

    order: Order | None = None
    draft: DocumentDraft | None = None
    request: dict[str, Any] | None = None
    customer: str = ""
    customer_draft: CustomerDraft | None = None
    hold: str = ""
    reason: str = ""
    advice: str = ""
    notes: list[str] = field(default_factory=list)


def _key(store: Store, number: str) -> str:
    try:
        return store.order_key(number)
    except ValueError as error:
        raise Held(
            Hold.MAPPING, str(error), "Type the order's number as the store shows it."
        ) from (error)


def try_on(route: Route, number: str) -> Preview:
    """Read the order and the ERP's master data, write nothing there, and show the request.

    Identities that are found on the way are remembered, as they would be in earnest.
    """
    result = Preview()
    settings = route_settings.values_of(route)
    try:
        store, erp = services.open_store(route.store), services.open_erp(route.erp)
        order = result.order = store.fetch_order(_key(store, number))
        try:
            orders.judge(order, route, store, settings)
        except Skipped as skipped:
            result.reason = f"It would be skipped: {skipped}"
        rules = mapping_rules.load(route)
        known = customers.known(route, order)
        if known is not None:
            customer = ErpCustomer(
                external_id=known.erp_record_id,
                number=known.erp_number,
                name=known.erp_name,
                email=order.customer.email,
            )
            mode = bool(known.attributes.get("prices_include_tax"))
            result.customer = f"{customer.number} {customer.name}"
        else:
            found = erp.find_customers(order.customer.email) if order.customer.email else ()
            mode = erp.new_customers_include_tax
            if len(found) == 1:
                customer = found[0]
                result.customer = f"{customer.number} {customer.name}, found by e-mail"
            else:
                result.customer_draft = mapping.to_customer(order, rules)
                customer = ErpCustomer(
                    external_id="(new customer)", number="", name="", email=order.customer.email
                )
                result.customer = f"{result.customer_draft.display_name}, to be created"
                result.notes += result.customer_draft.notes
        booking = route_settings.booking(route, "document_kind", settings)
        assert booking is not None
        kind = booking.kind
        day = sale.ledger_day(order, settings)
        result.draft = mapping.to_document(
            order,
            kind=kind,
            reference=sale.reference(route, order.number, erp),
            customer=customer,
            items=items.match(route, erp=erp, order=order, settings=settings, rules=rules),
            document_date=day,
            posting_date=day,
            prices_include_tax=order.prices_include_tax
            if kind is DocumentKind.SALES_ORDER
            else mode,
            rules=rules,
        )
        result.notes += result.draft.notes
        result.request = erp.preview(result.draft)
    except MappingHold as hold:
        result.hold, result.reason, result.advice = Hold(hold.hold).label, hold.reason, hold.advice
    except Held as held:
        new = held.settlement
        result.hold, result.reason, result.advice = Hold(new.hold).label, new.reason, new.advice
    except ConnectorError as error:
        result.hold = "Could not be read"
        result.reason = f"{error.reason} {error.vendor_words}".strip()
        result.advice = error.advice
    return result
