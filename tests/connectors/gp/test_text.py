"""Text for GP's single-byte columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.erps.gp.text import CODE_PAGES, fit


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
