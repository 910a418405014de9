"""Master data, past orders and webhooks in the console: pages, roles and odd input."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from audit.models import Entry
from connectors import hook_care, services
from connectors.models import Connection, HookTally, Subscription
from console import flows
from console.views import backfill as backfill_page
from sync import completeness, dispatch, route_settings
from sync.models import Flow, FlowSchedule, InboxEvent, Route, SentValue, State, Transfer
from tenants.models import AgendaItem
from tenants.roles import Role
from tests.console.support import Browser, in_chromium, make_transfer, sign_in
from tests.support.flow import TENT

PAGE = "/mappings/web/flows/"
SKU = "TENT-2P-GRN"
ODD = ("", "\0", "²", "٣", "9" * 40, "-1", "1e9", "x" * 5000, "24:00", "6:30", "\n", "'\"<>")


@pytest.fixture
def shop(flow):
    """Items, prices and stock switched on."""
    route_settings.save(
        flow.route, {"items_flow": "align", "prices_flow": "write", "stock_flow": "write"}
    )
    flow.route.refresh_from_db()
    return flow


def schedule(flow, kind=Flow.STOCK) -> FlowSchedule:
    return FlowSchedule.objects.get(route=flow.route, flow=kind)


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_a_route_whose_flows_are_off_says_how_to_switch_them_on(browser, flow):
    page = text(browser("get", PAGE))
    for name in ("Items", "Prices", "Stock", "Customers"):
        assert f">{name}</h2>" in page
    assert page.count("Switch them on") == 4
    assert "Run now" not in page
    assert "When they run" not in page


def test_the_page_shows_what_each_flow_did_and_what_it_waits_for(browser, shop):
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(
        every_minutes=90, rows_seen=12_840, rows_written=17, rows_refused=2,
        words="12840 rows read, 17 written, 2 refused.", finished_at=timezone.now(),
    )  # fmt: skip
    FlowSchedule.objects.filter(flow=Flow.PRICES).update(
        at_times=["06:30", "18:00"], is_running=True, words="The ERP did not answer."
    )
    FlowSchedule.objects.filter(flow=Flow.ITEMS).update(is_paused=True)
    make_transfer(shop, SKU, kind="stock", state=State.FAILED, reason="No.")
    page = text(browser("get", PAGE))
    assert "every 90 minutes" in page
    assert "at 06:30 and 18:00" in page
    assert "12,840" in page
    assert ">17</dd>" in page
    assert "17 written" not in page  # the figures above say it
    assert "Last words:</span> The ERP did not answer." in page
    assert "route=web&amp;flow=stock&amp;state=failed" in page
    assert "1 failed" in page
    assert "Paused" in page
    Connection.objects.filter(slug="ledger").update(state="refused")
    assert "Waits for Acme ledger" in text(browser("get", PAGE))
    Route.objects.update(is_active=False)
    assert "The route is paused" in text(browser("get", PAGE))


def test_a_run_is_shown_while_it_goes_and_asked_for_only_when_it_moved(browser, shop):
    row = schedule(shop)
    FlowSchedule.objects.filter(pk=row.pk).update(
        is_running=True, lease_until=timezone.now() + timedelta(minutes=1), rows_seen=1_500,
        started_at=timezone.now(),
    )  # fmt: skip
    page = text(browser("get", PAGE))
    assert "1,500 rows read so far" in page
    assert "<progress" in page
    route = Route.objects.select_related("store", "erp").get()
    version = flows.version(route, flows.lines(route))
    part = {"HX-Request": "true"}
    assert browser("get", PAGE, {"v": version}, **part).status_code == 204
    FlowSchedule.objects.filter(pk=row.pk).update(rows_seen=1_750)
    moved = browser("get", PAGE, {"v": version}, **part)
    assert moved.status_code == 200
    assert "1,750" in moved.content.decode()
    assert "<html" not in moved.content.decode()


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(1, "every minute"), (30, "every 30 minutes"), (60, "every hour"), (180, "every 3 hours"),
     (1440, "every day"), (2880, "every 2 days"), (61, "every 61 minutes")],
)  # fmt: skip
def test_how_often_in_words(minutes, words):
    assert flows.every(minutes) == words


@pytest.mark.parametrize(
    ("act", "allowed"),
    [
        ("run", (Role.ACCOUNTANT, Role.ADMIN)),
        ("restart", (Role.ACCOUNTANT, Role.ADMIN)),
        ("pause", (Role.ADMIN,)),
        ("resume", (Role.ADMIN,)),
    ],
)
def test_accountants_run_flows_and_administrators_pause_them(people, shop, act, allowed):
    for role in Role:
        answer = Browser(people[role])("post", f"{PAGE}stock/act/", {"act": act})
        assert answer.status_code == (302 if role in allowed else 403), role


def test_only_administrators_say_when_flows_run(people, shop):
    form = {"every_minutes": "15", "at_times": ""}
    for role in (Role.VIEWER, Role.ACCOUNTANT):
        assert Browser(people[role])("post", f"{PAGE}stock/save/", form).status_code == 403
        assert "When they run" not in text(Browser(people[role])("get", PAGE))
    assert "Run now" not in text(Browser(people[Role.VIEWER])("get", PAGE))
    assert schedule(shop).every_minutes == 10
    browser = Browser(people[Role.ADMIN])
    assert "When they run" in text(browser("get", PAGE))
    browser("post", f"{PAGE}stock/save/", form)
    assert schedule(shop).every_minutes == 15


def test_a_flow_is_run_from_the_start_paused_and_resumed(browser, shop):
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(marker="m", resume="r")
    AgendaItem.objects.filter(kind=dispatch.FLOW).delete()
    browser("post", f"{PAGE}stock/act/", {"act": "run"})
    assert schedule(shop).marker == "m"
    assert AgendaItem.objects.filter(kind=dispatch.FLOW, key=str(schedule(shop).pk)).exists()
    browser("post", f"{PAGE}stock/act/", {"act": "restart"})
    assert (schedule(shop).marker, schedule(shop).resume) == ("", "")
    browser("post", f"{PAGE}stock/act/", {"act": "pause"})
    assert schedule(shop).is_paused
    assert not AgendaItem.objects.filter(kind=dispatch.FLOW, key=str(schedule(shop).pk)).exists()
    browser("post", f"{PAGE}stock/act/", {"act": "run"})
    assert "Take the pause off first" in text(browser("get", PAGE))
    browser("post", f"{PAGE}stock/act/", {"act": "resume"})
    assert not schedule(shop).is_paused
    assert schedule(shop).next_at is not None
    assert Entry.objects.filter(action="schedule_saved", actor="admin@example.com").count() == 4


def test_a_reading_under_way_is_not_begun_again(browser, shop):
    FlowSchedule.objects.filter(flow=Flow.STOCK).update(
        is_running=True, resume="page 3", lease_until=timezone.now() + timedelta(minutes=1)
    )
    browser("post", f"{PAGE}stock/act/", {"act": "restart"})
    assert schedule(shop).resume == "page 3"
    assert "Let it finish first" in text(browser("get", PAGE))


def test_times_of_day_are_those_of_the_company_and_replace_the_minutes(browser, shop):
    browser("post", f"{PAGE}stock/save/", {"every_minutes": "9" * 12, "at_times": "18:00, 06:30"})
    row = schedule(shop)
    assert (row.at_times, row.every_minutes) == (["06:30", "18:00"], 10)
    assert timezone.localtime(row.next_at).strftime("%M") in ("30", "00")
    browser("post", f"{PAGE}stock/save/", {"every_minutes": "45", "at_times": " , "})
    row = schedule(shop)
    assert (row.at_times, row.every_minutes) == ([], 45)


@pytest.mark.parametrize("name", ["every_minutes", "at_times"])
def test_odd_schedules_are_refused_with_words(browser, shop, name):
    for odd in ODD:
        form = {"every_minutes": "", "at_times": "", name: odd}
        answer = browser("post", f"{PAGE}stock/save/", form)
        assert answer.status_code in (302, 400), odd
        row = schedule(shop)
        assert (row.every_minutes, row.at_times) == (10, []), odd


def test_odd_acts_and_flows_break_nothing(browser, shop):
    for odd in ODD:
        answer = browser("post", f"{PAGE}stock/act/", {"act": odd})
        assert answer.status_code in (302, 400), odd
    for kind in ("orders", "customers", "nonsense"):
        assert browser("post", f"{PAGE}{kind}/act/", {"act": "run"}).status_code == 404
        assert browser("post", f"{PAGE}{kind}/save/", {}).status_code == 404
    assert browser("post", "/mappings/nil/flows/stock/act/", {"act": "run"}).status_code == 404
    assert browser("get", "/mappings/nil/flows/").status_code == 404
    assert browser("get", f"{PAGE}stock/act/").status_code == 405


def test_what_is_on_one_side_only_is_listed_and_exported_safely(browser, shop):
    path = "/mappings/web/one-sided"
    assert "Nothing was compared yet" in text(browser("get", f"{path}/"))
    assert browser("get", f"{path}.csv").status_code == 404
    for key in ("=HYPERLINK(1)", "LAMP-1"):
        SentValue.objects.create(
            route=shop.route, flow=Flow.ITEMS, key=key, digest="d", is_matched=False,
            sent_at=timezone.now(),
        )  # fmt: skip
    FlowSchedule.objects.filter(flow=Flow.ITEMS).update(
        finished_at=timezone.now(),
        report={
            "matched": 1_270, "erp_only": 2, "erp_only_numbers": ["=HYPERLINK(1)", "LAMP-1"],
            "store_only": 600, "store_only_skus": [f"S-{n}" for n in range(500)],
        },
    )  # fmt: skip
    page = text(browser("get", f"{path}/"))
    assert "1,270 items and products match" in page
    assert "The first 200 of 600." in page
    assert "2 only in Acme ledger" in text(browser("get", PAGE))
    answer = browser("get", f"{path}.csv")
    rows = list(csv.reader(io.StringIO(answer.streamed.decode("utf-8-sig"))))
    assert rows[:3] == [
        ["only_in", "number"], ["Acme ledger", "'=HYPERLINK(1)"], ["Acme ledger", "LAMP-1"],
    ]  # fmt: skip
    assert len(rows) == 1 + 2 + 500 + 1
    assert rows[-1] == ["Acme store", "… and 100 more"]
    assert Entry.objects.filter(action="exported").count() == 1


def test_a_price_that_falls_too_far_is_shown_and_released(browser, people, shop):
    row = make_transfer(
        shop, SKU, kind="prices", state=State.HELD, hold="price_drop", reason="It falls.",
        record={"value": "23.90", "before": "239.00", "about": {"kind": "prices"}},
    )  # fmt: skip
    services.ping(shop.store)  # the store tells its own currency
    page = text(browser("get", f"/transfers/{row.pk}/"))
    assert f"<title>Price of {SKU}" in page
    assert "239.00 GBP" in page
    assert "23.90 GBP" in page
    assert "90.0 %" in page
    assert "Show this price" in page
    assert "Replay" not in page
    assert "Show this price" not in text(
        Browser(people[Role.VIEWER])("get", f"/transfers/{row.pk}/")
    )
    browser("post", f"/transfers/{row.pk}/act/", {"act": "release"})
    row.refresh_from_db()
    assert row.state == State.WAITING


def test_a_customer_that_both_sides_changed_shows_both(browser, flow):
    row = make_transfer(
        flow, "C00070", kind="customers", state=State.HELD, hold="customer_conflict",
        reason="Both.",
        record={"conflict": [{"what": "Phone", "erp": "+44 1", "store": "<b>2</b>"}]},
    )  # fmt: skip
    page = text(browser("get", f"/transfers/{row.pk}/"))
    assert "+44 1" in page
    assert "&lt;b&gt;2&lt;/b&gt;" in page
    assert "Acme store" in page
    assert "from the start" not in page  # the flow is off
    route_settings.save(flow.route, {"customers_flow": "both"})
    page = text(browser("get", f"/transfers/{row.pk}/"))
    assert "Read customers again from the start" in page


def test_a_side_of_a_conflict_is_chosen_as_it_is_shown_and_by_who_may(browser, people, flow):
    row = make_transfer(
        flow, "C00071", kind="customers", state=State.HELD, hold="customer_conflict",
        reason="Both.",
        record={"conflict": [{"what": "Name", "erp": "Ada", "store": "Eve"}], "value": "as shown"},
    )  # fmt: skip
    address = f"/transfers/{row.pk}/act/"
    assert "Take what Acme store has" in text(browser("get", f"/transfers/{row.pk}/"))
    viewer = Browser(people[Role.VIEWER])
    assert "Take what" not in text(viewer("get", f"/transfers/{row.pk}/"))
    viewer("post", address, {"act": "choose", "side": "store", "shown": "as shown"})
    browser("post", address, {"act": "choose", "side": "store", "shown": "another"})
    browser("post", address, {"act": "choose", "side": "both", "shown": "as shown"})
    row.refresh_from_db()
    assert row.state == State.HELD
    browser("post", address, {"act": "choose", "side": "store", "shown": "as shown"})
    row.refresh_from_db()
    assert row.state == State.WAITING
    assert row.record["side"] == "store"


def test_a_customer_left_alone_can_be_looked_at_again(browser, flow):
    row = make_transfer(flow, "C00072", kind="customers", state=State.SKIPPED, reason="Gone.")
    assert "Replay" in text(browser("get", f"/transfers/{row.pk}/"))


def test_a_shared_sku_says_which_flow_to_read_again(browser, shop):
    row = make_transfer(
        shop, SKU, kind="stock", state=State.HELD, hold="sku_shared", reason="Two products."
    )
    page = text(browser("get", f"/transfers/{row.pk}/"))
    assert "Held: several products share the SKU" in page
    assert "Read stock again from the start" in page
    assert "Release" in page


@pytest.mark.parametrize("record", [None, {}, {"value": "1.00"}, {"conflict": []}])
def test_rows_without_much_to_show_break_no_page(browser, shop, record):
    for kind in ("items", "prices", "stock", "customers"):
        row = make_transfer(
            shop, f"{kind}-1", kind=kind, state=State.FAILED, reason="No.", record=record
        )
        assert browser("get", f"/transfers/{row.pk}/").status_code == 200
    assert browser("get", "/transfers/?flow=prices").status_code == 200


def test_the_overview_says_how_many_orders_are_missing(browser, people, flow, monkeypatch):
    assert "not counted yet" in text(browser("get", "/"))
    monkeypatch.setattr(completeness, "GRACE", timedelta(0))
    flow.place(lines=[TENT])
    completeness.check(flow.route.pk)
    assert "1 missing of 1" in text(browser("get", "/"))
    Route.objects.update(
        completeness={
            "at": timezone.now().isoformat(), "since": timezone.now().isoformat(),
            "in_store": 1_284, "missing": 0, "fetched": [],
        }
    )  # fmt: skip
    page = text(browser("get", "/"))
    assert "0 missing of 1,284" in page
    assert "/mappings/web/backfill/" in page
    assert "/mappings/web/backfill/" not in text(Browser(people[Role.VIEWER])("get", "/"))
    assert "0 missing of 1,284" in text(browser("get", "/mappings/web/backfill/"))


def test_past_orders_are_fetched_after_a_second_word(browser, people, flow):
    known, _ = flow.carry(lines=[TENT])
    fresh = flow.place(lines=[TENT])
    assert Browser(people[Role.VIEWER])("get", "/mappings/web/backfill/").status_code == 403
    accountant = Browser(people[Role.ACCOUNTANT])
    today = timezone.localdate().isoformat()
    form = {"by": "days", "since": today, "until": today, "numbers": ""}
    asked = text(accountant("post", "/mappings/web/backfill/", {**form, "act": "plan"}))
    assert "1 order would be fetched" in asked
    assert "1 order is known already" in asked
    assert not InboxEvent.objects.filter(source="backfill").exists()
    accountant("post", "/mappings/web/backfill/", {**form, "act": "fetch"})
    assert InboxEvent.objects.get(source="backfill").external_id == str(fresh["id"])
    assert Entry.objects.get(action="backfilled").actor == "accountant@example.com"
    numbers = f"{known['id']}, {fresh['id']}\n{known['id']}"
    asked = text(
        accountant("post", "/mappings/web/backfill/", {"by": "numbers", "numbers": numbers})
    )
    assert "1 order would be fetched" in asked
    accountant(
        "post",
        "/mappings/web/backfill/",
        {"by": "numbers", "numbers": str(known["id"]), "act": "fetch"},
    )
    assert "There was nothing to fetch" in text(accountant("get", "/transfers/"))


def test_odd_backfills_are_refused_beside_their_field(browser, flow):
    today = timezone.localdate()
    long_ago = today - timedelta(days=backfill_page.MOST_DAYS)
    path = "/mappings/web/backfill/"
    for form, words in (
        ({"by": "days", "since": "x", "until": str(today)}, "Give a day"),
        ({"by": "days", "since": "0001-01-01", "until": "9999-12-31"}, "Give a day"),
        ({"by": "days", "since": str(today), "until": str(long_ago)}, "must not be before"),
        ({"by": "days", "since": str(long_ago), "until": str(today)}, "At most 31 days"),
        ({"by": "numbers", "numbers": ""}, "Give 1 to"),
        ({"by": "numbers", "numbers": "twelve"}, "twelve"),
        ({"by": "numbers", "numbers": " ".join(map(str, range(1, 1_202)))}, "Give 1 to"),
    ):
        answer = browser("post", path, form)
        assert answer.status_code == 400, form
        assert words in text(answer), form
    for odd in ODD:
        for name in ("by", "since", "until", "numbers", "act"):
            answer = browser("post", path, {"by": "numbers", "numbers": "1", name: odd})
            assert answer.status_code in (200, 400), (name, odd)
    flow.store_simulator.fault("status", status=503, path="orders", times=20)
    form = {"by": "days", "since": str(today), "until": str(today)}
    assert browser("post", path, form).status_code == 400
    Route.objects.update(is_active=False)
    assert "resume it first" in text(browser("post", path, form))
    assert not InboxEvent.objects.exists()


def test_the_connection_shows_its_webhooks_as_the_store_has_them(browser, flow):
    hook_care.ensure_hooks(flow.store, ["orders"])
    page = text(browser("get", "/connections/store/"))
    assert "none yet" in page
    assert "/connections/store/hooks-there/" in page
    part = text(browser("get", "/connections/store/hooks-there/"))
    assert "store/order/created" in part
    assert "active" in part
    assert "switched off" not in part
    flow.store_simulator.post("hooks/deactivate")
    assert "switched off by the store" in text(browser("get", "/connections/store/hooks-there/"))
    now = timezone.now()
    HookTally.count(flow.store, now=now, accepted=3)
    for _ in range(4):
        HookTally.count_refusal(flow.store, now=now, code="signature", words="Not signed.")
    page = text(browser("get", "/connections/store/"))
    assert "Refused in a row" in page
    assert "just now" in page
    flow.store_simulator.fault("status", status=503, path="hooks", times=20)
    assert browser("get", "/connections/store/hooks-there/").status_code == 200
    Connection.objects.filter(slug="store").update(state="paused")
    assert "is not asked" in text(browser("get", "/connections/store/hooks-there/"))
    assert browser("get", "/connections/ledger/hooks-there/").status_code == 404


def test_the_connection_shows_when_its_change_subscriptions_end(browser, flow):
    now = timezone.now()
    for scope, ends in (("items", now + timedelta(hours=50)), ("customers", now - timedelta(1))):
        Subscription.objects.create(
            connection=flow.erp, scope=scope, external_id=scope, expires_at=ends,
            destination="https://hooks.example/x",
        )  # fmt: skip
    page = text(browser("get", "/connections/ledger/"))
    assert "Change subscriptions" in page
    assert "in 2 days" in page
    assert "over: it is made again" in page
    Connection.objects.filter(slug="store").update(
        state="degraded", state_code="hooks_silent",
        state_reason="No webhook has arrived for 80 days.",
    )  # fmt: skip
    assert "No webhook has arrived for 80 days." in text(browser("get", "/connections/store/"))


def test_settings_stand_under_the_headings_of_their_flows(browser, flow):
    page = text(browser("get", "/mappings/web/settings/"))
    for name in ("items", "prices", "stock", "customers", "advanced"):
        assert f'<details class="group" id="group-{name}">' in page
    browser("post", "/mappings/web/save-settings/", {"prices_flow": "write"})
    page = text(browser("get", "/mappings/web/settings/"))
    assert '<fieldset class="group" id="group-prices">' in page
    answer = browser("post", "/mappings/web/save-settings/", {"stock_locations": "x" * 5000})
    assert answer.status_code == 400
    assert '<details class="group" id="group-stock" open>' in text(answer)


pages = (PAGE, "/mappings/web/one-sided/", "/mappings/web/backfill/", "/connections/store/", "/")


class TestInChromium:
    pytestmark = in_chromium

    def test_price_and_stock_changed_in_the_erp_arrive_while_the_page_shows_it(self, page, shop):
        sign_in(page)
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        page.goto(PAGE)
        for name in ("Prices", "Stock"):
            line = page.locator(f"#flow-{name.lower()}")
            expect(line).not_to_contain_text("not yet", timeout=30_000)
        shop.erp_simulator.post("items", number=SKU, price="238.50", stock=23)
        for name in ("prices", "stock"):
            page.get_by_role("button", name=f"Run {name} now").click()
            expect(page.get_by_role("status")).to_contain_text("a run begins now")
            line = page.locator(f"#flow-{name}")
            written = line.locator(".flow-facts > div", has_text="Written").locator("dd")
            expect(written).to_have_text("1", timeout=30_000)
        (found,) = shop.store_simulator.get(f"products?sku={SKU}")
        variant = next(row for row in found["variants"] if row["sku"] == SKU)
        assert Decimal(str(variant["price"] or found["price"])) == Decimal("238.50")
        assert variant["inventory_level"] == 23
        page.get_by_role("button", name="Run items from the start").click()
        page.get_by_role("dialog").get_by_role("button", name="From the start").click()
        expect(page.get_by_role("status")).to_contain_text("Items: a run from the start begins now")
        page.get_by_label("Times of day for stock").fill("06:30, 18:00")
        page.get_by_role("button", name="Save when stock run").click()
        expect(page.locator("#flow-stock").get_by_text("at 06:30 and 18:00")).to_be_visible()
        for width in (390, 1600):
            page.set_viewport_size({"width": width, "height": 900})
            for path in pages:
                page.goto(path)
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0, (path, width, wide)
        assert page.complaints == []
        assert Transfer.objects.filter(state=State.FAILED).count() == 0
