"""A relay server for the whole run, sites whose agents a test leads step by step, and a company of
its own whose agents are real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Running as Running
from tests.contract.conftest import running as running
from tests.relay.onsite import BY_RELAY, REACHED_DIRECTLY, Relayed, Site
from tests.relay.speaker import Speaker
from tests.support import flow as flow_support
from tests.support.relay import Agent, RelayServer
from tests.support.rigs import CERTIFICATES

COMPANY = "t_northwind"
OF_RELAY = ("connectors_relaysite", "connectors_relayagent", "tenants_agentaddress")


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


@pytest.fixture(scope="module")
def company(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The schema of a tenant that is there for one module and is not emptied in between."""
    from django.db import connection

    from tenants.provision import create_tenant

    with django_db_blocker.unblock():
        create_tenant(
            name="Northwind", slug="northwind", host="northwind.localhost", time_zone="UTC"
        )
    yield COMPANY
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        connection.set_schema_to_public()
        flow_support.empty_tables(schemas=())
        cursor.execute(f'DROP SCHEMA "{COMPANY}" CASCADE')
        for table, column in (("tenants_domain", "tenant_id"), ("tenants_tenant", "id")):
            mine = "(SELECT id FROM public.tenants_tenant WHERE schema_name = %s)"
            cursor.execute(f"DELETE FROM public.{table} WHERE {column} IN {mine}", [COMPANY])


@pytest.fixture(scope="module")
def on_site(
    company: str,
    relay_server: RelayServer,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Site:
    """The company's site with GP and NAV in each of their ways; no agent is there yet."""
    made = Site(company, relay_server, tmp_path_factory.mktemp("site"), django_db_blocker.unblock)
    Relayed.site = made
    return made


@pytest.fixture(scope="module")
def agent(on_site: Site, running: Running) -> Iterator[Agent]:
    """The only agent of the site, which may call all of its ERPs."""
    targets = [target for rig in BY_RELAY for target in running(rig).targets()]
    started = on_site.agent("gp-1", targets, slots=8).start()
    yield started
    started.kill()


@pytest.fixture
def northwind(on_site: Site, django_db_blocker: Any, settings: Any) -> Iterator[Any]:
    """The company, entered, with empty tables but for its site and agents. Its connector dials
    stores, and no ERP."""
    from connectors import services
    from tenants.context import in_tenant

    settings.ALLOWED_PRIVATE_NETWORKS = [REACHED_DIRECTLY]
    settings.OUTBOUND_CA_FILE = CERTIFICATES.ca_file
    with django_db_blocker.unblock():
        flow_support.empty_tables(schemas=(COMPANY,), keep=OF_RELAY)
        with in_tenant(COMPANY) as entered:
            yield entered
    services._adapters.clear()
