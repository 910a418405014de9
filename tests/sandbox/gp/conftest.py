"""One running GP simulator, reset for each test, and calls to it."""

from __future__ import annotations

import pytest
import trustme

from tests.sandbox.gp.calls import session, start


@pytest.fixture(scope="package")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gp")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    simulator = start(
        folder, "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")
    )
    yield simulator, str(folder / "ca.pem")
    simulator.stop()


@pytest.fixture
def gp(running):
    running[0].post("reset")
    return running[0]


@pytest.fixture
def ca_file(running):
    return running[1]


@pytest.fixture
def call(gp, ca_file):
    signed_in = session(ca_file)

    def ask(method, path, payload=None, company="ACME", **more):
        base = f"{gp.api}/GPService/Tenants(DefaultTenant)"
        if company:
            base += f"/Companies({company})"
        if payload is not None:
            more["json"] = {"Payload": payload}
        return signed_in.request(method, base + path, timeout=10, **more)

    ask.session = signed_in
    yield ask
    signed_in.close()
