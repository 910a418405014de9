#!/usr/bin/env python
"""The command line of ml-connector."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if len(sys.argv) > 1 and sys.argv[1] == "stack":
        # The stack brings up the servers that the settings ask for, so it runs before Django.
        from config.stack import main as run_stack

        sys.exit(run_stack(sys.argv[2:]))
    from config.embedded import use_running

    use_running()
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}\nStart `make run` first, or set what docs/settings.md lists.")


if __name__ == "__main__":
    main()
