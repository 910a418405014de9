"""Start an Adobe Commerce simulator, and receive what it delivers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from config.embedded import die_with_parent, free_port
from tests.support.simulators import Simulator


def start(*arguments: str) -> Simulator:
    port, control = free_port(), free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sandbox.adobe_commerce"),
            *("--port", str(port), "--control-port", str(control), *arguments),
        ],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path.cwd())},
        preexec_fn=die_with_parent,
    )
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    assert line.startswith("ready adobe_commerce"), line
    return Simulator(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{control}", process)


@dataclass(frozen=True)
class Delivered:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """A loopback server that keeps what comes and answers what it is told to answer."""

    def __init__(self) -> None:
        self.got: list[Delivered] = []
        self.answer: Callable[[Delivered], tuple[int, Any]] = lambda got: (200, {"op": "success"})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {k.lower(): v for k, v in self.headers.items()}
                got = Delivered(self.command, self.path, headers, self.rfile.read(size))
                outer.got.append(got)
                status, content = outer.answer(got)
                body = (
                    content.encode() if isinstance(content, str) else json.dumps(content).encode()
                )
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def forget(self) -> None:
        self.got.clear()
        self.answer = lambda got: (200, {"op": "success"})

    def wait_for(self, count: int, seconds: float = 5) -> list[Delivered]:
        end = time.monotonic() + seconds
        while len(self.got) < count and time.monotonic() < end:
            time.sleep(0.02)
        return list(self.got)
