"""People of Acme, the product as its own processes, and Chromium."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from playwright.sync_api import sync_playwright

from connectors import hook_care
from tenants.models import Membership, User
from tenants.roles import Role
from tests.console.support import CHROMIUM, PASSWORD, Browser, Product
from tests.support.simulators import HOOK_HOST


@pytest.fixture
def people(tenant):
    cache.clear()
    made = {}
    for role in Role:
        made[role] = User.objects.create_user(
            f"{role}@example.com", PASSWORD, name=role.capitalize()
        )
        Membership.objects.create(user=made[role], tenant=tenant, role=role)
    return made


@pytest.fixture
def browser(people):
    return Browser(people[Role.ADMIN])


@pytest.fixture
def product(flow):
    running = Product()
    flow.store_simulator.post("deliver-to", host=HOOK_HOST, url=f"http://127.0.0.1:{running.port}")
    hook_care.ensure_hooks(flow.store, ["orders"])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-background-networking",
                "--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync",
                "--host-resolver-rules=MAP acme.localhost 127.0.0.1",
            ],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, product, people):
    context = chromium.new_context(
        base_url=f"http://acme.localhost:{product.port}", viewport={"width": 1440, "height": 900}
    )
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on(
        "console",
        lambda m: page.complaints.append(m.text) if m.type == "error" else None,  # type: ignore[attr-defined]
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    yield page
    context.close()
