"""Calls as Commerce's OAuth wants them, and the vendors' vectors for every signature."""

from __future__ import annotations

import base64
import json

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from oauthlib.oauth1 import Client as OAuthClient

from connectors.contract import DeliveryRefused
from connectors.stores.adobe_commerce import signing, webhooks
from tests.connectors.adobe_commerce.conftest import PAAS


def test_searches_are_one_flat_bracketed_query_and_a_space_is_never_a_plus():
    params = signing.search(
        [("updated_at", "gteq", "2026-01-01 00:00:00"), ("store_id", "in", "1,2")],
        sort=("updated_at", "entity_id"),
        page_size=100,
        page=2,
        fields="items[entity_id],total_count",
    )
    text = signing.query(params)
    assert (
        "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=updated_at" in text
    )
    assert "2026-01-01%2000%3A00%3A00" in text
    assert "+" not in text
    assert "searchCriteria%5BsortOrders%5D%5B1%5D%5Bdirection%5D=ASC" in text
    assert text.endswith("&fields=items%5Bentity_id%5D%2Ctotal_count")


def test_more_filters_than_servers_sort_alike_are_not_sent():
    with pytest.raises(ValueError, match="at most 10"):
        signing.search([("sku", "eq", str(number)) for number in range(11)], page_size=1)


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=5))
def test_a_query_can_be_read_back_whatever_is_in_it(params):
    from urllib.parse import unquote

    text = signing.query(params)
    pairs = [pair.split("=") for pair in text.split("&")] if params else []
    assert all(len(pair) == 2 for pair in pairs)
    assert {unquote(name): unquote(value) for name, value in pairs} == params


def test_oauth_signatures_are_the_vectors(contracts):
    vectors = json.loads((contracts / "test_vectors.json").read_text())["oauth1"]
    for vector in vectors:
        query = signing.query(vector.get("query_params_decoded", {}))
        assert query == vector.get("raw_query", "")
        url = vector["url_without_query"] + (f"?{query}" if query else "")
        client = OAuthClient(
            vector["consumer_key"],
            client_secret=vector["consumer_secret"],
            resource_owner_key=vector["access_token"],
            resource_owner_secret=vector["access_token_secret"],
            signature_method="HMAC-SHA256",
            nonce=vector["oauth_params"]["oauth_nonce"],
            timestamp=vector["oauth_params"]["oauth_timestamp"],
        )
        auth = signing.signer({**PAAS})
        auth.client = client
        sent = requests.Session().prepare_request(
            requests.Request(vector["method"], url, auth=auth)
        )
        header = sent.headers["Authorization"]
        if isinstance(header, bytes):
            header = header.decode()
        expected = signing.quote(vector["oauth_signature"], safe="")
        assert f'oauth_signature="{expected}"' in header, vector["name"]


def test_every_try_has_a_nonce_of_its_own():
    auth = signing.signer(PAAS)
    request = requests.Request("GET", "https://shop.example.test/rest/default/V1/orders", auth=auth)
    session = requests.Session()
    headers = {str(session.prepare_request(request).headers["Authorization"]) for _ in range(20)}
    assert len(headers) == 20


def vector_of_webhook(contracts) -> tuple[dict[str, str], bytes, str]:
    vector = json.loads((contracts / "test_vectors.json").read_text())["webhook"][0]
    return vector["header"], vector["raw_body"].encode(), vector["public_key_pem"]


@pytest.mark.parametrize("form", ["as it is", "spaces for line breaks", "escaped line breaks"])
def test_the_webhook_vector_is_believed_however_the_key_was_pasted(contracts, form):
    headers, body, pem = vector_of_webhook(contracts)
    pasted = {
        "as it is": pem,
        "spaces for line breaks": " ".join(pem.split("\n")),
        "escaped line breaks": pem.replace("\n", "\\n"),
    }[form]
    notices = webhooks.read(
        values={"webhook_public_key": pasted},
        headers=headers,
        body=body,
        secret_header=("X-Hook-Secret", "s"),
    )
    assert [(n.record, n.external_id) for n in notices] == [("order", "1-000000142")]


def test_the_vector_fails_over_anything_but_the_raw_bytes(contracts):
    headers, body, pem = vector_of_webhook(contracts)
    changed = json.dumps(json.loads(body)).encode()
    for wrong in (changed, body + b" ", base64.b64encode(body)):
        with pytest.raises(DeliveryRefused) as refused:
            webhooks.read(
                values={"webhook_public_key": pem},
                headers=headers,
                body=wrong,
                secret_header=("X-Hook-Secret", "s"),
            )
        assert refused.value.code == "signature_wrong"


def test_a_previous_key_is_good_during_a_change(contracts):
    headers, body, pem = vector_of_webhook(contracts)
    other = new_key_pem()
    assert webhooks.read(
        values={"webhook_public_key": other, "webhook_public_key_previous": pem},
        headers=headers,
        body=body,
        secret_header=("X-Hook-Secret", "s"),
    )


def new_key_pem() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
