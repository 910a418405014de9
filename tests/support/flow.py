"""A ready route between the simulators, and hands to drive it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.support.simulators import CLIENT_ID, TENANT_ID, Simulators

CHARGES = {
    "shipping": "account:6610",
    "handling": "account:6620",
    "wrapping": "account:6630",
    "fee": "account:6640",
    "gift_certificate": "account:6650",
    "rounding": "account:6690",
    "tax": "account:6670",
    "adjustment": "account:6690",
}
TENT = {"sku": "TENT-2P-GRN", "quantity": 1}


def store_values(simulators: Simulators, **more: str) -> dict[str, str]:
    return {
        "store_hash": "acme0utd00r",
        "access_token": "sandbox-store-access-token",
        "client_id": "sandbox-store-client-id",
        "client_secret": "sandbox-store-client-secret",
        "api_url": simulators.store.api,
        "quota": "100000",
        **more,
    }


def erp_values(simulators: Simulators, company_id: str, **more: str) -> dict[str, str]:
    return {
        "tenant_id": TENANT_ID,
        "client_id": CLIENT_ID,
        "client_secret": "sandbox-entra-client-secret",
        "environment": "Production",
        "company_id": company_id,
        "api_url": simulators.erp.api,
        "authority": simulators.erp.api,
        "prices_include_tax": "yes",
        "request_timeout_seconds": "3",
        "server_seconds": "1",
        **more,
    }


@dataclass
class Flow:
    """Acme's route with both simulators."""

    store: Any
    erp: Any
    route: Any
    store_simulator: Any
    erp_simulator: Any

    def place(self, **spec: Any) -> dict[str, Any]:
        """An order in the store; nothing of ours hears of it yet."""
        return self.store_simulator.post("orders", **{"country": "GB", **spec})

    def announce(self, order_id: int | str, *, event: str = "store/order/created") -> Any:
        """What a webhook does: the notice is stored and its transfer made."""
        from connectors.contract import Notice
        from sync import inbox
        from sync.models import InboxEvent

        notice = Notice(
            record="order",
            external_id=str(order_id),
            delivery_id=f"{event}:{order_id}:{uuid.uuid4().hex}",
            event=event,
        )
        inbox.accept(connection=self.store, notices=[notice], source=InboxEvent.Source.WEBHOOK)
        event_row = InboxEvent.objects.get(delivery_id=notice.delivery_id)
        inbox.process(event_row.pk)
        return self.transfer(order_id)

    def transfer(self, order_id: int | str) -> Any:
        from sync.models import Transfer

        return Transfer.objects.get(route=self.route, flow="orders", source_key=str(order_id))

    def work(self, order_id: int | str, *, tries: int = 1) -> Any:
        """Work the order's transfer now, as a worker would, until it settles or tries run out."""
        from sync.models import Transfer
        from sync.pipelines import work

        for _ in range(tries):
            transfer = self.transfer(order_id)
            if transfer.due_at and transfer.due_at > timezone.now():
                Transfer.objects.filter(pk=transfer.pk, state="waiting").update(
                    due_at=timezone.now()
                )
            work.work(transfer.pk)
            transfer = self.transfer(order_id)
            if transfer.state not in ("waiting", "working"):
                break
        return transfer

    def carry(self, **spec: Any) -> tuple[dict[str, Any], Any]:
        """Place an order and work it at once: (store's order, transfer)."""
        order = self.place(**spec)
        self.announce(order["id"])
        return order, self.work(order["id"])

    def booked(self) -> dict[str, Any]:
        return self.erp_simulator.get("state")


def make_flow(simulators: Simulators, **settings: str) -> Flow:
    from connectors import services
    from sync import mapping_rules, route_settings

    company_id = simulators.erp.get("state")["company_id"]
    store = services.create_connection(
        kind="bigcommerce", name="Acme store", slug="store", values=store_values(simulators)
    )
    erp = services.create_connection(
        kind="business_central",
        name="Acme ledger",
        slug="ledger",
        values=erp_values(simulators, company_id),
    )
    route = route_settings.create_route(
        name="Web orders",
        slug="web",
        store=store,
        erp=erp,
        prefix="WEB-",
        settings={"time_zone": "Europe/London", **settings},
        start_at=timezone.now() - timedelta(days=30),
    )
    mapping_rules.save_lookup(route, table="tax_codes", key="no_tax", value="NOVAT", by="test")
    for key, value in CHARGES.items():
        mapping_rules.save_lookup(route, table="charges", key=key, value=value, by="test")
    for country, area in (("IE", "EU"), ("DE", "EU"), ("FR", "EU"), ("US", "EXPORT")):
        mapping_rules.save_lookup(route, table="tax_areas", key=country, value=area, by="test")
    return Flow(store, erp, route, simulators.store, simulators.erp)


def signed(
    body: bytes, secret: str, *, message_id: str = "", at: float | None = None
) -> dict[str, str]:
    """Standard Webhooks headers, made here independently of product and simulator."""
    message_id = message_id or f"msg_{uuid.uuid4().hex}"
    stamp = str(int(time.time() if at is None else at))
    signature = hmac.new(secret.encode(), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signature.digest()).decode()}",
    }


def deliver(
    flow: Flow, order_id: int, *, secret: str = "sandbox-store-client-secret", **more: Any
) -> Any:
    """Send one webhook to the product's address as BigCommerce would."""
    from connectors import deliveries

    body = json.dumps(
        {
            "store_id": "1001",
            "producer": "stores/acme0utd00r",
            "scope": "store/order/created",
            "data": {"type": "order", "id": order_id},
            "hash": more.pop("content_hash", uuid.uuid4().hex),
            "created_at": more.pop("created_at", int(time.time())),
        }
    ).encode()
    name, value = deliveries.hook_secret_header(flow.store)
    headers = {name: value, **signed(body, secret), **more.pop("headers", {})}
    return post_hook(flow.store.hook_key, body, headers)


def post_hook(key: str, body: bytes, headers: dict[str, str] | None = None) -> Any:
    """One POST to a hook address through the whole middleware, and back into the tenant."""
    before = connection.tenant
    try:
        return Client(SERVER_NAME="hooks.test.example").post(
            f"/hooks/{key}/", data=body, content_type="application/json", headers=headers or {}
        )
    finally:
        connection.set_tenant(before)


def empty_tables(
    schemas: Collection[str] = ("t_acme", "t_other"), keep: Collection[str] = ()
) -> None:
    """Empty every table of these tenants, but those in ``keep``, and the public ones of all."""
    from django.apps import apps
    from django.conf import settings

    tables = [
        model._meta.db_table
        for label in settings.TENANT_APPS
        for model in apps.get_app_config(label.split(".")[0]).get_models()
    ]
    connection.set_schema_to_public()
    with connection.cursor() as cursor:
        # The trail refuses to be emptied; only the owner of the tables can lift that, here.
        cursor.execute("SET session_replication_role = replica")
        for schema in schemas:
            for table in tables:
                if table in keep:
                    continue
                cursor.execute(f"DELETE FROM {schema}.{table}")
        cursor.execute("SET session_replication_role = DEFAULT")
        for table in (
            "tenants_agendaitem",
            "tenants_hookaddress",
            "tenants_agentaddress",
            "tenants_membership",
            "django_session",
            "axes_accessattempt",
        ):
            if table not in keep:
                cursor.execute(f"DELETE FROM public.{table}")
        cursor.execute("DELETE FROM public.tenants_user")


def forget_processes_memory() -> None:
    from connectors import services

    services._adapters.clear()
    services.redis_client().flushdb()
