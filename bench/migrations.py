"""Bringing many tenants' schemas up to date, as the operator's command does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.rig import ROOT, Rig, table

TENANTS = int(os.environ.get("BENCH_TENANTS", "200"))
ONE_COLUMN = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sync", "{after}")]
    operations = [
        migrations.AddField("transfer", "bench_note", models.CharField(max_length=40, default="")),
    ]
"""


def migrations(rig: Rig) -> str:
    from tenants.database import database
    from tenants.provision import create_tenant

    began = time.perf_counter()
    for number in range(TENANTS):
        slug = f"bench-{number:03}"
        create_tenant(name=slug, slug=slug, host=f"{slug}.localhost", time_zone="UTC")
    made = time.perf_counter() - began
    later = _with_one_column(rig.data / "later")
    rows: list[list[Any]] = [
        _row("made, one after another", made),
        _row("nothing to do", _migrate(rig.data / "later", "config.settings")),
        _row("one column added", _migrate(rig.data / "later", later)),
    ]
    database.set_schema_to_public()
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.columns WHERE column_name = 'bench_note'"
        )
        count = cursor.fetchone()[0]
    assert count == TENANTS, f"{count} of {TENANTS} schemas have the new column"
    return table(
        f"Migrations of {TENANTS} tenants' schemas",
        ["what", "seconds", "milliseconds a schema"],
        rows,
    )


def _row(words: str, seconds: float) -> list[Any]:
    return [words, f"{seconds:.1f}", f"{seconds * 1000 / TENANTS:.0f}"]


def _with_one_column(folder: Path) -> str:
    """Settings of a later version, in which a table of every tenant has one more column."""
    package = folder / "later_migrations"
    shutil.copytree(ROOT / "sync" / "migrations", package, ignore=shutil.ignore_patterns("__*"))
    (package / "__init__.py").touch()
    last = sorted(path.stem for path in package.glob("0*.py"))[-1]
    (package / "9999_bench_note.py").write_text(ONE_COLUMN.format(after=last))
    (folder / "later_settings.py").write_text(
        "from config.settings import *  # noqa: F403\n"
        'MIGRATION_MODULES = {"sync": "later_migrations"}\n'
    )
    return "later_settings"


def _migrate(folder: Path, settings: str) -> float:
    """Seconds of the whole command, its start included."""
    began = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "manage.py", "migrate_schemas", "--noinput", "-v0"),
            *("--settings", settings),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        check=True,
    )
    return time.perf_counter() - began
