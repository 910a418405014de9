"""A signed-in person's browser, with and without Chromium, and rows to show it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Page

from config.embedded import die_with_parent, free_port
from sync.models import Document, Transfer
from tenants.context import in_public
from tenants.models import User

PASSWORD = "a rather long password"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).resolve().parents[2]
in_chromium = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium on this machine"
    ),
]


class Browser:
    """A signed-in person's browser on Acme's host; every call comes back into the tenant."""

    def __init__(self, user: User | None, host: str = "acme.localhost") -> None:
        self.client = Client(SERVER_NAME=host, raise_request_exception=False)
        if user is not None:
            with in_public():
                self.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def __call__(self, method: str, path: str, data=None, **headers):
        before = connection.tenant
        try:
            answer = getattr(self.client, method)(path, data or {}, headers=headers)
            if answer.streaming:
                answer.streamed = b"".join(answer.streaming_content)
            return answer
        finally:
            connection.set_tenant(before)


def make_transfer(flow, number="1", *, kind="orders", **more):
    return Transfer.objects.create(
        **{
            "route": flow.route,
            "flow": kind,
            "source_key": number,
            "job_id": f"web:{kind}:{number}",
            "sequence_key": f"web:order:{number}",
            "number": number,
            **more,
        }
    )


def make_document(flow, transfer, number, *, reference="", **more):
    return Document.objects.create(
        **{
            "transfer": transfer,
            "erp": flow.erp,
            "kind": "sales_invoice",
            "reference": reference or f"WEB-{number}",
            "number": number,
            "status": Document.Status.POSTED,
            **more,
        }
    )


class Product:
    """Web server, worker and scheduler on the test's database."""

    def __init__(self) -> None:
        self.port = free_port()
        python = sys.executable
        commands = (
            (python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port",
             str(self.port), "--blocking-threads", "4", "--no-ws", "config.wsgi:application"),
            (python, "-m", "celery", "-A", "config", "worker", "--pool", "threads",
             "--concurrency", "4", "-Q", "work,tick", "--loglevel", "error"),
            (python, "-m", "celery", "-A", "config", "beat", "--pidfile=", "--loglevel", "error"),
        )  # fmt: skip
        self.processes = [
            subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
            for command in commands
        ]
        for _ in range(200):
            with (
                suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1),
            ):
                return
            threading.Event().wait(0.1)
        raise AssertionError("the web server did not start")

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


def sign_in(page: Page, role: str = "admin", password: str = PASSWORD) -> None:
    page.goto("/")
    page.fill("#email", f"{role}@example.com")
    page.fill("#password", password)
    page.click("button:has-text('Sign in')")
