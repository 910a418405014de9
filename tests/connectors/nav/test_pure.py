"""NAV without a server: amounts to the cent, line numbers, metadata, refusals, the vendor's names."""

from __future__ import annotations

import json
import os
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.erps.nav import api_documents, metadata
from connectors.erps.nav.amounts import price_of, shared_out
from connectors.erps.nav.api_documents import BETA_ENTITIES, V1_ENTITIES
from connectors.erps.nav.errors import read_error, read_fault
from connectors.erps.nav.page_documents import is_complete, line_numbers
from connectors.errors import NeedsAttention, OutcomeUnknown, Rejected, TryLater, UnexpectedShape
from connectors.kit.http import Reply
from connectors.records import DocumentKind, DraftLine, LineKind
from tests.connectors.nav.drafts import charge, draft, goods

CENT = Decimal("0.01")
CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)


@given(
    quantity=st.integers(1, 999),
    unit=st.decimals(min_value=0, max_value=5000, places=4),
    share=st.decimals(min_value=0, max_value=1, places=4),
    places=st.sampled_from([0, 2, 3]),
)
def test_nav_rounds_every_line_to_the_stores_amount(quantity, unit, share, places):
    step = Decimal(1).scaleb(-places)
    discount = (quantity * unit * share).quantize(CENT, rounding=ROUND_HALF_UP)
    line = DraftLine(
        kind=LineKind.ITEM,
        number="X",
        description="",
        quantity=Decimal(quantity),
        unit_price_ex_tax=unit / 2,
        unit_price_inc_tax=unit,
        discount_ex_tax=discount / 2,
        discount_inc_tax=discount,
    )
    for with_tax, wanted in ((True, line.amount_inc_tax), (False, line.amount_ex_tax)):
        price = price_of(line, include_tax=with_tax, places=places)
        gross = (quantity * price.unit).quantize(step, rounding=ROUND_HALF_UP)
        assert gross - price.discount == wanted.quantize(step, rounding=ROUND_HALF_UP)
        assert price.discount >= 0
        assert price.unit == price.unit.quantize(Decimal("0.00001"))


def test_what_is_taken_back_has_a_negative_quantity_at_its_exact_price():
    price = price_of(charge("discount", "-7.77"), include_tax=True, places=2)
    assert (price.unit, price.discount) == (Decimal("7.77"), 0)


@given(
    tax=st.decimals(min_value=-500, max_value=500, places=2),
    amounts=st.lists(st.decimals(min_value=0, max_value=900, places=2), max_size=8),
)
def test_a_shared_out_tax_adds_up(tax, amounts):
    shares = shared_out(tax, amounts, 2)
    assert len(shares) == len(amounts)
    if sum(amounts):
        assert sum(shares) == tax
    else:
        assert not any(shares)


@given(count=st.integers(1, 60), data=st.data())
def test_a_document_is_whole_exactly_when_its_last_line_is_there(count, data):
    numbers = line_numbers(count)
    assert len(set(numbers)) == count
    assert numbers == sorted(numbers)
    there = data.draw(st.sets(st.sampled_from(numbers)))
    assert is_complete(there) == (numbers[-1] in there)
    assert is_complete([*there, 10_000]), "a person's line means that a person has been at work"


CSDL = b"""<?xml version="1.0"?><edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"
 Version="4.0"><edmx:DataServices><Schema xmlns="http://docs.oasis-open.org/odata/ns/edm"
 Namespace="NAV"><EnumType Name="kind"><Member Name="_x0020_"/><Member Name="G_x002F_L_Account"/>
</EnumType><EntityType Name="Doc"><Property Name="No" Type="Edm.String" MaxLength="20"/>
<Property Name="Note" Type="Edm.String" MaxLength="max"/>
<NavigationProperty Name="Sell_to_Customer_No_Link" Type="Collection(NAV.Customer)"
 ContainsTarget="false"/><NavigationProperty Name="DocSalesLines" Type="Collection(NAV.Lines)"
 ContainsTarget="true"/></EntityType><EntityType Name="Lines"><Property Name="Type"
 Type="NAV.kind"/></EntityType><Action Name="Post" IsBound="true"><Parameter Name="bindingParameter"
 Type="NAV.Doc"/></Action><Action Name="Loose"/><EntityContainer Name="NAV"><EntitySet Name="Doc"
 EntityType="NAV.Doc"/></EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"""


def test_metadata_says_lengths_parts_members_and_actions():
    services = metadata.read(CSDL)
    doc, lines = services["Doc"], services["DocSalesLines"]
    assert (doc.length("No"), doc.length("Note"), doc.length("Nope")) == (20, None, None)
    assert (doc.part, doc.actions) == ("DocSalesLines", {"post": "NAV.Post"})
    assert lines.fields["Type"].member("G/L Account") == "G_x002F_L_Account"
    assert lines.fields["Type"].member(" ") == "_x0020_"
    assert lines.fields["Type"].member("Item") == "Item"


@pytest.mark.parametrize("content", [b"", b"<html>", b"<a/>", b'{"value": []}'])
def test_what_is_no_metadata_is_told(content):
    with pytest.raises(UnexpectedShape):
        metadata.read(content)


def refused(status: int, code: str, message: str, **headers: str) -> Reply:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return Reply(status, headers, body, "POST /x")


HELD = [
    ("Application_DialogException", "Posting Date is not within your range of allowed posting dates.", "period_closed"),
    ("Application_DialogException", "You cannot post this type of document when Customer C1 is blocked with type All", "customer_blocked"),
    ("Application_FieldValidationException", "Blocked must be equal to 'No' in Item: No.=1000. Current value is 'Yes'.", "item_blocked"),
    ("Application_FieldValidationException", "Direct Posting must be equal to 'Yes' in G/L Account: No.=2310. Current value is 'No'.", "lookup_missing"),
    ("Internal_InvalidTableRelation", "The field Payment Terms Code of table Sales Header contains a value (X) that cannot be found in the related table (Payment Terms).", "lookup_missing"),
    ("Internal_DataNotFoundFilter", "There is no Currency Exchange Rate within the filter.", "lookup_missing"),
    ("Application_StringExceededLength", "The length of the string is 57", "mapping"),
    ("Application_CallbackNotAllowed", "attempted to issue a client callback", ""),
    ("Internal_RecordNotFound", "The VAT Posting Setup does not exist.", ""),
    ("Unknown", "Irgendein Text, den wir nicht kennen.", ""),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "hold"), HELD)
def test_refusals_are_read_by_code_and_text(code, words, hold):
    error = read_error("POST", "/x", refused(400, code, f"{words}  CorrelationId:  {'0' * 36}."))
    assert isinstance(error, Rejected), error
    assert error.hold == hold
    assert error.vendor_words == words
    assert error.reason
    assert error.advice


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (refused(401, "Authentication_InvalidCredentials", "rejected"), NeedsAttention, "wrong_secret"),
        (Reply(401, {"www-authenticate": "Negotiate, NTLM"}, b"<h1>401", ""), NeedsAttention, "wrong_secret"),
        (refused(403, "", "denied"), NeedsAttention, "missing_permission"),
        (refused(400, "Authorization_RequestDenied", "denied"), NeedsAttention, "missing_permission"),
        (refused(404, "Internal_CompanyNotFound", "Cannot find company"), NeedsAttention, "company_missing"),
        (refused(400, "Internal_TenantUnavailable", "The tenant"), NeedsAttention, "wrong_environment"),
        (refused(409, "Request_EntityChanged", "changed"), TryLater, ""),
        (refused(412, "", "changed"), TryLater, ""),
        (refused(400, "Application_DialogException", "The G/L Entry table cannot be locked"), TryLater, "locked"),
        (refused(400, "Internal_ServerError", "deadlock victim"), TryLater, "locked"),
        (refused(500, "Internal_ServerError", "You cannot change the value"), OutcomeUnknown, ""),
        (Reply(502, {}, b"<h1>Bad gateway", ""), OutcomeUnknown, ""),
        (Reply(503, {}, b"<p>HTTP Error 503. The service is unavailable.", ""), TryLater, ""),
        (Reply(503, {}, b"<h1>proxy", ""), OutcomeUnknown, ""),
        (Reply(429, {"retry-after": "3"}, b"", ""), TryLater, ""),
        (refused(404, "BadRequest_ResourceNotFound", "segment"), Rejected, "not_offered"),
        (refused(404, "Internal_RecordNotFound", "does not exist"), Rejected, "not_found"),
        (refused(400, "Internal_EntityWithSameKeyExists", "already exists"), Rejected, "exists"),
        (refused(400, "Internal_InvalidTableRelation", "in the related table (Item)."), Rejected, "identity_gone"),
    ],
)  # fmt: skip
def test_answers_say_what_happens_next(reply, kind, code):
    error = read_error("POST", "/x", reply)
    assert type(error) is kind, error
    if code:
        assert error.code == code


def test_a_soap_fault_is_a_refusal_in_the_same_words():
    text = "Posting Date is not within your range of allowed posting dates."
    name = "a:Microsoft.Dynamics.Nav.Types.Exceptions.NavNCLDialogException"
    assert read_fault("POST /WS", name, text).hold == "period_closed"
    body = f"<f><faultcode xmlns:a='u'>{name}</faultcode><faultstring>{text}</faultstring></f>"
    error = read_error("GET", "/WS", Reply(500, {}, body.encode(), ""))
    assert isinstance(error, Rejected)
    assert error.vendor_words == text


def api_bodies(kind: DocumentKind, *, beta: bool):
    """A header and a line with every field filled that the interface takes."""
    fields = {
        "payment_terms": "COD",
        "salesperson": "ANN",
        "phone": "020",
        "email": "a@example.com",
        "ship_to_county": "Kent",
        "ship_to_address_2": "Flat 2",
    }
    if kind is not DocumentKind.CREDIT_MEMO and not (beta and kind is DocumentKind.SALES_ORDER):
        fields["shipment_method"] = "DELIVERY"
    line = goods(discount="1.00", fields={"tax_code": "STANDARD", "unit_of_measure": "PCS"})
    meant = draft(line, kind=kind, fields=fields)
    entity = (BETA_ENTITIES if beta else V1_ENTITIES)[kind]
    header = api_documents.header_body(
        meant, entity, beta=beta, currency="GBP", invoice_id="i", ids=lambda *key: "id"
    )
    return entity, header, api_documents.line_body(line, meant, places=2, ids=lambda *key: "id")


@needs_contracts
@pytest.mark.parametrize("kind", V1_ENTITIES)
def test_what_is_sent_to_api_v1_has_the_vendors_names(kind):
    text = Path(CONTRACTS, "business_central", "BCOAS1.0.yaml").read_text()
    schemas = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["components"]
    entity, header, line = api_bodies(kind, beta=False)
    for body, name in ((header, entity.path), (line, entity.lines)):
        properties = schemas["schemas"][name.removesuffix("s")]["properties"]
        assert set(body) <= set(properties), (name, set(body) - set(properties))
    if "shippingPostalAddress" in header:
        address = schemas["schemas"]["postaladdresstype"]["properties"]
        assert set(header["shippingPostalAddress"]) <= set(address)


@needs_contracts
def test_what_is_sent_to_navs_api_has_the_vendors_names():
    path = Path(CONTRACTS, "business_central", "nav2018_api_beta_entities.json")
    sheet = json.loads(path.read_text())["entities"]
    entity, header, line = api_bodies(DocumentKind.SALES_INVOICE, beta=True)
    assert set(header) <= set(sheet[entity.path])
    assert set(line) <= set(sheet[entity.lines])
