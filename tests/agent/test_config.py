"""The configuration file: each mistake is told with its key, and nothing is guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.allow import read_address
from agent.config import ConfigError, load
from agent.passwords import NoPassword, password_of, store
from tests.agent.conftest import write_config

URL = "https://connector.example.com"
TARGET = 'url = "https://gp.example.local/GPService/"'
OWN = TARGET + "\nsign_in = \"windows\"\nuser = 'EXAMPLE\\svc'\n"


def config(tmp_path, *targets, connector=URL, more=""):
    return load(write_config(tmp_path, connector, *(targets or (TARGET,)), more=more))


def test_the_example_says_what_the_program_understands(tmp_path):
    text = (Path(__file__).parents[2] / "agent" / "agent.example.toml").read_text()
    path = tmp_path / "agent.toml"
    path.write_text(text)
    found = load(path)
    assert (found.url, found.proxy, found.slots) == (URL, "system", 4)
    assert found.targets[0].user == "EXAMPLE\\svc-connector"
    # Each key that stands there behind a # is one that is known.
    path.write_text(
        text.replace('# page = "', 'page = "').replace("# password_env", "password_env")
    )
    assert load(path).targets[0].password_env == "GP_PASSWORD"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"connector": "http://connector.example.com"}, "connector.url must begin with https"),
        ({"connector": "https://connector.example.com/x"}, "without a path"),
        ({"connector": "connector.example.com"}, "connector.url"),
        ({"connector": ""}, "connector.url is missing"),
        ({"more": "proxies = 1"}, "connector.proxies is not known"),
        ({"more": 'ca_file = "/no/such.pem"'}, "connector.ca_file: there is no file"),
        ({"targets": [TARGET + "\nsignin = 'x'"]}, "target 1: signin is not known"),
        ({"targets": [TARGET, TARGET]}, "is there twice"),
        ({"targets": [TARGET + "\nsign_in = 'ntlm'"]}, "connector, windows, basic or none"),
        ({"targets": [TARGET + "\nsign_in = 'windows'"]}, "user is missing"),
        ({"targets": [TARGET + "\nuser = 'x'"]}, "user is only for"),
        ({"targets": [TARGET + "\npassword_env = 'x'"]}, "password_env is only for"),
        ({"targets": [OWN + "password_env='A'\npassword_file='b'"]}, "comes from one place"),
        ({"targets": [TARGET + "\npage = '/other'"]}, "is not a path under"),
        ({"targets": [TARGET + "\npage = '/GPService/../x'"]}, "is not a path under"),
        ({"targets": ['url = "gp.example.local"']}, "target 1: url 'gp.example.local'"),
        ({"targets": ['url = "https://u:p@gp.example.local/"']}, "target 1: url"),
        ({"targets": ['url = "https://gp.example.local/x?y"']}, "no question mark"),
        ({"targets": ["url = 1"]}, "url must be a text in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path, wrong, words):
    targets = wrong.pop("targets", [])
    with pytest.raises(ConfigError) as error:
        config(tmp_path, *targets, **wrong)
    assert words in str(error.value)
    assert str(tmp_path / "agent.toml") in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[agent]", "[agents]", "agents is not known"),
        ("state = ", "slots = 0\nstate = ", "agent.slots"),
        ("state = ", "slots = true\nstate = ", "agent.slots"),
        ('state = "/', 'state = "', "whole path"),
        ("[[target]]", "[[targets]]", "targets is not known"),
        ('proxy = "none"', 'proxy = "proxy.example:3128"', "connector.proxy"),
        ('proxy = "none"', 'proxy = "http://proxy.example"', "connector.proxy"),
        ("[agent]", "[agent", "is not TOML"),
        ('url = "https://gp', 'user = "EXAMPLE\\svc"\nurl = "https://gp', "single quotes"),
    ],
)
def test_so_is_one_of_the_file(tmp_path, old, new, words):
    path = write_config(tmp_path, URL, TARGET)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        load(path)
    assert words in str(error.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_only_on_this_machine_the_way_needs_no_encryption(tmp_path, host):
    assert config(tmp_path, connector=f"http://{host}:8000").url == f"http://{host}:8000"


def test_the_narrowest_target_decides(tmp_path):
    narrow = 'url = "https://gp.example.local/GPService/Tenants(A)"\nsign_in = "none"'
    found = config(tmp_path, TARGET, narrow)
    at = read_address("https://gp.example.local/GPService/Tenants(A)/x")
    assert found.target_for(at).sign_in == "none"
    at = read_address("https://gp.example.local/GPService/Tenants(B)/x")
    assert found.target_for(at).sign_in == "connector"


def test_a_password_comes_from_a_file_that_nobody_else_reads(tmp_path):
    file = tmp_path / "password"
    file.write_text("geheim ü \n")
    found = config(tmp_path, OWN + f'password_file = "{file}"')
    file.chmod(0o640)
    with pytest.raises(NoPassword, match="chmod 600"):
        password_of(found.targets[0], found)
    file.chmod(0o600)
    assert password_of(found.targets[0], found) == "geheim ü "
    file.unlink()
    with pytest.raises(NoPassword, match="there is no file"):
        password_of(found.targets[0], found)


def test_or_from_systemd_or_from_the_environment(tmp_path, monkeypatch):
    found = config(tmp_path, OWN + 'password_credential = "gp"')
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(NoPassword, match="systemd only"):
        password_of(found.targets[0], found)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(NoPassword, match="gave no credential gp"):
        password_of(found.targets[0], found)
    (tmp_path / "gp").write_text("one\r\n")
    assert password_of(found.targets[0], found) == "one"
    found = config(tmp_path, OWN + 'password_credential = "../gp"')
    with pytest.raises(NoPassword, match="not the name"):
        password_of(found.targets[0], found)
    found = config(tmp_path, OWN + 'password_env = "GP_SECRET"')
    with pytest.raises(NoPassword, match="GP_SECRET is not set"):
        password_of(found.targets[0], found)
    monkeypatch.setenv("GP_SECRET", "two")
    assert password_of(found.targets[0], found) == "two"


def test_or_from_what_set_password_kept_for_this_account(tmp_path):
    found = config(tmp_path, OWN)
    target = found.targets[0]
    with pytest.raises(NoPassword, match="set-password https://gp"):
        password_of(target, found)
    path = store(target, found, "three")
    assert password_of(target, found) == "three"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(path.parent).st_mode & 0o777 == 0o700
    other = config(tmp_path, OWN.replace("svc", "other"))
    with pytest.raises(NoPassword):
        password_of(other.targets[0], other)
