"""Items, prices, quantities and customers by both interfaces, over HTTP."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest

from connectors.contract import Feed
from connectors.erps.gp import masters
from connectors.erps.gp.connector import DynamicsGP
from connectors.errors import NeedsAttention, Rejected, TryLater, UnexpectedShape
from tests.connectors.gp.conftest import Workshop, start

ITEMS, CUSTOMERS = 1_100, 1_200  # more than two pages


@pytest.fixture(scope="module")
def running_large():
    server = start("--items", str(ITEMS), "--customers", str(CUSTOMERS))
    yield server
    server.simulator.stop()


@pytest.fixture
def large(running_large):
    running_large.simulator.post("reset")
    return running_large


@pytest.fixture
def workshop(large):
    return Workshop(large)


@pytest.fixture
def erp(workshop):
    return workshop.build()


@pytest.fixture
def soap(workshop):
    return workshop.build(interface="soap", company="2", functional_currency="GBP")


def everything(reading):
    """(all rows, the marker for the next reading, the number of pages)."""
    pages = list(reading)
    assert [page.resume != "" for page in pages] == [True] * (len(pages) - 1) + [False]
    return [row for page in pages for row in page.rows], pages[-1].marker, len(pages)


def taken_up(build, name, **more):
    """A reading of which another process does each page."""
    pages = [next(getattr(build(), name)(**more))]
    while pages[-1].resume:
        pages.append(next(getattr(build(), name)(**more, resume=pages[-1].resume)))
    return [row for page in pages for row in page.rows], pages[-1].marker


def test_what_the_kind_and_an_interface_can_do(erp, soap):
    names = ("item_feed", "price_feed", "stock_feed", "customer_feed")
    assert [getattr(DynamicsGP, name) for name in names] == [
        Feed.SINCE, Feed.SWEEP, Feed.SWEEP, Feed.SWEEP,
    ]  # fmt: skip
    assert [getattr(erp, name) for name in names] == [getattr(DynamicsGP, name) for name in names]
    assert [getattr(soap, name) for name in names] == [
        Feed.SINCE, Feed.NONE, Feed.NONE, Feed.SINCE,
    ]  # fmt: skip
    assert not DynamicsGP.relieves_stock


@pytest.mark.parametrize("interface", ["erp", "soap"])
def test_all_items(interface, request):
    rows, marker, _ = everything(request.getfixturevalue(interface).items())
    assert len({row.number for row in rows}) == len(rows) == ITEMS + 64
    tent = next(row for row in rows if row.number == "TENT-2P-GRN")
    assert (tent.name, tent.item_class) == ("Ridge 2 two-person tent, green", "OUTDOOR")
    assert tent.is_stocked
    assert not next(row for row in rows if row.number == "SERVICE-WAX").is_stocked
    assert marker == datetime.datetime.now(datetime.UTC).date().isoformat()


@pytest.mark.parametrize("interface", ["erp", "soap"])
def test_items_changed_since_the_day_before(interface, request, large):
    erp = request.getfixturevalue(interface)
    large.simulator.post("clock", advance_seconds=5 * 86_400)
    today = datetime.date.today()
    since = (today + datetime.timedelta(days=4)).isoformat()
    assert everything(erp.items(since=since))[0] == []
    large.simulator.post("items", number="TENT-2P-GRN", name="Ridge 2")
    large.simulator.post("items", number="MUG-450", inactive=True)
    for day in (4, 5, 6):  # the next readings see a day's changes again
        since = (today + datetime.timedelta(days=day)).isoformat()
        rows, _, pages = everything(erp.items(since=since))
        assert {row.number: (row.name, row.is_blocked) for row in rows} == {
            "TENT-2P-GRN": ("Ridge 2", False),
            "MUG-450": ("Enamel mug 450 ml", True),
        }
        assert pages == 1


@pytest.mark.parametrize("interface", ["sba", "soap"])
def test_items_page_by_page_in_other_processes(interface, workshop, large):
    more = {"interface": "soap", "company": "2"} if interface == "soap" else {}
    rows, marker = taken_up(lambda: workshop.build(**more), "items")
    assert {row.number for row in rows} >= {f"OUT-{n:06d}" for n in range(1, ITEMS + 1)}
    assert marker


def test_items_that_go_while_they_are_read_hide_no_others(workshop, large):
    first = next(workshop.build().items())
    for number in range(1, 60):
        large.simulator.post("items", number=f"OUT-{number:06d}", delete=True)
    rest = list(workshop.build().items(resume=first.resume))
    numbers = {row.number for page in (first, *rest) for row in page.rows}
    assert {f"OUT-{n:06d}" for n in range(60, ITEMS + 1)} <= numbers


def test_list_prices_and_price_levels(erp, large, workshop):
    rows, _, _ = everything(erp.prices())
    assert len(rows) == ITEMS + 64
    tent = next(row for row in rows if row.number == "TENT-2P-GRN")
    assert (tent.amount, tent.currency, tent.includes_tax) == (Decimal("208.32"), "", False)
    assert erp.price_lists() == (("RETAIL", "Retail prices"), ("TRADE", "Trade prices"))
    large.simulator.post("items", number="TENT-2P-GRN", price="100.00")
    trade, _ = taken_up(workshop.build, "prices", price_list="TRADE")
    assert len(trade) == ITEMS + 64
    tent = next(row for row in trade if row.number == "TENT-2P-GRN")
    assert (tent.amount, tent.currency, tent.price_list) == (Decimal(80), "GBP", "TRADE")
    assert tent.minimum_quantity <= 1
    assert tent.unit_of_measure == "Each"


def test_quantities_by_site_without_the_sum_of_all(erp, large, workshop):
    large.simulator.post("stock", item="TENT-2P-GRN", site="WEB", on_hand=9, allocated=2)
    rows, _ = taken_up(workshop.build, "stock")
    assert len(rows) == 2 * (ITEMS + 63)  # two sites each; the service has none
    tent = {row.location: row for row in rows if row.number == "TENT-2P-GRN"}
    assert {site: (row.on_hand, row.reserved) for site, row in tent.items()} == {
        "MAIN": (Decimal(40), Decimal(0)),
        "WEB": (Decimal(9), Decimal(2)),
    }
    for page in erp.stock():
        numbers = [row.number for row in page.rows]
        assert all(numbers.count(number) == 2 for number in set(numbers))


def test_an_item_without_sites_has_the_sum_only():
    row = {"ItemNumber": "A", "SiteId": "", "QuantityOnHand": "3.00000", "QuantityAllocated": "1"}
    (level,) = masters.levels([row])
    assert (level.on_hand, level.reserved, level.location) == (3, 1, "")


def test_many_changes_at_once(erp, large):
    before = {
        row.number: row.on_hand for row in everything(erp.stock())[0] if row.location == "MAIN"
    }
    changed = large.simulator.post("items/change", share=5, what="stock")["changed"]
    after = {
        row.number: row.on_hand for row in everything(erp.stock())[0] if row.location == "MAIN"
    }
    different = [number for number in before if before[number] != after[number]]
    assert changed - 1 <= len(different) <= changed  # a service moves no stock


@pytest.mark.parametrize("interface", ["sba", "soap"])
def test_customers_with_their_addresses_and_e_mail(interface, workshop, large):
    more = {"interface": "soap", "company": "2"} if interface == "soap" else {}
    erp = workshop.build(**more)
    state = large.simulator.get("state")
    for row in state["customers"][:1]:
        assert row["CustomerId"] == "CUST00001"
    mails = {row["CustomerId"]: row["EmailToAddress"] for row in state["internet_addresses"]}
    found = erp.find_party("cust00001")
    assert found.email == mails["CUST00001"]
    card = next(row for row in state["customers"] if row["CustomerId"] == "CUST00001")
    assert (found.name, found.payment_terms, found.group) == (
        card["Name"], card["PaymentTermsId"], card["ClassId"],
    )  # fmt: skip
    assert found.addresses[0].street_1 == card["Address1"]
    assert found.addresses[0].country_code == card["CountryCode"]
    assert f"{found.first_name} {found.last_name}" == card["ContactPerson"]
    assert not found.is_blocked
    large.simulator.post("customers", id="CUST00001", hold=True)
    assert erp.find_party("CUST00001").is_blocked
    assert erp.find_party("NOBODY") is None
    assert erp.find_party("X" * 16) is None


def test_all_customers_with_three_lists_side_by_side(erp, workshop, large):
    state = large.simulator.get("state")
    mails = {row["CustomerId"]: row["EmailToAddress"] for row in state["internet_addresses"]}
    for read in (lambda: everything(erp.changed_parties())[0],
                 lambda: taken_up(workshop.build, "changed_parties")[0]):  # fmt: skip
        workshop.records.clear()
        rows = read()
        assert {row.number: row.email for row in rows} == mails
        assert len(rows) == CUSTOMERS + 12
        assert all(len(row.addresses) == 1 for row in rows)
        assert len(workshop.records) < 30


def test_a_second_address_comes_after_that_of_the_card(erp):
    number = "CUST00005"
    erp.service.create(
        "Sales/CustomerAddresses",
        {
            "CustomerId": number,
            "AddressId": "AAA-SHIP",
            "Address1": "9 Dock Rd",
            "City": "Hull",
        },
        purpose="a clerk adds an address",
    )
    for found in (
        erp.find_party(number),
        next(row for row in everything(erp.changed_parties())[0] if row.number == number),
    ):
        assert found.addresses[1].street_1 == "9 Dock Rd"
        assert len(found.addresses) == 2


def test_customers_by_soap_since_a_day(soap, large, workshop):
    large.simulator.post("clock", advance_seconds=5 * 86_400)
    since = (datetime.date.today() + datetime.timedelta(days=4)).isoformat()
    assert everything(soap.changed_parties(since=since))[0] == []
    for number in range(1, 121):
        large.simulator.post("customers", id=f"CUST{number:05d}", fields={"Name": f"Name {number}"})
    rows, _, pages = everything(soap.changed_parties(since=since))
    assert [row.name for row in rows] == [f"Name {number}" for number in range(1, 121)]
    assert pages == 3
    build = lambda: workshop.build(interface="soap", company="2")  # noqa: E731
    again, _ = taken_up(build, "changed_parties", since=since)
    assert [row.number for row in again] == [row.number for row in rows]
    assert all(row.email for row in rows)


def test_what_soap_lacks_is_said_in_words(soap):
    for reading in (soap.prices, soap.stock):
        with pytest.raises(NeedsAttention) as caught:
            next(reading())
        assert "SOAP" in caught.value.reason
        assert not caught.value.source  # the connection itself is well
    assert soap.price_lists() == ()


@pytest.mark.parametrize("envelope", ["bare", "lower"])
def test_other_envelopes(large, workshop, envelope):
    large.set(envelope=envelope)
    rows, _, _ = everything(workshop.build().items())
    assert len(rows) == ITEMS + 64


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "status", "status": 503, "times": 9}, TryLater),
        ({"action": "status", "status": 500, "times": 9}, TryLater),
        ({"action": "html", "times": 9}, TryLater),
        ({"action": "drop", "times": 9}, TryLater),
        ({"action": "truncate", "times": 9}, (TryLater, UnexpectedShape)),
        ({"action": "status", "status": 200, "body": '{"Payload": 5, "Status": {}}', "times": 9},
         UnexpectedShape),
    ],
)  # fmt: skip
def test_a_bad_moment_in_the_middle_leaves_the_place(large, workshop, fault, error):
    reading = workshop.build().items()
    first = next(reading)
    fault = dict(fault)
    large.simulator.fault(fault.pop("action"), path="Inventory/Items", **fault)
    with pytest.raises(error):
        next(reading)
    large.simulator.post("faults/clear")
    rest = [row for page in workshop.build().items(resume=first.resume) for row in page.rows]
    assert len(first.rows) + len(rest) == ITEMS + 64


def test_a_missing_right_and_a_missing_list(erp, large):
    large.simulator.post(
        "access", user="CONTOSO\\svc-gp", window="Item Quantities Maintenance", allow=False
    )
    with pytest.raises(NeedsAttention) as caught:
        next(erp.stock())
    assert caught.value.code == "missing_permission"
    names = {check.name: check.verdict for check in erp.ping().checks}
    assert names["Read item quantities"] == "warning"
    body = '{"Status":{"Code":405,"Trace":[{"Level":"Error","Number":9021,"Message":"no"}]},"Payload":null}'
    large.simulator.fault("status", status=405, body=body, path="ItemPriceLists", times=1)
    with pytest.raises(NeedsAttention) as caught:
        next(erp.prices(price_list="RETAIL"))
    assert caught.value.code == "not_offered"


def test_customers_are_not_written(erp):
    assert erp.write_party(erp.find_party("CUST00001")).error


def test_a_transliterated_name_is_noted(erp, large):
    from tests.connectors.gp.drafts import customer

    made = erp.create_customer(customer(7))
    assert any("Lódz" in note for note in made.notes), made.notes


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ("42555501010000", "4255550101"),
        ("42555501010123", "42555501010123"),
        ("+44 20 7946 0000", "+44 20 7946 0000"),
        ("", ""),
    ],
)
def test_telephone_numbers(kept, shown):
    assert masters.telephone(kept) == shown


def test_a_refused_reading_keeps_its_own_words(erp, large):
    large.simulator.fault("status", status=400, body='{"Payload":null,"Status":{"Code":400,"Trace":'
        '[{"Level":"Error","Number":9027,"Message":"The filter is not known"}]}}', path="Items")  # fmt: skip
    with pytest.raises(Rejected) as caught:
        next(erp.items(since="2026-01-01"))
    assert "filter" in caught.value.vendor_words
