"""A company of the demo on the bench: its two simulators, its connections and its route."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from bench.rig import Rig
from config.demo.companies import Company, Side
from config.demo.simulators import PROGRAMS
from config.demo.simulators import Simulator as DemoSimulator
from tests.support.simulators import Simulator

TITLES = {
    "bigcommerce": "BigCommerce",
    "adobe_commerce": "Adobe Commerce",
    "business_central": "Business Central",
    "finance_operations": "F&O",
    "gp": "GP",
    "nav": "NAV",
}
MASTER_DATA = ("items_flow", "prices_flow", "stock_flow", "customers_flow")


class Joined:
    """``flows`` are the flows of master data that are switched on, none without it; ``store`` and
    ``erp`` are further arguments of the simulators. The company's tenant is entered."""

    def __init__(
        self,
        rig: Rig,
        company: Company,
        *,
        flows: Mapping[str, str] | None = None,
        store: tuple[str, ...] = (),
        erp: tuple[str, ...] = (),
    ) -> None:
        from sync import mapping_rules, route_settings

        self.rig, self.company = rig, company
        rig.enter(company.slug)
        self.store_simulator = self._start(company.store, store)
        self.erp_simulator = self._start(company.erp, erp)
        self.store = self._connect(company.store, self.store_simulator)
        self.erp = self._connect(company.erp, self.erp_simulator)
        chosen = {k: v for k, v in company.settings.items() if k not in MASTER_DATA}
        self.route = route_settings.create_route(
            name="Web orders",
            slug="web",
            store=self.store,
            erp=self.erp,
            prefix=company.prefix,
            settings={
                "time_zone": company.time_zone,
                "poll_minutes": "600",
                **chosen,
                **(flows or {}),
            },
            start_at=timezone.now() - timedelta(minutes=1),
        )
        for name, rows in company.lookups.items():
            for key, value in rows.items():
                mapping_rules.save_lookup(self.route, table=name, key=key, value=value, by="bench")

    @property
    def title(self) -> str:
        return f"{TITLES[self.company.store.kind]} – {TITLES[self.company.erp.kind]}"

    def stop(self) -> None:
        self.rig.dismiss(self.store_simulator, self.erp_simulator)

    def is_quiet(self) -> bool:
        """Whether what a new route brings (hooks, a first check, first readings) is done."""
        from tenants.models import AgendaItem

        soon = timezone.now() + timedelta(seconds=8)
        mine = AgendaItem.objects.filter(tenant__slug=self.company.slug)
        return mine.exists() and not mine.filter(due_at__lte=soon).exists()

    @staticmethod
    def mark() -> int:
        """Where the exchanges of the tenant end now."""
        from audit.models import Exchange

        return Exchange.objects.order_by("-pk").values_list("pk", flat=True).first() or 0

    def calls_since(self, mark: int) -> tuple[int, int]:
        """Exchanges since then, with the store and with the ERP."""
        from audit.models import Exchange

        rows = Exchange.objects.filter(pk__gt=mark)
        return (
            rows.filter(connection_id=self.store.pk).count(),
            rows.filter(connection_id=self.erp.pk).count(),
        )

    def _start(self, side: Side, more: tuple[str, ...]) -> Simulator:
        program = next(p for p in PROGRAMS if p.name == side.simulator)
        return self.rig.simulator(program.module, *program.arguments, *more)

    def _connect(self, side: Side, simulator: Simulator) -> Any:
        from connectors import services

        values = side.values(DemoSimulator(simulator.api, simulator.control), side.simulator)
        if side.relay:  # its account is on site; here the system is reached directly
            values |= {"user": side.relay.user, "password": side.relay.password}
        row = services.create_connection(
            kind=side.kind, name=side.name, slug=side.slug, values=values
        )
        services.ping(row)
        row.refresh_from_db()
        assert row.state == "healthy", row.checks
        return row
