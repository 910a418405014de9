"""The form of a new route: which pair, under which name and prefix, from when, as what."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.text import slugify

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp, Setting, Store
from connectors.models import Connection
from connectors.registry import SYSTEMS
from sync import route_settings
from sync.models import Flow, Route, Transfer

# Settings that are chosen when a route is made; the others have sane defaults.
CHOSEN = ("document_kind", "bill_on", "refund_kind", "payment_kind")
GROWN_NUMBER = 6  # what a young store's numbers will come to at least
CORRECTION_MARK = len("C") + len("-AB12")
OUR_MARK = len("R")  # of refunds, payments and store invoices
_PREFIX = re.compile(r"[A-Z0-9][A-Z0-9-]*")


def pair(store_slug: str, erp_slug: str) -> tuple[Connection | None, Connection | None]:
    """The chosen connections; the only one of its side where none was chosen."""
    return _side("store", store_slug), _side("erp", erp_slug)


def _side(role: str, slug: str) -> Connection | None:
    rows = list(Connection.objects.filter(role=role))
    if not slug and len(rows) == 1:
        return rows[0]
    return next((row for row in rows if row.slug == slug), None)


def settings_of(store: Connection, erp: Connection) -> list[Setting]:
    """The route settings that the form offers for this pair."""
    return [setting for setting in _described(store, erp) if setting.name in CHOSEN]


def _described(store: Connection, erp: Connection) -> tuple[Setting, ...]:
    shop, ledger = SYSTEMS[store.kind], SYSTEMS[erp.kind]
    assert issubclass(shop, Store)
    assert issubclass(ledger, Erp)
    return route_settings.describe(shop, ledger)


def suggested(store: Connection, erp: Connection, zone: str) -> dict[str, str]:
    """What the form shows at first."""
    words = re.findall(r"[A-Z0-9]+", store.name.upper())
    letters = "".join(word[0] for word in words)[:3] if len(words) > 1 else "".join(words)[:3]
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    return {
        "name": f"{store.name} to {erp.name}"[:80],
        "prefix": f"{letters or 'WEB'}-",
        "start": today.isoformat(),
        "time_zone": zone,
        **{setting.name: setting.default for setting in settings_of(store, erp)},
    }


def make(store: Connection, erp: Connection, given: dict[str, str]) -> Route:
    """The new route. Raises ValidationError by field of the form."""
    errors: dict[str, str] = {}
    name, slug = given.get("name", ""), slugify(given.get("name", ""))[:40].strip("-")
    if not slug:
        errors["name"] = "Give the route a name with letters or digits in it."
    elif Route.objects.filter(name=name).exists() or Route.objects.filter(slug=slug).exists():
        errors["name"] = "There is a route with this name already."
    prefix = given.get("prefix", "").upper()
    if problem := check_prefix(prefix, store, erp, given):
        errors["prefix"] = problem
    zone = given.get("time_zone", "")
    if zone not in available_timezones():
        errors["time_zone"] = "Must be an IANA time zone such as Europe/London."
        zone = "UTC"
    start = _start(given.get("start", ""), zone)
    if start is None:
        errors["start"] = "Give a day, such as 2026-01-31."
    if Route.objects.filter(store=store, erp=erp).exists():
        errors["erp"] = f"There is a route from {store.name} into {erp.name} already."
    if errors:
        raise ValidationError(errors)
    settings = {s.name: given[s.name] for s in settings_of(store, erp) if s.name in given}
    try:
        with transaction.atomic():
            return route_settings.create_route(
                name=name,
                slug=slug,
                store=store,
                erp=erp,
                prefix=prefix,
                settings={**settings, "time_zone": zone},
                start_at=start,
            )
    except IntegrityError as error:  # made by somebody else just now
        raise ValidationError({"name": "There is such a route already."}) from error
    except ValidationError as error:
        raise ValidationError(_by_field(error)) from error


def _by_field(error: ValidationError) -> dict[str, Any]:
    fields = dict(error.message_dict)
    if loose := fields.pop(NON_FIELD_ERRORS, None):
        fields["erp"] = loose
    return {("name" if name == "slug" else name): words for name, words in fields.items()}


def _start(text: str, zone: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if not 2000 <= day.year < 2200:
        return None
    return datetime.combine(day, time(0), ZoneInfo(zone))


def rename(slug: str, *, name: str, start: str) -> bool:
    """Give a route another name or first day; False if both are what they were. Raises
    ValidationError by field, Route.DoesNotExist."""
    with transaction.atomic():
        row = Route.objects.select_for_update().get(slug=slug)
        zone = route_settings.values_of(row)["time_zone"]
        errors: dict[str, str] = {}
        limit = Route._meta.get_field("name").max_length or 0  # type: ignore[union-attr]
        if not slugify(name):
            errors["name"] = "Give the route a name with letters or digits in it."
        elif len(name) > limit:
            errors["name"] = f"A name has at most {limit} characters."
        elif Route.objects.filter(name=name).exclude(pk=row.pk).exists():
            errors["name"] = "There is a route with this name already."
        begin = _start(start, zone)
        if begin is None:
            errors["start"] = "Give a day, such as 2026-01-31."
        if errors:
            raise ValidationError(errors)
        assert begin is not None
        before, first = row.name, first_day(row)
        is_moved = first != date.fromisoformat(start)
        if before == name and not is_moved:
            return False
        row.name = name
        if is_moved:
            row.start_at = begin
        row.save(update_fields=["name", "start_at", "updated_at"])
        audit.record(
            Action.ROUTE_SAVED,
            f"The route “{before}” was changed: it is called “{name}” and takes orders from "
            f"{start} on.",
            route_id=row.pk,
            data={"name": [before, name], "start": [first.isoformat(), start]},
        )
    return True


def first_day(route: Route) -> date:
    """The route's first day, in its ledger's time zone."""
    zone = route_settings.values_of(route)["time_zone"]
    return route.start_at.astimezone(ZoneInfo(zone)).date()


def check_prefix(prefix: str, store: Connection, erp: Connection, given: dict[str, str]) -> str:
    """What is wrong with a prefix, in words; empty if nothing."""
    if not prefix:
        return "Give a prefix: every reference in the ERP begins with it."
    limit = Route._meta.get_field("prefix").max_length or 0  # type: ignore[union-attr]
    if len(prefix) > limit:
        return f"At most {limit} characters."
    if not _PREFIX.fullmatch(prefix):
        return "Letters, digits and hyphens, beginning with a letter or digit."
    taken = Route.objects.filter(erp=erp, prefix=prefix).first()
    if taken is not None:
        return f"The route “{taken.name}” into {erp.name} has this prefix already."
    system = SYSTEMS[erp.kind]
    assert issubclass(system, Erp)
    longest = longest_number(store)
    only_orders = given.get("bill_on", "order") == "order" and all(
        given.get(name, route_settings.NOTHING) == route_settings.NOTHING
        for name in ("refund_kind", "payment_kind")
    )
    room = system.reference_max_length - longest - (0 if only_orders else OUR_MARK)
    if len(prefix) > room:
        return (
            f"Too long: a reference in {system.title} has {system.reference_max_length} "
            f"characters, and the store's numbers take up to {longest}. "
            + (f"At most {room} remain." if room > 0 else "None remain for a prefix.")
        )
    return ""


def longest_number(store: Connection) -> int:
    """Characters of the store's longest number that we know of, or of a usual one."""
    known = Transfer.objects.filter(route__store=store, flow=Flow.ORDERS).aggregate(
        most=Max(Length("number"))
    )["most"]
    if known:
        return max(known, GROWN_NUMBER)
    system = SYSTEMS[store.kind]
    assert issubclass(system, Store)
    return system.number_length(store.values)


def corrections_too_long(route: Route) -> str:
    """Whether corrections of a changed order cannot be booked by us, in words."""
    _, erp = route_settings.systems_of(route)
    longest = longest_number(route.store)
    if len(route.prefix) + CORRECTION_MARK + longest <= erp.reference_max_length:
        return ""
    return (
        f"With numbers of {longest} characters the reference of a correction is longer than the "
        f"{erp.reference_max_length} that {erp.title} takes: an order that is changed after "
        "posting has to be corrected in the ERP by hand."
    )
