"""Making, pausing and checking routes, and their lookup tables."""

from __future__ import annotations

import pytest

from audit.actions import Action
from audit.models import Entry
from connectors import services
from console import lookup_tables, readiness, route_form
from sync import mapping_rules
from sync.models import Route, State
from tenants.roles import Role
from tests.console.support import Browser, make_transfer
from tests.support.flow import TENT, store_values


@pytest.fixture
def second(flow, simulators):
    """Another store, not joined with the ledger yet."""
    return services.create_connection(
        kind="bigcommerce", name="Outlet", slug="outlet", values=store_values(simulators)
    )


def form(**more):
    return {
        "store": "outlet", "erp": "ledger", "name": "Outlet orders", "prefix": "out-",
        "start": "2026-01-31", "time_zone": "America/New_York", "document_kind": "order",
        "refund_kind": "nothing", **more,
    }  # fmt: skip


def test_a_route_is_made_and_its_page_says_what_it_lacks(browser, flow, second):
    page = browser("get", "/mappings/new/?store=outlet").content.decode()
    assert 'value="Europe/London"' in page  # the company's
    choices = [choice for choice, _ in route_form.settings_of(second, flow.erp)[0].choices]
    answer = browser("post", "/mappings/new/", form(document_kind=choices[-1]))
    assert answer.status_code == 302, answer.content.decode()
    assert answer["Location"] == "/mappings/outlet-orders/settings/"
    row = Route.objects.get(slug="outlet-orders")
    assert (row.prefix, row.settings["time_zone"]) == ("OUT-", "America/New_York")
    assert row.settings["document_kind"] == choices[-1]
    assert row.settings["refund_kind"] == "nothing"
    assert row.start_at.isoformat() == "2026-01-31T05:00:00+00:00"
    html = browser("get", answer["Location"]).content.decode()
    assert "before all orders can flow" in html
    assert "Charges and special lines: shipping" in html
    assert Entry.objects.filter(action=Action.ROUTE_SAVED, words__contains="Outlet").exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "letters or digits"),
        ("name", "Web orders", "with this name already"),
        ("name", "n" * 81, "at most 80 characters"),
        ("prefix", "", "Give a prefix"),
        ("prefix", "web-", "has this prefix already"),
        ("prefix", "A B", "Letters, digits and hyphens"),
        ("prefix", "A" * 11, "At most 10"),
        ("start", "soon", "Give a day"),
        ("start", "0001-01-01", "Give a day"),
        ("time_zone", "Mars/Olympus", "IANA time zone"),
        ("document_kind", "poem", "Must be one of"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(browser, flow, second, field, value, words):
    answer = browser("post", "/mappings/new/", form(document_kind="") | {field: value})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert Route.objects.count() == 1


def test_a_prefix_leaves_room_for_the_stores_numbers(flow, second, monkeypatch):
    from connectors.registry import SYSTEMS

    monkeypatch.setattr(SYSTEMS["business_central"], "reference_max_length", 14)
    check = route_form.check_prefix
    assert "At most 4 remain" in check("ABCDE", second, flow.erp, {"refund_kind": "credit"})
    assert check("ABCD", second, flow.erp, {"refund_kind": "credit"}) == ""
    assert check("ABCDE", second, flow.erp, {}) == ""
    assert "At most 5 remain" in check("ABCDEF", second, flow.erp, {})
    assert "corrected in the ERP by hand" in route_form.corrections_too_long(flow.route)


def test_one_pair_has_one_route(browser, flow):
    answer = browser("post", "/mappings/new/", form(store="store", name="Again"))
    assert answer.status_code == 400
    assert "There is a route from Acme store into Acme ledger already" in answer.content.decode()


def test_only_administrators_make_and_pause_routes(people, flow):
    accountant = Browser(people[Role.ACCOUNTANT])
    assert accountant("get", "/mappings/new/").status_code == 403
    assert accountant("post", "/mappings/web/pause/", {"act": "pause"}).status_code == 403
    assert accountant("post", "/mappings/web/rename/", {"name": "x"}).status_code == 403


def test_a_paused_route_takes_nothing_new_until_it_is_resumed(browser, flow):
    from sync.models import InboxEvent

    browser("post", "/mappings/web/pause/", {"act": "pause"})
    flow.route.refresh_from_db()
    assert not flow.route.is_active
    assert "Paused" in browser("get", "/mappings/?all=1").content.decode()
    order = flow.place(lines=[TENT])
    with pytest.raises(Exception, match="does not exist"):
        flow.announce(order["id"])
    assert InboxEvent.objects.exists()
    browser("post", "/mappings/web/pause/", {"act": "resume"})
    flow.announce(order["id"])
    assert flow.work(order["id"]).state == State.POSTED
    words = Entry.objects.filter(action=Action.ROUTE_SAVED).values_list("words", flat=True)
    assert [text.rsplit(" ", 1)[-1] for text in words.order_by("pk")][-2:] == [
        "paused.",
        "resumed.",
    ]


def test_a_route_is_renamed_and_begins_earlier_and_keeps_its_prefix(browser, flow):
    browser("post", "/mappings/web/rename/", {"name": "Shop", "start": "2026-03-01"})
    flow.route.refresh_from_db()
    assert (flow.route.name, flow.route.slug, flow.route.prefix) == ("Shop", "web", "WEB-")
    assert route_form.first_day(flow.route).isoformat() == "2026-03-01"
    before = Entry.objects.count()
    browser("post", "/mappings/web/rename/", {"name": "Shop", "start": "2026-03-01"})
    browser("post", "/mappings/web/rename/", {"name": "", "start": "soon"})
    assert Entry.objects.count() == before


@pytest.mark.parametrize("odd", ["\0", "²", "x" * 500, "9999-12-31", "'\"<>"])
def test_odd_forms_break_nothing(browser, flow, second, odd):
    for name in form():
        assert browser("post", "/mappings/new/", form() | {name: odd}).status_code < 500
    assert browser("get", "/mappings/new/", {"store": odd, "erp": odd}).status_code < 500
    for name in ("name", "start"):
        given = {"name": "Web", "start": "2026-01-01", name: odd}
        assert browser("post", "/mappings/web/rename/", given).status_code < 500


class TestLookups:
    def test_the_tables_are_those_that_the_erp_uses(self, flow):
        names = {table.info.name for table in lookup_tables.tables_of(flow.route)}
        assert {"charges", "tax_areas", "tax_codes", "payment_terms", "shipment_methods"} == names
        mapping_rules.save_lookup(flow.route, table="warehouses", key="*", value="MAIN", by="x")
        assert "warehouses" in {t.info.name for t in lookup_tables.tables_of(flow.route)}

    def test_keys_that_are_waited_for_come_first_and_release(self, browser, flow):
        mapping_rules.delete_lookup(flow.route, table="charges", key="shipping")
        order = flow.place(lines=[TENT], shipping="4.95")
        flow.announce(order["id"])
        held = flow.work(order["id"])
        assert held.hold == "lookup_missing"
        first = lookup_tables.tables_of(flow.route)[0]
        assert (first.info.name, first.wanted[0].key, first.wanted[0].waiting) == (
            "charges", "shipping", 1,
        )  # fmt: skip
        assert "shipping" not in first.suggested
        html = browser("get", "/mappings/web/lookups/").content.decode()
        assert "Add and release" in html
        answer = browser("post", "/mappings/web/save-lookup/", {
            "table": "charges", "key": "shipping", "value": "account:6610",
        })  # fmt: skip
        assert answer["Location"].endswith("#table-charges")
        held.refresh_from_db()
        assert held.state == State.WAITING

    def test_what_transfers_wait_for_is_on_the_check_list(self, flow):
        make_transfer(
            flow, state=State.HELD, hold="lookup_missing", reason="No row.",
            hold_keys=["lookup:tax_codes:reduced"],
        )  # fmt: skip
        point = next(p for p in readiness.points_of(flow.route) if p.name.endswith(": reduced"))
        assert point.is_open
        assert "1 transfer waits" in point.words

    def test_a_route_with_everything_is_ready(self, browser, flow):
        for connection in (flow.store, flow.erp):
            services.ping(connection)
        assert not [p for p in readiness.points_of(Route.objects.get()) if p.is_open]
        assert (
            "Ready: nothing is missing"
            in browser("get", "/mappings/web/settings/").content.decode()
        )


def test_what_a_field_says_of_a_certificate_stays_in_its_lines(browser, flow):
    html = browser("get", "/connections/add/gp/").content.decode()
    assert re_textarea(html, "authority")
    assert html.index("<legend>") < html.index("<summary>Advanced")


def re_textarea(html, name):
    return f'<textarea class="form-control font-monospace" id="f-{name}"' in html
