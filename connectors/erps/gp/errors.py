"""GP's refusals by their number, whichever interface they came through.

Numbers below 9000 are eConnect's own error codes (Microsoft, "eConnect error codes"); Microsoft
documents none for Service Based Architecture, so those from 9000 on are this product's wire
profile. Where a number is unknown the HTTP status decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import (
    ConnectorError,
    NeedsAttention,
    OutcomeUnknown,
    Rejected,
    TryLater,
)
from connectors.kit.http import SAFE_METHODS

DUPLICATE, EXISTS, BATCH_BUSY, NOT_FOUND = "duplicate", "exists", "batch_busy", "not_found"
NOT_OFFERED = "not_offered"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One error of an answer's trace: its number (0 without one), field and text."""

    number: int
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a number means: ``hold`` where waiting can cure it, otherwise the record fails."""

    reason: str
    advice: str
    hold: str = ""
    code: str = ""


_RELEASE = "Then it goes by itself, or release it."
_PERIOD = _Meaning(
    "The fiscal period of the posting date is closed in GP.",
    "Open the period for the Sales series in Fiscal Periods Setup. It then goes by itself.",
    hold="period_closed",
    code="period_closed",
)
_RATE = _Meaning(
    "GP has no exchange rate that is valid for the document's dates, or takes none from us.",
    f"Add the rate in GP or in the lookup table, or allow rate overrides there. {_RELEASE}",
    hold="lookup_missing",
)
_ARITHMETIC = _Meaning(
    "GP's arithmetic does not agree with the amounts that were sent.",
    "This is our fault. Contact support and quote the reference shown here.",
)
_MEANINGS: dict[int, _Meaning] = {
    190: _Meaning(
        "The document number is already used in GP.",
        "Look at that document in GP: somebody else may use this number series.",
        hold="duplicate_reference",
        code=DUPLICATE,
    ),
    221: _Meaning(
        "The customer is not in GP any more.",
        "It is matched anew at the next try.",
        code="identity_gone",
    ),
    483: _Meaning(
        "The currency is not known in GP.",
        f"Correct the currency's row in Currency ids, or set the currency up in GP. {_RELEASE}",
        hold="lookup_missing",
    ),
    621: _ARITHMETIC,
    712: _ARITHMETIC,
    716: _Meaning(
        "A ledger account is not known or inactive in GP.",
        "Correct the account in the lookup table or the connection's settings, or activate it in "
        "GP, then release the transfer.",
        hold="lookup_missing",
    ),
    7023: _Meaning(
        "The tax schedule is not known in GP.",
        "Correct the row in Tax areas by country, or add the schedule in GP, then release.",
        hold="lookup_missing",
    ),
    9001: _PERIOD,
    9002: _Meaning(
        "The fiscal year of the posting date is not set up in GP.",
        "Set the year up in Fiscal Periods Setup. It then goes by itself.",
        hold="period_closed",
        code="period_closed",
    ),
    9003: _Meaning(
        "The batch is marked for posting or in use by somebody in GP.",
        "Another batch is taken.",
        code=BATCH_BUSY,
    ),
    9004: _Meaning(
        "GP takes credits into single-use batches only.", "Another batch is taken.", code=BATCH_BUSY
    ),
    9005: _Meaning(
        "The customer is inactive in GP.",
        "Activate the customer on its card in GP, then release the transfer.",
        hold="customer_blocked",
    ),
    9006: _Meaning(
        "The customer is on hold in GP.",
        "Take the hold off the customer's card in GP, then release the transfer.",
        hold="customer_blocked",
    ),
    9007: _Meaning(
        "This company keeps no foreign currencies: multicurrency is not registered in GP.",
        "Register Multicurrency Management in GP, or sell in the company's own currency.",
        hold="mapping",
    ),
    9008: _RATE,
    9009: _RATE,
    9010: _RATE,
    9011: _ARITHMETIC,
    9012: _Meaning(
        "A code that was sent is not set up in GP.",
        "GP's own words name it: correct the lookup row or the connection's setting, or add it in "
        "GP, then release the transfer.",
        hold="lookup_missing",
    ),
    9013: _Meaning(
        "A text holds a letter that the server's code page lacks.",
        "Check the code page in the connection's settings.",
    ),
    9014: _Meaning(
        "A value is longer than its field in GP.",
        "Correct the field mapping, then release the transfer.",
        hold="mapping",
    ),
    9016: _Meaning(
        "A field that GP needs is empty.",
        "Correct the field mapping, then release the transfer.",
        hold="mapping",
    ),
    9022: _Meaning("GP does not know this record.", "", code=NOT_FOUND),
    9024: _Meaning("The record is already in GP.", "", code=EXISTS),
    9025: _Meaning(
        "The batch has another posting date.", "Another batch is taken.", code=BATCH_BUSY
    ),
    9021: _Meaning("This server does not offer that.", "", code=NOT_OFFERED),
    9026: _Meaning("This server does not offer that.", "", code=NOT_OFFERED),
}
# The wording of eConnect, for answers that carry its text and not its number.
_NUMBER_IN_TEXT = re.compile(r"Error Number = (\d+)")
_BUSY_WORDS = re.compile(r"marked for posting|being posted|is locked|being edited", re.IGNORECASE)


def refusal(
    method: str, where: str, status: int, troubles: Sequence[Trouble], *, readable: bool = True
) -> ConnectorError:
    """The ConnectorError for an answer that is none we asked for.

    ``status`` is HTTP's, or the envelope's where HTTP said 200; ``readable`` is False for a body
    that GP did not write (a page of the web server or of a proxy).
    """
    first = troubles[0] if troubles else Trouble(0, "", "")
    number = next((number_of(trouble) for trouble in troubles if number_of(trouble)), 0)
    words = " ".join(trouble.text for trouble in troubles)[:800]
    detail = f"{method} {where}: {status} {number or ''} {first.field} {words}".strip()[:500]
    if sign_in := _access(status, number, detail, words, readable):
        return sign_in
    meaning = _MEANINGS.get(number)
    if meaning is None and _BUSY_WORDS.search(words):
        meaning = _MEANINGS[9003]
    if meaning is not None:
        return Rejected(
            detail,
            hold=meaning.hold,
            reason=meaning.reason,
            advice=meaning.advice,
            vendor_words=words,
            code=meaning.code or str(number),
        )
    return _by_status(method, status, detail, words, number)


def number_of(trouble: Trouble) -> int:
    """eConnect's number in the text before the number beside it, which may be the interface's."""
    found = _NUMBER_IN_TEXT.search(trouble.text)
    return int(found.group(1)) if found else trouble.number


def _access(
    status: int, number: int, detail: str, words: str, readable: bool
) -> NeedsAttention | None:
    """Sign-in, permission, tenant, company, address: what a person must put right."""
    if status == 401:
        return NeedsAttention(
            detail,
            reason="The server accepts the Windows account and refuses it the GP service.",
            advice="In GP open User Setup: the Windows account must belong to a GP user with "
            "access to this company.",
            vendor_words=words,
            code="missing_permission",
        )
    if status == 403 or number == 9023:
        return NeedsAttention(
            detail,
            reason="The GP user may not do this.",
            advice="Give the GP user access to the company (User Access Setup) and to the window "
            "or operation that GP's words name (Security Task Setup).",
            vendor_words=words,
            code="missing_permission",
        )
    if number == 9019:
        return NeedsAttention(
            detail,
            reason="There is no such tenant on this server.",
            advice="Correct the tenant in the settings: DefaultTenant on a server with one tenant.",
            vendor_words=words,
            code="wrong_environment",
        )
    if number == 9020:
        return NeedsAttention(
            detail,
            reason="There is no such company on this server.",
            advice="Ping the connection and choose the company from the list: some servers want "
            "the database's name, some the display name.",
            vendor_words=words,
            code="company_missing",
        )
    if status == 404 and not readable:
        return NeedsAttention(
            detail,
            reason="There is no GP service at this address.",
            advice="Check the server address, and whether the interface is installed there.",
            vendor_words=words,
            code="settings",
        )
    return None


def _by_status(method: str, status: int, detail: str, words: str, number: int) -> ConnectorError:
    if status == 404:
        return Rejected(detail, reason="GP does not know this record.", code=NOT_FOUND)
    if status in (405, 501):
        return Rejected(detail, reason="This server does not offer that.", code=NOT_OFFERED)
    if status == 409:
        return Rejected(
            detail, reason="The record is already in GP.", vendor_words=words, code=EXISTS
        )
    if status == 429:
        return TryLater(detail, reason="The server is busy.", counts=False, vendor_words=words)
    if status == 503:
        # http.sys answers so by itself while the service or its runtime is down.
        return TryLater(
            detail,
            reason="The GP service is not running just now.",
            retry_after=timedelta(seconds=30),
            vendor_words=words,
        )
    if status >= 500 or status == 408:
        if method not in SAFE_METHODS:
            return OutcomeUnknown(detail, vendor_words=words)
        return TryLater(detail, reason="GP has a problem just now.", vendor_words=words)
    return Rejected(detail, vendor_words=words, code=str(number or status))
