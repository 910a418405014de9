"""The house: what a stranger's machine needs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_names_no_package_host():
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?://|file://|--index|--find-links", text)
    assert "--hash=sha256:" in text


def test_every_migration_is_written(tenant):
    from django.core.management import call_command

    call_command(
        "makemigrations", "tenants", "audit", "connectors", "sync", check=True, dry_run=True
    )


@pytest.mark.slow
def test_the_stack_comes_up_books_an_order_and_leaves_no_orphan(tmp_path):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name
        not in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "OUTBOUND_CA_FILE")
    }
    process = subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "stack",
            "--sandbox",
            "--data",
            str(tmp_path / "d"),
            "--traffic",
            "0",
        ],
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    seen: list[str] = []
    try:
        for line in process.stdout:
            seen.append(line)
            if "booked as" in line:
                break
        else:
            pytest.fail("".join(seen))
        assert any("Acme Outdoor" in line and "acme.localhost" in line for line in seen)
        runtime = json.loads((tmp_path / "d" / "runtime.json").read_text())
        with psycopg.connect(runtime["DATABASE_URL"]) as database:
            sources = database.execute("SELECT DISTINCT source FROM t_acme.sync_inboxevent")
            assert ("webhook",) in sources.fetchall()  # the store found the web server there
        marks = [runtime["DATABASE_URL"].rpartition("%2F")[2], str(tmp_path)]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=40) == 0
    finally:
        if process.poll() is None:
            process.kill()
    time.sleep(1)
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if any(mark in command for mark in marks):
            left.append(command)
    assert not left
