"""Files that hold secrets: readable by the agent's own account alone; on Windows encrypted by the
system (DPAPI, for this machine) besides, so that a copy of the file opens nowhere else."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import wire

ON_WINDOWS = os.name == "nt"
_UI_FORBIDDEN, _LOCAL_MACHINE = 0x1, 0x4


class NotPrivate(OSError):
    """The file can be read by others, or cannot be read by the agent."""


def read_private(path: Path) -> bytes:
    """Raises NotPrivate, also for a missing file."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if not ON_WINDOWS and mode & 0o077:
                raise NotPrivate(f"{path} can be read by others: chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        raise NotPrivate(f"there is no file {path}") from None
    except PermissionError:
        raise NotPrivate(f"{path} cannot be read by the account that the agent runs as") from None


def write_private(path: Path, content: bytes) -> None:
    """In one step: a crash leaves the old file or the new one, and it is on the disk when this
    returns. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # 0600 where that is
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    if not ON_WINDOWS:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def seal(secret: bytes) -> str:
    """A secret as text for a private file."""
    if ON_WINDOWS:
        return "dpapi:" + wire.base64_of(_dpapi(secret, protect=True))
    return "plain:" + wire.base64_of(secret)


def unseal(text: str) -> bytes:
    """Raises NotPrivate if it was sealed on another machine."""
    kind, _, rest = text.partition(":")
    try:
        content = wire.unbase64(rest)
    except wire.WireError:
        raise NotPrivate("a stored secret is damaged") from None
    if kind == "plain":
        return content
    if kind == "dpapi" and ON_WINDOWS:
        return _dpapi(content, protect=False)
    raise NotPrivate("a stored secret was made on another machine")


def _dpapi(data: bytes, *, protect: bool) -> bytes:
    """For this machine rather than one account: an administrator enrols, a service account runs."""
    if sys.platform != "win32":
        raise NotPrivate("only Windows protects data this way")
    import ctypes
    from ctypes import wintypes

    class Blob(ctypes.Structure):
        _fields_ = [("size", wintypes.DWORD), ("data", ctypes.POINTER(ctypes.c_char))]

    crypt: Any = ctypes.WinDLL("crypt32", use_last_error=True)
    kernel: Any = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.LocalFree.argtypes = [ctypes.c_void_p]
    call = crypt.CryptProtectData if protect else crypt.CryptUnprotectData
    call.argtypes = [
        *(ctypes.POINTER(Blob), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
        *(wintypes.DWORD, ctypes.POINTER(Blob)),
    ]
    call.restype = wintypes.BOOL
    buffer = ctypes.create_string_buffer(data, len(data))
    given = Blob(len(data), ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char)))
    made = Blob()
    flags = _UI_FORBIDDEN | _LOCAL_MACHINE
    if not call(ctypes.byref(given), None, None, None, None, flags, ctypes.byref(made)):
        code = ctypes.get_last_error()
        raise NotPrivate(f"Windows could not protect or open a stored secret (error {code})")
    try:
        return ctypes.string_at(made.data, made.size)
    finally:
        kernel.LocalFree(ctypes.cast(made.data, ctypes.c_void_p))
