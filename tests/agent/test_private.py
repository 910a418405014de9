"""Secrets on disk, and how Windows is asked to protect them (its two functions stand in here)."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from agent import private
from agent.private import NotPrivate, read_private, seal, unseal, write_private


class Windows:
    """``CryptProtectData`` and its inverse: every byte turned over, with a mark in front."""

    def __init__(self) -> None:
        self.flags: list[int] = []
        self.freed = 0
        self._kept: list[object] = []
        self.fails = False

    def _answer(self, made, out: bytes) -> int:
        buffer = ctypes.create_string_buffer(out, len(out))
        self._kept.append(buffer)
        made._obj.size = len(out)
        made._obj.data = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char))
        return 0 if self.fails else 1

    def load(self, name: str, use_last_error: bool):
        windows = self

        def protect(given, words, entropy, reserved, prompt, flags, made):
            windows.flags.append(flags)
            data = ctypes.string_at(given._obj.data, given._obj.size)
            return windows._answer(made, b"sealed" + bytes(255 - one for one in data))

        def unprotect(given, words, entropy, reserved, prompt, flags, made):
            data = ctypes.string_at(given._obj.data, given._obj.size)
            assert data.startswith(b"sealed")
            return windows._answer(made, bytes(255 - one for one in data[6:]))

        def free(pointer):
            windows.freed += 1

        return SimpleNamespace(
            CryptProtectData=protect, CryptUnprotectData=unprotect, LocalFree=free
        )


@pytest.fixture
def windows(monkeypatch):
    made = Windows()
    monkeypatch.setattr(private, "ON_WINDOWS", True)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WinDLL", made.load, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: 5, raising=False)
    return made


@pytest.mark.parametrize("secret", [b"", b"a", b"with\0zero", bytes(range(256)), "ü€".encode()])
def test_windows_protects_a_secret_for_this_machine_and_gives_it_back(windows, secret):
    text = seal(secret)
    assert text.startswith("dpapi:")
    assert unseal(text) == secret
    assert windows.flags == [0x4 | 0x1]  # for the machine, and never with a question on a screen
    assert windows.freed == 2


def test_windows_refusal_is_told(windows):
    windows.fails = True
    with pytest.raises(NotPrivate, match="error 5"):
        seal(b"x")


def test_a_secret_of_another_machine_is_told(windows, monkeypatch):
    text = seal(b"x")
    monkeypatch.undo()
    with pytest.raises(NotPrivate, match="another machine"):
        unseal(text)
    with pytest.raises(NotPrivate, match="damaged"):
        unseal("plain:!")


def test_a_private_file_is_private_from_its_first_byte(tmp_path):
    path = tmp_path / "new" / "secret"
    write_private(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    write_private(path, b"two")
    assert read_private(path) == b"two"
    assert [one.name for one in path.parent.iterdir()] == ["secret"]
