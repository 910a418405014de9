"""Two listeners in one event loop: the vendor's API, and the control panel beside it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sandbox.common.clock import Clock


def arguments(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="the vendor's API")
    parser.add_argument("--control-port", type=int, required=True, help="the control panel")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--data", type=Path, help="keep the state in this file")
    parser.add_argument("--latency-ms", type=int, default=0)
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument(
        "--deliver-to",
        action="append",
        default=[],
        metavar="HOST=URL",
        help="stands for DNS and the receiver's TLS proxy: calls to https://HOST go to URL",
    )
    return parser


class AbortableProtocol(HttpToolsProtocol):
    """Lets an application drop its connection without an answer, as a broken network does, and
    keep what belongs to the connection and not to one request (a Windows sign-in).

    In the scope: ``sandbox.abort()`` drops at once, ``sandbox.close()`` closes after what is
    written, ``sandbox.connection`` is a dict that lives as long as the TCP connection.
    """

    def on_headers_complete(self) -> None:
        if isinstance(self.scope, dict):
            self.scope["sandbox.abort"] = self._drop
            self.scope["sandbox.close"] = self._close
            self.scope["sandbox.connection"] = self.__dict__.setdefault("kept_by_app", {})
        super().on_headers_complete()

    def _drop(self) -> None:
        self.transport.abort()

    def _close(self) -> None:
        self.transport.close()


class _Dated:
    """The Date header of every answer by the simulator's own clock, which may run ahead."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dating(message: Message) -> None:
            if message["type"] == "http.response.start":
                now = format_datetime(self._clock.now(), usegmt=True)
                headers = [*message.get("headers", []), (b"date", now.encode())]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, dating)


class _Quiet:
    """A dropped connection is meant: the server need not complain about the missing answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(ConnectionAbortedError):
            await self._app(scope, receive, send)


def run(
    *,
    name: str,
    api: ASGIApp,
    control: ASGIApp,
    options: argparse.Namespace,
    background: Sequence[Callable[[], Awaitable[None]]] = (),
    clock: Clock | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. With ``clock`` the API's answers are dated by it."""
    # What was loaded stays: looking through it for garbage again and again costs seconds where
    # there are 100,000 items.
    gc.freeze()
    if clock is not None:
        api = _Dated(api, clock)
    common: dict[str, Any] = {
        "host": options.host,
        "log_level": "critical",
        "access_log": False,
        "lifespan": "off",
        "server_header": False,
        "timeout_graceful_shutdown": 1,
        "loop": "uvloop",
        "timeout_keep_alive": 60,
    }
    tls = {}
    if options.tls_cert:
        tls = {"ssl_certfile": str(options.tls_cert), "ssl_keyfile": str(options.tls_key)}
    servers = [
        uvicorn.Server(
            uvicorn.Config(
                _Quiet(api),
                port=options.port,
                http=AbortableProtocol,
                date_header=clock is None,
                **tls,
                **common,
            )
        ),
        uvicorn.Server(uvicorn.Config(control, port=options.control_port, **common)),
    ]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        jobs = [asyncio.create_task(work()) for work in background]
        serving = [asyncio.create_task(_serve(server)) for server in servers]
        while not all(server.started for server in servers):
            if any(task.done() for task in serving):
                stopping.set()
                break
            await asyncio.sleep(0.01)
        scheme = "https" if tls else "http"
        print(
            f"ready {name} api={scheme}://{options.host}:{options.port} "
            f"control=http://{options.host}:{options.control_port}",
            flush=True,
        )
        await stopping.wait()
        for server in servers:
            server.should_exit = True
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, *serving, return_exceptions=True)

    import uvloop

    uvloop.run(main())


async def _serve(server: uvicorn.Server) -> None:
    """uvicorn's own serving without its signal handlers: both listeners stop together."""
    config = server.config
    if not config.loaded:
        config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    if server.should_exit:
        return
    await server.main_loop()
    await server.shutdown()
