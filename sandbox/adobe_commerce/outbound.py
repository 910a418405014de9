"""Calls to receivers: one HTTP/1.1 exchange each, with a table that stands for DNS and TLS."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Outbound:
    """``routes``: host of an https address -> http address that answers for it."""

    def __init__(self, routes: dict[str, str]) -> None:
        self.routes = routes

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Answer:
        """The answer, redirects not followed. Raises OSError, also for an answer that is no
        HTTP, and TimeoutError; connection set-up counts towards the time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._exchange(method, url, headers, body)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise OSError(f"unreadable answer: {error}") from error

    async def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> Answer:
        parts = urlsplit(url)
        to = self.routes.get(parts.hostname or "")
        if to is None:
            raise OSError(f"no address for {parts.hostname}")
        at = urlsplit(to)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
            if method != "GET":
                lines.append(f"Content-Length: {len(body)}")
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()
            return await _read(reader)
        finally:
            with suppress(OSError):
                writer.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split()[1])
    headers = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += await reader.readexactly(size)
            await reader.readexactly(2)
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = await reader.read()
    return Answer(status, headers, body)
