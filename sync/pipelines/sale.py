"""What orders, store invoices and refunds have in common: goods and sums that become one ERP
document for one customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors import services
from connectors.contract import Booking, Erp, Store
from connectors.errors import Rejected, TryLater
from connectors.records import (
    DocumentDraft,
    DocumentKind,
    DocumentStatus,
    ErpCustomer,
    ErpItem,
    Order,
)
from sync import decide, documents, mapping, mapping_rules, outcomes, route_settings, transfers
from sync.models import Crosswalk, Document, Flow, Hold, Route, SoldLine, State
from sync.pipelines import awaited, customers, items, posting
from sync.rules import Rules
from sync.transfers import Lease, Settlement


@dataclass(frozen=True, slots=True)
class Context:
    """The parts that every flow of a route works with."""

    route: Route
    settings: dict[str, str]
    store: Store
    erp: Erp
    rules: Rules

    @property
    def sales_flow(self) -> Flow:
        """What of an order becomes its invoice: the order itself, or the store's invoices."""
        return Flow.INVOICES if self.settings.get("bill_on") == "invoice" else Flow.ORDERS

    @property
    def books_refunds(self) -> bool:
        return route_settings.booking(self.route, "refund_kind", self.settings) is not None


def context_of(route: Route) -> Context:
    return Context(
        route,
        route_settings.values_of(route),
        services.open_store(route.store),
        services.open_erp(route.erp),
        mapping_rules.load(route),
    )


def must_add_up(sale: Order, what: str = "order") -> None:
    """The store's own figures, before anything is booked from them. Raises Held."""
    difference = sale.lines_total_inc_tax - sale.total_inc_tax
    if abs(difference) < decide.CENT:
        return
    rows = [
        *((line.name, line.net_inc_tax) for line in sale.lines),
        *((charge.name or charge.kind.value, charge.amount_inc_tax) for charge in sale.charges),
    ]
    raise outcomes.Held(
        Hold.TOTALS_DISAGREE,
        f"The store's own figures do not add up: lines and charges come to "
        f"{sale.lines_total_inc_tax:.2f}, the {what}'s total is {sale.total_inc_tax:.2f} "
        f"{sale.currency}.",
        f"Look at the {what} in the store: a discount or fee may not be shown in its lines.",
        comparison={
            "rows": [
                {"what": name, "store": f"{amount:.2f}", "erp": None} for name, amount in rows
            ],
            "total": {
                "what": f"Sum of the lines against the {what}'s total",
                "store": f"{sale.total_inc_tax:.2f}",
                "erp": f"{sale.lines_total_inc_tax:.2f}",
                "difference": f"{-difference:.2f}",
            },
        },
    )


def ledger_day(sale: Order, settings: dict[str, str], *, made_at: datetime | None = None) -> date:
    """The document date in the ledger's time zone, as the route says. ``made_at`` takes the place
    of the order's own day, for what came after it."""
    if made_at is not None:
        sale = replace(sale, placed_at=made_at, payments=())
    zone = settings["time_zone"]
    return decide.ledger_date(
        sale,
        zone=zone,
        cut_off=time.fromisoformat(settings["cut_off"]),
        source=settings["ledger_date"],
        today=timezone.now().astimezone(ZoneInfo(zone)).date(),
    )


def reference(route: Route, number: str, erp: Erp) -> str:
    """Our deterministic natural key of a document: the route's prefix and the store's number of
    what it books. Raises Held if the ERP's field is too short for it."""
    text = f"{route.prefix}{number}".upper()
    if len(text) > erp.reference_max_length:
        raise outcomes.Held(
            Hold.MAPPING,
            f"The reference {text} is longer than the ERP's {erp.reference_max_length} characters.",
            "Give the route a shorter prefix.",
        )
    return text


def draft_of(
    context: Context,
    sale: Order,
    customer: Crosswalk,
    *,
    found: Mapping[str, ErpItem],
    kind: DocumentKind,
    text: str,
    day: date,
    applies_to: Document | None = None,
) -> DocumentDraft:
    """The document for a sale whose customer and items are known. Raises MappingHold."""
    mode = bool(
        customer.attributes.get("prices_include_tax", context.erp.new_customers_include_tax)
    )
    draft = mapping.to_document(
        sale,
        kind=kind,
        reference=text,
        customer=as_customer(customer, sale.customer.email),
        items=found,
        document_date=day,
        posting_date=day,
        prices_include_tax=sale.prices_include_tax if kind is DocumentKind.SALES_ORDER else mode,
        rules=context.rules,
    )
    if applies_to is None:
        return draft
    return replace(
        draft,
        applies_to_number=applies_to.invoice_number or applies_to.number,
        # An order's invoice has an id of its own.
        applies_to_id=str((applies_to.booked or {}).get("external_id") or applies_to.external_id),
    )


def as_customer(row: Crosswalk, email: str) -> ErpCustomer:
    return ErpCustomer(
        external_id=row.erp_record_id, number=row.erp_number, name=row.erp_name, email=email
    )


def book(
    lease: Lease,
    context: Context,
    sale: Order,
    booking: Booking,
    *,
    text: str,
    day: date,
    applies_to: Document | None = None,
) -> None:
    """Match, map, post and settle. Raises what ``outcomes.of`` understands."""
    found = items.match(
        context.route,
        erp=context.erp,
        order=sale,
        settings=context.settings,
        rules=context.rules,
    )
    # Before a customer is created for an order that cannot be booked yet.
    mapping.must_know_items(sale, found, context.rules)
    transfers.renew(lease)
    customer = customers.match(
        lease, erp=context.erp, order=sale, rules=context.rules, settings=context.settings
    )
    draft = draft_of(
        context,
        sale,
        customer,
        found=found,
        kind=booking.kind,
        text=text,
        day=day,
        applies_to=applies_to,
    )
    transfers.renew(lease)
    try:
        booked = post(lease, context, draft, booking, lambda mode: _learn_mode(customer, mode))
    except Rejected as error:
        if error.code != "identity_gone":
            raise
        items.forget(context.route, sale)
        raise TryLater(
            error.detail,
            reason=error.reason,
            advice=error.advice,
            vendor_words=error.vendor_words,
            retry_after=timedelta(seconds=1),
        ) from error
    finish(lease, context.erp, booked, booking)
    if booking.kind is DocumentKind.CREDIT_MEMO:
        keep_sold(lease, sale, sign=-1)


def keep_sold(lease: Lease, sale: Order, *, sign: int = 1) -> None:
    """Goods that the store has sold, by the ERP's number where it is known: what the ERP has not
    taken off its own stock yet is not offered again. Safe to repeat."""
    route = lease.transfer.route
    numbers = dict(
        Crosswalk.objects.filter(
            store=route.store,
            erp=route.erp,
            kind=Crosswalk.Kind.ITEM,
            store_key__in=[line.sku for line in sale.lines],
        ).values_list("store_key", "erp_number")
    )
    with transaction.atomic():
        SoldLine.objects.filter(transfer=lease.transfer).delete()
        SoldLine.objects.bulk_create(
            SoldLine(
                route=route,
                transfer=lease.transfer,
                number=numbers.get(line.sku, line.sku)[:100],
                quantity=sign * line.quantity,
                sold_at=timezone.now(),
            )
            for line in sale.lines
            if line.sku
        )


def post(
    lease: Lease,
    context: Context,
    draft: DocumentDraft,
    booking: Booking,
    on_pricing_mode: Callable[[bool], None] = lambda mode: None,
) -> posting.Booked:
    """The posting protocol, and the first open day where the route allows one."""

    def book_it(meant: DocumentDraft) -> posting.Booked:
        return posting.book(
            lease,
            erp=context.erp,
            draft=meant,
            rules=context.rules,
            post=booking.posts,
            on_pricing_mode=on_pricing_mode,
        )

    try:
        return book_it(draft)
    except Rejected as error:
        if error.hold != Hold.PERIOD_CLOSED or context.settings["closed_period"] == "hold":
            raise
        day = context.erp.first_open_day(draft.posting_date)
        if day is None or day == draft.posting_date:
            raise
        audit.record(
            Action.REDATED,
            f"The period of {draft.posting_date} is closed: it is posted on {day}, as the route "
            "allows. The document date stays.",
            transfer_id=lease.transfer.pk,
            data={"posting_date": [str(draft.posting_date), str(day)]},
        )
        return book_it(replace(draft, posting_date=day))


def finish(lease: Lease, erp: Erp, booked: posting.Booked, booking: Booking) -> None:
    """Record the document and settle the transfer together."""
    document, result = booked.document, booked.booked
    posted = result.status is DocumentStatus.POSTED
    amount = f"{booked.draft.total_inc_tax:.2f} {booked.draft.currency}"
    words = (
        f"{result.number} is posted: {amount}."
        if posted
        else f"{result.number} {booking.waits_as}: {amount}."
    )
    with transaction.atomic():
        documents.settle(document, result, url=erp.document_url(result))
        if not posted:
            awaited.look_later(document)
        transfers.settle(
            lease,
            Settlement(
                state=State.POSTED,
                reason=words,
                action=Action.DOCUMENT_POSTED if posted else Action.DOCUMENT_ACCEPTED,
                data={
                    "document": result.number,
                    "reference": result.reference,
                    "total_inc_tax": f"{result.total_inc_tax:f}",
                    "tax": f"{result.total_tax:f}",
                    "posting_date": str(result.posting_date or ""),
                },
            ),
        )


def _learn_mode(customer: Crosswalk, prices_include_tax: bool) -> None:
    customer.attributes = {**customer.attributes, "prices_include_tax": prices_include_tax}
    customer.save(update_fields=["attributes", "updated_at"])
