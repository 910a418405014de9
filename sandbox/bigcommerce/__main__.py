"""Start the BigCommerce simulator."""

from __future__ import annotations

import random

from sandbox.bigcommerce.api import Api
from sandbox.bigcommerce.deliveries import Deliveries
from sandbox.bigcommerce.panel import Panel
from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.bigcommerce.wire import Quota, refusal
from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run


def main() -> None:
    parser = arguments("sandbox.bigcommerce")
    parser.add_argument("--store-hash", default="acme0utd00r")
    parser.add_argument("--access-token", default="sandbox-store-access-token")
    parser.add_argument("--client-id", default="sandbox-store-client-id")
    parser.add_argument("--client-secret", default="sandbox-store-client-secret")
    parser.add_argument("--quota", type=int, default=450, help="requests in 30 s; 0 = unlimited")
    parser.add_argument("--traffic", type=float, default=0, help="sales a minute")
    parser.add_argument("--products", type=int, default=0, help="fill the catalogue up to so many")
    options = parser.parse_args()
    clock, faults = Clock(), Faults()
    faults.latency_ms = options.latency_ms
    journal = Journal(options.data)
    store = BigCommerceStore(
        journal,
        clock,
        seed=options.seed,
        account={
            "token": options.access_token,
            "store_hash": options.store_hash,
            "client_id": options.client_id,
            "client_secret": options.client_secret,
        },
        products=options.products,
    )
    if not store.orders:
        store.chance = random.Random(options.seed)
    routes = dict(pair.split("=", 1) for pair in options.deliver_to)
    deliveries = Deliveries(store, clock, routes)
    api = Api(store, Quota(clock, options.quota))
    panel = Panel(store, api, deliveries, faults, options.traffic)
    guarded = FaultMiddleware(
        api.app(),
        faults,
        lambda: clock.now().isoformat(),
        lambda: refusal("/v3/", 429, "Too Many Requests"),
        lambda status: refusal("/v3/", status, "Simulated trouble"),
    )
    run(
        name="bigcommerce",
        api=guarded,
        control=panel.app(),
        options=options,
        background=(journal.keep, deliveries.work, panel.traffic),
    )


if __name__ == "__main__":
    main()
