"""A pytest plugin that gives the tests their own PostgreSQL and Redis before Django's settings load.

With ``DATABASE_URL`` and ``REDIS_URL`` set, those servers are used and nothing is started. Under
xdist the servers are started once; every worker has its own database and Redis number. All
temporary files of a run are in one folder, which goes with it.
"""

from __future__ import annotations

import base64
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from config.embedded import Servers

_servers: Servers | None = None
_folder: Path | None = None


def _prepare() -> None:
    global _servers, _folder
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _folder = Path(tempfile.mkdtemp(prefix="mlc-tests-"))
        _folder.chmod(0o711)  # PostgreSQL may run as another user
        tempfile.tempdir = os.environ["TMPDIR"] = str(_folder)
    os.environ.setdefault("SECRET_KEY", "only-for-tests-" * 4)
    os.environ.setdefault("ENCRYPTION_KEYS", base64.urlsafe_b64encode(b"t" * 32).decode())
    os.environ.setdefault("ALLOWED_PRIVATE_NETWORKS", "127.0.0.0/8,::1/128")
    os.environ.setdefault("HOOK_BASE_URL", "https://hooks.test.example")
    os.environ.setdefault("TRANSFER_LEASE_SECONDS", "3")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps a loop in the thread
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        _servers = Servers(Path(tempfile.mkdtemp(prefix="servers-")), durable=False)
        _servers.start()
        os.environ["DATABASE_URL"] = _servers.database_url
        os.environ["REDIS_URL"] = _servers.redis_url
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        base, _, number = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{base}/{int(number or 0) + 1 + int(worker.removeprefix('gw'))}"


_prepare()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    if _servers is not None:
        _servers.stop()
    if _folder is not None:
        shutil.rmtree(_folder, ignore_errors=True)
