"""What a failure of the transport means: was anything sent, whose move is it, what happens next."""

from __future__ import annotations

import re
import ssl
from typing import Any

import requests
import urllib3

from connectors.errors import ConnectorError, NeedsAttention, OutcomeUnknown, TryLater
from connectors.kit.guard import AddressRefused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_QUERY = re.compile(r"\?[^\s'\")]*")


def explain(method: str, url: str, error: Exception) -> ConnectorError:
    """What a transport failure means: was anything sent, whose fault is it, what happens next."""
    # A query may hold a shopper's address; the recorded exchange has it, under its own rules.
    detail = _QUERY.sub("?…", f"{method} {url}: {type(error).__name__}: {error}")[:500]
    chain = list(_causes(error))
    if any(isinstance(cause, AddressRefused) for cause in chain):
        refused = next(cause for cause in chain if isinstance(cause, AddressRefused))
        return NeedsAttention(
            detail,
            reason=f"The address leads to {refused.address}, inside a private network.",
            advice="Correct the address; or ask the operator to allow this network.",
            code="address_refused",
        )
    if _no_trust(chain):
        return _tls_trouble(detail, str(error)[:300], chain)
    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in chain):
        return TryLater(
            detail, reason="The system's name could not be found in the DNS.", code="dns"
        )
    not_sent = (
        requests.exceptions.ConnectTimeout,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.NewConnectionError,
        ConnectionRefusedError,
    )
    if any(isinstance(cause, not_sent) for cause in chain):
        return TryLater(detail, reason="The system could not be reached.", code="network")
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.MissingSchema):
        return NeedsAttention(detail, reason="The address is not valid.", code="settings")
    if method in SAFE_METHODS:
        return TryLater(detail, reason="The system did not answer in time.", code="timeout")
    return OutcomeUnknown(detail)


def _no_trust(chain: list[BaseException]) -> bool:
    """Whether the handshake failed, so that nothing was sent and a person must act.

    TLS also fails in the middle of an exchange: a closed connection met while sending, a record
    that is cut off or damaged on the way. Then the request may have arrived.
    """
    troubles = [cause for cause in chain if isinstance(cause, ssl.SSLError)]
    if not troubles:
        outer = requests.exceptions.SSLError | urllib3.exceptions.SSLError
        return any(isinstance(cause, outer) for cause in chain)
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) or _in_handshake(cause)
        for cause in troubles
    )


def _in_handshake(error: ssl.SSLError) -> bool:
    """Whether a TLS error was raised while the connection was being set up."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "do_handshake":
            return not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        trace = trace.tb_next
    return False


# OpenSSL's X509_V_ERR numbers (x509_vfy.h).
_EXPIRED, _NOT_YET, _OTHER_NAME, _OTHER_ADDRESS = 10, 9, 62, 64


def _tls_trouble(detail: str, words: str, chain: list[BaseException]) -> NeedsAttention:
    number = next(
        (cause.verify_code for cause in chain if isinstance(cause, ssl.SSLCertVerificationError)),
        0,
    )
    if number in (_EXPIRED, _NOT_YET):
        reason = (
            "The server's certificate has expired."
            if number == _EXPIRED
            else "The server's certificate is not valid yet, or a clock is wrong."
        )
        advice = "The system's administrator must install a certificate that is valid now."
    elif number in (_OTHER_NAME, _OTHER_ADDRESS):
        reason = "The server's certificate is made for another name than the address names."
        advice = (
            "Enter the address with the name that the certificate is made for; or the system's "
            "administrator must install a certificate for this name."
        )
    elif number:
        reason = "The server's certificate comes from an authority that is not trusted."
        advice = (
            "If the company has a certificate authority of its own, enter its certificate in the "
            "connection's settings, where there is a field for it, or the operator must trust it; "
            "otherwise the system's administrator must install a certificate of a public one."
        )
    else:
        reason = "The secure connection (TLS) could not be set up."
        advice = "Check that the address and port answer with https, and its TLS settings."
    return NeedsAttention(detail, reason=reason, advice=advice, vendor_words=words, code="tls")


def _causes(error: BaseException) -> Any:
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
