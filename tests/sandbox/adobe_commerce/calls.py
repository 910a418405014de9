"""Calls to the Adobe Commerce simulator, signed by an independent OAuth 1.0a client."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests
from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

from tests.support.simulators import Simulator

KEYS = (
    "sandboxconsumerkey00000000000001",
    "sandboxconsumersecret00000000001",
    "sandboxaccesstoken00000000000001",
    "sandboxaccesstokensecret00000001",
)
Caller = Callable[..., requests.Response]


def parse(answer: requests.Response) -> Any:
    return json.loads(answer.text, parse_float=Decimal)


def signed(
    simulator: Simulator,
    method: str,
    path: str,
    query: dict[str, Any] | None = None,
    *,
    body: Any = None,
    keys: tuple[str, ...] = KEYS,
    headers: dict[str, str] | None = None,
    verify: bool | str = True,
    **more: Any,
) -> requests.Response:
    """A call signed by an independent OAuth 1.0a client; spaces go as %20."""
    url = f"{simulator.api}/rest/{path}"
    if query:
        url += "?" + "&".join(
            f"{quote(k, safe='')}={quote(str(v), safe='')}" for k, v in query.items()
        )
    client = Client(
        keys[0],
        client_secret=keys[1],
        resource_owner_key=keys[2],
        resource_owner_secret=keys[3],
        signature_method=more.pop("signature_method", SIGNATURE_HMAC_SHA256),
        **more,
    )
    _, authorization, _ = client.sign(url, http_method=method)
    return requests.request(
        method,
        url,
        headers={**authorization, "Accept": "application/json", **(headers or {})},
        json=body,
        verify=verify,
        timeout=10,
    )


def searching(*filters: tuple[str, str, str], size: int = 100, page: int = 1) -> dict[str, Any]:
    query: dict[str, Any] = {}
    for number, (field, condition, value) in enumerate(filters):
        base = f"searchCriteria[filter_groups][{number}][filters][0]"
        query[f"{base}[field]"] = field
        query[f"{base}[value]"] = value
        query[f"{base}[condition_type]"] = condition
    return query | {"searchCriteria[pageSize]": size, "searchCriteria[currentPage]": page}
