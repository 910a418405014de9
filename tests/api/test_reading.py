"""Lists and details: pages, filters, what is in them, and what is not."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api.models import ApiToken
from audit import exchanges
from sync.models import Document, State, Transfer
from tests.api.conftest import differing, held, make_document, make_transfer, note

ODD = (
    "²", "9" * 40, "-1", "NaN", "1e999999", "x" * 5000, "0001-01-01", "9999-12-31", "2026-13-45",
    "\n", "'\"<>", "2026-11-21T08:00:00", "2026-11-21T08:00:00+99:00",
    "0001-01-01T00:00:00+14:00", "", "posted,", ",", "posted,nonsense",
)  # fmt: skip
ODD_CURSORS = ("9" * 40, "²", "WzFd", "WzFlMzA5XQ", "W10", "e30", "bnVsbA", "WyJhIiwxXQ", "x" * 300)
TEXTS = {
    "transfers/": "route={0}&number={0}&reference={0}&job_id={0}",
    "documents/": "reference={0}&number={0}&kind={0}&route={0}",
    "audit/": "actor={0}",
    "reconciliation/": "route={0}",
    "routes/web/lookups/": "table={0}&key={0}",
}


def numbers(answer):
    return [row["number"] for row in answer.json()["results"]]


def test_a_list_is_read_page_by_page_while_rows_come_in(flow, reader):
    for number in range(1, 8):
        make_transfer(flow, str(number))
    first = reader.get("transfers/?page_size=3")
    assert numbers(first) == ["7", "6", "5"]
    make_transfer(flow, "8")
    Transfer.objects.filter(number="4").update(state=State.SKIPPED)
    rest = reader.pages(first.json()["next"])
    assert [row["number"] for row in rest] == ["4", "3", "2", "1"]
    assert first.json()["next"].startswith("http://acme.localhost/api/v1/transfers/?")
    assert "page_size=3" in first.json()["next"]


def test_changes_are_followed_without_losing_one(flow, reader):
    began = timezone.now()
    rows = [make_transfer(flow, str(number)) for number in range(1, 6)]
    for minutes, row in enumerate(rows):
        Transfer.objects.filter(pk=row.pk).update(
            updated_at=began + timedelta(minutes=minutes // 2)
        )
    stamp = began.isoformat().replace("+00:00", "Z")
    first = reader.get(f"transfers/?updated_since={stamp}&page_size=2")
    assert numbers(first) == ["1", "2"]
    rows[2].state = State.SKIPPED
    rows[2].updated_at = began + timedelta(hours=1)
    Transfer.objects.filter(pk=rows[2].pk).update(updated_at=began + timedelta(hours=1))
    rest = [row["number"] for row in reader.pages(first.json()["next"])]
    assert rest == ["4", "5", "3"]
    late = (began + timedelta(minutes=30)).isoformat()  # its plus sign is not escaped
    assert numbers(reader.get(f"transfers/?updated_since={late}")) == ["3"]


def test_each_filter_finds_its_own(flow, reader):
    one = held(flow, "1")
    make_document(flow, one, reference="WEB-1", number="S-77", invoice_number="I-78")
    two = make_transfer(flow, "2", state=State.POSTED, flow="refunds")
    make_transfer(flow, "3", received_at=timezone.now() - timedelta(days=3))
    day = (timezone.now() - timedelta(days=3)).date().isoformat()
    for query, found in (
        ("state=held", ["1"]),
        ("state=held,posted", ["2", "1"]),
        ("hold=lookup_missing", ["1"]),
        ("flow=refunds", ["2"]),
        ("route=web", ["3", "2", "1"]),
        ("route=other", []),
        ("number=3", ["3"]),
        ("reference=WEB-1", ["1"]),
        (f"job_id={two.job_id}", ["2"]),
        (f"from={day}&to={day}", ["3"]),
        (f"from={day}", ["3", "2", "1"]),
        (f"to={timezone.now() - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}", ["3"]),
    ):
        assert numbers(reader.get(f"transfers/?{query}")) == found, query
    for query, found in (
        ("reference=WEB-1", 1), ("number=S-77", 1), ("number=I-78", 1), ("number=S-7", 0),
        (f"transfer={one.pk}", 1), (f"transfer={two.pk}", 0), ("status=posted,accepted", 1),
        ("status=sent", 0), ("kind=sales_invoice", 1), ("route=web", 1), ("route=x", 0),
    ):  # fmt: skip
        assert len(reader.get(f"documents/?{query}").json()["results"]) == found, query
    note(one)
    for query, found in (
        (f"transfer={one.pk}", 1), ("action=token_created", 3), ("actor=nobody", 0),
        ("action=held,token_created", 4), ("to=2020-01-01", 0), ("action=held&from=2020-01-01", 1),
    ):  # fmt: skip
        assert len(reader.get(f"audit/?{query}").json()["results"]) == found, query
    for query, found in (
        ("table=tax_codes", 1), ("key=NO_TAX", 1), ("table=nothing", 0),
    ):  # fmt: skip
        assert len(reader.get(f"routes/web/lookups/?{query}").json()["results"]) == found, query


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("transfers/", ("state", "from", "to", "updated_since", "page_size")),
        ("documents/", ("status", "transfer")),
        ("audit/", ("action", "transfer", "from")),
        ("reconciliation/", ("first_day", "last_day", "flow")),
        ("routes/web/lookups/", ()),
    ],
)
def test_odd_filters_are_answered_with_words(flow, reader, settings, path, names):
    settings.API_CALLS_PER_MINUTE = 10_000
    make_transfer(flow)
    for odd in ODD:
        answer = reader.get(f"{path}?{TEXTS[path].format(quote(odd))}")
        assert answer.status_code in (200, 400), (odd, answer.content)
        for name in names:
            answer = reader.get(f"{path}?{name}={quote(odd)}")
            assert answer.status_code in (200, 400), (name, odd, answer.content)
            if answer.status_code == 400:
                assert answer.json()["errors"][name], (name, odd)


def test_an_odd_cursor_or_id_is_answered_with_words(flow, reader):
    for path in ("transfers/?", "transfers/?updated_since=2026-01-01&"):
        for odd in ODD_CURSORS:
            answer = reader.get(f"{path}cursor={quote(odd)}")
            assert answer.status_code in (200, 400), (odd, answer.content)
    for pk in ("0", "9" * 18, "9" * 40):
        assert reader.get(f"transfers/{pk}/").status_code == 404
        assert reader.get(f"documents/{pk}/").status_code == 404


def test_a_misspelt_filter_is_refused(flow, reader):
    answer = reader.get("transfers/?sate=held")
    assert answer.status_code == 400
    assert "state" in answer.json()["errors"]["sate"]


def test_a_page_has_a_bound(flow, reader):
    assert reader.get("transfers/?page_size=201").status_code == 400
    assert reader.get("transfers/?page_size=0").status_code == 400


def test_amounts_are_strings_with_their_currency_and_instants_are_utc(flow, reader):
    row = make_transfer(flow, amount="1234.5", currency="GBP", posted_at=timezone.now())
    make_document(flow, row, total_inc_tax="0.1225", total_tax="1234567890.1", currency="EUR")
    found = reader.get(f"transfers/{row.pk}/").json()
    assert found["total"] == {"amount": "1234.50", "currency": "GBP"}
    assert found["documents"][0]["total"] == {"amount": "0.1225", "currency": "EUR"}
    assert found["documents"][0]["tax"] == {"amount": "1234567890.10", "currency": "EUR"}
    assert found["posted_at"].endswith("Z")
    assert reader.get("transfers/").json()["results"][0]["received_at"].endswith("Z")


def test_a_transfer_tells_both_sides_its_requests_and_its_story(flow, reader):
    row, difference = differing(flow)
    note(row, "The totals differ.")
    exchanges.store(
        connection_id=flow.erp.pk, method="POST", url="https://erp.example/x?secret=s3cr3t",
        request_headers={"Authorization": "Bearer s3cr3t"}, request_body=b"s3cr3t", status=201,
        response_headers={}, response_body=b"s3cr3t", started_at=timezone.now(), duration_ms=12,
        purpose="create invoice", transfer_id=row.pk,
    )  # fmt: skip
    answer = reader.get(f"transfers/{row.pk}/")
    found = answer.json()
    assert found["comparison"]["difference"] == difference
    assert found["comparison"]["total"]["erp"] == "11.99"
    assert found["exchanges"][0]["path"] == "/x"
    assert found["timeline"][0]["words"] == "The totals differ."
    assert b"s3cr3t" not in answer.content


def test_a_comparison_that_cannot_be_accepted_says_so(flow, reader):
    row = held(
        flow,
        hold="totals_disagree",
        comparison={
            "rows": [{"what": "Tent", "store": "12.00", "erp": None}],
            "total": {"what": "Sum", "store": "12.00", "erp": "13.00", "difference": "-1.00"},
        },
    )
    found = reader.get(f"transfers/{row.pk}/").json()["comparison"]
    assert found["difference"] is None
    assert found["tax"] is None
    assert found["rows"][0]["difference"] is None


def test_no_answer_holds_a_secret(flow, reader, made):
    flow.store.refresh_from_db()
    flow.erp.refresh_from_db()
    secret = [
        *flow.store.secrets.values(), *flow.erp.secrets.values(),
        flow.store.hook_secret["value"], flow.store.hook_key, flow.erp.hook_key,
        *(one.token for one in made.values()), *ApiToken.objects.values_list("digest", flat=True),
    ]  # fmt: skip
    note(make_transfer(flow))
    for path in (
        "connections/", "connections/store/", "connections/ledger/", "routes/", "routes/web/",
        "routes/web/lookups/", "transfers/", "documents/", "audit/", "reconciliation/",
    ):  # fmt: skip
        text = reader.get(path).content.decode()
        for one in secret:
            assert one
            assert one not in text, path


def test_a_connection_shows_which_secrets_are_set(flow, reader):
    found = {one["name"]: one for one in reader.get("connections/store/").json()["settings"]}
    assert found["access_token"] == {
        "name": "access_token", "label": found["access_token"]["label"], "value": None,
        "is_secret": True, "is_set": True,
    }  # fmt: skip
    assert found["store_hash"]["value"] == "acme0utd00r"


def test_a_route_shows_settings_mappings_and_lookup_tables(flow, reader):
    found = reader.get("routes/web/").json()
    settings = {one["name"]: one for one in found["settings"]}
    assert settings["time_zone"]["value"] == "Europe/London"
    assert settings["time_zone"]["is_set"]
    assert any(row["target"] == "invoice" and row["is_builtin"] for row in found["mappings"])
    tables = {one["table"]: one["row_count"] for one in found["lookups"]}
    assert tables["charges"] == len(reader.pages("routes/web/lookups/?table=charges"))
    assert reader.get("routes/nothing/").status_code == 404
    assert reader.get("routes/nothing/lookups/").status_code == 404


def test_a_longer_list_takes_no_more_queries(flow, reader):
    paths = ("transfers/", "documents/", "audit/", "routes/", "connections/")

    def queries(path):
        with CaptureQueriesContext(connection) as seen:
            assert reader.get(path).status_code == 200
        return len(seen)

    first = make_transfer(flow, "1")
    make_document(flow, first)
    note(first)
    reader.get("transfers/")
    before = {path: queries(path) for path in paths}
    for number in range(2, 12):
        row = make_transfer(flow, str(number))
        make_document(flow, row)
        note(row)
    assert {path: queries(path) for path in paths} == before


def test_reconciliation_puts_the_store_beside_the_erp(flow, reader):
    now = timezone.now()
    for number, state, amount in (("1", "posted", "10.10"), ("2", "posted", "20.20")):
        row = make_transfer(
            flow, number, state=state, amount=amount, currency="GBP", received_at=now
        )
        make_document(flow, row, total_inc_tax=amount, currency="GBP", number=number)
        make_document(
            flow, row, total_inc_tax=99, number="", reference=f"X{number}",
            status=Document.Status.DISCARDED,
        )  # fmt: skip
    accepted = make_transfer(flow, "3", state="posted", amount="5", currency="EUR", received_at=now)
    make_document(flow, accepted, status=Document.Status.ACCEPTED)
    held(flow, "4", received_at=now - timedelta(days=1))
    make_transfer(flow, "5", received_at=now - timedelta(days=200))
    found = reader.get("reconciliation/").json()
    assert found["time_zone"] == "Europe/London"
    assert found["states"] == [
        {"flow": "orders", "state": "held", "transfers": 1},
        {"flow": "orders", "state": "posted", "transfers": 3},
    ]
    euro, pound, waiting = found["days"]
    assert pound["store_total"] == {"amount": "30.30", "currency": "GBP"}
    assert pound["erp_total"] == {"amount": "30.30", "currency": "GBP"}
    assert (pound["transfers"], pound["documents"], pound["documents_without_total"]) == (2, 2, 0)
    assert (euro["documents"], euro["documents_without_total"]) == (1, 1)
    assert euro["erp_total"] is None
    assert waiting["state"] == "held"
    assert sum(Decimal(row["transfers"]) for row in found["days"]) == 4
    day = found["last_day"]
    assert len(reader.get(f"reconciliation/?first_day={day}").json()["days"]) == 2
    assert reader.get("reconciliation/?first_day=2026-01-01&last_day=2026-06-01").status_code == 400
    assert reader.get("reconciliation/?first_day=2026-06-01&last_day=2026-01-01").status_code == 400
    assert reader.get("reconciliation/?route=other").json()["days"] == []


def test_one_document(flow, reader):
    document = make_document(flow, make_transfer(flow), posting_date="2026-11-21")
    found = reader.get(f"documents/{document.pk}/").json()
    assert found["posting_date"] == "2026-11-21"
    assert found["total"] is None
    json.dumps(found)
