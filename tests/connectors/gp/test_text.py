"""Text for GP's single-byte columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.erps.gp.customers import Numbering, new_customer
from connectors.erps.gp.text import CODE_PAGES, fit
from tests.connectors.gp.drafts import customer


@pytest.mark.parametrize(
    ("given", "written", "replaced"),
    [
        ("Müller & Söhne", "Müller & Söhne", False),
        ("Łukasz Żółć", "Lukasz Zólc", True),
        ("Ștefan Ţepeş", "Stefan Tepes", True),
        ("Иван Щукин", "Ivan Shchukin", True),
        ("Γιώργος", "Giorgos", True),
        ("“Zoë” – 5 €", "“Zoë” – 5 €", False),
        ("two\nlines\tand\x07bell", "two lines and bell", False),
        ("李小龍", "???", True),
        ("ﬁne", "fine", True),
        ("zero\u200bwidth", "zerowidth", False),
    ],
)
def test_what_the_code_page_lacks_is_transliterated_and_said(given, written, replaced):
    assert fit(given, "cp1252", 64) == (written, replaced)


def test_a_cyrillic_server_keeps_cyrillic():
    assert fit("Иван Щукин", "cp1251", 64) == ("Иван Щукин", False)


@given(st.text(max_size=80), st.sampled_from([page for page, _ in CODE_PAGES]), st.integers(1, 64))
def test_whatever_comes_in_fits(text, page, length):
    fitted, _ = fit(text, page, length)
    assert len(fitted.encode(page)) <= length
    assert fitted == " ".join(fitted.split())
    assert fit(fitted, page, length)[0] == fitted


@pytest.mark.parametrize("email", ["zoë@example.com", f"{'z' * 200}@example.com"])
def test_an_address_that_gp_cannot_keep_is_left_out_and_said(email):
    made = new_customer(
        customer(email=email, fields={"email": email}), numbering=Numbering(), page="cp1252"
    )
    assert made.internet is None
    assert any("e-mail address cannot be kept" in note for note in made.notes)


def test_what_a_card_cannot_hold_is_named_field_by_field():
    made = new_customer(customer(), numbering=Numbering(), page="cp1252")
    assert made.card["City"] == "Lódz"
    assert made.notes == ("City is written as “Lódz”.",)
    assert made.internet is not None
    assert made.internet["EmailToAddress"] == "zoe@example.com"
