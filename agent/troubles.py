"""Why a job was not carried out, with exact knowledge of whether anything was sent."""

from __future__ import annotations

import http.client
import socket
import ssl

from . import wire
from .wire import Codes

MOST_WORDS = 400


class NotCarried(Exception):
    """``code`` is one of ``wire.Codes``; the words name no secret."""

    def __init__(self, code: str, words: str, *, sent: bool) -> None:
        super().__init__(words)
        self.code, self.words, self.sent = code, words[:MOST_WORDS], sent

    def on_wire(self) -> wire.Trouble:
        return wire.Trouble(self.code, self.words, self.sent)


def explained(error: Exception, place: str, *, sent: bool) -> NotCarried:
    """What an error of the network means. ``place`` is host and port."""
    if isinstance(error, NotCarried):
        return error
    if isinstance(error, socket.gaierror):
        return NotCarried(Codes.NAME, f"the name of {place} is not known here", sent=sent)
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotCarried(
            Codes.TLS,
            f"the certificate of {place} is not trusted: {error.verify_message}",
            sent=sent,
        )
    if isinstance(error, (socket.timeout, TimeoutError)):
        return NotCarried(Codes.TIMEOUT, f"{place} did not answer in time", sent=sent)
    if isinstance(error, ssl.SSLError) and not sent:
        why = error.reason or str(error)
        return NotCarried(Codes.TLS, f"no encrypted connection to {place}: {why}", sent=sent)
    if isinstance(error, ConnectionRefusedError):
        return NotCarried(Codes.NETWORK, f"{place} refuses connections", sent=sent)
    if isinstance(error, http.client.RemoteDisconnected):
        return NotCarried(Codes.NETWORK, f"{place} closed the connection", sent=sent)
    if isinstance(error, (OSError, http.client.HTTPException)):
        why = getattr(error, "strerror", None) or type(error).__name__
        return NotCarried(Codes.NETWORK, f"the connection to {place} broke: {why}", sent=sent)
    return NotCarried(
        Codes.NETWORK, f"the call to {place} failed: {type(error).__name__}", sent=sent
    )
