"""The ciphers: how bytes are encrypted with one key, and decrypted again only if nothing was changed.

What comes out is nonce, ciphertext and tag. Nonces are random, so one key is good for 2^32 payloads (NIST SP 800-38D).
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from starter.encryption.errors import CipherUnavailableError, PayloadTamperedError
from starter.encryption.key_ring import CipherName, PayloadKey

NONCE_BYTES = 12
TAG_BYTES = 16


class Aead(Protocol):
    """A cipher with its key; `bound` is not encrypted, but cannot be changed either."""

    def encrypt(self, nonce: bytes, data: bytes, bound: bytes, /) -> bytes:
        """Give ciphertext and tag."""

    def decrypt(self, nonce: bytes, data: bytes, bound: bytes, /) -> bytes:
        """Give what was encrypted; raises cryptography's InvalidTag."""


class Sm4Gcm:
    """SM4 in Galois/Counter Mode, for which cryptography has no class of its own."""

    def __init__(self, key: bytes) -> None:
        """Keep the key; raises UnsupportedAlgorithm where OpenSSL lacks the cipher."""
        self._cipher = SM4(key)
        Cipher(self._cipher, GCM(bytes(NONCE_BYTES))).encryptor()

    def encrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        """Give ciphertext and tag."""
        work = Cipher(self._cipher, GCM(nonce)).encryptor()
        work.authenticate_additional_data(bound)
        return work.update(data) + work.finalize() + work.tag

    def decrypt(self, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        """Give what was encrypted; raises InvalidTag."""
        if len(data) < TAG_BYTES:
            raise InvalidTag
        work = Cipher(self._cipher, GCM(nonce, data[-TAG_BYTES:])).decryptor()
        work.authenticate_additional_data(bound)
        return work.update(data[:-TAG_BYTES]) + work.finalize()


Makers = Mapping[CipherName, Callable[[bytes], Aead]]
_MAKERS: Makers = {CipherName.AES_256_GCM: AESGCM, CipherName.SM4_GCM: Sm4Gcm}


class CipherKey:
    """One key of the ring, ready for use."""

    def __init__(self, key: PayloadKey, makers: Makers = _MAKERS) -> None:
        """Prepare the cipher; raises CipherUnavailableError."""
        self.key_id = key.id
        try:
            self._aead: Aead = makers[key.cipher](key.key)
        except UnsupportedAlgorithm:
            lacking = f"OpenSSL, as Python's cryptography was built with it here, has no {key.cipher}"
            raise CipherUnavailableError(f"the payload key {key.id}", f"{lacking}: use a build that has") from None

    def encrypt(self, data: bytes, bound: bytes) -> bytes:
        """Encrypt under a fresh nonce."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, data, bound)

    def decrypt(self, closed: bytes, bound: bytes) -> bytes:
        """Decrypt; raises PayloadTamperedError where anything differs from what was encrypted."""
        try:
            return self._aead.decrypt(closed[:NONCE_BYTES], closed[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise PayloadTamperedError(self.key_id) from None
