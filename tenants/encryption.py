"""Encrypted columns with a key ring: the newest key encrypts, every key decrypts."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class EncryptionKeyMissing(Exception):
    """A stored value cannot be read with any key of the ring."""

    def __init__(self) -> None:
        super().__init__(
            "A stored value cannot be decrypted with any key in ENCRYPTION_KEYS. Put the key that "
            "encrypted it back into the list (after the newest), then run rotate_keys."
        )


@lru_cache(maxsize=8)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key + "=" * (-len(key) % 4)) for key in keys])


def keyring() -> MultiFernet:
    return _ring(tuple(settings.ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    return keyring().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Raises EncryptionKeyMissing."""
    try:
        return keyring().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise EncryptionKeyMissing from error


def rotated(token: str) -> str:
    """The same value encrypted with the newest key; the token itself if it is already. Raises
    EncryptionKeyMissing."""
    try:
        _ring(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return encrypt(decrypt(token))
    return token


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database and plain in Python. It cannot be searched."""

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else decrypt(value)

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(str(value))

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise TypeError("An encrypted column can only be asked whether it is empty.")
        return super().get_lookup(lookup_name)


class EncryptedJSONField(EncryptedTextField):
    """JSON that is encrypted in the database. Decimals and dates become text."""

    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else json.loads(decrypt(value))

    def get_prep_value(self, value: Any) -> Any:
        if value is None:
            return None
        return encrypt(json.dumps(value, cls=DjangoJSONEncoder, separators=(",", ":")))

    def to_python(self, value: Any) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return json.dumps(self.value_from_object(obj), cls=DjangoJSONEncoder)
