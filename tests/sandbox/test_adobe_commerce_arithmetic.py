"""Whatever is sold, invoiced in parts and refunded in parts, the parts add up to the cent."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from sandbox.adobe_commerce import acts, invoicing, refunds
from sandbox.adobe_commerce.store import CommerceStore
from sandbox.adobe_commerce.wire import Refused
from sandbox.common.clock import Clock
from sandbox.common.journal import Journal

Record = dict[str, Any]
SKUS = ("CAMP-KITCHEN", "POT-SET", "BOOT-M-42", "WHISTLE", "MAP-CYCLE", "ROPE-20", "BOOK-ALPS")
NAMES = ("grand_total", "subtotal", "tax_amount", "discount_amount", "shipping_amount")


def wish(chance: random.Random) -> Record:
    spec: Record = {
        "store": chance.choice(("default", "de", "us_en")),
        "payment": "authorized",
        "lines": [
            {"sku": chance.choice(SKUS), "quantity": chance.choice((1, 2, 3, 7))}
            for _ in range(chance.randint(1, 4))
        ],
    }
    if chance.random() < 0.5:
        by = chance.choice(({"percent": 5}, {"percent": 33}, {"amount": "7.77"}))
        spec["coupon"] = {"code": "LESS", **by}
    if chance.random() < 0.3:
        spec["gift_card"] = {"amount": chance.choice((5, 50))}
    if chance.random() < 0.3:
        spec |= {"gift_wrap": "3.33", "shipping": "6.50", "shipping_discount": "1.50"}
    return spec


def some(order: Record, left: Any, chance: random.Random) -> list[Record]:
    return [
        {"order_item_id": item["item_id"], "qty": Decimal(chance.randint(1, int(left(item))))}
        for item in order["items"]
        if not item.get("_child") and left(item) > 0 and chance.random() < 0.6
    ]


@pytest.mark.parametrize("seed", range(6))
def test_parts_add_up(seed: int) -> None:
    store = CommerceStore(Journal(None), Clock(), seed=seed)
    store.chance = chance = random.Random(seed)
    for _ in range(60):
        order = asyncio.run(acts.place(store, wish(chance)))
        parts = some(order, invoicing.uninvoiced, chance)
        invoices = [acts.invoice(store, order, parts, capture=True)] if parts else []
        if any(invoicing.uninvoiced(item) > 0 for item in order["items"]):
            invoices.append(acts.invoice(store, order, None, capture=True))
        for prefix in ("base_", ""):
            for name in NAMES:
                assert sum(i[prefix + name] for i in invoices) == order[prefix + name], name
            assert order[f"{prefix}total_due"] == 0
        memos = []
        parts = some(order, refunds.unrefunded, chance)
        if parts:
            # Rows that a coupon paid for whole give nothing back.
            with suppress(Refused):
                memos.append(acts.refund(store, order, {"items": parts, "shipping": 0}))
        if order["state"] != "closed":
            memos.append(acts.refund(store, order, {}))
        for prefix in ("base_", ""):
            assert sum(m[f"{prefix}grand_total"] for m in memos) == order[f"{prefix}total_paid"]
            assert sum(m[f"{prefix}subtotal"] for m in memos) == order[f"{prefix}subtotal"]
            assert sum(m[f"{prefix}tax_amount"] for m in memos) == order[f"{prefix}tax_amount"]
        assert order["state"] == "closed"
