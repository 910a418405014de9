"""Every store with every ERP through the real engine: booked once, to the cent, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from connectors.errors import ConnectorError
from connectors.registry import SYSTEMS
from tests.contract.conftest import Running, ready
from tests.contract.rigs import covering, pairs
from tests.support.rigs import CERTIFICATES, ErpRig, Placed, Sold, StoreRig

pytestmark = pytest.mark.slow

D = Decimal
CARD = Sold(
    lines=(("TENT-2P-GRN", 1), ("SPORK-TI", 3), ("BOOK-LAKES", 2)),
    shipping=D("4.95"),
    discount=D("7.77"),
)
SETTLED = ("posted", "skipped", "changed")
Pair = Callable[..., "Route"]


@dataclass
class Route:
    """A store and an ERP joined, with hands to have the work done."""

    store: StoreRig
    erp: ErpRig
    row: Any
    connections: tuple[Any, Any]
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, rounds: int = 8) -> None:
        """The regular check of the store, and every transfer until nothing moves any more."""
        from sync import inbox
        from sync.models import Cursor, InboxEvent, Transfer
        from sync.pipelines import polling, related, work

        Cursor.objects.filter(route=self.row).delete()
        polling.poll(self.row.pk)
        for event in InboxEvent.objects.filter(processed_at__isnull=True):
            inbox.process(event.pk)
        for _ in range(rounds):
            mine = Transfer.objects.filter(route=self.row)
            for key in mine.values_list("order_key", flat=True).distinct().order_by():
                with suppress(ConnectorError):  # a worker asks again later
                    related.look(f"{self.row.pk}:{key}")
            due = mine.filter(state="waiting")
            due.update(due_at=timezone.now())
            ids = list(due.order_by("pk").values_list("pk", flat=True))
            if not ids:
                return
            for transfer_id in ids:
                work.work(transfer_id)

    def transfers(self, flow: str) -> list[Any]:
        from sync.models import Transfer

        return list(Transfer.objects.filter(route=self.row, flow=flow).order_by("pk"))

    def all_settled(self) -> None:
        from sync.models import Transfer

        for row in Transfer.objects.filter(route=self.row):
            told = (row.flow, row.hold, row.reason, row.vendor_words, row.comparison)
            assert row.state in SETTLED, told

    def replay_everything(self) -> None:
        from sync import actions
        from sync.models import Transfer

        actions.replay(list(Transfer.objects.filter(route=self.row).values_list("pk", flat=True)))

    def look_at_what_waits(self) -> None:
        """Documents that the ERP's people posted get their final numbers."""
        from sync.models import Document
        from sync.pipelines import awaited

        for row in Document.objects.filter(transfer__route=self.row, status="accepted"):
            awaited.look(row.pk)
            row.refresh_from_db()
            assert row.status == "posted", row
            assert row.invoice_number or row.number

    def money(self, kind: str) -> list[Decimal]:
        return sorted(abs(row.total) for row in self.erp.booked() if row.kind == kind and row.total)


def name_of(pair: tuple[type[StoreRig], type[ErpRig]]) -> str:
    return f"{pair[0].name}-{pair[1].name}"


@pytest.fixture(params=pairs(), ids=name_of)
def pair(request: pytest.FixtureRequest, running: Running) -> tuple[StoreRig, ErpRig]:
    store, erp = request.param
    return ready(running(store)), ready(running(erp))


@pytest.fixture
def store(pair: tuple[StoreRig, ErpRig]) -> StoreRig:
    return pair[0]


@pytest.fixture
def erp(pair: tuple[StoreRig, ErpRig]) -> ErpRig:
    return pair[1]


@pytest.fixture
def join(tenant: object, store: StoreRig, erp: ErpRig, settings: Any) -> Pair:
    """Connections and a route as a person makes them, with the lookup rows that the ERP needs."""
    settings.OUTBOUND_CA_FILE = CERTIFICATES.ca_file
    return partial(joined, store, erp)


def joined(store: StoreRig, erp: ErpRig, **chosen: str) -> Route:
    from connectors import services
    from sync import mapping_rules, route_settings

    ends = []
    for rig, slug in ((store, "shop"), (erp, "ledger")):
        connection = services.create_connection(
            kind=rig.kind,
            name=f"Acme {slug}",
            slug=slug,
            values=rig.values(),
            **rig.reached(),
        )
        services.ping(connection)
        connection.refresh_from_db()
        assert connection.state == "healthy", connection.checks
        ends.append(connection)
    route = route_settings.create_route(
        name="Web orders",
        slug="web",
        store=ends[0],
        erp=ends[1],
        prefix=erp.prefix,
        settings={
            "time_zone": "Europe/London",
            **store.route_settings,
            **erp.route_settings,
            **chosen,
        },
        start_at=timezone.now() - timedelta(days=30),
    )
    for tables in (erp.lookups, erp.foreign_lookups):
        for table, rows in tables.items():
            for key, value in rows.items():
                mapping_rules.save_lookup(route, table=table, key=key, value=value, by="test")
    return Route(store, erp, route, (ends[0], ends[1]))


def test_an_order_and_its_refunds_arrive_once_and_to_the_cent(join: Pair):
    route = join()
    placed = route.store.place(CARD)
    route.run()
    route.all_settled()
    (order,) = route.transfers("orders")
    assert order.state == "posted"
    assert order.source_key == placed.key
    assert order.amount == placed.total
    assert route.money("invoice") in ([placed.total], [])
    back = [route.store.refund(placed, "line"), route.store.refund(placed, "amount")]
    route.run()
    route.all_settled()
    refunds = route.transfers("refunds")
    assert sorted(row.amount for row in refunds) == sorted(back)
    assert {row.state for row in refunds} == {"posted"}, [row.reason for row in refunds]
    assert route.money("credit") in (sorted(back), [])
    before = route.erp.booked()
    customers = route.erp.customers()
    route.replay_everything()
    route.run()
    route.all_settled()
    assert route.erp.booked() == before
    assert route.erp.customers() == customers
    route.erp.post_all()
    route.look_at_what_waits()
    assert route.money("invoice") == [placed.total]
    assert not route.erp.duplicates()
    assert route.erp.ledger_difference() == 0


@pytest.mark.parametrize("pair", covering(), ids=name_of, indirect=True)
def test_payments_reach_the_erp_that_takes_them(join: Pair, erp: ErpRig):
    route = join()
    if not type(erp.adapter()).payment_bookings:
        assert route.transfers("payments") == []
        return
    placed = route.store.place(CARD)
    route.run()
    (paid,) = route.transfers("payments")
    assert (paid.state, paid.amount) == ("posted", placed.total), paid.reason
    back = route.store.refund(placed, "amount")
    route.run()
    route.all_settled()
    assert sorted(row.amount for row in route.transfers("payments")) == [-back, placed.total]
    assert route.money("payment") == sorted([back, placed.total])
    route.replay_everything()
    route.run()
    assert route.money("payment") == sorted([back, placed.total])
    assert not route.erp.duplicates()


def test_a_lost_answer_and_a_closed_period_book_nothing_twice(join: Pair):
    route = join()
    route.erp.lose_answer()
    first = route.store.place(CARD)
    route.run()
    route.all_settled()
    route.erp.close_period()
    second = route.store.place(Sold(lines=(("PACK-28", 2),), shipping=D("3.95")))
    route.run(rounds=3)
    row = next(r for r in route.transfers("orders") if r.source_key == second.key)
    if route.erp.closes:
        assert (row.state, row.hold) == ("held", "period_closed"), row.reason
        assert row.due_at > timezone.now()
    route.erp.open_period()
    release(route)
    route.run()
    route.all_settled()
    assert route.money("invoice") in (sorted([first.total, second.total]), [])
    assert len([b for b in route.erp.booked() if b.kind == "invoice"]) == 2
    assert not route.erp.duplicates()
    route.erp.post_all()
    assert route.erp.ledger_difference() == 0


def release(route: Route) -> None:
    """The regular look at what is held."""
    from sync.models import Transfer
    from sync.pipelines import work

    for row in Transfer.objects.filter(route=route.row, state="held"):
        Transfer.objects.filter(pk=row.pk).update(due_at=timezone.now())
        work.work(row.pk)


def test_orders_from_abroad_and_unknown_goods(join: Pair):
    """A foreign order goes in its currency; one with goods that the ERP lacks waits by name."""
    route = join()
    abroad = route.store.place(
        Sold(lines=(("BOOK-ALPS", 2),), shipping=D("9.90"), country="DE", email="k@example.de")
    )
    unknown = route.store.place(Sold(lines=(("TENT-2P-GRN", 1), (route.erp.unknown_item, 1))))
    route.run()
    rows = {row.source_key: row for row in route.transfers("orders")}
    held = rows[unknown.key]
    assert (held.state, held.hold) == ("held", "item_unknown"), held.reason
    assert route.erp.unknown_item in held.reason
    foreign = rows[abroad.key]
    assert foreign.state == "posted", (foreign.hold, foreign.reason, foreign.comparison)
    (booked,) = [row for row in route.erp.booked() if row.kind == "invoice"]
    assert booked.currency == abroad.currency == "EUR"
    assert booked.total in (abroad.total, None)


def test_whatever_shoppers_buy_is_booked_to_the_cent(join: Pair):
    route = join()
    placed = {order.key: order for order in (route.store.place_anything() for _ in range(4))}
    route.run()
    rows = {row.source_key: row for row in route.transfers("orders")}
    assert set(rows) == set(placed)
    for key, row in rows.items():
        assert row.state == "posted", (key, row.hold, row.reason, row.comparison)
        assert (row.amount, row.currency) == (placed[key].total, placed[key].currency)
    route.erp.post_all()
    assert route.money("invoice") == sorted(order.total for order in placed.values())
    assert route.erp.ledger_difference() == 0


@pytest.mark.parametrize("pair", covering(), ids=name_of, indirect=True)
def test_every_booking_on_offer_can_be_chosen(join: Pair, erp: ErpRig):
    from sync import route_settings

    route, system = join(), SYSTEMS[erp.kind]
    for booking in system.order_bookings:
        route_settings.save(route.row, {"document_kind": booking.name})
        placed = route.store.place(CARD)
        route.run()
        (row,) = [row for row in route.transfers("orders") if row.source_key == placed.key]
        assert row.state == "posted", (booking.name, row.hold, row.reason, row.vendor_words)
        (document,) = row.documents.all()
        assert document.kind == booking.kind.value
        assert document.status == ("posted" if booking.posts else "accepted"), booking.name
        assert len(erp.of(document.reference)) == 1
        assert erp.of(document.reference)[0].total in (placed.total, None)
        for refund in system.refund_bookings:
            if refund.posts and not booking.posts:
                continue  # it waits until the ERP's people have posted the invoice
            route_settings.save(route.row, {"refund_kind": refund.name})
            back = route.store.refund(placed, "amount")
            route.run()
            last = route.transfers("refunds")[-1]
            told = (refund.name, last.hold, last.reason, last.vendor_words, last.comparison)
            assert (last.state, last.amount) == ("posted", back), told
            status = last.documents.get().status
            assert status == ("posted" if refund.posts else "accepted")
    route.replay_everything()
    route.run()
    assert not erp.duplicates()


@pytest.mark.parametrize("pair", covering(), ids=name_of, indirect=True)
def test_a_wrong_credential_stops_everything_once_and_a_right_one_lets_it_go(join: Pair):
    """On either side: work waits, nothing burns through its tries, nothing is lost."""
    from connectors import services

    route = join()
    for connection, rig in zip(route.connections, (route.store, route.erp), strict=True):
        name = next(n for n in rig.wrong_values if secret(rig, n))
        placed = route.store.place(Sold(lines=(("SPORK-TI", 1),)))
        announce(route, placed)
        rig.cache.values.clear()
        services.save_settings(connection, {name: rig.wrong_values[name]})
        services.redis_client().flushdb()
        route.run(rounds=2)
        connection.refresh_from_db()
        assert connection.state == "refused", (name, connection.state_reason)
        assert connection.state_reason
        assert connection.state_advice
        (row,) = [row for row in route.transfers("orders") if row.source_key == placed.key]
        assert row.hold == "connection_paused"
        services.save_settings(connection, {name: rig.values()[name]})
        services.ping(connection)
        route.run()
        row.refresh_from_db()
        assert row.state == "posted", row.reason
    assert len([row for row in route.erp.booked() if row.kind == "invoice"]) == 2
    assert not route.erp.duplicates()


def secret(rig: Any, name: str) -> bool:
    settings = SYSTEMS[rig.kind].settings
    return next(setting for setting in settings if setting.name == name).is_secret


def announce(route: Route, placed: Placed) -> None:
    """What a webhook does."""
    from connectors.contract import Notice
    from sync import inbox
    from sync.models import InboxEvent

    notice = Notice(record="order", external_id=placed.key, delivery_id=f"hook:{placed.key}")
    inbox.accept(
        connection=route.connections[0], notices=[notice], source=InboxEvent.Source.WEBHOOK
    )


@pytest.mark.parametrize("pair", covering(), ids=name_of, indirect=True)
def test_store_invoices_in_parts_become_as_many_documents(join: Pair, store: StoreRig):
    if not type(store.adapter()).makes_invoices:
        pytest.skip("this store makes no invoices")
    route = join(bill_on="invoice")
    placed: Placed = store.authorize(Sold(lines=(("SPORK-TI", 2), ("MAP-BEN", 1))))
    parts = [store.invoice(placed, part=True)]
    route.run()
    parts.append(store.invoice(placed))
    route.run()
    route.all_settled()
    assert sum(parts) == placed.total
    assert [row.amount for row in route.transfers("invoices")] == parts
    assert route.money("invoice") in (sorted(parts), [])
    back = store.refund(placed, "rest")
    route.run()
    route.all_settled()
    assert sum(row.amount for row in route.transfers("refunds")) == back
    assert not route.erp.duplicates()
