"""Start the Adobe Commerce simulator."""

from __future__ import annotations

import random

from sandbox.adobe_commerce.api import Api, Behaviour
from sandbox.adobe_commerce.bulk import Bulks
from sandbox.adobe_commerce.catalogue_api import CatalogueApi
from sandbox.adobe_commerce.customers_api import CustomersApi
from sandbox.adobe_commerce.events import Events
from sandbox.adobe_commerce.hooks import Hooks
from sandbox.adobe_commerce.ims import Ims
from sandbox.adobe_commerce.keys import SigningKey
from sandbox.adobe_commerce.oauth import Integration, OAuth
from sandbox.adobe_commerce.outbound import Outbound
from sandbox.adobe_commerce.panel import Panel
from sandbox.adobe_commerce.sales_api import SalesApi
from sandbox.adobe_commerce.special_prices import SpecialPricesApi
from sandbox.adobe_commerce.stock_api import StockApi
from sandbox.adobe_commerce.store import CommerceStore
from sandbox.adobe_commerce.wire import PhpJson, Refused, internal_error, refusal
from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run


def main() -> None:
    parser = arguments("sandbox.adobe_commerce")
    parser.add_argument("--edition", choices=("paas", "saas"), default="paas")
    paas = parser.add_argument_group("PaaS")
    paas.add_argument("--consumer-key", default="sandboxconsumerkey00000000000001")
    paas.add_argument("--consumer-secret", default="sandboxconsumersecret00000000001")
    paas.add_argument("--access-token", default="sandboxaccesstoken00000000000001")
    paas.add_argument("--access-token-secret", default="sandboxaccesstokensecret00000001")
    paas.add_argument(
        "--core",
        choices=("current", "laminas"),
        default="current",
        help="how signatures are checked: laminas is 2.4.6 and 2.4.7",
    )
    paas.add_argument(
        "--seen-scheme", choices=("http", "https"), default="", help="what PHP sees behind a proxy"
    )
    paas.add_argument("--bearer", action="store_true", help="take the access token as a bearer")
    paas.add_argument("--encoded-slashes", choices=("allow", "refuse"), default="allow")
    saas = parser.add_argument_group("SaaS")
    saas.add_argument("--tenant-id", default="Qx7Rk2Lw9Tn4Vb1C")
    saas.add_argument("--client-id", default="sandbox-ims-client-id")
    saas.add_argument("--client-secret", default="sandbox-ims-client-secret")
    saas.add_argument("--org-id", default="6A1B2C3D4E5F60718293A4B5@AdobeOrg")
    saas.add_argument("--token-seconds", type=int, default=86_400)
    parser.add_argument("--past-last-page", choices=("empty", "repeat"), default="empty")
    parser.add_argument("--float-noise", action="store_true", help="29.949999999999999")
    parser.add_argument("--input-limits", action="store_true")
    parser.add_argument("--traffic", type=float, default=0, help="sales a minute")
    parser.add_argument("--items", type=int, default=0, help="more items than the catalogue has")
    options = parser.parse_args()
    clock, faults = Clock(), Faults()
    faults.latency_ms = options.latency_ms
    journal = Journal(options.data)
    store = CommerceStore(journal, clock, seed=options.seed, more_items=options.items)
    if not store.orders:
        store.chance = random.Random(options.seed)
    integration = Integration(
        65,
        options.consumer_key,
        options.consumer_secret,
        options.access_token,
        options.access_token_secret,
    )
    oauth = OAuth(
        clock,
        options.core,
        options.bearer,
        options.seen_scheme,
        [Integration(**integration.record())],
    )
    ims = Ims(
        clock,
        journal,
        client_id=options.client_id,
        client_secret=options.client_secret,
        org_id=options.org_id,
        seconds=options.token_seconds,
    )
    behaviour = Behaviour(options.past_last_page, options.encoded_slashes, options.float_noise)
    behaviour.limits.on = options.input_limits
    is_saas = options.edition == "saas"
    outbound = Outbound(dict(pair.split("=", 1) for pair in options.deliver_to))
    hooks = Hooks(
        store, outbound, SigningKey(journal, "webhook"), lambda: ims.issue(""), saas=is_saas
    )
    event_keys = [SigningKey(journal, "event_1"), SigningKey(journal, "event_2")]
    events = Events(store, outbound, event_keys, saas=is_saas)
    bulks, stock = Bulks(store), StockApi(store)
    api = Api(
        edition=options.edition,
        oauth=oauth,
        ims=ims,
        tenant=options.tenant_id,
        behaviour=behaviour,
        bulks=bulks,
        routes=[
            *SalesApi(store).routes(),
            *stock.routes(),
            *CatalogueApi(store, stock).routes(),
            *SpecialPricesApi(store).routes(),
            *CustomersApi(store).routes(),
            *hooks.routes(),
            *events.routes(),
        ],
    )
    api.pages = {"/prod/keys/": events.public_key, "/csm/validate": events.validated}
    panel = Panel(store, api, stock, hooks, events, faults, [integration], options.traffic)
    guarded = FaultMiddleware(
        api,
        faults,
        lambda: clock.now().isoformat(),
        lambda: PhpJson({"message": "Too Many Requests", "trace": None}, 429),
        lambda status: refusal(
            internal_error() if status >= 500 else Refused(status, "Simulated trouble")
        ),
    )
    run(
        name="adobe_commerce",
        api=guarded,
        control=panel.app(),
        options=options,
        background=(journal.keep, events.work, bulks.work, panel.traffic),
    )


if __name__ == "__main__":
    main()
