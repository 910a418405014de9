"""The allowlist: nothing outside a prefix, however an address is written."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.allow import NotAllowed, read_address, read_prefix

PREFIX = read_prefix("https://gp.example.local/GPService/")
NAV = read_prefix("https://nav.example.local:7048/NAV/ODataV4/Company('CRONUS%20UK')")


def allowed(url: str, prefix=PREFIX) -> bool:
    try:
        return prefix.covers(read_address(url))
    except NotAllowed:
        return False


@pytest.mark.parametrize(
    "url",
    [
        "https://gp.example.local/GPService/Tenants(DefaultTenant)/Companies(ACME)/Sales/Documents",
        "https://GP.Example.Local:443/GPService/x?filter=a%2Fb&x=../..",
        "HTTPS://gp.example.local/%47PService/Items('A%2FB')",
        "https://gp.example.local/GPService/Items('A%252FB%20%C3%84')",
        "https://gp.example.local/GPService/Items(100.50)/v1.2/file.txt",
    ],
)
def test_what_stands_under_the_prefix_is_allowed(url):
    assert allowed(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://gp.example.local/GPService/x",
        "https://gp.example.local:8443/GPService/x",
        "https://gp.example.local.evil.example/GPService/x",
        "https://evil.example/GPService/x",
        "https://gp.example.local@evil.example/GPService/x",
        "https://evil.example\\@gp.example.local/GPService/x",
        "https://user:password@gp.example.local/GPService/x",
        "https://gp.example.local/GPService",
        "https://gp.example.local/GPServices/x",
        "https://gp.example.local/gpservice/x",
        "https://gp.example.local/",
        "https://gp.example.local",
        "https://gp.example.local//GPService/x",
        "https://gp.example.local/GPService/../admin",
        "https://gp.example.local/GPService/..",
        "https://gp.example.local/GPService/./x",
        "https://gp.example.local/GPService/%2e%2e/admin",
        "https://gp.example.local/GPService/%2E./admin",
        "https://gp.example.local/GPService/%252e%252e/admin",
        "https://gp.example.local/GPService/%25252e%25252e/admin",
        "https://gp.example.local/GPService/x%2f..%2f..%2fadmin",
        "https://gp.example.local/GPService/x%5c..%5c..%5cadmin",
        "https://gp.example.local/GPService/..\\admin",
        "https://gp.example.local/GPService/..%5Cadmin",
        "https://gp.example.local/GPService/..;x=1/admin",
        "https://gp.example.local/GPService/..%20/admin",
        "https://gp.example.local/GPService/.../admin",
        "https://gp.example.local/GPService/%c0%ae%c0%ae/admin",
        "https://gp.example.local/GPService/%u002e%u002e/admin",
        "https://gp.example.local/GPService/%25u002e%25u002e/admin",
        "https://gp.example.local/GPService/%00/x",
        "https://gp.example.local/GPService/%0d%0aHost:%20evil",
        "https://gp.example.local/GPService/%zz",
        "https://gp.example.local/GPService/x#y",
        "https://gp.example.local/GPService/ x",
        "https://gp.example.local/GPService/x\r\nHost: evil.example",
        "https://gp.example.local/GPService/Ä",
        "https:/gp.example.local/GPService/x",
        "//gp.example.local/GPService/x",
        "https://gp.example.local:0/GPService/x",
        "https://gp.example.local:99999/GPService/x",
        "https://gp.example.local:/GPService/x",
        "ftp://gp.example.local/GPService/x",
        "file:///GPService/x",
        "",
    ],
)
def test_everything_else_is_refused(url):
    assert not allowed(url)


def test_a_prefix_ends_at_a_step_of_the_path_and_escapes_count_as_what_they_mean():
    assert allowed("https://nav.example.local:7048/NAV/ODataV4/Company('CRONUS%20UK')/x", NAV)
    assert allowed("https://nav.example.local:7048/NAV/ODataV4/%43ompany('CRONUS%20UK')", NAV)
    assert not allowed("https://nav.example.local:7048/NAV/ODataV4/Company('CRONUS%20UK')x", NAV)
    assert not allowed("https://nav.example.local:7048/NAV/ODataV4/Company('CRONUS+UK')/x", NAV)


STEPS = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "%2e", "%2E", "%2f", "%5c", "%25", "2e", "2f", "a", ";", "%20", " ",
         "GPService", "admin", "?", "#", "@", ":", "%", "%00", "%c0", "%ae", "%u002e", "(", "'"]
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(STEPS)
@example("x%252f..%252f..%252fadmin")
def test_no_path_that_is_allowed_ever_leads_out_of_its_folder(steps):
    """Whatever a server makes of the path: any number of decodings, either slash, cut-off ends."""
    url = f"https://gp.example.local/GPService/{steps}"
    if not allowed(url):
        return
    path = url.removeprefix("https://gp.example.local").partition("?")[0]
    for _ in range(6):
        place: list[str] = []
        for step in re.split(r"[/\\]", path)[1:]:
            step = step.partition(";")[0].rstrip(" .") if "." in step else step
            if re.fullmatch(r"\.+", step) or (step == "" and place == []):
                raise AssertionError(f"{url} climbs")
            place.append(step)
        assert place[0] == "GPService"
        assert "\0" not in path
        assert ".." not in [re.sub(r"[ ;].*", "", one) for one in re.split(r"[/\\]", path)]
        path = unquote(path, errors="replace")


@given(st.text(max_size=60))
def test_no_text_is_an_address_on_the_host_unless_it_says_so_in_full(text):
    if allowed(text):
        assert re.match(r"(?i)https://gp\.example\.local(:0*443)?/", text)


@given(
    st.sampled_from(["http", "https"]),
    st.from_regex(r"[a-z][a-z0-9.-]{0,20}", fullmatch=True),
    st.integers(1, 65535),
)
def test_only_the_very_origin_is_allowed(scheme, host, port):
    url = f"{scheme}://{host}:{port}/GPService/x"
    assert allowed(url) == ((scheme, host, port) == ("https", "gp.example.local", 443))


@given(st.from_regex(r"/[A-Za-z0-9()',.%$-]{0,30}", fullmatch=True))
def test_what_was_read_is_what_will_be_sent(path):
    try:
        address = read_address(f"https://gp.example.local{path}?a=b%2F..")
    except NotAllowed:
        return
    assert address.request_target == f"{path}?a=b%2F.."
    assert read_address(f"{address}{address.query}") == address
