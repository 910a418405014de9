"""The panel's page for a person."""

from __future__ import annotations

import html
from itertools import islice

from starlette.responses import HTMLResponse

from sandbox.adobe_commerce.events import Events
from sandbox.adobe_commerce.hooks import Hooks
from sandbox.adobe_commerce.store import CommerceStore, Record
from sandbox.adobe_commerce.wire import number
from sandbox.common import control
from sandbox.common.control import button, table


def page(
    store: CommerceStore, edition: str, hooks: Hooks, events: Events, per_minute: float
) -> HTMLResponse:
    recent = sorted(store.orders.values(), key=lambda order: -order["entity_id"])[:30]
    place = (
        button("Place an order", "orders")
        + button("With an unknown SKU", "orders", unknown_sku="1")
        + button("Configurable", "orders", kind="configurable")
        + button("Dynamic bundle", "orders", kind="bundle_dynamic")
        + button("Fixed bundle", "orders", kind="bundle_fixed")
        + button("Virtual", "orders", kind="virtual")
        + button("Guest", "orders", guest="1")
        + button("With a gift card", "orders", gift_card="20")
        + button("From Germany, in euro", "orders", country="DE")
        + button("US website", "orders", store="us_en")
        + button("Authorized only", "orders", payment="authorized")
        + button("Bank transfer", "orders", payment="banktransfer")
        + button("Ten orders", "orders", count="10")
    )
    rate = button("No sales", "traffic", per_minute="0") + "".join(
        button(f"{n} a minute", "traffic", per_minute=str(n)) for n in (6, 30, 60)
    )
    faults = (
        button("Lose the next answer", "faults", action="lose_reply", path="orders")
        + button("Throttle three calls", "faults", action="throttle")
        + button("Float noise", "settings", float_noise="1")
        + button("No float noise", "settings", float_noise="0")
        + button("Sign wrongly", "settings", webhook_signing="wrong", event_signing="wrong")
        + button("Sign rightly", "settings", webhook_signing="on", event_signing="on")
        + button("Expire IMS tokens", "tokens/expire")
        + button("Clear faults", "faults/clear")
    )
    return control.page(
        f"Adobe Commerce simulator ({edition}): Acme Outdoor",
        f"{len(store.orders)} orders, {len(store.invoices)} invoices, "
        f"{len(store.creditmemos)} credit memos, {per_minute:g} sales a minute. "
        "Reload to see what is new.",
        ("Sell", place + "<br>" + rate),
        (
            "Orders",
            table(
                ["Order", "Shopper", "Status", "#Total", "#Paid", "#Refunded", ""],
                [_row(order) for order in recent],
            ),
        ),
        ("Products", _products(store)),
        ("Faults", faults),
        ("Synchronous webhooks", _hooks(hooks)),
        ("Adobe I/O Events", _events(events)),
    )


def _row(order: Record) -> list[str]:
    base = f"orders/{order['entity_id']}"
    name = f"{order['customer_firstname']} {order['customer_lastname']}"
    buttons = (
        button("Invoice", f"{base}/invoice")
        + button("Invoice a part", f"{base}/invoice", part="1")
        + button("Ship", f"{base}/ship")
        + button("Refund", f"{base}/refund", kind="full")
        + button("Refund a piece", f"{base}/refund", kind="partial")
        + button("Refund 5.00", f"{base}/refund", kind="adjustment", amount="5.00")
        + button("Refund shipping", f"{base}/refund", kind="shipping")
        + button("Cancel", f"{base}/cancel")
        + button("Edit", f"{base}/edit", quantity="4")
        + button("Hold", f"{base}/hold")
        + button("Release", f"{base}/unhold")
    )
    return [
        html.escape(order["increment_id"]),
        html.escape(name),
        f"<span class=badge>{html.escape(order['status'])}</span>",
        f"{number(order['grand_total'])} {order['order_currency_code']}",
        number(order["total_paid"]) if order["total_paid"] else "",
        number(order["total_refunded"]) if order["total_refunded"] else "",
        buttons,
    ]


def _products(store: CommerceStore) -> str:
    """The first products with a form that changes their price and stock."""
    rows = []
    for product in islice(store.products.values(), 12):
        held = store.source_items.get((product["sku"], "default"))
        rows.append(
            [
                html.escape(product["sku"]),
                html.escape(product["name"]),
                "Enabled" if product["status"] == 1 else "Disabled",
                number(product["price"]),
                number(held["quantity"]) if held else "",
                f'<form method=post action="{control.BASE}/api/items">'
                f'<input type=hidden name=sku value="{html.escape(product["sku"])}">'
                "<input name=price size=7 placeholder=price> "
                "<input name=stock size=5 placeholder=stock> <button>Set</button></form>",
            ]
        )
    many = "".join(
        button(f"Change the {what} of 1% of them", "items/change", share="1", what=what)
        for what in ("name", "price", "stock")
    )
    return f"<p>{len(store.products):,} products.</p>{many}" + table(
        ["SKU", "Name", "Status", "#Price", "#Stock", "Change"], rows
    )


def _hooks(hooks: Hooks) -> str:
    declared = [
        [
            html.escape(hook["webhook_method"]),
            html.escape(hook["url"][:70]),
            "required" if hook["required"] else "optional",
            f"{hook['timeout']} ms",
        ]
        for hook in hooks.hooks.values()
    ]
    asked = [
        [
            html.escape(row["at"][11:19]),
            str(row["status"] or "no answer"),
            f"{row['milliseconds']} ms",
            html.escape(row["refused"] or row["problem"] or "went on"),
        ]
        for row in list(hooks.log)[-12:][::-1]
    ]
    return table(["Method", "URL", "", "Timeout"], declared) + table(
        ["At", "Answer", "Took", "Outcome"], asked
    )


def _events(events: Events) -> str:
    registered = [
        [html.escape(row["url"][:70]), html.escape(row["state"])]
        for row in events.registrations.values()
    ]
    sent = [
        [
            html.escape(row["at"][11:19]),
            html.escape(row["event"]),
            str(row["status"] or "no answer"),
            html.escape(row["result"]),
            button("Send again", "events/redeliver", id=row["event"]),
        ]
        for row in list(events.log)[-12:][::-1]
    ]
    return table(["Webhook", "State"], registered) + table(
        ["At", "Event", "Answer", "Result", ""], sent
    )
