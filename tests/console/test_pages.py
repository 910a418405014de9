"""The console's pages asked directly: odd input, roles, ages, exports, people."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit import services as audit
from audit.actions import Action
from audit.models import Entry
from console import selectors
from console.money import rounded, written
from sync.models import Document, State, Transfer
from tenants import memberships
from tenants.models import Membership, User
from tenants.roles import Role
from tests.console.support import PASSWORD, Browser, make_document, make_transfer

ODD = (
    "\0", "a\0b", "²", "٣", "9" * 40, "-1", "NaN", "Infinity", "1e999999", "1e9999999999",
    "x" * 5000, "0001-01-01", "9999-12-31", "2026-13-45", "\n", "'\"<>",
)  # fmt: skip


def held(flow, number="1", **more):
    return make_transfer(
        flow, number, state=State.HELD, hold="lookup_missing", reason="No row.", **more
    )


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ("v",)),
        ("/transfers/", ("q", "state", "hold", "route", "from", "to", "posted", "before", "v")),
        ("/transfers/export.csv", ("q", "state", "from", "to", "before")),
        ("/audit/", ("action", "actor", "before")),
        ("/mappings/web/try/", ("number",)),
        ("/sign-in/", ("next",)),
    ],
)
def test_odd_query_strings_break_no_page(browser, flow, path, names):
    for name in names:
        for odd in ODD:
            if path.endswith("try/") and odd.isascii() and odd.isdigit():
                continue
            answer = browser("get", path, {name: odd})
            assert answer.status_code in (200, 302, 400), (path, name, odd)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/transfers/bulk/", {"ids": "1", "act": "skip", "reason": "x", "back": ""}),
        ("/transfers/send/", {"route": "web", "number": "²"}),
        ("/mappings/web/save-lookup/", {"table": "t", "key": "k", "value": "v", "note": "n"}),
        (
            "/mappings/web/save-field/",
            {
                "target": "invoice", "field": "salesperson", "source": "constant",
                "expression": "WEB", "lookup": "", "default": "", "act": "",
            },
        ),
        ("/mappings/web/save-settings/", {"time_zone": "UTC", "cut_off": "00:00"}),
        ("/connections/add/bigcommerce/", {"name": "n", "store_hash": "s", "api_url": ""}),
        ("/people/add/", {"email": "a@example.com", "name": "n", "role": "viewer"}),
        ("/people/1/", {"role": "viewer", "act": ""}),
        ("/sign-in/", {"email": "a@example.com", "password": "x", "next": "/"}),
    ],
)  # fmt: skip
def test_odd_forms_break_no_page(browser, flow, path, form):
    for name in form:
        for odd in ODD:
            answer = browser("post", path, {**form, name: odd})
            assert answer.status_code < 500, (path, name, odd)
            cache.clear()


def test_a_cookie_that_no_database_can_hold_is_refused(tenant):
    answer = Browser(None)("get", "/", Cookie='ml_session="abcdefgh\\000x"')
    assert answer.status_code == 400


def test_a_mapping_or_lookup_that_is_too_long_is_refused_with_words(browser, flow):
    answer = browser("post", "/mappings/web/save-lookup/", {
        "table": "charges", "key": "k" * 201, "value": "account:6610",
    })  # fmt: skip
    assert answer.status_code == 302
    assert "At most 200 characters" in browser("get", "/mappings/web/lookups/").content.decode()
    assert not flow.route.lookup_rows.filter(key__startswith="kkk").exists()


def test_an_erp_has_no_hooks_to_register(browser, flow):
    assert browser("post", "/connections/ledger/hooks/").status_code == 404


def test_a_part_of_a_page_sends_a_person_whose_session_is_over_to_sign_in(tenant):
    answer = Browser(None)(
        "get",
        "/transfers/?v=1",
        **{"HX-Request": "true", "HX-Current-URL": "http://acme.localhost/transfers/?state=held"},
    )
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/sign-in/?next=/transfers/%3Fstate%3Dheld"


def test_an_out_of_date_form_is_refused_with_a_page_of_ours(people):
    client = Client(SERVER_NAME="acme.localhost", enforce_csrf_checks=True)
    answer = client.post("/sign-in/", {"email": "a@example.com", "password": "x"})
    connection.set_schema("t_acme")
    assert answer.status_code == 403
    assert "The page is out of date" in answer.content.decode()


def test_the_right_password_is_refused_too_after_too_many_tries_and_others_are_not(people, tenant):
    browser = Browser(None)
    try_in = lambda email, password: browser(  # noqa: E731
        "post", "/sign-in/", {"email": email, "password": password}
    )
    for _ in range(7):
        assert try_in("admin@example.com", "wrong").status_code == 401
    assert try_in("admin@example.com", "wrong").status_code == 429
    locked = try_in("admin@example.com", PASSWORD)
    assert locked.status_code == 429
    assert "Too many tries" in locked.content.decode()
    assert try_in("viewer@example.com", PASSWORD).status_code == 302
    refused = Entry.objects.filter(action=Action.SIGN_IN_FAILED)
    assert refused.count() == 8  # tries while locked out are no facts: nobody can fill the trail


def test_behind_a_proxy_the_client_cannot_choose_its_address(settings, people):
    settings.BEHIND_PROXY = True
    browser = Browser(None)
    for number in range(8):
        answer = browser(
            "post",
            "/sign-in/",
            {"email": "admin@example.com", "password": "wrong"},
            **{"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"},
        )
    assert answer.status_code == 429
    elsewhere = browser(
        "post",
        "/sign-in/",
        {"email": "admin@example.com", "password": PASSWORD},
        **{"X-Forwarded-For": "203.0.113.9, 198.51.100.4"},
    )
    assert elsewhere.status_code == 302


def test_what_was_typed_as_an_address_that_is_nobodys_is_not_kept(people):
    Browser(None)("post", "/sign-in/", {"email": "my secret password", "password": "x"})
    entry = Entry.objects.get(action=Action.SIGN_IN_FAILED)
    assert entry.actor == ""
    assert "secret" not in entry.words


def test_the_version_tells_of_a_change_and_costs_two_small_queries(flow, people):
    from django.test.utils import CaptureQueriesContext

    audit.record(Action.EXPORTED, "One.")
    before = selectors.version()
    assert selectors.version() == before
    audit.record(Action.EXPORTED, "Two.")
    with CaptureQueriesContext(connection) as seen:
        assert selectors.version() != before
    asked = [query["sql"] for query in seen if "search_path" not in query["sql"]]
    assert len(asked) == 2
    assert all("sync_transfer" not in sql for sql in asked)


def test_a_list_that_updates_itself_asks_at_the_same_address_ever_after(browser, flow):
    answer = browser("get", "/transfers/?state=held&v=1", **{"HX-Request": "true"})
    address = re.search(r'hx-get="([^"]+)"', answer.content.decode()).group(1)
    assert address == "/transfers/?state=held"


def test_days_are_those_of_the_company(browser, flow):
    # 23:30 UTC on 30 June is half past midnight on 1 July in London.
    make_transfer(flow, received_at=datetime(2026, 6, 30, 23, 30, tzinfo=UTC))
    here = browser("get", "/transfers/?from=2026-07-01&to=2026-07-01").content.decode()
    assert "1 Jul 2026 00:30:00 BST" in here
    assert "Nothing matches" in browser("get", "/transfers/?to=2026-06-30").content.decode()


def test_the_tiles_lead_to_what_they_count(browser, flow):
    now = timezone.now()
    make_transfer(flow, "1", state=State.CHANGED, posted_at=now)
    make_transfer(flow, "2", state=State.POSTED, posted_at=now - timedelta(days=3))
    make_transfer(flow, "3")
    for number, name, kind in (
        ("4", "refunds", "credit_memo"), ("5", "corrections", "credit_memo"),
        ("6", "corrections", "sales_invoice"), ("7", "payments", "payment"),
        ("8", "payments", "payment"), ("9", "payments", "payment"),
    ):  # fmt: skip
        made = make_transfer(flow, number, kind=name, state=State.POSTED, posted_at=now)
        make_document(flow, made, number, kind=kind)
    tiles = re.findall(
        r'<a class="card tile[^>]*href="([^"]+)">.*?class="value">(\d+)<',
        browser("get", "/").content.decode(),
        re.DOTALL,
    )
    assert [int(count) for _, count in tiles] == [2, 2, 3, 0, 0, 1]
    for address, count in tiles:
        listed = browser("get", address.replace("&amp;", "&")).content.decode()
        assert listed.count('class="row-link"') == int(count), address


@pytest.mark.parametrize("text", ["1,085.68", "1085.68", "1085,68"])
def test_an_amount_is_found_as_people_type_it(flow, text):
    wanted = make_transfer(flow, amount=Decimal("1085.68"))
    assert list(selectors.search({"q": text})) == [wanted]


def test_amounts_keep_the_places_of_their_currency():
    assert written(Decimal("1234.5000"), "GBP") == "1,234.50"
    assert written(Decimal("1000.0000"), "JPY") == "1,000"
    assert written(Decimal("1.1250"), "KWD") == "1.125"
    assert written(Decimal("10.0050"), "GBP") == "10.005"
    assert rounded(Decimal("10.005"), "GBP") == Decimal("10.01")
    assert rounded(Decimal("1.125"), "KWD") == Decimal("1.125")


def test_the_csv_names_the_document_that_counts_and_every_digit(browser, flow):
    transfer = make_transfer(
        flow, party="=cmd|x", amount=Decimal("1.125"), currency="KWD", state=State.POSTED
    )
    make_document(flow, transfer, "", reference="WEB-1", status=Document.Status.DISCARDED)
    make_document(flow, transfer, "103001", reference="WEB-1-2")
    answer = browser("get", "/transfers/export.csv")
    assert answer.streamed.startswith(b"\xef\xbb\xbf")
    row = next(csv.DictReader(io.StringIO(answer.streamed.decode("utf-8-sig"))))
    assert (row["customer"], row["amount"], row["document"]) == ("'=cmd|x", "1.125", "103001")


def test_what_may_be_booked_cannot_be_left_out(browser, flow):
    sent = held(flow, "1")
    make_document(flow, sent, "", reference="WEB-1", status=Document.Status.SENT)
    plain = held(flow, "2")
    answer = browser(
        "post", "/transfers/bulk/", {"ids": [sent.pk, plain.pk], "act": "skip", "reason": "test"}
    )
    assert answer.status_code == 302
    sent.refresh_from_db()
    plain.refresh_from_db()
    assert (sent.state, plain.state) == (State.HELD, State.SKIPPED)


def test_only_the_difference_that_was_shown_is_accepted(browser, flow):
    difference = {"total": {"difference": "0.01"}, "tax": {"difference": "0.00"}, "rows": []}
    transfer = held(flow)
    Transfer.objects.filter(pk=transfer.pk).update(hold="totals_disagree", comparison=difference)
    act = {"act": "accept", "total": "500.00", "tax": "0.00"}
    browser("post", f"/transfers/{transfer.pk}/act/", act)
    transfer.refresh_from_db()
    assert (transfer.state, transfer.approved_totals) == (State.HELD, None)
    browser("post", f"/transfers/{transfer.pk}/act/", {**act, "total": "0.01"})
    transfer.refresh_from_db()
    assert transfer.state == State.WAITING
    assert transfer.approved_totals["total"] == "0.01"


def test_an_order_number_with_noughts_before_it_is_the_same_order(browser, flow):
    browser("post", "/transfers/send/", {"route": "web", "number": "0042"})
    browser("post", "/transfers/send/", {"route": "web", "number": "42"})
    assert Transfer.objects.get().source_key == "42"


def test_a_posted_order_that_is_replayed_after_its_cancellation_is_not_called_left_out(flow):
    from sync import actions

    order, transfer = flow.carry(lines=[{"sku": "TENT-2P-GRN", "quantity": 1}])
    assert transfer.state == State.POSTED
    flow.store_simulator.post(f"orders/{order['id']}/status", status_id=5)
    actions.replay([transfer.pk])
    transfer = flow.work(order["id"])
    assert transfer.state == State.CHANGED
    assert "Its document is in the ledger" in transfer.reason


class TestPeople:
    def test_only_administrators_see_them(self, people):
        assert Browser(people[Role.ACCOUNTANT])("get", "/people/").status_code == 403
        page = Browser(people[Role.ADMIN])("get", "/people/").content.decode()
        assert "viewer@example.com" in page

    def test_somebody_is_added_by_address_and_told_to_get_a_password(self, browser, tenant):
        form = {"email": " New@Example.com ", "name": "Nora New", "role": "accountant"}
        answer = browser("post", "/people/add/", form)
        assert answer.status_code == 302
        member = Membership.objects.get(user__email="new@example.com", tenant=tenant)
        assert member.role == Role.ACCOUNTANT
        assert not member.user.has_usable_password()
        assert "set a first password" in browser("get", "/people/").content.decode()
        entry = Entry.objects.filter(action=Action.PERSON_ADDED).latest("pk")
        assert (entry.actor, entry.words) == (
            "admin@example.com",
            "new@example.com was added as accountant.",
        )

    def test_what_is_wrong_is_said_beside_its_field(self, browser, people):
        for form, words in (
            ({"email": "no address", "role": "viewer"}, "not an e-mail address"),
            ({"email": "viewer@example.com", "role": "viewer"}, "is a member already"),
            ({"email": "x@example.com", "role": "boss"}, "Choose a role"),
        ):
            answer = browser("post", "/people/add/", form)
            assert answer.status_code == 400
            assert words in answer.content.decode()

    def test_a_role_is_changed_and_a_person_removed_with_entries(self, browser, tenant):
        member = Membership.objects.get(user__email="viewer@example.com", tenant=tenant)
        browser("post", f"/people/{member.pk}/", {"role": "accountant"})
        browser("post", f"/people/{member.pk}/", {"act": "remove"})
        assert not Membership.objects.filter(pk=member.pk).exists()
        words = Entry.objects.filter(actor="admin@example.com").values_list("words", flat=True)
        assert list(words) == [
            "viewer@example.com is accountant now, and was viewer.",
            "viewer@example.com, who was accountant, was removed.",
        ]

    def test_the_last_administrator_stays(self, browser, tenant):
        member = Membership.objects.get(user__email="admin@example.com", tenant=tenant)
        # One who cannot sign in is no other administrator.
        memberships.add(tenant, email="later@example.com", role="admin")
        for form in ({"role": "viewer"}, {"act": "remove"}):
            browser("post", f"/people/{member.pk}/", form)
            assert "must stay administrator" in browser("get", "/people/").content.decode()
        member.refresh_from_db()
        assert member.role == Role.ADMIN

    def test_members_of_another_company_are_out_of_reach(self, browser, people):
        from tenants.models import Tenant

        other = Tenant.objects.get(slug="other")
        stranger = User.objects.create_user("stranger@example.com", PASSWORD)
        row = Membership.objects.create(user=stranger, tenant=other, role="viewer")
        assert browser("post", f"/people/{row.pk}/", {"act": "remove"}).status_code == 404
        assert Membership.objects.filter(pk=row.pk).exists()
        assert not Entry.objects.filter(words__contains="stranger").exists()
