"""The Adobe Commerce simulator's signed calls: credentials, nonces, rights, other cores."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import trustme
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from tests.sandbox.adobe_commerce.calls import KEYS, Caller, parse, searching, signed
from tests.support.adobe_commerce import start
from tests.support.simulators import Simulator

CONTRACTS = os.environ.get("CONTRACTS_DIR", "")
needs_contracts = pytest.mark.skipif(
    not CONTRACTS, reason="CONTRACTS_DIR does not name the vendors' contracts"
)


def test_a_signed_call_with_brackets_and_spaces_is_let_in(shop: Simulator, call: Caller) -> None:
    shop.post("orders")
    answer = call(
        "GET", "default/V1/orders", searching(("updated_at", "gteq", "2020-01-01 00:00:00"))
    )
    assert answer.status_code == 200, answer.text
    assert parse(answer)["total_count"] == 1


@pytest.mark.parametrize(
    ("keys", "status", "words"),
    [
        (("short", *KEYS[1:]), 401, "Consumer key is not the correct length"),
        (("x" * 32, *KEYS[1:]), 401, "A consumer having the specified key does not exist"),
        ((*KEYS[:2], "y" * 32, KEYS[3]), 401, "Token is not associated"),
        ((*KEYS[:2], "short", KEYS[3]), 400, "The token length is invalid"),
        ((KEYS[0], "z" * 32, *KEYS[2:]), 401, "The signature is invalid"),
    ],
)
def test_wrong_credentials_are_named(
    call: Caller, keys: tuple[str, ...], status: int, words: str
) -> None:
    answer = call("GET", "V1/orders", searching(), keys=keys)
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_a_nonce_is_good_once_and_spent_even_by_a_wrong_signature(call: Caller) -> None:
    once = {"nonce": "n" * 32}
    wrong = (KEYS[0], "z" * 32, *KEYS[2:])
    assert call("GET", "V1/store/websites", keys=wrong, **once).status_code == 401
    again = call("GET", "V1/store/websites", **once)
    assert again.status_code == 401
    assert again.json() == {
        "message": "The nonce is already being used by the consumer with ID %1",
        "parameters": ["65"],
    }


def test_time_stamps_may_be_old_but_not_far_ahead(call: Caller) -> None:
    old = call("GET", "V1/store/websites", timestamp="1000000000")
    assert old.status_code == 200
    ahead = call("GET", "V1/store/websites", timestamp=str(int(time.time()) + 3600))
    assert ahead.status_code == 401
    assert ahead.json()["message"] == "An error occurred validating the nonce"


def test_a_proxy_that_hides_tls_breaks_the_signature(shop: Simulator, call: Caller) -> None:
    shop.post("settings", seen_scheme="https")
    answer = call("GET", "V1/store/websites")
    assert answer.json()["message"] == "The signature is invalid. Verify and try again."


def test_other_signature_methods_are_refused(call: Caller) -> None:
    answer = call("GET", "V1/store/websites", signature_method="HMAC-SHA1")
    assert answer.status_code == 400
    assert answer.json()["parameters"] == ["HMAC-SHA1"]


def test_without_rights_the_answer_is_401_and_names_the_resource(
    shop: Simulator, call: Caller
) -> None:
    shop.post("integrations", resources=["Magento_Catalog::products"])
    answer = call("GET", "V1/orders", searching())
    assert answer.status_code == 401
    assert answer.json() == {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Sales::actions_view"},
    }
    bearer = {"Authorization": f"Bearer {KEYS[2]}"}
    url = f"{shop.api}/rest/V1/products?searchCriteria[pageSize]=1"
    assert requests.get(url, headers=bearer, timeout=10).status_code == 401
    shop.post("settings", bearer=True)
    assert requests.get(url, headers=bearer, timeout=10).status_code == 200
    shop.post("integrations", revoked=True)
    assert (
        call("GET", "V1/products", searching()).json()["message"] == "Access token has been revoked"
    )


def test_a_plus_for_a_space_breaks_the_signature(shop: Simulator) -> None:
    query = "searchCriteria%5BpageSize%5D=1&fields=a+b"
    url = f"{shop.api}/rest/V1/products"
    client = Client(KEYS[0], KEYS[1], KEYS[2], KEYS[3], signature_method=SIGNATURE_HMAC_SHA256)
    _, headers, _ = client.sign(f"{url}?{query.replace('+', '%20')}")
    answer = requests.get(f"{url}?{query}", headers=headers, timeout=10)
    assert answer.json()["message"] == "The signature is invalid. Verify and try again."


@pytest.mark.parametrize("core", ["current", "laminas"])
def test_an_index_of_ten_sorts_otherwise_than_the_standard_says(
    shop: Simulator, call: Caller, core: str
) -> None:
    shop.post("settings", core=core)
    ten = searching(*[("entity_id", "gt", "0")] * 10)
    twelve = searching(*[("entity_id", "gt", "0")] * 12)
    assert call("GET", "V1/orders", ten).status_code == 200
    assert call("GET", "V1/orders", twelve).status_code == 401


def test_an_escaped_slash_is_signed_as_sent_and_fails_on_the_older_core(
    shop: Simulator, call: Caller
) -> None:
    product = {"sku": 'CBL-1/2" RED+', "name": "Cable", "price": "12.5"}
    assert call("POST", "all/V1/products", body={"product": product}).status_code == 200
    path = f"all/V1/products/{quote(product['sku'], safe='')}"
    found = call("GET", path).json()
    assert found.get("sku") == product["sku"], found
    shop.post("settings", core="laminas")
    assert call("GET", path).json()["message"].startswith("The signature is invalid")
    shop.post("settings", core="current", encoded_slashes="refuse")
    refused = call("GET", path)
    assert refused.status_code == 404
    assert "html" in refused.headers["content-type"]


@needs_contracts
@pytest.mark.parametrize("number", [0, 1])
def test_the_signature_check_agrees_with_the_written_vectors(number: int) -> None:
    from sandbox.adobe_commerce.oauth import base_string, query_pairs

    path = Path(CONTRACTS) / "adobe_commerce" / "test_vectors.json"
    vector = json.loads(path.read_text())["oauth1"][number]
    pairs = [*vector["oauth_params"].items(), *query_pairs(vector.get("raw_query", ""))]
    text = base_string(vector["method"], vector["url_without_query"], pairs, "current")
    assert text == vector["signature_base_string"]


def test_over_tls_the_signed_scheme_is_https(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "tls.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    pem = str(tmp_path / "tls.pem")
    simulator = start("--tls-cert", pem, "--tls-key", pem)
    simulator.api = simulator.api.replace("http:", "https:")
    try:
        answer = signed(simulator, "GET", "V1/store/websites", verify=str(tmp_path / "ca.pem"))
        assert [row["code"] for row in answer.json()] == ["admin", "base", "us"]
    finally:
        simulator.stop()
