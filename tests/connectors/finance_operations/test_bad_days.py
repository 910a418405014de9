"""Bad days with F&O: each ends in the right class, with words for people, nothing lost or doubled."""

from __future__ import annotations

import pytest

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    Rejected,
    TryLater,
    UnexpectedShape,
)
from connectors.records import DocumentStatus
from tests.connectors.finance_operations.drafts import (
    CREDIT,
    INVOICE,
    ORDER,
    charge,
    customer,
    draft,
    goods,
)

HEADERS, LINES = "SalesOrderHeadersV4", "SalesOrderLinesV3"
THREE = (goods(quantity="2", ex="33.33"), goods("BAG-DOWN-M", "1", "8.50"), charge())


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        ({"client_secret": "wrong-secret"}, "wrong_secret", "client secret is wrong"),
        ({"client_id": "2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a11"}, "wrong_client", "client id"),
        ({"tenant_id": "7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b21"}, "wrong_tenant", "tenant id"),
        ({"legal_entity": ""}, "company_missing", "No legal entity is chosen"),
        ({"legal_entity": "nope"}, "company_missing", "not in this environment"),
        ({"environment_url": "https://127.0.0.1:9", "authority": "https://127.0.0.1:9"},
         "network", "could not be reached"),
        ({"order_entity": "V9"}, "settings", "does not offer SalesOrderHeadersV9"),
        ({"customer_group": "NONE"}, "settings", "“NONE” is not in this legal entity"),
        ({"default_warehouse": "NONE"}, "settings", "“NONE” is not in this legal entity"),
        ({"dimension_format": "Department,CostCenter,BusinessUnit"}, "settings", "order"),
        ({"dimension_format": "CostCenter,Region"}, "settings", "order"),
    ],
)  # fmt: skip
def test_each_wrong_setting_has_its_own_words(build, values, code, words):
    failed = build(**values).ping().failures[0]
    assert failed.code == code, failed
    assert words in failed.words, failed
    assert failed.advice


@pytest.mark.parametrize(
    ("access", "code"),
    [
        ("not_registered", "not_registered"),
        ("none", "missing_permission"),
        ("read_only", "missing_permission"),
    ],
)
def test_what_the_application_may_do_is_told_apart(build, fo, access, code):
    fo.post("settings", user_access=access)
    assert {check.code for check in build().ping().failures} == {code}


def test_the_address_is_brought_into_the_spelling_of_tokens(build, fo):
    erp = build(environment_url=fo.api.replace("https", "HTTPS") + "/")
    assert erp.client.environment == fo.api
    assert erp.ping().is_healthy


def test_an_address_that_is_none(build):
    with pytest.raises(NeedsAttention) as refused:
        build(environment_url="contoso")
    assert refused.value.code == "settings"


def test_a_certificate_of_an_unknown_authority_is_named(workshop):
    workshop.ca_file = ""
    (failed,) = workshop.build().ping().failures
    assert (failed.code, failed.whose_move) == ("tls", "you")


def test_an_expired_token_is_renewed_once_also_for_a_write(build, fo):
    erp = build()
    erp.places("GBP")
    fo.post("tokens/expire")
    erp.create_document(draft())
    assert len(fo.get("state")["orders"]) == 1


def test_every_call_names_the_company_and_itself(build, workshop):
    erp = build()
    erp.create_document(draft())
    erp.find_documents(ORDER, "BC1-100045")
    erp.find_customers("a@example.test")
    calls = [record for record in workshop.records if "/data/" in record.url]
    named = [record for record in calls if not record.url.endswith("/data/")]
    assert all("cross-company=true" in record.url for record in named)
    assert len({record.request_headers["x-ms-client-request-id"] for record in calls}) == len(calls)
    assert "sandbox-entra-client-secret" not in repr(workshop.records)


def test_another_company_is_never_seen(build, people):
    people.create(
        "SalesOrderHeadersV4",
        dataAreaId="acie",
        OrderingCustomerAccountNumber="WEB-GUEST",
        InvoiceCustomerAccountNumber="WEB-GUEST",
        CurrencyCode="EUR",
        CustomersOrderReference="BC1-100045",
    )
    assert build().find_documents(ORDER, "BC1-100045") == ()
    assert len(build(legal_entity="ACIE").find_documents(ORDER, "BC1-100045")) == 1


@pytest.mark.parametrize(("header", "seconds"), [(17, 17), (None, 10)])
def test_throttling_pauses_everybody_with_or_without_retry_after(build, fo, header, seconds):
    fo.post("settings", retry_after=header)
    erp = build()
    erp.places("GBP")
    fo.fault("throttle", method="GET", path=HEADERS)
    with pytest.raises(TryLater) as caught:
        erp.find_documents(ORDER, "BC1-1")
    assert caught.value.retry_after.total_seconds() == seconds
    assert not caught.value.counts
    with pytest.raises(TryLater) as paused:
        erp.find_customers("a@example.test")
    assert 5 < paused.value.retry_after.total_seconds() <= seconds


ROW = '{"value": [{"dataAreaId": "acuk", "PrimaryContactEmail": "zoe@example.test"}]}'


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "html"}, TryLater),
        ({"action": "status", "status": 500}, TryLater),
        ({"action": "drop"}, TryLater),
        ({"action": "truncate"}, UnexpectedShape),
        ({"action": "status", "status": 200, "body": "<html>a portal</html>"}, UnexpectedShape),
        ({"action": "status", "status": 200, "body": "[]"}, UnexpectedShape),
        ({"action": "status", "status": 200, "body": ROW}, UnexpectedShape),
        ({"action": "status", "status": 404, "body": "{}"}, Rejected),
    ],
)
def test_a_read_that_goes_wrong(build, fo, fault, error):
    fo.fault(method="GET", path="CustomersV3", times=None, **fault)
    with pytest.raises(error) as caught:
        build().find_customers("zoe@example.test")
    assert caught.value.reason


def test_an_empty_page_is_nobody(build):
    erp = build()
    assert erp.find_customers("nobody@example.test") == ()
    assert erp.find_customers("") == erp.find_customers("x" * 300) == ()
    assert erp.find_customer_by_number("NOPE") is None
    assert erp.find_items([]) == erp.find_items_by_gtin(["5000099000017"]) == {}
    assert erp.posting_allowed(draft().posting_date) is None


def test_pages_are_followed_and_a_repeating_page_is_noticed(build, fo):
    fo.post("settings", page_size=2)
    erp = build()
    assert erp.places("JPY") == 0
    erp.create_document(draft(*THREE, goods(), goods()))
    (found,) = erp.find_documents(ORDER, "BC1-100045")
    assert len(found.lines) == 5
    link = f"{fo.api}/data/CustomersV3?$skiptoken=2"
    body = '{"value": [], "@odata.nextLink": "' + link + '"}'
    fo.fault("status", path="CustomersV3", status=200, body=body, times=None)
    with pytest.raises(UnexpectedShape) as caught:
        erp.find_customers("zoe@example.test")
    assert "read before" in str(caught.value)


def test_a_link_to_another_host_is_not_followed(build, fo):
    body = '{"value": [], "@odata.nextLink": "https://evil.example/data/CustomersV3"}'
    fo.fault("status", path="CustomersV3", status=200, body=body)
    with pytest.raises(UnexpectedShape):
        build().find_customers("zoe@example.test")


@pytest.mark.parametrize(
    ("change", "meant", "hold", "code"),
    [
        (("customers", {"number": "WEB-GUEST", "OnHoldStatus": "All"}), draft(),
         "customer_blocked", ""),
        (("items", {"number": "TENT-2P-GRN", "blocked": True}), draft(), "item_blocked", ""),
        (("items", {"number": "TENT-2P-GRN", "delete": True}), draft(), "", "identity_gone"),
        (("settings", {"unique_order_reference": True}), draft(), "duplicate_reference", "duplicate"),
        (None, draft(customer="NOBODY"), "", "identity_gone"),
        (None, draft(currency="XXX"), "lookup_missing", ""),
        (None, draft(fields={"payment_terms": "NEVER"}), "lookup_missing", ""),
        (None, draft(fields={"ship_to_country": "ZZZ"}), "lookup_missing", ""),
        (None, draft(fields={"ship_to_state": "XX"}), "lookup_missing", ""),
        (None, draft(fields={"dimension_1": "999"}), "mapping", ""),
        (None, draft(fields={"order_name": "x" * 61}), "mapping", ""),
        (("settings", {"negative_quantities": False}), draft(charge("discount", "-5", "DISCOUNT")),
         "mapping", ""),
        (None, draft(goods("SOCK-MER")), "item_unknown", ""),
        (None, draft(goods("SOCK-MER", attributes={"ProductSizeId": "XXL"})), "item_unknown", ""),
        (None, draft(goods(attributes={"ProductColorId": "Red"})), "item_unknown", ""),
    ],
)  # fmt: skip
def test_refusals_become_holds_that_say_what_cures_them(
    build, fo, people, change, meant, hold, code
):
    if change:
        fo.post(change[0], **change[1])
    if code == "duplicate":
        people.create(
            HEADERS,
            OrderingCustomerAccountNumber="WEB-GUEST",
            CustomersOrderReference="BC1-100045",
        )
    before = len(fo.get("state")["orders"])
    with pytest.raises(Rejected) as caught:
        build().create_document(meant)
    error = caught.value
    assert (error.hold, error.code) == (hold, code), (error.reason, error.vendor_words)
    assert error.reason
    assert error.advice
    assert error.vendor_words
    assert "stacktrace" not in repr(vars(error))
    assert len(fo.get("state")["orders"]) == before


def test_an_order_without_a_site_is_held_and_a_site_alone_will_do(build, fo):
    with pytest.raises(Rejected) as caught:
        build(default_warehouse="").create_document(draft())
    assert (caught.value.hold, "warehouse" in caught.value.advice) == ("mapping", True)
    build(default_warehouse="", default_site="1").create_document(draft())
    assert len(fo.get("state")["orders"]) == 1


def test_a_business_refusal_with_status_500_is_permanent(build, fo):
    fo.post("settings", write_error_status=500)
    with pytest.raises(Rejected):
        build().create_document(draft(customer="NOBODY"))


def test_a_field_that_this_version_lacks_stops_the_connection(build, fo):
    fo.fault(
        "status",
        method="POST",
        path=HEADERS,
        status=400,
        body='{"error": {"code": "", "message": "The property \'Email\' does not exist on type '
        "'Microsoft.Dynamics.DataEntities.SalesOrderHeaderV4'.\"}}",
    )
    with pytest.raises(NeedsAttention) as caught:
        build().create_document(draft())
    assert (caught.value.code, "Email" in caught.value.reason) == ("settings", True)


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        ({"return_reason": ""}, draft(kind=CREDIT)),
        ({"return_disposition": ""}, draft(kind=CREDIT)),
    ],
)
def test_return_orders_need_their_codes(build, values, meant):
    with pytest.raises(NeedsAttention) as caught:
        build(refund_document="return_order", **values).create_document(meant)
    assert caught.value.code == "settings"


@pytest.mark.parametrize(
    "line", [charge("adjustment", "-2.00"), goods(quantity="30000", ex="0.0033333")]
)
def test_what_a_return_order_cannot_hold_is_refused_before_anything_is_sent(build, fo, line):
    with pytest.raises(Rejected) as caught:
        build(refund_document="return_order").create_document(draft(goods(), line, kind=CREDIT))
    assert caught.value.hold == "mapping"
    assert fo.get("state")["returns"] == []


def test_a_free_text_line_without_an_account_names_the_row(build, fo):
    erp = build(sales_account="", charges_account="")
    with pytest.raises(Rejected) as caught:
        erp.create_document(draft(kind=INVOICE))
    assert caught.value.keys == ("lookup:sales_accounts:*",)
    assert fo.get("state")["free_text_invoices"] == []


def test_errors_tell_of_the_connection_and_not_of_the_shopper(build, fo):
    fo.fault("status", method="POST", path="CustomersV3", status=500)
    with pytest.raises(ConnectorError) as caught:
        build().create_customer(customer())
    assert caught.value.source == "finance_operations"
    assert "zoe" not in str(caught.value).lower()


def test_a_closed_period_shows_when_the_batch_job_posts(build, fo):
    erp = build()
    fo.post("period", to="2020-01-31")
    number = erp.create_document(draft())
    assert fo.post("batch")["skipped"]
    assert erp.read_document(ORDER, number).status is DocumentStatus.OPEN
    fo.post("period", to="")
    fo.post("batch")
    assert erp.read_document(ORDER, number).status is DocumentStatus.POSTED
