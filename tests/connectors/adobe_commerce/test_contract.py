"""Every call that we make and every field that we read is in the vendor's own schemas."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from jsonschema import Draft4Validator

from connectors.records import Address, Party, PriceChange, ProductDraft, StockChange
from connectors.stores.adobe_commerce import documents, orders
from tests.connectors.adobe_commerce.conftest import TENANT, Commerce

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SCHEMAS = {
    "paas": ("admin-schema-2.4.6", "admin-schema-2.4.7", "admin-schema-2.4.8", "admin-schema-2.4.9"),
    "saas": ("accs-schema",),
}  # fmt: skip
# Module routes that the schemas of PaaS leave out; the module's own documentation has them.
UNLISTED = {"paas": {"/V1/webhooks/subscribe", "/V1/webhooks/unsubscribe", "/V1/webhooks/list"},
            "saas": set()}  # fmt: skip


@pytest.fixture(scope="module")
def schemas(contracts) -> dict[str, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    names = [name for group in SCHEMAS.values() for name in group]
    return {
        name: yaml.load((contracts / f"{name}.yaml").read_text(), Loader=loader) for name in names
    }


def exercise(commerce: Commerce) -> None:
    """One of everything."""
    order = commerce.place(kind="bundle_dynamic", gift_card={"amount": 5})
    commerce.simulator.post(f"orders/{order['entity_id']}/refund", kind="partial")
    held = commerce.place(payment="authorized")
    store = commerce.adapter(store_ids="1,2,3")
    store.ping()
    for raw in (order, held):
        found = store.fetch_order(commerce.key(raw))
        store.fetch_invoices(found)
        store.fetch_refunds(found)
    for pages in (store.changed_orders, store.changed_invoices, store.changed_refunds):
        list(pages(since=LONG_AGO))
    hook = {"destination": "https://hooks.test.example/x/", "secret_header": ("X-Hook-Secret", "s")}
    store.ensure_hooks(records=("orders",), **hook)
    store.remove_hooks(destination=hook["destination"])
    exercise_master_data(commerce)


def exercise_master_data(commerce: Commerce) -> None:
    store = commerce.adapter(bulk="yes", gtin_attribute="ean", store_ids="1,3")
    list(store.products())
    (product,) = store.find_products(["TARP-3X3"])["TARP-3X3"]
    store.find_products_by_gtin([product.gtin])
    store.write_prices([PriceChange(product=product, price=Decimal("60.5"))])
    store.write_stock([StockChange(product=product, quantity=Decimal(4))])
    draft = ProductDraft(sku="NEW", name="New", description="d", gtin="1", weight=Decimal(1))
    store.write_products([draft, ProductDraft(sku="TARP-3X3", name="Tarp", product=product)])
    place = Address(street_1="1 Pine St", city="Seattle", state="WA", country_code="US")
    party = Party(external_id="", number="C", name="A B", email="a@b.example", addresses=(place,))
    (made,) = store.write_parties([party])
    store.write_parties([replace(party, external_id=made.external_id, name="A C")])
    for since in (None, LONG_AGO):
        list(store.changed_parties(since=since))


def pattern(path: str) -> re.Pattern[str]:
    return re.compile("".join("[^/]+" if p.startswith("{") else re.escape(p)
                              for p in re.split(r"(\{[^}]+\})", path)) + "$")  # fmt: skip


def test_every_call_is_one_of_the_schemas_and_every_answer_has_its_shape(
    commerce: Commerce, schemas
):
    exercise(commerce)
    edition = commerce.values["edition"]
    prefix = f"/{TENANT}" if edition == "saas" else ""
    calls = [call for call in commerce.calls if "/V1/" in call.url]
    assert len(calls) > 15
    for name in SCHEMAS[edition]:
        schema = schemas[name]
        known = [(pattern(path), verbs) for path, verbs in schema["paths"].items()]
        for call in calls:
            parts = urlsplit(call.url)
            path = re.sub(r"^/rest/(default|all)(?=/)", "", parts.path.removeprefix(prefix))
            assert path.startswith("/V1/"), call.url
            if path in UNLISTED[edition]:
                continue
            verbs = next((v for p, v in known if p.match(path)), {})
            assert call.method.lower() in verbs, f"{name}: {call.method} {path}"
            operation = verbs[call.method.lower()]
            check_query(operation, parts.query)
            check_body(schema, operation, call.request_body)
            assert call.status == 200


def check_query(operation: dict[str, Any], query: str) -> None:
    """Names as the schema has them; it writes in camel case what may be written either way."""
    offered = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    for name, _ in parse_qsl(query):
        if name == "fields":
            continue
        camel = re.sub(r"_([a-z])", lambda match: match.group(1).upper(), name)
        assert re.sub(r"\[\d+\]", "[0]", camel) in offered, name


def check_body(schema: dict[str, Any], operation: dict[str, Any], body: bytes) -> None:
    wanted = next((p["schema"] for p in operation.get("parameters", []) if p["in"] == "body"), None)
    if wanted is None:
        assert not body
        return
    validator = Draft4Validator({**wanted, "definitions": schema["definitions"]})
    errors = [error.message for error in validator.iter_errors(yaml.safe_load(body))]
    assert errors == []


class Watched(dict):
    """A JSON object that remembers which names were asked for."""

    def __init__(self, raw: dict[str, Any], kind: str, asked: dict[str, set[str]]) -> None:
        super().__init__(raw)
        self.kind, self.asked = kind, asked

    def get(self, name: str, default: Any = None) -> Any:
        self.asked[self.kind].add(name)
        return watched(super().get(name, default), f"{self.kind}.{name}", self.asked)

    def __contains__(self, name: object) -> bool:
        self.asked[self.kind].add(str(name))
        return super().__contains__(name)


def watched(value: Any, kind: str, asked: dict[str, set[str]]) -> Any:
    if isinstance(value, dict):
        return Watched(value, kind, asked)
    if isinstance(value, list):
        return [watched(item, kind, asked) for item in value]
    return value


def properties(schema: dict[str, Any], kind: str) -> set[str]:
    """The names that the schema offers at a place: ``order.items.parent_item``, for instance."""
    first, *path = kind.split(".")
    found = schema["definitions"][f"sales-data-{first}-interface"]
    for step in path:
        found = found["properties"][step]
        found = found.get("items", found)
        if "$ref" in found:
            found = schema["definitions"][found["$ref"].rpartition("/")[2]]
    return set(found.get("properties", {}))


def rich_order(commerce: Commerce) -> dict[str, Any]:
    return commerce.place(
        kind="bundle_dynamic", gift_card={"amount": 5}, store_credit=2, gift_wrap="3.00",
        fees=[{"name": "Fee", "amount": "1.50"}], coupon={"code": "TEN", "percent": 10},
    )  # fmt: skip


@pytest.mark.parametrize("base", [False, True])
@pytest.mark.parametrize("name", ["admin-schema-2.4.8", "accs-schema"])
def test_every_field_that_is_read_exists(paas: Commerce, schemas, name, base):
    raw = rich_order(paas)
    paas.simulator.post(f"orders/{raw['entity_id']}/refund", kind="full")
    client = paas.adapter().client
    asked: dict[str, set[str]] = defaultdict(set)
    entity = [("order_id", "eq", str(raw["entity_id"]))]
    invoice = client.find("invoices", entity, purpose="")[0]
    memo = client.find("creditmemos", entity, purpose="")[0]
    whole = client.find("orders", [("entity_id", "eq", str(raw["entity_id"]))], purpose="")[0]
    order = orders.to_order(
        watched(whole, "order", asked), base=base, invoices=[watched(invoice, "invoice", asked)]
    )
    documents.to_invoice(watched(invoice, "invoice", asked), order, base=base, with_store=False)
    documents.to_refund(watched(memo, "creditmemo", asked), order, base=base, with_store=False)
    assert len(asked) > 10
    schema = schemas[name]
    # Asked of every document alike, and answered by those that have it.
    shared = {"order_id", "transaction_id"} | {
        f"{prefix}adjustment_{side}"
        for prefix in ("", "base_")
        for side in ("positive", "negative")
    }
    for kind, names in asked.items():
        unknown = names - properties(schema, kind) - shared
        if kind.startswith(("invoice", "creditmemo")):
            unknown -= SHARED_READING
        assert unknown == set(), f"{kind} in {name}"


# One reading serves orders, invoices and credit memos; what a document does not have is left out.
SHARED_READING = {
    "shipping_discount_amount", "base_shipping_discount_amount", "gift_cards",
    "reward_currency_amount", "base_reward_currency_amount", "product_type", "tax_percent",
    "qty_refunded", "weee_tax_applied_row_amount", "base_weee_tax_applied_row_amnt",
}  # fmt: skip
