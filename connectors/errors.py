"""What a system's refusal means for us: each class says what happens next.

``str(error)`` is the technical detail for log and audit trail: method, path, status, vendor code,
request id; never a secret or a shopper's data. ``reason`` is one sentence for finance people,
``advice`` what to do and whose move it is, ``vendor_words`` the system's own text.
"""

from __future__ import annotations

from datetime import timedelta


class ConnectorError(Exception):
    """A call to a system did not do what we asked. The subclass says what to do about it."""

    reason = "The system did not do what was asked."
    advice = "Contact support and quote the reference shown here."

    def __init__(
        self,
        detail: str,
        *,
        reason: str = "",
        advice: str = "",
        vendor_words: str = "",
        code: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reason = reason or type(self).reason
        self.advice = advice or type(self).advice
        self.vendor_words = vendor_words
        self.code = code
        self.retry_after = retry_after
        self.source = ""  # the name of the kit whose call it was: which connection to look at


class TryLater(ConnectorError):
    """Nothing was done, and it may work later: throttled, unreachable, locked.

    ``counts`` is False where waiting is no failure (our own budget, another worker's lock).
    """

    reason = "The system is busy or unreachable just now."
    advice = "No action needed. We will try again by ourselves."
    counts = True

    def __init__(self, detail: str, *, counts: bool = True, **more: object) -> None:
        super().__init__(detail, **more)  # type: ignore[arg-type]
        self.counts = counts


class OutcomeUnknown(ConnectorError):
    """Sent, and no answer came: it may have been done. Look before sending again."""

    reason = "The system did not answer, so we do not know yet whether it did what was asked."
    advice = "No action needed. We look in the system before anything is sent again."


class Rejected(ConnectorError):
    """This one record cannot go; the rest may.

    ``hold`` names a hold code (``sync.models.Hold``) where waiting for something can cure it, for
    instance ``period_closed``, ``customer_blocked``, ``item_blocked``, ``lookup_missing``,
    ``item_unknown``, ``duplicate_reference``. ``keys`` says what would release it, as
    ``lookup:<table>:<key>`` or ``item:<sku>``.
    """

    reason = "The system refused this record."
    advice = (
        "Read the system's own words beside this, correct the record or the mapping, and replay."
    )

    def __init__(
        self, detail: str, *, hold: str = "", keys: tuple[str, ...] = (), **more: object
    ) -> None:
        super().__init__(detail, **more)  # type: ignore[arg-type]
        self.hold = hold
        self.keys = keys


class NotOffered(Rejected):
    """The system has no such thing, and says so beforehand: a store in ``takes``, an ERP in its
    feeds and bookings. ``lacks`` completes a sentence about it, as "gives no prices"."""

    advice = "Switch off in the route's settings what needs it, or connect a system that has it."

    def __init__(self, system: str, lacks: str) -> None:
        super().__init__(f"{system} {lacks}", reason=f"{system} {lacks}.", code="not_offered")


class NeedsAttention(ConnectorError):
    """A person must fix the connection. Its transfers wait; nothing burns through its retries.

    ``code`` is one of: ``wrong_secret``, ``wrong_environment``, ``missing_permission``, ``tls``,
    ``network``, ``address_refused``, ``company_missing``, ``settings``.
    """

    reason = "The connection does not work."
    advice = "An administrator must correct the connection's settings and ping it."


class UnexpectedShape(ConnectorError):
    """The system sent something other than documented: it changed, or we are wrong."""

    reason = "The system sent data in a form that we do not know."
    advice = "Nothing was booked. Contact support: the field is named beside this."

    def __init__(self, field: str, problem: str = "is missing or unreadable") -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
