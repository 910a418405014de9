"""The distribution: what it may import, on which Python it runs, and that it can be installed."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agent import __version__
from agent.service import BAD_CONFIG, NOT_ENROLLED, REVOKED, STOP_SECONDS, TOO_OLD

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "agent"
FILES = sorted(AGENT.glob("*.py"))
OTHERS = {"requests", "urllib3", "spnego", "cryptography", "tomli"}  # urllib3 is requests' own
FINAL = [BAD_CONFIG, NOT_ENROLLED, REVOKED, TOO_OLD]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_python_3_9_and_imports_nothing_of_ours(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1, "the package has no parent"
        for name in names:
            top = name.partition(".")[0]
            assert top in OTHERS or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_union_types_stand_in_annotations_only(path):
    """``X | None`` is evaluated by Python 3.10 and later alone."""
    text = path.read_text()
    assert " | None" not in text or "from __future__ import annotations" in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            assert not any(isinstance(one, ast.BinOp) for one in node.args)


def test_it_is_built_and_installed_by_itself(tmp_path):
    """As an administrator does it, but offline: the wheel alone, into an empty place."""
    source, wheels, place = tmp_path / "source", tmp_path / "wheels", tmp_path / "place"
    shutil.copytree(
        AGENT, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    )
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, source],
        check=True,
        timeout=120,
    )
    (wheel,) = wheels.iterdir()
    assert wheel.name == f"ml_connector_agent-{__version__}-py3-none-any.whl"
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", place, wheel],
        check=True,
        timeout=120,
    )
    done = subprocess.run(
        [place / "bin" / "ml-connector-agent", "version"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(place)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(f"ml-connector-agent {__version__} (protocol 1,")
    installed = {path.name for path in (place / "ml_connector_agent").glob("*.py")}
    assert installed == {path.name for path in FILES}


def test_its_dependencies_are_few():
    given = tomllib.loads((AGENT / "pyproject.toml").read_text())["project"]
    names = {re.match(r"[a-z-]+", one).group() for one in given["dependencies"]}
    assert names == {"requests", "pyspnego", "cryptography", "tomli"}
    assert given["requires-python"] == ">=3.9"
    assert (AGENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_service_managers_do_not_start_again_what_cannot_work_and_wait_for_jobs():
    unit = (AGENT / "packaging" / "ml-connector-agent.service").read_text()
    final = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE).group(1)
    assert [int(code) for code in final.split()] == FINAL
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE).group(1)) > STOP_SECONDS
    script = (AGENT / "packaging" / "install-service.ps1").read_text()
    final = re.search(r'"--restart-if-not", "([0-9,]+)"', script).group(1)
    assert [int(code) for code in final.split(",")] == [0, *FINAL]
    assert int(re.search(r'"--stop-timeout", "(\d+)"', script).group(1)) > STOP_SECONDS * 1000


def test_the_service_cannot_change_what_it_is_allowed_to_call():
    unit = (AGENT / "packaging" / "ml-connector-agent.service").read_text()
    assert {"ProtectSystem=strict", "StateDirectory=ml-connector-agent"} <= set(unit.splitlines())
    assert "ReadWritePaths" not in unit
    script = (AGENT / "packaging" / "install-service.ps1").read_text()
    grants = re.findall(r'@\(([^@]*?)"NT SERVICE\\\$\{name\}:\(OI\)\(CI\)(\w+)"', script, re.DOTALL)
    assert [(where.partition(",")[0].strip('"'), may) for where, may in grants] == [
        ("$folder", "RX"),
        ("$folder\\$one", "M"),
    ]


def test_the_documentation_quotes_what_check_really_says():
    source = re.sub(r'"\s*\n?\s*f?"', "", "".join(path.read_text() for path in FILES))
    text = (ROOT / "docs" / "agent.md").read_text()
    table = text[text.index("| `check` says |") :]
    quotes = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
    assert len(quotes) > 15
    for quote in quotes:
        what, _, words = quote.partition(": ")
        assert what == "URL" or f'"{what}"' in source, quote
        for part in words.split("..."):
            assert part.strip(" ,") in source, (quote, part)
