"""A socket whose silences and whole time are bounded, and which knows whether it sent anything."""

from __future__ import annotations

import io
import socket
import ssl
import time
from typing import Any

_PIECE = 65_536


class Stream:
    """What ``http.client`` needs of a socket: ``sendall``, ``makefile``, ``close``."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.has_sent = False  # since ``limit``; true as soon as a byte may have gone out
        self._silence = self._end = 0.0

    def limit(self, silence_seconds: float, end: float) -> None:
        """For the next exchange; ``end`` is by ``time.monotonic``."""
        self.has_sent = False
        self._silence, self._end = silence_seconds, end

    def _patience(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("the whole time is over")
        self.sock.settimeout(min(left, self._silence))

    def sendall(self, data: Any) -> None:
        view = memoryview(data)
        while view:
            self._patience()
            self.has_sent = True
            view = view[self.sock.send(view[:_PIECE]) :]

    def receive_into(self, buffer: Any) -> int:
        self._patience()
        return self.sock.recv_into(buffer)

    def makefile(self, mode: str, *more: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self), _PIECE)

    def is_quiet(self) -> bool:
        """Whether it is open and the other side said nothing unasked: fit for a request."""
        try:
            self.sock.settimeout(0)
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (OSError, ValueError):
            return False
        return False

    def close(self) -> None:
        self.sock.close()


class _Raw(io.RawIOBase):
    """Closing it leaves the connection open: it ends one answer."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.receive_into(buffer)
