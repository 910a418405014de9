"""Webhook delivery with BigCommerce's signature, retries, deactivation and domain block."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.bigcommerce.store import BigCommerceStore
from sandbox.common.clock import Clock

# Seconds after each failed try; after the last the hook is deactivated.
RETRIES = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400)
WORKERS = 12
WINDOW, MINIMUM, SHARE, SILENCE = 120, 100, 0.9, 180
TIMEOUT = 10
IDLE_SECONDS = 90 * 86_400
MOST_KNOWN = 20_000  # deliveries that can be sent again by hand


@dataclass
class Delivery:
    """One event on its way to one hook. A hook's number can come again after a reset: the hook
    itself is what counts."""

    id: str
    hook_id: int
    hook: dict[str, Any]
    scope: str
    body: bytes
    at: float
    due: float
    tries: int = 0
    status: int | None = None
    record: dict[str, Any] = field(default_factory=dict)


class Deliveries:
    def __init__(self, store: BigCommerceStore, clock: Clock, routes: dict[str, str]) -> None:
        self.store, self.clock, self.routes = store, clock, routes
        self.signing = "standard"
        self.queue: asyncio.Queue[Delivery] = asyncio.Queue()
        self.waiting: list[Delivery] = []
        self.log: deque[dict[str, Any]] = deque(maxlen=5_000)
        self.by_id: dict[str, Delivery] = {}
        self._results: dict[str, deque[tuple[float, bool]]] = {}
        self.blocked: dict[str, float] = {}
        self.last_event: dict[int, float] = {}
        store.announce = self.announce

    def forget(self) -> None:
        """Begin anew: no retries wait, no host is blocked, none has failed."""
        self.waiting.clear()
        self.blocked.clear()
        self.last_event.clear()
        self._results.clear()

    def announce(self, scope: str, data: dict[str, Any]) -> None:
        now = self.clock.time()
        body = {
            "store_id": "1001",
            "producer": f"stores/{self.store._account['store_hash']}",
            "scope": scope,
            "data": data,
            "created_at": int(now),
        }
        text = json.dumps({**body, "nonce": uuid.uuid4().hex}, sort_keys=True)
        body["hash"] = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        for hook in self.store.hooks.values():
            if hook["is_active"] and _covers(hook["scope"], scope):
                delivery = Delivery(
                    id=f"msg_{uuid.uuid4().hex}",
                    hook_id=hook["id"],
                    hook=hook,
                    scope=scope,
                    body=json.dumps(body, separators=(",", ":")).encode(),
                    at=now,
                    due=now,
                )
                self.by_id[delivery.id] = delivery
                if len(self.by_id) > MOST_KNOWN:
                    del self.by_id[next(iter(self.by_id))]
                self.last_event[hook["id"]] = now
                self.queue.put_nowait(delivery)

    def redeliver(self, delivery_id: str) -> bool:
        delivery = self.by_id.get(delivery_id)
        if delivery is None:
            return False
        self.queue.put_nowait(delivery)
        return True

    async def work(self) -> None:
        """Runs beside the server: senders, and the clockwork of the retries."""
        senders = [asyncio.create_task(self._sender()) for _ in range(WORKERS)]
        try:
            while True:
                await asyncio.sleep(0.1)
                now = self.clock.time()
                self._rest_idle(now)
                due = [d for d in self.waiting if d.due <= now]
                if due:
                    self.waiting = [d for d in self.waiting if d.due > now]
                    for delivery in due:
                        self.queue.put_nowait(delivery)
        finally:
            for sender in senders:
                sender.cancel()

    def _rest_idle(self, now: float) -> None:
        """A hook that had nothing to tell for 90 days is deactivated."""
        for hook in self.store.hooks.values():
            last = max(self.last_event.get(hook["id"], 0), hook["updated_at"], hook["created_at"])
            if hook["is_active"] and now - last > IDLE_SECONDS:
                self.deactivate(hook)

    def deactivate(self, hook: dict[str, Any]) -> None:
        hook["is_active"] = False
        hook["updated_at"] = int(self.clock.time())
        self.store.keep("hook", hook["id"], hook)

    async def _sender(self) -> None:
        link = _Link()
        while True:
            delivery = await self.queue.get()
            hook = self.store.hooks.get(delivery.hook_id)
            if hook is not delivery.hook or not hook["is_active"]:
                continue
            host = urlsplit(hook["destination"]).hostname or ""
            now = self.clock.time()
            if self.blocked.get(host, 0) > now:
                delivery.due = self.blocked[host] + 1
                self.waiting.append(delivery)
                continue
            try:
                status = await link.post(
                    self.routes.get(host, ""),
                    hook["destination"],
                    self._headers(delivery, hook),
                    delivery.body,
                )
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError, IndexError):
                status = None
                link.close()
            if self.store.hooks.get(delivery.hook_id) is hook:
                self._note(delivery, hook, host, status)

    def _headers(self, delivery: Delivery, hook: dict[str, Any]) -> dict[str, str]:
        secret = self.store._account["client_secret"].encode()
        stamp = str(int(self.clock.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "akka-http/10.1.10",
            "webhook-id": delivery.id,
            "webhook-timestamp": stamp,
            **(hook.get("headers") or {}),
        }
        if self.signing in ("none",):
            return headers
        if self.signing == "wrong":
            secret = b"another secret"
        signed = f"{delivery.id}.{stamp}.".encode() + delivery.body
        if self.signing in ("standard", "both", "wrong"):
            digest = hmac.new(secret, signed, hashlib.sha256).digest()
            headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
        plain = hmac.new(secret, delivery.body, hashlib.sha256).digest()
        if self.signing in ("x-bc-signature-hex", "both"):
            headers["X-BC-Signature"] = plain.hex()
        if self.signing == "x-bc-signature-base64":
            headers["X-BC-Signature"] = base64.b64encode(plain).decode()
        return headers

    def _note(
        self, delivery: Delivery, hook: dict[str, Any], host: str, status: int | None
    ) -> None:
        now = self.clock.time()
        good = status is not None and 200 <= status < 300
        delivery.tries += 1
        delivery.status = status
        self.log.append(
            {
                "id": delivery.id,
                "hook_id": delivery.hook_id,
                "scope": delivery.scope,
                "status": status,
                "try": delivery.tries,
                "at": self.clock.now().isoformat(),
                "body": delivery.body.decode(),
            }
        )
        results = self._results.setdefault(host, deque())
        results.append((now, good))
        while results and results[0][0] < now - WINDOW:
            results.popleft()
        failures = sum(1 for _, ok in results if not ok)
        if len(results) >= MINIMUM and 1 - failures / len(results) < SHARE:
            self.blocked[host] = now + SILENCE
            results.clear()
        if good:
            return
        if delivery.tries > len(RETRIES):
            self.deactivate(hook)
            return
        delivery.due = now + RETRIES[delivery.tries - 1]
        self.waiting.append(delivery)


def _covers(wanted: str, scope: str) -> bool:
    if wanted.endswith("/*"):
        return scope.startswith(wanted[:-1])
    return wanted == scope


class _Link:
    """One kept HTTP/1.1 connection to the receiver."""

    def __init__(self) -> None:
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._to = ""

    async def post(self, to: str, url: str, headers: dict[str, str], body: bytes) -> int:
        if not to:
            raise OSError("no address for this host")
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        lines = [f"POST {path} HTTP/1.1", f"Host: {parts.hostname}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        async with asyncio.timeout(TIMEOUT):
            for fresh in (False, True):
                if fresh or self._writer is None or self._to != to:
                    await self._open(to)
                assert self._writer is not None
                try:
                    self._writer.write(request)
                    await self._writer.drain()
                    return await self._answer()
                except (ConnectionError, asyncio.IncompleteReadError):
                    self.close()
                    if fresh:
                        raise
        raise OSError("no answer")

    async def _open(self, to: str) -> None:
        self.close()
        parts = urlsplit(to)
        self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
        self._to = to

    async def _answer(self) -> int:
        assert self._reader is not None
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {
            line.partition(":")[0].lower(): line.partition(":")[2].strip()
            for line in lines[1:]
            if ":" in line
        }
        if headers.get("transfer-encoding", "") == "chunked":
            while size := int((await self._reader.readline()).strip() or b"0", 16):
                await self._reader.readexactly(size + 2)
            await self._reader.readline()
        else:
            await self._reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return status

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        self._reader = self._writer = None
