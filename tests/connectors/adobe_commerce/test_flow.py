"""Orders, invoices in parts and credit memos of an Adobe Commerce store in a ledger."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from tests.support.flow import CHARGES, erp_values

D = Decimal


@pytest.fixture
def make_route(tenant, simulators, paas, settings, tmp_path):
    """A route from the store into Business Central, with what people would have filled in."""
    from connectors import services
    from sync import mapping_rules, route_settings

    both = tmp_path / "authorities.pem"
    both.write_text(Path(paas.ca_file).read_text() + Path(simulators.ca_file).read_text())
    settings.OUTBOUND_CA_FILE = str(both)

    def make(**chosen: str):
        values = paas.settings()
        values = {name: value for name, value in values.items() if value}
        store = services.create_connection(
            kind="adobe_commerce", name="Acme Commerce", slug="store", values=values
        )
        company = simulators.erp.get("state")["company_id"]
        erp = services.create_connection(
            kind="business_central",
            name="Acme ledger",
            slug="ledger",
            values=erp_values(simulators, company),
        )
        for connection in (store, erp):
            services.ping(connection)
        route = route_settings.create_route(
            name="Web orders",
            slug="web",
            store=store,
            erp=erp,
            prefix="AC-",
            settings={"time_zone": "Europe/London", **chosen},
            start_at=timezone.now() - timedelta(days=30),
        )
        for key, value in {**CHARGES, "adjustment": "account:6695"}.items():
            mapping_rules.save_lookup(route, table="charges", key=key, value=value, by="test")
        return route

    return make


def run(route) -> dict[str, list]:
    """The regular check, then every transfer that it made, until nothing moves."""
    from sync import inbox
    from sync.models import InboxEvent, Transfer
    from sync.pipelines import polling, related, work

    polling.poll(route.pk)
    for event in InboxEvent.objects.filter(processed_at__isnull=True):
        inbox.process(event.pk)
    for _ in range(6):
        Transfer.objects.filter(route=route, state="waiting").update(due_at=timezone.now())
        for transfer in Transfer.objects.filter(route=route, state="waiting").order_by("pk"):
            work.work(transfer.pk)
        orders = Transfer.objects.filter(route=route).values_list("order_key", flat=True)
        for key in orders.distinct().order_by():
            related.look(f"{route.pk}:{key}")
    found: dict[str, list] = {}
    for transfer in Transfer.objects.filter(route=route).order_by("pk"):
        found.setdefault(transfer.flow, []).append(transfer)
    return found


def test_an_order_is_booked_whole(make_route, paas, simulators):
    raw = paas.place(lines=[{"sku": "TENT-2P-GRN", "quantity": 1}], shipping="4.95")
    route = make_route(bill_on="order")
    found = run(route)
    (order,) = found["orders"]
    assert order.state == "posted", order.reason
    assert order.source_key == paas.key(raw)
    (document,) = order.documents.all()
    assert document.total_inc_tax == D(str(raw["grand_total"]))


def test_an_order_invoiced_in_parts_becomes_as_many_documents(make_route, paas):
    raw = paas.place(lines=[{"sku": "TENT-2P-GRN", "quantity": 2}], payment="authorized")
    paas.simulator.post(f"orders/{raw['entity_id']}/invoice", part=True)
    route = make_route(bill_on="invoice")
    assert [t.state for t in run(route)["invoices"]] == ["posted"]
    paas.simulator.post(f"orders/{raw['entity_id']}/invoice")
    invoices = run(route)["invoices"]
    assert [t.state for t in invoices] == ["posted", "posted"], [t.reason for t in invoices]
    assert sum(t.amount for t in invoices) == D(str(raw["grand_total"]))


def test_a_credit_memo_follows_its_invoice(make_route, paas):
    raw = paas.place(lines=[{"sku": "TENT-2P-GRN", "quantity": 2}], shipping="0")
    route = make_route(bill_on="invoice")
    run(route)
    paas.simulator.post(f"orders/{raw['entity_id']}/refund", kind="partial")
    (refund,) = run(route)["refunds"]
    assert refund.state == "posted", refund.reason
