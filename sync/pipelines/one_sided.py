"""What is on one side only, told after a reading of the items: the store's catalogue is read page
by page, and goes on where it was, whichever process takes it up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from connectors.contract import Store
from sync import sent
from sync.models import Flow, Route, SentValue

MOST_REPORTED = 500
_PREFIX = "report:"


@dataclass(slots=True)
class Report:
    """How far the store has been looked through. ``marker`` is what the next reading of the items
    begins with."""

    marker: str
    place: str = ""
    store_only: int = 0
    store_only_skus: list[str] = field(default_factory=list)

    @property
    def resume(self) -> str:
        return _PREFIX + json.dumps(asdict(self))

    @classmethod
    def read(cls, resume: str) -> Report | None:
        """None while the items themselves are still being read."""
        if not resume.startswith(_PREFIX):
            return None
        return cls(**json.loads(resume.removeprefix(_PREFIX)))

    def pages(self, route: Route, store: Store) -> Iterator[bool]:
        """Go on with the store's products; after each page, whether another one follows."""
        for page in store.products(resume=self.place):
            skus = [product.sku for product in page.rows if product.sku]
            here = sent.known_skus(route, skus)
            alone = [sku for sku in skus if sku not in here]
            self.store_only += len(alone)
            self.store_only_skus += alone[: max(0, MOST_REPORTED - len(self.store_only_skus))]
            self.place = page.resume
            yield bool(page.resume)

    def words(self, route: Route) -> dict[str, Any]:
        """As ``FlowSchedule.report`` keeps it."""
        items = SentValue.objects.filter(route=route, flow=Flow.ITEMS).exclude(sent.IS_ALIAS)
        unmatched = items.filter(is_matched=False)
        return {
            "erp_only": unmatched.count(),
            "erp_only_numbers": list(
                unmatched.order_by("key").values_list("key", flat=True)[:MOST_REPORTED]
            ),
            "store_only": self.store_only,
            "store_only_skus": self.store_only_skus,
            "matched": items.filter(is_matched=True).count(),
        }
