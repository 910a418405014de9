"""Items, prices, stock and customers of NAV, by whichever interface the connection has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.contract import ChangeSubscription, Feed, MasterData, Page
from connectors.erps.nav import subscriptions
from connectors.erps.nav.api import Api
from connectors.erps.nav.api_goods import ApiGoods
from connectors.erps.nav.client import Client
from connectors.erps.nav.goods import Goods
from connectors.erps.nav.page_goods import PageGoods
from connectors.erps.nav.pages import PageServices
from connectors.erps.nav.profile import Profile
from connectors.kit.change_subscriptions import ChangeNotices
from connectors.records import Party, RowResult


class NavMasterData(ChangeNotices, MasterData):
    """The part of the adapter that reads master data, and writes customers.

    ``price_lists`` are NAV's sales prices: ``*`` for those of everybody, else a customer price
    group, whose customers pay the lower of both; an item without any costs what its card says.
    """

    item_feed = Feed.SINCE
    price_feed = Feed.SINCE
    stock_feed = Feed.SINCE
    customer_feed = Feed.SINCE

    client: Client
    profile: Profile
    goods: Goods

    def items(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        return self.goods.items(since, resume)

    def prices(self, *, since: str = "", resume: str = "", price_list: str = "") -> Iterator[Page]:
        return self.goods.prices(since, resume, price_list)

    def price_lists(self) -> tuple[tuple[str, str], ...]:
        return self.goods.price_lists()

    def stock(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        """``since`` is the number of the last item ledger entry that was seen; without it, and
        where entries cannot be read, every item is read."""
        return self.goods.stock(since, resume)

    def changed_parties(self, *, since: str = "", resume: str = "") -> Iterator[Page]:
        return self.goods.parties(since, resume)

    def find_party(self, number: str) -> Party | None:
        return self.goods.find_party(number)

    def write_party(self, party: Party) -> RowResult:
        return self.goods.write_party(party)

    def subscribe(
        self, *, destination: str, client_state: str, known: Sequence[str] = ()
    ) -> tuple[ChangeSubscription, ...]:
        """() where the interface has no subscriptions: NAV 2018, and the page services."""
        if not isinstance(self.profile, Api) or self.profile.is_beta:
            return ()
        return subscriptions.subscribe(
            self.client,
            self.profile.company,
            destination=destination,
            client_state=client_state,
            known=known,
        )


def goods_of(profile: Profile) -> Goods:
    if isinstance(profile, Api):
        return ApiGoods(profile.client, profile.company, is_beta=profile.is_beta)
    if isinstance(profile, PageServices):
        return PageGoods(profile.client, profile.published, profile.values)
    raise TypeError(f"{type(profile).__name__} is no interface of NAV")
