"""Change subscriptions of Business Central's API v2.0."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import ChangeSubscription, MasterData
from connectors.erps.business_central.client import Client
from connectors.kit.change_subscriptions import RECORDS, ChangeNotices, Keeper

ADVICE = (
    "It must be able to reach our address and to read its answer within five seconds, and an "
    "environment takes 200 subscriptions at most. Until then changes are found by the schedule."
)


class BusinessCentralSubscriptions(ChangeNotices, MasterData):
    """The part of the adapter that keeps change subscriptions."""

    client: Client

    def subscribe(
        self, *, destination: str, client_state: str, known: Sequence[str] = ()
    ) -> tuple[ChangeSubscription, ...]:
        keeper = Keeper(
            self.client.request,
            "/subscriptions",
            destination=destination,
            client_state=client_state,
            system="Business Central",
            advice=ADVICE,
        )
        resources = [f"/api/v2.0/{self.client.company(name).lstrip('/')}" for name in RECORDS]
        return keeper.keep(resources, known=known)
