"""Start the NAV simulator: NAV 2018, or Business Central 14+ on the customer's own server."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run
from sandbox.common.windows_auth import BINDINGS, Directory, WindowsAuth
from sandbox.entra import Entra
from sandbox.nav import seed
from sandbox.nav.company import Company
from sandbox.nav.instance import Instance
from sandbox.nav.notices import Notices
from sandbox.nav.panel import Panel
from sandbox.nav.rest import Rest
from sandbox.nav.server import Server, overloaded
from sandbox.nav.signin import (
    CREDENTIAL_TYPES,
    KEY_LENGTH,
    OPEN,
    REJECTED,
    BasicAuth,
    BearerAuth,
    User,
    UserCards,
    bare,
)

SCOPE = "https://api.businesscentral.dynamics.com/.default"
FLAVOURS = {"nav2018": ("beta",), "bc_v1": ("v1.0", "beta")}
POSTING = ("bound", "codeunit", "unbound")


def options() -> argparse.Namespace:
    parser = arguments("sandbox.nav")
    parser.add_argument("--flavour", choices=FLAVOURS, default="nav2018")
    parser.add_argument("--instance", help="DynamicsNAV110, or BC for bc_v1")
    parser.add_argument(
        "--credential-type",
        choices=CREDENTIAL_TYPES,
        help="navuserpassword, or entra for bc_v1",
    )
    parser.add_argument(
        "--user",
        action="append",
        default=[],
        metavar="NAME:PASSWORD",
        help="a user; with Windows sign-in DOMAIN\\user:password",
    )
    parser.add_argument(
        "--access-key",
        default="Q2xvdWRiZXJyeS1Nb29yLVdhbGstU2FuZGJveC1LZXk=",
        help="the web service access key of the first user, 44 characters",
    )
    parser.add_argument("--channel-binding", choices=BINDINGS, default="allow")
    parser.add_argument(
        "--api-services", action=argparse.BooleanOptionalAction, help="off, or on for bc_v1"
    )
    parser.add_argument(
        "--posting", action="append", default=[], choices=POSTING, help="the partner's extension"
    )
    parser.add_argument("--codeunit", default="SalesPosting", help="its web service name")
    parser.add_argument("--tenant", default="", help="multitenant: the tenant to be named")
    parser.add_argument("--name-length", type=int, choices=(50, 100), help="50, or 100 for bc_v1")
    parser.add_argument("--max-page-size", type=int, default=20_000)
    parser.add_argument(
        "--items", type=int, default=0, help="more items of the first company than the catalogue"
    )
    parser.add_argument("--max-concurrent", type=int, default=0, help="0 = no limit")
    parser.add_argument("--escaped-enums", action="store_true")
    parser.add_argument("--tenant-id", default="7d0f9c1e-4a53-4c0e-9e35-0d6c4a6f1b20")
    parser.add_argument("--client-id", default="2b7c1d94-8f5e-4e0b-a6a1-3c9d5e7f8a10")
    parser.add_argument("--client-secret", default="sandbox-entra-client-secret")
    parser.add_argument("--token-seconds", type=int, default=3599)
    given = parser.parse_args()
    later = given.flavour == "bc_v1"
    given.instance = given.instance or ("BC" if later else "DynamicsNAV110")
    given.credential_type = given.credential_type or ("entra" if later else "navuserpassword")
    if given.api_services is None:
        given.api_services = later
    if len(given.access_key) != KEY_LENGTH:
        parser.error(f"an access key has {KEY_LENGTH} characters")
    given.name_length = given.name_length or (100 if later else 50)
    windows = given.credential_type == "windows"
    account = r"CONTOSO\svc-connector" if windows else "CONNECTOR"
    given.user = given.user or [f"{account}:Sandbox-Password-1"]
    return given


def main() -> None:
    given = options()
    clock, faults = Clock(), Faults()
    faults.latency_ms = given.latency_ms
    journal = Journal(given.data)
    companies = [
        Company(
            name,
            journal,
            clock,
            seed_number=given.seed,
            more_items=given.items if name == seed.COMPANIES[0] else 0,
        )
        for name in seed.COMPANIES
    ]
    instance = Instance(
        name=given.instance,
        flavour=given.flavour,
        companies=companies,
        switches=_switches(given),
        name_length=given.name_length,
        codeunit=given.codeunit,
    )
    notices = None
    if given.flavour == "bc_v1":
        notices = Notices(journal, clock, dict(pair.split("=", 1) for pair in given.deliver_to))
        for company in companies:
            company.changed = notices.changed
    entra = Entra(
        clock,
        tenant_id=given.tenant_id,
        apps={given.client_id: given.client_secret},
        scopes=(SCOPE,),
        seconds=given.token_seconds,
        journal=journal,
    )
    server = Server(instance, Rest(instance, FLAVOURS[given.flavour], notices))
    guarded = FaultMiddleware(
        _beside(entra, server) if given.credential_type == "entra" else server,
        faults,
        lambda: clock.now().isoformat(),
        overloaded,
        lambda status: instance.error(status, "Internal_ServerError", "Simulated trouble"),
    )

    def noted(scope: Scope, status: int) -> None:
        at, query = clock.now().isoformat(), scope["query_string"].decode()
        faults.note(scope["method"], scope["path"], query, status, at)

    api = _signed_in(given, guarded, instance, entra, clock, noted)
    panel = Panel(instance, api, faults, clock, journal, entra, notices)
    background: list[Callable[[], Awaitable[None]]] = [journal.keep]
    if notices is not None:
        background.append(notices.work)
    run(
        name="nav",
        api=api,
        control=panel.app(),
        options=given,
        background=background,
        clock=clock,
    )


def _switches(given: argparse.Namespace) -> dict[str, Any]:
    return {
        "api_services": given.api_services,
        "tenant": given.tenant,
        "max_page_size": given.max_page_size,
        "max_concurrent": given.max_concurrent,
        "escaped_enums": given.escaped_enums,
        "deep_insert": given.flavour == "bc_v1",
        "correlation_id": given.flavour == "bc_v1",
        **{f"posting_{name}": name in given.posting for name in POSTING},
    }


def _signed_in(
    given: argparse.Namespace,
    app: ASGIApp,
    instance: Instance,
    entra: Entra,
    clock: Clock,
    noted: Callable[[Scope, int], None],
) -> WindowsAuth | BasicAuth | BearerAuth:
    def rejected() -> Response:
        return instance.error(401, *REJECTED)

    if given.credential_type == "windows":
        return WindowsAuth(
            app,
            Directory(given.user),
            refused=bare,
            certificate=given.tls_cert,
            binding=given.channel_binding,
        )
    if given.credential_type == "entra":
        return BearerAuth(app, entra, rejected, noted)
    users = [User(*text.split(":", 1)) for text in given.user]
    users[0].access_key = given.access_key
    return BasicAuth(app, UserCards(users, clock), rejected, noted)


def _beside(entra: Entra, server: Server) -> ASGIApp:
    """Entra's own addresses, and everything else the server's."""
    tokens = Starlette(routes=entra.routes())

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_entra = scope["type"] == "http" and scope["path"].endswith(OPEN)
        await (tokens if is_entra else server)(scope, receive, send)

    return app


if __name__ == "__main__":
    main()
