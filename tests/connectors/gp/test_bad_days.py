"""Bad days with GP: each ends in the right class, with words for people, nothing lost or doubled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from connectors.erps.gp import connector
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater, UnexpectedShape
from connectors.kit import windows_auth
from connectors.records import DocumentKind
from tests.connectors.gp.conftest import start
from tests.connectors.gp.drafts import charge, customer, draft, goods

INVOICE = DocumentKind.SALES_INVOICE
TRANSACTIONS = "Transactions"


def count(gp) -> int:
    return len(gp.state()["documents"])


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"password": "not-the-password"}, "wrong_secret", "did not accept the Windows account"),
        ({"user": "nobody"}, "wrong_secret", "CONTOSO\\nobody"),
        ({"domain": ""}, "wrong_secret", "svc-gp"),
        ({"tenant": "Other"}, "wrong_environment", "no such tenant"),
        ({"company": "NOPE"}, "company_missing", "not among the companies"),
        ({"company": "Acme Outdoor Ltd"}, "company_missing", "does not know the company as"),
        ({"company": ""}, "company_missing", "No company is chosen"),
        ({"base_url": "https://127.0.0.1:9"}, "network", "could not be reached"),
        ({"authority": ""}, "tls", "not trusted"),
        ({"receivable_account": "000-9999-99"}, "settings", "receivable account 000-9999-99"),
        ({"sales_account": "000-4110-99"}, "settings", "inactive"),
        ({"tax_detail": "NONE"}, "settings", "tax detail NONE"),
    ],
)  # fmt: skip
def test_each_wrong_setting_has_its_own_words(build, values, code, words):
    ping = build(**values).ping()
    (failed,) = ping.failures
    assert failed.code == code, failed
    assert words in failed.words
    assert failed.advice


def test_a_wrong_password_is_tried_once_because_of_the_lock_out(build, gp):
    erp = build(password="not-the-password")
    with pytest.raises(NeedsAttention) as caught:
        erp.create_document(draft())
    assert (caught.value.code, caught.value.source) == ("wrong_secret", "gp")
    bad = {row["name"]: row["bad_passwords"] for row in gp.state()["users"]}
    assert bad["CONTOSO\\svc-gp"] == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expired": True}, "wrong_secret"),
        ({"locked": True}, "wrong_secret"),
        ({"password": "the-new-one"}, "wrong_secret"),
    ],
)
def test_an_account_that_ends_in_the_middle_of_the_day(build, gp, change, code):
    erp = build()
    erp.create_document(draft(reference="BC1-1"))
    gp.simulator.post("users", name="CONTOSO\\svc-gp", **change)
    gp.set(forget=1)  # the next request finds its connection signed out
    with pytest.raises(NeedsAttention) as caught:
        erp.create_document(draft(reference="BC1-2"))
    assert caught.value.code == code
    assert count(gp) == 1


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        ({"company": "ACME"}, "not among the companies"),
        ({"window": "Receivables Transaction Entry"}, "Receivables Transaction"),
        ({"window": "Item Maintenance"}, "Item Maintenance"),
    ],
)
def test_a_missing_permission_names_what_is_missing(build, gp, closed, words):
    gp.simulator.post("access", user="CONTOSO\\svc-gp", allow=False, **closed)
    ping = build().ping()
    assert ping.failures, ping
    assert {check.code for check in ping.failures} <= {"missing_permission", "company_missing"}
    assert any(words in check.words for check in ping.failures)


def test_a_server_that_takes_organizational_accounts_only(build, gp):
    gp.set(bearer_only=True)
    (failed,) = build().ping().failures
    assert "organizational accounts only" in failed.words


def test_basic_is_never_fallen_back_to(build, gp, workshop):
    gp.set(basic=True, schemes=[])
    (failed,) = build().ping().failures
    assert "does not offer a Windows sign-in" in failed.words
    assert all("asic" not in r.request_headers.get("Authorization", "") for r in workshop.records)


@pytest.mark.parametrize("schemes", [["NTLM"], ["Negotiate"], ["Negotiate", "NTLM"]])
def test_either_scheme_signs_in_with_channel_binding(build, gp, schemes):
    gp.set(schemes=schemes)
    build().create_document(draft())
    assert count(gp) == 1
    assert gp.state()["sign_in"].get("binding missing", 0) == 0


def test_no_body_travels_before_the_sign_in_and_no_secret_is_kept(build, gp, workshop):
    build().create_document(draft())
    kept = workshop.records
    assert [r.purpose for r in kept[:3]] == ["sign the connection in to Windows"] * 3
    assert all(r.request_body == b"" for r in kept if r.status == 401)
    text = repr(kept)
    assert "sandbox-gp-password" not in text
    assert "TlRMTVNTUA" not in text  # base64 of NTLMSSP
    posts = [r for r in kept if r.method == "POST"]
    assert [r.status for r in posts] == [201]
    assert gp.state()["sign_in"]["served"] == len([r for r in kept if r.status != 401])


def test_a_connection_whose_sign_in_is_forgotten_is_signed_in_anew(build, gp):
    erp = build()
    erp.create_document(draft(reference="BC1-1"))
    for number in range(2, 5):
        gp.set(forget=1)
        erp.create_document(draft(reference=f"BC1-{number}"))
    assert count(gp) == 4


def test_a_proxy_that_breaks_the_connection_between_the_legs_is_named(build, gp):
    gp.set(close_every=1)
    with pytest.raises(TryLater) as caught:
        build().create_document(draft())
    assert "Nothing was sent" in caught.value.reason
    assert count(gp) == 0


def test_dropped_after_the_challenge_is_later_and_nothing_was_sent(build, gp):
    gp.set(drop_after_challenge=5)
    with pytest.raises(TryLater):
        build().create_document(draft())
    assert count(gp) == 0


@pytest.mark.parametrize(
    ("names", "more", "words"),
    [
        (("gp.example.com",), {}, "made for another name"),
        (
            ("127.0.0.1",),
            {"not_after": datetime.now(UTC) - timedelta(days=1),
             "not_before": datetime.now(UTC) - timedelta(days=9)},
            "has expired",
        ),
    ],
)  # fmt: skip
def test_a_certificate_trouble_says_which(workshop, names, more, words):
    server = start(names=names, **more)
    try:
        (failed,) = (
            workshop.build(base_url=server.simulator.api, authority=server.ca_pem).ping().failures
        )
        assert failed.code == "tls"
        assert words in failed.words
    finally:
        server.simulator.stop()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "lose_reply"}, OutcomeUnknown),
        ({"action": "delay", "seconds": 3}, OutcomeUnknown),
        ({"action": "drop"}, OutcomeUnknown),
        ({"action": "truncate"}, OutcomeUnknown),
        ({"action": "status", "status": 500}, OutcomeUnknown),
        ({"action": "html", "status": 502}, OutcomeUnknown),
        ({"action": "status", "status": 503}, TryLater),
    ],
)
def test_a_write_without_an_answer_is_never_doubled(build, gp, fault, error):
    erp = build()
    gp.simulator.fault(method="POST", path=TRANSACTIONS, **fault)
    with pytest.raises(error):
        erp.create_document(draft())
    erp.setup.forget()
    again = erp.create_document(draft())  # adopted, if the first one went through
    assert again == "1;BC1-100045"
    assert count(gp) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "throttle", "headers": {"Retry-After": "7"}}, TryLater),
        ({"action": "throttle"}, TryLater),
        ({"action": "html", "times": None, "status": 500}, TryLater),
        ({"action": "status", "times": None, "status": 503}, TryLater),
        ({"action": "truncate", "times": None}, TryLater),
        ({"action": "status", "status": 200, "body": "<html>a portal</html>"}, UnexpectedShape),
        ({"action": "status", "status": 404, "body": "<html>no such page</html>"}, NeedsAttention),
        ({"action": "status", "status": 403, "body": "forbidden"}, NeedsAttention),
    ],
)  # fmt: skip
def test_a_read_that_goes_wrong(build, gp, fault, error):
    gp.simulator.fault(**{"method": "GET", "path": TRANSACTIONS, "times": 3, **fault})
    with pytest.raises(error) as caught:
        build().find_documents(INVOICE, "BC1-1")
    assert caught.value.reason


@pytest.mark.parametrize(
    ("change", "meant", "hold"),
    [
        (("customers", {"id": "CUST00001", "hold": True}), draft(), "customer_blocked"),
        (("customers", {"id": "CUST00001", "inactive": True}), draft(), "customer_blocked"),
        (("period", {"closed": True}), draft(), "period_closed"),
        (("accounts", {"number": "000-4110-01", "inactive": True}), draft(), "lookup_missing"),
        (("rates", {"currency": "Z-EURO", "clear": True}),
         draft(currency="EUR", currency_id="Z-EURO"), "lookup_missing"),
        (None, draft(currency="SEK", currency_id="Z-SEK", exchange_rate="0.08"), "lookup_missing"),
        (None, draft(goods(tax_detail="NO-SUCH")), "lookup_missing"),
        (None, draft(payment_terms="NO-SUCH"), "lookup_missing"),
        (None, draft(reference="THIS-IS-TOO-LONG-FOR-GP"), "mapping"),
        (None, draft(total="125.00", tax="20.00"), "totals_disagree"),
        (None, draft(charge("adjustment", "-5.00", tax_rate="0")), "mapping"),
    ],
)  # fmt: skip
def test_refusals_become_holds_that_say_what_cures_them(build, gp, change, meant, hold):
    values = {"rate_source": "gp"} if change and change[0] == "rates" else {}
    if change:
        gp.simulator.post(change[0], **change[1])
    with pytest.raises(Rejected) as caught:
        build(**values).create_document(meant)
    assert caught.value.hold == hold, (caught.value.reason, caught.value.detail)
    assert caught.value.reason
    assert caught.value.advice
    assert count(gp) == 0


def test_a_closed_period_is_looked_at_anew_and_the_first_open_day_is_known(build, gp):
    erp = build()
    day = draft().posting_date
    gp.simulator.post("period", closed=True, year=day.year, month=day.month, series=3)
    assert erp.posting_allowed(day) is False
    following = erp.first_open_day(day)
    assert (following.day, following > day) == (1, True)
    with pytest.raises(Rejected):
        erp.create_document(draft())
    erp.create_document(draft(posting_date=following))
    assert gp.state()["documents"][0]["gl_date"] == following.isoformat()
    gp.simulator.post("period", closed=False)
    erp.create_document(draft(reference="BC1-2"))
    assert count(gp) == 2


def test_a_number_that_belongs_to_somebody_else_is_held(build, gp):
    other = {
        "DocumentType": 1, "DocumentNumber": "BC1-100045", "DocumentDate": "2026-01-05",
        "BatchId": "CLERK", "CustomerId": "CUST00002", "SalesAmount": "7.00",
        "DocumentAmount": "7.00",
    }  # fmt: skip
    gp.simulator.post("documents", act="create", payload=other)
    with pytest.raises(Rejected) as caught:
        build().create_document(draft())
    assert caught.value.hold == "duplicate_reference"
    assert "7.00" in caught.value.reason
    assert count(gp) == 1


def test_what_was_sent_by_us_is_adopted_also_after_it_was_posted(build, gp):
    erp = build()
    erp.create_document(draft())
    gp.simulator.post("batches", act="post", id=gp.state()["documents"][0]["batch"])
    assert erp.create_document(draft()) == "1;BC1-100045"
    assert count(gp) == 1


@pytest.mark.parametrize("envelope", ["lower", "bare"])
def test_other_envelopes_are_read(build, gp, envelope):
    gp.set(envelope=envelope)
    erp = build()
    assert not erp.ping().failures
    erp.create_document(draft())
    assert erp.find_documents(INVOICE, "BC1-100045")[0].customer_number == "CUST00001"


def test_an_error_inside_a_successful_answer_is_an_error(build, gp):
    gp.set(errors_in_200=True)
    with pytest.raises(Rejected) as caught:
        build().create_document(draft(customer="NOBODY"))
    assert caught.value.code == "identity_gone"


def test_a_server_that_names_companies_otherwise_offers_the_right_form(build, gp):
    gp.set(company_segment="display")
    ping = build().ping()
    assert "does not know the company as “ACME”" in ping.failures[0].words
    offered = dict(ping.choices["company"])
    assert "Acme Outdoor Ltd" in offered
    assert "Acme Test (training)" in offered
    for name in offered:
        assert not build(company=name).ping().failures


@pytest.mark.parametrize("old", [2015])
def test_an_old_version_is_used_as_far_as_it_goes(build, workshop, old):
    server = start("--gp-version", str(old))
    try:
        erp = workshop.build(base_url=server.simulator.api, authority=server.ca_pem)
        ping = erp.ping()
        assert not ping.failures, ping.failures
        assert erp.posting_allowed(draft().posting_date) is None
        assert erp.create_document(draft()) == "1;BC1-100045"
        server.simulator.post("batches", act="Marked", id=server.state()["documents"][0]["batch"])
        erp.create_document(draft(reference="BC1-2"))
        assert server.state()["documents"][1]["batch"].endswith("-02")
    finally:
        server.simulator.stop()


def test_pages_are_followed_and_a_repeating_page_is_noticed(build, gp):
    erp = build()
    page = [{"CurrencyId": "Z-UK", "ISOCode": "GBP", "DecimalPlaces": 2}]
    import json

    gp.simulator.fault(
        "status", method="GET", path="Currencies", status=200, times=None,
        body=json.dumps({"Status": {"Code": 200, "Trace": []}, "Payload": page, "Next": "1"}),
    )  # fmt: skip
    with pytest.raises(UnexpectedShape):
        erp.places("GBP")


def test_an_empty_page_ends_the_list(build, gp):
    import json

    gp.simulator.fault(
        "status", method="GET", path="Currencies", status=200,
        body=json.dumps({"Status": {"Code": 200, "Trace": []}, "Payload": [], "Next": None}),
    )  # fmt: skip
    assert build().setup.currencies() == {}


def test_a_missing_field_is_named(build, gp):
    import json

    gp.simulator.fault(
        "status", method="GET", path=TRANSACTIONS, status=200,
        body=json.dumps({"Payload": {"DocumentType": 1, "DocumentNumber": "BC1-1"}}),
    )  # fmt: skip
    with pytest.raises(UnexpectedShape) as caught:
        build().find_documents(INVOICE, "BC1-1")
    assert caught.value.field == "Transaction.DocumentAmount"


def test_a_customer_whose_answer_is_lost_is_made_once(build, gp):
    erp = build()
    gp.simulator.fault("lose_reply", method="POST", path="Sales/Customers$")
    with pytest.raises(OutcomeUnknown):
        erp.create_customer(customer(9))
    assert erp.create_customer(customer(9)).number == "WEB0000009"
    state = gp.state()
    assert len([r for r in state["customers"] if r["CustomerId"] == "WEB0000009"]) == 1
    assert len([r for r in state["addresses"] if r["CustomerId"] == "WEB0000009"]) == 2


def test_a_too_long_text_and_an_unwritable_name_are_fitted(build, gp):
    made = build().create_customer(customer(3, display_name="李小龍" + "x" * 80))
    assert made.name == "???" + "x" * 61
    made = build().create_customer(customer(4, display_name="李小龍"))
    assert made.name == "zoe@example.com"


@pytest.mark.parametrize("service", ["stopped", "unavailable"])
def test_a_server_that_is_rebooted_is_later_and_nothing_was_sent(build, gp, service):
    gp.set(service=service)
    with pytest.raises(TryLater):
        build().create_document(draft())
    gp.set(service="up")
    assert build().create_document(draft()) == "1;BC1-100045"


@pytest.mark.parametrize("silently", [False, True])
def test_connections_that_the_server_closes_now_and_then_lose_nothing(build, gp, silently):
    gp.set(close_every=6, close_silently=silently)
    erp = build()
    made = 0
    for number in range(12):
        for _ in range(3):
            try:
                erp.create_document(draft(reference=f"BC1-{number}"))
            except (TryLater, OutcomeUnknown):
                continue
            made += 1
            break
    assert made == count(gp) == 12


def test_documents_from_several_threads_go_one_after_another(build, gp):
    erp = build()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda n: erp.create_document(draft(reference=f"BC1-{n}")), range(12)))
    assert len(set(made)) == count(gp) == 12
    assert len({row["batch"] for row in gp.state()["documents"]}) == 1


def test_threads_that_waited_for_a_refused_sign_in_do_not_ask_again(build, gp):
    erp = build(password="not-the-password", requests_in_flight="8")
    barrier = Barrier(6)

    def ask(_: int) -> str:
        barrier.wait()
        try:
            erp.find_customer_by_number("CUST00001")
        except NeedsAttention as error:
            return error.code
        return "read"

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(ask, range(6))) == {"wrong_secret"}
    bad = {row["name"]: row["bad_passwords"] for row in gp.state()["users"]}
    assert bad["CONTOSO\\svc-gp"] == 1


def test_a_sign_in_that_hangs_ends_in_time_and_sends_nothing(build, gp, monkeypatch):
    monkeypatch.setattr(windows_auth, "LONGEST", 1.0)
    gp.simulator.fault("delay", path="help", seconds=1.5, times=None)
    with pytest.raises(TryLater) as caught:
        build(request_timeout_seconds="9").create_document(draft())
    assert "Nothing was sent" in caught.value.reason
    assert count(gp) == 0


def test_a_write_whose_time_is_over_is_not_begun(build, gp, monkeypatch):
    erp = build()
    erp.create_document(draft(reference="BC1-1"))
    monkeypatch.setattr(connector, "BEGIN_SECONDS", -1)
    with pytest.raises(TryLater):
        erp._create(draft(reference="BC1-2"), begin_by=0.0)
    assert count(gp) == 1
