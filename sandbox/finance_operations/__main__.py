"""Start the Finance & Operations simulator with its Entra tenant."""

from __future__ import annotations

from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run
from sandbox.finance_operations.api import Api, failed, throttled
from sandbox.finance_operations.environment import Environment
from sandbox.finance_operations.panel import Panel
from sandbox.finance_operations.seed import COMPANIES
from sandbox.finance_operations.signin import EnvironmentSignIn

_NUMBERS = ("automatic", "manual", "either")


def main() -> None:
    parser = arguments("sandbox.finance_operations")
    parser.add_argument("--tenant-id", default="7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20")
    parser.add_argument("--client-id", default="2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10")
    parser.add_argument("--client-secret", default="sandbox-entra-client-secret")
    parser.add_argument("--token-seconds", type=int, default=3599)
    parser.add_argument(
        "--resource",
        action="append",
        default=[],
        help="an address of the environment in tokens, beside this server's own",
    )
    parser.add_argument("--default-company", choices=tuple(COMPANIES), default="dat")
    parser.add_argument("--customer-numbers", choices=_NUMBERS, default="automatic")
    parser.add_argument("--order-numbers", choices=_NUMBERS, default="automatic")
    parser.add_argument("--line-discount", choices=("unit", "line"), default="unit")
    parser.add_argument("--order-collections", default="V2,V3,V4", help="header versions offered")
    parser.add_argument("--items-only", action="store_true", help="no SKU is a product variant")
    parser.add_argument(
        "--items", type=int, default=0, help="more items of the first trading company"
    )
    parser.add_argument("--customers", type=int, default=0, help="known customers per company")
    parser.add_argument("--page-size", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=0, help="requests in 5 minutes; 0 = off")
    parser.add_argument(
        "--retry-after", type=int, help="seconds told when throttled; none = absent"
    )
    options = parser.parse_args()
    clock, faults = Clock(), Faults()
    faults.latency_ms = options.latency_ms
    journal = Journal(options.data)
    scheme = "https" if options.tls_cert else "http"
    own = [f"{scheme}://{host}:{options.port}" for host in (options.host, "localhost")]
    entra = EnvironmentSignIn(
        clock,
        tenant_id=options.tenant_id,
        apps={options.client_id: options.client_secret},
        resources=(*options.resource, *own),
        seconds=options.token_seconds,
        journal=journal,
    )
    environment = Environment(
        clock,
        journal,
        {
            "default_company": options.default_company,
            "customer_numbers": options.customer_numbers,
            "order_numbers": options.order_numbers,
            "line_discount": options.line_discount,
            "order_collections": options.order_collections.split(","),
            "items_only": options.items_only,
            "known_customers": options.customers,
            "more_items": options.items,
            "seed": options.seed,
            "page_size": options.page_size,
            "rate": options.rate,
            "retry_after": options.retry_after,
        },
    )
    api = Api(environment, entra)
    panel = Panel(api, faults)
    guarded = FaultMiddleware(
        api.app(),
        faults,
        lambda: clock.now().isoformat(),
        lambda: throttled(environment),
        failed,
    )
    run(
        name="finance_operations",
        api=guarded,
        control=panel.app(),
        options=options,
        background=(journal.keep,),
    )


if __name__ == "__main__":
    main()
