"""What a ping of GP proves: sign-in, company, permissions, accounts, tax detail, period."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from connectors.contract import Check, Ping, Verdict
from connectors.erps.gp.company import CompanySetup
from connectors.erps.gp.documents import Writing
from connectors.erps.gp.errors import NOT_FOUND, NOT_OFFERED
from connectors.erps.gp.service import (
    ACCOUNTS,
    ADDRESSES,
    CUSTOMERS,
    INTERNET_ADDRESSES,
    ITEM_PRICES,
    ITEM_SITES,
    ITEMS,
    TAX_SCHEDULES,
    TRANSACTIONS,
    CompanyRow,
    Service,
)
from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater
from connectors.kit.reader import Reader

READS = (
    (CUSTOMERS, "Read customers"),
    (ITEMS, "Read items"),
    (TRANSACTIONS, "Read receivables documents"),
)
CATALOGUE_READS = (
    (ITEM_SITES, "Read item quantities"),
    (ITEM_PRICES, "Read price lists"),
    (ADDRESSES, "Read customer addresses"),
    (INTERNET_ADDRESSES, "Read internet addresses"),
)


def run(service: Service, setup: CompanySetup, writing: Writing) -> Ping:
    """Each step is only tried when the one before it worked; a failed one ends the ping."""
    checks: list[Check] = []
    try:
        service.reach()
    except ConnectorError as error:
        return Ping(checks=(_failed("Sign in to Windows", error),))
    checks.append(_ok("Sign in to Windows", "User name and password are accepted."))
    try:
        companies = service.companies()
    except ConnectorError as error:
        checks.append(_failed("GP service", error))
        return Ping(checks=tuple(checks))
    checks.append(
        _ok(
            "GP service",
            f"Reached; {len(companies)} compan{'y' if len(companies) == 1 else 'ies'}.",
        )
    )
    try:
        choices = {
            "company": tuple(
                (service.segment_of(row), f"{row.name} ({row.database or row.number})")
                for row in companies
            )
        }
    except ConnectorError as error:
        checks.append(_failed("Company", error))
        return Ping(checks=tuple(checks))
    company = _company(service, companies, dict(choices["company"]))
    checks.append(company)
    if company.verdict is Verdict.FAILED:
        return Ping(checks=tuple(checks), choices=choices)
    checks += _reads(service)
    checks += _catalogue(service)
    if any(check.verdict is Verdict.FAILED for check in checks):
        return Ping(checks=tuple(checks), choices=choices)
    facts = {"Company": company.words.partition("“")[2].partition("”")[0]}
    for step in (
        lambda: _currency(setup),
        lambda: _ledger_accounts(service, writing),
        lambda: _tax_detail(service, writing),
        lambda: _posting(setup),
    ):
        check, more = _guarded(step)
        checks.append(check)
        facts |= more
    checks.append(
        Check(
            name="Write customers and documents",
            verdict=Verdict.SKIPPED,
            words="GP cannot be asked without writing; it shows with the first document.",
        )
    )
    return Ping(checks=tuple(checks), facts=facts, choices=choices)


Step = tuple[Check, dict[str, str]]


def _guarded(step: Callable[[], Step]) -> Step:
    try:
        return step()
    except ConnectorError as error:
        return _failed("Company setup", error), {}


def _company(service: Service, companies: list[CompanyRow], names: dict[str, str]) -> Check:
    """The configured value against number, database and display name alike."""
    wanted = service.company.strip().casefold()
    for segment, label in names.items():
        if wanted and segment.casefold() == wanted:
            return _ok("Company", f"“{label}” is there.")
    other = next(
        (
            row
            for row in companies
            if wanted and wanted in (row.database.casefold(), row.name.casefold(), row.number)
        ),
        None,
    )
    if other is not None:
        words = f"This server does not know the company as “{service.company}”."
    elif wanted:
        words = f"“{service.company}” is not among the companies that this account may enter."
    else:
        words = "No company is chosen yet."
    return Check(
        name="Company",
        verdict=Verdict.FAILED,
        words=words,
        advice="Choose the company in the settings: " + ", ".join(names.values()) + ".",
        whose_move="you",
        code="company_missing",
    )


def _reads(service: Service) -> Iterator[Check]:
    for resource, name in READS:
        try:
            service.sample(resource, purpose=f"ping: {name.lower()}")
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield _ok(name, "Allowed.")


def _catalogue(service: Service) -> Iterator[Check]:
    """What only flows of master data need: orders go without it."""
    for resource, name in CATALOGUE_READS:
        try:
            service.sample(resource, purpose=f"ping: {name.lower()}")
        except NeedsAttention as error:
            yield Check(
                name=name,
                verdict=Verdict.WARNING,
                words=f"{error.reason} {error.vendor_words}".strip(),
                advice=error.advice,
                whose_move="you",
                code=error.code,
            )
        except Rejected as error:
            if error.code not in (NOT_OFFERED, NOT_FOUND):
                yield _failed(name, error)
                continue
            yield _skipped(name, "This interface or version does not list them.")[0]
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield _ok(name, "Allowed.")


def _currency(setup: CompanySetup) -> Step:
    own = setup.functional()
    if not own:
        return (
            Check(
                name="Currency of the books",
                verdict=Verdict.FAILED,
                words="This interface does not say which currency the company keeps its books in.",
                advice="Enter the currency of the books in the settings.",
                whose_move="you",
                code="settings",
            ),
            {},
        )
    return _ok("Currency of the books", f"The books are kept in {own}."), {"Currency": own}


def _ledger_accounts(service: Service, writing: Writing) -> Step:
    name = "Ledger accounts"
    if writing.distributions_by_gp:
        return _skipped(name, "GP fills the distributions from its posting accounts.")
    defaults = writing.defaults
    given = {
        "receivable account": defaults.receivable,
        "sales account": defaults.sales,
        "sales account of refunds": defaults.returns,
        "trade discount account": defaults.discount,
        "sales tax account": defaults.tax,
    }
    empty = [label for label in ("trade discount account", "sales tax account") if not given[label]]
    wrong = []
    for label, account in given.items():
        if not account:
            continue
        try:
            row = service.find(ACCOUNTS, account, purpose="ping: look for the account")
        except Rejected as error:
            if error.code == NOT_OFFERED:
                return _skipped(name, "This version cannot be asked; it shows with a document.")
            raise
        if row is None or Reader(row, "Account").flag("Inactive"):
            wrong.append(f"{label} {account}")
    if wrong:
        return (
            Check(
                name=name,
                verdict=Verdict.FAILED,
                words=f"Not in GP's chart of accounts, or inactive: {', '.join(wrong)}.",
                advice="Correct the accounts in the settings.",
                whose_move="you",
                code="settings",
            ),
            {},
        )
    if empty:
        return (
            Check(
                name=name,
                verdict=Verdict.WARNING,
                words=f"Not filled in: {', '.join(empty)}. Orders that need one are held.",
                advice="Fill them in, or let GP fill the distributions.",
                whose_move="you",
                code="settings",
            ),
            {},
        )
    return _ok(name, "All accounts of the settings are in GP."), {}


def _tax_detail(service: Service, writing: Writing) -> Step:
    name, wanted = "Tax detail", writing.defaults.tax_detail
    if not wanted:
        return _skipped(name, "None is set; the lookup table Tax details by tax class gives them.")
    try:
        rows = service.rows(TAX_SCHEDULES, purpose="ping: look for the tax detail")
    except Rejected as error:
        if error.code in (NOT_OFFERED, NOT_FOUND):
            return _skipped(name, "This version cannot be asked; it shows with a document.")
        raise
    known = {
        detail.text("TaxDetailId", "").casefold()
        for row in rows
        for detail in Reader(row, "TaxSchedule").items("TaxDetails")
    }
    if wanted.casefold() in known:
        return _ok(name, f"{wanted} is in a tax schedule of GP."), {}
    return (
        Check(
            name=name,
            verdict=Verdict.FAILED,
            words=f"The tax detail {wanted} is in no tax schedule of GP.",
            advice="Correct the tax detail in the settings, or add it to a schedule in GP.",
            whose_move="you",
            code="settings",
        ),
        {},
    )


def _posting(setup: CompanySetup) -> Step:
    name = "Period open today"
    today = datetime.now(UTC).date()
    verdict = setup.is_open(today)
    if verdict is None:
        return _skipped(name, "This version cannot be asked; it shows when a batch is posted.")
    if verdict:
        return _ok(name, "The fiscal period of today is open for Sales."), {}
    return (
        Check(
            name=name,
            verdict=Verdict.WARNING,
            words="The fiscal period of today is closed for Sales, or not set up.",
            advice="Orders are held as “period closed” and go by themselves when the period opens "
            "in Fiscal Periods Setup.",
            whose_move="you",
            code="period_closed",
        ),
        {},
    )


def _ok(name: str, words: str) -> Check:
    return Check(name=name, verdict=Verdict.OK, words=words)


def _skipped(name: str, words: str) -> Step:
    return Check(name=name, verdict=Verdict.SKIPPED, words=words), {}


def _failed(name: str, error: ConnectorError) -> Check:
    attention = isinstance(error, NeedsAttention)
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if attention
        else "Check the address; if it is right, the GP server or the network is down: GP's "
        "service often does not start by itself after a reboot.",
        whose_move="you" if attention else "vendor",
        code=error.code or ("network" if isinstance(error, TryLater) else ""),
    )
