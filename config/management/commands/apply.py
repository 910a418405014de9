"""``manage.py apply FILE``: declare tenants, people, connections, routes and mappings."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.declaration import applying, checking


class Command(BaseCommand):
    help = "Apply a declaration (docs/apply.md). Nothing is changed if anything in it is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="only say what is wrong")
        parser.add_argument(
            "--allow-literal-secrets", action="store_true", help="secrets may stand in the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            declared = checking.read(
                options["file"], allow_literal_secrets=options["allow_literal_secrets"]
            )
        except checking.Problems as problems:
            raise self._refused(problems.lines) from problems
        if options["check"]:
            self.stdout.write("The file is right; nothing was changed.")
            return
        changed = applying.apply(declared, self.stdout.write)
        self.stdout.write(f"{changed} changes." if changed else "Nothing to change.")

    def _refused(self, lines: list[str]) -> CommandError:
        for line in lines:
            self.stderr.write(line)
        return CommandError(
            f"{len(lines)} problem{'s' if len(lines) > 1 else ''}; nothing was changed."
        )
