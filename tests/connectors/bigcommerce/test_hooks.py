"""Hook registrations: which are made, how they fare, and that health changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.contract import Hook, Verdict
from tests.connectors.bigcommerce.conftest import Shop

DESTINATION = "https://hooks.test.example/hooks/one/"
LOCK = ("X-Hook-Secret", "our-own-second-lock")


def ensure(shop: Shop, *records: str) -> tuple[Hook, ...]:
    return shop.adapter().ensure_hooks(destination=DESTINATION, records=records, secret_header=LOCK)


def test_each_record_has_its_scopes(shop: Shop):
    scopes = {hook.scope for hook in ensure(shop, "products", "customers")}
    assert {"store/product/updated", "store/sku/inventory/updated"} <= scopes
    assert {"store/customer/updated", "store/customer/address/updated"} <= scopes
    assert not any(scope.startswith("store/order") for scope in scopes)


def test_health_tells_what_is_deactivated_and_when_and_changes_nothing(shop: Shop):
    ensure(shop, "customers")
    shop.adapter().ensure_hooks(
        destination="https://hooks.test.example/hooks/other/",
        records=["orders"],
        secret_header=LOCK,
    )
    shop.simulator.post("clock", advance_seconds=3_600)
    first = shop.adapter().hook_health(destination=DESTINATION)
    assert {hook.scope for hook in first} == {hook.scope for hook in ensure(shop, "customers")}
    assert all(hook.is_active for hook in first)
    shop.simulator.post("hooks/deactivate", id=first[0].external_id)
    shop.calls.clear()
    health = {hook.scope: hook for hook in shop.adapter().hook_health(destination=DESTINATION)}
    assert {call.method for call in shop.calls} == {"GET"}
    lost = health[first[0].scope]
    assert not lost.is_active
    assert lost.changed_at
    assert abs(lost.changed_at - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert sum(hook.is_active for hook in health.values()) == len(health) - 1
    assert all(hook.is_active for hook in ensure(shop, "customers"))
    assert shop.adapter().hook_health(destination="https://elsewhere.example/") == ()


def test_a_ping_says_what_stock_needs_without_failing(shop: Shop):
    scopes = ["orders", "transactions", "customers", "products", "information"]
    shop.simulator.post("accounts", token="no-stock", scopes=scopes)
    ping = shop.adapter(access_token="no-stock").ping()
    (check,) = [check for check in ping.checks if check.name == "Read inventory"]
    assert check.verdict is Verdict.SKIPPED
    assert "Store inventory" in check.words
    assert ping.is_healthy
    assert shop.adapter().ping().is_healthy
