"""Queries as Commerce reads them, and OAuth 1.0a signatures over them.

Commerce decodes a query with PHP's ``rawurldecode``: a space must be ``%20``, since a ``+`` is a
plus to its signature check. Bracketed names are one flat key each. A signature is made for each
attempt: the server keeps every nonce that it has seen, of failed calls too. JSON bodies are not
signed. Source: Adobe, "OAuth-based authentication", and the core's ``framework/Oauth``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from requests_oauthlib import OAuth1  # type: ignore[import-untyped]

# From index 10 on, servers of different versions sort the parameters differently.
MOST_FILTERS = 10

Filter = tuple[str, str, str]  # field, condition, value


def signer(values: Mapping[str, str]) -> OAuth1:
    """Signs each prepared request by HMAC-SHA256, with a nonce and time of its own."""
    return OAuth1(
        client_key=values["consumer_key"],
        client_secret=values["consumer_secret"],
        resource_owner_key=values["access_token"],
        resource_owner_secret=values["access_token_secret"],
        signature_method="HMAC-SHA256",
    )


def query(params: Mapping[str, str]) -> str:
    """The query text of flat parameters, percent-encoded by RFC 3986."""
    return "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in params.items()
    )


def search(
    filters: Sequence[Filter],
    *,
    sort: Iterable[str] = (),
    page_size: int,
    page: int = 1,
    fields: str = "",
) -> dict[str, str]:
    """Search criteria in which every filter must hold (a group each), sorted ascending.

    Source: Adobe, "Search using REST endpoints".
    """
    if len(filters) > MOST_FILTERS:
        raise ValueError(f"at most {MOST_FILTERS} filters in one search")
    found: dict[str, str] = {}
    for number, (field, condition, value) in enumerate(filters):
        place = f"searchCriteria[filter_groups][{number}][filters][0]"
        found[f"{place}[field]"] = field
        found[f"{place}[value]"] = value
        found[f"{place}[condition_type]"] = condition
    for number, field in enumerate(sort):
        found[f"searchCriteria[sortOrders][{number}][field]"] = field
        found[f"searchCriteria[sortOrders][{number}][direction]"] = "ASC"
    found["searchCriteria[pageSize]"] = str(page_size)
    found["searchCriteria[currentPage]"] = str(page)
    if fields:
        found["fields"] = fields
    return found
