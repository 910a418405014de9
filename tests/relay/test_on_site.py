"""Accounts that are kept on site: the systems are signed in to, and the connector never has a
password. That it has none is looked for where it would be."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import InvalidToken

from connectors.errors import NeedsAttention
from tests.contract.conftest import Running, ready
from tests.contract.rigs import BigCommerceRig
from tests.contract.test_erp_bad_days import (
    test_a_lost_answer_leaves_one_document_that_is_found as test_a_lost_answer_leaves_one_document_that_is_found,
)
from tests.contract.test_erps import (
    test_a_document_reads_back_to_the_cent as test_a_document_reads_back_to_the_cent,
)
from tests.contract.test_erps import (
    test_a_ping_proves_the_connection_and_writes_nothing as test_a_ping_proves_the_connection_and_writes_nothing,
)
from tests.contract.test_pairs import CARD, joined
from tests.relay.conftest import COMPANY
from tests.relay.onsite import (
    WITH_ACCOUNT,
    GpOnSite,
    GpRestByRelay,
    NavKeyByRelay,
    NavKeyOnSite,
    Relayed,
    Site,
    WithAccountOnSite,
)
from tests.support.relay import Agent

IN_THE_CONNECTOR: dict[type[WithAccountOnSite], type[Relayed]] = {
    GpOnSite: GpRestByRelay,
    NavKeyOnSite: NavKeyByRelay,
}


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("passwords")


@pytest.fixture(scope="module")
def agent(on_site: Site, running: Running, passwords: Path) -> Iterator[Agent]:
    """Has its own accounts for some ERPs, and takes the connector's for the others."""
    own = [one for rig in WITH_ACCOUNT for one in running(rig).targets_with_account(passwords)]
    others = [one for rig in IN_THE_CONNECTOR.values() for one in running(rig).targets()]
    started = on_site.agent("gp-1", [*own, *others], slots=8).start()
    yield started
    started.kill()


@pytest.fixture(params=WITH_ACCOUNT, ids=lambda rig: rig.name)
def erp(request: pytest.FixtureRequest, running: Running, agent: Agent) -> Iterator[Relayed]:
    rig = ready(running(request.param))
    yield rig
    assert rig.carriers() <= {"gp-1"}


def test_a_wrong_password_on_site_is_told_once_and_a_right_one_is_taken(
    erp: WithAccountOnSite, agent: Agent, passwords: Path
):
    file = erp.password_file(passwords)
    file.write_text("not-it")
    agent.stop()
    agent.start()
    try:
        with pytest.raises(NeedsAttention) as caught:
            erp.adapter().find_items(["TENT-2P-GRN"])
        assert "not-it" not in str(caught.value) + agent.log()
        assert caught.value.code == "wrong_secret"
        assert "kept on site" in caught.value.advice
    finally:
        file.write_text(erp.password)
    erp.cache.values.clear()
    agent.stop()
    agent.start()  # as IT is told to; a refused account is otherwise left alone for a while
    assert erp.adapter().find_items(["TENT-2P-GRN"])


@pytest.mark.parametrize("rig", IN_THE_CONNECTOR, ids=lambda rig: rig.name)
def test_an_order_is_booked_and_the_password_is_nowhere_in_the_connector(
    rig: type[WithAccountOnSite], northwind: Any, running: Running, agent: Agent
):
    erp: WithAccountOnSite = ready(running(rig))
    with all_said_to_redis() as said:
        book_an_order(erp, running)
    assert places_of(erp.password, erp.account, said) == []


@pytest.mark.parametrize("rig", IN_THE_CONNECTOR, ids=lambda rig: rig.name)
def test_a_password_that_is_kept_in_the_connector_is_found_there_encrypted(
    rig: type[WithAccountOnSite], northwind: Any, running: Running, agent: Agent
):
    """What the test before looks for can be found."""
    erp = ready(running(IN_THE_CONNECTOR[rig]))
    with all_said_to_redis() as said:
        book_an_order(erp, running)
    assert places_of(rig.password, rig.account, said) == ["connectors_connection", "Redis"]
    in_the_open = "\n".join([*said, *tables().values()])
    assert rig.password not in in_the_open


def book_an_order(erp: Relayed, running: Running) -> None:
    route = joined(ready(running(BigCommerceRig)), erp)
    placed = route.store.place(CARD)
    route.run()
    route.all_settled()
    assert len(route.transfers("orders")) == 1
    assert route.money("invoice") in ([placed.total], [])


@contextmanager
def all_said_to_redis() -> Iterator[list[str]]:
    """Every command that anybody gives to our database of Redis meanwhile."""
    from connectors.shared_redis import redis_client

    said: list[str] = []
    redis, ready = redis_client(), threading.Event()
    own = int(redis.connection_pool.connection_kwargs.get("db") or 0)

    def listen() -> None:
        with suppress(OSError, ValueError), redis.monitor() as monitor:
            ready.set()
            for row in monitor.listen():
                if int(row["db"]) != own:  # of other test processes on the same server
                    continue
                said.append(row["command"])
                if row["command"] == "ECHO enough":
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(5)
    yield said
    redis.echo("enough")
    thread.join(5)
    assert not thread.is_alive()


def tables() -> dict[str, str]:
    """Every table of the company and of the public schema as text."""
    from django.db import connection

    found: dict[str, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN (%s, 'public')",
            [COMPANY],
        )
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" t')
            found[table] = found.get(table, "") + "\n".join(row for (row,) in cursor.fetchall())
    return found


def places_of(password: str, account: str, said: list[str]) -> list[str]:
    """Where a password is, encrypted or not, by itself or as Basic authorization has it."""
    basic = base64.b64encode(f"{account}:{password}".encode()).decode()
    where = {**tables(), "Redis": "\n".join(said)}
    assert "relay:job:" in where["Redis"]
    return [
        place
        for place, text in where.items()
        if any(form in opened(text) for form in (password, basic))
    ]


def opened(text: str) -> str:
    """A text with everything in it decrypted that the connector's keys open."""
    from tenants.encryption import keyring

    found = [text]
    for token in re.findall(r"gAAAA[A-Za-z0-9_-]+={0,2}", text):
        with suppress(InvalidToken):
            found.append(keyring().decrypt(token.encode()).decode("utf-8", "replace"))
    return "\n".join(found)
