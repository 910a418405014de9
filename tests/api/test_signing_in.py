"""Tokens: whose they are, what they may do, when they end, how often they may call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from api import throttles, tokens
from api.models import ApiToken
from audit.models import Entry
from tenants.context import in_public, in_tenant
from tenants.models import Membership, User
from tenants.roles import Role
from tests.api.conftest import Program, held, make_transfer

READING = (
    "connections/", "connections/store/", "routes/", "routes/web/", "routes/web/lookups/",
    "transfers/", "documents/", "audit/", "reconciliation/",
)  # fmt: skip


def test_nobody_reads_without_a_token(flow):
    for path in READING:
        answer = Program().get(path)
        assert answer.status_code == 401, path
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
        assert answer["Content-Type"] == "application/problem+json"
        assert "Bearer" in answer.json()["detail"]


def test_every_role_reads(flow, made):
    for role in Role:
        for path in READING:
            assert Program(made[role].token).get(path).status_code == 200, (role, path)


def test_a_token_of_one_tenant_is_nothing_on_anothers_host(flow, made):
    make_transfer(flow)
    answer = Program(made[Role.ADMIN].token, "other.localhost").get("transfers/")
    assert answer.status_code == 401
    assert "not known here" in answer.json()["detail"]
    with in_tenant("t_other"):
        theirs = tokens.create(name="theirs", role="admin", days=30, by="o@example.com")
    assert Program(theirs.token, "other.localhost").get("transfers/").json()["results"] == []
    assert Program(theirs.token).get("transfers/").status_code == 401


def test_the_public_host_has_no_api(made):
    for host in ("localhost", "127.0.0.1"):
        for path in ("/api/v1/transfers/", "/api/schema/", "/api/docs/"):
            assert Program(made[Role.ADMIN].token, host).get(path).status_code == 404


def test_a_closed_tenants_tokens_are_nothing(tenant, program):
    with in_public():
        type(tenant).objects.filter(pk=tenant.pk).update(is_active=False)
    try:
        assert program.get("transfers/").status_code == 404
    finally:
        with in_public():
            type(tenant).objects.filter(pk=tenant.pk).update(is_active=True)


def test_a_viewers_token_changes_nothing(flow, reader):
    row = held(flow)
    for act in ("replay", "release", "skip", "accept-difference", "choose-side", "post-correction"):
        answer = reader.post(f"transfers/{row.pk}/{act}/", {"reason": "x"})
        assert answer.status_code == 403, act
        assert "accountant" in answer.json()["detail"]
    assert reader.post("connections/store/ping/").status_code == 403
    row.refresh_from_db()
    assert row.state == "held"


def test_a_token_ends_on_its_day(made):
    row = made[Role.VIEWER].row
    ApiToken.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = Program(made[Role.VIEWER].token).get("transfers/")
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_a_revoked_token_is_refused_at_once(reader, made):
    assert reader.get("transfers/").status_code == 200
    tokens.revoke(made[Role.VIEWER].row.pk, by="anna@example.com")
    answer = reader.get("transfers/")
    assert answer.status_code == 401
    assert "revoked" in answer.json()["detail"]


def test_an_odd_authorization_header_is_refused_with_words(tenant):
    for header in (
        "", "Bearer", "Bearer a b", "Basic YTpi", "Bearer mlc_", "Bearer " + "x" * 9000,
        "Bearer ñ", "Bearer mlc_\x00", "Bearer mlc_ünknown", "mlc_abc",
    ):  # fmt: skip
        answer = Program().get("transfers/", Authorization=header)
        assert answer.status_code == 401, header
        assert answer.json()["detail"]


def test_only_a_digest_of_the_token_is_kept(made):
    token = made[Role.VIEWER].token
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(t)::text FROM api_apitoken t")
        kept = " ".join(row[0] for row in cursor.fetchall())
    assert token not in kept
    assert token[10:] not in kept
    assert tokens.digest_of(token) in kept


def test_making_and_revoking_stand_in_the_trail_without_the_token(made):
    row = tokens.revoke(made[Role.ADMIN].row.pk, by="anna@example.com")
    tokens.revoke(row.pk, by="anna@example.com")
    words = list(
        Entry.objects.filter(action__startswith="token_").values_list("action", "words", "data")
    )
    assert [action for action, _, _ in words] == ["token_created"] * 3 + ["token_revoked"]
    assert all(made[role].token not in str(words) for role in Role)


def test_a_name_serves_one_token_at_a_time(made):
    row = made[Role.VIEWER].row
    with pytest.raises(ValidationError) as refused:
        tokens.create(name=row.name, role="viewer", days=30, by="a@example.com")
    assert "already" in refused.value.message_dict["name"][0]
    tokens.revoke(row.pk, by="a@example.com")
    assert tokens.create(name=row.name, role="viewer", days=30, by="a@example.com").row.pk != row.pk


def test_the_last_use_is_kept_to_the_minute(reader, made):
    row = made[Role.VIEWER].row
    reader.get("transfers/")
    first = ApiToken.objects.get(pk=row.pk).last_used_at
    assert first is not None
    reader.get("transfers/")
    assert ApiToken.objects.get(pk=row.pk).last_used_at == first


def test_too_many_calls_are_refused_until_the_minute_is_over(reader, program, settings):
    settings.API_CALLS_PER_MINUTE = 3
    throttled = [reader.get("transfers/") for _ in range(7)][-1]
    assert throttled.status_code == 429
    assert 1 <= int(throttled["Retry-After"]) <= throttles.WINDOW_SECONDS
    assert "seconds" in throttled.json()["detail"]
    assert program.get("transfers/").status_code == 200, "each token has a count of its own"
    cache.clear()
    assert reader.get("transfers/").status_code == 200


def test_pings_have_a_smaller_count(flow, program, settings):
    settings.API_PINGS_PER_MINUTE = 0
    assert program.post("connections/store/ping/").status_code == 429
    assert program.get("connections/store/").status_code == 200


def test_without_redis_calls_go_on(reader, settings, monkeypatch):
    from redis.exceptions import ConnectionError as RedisGone

    def gone(*args, **more):
        raise RedisGone("refused")

    monkeypatch.setattr(throttles.cache, "add", gone)
    assert reader.get("transfers/").status_code == 200


class TestConsoleSignIn:
    @pytest.fixture
    def browser(self, flow):
        user = User.objects.create_user("vera@example.com", "a rather long password")
        Membership.objects.create(user=user, tenant=connection.tenant, role=Role.ADMIN)
        found = Program()
        with in_public():
            found.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return found

    def test_reads(self, browser):
        assert browser.get("transfers/").status_code == 200

    def test_does_not_act(self, browser, flow):
        row = held(flow)
        answer = browser.post(f"transfers/{row.pk}/release/")
        assert answer.status_code == 403
        assert "API token" in answer.json()["detail"]
        row.refresh_from_db()
        assert row.state == "held"

    def test_of_another_tenant_is_refused(self, browser):
        browser.client.defaults["SERVER_NAME"] = "other.localhost"
        answer = browser.get("transfers/")
        assert answer.status_code in (401, 403)
        assert answer["Content-Type"] == "application/problem+json"


def test_an_administrator_makes_and_revokes_a_token_in_the_console(tenant, made):
    user = User.objects.create_user("anna@example.com", "a rather long password")
    membership = Membership.objects.create(user=user, tenant=tenant, role=Role.ADMIN)
    browser = Program()
    with in_public():
        browser.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    def form(path, **fields):
        before = connection.tenant
        try:
            return browser.client.post(path, fields)
        finally:
            connection.set_tenant(before)

    answer = form("/people/tokens/add/", name="Till <import>", role="viewer", days="90")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    page = answer.content.decode()
    assert "Till &lt;import&gt;" in page
    token = page.partition('value="mlc_')[2].partition('"')[0]
    assert Program(f"mlc_{token}").get("transfers/").status_code == 200
    assert token not in browser.get("/people/tokens/").content.decode()
    assert form("/people/tokens/add/", name="", role="emperor", days="1e9").status_code == 400
    row = ApiToken.objects.get(name="Till <import>")
    assert row.created_by == "anna@example.com"
    assert form(f"/people/tokens/{row.pk}/revoke/").status_code == 302
    assert Program(f"mlc_{token}").get("transfers/").status_code == 401
    assert form("/people/tokens/999999/revoke/").status_code == 404
    membership.role = Role.ACCOUNTANT
    membership.save()
    assert browser.get("/people/tokens/").status_code == 403
    assert form("/people/tokens/add/", name="x", role="viewer", days="30").status_code == 403


def test_the_door_has_no_page_for_browsers(program):
    client = Client(SERVER_NAME="acme.localhost")
    for path in ("/api/v1/nothing/", "/api/", "/api/v2/transfers/"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
    assert program.get("transfers/?number=%00").json()["status"] == 400
