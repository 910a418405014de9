"""A pair of the product as a tenant has it: two simulators, their connections, a route, its tables."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.utils import timezone
from django.utils.text import slugify

from config.demo.companies import Company
from connectors import services
from connectors.models import Connection
from sync import dispatch, hooks, mapping_rules, route_settings
from sync.models import Document, Route, Transfer
from tests.support.rigs import Booked, ErpRig, Rig, StoreRig
from tests.support.simulators import HOOK_HOST

EVENTS_PROJECT = "sandbox-events-project"
LOOKS, LOOK_SECONDS = 150, 0.1
ORDER_EVENT = "observer.sales_order_save_commit_after"


@dataclass(frozen=True, slots=True)
class Joined:
    """``invoiced`` is whether the store's own invoices are booked, and not the order."""

    company: Company
    store: StoreRig
    erp: ErpRig
    ends: tuple[Connection, Connection]
    route: Route
    invoiced: bool

    @property
    def path(self) -> str:
        """The list of this pair's transfers."""
        return f"/transfers/?route={self.route.slug}"

    def transfers(self, flow: str) -> list[Transfer]:
        return list(Transfer.objects.filter(route=self.route, flow=flow).order_by("pk"))

    def document(self, transfer: Transfer) -> Document:
        return transfer.documents.exclude(status=Document.Status.DISCARDED).get()

    def in_the_books(self, document: Document) -> Booked:
        """What the ERP itself has under the document's reference."""
        (booked,) = self.erp.of(document.reference)
        return booked

    def erp_posts(self) -> None:
        """The ERP's own people post what waits there; the regular look at it comes due, and is
        waited for. Raises AssertionError if the product does not see it."""
        self.erp.post_all()
        accepted = Document.objects.filter(
            transfer__route=self.route, status=Document.Status.ACCEPTED
        )
        for document in accepted:
            dispatch.wake(dispatch.AWAITED, document.pk)
        for _ in range(LOOKS):
            if not accepted.all():
                return
            time.sleep(LOOK_SECONDS)
        raise AssertionError(f"still waiting in the ERP: {list(accepted.all())}")

    def leave(self) -> None:
        """No work of this pair disturbs the next one that uses the same simulators."""
        self.route.is_active = False
        self.route.save()
        for connection in self.ends:
            services.pause(connection, "The next pair has the simulators now.")


def join(company: Company, store: StoreRig, erp: ErpRig, *, port: int) -> Joined:
    """Connect a store and an ERP as the demo's company does; the product listens on ``port``.

    A company that is joined a second time gets connections and a route of the same names with a
    number.
    """
    count = Route.objects.filter(name__startswith=company.name).count()
    again = f" {count + 1}" if count else ""
    ends = (
        _connection(f"{company.store.name}{again}", store),
        _connection(f"{company.erp.name}{again}", erp),
    )
    route = route_settings.create_route(
        name=f"{company.name}{again}",
        slug=slugify(f"{company.slug}{again}"),
        store=ends[0],
        erp=ends[1],
        prefix=company.prefix,
        settings={"time_zone": company.time_zone, **company.settings},
        start_at=timezone.now(),
    )
    for table, rows in erp.lookups.items():
        for key, value in rows.items():
            mapping_rules.save_lookup(route, table=table, key=key, value=value, by="test")
    store.simulator.post("deliver-to", host=HOOK_HOST, url=f"http://127.0.0.1:{port}")
    hooks.register(ends[0])
    if store.kind == "adobe_commerce":
        _send_events(store, ends[0])
    invoiced = route_settings.values_of(route).get("bill_on") == "invoice"
    return Joined(company, store, erp, ends, route, invoiced)


def _connection(name: str, rig: Rig) -> Connection:
    connection = services.create_connection(
        kind=rig.kind, name=name, slug=slugify(name), values=rig.values()
    )
    services.ping(connection)
    connection.refresh_from_db()
    assert connection.state == "healthy", connection.checks
    return connection


def _send_events(store: StoreRig, connection: Connection) -> None:
    """Adobe's own webhooks tell of placed orders alone; I/O Events tell of what follows."""
    keys = store.simulator.get("keys")["event_keys"]
    services.save_settings(
        connection,
        {
            "events_public_keys": "\n".join(key["pem"] for key in keys),
            "events_client_id": EVENTS_PROJECT,
        },
    )
    store.simulator.post("events/subscribe", name=ORDER_EVENT)
    registered = store.simulator.post(
        "events/register",
        url=services.hook_destination(connection),
        client_id=EVENTS_PROJECT,
    )
    assert registered["state"] == "active", registered
