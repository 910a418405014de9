"""Change subscriptions of API v1.0, where the server setting ApiSubscriptionsEnabled is on."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import ChangeSubscription
from connectors.erps.nav.api_company import ApiCompany
from connectors.erps.nav.client import Client
from connectors.erps.nav.errors import NOT_FOUND, NOT_OFFERED
from connectors.errors import ConnectorError, NeedsAttention, Rejected
from connectors.kit.change_subscriptions import RECORDS, Keeper

ADVICE = (
    "It must be able to reach our address from the company's network and to read its answer "
    "within five seconds. Until then changes are found by the schedule."
)


def subscribe(
    client: Client,
    company: ApiCompany,
    *,
    destination: str,
    client_state: str,
    known: Sequence[str],
) -> tuple[ChangeSubscription, ...]:
    """One for each collection that we follow; () where the server has no subscriptions."""
    keeper = Keeper(
        client.request,
        f"{company.root}/subscriptions",
        destination=destination,
        client_state=client_state,
        system="The server",
        advice=ADVICE,
        has_none=_has_none,
    )
    return keeper.keep([company.path(name) for name in RECORDS], known=known)


def _has_none(error: ConnectorError) -> bool:
    """Whether the list's refusal says that this server has no subscriptions, or has them off."""
    if isinstance(error, NeedsAttention):
        return error.code == "settings"
    return isinstance(error, Rejected) and error.code in (NOT_FOUND, NOT_OFFERED)
