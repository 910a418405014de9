"""The merchant's own structure: websites, store views, sources, attribute sets, regions. Read once
when it is needed, for the life of one adapter."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import NeedsAttention, Rejected
from connectors.kit.reader import Reader
from connectors.stores.adobe_commerce.client import Client

DEFAULT_SOURCE = "default"
STAGING = "Magento_CatalogStaging"


class Structure:
    def __init__(self, client: Client, values: Mapping[str, str]) -> None:
        self.client = client
        self.price_store_id = int(values.get("price_store_id") or 0)
        self._attribute_set = values.get("attribute_set") or "Default"
        self._views: list[Reader] | None = None
        self._sources: set[str] | None = None
        self._staging: bool | None = None
        self._attribute_set_id = 0
        self._regions: dict[str, list[dict[str, str]]] = {}

    def views(self) -> list[Reader]:
        """The store views, without the administration's."""
        if self._views is None:
            rows = self.client.rows("store/storeViews", purpose="read the store views")
            views = [Reader(row, "store view") for row in rows]
            self._views = [view for view in views if view.integer("id")]
        return self._views

    def code_of(self, store_id: int) -> str:
        """The code of a store view. Raises NeedsAttention for one that is not there."""
        for view in self.views():
            if view.integer("id") == store_id:
                return view.text("code")
        raise NeedsAttention(
            f"no store view {store_id}",
            reason=f"The store has no store view {store_id} to write prices for.",
            advice="Correct “Store view of prices” in the connection's settings.",
            code="settings",
        )

    def websites(self) -> tuple[int, ...]:
        """The websites of the store views that the connection is for; empty for all."""
        wanted = self.client.store_ids
        if not wanted:
            return ()
        found = {v.integer("website_id") for v in self.views() if v.integer("id") in wanted}
        return tuple(sorted(found))

    def home_website(self) -> int:
        """Where new customers belong; 0 leaves it to the store."""
        code, wanted = self.client.store_code, self.client.store_ids
        views = self.views()
        own = [v for v in views if v.text("code") == code]
        if own and (not wanted or own[0].integer("website_id") in self.websites()):
            return own[0].integer("website_id")
        return next((v.integer("website_id") for v in views if v.integer("id") in wanted), 0)

    def check_sources(self, codes: set[str]) -> None:
        """Raises NeedsAttention for a source that the store does not have."""
        if self._sources is None or codes - self._sources:
            rows, _ = self.client.page(
                "inventory/sources",
                [("source_code", "in", ",".join(sorted(codes)))],
                sort=("source_code",),
                purpose="look for the sources",
            )
            found = {Reader(row, "sources[]").text("source_code") for row in rows}
            self._sources = found | (self._sources or set())
        missing = sorted(codes - self._sources)
        if missing:
            raise NeedsAttention(
                f"no source {', '.join(missing)}",
                reason=f"The store has no source “{missing[0]}” to keep stock at.",
                advice="Write the code of one of the store's sources into the route's settings; "
                "a ping of the store lists them.",
                code="settings",
            )

    def has_staging(self) -> bool:
        """Whether changes of products are scheduled, as in Adobe Commerce: a special price then
        begins in the future. Taken for so where the store does not say it, because a future
        beginning is right everywhere."""
        if self._staging is None:
            try:
                reply = self.client.request("GET", "modules", purpose="look for content staging")
            except (NeedsAttention, Rejected):
                self._staging = True
            else:
                names = reply.json()
                self._staging = not isinstance(names, list) or STAGING in names
        return self._staging

    def attribute_set_id(self) -> int:
        """Of new products. Raises NeedsAttention for a name that the store does not have."""
        if not self._attribute_set_id:
            rows, _ = self.client.page(
                "products/attribute-sets/sets/list",
                [("attribute_set_name", "eq", self._attribute_set)],
                sort=("attribute_set_id",),
                purpose="look for the attribute set",
            )
            for raw in rows:
                row = Reader(raw, "attribute sets[]")
                if row.text("attribute_set_name").casefold() == self._attribute_set.casefold():
                    self._attribute_set_id = row.integer("attribute_set_id")
                    return self._attribute_set_id
            raise NeedsAttention(
                f"no attribute set {self._attribute_set}",
                reason=f"The store has no attribute set “{self._attribute_set}”.",
                advice="Correct “Attribute set of new products” in the connection's settings.",
                code="settings",
            )
        return self._attribute_set_id

    def region(self, country: str, state: str) -> dict[str, object] | None:
        """An address's region as the store wants it; None where there is no state. In a country
        whose regions the store has a list of, one of that list."""
        state = state.strip()
        if not state:
            return None
        for known in self._regions_of(country):
            if state.casefold() in (known["code"].casefold(), known["name"].casefold()):
                return {
                    "region_code": known["code"],
                    "region": known["name"],
                    "region_id": int(known["id"]),
                }
        return {"region_code": state, "region": state, "region_id": 0}

    def _regions_of(self, country: str) -> list[dict[str, str]]:
        if not country:
            return []
        if country not in self._regions:
            rows: list[dict[str, str]] = []
            try:
                reply = self.client.request(
                    "GET", f"directory/countries/{country}", purpose="read a country's regions"
                )
            except Rejected as error:
                if error.code not in ("not_found", "no_route"):
                    raise
            else:
                read = Reader(reply.json(), "country")
                rows = [
                    {name: row.text(name, "") for name in ("id", "code", "name")}
                    for row in read.items("available_regions")
                ]
            self._regions[country] = [row for row in rows if row["id"].isdigit()]
        return self._regions[country]
