"""What the agent's own tests put around it, over real HTTP: a connector that speaks ``agent.wire``,
a server on site that does as a test says, and a forward proxy."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent import wire

STATUS = {
    wire.Refusals.SIGNATURE: 401,
    wire.Refusals.CLOCK: 401,
    wire.Refusals.REVOKED: 403,
    wire.Refusals.TOKEN: 403,
    wire.Refusals.UPGRADE: 426,
    wire.Refusals.GONE: 410,
    wire.Refusals.TOO_LATE: 409,
    wire.Refusals.BUSY: 503,
}
AGENT = "agt_0123456789abcdef"
TOKEN = wire.token_of(AGENT, "s" * 40)


class No(Exception):
    pass


def refuse(code: str) -> None:
    raise No(code)


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass


def serve(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *args: None  # type: ignore[method-assign]  # the agent hung up
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


class ConnectorDouble:
    """Accepts one agent. ``before`` is called with path and body, and may ``refuse``; ``ahead`` is
    how far its clock is ahead of ours."""

    def __init__(self) -> None:
        self.keys: list[str] = []  # public ones that it accepts
        self.queue: list[wire.Job] = []
        self.states: list[wire.State] = []
        self.paths: list[str] = []
        self.parts: dict[str, list[wire.Part]] = {}
        self.troubles: dict[str, wire.Trouble] = {}
        self.before: Callable[[str, bytes], None] = lambda path, body: None
        self.after: Callable[[str, bytes], None] = lambda path, body: None
        self.ahead = 0.0
        self.lose_answers: list[str] = []  # ends of paths whose next answer is lost
        self.rotate = False
        self.changed = threading.Condition()
        outer = self

        class Handler(_Quiet):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                try:
                    content = outer._answer(self, body)
                    status = 200 if content else 204
                except No as no:
                    code = str(no)
                    status = STATUS.get(code, 400)
                    content = wire.Refusal(code, f"refused: {code}", outer.now()).to_json()
                lost = next((end for end in outer.lose_answers if self.path.endswith(end)), None)
                if lost:
                    outer.lose_answers.remove(lost)
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = serve(Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def now(self) -> float:
        return time.time() + self.ahead

    def give(self, job: wire.Job) -> None:
        with self.changed:
            self.queue.append(job)
            self.changed.notify_all()

    def result(self, job: str, seconds: float = 15) -> tuple[list[wire.Part], wire.Trouble | None]:
        """When the job has its last part or its trouble."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                parts, trouble = self.parts.get(job, []), self.troubles.get(job)
                if trouble or (parts and parts[-1].last):
                    return parts, trouble
                assert time.monotonic() < end, f"no answer to {job}: {self.paths[-5:]}"
                self.changed.wait(0.1)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, request: Any, body: bytes) -> bytes:
        path = request.path
        self.paths.append(path)
        self.before(path, body)
        self._verify(request, path, body)
        content = self._do(path, body)
        self.after(path, body)
        return content

    def _verify(self, request: Any, path: str, body: bytes) -> None:
        try:
            signed, signature = wire.read_signature(
                {name.lower(): value for name, value in request.headers.items()}, body
            )
        except wire.WireError:
            refuse(wire.Refusals.SIGNATURE)
        if abs(signed.created - self.now()) > wire.CLOCK_SECONDS:
            refuse(wire.Refusals.CLOCK)
        keys = self.keys
        if path == wire.ENROLL:
            keys = [wire.Enrolment.from_json(body).public_key]
        for key in keys:
            try:
                Ed25519PublicKey.from_public_bytes(wire.unbase64(key)).verify(
                    signature, signed.base("POST", path, body)
                )
            except InvalidSignature:
                continue
            return
        refuse(wire.Refusals.SIGNATURE)

    def _do(self, path: str, body: bytes) -> bytes:
        if path == wire.ENROLL:
            given = wire.Enrolment.from_json(body)
            if given.token != TOKEN or self.keys:
                refuse(wire.Refusals.TOKEN)
            self.keys = [given.public_key]
            return wire.Enrolled(AGENT, "gp-1", "Acme").to_json()
        if path == wire.POLL:
            return self._poll(wire.State.from_json(body))
        if path == wire.KEY:
            self.keys = [wire.NewKey.from_json(body).public_key]
            return b""
        if path == wire.LEAVE:
            self.states.append(wire.State.from_json(body))
            return b""
        job, step = path[len(wire.JOBS) + 1 :].split("/")
        with self.changed:
            if step == wire.BEGIN and job == "none":
                refuse(wire.Refusals.GONE)
            if step == wire.ANSWER:
                kept, part = self.parts.setdefault(job, []), wire.Part.unpack(body)
                if not kept or kept[-1].number + 1 == part.number:
                    kept.append(part)
            if step == wire.TROUBLE:
                self.troubles[job] = wire.Trouble.from_json(body)
            self.changed.notify_all()
        return b""

    def _poll(self, state: wire.State) -> bytes:
        end = time.monotonic() + (3 if state.free else 0)
        with self.changed:
            self.states.append(state)
            self.changed.notify_all()
            while not self.queue and time.monotonic() < end:
                self.changed.wait(end - time.monotonic())
            given, self.queue = self.queue[: state.free], self.queue[state.free :]
            rotate, self.rotate = self.rotate, False
        return wire.Work([job.__dict__ for job in given], rotate).to_json()


class Place:
    """A server on site. ``answer(request)`` does what a test wants; requests are counted in
    ``seen`` and connections in ``connections``."""

    def __init__(self, answer: Callable[[Any], None]) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[int] = set()
        outer = self

        class Handler(_Quiet):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.connections.add(self.client_address[1])
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                answer(self)

            do_GET = do_POST = do_PUT = do_HEAD = answer

        self.server = serve(Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def say(request: Any, status: int = 200, content: bytes = b"ok", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)


class Proxy:
    """A forward proxy: CONNECT, and plain requests by their whole address, which it keeps in
    ``carried``."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.carried: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(_Quiet):
            def do_CONNECT(self) -> None:
                outer.asked.append(f"CONNECT {self.path}")
                host, _, port = self.path.partition(":")
                with socket.create_connection((host, int(port)), timeout=10) as there:
                    self.send_response(200)
                    self.end_headers()
                    pipe(self.connection, there)
                self.close_connection = True

            def do_POST(self) -> None:
                outer.asked.append(f"POST {self.path}")
                place, _, path = self.path.removeprefix("http://").partition("/")
                host, _, port = place.partition(":")
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                outer.carried.append((f"/{path}", dict(self.headers), body))
                lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                with socket.create_connection((host, int(port)), timeout=10) as there:
                    there.sendall(f"POST /{path} HTTP/1.0\r\n{lines}\r\n".encode() + body)
                    pipe(self.connection, there)
                self.close_connection = True

        self.server = serve(Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def pipe(one: socket.socket, other: socket.socket) -> None:
    while True:
        for sock in select.select([one, other], [], [], 60)[0] or [None]:
            data = sock.recv(65_536) if sock else b""
            if not data:
                return
            (other if sock is one else one).sendall(data)
