"""An order as BigCommerce sends it becomes our record to the cent, or shows that it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import UnexpectedShape
from connectors.kit.http import Reply
from connectors.records import ChargeKind, Order, TenderKind
from connectors.stores.bigcommerce.orders import to_instant, to_order

CENT = Decimal("0.01")
D = Decimal


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def money(value: Decimal | str) -> str:
    return f"{Decimal(value):.4f}"


def line(
    unit: str = "24.99",
    quantity: int = 1,
    *,
    rate: str = "0.20",
    inclusive: bool = True,
    taken: tuple[str, ...] = (),
    **more: object,
) -> dict:
    """A V2 line. Its ``total_*`` are before discounts, ``discounted_total_inc_tax`` after them."""
    factor, price = 1 + D(rate), D(unit)
    unit_inc, unit_ex = (price, price / factor) if inclusive else (price * factor, price)
    gross = price * quantity
    net = gross - sum((D(amount) for amount in taken), D(0))
    inc = [cents(value) if inclusive else cents(value * factor) for value in (gross, net)]
    ex = cents(gross / factor) if inclusive else gross
    return {
        "id": 11,
        "product_id": 77,
        "variant_id": 78,
        "sku": "TENT-2P-GRN",
        "upc": "5000099000017",
        "name": "Tent",
        "type": "physical",
        "quantity": quantity,
        "price_inc_tax": money(unit_inc),
        "price_ex_tax": money(unit_ex),
        "total_inc_tax": money(inc[0]),
        "total_ex_tax": money(ex),
        "total_tax": money(inc[0] - ex),
        "discounted_total_inc_tax": money(inc[1]),
        "applied_discounts": [
            {"id": "coupon", "amount": money(amount), "name": "Spring", "code": "SPRING"}
            for amount in taken
        ],
        "product_options": [],
        **more,
    }


def raw_order(lines: list[dict], *, inclusive: bool = True, **more: object) -> dict:
    total = sum((D(row["discounted_total_inc_tax"]) for row in lines), D(0))
    for name in ("shipping_cost", "handling_cost", "wrapping_cost"):
        total += D(str(more.get(f"{name}_inc_tax", 0)))
    address = {
        "first_name": "Zoë",
        "last_name": "O’Hara",
        "company": "",
        "street_1": "1 Mill Lane",
        "city": "Leeds",
        "zip": "LS1 1AA",
        "country": "United Kingdom",
        "country_iso2": "gb",
        "phone": "",
        "email": " Zoe+shop@Example.com ",
    }
    return {
        "id": 250,
        "customer_id": 0,
        "date_created": "Wed, 25 Jun 2025 05:22:10 +0000",
        "date_modified": "Wed, 25 Jun 2025 05:25:00 +0000",
        "date_shipped": "",
        "status_id": 11,
        "status": "Awaiting Fulfillment",
        "total_inc_tax": money(total),
        "total_ex_tax": money(total),
        "total_tax": "0.0000",
        "discount_amount": "0.0000",
        "coupon_discount": "0.0000",
        "is_tax_inclusive_pricing": inclusive,
        "currency_code": "GBP",
        "default_currency_code": "GBP",
        "billing_address": address,
        "fees": [],
        "consignments": {
            "pickups": [],
            "shipping": [{**address, "shipping_method": "Royal Mail", "line_items": lines}],
            "downloads": [],
            "email": {"gift_certificates": []},
        },
        **more,
    }


def read(raw: dict, transactions: tuple[dict, ...] = ()) -> Order:
    """Through the wire, as the client reads it: no number ever becomes a float."""
    body = json.dumps(raw, default=str).encode()
    return to_order(Reply(200, {}, body, "test").json(), transactions)


amounts = st.decimals(min_value="0.01", max_value=5000, places=2).map(str)


@st.composite
def orders(draw) -> dict:
    inclusive = draw(st.booleans())
    lines = []
    for _ in range(draw(st.integers(1, 6))):
        unit, quantity = draw(amounts), draw(st.integers(1, 60))
        whole = D(unit) * quantity
        parts = draw(st.lists(st.decimals(0, 1, places=3), max_size=3))
        taken = tuple(str(cents(whole * part / max(len(parts), 1))) for part in parts)
        if sum(map(D, taken), D(0)) > whole:
            taken = (str(whole),)
        rate = draw(st.sampled_from(["0", "0.05", "0.20", "0.19"]))
        lines.append(line(unit, quantity, rate=rate, inclusive=inclusive, taken=taken))
    charges = {
        f"{name}_{mode}_tax": money(draw(amounts))
        for name in draw(st.sets(st.sampled_from(["shipping_cost", "handling_cost"])))
        for mode in ("inc", "ex")
    }
    coupon = sum((D(d["amount"]) for row in lines for d in row["applied_discounts"]), D(0))
    return raw_order(lines, inclusive=inclusive, coupon_discount=money(coupon), **charges)


@given(orders())
def test_lines_and_charges_are_the_total_and_each_line_is_what_the_store_says(raw):
    order = read(raw)
    assert order.lines_total_inc_tax == D(raw["total_inc_tax"])
    for ours, theirs in zip(
        order.lines, raw["consignments"]["shipping"][0]["line_items"], strict=True
    ):
        assert ours.net_inc_tax == D(theirs["discounted_total_inc_tax"])
        assert 0 <= ours.net_ex_tax <= ours.net_inc_tax
        assert sum((d.amount for d in ours.discounts), D(0)) == sum(
            (D(d["amount"]) for d in theirs["applied_discounts"]), D(0)
        )


@given(
    st.lists(st.tuples(amounts, st.integers(1, 9)), min_size=1, max_size=6),
    st.decimals(0, 1, places=3),
)
def test_a_discount_of_the_whole_order_is_shared_out_to_the_cent(goods, share):
    lines = [line(unit, quantity) for unit, quantity in goods]
    whole = sum((D(row["total_inc_tax"]) for row in lines), D(0))
    discount = cents(whole * share)
    raw = raw_order(lines, discount_amount=money(discount), total_inc_tax=money(whole - discount))
    order = read(raw)
    assert order.lines_total_inc_tax == whole - discount
    assert order.discounts == ()
    for row in order.lines:
        assert row.net_inc_tax >= 0
        assert row.net_inc_tax == cents(row.net_inc_tax)


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_inc_tax": "20.0000"},  # nobody says why it is less
        {"total_inc_tax": "30.0000"},
        {"discount_amount": "3.0000", "total_inc_tax": "20.0000"},  # does not explain it all
        {"discount_amount": "30.0000", "total_inc_tax": "0.0000"},  # more than the goods cost
    ],
)
def test_figures_that_do_not_add_up_are_left_as_they_are_and_seen(wrong):
    order = read(raw_order([line()], **wrong))
    assert order.lines_total_inc_tax == D("24.99")
    assert order.total_inc_tax == D(wrong["total_inc_tax"])
    assert order.lines[0].discounts == ()


@pytest.mark.parametrize(
    "write", [str, D, lambda text: f"{D(text):.2f}"], ids=["text", "number", "short"]
)
def test_money_is_exact_whether_text_or_number(write):
    class Number(float):
        """A JSON number with exactly these digits."""

        def __new__(cls, text: str) -> Number:
            made = super().__new__(cls, text)
            made.text = text
            return made

        def __repr__(self) -> str:
            return self.text

    value = write("16777217.0700")
    shown = Number(str(value)) if isinstance(value, D) else value
    raw = raw_order([line()], total_inc_tax="16777217.0700")
    body = json.dumps({**raw, "total_inc_tax": "@"}).replace(
        '"@"', repr(shown) if isinstance(shown, Number) else json.dumps(shown)
    )
    order = to_order(Reply(200, {}, body.encode(), "test").json())
    assert order.total_inc_tax == D("16777217.07")


def test_everything_of_the_order_arrives():
    order = read(
        raw_order(
            [line("24.99", 2, taken=("5.00",), product_options=[{"display_name": "Colour", "display_value": "Green"}])],
            coupon_discount="5.0000",
            shipping_cost_inc_tax="4.9500",
            shipping_cost_ex_tax="4.1250",
            shipping_cost_tax_class_id=2,
            wrapping_cost_inc_tax="3.0000",
            wrapping_cost_ex_tax="2.5000",
            gift_certificate_amount="10.0000",
            store_credit_amount="2.5000",
            currency_code="USD",
            default_currency_code="EUR",
            store_default_currency_code="GBP",
            store_default_to_transactional_exchange_rate="1.1700000000",
            payment_method="Card",
            payment_status="captured",
            customer_message="Ring twice",
            channel_id=3,
            order_source="www",
        )
    )  # fmt: skip
    (row,) = order.lines
    assert (row.sku, row.quantity, row.gtin, row.kind) == (
        "TENT-2P-GRN",
        2,
        "5000099000017",
        "physical",
    )
    assert (row.unit_price_inc_tax, row.discount_inc_tax, row.net_inc_tax) == (
        D("24.99"),
        5,
        D("44.98"),
    )
    assert row.options == "Colour: Green"
    assert [(c.kind, c.amount_inc_tax, c.tax_class) for c in order.charges] == [
        (ChargeKind.SHIPPING, D("4.95"), "2"),
        (ChargeKind.WRAPPING, D(3), ""),
    ]
    assert [(t.kind, t.amount) for t in order.tenders] == [
        (TenderKind.GIFT_CERTIFICATE, D(10)),
        (TenderKind.STORE_CREDIT, D("2.5")),
    ]
    # Tenders pay the order and do not make it smaller; the shopper pays in the transactional one.
    assert order.lines_total_inc_tax == order.total_inc_tax == D("52.93")
    assert (order.currency, order.store_currency, order.exchange_rate) == ("EUR", "GBP", D("1.17"))
    assert order.customer.is_guest
    assert order.customer.email == "Zoe+shop@Example.com"
    assert order.billing.country_code == "GB"
    assert order.shipping is not None
    assert (order.number, order.status, order.shipping_method) == ("250", "11", "Royal Mail")
    assert (order.channel, order.source, order.comment) == ("3", "www", "Ring twice")
    assert order.placed_at == datetime(2025, 6, 25, 5, 22, 10, tzinfo=UTC)


def test_goods_are_found_in_every_kind_of_consignment_and_both_structures():
    kinds = {
        "shipping": [{"line_items": [line(id=1)]}],
        "pickups": [{"line_items": [line(id=2)]}],
        "downloads": [{"line_items": [line(id=3, type="digital")]}],
        "email": {"gift_certificates": [{"line_items": [line("50.00", id=4, type="giftcertificate", sku="", rate="0")]}]},
    }  # fmt: skip
    raw = raw_order([], total_inc_tax="124.9700")
    for consignments in (kinds, [kinds]):
        order = read({**raw, "consignments": consignments})
        assert [row.external_id for row in order.lines] == ["1", "2", "3", "4"]
        assert [row.kind for row in order.lines[2:]] == ["digital", "giftcertificate"]
        assert order.lines_total_inc_tax == order.total_inc_tax


def test_a_custom_product_has_no_number_and_a_bundles_parts_are_in_its_price():
    custom = line(product_id=0, sku="", upc=None)
    custom.pop("variant_id")
    bundle = line("100.00", id=20)
    part = line("0.00", id=21, parent_order_product_id=20)
    priced_part = line("5.00", id=22, parent_order_product_id=20)
    order = read(raw_order([custom, bundle, part, priced_part]))
    assert [(row.external_id, row.kind) for row in order.lines] == [
        ("11", "custom"),
        ("20", "physical"),
        ("22", "physical"),
    ]
    assert (order.lines[0].product_id, order.lines[0].variant_id, order.lines[0].sku) == (
        "",
        "",
        "",
    )
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_fees_are_charges_and_a_link_to_fees_is_none():
    fee = {"id": 5, "name": "eco", "display_name_customer": "Eco fee", "cost_inc_tax": "1.2000", "cost_ex_tax": "1.0000", "tax_class_id": 1}  # fmt: skip
    order = read(raw_order([line()], fees=[fee], total_inc_tax="26.1900"))
    assert [(c.kind, c.name, c.amount_inc_tax) for c in order.charges] == [
        (ChargeKind.FEE, "Eco fee", D("1.2"))
    ]
    assert order.lines_total_inc_tax == order.total_inc_tax
    assert read(raw_order([line()], fees={"url": "x", "resource": "y"})).charges == ()


def transaction(**more: object) -> dict:
    return {
        "id": 9,
        "event": "purchase",
        "method": "credit_card",
        "amount": D("3.40"),
        "currency": "GBP",
        "gateway": "stripe",
        "status": "ok",
        "test": False,
        "date_created": "2025-06-25T05:22:10Z",
        **more,
    }


def test_payments_are_read_and_an_order_of_test_payments_is_known_as_such():
    raw = raw_order([line()])
    paid = read(
        raw, (transaction(), transaction(id=10, status="error", offline={"display_name": "x"}))
    )
    assert [(p.amount, p.succeeded, p.is_offline) for p in paid.payments] == [
        (D("3.40"), True, False),
        (D("3.40"), False, True),
    ]
    assert not paid.is_test
    assert not read(raw).is_test
    assert read(raw, (transaction(test=True),)).is_test
    assert not read(raw, (transaction(test=True), transaction())).is_test


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"total_inc_tax": "a lot"}, "order.total_inc_tax"),
        ({"total_inc_tax": None}, "order.total_inc_tax"),
        ({"total_inc_tax": "NaN"}, "order.total_inc_tax"),
        ({"date_created": "yesterday"}, "order.date_created"),
        ({"status_id": "x"}, "order.status_id"),
        ({"billing_address": "none"}, "order.billing_address"),
        ({"consignments": {"shipping": {}}}, "order.consignments.shipping"),
        ({"consignments": {"shipping": [{"line_items": [{**line(), "quantity": "two"}]}]}}, r"line_items[1].quantity"),
    ],
)  # fmt: skip
def test_a_field_that_is_not_as_documented_is_named(change, field):
    with pytest.raises(UnexpectedShape) as caught:
        read({**raw_order([line()]), **change})
    assert field in caught.value.field


@pytest.mark.parametrize(
    "text",
    ["Wed, 25 Jun 2025 05:22:10 +0000", "Wed, 25 Jun 2025 07:22:10 +0200", "2025-06-25T05:22:10+00:00",
     "2025-06-25T05:22:10Z", "Wed, 25 Jun 2025 05:22:10 -0000"],
)  # fmt: skip
def test_dates_of_both_kinds_are_one_instant(text):
    assert to_instant(text) == datetime(2025, 6, 25, 5, 22, 10, tzinfo=UTC)
    assert to_instant(text).tzinfo is UTC
