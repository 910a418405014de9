"""Which ERP customer a shopper is: crosswalk, then e-mail, then created, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from connectors.contract import Erp
from connectors.errors import OutcomeUnknown, TryLater
from connectors.models import Connection
from connectors.records import ErpCustomer, Order
from sync import mapping, numbers, transfers
from sync.mapping_rules import remember_identity
from sync.models import Claim, Crosswalk, Hold, Route
from sync.outcomes import Held
from sync.rules import Rules
from sync.transfers import Lease


def store_key(order: Order) -> str:
    """How a shopper is known on our side: the store's customer number, or a guest's e-mail."""
    if order.customer.external_id:
        return f"id:{order.customer.external_id}"
    return f"email:{order.customer.email.strip().casefold()}"


def known(route: Route, order: Order) -> Crosswalk | None:
    keys = [store_key(order)]
    if order.customer.email:
        keys.append(f"email:{order.customer.email.strip().casefold()}")
    rows = {
        row.store_key: row
        for row in Crosswalk.objects.filter(
            store=route.store, erp=route.erp, kind=Crosswalk.Kind.CUSTOMER, store_key__in=keys
        )
    }
    return next((rows[key] for key in keys if key in rows), None)


def match(
    lease: Lease, *, erp: Erp, order: Order, rules: Rules, settings: dict[str, str]
) -> Crosswalk:
    """The crosswalk row of the order's shopper, made if need be.

    Two orders of one new shopper do not both create the customer: the claim on the e-mail address
    lets one through at a time. Raises Held, TryLater, OutcomeUnknown, MappingHold.
    """
    route = lease.transfer.route
    row = known(route, order)
    if row is not None:
        return row
    email = order.customer.email.strip()
    if not email:
        return _without_email(route, order, erp, settings)
    with _claim(route.erp, f"customer:{email.casefold()}", erp) as prolong:
        row = known(route, order)
        if row is not None:
            return row
        found = erp.find_customers(email)
        if len(found) > 1:
            raise _ambiguous(found, order)
        if found:
            return _remember(route, order, found[0], Crosswalk.Origin.MATCHED, erp)
        if settings["create_customers"] != "yes":
            raise Held(
                Hold.CUSTOMER_AMBIGUOUS,
                "No customer in the ERP has this shopper's e-mail address, and the route does not "
                "create customers.",
                "Create the customer in the ERP with this e-mail address, then release.",
                keys=(f"customer:{store_key(order)}",),
            )
        key = store_key(order)
        sequence = 0 if erp.numbers_customers else numbers.number_for(route.erp, "customer", key)
        draft = mapping.to_customer(order, rules, store_key=key, sequence=sequence)
        prolong()
        transfers.renew(lease, seconds=erp.request_seconds.total_seconds() + 10)
        created = erp.create_customer(draft)
        return _remember(
            route,
            order,
            created,
            Crosswalk.Origin.CREATED,
            erp,
            notes=[*draft.notes, *created.notes],
        )


def _remember(
    route: Route,
    order: Order,
    customer: ErpCustomer,
    origin: Crosswalk.Origin,
    erp: Erp,
    notes: list[str] | None = None,
) -> Crosswalk:
    created = origin is Crosswalk.Origin.CREATED
    with transaction.atomic():
        row = remember_identity(
            route,
            kind=Crosswalk.Kind.CUSTOMER,
            store_key=store_key(order),
            erp_record_id=customer.external_id,
            erp_number=customer.number,
            erp_name=customer.name,
            origin=origin,
            attributes={"prices_include_tax": erp.new_customers_include_tax},
        )
        audit.record(
            Action.CUSTOMER_CREATED if created else Action.CUSTOMER_MATCHED,
            f"Customer {customer.number} was "
            + ("created in the ERP." if created else "found in the ERP by e-mail."),
            data={"customer": customer.number, "notes": notes or []},
        )
    return row


def _without_email(route: Route, order: Order, erp: Erp, settings: dict[str, str]) -> Crosswalk:
    """An order without an address to match by goes to the customer that the route names."""
    number = settings.get("default_customer", "").strip()
    if not number:
        raise Held(
            Hold.CUSTOMER_AMBIGUOUS,
            "The order has no e-mail address to find its customer by.",
            "Name a customer for such orders in the route's settings, then release.",
        )
    key = f"number:{number.casefold()}"
    row = Crosswalk.objects.filter(
        store=route.store, erp=route.erp, kind=Crosswalk.Kind.CUSTOMER, store_key=key
    ).first()
    if row is not None:
        return row
    found = erp.find_customer_by_number(number)
    if found is None:
        raise Held(
            Hold.CUSTOMER_AMBIGUOUS,
            f"The route's customer for orders without e-mail, {number}, is not in the ERP.",
            "Correct the customer number in the route's settings, then release.",
        )
    return remember_identity(
        route,
        kind=Crosswalk.Kind.CUSTOMER,
        store_key=key,
        erp_record_id=found.external_id,
        erp_number=found.number,
        erp_name=found.name,
        origin=Crosswalk.Origin.MATCHED,
        attributes={"prices_include_tax": erp.new_customers_include_tax},
    )


def _ambiguous(found: tuple[ErpCustomer, ...], order: Order) -> Held:
    numbers = ", ".join(customer.number for customer in found)
    return Held(
        Hold.CUSTOMER_AMBIGUOUS,
        f"Several customers in the ERP have this shopper's e-mail address: {numbers}.",
        "Choose the right one here, or correct the addresses in the ERP and release.",
        keys=(f"customer:{store_key(order)}",),
    )


@contextmanager
def _claim(erp: Connection, key: str, system: Erp) -> Iterator[Callable[[], None]]:
    """Hold a name for as long as one create may take. Raises TryLater if another holds it.

    Gives a function that prolongs it just before the create. After an unknown outcome the claim is
    kept until the create cannot happen any more, so that nobody looks, finds nothing yet, and
    creates a second one.
    """
    now = timezone.now()
    answer_within = system.request_seconds + timedelta(seconds=30)
    until = now + answer_within
    token = uuid4()
    Claim.objects.filter(erp=erp, key=key, until__lt=now).delete()
    try:
        with transaction.atomic():
            Claim.objects.create(erp=erp, key=key[:300], token=token, until=until)
    except IntegrityError as error:
        raise TryLater(
            "another order of this shopper is being worked",
            reason="Another order of this shopper is being matched just now.",
            counts=False,
            retry_after=timedelta(seconds=1),
        ) from error

    def prolong() -> None:
        ours = Claim.objects.filter(erp=erp, key=key, token=token)
        if not ours.update(until=timezone.now() + answer_within):
            raise TryLater(
                "the look-up took longer than the claim on the customer",
                reason="Another order of this shopper is being matched just now.",
                counts=False,
            )

    try:
        yield prolong
    except OutcomeUnknown:
        Claim.objects.filter(erp=erp, key=key, token=token).update(
            until=timezone.now() + system.carried_out_within
        )
        raise
    except BaseException:
        Claim.objects.filter(erp=erp, key=key, token=token).delete()
        raise
    else:
        Claim.objects.filter(erp=erp, key=key, token=token).delete()
