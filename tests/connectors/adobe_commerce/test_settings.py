"""The settings of an Adobe Commerce connection, public keys in several lines among them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from connectors.setting_values import check_values
from connectors.stores.adobe_commerce import webhooks

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
GOOD = {"edition": "paas", "api_url": "https://shop.example.com"}


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        PEM.strip(),
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", " "),
        PEM.replace("\n", ""),
        PEM.strip().replace("\n", "\\n"),
        f"  {PEM}\n\n{PEM}",
    ],
)
def test_a_key_is_taken_however_its_lines_came_through(text: str):
    for name in ("webhook_public_key", "webhook_public_key_previous", "events_public_keys"):
        assert check_values("adobe_commerce", {**GOOD, name: text}) == {}
    keys = webhooks.keys_of(text)
    assert {key.public_numbers() for key in keys} == {KEY.public_key().public_numbers()}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PRIVATE, "private key"),
        ("ssh-rsa AAAAB3NzaC1yc2E", "must be PEM text"),
        (PEM.replace("MII", "XII"), "must be PEM text"),
        (PEM[:-30], "must be PEM text"),
        (f"{PEM} and more", "must be PEM text"),
        (PEM * 20, "longer than"),
    ],
)
def test_what_is_no_public_key_is_refused_in_words(text: str, words: str):
    problems = check_values("adobe_commerce", {**GOOD, "webhook_public_key": text})
    assert list(problems) == ["webhook_public_key"]
    assert words in problems["webhook_public_key"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gtin_attribute", "EAN code"),
        ("batch_size", "501"),
        ("batch_size", "0"),
        ("price_store_id", "-1"),
        ("bulk", "maybe"),
        ("bulk_wait_seconds", "0"),
    ],
)
def test_values_that_cannot_be_are_refused(name: str, value: str):
    assert list(check_values("adobe_commerce", {**GOOD, name: value})) == [name]
