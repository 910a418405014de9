"""What a person can set on a route: described as settings, so that console and file share them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import services as audit
from audit.actions import Action
from connectors.contract import Booking, Erp, Setting, Store
from connectors.models import Connection
from connectors.registry import SYSTEMS
from sync import dispatch, readings
from sync.flow_settings import YES_NO, of_master_data
from sync.models import Route
from tenants.database import database

NOTHING = "nothing"


def describe(store: type[Store], erp: type[Erp]) -> tuple[Setting, ...]:
    """The settings of a route between these two systems, with their defaults."""
    return (
        Setting(
            name="document_kind",
            label="Orders become",
            kind="choice",
            choices=_choices(erp.order_bookings),
            default=erp.order_bookings[0].name,
        ),
        *_of_store_invoices(store),
        Setting(
            name="payable_statuses",
            label="Payable order statuses",
            kind="choices",
            choices=tuple(store.statuses.items()),
            default=",".join(
                status for status in store.statuses if status in store.payable_statuses
            ),
            help="Orders in one of these go to the ledger; others wait or are skipped.",
        ),
        Setting(
            name="payment_proof",
            label="An order counts as paid",
            kind="choice",
            choices=(
                ("status", "When its status is payable"),
                ("captured", "When its status is payable and the whole amount is captured"),
            ),
            default="status",
            help="Payments that are only authorised, captured in part, or voided hold the order "
            "where the captured amount counts.",
        ),
        *_of_late_totals(erp),
        *_of_refunds(store, erp),
        *_of_payments(erp),
        *of_master_data(store, erp),
        Setting(
            name="ledger_date",
            label="Document and posting date",
            kind="choice",
            choices=(
                ("placed", "The day the order was placed"),
                ("paid", "The day it was paid"),
                ("today", "The day it is booked"),
            ),
            default="placed",
        ),
        Setting(
            name="time_zone",
            label="Ledger time zone",
            default="UTC",
            help="An IANA name such as Europe/London: the day of a document is the day there.",
        ),
        Setting(
            name="cut_off",
            label="Day ends at",
            kind="time",
            default="00:00",
            help="Orders at or after this time belong to the next day. 00:00 means midnight.",
        ),
        Setting(
            name="closed_period",
            label="When the period is closed",
            kind="choice",
            choices=(
                ("hold", "Hold the document until it opens"),
                ("first_open_day", "Post on the first open day; the document date stays"),
            ),
            default="hold",
        ),
        Setting(
            name="create_customers",
            label="Create customers that are not found",
            kind="boolean",
            choices=YES_NO,
            default="yes",
        ),
        Setting(
            name="default_customer",
            label="Customer for orders without e-mail",
            required=False,
            help="An ERP customer number. Without one such orders are held.",
        ),
        Setting(
            name="match_barcode",
            label="Match items by barcode when the SKU is unknown",
            kind="boolean",
            choices=YES_NO,
            default="no",
        ),
        Setting(
            name="unknown_sku",
            label="An unknown SKU",
            kind="choice",
            choices=(
                ("hold", "Holds the order"),
                ("item", "Is booked on the stand-in item"),
                ("account", "Is booked on the stand-in account"),
            ),
            default="hold",
        ),
        Setting(
            name="unknown_sku_number",
            label="Stand-in item or account",
            required=False,
            max_length=20,
        ),
        Setting(
            name="tax",
            label="Tax",
            kind="choice",
            choices=(
                ("erp", "Worked out by the ERP and compared with the store"),
                ("line", "The store's tax as a line of its own"),
            ),
            default="erp",
        ),
        Setting(
            name="rounding_limit",
            label="Largest rounding line",
            kind="decimal",
            default="0.00",
            help="A difference of totals up to this amount is booked in a line of its own, on the "
            "account “rounding”. 0.00 holds every difference.",
        ),
        Setting(
            name="recheck_minutes",
            label="Ask again about held orders every (minutes)",
            kind="integer",
            default="30",
            pattern=r"^[1-9]\d{0,3}$",
            help="For closed periods, unknown items and blocks in the ERP.",
        ),
        Setting(
            name="poll_minutes",
            label="Check the store for missed orders every (minutes)",
            kind="integer",
            default="10",
            pattern=r"^[1-9]\d{0,3}$",
        ),
        Setting(
            name="test_orders",
            label="Book orders paid by test transactions",
            kind="boolean",
            choices=YES_NO,
            default="no",
            group="Advanced",
        ),
    )


def _choices(bookings: Iterable[Booking]) -> tuple[tuple[str, str], ...]:
    return tuple((booking.name, booking.label) for booking in bookings)


def _of_late_totals(erp: type[Erp]) -> tuple[Setting, ...]:
    if not erp.computes_tax or any(booking.posts for booking in erp.order_bookings):
        return ()
    return (
        Setting(
            name="late_difference",
            label="If the ERP posts another total or tax than the store charged",
            kind="choice",
            choices=(("show", "Show the difference"), ("hold", "A person must look at it")),
            default="hold",
        ),
    )


def _of_store_invoices(store: type[Store]) -> tuple[Setting, ...]:
    if not store.makes_invoices:
        return ()
    return (
        Setting(
            name="bill_on",
            label="What is booked",
            kind="choice",
            choices=(
                ("order", "The order, once, as a whole"),
                ("invoice", "Each invoice that the store captured"),
            ),
            default="invoice",
            help="An order that the store invoices in parts becomes as many documents.",
        ),
    )


def _of_refunds(store: type[Store], erp: type[Erp]) -> tuple[Setting, ...]:
    if not store.makes_refunds or not erp.refund_bookings:
        return ()
    return (
        Setting(
            name="refund_kind",
            label="Refunds become",
            kind="choice",
            choices=(*_choices(erp.refund_bookings), (NOTHING, "Nothing: they are left alone")),
            default=erp.refund_bookings[0].name,
        ),
    )


def _of_payments(erp: type[Erp]) -> tuple[Setting, ...]:
    if not erp.payment_bookings:
        return ()
    return (
        Setting(
            name="payment_kind",
            label="Captured payments become",
            kind="choice",
            choices=(*_choices(erp.payment_bookings), (NOTHING, "Nothing: they are left alone")),
            default=erp.payment_bookings[0].name,
        ),
    )


def booking(route: Route, name: str, values: Mapping[str, str]) -> Booking | None:
    """The booking that a route's setting ``document_kind``, ``refund_kind`` or ``payment_kind``
    chooses; None if nothing is booked."""
    _, erp = systems_of(route)
    offered = {
        "document_kind": erp.order_bookings,
        "refund_kind": erp.refund_bookings,
        "payment_kind": erp.payment_bookings,
    }[name]
    return next((found for found in offered if found.name == values.get(name, "")), None)


def systems_of(route: Route) -> tuple[type[Store], type[Erp]]:
    store, erp = SYSTEMS[route.store.kind], SYSTEMS[route.erp.kind]
    if not issubclass(store, Store) or not issubclass(erp, Erp):
        raise ValidationError("A route joins one store with one ERP.")
    return store, erp


def values_of(route: Route) -> dict[str, str]:
    """Every setting of a route, defaults included."""
    defaults = {setting.name: setting.default for setting in describe(*systems_of(route))}
    return defaults | {name: str(value) for name, value in route.settings.items()}


def clean(
    values: Mapping[str, Any], store: type[Store], erp: type[Erp]
) -> tuple[dict[str, str], dict[str, str]]:
    """(cleaned values, errors by setting name) for what a person or a file gave."""
    known = {setting.name: setting for setting in describe(store, erp)}
    cleaned: dict[str, str] = {}
    errors = {
        name: f"“{name}” is not a setting of a route." for name in values if name not in known
    }
    for name, setting in known.items():
        if name not in values:
            continue
        raw = values[name]
        if isinstance(raw, bool):
            raw = "yes" if raw else "no"
        if isinstance(raw, list | tuple):
            raw = ",".join(str(part) for part in raw)
        value = str(raw).strip() or setting.default
        if problem := _problem(setting, value):
            errors[name] = problem
        else:
            cleaned[name] = value
    if cleaned.get("unknown_sku") in ("item", "account") and not cleaned.get("unknown_sku_number"):
        errors["unknown_sku_number"] = "Name the stand-in item or account."
    return cleaned, errors


def _problem(setting: Setting, value: str) -> str:
    allowed = dict(setting.choices)
    match setting.kind:
        case "choice" | "boolean" if value not in allowed:
            return f"Must be one of {', '.join(allowed)}."
        case "choices":
            wrong = [part for part in value.split(",") if part.strip() not in allowed]
            if wrong:
                return f"Not known: {', '.join(wrong)}."
        case "time":
            try:
                time.fromisoformat(value)
            except ValueError:
                return "Must be a time such as 17:30."
        case "decimal":
            try:
                most = 5 if setting.name == "rounding_limit" else 100
                if not 0 <= Decimal(value) <= most:
                    return f"Must be between 0 and {most}."
            except InvalidOperation:
                return "Must be an amount such as 0.05."
    if setting.name == "time_zone" and value not in available_timezones():
        return "Must be an IANA time zone such as Europe/London."
    if setting.pattern and value and not re.match(setting.pattern, value):
        return "Does not look right."
    if len(value) > setting.max_length:
        return f"Longer than {setting.max_length} characters."
    return ""


def save(route: Route, values: Mapping[str, Any]) -> list[str]:
    """Save settings of a route. Returns the names that changed. Raises ValidationError by name."""
    cleaned, errors = clean(values, *systems_of(route))
    if errors:
        raise ValidationError(errors)
    before = values_of(route)
    changed = sorted(name for name, value in cleaned.items() if before.get(name) != value)
    if changed:
        with transaction.atomic():
            route.settings = {**route.settings, **{name: cleaned[name] for name in changed}}
            route.save()
            # What is shown may be another value now of rows that did not change.
            readings.read_all(route, readings.of_settings(changed))
            audit.record(
                Action.ROUTE_SAVED,
                f"Settings of the route “{route.name}” were changed: {', '.join(changed)}.",
                route_id=route.pk,
                data={name: [before.get(name, ""), cleaned[name]] for name in changed},
            )
    return changed


def own_time_zone() -> str:
    """The time zone of the tenant that we are in: the day of its ledger, unless a route says
    otherwise."""
    return str(getattr(database.tenant, "time_zone", "") or "UTC")


def create_route(
    *,
    name: str,
    slug: str,
    store: Connection,
    erp: Connection,
    prefix: str,
    settings: Mapping[str, Any],
    start_at: Any = None,
) -> Route:
    """A new route, with its regular check on the agenda. Raises ValidationError."""
    route = Route(name=name, slug=slug, store=store, erp=erp, prefix=prefix.upper())
    if start_at is not None:
        route.start_at = start_at
    settings = {"time_zone": own_time_zone(), **settings}
    cleaned, errors = clean(settings, *systems_of(route))
    if errors:
        raise ValidationError(errors)
    route.settings = cleaned
    route.full_clean()
    with transaction.atomic():
        route.save()
        dispatch.wake(dispatch.POLL_ORDERS, route.pk)
        audit.record(
            Action.ROUTE_SAVED,
            f"The route “{name}” from {store.name} to {erp.name} was added.",
            route_id=route.pk,
        )
    return route
