"""What a person can set on a route: described as settings, so that console and file share them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp, Setting, Store
from connectors.models import Connection
from connectors.registry import SYSTEMS
from sync import dispatch
from sync.models import Route

YES_NO = (("yes", "Yes"), ("no", "No"))


def describe(store: type[Store], erp: type[Erp]) -> tuple[Setting, ...]:
    """The settings of a route between these two systems, with their defaults."""
    return (
        Setting(
            name="document_kind",
            label="Orders become",
            kind="choice",
            choices=erp.document_kinds,
            default=erp.document_kinds[0][0],
        ),
        Setting(
            name="payable_statuses",
            label="Payable order statuses",
            kind="choices",
            choices=tuple(store.statuses.items()),
            default=",".join(sorted(store.payable_statuses, key=int)),
            help="Orders in one of these go to the ledger; others wait or are skipped.",
        ),
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
                if Decimal(value) < 0 or Decimal(value) > 5:
                    return "Must be between 0.00 and 5.00."
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
            audit.record(
                Action.ROUTE_SAVED,
                f"Settings of the route “{route.name}” were changed: {', '.join(changed)}.",
                route_id=route.pk,
                data={name: [before.get(name, ""), cleaned[name]] for name in changed},
            )
    return changed


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
