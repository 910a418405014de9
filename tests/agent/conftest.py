"""A connector double, an agent on it in this process, and configurations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import trust, wire
from agent.carrier import Carrier
from agent.config import Config, load
from agent.connector import Connector
from agent.identity import Identity, IdentityFile, Key
from agent.onsite import Lines
from tests.agent.doubles import AGENT, ConnectorDouble, Place


def write_config(folder: Path, connector: str, *targets: str, more: str = "") -> Path:
    """``targets``: the bodies of their tables."""
    path = folder / "agent.toml"
    tables = "".join(f"\n[[target]]\n{target}\n" for target in targets)
    path.write_text(
        f'[connector]\nurl = "{connector}"\nproxy = "none"\n{more}\n'
        f'[agent]\nstate = "{folder / "state"}"\n{tables}'
    )
    return path


class Site:
    """An enrolled agent's parts, with no process of its own."""

    def __init__(self, folder: Path, connector: ConnectorDouble, *targets: str) -> None:
        self.double = connector
        self.config: Config = load(write_config(folder, connector.url, *targets))
        self.file = IdentityFile(self.config.state)
        identity = Identity(AGENT, Key.new(), connector.url, "gp-1", "Acme")
        self.file.write(identity)
        connector.keys = [identity.key.public]
        self.connector = Connector(self.config, identity, self.file)
        self.lines = Lines()
        self.carrier = Carrier(self.config, self.connector, self.lines)
        self._number = 0

    def job(self, method: str, url: str, **more: object) -> wire.Job:
        self._number += 1
        more.setdefault("begin_first", method not in wire.SAFE_METHODS)
        return wire.Job(f"job{self._number}", method, url, **more)  # type: ignore[arg-type]

    def carry(
        self, method: str, url: str, **more: object
    ) -> tuple[list[wire.Part], wire.Trouble | None]:
        job = self.job(method, url, **more)
        self.carrier.carry(job)
        return self.double.parts.get(job.id, []), self.double.troubles.get(job.id)


@pytest.fixture
def connector() -> Iterator[ConnectorDouble]:
    double = ConnectorDouble()
    yield double
    double.close()


@pytest.fixture
def place() -> Iterator[Callable[..., Place]]:
    made: list[Place] = []

    def make(answer: Callable[..., None]) -> Place:
        made.append(Place(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def site(tmp_path: Path, connector: ConnectorDouble) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*targets: str) -> Site:
        made.append(Site(tmp_path, connector, *targets))
        return made[-1]

    yield make
    for one in made:
        one.lines.close()
    trust.context.cache_clear()
