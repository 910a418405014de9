"""What a ping of Business Central proves: sign-in, environment, company, permissions, period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from connectors.contract import Check, Ping, Verdict
from connectors.erps.business_central.client import Client
from connectors.errors import ConnectorError, NeedsAttention, Rejected, TryLater
from connectors.kit.reader import Reader

READS = (
    ("customers", "Read customers"),
    ("items", "Read items"),
    ("salesInvoices", "Read invoices"),
)


def run(client: Client) -> Ping:
    """Each step is only tried when the one before it worked; a failed one ends the ping."""
    checks: list[Check] = []
    try:
        client.tokens.prove()
    except ConnectorError as error:
        return Ping(checks=(_failed("Sign in to Microsoft Entra", error),))
    checks.append(
        Check(
            name="Sign in to Microsoft Entra",
            verdict=Verdict.OK,
            words="Client ID and secret are accepted.",
        )
    )
    try:
        companies = client.companies()
    except Rejected as error:
        checks.append(
            Check(
                name="Environment",
                verdict=Verdict.FAILED,
                words=f"There is no such environment in this tenant. {error.vendor_words}".strip(),
                advice="Copy the environment's name from the Business Central admin center.",
                whose_move="you",
                code="wrong_environment",
            )
        )
        return Ping(checks=tuple(checks))
    except ConnectorError as error:
        checks.append(_failed("Environment", error))
        return Ping(checks=tuple(checks))
    names = {str(row["id"]): str(row.get("displayName") or row["name"]) for row in companies}
    checks.append(
        Check(
            name="Environment",
            verdict=Verdict.OK,
            words=f"Reached; {len(names)} compan{'y' if len(names) == 1 else 'ies'}.",
        )
    )
    choices = {"company_id": tuple(sorted(names.items(), key=lambda pair: pair[1]))}
    if client.company_id not in names:
        chosen = bool(client.company_id)
        checks.append(
            Check(
                name="Company",
                verdict=Verdict.FAILED,
                words="The chosen company is not in this environment."
                if chosen
                else "No company is chosen yet.",
                advice="Choose the company in the settings: " + ", ".join(names.values()) + ".",
                whose_move="you",
                code="company_missing",
            )
        )
        return Ping(checks=tuple(checks), choices=choices)
    checks.append(
        Check(name="Company", verdict=Verdict.OK, words=f"“{names[client.company_id]}” is there.")
    )
    checks += _reads(client)
    checks.append(_stock(client))
    checks.append(_write(client))
    facts = {"Company": names[client.company_id]}
    period, more = _posting(client)
    checks.append(period)
    return Ping(checks=tuple(checks), facts=facts | more, choices=choices)


def _reads(client: Client) -> Iterator[Check]:
    for entity, name in READS:
        try:
            client.rows(entity, purpose=f"ping: {name.lower()}", top="1", select="id")
        except ConnectorError as error:
            yield _failed(name, error)
        else:
            yield Check(name=name, verdict=Verdict.OK, words="Allowed.")


def _stock(client: Client) -> Check:
    """Orders go without it: stock alone is followed by the item ledger."""
    name = "Read item ledger entries"
    try:
        client.rows("itemLedgerEntries", purpose="ping: read stock movements", top="1", select="id")
    except NeedsAttention as error:
        return Check(
            name=name,
            verdict=Verdict.WARNING,
            words=f"Stock cannot be followed. {error.vendor_words}".strip(),
            advice="Add a permission set that reads Item Ledger Entry to the application's card, "
            "if stock shall go to a store.",
            whose_move="you",
            code=error.code,
        )
    except ConnectorError as error:
        return _failed(name, error)
    return Check(name=name, verdict=Verdict.OK, words="Allowed.")


def _write(client: Client) -> Check:
    """A customer without a name is refused for its content, which only happens to somebody who
    may create customers: so the permission is proved and nothing is left behind."""
    name = "Write customers and invoices"
    try:
        client.create("customers", {"displayName": ""}, purpose="ping: permission to write")
    except Rejected:
        return Check(name=name, verdict=Verdict.OK, words="Allowed, as far as can be seen.")
    except ConnectorError as error:
        return _failed(name, error)
    return Check(
        name=name,
        verdict=Verdict.WARNING,
        words="Business Central accepted a customer without a name.",
        advice="Delete the customer without a name in Business Central.",
        whose_move="you",
    )


def _posting(client: Client) -> tuple[Check, dict[str, str]]:
    name = "Posting allowed today"
    try:
        window = allowed_window(client)
    except ConnectorError as error:
        return _failed(name, error), {}
    if window is None:
        return (
            Check(
                name=name,
                verdict=Verdict.SKIPPED,
                words="This version cannot be asked; it shows when an invoice is posted.",
            ),
            {},
        )
    first, last, currency = window
    words = f"from {first or 'the beginning'} to {last or 'any day'}"
    facts = {"Posting allowed": words, "Local currency": currency}
    today = datetime.now(UTC).date()
    if (first is None or first <= today) and (last is None or today <= last):
        return Check(name=name, verdict=Verdict.OK, words=f"Posting is allowed {words}."), facts
    return (
        Check(
            name=name,
            verdict=Verdict.WARNING,
            words=f"Posting is allowed {words}, which leaves today out.",
            advice="Orders are held as “period closed” and go by themselves when the period opens "
            "in General Ledger Setup.",
            whose_move="you",
            code="period_closed",
        ),
        facts,
    )


def allowed_window(client: Client) -> tuple[date | None, date | None, str] | None:
    """(first day, last day, local currency) of General Ledger Setup; None where it is not offered.

    A user's own setup may narrow it further: the posting itself has the last word.
    """
    try:
        rows = client.rows("generalLedgerSetup", purpose="read the allowed posting dates")
    except Rejected as error:
        if error.code in ("not_found", "BadRequest_ResourceNotFound"):
            return None
        raise
    if not rows:
        return None
    read = Reader(rows[0], "generalLedgerSetup")
    return (
        _day(read.text("allowPostingFrom", "")),
        _day(read.text("allowPostingTo", "")),
        read.text("localCurrencyCode", ""),
    )


def _day(text: str) -> date | None:
    return None if not text or text.startswith("0001-01-01") else date.fromisoformat(text[:10])


def _failed(name: str, error: ConnectorError) -> Check:
    attention = isinstance(error, NeedsAttention)
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        words=f"{error.reason} {error.vendor_words}".strip(),
        advice=error.advice
        if attention
        else "Check the address; if it is right, Business Central or the network is down.",
        whose_move="you" if attention else "vendor",
        code=error.code or ("network" if isinstance(error, TryLater) else ""),
    )
