"""Whether everything of the store has a transfer: counted, and what is missing is fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from connectors import services
from connectors.contract import Notice
from connectors.errors import ConnectorError, NeedsAttention, TryLater
from sync import dispatch, inbox
from sync.models import Flow, InboxEvent, Route, Transfer
from sync.pipelines import polling

EVERY = timedelta(hours=1)
# Older orders were counted while they were young; nothing takes a transfer away.
LOOK_BACK = timedelta(days=30)
# What was placed a moment ago may be on its way through the inbox.
GRACE = timedelta(minutes=5)
# A count that the store's limit broke off goes on after this at the earliest.
CATCH_UP = timedelta(seconds=10)
RECORDS = {Flow.ORDERS: "order", Flow.INVOICES: "invoice", Flow.REFUNDS: "refund"}


@dataclass(frozen=True, slots=True)
class Count:
    """Orders of the store that changed since ``since``, and how many of them we do not know.
    ``documents`` tells the same of orders with invoices or refunds, by flow: (in store, missing).
    """

    since: datetime
    in_store: int
    missing: tuple[str, ...]
    documents: dict[str, tuple[int, int]]


@dataclass(slots=True)
class Tally:
    """How far the list of one flow is counted. ``place`` is the instant that it has come to, and
    ``at_place`` what was counted of that instant: a list is taken up there."""

    place: str
    in_store: int = 0
    missing: list[str] = field(default_factory=list)
    at_place: list[str] = field(default_factory=list)
    is_over: bool = False


@dataclass(slots=True)
class Counting:
    """A count under way, as the route keeps it while the store cannot be asked further."""

    since: str
    before: str
    tallies: dict[str, Tally] = field(default_factory=dict)

    @classmethod
    def begin(cls, route: Route, now: datetime) -> Counting:
        since = max(route.start_at, now - LOOK_BACK)
        return cls(since.isoformat(), (now - GRACE).isoformat())

    @classmethod
    def of(cls, route: Route, now: datetime) -> Counting:
        """The one that was broken off, else a new one."""
        kept: dict[str, Any] | None = route.completeness.get("under_way")
        if not kept or now - datetime.fromisoformat(kept["before"]) > EVERY:
            return cls.begin(route, now)
        tallies = {flow: Tally(**row) for flow, row in kept["tallies"].items()}
        return cls(kept["since"], kept["before"], tallies)

    def go_on(self, route: Route) -> None:
        """Ask the store for the rest and fetch what is missing. Raises ConnectorError."""
        for flow, changed in polling.feeds(route):
            tally = self.tallies.setdefault(flow.value, Tally(self.since))
            if not tally.is_over:
                self._read(route, flow, tally, changed)

    def _read(
        self,
        route: Route,
        flow: Flow,
        tally: Tally,
        changed: Callable[[datetime], Iterable[Sequence[Notice]]],
    ) -> None:
        in_order = flow in polling.IN_ORDER
        if not in_order:
            tally.in_store, tally.missing, tally.at_place = 0, [], []
        before = datetime.fromisoformat(self.before)
        # An order with several documents, or at the seam of two readings, counts once.
        seen = set(tally.at_place)
        for page in changed(datetime.fromisoformat(tally.place)):
            due = [n for n in page if n.occurred_at is None or n.occurred_at < before]
            keys = {notice.external_id for notice in due} - seen
            seen |= keys
            gone = sorted(keys - _known(route, flow, keys))
            fetch(route, tuple(gone), InboxEvent.Source.POLL, record=RECORDS[flow])
            tally.in_store += len(keys)
            tally.missing += gone
            newest = max((n.occurred_at for n in due if n.occurred_at), default=None)
            if in_order and newest is not None:
                same = tally.at_place if newest.isoformat() == tally.place else []
                tally.place = newest.isoformat()
                tally.at_place = [*same, *(n.external_id for n in due if n.occurred_at == newest)]
        tally.is_over = True

    def result(self) -> Count:
        tally = self.tallies[Flow.ORDERS.value]
        return Count(
            datetime.fromisoformat(self.since),
            tally.in_store,
            tuple(tally.missing),
            {
                flow: (one.in_store, len(one.missing))
                for flow, one in self.tallies.items()
                if flow != Flow.ORDERS.value
            },
        )


@services.yielding()
def check(route_id: int) -> Count | None:
    """Count, fetch what is missing, and keep the number for the overview."""
    route = Route.objects.select_related("store", "erp").filter(pk=route_id, is_active=True).first()
    if route is None:
        dispatch.forget(dispatch.COMPLETENESS, route_id)
        return None
    now = timezone.now()
    dispatch.wake_at(dispatch.COMPLETENESS, route.pk, now + EVERY)
    counting = Counting.of(route, now)
    try:
        counting.go_on(route)
    except NeedsAttention as error:
        if error.source == str(route.store.pk):
            services.report_problem(route.store, error)
        return None
    except TryLater as error:
        _keep(route, {**route.completeness, "under_way": asdict(counting)})
        wait = max(error.retry_after or timedelta(minutes=5), CATCH_UP)
        dispatch.wake_at(dispatch.COMPLETENESS, route.pk, timezone.now() + min(wait, EVERY))
        return None
    except ConnectorError as error:
        # Counted again in an hour; until then the overview shows the last count and how old it is.
        words = f"{error.reason} {error.vendor_words}".strip()
        _keep(route, {**route.completeness, "trouble": words})
        return None
    found = counting.result()
    _keep(
        route,
        {
            "at": timezone.now().isoformat(),
            "since": found.since.isoformat(),
            "in_store": found.in_store,
            "missing": len(found.missing),
            "fetched": list(found.missing[:50]),
            "documents": {
                flow: {"in_store": there, "missing": missing}
                for flow, (there, missing) in found.documents.items()
            },
        },
    )
    return found


def _keep(route: Route, what: dict[str, Any]) -> None:
    Route.objects.filter(pk=route.pk).update(completeness=what)


def _known(route: Route, flow: Flow, order_keys: set[str]) -> set[str]:
    rows = Transfer.objects.filter(route=route, flow=flow, order_key__in=order_keys)
    return set(rows.values_list("order_key", flat=True))


def fetch(
    route: Route, order_keys: tuple[str, ...], source: InboxEvent.Source, *, record: str = "order"
) -> int:
    """Have these orders worked, as if the store had told of them, or of an invoice or refund of
    theirs (``record``). Returns how many were new."""
    stamp = timezone.now().isoformat(timespec="seconds")
    notices = [
        Notice(
            record=record,
            external_id=key,
            delivery_id=f"{source.value}:{record}:{key}:{stamp}",
            event="found missing" if source == InboxEvent.Source.POLL else "asked for by a person",
        )
        for key in order_keys
    ]
    return inbox.accept(connection=route.store, notices=notices, source=source).added
