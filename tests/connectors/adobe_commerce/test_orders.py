"""An order as Commerce lists it becomes our record to the cent, each amount once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import UnexpectedShape
from connectors.records import ChargeKind, PaymentEvent, TenderKind
from connectors.stores.adobe_commerce.amounts import share, tidy, to_instant
from connectors.stores.adobe_commerce.orders import key_from, split_key, to_order

D = Decimal
CENT = D("0.01")
ZERO = D(0)
SUMS = ("row_total", "discount_amount", "discount_tax_compensation_amount", "tax_amount")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def item(
    number: int,
    *,
    unit: str = "24.99",
    quantity: int = 1,
    rate: str = "20",
    taken: str = "0",
    inclusive: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """A row as Commerce reckons it, with tax on the price or in it."""
    factor, price, off = D(rate) / 100, D(unit), D(taken)
    amount = cents(price * quantity)
    if inclusive:
        full_tax = cents(amount * factor / (1 + factor))
        tax = cents((amount - off) * factor / (1 + factor))
        net, gross, back = amount - full_tax, amount, full_tax - tax
        price_ex, price_inc = cents(net / quantity), price
    else:
        tax, back = cents((amount - off) * factor), ZERO
        net, gross = amount, amount + cents(amount * factor)
        price_ex, price_inc = price, cents(gross / quantity)
    return {
        "item_id": number,
        "order_id": 142,
        "product_id": 1000 + number,
        "product_type": "simple",
        "sku": f"SKU-{number}",
        "name": f"Product {number}",
        "qty_ordered": quantity,
        "price": price_ex,
        "price_incl_tax": price_inc,
        "row_total": net,
        "row_total_incl_tax": gross,
        "discount_amount": off,
        "discount_tax_compensation_amount": back,
        "tax_amount": tax,
        "tax_percent": D(rate),
        **more,
    }


def raw_order(items: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The header over the rows that have no parent."""
    tops = [row for row in items if not row.get("parent_item_id")]
    sums = {name: sum((D(str(row[name])) for row in tops), ZERO) for name in SUMS}
    shipping = {
        name: D(str(more.get(name, 0)))
        for name in (
            "shipping_amount",
            "shipping_tax_amount",
            "shipping_discount_amount",
            "shipping_discount_tax_compensation_amount",
        )
    }
    taken = sums["discount_amount"] + shipping["shipping_discount_amount"]
    tax = sums["tax_amount"] + shipping["shipping_tax_amount"]
    grand = (
        sums["row_total"]
        - taken
        + sums["discount_tax_compensation_amount"]
        + shipping["shipping_amount"]
        + shipping["shipping_discount_tax_compensation_amount"]
        + tax
    )
    head = {
        "entity_id": 142,
        "increment_id": "000000142",
        "store_id": 1,
        "state": "processing",
        "status": "processing",
        "created_at": "2026-01-05 23:58:41",
        "updated_at": "2026-01-06 00:03:10",
        "customer_email": "ann@example.test",
        "customer_is_guest": 1,
        "order_currency_code": "EUR",
        "base_currency_code": "USD",
        "base_to_order_rate": D("0.92"),
        "subtotal": sums["row_total"],
        "discount_amount": -taken,
        "discount_tax_compensation_amount": sums["discount_tax_compensation_amount"],
        "tax_amount": tax,
        "grand_total": grand,
        **shipping,
        "billing_address": {"firstname": "Ann", "lastname": "Lee", "street": ["12 Quay St"]},
        "payment": {"method": "checkmo"},
        "items": items,
    }
    head |= {name: value for name, value in more.items() if name != "items"}
    return json.loads(json.dumps(head, default=str), parse_float=Decimal)


SAMPLE = json.loads(
    """{"entity_id":142,"increment_id":"000000142","store_id":2,"state":"processing",
 "status":"erp_ready","created_at":"2026-01-05 23:58:41","updated_at":"2026-01-06 00:03:10",
 "customer_email":"ann@example.test","customer_is_guest":1,"customer_group_id":0,"is_virtual":0,
 "base_currency_code":"USD","order_currency_code":"EUR","base_to_order_rate":0.92,
 "base_subtotal":70,"subtotal":64.4,"base_discount_amount":-7,"discount_amount":-6.44,
 "base_shipping_amount":8,"shipping_amount":7.36,"base_shipping_tax_amount":0.64,
 "shipping_tax_amount":0.59,"base_tax_amount":5.68,"tax_amount":5.22,"base_grand_total":76.68,
 "grand_total":70.54,"total_paid":70.54,"base_total_paid":76.68,"coupon_code":"TEN",
 "shipping_description":"Flat Rate - Fixed",
 "items":[{"item_id":301,"product_type":"configurable","sku":"TEE-M-BLUE","name":"Tee",
   "qty_ordered":2,"base_price":25,"price":23,"base_row_total":50,"row_total":46,
   "base_discount_amount":5,"discount_amount":4.6,"base_tax_amount":3.6,"tax_amount":3.31,
   "tax_percent":8},
  {"item_id":302,"parent_item_id":301,"product_type":"simple","sku":"TEE-M-BLUE",
   "name":"Tee-M-Blue","qty_ordered":2,"base_price":0,"price":0,"row_total":0,"base_row_total":0,
   "parent_item":{"item_id":301,"row_total":46}},
  {"item_id":303,"product_type":"simple","sku":"CBL-1","name":"Cable","qty_ordered":1,
   "base_price":20,"price":18.4,"base_row_total":20,"row_total":18.4,"base_discount_amount":2,
   "discount_amount":1.84,"base_tax_amount":1.44,"tax_amount":1.32,"tax_percent":8}],
 "billing_address":{"firstname":"Ann","lastname":"Lee","street":["12 Quay St","Unit 4"],
   "city":"Cork","postcode":"T12","country_id":"IE","telephone":"0","email":"ann@example.test"},
 "payment":{"method":"adyen_cc","last_trans_id":"PSP-881"},
 "extension_attributes":{"shipping_assignments":[{"shipping":{"method":"flatrate_flatrate",
   "address":{"city":"Cork","country_id":"IE","street":["12 Quay St"]}}}],
   "payment_additional_info":[{"key":"method_title","value":"Card"}],
   "applied_taxes":[{"code":"IE-8","percent":8,"amount":5.22}],"item_applied_taxes":[]}}""",
    parse_float=Decimal,
)


def test_an_order_of_the_documentations_shape_is_read_whole():
    order = to_order(SAMPLE)
    assert (order.external_id, order.number) == ("2-000000142", "000000142")
    assert (order.status, order.status_label) == ("processing", "Processing (erp_ready)")
    assert order.placed_at == datetime(2026, 1, 5, 23, 58, 41, tzinfo=UTC)
    assert (order.currency, order.store_currency) == ("EUR", "USD")
    assert (order.total_inc_tax, order.total_tax) == (D("70.54"), D("5.22"))
    assert order.lines_total_inc_tax == D("70.54")
    tee, cable = order.lines
    assert (tee.sku, tee.quantity, tee.options) == ("TEE-M-BLUE", 2, "Tee-M-Blue")
    assert (tee.unit_price_ex_tax, tee.discount_ex_tax) == (D("23"), D("4.6"))
    assert (tee.net_ex_tax, tee.net_inc_tax) == (D("41.4"), D("44.71"))
    assert (cable.net_ex_tax, cable.tax, cable.tax_class) == (D("16.56"), D("1.32"), "8")
    assert tee.discounts[0].code == "TEN"
    (shipping,) = order.charges
    assert (shipping.kind, shipping.amount_inc_tax) == (ChargeKind.SHIPPING, D("7.95"))
    assert order.customer.is_guest
    assert order.billing.street_2 == "Unit 4"
    assert order.shipping is not None
    assert order.shipping.city == "Cork"
    assert order.payment_status == "paid"


def test_the_same_order_in_the_base_currency_is_its_own_figures_not_a_product_of_the_rate():
    order = to_order(SAMPLE, base=True)
    assert (order.currency, order.total_inc_tax) == ("USD", D("76.68"))
    assert order.lines_total_inc_tax == D("76.68")
    assert order.lines[0].unit_price_ex_tax == 25
    assert order.exchange_rate == 1


def test_numbers_can_carry_the_store_view_and_suit_every_ledger():
    assert to_order(SAMPLE, with_store=True).number == "2-000000142"
    order = to_order({**SAMPLE, "increment_id": "#UK/26_0007"})
    assert (order.external_id, order.number) == ("2-#UK/26_0007", "UK-26-0007")


rows = st.lists(
    st.tuples(
        st.decimals("0.01", "3000", places=2),
        st.integers(1, 60),
        st.sampled_from(["0", "5", "8.25", "19", "20", "25"]),
        st.integers(0, 95),
    ),
    min_size=1,
    max_size=6,
)


@given(rows, st.booleans(), st.decimals("0", "80", places=2), st.integers(0, 100))
def test_lines_and_charges_are_the_grand_total(parts, inclusive, freight, shipping_off):
    items = []
    for number, (unit, quantity, rate, percent) in enumerate(parts, 1):
        taken = cents(unit * quantity * percent / 100)
        items.append(
            item(
                number,
                unit=str(unit),
                quantity=quantity,
                rate=rate,
                taken=str(taken),
                inclusive=inclusive,
            )
        )
    off = cents(freight * shipping_off / 100)
    order = to_order(
        raw_order(
            items,
            shipping_amount=freight,
            shipping_discount_amount=off,
            shipping_tax_amount=cents((freight - off) * D("0.2")),
        ),
        prices_include_tax=inclusive,
    )
    assert order.lines_total_inc_tax == order.total_inc_tax
    net = sum((line.net_ex_tax for line in order.lines), ZERO)
    net += sum((charge.amount_ex_tax for charge in order.charges), ZERO)
    assert net == order.total_ex_tax
    for line, raw in zip(order.lines, items, strict=True):
        for unit, taken, paid in (
            (line.unit_price_ex_tax, line.discount_ex_tax, line.net_ex_tax),
            (line.unit_price_inc_tax, line.discount_inc_tax, line.net_inc_tax),
        ):
            assert abs(unit * line.quantity - taken - paid) < D("0.000001")
        assert line.tax == raw["tax_amount"]
        assert line.discount_ex_tax >= 0
        assert "rounding" not in order.extra


@given(
    st.decimals("-999", "9999", places=2), st.lists(st.decimals("0", "99", places=2), min_size=1)
)
def test_shares_add_up_exactly(amount, weights):
    parts = share(amount, weights)
    assert sum(parts, ZERO) == amount
    assert all(part == part.quantize(CENT) for part in parts)


@given(st.decimals("-9999", "9999", places=4))
def test_noise_of_binary_floats_is_taken_off(value):
    noisy = D(repr(float(value) + 1e-12))
    assert tidy(noisy) == value


def test_noisy_amounts_are_read_clean():
    raw = raw_order([item(1, unit="29.95")])
    for name in ("subtotal", "grand_total", "tax_amount"):
        raw[name] = D(repr(float(raw[name]) - 1e-13))
    raw["items"][0]["price"] = D("29.949999999999999")
    raw["items"][0]["row_total"] = D("29.949999999999999")
    order = to_order(raw)
    assert order.lines[0].unit_price_ex_tax == D("29.95")
    assert order.lines_total_inc_tax == order.total_inc_tax == D("35.94")


CHILD = {"parent_item_id": 1, "sku": "RED-M", "name": "Shirt red M"}


@pytest.mark.parametrize("child", [{"unit": "0"}, {"unit": "24.99", "quantity": 2}])
def test_a_configurable_counts_once_whatever_its_child_row_says(child):
    parent = item(1, quantity=2, product_type="configurable", sku="RED-M", name="Shirt")
    order = to_order(raw_order([parent, item(2, **{**CHILD, **child})]))
    (line,) = order.lines
    assert (line.external_id, line.sku, line.quantity) == ("1", "RED-M", 2)
    assert (line.name, line.options) == ("Shirt", "Shirt red M")
    assert line.net_ex_tax == D("49.98")
    assert order.lines_total_inc_tax == order.total_inc_tax


def bundle(*, parent: dict[str, Any], children: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [item(1, product_type="bundle", sku="SET-A-B", name="Set", **parent)]
    rows += [
        item(number, parent_item_id=1, sku=sku, **values)
        for number, (sku, values) in enumerate(zip(("A", "B"), children, strict=True), 2)
    ]
    return raw_order([*rows, item(9, unit="5.00")])


def test_a_bundle_of_fixed_price_is_its_own_row():
    order = to_order(bundle(parent={"unit": "30"}, children=[{"unit": "0"}, {"unit": "0"}]))
    assert [line.sku for line in order.lines] == ["SET-A-B", "SKU-9"]
    assert order.lines[0].options == "1 × Product 2, 1 × Product 3"
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_a_bundle_of_dynamic_prices_is_its_components():
    order = to_order(bundle(parent={"unit": "30"}, children=[{"unit": "10"}, {"unit": "20"}]))
    assert [line.sku for line in order.lines] == ["A", "B", "SKU-9"]
    assert sum(line.net_ex_tax for line in order.lines) == 35
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_the_headers_subtotal_decides_where_both_readings_have_money():
    order = to_order(bundle(parent={"unit": "30"}, children=[{"unit": "4"}, {"unit": "8"}]))
    assert [line.sku for line in order.lines] == ["SET-A-B", "SKU-9"]
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_tax_and_discount_of_a_bundle_may_stand_in_its_own_row_alone():
    raw = bundle(
        parent={"unit": "30", "taken": "3"},
        children=[{"unit": "10", "rate": "0"}, {"unit": "20", "rate": "0"}],
    )
    order = to_order(raw)
    assert [line.sku for line in order.lines] == ["A", "B", "SKU-9"]
    assert [line.discount_ex_tax for line in order.lines] == [1, 2, 0]
    assert order.lines_total_inc_tax == order.total_inc_tax == D("38.40")


def test_a_bundle_with_nothing_in_its_own_row_is_its_components():
    raw = bundle(parent={"unit": "0"}, children=[{"unit": "10"}, {"unit": "20"}])
    for name, more in (("subtotal", 30), ("tax_amount", 6), ("grand_total", 36)):
        raw[name] = D(str(raw[name])) + more
    order = to_order(raw)
    assert [line.sku for line in order.lines] == ["A", "B", "SKU-9"]
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_cents_between_rows_and_header_go_to_the_largest_line_and_are_said():
    raw = raw_order([item(1, unit="10.01"), item(2, unit="3.33")])
    raw["tax_amount"] = D(str(raw["tax_amount"])) + CENT
    raw["grand_total"] = D(str(raw["grand_total"])) + CENT
    order = to_order(raw)
    assert order.lines_total_inc_tax == order.total_inc_tax
    assert order.lines[0].tax == D("2.01")
    assert order.extra["rounding"] == "0.01"


def test_a_difference_that_is_no_rounding_stays_visible():
    raw = raw_order([item(1)])
    raw["grand_total"] = D(str(raw["grand_total"])) + 5
    order = to_order(raw)
    assert order.lines_total_inc_tax == order.total_inc_tax - 5


def test_what_pays_the_order_does_not_lower_it():
    raw = raw_order([item(1, unit="100.00")])
    raw["grand_total"] = D("57.00")
    raw["extension_attributes"] = {
        "gift_cards_amount": 50,
        "gift_cards": [
            {"id": 1, "code": "GC-1", "amount": 20, "base_amount": 22},
            {"id": 2, "code": "GC-2", "amount": 30, "base_amount": 33},
        ],
        "customer_balance_amount": 10,
        "reward_currency_amount": 3,
    }
    order = to_order(raw)
    assert order.total_inc_tax == 120
    assert [(t.kind, t.amount, t.code) for t in order.tenders] == [
        (TenderKind.GIFT_CERTIFICATE, 20, "GC-1"),
        (TenderKind.GIFT_CERTIFICATE, 30, "GC-2"),
        (TenderKind.STORE_CREDIT, 10, ""),
        (TenderKind.STORE_CREDIT, 3, "reward-points"),
    ]


@pytest.mark.parametrize("tax_in_header", [True, False])
def test_gift_wrapping_adds_up_wherever_its_tax_is_counted(tax_in_header):
    raw = raw_order([item(1, unit="100.00")])
    raw["grand_total"] = D("126.00")
    if tax_in_header:
        raw["tax_amount"] = D("21.00")
    raw["extension_attributes"] = {"gw_items_price": "5.0000", "gw_items_tax_amount": "1.0000"}
    order = to_order(raw)
    assert order.total_tax == 21
    (wrapping,) = order.charges
    assert (wrapping.kind, wrapping.amount_ex_tax, wrapping.amount_inc_tax) == (
        ChargeKind.WRAPPING,
        5,
        6,
    )
    assert order.lines_total_inc_tax == order.total_inc_tax


def test_fees_and_fixed_product_taxes_are_charges():
    raw = raw_order([item(1, unit="100.00", weee_tax_applied_row_amount=D("1.20"))])
    raw["grand_total"] = D("123.70")
    raw["extension_attributes"] = {
        "custom_fees": [
            {"custom_fee_code": "cod", "custom_fee_label": "Cash on delivery",
             "custom_fee_amount": 2.5, "base_custom_fee_amount": 2.7}
        ]
    }  # fmt: skip
    raw = json.loads(json.dumps(raw, default=str), parse_float=Decimal)
    order = to_order(raw)
    assert [(c.name, c.amount_inc_tax) for c in order.charges] == [
        ("Cash on delivery", D("2.5")),
        ("Fixed product tax", D("1.2")),
    ]
    assert order.lines_total_inc_tax == order.total_inc_tax


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        ("processing", "processing", ("processing", "Processing")),
        ("new", "pending", ("new", "New")),
        ("holded", "holded", ("holded", "On hold")),
        ("payment_review", "fraud", ("fraud", "Suspected fraud")),
        ("processing", "fraud", ("fraud", "Suspected fraud")),
        ("complete", "shipped_by_depot", ("complete", "Complete (shipped_by_depot)")),
        ("canceled", "canceled", ("canceled", "Canceled")),
    ],
)
def test_the_state_decides_and_the_status_is_a_label(state, status, expected):
    order = to_order(raw_order([item(1)], state=state, status=status))
    assert (order.status, order.status_label) == expected


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("1-000000142", "1-000000142"),
        (" #000000142 ", "1-000000142"),
        ("2000000042", "2-2000000042"),
        ("000000142-1", "1-000000142-1"),
        ("2-2000000042-1", "2-2000000042-1"),
        ("3-UK-1007", "3-UK-1007"),
        ("01-000000142", "1-000000142"),
        ("2-UK/26/0007", "2-UK/26/0007"),
    ],
)
def test_a_person_may_type_either_form_of_an_order_number(typed, key):
    assert key_from(typed) == key
    assert split_key(key) == (key.partition("-")[0], key.partition("-")[2])


@pytest.mark.parametrize("typed", ["", "UK-1007", "142", "1-", "1/2", "x" * 50])
def test_what_is_no_order_number_is_refused_in_words(typed):
    with pytest.raises(ValueError, match="store view"):
        key_from(typed)


@pytest.mark.parametrize(
    "field", ["entity_id", "increment_id", "store_id", "grand_total", "created_at", "items.sku"]
)
def test_a_missing_field_is_named_or_harmless(field):
    raw = raw_order([item(1)])
    if field == "items.sku":
        del raw["items"][0]["sku"]
        assert to_order(raw).lines[0].sku == ""
        return
    del raw[field]
    with pytest.raises(UnexpectedShape, match=f"order.{field}"):
        to_order(raw)


def test_payments_are_the_captured_invoices_and_what_is_only_promised():
    raw = raw_order([item(1, unit="100.00")], total_paid=70)
    invoice = {
        "entity_id": 88, "state": 2, "grand_total": 70, "order_currency_code": "EUR",
        "base_currency_code": "USD", "transaction_id": "PSP-1", "created_at": "2026-01-06 00:03:09",
    }  # fmt: skip
    hold = {"transaction_id": 5, "txn_id": "PSP-0", "txn_type": "authorization",
            "created_at": "2026-01-05 23:58:41"}  # fmt: skip
    order = to_order(
        raw,
        invoices=[invoice, {**invoice, "entity_id": 89, "state": 1}],
        transactions=[hold, {**hold, "transaction_id": 6, "txn_type": "capture"}],
    )
    assert [(p.external_id, p.event, p.amount, p.is_offline) for p in order.payments] == [
        ("5", PaymentEvent.AUTHORIZATION, 120, False),
        ("I88", PaymentEvent.CAPTURE, 70, False),
    ]
    assert order.payment_status == "paid in part"


def test_times_without_a_zone_are_utc():
    assert to_instant("2026-07-01 12:00:00") == datetime(2026, 7, 1, 12, tzinfo=UTC)
    with pytest.raises(ValueError):
        to_instant("yesterday")
