"""Fixtures: a tenant with real schema, the simulators, a route between them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from tests.support import flow as flow_support
from tests.support import simulators as simulator_support


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests begin first, so that no worker is left alone with one at the end."""
    slow = {
        item.path
        for item in items
        if item.get_closest_marker("slow") or item.get_closest_marker("browser")
    }
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[None]:
    """The public schema and one tenant, made once for each worker; PostgreSQL 18, real migrations."""
    from tenants.provision import create_tenant

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        suffix = os.environ.get("PYTEST_XDIST_WORKER", "main")
        name = f"test_ml_connector_{suffix}"
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
        connection.close()
        settings.DATABASES["default"]["NAME"] = name
        connection.settings_dict["NAME"] = name
        # Programs that a test starts use the same database.
        url = os.environ["DATABASE_URL"]
        before, _, after = url.partition("?")
        os.environ["DATABASE_URL"] = (
            before.rpartition("/")[0] + f"/{name}" + (f"?{after}" if after else "")
        )
        call_command("migrate_schemas", shared=True, interactive=False, verbosity=0)
        create_tenant(name="Acme", slug="acme", host="acme.localhost", time_zone="Europe/London")
        create_tenant(name="Other", slug="other", host="other.localhost", time_zone="UTC")
        yield
        connection.close()


@pytest.fixture
def tenant(transactional_tenant: object) -> object:
    return transactional_tenant


@pytest.fixture
def transactional_tenant(
    django_db_setup: None, django_db_blocker: pytest.FixtureRequest
) -> Iterator[object]:
    """The tenant Acme, entered, with empty tables; what a test commits is real to every process."""
    from tenants.context import in_tenant

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        flow_support.empty_tables()
        with in_tenant("t_acme") as entered:
            yield entered
        connection.set_schema_to_public()
        flow_support.forget_processes_memory()


@pytest.fixture(scope="session")
def running_simulators() -> Iterator[simulator_support.Simulators]:
    running = simulator_support.start()
    settings.OUTBOUND_CA_FILE = running.ca_file
    os.environ["OUTBOUND_CA_FILE"] = running.ca_file
    yield running
    running.stop()


@pytest.fixture
def simulators(
    running_simulators: simulator_support.Simulators,
) -> simulator_support.Simulators:
    running_simulators.reset()
    return running_simulators


@pytest.fixture
def flow(tenant: object, simulators: simulator_support.Simulators) -> flow_support.Flow:
    """A BigCommerce connection, a Business Central connection and a route, ready to work."""
    return flow_support.make_flow(simulators)
