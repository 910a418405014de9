"""Signing in to the GP simulator: NTLM, Negotiate, channel binding, accounts that lock."""

from __future__ import annotations

import base64
import contextlib
import http.client
import ssl
import time

import requests
import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from spnego.channel_bindings import GssChannelBindings

from tests.sandbox.gp.calls import DOCUMENTS, PASSWORD, USER, invoice, session, start


def test_ntlm_authenticates_the_connection_and_no_body_counts_before(gp, call):
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    counts = gp.get("state")["sign_in"]
    assert (counts["type1"], counts["type3"], counts["served"]) == (1, 1, 1)
    assert call("POST", DOCUMENTS, invoice("BC1-100046")).status_code == 201
    assert gp.get("state")["sign_in"]["type3"] == 1
    assert len(gp.get("state")["invoices"]) == 2


def test_who_has_no_usable_account_gets_a_bare_401_with_both_schemes(gp, ca_file):
    url = f"{gp.api}/GPService/Tenants(DefaultTenant)/help"
    plain = requests.get(url, verify=ca_file, timeout=10)
    assert plain.status_code == 401
    assert plain.raw.headers.getlist("www-authenticate") == ["Negotiate", "NTLM"]
    assert session(ca_file, password="wrong").get(url, timeout=10).status_code == 401
    assert session(ca_file, name="CONTOSO\\nobody").get(url, timeout=10).status_code == 401
    assert session(ca_file, name="svc-gp").get(url, timeout=10).status_code == 401
    assert gp.get("state")["users"][0]["bad_passwords"] == 1
    basic = requests.get(url, auth=(USER, PASSWORD), verify=ca_file, timeout=10)
    assert basic.status_code == 401
    gp.post("settings", basic=True)
    basic = requests.get(url, auth=(USER, PASSWORD), verify=ca_file, timeout=10)
    assert basic.status_code == 200
    gp.post("settings", bearer_only=True)
    refused = requests.get(url, verify=ca_file, timeout=10)
    assert refused.headers["www-authenticate"] == 'Bearer realm="GPService"'


def test_a_password_expires_or_changes_under_a_signed_in_connection(gp, call, ca_file):
    assert call("GET", "/help", company="").status_code == 200
    gp.post("users", name=USER, expired=True)
    assert call("GET", "/help", company="").status_code == 401
    gp.post("users", name=USER, expired=False, password="next-password")
    assert session(ca_file).get(f"{gp.api}/GPService/x", timeout=10).status_code == 401
    renewed = session(ca_file, password="next-password")
    assert renewed.get(f"{gp.api}/GPService/x", timeout=10).status_code == 404


def test_a_server_may_forget_drop_and_close_connections(gp, call):
    assert call("GET", "/help", company="").status_code == 200
    gp.post("settings", forget=1)
    assert call("POST", DOCUMENTS, invoice()).status_code == 201
    assert gp.get("state")["sign_in"]["type3"] == 2
    gp.post("settings", close_every=2)
    for number in range(4):
        assert call("POST", DOCUMENTS, invoice(f"BC1-20000{number}")).status_code == 201
    gp.post("settings", close_every=0, forget=1, drop_after_challenge=1)
    # The third leg meets a closed connection, or goes out on a new one that knows no challenge.
    with contextlib.suppress(requests.ConnectionError):
        assert call("POST", DOCUMENTS, invoice("BC1-3")).status_code == 401
    assert len(gp.get("state")["invoices"]) == 5
    assert call("POST", DOCUMENTS, invoice("BC1-3")).status_code == 201
    gp.post("settings", close_every=1, close_silently=True)
    before = gp.get("state")["sign_in"]["type3"]
    for _ in range(3):
        assert call("GET", "/help", company="").status_code == 200
        time.sleep(0.2)
    assert gp.get("state")["sign_in"]["type3"] >= before + 2


def test_channel_binding_is_checked_by_the_server_itself(gp, ca_file):
    url = f"{gp.api}/GPService/Tenants(DefaultTenant)/help"

    def status(**more):
        return session(ca_file, **more).get(url, timeout=10).status_code

    assert (status(), status(send_cbt=False)) == (200, 200)
    gp.post("settings", binding="require")
    assert (status(), status(send_cbt=False)) == (200, 401)
    wrong = b"tls-server-end-point:" + b"x" * 32
    assert negotiate(gp, ca_file, wrong) == 401
    gp.post("settings", binding="allow")
    assert negotiate(gp, ca_file, wrong) == 401
    gp.post("settings", binding="none")
    assert negotiate(gp, ca_file, wrong) == 200


def negotiate(gp, ca_file, binding: bytes = b"") -> int:
    """SPNEGO-wrapped tokens under the scheme Negotiate; the last leg's status."""
    host, _, port = gp.api.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cafile=ca_file)
    connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=10)
    connection.connect()
    if not binding:
        certificate = connection.sock.getpeercert(binary_form=True)
        found = x509.load_der_x509_certificate(certificate)
        digest = hashes.Hash(found.signature_hash_algorithm)
        digest.update(certificate)
        binding = b"tls-server-end-point:" + digest.finalize()
    client = spnego.client(
        USER,
        PASSWORD,
        protocol="negotiate",
        channel_bindings=GssChannelBindings(application_data=binding),
        options=spnego.NegotiateOptions.use_negotiate,
        hostname="localhost",
        service="http",
    )
    token, status = client.step(), 0
    while token:
        header = f"Negotiate {base64.b64encode(token).decode()}"
        path = "/GPService/Tenants(DefaultTenant)/help"
        connection.request("GET", path, headers={"Authorization": header})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
        back = answer.headers.get("www-authenticate", "").removeprefix("Negotiate").strip()
        token = client.step(base64.b64decode(back)) if back else None
    connection.close()
    return status


def test_negotiate_with_spnego_signs_in_too(gp, ca_file):
    gp.post("settings", binding="require")
    assert negotiate(gp, ca_file) == 200


def test_too_many_wrong_passwords_lock_the_account(tmp_path):
    simulator = start(tmp_path, "--lockout", "2")
    try:
        url = f"{simulator.api}/GPService/Tenants(DefaultTenant)/help"
        for _ in range(2):
            assert session(True, password="wrong").get(url, timeout=10).status_code == 401
        assert session(True).get(url, timeout=10).status_code == 401
        simulator.post("users", name=USER, locked=False)
        assert session(True).get(url, timeout=10).status_code == 200
    finally:
        simulator.stop()
