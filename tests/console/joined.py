"""A pair of the product as a tenant has it: two simulators, their connections, a route, its tables."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.text import slugify

from config.demo.companies import Company
from connectors import deliveries, services
from connectors.models import Connection
from connectors.registry import SYSTEMS
from sync import dispatch, hooks, mapping_rules, route_settings
from sync.models import Document, Route, State, Transfer
from tests.support.rigs import Booked, ErpRig, Rig, StoreRig
from tests.support.simulators import HOOK_HOST

EVENTS_PROJECT = "sandbox-events-project"
LOOKS, LOOK_SECONDS = 150, 0.1
ORDER_EVENT = "observer.sales_order_save_commit_after"


@dataclass(frozen=True, slots=True)
class Joined:
    """``invoiced`` is whether the store's own invoices are booked, and not the order; ``pays``
    whether payments are booked too."""

    company: Company
    store: StoreRig
    erp: ErpRig
    ends: tuple[Connection, Connection]
    route: Route
    invoiced: bool
    pays: bool

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
        """The ERP's own people post what waits there, once nothing is on its way any more; the
        regular look at it comes due and is waited for."""
        moving = Transfer.objects.filter(
            route=self.route, state__in=(State.WAITING, State.WORKING, State.HELD)
        )
        accepted = Document.objects.filter(
            transfer__route=self.route, status=Document.Status.ACCEPTED
        )
        _until_none(moving)
        self.erp.post_all()
        for document in accepted:
            dispatch.wake(dispatch.AWAITED, document.pk)
        _until_none(accepted)

    def leave(self) -> None:
        """No work of this pair disturbs the next one that uses the same simulators."""
        self.route.is_active = False
        self.route.save()
        for connection in self.ends:
            services.pause(connection, "The next pair has the simulators now.")


def join(company: Company, store: StoreRig, erp: ErpRig, *, port: int) -> Joined:
    """Connect a store and an ERP as the demo's company does, master data left alone; the product
    listens on ``port``.

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
        settings={
            "time_zone": company.time_zone,
            **{
                name: value
                for name, value in company.settings.items()
                if not name.endswith("_flow")
            },
        },
        start_at=timezone.now() - timedelta(days=1),
    )
    for table, rows in erp.lookups.items():
        for key, value in rows.items():
            mapping_rules.save_lookup(route, table=table, key=key, value=value, by="test")
    store.simulator.post("deliver-to", host=HOOK_HOST, url=f"http://127.0.0.1:{port}")
    hooks.register(ends[0])
    if store.kind == "adobe_commerce":
        _send_events(store, ends[0])
    chosen = route_settings.values_of(route)
    return Joined(
        company=company,
        store=store,
        erp=erp,
        ends=ends,
        route=route,
        invoiced=chosen.get("bill_on") == "invoice",
        pays="payment_kind" in chosen,
    )


def _until_none(rows: QuerySet[Any]) -> None:
    for _ in range(LOOKS):
        if not rows.all().exists():
            return
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"after {LOOKS * LOOK_SECONDS} s there are still {list(rows.all())}")


def _connection(name: str, rig: Rig) -> Connection:
    values = rig.values()
    # The stores' prices include tax: books that leave it out differ by a penny now and then.
    if any(setting.name == "prices_include_tax" for setting in SYSTEMS[rig.kind].settings):
        values["prices_include_tax"] = "yes"
    connection = services.create_connection(
        kind=rig.kind, name=name, slug=slugify(name), values=values
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
        url=deliveries.hook_destination(connection),
        client_id=EVENTS_PROJECT,
    )
    assert registered["state"] == "active", registered
    services.ping(connection)  # settings that were changed are untested
