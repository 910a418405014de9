"""RSA key pairs: of the instance's synchronous webhooks, and of Adobe I/O's deliveries."""

from __future__ import annotations

import base64
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.common.journal import Journal


class SigningKey:
    """A 2048-bit pair that the journal keeps; signatures are RSASSA-PKCS1-v1_5 with SHA-256."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal, self._name = journal, name
        self.load()

    def load(self) -> None:
        kept = self._journal.load("key").get(self._name)
        if kept is None:
            self.regenerate()
            return
        key = serialization.load_pem_private_key(kept["pem"].encode(), password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        self._key, self.id = key, str(kept["id"])

    def regenerate(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.id = str(uuid.uuid4())
        self.save()

    def save(self) -> None:
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._journal.put("key", self._name, {"pem": pem.decode(), "id": self.id})

    def public_pem(self) -> str:
        return (
            self._key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def sign(self, message: bytes) -> str:
        return base64.b64encode(
            self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        ).decode()
