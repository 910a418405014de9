"""Start the Business Central simulator with its Entra tenant."""

from __future__ import annotations

from sandbox.business_central.api import Environment, error
from sandbox.business_central.company import Company
from sandbox.business_central.panel import Panel
from sandbox.business_central.subscriptions import Subscriptions
from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run
from sandbox.entra import Entra

SCOPE = "https://api.businesscentral.dynamics.com/.default"


def main() -> None:
    parser = arguments("sandbox.business_central")
    parser.add_argument("--tenant-id", default="7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20")
    parser.add_argument("--client-id", default="2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10")
    parser.add_argument("--client-secret", default="sandbox-entra-client-secret")
    parser.add_argument("--environment", default="Production")
    parser.add_argument("--token-seconds", type=int, default=3599)
    parser.add_argument("--rate", type=int, default=6000, help="requests in 5 minutes; 0 = off")
    parser.add_argument("--items", type=int, default=0, help="more items than the catalogue has")
    options = parser.parse_args()
    clock, faults = Clock(), Faults()
    faults.latency_ms = options.latency_ms
    journal = Journal(options.data)
    entra = Entra(
        clock,
        tenant_id=options.tenant_id,
        apps={options.client_id: options.client_secret},
        scopes=(SCOPE,),
        seconds=options.token_seconds,
        journal=journal,
    )
    companies = [
        Company("Acme Outdoor Ltd", journal, clock, options.items),
        Company("Acme Test Company", journal, clock),
    ]
    routes = dict(pair.split("=", 1) for pair in options.deliver_to)
    subscriptions = Subscriptions(journal, clock, routes)
    for company in companies:
        company.changed = subscriptions.changed
    environment = Environment(
        clock=clock,
        entra=entra,
        name=options.environment,
        companies=companies,
        subscriptions=subscriptions,
        rate=options.rate,
    )
    panel = Panel(environment, faults, journal)
    guarded = FaultMiddleware(
        environment.app(),
        faults,
        lambda: clock.now().isoformat(),
        lambda: error(429, "Unknown", "Too many requests."),
        lambda status: error(status, "Internal_ServerError", "Simulated trouble"),
    )
    run(
        name="business_central",
        api=guarded,
        control=panel.app(),
        options=options,
        background=(journal.keep, subscriptions.work),
        clock=clock,
    )


if __name__ == "__main__":
    main()
