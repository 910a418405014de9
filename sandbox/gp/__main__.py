"""``python -m sandbox.gp``: the GP service and its control panel."""

from __future__ import annotations

from sandbox.common.clock import Clock
from sandbox.common.faults import FaultMiddleware, Faults
from sandbox.common.journal import Journal
from sandbox.common.server import arguments, run
from sandbox.common.windows_auth import BINDINGS, Directory, WindowsAuth
from sandbox.gp.company import Company
from sandbox.gp.panel import Panel
from sandbox.gp.resources import VERSIONS
from sandbox.gp.sba import Service
from sandbox.gp.server import MATCHING, Availability, Front, Server
from sandbox.gp.soap import WebService
from sandbox.gp.wire import NO_ACCESS, Refusal, refused, trouble

USER = "CONTOSO\\svc-gp:sandbox-gp-password"


def main() -> None:
    parser = arguments("sandbox.gp")
    parser.add_argument(
        "--user",
        action="append",
        metavar="DOMAIN\\USER:PASSWORD",
        help=f"a Windows account; {USER} without this",
    )
    parser.add_argument("--lockout", type=int, default=0, help="wrong passwords; 0 = never")
    parser.add_argument("--channel-binding", choices=BINDINGS, default="allow")
    parser.add_argument("--tenant", default="DefaultTenant")
    parser.add_argument("--gp-version", type=int, choices=VERSIONS, default=VERSIONS[-1])
    parser.add_argument("--company-segment", choices=MATCHING, default="db")
    parser.add_argument("--no-padding", action="store_true", help="texts without trailing blanks")
    parser.add_argument("--code-page", default="cp1252", help="of the databases; '' = any text")
    parser.add_argument("--time-zone", default="Europe/London", help="of the companies")
    parser.add_argument("--cold-start-ms", type=int, default=0)
    parser.add_argument("--items", type=int, default=0, help="more items than the catalogue has")
    parser.add_argument("--customers", type=int, default=0, help="more customers than a dozen")
    options = parser.parse_args()
    clock, faults = Clock(), Faults()
    faults.latency_ms = options.latency_ms
    journal = Journal(options.data)
    directory = Directory(options.user or [USER], lockout=options.lockout)
    companies = [
        Company(
            number,
            database,
            name,
            journal=journal,
            clock=clock,
            zone=options.time_zone,
            seed=options.seed,
            items=options.items if number == 2 else 0,
            customers=options.customers if number == 2 else 0,
            multicurrency=number == 2,
            code_page=options.code_page,
        )
        for number, database, name in (
            (2, "ACME", "Acme Outdoor Ltd"),
            (-1, "ACTST", "Acme Test (training)"),
        )
    ]
    server = Server(
        clock,
        companies,
        tenant=options.tenant,
        version=options.gp_version,
        first={
            "padded": not options.no_padding,
            "company_segment": options.company_segment,
            "cold_start_ms": options.cold_start_ms,
        },
    )
    guarded = FaultMiddleware(
        Front(server, Service(server), WebService(server)),
        faults,
        lambda: clock.now().isoformat(),
        lambda: trouble(503),
        trouble,
    )
    sign_in = WindowsAuth(
        guarded,
        directory,
        refused=lambda: refused(Refusal(401, NO_ACCESS, "", "Access is denied.")),
        certificate=options.tls_cert,
        binding=options.channel_binding,
        realm="GPService",
    )
    run(
        name="gp",
        api=Availability(sign_in, server),
        control=Panel(server, sign_in, faults, journal).app(),
        options=options,
        background=(journal.keep,),
    )


if __name__ == "__main__":
    main()
