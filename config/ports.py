"""Ports on loopback that one installation keeps from start to start."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

USUAL_PORT = 8000


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports that were free a moment ago."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def is_free(port: int) -> bool:
    """Whether nothing listens on ``port`` of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def kept_port(path: Path) -> int:
    """The port written in ``path`` if it is free, else the usual one, else any; written down."""
    with suppress(FileNotFoundError, ValueError):
        port = int(path.read_text())
        if is_free(port):
            return port
    port = USUAL_PORT if is_free(USUAL_PORT) else free_port()
    path.write_text(str(port))
    return port


def kept_ports(path: Path, names: tuple[str, ...]) -> dict[str, int]:
    """A port for each name: those written in ``path`` if all are free, else new ones."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        ports: dict[str, int] = json.loads(path.read_text())
        if all(is_free(ports[name]) for name in names):
            return ports
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    path.write_text(json.dumps(ports))
    return ports
