"""What a ping of NAV proves: sign-in, company, what is published, permissions, posting, period."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connectors.contract import Check, Ping, Verdict
from connectors.erps.nav.client import Client
from connectors.erps.nav.codeunit import Codeunit
from connectors.erps.nav.errors import NOT_OFFERED
from connectors.erps.nav.profile import LedgerSetup, Profile
from connectors.erps.nav.settings import ACTION, BETA, CODEUNIT, PAGES, V1
from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater

if TYPE_CHECKING:
    from connectors.erps.nav.goods import Goods

_PROBES = (
    (PAGES, "OData v4 page services", "/ODataV4/Company"),
    (BETA, "API of NAV 2018 (beta)", "/api/beta/companies"),
    (V1, "API v1.0", "/api/v1.0/companies"),
)


def run(
    client: Client,
    profile: Profile,
    codeunit: Codeunit,
    values: Mapping[str, str],
    goods: Goods,
) -> Ping:
    """Each step is only tried when the one before it worked."""
    checks: list[Check] = []
    try:
        client.check_settings()
        if client.tokens is not None:
            client.tokens.prove()
        names = profile.companies()
    except ConnectorError as error:
        return Ping(checks=(_unreached(client, values, error),))
    checks.append(ok("Sign in", "The server accepts the sign-in."))
    choices = {"company": tuple((name, name) for name in sorted(names))}
    if client.company not in names:
        checks.append(_company_missing(client.company, names))
        return Ping(checks=tuple(checks), choices=choices)
    checks.append(ok("Company", f"“{client.company}” is there."))
    checks += profile.prove()
    if any(check.verdict is Verdict.FAILED for check in checks):
        return Ping(checks=tuple(checks), choices=choices)
    checks.append(_write(profile))
    checks.append(_posting(profile, codeunit, values))
    checks += goods.prove()
    facts = {"Company": client.company}
    try:
        setup = profile.ledger_setup()
        currency = profile.local_currency()
    except ConnectorError as error:
        checks.append(failed("General ledger setup", error))
        return Ping(checks=tuple(checks), facts=facts, choices=choices)
    checks += _ledger(setup, currency)
    if currency:
        facts["Local currency"] = currency
    return Ping(checks=tuple(checks), facts=facts, choices=choices)


def _unreached(client: Client, values: Mapping[str, str], error: ConnectorError) -> Check:
    """A server that does not offer this interface may offer another one."""
    found = failed("Sign in", error)
    absent = isinstance(error, Rejected) or (
        isinstance(error, NeedsAttention) and error.code == "settings"
    )
    others = [
        label
        for interface, label, path in _PROBES
        if absent and interface != values.get("interface") and _answers(client, path)
    ]
    if not absent or (isinstance(error, NeedsAttention) and not others):
        return found
    return Check(
        name="Interface",
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=f"This server answers by: {', '.join(others)}. Choose it as the interface, or have "
        "the other one switched on."
        if others
        else "Check the server address: host, port and server instance, without /ODataV4 or /api.",
        whose_move="you",
        code="wrong_environment",
    )


def _answers(client: Client, path: str) -> bool:
    try:
        client.request("GET", path, purpose="ping: see which interfaces are there")
    except ConnectorError:
        return False
    return True


def _company_missing(company: str, names: tuple[str, ...]) -> Check:
    close = next((name for name in names if name.casefold() == company.casefold()), "")
    words = f"“{company}” is not a company of this server." if company else "No company is chosen."
    if company and close:
        words = f"The company is written “{close}”: capitals count."
    return Check(
        name="Company",
        verdict=Verdict.FAILED,
        words=words,
        advice="Choose the company in the settings: " + ", ".join(names) + ".",
        whose_move="you",
        code="company_missing",
    )


def _write(profile: Profile) -> Check:
    name = "Write customers and documents"
    try:
        profile.prove_write()
    except Rejected as error:
        if error.code == NOT_OFFERED:
            return failed(name, error)
        return ok(name, "Allowed, as far as can be seen.")
    except ConnectorError as error:
        return failed(name, error)
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        words="NAV accepted a customer that it should have refused.",
        advice="Delete the customer without a name in NAV.",
        whose_move="you",
    )


def _posting(profile: Profile, codeunit: Codeunit, values: Mapping[str, str]) -> Check:
    name = "Posting"
    way = values.get("posting")
    try:
        if way == ACTION:
            return ok(name, f"By the action {profile.prove_action()}.")
        if way == CODEUNIT:
            return ok(name, f"By the functions {', '.join(codeunit.prove())}.")
    except ConnectorError as error:
        return failed(name, error)
    return Check(
        name=name,
        verdict=Verdict.SKIPPED,
        words="Left to NAV's people and jobs: routes can book drafts and orders only.",
    )


def _ledger(setup: LedgerSetup | None, currency: str) -> Iterator[Check]:
    if not currency:
        yield Check(
            name="Currency of the books",
            verdict=Verdict.FAILED,
            words="The interface does not say which currency the company keeps its books in.",
            advice="Publish General Ledger Setup (page 118), or enter the currency in the "
            "connection's settings.",
            whose_move="you",
            code="settings",
        )
    name = "Posting allowed today"
    if setup is None:
        yield Check(
            name=name,
            verdict=Verdict.SKIPPED,
            words="This interface cannot be asked; it shows when a document is posted.",
        )
        return
    words = f"from {setup.first or 'the beginning'} to {setup.last or 'any day'}"
    if setup.allows(datetime.now(UTC).date()):
        yield ok(name, f"Posting is allowed {words}.")
        return
    yield Check(
        name=name,
        verdict=Verdict.WARNING,
        words=f"Posting is allowed {words}, which leaves today out.",
        advice="Orders that are posted are held as “period closed” and go by themselves when the "
        "period opens in General Ledger Setup.",
        whose_move="you",
        code="period_closed",
    )


def ok(name: str, words: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, words=words)


def failed(name: str, error: ConnectorError) -> Check:
    attention = isinstance(error, NeedsAttention)
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if attention or isinstance(error, Rejected)
        else "Check the address; if it is right, the NAV server or the network is down.",
        whose_move="you" if attention or isinstance(error, Rejected) else "vendor",
        code=error.code or ("network" if isinstance(error, TryLater) else ""),
    )
