"""A relay server for the whole run, and a site with agents that the test leads step by step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.relay.speaker import Speaker
from tests.support.relay import RelayServer


@pytest.fixture(scope="session")
def relay_server(django_db_setup: None) -> Iterator[RelayServer]:
    server = RelayServer().start()
    yield server
    server.kill()


@pytest.fixture
def site(tenant: object) -> Any:
    from connectors.relay import services

    return services.create_site("Warehouse")


@pytest.fixture
def enrolled(relay_server: RelayServer, site: Any) -> Any:
    """Makes an enrolled agent of the site by its name; ``row`` is its row."""
    from connectors.relay import services

    def make(name: str = "gp-1") -> Speaker:
        row, token = services.invite(site, name)
        speaker = Speaker.enrolled(relay_server.url, token)
        row.refresh_from_db()
        speaker.row = row
        return speaker

    return make
