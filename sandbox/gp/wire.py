"""What a GP address and a GP answer look like: keys in parentheses, Status and Payload."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.responses import Response

from sandbox.common.jsonio import Json

# Numbers of refusals. Below 9000 they are eConnect's own; from 9000 on they are this profile's.
DUPLICATE_DOCUMENT = 190
NO_CUSTOMER = 221
NO_CURRENCY = 483
WRONG_DOCUMENT_AMOUNT = 621
WRONG_TAX_AMOUNT = 712
NO_ACCOUNT = 716
NO_TAX_SCHEDULE = 7023
PERIOD_CLOSED = 9001
YEAR_MISSING = 9002
BATCH_NOT_AVAILABLE = 9003
RECURRING_CREDIT = 9004
CUSTOMER_INACTIVE = 9005
CUSTOMER_ON_HOLD = 9006
NO_MULTICURRENCY = 9007
NO_RATE = 9008
RATE_EXPIRES = 9009
NO_RATE_OVERRIDE = 9010
UNBALANCED = 9011
NO_REFERENCE = 9012
CODE_PAGE = 9013
TOO_LONG = 9014
UNKNOWN_FIELD = 9015
MISSING = 9016
MALFORMED = 9017
NOT_UNPOSTED = 9018
NO_TENANT = 9019
NO_COMPANY = 9020
NO_RESOURCE = 9021
NO_RECORD = 9022
NO_ACCESS = 9023
EXISTS = 9024
BATCH_DATE = 9025
NO_VERB = 9026
BAD_FILTER = 9027
NO_PAYLOAD = 9028
RUNTIME = 9099


class Refusal(Exception):
    """GP does not do it. ``field`` is the payload's field or the part of the address."""

    def __init__(self, status: int, number: int, field: str, message: str) -> None:
        super().__init__(message)
        self.status, self.number, self.field, self.message = status, number, field, message


@dataclass(frozen=True, slots=True)
class Step:
    """One segment of an address; ``keys`` None without parentheses."""

    name: str
    keys: tuple[str, ...] | None

    def only(self) -> str:
        return self.keys[0] if self.keys and len(self.keys) == 1 else ""


_OPEN = re.compile(r"\(|%28", re.IGNORECASE)
_CLOSE = re.compile(r"(?:\)|%29)$", re.IGNORECASE)


def steps(raw_path: str) -> list[Step]:
    """The segments of a raw path. Keys are split at literal semicolons and decoded once; the
    outer parentheses may be escaped, inner ones (of a company's name) may be raw."""
    found = []
    for segment in raw_path.strip("/").split("/"):
        opening, closing = _OPEN.search(segment), _CLOSE.search(segment)
        if opening and closing and opening.end() <= closing.start():
            inner = segment[opening.end() : closing.start()]
            keys = tuple(unquote(part) for part in inner.split(";"))
            found.append(Step(unquote(segment[: opening.start()]), keys))
        else:
            found.append(Step(unquote(segment), None))
    return found


def envelope(status: int, payload: Any, trace: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return {
        "Status": {"Code": status, "CorrelationId": str(uuid.uuid4()), "Trace": trace},
        "Payload": payload,
        **more,
    }


def trace_of(refusal: Refusal) -> dict[str, Any]:
    return {
        "Level": "Error",
        "Number": refusal.number,
        "Field": refusal.field,
        "Message": refusal.message,
    }


def refused(refusal: Refusal) -> Response:
    return Json(envelope(refusal.status, None, [trace_of(refusal)]), status_code=refusal.status)


def trouble(status: int) -> Response:
    """The runtime's own failure: a generic text, the details are in the server's log."""
    message = (
        "The service is unavailable."
        if status == 503
        else "An error occurred while the service was processing the request."
    )
    return refused(Refusal(status, RUNTIME, "", message))
