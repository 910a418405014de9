"""The product's own web application over HTTP, in this process: where the vendors' notices go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.db import connections

from config.wsgi import application


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Tests keep their output to themselves."""


def _served(environ, start_response):
    try:
        return application(environ, start_response)
    finally:
        connections.close_all()


@contextmanager
def open_door() -> Iterator[str]:
    """Its address, such as ``http://127.0.0.1:40123``, as long as the block runs."""
    server = make_server("127.0.0.1", 0, _served, _Threads, _Quiet)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
